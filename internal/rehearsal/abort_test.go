package rehearsal

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// What becomes of a run's job when the run is interrupted.
const (
	noJob   = ""
	stopped = "Stopped"
	trained = "Completed"
)

// Ensure an execution that is stopped in any state after the submission is
// released by the rule on its status, since no Catch sees it.
func TestStopExecution(t *testing.T) {
	tests := []struct {
		state string
		ways  []way
		// job is what becomes of it, bills how many were run up.
		job   string
		bills int
	}{
		{"ApproveSpend", bothWays[:1], noJob, 0},
		{"SubmitJob", bothWays[:1], noJob, 0},
		{"WaitForJob", bothWays, stopped, 0},
		{"PollJob", bothWays[:1], stopped, 0},
		{"CheckJob", bothWays[:1], stopped, 0},
		{"TakeModel", bothWays[:1], trained, 0},
		{"AnalyzeResults", bothWays, trained, 0},
		{"CheckResults", bothWays[:1], trained, 0},
		{"SecureThroughput", bothWays, trained, 0},
		{"WaitForThroughput", bothWays, trained, 1},
		{"PollThroughput", bothWays, trained, 1},
		{"CheckThroughput", bothWays[1:], trained, 1},
		{"SmokeTest", bothWays, trained, 1},
		{"PublishEndpoint", bothWays, trained, 1},
	}
	for _, test := range tests {
		for _, w := range test.ways {
			t.Run(test.state+", "+w.name, func(t *testing.T) {
				t.Parallel()
				f := start(t, w.example, w.scenario)
				f.whenEntered(test.state, f.stopExecution)
				run := f.interrupted(w, stepfunctions.Aborted, test.state)
				f.checkReleased(run, finetune.RunClosed, "status ABORTED", test.job, test.bills)
			})
		}
	}
}

// Ensure stopping the compensation itself still releases everything.
func TestStopExecutionWhileReleasing(t *testing.T) {
	for _, w := range bothWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			failing := []bedrock.ServeOutcome{{CreateFails: true}}
			f := start(t, w.example, w.scenario, func(s *bedrock.Scenario) { s.Deployments, s.Throughputs = failing, failing })
			f.whenEntered("ReleaseRun", f.stopExecution)
			run := f.interrupted(w, stepfunctions.Aborted, "ReleaseRun")
			f.checkReleased(run, finetune.RunClosed, "status ABORTED", trained, 1)
		})
	}
}

// Ensure the machine's own time-out in any state after the submission is
// released too: in a Wait state, in a Task that could not be called, and in a
// Task whose work was done and whose answer was lost.
func TestMachineTimeOut(t *testing.T) {
	inWait := func(before string) func(*fixture) {
		return func(f *fixture) { f.timeOutAfter(before) }
	}
	notCalled := func(state string) func(*fixture) {
		return func(f *fixture) { f.timeOutIn(state, runtimeapi.Fault{Service: errLambdaIsDown}) }
	}
	answerLost := func(state string) func(*fixture) {
		return func(f *fixture) { f.timeOutIn(state, runtimeapi.Fault{KillAfter: true}) }
	}
	tests := []struct {
		name, state string
		arrange     func(*fixture)
		ways        []way
		job         string
		bills       int
	}{
		{"not called", "SubmitJob", notCalled("SubmitJob"), bothWays[:1], noJob, 0},
		{"answer lost", "SubmitJob", answerLost("SubmitJob"), bothWays, stopped, 0},
		{"waiting", "WaitForJob", inWait("SubmitJob"), bothWays, stopped, 0},
		{"not called", "PollJob", notCalled("PollJob"), bothWays[:1], stopped, 0},
		{"answer lost", "PollJob", answerLost("PollJob"), bothWays[:1], stopped, 0},
		{"not called", "AnalyzeResults", notCalled("AnalyzeResults"), bothWays[:1], trained, 0},
		{"answer lost", "AnalyzeResults", answerLost("AnalyzeResults"), bothWays[:1], trained, 0},
		{"not called", "SecureThroughput", notCalled("SecureThroughput"), bothWays, trained, 0},
		{"answer lost", "SecureThroughput", answerLost("SecureThroughput"), bothWays, trained, 1},
		{"waiting", "WaitForThroughput", inWait("SecureThroughput"), bothWays, trained, 1},
		{"not called", "PollThroughput", notCalled("PollThroughput"), bothWays, trained, 1},
		{"answer lost", "SmokeTest", answerLost("SmokeTest"), bothWays, trained, 1},
		{"not called", "PublishEndpoint", notCalled("PublishEndpoint"), bothWays, trained, 1},
	}
	for _, test := range tests {
		for _, w := range test.ways {
			t.Run(test.state+", "+test.name+", "+w.name, func(t *testing.T) {
				t.Parallel()
				f := start(t, w.example, w.scenario, func(s *bedrock.Scenario) {
					if test.job == stopped { // so long that it still goes on after the time-out
						s.Durations.TrainingMinimum = bedrock.Duration(2000 * time.Hour)
					}
				})
				test.arrange(f)
				run := f.interrupted(w, stepfunctions.TimedOut, test.state)
				f.checkReleased(run, finetune.Internal, "status TIMED_OUT", test.job, test.bills)
			})
		}
	}
}

// Ensure a run whose endpoint is published when the machine's time is up stays
// Deployed: callers are sent there already.
func TestMachineTimeOutAfterPublishing(t *testing.T) {
	for _, w := range bothWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, w.example, w.scenario)
			f.timeOutIn("PublishEndpoint", runtimeapi.Fault{KillAfter: true})
			run := f.interrupted(w, stepfunctions.TimedOut, "PublishEndpoint")
			if run.End != finetune.EndDeployed || run.Endpoint == nil {
				t.Errorf("the run ended %s (%s), want %s", run.End, run.Cause, finetune.EndDeployed)
			}
			if billed := f.Bedrock.Billed(); len(billed) != 1 || run.Endpoint.ModelID != billed[0].ARN {
				t.Errorf("billed are %+v, want what is served from: %+v", billed, run.Endpoint)
			}
			f.noticedOnce(run.ExecutionARN)
			f.mustAnswer("m", question(2), fact("a", 2))
		})
	}
}

// machineLife is the state machine's TimeoutSeconds.
const machineLife = 45 * 24 * time.Hour

// errLambdaIsDown refuses an invocation, so that the function never runs.
var errLambdaIsDown = &runtimeapi.ServiceError{Code: "ServiceException", Status: 500, Message: "Lambda is having a bad day"}

// timeOutIn lets the machine's time run out while a Task is between two tries:
// its first try meets the fault, and more than all of it passes.
func (f *fixture) timeOutIn(state string, fault runtimeapi.Fault) {
	f.atFirstCall(state, func() *runtimeapi.Fault {
		f.Clock.Advance(machineLife + time.Hour)
		return &fault
	})
}

// timeOutAfter lets the machine's time run out in the Wait that follows a Task:
// the Task takes all of it but ten seconds.
func (f *fixture) timeOutAfter(task string) {
	started := f.Clock.Now()
	f.atFirstCall(task, func() *runtimeapi.Fault {
		f.Clock.AdvanceTo(started.Add(machineLife - 10*time.Second))
		return nil
	})
}

// atFirstCall asks act for the fault of the first call of a state's function.
func (f *fixture) atFirstCall(state string, act func() *runtimeapi.Fault) {
	f.whenEntered(state, func(string) {
		var called atomic.Bool
		f.host.SetHook(func(string, []byte) *runtimeapi.Fault {
			if called.Swap(true) {
				return nil
			}
			return act()
		})
	})
}

// stopExecution stops an execution as the operator.
func (f *fixture) stopExecution(arn string) {
	_, err := f.Operator().SFN.StopExecution(f.t.Context(), &sfn.StopExecutionInput{
		ExecutionArn: &arn, Error: aws.String("Stopped"), Cause: aws.String("by the operator"),
	})
	if err != nil {
		f.t.Errorf("stopping %s: %v", arn, err)
	}
}

// interrupted drops a data set and checks that its execution ends in a state
// and with a status that no Catch sees.
func (f *fixture) interrupted(w way, status stepfunctions.Status, state string) registry.Run {
	f.t.Helper()
	id := f.drop("m", "train.jsonl", w.data)
	execution := f.end()
	if last := execution.States[len(execution.States)-1]; execution.Status != status || last != state {
		f.t.Fatalf("the execution ended %s in %s, want %s in %s", execution.Status, last, status, state)
	}
	return f.run(id)
}

// checkReleased holds what is left of an interrupted run against what must be:
// the record closed with an end and a report, the job over or its model kept,
// and every bill ended.
func (f *fixture) checkReleased(run registry.Run, kind finetune.Kind, words, job string, bills int) {
	f.t.Helper()
	if run.End != finetune.EndFailed || run.Error != string(kind) || !strings.Contains(run.Cause, words) || run.Unreleased != nil {
		f.t.Errorf("the run ended %s with %s (%s), unreleased %q; want %s with %s (%s)", run.End, run.Error, run.Cause, run.Unreleased, finetune.EndFailed, kind, words)
	}
	var report registry.Run
	f.readJSON(finetune.RunReportKey(run.ID), &report)
	if report.End != run.End || report.Cause != run.Cause {
		f.t.Errorf("the report says %s (%s), the record %s (%s)", report.End, report.Cause, run.End, run.Cause)
	}
	f.nothingLeft(run)
	f.boughtAndReleased(bills)
	if job != noJob {
		f.checkJob(run, job, job == trained)
	} else if jobs := f.Bedrock.Jobs(); jobs != nil {
		f.t.Errorf("jobs are %+v, want none", jobs)
	}
}

// Ensure a job that is submitted after its execution was stopped, or is about to
// be written down when it is, does not outlive it.
func TestStopExecutionWhileSubmitting(t *testing.T) {
	for _, moment := range []moment{before, after} {
		t.Run(string(moment), func(t *testing.T) {
			t.Parallel()
			f := start(t, nova, "default")
			f.stopWithin("bedrock:CreateModelCustomizationJob", moment)
			run := f.interrupted(onDemand, stepfunctions.Aborted, "SubmitJob")
			f.eventually("the job is stopped and recorded", func() bool {
				jobs := f.Bedrock.Jobs()
				return len(jobs) == 1 && jobs[0].Status != "InProgress" && f.run(run.ID).Job.ARN == jobs[0].ARN
			})
			f.checkReleased(f.run(run.ID), finetune.RunClosed, "status ABORTED", stopped, 0)
			if strings.Contains(f.printed(), "stopping its job failed") {
				t.Error("the log says that the job could not be stopped, which it was")
			}
		})
	}
}

// Ensure the same of capacity.
func TestStopExecutionWhileBuying(t *testing.T) {
	for _, moment := range []moment{before, after} {
		for _, w := range bothWays {
			t.Run(string(moment)+", "+w.name, func(t *testing.T) {
				t.Parallel()
				f := start(t, w.example, w.scenario)
				f.stopWithin(w.create, moment)
				run := f.interrupted(w, stepfunctions.Aborted, "SecureThroughput")
				f.eventually("what was bought is deleted", func() bool {
					return len(f.Bedrock.Ledger()) == 1 && len(f.Bedrock.Billed()) == 0
				})
				f.checkReleased(run, finetune.RunClosed, "status ABORTED", trained, 1)
			})
		}
	}
}

// moment is when an execution is stopped, as seen from a call.
type moment string

const (
	before moment = "before the call takes effect"
	after  moment = "after the call, before its answer is written down"
)

// stopWithin stops the execution around the call that makes something, and lets
// the function go on only once the run is closed, and released as far as that
// goes: what the function is about to make is waited for.
func (f *fixture) stopWithin(create string, when moment) {
	var made, done atomic.Bool
	f.Log.SetHook(func(c calls.Call) *calls.Fault {
		here := c.Action == create
		if when == after {
			here = made.Load() && c.Action == "s3:GetObject" && strings.Contains(c.Resource, "/"+finetune.PrefixRuns)
		}
		if c.Action == create {
			made.Store(true)
		}
		if here && !done.Swap(true) {
			execution := f.Started()[0]
			f.stopExecution(execution)
			f.eventually("the run is released", func() bool {
				run := f.run(f.runOf(execution))
				return run.End != "" || run.Awaited
			})
		}
		return nil
	})
}

// runOf is the run an execution was started for.
func (f *fixture) runOf(executionARN string) finetune.RunID {
	f.t.Helper()
	execution, err := f.StepFunctions.Describe(executionARN)
	if err != nil {
		f.t.Error(err)
	}
	var input finetune.ExecutionInput
	if err := json.Unmarshal(execution.Input, &input); err != nil {
		f.t.Error(err)
	}
	return input.Dataset.RunID()
}

// eventually waits for something that goes on beside the execution.
func (f *fixture) eventually(what string, done func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Errorf("waited in vain until %s", what)
			return
		}
	}
}
