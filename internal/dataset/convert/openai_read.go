package convert

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tuneline/tuneline/internal/dataset"
)

// reading is one row on its way in.
type reading struct {
	*ledger
	row []byte
	o   Options
}

// chatReader reads one row of the chat form.
type chatReader struct {
	*reading
	record record
	// ids gives tool calls ids that no two of them share.
	ids callIDs
}

// readOpenAI reads OpenAI's chat form, with or without a reference answer.
func readOpenAI(in *reading) (record, error) {
	var row openAIRecord
	if err := decode(in.row, &row); err != nil {
		return record{}, err
	}
	if row.Preferred != nil || row.NonPreferred != nil {
		return record{}, refuse("", "a preference row (DPO) has two answers and no right one: write the preferred answer as a chat row")
	}
	if isSet(row.System) {
		return record{}, refuse("/system", "the chat form has no key system, Anthropic's messages have: use --from %s", dataset.FormatAnthropic)
	}
	if row.Messages == nil {
		return record{}, refuse("", "the key messages is missing")
	}
	c := &chatReader{reading: in}
	if err := c.topLevel(row); err != nil {
		return record{}, err
	}
	for i, m := range row.Messages {
		if err := c.message(m, index("/messages", i)); err != nil {
			return record{}, err
		}
	}
	return c.record, nil
}

// topLevel reads everything but the messages.
func (c *chatReader) topLevel(row openAIRecord) error {
	if isSet(row.Reference) {
		c.record.reference = row.Reference
		if c.o.To != dataset.FormatReinforcement {
			c.lose(KindReferenceAnswer, "/reference_answer")
		}
	}
	if isSet(row.ToolChoice) {
		c.lose(KindToolSetting, "/tool_choice")
	}
	if isSet(row.ParallelCalls) {
		c.lose(KindToolSetting, "/parallel_tool_calls")
	}
	for i, t := range row.Tools {
		at := index("/tools", i)
		if t.Type != "function" {
			return refuse(at.AppendToken("type"), "only tools of the type function can be converted")
		}
		c.unknown(at, t.Rest)
		c.tool(t.Function, at.AppendToken("function"))
	}
	for i, f := range row.Functions {
		at := index("/functions", i)
		c.lose(KindLegacyFunction, at)
		c.tool(f, at)
	}
	if c.o.To != dataset.FormatReinforcement {
		c.unknown("", row.Rest)
		return nil
	}
	for name, value := range members(row.Rest) {
		c.record.extra = append(c.record.extra, member{name, value})
	}
	return nil
}

// isSet says that an optional value is there and no null.
func isSet(value jsontext.Value) bool { return len(value) > 0 && value.Kind() != 'n' }

func (c *chatReader) tool(f openAIFunction, at jsontext.Pointer) {
	if f.Strict != nil {
		c.lose(KindToolSetting, at.AppendToken("strict"))
	}
	c.unknown(at, f.Rest)
	c.record.tools = append(c.record.tools, tool{at: at, name: f.Name, description: f.Description, schema: f.Parameters})
}

func (c *chatReader) message(m openAIMessage, at jsontext.Pointer) error {
	if m.Name != nil && m.Role != "function" {
		c.lose(KindName, at.AppendToken("name"))
	}
	if m.ToolCallID != nil && m.Role != "tool" && !m.answersUnnamed() {
		c.lose(KindUnknownKey, at.AppendToken("tool_call_id"))
	}
	c.unknown(at, m.Rest)
	switch m.Role {
	case roleSystem, "developer":
		return c.system(m, at)
	case roleUser, roleAssistant:
		return c.turn(m, at)
	case "tool", "function":
		return c.result(m, at)
	}
	return refuse(at.AppendToken("role"), "the role must be system, developer, user, assistant or tool")
}

// system reads a system prompt. In the middle of a conversation it has no place
// in any other form, and moving it would change what it is about.
func (c *chatReader) system(m openAIMessage, at jsontext.Pointer) error {
	if len(c.record.turns) > 0 {
		return refuse(at, "a system message stands after the conversation began: move it to the beginning, or write it into a user message")
	}
	c.noTurnKeys(m, at)
	if m.Role == "developer" {
		c.lose(KindDeveloper, at)
	}
	blocks, err := c.blocks(m.Content, at.AppendToken("content"))
	if err != nil {
		return err
	}
	for _, b := range blocks {
		if b.text == nil {
			return refuse(b.at, "a system prompt can only hold text")
		}
		c.record.system = append(c.record.system, passage{b.at, *b.text})
	}
	return nil
}

// noTurnKeys notes the keys that mean something in an answer only.
func (c *chatReader) noTurnKeys(m openAIMessage, at jsontext.Pointer) {
	c.strays(at, []key{
		{"weight", m.Weight != nil},
		{"refusal", m.Refusal != nil},
		{"tool_calls", len(m.ToolCalls) > 0},
		{"function_call", m.FunctionCall != nil},
		{"reasoning", m.Reasoning != nil},
		{"reasoning_content", m.ReasoningContent != nil},
	})
}

// turn reads a user's or an assistant's message.
func (c *chatReader) turn(m openAIMessage, at jsontext.Pointer) error {
	t := turn{at: at, role: m.Role}
	if m.Role == roleUser {
		c.noTurnKeys(m, at)
	} else {
		c.weight(m, &t)
		c.reasoning(m, &t)
	}
	content, err := c.blocks(m.Content, at.AppendToken("content"))
	if err != nil {
		return err
	}
	t.blocks = append(t.blocks, content...)
	if m.Role == roleAssistant {
		if err := c.calls(m, &t); err != nil {
			return err
		}
	}
	if len(t.blocks) == 0 {
		return refuse(at, "the message has no content")
	}
	c.record.turns = append(c.record.turns, t)
	return nil
}

// weight reads whether the answer is to be trained on. OpenAI knows 0 and 1.
func (c *chatReader) weight(m openAIMessage, t *turn) {
	switch {
	case m.Weight == nil || *m.Weight == 1:
	case *m.Weight == 0:
		t.untrained = true
	default:
		c.lose(KindUnknownKey, t.at.AppendToken("weight"))
	}
}

// reasoning reads what a reasoning model thought before it answered.
func (c *chatReader) reasoning(m openAIMessage, t *turn) {
	for _, key := range []struct {
		name string
		text *string
	}{{"reasoning", m.Reasoning}, {"reasoning_content", m.ReasoningContent}} {
		if key.text != nil && !blank(*key.text) {
			t.blocks = append(t.blocks, block{at: t.at.AppendToken(key.name), reasoning: key.text})
		}
	}
}

// blocks reads a message's content.
func (c *chatReader) blocks(content *oneOrMany[openAIPart], at jsontext.Pointer) ([]block, error) {
	if content == nil {
		return nil, nil
	}
	if content.isText {
		return []block{textBlock(at, content.text)}, nil
	}
	var all []block
	for i, part := range content.parts {
		b, err := c.part(part, index(at, i))
		if err != nil {
			return nil, err
		}
		if b != nil {
			all = append(all, *b)
		}
	}
	return all, nil
}

// part reads one part of a content; nil if it was left out.
func (c *chatReader) part(p openAIPart, at jsontext.Pointer) (*block, error) {
	if p.Type == "input_audio" || p.Type == "file" || p.Type == "image_url" && p.ImageURL == nil {
		return nil, c.noMedia(at, "only images that are named by an s3:// URL can be converted")
	}
	c.unknown(at, p.Rest)
	c.strays(at, []key{{"text", p.Text != nil}, {"refusal", p.Refusal != nil}, {"image_url", p.ImageURL != nil}}, p.Type)
	switch {
	case p.Type == "text" && p.Text != nil:
		b := textBlock(at, *p.Text)
		return &b, nil
	case p.Type == "refusal" && p.Refusal != nil:
		c.lose(KindRefusal, at)
		b := textBlock(at, *p.Refusal)
		return &b, nil
	case p.Type == "image_url":
		return c.image(*p.ImageURL, at)
	}
	return nil, refuse(at, "a part of the content must be a text or an image_url with what its type says")
}

// calls reads what an assistant calls, and a refusal, which is its answer.
func (c *chatReader) calls(m openAIMessage, t *turn) error {
	if m.Refusal != nil && *m.Refusal != "" {
		at := t.at.AppendToken("refusal")
		c.lose(KindRefusal, at)
		t.blocks = append(t.blocks, textBlock(at, *m.Refusal))
	}
	for i, one := range m.ToolCalls {
		at := index(t.at.AppendToken("tool_calls"), i)
		if one.Type != "" && one.Type != "function" {
			return refuse(at.AppendToken("type"), "only tool calls of the type function can be converted")
		}
		c.unknown(at, one.Rest)
		if err := c.call(one.ID, one.Function, at, t); err != nil {
			return err
		}
	}
	if m.FunctionCall == nil {
		return nil
	}
	at := t.at.AppendToken("function_call")
	c.lose(KindLegacyFunction, at)
	return c.call("", *m.FunctionCall, at, t)
}

func (c *chatReader) call(id string, f openAIFunctionCall, at jsontext.Pointer, t *turn) error {
	input, err := arguments(f.Arguments)
	if err != nil {
		return refuse(at, "the arguments must be the text of a JSON object, without a key twice")
	}
	c.unknown(at.AppendToken("function"), f.Rest)
	own, changed := c.ids.give(id, f.Name)
	// A function call had no id, which KindLegacyFunction says already.
	if changed && at.LastToken() != "function_call" {
		c.lose(KindToolID, at)
	}
	t.blocks = append(t.blocks, block{at: at, call: &call{id: own, name: f.Name, input: input}})
	return nil
}

// arguments are a call's arguments as an object. None, and an empty text, are
// how exporters write that there are none.
func arguments(value jsontext.Value) (jsontext.Value, error) {
	if !isSet(value) {
		return jsontext.Value("{}"), nil
	}
	text, err := textOf(value)
	if err != nil || !blank(text) {
		if err != nil {
			return nil, err
		}
		return object(text)
	}
	return jsontext.Value("{}"), nil
}

// answersUnnamed says that a function's message does not name the function.
func (m openAIMessage) answersUnnamed() bool { return m.Role == "function" && m.Name == nil }

// result reads a tool's message as a user's turn.
func (c *chatReader) result(m openAIMessage, at jsontext.Pointer) error {
	c.noTurnKeys(m, at)
	var id string
	var known bool
	switch {
	case m.Role == "function" && !m.answersUnnamed():
		id, known = c.ids.answerNamed(*m.Name)
		c.lose(KindLegacyFunction, at)
	case m.ToolCallID != nil:
		id, known = c.ids.answer(*m.ToolCallID)
	default:
		id, known = c.ids.answerOnly()
		c.lose(KindToolID, at)
	}
	if !known {
		return refuse(at, "the tool's message answers no earlier call: give it the tool_call_id of one that is not answered")
	}
	blocks, err := c.blocks(m.Content, at.AppendToken("content"))
	if err != nil {
		return err
	}
	answers, err := c.answers(blocks)
	if err != nil {
		return err
	}
	if len(answers) == 0 {
		// A tool that answers nothing is common, and an empty list is refused.
		answers = []answer{{at: at.AppendToken("content")}}
	}
	c.record.turns = append(c.record.turns, turn{
		at: at, role: roleUser, results: true,
		blocks: []block{{at: at, result: &result{id: id, content: answers}}},
	})
	return nil
}
