package dataset

import "fmt"

// conversation checks the form bedrock-conversation-2024, text only (Bedrock
// User Guide, "Prepare your training datasets"; Nova guide, "Preparing data for
// multimodal fine-tuning").
//
// An unknown key is an error: no page says that other keys are tolerated, and a
// misspelt "system" would be paid for and not trained on.
func conversation(c *cursor) {
	start := c.open()
	var version, messages bool
	// foreign is the column of the first key of the prompt/completion form.
	var foreign int
	for c.more() {
		key, column := c.key()
		switch string(key) {
		case "schemaVersion":
			version = true
			c.schemaVersion()
		case "system":
			c.system()
		case "messages":
			messages = true
			c.messages()
		case "prompt", "completion":
			if foreign == 0 {
				foreign = column
			}
			c.skip()
		case "toolConfig":
			c.skip()
			c.add(CodeToolBlock, column, toolBlock)
		default:
			c.skip()
			c.add(CodeUnknownKey, column, "a record has the keys schemaVersion, system and messages: correct or remove this one")
		}
	}
	c.close()
	if foreign > 0 && !messages {
		c.add(CodeOtherFormat, start, "the record is written as prompt and completion; this base model takes the form bedrock-conversation-2024")
		return
	}
	if foreign > 0 {
		c.add(CodeUnknownKey, foreign, "prompt and completion are keys of another form: move what they hold into messages")
	}
	c.missing(version, start, "schemaVersion", "the value \""+schemaVersion+"\"")
	c.missing(messages, start, "messages", "a list of messages")
}

func (c *cursor) schemaVersion() {
	column := c.column()
	if !c.expect('"', "the string \""+schemaVersion+"\"") {
		return
	}
	if value := c.str(); string(value) != schemaVersion && !c.rules.AnySchemaVersion {
		c.add(CodeSchemaVersion, column, "schemaVersion must be \""+schemaVersion+"\" for this base model")
	}
}

// system checks the optional list of {"text": string}.
func (c *cursor) system() {
	if !c.expect('[', "a list with one item, [{\"text\": ...}]") {
		return
	}
	start := c.open()
	items := 0
	for ; c.more(); items++ {
		c.systemItem()
	}
	c.close()
	if wanted := c.rules.SystemItems; items == 0 || wanted > 0 && items != wanted {
		c.add(CodeSystemCount, start, fmt.Sprintf("the list has %d items: write one, or leave the key system out", items))
	}
}

func (c *cursor) systemItem() {
	if !c.expect('{', "an object, {\"text\": ...}") {
		return
	}
	start := c.open()
	var text bool
	for c.more() {
		key, column := c.key()
		if string(key) == "text" {
			text = true
			c.turnText(false)
			continue
		}
		c.skip()
		c.add(CodeUnknownKey, column, "an item of the system list has the key text only: correct or remove this one")
	}
	c.close()
	c.missing(text, start, "text", "a string")
}

// messages checks the list of turns: user first, alternating, assistant last.
func (c *cursor) messages() {
	if !c.expect('[', "a list of messages") {
		return
	}
	start := c.open()
	order := roleOrder{}
	for c.more() {
		c.message(&order)
	}
	c.close()
	switch {
	case order.count < 2:
		c.add(CodeTooFewMessages, start, "a record needs at least a user message and the assistant's answer")
	case !order.broken && order.count%2 != 0:
		c.add(CodeRoleOrder, start, "the last message must be the assistant's")
	}
}

// roleOrder follows the turns of one record. Once broken it is not looked at
// any more: one wrong turn would make every later one look wrong.
type roleOrder struct {
	count  int
	broken bool
}

// wanted is the role of the next message.
func (o *roleOrder) wanted() string {
	if o.count%2 == 0 {
		return "user"
	}
	return "assistant"
}

func (c *cursor) message(order *roleOrder) {
	defer func() { order.count++ }()
	if !c.expect('{', "an object with role and content") {
		order.broken = true
		return
	}
	start := c.open()
	var role, content bool
	for c.more() {
		key, column := c.key()
		switch string(key) {
		case "role":
			role = true
			c.role(order)
		case "content":
			content = true
			// The place says the role, which may stand after the content.
			c.content(order.wanted() == "assistant")
		default:
			c.skip()
			c.add(CodeUnknownKey, column, "a message has the keys role and content: correct or remove this one")
		}
	}
	c.close()
	order.broken = order.broken || !role
	c.missing(role, start, "role", "\"user\" or \"assistant\"")
	c.missing(content, start, "content", "a list of content blocks")
}

func (c *cursor) role(order *roleOrder) {
	column := c.column()
	if !c.expect('"', "\"user\" or \"assistant\"") {
		order.broken = true
		return
	}
	role := string(c.str())
	switch {
	case c.err != nil:
	case role != "user" && role != "assistant":
		order.broken = true
		c.add(CodeUnknownRole, column, "the role must be user or assistant; a system prompt goes into the record's system list")
	case order.broken || role == order.wanted():
	case order.count == 0:
		order.broken = true
		c.add(CodeRoleOrder, column, "the first message must be the user's")
	default:
		order.broken = true
		c.add(CodeRoleOrder, column, "two messages of one role follow each other: join them, or add what is missing between them")
	}
}

// content checks a message's blocks.
func (c *cursor) content(assistant bool) {
	if !c.expect('[', "a list of content blocks, [{\"text\": ...}]") {
		return
	}
	start := c.open()
	blocks := 0
	for ; c.more(); blocks++ {
		c.block(assistant)
	}
	c.close()
	if blocks == 0 {
		c.add(CodeEmptyContent, start, "the message has no content block: add one, {\"text\": ...}")
	}
}

// toolBlock is the message for everything about tools and reasoning.
const toolBlock = "tools and reasoning come with a later version of this check: use text only"

// block checks one content block, a union: it has exactly one key.
func (c *cursor) block(assistant bool) {
	if !c.expect('{', "a content block, {\"text\": ...}") {
		return
	}
	start := c.open()
	keys := 0
	for ; c.more(); keys++ {
		key, column := c.key()
		switch string(key) {
		case "text":
			c.turnText(assistant)
		case "image", "video", "document":
			c.skip()
			c.add(CodeMediaBlock, column, c.mediaMessage())
		case "toolUse", "toolResult", "reasoningContent":
			c.skip()
			c.add(CodeToolBlock, column, toolBlock)
		default:
			c.skip()
			c.add(CodeUnknownBlock, column, "no content block has this key: write {\"text\": ...}")
		}
	}
	c.close()
	if keys != 1 {
		c.add(CodeUnknownBlock, start, fmt.Sprintf("a content block has exactly one key, this one has %d: write one block for each", keys))
	}
}

func (c *cursor) mediaMessage() string {
	if c.rules.TextOnly {
		return "this base model takes text only: remove the block"
	}
	return "images, video and documents come with a later version of this check: use text only"
}

// turnText checks a text of the system prompt, a user or an assistant.
func (c *cursor) turnText(assistant bool) {
	text, column, ok := c.text()
	if !ok || !c.rules.ReservedWords {
		return
	}
	reserved, suspect := findReserved(text)
	switch {
	case reserved != "" && assistant:
		c.add(CodeReservedWordInAnswer, column, "the text contains \""+reserved+"\", which Nova reserves in user and system texts: replace it if you can")
	case reserved != "":
		c.add(CodeReservedWord, column, "the text contains \""+reserved+"\", which Nova reserves in any case: replace it, or the job fails")
	}
	if suspect != "" {
		c.add(CodeSuspectWord, column, "the text contains \""+suspect+"\", which AWS's sample validator refuses: replace it if you can")
	}
}
