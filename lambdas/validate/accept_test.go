package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
)

func TestCopySource(t *testing.T) {
	for key, want := range map[string]string{
		"fine-tuning-datasets/support/a.jsonl":     "fine-tuning-datasets/support/a.jsonl",
		"fine-tuning-datasets/support/a b=c.jsonl": "fine-tuning-datasets/support/a%20b%3Dc.jsonl",
		"fine-tuning-datasets/support/a+b.jsonl":   "fine-tuning-datasets/support/a%2Bb.jsonl",
		"fine-tuning-datasets/support/é.jsonl":     "fine-tuning-datasets/support/%C3%A9.jsonl",
		"fine-tuning-datasets/support/50%?#.jsonl": "fine-tuning-datasets/support/50%25%3F%23.jsonl",
	} {
		if got := copySource("bucket", key, "a/b+c"); got != "bucket/"+want+"?versionId=a%2Fb%2Bc" {
			t.Errorf("copySource of %s = %s, want %s", key, got, want)
		}
		b := newBucket(map[string]string{key: "data"})
		if v, err := b.source(copySource("bucket", key, "v1")); err != nil || string(v.body) != "data" {
			t.Errorf("%s read back: %v", key, err)
		}
	}
}

// TestCopyTakesNothingAlong ensures that an accepted copy has neither metadata nor tags
// of the upload, which whoever uploads may set: tags can decide who may read.
func TestCopyTakesNothingAlong(t *testing.T) {
	b := newBucket(map[string]string{dataKey: records(120, "router"), "validation-datasets/support/validation.jsonl": records(10, "camera")})
	if _, err := newTestHandler(t, b).Handle(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	if len(b.copied) != 2 {
		t.Fatalf("made %d copies, want two", len(b.copied))
	}
	for _, in := range b.copied {
		if in.MetadataDirective != types.MetadataDirectiveReplace || in.TaggingDirective != types.TaggingDirectiveReplace || in.Metadata != nil || in.Tagging != nil {
			t.Errorf("%s is copied with metadata %q %v and tags %q %v, want them replaced by none", *in.Key, in.MetadataDirective, in.Metadata, in.TaggingDirective, in.Tagging)
		}
	}
}

// TestCopyInParts ensures that an object above CopyObject's limit arrives whole.
func TestCopyInParts(t *testing.T) {
	training := records(120, "router")
	b := newBucket(map[string]string{dataKey: training})
	h := newTestHandler(t, b)
	size := int64(len(training))
	h.limits = copyLimits{single: size - 1, part: size/3 + 1}
	if _, err := h.Handle(t.Context(), input); err != nil {
		t.Fatal(err)
	}
	if b.text(finetune.AcceptedTrainingKey(runID)) != training {
		t.Error("the copy in parts differs from the upload")
	}
	if b.called(t, "UploadPartCopy") != 3 || b.called(t, "CompleteMultipartUpload 3") != 1 || b.called(t, "CopyObject") != 0 {
		t.Errorf("made the calls %v, want three parts and no CopyObject", b.calls)
	}
}

// TestCopyInPartsFails ensures that a failed copy leaves no upload behind,
// which would be billed.
func TestCopyInPartsFails(t *testing.T) {
	b := newBucket(map[string]string{dataKey: records(120, "router")})
	h := newTestHandler(t, b)
	h.limits = copyLimits{single: 1, part: 10_000}
	b.before = func(call, _ string) error {
		if strings.HasPrefix(call, "UploadPartCopy 2 ") {
			return &smithy.GenericAPIError{Code: "SlowDown"}
		}
		return nil
	}
	_, err := h.Handle(t.Context(), input)
	checkError(t, err, finetune.Throttled, "part 2")
	if b.called(t, "AbortMultipartUpload") != 1 || b.text(finetune.AcceptedTrainingKey(runID)) != "" {
		t.Errorf("made the calls %v, want the upload aborted and nothing copied", b.calls)
	}
}

// TestCopyOutOfTime ensures that a copy ends with the time of the check, so that
// there is time to say so, and that what was begun is taken back all the same.
func TestCopyOutOfTime(t *testing.T) {
	training := records(120, "router")
	t.Run("is bounded", func(t *testing.T) {
		b := newBucket(map[string]string{dataKey: training})
		ends := time.Now().Add(time.Hour)
		ctx, cancel := context.WithDeadline(t.Context(), ends)
		defer cancel()
		b.copying = func(ctx context.Context) {
			if got, _ := ctx.Deadline(); !got.Equal(ends.Add(-spare)) {
				t.Errorf("the copy may go on until %s, want %s before %s", got, spare, ends)
			}
		}
		if _, err := newTestHandler(t, b).Handle(ctx, input); err != nil || b.called(t, "CopyObject") != 1 {
			t.Errorf("got %v after the calls %v, want one copy", err, b.calls)
		}
	})
	t.Run("is taken back", func(t *testing.T) {
		b := newBucket(map[string]string{dataKey: training})
		h := newTestHandler(t, b)
		h.limits = copyLimits{single: 1, part: 10_000}
		ctx, cancel := context.WithCancelCause(t.Context())
		b.copying = func(context.Context) { cancel(errTimeUp) }
		file := &checked{Key: dataKey, VersionID: "v1", Report: dataset.Report{Bytes: int64(len(training))}}
		_, err := h.copy(ctx, file, finetune.AcceptedTrainingKey(runID))
		checkError(t, err, finetune.Unavailable, "given up 30s before the function's time-out")
		if b.called(t, "AbortMultipartUpload") != 1 {
			t.Errorf("made the calls %v, want the upload aborted", b.calls)
		}
	})
}

func TestGone(t *testing.T) {
	for _, code := range []string{"NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed"} {
		if !gone(&smithy.GenericAPIError{Code: code}) {
			t.Errorf("gone(%s) = false, want true", code)
		}
	}
	for _, err := range []error{nil, errors.New("NoSuchKey"), &smithy.GenericAPIError{Code: "NoSuchUpload"}, &smithy.GenericAPIError{Code: "AccessDenied"}} {
		if gone(err) {
			t.Errorf("gone(%v) = true, want false", err)
		}
	}
}
