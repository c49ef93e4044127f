package statemachine

import (
	"reflect"
	"slices"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

// TestSweepPaths: what the sweep machine reads is in its document by then, and
// what it passes decodes into the function's input.
func TestSweepPaths(t *testing.T) {
	m := loadAll(t)["sweep.asl.json"]
	document, view := reflect.TypeOf(finetune.SweepExecution{}), jsonFields(reflect.TypeOf(finetune.ThroughputInput{}))
	for name, s := range m.States {
		for _, path := range s.paths() {
			if _, ok := typeWithin(document, path); !ok {
				t.Errorf("%s reads %s, which is no field of %v", name, path, document)
			}
		}
		if s.Resource != "${ThroughputFunction}" {
			continue
		}
		for parameter, value := range s.Parameters {
			if parameter == "action" {
				continue
			}
			field := parameter[:len(parameter)-len(".$")]
			got, _ := typeWithin(document, value.(string))
			if want := view[field]; want == nil || base(got) != base(want) {
				t.Errorf("%s passes %s as %v, want %v", name, field, got, want)
			}
		}
	}
	for name := range jsonFields(reflect.TypeOf(finetune.SweepStart{})) {
		if m.States["SweepThroughputs"].Parameters[name+".$"] != "$."+name {
			t.Errorf("SweepThroughputs does not pass %s on", name)
		}
	}
	for name, action := range map[string]string{"SweepThroughputs": finetune.ActionSweep, "RecordTold": finetune.ActionSweepTold} {
		if got := m.States[name].Parameters["action"]; got != action {
			t.Errorf("%s asks for %v, want %s", name, got, action)
		}
	}
}

// TestSweepTellsBeforeItRecords: what was told is recorded after it was published
// and on no other way, and a quiet sweep publishes nothing.
func TestSweepTellsBeforeItRecords(t *testing.T) {
	m := loadAll(t)["sweep.asl.json"]
	order := []string{"SweepThroughputs", "CheckSweep", "TellOperator", "RecordTold", "Swept"}
	if len(m.States) != len(order) || m.StartAt != order[0] {
		t.Fatalf("got %d states from %s, want %v", len(m.States), m.StartAt, order)
	}
	for i, name := range order[:len(order)-1] {
		s := m.States[name]
		if got := s.Next + s.Default; got != order[i+1] {
			t.Errorf("%s leads to %s, want %s", name, got, order[i+1])
		}
	}
	if m.reachable("TellOperator")["RecordTold"] {
		t.Error("RecordTold can be reached without TellOperator")
	}
	rules := m.States["CheckSweep"].Choices
	if len(rules) != 1 || rules[0].Variable != "$.sweep.outcome" || rules[0].StringEquals != finetune.SweepQuiet || rules[0].Next != "Swept" {
		t.Errorf("CheckSweep has the rules %+v, want one for %s", rules, finetune.SweepQuiet)
	}
	if least := m.longestRetry(); m.TimeoutSeconds <= least {
		t.Errorf("TimeoutSeconds is %d, want more than the %d that the retries may take", m.TimeoutSeconds, least)
	}
}

// TestSweepOutwaitsExecutions: a run is taken for abandoned only once no execution
// of it can go on, and nobody who still tries to release a closed one is overtaken.
func TestSweepOutwaitsExecutions(t *testing.T) {
	all := loadAll(t)
	if longest := all["finetune.asl.json"].TimeoutSeconds; finetune.RunAbandonedSeconds <= longest {
		t.Errorf("a run is abandoned after %d s, and an execution may take %d", finetune.RunAbandonedSeconds, longest)
	}
	const closedSeconds = 2 * 3600 // closedAge in lambdas/throughput
	for _, file := range []string{"finetune.asl.json", "release.asl.json"} {
		s := all[file].States["ReleaseRun"]
		longest := slices.MaxFunc(s.Retry, func(a, b retrier) int { return a.MaxDelaySeconds - b.MaxDelaySeconds }).MaxDelaySeconds
		if closedSeconds <= 2*(longest+s.TimeoutSeconds) {
			t.Errorf("%s: between two tries of ReleaseRun may lie %d s, and a run is taken for left alone after %d", file, longest+s.TimeoutSeconds, closedSeconds)
		}
	}
}
