package security

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	policies "github.com/tuneline/tuneline/internal/iampolicy"
)

// This file is the only one that knows the evaluator.

// ask is one request: who does what to what, and what AWS says about it.
type ask struct {
	who              who
	action, resource string
	// keys are the condition keys of the request; a key that a policy names and
	// that is not here is not in the request.
	keys map[string][]string
}

// who makes a request.
type who struct {
	arn string
	// service is set for an AWS service that acts for itself, which has no ARN.
	service string
}

// keys makes a context of names and values in turn.
func keys(pairs ...string) map[string][]string {
	context := map[string][]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		context[pairs[i]] = []string{pairs[i+1]}
	}
	return context
}

// answer is what policies say of a request.
type answer int

const (
	// silent: no statement is about the request, which is denied.
	silent answer = iota
	// granted: a statement allows it, and none denies it.
	granted
	// delegated: a resource's policy leaves it to the account's own policies.
	delegated
	// refused: a statement denies it.
	refused
	// unknown: a condition cannot be evaluated.
	unknown
)

// may says whether the request is let through: by a resource's policy also if
// the account's own policies have the last word.
func (a answer) may() bool { return a == granted || a == delegated || a == unknown }

// lets says whether it is let through for certain, and bars whether it may be refused:
// what cannot be evaluated counts against whoever says that something works.
func (a answer) lets() bool { return a == granted || a == delegated }
func (a answer) bars() bool { return a == refused || a == unknown }

// policy is one policy that can be asked, and the condition keys it names. Answers
// are remembered: hundreds of templates differ in one place, and all actions are asked
// about in each.
type policy struct {
	compiled policies.Policy
	names    []string
	memory   *memory
	// statements are what it says, as it is written.
	statements []statement
	// principals are whom it names.
	principals []who
	// text is what it is remembered by.
	text string
}

type memory struct {
	sync.Mutex
	answers map[string]answer
	found   map[string]Findings
	// contexts are those made of the policy's conditions, by what they begin with.
	contexts map[string][]map[string][]string
}

// once asks the policy a long list of questions that is known by a key, and
// remembers what was found. The key must name all that the questions depend on but
// the policy.
func (p policy) once(key []string, ask func() Findings) Findings {
	id := strings.Join(key, "|")
	p.memory.Lock()
	found, ok := p.memory.found[id]
	p.memory.Unlock()
	if !ok {
		found = ask()
		p.memory.Lock()
		p.memory.found[id] = found
		p.memory.Unlock()
	}
	return found
}

// keyOf is a part of the key of [policy.once]: who asks, and in which contexts.
func keyOf(principals []who, contexts ...map[string][]string) []string {
	var key []string
	for _, w := range principals {
		key = append(key, ask{who: w}.id())
	}
	for _, context := range contexts {
		key = append(key, ask{keys: context}.id())
	}
	return key
}

// remembered are all policies that were read, by their text.
var remembered sync.Map

// parsed is a policy, or why it cannot be read.
type parsed struct {
	policy policy
	err    error
}

// read parses a policy's document, once a template; where names it in errors.
func (t *Template) read(where string, document any, resource bool) (policy, error) {
	if p, ok := t.parsed[where]; ok {
		return p.policy, p.err
	}
	p, err := parse(where, document, resource)
	t.parsed[where] = parsed{p, err}
	return p, err
}

func parse(where string, document any, resource bool) (policy, error) {
	text, err := json.Marshal(document)
	if err != nil {
		return policy{}, fmt.Errorf("the policy cannot be read: %w", err)
	}
	kind := fmt.Sprint(resource, " ", string(text))
	if p, ok := remembered.Load(kind); ok {
		return p.(policy), nil
	}
	read := policies.ParseIdentity
	if resource {
		read = policies.ParseResource
	}
	compiled, err := read(where, text)
	if err != nil {
		return policy{}, fmt.Errorf("the policy cannot be read: %w", err)
	}
	p := policy{compiled: compiled, text: kind, statements: statementsOf(document), memory: &memory{answers: map[string]answer{}, found: map[string]Findings{}, contexts: map[string][]map[string][]string{}}}
	p.principals = principalsOf(p.statements)
	for _, s := range p.statements {
		for _, block := range s.conditions() {
			p.names = append(p.names, strings.ToLower(block.key))
		}
	}
	remembered.Store(kind, p)
	return p, nil
}

// asks are all requests of the principals, actions, resources and contexts.
func asks(principals []who, actions, resources []string, contexts []map[string][]string) []ask {
	var list []ask
	for _, action := range actions {
		for _, resource := range resources {
			for _, who := range principals {
				for _, context := range contexts {
					list = append(list, ask{who, action, resource, context})
				}
			}
		}
	}
	return list
}

// id is the request as text.
func (a ask) id() string {
	var id strings.Builder
	for _, part := range []string{a.who.arn, a.who.service, a.action, a.resource} {
		id.WriteString(part)
		id.WriteByte('|')
	}
	for _, name := range slices.Sorted(maps.Keys(a.keys)) {
		id.WriteString(name)
		for _, value := range a.keys[name] {
			id.WriteByte('=')
			id.WriteString(value)
		}
		id.WriteByte('|')
	}
	return id.String()
}

// answer evaluates one policy, or remembers what it said.
func (p policy) answer(a ask) answer {
	id := a.id()
	p.memory.Lock()
	defer p.memory.Unlock()
	got, ok := p.memory.answers[id]
	if !ok {
		got = p.evaluate(a)
		p.memory.answers[id] = got
	}
	return got
}

// decisions counts what was evaluated, for the tests to say.
var decisions atomic.Int64

// evaluate evaluates one policy, for questions that are remembered as a whole.
func (p policy) evaluate(a ask) answer {
	decisions.Add(1)
	context := map[string][]string{}
	for _, name := range p.names {
		context[name] = nil
	}
	for name, values := range a.keys {
		context[strings.ToLower(name)] = values
	}
	r := policies.Request{Action: a.action, Resource: a.resource, Context: context}
	r.Principal = policies.PrincipalOf(a.who.arn)
	if a.who.service != "" {
		r.Principal = policies.Principal{Service: a.who.service}
	}
	d, err := p.compiled.Evaluate(r)
	switch {
	case err != nil:
		return unknown
	case d.Effect == policies.ExplicitDeny:
		return refused
	case d.Effect == policies.Allowed:
		return granted
	case d.Delegated:
		return delegated
	}
	return silent
}

// answers evaluates several policies together: a refusal in any is final.
func answers(list []policy, a ask) answer {
	end := silent
	for _, p := range list {
		switch got := p.answer(a); {
		case got == refused:
			return refused
		case got == unknown || end == unknown:
			end = unknown
		case got == granted || end == silent:
			end = got
		}
	}
	return end
}
