package main

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// capacity is what is published: the throughput, with the model and the data
// it serves.
func (h handler) capacity(in finetune.ThroughputInput) registry.Capacity {
	return registry.Capacity{
		Kind:          in.Throughput.Kind,
		ThroughputARN: in.Throughput.ARN,
		ModelARN:      in.Model.ARN,
		BaseModel:     in.Settings.BaseModel,
		Run:           *in.Run,
		Dataset:       *in.Training,
		PublishedAt:   h.now().UTC(),
	}
}

// publish makes the run's capacity what callers reach, unless a newer upload is
// served already, and then tidies up after what served before.
func (h handler) publish(ctx context.Context, c registry.Capacity, t finetune.Throughput) (finetune.Endpoint, error) {
	var none finetune.Endpoint
	record, err := h.store.Run(ctx, c.Run.ID)
	if err != nil {
		return none, err
	}
	if record.Throughput == nil || record.Throughput.ARN != t.ARN {
		return none, finetune.Errorf(finetune.RunClosed, "publishing run %s: its record does not hold throughput %s any more, so it was closed or resumed meanwhile", c.Run.ID, t.ARN)
	}
	c.Attempt, c.Rollback = record.Attempt(), record.Rollback
	model, err := h.store.UpdateModel(ctx, c.Run.Model, func(m *registry.Model) error {
		if _, done := m.Published(c.Run.ID, c.Attempt); done {
			return nil
		}
		if err := errors.Join(m.CheckOpen(c.Run, c.Attempt), m.CheckTurn(c.Run, c.Rollback)); err != nil {
			return err
		}
		if err := h.checkUndisturbed(ctx, *m, c); err != nil {
			return err
		}
		if err := h.checkStands(ctx, c, t); err != nil {
			return err
		}
		return m.Publish(c)
	})
	if err != nil {
		return none, err
	}
	if _, err := h.finishDeployed(ctx, model, c.Run.ID, c.Attempt); err != nil {
		return none, err
	}
	return finetune.Endpoint{Model: c.Run.Model, ModelID: c.ThroughputARN}, nil
}

// checkUndisturbed refuses, with kind Busy, to publish while another run is
// re-pointing a throughput of the model: what serves would be retired and deleted
// under it, or what it changes be published as this run's.
func (h handler) checkUndisturbed(ctx context.Context, m registry.Model, c registry.Capacity) error {
	l := m.Lease
	if l == nil || l.Buying() || l.Run.ID == c.Run.ID {
		return nil
	}
	return h.checkEnded(ctx, l.Run)
}

// checkStands refuses to publish a provisioned throughput that was found standing
// and does not serve the run's model any more: it was found without a lease, so
// another rollback may have re-pointed it since it was tried.
func (h handler) checkStands(ctx context.Context, c registry.Capacity, t finetune.Throughput) error {
	if c.Kind != finetune.KindProvisioned || t.Change != finetune.ChangeFound {
		return nil
	}
	desired, out, err := h.lookAt(ctx, c.ThroughputARN)
	switch {
	case err != nil:
		return err
	case out.Status == types.ProvisionedModelStatusUpdating:
		return busyUpdating(c.ThroughputARN, desired)
	case desired != c.ModelARN:
		return finetune.Errorf(finetune.ThroughputFailed, "publishing run %s: %s serves %s by now, and no longer %s; it was re-pointed since it was tried", c.Run.ID, c.ThroughputARN, desired, c.ModelARN)
	}
	return nil
}

// finishDeployed does what is left once an attempt of a run is published, as often as it is
// called: it records the end, deletes what nothing serves from any more, and
// writes the report.
func (h handler) finishDeployed(ctx context.Context, m registry.Model, id finetune.RunID, attempt int) (registry.Run, error) {
	c, _ := m.Published(id, attempt)
	record, err := h.recordDeployed(ctx, c, nil)
	if err != nil {
		return record, err
	}
	left, err := h.deleteRetired(ctx, m)
	if err != nil || left == nil {
		return record, err
	}
	return h.recordDeployed(ctx, c, left)
}

// recordDeployed writes the end Deployed into the run's record and its report,
// with what of earlier runs is left. A later attempt of the run has its own end.
func (h handler) recordDeployed(ctx context.Context, c registry.Capacity, left []string) (registry.Run, error) {
	now := h.now().UTC()
	record, err := h.store.UpdateRun(ctx, c.Run.ID, func(r *registry.Run) error {
		if r.Attempt() != c.Attempt {
			return errNotOurs
		}
		r.Endpoint = &finetune.Endpoint{Model: c.Run.Model, ModelID: c.ThroughputARN}
		r.Closed, r.End, r.Error, r.Cause, r.Unreleased = false, finetune.EndDeployed, "", joined(left...), left
		if r.EndedAt == nil {
			r.EndedAt = &now
		}
		return nil
	})
	if errors.Is(err, errNotOurs) {
		return record, nil
	}
	if err != nil {
		return record, err
	}
	return record, h.store.ReportRun(ctx, record.ID)
}

// deleteRetired deletes the capacities that nothing serves from any more. What
// a commitment holds stays on the list for the next publication to try again;
// it is answered in words, a sentence each. The error is one that a retry may
// mend.
func (h handler) deleteRetired(ctx context.Context, m registry.Model) ([]string, error) {
	var left []string
	for _, c := range m.Retired {
		if err := h.checkUnleased(ctx, m, c.ThroughputARN, ""); err != nil {
			if kind, _ := finetune.KindOf(err); kind != finetune.Busy {
				return nil, err
			}
			continue // whoever takes it up publishes it, or leaves it on the list
		}
		kept, err := h.remove(ctx, c.Kind, c.ThroughputARN)
		if err != nil {
			return nil, err
		}
		if kept != "" {
			left = append(left, kept)
			continue
		}
		if _, err := h.store.UpdateModel(ctx, m.Name, func(now *registry.Model) error {
			now.DropRetired(c.ThroughputARN)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return left, nil
}
