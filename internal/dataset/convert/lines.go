package convert

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// blockBytes is how much is read and written at once.
const blockBytes = 256 << 10

// lineReader cuts a stream into lines, in memory bounded by the longest line
// allowed.
type lineReader struct {
	r   *bufio.Reader
	max int
	// spill holds a line that is longer than a block.
	spill []byte
	// line is the current line without its line feed, valid until next.
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
	if err != nil && err != io.EOF { //nolint:errorlint // an error that wraps io.EOF is no end
		l.err = fmt.Errorf("reading the data set after line %d: %w", l.number, err)
		return false
	}
	if len(chunk) == 0 {
		return false
	}
	l.number++
	l.line = bytes.TrimSuffix(chunk, []byte("\n"))
	l.tooLong = len(l.line) > l.max
	return true
}

// long collects the rest of a line that fills the first block; what goes beyond
// the longest line allowed is read and dropped.
func (l *lineReader) long(first []byte) ([]byte, error) {
	l.spill = append(l.spill[:0], first...)
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
