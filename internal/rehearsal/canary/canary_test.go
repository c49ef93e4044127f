package canary

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// asJSON is a text as a JSON string.
func asJSON(t *testing.T, text string) string {
	t.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(quoted)
}

// Ensure a canary is found in every disguise, and whichever form of it was put in.
func TestFind(t *testing.T) {
	disguises := map[string]func(string) string{
		"as it is":            func(s string) string { return s },
		"in the middle":       func(s string) string { return "a" + s + "b" },
		"upper-case":          strings.ToUpper,
		"JSON":                func(s string) string { return asJSON(t, s) },
		"JSON in JSON":        func(s string) string { return asJSON(t, `{"message":`+asJSON(t, s)+`}`) },
		"JSON, thrice":        func(s string) string { return asJSON(t, asJSON(t, asJSON(t, s))) },
		"ASCII only":          strconv.QuoteToASCII,
		"Go":                  strconv.Quote,
		"a query":             url.QueryEscape,
		"a path":              url.PathEscape,
		"a query in a path":   func(s string) string { return url.PathEscape(url.QueryEscape(s)) },
		"base64":              func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 after one":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x" + s)) },
		"base64 after two":    func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("xy" + s)) },
		"base64 after a word": func(s string) string { return "QmFzZ" + base64.StdEncoding.EncodeToString([]byte(s)) },
		"base64 of JSON":      func(s string) string { return base64.StdEncoding.EncodeToString([]byte(asJSON(t, s))) },
		"base64 in JSON": func(s string) string {
			return asJSON(t, `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(s))+`"}`)
		},
		"hexadecimal":          func(s string) string { return hex.EncodeToString([]byte(s)) },
		"hexadecimal, shifted": func(s string) string { return "a" + strings.ToUpper(hex.EncodeToString([]byte(s))) },
		"another separator":    func(s string) string { return strings.ReplaceAll(s, " ", "-") },
		"without separators":   func(s string) string { return strings.ReplaceAll(s, " ", "") },
	}
	cage := NewCage("disguises")
	c := cage.Put("a test")
	cage.Put("another")
	for name, disguise := range disguises {
		for _, form := range []string{c.Word(), c.Words(), c.Text()} {
			if got := cage.Find("before " + disguise(form) + " after"); !slices.Equal(got, []string{"a test"}) {
				t.Errorf("%s of %q: found %q", name, form, got)
			}
		}
	}
}

// Ensure a part is found from the sixteenth letter on, and nothing where there is
// no canary, or one of another cage.
func TestParts(t *testing.T) {
	cage := NewCage("parts")
	c := cage.Put("a test")
	for start := range len(c.Word()) - Part {
		if got := cage.Find(c.Word()[start : start+Part]); len(got) != 1 {
			t.Errorf("the part at %d: found %q", start, got)
		}
		if got := cage.Find(c.Word()[start : start+Part-1]); len(got) != 0 {
			t.Errorf("less than a part at %d: found %q", start, got)
		}
	}
	for _, text := range []string{"", "a", strings.Repeat("The quick brown fox. ", 100), NewCage("others").Put("a test").Text(), base64.StdEncoding.EncodeToString(make([]byte, 300))} {
		if got := cage.Find(text); got != nil {
			t.Errorf("found %q in %.80q", got, text)
		}
	}
}

// Ensure canaries are distinct, and the same each time.
func TestPut(t *testing.T) {
	cage := NewCage("put")
	a, b := cage.Put("a"), cage.Put("b")
	if a == b || a != NewCage("put").Put("a") || a != cage.Put("a") || len(a.Word()) != 48 || a.Where != "a" {
		t.Errorf("a is %+v, b is %+v", a, b)
	}
	for _, c := range []Canary{a, b} {
		for _, form := range []string{c.Words(), c.Text()} {
			if got := bare(strings.ReplaceAll(form, "é", "")); got != c.Word() {
				t.Errorf("%q has the letters %s, want %s", form, got, c.Word())
			}
		}
	}
}
