package rehearsal

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbedrock "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// sweepingStack releases after 240 hours, and after 96 hours without a request; it
// tells after 24, and releases orphans. It trains three epochs unasked.
const sweepingStack = "internal/rehearsal/testdata/sweep"

// startSweeping deploys it, with two model units. The virtual time begins now: when
// something was published is the functions' own clock.
func startSweeping(t *testing.T, change ...func(*bedrock.Scenario)) *fixture {
	t.Helper()
	return start(t, sweepingStack, "default", append(change, func(s *bedrock.Scenario) {
		s.Start = time.Now().UTC().Truncate(time.Second)
		s.ModelUnits = map[string]int{quotaUncommitted: 2, quotaNovaMicro: 2}
	})...)
}

// sweepAfter lets time pass, sweeps, and returns the notices of that.
func (f *fixture) sweepAfter(pass time.Duration) []string {
	f.t.Helper()
	f.Clock.Advance(pass)
	f.Bedrock.Settle(f.t.Context())
	before := len(f.sweepNotices())
	execution, err := f.Sweep(f.t.Context())
	if err != nil || execution.Status != stepfunctions.Succeeded {
		f.t.Fatalf("the sweep ended %s (%s: %s), %v", execution.Status, execution.Error, execution.Cause, err)
	}
	return f.sweepNotices()[before:]
}

// sweepNotices are the paragraphs that sweeps told people.
func (f *fixture) sweepNotices() []string {
	var told []string
	for _, n := range f.Notices() {
		var text string
		if n.Subject == "tuneline: capacity that costs money needs a look" && json.Unmarshal(n.Message, &text) == nil {
			told = append(told, strings.Split(text, "\n\n")...)
		}
	}
	return told
}

// wantNotices fails the test unless there is one notice for each text, with it.
func (f *fixture) wantNotices(got []string, texts ...string) {
	f.t.Helper()
	if len(got) != len(texts) {
		f.t.Fatalf("told %q, want %d notices, with %q", got, len(texts), texts)
	}
	for _, text := range texts {
		if !slices.ContainsFunc(got, func(notice string) bool { return strings.Contains(notice, text) }) {
			f.t.Errorf("told %q, want one with %q", got, text)
		}
	}
}

// deletions are the deletions asked for.
func (f *fixture) deletions() []calls.Call {
	return append(f.requests("bedrock:DeleteProvisionedModelThroughput", ""), f.requests("bedrock:DeleteCustomModelDeployment", "")...)
}

// Ensure what has reached the end of its configured life is released: after a
// warning, with the registry first, a clear answer to callers, and a way back.
func TestSweepReleasesWhatExpired(t *testing.T) {
	t.Parallel()
	f := startSweeping(t)
	run, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	for passed := time.Duration(0); passed < 200*time.Hour; passed += 20 * time.Hour {
		f.wantNotices(f.sweepAfter(20 * time.Hour))
		f.mustAnswer("support", question(1), fact("first", 1))
	}
	f.wantNotices(f.sweepAfter(20*time.Hour), "support will be released on")
	f.mustAnswer("support", question(1), fact("first", 1))
	if deleted := f.deletions(); len(deleted) != 0 || f.model("support").Serving == nil {
		t.Fatalf("deleted %v before the time", deleted)
	}
	f.Log.SetHook(f.registryFirst("support"))
	told := f.sweepAfter(24 * time.Hour) // a tenth of the life after the warning
	f.Log.SetHook(nil)
	f.wantNotices(told, "tuneline rollback support --to "+string(run.ID)+" --bucket "+f.Bucket()+" --state-machine "+f.Machine().ARN)
	f.checkModelReleased(run)
	f.wantNotices(f.sweepAfter(time.Hour))

	second, _ := f.train("support", conversation("second"), finetune.EndDeployed)
	f.mustAnswer("support", question(1), fact("second", 1))
	f.servesOnly(second)
}

// registryFirst fails the test when throughput is deleted before a model's record
// was written.
func (f *fixture) registryFirst(model string) calls.Hook {
	var flipped bool
	return func(c calls.Call) *calls.Fault {
		if c.Action == "s3:PutObject" && strings.HasSuffix(c.Resource, finetune.RegistryKey(model)) {
			flipped = true
		}
		if c.Action == "bedrock:DeleteProvisionedModelThroughput" && !flipped {
			f.t.Error("the throughput is deleted while the registry sends callers there")
		}
		return nil
	}
}

// checkModelReleased holds that nothing is billed by the hour, that the custom model and
// the history are kept, and that callers are told.
func (f *fixture) checkModelReleased(run registry.Run) {
	f.t.Helper()
	f.noHourlyBill()
	m := f.model(run.Model)
	if m.Serving != nil || m.Released == nil || m.Released.Run != run.ID || len(m.Retired) != 0 || len(m.History) != 1 || len(f.Bedrock.Models()) != 1 {
		f.t.Errorf("the registry says %+v", m)
	}
	_, err := f.answer(run.Model, question(1))
	if err == nil || !strings.Contains(err.Error(), "status 404") || !strings.Contains(err.Error(), "was released on") {
		f.t.Errorf("a caller is told %v, want that it was released", err)
	}
}

// Ensure idleness is told and then ends in a release, that a request begins
// another spell, and that CloudWatch is reached through the stack's endpoint.
func TestSweepReleasesWhatIsIdle(t *testing.T) {
	t.Parallel()
	f := startSweeping(t)
	run, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	const idle, releases = "Nobody has asked model support since", "serving.releaseIdleAfter is 96h"
	f.wantNotices(f.sweepAfter(23 * time.Hour))
	f.wantNotices(f.sweepAfter(2*time.Hour), idle)
	f.mustAnswer("support", question(1), fact("first", 1))
	f.wantNotices(f.sweepAfter(23 * time.Hour))
	f.wantNotices(f.sweepAfter(3*time.Hour), idle)
	f.wantNotices(f.sweepAfter(59 * time.Hour))
	f.wantNotices(f.sweepAfter(3*time.Hour), releases)
	f.mustAnswer("support", question(1), fact("first", 1)) // somebody read it
	f.wantNotices(f.sweepAfter(10 * time.Hour))
	f.wantNotices(f.sweepAfter(78*time.Hour), idle, releases)
	f.wantNotices(f.sweepAfter(9 * time.Hour))
	if deleted := f.deletions(); len(deleted) != 0 {
		t.Fatalf("deleted %v before the time", deleted)
	}
	f.wantNotices(f.sweepAfter(2*time.Hour), "was released on")
	f.noHourlyBill()
	if deleted := f.deletions(); len(deleted) != 1 || deleted[0].Resource != run.Endpoint.ModelID {
		t.Errorf("deleted %v, want %s", deleted, run.Endpoint.ModelID)
	}
	endpoint, _ := f.Stack.Endpoint("monitoring")
	asked := f.Log.Find("cloudwatch:GetMetricStatistics")
	if len(asked) == 0 || asked[0].Principal.Role != f.roleOf("Throughput") {
		t.Fatalf("CloudWatch was asked %+v, want it by the sweep", asked)
	}
	if request, _, err := f.guard.Explain(asked[0]); err != nil || endpoint.ID == "" || !slices.Equal(request.Context["aws:sourcevpce"], []string{endpoint.ID}) {
		t.Errorf("CloudWatch was asked as %+v, %v; want it through %s", request, err, endpoint.ID)
	}
}

// Ensure a release that cannot be told of does not come.
func TestSweepReleasesNothingUntold(t *testing.T) {
	t.Parallel()
	f := startSweeping(t)
	f.train("support", conversation("first"), finetune.EndDeployed)
	f.Log.SetHook(func(c calls.Call) *calls.Fault {
		if c.Action == "sns:Publish" {
			return &calls.Fault{Status: 500, Code: "InternalErrorException", Message: "injected"}
		}
		return nil
	})
	for range 5 {
		f.Clock.Advance(300 * time.Hour)
		execution, err := f.Sweep(f.t.Context())
		if err != nil || execution.Status != stepfunctions.Failed {
			t.Fatalf("the sweep ended %s, %v; want Failed", execution.Status, err)
		}
	}
	f.mustAnswer("support", question(1), fact("first", 1))
	if deleted := f.deletions(); len(deleted) != 0 {
		t.Errorf("deleted %v, of which nobody was told", deleted)
	}
}

// orphan buys throughput with the stack's tags and no record of it, as a function
// that was killed at the worst moment might.
func (f *fixture) orphan(run registry.Run, tags ...types.Tag) string {
	f.t.Helper()
	out, err := f.Administrator().Bedrock.CreateProvisionedModelThroughput(f.t.Context(), &awsbedrock.CreateProvisionedModelThroughputInput{
		ProvisionedModelName: aws.String("orphan"), ModelId: &run.CustomModel.ARN, ModelUnits: aws.Int32(1), Tags: tags,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return *out.ProvisionedModelArn
}

func tagged(key, value string) types.Tag { return types.Tag{Key: aws.String(key), Value: &value} }

// Ensure what nobody owns is told once, an hour after it was made, and then
// deleted, for that is configured; and that nothing else is touched: neither what
// serves nor what another stack made.
func TestSweepReleasesOrphans(t *testing.T) {
	tests := map[string]struct {
		tags  func(f *fixture, run registry.Run) []types.Tag
		found bool
	}{
		"of a run that ended": {func(f *fixture, run registry.Run) []types.Tag {
			return []types.Tag{tagged(finetune.TagStack, f.Stack.Name), tagged(finetune.TagModel, run.Model), tagged(finetune.TagRun, string(run.ID))}
		}, true},
		"of nothing": {func(f *fixture, _ registry.Run) []types.Tag {
			return []types.Tag{tagged(finetune.TagStack, f.Stack.Name)}
		}, true},
		"of another stack": {func(*fixture, registry.Run) []types.Tag { return []types.Tag{tagged(finetune.TagStack, "another")} }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startSweeping(t)
			run, _ := f.train("support", conversation("first"), finetune.EndDeployed)
			arn := f.orphan(run, test.tags(f, run)...)
			f.wantNotices(f.sweepAfter(50 * time.Minute))
			if !test.found {
				f.wantNotices(f.sweepAfter(20 * time.Hour))
			} else {
				f.wantNotices(f.sweepAfter(20*time.Minute), "aws bedrock delete-provisioned-model-throughput --provisioned-model-id "+arn)
				f.wantNotices(f.sweepAfter(50 * time.Minute))
				if deleted := f.deletions(); len(deleted) != 0 {
					t.Fatalf("deleted %v, an hour too early", deleted)
				}
				f.wantNotices(f.sweepAfter(20*time.Minute), arn)
				f.wantNotices(f.sweepAfter(time.Hour))
			}
			var left []string
			for _, throughput := range f.Bedrock.Throughputs() {
				left = append(left, throughput.ARN)
			}
			if want := map[bool]int{true: 1, false: 2}[test.found]; len(left) != want || left[0] != run.Endpoint.ModelID || slices.Contains(left, arn) == test.found {
				t.Errorf("%v are left, want %d", left, want)
			}
			f.mustAnswer("support", question(1), fact("first", 1))
		})
	}
}

// Ensure a stack that is configured for no release tells, once each, of an orphan
// and of what nobody has asked for a day, and releases nothing, however long.
func TestSweepOnlyTellsByDefault(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default", func(s *bedrock.Scenario) {
		// As in startSweeping, but early in an hour: whether a longer point ends later than
		// one of an hour depends on the hours of the purchase and of the smoke test.
		s.Start = time.Now().UTC().Truncate(time.Hour).Add(10 * time.Minute)
		s.ModelUnits = map[string]int{quotaUncommitted: 2, quotaNovaMicro: 2}
	})
	f.put(finetune.TuningKey("support"), `{"serving":{"mode":"provisioned"}}`)
	f.answersAll()
	run, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	arn := f.orphan(run, tagged(finetune.TagStack, f.Stack.Name))
	f.wantNotices(f.sweepAfter(2*time.Hour), "aws bedrock delete-provisioned-model-throughput --provisioned-model-id "+arn)
	f.wantNotices(f.sweepAfter(23*time.Hour), "Nobody has asked model support")
	f.wantNotices(f.sweepAfter(time.Hour))
	f.wantNotices(f.sweepAfter(60 * 24 * time.Hour))
	if deleted := f.deletions(); len(deleted) != 0 || len(f.Bedrock.Throughputs()) != 2 {
		t.Errorf("deleted %v, left are %+v; want both throughputs", deleted, f.Bedrock.Throughputs())
	}
	f.mustAnswer("support", question(1), fact("first", 1))
}

// Ensure a commitment holds off every release until its term ends, is told of a
// week and a day before it renews, and that nothing tries to delete it before.
func TestSweepLeavesCommitments(t *testing.T) {
	t.Parallel()
	f := startSweeping(t)
	f.put(finetune.TuningKey("support"), `{"serving":{"mode":"provisioned","modelUnits":1,"commitment":"OneMonth"}}`)
	f.answersAll()
	run, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	until := f.Bedrock.Throughputs()[0].CommitmentEnds
	f.wantNotices(f.sweepAfter(250*time.Hour), "Nobody has asked")
	before := func(left time.Duration) []string { return f.sweepAfter(until.Sub(f.Clock.Now()) - left) }
	f.wantNotices(before(8 * 24 * time.Hour))
	f.wantNotices(before(6*24*time.Hour), "The commitment of "+run.Endpoint.ModelID)
	f.wantNotices(before(24*time.Hour), "The commitment of "+run.Endpoint.ModelID, "serving.releaseAfter is 240h")
	f.wantNotices(before(9*time.Hour), "serving.releaseIdleAfter is 96h")
	f.wantNotices(before(time.Hour))
	if deleted := f.deletions(); len(deleted) != 0 {
		t.Errorf("deleted %v under commitment", deleted)
	}
	f.wantNotices(before(-30*time.Minute), "was released on")
	if deleted := f.deletions(); len(deleted) != 1 || deleted[0].Status != 202 && deleted[0].Status != 200 {
		t.Errorf("the deletions are %v, want one that was accepted", deleted)
	}
	f.noHourlyBill()
}

// Ensure sweeps that start at every step of a run's purchase, swap and publication
// leave all of it alone, with orphans to be released, capacity that takes hours to
// come, and what serves long past its time.
func TestSweepRacingAPurchase(t *testing.T) {
	t.Parallel()
	f := startSweeping(t, func(s *bedrock.Scenario) {
		s.Durations.Throughput, s.Durations.ThroughputUpdate = bedrock.Duration(5*time.Hour), bedrock.Duration(5*time.Hour)
	})
	var mu sync.Mutex
	var sweeps []string
	for _, state := range []string{"SecureThroughput", "WaitForThroughput", "PollThroughput", "CheckThroughput", "SmokeTest", "PublishEndpoint", "Deployed"} {
		f.mu.Lock()
		f.onEvent = append(f.onEvent, func(e stepfunctions.Event) {
			if e.Type != stepfunctions.Entered || e.State != state {
				return
			}
			arn, err := f.StartSweep(f.t.Context())
			if err != nil {
				t.Errorf("a sweep on entering %s: %v", state, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			sweeps = append(sweeps, arn)
		})
		f.mu.Unlock()
	}
	first, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	f.endSweeps(&mu, &sweeps)
	f.wantNotices(f.sweepNotices())

	f.Clock.Advance(215 * time.Hour)
	f.mustAnswer("support", question(3), fact("first", 3))
	f.wantNotices(f.sweepAfter(4*time.Hour), "support will be released on")
	f.Clock.Advance(20 * time.Hour)
	f.mustAnswer("support", question(3), fact("first", 3))
	told := len(f.sweepNotices())
	second, _ := f.train("support", conversation("second"), finetune.EndDeployed)
	f.endSweeps(&mu, &sweeps)
	f.wantNotices(f.sweepNotices()[told:])
	f.mustAnswer("support", question(3), fact("second", 3))
	f.servesOnly(second)
	if deleted := f.deletions(); len(deleted) != 0 || second.Endpoint.ModelID != first.Endpoint.ModelID {
		t.Errorf("deleted %v, served from %s; want %s re-pointed", deleted, second.Endpoint.ModelID, first.Endpoint.ModelID)
	}
}

// endSweeps waits for sweeps, each of which must succeed.
func (f *fixture) endSweeps(mu *sync.Mutex, sweeps *[]string) {
	f.t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if len(*sweeps) < 7 {
		f.t.Errorf("%d sweeps raced the run, want one at each of 7 states", len(*sweeps))
	}
	for _, arn := range *sweeps {
		if execution := f.endOf(arn); execution.Status != stepfunctions.Succeeded {
			f.t.Errorf("a sweep ended %s: %s: %s", execution.Status, execution.Error, execution.Cause)
		}
	}
	*sweeps = nil
}

// Ensure sweeps that overlap tell and release each thing once, or harmlessly again.
func TestSweepsOverlap(t *testing.T) {
	t.Parallel()
	f := startSweeping(t)
	run, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	f.orphan(run, tagged(finetune.TagStack, f.Stack.Name))
	f.sweepAfter(241 * time.Hour)
	f.Clock.Advance(30 * time.Hour)
	hold := f.StepFunctions.Hold()
	var sweeps []string
	for range 4 {
		arn, err := f.StartSweep(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		sweeps = append(sweeps, arn)
	}
	hold()
	for _, arn := range sweeps {
		if execution := f.endOf(arn); execution.Status != stepfunctions.Succeeded {
			t.Errorf("a sweep ended %s: %s: %s", execution.Status, execution.Error, execution.Cause)
		}
	}
	f.noHourlyBill()
	if m := f.model("support"); m.Serving != nil || len(m.Retired) != 0 || len(m.History) != 1 {
		t.Errorf("the registry says %+v", m)
	}
	f.wantNotices(f.sweepAfter(time.Hour))
}

// Ensure a run whose patient release gave up gets its end, and what it had is
// released, by a sweep once that can be done; and that a person is told.
func TestSweepClosesARunWhoseReleaseGaveUp(t *testing.T) {
	const takes = 40 * time.Hour
	for _, w := range bothWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, w.example, w.scenario, refusingDeletion(takes))
			f.whenEntered("WaitForThroughput", f.stopExecution)
			run := f.interrupted(w, stepfunctions.Aborted, "WaitForThroughput")
			if run.End != "" || !run.Closed {
				t.Fatalf("the run ended %q, want it closed without an end", run.End)
			}
			told := f.sweepAfter(3 * time.Hour)
			f.wantNotices(told, fmt.Sprintf(`aws stepfunctions start-execution --state-machine-arn %s --input '{"executionArn":"%s","status":"FAILED"}'`, f.release().ARN, run.ExecutionARN))
			if !strings.Contains(told[0], f.deleteCommand(f.Bedrock.Billed()[0])) {
				t.Errorf("told %q, want the command that deletes it", told)
			}
			f.wantNotices(f.sweepAfter(takes), "This sweep released what it had")
			if run = f.run(run.ID); run.End != finetune.EndFailed || run.Unreleased != nil {
				t.Errorf("the run ended %q (%s), want %s", run.End, run.Cause, finetune.EndFailed)
			}
			f.boughtAndReleased(1)
			f.wantNotices(f.sweepAfter(time.Hour))
		})
	}
}

// Ensure a record that sends callers to what was deleted from outside is told.
func TestSweepTellsWhatIsGone(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	run, _ := f.train("support", conversation("first"), finetune.EndDeployed)
	f.wantNotices(f.sweepAfter(100 * time.Hour))
	if _, err := f.Operator().Bedrock.DeleteCustomModelDeployment(t.Context(), &awsbedrock.DeleteCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &run.Endpoint.ModelID}); err != nil {
		t.Fatal(err)
	}
	f.wantNotices(f.sweepAfter(time.Hour), run.Endpoint.ModelID)
	f.wantNotices(f.sweepAfter(time.Hour))
}

// Ensure CloudFormation deletes the schedule before it asks the stack to be wound
// up, so that no sweep starts then, and that one which began before is stopped or
// done, and makes nothing.
func TestNoSweepOnceTheStackGoes(t *testing.T) {
	t.Parallel()
	f := startSweeping(t)
	f.train("support", conversation("first"), finetune.EndDeployed)
	if before := f.Stack.Dependencies(f.Stack.Schedules[0].LogicalID); !slices.Contains(before, f.Stack.CustomResources[0].LogicalID) {
		t.Errorf("the schedule depends on %v, want the custom resource among them", before)
	}
	arn, err := f.StartSweep(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.deleteStack("SUCCESS")
	if execution := f.endOf(arn); execution.Status != stepfunctions.Succeeded && execution.Error != "StackDeleted" {
		t.Errorf("the sweep ended %s: %s: %s", execution.Status, execution.Error, execution.Cause)
	}
	f.noHourlyBill()
	if made := f.requests("bedrock:CreateProvisionedModelThroughput", ":custom-model/"); len(made) != 1 {
		t.Errorf("bought %d times, want once", len(made))
	}
}
