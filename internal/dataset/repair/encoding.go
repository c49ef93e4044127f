package repair

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Encodings are what Options.FromEncoding may be.
func Encodings() []string { return []string{"windows-1252", "iso-8859-1"} }

// charmapNamed returns the encoding of this name, nil for "".
func charmapNamed(name string) (*charmap.Charmap, error) {
	switch name {
	case "":
		return nil, nil
	case "windows-1252":
		return charmap.Windows1252, nil
	case "iso-8859-1":
		return charmap.ISO8859_1, nil
	}
	return nil, fmt.Errorf("no encoding %q, use %s", name, strings.Join(Encodings(), " or "))
}

// utf16Order says in which byte order the text is UTF-16, nil if it is not. A
// byte order mark says so; without one the zero byte beside the first character
// does, which in JSON is always ASCII (RFC 4627, section 3).
func utf16Order(head []byte) (order binary.ByteOrder, marked bool) {
	switch {
	case len(head) < 2:
		return nil, false
	case bytes.HasPrefix(head, []byte("\xFF\xFE")):
		return binary.LittleEndian, true
	case bytes.HasPrefix(head, []byte("\xFE\xFF")):
		return binary.BigEndian, true
	case strings.IndexByte("{[", head[0]) >= 0 && head[1] == 0:
		return binary.LittleEndian, false
	case head[0] == 0 && strings.IndexByte("{[", head[1]) >= 0:
		return binary.BigEndian, false
	}
	return nil, false
}

// utf16Reader decodes UTF-16 to UTF-8. The decoder of golang.org/x/text writes
// U+FFFD for half a surrogate pair, so that nobody would learn of it; this one
// writes bytes that are not UTF-8, and the row is judged for them.
type utf16Reader struct {
	r     io.Reader
	order binary.ByteOrder
	// raw is what one read gives, in what is not decoded yet, out what is and was
	// not taken yet; text is out's memory.
	raw, in, out, text []byte
	err                error
}

func newUTF16Reader(r io.Reader, order binary.ByteOrder) *utf16Reader {
	return &utf16Reader{r: r, order: order, raw: make([]byte, blockBytes)}
}

// Read implements io.Reader.
func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		var n int
		n, u.err = u.r.Read(u.raw)
		u.in = append(u.in, u.raw[:n]...)
		u.decode()
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// decode moves what is complete from in to out; at the end everything is.
func (u *utf16Reader) decode() {
	out, at := u.text[:0], 0
	for ; at+2 <= len(u.in); at += 2 {
		unit := rune(u.order.Uint16(u.in[at:]))
		if !utf16.IsSurrogate(unit) {
			out = utf8.AppendRune(out, unit)
			continue
		}
		if at+4 > len(u.in) && u.err == nil {
			break // the other half may follow
		}
		if at+4 <= len(u.in) {
			if pair := utf16.DecodeRune(unit, rune(u.order.Uint16(u.in[at+2:]))); pair != utf8.RuneError {
				out = utf8.AppendRune(out, pair)
				at += 2
				continue
			}
		}
		// One invalid byte: one U+FFFD when it is replaced.
		out = append(out, 0xFF)
	}
	if errors.Is(u.err, io.EOF) && at+1 == len(u.in) {
		out = append(out, 0xFF)
		at++
	}
	u.in = slices.Delete(u.in, 0, at)
	u.text, u.out = out, out
}

// replaceInvalid writes U+FFFD for every byte that is not UTF-8.
func replaceInvalid(text []byte) []byte {
	out := make([]byte, 0, len(text)+16)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		out = utf8.AppendRune(out, r)
		text = text[size:]
	}
	return out
}

// replaceLoneSurrogates writes \ufffd for every \u escape that is half of a
// surrogate pair, and returns the text itself when there is none.
func replaceLoneSurrogates(text []byte) []byte {
	var out []byte
	kept := 0
	for at := 0; at < len(text); at++ {
		if text[at] != '\\' {
			continue
		}
		unit, ok := escapedUnit(text[at:])
		if !ok || !utf16.IsSurrogate(unit) {
			at++ // whatever is escaped
			continue
		}
		if low, ok := escapedUnit(text[at+6:]); ok && utf16.DecodeRune(unit, low) != utf8.RuneError {
			at += 11
			continue
		}
		out = append(append(out, text[kept:at]...), `\ufffd`...)
		at += 5
		kept = at + 1
	}
	if kept == 0 {
		return text
	}
	return append(out, text[kept:]...)
}

// escapedUnit is the UTF-16 unit of the \u escape that the text begins with.
func escapedUnit(text []byte) (unit rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	var both [2]byte
	if _, err := hex.Decode(both[:], text[2:6]); err != nil {
		return 0, false
	}
	return rune(binary.BigEndian.Uint16(both[:])), true
}
