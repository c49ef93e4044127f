package eventrule

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// step is one step of a path: a field's name, or an index when name is empty.
type step struct {
	name  string
	index int
}

var pathStep = regexp.MustCompile(`^(?:\.([A-Za-z0-9_/\-]+)|\[([0-9]{1,6})\])`)

// parsePath reads the part of JSONPath EventBridge documents for input
// transformation: dots, letters, digits, '-', '_', '/', and array indexes.
// Wildcards are not modelled.
func parsePath(path string) ([]step, error) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, fmt.Errorf("path %q does not begin with $", path)
	}
	var steps []step
	for rest != "" {
		m := pathStep.FindStringSubmatch(rest)
		if m == nil {
			return nil, fmt.Errorf("path %q: %q is not a field or an index this rehearsal models", path, rest)
		}
		s := step{name: m[1]}
		if m[1] == "" {
			index, err := strconv.Atoi(m[2])
			if err != nil {
				return nil, fmt.Errorf("path %q: reading index: %w", path, err)
			}
			s.index = index
		}
		steps = append(steps, s)
		rest = rest[len(m[0]):]
	}
	return steps, nil
}

// lookup finds the value path points to; found is false when there is none.
func lookup(event json.RawMessage, path string) (value json.RawMessage, found bool, err error) {
	steps, err := parsePath(path)
	if err != nil {
		return nil, false, err
	}
	if !json.Valid(event) {
		return nil, false, fmt.Errorf("the event is not valid JSON")
	}
	value, err = compact(event)
	if err != nil {
		return nil, false, err
	}
	for _, s := range steps {
		if value, found = child(value, s); !found {
			return nil, false, nil
		}
	}
	return value, true, nil
}

// child takes one step down; a value of another kind has no children.
func child(value json.RawMessage, s step) (json.RawMessage, bool) {
	if s.name != "" {
		var fields map[string]json.RawMessage
		if json.Unmarshal(value, &fields) != nil {
			return nil, false
		}
		v, ok := fields[s.name]
		return v, ok
	}
	var elements []json.RawMessage
	if json.Unmarshal(value, &elements) != nil || s.index >= len(elements) {
		return nil, false
	}
	return elements[s.index], true
}

// The reserved variables that hold the event itself.
const (
	eventVariable     = "aws.events.event"
	eventJSONVariable = "aws.events.event.json"
)

// reserved returns the variables EventBridge defines for every template.
func reserved(event json.RawMessage, rule Rule) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(event, &fields); err != nil {
		return nil, fmt.Errorf("reading event: %w", err)
	}
	delete(fields, "detail")
	values := map[string]any{
		"aws.events.rule-arn":             rule.ARN,
		"aws.events.rule-name":            rule.Name,
		"aws.events.event.ingestion-time": rule.IngestionTime.UTC().Format(time.RFC3339),
		eventVariable:                     fields,
		eventJSONVariable:                 event,
	}
	variables := make(map[string]json.RawMessage, len(values))
	for name, value := range values {
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("encoding <%s>: %w", name, err)
		}
		variables[name] = raw
	}
	return variables, nil
}

func isReserved(name string) bool {
	switch name {
	case "aws.events.rule-arn", "aws.events.rule-name", "aws.events.event.ingestion-time", eventVariable, eventJSONVariable:
		return true
	default:
		return false
	}
}
