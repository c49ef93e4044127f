package dataset

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tuneline/tuneline/internal/finetune"
)

// cursor walks one record and files findings at the place where it stands. The
// first JSON error ends the walk: from then on every method does nothing and
// every question is answered with no.
type cursor struct {
	// file takes every finding.
	file   func(Finding)
	rules  Rules
	limits Limits
	// seeText is called with every text that is trained on, decoded and valid
	// until it returns; seeValue with the JSON of what else tells one record from
	// another, such as where an image lies. Both may be nil.
	seeText  func(text []byte, column int, pointer jsontext.Pointer)
	seeValue func(value []byte)
	// mediaSize is Options.MediaSize.
	mediaSize func(key []byte) int64

	dec jsontext.Decoder
	buf bytes.Buffer
	// line is the record, base what was cut off before it (a byte order mark).
	line   []byte
	base   int
	number int64
	err    error
	tally
	// wanted is the format that the record should have; looked: a finding made it
	// worth a look whether it is written in another.
	wanted Format
	looked bool
	// foreign: the record is written in another format, which was filed; nothing
	// else about it would help.
	foreign bool
	// said: the message being read has a block that is not reasoning.
	said  bool
	order roleOrder
	media mediaState
	tools toolState
	// raw is the last string as it is written between its quotes, valid as long
	// as what str returned; unquoted holds the last one that had escapes.
	raw, unquoted []byte
}

// reset puts the cursor before a record.
func (c *cursor) reset(line []byte, base int, number int64) {
	c.line, c.base, c.number = line, base, number
	c.err, c.tally = nil, tally{}
	c.looked, c.foreign = false, false
	c.media, c.tools = mediaState{}, toolState{}
	c.buf = *bytes.NewBuffer(line)
	c.dec.Reset(&c.buf)
}

// kind is the kind of the next value: '{', '[', '"', '0', 't', 'f' or 'n'.
func (c *cursor) kind() jsontext.Kind {
	if c.err != nil {
		return 0
	}
	return c.dec.PeekKind()
}

// open enters the next value, an object or array, and returns its column.
func (c *cursor) open() int {
	c.token()
	return int(c.dec.InputOffset())
}

// more says whether another member or element follows.
func (c *cursor) more() bool {
	switch c.kind() {
	case '}', ']', 0:
		return false
	}
	return true
}

// close leaves the object or array that open entered.
func (c *cursor) close() { c.token() }

func (c *cursor) token() {
	if c.err == nil {
		_, c.err = c.dec.ReadToken()
	}
}

// skip passes over the next value, whatever it is.
func (c *cursor) skip() {
	if c.err == nil {
		c.err = c.dec.SkipValue()
	}
}

// str reads the next value, a key or a string, without its quotes and escapes.
// The result is valid until the next call.
func (c *cursor) str() []byte {
	if c.err != nil {
		return nil
	}
	var raw jsontext.Value
	if raw, c.err = c.dec.ReadValue(); c.err != nil {
		return nil
	}
	c.raw = raw[1 : len(raw)-1]
	if bytes.IndexByte(c.raw, '\\') < 0 {
		return c.raw
	}
	c.unquoted, c.err = jsontext.AppendUnquote(c.unquoted[:0], raw)
	return c.unquoted
}

// key reads the next key; column is where it begins.
func (c *cursor) key() (key []byte, column int) {
	column = c.column()
	return c.str(), column
}

// column is the column of the next value, before it is read.
func (c *cursor) column() int {
	at := int(c.dec.InputOffset())
	for at < len(c.line) && strings.IndexByte(" \t\r\n,:", c.line[at]) >= 0 {
		at++
	}
	return at + 1
}

// expect says whether the next value is of the kind wanted. If not, the value
// is passed over and filed as of the wrong type; wanted names the right one.
func (c *cursor) expect(kind jsontext.Kind, wanted string) bool {
	got := c.kind()
	if got == kind {
		return true
	}
	column := c.column()
	c.skip()
	c.add(CodeWrongType, column, "the value must be "+wanted)
	return false
}

// anyText reads a string that is trained on, counts it and shows it to seeText:
// no text of a record gets around it. Ok is false when there is no text to look
// at further.
func (c *cursor) anyText() (text []byte, column int, ok bool) {
	column = c.column()
	if !c.expect('"', "a string") {
		return nil, column, false
	}
	text = c.str()
	if c.err != nil {
		return nil, column, false
	}
	c.characters += characters(text)
	if c.seeText != nil {
		c.seeText(text, column, c.dec.StackPointer())
	}
	return text, column, true
}

// text reads a text as anyText does and files it when it is blank.
func (c *cursor) text() (text []byte, column int, ok bool) {
	text, column, ok = c.anyText()
	if ok && blank(text) {
		c.add(CodeBlankText, column, "the text is empty or white space: fill it in or remove the record")
		return nil, column, false
	}
	return text, column, ok
}

// answered takes the text just read for what the model is to answer with.
func (c *cursor) answered() { c.answer = answerMark(c.raw) }

// value reads the next value, whatever it is, as a part of the record that is
// not text.
func (c *cursor) value() jsontext.Value {
	if c.err != nil {
		return nil
	}
	var raw jsontext.Value
	if raw, c.err = c.dec.ReadValue(); c.err == nil && c.seeValue != nil {
		c.seeValue(raw)
	}
	return raw
}

// add files a finding about the value just read. The first finding of a record
// that is written in another format is that, and the only one.
func (c *cursor) add(code Code, column int, message string) {
	if c.err != nil || c.foreign {
		return
	}
	if !c.looked && c.otherFormat() {
		c.foreign = true
		return
	}
	c.addAt(code, column, c.dec.StackPointer(), message)
}

func (c *cursor) addAt(code Code, column int, pointer jsontext.Pointer, message string) {
	c.file(Finding{
		Code: code, Line: c.number, Column: int64(c.base + column),
		Pointer: plainPointer(pointer), Message: message,
	})
}

// maxParts is how many parts of a pointer are told: more than any format has.
const maxParts = 16

// plainPointer cuts a pointer before the first part that is neither an index
// nor a plain name, so that no report repeats the data: anything else in the place of
// a key may be the data itself.
func plainPointer(p jsontext.Pointer) string {
	plain, parts := jsontext.Pointer(""), 0
	for part := range p.Tokens() {
		if parts++; parts > maxParts {
			break
		}
		if _, err := strconv.ParseUint(part, 10, 32); err != nil && !finetune.IsPlainName(part) {
			break
		}
		plain = plain.AppendToken(part)
	}
	return string(plain)
}
