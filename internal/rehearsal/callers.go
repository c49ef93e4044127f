package rehearsal

import (
	"fmt"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// policies are the identity policies of one principal, or why they cannot be
// known.
type policies struct {
	list []iampolicy.Policy
	err  error
}

// Caller returns clients that sign as a role of the account which the stack has
// not made, and which has just these permissions. A statement that cannot be read makes every
// call fail, with the reason.
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

// free tells that policies do not hold a principal: the administrator, who is
// somebody that interferes.
func free(principal calls.Principal) bool { return principal.ARN == roleARN(administrator) }

// others returns the identity policies of who is no role of the stack: of one of
// Caller's, or of the administrator, who may do everything.
func (c *Cloud) others(principal calls.Principal) ([]iampolicy.Policy, error) {
	if free(principal) {
		all, err := iampolicy.NewIdentity(administrator, iampolicy.Statement{Effect: iampolicy.Allow, Action: iampolicy.Values{"*"}, Resource: iampolicy.Values{"*"}})
		return []iampolicy.Policy{all}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.permissions[principal.ARN]
	if !ok {
		return nil, fmt.Errorf("the stack has no role %s, and Caller made none", principal.ARN)
	}
	return known.list, known.err
}
