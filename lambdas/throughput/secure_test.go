package main

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// TestRequests holds the three requests that cost money against golden files.
func TestRequests(t *testing.T) {
	p := purchase{run: run(1), settings: provisioned, model: finetune.Model{ARN: modelARN(1)}, stack: "stack", attempt: 2}
	hourly, err := provisionedInput(p)
	if err != nil {
		t.Fatal(err)
	}
	if hourly.CommitmentDuration != "" {
		t.Errorf("no commitment is asked for as %q", hourly.CommitmentDuration)
	}
	committed := p
	committed.settings.Serving.Commitment = "OneMonth"
	monthly, err := provisionedInput(committed)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "deployment", deploymentInput(p))
	golden(t, "provisioned", hourly)
	golden(t, "provisioned-committed", monthly)
	golden(t, "repoint", repointInput("arn:throughput", modelARN(1)))
	golden(t, "smoketest", smokeInput("arn:throughput"))
	p.settings.Serving.ModelUnits = 0
	_, err = provisionedInput(p)
	wantKind(t, err, finetune.SettingsRejected, "at least 1")
}

func TestSecureOnDemand(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	got, err := w.secured(t, 1, onDemand)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "secured-on-demand", got)
	w.did(t, "CreateCustomModelDeployment "+run(1).Name())
	again, err := w.secured(t, 1, onDemand)
	if err != nil || again != got {
		t.Errorf("the retry answers %+v, %v; want %+v", again, err, got)
	}
	w.did(t)
}

// TestSecureLosesTheAnswer: what an earlier try made is found by its name, of
// either kind, and nothing is bought twice.
func TestSecureLosesTheAnswer(t *testing.T) {
	for name, settings := range map[string]finetune.Settings{"deployment": onDemand, "provisioned": provisioned} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.trained(t, 1)
			creation := map[string]string{"deployment": "CreateCustomModelDeployment", "provisioned": "CreateProvisionedModelThroughput"}[name]
			lost := errors.New("S3 does not answer")
			w.fake.after[creation] = func() {
				w.bucket.before = func(string) error { return lost }
			}
			if _, err := w.secured(t, 1, settings); !errors.Is(err, lost) {
				t.Fatalf("err = %v; want %v", err, lost)
			}
			w.bucket.before = nil
			if made := w.record(t, 1).Throughput; made == nil || made.ARN != "" || made.Change != finetune.ChangeCreated {
				t.Errorf("the intent was recorded as %+v", made)
			}
			got, err := w.secured(t, 1, settings)
			if err != nil || got.ARN == "" {
				t.Fatalf("the retry answers %+v, %v", got, err)
			}
			w.did(t, creation+" "+run(1).Name())
		})
	}
}

func TestSecureRefused(t *testing.T) {
	committed := provisioned
	committed.Serving.Commitment = "SixMonths"
	tests := map[string]struct {
		settings finetune.Settings
		code     string
		want     finetune.Kind
		says     []string
	}{
		"deployments used up":    {onDemand, quotaExceeded, finetune.Busy, []string{"L-430C95DD", "L-1EF80F3E", "us-east-1"}},
		"model not deployable":   {onDemand, invalid, finetune.ThroughputFailed, []string{modelARN(1)}},
		"no model units":         {provisioned, quotaExceeded, finetune.ModelUnitQuota, []string{"L-BE77399C", "us-east-1", "AWS Support"}},
		"no committed units":     {committed, quotaExceeded, finetune.ModelUnitQuota, []string{"SixMonths", "base"}},
		"legacy base":            {provisioned, invalid, finetune.ThroughputFailed, nil},
		"unknown mode":           {finetune.Settings{Serving: finetune.Serving{Mode: finetune.ServeAuto}}, "", finetune.SettingsRejected, []string{"auto"}},
		"no units asked for":     {finetune.Settings{Serving: finetune.Serving{Mode: finetune.ServeProvisioned}}, "", finetune.SettingsRejected, nil},
		"older than the serving": {onDemand, "", finetune.Superseded, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if test.want == finetune.Superseded {
				w.deployed(t, 2, onDemand)
			}
			w.trained(t, 1)
			if test.code != "" {
				w.fake.refusals["CreateCustomModelDeployment"] = []error{refused(test.code)}
				w.fake.refusals["CreateProvisionedModelThroughput"] = []error{refused(test.code)}
			}
			w.spending.ceilings.Commitment = test.settings.Serving.Commitment
			_, err := w.secured(t, 1, test.settings)
			wantKind(t, err, test.want, test.says...)
		})
	}
}

// TestSecureFindsAForeigner: a resource of the run's name without both its tags is
// neither adopted nor, later, deleted.
func TestSecureFindsAForeigner(t *testing.T) {
	for name, tags := range map[string]map[string]string{
		"another stack's":               {finetune.TagStack: "another"},
		"another stack's, the same run": {finetune.TagStack: "another", finetune.TagRun: string(run(1).ID)},
		"nobody's, the same run":        {finetune.TagRun: string(run(1).ID)},
		"another run's":                 {finetune.TagStack: "stack", finetune.TagRun: string(run(2).ID)},
		"nobody's":                      {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.trained(t, 1)
			if _, err := w.secured(t, 1, onDemand); err != nil {
				t.Fatal(err)
			}
			for arn := range w.fake.tags {
				w.fake.tags[arn] = tagged(tags)
			}
			_, err := w.store.UpdateRun(t.Context(), run(1).ID, func(r *registry.Run) error { r.Throughput = nil; return nil })
			if err != nil {
				t.Fatal(err)
			}
			_, err = w.secured(t, 1, onDemand)
			wantKind(t, err, finetune.ThroughputFailed, "is taken by", resumption(1))
			w.fake.calls = nil
			closing, err := w.released(t, 1, finetune.ThroughputFailed, "taken")
			if err != nil || closing.End != finetune.EndFailed {
				t.Errorf("released: %+v, %v", closing, err)
			}
			w.did(t)
		})
	}
}

// tagged are tags as Bedrock lists them.
func tagged(tags map[string]string) []types.Tag {
	var listed []types.Tag
	for key, value := range tags {
		listed = append(listed, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	return listed
}

// TestSecureWhileTheNameLingers: a name that nothing has, as far as one sees, is
// asked for again where an earlier purchase may have had it; what has it
// meanwhile is adopted.
func TestSecureWhileTheNameLingers(t *testing.T) {
	used := &smithy.GenericAPIError{Code: invalid, Message: "The provided name is currently in use."}
	for operation, settings := range map[string]finetune.Settings{"CreateCustomModelDeployment": onDemand, "CreateProvisionedModelThroughput": provisioned} {
		for name, test := range map[string]struct {
			resumed bool
			refusal error
		}{"resumed": {true, refused(invalid)}, "in use": {false, used}} {
			t.Run(operation+", "+name, func(t *testing.T) {
				w := newWorld()
				w.trained(t, 1)
				if test.resumed {
					if _, err := w.released(t, 1, finetune.ThroughputFailed, "no"); err != nil {
						t.Fatal(err)
					}
					if _, err := w.store.Reclaim(t.Context(), run(1).ID, execution(9)); err != nil {
						t.Fatal(err)
					}
				}
				w.fake.refusals[operation] = []error{test.refusal}
				_, err := w.secured(t, 1, settings)
				wantKind(t, err, finetune.Unavailable, run(1).Name(), modelARN(1))
				if got, err := w.secured(t, 1, settings); err != nil || got.ARN == "" {
					t.Errorf("the retry answers %+v, %v", got, err)
				}
			})
		}
	}
}

// shut closes the nth run.
func shut(t *testing.T, w *world, n int) {
	t.Helper()
	_, err := w.store.UpdateRun(t.Context(), run(n).ID, func(r *registry.Run) error { r.Closed = true; return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// TestSecureClosedMeanwhile: what is made for a run that was closed in that
// moment is undone at once.
func TestSecureClosedMeanwhile(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		w := newWorld()
		w.trained(t, 1)
		shut(t, w, 1)
		_, err := w.secured(t, 1, onDemand)
		wantKind(t, err, finetune.RunClosed)
		w.did(t)
	})
	t.Run("deployment", func(t *testing.T) {
		w := newWorld()
		w.trained(t, 1)
		w.fake.after["CreateCustomModelDeployment"] = func() { shut(t, w, 1) }
		_, err := w.secured(t, 1, onDemand)
		wantKind(t, err, finetune.RunClosed)
		w.did(t, "CreateCustomModelDeployment "+run(1).Name(), "DeleteCustomModelDeployment "+run(1).Name())
	})
	t.Run("deletion refused", func(t *testing.T) {
		w := newWorld()
		w.trained(t, 1)
		w.fake.after["CreateProvisionedModelThroughput"] = func() { shut(t, w, 1) }
		w.fake.refusals["DeleteProvisionedModelThroughput"] = []error{refused(conflict)}
		throughput, err := w.secured(t, 1, provisioned)
		wantKind(t, err, finetune.RunClosed)
		record := w.record(t, 1)
		if record.End != finetune.EndNeedsOperator || len(record.Unreleased) != 1 {
			t.Errorf("the record ended %q with %q unreleased", record.End, record.Unreleased)
		}
		says(t, record.Cause, throughput.ARN, "aws bedrock delete-provisioned-model-throughput")
		if lease := w.model(t).Lease; lease != nil {
			t.Errorf("the lease is still held: %+v", lease)
		}
	})
	t.Run("re-pointed", func(t *testing.T) {
		w := newWorld()
		served := w.deployed(t, 1, provisioned)
		w.trained(t, 2)
		w.fake.after["UpdateProvisionedModelThroughput"] = func() {
			shut(t, w, 2)
			w.ready(served.ARN)
		}
		_, err := w.secured(t, 2, provisioned)
		wantKind(t, err, finetune.RunClosed)
		w.did(t, "UpdateProvisionedModelThroughput "+modelARN(2), "UpdateProvisionedModelThroughput "+modelARN(1))
		if lease := w.model(t).Lease; lease != nil {
			t.Errorf("the lease is still held: %+v", lease)
		}
	})
}

func TestSecureRepoints(t *testing.T) {
	w := newWorld()
	served := w.deployed(t, 1, provisioned)
	w.trained(t, 2)
	got, err := w.secured(t, 2, provisioned)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "secured-repointed", got)
	if got.ARN != served.ARN || got.PreviousModelARN != modelARN(1) {
		t.Errorf("got %+v; want %s re-pointed from %s", got, served.ARN, modelARN(1))
	}
	lease := w.model(t).Lease
	if lease == nil || lease.Run.ID != run(2).ID || lease.PreviousModelARN != modelARN(1) {
		t.Errorf("lease = %+v", lease)
	}
	again, err := w.secured(t, 2, provisioned)
	if err != nil || again != got {
		t.Errorf("the retry answers %+v, %v; want %+v", again, err, got)
	}
	w.did(t, "UpdateProvisionedModelThroughput "+modelARN(2))

	w.trained(t, 3)
	_, err = w.secured(t, 3, provisioned)
	wantKind(t, err, finetune.Busy, string(run(2).ID))
	w.did(t)
}

// TestSecureBuysAnother: where what serves cannot be re-pointed.
func TestSecureBuysAnother(t *testing.T) {
	larger, committed, otherBase := provisioned, provisioned, provisioned
	larger.Serving.ModelUnits, committed.Serving.Commitment, otherBase.BaseModel = 2, "OneMonth", "other"
	tests := map[string]struct {
		settings finetune.Settings
		meddle   func(*world, finetune.Throughput)
	}{
		"other units":      {settings: larger},
		"a commitment":     {settings: committed},
		"other base model": {settings: otherBase},
		"deleted":          {settings: provisioned, meddle: func(w *world, served finetune.Throughput) { delete(w.fake.throughputs, served.ARN) }},
		"failed": {settings: provisioned, meddle: func(w *world, served finetune.Throughput) {
			w.fake.throughputs[served.ARN].Status = types.ProvisionedModelStatusFailed
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			served := w.deployed(t, 1, provisioned)
			w.trained(t, 2)
			if test.meddle != nil {
				test.meddle(w, served)
			}
			w.spending.ceilings.Commitment = test.settings.Serving.Commitment
			got, err := w.secured(t, 2, test.settings)
			if err != nil || got.Change != finetune.ChangeCreated || got.ARN == served.ARN {
				t.Errorf("got %+v, %v; want a new one", got, err)
			}
			w.did(t, "CreateProvisionedModelThroughput "+run(2).Name())
		})
	}
}

// TestSecureWhileUpdating: somebody else's change of the throughput is waited for.
func TestSecureWhileUpdating(t *testing.T) {
	w := newWorld()
	served := w.deployed(t, 1, provisioned)
	w.trained(t, 2)
	w.fake.throughputs[served.ARN].Status = types.ProvisionedModelStatusUpdating
	_, err := w.secured(t, 2, provisioned)
	wantKind(t, err, finetune.Busy, served.ARN)
	w.did(t)
	w.ready(served.ARN)
	w.fake.refusals["UpdateProvisionedModelThroughput"] = []error{refused(invalid), refused(invalid)}
	w.fake.after["UpdateProvisionedModelThroughput"] = func() {
		w.fake.throughputs[served.ARN].Status = types.ProvisionedModelStatusUpdating
	}
	_, err = w.secured(t, 2, provisioned)
	wantKind(t, err, finetune.Busy, served.ARN)
	w.ready(served.ARN)
	_, err = w.secured(t, 2, provisioned)
	wantKind(t, err, finetune.ThroughputFailed, served.ARN, modelARN(2))
	delete(w.fake.throughputs, served.ARN)
	_, err = w.secured(t, 2, provisioned)
	wantKind(t, err, finetune.Unavailable, "buys another")
	got, err := w.secured(t, 2, provisioned)
	if err != nil || got.Change != finetune.ChangeCreated {
		t.Errorf("got %+v, %v; want a new one", got, err)
	}
}
