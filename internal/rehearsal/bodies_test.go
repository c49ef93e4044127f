package rehearsal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// The paths of the operations below a model's.
const (
	pathConverse       = "/converse"
	pathConverseStream = "/converse-stream"
	pathInvoke         = "/invoke"
	pathInvokeStream   = "/invoke-with-response-stream"
	pathChat           = "/v1/chat/completions"
)

// form is a way to ask a model over HTTP.
type form struct {
	name, path string
	// streamed is for a path whose body says whether its answer is streamed.
	streamed bool
}

// everyForm are all there are.
var everyForm = []form{
	{"Converse", pathConverse, false},
	{"ConverseStream", pathConverseStream, false},
	{"InvokeModel", pathInvoke, false},
	{"InvokeModelWithResponseStream", pathInvokeStream, false},
	{"chat completion", pathChat, false},
	{"streamed chat completion", pathChat, true},
}

// ask is a body with one question, and note one of [noting].
func (w form) ask(model, text string) string  { return w.mode(bodyFor(w.path, model, text)) }
func (w form) note(model, note string) string { return w.mode(noting(w.path, model, note)) }

func (w form) mode(body string) string {
	if w.streamed {
		return streaming(body)
	}
	return body
}

// text reads the text of a complete answer.
func (w form) text(answer []byte) (string, error) { return textIn(w.path, w.streamed, answer) }

// bodyFor is a request body with one question, in the form that a path takes.
func bodyFor(path, model, text string) string {
	if strings.HasSuffix(path, pathChat) {
		return `{"model":` + quoted(model) + `,"messages":[{"role":"user","content":` + quoted(text) + `}]}`
	}
	return ask(text)
}

// noting is a conversation in which a tool has just said a note, which the
// double repeats: an answer that no other request has.
func noting(path, model, note string) string {
	if strings.HasSuffix(path, pathChat) {
		return `{"model":` + quoted(model) + `,"tools":[{"type":"function","function":{"name":"note","parameters":{"type":"object"}}}],"messages":[` +
			`{"role":"user","content":"Read the note."},` +
			`{"role":"assistant","tool_calls":[{"id":"t1","type":"function","function":{"name":"note","arguments":"{}"}}]},` +
			`{"role":"tool","tool_call_id":"t1","content":` + quoted(note) + `}]}`
	}
	return `{"toolConfig":{"tools":[{"toolSpec":{"name":"note","inputSchema":{"json":{"type":"object"}}}}]},"messages":[` +
		`{"role":"user","content":[{"text":"Read the note."}]},` +
		`{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"note","input":{}}}]},` +
		`{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":` + quoted(note) + `}]}}]}]}`
}

// noted is the answer to [noting].
func noted(note string) string { return "The tool answered: " + note }

// streaming asks a chat completion to come as a stream.
func streaming(body string) string { return `{"stream":true,` + strings.TrimPrefix(body, "{") }

// textIn reads the text of a whole answer, in the form of its path. It is an
// error when the answer is not complete.
func textIn(path string, streamed bool, body []byte) (string, error) {
	switch {
	case strings.HasSuffix(path, pathChat) && streamed:
		return textOfEvents(body)
	case strings.HasSuffix(path, pathChat):
		return textOfChat(body)
	case strings.HasSuffix(path, pathConverseStream):
		return textOfFrames(body, func(_ string, payload []byte) ([]byte, error) { return payload, nil })
	case strings.HasSuffix(path, pathInvokeStream):
		return textOfFrames(body, unwrapChunk)
	}
	var answer struct {
		Output struct {
			Message struct{ Content []struct{ Text string } }
		}
		StopReason string
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.StopReason == "" || len(answer.Output.Message.Content) == 0 {
		return "", fmt.Errorf("%s is no answer: %w", body, err)
	}
	return answer.Output.Message.Content[0].Text, nil
}

func textOfChat(body []byte) (string, error) {
	var answer struct {
		Choices []struct {
			Message struct{ Content string }
			Reason  string `json:"finish_reason"`
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Choices) != 1 || answer.Choices[0].Reason == "" {
		return "", fmt.Errorf("%s is no chat completion: %w", body, err)
	}
	return answer.Choices[0].Message.Content, nil
}

// textOfEvents reads server-sent events up to the one that ends them.
func textOfEvents(body []byte) (string, error) {
	var text strings.Builder
	reason := ""
	for line := range strings.Lines(string(body)) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data:")
		if data = strings.TrimSpace(data); !ok {
			continue
		}
		if data == "[DONE]" {
			if reason == "" {
				return "", errors.New("the stream ended without a finish_reason")
			}
			return text.String(), nil
		}
		var chunk struct {
			Choices []struct {
				Delta  struct{ Content string }
				Reason string `json:"finish_reason"`
			}
			Error any
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil || chunk.Error != nil {
			return "", fmt.Errorf("chunk %s: %w", data, err)
		}
		for _, choice := range chunk.Choices {
			text.WriteString(choice.Delta.Content)
			reason += choice.Reason
		}
	}
	return "", errors.New("the stream ended without [DONE]")
}

// textOfFrames reads Bedrock's events; open turns a frame's payload into the
// event of ConverseStream that it holds.
func textOfFrames(body []byte, open func(event string, payload []byte) ([]byte, error)) (string, error) {
	var text strings.Builder
	reason := ""
	reader := bytes.NewReader(body)
	for {
		frame, err := eventstream.NewDecoder().Decode(reader, nil)
		if errors.Is(err, io.EOF) && reader.Len() == 0 && reason != "" {
			return text.String(), nil
		}
		if err != nil {
			return "", fmt.Errorf("reading frames, stop reason %q: %w", reason, err)
		}
		if kind := frame.Headers.Get(":message-type").String(); kind != "event" {
			return "", fmt.Errorf("got a frame of type %s: %s", kind, frame.Payload)
		}
		payload, err := open(frame.Headers.Get(":event-type").String(), frame.Payload)
		if err != nil {
			return "", err
		}
		var event struct {
			Delta      struct{ Text string }
			StopReason string
		}
		if err := json.Unmarshal(payload, &event); err != nil {
			return "", fmt.Errorf("event %s: %w", payload, err)
		}
		text.WriteString(event.Delta.Text)
		reason += event.StopReason
	}
}

// unwrapChunk takes an event out of a chunk of InvokeModelWithResponseStream.
func unwrapChunk(_ string, payload []byte) ([]byte, error) {
	var chunk struct{ Bytes []byte }
	if err := json.Unmarshal(payload, &chunk); err != nil {
		return nil, fmt.Errorf("chunk %s: %w", payload, err)
	}
	var events map[string]json.RawMessage
	if err := json.Unmarshal(chunk.Bytes, &events); err != nil {
		return nil, fmt.Errorf("chunk %s: %w", chunk.Bytes, err)
	}
	// What Bedrock adds to the model's own: metrics, and what a guardrail did.
	maps.DeleteFunc(events, func(name string, _ json.RawMessage) bool { return strings.HasPrefix(name, "amazon-bedrock-") })
	for _, event := range events {
		return event, nil
	}
	return nil, fmt.Errorf("chunk %s holds no event", chunk.Bytes)
}

// decode reads JSON.
func decode(t *testing.T, raw []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("reading %s: %v", raw, err)
	}
}
