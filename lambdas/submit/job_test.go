package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/task"
)

func TestJobInput(t *testing.T) {
	golden(t, "job.json", jobInput(stackOfTests, input))
	plain := input
	plain.Validation = nil
	if got := jobInput(stackOfTests, plain).ValidationDataConfig; got != nil {
		t.Errorf("validationDataConfig = %+v without validation data, want none", got)
	}
}

// TestConflict ensures that a name in use, in either of Bedrock's words, is our
// own job or an error, never a foreign job.
func TestConflict(t *testing.T) {
	tests := map[string]struct {
		out  *bedrock.GetModelCustomizationJobOutput
		err  error
		kind finetune.Kind
		want string
	}{
		"ours":             {out: &bedrock.GetModelCustomizationJobOutput{JobArn: aws.String(jobARN), TrainingDataConfig: &types.TrainingDataConfig{S3Uri: &input.Training.URI}}},
		"somebody else's":  {out: &bedrock.GetModelCustomizationJobOutput{JobArn: aws.String(jobARN), TrainingDataConfig: &types.TrainingDataConfig{S3Uri: aws.String("s3://other/train.jsonl")}}, kind: finetune.Internal, want: jobARN},
		"of unknown data":  {out: &bedrock.GetModelCustomizationJobOutput{JobArn: aws.String(jobARN)}, kind: finetune.Internal, want: jobARN},
		"not found":        {err: &types.ResourceNotFoundException{}, kind: finetune.SettingsRejected, want: "the name is in use"},
		"lookup throttled": {err: &types.ThrottlingException{}, kind: finetune.Throttled, want: "support-0123456789abcdef"},
	}
	refusals := map[string]error{
		"conflict": &types.ConflictException{Message: aws.String("the name is in use")},
		"invalid":  &types.ValidationException{Message: aws.String("the name is in use")},
	}
	for name, test := range tests {
		for word, refusal := range refusals {
			t.Run(name+", "+word, func(t *testing.T) {
				f := ready()
				f.create = func(*bedrock.CreateModelCustomizationJobInput) (*bedrock.CreateModelCustomizationJobOutput, error) {
					return nil, refusal
				}
				f.get = func(id string) (*bedrock.GetModelCustomizationJobOutput, error) {
					if id != "support-0123456789abcdef" {
						t.Errorf("asked for %s, want the job's name", id)
					}
					return test.out, test.err
				}
				h, _ := testHandler(t, f)
				job, err := h.Handle(t.Context(), input)
				checkRefusal(t, err, test.kind, test.want)
				if err == nil && (job.ARN != jobARN || job.Status != "InProgress") {
					t.Errorf("got %+v, want %s InProgress", job, jobARN)
				}
			})
		}
	}
}

// TestAdoptedJobIsYetToBeChecked: a job that is taken over, by its name or out of the
// run's record, may be somebody else's making: whether it is private is for poll to see.
func TestAdoptedJobIsYetToBeChecked(t *testing.T) {
	job := &bedrock.GetModelCustomizationJobOutput{
		JobArn: aws.String(jobARN), Status: types.ModelCustomizationJobStatusCompleted, OutputModelArn: aws.String("arn:model"),
		TrainingDataConfig: &types.TrainingDataConfig{S3Uri: &input.Training.URI},
	}
	f := ready()
	f.create = func(*bedrock.CreateModelCustomizationJobInput) (*bedrock.CreateModelCustomizationJobOutput, error) {
		return nil, &types.ConflictException{}
	}
	f.get = func(string) (*bedrock.GetModelCustomizationJobOutput, error) { return job, nil }
	h, _ := testHandler(t, f)
	for _, way := range []string{"by its name", "out of the record"} {
		if got, err := h.Handle(t.Context(), input); err != nil || got.ARN != jobARN || got.Verified {
			t.Errorf("%s: got %+v, %v, want the job, not verified", way, got, err)
		}
	}
}

// TestAnswersHoldNoData ensures that the beginning of a record, which Bedrock puts
// into some messages, gets into no error and no job, whatever else goes wrong.
func TestAnswersHoldNoData(t *testing.T) {
	const data = "zanzibar"
	ours := &types.TrainingDataConfig{S3Uri: &input.Training.URI}
	lookups := map[string]struct {
		out *bedrock.GetModelCustomizationJobOutput
		err error
	}{
		"no such job":     {nil, &types.ResourceNotFoundException{}},
		"throttled":       {nil, &types.ThrottlingException{}},
		"somebody else's": {&bedrock.GetModelCustomizationJobOutput{JobArn: aws.String(jobARN)}, nil},
		"ours, failed": {&bedrock.GetModelCustomizationJobOutput{
			JobArn: aws.String(jobARN), TrainingDataConfig: ours, Status: "Failed",
			FailureMessage: aws.String("Input size exceeded in file train.jsonl for record starting with " + data),
		}, nil},
	}
	for _, text := range []string{
		"Input size exceeded in file train.jsonl for record starting with " + data,
		"A text that nobody documents, on the record starting with\n" + data,
		"Encountered an unexpected error when processing the request for the record starting with " + data,
	} {
		for name, lookup := range lookups {
			t.Run(name+", "+text[:12], func(t *testing.T) {
				f := ready()
				f.create = func(*bedrock.CreateModelCustomizationJobInput) (*bedrock.CreateModelCustomizationJobOutput, error) {
					return nil, task.Quiet(&types.ValidationException{Message: &text}) // as a function's clients do
				}
				f.get = func(string) (*bedrock.GetModelCustomizationJobOutput, error) { return lookup.out, lookup.err }
				h, r := testHandler(t, f)
				job, err := h.Handle(t.Context(), input)
				told := fmt.Sprintf("%v %+v %+v", err, job, r.read(t))
				if strings.Contains(told, data) || (lookup.err != nil) != (err != nil) && name != "somebody else's" {
					t.Errorf("told %s; want nothing of the data", told)
				}
			})
		}
	}
}

func TestExplain(t *testing.T) {
	invalid := func(text string) error { return &types.ValidationException{Message: &text} }
	tests := map[string]struct {
		err  error
		kind finetune.Kind
		want string
	}{
		"quota":              {&types.ServiceQuotaExceededException{}, finetune.Busy, "L-CB5B847D"},
		"not found":          {&types.ResourceNotFoundException{}, finetune.SettingsRejected, base},
		"name in use":        {&types.ConflictException{}, finetune.SettingsRejected, "custom model of that name"},
		"denied":             {&types.AccessDeniedException{}, finetune.AccessDenied, "service control policy"},
		"throttled":          {&types.ThrottlingException{}, finetune.Throttled, "support-0123456789abcdef"},
		"fault":              {&types.InternalServerException{}, finetune.Unavailable, "support-0123456789abcdef"},
		"too many tags":      {&types.TooManyTagsException{}, finetune.Internal, "support-0123456789abcdef"},
		"cannot read":        {invalid("Could not validate GetObject permissions to access Amazon S3 bucket: b"), finetune.SettingsRejected, "bucketPolicy.exemptServiceRole"},
		"cannot write":       {invalid("Amazon S3 perms missing (PutObject): b"), finetune.SettingsRejected, "outputs/"},
		"bad line":           {invalid("Unable to parse Amazon S3 file: f"), finetune.DatasetRejected, "fix the line"},
		"too long":           {invalid("Input size exceeded in file f"), finetune.DatasetRejected, "shorten"},
		"too many tokens":    {invalid("Maximum input token count 9 exceeds limit of 8"), finetune.DatasetRejected, "shorten"},
		"tokens together":    {invalid("Max sum of input and output token length exceeded"), finetune.DatasetRejected, "shorten"},
		"content policy":     {invalid("Automated tests flagged this fine-tuning job"), finetune.DatasetRejected, "content policy"},
		"fault as a refusal": {invalid("Encountered an unexpected error when processing the request"), finetune.Unavailable, "tried again"},
		"anything else":      {invalid("epochCount is strange"), finetune.SettingsRejected, "epochCount is strange"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			checkRefusal(t, explain(input, test.err), test.kind, test.want)
		})
	}
}
