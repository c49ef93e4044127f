package generate

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Repeat returns a stream that begins with head and repeats unit until it has
// size bytes, in constant memory: newlines only, one line without an end, or
// white space.
func Repeat(head, unit string, size int64) io.Reader {
	const block = 64 << 10
	units := bytes.Repeat([]byte(unit), max(1, block/len(unit)))
	return io.LimitReader(io.MultiReader(strings.NewReader(head), &loop{data: units}), size)
}

// loop reads the same bytes again and again.
type loop struct {
	data []byte
	at   int
}

// Read implements io.Reader and never ends.
func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.data[l.at:])
	l.at = (l.at + n) % len(l.data)
	return n, nil
}

// Nested returns one line in which opening is repeated depth times around inner,
// and closed as often by closing; with closing "" the line ends within the record.
func Nested(opening, inner, closing string, depth int) io.Reader {
	return io.MultiReader(
		times(opening, depth), strings.NewReader(inner), times(closing, depth), strings.NewReader("\n"),
	)
}

func times(unit string, n int) io.Reader {
	if unit == "" {
		return strings.NewReader("")
	}
	return Repeat("", unit, int64(n)*int64(len(unit)))
}

// Wide returns one line: an object with as many different keys.
func Wide(keys int) io.Reader {
	var line bytes.Buffer
	line.WriteByte('{')
	for i := range keys {
		if i > 0 {
			line.WriteByte(',')
		}
		fmt.Fprintf(&line, `"k%d":0`, i)
	}
	line.WriteString("}\n")
	return &line
}
