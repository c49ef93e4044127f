package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/registry"
)

// bedrockAPI is what submit calls of Bedrock; its policy grants exactly this.
type bedrockAPI interface {
	GetFoundationModel(context.Context, *bedrock.GetFoundationModelInput, ...func(*bedrock.Options)) (*bedrock.GetFoundationModelOutput, error)
	CreateModelCustomizationJob(context.Context, *bedrock.CreateModelCustomizationJobInput, ...func(*bedrock.Options)) (*bedrock.CreateModelCustomizationJobOutput, error)
	GetModelCustomizationJob(context.Context, *bedrock.GetModelCustomizationJobInput, ...func(*bedrock.Options)) (*bedrock.GetModelCustomizationJobOutput, error)
	GetCustomModel(context.Context, *bedrock.GetCustomModelInput, ...func(*bedrock.Options)) (*bedrock.GetCustomModelOutput, error)
	StopModelCustomizationJob(context.Context, *bedrock.StopModelCustomizationJobInput, ...func(*bedrock.Options)) (*bedrock.StopModelCustomizationJobOutput, error)
}

// kmsAPI is what submit calls of KMS.
type kmsAPI interface {
	DescribeKey(context.Context, *kms.DescribeKeyInput, ...func(*kms.Options)) (*kms.DescribeKeyOutput, error)
}

// handler serves SubmitJob.
type handler struct {
	bedrock bedrockAPI
	kms     kmsAPI
	store   registry.Store
	catalog *catalog.Catalog
	stack   stack
	// deadline is how long a job may take, in seconds.
	deadline int
	now      func() time.Time
}

// newHandler builds the clients once for the life of the environment.
func newHandler(env lambdaenv.Submit, cfg aws.Config) (handler, error) {
	hours, err := strconv.Atoi(env.DeadlineHours)
	if err != nil || hours < 1 {
		return handler{}, fmt.Errorf("the job's deadline must be a whole number of hours, not %q", env.DeadlineHours)
	}
	known, err := catalog.Load()
	if err != nil {
		return handler{}, err
	}
	return handler{
		bedrock: bedrock.NewFromConfig(cfg),
		kms:     kms.NewFromConfig(cfg),
		store:   registry.Store{S3: s3.NewFromConfig(cfg), Bucket: env.Bucket},
		catalog: known,
		stack: stack{
			name:           env.Stack,
			bucket:         env.Bucket,
			roleARN:        env.RoleARN,
			keyARN:         env.KeyARN,
			subnets:        lambdaenv.List(env.SubnetIDs),
			securityGroups: lambdaenv.List(env.SecurityGroupIDs),
		},
		deadline: hours * int(time.Hour/time.Second),
		now:      time.Now,
	}, nil
}

// Handle finds the run's job, or looks whether one should and can be made, writes
// down that a job is about to be made, makes it, and writes down its ARN.
func (h handler) Handle(ctx context.Context, in finetune.SubmitInput) (finetune.Job, error) {
	run, err := h.store.Run(ctx, in.Run.ID)
	if err != nil {
		return finetune.Job{}, err
	}
	if run.Job != nil && run.Job.ARN != "" {
		job, err := h.find(ctx, run.Job.ARN)
		job.Verified = run.Results != nil // what was recorded after the last poll
		return job, err
	}
	if err := h.checkTurn(ctx, in.Run, run.Rollback); err != nil {
		return finetune.Job{}, err
	}
	if err := h.preflight(ctx, in); err != nil {
		return finetune.Job{}, err
	}
	intent := finetune.Job{Name: in.Run.Name()}
	if err := h.record(ctx, in.Run.ID, intent); err != nil {
		return finetune.Job{}, err
	}
	job, err := h.create(ctx, in)
	if err != nil {
		return finetune.Job{}, err
	}
	if err := h.record(ctx, in.Run.ID, job); err != nil {
		return finetune.Job{}, h.stopIfClosed(ctx, in.Run.ID, job, err)
	}
	return job, nil
}

// checkTurn refuses, with kind Superseded, to train what will never be served,
// since a newer upload of the model is published: a job may have been waited for
// since the run's approval, for a day or more. A newer upload that is still on its
// way may fail, so it keeps no older one from being trained.
func (h handler) checkTurn(ctx context.Context, run finetune.Run, rollback *registry.Rollback) error {
	model, err := h.store.Model(ctx, run.Model)
	if errors.Is(err, registry.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return model.CheckTurn(run, rollback)
}

// record writes the job into the run's record, as long as the run is open.
func (h handler) record(ctx context.Context, id finetune.RunID, job finetune.Job) error {
	_, err := h.store.UpdateOpenRun(ctx, id, setJob(job))
	return err
}

// setJob sets the job unless an ARN is recorded already: an earlier call that
// was given up on may still be at work, and what it made is the same job.
func setJob(job finetune.Job) func(*registry.Run) error {
	return func(r *registry.Run) error {
		if r.Job == nil || r.Job.ARN == "" {
			r.Job = &job
		}
		return nil
	}
}

// stopIfClosed stops a job whose run was closed while it was being made, and
// answers why: whoever closed the run could not know of the job. Its ARN is
// written down all the same, so that stopping it again finds it.
func (h handler) stopIfClosed(ctx context.Context, id finetune.RunID, job finetune.Job, err error) error {
	if kind, _ := finetune.KindOf(err); kind != finetune.RunClosed {
		return fmt.Errorf("recording job %s: %w", job.ARN, err)
	}
	_, stopErr := h.bedrock.StopModelCustomizationJob(ctx, &bedrock.StopModelCustomizationJobInput{JobIdentifier: &job.ARN})
	_, recordErr := h.store.UpdateRun(ctx, id, setJob(job))
	if ended := new(types.ConflictException); errors.As(stopErr, &ended) {
		stopErr = nil // whoever closed the run found the job by its name, and was faster
	}
	if stopErr != nil {
		return finetune.Errorf(finetune.RunClosed, "%s; stopping its job failed, so run: aws bedrock stop-model-customization-job --job-identifier %s: %w", err.Error(), job.ARN, stopErr)
	}
	if recordErr != nil {
		return finetune.Errorf(finetune.RunClosed, "%s; its job %s was stopped and not recorded: %w", err.Error(), job.ARN, recordErr)
	}
	return err
}
