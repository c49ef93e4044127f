package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset/repair"
)

const (
	fixGood    = `{"prompt": "a", "completion": "b"}` + "\n"
	fixOther   = `{"prompt": "c", "completion": "d"}` + "\n"
	fixTorn    = `{"prompt": "torn` + "\n"
	llamaModel = "meta.llama3-1-8b-instruct-v1:0:128k"
)

// written makes a file of this name in a directory of its own.
func written(t *testing.T, name, text string) string {
	t.Helper()
	return writtenIn(t, t.TempDir(), name, text)
}

func writtenIn(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil { //nolint:gosec // the mode is what is tested
		t.Fatal(err)
	}
	return path
}

// wantFiles: beside this file there are these, by name, and no others.
func wantFiles(t *testing.T, path string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		got, err := os.ReadFile(filepath.Join(filepath.Dir(path), entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if text, ok := want[entry.Name()]; !ok || text != string(got) {
			t.Errorf("%s has %q, want %q (and to be there: %v)", entry.Name(), got, text, ok)
		}
		delete(want, entry.Name())
	}
	for name := range want {
		t.Errorf("%s is not there", name)
	}
}

func TestFix(t *testing.T) {
	const dirty = "\xEF\xBB\xBF" + fixGood + "\n" + fixGood + fixOther
	tests := []struct {
		name, file, in string
		flags          []string
		exit           int
		want           map[string]string
	}{
		{"beside it", "a.jsonl", dirty, nil, exitOK, map[string]string{"a.jsonl": dirty, "a.fixed.jsonl": fixGood + fixOther}},
		{"with rejects", "a.jsonl", fixGood + fixTorn, nil, exitFindings, map[string]string{"a.jsonl": fixGood + fixTorn, "a.fixed.jsonl": fixGood, "a.fixed.rejects.jsonl": fixTorn}},
		{"too few records", "a.jsonl", fixGood, []string{"--base-model", llamaModel}, exitFindings, map[string]string{"a.jsonl": fixGood, "a.fixed.jsonl": fixGood}},
		{"an array", "a.json", "[" + strings.TrimSpace(fixGood) + "]", nil, exitOK, map[string]string{"a.json": "[" + strings.TrimSpace(fixGood) + "]", "a.fixed.jsonl": fixGood}},
		{"in place", "a.jsonl", dirty, []string{"--in-place"}, exitOK, map[string]string{"a.jsonl": fixGood + fixOther, "a.jsonl.bak": dirty}},
		{"in place with rejects", "a.jsonl", fixGood + fixTorn, []string{"--in-place"}, exitFindings, map[string]string{"a.jsonl": fixGood, "a.jsonl.bak": fixGood + fixTorn, "a.rejects.jsonl": fixTorn}},
		{"dry run", "a.jsonl", dirty, []string{"--dry-run"}, exitOK, map[string]string{"a.jsonl": dirty}},
		{"dry run in place", "a.jsonl", dirty, []string{"--dry-run", "--in-place"}, exitOK, map[string]string{"a.jsonl": dirty}},
		{"dry run with rejects", "a.jsonl", fixTorn, []string{"--dry-run"}, exitFindings, map[string]string{"a.jsonl": fixTorn}},
		{"keep duplicates", "a.jsonl", fixGood + fixGood, []string{"--keep-duplicates"}, exitOK, map[string]string{"a.jsonl": fixGood + fixGood, "a.fixed.jsonl": fixGood + fixGood}},
		{"wrong format", "a.jsonl", dirty, []string{"--base-model", llamaModel, "--format", "bedrock-conversation-2024"}, exitError, map[string]string{"a.jsonl": dirty}},
		{"wrong role", "a.jsonl", dirty, []string{"--role", "test"}, exitError, map[string]string{"a.jsonl": dirty}},
		{"wrong encoding", "a.jsonl", dirty, []string{"--from-encoding", "utf-7"}, exitError, map[string]string{"a.jsonl": dirty}},
		{"contradiction", "a.jsonl", dirty, []string{"--in-place", "-o", "b.jsonl"}, exitError, map[string]string{"a.jsonl": dirty}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := written(t, tt.file, tt.in)
			exit, stdout, stderr := command(t, append([]string{"fix", path}, tt.flags...)...)
			if exit != tt.exit || stdout != "" || stderr == "" {
				t.Errorf("exit %d, want %d; stdout %q, stderr:\n%s", exit, tt.exit, stdout, stderr)
			}
			wantFiles(t, path, tt.want)
		})
	}
}

// TestFixRefusesToOverwrite: nothing is written over without --force, and the
// file that is read, and a backup, never are.
func TestFixRefusesToOverwrite(t *testing.T) {
	tests := []struct {
		name, other string
		flags       []string
		exit        int
		want        map[string]string
	}{
		{"copy", "a.fixed.jsonl", nil, exitError, map[string]string{"a.jsonl": fixTorn + fixGood, "a.fixed.jsonl": "old"}},
		{"copy, forced", "a.fixed.jsonl", []string{"--force"}, exitFindings, map[string]string{"a.jsonl": fixTorn + fixGood, "a.fixed.jsonl": fixGood, "a.fixed.rejects.jsonl": fixTorn}},
		{"rejects", "a.fixed.rejects.jsonl", nil, exitError, map[string]string{"a.jsonl": fixTorn + fixGood, "a.fixed.rejects.jsonl": "old"}},
		{"backup", "a.jsonl.bak", []string{"--in-place", "--force"}, exitError, map[string]string{"a.jsonl": fixTorn + fixGood, "a.jsonl.bak": "old"}},
		{"input", "b", []string{"--force", "-o", "a.jsonl"}, exitError, map[string]string{"a.jsonl": fixTorn + fixGood, "b": "old"}},
		{"rejects on the input", "b", []string{"--force", "--rejects", "a.jsonl"}, exitError, map[string]string{"a.jsonl": fixTorn + fixGood, "b": "old"}},
		{"rejects on the copy", "b", []string{"--force", "-o", "c", "--rejects", "./c"}, exitError, map[string]string{"a.jsonl": fixTorn + fixGood, "b": "old"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := written(t, "a.jsonl", fixTorn+fixGood)
			t.Chdir(filepath.Dir(path))
			if err := os.WriteFile(tt.other, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			exit, _, stderr := command(t, append([]string{"fix", "a.jsonl"}, tt.flags...)...)
			if exit != tt.exit || exit == exitError && !strings.Contains(stderr, "choose another name") && !strings.Contains(stderr, "move it away") {
				t.Errorf("exit %d, want %d; stderr:\n%s", exit, tt.exit, stderr)
			}
			wantFiles(t, path, tt.want)
		})
	}
}

// TestFixJSON: one document, with every action, on the stream the copy does not
// go to.
func TestFixJSON(t *testing.T) {
	path := written(t, "a.jsonl", fixGood+"\n"+fixTorn)
	for _, flags := range [][]string{{"--json"}, {"--json", "-o", "-", "--force"}} {
		exit, stdout, stderr := command(t, append([]string{"fix", path}, flags...)...)
		document := stdout
		if slices.Contains(flags, "-o") {
			document = stderr
			if stdout != fixGood {
				t.Errorf("got copy %q", stdout)
			}
		}
		var got fixReport
		if err := json.Unmarshal([]byte(document), &got); err != nil {
			t.Fatalf("decoding %q: %v", document, err)
		}
		want := []repair.Action{{Line: 2, What: repair.BlankLineRemoved, Code: "TL1007"}, {Line: 3, What: repair.Rejected, Code: "TL1010"}}
		if exit != exitFindings || got.Clean || got.Rejected != 1 || !slices.Equal(got.Actions, want) || !got.Report.Accepted {
			t.Errorf("exit %d, got %+v", exit, got)
		}
	}
}

// TestFixPrintsNoData: neither what is told nor what fails repeats a row.
func TestFixPrintsNoData(t *testing.T) {
	path := written(t, "a.jsonl", `{"prompt": "hunter2", "completion": ""}`+"\n"+fixGood+"hunter2\n")
	for _, flags := range [][]string{nil, {"--json", "--force"}} {
		if _, stdout, stderr := command(t, append([]string{"fix", path}, flags...)...); strings.Contains(stdout+stderr, "hunter2") {
			t.Errorf("got\n%s%s", stdout, stderr)
		}
	}
}

// TestFixThenFix: the copy of a copy is the copy, and nothing was done.
func TestFixThenFix(t *testing.T) {
	path := written(t, "a.jsonl", "[\n"+fixGood+","+fixOther+"]")
	if exit, _, stderr := command(t, "fix", path); exit != exitOK {
		t.Fatal(stderr)
	}
	exit, stdout, _ := command(t, "fix", strings.Replace(path, "a.jsonl", "a.fixed.jsonl", 1), "--json")
	var got fixReport
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || exit != exitOK || len(got.Actions) > 0 || got.Written != 2 {
		t.Errorf("exit %d, %v, got %+v", exit, err, got)
	}
}
