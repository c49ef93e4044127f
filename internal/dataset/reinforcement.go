package dataset

import (
	"cmp"
	"slices"
)

// reinforcement checks a record of reinforcement fine-tuning: OpenAI's chat form
// with a reference_answer, and whatever else the grader is to get (Bedrock User
// Guide, "Prepare data for Amazon Nova models"; AWS's sample validator for Nova).
func reinforcement(c *cursor) {
	c.wanted = FormatReinforcement
	start := c.open()
	var messages, reference bool
	for c.more() {
		switch key, _ := c.key(); string(key) {
		case "messages":
			messages = true
			c.chat()
		case "reference_answer":
			reference = true
			c.referenceAnswer()
		case "tools":
			c.chatTools()
		case "id":
			c.skip()
		default:
			// Every other key reaches the grader with the record's metadata.
			c.value()
		}
	}
	c.close()
	c.missing(messages, start, "messages", "a list of messages")
	if !reference {
		c.add(CodeNoReferenceAnswer, start, "the key \"reference_answer\" is missing: add what the grader compares an answer with, unless it needs nothing")
	}
}

// referenceAnswer checks what the grader compares an answer with: a string or an
// object.
func (c *cursor) referenceAnswer() {
	column := c.column()
	switch c.kind() {
	case '{':
		if empty(c.value()) {
			c.add(CodeNoReferenceAnswer, column, "the reference answer is an empty object: fill it in, unless the grader needs nothing")
		}
	case '"':
		c.text()
	default:
		c.expect('"', "a string or an object")
	}
}

// empty says whether the JSON of an object has no member.
func empty(object []byte) bool { return !slices.Contains(object, '"') }

var (
	chatToolMembers = []member{
		{"type", "\"function\"", (*cursor).chatToolType},
		{"function", "an object", (*cursor).chatFunction},
	}
	chatFunctionMembers = []member{
		{"name", "the function's name", (*cursor).toolName},
		{"description", "", (*cursor).chatDescription},
		{"parameters", "", (*cursor).chatParameters},
		{"strict", "", nil},
	}
)

// chatTools checks the tools of a prompt. What more of them AWS's sample validator
// wants, no page does.
func (c *cursor) chatTools() {
	n, start, ok := c.list("a list of tools", func(c *cursor) { c.object("a tool", chatToolMembers) })
	if ok && n == 0 {
		c.add(CodeToolInDoubt, start, "the list of tools is empty, which AWS's sample validator refuses: leave the key out")
	}
}

func (c *cursor) chatToolType() {
	kind, column, ok := c.name("the tool's type")
	if ok && kind != "function" {
		c.add(CodeToolInDoubt, column, "AWS's sample validator takes tools of the type \"function\" only: write the tool as one")
	}
}

func (c *cursor) chatFunction() {
	column := c.column()
	c.tools.described, c.tools.parametrized = false, false
	if c.object("function", chatFunctionMembers) && (!c.tools.described || !c.tools.parametrized) {
		c.add(CodeToolInDoubt, column, "AWS's sample validator wants a description and parameters of every function: add them if you can")
	}
}

func (c *cursor) chatDescription() {
	if c.kind() != '"' {
		c.skip()
		return
	}
	c.tools.described = !blank(c.str())
}

// chatParameters passes over a JSON Schema, which is the tool's own matter.
func (c *cursor) chatParameters() {
	c.tools.parametrized = c.kind() == '{'
	c.value()
}

// chat checks the messages that are the prompt: the system's first, if there is
// one, and at least one of the user's.
func (c *cursor) chat() {
	seen := 0
	n, start, ok := c.list("a list of messages", func(c *cursor) { c.chatMessage(&seen) })
	switch {
	case !ok:
	case n == 0:
		c.add(CodeTooFewMessages, start, "a record needs at least a user message")
	case c.user == 0:
		c.add(CodeRoleOrder, start, "no message is the user's: add the prompt")
	}
}

// chatMessage checks one message; seen is how many came before it.
func (c *cursor) chatMessage(seen *int) {
	defer func() { *seen++ }()
	if !c.expect('{', "an object with role and content") {
		return
	}
	start := c.open()
	var role, content bool
	for c.more() {
		key, column := c.key()
		switch string(key) {
		case "role":
			role = true
			c.chatRole(*seen)
		case "content":
			content = true
			c.chatText()
		default:
			c.value()
			c.add(CodeExtraKey, column, "a message has the keys role and content; nothing says what becomes of this one: remove it")
		}
	}
	c.close()
	c.missing(role, start, "role", "\"system\", \"user\" or \"assistant\"")
	c.missing(content, start, "content", "a string")
}

func (c *cursor) chatRole(seen int) {
	column := c.column()
	if !c.expect('"', "\"system\", \"user\" or \"assistant\"") {
		return
	}
	switch role := c.str(); {
	case c.err != nil:
	case string(role) == roleUser:
		c.user++
	case string(role) == roleAssistant:
		c.assistant++
	case string(role) != roleSystem:
		if string(role) == roleTool {
			c.tool++
		}
		c.add(CodeUnknownRole, column, "the role must be system, user or assistant")
	default:
		c.system++
		if seen > 0 {
			c.add(CodeRoleOrder, column, "the system's message must be the first")
		}
	}
}

// chatText checks a message's text. What Nova reserves is said by the sample
// validator only, where reinforcement fine-tuning is concerned.
func (c *cursor) chatText() {
	text, column, ok := c.text()
	if !ok || !c.rules.ReservedWords {
		return
	}
	reserved, suspect := findReserved(text)
	if word := cmp.Or(reserved, suspect); word != "" {
		c.add(CodeSuspectWord, column, suspectWord(word))
	}
}
