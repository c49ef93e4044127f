package bedrock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
)

// textBlock is a ContentBlock or SystemContentBlock, of which only text counts.
type textBlock struct {
	Text string `json:"text"`
}

// message is Message.
type message struct {
	Role    string      `json:"role"`
	Content []textBlock `json:"content"`
}

// converseInput is the part of ConverseRequest the double looks at.
type converseInput struct {
	Messages        []message   `json:"messages"`
	System          []textBlock `json:"system"`
	InferenceConfig struct {
		MaxTokens     int      `json:"maxTokens"`
		StopSequences []string `json:"stopSequences"`
	} `json:"inferenceConfig"`
}

// ask checks a conversation and turns it into the question of its last turn.
func ask(messages []message, system []textBlock) (question, *apiError) {
	if len(messages) == 0 {
		return question{}, invalid("The conversation must have at least one message.")
	}
	q := question{}
	for _, block := range system {
		q.input += tokens(block.Text)
	}
	for i, m := range messages {
		if want := []string{"user", "assistant"}[i%2]; m.Role != want {
			return question{}, invalid("A conversation must start with a user message and roles must alternate.")
		}
		var texts []string
		for _, block := range m.Content {
			texts = append(texts, block.Text)
			q.input += tokens(block.Text)
		}
		q.text = strings.Join(texts, "\n")
	}
	if messages[len(messages)-1].Role != "user" {
		return question{}, invalid("A conversation must end with a user message.")
	}
	if strings.TrimSpace(q.text) == "" {
		return question{}, invalid("The text of the last message must not be blank.")
	}
	return q, nil
}

// converseAnswer does what Converse and ConverseStream share.
func (d *Double) converseAnswer(rq *request) (completion, *apiError) {
	t, refused := d.resolve(rq)
	if refused != nil {
		return completion{}, refused
	}
	var in converseInput
	if err := rq.in.Decode(&in); err != nil {
		return completion{}, refuse("InternalServerException", "%v", err)
	}
	q, refused := ask(in.Messages, in.System)
	if refused != nil {
		return completion{}, refused
	}
	q.maxTokens, q.stops = in.InferenceConfig.MaxTokens, in.InferenceConfig.StopSequences
	return t.complete(q), nil
}

// latency is the latencyMs answered: virtual, so that answers are the same in
// every run.
func (c completion) latency() int { return 200 + 10*c.output }

func (c completion) usage() map[string]any {
	return map[string]any{"inputTokens": c.input, "outputTokens": c.output, "totalTokens": c.input + c.output}
}

func (d *Double) converse(rq *request) (any, *apiError) {
	c, refused := d.converseAnswer(rq)
	if refused != nil {
		return nil, refused
	}
	return map[string]any{
		"output":     map[string]any{"message": message{Role: "assistant", Content: []textBlock{{c.text}}}},
		"stopReason": c.reason, "usage": c.usage(), "metrics": map[string]any{"latencyMs": c.latency()},
	}, nil
}

// event is one event of a ConverseStream answer.
type event struct {
	name string
	body map[string]any
}

func (d *Double) converseStream(rq *request) (any, *apiError) {
	c, refused := d.converseAnswer(rq)
	if refused != nil {
		return nil, refused
	}
	events := []event{{"messageStart", map[string]any{"role": "assistant"}}}
	for _, piece := range strings.SplitAfter(c.text, " ") {
		delta := map[string]any{"contentBlockIndex": 0, "delta": textBlock{piece}}
		events = append(events, event{"contentBlockDelta", delta})
	}
	events = append(events,
		event{"contentBlockStop", map[string]any{"contentBlockIndex": 0}},
		event{"messageStop", map[string]any{"stopReason": c.reason}},
		event{"metadata", map[string]any{"usage": c.usage(), "metrics": map[string]any{"latencyMs": c.latency()}}})
	body, err := encodeEvents(rq, events)
	if err != nil {
		return nil, refuse("InternalServerException", "%v", err)
	}
	return reply{contentType: "application/vnd.amazon.eventstream", body: body}, nil
}

// encodeEvents checks events against the API model and frames them.
func encodeEvents(rq *request, events []event) ([]byte, error) {
	var stream bytes.Buffer
	encoder := eventstream.NewEncoder()
	for _, e := range events {
		payload, err := json.Marshal(e.body)
		if err != nil {
			return nil, fmt.Errorf("encoding event %s: %w", e.name, err)
		}
		if err := rq.op.CheckEvent(e.name, payload); err != nil {
			return nil, fmt.Errorf("checking event %s: %w", e.name, err)
		}
		framed := eventstream.Message{Payload: payload}
		framed.Headers.Set(eventstreamapi.MessageTypeHeader, eventstream.StringValue(eventstreamapi.EventMessageType))
		framed.Headers.Set(eventstreamapi.EventTypeHeader, eventstream.StringValue(e.name))
		framed.Headers.Set(eventstreamapi.ContentTypeHeader, eventstream.StringValue("application/json"))
		if err := encoder.Encode(&stream, framed); err != nil {
			return nil, fmt.Errorf("framing event %s: %w", e.name, err)
		}
	}
	return stream.Bytes(), nil
}
