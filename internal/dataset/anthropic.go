package dataset

import "bytes"

// anthropic checks {"system": string, "messages": [{"role", "content": string}]},
// the form of Claude 3 Haiku (Bedrock User Guide, "Prepare your training
// datasets"; AWS's sample validator for Claude 3 Haiku).
func anthropic(c *cursor) {
	c.wanted = FormatAnthropic
	start := c.open()
	var messages bool
	for c.more() {
		key, column := c.key()
		switch string(key) {
		case "system":
			c.system++
			c.markedText(roleSystem)
		case "messages":
			messages = true
			c.messages(false, (*cursor).markedText)
		default:
			c.skip()
			c.add(CodeUnknownKey, column, "a record has the keys system and messages: correct or remove this one")
		}
	}
	c.close()
	c.missing(messages, start, "messages", "a list of messages")
}

// turnMarkers begin a turn in the prompts that Claude's training data is written into.
var turnMarkers = []string{"\nHuman:", "\nAssistant:"}

// markedText checks a text in which no line may begin like a turn.
func (c *cursor) markedText(role string) {
	text, column, ok := c.text()
	if !ok {
		return
	}
	if role == roleAssistant {
		c.answered()
	}
	for _, marker := range turnMarkers {
		if bytes.Contains(text, []byte(marker)) {
			c.add(CodeTurnMarker, column, "a line of the text begins with \""+marker[1:]+"\", which begins a turn for Claude: remove it or its colon")
			return
		}
	}
}
