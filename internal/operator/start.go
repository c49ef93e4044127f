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

// The two reasons for another attempt of a run, in executions' names.
const (
	toResume   = "resume"
	toRollBack = "rollback"
)

// start starts the next attempt of a run and returns the execution's ARN.
//
// The execution's name is the run, the reason and the attempt, so asking twice
// starts one execution: StartExecution is idempotent for a name and an input while
// the execution runs. A name whose execution ended without taking the run over is
// spent, and the next one is tried, so that an attempt that failed bars no other.
func start(ctx context.Context, starter Starter, machineARN string, run registry.Run, why string) (string, error) {
	input, err := json.Marshal(finetune.ExecutionInput{Dataset: run.Dataset, Resume: why == toResume, Rollback: why == toRollBack})
	if err != nil {
		return "", fmt.Errorf("encoding the execution's input: %w", err)
	}
	for try := 1; ; try++ {
		out, err := starter.StartExecution(ctx, &sfn.StartExecutionInput{
			StateMachineArn: &machineARN,
			Name:            aws.String(executionName(run, why, try)),
			Input:           aws.String(string(input)),
		})
		if err == nil {
			return aws.ToString(out.ExecutionArn), nil
		}
		spent := new(types.ExecutionAlreadyExists)
		if !errors.As(err, &spent) || try == maxTries {
			return "", fmt.Errorf("starting the execution for the %s of run %s: %w", why, run.ID, err)
		}
	}
}

// maxTries bounds how many executions may have tried one attempt of a run and
// ended before they took it over.
const maxTries = 20

// executionName is the name of the nth try of a run's next attempt.
func executionName(run registry.Run, why string, try int) string {
	name := fmt.Sprintf("%s-%s-%d", run.ID, why, run.Attempt()+1)
	if try > 1 {
		name += fmt.Sprintf("-%d", try)
	}
	return name
}
