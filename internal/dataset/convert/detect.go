package convert

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tuneline/tuneline/internal/dataset"
)

// shape is what tells the formats of rows apart.
type shape struct {
	SchemaVersion jsontext.Value `json:"schemaVersion"`
	ToolConfig    jsontext.Value `json:"toolConfig"`
	System        jsontext.Value `json:"system"`
	Messages      []struct {
		Content jsontext.Value `json:"content"`
	} `json:"messages"`
	Tools []struct {
		InputSchema jsontext.Value `json:"input_schema"`
	} `json:"tools"`
	Prompt     jsontext.Value `json:"prompt"`
	Completion jsontext.Value `json:"completion"`
	Reference  jsontext.Value `json:"reference_answer"`
	Preferred  jsontext.Value `json:"preferred_output"`
}

// detect says which format a row is in; known is false for a row that no format
// is recognized in. Messages that the chat form and Anthropic's write alike are
// the chat form's, and a preference row is one of OpenAI's.
func detect(row []byte) (format dataset.Format, known bool) {
	var s shape
	if err := decode(row, &s); err != nil {
		return "", false
	}
	switch {
	case s.Messages == nil && isSet(s.Prompt) && isSet(s.Completion):
		return dataset.FormatPromptCompletion, true
	case isSet(s.Preferred):
		return dataset.FormatOpenAIChat, true
	case s.Messages == nil:
		return "", false
	case isSet(s.Reference):
		return dataset.FormatReinforcement, true
	case isSet(s.SchemaVersion) || isSet(s.ToolConfig) || s.hasUntypedBlock():
		return dataset.FormatConversation, true
	case isSet(s.System) || s.hasAnthropicPart():
		return dataset.FormatAnthropic, true
	}
	return dataset.FormatOpenAIChat, true
}

// blockTypes are the types of the blocks of all messages, "" for a block that
// has none.
func (s shape) blockTypes() []string {
	var types []string
	for _, m := range s.Messages {
		var blocks []struct {
			Type string `json:"type"`
		}
		if m.Content.Kind() != '[' || decode(m.Content, &blocks) != nil {
			continue
		}
		for _, b := range blocks {
			types = append(types, b.Type)
		}
	}
	return types
}

// hasUntypedBlock: only the conversation form's blocks have no key type.
func (s shape) hasUntypedBlock() bool { return slices.Contains(s.blockTypes(), "") }

// hasAnthropicPart: something that the chat form has not.
func (s shape) hasAnthropicPart() bool {
	for _, t := range s.Tools {
		if isSet(t.InputSchema) {
			return true
		}
	}
	return slices.ContainsFunc(s.blockTypes(), func(kind string) bool {
		return slices.Contains([]string{"tool_use", "tool_result", "thinking", "redacted_thinking", "image", "document"}, kind)
	})
}
