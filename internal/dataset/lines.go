package dataset

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// blockBytes is how much is read at once; larger blocks measured no faster.
const blockBytes = 256 << 10

// source hashes and counts what is read, and ends with the context.
type source struct {
	// ctx lives as long as one Check.
	ctx   context.Context
	r     io.Reader
	hash  hash.Hash
	bytes int64
}

func newSource(ctx context.Context, r io.Reader) *source {
	return &source{ctx: ctx, r: r, hash: sha256.New()}
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p)
	s.hash.Write(p[:n]) // a hash's Write returns no error
	s.bytes += int64(n)
	return n, err
}

// lineReader cuts a stream into lines, in memory bounded by the longest line
// allowed.
type lineReader struct {
	r   *bufio.Reader
	max int
	// spill holds a line that is longer than the reader's block.
	spill []byte
	// line is the current line without its line break, valid until next; of a
	// line that is too long it is the beginning.
	line    []byte
	tooLong bool
	// number is the current line's, 1-based.
	number int64
	err    error
}

func newLineReader(r io.Reader, longest int) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, blockBytes), max: longest}
}

// next moves to the next line; false at the end or at an error, which err has.
func (l *lineReader) next() bool {
	chunk, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		chunk, err = l.long(chunk)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = fmt.Errorf("reading the data set after line %d: %w", l.number, err)
		return false
	}
	if len(chunk) == 0 {
		return false
	}
	l.number++
	chunk = bytes.TrimSuffix(chunk, []byte("\n"))
	l.line = bytes.TrimSuffix(chunk, []byte("\r"))
	l.tooLong = len(l.line) > l.max
	return true
}

// long collects the rest of a line whose first chunk filled the block; what
// goes beyond the longest line allowed is read and dropped.
func (l *lineReader) long(chunk []byte) ([]byte, error) {
	l.spill = append(l.spill[:0], chunk...)
	for {
		chunk, err := l.r.ReadSlice('\n')
		if len(l.spill) <= l.max {
			l.spill = append(l.spill, chunk...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return l.spill, err
		}
	}
}
