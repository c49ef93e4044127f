package registry

import (
	"slices"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Withdrawal is one attempt of a run that was closed before it was published.
type Withdrawal struct {
	Run finetune.Run `json:"run"`
	// Attempt is [Run.Attempt] at that time: a resumed run may be published.
	Attempt int `json:"attempt"`
}

// Withdraw bars an attempt from being published, before its capacity is
// released. The run's record cannot do that: publishing and releasing must meet
// on one object, and a model's record is where callers are sent by.
func (m *Model) Withdraw(run finetune.Run, attempt int) {
	if m.CheckOpen(run, attempt) == nil {
		m.Withdrawn = append(m.Withdrawn, Withdrawal{Run: run, Attempt: attempt})
	}
}

// CheckOpen refuses, with kind RunClosed, an attempt that was withdrawn.
func (m *Model) CheckOpen(run finetune.Run, attempt int) error {
	for _, w := range m.Withdrawn {
		if w.Run.ID == run.ID && w.Attempt == attempt {
			return finetune.Errorf(finetune.RunClosed, "run %s was closed while a step of it was at work; it is not published any more", run.ID)
		}
	}
	return nil
}

// Published returns the capacity that an attempt of a run was published with, and
// whether it ever was: an attempt that failed is no less failed because an earlier
// one was published.
func (m *Model) Published(id finetune.RunID, attempt int) (Capacity, bool) {
	for _, c := range slices.Backward(m.History) {
		if c.publication() == (Publication{Run: id, Attempt: attempt}) {
			return c, true
		}
	}
	return Capacity{}, false
}

// forgetOlder drops the withdrawals of runs that are too old to be published
// anyway. An attempt to roll back to one of them is no exception: this publication
// came since it was asked for.
func (m *Model) forgetOlder(than finetune.UploadOrder) {
	m.Withdrawn = slices.DeleteFunc(m.Withdrawn, func(w Withdrawal) bool { return w.Run.Order.Before(than) })
}
