package iampolicy

import (
	"regexp"
	"strings"
	"testing"
)

// Wildcards as the guide's pages on Action and Resource describe them.
func TestPatterns(t *testing.T) {
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "*", true},
		{"*", "arn:aws:s3:::b", true},
		{"arn:aws:s3:::b", "arn:aws:s3:::b", true},
		{"arn:aws:s3:::b", "arn:aws:s3:::b/k", false},
		{"arn:aws:s3:::b*", "arn:aws:s3:::b/k", true},
		{"arn:aws:s3:::b/?", "arn:aws:s3:::b/k", true},
		{"arn:aws:s3:::b/?", "arn:aws:s3:::b/", false},
		{"arn:aws:s3:::b/*/c", "arn:aws:s3:::b/x/y/c", true},
		{"arn:aws:s3:::b/é?", "arn:aws:s3:::b/éü", true},
		{"arn:aws:s3:::B", "arn:aws:s3:::b", false},
		{"arn:aws:lambda:*:111122223333:function:f", "arn:aws:lambda:us-east-1:111122223333:function:f", true},
		{"arn:aws:lambda:us-*-1:111122223333:function:f", "arn:aws:lambda:us-east-1:111122223333:function:f", true},
		// A wildcard in the middle of a segment does not cross a colon ...
		{"arn:aws:lambda:us-*1:function:f", "arn:aws:lambda:us-east-1:111122223331:function:f", false},
		{"arn:aws:lambda:us-east-1?111122223333:function:f", "arn:aws:lambda:us-east-1:111122223333:function:f", false},
		// ... one at its end does, and so does one in the last segment.
		{"arn:aws:lambda:*:function:f", "arn:aws:lambda:us-east-1:111122223333:function:f", true},
		{"arn:aws:lambda:*", "arn:aws:lambda:us-east-1:111122223333:function:f", true},
		{"arn:aws:logs:r:a:log-group:/x*:log-stream:?", "arn:aws:logs:r:a:log-group:/x/y:z:log-stream:1", true},
		{"arn:aws:execute-api:r:a:api/live/POST/model/a/*", "arn:aws:execute-api:r:a:api/live/POST/model/a/v1/chat/completions", true},
		{"arn:aws:execute-api:r:a:api/live/POST/model/a/*", "arn:aws:execute-api:r:a:api/live/POST/model/ab/converse", false},
		{"arn:aws:execute-api:r:a:api/live/GET/models", "arn:aws:execute-api:r:a:api/live/GET/models/a", false},
	} {
		ts, err := resourceTemplates([]string{tc.pattern})
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := ts[0].matchesResource(tc.text, nil); err != nil || got != tc.want {
			t.Errorf("%s on %s: got %v, %v, want %v", tc.pattern, tc.text, got, err, tc.want)
		}
	}
}

// Ensure a pattern made to be slow is not.
func TestPatternsAreNotSlow(t *testing.T) {
	p := textPattern(strings.Repeat("a*", 500) + "b")
	if p.matches(strings.Repeat("a", 2000)) {
		t.Error("there is no b")
	}
}

// FuzzPattern holds the matcher against regular expressions.
func FuzzPattern(f *testing.F) {
	f.Add("arn:aws:s3:*:b?/*", "arn:aws:s3:::bc/d")
	f.Add("arn:*a:*", "arn:ba:c:d")
	f.Add("***?", "é")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		// A regular expression takes an invalid byte for U+FFFD as well, but a
		// dot for one byte of it.
		pattern, text = strings.ToValidUTF8(pattern, "x"), strings.ToValidUTF8(text, "x")
		if got, want := textPattern(pattern).matches(text), expression(pattern, false).MatchString(text); got != want {
			t.Errorf("%q as a text on %q: got %v, want %v", pattern, text, got, want)
		}
		if got, want := arnPattern(textPattern(pattern)).matches(text), expression(pattern, true).MatchString(text); got != want {
			t.Errorf("%q as an ARN on %q: got %v, want %v", pattern, text, got, want)
		}
	})
}

func expression(pattern string, segments bool) *regexp.Regexp {
	parts := []string{pattern}
	if segments {
		parts = strings.SplitN(pattern, ":", 6)
	}
	for i, part := range parts {
		quoted := regexp.QuoteMeta(part)
		if segments && i < 5 {
			ends, crosses := strings.CutSuffix(quoted, `\*`)
			quoted = strings.NewReplacer(`\*`, `[^:]*`, `\?`, `[^:]`).Replace(ends)
			if crosses {
				quoted += `.*`
			}
		}
		parts[i] = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(quoted)
	}
	return regexp.MustCompile(`(?s)\A` + strings.Join(parts, ":") + `\z`)
}
