package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
)

// pollJob asks Bedrock for the job, checks that it is private unless that was
// seen before, and answers it as it stands. A job counts as completed only once its custom model is ready.
// One that failed over its data is an error, so that the run ends Rejected as it
// would have had the check found the fault.
func (h handler) pollJob(ctx context.Context, job finetune.Job) (finetune.Job, error) {
	out, err := h.bedrock.GetModelCustomizationJob(ctx, &bedrock.GetModelCustomizationJobInput{JobIdentifier: &job.ARN})
	if err != nil {
		return job, fmt.Errorf("polling job %s: %w", job.ARN, err)
	}
	if !job.Verified {
		if err := h.private.check(job.ARN, out); err != nil {
			return job, err
		}
	}
	job = refresh(job, out)
	if job.Status == completed {
		job, err = h.awaitModel(ctx, job)
		if err != nil {
			return job, err
		}
	}
	if job.Status == failed {
		if fault, ok := finetune.DataFault(job.FailureMessage); ok {
			return job, finetune.Errorf(finetune.DatasetRejected, "job %s failed over a data set that the check had accepted. %s. %s", job.Name, fault, inFull(job, out))
		}
		job.FailureMessage = cmp.Or(job.FailureMessage, fmt.Sprintf("job %s failed and Bedrock gave no reason", job.Name)) + ". " + inFull(job, out)
	}
	job.Waiting = job.Next()
	return job, nil
}

// inFull says where all of Bedrock's words stand: of a message that it quotes data
// in, only plain words are told.
func inFull(job finetune.Job, out *bedrock.GetModelCustomizationJobOutput) string {
	command := "get-model-customization-job --job-identifier " + job.ARN
	if string(out.Status) == completed { // it is the model that failed
		command = "get-custom-model --model-identifier " + job.OutputModelARN
	}
	return "Bedrock's own words: aws bedrock " + command
}

// The job statuses this step reasons about.
const (
	inProgress = string(types.ModelCustomizationJobStatusInProgress)
	completed  = string(types.ModelCustomizationJobStatusCompleted)
	failed     = string(types.ModelCustomizationJobStatusFailed)
)

// refresh carries over what GetModelCustomizationJob says. A status the shape
// leaves out means that the job goes on; a status not known here is passed on
// as it is, since the state machine has an end for it.
func refresh(job finetune.Job, out *bedrock.GetModelCustomizationJobOutput) finetune.Job {
	job.Status = string(out.Status)
	if job.Status == "" {
		job.Status = inProgress
	}
	job.Phase = phase(out.StatusDetails)
	job.FailureMessage = finetune.PlainWords(aws.ToString(out.FailureMessage))
	job.OutputModelARN = aws.ToString(out.OutputModelArn)
	job.OutputModelName = aws.ToString(out.OutputModelName)
	return job
}

// phase is the furthest part of the job that has begun, "" when Bedrock does
// not say: statusDetails is optional and documented for some jobs only.
func phase(details *types.StatusDetails) string {
	if details == nil {
		return ""
	}
	begun := func(status types.JobStatusDetails) bool {
		return status != "" && status != types.JobStatusDetailsNotStarted
	}
	switch {
	case details.TrainingDetails != nil && begun(details.TrainingDetails.Status):
		return "training"
	case details.DataProcessingDetails != nil && begun(details.DataProcessingDetails.Status):
		return "dataProcessing"
	case details.ValidationDetails != nil && begun(details.ValidationDetails.Status):
		return "validation"
	}
	return ""
}

// awaitModel keeps a completed job in progress until its custom model can be
// served: it exists before that, with status Creating. One that was seen before
// and is missing does not come any more.
func (h handler) awaitModel(ctx context.Context, job finetune.Job) (finetune.Job, error) {
	if job.OutputModelARN == "" && job.Verified {
		return job, finetune.Errorf(finetune.ModelDeleted, "job %s, which had made a custom model, names none any more: it was deleted, and nothing else can be served in its place", job.ARN)
	}
	if job.OutputModelARN == "" {
		job.Status = inProgress
		return job, nil
	}
	model, err := h.bedrock.GetCustomModel(ctx, &bedrock.GetCustomModelInput{ModelIdentifier: &job.OutputModelARN})
	if missing := new(types.ResourceNotFoundException); errors.As(err, &missing) {
		if job.Verified {
			return job, finetune.Errorf(finetune.ModelDeleted, "custom model %s of job %s was deleted, and nothing else can be served in its place: %w", job.OutputModelARN, job.Name, err)
		}
		job.Status = inProgress
		return job, nil
	}
	if err != nil {
		return job, fmt.Errorf("polling custom model %s of job %s: %w", job.OutputModelARN, job.ARN, err)
	}
	switch model.ModelStatus {
	case types.ModelStatusCreating:
		job.Status = inProgress
	case types.ModelStatusFailed:
		job.Status = failed
		job.FailureMessage = finetune.PlainWords(aws.ToString(model.FailureMessage))
	}
	return job, nil
}

// private is what makes a job private: the network it runs in and the key its
// model is encrypted with. No IAM condition can demand either, so they are
// verified from what Bedrock shows.
type private struct {
	keyARN                  string
	subnets, securityGroups []string
}

// check compares what Bedrock shows of the job with what was asked for. The
// model's key is shown only once there is a model.
func (p private) check(arn string, out *bedrock.GetModelCustomizationJobOutput) error {
	var vpc types.VpcConfig
	if out.VpcConfig != nil {
		vpc = *out.VpcConfig
	}
	var differs []string
	if !sameSet(vpc.SubnetIds, p.subnets) {
		differs = append(differs, fmt.Sprintf("subnets %v instead of %v", vpc.SubnetIds, p.subnets))
	}
	if !sameSet(vpc.SecurityGroupIds, p.securityGroups) {
		differs = append(differs, fmt.Sprintf("security groups %v instead of %v", vpc.SecurityGroupIds, p.securityGroups))
	}
	key := aws.ToString(out.OutputModelKmsKeyArn)
	if key != p.keyARN && (key != "" || aws.ToString(out.OutputModelArn) != "") {
		differs = append(differs, fmt.Sprintf("key %q instead of %s", key, p.keyARN))
	}
	if differs == nil {
		return nil
	}
	return finetune.Errorf(finetune.JobNotPrivate, "job %s (%s) has %s; it is stopped. See who started it in CloudTrail (CreateModelCustomizationJob), then upload the data set again", arn, out.Status, strings.Join(differs, " and "))
}

// sameSet says whether got and want hold the same ids, in any order.
func sameSet(got, want []string) bool {
	sorted := func(ids []string) []string { return slices.Compact(slices.Sorted(slices.Values(ids))) }
	return slices.Equal(sorted(got), sorted(want))
}
