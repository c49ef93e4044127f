package convert

import (
	"github.com/go-json-experiment/json/jsontext"
)

// defaultSchemaVersion is the constant of the conversation form.
const defaultSchemaVersion = "bedrock-conversation-2024"

// The conversation form (Bedrock User Guide, "Prepare your training datasets";
// Nova guide, "Preparing data for multimodal fine-tuning"), in the order in
// which it is written. A pointer stands for a key that may be missing.
type (
	conversationRecord struct {
		SchemaVersion string                `json:"schemaVersion"`
		System        []conversationText    `json:"system,omitempty"`
		ToolConfig    *conversationTools    `json:"toolConfig,omitzero"`
		Messages      []conversationMessage `json:"messages"`

		Rest jsontext.Value `json:",embed"`
	}
	conversationText struct {
		Text *string `json:"text"`

		Rest jsontext.Value `json:",embed"`
	}
	conversationTools struct {
		Tools []conversationTool `json:"tools"`

		Rest jsontext.Value `json:",embed"`
	}
	conversationTool struct {
		Spec *conversationToolSpec `json:"toolSpec"`

		Rest jsontext.Value `json:",embed"`
	}
	conversationToolSpec struct {
		Name        string             `json:"name"`
		Description string             `json:"description"`
		InputSchema conversationSchema `json:"inputSchema"`

		Rest jsontext.Value `json:",embed"`
	}
	conversationSchema struct {
		JSON jsontext.Value `json:"json"`

		Rest jsontext.Value `json:",embed"`
	}
	conversationMessage struct {
		Role    string              `json:"role"`
		Content []conversationBlock `json:"content"`

		Rest jsontext.Value `json:",embed"`
	}
	// conversationBlock is a union: one of its keys is set.
	conversationBlock struct {
		Text       *string                 `json:"text,omitzero"`
		Image      *conversationMedia      `json:"image,omitzero"`
		Video      *conversationMedia      `json:"video,omitzero"`
		Document   *conversationMedia      `json:"document,omitzero"`
		Reasoning  *conversationReasoning  `json:"reasoningContent,omitzero"`
		ToolUse    *conversationToolUse    `json:"toolUse,omitzero"`
		ToolResult *conversationToolResult `json:"toolResult,omitzero"`

		Rest jsontext.Value `json:",embed"`
	}
	conversationMedia struct {
		Format string `json:"format"`
		Source struct {
			S3Location *conversationS3 `json:"s3Location"`

			Rest jsontext.Value `json:",embed"`
		} `json:"source"`

		Rest jsontext.Value `json:",embed"`
	}
	conversationS3 struct {
		URI         string `json:"uri"`
		BucketOwner string `json:"bucketOwner,omitempty"`

		Rest jsontext.Value `json:",embed"`
	}
	conversationReasoning struct {
		ReasoningText conversationText `json:"reasoningText"`

		Rest jsontext.Value `json:",embed"`
	}
	conversationToolUse struct {
		ToolUseID string         `json:"toolUseId"`
		Name      string         `json:"name"`
		Input     jsontext.Value `json:"input"`

		Rest jsontext.Value `json:",embed"`
	}
	conversationToolResult struct {
		ToolUseID string               `json:"toolUseId"`
		Content   []conversationAnswer `json:"content"`
		Status    *string              `json:"status,omitzero"`

		Rest jsontext.Value `json:",embed"`
	}
	// conversationAnswer is a union, as conversationBlock is.
	conversationAnswer struct {
		Text *string        `json:"text,omitzero"`
		JSON jsontext.Value `json:"json,omitzero"`

		Rest jsontext.Value `json:",embed"`
	}
)
