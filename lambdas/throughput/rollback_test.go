package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// back is the number of the execution that goes back to the nth run.
func back(n int) int { return 100 + n }

// goBack lets an execution take the nth run over, to serve it again.
func (w *world) goBack(t *testing.T, n int) {
	t.Helper()
	if _, err := w.store.Rollback(t.Context(), run(n).ID, execution(back(n))); err != nil {
		t.Fatal(err)
	}
}

// wentBack goes back to the nth run all the way.
func (w *world) wentBack(t *testing.T, n int, s finetune.Settings) finetune.Throughput {
	t.Helper()
	w.goBack(t, n)
	throughput, err := w.secured(t, n, s)
	if err != nil {
		t.Fatal(err)
	}
	w.ready(throughput.ARN)
	if _, err := w.published(t, n, s, throughput); err != nil {
		t.Fatal(err)
	}
	return throughput
}

// failedBack releases the execution that was to go back to the nth run.
func (w *world) failedBack(t *testing.T, n int, kind finetune.Kind) finetune.Closing {
	t.Helper()
	out, err := w.Handle(t.Context(), finetune.ThroughputInput{Action: finetune.ActionRelease, ExecutionARN: execution(back(n)), Dataset: ptr(upload(n)), Error: &finetune.Failure{Error: string(kind), Cause: "it went wrong"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.(finetune.Closing)
}

// rollbackCommand is the command that asks for it again.
func rollbackCommand(n int) string {
	return "tuneline rollback support --to " + string(run(n).ID) + " --bucket bucket --state-machine arn:aws:states:us-east-1:111122223333:stateMachine:tuneline"
}

// serves checks what serves the model, and what is kept.
func (w *world) serves(t *testing.T, serving, previous string) {
	t.Helper()
	m := w.model(t)
	kept := ""
	if m.Previous != nil {
		kept = m.Previous.ThroughputARN
	}
	if m.Serving.ThroughputARN != serving || kept != previous || len(m.Retired) != 0 || m.Lease != nil {
		t.Errorf("the model's record is %+v; want %s served, %q kept, nothing else", m, serving, previous)
	}
}

// TestRollbackToTheKept: the kept deployment serves again at once, nothing is made
// or deleted, and going forward again is the same.
func TestRollbackToTheKept(t *testing.T) {
	w := newWorld()
	first, second := w.deployed(t, 1, onDemand), w.deployed(t, 2, onDemand)
	got := w.wentBack(t, 1, onDemand)
	if got.ARN != first.ARN || got.Change != finetune.ChangeFound || got.WaitSeconds != 0 || got.Status != "Active" {
		t.Errorf("secured %+v; want %s, found and asked at once", got, first.ARN)
	}
	if again, err := w.secured(t, 1, onDemand); err == nil {
		t.Errorf("secured once more after its publication: %+v", again)
	}
	w.serves(t, first.ARN, second.ARN)
	record := w.record(t, 1)
	if record.End != finetune.EndDeployed || record.Rollback == nil || record.EarlierEnds[0].End != finetune.EndDeployed || record.Endpoint.ModelID != first.ARN {
		t.Errorf("the run's record is %+v", record)
	}
	entry := w.model(t).History[2]
	if entry.Attempt != 1 || entry.Rollback == nil || entry.Rollback.From.Run != run(2).ID {
		t.Errorf("the history's entry is %+v", entry)
	}
	w.wentBack(t, 2, onDemand)
	w.serves(t, second.ARN, first.ARN)
	w.did(t)
}

// TestRollbackFurtherBack: what is not kept any more is made anew, and what was
// kept goes.
func TestRollbackFurtherBack(t *testing.T) {
	w := newWorld()
	w.deployed(t, 1, onDemand)
	w.deployed(t, 2, onDemand)
	third := w.deployed(t, 3, onDemand)
	got := w.wentBack(t, 1, onDemand)
	if got.Change != finetune.ChangeCreated {
		t.Errorf("secured %+v; want it made", got)
	}
	w.serves(t, got.ARN, third.ARN)
	w.did(t, "CreateCustomModelDeployment "+run(1).Name(), "DeleteCustomModelDeployment "+run(2).Name())
}

// TestRollbackWhatStands: what the registry has of the run is used only where it
// can serve, and what it has wrong does no harm.
func TestRollbackWhatStands(t *testing.T) {
	made, gone := "CreateCustomModelDeployment "+run(1).Name(), "DeleteCustomModelDeployment "+run(1).Name()
	tests := map[string]struct {
		meddle func(t *testing.T, w *world, kept string)
		change string
		did    []string
	}{
		"deleted from outside": {func(_ *testing.T, w *world, kept string) { delete(w.fake.deployments, kept) }, finetune.ChangeCreated, []string{made}},
		"failed": {func(_ *testing.T, w *world, kept string) {
			w.fake.deployments[kept].Status = types.CustomModelDeploymentStatusFailed
		}, finetune.ChangeCreated, []string{gone, made}},
		"retired and not deleted yet": {retireKept, finetune.ChangeCreated, []string{gone, made}},
		"retired and not to be deleted": {func(t *testing.T, w *world, kept string) {
			retireKept(t, w, kept)
			w.fake.refusals["DeleteCustomModelDeployment"] = []error{refused(accessDenied)}
		}, finetune.ChangeFound, []string{gone}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			first, second := w.deployed(t, 1, onDemand), w.deployed(t, 2, onDemand)
			test.meddle(t, w, first.ARN)
			got := w.wentBack(t, 1, onDemand)
			if got.Change != test.change {
				t.Errorf("secured %+v; want it %s", got, test.change)
			}
			w.did(t, test.did...)
			w.serves(t, got.ARN, second.ARN)
		})
	}
}

// retireKept puts the kept deployment on the list of those to be deleted, as a
// publication does that was killed before it deleted it.
func retireKept(t *testing.T, w *world, _ string) {
	t.Helper()
	_, err := w.store.UpdateModel(t.Context(), "support", func(m *registry.Model) error {
		m.Retired, m.Previous = append(m.Retired, *m.Previous), nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRollbackThatFails: callers stay where they are, what was found stays as it
// was, what was made goes, and the record says both ends.
func TestRollbackThatFails(t *testing.T) {
	t.Run("kept", func(t *testing.T) {
		w := newWorld()
		first, second := w.deployed(t, 1, onDemand), w.deployed(t, 2, onDemand)
		w.goBack(t, 1)
		if _, err := w.secured(t, 1, onDemand); err != nil {
			t.Fatal(err)
		}
		closing := w.failedBack(t, 1, finetune.SmokeTestFailed)
		w.did(t)
		w.serves(t, second.ARN, first.ARN)
		record := w.record(t, 1)
		if closing.End != finetune.EndFailed || record.End != closing.End || record.Error != string(finetune.SmokeTestFailed) || !record.Closed {
			t.Errorf("ended %+v, recorded as %+v", closing, record)
		}
		if record.EarlierEnds[0].End != finetune.EndDeployed {
			t.Errorf("the earlier ends are %+v", record.EarlierEnds)
		}
		says(t, closing.Cause, "What callers reach did not change", rollbackCommand(1))
		if _, err := w.store.Rollback(t.Context(), run(1).ID, execution(9)); err != nil {
			t.Fatal(err)
		}
		found, err := w.secured(t, 1, onDemand)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.published(t, 1, onDemand, found); err != nil {
			t.Fatal(err)
		}
		w.serves(t, first.ARN, second.ARN)
	})
	t.Run("made", func(t *testing.T) {
		w := newWorld()
		w.deployed(t, 1, onDemand)
		second := w.deployed(t, 2, onDemand)
		third := w.deployed(t, 3, onDemand)
		w.goBack(t, 1)
		if _, err := w.secured(t, 1, onDemand); err != nil {
			t.Fatal(err)
		}
		w.failedBack(t, 1, finetune.ThroughputOverdue)
		w.did(t, "CreateCustomModelDeployment "+run(1).Name(), "DeleteCustomModelDeployment "+run(1).Name())
		w.serves(t, third.ARN, second.ARN)
	})
	t.Run("model deleted", func(t *testing.T) {
		w := newWorld()
		w.deployed(t, 1, onDemand)
		w.deployed(t, 2, onDemand)
		w.goBack(t, 1)
		if closing := w.failedBack(t, 1, finetune.ModelDeleted); closing.End != finetune.EndFailed {
			t.Errorf("ended %+v", closing)
		} else {
			says(t, closing.Cause, "another run of the model", "upload the data set again")
		}
	})
	t.Run("closed while it looked", func(t *testing.T) {
		w := newWorld()
		first, second := w.deployed(t, 1, onDemand), w.deployed(t, 2, onDemand)
		w.goBack(t, 1)
		w.bucket.before = func(string) error {
			w.bucket.before = nil
			shut(t, w, 1)
			return nil
		}
		_, err := w.secured(t, 1, onDemand)
		wantKind(t, err, finetune.RunClosed)
		w.did(t)
		w.serves(t, second.ARN, first.ARN)
	})
}

// TestRollbackOfTheThroughputsNamesake: the throughput that serves has the name and
// the tags of the run that bought it; that run's rollback neither adopts nor
// deletes it.
func TestRollbackOfTheThroughputsNamesake(t *testing.T) {
	w := newWorld()
	served := w.deployed(t, 1, provisioned)
	w.deployed(t, 2, provisioned)
	w.fake.throughputs[served.ARN].Status = types.ProvisionedModelStatusFailed // so that it is not re-pointed
	w.goBack(t, 1)
	_, err := w.secured(t, 1, provisioned)
	wantKind(t, err, finetune.ThroughputFailed, "is taken by "+served.ARN, rollbackCommand(1))
	w.fake.calls = nil
	if closing := w.failedBack(t, 1, finetune.ThroughputFailed); closing.End != finetune.EndFailed {
		t.Errorf("ended %+v", closing)
	}
	w.did(t)
	w.serves(t, served.ARN, "")
}

func TestRollbackProvisioned(t *testing.T) {
	t.Run("in place", func(t *testing.T) {
		w := newWorld()
		served := w.deployed(t, 1, provisioned)
		w.deployed(t, 2, provisioned)
		got := w.wentBack(t, 1, provisioned)
		if got.ARN != served.ARN || got.Change != finetune.ChangeUpdated || got.PreviousModelARN != modelARN(2) {
			t.Errorf("secured %+v; want %s re-pointed from %s", got, served.ARN, modelARN(2))
		}
		w.did(t, "UpdateProvisionedModelThroughput "+modelARN(1))
		w.serves(t, served.ARN, "")
	})
	t.Run("points back when it fails", func(t *testing.T) {
		w := newWorld()
		served := w.deployed(t, 1, provisioned)
		w.deployed(t, 2, provisioned)
		w.goBack(t, 1)
		if _, err := w.secured(t, 1, provisioned); err != nil {
			t.Fatal(err)
		}
		w.ready(served.ARN)
		w.failedBack(t, 1, finetune.SmokeTestFailed)
		w.did(t, "UpdateProvisionedModelThroughput "+modelARN(1), "UpdateProvisionedModelThroughput "+modelARN(2))
		w.serves(t, served.ARN, "")
	})
	t.Run("another base model", func(t *testing.T) {
		w := newWorld()
		w.deployed(t, 1, provisioned)
		w.deployed(t, 2, otherBase)
		got := w.wentBack(t, 1, provisioned)
		w.did(t, "CreateProvisionedModelThroughput "+run(1).Name(), "DeleteProvisionedModelThroughput "+run(2).Name())
		w.serves(t, got.ARN, "")
		if len(w.fake.throughputs) != 1 {
			t.Errorf("%d throughputs stand, want 1", len(w.fake.throughputs))
		}
	})
	t.Run("what a commitment holds", func(t *testing.T) {
		w := newWorld()
		held := w.deployed(t, 1, provisioned)
		w.commits(held.ARN)
		w.deployed(t, 2, otherBase)
		got := w.wentBack(t, 1, provisioned)
		if got.ARN != held.ARN || got.Change != finetune.ChangeFound {
			t.Errorf("secured %+v; want %s, which is paid for", got, held.ARN)
		}
		w.serves(t, held.ARN, "")
	})
}

// TestRollbackIsOvertaken: an upload that was published since the rollback was
// asked for stays, and the rollback says so, however it failed.
func TestRollbackIsOvertaken(t *testing.T) {
	w := newWorld()
	w.deployed(t, 1, onDemand)
	second := w.deployed(t, 2, onDemand)
	w.goBack(t, 1)
	found, err := w.secured(t, 1, onDemand)
	if err != nil {
		t.Fatal(err)
	}
	third := w.deployed(t, 3, onDemand) // deletes what was found
	_, err = w.published(t, 1, onDemand, found)
	wantKind(t, err, finetune.Superseded, string(run(3).ID))
	closing := w.failedBack(t, 1, finetune.ThroughputFailed)
	if closing.End != finetune.EndSuperseded {
		t.Errorf("ended %+v; want Superseded", closing)
	}
	says(t, closing.Cause, "run "+string(run(3).ID)+" was published", "ThroughputFailed", "it went wrong", rollbackCommand(1))
	w.did(t)
	w.serves(t, third.ARN, second.ARN)
}

// TestRollbackWaitsForTheLease: what serves is not retired while an upload is
// re-pointing it, and the upload wins; once its run has ended, nothing is waited
// for.
func TestRollbackWaitsForTheLease(t *testing.T) {
	begin := func(t *testing.T) (*world, finetune.Throughput) {
		t.Helper()
		w := newWorld()
		w.deployed(t, 1, onDemand)
		w.deployed(t, 2, provisioned)
		w.trained(t, 3)
		repointed, err := w.secured(t, 3, provisioned)
		if err != nil {
			t.Fatal(err)
		}
		w.goBack(t, 1)
		found, err := w.secured(t, 1, onDemand)
		if err != nil || found.Change != finetune.ChangeFound {
			t.Fatalf("secured %+v, %v", found, err)
		}
		_, err = w.published(t, 1, onDemand, found)
		wantKind(t, err, finetune.Busy, string(run(3).ID))
		w.ready(repointed.ARN)
		return w, found
	}
	t.Run("upload published", func(t *testing.T) {
		w, found := begin(t)
		if _, err := w.published(t, 3, provisioned, w.theThroughput(t, 3)); err != nil {
			t.Fatal(err)
		}
		_, err := w.published(t, 1, onDemand, found)
		wantKind(t, err, finetune.Superseded)
	})
	t.Run("upload failed", func(t *testing.T) {
		w, found := begin(t)
		if _, err := w.released(t, 3, finetune.SmokeTestFailed, "empty"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.published(t, 1, onDemand, found); err != nil {
			t.Fatal(err)
		}
		w.serves(t, found.ARN, "")
	})
}

// theThroughput is what the nth run's record says of its throughput.
func (w *world) theThroughput(t *testing.T, n int) finetune.Throughput {
	t.Helper()
	return *w.record(t, n).Throughput
}

// TestRollbackAnywhereKilled: killed before any write and called again, it ends as
// if it had not been; killed for good, callers stay and nothing is left over.
func TestRollbackAnywhereKilled(t *testing.T) {
	for name, s := range map[string]finetune.Settings{"on demand": onDemand, "provisioned": provisioned} {
		for target := 1; target <= 2; target++ { // made anew, and kept
			for writes := range 12 {
				for _, retried := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s, to run %d, after %d writes, retried %v", name, target, writes, retried), func(t *testing.T) {
						w := newWorld()
						for n := 1; n <= 3; n++ {
							w.deployed(t, n, s)
						}
						w.goBack(t, target)
						w.killedBack(t, target, s, writes)
						if retried {
							w.retriedBack(t, target, s)
						}
						for arn := range w.fake.throughputs {
							w.ready(arn)
						}
						w.settled(t, target, retried)
					})
				}
			}
		}
	}
}

// killedBack goes back to the nth run, and is killed before one write.
func (w *world) killedBack(t *testing.T, n int, s finetune.Settings, writes int) {
	t.Helper()
	killed := errors.New("killed")
	w.bucket.before = func(string) error {
		if writes == 0 {
			return killed
		}
		writes--
		return nil
	}
	secured, err := w.secured(t, n, s)
	if err == nil {
		w.ready(secured.ARN)
		_, err = w.published(t, n, s, secured)
	}
	w.bucket.before = nil
	if err != nil && !errors.Is(err, killed) {
		t.Fatal(err)
	}
}

// retriedBack goes back to the nth run once more, which may be published already.
func (w *world) retriedBack(t *testing.T, n int, s finetune.Settings) {
	t.Helper()
	secured, err := w.secured(t, n, s)
	if err == nil {
		w.ready(secured.ARN)
		_, err = w.published(t, n, s, secured)
	}
	if kind, _ := finetune.KindOf(err); err != nil && kind != finetune.Superseded {
		t.Fatal(err)
	}
}

// settled releases a rollback to the nth run that was killed, and holds its one
// outcome: either it is published and ended Deployed, or nothing changed.
func (w *world) settled(t *testing.T, n int, mustServe bool) {
	t.Helper()
	closing, err := w.releasedBack(t, n)
	if err != nil {
		t.Fatal(err)
	}
	m, record := w.model(t), w.record(t, n)
	want, end := run(3).ID, finetune.EndFailed
	if mustServe || m.Serving.Run.ID == run(n).ID {
		want, end = run(n).ID, finetune.EndDeployed
	}
	if m.Serving.Run.ID != want || m.Lease != nil || len(m.Retired) != 0 {
		t.Errorf("the model's record is %+v; want %s served and nothing to do", m, want)
	}
	if record.End != end || closing.End != end {
		t.Errorf("it ended %s and is recorded as %s; want %s", closing.End, record.End, end)
	}
	w.ownsAll(t, m)
}

// ownsAll holds that what stands is what the registry serves from and keeps, no
// more and no less, and that a provisioned throughput serves what it says.
func (w *world) ownsAll(t *testing.T, m registry.Model) {
	t.Helper()
	owned := []string{m.Serving.ThroughputARN}
	if m.Previous != nil {
		owned = append(owned, m.Previous.ThroughputARN)
	}
	standing := slices.Collect(maps.Keys(w.fake.deployments))
	for arn, p := range w.fake.throughputs {
		standing = append(standing, arn)
		if *p.DesiredModelArn != m.Serving.ModelARN {
			t.Errorf("%s serves %s, want %s", arn, *p.DesiredModelArn, m.Serving.ModelARN)
		}
	}
	slices.Sort(owned)
	slices.Sort(standing)
	if !slices.Equal(owned, standing) {
		t.Errorf("standing are %q, and the registry has %q", standing, owned)
	}
}

// releasedBack asks for the release of a rollback as the release machine does.
func (w *world) releasedBack(t *testing.T, n int) (finetune.Closing, error) {
	t.Helper()
	if err := w.store.NoteExecution(t.Context(), registry.Execution{ARN: execution(back(n)), Dataset: upload(n)}); err != nil {
		t.Fatal(err)
	}
	out, err := w.Handle(t.Context(), finetune.ThroughputInput{Action: finetune.ActionRelease, ExecutionARN: execution(back(n)), Status: "TIMED_OUT"})
	closing, _ := out.(finetune.Closing)
	return closing, err
}

// TestFinishingAnEarlierAttempt: a publication that outlived its attempt writes no
// end into a later one's record.
func TestFinishingAnEarlierAttempt(t *testing.T) {
	w := newWorld()
	w.deployed(t, 1, onDemand)
	w.deployed(t, 2, onDemand)
	w.goBack(t, 1)
	if _, err := w.finishDeployed(t.Context(), w.model(t), run(1).ID, 0); err != nil {
		t.Fatal(err)
	}
	if record := w.record(t, 1); record.End != "" || record.Endpoint != nil {
		t.Errorf("the later attempt's record is %+v; want it open", record)
	}
	closing, err := w.releasedByRule(t, 1, "ABORTED")
	if err != nil || closing.End != finetune.EndDuplicate {
		t.Errorf("releasing the earlier execution: %+v, %v; want that another owns the run", closing, err)
	}
}
