package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
)

const (
	// margin is kept of the function's own time, once for the last look and once
	// for the answer: a function that is killed answers nothing, and
	// CloudFormation then waits an hour.
	margin = 30 * time.Second
	// maxLooks bounds the looks of a function without a deadline: 15 minutes, the
	// longest a function may have, when 15 seconds lie between them.
	maxLooks = 60
)

// clear stops everything that runs and releases everything billed by the hour.
// It looks again and again, because what is stopped takes a while to go and
// what is under way may still make something, and it is done when two looks in
// a row found nothing, and no step of an execution that was stopped can be at
// work any more. Whatever is billed is released in the first look already, and
// waits for nothing else.
//
// The release machine is let finish, so that every run that was interrupted has
// its end and its report; but nothing billed hangs on that, so when the time is
// up it is no reason to fail.
func (h handler) clear(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
	}
	tags := tagReader{bedrock: h.bedrock, stack: h.env.Stack, seen: map[string]bool{}}
	empty, atWork := 0, 0
	for looks := 1; ; looks++ {
		left := h.look(ctx, tags)
		if err := left.hopeless(); err != nil {
			return err
		}
		if atWork = max(0, atWork-1); left.stopped {
			atWork = h.stepPauses
		}
		if atWork > 0 {
			left.wait("a step of an execution that was stopped may still be at work")
		}
		if empty++; len(left.waiting) > 0 {
			empty = 0
		}
		last := looks == maxLooks || h.late(ctx)
		if empty >= 2 && (len(left.closing) == 0 || last) {
			return h.cleared(ctx, tags, left)
		}
		h.log.Info("waiting", "look", looks, "for", append(left.waiting, left.closing...))
		if last || h.sleep(ctx, h.pause) != nil {
			return left.lateError()
		}
	}
}

// cleared says what stays of a stack of which nothing goes on any more. Its
// error is what only a commitment keeps.
func (h handler) cleared(ctx context.Context, tags tagReader, left leftover) error {
	if len(left.closing) > 0 {
		h.log.Warn("not waited for: the report of a run will lack its end", "for", left.closing)
	}
	h.nameModels(ctx, tags)
	return left.committedError()
}

// late says whether there is no time for another pause and look.
func (h handler) late(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && h.now().Add(h.pause+margin).After(deadline)
}

// leftover is what one look found and did not finish.
type leftover struct {
	// waiting is what another look may find gone, each with what to do by hand.
	waiting []string
	// closing is what only finishes a run's record, and frees nothing.
	closing []string
	// stopped says that an execution was stopped in this look.
	stopped bool
	// committed is what only the end of a commitment releases.
	committed []string
	// errs are the failures of this look.
	errs []error
}

// fail notes a failure.
func (l *leftover) fail(err error) {
	if err != nil {
		l.errs = append(l.errs, err)
		l.waiting = append(l.waiting, err.Error())
	}
}

// wait notes something that another look may find gone.
func (l *leftover) wait(format string, args ...any) {
	l.waiting = append(l.waiting, fmt.Sprintf(format, args...))
}

// hopeless is the error of a look whose failures no other look would mend.
func (l *leftover) hopeless() error {
	for _, err := range l.errs {
		if !passing(err) {
			return fmt.Errorf("%s. Mend that and delete the stack again", l.text())
		}
	}
	return nil
}

// committedError is the error of a deletion that only a commitment prevents.
func (l *leftover) committedError() error {
	if len(l.committed) == 0 {
		return nil
	}
	return errors.New(strings.Join(l.committed, "; ") + ". After that, delete the stack again; or delete it now retaining the resource of this function, and see to the throughput yourself")
}

// lateError is the error of a deletion that ran out of time.
func (l *leftover) lateError() error {
	return fmt.Errorf("not all was gone when the function's time was up: %s. Delete the stack again to go on from here", l.text())
}

// text is everything that is left, a commitment first: a long reason is cut, and
// its date must not be.
func (l *leftover) text() string {
	return strings.Join(slices.Concat(l.committed, l.waiting), "; ")
}

// look stops and releases what it finds, once: first what could make more, then
// what is billed. A failure in one part keeps no other part from being done.
func (h handler) look(ctx context.Context, tags tagReader) leftover {
	var left leftover
	h.disableRule(ctx, &left)
	for _, machine := range lambdaenv.List(h.env.StateMachineARNs) {
		h.stopExecutions(ctx, machine, &left)
	}
	h.findReleases(ctx, &left)
	h.stopJobs(ctx, tags, &left)
	h.releaseThroughputs(ctx, tags, &left)
	h.releaseDeployments(ctx, tags, &left)
	h.findInterfaces(ctx, &left)
	return left
}

// The error codes this step reasons about.
const (
	notFound = "ResourceNotFoundException"
	conflict = "ConflictException"
	invalid  = "ValidationException"
)

// tagReader says what belongs to the stack. Tags do not change, so each
// resource is asked for once, however often it is seen.
type tagReader struct {
	bedrock bedrockAPI
	stack   string
	seen    map[string]bool
}

// ours says whether a Bedrock resource carries the stack's tag.
func (t tagReader) ours(ctx context.Context, arn string) (bool, error) {
	if ours, ok := t.seen[arn]; ok {
		return ours, nil
	}
	out, err := t.bedrock.ListTagsForResource(ctx, tagsInput(arn))
	if code(err) == notFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the tags of %s: %w", arn, err)
	}
	ours := false
	for _, tag := range out.Tags {
		ours = ours || *tag.Key == finetune.TagStack && *tag.Value == t.stack
	}
	t.seen[arn] = ours
	return ours, nil
}
