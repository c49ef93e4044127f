// Package workflow is the state machines: the pipeline, the one that releases
// after an end the pipeline could not see, and the one that sweeps. Their definitions are the
// files in statemachine/, as they stand: nothing here knows the order of the
// steps.
package workflow

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/functions"
	"github.com/tuneline/tuneline/infra/notices"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/statemachine"
)

// Workflow is the state machines, each with a role and a log group of its own.
type Workflow struct {
	Scope constructs.Construct
	// Finetune is the pipeline, Release what releases after it, Sweep what looks
	// after all that was bought.
	Finetune, Release, Sweep *Machine
}

// Props is what the state machines call and are kept with.
type Props struct {
	Functions *functions.Functions
	Key       *storage.Key
	// Notices is where a machine tells people what they must do.
	Notices *notices.Notices
	// LogDays is the retention of the execution logs.
	LogDays int
}

// New makes the state machines.
func New(scope constructs.Construct, id string, props Props) *Workflow {
	w := &Workflow{Scope: constructs.NewConstruct(scope, jsii.String(id))}
	steps := props.Functions
	pipeline := statemachine.Substitutions{
		ValidateFunction:   steps.Validate.ARN(),
		SubmitFunction:     steps.Submit.ARN(),
		PollFunction:       steps.Poll.ARN(),
		AnalyzeFunction:    steps.Analyze.ARN(),
		ThroughputFunction: steps.Throughput.ARN(),
		NoticesTopic:       *props.Notices.Topic.AttrTopicArn(),
	}
	w.Finetune = newMachine(w.Scope, props, spec{
		name: "finetune", log: "executions",
		description: "The state machine: calls the steps, asks people, writes its log and traces",
		definition:  statemachine.Definition, substitutions: pipeline.Map(),
		functions: []*functions.Function{steps.Validate, steps.Submit, steps.Poll, steps.Analyze, steps.Throughput}, tells: true,
	})
	release := statemachine.ReleaseSubstitutions{ThroughputFunction: steps.Throughput.ARN(), NoticesTopic: *props.Notices.Topic.AttrTopicArn()}
	w.Release = newMachine(constructs.NewConstruct(w.Scope, jsii.String("Release")), props, spec{
		name: "release", log: "releases",
		description: "The release machine: calls the throughput function, writes its log and traces",
		definition:  statemachine.Release, substitutions: release.Map(),
		functions: []*functions.Function{steps.Throughput}, tells: true,
	})
	sweep := statemachine.SweepSubstitutions{ThroughputFunction: steps.Throughput.ARN(), NoticesTopic: *props.Notices.Topic.AttrTopicArn()}
	w.Sweep = newMachine(constructs.NewConstruct(w.Scope, jsii.String("Sweep")), props, spec{
		name: "sweep", log: "sweeps",
		description: "The sweep machine: calls the throughput function, writes its log and traces",
		definition:  statemachine.Sweep, substitutions: sweep.Map(),
		functions: []*functions.Function{steps.Throughput}, tells: true,
	})
	return w
}
