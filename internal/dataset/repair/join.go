package repair

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/tuneline/tuneline/internal/dataset"
)

// How many lines a record may be put together from. The lower bound holds once
// the framer is hasty.
const (
	maxJoined      = 10000
	maxJoinedHasty = 100
)

// pieceBytes is how much a joiner reads of a long line at once: a record that
// ends soon must not cost the whole line.
const pieceBytes = 1 << 10

var errTooLong = errors.New("the record is longer than what is held in memory")

// joiner reads ahead in the window, line by line, only as far as is asked for,
// and escapes control characters that stand raw in strings. A raw line break in
// a string becomes \n: the character that the file has there.
type joiner struct {
	w   *window
	max int
	// most is how many lines are read.
	most int
	// read is how much of the unread part of the window was read; text is what
	// became of it, given how much of that was handed out.
	read  int
	text  []byte
	given int
	lines int
	esc   escaper
}

// Read implements io.Reader.
func (j *joiner) Read(p []byte) (int, error) {
	if j.given == len(j.text) {
		if err := j.line(); err != nil {
			return 0, err
		}
	}
	n := copy(p, j.text[j.given:])
	j.given += n
	return n, nil
}

// line reads one more line, or a piece of a long one.
func (j *joiner) line() error {
	if j.read > j.max || j.lines >= j.most {
		return errTooLong
	}
	unread := j.w.peek(j.read + 1)
	if j.read >= len(unread) {
		if err := j.w.failed(); err != nil {
			return err
		}
		return io.EOF
	}
	for at, end := j.read, min(len(unread), j.read+pieceBytes); at < end; at++ {
		j.text = j.esc.append(j.text, unread[at])
		j.read++
		if unread[at] == '\n' {
			j.lines++
			break
		}
	}
	return nil
}

// rawLength is how much of the window the first n bytes of text were made from.
func (j *joiner) rawLength(n int) int {
	var esc escaper
	var text []byte
	unread := j.w.peek(j.read)
	at := 0
	for ; at < j.read && len(text) < n; at++ {
		text = esc.append(text, unread[at])
	}
	return at
}

// escaper writes control characters in JSON strings as escapes.
type escaper struct {
	inString, backslash, carriage bool
	// escaped counts what was written otherwise.
	escaped int
}

// append adds one byte of JSON to the text. A carriage return in a string waits
// for the next byte: with a line feed it is one line break.
func (e *escaper) append(text []byte, c byte) []byte {
	if e.carriage {
		e.carriage = false
		if c != '\n' {
			text = append(text, `\r`...)
		}
	}
	switch {
	case !e.inString:
		e.inString = c == '"'
		return append(text, c)
	case e.backslash:
		e.backslash = false
		return append(text, c)
	case c >= 0x20:
		e.backslash = c == '\\'
		e.inString = c != '"'
		return append(text, c)
	}
	e.escaped++
	switch c {
	case '\n':
		return append(text, `\n`...)
	case '\t':
		return append(text, `\t`...)
	case '\r':
		e.carriage = true
		return text
	}
	return fmt.Appendf(text, `\u%04x`, c)
}

// join reads a record that takes several lines or has raw control characters in
// its strings; n is its length in the window.
func (f *framer) join() (found frame, n int, err error) {
	j := joiner{w: f.w, max: f.max, most: maxJoined}
	if f.hasty() {
		j.most = maxJoinedHasty
	}
	f.dec.Reset(&j, lenient...)
	if err := f.dec.SkipValue(); err != nil {
		f.wasted += int64(j.read)
		return frame{}, 0, err
	}
	end := int(f.dec.InputOffset())
	n = j.rawLength(end)
	found.text = j.text[:end]
	line := f.w.line
	if lines := bytes.Count(f.w.peek(n)[:n], []byte("\n")) + 1; lines > 1 {
		found.actions = append(found.actions, Action{Line: line, What: LinesJoined, Code: dataset.CodeIncomplete, Detail: fmt.Sprintf("%d lines", lines)})
	}
	if j.esc.escaped > 0 {
		found.actions = append(found.actions, Action{Line: line, What: ControlEscaped, Code: dataset.CodeSyntax, Detail: "raw line breaks, tabs or other control characters in strings"})
	}
	return found, n, nil
}
