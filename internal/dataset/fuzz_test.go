package dataset

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// The formats as encoding/json reads them: a second opinion on what Check
// accepts.
type (
	pcRecord struct {
		Prompt     *string `json:"prompt"`
		Completion *string `json:"completion"`
	}
	textBlock struct {
		Text *string `json:"text"`
	}
	convRecord struct {
		SchemaVersion *string     `json:"schemaVersion"`
		System        []textBlock `json:"system"`
		Messages      []struct {
			Role    string      `json:"role"`
			Content []textBlock `json:"content"`
		} `json:"messages"`
	}
)

// FuzzCheck: no input makes Check panic; findings lie within the file; the
// numbers agree with each other; and what is accepted is what encoding/json
// reads as the format.
func FuzzCheck(f *testing.F) {
	for _, tt := range [][]ruleTest{lineTests, shapeTests, conversationTests, countTests} {
		for _, t := range tt {
			f.Add([]byte(t.lines), t.o.Format == FormatConversation, t.o.Rules.ReservedWords)
		}
	}
	for _, name := range []string{"bad-prompt-completion.jsonl", "bad-conversation.jsonl"} {
		data, err := os.ReadFile(filepath.Join("testdata", name)) //nolint:gosec // a file of testdata
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, name == "bad-conversation.jsonl", true)
	}
	f.Fuzz(func(t *testing.T, data []byte, conversation, isNova bool) {
		o := Options{Format: FormatPromptCompletion, MaxLineBytes: 1 << 12, MaxFindings: 1 << 20}
		if conversation {
			o.Format, o.Rules = FormatConversation, llama
		}
		if isNova {
			o.Rules = nova
		}
		r, err := Check(context.Background(), bytes.NewReader(data), o)
		if err != nil {
			t.Fatal(err)
		}
		checkReport(t, r, data)
		if r.Accepted {
			checkAccepted(t, r, data)
		}
	})
}

func checkReport(t *testing.T, r Report, data []byte) {
	t.Helper()
	lines := bytes.Split(data, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	if r.Lines != int64(len(lines)) || r.Bytes != int64(len(data)) {
		t.Fatalf("got %d lines and %d bytes, want %d and %d", r.Lines, r.Bytes, len(lines), len(data))
	}
	if r.Records+r.Counts[CodeBlankLine] != r.Lines {
		t.Errorf("%d records and %d blank lines of %d lines", r.Records, r.Counts[CodeBlankLine], r.Lines)
	}
	if int64(len(r.Findings)) != r.Errors+r.Warnings+r.Notes || r.Accepted != (r.Errors == 0) {
		t.Errorf("%d findings, %d errors, %d warnings, %d notes, accepted %v", len(r.Findings), r.Errors, r.Warnings, r.Notes, r.Accepted)
	}
	last := int64(0)
	for _, f := range r.Findings {
		if f.Line == 0 && f.Column == 0 {
			last = r.Lines + 1
			continue
		}
		if f.Line < max(last, 1) || f.Line > r.Lines {
			t.Fatalf("%s on line %d of %d, after line %d", f.Code, f.Line, r.Lines, last)
		}
		if f.Column < 1 || f.Column > int64(len(lines[f.Line-1]))+1 {
			t.Fatalf("%s in column %d of a line of %d bytes", f.Code, f.Column, len(lines[f.Line-1]))
		}
		last = f.Line
	}
}

func checkAccepted(t *testing.T, r Report, data []byte) {
	t.Helper()
	var sum int64
	for line := range bytes.Lines(data) {
		if !utf8.Valid(line) {
			t.Fatalf("accepted a line that is not UTF-8: %q", line)
		}
		if r.Format == FormatConversation {
			sum += readConversation(t, line)
		} else {
			sum += readPromptCompletion(t, line)
		}
	}
	if sum != r.Characters {
		t.Errorf("got %d characters, encoding/json reads %d", r.Characters, sum)
	}
}

func readPromptCompletion(t *testing.T, line []byte) int64 {
	t.Helper()
	// The exact keys only: encoding/json would read "Prompt" as prompt.
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(line, &keys); err != nil {
		t.Fatalf("accepted what encoding/json refuses: %v: %q", err, line)
	}
	var record pcRecord
	for key, field := range map[string]**string{"prompt": &record.Prompt, "completion": &record.Completion} {
		if err := json.Unmarshal(keys[key], field); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v: %q", err, line)
		}
	}
	return runes(t, line, record.Prompt) + runes(t, line, record.Completion)
}

func readConversation(t *testing.T, line []byte) (sum int64) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	var record convRecord
	if err := dec.Decode(&record); err != nil {
		t.Fatalf("accepted what encoding/json refuses: %v: %q", err, line)
	}
	if record.SchemaVersion == nil || len(record.Messages) < 2 || len(record.Messages)%2 != 0 {
		t.Fatalf("accepted a conversation without version or with %d messages: %q", len(record.Messages), line)
	}
	for _, item := range record.System {
		sum += runes(t, line, item.Text)
	}
	for i, message := range record.Messages {
		if want := []string{"user", "assistant"}[i%2]; message.Role != want {
			t.Fatalf("accepted role %q where %q must be: %q", message.Role, want, line)
		}
		if len(message.Content) == 0 {
			t.Fatalf("accepted a message without content: %q", line)
		}
		for _, block := range message.Content {
			sum += runes(t, line, block.Text)
		}
	}
	return sum
}

func runes(t *testing.T, line []byte, text *string) int64 {
	t.Helper()
	if text == nil || *text == "" {
		t.Fatalf("accepted a missing or empty text: %q", line)
	}
	return int64(utf8.RuneCountInString(*text))
}
