package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/strict"
)

// spending is what may be spent without asking, and what things cost.
type spending struct {
	ceilings finetune.Ceilings
	prices   *catalog.Prices
	region   string
}

// newSpending reads the stack's ceilings and the price table.
func newSpending(env lambdaenv.Throughput) (spending, error) {
	prices, err := catalog.LoadPrices()
	if err != nil {
		return spending{}, err
	}
	s := spending{prices: prices, region: env.Region}
	if err := strict.Decode([]byte(env.Ceilings), lambdaenv.MaxVariable, &s.ceilings); err != nil {
		return spending{}, fmt.Errorf("decoding the stack's ceilings: %w", err)
	}
	if s.ceilings.GiveUpSeconds < 1 {
		return spending{}, fmt.Errorf("the stack's ceilings give up after %d seconds", s.ceilings.GiveUpSeconds)
	}
	return s, nil
}

// request is what ApproveSpend asks about.
type request struct {
	executionARN string
	run          finetune.Run
	settings     finetune.Settings
	// tokens is the estimate of the training data's, for one epoch.
	tokens int64
	// spend is what was answered before, or the purpose alone.
	spend finetune.Spend
}

// approve says whether the run may spend. Under every ceiling it may; over one it
// asks, and answers what an operator has decided meanwhile. It buys nothing.
func (h handler) approve(ctx context.Context, in finetune.ThroughputInput) (finetune.Spend, error) {
	if in.Run == nil || in.Settings == nil || in.Training == nil || in.Spend == nil || !slices.Contains(finetune.Purposes(), in.Spend.Purpose) {
		return finetune.Spend{}, lacksFields(in.Action)
	}
	r := request{executionARN: in.ExecutionARN, run: *in.Run, settings: *in.Settings, tokens: in.Training.Tokens, spend: *in.Spend}
	record, err := h.store.Run(ctx, r.run.ID)
	if err != nil {
		return finetune.Spend{}, err
	}
	if record.Closed || record.ExecutionARN != r.executionARN {
		return finetune.Spend{}, finetune.Errorf(finetune.RunClosed, "run %s was closed, or resumed by another execution, while its spending was looked at; nothing is bought for it here any more", r.run.ID)
	}
	spend, err := h.decide(ctx, record, r)
	if err != nil {
		return finetune.Spend{}, err
	}
	if spend.Decision == finetune.DecisionWaiting && spend.Ignored == record.Spend[spend.Purpose].Ignored {
		return spend, nil
	}
	return spend, h.noteSpend(ctx, r.run.ID, r.executionARN, spend)
}

// decide compares the price with the ceilings, and over one of them with an
// operator's word. What an earlier attempt has trained stands in the record as it
// was granted, with who allowed it.
func (h handler) decide(ctx context.Context, record registry.Run, r request) (finetune.Spend, error) {
	if earlier := record.Spend[r.spend.Purpose]; r.trained(record) && earlier.Decision == finetune.DecisionGranted {
		return earlier, nil
	}
	quote := h.spending.quote(r)
	spend := r.spend
	spend.USD, spend.Unit, spend.Reasons = quote.USD, quote.Unit, h.spending.ceilings.Crossed(quote)
	spend.Notice, spend.FailureMessage, spend.Ignored, spend.By = "", "", "", ""
	if spend.Reasons != nil {
		paid, err := h.paid(ctx, record, r)
		if err != nil {
			return spend, err
		}
		if paid {
			spend.Reasons = nil
		}
	}
	if spend.Reasons == nil {
		spend.Reasons, spend.Decision = []string{}, finetune.DecisionGranted
		return spend, nil
	}
	return spend, h.ask(ctx, record, r, &spend)
}

// quote is the price of what is asked about.
func (s spending) quote(r request) finetune.Quote {
	return s.prices.Quote(s.region, r.spend.Purpose, r.settings, r.tokens)
}

// paid says whether nothing more is bought: the run's job was made already, as of
// a run that is resumed, or the model has a provisioned throughput that is only
// re-pointed, or only served from again, as after a rollback to what a commitment
// holds. The latter may change before the throughput is secured; so checkGranted
// asks once more.
func (h handler) paid(ctx context.Context, record registry.Run, r request) (bool, error) {
	if r.trained(record) {
		return true, nil
	}
	published, err := h.registered(ctx, r.run.Model)
	if err != nil {
		return false, err
	}
	// Nobody is asked about what will not be served, nor is that trained once
	// somebody has answered: days may have passed.
	if err := published.CheckTurn(r.run, record.Rollback); err != nil {
		return false, err
	}
	if r.spend.Purpose == finetune.PurposeTraining {
		return false, nil
	}
	_, found, err := h.reusable(ctx, r.settings, published)
	return found, err
}

// trained says whether it is asked about a job that was made already.
func (r request) trained(record registry.Run) bool {
	return r.spend.Purpose == finetune.PurposeTraining && (record.CustomModel != nil || record.Job != nil && record.Job.ARN != "")
}

// ask fills in what an operator has decided, or what they are told.
func (h handler) ask(ctx context.Context, record registry.Run, r request, spend *finetune.Spend) error {
	word, ignored, err := h.word(ctx, record.ID, *spend)
	if err != nil {
		return err
	}
	spend.Ignored = ignored
	switch word.Decision {
	case registry.Approve:
		spend.Decision, spend.By = finetune.DecisionGranted, word.By
		return nil
	case registry.Reject:
		spend.Decision, spend.By, spend.FailureMessage = finetune.DecisionRefused, word.By, rejected(r, *spend, word)
		return nil
	}
	if spend.DeadlineSeconds == 0 { // the first look: people are told next
		until := h.now().UTC().Add(time.Duration(h.spending.ceilings.GiveUpSeconds) * time.Second).Truncate(time.Second)
		spend.Decision, spend.Until, spend.Waiting = finetune.DecisionAsked, &until, finetune.NewWaiting(h.spending.ceilings.GiveUpSeconds)
	} else {
		spend.Decision, spend.Waiting = finetune.DecisionWaiting, spend.NextForPerson()
	}
	spend.Notice, spend.FailureMessage = notice(record, r, *spend), unanswered(r, *spend)
	return nil
}

// word is an operator's word that counts, or the zero value; ignored says in words
// why one that was found does not.
func (h handler) word(ctx context.Context, id finetune.RunID, spend finetune.Spend) (word registry.Approval, ignored string, err error) {
	word, err = h.store.Approval(ctx, id, spend.Purpose)
	if errors.Is(err, registry.ErrNotFound) {
		return registry.Approval{}, "", nil
	}
	if err == nil {
		err = word.Check(id, spend.Purpose, spend.USD, h.now())
	} else if !errors.Is(err, registry.ErrMalformed) {
		return registry.Approval{}, "", err
	}
	if err != nil {
		ignored = fmt.Sprintf("%s does not count: %v", finetune.ApprovalKey(id, spend.Purpose), err)
		slog.Warn("approval ignored", "run", id, "purpose", spend.Purpose, "reason", ignored)
		return registry.Approval{}, ignored, nil
	}
	return word, "", nil
}

// noteSpend writes into the run's record what it is about to spend. A question
// stands as asked there for as long as nobody answers.
func (h handler) noteSpend(ctx context.Context, id finetune.RunID, executionARN string, spend finetune.Spend) error {
	if spend.Decision == finetune.DecisionWaiting {
		spend.Decision = finetune.DecisionAsked
	}
	spend.Notice, spend.FailureMessage = "", "" // told, and in the end's cause
	_, err := h.store.UpdateOpenRun(ctx, id, func(r *registry.Run) error {
		if r.ExecutionARN != executionARN {
			return finetune.Errorf(finetune.RunClosed, "run %s was resumed by another execution", id)
		}
		if r.Spend == nil {
			r.Spend = map[string]finetune.Spend{}
		}
		r.Spend[spend.Purpose] = spend
		return nil
	})
	return err
}

// checkGranted is asked right before a provisioned throughput is bought: whether
// that is still under the ceiling, or approved. ApproveSpend has asked before; but
// it may have found one to re-point that is gone by now, and an approval may have
// expired or been taken back while a lease was waited for.
func (h handler) checkGranted(ctx context.Context, p purchase) error {
	record, err := h.store.Run(ctx, p.run.ID)
	if err != nil {
		return err
	}
	r := request{run: p.run, settings: p.settings, spend: finetune.Spend{Purpose: finetune.PurposeServing}}
	quote := h.spending.quote(r)
	reasons := h.spending.ceilings.Crossed(quote)
	if reasons == nil {
		return nil
	}
	spend := finetune.Spend{Purpose: quote.Purpose, USD: quote.USD, Unit: quote.Unit, Reasons: reasons}
	if err := h.ask(ctx, record, r, &spend); err != nil {
		return err
	}
	if spend.Decision == finetune.DecisionGranted {
		return nil
	}
	kind := finetune.SpendUnanswered
	if spend.Decision == finetune.DecisionRefused {
		kind = finetune.SpendRefused
	}
	if err := h.noteSpend(ctx, p.run.ID, record.ExecutionARN, spend); err != nil {
		return err
	}
	return finetune.Errorf(kind, "%s", spend.FailureMessage)
}

// what names what is about to be paid for, with its price.
func (r request) what(spend finetune.Spend) string {
	s := r.settings
	if spend.Purpose == finetune.PurposeTraining {
		epochs := "Bedrock's own number of"
		if n, known := catalog.Epochs(s); known {
			epochs = strconv.Itoa(n)
		}
		return fmt.Sprintf("training model %s from base model %s on about %d tokens in %s epochs, at %s", r.run.Model, s.BaseModel, r.tokens, epochs, spend.Price())
	}
	term := "without commitment"
	if s.Serving.Commitment != "" {
		term = "with the commitment " + s.Serving.Commitment + ", which cannot be deleted before its term ends and renews itself"
	}
	units := "1 model unit"
	if s.Serving.ModelUnits != 1 {
		units = fmt.Sprintf("%d model units", s.Serving.ModelUnits)
	}
	return fmt.Sprintf("serving model %s by a provisioned throughput of %s of base model %s %s, at %s", r.run.Model, units, s.BaseModel, term, spend.Price())
}

// because names the ceilings that are crossed, and what is wrong with an answer
// that was found.
func because(spend finetune.Spend) string {
	return joined("It asks because "+strings.Join(spend.Reasons, ", and because "), spend.Ignored)
}

// notice is what people are told who can approve.
func notice(record registry.Run, r request, spend finetune.Spend) string {
	return joined(
		fmt.Sprintf("Run %s waits for an operator to approve %s", record.ID, r.what(spend)), because(spend),
		"To let it go on: "+record.ApproveCommand(),
		"To end it: "+record.RejectCommand(),
		fmt.Sprintf("Without an answer until %s it ends with nothing bought", spend.Until.Format(time.RFC3339)),
	)
}

// unanswered is what a run ends with that nobody answered.
func unanswered(r request, spend finetune.Spend) string {
	return joined(fmt.Sprintf("Run %s ended without an approval of %s", r.run.ID, r.what(spend)), because(spend))
}

// rejected is what a run ends with that was rejected.
func rejected(r request, spend finetune.Spend, word registry.Approval) string {
	return joined(fmt.Sprintf("%s rejected, at %s, that run %s pays for %s", word.By, word.At.UTC().Format(time.RFC3339), r.run.ID, r.what(spend)))
}

// spendNextStep is what the reader does about a run that ended over its spending.
func spendNextStep(record registry.Run) string {
	kept := "Nothing was bought."
	switch {
	case record.Rollback != nil:
		kept = "Nothing was bought, and what callers reach did not change."
	case record.CustomModel != nil:
		kept = "Nothing was bought to serve it, and the trained model " + trained(record) + " is kept."
	}
	return fmt.Sprintf("%s To go on all the same, approve it with: %s and then go on with: %s.", kept, record.ApproveCommand(), record.ResumeCommand())
}
