package iampolicy

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// pattern is a text with the wildcards * (any text) and ? (any character).
type pattern []token

// token is one step of a pattern: a literal character, or a wildcard.
type token struct {
	kind kind
	char rune
}

type kind int

const (
	literal kind = iota
	// anyChar is one character; anyCharInSegment is one that is no colon.
	anyChar
	anyCharInSegment
	// anyText is any number of characters; anyTextInSegment has no colon.
	anyText
	anyTextInSegment
)

// arnPattern is a pattern of an ARN. A wildcard stays within its segment, the
// part between two colons, unless it is a * that ends the segment, or in the
// last one ("Use wildcards in ARNs", IAM User Guide, JSON policy element
// Resource).
func arnPattern(p pattern) pattern {
	p = slices.Clone(p)
	colons := 0
	for i, t := range p {
		if t.kind == literal && t.char == ':' {
			colons++
		}
		if colons >= lastSegment {
			break
		}
		ends := i+1 == len(p) || p[i+1] == token{char: ':'}
		switch {
		case t.kind == anyText && !ends:
			p[i].kind = anyTextInSegment
		case t.kind == anyChar:
			p[i].kind = anyCharInSegment
		}
	}
	return p
}

// lastSegment is how many colons stand before an ARN's last segment.
const lastSegment = 5

// matches tells whether the pattern matches the whole text. It takes time in
// proportion to the lengths of both.
func (p pattern) matches(text string) bool {
	// Most patterns differ, or end, in what stands before their first wildcard.
	for len(p) > 0 && p[0].kind == literal {
		char, size := utf8.DecodeRuneInString(text)
		if size == 0 || char != p[0].char {
			return false
		}
		p, text = p[1:], text[size:]
	}
	if len(p) == 0 {
		return text == ""
	}
	if len(p) == 1 && p[0].kind == anyText {
		return true
	}
	// reached[i] tells that the first i tokens match the text read so far.
	reached, next := make([]bool, len(p)+1), make([]bool, len(p)+1)
	reached[0] = true
	p.skip(reached)
	for _, char := range text {
		alive := false
		clear(next)
		for i, t := range p {
			if !reached[i] || !t.takes(char) {
				continue
			}
			alive = true
			if t.many() {
				next[i] = true // it may take more
			} else {
				next[i+1] = true
			}
		}
		if !alive {
			return false
		}
		p.skip(next)
		reached, next = next, reached
	}
	return reached[len(p)]
}

// skip marks what is reached by wildcards that match nothing.
func (p pattern) skip(reached []bool) {
	for i, t := range p {
		if reached[i] && t.many() {
			reached[i+1] = true
		}
	}
}

func (t token) many() bool { return t.kind == anyText || t.kind == anyTextInSegment }

func (t token) takes(char rune) bool {
	switch t.kind {
	case literal:
		return t.char == char
	case anyCharInSegment, anyTextInSegment:
		return char != ':'
	}
	return true
}

// patterns matches when one of them does.
type patterns []pattern

func (ps patterns) match(text string) bool {
	for _, p := range ps {
		if p.matches(text) {
			return true
		}
	}
	return false
}

// actionPatterns are case-insensitive: action must be in lower case.
func actionPatterns(actions []string) (patterns, error) {
	var ps patterns
	for _, a := range actions {
		if service, name, ok := strings.Cut(a, ":"); a != "*" && (!ok || service == "" || name == "" || strings.Contains(name, ":") || strings.Contains(a, "$")) {
			return nil, fmt.Errorf("action %q is not of the form service:name", a)
		}
		ps = append(ps, textPattern(strings.ToLower(a)))
	}
	return ps, nil
}

// resourceTemplates reads resources; those of ARNs keep to arnPattern.
func resourceTemplates(resources []string) ([]template, error) {
	var all []template
	for _, r := range resources {
		if r != "*" && !isARNPattern(r) {
			return nil, fmt.Errorf("resource %q is neither an ARN nor *", r)
		}
		t, err := parseTemplate(r)
		if err != nil {
			return nil, err
		}
		if len(t.pieces) > 0 && len(t.pieces[0].pattern.segments()) <= lastSegment {
			return nil, fmt.Errorf("resource %q: a policy variable stands before the fifth colon, where none may be", r)
		}
		all = append(all, t)
	}
	return all, nil
}

// isARNPattern: six segments, or fewer when the last of them ends with a *.
func isARNPattern(text string) bool {
	return strings.HasPrefix(text, "arn:") && (strings.Count(text, ":") >= lastSegment || strings.HasSuffix(text, "*"))
}
