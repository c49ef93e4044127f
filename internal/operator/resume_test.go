package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

const (
	machine = "arn:aws:states:us-east-1:111122223333:stateMachine:tuneline"
	id      = finetune.RunID("0123456789abcdef")
)

// bucket holds the run's record, or nothing.
type bucket struct{ record []byte }

func (b bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if b.record == nil || *in.Key != finetune.RunKey(id) {
		return nil, &s3types.NoSuchKey{}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(b.record)), ETag: aws.String("etag")}, nil
}

func (bucket) PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return nil, errors.New("resuming writes nothing")
}

func storeOf(t *testing.T, run registry.Run) registry.Store {
	t.Helper()
	record, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	return registry.Store{S3: bucket{record}, Bucket: "bucket"}
}

// starter starts executions as Step Functions does: idempotently for the name
// of one that runs, never again under the name of one that ended.
type starter struct {
	running, ended map[string]bool
	started        []string
	input          string
	refusal        error
}

func (s *starter) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	name := *in.Name
	switch {
	case s.refusal != nil:
		return nil, s.refusal
	case s.ended[name]:
		return nil, &types.ExecutionAlreadyExists{}
	case !s.running[name]:
		s.running[name] = true
		s.started = append(s.started, name)
		s.input = *in.Input
	}
	return &sfn.StartExecutionOutput{ExecutionArn: aws.String(strings.Replace(*in.StateMachineArn, "stateMachine", "execution", 1) + ":" + name)}, nil
}

// end ends the execution that was started last.
func (s *starter) end() {
	last := s.started[len(s.started)-1]
	delete(s.running, last)
	s.ended[last] = true
}

func newStarter() *starter { return &starter{running: map[string]bool{}, ended: map[string]bool{}} }

// resumable is a run that can be resumed, for the second time.
func resumable() registry.Run {
	return registry.Run{
		ID: id, Model: "support", End: finetune.EndNeedsOperator, CustomModel: &finetune.Model{ARN: "arn:model"},
		EarlierExecutionARNs: []string{"arn:first"}, Dataset: finetune.Dataset{Bucket: "bucket", Key: "key", VersionID: "v1"},
	}
}

// Ensure asking twice starts one execution, and that one which failed before it
// took the run over bars no other.
func TestResume(t *testing.T) {
	s, store := newStarter(), storeOf(t, resumable())
	for _, name := range []string{"0123456789abcdef-resume-2", "0123456789abcdef-resume-2-2", "0123456789abcdef-resume-2-3"} {
		for range 2 {
			arn, err := Resume(t.Context(), s, store, machine, id)
			if want := "arn:aws:states:us-east-1:111122223333:execution:tuneline:" + name; err != nil || arn != want {
				t.Errorf("got %s, %v; want %s", arn, err, want)
			}
		}
		s.end()
	}
	if len(s.started) != 3 || len(slices.Compact(s.started)) != 3 {
		t.Errorf("started were %q; want 3, once each", s.started)
	}
	if want := `{"dataset":{"bucket":"bucket","key":"key","versionId":"v1","sequencer":""},"resume":true,"rollback":false}`; s.input != want {
		t.Errorf("the input is %s; want %s", s.input, want)
	}
}

// Ensure it gives up at last, and at once on any other refusal.
func TestResumeRefusedByStepFunctions(t *testing.T) {
	store := storeOf(t, resumable())
	s := newStarter()
	for try := 1; try <= maxTries; try++ {
		s.ended[executionName(resumable(), toResume, try)] = true
	}
	if _, err := Resume(t.Context(), s, store, machine, id); err == nil || len(s.started) != 0 {
		t.Errorf("got %v after starting %q; want an error", err, s.started)
	}
	s = newStarter()
	s.refusal = &types.StateMachineDoesNotExist{}
	if _, err := Resume(t.Context(), s, store, machine, id); !errors.Is(err, s.refusal) {
		t.Errorf("got %v; want %v", err, s.refusal)
	}
}

// Ensure a run that ended before any job was intended goes on from the beginning.
func TestResumeBeforeAnyJob(t *testing.T) {
	run, s := resumable(), newStarter()
	run.CustomModel, run.Error = nil, string(finetune.SpendUnanswered)
	if _, err := Resume(t.Context(), s, storeOf(t, run), machine, id); err != nil || len(s.started) != 1 {
		t.Errorf("got %v after starting %q; want one execution", err, s.started)
	}
}

// Ensure a run that the execution would refuse starts none.
func TestResumeRefused(t *testing.T) {
	tests := map[string]struct {
		change func(*registry.Run)
		want   string
	}{
		"going on":      {func(r *registry.Run) { r.End = "" }, "still going on"},
		"deployed":      {func(r *registry.Run) { r.End = finetune.EndDeployed }, "deployed already"},
		"superseded":    {func(r *registry.Run) { r.End = finetune.EndSuperseded }, "ended Superseded"},
		"rejected":      {func(r *registry.Run) { r.End = finetune.EndRejected }, "ended Rejected"},
		"rolled back":   {func(r *registry.Run) { r.Rollback = &registry.Rollback{} }, "tuneline rollback support --to " + string(id)},
		"without model": {func(r *registry.Run) { r.End, r.CustomModel, r.Job = finetune.EndFailed, nil, &finetune.Job{} }, "without a trained model"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			run, s := resumable(), newStarter()
			test.change(&run)
			_, err := Resume(t.Context(), s, storeOf(t, run), machine, id)
			if err == nil || !strings.Contains(err.Error(), test.want) || len(s.started) != 0 {
				t.Errorf("got %v after starting %q; want an error that says %q", err, s.started, test.want)
			}
		})
	}
	_, err := Resume(t.Context(), newStarter(), registry.Store{S3: bucket{}, Bucket: "bucket"}, machine, id)
	if !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("got %v; want %v", err, registry.ErrNotFound)
	}
}
