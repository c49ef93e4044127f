package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"

	"github.com/tuneline/tuneline/internal/registry"
)

// records is a store with one record a model.
type records struct {
	models map[string]registry.Model
	err    error
	reads  int
}

func (r *records) Model(_ context.Context, name string) (registry.Model, error) {
	r.reads++
	m, ok := r.models[name]
	if !ok && r.err == nil {
		return m, registry.ErrNotFound
	}
	return m, r.err
}

// serving is a record that sends callers to a throughput.
func serving(arn string) registry.Model {
	return registry.Model{Serving: &registry.Capacity{ThroughputARN: arn}}
}

// answered is one answer of Bedrock.
type answered struct {
	status     int
	code, body string
}

// bedrockAt is Bedrock over HTTP: it remembers what it was sent, and answers
// each throughput from a list, the last answer again and again.
type bedrockAt struct {
	*httptest.Server
	answers map[string][]answered
	paths   []string
	bodies  []string
	signed  bool
}

func newBedrock(t *testing.T, answers map[string][]answered) *bedrockAt {
	b := &bedrockAt{answers: answers}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		arn := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/model/"), "/converse")
		b.paths, b.bodies = append(b.paths, arn), append(b.bodies, string(body))
		b.signed = strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256")
		list := b.answers[arn]
		if len(list) == 0 {
			list = []answered{{404, "ResourceNotFoundException", `{"message":"arn:secret is gone"}`}}
		}
		if len(list) > 1 {
			b.answers[arn] = list[1:]
		}
		w.Header().Set("X-Amzn-Requestid", "bedrock-request")
		w.Header().Set("X-Amzn-Errortype", list[0].code)
		w.WriteHeader(list[0].status)
		if _, err := io.WriteString(w, list[0].body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(b.Close)
	return b
}

// client is the SDK's, as main makes it, without its waits.
func (b *bedrockAt) client() *bedrockruntime.Client {
	return bedrockruntime.New(bedrockruntime.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(b.URL),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	}, patient, func(o *bedrockruntime.Options) { o.Retryer = impatient{o.Retryer} })
}

// impatient is a retryer that does not wait.
type impatient struct{ aws.Retryer }

func (impatient) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

// request is a caller's.
func request(model, body string) events.APIGatewayProxyRequest {
	return events.APIGatewayProxyRequest{
		HTTPMethod: "POST", Resource: "/model/{model}/converse", PathParameters: map[string]string{"model": model}, Body: body,
		RequestContext: events.APIGatewayProxyRequestContext{RequestID: "gateway-request"},
	}
}

// served makes a handler that logs into a buffer.
func served(bedrock api, s store) (handler, *bytes.Buffer) {
	var log bytes.Buffer
	h := newHandler(bedrock, s)
	h.log = slog.New(slog.NewJSONHandler(&log, nil))
	return h, &log
}

// TestPassesThrough: body and answer pass byte by byte, members the SDK does
// not know and odd spacing included, and the request is signed.
func TestPassesThrough(t *testing.T) {
	const body = `{ "messages":[{"role":"user","content":[{"text":"grüße  é"}]}],"notYetKnown":{"a":1.0} }`
	const answer = `{"output":{"message":{"role":"assistant","content":[{"novel":true},{"text":"ja"}]}} , "usage":{"inputTokens":1}}`
	for name, encoded := range map[string]bool{"plain": false, "base64": true} {
		t.Run(name, func(t *testing.T) {
			b := newBedrock(t, map[string][]answered{"arn:a": {{200, "", answer}}})
			h, log := served(b.client(), &records{models: map[string]registry.Model{"support": serving("arn:a")}})
			in := request("support", body)
			if encoded {
				in.Body, in.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(body)), true
			}
			got, err := h.Handle(t.Context(), in)
			if err != nil || got.StatusCode != 200 || got.Body != answer {
				t.Errorf("got %+v, %v", got, err)
			}
			if len(b.bodies) != 1 || b.bodies[0] != body || !b.signed {
				t.Errorf("Bedrock was sent %q, signed %v", b.bodies, b.signed)
			}
			if got.Headers["X-Amzn-RequestId"] != "bedrock-request" || got.Headers["Content-Type"] != "application/json" {
				t.Errorf("headers %v", got.Headers)
			}
			if text := log.String(); strings.Contains(text, "grüße") || strings.Contains(text, "novel") || !strings.Contains(text, `"status":200`) {
				t.Errorf("the log says %s", text)
			}
		})
	}
}

// messages is a request's body.
const messages = `{"messages":[]}`

// refusals are requests that are not answered, by what the caller is told.
var refusals = map[string]struct {
	change     func(*events.APIGatewayProxyRequest)
	answer     answered
	storeErr   error
	status     int
	errorType  string
	says       string
	retryAfter bool
}{
	"unknown model":       {change: func(r *events.APIGatewayProxyRequest) { r.PathParameters["model"] = "nobody" }, status: 404, errorType: "ResourceNotFoundException", says: "no model nobody"},
	"not published":       {change: func(r *events.APIGatewayProxyRequest) { r.PathParameters["model"] = "fresh" }, status: 404, errorType: "ResourceNotFoundException", says: "not published yet"},
	"released":            {change: func(r *events.APIGatewayProxyRequest) { r.PathParameters["model"] = "gone" }, status: 404, errorType: "ResourceNotFoundException", says: "released on 2026-11-23 and is not served: it was idle; its operators serve it again with"},
	"no model's name":     {change: func(r *events.APIGatewayProxyRequest) { r.PathParameters["model"] = "../runs/x" }, status: 400, errorType: "ValidationException", says: "letters"},
	"encoded name":        {change: func(r *events.APIGatewayProxyRequest) { r.PathParameters["model"] = "%6Eobody" }, status: 404, errorType: "ResourceNotFoundException", says: "no model nobody"},
	"broken encoding":     {change: func(r *events.APIGatewayProxyRequest) { r.PathParameters["model"] = "%zz" }, status: 400, errorType: "ValidationException", says: "escape"},
	"other method":        {change: func(r *events.APIGatewayProxyRequest) { r.HTTPMethod = "GET" }, status: 404, errorType: "UnknownOperationException", says: "POST"},
	"other route":         {change: func(r *events.APIGatewayProxyRequest) { r.Resource = "/{proxy+}" }, status: 404, errorType: "UnknownOperationException", says: "POST"},
	"no JSON":             {change: func(r *events.APIGatewayProxyRequest) { r.Body = "hello" }, status: 400, errorType: "SerializationException", says: "JSON object"},
	"no object":           {change: func(r *events.APIGatewayProxyRequest) { r.Body = "null" }, status: 400, errorType: "SerializationException", says: "JSON object"},
	"two values":          {change: func(r *events.APIGatewayProxyRequest) { r.Body = messages + messages }, status: 400, errorType: "SerializationException", says: "JSON object"},
	"modelId in the body": {change: func(r *events.APIGatewayProxyRequest) { r.Body = `{"modelId":"x"}` }, status: 400, errorType: "ValidationException", says: "modelId"},
	"bad base64":          {change: func(r *events.APIGatewayProxyRequest) { r.IsBase64Encoded = true }, status: 400, errorType: "SerializationException", says: "base64"},
	"too large": {change: func(r *events.APIGatewayProxyRequest) { r.Body = strings.Repeat(" ", maxBody+1) }, status: 413,
		errorType: "ValidationException", says: "6 MB"},
	"invalid":          {answer: answered{400, "ValidationException", `{"message":"role is wrong"}`}, status: 400, errorType: "ValidationException", says: "role is wrong"},
	"throttled":        {answer: answered{429, "ThrottlingException", `{"message":"slow down"}`}, status: 429, errorType: "ThrottlingException", says: "slow down", retryAfter: true},
	"not ready":        {answer: answered{429, "ModelNotReadyException", `{"message":"loading"}`}, status: 429, errorType: "ModelNotReadyException", says: "loading", retryAfter: true},
	"unavailable":      {answer: answered{503, "ServiceUnavailableException", `{"message":"later"}`}, status: 503, errorType: "ServiceUnavailableException", says: "later", retryAfter: true},
	"model error":      {answer: answered{424, "ModelErrorException", `{"message":"model broke"}`}, status: 424, errorType: "ModelErrorException", says: "model broke"},
	"deleted for good": {answer: answered{404, "ResourceNotFoundException", `{"message":"arn:secret"}`}, status: 404, errorType: "ResourceNotFoundException", says: "publish it again"},
	"our own role":     {answer: answered{403, "AccessDeniedException", `{"message":"role arn:secret may not"}`}, status: 500, errorType: "InternalServerException", says: "request id"},
	"registry unread":  {storeErr: errors.New("S3: arn:secret"), status: 500, errorType: "InternalServerException", says: "request id"},
}

func TestRefusals(t *testing.T) {
	models := map[string]registry.Model{"support": serving("arn:a"), "fresh": {Name: "fresh"}, "gone": {Name: "gone", Released: &registry.Released{At: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Why: "was idle"}}}
	for name, test := range refusals {
		t.Run(name, func(t *testing.T) {
			b := newBedrock(t, map[string][]answered{"arn:a": {test.answer}})
			h, _ := served(b.client(), &records{models: models, err: test.storeErr})
			in := request("support", messages)
			if test.change != nil {
				test.change(&in)
			}
			got, err := h.Handle(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			var told struct{ Message, Type string }
			if err := json.Unmarshal([]byte(got.Body), &told); err != nil {
				t.Fatal(err)
			}
			if got.StatusCode != test.status || told.Type != test.errorType || got.Headers["x-amzn-ErrorType"] != test.errorType || !strings.Contains(told.Message, test.says) {
				t.Errorf("got %d %s %v", got.StatusCode, got.Body, got.Headers)
			}
			if strings.Contains(got.Body, "secret") {
				t.Errorf("the caller is told %s", got.Body)
			}
			if _, ok := got.Headers["Retry-After"]; ok != test.retryAfter {
				t.Errorf("Retry-After: %v; want %v", ok, test.retryAfter)
			}
			if got.Headers["X-Amzn-RequestId"] == "" {
				t.Error("no request id")
			}
		})
	}
}

// TestRetriesWhatIsNotReady: within the SDK, and the caller notices nothing.
func TestRetriesWhatIsNotReady(t *testing.T) {
	b := newBedrock(t, map[string][]answered{"arn:a": {{429, "ModelNotReadyException", `{"message":"loading"}`}, {200, "", `{"ok":1}`}}})
	h, _ := served(b.client(), &records{models: map[string]registry.Model{"support": serving("arn:a")}})
	got, err := h.Handle(t.Context(), request("support", `{"n":1}`))
	if err != nil || got.StatusCode != 200 || got.Body != `{"ok":1}` || len(b.bodies) != 2 || b.bodies[1] != `{"n":1}` {
		t.Errorf("got %+v, %v after %q", got, err, b.bodies)
	}
}

// TestSwap: a capacity replaced and deleted after its record was remembered
// costs the caller nothing, whichever way Bedrock says that it is gone.
func TestSwap(t *testing.T) {
	for name, gone := range map[string]answered{"not found": {404, "ResourceNotFoundException", `{}`}, "invalid": {400, "ValidationException", `{}`}} {
		t.Run(name, func(t *testing.T) {
			b := newBedrock(t, map[string][]answered{"arn:a": {{200, "", `"a"`}, gone}, "arn:b": {{200, "", `"b"`}}})
			s := &records{models: map[string]registry.Model{"support": serving("arn:a")}}
			h, _ := served(b.client(), s)
			for _, want := range []string{`"a"`, `"b"`, `"b"`} {
				got, err := h.Handle(t.Context(), request("support", `{}`))
				if err != nil || got.StatusCode != 200 || got.Body != want {
					t.Errorf("got %+v, %v; want %s", got, err, want)
				}
				s.models["support"] = serving("arn:b")
			}
			if want := "[arn:a arn:a arn:b arn:b]"; fmt.Sprint(b.paths) != want || s.reads != 2 {
				t.Errorf("asked %v after %d reads; want %s after 2", b.paths, s.reads, want)
			}
		})
	}
}

// TestRemembersBriefly: the record is read once in a while and not for every
// request.
func TestRemembersBriefly(t *testing.T) {
	b := newBedrock(t, map[string][]answered{"arn:a": {{200, "", `"a"`}}, "arn:b": {{200, "", `"b"`}}})
	s := &records{models: map[string]registry.Model{"support": serving("arn:a")}}
	h, _ := served(b.client(), s)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	h.served.now = func() time.Time { return now }
	for _, step := range []struct {
		passes time.Duration
		want   string
		reads  int
	}{{0, `"a"`, 1}, {fresh - time.Second, `"a"`, 1}, {time.Second, `"b"`, 2}} {
		now = now.Add(step.passes)
		got, err := h.Handle(t.Context(), request("support", `{}`))
		if err != nil || got.Body != step.want || s.reads != step.reads {
			t.Errorf("after %v: got %s, %v, %d reads; want %s, %d", step.passes, got.Body, err, s.reads, step.want, step.reads)
		}
		s.models["support"] = serving("arn:b")
	}
}

// slow never answers before its context ends.
type slow struct{ deadline time.Time }

func (s *slow) Converse(ctx context.Context, _ *bedrockruntime.ConverseInput, _ ...func(*bedrockruntime.Options)) (*bedrockruntime.ConverseOutput, error) {
	s.deadline, _ = ctx.Deadline()
	<-ctx.Done()
	return nil, fmt.Errorf("operation error: %w", ctx.Err())
}

// TestDeadline: an answer comes before Lambda ends the function, and before API
// Gateway gives up.
func TestDeadline(t *testing.T) {
	s := &slow{}
	h, _ := served(s, &records{models: map[string]registry.Model{"support": serving("arn:a")}})
	ctx, cancel := context.WithTimeout(t.Context(), reserve+20*time.Millisecond)
	defer cancel()
	got, err := h.Handle(ctx, request("support", `{}`))
	if err != nil || got.StatusCode != http.StatusGatewayTimeout || ctx.Err() != nil || !strings.Contains(got.Body, "maxTokens") {
		t.Errorf("got %+v, %v; the function's own time is up: %v", got, err, ctx.Err())
	}
	h.now = func() time.Time { return time.Now().Add(reserve - budget) }
	if got, err := h.Handle(t.Context(), request("support", `{}`)); err != nil || got.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("got %+v, %v", got, err)
	}
	if left := time.Until(s.deadline); left > reserve {
		t.Errorf("a request without Lambda's deadline may take %v more", left)
	}
}

// TestAnswerBreaksOff: an answer that breaks off is asked for again.
func TestAnswerBreaksOff(t *testing.T) {
	b := newBedrock(t, map[string][]answered{"arn:a": {{200, "", `{"ok":1}`}}})
	client := b.client()
	broken := &breaking{inner: http.DefaultTransport}
	h, _ := served(bedrockruntime.New(client.Options(), func(o *bedrockruntime.Options) { o.HTTPClient = &http.Client{Transport: broken} }), &records{models: map[string]registry.Model{"support": serving("arn:a")}})
	got, err := h.Handle(t.Context(), request("support", `{}`))
	if err != nil || got.StatusCode != 200 || got.Body != `{"ok":1}` || len(b.bodies) != 2 {
		t.Errorf("got %+v, %v after %d requests", got, err, len(b.bodies))
	}
}

// breaking breaks the first answer's body off.
type breaking struct {
	inner http.RoundTripper
	times int
}

func (b *breaking) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.inner.RoundTrip(r)
	if b.times++; err == nil && b.times == 1 {
		response.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"o`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	}
	return response, err
}
