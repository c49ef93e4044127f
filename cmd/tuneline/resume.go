package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/operator"
	"github.com/tuneline/tuneline/internal/registry"
)

func resumeCommand() *cobra.Command {
	var bucket, machine string
	var asJSON bool
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
			cfg, err := config.LoadDefaultConfig(command.Context())
			if err != nil {
				return fmt.Errorf("loading the AWS configuration: %w", err)
			}
			store := registry.Store{S3: s3.NewFromConfig(cfg), Bucket: bucket}
			arn, err := operator.Resume(command.Context(), sfn.NewFromConfig(cfg), store, machine, finetune.RunID(args[0]))
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(command.OutOrStdout()).Encode(map[string]string{"run": args[0], "executionArn": arn})
			}
			_, err = fmt.Fprintf(command.OutOrStdout(), "resumed in %s\nwatch it: aws stepfunctions describe-execution --execution-arn %s\n", arn, arn)
			return err
		},
	}
	flags := command.Flags()
	flags.StringVar(&bucket, "bucket", os.Getenv("TUNELINE_BUCKET"), "the stack's bucket (or TUNELINE_BUCKET)")
	flags.StringVar(&machine, "state-machine", os.Getenv("TUNELINE_STATE_MACHINE_ARN"), "the state machine's ARN (or TUNELINE_STATE_MACHINE_ARN)")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	command.PreRunE = func(*cobra.Command, []string) error {
		if bucket == "" || machine == "" {
			return fmt.Errorf("--bucket and --state-machine are needed: they are the stack's outputs BucketName and StateMachineArn")
		}
		return nil
	}
	return command
}
