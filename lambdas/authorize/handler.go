package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tuneline/tuneline/internal/finetune"
)

// errUnauthorized makes API Gateway answer 401; it wants this word and no other
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html).
var errUnauthorized = errors.New("Unauthorized") // API Gateway compares the text

// handler answers API Gateway's questions about tokens.
type handler struct {
	rules finetune.TokenRules
	keys  source
	log   *slog.Logger
	now   func() time.Time
}

func newHandler(rules finetune.TokenRules) (handler, error) {
	h := handler{
		rules: rules,
		log:   slog.New(slog.NewJSONHandler(os.Stdout, nil)).With("step", "authorize"),
		now:   time.Now,
	}
	if rules.JWKS != nil {
		pinned, err := readKeys(rules.JWKS)
		if err != nil {
			return h, fmt.Errorf("reading the pinned keys: %w", err)
		}
		h.keys = pinned
		return h, nil
	}
	h.keys = newFetched(rules, time.Now)
	return h, nil
}

// maxModels is how many models a policy names. Each takes some 350 bytes of it, and
// AWS documents no size of a REST API's policies; 50 stay far below the 6 MB of any
// function's answer. Whoever may ask more has the scope for all.
const maxModels = 50

// Handle answers for one token: with a policy, with errUnauthorized for a token
// that is not good, or with another error if that cannot be told, which API
// Gateway makes a 500 of. The log gets one line, which never holds the token.
func (h handler) Handle(ctx context.Context, request events.APIGatewayCustomAuthorizerRequest) (events.APIGatewayCustomAuthorizerResponse, error) {
	started := h.now()
	response, line, err := h.answer(ctx, request)
	line = append(line, "milliseconds", h.now().Sub(started).Milliseconds())
	var refused refusal
	switch {
	case err == nil:
		h.log.Info("let in", line...)
		return response, nil
	case errors.As(err, &refused):
		h.log.Info("refused", append(line, "reason", refused.reason)...)
		return events.APIGatewayCustomAuthorizerResponse{}, errUnauthorized
	default:
		h.log.Error("failed", append(line, "error", err.Error())...)
		return events.APIGatewayCustomAuthorizerResponse{}, errors.New("the token could not be judged: see the log of authorize")
	}
}

// answer returns the policy, and what the log says beside how it went.
func (h handler) answer(ctx context.Context, request events.APIGatewayCustomAuthorizerRequest) (events.APIGatewayCustomAuthorizerResponse, []any, error) {
	var none events.APIGatewayCustomAuthorizerResponse
	stage, err := stageOf(request.MethodArn)
	if err != nil {
		return none, nil, err
	}
	token, ok := bearer(request.AuthorizationToken)
	if !ok {
		return none, nil, refuse("there is no bearer token")
	}
	claims, line, err := h.read(ctx, token)
	if err != nil {
		return none, line, err
	}
	models := claims.models(h.rules.ScopePrefix)
	line = append(line, "principal", claims.principal(), "models", len(models))
	response := events.APIGatewayCustomAuthorizerResponse{
		PrincipalID: claims.principal(),
		Context:     map[string]any{"models": strings.Join(models, " ")},
	}
	switch {
	case len(models) == 0:
		response.PolicyDocument = deny(stage)
		line = append(line, "reason", "no scope names a model")
	case len(models) > maxModels:
		response.PolicyDocument, response.Context = deny(stage), map[string]any{"models": ""}
		line = append(line, "reason", fmt.Sprintf("the scopes name more than %d models: give the scope %s%s", maxModels, h.rules.ScopePrefix, finetune.EveryModel))
	default:
		response.PolicyDocument = allow(stage, models)
	}
	return response, line, nil
}

// methodARN is the ARN of a method that is asked for; its first part is that of
// the API's stage.
var methodARN = regexp.MustCompile(`^(arn:[a-z-]+:execute-api:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9]+/[^/]+)/[A-Z]+/`)

func stageOf(arn string) (string, error) {
	match := methodARN.FindStringSubmatch(arn)
	if match == nil {
		return "", fmt.Errorf("methodArn %q is not the ARN of a REST API's method", arn)
	}
	return match[1], nil
}

// allow lets the models be asked: what API Gateway remembers under the token is
// about every method of the API, so the policy is.
func allow(stage string, models []string) events.APIGatewayCustomAuthorizerPolicy {
	resources := []string{stage + "/GET/models"}
	for _, model := range models {
		resources = append(resources, stage+"/POST/model/"+model+"/*", stage+"/GET/model/"+model+"/*", stage+"/GET/models/"+model)
	}
	return statement("Allow", resources)
}

// deny makes API Gateway answer 403 to whoever may ask nothing: who it is, is
// known.
func deny(stage string) events.APIGatewayCustomAuthorizerPolicy {
	return statement("Deny", []string{stage + "/*"})
}

func statement(effect string, resources []string) events.APIGatewayCustomAuthorizerPolicy {
	return events.APIGatewayCustomAuthorizerPolicy{
		Version:   "2012-10-17",
		Statement: []events.IAMPolicyStatement{{Effect: effect, Action: []string{"execute-api:Invoke"}, Resource: resources}},
	}
}

// plain is what may stand in an access log as it is: its format has quotation
// marks around it.
var plain = regexp.MustCompile(`^[!#-\[\]-~]+$`)

// principal is the subject, escaped if it would end a text in the access log.
func (c claims) principal() string {
	if plain.MatchString(c.Subject) {
		return c.Subject
	}
	return url.PathEscape(c.Subject)
}
