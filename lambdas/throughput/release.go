package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// release closes a run: it stops the run's job, releases whatever the run
// bought and nothing else serves from, and writes down how the run ended. It is
// called by the state machine and again, after the execution's end, by the release
// machine; called again after it was killed anywhere, it finishes.
func (h handler) release(ctx context.Context, in finetune.ThroughputInput) (finetune.Closing, error) {
	e, err := h.readEnding(ctx, in)
	if errors.Is(err, errNeverBegan) {
		return neverBegun(in), nil
	}
	if err != nil {
		return finetune.Closing{}, err
	}
	record, err := h.store.Run(ctx, e.dataset.RunID())
	if errors.Is(err, registry.ErrNotFound) {
		return h.closeUnclaimed(ctx, e)
	}
	if err != nil {
		return finetune.Closing{}, err
	}
	return h.closeClaimed(ctx, record, e)
}

// closeClaimed closes a run by its record, if the execution owns it. One that
// does not, and ended, may have been about to take the run over.
func (h handler) closeClaimed(ctx context.Context, record registry.Run, e ending) (finetune.Closing, error) {
	if record.ExecutionARN != e.executionARN && e.afterwards {
		var err error
		if record, err = h.store.Bar(ctx, record.ID, e.executionARN); err != nil {
			return finetune.Closing{}, err
		}
	}
	switch {
	case record.ExecutionARN != e.executionARN:
		return anothers(record, e), nil
	case record.End != "" && record.End != finetune.EndDeployed && record.Unreleased == nil:
		return closingOf(record), h.store.ReportRun(ctx, record.ID) // whoever recorded the end may have been killed before it was reported
	}
	model, err := h.registered(ctx, record.Model)
	if err != nil {
		return finetune.Closing{}, err
	}
	if _, published := model.Published(record.ID, record.Attempt()); published {
		return h.closeDeployed(ctx, model, record, e)
	}
	if record.End == finetune.EndDeployed {
		return closingOf(record), nil
	}
	return h.closeRun(ctx, record, model, e)
}

// closeUnclaimed reports the end of an execution that has not claimed its run,
// so that nothing was made for it. Unless the check itself refused, it may still
// be at work for the ended execution: the run is claimed in its place, ended, or,
// if the check was faster, closed as it stands.
func (h handler) closeUnclaimed(ctx context.Context, e ending) (finetune.Closing, error) {
	model, _ := finetune.ModelName(e.dataset.Key) // "" says that the key names none
	record := h.ended(registry.Run{
		ID: e.dataset.RunID(), Model: model, Dataset: e.dataset, ExecutionARN: e.executionARN, ClaimedAt: h.now().UTC(), Closed: true,
	}, e, nil)
	if err := h.store.WriteRunReport(ctx, record); err != nil {
		return finetune.Closing{}, err
	}
	if e.kind == finetune.DatasetRejected || e.kind == finetune.SettingsRejected {
		return closingOf(record), nil
	}
	record, err := h.store.Claim(ctx, record)
	if err != nil {
		return finetune.Closing{}, err
	}
	return h.closeClaimed(ctx, record, e)
}

// closeDeployed finishes what publishing left undone. A published run stays
// Deployed, whatever its execution came to.
func (h handler) closeDeployed(ctx context.Context, m registry.Model, record registry.Run, e ending) (finetune.Closing, error) {
	record, err := h.finishDeployed(ctx, m, record.ID, record.Attempt())
	if err != nil {
		return finetune.Closing{}, err
	}
	if record.ExecutionARN != e.executionARN {
		return anothers(record, e), nil
	}
	return finetune.Closing{
		End: record.End, Error: string(e.kind),
		Cause: joined(fmt.Sprintf("Model %s is published and served from %s.", record.Model, record.Endpoint.ModelID), "After that: "+e.cause, record.Cause),
	}, nil
}

// errNotOurs ends a change of a record that got another owner meanwhile.
var errNotOurs = errors.New("another execution owns the run by now")

// closeRun closes a run that is not published. From the first write on no step
// of it makes anything, and from the second on none publishes it.
func (h handler) closeRun(ctx context.Context, record registry.Run, model registry.Model, e ending) (finetune.Closing, error) {
	record, err := h.store.UpdateRun(ctx, record.ID, func(r *registry.Run) error {
		if r.ExecutionARN != e.executionARN {
			return errNotOurs
		}
		r.Closed = true
		return nil
	})
	if errors.Is(err, errNotOurs) {
		return anothers(record, e), nil
	}
	if err != nil {
		return finetune.Closing{}, err
	}
	model, published, err := h.withdraw(ctx, record, model)
	if err != nil {
		return finetune.Closing{}, err
	}
	if published {
		return h.closeDeployed(ctx, model, record, e)
	}
	e = overtaken(record, model, e)
	left := leftovers{early: e.afterwards && !record.Awaited}
	h.stopJob(ctx, &record, e.kind, &left)
	h.releaseThroughput(ctx, record, model, &left)
	if left.again != nil {
		return finetune.Closing{}, left.again
	}
	if left.atWork {
		return finetune.Closing{}, h.await(ctx, record)
	}
	return h.recordEnd(ctx, record, e, left.sentences)
}

// await has the release tried again, two minutes later and once: the execution
// ended while a step was making something that does not show yet, and a function
// that Step Functions gave up on may go on for its own time-out, 120 seconds. It
// takes back itself what it makes for a closed run, unless it ends before it can.
func (h handler) await(ctx context.Context, record registry.Run) error {
	_, err := h.store.UpdateRun(ctx, record.ID, func(r *registry.Run) error {
		r.Awaited = true
		return nil
	})
	if err != nil {
		return err
	}
	return finetune.Errorf(finetune.Busy, "releasing run %s: its execution ended while a step was making something that does not show yet; %w", record.ID, errAwaited)
}

// errAwaited says that a release is to be tried once more, and not that it failed.
var errAwaited = errors.New("it is looked for again once the step must have ended")

// withdraw bars the run from being published. It answers the model's record,
// and whether publishing was faster.
func (h handler) withdraw(ctx context.Context, record registry.Run, model registry.Model) (registry.Model, bool, error) {
	if record.Throughput == nil && !leased(model, record.ID) {
		return model, false, nil
	}
	model, err := h.store.UpdateModel(ctx, record.Model, func(m *registry.Model) error {
		if _, published := m.Published(record.ID, record.Attempt()); !published {
			m.Withdraw(runOf(record), record.Attempt())
		}
		return nil
	})
	_, published := model.Published(record.ID, record.Attempt())
	return model, published, err
}

// leased says whether the run holds the model's lease.
func leased(m registry.Model, id finetune.RunID) bool {
	return m.Lease != nil && m.Lease.Run.ID == id
}

// runOf is the identity in a run's record.
func runOf(record registry.Run) finetune.Run {
	if record.Report != nil {
		return record.Report.Run
	}
	return finetune.Run{ID: record.ID, Model: record.Model}
}

// leftovers collects what could not be released.
type leftovers struct {
	// sentences say what needs a person, a sentence each; nil for nothing.
	sentences []string
	// again are the errors that trying again may mend, each with what a person
	// can do once nobody tries any more.
	again error
	// early says that a step of the run may still be at work; atWork, that what it
	// was making does not show yet.
	early, atWork bool
}

// add takes one act's result; otherwise says what a person can do in its place.
func (l *leftovers) add(left string, err error, otherwise string) {
	switch {
	case err == nil && left != "":
		l.sentences = append(l.sentences, joined(left))
	case err == nil:
	case passing(err):
		l.again = errors.Join(l.again, fmt.Errorf("%w; when it is not tried any more: %s", err, otherwise))
	default:
		l.sentences = append(l.sentences, joined(fmt.Sprintf("Not done: %v. %s", err, otherwise)))
	}
}

// stopJob stops the run's job if it goes on. The job is found by its name when
// only the intent to submit it was written down. A model that was finished
// before anybody looked is kept in the record, so that the run can be resumed.
func (h handler) stopJob(ctx context.Context, record *registry.Run, why finetune.Kind, left *leftovers) {
	if record.Job == nil {
		return
	}
	id := record.Job.ARN
	if id == "" {
		id = runOf(*record).Name()
	}
	job, err := h.job(ctx, id)
	if code(err) == notFound {
		left.atWork = left.atWork || left.early && record.Job.ARN == ""
		return
	}
	if err == nil && job.Status == types.ModelCustomizationJobStatusInProgress {
		id = aws.ToString(job.JobArn)
		job, err = h.stopInProgress(ctx, job)
	}
	if err != nil {
		left.add("", err, "Stop it with: aws bedrock stop-model-customization-job --job-identifier "+id+".")
		return
	}
	if job.Status == types.ModelCustomizationJobStatusCompleted && record.CustomModel == nil && job.OutputModelArn != nil && why != finetune.JobNotPrivate {
		record.CustomModel = &finetune.Model{ARN: *job.OutputModelArn, Name: aws.ToString(job.OutputModelName)}
	}
}

// job looks at a job, by its ARN or its name.
func (h handler) job(ctx context.Context, id string) (*bedrock.GetModelCustomizationJobOutput, error) {
	job, err := h.bedrock.GetModelCustomizationJob(ctx, &bedrock.GetModelCustomizationJobInput{JobIdentifier: &id})
	if err != nil {
		return nil, fmt.Errorf("looking at job %s: %w", id, err)
	}
	return job, nil
}

// stopInProgress stops a job by its ARN, since policies hold the tags of what
// is named against the call. A job that refuses is looked at again: it may have
// completed just before.
func (h handler) stopInProgress(ctx context.Context, job *bedrock.GetModelCustomizationJobOutput) (*bedrock.GetModelCustomizationJobOutput, error) {
	arn := aws.ToString(job.JobArn)
	_, refusal := h.bedrock.StopModelCustomizationJob(ctx, &bedrock.StopModelCustomizationJobInput{JobIdentifier: &arn})
	switch {
	case refusal == nil, code(refusal) == notFound:
		return job, nil
	case code(refusal) != conflict:
		return nil, fmt.Errorf("stopping job %s: %w", arn, refusal)
	}
	now, err := h.job(ctx, arn)
	if err == nil && now.Status == types.ModelCustomizationJobStatusInProgress {
		return nil, finetune.Errorf(finetune.Busy, "stopping job %s: it is %s and cannot be stopped at the moment: %w", arn, now.Status, refusal)
	}
	return now, err
}

// releaseThroughput points back what the run re-pointed and deletes what it
// bought. Callers are never there: the run was not published and cannot be.
func (h handler) releaseThroughput(ctx context.Context, record registry.Run, model registry.Model, left *leftovers) {
	run := runOf(record)
	if lease, changed := repointing(record, model); changed {
		text, err := h.restoreEarly(ctx, record, lease, left)
		left.add(text, err, "Point it back with: "+repointCommand(lease.ThroughputARN, lease.PreviousModelARN)+".")
	}
	if record.Throughput != nil && record.Throughput.Change == finetune.ChangeCreated {
		h.deleteBought(ctx, run, *record.Throughput, model, left)
	}
	if leased(model, run.ID) && model.Lease.Buying() && left.again == nil && !left.atWork {
		left.add("", h.dropLease(ctx, run), "The next run of the model takes its lease over all the same.")
	}
}

// repointing is the lease to point a throughput back by: the run's own, or, when
// a step of the run gave that back and nobody has taken it since, one by what the
// run's record says it was about to re-point.
func repointing(record registry.Run, model registry.Model) (registry.Lease, bool) {
	if leased(model, record.ID) {
		return *model.Lease, !model.Lease.Buying()
	}
	t := record.Throughput
	if model.Lease != nil || t == nil || t.Change != finetune.ChangeUpdated {
		return registry.Lease{}, false
	}
	was, owned := model.Find(t.ARN)
	return registry.Lease{Run: runOf(record), ThroughputARN: t.ARN, PreviousModelARN: was.ModelARN}, owned
}

// restoreEarly is restore, unless a step that may still be at work was about to
// re-point the throughput and has not: then the lease is kept until it has.
func (h handler) restoreEarly(ctx context.Context, record registry.Run, lease registry.Lease, otherwise *leftovers) (left string, err error) {
	if otherwise.early && record.Throughput != nil {
		desired, _, err := h.lookAt(ctx, lease.ThroughputARN)
		if err != nil && code(err) != notFound {
			return "", err
		}
		if err == nil && desired != trained(record) {
			otherwise.atWork = true
			return "", nil
		}
	}
	return h.restore(ctx, runOf(record), lease, trained(record))
}

// deleteBought deletes the throughput in a run's record and whatever else the
// run made. What the registry has in its care was published before, under the
// run's name or not: callers may be there, and it is not this attempt's.
func (h handler) deleteBought(ctx context.Context, run finetune.Run, recorded finetune.Throughput, model registry.Model, left *leftovers) {
	made, err := h.sweep(ctx, run)
	left.add("", err, "Look for "+run.Name()+" with: aws bedrock list-provisioned-model-throughputs; aws bedrock list-custom-model-deployments.")
	found := func(t finetune.Throughput) bool { return t.ARN == recorded.ARN }
	if recorded.ARN != "" && !slices.ContainsFunc(made, found) {
		made = append(made, recorded)
	}
	left.atWork = left.atWork || left.early && err == nil && len(made) == 0
	for _, t := range made {
		if model.Owns(t.ARN) {
			continue
		}
		text, err := h.remove(ctx, t.Kind, t.ARN)
		left.add(text, err, "Delete it with: "+deleteCommand(t.Kind, t.ARN)+".")
	}
}
