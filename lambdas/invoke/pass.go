package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// patient sets how often a request is tried: a model that is not ready yet is
// tried again as well, which the SDK does not do by itself, and never so long
// that the caller's time is spent waiting.
func patient(o *bedrockruntime.Options) {
	o.Retryer = retry.AddWithErrorCodes(retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts, s.MaxBackoff = 4, 4*time.Second
	}), "ModelNotReadyException")
}

// raw is Bedrock's answer, byte by byte.
type raw struct {
	body      []byte
	requestID string
}

// pass sends body to Converse and returns the answer, neither of them touched:
// the SDK gives endpoint, signature and retries, and two middlewares keep its
// idea of the messages away from the wire, so that a member it does not know
// yet passes as well.
func pass(ctx context.Context, bedrock api, throughputARN string, body []byte) (raw, error) {
	var got raw
	_, err := bedrock.Converse(ctx, &bedrockruntime.ConverseInput{ModelId: &throughputARN}, func(o *bedrockruntime.Options) {
		o.APIOptions = append(o.APIOptions, sending(body), receiving(&got))
	})
	return got, err
}

// sending replaces the serialized request's body.
func sending(body []byte) func(*middleware.Stack) error {
	replace := middleware.SerializeMiddlewareFunc("TunelinePassBody", func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (middleware.SerializeOutput, middleware.Metadata, error) {
		request, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("passing the body: unknown transport %T", in.Request)
		}
		request, err := request.SetStream(bytes.NewReader(body))
		if err != nil {
			return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("passing the body: %w", err)
		}
		request.ContentLength = int64(len(body))
		request.Header.Set("Content-Type", "application/json")
		in.Request = request
		return next.HandleSerialize(ctx, in)
	})
	return func(stack *middleware.Stack) error { return stack.Serialize.Add(replace, middleware.After) }
}

// receiving keeps a successful answer's bytes and shows the SDK an empty one.
func receiving(got *raw) func(*middleware.Stack) error {
	keep := middleware.DeserializeMiddlewareFunc("TunelinePassAnswer", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		response, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok || response.StatusCode != http.StatusOK {
			return out, metadata, err
		}
		body, err := io.ReadAll(response.Body)
		err = errors.Join(err, response.Body.Close())
		if err != nil {
			return out, metadata, &smithyhttp.RequestSendError{Err: fmt.Errorf("reading the answer: %w", err)}
		}
		*got = raw{body: body, requestID: response.Header.Get("X-Amzn-Requestid")}
		response.Body = io.NopCloser(strings.NewReader("{}"))
		response.ContentLength = int64(len("{}"))
		return out, metadata, nil
	})
	return func(stack *middleware.Stack) error { return stack.Deserialize.Add(keep, middleware.After) }
}

// mayBeReplaced says whether an error may mean that the capacity asked was
// replaced and deleted since its record was read. AWS documents a 404; which of
// the two a deleted deployment answers with is unverified, and a bad request of
// the caller's own costs no more than one read of the record.
func mayBeReplaced(err error, cached bool) bool {
	code := codeOf(err)
	return code == "ResourceNotFoundException" || cached && code == "ValidationException"
}
