package teardown

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// event is an event of the stack, "stack" itself or a resource.
func event(id, logicalID string, status cftypes.ResourceStatus, token, reason string) cftypes.StackEvent {
	e := cftypes.StackEvent{
		EventId: aws.String(id), LogicalResourceId: &logicalID, ResourceStatus: status, ResourceStatusReason: &reason,
		ResourceType: aws.String("AWS::Any::Thing"), PhysicalResourceId: aws.String("physical"), Timestamp: aws.Time(today),
	}
	if token != "" {
		e.ClientRequestToken = &token
	}
	switch logicalID {
	case "stack":
		e.ResourceType, e.PhysicalResourceId = aws.String(stackType), aws.String(stackID)
	case "Lifecycle":
		e.ResourceType = aws.String(lifecycleType)
	}
	return e
}

const (
	going  = cftypes.ResourceStatusDeleteInProgress
	done   = cftypes.ResourceStatusDeleteComplete
	failed = cftypes.ResourceStatusDeleteFailed
)

// earlier are the events of a deletion that failed before, the newest first.
func earlier() []cftypes.StackEvent {
	return []cftypes.StackEvent{
		event("e3", "stack", failed, "old", ""), event("e2", "Lifecycle", failed, "old", "an old reason"), event("e1", "stack", going, "old", ""),
	}
}

// deletion runs a deletion of a stack in a status and returns what was told.
func deletion(t *testing.T, a *account, status string, timeout time.Duration) (Deletion, []string, error) {
	t.Helper()
	var told []string
	d, err := of(t, a).Delete(t.Context(), Stack{ID: stackID, Status: status, Protected: a.protected}, timeout, func(e Event) {
		told = append(told, e.LogicalID+" "+e.Status)
	})
	return d, told, err
}

// Ensure events are told once and in order, and that neither the status nor the
// events of an earlier deletion that failed are taken for this one's.
func TestDelete(t *testing.T) {
	a := &account{now: state{status: cftypes.StackStatusDeleteFailed, events: earlier()}}
	a.onDelete = func() {
		token := *a.deleted[0].ClientRequestToken
		first := append([]cftypes.StackEvent{event("n1", "stack", going, token, "")}, earlier()...)
		second := append([]cftypes.StackEvent{event("n2", "Lifecycle", done, token, "")}, first...)
		a.states = []state{
			{status: cftypes.StackStatusDeleteFailed, events: earlier()}, // both lag
			{status: cftypes.StackStatusDeleteInProgress, events: first},
			{err: errors.New("the network is away")},
			{status: cftypes.StackStatusDeleteInProgress, events: second},
			{status: cftypes.StackStatusDeleteComplete, events: append([]cftypes.StackEvent{event("n3", "stack", done, token, "")}, second...)},
		}
	}
	d, told, err := deletion(t, a, "DELETE_FAILED", time.Minute)
	if want := []string{"stack DELETE_IN_PROGRESS", "Lifecycle DELETE_COMPLETE", "stack DELETE_COMPLETE"}; err != nil || !d.Complete() || !slices.Equal(told, want) {
		t.Errorf("got %+v, %v; told %q, want %q", d, err, told, want)
	}
	if in := a.deleted[0]; len(a.deleted) != 1 || *in.StackName != stackID || len(in.RetainResources) != 0 || in.DeletionMode != "" {
		t.Errorf("asked for %+v", a.deleted)
	}
}

// Ensure the reason of a deletion that failed is the custom resource's own, with
// both ways on; the second one only where it is the custom resource that failed.
func TestDeleteFails(t *testing.T) {
	for name, ways := range map[string]int{"Lifecycle": 2, "Bucket": 1} {
		a := &account{}
		a.onDelete = func() {
			token := *a.deleted[0].ClientRequestToken
			wrapped := "Received response status [FAILED] from custom resource. Message returned: arn:pt (held) until 2027 (RequestId: 1-2)"
			a.now = state{status: cftypes.StackStatusDeleteFailed, events: []cftypes.StackEvent{
				event("n3", "stack", failed, token, "The following resource(s) failed to delete"),
				event("n2", name, failed, token, wrapped), event("n1", "stack", going, token, ""),
			}}
		}
		d, _, err := deletion(t, a, "CREATE_COMPLETE", time.Minute)
		if err != nil || d.Complete() || len(d.Failures) != 1 || len(d.Next) != ways {
			t.Fatalf("%s: got %+v, %v; want one failure and %d ways on", name, d, err, ways)
		}
		if f := d.Failures[0]; f.LogicalID != name || f.Reason != "arn:pt (held) until 2027" {
			t.Errorf("%s: the failure is %+v", name, f)
		}
		if last := d.Next[ways-1].Commands[0]; ways == 2 && last != "aws cloudformation delete-stack --stack-name tuneline --retain-resources Lifecycle --region us-east-1" {
			t.Errorf("%s: the other way is %q", name, last)
		}
	}
}

// Ensure a deletion that is under way is followed and not begun again, whoever
// began it, with or without a token.
func TestDeleteFollows(t *testing.T) {
	for _, token := range []string{"", "Console-DeleteStack-1"} {
		a := &account{states: []state{
			{status: cftypes.StackStatusDeleteInProgress, events: append([]cftypes.StackEvent{event("n1", "stack", going, token, "")}, earlier()...)},
			{},
		}}
		d, told, err := deletion(t, a, "DELETE_IN_PROGRESS", time.Minute)
		if err != nil || !d.Complete() || len(a.deleted) != 0 || !slices.Equal(told, []string{"stack DELETE_IN_PROGRESS"}) {
			t.Errorf("with token %q: got %+v, %v; told %q, asked for %+v", token, d, err, told, a.deleted)
		}
	}
}

// Ensure a deletion that nobody sees the end of ends the command, not itself.
func TestDeleteIsNotFollowed(t *testing.T) {
	a := &account{now: state{status: cftypes.StackStatusDeleteInProgress}}
	if _, _, err := deletion(t, a, "CREATE_COMPLETE", 10*time.Millisecond); !errors.Is(err, ErrTimeout) || len(a.deleted) != 1 {
		t.Errorf("after its time: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := of(t, a).Delete(ctx, Stack{ID: stackID, Status: "DELETE_IN_PROGRESS"}, time.Minute, func(Event) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	away := errors.New("the network is away")
	if _, _, err := deletion(t, &account{now: state{err: away}}, "DELETE_IN_PROGRESS", time.Minute); !errors.Is(err, away) {
		t.Errorf("without an answer: %v", err)
	}
}

// Ensure a refusal is told, and that a protected stack is not even asked for.
func TestDeleteRefused(t *testing.T) {
	a := &account{refusals: map[string]error{"DeleteStack": refused("AccessDenied", "not authorized")}}
	if _, _, err := deletion(t, a, "CREATE_COMPLETE", time.Minute); err == nil || !strings.Contains(err.Error(), "the operator role may not") {
		t.Errorf("refused: %v", err)
	}
	a = &account{protected: true}
	if _, _, err := deletion(t, a, "CREATE_COMPLETE", time.Minute); !errors.Is(err, ErrProtected) || !strings.Contains(err.Error(), "aws cloudformation update-termination-protection") || len(a.deleted) != 0 {
		t.Errorf("protected: %v, asked for %+v", err, a.deleted)
	}
}
