//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// process is the command line as a process, in a folder.
func process(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := exec.CommandContext(t.Context(), self, args...)
	p.Dir, p.Env = dir, append(os.Environ(), asCommand+"=1")
	return p
}

// exitOf waits for a process and returns its exit code.
func exitOf(t *testing.T, p *exec.Cmd) int {
	t.Helper()
	var ended *exec.ExitError
	if err := p.Wait(); err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return p.ProcessState.ExitCode()
}

// TestUnread: behind "head", a command ends without a word, and leaves no file
// that it began.
func TestUnread(t *testing.T) {
	for name, args := range map[string][]string{
		"convert": {"convert", "a.jsonl", "--to", conversation, "--rejects", "r.jsonl", "--report", "losses.jsonl"},
		"fix":     {"fix", "a.jsonl", "-o", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			rows := pairs(50_000) // more than a pipe holds
			path := written(t, "a.jsonl", rows)
			p := process(t, filepath.Dir(path), args...)
			var stderr bytes.Buffer
			p.Stderr = &stderr
			stdout, err := p.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(stdout, make([]byte, 1)); err != nil {
				t.Error(err)
			}
			if err := stdout.Close(); err != nil {
				t.Error(err)
			}
			if exit := exitOf(t, p); exit != exitUnread || stderr.Len() > 0 {
				t.Errorf("exit %d, want %d; said %q", exit, exitUnread, &stderr)
			}
			wantFiles(t, path, map[string]string{"a.jsonl": rows})
		})
	}
}
