package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutputsAllOrNone: when one file cannot get its name, what was there before
// is there again.
func TestOutputsAllOrNone(t *testing.T) {
	for _, broken := range []string{"", "new", "old"} {
		t.Run("broken "+broken, func(t *testing.T) {
			dir := t.TempDir()
			old, fresh := filepath.Join(dir, "old"), filepath.Join(dir, "new")
			err := os.WriteFile(old, []byte("before"), 0o600)
			if err := errors.Join(err, os.Chmod(old, 0o666)); err != nil { //nolint:gosec // the mode is what is tested: more than an umask leaves
				t.Fatal(err)
			}
			files := outputs{force: true}
			want := map[string]string{"old": "after", "new": "after"}
			for _, name := range []string{old, fresh} {
				f, err := files.create(name, "")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := f.WriteString("after"); err != nil {
					t.Fatal(err)
				}
				if filepath.Base(name) == broken {
					// Somebody removes the file before it gets its name.
					if err := os.Remove(f.temp.Name()); err != nil {
						t.Fatal(err)
					}
					want = map[string]string{"old": "before"}
				}
			}
			if err := files.keep(); (err != nil) != (broken != "") {
				t.Errorf("got %v", err)
			}
			files.discard()
			wantFiles(t, old, want)
			if info, err := os.Stat(old); err != nil || info.Mode().Perm() != 0o666 {
				t.Errorf("got %v, %v; want the mode to stay", info, err)
			}
		})
	}
}

// TestOutputsMeanwhile: a file that somebody else made since is not written over.
func TestOutputsMeanwhile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	var files outputs
	if _, err := files.create(name, ""); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := files.keep(); err == nil || !strings.Contains(err.Error(), "choose another name") {
		t.Errorf("got %v", err)
	}
	files.discard()
	wantFiles(t, name, map[string]string{"a": "theirs"})
}

func TestDerivedName(t *testing.T) {
	for name, want := range map[string]string{
		"a.jsonl":                       "a.x",
		"data/a.json":                   "data/a.x",
		"a.jsonl.gz":                    "a.x",
		"a.txt.zst":                     "a.x",
		"a":                             "a.x",
		"s3://b/c/d.jsonl?versionId=17": "d.x",
	} {
		if got := derivedName(name, ".x"); got != want {
			t.Errorf("%s became %s, want %s", name, got, want)
		}
	}
}

// TestOutputsDash: "-" is standard output everywhere, and no file is ever called so.
func TestOutputsDash(t *testing.T) {
	t.Chdir(t.TempDir())
	var files outputs
	if _, err := files.create(standardIO, ""); err == nil || !strings.HasSuffix(err.Error(), ": name a file") {
		t.Errorf("got %v", err)
	}
	files.discard()
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("got %v, %v; want nothing made", left, err)
	}
}
