package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// records is a bucket of records that nobody may write.
type records map[string][]byte

func (r records) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	body, ok := r[*in.Key]
	if !ok {
		return nil, &s3types.NoSuchKey{}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(body)), ETag: aws.String("etag")}, nil
}

func (records) PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return nil, errors.New("an operator writes nothing")
}

func (r records) set(t *testing.T, key string, v any) {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	r[key] = body
}

// history is a model with a publication for each of runs, the last one served and
// the deployment of the one before it kept.
func history(runs ...finetune.RunID) registry.Model {
	m := registry.Model{Name: "support"}
	for n, id := range runs {
		m.History = append(m.History, registry.Capacity{
			Kind: finetune.KindDeployment, ThroughputARN: "arn:" + string(id), BaseModel: "base",
			Run: finetune.Run{ID: id, Model: "support"}, Attempt: n, PublishedAt: time.Date(2026, 11, 23, n, 0, 0, 0, time.UTC),
		})
	}
	if n := len(runs); n > 0 {
		m.Serving = &m.History[n-1]
		if n > 1 {
			m.Previous = &m.History[n-2]
		}
	}
	return m
}

// deployedRun is the record of a run that ended Deployed.
func deployedRun(id finetune.RunID, mode string) registry.Run {
	return registry.Run{
		ID: id, Model: "support", End: finetune.EndDeployed, CustomModel: &finetune.Model{ARN: "arn:model"},
		Dataset: finetune.Dataset{Bucket: "bucket", Key: "key", VersionID: string(id)},
		Report:  &finetune.Report{Settings: finetune.Settings{BaseModel: "base", Serving: finetune.Serving{Mode: mode, ModelUnits: 2}}},
	}
}

// Ensure the run before the one served is gone back to, any other by its name, and
// that it is said what that takes.
func TestRollBack(t *testing.T) {
	hourly := func(m registry.Model) registry.Model {
		m.Serving.Kind, m.Previous = finetune.KindProvisioned, nil
		return m
	}
	otherBase := hourly(history("a", "b"))
	otherBase.Serving.BaseModel = "other"
	unserved := history("a", "b")
	unserved.Serving = nil
	tests := map[string]struct {
		model    registry.Model
		mode     string
		to       finetune.RunID
		want     finetune.RunID
		wantFrom finetune.RunID
		says     string
	}{
		"the one before":          {model: history("a", "b", "c"), want: "b", wantFrom: "c", says: "seconds"},
		"after a rollback":        {model: history("a", "b", "c", "b"), want: "c", wantFrom: "b", says: "seconds"},
		"rolled back to twice":    {model: history("a", "b", "a", "a"), want: "b", wantFrom: "a", says: "new deployment"},
		"by its name":             {model: history("a", "b", "c"), to: "a", want: "a", wantFrom: "c", says: "new deployment"},
		"nothing is served":       {model: unserved, to: "b", want: "b", says: "new deployment"},
		"provisioned":             {model: hourly(history("a", "b")), mode: finetune.ServeProvisioned, want: "a", wantFrom: "b", says: "re-pointed"},
		"provisioned, other base": {model: otherBase, mode: finetune.ServeProvisioned, want: "a", wantFrom: "b", says: "2 model units of provisioned throughput are bought"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := records{}
			r.set(t, finetune.RegistryKey("support"), test.model)
			for _, id := range []finetune.RunID{"a", "b", "c"} {
				r.set(t, finetune.RunKey(id), deployedRun(id, test.mode))
			}
			s := newStarter()
			for range 2 {
				got, err := RollBack(t.Context(), s, registry.Store{S3: r, Bucket: "bucket"}, machine, "support", test.to)
				if err != nil || got.To != test.want || got.From != test.wantFrom || !strings.Contains(got.Way, test.says) {
					t.Errorf("got %+v, %v; want from %q to %q, saying %q", got, err, test.wantFrom, test.want, test.says)
				}
			}
			if want := []string{string(test.want) + "-rollback-1"}; !slices.Equal(s.started, want) {
				t.Errorf("started %q, want %q", s.started, want)
			}
			if want := fmt.Sprintf(`{"dataset":{"bucket":"bucket","key":"key","versionId":%q,"sequencer":""},"resume":false,"rollback":true}`, test.want); s.input != want {
				t.Errorf("the input is %s; want %s", s.input, want)
			}
		})
	}
}

// Ensure a rollback that the execution would refuse starts none, and that the
// refusal names what can be gone back to.
func TestRollBackRefused(t *testing.T) {
	unserved := history("a", "b")
	unserved.Serving = nil
	running := deployedRun("a", "")
	running.End = ""
	untrained := deployedRun("a", "")
	untrained.CustomModel = nil
	tests := map[string]struct {
		model *registry.Model
		run   *registry.Run
		to    finetune.RunID
		says  []string
	}{
		"no such model":       {says: []string{"ever published"}},
		"only one":            {model: ptr(history("a")), says: []string{"nothing to go back to"}},
		"nothing served":      {model: &unserved, says: []string{"--to", "b (2026-11-23T01:00:00Z), a (2026-11-23T00:00:00Z)"}},
		"served already":      {model: ptr(history("b", "a")), run: ptr(deployedRun("a", "")), to: "a", says: []string{"serves the model already"}},
		"never published":     {model: ptr(history("b", "c")), run: ptr(deployedRun("a", "")), to: "a", says: []string{"never published", "c (2026-11-23T01:00:00Z)"}},
		"no such run":         {model: ptr(history("b", "c")), to: "a", says: []string{"never published"}},
		"still going on":      {model: ptr(history("a", "b")), run: &running, says: []string{"still going on"}},
		"no trained model":    {model: ptr(history("a", "b")), run: &untrained, says: []string{"no trained model"}},
		"its record was lost": {model: ptr(history("a", "b")), says: []string{"reading run a"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r, s := records{}, newStarter()
			if test.model != nil {
				r.set(t, finetune.RegistryKey("support"), test.model)
			}
			if test.run != nil {
				r.set(t, finetune.RunKey(test.run.ID), test.run)
			}
			_, err := RollBack(t.Context(), s, registry.Store{S3: r, Bucket: "bucket"}, machine, "support", test.to)
			if err == nil || len(s.started) != 0 {
				t.Fatalf("got %v after starting %q; want a refusal", err, s.started)
			}
			for _, want := range test.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the refusal %q does not say %q", err, want)
				}
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

// describer answers an execution's states, one a look.
type describer struct {
	looks []func() *sfn.DescribeExecutionOutput
}

func (d *describer) DescribeExecution(_ context.Context, in *sfn.DescribeExecutionInput, _ ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error) {
	if len(d.looks) == 0 {
		return nil, errors.New("looked too often")
	}
	look := d.looks[0]
	d.looks = d.looks[1:]
	out := look()
	out.ExecutionArn = in.ExecutionArn
	return out, nil
}

// Ensure an execution is followed to its end, with a line for each change.
func TestFollow(t *testing.T) {
	r := records{}
	run := deployedRun("a", "")
	run.End = ""
	at := func(change func()) func() *sfn.DescribeExecutionOutput {
		return func() *sfn.DescribeExecutionOutput {
			change()
			r.set(t, finetune.RunKey("a"), run)
			return &sfn.DescribeExecutionOutput{Status: types.ExecutionStatusRunning}
		}
	}
	d := &describer{looks: []func() *sfn.DescribeExecutionOutput{
		at(func() {}),
		at(func() { run.ExecutionARN = "arn:execution" }),
		at(func() {}),
		at(func() { run.Throughput = &finetune.Throughput{Kind: finetune.KindDeployment} }),
		at(func() { run.Throughput.ARN, run.Throughput.Change = "arn:d", finetune.ChangeCreated }),
		at(func() { run.Throughput.Change = finetune.ChangeFound }),
		at(func() { run.Endpoint = &finetune.Endpoint{ModelID: "arn:d"} }),
		func() *sfn.DescribeExecutionOutput {
			run.End = finetune.EndDeployed
			r.set(t, finetune.RunKey("a"), run)
			return &sfn.DescribeExecutionOutput{Status: types.ExecutionStatusSucceeded}
		},
	}}
	var lines []string
	got, err := Follow(t.Context(), d, registry.Store{S3: r, Bucket: "bucket"}, "arn:execution", "a", time.Microsecond, func(line string) { lines = append(lines, line) })
	if want := (Outcome{End: finetune.EndDeployed}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	want := []string{
		"taking the run over", "going on from the trained model", "asking for a deployment",
		"waiting for the new deployment arn:d", "testing the kept deployment arn:d", "published as arn:d",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("told\n%q, want\n%q", lines, want)
	}
}

// Ensure giving up waiting ends nothing and says so.
func TestFollowIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := &describer{looks: []func() *sfn.DescribeExecutionOutput{func() *sfn.DescribeExecutionOutput {
		cancel()
		return &sfn.DescribeExecutionOutput{Status: types.ExecutionStatusRunning}
	}}}
	_, err := Follow(ctx, d, registry.Store{S3: records{}, Bucket: "bucket"}, "arn:execution", "a", time.Hour, func(string) {})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "goes on") {
		t.Errorf("got %v, want that it goes on", err)
	}
}

// Ensure the end is the run's where the execution owned it, and the execution's
// own where it did not.
func TestOutcome(t *testing.T) {
	out := func(status types.ExecutionStatus) *sfn.DescribeExecutionOutput {
		return &sfn.DescribeExecutionOutput{ExecutionArn: aws.String("arn:execution"), Status: status, Error: aws.String("E"), Cause: aws.String("C")}
	}
	tests := map[string]struct {
		run    registry.Run
		status types.ExecutionStatus
		want   Outcome
	}{
		"superseded":     {registry.Run{ExecutionARN: "arn:execution", End: finetune.EndSuperseded, Cause: "newer"}, types.ExecutionStatusSucceeded, Outcome{End: finetune.EndSuperseded, Cause: "newer"}},
		"stopped":        {registry.Run{ExecutionARN: "arn:execution"}, types.ExecutionStatusAborted, Outcome{End: "ABORTED", Error: "E", Cause: "what it bought is still being released; the run's report will say how it ended"}},
		"refused":        {registry.Run{ExecutionARN: "arn:other", End: finetune.EndDeployed}, types.ExecutionStatusFailed, Outcome{End: finetune.EndFailed, Error: "E", Cause: "C"}},
		"a duplicate":    {registry.Run{ExecutionARN: "arn:other"}, types.ExecutionStatusSucceeded, Outcome{End: finetune.EndDuplicate}},
		"again by now":   {registry.Run{ExecutionARN: "arn:other", EarlierEnds: []registry.Ended{{ExecutionARN: "arn:execution", End: finetune.EndDeployed}}}, types.ExecutionStatusSucceeded, Outcome{End: finetune.EndDeployed}},
		"failed, closed": {registry.Run{ExecutionARN: "arn:execution", End: finetune.EndFailed, Error: "SmokeTestFailed", Cause: "empty"}, types.ExecutionStatusFailed, Outcome{End: finetune.EndFailed, Error: "SmokeTestFailed", Cause: "empty"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := outcome(test.run, out(test.status)); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
