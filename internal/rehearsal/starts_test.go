package rehearsal

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// Ensure an object that is no data set starts nothing, wherever it lies: beside
// the data sets, outside their prefix, or where the pipeline and Bedrock write.
func TestWhatStartsNothing(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	keys := []string{
		"train.jsonl",
		"m/train.jsonl",
		"other-datasets/m/train.jsonl",
		"fine-tuning-datasets-old/m/train.jsonl",
		"old/fine-tuning-datasets/m/train.jsonl",
		finetune.TuningKey("m"),
		finetune.PrefixDatasets + "m/train.json",
		finetune.PrefixDatasets + "m/train.jsonl.gz",
		finetune.PrefixDatasets + "m/train.JSONL",
		finetune.PrefixDatasets + "m/train.jsonl.sha256",
		finetune.ValidationKey("m"),
		finetune.PrefixValidation + "m/other.jsonl",
		finetune.AcceptedTrainingKey("0123456789abcdef"),
		finetune.OutputPrefix("0123456789abcdef") + "model-customization-job-x/training_artifacts/step_wise_training_metrics.jsonl",
		finetune.PrefixReports + "m/train.jsonl",
		finetune.MediaPrefix("m") + "cat.png",
		finetune.MediaPrefix("m") + "train.jsonl",
	}
	for _, key := range keys {
		f.put(key, conversation("a"))
		if started := f.Started(); started != nil {
			t.Fatalf("uploading %s started %v", key, started)
		}
	}
	if jobs := f.Bedrock.Jobs(); jobs != nil {
		t.Errorf("jobs are %+v, want none", jobs)
	}
}

// Ensure a run starts no other: what it and Bedrock write, metrics and accepted
// copies of JSONL files, are seen by the rule and passed over.
func TestRunStartsNoOther(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	f.put(finetune.ValidationKey("m"), strings.Join(strings.SplitAfter(conversation("v"), "\n")[:3], ""))
	run, _ := f.train("m", conversation("a"), finetune.EndDeployed)
	for _, prefix := range []string{finetune.PrefixAccepted + string(run.ID) + "/", finetune.OutputPrefix(run.ID), finetune.PrefixReports} {
		if keys := f.keys(prefix); len(keys) < 2 {
			t.Errorf("below %s lie %q, want what the run wrote", prefix, keys)
		}
	}
	if started := f.Started(); len(started) != 1 {
		t.Errorf("started were %v, want the one", started)
	}
}

// keys lists the objects below a prefix, as the operator.
func (f *fixture) keys(prefix string) []string {
	f.t.Helper()
	bucket := f.Bucket()
	out, err := f.Operator().S3.ListObjectsV2(f.t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	if err != nil {
		f.t.Fatal(err)
	}
	var keys []string
	for _, object := range out.Contents {
		keys = append(keys, aws.ToString(object.Key))
	}
	return keys
}

// Ensure a JSONL file below the prefix that names no model ends Rejected with
// the reason, since the rule's one wildcard cannot leave it out.
func TestMisplacedDataSetsAreRejected(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	tests := map[string]string{
		"train.jsonl":                              "exactly one folder",
		"m/deeper/train.jsonl":                     "exactly one folder",
		"m/.jsonl":                                 "a file in it",
		"a_b/train.jsonl":                          "letters, digits and single hyphens",
		"-m/train.jsonl":                           "beginning and ending with a letter or digit",
		strings.Repeat("m", 41) + "/train.jsonl":   "1 to 40 letters",
		"m/train.jsonl/again.jsonl":                "exactly one folder",
		"m/2026-11-23/part-0.jsonl":                "exactly one folder",
		"m/validation/validation-datasets/v.jsonl": "exactly one folder",
	}
	for name, reason := range tests {
		key := finetune.PrefixDatasets + name
		version, err := f.UploadAs(t.Context(), f.uploader(key), key, strings.NewReader(conversation("a")))
		if err != nil {
			t.Fatal(err)
		}
		execution := f.end()
		if last := execution.States[len(execution.States)-1]; last != finetune.EndRejected || !strings.Contains(execution.Cause, reason) {
			t.Errorf("%s ended in %s (%s: %s), want %s: %s", key, last, execution.Error, execution.Cause, finetune.EndRejected, reason)
		}
		id := finetune.Dataset{Bucket: f.Bucket(), Key: key, VersionID: version}.RunID()
		var report registry.Run
		f.readJSON(finetune.RunReportKey(id), &report)
		if report.End != finetune.EndRejected || report.Error != string(finetune.DatasetRejected) || !strings.Contains(report.Cause, reason) {
			t.Errorf("%s: the report says %s (%s: %s), want %s: %s", key, report.End, report.Error, report.Cause, finetune.EndRejected, reason)
		}
		f.noticedOnce(execution.ARN)
	}
	if jobs, ledger := f.Bedrock.Jobs(), f.Bedrock.Ledger(); jobs != nil || ledger != nil || f.AsyncFailures() != nil {
		t.Errorf("jobs %+v, bills %+v, lost calls %q; want none", jobs, ledger, f.AsyncFailures())
	}
}
