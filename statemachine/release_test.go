package statemachine

import (
	"reflect"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

// TestReleasePayload: what the release machine is started with is all that its
// task reads, and what the task passes decodes into the function's input.
func TestReleasePayload(t *testing.T) {
	input, view := reflect.TypeOf(finetune.StatusRelease{}), jsonFields(reflect.TypeOf(finetune.ThroughputInput{}))
	task := loadAll(t)["release.asl.json"].States["ReleaseRun"]
	read := map[string]bool{}
	for _, path := range task.paths() {
		got, ok := typeWithin(input, path)
		name := path[len("$."):]
		if !ok || task.Parameters[name+".$"] != path || view[name] != got {
			t.Errorf("ReleaseRun reads %s as %v; want a field of %v, passed by its own name", path, got, input)
		}
		read[name] = true
	}
	for name := range jsonFields(input) {
		if !read[name] {
			t.Errorf("ReleaseRun does not pass %s", name)
		}
	}
	if got := task.Parameters["action"]; got != finetune.ActionRelease || len(task.Parameters) != len(read)+1 {
		t.Errorf("ReleaseRun passes %v, want the action %q and the input's fields", task.Parameters, finetune.ActionRelease)
	}
}

// TestReleaseIsPatient: it tries as often as the pipeline's own release does,
// within its time.
func TestReleaseIsPatient(t *testing.T) {
	all := loadAll(t)
	m, want := all["release.asl.json"], all["finetune.asl.json"].States["ReleaseRun"]
	task := m.States["ReleaseRun"]
	if !reflect.DeepEqual(task.Retry, want.Retry) || task.TimeoutSeconds != want.TimeoutSeconds || task.Resource != want.Resource || task.ResultPath != want.ResultPath {
		t.Errorf("got %+v, want it to try as %+v does", task, want)
	}
	check := m.States[task.Next]
	if m.StartAt != "ReleaseRun" || len(m.States) != 4 || m.States[check.Default].Type != "Succeed" || len(check.Choices) != 1 ||
		check.Choices[0].StringEquals != finetune.EndNeedsOperator || m.States[check.Choices[0].Next].Resource != publish {
		t.Errorf("got the states %v from %s, want the one task, its end, and the notice of one that needs a person", m.States, m.StartAt)
	}
	if least := m.longestRetry(); m.TimeoutSeconds <= least {
		t.Errorf("TimeoutSeconds is %d, want more than the %d that the retries may take", m.TimeoutSeconds, least)
	}
}

// longestRetry is how many seconds the retries of all tasks may take, with
// every try as long as its time-out lets it be.
func (m machine) longestRetry() int {
	total := 0.0
	for _, s := range m.States {
		for _, r := range s.Retry {
			wait := float64(r.IntervalSeconds)
			for range r.MaxAttempts {
				total += min(wait, float64(r.MaxDelaySeconds)) + float64(s.TimeoutSeconds)
				wait *= r.BackoffRate
			}
		}
	}
	return int(total)
}
