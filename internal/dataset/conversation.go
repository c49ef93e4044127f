package dataset

import "fmt"

// conversation checks the form bedrock-conversation-2024 of supervised
// fine-tuning (Bedrock User Guide, "Prepare your training datasets"; Nova guide,
// "Preparing data for multimodal fine-tuning"; Nova 2 guide, "Preparing data for
// SFT on Amazon Nova 2").
//
// An unknown key is an error: no page says that other keys are tolerated, and a
// misspelt "system" would be paid for and not trained on.
func conversation(c *cursor) {
	c.wanted = FormatConversation
	c.converse(false)
}

// distillation checks a record of distillation prompts: a conversation of text
// whose answer may be missing (Bedrock User Guide, "Option 1: Provide your own
// prompts for data preparation"; AWS's sample validator for distillation).
func distillation(c *cursor) {
	c.wanted = FormatDistillation
	c.converse(true)
}

// converse walks a record of the conversation form.
func (c *cursor) converse(answerOptional bool) {
	start := c.open()
	var version, messages bool
	for c.more() {
		key, column := c.key()
		switch string(key) {
		case "schemaVersion":
			version = true
			c.schemaVersion()
		case "system":
			c.systemList()
		case "messages":
			messages = true
			c.messages(answerOptional, (*cursor).blocks)
		case "toolConfig":
			c.toolConfig(column)
		default:
			c.skip()
			c.add(CodeUnknownKey, column, "a record has the keys schemaVersion, system and messages: correct or remove this one")
		}
	}
	c.close()
	c.missing(version, start, "schemaVersion", "the value \""+schemaVersion+"\"")
	c.missing(messages, start, "messages", "a list of messages")
	c.compareTools()
}

func (c *cursor) schemaVersion() {
	column := c.column()
	if !c.expect('"', "the string \""+schemaVersion+"\"") {
		return
	}
	switch value := c.str(); {
	case string(value) == schemaVersion:
	case c.rules.AnySchemaVersion:
		c.add(CodeOtherSchemaVersion, column, "schemaVersion is not \""+schemaVersion+"\": Nova takes any string, another base model does not")
	default:
		c.add(CodeSchemaVersion, column, "schemaVersion must be \""+schemaVersion+"\" for "+c.rules.model())
	}
}

// systemList checks the optional list of {"text": string}.
func (c *cursor) systemList() {
	items, start, ok := c.list("a list with one item, [{\"text\": ...}]", func(c *cursor) { c.object("an item of the system list", systemItem) })
	if !ok {
		return
	}
	c.system++
	if wanted := c.rules.SystemItems; items == 0 || wanted > 0 && items != wanted {
		c.add(CodeSystemCount, start, fmt.Sprintf("the list has %s: write one, or leave the key system out", count(items, "item")))
	}
}

var systemItem = []member{
	{"text", "a string", func(c *cursor) { c.turnText(roleSystem) }},
}

// blocks checks a message's content, a list of blocks.
func (c *cursor) blocks(role string) {
	c.said = false
	n, start, ok := c.list("a list of content blocks, [{\"text\": ...}]", func(c *cursor) { c.block(role) })
	switch {
	case !ok:
	case n == 0:
		c.add(CodeEmptyContent, start, "the message has no content block: add one, {\"text\": ...}")
	case !c.said && c.rules.Reasoning && role == roleAssistant:
		c.add(CodeEmptyContent, start, "the message has reasoning and no answer: add what the model is to say, {\"text\": ...}")
	case n > 1 && c.rules.SingleTurn:
		c.add(CodeSingleTurn, start, "a prompt for "+c.rules.model()+" has one text block a message: join the texts")
	}
}

// block checks one content block, a union: it has exactly one key.
func (c *cursor) block(role string) {
	if !c.expect('{', "a content block, {\"text\": ...}") {
		return
	}
	start := c.open()
	keys, unknown := 0, false
	for ; c.more(); keys++ {
		key, column := c.key()
		c.said = c.said || string(key) != "reasoningContent"
		switch string(key) {
		case "text":
			if c.turnText(role) && role == roleAssistant {
				c.answered()
			}
		case "image", "video", "document":
			c.mediaBlock(string(key), column, role)
		case "toolUse":
			c.toolBlock(column, role, roleAssistant, "a toolUse block", toolUseMembers)
		case "toolResult":
			c.toolBlock(column, role, roleUser, "a toolResult block", toolResultMembers)
		case "reasoningContent":
			c.reasoning(column, role)
		default:
			unknown = true
			c.skip()
			c.add(CodeUnknownBlock, column, "no content block has this key: write {\"text\": ...}")
		}
	}
	c.close()
	if keys != 1 && !unknown {
		c.add(CodeUnknownBlock, start, fmt.Sprintf("a content block has exactly one key, this one has %d: write one block for each", keys))
	}
}

// reasoning checks a reasoningContent block, which only Nova 2 takes, in the
// assistant's turns.
func (c *cursor) reasoning(column int, role string) {
	switch {
	case !c.rules.Reasoning:
		c.skip()
		c.add(CodeToolBlock, column, c.rules.model()+" takes no reasoningContent: remove the block, or choose Nova 2")
	case role != roleAssistant:
		c.skip()
		c.add(CodeBlockInWrongTurn, column, "reasoningContent may stand in the assistant's messages only: move or remove the block")
	default:
		c.object("reasoningContent", reasoningContent)
	}
}

var (
	reasoningContent = []member{
		{"reasoningText", "an object, {\"text\": ...}", func(c *cursor) { c.object("reasoningText", reasoningText) }},
	}
	reasoningText = []member{
		{"text", "a string", func(c *cursor) { c.turnText(roleAssistant) }},
		{"signature", "", nil},
	}
)

// turnText checks a text of the system prompt, a user or an assistant.
func (c *cursor) turnText(role string) (ok bool) {
	text, column, ok := c.text()
	if ok && c.rules.ReservedWords {
		c.reserved(text, column, role)
	}
	return ok
}

// reserved files the words of a text that Nova reserves.
func (c *cursor) reserved(text []byte, column int, role string) {
	reserved, suspect := findReserved(text)
	switch {
	case reserved != "" && role == roleAssistant:
		c.add(CodeReservedWordInAnswer, column, "the text contains \""+reserved+"\", which Nova reserves in user and system texts: replace it if you can")
	case reserved != "":
		c.add(CodeReservedWord, column, "the text contains \""+reserved+"\", which Nova reserves in any case: replace it, or the job fails")
	}
	if suspect != "" {
		c.add(CodeSuspectWord, column, suspectWord(suspect))
	}
}

func suspectWord(word string) string {
	return "the text contains \"" + word + "\", which AWS's sample validator refuses: replace it if you can"
}
