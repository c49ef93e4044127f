package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// Rollback is one that was started.
type Rollback struct {
	Model string `json:"model"`
	// From is the run that was served when it was asked for, "" for none; To the
	// one to be served again.
	From finetune.RunID `json:"from"`
	To   finetune.RunID `json:"to"`
	// Way says in words what is made or bought for it.
	Way          string `json:"way"`
	ExecutionARN string `json:"executionArn"`
}

// RollBack starts an execution that serves an earlier run of a model again: to, or
// the one that was published before the one served when to is "". Whether it can
// is decided once, by the execution's first step; what is plain from the records is
// refused here already. Asking twice starts one execution.
func RollBack(ctx context.Context, starter Starter, store registry.Store, machineARN, model string, to finetune.RunID) (Rollback, error) {
	m, err := store.Model(ctx, model)
	if errors.Is(err, registry.ErrNotFound) {
		return Rollback{}, fmt.Errorf("no run of model %s was ever published: %w", model, err)
	}
	if err != nil {
		return Rollback{}, fmt.Errorf("reading model %s: %w", model, err)
	}
	if to == "" {
		if to, err = before(m); err != nil {
			return Rollback{}, err
		}
	}
	if !slices.ContainsFunc(m.History, func(c registry.Capacity) bool { return c.Run.ID == to }) {
		return Rollback{}, fmt.Errorf("run %s of model %s was never published. %s", to, model, published(m))
	}
	run, err := store.Run(ctx, to)
	if err != nil {
		return Rollback{}, fmt.Errorf("reading run %s: %w", to, err)
	}
	if err := m.CheckRollback(run); err != nil {
		return Rollback{}, fmt.Errorf("%w. %s", err, published(m))
	}
	r := Rollback{Model: model, To: to, Way: way(m, run)}
	if m.Serving != nil {
		r.From = m.Serving.Run.ID
	}
	r.ExecutionARN, err = start(ctx, starter, machineARN, run, toRollBack)
	return r, err
}

// before is the run that was published before the one that is served. What is
// served was published last; after a rollback the one before it is what was rolled
// back from.
func before(m registry.Model) (finetune.RunID, error) {
	if m.Serving == nil {
		return "", fmt.Errorf("nothing serves model %s, so no run is the one before it: name one with --to. %s", m.Name, published(m))
	}
	for _, c := range slices.Backward(m.History) {
		if c.Run.ID != m.Serving.Run.ID {
			return c.Run.ID, nil
		}
	}
	return "", fmt.Errorf("model %s has nothing to go back to: run %s is the only one that was ever published", m.Name, m.Serving.Run.ID)
}

// published lists the publications of a model, the last one first.
func published(m registry.Model) string {
	var runs []string
	for _, c := range slices.Backward(m.History) {
		runs = append(runs, fmt.Sprintf("%s (%s)", c.Run.ID, c.PublishedAt.UTC().Format(time.RFC3339)))
	}
	if runs == nil {
		return "Nothing of it was ever published"
	}
	return "Published were, the last one first: " + strings.Join(runs, ", ")
}

// way says what the execution will do to serve a run again, by the records alone:
// what Bedrock has is for the execution to see.
func way(m registry.Model, run registry.Run) string {
	if c := m.Previous; c != nil && c.Run.ID == run.ID {
		return "its deployment is kept: that takes seconds, and nothing is bought"
	}
	settings := finetune.Settings{}
	if run.Report != nil {
		settings = run.Report.Settings
	}
	if settings.Serving.Mode != finetune.ServeProvisioned {
		return "a new deployment of its model is made: that takes minutes, and nothing is billed by the hour"
	}
	bought := fmt.Sprintf("%d model units of provisioned throughput are bought, billed by the hour", settings.Serving.ModelUnits)
	if m.Serving != nil && !m.IsMissing(*m.Serving) && m.Serving.Kind == finetune.KindProvisioned && m.Serving.BaseModel == settings.BaseModel {
		return "the provisioned throughput that serves is re-pointed to its model, callers being answered meanwhile; only if units or commitment differ, " + bought
	}
	return bought + "; what serves until then is released or kept after that"
}
