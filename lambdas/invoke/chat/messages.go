package chat

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// message is one message of a request, of any role.
type message struct {
	Role       string         `json:"role"`
	Content    jsontext.Value `json:"content"`
	Name       string         `json:"name"`
	ToolCalls  []toolCall     `json:"tool_calls"`
	ToolCallID string         `json:"tool_call_id"`
	Refusal    string         `json:"refusal"`
	// Annotations are what OpenAI's answers carry beside the text; clients send
	// them back with it.
	Annotations  jsontext.Value `json:"annotations"`
	FunctionCall jsontext.Value `json:"function_call"`
	Audio        jsontext.Value `json:"audio"`
	Rest         jsontext.Value `json:",embed"`
}

// dialog is a conversation in the order that Converse wants: instructions apart,
// user and assistant in turns, every call of a tool answered in the next turn.
type dialog struct {
	system []block
	turns  []turn
	// usesTools says that calls of tools are in the turns.
	usesTools bool
	// called are the calls of the last assistant's message, in order, and open
	// those of them that no tool's message has answered yet.
	called []string
	open   map[string]bool
}

// dialogOf reads the messages.
func dialogOf(messages []message) (*dialog, *Error) {
	if len(messages) == 0 {
		return nil, invalid("messages", "this is required: at least one message of the user")
	}
	d := &dialog{open: map[string]bool{}}
	for i, m := range messages {
		at := item("messages", i)
		if e := m.check(at); e != nil {
			return nil, e
		}
		if e := d.add(m, at); e != nil {
			return nil, e
		}
	}
	switch {
	case len(d.turns) == 0:
		return nil, invalid("messages", "there must be a message of the user")
	case len(d.open) > 0:
		return nil, d.unanswered("messages")
	}
	return d, nil
}

// check refuses members that do not belong to a message of this role.
func (m message) check(at string) *Error {
	switch {
	case m.Role != roleAssistant && (len(m.ToolCalls) > 0 || m.Refusal != "" || !absent(m.FunctionCall) || !absent(m.Audio) || !absent(m.Annotations)):
		return invalid(at, "only messages of the assistant have tool_calls, refusal, function_call, audio or annotations")
	case m.Role != "tool" && m.ToolCallID != "":
		return invalid(at+".tool_call_id", "only messages with the role tool have this")
	case !absent(m.FunctionCall):
		return unsupported(at+".function_call", "this is deprecated: use tool_calls")
	case !absent(m.Audio):
		return unsupported(at+".audio", "the models here take text and images")
	case m.Role != "tool" && m.Name != "":
		// Of a tool's message it repeats what its call says.
		return unsupported(at+".name", "Converse knows no names of participants: write it into the text, where the model reads it")
	}
	return nothingElse(m.Rest, at)
}

// add appends a message.
func (d *dialog) add(m message, at string) *Error {
	if m.Role != "tool" && len(d.open) > 0 {
		return d.unanswered(at)
	}
	switch m.Role {
	case "system", "developer":
		return d.addSystem(m, at)
	case roleUser:
		return d.addSpoken(m, at, nil)
	case roleAssistant:
		return d.addAssistant(m, at)
	case "tool":
		return d.addResult(m, at)
	case "function":
		return unsupported(at+".role", "this is deprecated: use the role tool")
	}
	return invalid(at+".role", "this must be system, developer, user, assistant or tool")
}

// unanswered is for calls of tools that the next messages do not answer.
func (d *dialog) unanswered(at string) *Error {
	first := d.called[slices.IndexFunc(d.called, func(id string) bool { return d.open[id] })]
	return invalid(at, "a message of the assistant with tool_calls must be followed by a message with the role tool for each of them; missing is the one for %s", first)
}

// addSystem appends an instruction. Converse has a place for them before the
// conversation only. A blank one says nothing.
func (d *dialog) addSystem(m message, at string) *Error {
	if len(d.turns) > 0 {
		return unsupported(at, "instructions must come before the first message of the user: Converse has no place for them later, and moving them would change what they are about")
	}
	blocks, e := contentBlocks(m, at)
	d.system = append(d.system, blocks...)
	return e
}

// addSpoken appends what the user or the assistant said, and the assistant's
// calls.
func (d *dialog) addSpoken(m message, at string, calls []block) *Error {
	blocks, e := contentBlocks(m, at)
	if e != nil {
		return e
	}
	blocks = append(blocks, calls...)
	if len(blocks) == 0 {
		return invalid(at+".content", "there must be some text that is not blank: Converse takes no empty message")
	}
	d.say(m.Role, blocks)
	return nil
}

// say appends blocks to the last turn if it is of the same role, since roles take
// turns in Converse.
func (d *dialog) say(role string, blocks []block) {
	if last := len(d.turns) - 1; last >= 0 && d.turns[last].Role == role {
		d.turns[last].Content = append(d.turns[last].Content, blocks...)
		return
	}
	d.turns = append(d.turns, turn{Role: role, Content: blocks})
}

func (d *dialog) addAssistant(m message, at string) *Error {
	if len(d.turns) == 0 {
		return invalid(at, "the conversation must begin with a message of the user")
	}
	var calls []block
	d.called = nil
	for i, c := range m.ToolCalls {
		use, e := c.use(item(at+".tool_calls", i))
		if e != nil {
			return e
		}
		if d.open[use.ID] {
			return invalid(item(at+".tool_calls", i)+".id", "two calls must not have one id")
		}
		calls = append(calls, block{ToolUse: use})
		d.called, d.open[use.ID] = append(d.called, use.ID), true
	}
	d.usesTools = d.usesTools || len(calls) > 0
	return d.addSpoken(m, at, calls)
}

// addResult appends what a tool answered to one of the calls before it.
func (d *dialog) addResult(m message, at string) *Error {
	if !d.open[m.ToolCallID] {
		return invalid(at+".tool_call_id", "this must be the id of a call in tool_calls of the assistant's message before, each answered once")
	}
	delete(d.open, m.ToolCallID)
	blocks, e := contentBlocks(m, at)
	if e != nil {
		return e
	}
	if len(blocks) == 0 {
		return invalid(at+".content", "there must be some text that is not blank: Converse takes no empty result of a tool; say in words that there is none")
	}
	d.say(roleUser, []block{{ToolResult: &toolResult{ID: m.ToolCallID, Content: blocks}}})
	return nil
}
