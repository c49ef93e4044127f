// Package strict takes in what came from outside a program. It reads no more than
// allowed. Of JSON it takes one value in UTF-8, without a name that stands twice in an
// object, with names in exactly the case they have, and with members that nobody knows
// refused or passed over as said. Its errors say where something is wrong, and of
// the text quote at most plain names of members.
package strict

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tuneline/tuneline/internal/finetune"
)

// ErrTooLong is wrapped by the error for a text of more bytes than the limit.
var ErrTooLong = errors.New("it is too long")

// ErrUnknown is wrapped by the error for a member that is not known.
var ErrUnknown = errors.New("it has a member that is not known")

// Decode decodes a text of at most limit bytes into v, and refuses members that v
// does not have: what was misspelt must not be taken for what was left out.
func Decode(text []byte, limit int, v any) error {
	return decode(text, limit, v, json.RejectUnknownMembers(true))
}

// DecodeKnown is Decode of what somebody else writes, who may add members: they
// are passed over.
func DecodeKnown(text []byte, limit int, v any) error {
	return decode(text, limit, v)
}

// Read reads at most limit bytes. The error wraps ErrTooLong where there are more.
func Read(r io.Reader, limit int) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, err
	}
	return text, checkLength(text, limit)
}

func checkLength(text []byte, limit int) error {
	if len(text) > limit {
		return fmt.Errorf("%w: more than %d bytes", ErrTooLong, limit)
	}
	return nil
}

func decode(text []byte, limit int, v any, options ...json.Options) error {
	if err := checkLength(text, limit); err != nil {
		return err
	}
	return explain(json.Unmarshal(text, v, options...))
}

// explain says what is wrong with a text by its place alone.
func explain(err error) error {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		return fmt.Errorf("a name stands twice in an object, %s", place("", syntax.ByteOffset))
	case errors.As(err, &syntax):
		return fmt.Errorf("it is no JSON in UTF-8 from byte %d on", syntax.ByteOffset)
	case !errors.As(err, &semantic):
		return errors.New("it is not what it should be")
	case errors.Is(err, json.ErrUnknownName):
		return fmt.Errorf("%w, %s", ErrUnknown, place(semantic.JSONPointer, semantic.ByteOffset))
	}
	return fmt.Errorf("the value %s is no %s", place(semantic.JSONPointer, semantic.ByteOffset), noun(semantic.GoType))
}

// place is where something stands: the byte, and the names that lead there where all
// of them are plain.
func place(p jsontext.Pointer, offset int64) string {
	var names []string
	for name := range p.Tokens() {
		if !finetune.IsPlainName(name) {
			names = nil
			break
		}
		names = append(names, name)
	}
	at := fmt.Sprintf("at byte %d", offset)
	if names == nil {
		return at
	}
	return strings.Join(names, ".") + " " + at
}

// noun is what a Go type is in JSON.
func noun(t reflect.Type) string {
	if t == nil {
		return "value that fits"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return noun(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Slice, reflect.Array:
		return "list"
	case reflect.Map:
		return "object"
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return "time as 2006-01-02T15:04:05Z"
		}
		return "object"
	}
	return "number that fits"
}
