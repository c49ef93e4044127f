//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/present"
)

// process is the command line as a process, in a folder.
func process(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := exec.CommandContext(t.Context(), self, args...) //nolint:gosec // this test's own binary
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

// TestInterrupted: who stops a command is told so, and finds no file.
func TestInterrupted(t *testing.T) {
	for name, args := range map[string][]string{
		"convert": {"convert", "-", "--to", conversation, "--rejects", "r.jsonl"},
		"fix":     {"fix", "-", "-o", "-", "--rejects", "r.jsonl"},
	} {
		t.Run(name, func(t *testing.T) {
			path := written(t, "a.jsonl", "")
			p := process(t, filepath.Dir(path), args...)
			var stderr bytes.Buffer
			p.Stderr = &stderr
			stdin, err := p.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := p.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
			rows := make(chan error, 1)
			go func() {
				_, err := io.WriteString(stdin, pairs(20_000)) // and never the end
				rows <- err
			}()
			if _, err := io.ReadFull(stdout, make([]byte, 1)); err != nil {
				t.Error(err)
			}
			if err := p.Process.Signal(syscall.SIGINT); err != nil {
				t.Error(err)
			}
			if _, err := io.Copy(io.Discard, stdout); err != nil {
				t.Error(err)
			}
			if exit := exitOf(t, p); exit != exitError || !strings.HasPrefix(stderr.String(), "tuneline: interrupted, no file is written: ") {
				t.Errorf("exit %d, want %d; said %q", exit, exitError, &stderr)
			}
			if err := <-rows; err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, os.ErrClosed) {
				t.Error(err) // and not that nobody takes the rest
			}
			wantFiles(t, path, map[string]string{"a.jsonl": ""})
		})
	}
}

// TestSplitInterrupted: the same of a split, however far it is.
func TestSplitInterrupted(t *testing.T) {
	path := written(t, "a.jsonl", splitRows(200))
	spool := emptyTemp(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, input := range []string{path, namedPipe(t, filepath.Dir(path))} {
		s := splitting{o: splitOptions{validation: "10%", by: "prompt", trainOut: path + ".t", validationOut: path + ".v"}, input: input, stdout: io.Discard, stderr: io.Discard}
		if err := s.run(ctx); !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "interrupted, no file is written: ") {
			t.Errorf("%s: %v", input, err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 2 {
		t.Errorf("got %v, %v; want the data set and the pipe", left, err)
	}
	spool()
}

// TestInterruptedOpening: what ends the waiting for a pipe's writer is called an
// interruption as well.
func TestInterruptedOpening(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	pipe := namedPipe(t, t.TempDir())
	f := fixing{o: fixOptions{target: targetFlags{format: auto, role: string(dataset.RoleTraining)}, maxActions: 1, rejects: pipe + ".r"}, input: pipe, stdout: io.Discard, stderr: io.Discard}
	c := conversion{o: convertOptions{to: conversation, from: auto, output: pipe + ".o"}, input: pipe, stdout: io.Discard, stderr: io.Discard}
	for command, tt := range map[string]struct {
		err  error
		said string
	}{
		"fix":     {f.run(ctx), "interrupted, no file is written: "},
		"convert": {c.run(ctx), "interrupted, no file is written: "},
		"check":   {(&checks{}).check(ctx, &present.File{}, pipe, dataset.RoleTraining), "interrupted after 0 records: "},
	} {
		if !errors.Is(tt.err, context.Canceled) || !strings.HasPrefix(tt.err.Error(), tt.said) {
			t.Errorf("%s: %v", command, tt.err)
		}
	}
}

// emptyTemp gives the test a folder for temporary files; what it returns ensures
// that there are none.
func emptyTemp(t *testing.T) func() {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return func() {
		t.Helper()
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("temporary files are left: %v, %v", left, err)
		}
	}
}

// namedPipe makes a pipe in a folder, such as a shell gives for <(command).
func namedPipe(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNamedPipe: what can be read once is split, though that reads it twice, and
// gives no names to files.
func TestNamedPipe(t *testing.T) {
	dir, spool := t.TempDir(), emptyTemp(t)
	pipe, training, validation := namedPipe(t, dir), filepath.Join(dir, "t"), filepath.Join(dir, "v")
	rows := make(chan error, 1)
	go func() { rows <- os.WriteFile(pipe, []byte(splitRows(200)), 0o600) }()
	exit, _, stderr := command(t, "split", pipe, "--validation", "20", "--train-out", training, "--validation-out", validation)
	if exit != exitOK {
		t.Fatal(stderr)
	}
	if err := <-rows; err != nil {
		t.Error(err)
	}
	spool()
	if n, m := strings.Count(content(t, training), "\n"), strings.Count(content(t, validation), "\n"); n != 180 || m != 20 {
		t.Errorf("got %d and %d records, want 180 and 20", n, m)
	}
	for want, args := range map[string][]string{
		"--train-out": {"split", pipe, "--validation", "20"},
		"--rejects":   {"fix", pipe},
	} {
		if exit, _, stderr := command(t, args...); exit != exitError || !strings.Contains(stderr, "has no name: say with "+want) {
			t.Errorf("%v: exit %d, said %q", args, exit, stderr)
		}
	}
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
