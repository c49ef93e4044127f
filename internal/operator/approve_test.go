package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// caller is who signs, or the refusal to say so.
type caller struct {
	arn     string
	refusal error
}

func (c caller) GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	return &sts.GetCallerIdentityOutput{Arn: aws.String(c.arn)}, c.refusal
}

const ann = "arn:aws:sts::111122223333:assumed-role/operator/ann"

var noon = time.Date(2026, 11, 23, 12, 0, 0, 500, time.UTC)

// desk holds a run's record and takes approvals.
type desk struct {
	bucket
	written map[string][]byte
	refusal error
}

func (d *desk) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if d.refusal != nil {
		return nil, d.refusal
	}
	body, err := io.ReadAll(in.Body)
	d.written[*in.Key] = body
	return &s3.PutObjectOutput{}, err
}

func deskOf(t *testing.T, run registry.Run) (*desk, registry.Store) {
	t.Helper()
	record, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{bucket: bucket{record}, written: map[string][]byte{}}
	return d, registry.Store{S3: d, Bucket: "bucket"}
}

// asking is a run that asks about 24 USD an hour, until three days after noon.
func asking() registry.Run {
	usd, until := 24.0, noon.Add(72*time.Hour)
	return registry.Run{
		ID: id, Model: "support", ExecutionARN: machine + ":1",
		Spend: map[string]finetune.Spend{
			finetune.PurposeTraining: {Purpose: finetune.PurposeTraining, Decision: finetune.DecisionGranted},
			finetune.PurposeServing: {
				Purpose: finetune.PurposeServing, Decision: finetune.DecisionAsked, USD: &usd, Unit: finetune.UnitHour,
				Until: &until, Waiting: finetune.NewWaiting(72 * 3600),
			},
		},
	}
}

// Ensure an answer names who, what, at which price and until when.
func TestReply(t *testing.T) {
	for decision, until := range map[string]string{registry.Approve: `,"until":"2026-11-23T20:00:00Z"`, registry.Reject: ""} {
		d, store := deskOf(t, asking())
		answered, err := Reply(t.Context(), caller{arn: ann}, store, id, Answer{Decision: decision, For: 8 * time.Hour, At: noon})
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := json.Compact(&got, d.written["approvals/0123456789abcdef-serving.json"]); err != nil {
			t.Fatal(err)
		}
		want := `{"run":"0123456789abcdef","purpose":"serving","decision":"` + decision + `","usd":24,"by":"` + ann + `","at":"2026-11-23T12:00:00Z"` + until + `}`
		if got.String() != want || len(d.written) != 1 {
			t.Errorf("wrote %s, want %s", got.String(), want)
		}
		if answered.Approval.By != ann || *answered.Spend.USD != 24 || answered.Run.ID != id {
			t.Errorf("answered %+v", answered)
		}
	}
}

// Ensure a run that ended over its spending can still be approved, and one that
// was rejected as well.
func TestReplyAfterTheEnd(t *testing.T) {
	for kind, decision := range map[finetune.Kind]string{finetune.SpendUnanswered: finetune.DecisionAsked, finetune.SpendRefused: finetune.DecisionRefused} {
		run := asking()
		run.Closed, run.End, run.Error = true, finetune.EndNeedsOperator, string(kind)
		spend := run.Spend[finetune.PurposeServing]
		spend.Decision = decision
		run.Spend[finetune.PurposeServing] = spend
		d, store := deskOf(t, run)
		if _, err := Reply(t.Context(), caller{arn: ann}, store, id, Answer{Decision: registry.Approve, For: time.Hour, At: noon}); err != nil || len(d.written) != 1 {
			t.Errorf("%s: %v, written %q", kind, err, d.written)
		}
	}
}

// Ensure nothing is written where nothing is asked, or nobody is known.
func TestReplyRefused(t *testing.T) {
	closed := func(end string, kind finetune.Kind) func(*registry.Run) {
		return func(r *registry.Run) { r.Closed, r.End, r.Error = true, end, string(kind) }
	}
	answer := func(decision, by string) func(*registry.Run) {
		return func(r *registry.Run) {
			r.Spend = map[string]finetune.Spend{finetune.PurposeServing: {Purpose: finetune.PurposeServing, Decision: decision, By: by}}
		}
	}
	both := func(r *registry.Run) {
		r.Spend[finetune.PurposeTraining] = finetune.Spend{Purpose: finetune.PurposeTraining, Decision: finetune.DecisionAsked}
	}
	tests := map[string]struct {
		change  func(*registry.Run)
		caller  caller
		purpose string
		refusal error
		want    string
	}{
		"deployed":        {closed(finetune.EndDeployed, ""), caller{arn: ann}, "", nil, "does not wait for an approval: it ended Deployed"},
		"stopped":         {closed(finetune.EndFailed, finetune.RunClosed), caller{arn: ann}, "", nil, "ended Failed (RunClosed)"},
		"being closed":    {closed("", ""), caller{arn: ann}, "", nil, "being closed"},
		"nothing asked":   {func(r *registry.Run) { r.Spend = nil }, caller{arn: ann}, "", nil, "nothing of it has crossed a ceiling"},
		"answered before": {answer(finetune.DecisionGranted, "arn:bob"), caller{arn: ann}, "", nil, "its serving is Granted, by arn:bob; what is under way is ended with: aws stepfunctions stop-execution"},
		"other purpose":   {func(*registry.Run) {}, caller{arn: ann}, finetune.PurposeTraining, nil, "asks about serving"},
		"asks about both": {both, caller{arn: ann}, "", nil, "asks about training and serving"},
		"nobody":          {func(*registry.Run) {}, caller{}, "", nil, "no ARN"},
		"unknown caller":  {func(*registry.Run) {}, caller{refusal: errors.New("expired")}, "", nil, "expired"},
		"not an operator": {func(*registry.Run) {}, caller{arn: ann}, "", errors.New("AccessDenied"), "AccessDenied"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run := asking()
			test.change(&run)
			d, store := deskOf(t, run)
			d.refusal = test.refusal
			_, err := Reply(t.Context(), test.caller, store, id, Answer{Decision: registry.Approve, Purpose: test.purpose, For: time.Hour, At: noon})
			if err == nil || !strings.Contains(err.Error(), test.want) || len(d.written) != 0 {
				t.Errorf("got %v, written %q; want an error that says %q", err, d.written, test.want)
			}
		})
	}
	d, store := deskOf(t, asking())
	d.record = nil
	if _, err := Reply(t.Context(), caller{arn: ann}, store, id, Answer{Decision: registry.Approve}); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("of a run that is not: %v", err)
	}
}

// Ensure the promise of when a run sees an answer is that of its waits.
func TestLooksWithin(t *testing.T) {
	spend := asking().Spend[finetune.PurposeServing]
	for waited, want := range map[time.Duration]time.Duration{
		0:               30 * time.Second,
		time.Hour:       6 * time.Minute,
		48 * time.Hour:  36 * time.Minute,
		100 * time.Hour: 36 * time.Minute,
	} {
		if got := LooksWithin(spend, noon.Add(waited)); got < want || got > want+time.Minute {
			t.Errorf("after %s: within %s, want %s", waited, got, want)
		}
	}
}

// Ensure whoever follows a run is told that it waits for an approval, and how to
// give it.
func TestFollowingTellsOfTheQuestion(t *testing.T) {
	run := asking()
	run.Dataset.Bucket = "bucket"
	if got, want := progress(run, run.ExecutionARN), "waiting for an operator to approve its serving at 24.00 USD an hour: tuneline approve 0123456789abcdef --bucket bucket"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
