package rehearsal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
)

// Ensure one record leads from what answers to all it came from: the version that was
// uploaded and its digest, the settings, the base model, the job with its role, the
// custom model, and who allowed what was paid for.
func TestRecordTiesARunTogether(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default", func(s *bedrock.Scenario) { s.ModelUnits = map[string]int{quotaUncommitted: 1, quotaNovaLite: 1} })
	f.put(finetune.TuningKey("m"), `{"baseModel":"amazon.nova-lite-v1:0:300k","hyperparameters":{"epochCount":3},"serving":{"mode":"provisioned"}}`)
	f.answersAll()
	data := conversation("a")
	run, execution := f.train("m", data, finetune.EndDeployed)
	job, throughputs, serving := f.jobOf(run.ID), f.Bedrock.Throughputs(), f.model("m").Serving
	digest := sha256.Sum256([]byte(data))
	if run.CustomModel == nil || run.Job == nil || serving == nil || len(throughputs) != 1 {
		t.Fatalf("the record has model %+v and job %+v, the registry %+v, and there are %d throughputs", run.CustomModel, run.Job, serving, len(throughputs))
	}

	for what, pair := range map[string][2]any{
		"the digest of the upload":    {run.Report.Training.SHA256, hex.EncodeToString(digest[:])},
		"what the job read":           {job.TrainingURI, finetune.S3URI(f.Bucket(), finetune.AcceptedTrainingKey(run.ID))},
		"the execution":               {run.ExecutionARN, execution.ARN},
		"the base model":              {run.Report.Settings.BaseModel, job.BaseModel},
		"the hyperparameters":         {fmt.Sprint(run.Report.Settings.Hyperparameters), fmt.Sprint(job.HyperParameters)},
		"the epochs that were wanted": {run.Report.Settings.Hyperparameters["epochCount"], "3"},
		"the job":                     {run.Job.ARN, job.ARN},
		"the job's role":              {job.RoleARN, f.Stack.Outputs["ServiceRoleArn"].Value},
		"the custom model":            {run.CustomModel.ARN, run.Job.OutputModelARN},
		"the model that serves":       {throughputs[0].ModelARN, run.CustomModel.ARN},
		"who allowed the purchase":    {run.Spend[finetune.PurposeServing].Decision, finetune.DecisionGranted},
		"the run in the registry":     {serving.Run.ID, run.ID},
		"the capacity in it":          {serving.ThroughputARN, throughputs[0].ARN},
		"the digest in it":            {serving.Dataset.SHA256, run.Report.Training.SHA256},
	} {
		if pair[0] != pair[1] || pair[0] == "" {
			t.Errorf("%s: got %v, want %v", what, pair[0], pair[1])
		}
	}
	if by := run.Spend[finetune.PurposeServing].By; run.Dataset.VersionID == "" || !strings.Contains(by, "assumed-role/operator/") {
		t.Errorf("the record has version %q, allowed by %q, want the upload's and an operator", run.Dataset.VersionID, by)
	}
}
