package teardown

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// describe reads a stack by its name or id; a stack that is gone has no ID.
// CloudFormation knows a deleted stack by its id only
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html).
func (t Teardown) describe(ctx context.Context, nameOrID string) (Stack, error) {
	stack := Stack{Name: t.Stack, Region: t.Region, Outputs: map[string]string{}}
	out, err := t.Stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &nameOrID})
	if missing(err) {
		return stack, nil
	}
	if err != nil {
		return Stack{}, explain("looking for stack "+t.Stack, err)
	}
	if len(out.Stacks) != 1 {
		return Stack{}, fmt.Errorf("looking for stack %s: CloudFormation answers %d stacks", t.Stack, len(out.Stacks))
	}
	s := out.Stacks[0]
	if s.StackStatus == types.StackStatusDeleteComplete {
		return stack, nil
	}
	stack.ID, stack.Status, stack.Protected = aws.ToString(s.StackId), string(s.StackStatus), aws.ToBool(s.EnableTerminationProtection)
	for _, output := range s.Outputs {
		stack.Outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	return stack, nil
}

// missing says whether CloudFormation knows no such stack: a ValidationError that
// only its text tells from any other.
func missing(err error) bool {
	return code(err) == "ValidationError" && strings.Contains(err.Error(), "does not exist")
}

// Event is what became of a resource of the stack, or of the stack itself.
type Event struct {
	At        time.Time `json:"at"`
	LogicalID string    `json:"logicalId"`
	Type      string    `json:"type"`
	Status    string    `json:"status"`
	Reason    string    `json:"reason,omitempty"`
}

// Failed says whether this is a resource that could not be deleted.
func (e Event) Failed() bool { return e.Status == string(types.ResourceStatusDeleteFailed) }

// stackType is the type of the stack itself in its events.
const stackType = "AWS::CloudFormation::Stack"

// lifecycleType is the stack's custom resource, which winds everything up.
const lifecycleType = "Custom::TunelineLifecycle"

// Deletion is what a deletion came to.
type Deletion struct {
	// Status is DELETE_COMPLETE or DELETE_FAILED.
	Status string `json:"status"`
	// Failures are the resources that could not be deleted, the stack's own
	// failure apart.
	Failures []Event `json:"failures,omitempty"`
	// Next are the commands that go on from a deletion that failed, the first to
	// be preferred.
	Next []Step `json:"next,omitempty"`
}

// Complete says whether the stack is gone.
func (d Deletion) Complete() bool { return d.Status == string(types.StackStatusDeleteComplete) }

// ErrProtected says that the stack's termination protection forbids its deletion.
var ErrProtected = errors.New("termination protection forbids the deletion")

// ErrTimeout says that a deletion was not followed to its end.
var ErrTimeout = errors.New("the time to follow the deletion is up")

// Delete deletes the stack and follows that to its end, for at most so long. A
// deletion that is under way already is followed, not asked for again. Each
// event is told once, in order. When the error wraps [ErrTimeout] or the context
// was cancelled, the deletion goes on without anybody watching.
func (t Teardown) Delete(ctx context.Context, stack Stack, timeout time.Duration, tell func(Event)) (Deletion, error) {
	if stack.Protected {
		return Deletion{}, fmt.Errorf("stack %s: %w: aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name %s%s",
			t.Stack, ErrProtected, t.Stack, t.inRegion())
	}
	token := ""
	if stack.Status != string(types.StackStatusDeleteInProgress) {
		token = "tuneline-teardown-" + rand.Text()
		if _, err := t.Stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &stack.ID, ClientRequestToken: &token}); err != nil {
			return Deletion{}, explain("deleting stack "+t.Stack, err)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, ErrTimeout)
	defer cancel()
	d, err := follower{t, stack.ID, token, map[string]bool{}, tell}.follow(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return d, err
}

// follower follows one deletion.
type follower struct {
	Teardown
	stackID string
	// token is the deletion's own, "" for one that was under way already.
	token string
	told  map[string]bool
	tell  func(Event)
}

// maxMisses is how many questions in a row may go unanswered.
const maxMisses = 5

// follow asks until the stack is gone or its deletion failed.
func (f follower) follow(ctx context.Context) (Deletion, error) {
	misses := 0
	for {
		d, over, err := f.step(ctx)
		switch {
		case over:
			return d, nil
		case err != nil:
			if misses++; misses == maxMisses || ctx.Err() != nil {
				return Deletion{}, err
			}
		default:
			misses = 0
		}
		if err := wait(ctx, f.Poll); err != nil {
			return Deletion{}, err
		}
	}
}

// step asks once. Status and events may lag behind the request, so that a status
// from before it, of a deletion that failed, is told from this one's by the
// events.
func (f follower) step(ctx context.Context) (d Deletion, over bool, err error) {
	stack, err := f.describe(ctx, f.stackID)
	if err != nil {
		return Deletion{}, false, err
	}
	events, err := f.events(ctx)
	if err != nil {
		return Deletion{}, false, err
	}
	for _, e := range events {
		if id := aws.ToString(e.EventId); !f.told[id] {
			f.told[id] = true
			f.tell(eventOf(e))
		}
	}
	if stack.Gone() {
		return Deletion{Status: string(types.StackStatusDeleteComplete)}, true, nil
	}
	if stack.Status != string(types.StackStatusDeleteFailed) || len(events) == 0 {
		return Deletion{}, false, nil
	}
	return f.failed(events), true, nil
}

// events are those of this deletion, in order: all since the stack's own
// DELETE_IN_PROGRESS, and none while CloudFormation still shows only those of an
// earlier deletion.
func (f follower) events(ctx context.Context) ([]types.StackEvent, error) {
	var events []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(f.Stacks, &cloudformation.DescribeStackEventsInput{StackName: &f.stackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if missing(err) {
			return nil, nil
		}
		if err != nil {
			return nil, explain("reading the events of stack "+f.Stack, err)
		}
		for _, e := range page.StackEvents {
			events = append(events, e)
			if aws.ToString(e.ResourceType) != stackType || aws.ToString(e.PhysicalResourceId) != f.stackID || e.ResourceStatus != types.ResourceStatusDeleteInProgress {
				continue
			}
			if f.token != "" && aws.ToString(e.ClientRequestToken) != f.token {
				return nil, nil
			}
			slices.Reverse(events)
			return events, nil
		}
	}
	return nil, nil
}

func eventOf(e types.StackEvent) Event {
	return Event{
		At: aws.ToTime(e.Timestamp), LogicalID: aws.ToString(e.LogicalResourceId), Type: aws.ToString(e.ResourceType),
		Status: string(e.ResourceStatus), Reason: reasonOf(aws.ToString(e.ResourceStatusReason)),
	}
}

// reasonOf is a reason without what CloudFormation wraps a custom resource's in,
// as published event logs show it (AWS documents no form of it); any other is left
// as it is.
func reasonOf(reason string) string {
	if _, own, ok := strings.Cut(reason, "Message returned: "); ok {
		reason = own
		if i := strings.LastIndex(reason, " (RequestId: "); i >= 0 {
			reason = reason[:i]
		}
	}
	return reason
}

// failed is a deletion that failed, and how to go on from it.
func (f follower) failed(events []types.StackEvent) Deletion {
	d := Deletion{Status: string(types.StackStatusDeleteFailed)}
	lifecycle := ""
	for _, event := range events {
		e := eventOf(event)
		if !e.Failed() || e.Type == stackType {
			continue
		}
		d.Failures = append(d.Failures, e)
		if e.Type == lifecycleType {
			lifecycle = e.LogicalID
		}
	}
	d.Next = []Step{{What: "mend what is named, then go on from there", Commands: []string{"tuneline teardown --stack " + f.Stack + f.inRegion()}}}
	if lifecycle != "" {
		d.Next = append(d.Next, Step{
			What:     "or delete the rest of the stack now, and see to what is named yourself",
			Commands: []string{"aws cloudformation delete-stack --stack-name " + f.Stack + " --retain-resources " + lifecycle + f.inRegion()},
		})
	}
	return d
}
