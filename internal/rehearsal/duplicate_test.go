package rehearsal

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// Ensure an event that EventBridge delivers again does nothing: while its run is
// under way, and after it ended.
func TestEventDeliveredAgain(t *testing.T) {
	tests := map[string]struct {
		// during is the state of the first execution in which the event comes
		// again; "" is after its end.
		during string
	}{
		"after the end": {""},
		"in training":   {"PollJob"},
		"in publishing": {"PublishEndpoint"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, nova, "default")
			if test.during != "" {
				f.whenEntered(test.during, func(string) { f.deliverAgain() })
			}
			id := f.drop("support", "train.jsonl", conversation("first"))
			first := f.endOf(f.Started()[0])
			run := f.run(id)
			f.checkEnd(run, first, finetune.EndDeployed)
			versions := f.versions(id)
			if test.during == "" {
				f.deliverAgain()
			}
			f.checkDuplicate(f.endOf(f.Started()[1]))
			if got := f.versions(id); test.during == "" && !slices.Equal(got, versions) {
				t.Errorf("the second delivery wrote: versions %v became %v", versions, got)
			}
			f.checkOneRun(id, first.ARN)
			f.mustAnswer("support", question(3), fact("first", 3))
		})
	}
}

// Ensure two deliveries that race for the claim make one run.
func TestEventDeliveredTwiceAtOnce(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	claims := f.holdUntil(2, func(c calls.Call) bool {
		return c.Action == "s3:PutObject" && c.Principal.Role == f.roleOf("Validate") && c.Context["s3:if-none-match"] == "*" &&
			!strings.Contains(c.Resource, "/"+finetune.PrefixRuns+"executions/")
	})
	f.whenEntered("ValidateDataset", func(string) { f.deliverAgain() })
	id := f.drop("support", "train.jsonl", conversation("first"))
	ends := []stepfunctions.Execution{f.endOf(f.Started()[0]), f.endOf(f.Started()[1])}
	f.Log.SetHook(nil)
	if n := claims(); n != 2 {
		t.Fatalf("%d claims met, want 2", n)
	}
	if f.run(id).ExecutionARN == ends[1].ARN {
		slices.Reverse(ends)
	}
	f.checkEnd(f.run(id), ends[0], finetune.EndDeployed)
	f.checkDuplicate(ends[1])
	f.checkOneRun(id, ends[0].ARN)
	f.mustAnswer("support", question(3), fact("first", 3))
}

// checkDuplicate holds the end of an execution that another one made needless.
func (f *fixture) checkDuplicate(execution stepfunctions.Execution) {
	f.t.Helper()
	want := []string{"ValidateDataset", "CheckReport", "Duplicate"}
	if execution.Status != stepfunctions.Succeeded || !slices.Equal(execution.States, want) {
		f.t.Errorf("the second execution ended %s through %v (%s: %s), want %v", execution.Status, execution.States, execution.Error, execution.Cause, want)
	}
}

// checkOneRun holds that one upload was trained, deployed and published once.
func (f *fixture) checkOneRun(id finetune.RunID, owner string) {
	f.t.Helper()
	run := f.run(id)
	if run.ExecutionARN != owner || run.EarlierExecutionARNs != nil || run.End != finetune.EndDeployed {
		f.t.Errorf("run %s is %q, of %s after %v; want Deployed, of %s", id, run.End, run.ExecutionARN, run.EarlierExecutionARNs, owner)
	}
	deployed := f.requests("bedrock:CreateCustomModelDeployment", "")
	if jobs, deployments := f.Bedrock.Jobs(), f.Bedrock.Deployments(); len(jobs) != 1 || len(f.jobRequests()) != 1 || len(deployments) != 1 || len(deployed) != 1 {
		f.t.Errorf("%d jobs with %d requests, %d deployments with %d requests; want one each", len(jobs), len(f.jobRequests()), len(deployments), len(deployed))
	}
	if model := f.model(run.Model); len(model.History) != 1 || model.Serving.Run.ID != id {
		f.t.Errorf("published %+v; want run %s once", model.History, id)
	}
	if n := f.executions(); n != 2 {
		f.t.Errorf("%d executions, want 2", n)
	}
}

// deliverAgain puts the last "Object Created" event on the bus again. It may run
// while a state is entered, so it fails the test without stopping it.
func (f *fixture) deliverAgain() {
	for _, event := range slices.Backward(f.Delivered()) {
		var envelope struct {
			DetailType string `json:"detail-type"`
		}
		if err := json.Unmarshal(event, &envelope); err != nil {
			f.t.Error(err)
		}
		if envelope.DetailType == "Object Created" && f.startsRun(event) {
			if err := f.Deliver(f.t.Context(), event); err != nil {
				f.t.Error(err)
			}
			return
		}
	}
	f.t.Error("no upload of a data set was delivered so far")
}

// startsRun says whether an event matches the rule that starts the machine.
func (f *fixture) startsRun(event json.RawMessage) bool {
	for _, r := range f.rules {
		for _, target := range r.Targets {
			if matches, err := r.pattern.Match(event); target.ARN == f.Machine().ARN && matches && err == nil {
				return true
			}
		}
	}
	return false
}

// versions returns the versions of what is recorded of a run, so that a test
// sees whether anything was written.
func (f *fixture) versions(id finetune.RunID) []string {
	f.t.Helper()
	run := f.run(id)
	var versions []string
	for _, key := range []string{
		finetune.RunKey(id), finetune.RunReportKey(id), finetune.DatasetReportKey(id),
		finetune.AcceptedTrainingKey(id), finetune.RegistryKey(run.Model),
	} {
		out, err := f.Operator().S3.HeadObject(f.t.Context(), &awss3.HeadObjectInput{Bucket: aws.String(f.Bucket()), Key: &key})
		if err != nil {
			f.t.Fatalf("looking at %s: %v", key, err)
		}
		versions = append(versions, aws.ToString(out.VersionId))
	}
	return versions
}

// holdUntil holds the calls that match until n of them have come, so that they
// meet; after ten seconds it lets them go. met tells how many came.
func (f *fixture) holdUntil(n int, matches func(calls.Call) bool) (met func() int) {
	var mu sync.Mutex
	came, all := 0, make(chan struct{})
	f.Log.SetHook(func(c calls.Call) *calls.Fault {
		if !matches(c) {
			return nil
		}
		mu.Lock()
		came++
		if came == n {
			close(all)
		}
		mu.Unlock()
		select {
		case <-all:
		case <-time.After(10 * time.Second):
		}
		return nil
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return came
	}
}
