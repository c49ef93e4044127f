package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tuneline/tuneline/internal/strict"
)

// patient sets how often a request is tried: a model that is not ready yet is
// tried again as well, which the SDK does not do by itself, and never so long
// that the caller's time is spent waiting. An attempt ends with the answer's
// header, or with its last byte where it is read whole, so that nothing is asked
// again of which the caller has seen a part.
func patient(o *bedrockruntime.Options) {
	o.Retryer = retry.AddWithErrorCodes(retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts, s.MaxBackoff = 4, 4*time.Second
	}), "ModelNotReadyException")
}

// question is what Bedrock is asked.
type question struct {
	operation *operation
	header    http.Header
	body      []byte
}

// raw is Bedrock's answer as it came.
type raw struct {
	header http.Header
	// body is the answer of an operation that does not stream.
	body []byte
	// stream is the answer of one that does. Whoever has it closes it.
	stream io.ReadCloser
}

// pass puts a question to a throughput and returns the answer, neither of them
// touched: the SDK gives endpoint, signature and retries, and two middlewares
// keep its idea of the messages away from the wire, so that a member it does not
// know yet passes as well.
func pass(ctx context.Context, bedrock api, throughputARN string, q question) (raw, error) {
	var got raw
	err := q.operation.call(ctx, bedrock, throughputARN, func(o *bedrockruntime.Options) {
		o.APIOptions = append(o.APIOptions, sending(q), receiving(&got, q.operation.streams))
	})
	if err != nil && got.stream != nil {
		err = errors.Join(err, got.stream.Close())
	}
	return got, err
}

// sending replaces the serialized request's header and body.
func sending(q question) func(*middleware.Stack) error {
	replace := middleware.SerializeMiddlewareFunc("TunelinePassBody", func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (middleware.SerializeOutput, middleware.Metadata, error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("passing the body: unknown transport %T", in.Request)
		}
		request, err := request.SetStream(rewindable{bytes.NewReader(q.body)})
		if err != nil {
			return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("passing the body: %w", err)
		}
		request.ContentLength = int64(len(q.body))
		for name, values := range q.header {
			request.Header[name] = values
		}
		in.Request = request
		return next.HandleSerialize(ctx, in)
	})
	return func(stack *middleware.Stack) error { return stack.Serialize.Add(replace, middleware.After) }
}

// maxAnswer is the longest answer that Bedrock gives as a whole, in bytes
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html).
const maxAnswer = 25_000_000

// rewindable is a body that can be read again for another try, and no more than
// that: of one that is an io.WriterTo as well, the SDK (smithy-go v1.28.9) reports
// an end that HTTP/1.1's client takes for a failed request, when an answer begins
// before that client has looked whether there is more of the body. It would close
// the connection, and the stream would break off.
type rewindable struct{ io.ReadSeeker }

// receiving keeps a successful answer and shows the SDK an empty one. Of a
// stream it takes the SDK's own reader of events out, which would read ahead in
// a goroutine of its own and know of no more events than its release does.
func receiving(got *raw, streams bool) func(*middleware.Stack) error {
	keep := middleware.DeserializeMiddlewareFunc("TunelinePassAnswer", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		response, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok {
			return out, metadata, err
		}
		answered := response.StatusCode == http.StatusOK
		if answered && streams {
			*got = raw{header: response.Header, stream: response.Body}
			response.Body = http.NoBody
			return out, metadata, nil
		}
		body, err := strict.Read(response.Body, maxAnswer)
		err = errors.Join(err, response.Body.Close())
		if errors.Is(err, strict.ErrTooLong) { // and would be again
			return out, metadata, fmt.Errorf("reading the answer: %w", err)
		}
		if err != nil {
			return out, metadata, &smithyhttp.RequestSendError{Err: fmt.Errorf("reading the answer: %w", err)}
		}
		if answered {
			*got = raw{header: response.Header, body: body}
			body = []byte("{}")
		}
		response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		return out, metadata, nil
	})
	return func(stack *middleware.Stack) error {
		if streams {
			if _, err := stack.Deserialize.Remove("OperationEventStreamDeserializer"); err != nil {
				return fmt.Errorf("passing the stream: %w", err)
			}
		}
		return stack.Deserialize.Add(keep, middleware.After)
	}
}

// mayBeReplaced says whether an error may mean that the capacity asked was
// replaced and deleted since its record was read. AWS documents a 404; which
// answer a deleted deployment really gives is unverified, and the role may ask
// by the capacity's tags only, which are gone with it. A bad request of the
// caller's own costs no more than one read of the record.
func mayBeReplaced(err error, cached bool) bool {
	switch codeOf(err) {
	case "ResourceNotFoundException":
		return true
	case "ValidationException", "AccessDeniedException":
		return cached
	}
	return false
}
