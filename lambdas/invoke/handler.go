package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tuneline/tuneline/internal/registry"
)

// store is where the records of models are read.
type store interface {
	Model(context.Context, string) (registry.Model, error)
	// ModelNames lists the names that have a record.
	ModelNames(context.Context) ([]string, error)
}

// handler serves the REST API's requests.
type handler struct {
	bedrock api
	served  *lookup
	guard   guard
	// stack is the stack's name, a dimension of the metrics.
	stack string
	log   *slog.Logger
	now   func() time.Time
}

func newHandler(bedrock api, s store, g guard, stack string) *handler {
	return &handler{
		bedrock: bedrock, guard: g, stack: stack,
		served: &lookup{store: s, now: time.Now, seen: map[string]found{}},
		log:    slog.New(slog.NewJSONHandler(os.Stdout, nil)).With("step", "invoke"),
		now:    time.Now,
	}
}

// reserve is what an answer needs to leave before Lambda itself ends the
// function.
const reserve = time.Second

// asking are the routes that ask a model, by method and resource as API Gateway
// names them, with the wire format of each.
var asking = map[string]dialect{
	"POST /model/{model}/converse":                    native{converse},
	"POST /model/{model}/converse-stream":             native{converseStream},
	"POST /model/{model}/invoke":                      native{invokeModel},
	"POST /model/{model}/invoke-with-response-stream": native{invokeStream},
	"POST /model/{model}/v1/chat/completions":         openAI{},
}

// showing are the routes that show what is served. They answer as a whole.
var showing = map[string]shower{
	"GET /models":                  {(*handler).showModels, native{}},
	"GET /models/{model}":          {(*handler).showModel, native{}},
	"GET /model/{model}/v1/models": {(*handler).showToOpenAI, openAI{}},
}

// Handle answers one request: a POST as a stream, whatever the answer, and a GET
// as a whole, as API Gateway is told to expect them. It never returns an error:
// API Gateway would make a 502 without words of it.
func (h *handler) Handle(ctx context.Context, request events.APIGatewayProxyRequest) (any, error) {
	x := &exchange{
		requestID: request.RequestContext.RequestID, asks: request.HTTPMethod == http.MethodPost, started: h.now(),
		route: request.Resource[strings.LastIndexByte(request.Resource, '/')+1:],
	}
	ctx, cancel := h.bounded(ctx, x)
	key := request.HTTPMethod + " " + request.Resource
	if x.asks {
		d, known := asking[key]
		if !known {
			return h.streamed(x, h.refused(x, native{}, unknownRoute()), cancel), nil
		}
		return h.ask(ctx, cancel, x, d, &request), nil
	}
	defer cancel()
	var r reply
	if s, known := showing[key]; known {
		r = h.show(ctx, x, s, &request)
	} else {
		r = h.refused(x, native{}, unknownRoute())
	}
	x.status = r.status
	h.finish(x)
	return events.APIGatewayProxyResponse{StatusCode: r.status, Headers: x.ids(r.header), Body: string(r.body)}, nil
}

func unknownRoute() *failure {
	return refuse(http.StatusNotFound, "UnknownOperationException", "the API has no such operation; docs/inference.md lists those it has")
}

// bounded ends the work somewhat before Lambda ends the function.
func (h *handler) bounded(ctx context.Context, x *exchange) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	end = end.Add(-reserve)
	x.allowed = end.Sub(x.started)
	return context.WithDeadline(ctx, end)
}

// ask puts the request's question to the model and answers with what it says.
func (h *handler) ask(ctx context.Context, cancel context.CancelFunc, x *exchange, d dialect, request *events.APIGatewayProxyRequest) *events.APIGatewayProxyStreamingResponse {
	q, t, cached, refused := h.read(ctx, x, d, request)
	if refused != nil {
		return h.streamed(x, h.refused(x, d, refused), cancel)
	}
	x.operation = q.operation
	got, refused := h.pass(ctx, x, q, cached)
	if refused != nil {
		return h.streamed(x, h.refused(x, d, refused), cancel)
	}
	x.bedrockID = got.header.Get("X-Amzn-Requestid")
	if q.operation.streams {
		x.status = http.StatusOK
		return &events.APIGatewayProxyStreamingResponse{
			StatusCode: x.status, Headers: x.ids(t.header(got)), Body: h.newStream(ctx, cancel, x, t, got),
		}
	}
	x.whole = got
	r, refused := t.whole(got)
	if refused != nil {
		r = h.refused(x, d, refused)
	}
	return h.streamed(x, r, cancel)
}

// read finds what serves the model, and reads what it is asked. The model comes
// first: an error is counted as that model's.
func (h *handler) read(ctx context.Context, x *exchange, d dialect, request *events.APIGatewayProxyRequest) (q question, t teller, cached bool, refused *failure) {
	if x.model, refused = modelOf(request); refused != nil {
		return q, t, false, refused
	}
	if x.serving, cached, refused = h.served.serving(ctx, x.model, false); refused != nil {
		return q, t, false, refused
	}
	body, refused := bodyOf(request)
	if refused != nil {
		return q, t, false, refused
	}
	q, t, refused = d.read(x, request, body, h.guard.set)
	if refused != nil {
		return q, t, false, refused
	}
	return h.guard.protect(q), t, cached, nil
}

// pass asks what serves the model. The capacity may have been replaced and
// deleted since the record was read: then the record is read anew, once.
func (h *handler) pass(ctx context.Context, x *exchange, q question, cached bool) (raw, *failure) {
	got, err := pass(ctx, h.bedrock, x.serving.ThroughputARN, q)
	if err != nil && mayBeReplaced(err, cached) {
		current, _, refused := h.served.serving(ctx, x.model, true)
		if refused != nil {
			return raw{}, refused
		}
		if current.ThroughputARN != x.serving.ThroughputARN {
			x.serving = current
			got, err = pass(ctx, h.bedrock, current.ThroughputARN, q)
		}
	}
	if err != nil {
		return raw{}, x.refusedBy(err)
	}
	return got, nil
}

// refused is a failure as the answer, and noted.
func (h *handler) refused(x *exchange, d dialect, f *failure) reply {
	x.failed = f
	if f.requestID != "" {
		x.bedrockID = f.requestID
	}
	r := d.refusal(f)
	if again(f.status) {
		r.header["Retry-After"] = retryAfter
	}
	return r
}

// streamed is an answer that is there as a whole, as the body of a stream.
func (h *handler) streamed(x *exchange, r reply, cancel context.CancelFunc) *events.APIGatewayProxyStreamingResponse {
	cancel()
	x.status = r.status
	return &events.APIGatewayProxyStreamingResponse{
		StatusCode: r.status, Headers: x.ids(r.header), Body: &wholeBody{Reader: bytes.NewReader(r.body), end: func() { h.finish(x) }},
	}
}

// wholeBody is the body of an answer that is there as a whole. Closing it, once
// it was sent, ends the exchange.
type wholeBody struct {
	*bytes.Reader
	end func()
}

// Close ends the exchange.
//
//nolint:unparam // an io.Closer
func (w *wholeBody) Close() error {
	w.end()
	w.end = func() {}
	return nil
}

// finish writes down how the exchange went. What a whole answer cost is read only
// now that it was sent: nobody waits for it any more.
func (h *handler) finish(x *exchange) {
	ended := h.now()
	if x.whole.body != nil {
		x.usage.readAnswer(x.whole.header, x.whole.body)
	}
	x.write(h.log, h.stack, ended)
}
