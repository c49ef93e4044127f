package main

import (
	"encoding/json"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

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

// TestReleaseBeforeTheClaim: an execution that ended while the check was about
// to claim its run leaves the check nothing to go on with.
func TestReleaseBeforeTheClaim(t *testing.T) {
	claim := func(t *testing.T, w *world, owner string) {
		t.Helper()
		if _, err := w.store.Claim(t.Context(), registry.Run{ID: run(1).ID, Model: "support", Dataset: upload(1), ExecutionARN: owner}); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		// faster is who claims the run just before the release does.
		faster string
		end    string
		closed bool
	}{
		"in the check's place":       {end: finetune.EndFailed, closed: true},
		"after the check":            {faster: execution(1), end: finetune.EndFailed, closed: true},
		"after another's, same file": {faster: execution(7), end: finetune.EndDuplicate},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.bucket.before = func(key string) error {
				if key == finetune.RunReportKey(run(1).ID) && test.faster != "" && w.bucket.objects[finetune.RunKey(run(1).ID)] == nil {
					claim(t, w, test.faster)
				}
				return nil
			}
			closing, err := w.releasedByRule(t, 1, "ABORTED")
			if err != nil || closing.End != test.end {
				t.Errorf("got %+v, %v; want %s", closing, err, test.end)
			}
			claim(t, w, execution(1)) // the check, late
			record := w.record(t, 1)
			if record.Closed != test.closed || test.closed && (record.End != test.end || record.Error != string(finetune.RunClosed)) {
				t.Errorf("the record is %+v", record)
			}
			again, err := w.releasedByRule(t, 1, "ABORTED")
			if err != nil || again != closing {
				t.Errorf("the second call answers %+v, %v; want %+v", again, err, closing)
			}
			w.did(t)
		})
	}
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
	fromState := func(kind finetune.Kind) finetune.ThroughputInput {
		return finetune.ThroughputInput{Action: finetune.ActionRelease, ExecutionARN: execution(7), Dataset: ptr(upload(1)), Error: &finetune.Failure{Error: string(kind), Cause: "why"}}
	}
	if err := w.store.NoteExecution(t.Context(), registry.Execution{ARN: execution(7), Dataset: upload(1)}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		in         finetune.ThroughputInput
		end, error string
	}{
		"closed meanwhile": {fromState(finetune.RunClosed), finetune.EndDuplicate, "RunClosed"},
		"cannot resume it": {fromState(finetune.SettingsRejected), finetune.EndFailed, "SettingsRejected"},
		"no answer":        {fromState(finetune.Unavailable), finetune.EndFailed, "Unavailable"},
		"the rule":         {finetune.ThroughputInput{Action: finetune.ActionRelease, ExecutionARN: execution(7), Status: "FAILED"}, finetune.EndDuplicate, "RunClosed"},
	} {
		out, err := w.Handle(t.Context(), test.in)
		closing, _ := out.(finetune.Closing)
		if err != nil || closing.End != test.end || closing.Error != test.error {
			t.Errorf("%s: got %+v, %v; want %s with %s", name, out, err, test.end, test.error)
		}
		says(t, closing.Cause, execution(1)+" owns run")
		if test.end == finetune.EndFailed {
			says(t, closing.Cause, "why.")
		}
	}
	w.did(t)
	if after := w.record(t, 1); after.Closed || after.End != before.End || w.bucket.objects[finetune.RunReportKey(run(1).ID)] != nil {
		t.Errorf("the record became %+v", after)
	}
}

// Ensure the release of an execution that had begun nothing is no error that would
// be tried again, and keeps a first step that is still at work from beginning.
func TestReleaseOfAnExecutionThatNeverBegan(t *testing.T) {
	w := newWorld()
	var closing finetune.Closing
	for range 2 {
		out, err := w.Handle(t.Context(), finetune.ThroughputInput{Action: finetune.ActionRelease, ExecutionARN: execution(1), Status: "ABORTED"})
		closing, _ = out.(finetune.Closing)
		if err != nil || closing.End != finetune.EndFailed || len(w.bucket.objects) != 1 {
			t.Errorf("got %+v, %v, objects %v", closing, err, w.bucket.objects)
		}
	}
	says(t, closing.Cause, "It had claimed no run")
	late := w.store.NoteExecution(t.Context(), registry.Execution{ARN: execution(1), Dataset: upload(1)})
	wantKind(t, late, finetune.RunClosed, execution(1))
	w.did(t)
}
