package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/s3object"
)

// datasetReport is what is written about a check, accepted or not.
type datasetReport struct {
	Run       finetune.Run     `json:"run"`
	Dataset   finetune.Dataset `json:"dataset"`
	CheckedAt time.Time        `json:"checkedAt"`
	Accepted  bool             `json:"accepted"`
	// Settings are the settled ones, or those asked for when there are problems.
	Settings         finetune.Settings `json:"settings"`
	SettingsProblems []string          `json:"settingsProblems"`
	// TuningVersionID is the version of the model's tuning.json that was used.
	TuningVersionID string `json:"tuningVersionId,omitempty"`
	// Training and Validation are null when the check did not come to them.
	Training   *checked `json:"training"`
	Validation *checked `json:"validation"`
	// NotLookedFor is what the stack does not have looked for in texts, or what
	// there was no time to look for.
	NotLookedFor []string `json:"notLookedFor,omitempty"`
}

// bytes is the size of training and validation data together.
func (r datasetReport) bytes() int64 {
	size := r.Training.Bytes
	if r.Validation != nil {
		size += r.Validation.Bytes
	}
	return size
}

// checked is one file that was read to its end, and what was found.
type checked struct {
	Key       string `json:"key"`
	VersionID string `json:"versionId"`
	dataset.Report
}

// check settles the settings, checks the data, writes the report on both, and
// copies what was accepted.
func (h handler) check(ctx context.Context, run finetune.Run, d finetune.Dataset, training s3object.Object) (finetune.Report, error) {
	timed, cancel := inTime(ctx)
	defer cancel()
	how, err := h.settle(timed, run.Model)
	if err != nil {
		return finetune.Report{}, err
	}
	report := datasetReport{
		Run: run, Dataset: d, CheckedAt: h.now().UTC(),
		Settings: how.settings, SettingsProblems: how.problems, TuningVersionID: how.tuningVersion,
	}
	if how.problems == nil {
		report.Training, report.Validation, err = h.checkData(timed, run.Model, training, how)
		if err != nil {
			return finetune.Report{}, err
		}
		report.NotLookedFor = h.look.leftOut(report.bytes() <= h.lookTo)
		report.Accepted = report.Training.Accepted && (report.Validation == nil || report.Validation.Accepted)
	}
	if err := h.store.WriteDatasetReport(ctx, run.ID, report); err != nil {
		return finetune.Report{}, err
	}
	uri := finetune.S3URI(h.bucket, finetune.DatasetReportKey(run.ID))
	if err := rejection(report, uri); err != nil {
		return finetune.Report{}, err
	}
	return h.accept(timed, report, uri)
}

// checkData checks the validation data first: both count against the same
// limits, and a record that stands in both is a finding of the training data.
func (h handler) checkData(ctx context.Context, model string, upload s3object.Object, how settled) (training, validation *checked, err error) {
	options, err := h.optionsFor(how)
	if err != nil {
		return nil, nil, err
	}
	held, err := h.validationData(ctx, model)
	if err != nil {
		return nil, nil, err
	}
	size := upload.Size + held.Size
	if size > h.maxBytes {
		return tooLarge(upload, size, h.maxBytes, "leave records out, or write characters as UTF-8 where they are \\u escapes", options), nil, nil
	}
	if h.look.refuses() && size > h.lookTo {
		return tooLarge(upload, size, h.lookTo, "leave records out; or look for secrets and personal data on your machine, and have the stack's dataset.secrets and dataset.personalData set to note", options), nil, nil
	}
	if size <= h.lookTo {
		h.look.in(&options)
	}
	media := h.mediaOf(ctx, model)
	media.lookIn(&options)
	if held.Key != "" {
		options.Role = dataset.RoleValidation
		validation, err = h.checkFile(ctx, held, options)
		if err != nil {
			return nil, nil, err
		}
		options.Role, options.Validation = dataset.RoleTraining, &validation.Report
	}
	training, err = h.checkFile(ctx, upload, options)
	if err != nil {
		return nil, nil, err
	}
	return training, validation, media.outcome(&training.Report)
}

// validationData looks for the model's validation data as it is now; the object
// has no key when there is none.
func (h handler) validationData(ctx context.Context, model string) (s3object.Object, error) {
	key := finetune.ValidationKey(model)
	object, err := s3object.Head(ctx, h.s3, h.bucket, key, "")
	if gone(err) {
		return s3object.Object{}, nil
	}
	if err != nil {
		return s3object.Object{}, fmt.Errorf("looking at %s: %w", key, err)
	}
	if !pinned(object.VersionID) {
		return s3object.Object{}, finetune.Errorf(finetune.SettingsRejected, "%s has no version: turn versioning of bucket %s on again and upload it again", key, h.bucket)
	}
	return object, nil
}

// checkFile streams one version of an object through the check.
func (h handler) checkFile(ctx context.Context, file s3object.Object, options dataset.Options) (_ *checked, err error) {
	body := file.Open(ctx, h.s3, h.streaming)
	defer func() { err = errors.Join(err, body.Close()) }()
	options.Size, options.Digest = file.Size, true
	options.NearDuplicates = file.Size <= nearDuplicatesTo
	options.Progress = logProgress(file.Key, file.Size)
	report, err := dataset.Check(ctx, body, options)
	if err != nil {
		return nil, unread(ctx, file.Key, file.VersionID, file.Size, err)
	}
	noteKey(&report, file.Bucket, file.Key)
	if file.Checksum() == "" {
		slog.Info("no checksum compared: S3 keeps none of the whole object", "key", file.Key, "versionId", file.VersionID)
	}
	return &checked{Key: file.Key, VersionID: file.VersionID, Report: report}, nil
}

// logEvery is how many bytes of a data set are checked between two log lines.
const logEvery = 16 << 20

// logProgress logs how far a check has come, for whoever watches a long one.
func logProgress(key string, of int64) func(bytes, records int64) {
	next := int64(0)
	return func(bytes, records int64) {
		if bytes < next && bytes < of {
			return
		}
		next = bytes + logEvery
		slog.Info(finetune.LogChecking, "key", key, "bytes", bytes, "of", of, "records", records)
	}
}
