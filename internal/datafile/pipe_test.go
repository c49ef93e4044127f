//go:build unix

package datafile

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// namedPipe makes a pipe with a name.
func namedPipe(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNamedPipe ensures that a pipe with a name is waited for, and read to its end.
func TestNamedPipe(t *testing.T) {
	path := namedPipe(t)
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(path, []byte(text), 0o600) }()
	f := opened(t, path)
	if got, err := io.ReadAll(f); err != nil || string(got) != text || f.Size != 0 {
		t.Errorf("read %q of %d bytes, %v; want %q", got, f.Size, err, text)
	}
	checkNil(t, <-written)
	checkNil(t, f.Finish())
}

// TestNamedPipeInterrupted ensures that waiting for somebody to write to a pipe
// ends with the context.
func TestNamedPipeInterrupted(t *testing.T) {
	path := namedPipe(t)
	ctx, cancel := context.WithCancel(t.Context())
	opening := make(chan error, 1)
	go func() {
		_, err := Open(ctx, path)
		opening <- err
	}()
	cancel()
	checkError(t, <-opening, context.Canceled, path)
	// Whoever still waits in the system is let go.
	checkNil(t, os.WriteFile(path, nil, 0o600))
}
