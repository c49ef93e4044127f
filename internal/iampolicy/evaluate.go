package iampolicy

import (
	"fmt"
	"strings"
)

// Request is what somebody asks AWS to do.
type Request struct {
	Principal Principal
	// Action is the IAM action, for example "s3:GetObject".
	Action string
	// Resource is the ARN that is acted upon; "*" for an action that knows no
	// resources, which only a statement on "*" is about.
	Resource string
	// Context holds the condition keys. A key without a value is known to be
	// absent from the request. About a key that is not here nothing is known,
	// and a statement with a condition on it cannot be evaluated.
	// aws:PrincipalArn, aws:PrincipalAccount, aws:PrincipalIsAWSService,
	// aws:PrincipalServiceName and aws:username follow from Principal.
	Context map[string][]string

	// bounded: the principal has a permissions boundary.
	bounded bool
}

// Effect is what policies say of a request.
type Effect int

// The three ends of an evaluation.
const (
	// ImplicitDeny: no statement is about the request.
	ImplicitDeny Effect = iota
	// Allowed: a statement allows it and none denies it.
	Allowed
	// ExplicitDeny: a statement denies it.
	ExplicitDeny
)

// String is the name AWS's policy simulator has for the effect.
func (e Effect) String() string {
	switch e {
	case Allowed:
		return "allowed"
	case ExplicitDeny:
		return "explicitDeny"
	}
	return "implicitDeny"
}

// Decision is the effect and the statement that decided; there is none for an
// implicit deny.
type Decision struct {
	Effect Effect
	// Policy is the name of the policy, Sid that of its statement, which may be
	// empty.
	Policy, Sid string
	// ByResource tells that it is a resource policy.
	ByResource bool
	// Missing is the kind of policy that does not allow the request where
	// another does: "permissions boundary", "session policy", "VPC endpoint
	// policy" or "resource-based policy"; between accounts also "identity-based
	// policy". Empty in all other decisions.
	Missing string
	// Delegated tells that a resource policy allows the request to the
	// principal's account only: that grants nothing by itself, and lets the
	// account's identity policies decide, which a few services (KMS) and all
	// requests from another account want.
	Delegated bool

	// direct: the allow names a user, the session itself or everybody, which no
	// boundary and no session policy limits.
	direct bool
}

// and is the decision of two policies together.
func (d Decision) and(other Decision) Decision {
	delegated, direct := d.Delegated || other.Delegated, d.direct || other.direct
	if other.Effect > d.Effect {
		d = other
	}
	d.Delegated, d.direct = delegated, direct
	return d
}

// Evaluate evaluates one policy by itself. The first statement that decides is
// named.
func (p Policy) Evaluate(r Request) (Decision, error) {
	r.Context = r.context()
	var decided Decision
	for _, s := range p.statements {
		applies, account, err := s.applies(r)
		if err != nil {
			return Decision{}, fmt.Errorf("evaluating policy %s, statement %s, for %s: %w", p.Name, s.sid, r.Action, err)
		}
		if !applies {
			continue
		}
		d := Decision{Effect: Allowed, Policy: p.Name, Sid: s.sid, ByResource: p.resource}
		switch {
		case s.deny:
			d.Effect = ExplicitDeny
		case account:
			d = Decision{Delegated: true}
		default:
			d.direct = s.principals.direct(r.Principal)
		}
		decided = decided.and(d)
	}
	return decided, nil
}

// applies tells whether the statement is about the request; account, whether
// only because it names the principal's account. A condition is evaluated last,
// when everything else fits.
func (s statement) applies(r Request) (applies, account bool, err error) {
	matches, account, unknown := s.principals.match(r)
	if !matches || s.actions.match(strings.ToLower(r.Action)) == s.notAction {
		return false, false, nil
	}
	on, err := s.on(r)
	if on && unknown != nil {
		err = unknown
	}
	if err != nil || !on {
		return false, false, err
	}
	for _, c := range s.conditions {
		holds, err := c.holds(r.Context)
		if err != nil || !holds {
			return false, false, err
		}
	}
	return true, account, nil
}

// on tells whether the statement is about the request's resource. Of a variable
// without a value in NotResource, one sentence of the guide says that what has it
// matches no resource, so that the statement is about all; another, that the
// statement may be invalid ("IAM policy elements: Variables and tags").
func (s statement) on(r Request) (bool, error) {
	if len(s.resources) == 0 {
		return true, nil
	}
	all := true
	for _, t := range s.resources {
		matches, filled, err := t.matchesResource(r.Resource, r.Context)
		if err != nil {
			return false, err
		}
		if matches {
			return !s.notResource, nil
		}
		all = all && filled
	}
	if s.notResource && !all {
		return false, fmt.Errorf("a policy variable of NotResource has no value; what AWS makes of that is left open")
	}
	return s.notResource, nil
}

// Matching returns the indexes in Statements of those that are about the
// request, whatever their effect.
func (p Policy) Matching(r Request) ([]int, error) {
	r.Context = r.context()
	var all []int
	for i, s := range p.statements {
		applies, _, err := s.applies(r)
		if err != nil {
			return nil, fmt.Errorf("evaluating policy %s, statement %s, for %s: %w", p.Name, s.sid, r.Action, err)
		}
		if applies {
			all = append(all, i)
		}
	}
	return all, nil
}

// context is the request's, with keys in lower case and those that the
// principal makes. An anonymous caller has the account "anonymous" and no ARN
// ("AWS global condition context keys", IAM User Guide).
func (r Request) context() map[string][]string {
	context := make(map[string][]string, len(r.Context)+4)
	for key, values := range r.Context {
		context[strings.ToLower(key)] = values
	}
	context["aws:principalarn"] = nil
	context["aws:principalaccount"] = []string{"anonymous"}
	context["aws:principalisawsservice"] = []string{"false"}
	context["aws:principalservicename"] = nil
	if r.Principal.ARN != "" {
		context["aws:principalarn"] = []string{r.Principal.ARN}
		context["aws:principalaccount"] = []string{r.Principal.account()}
	}
	if r.Principal.Service != "" {
		context["aws:principalaccount"] = nil
		context["aws:principalisawsservice"] = []string{"true"}
		context["aws:principalservicename"] = []string{r.Principal.Service}
	}
	if _, known := context["aws:username"]; !known && r.Principal.ARN != "" {
		context["aws:username"] = r.Principal.user()
	}
	return context
}
