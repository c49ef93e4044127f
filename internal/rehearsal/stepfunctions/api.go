package stepfunctions

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// targetPrefix begins the X-Amz-Target header of every request.
const targetPrefix = "AWSStepFunctions."

// maxRequest is more than any request of the API can have.
const maxRequest = 4 << 20

// operation is one operation of the API.
type operation struct {
	// resource finds the ARN the operation is authorised on in its input.
	resource func(input request) string
	serve    func(s *Service, input request) (any, error)
}

// request holds the members of all inputs; each operation reads its own.
type request struct {
	StateMachineARN string  `json:"stateMachineArn"`
	ExecutionARN    string  `json:"executionArn"`
	Name            string  `json:"name"`
	Input           *string `json:"input"`
	Error           string  `json:"error"`
	Cause           string  `json:"cause"`
	StatusFilter    Status  `json:"statusFilter"`
	MaxResults      int     `json:"maxResults"`
	NextToken       string  `json:"nextToken"`
	ReverseOrder    bool    `json:"reverseOrder"`
}

// Handler serves the Step Functions API (AWS JSON 1.0): StartExecution,
// DescribeExecution, StopExecution, ListExecutions, GetExecutionHistory,
// DescribeStateMachine and ListStateMachines.
func (s *Service) Handler() http.Handler {
	return http.HandlerFunc(s.serveHTTP)
}

func (s *Service) serveHTTP(w http.ResponseWriter, r *http.Request) {
	principal, err := s.verify(r)
	name := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	call := calls.Call{Time: s.opts.Clock.Now(), Principal: principal, Action: "states:" + name, Resource: "*"}
	if err != nil {
		_, code, message := calls.AuthCode(err, "states")
		s.answer(w, call, nil, &APIError{Status: http.StatusBadRequest, Code: code, Message: message})
		return
	}
	op, input, err := decodeRequest(r, name)
	if err != nil {
		s.answer(w, call, nil, err)
		return
	}
	call.Resource = op.resource(input)
	fault := s.fault(call)
	var out any
	if fault == nil || fault.After {
		if err = s.authorize(call, name, input); err == nil {
			out, err = op.serve(s, input)
		}
	}
	if fault == nil {
		s.answer(w, call, out, err)
		return
	}
	if fault.Reset {
		s.recordReset(call)
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	}
	s.answer(w, call, nil, &APIError{Status: fault.Status, Code: fault.Code, Message: fault.Message})
}

func (s *Service) verify(r *http.Request) (calls.Principal, error) {
	if s.opts.Verify == nil {
		return calls.Principal{}, errors.New("this endpoint has no keys to verify a signature with")
	}
	return s.opts.Verify(r)
}

func (s *Service) fault(call calls.Call) *calls.Fault {
	if s.opts.Log == nil {
		return nil
	}
	return s.opts.Log.Fault(call)
}

// readsData are the operations that answer an execution's data or a machine's
// definition, which Step Functions decrypts with the caller's rights on the
// machine's key ("Data at rest encryption", Step Functions Developer Guide).
var readsData = map[string]bool{"DescribeExecution": true, "GetExecutionHistory": true, "DescribeStateMachine": true}

// authorize asks whether policies allow an operation.
func (s *Service) authorize(call calls.Call, name string, input request) error {
	if s.opts.Log == nil {
		return nil
	}
	needed := []calls.Call{call}
	if machine := s.machineOf(input); s.opts.KeyARN != "" && readsData[name] && machine != "" {
		needed = append(needed, calls.Call{
			Time: call.Time, Principal: call.Principal, Action: "kms:Decrypt", Resource: s.opts.KeyARN,
			Context: map[string]string{"kms:EncryptionContext:aws:states:stateMachineArn": machine},
		})
	}
	if denial := s.opts.Log.Authorize(needed...); denial != nil {
		return invalid("AccessDeniedException", "%s", denial.Message)
	}
	return nil
}

// machineOf is the machine that a request is about, "" when there is none.
func (s *Service) machineOf(input request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.executions[input.ExecutionARN]; ok {
		return e.MachineARN
	}
	if _, ok := s.machines[input.StateMachineARN]; ok {
		return input.StateMachineARN
	}
	return ""
}

func decodeRequest(r *http.Request, name string) (operation, request, error) {
	op, ok := operations[name]
	if !ok || r.Method != http.MethodPost {
		return operation{}, request{}, invalid("UnknownOperationException", "operation %q is not modelled", name)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		return operation{}, request{}, invalid("SerializationException", "reading the request: %v", err)
	}
	var input request
	if err := json.Unmarshal(body, &input); err != nil {
		return operation{}, request{}, invalid("SerializationException", "the request is not valid JSON")
	}
	return op, input, nil
}

// answer writes the output or the error and records the call.
func (s *Service) answer(w http.ResponseWriter, call calls.Call, out any, err error) {
	call.Status = http.StatusOK
	if err != nil {
		var failure *APIError
		if !errors.As(err, &failure) {
			failure = &APIError{Status: http.StatusInternalServerError, Code: "InternalFailure", Message: err.Error()}
		}
		call.Status, call.Error = failure.Status, failure.Code
		out = map[string]string{"__type": failure.Code, "message": failure.Message}
		w.Header().Set("X-Amzn-ErrorType", failure.Code)
	}
	if s.opts.Log != nil {
		s.opts.Log.Record(call)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-RequestId", newUUID())
	w.WriteHeader(call.Status)
	_, _ = w.Write(mustMarshal(out)) // a client that went away reads no error either
}

// recordReset records a call whose connection was closed without an answer.
func (s *Service) recordReset(call calls.Call) {
	call.Error = "ConnectionReset"
	s.opts.Log.Record(call)
}

// epochSeconds is how AWS JSON writes a timestamp.
func epochSeconds(t time.Time) float64 {
	return float64(t.UnixMilli()) / 1000
}
