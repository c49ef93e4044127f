package rehearsal

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
)

// Ensure the permissions boundary that is shipped hinders nothing: with it on every
// role, a run that buys throughput after an approval ends well, is asked, and is swept.
func TestRunUnderTheShippedBoundary(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(absRoot(), "examples", "organization", "permissions-boundary.json"))
	if err != nil {
		t.Fatal(err)
	}
	bounded := edited(t, assembly(t, nova), func(resources map[string]any) {
		for _, r := range resources {
			if r := r.(map[string]any); r["Type"] == "AWS::IAM::Role" {
				r["Properties"].(map[string]any)["PermissionsBoundary"] = "arn:aws:iam::" + AccountID + ":policy/tuneline-boundary"
			}
		}
	})
	f := startAs(t, Options{Assembly: bounded, Boundary: text}, "default", func(s *bedrock.Scenario) { s.ModelUnits = map[string]int{quotaUncommitted: 1, quotaNovaLite: 1} })
	f.put(finetune.TuningKey("m"), `{"baseModel":"amazon.nova-lite-v1:0:300k","serving":{"mode":"provisioned"}}`)
	f.answersAll()
	f.train("m", conversation("a"), finetune.EndDeployed)
	f.mustAnswer("m", question(10), fact("a", 10))
	if _, err := f.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
}

// Ensure a base model that the stack does not allow is refused before anything is made,
// and that the policy refuses it by itself where the check would let it through.
func TestBaseModelsThatAreNotAllowed(t *testing.T) {
	t.Parallel()
	const lite = "amazon.nova-lite-v1:0:300k"
	tuning := `{"baseModel":"` + lite + `"}`
	t.Run("by the check", func(t *testing.T) {
		t.Parallel()
		f := startWith(t, nova, "default", map[string]string{"TUNELINE_BASE_MODELS": "amazon.nova-micro-v1:0:128k"})
		f.put(finetune.TuningKey("m"), tuning)
		run, _ := f.train("m", conversation("a"), finetune.EndRejected)
		if !strings.Contains(run.Cause, "allowedBaseModels") || !strings.Contains(run.Cause, lite) || len(f.Bedrock.Jobs()) > 0 {
			t.Errorf("got %q and %d jobs, want what to do and no job", run.Cause, len(f.Bedrock.Jobs()))
		}
	})
	t.Run("by the policy", func(t *testing.T) {
		t.Parallel()
		narrowed := edited(t, assembly(t, nova), func(resources map[string]any) {
			for id, r := range resources {
				if strings.HasPrefix(id, "FunctionsSubmitRole") {
					narrow(t, r, lite)
				}
			}
		})
		f := startAt(t, narrowed, "default", nil)
		f.put(finetune.TuningKey("m"), tuning)
		f.drop("m", "train.jsonl", conversation("a"))
		f.end()
		if jobs := f.Bedrock.Jobs(); len(jobs) > 0 {
			t.Errorf("got %d jobs on %s, want none", len(jobs), jobs[0].BaseModel)
		}
		for _, c := range f.Log.Find("bedrock:CreateModelCustomizationJob") {
			if c.Error == "AccessDeniedException" {
				return
			}
		}
		t.Error("no job was denied")
	})
}

// narrow takes a base model out of what a role may start a job on.
func narrow(t *testing.T, role any, model string) {
	t.Helper()
	policies := role.(map[string]any)["Properties"].(map[string]any)["Policies"].([]any)
	for _, s := range policies[0].(map[string]any)["PolicyDocument"].(map[string]any)["Statement"].([]any) {
		s := s.(map[string]any)
		if s["Sid"] != "StartJobOnBaseModel" {
			continue
		}
		var kept []any
		for _, arn := range s["Resource"].([]any) {
			text, err := json.Marshal(arn)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), strings.TrimSuffix(model, ":300k")) {
				kept = append(kept, arn)
			}
		}
		if len(kept) == len(s["Resource"].([]any)) {
			t.Fatalf("no job may be started on %s anyway", model)
		}
		s["Resource"] = kept
	}
}
