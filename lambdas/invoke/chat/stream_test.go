package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// TestStream plays whole streams: each file in testdata has a line an event, its
// type and its payload, and beside it is what the client reads. "end" is the end
// of Bedrock's stream, "fail" an error in its midst, with AWS's name and words.
func TestStream(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.events"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no streams in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".events"), func(t *testing.T) {
			text, err := os.ReadFile(file) //nolint:gosec // the package's own file
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, meta.NewStream(strings.Contains(file, "usage")), string(text))
			wellFormed(t, got)
			golden := strings.TrimSuffix(file, ".events") + ".sse"
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden) //nolint:gosec // the package's own file
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// play feeds a stream from a script and returns all it writes.
func play(t *testing.T, s *Stream, script string) []byte {
	t.Helper()
	var out []byte
	for line := range strings.Lines(script) {
		name, payload, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "end":
			out = append(out, s.End()...)
		case "fail":
			kind, words, _ := strings.Cut(payload, " ")
			out = append(out, s.Fail(FromBedrock(0, kind, words))...)
		default:
			written, err := s.Event(name, []byte(payload))
			var e *Error
			if errors.As(err, &e) {
				written = s.Fail(*e)
			}
			out = append(out, written...)
		}
	}
	return out
}

// wellFormed holds what a client reads against the form of server-sent events
// and of chunks: each event is one line of data, JSON or the end mark; the id is
// always the same; the role comes first; arguments belong to a call that was
// begun; nothing follows the finish reason but the tokens; nothing follows an
// error or the end mark.
func wellFormed(t *testing.T, sse []byte) {
	t.Helper()
	if len(sse) == 0 {
		return
	}
	text, ok := strings.CutSuffix(string(sse), "\n\n")
	if !ok {
		t.Fatalf("the last event has no end: %q", sse)
	}
	r := reader{t: t, arguments: map[int]string{}}
	for _, event := range strings.Split(text, "\n\n") {
		line, ok := strings.CutPrefix(event, "data: ")
		if !ok || strings.ContainsAny(line, lineBreaks) || r.over {
			t.Fatalf("not one line of data, or after the end: %q", event)
		}
		if line == "[DONE]" {
			r.over = true
			if r.finish == "" {
				t.Fatalf("the end mark without a finish reason: %q", sse)
			}
			continue
		}
		r.read(line)
	}
}

// lineBreaks are all that any client takes for the end of a line.
const lineBreaks = "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029"

// reader is a client.
type reader struct {
	t      *testing.T
	begun  bool
	over   bool
	finish string
	// arguments are those of the calls, put together.
	arguments map[int]string
}

func (r *reader) read(line string) {
	r.t.Helper()
	var c streamed
	if err := json.Unmarshal([]byte(line), &c); err != nil {
		r.t.Fatalf("%v in %q", err, line)
	}
	switch {
	case c.Error != nil:
		r.over = true
		if c.Error.Message == "" || c.Error.Type == "" {
			r.t.Fatalf("an error without words: %q", line)
		}
	case c.ID != meta.ID || c.Object != "chat.completion.chunk" || c.Model != meta.Model || c.Created != meta.Created.Unix() || c.Choices == nil:
		r.t.Fatalf("not this stream's chunk: %q", line)
	case len(c.Choices) > 0:
		r.readChoice(c.Choices[0], line)
	case r.finish == "" || len(c.Usage) == 0:
		r.t.Fatalf("no choice, and no tokens at the end: %q", line)
	}
}

// streamed is a chunk or an error, and streamedChoice its choice, as a client
// reads them.
type (
	streamed struct {
		ID, Object, Model string
		Created           int64
		Error             *struct{ Message, Type string }
		Choices           []streamedChoice
		Usage             json.RawMessage
	}
	streamedChoice struct {
		Delta struct {
			Role      string
			ToolCalls []struct {
				Index    *int
				Function struct{ Arguments string }
			} `json:"tool_calls"`
		}
		FinishReason *string `json:"finish_reason"`
	}
)

func (r *reader) readChoice(choice streamedChoice, line string) {
	r.t.Helper()
	if r.finish != "" || (choice.Delta.Role == "assistant") == r.begun {
		r.t.Fatalf("after the finish reason, or the role is not first: %q", line)
	}
	r.begun = true
	for _, call := range choice.Delta.ToolCalls {
		if call.Index == nil {
			r.t.Fatalf("a call without index: %q", line)
		}
		if _, known := r.arguments[*call.Index]; !known && *call.Index != len(r.arguments) {
			r.t.Fatalf("a call out of order: %q", line)
		}
		r.arguments[*call.Index] += call.Function.Arguments
	}
	if choice.FinishReason != nil {
		r.finish = *choice.FinishReason
	}
}
