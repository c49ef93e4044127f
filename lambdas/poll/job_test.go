package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/task"
)

// runningJob is a job as GetModelCustomizationJob shows it while it trains.
func runningJob() *bedrock.GetModelCustomizationJobOutput {
	return &bedrock.GetModelCustomizationJobOutput{
		JobArn: aws.String(jobARN),
		Status: types.ModelCustomizationJobStatusInProgress,
		VpcConfig: &types.VpcConfig{
			SubnetIds:        []string{"subnet-2", "subnet-1"},
			SecurityGroupIds: []string{"sg-1"},
		},
	}
}

// completedJob is the same job with its model.
func completedJob() *bedrock.GetModelCustomizationJobOutput {
	out := runningJob()
	out.Status = types.ModelCustomizationJobStatusCompleted
	out.OutputModelArn = aws.String(modelARN)
	out.OutputModelName = aws.String("support-0123456789abcdef")
	out.OutputModelKmsKeyArn = aws.String(keyARN)
	return out
}

// TestPollVerifiedJob: what an earlier attempt saw is not asked for again, and a
// model that is missing is not waited for.
func TestPollVerifiedJob(t *testing.T) {
	moved := completedJob()
	moved.VpcConfig.SubnetIds = []string{"subnet-of-before"}
	nameless := completedJob()
	nameless.OutputModelArn = nil
	tests := map[string]struct {
		job     *bedrock.GetModelCustomizationJobOutput
		missing bool
		want    finetune.Kind
	}{
		"network changed since": {job: moved},
		"model deleted":         {job: completedJob(), missing: true, want: finetune.ModelDeleted},
		"model not named":       {job: nameless, want: finetune.ModelDeleted},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHandler(fake{
				job: func(*bedrock.GetModelCustomizationJobInput) (*bedrock.GetModelCustomizationJobOutput, error) {
					return test.job, nil
				},
				model: func(*bedrock.GetCustomModelInput) (*bedrock.GetCustomModelOutput, error) {
					if test.missing {
						return nil, &types.ResourceNotFoundException{}
					}
					return &bedrock.GetCustomModelOutput{ModelStatus: types.ModelStatusActive}, nil
				},
			})
			got, err := h.pollJob(t.Context(), finetune.Job{ARN: jobARN, Name: "support", Verified: true, Waiting: finetune.NoWaiting(3600)})
			if test.want != "" {
				if kind := task.Kind(err); err == nil || kind != test.want || !strings.Contains(err.Error(), "deleted") {
					t.Errorf("got %v of kind %s, want %s", err, kind, test.want)
				}
				return
			}
			if err != nil || got.Status != "Completed" || !got.Verified {
				t.Errorf("got %+v, %v, want Completed", got, err)
			}
		})
	}
}

func TestPollJobStatus(t *testing.T) {
	modelAnswer := func(status types.ModelStatus, message string, err error) func(*bedrock.GetCustomModelInput) (*bedrock.GetCustomModelOutput, error) {
		return func(*bedrock.GetCustomModelInput) (*bedrock.GetCustomModelOutput, error) {
			return &bedrock.GetCustomModelOutput{ModelStatus: status, FailureMessage: &message}, err
		}
	}
	with := func(out *bedrock.GetModelCustomizationJobOutput, change func(*bedrock.GetModelCustomizationJobOutput)) *bedrock.GetModelCustomizationJobOutput {
		change(out)
		return out
	}
	type output = bedrock.GetModelCustomizationJobOutput
	tests := map[string]struct {
		job         *output
		model       func(*bedrock.GetCustomModelInput) (*bedrock.GetCustomModelOutput, error)
		want        string
		wantMessage string
		// notMessage must not be in it, unless it is "".
		notMessage string
	}{
		"in progress":          {job: runningJob(), want: "InProgress"},
		"no status":            {job: with(runningJob(), func(o *output) { o.Status = "" }), want: "InProgress"},
		"a status of tomorrow": {job: with(runningJob(), func(o *output) { o.Status = "Queued" }), want: "Queued"},
		"stopping":             {job: with(runningJob(), func(o *output) { o.Status = "Stopping" }), want: "Stopping"},
		"stopped":              {job: with(runningJob(), func(o *output) { o.Status = "Stopped" }), want: "Stopped"},
		"failed with a reason": {
			job:  with(runningJob(), func(o *output) { o.Status, o.FailureMessage = "Failed", aws.String("no capacity") }),
			want: "Failed", wantMessage: "no capacity",
		},
		"failed without a reason": {
			job:  with(runningJob(), func(o *output) { o.Status = "Failed" }),
			want: "Failed", wantMessage: "gave no reason",
		},
		"failed over what nobody documents": {
			job: with(runningJob(), func(o *output) {
				o.Status, o.FailureMessage = "Failed", aws.String("odd record starting with zanzibar")
			}),
			want: "Failed", wantMessage: "record starting with …. Bedrock's own words: aws bedrock get-model-customization-job", notMessage: "zanzibar",
		},
		"completed, model failed over a record": {
			job: completedJob(), model: modelAnswer(types.ModelStatusFailed, "odd record starting with zanzibar", nil),
			want: "Failed", wantMessage: "record starting with …. Bedrock's own words: aws bedrock get-custom-model --model-identifier", notMessage: "zanzibar",
		},
		"completed":                              {job: completedJob(), model: modelAnswer(types.ModelStatusActive, "", nil), want: "Completed"},
		"completed, model status not shown":      {job: completedJob(), model: modelAnswer("", "", nil), want: "Completed"},
		"completed, model being created":         {job: completedJob(), model: modelAnswer(types.ModelStatusCreating, "", nil), want: "InProgress"},
		"completed, model not found yet":         {job: completedJob(), model: modelAnswer("", "", &types.ResourceNotFoundException{}), want: "InProgress"},
		"completed, model failed":                {job: completedJob(), model: modelAnswer(types.ModelStatusFailed, "key disabled", nil), want: "Failed", wantMessage: "key disabled"},
		"completed, model failed without reason": {job: completedJob(), model: modelAnswer(types.ModelStatusFailed, "", nil), want: "Failed", wantMessage: "gave no reason"},
		"completed, model not named yet":         {job: with(completedJob(), func(o *output) { o.OutputModelArn = nil }), want: "InProgress"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHandler(fake{
				job: func(*bedrock.GetModelCustomizationJobInput) (*output, error) {
					return test.job, nil
				},
				model: test.model,
			})
			got, err := h.pollJob(t.Context(), finetune.Job{ARN: jobARN, Name: "support", Waiting: finetune.NewWaiting(3600)})
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != test.want || !strings.Contains(got.FailureMessage, test.wantMessage) || (test.wantMessage == "") != (got.FailureMessage == "") {
				t.Errorf("got %s %q, want %s %q", got.Status, got.FailureMessage, test.want, test.wantMessage)
			}
			if test.notMessage != "" && strings.Contains(got.FailureMessage, test.notMessage) {
				t.Errorf("got %q, want it to hold nothing of the data", got.FailureMessage)
			}
			if want := finetune.NewWaiting(3600).Next(); got.Waiting != want {
				t.Errorf("waiting = %+v, want %+v", got.Waiting, want)
			}
		})
	}
}

func TestPollJobErrors(t *testing.T) {
	h := newHandler(fake{job: func(*bedrock.GetModelCustomizationJobInput) (*bedrock.GetModelCustomizationJobOutput, error) {
		return nil, &types.ThrottlingException{}
	}})
	_, err := h.pollJob(t.Context(), finetune.Job{ARN: jobARN})
	if got := task.Kind(err); got != finetune.Throttled {
		t.Errorf("kind = %s, want Throttled", got)
	}
	h = newHandler(fake{
		job: func(*bedrock.GetModelCustomizationJobInput) (*bedrock.GetModelCustomizationJobOutput, error) {
			return completedJob(), nil
		},
		model: func(*bedrock.GetCustomModelInput) (*bedrock.GetCustomModelOutput, error) {
			return nil, &types.AccessDeniedException{}
		},
	})
	_, err = h.pollJob(t.Context(), finetune.Job{ARN: jobARN})
	if got := task.Kind(err); got != finetune.AccessDenied || !strings.Contains(err.Error(), modelARN) {
		t.Errorf("got %s %v, want AccessDenied naming the model", got, err)
	}
}

// TestPollJobDataFault ensures that a job that failed over its data ends the run
// as the check would have: with DatasetRejected, Bedrock's words and a next step.
func TestPollJobDataFault(t *testing.T) {
	const said = "Unable to parse Amazon S3 file: train.jsonl. Data files must conform to JSONL format."
	tests := map[string]struct {
		status types.ModelCustomizationJobStatus
		said   string
		want   finetune.Kind
	}{
		"failed over the data":    {types.ModelCustomizationJobStatusFailed, said, finetune.DatasetRejected},
		"in another case":         {types.ModelCustomizationJobStatusFailed, strings.ToUpper(said), finetune.DatasetRejected},
		"failed otherwise":        {types.ModelCustomizationJobStatusFailed, "Insufficient capacity", ""},
		"stopped, with such text": {types.ModelCustomizationJobStatusStopped, said, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := runningJob()
			out.Status, out.FailureMessage = test.status, &test.said
			h := newHandler(fake{job: func(*bedrock.GetModelCustomizationJobInput) (*bedrock.GetModelCustomizationJobOutput, error) {
				return out, nil
			}})
			job, err := h.pollJob(t.Context(), finetune.Job{ARN: jobARN, Name: "support-1"})
			if test.want == "" {
				if err != nil || job.Status != string(test.status) || !strings.HasPrefix(job.FailureMessage, test.said) {
					t.Errorf("got %+v, %v; want the job as it stands", job, err)
				}
				return
			}
			if got := task.Kind(err); got != test.want {
				t.Fatalf("got %s (%v), want %s", got, err, test.want)
			}
			for _, want := range []string{"support-1", "the check had accepted", strings.TrimSuffix(test.said, "."), "upload again"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to say %q", err, want)
				}
			}
		})
	}
}

func TestPrivateCheck(t *testing.T) {
	type output = bedrock.GetModelCustomizationJobOutput
	tests := map[string]struct {
		change func(*output)
		want   string
	}{
		"as asked for":             {change: func(*output) {}},
		"no key shown yet":         {change: func(o *output) { o.OutputModelKmsKeyArn, o.OutputModelArn = nil, nil }},
		"no network":               {change: func(o *output) { o.VpcConfig = nil }, want: "subnets [] instead of [subnet-1 subnet-2] and security groups [] instead of [sg-1]"},
		"one subnet less":          {change: func(o *output) { o.VpcConfig.SubnetIds = []string{"subnet-1"} }, want: "subnets [subnet-1]"},
		"one subnet more":          {change: func(o *output) { o.VpcConfig.SubnetIds = append(o.VpcConfig.SubnetIds, "subnet-3") }, want: "subnets"},
		"a foreign security group": {change: func(o *output) { o.VpcConfig.SecurityGroupIds = []string{"sg-2"} }, want: "security groups [sg-2] instead of [sg-1]"},
		"another key":              {change: func(o *output) { o.OutputModelKmsKeyArn = aws.String("arn:other") }, want: `key "arn:other" instead of ` + keyARN},
		"a model without a key":    {change: func(o *output) { o.OutputModelKmsKeyArn = nil }, want: `key "" instead of`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out := completedJob()
			test.change(out)
			err := newHandler(fake{}).private.check(jobARN, out)
			if test.want == "" {
				if err != nil {
					t.Errorf("got %v, want no error", err)
				}
				return
			}
			var e *finetune.Error
			if !errors.As(err, &e) || e.Kind != finetune.JobNotPrivate || !strings.Contains(e.Message, test.want) || !strings.Contains(e.Message, jobARN) {
				t.Errorf("got %v, want JobNotPrivate naming %q", err, test.want)
			}
		})
	}
}

func TestPhase(t *testing.T) {
	validation := func(s types.JobStatusDetails) *types.ValidationDetails { return &types.ValidationDetails{Status: s} }
	processing := func(s types.JobStatusDetails) *types.DataProcessingDetails {
		return &types.DataProcessingDetails{Status: s}
	}
	training := func(s types.JobStatusDetails) *types.TrainingDetails { return &types.TrainingDetails{Status: s} }
	tests := map[string]struct {
		details *types.StatusDetails
		want    string
	}{
		"not shown":   {nil, ""},
		"empty":       {&types.StatusDetails{}, ""},
		"not started": {&types.StatusDetails{ValidationDetails: validation("NotStarted"), TrainingDetails: training("NotStarted")}, ""},
		"validation":  {&types.StatusDetails{ValidationDetails: validation("InProgress"), DataProcessingDetails: processing("NotStarted")}, "validation"},
		"processing":  {&types.StatusDetails{ValidationDetails: validation("Completed"), DataProcessingDetails: processing("InProgress"), TrainingDetails: training("NotStarted")}, "dataProcessing"},
		"training":    {&types.StatusDetails{ValidationDetails: validation("Completed"), DataProcessingDetails: processing("Completed"), TrainingDetails: training("InProgress")}, "training"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := phase(test.details); got != test.want {
				t.Errorf("phase = %q, want %q", got, test.want)
			}
		})
	}
}
