package bedrock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/awsmodel"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// maxBody is the largest request body InvokeModel takes, with room to see
// that a body is larger.
const maxBody = 25_000_001

// apiError is an error answer: an AWS error code and a message.
type apiError struct {
	code    string
	message string
}

// Error implements error.
func (e *apiError) Error() string { return e.code + ": " + e.message }

func refuse(code, format string, args ...any) *apiError {
	return &apiError{code: code, message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *apiError {
	return refuse("ValidationException", format, args...)
}

func notFound(format string, args ...any) *apiError {
	return refuse("ResourceNotFoundException", format, args...)
}

// request is one request on its way through the double.
type request struct {
	ctx       context.Context
	op        *awsmodel.Operation
	in        awsmodel.Input
	principal calls.Principal
	now       time.Time
	// id is the id the request's new resource will have, modelID that of the
	// model a new job will make.
	id, modelID string
	// hangup ends when the client is gone; only answers of the runtime care.
	hangup context.Context
	// reset says that the connection is to be closed under the client.
	reset bool
	// arrived and began are the real times at which the request came, and at
	// which the first bytes of the answer's body were sent.
	arrived, began time.Time
}

// str returns a string member of the request, empty when it is not set.
func (rq *request) str(member string) string {
	text, _ := rq.in.Members[member].(string)
	return text
}

// handler is what the double does for one operation.
type handler struct {
	// needs lists what the caller must be allowed, the main action first.
	needs func(*Double, *request) []need
	// serve takes effect and returns the answer: a JSON value or a reply.
	serve func(*Double, *request) (any, *apiError)
}

// reply is an answer that is not plain JSON: InvokeModel's and streams. A
// stream has events instead of a body.
type reply struct {
	contentType string
	header      map[string]string
	body        []byte
	events      iter.Seq[event]
}

// served is the outcome of a request before it is written.
type served struct {
	status int
	err    *apiError
	reply  reply
	reset  bool
}

func (d *Double) serveHTTP(w http.ResponseWriter, r *http.Request) {
	rq := &request{ctx: context.WithoutCancel(r.Context()), hangup: r.Context(), arrived: time.Now()}
	out, needs := d.answer(r, rq)
	d.record(rq, needs, out)
	rq.reset = out.reset
	switch {
	case out.reset:
	case out.err == nil && rq.op.Service == d.runtime.Name:
		d.infer(w, rq, out)
	default:
		d.write(w, rq, out)
	}
	if rq.reset {
		panic(http.ErrAbortHandler) // net/http closes the connection quietly
	}
}

// infer writes an answer of the runtime when its service time has passed.
func (d *Double) infer(w http.ResponseWriter, rq *request, out served) {
	ended, how := d.opened(rq), abandoned
	defer func() { ended(how) }()
	if pass(rq.hangup, time.Duration(d.inferenceNow().ServiceTime)) {
		how = d.write(w, rq, out)
	}
}

// answer does everything but recording and writing.
func (d *Double) answer(r *http.Request, rq *request) (served, []need) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return failed(nil, refuse("RequestTimeoutException", "The request body could not be read")), nil
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	labels, ok := d.route(r, rq)
	rq.now = d.o.Clock.Now()
	if !ok {
		return failed(nil, refuse("UnknownOperationException", "No operation has this method and path")), nil
	}
	if rq.principal, err = d.o.Verify(r); err != nil {
		return unauthenticated(err), []need{{action: iamAction(rq.op.Name), resource: "*"}}
	}
	var refused *awsmodel.Error
	if rq.in, err = rq.op.Parse(r, labels, body); errors.As(err, &refused) {
		return failed(rq.op, refuse(refused.Code, "%s", refused.Message)), []need{{action: iamAction(rq.op.Name), resource: "*"}}
	}
	needs := d.prepare(rq)
	if d.unreachable(rq) {
		return served{reset: true, err: refuse("NoRoute", "The VPC has no endpoint for %s", rq.op.Service)}, needs
	}
	return d.serveWithFaults(rq, needs), needs
}

func (d *Double) route(r *http.Request, rq *request) (labels map[string]string, ok bool) {
	for _, service := range []*awsmodel.Service{d.control, d.runtime} {
		if rq.op, labels, ok = service.Route(r.Method, r.URL.EscapedPath()); ok {
			return labels, true
		}
	}
	return nil, false
}

// prepare brings the state up to now and works out what the request needs.
func (d *Double) prepare(rq *request) []need {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle(rq.ctx)
	if strings.HasPrefix(rq.op.Name, "Create") {
		rq.id, rq.modelID = d.newID(rq.op.Name), d.newID("model")
	}
	return d.withTags(d.handlers[rq.op.Name].needs(d, rq))
}

// unreachable tells whether the caller sits in the VPC and the VPC has no
// endpoint for the service.
func (d *Double) unreachable(rq *request) bool {
	return rq.principal.InVPC && d.o.VPCEndpoints != nil && d.o.VPCEndpoints[rq.op.Service] == ""
}

// serveWithFaults asks for faults and serves what is left of the request.
func (d *Double) serveWithFaults(rq *request, needs []need) served {
	fault := d.scenarioFault(rq, needs[0])
	if fault == nil {
		fault = d.o.Log.Fault(d.call(rq, needs[0]))
	}
	if fault != nil && !fault.After {
		return faulty(fault)
	}
	if denial := d.o.Log.Authorize(d.calls(rq, needs)...); denial != nil {
		return failed(rq.op, refuse("AccessDeniedException", "%s", denial.Message))
	}
	out := d.serve(rq)
	if fault != nil {
		return faulty(fault)
	}
	return out
}

// calls are what the request needs.
func (d *Double) calls(rq *request, needs []need) []calls.Call {
	list := make([]calls.Call, 0, len(needs))
	for _, n := range needs {
		list = append(list, d.call(rq, n))
	}
	return list
}

// effect lets the request take effect. The state is locked all the while, but
// for the runtime, which changes none and locks what it reads.
func (d *Double) effect(rq *request) (any, *apiError) {
	if rq.op.Service == d.control.Name {
		d.mu.Lock()
		defer d.mu.Unlock()
	}
	return d.handlers[rq.op.Name].serve(d, rq)
}

// violate notes that the double broke the API model.
func (d *Double) violate(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.violations = append(d.violations, err)
}

// serve lets the request take effect and checks the answer against the model.
func (d *Double) serve(rq *request) served {
	value, refused := d.effect(rq)
	if refused != nil {
		if _, listed := rq.op.ErrorStatus(refused.code); !listed {
			d.violate(fmt.Errorf("%s answered %s, which the API model does not list", rq.op.Name, refused.code))
		}
		return failed(rq.op, refused)
	}
	if special, ok := value.(reply); ok {
		return served{status: rq.op.Status, reply: special}
	}
	body, err := json.Marshal(value)
	if err == nil {
		err = rq.op.CheckOutput(body)
	}
	if err != nil {
		d.violate(fmt.Errorf("checking the double's answer: %w", err))
		return failed(rq.op, refuse("InternalServerException", "The rehearsal's double broke the API model: %v", err))
	}
	return served{status: rq.op.Status, reply: reply{contentType: "application/json", body: body}}
}

// genericStatus are the errors every AWS service may answer with.
var genericStatus = map[string]int{
	"UnknownOperationException": http.StatusNotFound,
	"RequestTimeoutException":   http.StatusRequestTimeout,
	"SerializationException":    http.StatusBadRequest,
	"AccessDeniedException":     http.StatusForbidden,
	"InternalServerException":   http.StatusInternalServerError,
}

func failed(op *awsmodel.Operation, e *apiError) served {
	status := genericStatus[e.code]
	if op != nil {
		if own, ok := op.ErrorStatus(e.code); ok {
			status = own
		}
	}
	if status == 0 {
		status = http.StatusBadRequest
	}
	return served{status: status, err: e}
}

func faulty(f *calls.Fault) served {
	return served{status: f.Status, err: &apiError{code: f.Code, message: f.Message}, reset: f.Reset}
}

// unauthenticated is the answer to a request whose signature Verify refused.
func unauthenticated(err error) served {
	status, code, message := calls.AuthCode(err, "bedrock")
	return served{status: status, err: &apiError{code: code, message: message}}
}

// write sends the answer in restJson1 and says how that ended.
func (d *Double) write(w http.ResponseWriter, rq *request, out served) ending {
	header := w.Header()
	body := out.reply.body
	header.Set("Content-Type", out.reply.contentType)
	for name, value := range out.reply.header {
		header.Set(name, value)
	}
	if out.err != nil {
		header.Set("Content-Type", "application/json")
		header.Set("X-Amzn-Errortype", out.err.code)
		body, _ = json.Marshal(map[string]string{"message": out.err.message}) // strings always encode
	}
	d.mu.Lock()
	d.requests++
	header.Set("X-Amzn-Requestid", fmt.Sprintf("00000000-0000-4000-8000-%012d", d.requests))
	d.mu.Unlock()
	w.WriteHeader(out.status)
	if out.err == nil && out.reply.events != nil {
		return d.writeEvents(w, rq, out.reply.events)
	}
	if _, err := w.Write(body); err != nil {
		d.mu.Lock()
		d.note("an answer was not delivered: %v", err)
		d.mu.Unlock()
		return abandoned
	}
	rq.began = time.Now()
	return answered
}

// record writes one call for each thing the request needed.
func (d *Double) record(rq *request, needs []need, out served) {
	for _, n := range needs {
		c := d.call(rq, n)
		c.Status = out.status
		if out.err != nil {
			c.Error = out.err.code
		}
		d.o.Log.Record(c)
	}
}

func (d *Double) call(rq *request, n need) calls.Call {
	return calls.Call{Time: rq.now, Principal: rq.principal, Action: n.action, Resource: n.resource, Context: n.context}
}
