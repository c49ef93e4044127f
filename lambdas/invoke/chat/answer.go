package chat

import (
	"cmp"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Meta is what an answer says of itself.
type Meta struct {
	// ID begins with "chatcmpl-" and is new for each answer.
	ID      string
	Created time.Time
	// Model is the name that the caller asked for.
	Model string
}

// What this package writes of OpenAI's answers
// (https://platform.openai.com/docs/api-reference/chat/object).
type (
	completion struct {
		ID      string             `json:"id"`
		Object  string             `json:"object"`
		Created int64              `json:"created"`
		Model   string             `json:"model"`
		Choices []completionChoice `json:"choices"`
		Usage   *usage             `json:"usage,omitzero"`
	}
	completionChoice struct {
		Index        int               `json:"index"`
		Message      completionMessage `json:"message"`
		Logprobs     *struct{}         `json:"logprobs"`
		FinishReason string            `json:"finish_reason"`
	}
	completionMessage struct {
		Role      string       `json:"role"`
		Content   *string      `json:"content"`
		ToolCalls []answerCall `json:"tool_calls,omitzero"`
		Refusal   *string      `json:"refusal"`
	}
	// answerCall is a call the model makes. Index is only in streams, where each
	// chunk has a piece.
	answerCall struct {
		Index    *int           `json:"index,omitzero"`
		ID       string         `json:"id,omitzero"`
		Type     string         `json:"type,omitzero"`
		Function answerFunction `json:"function"`
	}
	answerFunction struct {
		Name      string `json:"name,omitzero"`
		Arguments string `json:"arguments"`
	}
	usage struct {
		Prompt     int64 `json:"prompt_tokens"`
		Completion int64 `json:"completion_tokens"`
		Total      int64 `json:"total_tokens"`
		Details    struct {
			Cached int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	}
)

// usage counts as OpenAI does, whose prompt tokens include those of the cache.
func (t *tokens) usage() *usage {
	if t == nil {
		return nil
	}
	u := usage{Prompt: t.Input + t.CacheRead + t.CacheWrite, Completion: t.Output}
	u.Total = u.Prompt + u.Completion
	u.Details.Cached = t.CacheRead
	return &u
}

// Answer turns Converse's answer into a chat completion. What a model thought
// before it answered is left out: chat completions have no place for it. The
// error is an *[Error]: a model that answered in no form its API has, or in one
// that chat completions cannot carry.
func (m Meta) Answer(converse []byte) ([]byte, error) {
	out, e := m.answer(converse)
	if e != nil {
		return nil, e
	}
	return out, nil
}

func (m Meta) answer(converse []byte) ([]byte, *Error) {
	var a answer
	if e := decode(converse, &a, ""); e != nil || a.Output.Message == nil {
		return nil, upstream("invalid_answer", "Bedrock's answer is not one of Converse")
	}
	reason, e := finishReason(a.StopReason)
	if e != nil {
		return nil, e
	}
	message := completionMessage{Role: roleAssistant}
	var text strings.Builder
	for _, b := range a.Output.Message.Content {
		if e := b.appendTo(&text, &message); e != nil {
			return nil, e
		}
	}
	if said := text.String(); said != "" || message.ToolCalls == nil {
		message.Content = &said
	}
	return encode(completion{
		ID: m.ID, Object: "chat.completion", Created: m.Created.Unix(), Model: m.Model,
		Choices: []completionChoice{{Message: message, FinishReason: reason}}, Usage: a.Usage.usage(),
	}), nil
}

// appendTo adds a block of the answer to the message.
func (b answerBlock) appendTo(text *strings.Builder, m *completionMessage) *Error {
	switch {
	case b.Text != nil:
		text.WriteString(*b.Text)
	case b.Citations != nil:
		for _, c := range b.Citations.Content {
			text.WriteString(c.Text)
		}
	case b.ToolUse != nil:
		arguments := cmp.Or(string(b.ToolUse.Input), "{}")
		m.ToolCalls = append(m.ToolCalls, answerCall{
			ID: b.ToolUse.ID, Type: "function", Function: answerFunction{Name: b.ToolUse.Name, Arguments: arguments},
		})
	case !absent(b.Reasoning):
	default:
		return notCarried(b.Rest)
	}
	return nil
}

// notCarried is for content of a kind that chat completions do not have: leaving
// it out would hand on a part of an answer as the whole.
func notCarried(rest jsontext.Value) *Error {
	kind := "unknown"
	if e := members(rest, func(name string, _ jsontext.Value) *Error { kind = shown(name); return nil }); e != nil {
		return upstream("invalid_answer", "Bedrock's answer is not one of Converse")
	}
	return upstream("unsupported_answer", "the model answered with content of the kind %s, which chat completions cannot carry; the route converse can", kind)
}

// finishReason is a stop reason in OpenAI's words. One that is not known yet is
// taken for an ordinary end.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_ResponseSyntax
func finishReason(stop string) (string, *Error) {
	switch stop {
	case "":
		return "", upstream("invalid_answer", "Bedrock's answer says nothing of why it ended")
	case "max_tokens", "model_context_window_exceeded":
		return "length", nil
	case "tool_use":
		return "tool_calls", nil
	case "guardrail_intervened", "content_filtered":
		return "content_filter", nil
	case "malformed_model_output", "malformed_tool_use":
		return "", upstream(stop, "the model's output was malformed (%s): ask again", stop)
	}
	return "stop", nil
}
