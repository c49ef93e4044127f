package convert

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tuneline/tuneline/internal/dataset"
)

// writing is one row on its way out.
type writing struct {
	*ledger
	record record
	o      Options
	prompt *promptTemplate
}

// writeConversation writes bedrock-conversation-2024: one system prompt, roles
// that alternate from user to assistant, tools in toolConfig, and their results
// in the user's messages.
func writeConversation(out *writing) ([]any, error) {
	if err := out.chat(); err != nil {
		return nil, err
	}
	if err := out.needsAnswer(); err != nil {
		return nil, err
	}
	return out.conversation()
}

// writeDistillation writes the same form for distillation, whose prompts need
// no answer: the teacher gives it.
func writeDistillation(out *writing) ([]any, error) {
	if err := out.chat(); err != nil {
		return nil, err
	}
	return out.conversation()
}

// conversation writes the record whose turns are in order.
func (out *writing) conversation() ([]any, error) {
	tools, err := out.toolSpecs()
	if err != nil {
		return nil, err
	}
	row := conversationRecord{SchemaVersion: out.o.SchemaVersion}
	if system := out.record.systemText(out.ledger); system != "" {
		row.System = []conversationText{{Text: &system}}
	}
	if len(tools) > 0 {
		row.ToolConfig = &conversationTools{Tools: tools}
	}
	for _, t := range out.record.turns {
		m := conversationMessage{Role: t.role}
		for _, b := range t.blocks {
			if written, ok := out.conversationBlock(b); ok {
				m.Content = append(m.Content, written)
			}
		}
		if len(m.Content) == 0 {
			return nil, refuse(t.at, "nothing of the message's content can be kept")
		}
		row.Messages = append(row.Messages, m)
	}
	return []any{row}, nil
}

// chat brings the turns into the order that Bedrock's and Anthropic's forms
// want, and refuses what has none.
func (out *writing) chat() error {
	r := &out.record
	if err := out.needsUser(); err != nil {
		return err
	}
	if first := r.turns[0]; first.role != roleUser {
		return refuse(first.at, "the conversation begins with the assistant: put the user's message before it")
	}
	if !r.trained() {
		return refuse("", "every answer has weight 0: there is nothing to train on")
	}
	if err := r.alternate(out.ledger, !out.o.KeepNeighbours); err != nil {
		return err
	}
	r.loseWeights(out.ledger)
	return nil
}

// needsUser refuses a row without a user's message, and leaves out blank texts
// that stand beside something else.
func (out *writing) needsUser() error {
	if !slices.ContainsFunc(out.record.turns, func(t turn) bool { return t.role == roleUser }) {
		return refuse("", "the row has no user message")
	}
	out.record.dropBlank(out.ledger)
	return nil
}

// needsAnswer refuses a conversation that the assistant does not end.
func (out *writing) needsAnswer() error {
	turns := out.record.turns
	if last := turns[len(turns)-1]; last.role != roleAssistant {
		return refuse(last.at, "no answer follows the last message: add it, or use --to %s for prompts without answers", dataset.FormatDistillation)
	}
	return nil
}

// conversationBlock writes one block; ok is false if it was left out.
func (out *writing) conversationBlock(b block) (written conversationBlock, ok bool) {
	switch {
	case b.text != nil:
		return conversationBlock{Text: b.text}, true
	case b.reasoning != nil && out.o.KeepReasoning:
		return conversationBlock{Reasoning: &conversationReasoning{ReasoningText: conversationText{Text: b.reasoning}}}, true
	case b.reasoning != nil:
		out.lose(KindReasoning, b.at)
		return conversationBlock{}, false
	case b.media != nil:
		return conversationMediaBlock(b.media), true
	case b.call != nil:
		return conversationBlock{ToolUse: &conversationToolUse{ToolUseID: b.call.id, Name: b.call.name, Input: b.call.input}}, true
	}
	return conversationBlock{ToolResult: out.conversationResult(b.result)}, true
}

func conversationMediaBlock(m *media) conversationBlock {
	written := &conversationMedia{Format: m.format}
	written.Source.S3Location = &conversationS3{URI: m.uri, BucketOwner: m.owner}
	switch m.kind {
	case "video":
		return conversationBlock{Video: written}
	case "document":
		return conversationBlock{Document: written}
	}
	return conversationBlock{Image: written}
}

// conversationResult writes what a tool answered. A blank answer, which chat rows
// have and the conversation form does not take, becomes the empty object.
func (out *writing) conversationResult(r *result) *conversationToolResult {
	written := &conversationToolResult{ToolUseID: r.id}
	if r.failed {
		status := "error"
		written.Status = &status
	}
	for _, one := range r.content {
		if one.object != nil {
			written.Content = append(written.Content, conversationAnswer{JSON: one.object})
			continue
		}
		if blank(one.text) {
			out.lose(KindBlankResult, one.at)
			continue
		}
		written.Content = append(written.Content, conversationAnswer{Text: &one.text})
	}
	if len(written.Content) == 0 {
		written.Content = []conversationAnswer{{JSON: jsontext.Value("{}")}}
	}
	return written
}

// toolSpecs writes the tools. Amazon's validator for Nova wants a description
// and a schema with a type of every tool, OpenAI neither.
func (out *writing) toolSpecs() ([]conversationTool, error) {
	var written []conversationTool
	for _, t := range out.record.tools {
		description, schema, err := out.described(t)
		if err != nil {
			return nil, err
		}
		written = append(written, conversationTool{Spec: &conversationToolSpec{
			Name: t.name, Description: description, InputSchema: conversationSchema{JSON: schema},
		}})
	}
	return written, nil
}

// described is a tool's description and schema, made up where there is none: a
// tool without parameters takes an empty object, and its name says what it is.
func (out *writing) described(t tool) (description string, schema jsontext.Value, err error) {
	description, schema = t.description, t.schema
	changed := false
	if blank(description) {
		description, changed = t.name, true
	}
	if !isSet(schema) {
		schema, changed = jsontext.Value(`{"type":"object","properties":{}}`), true
	}
	if schema.Kind() != '{' {
		return "", nil, refuse(t.at, "the schema of a tool's input must be a JSON object")
	}
	if !hasKey(schema, "type") {
		schema, changed = withType(schema), true
	}
	if changed {
		out.lose(KindToolDefault, t.at)
	}
	return description, schema, nil
}

func hasKey(object jsontext.Value, key string) bool {
	for name := range members(object) {
		if name == key {
			return true
		}
	}
	return false
}

// withType puts "type": "object" before an object's first key.
func withType(schema jsontext.Value) jsontext.Value {
	compact := schema.Clone()
	if err := compact.Compact(); err != nil || string(compact) == "{}" {
		return jsontext.Value(`{"type":"object"}`)
	}
	return append(jsontext.Value(`{"type":"object",`), compact[1:]...)
}
