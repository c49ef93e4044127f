package chat

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// tool is a tool that the model may call.
type tool struct {
	Type     string         `json:"type"`
	Function *function      `json:"function"`
	Rest     jsontext.Value `json:",embed"`
}

type function struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Parameters  jsontext.Value `json:"parameters"`
	Strict      bool           `json:"strict"`
	Rest        jsontext.Value `json:",embed"`
}

// toolCall is a call that the assistant made earlier.
type toolCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function *struct {
		Name      string         `json:"name"`
		Arguments string         `json:"arguments"`
		Rest      jsontext.Value `json:",embed"`
	} `json:"function"`
	// Index is what streamed answers number their calls with; clients that put
	// them together may send it back.
	Index jsontext.Value `json:"index"`
	Rest  jsontext.Value `json:",embed"`
}

// noParameters is the schema of a function that takes none: OpenAI lets them out.
const noParameters = `{"type":"object","properties":{}}`

// toolConfig reads the tools, and which of them the model must call. used says
// that the conversation holds calls.
func (b body) toolConfig(used bool) (*toolConfig, *Error) {
	var found toolConfig
	names := map[string]bool{}
	for i, t := range b.Tools {
		spec, e := t.spec(item("tools", i))
		switch {
		case e != nil:
			return nil, e
		case names[spec.Name]:
			return nil, invalid(item("tools", i)+".function.name", "two tools must not have one name")
		}
		names[spec.Name] = true
		found.Tools = append(found.Tools, toolEntry{Spec: spec})
	}
	chosen, none, e := choiceOf(b.ToolChoice, names)
	switch {
	case e != nil:
		return nil, e
	case used && len(names) == 0:
		return nil, invalid("tools", "the messages hold calls of tools: Converse wants the tools with them")
	case used && none:
		return nil, unsupported("tool_choice", "Converse cannot forbid calls in a conversation that holds some: use auto, or leave the calls and their results out of the messages")
	case len(names) == 0 || none:
		// A model that is told of no tools calls none.
		return nil, nil
	case b.ParallelToolCalls != nil && !*b.ParallelToolCalls:
		return nil, unsupported("parallel_tool_calls", "Converse cannot hold a model to one call at a time: leave this out, and carry the calls out one after the other")
	}
	found.Choice = chosen
	return &found, nil
}

// spec is a tool in Converse's terms.
func (t tool) spec(at string) (toolSpec, *Error) {
	var none toolSpec
	if t.Type != "function" || t.Function == nil {
		return none, unsupported(at+".type", "the one kind of tool here is function")
	}
	if e := nothingElse(t.Rest, at); e != nil {
		return none, e
	}
	f, at := t.Function, at+".function"
	if !isName(f.Name) {
		return none, invalid(at+".name", "this must be 1 to %d letters, digits, underscores and hyphens", mostName)
	}
	schema := f.Parameters
	switch {
	case absent(schema):
		schema = jsontext.Value(noParameters)
	case schema.Kind() != '{':
		return none, invalid(at+".parameters", "this must be a JSON Schema, an object")
	}
	spec := toolSpec{Name: f.Name, Description: f.Description, InputSchema: inputSchema{JSON: schema}, Strict: f.Strict}
	return spec, nothingElse(f.Rest, at)
}

// choiceOf reads tool_choice; none is true if no tool may be called.
func choiceOf(v jsontext.Value, names map[string]bool) (chosen *choice, none bool, e *Error) {
	if absent(v) {
		return nil, false, nil
	}
	const wrong = "this must be none, auto, required or {\"type\":\"function\",\"function\":{\"name\":…}} with the name of one of the tools"
	if v.Kind() == '"' {
		var word string
		if e := decode(v, &word, "tool_choice"); e != nil {
			return nil, false, e
		}
		switch {
		case word == "none":
			return nil, true, nil
		case word == "auto":
			return &choice{Auto: &struct{}{}}, false, nil
		case word == "required" && len(names) > 0:
			return &choice{Any: &struct{}{}}, false, nil
		}
		return nil, false, invalid("tool_choice", wrong)
	}
	var one struct {
		Type     string `json:"type"`
		Function struct {
			Name string         `json:"name"`
			Rest jsontext.Value `json:",embed"`
		} `json:"function"`
		Rest jsontext.Value `json:",embed"`
	}
	if e := decode(v, &one, "tool_choice"); e != nil {
		return nil, false, e
	}
	if one.Type != "function" || !names[one.Function.Name] {
		return nil, false, invalid("tool_choice", wrong)
	}
	if e := nothingElse(one.Function.Rest, "tool_choice.function"); e != nil {
		return nil, false, e
	}
	return &choice{Tool: &named{Name: one.Function.Name}}, false, nothingElse(one.Rest, "tool_choice")
}

// use is a call in Converse's terms.
func (c toolCall) use(at string) (*toolUse, *Error) {
	if c.Type != "function" || c.Function == nil {
		return nil, unsupported(at+".type", "the one kind of call here is function")
	}
	if !isID(c.ID) {
		return nil, invalid(at+".id", "this must be 1 to %d letters, digits and _ . : -, as Converse takes it", mostName)
	}
	f := c.Function
	if !isName(f.Name) {
		return nil, invalid(at+".function.name", "this must be 1 to %d letters, digits, underscores and hyphens", mostName)
	}
	input := jsontext.Value(f.Arguments)
	if len(input) == 0 { // a function without parameters
		input = jsontext.Value("{}")
	}
	if e := strict(input, at+".function.arguments"); e != nil {
		return nil, e
	}
	if input.Kind() != '{' {
		return nil, invalid(at+".function.arguments", "this must be a JSON object, in a string")
	}
	if e := nothingElse(f.Rest, at+".function"); e != nil {
		return nil, e
	}
	return &toolUse{ID: c.ID, Name: f.Name, Input: input}, nothingElse(c.Rest, at)
}

// mostName is how long a tool's name and a call's id may be, in bytes
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolUseBlock.html).
const mostName = 64

func isName(text string) bool { return consistsOf(text, "_-") }

func isID(text string) bool { return consistsOf(text, "_.:-") }

// consistsOf says whether a text is 1 to mostName letters, digits and some
// others.
func consistsOf(text, also string) bool {
	for i := range len(text) {
		c := text[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && !slices.Contains([]byte(also), c) {
			return false
		}
	}
	return 0 < len(text) && len(text) <= mostName
}
