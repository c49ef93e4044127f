package dataset

import (
	"bytes"
	"unicode"
)

// characters counts the Unicode characters of valid UTF-8: every byte that does
// not continue one. The standard library's count copies the text to a string.
func characters(text []byte) int64 {
	n := len(text)
	for _, b := range text {
		if b&0xC0 == 0x80 {
			n--
		}
	}
	return int64(n)
}

// blank says that a text has nothing but white space.
func blank(text []byte) bool {
	return bytes.IndexFunc(text, func(r rune) bool { return !unicode.IsSpace(r) }) < 0
}

// reservedWord is a word that Nova's data preparation gives a meaning of its
// own, from the list in Nova's guide ("Preparing data for multimodal
// fine-tuning"), or one that only AWS's sample validator refuses.
type reservedWord struct {
	word    string
	suspect bool
	// anchor is the offset of the byte that the word is looked for by.
	anchor int
}

// reservedWords are grouped by their anchors: the rare byte that each has.
var reservedWords = [256][]reservedWord{
	':': {
		{word: "User:", anchor: 4},
		{word: "Bot:", anchor: 3},
		{word: "Assistant:", anchor: 9},
		{word: "System:", anchor: 6},
		{word: "Thought:", anchor: 7, suspect: true},
	},
	'<': {
		{word: "<image>"},
		{word: "<video>"},
		{word: "<unk>", suspect: true},
	},
	'[': {{word: "[EOS]"}},
}

// anchors are the keys of reservedWords, in the order in which they are looked for.
var anchors = []byte{':', '<', '['}

// findReserved returns the first reserved and the first suspect word that the
// text contains in any case, "" where there is none.
func findReserved(text []byte) (reserved, suspect string) {
	for _, anchor := range anchors {
		words := reservedWords[anchor]
		for from := 0; ; {
			i := bytes.IndexByte(text[from:], anchor)
			if i < 0 {
				break
			}
			at := from + i
			from = at + 1
			for _, w := range words {
				switch {
				case !w.at(text, at):
				case w.suspect && suspect == "":
					suspect = w.word
				case !w.suspect && reserved == "":
					reserved = w.word
				}
			}
		}
	}
	return reserved, suspect
}

// at says whether the word stands in the text with its anchor at this offset.
func (w reservedWord) at(text []byte, anchor int) bool {
	start := anchor - w.anchor
	end := start + len(w.word)
	return start >= 0 && end <= len(text) && bytes.EqualFold(text[start:end], []byte(w.word))
}
