package bedrock

import (
	"encoding/json"
	"strings"
)

// contentBlock is a ContentBlock or SystemContentBlock as the double reads it:
// of text, tools and what a guardrail is to look at it takes notice, images
// count as tokens, and the rest passes unread.
type contentBlock struct {
	Text         *string         `json:"text,omitempty"`
	ToolUse      *toolUse        `json:"toolUse,omitempty"`
	ToolResult   *toolResult     `json:"toolResult,omitempty"`
	GuardContent *guardContent   `json:"guardContent,omitempty"`
	Image        json.RawMessage `json:"image,omitempty"`
	Document     json.RawMessage `json:"document,omitempty"`
	Video        json.RawMessage `json:"video,omitempty"`
	CachePoint   json.RawMessage `json:"cachePoint,omitempty"`
}

// guardContent is GuardrailConverseContentBlock.
type guardContent struct {
	Text struct {
		Text       string          `json:"text"`
		Qualifiers json.RawMessage `json:"qualifiers,omitempty"`
	} `json:"text"`
}

// message is Message.
type message struct {
	Role    string         `json:"role"`
	Content []contentBlock `json:"content"`
}

// imageTokens is what the double counts for an image.
const imageTokens = 256

// ask checks a conversation and turns it into the question of its last turn.
func ask(messages []message, system []contentBlock, tools toolConfig) (question, *apiError) {
	if len(messages) == 0 {
		return question{}, invalid("The conversation must have at least one message.")
	}
	q := question{tools: tools}
	for _, block := range system {
		q.take(block)
	}
	for i, m := range messages {
		if want := []string{"user", "assistant"}[i%2]; m.Role != want {
			return question{}, invalid("A conversation must start with a user message and roles must alternate.")
		}
		q.turn, q.texts, q.results = i, nil, nil
		for k, block := range m.Content {
			if block.Text != nil && strings.TrimSpace(*block.Text) == "" {
				return question{}, invalid("The text field in the ContentBlock object at messages.%d.content.%d is blank. Add text to the text field, and try again.", i, k)
			}
			q.take(block)
		}
		if len(m.Content) == 0 {
			return question{}, invalid("The content field in the Message object at messages.%d is empty. Add a ContentBlock object to the content field and try again.", i)
		}
	}
	if messages[len(messages)-1].Role != "user" {
		return question{}, invalid("A conversation must end with a user message.")
	}
	if refused := tools.check(messages); refused != nil {
		return question{}, refused
	}
	q.text = strings.Join(q.texts, "\n")
	return q, nil
}

// take counts one block and keeps what of it the answer depends on.
func (q *question) take(block contentBlock) {
	switch {
	case block.Text != nil:
		q.say(*block.Text)
		q.spoken = append(q.spoken, *block.Text)
	case block.GuardContent != nil:
		q.say(block.GuardContent.Text.Text)
		q.guarded = append(q.guarded, block.GuardContent.Text.Text)
	case block.ToolUse != nil:
		q.input += tokens(string(block.ToolUse.Input))
	case block.ToolResult != nil:
		text := block.ToolResult.text()
		q.input += tokens(text)
		q.results = append(q.results, text)
	case block.Image != nil:
		q.input += imageTokens
	}
}

func (q *question) say(text string) {
	q.input += tokens(text)
	q.texts = append(q.texts, text)
}

// blocks are the content of an answer: its text, then the tools it calls. An
// answer that was cut before its first word is one block without text.
func (c completion) blocks() []map[string]any {
	var all []map[string]any
	if c.text != "" || len(c.tools) == 0 {
		all = append(all, map[string]any{"text": c.text})
	}
	for _, use := range c.tools {
		all = append(all, map[string]any{"toolUse": use})
	}
	return all
}
