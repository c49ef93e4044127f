package rehearsal

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/operator"
	"github.com/tuneline/tuneline/internal/registry"
)

// The model units the article's throughput needs: without commitment across
// all custom models, and of its base model.
const (
	quotaUncommitted = "L-BE77399C"
	quotaLlama8B     = "L-3632DE15"
)

// Ensure the article's example is refused once its base model is Legacy, before
// anything is made, with a report that names base models to use instead.
func TestArticleIsRejectedToday(t *testing.T) {
	t.Parallel()
	f := start(t, llama, "article-today")
	run, execution := f.train("ferry-desk", readExampleFile(t, llama, "train.jsonl"), finetune.EndRejected)

	if run.Error != string(finetune.SettingsRejected) || execution.Error != run.Error || execution.Cause != run.Cause {
		t.Errorf("the run ended with %s (%s), the execution with %s (%s); want SettingsRejected of both", run.Error, run.Cause, execution.Error, execution.Cause)
	}
	var report registry.Run
	f.readJSON(finetune.RunReportKey(run.ID), &report)
	if !strings.Contains(report.Cause, "Legacy") || !f.namesActiveModel(report.Cause) {
		t.Errorf("the report's cause is %q; want Legacy and an active base model in it", report.Cause)
	}
	if made := f.Created(); len(made) != 0 || len(f.jobRequests()) != 0 || run.Job != nil {
		t.Errorf("made %v with %d requests for a job, of which the record says %v; want nothing", made, len(f.jobRequests()), run.Job)
	}
	f.mustBeUnpublished("ferry-desk")
	if _, err := f.resume(run.ID); err == nil || !strings.Contains(err.Error(), "ended Rejected") {
		t.Errorf("resuming a rejected run: %v; want a refusal", err)
	}
}

// Ensure the article's example at the default quota keeps its trained model and
// buys nothing, says what to ask for, and goes on from that model once the units
// are granted, however often it is resumed.
func TestArticleAtDefaultQuotaIsResumed(t *testing.T) {
	t.Parallel()
	f := start(t, llama, "article-default-quota")
	run, execution := f.train("ferry-desk", readExampleFile(t, llama, "train.jsonl"), finetune.EndNeedsOperator)
	f.checkQuotaEnd(run, execution.Error, execution.Cause)

	f.Bedrock.GrantModelUnits(quotaUncommitted, 1)
	f.Bedrock.GrantModelUnits(quotaLlama8B, 1)
	var again string
	var againErr, runningErr error
	f.whenEntered("ValidateDataset", func(string) { again, againErr = f.resume(run.ID) })
	f.whenEntered("SmokeTest", func(string) { _, runningErr = f.resume(run.ID) })
	resumed, err := f.resume(run.ID)
	if err != nil {
		t.Fatal(err)
	}
	execution, err = f.Wait(t.Context(), resumed)
	if err != nil {
		t.Fatal(err)
	}
	if againErr != nil || again != resumed {
		t.Errorf("resuming at once again started %s (%v), want %s", again, againErr, resumed)
	}
	if runningErr == nil || !strings.Contains(runningErr.Error(), "still going on") {
		t.Errorf("resuming a running run: %v; want a refusal", runningErr)
	}
	after := f.run(run.ID)
	f.checkEnd(after, execution, finetune.EndDeployed)
	f.checkResumed(run, after)
	if _, err := f.resume(run.ID); err == nil || !strings.Contains(err.Error(), "deployed already") {
		t.Errorf("resuming a deployed run: %v; want a refusal", err)
	}
	if n := f.executions(); n != 2 {
		t.Errorf("%d executions, want 2: the upload's and the resumed one", n)
	}
	f.learnt("ferry-desk", run.Report.Settings.BaseModel, readHeldOut(t, llama))
}

// checkQuotaEnd holds what a run leaves that ends for want of model units.
func (f *fixture) checkQuotaEnd(run registry.Run, executionError, executionCause string) {
	f.t.Helper()
	if run.Error != string(finetune.ModelUnitQuota) || executionError != run.Error || executionCause != run.Cause {
		f.t.Errorf("the run ended with %s, the execution with %s (%s); want ModelUnitQuota of both", run.Error, executionError, executionCause)
	}
	for _, want := range []string{quotaUncommitted, "tuneline resume " + string(run.ID)} {
		if !strings.Contains(run.Cause, want) {
			f.t.Errorf("the cause is %q; want %q in it", run.Cause, want)
		}
	}
	models := f.Bedrock.Models()
	if len(models) != 1 || run.CustomModel == nil || run.CustomModel.ARN != models[0].ARN {
		f.t.Errorf("kept the models %v, and %v in the record; want one and the same", models, run.CustomModel)
	}
	if ledger := f.Bedrock.Ledger(); len(ledger) != 0 {
		f.t.Errorf("billed were %v; want nothing", ledger)
	}
	f.noHourlyBill()
	f.mustBeUnpublished(run.Model)
}

// checkResumed holds what a resumed run is after it was deployed against what it
// was before.
func (f *fixture) checkResumed(before, after registry.Run) {
	f.t.Helper()
	if n := len(f.jobRequests()); n != 1 || len(f.Bedrock.Jobs()) != 1 || len(f.Bedrock.Models()) != 1 {
		f.t.Errorf("%d requests for a job and %d models; want one training", n, len(f.Bedrock.Models()))
	}
	if len(after.EarlierExecutionARNs) != 1 || after.EarlierExecutionARNs[0] != before.ExecutionARN {
		f.t.Errorf("earlier executions are %v, want %s", after.EarlierExecutionARNs, before.ExecutionARN)
	}
	if after.Error != "" || after.Cause != "" || after.CustomModel.ARN != before.CustomModel.ARN {
		f.t.Errorf("the record says %q, %q and model %s", after.Error, after.Cause, after.CustomModel.ARN)
	}
	throughputs := f.Bedrock.Throughputs()
	if len(throughputs) != 1 || throughputs[0].ModelARN != before.CustomModel.ARN || after.Endpoint.ModelID != throughputs[0].ARN {
		f.t.Errorf("served by %v, published as %v; want one throughput with the trained model", throughputs, after.Endpoint)
	}
	if model := f.model(after.Model); model.Serving == nil || model.Serving.Run.ID != after.ID || len(model.History) != 1 {
		f.t.Errorf("the registry says %+v; want run %s served", model, after.ID)
	}
}

// resume resumes a run as an operator does.
func (f *fixture) resume(id finetune.RunID) (string, error) {
	return operator.Resume(f.t.Context(), f.Operator().SFN, f.Registry(), f.Machine().ARN, id)
}

// executions counts the executions of the machine.
func (f *fixture) executions() int {
	f.t.Helper()
	out, err := f.Operator().SFN.ListExecutions(f.t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(f.Machine().ARN)})
	if err != nil {
		f.t.Fatal(err)
	}
	return len(out.Executions)
}

// namesActiveModel says whether a text names a base model that is Active on the
// scenario's day.
func (f *fixture) namesActiveModel(text string) bool {
	f.t.Helper()
	known, err := catalog.Load()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, model := range known.Active(f.Clock.Now()) {
		if strings.Contains(text, model.ID) {
			return true
		}
	}
	return false
}

// mustBeUnpublished fails the test when callers can reach a model.
func (f *fixture) mustBeUnpublished(model string) {
	f.t.Helper()
	record, err := f.Registry().Model(f.t.Context(), model)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		f.t.Fatal(err)
	}
	if record.Serving != nil {
		f.t.Errorf("model %s is served by %v", model, record.Serving)
	}
	status, body, err := f.Converse(f.t.Context(), model, []byte(`{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}`))
	if err != nil || status != 404 {
		f.t.Errorf("asking it: %d %s, %v; want 404", status, body, err)
	}
}
