package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// purchase is what a run wants capacity for.
type purchase struct {
	run      finetune.Run
	settings finetune.Settings
	model    finetune.Model
	// stack is the value of finetune.TagStack.
	stack string
	// attempt is how often the run was resumed; see [registry.Run.Attempt].
	attempt int
	// rollback is set when the attempt is one.
	rollback *registry.Rollback
	// resume is the command that goes on with the run once it ended.
	resume string
}

// token is the clientRequestToken of this attempt's purchase.
func (p purchase) token(kind string) *string {
	return aws.String(p.run.Token(fmt.Sprintf("%s-%d", kind, p.attempt)))
}

// tags name the owner of what is bought.
func (p purchase) tags() []types.Tag {
	return []types.Tag{
		{Key: aws.String(finetune.TagStack), Value: aws.String(p.stack)},
		{Key: aws.String(finetune.TagModel), Value: aws.String(p.run.Model)},
		{Key: aws.String(finetune.TagRun), Value: aws.String(string(p.run.ID))},
	}
}

// secure gives the run its capacity: on demand a deployment beside the one that
// serves, provisioned the throughput that serves already, re-pointed, or a new
// one. Whatever it does is written into the run's record first, so that nothing
// billed is ever without an owner.
func (h handler) secure(ctx context.Context, p purchase) (finetune.Throughput, error) {
	var none finetune.Throughput
	published, err := h.registered(ctx, p.run.Model)
	if err != nil {
		return none, err
	}
	record, err := h.store.Run(ctx, p.run.ID)
	if err != nil {
		return none, err
	}
	p.attempt, p.rollback, p.resume = record.Attempt(), record.Rollback, record.ResumeCommand()
	if err := published.CheckTurn(p.run, p.rollback); err != nil {
		return none, err
	}
	if made := record.Throughput; made != nil && made.ARN != "" && made.Change != finetune.ChangeUpdated && !record.Closed {
		return *made, nil
	}
	if kept, err := h.kept(ctx, p, published, record.Throughput); err != nil || kept.ARN != "" {
		return kept, err
	}
	switch p.settings.Serving.Mode {
	case finetune.ServeOnDemand:
		return h.deploy(ctx, p)
	case finetune.ServeProvisioned:
		return h.provision(ctx, p, published, record.Throughput)
	}
	return none, finetune.Errorf(finetune.SettingsRejected, "securing throughput for run %s: serving mode %q is neither %s nor %s", p.run.ID, p.settings.Serving.Mode, finetune.ServeOnDemand, finetune.ServeProvisioned)
}

// intend writes down what is about to be bought or re-pointed. What another try
// of the same made meanwhile is left standing.
func (h handler) intend(ctx context.Context, p purchase, t finetune.Throughput) error {
	_, err := h.store.UpdateOpenRun(ctx, p.run.ID, func(r *registry.Run) error {
		if r.Throughput == nil || r.Throughput.ARN == "" || r.Throughput.Change != t.Change {
			r.Throughput = &t
		}
		return nil
	})
	return err
}

// bought writes down what was made. A run that was closed meanwhile has nobody
// left to wait for it: it is deleted at once.
func (h handler) bought(ctx context.Context, p purchase, t finetune.Throughput) (finetune.Throughput, error) {
	_, err := h.store.UpdateOpenRun(ctx, p.run.ID, func(r *registry.Run) error {
		r.Throughput = &t
		return nil
	})
	if kind, _ := finetune.KindOf(err); kind == finetune.RunClosed {
		return t, errors.Join(err, h.abandon(ctx, p.run, t))
	}
	return t, err
}

// abandon deletes what was made for a run that was closed meanwhile.
func (h handler) abandon(ctx context.Context, run finetune.Run, t finetune.Throughput) error {
	left, err := h.remove(ctx, t.Kind, t.ARN)
	if err != nil {
		left = fmt.Sprintf("%s could not be deleted: %v. Delete it with: %s", t.ARN, err, deleteCommand(t.Kind, t.ARN))
	}
	return h.noteLeft(ctx, run, t, left)
}

// noteLeft writes what could not be undone into a closed run's record as its
// end, because no step follows that could say so.
func (h handler) noteLeft(ctx context.Context, run finetune.Run, t finetune.Throughput, left string) error {
	if left == "" {
		return nil
	}
	_, err := h.store.UpdateRun(ctx, run.ID, func(r *registry.Run) error {
		r.Throughput = &t
		if r.Error == "" {
			r.Error = string(finetune.RunClosed)
		}
		recordLeft(r, left)
		return nil
	})
	if err == nil {
		err = h.store.ReportRun(ctx, run.ID)
	}
	return errors.Join(errors.New(left), err)
}

// ours says whether a resource carries this stack's and this run's tags.
func (h handler) ours(ctx context.Context, arn string, run finetune.RunID) (bool, error) {
	out, err := h.bedrock.ListTagsForResource(ctx, &bedrock.ListTagsForResourceInput{ResourceARN: &arn})
	if code(err) == notFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the tags of %s: %w", arn, err)
	}
	found := map[string]string{}
	for _, tag := range out.Tags {
		found[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return found[finetune.TagStack] == h.stack && found[finetune.TagRun] == string(run), nil
}

// nameTaken is the error for a name that belongs to something else.
func nameTaken(p purchase, arn string) error {
	return finetune.Errorf(finetune.ThroughputFailed, "securing throughput for run %s: the name %s is taken by %s, which is not this run's or does not serve %s; delete or rename it, then run: %s", p.run.ID, p.run.Name(), arn, p.model.ARN, p.resume)
}

// nameLingers says whether a ValidationException, which is all that the two
// Create operations have for a name in use, may be about a name that nothing has
// by now: what an earlier attempt made was deleted moments ago, or what this one
// made does not show yet.
func nameLingers(p purchase, refusal error) bool {
	return p.attempt > 0 || strings.Contains(refusal.Error(), "in use")
}

// lingering is the error for such a name. It is tried again for half an hour,
// not for a day: the refusal may be about the model after all.
func lingering(p purchase, refusal error) error {
	return finetune.Errorf(finetune.Unavailable, "securing throughput for run %s: nothing has the name %s, and Bedrock refuses to make it for %s; what had the name may still be going: %w", p.run.ID, p.run.Name(), p.model.ARN, refusal)
}

// regionOf is the region in an ARN.
func regionOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 3 {
		return parts[3]
	}
	return ""
}
