package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/iampolicy/random"
)

// words are the other evaluator's, by how a request ends.
func words(t *testing.T, end iampolicy.Effect) string {
	t.Helper()
	for word, effect := range theirs {
		if effect == end {
			return word
		}
	}
	t.Fatalf("there is no word for %v", end)
	return ""
}

// Ensure an answer that nothing explains fails, and one that agrees does not.
func TestTally(t *testing.T) {
	statement := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["*"],"Resource":["*"],"Condition":{"StringNotEquals":{"s3:prefix":["${aws:PrincipalTag/team}"]}}}]}`
	c := random.Case{
		Principal: "arn:aws:iam::111122223333:user/ana", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/yellow", Identity: []byte(statement),
		Context: map[string][]string{"s3:prefix": {"a"}, "aws:PrincipalTag/team": {"b"}},
	}
	for name, tc := range map[string]struct {
		answer string
		team   []string
		open   int
	}{
		"agree":               {words(t, iampolicy.Allowed), []string{"b"}, 0},
		"disagree":            {words(t, iampolicy.ImplicitDeny), []string{"b"}, 1},
		"a difference":        {words(t, iampolicy.ImplicitDeny), nil, 0},
		"not this difference": {words(t, iampolicy.ExplicitDeny), nil, 1},
		"no answer":           {"error: broken", []string{"b"}, 1},
	} {
		tally := &tally{known: map[string]int{}}
		c.Context["aws:PrincipalTag/team"] = tc.team
		if err := tally.add(c, tc.answer); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var out bytes.Buffer
		err := tally.report(&out, 1)
		if len(tally.open) != tc.open || (err != nil) != (tc.open > 0) || !strings.Contains(out.String(), "1 cases with seed 1") {
			t.Errorf("%s: got %q, %v and %q, want %d open", name, tally.open, err, out.String(), tc.open)
		}
	}
}

// Ensure each difference that is known turns up among the cases that are drawn: one
// that does not would be a reason for nothing.
func TestDifferencesAreDrawn(t *testing.T) {
	met := map[string]bool{}
	drawn := draw(1)
	for range 2000 {
		c := drawn()
		for _, document := range []json.RawMessage{c.Identity, c.ResourcePolicy, c.Boundary} {
			if document == nil {
				continue
			}
			names, err := rewrite(c, &document)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				met[name] = true
			}
		}
	}
	for _, d := range differences {
		if !met[d.name] {
			t.Errorf("%s: no case has it", d.name)
		}
	}
}
