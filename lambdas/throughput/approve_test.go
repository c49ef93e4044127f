package main

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/registry"
)

// prices is a table of one base model.
var prices = &catalog.Prices{Rows: []catalog.Price{
	{BaseModel: "base", Region: "us-east-1", Item: catalog.ItemTraining, USD: 0.01},
	{BaseModel: "base", Region: "us-east-1", Item: catalog.ItemUnitHour, USD: 24},
}}

// unasked lets everything pass, and asksAll nothing.
var (
	unasked = spending{prices: prices, region: "us-east-1", ceilings: finetune.Ceilings{HourlyUSD: 1e6, AcceptUnknownPrice: true, GiveUpSeconds: 3600}}
	asksAll = spending{prices: prices, region: "us-east-1", ceilings: finetune.Ceilings{TrainingUSD: 1, Epochs: 1, GiveUpSeconds: 3600}}
)

// epochs are settings of five epochs, served by a provisioned throughput.
var epochs = finetune.Settings{
	BaseModel: "base", CustomizationType: "FINE_TUNING", Hyperparameters: map[string]string{"epochCount": "5"},
	Serving: finetune.Serving{Mode: finetune.ServeProvisioned, ModelUnits: 1},
}

// spends asks for the nth run as the state machine does, after what it was
// answered before.
func (w *world) spends(t *testing.T, n int, s finetune.Settings, before finetune.Spend) (finetune.Spend, error) {
	t.Helper()
	out, err := w.Handle(t.Context(), finetune.ThroughputInput{
		Action: finetune.ActionApprove, ExecutionARN: execution(n), Run: ptr(run(n)), Settings: &s,
		Training: &finetune.Accepted{Tokens: 100_000}, Spend: &before,
	})
	spend, _ := out.(finetune.Spend)
	return spend, err
}

// claimed claims the nth run and brings it past its check.
func (w *world) claimed(t *testing.T, n int) {
	t.Helper()
	_, err := w.store.Claim(t.Context(), registry.Run{
		ID: run(n).ID, Model: "support", Dataset: upload(n), ExecutionARN: execution(n), ClaimedAt: noon,
		Report: &finetune.Report{Outcome: finetune.OutcomeAccepted, Run: run(n)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// answers writes an operator's word on the nth run, given at noon for an hour.
func (w *world) answers(t *testing.T, n int, purpose, decision string, usd *float64) {
	t.Helper()
	err := w.store.WriteApproval(t.Context(), registry.Approval{
		Run: run(n).ID, Purpose: purpose, Decision: decision, USD: usd, By: "arn:aws:sts::111122223333:assumed-role/operator/ann", At: noon, Until: noon.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	training = finetune.Spend{Purpose: finetune.PurposeTraining}
	serving  = finetune.Spend{Purpose: finetune.PurposeServing}
)

// Ensure what is under every ceiling is granted at once, with its price in the
// record, and that no question is asked.
func TestSpendUnderCeilingIsGranted(t *testing.T) {
	w := newWorld()
	w.claimed(t, 1)
	for want, asked := range map[float64]finetune.Spend{0.01 * 100 * 5: training, 24: serving} {
		spend, err := w.spends(t, 1, epochs, asked)
		if err != nil || spend.Decision != finetune.DecisionGranted || spend.USD == nil || *spend.USD != want || spend.Notice != "" || spend.Until != nil || len(spend.Reasons) != 0 {
			t.Errorf("got %+v, %v; want it granted at %v", spend, err, want)
		}
		if noted := w.record(t, 1).Spend[asked.Purpose]; noted.Decision != finetune.DecisionGranted || *noted.USD != want {
			t.Errorf("the record says %+v", noted)
		}
	}
	w.did(t)
}

// Ensure a commitment that is not the stack's own is asked for though its price
// passes, before it is bought as well as ahead of that.
func TestCommitmentIsAskedFor(t *testing.T) {
	committed := epochs
	committed.Serving.Commitment = "OneMonth"
	w := newWorld()
	w.trained(t, 1)
	spend, err := w.spends(t, 1, committed, serving)
	if err != nil || spend.Decision != finetune.DecisionAsked {
		t.Fatalf("got %+v, %v; want it asked", spend, err)
	}
	says(t, spend.Notice, "with the commitment OneMonth", "not the stack's own serving.commitment, which is none")
	_, err = w.secured(t, 1, committed)
	wantKind(t, err, finetune.SpendUnanswered, "OneMonth")
	w.spending.ceilings.Commitment = "OneMonth"
	if spend, err := w.spends(t, 1, committed, serving); err != nil || spend.Decision != finetune.DecisionGranted {
		t.Errorf("the stack's own: %+v, %v; want it granted", spend, err)
	}
}

// Ensure serving on demand is never asked for, though nothing else passes.
func TestOnDemandIsNeverAskedFor(t *testing.T) {
	w := newWorld()
	w.spending = asksAll
	w.claimed(t, 1)
	if spend, err := w.spends(t, 1, onDemand, serving); err != nil || spend.Decision != finetune.DecisionGranted {
		t.Errorf("got %+v, %v; want it granted", spend, err)
	}
}

// Ensure the question is asked once, each try of the same look answers the same,
// and waits grow to the deadline while nobody answers.
func TestSpendOverCeilingIsAsked(t *testing.T) {
	w := newWorld()
	w.spending = asksAll
	w.trained(t, 1)
	first, err := w.spends(t, 1, epochs, serving)
	if err != nil || first.Decision != finetune.DecisionAsked || first.WaitedSeconds != 0 || first.DeadlineSeconds != 3600 || !first.Until.Equal(noon.Add(time.Hour)) {
		t.Fatalf("got %+v, %v; want it asked, for an hour", first, err)
	}
	says(t, first.Notice, string(run(1).ID), "serving model support", "24.00 USD an hour", "serving.maxHourlyUSD", "tuneline approve "+string(run(1).ID)+" --bucket bucket", "tuneline reject", "2026-11-23T13:00:00Z")
	if again, err := w.spends(t, 1, epochs, serving); err != nil || again.Decision != finetune.DecisionAsked || again.Notice != first.Notice {
		t.Errorf("tried again: %+v, %v; want the same", again, err)
	}
	spend := first
	for spend.WaitedSeconds < spend.DeadlineSeconds {
		before := spend
		if spend, err = w.spends(t, 1, epochs, before); err != nil || spend.Decision != finetune.DecisionWaiting || spend.WaitedSeconds != before.WaitedSeconds+before.WaitSeconds || !spend.Until.Equal(*first.Until) {
			t.Fatalf("after %+v got %+v, %v; want it to wait on", before, spend, err)
		}
	}
	says(t, spend.FailureMessage, "without an approval of serving model support", "24.00 USD")
	w.noted(t, finetune.DecisionAsked, "")
	w.did(t)
}

// noted checks what the first run's record says of its serving.
func (w *world) noted(t *testing.T, decision, by string) {
	t.Helper()
	if noted := w.record(t, 1).Spend[finetune.PurposeServing]; noted.Decision != decision || noted.By != by {
		t.Errorf("the record says %+v; want %s by %q", noted, decision, by)
	}
}

// Ensure an operator's word ends the question, even when it is seen after the
// deadline, and is in the record with its writer.
func TestAnswerEndsTheQuestion(t *testing.T) {
	for decision, want := range map[string]string{registry.Approve: finetune.DecisionGranted, registry.Reject: finetune.DecisionRefused} {
		w := newWorld()
		w.spending = asksAll
		w.trained(t, 1)
		asked, err := w.spends(t, 1, epochs, serving)
		if err != nil {
			t.Fatal(err)
		}
		w.answers(t, 1, finetune.PurposeServing, decision, ptr(24.0))
		asked.WaitedSeconds = asked.DeadlineSeconds
		spend, err := w.spends(t, 1, epochs, asked)
		if err != nil || spend.Decision != want || spend.By != "arn:aws:sts::111122223333:assumed-role/operator/ann" {
			t.Errorf("answered %s: %+v, %v; want %s", decision, spend, err, want)
		}
		w.noted(t, want, "arn:aws:sts::111122223333:assumed-role/operator/ann")
		w.did(t)
	}
}

// Ensure an answer that does not count is told in words and waited on, and that
// the record is written once for it.
func TestAnswerThatDoesNotCount(t *testing.T) {
	tests := map[string]struct {
		write func(*testing.T, *world)
		want  string
	}{
		"malformed": {func(_ *testing.T, w *world) {
			w.bucket.objects[finetune.ApprovalKey(run(1).ID, "serving")] = []byte("yes")
		}, "no approval"},
		"too cheap":       {func(t *testing.T, w *world) { w.answers(t, 1, "serving", registry.Approve, ptr(23.0)) }, "given for 23.00 USD"},
		"price unknown":   {func(t *testing.T, w *world) { w.answers(t, 1, "serving", registry.Approve, nil) }, "not known"},
		"expired":         {func(t *testing.T, w *world) { w.answers(t, 1, "serving", registry.Approve, ptr(24.0)); w.now = later }, "expired"},
		"another purpose": {func(t *testing.T, w *world) { w.answers(t, 1, "training", registry.Approve, ptr(24.0)) }, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.spending = asksAll
			w.trained(t, 1)
			asked, err := w.spends(t, 1, epochs, serving)
			if err != nil {
				t.Fatal(err)
			}
			test.write(t, w)
			spend, err := w.spends(t, 1, epochs, asked)
			if err != nil || spend.Decision != finetune.DecisionWaiting || !strings.Contains(spend.Ignored, test.want) || (spend.Ignored == "") != (test.want == "") {
				t.Fatalf("got %+v, %v; want it to wait, and say %q", spend, err, test.want)
			}
			if noted := w.record(t, 1).Spend[finetune.PurposeServing]; noted.Ignored != spend.Ignored || noted.Decision != finetune.DecisionAsked {
				t.Errorf("the record says %+v; want it asked, with what is ignored", noted)
			}
			w.bucket.before = func(key string) error { return errors.New("nothing new is to be written to " + key) }
			if _, err := w.spends(t, 1, epochs, spend); err != nil {
				t.Error(err)
			}
		})
	}
}

// later is after every approval of these tests.
func later() time.Time { return noon.Add(2 * time.Hour) }

// Ensure what is paid for already is not asked for: the training of a run that is
// resumed, and a throughput that is re-pointed; but one that cannot be is.
func TestWhatIsPaidIsNotAskedFor(t *testing.T) {
	w := newWorld()
	w.trained(t, 1) // has its model
	w.spending = asksAll
	if spend, err := w.spends(t, 1, epochs, training); err != nil || spend.Decision != finetune.DecisionGranted {
		t.Errorf("training again: %+v, %v; want it granted", spend, err)
	}
	w.spending = unasked
	served := w.secureAndPublish(t, 1)
	w.spending = asksAll
	w.claimed(t, 2)
	if spend, err := w.spends(t, 2, epochs, training); err != nil || spend.Decision != finetune.DecisionAsked {
		t.Errorf("training another: %+v, %v; want it asked", spend, err)
	}
	for name, test := range map[string]struct {
		change func(*finetune.Settings)
		want   string
	}{
		"the same":           {func(*finetune.Settings) {}, finetune.DecisionGranted},
		"two units":          {func(s *finetune.Settings) { s.Serving.ModelUnits = 2 }, finetune.DecisionAsked},
		"another base model": {func(s *finetune.Settings) { s.BaseModel = "other" }, finetune.DecisionAsked},
		"a commitment":       {func(s *finetune.Settings) { s.Serving.Commitment = "OneMonth" }, finetune.DecisionAsked},
	} {
		s := epochs
		test.change(&s)
		if spend, err := w.spends(t, 2, s, serving); err != nil || spend.Decision != test.want {
			t.Errorf("%s: got %s (%v), %v; want %s", name, spend.Decision, spend.Reasons, err, test.want)
		}
	}
	delete(w.fake.throughputs, served.ARN)
	if spend, err := w.spends(t, 2, epochs, serving); err != nil || spend.Decision != finetune.DecisionAsked {
		t.Errorf("once it is gone: %+v, %v; want it asked", spend, err)
	}
}

// secureAndPublish brings a trained run all the way.
func (w *world) secureAndPublish(t *testing.T, n int) finetune.Throughput {
	t.Helper()
	throughput, err := w.secured(t, n, epochs)
	if err != nil {
		t.Fatal(err)
	}
	w.ready(throughput.ARN)
	if _, err := w.published(t, n, epochs, throughput); err != nil {
		t.Fatal(err)
	}
	w.fake.calls = nil
	return throughput
}

// Ensure nobody is asked to pay for what would not be served.
func TestOlderRunIsNotAskedFor(t *testing.T) {
	w := newWorld()
	w.deployed(t, 2, provisioned)
	w.trained(t, 1)
	w.spending = asksAll
	_, err := w.spends(t, 1, epochs, serving)
	wantKind(t, err, finetune.Superseded)
}

// Ensure a run whose training is approved after a newer upload was published is
// not trained: it would never be served.
func TestOlderRunIsNotTrained(t *testing.T) {
	w := newWorld()
	w.claimed(t, 1)
	w.spending = asksAll
	asked, err := w.spends(t, 1, epochs, training)
	if err != nil || asked.Decision != finetune.DecisionAsked {
		t.Fatalf("got %+v, %v; want it asked", asked, err)
	}
	w.deployed(t, 2, onDemand)
	w.answers(t, 1, finetune.PurposeTraining, registry.Approve, asked.USD)
	_, err = w.spends(t, 1, epochs, asked)
	wantKind(t, err, finetune.Superseded, string(run(2).ID))
}

// Ensure a run that goes on from its model, resumed or rolled back to, keeps in its
// record who allowed its training, and at which price.
func TestWhoAllowedTheTrainingStays(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	allowed := finetune.Spend{Purpose: finetune.PurposeTraining, Decision: finetune.DecisionGranted, USD: ptr(7.0), Unit: finetune.UnitJob, Reasons: []string{"it is much"}, By: "arn:aws:sts::111122223333:assumed-role/operator/ann"}
	if _, err := w.store.UpdateRun(t.Context(), run(1).ID, func(r *registry.Run) error {
		r.Spend = map[string]finetune.Spend{finetune.PurposeTraining: allowed}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, w.spending = range []spending{unasked, asksAll} {
		spend, err := w.spends(t, 1, epochs, training)
		if err != nil || spend.Decision != finetune.DecisionGranted {
			t.Errorf("got %+v, %v; want it granted", spend, err)
		}
		if noted := w.record(t, 1).Spend[finetune.PurposeTraining]; !reflect.DeepEqual(noted, allowed) {
			t.Errorf("the record says %+v; want %+v", noted, allowed)
		}
	}
}

// Ensure going back to a run that has to be bought again is asked for, says that
// nothing changed when nobody answers, and is over once something else is
// published; a standing throughput is only re-pointed, which is not asked for.
func TestRollbackAsksForWhatItBuys(t *testing.T) {
	w := newWorld()
	first, second := epochs, epochs
	second.Serving.ModelUnits = 2
	w.deployed(t, 1, first)
	w.deployed(t, 2, second)
	w.goBack(t, 1)
	w.spending = asksAll
	ask := func(s finetune.Settings) (finetune.Spend, error) {
		out, err := w.Handle(t.Context(), finetune.ThroughputInput{
			Action: finetune.ActionApprove, ExecutionARN: execution(back(1)), Run: ptr(run(1)), Settings: &s,
			Training: &finetune.Accepted{Tokens: 100_000}, Spend: &finetune.Spend{Purpose: finetune.PurposeServing},
		})
		spend, _ := out.(finetune.Spend)
		return spend, err
	}
	if spend, err := ask(second); err != nil || spend.Decision != finetune.DecisionGranted {
		t.Errorf("what stands fits: %+v, %v; want it granted", spend, err)
	}
	spend, err := ask(first)
	if err != nil || spend.Decision != finetune.DecisionAsked {
		t.Fatalf("got %+v, %v; want it asked", spend, err)
	}
	closing := w.failedBack(t, 1, finetune.SpendUnanswered)
	if closing.End != finetune.EndNeedsOperator || len(w.record(t, 1).Asks()) != 1 {
		t.Errorf("it ended %+v, and asks %v; want an operator asked", closing, w.record(t, 1).Asks())
	}
	says(t, closing.Cause, "what callers reach did not change", "tuneline approve "+string(run(1).ID), rollbackCommand(1))

	w.spending = unasked
	w.deployed(t, 3, second)
	w.spending = asksAll
	if _, err := w.store.UpdateRun(t.Context(), run(1).ID, func(r *registry.Run) error { r.Closed, r.End = false, ""; return nil }); err != nil {
		t.Fatal(err)
	}
	_, err = ask(first)
	wantKind(t, err, finetune.Superseded)
}

// Ensure a run that was closed, or is another execution's by now, is granted
// nothing, even if that happens while it is looked at.
func TestClosedRunIsGrantedNothing(t *testing.T) {
	closes := func(r *registry.Run) error { r.Closed = true; return nil }
	resumes := func(r *registry.Run) error { r.ExecutionARN = execution(9); return nil }
	for name, change := range map[string]func(*registry.Run) error{"closed": closes, "resumed": resumes} {
		w := newWorld()
		w.claimed(t, 1)
		if _, err := w.store.UpdateRun(t.Context(), run(1).ID, change); err != nil {
			t.Fatal(err)
		}
		_, err := w.spends(t, 1, epochs, training)
		wantKind(t, err, finetune.RunClosed)

		w = newWorld()
		w.claimed(t, 1)
		w.bucket.before = func(string) error {
			w.bucket.before = nil
			_, err := w.store.UpdateRun(t.Context(), run(1).ID, change)
			return err
		}
		if spend, err := w.spends(t, 1, epochs, training); err == nil {
			t.Errorf("%s meanwhile: granted %+v", name, spend)
		} else {
			wantKind(t, err, finetune.RunClosed)
		}
	}
}

// Ensure the purchase itself asks once more: what nobody approved, or what was
// taken back since, is not bought, and can be approved afterwards.
func TestPurchaseAsksOnceMore(t *testing.T) {
	tests := map[string]struct {
		write func(*testing.T, *world)
		want  finetune.Kind
	}{
		"never approved": {func(*testing.T, *world) {}, finetune.SpendUnanswered},
		"approved":       {func(t *testing.T, w *world) { w.answers(t, 1, "serving", registry.Approve, ptr(24.0)) }, ""},
		"rejected since": {func(t *testing.T, w *world) { w.answers(t, 1, "serving", registry.Reject, ptr(24.0)) }, finetune.SpendRefused},
		"expired since":  {func(t *testing.T, w *world) { w.answers(t, 1, "serving", registry.Approve, ptr(24.0)); w.now = later }, finetune.SpendUnanswered},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.spending = asksAll
			w.trained(t, 1)
			test.write(t, w)
			_, err := w.secured(t, 1, epochs)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				w.did(t, "CreateProvisionedModelThroughput "+run(1).Name())
				return
			}
			wantKind(t, err, test.want, "serving model support", "24.00 USD")
			w.did(t)
			closing, err := w.released(t, 1, test.want, err.Error())
			if err != nil {
				t.Fatal(err)
			}
			wantEnd := map[finetune.Kind]string{finetune.SpendUnanswered: finetune.EndNeedsOperator, finetune.SpendRefused: finetune.EndFailed}[test.want]
			record := w.record(t, 1)
			if closing.End != wantEnd || closing.Error != string(test.want) || len(record.Asks()) != 1 || w.model(t).Lease != nil {
				t.Errorf("it ended %+v, asks %v, lease %v; want %s, the question, and no lease", closing, record.Asks(), w.model(t).Lease, wantEnd)
			}
			says(t, closing.Cause, modelARN(1), "is kept", record.ApproveCommand(), record.ResumeCommand())
			w.did(t)
		})
	}
}

// Ensure a purchase whose answer was lost is found again, even if its approval
// has expired meanwhile.
func TestPurchaseIsFoundAfterItsApprovalExpired(t *testing.T) {
	w := newWorld()
	w.spending = asksAll
	w.trained(t, 1)
	w.answers(t, 1, finetune.PurposeServing, registry.Approve, ptr(24.0))
	w.fake.after["CreateProvisionedModelThroughput"] = func() { w.bucket.before = func(string) error { return refused("InternalError") } }
	if _, err := w.secured(t, 1, epochs); err == nil {
		t.Fatal("the answer was to be lost")
	}
	w.bucket.before, w.now = nil, later
	throughput, err := w.secured(t, 1, epochs)
	if err != nil || throughput.ARN == "" {
		t.Errorf("got %+v, %v; want what was bought", throughput, err)
	}
	w.did(t, "CreateProvisionedModelThroughput "+run(1).Name())
}

// Ensure an unreadable environment ends the start, and a readable one is taken.
func TestNewSpending(t *testing.T) {
	for _, text := range []string{``, `{}`, `{"giveUpSeconds":0}`, `{"giveUpSeconds":3600,"trainingUSD":"1"}`, `{"giveUpSeconds":3600,"ceiling":1}`} {
		if s, err := newSpending(lambdaenv.Throughput{Region: "us-east-1", Ceilings: text}); err == nil {
			t.Errorf("%s was taken for %+v", text, s.ceilings)
		}
	}
	want := finetune.Ceilings{TrainingUSD: 1.5, Epochs: 2, HourlyUSD: 3, AcceptUnknownPrice: true, GiveUpSeconds: 3600}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := newSpending(lambdaenv.Throughput{Region: "us-east-1", Ceilings: string(text)}); err != nil || s.ceilings != want || s.region != "us-east-1" || len(s.prices.Rows) == 0 {
		t.Errorf("got %+v, %v; want %+v", s, err, want)
	}
}

// Ensure a purpose nobody knows is not taken for one that is free.
func TestUnknownPurpose(t *testing.T) {
	w := newWorld()
	w.claimed(t, 1)
	_, err := w.spends(t, 1, epochs, finetune.Spend{Purpose: "storage"})
	wantKind(t, err, finetune.Internal, "approve")
}
