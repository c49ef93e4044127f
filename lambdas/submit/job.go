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

// stack is what every job of this stack has in common.
type stack struct {
	// name is the stack's, for tags.
	name, bucket            string
	roleARN, keyARN         string
	subnets, securityGroups []string
}

// create makes the run's job. Name and token are the run's own, so a second
// call is answered with the first one's job, or with a refusal of its name,
// which may come as either of two errors.
func (h handler) create(ctx context.Context, in finetune.SubmitInput) (finetune.Job, error) {
	out, err := h.bedrock.CreateModelCustomizationJob(ctx, jobInput(h.stack, in))
	var (
		conflict *types.ConflictException
		invalid  *types.ValidationException
	)
	if errors.As(err, &conflict) || errors.As(err, &invalid) {
		return h.adopt(ctx, in, err)
	}
	if err != nil {
		return finetune.Job{}, explain(in, err)
	}
	return finetune.Job{
		ARN:     aws.ToString(out.JobArn),
		Name:    in.Run.Name(),
		Status:  string(types.ModelCustomizationJobStatusInProgress),
		Waiting: finetune.NewWaiting(h.deadline),
	}, nil
}

// adopt takes over the job that has the run's name already, if it trains on
// the run's accepted copy, whose key no other run shares. When no job has the
// name, the refusal is about something else.
func (h handler) adopt(ctx context.Context, in finetune.SubmitInput, refusal error) (finetune.Job, error) {
	name := in.Run.Name()
	out, err := h.bedrock.GetModelCustomizationJob(ctx, &bedrock.GetModelCustomizationJobInput{JobIdentifier: &name})
	if missing := new(types.ResourceNotFoundException); errors.As(err, &missing) {
		return finetune.Job{}, explain(in, refusal)
	}
	if err != nil {
		return finetune.Job{}, fmt.Errorf("looking for the job that has the name %s (%s): %w", name, refusal.Error(), err)
	}
	if data := out.TrainingDataConfig; data == nil || aws.ToString(data.S3Uri) != in.Training.URI {
		return finetune.Job{}, finetune.Errorf(finetune.Internal, "creating job %s: the name belongs to %s, which does not train on %s; delete its model or upload the data set again: %w", name, aws.ToString(out.JobArn), in.Training.URI, refusal)
	}
	return h.answer(out), nil
}

// find answers a job that was recorded before.
func (h handler) find(ctx context.Context, arn string) (finetune.Job, error) {
	out, err := h.bedrock.GetModelCustomizationJob(ctx, &bedrock.GetModelCustomizationJobInput{JobIdentifier: &arn})
	if err != nil {
		return finetune.Job{}, fmt.Errorf("looking for job %s: %w", arn, err)
	}
	return h.answer(out), nil
}

// answer is a job as Bedrock shows it, with the waiting yet to come: whether
// it is private and its model ready is for the poll that follows to see.
func (h handler) answer(out *bedrock.GetModelCustomizationJobOutput) finetune.Job {
	job := finetune.Job{
		ARN:             aws.ToString(out.JobArn),
		Name:            aws.ToString(out.JobName),
		Status:          string(out.Status),
		FailureMessage:  finetune.PlainWords(aws.ToString(out.FailureMessage)),
		OutputModelARN:  aws.ToString(out.OutputModelArn),
		OutputModelName: aws.ToString(out.OutputModelName),
		Waiting:         finetune.NewWaiting(h.deadline),
	}
	switch out.Status {
	case "":
		job.Status = string(types.ModelCustomizationJobStatusInProgress)
	case types.ModelCustomizationJobStatusCompleted:
		job.Waiting = finetune.NoWaiting(h.deadline)
	}
	return job
}

// jobInput maps a run to the request
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelCustomizationJob.html).
func jobInput(s stack, in finetune.SubmitInput) *bedrock.CreateModelCustomizationJobInput {
	tags := []types.Tag{
		{Key: aws.String(finetune.TagStack), Value: &s.name},
		{Key: aws.String(finetune.TagModel), Value: &in.Run.Model},
		{Key: aws.String(finetune.TagRun), Value: aws.String(string(in.Run.ID))},
	}
	request := &bedrock.CreateModelCustomizationJobInput{
		JobName:             aws.String(in.Run.Name()),
		CustomModelName:     aws.String(in.Run.Name()),
		RoleArn:             &s.roleARN,
		ClientRequestToken:  aws.String(in.Run.Token("job")),
		BaseModelIdentifier: &in.Settings.BaseModel,
		CustomizationType:   types.CustomizationType(in.Settings.CustomizationType),
		CustomModelKmsKeyId: &s.keyARN,
		JobTags:             tags,
		CustomModelTags:     tags,
		TrainingDataConfig:  &types.TrainingDataConfig{S3Uri: &in.Training.URI},
		OutputDataConfig:    &types.OutputDataConfig{S3Uri: aws.String(finetune.S3URI(s.bucket, finetune.OutputPrefix(in.Run.ID)))},
		HyperParameters:     in.Settings.Hyperparameters,
		VpcConfig:           &types.VpcConfig{SubnetIds: s.subnets, SecurityGroupIds: s.securityGroups},
	}
	if in.Validation != nil {
		request.ValidationDataConfig = &types.ValidationDataConfig{Validators: []types.Validator{{S3Uri: &in.Validation.URI}}}
	}
	return request
}
