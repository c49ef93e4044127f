package chat

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Stream turns the events of ConverseStream into server-sent events, one chunk
// of a chat completion each. What it returns is to be written at once.
//
// It ends in one of two ways: with "data: [DONE]" after an answer that is whole,
// or with an error as its last event.
type Stream struct {
	meta  Meta
	usage bool

	// begun: the role has been told. ended: the finish reason has. closed: nothing
	// may follow.
	begun, ended, closed bool
	counted              *usage
	calls                map[int]*streamedCall
}

// streamedCall is a call of a tool, by the index of its block.
type streamedCall struct {
	// index is its number among the calls.
	index int
	// some says that a piece of its arguments has been told.
	some bool
}

// What this package writes of a stream
// (https://platform.openai.com/docs/api-reference/chat-streaming).
type (
	chunk struct {
		ID      string        `json:"id"`
		Object  string        `json:"object"`
		Created int64         `json:"created"`
		Model   string        `json:"model"`
		Choices []chunkChoice `json:"choices"`
		// Usage is there in every chunk if it was asked for, and null in all but the
		// last.
		Usage jsontext.Value `json:"usage,omitzero"`
	}
	chunkChoice struct {
		Index        int       `json:"index"`
		Delta        delta     `json:"delta"`
		Logprobs     *struct{} `json:"logprobs"`
		FinishReason *string   `json:"finish_reason"`
	}
	delta struct {
		Role      string       `json:"role,omitzero"`
		Content   *string      `json:"content,omitzero"`
		ToolCalls []answerCall `json:"tool_calls,omitzero"`
	}
)

// NewStream begins a stream. includeUsage has the tokens told in a chunk of their
// own at the end.
func (m Meta) NewStream(includeUsage bool) *Stream {
	return &Stream{meta: m, usage: includeUsage, calls: map[int]*streamedCall{}}
}

// Event takes one event of ConverseStream by its type, such as
// "contentBlockDelta", and returns what is to be written of it, which may be
// nothing. The error is an *[Error], and [Stream.Fail] says it to the client.
func (s *Stream) Event(eventType string, payload []byte) ([]byte, error) {
	if s.closed {
		return nil, nil
	}
	out, e := s.event(eventType, payload)
	if e != nil {
		return nil, e
	}
	return out, nil
}

func (s *Stream) event(eventType string, payload []byte) ([]byte, *Error) {
	var ev event
	if e := decode(payload, &ev, ""); e != nil {
		return nil, upstream("invalid_answer", "an event of Bedrock's stream is not one of ConverseStream")
	}
	if eventType == "metadata" {
		s.counted = ev.Usage.usage()
		return nil, nil
	}
	if s.ended {
		return nil, upstream("invalid_answer", "Bedrock's stream went on after its end")
	}
	switch eventType {
	case "messageStart":
		return s.begin(nil), nil
	case "contentBlockStart":
		return s.start(ev)
	case "contentBlockDelta":
		return s.delta(ev)
	case "contentBlockStop":
		return s.stopBlock(ev), nil
	case "messageStop":
		reason, e := finishReason(ev.Stop)
		if e != nil {
			return nil, e
		}
		s.ended = true
		return s.begin(s.chunk(delta{}, &reason)), nil
	}
	return nil, nil // a kind of event that is not known yet
}

// begin puts the chunk with the role before the first one.
func (s *Stream) begin(first []byte) []byte {
	if s.begun {
		return first
	}
	s.begun = true
	empty := ""
	return append(s.chunk(delta{Role: roleAssistant, Content: &empty}, nil), first...)
}

// start begins a block: of a call of a tool, its id and name are told.
func (s *Stream) start(ev event) ([]byte, *Error) {
	switch {
	case ev.Start.ToolUse != nil:
		call := &streamedCall{index: len(s.calls)}
		if s.calls[ev.Index] != nil {
			return nil, upstream("invalid_answer", "Bedrock's stream began one block twice")
		}
		s.calls[ev.Index] = call
		return s.called(answerCall{
			Index: &call.index, ID: ev.Start.ToolUse.ID, Type: "function", Function: answerFunction{Name: ev.Start.ToolUse.Name},
		}), nil
	case empty(ev.Start.Rest):
		return nil, nil
	}
	return nil, notCarried(ev.Start.Rest)
}

// empty says that an object, or what is there in place of one, has no members.
func empty(object jsontext.Value) bool {
	none := true
	return members(object, func(string, jsontext.Value) *Error { none = false; return nil }) == nil && none
}

// delta goes on with a block.
func (s *Stream) delta(ev event) ([]byte, *Error) {
	switch d := ev.Delta; {
	case d.Text != nil && *d.Text == "":
		return nil, nil
	case d.Text != nil:
		return s.begin(s.chunk(delta{Content: d.Text}, nil)), nil
	case d.ToolUse != nil:
		call := s.calls[ev.Index]
		if call == nil {
			return nil, upstream("invalid_answer", "Bedrock's stream went on with a call that it had not begun")
		}
		if d.ToolUse.Input == "" {
			return nil, nil
		}
		call.some = true
		return s.called(answerCall{Index: &call.index, Function: answerFunction{Arguments: d.ToolUse.Input}}), nil
	case !absent(d.Reasoning), !absent(d.Citation), empty(d.Rest):
		return nil, nil
	}
	return nil, notCarried(ev.Delta.Rest)
}

// stopBlock ends a block. A call without arguments gets the empty object, which
// clients read as JSON.
func (s *Stream) stopBlock(ev event) []byte {
	call := s.calls[ev.Index]
	if call == nil || call.some {
		return nil
	}
	call.some = true
	return s.called(answerCall{Index: &call.index, Function: answerFunction{Arguments: "{}"}})
}

// called is a chunk with a piece of a call.
func (s *Stream) called(c answerCall) []byte {
	return s.begin(s.chunk(delta{ToolCalls: []answerCall{c}}, nil))
}

// chunk is one server-sent event with one choice.
func (s *Stream) chunk(d delta, reason *string) []byte {
	c := s.empty()
	c.Choices = []chunkChoice{{Delta: d, FinishReason: reason}}
	if s.usage {
		c.Usage = jsontext.Value("null")
	}
	return data(encode(c))
}

// empty is a chunk without choices.
func (s *Stream) empty() chunk {
	return chunk{ID: s.meta.ID, Object: "chat.completion.chunk", Created: s.meta.Created.Unix(), Model: s.meta.Model}
}

// data frames JSON as a server-sent event
// (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).
// Some clients end a line at Unicode's breaks too, as Python's splitlines does:
// they are escaped like the ASCII ones, which JSON always escapes.
func data(encoded []byte) []byte {
	for raw, escaped := range unicodeBreaks {
		encoded = bytes.ReplaceAll(encoded, []byte(raw), []byte(escaped))
	}
	out := make([]byte, 0, len("data: \n\n")+len(encoded))
	out = append(out, "data: "...)
	out = append(out, encoded...)
	return append(out, "\n\n"...)
}

// unicodeBreaks are the line breaks beyond ASCII, which JSON has in strings only.
var unicodeBreaks = map[string]string{"\u0085": `\u0085`, "\u2028": `\u2028`, "\u2029": `\u2029`}

// End ends a stream that Bedrock ended: with the tokens, if they were asked for
// and told, and the end mark. A stream that ended before its answer did ends in
// an error.
func (s *Stream) End() []byte {
	if s.closed {
		return nil
	}
	if !s.ended {
		return s.Fail(*upstream("invalid_answer", "Bedrock's stream broke off before the answer's end: ask again"))
	}
	s.closed = true
	var out []byte
	if s.usage && s.counted != nil {
		last := s.empty()
		last.Usage = encode(s.counted)
		out = data(encode(last))
	}
	return append(out, "data: [DONE]\n\n"...)
}

// Fail ends a stream with an error. There is no end mark after it: clients raise
// the error, and do not take what they have for the answer.
func (s *Stream) Fail(e Error) []byte {
	if s.closed {
		return nil
	}
	s.closed = true
	return data(e.Body())
}
