package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"

	"github.com/tuneline/tuneline/internal/datafile"
	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/present"
)

// TestCheckQuiet ensures that nothing but findings is printed when that is asked for.
func TestCheckQuiet(t *testing.T) {
	inDir(t, map[string]string{"a.jsonl": pairs(200), "b.jsonl": `{"prompt":"a"}`})
	if exit, stdout, stderr := command(t, "check", "--quiet", "a.jsonl"); exit != exitOK || stdout+stderr != "" {
		t.Errorf("exit %d, %q, %q; want nothing", exit, stdout, stderr)
	}
	exit, stdout, stderr := command(t, "check", "--quiet", "a.jsonl", "b.jsonl")
	if exit != exitFindings || stderr != "" || strings.Count(stdout, "\n") != 1 || !strings.HasPrefix(stdout, "b.jsonl:1:1: error TL1101") {
		t.Errorf("exit %d, %q, %q; want one line", exit, stdout, stderr)
	}
	if exit, stdout, _ := command(t, "check", "--quiet", "none.jsonl"); exit != exitError || !strings.HasPrefix(stdout, "none.jsonl: not checked: ") {
		t.Errorf("exit %d, %q; want why it was not checked", exit, stdout)
	}
	inDir(t, map[string]string{"c.jsonl": strings.Repeat(`{"prompt":"a"}`+"\n", 9)})
	if _, stdout, _ := command(t, "check", "--quiet", "c.jsonl", "--format", "prompt-completion"); strings.Count(stdout, ": error TL1101") != 9 {
		t.Errorf("got\n%swant each of 9 errors", stdout)
	}
}

// findingOnLine2 is a folder with one file, whose second record lacks a key.
func findingOnLine2(t *testing.T) {
	t.Helper()
	inDir(t, map[string]string{"a.jsonl": pairs(1) + `{"prompt":"a"}`})
}

// TestCheckJSON ensures that a program reads one document, in which a file that
// could not be checked has a problem in place of a report.
func TestCheckJSON(t *testing.T) {
	findingOnLine2(t)
	for _, flags := range [][]string{{"--json"}, {"--output", "json"}, {"--output", "json", "--json"}} {
		exit, stdout, stderr := command(t, append([]string{"check", "a.jsonl", "b.jsonl"}, flags...)...)
		var got struct {
			Accepted bool
			Files    []struct {
				Name, Problem string
				Report        *dataset.Report
			}
		}
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || exit != exitError || !strings.Contains(stderr, "b.jsonl does not exist") {
			t.Fatalf("exit %d, %v, %q:\n%s", exit, err, stderr, stdout)
		}
		if got.Accepted || len(got.Files) != 2 || got.Files[0].Report == nil || got.Files[1].Problem == "" {
			t.Fatalf("got %+v, want a report and a problem", got)
		}
		found := got.Files[0].Report.Findings
		if len(found) != 1 || found[0].Line != 2 || found[0].Code != dataset.CodeMissingKey {
			t.Errorf("got the findings %+v", found)
		}
	}
}

// TestCheckDigest ensures that the digest is of the unpacked bytes, and there
// only when it is asked for.
func TestCheckDigest(t *testing.T) {
	inDir(t, map[string]string{"a.jsonl.gz": gzipped(t, pairs(1))})
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(pairs(1))))
	for _, output := range []string{outputHuman, outputJSON, outputSARIF} {
		if _, stdout, _ := command(t, "check", "a.jsonl.gz", "--output", output, "--digest"); !strings.Contains(stdout, sum) {
			t.Errorf("%s lacks %s:\n%s", output, sum, stdout)
		}
		if _, stdout, _ := command(t, "check", "a.jsonl.gz", "--output", output); strings.Contains(stdout, sum) {
			t.Errorf("%s has a digest:\n%s", output, stdout)
		}
	}
}

// TestCheckSARIF ensures that code scanning gets one log with the finding.
func TestCheckSARIF(t *testing.T) {
	findingOnLine2(t)
	exit, stdout, _ := command(t, "check", "a.jsonl", "--output", "sarif")
	var got struct {
		Version string
		Runs    []struct{ Results []struct{ RuleID string } }
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || exit != exitFindings {
		t.Fatalf("exit %d, %v:\n%s", exit, err, stdout)
	}
	if got.Version != "2.1.0" || len(got.Runs) != 1 || len(got.Runs[0].Results) != 1 || got.Runs[0].Results[0].RuleID != "TL1101" {
		t.Errorf("got %+v", got)
	}
}

// TestCheckGitHubName ensures that no file's name becomes a workflow command, on
// whichever stream it is told.
func TestCheckGitHubName(t *testing.T) {
	exit, stdout, stderr := command(t, "check", "none\n::stop-commands::x", "--output", "github")
	if exit != exitError || !strings.Contains(stderr, "does not exist") {
		t.Errorf("exit %d, said %q", exit, stderr)
	}
	if strings.Contains("\n"+stderr, "\n::") || strings.Contains(stdout, "\n::stop") {
		t.Errorf("a name is a command:\n%s%s", stdout, stderr)
	}
}

// TestCheckGitHub ensures that a workflow gets an annotation of the line.
func TestCheckGitHub(t *testing.T) {
	findingOnLine2(t)
	exit, stdout, _ := command(t, "check", "a.jsonl", "--output", "github")
	if exit != exitFindings || !strings.Contains(stdout, "::error file=a.jsonl,line=2,col=1,title=TL1101::") {
		t.Errorf("exit %d:\n%s", exit, stdout)
	}
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// TestCheckNotPrinted ensures that a report nobody can read is no success, in
// whatever form.
func TestCheckNotPrinted(t *testing.T) {
	inDir(t, map[string]string{"a.jsonl": pairs(200)})
	for _, output := range []string{outputHuman, outputJSON, outputSARIF, outputGitHub} {
		var stderr bytes.Buffer
		if exit := run([]string{"check", "a.jsonl", "--output", output}, fullDisk{}, &stderr); exit != exitError || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%s: exit %d, want %d; said %q", output, exit, exitError, &stderr)
		}
	}
}

// TestBarsPlain ensures that bars are drawn with what every font has: characters for
// private use are boxes to most people.
func TestBarsPlain(t *testing.T) {
	var out bytes.Buffer
	terminal := terminal{out: &out}
	for name, bar := range map[string]*progressbar.ProgressBar{"of a file": newBar(&out, 10), "of a rehearsal": terminal.newBar()} {
		out.Reset()
		bar.ChangeMax64(10)
		time.Sleep(barEvery) // it is not drawn more often
		if err := bar.Set64(5); err != nil {
			t.Fatal(err)
		}
		if special := func(r rune) bool { return unicode.Is(unicode.Co, r) }; !strings.Contains(out.String(), "50%") || strings.ContainsFunc(out.String(), special) {
			t.Errorf("the bar %s is %q", name, out.String())
		}
	}
}

// TestCheckProgress ensures that a bar shows bytes and records, and makes way
// for a finding.
func TestCheckProgress(t *testing.T) {
	inDir(t, map[string]string{"a.jsonl": pairs(200)})
	f, err := datafile.Open(t.Context(), "a.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	var out bytes.Buffer
	v := &checkView{human: present.NewHuman(&out, false), bars: &bars{w: &out}}
	p := v.begin(f)
	p.move(100)
	if out.Len() != 0 {
		t.Errorf("a quick check has the bar %q", out.String())
	}
	p.begun = time.Now().Add(-barAfter)
	p.move(150)
	if got := out.String(); !strings.Contains(got, "a.jsonl 150 records") || !strings.Contains(got, "kB") {
		t.Errorf("the bar is %q", got)
	}
	v.finding("a.jsonl", dataset.Finding{Code: dataset.CodeMissingKey, Severity: dataset.SeverityError, Line: 1, Column: 1, Message: "add it"})
	p.end()
	lines := strings.Split(out.String(), "\r")
	if last := lines[len(lines)-1]; !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "a.jsonl:1:1: error") }) || strings.TrimSpace(last) != "" {
		t.Errorf("the finding and the bar are %q", out.String())
	}
}
