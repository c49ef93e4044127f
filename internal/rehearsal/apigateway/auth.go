package apigateway

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

const action = "execute-api:Invoke"

// The authorization types of a method.
const (
	authNone   = "NONE"
	authIAM    = "AWS_IAM"
	authCustom = "CUSTOM"
)

// readPolicies parses the API's resource policy and the policy of the VPC
// endpoint it is reached through, where there are such.
func (h *handler) readPolicies() error {
	private := h.o.API.EndpointType == "PRIVATE"
	switch {
	case private && h.o.Endpoint == nil:
		return errors.New("it is private, so Endpoint must be set")
	case private && h.o.API.Policy == nil:
		return errors.New("it is private and has no resource policy, so API Gateway would admit nobody")
	case !private && h.o.Endpoint != nil:
		return errors.New("it is not private, so no VPC endpoint leads to it")
	}
	if h.o.API.Policy != nil {
		policy, err := iampolicy.ParseResource("resource policy", h.o.API.Policy)
		if err != nil {
			return err
		}
		h.policy = &policy
	}
	if private && h.o.Endpoint.Policy != nil {
		policy, err := iampolicy.ParseResource("VPC endpoint policy", h.o.Endpoint.Policy)
		if err != nil {
			return err
		}
		h.endpointPolicy = &policy
	}
	return nil
}

// authorize lets a request pass or returns the refusal. What the endpoint's
// policy does not allow never gets to the API.
func (h *handler) authorize(q *request) *answer {
	var refused *answer
	switch m := q.match.method; m.AuthorizationType {
	case authIAM:
		refused = h.authorizeSigned(q)
	case authCustom:
		refused = h.authorizeToken(q, m.Authorizer)
	default:
		refused = h.authorizeAnybody(q)
	}
	if refused == nil {
		refused = h.checkKey(q)
	}
	return refused
}

// authorizeSigned verifies the signature and evaluates the policies of the
// caller and of the API together ("IAM authentication and resource policy").
func (h *handler) authorizeSigned(q *request) *answer {
	principal, err := h.o.Verify(q.Request)
	if errors.Is(err, calls.ErrUnsigned) {
		return &missingToken
	}
	if err != nil {
		status, code, message := calls.AuthCode(err, "execute-api")
		kind := typeInvalidSign // of a key or a header that cannot be read, too: unverified
		if code == "ExpiredTokenException" {
			kind = typeExpiredToken
		}
		a := gatewayAnswer(kind, status, code, message)
		return &a
	}
	q.call.Principal = principal
	policies, err := h.o.Policies(principal)
	if err != nil {
		return unknown(err)
	}
	decision, err := h.decide(q, policies)
	if err != nil {
		return unknown(err)
	}
	return denied(q, decision)
}

// authorizeAnybody is for a method without authorization: with a resource
// policy, it must allow the request ("API Gateway resource policy only").
func (h *handler) authorizeAnybody(q *request) *answer {
	if h.policy == nil {
		return nil
	}
	decision, err := h.decide(q, nil)
	if err != nil {
		return unknown(err)
	}
	if decision.Effect == iampolicy.ImplicitDeny {
		decision.ByResource = true // the only one that could have allowed it
	}
	return denied(q, decision)
}

// decide evaluates the policies of whoever asks together with the API's own.
func (h *handler) decide(q *request, identity []iampolicy.Policy) (iampolicy.Decision, error) {
	r := h.iamRequest(q)
	if h.endpointPolicy != nil {
		passes, err := h.endpointPolicy.Evaluate(r)
		if err != nil || passes.Effect != iampolicy.Allowed {
			return iampolicy.Decision{Effect: passes.Effect, Policy: h.endpointPolicy.Name}, err
		}
	}
	policies := iampolicy.Policies{Identity: identity, Endpoint: h.endpointPolicy}
	if h.policy != nil {
		policies.Resource = []iampolicy.Policy{*h.policy}
	}
	if h.o.Decided != nil {
		h.o.Decided(r, policies)
	}
	return iampolicy.Decide(r, policies)
}

// iamRequest is the request as policies see it. The keys are those API Gateway
// lists ("AWS condition keys that can be used in API Gateway resource
// policies"); about others, such as tags, nothing is known. The rehearsal's
// loopback stands for TLS.
func (h *handler) iamRequest(q *request) iampolicy.Request {
	now := q.time.UTC()
	context := map[string][]string{
		"aws:SecureTransport": {"true"},
		"aws:CurrentTime":     {now.Format(time.RFC3339)},
		"aws:EpochTime":       {strconv.FormatInt(now.Unix(), 10)},
		"aws:RequestedRegion": {h.o.Region},
		"aws:UserAgent":       present(q.UserAgent()),
		"aws:Referer":         present(q.Referer()),
		"aws:SourceIp":        nil, "aws:VpcSourceIp": nil, "aws:SourceVpce": nil, "aws:SourceVpc": nil,
	}
	if e := h.o.Endpoint; e != nil {
		context["aws:VpcSourceIp"], context["aws:SourceVpce"], context["aws:SourceVpc"] = present(q.sourceIP()), present(e.ID), present(e.VPCID)
	} else {
		context["aws:SourceIp"] = present(q.sourceIP())
	}
	return iampolicy.Request{Principal: iampolicy.PrincipalOf(q.call.Principal.ARN), Action: action, Resource: q.call.Resource, Context: context}
}

func present(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// denied is the refusal of what policies do not allow, in the words that are
// seen on AWS, the account masked; nil when they allow it.
func denied(q *request, d iampolicy.Decision) *answer {
	if d.Effect == iampolicy.Allowed {
		return nil
	}
	a := accessDenied(fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s %s",
		iampolicy.PrincipalOf(q.call.Principal.ARN), action, masked(q.call.Resource), reason(d)))
	return &a
}

// accessDenied is spelled with a capital M, unlike all other answers.
func accessDenied(message string) answer {
	a := gatewayAnswer(typeAccessDenied, http.StatusForbidden, "AccessDeniedException", message)
	a.body = []byte(`{"Message":` + jsonString(message) + `}`)
	return a
}

func reason(d iampolicy.Decision) string {
	kind := "identity-based"
	switch {
	case strings.HasPrefix(d.Policy, "VPC endpoint"):
		kind = "VPC endpoint"
	case d.ByResource:
		kind = "resource-based"
	}
	switch {
	case d.Effect == iampolicy.ExplicitDeny && kind == "identity-based":
		return "with an explicit deny in an identity-based policy"
	case d.Effect == iampolicy.ExplicitDeny:
		return "with an explicit deny in a " + kind + " policy"
	}
	return "because no " + kind + " policy allows the " + action + " action"
}

// masked leaves the last four digits of the account in an ARN.
func masked(arn string) string {
	segments := strings.SplitN(arn, ":", 6)
	if len(segments) == 6 && len(segments[4]) == 12 {
		segments[4] = "********" + segments[4][8:]
	}
	return strings.Join(segments, ":")
}

// unknown is the answer to a request whose policies cannot be evaluated: not
// AWS's, but the rehearsal's own, so that nobody takes it for a decision.
func unknown(err error) *answer {
	a := gatewayAnswer("", http.StatusInternalServerError, "RehearsalException", "the rehearsal cannot decide this request: "+err.Error())
	return &a
}

// checkKey wants the key of a client that a usage plan of the stage admits.
func (h *handler) checkKey(q *request) *answer {
	if !q.match.method.APIKeyRequired {
		return nil
	}
	value := q.Header.Get("X-Api-Key")
	if h.o.API.APIKeySource == "AUTHORIZER" {
		value = q.usageKey
	}
	for _, key := range h.o.API.Keys {
		if key.Enabled && key.Value == value {
			q.key = &key
			return nil
		}
	}
	a := gatewayAnswer(typeInvalidKey, http.StatusForbidden, "ForbiddenException", "Forbidden")
	return &a
}

// checkAuthorization refuses what authorize does not model.
func checkAuthorization(m template.Method) error {
	switch {
	case m.AuthorizationType == authNone || m.AuthorizationType == authIAM:
	case m.AuthorizationType == authCustom && m.Authorizer != nil && m.Authorizer.FunctionARN != "":
	default:
		return fmt.Errorf("authorization %s is not modelled", m.AuthorizationType)
	}
	return nil
}
