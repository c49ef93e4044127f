package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
	"github.com/tuneline/tuneline/internal/teardown"
)

// quotaNovaMicro is the quota of model units of Nova Micro.
const quotaNovaMicro = "L-AC096F71"

// teardownTimeout is far more real time than a deletion takes here.
const teardownTimeout = time.Minute

// teardown is what "tuneline teardown" does, as an administrator, without its
// pauses.
func (f *fixture) teardown() teardown.Teardown {
	f.t.Helper()
	prices, err := catalog.LoadPrices()
	if err != nil {
		f.t.Fatal(err)
	}
	as := f.Administrator()
	return teardown.Teardown{
		Stacks: as.CloudFormation, Models: as.Bedrock, Networks: as.EC2, Objects: as.S3,
		Stack: f.Stack.Name, Region: f.Stack.Region, Prices: prices,
		Poll: 5 * time.Millisecond, Pause: 5 * time.Millisecond, Now: f.Clock.Now,
	}
}

// inventory is what there is of the stack.
func (f *fixture) inventory() teardown.Inventory {
	f.t.Helper()
	found, err := f.teardown().Inventory(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return found
}

// tearDown deletes the stack and follows that to its end.
func (f *fixture) tearDown(tell func(teardown.Event)) teardown.Deletion {
	f.t.Helper()
	d, err := f.teardown().Delete(f.t.Context(), f.inventory().Stack, teardownTimeout, tell)
	if err != nil {
		f.t.Fatal(err)
	}
	return d
}

// untold is for a deletion whose events do not matter.
func untold(teardown.Event) {}

// proof looks for what is left.
func (f *fixture) proof() teardown.Proof {
	f.t.Helper()
	p, err := f.teardown().Prove(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

// provesClean fails the test unless two looks in a row find nothing.
func (f *fixture) provesClean() {
	f.t.Helper()
	if p := f.proof(); !p.Clean() || len(p.Looks) != 2 {
		f.t.Errorf("the proof is %+v, want two looks that find nothing", p)
	}
	f.noHourlyBill()
}

// bothLive deploys one model on demand and one on a provisioned throughput.
func bothLive(t *testing.T, tuning string) *fixture {
	t.Helper()
	f := start(t, nova, "default", func(s *bedrock.Scenario) {
		s.ModelUnits = map[string]int{quotaUncommitted: 2, quotaNovaMicro: 2}
	})
	f.train("m", conversation("a"), finetune.EndDeployed)
	f.put(finetune.TuningKey("p"), tuning)
	f.answersAll()
	f.train("p", conversation("b"), finetune.EndDeployed)
	return f
}

// Ensure a stack with a live provisioned throughput and a live deployment is
// listed, taken away and proved to be gone; that what is kept is named in the
// order in which it may go; and that doing all of it twice changes nothing.
func TestTeardown(t *testing.T) {
	t.Parallel()
	f := bothLive(t, `{"serving":{"mode":"provisioned","modelUnits":2}}`)

	before := f.inventory()
	f.checkListed(before)
	if left := f.proof(); left.Clean() || len(left.Looks) != 1 || len(left.Left) != 7 {
		t.Errorf("of a stack that serves, the proof is %+v; want seven things left, at the first look", left)
	}
	f.checkKept(before)

	var told []string
	d := f.tearDown(func(e teardown.Event) { told = append(told, e.LogicalID+" "+e.Status) })
	custom, stack := f.Stack.CustomResources[0].LogicalID, f.Stack.Name
	want := []string{stack + " DELETE_IN_PROGRESS", custom + " DELETE_IN_PROGRESS", custom + " DELETE_COMPLETE", stack + " DELETE_COMPLETE"}
	if !d.Complete() || !slices.Equal(told, want) {
		t.Errorf("the deletion is %+v, told were %q; want %q", d, told, want)
	}
	f.boughtAndReleased(2)
	f.startsNothing()
	f.provesClean()

	after := f.inventory()
	if !after.Stack.Gone() || len(after.Kept.Models) != 2 {
		t.Errorf("afterwards there is %+v; want no stack and the models", after)
	}
	f.checkKept(after)
	f.provesClean()
	if n := len(f.Log.Find("cloudformation:DeleteStack")); n != 1 {
		t.Errorf("the stack was deleted %d times, want once", n)
	}
	f.deletedOnlyTheStack()
}

// checkListed holds what there is of a stack with both models live.
func (f *fixture) checkListed(found teardown.Inventory) {
	f.t.Helper()
	if len(found.Throughputs) != 1 || len(found.Deployments) != 1 || len(found.Kept.Models) != 2 || len(found.Jobs) != 0 || len(found.Endpoints) != 4 {
		f.t.Fatalf("there is %+v; want a throughput, a deployment, two models and four endpoints", found)
	}
	if got := found.Throughputs[0]; got.Units != 2 || got.BaseModel != catalog.DefaultBaseModel || got.CommittedUntil != nil {
		f.t.Errorf("the throughput is %+v", got)
	}
}

// deletedOnlyTheStack fails the test when the administrator's credentials were
// used for anything but to look, and to delete the stack.
func (f *fixture) deletedOnlyTheStack() {
	f.t.Helper()
	for _, c := range f.Log.All() {
		_, operation, _ := strings.Cut(c.Action, ":")
		looks := slices.ContainsFunc([]string{"List", "Describe", "Get"}, func(verb string) bool { return strings.HasPrefix(operation, verb) })
		if c.Principal.Role == administrator && !looks && operation != "DeleteStack" {
			f.t.Errorf("the command called %s", c.Action)
		}
	}
}

// checkKept holds what is kept, and the order in which it may be deleted: models
// first, the key last.
func (f *fixture) checkKept(found teardown.Inventory) {
	f.t.Helper()
	kept := found.Kept
	if kept.Bucket == nil || kept.Bucket.Name != f.Bucket() || kept.Bucket.Objects == 0 || kept.Key != f.dataKey().ARN {
		f.t.Fatalf("kept are %+v (bucket %+v); want bucket %s with its objects and key %s", kept, kept.Bucket, f.Bucket(), f.dataKey().ARN)
	}
	var commands []string
	for _, step := range kept.Steps {
		commands = append(commands, step.Commands...)
	}
	for i, m := range kept.Models {
		if want := "aws bedrock delete-custom-model --model-identifier " + m.ARN + " --region " + f.Stack.Region; !m.Ours || commands[i] != want {
			f.t.Errorf("the command %d is %q, want %q", i, commands[i], want)
		}
	}
	last := commands[len(commands)-1]
	if !strings.HasPrefix(last, "aws kms schedule-key-deletion --key-id "+kept.Key) {
		f.t.Errorf("the last command is %q; want the key's", last)
	}
}

// Ensure a commitment fails the deletion with ARN, date and command, in the
// reason and in the proof; and that the same command works once it has ended.
func TestTeardownWithACommitment(t *testing.T) {
	t.Parallel()
	f := bothLive(t, `{"serving":{"mode":"provisioned","modelUnits":1,"commitment":"OneMonth"}}`)
	committed := f.Bedrock.Throughputs()[0]
	ends := committed.CommitmentEnds.UTC().Format(time.RFC3339)
	if got := f.inventory().Throughputs[0]; !got.Held(f.Clock.Now()) || got.Commitment != "OneMonth" || got.CommittedUntil.UTC().Format(time.RFC3339) != ends {
		t.Errorf("listed is %+v, want it held until %s", got, ends)
	}

	d := f.tearDown(untold)
	if d.Complete() || len(d.Failures) != 1 || len(d.Next) != 2 {
		t.Fatalf("the deletion is %+v, want one that failed for one resource, with two ways on", d)
	}
	reason, resource := d.Failures[0].Reason, f.Stack.CustomResources[0].LogicalID
	command := "aws bedrock delete-provisioned-model-throughput --provisioned-model-id " + committed.ARN
	for _, want := range []string{committed.ARN, ends, command} {
		if !strings.Contains(reason, want) {
			t.Errorf("the reason is %q, want %q in it", reason, want)
		}
	}
	if strings.Contains(reason, "RequestId") || !strings.Contains(d.Next[1].Commands[0], "--retain-resources "+resource) {
		t.Errorf("the reason is %q, and the other way on %q", reason, d.Next[1].Commands)
	}
	f.checkHeld(committed.ARN, ends, command)

	f.Clock.AdvanceTo(committed.CommitmentEnds.Add(time.Minute))
	if d := f.tearDown(untold); !d.Complete() {
		t.Errorf("after the commitment's end the deletion is %+v", d)
	}
	f.boughtAndReleased(2)
	f.provesClean()
}

// checkHeld holds the proof of a stack that a commitment keeps: the throughput
// with its date, and what the stack itself is billed for, but no deployment.
func (f *fixture) checkHeld(arn, ends, command string) {
	f.t.Helper()
	left := f.proof().Left
	i := slices.IndexFunc(left, func(l teardown.Left) bool { return l.ID == arn })
	if len(left) != 6 || i < 0 {
		f.t.Fatalf("left are %+v; want the throughput %s, four endpoints and the stack", left, arn)
	}
	if l := left[i]; l.Until == nil || !strings.Contains(l.What, ends) || !strings.HasPrefix(l.Command, command) {
		f.t.Errorf("left is %+v, want it until %s, with the command %s", l, ends, command)
	}
}

// Ensure a run in progress is stopped with its job, ends with a report, and buys
// nothing after that.
func TestTeardownWhileARunGoesOn(t *testing.T) {
	tests := map[string]struct {
		way   way
		state string
		job   string
		bills int
	}{
		"training":             {onDemand, "WaitForJob", stopped, 0},
		"waiting to be served": {provisioned, "WaitForThroughput", trained, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, test.way.example, test.way.scenario)
			entered := make(chan func())
			f.whenEntered(test.state, func(string) { entered <- f.StepFunctions.Hold() })
			id := f.drop("m", "train.jsonl", test.way.data)
			release := <-entered
			found := f.inventory()
			if len(found.Jobs)+len(found.Throughputs) != 1 {
				t.Errorf("listed are %+v; want the job, or what it waits for", found)
			}
			d := f.tearDown(untold)
			release()
			if !d.Complete() {
				t.Errorf("the deletion is %+v", d)
			}
			if execution := f.end(); execution.Status != stepfunctions.Aborted || execution.Error != "StackDeleted" {
				t.Errorf("the execution ended %s (%s), want %s", execution.Status, execution.Error, stepfunctions.Aborted)
			}
			f.checkReleased(f.run(id), finetune.RunClosed, "status ABORTED", test.job, test.bills)
			f.startsNothing()
			f.provesClean()
		})
	}
}

// Ensure what a step is about to buy when its execution is stopped is found and
// released, though it comes after the stop.
func TestTeardownRacingAPurchase(t *testing.T) {
	for _, w := range bothWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, w.example, w.scenario)
			deleted := make(chan error, 1)
			var once sync.Once
			f.Log.SetHook(func(c calls.Call) *calls.Fault {
				if c.Action != w.create {
					return nil
				}
				once.Do(func() {
					go func() { _, err := f.DeleteStack(context.WithoutCancel(t.Context())); deleted <- err }()
					f.eventually("the execution is stopped", func() bool { return len(f.Log.Find("states:StopExecution")) > 0 })
				})
				return nil
			})
			id := f.drop("m", "train.jsonl", w.data)
			if err := <-deleted; err != nil {
				t.Fatal(err)
			}
			if status := f.StackStatus(); status != "DELETE_COMPLETE" {
				t.Errorf("the stack is %s", status)
			}
			f.end()
			f.checkReleased(f.run(id), finetune.RunClosed, "status ABORTED", trained, 1)
			f.provesClean()
		})
	}
}

// Ensure an upload at the moment the deletion begins, and an event that
// EventBridge delivers after its rule was disabled, start nothing that stays.
func TestTeardownRacingAnUpload(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	f.train("m", conversation("a"), finetune.EndDeployed)
	var id, late finetune.RunID
	var uploaded, delivered sync.Once
	f.Log.SetHook(func(c calls.Call) *calls.Fault {
		switch c.Action {
		case "events:DisableRule":
			uploaded.Do(func() { id = f.claimed(f.drop("m", "train.jsonl", conversation("b"))) })
		case "ec2:DescribeNetworkInterfaces": // the end of the first look
			delivered.Do(func() { late = f.claimed(f.dropLate("n", conversation("c"))) })
		}
		return nil
	})
	if d := f.tearDown(untold); !d.Complete() {
		t.Errorf("the deletion is %+v", d)
	}
	f.Log.SetHook(nil)
	if n := len(f.Log.Find("states:StopExecution")); n != 2 {
		t.Errorf("%d executions were stopped, want the upload's and the late event's", n)
	}
	f.end()
	for _, id := range []finetune.RunID{id, late} {
		if run := f.run(id); run.End != finetune.EndFailed || run.Error != string(finetune.RunClosed) {
			t.Errorf("run %s ended %s (%s), want %s (%s)", id, run.End, run.Error, finetune.EndFailed, finetune.RunClosed)
		}
	}
	f.boughtAndReleased(1)
	f.startsNothing()
	f.provesClean()
}

// claimed waits until a run has its record: one that is stopped before has none,
// and nothing to be released.
func (f *fixture) claimed(id finetune.RunID) finetune.RunID {
	f.eventually("the run is claimed", func() bool {
		_, err := f.Registry().Run(f.t.Context(), id)
		return err == nil
	})
	return id
}

// dropLate uploads a data set while the rule is disabled, and starts its
// execution as EventBridge does that has not yet heard of it.
func (f *fixture) dropLate(model, text string) finetune.RunID {
	id := f.drop(model, "train.jsonl", text)
	var event []byte
	for _, delivered := range f.Delivered() {
		if bytes.Contains(delivered, []byte(`"Object Created"`)) {
			event = delivered
		}
	}
	for _, r := range f.rules {
		if matches, err := r.pattern.Match(event); err != nil || !matches {
			continue
		}
		for _, target := range r.Targets {
			if err := f.deliverTo(f.t.Context(), r, target, event); err != nil {
				f.t.Error(err)
			}
		}
	}
	return id
}

// Ensure a deletion that was interrupted goes on by itself and is followed, not
// begun again, by the next command.
func TestTeardownInterrupted(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	f.train("m", conversation("a"), finetune.EndDeployed)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	_, err := f.teardown().Delete(ctx, f.inventory().Stack, teardownTimeout, func(teardown.Event) { interrupt() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want it interrupted", err)
	}
	found := f.inventory().Stack
	if !found.Gone() {
		d, err := f.teardown().Delete(t.Context(), found, teardownTimeout, untold)
		if err != nil || !d.Complete() {
			t.Errorf("following it ended %+v, %v", d, err)
		}
	}
	if n := len(f.Log.Find("cloudformation:DeleteStack")); n != 1 {
		t.Errorf("the stack was deleted %d times, want once", n)
	}
	f.provesClean()
}

// Ensure who may not delete the stack is told whose credentials it takes, and
// that nothing happened.
func TestTeardownRefused(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	f.train("m", conversation("a"), finetune.EndDeployed)
	stack := f.inventory().Stack
	f.Log.SetHook(func(c calls.Call) *calls.Fault {
		if c.Action != "cloudformation:DeleteStack" {
			return nil
		}
		return &calls.Fault{Status: http.StatusForbidden, Code: "AccessDenied", Message: "not authorized"}
	})
	if _, err := f.teardown().Delete(t.Context(), stack, teardownTimeout, untold); err == nil || !strings.Contains(err.Error(), "an administrator's credentials") {
		t.Errorf("refused with %v", err)
	}
	f.Log.SetHook(nil)
	f.ProtectStack(true)
	if _, err := f.teardown().Delete(t.Context(), f.inventory().Stack, teardownTimeout, untold); !errors.Is(err, teardown.ErrProtected) {
		t.Errorf("a protected stack is refused with %v", err)
	}
	if _, err := f.Administrator().CloudFormation.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &f.Stack.Name}); err == nil {
		t.Error("CloudFormation deletes a protected stack")
	}
	f.ProtectStack(false)
	if status := f.StackStatus(); status != "CREATE_COMPLETE" || len(f.Bedrock.Billed()) != 1 {
		t.Errorf("the stack is %s, billed are %+v; want nothing touched", status, f.Bedrock.Billed())
	}
	f.mustAnswer("m", question(2), fact("a", 2))
}
