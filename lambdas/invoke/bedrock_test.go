package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// fakeStore is a store with one record a model.
type fakeStore struct {
	mu     sync.Mutex
	models map[string]registry.Model
	err    error
	reads  int
}

func (r *fakeStore) Model(_ context.Context, name string) (registry.Model, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	m, ok := r.models[name]
	if !ok && r.err == nil {
		return m, registry.ErrNotFound
	}
	return m, r.err
}

func (r *fakeStore) ModelNames(context.Context) ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, 0, len(r.models))
	for name := range r.models {
		names = append(names, name)
	}
	return names, r.err
}

// serving is a record that sends callers to a throughput.
func serving(arn string) registry.Model {
	return registry.Model{Serving: &registry.Capacity{ThroughputARN: arn, Run: finetune.Run{ID: "00000000000000aa"}}}
}

// supports is a store whose one model is served from arn:a.
func supports() *fakeStore {
	return &fakeStore{models: map[string]registry.Model{"support": serving("arn:a")}}
}

// scripted is one answer of Bedrock.
type scripted struct {
	status int
	code   string
	header map[string]string
	body   string
	// frames are sent one by one; then says how it goes on: "" ends the answer,
	// "cut" breaks the connection off, "hang" waits for the client to go. "reset"
	// breaks it off before anything was sent, and "echo" sends the request back.
	frames [][]byte
	then   string
}

// asked is one request that Bedrock got.
type asked struct {
	operation, modelID, body string
	header                   http.Header
}

// fakeBedrock is the runtime's REST over HTTP: it remembers what it was asked,
// and answers each throughput from a list, the last answer again and again.
type fakeBedrock struct {
	*httptest.Server
	t       *testing.T
	mu      sync.Mutex
	answers map[string][]scripted
	got     []asked
	// gone counts the clients that left before the answer's end.
	gone chan struct{}
}

func newBedrock(t *testing.T, answers map[string][]scripted) *fakeBedrock {
	b := &fakeBedrock{t: t, answers: answers, gone: make(chan struct{}, 64)}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *fakeBedrock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Error(err)
	}
	modelID, operation, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/model/"), "/")
	answer := b.next(asked{operation, modelID, string(body), r.Header})
	w.Header().Set("X-Amzn-Requestid", "bedrock-request")
	w.Header().Set("X-Amzn-Errortype", answer.code)
	for name, value := range answer.header {
		w.Header().Set(name, value)
	}
	if answer.then == "reset" {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(answer.status)
	w.(http.Flusher).Flush()
	if _, err := io.WriteString(w, answer.body); err != nil {
		b.t.Error(err)
	}
	if answer.then == "echo" {
		if _, err := w.Write(body); err != nil {
			b.t.Error(err)
		}
	}
	for _, f := range answer.frames {
		if _, err := w.Write(f); err != nil {
			break
		}
		w.(http.Flusher).Flush()
	}
	switch answer.then {
	case "cut":
		panic(http.ErrAbortHandler)
	case "hang":
		<-r.Context().Done()
		b.gone <- struct{}{}
	}
}

// next notes a request and returns its answer.
func (b *fakeBedrock) next(a asked) scripted {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, a)
	list := b.answers[a.modelID]
	if len(list) == 0 {
		return scripted{status: 404, code: "ResourceNotFoundException", body: `{"message":"arn:secret is gone"}`}
	}
	if len(list) > 1 {
		b.answers[a.modelID] = list[1:]
	}
	return list[0]
}

// asked returns what Bedrock was asked so far.
func (b *fakeBedrock) asked() []asked {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.got
}

// client is the SDK's, as main makes it, without its waits.
func (b *fakeBedrock) client() *bedrockruntime.Client {
	return bedrockruntime.New(bedrockruntime.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(b.URL), HTTPClient: b.Client(),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	}, patient, func(o *bedrockruntime.Options) { o.Retryer = impatient{o.Retryer} })
}

// impatient is a retryer that does not wait.
type impatient struct{ aws.Retryer }

func (impatient) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

// event is a frame with an event.
func event(eventType, payload string) []byte {
	return message("event", ":event-type", eventType, payload)
}

func message(kind, typeHeader, typeName, payload string) []byte {
	var out bytes.Buffer
	err := eventstream.NewEncoder().Encode(&out, eventstream.Message{
		Headers: eventstream.Headers{
			{Name: typeHeader, Value: eventstream.StringValue(typeName)},
			{Name: ":content-type", Value: eventstream.StringValue("application/json")},
			{Name: ":message-type", Value: eventstream.StringValue(kind)},
		},
		Payload: []byte(payload),
	})
	if err != nil {
		panic(err)
	}
	return out.Bytes()
}

// chunk is a frame of InvokeModelWithResponseStream.
func chunk(piece string) []byte {
	return event("chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(piece))+`"}`)
}

// conversation are the frames of a whole answer of ConverseStream, one of an
// event that no SDK knows yet.
var conversation = [][]byte{
	event("messageStart", `{"role":"assistant"}`),
	event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hel"}}`),
	event("notYetKnown", `{"a":1.0}`),
	event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"lo"}}`),
	event("contentBlockStop", `{"contentBlockIndex":0}`),
	event("messageStop", `{"stopReason":"end_turn"}`),
	event("metadata", `{"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5},"metrics":{"latencyMs":7}}`),
}

func streaming(frames [][]byte, then string) scripted {
	return scripted{status: 200, header: map[string]string{"Content-Type": "application/vnd.amazon.eventstream"}, frames: frames, then: then}
}

// request is a caller's, of Bedrock's dialect.
func request(operation, model, body string) events.APIGatewayProxyRequest {
	return events.APIGatewayProxyRequest{
		HTTPMethod: "POST", Resource: "/model/{model}/" + operation, PathParameters: map[string]string{"model": model}, Body: body,
		RequestContext: events.APIGatewayProxyRequestContext{RequestID: "gateway-request"},
	}
}

// get is a caller's request to show something.
func get(resource, model string) events.APIGatewayProxyRequest {
	r := request("", model, "")
	r.HTTPMethod, r.Resource = "GET", resource
	return r
}

// served makes a handler that logs into a buffer.
func served(bedrock api, s store) (*handler, *bytes.Buffer) {
	var log bytes.Buffer
	h := newHandler(bedrock, s, guard{}, "tuneline-test")
	h.log = slog.New(slog.NewJSONHandler(&log, nil))
	return h, &log
}

// answered is what a caller got.
type answered struct {
	status int
	header map[string]string
	body   string
}

// handle asks the handler as Lambda's client does: the body is read to its end
// and closed.
func handle(ctx context.Context, t *testing.T, h *handler, request events.APIGatewayProxyRequest) answered {
	t.Helper()
	got, err := h.Handle(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	if whole, ok := got.(events.APIGatewayProxyResponse); ok && request.HTTPMethod == http.MethodGet {
		return answered{whole.StatusCode, whole.Headers, whole.Body}
	}
	streamed, ok := got.(*events.APIGatewayProxyStreamingResponse)
	if !ok || request.HTTPMethod != http.MethodPost {
		t.Fatalf("%s was answered with %T", request.HTTPMethod, got)
	}
	body, err := io.ReadAll(streamed.Body)
	if err != nil {
		t.Error(err)
	}
	if err := streamed.Close(); err != nil {
		t.Error(err)
	}
	return answered{streamed.StatusCode, streamed.Headers, string(body)}
}

// line is the one line that an exchange leaves in the log.
func line(t *testing.T, log *bytes.Buffer) map[string]any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(log.Bytes(), &members); err != nil {
		t.Fatalf("the log is %q: %v", log, err)
	}
	return members
}
