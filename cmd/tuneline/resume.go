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
		Short: "Go on with a run that ended, once what it waited for is settled",
		Long: `Go on with a run that ended, once what it waited for is settled.

A run that ended NeedsOperator or Failed keeps the model it trained: once the
quota is granted, the spending approved, or whatever its report names is settled,
this starts an execution that buys the capacity, tests it and publishes it,
without training again. A run that ended before its job begins with that, on the
copy that was checked. Asking twice starts one execution.

The bucket and the state machine are outputs of the stack: BucketName and
StateMachineArn. Credentials are the operator role's.

` + attemptExits,
		Example: "  tuneline resume 3f2a9c0d11e24b77 --bucket my-bucket --state-machine arn:aws:states:us-east-1:111122223333:stateMachine:tuneline-finetune",
		Args:    oneRun,
		RunE: func(command *cobra.Command, args []string) error {
			id := finetune.RunID(args[0])
			arn, err := operator.Resume(command.Context(), a.executions, a.store, a.machine, id)
			if err != nil {
				return asOperator(err)
			}
			return a.report(command, id, arn, "resumed in "+arn, map[string]any{"run": id, "executionArn": arn})
		},
	}
	a.flags(command)
	return command
}
