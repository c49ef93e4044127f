package dataset

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const (
	// stride is how many bytes the machine takes in one go.
	stride = 16
	// window is how many bytes may be looked at from any place in a block, and how
	// many a block has to be padded with so that nobody leaves it.
	window = 32
)

// scanText finds the end of a JSON string's contents, which begin at i, and
// checks them: UTF-8, escapes, no control characters, no reserved word if the
// machine knows them. It returns where the closing quote is and by how much the
// bytes outnumber the characters; end is negative for "don't know". b must go on
// for window bytes after the string.
func (m *machine) scanText(b []byte, i int) (end, surplus int) {
	state := uint64(stateText)
	for len(b)-i >= stride {
		p := (*[stride]byte)(b[i:])
		next, sum := state, uint64(0)
		sum, next = sum+m[p[0]], m[p[0]]>>(next&low)
		sum, next = sum+m[p[1]], m[p[1]]>>(next&low)
		sum, next = sum+m[p[2]], m[p[2]]>>(next&low)
		sum, next = sum+m[p[3]], m[p[3]]>>(next&low)
		sum, next = sum+m[p[4]], m[p[4]]>>(next&low)
		sum, next = sum+m[p[5]], m[p[5]]>>(next&low)
		sum, next = sum+m[p[6]], m[p[6]]>>(next&low)
		sum, next = sum+m[p[7]], m[p[7]]>>(next&low)
		sum, next = sum+m[p[8]], m[p[8]]>>(next&low)
		sum, next = sum+m[p[9]], m[p[9]]>>(next&low)
		sum, next = sum+m[p[10]], m[p[10]]>>(next&low)
		sum, next = sum+m[p[11]], m[p[11]]>>(next&low)
		sum, next = sum+m[p[12]], m[p[12]]>>(next&low)
		sum, next = sum+m[p[13]], m[p[13]]>>(next&low)
		sum, next = sum+m[p[14]], m[p[14]]>>(next&low)
		sum, next = sum+m[p[15]], m[p[15]]>>(next&low)
		if next&low != stateStop {
			state = next
			surplus += int(sum & low)
			i += stride
			continue
		}
		// The machine stopped somewhere in the stride: at its first byte that is not
		// plain text, if that is one of these; else a slower look tells.
		at, last, more := i+plain(p), stateText, 0
		switch c := b[at]; {
		case state&low == stateText && (c == '"' || c >= 0xF0):
		case state&low == stateText && c == '\\' && (b[at+1] == '\\' || b[at+1] == 'u'):
			at, last, more = at+1, stateEscape, 1
		default:
			at, last, more = m.stop(b, i, state)
		}
		surplus += more
		i, more = resume(b, at, last)
		if surplus += more; i < 0 || b[i] == '"' {
			return i, surplus
		}
		state = stateText
	}
	return -1, 0
}

// stop is the place within a stride where the machine stops, the state it is in
// before that, and the surplus till there.
func (m *machine) stop(b []byte, i int, state uint64) (at, last, surplus int) {
	for at = i; at < i+stride; at++ {
		step := m[b[at]]
		next := step >> (state & low)
		if next&low == stateStop {
			break
		}
		state = next
		surplus += int(step & low)
	}
	return at, int(state & low), surplus
}

// resume decides what the machine has left: it stopped in this state before the
// byte at i. It returns where the text goes on, or its closing quote, or a
// negative number for "don't know".
func resume(b []byte, i, state int) (next, surplus int) {
	c := b[i]
	switch state {
	case stateEscape:
		if c == '\\' {
			return i + 1, 0
		}
		next, surplus = scanEscapes(b, i-1)
		return next, surplus - 1 // the backslash is counted already
	case stateText, stateTail, stateOpening:
	default:
		return -1, 0
	}
	switch {
	case c == '"':
		return i, 0
	case c >= 0xF0:
		if _, size := utf8.DecodeRune(b[i : i+4]); size == 4 {
			return i + 4, 3
		}
		return -1, 0
	case c < ' ' || c >= 0x80, state == stateTail && isReserved(b, i), state == stateOpening && isReserved(b, i-1):
		return -1, 0
	}
	return i, 0
}

// isReserved says that a reserved word has its anchor here. The text's escapes
// never hide one: none is passed that stands for a letter.
func isReserved(b []byte, anchor int) bool {
	for _, w := range reservedWords[b[anchor]] {
		if w.at(b, anchor) {
			return true
		}
	}
	return false
}

// Constants of eight bytes at once: one value in each byte of a word.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
	lows  = 0x7F * ones
	// gather moves the top bits of a word's bytes into one byte.
	gather = 0x0102040810204080
)

// plain is how many of a stride's first bytes are plain text, which the machine
// stops at in no case.
func plain(p *[stride]byte) int {
	m0, m1 := marks(binary.LittleEndian.Uint64(p[:8])), marks(binary.LittleEndian.Uint64(p[8:]))
	return bits.TrailingZeros16(uint16(m0>>7*gather>>56 | m1>>7*gather>>56<<8)) //nolint:gosec // 16 bits
}

// marks sets the top bit of each byte that may not be plain: quotes, control
// characters, what is above ASCII, and what ends with the five bits of a colon, a
// bracket or an angle, and a backslash: 11010 to 11100. No addition carries into
// the next byte.
func marks(w uint64) uint64 {
	ascii := w & lows
	aboveQuote := (ascii ^ 0x02*ones) + 0x5F*ones // '"' becomes a space: up to that, the top bit is not set
	others := (ascii+0x06*ones)&(0x1F*ones) + 0x7D*ones
	return (^(aboveQuote & others) | w) & highs
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
		d['0'+c] = int32(c)
	}
	for c := range 6 {
		d['a'+c], d['A'+c] = int32(10+c), int32(10+c)
	}
	return d
}()
