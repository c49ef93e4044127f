package datafile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// stdinName is what messages call standard input.
const stdinName = "stdin"

// openPath opens a file or a named pipe.
func openPath(ctx context.Context, path string) (source, error) {
	file, err := openFile(ctx, path)
	if err != nil {
		return source{}, explainPath(path, err)
	}
	src, err := fileSource(ctx, file, path)
	if err != nil {
		return source{}, errors.Join(err, file.Close())
	}
	src.close = file.Close
	return src, nil
}

// openFile opens a file. A named pipe is there only once somebody writes to it:
// waiting for that stops with the context.
func openFile(ctx context.Context, path string) (*os.File, error) {
	if info, err := os.Stat(path); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
		return os.Open(path) //nolint:gosec // the user names the file
	}
	type opened struct {
		file *os.File
		err  error
	}
	done := make(chan opened, 1)
	go func() {
		file, err := os.Open(path) //nolint:gosec // the user names the file
		done <- opened{file, err}
	}()
	select {
	case o := <-done:
		return o.file, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// openStdin reads standard input, which is left open.
func openStdin(ctx context.Context) (source, error) {
	src, err := fileSource(ctx, os.Stdin, stdinName)
	if err != nil {
		return source{}, err
	}
	src.close = func() error { return nil }
	return src, nil
}

// fileSource describes an open file.
func fileSource(ctx context.Context, file *os.File, name string) (source, error) {
	info, err := file.Stat()
	if err != nil {
		return source{}, explainPath(name, err)
	}
	switch {
	case info.IsDir():
		return source{}, fmt.Errorf("%s is a directory: name the files in it, as %s", name, filepath.Join(name, "*.jsonl"))
	case !info.Mode().IsRegular():
		return source{name: name, r: interruptible(ctx, file), unchanged: func() error { return nil }}, nil
	}
	return source{
		name: name, r: file, size: info.Size(),
		unchanged: func() error { return unchanged(file, name, info) },
	}, nil
}

// unchanged compares a file with what it was. A path may stand for another file
// by now, which is a change too.
func unchanged(file *os.File, name string, before fs.FileInfo) error {
	after, err := file.Stat()
	if err == nil && file != os.Stdin {
		after, err = os.Stat(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %w: it is gone; check again once it is there for good", name, ErrChanged)
	}
	if err != nil {
		return explainPath(name, err)
	}
	if !os.SameFile(before, after) || before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) {
		return fmt.Errorf("%s %w: check again when nothing writes to it any more", name, ErrChanged)
	}
	return nil
}

// interruptible reads from what may never give another byte, such as a terminal
// or a pipe, and stops with the context. A read under way is left behind: it
// ends with the program.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	context.AfterFunc(ctx, func() { in.CloseWithError(context.Cause(ctx)) })
	go func() {
		// The struct hides the file's own, smaller way of copying.
		_, err := io.CopyBuffer(in, struct{ io.Reader }{r}, make([]byte, bufferBytes))
		in.CloseWithError(err)
	}()
	return out
}

// explainPath says what to do about a file that cannot be opened.
func explainPath(path string, err error) error {
	var detail *fs.PathError
	if errors.As(err, &detail) {
		err = detail.Err // without the path, which is told
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s does not exist: check the path: %w", path, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read by this user: have its permissions changed: %w", path, err)
	}
	return fmt.Errorf("opening %s: %w", path, err)
}
