package apigateway

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// document is a policy document of one or more statements.
func document(statements ...string) []byte {
	return []byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)
}

func identityPolicies(t *testing.T, statements ...string) []iampolicy.Policy {
	t.Helper()
	p, err := iampolicy.ParseIdentity("caller", document(statements...))
	if err != nil {
		t.Fatal(err)
	}
	return []iampolicy.Policy{p}
}

const (
	allModels  = `{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:123456789012:abcdefghij/v1/POST/model/*"}`
	modelM     = `{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:123456789012:abcdefghij/v1/POST/model/m/*"}`
	modelX     = `{"Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:123456789012:abcdefghij/v1/POST/model/x/*"}`
	denyM      = `{"Effect":"Deny","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:123456789012:abcdefghij/v1/POST/model/m/*"}`
	toAll      = `{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"*"}`
	denyOthers = `{"Sid":"DenyOtherAccounts","Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"*",
		"Condition":{"StringNotEquals":{"aws:PrincipalAccount":"123456789012"}}}`
	denyNoTLS = `{"Sid":"DenyWithoutTLS","Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	denyAll   = `{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"*"}`
	methodM   = "arn:aws:execute-api:us-east-1:********9012:abcdefghij/v1/POST/model/m/converse"

	// The ends of a refusal.
	noIdentity   = "because no identity-based policy allows the execute-api:Invoke action"
	denyIdentity = "with an explicit deny in an identity-based policy"
	noResource   = "because no resource-based policy allows the execute-api:Invoke action"
	denyResource = "with an explicit deny in a resource-based policy"
)

// Ensure a signature is not enough: the caller's policies and the API's decide
// together, by API Gateway's table for one account, and a refusal says why.
func TestIAMPolicies(t *testing.T) {
	for name, tc := range map[string]struct {
		identity []string
		resource []string
		// refusal is how the message ends, empty for an allowed request.
		refusal string
	}{
		"allowed":                         {[]string{modelM}, nil, ""},
		"allowed for all models":          {[]string{allModels}, []string{denyOthers, denyNoTLS}, ""},
		"another model":                   {[]string{modelX}, nil, noIdentity},
		"another action":                  {[]string{strings.Replace(allModels, "Invoke", "ManageConnections", 1)}, nil, noIdentity},
		"denied":                          {[]string{allModels, denyM}, nil, denyIdentity},
		"allowed by the API":              {[]string{modelX}, []string{toAll}, ""},
		"allowed by the API, denied":      {[]string{denyM}, []string{toAll}, denyIdentity},
		"allowed, denied by the API":      {[]string{allModels}, []string{denyAll}, denyResource},
		"nobody says anything":            {[]string{modelX}, []string{denyOthers}, noIdentity},
		"denied by a condition that is":   {[]string{allModels}, []string{strings.Replace(denyOthers, "123456789012\"}", "999988887777\"}", 1)}, denyResource},
		"allowed to the caller's role":    {[]string{modelX}, []string{strings.Replace(toAll, `"*"`, `{"AWS":"arn:aws:iam::123456789012:role/operator"}`, 1)}, ""},
		"allowed to the caller's session": {[]string{modelX}, []string{strings.Replace(toAll, `"*"`, `{"AWS":"`+caller.ARN+`"}`, 1)}, ""},
		"allowed to the account":          {[]string{modelX}, []string{strings.Replace(toAll, `"*"`, `{"AWS":"123456789012"}`, 1)}, noIdentity},
	} {
		t.Run(name, func(t *testing.T) {
			a := converse
			if tc.resource != nil {
				a.Policy = document(tc.resource...)
			}
			c := open(t, a)
			c.policies = identityPolicies(t, tc.identity...)
			got := c.call("POST", "/v1/model/m/converse", "{}")
			if tc.refusal == "" {
				wantReply(t, got, 200, "", "ok")
				return
			}
			wantReply(t, got, 403, "AccessDeniedException",
				`{"Message":"User: `+caller.ARN+` is not authorized to perform: execute-api:Invoke on resource: `+methodM+" "+tc.refusal+`"}`)
			equal(t, "invocations", len(c.events), 0)
			call := c.log.All()[0]
			equal(t, "recorded", call.Error, "AccessDeniedException")
			equal(t, "recorded principal", call.Principal, caller)
		})
	}
}

// Ensure a method without authorization is open, unless the API has a resource
// policy: then that must allow the request.
func TestResourcePolicyAlone(t *testing.T) {
	free := api(resource("/x", method(func(m *template.Method) { m.AuthorizationType = "NONE" })))
	const resource = "arn:aws:execute-api:us-east-1:********9012:abcdefghij/v1/POST/x"
	address := strings.Replace(toAll, `"Resource":"*"`, `"Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}`, 1)
	for policy, refusal := range map[string]string{
		"":                                       "",
		address:                                  "",
		address + "," + denyNoTLS:                "",
		address + "," + denyOthers:               denyResource,
		denyNoTLS:                                noResource,
		strings.Replace(address, "127", "10", 1): noResource,
	} {
		a := free
		if policy != "" {
			a.Policy = document(policy)
		}
		got := open(t, a).send(open(t, a).request("POST", "/v1/x", ""))
		if refusal == "" {
			equal(t, policy, got.status, 200)
			continue
		}
		wantReply(t, got, 403, "AccessDeniedException",
			`{"Message":"User: anonymous is not authorized to perform: execute-api:Invoke on resource: `+resource+" "+refusal+`"}`)
	}
}

func private(policy, endpointPolicy string) (template.RestAPI, *template.Endpoint) {
	a := converse
	a.EndpointType, a.Policy = "PRIVATE", document(policy)
	e := &template.Endpoint{ID: "vpce-1", VPCID: "vpc-1"}
	if endpointPolicy != "" {
		e.Policy = document(endpointPolicy)
	}
	return a, e
}

// Ensure a private API sees the endpoint its callers come through, and that the
// endpoint's own policy has a say.
func TestPrivateAPI(t *testing.T) {
	through := func(endpoint string) string {
		return `{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"` + endpoint + `"}}}`
	}
	models := strings.Replace(toAll, `"Resource":"*"`, `"Resource":"arn:aws:execute-api:us-east-1:123456789012:*/v1/POST/model/*","Condition":{"StringEquals":{"aws:PrincipalAccount":"123456789012"}}`, 1)
	for name, tc := range map[string]struct{ policy, endpoint, refusal string }{
		"through it":             {through("vpce-1"), "", ""},
		"through another":        {through("vpce-2"), "", denyResource},
		"by the VPC":             {strings.Replace(toAll, `"Resource":"*"`, `"Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"},"Null":{"aws:SourceIp":"true"}}`, 1), "", ""},
		"endpoint allows":        {through("vpce-1"), models, ""},
		"endpoint allows others": {through("vpce-1"), strings.Replace(models, "model/*", "models", 1), "because no VPC endpoint policy allows the execute-api:Invoke action"},
		"endpoint denies":        {through("vpce-1"), denyAll, "with an explicit deny in a VPC endpoint policy"},
	} {
		t.Run(name, func(t *testing.T) {
			a, endpoint := private(tc.policy, tc.endpoint)
			c := open(t, a, func(o *Options) { o.Endpoint = endpoint })
			got := c.call("POST", "/v1/model/m/converse", "{}")
			equal(t, "status", got.status, map[bool]int{true: 200, false: 403}[tc.refusal == ""])
			if !strings.Contains(got.body, tc.refusal) {
				t.Errorf("got %s, want %q", got.body, tc.refusal)
			}
		})
	}
}

// Ensure what cannot be decided is neither allowed nor taken for AWS's word.
func TestUndecidable(t *testing.T) {
	c := open(t, converse)
	c.policies = identityPolicies(t, strings.Replace(allModels, `"}`, `","Condition":{"StringEquals":{"aws:PrincipalTag/team":"a"}}}`, 1))
	got := c.call("POST", "/v1/model/m/converse", "{}")
	equal(t, "status", got.status, 500)
	equal(t, "error type", got.header.Get("x-amzn-ErrorType"), "RehearsalException")
	if !strings.Contains(got.body, "says nothing about aws:principaltag/team") {
		t.Errorf("got %s", got.body)
	}
	failing := open(t, converse, func(o *Options) {
		o.Policies = func(calls.Principal) ([]iampolicy.Policy, error) { return nil, errors.New("no policies of this role") }
	})
	if got := failing.call("POST", "/v1/model/m/converse", "{}"); got.status != 500 || !strings.Contains(got.body, "no policies of this role") {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

// Ensure the two ways clients hash a body are treated as API Gateway does: the
// hash is that of the body, whether the header repeats it or not, and a request
// whose body is not signed is refused, as callers of UNSIGNED-PAYLOAD report.
func TestSignedBodies(t *testing.T) {
	const body = `{"messages":[]}`
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	for name, tc := range map[string]struct {
		hash, header, service string
		status                int
	}{
		"hashed":                  {hash, "", "execute-api", 200},
		"hashed, with its header": {hash, hash, "execute-api", 200},
		"unsigned":                {"UNSIGNED-PAYLOAD", "UNSIGNED-PAYLOAD", "execute-api", 403},
		"unsigned, no header":     {"UNSIGNED-PAYLOAD", "", "execute-api", 403},
		"another hash":            {strings.Repeat("0", 64), strings.Repeat("0", 64), "execute-api", 403},
		"event stream":            {"STREAMING-AWS4-HMAC-SHA256-EVENTS", "STREAMING-AWS4-HMAC-SHA256-EVENTS", "execute-api", 403},
		"signed for Bedrock":      {hash, "", "bedrock", 403},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, converse)
			r := c.request("POST", "/v1/model/m/converse", body)
			if tc.header != "" {
				r.Header.Set("X-Amz-Content-Sha256", tc.header)
			}
			signer := aws.Credentials{AccessKeyID: c.credentials.AccessKeyID, SecretAccessKey: c.credentials.SecretAccessKey, SessionToken: c.credentials.SessionToken}
			if err := v4.NewSigner().SignHTTP(t.Context(), signer, r, tc.hash, tc.service, "us-east-1", time.Now()); err != nil {
				t.Fatal(err)
			}
			got := c.send(r)
			equal(t, "status", got.status, tc.status)
			if tc.status == 403 {
				equal(t, "error type", got.header.Get("x-amzn-ErrorType"), "InvalidSignatureException")
			}
		})
	}
}

// Ensure only the key of a client of the stage's usage plan is taken, after the
// caller is known.
func TestAPIKeys(t *testing.T) {
	a := api(resource("/x", method(func(m *template.Method) { m.APIKeyRequired = true })))
	a.Keys = []template.APIKey{{ID: "key1", Value: "value-of-key-1", Enabled: true}, {ID: "key2", Value: "value-of-key-2"}}
	c := open(t, a)
	for value, status := range map[string]int{"value-of-key-1": 200, "value-of-key-2": 403, "value-of-key-3": 403, "": 403} {
		r := c.request("POST", "/v1/x", "")
		if value != "" {
			r.Header.Set("X-Api-Key", value)
		}
		got := c.send(c.sign(r, ""))
		equal(t, "status with "+value, got.status, status)
		if status == 403 {
			wantReply(t, got, 403, "ForbiddenException", `{"message":"Forbidden"}`)
		}
	}
	equal(t, "invocations", len(c.events), 1)
	identity := c.events[0].RequestContext.Identity
	equal(t, "key", identity.APIKey+" "+identity.APIKeyID, "value-of-key-1 key1")
	unsigned := c.request("POST", "/v1/x", "")
	unsigned.Header.Set("X-Api-Key", "value-of-key-1")
	equal(t, "a key alone", c.send(unsigned).header.Get("x-amzn-ErrorType"), "MissingAuthenticationTokenException")
}

// Ensure a request is refused for its caller before its body is looked at.
func TestAuthorizationComesBeforeValidation(t *testing.T) {
	a := validating(requestSchema, "application/json")
	a.Resources[0].Methods[0].AuthorizationType = "AWS_IAM"
	c := open(t, a)
	c.policies = identityPolicies(t, modelX)
	r := c.request(http.MethodPost, "/v1/x?page=1", "{}")
	r.Header.Set("X-Tenant", "t")
	equal(t, "status", c.send(c.sign(r, "{}")).status, 403)
}
