package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	stackconfig "github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
)

// contextFile is where a stack's configuration stands, unless another file is
// named: the CDK's own.
const contextFile = "cdk.json"

// configFlag explains --config of the commands that read a stack's configuration.
const configFlag = "the stack's configuration: a file, a folder with a config.json, or a " + contextFile + " (default " + contextFile + " here, or what a stack has without any)"

// estimateOptions are the command's flags.
type estimateOptions struct {
	config    string
	baseModel string
	region    string
	live      bool
	asJSON    bool
}

const estimateLong = `Tell what training on a data set, storing the model and serving it would cost.

The data set is read to its end and its tokens are counted as AWS's quotas count
them, by characters. Prices are those of the table that is part of tuneline: each
row has a source and a day, and what has none is "unknown", never a guess. With
--live the AWS Price List API is asked, with the AWS credentials of the
environment, which must allow pricing:GetProducts; nothing is bought.

Prices are in US dollars, without taxes. They are Bedrock's alone: the stack's
endpoints, and what lies in its bucket, cost beside it.

The last line says what a run would ask an operator to approve, by the ceilings
of the configuration. A run knows the table's prices only, so --live changes
nothing about that.

Exit codes: 0 the estimate was made, whatever of it is unknown, 2 it was not.`

const estimateExample = `  tuneline estimate train.jsonl
  tuneline estimate train.jsonl --base-model meta.llama3-3-70b-instruct-v1:0:128k --region us-west-2
  tuneline estimate examples/article-llama-provisioned/train.jsonl --config examples/article-llama-provisioned
  tuneline estimate s3://my-bucket/train.jsonl --config my-stack.json --live --json`

func estimateCommand() *cobra.Command {
	var o estimateOptions
	command := &cobra.Command{
		Use:     "estimate FILE",
		Short:   "Tell what training on a data set and serving the model would cost, with the source of every price",
		Long:    estimateLong,
		Example: estimateExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name one data set: a file, s3://bucket/key, or - for standard input")
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			return estimate(command.Context(), o, args[0], command.OutOrStdout(), command.ErrOrStderr())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.config, "config", "", configFlag)
	flags.StringVar(&o.baseModel, "base-model", "", "the base model, in place of the configuration's")
	flags.StringVar(&o.region, "region", "", "the Region, in place of the configuration's")
	flags.BoolVar(&o.live, "live", false, "ask the AWS Price List API, and take its prices in place of the table's")
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON document")
	return command
}

// plan is what a run with somebody's settings would do.
type plan struct {
	// configuration names where the settings are from, for a person.
	configuration string
	settings      finetune.Settings
	region        string
	model         *catalog.BaseModel
	ceilings      finetune.Ceilings
}

// plan settles the settings, as the check in the bucket does.
func (o estimateOptions) plan() (plan, error) {
	configured, from, err := readConfiguration(o.config)
	if err != nil {
		return plan{}, fmt.Errorf("--config: %w", err)
	}
	p := plan{configuration: from, settings: configured.Settings(), region: configured.Region, ceilings: configured.Ceilings()}
	if o.region != "" {
		p.region = o.region
	}
	// The configuration's hyperparameters were chosen for its base model.
	if o.baseModel != "" && o.baseModel != p.settings.BaseModel {
		p.settings.BaseModel, p.settings.Hyperparameters = o.baseModel, nil
	}
	known, err := catalog.Load()
	if err != nil {
		return plan{}, err
	}
	if p.model, err = known.Find(p.settings.BaseModel); err != nil {
		return plan{}, fmt.Errorf("--base-model: %w", err)
	}
	if err := p.model.CheckRegion(p.region); err != nil {
		return plan{}, fmt.Errorf("--region: %w", err)
	}
	return p, p.settle()
}

// settle completes the settings with what the base model says.
func (p *plan) settle() error {
	s := &p.settings
	if err := p.model.CheckCustomizationType(s.CustomizationType); err != nil {
		return err
	}
	hyperparameters, errs := p.model.CheckHyperparameters(s.Hyperparameters)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	s.Hyperparameters = hyperparameters
	mode, err := p.model.ServingFor(s.Serving.Mode)
	if err != nil {
		return fmt.Errorf("serving.mode: %w", err)
	}
	s.Serving.Mode, s.Serving.ModelUnits = mode, max(s.Serving.ModelUnits, 1)
	if mode != finetune.ServeProvisioned {
		s.Serving = finetune.Serving{Mode: mode}
	}
	return nil
}

// readConfiguration reads a stack's configuration from a file, a folder like the
// examples', or the CDK's own file, and says which.
func readConfiguration(path string) (stackconfig.Config, string, error) {
	if path == "" {
		c, err := fromContext(contextFile)
		if errors.Is(err, fs.ErrNotExist) {
			return stackconfig.Default(), "what a stack has without any", nil
		}
		return c, contextFile, err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "config.json")
	}
	if filepath.Base(path) == contextFile {
		c, err := fromContext(path)
		return c, path, err
	}
	text, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return stackconfig.Config{}, "", fmt.Errorf("reading the configuration: %w", err)
	}
	c, err := stackconfig.Parse(path, text)
	return c, path, err
}

// fromContext reads the configuration as the synthesis does.
func fromContext(path string) (stackconfig.Config, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return stackconfig.Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	var file struct {
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return stackconfig.Config{}, fmt.Errorf("reading %s: %w", path, err)
	}
	return stackconfig.Load(func(key string) any { return file.Context[key] })
}
