package registry

import (
	"context"
	"errors"
	"slices"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Publication names one publication of a model. A run has more than one once an
// operator went back to it.
type Publication struct {
	Run finetune.RunID `json:"run"`
	// Attempt is [Run.Attempt] at the publication.
	Attempt int `json:"attempt"`
}

// Rollback marks an attempt, and what it published, as an operator's wish to go
// back to a run.
type Rollback struct {
	// From is what served when it was asked for; nil when nothing did. A rollback
	// replaces that and nothing else.
	From *Publication `json:"from,omitempty"`
}

// publication is the name of what was published as c.
func (c Capacity) publication() Publication {
	return Publication{Run: c.Run.ID, Attempt: c.Attempt}
}

// CheckTurn refuses, with kind Superseded, what may not be published any more: an
// upload that is older than a published one, and a rollback when something was
// published since it was asked for. So a newer upload that is on its way wins
// over a rollback whichever of them is done first, and of two rollbacks the one
// that is done first stays.
func (m *Model) CheckTurn(run finetune.Run, r *Rollback) error {
	if r == nil {
		return m.CheckNewest(run)
	}
	if m.Serving == nil || r.From != nil && m.Serving.publication() == *r.From {
		return nil
	}
	return finetune.Errorf(finetune.Superseded, "model %s was to go back to run %s; since that was asked for, run %s was published", m.Name, run.ID, m.Serving.Run.ID)
}

// CheckRollback refuses, with kind SettingsRejected, to go back to a run that was
// never published, serves already, or has not ended.
func (m *Model) CheckRollback(run Run) error {
	published := func(c Capacity) bool { return c.Run.ID == run.ID }
	refuse := func(why string) error {
		return finetune.Errorf(finetune.SettingsRejected, "model %s cannot go back to run %s: %s", m.Name, run.ID, why)
	}
	switch {
	case !slices.ContainsFunc(m.History, published):
		return refuse("it was never published")
	case m.Serving != nil && published(*m.Serving) && !m.IsMissing(*m.Serving):
		return refuse("it is what serves the model already")
	case run.End == "":
		return refuse("it is still going on, in execution " + run.ExecutionARN)
	case run.CustomModel == nil:
		return refuse("its record names no trained model")
	}
	return nil
}

// Rollback makes executionARN the owner of a run that was published before, so
// that it is served again from its trained model. The model's record is read
// after the run's, whose write fails if the run changed meanwhile: so the run is
// not taken while an attempt of it is publishing.
func (s Store) Rollback(ctx context.Context, id finetune.RunID, executionARN string) (Run, error) {
	return s.UpdateRun(ctx, id, func(r *Run) error {
		if r.ExecutionARN == executionARN {
			return nil
		}
		if err := r.checkBarred(executionARN); err != nil {
			return err
		}
		m, err := s.Model(ctx, r.Model)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		m.Name = r.Model
		if err := m.CheckRollback(*r); err != nil {
			return err
		}
		rollback := &Rollback{}
		if m.Serving != nil {
			from := m.Serving.publication()
			rollback.From = &from
		}
		r.begin(executionARN, rollback)
		return nil
	})
}

// Find returns what the registry says of a throughput in its care: one that
// serves, is kept, or is to be deleted after a publication.
func (m *Model) Find(throughputARN string) (Capacity, bool) {
	for _, c := range []*Capacity{m.Serving, m.Previous} {
		if c != nil && c.ThroughputARN == throughputARN {
			return *c, true
		}
	}
	for _, c := range m.Retired {
		if c.ThroughputARN == throughputARN {
			return c, true
		}
	}
	return Capacity{}, false
}

// Owns says whether a throughput is in the registry's care. No run that fails may
// delete it.
func (m *Model) Owns(throughputARN string) bool {
	_, owned := m.Find(throughputARN)
	return owned
}

// takeBack takes a throughput that is to serve again off the lists of those that
// are kept and of those that are to be deleted.
func (m *Model) takeBack(throughputARN string) {
	if m.Previous != nil && m.Previous.ThroughputARN == throughputARN {
		m.Previous = nil
	}
	m.DropRetired(throughputARN)
}
