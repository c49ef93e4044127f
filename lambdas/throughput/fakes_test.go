package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

var update = flag.Bool("update", false, "write the golden files")

// golden holds got, as JSON, against a file under testdata.
func golden(t *testing.T, name string, got any) {
	t.Helper()
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) //nolint:gosec // a file of the test's own
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("%s:\ngot  %s\nwant %s", path, text, want)
	}
}

// memory is a bucket with the conditional writes of S3.
type memory struct {
	objects map[string][]byte
	// before is called before each write, with its key; read before each reading.
	before func(key string) error
	read   func(key string)
}

func (m *memory) etag(key string) string { return fmt.Sprintf("%x", m.objects[key]) }

func (m *memory) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if m.read != nil {
		m.read(*in.Key)
	}
	body, ok := m.objects[*in.Key]
	if !ok {
		return nil, &s3types.NoSuchKey{}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(body)), ETag: aws.String(m.etag(*in.Key))}, nil
}

func (m *memory) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if m.before != nil {
		if err := m.before(*in.Key); err != nil {
			return nil, err
		}
	}
	_, exists := m.objects[*in.Key]
	if in.IfNoneMatch != nil && exists || in.IfMatch != nil && *in.IfMatch != m.etag(*in.Key) {
		return nil, refused("PreconditionFailed")
	}
	body, err := io.ReadAll(in.Body)
	m.objects[*in.Key] = body
	return &s3.PutObjectOutput{}, err
}

// refused is an answer of AWS with an error code.
func refused(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "refused by the test"}
}

// fake is Bedrock with what was made in it. A refusal of an operation is
// answered once; in lists every change made, in order.
type fake struct {
	deployments map[string]*bedrock.GetCustomModelDeploymentOutput
	throughputs map[string]*bedrock.GetProvisionedModelThroughputOutput
	jobs        map[string]*bedrock.GetModelCustomizationJobOutput
	tags        map[string][]types.Tag
	refusals    map[string][]error
	// held are the throughputs that a commitment keeps from being deleted.
	held  map[string]bool
	calls []string
	// after is called once, after an operation took effect or was refused.
	after map[string]func()
	// answer is Converse's.
	answer *bedrockruntime.ConverseOutput
}

// do notes a call and answers its refusal, if there is one left.
func (f *fake) do(operation, id string) error {
	if !strings.HasPrefix(operation, "Get") && !strings.HasPrefix(operation, "List") {
		f.calls = append(f.calls, operation+" "+id)
	}
	if list := f.refusals[operation]; len(list) > 0 {
		f.refusals[operation] = list[1:]
		f.done(operation)
		return list[0]
	}
	return nil
}

func (f *fake) done(operation string) {
	if after := f.after[operation]; after != nil {
		delete(f.after, operation)
		after()
	}
}

func (f *fake) CreateCustomModelDeployment(_ context.Context, in *bedrock.CreateCustomModelDeploymentInput, _ ...func(*bedrock.Options)) (*bedrock.CreateCustomModelDeploymentOutput, error) {
	if err := f.do("CreateCustomModelDeployment", *in.ModelDeploymentName); err != nil {
		return nil, err
	}
	arn := "arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/" + *in.ModelDeploymentName
	f.deployments[arn] = &bedrock.GetCustomModelDeploymentOutput{CustomModelDeploymentArn: &arn, ModelDeploymentName: in.ModelDeploymentName, ModelArn: in.ModelArn, Status: types.CustomModelDeploymentStatusCreating}
	f.tags[arn] = in.Tags
	f.done("CreateCustomModelDeployment")
	return &bedrock.CreateCustomModelDeploymentOutput{CustomModelDeploymentArn: &arn}, nil
}

func (f *fake) GetCustomModelDeployment(_ context.Context, in *bedrock.GetCustomModelDeploymentInput, _ ...func(*bedrock.Options)) (*bedrock.GetCustomModelDeploymentOutput, error) {
	if err := f.do("GetCustomModelDeployment", *in.CustomModelDeploymentIdentifier); err != nil {
		return nil, err
	}
	for arn, d := range f.deployments {
		if id := *in.CustomModelDeploymentIdentifier; id == arn || id == aws.ToString(d.ModelDeploymentName) {
			return d, nil
		}
	}
	return nil, refused(notFound)
}

func (f *fake) ListCustomModelDeployments(_ context.Context, in *bedrock.ListCustomModelDeploymentsInput, _ ...func(*bedrock.Options)) (*bedrock.ListCustomModelDeploymentsOutput, error) {
	if err := f.do("ListCustomModelDeployments", ""); err != nil {
		return nil, err
	}
	out := &bedrock.ListCustomModelDeploymentsOutput{}
	for arn, d := range f.deployments {
		if strings.Contains(*d.ModelDeploymentName, aws.ToString(in.NameContains)) {
			out.ModelDeploymentSummaries = append(out.ModelDeploymentSummaries, types.CustomModelDeploymentSummary{CustomModelDeploymentArn: aws.String(arn), CustomModelDeploymentName: d.ModelDeploymentName, CreatedAt: d.CreatedAt})
		}
	}
	return out, nil
}

func (f *fake) DeleteCustomModelDeployment(_ context.Context, in *bedrock.DeleteCustomModelDeploymentInput, _ ...func(*bedrock.Options)) (*bedrock.DeleteCustomModelDeploymentOutput, error) {
	id := *in.CustomModelDeploymentIdentifier
	if err := f.do("DeleteCustomModelDeployment", name(id)); err != nil {
		return nil, err
	}
	if f.deployments[id] == nil {
		return nil, refused(notFound)
	}
	delete(f.deployments, id)
	return &bedrock.DeleteCustomModelDeploymentOutput{}, nil
}

func (f *fake) CreateProvisionedModelThroughput(_ context.Context, in *bedrock.CreateProvisionedModelThroughputInput, _ ...func(*bedrock.Options)) (*bedrock.CreateProvisionedModelThroughputOutput, error) {
	if err := f.do("CreateProvisionedModelThroughput", *in.ProvisionedModelName); err != nil {
		return nil, err
	}
	arn := "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/" + *in.ProvisionedModelName
	f.throughputs[arn] = &bedrock.GetProvisionedModelThroughputOutput{ProvisionedModelArn: &arn, ProvisionedModelName: in.ProvisionedModelName, ModelArn: in.ModelId, DesiredModelArn: in.ModelId, ModelUnits: in.ModelUnits, CommitmentDuration: in.CommitmentDuration, Status: types.ProvisionedModelStatusCreating}
	f.tags[arn] = in.Tags
	f.done("CreateProvisionedModelThroughput")
	return &bedrock.CreateProvisionedModelThroughputOutput{ProvisionedModelArn: &arn}, nil
}

func (f *fake) GetProvisionedModelThroughput(_ context.Context, in *bedrock.GetProvisionedModelThroughputInput, _ ...func(*bedrock.Options)) (*bedrock.GetProvisionedModelThroughputOutput, error) {
	if err := f.do("GetProvisionedModelThroughput", *in.ProvisionedModelId); err != nil {
		return nil, err
	}
	for arn, t := range f.throughputs {
		if id := *in.ProvisionedModelId; id == arn || id == aws.ToString(t.ProvisionedModelName) {
			return t, nil
		}
	}
	return nil, refused(notFound)
}

func (f *fake) UpdateProvisionedModelThroughput(_ context.Context, in *bedrock.UpdateProvisionedModelThroughputInput, _ ...func(*bedrock.Options)) (*bedrock.UpdateProvisionedModelThroughputOutput, error) {
	if err := f.do("UpdateProvisionedModelThroughput", *in.DesiredModelId); err != nil {
		return nil, err
	}
	t := f.throughputs[*in.ProvisionedModelId]
	t.DesiredModelArn, t.Status = in.DesiredModelId, types.ProvisionedModelStatusUpdating
	f.done("UpdateProvisionedModelThroughput")
	return &bedrock.UpdateProvisionedModelThroughputOutput{}, nil
}

func (f *fake) ListProvisionedModelThroughputs(_ context.Context, in *bedrock.ListProvisionedModelThroughputsInput, _ ...func(*bedrock.Options)) (*bedrock.ListProvisionedModelThroughputsOutput, error) {
	if err := f.do("ListProvisionedModelThroughputs", ""); err != nil {
		return nil, err
	}
	out := &bedrock.ListProvisionedModelThroughputsOutput{}
	for arn, t := range f.throughputs {
		if strings.Contains(*t.ProvisionedModelName, aws.ToString(in.NameContains)) {
			out.ProvisionedModelSummaries = append(out.ProvisionedModelSummaries, types.ProvisionedModelSummary{ProvisionedModelArn: aws.String(arn), ProvisionedModelName: t.ProvisionedModelName, CreationTime: t.CreationTime, LastModifiedTime: t.LastModifiedTime, CommitmentExpirationTime: t.CommitmentExpirationTime})
		}
	}
	return out, nil
}

func (f *fake) DeleteProvisionedModelThroughput(_ context.Context, in *bedrock.DeleteProvisionedModelThroughputInput, _ ...func(*bedrock.Options)) (*bedrock.DeleteProvisionedModelThroughputOutput, error) {
	id := *in.ProvisionedModelId
	if err := f.do("DeleteProvisionedModelThroughput", name(id)); err != nil {
		return nil, err
	}
	if f.throughputs[id] == nil {
		return nil, refused(notFound)
	}
	if f.held[id] {
		return nil, refused(invalid)
	}
	delete(f.throughputs, id)
	return &bedrock.DeleteProvisionedModelThroughputOutput{}, nil
}

func (f *fake) ListTagsForResource(_ context.Context, in *bedrock.ListTagsForResourceInput, _ ...func(*bedrock.Options)) (*bedrock.ListTagsForResourceOutput, error) {
	return &bedrock.ListTagsForResourceOutput{Tags: f.tags[*in.ResourceARN]}, f.do("ListTagsForResource", "")
}

func (f *fake) GetModelCustomizationJob(_ context.Context, in *bedrock.GetModelCustomizationJobInput, _ ...func(*bedrock.Options)) (*bedrock.GetModelCustomizationJobOutput, error) {
	if err := f.do("GetModelCustomizationJob", *in.JobIdentifier); err != nil {
		return nil, err
	}
	if job := f.findJob(*in.JobIdentifier); job != nil {
		now := *job
		return &now, nil
	}
	return nil, refused(notFound)
}

// findJob finds a job by its ARN or its name.
func (f *fake) findJob(id string) *bedrock.GetModelCustomizationJobOutput {
	for arn, job := range f.jobs {
		if id == arn || id == aws.ToString(job.JobName) {
			return job
		}
	}
	return nil
}

func (f *fake) StopModelCustomizationJob(_ context.Context, in *bedrock.StopModelCustomizationJobInput, _ ...func(*bedrock.Options)) (*bedrock.StopModelCustomizationJobOutput, error) {
	if err := f.do("StopModelCustomizationJob", *in.JobIdentifier); err != nil {
		return nil, err
	}
	f.findJob(*in.JobIdentifier).Status = types.ModelCustomizationJobStatusStopping
	return &bedrock.StopModelCustomizationJobOutput{}, nil
}

func (f *fake) Converse(_ context.Context, in *bedrockruntime.ConverseInput, _ ...func(*bedrockruntime.Options)) (*bedrockruntime.ConverseOutput, error) {
	return f.answer, f.do("Converse", name(*in.ModelId))
}

// name is the last segment of an ARN.
func name(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// noon is when everything in these tests happens.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// world is a stack with its bucket and Bedrock.
type world struct {
	handler
	fake   *fake
	bucket *memory
}

func newWorld() *world {
	f := &fake{
		deployments: map[string]*bedrock.GetCustomModelDeploymentOutput{}, throughputs: map[string]*bedrock.GetProvisionedModelThroughputOutput{},
		jobs: map[string]*bedrock.GetModelCustomizationJobOutput{}, tags: map[string][]types.Tag{},
		refusals: map[string][]error{}, held: map[string]bool{}, after: map[string]func(){},
	}
	bucket := &memory{objects: map[string][]byte{}}
	h := newHandler(f, f, registry.Store{S3: bucket, Bucket: "bucket"}, "stack", unasked)
	h.now = func() time.Time { return noon }
	return &world{handler: h, fake: f, bucket: bucket}
}

// upload is the nth upload of model "support".
func upload(n int) finetune.Dataset {
	return finetune.Dataset{Bucket: "bucket", Key: "fine-tuning-datasets/support/train.jsonl", VersionID: fmt.Sprintf("v%d", n)}
}

// run is the nth upload's.
func run(n int) finetune.Run {
	id := upload(n).RunID()
	return finetune.Run{ID: id, Model: "support", Order: finetune.UploadOrder{LastModified: noon.Add(time.Duration(n) * time.Minute), Key: upload(n).Key, RunID: id}}
}

func execution(n int) string {
	return fmt.Sprintf("arn:aws:states:us-east-1:111122223333:execution:tuneline:%d", n)
}

func modelARN(n int) string {
	return fmt.Sprintf("arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-micro-v1:0:128k/model%d", n)
}

// onDemand and provisioned are settings by their serving.
var (
	onDemand    = finetune.Settings{BaseModel: "base", Serving: finetune.Serving{Mode: finetune.ServeOnDemand}}
	provisioned = finetune.Settings{BaseModel: "base", Serving: finetune.Serving{Mode: finetune.ServeProvisioned, ModelUnits: 1}}
)

// trained claims the nth run and brings it to its trained model.
func (w *world) trained(t *testing.T, n int) {
	t.Helper()
	_, err := w.store.Claim(t.Context(), registry.Run{
		ID: run(n).ID, Model: "support", Dataset: upload(n), ExecutionARN: execution(n), ClaimedAt: noon,
		Report:      &finetune.Report{Outcome: finetune.OutcomeAccepted, Run: run(n)},
		CustomModel: &finetune.Model{ARN: modelARN(n), Name: run(n).Name()},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// secured secures the nth run's throughput.
func (w *world) secured(t *testing.T, n int, s finetune.Settings) (finetune.Throughput, error) {
	t.Helper()
	out, err := w.Handle(t.Context(), finetune.ThroughputInput{Action: finetune.ActionSecure, Run: ptr(run(n)), Settings: &s, Model: &finetune.Model{ARN: modelARN(n)}})
	throughput, _ := out.(finetune.Throughput)
	return throughput, err
}

// published publishes the nth run's throughput.
func (w *world) published(t *testing.T, n int, s finetune.Settings, throughput finetune.Throughput) (finetune.Endpoint, error) {
	t.Helper()
	out, err := w.Handle(t.Context(), finetune.ThroughputInput{
		Action: finetune.ActionPublish, Run: ptr(run(n)), Settings: &s, Training: &finetune.Accepted{SHA256: "digest"},
		Model: &finetune.Model{ARN: modelARN(n)}, Results: &finetune.Results{}, Throughput: &throughput,
	})
	endpoint, _ := out.(finetune.Endpoint)
	return endpoint, err
}

// deployed brings the nth run all the way.
func (w *world) deployed(t *testing.T, n int, s finetune.Settings) finetune.Throughput {
	t.Helper()
	w.trained(t, n)
	throughput, err := w.secured(t, n, s)
	if err != nil {
		t.Fatal(err)
	}
	w.ready(throughput.ARN)
	if _, err := w.published(t, n, s, throughput); err != nil {
		t.Fatal(err)
	}
	w.fake.calls = nil
	return throughput
}

// ready lets what was made or changed come into service.
func (w *world) ready(arn string) {
	if d := w.fake.deployments[arn]; d != nil {
		d.Status = types.CustomModelDeploymentStatusActive
	}
	if p := w.fake.throughputs[arn]; p != nil {
		p.Status, p.ModelArn = types.ProvisionedModelStatusInService, p.DesiredModelArn
	}
}

// commits lets a commitment hold a provisioned throughput for a day.
func (w *world) commits(arn string) {
	w.fake.throughputs[arn].CommitmentExpirationTime = ptr(noon.Add(24 * time.Hour))
	w.fake.held[arn] = true
}

// released asks for the nth run's release as the state machine does.
func (w *world) released(t *testing.T, n int, kind finetune.Kind, cause string) (finetune.Closing, error) {
	t.Helper()
	out, err := w.Handle(t.Context(), finetune.ThroughputInput{Action: finetune.ActionRelease, ExecutionARN: execution(n), Dataset: ptr(upload(n)), Error: &finetune.Failure{Error: string(kind), Cause: cause}})
	closing, _ := out.(finetune.Closing)
	return closing, err
}

// releasedByRule asks for it as the release machine does, which the rule on the
// executions' ends starts.
func (w *world) releasedByRule(t *testing.T, n int, status string) (finetune.Closing, error) {
	t.Helper()
	if err := w.store.NoteExecution(t.Context(), registry.Execution{ARN: execution(n), Dataset: upload(n)}); err != nil {
		t.Fatal(err)
	}
	out, err := w.Handle(t.Context(), finetune.ThroughputInput{Action: finetune.ActionRelease, ExecutionARN: execution(n), Status: status})
	closing, _ := out.(finetune.Closing)
	return closing, err
}

// record reads the nth run's record.
func (w *world) record(t *testing.T, n int) registry.Run {
	t.Helper()
	record, err := w.store.Run(t.Context(), run(n).ID)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// model reads the model's record.
func (w *world) model(t *testing.T) registry.Model {
	t.Helper()
	m, err := w.registered(t.Context(), "support")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// did checks the changes made in Bedrock since the last check.
func (w *world) did(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(w.fake.calls, want) {
		t.Errorf("changes in Bedrock\ngot  %q\nwant %q", w.fake.calls, want)
	}
	w.fake.calls = nil
}

// wantKind checks an error's kind and what its text says.
func wantKind(t *testing.T, err error, want finetune.Kind, says ...string) {
	t.Helper()
	if kind, ok := finetune.KindOf(err); !ok || kind != want {
		t.Errorf("error %v has kind %s; want %s", err, kind, want)
		return
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

// says checks that text holds every one of wants.
func says(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
}

func ptr[T any](v T) *T { return &v }
