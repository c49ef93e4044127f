package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tuneline/tuneline/lambdas/invoke/chat"
)

// dialect is the wire format of a route: what a caller sends and reads.
type dialect interface {
	// read turns a request with a model's name and a body into what Bedrock is
	// asked, and says how the answer is told.
	read(x *exchange, request *events.APIGatewayProxyRequest, body []byte, guarded bool) (question, teller, *failure)
	// refusal is a failure as an answer of its own.
	refusal(f *failure) reply
}

// teller tells Bedrock's answer to one question in the caller's dialect.
type teller interface {
	// whole is an answer of an operation that does not stream.
	whole(got raw) (reply, *failure)
	// header is that of a streamed answer.
	header(got raw) map[string]string
	// event is an event of a stream; there may be nothing to tell of it.
	event(f frame) ([]byte, error)
	// failure ends a stream; f is the frame by which Bedrock did so itself, if any.
	failure(failed *failure, f frame) []byte
	// end ends a stream that is complete.
	end() []byte
}

// reply is an answer that is there as a whole.
type reply struct {
	status int
	header map[string]string
	body   []byte
}

// native is Bedrock's own dialect.
type native struct{ operation *operation }

func (n native) read(_ *exchange, request *events.APIGatewayProxyRequest, body []byte, guarded bool) (question, teller, *failure) {
	if refused := checkHeader(request); refused != nil {
		return question{}, nil, refused
	}
	if refused := inspect(body, guarded && n.operation.converse); refused != nil {
		return question{}, nil, refused
	}
	return question{operation: n.operation, header: n.operation.header(request), body: body}, n, nil
}

func (native) refusal(f *failure) reply {
	return reply{status: f.status, header: map[string]string{"Content-Type": "application/json", "x-amzn-ErrorType": f.errorType}, body: f.body()}
}

func (native) whole(got raw) (reply, *failure) {
	return reply{status: http.StatusOK, header: answerHeader(got.header), body: got.body}, nil
}

func (native) header(got raw) map[string]string { return answerHeader(got.header) }

func (native) event(f frame) ([]byte, error) { return f.raw, nil }

func (n native) failure(failed *failure, f frame) []byte {
	if f.raw != nil {
		return f.raw
	}
	exception := n.operation.broken
	if failed.errorType == timedOut {
		exception = n.operation.overdue
	}
	return exceptionFrame(exception, failed.message)
}

func (native) end() []byte { return nil }

// openAI is OpenAI's dialect: chat completions.
type openAI struct{}

func (openAI) read(x *exchange, request *events.APIGatewayProxyRequest, body []byte, _ bool) (question, teller, *failure) {
	if refused := checkHeader(request); refused != nil {
		return question{}, nil, refused
	}
	asked, err := chat.Read(body)
	if err != nil {
		return question{}, nil, worded(err, "")
	}
	if asked.Model != x.model {
		return question{}, nil, worded(&chat.Error{
			Status: http.StatusBadRequest, Type: "invalid_request_error", Code: "model_mismatch", Param: "model",
			Message: "the model in the body must be the one in the path, " + x.model,
		}, "")
	}
	q := question{operation: converse, header: http.Header{"Content-Type": {"application/json"}}, body: asked.Converse}
	meta := chat.Meta{ID: "chatcmpl-" + x.requestID, Created: x.started.Truncate(time.Second), Model: x.model}
	completion := &completion{meta: meta}
	if asked.Stream {
		q.operation, completion.stream = converseStream, meta.NewStream(asked.IncludeUsage)
	}
	return q, completion, nil
}

// worded is an error that package chat made: in OpenAI's words already. logged is
// what the log says of it.
func worded(err error, logged string) *failure {
	var said *chat.Error
	if !errors.As(err, &said) {
		return unexpected(err)
	}
	f := &failure{status: said.Status, errorType: validation, message: said.Message, said: said.Body(), logged: logged}
	if said.Status >= http.StatusInternalServerError {
		f.errorType = internal
	}
	return f
}

func (openAI) refusal(f *failure) reply {
	header := map[string]string{"Content-Type": "application/json"}
	if f.said != nil {
		return reply{status: f.status, header: header, body: f.said}
	}
	said := chat.FromBedrock(f.status, f.errorType, f.message)
	return reply{status: said.Status, header: header, body: said.Body()}
}

// completion tells an answer as a chat completion, or as its chunks.
type completion struct {
	meta   chat.Meta
	stream *chat.Stream
}

func (c *completion) whole(got raw) (reply, *failure) {
	body, err := c.meta.Answer(got.body)
	if err != nil {
		return reply{}, worded(err, "the answer could not be told as a chat completion")
	}
	return reply{status: http.StatusOK, header: map[string]string{"Content-Type": "application/json"}, body: body}, nil
}

func (*completion) header(raw) map[string]string {
	return map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
}

func (c *completion) event(f frame) ([]byte, error) { return c.stream.Event(f.event, f.payload) }

func (c *completion) failure(failed *failure, _ frame) []byte {
	return c.stream.Fail(chat.FromBedrock(failed.status, failed.errorType, failed.message))
}

func (c *completion) end() []byte { return c.stream.End() }
