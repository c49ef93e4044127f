package main

import (
	"context"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
)

// api is what invoke calls of the Bedrock runtime. Its policy grants exactly
// this, as bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream.
type api interface {
	Converse(context.Context, *bedrockruntime.ConverseInput, ...func(*bedrockruntime.Options)) (*bedrockruntime.ConverseOutput, error)
	ConverseStream(context.Context, *bedrockruntime.ConverseStreamInput, ...func(*bedrockruntime.Options)) (*bedrockruntime.ConverseStreamOutput, error)
	InvokeModel(context.Context, *bedrockruntime.InvokeModelInput, ...func(*bedrockruntime.Options)) (*bedrockruntime.InvokeModelOutput, error)
	InvokeModelWithResponseStream(context.Context, *bedrockruntime.InvokeModelWithResponseStreamInput, ...func(*bedrockruntime.Options)) (*bedrockruntime.InvokeModelWithResponseStreamOutput, error)
}

// operation is one of the four ways to ask a model
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html).
type operation struct {
	// name is the last part of its path.
	name string
	// streams says that it answers with an event stream.
	streams bool
	// converse says that its body is Converse's, and not the model's own.
	converse bool
	// headers are the request's that belong to it, beside the body's type.
	headers []string
	// broken is the exception that ends its stream when the connection broke,
	// overdue when the time was up: members of its event stream.
	broken, overdue string
	// call makes the call. What it returns is seen by the middlewares in options.
	call func(ctx context.Context, bedrock api, modelID string, options func(*bedrockruntime.Options)) error
}

// modelHeaders are what InvokeModel knows beside Accept. Those of a guardrail
// are not among them: this function sets them.
var modelHeaders = []string{
	"X-Amzn-Bedrock-Trace", "X-Amzn-Bedrock-Performanceconfig-Latency", "X-Amzn-Bedrock-Service-Tier", "X-Amzn-Bedrock-Request-Metadata",
}

// The exceptions that may end a stream, as event streams spell them
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ResponseStream.html).
// Converse's stream knows no time-out.
const (
	streamError = "modelStreamErrorException"
	timeout     = "modelTimeoutException"
)

var (
	converse = &operation{
		name: "converse", converse: true,
		call: func(ctx context.Context, bedrock api, modelID string, options func(*bedrockruntime.Options)) error {
			_, err := bedrock.Converse(ctx, &bedrockruntime.ConverseInput{ModelId: &modelID}, options)
			return err
		},
	}
	converseStream = &operation{
		name: "converse-stream", converse: true, streams: true, broken: streamError, overdue: streamError,
		call: func(ctx context.Context, bedrock api, modelID string, options func(*bedrockruntime.Options)) error {
			_, err := bedrock.ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{ModelId: &modelID}, options)
			return err
		},
	}
	invokeModel = &operation{
		name: "invoke", headers: append([]string{"Accept"}, modelHeaders...),
		call: func(ctx context.Context, bedrock api, modelID string, options func(*bedrockruntime.Options)) error {
			_, err := bedrock.InvokeModel(ctx, &bedrockruntime.InvokeModelInput{ModelId: &modelID}, options)
			return err
		},
	}
	invokeStream = &operation{
		name: "invoke-with-response-stream", streams: true, broken: streamError, overdue: timeout,
		headers: append([]string{"X-Amzn-Bedrock-Accept"}, modelHeaders...),
		call: func(ctx context.Context, bedrock api, modelID string, options func(*bedrockruntime.Options)) error {
			_, err := bedrock.InvokeModelWithResponseStream(ctx, &bedrockruntime.InvokeModelWithResponseStreamInput{ModelId: &modelID}, options)
			return err
		},
	}
)

// header returns the request's headers that go on to Bedrock. Converse has none:
// what it knows stands in its body, which is JSON whatever the caller calls it.
func (o *operation) header(request *events.APIGatewayProxyRequest) http.Header {
	passed := http.Header{"Content-Type": {"application/json"}}
	if o.converse {
		return passed
	}
	sent := headerOf(request)
	for _, name := range append([]string{"Content-Type"}, o.headers...) {
		if values := sent[name]; values != nil {
			passed[name] = values
		}
	}
	return passed
}

// headerOf is the request's header with names in Go's canonical form: API
// Gateway hands them on as the client wrote them.
func headerOf(request *events.APIGatewayProxyRequest) http.Header {
	header := make(http.Header, len(request.MultiValueHeaders))
	for name, values := range request.MultiValueHeaders {
		name = http.CanonicalHeaderKey(name)
		header[name] = append(header[name], values...)
	}
	return header
}

// answerPrefix begins the names of the headers that Bedrock's answers have of
// their own, in Go's canonical form.
const answerPrefix = "X-Amzn-Bedrock-"

// answerHeader is what of an answer's header goes on to the caller.
func answerHeader(header http.Header) map[string]string {
	passed := map[string]string{}
	for name := range header {
		if name == "Content-Type" || strings.HasPrefix(name, answerPrefix) {
			passed[name] = header.Get(name)
		}
	}
	return passed
}
