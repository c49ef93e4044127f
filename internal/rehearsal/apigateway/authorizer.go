package apigateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// grant is what an authorizer said of a token.
type grant struct {
	policy iampolicy.Policy
	// context is requestContext.authorizer.
	context map[string]any
	// usageKey is the API key of the caller, where the API takes it from here.
	usageKey string
	until    time.Time
}

// grants are what authorizers said, kept in real time for as long as each
// allows: by the token alone, so a policy counts for all methods.
type grants struct {
	mu  sync.Mutex
	all map[[2]string]grant
}

func (g *grants) find(authorizer, token string, now time.Time) (grant, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	kept, ok := g.all[[2]string{authorizer, token}]
	return kept, ok && now.Before(kept.until)
}

func (g *grants) keep(authorizer, token string, kept grant) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all == nil {
		g.all = map[[2]string]grant{}
	}
	g.all[[2]string{authorizer, token}] = kept
}

var (
	unauthorized = gatewayAnswer(typeUnauthorized, http.StatusUnauthorized, "UnauthorizedException", "Unauthorized")
	// authorizerFailed: the authorizer could not be asked, or did not answer
	// as it must. Its message is null.
	authorizerFailed = gatewayAnswer(typeAuthorizer, http.StatusInternalServerError, "AuthorizerConfigurationException", "")
)

// authorizeToken asks the authorizer about the caller's token, and evaluates
// its policy together with the API's own ("Lambda authorizer and resource
// policy"). What the API's policy denies is refused before the authorizer is
// asked. A caller with a token is anonymous to policies.
func (h *handler) authorizeToken(q *request, a *template.Authorizer) *answer {
	before, err := h.decide(q, []iampolicy.Policy{everything})
	if err != nil {
		return unknown(err)
	}
	if refused := denied(q, before); refused != nil {
		return refused
	}
	token := q.Header.Get(a.Header)
	if token == "" || !q.match.method.tokenForm.MatchString(token) {
		return &unauthorized
	}
	granted, ok := h.grants.find(a.ID, token, h.now())
	if !ok {
		var refused *answer
		if granted, refused = h.ask(q, a, token); refused != nil {
			return refused
		}
	}
	q.authorizer, q.usageKey = granted.context, granted.usageKey
	decision, err := h.decide(q, []iampolicy.Policy{granted.policy})
	if err != nil {
		return unknown(err)
	}
	if decision.Effect == iampolicy.Allowed || decision.ByResource {
		return denied(q, decision)
	}
	refused := accessDenied("User is not authorized to access this resource " + reason(decision))
	return &refused
}

// everything is a policy that leaves the decision to the others.
var everything = func() iampolicy.Policy {
	p, err := iampolicy.NewIdentity("everything", iampolicy.Statement{Effect: iampolicy.Allow, Action: iampolicy.Values{"*"}, Resource: iampolicy.Values{"*"}})
	if err != nil {
		panic(err) // the statement is constant
	}
	return p
}()

// tokenEvent is the input of a TOKEN authorizer.
type tokenEvent struct {
	Type  string `json:"type"`
	Token string `json:"authorizationToken"`
	ARN   string `json:"methodArn"`
}

// ask calls the authorizer's function and keeps its answer. A function that
// fails with the message "Unauthorized" refuses the token.
func (h *handler) ask(q *request, a *template.Authorizer, token string) (grant, *answer) {
	if !a.Permitted {
		return grant{}, &authorizerFailed
	}
	event, err := json.Marshal(tokenEvent{"TOKEN", token, q.call.Resource})
	if err != nil {
		return grant{}, &authorizerFailed
	}
	began := h.now()
	output, functionError, err := h.o.Invoke(context.WithoutCancel(q.Context()), a.FunctionARN, event)
	switch {
	case err == nil && functionError != "" && saysUnauthorized(output):
		return grant{}, &unauthorized
	case err != nil || functionError != "":
		return grant{}, &authorizerFailed
	}
	granted, err := readGrant(output)
	if err != nil {
		return grant{}, &authorizerFailed
	}
	granted.until = h.now().Add(a.ResultTTL)
	h.grants.keep(a.ID, token, granted)
	granted.context = latency(granted.context, h.now().Sub(began))
	return granted, nil
}

// latency is an authorizer's context with how long it took, in milliseconds,
// which is 0 for an answer that was kept.
func latency(context map[string]any, took time.Duration) map[string]any {
	timed := map[string]any{}
	for key, value := range context {
		timed[key] = value
	}
	timed["integrationLatency"] = took.Milliseconds()
	return timed
}

func saysUnauthorized(output []byte) bool {
	var failure struct {
		Message string `json:"errorMessage"`
	}
	return json.Unmarshal(output, &failure) == nil && failure.Message == "Unauthorized"
}

// readGrant reads what an authorizer answered ("Output from an API Gateway
// Lambda authorizer"). The values of its context are handed on as texts.
func readGrant(output []byte) (grant, error) {
	var answered struct {
		PrincipalID    string                     `json:"principalId"`
		PolicyDocument json.RawMessage            `json:"policyDocument"`
		Context        map[string]json.RawMessage `json:"context"`
		UsageKey       string                     `json:"usageIdentifierKey"`
	}
	dec := json.NewDecoder(bytes.NewReader(output))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&answered); err != nil {
		return grant{}, fmt.Errorf("reading the authorizer's answer: %w", err)
	}
	if answered.PrincipalID == "" || answered.PolicyDocument == nil {
		return grant{}, errors.New("the authorizer's answer lacks principalId or policyDocument")
	}
	policy, err := iampolicy.ParseIdentity("policy of the authorizer", answered.PolicyDocument)
	if err != nil {
		return grant{}, err
	}
	g := grant{policy: policy, usageKey: answered.UsageKey, context: map[string]any{"integrationLatency": 0}}
	for key, raw := range answered.Context {
		var value headerValue // a scalar, too
		if err := json.Unmarshal(raw, &value); err != nil || string(raw) == "null" {
			return grant{}, fmt.Errorf("the authorizer's context %s is no text, number or truth value", key)
		}
		g.context[key] = string(value)
	}
	g.context["principalId"] = answered.PrincipalID
	return g, nil
}

// tokenForm compiles what a token must look like as a whole.
func tokenForm(m template.Method) (*regexp.Regexp, error) {
	validation := ".*"
	if m.Authorizer != nil && m.Authorizer.Validation != "" {
		validation = m.Authorizer.Validation
	}
	form, err := regexp.Compile(`\A(?:` + validation + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("the authorizer's validation expression: %w", err)
	}
	return form, nil
}
