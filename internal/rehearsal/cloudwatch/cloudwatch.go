// Package cloudwatch is the rehearsal's Amazon CloudWatch: GetMetricStatistics for
// the one metric the sweep reads, Invocations in AWS/Bedrock, counted from the
// calls that the Bedrock double answered, on virtual time. It speaks Smithy RPC
// v2 CBOR, as the SDK does
// (https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html), verifies
// the caller's signature, records the call and asks the fault hook.
//
// What it takes for CloudWatch's behaviour is data: see [Behaviours]. It cannot
// show how late a metric appears. Any other operation is refused.
package cloudwatch

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
)

// Behaviours lists what the double takes for CloudWatch's behaviour, each as ID,
// what it does, and its source or the word unverified.
var Behaviours = [][3]string{
	{"metric Invocations", "AWS/Bedrock counts a successful inference call under Invocations", "Bedrock User Guide: monitoring-runtime-metrics"},
	{"metric dimension", "The dimension ModelId has the model id that the caller sent, so the ARN of a provisioned throughput", "unverified: the guide names the dimension and not its value for a throughput"},
	{"metric points", "Points begin at the start time, a period each; one without a value is not answered; more than 1,440 are refused with InvalidParameterCombination", "CloudWatch API Reference: GetMetricStatistics; where points begin is unverified"},
	{"metric denied", "A caller without permission gets AccessDenied, status 403", "unverified: the CloudWatch API Reference names no code for it"},
	{"metric delay", "An invocation is counted at once", "unverified: AWS says near real time"},
}

// Options are what a Server stands for.
type Options struct {
	// Endpoint tells that the VPC has an interface endpoint for CloudWatch; without one
	// a caller inside the VPC gets no answer.
	Endpoint bool
	Clock    *clock.Clock
	// Verify checks a request's signature for "monitoring".
	Verify func(*http.Request) (calls.Principal, error)
	// Log has the invocations, and takes the recording and the faults.
	Log *calls.Log
}

// Server is a CloudWatch.
type Server struct{ options Options }

// New makes a CloudWatch.
func New(o Options) *Server { return &Server{o} }

const (
	maxBody = 1 << 20
	// path is the protocol's: the service's shape name, and the operation.
	path = "/service/GraniteServiceVersion20100801/operation/"
	// maxPoints is how many points a call answers at most.
	maxPoints = 1440
)

// failure is an error answer.
type failure struct {
	status        int
	code, message string
}

func refuse(code, format string, args ...any) *failure {
	return &failure{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation := strings.TrimPrefix(r.URL.Path, path)
	call := calls.Call{Time: s.options.Clock.Now(), Action: "cloudwatch:" + operation, Resource: "*"}
	answer, fail := s.serve(w, r, operation, &call)
	var fault *calls.Fault
	if call.Principal != (calls.Principal{}) {
		fault = s.options.Log.Fault(call)
	}
	if fault != nil {
		fail = &failure{fault.Status, fault.Code, fault.Message}
	}
	call.Status = http.StatusOK
	if fail != nil {
		call.Status, call.Error = fail.status, fail.code
		// The members of its errors are spelt either way in the API model.
		answer = cbor.Map{"__type": cbor.String("com.amazonaws.cloudwatch#" + fail.code), "message": cbor.String(fail.message), "Message": cbor.String(fail.message)}
	}
	s.options.Log.Record(call)
	if fault != nil && fault.Reset {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/cbor")
	w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	w.WriteHeader(max(call.Status, http.StatusOK))
	_, _ = w.Write(cbor.Encode(answer)) //nolint:gosec // CBOR for the SDK, no page; the client has gone if this fails
}

// serve verifies and answers, and completes the call for the recording.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, operation string, call *calls.Call) (cbor.Map, *failure) {
	principal, err := s.options.Verify(r)
	if err != nil {
		status, code, message := calls.AuthCode(err, "monitoring")
		return nil, &failure{status, code, message}
	}
	call.Principal = principal
	if principal.InVPC && !s.options.Endpoint {
		panic(http.ErrAbortHandler) // nothing answers in a VPC without the endpoint
	}
	if r.Method != http.MethodPost || operation != "GetMetricStatistics" || r.Header.Get("Smithy-Protocol") != "rpc-v2-cbor" {
		return nil, refuse("UnknownOperationException", "the rehearsal's CloudWatch models GetMetricStatistics in RPC v2 CBOR only, not %s %q", r.Method, operation)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, refuse("SerializationException", "reading the request: %v", err)
	}
	q, fail := readQuery(body)
	if fail != nil {
		return nil, fail
	}
	if denial := s.options.Log.Authorize(*call); denial != nil {
		return nil, &failure{http.StatusForbidden, "AccessDenied", denial.Message}
	}
	return cbor.Map{"Label": cbor.String("Invocations"), "Datapoints": s.points(q)}, nil
}

// query is a request that the double answers.
type query struct {
	model      string
	start, end time.Time
	period     time.Duration
}

// points counts the invocations of a model, a period each.
func (s *Server) points(q query) cbor.List {
	sums := map[int]float64{}
	for _, c := range s.options.Log.All() {
		invoked := c.Action == "bedrock:InvokeModel" || c.Action == "bedrock:InvokeModelWithResponseStream"
		if invoked && c.Status == http.StatusOK && c.Resource == q.model && !c.Time.Before(q.start) && c.Time.Before(q.end) {
			sums[int(c.Time.Sub(q.start)/q.period)]++
		}
	}
	points := cbor.List{}
	for i, sum := range sums {
		at := q.start.Add(time.Duration(i) * q.period)
		points = append(points, cbor.Map{
			"Timestamp": &cbor.Tag{ID: 1, Value: cbor.Float64(at.Unix())},
			"Sum":       cbor.Float64(sum), "Unit": cbor.String("Count"),
		})
	}
	return points
}
