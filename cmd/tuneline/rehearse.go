package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
)

// defaultExample is rehearsed when nothing else is asked for.
const defaultExample = "examples/support-nova-on-demand"

// rehearseOptions are the command's flags.
type rehearseOptions struct {
	example   string
	dataset   string
	scenario  string
	model     string
	boundary  string
	questions int
	stay      bool
	asJSON    bool
	logs      string
	reports   string
}

func rehearseCommand() *cobra.Command {
	var o rehearseOptions
	command := &cobra.Command{
		Use:   "rehearse",
		Short: "Run the whole pipeline on this machine, without an AWS account",
		Long: `Run the whole pipeline on this machine, without an AWS account.

The stack is synthesized as "cdk deploy" would, and what it describes is run:
the same state machine, the same function binaries, S3 with real signatures and
versions, and a Bedrock double held against AWS's own API model, on a virtual
clock. The tuned model is a small one that really learns the data set.

Exit codes: 0 the run ended Deployed, 1 it ended otherwise, 2 the rehearsal
itself failed.`,
		Example: `  tuneline rehearse
  tuneline rehearse --dataset my.jsonl --config examples/article-llama-provisioned
  tuneline rehearse --config examples/article-llama-provisioned --scenario article-today
  tuneline rehearse --stay`,
		Args: nothing,
		RunE: func(command *cobra.Command, _ []string) error {
			return rehearse(command.Context(), o, command.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.example, "config", defaultExample, "an example's folder: config.json, rehearsal.json and a data set")
	flags.StringVar(&o.dataset, "dataset", "", "the data set to drop (default: the example's train.jsonl)")
	flags.StringVar(&o.scenario, "scenario", "", fmt.Sprintf("the account's state, one of %v (default: the example's)", bedrock.ScenarioNames()))
	flags.StringVar(&o.model, "model", "", "the model's name, the folder the data set is dropped into (default: the example's)")
	boundaryFlag(flags, &o.boundary)
	flags.IntVar(&o.questions, "questions", 3, "how many questions to ask base and tuned model")
	flags.BoolVar(&o.stay, "stay", false, "keep everything up on loopback until Ctrl-C, and print how to use it")
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON document at the end, nothing else")
	flags.StringVar(&o.logs, "logs", "", "write what the functions log to this file")
	flags.StringVar(&o.reports, "reports", "", "the folder that keeps the reports of a run that does not end Deployed (default "+defaultReports+" in the clone)")
	return command
}

// example is an example's rehearsal.json, with the paths around it.
type example struct {
	Scenario string `json:"scenario"`
	Model    string `json:"model"`

	config, training, validation, heldOut string
}

// readExample reads an example's folder below root.
func readExample(root string, o rehearseOptions) (example, error) {
	dir := o.example
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(root, dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, "rehearsal.json")) //nolint:gosec // the user names the folder
	if err != nil {
		return example{}, fmt.Errorf("reading the example: %w: --config names a folder like %s", err, defaultExample)
	}
	var e example
	if err := json.Unmarshal(text, &e); err != nil {
		return example{}, fmt.Errorf("reading %s: %w", filepath.Join(dir, "rehearsal.json"), err)
	}
	if e.config, err = filepath.Rel(root, filepath.Join(dir, "config.json")); err != nil {
		return example{}, fmt.Errorf("reading the example: %w", err)
	}
	e.training = filepath.Join(dir, "train.jsonl")
	e.validation = filepath.Join(dir, "validation.jsonl")
	e.heldOut = filepath.Join(dir, "heldout.jsonl")
	if o.dataset != "" {
		// Somebody else's data has neither our validation data nor our questions.
		e.training, e.validation, e.heldOut = o.dataset, "", ""
		if err := checkDataset(o.dataset); err != nil {
			return example{}, err
		}
	}
	if o.scenario != "" {
		e.Scenario = o.scenario
	}
	if o.model != "" {
		e.Model = o.model
	}
	if err := finetune.CheckModelName(e.Model); err != nil {
		return example{}, fmt.Errorf("--model %q: %w", e.Model, err)
	}
	if o.questions < 0 {
		return example{}, fmt.Errorf("--questions %d: 0 or more", o.questions)
	}
	return e, nil
}

// checkDataset finds the mistakes that need no rehearsal to be seen.
func checkDataset(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("reading the data set: %w", err)
	}
	if !info.Mode().IsRegular() || filepath.Ext(path) != ".jsonl" {
		return fmt.Errorf("--dataset %s: a file that ends in .jsonl is needed", path)
	}
	return nil
}

// rehearse runs one data set through the pipeline and shows how it went.
func rehearse(ctx context.Context, o rehearseOptions, stdout io.Writer) (err error) {
	root, err := repositoryRoot()
	if err != nil {
		return err
	}
	e, err := readExample(root, o)
	if err != nil {
		return err
	}
	scenario, err := bedrock.LoadScenario(e.Scenario)
	if err != nil {
		return fmt.Errorf("--scenario: %w", err)
	}
	if err := checkRegion(root, e, scenario); err != nil {
		return err
	}
	boundary, err := readBoundary(o.boundary)
	if err != nil {
		return err
	}
	show := newTerminal(stdout, o.asJSON)
	show.title(e.Model, filepath.Base(e.training), scenario.Assumes)

	started := time.Now()
	done := show.working("synthesizing the stack")
	assembly, cached, err := rehearsal.Synth(ctx, root, e.config)
	if err != nil {
		done("failed")
		return err
	}
	done(synthNote(cached))
	result := result{SynthSeconds: time.Since(started).Seconds(), Assumes: scenario.Assumes}

	afterSynth := time.Now()
	cloud, closeCloud, err := startCloud(ctx, rehearsal.Options{Root: root, Assembly: assembly, Scenario: scenario, Boundary: boundary}, show, o.logs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeCloud()) }()
	if err := result.fill(ctx, cloud, e, o, show); err != nil {
		return err
	}
	result.Seconds = time.Since(afterSynth).Seconds()
	if err := honest(cloud); err != nil {
		return err
	}
	unkept := result.keepReports(ctx, cloud, cmp.Or(o.reports, filepath.Join(root, defaultReports)))
	if err := errors.Join(show.end(result, e), unkept); err != nil { // how it ended is told all the same
		return err
	}
	if o.stay {
		show.stay(cloud, result, e.training)
		<-ctx.Done()
	}
	if result.End != finetune.EndDeployed {
		return endError{result.End}
	}
	return nil
}

// checkRegion refuses a scenario of another region than the configuration's,
// before the stack is synthesized for it.
func checkRegion(root string, e example, scenario bedrock.Scenario) error {
	text, err := os.ReadFile(filepath.Join(root, e.config)) //nolint:gosec // the user names the folder
	if err != nil {
		return fmt.Errorf("reading the example: %w", err)
	}
	configured := struct {
		Region string `json:"region"`
	}{"us-east-1"}
	if err := json.Unmarshal(text, &configured); err != nil {
		return fmt.Errorf("reading %s: %w", e.config, err)
	}
	if configured.Region != scenario.Region {
		return fmt.Errorf("scenario %s is in %s, and %s in %s: choose another --scenario, or another --config, such as examples/article-llama-provisioned for us-west-2",
			e.Scenario, scenario.Region, e.config, configured.Region)
	}
	return nil
}

// honest is an error when the rehearsal itself went wrong, whatever the run's
// end: a request or answer against AWS's API model, an event that was lost, or a
// call that the stack's policies cannot be asked about.
func honest(cloud *rehearsal.Cloud) error {
	errs := cloud.Bedrock.Violations()
	for _, call := range cloud.Undecided() {
		errs = append(errs, fmt.Errorf("the stack's policies cannot be evaluated: %s", call))
	}
	for _, failure := range cloud.AsyncFailures() {
		errs = append(errs, errors.New(failure))
	}
	if len(errs) > 0 {
		return fmt.Errorf("the rehearsal itself went wrong: %w", errors.Join(errs...))
	}
	return nil
}

func synthNote(cached bool) string {
	if cached {
		return "unchanged since the last time"
	}
	return "done"
}

// startCloud starts the local cloud, with the functions' logs in the file
// named logs, if any.
func startCloud(ctx context.Context, options rehearsal.Options, show *terminal, logs string) (*rehearsal.Cloud, func() error, error) {
	output := io.WriteCloser(nopCloser{show.logs()})
	if logs != "" {
		file, err := os.Create(logs) //nolint:gosec // the user names the file
		if err != nil {
			return nil, nil, fmt.Errorf("writing the functions' logs: %w", err)
		}
		output = file
	}
	done := show.working("starting the local cloud")
	options.OnEvent, options.Output = show.event, output
	cloud, err := rehearsal.Start(ctx, options)
	if err != nil {
		done("failed")
		return nil, nil, errors.Join(err, output.Close())
	}
	done(fmt.Sprintf("%d functions, state machine, bucket, API", len(cloud.Stack.Functions)))
	show.cloud = cloud
	return cloud, func() error { return errors.Join(cloud.Close(), output.Close()) }, nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// result is what a rehearsal came to, and the JSON of --json.
type result struct {
	End          string              `json:"end"`
	Error        string              `json:"error,omitempty"`
	Cause        string              `json:"cause,omitempty"`
	Assumes      string              `json:"assumes"`
	Model        string              `json:"model"`
	RunID        finetune.RunID      `json:"runId"`
	ExecutionARN string              `json:"executionArn"`
	States       []string            `json:"states"`
	Virtual      string              `json:"virtualDuration"`
	SynthSeconds float64             `json:"synthSeconds"`
	Seconds      float64             `json:"seconds"`
	Results      *finetune.Results   `json:"results,omitempty"`
	Endpoint     *finetune.Endpoint  `json:"endpoint,omitempty"`
	Created      []rehearsal.Created `json:"created"`
	Answers      []answer            `json:"answers,omitempty"`
	// Reports are the files that keep what was reported of a run that did not end Deployed.
	Reports []string `json:"reports,omitempty"`

	data dataReport
	// trainingQuestions says that the questions are records of the data set.
	trainingQuestions bool
}

// fill uploads the data, waits for the run's end and asks the questions.
func (r *result) fill(ctx context.Context, cloud *rehearsal.Cloud, e example, o rehearseOptions, show *terminal) error {
	r.Model = e.Model
	if err := uploadFile(ctx, cloud, show, e.validation, finetune.ValidationKey(e.Model)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	key := finetune.PrefixDatasets + e.Model + "/" + filepath.Base(e.training)
	begun := cloud.Clock.Now()
	if err := uploadFile(ctx, cloud, show, e.training, key); err != nil {
		return err
	}
	execution, err := cloud.LastExecution(ctx)
	if err != nil {
		return fmt.Errorf("%s started nothing: only %s<model>/<file>.jsonl does: %w", key, finetune.PrefixDatasets, err)
	}
	var input finetune.ExecutionInput
	if err := json.Unmarshal(execution.Input, &input); err != nil {
		return fmt.Errorf("reading the execution's input: %w", err)
	}
	r.RunID, r.ExecutionARN, r.States = input.Dataset.RunID(), execution.ARN, execution.States
	r.Virtual = execution.Stop.Sub(begun).Round(time.Second).String()
	r.Created = cloud.Created()
	run, err := cloud.Registry().Run(ctx, r.RunID)
	if errors.Is(err, registry.ErrNotFound) { // it ended before it claimed a run
		r.End, r.Error, r.Cause = execution.States[len(execution.States)-1], execution.Error, execution.Cause
		return nil
	}
	if err != nil {
		return err
	}
	r.End, r.Error, r.Cause, r.Results, r.Endpoint = run.End, run.Error, run.Cause, run.Results, run.Endpoint
	if r.End != finetune.EndDeployed {
		return nil
	}
	r.trainingQuestions = e.heldOut == ""
	r.Answers, err = ask(ctx, cloud, e, run, o.questions)
	return err
}

// uploadFile drops a file into the bucket; "" is no file.
func uploadFile(ctx context.Context, cloud *rehearsal.Cloud, show *terminal, path, key string) (err error) {
	if path == "" {
		return nil
	}
	file, err := os.Open(path) //nolint:gosec // the user names the file
	if err != nil {
		return fmt.Errorf("opening the data set: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("opening the data set: %w", err)
	}
	show.upload(key, info.Size())
	_, err = cloud.Upload(ctx, key, file)
	return err
}

// repositoryRoot is the folder with tuneline's go.mod, here or above.
func repositoryRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "statemachine", "finetune.asl.json")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("finding the repository: run this inside a clone of tuneline")
		}
		dir = parent
	}
}
