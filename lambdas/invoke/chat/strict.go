package chat

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth is how deep objects and lists may lie in each other, in levels: more
// than any schema of a tool needs, and far less than a stack has.
const maxDepth = 100

var allowInvalidUTF8 = jsontext.AllowInvalidUTF8(true)

// strict refuses all but one JSON value in UTF-8 that is no deeper than maxDepth
// and whose objects have each name once. What does not hold at names for people.
func strict(text []byte, at string) *Error {
	d := jsontext.NewDecoder(bytes.NewBuffer(text))
	for first := true; ; first = false {
		_, err := d.ReadToken()
		if errors.Is(err, io.EOF) && !first {
			return nil
		}
		var syntax *jsontext.SyntacticError
		switch {
		case errors.Is(err, jsontext.ErrDuplicateName):
			errors.As(err, &syntax)
			return invalid(below(at, syntax.JSONPointer), "this name appears more than once in its object: which of the values counts cannot be known")
		case errors.As(err, &syntax):
			return invalid(at, "this must be JSON in UTF-8; it is not any more at byte %d", syntax.ByteOffset)
		case err != nil:
			return invalid(at, "this must be JSON, and it is empty")
		case d.StackDepth() > maxDepth:
			return invalid(at, "objects and lists may lie %d deep in each other, and here they lie deeper at byte %d", maxDepth, d.InputOffset())
		case d.StackDepth() == 0 && len(bytes.TrimSpace(text[d.InputOffset():])) > 0:
			return invalid(at, "this must be one JSON value; there is more after it, at byte %d", d.InputOffset())
		}
	}
}

// decode reads JSON into what its members are to be, and names the member that
// is something else. A null leaves what it is read into as it is.
func decode(raw []byte, into any, at string) *Error {
	err := json.Unmarshal(raw, into)
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &semantic) && semantic.GoType != nil:
		return invalid(below(at, semantic.JSONPointer), "this must be %s", wanted(semantic.GoType))
	}
	return invalid(at, "this is not the JSON it should be")
}

// wanted is what a Go type is in JSON.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}

// below is a JSON pointer as OpenAI writes the places of members:
// messages[0].content.
func below(at string, pointer jsontext.Pointer) string {
	var b strings.Builder
	b.WriteString(at)
	for token := range pointer.Tokens() {
		if _, err := strconv.Atoi(token); err == nil && b.Len() > 0 {
			b.WriteString("[" + token + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(shown(token))
	}
	return b.String()
}

// mostShown bounds what of a name is told, in bytes.
const mostShown = 64

// shown is a member's name, which may be of any length.
func shown(name string) string {
	if len(name) <= mostShown {
		return name
	}
	return strings.ToValidUTF8(name[:mostShown], "") + "…"
}

// item is the place of a list's element.
func item(at string, i int) string { return at + "[" + strconv.Itoa(i) + "]" }

// absent says that a member is not there, or null.
func absent(v jsontext.Value) bool { return len(v) == 0 || v.Kind() == 'n' }

// members calls f for each member of an object that is not null. The object has
// been through [strict].
func members(object jsontext.Value, f func(name string, value jsontext.Value) *Error) *Error {
	if object.Kind() != '{' {
		return nil
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(object))
	if _, err := d.ReadToken(); err != nil {
		return invalid("", "this is not the JSON it should be")
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return invalid("", "this is not the JSON it should be")
		}
		name := token.String()
		value, err := d.ReadValue()
		if err != nil {
			return invalid("", "this is not the JSON it should be")
		}
		if absent(value) {
			continue
		}
		if e := f(name, value); e != nil {
			return e
		}
	}
	return nil
}

// nothingElse refuses the members of an object at a place that nobody knows.
func nothingElse(rest jsontext.Value, at string) *Error {
	return members(rest, func(name string, _ jsontext.Value) *Error { return unknown(at, name) })
}

// unknown is the refusal of a member that chat completions do not have.
func unknown(at, name string) *Error {
	if at != "" {
		at += "."
	}
	e := invalid(at+shown(name), "chat completions have no such parameter: leave it out")
	e.Code = "unknown_parameter"
	return e
}
