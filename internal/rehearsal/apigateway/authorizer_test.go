package apigateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

const authorizerARN = "arn:aws:lambda:us-east-1:123456789012:function:authorize"

func tokens(change func(*template.Authorizer)) template.RestAPI {
	a := &template.Authorizer{
		ID: "auth01", Type: "TOKEN", FunctionARN: authorizerARN, Permitted: true, Header: "Authorization",
		Validation: "Bearer .+", ResultTTL: time.Minute,
	}
	if change != nil {
		change(a)
	}
	custom := func(m *template.Method) { m.AuthorizationType, m.Authorizer = "CUSTOM", a }
	return api(resource("/model/{model}/converse", method(custom)), resource("/models", method(custom)))
}

// authority plays the authorizer: it answers per token.
type authority struct {
	mu      sync.Mutex
	answers map[string]string
	// failures are function errors per token.
	failures map[string]string
	asked    []tokenEvent
}

func (a *authority) join(o *Options) {
	invoke := o.Invoke
	o.Invoke = func(ctx context.Context, arn string, event []byte) ([]byte, string, error) {
		if arn != authorizerARN {
			return invoke(ctx, arn, event)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		var e tokenEvent
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, "", err
		}
		a.asked = append(a.asked, e)
		if message, fails := a.failures[e.Token]; fails {
			return []byte(`{"errorMessage":` + jsonString(message) + `,"errorType":"errorString"}`), "Unhandled", nil
		}
		answer, ok := a.answers[e.Token]
		if !ok {
			return nil, "", errors.New("throttled")
		}
		return []byte(answer), "", nil
	}
}

func granted(more string, statements ...string) string {
	return `{"principalId":"ana","policyDocument":` + string(document(statements...)) + more + `}`
}

func (c *cloud) bearer(path, token string) reply {
	c.t.Helper()
	r := c.request("POST", path, "{}")
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	return c.send(r)
}

// Ensure each answer of an authorizer leads to the status API Gateway has for it.
func TestTokenAuthorizer(t *testing.T) {
	const (
		path   = "/v1/model/m/converse"
		broken = `{"message":null}`
		to     = "User is not authorized to access this resource "
	)
	authorize := &authority{
		answers: map[string]string{
			"Bearer all":       granted(`,"context":{"models":"*","n":1.5,"b":true}`, allModels),
			"Bearer m":         granted("", modelX, modelM),
			"Bearer x":         granted("", modelX),
			"Bearer denied":    granted("", allModels, denyM),
			"Bearer null":      "null",
			"Bearer no policy": `{"principalId":"ana"}`,
			"Bearer nobody":    strings.Replace(granted("", modelM), `"ana"`, `""`, 1),
			"Bearer list":      granted(`,"context":{"models":["a"]}`, modelM),
			"Bearer nothing":   granted(`,"context":{"models":null}`, modelM),
			"Bearer odd":       granted(`,"claims":{}`, modelM),
			"Bearer variable":  granted("", strings.Replace(modelM, "model/m", "model/${userid}", 1)),
			"Bearer no JSON":   "yes",
		},
		failures: map[string]string{"Bearer expired": "Unauthorized", "Bearer unlucky": "the keys cannot be fetched"},
	}
	c := open(t, tokens(nil), authorize.join)
	for token, tc := range map[string]struct {
		status    int
		errorType string
		body      string
		asked     bool
	}{
		"":                 {401, "UnauthorizedException", `{"message":"Unauthorized"}`, false},
		"Basic x":          {401, "UnauthorizedException", `{"message":"Unauthorized"}`, false},
		"Bearer ":          {401, "UnauthorizedException", `{"message":"Unauthorized"}`, false},
		"Bearer all":       {200, "", "ok", true},
		"Bearer m":         {200, "", "ok", true},
		"Bearer x":         {403, "AccessDeniedException", `{"Message":"` + to + noIdentity + `"}`, true},
		"Bearer denied":    {403, "AccessDeniedException", `{"Message":"` + to + denyIdentity + `"}`, true},
		"Bearer expired":   {401, "UnauthorizedException", `{"message":"Unauthorized"}`, true},
		"Bearer unlucky":   {500, "AuthorizerConfigurationException", broken, true},
		"Bearer throttled": {500, "AuthorizerConfigurationException", broken, true},
		"Bearer null":      {500, "AuthorizerConfigurationException", broken, true},
		"Bearer no policy": {500, "AuthorizerConfigurationException", broken, true},
		"Bearer nobody":    {500, "AuthorizerConfigurationException", broken, true},
		"Bearer list":      {500, "AuthorizerConfigurationException", broken, true},
		"Bearer nothing":   {500, "AuthorizerConfigurationException", broken, true},
		"Bearer odd":       {500, "AuthorizerConfigurationException", broken, true},
		"Bearer variable":  {500, "AuthorizerConfigurationException", broken, true},
		"Bearer no JSON":   {500, "AuthorizerConfigurationException", broken, true},
	} {
		t.Run(token, func(t *testing.T) {
			before := len(authorize.asked)
			wantReply(t, c.bearer(path, token), tc.status, tc.errorType, tc.body)
			equal(t, "asked", len(authorize.asked) > before, tc.asked)
		})
	}
	equal(t, "event", authorize.asked[0].Type+" "+authorize.asked[0].ARN,
		"TOKEN arn:aws:execute-api:us-east-1:123456789012:abcdefghij/v1/POST/model/m/converse")
}

// Ensure the function gets what the authorizer says, as texts, and the token.
func TestTokenAuthorizer_Context(t *testing.T) {
	authorize := &authority{answers: map[string]string{"Bearer all": granted(`,"context":{"models":"a b","n":1.5,"b":true}`, allModels)}}
	c := open(t, tokens(nil), authorize.join)
	for range 2 { // once asked, once remembered
		equal(t, "status", c.bearer("/v1/model/m/converse", "Bearer all").status, 200)
	}
	for _, e := range c.events {
		said := e.RequestContext.Authorizer
		for key, want := range map[string]any{"principalId": "ana", "models": "a b", "n": "1.5", "b": "true"} {
			equal(t, key, said[key], want)
		}
		if _, number := said["integrationLatency"].(float64); !number {
			t.Errorf("latency %v", said["integrationLatency"])
		}
		equal(t, "token", e.Headers["Authorization"], "Bearer all")
		equal(t, "user", e.RequestContext.Identity.UserArn, "")
	}
}

// Ensure an answer is kept for its time, for all methods alike, and an error is
// not kept at all.
func TestTokenAuthorizer_Cache(t *testing.T) {
	authorize := &authority{
		answers:  map[string]string{"Bearer m": granted("", modelM), "Bearer x": granted("", modelX)},
		failures: map[string]string{"Bearer expired": "Unauthorized"},
	}
	c := open(t, tokens(nil), authorize.join)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c.handler.now = func() time.Time { return now }
	ask := func(path, token string, status, asked int) {
		t.Helper()
		equal(t, token+" at "+path, c.bearer(path, token).status, status)
		equal(t, "asked", len(authorize.asked), asked)
	}
	ask("/v1/model/m/converse", "Bearer m", 200, 1)
	ask("/v1/model/m/converse", "Bearer m", 200, 1)
	ask("/v1/models", "Bearer m", 403, 1) // the same answer, of another method
	ask("/v1/model/m/converse", "Bearer x", 403, 2)
	ask("/v1/model/m/converse", "Bearer x", 403, 2)
	ask("/v1/model/m/converse", "Bearer expired", 401, 3)
	ask("/v1/model/m/converse", "Bearer expired", 401, 4)
	now = now.Add(59 * time.Second)
	ask("/v1/model/m/converse", "Bearer m", 200, 4)
	now = now.Add(time.Second)
	ask("/v1/model/m/converse", "Bearer m", 200, 5)

	never := open(t, tokens(func(a *template.Authorizer) { a.ResultTTL = 0 }), authorize.join)
	for n := range 2 {
		equal(t, "status", never.bearer("/v1/model/m/converse", "Bearer m").status, 200)
		equal(t, "asked", len(authorize.asked), 6+n)
	}
}

// Ensure the API's resource policy is held against callers with tokens, who are
// anonymous: first its denials, then together with the authorizer's policy.
func TestTokenAuthorizer_ResourcePolicy(t *testing.T) {
	const anonymous = `{"Message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: ` + methodM + " " + denyResource + `"}`
	for name, tc := range map[string]struct {
		policy, token string
		status        int
		body          string
		asked         int
	}{
		"silent":              {denyNoTLS, "Bearer m", 200, "ok", 1},
		"denies anybody else": {denyOthers, "Bearer m", 403, anonymous, 0},
		"denies, no token":    {denyAll, "", 403, anonymous, 0},
		"allows":              {toAll, "Bearer x", 200, "ok", 1},
		"allows, denied":      {toAll, "Bearer denied", 403, `{"Message":"User is not authorized to access this resource ` + denyIdentity + `"}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			authorize := &authority{answers: map[string]string{
				"Bearer m": granted("", modelM), "Bearer x": granted("", modelX), "Bearer denied": granted("", denyM),
			}}
			a := tokens(nil)
			a.Policy = document(tc.policy)
			c := open(t, a, authorize.join)
			got := c.bearer("/v1/model/m/converse", tc.token)
			equal(t, "status", got.status, tc.status)
			equal(t, "body", got.body, tc.body)
			equal(t, "asked", len(authorize.asked), tc.asked)
		})
	}
}

// Ensure API Gateway needs permission to ask the authorizer.
func TestTokenAuthorizer_Unpermitted(t *testing.T) {
	authorize := &authority{answers: map[string]string{"Bearer m": granted("", modelM)}}
	c := open(t, tokens(func(a *template.Authorizer) { a.Permitted = false }), authorize.join)
	wantReply(t, c.bearer("/v1/model/m/converse", "Bearer m"), 500, "AuthorizerConfigurationException", `{"message":null}`)
	equal(t, "asked", len(authorize.asked), 0)
}

// Ensure an API key may come from the authorizer.
func TestTokenAuthorizer_UsageKey(t *testing.T) {
	authorize := &authority{answers: map[string]string{
		"Bearer m": granted(`,"usageIdentifierKey":"value-of-key-1"`, modelM), "Bearer none": granted("", modelM),
	}}
	a := tokens(nil)
	a.APIKeySource = "AUTHORIZER"
	a.Keys = []template.APIKey{{ID: "key1", Value: "value-of-key-1", Enabled: true}}
	a.Resources[0].Methods[0].APIKeyRequired = true
	c := open(t, a, authorize.join)
	equal(t, "with a key", c.bearer("/v1/model/m/converse", "Bearer m").status, 200)
	wantReply(t, c.bearer("/v1/model/m/converse", "Bearer none"), 403, "ForbiddenException", `{"message":"Forbidden"}`)
}

// Ensure a stream is authorized as any other method is.
func TestTokenAuthorizer_Stream(t *testing.T) {
	authorize := &authority{answers: map[string]string{"Bearer m": granted("", modelM)}}
	a := streaming(func(m *template.Method) {
		m.AuthorizationType, m.Authorizer = "CUSTOM", tokens(nil).Resources[0].Methods[0].Authorizer
	})
	c := open(t, a, authorize.join, respond(io.EOF, `{"statusCode":200}`+string(delimiter)+"body"))
	wantReply(t, c.bearer(streamPath, "Bearer m"), 200, "", "body")
	equal(t, "without", c.bearer(streamPath, "").status, 401)
}
