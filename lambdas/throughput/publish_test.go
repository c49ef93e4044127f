package main

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/task"
)

func TestSmokeTest(t *testing.T) {
	says := func(text string) *bedrockruntime.ConverseOutput {
		return &bedrockruntime.ConverseOutput{
			Output:     &types.ConverseOutputMemberMessage{Value: types.Message{Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: text}}}},
			StopReason: types.StopReasonEndTurn, Usage: &types.TokenUsage{OutputTokens: aws.Int32(5)},
		}
	}
	answered := func(status int, code string) error {
		return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: refused(code),
		}}
	}
	tests := map[string]struct {
		answer  *bedrockruntime.ConverseOutput
		refusal error
		want    finetune.Kind
	}{
		"speaks":        {answer: says("Hello.")},
		"says nothing":  {answer: says(" \n"), want: finetune.SmokeTestFailed},
		"no message":    {answer: &bedrockruntime.ConverseOutput{}, want: finetune.SmokeTestFailed},
		"invalid":       {refusal: answered(400, invalid), want: finetune.SmokeTestFailed},
		"not found yet": {refusal: answered(404, notFound), want: finetune.Unavailable},
		"model error":   {refusal: answered(424, "ModelErrorException"), want: finetune.Unavailable},
		"stream error":  {refusal: answered(424, "ModelStreamErrorException"), want: finetune.Unavailable},
		"not ready":     {refusal: answered(429, notReady), want: finetune.Throttled},
		"throttled":     {refusal: answered(429, "ThrottlingException"), want: finetune.Throttled},
		"bad minute":    {refusal: answered(500, "InternalServerException"), want: finetune.Unavailable},
		"timed out":     {refusal: answered(408, "ModelTimeoutException"), want: finetune.Unavailable},
		"not permitted": {refusal: answered(403, "AccessDeniedException"), want: finetune.AccessDenied},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.fake.answer = test.answer
			if test.refusal != nil {
				w.fake.refusals["Converse"] = []error{test.refusal}
			}
			got, err := w.Handle(t.Context(), finetune.ThroughputInput{Action: finetune.ActionSmokeTest, Run: ptr(run(1)), Throughput: &finetune.Throughput{ARN: "arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/d"}})
			if test.want == "" {
				want := finetune.SmokeTest{StopReason: "end_turn", OutputTokens: 5}
				if err != nil || got != want {
					t.Errorf("got %+v, %v; want %+v", got, err, want)
				}
				return
			}
			if kind := task.Kind(err); err == nil || kind != test.want {
				t.Errorf("error %v has kind %s; want %s", err, kind, test.want)
			}
		})
	}
}

// TestPublishOnDemand: the deployment before stays for a rollback, the one
// before that is deleted.
func TestPublishOnDemand(t *testing.T) {
	w := newWorld()
	first := w.deployed(t, 1, onDemand)
	second := w.deployed(t, 2, onDemand)
	w.trained(t, 3)
	third, err := w.secured(t, 3, onDemand)
	if err != nil {
		t.Fatal(err)
	}
	w.ready(first.ARN)
	w.fake.calls = nil
	endpoint, err := w.published(t, 3, onDemand, third)
	if want := (finetune.Endpoint{Model: "support", ModelID: third.ARN}); err != nil || endpoint != want {
		t.Errorf("got %+v, %v; want %+v", endpoint, err, want)
	}
	w.did(t, "DeleteCustomModelDeployment "+run(1).Name())
	m := w.model(t)
	if m.Serving.ThroughputARN != third.ARN || m.Previous.ThroughputARN != second.ARN || len(m.Retired) != 0 || len(m.History) != 3 {
		t.Errorf("the model's record is %+v", m)
	}
	record := w.record(t, 3)
	if record.End != finetune.EndDeployed || record.Closed || record.EndedAt == nil {
		t.Errorf("the run's record is %+v", record)
	}
	if w.bucket.objects[finetune.RunReportKey(run(3).ID)] == nil {
		t.Error("no run report was written")
	}
	golden(t, "published", m.Serving)
}

// TestPublishAnywhereKilled: killed before any write and called again, it ends
// in the same state as if it had not been killed.
func TestPublishAnywhereKilled(t *testing.T) {
	killed := errors.New("killed")
	for writes := range 10 {
		w := newWorld()
		w.deployed(t, 1, onDemand)
		w.deployed(t, 2, onDemand)
		w.trained(t, 3)
		third, err := w.secured(t, 3, onDemand)
		if err != nil {
			t.Fatal(err)
		}
		w.fake.calls = nil
		left := writes
		w.bucket.before = func(string) error {
			if left == 0 {
				return killed
			}
			left--
			return nil
		}
		_, err = w.published(t, 3, onDemand, third)
		w.bucket.before = nil
		if err != nil && !errors.Is(err, killed) {
			t.Fatal(err)
		}
		if _, err := w.published(t, 3, onDemand, third); err != nil {
			t.Fatalf("after %d writes: %v", writes, err)
		}
		m, record := w.model(t), w.record(t, 3)
		if m.Serving.ThroughputARN != third.ARN || len(m.Retired) != 0 || len(m.History) != 3 || record.End != finetune.EndDeployed || len(w.fake.deployments) != 2 {
			t.Errorf("after %d writes: model %+v, run %+v, %d deployments", writes, m, record, len(w.fake.deployments))
		}
	}
}

func TestPublishProvisioned(t *testing.T) {
	t.Run("in place", func(t *testing.T) {
		w := newWorld()
		served := w.deployed(t, 1, provisioned)
		again := w.deployed(t, 2, provisioned)
		m := w.model(t)
		if again.ARN != served.ARN || m.Serving.ModelARN != modelARN(2) || m.Lease != nil || len(m.Retired) != 0 {
			t.Errorf("throughput %s then %s; record %+v", served.ARN, again.ARN, m)
		}
	})
	t.Run("replaced", func(t *testing.T) {
		w := newWorld()
		served := w.deployed(t, 1, provisioned)
		w.deployed(t, 2, onDemand)
		if m := w.model(t); w.fake.throughputs[served.ARN] != nil || len(m.Retired) != 0 {
			t.Errorf("%s still stands; record %+v", served.ARN, m)
		}
	})
	t.Run("replaced under a commitment", func(t *testing.T) {
		w := newWorld()
		served := w.deployed(t, 1, provisioned)
		w.fake.throughputs[served.ARN].CommitmentExpirationTime = ptr(noon.Add(24 * time.Hour))
		w.fake.refusals["DeleteProvisionedModelThroughput"] = []error{refused(invalid)}
		w.deployed(t, 2, onDemand)
		record := w.record(t, 2)
		if record.End != finetune.EndDeployed || record.Closed || len(record.Unreleased) != 1 || record.Cause != record.Unreleased[0] {
			t.Errorf("the run's record is %+v", record)
		}
		says(t, record.Cause, served.ARN, "2026-11-24T12:00:00Z", "aws bedrock delete-provisioned-model-throughput")
		if m := w.model(t); len(m.Retired) != 1 {
			t.Errorf("retired: %+v; want %s", m.Retired, served.ARN)
		}
		w.deployed(t, 3, onDemand)
		if m := w.model(t); len(m.Retired) != 0 || w.fake.throughputs[served.ARN] != nil {
			t.Errorf("the next publication left %+v", m.Retired)
		}
	})
}

func TestPublishRefused(t *testing.T) {
	t.Run("superseded", func(t *testing.T) {
		w := newWorld()
		w.trained(t, 1)
		throughput, err := w.secured(t, 1, onDemand)
		if err != nil {
			t.Fatal(err)
		}
		newer := w.deployed(t, 2, onDemand)
		_, err = w.published(t, 1, onDemand, throughput)
		wantKind(t, err, finetune.Superseded, string(run(2).ID))
		closing, err := w.released(t, 1, finetune.Superseded, err.Error())
		if err != nil || closing.End != finetune.EndSuperseded {
			t.Errorf("released: %+v, %v", closing, err)
		}
		w.did(t, "DeleteCustomModelDeployment "+run(1).Name())
		if m := w.model(t); m.Serving.ThroughputARN != newer.ARN {
			t.Errorf("%s is served; want %s", m.Serving.ThroughputARN, newer.ARN)
		}
	})
	t.Run("closed", func(t *testing.T) {
		w := newWorld()
		w.trained(t, 1)
		throughput, err := w.secured(t, 1, onDemand)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.releasedByRule(t, 1, "ABORTED"); err != nil {
			t.Fatal(err)
		}
		_, err = w.published(t, 1, onDemand, throughput)
		wantKind(t, err, finetune.RunClosed)
		if m := w.model(t); m.Serving != nil {
			t.Errorf("a closed run is served: %+v", m.Serving)
		}
	})
	t.Run("another throughput", func(t *testing.T) {
		w := newWorld()
		w.trained(t, 1)
		_, err := w.published(t, 1, onDemand, finetune.Throughput{ARN: "arn:other"})
		wantKind(t, err, finetune.RunClosed, "arn:other")
	})
}

func TestHandleRefuses(t *testing.T) {
	for _, in := range []finetune.ThroughputInput{
		{}, {Action: "buy"}, {Action: finetune.ActionSecure}, {Action: finetune.ActionSmokeTest, Run: ptr(run(1))},
		{Action: finetune.ActionPublish, Run: ptr(run(1))}, {Action: finetune.ActionRelease},
		{Action: finetune.ActionRelease, ExecutionARN: "arn"},
	} {
		_, err := newWorld().Handle(t.Context(), in)
		wantKind(t, err, finetune.Internal)
	}
}

// TestResumedRunIsPublished: what a run's first attempt withdrew does not bar
// its second.
func TestResumedRunIsPublished(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	if _, err := w.secured(t, 1, onDemand); err != nil {
		t.Fatal(err)
	}
	if _, err := w.released(t, 1, finetune.SmokeTestFailed, "empty"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Reclaim(t.Context(), run(1).ID, execution(9)); err != nil {
		t.Fatal(err)
	}
	throughput, err := w.secured(t, 1, onDemand)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.published(t, 1, onDemand, throughput); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(w.model(t).History, func(c registry.Capacity) bool { return c.Run.ID == run(1).ID }) {
		t.Error("the resumed run is not published")
	}
}
