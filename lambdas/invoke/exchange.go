package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// exchange is one request and its answer, with what is learnt of them on the
// way. Its end is written to the log: ids and figures, and nothing of what was
// asked or answered.
type exchange struct {
	// requestID is API Gateway's, route the last part of the path.
	requestID, route string
	// asks says that the request asks a model, and does not only look.
	asks    bool
	started time.Time
	// allowed is how long it may take.
	allowed time.Duration
	// model is the name in the path, once it was found to be one.
	model string
	// serving is what the model's record says; nil for a model that is not served.
	serving *registry.Capacity
	// bedrockID is Bedrock's request id.
	bedrockID string
	status    int
	// operation is what Bedrock was asked by; nil before.
	operation *operation
	// failed is the error it ended with, in the middle of a stream too.
	failed *failure
	// abandoned is set when the answer was not taken to its end.
	abandoned bool
	// firstToken is when the first part of the model's answer was there.
	firstToken time.Time
	// whole is Bedrock's answer where it does not stream.
	whole raw
	usage usage
}

// ids adds to an answer's header the id by which people are helped, Bedrock's
// where it gave one: under AWS's name, and under the one that OpenAI's clients
// read.
func (x *exchange) ids(header map[string]string) map[string]string {
	id := x.bedrockID
	if id == "" {
		id = x.requestID
	}
	header["X-Amzn-RequestId"], header["X-Request-Id"] = id, id
	return header
}

// namespace is that of the metrics, as CloudWatch groups them.
const namespace = "tuneline"

// emf tells CloudWatch which members of the log line are metrics
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
type emf struct {
	// Timestamp is in milliseconds since 1970.
	Timestamp         int64
	CloudWatchMetrics []directive
}

type directive struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metric
}

type metric struct {
	Name, Unit string
}

// write writes the exchange as one line, which is both its log and, of a question
// to a model, its metrics. A name that no model is served under makes no metric: whoever makes names up
// would make dimensions up, each of which is billed.
func (x *exchange) write(log *slog.Logger, stack string, ended time.Time) {
	attrs := []slog.Attr{
		slog.String("requestId", x.requestID), slog.String("bedrockRequestId", tellable(x.bedrockID)), slog.String("route", x.route),
		slog.String("model", x.model), slog.Int("status", x.status),
	}
	if x.serving != nil {
		attrs = append(attrs, slog.String("run", string(x.serving.Run.ID)))
	}
	if x.failed != nil {
		attrs = append(attrs, slog.String("errorType", tellable(x.failed.errorType)), slog.String("error", x.failed.logged))
	}
	if x.abandoned {
		attrs = append(attrs, slog.Bool("abandoned", true))
	}
	if x.usage.stopReason != "" {
		attrs = append(attrs, slog.String("stopReason", tellable(x.usage.stopReason)))
	}
	var metrics []metric
	add := func(name, unit string, value slog.Value) {
		metrics = append(metrics, metric{name, unit})
		attrs = append(attrs, slog.Attr{Key: name, Value: value})
	}
	add("Requests", "Count", slog.IntValue(1))
	add("Errors", "Count", slog.IntValue(x.errors()))
	if x.usage.counted {
		add("InputTokens", "Count", slog.Int64Value(x.usage.input))
		add("OutputTokens", "Count", slog.Int64Value(x.usage.output))
	}
	add("LatencyMilliseconds", "Milliseconds", milliseconds(ended.Sub(x.started)))
	if !x.firstToken.IsZero() {
		add("TimeToFirstTokenMilliseconds", "Milliseconds", milliseconds(x.firstToken.Sub(x.started)))
	}
	if x.asks && x.serving != nil {
		attrs = append(attrs, slog.String("stack", stack), slog.Any("_aws", emf{
			Timestamp:         ended.UnixMilli(),
			CloudWatchMetrics: []directive{{Namespace: namespace, Dimensions: [][]string{{"stack", "model"}}, Metrics: metrics}},
		}))
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, "answered", attrs...)
}

// tellable is a word of Bedrock's that may be written down: a model's own form of an
// answer could say anything in its place.
func tellable(word string) string {
	if word == "" || finetune.MayTell(word) {
		return word
	}
	return "other"
}

// errors is 1 for an exchange that ended with an error, whoever's it was.
func (x *exchange) errors() int {
	if x.failed != nil {
		return 1
	}
	return 0
}

// milliseconds is a time as the metrics have it, to a thousandth.
func milliseconds(d time.Duration) slog.Value {
	return slog.Float64Value(float64(d.Microseconds()) / 1000)
}
