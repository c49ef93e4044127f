package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// splitRows are n records.
func splitRows(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"prompt": "%d", "completion": "a"}`+"\n", i)
	}
	return text.String()
}

func TestSplit(t *testing.T) {
	path := written(t, "a.jsonl", splitRows(200))
	exit, stdout, stderr := command(t, "split", path, "--validation", "20", "--json", "--base-model", llamaModel)
	var got splitReport
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || exit != exitOK {
		t.Fatalf("exit %d, %v; stderr %s", exit, err, stderr)
	}
	if got.Training != 180 || got.Validation != 20 || got.Groups != 200 || len(got.Warnings) > 0 {
		t.Errorf("got %+v", got)
	}
	for name, want := range map[string]int{got.TrainingFile: 180, got.ValidationFile: 20} {
		text, err := os.ReadFile(name) //nolint:gosec // a file that the test made
		if err != nil || strings.Count(string(text), "\n") != want {
			t.Errorf("%s: %v, %d lines, want %d", name, err, strings.Count(string(text), "\n"), want)
		}
	}
}

// TestSplitNext: the command to go on with holds the two against the same base model
// and customization type, and names files as a shell takes them.
func TestSplitNext(t *testing.T) {
	path := written(t, "a.jsonl", conversations(200))
	t.Chdir(filepath.Dir(path))
	exit, _, stderr := command(t, "split", "a.jsonl", "--validation", "20", "--train-out", "it's t.jsonl", "--validation-out", "v.jsonl",
		"--base-model", "amazon.nova-micro-v1:0:128k", "--customization-type", "DISTILLATION")
	const want = `next: tuneline check 'it'\''s t.jsonl' --validation v.jsonl --base-model amazon.nova-micro-v1:0:128k --customization-type DISTILLATION`
	if exit != exitOK || !strings.HasSuffix(stderr, want+"\n") {
		t.Errorf("exit %d, stderr %s; want %s", exit, stderr, want)
	}
}

// TestSplitStdin: standard input is called so.
func TestSplitStdin(t *testing.T) {
	useStdin(t, splitRows(200))
	dir := t.TempDir()
	exit, stdout, stderr := command(t, "split", "-", "--validation", "20", "--json", "--train-out", filepath.Join(dir, "t"), "--validation-out", filepath.Join(dir, "v"))
	var got splitReport
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || exit != exitOK || got.File != "stdin" || got.Training != 180 {
		t.Errorf("exit %d, %v, got %+v; stderr %s", exit, err, got, stderr)
	}
}

// TestSplitProgress: each reading of the data set has a bar of its own, and leaves
// nothing behind.
func TestSplitProgress(t *testing.T) {
	var out bytes.Buffer
	s := splitting{input: written(t, "a.jsonl", splitRows(200))}
	open, done, err := s.source(t.Context(), &bars{w: &out})
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	for range 2 {
		out.Reset()
		file, err := open()
		if err != nil {
			t.Fatal(err)
		}
		in := file.(finishing)
		in.progress.begun = time.Now().Add(-barAfter)
		in.Reader = in.progress.reader(in.file)
		if _, err := io.Copy(io.Discard, in); err != nil {
			t.Fatal(err)
		}
		if err := in.Close(); err != nil {
			t.Fatal(err)
		}
		shown := strings.Split(out.String(), "\r")
		if !strings.Contains(out.String(), "a.jsonl") || strings.TrimSpace(shown[len(shown)-1]) != "" {
			t.Errorf("the bar is %q", out.String())
		}
	}
}

// TestSplitRefuses: both files are written, or none.
func TestSplitRefuses(t *testing.T) {
	tests := []struct {
		name, in string
		flags    []string
		want     string
	}{
		{"no amount", splitRows(9), nil, "say with --validation"},
		{"bad amount", splitRows(9), []string{"--validation", "200%"}, "less than 100%"},
		{"bad way", splitRows(9), []string{"--validation", "2", "--by", "hand"}, "use one of [prompt normalized exact]"},
		{"a bad line", splitRows(9) + fixTorn, []string{"--validation", "2"}, "line 10: this is no record of a data set: have it repaired with tuneline fix"},
		{"too few for the base model", splitRows(9), []string{"--validation", "2", "--base-model", llamaModel}, "9 records in all, the base model takes 100 at least"},
		{"too many for the base model", splitRows(10001), []string{"--validation", "1500", "--base-model", llamaModel}, "10001 records in all, the base model takes 10000 at most"},
		{"a file that is there", splitRows(9), []string{"--validation", "2", "--validation-out", "old"}, "old is there already"},
		{"the input", splitRows(9), []string{"--validation", "2", "--train-out", "a.jsonl", "--force"}, "a.jsonl is the file that is read"},
		{"one file for both", splitRows(9), []string{"--validation", "2", "--train-out", "x", "--validation-out", "./x"}, "written twice"},
		{"standard output", splitRows(9), []string{"--validation", "2", "--train-out", "-"}, "a split writes two files"},
		{"no file", "", []string{"--validation", "2", "--customization-type", "FINE_TUNING"}, "name it with --base-model"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := written(t, "a.jsonl", tt.in)
			t.Chdir(filepath.Dir(path))
			if err := os.WriteFile("old", []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			exit, _, stderr := command(t, append([]string{"split", "a.jsonl"}, tt.flags...)...)
			if exit != exitError || !strings.Contains(stderr, tt.want) {
				t.Errorf("exit %d, stderr %s; want %s", exit, stderr, tt.want)
			}
			wantFiles(t, path, map[string]string{"a.jsonl": tt.in, "old": "old"})
		})
	}
}
