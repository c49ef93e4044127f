package guard

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// Question asks whether a role may do something.
type Question struct {
	// Role is a logical id, a name, an ARN, or a part of a logical id that only
	// one role has, in any case.
	Role   string
	Action string
	// Resource is an ARN or "*", or a resource's logical id, or a part of one that
	// only one resource with an ARN has, with what follows the ARN: "bucket/a/b".
	Resource string
	// Context holds condition keys beside those that AWS sets on every call of
	// the role; several values of one key are joined by commas, and a key without
	// a value is one that is absent.
	Context map[string]string
	// At is when.
	At time.Time
}

// Explanation is the answer to a Question.
type Explanation struct {
	Role     string `json:"role"`
	Action   string `json:"action"`
	Resource string `json:"resource"`
	// Decision is "allowed", "implicitDeny" or "explicitDeny".
	Decision string `json:"decision"`
	// Missing is the kind of policy that would have to allow it, too.
	Missing string `json:"missing,omitempty"`
	// Statements are those about the request, in the order they are evaluated.
	Statements []Matched `json:"statements"`
}

// Matched is a statement that is about a request.
type Matched struct {
	// Kind is the kind of policy: identity, permissions boundary, resource or VPC
	// endpoint.
	Kind string `json:"kind"`
	// Policy is the logical id of the resource that holds it.
	Policy string `json:"policy"`
	Sid    string `json:"sid"`
	Effect string `json:"effect"`
}

// Answer evaluates a question. An error says what is not known.
func (g *Guard) Answer(q Question) (Explanation, error) {
	role, err := g.findRole(q.Role)
	if err != nil {
		return Explanation{}, err
	}
	resource, err := g.findResource(q.Resource)
	if err != nil {
		return Explanation{}, err
	}
	r, p, err := g.Explain(calls.Call{Time: q.At, Principal: g.Principal(role), Action: q.Action, Resource: resource, Context: q.Context})
	if err != nil {
		return Explanation{}, err
	}
	for key, value := range q.Context {
		if value == "" {
			r.Context[strings.ToLower(key)] = nil
		}
	}
	decision, err := iampolicy.Decide(r, p)
	if err != nil {
		return Explanation{}, err
	}
	out := Explanation{
		Role: role.LogicalID, Action: q.Action, Resource: resource,
		Decision: decision.Effect.String(), Missing: decision.Missing, Statements: []Matched{},
	}
	for _, group := range []struct {
		kind string
		list []iampolicy.Policy
	}{{"identity", p.Identity}, {"permissions boundary", some(p.Boundary)}, {"resource", p.Resource}, {"VPC endpoint", some(p.Endpoint)}} {
		matched, err := matchedIn(r, group.kind, group.list)
		if err != nil {
			return Explanation{}, err
		}
		out.Statements = append(out.Statements, matched...)
	}
	return out, nil
}

func some(p *iampolicy.Policy) []iampolicy.Policy {
	if p == nil {
		return nil
	}
	return []iampolicy.Policy{*p}
}

func matchedIn(r iampolicy.Request, kind string, list []iampolicy.Policy) ([]Matched, error) {
	var all []Matched
	for _, p := range list {
		indexes, err := p.Matching(r)
		if err != nil {
			return nil, err
		}
		for _, i := range indexes {
			s := p.Statements()[i]
			all = append(all, Matched{Kind: kind, Policy: p.Name, Sid: s.Sid, Effect: s.Effect})
		}
	}
	return all, nil
}

// Principal is how a role's calls arrive: those of a function's role are signed
// by its code, inside the VPC when it is there; those of a role that Bedrock assumes
// come from a job's workers, which sit in the VPC.
func (g *Guard) Principal(role template.Role) calls.Principal {
	who := calls.Principal{Role: role.LogicalID, ARN: role.ARN}
	for _, s := range g.roles[role.ARN].trust.Statements() {
		who.InVPC = who.InVPC || slices.Contains(s.Principal["Service"], "bedrock.amazonaws.com")
	}
	for _, f := range g.options.Stack.Functions {
		if f.RoleARN == role.ARN {
			who.InVPC, who.Function = f.InVPC(), f.ARN
		}
	}
	return who
}

func (g *Guard) findRole(name string) (template.Role, error) {
	if role, ok := g.options.Stack.Role(name); ok {
		return role, nil
	}
	var found []template.Role
	var ids []string
	for _, role := range g.options.Stack.Roles {
		if strings.Contains(strings.ToLower(role.LogicalID), strings.ToLower(name)) {
			found = append(found, role)
		}
		ids = append(ids, role.LogicalID)
	}
	if len(found) != 1 {
		return template.Role{}, fmt.Errorf("%d roles of the stack are called %q; it has %s", len(found), name, strings.Join(ids, ", "))
	}
	return found[0], nil
}

func (g *Guard) findResource(name string) (string, error) {
	if name == "*" || strings.HasPrefix(name, "arn:") {
		return name, nil
	}
	id, rest, deeper := strings.Cut(name, "/")
	if deeper {
		rest = "/" + rest
	}
	var found, ids []string
	for _, res := range g.options.Stack.All() {
		arn := g.arnOf(res)
		switch {
		case arn == "":
		case res.LogicalID == id:
			return arn + rest, nil
		case strings.Contains(strings.ToLower(res.LogicalID), strings.ToLower(id)):
			found, ids = append(found, arn+rest), append(ids, res.LogicalID)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%q is no ARN, and %d resources of the stack are called so: %s", name, len(found), strings.Join(ids, ", "))
	}
	return found[0], nil
}

// arnOf is a resource's ARN, empty when it has none.
func (g *Guard) arnOf(res template.Resource) string {
	if strings.HasPrefix(res.PhysicalID, "arn:") {
		return res.PhysicalID
	}
	arn, err := g.options.Stack.GetAtt(res.LogicalID, "Arn")
	if text, ok := arn.(string); ok && err == nil {
		return text
	}
	return ""
}
