package convert

import (
	"github.com/go-json-experiment/json/jsontext"
)

// The chat form as OpenAI's supervised fine-tuning takes it, read leniently
// where exporters differ: arguments may be an object, and an image's URL a
// string.
type (
	openAIRecord struct {
		Messages  []openAIMessage  `json:"messages"`
		Tools     []openAITool     `json:"tools"`
		Functions []openAIFunction `json:"functions"`
		Reference jsontext.Value   `json:"reference_answer"`

		// The keys of a preference row.
		Preferred    jsontext.Value `json:"preferred_output"`
		NonPreferred jsontext.Value `json:"non_preferred_output"`

		// System is a key of other forms, and too much to lose.
		System jsontext.Value `json:"system"`

		ToolChoice    jsontext.Value `json:"tool_choice"`
		ParallelCalls jsontext.Value `json:"parallel_tool_calls"`

		Rest jsontext.Value `json:",embed"`
	}
	openAIMessage struct {
		Role         string                 `json:"role"`
		Content      *oneOrMany[openAIPart] `json:"content"`
		Name         *string                `json:"name"`
		Weight       *float64               `json:"weight"`
		Refusal      *string                `json:"refusal"`
		ToolCalls    []openAICall           `json:"tool_calls"`
		ToolCallID   *string                `json:"tool_call_id"`
		FunctionCall *openAIFunctionCall    `json:"function_call"`
		// Reasoning stands under either key in rows made from reasoning models.
		Reasoning        *string `json:"reasoning"`
		ReasoningContent *string `json:"reasoning_content"`

		Rest jsontext.Value `json:",embed"`
	}
	openAIPart struct {
		Type     string       `json:"type"`
		Text     *string      `json:"text"`
		Refusal  *string      `json:"refusal"`
		ImageURL *openAIImage `json:"image_url"`

		Rest jsontext.Value `json:",embed"`
	}
	openAICall struct {
		ID       string             `json:"id"`
		Type     string             `json:"type"`
		Function openAIFunctionCall `json:"function"`

		Rest jsontext.Value `json:",embed"`
	}
	openAIFunctionCall struct {
		Name      string         `json:"name"`
		Arguments jsontext.Value `json:"arguments"`

		Rest jsontext.Value `json:",embed"`
	}
	openAITool struct {
		Type     string         `json:"type"`
		Function openAIFunction `json:"function"`

		Rest jsontext.Value `json:",embed"`
	}
	openAIFunction struct {
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Parameters  jsontext.Value `json:"parameters"`
		Strict      *bool          `json:"strict"`

		Rest jsontext.Value `json:",embed"`
	}
)
