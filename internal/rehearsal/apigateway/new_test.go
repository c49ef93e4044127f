package apigateway

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

func TestNewRefuses(t *testing.T) {
	withMethod := func(change func(*template.Method)) template.RestAPI { return api(resource("/x", method(change))) }
	disabled := converse
	disabled.DisableExecuteAPIEndpoint = true
	tests := map[string]struct {
		api  template.RestAPI
		want string
	}{
		"mock": {withMethod(func(m *template.Method) { m.Integration.Type = "MOCK" }), "a MOCK integration is not modelled"},
		"stream, another URI": {streaming(func(m *template.Method) {
			m.Integration.URI = strings.Replace(streamURI, "response-streaming-", "", 1)
		}), "response transfer mode STREAM needs the URI"},
		"stream, older API": {streaming(func(m *template.Method) {
			m.Integration.URI = strings.Replace(streamURI, "2021-11-15", "2015-03-31", 1)
		}), "response transfer mode STREAM needs the URI"},
		"stream, too long": {streaming(func(m *template.Method) { m.Integration.Timeout = 901 * time.Second }), "above the most of a stream"},
		"stream's URI":     {withMethod(func(m *template.Method) { m.Integration.URI = streamURI }), "is that of a stream"},
		"transfer mode":    {withMethod(func(m *template.Method) { m.Integration.TransferMode = "DRIP" }), "transfer mode DRIP is not modelled"},
		"no InvokeStream":  {streaming(nil), "InvokeStream must be set"},
		"authorizer":       {withMethod(func(m *template.Method) { m.AuthorizationType = "CUSTOM" }), "authorization CUSTOM"},
		"timeout":          {withMethod(func(m *template.Method) { m.Integration.Timeout = time.Millisecond }), "below the least"},
		"disabled":         {disabled, "default endpoint is disabled"},
		"two names":        {api(resource("/{a}"), resource("/{b}/c")), "a sibling is {a}"},
		"parameter": {withMethod(func(m *template.Method) {
			m.ValidateParameters, m.RequestParameters = true, map[string]bool{"method.request.cookie.x": true}
		}), "request parameter method.request.cookie.x"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := New((&cloud{t: t, api: test.api}).options())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
	if _, err := New(Options{API: converse}); err == nil {
		t.Error("New works without Verify, Log, Clock and Invoke")
	}
}

func withPolicy(a template.RestAPI, policy string) template.RestAPI {
	a.Policy = []byte(policy)
	return a
}

func privately(a template.RestAPI) template.RestAPI {
	a.EndpointType = "PRIVATE"
	return a
}

// Ensure an endpoint goes with a private API that has a policy, and only there.
func TestNewRefusesEndpoints(t *testing.T) {
	for want, a := range map[string]template.RestAPI{
		"no VPC endpoint leads to it": converse,
		"would admit nobody":          privately(converse),
		"reading policy VPC endpoint": withPolicy(privately(converse), string(document(toAll))),
	} {
		o := (&cloud{t: t, api: a}).options()
		o.Endpoint = &template.Endpoint{ID: "vpce-1", Policy: []byte("{}")}
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	o := (&cloud{t: t, api: converse}).options()
	o.Policies = nil
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "Policies must be set") {
		t.Errorf("got %v", err)
	}
}

// The fixture of the template package goes all the way.
func TestFromTemplate(t *testing.T) {
	stack, err := template.Load("../template/testdata/demo", template.Options{Region: "us-east-1", AccountID: "123456789012"})
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{t: t, api: stack.RestAPIs[0], policies: []iampolicy.Policy{everything}}
	c.credentials = c.keys.Issue(caller)
	o := c.options()
	var invoked string
	o.Invoke = func(_ context.Context, arn string, _ []byte) ([]byte, string, error) {
		invoked = arn
		return []byte(`{"statusCode":200}`), "", nil
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.server = httptest.NewServer(h)
	defer c.server.Close()
	wantReply(t, c.call("POST", "/v1/model/m/converse", `{}`), 400, "BadRequestException", `{"message":"Invalid request body"}`)
	wantReply(t, c.call("POST", "/v1/model/m/converse", `{"messages":[]}`), 200, "", "")
	equal(t, "function", invoked, stack.Functions[0].ARN)
}
