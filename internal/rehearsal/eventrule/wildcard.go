package eventrule

import (
	"fmt"
	"strings"
)

// wildcard is a text with '*' for any number of characters: the literal
// pieces between the stars, so that n stars leave n+1 pieces.
type wildcard []string

// parseWildcard reads EventBridge's wildcard: "*" matches any run of
// characters, `\*` and `\\` stand for themselves, and two stars in a row are
// refused as EventBridge refuses them.
func parseWildcard(text string) (wildcard, error) {
	var pieces wildcard
	var piece strings.Builder
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
			if i == len(text) || (text[i] != '*' && text[i] != '\\') {
				return nil, fmt.Errorf(`wildcard: a backslash may only stand before * or \`)
			}
			piece.WriteByte(text[i])
		case '*':
			if i+1 < len(text) && text[i+1] == '*' {
				return nil, fmt.Errorf("wildcard: two consecutive * are not allowed")
			}
			pieces = append(pieces, piece.String())
			piece.Reset()
		default:
			piece.WriteByte(text[i])
		}
	}
	return append(pieces, piece.String()), nil
}

// match anchors the first and the last piece and finds the ones between from
// left to right; taking the earliest place for each can never hide a match.
func (w wildcard) match(s string) bool {
	first, last := w[0], w[len(w)-1]
	if len(w) == 1 {
		return s == first
	}
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, piece := range w[1 : len(w)-1] {
		i := strings.Index(s, piece)
		if i < 0 {
			return false
		}
		s = s[i+len(piece):]
	}
	return true
}
