package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// Times of what nobody owns and of commitments.
const (
	// orphanAge is how old capacity must be before it can be taken for an orphan:
	// a run's purchase and its record are apart for moments, so an hour is ample.
	orphanAge = time.Hour
	// orphanNotice is how long before its deletion an orphan was told.
	orphanNotice = time.Hour
	renewsWeek   = 7 * 24 * time.Hour
	renewsDay    = 24 * time.Hour
)

// bought is capacity that carries the stack's tag.
type bought struct {
	kind, arn string
	created   time.Time
	// changed is when it was last changed, by the pipeline or by hand.
	changed time.Time
	// committedUntil is the end of the term, nil without a commitment. The term renews by
	// itself (https://docs.aws.amazon.com/bedrock/latest/userguide/prov-thru-delete.html).
	committedUntil *time.Time
	// model and run are what the tags say.
	model string
	run   finetune.RunID
}

// find lists the capacity that carries the stack's tag.
func (s *sweeping) find(ctx context.Context) (map[string]bought, error) {
	found := map[string]bought{}
	throughputs := bedrock.NewListProvisionedModelThroughputsPaginator(s.bedrock, &bedrock.ListProvisionedModelThroughputsInput{})
	for throughputs.HasMorePages() {
		page, err := throughputs.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing provisioned throughputs: %w", err)
		}
		for _, t := range page.ProvisionedModelSummaries {
			c := bought{kind: finetune.KindProvisioned, arn: aws.ToString(t.ProvisionedModelArn), created: aws.ToTime(t.CreationTime), changed: aws.ToTime(t.LastModifiedTime), committedUntil: t.CommitmentExpirationTime}
			if err := s.addOurs(ctx, found, c); err != nil {
				return nil, err
			}
		}
	}
	deployments := bedrock.NewListCustomModelDeploymentsPaginator(s.bedrock, &bedrock.ListCustomModelDeploymentsInput{})
	for deployments.HasMorePages() {
		page, err := deployments.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing deployments: %w", err)
		}
		for _, d := range page.ModelDeploymentSummaries {
			c := bought{kind: finetune.KindDeployment, arn: aws.ToString(d.CustomModelDeploymentArn), created: aws.ToTime(d.CreatedAt)}
			if err := s.addOurs(ctx, found, c); err != nil {
				return nil, err
			}
		}
	}
	s.answer.Seen = len(found)
	return found, nil
}

// addOurs adds capacity if its tags say that it is the stack's.
func (s *sweeping) addOurs(ctx context.Context, found map[string]bought, c bought) error {
	tags, err := s.tagsOf(ctx, c.arn)
	if err != nil {
		return err
	}
	if tags[finetune.TagStack] == s.stack {
		c.model, c.run = tags[finetune.TagModel], finetune.RunID(tags[finetune.TagRun])
		found[c.arn] = c
	}
	return nil
}

// tagsOf reads the tags of a resource; what has gone has none.
func (h handler) tagsOf(ctx context.Context, arn string) (map[string]string, error) {
	out, err := h.bedrock.ListTagsForResource(ctx, &bedrock.ListTagsForResourceInput{ResourceARN: &arn})
	if code(err) == notFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the tags of %s: %w", arn, err)
	}
	tags := map[string]string{}
	for _, tag := range out.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

// sweepCapacity tells of a commitment's end, and of what nobody owns.
func (s *sweeping) sweepCapacity(ctx context.Context, c bought, models []registry.Model) {
	s.tellRenewal(c)
	if run, open := s.open[c.run]; open && !s.abandoned(run) {
		return
	}
	for _, m := range models {
		if holds(m, c.arn) {
			return
		}
	}
	if s.at.Sub(c.created) < orphanAge {
		return
	}
	// The second look: much has happened since the lists were read, by this very
	// sweep and by others.
	owned, err := s.owned(ctx, c)
	if err != nil || owned {
		s.fail(err)
		return
	}
	s.answer.Orphans++
	s.sweepOrphan(ctx, c)
}

// tellRenewal tells of a commitment that renews soon, a week and a day before.
func (s *sweeping) tellRenewal(c bought) {
	if c.committedUntil == nil || s.at.After(*c.committedUntil) {
		return
	}
	kind := ""
	switch left := c.committedUntil.Sub(s.at); {
	case left <= renewsDay:
		kind = finetune.TellRenewsDay
	case left <= renewsWeek:
		kind = finetune.TellRenewsWeek
	default:
		return
	}
	s.tell(kind, c.arn, *c.committedUntil, "The commitment of %s (%s) ends on %s and renews by itself for another term, which cannot be deleted before its own end. "+
		"Nothing deletes it before that date. If it is not wanted any longer, delete it right after that: %s", c.arn, owner(c), day(*c.committedUntil), deleteCommand(c.kind, c.arn))
}

// owner is what the tags say, for a notice.
func owner(c bought) string {
	return fmt.Sprintf("model %s, run %s", orNone(c.model), orNone(string(c.run)))
}

func orNone(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

// sweepOrphan tells of capacity that nobody owns. Where it is configured, it is
// deleted once that was told.
func (s *sweeping) sweepOrphan(ctx context.Context, c bought) {
	release := s.sweeper.rules.Orphans == finetune.OrphansRelease
	next := "Nothing deletes it but you"
	if release {
		next = "A later sweep deletes it (serving.orphans is release), unless a run or a model has it by then"
	}
	billed := "is billed by the hour"
	if c.kind == finetune.KindDeployment {
		billed = "costs nothing by the hour, and takes a place in a quota"
	}
	s.tell(finetune.TellOrphan, c.arn, c.created, "%s (%s), made on %s, carries this stack's tag, and no model's record and no run under way has it. It %s. %s: %s",
		c.arn, owner(c), day(c.created), billed, next, deleteCommand(c.kind, c.arn))
	told, known := s.toldBefore(finetune.TellOrphan, c.arn, c.created)
	if !release || !known || s.at.Sub(told) < orphanNotice {
		return
	}
	kept, err := s.remove(ctx, c.kind, c.arn)
	switch {
	case err != nil:
		s.fail(err)
	case kept != "":
		s.tellKept(c.arn, c.created, c.committedUntil, kept)
	default:
		s.answer.Released++
		s.tellDone(ctx, finetune.TellOrphanReleased, c.arn, c.created, "%s (%s), which nobody owned, was deleted", c.arn, owner(c))
	}
}

// owned looks whether capacity has an owner, or has gone: first at the run, then
// at the model, for a purchase is one's before it is the other's; and last whether
// it is there at all, since its owner may have deleted it meanwhile and no longer
// have it.
func (s *sweeping) owned(ctx context.Context, c bought) (bool, error) {
	if owned, err := s.hasOwner(ctx, c); err != nil || owned {
		return owned, err
	}
	state := s.provisionedState
	if c.kind == finetune.KindDeployment {
		state = s.deploymentState
	}
	_, _, err := state(ctx, c.arn)
	if code(err) == notFound {
		return true, nil // what has gone is nobody's orphan
	}
	return false, err
}

// hasOwner looks whether the records say that capacity is somebody's.
func (s *sweeping) hasOwner(ctx context.Context, c bought) (bool, error) {
	if c.run != "" {
		run, err := s.store.Run(ctx, c.run)
		if err != nil && !errors.Is(err, registry.ErrNotFound) {
			return false, err
		}
		if err == nil && run.End == "" && !s.abandoned(run) {
			return true, nil
		}
	}
	if !isModel(c.model) {
		return false, nil
	}
	m, err := s.registered(ctx, c.model)
	return holds(m, c.arn), err
}

// isModel says whether a tag's value can be a model's name.
func isModel(name string) bool { return finetune.CheckModelName(name) == nil }

// tellKept tells of what is to be deleted and cannot be, once a term.
func (s *sweeping) tellKept(arn string, since time.Time, committedUntil *time.Time, kept string) {
	if committedUntil != nil {
		since = *committedUntil
	}
	s.tell(finetune.TellKept, arn, since, "Nothing serves from %s any more, and it is to be deleted. %s. Every sweep tries again", arn, kept)
}
