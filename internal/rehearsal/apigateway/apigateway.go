// Package apigateway is the rehearsal's API Gateway: an HTTP handler made from
// the RestApi view of the synthesized template, so that routes, authorization,
// request models and the stage are those which would be deployed.
//
// It follows the API Gateway Developer Guide: "Lambda proxy integrations in
// API Gateway" for the event and the answer, "Request validation for REST
// APIs", "Gateway response types" for its own answers, and "Important notes"
// for limits and headers. A response is streamed as "Set up a Lambda proxy
// integration with payload response streaming" says. Who may call is decided as
// in "How API Gateway resource policies affect authorization workflow", with the
// policies of the caller, of the API and of the VPC endpoint; tokens as in "Use
// API Gateway Lambda authorizers".
//
// Not modelled, and refused by New: integrations other than Lambda proxies,
// authorizers other than IAM and Lambda's of type TOKEN, disabled default
// endpoints. The throttling and the quotas of stage and usage plans are not
// enforced: they refill in real time and the rehearsal's clock is virtual; a
// scenario answers 429 through a fault instead. The rules of a web ACL before the
// stage are not evaluated.
package apigateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/clock"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

const (
	// maxPayload is the REST API payload limit, in bytes.
	maxPayload = 10485760
	// maxInvocation is Lambda's limit of a synchronous request, in bytes.
	maxInvocation = 6291456
)

// Options is what a handler is made of.
type Options struct {
	API template.RestAPI
	// Region, AccountID, Partition and URLSuffix are the stack's. Partition
	// defaults to "aws" and URLSuffix to "amazonaws.com".
	Region    string
	AccountID string
	Partition string
	URLSuffix string
	// Verify finds out who signed a request for the service "execute-api";
	// its errors are those of calls.Keyring.Verify.
	Verify func(*http.Request) (calls.Principal, error)
	// Policies are the identity policies of who signed; it is needed for an API
	// with IAM authorization.
	Policies func(calls.Principal) ([]iampolicy.Policy, error)
	// Decided is told every request and the policies it was held against, but for
	// that of the VPC endpoint; it may be nil.
	Decided func(iampolicy.Request, iampolicy.Policies)
	// Endpoint is the VPC endpoint that a private API is reached through; every
	// request is taken to come through it. It is nil for any other API.
	Endpoint *template.Endpoint
	Log      *calls.Log
	Clock    *clock.Clock
	// Invoke runs a function synchronously. functionError is Lambda's
	// X-Amz-Function-Error, empty for success; err means that Lambda itself
	// failed. It is not cancelled when the integration times out, because
	// the function then runs on.
	Invoke func(ctx context.Context, functionARN string, event []byte) (answer []byte, functionError string, err error)
	// InvokeStream runs a function and gives its response as it comes; it is
	// needed for an API that streams. A Read that fails tells that the
	// response broke off; err means that Lambda itself failed, or ctx's end
	// before the response began. Close must end a Read that waits, and must
	// not be told to the function, which runs on.
	InvokeStream func(ctx context.Context, functionARN string, event []byte) (response io.ReadCloser, err error)
}

type handler struct {
	o         Options
	routes    *node
	responses map[string]gatewayResponse
	// policy is the API's resource policy, endpointPolicy that of the VPC
	// endpoint; nil without one.
	policy, endpointPolicy *iampolicy.Policy
	grants                 grants
	// idle is how long a stream may be silent.
	idle time.Duration
	// now is the real time, by which an authorizer's answers are kept.
	now func() time.Time
}

// New makes the handler of one API. It answers under /<stage>/, as the API's
// default host name does.
func New(o Options) (http.Handler, error) {
	if o.Verify == nil || o.Log == nil || o.Clock == nil || o.Invoke == nil {
		return nil, errors.New("making an API: Verify, Log, Clock and Invoke must be set")
	}
	if o.Partition == "" {
		o.Partition = "aws"
	}
	if o.URLSuffix == "" {
		o.URLSuffix = "amazonaws.com"
	}
	if o.API.DisableExecuteAPIEndpoint {
		return nil, fmt.Errorf("making API %s: its default endpoint is disabled and custom domains are not modelled", o.API.LogicalID)
	}
	h := &handler{o: o, idle: idleLimit(o.API.EndpointType), now: time.Now}
	if err := h.build(); err != nil {
		return nil, fmt.Errorf("making API %s: %w", o.API.LogicalID, err)
	}
	return h, nil
}

// build makes ready to serve what the API consists of.
func (h *handler) build() (err error) {
	if h.routes, err = buildRoutes(h.o.API); err != nil {
		return err
	}
	if h.o.InvokeStream == nil && anyMethod(h.o.API, func(m template.Method) bool { return m.Integration.TransferMode == transferStream }) {
		return errors.New("it streams, so InvokeStream must be set")
	}
	if h.o.Policies == nil && anyMethod(h.o.API, func(m template.Method) bool { return m.AuthorizationType == authIAM }) {
		return errors.New("it has IAM authorization, so Policies must be set")
	}
	if h.responses, err = compileResponses(h.o.API.GatewayResponses); err != nil {
		return err
	}
	return h.readPolicies()
}

// anyMethod tells whether a method of the API is like that.
func anyMethod(api template.RestAPI, is func(template.Method) bool) bool {
	for _, resource := range api.Resources {
		if slices.ContainsFunc(resource.Methods, is) {
			return true
		}
	}
	return false
}

// ServeHTTP answers one request and records it.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{Request: r, ids: newIDs(), time: h.o.Clock.Now(), path: r.URL.EscapedPath()}
	q.call = calls.Call{
		Action: action, Resource: h.resource(q),
		Context: map[string]string{"aws:SourceIp": q.sourceIP()},
	}
	a := h.customize(h.answer(q), q)
	q.call.Time = h.o.Clock.Now()
	q.call.Status, q.call.Error = a.status, a.errorType
	h.o.Log.Record(q.call)
	if a.reset {
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	}
	a.write(w, q)
}

// request is one request on its way through the gateway.
type request struct {
	*http.Request
	ids  requestIDs
	call calls.Call
	body []byte
	// path is the request path as sent, still percent-encoded.
	path  string
	match match
	// authorizer is what the authorizer told the function, usageKey the API key
	// it named, key the client's.
	authorizer map[string]any
	usageKey   string
	key        *template.APIKey
	// time is when the request came in, virtual time.
	time time.Time
}

// resource is the ARN the call is authorised on. That the path stands in it as it
// was sent, and not decoded, is unverified.
func (h *handler) resource(q *request) string {
	stage, path, _ := strings.Cut(strings.TrimPrefix(q.path, "/"), "/")
	return fmt.Sprintf("arn:%s:execute-api:%s:%s:%s/%s/%s/%s",
		h.o.Partition, h.o.Region, h.o.AccountID, h.o.API.ID, stage, q.Method, path)
}

func (q *request) sourceIP() string {
	host, _, err := net.SplitHostPort(q.RemoteAddr)
	if err != nil {
		return q.RemoteAddr
	}
	return host
}

// answer takes a request through the gateway: size, route, authorization,
// fault, validation, integration.
func (h *handler) answer(q *request) answer {
	if err := q.readBody(); err != nil {
		return tooLarge
	}
	stage, path, _ := strings.Cut(strings.TrimPrefix(q.path, "/"), "/")
	if stage != h.o.API.Stage.Name { // that this is Forbidden, not a missing token, is unverified
		return gatewayAnswer("", http.StatusForbidden, "ForbiddenException", "Forbidden")
	}
	var found bool
	if q.match, found = h.routes.find(path, q.Method); !found {
		return missingToken
	}
	if refused := h.authorize(q); refused != nil {
		return *refused
	}
	fault := h.o.Log.Fault(q.call)
	if fault != nil && !fault.After {
		return faultAnswer(*fault)
	}
	a := h.integrate(q)
	if fault != nil {
		a.discard()
		return faultAnswer(*fault)
	}
	return a
}

var errTooLarge = errors.New("payload is too large")

func (q *request) readBody() error {
	body, err := io.ReadAll(io.LimitReader(q.Body, maxPayload+1))
	if err != nil {
		return fmt.Errorf("reading the request body: %w", err)
	}
	if len(body) > maxPayload {
		return errTooLarge
	}
	q.body = body
	q.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}
