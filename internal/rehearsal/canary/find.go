package canary

import (
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// deepest is how many layers of escapes are undone, each in what the one before
// left: of an event in a log line in an event, and somewhat more.
const deepest = 4

// Find returns the ways in of the canaries that a text holds, in order. It is made for
// megabytes of them: each step is one pass over the text.
func (c *Cage) Find(text string) []string {
	found := map[string]bool{}
	seen := map[string]bool{}
	var look func(text string, depth int)
	look = func(text string, depth int) {
		if len(text) < Part || seen[text] {
			return
		}
		seen[text] = true
		c.match(bare(text), found)
		if depth == 0 {
			return
		}
		for _, undone := range undo(text) {
			look(undone, depth-1)
		}
	}
	look(text, deepest)
	return slices.Sorted(maps.Keys(found))
}

// match notes the canaries of which a bare text has a part.
func (c *Cage) match(bare string, found map[string]bool) {
	for i := range max(0, len(bare)-Part+1) {
		if !c.heads[head(bare[i:])] {
			continue
		}
		if where, ok := c.parts[bare[i:i+Part]]; ok {
			found[where] = true
		}
	}
}

// head is a number by the first three bytes of a text: most of a text is no canary by
// that alone.
func head(text string) uint16 {
	return uint16(text[0]&31)<<10 | uint16(text[1]&31)<<5 | uint16(text[2]&31)
}

// bare is a text's letters and digits, the letters lower-case: whatever separates
// the groups of a canary does not matter.
func bare(text string) string {
	b := make([]byte, 0, len(text))
	for _, r := range []byte(text) {
		switch {
		case r >= 'A' && r <= 'Z':
			b = append(b, r+'a'-'A')
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b = append(b, r)
		}
	}
	return string(b)
}

// undo returns what a text is without one layer of each kind of escape, where it
// has any.
func undo(text string) []string {
	var undone []string
	if strings.Contains(text, `\`) {
		undone = append(undone, unescape(text, '\\', jsonEscape))
	}
	if strings.Contains(text, "%") {
		undone = append(undone, unescape(text, '%', urlEscape))
	}
	for _, kind := range []struct {
		digits string
		least  int
		decode func(string) []string
	}{
		{"+-/_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 22, decodeBase64},
		{"0123456789ABCDEFabcdef", 2 * Part, decodeHex},
	} {
		if joined := decoded(text, kind.digits, kind.least, kind.decode); joined != "" {
			undone = append(undone, joined)
		}
	}
	return undone
}

// unescape undoes a kind of escape wherever one stands: read returns what the escape
// at the beginning of a text stands for, and its length.
func unescape(text string, mark byte, read func(text string) (plain string, length int)) string {
	var b strings.Builder
	for {
		at := strings.IndexByte(text, mark)
		if at < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:at])
		plain, length := read(text[at:])
		b.WriteString(plain)
		text = text[at+length:]
	}
}

// jsonEscape reads one of JSON's. Half a pair stands for nothing that a canary has.
func jsonEscape(text string) (plain string, length int) {
	if len(text) < 2 {
		return "", len(text)
	}
	switch text[1] {
	case 'u':
		if len(text) >= 6 {
			if n, err := strconv.ParseUint(text[2:6], 16, 16); err == nil {
				return string(rune(n)), 6
			}
		}
	case 'n', 'r', 't', 'b', 'f':
		return " ", 2
	}
	return text[1:2], 2
}

// urlEscape reads one of a URL's.
func urlEscape(text string) (plain string, length int) {
	if len(text) >= 3 {
		if b, err := hex.DecodeString(text[1:3]); err == nil {
			return string(b), 3
		}
	}
	return " ", 1
}

// decoded are the decoded runs of such digits in a text, a line each, as far as they
// are text.
func decoded(text, digits string, least int, decode func(string) []string) string {
	var is [256]bool
	for _, b := range []byte(digits) {
		is[b] = true
	}
	var all []string
	for start := 0; start < len(text); start++ {
		end := start
		for end < len(text) && is[text[end]] {
			end++
		}
		if end-start >= least {
			for _, plain := range decode(text[start:end]) {
				if isText(plain) {
					all = append(all, plain)
				}
			}
		}
		start = end
	}
	return strings.Join(all, "\n")
}

// isText says whether something decoded is no chance product: most of it is text.
// Its ends may be anything, where a run began or ended beside what was encoded.
func isText(plain string) bool {
	odd := 0
	for _, r := range plain {
		if r == utf8.RuneError || r < ' ' && r != '\n' && r != '\t' && r != '\r' {
			odd++
		}
	}
	return odd <= 4+len(plain)/16
}

// decodeBase64 decodes a run that may begin in the middle of another.
func decodeBase64(run string) []string {
	run = strings.NewReplacer("-", "+", "_", "/").Replace(run)
	var all []string
	for start := range min(4, len(run)) {
		part := run[start:]
		part = part[:len(part)/4*4]
		if text, err := base64.RawStdEncoding.DecodeString(part); err == nil {
			all = append(all, string(text))
		}
	}
	return all
}

// decodeHex decodes a run that may begin in the middle of a byte.
func decodeHex(run string) []string {
	var all []string
	for start := range 2 {
		part := run[start:]
		if text, err := hex.DecodeString(part[:len(part)/2*2]); err == nil {
			all = append(all, string(text))
		}
	}
	return all
}
