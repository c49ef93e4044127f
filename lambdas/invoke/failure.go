package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/task"
)

// The errors of this function's own, by the names that Bedrock uses
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html).
const (
	validation    = "ValidationException"
	serialization = "SerializationException"
	notFound      = "ResourceNotFoundException"
	internal      = "InternalServerException"
	timedOut      = "ModelTimeoutException"
)

// failure is an error as the caller is told it, in whatever dialect.
type failure struct {
	status             int
	errorType, message string
	// said is the body, of an error that is in the caller's dialect already.
	said []byte
	// requestID is Bedrock's.
	requestID string
	// logged is an error that the caller is not told, in plain words. Bedrock's
	// words on a request are told the caller and not logged: they may quote it.
	logged string
}

// refuse is an error of this function's own.
func refuse(status int, errorType, message string) *failure {
	return &failure{status: status, errorType: errorType, message: message}
}

// body is a failure as Bedrock words it.
func (f *failure) body() []byte {
	body, _ := json.Marshal(map[string]string{"message": f.message, "type": f.errorType}) // strings always encode
	return body
}

// statuses are Bedrock's errors that are told with another status than Bedrock's
// own: each says whose fault it is, and whether trying again can help.
var statuses = map[string]int{
	"ThrottlingException":         http.StatusTooManyRequests,
	"ModelNotReadyException":      http.StatusServiceUnavailable,
	"ServiceUnavailableException": http.StatusServiceUnavailable,
	timedOut:                      http.StatusGatewayTimeout,
	"ModelErrorException":         http.StatusBadGateway,
	"ModelStreamErrorException":   http.StatusBadGateway,
	internal:                      http.StatusBadGateway,
}

// statusOf is the status that an error of Bedrock's is told with; status is
// Bedrock's own, 0 in the middle of a stream.
func statusOf(errorType string, status int) int {
	if told, ok := statuses[errorType]; ok {
		return told
	}
	switch {
	case status >= 400 && status < 500 || status == http.StatusServiceUnavailable:
		return status
	case status == 0 && errorType == validation:
		return http.StatusBadRequest
	}
	return http.StatusBadGateway
}

// retryAfter is when a caller who was told to try again should, in seconds.
const retryAfter = "5"

// again says whether trying again is what helps.
func again(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

// refusedBy turns an error of the call into what the caller gets: Bedrock's own
// type and message, as long as they are the caller's to know.
func (x *exchange) refusedBy(err error) *failure {
	var answered *awshttp.ResponseError
	var api smithy.APIError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return x.overdue(err)
	case !errors.As(err, &answered) || answered.HTTPStatusCode() == 0:
		return &failure{
			status: http.StatusBadGateway, errorType: internal, logged: task.Quiet(err).Error(),
			message: "Bedrock could not be reached; try again, and if it goes on, give the operators the request id",
		}
	case !errors.As(err, &api):
		return &failure{
			status: http.StatusBadGateway, errorType: internal, logged: fmt.Sprintf("Bedrock answered %d with no error that can be read", answered.HTTPStatusCode()),
			message: "Bedrock's answer could not be read; try again", requestID: answered.ServiceRequestID(),
		}
	case inner(api.ErrorCode(), answered.HTTPStatusCode()):
		f := unexpected(err)
		f.requestID = answered.ServiceRequestID()
		return f
	}
	f := &failure{
		status: statusOf(api.ErrorCode(), answered.HTTPStatusCode()), errorType: api.ErrorCode(), message: api.ErrorMessage(),
		requestID: answered.ServiceRequestID(),
	}
	if f.errorType == notFound {
		f.message = fmt.Sprintf("model %s is published, but the throughput it is served from does not exist any more; its operators must publish it again", x.model)
	}
	return f
}

// inner are Bedrock's errors that are not the caller's: they speak of this
// function's own role and request.
func inner(code string, status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden || code == "ExpiredTokenException"
}

// overdue is a request whose time was up.
func (x *exchange) overdue(err error) *failure {
	return &failure{
		status: http.StatusGatewayTimeout, errorType: timedOut, logged: task.Quiet(err).Error(),
		message: fmt.Sprintf("the model did not finish within %.0f seconds; ask for fewer tokens (maxTokens of inferenceConfig, or max_tokens of a chat completion)", x.allowed.Seconds()),
	}
}

// broken is a stream that broke off, of which the caller has seen a part.
func (x *exchange) broken(err error) *failure {
	if errors.Is(err, context.DeadlineExceeded) {
		return x.overdue(err)
	}
	return &failure{
		status: http.StatusBadGateway, errorType: "ModelStreamErrorException", logged: task.Quiet(err).Error(),
		message: "the connection to the model broke off before the answer's end; ask again",
	}
}

// thrown is an exception by which Bedrock ended a stream.
func thrown(f frame) *failure {
	var said struct {
		Message string `json:"message"`
	}
	errorType := strings.ToUpper(f.exception[:1]) + f.exception[1:]
	failed := &failure{status: statusOf(errorType, 0), errorType: errorType}
	if err := json.Unmarshal(f.payload, &said); err != nil {
		failed.logged = "the exception's message could not be read"
	}
	failed.message = said.Message
	return failed
}

// unexpected is what the caller gets of an error that is not the caller's: no
// more than where to look. The error itself is logged.
func unexpected(err error) *failure {
	return &failure{
		status: http.StatusInternalServerError, errorType: internal, logged: task.Quiet(err).Error(),
		message: "the request could not be passed on; operators find why by its request id in the log of the function invoke",
	}
}

// codeOf is the AWS error code of err, "" when it has none.
func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
