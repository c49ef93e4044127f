// Package operator is what a person does to a deployed stack, apart from how
// the command line asks for it.
package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// Starter starts executions.
type Starter interface {
	StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
}

// Resume starts an execution that goes on with a run from its trained model, or
// from the beginning if it never came to a job, and returns the execution's ARN. Whether the run can be resumed is decided
// once, by the execution's first step; what is plain from the run's record is
// refused here already.
//
// The execution's name is the run and the attempt, so asking twice starts one
// execution: StartExecution is idempotent for a name and an input while the
// execution runs. A name whose execution ended without taking the run over is
// spent, and the next one is tried, so that a resumption that failed bars no other.
func Resume(ctx context.Context, starter Starter, store registry.Store, machineARN string, id finetune.RunID) (string, error) {
	run, err := store.Run(ctx, id)
	if err != nil {
		return "", fmt.Errorf("reading run %s: %w", id, err)
	}
	if err := checkResumable(run); err != nil {
		return "", err
	}
	input, err := json.Marshal(finetune.ExecutionInput{Dataset: run.Dataset, Resume: true})
	if err != nil {
		return "", fmt.Errorf("encoding the execution's input: %w", err)
	}
	for try := 1; ; try++ {
		out, err := starter.StartExecution(ctx, &sfn.StartExecutionInput{
			StateMachineArn: &machineARN,
			Name:            aws.String(executionName(run, try)),
			Input:           aws.String(string(input)),
		})
		if err == nil {
			return aws.ToString(out.ExecutionArn), nil
		}
		spent := new(types.ExecutionAlreadyExists)
		if !errors.As(err, &spent) || try == maxTries {
			return "", fmt.Errorf("starting the execution that resumes run %s: %w", id, err)
		}
	}
}

// maxTries bounds how many executions may have tried to resume a run and ended
// before they took it over.
const maxTries = 20

// executionName is the name of the nth try to resume a run once more.
func executionName(run registry.Run, try int) string {
	name := fmt.Sprintf("%s-resume-%d", run.ID, run.Attempt()+1)
	if try > 1 {
		name += fmt.Sprintf("-%d", try)
	}
	return name
}

// checkResumable refuses what [registry.Store.Reclaim] would refuse.
func checkResumable(run registry.Run) error {
	switch {
	case run.End == "":
		return fmt.Errorf("run %s is still going on, in execution %s", run.ID, run.ExecutionARN)
	case run.End == finetune.EndDeployed:
		return fmt.Errorf("run %s is deployed already", run.ID)
	case !run.Resumable():
		return fmt.Errorf("run %s ended %s without a trained model: upload the data set again", run.ID, run.End)
	case run.End != finetune.EndNeedsOperator && run.End != finetune.EndFailed:
		return fmt.Errorf("run %s ended %s, and only a run that ended %s or %s can be resumed: upload the data set again", run.ID, run.End, finetune.EndNeedsOperator, finetune.EndFailed)
	}
	return nil
}
