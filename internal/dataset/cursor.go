package dataset

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// cursor walks one record and files findings at the place where it stands. The
// first JSON error ends the walk: from then on every method does nothing and
// every question is answered with no.
type cursor struct {
	report      *Report
	maxFindings int
	rules       Rules

	dec jsontext.Decoder
	buf bytes.Buffer
	// line is the record, base what was cut off before it (a byte order mark).
	line   []byte
	base   int
	number int64
	err    error
	// characters is the sum over the record's texts.
	characters int64
	// unquoted holds the last string that had escapes.
	unquoted []byte
}

// reset puts the cursor before a record.
func (c *cursor) reset(line []byte, base int, number int64) {
	c.line, c.base, c.number = line, base, number
	c.err, c.characters = nil, 0
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
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
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

// text reads a string that is trained on, counts it and files it when it is
// blank. Ok is false when there is no text to look at further.
func (c *cursor) text() (text []byte, column int, ok bool) {
	column = c.column()
	if !c.expect('"', "a string") {
		return nil, column, false
	}
	text = c.str()
	if c.err != nil {
		return nil, column, false
	}
	c.characters += characters(text)
	if blank(text) {
		c.add(CodeBlankText, column, "the text is empty or white space: fill it in or remove the record")
		return nil, column, false
	}
	return text, column, true
}

// add files a finding about the value just read.
func (c *cursor) add(code Code, column int, message string) {
	if c.err == nil {
		c.addAt(code, column, c.dec.StackPointer(), message)
	}
}

func (c *cursor) addAt(code Code, column int, pointer jsontext.Pointer, message string) {
	c.report.add(Finding{
		Code: code, Line: c.number, Column: int64(c.base + column),
		Pointer: plainPointer(pointer), Message: message,
	}, c.maxFindings)
}

// plainName is what a key of a data set format may look like. Anything else in
// the place of a key may be the data itself.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,39}$`)

// plainPointer cuts a pointer before the first part that is neither an index
// nor a plain name, so that no report repeats the data.
func plainPointer(p jsontext.Pointer) string {
	plain := jsontext.Pointer("")
	for part := range p.Tokens() {
		if _, err := strconv.ParseUint(part, 10, 32); err != nil && !plainName.MatchString(part) {
			break
		}
		plain = plain.AppendToken(part)
	}
	return string(plain)
}

// end checks that nothing follows the record, and files what ended the walk.
func (c *cursor) end() {
	if c.err != nil {
		c.syntax()
		return
	}
	after := int(c.dec.InputOffset())
	if _, err := c.dec.ReadToken(); !errors.Is(err, io.EOF) {
		rest := c.line[after:]
		column := after + len(rest) - len(bytes.TrimLeft(rest, " \t\r")) + 1
		c.addAt(CodeTrailingData, column, "", "remove what follows the record on its line; one record a line, no comma")
	}
}

// syntax files the JSON error that ended the walk.
func (c *cursor) syntax() {
	if bad := invalidUTF8(c.line); bad >= 0 {
		c.addAt(CodeInvalidUTF8, bad+1, "", "this byte is not UTF-8: save the file as UTF-8")
		return
	}
	var wrong *jsontext.SyntacticError
	if !errors.As(c.err, &wrong) {
		// The decoder reports the end of an empty buffer bare.
		c.addAt(CodeIncomplete, len(c.line)+1, "", incomplete)
		return
	}
	column := min(int(wrong.ByteOffset), len(c.line)) + 1
	switch {
	case errors.Is(c.err, jsontext.ErrDuplicateName):
		c.addAt(CodeDuplicateKey, column, wrong.JSONPointer, "the object has this key already: keep one of the two")
	case loneSurrogate(c.line[column-1:]):
		c.addAt(CodeLoneSurrogate, column, wrong.JSONPointer, "this \\u escape is half of a surrogate pair: write both halves or the character itself")
	case errors.Is(c.err, io.ErrUnexpectedEOF):
		c.addAt(CodeIncomplete, len(c.line)+1, wrong.JSONPointer, incomplete)
	default:
		c.addAt(CodeSyntax, column, wrong.JSONPointer, "this is not JSON: write records with a JSON library")
	}
}

const incomplete = "the line ends in the middle of its record: write each record on one line, line breaks in strings as \\n"

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(line []byte) int {
	for at := 0; at < len(line); {
		r, size := utf8.DecodeRune(line[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// loneSurrogate says whether the text begins with an escape in the range that
// UTF-16 uses for halves of a pair.
func loneSurrogate(text []byte) bool {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return err == nil && n >= 0xD800 && n <= 0xDFFF
}
