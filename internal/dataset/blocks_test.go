package dataset

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestPaddingIsClear: after the lines of a block stand zeros, which the fast
// tier stops at, whatever the block held before and however its last line ends.
func TestPaddingIsClear(t *testing.T) {
	const longest = 1000
	lines := strings.Repeat("x\n", blockBytes)
	tooLong, tooLongToRead := strings.Repeat("y", 2*longest), strings.Repeat("y", 2*blockBytes)
	tests := []struct {
		name, end string
		cut       bool
	}{
		{"no line more", "", false},
		{"a line", "z\n", false},
		{"a line without a line break", "z", false},
		{"a line too long to be read at once", tooLongToRead + "\n", true},
		{"a line too long without a line break", tooLong, true},
		{"a line too long to be read at once, and another", tooLongToRead + "\nz", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := lines + tt.end
			r := newBlockReader(t.Context(), strings.NewReader(data), Options{MaxLineBytes: longest})
			var b block
			var cut bool
			for r.next(&b) {
				cut = b.cut
				if padding := b.buf[b.size : b.size+window]; !bytes.Equal(padding, make([]byte, window)) {
					t.Errorf("block %d of %d bytes: got the padding %q, want zeros", b.number, b.size, padding)
				}
			}
			if r.err != nil || r.bytes != int64(len(data)) || cut != tt.cut {
				t.Errorf("read %d bytes of %d, %v, the last line cut %v; want %v", r.bytes, len(data), r.err, cut, tt.cut)
			}
		})
	}
}

// TestLongLineThatFails: no block is given for a line that is too long and that
// an error ends, and its beginning when there is more than that to report on.
func TestLongLineThatFails(t *testing.T) {
	lost := errors.New("connection lost")
	long := strings.Repeat("y", 2*blockBytes)
	for text, want := range map[string]int{long: 0, long + "\n": 1} {
		r := newBlockReader(t.Context(), io.MultiReader(strings.NewReader(text), iotest.ErrReader(lost)), Options{MaxLineBytes: 1000})
		var b block
		blocks := 0
		for r.next(&b) {
			blocks++
		}
		if blocks != want || !errors.Is(r.err, lost) {
			t.Errorf("%d bytes: got %d blocks and %v, want %d and %v", len(text), blocks, r.err, want, lost)
		}
	}
}
