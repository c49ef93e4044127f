package control

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// stackType is the type of the stack itself in its events.
const stackType = "AWS::CloudFormation::Stack"

// The statuses of a stack that is deleted, and of its resources.
const (
	deleting     = "DELETE_IN_PROGRESS"
	deleted      = "DELETE_COMPLETE"
	deleteFailed = "DELETE_FAILED"
)

// event is one StackEvent.
type event struct {
	StackID    string `xml:"StackId"`
	EventID    string `xml:"EventId"`
	StackName  string
	LogicalID  string `xml:"LogicalResourceId"`
	PhysicalID string `xml:"PhysicalResourceId"`
	Type       string `xml:"ResourceType"`
	At         string `xml:"Timestamp"`
	Status     string `xml:"ResourceStatus"`
	Reason     string `xml:"ResourceStatusReason,omitempty"`
	Token      string `xml:"ClientRequestToken,omitempty"`
}

// Protect switches the stack's termination protection.
func (p *Plane) Protect(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.protected = on
}

// StackStatus is the stack's status.
func (p *Plane) StackStatus() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Delete deletes the stack: the custom resource winds up first, and only when it
// answers SUCCESS does the rest go, at once. Each step is an event, with the
// deletion's token.
func (p *Plane) Delete(ctx context.Context, token string) (Response, error) {
	p.begin(token)
	return p.finish(ctx, token)
}

// begin is what CloudFormation does before it answers DeleteStack.
func (p *Plane) begin(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status = deleting
	p.addStack(token, deleting, "User Initiated")
	p.addResource(token, deleting, "")
}

// finish is what goes on afterwards. The words around a custom resource's reason
// are those that published event logs show; AWS documents none (unverified).
func (p *Plane) finish(ctx context.Context, token string) (Response, error) {
	response, err := p.options.DeleteResource(ctx)
	reason := fmt.Sprintf("Received response status [%s] from custom resource. Message returned: %s (RequestId: %s)", response.Status, response.Reason, response.RequestID)
	if err != nil {
		reason = "CloudFormation did not receive a response from your Custom Resource."
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && response.Status == "SUCCESS" {
		p.status = deleted
		p.addResource(token, deleted, "")
		p.addStack(token, deleted, "")
		return response, nil
	}
	p.status = deleteFailed
	p.addResource(token, deleteFailed, reason)
	p.addStack(token, deleteFailed, fmt.Sprintf("The following resource(s) failed to delete: [%s]. ", p.options.ResourceID))
	return response, err
}

func (p *Plane) addStack(token, status, reason string) {
	p.add(event{LogicalID: p.options.StackName, PhysicalID: p.options.StackID, Type: stackType, Status: status, Reason: reason, Token: token})
}

func (p *Plane) addResource(token, status, reason string) {
	p.add(event{LogicalID: p.options.ResourceID, PhysicalID: "tuneline-lifecycle", Type: p.options.ResourceType, Status: status, Reason: reason, Token: token})
}

func (p *Plane) add(e event) {
	e.StackID, e.StackName = p.options.StackID, p.options.StackName
	e.EventID, e.At = "event-"+strconv.Itoa(len(p.events)+1), p.options.Clock.Now().Format(time.RFC3339)
	p.events = append(p.events, e)
}

// stackOperation serves one operation on the stack, which is found by its id
// always, and by its name until it is deleted
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html).
func (p *Plane) stackOperation(action, nameOrID, token string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		p.mu.Lock()
		defer p.mu.Unlock()
		known := nameOrID == p.options.StackID || nameOrID == p.options.StackName && p.status != deleted
		switch {
		case action == "DeleteStack":
			p.deleteStack(w, known, token)
		case !known:
			fail(w, "cloudformation", http.StatusBadRequest, "ValidationError", fmt.Sprintf("Stack with id %s does not exist", nameOrID))
		case action == "DescribeStackEvents":
			p.describeEvents(w)
		default:
			p.describeStack(w)
		}
	}
}

// deleteStack begins a deletion. One of a stack that is being deleted, or that
// there is not, changes nothing and is no error (unverified: the API names no
// error for either).
func (p *Plane) deleteStack(w http.ResponseWriter, known bool, token string) {
	if known && p.protected {
		fail(w, "cloudformation", http.StatusBadRequest, "ValidationError", fmt.Sprintf("Stack [%s] cannot be deleted while TerminationProtection is enabled", p.options.StackName))
		return
	}
	if known && p.status != deleting && p.status != deleted {
		p.options.Background(func() {
			// Not the request's context: the deletion goes on after the answer.
			_, _ = p.Delete(context.Background(), token) // told by the events
		})
		p.status = deleting
	}
	writeXML(w, struct {
		XMLName xml.Name `xml:"http://cloudformation.amazonaws.com/doc/2010-05-15/ DeleteStackResponse"`
	}{})
}

type output struct {
	Key   string `xml:"OutputKey"`
	Value string `xml:"OutputValue"`
}

type stack struct {
	ID        string   `xml:"StackId"`
	Name      string   `xml:"StackName"`
	Status    string   `xml:"StackStatus"`
	Created   string   `xml:"CreationTime"`
	Protected bool     `xml:"EnableTerminationProtection"`
	Outputs   []output `xml:"Outputs>member"`
}

// describeStack answers as CloudFormation's DescribeStacks does.
func (p *Plane) describeStack(w http.ResponseWriter) {
	one := stack{
		ID: p.options.StackID, Name: p.options.StackName, Status: p.status, Protected: p.protected,
		Created: p.options.Clock.Now().Add(-time.Hour).Format(time.RFC3339),
	}
	for key, value := range p.options.Outputs {
		one.Outputs = append(one.Outputs, output{key, value})
	}
	writeXML(w, struct {
		XMLName xml.Name `xml:"http://cloudformation.amazonaws.com/doc/2010-05-15/ DescribeStacksResponse"`
		Stacks  []stack  `xml:"DescribeStacksResult>Stacks>member"`
	}{Stacks: []stack{one}})
}

// describeEvents answers as CloudFormation's DescribeStackEvents does, the newest
// first.
func (p *Plane) describeEvents(w http.ResponseWriter) {
	newest := slices.Clone(p.events)
	slices.Reverse(newest)
	writeXML(w, struct {
		XMLName xml.Name `xml:"http://cloudformation.amazonaws.com/doc/2010-05-15/ DescribeStackEventsResponse"`
		Events  []event  `xml:"DescribeStackEventsResult>StackEvents>member"`
	}{Events: newest})
}
