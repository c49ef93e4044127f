package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// kept finds the capacity that the registry still has of an earlier publication
// of the run, so that going back to it takes seconds and buys nothing. It answers
// one without ARN when there is none, or when this attempt has begun to make its
// own, as made says.
//
// The capacity is not this attempt's: it is recorded as found, and no failure of
// the attempt deletes it. A publication may retire it meanwhile, and then the
// rollback has come too late in any case.
func (h handler) kept(ctx context.Context, p purchase, m registry.Model, made *finetune.Throughput) (finetune.Throughput, error) {
	var none finetune.Throughput
	if p.rollback == nil || made != nil {
		return none, nil
	}
	if c := m.Previous; c != nil && c.Run.ID == p.run.ID {
		found, err := h.standing(ctx, p, *c)
		if err != nil || found.ARN != "" {
			return found, err
		}
	}
	for _, c := range m.Retired {
		if c.Run.ID != p.run.ID {
			continue
		}
		if err := h.checkUnleased(ctx, m, c.ThroughputARN, p.run.ID); err != nil {
			return none, err
		}
		found, err := h.retired(ctx, p, c)
		if err != nil || found.ARN != "" {
			return found, err
		}
	}
	return none, nil
}

// retired deletes a capacity of the run that is to be deleted anyway, since a new
// one needs its name. What Bedrock does not let go, such as a throughput under a
// commitment, is paid for and serves again.
func (h handler) retired(ctx context.Context, p purchase, c registry.Capacity) (finetune.Throughput, error) {
	left, err := h.remove(ctx, c.Kind, c.ThroughputARN)
	if err != nil {
		return finetune.Throughput{}, err
	}
	if left != "" {
		return h.standing(ctx, p, c)
	}
	_, err = h.store.UpdateModel(ctx, p.run.Model, func(m *registry.Model) error {
		m.DropRetired(c.ThroughputARN)
		return nil
	})
	return finetune.Throughput{}, err
}

// standing takes a capacity as the run's, if it is in service and serves the
// run's model. A deployment that failed serves nobody, and is deleted, since a new
// one needs its name.
func (h handler) standing(ctx context.Context, p purchase, c registry.Capacity) (finetune.Throughput, error) {
	t := finetune.Throughput{
		Kind: c.Kind, ARN: c.ThroughputARN, Change: finetune.ChangeFound,
		Waiting: finetune.NoWaiting(finetune.ThroughputDeadlineSeconds),
	}
	serves, err := h.lookAtEither(ctx, &t)
	switch {
	case code(err) == notFound:
		return finetune.Throughput{}, nil
	case err != nil:
		return t, err
	case serves != p.model.ARN:
		return finetune.Throughput{}, nil
	case t.Status == string(types.CustomModelDeploymentStatusFailed):
		left, err := h.remove(ctx, c.Kind, c.ThroughputARN)
		if err == nil && left != "" {
			err = finetune.Errorf(finetune.ThroughputFailed, "securing throughput for run %s: what is kept of it failed, and is in the way of another. %s Then run: %s", p.run.ID, left, p.resume)
		}
		return finetune.Throughput{}, err
	}
	_, err = h.store.UpdateOpenRun(ctx, p.run.ID, func(r *registry.Run) error {
		r.Throughput = &t
		return nil
	})
	return t, err
}

// lookAtEither reads name and status of a throughput of either kind into t, and
// answers the model that it serves or is about to.
func (h handler) lookAtEither(ctx context.Context, t *finetune.Throughput) (modelARN string, err error) {
	if t.Kind == finetune.KindProvisioned {
		desired, out, err := h.lookAt(ctx, t.ARN)
		if err != nil {
			return "", err
		}
		t.Name, t.Status = aws.ToString(out.ProvisionedModelName), string(out.Status)
		return desired, nil
	}
	out, err := h.bedrock.GetCustomModelDeployment(ctx, &bedrock.GetCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &t.ARN})
	if err != nil {
		return "", fmt.Errorf("looking at deployment %s: %w", t.ARN, err)
	}
	t.Name, t.Status = aws.ToString(out.ModelDeploymentName), string(out.Status)
	return aws.ToString(out.ModelArn), nil
}

// overtaken says of a rollback that failed after something else was published
// that it was superseded: what it had found may have been deleted by that.
func overtaken(record registry.Run, m registry.Model, e ending) ending {
	if record.Rollback == nil || e.kind == finetune.Superseded {
		return e
	}
	if late := m.CheckTurn(runOf(record), record.Rollback); late != nil {
		e.kind, e.cause = finetune.Superseded, joined(late.Error(), "It had failed with "+string(e.kind)+": "+e.cause)
	}
	return e
}

// nextRollback is what the reader of a rollback's cause does next. Whatever went
// wrong, what callers reach is as it was.
func nextRollback(record registry.Run, kind finetune.Kind) string {
	report := "The run's report is " + finetune.S3URI(record.Dataset.Bucket, finetune.RunReportKey(record.ID)) + "."
	switch kind {
	case finetune.Superseded:
		return "What was published since goes on serving. To go back all the same, ask again: " + record.ResumeCommand() + ". " + report
	case finetune.ModelDeleted:
		return "What callers reach did not change. Go back to another run of the model with --to, or upload the data set again to train it once more. " + report
	}
	return "What callers reach did not change. The trained model " + trained(record) + " is kept; once that is settled, ask again, or go back to another run with --to: " + record.ResumeCommand() + ". " + report
}
