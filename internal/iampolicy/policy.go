// Package iampolicy evaluates IAM policies as AWS does: may this principal do
// this action on this resource, by these policies, in this context?
//
// It follows the IAM User Guide: "IAM JSON policy element reference" and
// "Grammar of the IAM JSON policy language" for documents, "Condition
// operators" and "Set operators for multivalued context keys" for conditions,
// "Variables and tags" for policy variables, and "Policy evaluation logic" for
// decisions within an account and between two: identity policies, resource
// policies, permissions boundaries, session policies and VPC endpoint policies.
// Not modelled: the policies of an organization.
//
// It is strict, because whoever lets through what AWS would refuse proves
// nothing. An element, an operator or a form it does not know is an error, and
// so is a condition on a key that the request's context says nothing about, and
// whatever the guide leaves open.
package iampolicy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The two values of Effect.
const (
	Allow = "Allow"
	Deny  = "Deny"
)

// Statement is one statement of a policy as it is written. Exactly one of
// Action and NotAction, and one of Resource and NotResource, must be given; only
// a role's trust policy names no resource, since it is on the role.
type Statement struct {
	Sid    string `json:"Sid,omitzero"`
	Effect string `json:"Effect"`
	// Principal is for resource policies only, by kind of principal: "AWS",
	// "Service" or, for everybody, "*".
	Principal Principals `json:"Principal,omitzero"`
	// NotPrincipal is everybody but those, in a statement that denies.
	NotPrincipal Principals `json:"NotPrincipal,omitzero"`
	Action       Values     `json:"Action,omitzero"`
	NotAction    Values     `json:"NotAction,omitzero"`
	Resource     Values     `json:"Resource,omitzero"`
	NotResource  Values     `json:"NotResource,omitzero"`
	// Condition is operator → condition key → values.
	Condition map[string]map[string]Values `json:"Condition,omitzero"`
}

// Values is a list of strings, also written as one; numbers and truth values
// count as their text.
type Values []string

// UnmarshalJSON takes one scalar or a list of them.
func (v *Values) UnmarshalJSON(raw []byte) error {
	list := []jsontext.Value{raw}
	if jsontext.Value(raw).Kind() == jsontext.KindBeginArray {
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
	}
	*v = make(Values, 0, len(list))
	for _, item := range list {
		var text string
		switch item.Kind() {
		case jsontext.KindString:
			if err := json.Unmarshal(item, &text); err != nil {
				return err
			}
		case jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse:
			text = item.String()
		default:
			return fmt.Errorf("want a string or a list of strings, got %s", item.Kind())
		}
		*v = append(*v, text)
	}
	return nil
}

// Principals is kind → who.
type Principals map[string]Values

// UnmarshalJSON takes "*" or an object.
func (p *Principals) UnmarshalJSON(raw []byte) error {
	if string(raw) == `"*"` {
		*p = Principals{"*": {"*"}}
		return nil
	}
	return json.Unmarshal(raw, (*map[string]Values)(p), json.RejectUnknownMembers(true))
}

// Policy is a policy ready to be evaluated. The zero value has no statements.
type Policy struct {
	// Name says in a decision which policy it was.
	Name string

	statements []statement
	// resource: it is a resource's, so its statements name principals.
	resource bool
}

// document is a policy document; Id is not used by AWS either.
type document struct {
	Version   string     `json:"Version"`
	ID        string     `json:"Id,omitzero"`
	Statement statements `json:"Statement"`
}

// statements is a list of statements, also written as one.
type statements []Statement

// UnmarshalJSON takes one statement or a list of them.
func (s *statements) UnmarshalJSON(raw []byte) error {
	if jsontext.Value(raw).Kind() == jsontext.KindBeginArray {
		return json.Unmarshal(raw, (*[]Statement)(s), json.RejectUnknownMembers(true))
	}
	var one Statement
	err := json.Unmarshal(raw, &one, json.RejectUnknownMembers(true))
	*s = statements{one}
	return err
}

// ParseIdentity reads the document of an identity policy: one that is attached
// to a role or a user, or that a Lambda authorizer answers. name is for
// decisions and errors.
func ParseIdentity(name string, text []byte) (Policy, error) { return parse(name, text, false) }

// ParseResource reads the document of a resource policy: one that is attached
// to what is acted upon, and names principals.
func ParseResource(name string, text []byte) (Policy, error) { return parse(name, text, true) }

// NewIdentity makes an identity policy of statements.
func NewIdentity(name string, statements ...Statement) (Policy, error) {
	return compile(name, statements, false)
}

func parse(name string, text []byte, resource bool) (Policy, error) {
	var d document
	if err := json.Unmarshal(text, &d, json.RejectUnknownMembers(true)); err != nil {
		return Policy{}, fmt.Errorf("reading policy %s: %w", name, err)
	}
	// In the older language "${" is no variable, so the same text means another
	// thing; nobody writes it on purpose.
	if d.Version != "2012-10-17" {
		return Policy{}, fmt.Errorf("reading policy %s: the version is %q, only 2012-10-17 is modelled", name, d.Version)
	}
	if len(d.Statement) == 0 {
		return Policy{}, fmt.Errorf("reading policy %s: it has no statement", name)
	}
	return compile(name, d.Statement, resource)
}

// statement is a statement ready to be evaluated.
type statement struct {
	sid        string
	deny       bool
	principals principals
	actions    patterns
	notAction  bool
	// resources is empty for a trust policy.
	resources []template
	// notResource: the statement is on all but resources.
	notResource bool
	conditions  []condition
	// source is the statement as it is written.
	source Statement
}

func compile(name string, list []Statement, resource bool) (Policy, error) {
	p := Policy{Name: name, resource: resource}
	sids := map[string]bool{}
	for i, source := range list {
		at := fmt.Sprintf("statement %d", i+1)
		if source.Sid != "" {
			at = "statement " + source.Sid
		}
		if source.Sid != "" && sids[source.Sid] {
			return Policy{}, fmt.Errorf("reading policy %s: %s: the Sid is not unique", name, at)
		}
		sids[source.Sid] = true
		s, err := source.compile(resource)
		if err != nil {
			return Policy{}, fmt.Errorf("reading policy %s: %s: %w", name, at, err)
		}
		p.statements = append(p.statements, s)
	}
	return p, nil
}

func (s Statement) compile(resource bool) (statement, error) {
	out := statement{
		sid: s.Sid, deny: s.Effect == Deny, notAction: len(s.NotAction) > 0, notResource: len(s.NotResource) > 0, source: s,
	}
	if err := s.check(resource); err != nil {
		return out, err
	}
	var err error
	if out.principals, err = s.compilePrincipals(); err != nil {
		return out, err
	}
	if out.actions, err = actionPatterns(slices.Concat(s.Action, s.NotAction)); err != nil {
		return out, err
	}
	if out.resources, err = resourceTemplates(slices.Concat(s.Resource, s.NotResource)); err != nil {
		return out, err
	}
	out.conditions, err = compileConditions(s.Condition)
	return out, err
}

// check refuses a statement whose elements do not go together.
func (s Statement) check(resource bool) error {
	on, notOn := len(s.Resource) > 0, len(s.NotResource) > 0
	who, notWho := len(s.Principal) > 0, len(s.NotPrincipal) > 0
	switch {
	case s.Effect != Allow && s.Effect != Deny:
		return fmt.Errorf("the effect is %q, neither Allow nor Deny", s.Effect)
	case (len(s.Action) > 0) == (len(s.NotAction) > 0):
		return fmt.Errorf("exactly one of Action and NotAction must be given")
	case on && notOn, !on && !notOn && (!resource || !s.trusts()):
		return fmt.Errorf("exactly one of Resource and NotResource must be given")
	case resource != (who || notWho), who && notWho:
		return fmt.Errorf("a resource policy names principals, an identity policy none")
	case notWho && s.Effect != Deny:
		return fmt.Errorf("NotPrincipal is for statements that deny")
	}
	return nil
}

// trusts tells whether a statement can be a trust policy's, which names no resource
// since it is on its own role: it is about assuming roles and nothing else.
func (s Statement) trusts() bool {
	other := func(action string) bool { return !strings.HasPrefix(strings.ToLower(action), "sts:") }
	return len(s.Action) > 0 && !slices.ContainsFunc(s.Action, other)
}

// Statements are the policy's statements as they are written, in their order.
func (p Policy) Statements() []Statement {
	var list []Statement
	for _, s := range p.statements {
		list = append(list, s.source)
	}
	return list
}

// Without is the policy without its statement at an index of Statements.
func (p Policy) Without(index int) Policy {
	p.statements = slices.Delete(slices.Clone(p.statements), index, index+1)
	return p
}

// Keys are the condition keys that the policy asks about, its variables
// included, in lower case; a key may come more than once.
func (p Policy) Keys() []string {
	var keys []string
	ofTemplate := func(t template) {
		for _, part := range t.pieces {
			if part.key != "" {
				keys = append(keys, part.key)
			}
		}
	}
	for _, s := range p.statements {
		for _, t := range s.resources {
			ofTemplate(t)
		}
		for _, c := range s.conditions {
			keys = append(keys, c.key)
			for _, w := range c.wants {
				ofTemplate(w.template)
			}
		}
	}
	return keys
}

// ActionMatches tells whether an action, as a statement writes it, stands for an
// action of a request.
func ActionMatches(written, action string) bool {
	return textPattern(strings.ToLower(written)).matches(strings.ToLower(action))
}
