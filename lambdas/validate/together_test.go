package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
)

// TestHandleAgain ensures that answer, record, report and copies are of one call,
// whatever was changed between two: the second one's when the first was lost
// between report and copy, the first recorded one's when both were at work.
func TestHandleAgain(t *testing.T) {
	setup := func(t *testing.T) (*bucket, handler, func()) {
		t.Helper()
		b := newBucket(map[string]string{
			dataKey: records(120, "router"), finetune.ValidationKey("support"): records(10, "camera"),
			finetune.TuningKey("support"): `{"hyperparameters":{"epochCount":1}}`,
		})
		return b, newTestHandler(t, b), func() {
			b.put(finetune.ValidationKey("support"), records(20, "kettle"))
			b.put(finetune.TuningKey("support"), `{"hyperparameters":{"epochCount":2}}`)
		}
	}
	check := func(t *testing.T, b *bucket, h handler, got finetune.Report, err error) {
		t.Helper()
		record, recordErr := h.store.Run(t.Context(), runID)
		if err != nil || recordErr != nil || record.Report == nil || !reflect.DeepEqual(*record.Report, got) {
			t.Fatalf("got %+v, %v; recorded %+v, %v", got, err, record.Report, recordErr)
		}
		key := strings.TrimPrefix(got.Validation.URI, finetune.S3URI(bucketName, ""))
		if got.Settings.Hyperparameters["epochCount"] != "2" || got.Validation.Records != 20 || b.text(key) != records(20, "kettle") {
			t.Errorf("got %+v, want everything as it was changed", got)
		}
	}
	t.Run("after a crash between report and copy", func(t *testing.T) {
		b, h, change := setup(t)
		b.before = func(call, _ string) error {
			if call == "CopyObject" {
				return &smithy.GenericAPIError{Code: "SlowDown"}
			}
			return nil
		}
		_, err := h.Handle(t.Context(), input)
		checkError(t, err, finetune.Throttled, dataKey)
		b.before = nil
		change()
		got, err := h.Handle(t.Context(), input)
		check(t, b, h, got, err)
		if report := b.text(finetune.DatasetReportKey(runID)); !strings.Contains(report, `"tuningVersionId": "v2"`) {
			t.Errorf("the report is not on what was copied:\n%s", report)
		}
	})
	t.Run("while an earlier call is at work", func(t *testing.T) {
		b, h, change := setup(t)
		var second finetune.Report
		var secondErr error
		b.before = func(call, _ string) error {
			if call == "CopyObject" {
				b.before = nil
				change()
				second, secondErr = h.Handle(t.Context(), input)
			}
			return nil
		}
		first, err := h.Handle(t.Context(), input)
		check(t, b, h, second, secondErr)
		check(t, b, h, first, err)
	})
}

// TestHandleHoldsTheFilesTogether ensures that records that stand in both files
// are found, by themselves and but for case and white space.
func TestHandleHoldsTheFilesTogether(t *testing.T) {
	training := records(120, "router")
	lines := strings.SplitAfter(training, "\n")
	b := newBucket(map[string]string{
		dataKey:                           training,
		finetune.ValidationKey("support"): records(10, "camera") + lines[7] + strings.Replace(lines[9], "How do I", "how do  I", 1),
	})
	_, err := newTestHandler(t, b).Handle(t.Context(), input)
	if err != nil {
		t.Errorf("got %v, want warnings", err)
	}
	var report struct{ Training dataset.Report }
	if err := json.Unmarshal([]byte(b.text(finetune.DatasetReportKey(runID))), &report); err != nil {
		t.Fatal(err)
	}
	for code, line := range map[dataset.Code]int64{dataset.CodeRecordInBoth: 8, dataset.CodeNearRecordInBoth: 10} {
		if !slices.ContainsFunc(report.Training.Findings, func(f dataset.Finding) bool { return f.Code == code && f.Line == line }) {
			t.Errorf("got %+v, want %s on line %d", report.Training.Findings, code, line)
		}
	}
}

// TestHandleValidationDataWithoutVersion ensures that bytes that can be changed
// between check and copy are not taken.
func TestHandleValidationDataWithoutVersion(t *testing.T) {
	b := newBucket(map[string]string{dataKey: records(120, "router")})
	b.objects[finetune.ValidationKey("support")] = []version{{id: "null", body: []byte(records(10, "camera"))}}
	_, err := newTestHandler(t, b).Handle(t.Context(), input)
	checkError(t, err, finetune.SettingsRejected, "turn versioning of bucket")
}
