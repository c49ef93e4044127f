package eventrule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// TargetInput is the part of a rule's target that shapes what the target
// receives. At most one of the three is set; with none the target receives the
// event itself. The field names are CloudFormation's.
type TargetInput struct {
	// Input is a constant JSON text.
	Input string `json:"Input,omitempty"`
	// InputPath selects a part of the event.
	InputPath string `json:"InputPath,omitempty"`
	// InputTransformer builds a new JSON text from parts of the event.
	InputTransformer *InputTransformer `json:"InputTransformer,omitempty"`
}

// InputTransformer is EventBridge's API shape of the same name.
type InputTransformer struct {
	// InputPathsMap maps a variable's name to the path of its value.
	InputPathsMap map[string]string `json:"InputPathsMap,omitempty"`
	// InputTemplate is the text to build, with <name> where a variable goes.
	InputTemplate string `json:"InputTemplate"`
}

// Rule is what the reserved variables of a template tell about the rule.
type Rule struct {
	// ARN is <aws.events.rule-arn>.
	ARN string
	// Name is <aws.events.rule-name>.
	Name string
	// IngestionTime is <aws.events.event.ingestion-time>.
	IngestionTime time.Time
}

// Validate refuses what EventBridge refuses when the target is put, and what
// this package does not model.
func (t TargetInput) Validate() error {
	set := 0
	for _, isSet := range []bool{t.Input != "", t.InputPath != "", t.InputTransformer != nil} {
		if isSet {
			set++
		}
	}
	if set > 1 {
		return fmt.Errorf("reading target: only one of Input, InputPath and InputTransformer may be set")
	}
	if t.Input != "" && !json.Valid([]byte(t.Input)) {
		return fmt.Errorf("reading target: Input is not a valid JSON text")
	}
	if t.InputPath != "" {
		if _, err := parsePath(t.InputPath); err != nil {
			return fmt.Errorf("reading target: InputPath: %w", err)
		}
	}
	if t.InputTransformer != nil {
		return t.InputTransformer.validate()
	}
	return nil
}

// Apply returns what the target receives for event.
func (t TargetInput) Apply(event json.RawMessage, rule Rule) (json.RawMessage, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	switch {
	case t.Input != "":
		return compact([]byte(t.Input))
	case t.InputPath != "":
		value, found, err := lookup(event, t.InputPath)
		if err != nil {
			return nil, fmt.Errorf("applying InputPath %s: %w", t.InputPath, err)
		}
		if !found {
			return nil, fmt.Errorf("applying InputPath %s: the event has no such value", t.InputPath)
		}
		return compact(value)
	case t.InputTransformer != nil:
		return t.InputTransformer.apply(event, rule)
	default:
		return compact(event)
	}
}

var (
	placeholder  = regexp.MustCompile(`<[A-Za-z0-9_.\-]+>`)
	variableName = regexp.MustCompile(`^[A-Za-z0-9_\-]{1,256}$`)
)

// The limits of the API shape.
const (
	maxVariables      = 100
	maxTemplateLength = 8192
	reservedPrefix    = "aws."
)

func (t InputTransformer) validate() error {
	if n := len(t.InputTemplate); n == 0 || n > maxTemplateLength {
		return fmt.Errorf("reading InputTransformer: InputTemplate has %d characters, 1 to %d are allowed", n, maxTemplateLength)
	}
	if n := len(t.InputPathsMap); n > maxVariables {
		return fmt.Errorf("reading InputTransformer: InputPathsMap has %d entries, %d are allowed", n, maxVariables)
	}
	for name, path := range t.InputPathsMap {
		if !variableName.MatchString(name) || strings.HasPrefix(strings.ToLower(name), reservedPrefix) {
			return fmt.Errorf("reading InputTransformer: %q cannot be a variable's name", name)
		}
		if _, err := parsePath(path); err != nil {
			return fmt.Errorf("reading InputTransformer: variable %q: %w", name, err)
		}
	}
	for _, p := range placeholder.FindAllString(t.InputTemplate, -1) {
		name := strings.Trim(p, "<>")
		if _, ok := t.InputPathsMap[name]; !ok && !isReserved(name) {
			return fmt.Errorf("reading InputTransformer: InputTemplate uses %s, which InputPathsMap does not define", p)
		}
	}
	return nil
}

func (t InputTransformer) apply(event json.RawMessage, rule Rule) (json.RawMessage, error) {
	variables, err := t.variables(event, rule)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	rest := t.InputTemplate
	quoted := false
	for {
		at := placeholder.FindStringIndex(rest)
		if at == nil {
			out.WriteString(rest)
			break
		}
		quoted = inString(rest[:at[0]], quoted)
		out.WriteString(rest[:at[0]])
		text, err := substitute(strings.Trim(rest[at[0]:at[1]], "<>"), variables, quoted)
		if err != nil {
			return nil, err
		}
		out.WriteString(text)
		rest = rest[at[1]:]
	}
	result, err := compact([]byte(out.String()))
	if err != nil {
		return nil, fmt.Errorf("applying InputTransformer: the filled-in InputTemplate is not valid JSON: %w", err)
	}
	return result, nil
}

// variables finds the value of every variable the event has. A path that is
// absent makes no variable, as the user guide says.
func (t InputTransformer) variables(event json.RawMessage, rule Rule) (map[string]json.RawMessage, error) {
	variables, err := reserved(event, rule)
	if err != nil {
		return nil, fmt.Errorf("applying InputTransformer: %w", err)
	}
	for name, path := range t.InputPathsMap {
		value, found, err := lookup(event, path)
		if err != nil {
			return nil, fmt.Errorf("applying InputTransformer: variable %q: %w", name, err)
		}
		if found {
			variables[name] = value
		}
	}
	return variables, nil
}

// substitute is the text a placeholder becomes. Outside quotes it is the JSON
// value itself. Inside quotes it is plain text, which EventBridge does not
// escape: a value with a quote in it breaks the JSON there, and so it does
// here. An absent variable leaves nothing behind.
func substitute(name string, variables map[string]json.RawMessage, quoted bool) (string, error) {
	value, found := variables[name]
	if !found {
		return "", nil
	}
	if !quoted {
		return string(value), nil
	}
	if name == eventVariable || name == eventJSONVariable {
		return "", fmt.Errorf("applying InputTransformer: <%s> may only stand as the value of a JSON field", name)
	}
	var text string
	if value[0] == '"' {
		if err := json.Unmarshal(value, &text); err != nil {
			return "", fmt.Errorf("applying InputTransformer: variable %q: %w", name, err)
		}
		return text, nil
	}
	return strings.ReplaceAll(string(value), `"`, ""), nil
}

// inString follows the JSON quotes of text, starting inside or outside a
// string, and tells where it ends.
func inString(text string, quoted bool) bool {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '\\' && quoted:
			i++
		}
	}
	return quoted
}

func compact(raw []byte) (json.RawMessage, error) {
	var out bytes.Buffer
	if err := json.Compact(&out, raw); err != nil {
		return nil, fmt.Errorf("compacting JSON: %w", err)
	}
	return out.Bytes(), nil
}
