// Package calls is what every service of the rehearsal's local cloud does with
// a request before and after serving it: find out who signed it, let a
// scenario inject a fault, and record the call in the form a policy evaluation
// needs (principal, action, resource, context).
package calls

import (
	"sync"
	"time"
)

// Principal is who signed a call: a role of the stack, the operator, or the
// Bedrock service acting with the customization role.
type Principal struct {
	// Role is the name the rehearsal knows the role by: its logical id in the
	// template, "Operator", "Uploader" or "Administrator" for a person.
	Role string `json:"role"`
	// ARN is the assumed-role ARN as AWS would put it in aws:PrincipalArn.
	ARN string `json:"arn"`
	// InVPC tells whether the caller sits inside the VPC, so that its
	// calls arrive through an endpoint and carry aws:SourceVpce.
	InVPC bool `json:"inVpc"`
	// Service is an AWS service that acts for itself, for example
	// "events.amazonaws.com"; then there are no role and ARN.
	Service string `json:"service,omitempty"`
	// Function is the ARN of the Lambda function whose code signs; empty for
	// anybody else.
	Function string `json:"function,omitempty"`
}

// Call is one API request to the local cloud.
type Call struct {
	// Time is virtual time.
	Time time.Time `json:"time"`
	// Principal is who signed the request; zero when it was not signed.
	Principal Principal `json:"principal"`
	// Action is the IAM action, for example "s3:GetObject" or
	// "bedrock:CreateModelCustomizationJob". One request may need several
	// (UpdateProvisionedModelThroughput touches three resource types): it is
	// then recorded once a resource.
	Action string `json:"action"`
	// Resource is the ARN the action is authorised on, "*" where the Service
	// Authorization Reference defines no resource type.
	Resource string `json:"resource"`
	// Context holds the condition keys that the service knows of, for example
	// "s3:x-amz-server-side-encryption". Those that follow from who calls, from where
	// and when, package guard adds.
	Context map[string]string `json:"context,omitempty"`
	// Status is the HTTP status that was answered, and Error the AWS error
	// code when it was not a success.
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Fault is what a scenario makes of a call instead of, or after, serving it.
type Fault struct {
	// After lets the call take effect first; only the answer is lost.
	After bool
	// Status and Code are the HTTP status and AWS error code to answer.
	Status int
	Code   string
	// Message is the error message.
	Message string
	// Reset closes the connection without an answer; Status is then unused.
	Reset bool
}

// Hook decides the fault of a call; nil lets it pass. It is asked once a
// request, before the call takes effect.
type Hook func(Call) *Fault

// Denial is why policies do not allow a call.
type Denial struct {
	// Message is the sentence AWS answers with; the service adds its own code.
	Message string
}

// Judge says whether policies allow a call; nil means that they do. It is asked
// before the call takes effect.
type Judge func(Call) *Denial

// Log keeps the calls in the order they were answered. The zero value is
// ready to use; it is safe for concurrent use.
type Log struct {
	mu    sync.Mutex
	calls []Call
	hook  Hook
	judge Judge
}

// SetJudge installs who decides whether a call is allowed; without one, all are.
func (l *Log) SetJudge(j Judge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.judge = j
}

// Authorize asks the judge about everything that one request needs. The first
// denial counts.
func (l *Log) Authorize(list ...Call) *Denial {
	l.mu.Lock()
	judge := l.judge
	l.mu.Unlock()
	if judge == nil {
		return nil
	}
	for _, c := range list {
		if denial := judge(c); denial != nil {
			return denial
		}
	}
	return nil
}

// SetHook installs the scenario's fault hook; nil removes it.
func (l *Log) SetHook(h Hook) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hook = h
}

// Fault asks the installed hook about c.
func (l *Log) Fault(c Call) *Fault {
	l.mu.Lock()
	h := l.hook
	l.mu.Unlock()
	if h == nil {
		return nil
	}
	return h(c)
}

// Record appends c.
func (l *Log) Record(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, c)
}

// Reset forgets the calls so far.
func (l *Log) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = nil
}

// All returns a copy of the calls so far.
func (l *Log) All() []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Call(nil), l.calls...)
}

// Find returns the calls so far with this action, in order.
func (l *Log) Find(action string) []Call {
	var found []Call
	for _, c := range l.All() {
		if c.Action == action {
			found = append(found, c)
		}
	}
	return found
}
