package convert

import (
	"bytes"
	"errors"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decode reads one row, strictly: RFC 8259, UTF-8, no key twice, one value.
func decode(row []byte, into any) error {
	err := json.Unmarshal(row, into)
	if err != nil {
		return refusalOf(err)
	}
	return nil
}

// typeRefusal is the refusal of a value whose type is not the form's.
func typeRefusal(err error) *refusal {
	var wrong *json.SemanticError
	if !errors.As(err, &wrong) {
		return &refusal{reason: "this is not JSON: tuneline check says where it breaks"}
	}
	at := wrong.JSONPointer
	if at == "" {
		return &refusal{reason: "a row is one JSON object"}
	}
	return &refusal{at: at, reason: "the value is of a type that the format does not have here: tuneline check says which is right"}
}

// index is the pointer of a list's element.
func index(list jsontext.Pointer, i int) jsontext.Pointer {
	return list.AppendToken(strconv.Itoa(i))
}

// members are the members of an object that was read before, in its order; none
// if there is no object.
func members(object jsontext.Value) iter.Seq2[string, jsontext.Value] {
	return func(yield func(string, jsontext.Value) bool) {
		if object.Kind() != '{' {
			return
		}
		d := jsontext.NewDecoder(bytes.NewReader(object))
		if _, err := d.ReadToken(); err != nil {
			return
		}
		for d.PeekKind() == '"' {
			name, err := d.ReadToken()
			if err != nil {
				return
			}
			// A name is a copy once it is a string; the value must be made one.
			key := name.String()
			value, err := d.ReadValue()
			if err != nil || !yield(key, value.Clone()) {
				return
			}
		}
	}
}

// plainName is what a key of a data set's form may look like. Anything else in
// the place of a key may be the data itself.
var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,39}$`)

// plainPointer cuts a pointer before the first part that is neither an index
// nor a plain name, so that no report repeats the data.
func plainPointer(p jsontext.Pointer) string {
	plain := jsontext.Pointer("")
	for part := range p.Tokens() {
		if _, err := strconv.ParseUint(part, 10, 32); err != nil && !plainName.MatchString(part) {
			break
		}
		plain = plain.AppendToken(part)
	}
	return string(plain)
}

// oneOrMany is a value that is a string or a list of parts.
type oneOrMany[Part any] struct {
	isText bool
	text   string
	parts  []Part
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (o *oneOrMany[Part]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '"' {
		o.isText = true
		return json.UnmarshalDecode(d, &o.text)
	}
	return json.UnmarshalDecode(d, &o.parts)
}

// MarshalJSONTo implements json.MarshalerTo.
func (o oneOrMany[Part]) MarshalJSONTo(e *jsontext.Encoder) error {
	if o.isText {
		return json.MarshalEncode(e, o.text)
	}
	return json.MarshalEncode(e, o.parts)
}

// blank says that a text has nothing but white space.
func blank(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !unicode.IsSpace(r) }) < 0
}

// textOf is the text of a JSON value: a string's content, anything else as it
// is written, without spaces.
func textOf(value jsontext.Value) (string, error) {
	if value.Kind() == '"' {
		text, err := jsontext.AppendUnquote(nil, value)
		return string(text), err
	}
	written, err := json.Marshal(value)
	return string(written), err
}

// object reads the text of a JSON object, strictly.
func object(text string) (jsontext.Value, error) {
	value := jsontext.Value(text)
	if !value.IsValid() || value.Kind() != '{' {
		return nil, errors.New("this is not a JSON object")
	}
	return value, nil
}
