package chat

import (
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
)

// OpenAI's names of the kinds of errors
// (https://platform.openai.com/docs/guides/error-codes).
const (
	// typeInvalid is OpenAI's for every request that is the caller's fault: a bad
	// body, a bad key, a model that is not there or not permitted.
	typeInvalid = "invalid_request_error"
	// typeRate is for too many requests or tokens in a while.
	typeRate = "rate_limit_error"
	// typeQuota is for a quota that waiting does not raise.
	typeQuota = "insufficient_quota"
	// typeServer is for everything that is not the caller's fault.
	typeServer = "server_error"
)

// Error is an error as OpenAI's clients read it. Its message names members of
// the request and never quotes what is in them.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Type and Code are OpenAI's names; Code may be empty.
	Type, Code string
	// Param names the member of the request that is meant, such as
	// "messages[0].content"; it may be empty.
	Param string
	// Message says what is wrong and what to do.
	Message string
}

// Error returns the message, after the member that is meant.
func (e Error) Error() string {
	if e.Param == "" {
		return e.Message
	}
	return e.Param + ": " + e.Message
}

// Body returns the error as the body of an answer.
func (e Error) Body() []byte {
	type object struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	}
	return encode(map[string]object{"error": {Message: e.Message, Type: e.Type, Param: orNull(e.Param), Code: orNull(e.Code)}})
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// encode writes what this package made itself. Texts of others are in it, which
// came through a strict decoder or may hold a byte that is not UTF-8, as an
// error's message of AWS might; such a byte is replaced.
func encode(v any) []byte {
	out, err := json.Marshal(v, allowInvalidUTF8)
	if err != nil { // only a type that has no JSON could do that
		panic(fmt.Sprintf("encoding %T: %v", v, err))
	}
	return out
}

// invalid is a request that cannot be carried out as it stands.
func invalid(param, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Type: typeInvalid, Param: param, Message: fmt.Sprintf(format, args...)}
}

// unsupported is a request for something that Converse cannot do.
func unsupported(param, format string, args ...any) *Error {
	e := invalid(param, format, args...)
	e.Code = "unsupported_parameter"
	return e
}

// upstream is an answer of Bedrock that cannot be told the caller.
func upstream(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadGateway, Type: typeServer, Code: code, Message: fmt.Sprintf(format, args...)}
}

// known are the errors of Bedrock's runtime and of the handler, by AWS's names. A
// status of 0 keeps the one that came.
var known = map[string]Error{
	"ValidationException":           {Status: http.StatusBadRequest, Type: typeInvalid},
	"SerializationException":        {Status: http.StatusBadRequest, Type: typeInvalid},
	"UnknownOperationException":     {Status: http.StatusNotFound, Type: typeInvalid, Code: "unknown_url"},
	"ResourceNotFoundException":     {Status: http.StatusNotFound, Type: typeInvalid, Code: "model_not_found"},
	"AccessDeniedException":         {Status: http.StatusForbidden, Type: typeInvalid, Code: "permission_denied"},
	"ThrottlingException":           {Status: http.StatusTooManyRequests, Type: typeRate, Code: "rate_limit_exceeded"},
	"ServiceQuotaExceededException": {Status: http.StatusTooManyRequests, Type: typeQuota, Code: "insufficient_quota"},
	"ModelNotReadyException":        {Status: http.StatusServiceUnavailable, Type: typeServer, Code: "model_not_ready"},
	"ServiceUnavailableException":   {Status: http.StatusServiceUnavailable, Type: typeServer, Code: "server_is_overloaded"},
	"ModelTimeoutException":         {Status: http.StatusGatewayTimeout, Type: typeServer, Code: "timeout"},
	"ModelErrorException":           {Status: http.StatusBadGateway, Type: typeServer, Code: "model_error"},
	"ModelStreamErrorException":     {Status: http.StatusBadGateway, Type: typeServer, Code: "model_error"},
	"InternalServerException":       {Type: typeServer, Code: "internal_error"},
}

// FromBedrock is an AWS error as OpenAI's clients know it. errorType is AWS's
// name of it, status the HTTP status it came with, 0 for one that came in the
// middle of a stream. A name that is not known goes by its status, and so does a
// request that is too large, whatever it is called.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html#API_runtime_ConverseStream_Errors
func FromBedrock(status int, errorType, message string) Error {
	e, ok := known[errorType]
	if !ok || status == http.StatusRequestEntityTooLarge {
		e = byStatus(status)
	}
	if e.Status == 0 {
		e.Status = status
	}
	if e.Status < 400 || e.Status > 599 {
		e.Status = http.StatusBadGateway
	}
	e.Message = message
	if message == "" {
		e.Message = "the request failed: " + http.StatusText(e.Status)
	}
	return e
}

// byStatus is an error whose name says nothing.
func byStatus(status int) Error {
	switch {
	case status == http.StatusUnauthorized:
		return Error{Status: status, Type: typeInvalid, Code: "invalid_api_key"}
	case status == http.StatusForbidden:
		return Error{Status: status, Type: typeInvalid, Code: "permission_denied"}
	case status == http.StatusTooManyRequests:
		return Error{Status: status, Type: typeRate, Code: "rate_limit_exceeded"}
	case status >= 400 && status < 500:
		return Error{Status: status, Type: typeInvalid}
	}
	return Error{Status: status, Type: typeServer}
}
