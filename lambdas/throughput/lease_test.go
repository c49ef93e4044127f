package main

import (
	"errors"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// TestSecureBuysOnce: of two uploads before the first publication one buys, and
// the other re-points what was bought once it is published.
func TestSecureBuysOnce(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	w.trained(t, 2)
	bought, err := w.secured(t, 1, provisioned)
	if err != nil {
		t.Fatal(err)
	}
	if lease := w.model(t).Lease; lease == nil || lease.Run.ID != run(1).ID || !lease.Buying() {
		t.Errorf("lease = %+v", lease)
	}
	_, err = w.secured(t, 2, provisioned)
	wantKind(t, err, finetune.Busy, string(run(1).ID))
	if deployed, err := w.secured(t, 2, onDemand); err != nil || deployed.ARN == "" {
		t.Errorf("a deployment waits for the lease: %+v, %v", deployed, err)
	}
	w.did(t, "CreateProvisionedModelThroughput "+run(1).Name(), "CreateCustomModelDeployment "+run(2).Name())

	w.trained(t, 3)
	w.ready(bought.ARN)
	if _, err := w.published(t, 1, provisioned, bought); err != nil {
		t.Fatal(err)
	}
	got, err := w.secured(t, 3, provisioned)
	if err != nil || got.ARN != bought.ARN || got.Change != finetune.ChangeUpdated {
		t.Errorf("got %+v, %v; want %s re-pointed", got, err, bought.ARN)
	}
	w.did(t, "UpdateProvisionedModelThroughput "+modelARN(3))
}

// TestSecureLosesTheRaceToBuy: the lease is taken by one of two that saw none.
func TestSecureLosesTheRaceToBuy(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	w.trained(t, 2)
	w.bucket.before = func(key string) error {
		if key == finetune.RegistryKey("support") {
			w.bucket.before = nil
			if _, err := w.secured(t, 2, provisioned); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	_, err := w.secured(t, 1, provisioned)
	wantKind(t, err, finetune.Busy)
	w.did(t, "CreateProvisionedModelThroughput "+run(2).Name())
}

// TestSecureClosedBeforeBuying: a run that was closed after it took the lease
// gives it back.
func TestSecureClosedBeforeBuying(t *testing.T) {
	w := newWorld()
	w.trained(t, 1)
	w.bucket.before = func(key string) error {
		if key == finetune.RegistryKey("support") {
			w.bucket.before = nil
			shut(t, w, 1)
		}
		return nil
	}
	_, err := w.secured(t, 1, provisioned)
	wantKind(t, err, finetune.RunClosed)
	w.did(t)
	if lease := w.model(t).Lease; lease != nil {
		t.Errorf("the lease is still held: %+v", lease)
	}
}

// heldToBuy is a stack whose first run was killed between taking the lease and
// buying.
func heldToBuy(t *testing.T) *world {
	t.Helper()
	killed := errors.New("killed")
	w := newWorld()
	w.trained(t, 1)
	w.bucket.before = func(key string) error {
		if key == finetune.RunKey(run(1).ID) {
			return killed
		}
		return nil
	}
	if _, err := w.secured(t, 1, provisioned); !errors.Is(err, killed) {
		t.Fatalf("err = %v; want %v", err, killed)
	}
	w.bucket.before = nil
	w.did(t)
	return w
}

// endWithTheLease ends the first run without giving its lease back.
func endWithTheLease(t *testing.T, w *world) {
	t.Helper()
	_, err := w.store.UpdateRun(t.Context(), run(1).ID, func(r *registry.Run) error {
		r.Closed, r.End = true, finetune.EndFailed
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSecureGoesOnBuying: a run that was resumed, or killed after it took the
// lease, goes on with it; one that ended holds nobody up.
func TestSecureGoesOnBuying(t *testing.T) {
	t.Run("itself", func(t *testing.T) {
		w := heldToBuy(t)
		if _, err := w.secured(t, 1, provisioned); err != nil {
			t.Error(err)
		}
		w.did(t, "CreateProvisionedModelThroughput "+run(1).Name())
	})
	t.Run("resumed", func(t *testing.T) {
		w := heldToBuy(t)
		endWithTheLease(t, w)
		if _, err := w.store.Reclaim(t.Context(), run(1).ID, execution(9)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.secured(t, 1, provisioned); err != nil {
			t.Error(err)
		}
		w.did(t, "CreateProvisionedModelThroughput "+run(1).Name())
	})
	t.Run("another, after its end", func(t *testing.T) {
		w := heldToBuy(t)
		w.trained(t, 2)
		_, err := w.secured(t, 2, provisioned)
		wantKind(t, err, finetune.Busy)
		endWithTheLease(t, w)
		if _, err := w.secured(t, 2, provisioned); err != nil {
			t.Error(err)
		}
		if lease := w.model(t).Lease; lease == nil || lease.Run.ID != run(2).ID {
			t.Errorf("lease = %+v", lease)
		}
	})
	t.Run("released", func(t *testing.T) {
		w := heldToBuy(t)
		if closing, err := w.released(t, 1, finetune.Internal, "killed"); err != nil || closing.End != finetune.EndFailed {
			t.Errorf("released: %+v, %v", closing, err)
		}
		w.did(t)
		if m := w.model(t); m.Lease != nil || len(m.Withdrawn) != 1 {
			t.Errorf("the model's record is %+v", m)
		}
	})
}

// TestSecureTakesOverALease: a lease whose run ended without giving it back
// holds nobody up, and what is restored is what the registry says is served.
func TestSecureTakesOverALease(t *testing.T) {
	w := newWorld()
	served := w.deployed(t, 1, provisioned)
	w.trained(t, 2)
	if _, err := w.secured(t, 2, provisioned); err != nil {
		t.Fatal(err)
	}
	w.ready(served.ARN)
	w.fake.refusals["UpdateProvisionedModelThroughput"] = []error{refused("AccessDeniedException")}
	closing, err := w.released(t, 2, finetune.SmokeTestFailed, "empty")
	if err != nil || closing.End != finetune.EndNeedsOperator {
		t.Fatalf("released: %+v, %v", closing, err)
	}
	says(t, closing.Cause, "aws bedrock update-provisioned-model-throughput --provisioned-model-id "+served.ARN+" --desired-model-id "+modelARN(1))
	w.fake.calls = nil
	w.trained(t, 3)
	got, err := w.secured(t, 3, provisioned)
	if err != nil || got.PreviousModelARN != modelARN(1) {
		t.Errorf("got %+v, %v; want previous %s", got, err, modelARN(1))
	}
	w.did(t, "UpdateProvisionedModelThroughput "+modelARN(3))
}

// TestRepointSteppedBack: a run that is closed right before it re-points gives its
// lease back, with what another try of the same step has changed by then; what is
// being changed keeps the lease, for the release that follows.
func TestRepointSteppedBack(t *testing.T) {
	pointed, back := "UpdateProvisionedModelThroughput "+modelARN(2), "UpdateProvisionedModelThroughput "+modelARN(1)
	tests := map[string]struct {
		// another is what the other try has done.
		another func(w *world, served string)
		leased  bool
		did     []string
	}{
		"nothing changed": {another: func(*world, string) {}},
		"re-pointed by another try": {another: func(w *world, served string) {
			w.fake.throughputs[served].DesiredModelArn = ptr(modelARN(2))
		}, did: []string{back}},
		"being re-pointed by another try": {another: func(w *world, served string) {
			if _, err := w.bedrock.UpdateProvisionedModelThroughput(t.Context(), repointInput(served, modelARN(2))); err != nil {
				t.Error(err)
			}
		}, leased: true, did: []string{pointed}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			served := w.deployed(t, 1, provisioned).ARN
			w.trained(t, 2)
			w.bucket.before = func(key string) error {
				if key == finetune.RunKey(run(2).ID) {
					w.bucket.before = nil
					shut(t, w, 2)
					test.another(w, served)
				}
				return nil
			}
			_, err := w.secured(t, 2, provisioned)
			wantKind(t, err, finetune.RunClosed)
			w.did(t, test.did...)
			if m := w.model(t); leased(m, run(2).ID) != test.leased || m.Serving.ThroughputARN != served {
				t.Errorf("the record is %+v; want the lease kept: %v", m, test.leased)
			}
			w.ready(served)
			if closing, err := w.released(t, 2, finetune.Internal, "it was closed"); err != nil || closing.End != finetune.EndFailed {
				t.Errorf("released: %+v, %v", closing, err)
			}
			if m, now := w.model(t), *w.fake.throughputs[served].DesiredModelArn; m.Lease != nil || now != modelARN(1) {
				t.Errorf("after its release the lease is %v, and %s serves %s; want none, and %s", m.Lease, served, now, modelARN(1))
			}
		})
	}
}
