package chat

import "github.com/go-json-experiment/json/jsontext"

// What this package writes of Converse's request
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
type (
	conversation struct {
		Messages  []turn      `json:"messages"`
		System    []block     `json:"system,omitzero"`
		Inference *inference  `json:"inferenceConfig,omitzero"`
		Tools     *toolConfig `json:"toolConfig,omitzero"`
	}
	turn struct {
		Role    string  `json:"role"`
		Content []block `json:"content"`
	}
	// block has exactly one member.
	block struct {
		Text       *string     `json:"text,omitzero"`
		Image      *image      `json:"image,omitzero"`
		ToolUse    *toolUse    `json:"toolUse,omitzero"`
		ToolResult *toolResult `json:"toolResult,omitzero"`
	}
	image struct {
		Format string      `json:"format"`
		Source imageSource `json:"source"`
	}
	// imageSource has the image itself, in base64.
	imageSource struct {
		Bytes string `json:"bytes"`
	}
	toolUse struct {
		ID    string         `json:"toolUseId"`
		Name  string         `json:"name"`
		Input jsontext.Value `json:"input"`
	}
	toolResult struct {
		ID      string  `json:"toolUseId"`
		Content []block `json:"content"`
	}
	inference struct {
		MaxTokens     *int     `json:"maxTokens,omitzero"`
		Temperature   *float64 `json:"temperature,omitzero"`
		TopP          *float64 `json:"topP,omitzero"`
		StopSequences []string `json:"stopSequences,omitzero"`
	}
	toolConfig struct {
		Tools  []toolEntry `json:"tools"`
		Choice *choice     `json:"toolChoice,omitzero"`
	}
	toolEntry struct {
		Spec toolSpec `json:"toolSpec"`
	}
	toolSpec struct {
		Name        string      `json:"name"`
		Description string      `json:"description,omitzero"`
		InputSchema inputSchema `json:"inputSchema"`
		Strict      bool        `json:"strict,omitzero"`
	}
	inputSchema struct {
		JSON jsontext.Value `json:"json"`
	}
	// choice has exactly one member.
	choice struct {
		Auto *struct{} `json:"auto,omitzero"`
		Any  *struct{} `json:"any,omitzero"`
		Tool *named    `json:"tool,omitzero"`
	}
	named struct {
		Name string `json:"name"`
	}
)

// The roles that both sides know.
const (
	roleUser      = "user"
	roleAssistant = "assistant"
)

// What this package reads of Converse's answer and of ConverseStream's events.
type (
	answer struct {
		Output struct {
			Message *struct {
				Content []answerBlock `json:"content"`
			} `json:"message"`
		} `json:"output"`
		StopReason string  `json:"stopReason"`
		Usage      *tokens `json:"usage"`
	}
	answerBlock struct {
		Text      *string        `json:"text"`
		ToolUse   *toolUse       `json:"toolUse"`
		Reasoning jsontext.Value `json:"reasoningContent"`
		Citations *struct {
			Content []struct {
				Text string `json:"text"`
			} `json:"content"`
		} `json:"citationsContent"`
		Rest jsontext.Value `json:",embed"`
	}
	// tokens counts what a request took. inputTokens are those that were neither
	// read from the cache nor written to it
	// (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html).
	tokens struct {
		Input      int64 `json:"inputTokens"`
		Output     int64 `json:"outputTokens"`
		CacheRead  int64 `json:"cacheReadInputTokens"`
		CacheWrite int64 `json:"cacheWriteInputTokens"`
	}
	// event is any of ConverseStream's events, each of which has some of these.
	event struct {
		Index int        `json:"contentBlockIndex"`
		Start blockStart `json:"start"`
		Delta blockDelta `json:"delta"`
		Stop  string     `json:"stopReason"`
		Usage *tokens    `json:"usage"`
	}
	blockStart struct {
		ToolUse *toolUse       `json:"toolUse"`
		Rest    jsontext.Value `json:",embed"`
	}
	blockDelta struct {
		Text    *string `json:"text"`
		ToolUse *struct {
			Input string `json:"input"`
		} `json:"toolUse"`
		Reasoning jsontext.Value `json:"reasoningContent"`
		Citation  jsontext.Value `json:"citation"`
		Rest      jsontext.Value `json:",embed"`
	}
)
