package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/preflight"
)

// preflightOptions are the command's flags.
type preflightOptions struct {
	config  string
	stack   string
	region  string
	dataset string
	asJSON  bool
}

const preflightLong = `Look at an account before a stack is deployed to it, or before a data set is
dropped: base model and access to it, Region, quotas, zones, interface endpoints,
prefix list, names, bootstrap, and of a deployed stack the key and the service
role. Every line that fails says what mends it. Nothing is changed, and nothing
is paid for.

The configuration is the one the deployment reads: cdk.json, or the file that
--config names, as with "cdk deploy -c config=FILE". Credentials are the ones of
the environment: before the deployment those that deploy, later the operator
role's will do. A call they may not make makes its line unknown, and the line
names the permission.

Exit codes: 0 nothing fails and everything could be looked at, 1 something fails,
2 something could not be looked at, or the command itself failed.`

const preflightExample = `  tuneline preflight
  tuneline preflight --config examples/article-llama-provisioned/config.json
  tuneline preflight --dataset fine-tuning-datasets/support/train.jsonl --json`

func preflightCommand() *cobra.Command {
	var o preflightOptions
	command := &cobra.Command{
		Use:     "preflight",
		Short:   "Look whether an account is ready: what fails, and the command that mends it",
		Long:    preflightLong,
		Example: preflightExample,
		Args:    nothing,
		PreRunE: nothingEmpty,
		RunE: func(command *cobra.Command, _ []string) error {
			return runPreflight(command.Context(), o, command.OutOrStdout(), command.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.config, "config", "", configFlag)
	flags.StringVar(&o.stack, "stack", "tuneline", "the stack's name")
	flags.StringVar(&o.region, "region", "", "look at another Region than the configuration's")
	flags.StringVar(&o.dataset, "dataset", "", "look at a data set's place, too: its key, its s3:// URI, or a file that is to be uploaded")
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON document")
	return command
}

func runPreflight(ctx context.Context, o preflightOptions, stdout, stderr io.Writer) error {
	subject, err := o.subject()
	if err != nil {
		return err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(subject.Config.Region))
	if err != nil {
		return fmt.Errorf("loading the AWS configuration: %w", err)
	}
	view := newPreflightView(stderr, o.asJSON)
	report, err := preflight.Run(ctx, subject, preflight.NewClients(cfg), view.progress)
	view.end()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("the preflight was stopped: %w", ctx.Err())
	}
	if o.asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(preflightDocument{report.Verdict(), report})
	} else {
		err = printPreflight(stdout, report)
	}
	if err != nil {
		return fmt.Errorf("printing the report: %w", err)
	}
	return preflightExit(report)
}

// preflightDocument is a report with what it comes to.
type preflightDocument struct {
	Verdict preflight.Status `json:"verdict"`
	preflight.Report
}

// preflightExit is the exit code of a report, which has said everything itself.
func preflightExit(report preflight.Report) error {
	switch report.Verdict() {
	case preflight.Fails:
		return toldError{exitFindings}
	case preflight.Unknown:
		return toldError{exitError}
	}
	return nil
}

// subject is what the flags ask to look at.
func (o preflightOptions) subject() (preflight.Subject, error) {
	cfg, source, err := readConfiguration(o.config)
	if err != nil {
		return preflight.Subject{}, err
	}
	if o.region != "" {
		cfg.Region = o.region
	}
	return preflight.Subject{Config: cfg, Configuration: source, Stack: o.stack, Dataset: o.dataset, Now: time.Now()}, nil
}
