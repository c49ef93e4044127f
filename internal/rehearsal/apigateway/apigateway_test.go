package apigateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

const functionARN = "arn:aws:lambda:us-east-1:123456789012:function:invoke"

var caller = calls.Principal{Role: "Operator", ARN: "arn:aws:sts::123456789012:assumed-role/operator/ana"}

// cloud is one API behind a test server, with a function and a signer.
type cloud struct {
	t           *testing.T
	api         template.RestAPI
	log         calls.Log
	keys        calls.Keyring
	credentials calls.Credentials
	// policies are the caller's.
	policies []iampolicy.Policy
	server   *httptest.Server
	handler  *handler
	// function answers an invocation; events are what it got.
	function func(event []byte) ([]byte, string, error)
	events   []events.APIGatewayProxyRequest
}

func method(change func(*template.Method)) template.Method {
	m := template.Method{
		HTTPMethod: "POST", AuthorizationType: "AWS_IAM",
		Integration: template.Integration{
			Type: "AWS_PROXY", FunctionARN: functionARN, Permitted: true, Timeout: 29 * time.Second, TransferMode: "BUFFERED",
		},
	}
	if change != nil {
		change(&m)
	}
	return m
}

func api(resources ...template.APIResource) template.RestAPI {
	return template.RestAPI{LogicalID: "Api", ID: "abcdefghij", Stage: template.Stage{Name: "v1"}, Resources: resources}
}

func resource(path string, methods ...template.Method) template.APIResource {
	return template.APIResource{ID: "r" + path, Path: path, Methods: methods}
}

func (c *cloud) options() Options {
	return Options{
		API: c.api, Region: "us-east-1", AccountID: "123456789012", Log: &c.log,
		Clock:    clock.New(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)),
		Verify:   func(r *http.Request) (calls.Principal, error) { return c.keys.Verify(r, "execute-api") },
		Policies: func(calls.Principal) ([]iampolicy.Policy, error) { return c.policies, nil },
		Invoke: func(_ context.Context, arn string, input []byte) ([]byte, string, error) {
			if arn != functionARN {
				return nil, "", errors.New("invoked " + arn)
			}
			var e events.APIGatewayProxyRequest
			if err := json.Unmarshal(input, &e); err != nil {
				return nil, "", err
			}
			c.events = append(c.events, e)
			return c.function(input)
		},
	}
}

func open(t *testing.T, a template.RestAPI, change ...func(*Options)) *cloud {
	t.Helper()
	c := &cloud{t: t, api: a, policies: []iampolicy.Policy{everything}}
	c.credentials = c.keys.Issue(caller)
	c.function = func([]byte) ([]byte, string, error) { return []byte(`{"statusCode":200,"body":"ok"}`), "", nil }
	o := c.options()
	for _, f := range change {
		f(&o)
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.handler = h.(*handler)
	c.server = httptest.NewServer(h)
	t.Cleanup(c.server.Close)
	return c
}

func (c *cloud) request(verb, path, body string) *http.Request {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), verb, c.server.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// sign signs as the SDKs do for execute-api.
func (c *cloud) sign(r *http.Request, body string) *http.Request {
	c.t.Helper()
	sum := sha256.Sum256([]byte(body))
	err := v4.NewSigner().SignHTTP(c.t.Context(), aws.Credentials{
		AccessKeyID: c.credentials.AccessKeyID, SecretAccessKey: c.credentials.SecretAccessKey, SessionToken: c.credentials.SessionToken,
	}, r, hex.EncodeToString(sum[:]), "execute-api", "us-east-1", time.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (c *cloud) send(r *http.Request) reply {
	c.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(body)}
}

func (c *cloud) call(verb, path, body string) reply {
	c.t.Helper()
	return c.send(c.sign(c.request(verb, path, body), body))
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantReply(t *testing.T, got reply, status int, errorType, body string) {
	t.Helper()
	equal(t, "status", got.status, status)
	equal(t, "error type", got.header.Get("x-amzn-ErrorType"), errorType)
	equal(t, "body", got.body, body)
}

var converse = api(resource("/model/{model}/converse", method(nil)))

func TestSignedCallReachesTheFunction(t *testing.T) {
	c := open(t, converse)
	c.function = func([]byte) ([]byte, string, error) {
		return []byte(`{"statusCode":201,"headers":{"x-model":"m","server":"mine"},"multiValueHeaders":{"set-cookie":["a=1","b=2"]},"body":"{\"a\":1}"}`), "", nil
	}
	got := c.call("POST", "/v1/model/amazon.nova-micro-v1%3A0/converse?x=1&x=2%20b&y=", `{"q":"é"}`)
	wantReply(t, got, 201, "", `{"a":1}`)
	equal(t, "content type", got.header.Get("Content-Type"), "application/json")
	equal(t, "x-model", got.header.Get("X-Model"), "m")
	equal(t, "remapped", got.header.Get("X-Amzn-Remapped-Server"), "mine")
	equal(t, "cookies", strings.Join(got.header.Values("Set-Cookie"), ";"), "a=1;b=2")

	e := c.events[0]
	equal(t, "resource", e.Resource, "/model/{model}/converse")
	equal(t, "path", e.Path, "/model/amazon.nova-micro-v1%3A0/converse")
	equal(t, "path parameter", e.PathParameters["model"], "amazon.nova-micro-v1%3A0")
	equal(t, "query", e.QueryStringParameters["x"], "2 b")
	equal(t, "multi query", strings.Join(e.MultiValueQueryStringParameters["x"], "|"), "1|2 b")
	equal(t, "body", e.Body, `{"q":"é"}`)
	equal(t, "authorization", e.Headers["Authorization"], "")
	equal(t, "date header", len(e.Headers["X-Amz-Date"]), len("20260304T050607Z"))
	x := e.RequestContext
	equal(t, "context path", x.Path, "/v1/model/amazon.nova-micro-v1%3A0/converse")
	equal(t, "stage", x.Stage, "v1")
	equal(t, "time", x.RequestTime, "04/Mar/2026:05:06:07 +0000")
	equal(t, "epoch", x.RequestTimeEpoch, int64(1772600767000))
	equal(t, "domain", x.DomainName, "abcdefghij.execute-api.us-east-1.amazonaws.com")
	equal(t, "user", x.Identity.UserArn, caller.ARN)
	equal(t, "access key", x.Identity.AccessKey, c.credentials.AccessKeyID)
	equal(t, "source", x.Identity.SourceIP, "127.0.0.1")
	equal(t, "request id", x.RequestID, got.header.Get("x-amzn-RequestId"))

	call := c.log.All()[0]
	equal(t, "action", call.Action, "execute-api:Invoke")
	equal(t, "resource", call.Resource,
		"arn:aws:execute-api:us-east-1:123456789012:abcdefghij/v1/POST/model/amazon.nova-micro-v1%3A0/converse")
	equal(t, "principal", call.Principal, caller)
	equal(t, "recorded status", call.Status, 201)
}

// Without a query, variables and a body the event has nulls, as on AWS.
func TestEventNulls(t *testing.T) {
	c := open(t, api(resource("/", method(func(m *template.Method) { m.HTTPMethod = "GET"; m.AuthorizationType = "NONE" }))))
	var raw map[string]any
	c.function = func(input []byte) ([]byte, string, error) {
		return []byte(`{"statusCode":200}`), "", json.Unmarshal(input, &raw)
	}
	wantReply(t, c.send(c.request("GET", "/v1", "")), 200, "", "")
	for _, key := range []string{"queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body"} {
		if v, ok := raw[key]; !ok || v != nil {
			t.Errorf("%s: got %v (present %v), want null", key, v, ok)
		}
	}
	equal(t, "path", raw["path"], any("/"))
	identity := raw["requestContext"].(map[string]any)["identity"].(map[string]any)
	equal(t, "user", identity["userArn"], nil)
}

func TestRefusals(t *testing.T) {
	const path = "/v1/model/m/converse"
	c := open(t, converse)
	const missing = `{"message":"Missing Authentication Token"}`

	unsigned := c.send(c.request("POST", path, "{}"))
	wantReply(t, unsigned, 403, "MissingAuthenticationTokenException", missing)

	tampered := c.sign(c.request("POST", path, "{}"), "{}")
	tampered.Body, tampered.ContentLength = io.NopCloser(strings.NewReader("[]")), 2
	got := c.send(tampered)
	equal(t, "status", got.status, 403)
	equal(t, "error type", got.header.Get("x-amzn-ErrorType"), "InvalidSignatureException")

	moved := c.sign(c.request("POST", path, "{}"), "{}")
	moved.URL.Path = "/v1/model/other/converse"
	equal(t, "another path", c.send(moved).header.Get("x-amzn-ErrorType"), "InvalidSignatureException")

	basic := c.request("POST", path, "{}")
	basic.Header.Set("Authorization", "Bearer x")
	equal(t, "no SigV4", c.send(basic).status, 403)

	wantReply(t, c.call("POST", "/v1/model/m/nothing", "{}"), 403, "MissingAuthenticationTokenException", missing)
	wantReply(t, c.call("GET", path, ""), 403, "MissingAuthenticationTokenException", missing)
	wantReply(t, c.call("POST", "/v1/model//converse", "{}"), 403, "MissingAuthenticationTokenException", missing)
	wantReply(t, c.call("POST", "/v2/model/m/converse", "{}"), 403, "ForbiddenException", `{"message":"Forbidden"}`)

	c.credentials.SecretAccessKey = "other"
	equal(t, "wrong secret", c.call("POST", path, "{}").header.Get("x-amzn-ErrorType"), "InvalidSignatureException")
	c.credentials.AccessKeyID = "ASIAUNKNOWN"
	equal(t, "unknown key", c.call("POST", path, "{}").header.Get("x-amzn-ErrorType"), "UnrecognizedClientException")

	equal(t, "invocations", len(c.events), 0)
	for _, call := range c.log.All() {
		equal(t, "recorded status", call.Status, 403)
		equal(t, "recorded principal", call.Principal, calls.Principal{})
	}
	equal(t, "recorded", len(c.log.All()), 10)
}

func TestRouting(t *testing.T) {
	free := func(verb string) template.Method {
		return method(func(m *template.Method) { m.HTTPMethod = verb; m.AuthorizationType = "NONE" })
	}
	c := open(t, api(
		resource("/", free("GET")), resource("/a", free("GET")), resource("/a/{x}", free("ANY")),
		resource("/a/{x}/c", free("GET")), resource("/a/b", free("GET")), resource("/p/{rest+}", free("GET")),
	))
	tests := map[string]struct{ path, resource, parameters string }{
		"root":               {"/v1/", "/", "{}"},
		"literal":            {"/v1/a/b", "/a/b", "{}"},
		"variable":           {"/v1/a/z", "/a/{x}", `{"x":"z"}`},
		"back from literal":  {"/v1/a/b/c", "/a/{x}/c", `{"x":"b"}`},
		"encoded slash":      {"/v1/a/y%2Fz", "/a/{x}", `{"x":"y%2Fz"}`},
		"encoded literal":    {"/v1/%61/b", "/a/b", "{}"},
		"greedy":             {"/v1/p/q/r%20s", "/p/{rest+}", `{"rest":"q/r%20s"}`},
		"nothing for greedy": {"/v1/p", "", ""},
		"below a leaf":       {"/v1/a/b/d", "", ""},
		"trailing slash":     {"/v1/a/", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before := len(c.events)
			got := c.send(c.request("GET", test.path, ""))
			if test.resource == "" {
				equal(t, "status", got.status, 403)
				equal(t, "invocations", len(c.events), before)
				return
			}
			equal(t, "status", got.status, 200)
			e := c.events[before]
			equal(t, "resource", e.Resource, test.resource)
			parameters, err := json.Marshal(e.PathParameters)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "parameters", strings.Replace(string(parameters), "null", "{}", 1), test.parameters)
		})
	}
	equal(t, "ANY", c.send(c.request("DELETE", "/v1/a/z", "")).status, 200)
}

func TestAnswers(t *testing.T) {
	const broken = `{"message":"Internal server error"}`
	tests := map[string]struct {
		output, functionError string
		err                   error
		status                int
		errorType, body       string
	}{
		"text status":    {output: `{"statusCode":"204"}`, status: 204},
		"null body":      {output: `{"statusCode":200,"body":null,"headers":null}`, status: 200},
		"number header":  {output: `{"statusCode":200,"headers":{"x-n":5},"body":"b"}`, status: 200, body: "b"},
		"base64 kept":    {output: `{"statusCode":200,"body":"YQ==","isBase64Encoded":true}`, status: 200, body: "YQ=="},
		"error status":   {output: `{"statusCode":404,"body":"no"}`, status: 404, body: "no"},
		"no JSON":        {output: `hello`, status: 502, errorType: "InternalServerErrorException", body: broken},
		"null":           {output: `null`, status: 502, errorType: "InternalServerErrorException", body: broken},
		"no status":      {output: `{"body":"b"}`, status: 502, errorType: "InternalServerErrorException", body: broken},
		"odd status":     {output: `{"statusCode":99}`, status: 502, errorType: "InternalServerErrorException", body: broken},
		"body object":    {output: `{"statusCode":200,"body":{}}`, status: 502, errorType: "InternalServerErrorException", body: broken},
		"header object":  {output: `{"statusCode":200,"headers":{"a":{}}}`, status: 502, errorType: "InternalServerErrorException", body: broken},
		"unknown key":    {output: `{"statusCode":200,"cookies":[]}`, status: 502, errorType: "InternalServerErrorException", body: broken},
		"function error": {output: `{"errorMessage":"x"}`, functionError: "Unhandled", status: 502, errorType: "InternalServerErrorException", body: broken},
		"Lambda fails":   {err: errors.New("throttled"), status: 500, errorType: "InternalServerErrorException", body: broken},
	}
	c := open(t, converse)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c.function = func([]byte) ([]byte, string, error) { return []byte(test.output), test.functionError, test.err }
			wantReply(t, c.call("POST", "/v1/model/m/converse", "{}"), test.status, test.errorType, test.body)
		})
	}
}

func TestBinary(t *testing.T) {
	a := converse
	a.BinaryMediaTypes = []string{"image/*"}
	c := open(t, a)
	c.function = func([]byte) ([]byte, string, error) {
		return []byte(`{"statusCode":200,"body":"AAH/","isBase64Encoded":true}`), "", nil
	}
	r := c.request("POST", "/v1/model/m/converse", "\xff\x00")
	r.Header.Set("Content-Type", "image/png")
	r.Header.Set("Accept", "image/png, text/plain")
	got := c.send(c.sign(r, "\xff\x00"))
	equal(t, "body", got.body, "\x00\x01\xff")
	equal(t, "base64", c.events[0].IsBase64Encoded, true)
	equal(t, "event body", c.events[0].Body, "/wA=")
}

func TestLimits(t *testing.T) {
	a := api(resource("/x", method(func(m *template.Method) {
		m.AuthorizationType = "NONE"
		m.Integration.Timeout = 50 * time.Millisecond
	})), resource("/unpermitted", method(func(m *template.Method) {
		m.AuthorizationType = "NONE"
		m.Integration.Permitted = false
	})))
	c := open(t, a)
	got := c.send(c.request("POST", "/v1/x", strings.Repeat("a", maxPayload+1)))
	wantReply(t, got, 413, "", "HTTP content length exceeded 10485760 bytes.")
	got = c.send(c.request("POST", "/v1/x", strings.Repeat("a", maxInvocation)))
	wantReply(t, got, 413, "", `{"message":"Request Too Long"}`)
	got = c.send(c.request("POST", "/v1/unpermitted", ""))
	wantReply(t, got, 500, "InternalServerErrorException", `{"message":"Internal server error"}`)
	equal(t, "invocations", len(c.events), 0)

	release := make(chan struct{})
	finished := make(chan struct{})
	c.function = func([]byte) ([]byte, string, error) {
		<-release
		close(finished)
		return []byte(`{"statusCode":200}`), "", nil
	}
	got = c.send(c.request("POST", "/v1/x", ""))
	wantReply(t, got, 504, "InternalServerErrorException", `{"message":"Endpoint request timed out"}`)
	close(release)
	<-finished // the function runs on after the gateway gave up
}

func TestFaults(t *testing.T) {
	c := open(t, converse)
	const path = "/v1/model/m/converse"
	c.log.SetHook(func(call calls.Call) *calls.Fault {
		equal(t, "principal asked about", call.Principal, caller)
		return &calls.Fault{Status: 429, Code: "TooManyRequestsException", Message: "Too Many Requests"}
	})
	wantReply(t, c.call("POST", path, "{}"), 429, "TooManyRequestsException", `{"message":"Too Many Requests"}`)
	equal(t, "invocations", len(c.events), 0)

	c.log.SetHook(lostAnswer)
	equal(t, "after", c.call("POST", path, "{}").status, 500)
	equal(t, "invocations", len(c.events), 1)

	c.log.SetHook(func(calls.Call) *calls.Fault { return &calls.Fault{Reset: true} })
	resp, err := http.DefaultClient.Do(c.sign(c.request("POST", path, "{}"), "{}"))
	if err == nil {
		_ = resp.Body.Close()
		t.Errorf("got %d, want a closed connection", resp.StatusCode)
	}
	equal(t, "recorded", len(c.log.Find("execute-api:Invoke")), 3)
}

func lostAnswer(calls.Call) *calls.Fault { return &calls.Fault{After: true, Message: "lost"} }
