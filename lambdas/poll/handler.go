package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/bedrock"

	"github.com/tuneline/tuneline/internal/finetune"
)

// api is what poll calls of Bedrock; its policy grants exactly this.
type api interface {
	GetModelCustomizationJob(context.Context, *bedrock.GetModelCustomizationJobInput, ...func(*bedrock.Options)) (*bedrock.GetModelCustomizationJobOutput, error)
	GetCustomModel(context.Context, *bedrock.GetCustomModelInput, ...func(*bedrock.Options)) (*bedrock.GetCustomModelOutput, error)
	GetCustomModelDeployment(context.Context, *bedrock.GetCustomModelDeploymentInput, ...func(*bedrock.Options)) (*bedrock.GetCustomModelDeploymentOutput, error)
	GetProvisionedModelThroughput(context.Context, *bedrock.GetProvisionedModelThroughputInput, ...func(*bedrock.Options)) (*bedrock.GetProvisionedModelThroughputOutput, error)
}

// handler serves PollJob and PollThroughput.
type handler struct {
	bedrock api
	private private
}

// Handle answers the job or the throughput it was passed, refreshed. Failed
// and Stopped are answers, not errors: the state machine decides what follows.
// Only a job that failed over its data set raises DatasetRejected.
func (h handler) Handle(ctx context.Context, in finetune.PollInput) (any, error) {
	switch {
	case in.Job != nil && in.Throughput == nil && in.Model == nil:
		return h.pollJob(ctx, *in.Job)
	case in.Job == nil && in.Throughput != nil && in.Model != nil:
		return h.pollThroughput(ctx, *in.Throughput, in.Model.ARN)
	}
	return nil, finetune.Errorf(finetune.Internal, "polling: the input must hold either a job or a throughput with its model; deploy functions and state machine from the same source")
}
