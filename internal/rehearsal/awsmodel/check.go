package awsmodel

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode/utf8"
)

// violations collects what is wrong with a value, in the words AWS's services
// use ("1 validation error detected: Value ... failed to satisfy constraint").
type violations []string

func (v *violations) add(path, format string, args ...any) {
	*v = append(*v, fmt.Sprintf("Value at '%s' failed to satisfy constraint: Member must ", path)+fmt.Sprintf(format, args...))
}

// refuse is add with the offending value, for identifiers and enums only:
// text a caller or a data set wrote never enters a message.
func (v *violations) refuse(path, value, format string, args ...any) {
	*v = append(*v, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: Member must ", value, path)+fmt.Sprintf(format, args...))
}

// message is the text of the ValidationException, empty when all is well.
func (v violations) message() string {
	if len(v) == 0 {
		return ""
	}
	noun := "errors"
	if len(v) == 1 {
		noun = "error"
	}
	return fmt.Sprintf("%d validation %s detected: %s", len(v), noun, strings.Join(v, "; "))
}

// check compares a JSON value (as encoding/json decodes it with UseNumber)
// with its shape and reports every violation under path.
func (s *shape) check(path string, value any, v *violations) {
	switch s.Type {
	case "structure":
		s.checkStructure(path, value, v)
	case "list":
		s.checkList(path, value, v)
	case "map":
		s.checkMap(path, value, v)
	case "string":
		s.checkString(path, value, v)
	case "integer", "long":
		s.checkInteger(path, value, v)
	case "float", "double":
		s.checkFloat(path, value, v)
	case "boolean":
		if _, ok := value.(bool); !ok {
			v.add(path, "be a boolean")
		}
	case "timestamp":
		s.checkTimestamp(path, value, v)
	case "blob":
		s.checkBlob(path, value, v)
	default:
		v.add(path, "have a type this program knows, not %s", s.Type)
	}
}

func (s *shape) checkStructure(path string, value any, v *violations) {
	if s.Document {
		return
	}
	object, ok := value.(map[string]any)
	if !ok {
		v.add(path, "be an object")
		return
	}
	set := 0
	for _, name := range sortedKeys(object) {
		m := s.memberByWireName(name)
		if m == nil {
			v.add(join(path, name), "be known to the API model")
			continue
		}
		if object[name] == nil {
			continue
		}
		set++
		m.target.check(join(path, name), object[name], v)
	}
	for _, name := range s.Required {
		if object[s.wireName(name)] == nil {
			v.add(join(path, name), "not be null")
		}
	}
	if s.Union && set != 1 {
		v.add(path, "have exactly one member set, not %d", set)
	}
}

func (s *shape) checkList(path string, value any, v *violations) {
	items, ok := value.([]any)
	if !ok {
		v.add(path, "be a list")
		return
	}
	s.checkLength(path, len(items), v)
	for i, item := range items {
		s.Member.target.check(fmt.Sprintf("%s.%d.member", path, i+1), item, v)
	}
}

func (s *shape) checkMap(path string, value any, v *violations) {
	object, ok := value.(map[string]any)
	if !ok {
		v.add(path, "be an object")
		return
	}
	s.checkLength(path, len(object), v)
	for _, key := range sortedKeys(object) {
		s.Key.target.check(path+" key", key, v)
		s.Value.target.check(join(path, key), object[key], v)
	}
}

func (s *shape) checkString(path string, value any, v *violations) {
	text, ok := value.(string)
	if !ok {
		v.add(path, "be a string")
		return
	}
	s.checkLength(path, utf8.RuneCountInString(text), v)
	if s.pattern != nil && !s.pattern.MatchString(text) {
		v.refuse(path, text, "satisfy regular expression pattern: %s", s.Pattern)
	}
	if s.Enum != nil && !slices.Contains(s.Enum, text) {
		v.refuse(path, text, "satisfy enum value set: [%s]", strings.Join(s.Enum, ", "))
	}
}

func (s *shape) checkInteger(path string, value any, v *violations) {
	number, ok := toFloat(value)
	if !ok || number != math.Trunc(number) {
		v.add(path, "be an integer")
		return
	}
	s.checkRange(path, number, v)
}

func (s *shape) checkFloat(path string, value any, v *violations) {
	number, ok := toFloat(value)
	if !ok {
		v.add(path, "be a number")
		return
	}
	s.checkRange(path, number, v)
}

// checkTimestamp accepts what restJson1 allows in a body: epoch seconds,
// unless the shape says iso8601.
func (s *shape) checkTimestamp(path string, value any, v *violations) {
	if s.Format != "iso8601" {
		if _, ok := toFloat(value); !ok {
			v.add(path, "be a timestamp in epoch seconds")
		}
		return
	}
	text, ok := value.(string)
	if !ok {
		v.add(path, "be an ISO 8601 timestamp")
		return
	}
	if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
		v.add(path, "be an ISO 8601 timestamp")
	}
}

func (s *shape) checkBlob(path string, value any, v *violations) {
	text, ok := value.(string)
	if !ok {
		v.add(path, "be a base64 string")
		return
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		v.add(path, "be a base64 string")
		return
	}
	s.checkLength(path, len(raw), v)
}

func (s *shape) checkLength(path string, n int, v *violations) {
	if s.Min != nil && float64(n) < *s.Min {
		v.add(path, "have length greater than or equal to %v", *s.Min)
	}
	if s.Max != nil && float64(n) > *s.Max {
		v.add(path, "have length less than or equal to %v", *s.Max)
	}
}

func (s *shape) checkRange(path string, n float64, v *violations) {
	if s.Min != nil && n < *s.Min {
		v.add(path, "have value greater than or equal to %v", *s.Min)
	}
	if s.Max != nil && n > *s.Max {
		v.add(path, "have value less than or equal to %v", *s.Max)
	}
}

// memberByWireName finds the member that travels under this JSON name.
func (s *shape) memberByWireName(name string) *member {
	if m := s.Members[name]; m != nil && s.wireName(name) == name {
		return m
	}
	for own, m := range s.Members {
		if s.wireName(own) == name {
			return m
		}
	}
	return nil
}

// wireName is the JSON name of a member.
func (s *shape) wireName(name string) string {
	if m := s.Members[name]; m != nil && m.Location == "" && m.LocationName != "" {
		return m.LocationName
	}
	return name
}

func toFloat(value any) (float64, bool) {
	switch n := value.(type) {
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	case float64:
		return n, true
	}
	return 0, false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
