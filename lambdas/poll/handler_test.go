package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/task"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fake answers each method by its function; a nil one fails the test by
// panicking, which says which call was not expected.
type fake struct {
	job         func(*bedrock.GetModelCustomizationJobInput) (*bedrock.GetModelCustomizationJobOutput, error)
	model       func(*bedrock.GetCustomModelInput) (*bedrock.GetCustomModelOutput, error)
	deployment  func(*bedrock.GetCustomModelDeploymentInput) (*bedrock.GetCustomModelDeploymentOutput, error)
	provisioned func(*bedrock.GetProvisionedModelThroughputInput) (*bedrock.GetProvisionedModelThroughputOutput, error)
}

func (f fake) GetModelCustomizationJob(_ context.Context, in *bedrock.GetModelCustomizationJobInput, _ ...func(*bedrock.Options)) (*bedrock.GetModelCustomizationJobOutput, error) {
	return f.job(in)
}

func (f fake) GetCustomModel(_ context.Context, in *bedrock.GetCustomModelInput, _ ...func(*bedrock.Options)) (*bedrock.GetCustomModelOutput, error) {
	return f.model(in)
}

func (f fake) GetCustomModelDeployment(_ context.Context, in *bedrock.GetCustomModelDeploymentInput, _ ...func(*bedrock.Options)) (*bedrock.GetCustomModelDeploymentOutput, error) {
	return f.deployment(in)
}

func (f fake) GetProvisionedModelThroughput(_ context.Context, in *bedrock.GetProvisionedModelThroughputInput, _ ...func(*bedrock.Options)) (*bedrock.GetProvisionedModelThroughputOutput, error) {
	return f.provisioned(in)
}

const (
	jobARN      = "arn:aws:bedrock:us-east-1:111122223333:model-customization-job/amazon.nova-micro-v1:0:128k/abcdef123456"
	modelARN    = "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-micro-v1:0:128k/fedcba654321"
	otherModel  = "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-micro-v1:0:128k/000000000000"
	keyARN      = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
	deployment  = "arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/aaaaaaaaaaaa"
	provisioned = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/bbbbbbbbbbbb"
)

func newHandler(f fake) handler {
	return handler{bedrock: f, private: private{keyARN: keyARN, subnets: []string{"subnet-1", "subnet-2"}, securityGroups: []string{"sg-1"}}}
}

// TestHandle drives the whole step through the task boundary, golden in to
// golden out, so that the JSON the state machine reads is held.
func TestHandle(t *testing.T) {
	h := newHandler(fake{
		job: func(in *bedrock.GetModelCustomizationJobInput) (*bedrock.GetModelCustomizationJobOutput, error) {
			if got := aws.ToString(in.JobIdentifier); got != jobARN {
				t.Errorf("job identifier = %s, want %s", got, jobARN)
			}
			return completedJob(), nil
		},
		model: func(in *bedrock.GetCustomModelInput) (*bedrock.GetCustomModelOutput, error) {
			if got := aws.ToString(in.ModelIdentifier); got != modelARN {
				t.Errorf("model identifier = %s, want %s", got, modelARN)
			}
			return &bedrock.GetCustomModelOutput{ModelStatus: types.ModelStatusActive}, nil
		},
		deployment: func(*bedrock.GetCustomModelDeploymentInput) (*bedrock.GetCustomModelDeploymentOutput, error) {
			return &bedrock.GetCustomModelDeploymentOutput{Status: types.CustomModelDeploymentStatusActive, ModelArn: aws.String(modelARN)}, nil
		},
	})
	for _, name := range []string{"job", "throughput"} {
		t.Run(name, func(t *testing.T) {
			input, err := os.ReadFile(filepath.Join("testdata", name+".in.json")) //nolint:gosec // the package's own file
			if err != nil {
				t.Fatal(err)
			}
			step := task.Handler(slog.New(slog.DiscardHandler), h.Handle)
			out, err := step(t.Context(), input)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", name+".out.json"), out)
		})
	}
}

// golden compares v, as JSON, with the file.
func golden(t *testing.T, path string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) //nolint:gosec // a file of the test's own
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant %s\n%s", got, path, want)
	}
}

func TestHandleRefusesHalfAnInput(t *testing.T) {
	job, throughput, model := &finetune.Job{}, &finetune.Throughput{}, &finetune.Model{}
	for name, in := range map[string]finetune.PollInput{
		"nothing":            {},
		"throughput alone":   {Throughput: throughput},
		"model alone":        {Model: model},
		"job and throughput": {Job: job, Throughput: throughput, Model: model},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := newHandler(fake{}).Handle(t.Context(), in)
			if kind, _ := finetune.KindOf(err); err == nil || kind != finetune.Internal {
				t.Errorf("got %v, %v, want an error of kind Internal", out, err)
			}
		})
	}
}
