package convert

import (
	"github.com/go-json-experiment/json/jsontext"
)

// Anthropic's messages, as its API takes them and Bedrock took them for Claude
// 3 Haiku, in the order in which they are written. A content that is written is
// a string where texts say everything.
type (
	anthropicRecord struct {
		System   *oneOrMany[anthropicBlock] `json:"system"`
		Tools    []anthropicTool            `json:"tools"`
		Messages []anthropicMessage         `json:"messages"`

		ToolChoice jsontext.Value `json:"tool_choice"`

		Rest jsontext.Value `json:",embed"`
	}
	anthropicTool struct {
		Name        string         `json:"name"`
		Description string         `json:"description,omitempty"`
		InputSchema jsontext.Value `json:"input_schema"`

		Rest jsontext.Value `json:",embed"`
	}
	anthropicMessage struct {
		Role    string                     `json:"role"`
		Content *oneOrMany[anthropicBlock] `json:"content"`

		Rest jsontext.Value `json:",embed"`
	}
	anthropicBlock struct {
		Type string `json:"type"`
		// Text is a text's, Thinking a thinking block's.
		Text     *string `json:"text,omitzero"`
		Thinking *string `json:"thinking,omitzero"`
		// ID, Name and Input are a tool_use's.
		ID    string         `json:"id,omitempty"`
		Name  string         `json:"name,omitempty"`
		Input jsontext.Value `json:"input,omitzero"`
		// ToolUseID, Content and IsError are a tool_result's.
		ToolUseID string                     `json:"tool_use_id,omitempty"`
		Content   *oneOrMany[anthropicBlock] `json:"content,omitzero"`
		IsError   bool                       `json:"is_error,omitzero"`
		// CacheControl is a setting of a request, not of training.
		CacheControl jsontext.Value `json:"cache_control,omitzero"`
		// Source is an image's or a document's: the media itself, or a URL.
		Source jsontext.Value `json:"source,omitzero"`

		Rest jsontext.Value `json:",embed"`
	}

	// anthropicRow is what is written.
	anthropicRow struct {
		System   string          `json:"system,omitempty"`
		Tools    []anthropicTool `json:"tools,omitempty"`
		Messages []anthropicTurn `json:"messages"`
	}
	// anthropicTurn's content is a string, or a list of anthropicBlock.
	anthropicTurn struct {
		Role    string `json:"role"`
		Content any    `json:"content"`
	}
)
