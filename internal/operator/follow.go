package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// Describer looks at executions.
type Describer interface {
	DescribeExecution(context.Context, *sfn.DescribeExecutionInput, ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error)
}

// Outcome is how an execution ended.
type Outcome struct {
	// End is the run's end. Of an execution that never took its run over it is
	// Failed or Duplicate, and of one whose release is still under way its status.
	End   string `json:"end"`
	Error string `json:"error,omitempty"`
	Cause string `json:"cause,omitempty"`
}

// Follow looks at an execution of a run every so often until it ended, and says
// how. Whatever changes on the way is told in a line.
func Follow(ctx context.Context, describer Describer, store registry.Store, executionARN string, id finetune.RunID, every time.Duration, tell func(string)) (Outcome, error) {
	said := ""
	for {
		out, err := describer.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &executionARN})
		if err != nil {
			return Outcome{}, fmt.Errorf("looking at execution %s: %w", executionARN, err)
		}
		run, err := store.Run(ctx, id)
		if err != nil && !errors.Is(err, registry.ErrNotFound) {
			return Outcome{}, fmt.Errorf("reading run %s: %w", id, err)
		}
		if out.Status != types.ExecutionStatusRunning && out.Status != types.ExecutionStatusPendingRedrive {
			return outcome(run, out), nil
		}
		if line := progress(run, executionARN); line != said {
			tell(line)
			said = line
		}
		select {
		case <-ctx.Done():
			return Outcome{}, fmt.Errorf("waiting for execution %s, which goes on: %w", executionARN, context.Cause(ctx))
		case <-time.After(every):
		}
	}
}

// outcome is the end of an execution, by its run's record where it has one.
func outcome(run registry.Run, out *sfn.DescribeExecutionOutput) Outcome {
	arn := aws.ToString(out.ExecutionArn)
	if run.ExecutionARN == arn && run.End != "" {
		return Outcome{End: run.End, Error: run.Error, Cause: run.Cause}
	}
	for _, earlier := range run.EarlierEnds { // another attempt has begun since
		if earlier.ExecutionARN == arn {
			return Outcome{End: earlier.End, Error: earlier.Error, Cause: earlier.Cause}
		}
	}
	switch {
	case run.ExecutionARN == arn:
		return Outcome{End: string(out.Status), Error: aws.ToString(out.Error), Cause: "what it bought is still being released; the run's report will say how it ended"}
	case out.Status == types.ExecutionStatusSucceeded:
		return Outcome{End: finetune.EndDuplicate}
	}
	return Outcome{End: finetune.EndFailed, Error: aws.ToString(out.Error), Cause: aws.ToString(out.Cause)}
}

// progress says how far a run has come in an execution.
func progress(run registry.Run, executionARN string) string {
	switch t := run.Throughput; {
	case run.ExecutionARN != executionARN:
		return "taking the run over"
	case run.Endpoint != nil:
		return "published as " + run.Endpoint.ModelID
	case run.Closed:
		return "releasing what it bought"
	case len(run.Asks()) > 0:
		asks := run.Asks()[0]
		return fmt.Sprintf("waiting for an operator to approve its %s at %s: %s", asks.Purpose, asks.Price(), run.ApproveCommand())
	case t == nil:
		return "going on from the trained model"
	case t.ARN == "":
		return "asking for a " + t.Kind
	default:
		return map[string]string{
			finetune.ChangeCreated: "waiting for the new ", finetune.ChangeUpdated: "re-pointing the ", finetune.ChangeFound: "testing the kept ",
		}[t.Change] + t.Kind + " " + t.ARN
	}
}
