package generate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Statistics describe the bytes of a data set as far as they decide how fast it
// can be checked.
type Statistics struct {
	Records int64
	Bytes   int64
	// NonASCII and Backslashes count bytes.
	NonASCII    int64
	Backslashes int64
	// Plain counts the bytes that stand for themselves in a string of ASCII, and
	// Runs how many uninterrupted runs of them there are.
	Plain, Runs int64
}

// Measure reads a data set to its end.
func Measure(r io.Reader) (Statistics, error) {
	var s Statistics
	in := bufio.NewReaderSize(r, 1<<20)
	var inRun bool
	for {
		c, err := in.ReadByte()
		if errors.Is(err, io.EOF) {
			return s, nil
		}
		if err != nil {
			return Statistics{}, fmt.Errorf("measuring a data set after %d bytes: %w", s.Bytes, err)
		}
		inRun = s.count(c, inRun)
	}
}

// count adds one byte and says whether it belongs to a run.
func (s *Statistics) count(c byte, inRun bool) bool {
	s.Bytes++
	switch {
	case c == '\n':
		s.Records++
	case c >= 0x80:
		s.NonASCII++
	case c == '\\':
		s.Backslashes++
	case c != '"' && c >= ' ':
		s.Plain++
		if !inRun {
			s.Runs++
		}
		return true
	}
	return false
}

// AverageBytes is the mean length of a record with its line break.
func (s Statistics) AverageBytes() float64 { return ratio(s.Bytes, s.Records) }

// NonASCIIShare is the share of bytes beyond ASCII, from 0 to 1.
func (s Statistics) NonASCIIShare() float64 { return ratio(s.NonASCII, s.Bytes) }

// BackslashShare is the share of backslashes among the bytes, from 0 to 1.
func (s Statistics) BackslashShare() float64 { return ratio(s.Backslashes, s.Bytes) }

// MeanRun is the mean length in bytes of a run of plain ASCII.
func (s Statistics) MeanRun() float64 { return ratio(s.Plain, s.Runs) }

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
