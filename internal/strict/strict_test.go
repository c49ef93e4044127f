package strict

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

type record struct {
	Name  string    `json:"name"`
	Count int       `json:"count"`
	At    time.Time `json:"at,omitzero"`
	Inner struct {
		Deep string `json:"deep"`
	} `json:"inner"`
}

const limit = 200

// Ensure what is wrong with a text is found, and told without a word of it.
func TestDecode(t *testing.T) {
	const secret = "zanzibar"
	for text, want := range map[string]string{
		`{"name":"a","count":1,"at":"2026-11-29T12:00:00Z","inner":{"deep":"b"}}`: "",
		` {} `:                           "",
		``:                               "no JSON",
		`null`:                           "",
		`[]`:                             "is no object",
		`{"name":"zanzibar"`:             "no JSON",
		`{"name":"zanzibar"}{}`:          "no JSON in UTF-8 from byte 19",
		`{"name":"zanzibar"} zanzibar`:   "no JSON",
		`{"zan zibar":1}`:                "a member that is not known, at byte 1",
		`{"inner":{"zanzibar4711":1}}`:   "a member that is not known, at byte 10",
		`{"Name":"zanzibar"}`:            "a member that is not known, Name at byte 1",
		`{"name":"a","name":"zanzibar"}`: "twice",
		`{"zan zibar":1,"zan zibar":2}`:  "not known",
		`{"count":"zanzibar"}`:           "the value count at byte 9 is no number that fits",
		`{"count":314159}`:               "",
		`{"count":3.14159}`:              "the value count at byte 9 is no number that fits",
		`{"at":"zanzibar"}`:              "is no time as",
		"{\"name\":\"zanzibar\xff\"}":    "no JSON",
		`{"name":"\ud800zanzibar"}`:      "no JSON",
		`{"name":'zanzibar'}`:            "no JSON",
		`{"name":"` + strings.Repeat("a", limit) + `"}`: "too long: more than 200 bytes",
	} {
		var r record
		err := Decode([]byte(text), limit, &r)
		if (err != nil) != (want != "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "3.14")) {
			t.Errorf("%q: %v, want %q and nothing of the text", text, err, want)
		}
	}
}

// Ensure members that somebody else added are passed over, and nothing else is.
func TestDecodeKnown(t *testing.T) {
	var r record
	if err := DecodeKnown([]byte(`{"name":"a","new":{"b":[1]}}`), limit, &r); err != nil || r.Name != "a" {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, text := range []string{`{"new":1,"new":2}`, `{} {}`, `{"count":"1"}`, strings.Repeat(" ", limit) + "{}"} {
		if err := DecodeKnown([]byte(text), limit, &r); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// Ensure no more is read than allowed.
func TestRead(t *testing.T) {
	if text, err := Read(strings.NewReader("abc"), 3); err != nil || string(text) != "abc" {
		t.Errorf("got %q, %v", text, err)
	}
	endless := io.MultiReader(strings.NewReader("abcd"), iotest.ErrReader(errors.New("read on")))
	if _, err := Read(endless, 3); !errors.Is(err, ErrTooLong) {
		t.Errorf("got %v, want %v", err, ErrTooLong)
	}
	if _, err := Read(iotest.ErrReader(io.ErrUnexpectedEOF), 3); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, want the reader's error", err)
	}
}

// told are the errors there are.
var told = regexp.MustCompile(`^(it is too long: more than 200 bytes|a name stands twice in an object, at byte [0-9]+` +
	`|it is no JSON in UTF-8 from byte [0-9]+ on|it has a member that is not known, ([A-Za-z_-]+([0-9]{1,2}[A-Za-z_-]*)?(\.[A-Za-z_-]+([0-9]{1,2}[A-Za-z_-]*)?)* )?at byte [0-9]+` +
	`|the value ((name|count|at|inner|inner.deep) )?at byte [0-9]+ is no (object|text|number that fits|time as 2006-01-02T15:04:05Z))$`)

// FuzzDecode ensures that no error says more than where something is wrong.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"zanzibar":1}`, `{"name":"zanzibar`, `{"count":zanzibar}`, `{"inner":{"zanzibar":"zanzibar"}}`, `"zanzibar"`, "\xffzanzibar", `{"at":1}`, `{"a":1,"a":1}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r record
		if err := Decode([]byte(text), limit, &r); err != nil && !told.MatchString(err.Error()) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
