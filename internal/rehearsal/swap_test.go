package rehearsal

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// Ensure a second upload is swapped in only after the smoke test of its own
// deployment, that callers are answered all the while, and that the first
// deployment is kept.
func TestSecondUploadIsSwappedIn(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	first, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	served := func(state string, want finetune.RunID) {
		f.whenEntered(state, func(string) {
			if got := f.model("support").Serving.Run.ID; got != want {
				t.Errorf("on entering %s run %s is served, want %s", state, got, want)
			}
		})
	}
	served("SmokeTest", first.ID)
	served("PublishEndpoint", first.ID)
	stop := f.keepAsking("support", question(5), "SecureThroughput", "SmokeTest", "PublishEndpoint", "Deployed")
	second, _ := f.train("support", conversation("second"), finetune.EndDeployed)
	f.checkSwap(stop(), fact("first", 5), fact("second", 5))

	f.checkSmokeBeforeFlip(second)
	f.forgetServed()
	f.mustAnswer("support", question(5), fact("second", 5))
	model := f.model("support")
	if model.Serving.Run.ID != second.ID || model.Previous == nil || model.Previous.Run.ID != first.ID || len(model.Retired) != 0 || len(model.History) != 2 {
		t.Errorf("the registry says %+v; want %s served and %s previous", model, second.ID, first.ID)
	}
	deployments := f.Bedrock.Deployments()
	if len(deployments) != 2 || deployments[0].ARN != first.Endpoint.ModelID || deployments[0].Status != "Active" || deployments[1].ARN != second.Endpoint.ModelID {
		t.Errorf("the deployments are %+v; want %s, active, and %s", deployments, first.Endpoint.ModelID, second.Endpoint.ModelID)
	}
	if got := f.askBase(first.Endpoint.ModelID, question(5)); got != fact("first", 5) {
		t.Errorf("the previous deployment answers %q, want the first model's answer", got)
	}
	if deleted := f.requests("bedrock:DeleteCustomModelDeployment", ""); len(deleted) != 0 {
		t.Errorf("deleted %v, want nothing", deleted)
	}
}

// Ensure the third upload deletes the deployment of the first, which nothing
// serves from any more, and that a caller who was sent there last is answered
// from the third.
func TestThirdUploadDeletesTheFirstDeployment(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	first, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	f.mustAnswer("support", question(1), fact("first", 1))
	second, _ := f.train("support", conversation("second"), finetune.EndDeployed)
	stop := f.keepAsking("support", question(1), "PublishEndpoint", "Deployed")
	third, _ := f.train("support", conversation("third"), finetune.EndDeployed)
	f.checkSwap(stop(), fact("first", 1), fact("second", 1), fact("third", 1))

	f.forgetServed()
	f.mustAnswer("support", question(1), fact("third", 1))
	model := f.model("support")
	if model.Serving.Run.ID != third.ID || model.Previous.Run.ID != second.ID || len(model.Retired) != 0 || len(model.History) != 3 {
		t.Errorf("the registry says %+v; want %s served, %s previous and nothing retired", model, third.ID, second.ID)
	}
	deployments := f.Bedrock.Deployments()
	if len(deployments) != 2 || deployments[0].ARN != second.Endpoint.ModelID || deployments[1].ARN != third.Endpoint.ModelID {
		t.Errorf("the deployments are %+v; want those of %s and %s", deployments, second.ID, third.ID)
	}
	deleted := f.requests("bedrock:DeleteCustomModelDeployment", "")
	if len(deleted) != 1 || deleted[0].Resource != first.Endpoint.ModelID {
		t.Errorf("deleted %v, want %s", deleted, first.Endpoint.ModelID)
	}
	if models := f.Bedrock.Models(); len(models) != 3 {
		t.Errorf("%d custom models are left, want all 3 for a rollback", len(models))
	}
}

// Ensure an older upload that takes longer never replaces a newer one, and that
// what it made to be served by is released.
func TestOlderUploadNeverReplacesNewer(t *testing.T) {
	tests := map[string]struct {
		older, newer string
		// deploying is how long the first deployment takes.
		deploying time.Duration
		// deployments is how many are asked for, released how many are deleted.
		deployments, released int
	}{
		"slow to train":  {larger("older"), conversation("newer"), 8 * time.Minute, 1, 0},
		"slow to deploy": {conversation("older"), larger("newer"), 10 * time.Hour, 2, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, nova, "default", slowTraining, func(s *bedrock.Scenario) {
				s.Deployments = []bedrock.ServeOutcome{{Match: bedrock.Match{Nth: 1}, Takes: bedrock.Duration(test.deploying)}}
			})
			release := f.StepFunctions.Hold()
			older, newer := f.drop("support", "older.jsonl", test.older), f.drop("support", "newer.jsonl", test.newer)
			release()
			execution := f.endOf(f.Started()[1])
			f.checkEnd(f.run(newer), execution, finetune.EndDeployed)
			if run := f.run(older); run.End != "" {
				t.Errorf("the older run ended %s before the newer one", run.End)
			}
			f.mustAnswer("support", question(2), fact("newer", 2))
			execution = f.endOf(f.Started()[0])
			f.checkEnd(f.run(older), execution, finetune.EndSuperseded)
			f.checkSuperseded(f.run(older), f.run(newer))
			made, deleted := f.requests("bedrock:CreateCustomModelDeployment", ""), f.requests("bedrock:DeleteCustomModelDeployment", "")
			if len(made) != test.deployments || len(deleted) != test.released {
				t.Errorf("%d deployments asked for and %d deleted, want %d and %d", len(made), len(deleted), test.deployments, test.released)
			}
		})
	}
}

// Ensure an upload whose event comes after a newer one was published, or whose
// approval does, is checked and reported and never trained: nothing is paid for it.
func TestOvertakenUploadIsNotTrained(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	kept := f.KeepUploads()
	older := f.drop("support", "older.jsonl", conversation("older"))
	late := kept()
	newer, _ := f.train("support", conversation("newer"), finetune.EndDeployed)
	if err := f.Deliver(t.Context(), late[0]); err != nil {
		t.Fatal(err)
	}
	execution := f.end()
	run := f.run(older)
	f.checkEnd(run, execution, finetune.EndSuperseded)
	if run.Error != string(finetune.Superseded) || run.Job != nil || run.Report == nil || !strings.Contains(run.Cause, string(newer.ID)) {
		t.Errorf("it ended with %s (%s), job %+v; want Superseded by %s, before its job", run.Error, run.Cause, run.Job, newer.ID)
	}
	if n := len(f.jobRequests()); n != 1 || len(f.Bedrock.Jobs()) != 1 {
		t.Errorf("%d jobs were asked for, %d made; want the newer upload's", n, len(f.Bedrock.Jobs()))
	}
	f.mustAnswer("support", question(2), fact("newer", 2))
	f.servesOnly(newer)
}

// checkSuperseded holds what is left of an older run once a newer one is served.
func (f *fixture) checkSuperseded(older, newer registry.Run) {
	f.t.Helper()
	if older.Error != string(finetune.Superseded) || older.CustomModel == nil || older.Unreleased != nil || older.Endpoint != nil {
		f.t.Errorf("the older run ended %s with model %v, left %v; want Superseded, its model kept", older.Error, older.CustomModel, older.Unreleased)
	}
	f.forgetServed()
	f.mustAnswer(newer.Model, question(2), fact("newer", 2))
	if model := f.model(newer.Model); model.Serving.Run.ID != newer.ID || model.Previous != nil || len(model.History) != 1 {
		f.t.Errorf("the registry says %+v; want %s alone", model, newer.ID)
	}
	f.servesOnly(newer)
}

// slowTraining makes training take as long as the data are large: ten minutes a
// record and epoch.
func slowTraining(s *bedrock.Scenario) {
	s.Durations.TrainingPerRow = bedrock.Duration(10 * time.Minute)
}

// larger is a data set of twice the records of [conversation].
func larger(set string) string { return conversation(set) + conversation(set) }

// Ensure a provisioned throughput is re-pointed by the second upload: nothing is
// bought again, and callers are answered while it is being changed.
func TestProvisionedThroughputIsRepointed(t *testing.T) {
	t.Parallel()
	f := start(t, llama, "article")
	first, _ := f.train("support", promptCompletion("first"), finetune.EndDeployed)
	f.whenEntered("WaitForThroughput", func(string) {
		if now := f.Bedrock.Throughputs()[0]; now.Status != "Updating" {
			t.Errorf("the throughput is %s while its change is waited for, want Updating", now.Status)
		}
		if lease := f.model("support").Lease; lease == nil || lease.PreviousModelARN != first.CustomModel.ARN {
			t.Errorf("the lease is %+v while the throughput is changed; want one that remembers %s", lease, first.CustomModel.ARN)
		}
	})
	stop := f.keepAsking("support", question(4), "SecureThroughput", "WaitForThroughput", "PollThroughput", "SmokeTest", "Deployed")
	second, _ := f.train("support", promptCompletion("second"), finetune.EndDeployed)
	f.checkSwap(stop(), fact("first", 4), fact("second", 4))

	f.mustAnswer("support", question(4), fact("second", 4))
	f.servesOnly(second)
	bought := f.requests("bedrock:CreateProvisionedModelThroughput", ":custom-model/")
	changed := f.requests("bedrock:UpdateProvisionedModelThroughput", ":provisioned-model/")
	if ledger := f.Bedrock.Ledger(); len(bought) != 1 || len(changed) != 1 || len(ledger) != 1 || second.Endpoint.ModelID != first.Endpoint.ModelID {
		t.Errorf("bought %d times, changed %d times, billed %v; want one purchase and one change", len(bought), len(changed), ledger)
	}
	f.checkRepointed(second)
}

// checkRepointed holds that the registry serves a run from a throughput that was
// changed in place.
func (f *fixture) checkRepointed(run registry.Run) {
	f.t.Helper()
	model := f.model(run.Model)
	if model.Serving.Run.ID != run.ID || model.Serving.ModelARN != run.CustomModel.ARN || model.Serving.ThroughputARN != run.Endpoint.ModelID {
		f.t.Errorf("the registry serves %+v; want run %s", model.Serving, run.ID)
	}
	if model.Lease != nil || model.Previous != nil || len(model.Retired) != 0 {
		f.t.Errorf("the registry says %+v; want no lease, and nothing to keep or release", model)
	}
}

// Ensure a model that does not answer its smoke test is taken out again: the old
// one serves on, from what it served before, and nothing of the new run is left.
func TestFailedSmokeTestKeepsTheOldModel(t *testing.T) {
	tests := map[string]struct {
		example, scenario string
		data              func(string) string
	}{
		"on demand":   {nova, "default", conversation},
		"provisioned": {llama, "article", promptCompletion},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, test.example, test.scenario)
			first, _ := f.train("support", test.data("first"), finetune.EndDeployed)
			f.failSmokeTests()
			stop := f.keepAsking("support", question(6), "SmokeTest", "ReleaseRun", "Failed")
			second, execution := f.train("support", test.data("second"), finetune.EndFailed)
			stop()

			if second.Error != string(finetune.SmokeTestFailed) || execution.Error != second.Error || second.CustomModel == nil || second.Unreleased != nil {
				t.Errorf("the run ended %s (%s) with model %v, left %v; want SmokeTestFailed, the model kept", second.Error, second.Cause, second.CustomModel, second.Unreleased)
			}
			if model := f.model("support"); model.Serving.Run.ID != first.ID || model.Lease != nil || model.Previous != nil || len(model.History) != 1 {
				t.Errorf("the registry says %+v; want %s served and no lease", model, first.ID)
			}
			f.servesOnly(first)
			f.mustAnswer("support", question(6), fact("first", 6))

			f.Log.SetHook(nil)
			third, _ := f.train("support", test.data("third"), finetune.EndDeployed)
			f.forgetServed()
			f.mustAnswer("support", question(6), fact("third", 6))
			if model := f.model("support"); model.Serving.Run.ID != third.ID {
				t.Errorf("after it %s is served, want %s", model.Serving.Run.ID, third.ID)
			}
		})
	}
}

// failSmokeTests lets Bedrock refuse every request of the throughput function.
func (f *fixture) failSmokeTests() {
	role := f.roleOf("Throughput")
	f.Log.SetHook(func(c calls.Call) *calls.Fault {
		if c.Action == "bedrock:InvokeModel" && c.Principal.Role == role {
			return &calls.Fault{Status: 400, Code: "ValidationException", Message: "The model returned an error"}
		}
		return nil
	})
}

// servesOnly holds that what serves a run is all there is, and serves the run's
// model once the changes under way are through.
func (f *fixture) servesOnly(run registry.Run) {
	f.t.Helper()
	f.Clock.Advance(time.Hour)
	f.Bedrock.Settle(f.t.Context())
	var serving []string
	for _, d := range f.Bedrock.Deployments() {
		serving = append(serving, fmt.Sprintln(d.ARN, d.Status, d.ModelARN))
	}
	for _, p := range f.Bedrock.Throughputs() {
		serving = append(serving, fmt.Sprintln(p.ARN, strings.Replace(p.Status, "InService", "Active", 1), p.ModelARN))
	}
	if want := fmt.Sprintln(run.Endpoint.ModelID, "Active", run.CustomModel.ARN); len(serving) != 1 || serving[0] != want {
		f.t.Errorf("serving are %q, want %q alone", serving, want)
	}
}

// checkSmokeBeforeFlip holds that a run's deployment answered the throughput
// function between its making and the registry's first change.
func (f *fixture) checkSmokeBeforeFlip(run registry.Run) {
	f.t.Helper()
	role := f.roleOf("Throughput")
	made, tested := false, false
	for _, c := range f.Log.All() {
		switch {
		case c.Principal.Role != role:
		case c.Action == "bedrock:CreateCustomModelDeployment":
			made = c.Resource == run.CustomModel.ARN
		case c.Action == "bedrock:InvokeModel" && c.Resource == run.Endpoint.ModelID:
			tested = c.Status == 200
		case c.Action == "s3:PutObject" && strings.HasSuffix(c.Resource, finetune.RegistryKey(run.Model)) && made && !tested:
			f.t.Errorf("the registry was written at %s before the smoke test of %s", c.Time, run.Endpoint.ModelID)
		}
	}
	if !tested {
		f.t.Errorf("%s was never smoke-tested", run.Endpoint.ModelID)
	}
}

// keepAsking asks a model the same question over and over, and once more as each
// of the states is entered, until it is stopped; every request must be answered.
// stop returns the answers in their order.
func (f *fixture) keepAsking(model, question string, states ...string) (stop func() []string) {
	var mu sync.Mutex // one caller at a time, so that the answers have an order
	var answers []string
	stopped := false
	ask := func() {
		mu.Lock()
		defer mu.Unlock()
		if stopped {
			return
		}
		text, err := f.answer(model, question)
		if err != nil {
			f.t.Errorf("a request while another run goes on: %v", err)
		}
		answers = append(answers, text)
	}
	for _, state := range states {
		f.whenEntered(state, func(string) { ask() })
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			default:
				ask()
			}
		}
	}()
	stop = sync.OnceValue(func() []string {
		close(done)
		<-ended
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		return answers
	})
	f.t.Cleanup(func() { stop() }) // when the test ends before it stops this
	return stop
}

// checkSwap holds that answers change in the order given and never back, and
// that the first of them was given at all.
func (f *fixture) checkSwap(answers []string, order ...string) {
	f.t.Helper()
	at := 0
	for n, answer := range answers {
		for at < len(order) && answer != order[at] {
			at++
		}
		if at == len(order) {
			f.t.Fatalf("answer %d of %d is %q, out of the order %q", n+1, len(answers), answer, order)
		}
	}
	if len(answers) < 5 || answers[0] != order[0] {
		f.t.Errorf("%d answers, beginning with %q; want more, beginning with %q", len(answers), answers[:1], order[0])
	}
}

// forgetServed makes the invoke function read the registry anew: an environment
// trusts what it read for seconds of real time, in which whole runs pass here.
func (f *fixture) forgetServed() {
	f.t.Helper()
	for _, function := range f.Stack.Functions {
		if function.Role == f.roleOf("Invoke") {
			f.host.Recycle(function.Name)
		}
	}
}

// model reads a model's record.
func (f *fixture) model(name string) registry.Model {
	f.t.Helper()
	model, err := f.Registry().Model(f.t.Context(), name)
	if err != nil {
		f.t.Fatal(err)
	}
	return model
}

// endOf waits for an execution to end.
func (f *fixture) endOf(executionARN string) stepfunctions.Execution {
	f.t.Helper()
	execution, err := f.Wait(f.t.Context(), executionARN)
	if err != nil {
		f.t.Fatal(err)
	}
	return execution
}

// requests returns the calls of an action on resources whose ARN has a part. A
// request that touches several kinds of resource is recorded once a kind, so
// the part picks one.
func (f *fixture) requests(action, part string) []calls.Call {
	var found []calls.Call
	for _, c := range f.Log.Find(action) {
		if strings.Contains(c.Resource, part) {
			found = append(found, c)
		}
	}
	return found
}

// jobRequests returns the requests for a model customization job.
func (f *fixture) jobRequests() []calls.Call {
	return f.requests("bedrock:CreateModelCustomizationJob", ":model-customization-job/")
}

// roleOf returns the logical id of a function's role, by its construct's name.
func (f *fixture) roleOf(construct string) string {
	for _, function := range f.Stack.Functions {
		if strings.Contains(function.LogicalID, construct) {
			return function.Role
		}
	}
	f.t.Errorf("the stack has no function %s", construct)
	return ""
}
