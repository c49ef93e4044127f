package main

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode"
)

// What the candidates written in Go check of a text, alike for all of them.

// trained checks a text that is trained on and counts its characters. Reserved
// words are looked for in conversations only.
func trained(text []byte, words bool) (int64, error) {
	if bytes.IndexFunc(text, func(r rune) bool { return !unicode.IsSpace(r) }) < 0 {
		return 0, errRefused
	}
	if words && reserved(text) {
		return 0, errRefused
	}
	return characters(text), nil
}

// characters counts the bytes of valid UTF-8 that do not continue a character,
// eight at a time.
func characters(text []byte) int64 {
	continuing := 0
	n := len(text)
	for ; len(text) >= 8; text = text[8:] {
		v := binary.LittleEndian.Uint64(text)
		continuing += bits.OnesCount64(v >> 7 &^ (v >> 6) & 0x0101010101010101)
	}
	for _, b := range text {
		if b&0xC0 == 0x80 {
			continuing++
		}
	}
	return int64(n - continuing)
}

// reservedWords are looked for by a rare byte that each has, in any case.
var reservedWords = []struct {
	anchor byte
	words  [][]byte
	// offsets are where the anchor stands in each word.
	offsets []int
}{
	{':', [][]byte{[]byte("User:"), []byte("Bot:"), []byte("Assistant:"), []byte("System:"), []byte("Thought:")}, []int{4, 3, 9, 6, 7}},
	{'<', [][]byte{[]byte("<image>"), []byte("<video>"), []byte("<unk>")}, []int{0, 0, 0}},
	{'[', [][]byte{[]byte("[EOS]")}, []int{0}},
}

func reserved(text []byte) bool {
	for _, group := range reservedWords {
		for from := 0; ; {
			i := bytes.IndexByte(text[from:], group.anchor)
			if i < 0 {
				break
			}
			at := from + i
			from = at + 1
			for w, word := range group.words {
				start := at - group.offsets[w]
				if start >= 0 && start+len(word) <= len(text) && bytes.EqualFold(text[start:start+len(word)], word) {
					return true
				}
			}
		}
	}
	return false
}
