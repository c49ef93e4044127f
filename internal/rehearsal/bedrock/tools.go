package bedrock

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// toolUse is ToolUseBlock.
type toolUse struct {
	ID    string          `json:"toolUseId"`
	Name  string          `json:"name"`
	Input json.RawMessage `json:"input"`
}

// toolResult is ToolResultBlock.
type toolResult struct {
	ID      string `json:"toolUseId"`
	Status  string `json:"status,omitempty"`
	Content []struct {
		Text  *string         `json:"text,omitempty"`
		JSON  json.RawMessage `json:"json,omitempty"`
		Image json.RawMessage `json:"image,omitempty"`
	} `json:"content"`
}

// text is what a tool answered; JSON is quoted as it stands.
func (r toolResult) text() string {
	var parts []string
	for _, block := range r.Content {
		switch {
		case block.Text != nil:
			parts = append(parts, *block.Text)
		case block.JSON != nil:
			parts = append(parts, string(block.JSON))
		}
	}
	return strings.Join(parts, " ")
}

// toolSpec is ToolSpecification.
type toolSpec struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Strict      *bool  `json:"strict,omitempty"`
	InputSchema struct {
		JSON schema `json:"json"`
	} `json:"inputSchema"`
}

// toolConfig is ToolConfiguration.
type toolConfig struct {
	Tools []struct {
		ToolSpec   *toolSpec       `json:"toolSpec,omitempty"`
		CachePoint json.RawMessage `json:"cachePoint,omitempty"`
	} `json:"tools"`
	ToolChoice struct {
		Auto *struct{} `json:"auto,omitempty"`
		Any  *struct{} `json:"any,omitempty"`
		Tool *struct {
			Name string `json:"name"`
		} `json:"tool,omitempty"`
	} `json:"toolChoice"`
}

func (c toolConfig) specs() []toolSpec {
	var all []toolSpec
	for _, tool := range c.Tools {
		if tool.ToolSpec != nil {
			all = append(all, *tool.ToolSpec)
		}
	}
	return all
}

// check holds the tools of a conversation together: results belong to uses
// of the turn before, all of which have one.
func (c toolConfig) check(messages []message) *apiError {
	names := map[string]bool{}
	for i, spec := range c.specs() {
		if names[spec.Name] {
			return invalid("The tool %s is already defined at toolConfig.tools.%d.", spec.Name, i)
		}
		names[spec.Name] = true
	}
	if chosen := c.ToolChoice.Tool; chosen != nil && !names[chosen.Name] {
		return invalid("The tool %s of toolConfig.toolChoice is not defined in toolConfig.tools.", chosen.Name)
	}
	var asked []string
	for i, m := range messages {
		uses, results := toolIDs(m)
		if len(uses)+len(results) > 0 && len(names) == 0 {
			return invalid("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
		}
		if m.Role == "user" && len(uses) > 0 || m.Role == "assistant" && len(results) > 0 {
			return invalid("toolUse blocks belong to the assistant and toolResult blocks to the user, which messages.%d turns around.", i)
		}
		if len(results) > len(asked) {
			return invalid("The number of toolResult blocks at messages.%d.content exceeds the number of toolUse blocks of previous turn.", i)
		}
		if missing := slices.DeleteFunc(asked, func(id string) bool { return slices.Contains(results, id) }); len(missing) > 0 {
			return invalid("Expected toolResult blocks at messages.%d.content for the following Ids: %s", i, strings.Join(missing, ", "))
		}
		asked = uses
	}
	return nil
}

// toolIDs are the ids of the tool uses and of the tool results of a message.
func toolIDs(m message) (uses, results []string) {
	for _, block := range m.Content {
		if block.ToolUse != nil {
			uses = append(uses, block.ToolUse.ID)
		}
		if block.ToolResult != nil {
			results = append(results, block.ToolResult.ID)
		}
	}
	return uses, results
}

// calls are the tools the double answers a question with: the chosen one,
// those that the question names in backticks, or the first when any tool must
// be called.
func (q question) calls() []toolUse {
	var chosen []toolSpec
	specs := q.tools.specs()
	for _, spec := range specs {
		named := strings.Contains(q.text, "`"+spec.Name+"`")
		if only := q.tools.ToolChoice.Tool; only != nil {
			named = only.Name == spec.Name
		}
		if named {
			chosen = append(chosen, spec)
		}
	}
	if len(chosen) == 0 && q.tools.ToolChoice.Any != nil && len(specs) > 0 {
		chosen = specs[:1]
	}
	var uses []toolUse
	for i, spec := range chosen {
		input, err := json.Marshal(spec.InputSchema.JSON.example(strings.ReplaceAll(q.text, "`", ""), 0))
		if err != nil {
			input = []byte("{}") // a schema's own values were JSON before
		}
		id := fmt.Sprintf("tooluse_%08x_%d_%d", hash(spec.Name+"\x00"+q.text), q.turn, i)
		uses = append(uses, toolUse{ID: id, Name: spec.Name, Input: input})
	}
	return uses
}

// schema is the part of JSON Schema the double makes a tool's input from. A
// document of the API may hold anything, so each keyword is read leniently.
type schema map[string]any

// maxSchemaDepth ends a schema that nests without need.
const maxSchemaDepth = 8

// offered is a value that the schema itself names.
func (s schema) offered() (value any, ok bool) {
	for _, keyword := range []string{"const", "default"} {
		if value, ok = s[keyword]; ok {
			return value, true
		}
	}
	for _, keyword := range []string{"enum", "examples"} {
		if values, _ := s[keyword].([]any); len(values) > 0 {
			return values[0], true
		}
	}
	return nil, false
}

// example is a value of the schema, the same one every time: what the schema
// itself offers, or the question's text where it wants a string.
func (s schema) example(text string, depth int) any {
	if value, ok := s.offered(); ok {
		return value
	}
	switch s.kind() {
	case "object":
		return s.object(text, depth)
	case "array":
		items, ok := s["items"].(map[string]any)
		if !ok || depth >= maxSchemaDepth {
			return []any{}
		}
		return []any{schema(items).example(text, depth+1)}
	case "integer", "number":
		if least, ok := s["minimum"].(float64); ok {
			return least
		}
		return 1
	case "boolean":
		return true
	case "null":
		return nil
	}
	if longest, ok := s["maxLength"].(float64); ok && float64(len([]rune(text))) > longest {
		return string([]rune(text)[:int(max(longest, 0))])
	}
	return text
}

// kind is the schema's type, the first of several; without one it is an
// object when it has properties, and a string otherwise.
func (s schema) kind() string {
	switch kind := s["type"].(type) {
	case string:
		return kind
	case []any:
		if first, ok := append(kind, "string")[0].(string); ok {
			return first
		}
	}
	if s["properties"] != nil {
		return "object"
	}
	return "string"
}

// object fills the properties that are required, or all when none is.
func (s schema) object(text string, depth int) map[string]any {
	value := map[string]any{}
	properties, _ := s["properties"].(map[string]any)
	if depth >= maxSchemaDepth {
		return value
	}
	names := slices.Sorted(maps.Keys(properties))
	if required, ok := s["required"].([]any); ok && len(required) > 0 {
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(required, any(name)) })
	}
	for _, name := range names {
		property, _ := properties[name].(map[string]any)
		value[name] = schema(property).example(text, depth+1)
	}
	return value
}
