// Package operator is what a person does to a deployed stack, apart from how
// the command line asks for it.
package operator

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// Starter starts executions.
type Starter interface {
	StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
}

// Resume starts an execution that goes on with a run from its trained model,
// and returns the execution's ARN. Whether the run can be resumed is decided
// once, by the execution's first step; what is plain from the run's record is
// refused here already.
//
// The execution's name is the run and the attempt, so asking twice starts one
// execution (StartExecution is idempotent for a name and an input).
func Resume(ctx context.Context, starter Starter, store registry.Store, machineARN string, id finetune.RunID) (string, error) {
	run, err := store.Run(ctx, id)
	if err != nil {
		return "", fmt.Errorf("reading run %s: %w", id, err)
	}
	if run.End == "" {
		return "", fmt.Errorf("run %s is still going on, in execution %s", id, run.ExecutionARN)
	}
	if run.End == finetune.EndDeployed {
		return "", fmt.Errorf("run %s is deployed already", id)
	}
	if run.CustomModel == nil {
		return "", fmt.Errorf("run %s ended %s without a trained model: upload the data set again", id, run.End)
	}
	input, err := json.Marshal(finetune.ExecutionInput{Dataset: run.Dataset, Resume: true})
	if err != nil {
		return "", fmt.Errorf("encoding the execution's input: %w", err)
	}
	out, err := starter.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &machineARN,
		Name:            aws.String(fmt.Sprintf("%s-resume-%d", id, run.Attempt()+1)),
		Input:           aws.String(string(input)),
	})
	if err != nil {
		return "", fmt.Errorf("starting the execution that resumes run %s: %w", id, err)
	}
	return aws.ToString(out.ExecutionArn), nil
}
