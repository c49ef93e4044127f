package repair

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tuneline/tuneline/internal/dataset"
)

// frame is one record as it stands in the input.
type frame struct {
	line int64
	// raw is the record verbatim, valid until the next one; text is the same as
	// JSON, if it can be read as that.
	raw, text []byte
	// actions were taken to come from raw to text.
	actions []Action
	// broken: raw cannot be read as JSON. Code says why, "" if the check is to say.
	broken bool
	code   dataset.Code
	// tooLong: the record is longer than what is held in memory. Nothing of it
	// was read; drain does that.
	tooLong bool
}

// framer finds the records of an input, whatever stands between them, and
// however many lines one takes. It is lenient on purpose: what it finds is
// judged later, by the rules of the check. When a record cannot be read, the
// search goes on behind its first line.
type framer struct {
	w       *window
	journal *journal
	// max is the longest record that is held in memory.
	max int
	dec jsontext.Decoder
	buf bytes.Buffer
	// begun: something other than white space was seen.
	begun   bool
	inArray bool
	state   lineState
	// wasted is how much was read ahead for records that did not end.
	wasted int64
	// pending is how much the last frame takes of the window.
	pending int
}

// lenient are the options to find a record's end by: what is doubtful in it is
// for the check to say.
var lenient = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

// next returns the next record, false at the end of the input.
func (f *framer) next() (frame, bool) {
	f.w.pass("record", f.pending)
	f.pending = 0
	if !f.gap() {
		return frame{}, false
	}
	f.begun = true
	split := f.state.record && !f.inArray
	f.state.record = true
	found := f.record()
	if split && !found.broken && !found.tooLong {
		found.actions = append(found.actions, Action{Line: found.line, What: RecordsSplit, Code: dataset.CodeTrailingData, Detail: "the line holds more than one record"})
	}
	return found, true
}

// record reads the record the window stands before.
func (f *framer) record() frame {
	text, whole := f.w.rest(f.max)
	n, err := f.value(text)
	switch {
	case err == nil:
		return f.complete(frame{}, n)
	case !whole && errors.Is(err, io.ErrUnexpectedEOF):
		return frame{line: f.w.line, tooLong: true}
	case !errors.Is(err, io.ErrUnexpectedEOF) && !controlAt(text, err):
		return f.firstLine()
	}
	joined, n, err := f.join()
	if err != nil {
		return f.firstLine()
	}
	return f.complete(joined, n)
}

// value returns the length of the JSON value that the text begins with.
func (f *framer) value(text []byte) (int, error) {
	f.buf = *bytes.NewBuffer(text)
	f.dec.Reset(&f.buf, lenient...)
	err := f.dec.SkipValue()
	var wrong *jsontext.SyntacticError
	if errors.As(err, &wrong) {
		f.wasted += wrong.ByteOffset
	}
	return int(f.dec.InputOffset()), err
}

// patience is how many times the input may be read ahead for nothing.
const patience = 8

// hasty says that more than that was: from there on less is tried, so that a
// file whose lines all begin a record and end none does not take forever.
func (f *framer) hasty() bool { return f.wasted > patience*(f.w.taken+int64(f.max)) }

// controlAt says whether a raw control character was the error, or the text
// ended just before a line feed could have been.
func controlAt(text []byte, err error) bool {
	var wrong *jsontext.SyntacticError
	if !errors.As(err, &wrong) {
		return false
	}
	at := int(wrong.ByteOffset)
	return at < len(text) && text[at] < 0x20
}

// complete makes a frame of a record that takes n bytes of the window, unless
// something follows it on its line that is no record.
func (f *framer) complete(found frame, n int) frame {
	found.line = f.w.line
	if !f.follows(n) {
		end, whole := f.endAfter(n)
		if !whole {
			return f.firstLine()
		}
		n, found.broken, found.code = end, true, dataset.CodeTrailingData
	}
	found.raw, f.pending = f.w.peek(n)[:n], n
	if found.text == nil {
		found.text = found.raw
	}
	return found
}

// endAfter is where the line ends that goes on behind the first n bytes of the
// window; whole is false when that is too far away.
func (f *framer) endAfter(n int) (end int, whole bool) {
	for most := pieceBytes; ; most *= 2 {
		unread := f.w.peek(n + most)
		rest := unread[n:min(len(unread), n+most)]
		end := f.lineEnd(rest)
		switch {
		case end < len(rest), len(unread) < n+most:
			return n + end, true
		case most > f.max:
			return 0, false
		}
	}
}

// follows says whether what follows a record of n bytes on its line can: nothing,
// a comma, another record. What looks like the torn rest of a record cannot, for
// then the first part of it would be written as if it were whole.
func (f *framer) follows(n int) bool {
	comma := false
	for at := n; at < n+f.max; at++ {
		unread := f.w.peek(at + 3)
		if at >= len(unread) {
			return true
		}
		switch c := unread[at]; c {
		case '\n', '{':
			return true
		case ' ', '\t', '\r', 0:
		case ',':
			comma = true
		case ']':
			return f.inArray
		default:
			length, _, _ := separator(unread[at:])
			if length == 0 {
				return f.inArray && comma
			}
			at += length - 1
		}
	}
	return true
}

// firstLine is the rest of the line as a frame that cannot be read: up to any
// line break or, in haste, up to a line feed.
func (f *framer) firstLine() frame {
	text, whole := f.w.rest(f.max)
	if !whole {
		return frame{line: f.w.line, tooLong: true}
	}
	end := len(text)
	if !f.hasty() {
		end = f.lineEnd(text)
	}
	f.pending = end
	return frame{line: f.w.line, raw: text[:end], text: text[:end], broken: true}
}

// lineEnd is where the line ends: at a line feed, or at another line break with
// a record right behind it.
func (f *framer) lineEnd(text []byte) int {
	for at := range text {
		switch text[at] {
		case '\n':
			return at
		case '\r':
			if bytes.HasPrefix(text[at+1:], []byte("{")) {
				return at
			}
		case 0xE2, 0xC2:
			if n, _, _ := separator(text[at:]); n > 0 && bytes.HasPrefix(text[at+n:], []byte("{")) {
				return at
			}
		}
	}
	return len(text)
}

// drain copies the rest of the line, however long, and returns its length.
func (f *framer) drain(w io.Writer) (int64, error) {
	var length int64
	for {
		text, whole := f.w.rest(blockBytes)
		n, err := w.Write(text)
		if err != nil {
			return length, fmt.Errorf("writing a rejected row: %w", err)
		}
		length += int64(n)
		f.w.pass("record", n)
		if whole {
			return length, f.w.failed()
		}
	}
}

// arrayBegins says whether the bracket the window stands before opens an array
// of records that is the whole file: it is the first thing in it, and nothing
// but a tail follows the array, as far as the window can see. Otherwise the
// lines are arrays, which is no data set and is judged line by line.
func (f *framer) arrayBegins() bool {
	if f.begun {
		return false
	}
	f.begun = true
	j := joiner{w: f.w, max: f.max, most: math.MaxInt}
	f.dec.Reset(&j, lenient...)
	if f.dec.SkipValue() != nil {
		return true
	}
	for at := j.rawLength(int(f.dec.InputOffset())); at < f.max; at++ {
		unread := f.w.peek(at + 1)
		if at >= len(unread) {
			return true
		}
		if !slices.Contains([]byte(" \t\r\n\x00"), unread[at]) {
			return unread[at] != '['
		}
	}
	return true
}
