package iampolicy

// Policies are those that apply to a request within one account.
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
	kindBoundary = "permissions boundary"
	kindSession  = "session policy"
	kindEndpoint = "VPC endpoint policy"
	kindResource = "resource-based policy"
)

// Decide evaluates all policies together ("Policy evaluation logic", IAM User
// Guide, for requests within an account): an explicit deny in any of them is
// final. Then one allow is enough, of the principal or of the resource, if
// boundary and session policy allow it too; they do not limit a resource's
// policy that names a user, a session itself or everybody. An error means that
// it cannot be known; the decision is then an implicit deny.
func Decide(r Request, p Policies) (Decision, error) {
	r.bounded = p.Boundary != nil
	identity, err := evaluate(r, p.Identity)
	if err != nil {
		return Decision{}, err
	}
	resource, err := evaluate(r, p.Resource)
	if err != nil {
		return Decision{}, err
	}
	decided := identity.and(resource)
	var missing []string
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
			return Decision{}, err
		case d.Effect == ExplicitDeny:
			decided = decided.and(d)
		case d.Effect == ImplicitDeny && (limit.kind == kindEndpoint || !resource.direct):
			missing = append(missing, limit.kind)
		}
	}
	if p.ResourceRules && resource.Effect == ImplicitDeny && !resource.Delegated {
		missing = append([]string{kindResource}, missing...)
	}
	if decided.Effect == Allowed && len(missing) > 0 {
		return Decision{Missing: missing[0], Delegated: decided.Delegated}, nil
	}
	decided.direct = false // it has done its part
	return decided, nil
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
