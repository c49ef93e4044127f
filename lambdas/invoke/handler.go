package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// api is what invoke calls of the Bedrock runtime; its policy grants exactly
// this, as bedrock:InvokeModel.
type api interface {
	Converse(context.Context, *bedrockruntime.ConverseInput, ...func(*bedrockruntime.Options)) (*bedrockruntime.ConverseOutput, error)
}

// store is where the model's record is read.
type store interface {
	Model(context.Context, string) (registry.Model, error)
}

// handler serves the REST API's requests.
type handler struct {
	bedrock api
	served  *lookup
	log     *slog.Logger
	now     func() time.Time
}

func newHandler(bedrock api, s store) handler {
	return handler{
		bedrock: bedrock,
		served:  &lookup{store: s, now: time.Now, seen: map[string]answer{}},
		log:     slog.New(slog.NewJSONHandler(os.Stdout, nil)).With("step", "invoke"),
		now:     time.Now,
	}
}

// Bounds of one request.
const (
	// budget is how long a caller is kept waiting, short of the 29 seconds API
	// Gateway waits by default
	// (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html).
	budget = 27 * time.Second
	// reserve is what an answer needs before Lambda itself ends the function.
	reserve = 500 * time.Millisecond
	// maxBody is Lambda's own limit on a request, in bytes
	// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
	maxBody = 6 << 20
)

// Handle answers one request. It never returns an error: API Gateway would make
// a 502 without words of it.
func (h handler) Handle(ctx context.Context, request events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	started := h.now()
	deadline := started.Add(budget)
	if end, ok := ctx.Deadline(); ok && end.Add(-reserve).Before(deadline) {
		deadline = end.Add(-reserve)
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	reply := h.converse(ctx, request)
	h.log.Info("answered", "requestId", request.RequestContext.RequestID, "bedrockRequestId", reply.requestID,
		"model", request.PathParameters["model"], "status", reply.status, "errorType", reply.errorType, "error", reply.logged,
		"milliseconds", h.now().Sub(started).Milliseconds())
	return reply.response(request.RequestContext.RequestID), nil
}

// converse checks the request, finds what serves the model, and passes body and
// answer through. The capacity found may have been replaced and deleted since
// the record was read: then the record is read anew, once.
func (h handler) converse(ctx context.Context, request events.APIGatewayProxyRequest) reply {
	model, body, refusal := read(request)
	if refusal != nil {
		return *refusal
	}
	throughput, cached, refusal := h.served.throughput(ctx, model, false)
	if refusal != nil {
		return *refusal
	}
	raw, err := pass(ctx, h.bedrock, throughput, body)
	if err != nil && mayBeReplaced(err, cached) {
		current, _, refusal := h.served.throughput(ctx, model, true)
		if refusal != nil {
			return *refusal
		}
		if current != throughput {
			raw, err = pass(ctx, h.bedrock, current, body)
		}
	}
	if err != nil {
		return refusedBy(err, model)
	}
	return reply{status: http.StatusOK, body: raw.body, requestID: raw.requestID}
}

// read takes model and body out of the request. The body must be one JSON
// object; what is in it is Bedrock's to judge.
func read(request events.APIGatewayProxyRequest) (model string, body []byte, refusal *reply) {
	if request.HTTPMethod != http.MethodPost || request.Resource != "/model/{model}/converse" {
		return "", nil, refuse(http.StatusNotFound, "UnknownOperationException", "the one operation is POST /model/{model}/converse")
	}
	// A REST API hands a path's parameters on as they stand in the URL.
	model, err := url.PathUnescape(request.PathParameters["model"])
	if err == nil {
		err = finetune.CheckModelName(model)
	}
	if err != nil {
		return "", nil, refuse(http.StatusBadRequest, "ValidationException", err.Error())
	}
	body = []byte(request.Body)
	if request.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(request.Body)
		if err != nil {
			return "", nil, refuse(http.StatusBadRequest, "SerializationException", "the body is not the base64 it is said to be")
		}
		body = decoded
	}
	if len(body) > maxBody {
		return "", nil, refuse(http.StatusRequestEntityTooLarge, "ValidationException", "the body is larger than 6 MB")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return "", nil, refuse(http.StatusBadRequest, "SerializationException", "the body must be one JSON object, as Converse takes it")
	}
	if _, ok := members["modelId"]; ok {
		return "", nil, refuse(http.StatusBadRequest, "ValidationException", "modelId has no place in the body: the path names the model")
	}
	return model, body, nil
}
