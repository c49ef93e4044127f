package main

import (
	"encoding/json"
	"errors"
	"maps"
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
		finetune.SpendUnanswered:   {finetune.EndNeedsOperator, finetune.EndNeedsOperator},
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

func TestReleaseStopsTheJob(t *testing.T) {
	const inProgress, completed = types.ModelCustomizationJobStatusInProgress, types.ModelCustomizationJobStatusCompleted
	known, intent := finetune.Job{ARN: "arn:job"}, finetune.Job{Name: run(1).Name()}
	stop := []string{"StopModelCustomizationJob arn:job"}
	tests := map[string]struct {
		job     finetune.Job
		status  types.ModelCustomizationJobStatus
		refusal error
		// becomes is what the job is once it refused.
		becomes types.ModelCustomizationJobStatus
		want    []string
		end     string
		resume  bool
	}{
		"going on":                {job: known, status: inProgress, want: stop, end: finetune.EndFailed},
		"submitted, answer lost":  {job: intent, status: inProgress, want: stop, end: finetune.EndFailed},
		"never submitted":         {job: intent, end: finetune.EndFailed},
		"stopping":                {job: known, status: types.ModelCustomizationJobStatusStopping, end: finetune.EndFailed},
		"completed unseen":        {job: known, status: completed, end: finetune.EndFailed, resume: true},
		"has just completed":      {job: intent, status: inProgress, refusal: refused(conflict), becomes: completed, want: stop, end: finetune.EndFailed, resume: true},
		"has just failed":         {job: known, status: inProgress, refusal: refused(conflict), becomes: types.ModelCustomizationJobStatusFailed, want: stop, end: finetune.EndFailed},
		"has just been deleted":   {job: known, status: inProgress, refusal: refused(notFound), want: stop, end: finetune.EndFailed},
		"stopping is not allowed": {job: intent, status: inProgress, refusal: refused("AccessDeniedException"), want: stop, end: finetune.EndNeedsOperator},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			_, err := w.store.Claim(t.Context(), registry.Run{ID: run(1).ID, Model: "support", Dataset: upload(1), ExecutionARN: execution(1), Report: &finetune.Report{Run: run(1)}, Job: &test.job})
			if err != nil {
				t.Fatal(err)
			}
			if test.status != "" {
				job := &bedrock.GetModelCustomizationJobOutput{JobArn: aws.String("arn:job"), JobName: aws.String(run(1).Name()), Status: test.status, OutputModelArn: aws.String(modelARN(1))}
				w.fake.jobs["arn:job"] = job
				w.fake.after["StopModelCustomizationJob"] = func() { job.Status = test.becomes }
			}
			if test.refusal != nil {
				w.fake.refusals["StopModelCustomizationJob"] = []error{test.refusal}
			}
			closing, err := w.releasedByRule(t, 1, "ABORTED")
			if test.status == "" { // the step may be about to submit it
				wantKind(t, err, finetune.Busy)
				closing, err = w.releasedByRule(t, 1, "ABORTED")
			}
			if err != nil || closing.End != test.end {
				t.Errorf("got %+v, %v; want end %s", closing, err, test.end)
			}
			w.did(t, test.want...)
			record := w.record(t, 1)
			if !record.Closed || record.End != test.end || test.resume != (record.CustomModel != nil) {
				t.Errorf("the record is %+v", record)
			}
			if test.resume {
				says(t, closing.Cause, resumption(1), modelARN(1))
			}
			if test.end == finetune.EndNeedsOperator {
				says(t, closing.Cause, "aws bedrock stop-model-customization-job --job-identifier arn:job")
			}
		})
	}
}

// TestReleaseOfAJobThatCannotBeStopped: at the moment, while it goes on.
func TestReleaseOfAJobThatCannotBeStopped(t *testing.T) {
	w := newWorld()
	_, err := w.store.Claim(t.Context(), registry.Run{ID: run(1).ID, Model: "support", Dataset: upload(1), ExecutionARN: execution(1), Job: &finetune.Job{ARN: "arn:job"}})
	if err != nil {
		t.Fatal(err)
	}
	w.fake.jobs["arn:job"] = &bedrock.GetModelCustomizationJobOutput{JobArn: aws.String("arn:job"), Status: types.ModelCustomizationJobStatusInProgress}
	w.fake.refusals["StopModelCustomizationJob"] = []error{refused(conflict)}
	_, err = w.released(t, 1, finetune.JobOverdue, "too slow")
	wantKind(t, err, finetune.Busy, "arn:job")
	closing, err := w.released(t, 1, finetune.JobOverdue, "too slow")
	if err != nil || closing.End != finetune.EndFailed || w.fake.jobs["arn:job"].Status != types.ModelCustomizationJobStatusStopping {
		t.Errorf("the retry answers %+v, %v", closing, err)
	}
}

// resumption is the command that goes on with the nth run.
func resumption(n int) string {
	return "tuneline resume " + string(run(n).ID) + " --bucket bucket --state-machine arn:aws:states:us-east-1:111122223333:stateMachine:tuneline"
}

// TestReleaseWhatWasBought: deleted, by its ARN or by its name, and only that.
func TestReleaseWhatWasBought(t *testing.T) {
	for name, settings := range map[string]finetune.Settings{"DeleteCustomModelDeployment": onDemand, "DeleteProvisionedModelThroughput": provisioned} {
		for _, intentOnly := range []bool{false, true} {
			w := newWorld()
			w.trained(t, 1)
			if _, err := w.secured(t, 1, settings); err != nil {
				t.Fatal(err)
			}
			w.another(t)
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
			says(t, closing.Cause, "Bedrock says no.", resumption(1)+".")
			w.did(t, name+" "+run(1).Name())
			if lease := w.model(t).Lease; lease != nil {
				t.Errorf("%s: the lease is still held: %+v", name, lease)
			}
			again, err := w.releasedByRule(t, 1, "FAILED")
			if err != nil || again != closing {
				t.Errorf("%s: the second call answers %+v, %v; want %+v", name, again, err, closing)
			}
			w.did(t)
		}
	}
}

// another lets somebody else make a deployment and buy a throughput.
func (w *world) another(t *testing.T) {
	t.Helper()
	_, err := w.fake.CreateCustomModelDeployment(t.Context(), &bedrock.CreateCustomModelDeploymentInput{ModelDeploymentName: aws.String("support-other")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.fake.CreateProvisionedModelThroughput(t.Context(), &bedrock.CreateProvisionedModelThroughputInput{ProvisionedModelName: aws.String("support-other")})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReleaseKeepsTheLeaseWhileDeleting: nobody else buys before what this run
// bought is gone.
func TestReleaseKeepsTheLeaseWhileDeleting(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	if _, err := w.secured(t, 1, provisioned); err != nil {
		t.Fatal(err)
	}
	w.fake.refusals["DeleteProvisionedModelThroughput"] = []error{refused(conflict)}
	_, err := w.released(t, 1, finetune.ThroughputOverdue, "too slow")
	wantKind(t, err, finetune.Busy)
	w.trained(t, 2)
	_, err = w.secured(t, 2, provisioned)
	wantKind(t, err, finetune.Busy, string(run(1).ID))
	if closing, err := w.released(t, 1, finetune.ThroughputOverdue, "too slow"); err != nil || closing.End != finetune.EndFailed {
		t.Fatalf("released: %+v, %v", closing, err)
	}
	if _, err := w.secured(t, 2, provisioned); err != nil {
		t.Errorf("the second run does not buy: %v", err)
	}
	if len(w.fake.throughputs) != 1 {
		t.Errorf("%d throughputs stand, want the second run's", len(w.fake.throughputs))
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
	w.fake.refusals["UpdateProvisionedModelThroughput"] = []error{refused(invalid)}
	w.fake.after["UpdateProvisionedModelThroughput"] = func() {
		w.fake.throughputs[served.ARN].Status = types.ProvisionedModelStatusUpdating
	}
	_, err = w.released(t, 2, finetune.ThroughputOverdue, "too slow")
	wantKind(t, err, finetune.Busy, served.ARN)
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

// TestReleaseByRuleMustWait: what trying again may mend is not written down as
// left over; the release machine tries again, and the end is recorded once.
func TestReleaseByRuleMustWait(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	throughput, err := w.secured(t, 1, onDemand)
	if err != nil {
		t.Fatal(err)
	}
	w.fake.refusals["DeleteCustomModelDeployment"] = []error{refused(conflict)}
	_, err = w.releasedByRule(t, 1, "TIMED_OUT")
	wantKind(t, err, finetune.Busy, "aws bedrock delete-custom-model-deployment --custom-model-deployment-identifier "+throughput.ARN)
	if record := w.record(t, 1); record.End != "" || record.Unreleased != nil || !record.Closed {
		t.Errorf("the record is %+v, want it closed and without an end", record)
	}
	closing, err := w.releasedByRule(t, 1, "TIMED_OUT")
	if err != nil || closing.End != finetune.EndFailed || len(w.fake.deployments) != 0 {
		t.Errorf("the retry answers %+v, %v", closing, err)
	}
	says(t, w.record(t, 1).Cause, "TIMED_OUT")
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

// TestReleaseAwaitsAStepAtWork: what a step makes after its execution ended and
// the run was closed, before it is killed itself, is found by the second look.
func TestReleaseAwaitsAStepAtWork(t *testing.T) {
	tests := map[string]struct {
		// n is the run whose step is killed; run 1 is served before run 2.
		n        int
		settings finetune.Settings
		// undone is the call that undoes what took effect late, none for nothing.
		undone []string
	}{
		"deploying":    {1, onDemand, []string{"DeleteCustomModelDeployment " + run(1).Name()}},
		"buying":       {1, provisioned, []string{"DeleteProvisionedModelThroughput " + run(1).Name()}},
		"re-pointing":  {2, provisioned, []string{"UpdateProvisionedModelThroughput " + modelARN(1)}},
		"nothing came": {1, provisioned, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if test.n == 2 {
				w.deployed(t, 1, test.settings)
			}
			w.trained(t, test.n)
			takeEffect := w.killedWhileSecuring(t, test.n, test.settings)
			_, err := w.releasedByRule(t, test.n, "ABORTED")
			wantKind(t, err, finetune.Busy, "does not show yet", string(run(test.n).ID))
			if record := w.record(t, test.n); !record.Closed || record.End != "" {
				t.Errorf("the record is %+v; want it closed, without an end", record)
			}
			w.did(t)
			if test.undone != nil {
				takeEffect()
			}
			closing, err := w.releasedByRule(t, test.n, "ABORTED")
			if err != nil || closing.End != finetune.EndFailed || w.model(t).Lease != nil {
				t.Errorf("got %+v, %v, lease %+v", closing, err, w.model(t).Lease)
			}
			w.did(t, test.undone...)
		})
	}
}

// killedWhileSecuring lets the nth run's step be killed before it writes down
// what it made or re-pointed, which takes effect when takeEffect is called.
func (w *world) killedWhileSecuring(t *testing.T, n int, s finetune.Settings) (takeEffect func()) {
	t.Helper()
	deployments, throughputs := maps.Clone(w.fake.deployments), maps.Clone(w.fake.throughputs)
	killed := errors.New("killed")
	writes := 0
	w.bucket.before = func(key string) error {
		if key == finetune.RunKey(run(n).ID) {
			writes++
		}
		if writes == 2 { // the first is what it is about to do
			return killed
		}
		return nil
	}
	if _, err := w.secured(t, n, s); !errors.Is(err, killed) {
		t.Fatalf("securing answers %v", err)
	}
	w.bucket.before = nil
	w.fake.calls = nil
	made, bought := w.fake.deployments, w.fake.throughputs
	w.fake.deployments, w.fake.throughputs = deployments, throughputs
	for arn, p := range throughputs { // as it was before it was re-pointed
		before := *p
		before.DesiredModelArn = before.ModelArn
		before.Status = types.ProvisionedModelStatusInService
		throughputs[arn] = &before
	}
	return func() {
		w.fake.deployments, w.fake.throughputs = made, bought
		for arn := range bought {
			w.ready(arn)
		}
	}
}

// TestReleaseRestoresWithoutItsLease: what a run re-pointed is pointed back also
// when a step of it has given the lease back, unless somebody else has taken it.
func TestReleaseRestoresWithoutItsLease(t *testing.T) {
	for name, taken := range map[string]bool{"given back": false, "taken by another": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			served := w.deployed(t, 1, provisioned)
			w.trained(t, 2)
			if _, err := w.secured(t, 2, provisioned); err != nil {
				t.Fatal(err)
			}
			w.ready(served.ARN)
			w.fake.calls = nil
			_, err := w.store.UpdateModel(t.Context(), "support", func(m *registry.Model) error {
				m.Lease = nil
				if taken {
					m.Lease = &registry.Lease{Run: run(3), ThroughputARN: served.ARN, PreviousModelARN: modelARN(1)}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			closing, err := w.releasedByRule(t, 2, "ABORTED")
			if err != nil || closing.End != finetune.EndFailed {
				t.Errorf("got %+v, %v", closing, err)
			}
			want := modelARN(1)
			if taken {
				want = modelARN(2) // the lease's holder re-points it
			}
			if got := aws.ToString(w.fake.throughputs[served.ARN].DesiredModelArn); got != want {
				t.Errorf("the throughput serves %s, want %s", got, want)
			}
			if m := w.model(t); (m.Lease != nil) != taken {
				t.Errorf("the lease is %+v", m.Lease)
			}
		})
	}
}

// TestReleaseTwiceAtOnce: of two releases that give different reasons the one
// that is recorded first counts, and the report says what the record says, also
// when whoever recorded it was killed before it reported.
func TestReleaseTwiceAtOnce(t *testing.T) {
	for name, killed := range map[string]bool{"both go on": false, "the faster is killed": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.trained(t, 1)
			end := finetune.RunKey(run(1).ID)
			writes := 0
			w.bucket.before = func(key string) error {
				if writes++; key != end || writes != 2 { // the first write closes the run, the second is its end
					return nil
				}
				w.bucket.before = func(key string) error {
					if killed && key == finetune.RunReportKey(run(1).ID) {
						return errors.New("killed")
					}
					return nil
				}
				if _, err := w.releasedByRule(t, 1, "ABORTED"); (err != nil) != killed {
					t.Errorf("the faster release answers %v", err)
				}
				w.bucket.before = nil
				return nil
			}
			if _, err := w.released(t, 1, finetune.ResultsRejected, "the loss rose"); err != nil {
				t.Fatal(err)
			}
			var report registry.Run
			if err := json.Unmarshal(w.bucket.objects[finetune.RunReportKey(run(1).ID)], &report); err != nil {
				t.Fatal(err)
			}
			if record := w.record(t, 1); record.Error != string(finetune.RunClosed) || report.Error != record.Error || report.Cause != record.Cause {
				t.Errorf("recorded %s (%s), reported %s (%s); want what was recorded first", record.Error, record.Cause, report.Error, report.Cause)
			}
		})
	}
}

// TestReleaseReportsAnEarlierEnd: a release that finds the end recorded reports
// it, for whoever recorded it may have been killed before it could.
func TestReleaseReportsAnEarlierEnd(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	first, err := w.released(t, 1, finetune.ResultsRejected, "the loss rose")
	if err != nil {
		t.Fatal(err)
	}
	delete(w.bucket.objects, finetune.RunReportKey(run(1).ID))
	again, err := w.releasedByRule(t, 1, "FAILED")
	if err != nil || again != first {
		t.Errorf("the second release answers %+v, %v; want %+v", again, err, first)
	}
	var report registry.Run
	if err := json.Unmarshal(w.bucket.objects[finetune.RunReportKey(run(1).ID)], &report); err != nil || report.End != first.End {
		t.Errorf("the report is %+v, %v", report, err)
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

// Ensure a deletion that a policy refuses, of something that is gone and so has
// no tags any more, leaves nothing to a person.
func TestReleaseOfWhatIsGone(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	bought, err := w.secured(t, 1, provisioned)
	if err != nil {
		t.Fatal(err)
	}
	delete(w.fake.throughputs, bought.ARN)
	w.fake.refusals["DeleteProvisionedModelThroughput"] = []error{refused(accessDenied)}
	closing, err := w.released(t, 1, finetune.SmokeTestFailed, "no answer")
	if err != nil || closing.End != finetune.EndFailed {
		t.Errorf("got %+v, %v; want the end %s", closing, err, finetune.EndFailed)
	}
}
