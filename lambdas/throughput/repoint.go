package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// takeLease gives the run the lease that it wants: the right to re-point a
// provisioned throughput in the registry's care, or to buy another. A lease whose
// run ended is taken over; one whose run goes on is waited for.
func (h handler) takeLease(ctx context.Context, p purchase, published registry.Model, wanted registry.Lease) (registry.Lease, error) {
	seen := published.Lease
	if seen != nil && seen.Run.ID != p.run.ID {
		if err := h.checkEnded(ctx, seen.Run); err != nil {
			return registry.Lease{}, err
		}
	}
	m, err := h.store.UpdateModel(ctx, p.run.Model, func(m *registry.Model) error {
		if err := errors.Join(m.CheckTurn(p.run, p.rollback), m.CheckOpen(p.run, p.attempt)); err != nil {
			return err
		}
		if servingARN(*m) != servingARN(published) || !sameHolder(m.Lease, seen) || !wanted.Buying() && !m.Owns(wanted.ThroughputARN) {
			return finetune.Errorf(finetune.Busy, "taking the lease of model %s for run %s: another run has just changed its record; it is tried again", p.run.Model, p.run.ID)
		}
		m.Lease = &wanted
		return nil
	})
	if err != nil {
		return registry.Lease{}, err
	}
	return *m.Lease, nil
}

// servingARN is what serves a model, "" for nothing.
func servingARN(m registry.Model) string {
	if m.Serving == nil {
		return ""
	}
	return m.Serving.ThroughputARN
}

// sameHolder says whether two leases are held by the same run, or by none.
func sameHolder(a, b *registry.Lease) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Run.ID == b.Run.ID
}

// checkEnded refuses, with kind Busy, while the run that holds a lease goes on.
// A closed run holds it until its end is recorded, for it may still point the
// throughput back.
func (h handler) checkEnded(ctx context.Context, holder finetune.Run) error {
	record, err := h.store.Run(ctx, holder.ID)
	if errors.Is(err, registry.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if record.End == "" {
		return finetune.Errorf(finetune.Busy, "run %s is buying or changing the provisioned throughput of model %s; its turn must end first", holder.ID, holder.Model)
	}
	return nil
}

// checkUnleased refuses, with kind Busy, to touch a throughput that another run
// holds the lease to re-point.
func (h handler) checkUnleased(ctx context.Context, m registry.Model, throughputARN string, run finetune.RunID) error {
	if l := m.Lease; l != nil && l.ThroughputARN == throughputARN && l.Run.ID != run {
		return h.checkEnded(ctx, l.Run)
	}
	return nil
}

// repoint lets the leased provisioned throughput serve the run's model. Callers
// of one that serves go on being answered meanwhile, by the earlier model until the
// change is through.
func (h handler) repoint(ctx context.Context, p purchase, lease registry.Lease) (finetune.Throughput, error) {
	t := finetune.Throughput{
		Kind: finetune.KindProvisioned, ARN: lease.ThroughputARN, Status: updating,
		Change: finetune.ChangeUpdated, PreviousModelARN: lease.PreviousModelARN,
		Waiting: finetune.NewWaiting(finetune.ThroughputDeadlineSeconds),
	}
	desired, out, err := h.lookAt(ctx, lease.ThroughputARN)
	if code(err) == notFound {
		gone := finetune.Errorf(finetune.Unavailable, "re-pointing provisioned throughput %s for run %s: it was deleted meanwhile; the next try buys another: %w", lease.ThroughputARN, p.run.ID, err)
		return t, errors.Join(gone, h.dropLease(ctx, p.run))
	}
	if err != nil {
		return t, err
	}
	t.Name = aws.ToString(out.ProvisionedModelName)
	if desired == p.model.ARN {
		return h.repointed(ctx, p, lease, t)
	}
	if out.Status == types.ProvisionedModelStatusUpdating {
		return t, busyUpdating(lease.ThroughputARN, desired)
	}
	if err := h.intend(ctx, p, t); err != nil {
		return t, h.stepBack(ctx, p, lease, err)
	}
	if _, err := h.bedrock.UpdateProvisionedModelThroughput(ctx, repointInput(lease.ThroughputARN, p.model.ARN)); err != nil {
		return t, h.repointRefused(ctx, p, lease, err)
	}
	return h.repointed(ctx, p, lease, t)
}

// repointInput is the request to let a provisioned throughput serve a model.
func repointInput(throughputARN, modelARN string) *bedrock.UpdateProvisionedModelThroughputInput {
	return &bedrock.UpdateProvisionedModelThroughputInput{ProvisionedModelId: &throughputARN, DesiredModelId: &modelARN}
}

// repointed writes down that the change is under way; a run that was closed
// meanwhile takes it back.
func (h handler) repointed(ctx context.Context, p purchase, lease registry.Lease, t finetune.Throughput) (finetune.Throughput, error) {
	_, err := h.store.UpdateOpenRun(ctx, p.run.ID, func(r *registry.Run) error {
		r.Throughput = &t
		return nil
	})
	if kind, _ := finetune.KindOf(err); kind == finetune.RunClosed {
		left, undo := h.restore(ctx, p.run, lease, p.model.ARN)
		if undo != nil {
			left = fmt.Sprintf("%s could not be pointed back: %v. Once it is in service, run: %s", t.ARN, undo, repointCommand(t.ARN, lease.PreviousModelARN))
		}
		return t, errors.Join(err, h.noteLeft(ctx, p.run, t, left))
	}
	return t, err
}

// dropLease takes the run's lease off the model's record.
func (h handler) dropLease(ctx context.Context, run finetune.Run) error {
	_, err := h.store.UpdateModel(ctx, run.Model, func(m *registry.Model) error {
		if m.Lease != nil && m.Lease.Run.ID == run.ID {
			m.Lease = nil
		}
		return nil
	})
	return err
}

// giveBack drops the lease of a run that was closed meanwhile, if that is what
// err says; whoever closed the run may not have seen the lease.
func (h handler) giveBack(ctx context.Context, run finetune.Run, err error) error {
	if kind, _ := finetune.KindOf(err); kind == finetune.RunClosed {
		return errors.Join(err, h.dropLease(ctx, run))
	}
	return err
}

// stepBack is giveBack for a run that was about to re-point, which another try of
// the same step may have done: then the lease goes with what it has changed.
func (h handler) stepBack(ctx context.Context, p purchase, lease registry.Lease, err error) error {
	if kind, _ := finetune.KindOf(err); kind != finetune.RunClosed {
		return err
	}
	_, undo := h.restore(ctx, p.run, lease, p.model.ARN)
	return errors.Join(err, undo)
}

// repointRefused says what a refusal to re-point means.
func (h handler) repointRefused(ctx context.Context, p purchase, lease registry.Lease, refusal error) error {
	if code(refusal) != invalid {
		return fmt.Errorf("re-pointing provisioned throughput %s to %s: %w", lease.ThroughputARN, p.model.ARN, refusal)
	}
	if err := h.checkSettled(ctx, lease.ThroughputARN); err != nil {
		return err
	}
	return finetune.Errorf(finetune.ThroughputFailed, "re-pointing provisioned throughput %s to %s: Bedrock refuses: %w", lease.ThroughputARN, p.model.ARN, refusal)
}

// lookAt reads a provisioned throughput and the model it is asked to serve.
func (h handler) lookAt(ctx context.Context, arn string) (desired string, out *bedrock.GetProvisionedModelThroughputOutput, err error) {
	out, err = h.bedrock.GetProvisionedModelThroughput(ctx, &bedrock.GetProvisionedModelThroughputInput{ProvisionedModelId: &arn})
	if err != nil {
		return "", nil, fmt.Errorf("looking at provisioned throughput %s: %w", arn, err)
	}
	return aws.ToString(out.DesiredModelArn), out, nil
}

// checkSettled refuses, with kind Busy, while a provisioned throughput is being
// changed. It is asked after a ValidationException, which is all that
// UpdateProvisionedModelThroughput has for a change under way.
func (h handler) checkSettled(ctx context.Context, arn string) error {
	desired, out, err := h.lookAt(ctx, arn)
	if err == nil && out.Status == types.ProvisionedModelStatusUpdating {
		return busyUpdating(arn, desired)
	}
	return err
}

func busyUpdating(arn, desired string) error {
	return finetune.Errorf(finetune.Busy, "provisioned throughput %s is being changed to serve %s; that must end first", arn, desired)
}
