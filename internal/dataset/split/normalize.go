package split

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Normalize returns the text in a form in which case, white space and the way
// that accents are encoded make no difference: NFC, case-folded, every run of
// white space one blank, none at the ends. Two texts of the same form are
// canonical caseless matches (Unicode Standard, section 3.13, definition D145),
// but that the dot of a small i counts for nothing: the check's near-duplicates
// have one lower case for I with a dot and I without, and may not be torn apart.
func Normalize(text string) string {
	if ascii(text) {
		// The same, several times as fast.
		return strings.Join(strings.Fields(strings.ToLower(text)), " ")
	}
	return normalizeAny(text)
}

const dottedI = "i\u0307"

// normalizeAny is Normalize for text that is not only ASCII.
func normalizeAny(text string) string {
	folded := cases.Fold().String(strings.Map(oneCherokeeCase, norm.NFD.String(text)))
	for strings.Contains(folded, dottedI) {
		folded = strings.ReplaceAll(folded, dottedI, "i")
	}
	// Folding can bring together what normalization orders.
	return norm.NFC.String(strings.Join(strings.Fields(folded), " "))
}

// oneCherokeeCase has Cherokee in one case before it is folded: the fold turns
// either case into the other (golang/go issue 46101).
func oneCherokeeCase(r rune) rune {
	if r > unicode.MaxLatin1 && unicode.Is(unicode.Cherokee, r) {
		return unicode.ToUpper(r)
	}
	return r
}

func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}
