package rehearsal

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// Ensure stopping an execution that re-points a provisioned throughput points it
// back, once Bedrock allows a change of it again. Callers are answered all the
// time, and by the earlier model in the end.
func TestStopExecutionWhileRepointing(t *testing.T) {
	for _, state := range []string{"WaitForThroughput", "SmokeTest", "PublishEndpoint"} {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			f := start(t, llama, "article")
			first, _ := f.train("m", promptCompletion("a"), finetune.EndDeployed)
			var asked error
			f.whenEntered(state, func(execution string) {
				f.stopExecution(execution)
				_, asked = f.answer("m", question(1))
			})
			second := f.drop("m", "train.jsonl", promptCompletion("b"))
			stopped := f.end()
			if asked != nil {
				t.Errorf("callers are not answered meanwhile: %v", asked)
			}
			run := f.run(second)
			if run.End != finetune.EndFailed || run.Unreleased != nil || run.Throughput == nil || run.Throughput.Change != finetune.ChangeUpdated {
				t.Fatalf("the second run ended %s (%s) with %+v, want %s", run.End, run.Cause, run.Throughput, finetune.EndFailed)
			}
			if waited := run.EndedAt.Sub(stopped.Stop); state == "WaitForThroughput" && waited < lambdaTries {
				t.Errorf("it was released within %s, so that nothing had to wait", waited)
			}
			f.Clock.Advance(time.Hour) // the change back comes to its end
			f.mustAnswer("m", question(1), fact("a", 1))
			billed := f.Bedrock.Billed()
			if len(billed) != 1 || billed[0].ARN != first.Endpoint.ModelID {
				t.Errorf("billed are %+v, want the first run's throughput alone", billed)
			}
			f.noticedOnce(run.ExecutionARN)
			if lost := f.AsyncFailures(); lost != nil {
				t.Errorf("releases that did not succeed: %q", lost)
			}
		})
	}
}

// lambdaTries is longer than Lambda tries an asynchronous call: three times,
// with a minute and two between them.
const lambdaTries = 5 * time.Minute

// Ensure capacity that Bedrock does not delete while it is being created is
// deleted once it is there, however long that takes within a day.
func TestStopExecutionWhileDeletionIsRefused(t *testing.T) {
	for name, takes := range map[string]time.Duration{"created soon": 10 * time.Minute, "created late": 10 * time.Hour} {
		for _, w := range bothWays {
			t.Run(name+", "+w.name, func(t *testing.T) {
				t.Parallel()
				f := start(t, w.example, w.scenario, refusingDeletion(takes))
				f.whenEntered("WaitForThroughput", f.stopExecution)
				run := f.interrupted(w, stepfunctions.Aborted, "WaitForThroughput")
				f.checkReleased(run, finetune.RunClosed, "status ABORTED", trained, 1)
				execution, err := f.StepFunctions.Describe(run.ExecutionARN)
				if err != nil || run.EndedAt == nil || run.EndedAt.Sub(execution.Stop) < lambdaTries {
					t.Errorf("stopped at %s (%v), it was released at %v; want it to have waited %s", execution.Stop, err, run.EndedAt, lambdaTries)
				}
			})
		}
	}
}

// Ensure capacity that comes later than anybody waits is named, with the command,
// by the release that gives up, which people are told of; and that starting the
// release again, once it can be done, ends the run.
func TestReleaseGivesUp(t *testing.T) {
	const takes = 40 * time.Hour
	for _, w := range bothWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, w.example, w.scenario, refusingDeletion(takes))
			f.whenEntered("WaitForThroughput", f.stopExecution)
			run := f.interrupted(w, stepfunctions.Aborted, "WaitForThroughput")
			left := f.Bedrock.Billed()
			if len(left) != 1 || run.End != "" || !run.Closed {
				t.Fatalf("the run ended %q (%s), left are %+v; want it closed without an end, and one bill", run.End, run.Cause, left)
			}
			if lost := f.AsyncFailures(); len(lost) != 1 || !strings.Contains(lost[0], f.deleteCommand(left[0])) {
				t.Errorf("given up are %q, want one release that names %q", lost, f.deleteCommand(left[0]))
			}
			releases := f.StepFunctions.Executions(f.release().ARN)
			if len(releases) != 1 || releases[0].Status != stepfunctions.Failed || releases[0].Error != string(finetune.Busy) {
				t.Fatalf("the releases are %+v, want one that failed Busy", releases)
			}
			f.noticedOnce(releases[0].ARN)
			f.Clock.Advance(takes)
			f.releaseAgain(releases[0])
			if run = f.run(run.ID); run.End != finetune.EndFailed || run.Unreleased != nil {
				t.Errorf("released again, the run ended %q (%s), want %s", run.End, run.Cause, finetune.EndFailed)
			}
			f.boughtAndReleased(1)
		})
	}
}

// Ensure a deletion that no retry mends is left to a person at once, with the
// command, and is not tried for a day.
func TestStopExecutionWhileDeletionIsDenied(t *testing.T) {
	for _, w := range bothWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, w.example, w.scenario)
			f.Log.SetHook(func(c calls.Call) *calls.Fault {
				if strings.HasPrefix(c.Action, "bedrock:Delete") && strings.HasPrefix(c.Principal.Role, "Functions") {
					return &calls.Fault{Status: 403, Code: "AccessDeniedException", Message: "not authorized to perform " + c.Action}
				}
				return nil
			})
			f.whenEntered("WaitForThroughput", f.stopExecution)
			run := f.interrupted(w, stepfunctions.Aborted, "WaitForThroughput")
			left := f.Bedrock.Billed()
			if len(left) != 1 || run.End != finetune.EndNeedsOperator || !strings.Contains(run.Cause, f.deleteCommand(left[0])) {
				t.Fatalf("the run ended %s (%s), left are %+v; want %s and the command", run.End, run.Cause, left, finetune.EndNeedsOperator)
			}
			if lost := f.AsyncFailures(); lost != nil {
				t.Errorf("releases that did not succeed: %q", lost)
			}
			f.deleteAsOperator(left[0])
			f.boughtAndReleased(1)
		})
	}
}

// refusingDeletion is an account that takes long to make capacity, and deletes
// none that is still being made.
func refusingDeletion(takes time.Duration) func(*bedrock.Scenario) {
	return func(s *bedrock.Scenario) {
		late := []bedrock.ServeOutcome{{Takes: bedrock.Duration(takes)}}
		s.DeleteWhileCreating, s.Deployments, s.Throughputs = "conflict", late, late
	}
}

// release is the state machine that releases.
func (f *fixture) release() template.StateMachine {
	f.t.Helper()
	machine, ok := f.Stack.StateMachine(f.Stack.Outputs["ReleaseStateMachineArn"].Value)
	if !ok {
		f.t.Fatal("the stack has no release machine")
	}
	return machine
}

// releaseAgain starts a release once more, as the operator and with the same
// input, and waits for it to succeed.
func (f *fixture) releaseAgain(e stepfunctions.Execution) {
	f.t.Helper()
	started, err := f.Operator().SFN.StartExecution(f.t.Context(), &sfn.StartExecutionInput{StateMachineArn: &e.MachineARN, Input: aws.String(string(e.Input))})
	if err != nil {
		f.t.Fatal(err)
	}
	again, err := f.Wait(f.t.Context(), *started.ExecutionArn)
	if err != nil || again.Status != stepfunctions.Succeeded {
		f.t.Errorf("released again: %+v, %v", again, err)
	}
}
