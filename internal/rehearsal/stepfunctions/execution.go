package stepfunctions

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Status is an execution's status, in the API's words.
type Status string

// The statuses of an execution of a Standard state machine.
const (
	Running   Status = "RUNNING"
	Succeeded Status = "SUCCEEDED"
	Failed    Status = "FAILED"
	TimedOut  Status = "TIMED_OUT"
	Aborted   Status = "ABORTED"
)

// Execution is what is known of an execution.
type Execution struct {
	ARN        string
	Name       string
	MachineARN string
	Status     Status
	// Input and Output are JSON; Output is set when the execution succeeded.
	Input  json.RawMessage
	Output json.RawMessage
	// Error and Cause are set when it did not succeed; either may be empty.
	Error string
	Cause string
	// Start and Stop are virtual time; Stop is zero while it runs.
	Start time.Time
	Stop  time.Time
	// States are the names of the states entered, in order.
	States []string
	// HistoryEvents counts the events AWS would have in the history.
	HistoryEvents int
}

// execution is an execution and its history; s.mu guards it.
type execution struct {
	Execution
	machine *machine
	history []historyEvent
	done    chan struct{} // closed once the terminal status was delivered
}

// maxDataLength is AWS's limit for the input or output of a task, state or
// execution, in bytes of UTF-8.
const maxDataLength = 262144

var executionName = regexp.MustCompile(`^[^\s<>{}\[\]?*"#%\\^|~` + "`" + `$&,;:/\x00-\x1f\x7f-\x{9f}]{1,80}$`)

// StartExecution starts an execution of the machine and returns its ARN; an
// empty name becomes a UUID. As on AWS, the name and input of an execution
// that still runs return that execution, and a name is never used twice
// otherwise. The error is an *APIError.
func (s *Service) StartExecution(_ context.Context, machineARN, name string, input json.RawMessage) (string, error) {
	e, err := s.start(machineARN, name, input)
	if err != nil {
		return "", err
	}
	return e.ARN, nil
}

func (s *Service) start(machineARN, name string, input json.RawMessage) (Execution, error) {
	if name == "" {
		name = newUUID()
	}
	if !executionName.MatchString(name) {
		return Execution{}, invalid("InvalidName", "Invalid Name: %q", name)
	}
	if len(input) > maxDataLength || !json.Valid(input) {
		return Execution{}, invalid("InvalidExecutionInput", "the input must be JSON of at most %d bytes", maxDataLength)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.machines[machineARN]
	if !ok {
		return Execution{}, invalid("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", machineARN)
	}
	arn := strings.Replace(machineARN, ":stateMachine:", ":execution:", 1) + ":" + name
	if old, ok := s.executions[arn]; ok {
		if old.Status == Running && bytes.Equal(old.Input, input) {
			return old.Execution, nil
		}
		return Execution{}, invalid("ExecutionAlreadyExists", "Execution Already Exists: '%s'", arn)
	}
	e := &execution{
		Execution: Execution{
			ARN: arn, Name: name, MachineARN: machineARN, Status: Running,
			Input: slices.Clone(input), Start: s.opts.Clock.Now(),
		},
		machine: m,
		done:    make(chan struct{}),
	}
	s.executions[arn] = e
	s.order = append(s.order, e)
	s.record(e, "ExecutionStarted", details{"input": string(e.Input), "roleArn": m.roleARN})
	s.announce(e)
	s.send(message{Type: "start", Execution: arn, Machine: m.arn, Input: e.Input, Context: contextObject(e)})
	return e.Execution, nil
}

// contextObject is what $$ holds; the interpreter adds Execution.Input and
// Execution.StartTime.
func contextObject(e *execution) any {
	return map[string]any{
		"Execution":    map[string]string{"Id": e.ARN, "Name": e.Name},
		"StateMachine": map[string]string{"Id": e.MachineARN, "Name": e.machine.name},
	}
}

// Describe returns what is known of an execution. The error is an *APIError.
func (s *Service) Describe(arn string) (Execution, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.find(arn)
	if err != nil {
		return Execution{}, err
	}
	return e.snapshot(), nil
}

// Wait waits until an execution has ended and OnStatus has returned from being
// told so.
func (s *Service) Wait(ctx context.Context, arn string) (Execution, error) {
	s.mu.Lock()
	e, err := s.find(arn)
	s.mu.Unlock()
	if err != nil {
		return Execution{}, err
	}
	select {
	case <-e.done:
	case <-ctx.Done():
		return Execution{}, fmt.Errorf("waiting for execution %s: %w", e.Name, ctx.Err())
	case <-s.ended:
		if described, err := s.Describe(arn); err != nil || described.Status != Running {
			return described, err // it ended just before the service did
		}
		return Execution{}, fmt.Errorf("waiting for execution %s: %w", e.Name, s.endedErr)
	}
	return s.Describe(arn)
}

// Executions returns the executions of a machine in the order they started.
func (s *Service) Executions(machineARN string) []Execution {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Execution
	for _, e := range s.order {
		if e.MachineARN == machineARN {
			found = append(found, e.snapshot())
		}
	}
	return found
}

// Stop aborts an execution; stopping one that has ended changes nothing. A
// function it has invoked runs on. The error is an *APIError.
func (s *Service) Stop(arn, errorName, cause string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.find(arn)
	if err != nil {
		return err
	}
	s.end(e, end{status: Aborted, err: errorName, cause: cause})
	return nil
}

// find returns an execution; s.mu must be held.
func (s *Service) find(arn string) (*execution, error) {
	e, ok := s.executions[arn]
	if !ok {
		return nil, invalid("ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", arn)
	}
	return e, nil
}

func (e *execution) snapshot() Execution {
	copied := e.Execution
	copied.States = slices.Clone(e.States)
	copied.HistoryEvents = len(e.history)
	return copied
}

// end is how an execution ends.
type end struct {
	status     Status
	output     json.RawMessage
	err, cause string
}

// end gives an execution its terminal status, once: whoever comes first wins,
// and the child hears of it so that it does nothing more. s.mu must be held.
func (s *Service) end(e *execution, how end) {
	if e.Status != Running {
		return
	}
	if how.status == Succeeded && len(how.output) > maxDataLength {
		how = tooLarge(e.lastState())
	}
	e.Status, e.Output, e.Error, e.Cause = how.status, how.output, how.err, how.cause
	e.Stop = s.opts.Clock.Now()
	eventType := map[Status]string{
		Succeeded: "ExecutionSucceeded", Failed: "ExecutionFailed",
		TimedOut: "ExecutionTimedOut", Aborted: "ExecutionAborted",
	}[how.status]
	if how.status == Succeeded {
		e.append(e.Stop, eventType, details{"output": string(how.output)})
	} else {
		e.append(e.Stop, eventType, failureDetails(how.err, how.cause))
	}
	s.send(message{Type: "stop", Execution: e.ARN})
	s.announce(e)
}

// tooLarge is the end AWS gives an execution whose data outgrow the limit; no
// Catch sees it.
func tooLarge(state string) end {
	return end{
		status: Failed,
		err:    "States.DataLimitExceeded",
		cause:  fmt.Sprintf("The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", state),
	}
}

func (e *execution) lastState() string {
	if len(e.States) == 0 {
		return ""
	}
	return e.States[len(e.States)-1]
}

// APIError is an error in the form the API answers it.
type APIError struct {
	// Status is the HTTP status, Code the name of the API's error shape.
	Status  int
	Code    string
	Message string
}

// Error makes APIError an error.
func (e *APIError) Error() string {
	return e.Code + ": " + e.Message
}

func invalid(code, format string, args ...any) *APIError {
	return &APIError{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

func newUUID() string {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		panic(err) // crypto/rand never fails on a supported platform
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
