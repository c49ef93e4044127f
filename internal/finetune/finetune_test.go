package finetune

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestModelName(t *testing.T) {
	tests := map[string]struct {
		key   string
		want  string
		fails string
	}{
		"plain":               {key: "fine-tuning-datasets/support/train.jsonl", want: "support"},
		"odd file name":       {key: "fine-tuning-datasets/support/été = 1.jsonl", want: "support"},
		"hyphens":             {key: "fine-tuning-datasets/support-v2-eu/a.jsonl", want: "support-v2-eu"},
		"other prefix":        {key: "validation-datasets/support/validation.jsonl", fails: "does not begin with"},
		"no folder":           {key: "fine-tuning-datasets/train.jsonl", fails: "exactly one folder"},
		"deeper":              {key: "fine-tuning-datasets/support/2026/train.jsonl", fails: "exactly one folder"},
		"no name":             {key: "fine-tuning-datasets/support/.jsonl", fails: "exactly one folder"},
		"other extension":     {key: "fine-tuning-datasets/support/train.json", fails: "exactly one folder"},
		"underscore in model": {key: "fine-tuning-datasets/my_model/a.jsonl", fails: "letters, digits and single hyphens"},
		"two hyphens":         {key: "fine-tuning-datasets/my--model/a.jsonl", fails: "single hyphens"},
		"empty folder":        {key: "fine-tuning-datasets//a.jsonl", fails: "1 to 40"},
		"too long":            {key: "fine-tuning-datasets/" + strings.Repeat("a", 41) + "/a.jsonl", fails: "1 to 40"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ModelName(test.key)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Fatalf("ModelName(%q) = %q, %v; want an error with %q", test.key, got, err, test.fails)
				}
				return
			}
			if err != nil || got != test.want {
				t.Errorf("ModelName(%q) = %q, %v; want %q", test.key, got, err, test.want)
			}
		})
	}
}

// TestNamesFitBedrock holds the longest name against the API's own patterns.
func TestNamesFitBedrock(t *testing.T) {
	run := Run{ID: Dataset{Bucket: "b", Key: "k", VersionID: "v"}.RunID(), Model: strings.Repeat("a-", 19) + "aa"}
	patterns := map[string]string{
		"jobName":              `^[a-zA-Z0-9](-*[a-zA-Z0-9\+\-\.])*$`,
		"customModelName":      `^([0-9a-zA-Z][_-]?){1,63}$`,
		"provisionedModelName": `^([0-9a-zA-Z][_-]?)+$`,
	}
	if len(run.Model) != MaxModelName || len(run.Name()) > 63 {
		t.Fatalf("the longest name has %d characters, of a model name of %d", len(run.Name()), len(run.Model))
	}
	for field, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(run.Name()) {
			t.Errorf("%s: %q does not match %s", field, run.Name(), pattern)
		}
	}
	token := regexp.MustCompile(`^[a-zA-Z0-9]([-a-zA-Z0-9]{0,254}[a-zA-Z0-9])?$`)
	if !token.MatchString(run.Token("throughput-12")) {
		t.Errorf("token %q does not match %s", run.Token("throughput-12"), token)
	}
}

// TestRunID: an upload keeps its identity, and no two uploads share one.
func TestRunID(t *testing.T) {
	upload := Dataset{Bucket: "bucket", Key: "a/b", VersionID: "1", Sequencer: "0A"}
	redelivered := upload
	redelivered.Sequencer = ""
	if upload.RunID() != redelivered.RunID() {
		t.Error("the sequencer changes the run id")
	}
	for _, other := range []Dataset{
		{Bucket: "bucket", Key: "a/b", VersionID: "2"},
		{Bucket: "bucket", Key: "a/b1", VersionID: ""},
		{Bucket: "bucketa", Key: "/b", VersionID: "1"},
	} {
		if other.RunID() == upload.RunID() {
			t.Errorf("%v has the run id of %v", other, upload)
		}
	}
}

func TestUploadOrder(t *testing.T) {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct{ earlier, later UploadOrder }{
		"by time":                 {UploadOrder{LastModified: noon, RunID: "b"}, UploadOrder{LastModified: noon.Add(time.Second), RunID: "a"}},
		"by sequencer in one key": {UploadOrder{LastModified: noon, Key: "k", Sequencer: "9F", RunID: "b"}, UploadOrder{LastModified: noon, Key: "k", Sequencer: "0A0", RunID: "a"}},
		"case of the sequencer":   {UploadOrder{LastModified: noon, Key: "k", Sequencer: "a", RunID: "b"}, UploadOrder{LastModified: noon, Key: "k", Sequencer: "B", RunID: "a"}},
		"by run id across keys":   {UploadOrder{LastModified: noon, Key: "k", Sequencer: "FF", RunID: "a"}, UploadOrder{LastModified: noon, Key: "l", Sequencer: "01", RunID: "b"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if !test.earlier.Before(test.later) || test.later.Before(test.earlier) {
				t.Errorf("%+v is not strictly before %+v", test.earlier, test.later)
			}
			if test.later.Before(test.later) {
				t.Errorf("%+v is before itself", test.later)
			}
		})
	}
}

// TestWaitingStaysWithinHistory: the longest allowed waits of one execution must
// not meet Step Functions' 25,000 history events, at no more than 9 events a turn,
// and leave room for what is tried again.
func TestWaitingStaysWithinHistory(t *testing.T) {
	const eventsPerTurn, reserve = 9, 2000
	job := turns(t, NewWaiting(MaxJobDeadlineHours*3600), Waiting.Next, maxWait)
	throughput := turns(t, NewWaiting(ThroughputDeadlineSeconds), Waiting.Next, maxWait)
	approval := turns(t, NewWaiting(MaxApprovalHours*3600), Waiting.NextForPerson, MaxApprovalHours*3600/approvalTurns)
	for hours := 1; hours <= MaxApprovalHours; hours++ {
		approval = max(approval, turns(t, NewWaiting(hours*3600), Waiting.NextForPerson, max(maxWait, hours*3600/approvalTurns)))
	}
	if approval > 175 {
		t.Errorf("an approval is looked for %d times, want 175 at most", approval)
	}
	if events := (job + 2*approval + throughput) * eventsPerTurn; events > 25000-reserve {
		t.Errorf("%d, twice %d and %d turns make %d events", job, approval, throughput, events)
	}
}

// turns counts the waits until the deadline, each within 30 seconds and longest.
func turns(t *testing.T, w Waiting, next func(Waiting) Waiting, longest int) int {
	t.Helper()
	n := 0
	for ; w.WaitedSeconds < w.DeadlineSeconds; w = next(w) {
		if w.WaitSeconds < minWait || w.WaitSeconds > longest {
			t.Fatalf("wait of %d seconds after %d", w.WaitSeconds, w.WaitedSeconds)
		}
		n++
	}
	return n
}

func TestErrorKinds(t *testing.T) {
	cause := errors.New("cause")
	err := fmt.Errorf("outer: %w", Errorf(Busy, "job %s: %w", "j", cause))
	if kind, ok := KindOf(err); !ok || kind != Busy {
		t.Errorf("KindOf = %s, %v", kind, ok)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if kind, ok := KindOf(cause); ok || kind != Internal {
		t.Errorf("KindOf an error without kind = %s, %v", kind, ok)
	}
}

func TestS3URI(t *testing.T) {
	if got, want := S3URI("b", "a/b.jsonl"), "s3://b/a/b.jsonl"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
