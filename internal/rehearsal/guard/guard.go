// Package guard holds every call of the rehearsal against the policies of the
// synthesized stack, as AWS would before the call takes effect: those of the
// caller's role with its permissions boundary, of the bucket, the key, the topic or
// the queue, of a role that a service assumes, and of the VPC endpoint that the call
// comes through. Who may ask the inference API, and which functions the API may
// invoke, package apigateway evaluates.
//
// The services of the rehearsal say what a call is and which condition keys it
// carries; [Keys] says where that is known from. A statement with a condition on
// a key that is not in that list is neither an allow nor a deny here: the call is
// refused, and [Guard.Unknown] says why, so that the rehearsal fails.
package guard

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// Options are what a Guard is made of.
type Options struct {
	Stack *template.Stack
	// Others returns the identity policies of a principal that is no role of
	// the stack.
	Others func(calls.Principal) ([]iampolicy.Policy, error)
	// Boundary is the document of the permissions boundary that roles have and the
	// template does not; nil if they have none.
	Boundary json.RawMessage
	// Free tells that a principal may do everything: somebody who administers
	// the account, and is not what a rehearsal is about.
	Free func(calls.Principal) bool
}

// Guard evaluates the stack's policies. It is safe for concurrent use.
type Guard struct {
	options Options
	roles   map[string]role // by ARN
	// resources are the policies of what can be acted upon, by its ARN; a
	// bucket's is under the bucket's.
	resources map[string]iampolicy.Policy
	// endpoints are by the service's short name, as in its endpoint's name.
	endpoints map[string]endpoint
	// keys are the condition keys that any of these policies asks about.
	keys []string

	mu sync.Mutex
	// needed are the grants that a call so far needed.
	needed  map[Grant]bool
	unknown []string
}

// role is a role of the stack with what applies to it.
type role struct {
	id       string
	identity []iampolicy.Policy
	boundary *iampolicy.Policy
	trust    iampolicy.Policy
}

type endpoint struct {
	id, vpc string
	policy  *iampolicy.Policy
}

// New reads the stack's policies; one that cannot be read is an error.
func New(o Options) (*Guard, error) {
	g := &Guard{
		options: o, roles: map[string]role{}, resources: map[string]iampolicy.Policy{}, endpoints: map[string]endpoint{},
		needed: map[Grant]bool{},
	}
	for _, step := range []func() error{g.readRoles, g.readResources, g.readEndpoints} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	g.collectKeys()
	return g, nil
}

// Judge says whether the policies allow a call; nil means that they do.
func (g *Guard) Judge(c calls.Call) *calls.Denial {
	if g.options.Free != nil && g.options.Free(c.Principal) {
		return nil
	}
	c = written(c)
	p, err := g.policies(c)
	if err != nil {
		return g.cannotTell(c, err)
	}
	r := g.request(c)
	decision, err := iampolicy.Decide(r, p)
	if err != nil {
		return g.cannotTell(c, err)
	}
	g.note(r, p, decision)
	if decision.Effect == iampolicy.Allowed {
		return nil
	}
	return &calls.Denial{Message: message(r, decision)}
}

// Explain is the request that a call is to policies, and the policies that
// apply to it.
func (g *Guard) Explain(c calls.Call) (iampolicy.Request, iampolicy.Policies, error) {
	c = written(c)
	p, err := g.policies(c)
	return g.request(c), p, err
}

// Unknown is what could not be decided, in the order it happened.
func (g *Guard) Unknown() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.unknown)
}

// cannotTell refuses a call that cannot be decided, and remembers it.
func (g *Guard) cannotTell(c calls.Call, err error) *calls.Denial {
	text := fmt.Sprintf("%s by %s on %s: %v", c.Action, c.Principal.Role, c.Resource, err)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Contains(g.unknown, text) {
		g.unknown = append(g.unknown, text)
	}
	return &calls.Denial{Message: "the rehearsal cannot decide this call: " + text}
}

// message is the sentence AWS answers with ("Troubleshoot access denied error
// messages", IAM User Guide).
func message(r iampolicy.Request, d iampolicy.Decision) string {
	why := "because no identity-based policy allows the " + r.Action + " action"
	switch {
	case d.Effect == iampolicy.ExplicitDeny && d.ByResource:
		why = "with an explicit deny in a resource-based policy"
	case d.Effect == iampolicy.ExplicitDeny:
		why = "with an explicit deny in an identity-based policy"
	case d.Missing == "" && r.Principal.Service != "":
		why = "because no resource-based policy allows the " + r.Action + " action"
	case d.Missing != "":
		why = "because no " + d.Missing + " allows the " + r.Action + " action"
	}
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s", r.Principal, r.Action, r.Resource, why)
}

// policies are those that apply to a call.
func (g *Guard) policies(c calls.Call) (iampolicy.Policies, error) {
	var p iampolicy.Policies
	if c.Principal.Service == "" {
		known, ok := g.roles[c.Principal.ARN]
		p.Identity, p.Boundary = known.identity, known.boundary
		if !ok {
			var err error
			if p.Identity, err = g.options.Others(c.Principal); err != nil {
				return p, err
			}
		}
	}
	service, _, _ := strings.Cut(c.Action, ":")
	p.ResourceRules = service == "kms" || service == "sts"
	if policy, ok := g.resources[resourceOf(c)]; ok && service != "sts" {
		p.Resource = []iampolicy.Policy{policy}
	}
	if target, ok := g.roles[c.Resource]; ok && service == "sts" {
		p.Resource = []iampolicy.Policy{target.trust}
	}
	if e, ok := g.through(c); ok {
		p.Endpoint = e.policy
	}
	return p, nil
}

// resourceOf is whose policy applies: an object's is its bucket's.
func resourceOf(c calls.Call) string {
	if strings.HasPrefix(c.Action, "s3:") {
		bucket, _, _ := strings.Cut(c.Resource, "/")
		return bucket
	}
	return c.Resource
}

// through is the VPC endpoint that a call comes through: one made inside the
// VPC, that is not a service's in the caller's name, and is an API request. What
// a request needs beside its own action, such as iam:PassRole, is not.
func (g *Guard) through(c calls.Call) (endpoint, bool) {
	if !c.Principal.InVPC || via(c) != "" || said(c, "aws:ViaAWSService") == "true" {
		return endpoint{}, false
	}
	service, action, _ := strings.Cut(strings.ToLower(c.Action), ":")
	switch {
	case service == "cloudwatch":
		service = "monitoring"
	case service == "bedrock" && (strings.HasPrefix(action, "invokemodel") || action == "applyguardrail"):
		service = "bedrock-runtime"
	}
	e, ok := g.endpoints[service]
	return e, ok
}
