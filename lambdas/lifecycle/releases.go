package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
)

func tagsInput(arn string) *bedrock.ListTagsForResourceInput {
	return &bedrock.ListTagsForResourceInput{ResourceARN: &arn}
}

// releaseThroughputs deletes the stack's provisioned throughputs.
func (h handler) releaseThroughputs(ctx context.Context, tags tagReader, left *leftover) {
	pages := bedrock.NewListProvisionedModelThroughputsPaginator(h.bedrock, &bedrock.ListProvisionedModelThroughputsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			left.fail(fmt.Errorf("listing provisioned throughputs: %w", err))
			return
		}
		for _, t := range page.ProvisionedModelSummaries {
			h.releaseThroughput(ctx, tags, t, left)
		}
	}
}

// releaseThroughput deletes one, if it is the stack's. A change under way ends
// by itself; a commitment ends with its term, and renews.
func (h handler) releaseThroughput(ctx context.Context, tags tagReader, t types.ProvisionedModelSummary, left *leftover) {
	arn := aws.ToString(t.ProvisionedModelArn)
	ours, err := tags.ours(ctx, arn)
	if err != nil || !ours {
		left.fail(err)
		return
	}
	command := "aws bedrock delete-provisioned-model-throughput --provisioned-model-id " + arn
	h.log.Info("deleting", "throughput", arn)
	_, err = h.bedrock.DeleteProvisionedModelThroughput(ctx, &bedrock.DeleteProvisionedModelThroughputInput{ProvisionedModelId: &arn})
	refused := code(err) == conflict || code(err) == invalid
	changing := t.Status == types.ProvisionedModelStatusCreating || t.Status == types.ProvisionedModelStatusUpdating
	switch {
	case err == nil:
		left.wait("provisioned throughput %s was just deleted", arn)
	case code(err) == notFound:
	case refused && changing:
		left.wait("provisioned throughput %s is %s and cannot be deleted before that is through (then: %s)", arn, t.Status, command)
	case refused && t.CommitmentExpirationTime != nil:
		left.committed = append(left.committed, fmt.Sprintf("provisioned throughput %s is held, and billed, by a commitment until %s; it renews by itself, so delete it then with: %s", arn, t.CommitmentExpirationTime.UTC().Format(time.RFC3339), command))
	default:
		left.fail(fmt.Errorf("deleting provisioned throughput %s (by hand: %s): %w", arn, command, err))
	}
}

// releaseDeployments deletes the stack's custom model deployments.
func (h handler) releaseDeployments(ctx context.Context, tags tagReader, left *leftover) {
	pages := bedrock.NewListCustomModelDeploymentsPaginator(h.bedrock, &bedrock.ListCustomModelDeploymentsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			left.fail(fmt.Errorf("listing custom model deployments: %w", err))
			return
		}
		for _, d := range page.ModelDeploymentSummaries {
			h.releaseDeployment(ctx, tags, d, left)
		}
	}
}

// releaseDeployment deletes one, if it is the stack's.
func (h handler) releaseDeployment(ctx context.Context, tags tagReader, d types.CustomModelDeploymentSummary, left *leftover) {
	arn := aws.ToString(d.CustomModelDeploymentArn)
	ours, err := tags.ours(ctx, arn)
	if err != nil || !ours {
		left.fail(err)
		return
	}
	command := "aws bedrock delete-custom-model-deployment --custom-model-deployment-identifier " + arn
	h.log.Info("deleting", "deployment", arn)
	_, err = h.bedrock.DeleteCustomModelDeployment(ctx, &bedrock.DeleteCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &arn})
	switch {
	case err == nil:
		left.wait("deployment %s was just deleted", arn)
	case code(err) == notFound:
	case code(err) == conflict, code(err) == invalid && d.Status == types.CustomModelDeploymentStatusCreating:
		left.wait("deployment %s is %s and being changed; it cannot be deleted before that is through (then: %s)", arn, d.Status, command)
	default:
		left.fail(fmt.Errorf("deleting deployment %s (by hand: %s): %w", arn, command, err))
	}
}

// nameModels logs the custom models that stay: they are billed by the month and
// cannot be made again without training.
func (h handler) nameModels(ctx context.Context, tags tagReader) {
	pages := bedrock.NewListCustomModelsPaginator(h.bedrock, &bedrock.ListCustomModelsInput{IsOwned: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			h.log.Warn("the custom models that stay could not be listed; see: aws bedrock list-custom-models --is-owned", "error", err.Error())
			return
		}
		for _, m := range page.ModelSummaries {
			arn := aws.ToString(m.ModelArn)
			ours, err := tags.ours(ctx, arn)
			if err != nil {
				h.log.Warn("whose custom model this is could not be found out", "model", arn, "error", err.Error())
			}
			if ours {
				h.log.Info("kept: a custom model, billed by the month", "model", arn, "name", aws.ToString(m.ModelName),
					"deleteWith", "aws bedrock delete-custom-model --model-identifier "+arn)
			}
		}
	}
}
