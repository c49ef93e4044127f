// Package random makes IAM policies and requests by chance, out of so few words
// that they meet: for the fuzz tests of the evaluator, and for holding it against
// another one.
package random

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/iampolicy"
)

// Account is the account of most principals, and whose the resources are.
const Account = "111122223333"

// Case is one request with all policies about it. It is JSON for another
// evaluator to read.
type Case struct {
	// Principal is the ARN of a user or of a role's session, a service's name, or
	// Anonymous.
	Principal string `json:"principal"`
	Action    string `json:"action"`
	Resource  string `json:"resource"`
	// Context holds all keys that are in the request, those that follow from the
	// principal too; a key is in it or absent.
	Context map[string][]string `json:"context"`
	// Documents of policies; null for none.
	Identity       json.RawMessage `json:"identity"`
	ResourcePolicy json.RawMessage `json:"resourcePolicy"`
	Boundary       json.RawMessage `json:"boundary"`
	Session        json.RawMessage `json:"session"`
	Endpoint       json.RawMessage `json:"endpoint"`
}

// Anonymous is the principal of an unsigned request.
const Anonymous = "anonymous"

// New makes a case: the same for the same source.
func New(r *rand.Rand) Case {
	g := generator{r}
	c := Case{Principal: g.one(principals)}
	c.Action, c.Resource = g.request()
	c.Context = g.context(c.Principal)
	isUser, isSession := strings.Contains(c.Principal, ":user/"), strings.Contains(c.Principal, ":assumed-role/")
	if isUser || isSession {
		c.Identity = g.document(0.9, false)
		c.Boundary = g.document(0.25, false)
	}
	if isSession {
		c.Session = g.document(0.2, false)
	}
	c.ResourcePolicy = g.document(0.6, true)
	if g.r.Float64() < 0.15 {
		c.Endpoint = g.endpoint()
	}
	return c
}

// Request is the case's, as the evaluator takes it.
func (c Case) Request() iampolicy.Request {
	r := iampolicy.Request{Action: c.Action, Resource: c.Resource, Context: map[string][]string{}}
	for key := range keys {
		r.Context[key] = c.Context[key]
	}
	switch {
	case strings.HasPrefix(c.Principal, "arn:"):
		r.Principal = iampolicy.PrincipalOf(c.Principal)
	case c.Principal != Anonymous:
		r.Principal = iampolicy.Principal{Service: c.Principal}
	}
	return r
}

// Policies are the case's, as the evaluator takes them.
func (c Case) Policies() (iampolicy.Policies, error) {
	p := iampolicy.Policies{ResourceRules: strings.HasPrefix(c.Action, "kms:")}
	for _, read := range []struct {
		name     string
		document json.RawMessage
		parse    func(string, []byte) (iampolicy.Policy, error)
		put      func(iampolicy.Policy)
	}{
		{"identity", c.Identity, iampolicy.ParseIdentity, func(policy iampolicy.Policy) { p.Identity = []iampolicy.Policy{policy} }},
		{"resource", c.ResourcePolicy, iampolicy.ParseResource, func(policy iampolicy.Policy) { p.Resource = []iampolicy.Policy{policy} }},
		{"boundary", c.Boundary, iampolicy.ParseIdentity, func(policy iampolicy.Policy) { p.Boundary = &policy }},
		{"session", c.Session, iampolicy.ParseIdentity, func(policy iampolicy.Policy) { p.Session = &policy }},
		{"endpoint", c.Endpoint, iampolicy.ParseResource, func(policy iampolicy.Policy) { p.Endpoint = &policy }},
	} {
		if read.document == nil {
			continue
		}
		policy, err := read.parse(read.name, read.document)
		if err != nil {
			return p, err
		}
		read.put(policy)
	}
	return p, nil
}

// generator draws.
type generator struct{ r *rand.Rand }

func (g generator) one(list []string) string { return list[g.r.IntN(len(list))] }

// some draws one to three, each once.
func (g generator) some(list []string) []string {
	var drawn []string
	for range 1 + g.r.IntN(3) {
		if v := g.one(list); !slices.Contains(drawn, v) {
			drawn = append(drawn, v)
		}
	}
	return drawn
}

func (g generator) chance(p float64) bool { return g.r.Float64() < p }

func (g generator) request() (action, resource string) {
	service := g.one([]string{"s3", "s3", "kms", "sqs"})
	return service + ":" + g.one(actions[service]), g.one(resources[service])
}

// context draws values for each key, and adds what follows from the principal
// and the resource.
func (g generator) context(principal string) map[string][]string {
	context := map[string][]string{}
	for _, name := range keyNames {
		key := keys[name]
		if key.derived || g.chance(0.3) {
			continue
		}
		if context[name] = []string{g.one(key.values)}; key.many {
			context[name] = g.some(key.values)
		}
	}
	p := iampolicy.PrincipalOf(principal)
	switch {
	case !strings.HasPrefix(principal, "arn:"):
		if principal == Anonymous {
			context["aws:PrincipalAccount"] = []string{"anonymous"}
		}
	default:
		context["aws:PrincipalArn"] = []string{p.ARN}
		context["aws:PrincipalAccount"] = []string{strings.Split(p.ARN, ":")[4]}
		if _, name, ok := strings.Cut(p.ARN, ":user/"); ok {
			context["aws:username"] = []string{name}
		}
	}
	context["aws:ResourceAccount"] = []string{Account}
	context["aws:PrincipalIsAWSService"] = []string{fmt.Sprint(strings.HasSuffix(principal, ".amazonaws.com"))}
	return context
}

// document draws a policy, or none.
func (g generator) document(likely float64, ofResource bool) json.RawMessage {
	if !g.chance(likely) {
		return nil
	}
	var statements []map[string]any
	for range 1 + g.r.IntN(3) {
		statements = append(statements, g.statement(ofResource))
	}
	return encode(statements)
}

// endpoint draws the policy of an endpoint, which names everybody.
func (g generator) endpoint() json.RawMessage {
	s := g.statement(false)
	s["Principal"] = "*"
	return encode([]map[string]any{s, {"Effect": "Allow", "Principal": "*", "Action": g.one(actionPatterns), "Resource": "*"}})
}

func encode(statements []map[string]any) json.RawMessage {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(err) // maps of strings
	}
	return text
}

func (g generator) statement(ofResource bool) map[string]any {
	s := map[string]any{"Effect": "Allow"}
	if g.chance(0.3) {
		s["Effect"] = "Deny"
	}
	s[g.not(0.15, "Action")] = g.some(actionPatterns)
	s[g.not(0.15, "Resource")] = g.some(resourcePatterns)
	if ofResource {
		element := "Principal"
		if s["Effect"] == "Deny" {
			element = g.not(0.2, element)
		}
		s[element] = g.principal(element == "Principal")
	}
	if g.chance(0.5) {
		conditions := map[string]map[string]any{}
		for range 1 + g.r.IntN(2) {
			operator, key, values := g.condition()
			if conditions[operator] == nil {
				conditions[operator] = map[string]any{}
			}
			conditions[operator][key] = values
		}
		s["Condition"] = conditions
	}
	return s
}

func (g generator) not(likely float64, element string) string {
	if g.chance(likely) {
		return "Not" + element
	}
	return element
}

func (g generator) principal(everybody bool) any {
	if everybody && g.chance(0.3) {
		return "*"
	}
	if everybody && g.chance(0.1) {
		return map[string]any{"AWS": "*"}
	}
	if g.chance(0.15) {
		return map[string]any{"Service": g.one(services)}
	}
	return map[string]any{"AWS": g.some(named)}
}

// condition draws an operator, a key of its type, and values.
func (g generator) condition() (operator, key string, values []string) {
	key = g.one(keyNames)
	k := keys[key]
	if g.chance(0.1) {
		return "Null", key, []string{g.one([]string{"true", "false"})}
	}
	operator, values = g.one(operatorsOf[k.kind]), g.some(slices.Concat(k.values, k.patterns))
	if k.many || g.chance(0.1) {
		operator = g.one([]string{"ForAllValues:", "ForAnyValue:"}) + operator
	}
	if g.chance(0.25) {
		operator += "IfExists"
	}
	return operator, key, values
}
