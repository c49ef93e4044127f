package main

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/task"
)

func TestDeploymentState(t *testing.T) {
	type output = bedrock.GetCustomModelDeploymentOutput
	ours, other := aws.String(modelARN), aws.String(otherModel)
	tests := map[string]struct {
		out        output
		want       string
		wantReason string
	}{
		"creating":            {out: output{Status: "Creating", ModelArn: ours}, want: "Creating"},
		"active":              {out: output{Status: "Active", ModelArn: ours}, want: "Active"},
		"active once updated": {out: output{Status: "Active", ModelArn: ours, UpdateDetails: &types.CustomModelDeploymentUpdateDetails{ModelArn: ours, UpdateStatus: "UpdateCompleted"}}, want: "Active"},
		"being updated":       {out: output{Status: "Active", ModelArn: other, UpdateDetails: &types.CustomModelDeploymentUpdateDetails{ModelArn: ours, UpdateStatus: "Updating"}}, want: "Updating"},
		"another model":       {out: output{Status: "Active", ModelArn: other}, want: "Failed", wantReason: otherModel},
		"failed":              {out: output{Status: "Failed", FailureMessage: aws.String("no capacity")}, want: "Failed", wantReason: "no capacity"},
		"failed over data":    {out: output{Status: "Failed", FailureMessage: aws.String("odd record starting with zanzibar")}, want: "Failed", wantReason: "record starting with …"},
		"of tomorrow":         {out: output{Status: "Paused", ModelArn: ours}, want: "Paused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := deploymentState(&test.out, modelARN)
			if got.status != test.want || !strings.Contains(got.reason, test.wantReason) || (test.wantReason == "") != (got.reason == "") || strings.Contains(got.reason, "zanzibar") {
				t.Errorf("got %+v, want %s %q", got, test.want, test.wantReason)
			}
		})
	}
}

func TestProvisionedState(t *testing.T) {
	type output = bedrock.GetProvisionedModelThroughputOutput
	ours, other := aws.String(modelARN), aws.String(otherModel)
	tests := map[string]struct {
		out        output
		want       string
		wantReason string
	}{
		"creating":         {out: output{Status: "Creating", ModelArn: ours, DesiredModelArn: ours}, want: "Creating"},
		"in service":       {out: output{Status: "InService", ModelArn: ours, DesiredModelArn: ours}, want: "InService"},
		"updating":         {out: output{Status: "Updating", ModelArn: other, DesiredModelArn: ours}, want: "Updating"},
		"not switched yet": {out: output{Status: "InService", ModelArn: other, DesiredModelArn: ours}, want: "Updating"},
		"another model":    {out: output{Status: "InService", ModelArn: other, DesiredModelArn: other}, want: "Failed", wantReason: otherModel},
		"failed":           {out: output{Status: "Failed", FailureMessage: aws.String("no capacity")}, want: "Failed", wantReason: "no capacity"},
		"failed over data": {out: output{Status: "Failed", FailureMessage: aws.String("odd record starting with zanzibar")}, want: "Failed", wantReason: "record starting with …"},
		"of tomorrow":      {out: output{Status: "Paused", ModelArn: other}, want: "Paused"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := provisionedState(&test.out, modelARN)
			if got.status != test.want || !strings.Contains(got.reason, test.wantReason) || (test.wantReason == "") != (got.reason == "") || strings.Contains(got.reason, "zanzibar") {
				t.Errorf("got %+v, want %s %q", got, test.want, test.wantReason)
			}
		})
	}
}

func TestPollThroughput(t *testing.T) {
	answer := func(out *bedrock.GetProvisionedModelThroughputOutput, err error) handler {
		return newHandler(fake{provisioned: func(in *bedrock.GetProvisionedModelThroughputInput) (*bedrock.GetProvisionedModelThroughputOutput, error) {
			if got := aws.ToString(in.ProvisionedModelId); got != provisioned {
				t.Errorf("provisioned model id = %s, want %s", got, provisioned)
			}
			return out, err
		}})
	}
	in := finetune.Throughput{Kind: finetune.KindProvisioned, ARN: provisioned, Status: "Creating", FailureMessage: "of before", Waiting: finetune.NewWaiting(60)}

	t.Run("deleted from outside", func(t *testing.T) {
		got, err := answer(nil, &types.ResourceNotFoundException{}).pollThroughput(t.Context(), in, modelARN)
		if err != nil || got.Status != "Failed" || !strings.Contains(got.FailureMessage, "deleted from outside") {
			t.Errorf("got %+v, %v, want Failed, deleted from outside", got, err)
		}
	})
	t.Run("failed without a reason", func(t *testing.T) {
		got, err := answer(&bedrock.GetProvisionedModelThroughputOutput{Status: "Failed"}, nil).pollThroughput(t.Context(), in, modelARN)
		if err != nil || got.Status != "Failed" || !strings.Contains(got.FailureMessage, "gave no reason") {
			t.Errorf("got %+v, %v, want Failed with a reason", got, err)
		}
	})
	t.Run("in service", func(t *testing.T) {
		got, err := answer(&bedrock.GetProvisionedModelThroughputOutput{Status: "InService", ModelArn: aws.String(modelARN)}, nil).pollThroughput(t.Context(), in, modelARN)
		want := in
		want.Status, want.FailureMessage, want.Waiting = "InService", "", in.Next()
		if err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	})
	t.Run("throttled", func(t *testing.T) {
		_, err := answer(nil, &types.ThrottlingException{}).pollThroughput(t.Context(), in, modelARN)
		if got := task.Kind(err); got != finetune.Throttled || !strings.Contains(err.Error(), provisioned) {
			t.Errorf("got %s %v, want Throttled naming the ARN", got, err)
		}
	})
	t.Run("of no known kind", func(t *testing.T) {
		_, err := newHandler(fake{}).pollThroughput(t.Context(), finetune.Throughput{Kind: "lease"}, modelARN)
		if kind, _ := finetune.KindOf(err); err == nil || kind != finetune.Internal {
			t.Errorf("got %v, want kind Internal", err)
		}
	})
}
