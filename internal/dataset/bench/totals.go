package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
)

// totals are what every candidate must count alike.
type totals struct {
	Records    int64 `json:"records"`
	Duplicates int64 `json:"duplicates"`
	Characters int64 `json:"characters"`
	// Errors is how many records are refused; of tuneline, how many errors it found.
	Errors int64 `json:"errors"`
}

// errRefused says that a line is JSON but not a record.
var errRefused = errors.New("refused")

// byLine runs the check of a Go library that knows records only: it cuts the
// lines and finds the duplicates. Size is the data set's, 0 when not known.
func byLine(r io.Reader, size int64, record func(line []byte) (characters int64, err error)) (totals, error) {
	var t totals
	lines := bufio.NewReaderSize(r, 1<<20)
	first, err := lines.Peek(64 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return t, fmt.Errorf("reading the data set: %w", err)
	}
	seen := newHashes(size / max(1, int64(len(first)/(1+bytes.Count(first, []byte("\n"))))))
	mark := maphash.MakeSeed()
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return t, fmt.Errorf("reading the data set after record %d: %w", t.Records, err)
		}
		if len(line) == 0 {
			return t, nil
		}
		line = bytes.TrimRight(line, " \t\r\n")
		if len(line) == 0 {
			t.Errors++
			continue
		}
		t.Records++
		if !seen.add(maphash.Bytes(mark, line)) {
			t.Duplicates++
		}
		characters, err := record(line)
		if err != nil {
			t.Errors++
			continue
		}
		t.Characters += characters
	}
}

// hashes is a set of hashes with open addressing; 0 is an empty slot.
type hashes struct {
	slots []uint64
	count int
}

func newHashes(expected int64) *hashes {
	slots := int64(1 << 12)
	for slots < 2*expected {
		slots *= 2
	}
	return &hashes{slots: make([]uint64, slots)}
}

// add says whether the hash is new.
func (s *hashes) add(hash uint64) bool {
	hash = max(hash, 1)
	mask := uint64(len(s.slots) - 1) //nolint:gosec // a length is not negative
	at := hash & mask
	for ; s.slots[at] != 0; at = (at + 1) & mask {
		if s.slots[at] == hash {
			return false
		}
	}
	s.slots[at] = hash
	if s.count++; s.count*4 > len(s.slots)*3 {
		s.grow()
	}
	return true
}

func (s *hashes) grow() {
	old := s.slots
	s.slots, s.count = make([]uint64, 2*len(old)), 0
	for _, hash := range old {
		if hash != 0 {
			s.add(hash)
		}
	}
}
