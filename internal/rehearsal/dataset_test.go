package rehearsal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// checkedFile is the part of the data set report that is about one file.
type checkedFile struct {
	Key, VersionID string
	dataset.Report
}

// datasetReport is the data set report as people and scripts read it.
type datasetReport struct {
	Accepted             bool
	SettingsProblems     []string
	TuningVersionID      string
	Training, Validation *checkedFile
}

// zanzibar is a text that must not leave a data set.
const zanzibar = "zanzibar-canary-4711"

// Ensure one bad row refuses the whole data set: nothing is submitted, the
// report names line and code, and no word of the data is told anywhere.
func TestBadRowIsRejected(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	text := insertLine(conversation("first"), 7, `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"`+zanzibar+`"}]},]}`)
	run, execution := f.train("support", text, finetune.EndRejected)

	f.checkRejectedData(run, "line 7: "+string(dataset.CodeSyntax))
	report := f.datasetReport(run.ID)
	if finding := findingOn(report.Training, 7); report.Training.Records != 13 || finding.Code != dataset.CodeSyntax || finding.Severity != dataset.SeverityError {
		t.Errorf("the report says %+v; want error %s on line 7 of 13", report.Training, dataset.CodeSyntax)
	}
	for _, key := range []string{finetune.RunKey(run.ID), finetune.RunReportKey(run.ID), finetune.DatasetReportKey(run.ID)} {
		if written, err := f.ReadObject(t.Context(), key); err != nil || bytes.Contains(written, []byte(zanzibar)) {
			t.Errorf("%s tells the data, or is missing: %v", key, err)
		}
	}
	if logs := f.printed(); !strings.Contains(logs, string(run.ID)) || strings.Contains(logs+execution.Cause, zanzibar) {
		t.Error("the logs or the cause tell the data, or the logs do not name the run")
	}
	for _, notice := range f.Notices() {
		if strings.Contains(string(notice.Message), zanzibar) {
			t.Errorf("a notice tells the data: %s", notice.Message)
		}
	}
}

// Ensure bad validation data refuses the run as bad training data does.
func TestBadValidationDataIsRejected(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	f.put(finetune.ValidationKey("support"), insertLine(conversation("held out"), 3, `["`+zanzibar+`"]`))
	run, _ := f.train("support", conversation("first"), finetune.EndRejected)

	f.checkRejectedData(run, "line 3: "+string(dataset.CodeNotAnObject))
	report := f.datasetReport(run.ID)
	if report.Validation == nil || findingOn(report.Validation, 3).Code != dataset.CodeNotAnObject || report.Validation.Key != finetune.ValidationKey("support") || report.Validation.VersionID == "" {
		t.Errorf("the report says %+v of the validation data; want %s on line 3, key and version", report.Validation, dataset.CodeNotAnObject)
	}
	if report.Training == nil || !report.Training.Accepted {
		t.Errorf("the report says %+v of the training data; want it accepted", report.Training)
	}
}

// checkRejectedData holds what a run leaves whose data set was refused.
func (f *fixture) checkRejectedData(run registry.Run, wantCause string) {
	f.t.Helper()
	if run.Error != string(finetune.DatasetRejected) || !strings.Contains(run.Cause, wantCause) || strings.Contains(run.Cause, zanzibar) {
		f.t.Errorf("ended %s (%s); want DatasetRejected, %q and no data", run.Error, run.Cause, wantCause)
	}
	if f.datasetReport(run.ID).Accepted {
		f.t.Error("the report says that the data set was accepted")
	}
	f.checkNothingSubmitted(run)
}

// checkNothingSubmitted holds that a refused run made and copied nothing.
func (f *fixture) checkNothingSubmitted(run registry.Run) {
	f.t.Helper()
	if made := f.Created(); len(made) != 0 || len(f.jobRequests()) != 0 || run.Job != nil {
		f.t.Errorf("made %v with %d requests for a job, of which the record says %v; want nothing", made, len(f.jobRequests()), run.Job)
	}
	for _, c := range f.Log.Find("s3:PutObject") {
		if strings.Contains(c.Resource, "/"+finetune.PrefixAccepted) {
			f.t.Errorf("copied to %s, want no accepted copy", c.Resource)
		}
	}
	f.mustBeUnpublished(run.Model)
}

// Ensure a run trains on the version that was uploaded, whenever another one is
// uploaded to the same key; that one is a run of its own.
func TestUploadOverwritten(t *testing.T) {
	tests := map[string]func(f *fixture, overwrite func()){
		"before the check":      func(f *fixture, overwrite func()) { f.whenEntered("ValidateDataset", func(string) { overwrite() }) },
		"after it, before copy": beforeTheCopy,
		"after the copy":        func(f *fixture, overwrite func()) { f.whenEntered("SubmitJob", func(string) { overwrite() }) },
	}
	for name, when := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, nova, "default", slowTraining)
			when(f, func() { f.overwrite(finetune.PrefixDatasets+"support/train.jsonl", larger("second")) })
			id := f.drop("support", "train.jsonl", conversation("first"))
			execution := f.endOf(f.Started()[0])
			f.checkEnd(f.run(id), execution, finetune.EndDeployed)
			f.mustAnswer("support", question(8), fact("first", 8))
			f.checkAccepted(id, conversation("first"))

			execution = f.endOf(f.Started()[1])
			model := f.model("support")
			f.checkEnd(f.run(model.Serving.Run.ID), execution, finetune.EndDeployed)
			if len(f.Started()) != 2 || len(f.Bedrock.Jobs()) != 2 || model.Serving.Run.ID == id || model.Previous.Run.ID != id {
				t.Errorf("%d executions and %d jobs, then %+v; want two runs, the second served", len(f.Started()), len(f.Bedrock.Jobs()), model)
			}
			f.checkAccepted(model.Serving.Run.ID, larger("second"))
			f.forgetServed()
			f.mustAnswer("support", question(8), fact("second", 8))
		})
	}
}

// beforeTheCopy overwrites an upload as its check copies it.
func beforeTheCopy(f *fixture, overwrite func()) {
	var once sync.Once
	f.Log.SetHook(func(c calls.Call) *calls.Fault {
		if c.Action == "s3:PutObject" && strings.Contains(c.Resource, "/"+finetune.PrefixAccepted) {
			once.Do(overwrite)
		}
		return nil
	})
}

// checkAccepted holds that a run's job was trained on a text: by the accepted
// copy, its digest in the record, and the job's URI.
func (f *fixture) checkAccepted(id finetune.RunID, text string) {
	f.t.Helper()
	accepted, err := f.ReadObject(f.t.Context(), finetune.AcceptedTrainingKey(id))
	if err != nil {
		f.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(text))
	run := f.run(id)
	if string(accepted) != text || run.Report.Training.SHA256 != hex.EncodeToString(sum[:]) {
		f.t.Errorf("run %s accepted %d bytes with the digest %s; want the %d checked ones with %x", id, len(accepted), run.Report.Training.SHA256, len(text), sum)
	}
	job := f.jobOf(id)
	if want := finetune.S3URI(f.Bucket(), finetune.AcceptedTrainingKey(id)); job.TrainingURI != want || run.Report.Training.URI != want {
		f.t.Errorf("the job trains on %s, the record says %s; want %s", job.TrainingURI, run.Report.Training.URI, want)
	}
}

// Ensure the characters people put into file names are no matter.
func TestFileNames(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	for model, file := range map[string]string{
		"space":  "my first data set (1).jsonl",
		"equals": "v=2&more.jsonl",
		"plus":   "faq+chat 100%25.jsonl",
		"accent": "données é.jsonl",
	} {
		id := f.drop(model, file, conversation(model))
		execution := f.end()
		f.checkEnd(f.run(id), execution, finetune.EndDeployed)
		f.checkAccepted(id, conversation(model))
		f.mustAnswer(model, question(9), fact(model, 9))
		if run := f.run(id); run.Dataset.Key != finetune.PrefixDatasets+model+"/"+file {
			t.Errorf("the record's key is %q, want that of %q", run.Dataset.Key, file)
		}
	}
	if n := len(f.Started()); n != 4 {
		t.Errorf("%d executions, want 4", n)
	}
}

// Ensure tuning.json and validation data are used, and that the versions at the
// check are: what is uploaded afterwards changes nothing.
func TestSettingsAndValidationDataArePinned(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default", func(s *bedrock.Scenario) { s.ModelUnits = map[string]int{quotaUncommitted: 2, quotaNovaLite: 2} })
	tuning, err := f.Upload(t.Context(), finetune.TuningKey("support"), strings.NewReader(
		`{"baseModel":"amazon.nova-lite-v1:0:300k","hyperparameters":{"epochCount":3,"learningRate":"0.00002"},"serving":{"mode":"provisioned","modelUnits":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	held := conversation("held out")
	f.put(finetune.ValidationKey("support"), held)
	f.whenEntered("SubmitJob", func(string) {
		f.overwrite(finetune.ValidationKey("support"), "this is no JSON\n")
		f.overwrite(finetune.TuningKey("support"), `{"hyperparameters":{"epochCount":1}}`)
	})
	f.answersAll() // whoever drops data cannot buy model units alone
	run, _ := f.train("support", conversation("first"), finetune.EndDeployed)

	f.checkTuned(run)
	if got := f.datasetReport(run.ID).TuningVersionID; got != tuning {
		t.Errorf("the report says that version %s of tuning.json was used, want %s", got, tuning)
	}
	accepted, err := f.ReadObject(t.Context(), finetune.AcceptedValidationKey(run.ID, run.Report.Validation.VersionID))
	if err != nil || string(accepted) != held {
		t.Errorf("the accepted validation data has %d bytes (%v), want the %d that were checked", len(accepted), err, len(held))
	}
	if run.Results.ValidationLoss == nil {
		t.Error("the results have no validation loss")
	}
	f.mustAnswer("support", question(10), fact("first", 10))
}

// quotaNovaLite is the quota of model units of Nova Lite.
const quotaNovaLite = "L-127FC9D0"

// checkTuned holds the job and the throughput against the test's tuning.json.
func (f *fixture) checkTuned(run registry.Run) {
	f.t.Helper()
	job := f.jobOf(run.ID)
	want := map[string]string{"epochCount": "3", "learningRate": "0.00002", "learningRateWarmupSteps": "10"}
	if job.BaseModel != "amazon.nova-lite-v1:0:300k" || !maps.Equal(job.HyperParameters, want) {
		f.t.Errorf("the job tunes %s with %v; want Nova Lite with %v", job.BaseModel, job.HyperParameters, want)
	}
	if uri := finetune.S3URI(f.Bucket(), finetune.AcceptedValidationKey(run.ID, run.Report.Validation.VersionID)); !slices.Equal(job.ValidationURIs, []string{uri}) {
		f.t.Errorf("the job's validators are %v, want %s", job.ValidationURIs, uri)
	}
	throughputs := f.Bedrock.Throughputs()
	if len(throughputs) != 1 || throughputs[0].Units != 2 || throughputs[0].Commitment != "" || len(f.Bedrock.Deployments()) != 0 {
		f.t.Errorf("served by %+v and %v; want a provisioned throughput of 2 units without commitment", throughputs, f.Bedrock.Deployments())
	}
}

// Ensure a tuning.json that cannot be meant is refused, naming the key, and that
// nothing is made for it.
func TestBadSettingsAreRejected(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	for model, test := range map[string]struct{ tuning, want string }{
		"unknown-key":   {`{"epochs":3}`, "epochs"},
		"unknown-inner": {`{"serving":{"units":3}}`, "serving.units"},
		"bad-number":    {`{"hyperparameters":{"epochCount":99}}`, "epochCount"},
		"bad-name":      {`{"hyperparameters":{"epochcount":2}}`, "epochcount"},
		"bad-mode":      {`{"serving":{"mode":"sometimes"}}`, "serving.mode"},
		"bad-model":     {`{"baseModel":"amazon.nova-nano-v1:0"}`, "amazon.nova-nano-v1:0"},
		"no-json":       {`baseModel: amazon.nova-micro-v1:0`, "tuning.json"},
	} {
		f.put(finetune.TuningKey(model), test.tuning)
		run, execution := f.train(model, conversation("first"), finetune.EndRejected)
		if run.Error != string(finetune.SettingsRejected) || !strings.Contains(run.Cause, test.want) || execution.Cause != run.Cause {
			t.Errorf("%s: ended %s (%s); want SettingsRejected naming %s", test.tuning, run.Error, run.Cause, test.want)
		}
		report := f.datasetReport(run.ID)
		if report.Accepted || !strings.Contains(strings.Join(report.SettingsProblems, "\n"), test.want) || report.Training != nil {
			t.Errorf("%s: the report says %+v; want the problem and no check of the data", test.tuning, report)
		}
		f.checkNothingSubmitted(run)
	}
}

// datasetReport reads what the check of a run's data found.
func (f *fixture) datasetReport(id finetune.RunID) datasetReport {
	f.t.Helper()
	var report datasetReport
	f.readJSON(finetune.DatasetReportKey(id), &report)
	return report
}

// findingOn returns the first finding on a line, or a zero one.
func findingOn(file *checkedFile, line int64) dataset.Finding {
	for _, finding := range file.Findings {
		if finding.Line == line {
			return finding
		}
	}
	return dataset.Finding{}
}

// jobOf returns the job of a run.
func (f *fixture) jobOf(id finetune.RunID) bedrock.Job {
	f.t.Helper()
	for _, job := range f.Bedrock.Jobs() {
		if strings.HasSuffix(job.Name, string(id)) {
			return job
		}
	}
	f.t.Fatalf("run %s has no job", id)
	return bedrock.Job{}
}

// overwrite uploads a new version of an object. It may run while a state is
// entered, so it fails the test without stopping it.
func (f *fixture) overwrite(key, text string) {
	if _, err := f.Upload(f.t.Context(), key, strings.NewReader(text)); err != nil {
		f.t.Error(err)
	}
}

// printed returns what the functions have logged so far.
func (f *fixture) printed() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logs.String()
}

// insertLine makes a line the n-th of a text.
func insertLine(text string, n int, line string) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(slices.Insert(lines, n-1, line+"\n"), "")
}
