package generate

import (
	"fmt"
	"math/rand/v2"
	"unicode/utf8"
)

// spec says what a shape's records are made of.
type spec struct {
	conversation bool
	// block is how many records are made before they repeat, in thousands so
	// that every block has its share of copies.
	block int
	// turns is the most pairs of messages.
	turns int
	// system, user and assistant are the mean bytes of a text. A prompt counts
	// as the user's text, a completion as the assistant's.
	system, user, assistant int
	style
}

// style is how often something stands in a text, per mille of its words.
type style struct {
	accented, foreign, emoji, breaks, quotes int
	// code is how many lines of program text stand among a thousand words.
	code int
	// escaped is how many of a thousand records are written in ASCII.
	escaped int
}

// specs are tuned to the statistics that TestStatistics holds them to.
var specs = map[Shape]spec{
	ShortPC: {block: 24000, turns: 1, user: 173, assistant: 98, style: style{accented: 43, breaks: 14, quotes: 9}},
	Short:   {conversation: true, block: 24000, turns: 1, system: 30, user: 49, assistant: 68, style: style{accented: 31, breaks: 12}},
	Medium: {conversation: true, block: 8000, turns: 4, system: 90, user: 222, assistant: 400,
		style: style{accented: 70, foreign: 44, emoji: 6, breaks: 8, quotes: 2, escaped: 150}},
	Long: {conversation: true, block: 1000, turns: 8, system: 300, user: 2100, assistant: 6270,
		style: style{accented: 51, foreign: 1, breaks: 10, quotes: 6, code: 32}},
}

// writer appends records to out.
type writer struct {
	r    *rand.Rand
	spec spec
	bad  bool
	out  []byte
	// ascii: characters beyond ASCII become \u escapes.
	ascii bool
	// text is the text in the making, before it is quoted.
	text []byte
}

// record appends one record and returns where its number stands.
func (w *writer) record() (id int) {
	w.ascii = w.chance(w.spec.escaped)
	if w.spec.conversation {
		id = w.conversation()
	} else {
		id = w.pair()
	}
	w.out = append(w.out, '\n')
	return id
}

func (w *writer) pair() (id int) {
	w.add(`{"prompt":`)
	id = w.numbered(w.spec.user)
	w.add(`,"completion":`)
	w.prose(w.spec.assistant)
	if w.bad {
		w.add(`,"completion":"a second one"`)
	}
	w.add(`}`)
	return id
}

func (w *writer) conversation() (id int) {
	w.add(`{"schemaVersion":"bedrock-conversation-2024","system":[{"text":`)
	w.prose(w.spec.system)
	w.add(`}],"messages":[`)
	turns := 1 + w.r.IntN(w.spec.turns)
	for turn := range turns {
		w.add(`{"role":"user","content":[{"text":`)
		if turn == 0 {
			id = w.numbered(w.spec.user)
		} else {
			w.prose(w.spec.user)
		}
		w.add(`}]},`)
		last := turn == turns-1
		w.answer(w.bad && last)
		if !last {
			w.add(`,`)
		}
	}
	w.add(`]}`)
	return id
}

// answer appends an assistant's message.
func (w *writer) answer(bad bool) {
	if bad {
		w.add(`{"content":[{"text":`)
		w.prose(w.spec.assistant)
		w.add(`}],"role":"asistant"}`)
		return
	}
	w.add(`{"role":"assistant","content":[{"text":`)
	w.prose(w.spec.assistant)
	w.add(`}]}`)
}

func (w *writer) add(s string) { w.out = append(w.out, s...) }

func (w *writer) chance(perMille int) bool { return w.r.IntN(1000) < perMille }

// numbered appends a text that begins with a record's number.
func (w *writer) numbered(mean int) (id int) {
	const before = "Case "
	w.text = append(w.text[:0], before+"0000000000. "...)
	id = len(w.out) + len(`"`) + len(before)
	w.words(mean)
	w.quote()
	return id
}

// prose appends a text.
func (w *writer) prose(mean int) {
	w.text = w.text[:0]
	w.words(mean)
	w.quote()
}

// words adds to the text until it has from half to one and a half the mean
// bytes, more by a word at most.
func (w *writer) words(mean int) {
	length := mean/2 + w.r.IntN(mean)
	for first := true; first || len(w.text) < length; first = false {
		if !first {
			w.separate()
		}
		w.word()
	}
	w.text = append(w.text, '.')
}

// separate puts something between two words.
func (w *writer) separate() {
	switch x := w.r.IntN(1000); {
	case x < w.spec.breaks:
		w.text = append(w.text, ".\n"...)
	case x < 60:
		w.text = append(w.text, ". "...)
	case x < 110:
		w.text = append(w.text, ", "...)
	case x < 115:
		w.text = append(w.text, ": "...)
	default:
		w.text = append(w.text, ' ')
	}
}

func (w *writer) word() {
	x := w.r.IntN(1000)
	if x -= w.spec.code; x < 0 {
		w.text = append(w.text, pick(w.r, codeLines)...)
		return
	}
	if x -= w.spec.accented; x < 0 {
		w.text = append(w.text, pick(w.r, accentedWords)...)
		return
	}
	if x -= w.spec.foreign; x < 0 {
		w.text = append(w.text, pick(w.r, foreignPhrases)...)
		return
	}
	if x -= w.spec.emoji; x < 0 {
		w.text = append(w.text, pick(w.r, emoji)...)
		return
	}
	if x -= w.spec.quotes; x < 0 {
		w.text = fmt.Appendf(w.text, "\"%s\"", pick(w.r, plainWords))
		return
	}
	w.text = append(w.text, pick(w.r, plainWords)...)
}

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// quote appends the text as a JSON string.
func (w *writer) quote() {
	w.out = append(w.out, '"')
	for at := 0; at < len(w.text); {
		r, size := utf8.DecodeRune(w.text[at:])
		switch {
		case r == '"' || r == '\\':
			w.out = append(w.out, '\\', byte(r))
		case r == '\n':
			w.out = append(w.out, `\n`...)
		case r == '\t':
			w.out = append(w.out, `\t`...)
		case r >= utf8.RuneSelf && w.ascii:
			w.escape(r)
		default:
			w.out = append(w.out, w.text[at:at+size]...)
		}
		at += size
	}
	w.out = append(w.out, '"')
}

// escape appends a character as one \u escape, or two where UTF-16 needs a pair.
func (w *writer) escape(r rune) {
	if r > 0xFFFF {
		r -= 0x10000
		w.out = fmt.Appendf(w.out, `\u%04x`, 0xD800+r>>10)
		r = 0xDC00 + r&0x3FF
	}
	w.out = fmt.Appendf(w.out, `\u%04x`, r)
}
