package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/strict"
)

// The names of the files Bedrock writes
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-analyze.html).
// AWS's pages and samples show them in different folders, so the names are
// looked for and not the paths.
const (
	trainingFile   = "step_wise_training_metrics.csv"
	validationFile = "validation_metrics.csv"
)

// maxFile is the longest metric file that is read, in bytes: a row of some 40 a step,
// of which a job has thousands.
const maxFile = 16 << 20

// metrics is what a job's metric files hold.
type metrics struct {
	training, validation []point
	// unreadable says which files could not be made sense of, and why.
	unreadable []string
}

// point is one row of a metric file: a loss at a step. The loss may be NaN or
// infinite, which is a finding and not a fault of the file.
type point struct {
	step, loss float64
}

// metrics reads every metric file of the job, the rows in order of steps.
func (h handler) metrics(ctx context.Context, id finetune.RunID, jobARN string) (metrics, error) {
	keys, err := h.list(ctx, id, jobARN)
	if err != nil {
		return metrics{}, err
	}
	var found metrics
	for _, key := range keys {
		switch path.Base(key) {
		case trainingFile:
			found.training, err = h.appendPoints(ctx, &found, found.training, key, "training_loss")
		case validationFile:
			found.validation, err = h.appendPoints(ctx, &found, found.validation, key, "validation_loss")
		}
		if err != nil {
			return metrics{}, err
		}
	}
	byStep := func(a, b point) int { return cmp.Compare(a.step, b.step) }
	slices.SortStableFunc(found.training, byStep)
	slices.SortStableFunc(found.validation, byStep)
	return found, nil
}

// list returns the keys in the job's folder of the run's outputs.
func (h handler) list(ctx context.Context, id finetune.RunID, jobARN string) ([]string, error) {
	prefix := finetune.OutputPrefix(id)
	folder := "/model-customization-job-" + jobARN[strings.LastIndex(jobARN, "/")+1:] + "/"
	var keys []string
	pages := s3.NewListObjectsV2Paginator(h.s3, &s3.ListObjectsV2Input{Bucket: &h.bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing the metric files of job %s under %s: %w", jobARN, prefix, err)
		}
		for _, object := range page.Contents {
			if key := aws.ToString(object.Key); strings.Contains(key, folder) {
				keys = append(keys, key)
			}
		}
	}
	return keys, nil
}

// appendPoints adds one file's points. A file that is no CSV, or lacks the
// column, is noted: the model is trained and paid for, and a broken report on
// it is no reason to throw it away.
func (h handler) appendPoints(ctx context.Context, found *metrics, points []point, key, column string) (_ []point, err error) {
	out, err := h.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &h.bucket, Key: &key})
	if err != nil {
		return nil, fmt.Errorf("reading the metric file %s: %w", key, err)
	}
	defer func() { err = errors.Join(err, out.Body.Close()) }()
	body, err := strict.Read(out.Body, maxFile)
	if errors.Is(err, strict.ErrTooLong) {
		found.unreadable = append(found.unreadable, fmt.Sprintf("%s: %v", key, err))
		return points, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the metric file %s: %w", key, err)
	}
	read, err := parse(body, column)
	if err != nil {
		found.unreadable = append(found.unreadable, fmt.Sprintf("%s: %v", key, err))
	}
	return append(points, read...), nil
}

// parse reads a metric file by its header: step_number, epoch_number, the loss
// column and, in some versions, perplexity, in whatever order. Rows without a
// loss are passed over; without a step number the row's place counts.
func parse(file []byte, column string) ([]point, error) {
	reader := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(file, []byte("\ufeff"))))
	reader.FieldsPerRecord = -1
	reader.TrimLeadingSpace = true
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("is no CSV: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	loss, step := slices.Index(rows[0], column), slices.Index(rows[0], "step_number")
	if loss < 0 {
		return nil, fmt.Errorf("has no column %s", column)
	}
	var points []point
	for i, row := range rows[1:] {
		p := point{step: float64(i)}
		if n, ok := number(row, step); ok {
			p.step = n
		}
		if n, ok := number(row, loss); ok {
			p.loss = n
			points = append(points, p)
		}
	}
	return points, nil
}

// number reads one field, and says whether there is a number; NaN and the
// infinities are.
func number(row []string, i int) (float64, bool) {
	if i < 0 || i >= len(row) {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(row[i]), 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}
