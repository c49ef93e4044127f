package convert

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tuneline/tuneline/internal/dataset"
)

// conversationReader reads one row of the conversation form.
type conversationReader struct {
	*reading
	record record
}

func readConversation(in *reading) (record, error) {
	var row conversationRecord
	if err := decode(in.row, &row); err != nil {
		return record{}, err
	}
	if row.Messages == nil {
		return record{}, refuse("", "the key messages is missing")
	}
	c := &conversationReader{reading: in}
	c.schemaVersion(row.SchemaVersion)
	c.unknown("", row.Rest)
	for i, item := range row.System {
		at := index("/system", i)
		if item.Text == nil {
			return record{}, refuse(at, "an item of the system list must be a text")
		}
		c.unknown(at, item.Rest)
		c.record.system = append(c.record.system, passage{at, *item.Text})
	}
	if err := c.tools(row.ToolConfig); err != nil {
		return record{}, err
	}
	for i, m := range row.Messages {
		if err := c.message(m, index("/messages", i)); err != nil {
			return record{}, err
		}
	}
	return c.record, nil
}

// schemaVersion notes a version of the row's own that is not written again. The
// constant of the form says nothing of the row.
func (c *conversationReader) schemaVersion(version string) {
	written := defaultSchemaVersion
	if c.o.To == dataset.FormatConversation || c.o.To == dataset.FormatDistillation {
		written = c.o.SchemaVersion
	}
	if version != "" && version != defaultSchemaVersion && version != written {
		c.lose(KindSchemaVersion, "/schemaVersion")
	}
}

func (c *conversationReader) tools(config *conversationTools) error {
	if config == nil {
		return nil
	}
	for key, value := range members(config.Rest) {
		if value.Kind() != 'n' {
			c.lose(KindToolSetting, jsontext.Pointer("/toolConfig").AppendToken(key))
		}
	}
	for i, t := range config.Tools {
		at := index("/toolConfig/tools", i)
		if t.Spec == nil {
			return refuse(at, "a tool must be a toolSpec")
		}
		c.unknown(at, t.Rest)
		at = at.AppendToken("toolSpec")
		c.unknown(at, t.Spec.Rest)
		c.unknown(at.AppendToken("inputSchema"), t.Spec.InputSchema.Rest)
		c.record.tools = append(c.record.tools, tool{
			at: at, name: t.Spec.Name, description: t.Spec.Description, schema: t.Spec.InputSchema.JSON,
		})
	}
	return nil
}

func (c *conversationReader) message(m conversationMessage, at jsontext.Pointer) error {
	if m.Role != roleUser && m.Role != roleAssistant {
		return refuse(at.AppendToken("role"), "the role must be user or assistant")
	}
	c.unknown(at, m.Rest)
	t := turn{at: at, role: m.Role}
	for i, b := range m.Content {
		read, err := c.block(b, index(at.AppendToken("content"), i))
		if err != nil {
			return err
		}
		if read.result != nil && m.Role == roleAssistant || read.call != nil && m.Role == roleUser {
			return refuse(read.at, "toolUse belongs into the assistant's messages, toolResult into the user's")
		}
		t.blocks = append(t.blocks, read)
	}
	if len(t.blocks) == 0 {
		return refuse(at, "the message has no content")
	}
	c.record.turns = append(c.record.turns, t)
	return nil
}

// block reads one content block, a union.
func (c *conversationReader) block(b conversationBlock, at jsontext.Pointer) (block, error) {
	set := 0
	for _, there := range []bool{
		b.Text != nil, b.Image != nil, b.Video != nil, b.Document != nil,
		b.Reasoning != nil, b.ToolUse != nil, b.ToolResult != nil,
	} {
		if there {
			set++
		}
	}
	if set != 1 {
		return block{}, refuse(at, "a content block must have exactly one key that says what it is")
	}
	c.unknown(at, b.Rest)
	switch {
	case b.Text != nil:
		return textBlock(at, *b.Text), nil
	case b.Image != nil:
		return c.media("image", b.Image, at)
	case b.Video != nil:
		return c.media("video", b.Video, at)
	case b.Document != nil:
		return c.media("document", b.Document, at)
	case b.Reasoning != nil:
		return c.reasoning(b.Reasoning, at)
	case b.ToolUse != nil:
		return c.toolUse(b.ToolUse, at)
	}
	return c.toolResult(b.ToolResult, at)
}

func (c *conversationReader) media(kind string, m *conversationMedia, at jsontext.Pointer) (block, error) {
	inside := at.AppendToken(kind)
	location := m.Source.S3Location
	if location == nil {
		return block{}, refuse(inside.AppendToken("source"), "the source must be an s3Location: training data holds no media itself")
	}
	c.unknown(inside, m.Rest)
	c.unknown(inside.AppendToken("source"), m.Source.Rest)
	c.unknown(inside.AppendToken("source").AppendToken("s3Location"), location.Rest)
	return block{at: at, media: &media{kind: kind, format: m.Format, uri: location.URI, owner: location.BucketOwner}}, nil
}

func (c *conversationReader) reasoning(r *conversationReasoning, at jsontext.Pointer) (block, error) {
	inside := at.AppendToken("reasoningContent")
	if r.ReasoningText.Text == nil {
		return block{}, refuse(inside, "reasoning must be a reasoningText with a text")
	}
	c.unknown(inside, r.Rest)
	c.unknown(inside.AppendToken("reasoningText"), r.ReasoningText.Rest)
	return block{at: at, reasoning: r.ReasoningText.Text}, nil
}

func (c *conversationReader) toolUse(u *conversationToolUse, at jsontext.Pointer) (block, error) {
	inside := at.AppendToken("toolUse")
	if u.Input.Kind() != '{' {
		return block{}, refuse(inside.AppendToken("input"), "the input must be a JSON object")
	}
	c.unknown(inside, u.Rest)
	return block{at: at, call: &call{id: u.ToolUseID, name: u.Name, input: u.Input}}, nil
}

func (c *conversationReader) toolResult(r *conversationToolResult, at jsontext.Pointer) (block, error) {
	inside := at.AppendToken("toolResult")
	c.unknown(inside, r.Rest)
	read := &result{id: r.ToolUseID, failed: r.Status != nil && *r.Status == "error"}
	if r.Status != nil && !read.failed && *r.Status != "success" {
		c.lose(KindToolStatus, inside.AppendToken("status"))
	}
	for i, one := range r.Content {
		place := index(inside.AppendToken("content"), i)
		hasText, hasJSON := one.Text != nil, isSet(one.JSON)
		switch {
		case hasText && !hasJSON:
			read.content = append(read.content, answer{at: place, text: *one.Text})
		case hasJSON && !hasText && one.JSON.Kind() == '{':
			read.content = append(read.content, answer{at: place, object: one.JSON})
		default:
			return block{}, refuse(place, "a part of a tool's result must be a text or a JSON object")
		}
		c.unknown(place, one.Rest)
	}
	if len(read.content) == 0 {
		return block{}, refuse(inside, "the tool's result has no content")
	}
	return block{at: at, result: read}, nil
}
