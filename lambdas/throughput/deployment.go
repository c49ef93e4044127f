package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"

	"github.com/tuneline/tuneline/internal/finetune"
)

// deploy makes the run's deployment beside the one that serves, or finds the
// one an earlier try made.
func (h handler) deploy(ctx context.Context, p purchase) (finetune.Throughput, error) {
	t := finetune.Throughput{
		Kind: finetune.KindDeployment, Name: p.run.Name(), Status: creating, Change: finetune.ChangeCreated,
		Waiting: finetune.NewWaiting(finetune.ThroughputDeadlineSeconds),
	}
	if err := h.intend(ctx, p, t); err != nil {
		return t, err
	}
	found, err := h.findDeployment(ctx, p, &t)
	if err != nil {
		return t, err
	}
	if !found {
		out, err := h.bedrock.CreateCustomModelDeployment(ctx, deploymentInput(p))
		if err != nil {
			err = h.deploymentRefused(ctx, p, &t, err)
		} else {
			t.ARN = aws.ToString(out.CustomModelDeploymentArn)
		}
		if err != nil {
			return t, err
		}
	}
	return h.bought(ctx, p, t)
}

// deploymentInput is the request for the run's deployment.
func deploymentInput(p purchase) *bedrock.CreateCustomModelDeploymentInput {
	return &bedrock.CreateCustomModelDeploymentInput{
		ModelDeploymentName: aws.String(p.run.Name()),
		ModelArn:            aws.String(p.model.ARN),
		Description:         aws.String(fmt.Sprintf("tuneline: model %s, run %s", p.run.Model, p.run.ID)),
		Tags:                p.tags(),
		ClientRequestToken:  p.token("deployment"),
	}
}

// findDeployment fills t from a deployment of the run's name, if there is one.
// One that is not the run's own is an error.
func (h handler) findDeployment(ctx context.Context, p purchase, t *finetune.Throughput) (bool, error) {
	out, err := h.bedrock.GetCustomModelDeployment(ctx, &bedrock.GetCustomModelDeploymentInput{CustomModelDeploymentIdentifier: aws.String(p.run.Name())})
	if code(err) == notFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for deployment %s: %w", p.run.Name(), err)
	}
	arn := aws.ToString(out.CustomModelDeploymentArn)
	ours, err := h.ours(ctx, arn, p.run.ID)
	if err != nil {
		return false, err
	}
	if !ours || aws.ToString(out.ModelArn) != p.model.ARN {
		return false, nameTaken(p, arn)
	}
	t.ARN, t.Status = arn, string(out.Status)
	return true, nil
}

// deploymentRefused says what a refusal to make a deployment means. A name
// taken may be an earlier try whose answer was lost.
func (h handler) deploymentRefused(ctx context.Context, p purchase, t *finetune.Throughput, refusal error) error {
	switch code(refusal) {
	case quotaExceeded:
		return finetune.Errorf(finetune.Busy, "creating deployment %s: a quota of %s is used up: deployments in progress (L-430C95DD, 2 by default) or in total (L-1EF80F3E, 10 by default). It is tried again; delete a deployment or raise the quota in Service Quotas: %w", p.run.Name(), regionOf(p.model.ARN), refusal)
	case invalid:
		found, err := h.findDeployment(ctx, p, t)
		if err != nil || found {
			return err
		}
		if nameLingers(p, refusal) {
			return lingering(p, refusal)
		}
		return undeployable(p, refusal)
	case notFound:
		return undeployable(p, refusal)
	}
	return fmt.Errorf("creating deployment %s: %w", p.run.Name(), refusal)
}

// undeployable is the error for a custom model that Bedrock does not deploy.
func undeployable(p purchase, refusal error) error {
	return finetune.Errorf(finetune.ThroughputFailed, "creating deployment %s: Bedrock refuses to deploy %s: %w", p.run.Name(), p.model.ARN, refusal)
}
