package convert

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The chat form in the order in which it is written.
type (
	chatRecord struct {
		Messages []chatMessage `json:"messages"`
		Tools    []chatTool    `json:"tools,omitempty"`
	}
	// chatMessage's content is a string, or a list of chatPart.
	chatMessage struct {
		Role       string     `json:"role"`
		Content    any        `json:"content,omitzero"`
		ToolCalls  []chatCall `json:"tool_calls,omitempty"`
		ToolCallID string     `json:"tool_call_id,omitempty"`
		Weight     *int       `json:"weight,omitzero"`
	}
	chatPart struct {
		Type     string       `json:"type"`
		Text     *string      `json:"text,omitzero"`
		ImageURL *openAIImage `json:"image_url,omitzero"`
	}
	chatCall struct {
		ID       string           `json:"id"`
		Type     string           `json:"type"`
		Function chatFunctionCall `json:"function"`
	}
	chatFunctionCall struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	}
	chatTool struct {
		Type     string       `json:"type"`
		Function chatFunction `json:"function"`
	}
	chatFunction struct {
		Name        string         `json:"name"`
		Description string         `json:"description,omitempty"`
		Parameters  jsontext.Value `json:"parameters,omitzero"`
	}
)

// writeOpenAI writes OpenAI's chat form: the system prompt as a message, tool
// results as messages of their own, and the weight 0 of an answer.
func writeOpenAI(out *writing) ([]any, error) {
	r := &out.record
	if err := out.needsUser(); err != nil {
		return nil, err
	}
	row := chatRecord{Tools: chatTools(r.tools)}
	if system := out.chatSystem(); system != nil {
		row.Messages = append(row.Messages, chatMessage{Role: roleSystem, Content: system})
	}
	for _, t := range r.turns {
		var written []chatMessage
		var err error
		if t.role == roleAssistant {
			written, err = out.chatAnswer(t)
		} else {
			written, err = out.chatUser(t)
		}
		if err != nil {
			return nil, err
		}
		if len(written) == 0 {
			return nil, refuse(t.at, "nothing of the message's content can be kept")
		}
		row.Messages = append(row.Messages, written...)
	}
	return []any{row}, nil
}

// chatSystem is the content of the system message, nil if there is none.
func (out *writing) chatSystem() any {
	var parts []chatPart
	for _, p := range out.record.system {
		if blank(p.text) {
			out.lose(KindBlankText, p.at)
			continue
		}
		parts = append(parts, chatPart{Type: "text", Text: &p.text})
	}
	return chatContent(parts)
}

// chatContent is a string where one text says everything, a list otherwise, and
// nil for nothing.
func chatContent(parts []chatPart) any {
	switch {
	case len(parts) == 0:
		return nil
	case len(parts) == 1 && parts[0].Text != nil:
		return *parts[0].Text
	}
	return parts
}

func chatTools(tools []tool) []chatTool {
	var written []chatTool
	for _, t := range tools {
		f := chatFunction{Name: t.name, Description: t.description}
		if isSet(t.schema) {
			f.Parameters = t.schema
		}
		written = append(written, chatTool{Type: "function", Function: f})
	}
	return written
}

// chatUser writes a user's turn: first what tools answered, because those
// messages must follow the calls, then what the user says.
func (out *writing) chatUser(t turn) ([]chatMessage, error) {
	var results []chatMessage
	var parts []chatPart
	for _, b := range t.blocks {
		switch {
		case b.result != nil:
			if len(parts) > 0 {
				out.lose(KindMovedResult, b.at)
			}
			content, err := out.chatResult(b)
			if err != nil {
				return nil, err
			}
			results = append(results, chatMessage{Role: "tool", Content: content, ToolCallID: b.result.id})
		case b.text != nil:
			parts = append(parts, chatPart{Type: "text", Text: b.text})
		case b.media != nil:
			part, err := out.chatImage(b)
			if err != nil {
				return nil, err
			}
			if part != nil {
				parts = append(parts, *part)
			}
		}
	}
	if content := chatContent(parts); content != nil {
		results = append(results, chatMessage{Role: roleUser, Content: content})
	}
	return results, nil
}

// chatImage writes an image; nil if it was left out.
func (out *writing) chatImage(b block) (*chatPart, error) {
	if b.media.kind != "image" {
		return nil, out.noMedia(b.at, "the chat form has no place for videos and documents in S3")
	}
	out.lose(KindMediaURL, b.at)
	if b.media.owner != "" || b.media.format != imageFormat(b.media.uri) {
		out.lose(KindMediaSetting, b.at)
	}
	return &chatPart{Type: "image_url", ImageURL: &openAIImage{URL: b.media.uri}}, nil
}

// chatResult writes what a tool answered.
func (out *writing) chatResult(b block) (any, error) {
	if b.result.failed {
		out.lose(KindToolStatus, b.at)
	}
	var parts []chatPart
	for _, one := range b.result.content {
		text := one.text
		if one.object != nil {
			out.lose(KindJSONAsText, one.at)
			written, err := textOf(one.object)
			if err != nil {
				return nil, refuse(one.at, "the JSON object is nested too deep")
			}
			text = written
		}
		parts = append(parts, chatPart{Type: "text", Text: &text})
	}
	return chatContent(parts), nil
}

// chatAnswer writes an assistant's turn.
func (out *writing) chatAnswer(t turn) ([]chatMessage, error) {
	m := chatMessage{Role: roleAssistant}
	var parts []chatPart
	for _, b := range t.blocks {
		switch {
		case b.text != nil:
			parts = append(parts, chatPart{Type: "text", Text: b.text})
		case b.reasoning != nil:
			out.lose(KindReasoning, b.at)
		case b.media != nil:
			if err := out.noMedia(b.at, "the chat form has no media in answers"); err != nil {
				return nil, err
			}
		case b.call != nil:
			arguments, err := json.Marshal(b.call.input)
			if err != nil {
				return nil, refuse(b.at, "the JSON object is nested too deep")
			}
			m.ToolCalls = append(m.ToolCalls, chatCall{
				ID: b.call.id, Type: "function",
				Function: chatFunctionCall{Name: b.call.name, Arguments: string(arguments)},
			})
		}
	}
	m.Content = chatContent(parts)
	if m.Content == nil && len(m.ToolCalls) == 0 {
		return nil, nil
	}
	if t.untrained {
		none := 0
		m.Weight = &none
	}
	return []chatMessage{m}, nil
}
