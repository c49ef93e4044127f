package inference

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/jsii-runtime-go"
)

// response is what API Gateway itself answers, of one kind.
type response struct {
	// kind is API Gateway's name
	// (https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html).
	kind string
	// status is its HTTP status; 0 leaves a default to what it stands for.
	status int
	// errorType and code are OpenAI's words
	// (https://platform.openai.com/docs/guides/error-codes).
	errorType, code string
	// retryAfter is in seconds; 0: trying again would not help.
	retryAfter int
}

// OpenAI's types of errors, as package chat of lambdas/invoke has them.
const (
	typeInvalid = "invalid_request_error"
	typeRate    = "rate_limit_error"
	typeQuota   = "insufficient_quota"
	typeServer  = "server_error"
)

// responses are the kinds a caller may meet, and the two defaults for the rest. The
// statuses are API Gateway's own. A throttled caller may try again in a second,
// when the bucket has tokens again; a quota is a day's, so an hour is soon enough
// to look.
func responses() []response {
	return []response{
		{"DEFAULT_4XX", 0, typeInvalid, "bad_request", 0},
		{"DEFAULT_5XX", 0, typeServer, "internal_error", 0},
		{"BAD_REQUEST_BODY", http.StatusBadRequest, typeInvalid, "invalid_body", 0},
		{"BAD_REQUEST_PARAMETERS", http.StatusBadRequest, typeInvalid, "invalid_parameter", 0},
		{"UNAUTHORIZED", http.StatusUnauthorized, typeInvalid, "invalid_api_key", 0},
		{"ACCESS_DENIED", http.StatusForbidden, typeInvalid, "permission_denied", 0},
		{"EXPIRED_TOKEN", http.StatusForbidden, typeInvalid, "expired_credentials", 0},
		{"INVALID_API_KEY", http.StatusForbidden, typeInvalid, "invalid_client_key", 0},
		{"INVALID_SIGNATURE", http.StatusForbidden, typeInvalid, "invalid_signature", 0},
		{"MISSING_AUTHENTICATION_TOKEN", http.StatusForbidden, typeInvalid, "unsigned_or_unknown_url", 0},
		{"WAF_FILTERED", http.StatusForbidden, typeInvalid, "request_filtered", 0},
		{"REQUEST_TOO_LARGE", http.StatusRequestEntityTooLarge, typeInvalid, "request_too_large", 0},
		{"THROTTLED", http.StatusTooManyRequests, typeRate, "rate_limit_exceeded", 1},
		{"QUOTA_EXCEEDED", http.StatusTooManyRequests, typeQuota, "insufficient_quota", 3600},
		{"AUTHORIZER_FAILURE", http.StatusInternalServerError, typeServer, "internal_error", 0},
		{"AUTHORIZER_CONFIGURATION_ERROR", http.StatusInternalServerError, typeServer, "internal_error", 0},
		{"INTEGRATION_FAILURE", http.StatusGatewayTimeout, typeServer, "internal_error", 0},
		{"INTEGRATION_TIMEOUT", http.StatusGatewayTimeout, typeServer, "timeout", 0},
	}
}

// message is the message in quotation marks: API Gateway's own, which does not hold
// what the validator says of a body, since that may quote the body. Of a request
// that is too large it does not say what would not be; and where the authorizer
// cannot tell whether a token is good, it says null.
func (r response) message() string {
	switch {
	case r.kind == "REQUEST_TOO_LARGE":
		return `"the request is too large: body and headers may have 6 MB, as Lambda takes them; send less"`
	case strings.HasPrefix(r.kind, "AUTHORIZER_"):
		return `"the token could not be checked, through no fault of its own: try again, and tell the operators the id of the request if it goes on"`
	}
	return "$context.error.messageString"
}

// headers are those beside API Gateway's own. A 401 says what it wants, as it must
// (https://www.rfc-editor.org/rfc/rfc6750#section-3).
func (r response) headers() map[string]string {
	switch {
	case r.retryAfter != 0:
		return map[string]string{"gatewayresponse.header.Retry-After": fmt.Sprintf("'%d'", r.retryAfter)}
	case r.status == http.StatusUnauthorized:
		return map[string]string{"gatewayresponse.header.WWW-Authenticate": "'Bearer'"}
	}
	return nil
}

// addResponses puts the answers into both dialects at once: AWS's SDKs read
// message, OpenAI's read error.
func (i *Inference) addResponses(responses []response) {
	for _, r := range responses {
		props := &awsapigateway.CfnGatewayResponseProps{
			RestApiId:    i.API.RestApiId(),
			ResponseType: jsii.String(r.kind),
			ResponseTemplates: map[string]string{"application/json": fmt.Sprintf(
				`{"message":%s,"error":{"message":%s,"type":%q,"param":null,"code":%q}}`, r.message(), r.message(), r.errorType, r.code)},
		}
		if r.status != 0 {
			props.StatusCode = jsii.String(strconv.Itoa(r.status))
		}
		if headers := r.headers(); headers != nil {
			props.ResponseParameters = headers
		}
		i.before = append(i.before, awsapigateway.NewCfnGatewayResponse(i.Scope, jsii.String("Response"+r.kind), props))
		i.published["response "+r.kind] = published(props)
	}
}
