package main

import (
	"context"
	"fmt"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// sweepModel looks after what a model's record holds. While a run of the model
// goes on, that is the run's: people are told of it, and nothing is done.
func (s *sweeping) sweepModel(ctx context.Context, m registry.Model, found map[string]bought) {
	if m.Serving == nil && m.Released != nil {
		s.tellReleased(ctx, m)
	}
	if !s.inUse(m.Name) {
		for _, c := range m.Retired {
			if err := s.checkUnleased(ctx, m, c.ThroughputARN, ""); err != nil {
				s.fail(err)
				continue // a run that began after the runs were read takes it up
			}
			s.deleteRetiredOne(ctx, m.Name, c, found[c.ThroughputARN].committedUntil)
		}
	}
	if m.Serving == nil {
		return
	}
	c, listed := found[m.Serving.ThroughputARN]
	if !listed {
		s.fail(s.checkThere(ctx, m))
		return
	}
	if c.kind != finetune.KindProvisioned {
		return // it costs nothing by the hour
	}
	released, err := s.sweepExpiry(ctx, m, c)
	if err == nil && !released {
		err = s.sweepIdle(ctx, m, c)
	}
	s.fail(err)
}

// checkThere tells of a record that sends callers to what does not exist. What was
// published after the list was made is not on it, and what served until then may
// have been deleted since, so the record is read again. It then says so itself, so
// that an operator can go back to the run it names as serving.
func (s *sweeping) checkThere(ctx context.Context, m registry.Model) error {
	serving := *m.Serving
	state := s.provisionedState
	if serving.Kind == finetune.KindDeployment {
		state = s.deploymentState
	}
	_, _, err := state(ctx, serving.ThroughputARN)
	if code(err) != notFound {
		return err
	}
	now, err := s.registered(ctx, m.Name)
	if err == nil && servingARN(now) == serving.ThroughputARN && now.Missing != serving.ThroughputARN {
		now, err = s.store.UpdateModel(ctx, m.Name, func(m *registry.Model) error {
			if servingARN(*m) == serving.ThroughputARN {
				m.Missing = serving.ThroughputARN
			}
			return nil
		})
	}
	if err != nil || servingARN(now) != serving.ThroughputARN {
		return err
	}
	s.tell(finetune.TellGone, serving.ThroughputARN, serving.PublishedAt, "Model %s is served from %s by its record, and that does not exist any more: it was deleted from outside, and callers get an error. %s",
		m.Name, serving.ThroughputARN, s.serveAgain(ctx, serving))
	return nil
}

// period is a time after which what serves is released.
type period struct {
	kind string
	// from is when it began, length how long it is.
	from   time.Time
	length time.Duration
	// why is for notices: "was published on ...".
	why string
	// keep says how to prevent it.
	keep string
}

// sweepExpiry tells, and later releases, what has reached the end of its life.
func (s *sweeping) sweepExpiry(ctx context.Context, m registry.Model, c bought) (released bool, err error) {
	length := time.Duration(s.sweeper.rules.ReleaseAfterSeconds) * time.Second
	if length == 0 {
		return false, nil
	}
	since := servedSince(m, c)
	return s.sweepPeriod(ctx, m, c, period{
		kind: finetune.TellExpires, from: since, length: length,
		why:  fmt.Sprintf("was published on %s, and serving.releaseAfter is %s", day(since), short(length)),
		keep: "upload the data set again before that, or deploy with a longer serving.releaseAfter",
	})
}

// servedSince is when what serves began to: at its publication, or when the
// throughput was changed after that, which somebody did who wants it.
func servedSince(m registry.Model, c bought) time.Time {
	if c.changed.After(m.Serving.PublishedAt) {
		return c.changed.UTC()
	}
	return m.Serving.PublishedAt.UTC()
}

// sweepPeriod tells that what serves will be released at the end of a period, a
// lead before, and releases it once that end has come and people knew for that
// long. A commitment is never cut short: the end is then the term's.
func (s *sweeping) sweepPeriod(ctx context.Context, m registry.Model, c bought, p period) (released bool, err error) {
	end, lead := p.from.Add(p.length), s.sweeper.rules.Lead(p.length)
	if c.committedUntil != nil && c.committedUntil.After(end) {
		end = *c.committedUntil
	}
	told, known := s.toldBefore(p.kind, c.arn, p.from)
	switch {
	case !known && s.at.Before(end.Add(-lead)):
		return false, nil
	case !known:
		if earliest := s.at.Add(lead); earliest.After(end) {
			end = earliest
		}
		s.tell(p.kind, c.arn, p.from, "Model %s will be released on %s or soon after: it %s. It is served from %s. Callers get an error from then on, and it is billed no longer. To keep it: %s",
			m.Name, day(end), p.why, c.arn, p.keep)
		return false, nil
	case s.at.Before(end), s.at.Before(told.Add(lead)), s.inUse(m.Name):
		return false, nil
	}
	return s.releaseServing(ctx, m, p.why)
}

// releaseServing takes what serves out of the record, and then deletes it. It
// does nothing if the record was changed since the sweep read it, nor while a run
// holds the lease: that may have begun after the sweep read the runs.
func (s *sweeping) releaseServing(ctx context.Context, seen registry.Model, why string) (bool, error) {
	serving := *seen.Serving
	if seen.Lease != nil {
		if err := s.checkEnded(ctx, seen.Lease.Run); err != nil {
			return false, err
		}
	}
	done := false
	m, err := s.store.UpdateModel(ctx, seen.Name, func(m *registry.Model) error {
		done = sameHolder(m.Lease, seen.Lease) && m.Release(serving, registry.Released{At: s.at, Why: why, Run: serving.Run.ID, ThroughputARN: serving.ThroughputARN})
		return nil
	})
	if err != nil || !done {
		return false, err
	}
	s.answer.Released++
	s.tellReleased(ctx, m)
	s.deleteRetiredOne(ctx, m.Name, serving, nil)
	return true, nil
}

// tellReleased tells that a model was released. It is told from the record, so
// that a sweep that was killed after it is made up for by the next.
func (s *sweeping) tellReleased(ctx context.Context, m registry.Model) {
	r := *m.Released
	var c registry.Capacity
	for _, published := range m.History {
		if published.Run.ID == r.Run {
			c = published
		}
	}
	s.tell(finetune.TellReleased, r.ThroughputARN, r.At, "Model %s was released on %s: it %s. Its custom model %s is kept. %s",
		m.Name, day(r.At), r.Why, c.ModelARN, s.serveAgain(ctx, c))
}

// serveAgain says how a model that nothing serves is served again.
func (s *sweeping) serveAgain(ctx context.Context, c registry.Capacity) string {
	run, err := s.store.Run(ctx, c.Run.ID)
	if err != nil {
		return "To serve it again, upload its data set again"
	}
	return fmt.Sprintf("To serve it again: tuneline rollback %s --to %s --bucket %s --state-machine %s (or upload its data set again)",
		c.Run.Model, c.Run.ID, run.Dataset.Bucket, machineOf(run))
}

// deleteRetiredOne deletes what nothing serves from any more.
func (s *sweeping) deleteRetiredOne(ctx context.Context, model string, c registry.Capacity, committedUntil *time.Time) {
	kept, err := s.remove(ctx, c.Kind, c.ThroughputARN)
	if err != nil {
		s.fail(err)
		return
	}
	if kept != "" {
		s.tellKept(c.ThroughputARN, c.PublishedAt, committedUntil, kept)
		return
	}
	_, err = s.store.UpdateModel(ctx, model, func(m *registry.Model) error {
		m.DropRetired(c.ThroughputARN)
		return nil
	})
	s.fail(err)
}
