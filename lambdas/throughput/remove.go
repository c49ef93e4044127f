package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// remove deletes a throughput; one that is gone is fine. left says, with ARN,
// reason and command, what a person must do when Bedrock refuses for good; the
// error is one that trying again may mend.
func (h handler) remove(ctx context.Context, kind, arn string) (left string, err error) {
	refusal := h.delete(ctx, kind, arn)
	switch {
	case refusal == nil, code(refusal) == notFound:
		return "", nil
	case passing(refusal):
		return "", fmt.Errorf("deleting %s: %w", arn, refusal)
	case code(refusal) == conflict, code(refusal) == invalid, code(refusal) == accessDenied:
		// What is gone has no tags, and a policy that asks for a tag may then
		// refuse before Bedrock looks.
		return h.deletionRefused(ctx, kind, arn, refusal)
	}
	return leftOver(kind, arn, refusal.Error()), nil
}

// delete asks Bedrock to delete a throughput.
func (h handler) delete(ctx context.Context, kind, arn string) error {
	var err error
	if kind == finetune.KindDeployment {
		_, err = h.bedrock.DeleteCustomModelDeployment(ctx, &bedrock.DeleteCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &arn})
	} else {
		_, err = h.bedrock.DeleteProvisionedModelThroughput(ctx, &bedrock.DeleteProvisionedModelThroughputInput{ProvisionedModelId: &arn})
	}
	return err
}

// deletionRefused finds out why a deletion is refused: a change under way ends
// by itself, a commitment only with its term.
func (h handler) deletionRefused(ctx context.Context, kind, arn string, refusal error) (left string, err error) {
	state := h.provisionedState
	if kind == finetune.KindDeployment {
		state = h.deploymentState
	}
	changing, committedUntil, err := state(ctx, arn)
	switch {
	case code(err) == notFound:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("looking at %s, which cannot be deleted: %w", arn, err)
	case changing != "":
		return "", finetune.Errorf(finetune.Busy, "deleting %s: it is %s; that must end first: %w", arn, changing, refusal)
	case committedUntil != nil:
		return leftOver(kind, arn, fmt.Sprintf("a commitment holds it, and bills it, until %s; it renews by itself, so delete it then", committedUntil.UTC().Format(time.RFC3339))), nil
	}
	return leftOver(kind, arn, refusal.Error()), nil
}

// provisionedState says which change of a provisioned throughput is under way,
// "" for none, and until when a commitment holds it.
func (h handler) provisionedState(ctx context.Context, arn string) (changing string, committedUntil *time.Time, err error) {
	_, out, err := h.lookAt(ctx, arn)
	if err != nil {
		return "", nil, err
	}
	if out.Status == types.ProvisionedModelStatusCreating || out.Status == types.ProvisionedModelStatusUpdating {
		changing = string(out.Status)
	}
	return changing, out.CommitmentExpirationTime, nil
}

// deploymentState says which change of a deployment is under way, "" for none.
func (h handler) deploymentState(ctx context.Context, arn string) (changing string, _ *time.Time, err error) {
	out, err := h.bedrock.GetCustomModelDeployment(ctx, &bedrock.GetCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &arn})
	if err != nil {
		return "", nil, err
	}
	if u := out.UpdateDetails; u != nil && u.UpdateStatus == types.CustomModelDeploymentUpdateStatusUpdating {
		changing = updating
	}
	if out.Status == types.CustomModelDeploymentStatusCreating {
		changing = creating
	}
	return changing, nil, nil
}

// restore points a re-pointed provisioned throughput back to what it served,
// and gives the lease back. One that was changed from outside is left alone, and so
// is one that served the run's model before as well.
func (h handler) restore(ctx context.Context, run finetune.Run, lease registry.Lease, modelARN string) (left string, err error) {
	desired, out, err := h.lookAt(ctx, lease.ThroughputARN)
	switch {
	case code(err) == notFound:
		return "", h.dropLease(ctx, run)
	case err != nil:
		return "", err
	case desired != modelARN, lease.PreviousModelARN == modelARN:
		return "", h.dropLease(ctx, run)
	case out.Status == types.ProvisionedModelStatusUpdating:
		return "", busyUpdating(lease.ThroughputARN, desired)
	}
	_, refusal := h.bedrock.UpdateProvisionedModelThroughput(ctx, repointInput(lease.ThroughputARN, lease.PreviousModelARN))
	switch {
	case refusal == nil:
		return "", h.dropLease(ctx, run)
	case passing(refusal):
		return "", fmt.Errorf("pointing %s back to %s: %w", lease.ThroughputARN, lease.PreviousModelARN, refusal)
	case code(refusal) == invalid:
		if err := h.checkSettled(ctx, lease.ThroughputARN); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("Provisioned throughput %s still serves %s, which callers must not reach: pointing it back failed (%v). Run: %s.",
		lease.ThroughputARN, modelARN, refusal, repointCommand(lease.ThroughputARN, lease.PreviousModelARN)), nil
}

// leftOver says what is left, why, and how to delete it.
func leftOver(kind, arn, reason string) string {
	return fmt.Sprintf("%s is left: %s. Delete it with: %s.", arn, reason, deleteCommand(kind, arn))
}

// deleteCommand is the command that deletes a throughput by hand.
func deleteCommand(kind, arn string) string {
	if kind == finetune.KindDeployment {
		return "aws bedrock delete-custom-model-deployment --custom-model-deployment-identifier " + arn
	}
	return "aws bedrock delete-provisioned-model-throughput --provisioned-model-id " + arn
}

// repointCommand is the command that re-points a throughput by hand.
func repointCommand(throughputARN, modelARN string) string {
	return "aws bedrock update-provisioned-model-throughput --provisioned-model-id " + throughputARN + " --desired-model-id " + modelARN
}

// sweep finds what a run made by its name and its tags: the answer to a
// purchase may have been lost, and then the record holds no ARN.
func (h handler) sweep(ctx context.Context, run finetune.Run) ([]finetune.Throughput, error) {
	var found []finetune.Throughput
	name := run.Name()
	deployments := bedrock.NewListCustomModelDeploymentsPaginator(h.bedrock, &bedrock.ListCustomModelDeploymentsInput{NameContains: &name})
	for deployments.HasMorePages() {
		page, err := deployments.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("looking for deployments named %s: %w", name, err)
		}
		for _, d := range page.ModelDeploymentSummaries {
			if aws.ToString(d.CustomModelDeploymentName) == name {
				found = append(found, finetune.Throughput{Kind: finetune.KindDeployment, ARN: aws.ToString(d.CustomModelDeploymentArn)})
			}
		}
	}
	throughputs := bedrock.NewListProvisionedModelThroughputsPaginator(h.bedrock, &bedrock.ListProvisionedModelThroughputsInput{NameContains: &name})
	for throughputs.HasMorePages() {
		page, err := throughputs.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("looking for provisioned throughputs named %s: %w", name, err)
		}
		for _, t := range page.ProvisionedModelSummaries {
			if aws.ToString(t.ProvisionedModelName) == name {
				found = append(found, finetune.Throughput{Kind: finetune.KindProvisioned, ARN: aws.ToString(t.ProvisionedModelArn)})
			}
		}
	}
	return h.onlyOurs(ctx, run, found)
}

// onlyOurs keeps what carries this stack's and this run's tags.
func (h handler) onlyOurs(ctx context.Context, run finetune.Run, found []finetune.Throughput) ([]finetune.Throughput, error) {
	var kept []finetune.Throughput
	for _, t := range found {
		ours, err := h.ours(ctx, t.ARN, run.ID)
		if err != nil {
			return nil, err
		}
		if ours {
			kept = append(kept, t)
		}
	}
	return kept, nil
}
