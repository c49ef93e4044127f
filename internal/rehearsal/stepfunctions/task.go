package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Result is what the Lambda service answers to an invocation.
type Result struct {
	// Payload is the function's JSON answer, or its error object.
	Payload []byte
	// FunctionError is Lambda's X-Amz-Function-Error; empty on success.
	FunctionError string
}

// InvokeError is a failure of the Lambda service rather than of the function.
type InvokeError struct {
	// Name is the name a Retry or Catch matches, for example
	// "Lambda.TooManyRequestsException" or "Lambda.ServiceException".
	Name    string
	Message string
}

// Error makes InvokeError an error.
func (e *InvokeError) Error() string {
	return e.Name + ": " + e.Message
}

// ErrNoAnswer from Options.Invoke means that the answer never comes: virtual
// time goes on, so that the task's time-out can fire.
var ErrNoAnswer = errors.New("the function never answers")

// resource is what a Task state names as Resource.
type resource struct {
	arn string
	// optimized marks the arn:<partition>:states:::lambda:invoke integration.
	optimized bool
}

var (
	lambdaInvoke = regexp.MustCompile(`^arn:aws[a-z-]*:states:::lambda:invoke$`)
	lambdaARN    = regexp.MustCompile(`^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9_$-]+)?$`)
)

// parseResource refuses what this rehearsal cannot run.
func parseResource(arn string) (resource, error) {
	switch {
	case lambdaInvoke.MatchString(arn):
		return resource{arn: arn, optimized: true}, nil
	case lambdaARN.MatchString(arn):
		return resource{arn: arn}, nil
	default:
		return resource{}, fmt.Errorf("%q is neither arn:aws:states:::lambda:invoke nor a Lambda function's ARN; "+
			"the rehearsal runs no other integration", arn)
	}
}

// resource returns a Task state's Resource; ok is false for other states.
func (m *machine) resource(state string) (r resource, ok bool) {
	arn, ok := mapOf(m.states[state])["Resource"].(string)
	if !ok {
		return resource{}, false
	}
	r, err := parseResource(arn)
	return r, err == nil
}

// historyPrefix begins the names of a task's history events.
func (r resource) historyPrefix() string {
	if r.optimized {
		return "Task"
	}
	return "LambdaFunction"
}

// details adds what the events of an optimized integration carry.
func (r resource) details(d details) details {
	if r.optimized {
		d["resourceType"], d["resource"] = "lambda", "invoke"
	}
	return d
}

// invocation finds function and payload in a task's effective input.
func (r resource) invocation(input json.RawMessage) (function string, payload json.RawMessage, err error) {
	if !r.optimized {
		return r.arn, input, nil
	}
	var parameters struct {
		FunctionName string
		Payload      json.RawMessage
	}
	if err := json.Unmarshal(input, &parameters); err != nil {
		return "", nil, fmt.Errorf("reading the parameters of lambda:invoke: %w", err)
	}
	if parameters.Payload == nil {
		parameters.Payload = json.RawMessage(`{}`)
	}
	return parameters.FunctionName, parameters.Payload, nil
}

// output is the task's result for a function's answer.
func (r resource) output(payload json.RawMessage) json.RawMessage {
	if !r.optimized {
		return payload
	}
	return mustMarshal(map[string]any{"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200})
}

// task takes a Task state's wish to run. Exactly one answer goes back, also
// when the execution is over: the child holds time for it.
func (s *Service) task(n notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.executions[n.Execution]
	r, ok := e.machine.resource(n.State)
	if ok && len(n.Input) > maxDataLength {
		s.end(e, tooLarge(n.State))
	}
	function, payload, err := r.invocation(n.Input)
	if !ok || err != nil {
		s.end(e, end{status: Failed, err: "States.Runtime", cause: fmt.Sprintf("the task of state '%s' cannot be read: %v", n.State, err)})
	}
	s.recordTaskStart(e, r, n.Input)
	if e.Status != Running {
		s.send(message{Type: "answer", ID: n.ID, Error: &taskError{Error: "ExecutionOver"}})
		return
	}
	go s.runTask(e, n, r, function, payload)
}

func (s *Service) recordTaskStart(e *execution, r resource, input json.RawMessage) {
	scheduled := details{"resource": r.arn, "input": string(input)}
	if r.optimized {
		scheduled = r.details(details{"region": s.opts.Region, "parameters": string(input)})
	}
	s.record(e, r.historyPrefix()+"Scheduled", scheduled)
	s.record(e, r.historyPrefix()+"Started", r.details(details{}))
}

// runTask invokes the function and answers the child.
func (s *Service) runTask(e *execution, n notice, r resource, function string, payload []byte) {
	result, err := s.opts.Invoke(s.ctx, e.MachineARN, function, payload)
	answer := message{Type: "answer", ID: n.ID}
	switch {
	case errors.Is(err, ErrNoAnswer):
		answer.Silent = true
	case err != nil:
		answer.Error = serviceError(err)
	case result.FunctionError != "":
		answer.Error = functionError(result.Payload)
	case !json.Valid(result.Payload):
		answer.Error = &taskError{Error: "Lambda.Unknown", Cause: "the function's answer is not JSON"}
	default:
		answer.Output = r.output(result.Payload)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer.Output != nil {
		if len(answer.Output) > maxDataLength {
			s.end(e, tooLarge(n.State))
		}
		s.record(e, r.historyPrefix()+"Succeeded", r.details(details{"output": string(answer.Output)}))
	}
	s.send(answer)
}

// serviceError names a failure of the Lambda service; one that is not named is
// the client's, as when a connection breaks.
func serviceError(err error) *taskError {
	var named *InvokeError
	if errors.As(err, &named) {
		return &taskError{Error: named.Name, Cause: named.Message}
	}
	if errors.Is(err, context.Canceled) {
		return &taskError{Error: "Lambda.SdkClientException", Cause: "the rehearsal is closing"}
	}
	return &taskError{Error: "Lambda.SdkClientException", Cause: err.Error()}
}

// functionError names a function's error as Step Functions does: by its
// errorType, with the whole error object as cause.
func functionError(payload []byte) *taskError {
	var object struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}
	failure := &taskError{Error: "Lambda.Unknown", Cause: string(payload)}
	if err := json.Unmarshal(payload, &object); err != nil {
		return failure
	}
	switch {
	case object.ErrorType != "":
		failure.Error = object.ErrorType
	case strings.Contains(object.ErrorMessage, "Task timed out after"):
		failure.Error = "Sandbox.Timedout"
	}
	return failure
}
