package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/control"
)

// startControl starts the control planes that deleting the stack needs.
func (c *Cloud) startControl(context.Context) error {
	if len(c.Stack.CustomResources) != 1 {
		return fmt.Errorf("the stack has %d custom resources, want 1", len(c.Stack.CustomResources))
	}
	resource := c.Stack.CustomResources[0]
	outputs := map[string]string{}
	for key, output := range c.Stack.Outputs {
		outputs[key] = output.Value
	}
	c.control = control.New(control.Options{
		Region:       c.Stack.Region,
		AccountID:    AccountID,
		StackName:    c.Stack.Name,
		StackID:      c.Stack.ID,
		Clock:        c.Clock,
		Log:          c.Log,
		Verify:       c.Keyring.Verify,
		Interfaces:   c.networkInterfaces,
		Endpoints:    c.vpcEndpoints(),
		Outputs:      outputs,
		ResourceID:   resource.LogicalID,
		ResourceType: resource.Type,
		DeleteResource: func(ctx context.Context) (control.Response, error) {
			return c.AskLifecycle(ctx, "Delete", "DELETE_IN_PROGRESS")
		},
		Background: c.background.Go,
	})
	url, err := c.serve(c.control.Handler())
	for _, service := range []string{serviceEventBridge, serviceEC2, serviceCloudFormation} {
		c.setURL(service, url)
	}
	c.controlURL = url
	return err
}

// vpcEndpoints are the template's endpoints, with their tags.
func (c *Cloud) vpcEndpoints() []control.Endpoint {
	var endpoints []control.Endpoint
	for _, e := range c.Stack.Endpoints {
		resource, _ := c.Stack.Resource(e.LogicalID)
		tags := map[string]string{}
		list, _ := resource.Properties["Tags"].([]any)
		for _, item := range list {
			if tag, ok := item.(map[string]any); ok {
				tags[fmt.Sprint(tag["Key"])] = fmt.Sprint(tag["Value"])
			}
		}
		endpoints = append(endpoints, control.Endpoint{ID: e.ID, Service: e.ServiceName, Type: e.Type, Subnets: e.SubnetIDs, Tags: tags})
	}
	return endpoints
}

// networkInterfaces returns what Bedrock's jobs in a security group have: one
// interface a subnet while the job is not at its end. AWS documents neither
// their number nor how long they outlive the job.
func (c *Cloud) networkInterfaces(securityGroup string) []string {
	c.Bedrock.Settle(context.Background())
	var ids []string
	for _, job := range c.Bedrock.Jobs() {
		if job.Status != "InProgress" && job.Status != "Stopping" || !slices.Contains(job.SecurityGroups, securityGroup) {
			continue
		}
		for _, subnet := range job.Subnets {
			ids = append(ids, "eni-"+job.Name+"-"+subnet)
		}
	}
	return ids
}

// DeleteStack deletes the stack as CloudFormation does, and returns its custom
// resource's answer: SUCCESS, or FAILED with the reason a person sees.
func (c *Cloud) DeleteStack(ctx context.Context) (control.Response, error) {
	return c.control.Delete(ctx, "")
}

// ErrNoResponse is returned when the custom resource's function ended without an
// answer, for which CloudFormation would wait an hour and then fail.
var ErrNoResponse = errors.New("the lifecycle function ended without an answer to CloudFormation")

// ProtectStack switches the stack's termination protection.
func (c *Cloud) ProtectStack(on bool) { c.control.Protect(on) }

// StackStatus is CloudFormation's status of the stack.
func (c *Cloud) StackStatus() string { return c.control.StackStatus() }

// AskLifecycle sends the stack's custom resource a request ("Create", "Update"
// or "Delete") while the stack is in a status, and returns its answer. A
// virtual minute passes with every few milliseconds of the function's time,
// since nobody waits in a state machine.
func (c *Cloud) AskLifecycle(ctx context.Context, requestType, stackStatus string) (control.Response, error) {
	resource := c.Stack.CustomResources[0]
	requestID := fmt.Sprintf("%s-%d", strings.ToLower(requestType), c.Clock.Now().UnixNano())
	answer := c.control.Expect(requestID)
	request, err := json.Marshal(map[string]any{
		"RequestType":        requestType,
		"ServiceToken":       resource.FunctionARN,
		"ResponseURL":        c.controlURL + control.ResponsePath(requestID),
		"StackId":            c.Stack.ID,
		"RequestId":          requestID,
		"ResourceType":       resource.Type,
		"LogicalResourceId":  resource.LogicalID,
		"PhysicalResourceId": resource.PhysicalID,
		"ResourceProperties": resource.Properties,
	})
	if err != nil {
		return control.Response{}, fmt.Errorf("encoding the custom resource request: %w", err)
	}
	name, err := c.functionName(resource.FunctionARN)
	if err != nil {
		return control.Response{}, err
	}
	c.control.SetStackStatus(stackStatus)
	defer c.passTime(5*time.Millisecond, time.Minute)()
	result, err := c.host.Invoke(ctx, name, request)
	if err != nil {
		return control.Response{}, fmt.Errorf("invoking %s: %w", name, err)
	}
	select {
	case response := <-answer:
		return response, nil
	default:
		return control.Response{}, fmt.Errorf("%w: %s", ErrNoResponse, result.Payload)
	}
}

// passTime lets virtual time pass while real time does, until it is stopped.
func (c *Cloud) passTime(every, step time.Duration) (stop func()) {
	done := make(chan struct{})
	c.background.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				c.Clock.Advance(step)
			case <-done:
				return
			}
		}
	})
	return func() { close(done) }
}
