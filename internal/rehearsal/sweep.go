package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/cloudwatch"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// startCloudWatch starts the metrics, which are counted from the recorded calls.
func (c *Cloud) startCloudWatch(context.Context) error {
	_, endpoint := c.Stack.Endpoint("monitoring")
	url, err := c.serve(cloudwatch.New(cloudwatch.Options{
		Endpoint: endpoint,
		Clock:    c.Clock,
		Verify:   c.verify("monitoring"),
		Log:      c.Log,
	}))
	c.setURL(serviceCloudWatch, url)
	return err
}

// scheduledTime is what EventBridge Scheduler replaces with the time an invocation
// was scheduled for
// (https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html).
const scheduledTime = "<aws.scheduler.scheduled-time>"

// Sweep does what the stack's schedule does, now: nothing else starts it in the
// rehearsal, in which whoever waits moves the time. It returns the sweep's execution.
func (c *Cloud) Sweep(ctx context.Context) (stepfunctions.Execution, error) {
	arn, err := c.StartSweep(ctx)
	if err != nil {
		return stepfunctions.Execution{}, err
	}
	return c.Wait(ctx, arn)
}

// StartSweep is Sweep without waiting for the end.
func (c *Cloud) StartSweep(ctx context.Context) (executionARN string, err error) {
	schedule, err := c.schedule()
	if err != nil {
		return "", err
	}
	input := strings.ReplaceAll(schedule.Input, scheduledTime, c.Clock.Now().UTC().Format(time.RFC3339))
	if strings.Contains(input, "<aws.scheduler.") || !json.Valid([]byte(input)) {
		return "", fmt.Errorf("schedule %s: its input is %s, which the rehearsal cannot fill in", schedule.LogicalID, schedule.Input)
	}
	who := calls.Principal{Role: schedule.Role, ARN: schedule.RoleARN}
	key := map[string]string{"kms:EncryptionContext:aws:scheduler:schedule:arn": schedule.ARN}
	needed := []calls.Call{c.assumeCall("scheduler.amazonaws.com", schedule.RoleARN, schedule.GroupARN()), c.serviceCall(who, "states:StartExecution", schedule.TargetARN, nil)}
	if schedule.KeyARN != "" {
		needed = append(needed, c.keyCalls(who, key, "kms:Decrypt")...)
	}
	if err := c.perform(needed...); err != nil {
		return "", fmt.Errorf("starting what schedule %s starts: %w", schedule.LogicalID, err)
	}
	arn, err := c.StepFunctions.StartExecution(ctx, schedule.TargetARN, "", json.RawMessage(input))
	if err != nil {
		return "", fmt.Errorf("starting what schedule %s starts: %w", schedule.LogicalID, err)
	}
	return arn, nil
}

// schedule is the stack's one schedule, which must be able to start something.
func (c *Cloud) schedule() (template.Schedule, error) {
	if len(c.Stack.Schedules) != 1 {
		return template.Schedule{}, fmt.Errorf("the stack has %d schedules, want 1", len(c.Stack.Schedules))
	}
	schedule := c.Stack.Schedules[0]
	if schedule.State != "ENABLED" || schedule.Role == "" {
		return schedule, errors.New("the stack's schedule is disabled, or has no role of the stack")
	}
	return schedule, nil
}
