package guard

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/iampolicy"
)

// Grant is one action of one statement of a policy of the stack.
type Grant struct {
	// Holder is the logical id of the role that the policy is of, or of the key, the
	// topic, the endpoint or whatever has a policy of its own.
	Holder string
	// Policy is the logical id of a role's policy, "trust" for the one that says who
	// becomes the role, empty for a policy of something else.
	Policy string
	// Sid is the statement's.
	Sid string
	// Action is as the statement writes it.
	Action string
}

// Usage is what was seen of the grants of the stack: all of what its roles are
// granted and denied, and all that the policies of resources, roles and VPC endpoints
// let others do. What those keep out is not counted: package security tries that.
type Usage struct {
	// Granted are all grants.
	Granted map[Grant]bool
	// Needed are those without which a call would have been decided otherwise.
	Needed map[Grant]bool
}

// NewUsage is a usage of nothing.
func NewUsage() Usage {
	return Usage{Granted: map[Grant]bool{}, Needed: map[Grant]bool{}}
}

// Add adds what was seen elsewhere.
func (u Usage) Add(other Usage) {
	maps.Copy(u.Granted, other.Granted)
	maps.Copy(u.Needed, other.Needed)
}

// Usage is what the calls so far made of the grants.
func (g *Guard) Usage() Usage {
	out := NewUsage()
	for grant := range g.grants() {
		out.Granted[grant] = true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	maps.Copy(out.Needed, g.needed)
	return out
}

// grants are all grants of the stack's policies.
func (g *Guard) grants() iter.Seq[Grant] {
	return func(yield func(Grant) bool) {
		each := func(own bool, list ...iampolicy.Policy) bool {
			for _, p := range list {
				for _, s := range p.Statements() {
					for _, action := range slices.Concat(s.Action, s.NotAction) {
						if counts(s, own) && !yield(grantOf(p, s, action)) {
							return false
						}
					}
				}
			}
			return true
		}
		for _, r := range g.roles {
			if !each(true, r.identity...) || !each(false, r.trust) {
				return
			}
		}
		for _, p := range g.resources {
			if !each(false, p) {
				return
			}
		}
		for _, e := range g.endpoints {
			if !each(false, some(e.policy)...) {
				return
			}
		}
	}
}

// counts tells whether a statement is one of those that are counted: what a role's
// own policies allow and deny, and what others' allow.
func counts(s iampolicy.Statement, own bool) bool { return own || s.Effect == iampolicy.Allow }

func grantOf(p iampolicy.Policy, s iampolicy.Statement, action string) Grant {
	holder, policy, _ := strings.Cut(p.Name, "/")
	return Grant{Holder: holder, Policy: policy, Sid: s.Sid, Action: action}
}

// Observe takes a decision that another evaluated: the inference API's, by its own
// reading of the policies of the API and of the endpoint that leads to it.
func (g *Guard) Observe(r iampolicy.Request, p iampolicy.Policies) {
	if policy, ok := g.resources[apiOf(r.Resource)]; ok {
		p.Resource = []iampolicy.Policy{policy}
	}
	if p.Endpoint != nil {
		p.Endpoint = g.endpoints["execute-api"].policy
	}
	decision, err := iampolicy.Decide(r, p)
	if err == nil {
		g.note(r, p, decision)
	}
}

// note remembers which grants a call needed: taken away, each for itself, the call
// would have been decided otherwise.
func (g *Guard) note(r iampolicy.Request, p iampolicy.Policies, decided iampolicy.Decision) {
	type policies = []iampolicy.Policy
	with := func(set func(*iampolicy.Policies, policies)) func(policies) iampolicy.Policies {
		return func(list policies) iampolicy.Policies {
			other := p
			set(&other, list)
			return other
		}
	}
	g.noteIn(r, decided, true, p.Identity, with(func(p *iampolicy.Policies, list policies) { p.Identity = list }))
	g.noteIn(r, decided, false, p.Resource, with(func(p *iampolicy.Policies, list policies) { p.Resource = list }))
	g.noteIn(r, decided, false, some(p.Endpoint), with(func(p *iampolicy.Policies, list policies) { p.Endpoint = &list[0] }))
}

// noteIn is note for the policies of one kind; with gives the call's policies with
// others of that kind.
func (g *Guard) noteIn(r iampolicy.Request, decided iampolicy.Decision, own bool, list []iampolicy.Policy, with func([]iampolicy.Policy) iampolicy.Policies) {
	for i, policy := range list {
		matching, err := policy.Matching(r)
		if err != nil {
			continue // the decision would have failed, too
		}
		for _, at := range matching {
			s := policy.Statements()[at]
			action, only := theOnly(s, r.Action)
			grant := grantOf(policy, s, action)
			if !only || !counts(s, own) || !couldMatter(s, decided) || g.isNeeded(grant) {
				continue
			}
			fewer := slices.Clone(list)
			fewer[i] = policy.Without(at)
			other, err := iampolicy.Decide(r, with(fewer))
			if err == nil && (other.Effect == iampolicy.Allowed) != (decided.Effect == iampolicy.Allowed) {
				g.need(grant)
			}
		}
	}
}

// theOnly is the one action of a statement that is about a call. Where several are,
// the statement would be about it without any one of them.
func theOnly(s iampolicy.Statement, action string) (written string, only bool) {
	for _, a := range s.Action {
		if iampolicy.ActionMatches(a, action) {
			if only {
				return "", false
			}
			written, only = a, true
		}
	}
	return written, only
}

// couldMatter tells whether a decision may be another without a statement: one that
// allows may turn an allow into a denial, one that denies the reverse.
func couldMatter(s iampolicy.Statement, decided iampolicy.Decision) bool {
	return (s.Effect == iampolicy.Allow) == (decided.Effect == iampolicy.Allowed)
}

func (g *Guard) isNeeded(grant Grant) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.needed[grant]
}

func (g *Guard) need(grant Grant) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.needed[grant] = true
}
