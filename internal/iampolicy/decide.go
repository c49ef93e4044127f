package iampolicy

import (
	"fmt"
	"strings"
)

// Policies are those that apply to a request.
type Policies struct {
	// Identity are the policies of the principal.
	Identity []Policy
	// Resource are the policies of the resource, mostly one or none.
	Resource []Policy
	// ResourceRules tells that the resource's policy must consent, as with a
	// KMS key, a role's trust policy or a function that a service calls:
	// identity policies count only where it lets the account decide.
	ResourceRules bool
	// Boundary is the permissions boundary of a user or a role, and Session the
	// policy a session was begun with; nil without one. Both limit what
	// identity policies allow.
	Boundary, Session *Policy
	// Endpoint is the policy of the VPC endpoint that the request comes
	// through; nil without one. It must allow the request too ("Control access
	// to VPC endpoints using endpoint policies", AWS PrivateLink guide).
	Endpoint *Policy
}

// The kinds of policy that Decision.Missing names.
const (
	kindIdentity = "identity-based policy"
	kindBoundary = "permissions boundary"
	kindSession  = "session policy"
	kindEndpoint = "VPC endpoint policy"
	kindResource = "resource-based policy"
)

// Decide evaluates all policies together ("Policy evaluation logic", IAM User
// Guide): an explicit deny in any of them is final. Within an account, one allow
// is enough then, of the principal or of the resource, if boundary and session
// policy allow it too; they do not limit a resource's policy that names a user, a
// session itself or everybody. Between two accounts, the resource's policy must
// allow the request to the principal or its account, and the principal's own
// policies must allow it too ("Cross-account policy evaluation logic"). Whose the
// resource is, its ARN says, or else aws:ResourceAccount; where neither does, it
// is taken to be of the principal's account. An error means that it cannot be
// known; the decision is then an implicit deny.
func Decide(r Request, p Policies) (Decision, error) {
	r.bounded = p.Boundary != nil
	between, err := r.betweenAccounts()
	if err != nil {
		return Decision{}, err
	}
	identity, err := evaluate(r, p.Identity)
	if err != nil {
		return Decision{}, err
	}
	resource, err := evaluate(r, p.Resource)
	if err != nil {
		return Decision{}, err
	}
	denied, exceeded, err := p.limits(r, resource.direct && !between)
	if err != nil {
		return Decision{}, err
	}
	decided := identity.and(resource).and(denied)
	missing := append(p.withheld(identity, resource, between), exceeded...)
	if decided.Effect == Allowed && len(missing) > 0 {
		return Decision{Missing: missing[0], Delegated: decided.Delegated}, nil
	}
	decided.direct = false // it has done its part
	return decided, nil
}

// withheld are the kinds of policies whose consent is needed and not given.
func (p Policies) withheld(identity, resource Decision, between bool) (missing []string) {
	if resource.Effect == ImplicitDeny && !resource.Delegated && (p.ResourceRules || between) {
		missing = append(missing, kindResource)
	}
	if identity.Effect == ImplicitDeny && between {
		missing = append(missing, kindIdentity)
	}
	return missing
}

// limits evaluates the policies that grant nothing: denied is a deny of one of
// them, and exceeded are the kinds that do not allow the request. free tells that
// boundary and session policy need not.
func (p Policies) limits(r Request, free bool) (denied Decision, exceeded []string, err error) {
	for _, limit := range []struct {
		policy *Policy
		kind   string
	}{{p.Boundary, kindBoundary}, {p.Session, kindSession}, {p.Endpoint, kindEndpoint}} {
		if limit.policy == nil {
			continue
		}
		d, err := limit.policy.Evaluate(r)
		switch {
		case err != nil:
			return Decision{}, nil, err
		case d.Effect == ExplicitDeny:
			denied = denied.and(d)
		case d.Effect == ImplicitDeny && (limit.kind == kindEndpoint || !free):
			exceeded = append(exceeded, limit.kind)
		}
	}
	return denied, exceeded, nil
}

// betweenAccounts tells whether the principal and the resource are of two
// accounts. A service, and who is anonymous, have none.
func (r Request) betweenAccounts() (bool, error) {
	var owner string
	if segments := strings.SplitN(r.Resource, ":", lastSegment+1); len(segments) > lastSegment && accountID.MatchString(segments[4]) {
		owner = segments[4]
	}
	if said := r.context()["aws:resourceaccount"]; len(said) == 1 {
		if owner != "" && owner != said[0] {
			return false, fmt.Errorf("%s is not of the account that aws:ResourceAccount names, %s", r.Resource, said[0])
		}
		owner = said[0]
	}
	account := r.Principal.account()
	return owner != "" && account != "" && owner != account, nil
}

// evaluate evaluates a principal's or a resource's policies.
func evaluate(r Request, list []Policy) (Decision, error) {
	var decided Decision
	for _, policy := range list {
		d, err := policy.Evaluate(r)
		if err != nil {
			return Decision{}, err
		}
		decided = decided.and(d)
	}
	return decided, nil
}
