package eventrule

import (
	"regexp"
	"strings"
	"testing"
)

func TestWildcard(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"a*c", "abc", true},
		{"a*c", "ac", true},
		{"a*a", "a", false},
		{"*", "", true},
		{"*.jsonl", ".jsonl", true},
		{"d/*/x*.jsonl", "d/a/b/xyz.jsonl", true},
		{"d/*/x*.jsonl", "d/x.jsonl", false},
		{"*a*b*c*", "xxaxxbxxcxx", true},
		{"*a*b*c*", "xxaxxcxxbxx", false},
		{`a\*b`, "a*b", true},
		{`a\*b`, "axb", false},
		{`a\\*`, `a\anything`, true},
		{"plain", "plain", true},
		{"plain", "plainer", false},
		{"é*ü", "é-ü", true},
	}
	for _, tt := range tests {
		w, err := parseWildcard(tt.pattern)
		if err != nil {
			t.Fatalf("parseWildcard(%q): %v", tt.pattern, err)
		}
		if got := w.match(tt.text); got != tt.want {
			t.Errorf("%q on %q: got %v, want %v", tt.pattern, tt.text, got, tt.want)
		}
	}
}

// FuzzMatch compares the wildcard matcher with Go's regular expressions.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"fine-tuning-datasets/*.jsonl", "fine-tuning-datasets/m/t.jsonl"},
		{"*ab*ab", "ababab"}, {`\**\\`, `*x\`}, {"a*a", "a"}, {"*", ""}, {"a**", "a"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		w, err := parseWildcard(pattern)
		if err != nil {
			return
		}
		oracle := toRegexp(pattern)
		if got, want := w.match(text), oracle.MatchString(text); got != want {
			t.Errorf("wildcard %q on %q: got %v, want %v", pattern, text, got, want)
		}
	})
}

// toRegexp spells a valid wildcard as a regular expression over bytes: invalid
// UTF-8 must not make the two disagree, so every byte becomes one rune.
func toRegexp(pattern string) latin1Regexp {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
			b.WriteString(regexp.QuoteMeta(string(rune(pattern[i]))))
		case '*':
			b.WriteString("(?s:.*)")
		default:
			b.WriteString(regexp.QuoteMeta(string(rune(pattern[i]))))
		}
	}
	return latin1Regexp{regexp.MustCompile(`\A` + b.String() + `\z`)}
}

type latin1Regexp struct{ *regexp.Regexp }

func (r latin1Regexp) MatchString(s string) bool {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return r.Regexp.MatchString(string(runes))
}
