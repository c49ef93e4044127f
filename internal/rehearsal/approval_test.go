package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/operator"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// asking is the article's stack with ceilings that both its training and its
// serving cross: the prices of its base model are not known.
const asking = "internal/rehearsal/testdata/asking"

// askSubject is the subject of the notice that asks.
const askSubject = "tuneline: a run waits for an approval"

// person is who answers, as GetCallerIdentity says.
type person string

func (p person) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	arn := string(p)
	return &sts.GetCallerIdentityOutput{Arn: &arn}, nil
}

// ann is an operator.
const ann = person("arn:aws:sts::" + AccountID + ":assumed-role/operator/ann")

// reply answers a run as an operator does.
func (f *fixture) reply(id finetune.RunID, decision string) (operator.Answered, error) {
	return operator.Reply(f.t.Context(), ann, f.Registry(), id, operator.Answer{Decision: decision, For: 24 * time.Hour, At: time.Now()})
}

// mustReply answers a run that must ask about a purpose.
func (f *fixture) mustReply(id finetune.RunID, decision, purpose string) {
	f.t.Helper()
	answered, err := f.reply(id, decision)
	if err != nil || answered.Spend.Purpose != purpose || answered.Approval.By != string(ann) {
		f.t.Errorf("answering %s: %+v, %v; want %s of %s", id, answered, err, decision, purpose)
	}
}

// whenWaiting calls act each time a run begins to wait for an approval, with the
// how manieth time it is.
func (f *fixture) whenWaiting(act func(n int, execution string)) {
	var mu sync.Mutex
	n := 0
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onEvent = append(f.onEvent, func(e stepfunctions.Event) {
		if e.Type != stepfunctions.Entered || e.State != "WaitForApproval" {
			return
		}
		mu.Lock()
		n++
		now := n
		mu.Unlock()
		act(now, e.Execution)
	})
}

// answersAll approves whatever the run asks, as soon as it asks.
func (f *fixture) answersAll() {
	f.whenWaiting(func(_ int, execution string) {
		if _, err := f.reply(f.runOf(execution), registry.Approve); err != nil {
			f.t.Error(err)
		}
	})
}

// asked returns the notices that asked people for an approval, in order.
func (f *fixture) asked() []string {
	f.t.Helper()
	var texts []string
	for _, n := range f.Notices() {
		if n.Subject != askSubject {
			continue
		}
		var text string
		if err := json.Unmarshal(n.Message, &text); err != nil {
			f.t.Fatal(err)
		}
		texts = append(texts, text)
	}
	return texts
}

// boughtNothing fails the test when anything was made in Bedrock, or asked for.
func (f *fixture) boughtNothing() {
	f.t.Helper()
	if made := f.Created(); len(made) != 0 || len(f.jobRequests()) != 0 || len(f.Bedrock.Ledger()) != 0 {
		f.t.Errorf("made %v, with %d requests for a job, billed %v; want nothing", made, len(f.jobRequests()), f.Bedrock.Ledger())
	}
}

// boughtNoThroughput fails the test when any was asked for.
func (f *fixture) boughtNoThroughput() {
	f.t.Helper()
	if bought := f.requests("bedrock:CreateProvisionedModelThroughput", ""); len(bought) != 0 || len(f.Bedrock.Ledger()) != 0 {
		f.t.Errorf("asked for %v, billed %v; want no throughput", bought, f.Bedrock.Ledger())
	}
}

// says checks that a text holds every one of wants.
func (f *fixture) says(text string, wants ...string) {
	f.t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			f.t.Errorf("%q does not say %q", text, want)
		}
	}
}

// spent checks what a run's record says of its spending: the decision, and who
// made it.
func (f *fixture) spent(run registry.Run, purpose, decision string, by person) {
	f.t.Helper()
	if spend := run.Spend[purpose]; spend.Decision != decision || spend.By != string(by) {
		f.t.Errorf("the record says of %s: %+v; want %s by %q", purpose, spend, decision, by)
	}
}

// Ensure a run whose prices are not known waits before its job and before its
// throughput, tells people once each with price and commands, buys nothing
// meanwhile, and goes on once an operator has approved.
func TestSpendingWaitsForAnApproval(t *testing.T) {
	t.Parallel()
	f := start(t, asking, "article")
	f.whenWaiting(func(n int, execution string) {
		id := f.runOf(execution)
		switch n {
		case 1, 2: // nobody answers at once
			f.boughtNothing()
		case 3:
			f.mustReply(id, registry.Approve, finetune.PurposeTraining)
		case 4, 5:
			f.boughtNoThroughput()
		case 6:
			f.mustReply(id, registry.Approve, finetune.PurposeServing)
		default:
			t.Errorf("it waits for the %dth time", n)
		}
	})
	run, _ := f.train("desk", promptCompletion("a"), finetune.EndDeployed)
	f.spent(run, finetune.PurposeTraining, finetune.DecisionGranted, ann)
	f.spent(run, finetune.PurposeServing, finetune.DecisionGranted, ann)
	if _, err := f.reply(run.ID, registry.Approve); err == nil || !strings.Contains(err.Error(), "does not wait") {
		t.Errorf("approving a deployed run: %v; want a refusal", err)
	}
	told := f.asked()
	if len(told) != 2 {
		t.Fatalf("people were asked %d times: %q; want once for each", len(told), told)
	}
	f.says(told[0], string(run.ID), "training model desk", "unknown price a job", "5 epochs", "training.maxUSD", "acceptUnknownPrice", "tuneline approve "+string(run.ID)+" --bucket "+f.Bucket(), "tuneline reject "+string(run.ID), "nothing bought")
	f.says(told[1], "serving model desk", "1 model unit", "unknown price an hour", "serving.maxHourlyUSD", "without commitment")
	f.mustAnswer("desk", question(1), fact("a", 1))
}

// Ensure a known price is told, and approved as it was told.
func TestKnownPriceIsApproved(t *testing.T) {
	t.Parallel()
	f := start(t, asking, "article")
	for _, quota := range []string{quotaUncommitted, quotaLlama70B} {
		f.Bedrock.GrantModelUnits(quota, 1)
	}
	f.put(finetune.TuningKey("desk"), `{"baseModel":"meta.llama3-1-70b-instruct-v1:0:128k"}`)
	f.answersAll()
	run, _ := f.train("desk", promptCompletion("a"), finetune.EndDeployed)
	told := f.asked()
	if len(told) != 2 {
		t.Fatalf("people were asked %d times: %q; want twice", len(told), told)
	}
	f.says(told[1], "24.00 USD an hour", "serving.maxHourlyUSD, which is 10.00 USD")
	var approval registry.Approval
	f.readJSON(finetune.ApprovalKey(run.ID, finetune.PurposeServing), &approval)
	if approval.USD == nil || *approval.USD != 24 || approval.Decision != registry.Approve || approval.Until.Sub(approval.At) != 24*time.Hour {
		t.Errorf("the approval is %+v; want 24 USD for a day", approval)
	}
}

// Ensure what was rejected is not bought: neither the training, nor, once a model
// is trained, what would serve it; and that the last word counts.
func TestRejectedSpendingBuysNothing(t *testing.T) {
	t.Parallel()
	f := start(t, asking, "article")
	f.whenWaiting(func(n int, execution string) {
		id := f.runOf(execution)
		switch n {
		case 1:
			f.mustReply(id, registry.Approve, finetune.PurposeTraining)
			f.mustReply(id, registry.Reject, finetune.PurposeTraining)
		case 2: // of the resumed run; its training is approved
			f.mustReply(id, registry.Reject, finetune.PurposeServing)
		}
	})
	run, execution := f.train("desk", promptCompletion("a"), finetune.EndFailed)
	f.boughtNothing()
	f.spent(run, finetune.PurposeTraining, finetune.DecisionRefused, ann)
	if run.Error != string(finetune.SpendRefused) || execution.Error != run.Error {
		t.Errorf("the run ended with %s, the execution with %s; want SpendRefused", run.Error, execution.Error)
	}
	f.says(run.Cause, string(ann), "rejected", "Nothing was bought", "tuneline approve "+string(run.ID), "tuneline resume "+string(run.ID))

	f.mustReply(run.ID, registry.Approve, finetune.PurposeTraining)
	run = f.resumed(run.ID, finetune.EndFailed)
	f.boughtNoThroughput()
	f.spent(run, finetune.PurposeTraining, finetune.DecisionGranted, ann)
	f.spent(run, finetune.PurposeServing, finetune.DecisionRefused, ann)
	f.says(run.Cause, run.CustomModel.ARN, "is kept")

	run = f.resumed(run.ID, finetune.EndFailed) // the rejection stands
	f.boughtNoThroughput()
	if run.Error != string(finetune.SpendRefused) || len(f.asked()) != 2 {
		t.Errorf("the run ended with %s after asking %d times; want SpendRefused, and no question more", run.Error, len(f.asked()))
	}
	f.mustReply(run.ID, registry.Approve, finetune.PurposeServing)
	run = f.resumed(run.ID, finetune.EndDeployed)
	if n := len(f.jobRequests()); n != 1 {
		t.Errorf("%d requests for a job, want 1", n)
	}
	f.mustAnswer("desk", question(1), fact("a", 1))
	f.servesOnly(run)
}

// resumed resumes a run and waits for its end.
func (f *fixture) resumed(id finetune.RunID, want string) registry.Run {
	f.t.Helper()
	arn, err := f.resume(id)
	if err != nil {
		f.t.Fatal(err)
	}
	execution, err := f.Wait(f.t.Context(), arn)
	if err != nil {
		f.t.Fatal(err)
	}
	run := f.run(id)
	f.checkEnd(run, execution, want)
	return run
}

// Ensure a run that nobody answers gives up after the configured time with
// nothing bought, that it can be approved then and resumed, before and after its
// training, and that a standing approval is not asked for again.
func TestUnansweredSpendingGivesUp(t *testing.T) {
	t.Parallel()
	f := start(t, asking, "article")
	run, execution := f.train("desk", promptCompletion("a"), finetune.EndNeedsOperator)
	f.boughtNothing()
	if waited := execution.Stop.Sub(execution.Start); waited < 72*time.Hour || waited > 75*time.Hour {
		t.Errorf("it waited %s, want approval.giveUpAfter", waited)
	}
	if run.Error != string(finetune.SpendUnanswered) || execution.Error != run.Error || run.Job != nil || len(f.asked()) != 1 {
		t.Errorf("the run ended with %s, the execution with %s, job %v, asked %q; want SpendUnanswered after one question", run.Error, execution.Error, run.Job, f.asked())
	}
	f.says(run.Cause, "training model desk", "unknown price", "Nothing was bought", "tuneline approve "+string(run.ID)+" --bucket "+f.Bucket(), "tuneline resume "+string(run.ID))

	f.mustReply(run.ID, registry.Approve, finetune.PurposeTraining)
	f.boughtNothing() // an approval alone does nothing after the end
	run = f.resumed(run.ID, finetune.EndNeedsOperator)
	f.boughtNoThroughput()
	if run.Error != string(finetune.SpendUnanswered) || run.CustomModel == nil || len(f.asked()) != 2 {
		t.Errorf("the resumed run ended with %s, model %v, asked %q; want a trained model, and one question more", run.Error, run.CustomModel, f.asked())
	}
	f.mustReply(run.ID, registry.Approve, finetune.PurposeServing)
	run = f.resumed(run.ID, finetune.EndDeployed)
	if n := len(f.jobRequests()); n != 1 || len(f.asked()) != 2 || len(run.EarlierExecutionARNs) != 2 {
		t.Errorf("%d requests for a job, %d questions, earlier executions %v; want one training and no question more", n, len(f.asked()), run.EarlierExecutionARNs)
	}
	f.mustAnswer("desk", question(1), fact("a", 1))
}

// Ensure a run that is stopped while it waits buys nothing, whatever is approved
// afterwards.
func TestStoppedWhileWaitingBuysNothing(t *testing.T) {
	t.Parallel()
	f := start(t, asking, "article")
	f.whenWaiting(func(_ int, execution string) { f.stopExecution(execution) })
	id := f.drop("desk", "train.jsonl", promptCompletion("a"))
	if execution := f.end(); execution.Status != stepfunctions.Aborted {
		t.Fatalf("the execution ended %s; want it stopped", execution.Status)
	}
	run := f.run(id)
	if run.End != finetune.EndFailed || run.Error != string(finetune.RunClosed) {
		t.Errorf("the run ended %s with %s; want Failed, RunClosed", run.End, run.Error)
	}
	if _, err := f.reply(id, registry.Approve); err == nil || !strings.Contains(err.Error(), "ended Failed") {
		t.Errorf("approving a run that was stopped: %v; want a refusal", err)
	}
	now := time.Now().UTC()
	late := registry.Approval{Run: id, Purpose: finetune.PurposeTraining, Decision: registry.Approve, By: string(ann), At: now, Until: now.Add(time.Hour)}
	if err := f.Registry().WriteApproval(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	f.Clock.Advance(24 * time.Hour)
	f.boughtNothing()
}

// Ensure an approval that cannot be understood or is another run's is told of in
// the record and lets nothing go on, and that a notice which cannot be sent does
// not keep a run from being approved.
func TestBadApprovalIsIgnored(t *testing.T) {
	t.Parallel()
	f := start(t, asking, "article")
	f.Log.SetHook(func(c calls.Call) *calls.Fault {
		if c.Action == "sns:Publish" {
			return &calls.Fault{Status: 403, Code: "AuthorizationErrorException", Message: "not now"}
		}
		return nil
	})
	f.whenWaiting(func(n int, execution string) {
		id := f.runOf(execution)
		key := finetune.ApprovalKey(id, finetune.PurposeTraining)
		switch n {
		case 1:
			f.putAsOperator(key, `{"decision":"yes"`)
		case 2:
			f.says(f.run(id).Spend[finetune.PurposeTraining].Ignored, key, "no approval")
			f.putAsOperator(key, fmt.Sprintf(`{"run":"0123456789abcdef","purpose":"training","decision":"approve","usd":null,"by":%q,"at":%q,"until":%q}`, ann, time.Now().Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339)))
		case 3:
			f.says(f.run(id).Spend[finetune.PurposeTraining].Ignored, "about another run or purpose")
			f.boughtNothing()
			f.mustReply(id, registry.Approve, finetune.PurposeTraining)
		case 4:
			f.mustReply(id, registry.Approve, finetune.PurposeServing)
		}
	})
	run, _ := f.train("desk", promptCompletion("a"), finetune.EndDeployed)
	if spend := run.Spend[finetune.PurposeTraining]; spend.Ignored != "" || spend.By != string(ann) {
		t.Errorf("the record says %+v; want it granted by %s, and nothing ignored", spend, ann)
	}
	if told := f.asked(); len(told) != 0 {
		t.Errorf("people were told %q through a topic that refuses", told)
	}
}

// putAsOperator writes an object by hand.
func (f *fixture) putAsOperator(key, text string) {
	bucket := f.Bucket()
	if _, err := f.Operator().S3.PutObject(f.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(text)}); err != nil {
		f.t.Error(err)
	}
}

// Ensure a second upload whose throughput is only re-pointed asks for its training
// alone, since nothing more is paid by the hour; and that it does not buy another
// unasked when that throughput is gone by the time it is to be re-pointed.
func TestRepointingIsNotAskedFor(t *testing.T) {
	tests := map[string]struct {
		// gone deletes what serves between the question and the purchase.
		gone bool
		want string
	}{
		"re-pointed": {false, finetune.EndDeployed},
		"gone":       {true, finetune.EndNeedsOperator},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, asking, "article")
			f.answersAll()
			first, _ := f.train("desk", promptCompletion("a"), finetune.EndDeployed)
			if test.gone {
				f.whenEntered("SecureThroughput", func(string) { f.deleteAsOperator(f.Bedrock.Billed()[0]) })
			}
			second, _ := f.train("desk", promptCompletion("b"), test.want)
			if told := f.asked(); len(told) != 3 || !strings.Contains(told[2], "training model desk") {
				t.Errorf("asked %q; want the first run's two questions, and the second's training", told)
			}
			if bought := f.requests("bedrock:CreateProvisionedModelThroughput", ":custom-model/"); len(bought) != 1 {
				t.Errorf("bought %d throughputs, want the first run's alone", len(bought))
			}
			if !test.gone {
				f.spent(second, finetune.PurposeServing, finetune.DecisionGranted, "")
				f.servesOnly(second)
				return
			}
			f.noHourlyBill()
			if second.Error != string(finetune.SpendUnanswered) || f.model("desk").Lease != nil {
				t.Errorf("the second run ended with %s (%s), and the lease is %v; want SpendUnanswered and none", second.Error, second.Cause, f.model("desk").Lease)
			}
			f.mustReply(second.ID, registry.Approve, finetune.PurposeServing)
			second = f.resumed(second.ID, finetune.EndDeployed)
			f.mustAnswer("desk", question(1), fact("b", 1))
			if len(f.asked()) != 3 || second.Endpoint.ModelID == first.Endpoint.ModelID {
				t.Errorf("asked %d times, served from %s; want no question more, and a new throughput", len(f.asked()), second.Endpoint.ModelID)
			}
		})
	}
}

// Ensure a run below every ceiling is neither asked about nor kept waiting: on
// demand by default, and provisioned as the article's example says.
func TestNothingOverACeilingAsksNobody(t *testing.T) {
	for _, w := range bothWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, w.example, w.scenario)
			run, execution := f.train("desk", w.data, finetune.EndDeployed)
			f.spent(run, finetune.PurposeTraining, finetune.DecisionGranted, "")
			f.spent(run, finetune.PurposeServing, finetune.DecisionGranted, "")
			if told := f.asked(); len(told) != 0 || slices.Contains(execution.States, "WaitForApproval") {
				t.Errorf("asked %q, in states %v; want no question", told, execution.States)
			}
		})
	}
}

// Ensure more epochs than training.maxEpochs are asked for before the job, whatever
// they cost, and trained once they are approved; and that fewer ask nobody.
func TestManyEpochsAreAskedFor(t *testing.T) {
	t.Parallel()
	f := startSweeping(t)
	f.put(finetune.TuningKey("few"), `{"hyperparameters":{"epochCount":"3"}}`)
	f.train("few", conversation("a"), finetune.EndDeployed)
	if told := f.asked(); len(told) != 0 {
		t.Fatalf("asked %q of three epochs; want no question", told)
	}
	f.whenWaiting(func(n int, execution string) {
		if n == 1 { // nobody answers at once
			if jobs := f.jobRequests(); len(jobs) != 1 {
				t.Errorf("%d jobs were asked for before an answer, want the other model's", len(jobs))
			}
			return
		}
		f.mustReply(f.runOf(execution), registry.Approve, finetune.PurposeTraining)
	})
	f.put(finetune.TuningKey("many"), `{"hyperparameters":{"epochCount":"4"}}`)
	run, _ := f.train("many", conversation("b"), finetune.EndDeployed)
	f.spent(run, finetune.PurposeTraining, finetune.DecisionGranted, ann)
	told := f.asked()
	if len(told) != 1 || len(f.jobRequests()) != 2 {
		t.Fatalf("asked %q, and for %d jobs; want one question and two jobs", told, len(f.jobRequests()))
	}
	f.says(told[0], "training model many", "in 4 epochs", "4 epochs are more than training.maxEpochs, which is 3", run.ApproveCommand())
	f.mustAnswer("many", question(1), fact("b", 1))
}
