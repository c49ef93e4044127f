package operator

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// Identity says who signs the requests. Nobody needs a permission for that
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).
type Identity interface {
	GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

// Answer is what an operator says to a run that asks.
type Answer struct {
	// Decision is registry.Approve or registry.Reject.
	Decision string
	// Purpose is one of finetune.Purposes, or "" for the one that is asked about.
	Purpose string
	// For is how long an approval counts; a rejection does not expire.
	For time.Duration
	// At is now.
	At time.Time
}

// Answered is what became of an answer.
type Answered struct {
	Approval registry.Approval
	// Spend is what was asked, with its price and the ceilings it crosses.
	Spend finetune.Spend
	// Run is the run's record after the answer was written: the run may have given
	// up meanwhile.
	Run registry.Run
}

// Ask returns what a run asks about, for a person to see before they answer. It
// refuses a run that asks nothing: an answer in advance would be one to a price
// that nobody has seen.
func Ask(ctx context.Context, store registry.Store, id finetune.RunID, purpose string) (registry.Run, finetune.Spend, error) {
	run, err := store.Run(ctx, id)
	if err != nil {
		return run, finetune.Spend{}, fmt.Errorf("reading run %s: %w", id, err)
	}
	asked := run.Asks()
	var purposes []string
	for _, spend := range asked {
		if spend.Purpose == purpose || purpose == "" && len(asked) == 1 {
			return run, spend, nil
		}
		purposes = append(purposes, spend.Purpose)
	}
	if asked == nil {
		return run, finetune.Spend{}, fmt.Errorf("run %s does not wait for an approval: %s", id, instead(run))
	}
	return run, finetune.Spend{}, fmt.Errorf("run %s asks about %s: name one of them with --purpose", id, strings.Join(purposes, " and "))
}

// instead is what a run does that does not ask.
func instead(run registry.Run) string {
	switch {
	case run.End != "":
		return fmt.Sprintf("it ended %s (%s)", run.End, run.Error)
	case run.Closed:
		return "it is being closed"
	}
	for _, purpose := range finetune.Purposes() {
		if spend := run.Spend[purpose]; spend.By != "" {
			return fmt.Sprintf("its %s is %s, by %s; what is under way is ended with: aws stepfunctions stop-execution --execution-arn %s", purpose, spend.Decision, spend.By, run.ExecutionARN)
		}
	}
	return "nothing of it has crossed a ceiling so far"
}

// Reply writes an operator's answer to what a run asks, naming who and, of an
// approval, until when. It takes the place of an earlier answer: what is there
// when the run looks counts.
func Reply(ctx context.Context, identity Identity, store registry.Store, id finetune.RunID, answer Answer) (Answered, error) {
	_, spend, err := Ask(ctx, store, id, answer.Purpose)
	if err != nil {
		return Answered{}, err
	}
	caller, err := identity.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Answered{}, fmt.Errorf("asking who answers for run %s: %w", id, err)
	}
	if aws.ToString(caller.Arn) == "" {
		return Answered{}, errors.New("AWS does not say who answers: the credentials have no ARN")
	}
	at := answer.At.UTC().Truncate(time.Second)
	approval := registry.Approval{
		Run: id, Purpose: spend.Purpose, Decision: answer.Decision, USD: spend.USD, By: aws.ToString(caller.Arn), At: at,
	}
	if answer.Decision == registry.Approve {
		approval.Until = at.Add(answer.For)
	}
	if err := store.WriteApproval(ctx, approval); err != nil {
		return Answered{}, fmt.Errorf("answering run %s: %w", id, err)
	}
	run, err := store.Run(ctx, id)
	if err != nil {
		return Answered{}, fmt.Errorf("the answer is written; reading run %s again: %w", id, err)
	}
	return Answered{Approval: approval, Spend: spend, Run: run}, nil
}

// LooksWithin is the longest time until a run that waits sees an answer that was
// given now.
func LooksWithin(spend finetune.Spend, now time.Time) time.Duration {
	if spend.Until == nil {
		return 0
	}
	deadline := time.Duration(spend.DeadlineSeconds) * time.Second
	waited := deadline - max(spend.Until.Sub(now), 0)
	w := finetune.Waiting{WaitedSeconds: int(waited / time.Second), DeadlineSeconds: spend.DeadlineSeconds}
	return time.Duration(w.NextForPerson().WaitSeconds) * time.Second
}
