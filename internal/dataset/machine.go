package dataset

import "strings"

// machine looks at every byte of a text once: it checks UTF-8 and escapes, finds
// the closing quote and what may be a reserved word, and counts.
//
// It has a word for each byte, and in the word six bits for each state: the next
// state. A state is the shift that brings its six bits down, so that a step is
// one shift, whatever the byte. Real texts change between letters, accents and
// escapes every few bytes; a branch for each kind, predicted wrongly as often,
// took more time than these steps do.
//
// The lowest six bits belong to no state. They are 1 for a byte that adds no
// character: one that continues a character, and a backslash.
type machine [256]uint64

// low are the lowest six bits.
const low = 1<<6 - 1

// The states.
const (
	stateStop    = 6 + 6*iota // the machine goes no further
	stateText                 // at the beginning of a character
	stateEscape               // after a backslash
	stateOne                  // one more byte of the character must come
	stateTwo                  // two more
	stateE0                   // the byte after E0, and one more
	stateED                   // the byte after ED, no surrogate, and one more
	stateTail                 // stateText, after a letter that may precede an anchor
	stateOpening              // stateText, after an anchor that words begin with
)

// steps are what the machine does in a text: Table 3-7 of the Unicode standard,
// without characters of four bytes, for which there was no room. What no step
// allows, stops it.
var steps = []struct {
	state     int
	low, high byte
	next      int
}{
	{stateText, 0x20, 0x7F, stateText},
	{stateText, '"', '"', stateStop},
	{stateText, '\\', '\\', stateEscape},
	{stateText, 0xC2, 0xDF, stateOne},
	{stateText, 0xE1, 0xEF, stateTwo},
	{stateText, 0xE0, 0xE0, stateE0},
	{stateText, 0xED, 0xED, stateED},
	{stateOne, 0x80, 0xBF, stateText},
	{stateTwo, 0x80, 0xBF, stateOne},
	{stateE0, 0xA0, 0xBF, stateOne},
	{stateED, 0x80, 0x9F, stateOne},
}

// The machines: plainMachine knows no reserved words, wordMachine stops at what
// may be one.
var (
	plainMachine = newMachine(&clues{})
	wordMachine  = newMachine(cluesTo(reservedWords))
)

// machineFor is the machine with or without the reserved words.
func machineFor(words bool) *machine {
	if words {
		return wordMachine
	}
	return plainMachine
}

func newMachine(c *clues) *machine {
	var m machine
	for b := range m {
		for state := stateStop; state <= stateOpening; state += 6 {
			m[b] |= uint64(c.next(state, byte(b))) << state //nolint:gosec // a state
		}
		if b == '\\' || b >= 0x80 && b < 0xC0 {
			m[b]++
		}
	}
	return &m
}

// clues are the pairs of bytes that a reserved word is noticed by: its anchor and
// the letter before it, or after it when the anchor is the word's first byte.
type clues struct {
	// tail are letters before an anchor, and behind these anchors; opening are
	// the anchors that words begin with, and second the letters after those.
	tail, behind, opening, second [256]bool
}

func cluesTo(words [256][]reservedWord) *clues {
	var c clues
	for anchor := range words {
		for _, w := range words[anchor] {
			anchors, letters, letter := &c.opening, &c.second, w.word[1:2]
			if w.anchor > 0 {
				anchors, letters, letter = &c.behind, &c.tail, w.word[w.anchor-1:w.anchor]
			}
			anchors[anchor] = true
			letters[strings.ToUpper(letter)[0]], letters[strings.ToLower(letter)[0]] = true, true
		}
	}
	return &c
}

// next is where a byte leads to from a state.
func (c *clues) next(state int, b byte) int {
	switch state {
	case stateEscape:
		// An escaped backslash is left to resume, since backslashes are counted.
		if escapes[b] == escapeShort && b != '\\' {
			return stateText
		}
		return stateStop
	case stateTail:
		if c.behind[b] {
			return stateStop
		}
		return c.next(stateText, b)
	case stateOpening:
		if c.second[b] {
			return stateStop
		}
		return c.next(stateText, b)
	}
	next := inText(state, b)
	switch {
	case next == stateText && state == stateText && c.opening[b]:
		return stateOpening
	case next == stateText && state == stateText && c.tail[b]:
		return stateTail
	}
	return next
}

// inText is where the last of the steps that fit leads to.
func inText(state int, b byte) int {
	next := stateStop
	for _, s := range steps {
		if s.state == state && b >= s.low && b <= s.high {
			next = s.next
		}
	}
	return next
}
