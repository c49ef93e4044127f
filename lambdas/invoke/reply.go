package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-lambda-go/events"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// reply is what a caller gets: Bedrock's own answer, or an error in the form of
// Bedrock's own errors.
type reply struct {
	status int
	body   []byte
	// errorType and message are set of an error.
	errorType, message string
	// requestID is Bedrock's.
	requestID string
	// logged is an error that the caller is not told. Bedrock's words on a
	// request are told the caller and not logged: they may quote it.
	logged string
}

// refuse is an error of this function's own.
func refuse(status int, errorType, message string) *reply {
	return &reply{status: status, errorType: errorType, message: message}
}

// response is the reply as API Gateway takes it. requestID is API Gateway's,
// used where Bedrock gave none.
func (r reply) response(requestID string) events.APIGatewayProxyResponse {
	if r.requestID != "" {
		requestID = r.requestID
	}
	headers := map[string]string{"Content-Type": "application/json", "X-Amzn-RequestId": requestID}
	body := r.body
	if r.errorType != "" {
		headers["x-amzn-ErrorType"] = r.errorType
		body, _ = json.Marshal(map[string]string{"message": r.message, "type": r.errorType}) // strings always encode
	}
	if r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable {
		headers["Retry-After"] = "5"
	}
	return events.APIGatewayProxyResponse{StatusCode: r.status, Headers: headers, Body: string(body)}
}

// inner are Bedrock's errors that are not the caller's: they speak of this
// function's own role and request.
var inner = map[string]bool{
	"AccessDeniedException":       true,
	"UnrecognizedClientException": true,
	"InvalidSignatureException":   true,
	"ExpiredTokenException":       true,
}

// refusedBy turns Bedrock's error into what the caller gets: the same status,
// type and message, as long as it is the caller's to know.
func refusedBy(err error, model string) reply {
	var answered *awshttp.ResponseError
	var api smithy.APIError
	if errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &answered) || !errors.As(err, &api) || inner[api.ErrorCode()] {
		return unexpected(err)
	}
	r := reply{status: answered.HTTPStatusCode(), errorType: api.ErrorCode(), message: api.ErrorMessage(), requestID: answered.ServiceRequestID()}
	if r.errorType == "ResourceNotFoundException" {
		r.message = fmt.Sprintf("model %s is published, but the throughput it is served from does not exist any more; its operators must publish it again", model)
	}
	return r
}

// unexpected is what the caller gets of an error that is not the caller's: no
// more than where to look. The error itself is logged.
func unexpected(err error) reply {
	if errors.Is(err, context.DeadlineExceeded) {
		return reply{
			status: http.StatusGatewayTimeout, errorType: "ModelTimeoutException", logged: err.Error(),
			message: fmt.Sprintf("the model did not answer within %.0f seconds; ask for fewer tokens (inferenceConfig.maxTokens)", budget.Seconds()),
		}
	}
	r := reply{
		status: http.StatusInternalServerError, errorType: "InternalServerException", logged: err.Error(),
		message: "the request could not be passed on; operators find why by its request id in the log of the function invoke",
	}
	var answered *awshttp.ResponseError
	if errors.As(err, &answered) {
		r.requestID = answered.ServiceRequestID()
	}
	return r
}

// codeOf is the AWS error code of err, "" when it has none.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
