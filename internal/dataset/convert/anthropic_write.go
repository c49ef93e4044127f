package convert

import (
	"github.com/go-json-experiment/json/jsontext"
)

// writeAnthropic writes Anthropic's messages. Bedrock's own form knows strings
// only, so that a content is a string wherever that says everything.
func writeAnthropic(out *writing) ([]any, error) {
	if err := out.chat(); err != nil {
		return nil, err
	}
	if err := out.needsAnswer(); err != nil {
		return nil, err
	}
	r := &out.record
	row := anthropicRow{System: r.systemText(out.ledger)}
	for _, t := range r.tools {
		schema := t.schema
		if !isSet(schema) {
			out.lose(KindToolDefault, t.at)
			schema = jsontext.Value(`{"type":"object","properties":{}}`)
		}
		row.Tools = append(row.Tools, anthropicTool{Name: t.name, Description: t.description, InputSchema: schema})
	}
	for _, t := range r.turns {
		content, err := out.anthropicContent(t)
		if err != nil {
			return nil, err
		}
		row.Messages = append(row.Messages, anthropicTurn{Role: t.role, Content: content})
	}
	return []any{row}, nil
}

func (out *writing) anthropicContent(t turn) (any, error) {
	var blocks []anthropicBlock
	texts := 0
	for _, b := range t.blocks {
		written, err := out.anthropicBlock(b)
		if err != nil {
			return nil, err
		}
		if written == nil {
			continue
		}
		if written.Type == "text" {
			texts++
		}
		blocks = append(blocks, *written)
	}
	switch {
	case len(blocks) == 0:
		return nil, refuse(t.at, "nothing of the message's content can be kept")
	case texts < len(blocks):
		return blocks, nil
	case texts > 1:
		out.lose(KindJoinedText, t.at)
	}
	return join(t.texts()...), nil
}

// anthropicBlock writes one block; nil if it was left out.
func (out *writing) anthropicBlock(b block) (*anthropicBlock, error) {
	switch {
	case b.text != nil:
		return &anthropicBlock{Type: "text", Text: b.text}, nil
	case b.reasoning != nil && out.o.KeepReasoning:
		return &anthropicBlock{Type: "thinking", Thinking: b.reasoning}, nil
	case b.reasoning != nil:
		out.lose(KindReasoning, b.at)
		return nil, nil
	case b.media != nil:
		return nil, out.noMedia(b.at, "Anthropic's messages have no place for media in S3")
	case b.call != nil:
		return &anthropicBlock{Type: "tool_use", ID: b.call.id, Name: b.call.name, Input: b.call.input}, nil
	}
	return out.anthropicResult(b)
}

func (out *writing) anthropicResult(b block) (*anthropicBlock, error) {
	var parts []anthropicBlock
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
		parts = append(parts, anthropicBlock{Type: "text", Text: &text})
	}
	content := &oneOrMany[anthropicBlock]{parts: parts}
	if len(parts) == 1 {
		content = &oneOrMany[anthropicBlock]{isText: true, text: *parts[0].Text}
	}
	return &anthropicBlock{Type: "tool_result", ToolUseID: b.result.id, Content: content, IsError: b.result.failed}, nil
}
