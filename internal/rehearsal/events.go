package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/eventrule"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// Notice is what a rule or a state machine sent to an SNS topic.
type Notice struct {
	TopicARN string
	// Subject is empty for what a rule sent.
	Subject string
	// Message is JSON: a rule's input, or a string with a state machine's words.
	Message json.RawMessage
}

// rule is one of the template's rules, read once.
type rule struct {
	template.Rule
	pattern *eventrule.Pattern
}

// readRules reads the patterns and inputs of every rule that an event can
// match, so that what EventBridge would refuse is refused at the start.
func readRules(stack *template.Stack) ([]rule, error) {
	var rules []rule
	for _, r := range stack.Rules {
		if r.EventPattern == nil {
			continue
		}
		pattern, err := eventrule.ParsePattern(r.EventPattern)
		if err != nil {
			return nil, fmt.Errorf("reading rule %s: %w", r.LogicalID, err)
		}
		for _, target := range r.Targets {
			if err := targetInput(target).Validate(); err != nil {
				return nil, fmt.Errorf("reading rule %s: %w", r.LogicalID, err)
			}
		}
		rules = append(rules, rule{r, pattern})
	}
	return rules, nil
}

func targetInput(t template.Target) eventrule.TargetInput {
	input := eventrule.TargetInput{Input: t.Input, InputPath: t.InputPath}
	if t.InputTransformer != nil {
		input.InputTransformer = &eventrule.InputTransformer{
			InputPathsMap: t.InputTransformer.InputPathsMap,
			InputTemplate: t.InputTransformer.InputTemplate,
		}
	}
	return input
}

// Deliver puts an event on the default bus: every enabled rule whose pattern
// matches hands it to its targets. It returns once each target has taken it;
// virtual time stands still meanwhile.
func (c *Cloud) Deliver(ctx context.Context, event json.RawMessage) error {
	defer c.StepFunctions.Hold()()
	c.mu.Lock()
	c.delivered = append(c.delivered, event)
	c.mu.Unlock()
	for _, r := range c.rules {
		if r.State == "DISABLED" || c.control.Disabled(r.Name) {
			continue
		}
		matches, err := r.pattern.Match(event)
		if err != nil {
			return fmt.Errorf("matching rule %s: %w", r.LogicalID, err)
		}
		if !matches {
			continue
		}
		for _, target := range r.Targets {
			if err := c.deliverTo(ctx, r, target, event); err != nil {
				return fmt.Errorf("delivering to target %s of rule %s: %w", target.ID, r.LogicalID, err)
			}
		}
	}
	return nil
}

// deliverTo hands one event to one target, by the service its ARN names.
func (c *Cloud) deliverTo(ctx context.Context, r rule, target template.Target, event json.RawMessage) error {
	input, err := targetInput(target).Apply(event, eventrule.Rule{ARN: r.ARN, Name: r.Name, IngestionTime: c.Clock.Now()})
	if err != nil {
		return err
	}
	service := strings.Split(target.ARN, ":")[2]
	switch service {
	case "states":
		who := calls.Principal{Role: target.Role, ARN: target.RoleARN}
		err := c.perform(c.assumeCall("events.amazonaws.com", target.RoleARN, r.ARN), c.serviceCall(who, "states:StartExecution", target.ARN, nil))
		if err != nil {
			return err
		}
		arn, err := c.StepFunctions.StartExecution(ctx, target.ARN, "", input)
		if err != nil {
			return err
		}
		if target.ARN != c.Machine().ARN {
			c.waitInBackground(ctx, arn)
			return nil
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.started = append(c.started, arn)
		return nil
	case "sns":
		who := calls.Principal{Service: "events.amazonaws.com"}
		if err := c.perform(c.topicCalls(who, target.ARN, nil)...); err != nil {
			return err
		}
		c.notify(Notice{TopicARN: target.ARN, Message: input})
		return nil
	default:
		return fmt.Errorf("the rehearsal has no target of service %q", service)
	}
}

// waitInBackground waits for an execution that an event started and nobody
// looks after. The rehearsal keeps one that did not succeed for the tests to see.
func (c *Cloud) waitInBackground(ctx context.Context, executionARN string) {
	c.async.Go(func() {
		execution, err := c.StepFunctions.Wait(context.WithoutCancel(ctx), executionARN)
		if err == nil && execution.Status == stepfunctions.Succeeded {
			return
		}
		if err == nil {
			err = fmt.Errorf("execution %s ended %s: %s: %s", executionARN, execution.Status, execution.Error, execution.Cause)
		}
		c.failDelivery(err)
	})
}

// Delivered returns every event that was put on the bus so far, in order, so
// that one can be delivered again: EventBridge promises at least once.
func (c *Cloud) Delivered() []json.RawMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]json.RawMessage(nil), c.delivered...)
}

// notify keeps what was sent to a topic.
func (c *Cloud) notify(n Notice) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notices = append(c.notices, n)
}

// Notices returns what was sent to SNS topics so far.
func (c *Cloud) Notices() []Notice {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Notice(nil), c.notices...)
}

// AsyncFailures returns the events that could not be delivered, and the releases
// that did not succeed.
func (c *Cloud) AsyncFailures() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.asyncFailures...)
}
