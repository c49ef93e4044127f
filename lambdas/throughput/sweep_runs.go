package main

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

// Times of the runs' records.
const (
	// listMargin is how far apart the Last-Modified of a record and its appearance
	// in a list may be.
	listMargin = 10 * time.Minute
	// closedAge is the age at which nobody is at work any more that would give a
	// closed run its end: each try to release writes to the record, and between two
	// lie at most 15 minutes (MaxDelaySeconds in the state machines).
	closedAge = 2 * time.Hour
	// readReserve is kept of the function's time for all that comes after the runs.
	readReserve = 45 * time.Second
)

// readRuns reads the records that may be without an end: those that were changed
// since the last sweep, and those that had none then. There may be many at first:
// what was read is remembered, and the machine's next try goes on.
func (s *sweeping) readRuns(ctx context.Context) error {
	listed, err := s.store.ListRuns(ctx, s.sweeper.lister)
	if err != nil {
		return err
	}
	slices.SortFunc(listed, func(a, b registry.ListedRun) int { return a.Changed.Compare(b.Changed) })
	deadline, bounded := ctx.Deadline()
	seen, after := s.memory.SeenUntil, s.memory.SeenUntil.Add(-listMargin)
	for _, run := range listed {
		if run.Changed.Before(after) && !slices.Contains(s.memory.Open, run.ID) {
			continue
		}
		if bounded && time.Until(deadline) < readReserve {
			if err := s.rememberRuns(ctx, seen); err != nil {
				return err
			}
			return finetune.Errorf(finetune.Unavailable, "sweeping: %d runs were read and there are more; the next try goes on", len(listed))
		}
		record, err := s.store.Run(ctx, run.ID)
		if err != nil {
			return err
		}
		if record.End == "" {
			s.open[run.ID], s.changed[run.ID] = record, run.Changed
		}
		if run.Changed.After(seen) {
			seen = run.Changed
		}
	}
	return s.rememberRuns(ctx, seen)
}

// rememberRuns writes down how far the runs were read, if that is news.
func (s *sweeping) rememberRuns(ctx context.Context, seen time.Time) error {
	open := make([]finetune.RunID, 0, len(s.open))
	for id := range s.open {
		open = append(open, id)
	}
	slices.Sort(open)
	if seen.Equal(s.memory.SeenUntil) && slices.Equal(open, s.memory.Open) {
		return nil
	}
	return s.store.UpdateSweep(ctx, func(m *registry.Sweep) { m.SeenUntil, m.Open = seen, open })
}

// abandoned says whether a run without an end is one that nothing will end any
// more: its execution is over, by the state machine's time-out.
func (s *sweeping) abandoned(run registry.Run) bool {
	changed, known := s.changed[run.ID]
	return known && s.at.Sub(changed) >= finetune.RunAbandonedSeconds*time.Second
}

// settleRuns looks after the runs whose end nobody will write: a release that
// gave up is done again, which is safe at any time.
func (s *sweeping) settleRuns(ctx context.Context) {
	for id, run := range s.open {
		switch {
		case run.Closed && s.at.Sub(s.changed[id]) >= closedAge:
			s.closeAgain(ctx, run)
		case s.abandoned(run):
			s.tell(finetune.TellAbandoned, run.ExecutionARN, run.ClaimedAt, "Run %s of model %s has no end, and its execution %s is over by the state machine's time-out. Release what it has with: %s",
				id, run.Model, run.ExecutionARN, releaseCommand(run))
		}
	}
}

// closeAgain releases what a closed run has left, as the release machine did until
// it gave up.
func (s *sweeping) closeAgain(ctx context.Context, run registry.Run) {
	closing, err := s.release(ctx, finetune.ThroughputInput{Action: finetune.ActionRelease, ExecutionARN: run.ExecutionARN, Status: "FAILED"})
	if errors.Is(err, errAwaited) {
		return // once: two hours from now a sweep takes it that nothing was made
	}
	if err != nil {
		s.tell(finetune.TellAbandoned, run.ExecutionARN, run.ClaimedAt, "Run %s of model %s was closed and has no end: its release gave up, and another try by this sweep failed: %v. Mend what is named; sweeps try again. Or start the release with: %s",
			run.ID, run.Model, err, releaseCommand(run))
		return
	}
	delete(s.open, run.ID)
	s.tellDone(ctx, finetune.TellClosed, run.ExecutionARN, run.ClaimedAt, "Run %s of model %s was closed and had no end, because its release gave up. This sweep released what it had; its end is %s: %s",
		run.ID, run.Model, closing.End, closing.Cause)
}

// releaseCommand is the command that starts a run's release by hand.
func releaseCommand(run registry.Run) string {
	machine := strings.TrimSuffix(machineOf(run), "-finetune") + "-release"
	return fmt.Sprintf(`aws stepfunctions start-execution --state-machine-arn %s --input '{"executionArn":"%s","status":"FAILED"}'`, machine, run.ExecutionARN)
}

// machineOf is the state machine of the run's execution, whose ARN follows from
// the execution's, as in [resumeCommand].
func machineOf(run registry.Run) string {
	arn := strings.Replace(run.ExecutionARN, ":execution:", ":stateMachine:", 1)
	if end := strings.LastIndexByte(arn, ':'); end >= 0 {
		arn = arn[:end]
	}
	return arn
}
