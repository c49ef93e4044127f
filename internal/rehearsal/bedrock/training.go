package bedrock

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// readData reads the training and validation files with the service role, as
// they are at the end of the job's validation, and returns the message the
// job fails with, empty when all is well.
func (d *Double) readData(ctx context.Context, j *job) string {
	if d.o.Scenario.AccessCheck == "job" {
		uris := append([]string{j.TrainingURI}, j.ValidationURIs...)
		if text := d.probe(ctx, j.ARN, j.RoleARN, uris, j.OutputURI); text != "" {
			return text
		}
	}
	client, err := d.assume(ctx, j.ARN, j.RoleARN)
	if err != nil {
		d.note("assuming %s for job %s: %v", j.RoleARN, j.Name, err)
		return unreadable(j.TrainingURI)
	}
	records, examples, failure := d.readFile(ctx, client, j, j.TrainingURI)
	if failure != "" {
		return failure
	}
	j.Records, j.training = records, examples
	total := records
	for _, uri := range j.ValidationURIs {
		n, rows, failure := d.readFile(ctx, client, j, uri)
		if failure != "" {
			return failure
		}
		j.validation = append(j.validation, rows)
		total += n
	}
	return checkRecords(j.base, total)
}

// readFile reads one data set file of the job.
func (d *Double) readFile(ctx context.Context, client *s3.Client, j *job, uri string) (int, []example, string) {
	raw, err := getObject(ctx, client, uri)
	if err != nil {
		d.note("reading %s for job %s: %v", uri, j.Name, err)
		return 0, nil, unreadable(uri)
	}
	records, examples, err := readRows(raw, j.base.Format)
	var row rowError
	if errors.As(err, &row) {
		d.note("job %s: %s: %v of the format %s", j.Name, uri, row, j.base.Format)
		return 0, nil, fmt.Sprintf("Unable to parse Amazon S3 file: %s. Data files must conform to JSONL format.", path.Base(uri))
	}
	return records, examples, d.readMedia(ctx, client, j, raw)
}

// readMedia reads the files that a data set's records name.
func (d *Double) readMedia(ctx context.Context, client *s3.Client, j *job, raw []byte) string {
	if j.base.Format != formatConversation {
		return ""
	}
	for _, uri := range mediaOf(raw) {
		if _, err := getObject(ctx, client, uri); err != nil {
			d.note("reading %s for job %s: %v", uri, j.Name, err)
			return unreadable(uri)
		}
	}
	return ""
}

// checkRecords compares the number of records with the base model's limits.
func checkRecords(base BaseModel, records int) string {
	if records < base.MinRecords || (base.MaxRecords > 0 && records > base.MaxRecords) {
		return fmt.Sprintf("The data sets have %d records; the model %s takes %d to %d.", records, base.ID, base.MinRecords, base.MaxRecords)
	}
	return ""
}

func getObject(ctx context.Context, client *s3.Client, uri string) (raw []byte, err error) {
	bucket, key := splitS3(uri)
	object, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, fmt.Errorf("getting %s: %w", uri, err)
	}
	defer func() { err = errors.Join(err, object.Body.Close()) }()
	if raw, err = io.ReadAll(object.Body); err != nil {
		return nil, fmt.Errorf("getting %s: %w", uri, err)
	}
	return raw, nil
}

// writeMetrics writes the job's metric files under its output prefix and
// keeps the final losses. It returns the message the job fails with, if any.
func (d *Double) writeMetrics(ctx context.Context, j *job) string {
	curves := newCurves(j)
	files := map[string][]byte{
		"training_artifacts/step_wise_training_metrics.csv": curves.trainingCSV(d.o.Scenario.Perplexity),
	}
	if len(j.validation) > 0 {
		name := validationFile(d.o.Scenario.ValidationLayout)
		files[name] = curves.validationCSV(d.o.Scenario.Perplexity)
	}
	client, err := d.assume(ctx, j.ARN, j.RoleARN)
	if err != nil {
		d.note("assuming %s for the metrics of job %s: %v", j.RoleARN, j.Name, err)
		return unexpectedError
	}
	bucket, prefix := splitS3(j.OutputURI)
	for name, body := range files {
		key := joinKey(prefix, "model-customization-job-"+j.id+"/"+name)
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
		if err != nil {
			d.note("writing s3://%s/%s for job %s: %v", bucket, key, j.Name, err)
			return unwritable(bucket, key)
		}
	}
	j.TrainingLoss, j.ValidationLosses = curves.finals()
	return ""
}

// The three places AWS's documents name for validation metrics.
const (
	layoutGuide = "guide"
	layoutNova  = "nova-sample"
	layoutLlama = "llama-sample"
)

func validationFile(layout string) string {
	switch layout {
	case layoutNova:
		return "validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv"
	case layoutLlama:
		return "validation_artifacts/validation_metrics.csv"
	}
	return "validation_artifacts/post_fine_tuning_validation/validation_metrics.csv"
}

// epochs is the number of times the job sees its data.
func (j *job) epochs() int {
	if n, err := strconv.Atoi(j.HyperParameters["epochCount"]); err == nil {
		return n
	}
	return max(int(j.base.HyperParameters["epochCount"].Default), 1)
}
