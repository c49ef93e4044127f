package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/operator"
)

func rollbackCommand() *cobra.Command { return rollbackWith(&attempt{}) }

func rollbackWith(a *attempt) *cobra.Command {
	var to string
	command := &cobra.Command{
		Use:   "rollback <model>",
		Short: "Serve an earlier run of a model again, without training",
		Long: `Serve an earlier run of a model again, without training.

Without --to that is the run that was published before the one that is served;
asked twice, it goes there and back. --to names any run in the model's history.
An execution goes on from the run's trained model: it uses the deployment that
is kept of it, re-points the provisioned throughput that serves, or makes or buys
what is needed; it is tested before anybody is sent there, and if it fails,
callers stay where they are. A newer upload replaces it as always. Asking twice
starts one execution.

The bucket and the state machine are outputs of the stack: BucketName and
StateMachineArn. Credentials are the operator role's.

` + attemptExits,
		Example: `  tuneline rollback support --wait
  tuneline rollback support --to 3f2a9c0d11e24b77 --bucket my-bucket --state-machine arn:aws:states:us-east-1:111122223333:stateMachine:tuneline-finetune`,
		Args: func(command *cobra.Command, args []string) error {
			if err := oneModel(command, args); err != nil || to == "" {
				return err
			}
			if err := finetune.RunID(to).Check(); err != nil {
				return fmt.Errorf("--to: %w", err)
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			r, err := operator.RollBack(command.Context(), a.executions, a.store, a.machine, args[0], finetune.RunID(to))
			if err != nil {
				return asOperator(err)
			}
			heading := fmt.Sprintf("model %s goes back from run %s to run %s: %s\nexecution %s", r.Model, r.From, r.To, r.Way, r.ExecutionARN)
			if r.From == "" {
				heading = fmt.Sprintf("model %s, which nothing serves, goes back to run %s: %s\nexecution %s", r.Model, r.To, r.Way, r.ExecutionARN)
			}
			return a.report(command, r.To, r.ExecutionARN, heading, map[string]any{
				"model": r.Model, "from": r.From, "to": r.To, "way": r.Way, "executionArn": r.ExecutionARN,
			})
		},
	}
	a.flags(command)
	command.Flags().StringVar(&to, "to", "", "the run to serve again; by default the one published before the one that is served")
	return command
}
