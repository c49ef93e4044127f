package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/task"
)

// metricsAPI is what a sweep asks of CloudWatch.
type metricsAPI interface {
	GetMetricStatistics(context.Context, *cloudwatch.GetMetricStatisticsInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricStatisticsOutput, error)
}

// sweeper is what only the sweep works with.
type sweeper struct {
	rules   finetune.Sweeping
	metrics metricsAPI
	lister  registry.Lister
}

// maxTold bounds one notice, which SNS takes up to 256 KB of; the rest is told by
// the next sweep, which finds it again, or reads what tellDone wrote down.
const maxTold = 40

// sweeping is one sweep under way. It makes nothing; what it deletes was told
// before by a sweep, or is on a model's list of what is to be deleted.
type sweeping struct {
	handler
	// at is the time the sweep was scheduled for, the only clock it has.
	at     time.Time
	memory registry.Sweep
	// open are the runs without an end, by their ids, and changed when their records were.
	open    map[finetune.RunID]registry.Run
	changed map[finetune.RunID]time.Time

	paragraphs []string
	told       []finetune.Told
	errs       []error
	answer     finetune.Sweep
}

// sweepStack looks at everything the stack has bought, and at everything that was
// to end: it tells what costs money without a reason, and releases what the configuration
// says. Two at once are harmless, and any may fail anywhere: the next one goes on.
func (h handler) sweepStack(ctx context.Context, at time.Time) (finetune.Sweep, error) {
	s := &sweeping{handler: h, at: at.UTC(), open: map[finetune.RunID]registry.Run{}, changed: map[finetune.RunID]time.Time{}}
	var err error
	if s.memory, err = h.store.ReadSweep(ctx); err != nil {
		return finetune.Sweep{}, err
	}
	for _, u := range s.memory.Untold {
		s.tell(u.Kind, u.Thing, u.Since, "%s", u.Text)
	}
	// The order matters. Capacity is bought by an open run and then published:
	// who looks at runs before models finds one of the two.
	found, err := s.find(ctx)
	if err != nil {
		return finetune.Sweep{}, err
	}
	if err := s.readRuns(ctx); err != nil {
		return finetune.Sweep{}, err
	}
	models, err := h.store.Models(ctx, h.sweeper.lister)
	if err != nil {
		return finetune.Sweep{}, err
	}
	s.settleRuns(ctx)
	for _, m := range models {
		s.sweepModel(ctx, m, found)
	}
	for _, c := range found {
		s.sweepCapacity(ctx, c, models)
	}
	return s.finish()
}

// finish is the answer. What failed on the way is told with what was found; alone
// it is an error, so that the machine tries again and its failure is an alarm.
func (s *sweeping) finish() (finetune.Sweep, error) {
	err := errors.Join(s.errs...)
	if len(s.told) == 0 {
		s.answer.Outcome, s.answer.Told = finetune.SweepQuiet, []finetune.Told{}
		return s.answer, err
	}
	if err != nil {
		s.paragraphs = append(s.paragraphs, fmt.Sprintf("This sweep did not get through; the next one goes on: %v", err))
	}
	s.answer.Outcome, s.answer.Told = finetune.SweepNotable, s.told
	s.answer.Notice = strings.Join(s.paragraphs, "\n\n")
	return s.answer, nil
}

// tell adds a paragraph to the notice, unless people were told the same before.
func (s *sweeping) tell(kind, thing string, since time.Time, format string, args ...any) {
	t := finetune.Told{Kind: kind, Thing: thing, Since: since.UTC(), At: s.at}
	if _, known := s.memory.Find(t); known || len(s.told) == maxTold {
		return
	}
	s.told = append(s.told, t)
	s.paragraphs = append(s.paragraphs, joined(fmt.Sprintf(format, args...)))
}

// tellDone tells what this sweep has done. That leaves nothing behind for another
// one to find, so it is written down: until it is recorded as told, each sweep
// tells it, should this notice be full already or never be published.
func (s *sweeping) tellDone(ctx context.Context, kind, thing string, since time.Time, format string, args ...any) {
	u := registry.Untold{Told: finetune.Told{Kind: kind, Thing: thing, Since: since.UTC(), At: s.at}, Text: fmt.Sprintf(format, args...)}
	s.fail(s.store.UpdateSweep(ctx, func(m *registry.Sweep) { m.Owe(u) }))
	s.tell(kind, thing, since, "%s", u.Text)
}

// toldBefore is when an earlier sweep told of a thing; the sweep machine records
// that only once the notice was published.
func (s *sweeping) toldBefore(kind, thing string, since time.Time) (time.Time, bool) {
	t, known := s.memory.Find(finetune.Told{Kind: kind, Thing: thing, Since: since.UTC()})
	return t.At, known
}

// fail keeps an error for the end: what is wrong with one thing keeps no other
// from being looked at. What is only busy is the next sweep's.
func (s *sweeping) fail(err error) {
	if err != nil && task.Kind(err) != finetune.Busy {
		s.errs = append(s.errs, err)
	}
}

// handleSweep answers the sweep machine.
func (h handler) handleSweep(ctx context.Context, in finetune.ThroughputInput) (any, error) {
	switch {
	case in.Action == finetune.ActionSweep && in.ScheduledTime != nil:
		return h.sweepStack(ctx, *in.ScheduledTime)
	case in.Action == finetune.ActionSweepTold:
		return struct{}{}, h.recordTold(ctx, in.Told)
	}
	return nil, lacksFields(in.Action)
}

// recordTold writes down what was published.
func (h handler) recordTold(ctx context.Context, told []finetune.Told) error {
	return h.store.UpdateSweep(ctx, func(s *registry.Sweep) { s.Remember(told...) })
}

// inUse says whether a run that goes on, or may, is of a model: what the model
// has is then left alone until the next sweep.
func (s *sweeping) inUse(model string) bool {
	for _, run := range s.open {
		if run.Model == model && !s.abandoned(run) {
			return true
		}
	}
	return false
}

// holds says whether a model's record has a throughput in its care.
func holds(m registry.Model, arn string) bool {
	is := func(c registry.Capacity) bool { return c.ThroughputARN == arn }
	return m.Serving != nil && is(*m.Serving) || m.Previous != nil && is(*m.Previous) || slices.ContainsFunc(m.Retired, is) ||
		m.Lease != nil && m.Lease.ThroughputARN == arn
}

// short is a duration, without zeros where it is of whole hours.
func short(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.String()
}

// day is a time as a notice has it.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
