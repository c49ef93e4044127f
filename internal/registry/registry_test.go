package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/finetune"
)

// bucket is a bucket with S3's conditional writes and nothing else. The
// rehearsal runs the registry against a real S3 implementation.
type bucket struct {
	mu      sync.Mutex
	objects map[string][]byte
	puts    int
	// before runs before the n-th PutObject, without the lock: another writer.
	before func(put int)
}

var _ API = (*bucket)(nil)

func (b *bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, ok := b.objects[*in.Key]
	if !ok {
		return nil, &types.NoSuchKey{}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(body)), ETag: aws.String(etag(body))}, nil
}

func (b *bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if b.before != nil {
		b.puts++
		b.before(b.puts)
	}
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	was, exists := b.objects[*in.Key]
	if in.IfMatch != nil && !exists {
		return nil, &smithy.GenericAPIError{Code: "NoSuchKey", Message: "the object has gone"}
	}
	if in.IfNoneMatch != nil && exists || in.IfMatch != nil && (!exists || etag(was) != *in.IfMatch) {
		return nil, &smithy.GenericAPIError{Code: "PreconditionFailed", Message: "condition not met"}
	}
	b.objects[*in.Key] = body
	return &s3.PutObjectOutput{}, nil
}

func etag(body []byte) string { return fmt.Sprintf("%x", body) }

func newStore() (Store, *bucket) {
	b := &bucket{objects: map[string][]byte{}}
	return Store{S3: b, Bucket: "bucket"}, b
}

// Ensure one of many executions owns a run, and that it stays the owner.
func TestClaim(t *testing.T) {
	store, _ := newStore()
	var wg sync.WaitGroup
	owners := make([]string, 8)
	for i := range owners {
		wg.Go(func() {
			run, err := store.Claim(t.Context(), Run{ID: "r", ExecutionARN: fmt.Sprint("execution-", i)})
			if err != nil {
				t.Error(err)
			}
			owners[i] = run.ExecutionARN
		})
	}
	wg.Wait()
	for _, owner := range owners {
		if owner != owners[0] {
			t.Fatalf("two owners: %v", owners)
		}
	}
	again, err := store.Claim(t.Context(), Run{ID: "r", ExecutionARN: owners[0]})
	if err != nil || again.ExecutionARN != owners[0] {
		t.Errorf("claiming again = %+v, %v", again, err)
	}
}

// Ensure no change is lost when many writers change one record.
func TestUpdateRunUnderRace(t *testing.T) {
	store, _ := newStore()
	if _, err := store.Claim(t.Context(), Run{ID: "r"}); err != nil {
		t.Fatal(err)
	}
	const writers = 8
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			_, err := store.UpdateRun(t.Context(), "r", func(r *Run) error {
				r.Cause += "x"
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	run, err := store.Run(t.Context(), "r")
	if err != nil || len(run.Cause) != writers {
		t.Errorf("got %d changes, %v; want %d", len(run.Cause), err, writers)
	}
}

// Ensure a writer that always loses gives up with a kind the machine retries.
func TestUpdateGivesUp(t *testing.T) {
	store, b := newStore()
	if _, err := store.Claim(t.Context(), Run{ID: "r"}); err != nil {
		t.Fatal(err)
	}
	b.before = func(put int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.objects[finetune.RunKey("r")] = fmt.Appendf(nil, `{"cause":"%d"}`, put)
	}
	_, err := store.UpdateRun(t.Context(), "r", func(*Run) error { return nil })
	if kind, _ := finetune.KindOf(err); kind != finetune.Unavailable {
		t.Errorf("got %v, want kind Unavailable", err)
	}
}

// Ensure a record that was deleted between reading and writing is read anew:
// a model's is made again, a run's is missing.
func TestUpdateOfADeletedRecord(t *testing.T) {
	store, b := newStore()
	if _, err := store.Claim(t.Context(), Run{ID: "r"}); err != nil {
		t.Fatal(err)
	}
	deleting := func(int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		clear(b.objects)
		b.before = nil
	}
	b.before = deleting
	if _, err := store.UpdateRun(t.Context(), "r", func(*Run) error { return nil }); !errors.Is(err, ErrNotFound) {
		t.Errorf("UpdateRun: %v, want %v", err, ErrNotFound)
	}
	if _, err := store.UpdateModel(t.Context(), "m", func(m *Model) error { m.Lease = &Lease{}; return nil }); err != nil {
		t.Fatal(err)
	}
	b.before = deleting
	m, err := store.UpdateModel(t.Context(), "m", func(*Model) error { return nil })
	if err != nil || m.Name != "m" || m.Lease != nil {
		t.Errorf("UpdateModel made %+v, %v; want an empty record", m, err)
	}
}

// Ensure a run that was closed between reading and writing makes nothing.
func TestUpdateOpenRunSeesTheClosing(t *testing.T) {
	store, b := newStore()
	if _, err := store.Claim(t.Context(), Run{ID: "r"}); err != nil {
		t.Fatal(err)
	}
	closed := false
	b.before = func(int) {
		if closed {
			return
		}
		closed = true
		b.mu.Lock()
		defer b.mu.Unlock()
		b.objects[finetune.RunKey("r")] = []byte(`{"id":"r","closed":true}`)
	}
	_, err := store.UpdateOpenRun(t.Context(), "r", func(r *Run) error {
		r.Job = &finetune.Job{Name: "job"}
		return nil
	})
	if kind, _ := finetune.KindOf(err); kind != finetune.RunClosed {
		t.Errorf("got %v, want kind RunClosed", err)
	}
}

func TestReclaim(t *testing.T) {
	model := &finetune.Model{ARN: "arn:model"}
	tests := map[string]struct {
		was  Run
		want finetune.Kind
	}{
		"needs operator":     {was: Run{End: finetune.EndNeedsOperator, CustomModel: model}},
		"failed with model":  {was: Run{End: finetune.EndFailed, CustomModel: model}},
		"failed without one": {was: Run{End: finetune.EndFailed, Job: &finetune.Job{Name: "job"}}, want: finetune.SettingsRejected},
		"no job intended":    {was: Run{End: finetune.EndFailed}},
		"still going on":     {was: Run{CustomModel: model}, want: finetune.SettingsRejected},
		"deployed":           {was: Run{End: finetune.EndDeployed, CustomModel: model}, want: finetune.SettingsRejected},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			store, _ := newStore()
			test.was.ID, test.was.ExecutionARN, test.was.Closed = "r", "first", true
			test.was.Throughput = &finetune.Throughput{ARN: "released"}
			if _, err := store.Claim(t.Context(), test.was); err != nil {
				t.Fatal(err)
			}
			got, err := store.Reclaim(t.Context(), "r", "second")
			if test.want != "" {
				if kind, _ := finetune.KindOf(err); kind != test.want {
					t.Errorf("got %v, want kind %s", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.ExecutionARN != "second" || got.Closed || got.End != "" || got.Throughput != nil || got.Attempt() != 1 {
				t.Errorf("got %+v", got)
			}
			again, err := store.Reclaim(t.Context(), "r", "second")
			if err != nil || again.Attempt() != 1 {
				t.Errorf("reclaiming again: attempt %d, %v", again.Attempt(), err)
			}
		})
	}
}

// Ensure who allowed an attempt's capacity stays in the record when the run is
// resumed and the next attempt's own question is written over it.
func TestReclaimKeepsWhoAllowedIt(t *testing.T) {
	store, _ := newStore()
	allowed := finetune.Spend{Purpose: finetune.PurposeServing, Decision: finetune.DecisionGranted, By: "arn:ann"}
	was := Run{
		ID: "r", ExecutionARN: "first", End: finetune.EndFailed, CustomModel: &finetune.Model{ARN: "arn:model"},
		Spend: map[string]finetune.Spend{finetune.PurposeServing: allowed},
	}
	if _, err := store.Claim(t.Context(), was); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Reclaim(t.Context(), "r", "second"); err != nil {
		t.Fatal(err)
	}
	asked := finetune.Spend{Purpose: finetune.PurposeServing, Decision: finetune.DecisionAsked}
	got, err := store.UpdateRun(t.Context(), "r", func(r *Run) error { r.Spend[asked.Purpose] = asked; return nil })
	if err != nil || got.Spend[asked.Purpose].Decision != asked.Decision {
		t.Fatalf("got %+v, %v; want it asked", got.Spend, err)
	}
	if earlier := got.EarlierEnds[0].Spend[finetune.PurposeServing]; !reflect.DeepEqual(earlier, allowed) {
		t.Errorf("the earlier attempt's spending is %+v; want %+v", earlier, allowed)
	}
}

func TestNotFound(t *testing.T) {
	store, _ := newStore()
	if _, err := store.Run(t.Context(), "r"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Run: %v", err)
	}
	if _, err := store.Model(t.Context(), "m"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Model: %v", err)
	}
}

// Ensure a report that is written while the record changes is written again.
func TestReportRunUnderRace(t *testing.T) {
	store, b := newStore()
	if _, err := store.Claim(t.Context(), Run{ID: "r"}); err != nil {
		t.Fatal(err)
	}
	b.before = func(put int) {
		if put == 1 { // the first report is on its way
			if _, err := store.UpdateRun(t.Context(), "r", func(r *Run) error { r.End = finetune.EndFailed; return nil }); err != nil {
				t.Error(err)
			}
		}
	}
	if err := store.ReportRun(t.Context(), "r"); err != nil {
		t.Fatal(err)
	}
	var report Run
	if err := json.Unmarshal(b.objects[finetune.RunReportKey("r")], &report); err != nil || report.End != finetune.EndFailed {
		t.Errorf("the report says %+v, %v; want the end that was recorded meanwhile", report, err)
	}
}

// Ensure an execution that ended does not take a run over any more, and that an
// owner, now or before, is not barred.
func TestBar(t *testing.T) {
	store, _ := newStore()
	if _, err := store.Claim(t.Context(), Run{ID: "r", ExecutionARN: "first", End: finetune.EndFailed}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		run, err := store.Bar(t.Context(), "r", "late")
		if err != nil || run.ExecutionARN != "first" || len(run.BarredExecutionARNs) != 1 {
			t.Errorf("barring gives %+v, %v", run, err)
		}
	}
	for name, take := range map[string]func(context.Context, finetune.RunID, string) (Run, error){"resuming": store.Reclaim, "rolling back": store.Rollback} {
		_, err := take(t.Context(), "r", "late")
		if kind, _ := finetune.KindOf(err); kind != finetune.RunClosed {
			t.Errorf("%s answers %v", name, err)
		}
	}
	if _, err := store.Reclaim(t.Context(), "r", "faster"); err != nil {
		t.Fatal(err)
	}
	for _, owner := range []string{"faster", "first"} {
		if run, err := store.Bar(t.Context(), "r", owner); err != nil || len(run.BarredExecutionARNs) != 1 || run.ExecutionARN != "faster" {
			t.Errorf("barring %s gives %+v, %v", owner, run, err)
		}
	}
}

// Ensure an execution that was barred before it wrote down its data set begins
// nothing, and one that was faster is found by what it wrote.
func TestBarExecution(t *testing.T) {
	store, _ := newStore()
	began := Execution{ARN: "arn:aws:states:us-east-1:111122223333:execution:m:began", Dataset: finetune.Dataset{Key: "k"}}
	for range 2 { // its second try finds what the first wrote
		if err := store.NoteExecution(t.Context(), began); err != nil {
			t.Fatal(err)
		}
	}
	if stands, err := store.BarExecution(t.Context(), began.ARN); err != nil || stands != began {
		t.Errorf("barring it answers %+v, %v; want %+v", stands, err, began)
	}
	const barred = "arn:aws:states:us-east-1:111122223333:execution:m:barred"
	for range 2 {
		if stands, err := store.BarExecution(t.Context(), barred); err != nil || !stands.Ended {
			t.Errorf("barring it answers %+v, %v; want it ended", stands, err)
		}
	}
	err := store.NoteExecution(t.Context(), Execution{ARN: barred, Dataset: began.Dataset})
	if kind, _ := finetune.KindOf(err); kind != finetune.RunClosed {
		t.Errorf("a barred execution begins: %v", err)
	}
}

// run returns the n-th upload of a model.
func upload(n int) finetune.Run {
	id := finetune.RunID(fmt.Sprint("run", n))
	at := time.Date(2026, 11, 23, 12, n, 0, 0, time.UTC)
	return finetune.Run{ID: id, Model: "m", Order: finetune.UploadOrder{LastModified: at, RunID: id}}
}

func deployment(n int) Capacity {
	return Capacity{Kind: finetune.KindDeployment, ThroughputARN: fmt.Sprint("deployment", n), Run: upload(n)}
}

func provisioned(throughput string, n int) Capacity {
	return Capacity{Kind: finetune.KindProvisioned, ThroughputARN: throughput, Run: upload(n)}
}

// Ensure what was published before is kept, retired or left alone by what it costs.
func TestPublish(t *testing.T) {
	tests := map[string]struct {
		publish                    []Capacity
		serving, previous, retired string
	}{
		"first deployment":         {publish: []Capacity{deployment(1)}, serving: "deployment1"},
		"second keeps the first":   {publish: []Capacity{deployment(1), deployment(2)}, serving: "deployment2", previous: "deployment1"},
		"third retires the first":  {publish: []Capacity{deployment(1), deployment(2), deployment(3)}, serving: "deployment3", previous: "deployment2", retired: "deployment1"},
		"again changes nothing":    {publish: []Capacity{deployment(1), deployment(2), deployment(2)}, serving: "deployment2", previous: "deployment1"},
		"updated in place":         {publish: []Capacity{provisioned("pt", 1), provisioned("pt", 2)}, serving: "pt"},
		"hourly capacity replaced": {publish: []Capacity{provisioned("pt", 1), deployment(2)}, serving: "deployment2", retired: "pt"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var m Model
			for _, c := range test.publish {
				if err := m.Publish(c); err != nil {
					t.Fatal(err)
				}
			}
			retired := ""
			for _, c := range m.Retired {
				retired += c.ThroughputARN
			}
			previous := ""
			if m.Previous != nil {
				previous = m.Previous.ThroughputARN
			}
			if m.Serving.ThroughputARN != test.serving || previous != test.previous || retired != test.retired {
				t.Errorf("serving %s, previous %q, retired %q; want %s, %q, %q", m.Serving.ThroughputARN, previous, retired, test.serving, test.previous, test.retired)
			}
			for _, c := range m.Retired {
				m.DropRetired(c.ThroughputARN)
			}
			if len(m.Retired) != 0 {
				t.Errorf("%d retired left after dropping each", len(m.Retired))
			}
		})
	}
}

// Ensure a publication frees the lease of its own run and of no other, whether
// the run bought or re-pointed.
func TestPublishFreesTheLease(t *testing.T) {
	for name, lease := range map[string]Lease{"buying": {Run: upload(1)}, "re-pointing": {Run: upload(1), ThroughputARN: "pt"}} {
		m := Model{Lease: &lease}
		if lease.Buying() != (name == "buying") {
			t.Errorf("%s: Buying = %t", name, lease.Buying())
		}
		if err := m.Publish(deployment(2)); err != nil || m.Lease == nil {
			t.Errorf("%s: another's publication took the lease (%v)", name, err)
		}
		m = Model{Lease: &lease}
		if err := m.Publish(provisioned("pt", 1)); err != nil || m.Lease != nil {
			t.Errorf("%s: after its publication the run holds %+v (%v)", name, m.Lease, err)
		}
	}
}

// Ensure an older upload never replaces a newer one, and leaves no lease.
func TestPublishSuperseded(t *testing.T) {
	var m Model
	if err := m.Publish(deployment(2)); err != nil {
		t.Fatal(err)
	}
	err := m.Publish(deployment(1))
	if kind, _ := finetune.KindOf(err); kind != finetune.Superseded {
		t.Errorf("got %v, want kind Superseded", err)
	}
	if m.Serving.ThroughputARN != "deployment2" || len(m.History) != 1 {
		t.Errorf("the older upload changed the record: %+v", m)
	}
}
