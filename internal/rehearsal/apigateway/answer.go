package apigateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// answer is what the gateway sends back.
type answer struct {
	status int
	// kind is the gateway response type of the gateway's own answers, empty for
	// those that no gateway response changes; message and errorType, their
	// x-amzn-ErrorType, are theirs too.
	kind, message, errorType string
	// invalid is what the validator says.
	invalid string
	header  http.Header
	body    []byte
	// stream is the body of a streamed answer, in place of body.
	stream io.ReadCloser
	// reset closes the connection instead.
	reset bool
}

// gatewayAnswer is an answer of API Gateway itself, in the form of its default
// gateway responses. An empty message is null.
func gatewayAnswer(kind string, status int, errorType, message string) answer {
	text := "null"
	if message != "" {
		text = jsonString(message)
	}
	return answer{
		kind: kind, message: message, status: status, errorType: errorType,
		header: http.Header{"Content-Type": {"application/json"}}, body: []byte(`{"message":` + text + `}`),
	}
}

var (
	missingToken = gatewayAnswer(typeMissingToken, http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token")
	// badGateway: the function failed, or answered what is no proxy answer. That
	// it and the next are of no type of their own is unverified.
	badGateway = gatewayAnswer(typeDefault5xx, http.StatusBadGateway, "InternalServerErrorException", "Internal server error")
	// serverError: the function could not be invoked.
	serverError = gatewayAnswer(typeDefault5xx, http.StatusInternalServerError, "InternalServerErrorException", "Internal server error")
	timedOut    = gatewayAnswer(typeTimeout, http.StatusGatewayTimeout, "InternalServerErrorException", "Endpoint request timed out")
	// tooLarge is refused before the gateway proper, in plain text.
	tooLarge = answer{
		kind: typeRequestTooLarge, message: tooLargeMessage,
		status: http.StatusRequestEntityTooLarge, header: http.Header{"Content-Type": {"text/plain"}}, body: []byte(tooLargeMessage),
	}
	// tooLong is how Lambda's refusal of an event above 6 MiB looks; the limit
	// is documented, this text, its type and the missing error type are
	// unverified.
	tooLong = gatewayAnswer(typeRequestTooLarge, http.StatusRequestEntityTooLarge, "", "Request Too Long")
)

const tooLargeMessage = "HTTP content length exceeded 10485760 bytes."

// faultTypes are the types of answers that only a scenario's fault gives.
var faultTypes = map[string]string{"TooManyRequestsException": typeThrottled, "LimitExceededException": typeQuotaExceeded}

// faultAnswer is a scenario's fault as the gateway's answer.
func faultAnswer(f calls.Fault) answer {
	if f.Reset {
		return answer{reset: true, errorType: "ConnectionReset"}
	}
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	kind := faultTypes[f.Code]
	if kind == "" {
		kind = typeDefault4xx
		if status >= http.StatusInternalServerError {
			kind = typeDefault5xx
		}
	}
	return gatewayAnswer(kind, status, f.Code, f.Message)
}

func (a answer) write(w http.ResponseWriter, q *request) {
	header := w.Header()
	for name, values := range a.header {
		header[name] = values
	}
	q.ids.set(header)
	if a.errorType != "" {
		header.Set("X-Amzn-Errortype", a.errorType)
	}
	if a.stream != nil {
		a.writeStream(q.Context(), w)
		return
	}
	header.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, err := w.Write(a.body)
	_ = err // the client is gone, nobody is left to tell
}

// integrate validates the request, invokes the function and turns its answer
// into HTTP.
func (h *handler) integrate(q *request) answer {
	if refused := q.validate(); refused != nil {
		return *refused
	}
	rt := q.match.method
	if !rt.Integration.Permitted {
		return serverError
	}
	input, err := h.event(q)
	if err != nil {
		return serverError
	}
	if len(input) > maxInvocation {
		return tooLong
	}
	if rt.Integration.TransferMode == transferStream {
		return h.stream(q.Context(), rt, input)
	}
	output, functionError, err := h.invoke(q.Context(), rt, input)
	switch {
	case errors.Is(err, errTimeout):
		return timedOut
	case err != nil:
		return serverError
	case functionError != "":
		return badGateway
	}
	a, err := h.decodeAnswer(q, output)
	if err != nil {
		return badGateway
	}
	return a
}

var errTimeout = errors.New("integration timed out")

type invocation struct {
	output        []byte
	functionError string
	err           error
}

// invoke runs the function for at most the integration timeout, in real time.
// The function runs on when the gateway has given up, as it does on AWS.
func (h *handler) invoke(ctx context.Context, rt *route, input []byte) (output []byte, functionError string, err error) {
	done := make(chan invocation, 1)
	go func() {
		var i invocation
		i.output, i.functionError, i.err = h.o.Invoke(context.WithoutCancel(ctx), rt.Integration.FunctionARN, input)
		done <- i
	}()
	timer := time.NewTimer(rt.Integration.Timeout)
	defer timer.Stop()
	select {
	case i := <-done:
		return i.output, i.functionError, i.err
	case <-timer.C:
		return nil, "", errTimeout
	}
}

// proxyAnswer is the output of a Lambda proxy integration.
type proxyAnswer struct {
	StatusCode        *statusCode              `json:"statusCode"`
	Headers           map[string]headerValue   `json:"headers"`
	MultiValueHeaders map[string][]headerValue `json:"multiValueHeaders"`
	Body              *string                  `json:"body"`
	IsBase64Encoded   bool                     `json:"isBase64Encoded"`
}

// statusCode is a number or a number in quotes.
type statusCode int

// UnmarshalJSON refuses what is no status of a final answer.
func (s *statusCode) UnmarshalJSON(raw []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(raw), `"`))
	if err == nil && (n < 200 || n > 599) {
		err = fmt.Errorf("status code %d", n)
	}
	*s = statusCode(n)
	return err
}

// headerValue is a string, a number or a truth value.
type headerValue string

// UnmarshalJSON takes any scalar as text.
func (v *headerValue) UnmarshalJSON(raw []byte) error {
	switch raw[0] {
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		*v = headerValue(s)
		return err
	case '{', '[':
		return errors.New("a header value is a scalar")
	}
	*v = headerValue(raw)
	return nil
}

// decodeAnswer turns a function's output into HTTP; an error means that the
// output is malformed. That an unknown key makes it so is unverified: the guide
// lists five keys, and being strict here hides nothing.
func (h *handler) decodeAnswer(q *request, output []byte) (answer, error) {
	dec := json.NewDecoder(bytes.NewReader(output))
	dec.DisallowUnknownFields()
	var p proxyAnswer
	if err := dec.Decode(&p); err != nil {
		return answer{}, fmt.Errorf("decoding the function's answer: %w", err)
	}
	if p.StatusCode == nil {
		return answer{}, errors.New("the function's answer has no statusCode")
	}
	a := answer{status: int(*p.StatusCode), header: mergeHeaders(p.Headers, p.MultiValueHeaders)}
	if p.Body != nil {
		a.body = []byte(*p.Body)
	}
	if p.IsBase64Encoded && h.acceptsBinary(q) {
		var err error
		if a.body, err = base64.StdEncoding.DecodeString(string(a.body)); err != nil {
			return answer{}, fmt.Errorf("decoding the function's answer: %w", err)
		}
	}
	return a, nil
}

// acceptsBinary: base64 is undone only for a client whose first Accept media
// type is one of the API's binary ones.
func (h *handler) acceptsBinary(q *request) bool {
	first, _, _ := strings.Cut(q.Header.Get("Accept"), ",")
	first, _, _ = strings.Cut(first, ";")
	return matchesBinary(h.o.API.BinaryMediaTypes, strings.TrimSpace(first))
}

// How a function's headers are changed on the way out ("Important notes").
// Content-Length is passed on according to that page, but is seen remapped.
var (
	remappedHeaders = []string{
		"Authorization", "Connection", "Content-Length", "Content-Md5", "Date", "Max-Forwards", "Server", "User-Agent",
		"Www-Authenticate",
	}
	droppedHeaders = []string{
		"Expect", "Host", "Proxy-Authenticate", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "Via",
	}
)

// mergeHeaders merges headers and multiValueHeaders; a pair that stands in both
// counts once. An answer without a content type is JSON.
func mergeHeaders(single map[string]headerValue, multi map[string][]headerValue) http.Header {
	merged := http.Header{}
	for name, values := range multi {
		for _, v := range values {
			merged.Add(outgoing(name), string(v))
		}
	}
	for name, v := range single {
		if !slices.Contains(merged.Values(outgoing(name)), string(v)) {
			merged.Add(outgoing(name), string(v))
		}
	}
	merged.Del("")
	if merged.Get("Content-Type") == "" {
		merged.Set("Content-Type", "application/json")
	}
	return merged
}

// outgoing is the name a function's header goes out under, empty when it is
// dropped.
func outgoing(name string) string {
	canonical := http.CanonicalHeaderKey(name)
	switch {
	case slices.Contains(droppedHeaders, canonical):
		return ""
	case slices.Contains(remappedHeaders, canonical):
		return "X-Amzn-Remapped-" + canonical
	}
	return canonical
}
