package rehearsal

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbedrock "github.com/aws/aws-sdk-go-v2/service/bedrock"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// way is one of the two ways to serve a model, with an example and a data set
// that lead there.
type way struct {
	name, example, scenario, data string
	// create and remove are the API's operations for what it is served by.
	create, remove string
}

var (
	onDemand = way{
		"on demand", nova, "default", conversation("a"),
		"bedrock:CreateCustomModelDeployment", "bedrock:DeleteCustomModelDeployment",
	}
	provisioned = way{
		"provisioned", llama, "article", promptCompletion("a"),
		"bedrock:CreateProvisionedModelThroughput", "bedrock:DeleteProvisionedModelThroughput",
	}
	bothWays = []way{onDemand, provisioned}
)

// Ensure every bad end of a job ends the run with Bedrock's or our own words
// for it, leaves no job going on and buys nothing.
func TestBadJobs(t *testing.T) {
	tests := map[string]struct {
		way   way
		job   bedrock.JobOutcome
		times func(*bedrock.Durations)
		// stopBy stops the job through the API when it is first waited for.
		stopBy func(*fixture)
		kind   finetune.Kind
		cause  string
		// end is the run's, Failed when empty.
		end string
		// status is the job's at last, model whether it made one.
		status string
		model  bool
	}{
		"fails in training": {
			way: onDemand, job: bedrock.JobOutcome{Status: "Failed", FailureMessage: "The loss became NaN in step 7"},
			kind: finetune.JobFailed, cause: "The loss became NaN in step 7", status: "Failed",
		},
		"fails in validation": {
			way: provisioned, job: bedrock.JobOutcome{Status: "Failed", Stage: "validation", FailureMessage: "Internal capacity error"},
			kind: finetune.JobFailed, cause: "Internal capacity error", status: "Failed",
		},
		"fails over data that the check accepted": {
			way: provisioned, job: bedrock.JobOutcome{Status: "Failed", Stage: "validation", FailureMessage: "Unable to parse Amazon S3 file: train.jsonl. Data files must conform to JSONL format."},
			kind: finetune.DatasetRejected, cause: "a data set that the check had accepted. Bedrock says: Unable to parse Amazon S3 file: train.jsonl", end: finetune.EndRejected, status: "Failed",
		},
		"is stopped in the console": {
			way: onDemand, job: bedrock.JobOutcome{Status: "Stopped"},
			kind: finetune.JobStopped, cause: "stopped from outside", status: "Stopped",
		},
		"is stopped by an operator": {
			way: onDemand, stopBy: (*fixture).stopJobs,
			kind: finetune.JobStopped, cause: "stopped from outside", status: "Stopped",
		},
		"loses its VPC settings": {
			way: onDemand, job: bedrock.JobOutcome{LosesVPCConfig: true},
			kind: finetune.JobNotPrivate, cause: "subnets [] instead of", status: "Stopped",
		},
		"never ends": {
			way: onDemand, times: func(d *bedrock.Durations) { d.TrainingMinimum = bedrock.Duration(10000 * time.Hour) },
			kind: finetune.JobOverdue, cause: "did not end before training.deadlineHours", status: "Stopped",
		},
		"diverges, to be served on demand": {
			way: onDemand, job: bedrock.JobOutcome{Curve: "diverging"},
			kind: finetune.ResultsRejected, cause: "the training loss rose from", status: "Completed", model: true,
		},
		"diverges, to be served provisioned": {
			way: provisioned, job: bedrock.JobOutcome{Curve: "diverging"},
			kind: finetune.ResultsRejected, cause: "the training loss rose from", status: "Completed", model: true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, test.way.example, test.way.scenario, func(s *bedrock.Scenario) {
				s.Jobs = []bedrock.JobOutcome{test.job}
				if test.times != nil {
					test.times(&s.Durations)
				}
			})
			if test.stopBy != nil {
				f.whenEntered("WaitForJob", func(string) { test.stopBy(f) })
			}
			run, execution := f.train("m", test.way.data, cmp.Or(test.end, finetune.EndFailed))
			f.checkFailure(run, execution, test.kind, test.cause)
			f.nothingLeft(run)
			f.nothingBought(test.way)
			f.checkJob(run, test.status, test.model)
		})
	}
}

// Ensure the beginning of a record that Bedrock puts into a failure's text is
// told nowhere: not in the run's record or its report, not in a log or a notice.
func TestDataFaultTellsNoData(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default", func(s *bedrock.Scenario) {
		s.Jobs = []bedrock.JobOutcome{{Status: "Failed", Stage: "validation", FailureMessage: "Input size exceeded in file train.jsonl for record starting with " + zanzibar}}
	})
	run, execution := f.train("m", conversation("a"), finetune.EndRejected)
	f.checkFailure(run, execution, finetune.DatasetRejected, "Input size exceeded in file train.jsonl", "report the difference")
	report, err := f.ReadObject(t.Context(), finetune.RunReportKey(run.ID))
	if err != nil || !strings.Contains(string(report), "Input size exceeded") {
		t.Errorf("the run's report lacks Bedrock's words (%v): %s", err, report)
	}
	told := f.printed() + execution.Cause + run.Cause + string(report)
	for _, notice := range f.Notices() {
		told += string(notice.Message)
	}
	if strings.Contains(told, zanzibar) {
		t.Error("a log, a notice, the cause or the report tells the data")
	}
}

// stopJobs stops every job that goes on, as the operator.
func (f *fixture) stopJobs() {
	for _, job := range f.Bedrock.Jobs() {
		_, err := f.Operator().Bedrock.StopModelCustomizationJob(f.t.Context(), &awsbedrock.StopModelCustomizationJobInput{JobIdentifier: &job.ARN})
		if err != nil {
			f.t.Errorf("stopping %s: %v", job.ARN, err)
		}
	}
}

// checkFailure holds what the record and the execution say of a run that did
// not end well against the kind of error and words of its cause.
func (f *fixture) checkFailure(run registry.Run, execution stepfunctions.Execution, kind finetune.Kind, words ...string) {
	f.t.Helper()
	if run.Error != string(kind) {
		f.t.Errorf("the run's error is %s (%s), want %s", run.Error, run.Cause, kind)
	}
	for _, text := range words {
		if !strings.Contains(run.Cause, text) {
			f.t.Errorf("the run's cause is %q, want it to say %q", run.Cause, text)
		}
		if !strings.Contains(execution.Cause, text) {
			f.t.Errorf("the execution's cause is %q, want it to say %q", execution.Cause, text)
		}
	}
	if len(execution.Cause) > 32768 || execution.HistoryEvents > 25000 {
		f.t.Errorf("a cause of %d characters and %d history events, more than AWS allows", len(execution.Cause), execution.HistoryEvents)
	}
}

// nothingLeft fails the test unless a run that was not published left nothing
// behind: nothing billed, no deployment, no job going on, nobody sent there, one
// notice of its end, and no event or call that got lost.
func (f *fixture) nothingLeft(run registry.Run) {
	f.t.Helper()
	f.Clock.Advance(time.Hour) // what is stopping comes to its end
	f.noHourlyBill()
	name := nameOf(run)
	for _, d := range f.Bedrock.Deployments() {
		if d.Name == name {
			f.t.Errorf("deployment %s is left", d.ARN)
		}
	}
	for _, job := range f.Bedrock.Jobs() {
		if job.Name == name && (job.Status == "InProgress" || job.Status == "Stopping") {
			f.t.Errorf("job %s is still %s", job.ARN, job.Status)
		}
	}
	f.notServed(run)
	f.noticedOnce(run.ExecutionARN)
	if lost := f.AsyncFailures(); lost != nil {
		f.t.Errorf("events or calls got lost: %q", lost)
	}
	if run.EndedAt == nil || run.Cause == "" || !run.Closed {
		f.t.Errorf("the run's record is not closed: %+v", run)
	}
}

// nameOf is the name of everything a run makes in Bedrock.
func nameOf(run registry.Run) string {
	return finetune.Run{ID: run.ID, Model: run.Model}.Name()
}

// notServed fails the test when the registry sends callers to the run.
func (f *fixture) notServed(run registry.Run) {
	f.t.Helper()
	model, err := f.Registry().Model(f.t.Context(), run.Model)
	if errors.Is(err, registry.ErrNotFound) {
		return
	}
	if err != nil {
		f.t.Fatal(err)
	}
	if _, published := model.Published(run.ID, run.Attempt()); published || model.Lease != nil {
		f.t.Errorf("the registry sends callers to run %s, or holds a lease: %+v", run.ID, model)
	}
}

// noticedOnce fails the test unless the topic was told of an execution's end
// once, with its status.
func (f *fixture) noticedOnce(executionARN string) {
	f.t.Helper()
	execution, err := f.StepFunctions.Describe(executionARN)
	if err != nil {
		f.t.Fatal(err)
	}
	var told []string
	for _, notice := range f.Notices() {
		if notice.Subject != "" {
			continue // a machine's, not the rule's
		}
		var message struct{ Execution, Status string }
		if err := json.Unmarshal(notice.Message, &message); err != nil {
			f.t.Fatal(err)
		}
		if message.Execution == executionARN {
			told = append(told, message.Status)
		}
	}
	if want := []string{string(execution.Status)}; !slices.Equal(told, want) {
		f.t.Errorf("notices of execution %s: %q, want %q", executionARN, told, want)
	}
}

// nothingBought fails the test when capacity was ever asked for or billed.
func (f *fixture) nothingBought(w way) {
	f.t.Helper()
	if asked := f.Log.Find(w.create); asked != nil {
		f.t.Errorf("%s was called: %+v", w.create, asked)
	}
	if ledger := f.Bedrock.Ledger(); ledger != nil {
		f.t.Errorf("bills were run up: %+v", ledger)
	}
}

// checkJob fails the test unless the run made one job that ended so, with or
// without a model, and the run's record knows the model.
func (f *fixture) checkJob(run registry.Run, status string, model bool) {
	f.t.Helper()
	if jobs := f.Bedrock.Jobs(); len(jobs) != 1 || jobs[0].Status != status || run.Job == nil || run.Job.ARN != jobs[0].ARN {
		f.t.Errorf("jobs %+v, recorded %+v; want one, %s", jobs, run.Job, status)
	}
	models := f.Bedrock.Models()
	if made := len(models) == 1; made != model || (run.CustomModel != nil) != model {
		f.t.Errorf("models %+v, recorded %+v; want one: %t", models, run.CustomModel, model)
	}
}

// Ensure a custom model that is Creating long after its job completed is waited
// for, and deployed once it is Active.
func TestModelCreatedLate(t *testing.T) {
	for _, w := range bothWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			const creating = 3 * time.Hour
			f := start(t, w.example, w.scenario, func(s *bedrock.Scenario) {
				s.Jobs = []bedrock.JobOutcome{{ModelCreating: bedrock.Duration(creating)}}
			})
			run, _ := f.train("m", w.data, finetune.EndDeployed)
			job := f.Bedrock.Jobs()[0]
			asked := f.Log.Find(w.create)
			if len(asked) == 0 || asked[0].Time.Before(job.Ended.Add(creating)) || asked[0].Status >= 300 {
				t.Errorf("the job ended at %s, and %s was called %+v; want it after %s", job.Ended, w.create, asked, creating)
			}
			f.noticedOnce(run.ExecutionARN)
			f.mustAnswer("m", question(3), fact("a", 3))
		})
	}
}

// Ensure capacity that fails, or never comes, is released and the run can be
// resumed from its model.
func TestBadThroughput(t *testing.T) {
	tests := map[string]struct {
		outcome bedrock.ServeOutcome
		kind    finetune.Kind
		cause   string
	}{
		"fails":       {bedrock.ServeOutcome{CreateFails: true, FailureMessage: "Insufficient capacity in this Region"}, finetune.ThroughputFailed, "Insufficient capacity in this Region"},
		"never comes": {bedrock.ServeOutcome{Takes: bedrock.Duration(100 * time.Hour)}, finetune.ThroughputOverdue, "did not come into service within its deadline"},
	}
	for name, test := range tests {
		for _, w := range bothWays {
			t.Run(name+", "+w.name, func(t *testing.T) {
				t.Parallel()
				f := start(t, w.example, w.scenario, func(s *bedrock.Scenario) {
					s.Deployments, s.Throughputs = []bedrock.ServeOutcome{test.outcome}, []bedrock.ServeOutcome{test.outcome}
				})
				run, execution := f.train("m", w.data, finetune.EndFailed)
				f.checkFailure(run, execution, test.kind, test.cause, "tuneline resume "+string(run.ID))
				f.nothingLeft(run)
				f.checkJob(run, "Completed", true)
				f.boughtAndReleased(1)
				if run.Unreleased != nil {
					t.Errorf("left over, the record says: %q", run.Unreleased)
				}
			})
		}
	}
}

// boughtAndReleased fails the test unless as many bills were run up as want,
// and all of them were ended.
func (f *fixture) boughtAndReleased(want int) {
	f.t.Helper()
	ledger := f.Bedrock.Ledger()
	for _, b := range ledger {
		if b.Until.IsZero() {
			f.t.Errorf("%s is still billed", b.ARN)
		}
	}
	if len(ledger) != want {
		f.t.Errorf("%d bills were run up, want %d: %+v", len(ledger), want, ledger)
	}
}

// Ensure a release that is refused for good ends NeedsOperator, with the ARN and
// the command that a person deletes it with, and that the command works.
func TestReleaseRefused(t *testing.T) {
	for _, w := range bothWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			failing := []bedrock.ServeOutcome{{CreateFails: true, FailureMessage: "Insufficient capacity"}}
			f := start(t, w.example, w.scenario, func(s *bedrock.Scenario) { s.Deployments, s.Throughputs = failing, failing })
			f.Log.SetHook(func(c calls.Call) *calls.Fault {
				if c.Action != w.remove {
					return nil
				}
				return &calls.Fault{Status: 403, Code: "AccessDeniedException", Message: "not authorized to perform " + c.Action}
			})
			run, execution := f.train("m", w.data, finetune.EndNeedsOperator)
			left := f.Bedrock.Billed()
			if len(left) != 1 {
				t.Fatalf("left are %+v, want one", left)
			}
			f.checkFailure(run, execution, finetune.ThroughputFailed, "Insufficient capacity", left[0].ARN, "not authorized to perform "+w.remove, f.deleteCommand(left[0]))
			if execution.Error != string(finetune.ReleaseUnfinished) {
				t.Errorf("the execution's error is %s, want %s", execution.Error, finetune.ReleaseUnfinished)
			}
			if len(run.Unreleased) != 1 || !strings.Contains(run.Unreleased[0], left[0].ARN) {
				t.Errorf("the record names as left over %q, want %s", run.Unreleased, left[0].ARN)
			}
			f.noticedOnce(run.ExecutionARN)
			f.notServed(run)

			f.Log.SetHook(nil)
			f.deleteAsOperator(left[0])
			f.boughtAndReleased(1)
		})
	}
}

// deleteCommand is the AWS CLI's command that deletes what is billed.
func (f *fixture) deleteCommand(b bedrock.Billed) string {
	if b.Kind == bedrock.KindDeployment {
		return "aws bedrock delete-custom-model-deployment --custom-model-deployment-identifier " + b.ARN
	}
	return "aws bedrock delete-provisioned-model-throughput --provisioned-model-id " + b.ARN
}

// deleteAsOperator does what the command does, with the operator's rights.
func (f *fixture) deleteAsOperator(b bedrock.Billed) {
	f.t.Helper()
	operator := f.Operator().Bedrock
	var err error
	if b.Kind == bedrock.KindDeployment {
		_, err = operator.DeleteCustomModelDeployment(f.t.Context(), &awsbedrock.DeleteCustomModelDeploymentInput{CustomModelDeploymentIdentifier: aws.String(b.ARN)})
	} else {
		_, err = operator.DeleteProvisionedModelThroughput(f.t.Context(), &awsbedrock.DeleteProvisionedModelThroughputInput{ProvisionedModelId: aws.String(b.ARN)})
	}
	if err != nil {
		f.t.Fatal(err)
	}
}
