package repair

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// member is one member of a JSON object, as it is written there.
type member struct {
	// name is rawName without quotes and escapes.
	name           string
	rawName, value []byte
	// nameAt and valueAt are their offsets in the object.
	nameAt, valueAt int
}

// element is one element of a JSON array, and its offset there.
type element struct {
	raw []byte
	at  int
}

// membersOf takes an object apart. It fails for everything else, and for an
// object that names a key twice: to write such a one anew would be to choose.
func membersOf(object []byte) (members []member, ok bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(object))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, false
	}
	for dec.PeekKind() != '}' {
		var m member
		if m.rawName, m.nameAt, ok = nextValue(dec); !ok {
			return nil, false
		}
		name, err := jsontext.AppendUnquote(nil, m.rawName)
		if err != nil {
			return nil, false
		}
		m.name = string(name)
		if m.value, m.valueAt, ok = nextValue(dec); !ok {
			return nil, false
		}
		members = append(members, m)
	}
	return members, true
}

// elementsOf takes an array apart; it fails for everything else.
func elementsOf(array []byte) (elements []element, ok bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(array))
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '[' {
		return nil, false
	}
	for dec.PeekKind() != ']' {
		var e element
		if e.raw, e.at, ok = nextValue(dec); !ok {
			return nil, false
		}
		elements = append(elements, e)
	}
	return elements, true
}

// nextValue returns the next value, which stays valid, and where it begins.
func nextValue(dec *jsontext.Decoder) (value []byte, at int, ok bool) {
	value, err := dec.ReadValue()
	if err != nil {
		return nil, 0, false
	}
	return bytes.Clone(value), int(dec.InputOffset()) - len(value), true
}

// indexOf is the index of the member with this name, -1 if there is none.
func indexOf(members []member, name string) int {
	return slices.IndexFunc(members, func(m member) bool { return m.name == name })
}

func appendObject(dst []byte, members []member) []byte {
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(append(dst, m.rawName...), ": "...)
		dst = append(dst, m.value...)
	}
	return append(dst, '}')
}

func appendArray(dst []byte, elements []element) []byte {
	dst = append(dst, '[')
	for i, e := range elements {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, e.raw...)
	}
	return append(dst, ']')
}

// pruner copies a JSON value without the members whose names begin at the
// offsets to drop, which are sorted.
type pruner struct {
	drop    []int
	dropped int
}

// value appends the value, which stands at the offset base of its row.
func (p *pruner) value(dst, value []byte, base int) []byte {
	if !p.concerns(base, base+len(value)) {
		return append(dst, value...)
	}
	if members, ok := membersOf(value); ok {
		var kept []member
		for _, m := range members {
			if p.concerns(base+m.nameAt, base+m.nameAt+1) {
				p.dropped++
				continue
			}
			m.value = p.value(nil, m.value, base+m.valueAt)
			kept = append(kept, m)
		}
		return appendObject(dst, kept)
	}
	if elements, ok := elementsOf(value); ok {
		for i, e := range elements {
			elements[i].raw = p.value(nil, e.raw, base+e.at)
		}
		return appendArray(dst, elements)
	}
	return append(dst, value...)
}

// concerns says whether something is to be dropped from one offset on, up to
// another.
func (p *pruner) concerns(from, to int) bool {
	i, _ := slices.BinarySearch(p.drop, from)
	return i < len(p.drop) && p.drop[i] < to
}
