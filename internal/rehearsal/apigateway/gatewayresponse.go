package apigateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// The types of API Gateway's own answers that occur here, and the two that
// stand for all others ("Gateway response types"). THROTTLED and QUOTA_EXCEEDED
// come from a scenario's faults only.
const (
	typeAccessDenied    = "ACCESS_DENIED"
	typeAuthorizer      = "AUTHORIZER_CONFIGURATION_ERROR"
	typeBadBody         = "BAD_REQUEST_BODY"
	typeBadParameters   = "BAD_REQUEST_PARAMETERS"
	typeExpiredToken    = "EXPIRED_TOKEN"
	typeInvalidKey      = "INVALID_API_KEY"
	typeInvalidSign     = "INVALID_SIGNATURE"
	typeMissingToken    = "MISSING_AUTHENTICATION_TOKEN"
	typeQuotaExceeded   = "QUOTA_EXCEEDED"
	typeRequestTooLarge = "REQUEST_TOO_LARGE"
	typeThrottled       = "THROTTLED"
	typeTimeout         = "INTEGRATION_TIMEOUT"
	typeUnauthorized    = "UNAUTHORIZED"
	typeDefault4xx      = "DEFAULT_4XX"
	typeDefault5xx      = "DEFAULT_5XX"
)

// gatewayResponse is one of the template's, ready to serve.
type gatewayResponse struct {
	status  int
	headers map[string]string
	body    bodyTemplate
}

// bodyTemplate is a template cut at its variables: texts and variables take
// turns, beginning with a text.
type bodyTemplate []string

// variables are what a body may hold of the request and its error. AWS knows
// more of them.
var variables = []string{
	"context.error.messageString", "context.error.message", "context.error.responseType", "context.error.validationErrorString",
	"context.extendedRequestId", "context.requestId",
}

func compileResponses(responses map[string]template.GatewayResponse) (map[string]gatewayResponse, error) {
	compiled := map[string]gatewayResponse{}
	for kind, r := range responses {
		body, err := cutTemplate(r.Template)
		if err != nil {
			return nil, fmt.Errorf("gateway response %s: %w", kind, err)
		}
		compiled[kind] = gatewayResponse{status: r.Status, headers: r.Headers, body: body}
	}
	return compiled, nil
}

// cutTemplate refuses a variable the handler does not model.
func cutTemplate(text string) (bodyTemplate, error) {
	var cut bodyTemplate
	for {
		before, rest, found := strings.Cut(text, "$")
		cut = append(cut, before)
		if !found {
			return cut, nil
		}
		name, after, err := cutVariable(rest)
		if err != nil {
			return nil, err
		}
		cut, text = append(cut, name), after
	}
}

// cutVariable takes the variable at the beginning of text, with or without
// braces.
func cutVariable(text string) (name, rest string, err error) {
	open, closing := "", ""
	if strings.HasPrefix(text, "{") {
		open, closing = "{", "}"
	}
	for _, name := range variables {
		if rest, ok := strings.CutPrefix(text, open+name+closing); ok {
			return name, rest, nil
		}
	}
	return "", "", fmt.Errorf("the template's variable at %.40q is not modelled", "$"+text)
}

func (b bodyTemplate) render(values map[string]string) []byte {
	var out strings.Builder
	for i, part := range b {
		if i%2 == 1 {
			part = values[part]
		}
		out.WriteString(part)
	}
	return []byte(out.String())
}

// customize puts an answer of the gateway's own into the form the template has
// for its type. A type without one takes that of its class; only that of a
// request that is too large does not, by the table of types.
func (h *handler) customize(a answer, q *request) answer {
	if a.kind == "" {
		return a
	}
	response, ok := h.responses[a.kind]
	if class := typeDefault4xx; !ok && a.kind != typeRequestTooLarge {
		if a.status >= http.StatusInternalServerError {
			class = typeDefault5xx
		}
		response, ok = h.responses[class]
	}
	if !ok {
		return a
	}
	if response.status != 0 {
		a.status = response.status
	}
	a.header = http.Header{"Content-Type": {"application/json"}}
	for name, value := range response.headers {
		a.header.Set(name, value)
	}
	if len(response.body) > 1 || response.body[0] != "" {
		a.body = response.body.render(a.variables(q))
	}
	return a
}

// variables are the values of the template's variables. What the validator says
// is put into quotation marks by the template, so it is escaped.
func (a answer) variables(q *request) map[string]string {
	messageString := "null"
	if a.message != "" {
		messageString = jsonString(a.message)
	}
	return map[string]string{
		"context.error.message": a.message, "context.error.messageString": messageString,
		"context.error.responseType":          a.kind,
		"context.error.validationErrorString": strings.Trim(jsonString(a.invalid), `"`),
		"context.requestId":                   q.ids.request, "context.extendedRequestId": q.ids.extended,
	}
}

// jsonString is v in quotes, escaped.
func jsonString(v string) string {
	quoted, err := json.Marshal(v)
	if err != nil {
		return `""`
	}
	return string(quoted)
}
