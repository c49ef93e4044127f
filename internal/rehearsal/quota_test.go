package rehearsal

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// Ensure a quota that another run uses up is waited for, however long that run
// takes, and that waiting makes nothing twice.
func TestQuotaIsWaitedFor(t *testing.T) {
	tests := map[string]struct {
		change func(*bedrock.Scenario)
		// refused is the request that the quota refuses.
		refused string
		// second uploads the second data set once the first run is in the way.
		second func(f *fixture, upload func())
	}{
		"customization jobs": {
			change: func(s *bedrock.Scenario) {
				s.Quotas.CustomizationJobs, s.Durations.TrainingMinimum = 1, bedrock.Duration(9*time.Hour)
			},
			refused: "bedrock:CreateModelCustomizationJob",
			second:  func(f *fixture, upload func()) { f.whenEntered("WaitForJob", func(string) { upload() }) },
		},
		"models in creation": {
			change: func(s *bedrock.Scenario) {
				s.Quotas.ModelsInCreation, s.Durations.ModelCreating = 1, bedrock.Duration(5*time.Hour)
			},
			refused: "bedrock:CreateModelCustomizationJob",
			second:  func(f *fixture, upload func()) { f.whenModelIsMade(upload) },
		},
		"deployments in progress": {
			change: func(s *bedrock.Scenario) {
				s.Quotas.DeploymentsInProgress, s.Durations.Deployment = 1, bedrock.Duration(4*time.Hour)
			},
			refused: "bedrock:CreateCustomModelDeployment",
			second:  func(f *fixture, upload func()) { f.whenEntered("WaitForThroughput", func(string) { upload() }) },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, nova, "default", test.change)
			var second finetune.RunID
			test.second(f, func() { second = f.drop("second", "train.jsonl", conversation("b")) })
			first := f.drop("first", "train.jsonl", conversation("a"))
			f.endOf(f.Started()[0])
			f.end()
			for id, set := range map[finetune.RunID]string{first: "a", second: "b"} {
				run := f.run(id)
				f.deployedOnce(run)
				f.mustAnswer(run.Model, question(4), fact(set, 4))
			}
			if f.refusals(test.refused, "ServiceQuotaExceededException") == 0 {
				t.Errorf("the quota refused no %s: %+v", test.refused, f.Log.Find(test.refused))
			}
		})
	}
}

// whenModelIsMade runs act once, when a state is entered while a custom model is
// Creating.
func (f *fixture) whenModelIsMade(act func()) {
	var done atomic.Bool
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onEvent = append(f.onEvent, func(e stepfunctions.Event) {
		if e.Type != stepfunctions.Entered || done.Load() {
			return
		}
		if models := f.Bedrock.Models(); len(models) == 1 && models[0].Status == "Creating" && !done.Swap(true) {
			act()
		}
	})
}

// actionOf is the IAM action of an operation of Bedrock.
func actionOf(operation string) string {
	if operation == "Converse" {
		return "bedrock:InvokeModel"
	}
	return "bedrock:" + operation
}

// refusals counts the calls of an action that were answered with an error code,
// or not at all for the code "".
func (f *fixture) refusals(action, code string) int {
	n := 0
	for _, c := range f.Log.Find(action) {
		if c.Error == code && (code != "" || c.Status == 0) {
			n++
		}
	}
	return n
}

// deployedOnce fails the test unless a run is Deployed with exactly one job, one
// model and one bill, which is what it is served from.
func (f *fixture) deployedOnce(run registry.Run) {
	f.t.Helper()
	if run.End != finetune.EndDeployed || run.Endpoint == nil {
		f.t.Fatalf("run %s ended %q (%s: %s), want %s", run.ID, run.End, run.Error, run.Cause, finetune.EndDeployed)
	}
	var jobs, models, bills []string
	for _, job := range f.Bedrock.Jobs() {
		jobs = appendOf(run, jobs, job.Tags, job.Name)
	}
	for _, model := range f.Bedrock.Models() {
		models = appendOf(run, models, model.Tags, model.Name)
	}
	for _, bill := range f.Bedrock.Ledger() {
		bills = appendOf(run, bills, bill.Tags, bill.Name)
		if bill.Tags[finetune.TagModel] == run.Model && (bill.ARN != run.Endpoint.ModelID || !bill.Until.IsZero()) {
			f.t.Errorf("billed is %+v, served from is %s", bill, run.Endpoint.ModelID)
		}
	}
	for what, names := range map[string][]string{"jobs": jobs, "models": models, "bills": bills} {
		if want := []string{nameOf(run)}; !slices.Equal(names, want) {
			f.t.Errorf("run %s made the %s %q, want %q", run.ID, what, names, want)
		}
	}
	f.noticedOnce(run.ExecutionARN)
	if lost := f.AsyncFailures(); lost != nil {
		f.t.Errorf("events or calls got lost: %q", lost)
	}
}

// appendOf adds a name when the tags are those of the run's model.
func appendOf(run registry.Run, names []string, tags map[string]string, name string) []string {
	if tags[finetune.TagModel] != run.Model {
		return names
	}
	return append(names, name)
}

// Ensure a service's bad minutes are waited out: throttling, errors of its own,
// and connections that break before or after a call took effect. Three in a row
// are more than the SDK tries, so that the state machine tries again.
func TestBadMinutesAreWaitedOut(t *testing.T) {
	throttled := bedrock.ScenarioFault{Status: http.StatusTooManyRequests, Code: "ThrottlingException"}
	broken := bedrock.ScenarioFault{Status: http.StatusInternalServerError, Code: "InternalServerException"}
	notReady := bedrock.ScenarioFault{Status: http.StatusTooManyRequests, Code: "ModelNotReadyException"}
	lost := bedrock.ScenarioFault{Reset: true}
	tests := []struct {
		way       way
		operation string
		fault     bedrock.ScenarioFault
		when      string
		times     int
	}{
		{onDemand, "GetFoundationModel", throttled, "before", 1},
		{onDemand, "CreateModelCustomizationJob", throttled, "before", 3},
		{onDemand, "CreateModelCustomizationJob", broken, "after", 3},
		{provisioned, "CreateModelCustomizationJob", lost, "before", 1},
		{provisioned, "CreateModelCustomizationJob", lost, "after", 3},
		{onDemand, "GetModelCustomizationJob", throttled, "before", 3},
		{onDemand, "GetCustomModel", lost, "before", 1},
		{onDemand, "CreateCustomModelDeployment", throttled, "before", 3},
		{onDemand, "CreateCustomModelDeployment", lost, "after", 3},
		{onDemand, "GetCustomModelDeployment", broken, "before", 1},
		{provisioned, "CreateProvisionedModelThroughput", broken, "before", 1},
		{provisioned, "CreateProvisionedModelThroughput", lost, "after", 3},
		{provisioned, "GetProvisionedModelThroughput", throttled, "before", 3},
		{onDemand, "Converse", notReady, "before", 3},
		{provisioned, "Converse", lost, "before", 1},
	}
	for _, test := range tests {
		what := test.fault.Code
		if test.fault.Reset {
			what = "connection lost"
		}
		t.Run(strings.Join([]string{test.operation, what, test.when, test.way.name}, ", "), func(t *testing.T) {
			t.Parallel()
			fault := test.fault
			fault.Operation, fault.When, fault.Times = test.operation, test.when, test.times
			f := start(t, test.way.example, test.way.scenario, func(s *bedrock.Scenario) { s.Faults = []bedrock.ScenarioFault{fault} })
			run, _ := f.train("m", test.way.data, finetune.EndDeployed)
			f.deployedOnce(run)
			f.mustAnswer("m", question(5), fact("a", 5))
			if met := f.refusals(actionOf(test.operation), fault.Code); met < test.times {
				t.Errorf("%d calls met the fault, want %d", met, test.times)
			}
		})
	}
}

// Ensure answers of S3 that get lost after a record was written, and slow-downs
// before, change nothing: the claim, every record and the publication.
func TestLostRecordsAreFound(t *testing.T) {
	tests := map[string]struct {
		prefix string
		fault  calls.Fault
		times  int
	}{
		"claim and records, answers lost": {finetune.PrefixRuns, calls.Fault{Reset: true, After: true}, 3},
		"publication, answer lost":        {finetune.PrefixRegistry, calls.Fault{Reset: true, After: true}, 1},
		"records slowed down":             {finetune.PrefixRuns, calls.Fault{Status: http.StatusServiceUnavailable, Code: "SlowDown"}, 3},
		"accepted copy, answer lost":      {finetune.PrefixAccepted, calls.Fault{Reset: true, After: true}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, nova, "default")
			var met atomic.Int32
			f.Log.SetHook(func(c calls.Call) *calls.Fault {
				if c.Action != "s3:PutObject" || !strings.Contains(c.Resource, "/"+test.prefix) || int(met.Add(1)) > test.times {
					return nil
				}
				return &test.fault
			})
			run, _ := f.train("m", conversation("a"), finetune.EndDeployed)
			f.deployedOnce(run)
			f.mustAnswer("m", question(6), fact("a", 6))
			if int(met.Load()) <= test.times {
				t.Errorf("only %d writes to %s, want more than were disturbed", met.Load(), test.prefix)
			}
		})
	}
}

// Ensure functions that are killed change nothing: every step's first call ends
// as it gets its input, or as it gives its answer, whatever it did by then.
func TestKilledFunctionsAreCalledAgain(t *testing.T) {
	faults := map[string]runtimeapi.Fault{
		"before they began":        {KillBefore: true},
		"when they were through":   {KillAfter: true},
		"refused by Lambda itself": {Service: errLambdaIsDown},
	}
	for name, fault := range faults {
		for _, w := range bothWays {
			t.Run(name+", "+w.name, func(t *testing.T) {
				t.Parallel()
				f := start(t, w.example, w.scenario)
				killed := f.failFirstCalls(fault)
				run, _ := f.train("m", w.data, finetune.EndDeployed)
				f.deployedOnce(run)
				f.mustAnswer("m", question(7), fact("a", 7))
				if want := 9; killed() != want {
					t.Errorf("%d first calls were disturbed, want %d: those of every step", killed(), want)
				}
			})
		}
	}
}

// failFirstCalls lets the first call of every Task state meet a fault; killed
// tells how many did.
func (f *fixture) failFirstCalls(fault runtimeapi.Fault) (killed func() int) {
	var mu sync.Mutex
	met, due, faults := map[string]bool{}, "", 0
	f.mu.Lock()
	f.onEvent = append(f.onEvent, func(e stepfunctions.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Type == stepfunctions.Entered && e.StateType == "Task" && !met[e.State] {
			met[e.State], due = true, e.State
		}
	})
	f.mu.Unlock()
	f.host.SetHook(func(string, []byte) *runtimeapi.Fault {
		mu.Lock()
		defer mu.Unlock()
		if due == "" {
			return nil
		}
		due = ""
		faults++
		return &fault
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return faults
	}
}
