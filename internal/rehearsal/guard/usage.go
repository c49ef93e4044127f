package guard

import (
	"maps"
	"strings"

	"github.com/tuneline/tuneline/internal/iampolicy"
)

// Grant is one action of one statement of a role.
type Grant struct {
	// Role and Policy are logical ids, Sid the statement's.
	Role, Policy, Sid string
	// Action is as the statement writes it; empty stands for the statement.
	Action string
}

// Usage is what was seen of the grants of roles.
type Usage struct {
	// Granted are all actions of all statements that allow or deny.
	Granted map[Grant]bool
	// Exercised are those that a call was about.
	Exercised map[Grant]bool
	// Needed are the statements (without an action) without which a call would
	// have been decided otherwise.
	Needed map[Grant]bool
}

// NewUsage is a usage of nothing.
func NewUsage() Usage {
	return Usage{Granted: map[Grant]bool{}, Exercised: map[Grant]bool{}, Needed: map[Grant]bool{}}
}

// Add adds what was seen elsewhere.
func (u Usage) Add(other Usage) {
	maps.Copy(u.Granted, other.Granted)
	maps.Copy(u.Exercised, other.Exercised)
	maps.Copy(u.Needed, other.Needed)
}

// Usage is what the calls so far made of the grants.
func (g *Guard) Usage() Usage {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := NewUsage()
	out.Add(g.usage)
	for _, r := range g.roles {
		for _, p := range r.identity {
			for _, s := range p.Statements() {
				for _, action := range append(append([]string{}, s.Action...), s.NotAction...) {
					out.Granted[grantOf(p, s, action)] = true
				}
			}
		}
	}
	return out
}

func grantOf(p iampolicy.Policy, s iampolicy.Statement, action string) Grant {
	role, policy, _ := strings.Cut(p.Name, "/")
	return Grant{Role: role, Policy: policy, Sid: s.Sid, Action: action}
}

// Observe takes a decision that another evaluated: the inference API's.
func (g *Guard) Observe(r iampolicy.Request, p iampolicy.Policies) {
	decision, err := iampolicy.Decide(r, p)
	if err == nil {
		g.note(r, p, decision)
	}
}

// note remembers which statements of a role a call was about, and which of them
// it needed.
func (g *Guard) note(r iampolicy.Request, p iampolicy.Policies, decided iampolicy.Decision) {
	for i, policy := range p.Identity {
		matching, err := policy.Matching(r)
		if err != nil {
			continue // the decision would have failed, too
		}
		for _, at := range matching {
			g.noteStatement(r, p, decided, i, at)
		}
	}
}

func (g *Guard) noteStatement(r iampolicy.Request, p iampolicy.Policies, decided iampolicy.Decision, index, at int) {
	policy := p.Identity[index]
	s := policy.Statements()[at]
	if decided.Effect == iampolicy.Allowed || s.Effect == iampolicy.Deny {
		g.mu.Lock()
		for _, action := range s.Action {
			if iampolicy.ActionMatches(action, r.Action) {
				g.usage.Exercised[grantOf(policy, s, action)] = true
			}
		}
		g.mu.Unlock()
	}
	statement := grantOf(policy, s, "")
	g.mu.Lock()
	needed := g.usage.Needed[statement]
	g.mu.Unlock()
	if needed {
		return
	}
	without := p
	without.Identity = append([]iampolicy.Policy{}, p.Identity...)
	without.Identity[index] = policy.Without(at)
	other, err := iampolicy.Decide(r, without)
	if err == nil && (other.Effect == iampolicy.Allowed) != (decided.Effect == iampolicy.Allowed) {
		g.mu.Lock()
		g.usage.Needed[statement] = true
		g.mu.Unlock()
	}
}
