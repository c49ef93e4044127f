package main

import (
	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/operator"
)

func resumeCommand() *cobra.Command { return resumeWith(&attempt{}) }

func resumeWith(a *attempt) *cobra.Command {
	command := &cobra.Command{
		Use:   "resume <run>",
		Short: "Go on with a run from its trained model, after what it waited for was settled",
		Long: `Go on with a run from its trained model.

A run that ends NeedsOperator keeps its model: once the quota is granted (or
whatever its report names is settled), this starts an execution that buys the
capacity, tests it and publishes it, without training again. Asking twice
starts one execution.

The bucket and the state machine are outputs of the stack: BucketName and
StateMachineArn. Credentials are the operator role's.`,
		Example: "  tuneline resume 3f2a9c0d11e24b77 --bucket my-bucket --state-machine arn:aws:states:us-east-1:111122223333:stateMachine:tuneline-finetune",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			id := finetune.RunID(args[0])
			arn, err := operator.Resume(command.Context(), a.executions, a.store, a.machine, id)
			if err != nil {
				return err
			}
			return a.report(command, id, arn, "resumed in "+arn, map[string]any{"run": id, "executionArn": arn})
		},
	}
	a.flags(command)
	return command
}
