package dataset

import (
	"encoding/binary"
	"math/bits"
)

// Constants of eight bytes at once: one value in each byte of a word.
const (
	ones        = 0x0101010101010101
	highs       = 0x80 * ones
	lows        = 0x7F * ones
	spaces      = ' ' * ones
	quotes      = '"' * ones
	backslashes = '\\' * ones
	// gather moves the top bits of a word's bytes into one byte.
	gather = 0x0102040810204080
)

// window is how many bytes are looked at in one step, and how many a block has
// to be padded with so that no step leaves it.
const window = 32

// scanText finds the end of a JSON string's contents, which begin at i, and
// checks them: UTF-8, escapes, no control characters. It returns where the
// closing quote is and by how much the bytes outnumber the characters; end is
// negative for "don't know". b must go on for window bytes after the string.
//
// A window is four words of eight bytes. In an ASCII byte, an addition carries
// into the top bit unless the byte is a quote, a backslash or a control
// character; nothing carries into the next byte, so every mark is exact.
func scanText(b []byte, i int) (end, surplus int) {
	for len(b)-i >= window {
		p := (*[window]byte)(b[i:])
		w0, w1 := binary.LittleEndian.Uint64(p[0:]), binary.LittleEndian.Uint64(p[8:])
		w2, w3 := binary.LittleEndian.Uint64(p[16:]), binary.LittleEndian.Uint64(p[24:])
		if (w0|w1|w2|w3)&highs != 0 {
			var more int
			if i, more = scanMixed(b, i); i < 0 {
				return -1, 0
			}
			surplus += more
			if b[i] == '"' {
				return i, surplus
			}
			continue
		}
		s0 := ((w0 ^ quotes) + lows) & ((w0 ^ backslashes) + lows) & (w0 + 0x60*ones)
		s1 := ((w1 ^ quotes) + lows) & ((w1 ^ backslashes) + lows) & (w1 + 0x60*ones)
		s2 := ((w2 ^ quotes) + lows) & ((w2 ^ backslashes) + lows) & (w2 + 0x60*ones)
		s3 := ((w3 ^ quotes) + lows) & ((w3 ^ backslashes) + lows) & (w3 + 0x60*ones)
		if s0&s1&s2&s3&highs == highs {
			i += window
			continue
		}
		next := i + window
		for mask := collect(^s0, ^s1, ^s2, ^s3); mask != 0; {
			at := bits.TrailingZeros32(mask)
			switch b[i+at] {
			case '"':
				return i + at, surplus
			case '\\':
			default:
				return -1, 0
			}
			if escapes[b[i+at+1]] != escapeShort {
				var more int
				if next, more = scanEscapes(b, i+at); next < 0 {
					return -1, 0
				}
				surplus += more
				break
			}
			surplus++
			mask &^= 3 << at
			next = max(next, i+at+2)
		}
		i = next
	}
	return -1, 0
}

// scanMixed passes over text with bytes above ASCII in its next window, up to
// the first of a closing quote and a place from which a window may do.
func scanMixed(b []byte, i int) (next, surplus int) {
	p := (*[window]byte)(b[i:])
	w0, w1 := binary.LittleEndian.Uint64(p[0:]), binary.LittleEndian.Uint64(p[8:])
	w2, w3 := binary.LittleEndian.Uint64(p[16:]), binary.LittleEndian.Uint64(p[24:])
	s0 := (w0 - spaces) | ((w0 ^ quotes) - ones) | ((w0 ^ backslashes) - ones) | w0
	s1 := (w1 - spaces) | ((w1 ^ quotes) - ones) | ((w1 ^ backslashes) - ones) | w1
	s2 := (w2 - spaces) | ((w2 ^ quotes) - ones) | ((w2 ^ backslashes) - ones) | w2
	s3 := (w3 - spaces) | ((w3 ^ quotes) - ones) | ((w3 ^ backslashes) - ones) | w3
	i += bits.TrailingZeros32(collect(s0, s1, s2, s3))
	switch c := b[i]; {
	case c == '"':
		return i, 0
	case c >= 0x80:
		return scanUTF8(b, i)
	case c == '\\':
		return scanEscapes(b, i)
	}
	return -1, 0
}

// collect makes one bit of each byte of a window: its top bit.
func collect(s0, s1, s2, s3 uint64) uint32 {
	return uint32(s0&highs>>7*gather>>56) | uint32(s1&highs>>7*gather>>56)<<8 |
		uint32(s2&highs>>7*gather>>56)<<16 | uint32(s3&highs>>7*gather>>56)<<24
}

// The marks of the reserved words: a colon behind, or an angle or square bracket
// before them.
const (
	colonsAndAngles = 0x3E * ones // with bit 1 and bit 2 set: 8 : < >
	oneOrTwo        = 0x06 * ones
	brackets        = '[' * ones
)

// mayReserve says that a text of b, with its escapes, may hold a reserved word:
// it holds the word's mark, and next to it letters that belong there. Escapes
// never hide one: scanEscapes lets none pass that stands for a letter.
func mayReserve(b []byte, from, to int) bool {
	for i := from; i < to && len(b)-i >= window; i += window {
		p := (*[window]byte)(b[i:])
		w0, w1 := binary.LittleEndian.Uint64(p[0:]), binary.LittleEndian.Uint64(p[8:])
		w2, w3 := binary.LittleEndian.Uint64(p[16:]), binary.LittleEndian.Uint64(p[24:])
		s0 := ((((w0 | oneOrTwo) ^ colonsAndAngles) - ones) | ((w0 ^ brackets) - ones)) &^ w0
		s1 := ((((w1 | oneOrTwo) ^ colonsAndAngles) - ones) | ((w1 ^ brackets) - ones)) &^ w1
		s2 := ((((w2 | oneOrTwo) ^ colonsAndAngles) - ones) | ((w2 ^ brackets) - ones)) &^ w2
		s3 := ((((w3 | oneOrTwo) ^ colonsAndAngles) - ones) | ((w3 ^ brackets) - ones)) &^ w3
		if (s0|s1|s2|s3)&highs == 0 {
			continue
		}
		for mask := collect(s0, s1, s2, s3); mask != 0; mask &= mask - 1 {
			at := i + bits.TrailingZeros32(mask)
			if at >= to {
				return false
			}
			if suspicious(b, at) {
				return true
			}
		}
	}
	return false
}

// scanUTF8 passes over text that begins with a byte above ASCII, and stops at a
// quote, a backslash, a control character, or where plain text begins again.
// surplus is the number of continuation bytes passed; next is negative when the
// text is not UTF-8.
func scanUTF8(b []byte, i int) (next, surplus int) {
	state := uint64(stateText)
	for {
		if len(b)-i < window {
			return -1, 0
		}
		p := (*[16]byte)(b[i:])
		state = machine[p[0]] >> (state & 63)
		state = machine[p[1]] >> (state & 63)
		state = machine[p[2]] >> (state & 63)
		state = machine[p[3]] >> (state & 63)
		state = machine[p[4]] >> (state & 63)
		state = machine[p[5]] >> (state & 63)
		state = machine[p[6]] >> (state & 63)
		state = machine[p[7]] >> (state & 63)
		state = machine[p[8]] >> (state & 63)
		state = machine[p[9]] >> (state & 63)
		state = machine[p[10]] >> (state & 63)
		state = machine[p[11]] >> (state & 63)
		state = machine[p[12]] >> (state & 63)
		state = machine[p[13]] >> (state & 63)
		state = machine[p[14]] >> (state & 63)
		state = machine[p[15]] >> (state & 63)
		w0, w1 := binary.LittleEndian.Uint64(p[:8]), binary.LittleEndian.Uint64(p[8:])
		c0, c1 := continuations(w0), continuations(w1)
		switch state & 63 {
		case stateStop:
			s0, s1 := stops(w0), stops(w1)
			if s0 != 0 {
				at := bits.TrailingZeros64(s0)
				return i + at>>3, surplus + bits.OnesCount64(c0&(1<<at-1))
			}
			at := bits.TrailingZeros64(s1)
			return i + 8 + at>>3, surplus + bits.OnesCount64(c0) + bits.OnesCount64(c1&(1<<at-1))
		case stateWrong:
			return -1, 0
		case stateText:
			i += 16
			surplus += bits.OnesCount64(c0) + bits.OnesCount64(c1)
			if b[i] < 0x80 {
				return i, surplus
			}
		default:
			i += 16
			surplus += bits.OnesCount64(c0) + bits.OnesCount64(c1)
		}
	}
}

// continuations has the top bit of every byte that continues a character.
func continuations(w uint64) uint64 { return w &^ (w << 1) & highs }

// stops has the top bit of every quote, backslash and control character.
func stops(w uint64) uint64 {
	low := w & lows
	quote, backslash := w^quotes, w^backslashes
	plain := ((quote&lows + lows) | quote) & ((backslash&lows + lows) | backslash) & ((low + 0x60*ones) | w)
	return ^plain & highs
}

// The states of the machine that checks UTF-8: each a shift, so that a byte's
// word in machine, shifted by the state, ends with the next state.
const (
	stateText  = 6 * iota // at the beginning of a character
	stateOne              // one more byte of it must come
	stateTwo              // two more
	stateThree            // three more
	stateE0               // the byte after E0, and one more
	stateED               // the byte after ED: no surrogates
	stateF0               // the byte after F0, and two more
	stateF4               // the byte after F4: nothing above U+10FFFF
	stateWrong            // not UTF-8
	stateStop             // a quote, a backslash or a control character
)

// machine is the transition table: six bits a state.
var machine = func() (m [256]uint64) {
	for c := range m {
		for state := stateText; state <= stateStop; state += 6 {
			m[c] |= uint64(nextState(state, byte(c))) << state
		}
	}
	return m
}()

// steps is the machine, spelt out: Table 3-7 of the Unicode standard, and what
// ends a stretch of text. What no step allows is wrong.
var steps = []struct {
	state     int
	low, high byte
	next      int
}{
	{stateText, 0x00, 0x1F, stateStop},
	{stateText, 0x20, 0x7F, stateText},
	{stateText, '"', '"', stateStop},
	{stateText, '\\', '\\', stateStop},
	{stateText, 0xC2, 0xDF, stateOne},
	{stateText, 0xE1, 0xEF, stateTwo},
	{stateText, 0xE0, 0xE0, stateE0},
	{stateText, 0xED, 0xED, stateED},
	{stateText, 0xF0, 0xF0, stateF0},
	{stateText, 0xF1, 0xF3, stateThree},
	{stateText, 0xF4, 0xF4, stateF4},
	{stateOne, 0x80, 0xBF, stateText},
	{stateTwo, 0x80, 0xBF, stateOne},
	{stateThree, 0x80, 0xBF, stateTwo},
	{stateE0, 0xA0, 0xBF, stateOne},
	{stateED, 0x80, 0x9F, stateOne},
	{stateF0, 0x90, 0xBF, stateTwo},
	{stateF4, 0x80, 0x8F, stateTwo},
	{stateStop, 0x00, 0xFF, stateStop},
}

// nextState is where the last step that fits leads to.
func nextState(state int, c byte) int {
	next := stateWrong
	for _, s := range steps {
		if s.state == state && c >= s.low && c <= s.high {
			next = s.next
		}
	}
	return next
}

// scanEscapes passes over one or more escapes in a row, the first at i. An
// escape that stands for a printable ASCII character is answered with "don't
// know": it may hide a letter of a reserved word.
func scanEscapes(b []byte, i int) (next, surplus int) {
	for b[i] == '\\' {
		if len(b)-i < window {
			return -1, 0
		}
		length := 0
		switch escapes[b[i+1]] {
		case escapeShort:
			length = 2
		case escapeUnicode:
			length = unicodeEscape((*[12]byte)(b[i:]))
		}
		if length == 0 {
			return -1, 0
		}
		i += length
		surplus += length - 1
	}
	return i, surplus
}

// unicodeEscape is how long the \u escape is that p begins with, both halves of
// a pair together; 0 for "don't know".
func unicodeEscape(p *[12]byte) int {
	v := hex4(p[2], p[3], p[4], p[5])
	switch {
	case v < 0 || v >= 0x20 && v < 0x80 || v >= 0xDC00 && v <= 0xDFFF:
		return 0
	case v < 0xD800 || v > 0xDFFF:
		return 6
	}
	second := hex4(p[8], p[9], p[10], p[11])
	if p[6] != '\\' || p[7] != 'u' || second < 0xDC00 || second > 0xDFFF {
		return 0
	}
	return 12
}

const (
	escapeShort   = 1
	escapeUnicode = 2
)

// escapes says what may follow a backslash.
var escapes = [256]uint8{
	'"': escapeShort, '\\': escapeShort, '/': escapeShort, 'b': escapeShort, 'f': escapeShort,
	'n': escapeShort, 'r': escapeShort, 't': escapeShort, 'u': escapeUnicode,
}

// hex4 is the value of four hexadecimal digits, negative when they are not.
func hex4(a, b, c, d byte) int {
	return int(digits[a])<<12 | int(digits[b])<<8 | int(digits[c])<<4 | int(digits[d])
}

// digits has the value of each hexadecimal digit, and -1 for other bytes, whose
// shifts stay negative.
var digits = func() (d [256]int32) {
	for c := range d {
		d[c] = -1
	}
	for c := range 10 {
		d['0'+c] = int32(c) //nolint:gosec // below 10
	}
	for c := range 6 {
		d['a'+c], d['A'+c] = int32(10+c), int32(10+c) //nolint:gosec // below 16
	}
	return d
}()

// suspicious says that a reserved word may stand around the mark at this place,
// by the four letters before a colon or after a bracket.
func suspicious(b []byte, at int) bool {
	const lower = 0x20202020
	if b[at] != ':' {
		after := binary.LittleEndian.Uint32(b[at+1:]) | lower
		switch after {
		case 0x67616d69, 0x65646976, 0x3e6b6e75, 0x7d736f65: // imag vide unk> eos]
			return true
		}
		return false
	}
	if at < 4 {
		return true
	}
	switch before := binary.LittleEndian.Uint32(b[at-4:]) | lower; before {
	case 0x72657375, 0x746e6174, 0x6d657473, 0x74686775: // user tant stem ught
		return true
	default:
		return before>>8 == 0x746f62 // bot
	}
}
