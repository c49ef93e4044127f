package split

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

func TestNormalize(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"case", "Hello WORLD", "hello world"},
		{"white space", "\t a \r\n\n b\u00A0c\u2003 ", "a b c"},
		{"sharp s", "Straße", "strasse"},
		{"final sigma", "ὈΔΥΣΣΕΎΣ", "ὀδυσσεύσ"},
		{"composed and decomposed", "E\u0301cole", "\u00E9cole"},
		{"no compatibility", "ﬁ №", "fi №"},
		{"Cherokee, capital", "Ꮎ", "ꮎ"},
		{"Cherokee, small", "ꮎ", "ꮎ"},
		{"dotted I", "İ", "i"},
		{"dotted I, decomposed", "I\u0307", "i"},
	}
	for _, tt := range tests {
		if got := Normalize(tt.in); got != norm.NFC.String(tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestNormalizeLowerCase: what differs in case only, as the check's
// near-duplicates see it, differs in nothing here.
func TestNormalizeLowerCase(t *testing.T) {
	for r := range unicode.MaxRune {
		if lower := unicode.ToLower(r); Normalize(string(lower)) != Normalize(string(r)) {
			t.Errorf("%U and its lower case %U differ", r, lower)
		}
	}
}

// FuzzNormalize: what is normalized stays as it is, upper case and other forms of
// the same text come out the same, and no white space is left at the ends.
func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{"Straße", "E\u0301", "ὈΔΥΣΣΕΎΣ", " a\u00A0 b ", "\u0345\u0301α", "ǰ\u0323", "i\u0307\u0307", "\xFF"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := Normalize(text)
		if again := Normalize(got); again != got {
			t.Errorf("%q became %q and then %q", text, got, again)
		}
		for _, same := range []string{norm.NFC.String(text), norm.NFD.String(text), " " + text + "\n"} {
			if other := Normalize(same); other != got {
				t.Errorf("%q became %q, %q became %q", text, got, same, other)
			}
		}
		if other := normalizeAny(text); other != got {
			t.Errorf("%q became %q the fast way, %q the other", text, got, other)
		}
		if strings.TrimFunc(got, unicode.IsSpace) != got {
			t.Errorf("white space around %q", got)
		}
	})
}
