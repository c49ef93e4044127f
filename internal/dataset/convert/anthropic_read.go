package convert

import (
	"github.com/go-json-experiment/json/jsontext"
)

// anthropicReader reads one row of Anthropic's messages.
type anthropicReader struct {
	*reading
	record record
}

func readAnthropic(in *reading) (record, error) {
	var row anthropicRecord
	if err := decode(in.row, &row); err != nil {
		return record{}, err
	}
	if row.Messages == nil {
		return record{}, refuse("", "the key messages is missing")
	}
	a := &anthropicReader{reading: in}
	a.unknown("", row.Rest)
	if isSet(row.ToolChoice) {
		a.lose(KindToolSetting, "/tool_choice")
	}
	if err := a.system(row.System); err != nil {
		return record{}, err
	}
	for i, t := range row.Tools {
		at := index("/tools", i)
		a.unknown(at, t.Rest)
		a.record.tools = append(a.record.tools, tool{at: at, name: t.Name, description: t.Description, schema: t.InputSchema})
	}
	for i, m := range row.Messages {
		if err := a.message(m, index("/messages", i)); err != nil {
			return record{}, err
		}
	}
	return a.record, nil
}

func (a *anthropicReader) system(content *oneOrMany[anthropicBlock]) error {
	blocks, err := a.blocks(content, "/system")
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if b.text == nil {
			return refuse(b.at, "a system prompt can only hold text")
		}
		a.record.system = append(a.record.system, passage{b.at, *b.text})
	}
	return nil
}

func (a *anthropicReader) message(m anthropicMessage, at jsontext.Pointer) error {
	if m.Role != roleUser && m.Role != roleAssistant {
		return refuse(at.AppendToken("role"), "the role must be user or assistant; a system prompt stands in the key system")
	}
	a.unknown(at, m.Rest)
	blocks, err := a.blocks(m.Content, at.AppendToken("content"))
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if b.result != nil && m.Role == roleAssistant || b.call != nil && m.Role == roleUser {
			return refuse(b.at, "tool_use belongs into the assistant's messages, tool_result into the user's")
		}
	}
	if len(blocks) == 0 {
		return refuse(at, "the message has no content")
	}
	a.record.turns = append(a.record.turns, turn{at: at, role: m.Role, blocks: blocks})
	return nil
}

func (a *anthropicReader) blocks(content *oneOrMany[anthropicBlock], at jsontext.Pointer) ([]block, error) {
	if content == nil {
		return nil, nil
	}
	if content.isText {
		return []block{textBlock(at, content.text)}, nil
	}
	var all []block
	for i, part := range content.parts {
		b, err := a.block(part, index(at, i))
		if err != nil {
			return nil, err
		}
		if b != nil {
			all = append(all, *b)
		}
	}
	return all, nil
}

// anthropicKeys are the keys that a block of a type has.
var anthropicKeys = map[string][]string{
	"text":        {"text"},
	"thinking":    {"thinking"},
	"tool_use":    {"id", "name", "input"},
	"tool_result": {"tool_use_id", "content", "is_error"},
	"image":       {"source"},
	"document":    {"source"},
}

// block reads one block; nil if it was left out.
func (a *anthropicReader) block(p anthropicBlock, at jsontext.Pointer) (*block, error) {
	a.unknown(at, p.Rest)
	a.strays(at, []key{
		{"text", p.Text != nil}, {"thinking", p.Thinking != nil},
		{"id", p.ID != ""}, {"name", p.Name != ""}, {"input", isSet(p.Input)},
		{"tool_use_id", p.ToolUseID != ""}, {"content", p.Content != nil}, {"is_error", p.IsError},
		{"source", isSet(p.Source)},
	}, anthropicKeys[p.Type]...)
	if isSet(p.CacheControl) {
		a.lose(KindUnknownKey, at.AppendToken("cache_control"))
	}
	switch {
	case p.Type == "text" && p.Text != nil:
		b := textBlock(at, *p.Text)
		return &b, nil
	case p.Type == "thinking" && p.Thinking != nil:
		return &block{at: at, reasoning: p.Thinking}, nil
	case p.Type == "redacted_thinking":
		a.lose(KindReasoning, at)
		return nil, nil
	case p.Type == "tool_use" && p.Input.Kind() == '{':
		return &block{at: at, call: &call{id: p.ID, name: p.Name, input: p.Input}}, nil
	case p.Type == "tool_result":
		return a.result(p, at)
	case p.Type == "image", p.Type == "document":
		return nil, a.noMedia(at, "Bedrock takes media from S3 only, and this form holds them itself")
	}
	return nil, refuse(at, "a block must be a text, thinking, tool_use, tool_result or image with what its type says")
}

func (a *anthropicReader) result(p anthropicBlock, at jsontext.Pointer) (*block, error) {
	blocks, err := a.blocks(p.Content, at.AppendToken("content"))
	if err != nil {
		return nil, err
	}
	answers, err := a.answers(blocks)
	if err != nil {
		return nil, err
	}
	if len(answers) == 0 {
		// A tool that answers nothing is common, and an empty list is refused.
		answers = []answer{{at: at}}
	}
	return &block{at: at, result: &result{id: p.ToolUseID, content: answers, failed: p.IsError}}, nil
}
