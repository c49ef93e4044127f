package s3

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// apiError is an S3 error answer ("Error responses", S3 API Reference).
type apiError struct {
	status  int
	code    string
	message string
}

func notImplemented(message string) *apiError {
	return &apiError{http.StatusNotImplemented, "NotImplemented", message}
}

func accessDenied(message string) *apiError {
	return &apiError{http.StatusForbidden, "AccessDenied", message}
}

// fromError maps what went wrong inside: a refused signature, or a store that
// does not answer.
func fromError(err error) *apiError {
	var refused *calls.AuthError
	if errors.As(err, &refused) || errors.Is(err, calls.ErrUnsigned) {
		status, code, message := calls.AuthCode(err, "s3")
		return &apiError{status, code, message}
	}
	var api *causeError
	if errors.As(err, &api) {
		return api.apiError
	}
	return &apiError{http.StatusInternalServerError, "InternalError", err.Error()}
}

// causeError carries an apiError through code that returns error.
type causeError struct{ *apiError }

// Error gives the code and the message.
func (e *causeError) Error() string { return e.code + ": " + e.message }

// answer is a response before it is written.
type answer struct {
	status int
	header http.Header
	body   io.ReadCloser
	code   string // of an error
}

// answerXML is an answer with a small document as its body.
func answerXML(status int, document []byte) answer {
	body := append([]byte(xml.Header), document...)
	return answer{
		status: status,
		header: http.Header{"Content-Type": {"application/xml"}, "Content-Length": {strconv.Itoa(len(body))}},
		body:   io.NopCloser(bytes.NewReader(body)),
	}
}

// answerError is the XML document of an error.
func answerError(e *apiError, resource, requestID string) answer {
	document, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		Resource  string
		RequestID string `xml:"RequestId"`
	}{Code: e.code, Message: e.message, Resource: resource, RequestID: requestID})
	if err != nil {
		document = []byte("<Error><Code>InternalError</Code></Error>")
	}
	a := answerXML(e.status, document)
	a.code = e.code
	return a
}
