package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/finetune"
)

// regionFlag explains --region of the commands that reach a stack by its name or
// bucket.
const regionFlag = "the stack's Region (default: that of the AWS configuration)"

// awsConfig is the AWS configuration of the environment, in a Region or, for "",
// in the environment's own. It is held against what every call needs, since the
// SDK would speak of endpoint rules and instance metadata instead.
func awsConfig(ctx context.Context, region string) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return cfg, fmt.Errorf("loading the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return cfg, errors.New("no Region is configured: say --region, or set AWS_REGION")
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return cfg, fmt.Errorf("there are no AWS credentials: sign in (\"aws sso login\", \"aws configure\") or set AWS_PROFILE: %w", err)
	}
	return cfg, nil
}

// asOperator says of a refusal what mends it, for a command that takes the
// operator role. The codes are S3's and Step Functions'
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
func asOperator(err error) error {
	var refusal smithy.APIError
	if !errors.As(err, &refusal) {
		return err
	}
	switch refusal.ErrorCode() {
	case "AccessDenied", "AccessDeniedException":
		return fmt.Errorf("%w: the credentials must be the operator role's: see the stack's output OperatorSession", err)
	case "PermanentRedirect", "AuthorizationHeaderMalformed":
		return fmt.Errorf("%w: the bucket is in another Region: name the stack's own bucket and Region", err)
	}
	return err
}

// oneRun demands the id of a run, and nothing else.
func oneRun(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("name one run by its id, such as 3f2a9c0d11e24b77: every notice, cause and report has it")
	}
	return finetune.RunID(args[0]).Check()
}

// oneModel demands the name of a model, and nothing else.
func oneModel(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("name one model: the folder its data sets are uploaded to")
	}
	if err := finetune.CheckModelName(args[0]); err != nil {
		return fmt.Errorf("model %q: %w", args[0], err)
	}
	return nil
}

// nothing demands that a command gets flags only.
func nothing(command *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q is not for %s, which takes flags only: see \"%s --help\"", args[0], command.CommandPath(), command.CommandPath())
	}
	return nil
}
