package rehearsal

import (
	"fmt"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// policies are the identity policies of one principal, or why they cannot be
// known.
type policies struct {
	list []iampolicy.Policy
	err  error
}

// Caller returns clients that sign as a role of the account which the stack has
// not made, and which has just these permissions. Only what evaluates policies
// asks for them: the inference API. A statement that cannot be read makes every
// request to it fail, with the reason.
func (c *Cloud) Caller(name string, statements ...iampolicy.Statement) Clients {
	principal := calls.Principal{Role: name, ARN: roleARN(name)}
	policy, err := iampolicy.NewIdentity(name, statements...)
	c.mu.Lock()
	c.permissions[principal.ARN] = policies{[]iampolicy.Policy{policy}, err}
	c.mu.Unlock()
	return c.As(principal)
}

// MayAsk is the permission to ask these models through the inference API, for
// Caller.
func (c *Cloud) MayAsk(models ...string) iampolicy.Statement {
	api := c.Stack.RestAPIs[0]
	arn := func(path string) string {
		return fmt.Sprintf("arn:%s:execute-api:%s:%s:%s/%s/%s", c.Stack.Partition, c.Stack.Region, AccountID, api.ID, api.Stage.Name, path)
	}
	s := iampolicy.Statement{Sid: "AskModels", Effect: iampolicy.Allow, Action: iampolicy.Values{"execute-api:Invoke"}}
	for _, model := range models {
		s.Resource = append(s.Resource, arn("POST/model/"+model+"/*"), arn("GET/model/"+model+"/*"), arn("GET/models/"+model))
	}
	return s
}

// roleARN is the ARN of a role that the stack has not made.
func roleARN(name string) string { return "arn:aws:iam::" + AccountID + ":role/" + name }

// identityPolicies returns the policies of who signed: a role of the stack, one
// of Caller's, or the administrator, who may do everything.
func (c *Cloud) identityPolicies(principal calls.Principal) ([]iampolicy.Policy, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.permissions[principal.ARN]
	if !ok {
		known.list, known.err = c.readPermissions(principal)
		c.permissions[principal.ARN] = known
	}
	return known.list, known.err
}

func (c *Cloud) readPermissions(principal calls.Principal) ([]iampolicy.Policy, error) {
	if principal.ARN == roleARN(administrator) {
		all, err := iampolicy.NewIdentity(administrator, iampolicy.Statement{Effect: iampolicy.Allow, Action: iampolicy.Values{"*"}, Resource: iampolicy.Values{"*"}})
		return []iampolicy.Policy{all}, err
	}
	role, ok := c.Stack.Role(principal.ARN)
	if !ok {
		return nil, fmt.Errorf("the stack has no role %s, and Caller made none", principal.ARN)
	}
	return rolePolicies(role)
}

// rolePolicies reads the policies of a role of the template.
func rolePolicies(role template.Role) ([]iampolicy.Policy, error) {
	if role.PermissionsBoundary != "" {
		return nil, fmt.Errorf("role %s has a permissions boundary, which is not evaluated", role.LogicalID)
	}
	known := map[string]bool{}
	var list []iampolicy.Policy
	for _, p := range role.Policies {
		known[p.ARN] = true
		policy, err := iampolicy.ParseIdentity(role.LogicalID+"/"+p.Name, p.Document)
		if err != nil {
			return nil, err
		}
		list = append(list, policy)
	}
	for _, arn := range role.ManagedPolicyARNs {
		if !known[arn] {
			return nil, fmt.Errorf("role %s has the policy %s, whose document is not in the template", role.LogicalID, arn)
		}
	}
	return list, nil
}
