// Package task is the boundary between a step's plain Go and the state
// machine: it decodes the input strictly, logs one line a call, and turns an
// error into the one name the state machine's Catch and Retry know it by.
//
// Without it the name would be whatever Go type the outermost error has:
// fmt.Errorf("%w") arrives as "wrapError", an SDK failure as "OperationError",
// and no ErrorEquals would ever match.
package task

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/tuneline/tuneline/internal/strict"
)

// Step is one step's work: its view of the execution document in, its noun out.
type Step[In, Out any] func(context.Context, In) (Out, error)

// Start serves a step to the Lambda runtime until the environment is shut
// down. name is the step's folder, the log field "step"; slog's default logger
// carries it too.
func Start[In, Out any](name string, step Step[In, Out]) {
	logger := slog.New(slog.NewJSONHandler(os.Stdout, nil)).With("step", name)
	slog.SetDefault(logger)
	lambda.Start(Handler(logger, step))
}

// Fatal ends the environment during its start-up with a line that says why; a
// function must not serve with half an environment.
func Fatal(name string, err error) {
	slog.New(slog.NewJSONHandler(os.Stdout, nil)).Error("starting", "step", name, "error", err.Error())
	os.Exit(1)
}

// Handler returns the function Start serves, for tests.
func Handler[In, Out any](logger *slog.Logger, step Step[In, Out]) func(context.Context, json.RawMessage) (Out, error) {
	return func(ctx context.Context, input json.RawMessage) (Out, error) {
		started := time.Now()
		out, err := run(ctx, input, step)
		attrs := []any{"milliseconds", time.Since(started).Milliseconds()}
		if err != nil {
			named := name(err)
			logger.Error("failed", append(attrs, "kind", named.Type, "error", err.Error())...)
			return out, named
		}
		logger.Info("done", attrs...)
		return out, nil
	}
}

// run decodes strictly, since a field this step does not know is a drift
// between the state machine and the functions, and calls the step.
func run[In, Out any](ctx context.Context, input json.RawMessage, step Step[In, Out]) (Out, error) {
	var in In
	if err := strict.Decode(input, maxInput, &in); err != nil {
		var none Out
		return none, fmt.Errorf("decoding the step's input: %w; deploy functions and state machines from the same source", err)
	}
	return step(ctx, in)
}

// maxInput is the longest input of a task, in bytes, by Step Functions' quotas
// (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
const maxInput = 256 << 10

// name turns err into what the runtime reports unwrapped: errorType is the
// kind, errorMessage the text.
func name(err error) messages.InvokeResponse_Error {
	return messages.InvokeResponse_Error{Type: string(Kind(err)), Message: err.Error()}
}
