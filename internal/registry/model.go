package registry

import (
	"context"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Model is the record of one model, at registry/<model>.json: what serves it
// now, what served it before, and what is still to be deleted.
type Model struct {
	Name string `json:"name"`
	// Serving is what callers reach; nil until the first run is published, and after
	// a release.
	Serving *Capacity `json:"serving,omitempty"`
	// Previous is the deployment kept for an instant rollback.
	Previous *Capacity `json:"previous,omitempty"`
	// Retired are capacities that nothing serves from any more and that are to
	// be deleted; each leaves the list once it is.
	Retired []Capacity `json:"retired,omitempty"`
	// Lease is held by the run that is buying or updating a provisioned
	// throughput for the model.
	Lease *Lease `json:"lease,omitempty"`
	// Withdrawn are runs that must not be published any more: they were closed,
	// and what they bought is being released.
	Withdrawn []Withdrawal `json:"withdrawn,omitempty"`
	// Missing is the throughput that serves by this record, once a sweep found that it
	// was deleted from outside: the run may be gone back to then, though it serves.
	Missing string `json:"missing,omitempty"`
	// Released is the last time that what served was given up with nothing in its
	// place; it is history once something serves again.
	Released *Released `json:"released,omitempty"`
	// History holds every publication, oldest first.
	History []Capacity `json:"history,omitempty"`
}

// Capacity is a throughput with the model and the data it serves.
type Capacity struct {
	Kind          string       `json:"kind"`
	ThroughputARN string       `json:"throughputArn"`
	ModelARN      string       `json:"modelArn"`
	BaseModel     string       `json:"baseModel"`
	Run           finetune.Run `json:"run"`
	// Dataset is the checked copy the model was trained on.
	Dataset     finetune.Accepted `json:"dataset"`
	PublishedAt time.Time         `json:"publishedAt"`
	// Attempt is [Run.Attempt] at the publication: a run may be published again.
	Attempt int `json:"attempt,omitempty"`
	// Rollback is set when an operator went back to the run.
	Rollback *Rollback `json:"rollback,omitempty"`
}

// Lease is one run's right to buy a provisioned throughput for the model or to
// re-point the one that serves it. Whoever else wants either waits, so that two
// uploads never pay for two throughputs by the hour.
type Lease struct {
	Run finetune.Run `json:"run"`
	// ThroughputARN is what is re-pointed, PreviousModelARN what it served. Both
	// are empty while the run buys.
	ThroughputARN    string `json:"throughputArn,omitempty"`
	PreviousModelARN string `json:"previousModelArn,omitempty"`
}

// Buying says whether the run buys a throughput, so that there is nothing to
// point back.
func (l Lease) Buying() bool { return l.ThroughputARN == "" }

// Model reads a model's record; the error wraps ErrNotFound when nothing was
// ever published under the name.
func (s Store) Model(ctx context.Context, name string) (Model, error) {
	var model Model
	_, err := s.read(ctx, finetune.RegistryKey(name), &model)
	return model, err
}

// UpdateModel changes a model's record, creating it if need be; change is
// called again when another writer was first.
func (s Store) UpdateModel(ctx context.Context, name string, change func(*Model) error) (Model, error) {
	return update(ctx, s, finetune.RegistryKey(name), true, func(m *Model) error {
		m.Name = name
		return change(m)
	})
}

// CheckNewest refuses, with kind Superseded, a run that is older than one that
// was published: older never replaces newer. What is served may itself be older,
// after a rollback; that opens no door for the uploads in between.
func (m *Model) CheckNewest(run finetune.Run) error {
	for _, c := range m.History {
		if run.Order.Before(c.Run.Order) {
			return finetune.Errorf(finetune.Superseded, "run %s of model %s is older than the published run %s", run.ID, m.Name, c.Run.ID)
		}
	}
	return nil
}

// Publish makes c what callers reach. What served before is kept for an
// instant rollback when it costs nothing by the hour, and retired when it
// does; a throughput that was updated in place is neither. A rollback may publish
// what is kept or retired, which is neither from then on. Publishing the same
// attempt of a run again changes nothing.
func (m *Model) Publish(c Capacity) error {
	if m.Serving != nil && m.Serving.publication() == c.publication() {
		return nil
	}
	if err := m.CheckTurn(c.Run, c.Rollback); err != nil {
		return err
	}
	if m.Lease != nil && m.Lease.Run.ID == c.Run.ID {
		m.Lease = nil
	}
	m.takeBack(c.ThroughputARN)
	if was := m.Serving; was != nil && was.ThroughputARN != c.ThroughputARN {
		m.retireOrKeep(*was)
	}
	m.Serving, m.Missing = &c, ""
	m.History = append(m.History, c)
	m.forgetOlder(c.Run.Order)
	return nil
}

// IsMissing says whether a sweep found that a capacity was deleted from outside.
func (m *Model) IsMissing(c Capacity) bool {
	return m.Missing != "" && m.Missing == c.ThroughputARN
}

// retireOrKeep decides what becomes of the capacity that served until now.
func (m *Model) retireOrKeep(was Capacity) {
	if was.Kind != finetune.KindDeployment || m.IsMissing(was) {
		m.Retired = append(m.Retired, was)
		return
	}
	if m.Previous != nil {
		m.Retired = append(m.Retired, *m.Previous)
	}
	m.Previous = &was
}

// DropRetired takes a deleted throughput off the list of those to be deleted.
func (m *Model) DropRetired(throughputARN string) {
	kept := m.Retired[:0]
	for _, c := range m.Retired {
		if c.ThroughputARN != throughputARN {
			kept = append(kept, c)
		}
	}
	m.Retired = kept
}
