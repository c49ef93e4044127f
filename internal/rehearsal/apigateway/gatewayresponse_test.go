package apigateway

import (
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// both is a template for two kinds of clients, as the stack's own is.
const both = `{"message":$context.error.messageString,"type":"$context.error.responseType","id":"$context.requestId"}`

func withResponses(a template.RestAPI, responses ...template.GatewayResponse) template.RestAPI {
	a.GatewayResponses = map[string]template.GatewayResponse{}
	for _, r := range responses {
		a.GatewayResponses[r.Type] = r
	}
	return a
}

// Ensure each of the gateway's own answers takes the form the template has for
// its type, or for its class.
func TestGatewayResponses(t *testing.T) {
	a := validating(requestSchema, "application/json")
	a.Resources = append(a.Resources, converse.Resources...)
	a.Resources = append(a.Resources, resource("/keys", method(func(m *template.Method) { m.AuthorizationType, m.APIKeyRequired = "NONE", true })))
	a.Resources = append(a.Resources, tokens(nil).Resources[1])
	a = withResponses(a,
		template.GatewayResponse{Type: "DEFAULT_4XX", Template: both},
		template.GatewayResponse{Type: "DEFAULT_5XX", Status: 503, Template: `{"error":"${context.error.message}"}`},
		template.GatewayResponse{Type: "THROTTLED", Headers: map[string]string{"Retry-After": "1"}},
		template.GatewayResponse{Type: "ACCESS_DENIED", Status: 404, Template: both},
		template.GatewayResponse{Type: "BAD_REQUEST_BODY", Template: `{"why":"$context.error.validationErrorString"}`},
	)
	c := open(t, a, (&authority{failures: map[string]string{"Bearer x": "no keys"}}).join)
	both := func(kind, message string) string {
		return `{"message":"` + message + `","type":"` + kind + `","id":"<id>"}`
	}
	for name, tc := range map[string]struct {
		ask    func() reply
		status int
		body   string
	}{
		"unsigned":          {func() reply { return c.send(c.request("POST", "/v1/model/m/converse", "{}")) }, 403, both("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")},
		"unknown path":      {func() reply { return c.send(c.request("POST", "/v1/y", "")) }, 403, both("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token")},
		"no key":            {func() reply { return c.send(c.request("POST", "/v1/keys", "")) }, 403, both("INVALID_API_KEY", "Forbidden")},
		"no token":          {func() reply { return c.bearer("/v1/models", "") }, 401, both("UNAUTHORIZED", "Unauthorized")},
		"no parameter":      {func() reply { return c.send(c.request("POST", "/v1/x?page=1", "{}")) }, 400, both("BAD_REQUEST_PARAMETERS", "Missing required request parameters: [X-Tenant]")},
		"authorizer fails":  {func() reply { return c.bearer("/v1/models", "Bearer x") }, 503, `{"error":""}`},
		"another stage":     {func() reply { return c.send(c.request("POST", "/v2/x", "")) }, 403, `{"message":"Forbidden"}`},
		"too large":         {func() reply { return c.send(c.request("POST", "/v1/x", strings.Repeat("a", maxPayload+1))) }, 413, tooLargeMessage},
		"what functions do": {func() reply { return c.call("POST", "/v1/model/m/converse", "{}") }, 200, "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			got := tc.ask()
			equal(t, "status", got.status, tc.status)
			equal(t, "body", got.body, strings.Replace(tc.body, "<id>", got.header.Get("x-amzn-RequestId"), 1))
		})
	}
	c.policies = identityPolicies(t, modelX)
	got := c.call("POST", "/v1/model/m/converse", "{}")
	equal(t, "status", got.status, 404)
	if !strings.Contains(got.body, `is not authorized to perform`) || !strings.Contains(got.body, `"type":"ACCESS_DENIED"`) {
		t.Errorf("got %s", got.body)
	}
	equal(t, "recorded", c.log.All()[len(c.log.All())-1].Status, 404)
}

// Ensure what a scenario lets the gateway answer takes the template's form, too.
func TestGatewayResponses_Faults(t *testing.T) {
	c := open(t, withResponses(converse,
		template.GatewayResponse{Type: "DEFAULT_4XX", Template: both},
		template.GatewayResponse{Type: "THROTTLED", Headers: map[string]string{"Retry-After": "1"}, Template: `{"slow":$context.error.messageString}`},
		template.GatewayResponse{Type: "QUOTA_EXCEEDED", Headers: map[string]string{"Retry-After": "3600"}},
	))
	for code, want := range map[string]struct{ retryAfter, body string }{
		"TooManyRequestsException": {"1", `{"slow":"x"}`},
		"LimitExceededException":   {"3600", `{"message":"x"}`},
	} {
		c.log.SetHook(func(calls.Call) *calls.Fault { return &calls.Fault{Status: 429, Code: code, Message: "x"} })
		got := c.call("POST", "/v1/model/m/converse", "{}")
		wantReply(t, got, 429, code, want.body)
		equal(t, "Retry-After", got.header.Get("Retry-After"), want.retryAfter)
	}
}

// Ensure the type of a request that is too large can be changed by its own name.
func TestGatewayResponses_TooLarge(t *testing.T) {
	c := open(t, withResponses(converse, template.GatewayResponse{Type: "REQUEST_TOO_LARGE", Template: both}))
	got := c.send(c.request("POST", "/v1/model/m/converse", strings.Repeat("a", maxPayload+1)))
	equal(t, "status", got.status, 413)
	equal(t, "type", got.header.Get("Content-Type"), "application/json")
	equal(t, "body", got.body, `{"message":"`+tooLargeMessage+`","type":"REQUEST_TOO_LARGE","id":"`+got.header.Get("x-amzn-RequestId")+`"}`)
}

// Ensure a validator's words come through escaped, and only where asked for.
func TestGatewayResponses_ValidationError(t *testing.T) {
	c := open(t, withResponses(validating(requestSchema, "application/json"),
		template.GatewayResponse{Type: "BAD_REQUEST_BODY", Template: `{"why":"$context.error.validationErrorString"}`}))
	r := c.request("POST", "/v1/x?page=1", `{"messages":[]}`)
	r.Header.Set("X-Tenant", "t")
	got := c.send(r)
	if !strings.HasPrefix(got.body, `{"why":"[`) || !strings.Contains(got.body, "minItems") || strings.Contains(got.body, "\n") {
		t.Errorf("got %s", got.body)
	}
}
