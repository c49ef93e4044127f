package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/registry"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fake answers each method by its function; a nil one fails the test by
// panicking, which says which call was not expected.
type fake struct {
	foundation func(id string) (*bedrock.GetFoundationModelOutput, error)
	create     func(*bedrock.CreateModelCustomizationJobInput) (*bedrock.CreateModelCustomizationJobOutput, error)
	get        func(id string) (*bedrock.GetModelCustomizationJobOutput, error)
	stop       func(id string) error
	// model answers GetCustomModel; nil has none of the name.
	model func(id string) (*bedrock.GetCustomModelOutput, error)
	key   func() (*kms.DescribeKeyOutput, error)
}

func (f fake) GetFoundationModel(_ context.Context, in *bedrock.GetFoundationModelInput, _ ...func(*bedrock.Options)) (*bedrock.GetFoundationModelOutput, error) {
	return f.foundation(*in.ModelIdentifier)
}

func (f fake) CreateModelCustomizationJob(_ context.Context, in *bedrock.CreateModelCustomizationJobInput, _ ...func(*bedrock.Options)) (*bedrock.CreateModelCustomizationJobOutput, error) {
	return f.create(in)
}

func (f fake) GetModelCustomizationJob(_ context.Context, in *bedrock.GetModelCustomizationJobInput, _ ...func(*bedrock.Options)) (*bedrock.GetModelCustomizationJobOutput, error) {
	return f.get(*in.JobIdentifier)
}

func (f fake) GetCustomModel(_ context.Context, in *bedrock.GetCustomModelInput, _ ...func(*bedrock.Options)) (*bedrock.GetCustomModelOutput, error) {
	if f.model == nil {
		return nil, &types.ResourceNotFoundException{}
	}
	return f.model(*in.ModelIdentifier)
}

func (f fake) StopModelCustomizationJob(_ context.Context, in *bedrock.StopModelCustomizationJobInput, _ ...func(*bedrock.Options)) (*bedrock.StopModelCustomizationJobOutput, error) {
	return &bedrock.StopModelCustomizationJobOutput{}, f.stop(*in.JobIdentifier)
}

func (f fake) DescribeKey(context.Context, *kms.DescribeKeyInput, ...func(*kms.Options)) (*kms.DescribeKeyOutput, error) {
	return f.key()
}

// record is the run's record, the only object these tests' bucket holds, but for
// the model's, once something was published.
type record struct {
	body, model []byte
	// modelErr is what reading the latter fails with.
	modelErr error
}

func (r *record) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	body, err := r.body, error(nil)
	if *in.Key == finetune.RegistryKey(input.Run.Model) {
		body, err = r.model, r.modelErr
	} else if *in.Key != finetune.RunKey(input.Run.ID) {
		body = nil
	}
	if err == nil && body == nil {
		err = &s3types.NoSuchKey{}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(body)), ETag: aws.String("etag")}, err
}

func (r *record) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (_ *s3.PutObjectOutput, err error) {
	if *in.Key != finetune.RunKey(input.Run.ID) {
		return nil, fmt.Errorf("%s is not the submit function's to write", *in.Key)
	}
	r.body, err = io.ReadAll(in.Body)
	return &s3.PutObjectOutput{}, err
}

// set replaces the record; read returns it.
func (r *record) set(t *testing.T, run registry.Run) {
	t.Helper()
	var err error
	if r.body, err = json.Marshal(run); err != nil {
		t.Fatal(err)
	}
}

func (r *record) read(t *testing.T) registry.Run {
	t.Helper()
	var run registry.Run
	if err := json.Unmarshal(r.body, &run); err != nil {
		t.Fatal(err)
	}
	return run
}

const (
	jobARN = "arn:aws:bedrock:us-east-1:111122223333:model-customization-job/amazon.nova-micro-v1:0:128k/abcdef123456"
	keyARN = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
	base   = "amazon.nova-micro-v1:0:128k"
)

var (
	today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	input = finetune.SubmitInput{
		Run: finetune.Run{ID: "0123456789abcdef", Model: "support"},
		Settings: finetune.Settings{
			BaseModel:         base,
			CustomizationType: "FINE_TUNING",
			Hyperparameters:   map[string]string{"epochCount": "2", "learningRate": "0.00001"},
			Serving:           finetune.Serving{Mode: finetune.ServeOnDemand},
		},
		Training:   finetune.Accepted{URI: "s3://tuneline-bucket/accepted/0123456789abcdef/train.jsonl"},
		Validation: &finetune.Accepted{URI: "s3://tuneline-bucket/accepted/0123456789abcdef/validation-e3b0c442.jsonl"},
	}
	stackOfTests = stack{
		name: "tuneline", bucket: "tuneline-bucket",
		roleARN: "arn:aws:iam::111122223333:role/tuneline-customization", keyARN: keyARN,
		subnets: []string{"subnet-1", "subnet-2"}, securityGroups: []string{"sg-1"},
	}
)

// ready is an account in which a job can be made.
func ready() fake {
	return fake{
		key: func() (*kms.DescribeKeyOutput, error) {
			return &kms.DescribeKeyOutput{KeyMetadata: &kmstypes.KeyMetadata{Enabled: true, KeyState: kmstypes.KeyStateEnabled}}, nil
		},
		foundation: func(string) (*bedrock.GetFoundationModelOutput, error) {
			return &bedrock.GetFoundationModelOutput{ModelDetails: &types.FoundationModelDetails{
				CustomizationsSupported: []types.ModelCustomization{types.ModelCustomizationFineTuning},
				ModelLifecycle:          &types.FoundationModelLifecycle{Status: types.FoundationModelLifecycleStatusActive},
			}}, nil
		},
		create: func(*bedrock.CreateModelCustomizationJobInput) (*bedrock.CreateModelCustomizationJobOutput, error) {
			return &bedrock.CreateModelCustomizationJobOutput{JobArn: aws.String(jobARN)}, nil
		},
	}
}

func testHandler(t *testing.T, f fake) (handler, *record) {
	t.Helper()
	known, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	r := &record{}
	r.set(t, registry.Run{ID: input.Run.ID, Model: input.Run.Model, ExecutionARN: "arn:execution"})
	return handler{
		bedrock: f, kms: f, catalog: known, stack: stackOfTests, deadline: 3600,
		store: registry.Store{S3: r, Bucket: stackOfTests.bucket},
		now:   func() time.Time { return today },
	}, r
}

func TestHandle(t *testing.T) {
	f := ready()
	h, r := testHandler(t, f)
	f.create = func(in *bedrock.CreateModelCustomizationJobInput) (*bedrock.CreateModelCustomizationJobOutput, error) {
		if intent := r.read(t).Job; intent == nil || intent.Name != *in.JobName || intent.ARN != "" {
			t.Errorf("the record has %+v before the job is made, want its name without an ARN", intent)
		}
		return ready().create(in)
	}
	h.bedrock = f
	got, err := h.Handle(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	want := finetune.Job{ARN: jobARN, Name: "support-0123456789abcdef", Status: "InProgress", Waiting: finetune.NewWaiting(3600)}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if recorded := r.read(t).Job; recorded == nil || *recorded != want {
		t.Errorf("recorded %+v, want %+v", recorded, want)
	}
}

// TestHandleFindsItsJob ensures that a second call makes nothing and asks for
// nothing but the job that is recorded; what completed is polled at once, and
// known to be verified once its results are recorded.
func TestHandleFindsItsJob(t *testing.T) {
	h, r := testHandler(t, fake{get: func(id string) (*bedrock.GetModelCustomizationJobOutput, error) {
		if id != jobARN {
			t.Errorf("asked for %s, want %s", id, jobARN)
		}
		return &bedrock.GetModelCustomizationJobOutput{
			JobArn: aws.String(jobARN), JobName: aws.String("support-0123456789abcdef"), Status: "Completed",
			OutputModelArn: aws.String("arn:model"), OutputModelName: aws.String("support-0123456789abcdef"),
		}, nil
	}})
	r.set(t, registry.Run{ID: input.Run.ID, Job: &finetune.Job{ARN: jobARN}})
	got, err := h.Handle(t.Context(), input)
	want := finetune.Job{
		ARN: jobARN, Name: "support-0123456789abcdef", Status: "Completed",
		OutputModelARN: "arn:model", OutputModelName: "support-0123456789abcdef", Waiting: finetune.NoWaiting(3600),
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	r.set(t, registry.Run{ID: input.Run.ID, Job: &finetune.Job{ARN: jobARN}, Results: &finetune.Results{}})
	want.Verified = true
	if got, err := h.Handle(t.Context(), input); err != nil || got != want {
		t.Errorf("once its results are recorded: got %+v, %v, want %+v", got, err, want)
	}
}

// TestHandleOfAnOlderUpload ensures that nothing is trained once a newer upload of
// the model is published, or while that cannot be read; and that a job which was
// made before is found all the same.
func TestHandleOfAnOlderUpload(t *testing.T) {
	published := func(minutes int) registry.Model {
		run := finetune.Run{ID: "fedcba9876543210", Model: input.Run.Model, Order: input.Run.Order}
		run.Order.LastModified = run.Order.LastModified.Add(time.Duration(minutes) * time.Minute)
		return registry.Model{Name: input.Run.Model, History: []registry.Capacity{{Run: run}}}
	}
	for name, test := range map[string]struct {
		minutes int
		want    finetune.Kind
	}{
		"an older one is published": {-1, ""},
		"a newer one is published":  {1, finetune.Superseded},
	} {
		t.Run(name, func(t *testing.T) {
			f := ready()
			if test.want != "" {
				f.create, f.key = nil, nil
			}
			f.get = func(string) (*bedrock.GetModelCustomizationJobOutput, error) {
				return &bedrock.GetModelCustomizationJobOutput{JobArn: aws.String(jobARN)}, nil
			}
			h, r := testHandler(t, f)
			var err error
			if r.model, err = json.Marshal(published(test.minutes)); err != nil {
				t.Fatal(err)
			}
			_, err = h.Handle(t.Context(), input)
			if test.want == "" && err != nil || test.want != "" && !isKind(err, test.want) {
				t.Errorf("got %v, want kind %q", err, test.want)
			}
			if intent := r.read(t).Job; (intent == nil) != (test.want != "") {
				t.Errorf("the record has job %+v", intent)
			}
			r.set(t, registry.Run{ID: input.Run.ID, Job: &finetune.Job{ARN: jobARN}})
			if got, err := h.Handle(t.Context(), input); err != nil || got.ARN != jobARN {
				t.Errorf("got %+v, %v; want the job that is paid for", got, err)
			}
		})
	}
	t.Run("the model's record cannot be read", func(t *testing.T) {
		h, r := testHandler(t, fake{})
		r.modelErr = errReset
		if _, err := h.Handle(t.Context(), input); !errors.Is(err, errReset) {
			t.Errorf("got %v, want %v", err, errReset)
		}
	})
}

// TestHandleOfAClosedRun ensures that a closed run never leaves a job running,
// whenever it was closed.
func TestHandleOfAClosedRun(t *testing.T) {
	closed := registry.Run{ID: input.Run.ID, Closed: true}
	t.Run("before", func(t *testing.T) {
		f := ready()
		f.create = nil
		h, r := testHandler(t, f)
		r.set(t, closed)
		if _, err := h.Handle(t.Context(), input); !isKind(err, finetune.RunClosed) {
			t.Errorf("got %v, want RunClosed", err)
		}
	})
	for name, stopErr := range map[string]error{"meanwhile": nil, "meanwhile, and stopping fails": &types.ThrottlingException{}} {
		t.Run(name, func(t *testing.T) {
			var stopped string
			f := ready()
			h, r := testHandler(t, f)
			f.create = func(in *bedrock.CreateModelCustomizationJobInput) (*bedrock.CreateModelCustomizationJobOutput, error) {
				r.set(t, closed)
				return ready().create(in)
			}
			f.stop = func(id string) error { stopped = id; return stopErr }
			h.bedrock = f
			_, err := h.Handle(t.Context(), input)
			if !isKind(err, finetune.RunClosed) || (stopErr != nil) != strings.Contains(err.Error(), jobARN) {
				t.Errorf("got %v, want RunClosed", err)
			}
			if run := r.read(t); stopped != jobARN || run.Job == nil || run.Job.ARN != jobARN {
				t.Errorf("stopped %q, recorded %+v, want both %s", stopped, run.Job, jobARN)
			}
		})
	}
}

// TestRecordKeepsAnARN ensures that a call that was given up on and a second
// one do not undo each other.
func TestRecordKeepsAnARN(t *testing.T) {
	run := registry.Run{Job: &finetune.Job{ARN: jobARN}}
	if err := setJob(finetune.Job{Name: "intent"})(&run); err != nil || run.Job.ARN != jobARN {
		t.Errorf("got %+v, %v, want the ARN kept", run.Job, err)
	}
}

func TestNewHandler(t *testing.T) {
	for hours, want := range map[string]int{"24": 86400, "1": 3600, "0": 0, "-1": 0, "a day": 0} {
		h, err := newHandler(lambdaenv.Submit{DeadlineHours: hours, SubnetIDs: "subnet-1,subnet-2"}, aws.Config{})
		if (err == nil) != (want > 0) || h.deadline != want {
			t.Errorf("newHandler with deadline %q = %d, %v, want %d", hours, h.deadline, err, want)
		}
		if err == nil && len(h.stack.subnets) != 2 {
			t.Errorf("subnets = %v, want two", h.stack.subnets)
		}
	}
}

func isKind(err error, want finetune.Kind) bool {
	kind, _ := finetune.KindOf(err)
	return err != nil && kind == want
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

var errReset = errors.New("connection reset")
