package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// ending is what release is told: whose execution ended, and why.
type ending struct {
	executionARN string
	dataset      finetune.Dataset
	kind         finetune.Kind
	// cause is in words, without the wrapping Lambda puts around them.
	cause string
	// afterwards is set when the execution has ended already and the release
	// machine asks, which knows its status and nothing else.
	afterwards bool
}

// errNeverBegan is for an execution that ended before it wrote down its data set.
var errNeverBegan = errors.New("it had begun nothing")

// readEnding reads either form of release's view. That with a status holds no data set:
// the execution wrote down which is its own before it made anything. The error
// wraps errNeverBegan for an execution that did not come so far, and never will.
func (h handler) readEnding(ctx context.Context, in finetune.ThroughputInput) (ending, error) {
	switch {
	case in.ExecutionARN == "":
	case in.Dataset != nil && in.Error != nil:
		kind, cause := readFailure(*in.Error)
		return ending{executionARN: in.ExecutionARN, dataset: *in.Dataset, kind: kind, cause: cause}, nil
	case in.Status != "":
		started, err := h.store.BarExecution(ctx, in.ExecutionARN)
		if err == nil && started.Ended {
			err = errNeverBegan
		}
		if err != nil {
			return ending{}, fmt.Errorf("releasing after execution %s: %w", in.ExecutionARN, err)
		}
		kind, cause := readStatus(in.Status)
		return ending{executionARN: in.ExecutionARN, dataset: started.Dataset, kind: kind, cause: cause, afterwards: true}, nil
	}
	return ending{}, finetune.Errorf(finetune.Internal, "releasing: neither dataset and error nor a status were passed; deploy functions and state machine from the same source")
}

// neverBegun is the answer for an execution that ended before it wrote down its
// data set: nothing was claimed, and so nothing was made.
func neverBegun(in finetune.ThroughputInput) finetune.Closing {
	kind, cause := readStatus(in.Status)
	return finetune.Closing{End: finetune.EndFailed, Error: string(kind), Cause: joined(cause, "It had claimed no run: upload the data set again.")}
}

// readFailure finds kind and words in what a Catch wrote. A function's error
// carries its message inside JSON; an error Step Functions or Lambda named has
// no kind of ours.
func readFailure(f finetune.Failure) (finetune.Kind, string) {
	cause := f.Cause
	var wrapped struct {
		ErrorMessage string `json:"errorMessage"`
	}
	if err := json.Unmarshal([]byte(f.Cause), &wrapped); err == nil && wrapped.ErrorMessage != "" {
		cause = wrapped.ErrorMessage
	}
	if kind := finetune.Kind(f.Error); slices.Contains(finetune.Kinds(), kind) {
		return kind, cause
	}
	return finetune.Internal, strings.TrimSuffix(f.Error+": "+cause, ": ")
}

// readStatus is the same for an end that no Catch sees.
func readStatus(status string) (finetune.Kind, string) {
	switch status {
	case "ABORTED":
		return finetune.RunClosed, "the execution was stopped from outside (status ABORTED)"
	case "TIMED_OUT":
		return finetune.Internal, "the execution ran into the state machine's time-out (status TIMED_OUT)"
	}
	return finetune.Internal, fmt.Sprintf("the execution ended with status %s and no state of it saw why; see its history", status)
}

// endOf names the end by its consequence. hasModel says that a model was
// trained, from which the run can be resumed.
func endOf(kind finetune.Kind, hasModel bool, left []string) string {
	switch {
	case len(left) > 0:
		return finetune.EndNeedsOperator
	case kind == finetune.DatasetRejected, kind == finetune.SettingsRejected:
		return finetune.EndRejected
	case kind == finetune.Superseded:
		return finetune.EndSuperseded
	case kind == finetune.ModelUnitQuota, kind == finetune.SpendUnanswered, kind == finetune.ReleaseUnfinished, kind == finetune.Busy && hasModel:
		return finetune.EndNeedsOperator
	}
	return finetune.EndFailed
}

// nextStep is what the reader of a cause does next.
func nextStep(record registry.Run, kind finetune.Kind) string {
	bucket := record.Dataset.Bucket
	report := finetune.S3URI(bucket, finetune.RunReportKey(record.ID))
	switch {
	case kind == finetune.SpendUnanswered, kind == finetune.SpendRefused:
		return spendNextStep(record) + " The run's report is " + report + "."
	case record.Rollback != nil:
		return nextRollback(record, kind)
	case kind == finetune.ModelDeleted:
		return "Upload the data set again to train it once more; the run's report is " + report + "."
	case kind == finetune.DatasetRejected:
		return "The run's report is " + report + "." // the check, or Bedrock, has said what to mend
	case kind == finetune.SettingsRejected:
		return "Mend the settings and upload the data set again; the run's report is " + report + "."
	case kind == finetune.Superseded:
		return "Nothing is to be done: a newer upload of the model was published; the run's report is " + report + "."
	case kind == finetune.ResultsRejected:
		return "The model " + trained(record) + " is kept and not served. Mend the data set or the hyperparameters and upload again; the run's report is " + report + "."
	case record.CustomModel != nil:
		return fmt.Sprintf("The trained model %s is kept; go on from it with: %s. The run's report is %s.", trained(record), record.ResumeCommand(), report)
	}
	return "Upload the data set again to try again; the run's report is " + report + "."
}

// trained is the ARN of the run's custom model, "" when it has none.
func trained(record registry.Run) string {
	if record.CustomModel == nil {
		return ""
	}
	return record.CustomModel.ARN
}

// ended is the record of a run that ended, with left unreleased. A record that
// has an end keeps its reason: this is another try to release.
func (h handler) ended(record registry.Run, e ending, left []string) registry.Run {
	kind, cause := e.kind, joined(e.cause, nextStep(record, e.kind))
	if record.Error != "" {
		kind = finetune.Kind(record.Error)
		cause = strings.TrimSpace(strings.TrimSuffix(record.Cause, strings.Join(record.Unreleased, " ")))
	}
	record.End = endOf(kind, record.CustomModel != nil, left)
	record.Error = string(kind)
	record.Cause = joined(append([]string{cause}, left...)...)
	record.Unreleased = left
	if record.EndedAt == nil {
		now := h.now().UTC()
		record.EndedAt = &now
	}
	return record
}

// recordEnd writes the run's end and then its report. A release that is killed
// between the two finds the end recorded when it is called again, and reports it.
func (h handler) recordEnd(ctx context.Context, record registry.Run, e ending, left []string) (finetune.Closing, error) {
	model := record.CustomModel
	record, err := h.store.UpdateRun(ctx, record.ID, func(r *registry.Run) error {
		if r.ExecutionARN != e.executionARN {
			return errNotOurs
		}
		r.CustomModel = model
		*r = h.ended(*r, e, left)
		return nil
	})
	if errors.Is(err, errNotOurs) {
		return anothers(record, e), nil
	}
	if err != nil {
		return finetune.Closing{}, err
	}
	return closingOf(record), h.store.ReportRun(ctx, record.ID)
}

// recordLeft adds one more leftover to a record whose run ended.
func recordLeft(r *registry.Run, left string) {
	left = joined(left)
	if slices.Contains(r.Unreleased, left) {
		return
	}
	r.End = finetune.EndNeedsOperator
	r.Cause = joined(r.Cause, left)
	r.Unreleased = append(r.Unreleased, left)
}

// closingOf is a recorded end as the state machine takes it.
func closingOf(record registry.Run) finetune.Closing {
	kind := record.Error
	if len(record.Unreleased) > 0 {
		kind = string(finetune.ReleaseUnfinished)
	}
	return finetune.Closing{End: record.End, Error: kind, Cause: record.Cause}
}

// anothers is the end of an execution whose run another one owns. One that only
// came late is a duplicate; one that failed says so with its own error, such as
// an execution that was to resume the run and could not.
func anothers(record registry.Run, e ending) finetune.Closing {
	owner := fmt.Sprintf("Execution %s owns run %s; nothing was done.", record.ExecutionARN, record.ID)
	if e.afterwards || e.kind == finetune.RunClosed {
		return finetune.Closing{End: finetune.EndDuplicate, Error: string(finetune.RunClosed), Cause: owner}
	}
	return finetune.Closing{End: finetune.EndFailed, Error: string(e.kind), Cause: joined(e.cause, owner)}
}

// joined puts sentences behind one another; each gets its full stop.
func joined(sentences ...string) string {
	var text strings.Builder
	for _, s := range sentences {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if text.Len() > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(s)
		if !strings.HasSuffix(s, ".") {
			text.WriteByte('.')
		}
	}
	return text.String()
}
