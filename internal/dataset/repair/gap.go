package repair

import (
	"bytes"

	"github.com/tuneline/tuneline/internal/dataset"
)

// separators are what else people's programs put between records: line breaks
// in JavaScript's and in EBCDIC's way, and byte order marks of files that were
// put together.
var separators = []struct {
	text []byte
	what string
	code dataset.Code
}{
	{[]byte("\xE2\x80\xA8"), LineSeparatorRemoved, dataset.CodeTrailingData},
	{[]byte("\xE2\x80\xA9"), LineSeparatorRemoved, dataset.CodeTrailingData},
	{[]byte("\xC2\x85"), LineSeparatorRemoved, dataset.CodeTrailingData},
	{[]byte("\xEF\xBB\xBF"), ByteOrderMarkRemoved, dataset.CodeByteOrderMark},
}

// separator is how long the separator is that the text begins with, 0 for none.
func separator(text []byte) (length int, what string, code dataset.Code) {
	for _, s := range separators {
		if bytes.HasPrefix(text, s.text) {
			return len(s.text), s.what, s.code
		}
	}
	return 0, "", ""
}

// lineState is what was seen so far of the line the framer stands on: a record,
// white space, a carriage return before the line feed, or something that an
// action accounts for.
type lineState struct {
	record, space, carriage, other bool
}

// gap passes over what stands between records, up to the next one; false at the
// end of the input. Every byte it passes is accounted for by an action, but for
// what belongs to an array that is unwrapped.
func (f *framer) gap() bool {
	for {
		rest := f.w.peek(3)
		if len(rest) == 0 {
			f.endOfInput()
			return false
		}
		if !f.gapByte(rest) {
			return true
		}
	}
}

// gapByte passes over what the text begins with; false when it is a record.
func (f *framer) gapByte(rest []byte) bool {
	switch c := rest[0]; {
	case c == '\n':
		f.lineFeeds(rest)
	case c == ' ', c == '\t':
		f.state.space = true
		f.w.pass("gap", 1)
	case c == '\r':
		f.carriageReturn(rest)
	case c == 0:
		f.nul()
	case c == ',':
		f.comma()
	case c == '[' && f.arrayBegins():
		f.inArray, f.state.other = true, true
		f.act(ArrayUnwrapped, dataset.CodeNotAnObject, "the elements of the array became records, one a line")
		f.w.pass("bracket", 1)
	case c == ']' && f.inArray:
		f.inArray, f.state.other = false, true
		f.w.pass("bracket", 1)
	default:
		return f.separator()
	}
	return true
}

// separator passes over one of the separators; false when there is none.
func (f *framer) separator() bool {
	n, what, code := separator(f.w.peek(3))
	if n == 0 {
		return false
	}
	if what == LineSeparatorRemoved {
		f.otherBreak(what, code)
	} else {
		f.act(what, code, "")
		f.state.other = true
	}
	f.w.pass("gap", n)
	return true
}

// carriageReturn passes over one: the first half of a line break, or all of it.
func (f *framer) carriageReturn(rest []byte) {
	if len(rest) > 1 && rest[1] == '\n' {
		f.state.carriage = true
	} else {
		f.otherBreak(CarriageReturnRemoved, "")
	}
	f.w.pass("gap", 1)
}

// otherBreak takes something else than a line feed for the end of a line.
func (f *framer) otherBreak(what string, code dataset.Code) {
	f.act(what, code, "")
	f.state.record, f.state.other = false, true
}

// act files an action on the line the framer stands on.
func (f *framer) act(what string, code dataset.Code, detail string) {
	f.journal.add(Action{Line: f.w.line, What: what, Code: code, Detail: detail})
}

// lineFeeds passes over a line feed, and over those right behind it.
func (f *framer) lineFeeds(rest []byte) {
	f.endOfLine()
	f.w.pass("gap", 1)
	more := rest[1:]
	n := len(more) - len(bytes.TrimLeft(more, "\n"))
	f.journal.run(Action{Line: f.w.line, What: BlankLineRemoved, Code: dataset.CodeBlankLine}, int64(n))
	f.w.pass("gap", n)
}

// endOfLine says what is left away of the line that ends here.
func (f *framer) endOfLine() {
	s := f.state
	f.state = lineState{}
	switch {
	case !s.record && !s.other:
		f.act(BlankLineRemoved, dataset.CodeBlankLine, "")
	case f.inArray:
		// Said by ArrayUnwrapped.
	default:
		if s.carriage {
			f.act(CarriageReturnRemoved, "", "")
		}
		if s.space {
			f.act(WhiteSpaceTrimmed, "", "")
		}
	}
}

// endOfInput says what is missing at the end.
func (f *framer) endOfInput() {
	s := f.state
	if s.record || s.space || s.carriage {
		f.endOfLine()
	}
	if s.record && !f.inArray {
		f.act(LineBreakAdded, "", "")
	}
	if f.inArray {
		f.act(ArrayEndMissing, dataset.CodeIncomplete, "the file ends before its array does: look whether records are missing")
	}
}

// nul passes over NUL bytes, with which some programs fill up a file.
func (f *framer) nul() {
	n := 0
	for rest := f.w.peek(1); bytes.HasPrefix(rest, []byte{0}); rest = f.w.peek(1) {
		run := len(rest) - len(bytes.TrimLeft(rest, "\x00"))
		f.w.pass("gap", run)
		n += run
	}
	f.act(NULRemoved, dataset.CodeSyntax, counted(n, "byte"))
	f.state.other = true
}

// comma passes over a comma, which in an array is as it should be.
func (f *framer) comma() {
	if !f.inArray {
		f.act(CommaRemoved, dataset.CodeTrailingData, "")
	}
	f.state.other = true
	f.w.pass("gap", 1)
}
