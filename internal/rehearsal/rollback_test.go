package rehearsal

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/operator"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// rollBack asks for a rollback as an operator does; "" is the run before.
func (f *fixture) rollBack(model string, to finetune.RunID) (operator.Rollback, error) {
	return operator.RollBack(f.t.Context(), f.Operator().SFN, f.Registry(), f.Machine().ARN, model, to)
}

// goBack asks for a rollback, waits for its end and checks it.
func (f *fixture) goBack(model string, to finetune.RunID, wantEnd string) (registry.Run, stepfunctions.Execution) {
	f.t.Helper()
	asked, err := f.rollBack(model, to)
	if err != nil {
		f.t.Fatal(err)
	}
	execution := f.endOf(asked.ExecutionARN)
	run := f.run(asked.To)
	f.checkEnd(run, execution, wantEnd)
	return run, execution
}

// checkServed holds what serves a model and which deployment is kept, "" for
// none, and that callers get the run's answers.
func (f *fixture) checkServed(run registry.Run, set string, previous finetune.RunID) {
	f.t.Helper()
	model := f.model(run.Model)
	var kept finetune.RunID
	if model.Previous != nil {
		kept = model.Previous.Run.ID
	}
	if model.Serving.Run.ID != run.ID || kept != previous || len(model.Retired) != 0 || model.Lease != nil {
		f.t.Errorf("the registry says %+v; want %s served and %q kept", model, run.ID, previous)
	}
	f.forgetServed()
	f.mustAnswer(run.Model, question(3), fact(set, 3))
}

// Ensure the kept deployment serves again within a minute, callers being answered
// all the while, with nothing trained, made or deleted; that going forward again is
// the same; and that the next upload replaces what is served as always.
func TestRollbackIsInstant(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	first, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	second, _ := f.train("support", conversation("second"), finetune.EndDeployed)
	f.forgetServed()
	f.mustAnswer("support", question(3), fact("second", 3))
	stop := f.keepAsking("support", question(3), "SecureThroughput", "SmokeTest", "PublishEndpoint", "Deployed")
	begun := f.Clock.Now()
	back, execution := f.goBack("support", "", finetune.EndDeployed)
	if took := execution.Stop.Sub(begun); back.ID != first.ID || took > time.Minute {
		t.Errorf("it went back to %s in %s; want %s within a minute", back.ID, took, first.ID)
	}
	f.checkSwap(stop(), fact("second", 3), fact("first", 3))
	f.checkServed(first, "first", second.ID)
	if back.Throughput.Change != finetune.ChangeFound || back.EarlierEnds[0].End != finetune.EndDeployed || back.Results == nil || *back.Results.TrainingLoss != *first.Results.TrainingLoss {
		t.Errorf("the record is %+v; want the kept deployment found, the first end and the results kept", back)
	}
	if entry := f.model("support").History[2]; entry.Rollback == nil || entry.Rollback.From.Run != second.ID || entry.Attempt != 1 {
		t.Errorf("the history's entry is %+v; want a rollback from %s", entry, second.ID)
	}

	f.goBack("support", "", finetune.EndDeployed)
	f.checkServed(second, "second", first.ID)
	made, deleted := f.requests("bedrock:CreateCustomModelDeployment", ""), f.requests("bedrock:DeleteCustomModelDeployment", "")
	if len(made) != 2 || len(deleted) != 0 || len(f.jobRequests()) != 2 {
		t.Errorf("%d deployments made, %d deleted, %d jobs asked for; want those of the two uploads alone", len(made), len(deleted), len(f.jobRequests()))
	}

	f.goBack("support", first.ID, finetune.EndDeployed)
	third, _ := f.train("support", conversation("third"), finetune.EndDeployed)
	f.checkServed(third, "third", first.ID)
	if n := len(f.Bedrock.Deployments()); n != 2 {
		t.Errorf("%d deployments stand, want that of the third upload and the kept one", n)
	}
}

// Ensure any run of the history can be gone back to: its deployment is made anew,
// and what is older than the one before is deleted.
func TestRollbackFurtherBack(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	first, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	f.train("support", conversation("second"), finetune.EndDeployed)
	third, _ := f.train("support", conversation("third"), finetune.EndDeployed)
	back, _ := f.goBack("support", first.ID, finetune.EndDeployed)
	f.checkServed(first, "first", third.ID)
	deployments := f.Bedrock.Deployments()
	if back.Throughput.Change != finetune.ChangeCreated || len(deployments) != 2 || deployments[0].ARN != third.Endpoint.ModelID || deployments[1].ARN != back.Endpoint.ModelID {
		t.Errorf("deployments are %+v, the run's %+v; want the third's and a new one", deployments, back.Throughput)
	}
	if n := len(f.jobRequests()); n != 3 {
		t.Errorf("%d jobs were asked for, want the uploads' 3", n)
	}
}

// Ensure a rollback of a provisioned throughput re-points it, and points it back
// when the earlier model fails its test: nothing is bought, callers are answered.
func TestRollbackRepoints(t *testing.T) {
	t.Parallel()
	f := start(t, llama, "article")
	first, _ := f.train("support", promptCompletion("first"), finetune.EndDeployed)
	second, _ := f.train("support", promptCompletion("second"), finetune.EndDeployed)
	f.failSmokeTests()
	failed, _ := f.goBack("support", "", finetune.EndFailed)
	f.Log.SetHook(nil)
	if failed.Error != string(finetune.SmokeTestFailed) || !strings.Contains(failed.Cause, "tuneline rollback support --to "+string(first.ID)) {
		t.Errorf("it ended %s (%s); want SmokeTestFailed and the command", failed.Error, failed.Cause)
	}
	f.servesOnly(second)
	f.checkServed(second, "second", "")

	stop := f.keepAsking("support", question(3), "SecureThroughput", "WaitForThroughput", "PollThroughput", "SmokeTest", "Deployed")
	back, _ := f.goBack("support", "", finetune.EndDeployed)
	f.checkSwap(stop(), fact("second", 3), fact("first", 3))
	f.checkServed(first, "first", "")
	f.servesOnly(back)
	f.checkRepointed(back)
	if bought := f.Bedrock.Ledger(); len(bought) != 1 {
		t.Errorf("billed were %+v; want one throughput", bought)
	}
	if n := len(back.EarlierEnds); n != 2 || back.EarlierEnds[0].End != finetune.EndDeployed || back.EarlierEnds[1].End != finetune.EndFailed {
		t.Errorf("the earlier ends are %+v; want Deployed and Failed", back.EarlierEnds)
	}
}

// largerLlama is another base model that is served provisioned.
const (
	largerLlama   = "meta.llama3-1-70b-instruct-v1:0:128k"
	quotaLlama70B = "L-DD7903AD"
)

// changedBase starts a stack that serves an upload tuned on one base model, and
// then one on another, of which a throughput cannot be re-pointed.
func changedBase(t *testing.T) (f *fixture, first, second registry.Run) {
	t.Helper()
	f = start(t, llama, "article", func(s *bedrock.Scenario) {
		s.ModelUnits = map[string]int{quotaUncommitted: 2, quotaLlama8B: 1, quotaLlama70B: 1}
	})
	first, _ = f.train("support", promptCompletion("first"), finetune.EndDeployed)
	f.put(finetune.TuningKey("support"), `{"baseModel":"`+largerLlama+`"}`)
	stop := f.keepAsking("support", question(3), "SecureThroughput", "WaitForThroughput", "SmokeTest", "Deployed")
	second, _ = f.train("support", promptCompletion("second"), finetune.EndDeployed)
	f.checkSwap(stop(), fact("first", 3), fact("second", 3))
	f.checkServed(second, "second", "")
	f.servesOnly(second)
	return f, first, second
}

// Ensure a changed base model is bought beside what serves, which is released only
// after the publication; on the way forward and on the way back.
func TestChangedBaseModel(t *testing.T) {
	t.Parallel()
	f, first, _ := changedBase(t)
	stop := f.keepAsking("support", question(3), "SecureThroughput", "WaitForThroughput", "SmokeTest", "Deployed")
	back, _ := f.goBack("support", first.ID, finetune.EndDeployed)
	f.checkSwap(stop(), fact("second", 3), fact("first", 3))
	f.checkServed(first, "first", "")
	f.servesOnly(back)
	if bought := f.requests("bedrock:CreateProvisionedModelThroughput", ":custom-model/"); len(bought) != 3 || len(f.jobRequests()) != 2 {
		t.Errorf("bought %d times after %d jobs; want 3 and 2", len(bought), len(f.jobRequests()))
	}
}

// Ensure that, once the base model is Legacy, a rollback that would have to buy
// provisioned throughput for it fails in words and changes nothing.
func TestRollbackToALegacyBaseIsNotSold(t *testing.T) {
	t.Parallel()
	f, first, second := changedBase(t)
	f.Clock.Advance(150 * 24 * time.Hour)
	failed, _ := f.goBack("support", first.ID, finetune.EndFailed)
	// The refusal has no code of its own: for half an hour it may be about the name.
	if failed.Error != string(finetune.Unavailable) || !strings.Contains(failed.Cause, "Legacy") || !strings.Contains(failed.Cause, "--to") {
		t.Errorf("it ended %s (%s); want Unavailable, Legacy and what else can be done", failed.Error, failed.Cause)
	}
	f.servesOnly(second)
	f.checkServed(second, "second", "")
}

// Ensure a custom model of a Legacy base model can still be deployed anew.
func TestRollbackToALegacyBaseOnDemand(t *testing.T) {
	t.Parallel()
	f := start(t, llama, "article")
	f.put(finetune.TuningKey("support"), `{"baseModel":"meta.llama3-3-70b-instruct-v1:0:128k","serving":{"mode":"on-demand"}}`)
	data := func(set string) string { return strings.Repeat(conversation(set), 9) }
	first, _ := f.train("support", data("first"), finetune.EndDeployed)
	f.train("support", data("second"), finetune.EndDeployed)
	third, _ := f.train("support", data("third"), finetune.EndDeployed)
	f.Clock.Advance(150 * 24 * time.Hour)
	f.goBack("support", first.ID, finetune.EndDeployed)
	f.checkServed(first, "first", third.ID)
}

// Ensure a rollback to a model that somebody deleted says so, at once.
func TestRollbackToADeletedModel(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	first, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	second, _ := f.train("support", conversation("second"), finetune.EndDeployed)
	third, _ := f.train("support", conversation("third"), finetune.EndDeployed)
	if _, err := f.Operator().Bedrock.DeleteCustomModel(t.Context(), &sdk.DeleteCustomModelInput{ModelIdentifier: &first.CustomModel.ARN}); err != nil {
		t.Fatal(err)
	}
	begun := f.Clock.Now()
	failed, execution := f.goBack("support", first.ID, finetune.EndFailed)
	if failed.Error != string(finetune.ModelDeleted) || !strings.Contains(failed.Cause, first.CustomModel.ARN) || !strings.Contains(failed.Cause, "upload the data set again") {
		t.Errorf("it ended %s (%s); want ModelDeleted with the model and the next step", failed.Error, failed.Cause)
	}
	if took := execution.Stop.Sub(begun); took > time.Minute {
		t.Errorf("that took %s, want it known at once", took)
	}
	f.checkServed(third, "third", second.ID)
}

// Ensure a kept deployment that fails its test stays kept: it is not the
// rollback's to delete.
func TestFailedRollbackKeepsWhatWasKept(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	first, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	second, _ := f.train("support", conversation("second"), finetune.EndDeployed)
	f.failSmokeTests()
	failed, _ := f.goBack("support", "", finetune.EndFailed)
	f.Log.SetHook(nil)
	if failed.Error != string(finetune.SmokeTestFailed) || failed.EarlierEnds[0].End != finetune.EndDeployed {
		t.Errorf("the record is %+v; want SmokeTestFailed after Deployed", failed)
	}
	f.checkServed(second, "second", first.ID)
	if _, err := f.resume(first.ID); err == nil || !strings.Contains(err.Error(), "tuneline rollback support") {
		t.Errorf("resuming it: %v; want to be told to roll back again", err)
	}
	f.goBack("support", "", finetune.EndDeployed)
	f.checkServed(first, "first", second.ID)
}

// Ensure what is served already is not gone back to: neither the command nor the
// function does anything.
func TestRollbackToWhatIsServed(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	f.train("support", conversation("first"), finetune.EndDeployed)
	if _, err := f.rollBack("support", ""); err == nil || !strings.Contains(err.Error(), "nothing to go back to") {
		t.Errorf("of one publication: %v; want a refusal", err)
	}
	first := f.model("support").History[0].Run.ID
	second, _ := f.train("support", conversation("second"), finetune.EndDeployed)
	if _, err := f.rollBack("support", second.ID); err == nil || !strings.Contains(err.Error(), "serves the model already") {
		t.Errorf("of what is served: %v; want a refusal", err)
	}
	started, err := f.Operator().SFN.StartExecution(t.Context(), &sfn.StartExecutionInput{
		StateMachineArn: aws.String(f.Machine().ARN), Name: aws.String("by-hand"),
		Input: aws.String(`{"dataset":` + datasetJSON(second) + `,"resume":false,"rollback":true}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	execution := f.endOf(aws.ToString(started.ExecutionArn))
	if execution.Error != string(finetune.SettingsRejected) || !strings.Contains(execution.Cause, "serves the model already") {
		t.Errorf("started by hand it ended %s (%s)", execution.Error, execution.Cause)
	}
	if now := f.run(second.ID); now.End != finetune.EndDeployed || now.Attempt() != 0 {
		t.Errorf("the served run's record is %+v; want it as it was", now)
	}
	f.checkServed(second, "second", first)
}

// datasetJSON is a run's data set as an execution's input has it.
func datasetJSON(run registry.Run) string {
	d := run.Dataset
	return `{"bucket":"` + d.Bucket + `","key":"` + d.Key + `","versionId":"` + d.VersionID + `","sequencer":"` + d.Sequencer + `"}`
}

// Ensure a newer upload that is on its way when a rollback is asked for is served
// in the end, whichever of the two is done first; and that an upload older than
// the one rolled back from is not.
func TestRollbackRacesUploads(t *testing.T) {
	// begin has three uploads deployed, of which the first one's deployment is gone
	// and would take long to make again.
	begin := func(t *testing.T) (f *fixture, first, second, third registry.Run) {
		t.Helper()
		f = start(t, nova, "default", func(s *bedrock.Scenario) {
			s.Deployments = []bedrock.ServeOutcome{{Match: bedrock.Match{Nth: 4}, Takes: bedrock.Duration(10 * time.Hour)}}
		})
		first, _ = f.train("support", conversation("first"), finetune.EndDeployed)
		second, _ = f.train("support", conversation("second"), finetune.EndDeployed)
		third, _ = f.train("support", conversation("third"), finetune.EndDeployed)
		return f, first, second, third
	}
	t.Run("upload done first", func(t *testing.T) {
		t.Parallel()
		f, first, _, third := begin(t)
		release := f.StepFunctions.Hold()
		asked, err := f.rollBack("support", first.ID)
		if err != nil {
			t.Fatal(err)
		}
		fourth := f.drop("support", "train.jsonl", conversation("fourth"))
		release()
		execution := f.end()
		f.checkEnd(f.run(fourth), execution, finetune.EndDeployed)
		execution = f.endOf(asked.ExecutionARN)
		f.checkEnd(f.run(first.ID), execution, finetune.EndSuperseded)
		f.checkServed(f.run(fourth), "fourth", third.ID)
		if n := len(f.Bedrock.Deployments()); n != 2 {
			t.Errorf("%d deployments stand, want what is served and what is kept", n)
		}
	})
	t.Run("rollback done first", func(t *testing.T) {
		t.Parallel()
		f, _, second, _ := begin(t)
		release := f.StepFunctions.Hold()
		fourth := f.drop("support", "train.jsonl", conversation("fourth"))
		asked, err := f.rollBack("support", "")
		if err != nil {
			t.Fatal(err)
		}
		release()
		execution := f.endOf(asked.ExecutionARN)
		f.checkEnd(f.run(second.ID), execution, finetune.EndDeployed)
		execution = f.end()
		f.checkEnd(f.run(fourth), execution, finetune.EndDeployed)
		f.checkServed(f.run(fourth), "fourth", second.ID)
		if n := len(f.Bedrock.Deployments()); n != 2 {
			t.Errorf("%d deployments stand, want what is served and what is kept", n)
		}
	})
	t.Run("two rollbacks", func(t *testing.T) {
		t.Parallel()
		f, first, second, third := begin(t)
		release := f.StepFunctions.Hold()
		slow, err := f.rollBack("support", first.ID)
		if err != nil {
			t.Fatal(err)
		}
		quick, err := f.rollBack("support", second.ID)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := f.rollBack("support", second.ID); err != nil || again.ExecutionARN != quick.ExecutionARN {
			t.Errorf("asked for again: %+v, %v; want the same execution", again, err)
		}
		release()
		execution := f.endOf(quick.ExecutionARN)
		f.checkEnd(f.run(second.ID), execution, finetune.EndDeployed)
		execution = f.endOf(slow.ExecutionARN)
		overtaken := f.run(first.ID)
		f.checkEnd(overtaken, execution, finetune.EndSuperseded)
		if !strings.Contains(overtaken.Cause, "run "+string(second.ID)+" was published") {
			t.Errorf("the cause is %q; want what was published since", overtaken.Cause)
		}
		f.checkServed(second, "second", third.ID)
		if n := len(f.Bedrock.Deployments()); n != 2 {
			t.Errorf("%d deployments stand, want what is served and what is kept", n)
		}
	})
}

// Ensure a rollback opens no door for an upload older than the one it went back
// from, however late that one is done.
func TestRollbackOpensNoDoor(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default", slowTraining)
	first, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	release := f.StepFunctions.Hold()
	older, newer := f.drop("support", "older.jsonl", larger("older")), f.drop("support", "newer.jsonl", conversation("newer"))
	published := make(chan func(), 1) // time stands until the rollback was asked for
	f.whenEntered(finetune.EndDeployed, func(string) { published <- f.StepFunctions.Hold() })
	release()
	started := f.Started()
	execution := f.endOf(started[2])
	f.checkEnd(f.run(newer), execution, finetune.EndDeployed)
	asked, err := f.rollBack("support", first.ID)
	if err != nil {
		t.Fatal(err)
	}
	if run := f.run(older); run.End != "" {
		t.Fatalf("the older run ended %s before the rollback", run.End)
	}
	(<-published)()
	execution = f.endOf(asked.ExecutionARN)
	f.checkEnd(f.run(first.ID), execution, finetune.EndDeployed)
	execution = f.endOf(started[1])
	f.checkEnd(f.run(older), execution, finetune.EndSuperseded)
	f.checkServed(first, "first", newer)
}

// Ensure a rollback that is stopped in any state leaves callers where they are and
// nothing billed, and that it can be asked for again.
func TestStopRollback(t *testing.T) {
	states := []string{"ValidateDataset", "SubmitJob", "PollJob", "AnalyzeResults", "SecureThroughput", "WaitForThroughput", "PollThroughput", "SmokeTest", "PublishEndpoint"}
	tests := map[string]struct {
		way
		// uploads is how many there are, and the first is gone back to.
		uploads int
	}{
		"kept":        {onDemand, 2},
		"made":        {onDemand, 3},
		"provisioned": {provisioned, 2},
	}
	data := map[string]func(string) string{onDemand.example: conversation, provisioned.example: promptCompletion}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, test.example, test.scenario)
			sets := []string{"first", "second", "third"}
			var runs []registry.Run
			for _, set := range sets[:test.uploads] {
				run, _ := f.train("support", data[test.example](set), finetune.EndDeployed)
				runs = append(runs, run)
			}
			last := runs[len(runs)-1]
			var previous finetune.RunID
			if kept := f.model("support").Previous; kept != nil {
				previous = kept.Run.ID
			}
			standing := len(f.Bedrock.Deployments()) + len(f.Bedrock.Throughputs())
			for _, state := range states {
				f.whenEntered(state, f.stopExecution)
				asked, err := f.rollBack("support", runs[0].ID)
				if err != nil {
					t.Fatalf("%s: %v", state, err)
				}
				execution := f.endOf(asked.ExecutionARN)
				if execution.Status != stepfunctions.Aborted {
					t.Fatalf("stopped in %s, it ended %s", state, execution.Status)
				}
				f.eventually("the rollback is released after "+state, func() bool { return f.run(runs[0].ID).End != "" })
				if run := f.run(runs[0].ID); state != "ValidateDataset" && (run.End != finetune.EndFailed || run.Unreleased != nil) {
					t.Errorf("stopped in %s, the run ended %s (%s)", state, run.End, run.Cause)
				}
				f.Clock.Advance(time.Hour) // a throughput that is pointed back takes a while
				f.Bedrock.Settle(t.Context())
				f.checkServed(last, sets[test.uploads-1], previous)
				if now := len(f.Bedrock.Deployments()) + len(f.Bedrock.Throughputs()); now != standing {
					t.Errorf("stopped in %s, %d throughputs and deployments stand, want %d", state, now, standing)
				}
			}
			f.goBack("support", runs[0].ID, finetune.EndDeployed)
			f.forgetServed()
			f.mustAnswer("support", question(3), fact("first", 3))
		})
	}
}
