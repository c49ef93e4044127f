package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// api is what analyze calls of S3, the registry's calls included; its policy
// grants exactly this.
type api interface {
	registry.API
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// handler serves AnalyzeResults.
type handler struct {
	s3     api
	bucket string
	store  registry.Store
}

// Handle reads the job's metrics, judges them, and writes job, model and
// results into the run's record and its report. Of a run that goes on from its
// trained model the results stand as they were judged.
func (h handler) Handle(ctx context.Context, in finetune.AnalyzeInput) (finetune.Results, error) {
	before, err := h.store.Run(ctx, in.Run.ID)
	if err != nil {
		return finetune.Results{}, err
	}
	if before.Attempt() > 0 && before.Results != nil {
		return *before.Results, nil
	}
	found, err := h.metrics(ctx, in.Run.ID, in.Job.ARN)
	if err != nil {
		return finetune.Results{}, err
	}
	results := judge(found)
	results.ReportURI = finetune.S3URI(h.bucket, finetune.RunReportKey(in.Run.ID))
	_, err = h.store.UpdateRun(ctx, in.Run.ID, func(r *registry.Run) error {
		r.Job = &in.Job
		r.CustomModel = &finetune.Model{ARN: in.Job.OutputModelARN, Name: in.Job.OutputModelName}
		r.Results = &results
		return nil
	})
	if err != nil {
		return finetune.Results{}, err
	}
	return results, h.store.ReportRun(ctx, in.Run.ID)
}
