package dataset

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// scanned is what scanText says of a text as it stands between quotes: how many
// characters it has, -1 for "don't know".
func scanned(m *machine, text string) int {
	b := append([]byte(`"`+text+`"`), make([]byte, window)...)
	end, surplus := m.scanText(b, 1)
	if end < 0 {
		return -1
	}
	return end - 1 - surplus
}

// TestReservedWordsAreNoticed: each word, in any case, wherever it stands in a
// stride and whatever stands around it.
func TestReservedWordsAreNoticed(t *testing.T) {
	for _, anchor := range anchors {
		for _, w := range reservedWords[anchor] {
			for _, word := range []string{w.word, strings.ToLower(w.word), strings.ToUpper(w.word), strings.ToUpper(w.word[:2]) + strings.ToLower(w.word[2:])} {
				for offset := range 2 * window {
					for _, before := range []string{strings.Repeat("a", offset), strings.Repeat("r:", offset/2) + strings.Repeat("<", offset%2), strings.Repeat("é", offset/2) + strings.Repeat(`t`, offset%2)} {
						for _, after := range []string{"", " ", `\n`, "é", strings.Repeat(" and so on", 5)} {
							text := before + word + after
							if got := scanned(wordMachine, text); got >= 0 {
								t.Fatalf("%q: got %d characters, want don't know", text, got)
							}
							want := utf8.RuneCountInString(strings.ReplaceAll(text, `\n`, "\n"))
							if got := scanned(plainMachine, text); got != want {
								t.Fatalf("%q without reserved words: got %d characters, want %d", text, got, want)
							}
						}
					}
				}
			}
		}
	}
}

// TestNearlyReserved: texts that only look like reserved words stay in the fast
// tier, or it would be slow on them.
func TestNearlyReserved(t *testing.T) {
	for _, text := range []string{
		"ser:", "xser: y", "not: it", "them: us", "a[i] = b[e]", "<i>x</i>", "[eo", "<unknown>", "user :", `Use\r:`, "T:M:R:", "<[<[", "[e[e<i<v",
	} {
		for offset := range window {
			text := strings.Repeat("-", offset) + text
			want := utf8.RuneCountInString(strings.ReplaceAll(text, `\r`, "\r"))
			if got := scanned(wordMachine, text); got != want {
				t.Errorf("%q: got %d characters, want %d", text, got, want)
			}
		}
	}
}

// TestScanBytes holds every pair of bytes, and what may follow the first two of
// longer characters, against the standard library.
func TestScanBytes(t *testing.T) {
	for first := range 256 {
		for second := range 256 {
			pair := string([]byte{byte(first), byte(second)})
			texts := []string{pair}
			if first >= 0xE0 {
				texts = append(texts, pair+"\x80", pair+"\xBF", pair+"\x7F", pair+"\xC0", pair+"\x80\x80", pair+"\xBF\xBF", pair+"\x80\x7F", pair+"\xBF\xC0")
			}
			for _, text := range texts {
				if strings.ContainsAny(text, `"\`) {
					continue // TestScanEscapes has them
				}
				valid := utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' })
				for _, offset := range []int{0, stride - 3, stride - 2, stride - 1} {
					want := -1
					if valid {
						want = offset + utf8.RuneCountInString(text)
					}
					for _, m := range []*machine{plainMachine, wordMachine} {
						if got := scanned(m, strings.Repeat(".", offset)+text); got != want {
							t.Fatalf("% x at %d: got %d characters, want %d", text, offset, got, want)
						}
					}
				}
			}
		}
	}
}

func TestScanEscapes(t *testing.T) {
	for _, tt := range []struct {
		text string
		want int
	}{
		{`\n`, 1}, {`\"`, 1}, {`\\`, 1}, {`\\\\`, 2}, {`\\\"`, 2}, {`\\n\n`, 3}, {`\/\b\f\r\t`, 5}, {`\u00e9`, 1}, {`\ud83d\ude00`, 1},
		{`\u00e9\n\u00e9é\\`, 5}, {`é\\é`, 3}, {"😀\\n😀", 3},
		{`\q`, -1}, {`\x`, -1}, {"\\\n", -1}, {"\\é", -1}, {`\u00e`, -1}, {`\u0041`, -1}, {`\ud83d`, -1}, {`\ude00`, -1}, {`\ud83d\n`, -1}, {`\\\`, -1},
	} {
		for offset := range window {
			want := tt.want
			if want >= 0 {
				want += offset
			}
			text := strings.Repeat("-", offset) + tt.text
			if got := scanned(wordMachine, text); got != want {
				t.Errorf("%s: got %d characters, want %d", text, got, want)
			}
		}
	}
}

// TestPlain: what the machine may stop at is not taken for plain text.
func TestPlain(t *testing.T) {
	for c := range 256 {
		marked := c < ' ' || c == '"' || c == '\\' || c >= 0x80 || reservedWords[c] != nil
		for at := range stride {
			for _, other := range []byte{'a', '"' + 1, 0x7F} {
				p := [stride]byte(bytes.Repeat([]byte{other}, stride))
				p[at] = byte(c)
				if got := plain(&p); marked && got > at {
					t.Fatalf("%q: got %d plain bytes, want no more than %d", p, got, at)
				}
			}
		}
	}
	if got := plain((*[stride]byte)([]byte("plain text it is"))); got != stride {
		t.Errorf("got %d plain bytes, want %d", got, stride)
	}
}
