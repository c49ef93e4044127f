package iampolicy

import (
	"fmt"
	"regexp"
	"strings"
)

// template is a text of a policy with its policy variables ("IAM policy
// elements: Variables and tags", IAM User Guide).
type template struct {
	// pattern is the text when it has no variable, and inARN the same as an ARN's.
	pattern, inARN pattern
	pieces         []piece
	// arn: wildcards keep to the segments of an ARN.
	arn bool
}

// piece is a part of a template: literal text and wildcards, or a variable.
type piece struct {
	pattern pattern
	// key is the context key in lower case; fallback its default value, if
	// there is one.
	key      string
	fallback *string
}

// variable is what may stand between braces: a key and, in single quotes, a
// default.
var variable = regexp.MustCompile(`^([A-Za-z0-9-]+:[A-Za-z0-9/_.:@=+-]+)\s*(?:,\s*'([^']*)')?$`)

// parseTemplate reads a text. ${*}, ${?} and ${$} are those characters.
func parseTemplate(text string) (template, error) {
	t := template{arn: strings.HasPrefix(text, "arn:")}
	var literal pattern
	rest := text
	for {
		before, after, found := strings.Cut(rest, "${")
		literal = append(literal, textPattern(before)...)
		if !found {
			break
		}
		name, behind, closed := strings.Cut(after, "}")
		if !closed {
			return t, fmt.Errorf("%q: a policy variable does not end", text)
		}
		rest = behind
		if name == "*" || name == "?" || name == "$" {
			literal = append(literal, token{char: rune(name[0])})
			continue
		}
		m := variable.FindStringSubmatchIndex(name)
		if m == nil {
			return t, fmt.Errorf("%q: %q is no policy variable", text, name)
		}
		v := piece{key: strings.ToLower(name[m[2]:m[3]])}
		if m[4] >= 0 {
			fallback := name[m[4]:m[5]]
			v.fallback = &fallback
		}
		t.pieces = append(t.pieces, piece{pattern: literal}, v)
		literal = nil
	}
	if len(t.pieces) == 0 {
		t.pattern, t.inARN = literal, arnPattern(literal)
		return t, nil
	}
	t.pieces = append(t.pieces, piece{pattern: literal})
	return t, nil
}

// fixed tells that there is no variable.
func (t template) fixed() bool { return len(t.pieces) == 0 }

// fill puts the request's values in. ok is false when a variable has no value
// and no default. A value's own * and ? are those characters.
func (t template) fill(context map[string][]string) (p pattern, ok bool, err error) {
	if t.fixed() {
		return t.pattern, true, nil
	}
	for _, part := range t.pieces {
		if part.key == "" {
			p = append(p, part.pattern...)
			continue
		}
		values, known := context[part.key]
		switch {
		case !known:
			return nil, false, fmt.Errorf("the request's context says nothing about %s, which is a policy variable", part.key)
		case len(values) > 1:
			return nil, false, fmt.Errorf("%s has %d values, so it can be no policy variable", part.key, len(values))
		case len(values) == 1:
			p = append(p, literalPattern(values[0])...)
		case part.fallback != nil:
			p = append(p, literalPattern(*part.fallback)...)
		default:
			return nil, false, nil
		}
	}
	return p, true, nil
}

// matchesResource tells whether the template is about a resource. One with a
// variable that has no value is about none; filled is false then.
func (t template) matchesResource(resource string, context map[string][]string) (matches, filled bool, err error) {
	if t.arn && t.fixed() {
		return t.inARN.matches(resource), true, nil
	}
	p, ok, err := t.fill(context)
	if err != nil || !ok {
		return false, false, err
	}
	if t.arn {
		p = arnPattern(p)
	}
	return p.matches(resource), true, nil
}

// textPattern is a pattern whose wildcards match everything.
func textPattern(text string) pattern {
	var p pattern
	for _, char := range text {
		switch char {
		case '*':
			p = append(p, token{kind: anyText})
		case '?':
			p = append(p, token{kind: anyChar})
		default:
			p = append(p, token{char: char})
		}
	}
	return p
}

// literalPattern is a pattern that matches one text.
func literalPattern(text string) pattern {
	var p pattern
	for _, char := range text {
		p = append(p, token{char: char})
	}
	return p
}

// text is the pattern as it was written, for operators without wildcards.
func (p pattern) text() string {
	var b strings.Builder
	for _, t := range p {
		switch t.kind {
		case literal:
			b.WriteRune(t.char)
		case anyText, anyTextInSegment:
			b.WriteByte('*')
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

// segments cuts a pattern of an ARN at its first colons.
func (p pattern) segments() []pattern {
	all := []pattern{nil}
	for _, t := range p {
		last := len(all) - 1
		if t == (token{char: ':'}) && last < lastSegment {
			all = append(all, nil)
			continue
		}
		all[last] = append(all[last], t)
	}
	return all
}
