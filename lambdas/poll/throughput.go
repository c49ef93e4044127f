package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Statuses a throughput is answered with, beside those the API answers itself.
const (
	updating         = string(types.ProvisionedModelStatusUpdating)
	throughputFailed = string(types.ProvisionedModelStatusFailed)
)

// state is what a throughput looks like: a status, and a reason when it failed.
type state struct {
	status, reason string
}

// pollThroughput answers the throughput as it stands. It is ready only once it
// serves modelARN: a throughput that is updated in place answers with its
// earlier model until the change is through.
func (h handler) pollThroughput(ctx context.Context, t finetune.Throughput, modelARN string) (finetune.Throughput, error) {
	look := h.deployment
	switch t.Kind {
	case finetune.KindDeployment:
	case finetune.KindProvisioned:
		look = h.provisioned
	default:
		return t, finetune.Errorf(finetune.Internal, "polling throughput %s: its kind is %q, neither %s nor %s", t.ARN, t.Kind, finetune.KindDeployment, finetune.KindProvisioned)
	}
	now, err := look(ctx, t.ARN, modelARN)
	if missing := new(types.ResourceNotFoundException); errors.As(err, &missing) {
		now, err = state{throughputFailed, fmt.Sprintf("throughput %s does not exist any more: it was deleted from outside", t.ARN)}, nil
	}
	if err != nil {
		return t, fmt.Errorf("polling throughput %s: %w", t.ARN, err)
	}
	if now.status == throughputFailed && now.reason == "" {
		now.reason = fmt.Sprintf("throughput %s failed and Bedrock gave no reason", t.ARN)
	}
	t.Status, t.FailureMessage = now.status, now.reason
	t.Waiting = t.Next()
	return t, nil
}

// deployment asks for a custom model deployment.
func (h handler) deployment(ctx context.Context, arn, modelARN string) (state, error) {
	out, err := h.bedrock.GetCustomModelDeployment(ctx, &bedrock.GetCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &arn})
	if err != nil {
		return state{}, err
	}
	return deploymentState(out, modelARN), nil
}

// deploymentState reads a deployment's status, and the update under way if any.
func deploymentState(out *bedrock.GetCustomModelDeploymentOutput, modelARN string) state {
	status := string(out.Status)
	switch out.Status {
	case types.CustomModelDeploymentStatusFailed:
		return state{status, finetune.PlainWords(aws.ToString(out.FailureMessage))}
	case types.CustomModelDeploymentStatusActive:
	default:
		return state{status: status}
	}
	if update := out.UpdateDetails; update != nil && update.UpdateStatus == types.CustomModelDeploymentUpdateStatusUpdating {
		return state{status: updating}
	}
	if serves := aws.ToString(out.ModelArn); serves != modelARN {
		return state{throughputFailed, fmt.Sprintf("deployment %s serves custom model %s and not %s: it was changed from outside", aws.ToString(out.CustomModelDeploymentArn), serves, modelARN)}
	}
	return state{status: status}
}

// provisioned asks for a provisioned throughput.
func (h handler) provisioned(ctx context.Context, arn, modelARN string) (state, error) {
	out, err := h.bedrock.GetProvisionedModelThroughput(ctx, &bedrock.GetProvisionedModelThroughputInput{ProvisionedModelId: &arn})
	if err != nil {
		return state{}, err
	}
	return provisionedState(out, modelARN), nil
}

// provisionedState reads a provisioned throughput's status: modelArn is what
// it serves, desiredModelArn what it was asked to serve.
func provisionedState(out *bedrock.GetProvisionedModelThroughputOutput, modelARN string) state {
	status := string(out.Status)
	serves, desired := aws.ToString(out.ModelArn), aws.ToString(out.DesiredModelArn)
	switch {
	case out.Status == types.ProvisionedModelStatusFailed:
		return state{status, finetune.PlainWords(aws.ToString(out.FailureMessage))}
	case out.Status != types.ProvisionedModelStatusInService || serves == modelARN:
		return state{status: status}
	case desired == modelARN:
		return state{status: updating}
	}
	return state{throughputFailed, fmt.Sprintf("provisioned throughput %s serves model %s and was asked for %s, not for %s: it was changed from outside", aws.ToString(out.ProvisionedModelArn), serves, desired, modelARN)}
}
