package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/operator"
	"github.com/tuneline/tuneline/internal/registry"
)

// attempt is what the commands share that start another attempt of a run.
type attempt struct {
	bucket, machine string
	wait, asJSON    bool

	store      registry.Store
	executions executions
}

// executions is what those commands ask of Step Functions.
type executions interface {
	operator.Starter
	operator.Describer
}

// attemptExits says of the commands that start an attempt how they exit.
const attemptExits = `Exit codes: 0 the execution is started, or with --wait its run ended Deployed,
1 with --wait it ended otherwise, 2 the command itself failed.`

// every is how often a followed execution is looked at.
const every = 3 * time.Second

// flags declares the flags, and demands the stack's outputs before the command
// runs.
func (a *attempt) flags(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&a.bucket, "bucket", os.Getenv("TUNELINE_BUCKET"), "the stack's bucket (or TUNELINE_BUCKET)")
	flags.StringVar(&a.machine, "state-machine", os.Getenv("TUNELINE_STATE_MACHINE_ARN"), "the state machine's ARN (or TUNELINE_STATE_MACHINE_ARN)")
	flags.BoolVar(&a.wait, "wait", false, "follow the execution to its end")
	flags.BoolVar(&a.asJSON, "json", false, "print one JSON document")
	command.PreRunE = func(command *cobra.Command, _ []string) error {
		if a.bucket == "" || a.machine == "" {
			return errors.New("--bucket and --state-machine are needed: they are the stack's outputs BucketName and StateMachineArn")
		}
		machine, err := arn.Parse(a.machine)
		if err != nil || machine.Service != "states" || machine.Region == "" {
			return fmt.Errorf("--state-machine is %q, which is no state machine's ARN: it is the stack's output StateMachineArn", a.machine)
		}
		return a.connect(command.Context(), machine.Region)
	}
}

// connect makes the clients, unless a test did. The state machine's Region is the
// stack's, whatever the environment says.
func (a *attempt) connect(ctx context.Context, region string) error {
	if a.executions != nil {
		return nil
	}
	cfg, err := awsConfig(ctx, region)
	if err != nil {
		return err
	}
	a.store = registry.Store{S3: s3.NewFromConfig(cfg), Bucket: a.bucket}
	a.executions = sfn.NewFromConfig(cfg)
	return nil
}

// report says what was started, follows it to its end if asked to, and answers an
// endError for an end that is not Deployed. started is the beginning of the JSON
// object, heading the beginning of the text.
func (a *attempt) report(command *cobra.Command, id finetune.RunID, executionARN, heading string, started map[string]any) error {
	out := &remembering{Writer: command.OutOrStdout()}
	if !a.asJSON {
		fmt.Fprintln(out, heading)
	}
	if !a.wait {
		if a.asJSON {
			return encode(out, started)
		}
		fmt.Fprintf(out, "watch it: aws stepfunctions describe-execution --execution-arn %s\n", executionARN)
		return out.err
	}
	tell := func(line string) {
		if !a.asJSON {
			fmt.Fprintln(out, line)
		}
	}
	ended, err := operator.Follow(command.Context(), a.executions, a.store, executionARN, id, every, tell)
	if err != nil {
		return err
	}
	if a.asJSON {
		started["end"], started["error"], started["cause"] = ended.End, ended.Error, ended.Cause
		err = encode(out, started)
	} else {
		fmt.Fprintln(out, "ended", ended.End)
		if ended.Cause != "" {
			fmt.Fprintln(out, ended.Error+":", ended.Cause)
		}
		err = out.err
	}
	if err == nil && ended.End != finetune.EndDeployed {
		return endError{ended.End}
	}
	return err
}

// encode prints one JSON object in one line.
func encode(out *remembering, v any) error {
	if err := json.NewEncoder(out).Encode(v); err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	return nil
}
