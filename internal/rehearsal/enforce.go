package rehearsal

import (
	"errors"
	"fmt"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/guard"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// enforce holds every call from now on against the stack's policies.
func (c *Cloud) enforce() (err error) {
	c.guard, err = guard.New(guard.Options{Stack: c.Stack, Others: c.others, Boundary: c.options.Boundary, Free: free})
	if err != nil {
		return fmt.Errorf("reading the stack's policies: %w", err)
	}
	c.Log.SetJudge(c.guard.Judge)
	return nil
}

// Undecided are the calls that the stack's policies were asked about and that
// the rehearsal cannot decide. Each was refused; a rehearsal with one of them
// says nothing about what AWS would do.
func (c *Cloud) Undecided() []string { return c.guard.Unknown() }

// Grants are the grants of the stack's roles, and what was seen of them.
func (c *Cloud) Grants() guard.Usage { return c.guard.Usage() }

// apiPolicies are the identity policies of who asks the inference API.
func (c *Cloud) apiPolicies(principal calls.Principal) ([]iampolicy.Policy, error) {
	_, policies, err := c.guard.Explain(calls.Call{Principal: principal, Action: "execute-api:Invoke", Resource: "*"})
	return policies.Identity, err
}

// serviceCall is a call that a service makes: with a role of the stack, or, when
// role has none, in its own name.
func (c *Cloud) serviceCall(who calls.Principal, action, resource string, context map[string]string) calls.Call {
	return calls.Call{Time: c.Clock.Now(), Principal: who, Action: action, Resource: resource, Context: context}
}

// perform asks whether policies allow what one act of a service needs, and
// records it; the denial is the error.
func (c *Cloud) perform(needed ...calls.Call) error {
	denial := c.Log.Authorize(needed...)
	for _, call := range needed {
		call.Status = 200
		if denial != nil {
			call.Status, call.Error = 403, "AccessDenied"
		}
		c.Log.Record(call)
	}
	if denial != nil {
		return errors.New(denial.Message)
	}
	return nil
}

// assumeCall is a service assuming a role of the stack for a source.
func (c *Cloud) assumeCall(service, roleARN, source string) calls.Call {
	context := map[string]string{}
	if source != "" {
		context["aws:SourceArn"], context["aws:SourceAccount"] = source, AccountID
	}
	return c.serviceCall(calls.Principal{Service: service}, "sts:AssumeRole", roleARN, context)
}

// keyCalls are the KMS calls with which a service reads and writes something
// that is encrypted with the stack's key, for who.
func (c *Cloud) keyCalls(who calls.Principal, context map[string]string, actions ...string) []calls.Call {
	var list []calls.Call
	for _, action := range actions {
		list = append(list, c.serviceCall(who, action, c.dataKey().ARN, context))
	}
	return list
}

// topicCalls are what publishing to a topic takes: the topic is encrypted, and
// SNS asks KMS with the publisher's rights ("Configuring KMS permissions for
// Amazon SNS", SNS Developer Guide).
func (c *Cloud) topicCalls(who calls.Principal, topicARN string, context map[string]string) []calls.Call {
	list := []calls.Call{c.serviceCall(who, "sns:Publish", topicARN, context)}
	if !c.topicEncrypted(topicARN) {
		return list
	}
	key := map[string]string{"kms:ViaService": "sns." + c.Stack.Region + ".amazonaws.com", "kms:EncryptionContext:aws:sns:topicArn": topicARN}
	return append(list, c.keyCalls(who, key, "kms:GenerateDataKey", "kms:Decrypt")...)
}

func (c *Cloud) topicEncrypted(topicARN string) bool {
	for _, resource := range c.Stack.All() {
		if resource.Type == "AWS::SNS::Topic" && resource.PhysicalID == topicARN {
			return resource.Properties["KmsMasterKeyId"] != nil
		}
	}
	return false
}

// machinePrincipal is Step Functions with a machine's role.
func machinePrincipal(machine template.StateMachine) calls.Principal {
	return calls.Principal{Role: machine.Role, ARN: machine.RoleARN}
}

// stepCalls are what every task of a machine takes beside its own call: the role,
// and the data keys of the execution's data.
func (c *Cloud) stepCalls(machine template.StateMachine) []calls.Call {
	list := []calls.Call{c.assumeCall("states.amazonaws.com", machine.RoleARN, machine.ARN)}
	if !c.encrypted() {
		return list
	}
	context := map[string]string{"kms:EncryptionContext:aws:states:stateMachineArn": machine.ARN}
	return append(list, c.keyCalls(machinePrincipal(machine), context, "kms:GenerateDataKey", "kms:Decrypt")...)
}

// denied is a task's failure by a denial. That Lambda's and SNS's are named so is
// unverified.
func denied(name string, err error) error {
	return &stepfunctions.InvokeError{Name: name, Message: err.Error()}
}
