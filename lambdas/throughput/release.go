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
// called by the state machine and again by the rule on the executions' ends;
// called again after it was killed anywhere, it finishes.
func (h handler) release(ctx context.Context, in finetune.ThroughputInput) (finetune.Closing, error) {
	e, err := h.readEnding(ctx, in)
	if errors.Is(err, registry.ErrNotFound) {
		return neverBegun(in), nil
	}
	if err != nil {
		return finetune.Closing{}, err
	}
	record, err := h.store.Run(ctx, e.dataset.RunID())
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return h.closeUnclaimed(ctx, e)
	case err != nil:
		return finetune.Closing{}, err
	case record.ExecutionARN != e.executionARN:
		return duplicate(record), nil
	case record.End != "" && record.End != finetune.EndDeployed && record.Unreleased == nil:
		return closingOf(record), nil
	}
	model, err := h.registered(ctx, record.Model)
	if err != nil {
		return finetune.Closing{}, err
	}
	if _, published := model.Published(record.ID); published {
		return h.closeDeployed(ctx, model, record.ID, e)
	}
	if record.End == finetune.EndDeployed {
		return closingOf(record), nil
	}
	return h.closeRun(ctx, record, model, e)
}

// closeUnclaimed reports the end of an execution that never claimed its run, so
// that nothing was made for it.
func (h handler) closeUnclaimed(ctx context.Context, e ending) (finetune.Closing, error) {
	model, _ := finetune.ModelName(e.dataset.Key) // "" says that the key names none
	record := h.ended(registry.Run{ID: e.dataset.RunID(), Model: model, Dataset: e.dataset, ExecutionARN: e.executionARN}, e, nil)
	return closingOf(record), h.store.WriteRunReport(ctx, record)
}

// closeDeployed finishes what publishing left undone. A published run stays
// Deployed, whatever its execution came to.
func (h handler) closeDeployed(ctx context.Context, m registry.Model, id finetune.RunID, e ending) (finetune.Closing, error) {
	record, err := h.finishDeployed(ctx, m, id)
	if err != nil {
		return finetune.Closing{}, err
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
		return duplicate(record), nil
	}
	if err != nil {
		return finetune.Closing{}, err
	}
	model, published, err := h.withdraw(ctx, record, model)
	if err != nil {
		return finetune.Closing{}, err
	}
	if published {
		return h.closeDeployed(ctx, model, record.ID, e)
	}
	var left leftovers
	h.stopJob(ctx, &record, e.kind, &left)
	h.releaseThroughput(ctx, record, model, &left)
	if left.again != nil && !e.byRule {
		return finetune.Closing{}, left.again
	}
	closing, err := h.recordEnd(ctx, record, e, left.all())
	return closing, errors.Join(err, left.again)
}

// withdraw bars the run from being published. It answers the model's record,
// and whether publishing was faster.
func (h handler) withdraw(ctx context.Context, record registry.Run, model registry.Model) (registry.Model, bool, error) {
	if record.Throughput == nil && !leased(model, record.ID) {
		return model, false, nil
	}
	model, err := h.store.UpdateModel(ctx, record.Model, func(m *registry.Model) error {
		if _, published := m.Published(record.ID); !published {
			m.Withdraw(runOf(record), record.Attempt())
		}
		return nil
	})
	_, published := model.Published(record.ID)
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
	// sentences say what needs a person.
	sentences []string
	// again are the errors that trying again may mend, waits what they keep.
	again error
	waits []string
}

// add takes one act's result; otherwise says what a person can do in its place.
func (l *leftovers) add(left string, err error, otherwise string) {
	switch {
	case err == nil && left != "":
		l.sentences = append(l.sentences, left)
	case err == nil:
	case passing(err):
		l.again = errors.Join(l.again, err)
		l.waits = append(l.waits, fmt.Sprintf("Not done: %v. %s", err, otherwise))
	default:
		l.sentences = append(l.sentences, fmt.Sprintf("Not done: %v. %s", err, otherwise))
	}
}

// all is what is left as things stand, a sentence each; nil for nothing.
func (l *leftovers) all() []string {
	var all []string
	for _, s := range slices.Concat(l.sentences, l.waits) {
		all = append(all, joined(s))
	}
	return all
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
	otherwise := "Stop it with: aws bedrock stop-model-customization-job --job-identifier " + id + "."
	job, err := h.bedrock.GetModelCustomizationJob(ctx, &bedrock.GetModelCustomizationJobInput{JobIdentifier: &id})
	switch {
	case code(err) == notFound:
	case err != nil:
		left.add("", fmt.Errorf("looking at job %s: %w", id, err), otherwise)
	case job.Status == types.ModelCustomizationJobStatusCompleted:
		if record.CustomModel == nil && job.OutputModelArn != nil && why != finetune.JobNotPrivate {
			record.CustomModel = &finetune.Model{ARN: *job.OutputModelArn, Name: aws.ToString(job.OutputModelName)}
		}
	case job.Status == types.ModelCustomizationJobStatusInProgress:
		_, err := h.bedrock.StopModelCustomizationJob(ctx, &bedrock.StopModelCustomizationJobInput{JobIdentifier: &id})
		if ended := code(err); ended != conflict && ended != notFound && err != nil {
			left.add("", fmt.Errorf("stopping job %s: %w", id, err), otherwise)
		}
	}
}

// releaseThroughput points back what the run re-pointed and deletes what it
// bought. Callers are never there: the run was not published and cannot be.
func (h handler) releaseThroughput(ctx context.Context, record registry.Run, model registry.Model, left *leftovers) {
	run := runOf(record)
	if leased(model, run.ID) {
		lease := *model.Lease
		text, err := h.restore(ctx, run, lease, trained(record))
		left.add(text, err, "Point it back with: "+repointCommand(lease.ThroughputARN, lease.PreviousModelARN)+".")
	}
	if record.Throughput == nil || record.Throughput.Change != finetune.ChangeCreated {
		return
	}
	made, err := h.sweep(ctx, run)
	left.add("", err, "Look for "+run.Name()+" with: aws bedrock list-provisioned-model-throughputs; aws bedrock list-custom-model-deployments.")
	recorded := func(t finetune.Throughput) bool { return t.ARN == record.Throughput.ARN }
	if record.Throughput.ARN != "" && !slices.ContainsFunc(made, recorded) {
		made = append(made, *record.Throughput)
	}
	for _, t := range made {
		text, err := h.remove(ctx, t.Kind, t.ARN)
		left.add(text, err, "Delete it with: "+deleteCommand(t.Kind, t.ARN)+".")
	}
}
