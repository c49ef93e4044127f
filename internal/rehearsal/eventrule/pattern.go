// Package eventrule is what an EventBridge rule does with an event: its event
// pattern decides whether the event matches, and a target's Input, InputPath
// or InputTransformer decides what the target receives.
//
// It follows the EventBridge user guide ("Comparison operators for use in
// event patterns", "Amazon EventBridge input transformation"). What the guide
// has and this package lacks is an error when the rule is read, never a silent
// mismatch.
package eventrule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Pattern is a parsed event pattern.
type Pattern struct {
	root object
}

// object is one level of a pattern: every field must match, and of each "$or"
// at least one alternative.
type object struct {
	fields []field
	ors    [][]object
}

// field is one name of a level: either a nested level, or the conditions of
// which one must hold for a value found there.
type field struct {
	name   string
	nested *object
	leaf   []condition
}

// condition is one entry of a leaf's array.
type condition struct {
	// absent marks {"exists": false}: it holds when no value is there.
	absent bool
	match  func(value any) bool
}

// ParsePattern reads an event pattern as PutRule takes it. Operators it does
// not model are an error.
func ParsePattern(raw json.RawMessage) (*Pattern, error) {
	value, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("parsing event pattern: %w", err)
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("parsing event pattern: it must be a JSON object")
	}
	root, err := parseObject("", fields)
	if err != nil {
		return nil, fmt.Errorf("parsing event pattern: %w", err)
	}
	return &Pattern{root: root}, nil
}

// Match tells whether event, a whole EventBridge event, satisfies the pattern.
// Where the event has an array, any of its elements may satisfy; fields below
// an array of objects must be satisfied by the same element.
func (p *Pattern) Match(event json.RawMessage) (bool, error) {
	value, err := decode(event)
	if err != nil {
		return false, fmt.Errorf("matching event: %w", err)
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return false, fmt.Errorf("matching event: it must be a JSON object")
	}
	return p.root.match(fields), nil
}

// decode reads one JSON value; numbers keep their spelling, because
// EventBridge compares exact numbers by it.
func decode(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("decoding JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("decoding JSON: more than one value")
	}
	return value, nil
}

func parseObject(path string, raw map[string]any) (object, error) {
	if len(raw) == 0 {
		return object{}, fmt.Errorf("%s: an empty object matches nothing", orRoot(path))
	}
	var o object
	for _, name := range sortedKeys(raw) {
		at := path + "." + name
		if name == "$or" {
			alternatives, err := parseOr(at, raw[name])
			if err != nil {
				return object{}, err
			}
			o.ors = append(o.ors, alternatives)
			continue
		}
		f, err := parseField(at, name, raw[name])
		if err != nil {
			return object{}, err
		}
		o.fields = append(o.fields, f)
	}
	return o, nil
}

func parseOr(path string, raw any) ([]object, error) {
	list, ok := raw.([]any)
	if !ok || len(list) < 2 {
		return nil, fmt.Errorf("%s: an array of at least two objects is needed", path)
	}
	alternatives := make([]object, 0, len(list))
	for _, entry := range list {
		fields, ok := entry.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s: an array of at least two objects is needed", path)
		}
		o, err := parseObject(path, fields)
		if err != nil {
			return nil, err
		}
		alternatives = append(alternatives, o)
	}
	return alternatives, nil
}

func parseField(path, name string, raw any) (field, error) {
	switch value := raw.(type) {
	case map[string]any:
		nested, err := parseObject(path, value)
		return field{name: name, nested: &nested}, err
	case []any:
		if len(value) == 0 {
			return field{}, fmt.Errorf("%s: an empty array matches nothing", path)
		}
		f := field{name: name}
		for _, entry := range value {
			c, err := parseCondition(entry)
			if err != nil {
				return field{}, fmt.Errorf("%s: %w", path, err)
			}
			f.leaf = append(f.leaf, c)
		}
		return f, nil
	default:
		return field{}, fmt.Errorf("%s: a value to match must stand in an array", path)
	}
}

func (o object) match(event map[string]any) bool {
	for _, f := range o.fields {
		value, present := event[f.name]
		if f.nested != nil && !matchNested(*f.nested, value) {
			return false
		}
		if f.nested == nil && !matchLeaf(f.leaf, value, present) {
			return false
		}
	}
	for _, alternatives := range o.ors {
		if !slices.ContainsFunc(alternatives, func(a object) bool { return a.match(event) }) {
			return false
		}
	}
	return true
}

// matchNested matches a level against what stands at its name. Anything that
// is not an object has none of the fields below, which {"exists": false} must
// be able to see.
func matchNested(o object, value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return o.match(v)
	case []any:
		if len(v) > 0 {
			return slices.ContainsFunc(v, func(element any) bool { return matchNested(o, element) })
		}
	}
	return o.match(nil)
}

func matchLeaf(conditions []condition, value any, present bool) bool {
	var values []any
	if present {
		values = leafValues(value)
	}
	for _, c := range conditions {
		if c.absent {
			if len(values) == 0 {
				return true
			}
			continue
		}
		if slices.ContainsFunc(values, c.match) {
			return true
		}
	}
	return false
}

// leafValues flattens arrays; objects are no leaves, so operators never see
// them.
func leafValues(value any) []any {
	switch v := value.(type) {
	case []any:
		var values []any
		for _, element := range v {
			values = append(values, leafValues(element)...)
		}
		return values
	case map[string]any:
		return nil
	default:
		return []any{v}
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func orRoot(path string) string {
	if path == "" {
		return "the pattern"
	}
	return path
}
