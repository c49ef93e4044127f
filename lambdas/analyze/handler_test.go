package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// bucket is a bucket in memory: unconditional writes and one key a list page,
// which is the least a listing may hold.
type bucket map[string]string

func (b bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	body, ok := b[*in.Key]
	if !ok {
		return nil, &types.NoSuchKey{}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(body)), ETag: aws.String("etag")}, nil
}

func (b bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	body, err := io.ReadAll(in.Body)
	b[*in.Key] = string(body)
	return &s3.PutObjectOutput{}, err
}

func (b bucket) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(b)) {
		if strings.HasPrefix(key, *in.Prefix) && key > aws.ToString(in.ContinuationToken) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return &s3.ListObjectsV2Output{}, nil
	}
	return &s3.ListObjectsV2Output{
		Contents:              []types.Object{{Key: &keys[0]}},
		IsTruncated:           aws.Bool(len(keys) > 1),
		NextContinuationToken: &keys[0],
	}, nil
}

const (
	runID  = finetune.RunID("0123456789abcdef")
	jobARN = "arn:aws:bedrock:us-east-1:111122223333:model-customization-job/amazon.nova-micro-v1:0:128k/abcdef123456"
	folder = "outputs/0123456789abcdef/model-customization-job-abcdef123456/"
)

var input = finetune.AnalyzeInput{
	Run: finetune.Run{ID: runID, Model: "support"},
	Job: finetune.Job{ARN: jobARN, Name: "support-0123456789abcdef", Status: "Completed", OutputModelARN: "arn:model", OutputModelName: "support-0123456789abcdef"},
}

// newBucket holds the run's record and the files given, by their path under
// the run's outputs.
func newBucket(t *testing.T, files map[string]string) bucket {
	t.Helper()
	record, err := json.Marshal(registry.Run{ID: runID, Model: "support", ExecutionARN: "arn:execution"})
	if err != nil {
		t.Fatal(err)
	}
	b := bucket{finetune.RunKey(runID): string(record)}
	maps.Copy(b, files)
	return b
}

func newHandler(s3 api) handler {
	return handler{s3: s3, bucket: "tuneline-bucket", store: registry.Store{S3: s3, Bucket: "tuneline-bucket"}}
}

// closing is a bucket in which a run is closed while its report is on its way.
type closing struct{ bucket }

func (c closing) PutObject(ctx context.Context, in *s3.PutObjectInput, o ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	out, err := c.bucket.PutObject(ctx, in, o...)
	var record registry.Run
	if text := c.bucket[finetune.RunKey(runID)]; *in.Key == finetune.RunKey(runID) && json.Unmarshal([]byte(text), &record) == nil {
		record.End = finetune.EndFailed
		ended, err := json.Marshal(record)
		if err != nil {
			return nil, err
		}
		c.bucket[finetune.RunKey(runID)] = string(ended)
	}
	return out, err
}

// TestHandleAfterTheEnd ensures that an analysis that outlived its run reports
// the end that was recorded meanwhile.
func TestHandleAfterTheEnd(t *testing.T) {
	b := newBucket(t, map[string]string{folder + "training_artifacts/step_wise_training_metrics.csv": read(t, "training.csv")})
	if _, err := newHandler(closing{b}).Handle(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	var report registry.Run
	if err := json.Unmarshal([]byte(b[finetune.RunReportKey(runID)]), &report); err != nil || report.End != finetune.EndFailed || report.Results == nil {
		t.Errorf("the report is %+v, %v; want the recorded end", report, err)
	}
}

// TestHandle holds the results, the record and the report of an ordinary job,
// in each of the three places where AWS's pages and samples put the files.
func TestHandle(t *testing.T) {
	training, validation := read(t, "training.csv"), read(t, "validation.csv")
	for name, path := range map[string]string{
		"guide":        "validation_artifacts/post_fine_tuning_validation/validation_metrics.csv",
		"Nova sample":  "validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv",
		"Llama sample": "validation_artifacts/validation_metrics.csv",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBucket(t, map[string]string{
				folder + "training_artifacts/step_wise_training_metrics.csv": training,
				folder + path: validation,
				// What is not this job's or not a metric file is left alone.
				"outputs/0123456789abcdef/.write_access_check_file.tmp":                                 "",
				"outputs/0123456789abcdef/model-customization-job-other/step_wise_training_metrics.csv": "step_number,training_loss\n0,NaN\n",
				"outputs/ffffffffffffffff/step_wise_training_metrics.csv":                               "nothing of ours",
			})
			results, err := newHandler(b).Handle(t.Context(), input)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "results.json", results)
			golden(t, "run.json", json.RawMessage(b[finetune.RunReportKey(runID)]))
			if got, want := b[finetune.RunKey(runID)], b[finetune.RunReportKey(runID)]; got != want {
				t.Errorf("the run's record\n%s\ndiffers from its report\n%s", got, want)
			}
		})
	}
}

// TestHandleNeverWritesNaN holds that a diverged run still makes valid JSON.
func TestHandleNeverWritesNaN(t *testing.T) {
	b := newBucket(t, map[string]string{
		folder + "training_artifacts/step_wise_training_metrics.csv": "step_number,epoch_number,training_loss\n0,1,2.5\n1,1,NaN\n",
		folder + "validation_artifacts/validation_metrics.csv":       "step_number,epoch_number,validation_loss\n1,1,inf\n",
	})
	results, err := newHandler(b).Handle(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	if results.Verdict != finetune.VerdictDiverged || results.TrainingLoss != nil || results.ValidationLoss != nil || results.Steps != 2 {
		t.Errorf("got %+v, want Diverged, two steps, no figures", results)
	}
	if !strings.Contains(b[finetune.RunReportKey(runID)], `"trainingLoss": null`) {
		t.Errorf("the report lacks a null loss:\n%s", b[finetune.RunReportKey(runID)])
	}
}

// TestHandleGoesOnFromResults holds that a run that is resumed or rolled back to
// keeps the results of its first attempt, whatever became of the metric files.
func TestHandleGoesOnFromResults(t *testing.T) {
	for name, earlier := range map[string][]string{"first attempt": nil, "second attempt": {"arn:first"}} {
		b := newBucket(t, nil)
		before := finetune.Results{Verdict: finetune.VerdictUsable, Steps: 40, Reason: "as judged then"}
		record, err := json.Marshal(registry.Run{ID: runID, ExecutionARN: "arn:execution", EarlierExecutionARNs: earlier, Results: &before})
		if err != nil {
			t.Fatal(err)
		}
		b[finetune.RunKey(runID)] = string(record)
		got, err := newHandler(b).Handle(t.Context(), input)
		if err != nil || (got == before) != (earlier != nil) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestHandleErrors(t *testing.T) {
	t.Run("no record of the run", func(t *testing.T) {
		if _, err := newHandler(bucket{}).Handle(t.Context(), input); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
	t.Run("listing fails", func(t *testing.T) {
		if _, err := newHandler(brokenList{newBucket(t, nil)}).Handle(t.Context(), input); err == nil || !strings.Contains(err.Error(), jobARN) {
			t.Errorf("got %v, want an error naming the job", err)
		}
	})
}

// brokenList is a bucket that cannot be listed.
type brokenList struct{ bucket }

func (brokenList) ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	return nil, errors.New("connection reset")
}

func TestParse(t *testing.T) {
	tests := map[string]struct {
		file    string
		want    []point
		wantErr string
	}{
		"as documented":        {file: "step_number,epoch_number,training_loss,perplexity\n0,1,1.5,4.48\n1,1,1.25,3.49\n", want: []point{{0, 1.5}, {1, 1.25}}},
		"without perplexity":   {file: "step_number,epoch_number,training_loss\n0,1,1.5\n", want: []point{{0, 1.5}}},
		"another column order": {file: "training_loss,perplexity,step_number\n1.5,4.48,7\n", want: []point{{7, 1.5}}},
		"without steps":        {file: "training_loss\n1.5\n1.25\n", want: []point{{0, 1.5}, {1, 1.25}}},
		"Windows and a mark":   {file: "\ufeffstep_number,training_loss\r\n0, 1.5\r\n", want: []point{{0, 1.5}}},
		"rows without a loss":  {file: "step_number,training_loss\n0,\n1\n2,1.5\n", want: []point{{2, 1.5}}},
		"infinite":             {file: "step_number,training_loss\n0,1e999\n", want: []point{{0, math.Inf(1)}}},
		"empty":                {},
		"header alone":         {file: "step_number,training_loss\n"},
		"no such column":       {file: "step_number,loss\n0,1.5\n", wantErr: "no column training_loss"},
		"no CSV":               {file: "\"step_number\"x,training_loss\n", wantErr: "no CSV"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parse([]byte(test.file), "training_loss")
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("error = %v, want %q", err, test.wantErr)
			}
		})
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name) //nolint:gosec // a file of the test's own
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// golden compares v, as JSON, with the file.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile("testdata/"+name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if want := []byte(read(t, name)); !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant %s\n%s", got, name, want)
	}
}
