package dataset

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// acceptor is the fast tier. It knows the plain way of writing a record: the
// keys of the format, each once and without escapes, in any order, texts, and
// nothing that a rule could object to. It answers "valid" with the tally the
// authority would come to, or "don't know", never "wrong".
type acceptor struct {
	// b is the block, padded with window bytes after its end.
	b []byte
	// machine knows the reserved words when texts with them are not known to be valid.
	machine *machine
	// systemItems is how many items a system list must have, 0 for one or more.
	systemItems int
	tally       tally
	// texts are the places of the record's texts in b, collected when wanted.
	texts  [][2]int
	wanted bool
	// last is the place of the last text of a list, without its quotes.
	last [2]int
}

// acceptors are the formats the fast tier knows: each passes over the record
// that begins at i and returns where it ends, or a negative number.
var acceptors = map[Format]func(a *acceptor, i int) int{
	FormatPromptCompletion: (*acceptor).promptCompletion,
	FormatConversation:     (*acceptor).conversation,
}

// space passes over white space within a line.
func space(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\r' {
		i++
	}
	return i
}

// colon passes over the colon after a key.
func colon(b []byte, i int) int {
	if b[i] != ':' {
		if i = space(b, i); b[i] != ':' {
			return -1
		}
	}
	return space(b, i+1)
}

// open passes over an opening bracket.
func open(b []byte, i int, bracket byte) int {
	if b[i] != bracket {
		return -1
	}
	return space(b, i+1)
}

// after passes over what follows a member or element: a comma, with more true,
// or the closing bracket. A negative place stays one.
func after(b []byte, i int, bracket byte) (next int, more bool) {
	if i < 0 {
		return -1, false
	}
	i = space(b, i)
	switch b[i] {
	case ',':
		return space(b, i+1), true
	case bracket:
		return i + 1, false
	}
	return -1, false
}

// text passes over a string that is trained on.
func (a *acceptor) text(i int) int {
	b := a.b
	if b[i] != '"' {
		return -1
	}
	end, surplus := a.machine.scanText(b, i+1)
	if end < 0 {
		return -1
	}
	raw := b[i+1 : end]
	if !inked(raw) {
		return -1
	}
	a.tally.characters += int64(len(raw) - surplus)
	if a.wanted {
		a.texts = append(a.texts, [2]int{i, end + 1})
	}
	return end + 1
}

// inked says that a text, with its escapes, surely has more than white space.
func inked(raw []byte) bool {
	for len(raw) > 0 {
		c := raw[0]
		switch {
		case c > ' ' && c < utf8.RuneSelf && c != '\\': // nearly every text ends it here
			return true
		case c == '\\' && raw[1] != 'u':
			if raw[1] == '"' || raw[1] == '\\' || raw[1] == '/' {
				return true
			}
			raw = raw[2:]
		case c == '\\':
			if r := hex4(raw[2], raw[3], raw[4], raw[5]); !unicode.IsSpace(rune(r)) { //nolint:gosec // four digits
				return true
			}
			raw = raw[6:]
		case c < utf8.RuneSelf:
			if !unicode.IsSpace(rune(c)) {
				return true
			}
			raw = raw[1:]
		default:
			r, size := utf8.DecodeRune(raw)
			if !unicode.IsSpace(r) {
				return true
			}
			raw = raw[size:]
		}
	}
	return false
}

// promptCompletion passes over {"prompt": text, "completion": text}.
func (a *acceptor) promptCompletion(i int) int {
	b := a.b
	if i = open(b, i, '{'); i < 0 {
		return -1
	}
	prompt, completion := false, false
	for more := true; more; {
		answer := false
		switch {
		case !prompt && string(b[i:i+8]) == `"prompt"`:
			prompt = true
			i += 8
		case !completion && string(b[i:i+12]) == `"completion"`:
			completion, answer = true, true
			i += 12
		default:
			return -1
		}
		start := colon(b, i)
		if start < 0 {
			return -1
		}
		i = a.text(start)
		if answer && i > 0 {
			a.tally.answer = answerMark(b[start+1 : i-1])
		}
		i, more = after(b, i, '}')
	}
	if i < 0 || !prompt || !completion {
		return -1
	}
	a.tally.user++
	a.tally.assistant++
	return i
}

// conversation passes over a record of the form bedrock-conversation-2024 with
// nothing but texts.
func (a *acceptor) conversation(i int) int {
	b := a.b
	if i = open(b, i, '{'); i < 0 {
		return -1
	}
	version, system, messages := false, false, false
	for more := true; more; {
		switch {
		case !version && string(b[i:i+15]) == `"schemaVersion"`:
			version = true
			i = a.schemaVersion(i + 15)
		case !system && string(b[i:i+8]) == `"system"`:
			system = true
			i = a.system(i + 8)
		case !messages && string(b[i:i+10]) == `"messages"`:
			messages = true
			i = a.messages(i + 10)
		default:
			return -1
		}
		i, more = after(b, i, '}')
	}
	if i < 0 || !version || !messages {
		return -1
	}
	return i
}

func (a *acceptor) schemaVersion(i int) int {
	const value = `"` + schemaVersion + `"`
	if i = colon(a.b, i); i < 0 || !bytes.HasPrefix(a.b[i:], []byte(value)) {
		return -1
	}
	return i + len(value)
}

// system passes over the list of system texts.
func (a *acceptor) system(i int) int {
	i, items := a.blocks(i)
	if i < 0 || a.systemItems > 0 && items != a.systemItems {
		return -1
	}
	a.tally.system++
	return i
}

// blocks passes over a colon and a list of one or more {"text": text}.
func (a *acceptor) blocks(i int) (next, items int) {
	b := a.b
	if i = colon(b, i); i < 0 {
		return -1, 0
	}
	if i = open(b, i, '['); i < 0 {
		return -1, 0
	}
	for more := true; more; items++ {
		i, more = after(b, a.block(i), ']')
	}
	return i, items
}

func (a *acceptor) block(i int) int {
	b := a.b
	if i = open(b, i, '{'); i < 0 || string(b[i:i+6]) != `"text"` {
		return -1
	}
	start := colon(b, i+6)
	if start < 0 {
		return -1
	}
	if i = a.text(start); i < 0 {
		return -1
	}
	a.last = [2]int{start + 1, i - 1}
	if i = space(b, i); b[i] != '}' {
		return -1
	}
	return i + 1
}

// messages passes over a list of turns that alternate from user to assistant.
func (a *acceptor) messages(i int) int {
	b := a.b
	if i = colon(b, i); i < 0 {
		return -1
	}
	if i = open(b, i, '['); i < 0 {
		return -1
	}
	count := int64(0)
	for more := true; more; count++ {
		i, more = after(b, a.message(i, count%2 == 1), ']')
	}
	if i < 0 || count%2 != 0 {
		return -1
	}
	a.tally.answer = answerMark(b[a.last[0]:a.last[1]])
	a.tally.user += count / 2
	a.tally.assistant += count / 2
	return i
}

func (a *acceptor) message(i int, assistant bool) int {
	b := a.b
	if i = open(b, i, '{'); i < 0 {
		return -1
	}
	role, content := false, false
	for more := true; more; {
		switch {
		case !role && string(b[i:i+6]) == `"role"`:
			role = true
			i = a.role(i+6, assistant)
		case !content && string(b[i:i+9]) == `"content"`:
			content = true
			i, _ = a.blocks(i + 9)
		default:
			return -1
		}
		i, more = after(b, i, '}')
	}
	if i < 0 || !role || !content {
		return -1
	}
	return i
}

func (a *acceptor) role(i int, assistant bool) int {
	b := a.b
	if i = colon(b, i); i < 0 {
		return -1
	}
	if assistant && string(b[i:i+11]) == `"assistant"` {
		return i + 11
	}
	if !assistant && string(b[i:i+6]) == `"user"` {
		return i + 6
	}
	return -1
}
