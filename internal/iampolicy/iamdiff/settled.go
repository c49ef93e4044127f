package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/iampolicy/random"
)

// difference is a point on which the other evaluator reads policies otherwise than
// the documentation: docs/decisions/0015 has the pages. rewrite makes a statement,
// in the case's context, say what the other takes it to say; it tells whether it
// did.
type difference struct {
	name    string
	rewrite func(c random.Case, s statement) bool
}

// statement is one of a policy's, as far as it is rewritten.
type statement map[string]json.RawMessage

var differences = []difference{
	{"a negated condition on a variable without a value holds", negatedWithoutValue},
	{"an address of the other kind is not the one that is named", otherKindOfAddress},
	{"0.0.0.0/0 has every address", everyAddress},
	{"epoch time is in seconds", epochTime},
	{"${*} is a star to operators without wildcards too", literalStar},
}

const sessionDifference = "no session policy limits what a resource grants to a user, a session or everybody"

// settled names the differences that are met where the other evaluator's answer is
// not ours. They explain it only if our own evaluator gives that answer when the
// policies are read in the other's way; there are none if it does not.
func settled(c random.Case, answer iampolicy.Effect) ([]string, error) {
	var names []string
	for _, document := range []*json.RawMessage{&c.Identity, &c.ResourcePolicy, &c.Boundary, &c.Session, &c.Endpoint} {
		if *document == nil {
			continue
		}
		found, err := rewrite(c, document)
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	policies, err := c.Policies()
	if err != nil {
		return nil, fmt.Errorf("reading a rewritten policy: %w", err)
	}
	got, err := iampolicy.Decide(c.Request(), policies)
	if err != nil {
		return nil, err
	}
	if got.Effect == iampolicy.Allowed && policies.Session != nil {
		if d, err := policies.Session.Evaluate(c.Request()); err == nil && d.Effect == iampolicy.ImplicitDeny {
			got.Effect, names = iampolicy.ImplicitDeny, append(names, sessionDifference)
		}
	}
	if got.Effect != answer {
		return nil, nil
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// rewrite rewrites the statements of a policy, and names the differences it met.
func rewrite(c random.Case, document *json.RawMessage) ([]string, error) {
	var policy struct {
		Version   string
		Statement []statement
	}
	if err := json.Unmarshal(*document, &policy); err != nil {
		return nil, err
	}
	var names []string
	for i := range policy.Statement {
		for _, d := range differences {
			if d.rewrite(c, policy.Statement[i]) {
				names = append(names, d.name)
			}
		}
	}
	text, err := json.Marshal(policy)
	*document = text
	return names, err
}

// never is a condition that no request fulfils: the key is in all of them.
var never = json.RawMessage(`{"Null":{"aws:PrincipalIsAWSService":["true"]}}`)

func negatedWithoutValue(c random.Case, s statement) bool {
	var conditions map[string]map[string][]string
	if json.Unmarshal(s["Condition"], &conditions) != nil {
		return false
	}
	for operator, keys := range conditions {
		for key, values := range keys {
			negated := strings.Contains(operator, "Not") && !strings.Contains(operator, "IpAddress")
			if negated && c.Context[key] != nil && slices.ContainsFunc(values, unresolved(c)) {
				s["Condition"] = never
				return true
			}
		}
	}
	return false
}

func otherKindOfAddress(c random.Case, s statement) bool {
	const key = "aws:SourceIp"
	var conditions map[string]map[string][]string
	if c.Context[key] == nil || json.Unmarshal(s["Condition"], &conditions) != nil {
		return false
	}
	is6 := strings.Contains(c.Context[key][0], ":")
	for operator, keys := range conditions {
		other := slices.ContainsFunc(keys[key], func(v string) bool { return !strings.Contains(v, "/") && strings.Contains(v, ":") != is6 })
		if strings.Contains(operator, "NotIpAddress") && other {
			s["Condition"] = never
			return true
		}
	}
	return false
}

func everyAddress(_ random.Case, s statement) bool {
	return s.replace(`"0.0.0.0/0"`, `"255.255.255.255/32"`)
}

// epochTime: the other takes it for milliseconds.
func epochTime(_ random.Case, s statement) bool {
	return s.replace(`"1772600767"`, `"1970-01-21T12:23:20.767Z"`)
}

func literalStar(_ random.Case, s statement) bool {
	var conditions map[string]map[string][]string
	if json.Unmarshal(s["Condition"], &conditions) != nil {
		return false
	}
	found := false
	for operator, keys := range conditions {
		if !strings.Contains(operator, "String") || strings.Contains(operator, "Like") {
			continue
		}
		for _, values := range keys {
			for i, v := range values {
				values[i] = strings.ReplaceAll(v, "${*}", "${$}{*}")
				found = found || values[i] != v
			}
		}
	}
	if text, err := json.Marshal(conditions); err == nil {
		s["Condition"] = text
	}
	return found
}

// replace replaces a value of the conditions, and tells whether it is there.
func (s statement) replace(value, by string) bool {
	before := string(s["Condition"])
	after := strings.ReplaceAll(before, value, by)
	if after == before {
		return false
	}
	s["Condition"] = json.RawMessage(after)
	return true
}

// unresolved says whether a text has a variable that has neither value nor default.
func unresolved(c random.Case) func(string) bool {
	return func(text string) bool {
		_, rest, ok := strings.Cut(text, "${aws:")
		name, _, _ := strings.Cut(rest, "}")
		return ok && c.Context["aws:"+name] == nil && !strings.Contains(name, ", ")
	}
}
