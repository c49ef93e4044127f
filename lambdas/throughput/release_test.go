package main

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// TestEnds: every kind has its end, with and without a trained model.
func TestEnds(t *testing.T) {
	special := map[finetune.Kind][2]string{ // without a model, with one
		finetune.DatasetRejected:   {finetune.EndRejected, finetune.EndRejected},
		finetune.SettingsRejected:  {finetune.EndRejected, finetune.EndRejected},
		finetune.Superseded:        {finetune.EndSuperseded, finetune.EndSuperseded},
		finetune.ModelUnitQuota:    {finetune.EndNeedsOperator, finetune.EndNeedsOperator},
		finetune.ReleaseUnfinished: {finetune.EndNeedsOperator, finetune.EndNeedsOperator},
		finetune.Busy:              {finetune.EndFailed, finetune.EndNeedsOperator},
	}
	for _, kind := range finetune.Kinds() {
		want, ok := special[kind]
		if !ok {
			want = [2]string{finetune.EndFailed, finetune.EndFailed}
		}
		if got := [2]string{endOf(kind, false, nil), endOf(kind, true, nil)}; got != want {
			t.Errorf("%s ends %v; want %v", kind, got, want)
		}
		if got := endOf(kind, false, []string{"left"}); got != finetune.EndNeedsOperator {
			t.Errorf("%s with something left ends %s", kind, got)
		}
	}
}

func TestReadFailure(t *testing.T) {
	tests := map[string]struct {
		failure finetune.Failure
		kind    finetune.Kind
		cause   string
	}{
		"a function's":     {finetune.Failure{Error: "Busy", Cause: `{"errorMessage":"quota used up","errorType":"Busy"}`}, finetune.Busy, "quota used up"},
		"a Pass state's":   {finetune.Failure{Error: "JobFailed", Cause: "Unable to parse"}, finetune.JobFailed, "Unable to parse"},
		"Step Functions'":  {finetune.Failure{Error: "States.Timeout"}, finetune.Internal, "States.Timeout"},
		"a killed process": {finetune.Failure{Error: "Runtime.ExitError", Cause: `{"errorType":"Runtime.ExitError","errorMessage":"exit status 2"}`}, finetune.Internal, "Runtime.ExitError: exit status 2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if kind, cause := readFailure(test.failure); kind != test.kind || cause != test.cause {
				t.Errorf("got %s, %q; want %s, %q", kind, cause, test.kind, test.cause)
			}
		})
	}
}

// TestReleaseUnclaimed: an execution that never owned a run leaves a report.
func TestReleaseUnclaimed(t *testing.T) {
	w := newWorld()
	closing, err := w.released(t, 1, finetune.SettingsRejected, `{"errorMessage":"the key is too deep"}`)
	if err != nil || closing.End != finetune.EndRejected || closing.Error != "SettingsRejected" {
		t.Errorf("got %+v, %v", closing, err)
	}
	says(t, closing.Cause, "the key is too deep.", "upload", "s3://bucket/reports/"+string(run(1).ID)+"/run.json")
	var report registry.Run
	if err := json.Unmarshal(w.bucket.objects[finetune.RunReportKey(run(1).ID)], &report); err != nil || report.End != finetune.EndRejected || report.Dataset != upload(1) {
		t.Errorf("the report is %+v, %v", report, err)
	}
	if w.bucket.objects[finetune.RunKey(run(1).ID)] != nil {
		t.Error("the run was claimed by releasing it")
	}
	w.did(t)
}

// TestReleaseAnothersRun: an execution touches no run but its own.
func TestReleaseAnothersRun(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	if _, err := w.secured(t, 1, onDemand); err != nil {
		t.Fatal(err)
	}
	w.fake.calls = nil
	before := w.record(t, 1)
	out, err := w.Handle(t.Context(), finetune.ThroughputInput{Action: finetune.ActionRelease, ExecutionARN: execution(7), Dataset: ptr(upload(1)), Error: &finetune.Failure{Error: "Internal"}})
	if closing, _ := out.(finetune.Closing); err != nil || closing.End != finetune.EndDuplicate {
		t.Errorf("got %+v, %v; want Duplicate", out, err)
	}
	w.did(t)
	if after := w.record(t, 1); after.Closed || after.End != before.End {
		t.Errorf("the record became %+v", after)
	}
}

func TestReleaseStopsTheJob(t *testing.T) {
	tests := map[string]struct {
		job     finetune.Job
		status  types.ModelCustomizationJobStatus
		refusal error
		want    []string
		end     string
		resume  bool
	}{
		"going on":                {job: finetune.Job{ARN: "arn:job"}, status: types.ModelCustomizationJobStatusInProgress, want: []string{"StopModelCustomizationJob arn:job"}, end: finetune.EndFailed},
		"submitted, answer lost":  {job: finetune.Job{Name: run(1).Name()}, status: types.ModelCustomizationJobStatusInProgress, want: []string{"StopModelCustomizationJob " + run(1).Name()}, end: finetune.EndFailed},
		"never submitted":         {job: finetune.Job{Name: run(1).Name()}, end: finetune.EndFailed},
		"stopping":                {job: finetune.Job{ARN: "arn:job"}, status: types.ModelCustomizationJobStatusStopping, end: finetune.EndFailed},
		"completed unseen":        {job: finetune.Job{ARN: "arn:job"}, status: types.ModelCustomizationJobStatusCompleted, end: finetune.EndFailed, resume: true},
		"has just ended":          {job: finetune.Job{ARN: "arn:job"}, status: types.ModelCustomizationJobStatusInProgress, refusal: refused(conflict), want: []string{"StopModelCustomizationJob arn:job"}, end: finetune.EndFailed},
		"stopping is not allowed": {job: finetune.Job{ARN: "arn:job"}, status: types.ModelCustomizationJobStatusInProgress, refusal: refused("AccessDeniedException"), want: []string{"StopModelCustomizationJob arn:job"}, end: finetune.EndNeedsOperator},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			_, err := w.store.Claim(t.Context(), registry.Run{ID: run(1).ID, Model: "support", Dataset: upload(1), ExecutionARN: execution(1), Report: &finetune.Report{Run: run(1)}, Job: &test.job})
			if err != nil {
				t.Fatal(err)
			}
			if test.status != "" {
				id := test.job.ARN + test.job.Name
				w.fake.jobs[id] = &bedrock.GetModelCustomizationJobOutput{Status: test.status}
				if test.resume {
					w.fake.jobs[id].OutputModelArn = aws.String(modelARN(1))
				}
			}
			if test.refusal != nil {
				w.fake.refusals["StopModelCustomizationJob"] = []error{test.refusal}
			}
			closing, err := w.releasedByRule(t, 1, "ABORTED")
			if err != nil || closing.End != test.end {
				t.Errorf("got %+v, %v; want end %s", closing, err, test.end)
			}
			w.did(t, test.want...)
			record := w.record(t, 1)
			if !record.Closed || record.End != test.end || test.resume != (record.CustomModel != nil) {
				t.Errorf("the record is %+v", record)
			}
			if test.resume {
				says(t, closing.Cause, "tuneline resume "+string(run(1).ID), modelARN(1))
			}
			if test.end == finetune.EndNeedsOperator {
				says(t, closing.Cause, "aws bedrock stop-model-customization-job --job-identifier arn:job")
			}
		})
	}
}

// TestReleaseWhatWasBought: deleted, by its ARN or by its name, and only that.
func TestReleaseWhatWasBought(t *testing.T) {
	for name, settings := range map[string]finetune.Settings{"DeleteCustomModelDeployment": onDemand, "DeleteProvisionedModelThroughput": provisioned} {
		for _, intentOnly := range []bool{false, true} {
			w := newWorld()
			w.trained(t, 1)
			w.trained(t, 2)
			for n := 1; n <= 2; n++ {
				if _, err := w.secured(t, n, settings); err != nil {
					t.Fatal(err)
				}
			}
			if intentOnly {
				_, err := w.store.UpdateRun(t.Context(), run(1).ID, func(r *registry.Run) error { r.Throughput.ARN = ""; return nil })
				if err != nil {
					t.Fatal(err)
				}
			}
			w.fake.calls = nil
			closing, err := w.released(t, 1, finetune.ThroughputFailed, "Bedrock says no")
			if err != nil || closing.End != finetune.EndFailed || closing.Error != "ThroughputFailed" {
				t.Errorf("%s: got %+v, %v", name, closing, err)
			}
			says(t, closing.Cause, "Bedrock says no.", "tuneline resume "+string(run(1).ID))
			w.did(t, name+" "+run(1).Name())
			again, err := w.releasedByRule(t, 1, "FAILED")
			if err != nil || again != closing {
				t.Errorf("%s: the second call answers %+v, %v; want %+v", name, again, err, closing)
			}
			w.did(t)
		}
	}
}

// TestReleaseRestores: a throughput the run re-pointed serves its earlier model
// again, and the lease is free.
func TestReleaseRestores(t *testing.T) {
	w := newWorld()
	served := w.deployed(t, 1, provisioned)
	w.trained(t, 2)
	if _, err := w.secured(t, 2, provisioned); err != nil {
		t.Fatal(err)
	}
	_, err := w.released(t, 2, finetune.ThroughputOverdue, "too slow")
	wantKind(t, err, finetune.Busy, served.ARN)
	if record := w.record(t, 2); record.End != "" || !record.Closed {
		t.Errorf("while it must wait, the record is %+v", record)
	}
	w.ready(served.ARN)
	w.fake.calls = nil
	closing, err := w.released(t, 2, finetune.ThroughputOverdue, "too slow")
	if err != nil || closing.End != finetune.EndFailed {
		t.Errorf("got %+v, %v", closing, err)
	}
	w.did(t, "UpdateProvisionedModelThroughput "+modelARN(1))
	if m := w.model(t); m.Lease != nil || m.Serving.Run.ID != run(1).ID {
		t.Errorf("the model's record is %+v", m)
	}
}

// TestReleaseRefused: what cannot be released is named with ARN, reason and
// command, and tried again when the rule calls.
func TestReleaseRefused(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	throughput, err := w.secured(t, 1, provisioned)
	if err != nil {
		t.Fatal(err)
	}
	w.ready(throughput.ARN)
	w.fake.throughputs[throughput.ARN].CommitmentExpirationTime = ptr(noon.Add(30 * 24 * time.Hour))
	w.fake.refusals["DeleteProvisionedModelThroughput"] = []error{refused(invalid)}
	closing, err := w.released(t, 1, finetune.SmokeTestFailed, "empty")
	if err != nil || closing.End != finetune.EndNeedsOperator || closing.Error != string(finetune.ReleaseUnfinished) {
		t.Errorf("got %+v, %v", closing, err)
	}
	says(t, closing.Cause, "empty.", throughput.ARN, "2026-12-23T12:00:00Z", "aws bedrock delete-provisioned-model-throughput --provisioned-model-id "+throughput.ARN)
	if record := w.record(t, 1); record.Error != string(finetune.SmokeTestFailed) {
		t.Errorf("the record's error is %s", record.Error)
	}
	closing, err = w.releasedByRule(t, 1, "FAILED")
	if err != nil || closing.End != finetune.EndFailed || closing.Error != string(finetune.SmokeTestFailed) || w.record(t, 1).Unreleased != nil {
		t.Errorf("once it can be released: %+v, %v", closing, err)
	}
	if got := w.record(t, 1).Cause; got != "empty. "+nextStep(w.record(t, 1), finetune.SmokeTestFailed) {
		t.Errorf("the cause still names what was left: %q", got)
	}
}

// TestReleaseByRuleMustWait: nobody retries for the rule as long as the state
// machine would, so what is left is written down before it is tried again.
func TestReleaseByRuleMustWait(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	throughput, err := w.secured(t, 1, onDemand)
	if err != nil {
		t.Fatal(err)
	}
	w.fake.refusals["DeleteCustomModelDeployment"] = []error{refused(conflict)}
	_, err = w.releasedByRule(t, 1, "TIMED_OUT")
	wantKind(t, err, finetune.Busy, throughput.ARN)
	record := w.record(t, 1)
	if record.End != finetune.EndNeedsOperator {
		t.Errorf("the record is %+v", record)
	}
	says(t, record.Cause, "TIMED_OUT", "aws bedrock delete-custom-model-deployment --custom-model-deployment-identifier "+throughput.ARN)
	closing, err := w.releasedByRule(t, 1, "TIMED_OUT")
	if err != nil || closing.End != finetune.EndFailed || len(w.fake.deployments) != 0 {
		t.Errorf("the retry answers %+v, %v", closing, err)
	}
}

// TestReleaseAnywhereKilled: killed before any write and called again, it ends
// in the same state as if it had not been killed.
func TestReleaseAnywhereKilled(t *testing.T) {
	killed := errors.New("killed")
	for writes := range 8 {
		w := newWorld()
		served := w.deployed(t, 1, provisioned)
		w.trained(t, 2)
		if _, err := w.secured(t, 2, provisioned); err != nil {
			t.Fatal(err)
		}
		w.ready(served.ARN)
		left := writes
		w.bucket.before = func(string) error {
			if left == 0 {
				return killed
			}
			left--
			return nil
		}
		_, err := w.released(t, 2, finetune.SmokeTestFailed, "empty")
		w.bucket.before = nil
		if err != nil && !errors.Is(err, killed) {
			t.Fatal(err)
		}
		closing, err := w.released(t, 2, finetune.SmokeTestFailed, "empty")
		if err != nil || closing.End != finetune.EndFailed {
			t.Fatalf("after %d writes: %+v, %v", writes, closing, err)
		}
		m := w.model(t)
		if m.Lease != nil || aws.ToString(w.fake.throughputs[served.ARN].DesiredModelArn) != modelARN(1) || w.bucket.objects[finetune.RunReportKey(run(2).ID)] == nil {
			t.Errorf("after %d writes: model %+v serves %s", writes, m, *w.fake.throughputs[served.ARN].DesiredModelArn)
		}
	}
}

// TestReleaseDeployed: a published run stays Deployed and keeps what it bought,
// even when its execution never came to say so.
func TestReleaseDeployed(t *testing.T) {
	w := newWorld()
	served := w.deployed(t, 1, onDemand)
	before := w.record(t, 1)
	_, err := w.store.UpdateRun(t.Context(), run(1).ID, func(r *registry.Run) error { r.End, r.Endpoint, r.EndedAt = "", nil, nil; return nil })
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		closing, err := w.releasedByRule(t, 1, "ABORTED")
		if err != nil || closing.End != finetune.EndDeployed {
			t.Errorf("got %+v, %v", closing, err)
		}
		says(t, closing.Cause, served.ARN, "ABORTED")
	}
	w.did(t)
	if after := w.record(t, 1); after.End != finetune.EndDeployed || after.Closed || *after.Endpoint != *before.Endpoint {
		t.Errorf("the record is %+v", after)
	}
	w.deployed(t, 2, onDemand)
	if _, err := w.releasedByRule(t, 1, "ABORTED"); err != nil {
		t.Fatal(err)
	}
	w.did(t)
	if w.fake.deployments[served.ARN] == nil {
		t.Error("the deployment kept for a rollback was deleted")
	}
}

// Ensure an execution that ended before it claimed a run releases nothing and
// is not an error that Lambda would try again.
func TestReleaseOfAnExecutionThatNeverBegan(t *testing.T) {
	w := newWorld()
	out, err := w.Handle(t.Context(), finetune.ThroughputInput{Action: finetune.ActionRelease, ExecutionARN: "arn:unknown", Status: "ABORTED"})
	closing, _ := out.(finetune.Closing)
	if err != nil || closing.End != finetune.EndFailed || len(w.bucket.objects) != 0 {
		t.Errorf("got %+v, %v, objects %v", closing, err, w.bucket.objects)
	}
}
