package dataset

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// marker suspects every text that holds a word.
type marker struct {
	word string
	code Code
}

// Inspect implements Inspector.
func (m marker) Inspect(text []byte) []Suspicion {
	if bytes.Contains(text, []byte(m.word)) {
		return []Suspicion{{Code: m.code, What: "an example"}}
	}
	return nil
}

// sizesOf looks for media among these files.
func sizesOf(files map[string]int64) func([]byte) int64 {
	return func(key []byte) int64 {
		if size, ok := files[string(key)]; ok {
			return size
		}
		return MediaMissing
	}
}

// foundIn is what is found in the rows of a code, the good or the bad ones.
func foundIn(t *testing.T, info CodeInfo, rows string) []Finding {
	t.Helper()
	switch {
	case info.shown.key:
		return CheckObjectKey("bucket", rows)
	case info.shown.name:
		return CheckFileName(rows)
	}
	o := Options{Format: info.Format, Rules: info.shown.rules, Limits: info.shown.limits, NearDuplicates: info.shown.near}
	if files := info.shown.media; files != nil {
		o.MediaSize = sizesOf(files)
	}
	if info.shown.marks != "" {
		o.Inspectors = []Inspector{marker{info.shown.marks, info.Code}}
	}
	if info.shown.validation != "" {
		validation := o
		validation.Role = RoleValidation
		r := check(t, info.shown.validation, validation)
		o.Validation = &r
	}
	return check(t, rows, o).Findings
}

// TestCatalogue: the bad rows of every code have exactly one finding, of this
// code and its severity, and the good ones have none.
func TestCatalogue(t *testing.T) {
	for _, info := range Codes() {
		if info.shown.elsewhere {
			continue
		}
		t.Run(string(info.Code), func(t *testing.T) {
			if got := foundIn(t, info, info.Bad); len(got) != 1 || got[0].Code != info.Code || got[0].Severity != info.Severity {
				t.Errorf("the bad rows have %v, want one %s %s", got, info.Severity, info.Code)
			}
			if got := foundIn(t, info, info.Good); len(got) > 0 {
				t.Errorf("the good rows have %v, want nothing", got)
			}
		})
	}
}

// TestCodesAreComplete: the table is in order, says everything of every code,
// and only what a file says nothing about has no rows to be tried.
func TestCodesAreComplete(t *testing.T) {
	var last Code
	for _, info := range Codes() {
		if info.Code <= last {
			t.Errorf("%s stands after %s", info.Code, last)
		}
		last = info.Code
		for what, text := range map[string]string{"title": info.Title, "action": info.Action, "source": info.Source, "bad": info.Bad, "good": info.Good} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s has no %s", info.Code, what)
			}
		}
		if !slices.Contains([]Severity{SeverityError, SeverityWarning, SeverityNote}, info.Severity) {
			t.Errorf("%s has the severity %q", info.Code, info.Severity)
		}
		if outside := info.shown.key || info.shown.name || info.shown.elsewhere; outside != (info.Format == "") {
			t.Errorf("%s has rows of the format %q", info.Code, info.Format)
		}
		if info.shown.elsewhere && !strings.HasPrefix(string(info.Code), "TL16") {
			t.Errorf("%s is about what a file says, and its rows are not tried", info.Code)
		}
	}
}
