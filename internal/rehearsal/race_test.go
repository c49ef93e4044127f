package rehearsal

import (
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
)

// Ensure two first uploads of a model, on their way at once and before anything
// serves it, buy one provisioned throughput: the second waits for the first and
// then re-points what that one bought. One model unit is granted.
func TestTwoFirstUploadsBuyOnce(t *testing.T) {
	t.Parallel()
	f := start(t, llama, "article", func(s *bedrock.Scenario) { s.Durations.TrainingPerRow = bedrock.Duration(time.Minute) })
	release := f.StepFunctions.Hold()
	first := f.drop("ferry", "first.jsonl", promptCompletion("red"))
	// Twice the records train longer, so the first run buys first.
	second := f.drop("ferry", "second.jsonl", promptCompletion("blue")+promptCompletion("blue"))
	release()
	for _, execution := range f.Started() {
		f.endOf(execution)
	}

	for _, id := range []finetune.RunID{first, second} {
		if run := f.run(id); run.End != finetune.EndDeployed {
			t.Fatalf("run %s ended %s (%s: %s)", id, run.End, run.Error, run.Cause)
		}
	}
	if bought := f.Bedrock.Ledger(); len(bought) != 1 {
		t.Errorf("%d throughputs were bought: %+v", len(bought), bought)
	}
	if change := f.run(second).Throughput.Change; change != finetune.ChangeUpdated {
		t.Errorf("the second run %s the throughput, want it re-pointed", change)
	}
	f.forgetServed()
	f.mustAnswer("ferry", question(3), fact("blue", 3))
}
