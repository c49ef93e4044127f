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
	// service and operation are those of an optimized integration,
	// arn:<partition>:states:::lambda:invoke or ...:sns:publish; both are empty
	// for a Lambda function's own ARN.
	service, operation string
}

// optimized says whether the resource is an optimized integration.
func (r resource) optimized() bool { return r.service != "" }

// serviceSNS is the service of the sns:publish integration.
const serviceSNS = "sns"

var (
	integration = regexp.MustCompile(`^arn:aws[a-z-]*:states:::(?:(lambda):(invoke)|(sns):(publish))$`)
	lambdaARN   = regexp.MustCompile(`^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+(:[A-Za-z0-9_$-]+)?$`)
)

// parseResource refuses what this rehearsal cannot run.
func parseResource(arn string) (resource, error) {
	if lambdaARN.MatchString(arn) {
		return resource{arn: arn}, nil
	}
	if m := integration.FindStringSubmatch(arn); m != nil {
		return resource{arn: arn, service: m[1] + m[3], operation: m[2] + m[4]}, nil
	}
	return resource{}, fmt.Errorf("%q is neither arn:aws:states:::lambda:invoke nor arn:aws:states:::sns:publish nor a Lambda function's ARN; "+
		"the rehearsal runs no other integration", arn)
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
	if r.optimized() {
		return "Task"
	}
	return "LambdaFunction"
}

// details adds what the events of an optimized integration carry.
func (r resource) details(d details) details {
	if r.optimized() {
		d["resourceType"], d["resource"] = r.service, r.operation
	}
	return d
}

// invocation finds function and payload in a task's effective input.
func (r resource) invocation(input json.RawMessage) (function string, payload json.RawMessage, err error) {
	if !r.optimized() {
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
	if !r.optimized() || r.service == serviceSNS {
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
	act, err := s.act(e.MachineARN, r, n.Input)
	if !ok || err != nil {
		s.end(e, end{status: Failed, err: "States.Runtime", cause: fmt.Sprintf("the task of state '%s' cannot be read: %v", n.State, err)})
	}
	s.recordTaskStart(e, r, n.Input)
	if e.Status != Running {
		s.send(message{Type: "answer", ID: n.ID, Error: &taskError{Error: "ExecutionOver"}})
		return
	}
	go s.runTask(e, n, r, act)
}

// act is what a task does; its result's payload is the service's answer.
func (s *Service) act(machineARN string, r resource, input json.RawMessage) (func(context.Context) (Result, error), error) {
	if r.service == serviceSNS {
		var n Notice
		if err := json.Unmarshal(input, &n); err != nil {
			return nil, fmt.Errorf("reading the parameters of sns:publish: %w", err)
		}
		return func(ctx context.Context) (Result, error) { return s.publish(ctx, machineARN, n) }, nil
	}
	function, payload, err := r.invocation(input)
	return func(ctx context.Context) (Result, error) { return s.opts.Invoke(ctx, machineARN, function, payload) }, err
}

// Notice is what a task publishes to an SNS topic: the parameters of Publish
// (https://docs.aws.amazon.com/step-functions/latest/dg/connect-sns.html).
type Notice struct {
	TopicARN string `json:"TopicArn"`
	Subject  string
	Message  string
}

// publish hands a notice over; SNS answers with the message's id.
func (s *Service) publish(ctx context.Context, machineARN string, n Notice) (Result, error) {
	if s.opts.Publish == nil {
		return Result{}, &InvokeError{Name: "SNS.NotFoundException", Message: "the rehearsal was started without topics"}
	}
	if err := s.opts.Publish(ctx, machineARN, n); err != nil {
		return Result{}, err
	}
	return Result{Payload: mustMarshal(map[string]string{"MessageId": newUUID()})}, nil
}

func (s *Service) recordTaskStart(e *execution, r resource, input json.RawMessage) {
	scheduled := details{"resource": r.arn, "input": string(input)}
	if r.optimized() {
		scheduled = r.details(details{"region": s.opts.Region, "parameters": string(input)})
	}
	s.record(e, r.historyPrefix()+"Scheduled", scheduled)
	s.record(e, r.historyPrefix()+"Started", r.details(details{}))
}

// runTask does what the task does and answers the child.
func (s *Service) runTask(e *execution, n notice, r resource, act func(context.Context) (Result, error)) {
	result, err := act(s.ctx)
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
