package main

import (
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
)

// errUnread says that nobody reads standard output any more.
var errUnread = errors.New("nobody reads standard output any more")

// recordsTo is standard output for the records of a command that writes files,
// too. Writing to a pipe that nobody reads ends a process by SIGPIPE, and its
// unfinished files would stay: here the write fails instead, and they go.
func recordsTo(stdout io.Writer) io.Writer {
	signal.Ignore(syscall.SIGPIPE)
	return records{stdout}
}

type records struct{ io.Writer }

// Write implements io.Writer.
func (r records) Write(p []byte) (int, error) {
	n, err := r.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		err = fmt.Errorf("%w: %w", errUnread, err)
	}
	return n, err
}

// remembering keeps the first error of writing, for what is printed bit by bit.
type remembering struct {
	io.Writer
	err error
}

// Write implements io.Writer.
func (r *remembering) Write(p []byte) (int, error) {
	n, err := r.Writer.Write(p)
	if r.err == nil {
		r.err = err
	}
	return n, err
}
