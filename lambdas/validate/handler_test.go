package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/registry"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	bucketName = "tuneline-bucket"
	dataKey    = "fine-tuning-datasets/support/café a=b+c.jsonl"
	execution  = "arn:aws:states:us-east-1:111122223333:execution:tuneline:one"
)

// upload is the data set of these tests, input what starts its execution.
var (
	upload = finetune.Dataset{Bucket: bucketName, Key: dataKey, VersionID: "v1", Sequencer: "0066AA"}
	input  = finetune.ValidateInput{ExecutionARN: execution, Dataset: upload}
	runID  = upload.RunID()
)

// records makes n conversation records that differ.
func records(n int, about string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"How do I reset %s %d?"}]},{"role":"assistant","content":[{"text":"Hold the button %d for ten seconds."}]}]}`+"\n", about, i, i)
	}
	return b.String()
}

func newTestHandler(t *testing.T, b *bucket) handler {
	t.Helper()
	known, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	prices, err := catalog.LoadPrices()
	if err != nil {
		t.Fatal(err)
	}
	return handler{
		s3: b, bucket: bucketName, region: "us-east-1",
		defaults: finetune.Settings{
			BaseModel: "amazon.nova-micro-v1:0:128k", CustomizationType: "FINE_TUNING",
			Serving: finetune.Serving{Mode: finetune.ServeAuto, ModelUnits: 1},
		},
		allowed: []string{"amazon.nova-micro-v1:0:128k", "amazon.nova-lite-v1:0:300k"},
		store:   registry.Store{S3: b, Bucket: bucketName}, catalog: known, prices: prices, limits: s3CopyLimits,
		streaming: streaming, maxBytes: maxBytes, lookTo: lookTo, maxMedia: maxMedia,
		now: func() time.Time { return uploaded.Add(time.Minute) },
	}
}

// TestHandleAccepts holds report, run record and copies of a data set with
// settings and validation data of its own.
func TestHandleAccepts(t *testing.T) {
	training, validation := records(120, "router"), records(10, "camera")
	b := newBucket(map[string]string{
		dataKey: training,
		"fine-tuning-datasets/support/tuning.json":      `{"hyperparameters":{"epochCount":3,"learningRate":"2e-5"}}`,
		"validation-datasets/support/validation.jsonl":  validation,
		"fine-tuning-datasets/support/other-set.jsonl":  "not of this run",
		"validation-datasets/support/validation2.jsonl": "not of this run",
	})
	h := newTestHandler(t, b)
	report, err := h.Handle(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "accepted.json", report)
	golden(t, "dataset.json", json.RawMessage(b.text(finetune.DatasetReportKey(runID))))
	if got := b.text(finetune.AcceptedTrainingKey(runID)); got != training {
		t.Error("the accepted training data differ from the upload")
	}
	if got := b.text(finetune.AcceptedValidationKey(runID, "v1")); got != validation {
		t.Error("the accepted validation data differ from the upload")
	}
	record, err := h.store.Run(t.Context(), runID)
	if err != nil {
		t.Fatal(err)
	}
	if record.ExecutionARN != execution || record.Report == nil || !reflect.DeepEqual(*record.Report, report) {
		t.Errorf("recorded %+v, want the execution and its report", record)
	}

	// Called again by its owner it answers the same, whatever became of the files.
	calls := len(b.calls)
	again, err := h.Handle(t.Context(), input)
	if err != nil || !reflect.DeepEqual(again, report) {
		t.Errorf("a second call answered %+v, %v, want the first one's report", again, err)
	}
	if got := b.calls[calls:]; len(got) != 4 {
		t.Errorf("a second call made the calls %v, want a note of the execution and a claim, and a look at both", got)
	}
}

func TestHandleDuplicate(t *testing.T) {
	b := newBucket(map[string]string{dataKey: records(120, "router")})
	h := newTestHandler(t, b)
	if _, err := h.store.Claim(t.Context(), registry.Run{ID: runID, ExecutionARN: "arn:another"}); err != nil {
		t.Fatal(err)
	}
	b.calls = nil
	report, err := h.Handle(t.Context(), input)
	if err != nil || !reflect.DeepEqual(report, finetune.Report{Outcome: finetune.OutcomeDuplicate}) {
		t.Errorf("got %+v, %v, want Duplicate and nothing else", report, err)
	}
	if len(b.calls) != 3 {
		t.Errorf("made the calls %v, want a note of the execution, a claim and a look at it", b.calls)
	}
}

// TestHandleAfterTheEnd ensures that a check that outlived its execution, and
// finds its run closed in its place, works on nothing.
func TestHandleAfterTheEnd(t *testing.T) {
	for name, report := range map[string]*finetune.Report{"before the claim": nil, "after the check": {Outcome: finetune.OutcomeAccepted}} {
		t.Run(name, func(t *testing.T) {
			b := newBucket(map[string]string{dataKey: records(120, "router")})
			h := newTestHandler(t, b)
			claim(t, h, registry.Run{ID: runID, ExecutionARN: execution, Report: report, Closed: true, End: finetune.EndFailed})
			b.calls = nil
			_, err := h.Handle(t.Context(), input)
			checkError(t, err, finetune.RunClosed, string(runID))
			if len(b.calls) != 3 {
				t.Errorf("made the calls %v, want a note of the execution, a claim and a look at it", b.calls)
			}
		})
	}
}

// TestHandleOfABarredExecution ensures that a check whose execution ended before
// it wrote anything down claims nothing.
func TestHandleOfABarredExecution(t *testing.T) {
	b := newBucket(map[string]string{dataKey: records(120, "router")})
	h := newTestHandler(t, b)
	if _, err := h.store.BarExecution(t.Context(), execution); err != nil {
		t.Fatal(err)
	}
	_, err := h.Handle(t.Context(), input)
	checkError(t, err, finetune.RunClosed, execution)
	if _, err := h.store.Run(t.Context(), runID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("the run was claimed: %v", err)
	}
}

func TestHandleResume(t *testing.T) {
	stored := finetune.Report{Outcome: finetune.OutcomeAccepted, Run: finetune.Run{ID: runID, Model: "support"}}
	resume := input
	resume.ExecutionARN, resume.Resume = "arn:resumed", true
	t.Run("a run with a model", func(t *testing.T) {
		b := newBucket(nil)
		h := newTestHandler(t, b)
		claim(t, h, registry.Run{ID: runID, ExecutionARN: execution, Report: &stored, CustomModel: &finetune.Model{ARN: "arn:model"}, Closed: true, End: finetune.EndNeedsOperator})
		report, err := h.Handle(t.Context(), resume)
		if err != nil || !reflect.DeepEqual(report, stored) {
			t.Errorf("got %+v, %v, want the stored report", report, err)
		}
		record, err := h.store.Run(t.Context(), runID)
		if err != nil || record.ExecutionARN != "arn:resumed" || record.Closed {
			t.Errorf("recorded %+v, %v, want it open and owned by the resuming execution", record, err)
		}
	})
	t.Run("a deployed run", func(t *testing.T) {
		h := newTestHandler(t, newBucket(nil))
		claim(t, h, registry.Run{ID: runID, ExecutionARN: execution, Report: &stored, End: finetune.EndDeployed})
		_, err := h.Handle(t.Context(), resume)
		checkError(t, err, finetune.SettingsRejected, "cannot be resumed")
	})
	t.Run("no run", func(t *testing.T) {
		_, err := newTestHandler(t, newBucket(nil)).Handle(t.Context(), resume)
		checkError(t, err, finetune.SettingsRejected, "no record of it")
	})
}

// TestHandleRollback ensures that a published run changes hands, and that one that
// serves already does not.
func TestHandleRollback(t *testing.T) {
	stored := finetune.Report{Outcome: finetune.OutcomeAccepted, Run: finetune.Run{ID: runID, Model: "support"}}
	rollback := input
	rollback.ExecutionARN, rollback.Rollback = "arn:rollback", true
	// published makes a bucket whose model was served by the run, and then by another.
	published := func(t *testing.T, then ...finetune.RunID) handler {
		h := newTestHandler(t, newBucket(nil))
		claim(t, h, registry.Run{ID: runID, Model: "support", ExecutionARN: execution, Report: &stored, CustomModel: &finetune.Model{ARN: "arn:model"}, End: finetune.EndDeployed})
		_, err := h.store.UpdateModel(t.Context(), "support", func(m *registry.Model) error {
			for n, id := range append([]finetune.RunID{runID}, then...) {
				order := finetune.UploadOrder{LastModified: time.Date(2026, 11, 23, 12, n, 0, 0, time.UTC), RunID: id}
				if err := m.Publish(registry.Capacity{ThroughputARN: "arn:" + string(id), Run: finetune.Run{ID: id, Model: "support", Order: order}}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	t.Run("a published run", func(t *testing.T) {
		h := published(t, "another")
		for range 2 {
			report, err := h.Handle(t.Context(), rollback)
			if err != nil || !reflect.DeepEqual(report, stored) {
				t.Errorf("got %+v, %v, want the stored report", report, err)
			}
		}
		record, err := h.store.Run(t.Context(), runID)
		if err != nil || record.ExecutionARN != "arn:rollback" || record.Rollback == nil || record.Attempt() != 1 {
			t.Errorf("recorded %+v, %v, want it owned by the execution that goes back to it", record, err)
		}
	})
	t.Run("the run that is served", func(t *testing.T) {
		h := published(t)
		_, err := h.Handle(t.Context(), rollback)
		checkError(t, err, finetune.SettingsRejected, "serves the model already")
		if record, err := h.store.Run(t.Context(), runID); err != nil || record.ExecutionARN != execution || record.End != finetune.EndDeployed {
			t.Errorf("the record is %+v, %v, want it as it was", record, err)
		}
	})
	t.Run("no run", func(t *testing.T) {
		_, err := newTestHandler(t, newBucket(nil)).Handle(t.Context(), rollback)
		checkError(t, err, finetune.SettingsRejected, "no record of it")
	})
}

func claim(t *testing.T, h handler, run registry.Run) {
	t.Helper()
	if _, err := h.store.Claim(t.Context(), run); err != nil {
		t.Fatal(err)
	}
}

// TestHandleRejectsData ensures that a rejection names line, code and report,
// holds nothing out of the data, and leaves nothing to train on.
func TestHandleRejectsData(t *testing.T) {
	secret := "s3cr3t-of-the-data"
	good := records(120, "router")
	tests := map[string]struct {
		training, validation string
		want                 []string
	}{
		"a bad row": {
			training: records(3, "router") + `{"prompt":"` + secret + `","completion":"b"}` + "\n" + good,
			want:     []string{"training data " + dataKey + " (version v1) has", "line 4: TL1"},
		},
		"many bad rows":       {training: good + strings.Repeat("{"+secret+"\n", 9), want: []string{"9 errors in 129 records", "lines 121-129: TL1"}},
		"too few records":     {training: records(3, "router"), want: []string{"TL1401", "at least 8"}},
		"bad validation data": {training: good, validation: "[\"" + secret + "\"]\n", want: []string{"validation data validation-datasets/support/validation.jsonl (version v1) has 1 error in 1 record: line 1: TL1009"}},
		"more than are kept": {
			training: good + strings.Repeat("{"+secret+"\n", 2*dataset.DefaultMaxFindings),
			want:     []string{"200 errors in 320 records: from line 121 on, 200 times: TL1", "up to 100 of each code"},
		},
		"both":          {training: secret + "\n" + good, validation: secret + "\n", want: []string{"training data", "validation data"}},
		"an empty file": {want: []string{"no record"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBucket(map[string]string{dataKey: test.training})
			if test.validation != "" {
				b.put("validation-datasets/support/validation.jsonl", test.validation)
			}
			_, err := newTestHandler(t, b).Handle(t.Context(), input)
			for _, want := range append(test.want, "s3://"+bucketName+"/"+finetune.DatasetReportKey(runID)) {
				checkError(t, err, finetune.DatasetRejected, want)
			}
			report := b.text(finetune.DatasetReportKey(runID))
			if !strings.Contains(report, `"accepted": false`) || !strings.Contains(report, "TL1") {
				t.Errorf("the report lacks the rejection or its codes:\n%s", report)
			}
			if strings.Contains(report+err.Error(), secret) {
				t.Errorf("the error or the report holds data: %v\n%s", err, report)
			}
			if n := b.called(t, "CopyObject"); n != 0 {
				t.Errorf("%d copies were made, want none", n)
			}
		})
	}
}

// TestHandleRejectsSettings ensures that every problem is told at once, in the
// error and in the report.
func TestHandleRejectsSettings(t *testing.T) {
	b := newBucket(map[string]string{
		dataKey: records(120, "router"),
		"fine-tuning-datasets/support/tuning.json": `{"epochs":1,"hyperparameters":{"epochCount":"99","warmth":"1"},"serving":{"mode":"provisioned","modelUnits":-1,"commitment":"forever","price":0}}`,
	})
	_, err := newTestHandler(t, b).Handle(t.Context(), input)
	report := b.text(finetune.DatasetReportKey(runID))
	for _, want := range []string{`unknown key \"epochs\"`, `unknown key \"serving.price\"`, "epochCount", "warmth", `commitment is \"forever\"`, "modelUnits is -1"} {
		checkError(t, err, finetune.SettingsRejected, strings.ReplaceAll(want, `\"`, `"`))
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %s:\n%s", want, report)
		}
	}
	checkError(t, err, finetune.SettingsRejected, finetune.S3URI(bucketName, finetune.DatasetReportKey(runID)))
	if !strings.Contains(report, `"tuningVersionId": "v1"`) {
		t.Errorf("the report lacks the version of tuning.json:\n%s", report)
	}
}

// TestHandleRefusesWithoutClaiming ensures that what is no data set of ours
// leaves no record.
func TestHandleRefusesWithoutClaiming(t *testing.T) {
	tests := map[string]struct {
		change func(*finetune.Dataset)
		kind   finetune.Kind
		want   string
	}{
		"another bucket": {func(d *finetune.Dataset) { d.Bucket = "other" }, finetune.DatasetRejected, "bucket other"},
		"a deeper key":   {func(d *finetune.Dataset) { d.Key = "fine-tuning-datasets/support/a/b.jsonl" }, finetune.DatasetRejected, "exactly one folder"},
		"a bad model":    {func(d *finetune.Dataset) { d.Key = "fine-tuning-datasets/sup_port/b.jsonl" }, finetune.DatasetRejected, "single hyphens"},
		"no version":     {func(d *finetune.Dataset) { d.VersionID = "" }, finetune.SettingsRejected, "versioning"},
		"null version":   {func(d *finetune.Dataset) { d.VersionID = "null" }, finetune.SettingsRejected, "versioning"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b, in := newBucket(nil), input
			test.change(&in.Dataset)
			_, err := newTestHandler(t, b).Handle(t.Context(), in)
			checkError(t, err, test.kind, test.want)
			if len(b.calls) != 0 {
				t.Errorf("made the calls %v, want none", b.calls)
			}
		})
	}
}

// TestHandleWhenFilesMove ensures that the version checked is the one copied,
// and that a deleted one is told.
func TestHandleWhenFilesMove(t *testing.T) {
	good := records(120, "router")
	t.Run("overwritten after the check", func(t *testing.T) {
		b := newBucket(map[string]string{dataKey: good, finetune.ValidationKey("support"): records(10, "camera")})
		b.before = func(call, _ string) error {
			if call == "CopyObject" {
				b.put(dataKey, "overwritten")
				b.put(finetune.ValidationKey("support"), "overwritten")
			}
			return nil
		}
		if _, err := newTestHandler(t, b).Handle(t.Context(), input); err != nil {
			t.Fatal(err)
		}
		if b.text(finetune.AcceptedTrainingKey(runID)) != good || b.text(finetune.AcceptedValidationKey(runID, "v1")) != records(10, "camera") {
			t.Error("what was copied is not what was checked")
		}
	})
	for _, at := range []string{"HeadObject", "GetObject", "CopyObject"} {
		t.Run("deleted before "+at, func(t *testing.T) {
			b := newBucket(map[string]string{dataKey: good})
			b.before = func(call, key string) error {
				if call == at && (key == dataKey || call == "CopyObject") {
					delete(b.objects, dataKey)
				}
				return nil
			}
			_, err := newTestHandler(t, b).Handle(t.Context(), input)
			checkError(t, err, finetune.DatasetRejected, "does not exist any more")
		})
	}
	t.Run("closed meanwhile", func(t *testing.T) {
		b := newBucket(map[string]string{dataKey: good})
		h := newTestHandler(t, b)
		b.before = func(call, _ string) error {
			if call != "CopyObject" {
				return nil
			}
			_, err := h.store.UpdateRun(t.Context(), runID, func(r *registry.Run) error { r.Closed = true; return nil })
			return err
		}
		_, err := h.Handle(t.Context(), input)
		checkError(t, err, finetune.RunClosed, string(runID))
	})
	t.Run("S3 throttles", func(t *testing.T) {
		b := newBucket(map[string]string{dataKey: good})
		b.before = func(call, _ string) error {
			if call == "HeadObject" {
				return &smithy.GenericAPIError{Code: "SlowDown"}
			}
			return nil
		}
		_, err := newTestHandler(t, b).Handle(t.Context(), input)
		checkError(t, err, finetune.Throttled, dataKey)
	})
}

// TestCauseIsBounded ensures that a cause fits into what Step Functions takes,
// escaped as JSON, whatever is in tuning.json.
func TestCauseIsBounded(t *testing.T) {
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, `"k%d":0,`, i)
	}
	for name, tuning := range map[string]string{
		"many keys":  "{" + many.String() + `"last":0}`,
		"a huge key": `{"` + strings.Repeat(`\"é`, 15_000) + `":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBucket(map[string]string{dataKey: records(120, "router"), finetune.TuningKey("support"): tuning})
			_, err := newTestHandler(t, b).Handle(t.Context(), input)
			checkError(t, err, finetune.SettingsRejected, finetune.DatasetReportKey(runID))
			cause, marshalErr := json.Marshal(map[string]string{"errorType": "SettingsRejected", "errorMessage": err.Error()})
			if marshalErr != nil || len(cause) > 32_768 {
				t.Errorf("the cause has %d characters, %v; Step Functions takes 32768", len(cause), marshalErr)
			}
		})
	}
}

func TestNewHandler(t *testing.T) {
	env := lambdaenv.Validate{
		Bucket: bucketName, Region: "us-east-1", Defaults: `{"baseModel":"m","serving":{"mode":"auto"}}`, BaseModels: "m,n",
		Secrets: "note", PersonalData: "refuse",
	}
	h, err := newHandler(env, aws.Config{})
	if err != nil || h.defaults.BaseModel != "m" || h.defaults.Serving.Mode != "auto" || h.limits != s3CopyLimits || h.streaming != streaming || h.maxBytes != maxBytes || h.lookTo != lookTo || len(h.look.inspectors) != 2 || !h.look.refuses() || !slices.Equal(h.allowed, []string{"m", "n"}) {
		t.Errorf("got %+v, %v, want the stack's settings", h, err)
	}
	env.Secrets = "warn"
	if _, err := newHandler(env, aws.Config{}); err == nil || !strings.Contains(err.Error(), `"warn"`) {
		t.Errorf("an unknown way with secrets: %v, want an error that names it", err)
	}
	if _, err := newHandler(lambdaenv.Validate{Defaults: `{"model":"m"}`}, aws.Config{}); err == nil {
		t.Error("settings with an unknown key were taken, want an error")
	}
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
	want, err := os.ReadFile("testdata/" + name) //nolint:gosec // a file of the test's own
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant %s\n%s", got, name, want)
	}
}
