package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/s3object"
	"github.com/tuneline/tuneline/internal/strict"
)

// api is what validate calls of S3, the registry's and the reader's calls
// included; its policy grants exactly this.
type api interface {
	registry.API
	s3object.API
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
	CopyObject(context.Context, *s3.CopyObjectInput, ...func(*s3.Options)) (*s3.CopyObjectOutput, error)
	CreateMultipartUpload(context.Context, *s3.CreateMultipartUploadInput, ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error)
	UploadPartCopy(context.Context, *s3.UploadPartCopyInput, ...func(*s3.Options)) (*s3.UploadPartCopyOutput, error)
	CompleteMultipartUpload(context.Context, *s3.CompleteMultipartUploadInput, ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error)
	AbortMultipartUpload(context.Context, *s3.AbortMultipartUploadInput, ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error)
}

// handler serves ValidateDataset.
type handler struct {
	s3             api
	bucket, region string
	// defaults are the stack's settings.
	defaults finetune.Settings
	// allowed are the ids of the base models that may be tuned.
	allowed []string
	store   registry.Store
	catalog *catalog.Catalog
	prices  *catalog.Prices
	limits  copyLimits
	// streaming is how data sets are read, maxBytes how many bytes of them at most.
	streaming s3object.Options
	maxBytes  int64
	// look says what else is looked for in texts, lookTo in how many bytes at most.
	look   look
	lookTo int64
	// maxMedia is how many objects are looked through for media.
	maxMedia int
	now      func() time.Time
}

// newHandler builds the client once for the life of the environment.
func newHandler(env lambdaenv.Validate, cfg aws.Config) (handler, error) {
	known, err := catalog.Load()
	if err != nil {
		return handler{}, err
	}
	prices, err := catalog.LoadPrices()
	if err != nil {
		return handler{}, err
	}
	var defaults finetune.Settings
	if err := strict.Decode([]byte(env.Defaults), lambdaenv.MaxVariable, &defaults); err != nil {
		return handler{}, fmt.Errorf("decoding the stack's settings: %w", err)
	}
	look, err := newLook(env.Secrets, env.PersonalData)
	if err != nil {
		return handler{}, err
	}
	client := s3.NewFromConfig(cfg)
	return handler{
		s3: client, bucket: env.Bucket, region: env.Region, defaults: defaults, allowed: lambdaenv.List(env.BaseModels),
		store:   registry.Store{S3: client, Bucket: env.Bucket},
		catalog: known, prices: prices, limits: s3CopyLimits,
		streaming: streaming, maxBytes: maxBytes, look: look, lookTo: lookTo, maxMedia: maxMedia, now: time.Now,
	}, nil
}

// Handle writes down what the execution is about, claims the upload's run, settles its settings, checks its data,
// reports on both, and copies what was checked. Called again by the execution
// that owns the run, it answers what it answered before.
func (h handler) Handle(ctx context.Context, in finetune.ValidateInput) (finetune.Report, error) {
	model, err := h.model(in.Dataset)
	if err != nil {
		return finetune.Report{}, err
	}
	if err := h.store.NoteExecution(ctx, registry.Execution{ARN: in.ExecutionARN, Dataset: in.Dataset}); err != nil {
		return finetune.Report{}, err
	}
	record, err := h.claim(ctx, model, in)
	if err != nil {
		return finetune.Report{}, err
	}
	if record.ExecutionARN != in.ExecutionARN {
		return finetune.Report{Outcome: finetune.OutcomeDuplicate}, nil
	}
	if record.Closed { // the execution ended while this call was under way
		return finetune.Report{}, finetune.Errorf(finetune.RunClosed, "run %s was closed, since its execution ended; nothing is checked for it any more", record.ID)
	}
	if record.Report != nil {
		return *record.Report, nil
	}
	upload, err := s3object.Head(ctx, h.s3, in.Dataset.Bucket, in.Dataset.Key, in.Dataset.VersionID)
	if err != nil {
		return finetune.Report{}, reading(in.Dataset.Key, in.Dataset.VersionID, err)
	}
	run := identify(model, in.Dataset, upload)
	report, err := h.check(ctx, run, in.Dataset, upload)
	if err != nil {
		return finetune.Report{}, err
	}
	estimate := h.prices.Estimate(report.Settings, h.region, report.Training.Tokens)
	record, err = h.store.UpdateOpenRun(ctx, run.ID, setReport(report, estimate))
	if err != nil {
		return finetune.Report{}, err
	}
	return *record.Report, nil
}

// setReport sets the report, and the estimate made of it, unless one is recorded
// already: an earlier call that was given up on may still be at work, and may have
// found other settings or other validation data. The first one's report is what the
// run goes on with.
func setReport(report finetune.Report, estimate finetune.Estimate) func(*registry.Run) error {
	return func(r *registry.Run) error {
		if r.Report == nil {
			r.Report, r.Estimate = &report, &estimate
		}
		return nil
	}
}

// model is the model that the upload belongs to, by its key.
func (h handler) model(d finetune.Dataset) (string, error) {
	if d.Bucket != h.bucket {
		return "", finetune.Errorf(finetune.DatasetRejected, "the data set lies in bucket %s, but only uploads to %s are tuned: upload it there", d.Bucket, h.bucket)
	}
	model, err := finetune.ModelName(d.Key)
	if err != nil {
		return "", finetune.Errorf(finetune.DatasetRejected, "data set %s: %w", finetune.S3URI(d.Bucket, d.Key), err)
	}
	if !pinned(d.VersionID) {
		return "", finetune.Errorf(finetune.SettingsRejected, "data set %s has no version: turn versioning of bucket %s on again and upload the data set again", finetune.S3URI(d.Bucket, d.Key), d.Bucket)
	}
	return model, nil
}

// pinned says whether a version id names bytes that nobody can change: S3's
// "null" version, of a bucket without versioning, is overwritten in place.
func pinned(versionID string) bool { return versionID != "" && versionID != "null" }

// claim makes this execution the owner of the run, or says who owns it. A run
// that is resumed or rolled back to changes hands.
func (h handler) claim(ctx context.Context, model string, in finetune.ValidateInput) (registry.Run, error) {
	id := in.Dataset.RunID()
	if in.Rollback {
		record, err := h.store.Rollback(ctx, id, in.ExecutionARN)
		if errors.Is(err, registry.ErrNotFound) {
			return record, finetune.Errorf(finetune.SettingsRejected, "model %s cannot go back to run %s: there is no record of it: %w", model, id, err)
		}
		return record, err
	}
	if !in.Resume {
		return h.store.Claim(ctx, registry.Run{
			ID: id, Model: model, Dataset: in.Dataset, ExecutionARN: in.ExecutionARN, ClaimedAt: h.now().UTC(),
		})
	}
	record, err := h.store.Reclaim(ctx, id, in.ExecutionARN)
	if errors.Is(err, registry.ErrNotFound) {
		return record, finetune.Errorf(finetune.SettingsRejected, "run %s cannot be resumed: there is no record of it; upload the data set again: %w", id, err)
	}
	return record, err
}

// identify gives the run its place among the model's uploads.
func identify(model string, d finetune.Dataset, upload s3object.Object) finetune.Run {
	id := d.RunID()
	return finetune.Run{ID: id, Model: model, Order: finetune.UploadOrder{
		LastModified: upload.LastModified, Key: d.Key, Sequencer: d.Sequencer, RunID: id,
	}}
}
