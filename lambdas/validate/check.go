package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/formodel"
	"github.com/tuneline/tuneline/internal/finetune"
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
}

// checked is one file that was read to its end, and what was found.
type checked struct {
	Key       string `json:"key"`
	VersionID string `json:"versionId"`
	dataset.Report
}

// check settles the settings, checks the data, writes the report on both, and
// copies what was accepted.
func (h handler) check(ctx context.Context, run finetune.Run, d finetune.Dataset) (finetune.Report, error) {
	how, err := h.settle(ctx, run.Model)
	if err != nil {
		return finetune.Report{}, err
	}
	report := datasetReport{
		Run: run, Dataset: d, CheckedAt: h.now().UTC(),
		Settings: how.settings, SettingsProblems: how.problems, TuningVersionID: how.tuningVersion,
	}
	if how.problems == nil {
		report.Training, report.Validation, err = h.checkData(ctx, run.Model, d, how.model)
		if err != nil {
			return finetune.Report{}, err
		}
		report.Accepted = report.Training.Accepted && (report.Validation == nil || report.Validation.Accepted)
	}
	if err := h.store.WriteDatasetReport(ctx, run.ID, report); err != nil {
		return finetune.Report{}, err
	}
	uri := finetune.S3URI(h.bucket, finetune.DatasetReportKey(run.ID))
	if err := rejection(report, uri); err != nil {
		return finetune.Report{}, err
	}
	return h.accept(ctx, report, uri)
}

// checkData checks the validation data first, since both count against the
// same limits and no record may stand in both.
func (h handler) checkData(ctx context.Context, model string, d finetune.Dataset, base *catalog.BaseModel) (training, validation *checked, err error) {
	options, err := formodel.Options(base, fineTuning)
	if err != nil {
		return nil, nil, err
	}
	options.Role = dataset.RoleValidation
	validation, err = h.checkFile(ctx, finetune.ValidationKey(model), "", options)
	if err != nil {
		return nil, nil, err
	}
	options.Role = dataset.RoleTraining
	if validation != nil {
		options.Validation = &validation.Report
	}
	training, err = h.checkFile(ctx, d.Key, d.VersionID, options)
	return training, validation, err
}

// checkFile streams one object through the check. Without a version it is the
// current one, whose id is kept, and nil if there is no such object.
func (h handler) checkFile(ctx context.Context, key, versionID string, options dataset.Options) (_ *checked, err error) {
	request := &s3.GetObjectInput{Bucket: &h.bucket, Key: &key}
	if versionID != "" {
		request.VersionId = &versionID
	}
	out, err := h.s3.GetObject(ctx, request)
	if versionID == "" && gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, reading(key, versionID, err)
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	if versionID == "" {
		versionID = aws.ToString(out.VersionId)
	}
	if !pinned(versionID) {
		return nil, finetune.Errorf(finetune.SettingsRejected, "%s has no version: turn versioning of bucket %s on again and upload it again", key, h.bucket)
	}
	options.Digest, options.Size = true, aws.ToInt64(out.ContentLength)
	options.NearDuplicates = options.Size <= nearDuplicateBytes
	options.Progress = logProgress(key, aws.ToInt64(out.ContentLength))
	report, err := dataset.Check(ctx, out.Body, options)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, finetune.Errorf(finetune.Unavailable, "reading %s: the connection ended early: %w", key, err)
	}
	if err != nil {
		return nil, fmt.Errorf("checking %s: %w", key, err)
	}
	return &checked{Key: key, VersionID: versionID, Report: report}, nil
}

// nearDuplicateBytes is up to which size near duplicates are looked for: it
// costs several times what the rest of the check does.
const nearDuplicateBytes = 256 << 20

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

// rejection is the error that a report amounts to, nil when it is accepted.
func rejection(r datasetReport, uri string) error {
	if r.SettingsProblems != nil {
		return finetune.Errorf(finetune.SettingsRejected, "model %s: %s. Change %s or the stack's configuration, then upload the data set again. Report: %s",
			r.Run.Model, strings.Join(r.SettingsProblems, "; "), finetune.TuningKey(r.Run.Model), uri)
	}
	if r.Accepted {
		return nil
	}
	var parts []string
	for _, file := range []*checked{r.Training, r.Validation} {
		if file != nil && !file.Accepted {
			parts = append(parts, summary(file))
		}
	}
	return finetune.Errorf(finetune.DatasetRejected, "%s. Correct and upload again; every finding is in %s", strings.Join(parts, ". "), uri)
}

// maxTold is how many findings an error tells; the report has them all.
const maxTold = 5

// summary counts a file's errors and tells the first by line and code. It holds
// nothing out of the file: what is told is the code's own title.
func summary(file *checked) string {
	var told []string
	for _, f := range file.Findings {
		if f.Severity != dataset.SeverityError {
			continue
		}
		if len(told) == maxTold {
			told = append(told, "and more")
			break
		}
		told = append(told, finding(f))
	}
	return fmt.Sprintf("%s data %s (version %s) has %d errors in %d records: %s", file.Role, file.Key, file.VersionID, file.Errors, file.Records, strings.Join(told, ", "))
}

// finding tells one finding. Of the file as a whole, the message holds counts
// only, which the title lacks.
func finding(f dataset.Finding) string {
	if f.Line == 0 {
		return fmt.Sprintf("%s (%s)", f.Code, f.Message)
	}
	info, _ := f.Code.Info()
	return fmt.Sprintf("line %d %s (%s)", f.Line, f.Code, info.Title)
}
