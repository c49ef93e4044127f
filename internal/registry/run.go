package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Run is the record of one upload's way through the pipeline, at
// runs/<runId>.json. It says who owns the run and, before anything is bought,
// what is about to be, so that nothing billed can be left without an owner.
type Run struct {
	ID      finetune.RunID   `json:"id"`
	Model   string           `json:"model"`
	Dataset finetune.Dataset `json:"dataset"`
	// ExecutionARN is the execution that owns the run.
	ExecutionARN string `json:"executionArn"`
	// EarlierExecutionARNs are those that owned it before it was resumed or
	// rolled back to.
	EarlierExecutionARNs []string `json:"earlierExecutionArns,omitempty"`
	// BarredExecutionARNs are those that ended before they became the owner: a step
	// of theirs that is still at work does not become it.
	BarredExecutionARNs []string `json:"barredExecutionArns,omitempty"`
	// EarlierEnds are how those ended, in the same order: of a rollback that
	// failed, one of them still says that the run was deployed.
	EarlierEnds []Ended   `json:"earlierEnds,omitempty"`
	ClaimedAt   time.Time `json:"claimedAt"`
	// Rollback is set while the last attempt is a rollback.
	Rollback *Rollback `json:"rollback,omitempty"`

	Report *finetune.Report `json:"report,omitempty"`
	// Estimate is what the run was expected to cost when its data set was
	// accepted, by the price table that was part of the program then.
	Estimate *finetune.Estimate `json:"estimate,omitempty"`
	// Spend is what the run was about to pay for, by its purpose, with the price
	// and who allowed it. One that is [finetune.DecisionAsked] has no answer yet.
	// What an earlier attempt was allowed is in EarlierEnds.
	Spend map[string]finetune.Spend `json:"spend,omitempty"`
	// Job is set before the job is submitted, without an ARN, and completed after.
	Job         *finetune.Job     `json:"job,omitempty"`
	CustomModel *finetune.Model   `json:"customModel,omitempty"`
	Results     *finetune.Results `json:"results,omitempty"`
	// Throughput is set before it is bought or updated, without an ARN, and
	// completed after.
	Throughput *finetune.Throughput `json:"throughput,omitempty"`
	Endpoint   *finetune.Endpoint   `json:"endpoint,omitempty"`

	// Closed is set before anything of the run is released: from then on no
	// step of it may make anything.
	Closed bool `json:"closed"`
	// Awaited says that a release after the execution's end has waited for a step
	// that was making something then, and does not wait for it again.
	Awaited bool `json:"awaited,omitempty"`
	// End, Error and Cause say how the run ended; End is empty while it goes on.
	End     string     `json:"end,omitempty"`
	Error   string     `json:"error,omitempty"`
	Cause   string     `json:"cause,omitempty"`
	EndedAt *time.Time `json:"endedAt,omitempty"`
	// Unreleased says, a sentence each, what the run bought and could not be
	// released, why, and by which command a person releases it; of a run that
	// ended Deployed, what served before it. Cause ends with the same sentences.
	Unreleased []string `json:"unreleased,omitempty"`
}

// Execution says which data set an execution is about.
type Execution struct {
	ARN     string           `json:"arn"`
	Dataset finetune.Dataset `json:"dataset"`
	// Ended is set, and Dataset empty, for an execution that ended before it
	// wrote this down: a step of it that is still at work begins nothing.
	Ended bool `json:"ended,omitempty"`
}

// NoteExecution writes down which data set an execution is about. It is written
// before the run is claimed, and so before anything is made, for whoever is told
// of the execution's end and nothing else. It refuses, with kind RunClosed, an
// execution that BarExecution was faster with.
func (s Store) NoteExecution(ctx context.Context, e Execution) error {
	stands, err := s.noteOnce(ctx, e)
	if err == nil && stands.Ended {
		return finetune.Errorf(finetune.RunClosed, "execution %s ended while its first step was at work; nothing is begun for it any more", e.ARN)
	}
	return err
}

// BarExecution keeps an execution that ended from beginning anything. It returns
// what NoteExecution wrote, if that was faster, and else what bars it.
func (s Store) BarExecution(ctx context.Context, executionARN string) (Execution, error) {
	return s.noteOnce(ctx, Execution{ARN: executionARN, Ended: true})
}

// noteOnce writes what is known of an execution, if nothing was, and returns
// what stands.
func (s Store) noteOnce(ctx context.Context, e Execution) (Execution, error) {
	err := s.write(ctx, finetune.ExecutionKey(e.ARN), "", e)
	if !errors.Is(err, errLost) {
		return e, err
	}
	var stands Execution
	_, err = s.read(ctx, finetune.ExecutionKey(e.ARN), &stands)
	return stands, err
}

// Claim makes run.ExecutionARN the owner of a run that has none. It returns
// the record as it stands, which has another owner when the claim was lost.
func (s Store) Claim(ctx context.Context, run Run) (Run, error) {
	err := s.write(ctx, finetune.RunKey(run.ID), "", &run)
	if errors.Is(err, errLost) {
		return s.Run(ctx, run.ID)
	}
	return run, err
}

// Reclaim makes executionARN the owner of a run that ended, so that it goes on
// from its trained model, or from the beginning if it never came to a job. What
// was released is forgotten. A run that has a job and no model cannot be resumed:
// the job's name and token are spent, and uploading again costs no more.
func (s Store) Reclaim(ctx context.Context, id finetune.RunID, executionARN string) (Run, error) {
	return s.UpdateRun(ctx, id, func(r *Run) error {
		if r.ExecutionARN == executionARN {
			return nil
		}
		if err := r.checkBarred(executionARN); err != nil {
			return err
		}
		if r.Rollback != nil && r.End != "" {
			return finetune.Errorf(finetune.SettingsRejected, "run %s cannot be resumed: its last attempt was a rollback; ask for it again with: tuneline rollback %s --to %s", id, r.Model, id)
		}
		if r.End != finetune.EndNeedsOperator && r.End != finetune.EndFailed {
			return finetune.Errorf(finetune.SettingsRejected, "run %s cannot be resumed: its end is %q, and only a run that ended NeedsOperator or Failed can", id, r.End)
		}
		if !r.Resumable() {
			return finetune.Errorf(finetune.SettingsRejected, "run %s cannot be resumed: it has no trained model; upload the data set again", id)
		}
		r.begin(executionARN, nil)
		return nil
	})
}

// Bar keeps an execution that ended from becoming the owner of a run. It returns
// the record as it stands, in which the execution owns the run if it was faster.
func (s Store) Bar(ctx context.Context, id finetune.RunID, executionARN string) (Run, error) {
	return s.UpdateRun(ctx, id, func(r *Run) error {
		if r.ExecutionARN != executionARN && !slices.Contains(r.EarlierExecutionARNs, executionARN) && !slices.Contains(r.BarredExecutionARNs, executionARN) {
			r.BarredExecutionARNs = append(r.BarredExecutionARNs, executionARN)
		}
		return nil
	})
}

// checkBarred refuses, with kind RunClosed, an execution that was barred.
func (r *Run) checkBarred(executionARN string) error {
	if slices.Contains(r.BarredExecutionARNs, executionARN) {
		return finetune.Errorf(finetune.RunClosed, "execution %s ended before it took run %s over; nothing is begun for it any more", executionARN, r.ID)
	}
	return nil
}

// Resumable says whether the run has something to go on from: its trained model,
// or a job that was never intended, and so never paid for.
func (r Run) Resumable() bool { return r.CustomModel != nil || r.Job == nil }

// begin starts another attempt of a run that ended, and keeps the end, with who
// allowed what: the new attempt writes its own spending over it. What the last one
// had of capacity is forgotten; what of it is left is in its cause.
func (r *Run) begin(executionARN string, rollback *Rollback) {
	r.EarlierExecutionARNs = append(r.EarlierExecutionARNs, r.ExecutionARN)
	r.EarlierEnds = append(r.EarlierEnds, Ended{
		ExecutionARN: r.ExecutionARN, Rollback: r.Rollback, Spend: maps.Clone(r.Spend), Endpoint: r.Endpoint,
		End: r.End, Error: r.Error, Cause: r.Cause, EndedAt: r.EndedAt,
	})
	r.ExecutionARN, r.Rollback = executionARN, rollback
	r.Closed, r.Awaited, r.End, r.Error, r.Cause, r.EndedAt = false, false, "", "", "", nil
	r.Throughput, r.Endpoint, r.Unreleased = nil, nil, nil
}

// Ended is how an earlier attempt of a run ended.
type Ended struct {
	ExecutionARN string    `json:"executionArn"`
	Rollback     *Rollback `json:"rollback,omitempty"`
	// Spend is what [Run.Spend] said at the end.
	Spend    map[string]finetune.Spend `json:"spend,omitempty"`
	Endpoint *finetune.Endpoint        `json:"endpoint,omitempty"`
	End      string                    `json:"end"`
	Error    string                    `json:"error,omitempty"`
	Cause    string                    `json:"cause,omitempty"`
	EndedAt  *time.Time                `json:"endedAt,omitempty"`
}

// Attempt is how often the run was resumed or rolled back to. It goes into the token of what is
// bought, since Bedrock would answer a spent token with what was released.
func (r Run) Attempt() int { return len(r.EarlierExecutionARNs) }

// Run reads a run's record; the error wraps ErrNotFound when there is none.
func (s Store) Run(ctx context.Context, id finetune.RunID) (Run, error) {
	var run Run
	_, err := s.read(ctx, finetune.RunKey(id), &run)
	return run, err
}

// UpdateRun changes a run's record; change is called again when another writer
// was first.
func (s Store) UpdateRun(ctx context.Context, id finetune.RunID, change func(*Run) error) (Run, error) {
	return update(ctx, s, finetune.RunKey(id), false, change)
}

// UpdateOpenRun is UpdateRun for a step that makes something: it refuses, with
// kind RunClosed, once the run was closed.
func (s Store) UpdateOpenRun(ctx context.Context, id finetune.RunID, change func(*Run) error) (Run, error) {
	return s.UpdateRun(ctx, id, func(r *Run) error {
		if r.Closed {
			return finetune.Errorf(finetune.RunClosed, "run %s was closed while a step of it was at work; nothing is made for it any more", id)
		}
		return change(r)
	})
}

// ReportRun writes a run's record as it stands as its report, and writes it again
// when the record was changed meanwhile: of several writers, whichever of them
// was held up, the last leaves what the record says.
func (s Store) ReportRun(ctx context.Context, id finetune.RunID) error {
	for range maxAttempts {
		var run, now Run
		etag, err := s.read(ctx, finetune.RunKey(id), &run)
		if err != nil {
			return err
		}
		if err := s.WriteRunReport(ctx, run); err != nil {
			return err
		}
		after, err := s.read(ctx, finetune.RunKey(id), &now)
		if err != nil || after == etag {
			return err
		}
	}
	return finetune.Errorf(finetune.Unavailable, "reporting run %s: its record changed %d times in a row", id, maxAttempts)
}

// WriteRunReport writes the run's record as its report, for people and
// scripts: what was trained on what, how it went, and how it ended.
func (s Store) WriteRunReport(ctx context.Context, run Run) error {
	return s.put(ctx, finetune.RunReportKey(run.ID), run)
}

// WriteDatasetReport writes what the check found, of any shape.
func (s Store) WriteDatasetReport(ctx context.Context, id finetune.RunID, report any) error {
	return s.put(ctx, finetune.DatasetReportKey(id), report)
}

// put writes v at key unconditionally: a report is a view, not the truth.
func (s Store) put(ctx context.Context, key string, v any) error {
	if err := finetune.CheckKey(key); err != nil {
		return err
	}
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding %s: %w", key, err)
	}
	_, err = s.S3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.Bucket, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	})
	if err != nil {
		return fmt.Errorf("writing %s: %w", key, err)
	}
	return nil
}
