package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// otherBase are settings that a throughput of [provisioned] cannot be re-pointed to.
var otherBase = finetune.Settings{BaseModel: "other", Serving: finetune.Serving{Mode: finetune.ServeProvisioned, ModelUnits: 1}}

// committedWorld is a stack whose first run bought a throughput, which the second
// was served from and a commitment holds, and whose third serves from another of
// another base model.
func committedWorld(t *testing.T) (w *world, held, serving string) {
	t.Helper()
	w = newWorld()
	held = w.deployed(t, 1, provisioned).ARN
	w.deployed(t, 2, provisioned)
	w.ready(held)
	w.commits(held)
	serving = w.deployed(t, 3, otherBase).ARN
	w.retires(t, held, 2)
	return w, held, serving
}

// retires checks that a throughput is all there is to be deleted, and whose it was.
func (w *world) retires(t *testing.T, arn string, n int) {
	t.Helper()
	if m := w.model(t); len(m.Retired) != 1 || m.Retired[0].ThroughputARN != arn || m.Retired[0].Run.ID != run(n).ID || m.Lease != nil {
		t.Errorf("the record is %+v; want %s of run %d to be deleted, and no lease", m, arn, n)
	}
}

// Ensure what a commitment holds is taken up again by whichever run it fits,
// though another was served from it last: by the one that bought it, whose name it
// has, and by an upload, which would buy one more.
func TestCommittedThroughputIsTakenUp(t *testing.T) {
	t.Run("rolled back to its buyer", func(t *testing.T) {
		w, held, serving := committedWorld(t)
		got := w.wentBack(t, 1, provisioned)
		if got.ARN != held || got.Change != finetune.ChangeUpdated || got.PreviousModelARN != modelARN(2) {
			t.Errorf("secured %+v; want %s re-pointed from %s", got, held, modelARN(2))
		}
		w.did(t, "UpdateProvisionedModelThroughput "+modelARN(1), "DeleteProvisionedModelThroughput "+name(serving))
		w.serves(t, held, "")
	})
	t.Run("uploaded", func(t *testing.T) {
		w, held, serving := committedWorld(t)
		if got := w.deployed(t, 4, provisioned); got.ARN != held || len(w.fake.throughputs) != 1 || w.fake.throughputs[serving] != nil {
			t.Errorf("secured %+v, and %d throughputs stand; want %s alone", got, len(w.fake.throughputs), held)
		}
		w.serves(t, held, "")
	})
}

// Ensure nobody is asked to pay for what a commitment has paid for, and that what
// would be bought all the same is asked for.
func TestCommittedThroughputIsNotAskedFor(t *testing.T) {
	tests := map[string]struct {
		to     int
		change func(*world, string)
		want   string
	}{
		"its buyer":            {1, func(*world, string) {}, finetune.DecisionGranted},
		"who was served by it": {2, func(*world, string) {}, finetune.DecisionGranted},
		"its term is over": {2, func(w *world, held string) {
			w.fake.throughputs[held].CommitmentExpirationTime = ptr(noon)
		}, finetune.DecisionAsked},
		"it failed": {2, func(w *world, held string) {
			w.fake.throughputs[held].Status = types.ProvisionedModelStatusFailed
		}, finetune.DecisionAsked},
		"it is gone": {2, func(w *world, held string) { delete(w.fake.throughputs, held) }, finetune.DecisionAsked},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, held, _ := committedWorld(t)
			test.change(w, held)
			w.goBack(t, test.to)
			w.spending = asksAll
			out, err := w.Handle(t.Context(), finetune.ThroughputInput{
				Action: finetune.ActionApprove, ExecutionARN: execution(back(test.to)), Run: ptr(run(test.to)), Settings: &provisioned,
				Training: &finetune.Accepted{Tokens: 100_000}, Spend: &serving,
			})
			if spend, _ := out.(finetune.Spend); err != nil || spend.Decision != test.want {
				t.Fatalf("got %+v, %v; want %s", out, err, test.want)
			}
			if test.want != finetune.DecisionGranted {
				return
			}
			got, err := w.secured(t, test.to, provisioned)
			if err != nil || got.ARN != held {
				t.Errorf("secured %+v, %v; want %s, bought long ago", got, err, held)
			}
		})
	}
}

// Ensure a rollback that fails leaves what it took up as it was: serving nobody,
// pointed back, on the list of what is to be deleted, for another rollback to find.
func TestTakenUpIsGivenBack(t *testing.T) {
	for name, lost := range map[string]bool{"with its lease": false, "its lease lost": true} {
		t.Run(name, func(t *testing.T) {
			w, held, serving := committedWorld(t)
			w.goBack(t, 1)
			if _, err := w.secured(t, 1, provisioned); err != nil {
				t.Fatal(err)
			}
			w.ready(held)
			if lost {
				if err := w.dropLease(t.Context(), run(1)); err != nil {
					t.Fatal(err)
				}
			}
			if closing := w.failedBack(t, 1, finetune.SmokeTestFailed); closing.End != finetune.EndFailed {
				t.Errorf("ended %+v", closing)
			}
			w.did(t, "UpdateProvisionedModelThroughput "+modelARN(1), "UpdateProvisionedModelThroughput "+modelARN(2))
			w.retires(t, held, 2)
			if m := w.model(t); m.Serving.ThroughputARN != serving {
				t.Errorf("%s serves, want %s", m.Serving.ThroughputARN, serving)
			}
			w.ready(held)
			if got := w.wentBack(t, 2, provisioned); got.ARN != held || got.Change != finetune.ChangeFound {
				t.Errorf("secured %+v; want %s found", got, held)
			}
		})
	}
}

// Ensure one rollback does not publish what another has re-pointed since it was
// tried, that neither deletes what the other takes up, and that it goes on once the
// other has failed and given it back.
func TestTwoRollbacksToOneThroughput(t *testing.T) {
	w, held, _ := committedWorld(t)
	w.goBack(t, 2)
	found, err := w.secured(t, 2, provisioned)
	if err != nil || found.Change != finetune.ChangeFound {
		t.Fatalf("secured %+v, %v; want it found", found, err)
	}
	w.goBack(t, 1)
	if _, err := w.secured(t, 1, provisioned); err != nil {
		t.Fatal(err)
	}
	publish := func(want finetune.Kind, says ...string) {
		t.Helper()
		_, err := w.published(t, 2, provisioned, found)
		wantKind(t, err, want, says...)
	}
	publish(finetune.Busy, string(run(1).ID))
	w.fake.calls = nil
	if again, err := w.secured(t, 2, provisioned); err != nil || again != found {
		t.Errorf("secured once more: %+v, %v; want what was found", again, err)
	}
	if _, err := w.store.UpdateRun(t.Context(), run(2).ID, func(r *registry.Run) error { r.Throughput = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	_, err = w.secured(t, 2, provisioned)
	wantKind(t, err, finetune.Busy, string(run(1).ID))
	w.did(t)
	if _, err := w.store.UpdateRun(t.Context(), run(2).ID, func(r *registry.Run) error { r.Throughput = &found; return nil }); err != nil {
		t.Fatal(err)
	}

	w.ready(held)
	w.failedBack(t, 1, finetune.SmokeTestFailed)
	publish(finetune.Busy, held) // it is being pointed back
	w.ready(held)
	w.fake.throughputs[held].DesiredModelArn = ptr(modelARN(9))
	publish(finetune.ThroughputFailed, modelARN(9))
	w.fake.throughputs[held].DesiredModelArn = ptr(modelARN(2))
	if _, err := w.published(t, 2, provisioned, found); err != nil {
		t.Fatal(err)
	}
	w.serves(t, held, "")
}

// Ensure neither a publication that finishes late nor a sweep that has not seen the
// run deletes what a run takes up, though its commitment has ended by then.
func TestTakenUpIsNotDeleted(t *testing.T) {
	w, held, _ := committedWorld(t)
	above := &sky{bucket: w.bucket, changed: map[string]time.Time{}, invoked: map[string][]time.Time{}}
	w.sweeper = sweeper{rules: finetune.Sweeping{Orphans: finetune.OrphansReport, EverySeconds: 3600}, metrics: above, lister: above}
	above.before = func(prefix string) {
		if prefix != finetune.PrefixRegistry {
			return
		}
		above.before = nil
		w.goBack(t, 1)
		if _, err := w.secured(t, 1, provisioned); err != nil {
			t.Error(err)
		}
		delete(w.fake.held, held)
	}
	w.sweptAndTold(t, 1, finetune.TellRenewsDay)
	if closing, err := w.releasedByRule(t, 3, "TIMED_OUT"); err != nil || closing.End != finetune.EndDeployed {
		t.Errorf("the one that serves is closed once more: %+v, %v", closing, err)
	}
	w.did(t, "UpdateProvisionedModelThroughput "+modelARN(1))
	w.ready(held)
	if _, err := w.published(t, 1, provisioned, w.theThroughput(t, 1)); err != nil {
		t.Fatal(err)
	}
	w.serves(t, held, "")
}

// Ensure a rollback that takes up what a commitment holds and is killed before any
// write ends as if it had not been, or leaves everything as it was.
func TestTakenUpAnywhereKilled(t *testing.T) {
	for writes := range 12 {
		for _, retried := range []bool{true, false} {
			t.Run(fmt.Sprintf("after %d writes, retried %v", writes, retried), func(t *testing.T) {
				w, held, serving := committedWorld(t)
				w.goBack(t, 1)
				w.killedBack(t, 1, provisioned, writes)
				if retried {
					w.retriedBack(t, 1, provisioned)
				}
				w.ready(held)
				if _, err := w.releasedBack(t, 1); err != nil {
					t.Fatal(err)
				}
				served := *w.fake.throughputs[held].DesiredModelArn
				if m := w.model(t); retried || m.Serving.Run.ID == run(1).ID {
					w.serves(t, held, "")
					w.ownsAll(t, w.model(t))
				} else if w.retires(t, held, 2); m.Serving.ThroughputARN != serving || served != modelARN(2) {
					t.Errorf("%s serves, and %s serves %s; want %s, and %s", m.Serving.ThroughputARN, held, served, serving, modelARN(2))
				}
			})
		}
	}
}
