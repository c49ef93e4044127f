// Package operator is what a person does to a deployed stack, apart from how
// the command line asks for it.
package operator

import (
	"context"
	"fmt"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// Resume starts an execution that goes on with a run from its trained model, or
// from the beginning if it never came to a job, and returns the execution's ARN.
// Whether the run can be resumed is decided once, by the execution's first step;
// what is plain from the run's record is refused here already. Asking twice starts
// one execution.
func Resume(ctx context.Context, starter Starter, store registry.Store, machineARN string, id finetune.RunID) (string, error) {
	run, err := store.Run(ctx, id)
	if err != nil {
		return "", fmt.Errorf("reading run %s: %w", id, err)
	}
	if err := checkResumable(run); err != nil {
		return "", err
	}
	return start(ctx, starter, machineARN, run, toResume)
}

// checkResumable refuses what [registry.Store.Reclaim] would refuse.
func checkResumable(run registry.Run) error {
	switch {
	case run.End == "":
		return fmt.Errorf("run %s is still going on, in execution %s", run.ID, run.ExecutionARN)
	case run.End == finetune.EndDeployed:
		return fmt.Errorf("run %s is deployed already", run.ID)
	case run.Rollback != nil:
		return fmt.Errorf("the last attempt of run %s was a rollback: ask for it again with: tuneline rollback %s --to %s", run.ID, run.Model, run.ID)
	case !run.Resumable():
		return fmt.Errorf("run %s ended %s without a trained model: upload the data set again", run.ID, run.End)
	case run.End != finetune.EndNeedsOperator && run.End != finetune.EndFailed:
		return fmt.Errorf("run %s ended %s, and only a run that ended %s or %s can be resumed: upload the data set again", run.ID, run.End, finetune.EndNeedsOperator, finetune.EndFailed)
	}
	return nil
}
