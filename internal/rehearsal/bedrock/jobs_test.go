package bedrock

import (
	"encoding/csv"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
)

func TestJobRunsThroughItsStages(t *testing.T) {
	r := newRig(t, "default")
	in := r.request("job-1", nova)
	in.JobTags = []types.Tag{{Key: aws.String("run"), Value: aws.String("1")}}
	arn := r.submit(in)
	if !strings.HasPrefix(arn, "arn:aws:bedrock:us-east-1:"+account+":model-customization-job/"+nova+"/") {
		t.Errorf("job ARN: got %s", arn)
	}
	steps := []struct {
		wait   time.Duration
		status types.ModelCustomizationJobStatus
		stages [3]types.JobStatusDetails
	}{
		{0, "InProgress", [3]types.JobStatusDetails{"InProgress", "NotStarted", "NotStarted"}},
		{10 * time.Minute, "InProgress", [3]types.JobStatusDetails{"Completed", "InProgress", "NotStarted"}},
		{10 * time.Minute, "InProgress", [3]types.JobStatusDetails{"Completed", "Completed", "InProgress"}},
		{40 * time.Minute, "Completed", [3]types.JobStatusDetails{"Completed", "Completed", "Completed"}},
	}
	for _, step := range steps {
		r.clock.Advance(step.wait)
		job := r.job("job-1")
		got := [3]types.JobStatusDetails{job.StatusDetails.ValidationDetails.Status, job.StatusDetails.DataProcessingDetails.Status, job.StatusDetails.TrainingDetails.Status}
		if job.Status != step.status || got != step.stages {
			t.Errorf("after %s: got %s %v, want %s %v", step.wait, job.Status, got, step.status, step.stages)
		}
	}
	job := r.job(arn)
	if job.VpcConfig == nil || len(job.VpcConfig.SubnetIds) != 2 || job.VpcConfig.SecurityGroupIds[0] != "sg-job" {
		t.Errorf("vpcConfig: got %+v", job.VpcConfig)
	}
	if job.TrainingMetrics == nil || aws.ToFloat32(job.TrainingMetrics.TrainingLoss) <= 0 {
		t.Errorf("trainingMetrics: got %+v", job.TrainingMetrics)
	}
	if took := job.EndTime.Sub(*job.CreationTime); took != time.Hour {
		t.Errorf("duration: got %s, want 1h", took)
	}
	tags, err := r.control.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceARN: &arn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Value != "1" {
		t.Errorf("tags: got %+v %v", tags, err)
	}
}

func TestMetricFiles(t *testing.T) {
	tests := []struct{ layout, want string }{
		{layoutGuide, "/validation_artifacts/post_fine_tuning_validation/validation_metrics.csv"},
		{layoutNova, "/validation_artifacts/post_fine_tuning_validation/validation/validation_metrics.csv"},
		{layoutLlama, "/validation_artifacts/validation_metrics.csv"},
	}
	for _, test := range tests {
		t.Run(test.layout, func(t *testing.T) {
			r := newRig(t, "default", func(s *Scenario) { s.ValidationLayout = test.layout })
			in := r.request("job-m", nova)
			r.store.put("/bucket/validation.jsonl", dataset(nova, 1, 0))
			in.ValidationDataConfig = &types.ValidationDataConfig{Validators: []types.Validator{{S3Uri: aws.String("s3://bucket/validation.jsonl")}}}
			arn := r.submit(in)
			r.clock.Advance(2 * time.Hour)
			r.double.Settle(t.Context())
			folder := "/bucket/outputs/job-m/model-customization-job-" + arn[strings.LastIndexByte(arn, '/')+1:]
			if path, _ := r.store.get(t, "validation_metrics.csv"); path != folder+test.want {
				t.Errorf("validation metrics: got %s, want %s", path, folder+test.want)
			}
			path, body := r.store.get(t, "step_wise_training_metrics.csv")
			if path != folder+"/training_artifacts/step_wise_training_metrics.csv" {
				t.Errorf("training metrics: got %s", path)
			}
			checkLosses(t, body, true)
			if job := r.job("job-m"); len(job.ValidationMetrics) != 1 {
				t.Errorf("validationMetrics: got %d, want 1", len(job.ValidationMetrics))
			}
		})
	}
}

// checkLosses reads a training metrics file and sees which way it goes.
func checkLosses(t *testing.T, body string, falling bool) {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(lines[0], ","); got != "step_number,epoch_number,training_loss,perplexity" {
		t.Errorf("header: got %s", got)
	}
	first, err1 := strconv.ParseFloat(lines[1][2], 64)
	last, err2 := strconv.ParseFloat(lines[len(lines)-1][2], 64)
	if err1 != nil || err2 != nil || lines[1][0] != "0" || lines[1][1] != "1" {
		t.Fatalf("first line: got %v", lines[1])
	}
	if (last < first) != falling {
		t.Errorf("losses go from %v to %v, want falling=%v", first, last, falling)
	}
}

func TestForcedOutcomes(t *testing.T) {
	tests := []struct {
		name    string
		outcome JobOutcome
		status  types.ModelCustomizationJobStatus
		message string
	}{
		{"failed", JobOutcome{Status: "Failed", FailureMessage: "out of luck"}, "Failed", "out of luck"},
		{"failed in validation", JobOutcome{Status: "Failed", Stage: "validation"}, "Failed", unexpectedError},
		{"stopped", JobOutcome{Status: "Stopped"}, "Stopped", ""},
		{"other job", JobOutcome{Match: Match{NameContains: "other"}, Status: "Failed"}, "Completed", ""},
		{"second job", JobOutcome{Match: Match{Nth: 2}, Status: "Failed"}, "Completed", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, "default", func(s *Scenario) { s.Jobs = []JobOutcome{test.outcome} })
			r.submit(r.request("job-f", nova))
			r.clock.Advance(3 * time.Hour)
			job := r.job("job-f")
			if job.Status != test.status || aws.ToString(job.FailureMessage) != test.message {
				t.Errorf("got %s %q, want %s %q", job.Status, aws.ToString(job.FailureMessage), test.status, test.message)
			}
			if made := job.OutputModelArn != nil; made != (test.status == "Completed") {
				t.Errorf("model made: got %v", made)
			}
		})
	}
}

func TestScenarioTwistsOfAJob(t *testing.T) {
	r := newRig(t, "default", func(s *Scenario) {
		s.Jobs = []JobOutcome{{LosesVPCConfig: true, Curve: curveDiverging, ModelCreating: Duration(90 * time.Minute)}}
	})
	r.submit(r.request("job-t", nova))
	r.clock.Advance(2 * time.Hour)
	job := r.job("job-t")
	if job.VpcConfig != nil {
		t.Errorf("vpcConfig: got %+v, want none", job.VpcConfig)
	}
	_, body := r.store.get(t, "step_wise_training_metrics.csv")
	checkLosses(t, body, false)
	for _, want := range []types.ModelStatus{types.ModelStatusCreating, types.ModelStatusActive} {
		m, err := r.control.GetCustomModel(t.Context(), &sdk.GetCustomModelInput{ModelIdentifier: job.OutputModelArn})
		if err != nil || m.ModelStatus != want {
			t.Errorf("model: got %+v %v, want %s", m, err, want)
		}
		r.clock.Advance(time.Hour)
	}
}

func TestStop(t *testing.T) {
	r := newRig(t, "default")
	arn := r.submit(r.request("job-s", nova))
	r.clock.Advance(25 * time.Minute)
	if _, err := r.control.StopModelCustomizationJob(t.Context(), &sdk.StopModelCustomizationJobInput{JobIdentifier: &arn}); err != nil {
		t.Fatal(err)
	}
	if got := r.job(arn).Status; got != types.ModelCustomizationJobStatusStopping {
		t.Errorf("after stop: got %s", got)
	}
	_, err := r.control.StopModelCustomizationJob(t.Context(), &sdk.StopModelCustomizationJobInput{JobIdentifier: &arn})
	checkError[*types.ConflictException](t, "stopping twice", err)
	r.clock.Advance(time.Hour)
	if got := r.job(arn).Status; got != types.ModelCustomizationJobStatusStopped {
		t.Errorf("later: got %s", got)
	}
	if len(r.double.Models()) != 0 {
		t.Error("a stopped job made a model")
	}
}

func TestIdempotencyAndConflicts(t *testing.T) {
	r := newRig(t, "default")
	in := r.request("job-i", nova)
	in.ClientRequestToken = aws.String("token-1")
	first, again := r.submit(in), r.submit(in)
	if first != again || len(r.double.Jobs()) != 1 {
		t.Errorf("same token: got %s and %s, %d jobs", first, again, len(r.double.Jobs()))
	}
	in.CustomModelName = aws.String("other-model")
	if got := r.submit(in); got != first || len(r.double.Notes()) != 1 {
		t.Errorf("same token, other parameters: got %s, notes %v", got, r.double.Notes())
	}
	in.ClientRequestToken = aws.String("token-2")
	_, err := r.control.CreateModelCustomizationJob(t.Context(), in)
	checkError[*types.ConflictException](t, "same job name", err)
	in.JobName, in.CustomModelName = aws.String("job-j"), aws.String("job-i-model")
	_, err = r.control.CreateModelCustomizationJob(t.Context(), in)
	checkError[*types.ConflictException](t, "same model name", err)
}

func TestRefusedJobs(t *testing.T) {
	tests := []struct {
		name   string
		change func(*sdk.CreateModelCustomizationJobInput)
		want   string
	}{
		{"job name", func(in *sdk.CreateModelCustomizationJobInput) { in.JobName = aws.String("a_b") }, "jobName"},
		{"hyperparameter name", func(in *sdk.CreateModelCustomizationJobInput) {
			in.HyperParameters = map[string]string{"batchSize": "1"}
		}, "batchSize"},
		{"hyperparameter range", func(in *sdk.CreateModelCustomizationJobInput) { in.HyperParameters["epochCount"] = "6" }, "between 1 and 5"},
		{"hyperparameter kind", func(in *sdk.CreateModelCustomizationJobInput) { in.HyperParameters["epochCount"] = "1.5" }, "right kind"},
		{"base model of another region", func(in *sdk.CreateModelCustomizationJobInput) { in.BaseModelIdentifier = aws.String(llama) }, "invalid"},
		{"customization type", func(in *sdk.CreateModelCustomizationJobInput) {
			in.CustomizationType = types.CustomizationTypeContinuedPreTraining
		}, "CONTINUED_PRE_TRAINING"},
		{"folder", func(in *sdk.CreateModelCustomizationJobInput) {
			in.TrainingDataConfig.S3Uri = aws.String("s3://bucket/accepted/")
		}, "folder"},
		{"missing file", func(in *sdk.CreateModelCustomizationJobInput) {
			in.TrainingDataConfig.S3Uri = aws.String("s3://bucket/none.jsonl")
		}, "Could not validate GetObject permissions"},
		{"key of another region", func(in *sdk.CreateModelCustomizationJobInput) {
			in.CustomModelKmsKeyId = aws.String("arn:aws:kms:eu-west-1:" + account + ":key/11111111-2222-3333-4444-555555555555")
		}, "Region"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, "default")
			in := r.request("job-r", nova)
			test.change(in)
			_, err := r.control.CreateModelCustomizationJob(t.Context(), in)
			checkError[*types.ValidationException](t, test.name, err)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
			if len(r.double.Jobs()) != 0 {
				t.Error("a refused job exists")
			}
		})
	}
}

func TestLegacyBaseModel(t *testing.T) {
	r := newRig(t, "article-today")
	model, err := r.control.GetFoundationModel(t.Context(), &sdk.GetFoundationModelInput{ModelIdentifier: aws.String(llama)})
	if err != nil || model.ModelDetails.ModelLifecycle.Status != types.FoundationModelLifecycleStatusLegacy {
		t.Errorf("life cycle: got %+v %v", model, err)
	}
	_, err = r.control.CreateModelCustomizationJob(t.Context(), r.request("job-l", llama))
	checkError[*types.ValidationException](t, "legacy base model", err)

	r = newRig(t, "article")
	list, err := r.control.ListFoundationModels(t.Context(), &sdk.ListFoundationModelsInput{ByCustomizationType: types.ModelCustomizationFineTuning})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list.ModelSummaries {
		if *m.ModelId == llama && m.ModelLifecycle.Status == types.FoundationModelLifecycleStatusActive {
			r.train("job-l", llama)
			return
		}
	}
	t.Error("the article's scenario lacks an active Llama 3.1")
}

func TestMissingPermissions(t *testing.T) {
	write := func(method, path string) bool { return method == "PUT" && strings.Contains(path, probeName) }
	r := newRig(t, "default")
	in := r.request("job-p", nova)
	r.store.deny = write
	_, err := r.control.CreateModelCustomizationJob(t.Context(), in)
	checkError[*types.ValidationException](t, "no write permission", err)
	if err == nil || !strings.Contains(err.Error(), "S3 perms missing (PutObject)") {
		t.Errorf("got %v", err)
	}

	r = newRig(t, "default", func(s *Scenario) { s.AccessCheck = "job" })
	in = r.request("job-p", nova)
	r.store.deny = write
	r.submit(in)
	r.clock.Advance(time.Hour)
	if job := r.job("job-p"); job.Status != "Failed" || !strings.Contains(*job.FailureMessage, probeName) {
		t.Errorf("got %s %q", job.Status, aws.ToString(job.FailureMessage))
	}
}

func TestProbeIsRemovedAndDataReadOnce(t *testing.T) {
	r := newRig(t, "default")
	r.train("job-w", nova)
	want := []string{"HEAD /bucket/accepted/job-w/train.jsonl", "PUT /bucket/outputs/job-w/" + probeName, "DELETE /bucket/outputs/job-w/" + probeName, "GET /bucket/accepted/job-w/train.jsonl"}
	if got := r.store.seen[:4]; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("S3 calls: got %v, want %v", got, want)
	}
}

func TestBadDataFailsTheJob(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"not JSON", dataset(nova, 1, 0) + "{\n", "must conform to JSONL"},
		{"blank line", "\n" + dataset(nova, 1, 0), "must conform to JSONL"},
		{"other format", dataset(llama, 1, 0), "must conform to JSONL"},
		{"too few", strings.Join(strings.SplitAfter(dataset(nova, 1, 0), "\n")[:3], ""), "3 records"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, "default")
			in := r.request("job-b", nova)
			r.store.put("/bucket/accepted/job-b/train.jsonl", test.data)
			r.submit(in)
			r.clock.Advance(3 * time.Hour)
			if job := r.job("job-b"); job.Status != "Failed" || !strings.Contains(aws.ToString(job.FailureMessage), test.want) {
				t.Errorf("got %s %q, want Failed with %q", job.Status, aws.ToString(job.FailureMessage), test.want)
			}
		})
	}
}

// TestMediaIsReadWithTheData: each file that records name is read once, and one
// that cannot be read fails the job.
func TestMediaIsReadWithTheData(t *testing.T) {
	block := func(kind, name string) string {
		return `{"` + kind + `":{"format":"x","source":{"s3Location":{"uri":"s3://bucket/media/` + name + `"}}}}`
	}
	show := func(blocks ...string) string {
		return `{"messages":[{"role":"user","content":[{"text":"q"},` + strings.Join(blocks, ",") + `]},{"role":"assistant","content":[{"text":"a"}]}]}` + "\n"
	}
	data := dataset(novaLite, 1, 0) + show(block("image", "a.png"), block("image", "b.png")) + show(block("image", "a.png")) + show(block("video", "c.mp4")) + show(block("document", "d.pdf"))
	for _, missing := range []string{"", "b.png", "c.mp4", "d.pdf"} {
		t.Run("missing "+missing, func(t *testing.T) {
			r := newRig(t, "default")
			for _, name := range []string{"a.png", "b.png", "c.mp4", "d.pdf"} {
				if name != missing {
					r.store.put("/bucket/media/"+name, "pixels")
				}
			}
			in := r.request("job-m", novaLite)
			r.store.put("/bucket/accepted/job-m/train.jsonl", data)
			r.submit(in)
			r.clock.Advance(3 * time.Hour)
			job := r.job("job-m")
			if missing == "" {
				if n := strings.Count(strings.Join(r.store.seen, "\n"), "GET /bucket/media/"); job.Status != "Completed" || n != 4 {
					t.Errorf("got %s %q after reading %d files, want Completed and each of 4 once", job.Status, aws.ToString(job.FailureMessage), n)
				}
				return
			}
			if want := "Could not validate GetObject permissions to access Amazon S3 bucket: bucket at key media/" + missing; job.Status != "Failed" || aws.ToString(job.FailureMessage) != want {
				t.Errorf("got %s %q, want Failed with %q", job.Status, aws.ToString(job.FailureMessage), want)
			}
		})
	}
}

func TestJobQuotas(t *testing.T) {
	r := newRig(t, "default", func(s *Scenario) {
		s.Quotas.CustomizationJobs = 2
		s.Durations.ModelCreating = Duration(24 * time.Hour)
	})
	r.submit(r.request("job-a", nova))
	r.submit(r.request("job-b", nova))
	_, err := r.control.CreateModelCustomizationJob(t.Context(), r.request("job-c", nova))
	checkError[*types.ServiceQuotaExceededException](t, "third job", err)
	r.clock.Advance(3 * time.Hour)
	_, err = r.control.CreateModelCustomizationJob(t.Context(), r.request("job-c", nova))
	checkError[*types.ServiceQuotaExceededException](t, "two models being created", err)
	r.clock.Advance(24 * time.Hour)
	r.submit(r.request("job-c", nova))
}

func TestListsPage(t *testing.T) {
	r := newRig(t, "default")
	for _, name := range []string{"list-1", "list-2", "else-3"} {
		r.submit(r.request(name, nova))
		r.clock.Advance(time.Minute)
	}
	var names []string
	pages := sdk.NewListModelCustomizationJobsPaginator(r.control, &sdk.ListModelCustomizationJobsInput{
		NameContains: aws.String("list"), MaxResults: aws.Int32(1), StatusEquals: types.FineTuningJobStatusInProgress,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.ModelCustomizationJobSummaries {
			names = append(names, *s.JobName)
		}
	}
	if got := strings.Join(names, " "); got != "list-2 list-1" {
		t.Errorf("got %s", got)
	}
	none, err := r.control.ListModelCustomizationJobs(t.Context(), &sdk.ListModelCustomizationJobsInput{CreationTimeAfter: aws.Time(r.clock.Now())})
	if err != nil || len(none.ModelCustomizationJobSummaries) != 0 {
		t.Errorf("created after now: got %+v %v", none, err)
	}
}
