package chat

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzRead: no request breaks Read; what it refuses it refuses with 400 and
// words; what it accepts Converse accepts.
func FuzzRead(f *testing.F) {
	for _, test := range readable {
		f.Add([]byte(`{"model":"m",` + test.request + `}`))
	}
	for _, test := range refused {
		f.Add([]byte(test.request))
		f.Add([]byte(`{"model":"m",` + test.request + `}`))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Read(text)
		var e *Error
		switch {
		case err == nil:
			conforms(t, got.Converse)
		case !errors.As(err, &e) || e.Status != 400 || e.Type == "" || e.Message == "":
			t.Errorf("got %#v", err)
		case !json.Valid(e.Body()):
			t.Errorf("no JSON: %s", e.Body())
		}
	})
}

// FuzzStream: whatever Bedrock sends, a client reads server-sent events.
func FuzzStream(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.events"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // the package's own file
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), true)
	}
	f.Fuzz(func(t *testing.T, script string, usage bool) {
		wellFormed(t, play(t, meta.NewStream(usage), script))
	})
}

// FuzzAnswer: whatever Bedrock answers, a client gets JSON or an error of the
// upstream.
func FuzzAnswer(f *testing.F) {
	for _, test := range answers {
		f.Add([]byte(`{"output":{"message":{"content":[` + test.content + `]}},"stopReason":"` + test.stop + `","usage":{"inputTokens":1}}`))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := meta.Answer(text)
		var e *Error
		switch {
		case err == nil && !json.Valid(got):
			t.Errorf("no JSON: %s", got)
		case err != nil && (!errors.As(err, &e) || e.Status != 502 || e.Message == ""):
			t.Errorf("got %#v", err)
		}
	})
}
