package dataset

// The roles of messages; a system prompt that stands outside of them has a role too.
const (
	roleSystem    = "system"
	roleUser      = "user"
	roleAssistant = "assistant"
	roleTool      = "tool"
)

// messages checks a list of turns, user first, alternating, the assistant's last
// unless its answer is optional; content reads the content of one message.
func (c *cursor) messages(answerOptional bool, content func(*cursor, string)) {
	c.order = roleOrder{answerOptional: answerOptional}
	_, start, ok := c.list("a list of messages", func(c *cursor) { c.message(content) })
	if !ok {
		return
	}
	order := &c.order
	c.countMedia(start)
	switch {
	case order.answerOptional && order.count == 0:
		c.add(CodeTooFewMessages, start, "a record needs at least a user message")
	case !order.answerOptional && order.count < 2:
		c.add(CodeTooFewMessages, start, "a record needs at least a user message and the assistant's answer")
	case c.rules.SingleTurn && order.count > 2:
		c.add(CodeSingleTurn, start, "a prompt for "+c.rules.model()+" is one user message, with or without an answer: split the conversation")
	case !order.broken && !order.answerOptional && order.count%2 != 0:
		c.add(CodeRoleOrder, start, "the last message must be the assistant's")
	}
}

// roleOrder follows the turns of one record. Once broken it is not looked at
// any more: one wrong turn would make every later one look wrong.
type roleOrder struct {
	// answerOptional: the last message may be the user's.
	answerOptional bool
	count          int
	broken         bool
}

// wanted is the role of the next message.
func (o *roleOrder) wanted() string {
	if o.count%2 == 0 {
		return roleUser
	}
	return roleAssistant
}

func (c *cursor) message(content func(*cursor, string)) {
	order := &c.order
	defer func() { order.count++ }()
	c.answer = 0 // a message follows what was taken for the answer
	if !c.expect('{', "an object with role and content") {
		order.broken = true
		return
	}
	start := c.open()
	var hasRole, hasContent bool
	// The place says the role, until the message does: it may come after the content.
	role := order.wanted()
	for c.more() {
		key, column := c.key()
		switch string(key) {
		case "role":
			hasRole = true
			if own := c.role(order); own != "" {
				role = own
			}
		case "content":
			hasContent = true
			content(c, role)
		default:
			c.skip()
			c.add(CodeUnknownKey, column, "a message has the keys role and content: correct or remove this one")
		}
	}
	c.close()
	order.broken = order.broken || !hasRole
	c.missing(hasRole, start, "role", "\"user\" or \"assistant\"")
	c.missing(hasContent, start, "content", "what the message says")
}

// role checks a message's role and its place; it is "" when it is none.
func (c *cursor) role(order *roleOrder) string {
	column := c.column()
	if !c.expect('"', "\"user\" or \"assistant\"") {
		order.broken = true
		return ""
	}
	var role string
	switch value := c.str(); {
	case c.err != nil:
		return ""
	case string(value) == roleUser:
		role = roleUser
		c.user++
	case string(value) == roleAssistant:
		role = roleAssistant
		c.assistant++
	default:
		order.broken = true
		c.add(CodeUnknownRole, column, "the role must be user or assistant; a system prompt goes into the record's key system")
		return ""
	}
	switch {
	case order.broken || role == order.wanted():
	case order.count == 0:
		order.broken = true
		c.add(CodeRoleOrder, column, "the first message must be the user's")
	default:
		order.broken = true
		c.add(CodeRoleOrder, column, "two messages of one role follow each other: join them, or add what is missing between them")
	}
	return role
}
