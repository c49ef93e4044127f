package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

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
	case nesting(c.line[:column-1]) >= maxDepth:
		c.addAt(CodeTooDeep, column, wrong.JSONPointer, fmt.Sprintf("objects and lists are nested %d deep here, deeper than any JSON reader follows: flatten the record", maxDepth))
	case errors.Is(c.err, io.ErrUnexpectedEOF):
		c.addAt(CodeIncomplete, len(c.line)+1, wrong.JSONPointer, incomplete)
	default:
		c.addAt(CodeSyntax, column, wrong.JSONPointer, notJSON(c.line[column-1:]))
	}
}

// notJSON says what to do about text that begins where JSON ends. Two beginnings
// tell how it came there.
func notJSON(text []byte) string {
	switch {
	case bytes.HasPrefix(text, utf8Mark):
		return "this is a byte order mark, as between files that were joined: remove it"
	case bytes.HasPrefix(text, []byte{0}):
		return "this is a NUL byte, as in UTF-16 or in a file that was not written to its end: save the file as UTF-8, or write it again"
	}
	return "this is not JSON: write records with a JSON library"
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

// maxDepth is how many objects and lists jsontext follows into each other.
const maxDepth = 10_000

// nesting is how many objects and lists are open at the end of the text, which
// is the beginning of a JSON value.
func nesting(text []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case quoted && b == '\\':
			i++
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '{' || b == '[':
			depth++
		case b == '}' || b == ']':
			depth--
		}
	}
	return depth
}
