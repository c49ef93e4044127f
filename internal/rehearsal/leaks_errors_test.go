package rehearsal

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/canary"
)

// refused are the answers by which services quote what they were given.
var refused = []calls.Fault{
	{Status: http.StatusBadRequest, Code: "ValidationException"},
	{Status: http.StatusForbidden, Code: "AccessDeniedException"},
	{Status: http.StatusNotFound, Code: "ResourceNotFoundException"},
	{Status: http.StatusInternalServerError, Code: "InternalServerException"},
}

// asked is a call as functions make it: whose role, and which action.
type asked struct{ role, action string }

// Ensure nothing that an AWS service quotes in an error gets any further: each call
// that a function makes in a run is refused once, in a run of its own, with a message
// that holds a canary, in each way that capacity is served.
func TestNothingOfErrorsLeaks(t *testing.T) {
	for _, way := range bothWays {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			w := watch(startWith(t, way.example, way.scenario, map[string]string{"AWS_MAX_ATTEMPTS": "1"}, func(s *bedrock.Scenario) {
				s.ModelUnits = map[string]int{}
				for _, quota := range []string{quotaUncommitted, quotaLlama8B} {
					s.ModelUnits[quota] = 1000
				}
			}))
			for range 3 { // the second re-points what serves, the third deletes what served first
				w.train("m", way.data, finetune.EndDeployed)
			}
			made := w.madeByFunctions()
			if way.name == provisioned.name { // the others are the same
				made = slices.DeleteFunc(made, func(a asked) bool { return !strings.Contains(a.action, "Provisioned") })
			}
			if len(made) < map[string]int{onDemand.name: 15, provisioned.name: 3}[way.name] {
				t.Fatalf("functions made %d kinds of calls: %v", len(made), made)
			}
			var spared []asked
			for n, call := range made {
				fault := refused[n%len(refused)]
				fault.Message = "Malformed input: " + w.Put(fmt.Sprintf("a refusal of %s by %s", call.action, call.role)).Text()
				model := "m"
				if strings.HasPrefix(call.action, "bedrock:Create") { // what serves is not made again
					model = fmt.Sprintf("m%d", n)
				}
				if !w.strike(model, call, fault, way.data) {
					spared = append(spared, call)
				}
			}
			if len(spared) > len(made)/4 {
				t.Errorf("of %d calls these were not refused: %v", len(made), spared)
			}
			if _, err := w.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
			w.tight()
		})
	}
}

// madeByFunctions are the kinds of calls that functions made so far.
func (w *watched) madeByFunctions() []asked {
	found := map[asked]bool{}
	for _, c := range w.Log.All() {
		if c.Principal.Function != "" && (strings.HasPrefix(c.Action, "s3:") || strings.HasPrefix(c.Action, "bedrock:") || c.Action == "kms:DescribeKey") {
			found[asked{c.Principal.Role, c.Action}] = true
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b asked) int {
		return cmp.Or(cmp.Compare(a.role, b.role), cmp.Compare(a.action, b.action))
	})
}

// strike drops a data set whose run has one call refused, and waits for its end,
// whichever it is. It says whether the call was made.
func (w *watched) strike(model string, call asked, fault calls.Fault, data string) bool {
	w.t.Helper()
	var mu sync.Mutex
	struck := false
	w.Log.SetHook(func(c calls.Call) *calls.Fault {
		mu.Lock()
		defer mu.Unlock()
		if struck || c.Principal.Role != call.role || c.Action != call.action {
			return nil
		}
		struck = true
		return &fault
	})
	defer w.Log.SetHook(nil)
	w.drop(model, "train.jsonl", data)
	w.end()
	mu.Lock()
	defer mu.Unlock()
	return struck
}

// Ensure nothing of what Bedrock says of a job, a model or capacity that failed is
// told, but plain words.
func TestNothingOfFailuresLeaks(t *testing.T) {
	t.Parallel()
	cage := canary.NewCage(t.Name())
	quoting := func(where string) string { return "Row 7 is not acceptable: " + cage.Put(where).Text() }
	named := func(name string) bedrock.Match { return bedrock.Match{NameContains: name + "-"} }
	f := start(t, nova, "default", func(s *bedrock.Scenario) {
		s.Jobs = []bedrock.JobOutcome{
			{Match: named("checked"), Status: "Failed", Stage: "validation", FailureMessage: quoting("a job that failed in validation")},
			{Match: named("trained"), Status: "Failed", FailureMessage: quoting("a job that failed in training")},
			{Match: named("parsed"), Status: "Failed", Stage: "validation", FailureMessage: "Unable to parse Amazon S3 file: train.jsonl. " + quoting("a job that failed over its data")},
		}
		s.Deployments = []bedrock.ServeOutcome{{Match: named("served"), CreateFails: true, FailureMessage: quoting("a deployment that failed")}}
		s.Throughputs = []bedrock.ServeOutcome{{Match: named("bought"), CreateFails: true, FailureMessage: quoting("a provisioned throughput that failed")}}
		s.ModelUnits = map[string]int{quotaUncommitted: 1, quotaNovaMicro: 1}
	})
	w := &watched{fixture: f, Cage: cage}
	f.put(finetune.TuningKey("bought"), `{"serving":{"mode":"provisioned"}}`)
	f.answersAll()
	for model, end := range map[string]string{"checked": finetune.EndFailed, "trained": finetune.EndFailed, "parsed": finetune.EndRejected, "served": finetune.EndFailed, "bought": finetune.EndFailed} {
		run, _ := w.train(model, conversation("a"), end)
		if !strings.Contains(run.Cause, "…") {
			t.Errorf("%s: the cause is %q, want it to say that something is left out", model, run.Cause)
		}
	}
	w.tight()
}
