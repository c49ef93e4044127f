package rehearsal

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// Ensure a statement that is taken away fails the rehearsal as it would fail in
// the account: the run does not end Deployed, and the call is denied.
func TestMissingStatementsAreMissed(t *testing.T) {
	for _, missing := range []struct {
		resource, sid string
		denied        string
	}{
		{"FunctionsValidateRole", "ReadUploads", "s3:GetObjectVersion"},
		{"FunctionsValidateRole", "WriteAccepted", "s3:PutObject"},
		{"FunctionsSubmitRole", "StartJob", "bedrock:CreateModelCustomizationJob"},
		{"FunctionsSubmitRole", "PassServiceRole", "iam:PassRole"},
		{"FunctionsSubmitRole", "CheckKey", "kms:DescribeKey"},
		{"FunctionsPollRole", "AskForJob", "bedrock:GetModelCustomizationJob"},
		{"FunctionsAnalyzeRole", "ReadMetrics", "s3:GetObject"},
		{"FunctionsThroughputRole", "Buy", "bedrock:CreateCustomModelDeployment"},
		{"FunctionsThroughputRole", "Try", "bedrock:InvokeModel"},
		{"CustomizationRole", "ReadAccepted", "s3:GetObject"},
		{"WorkflowRole", "CallSteps", "lambda:InvokeFunction"},
		{"Key", "UseThroughBedrock", "bedrock:CreateModelCustomizationJob"},
		{"NetworkS3Endpoint", "UseObjects", "s3:GetObject"},
	} {
		t.Run(missing.resource+" "+missing.sid, func(t *testing.T) {
			t.Parallel()
			f := startAt(t, without(t, assembly(t, nova), missing.resource, missing.sid), "default", nil)
			f.drop("m", "train.jsonl", conversation("a"))
			execution := f.end()
			if last := execution.States[len(execution.States)-1]; execution.Status == stepfunctions.Succeeded && last == finetune.EndDeployed {
				t.Errorf("the run ended %s", last)
			}
			for _, c := range f.Log.Find(missing.denied) {
				if c.Error == "AccessDenied" || c.Error == "AccessDeniedException" {
					return
				}
			}
			t.Errorf("no %s was denied; states %v", missing.denied, execution.States)
		})
	}
}

// Ensure throughput for a Nova model that Bedrock itself may not read ends the run, with
// the reason, and that nothing of it is kept.
func TestBedrockMayNotUseTheKey(t *testing.T) {
	t.Parallel()
	f := startAt(t, without(t, assembly(t, nova), "Key", "OptimizeThroughput"), "default", nil, func(s *bedrock.Scenario) {
		s.ModelUnits = map[string]int{quotaUncommitted: 1, quotaNovaMicro: 1}
	})
	f.put(finetune.TuningKey("m"), `{"serving":{"mode":"provisioned"}}`)
	f.answersAll()
	run, _ := f.train("m", conversation("a"), finetune.EndFailed)
	if !strings.Contains(run.Cause, "KMS key") || len(f.Bedrock.Throughputs()) > 0 {
		t.Errorf("the cause is %q, and there are %d throughputs; want what Bedrock may not use, and none", run.Cause, len(f.Bedrock.Throughputs()))
	}
}

// without copies an assembly, without a statement of a resource, which is named
// by how its logical id begins.
func without(t *testing.T, assembly, resource, sid string) string {
	t.Helper()
	return edited(t, assembly, func(resources map[string]any) {
		removed := 0
		for id, r := range resources {
			if strings.HasPrefix(id, resource) && strings.Trim(id[len(resource):], "0123456789ABCDEF") == "" {
				removed += remove(r, sid)
			}
		}
		if removed != 1 {
			t.Fatalf("%d statements %s of %s, want 1", removed, sid, resource)
		}
	})
}

// edited copies an assembly with the resources of its template changed. What the
// template names is linked to.
func edited(t *testing.T, assembly string, change func(resources map[string]any)) string {
	t.Helper()
	dir := t.TempDir()
	entries, err := os.ReadDir(assembly)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		source, target := filepath.Join(assembly, entry.Name()), filepath.Join(dir, entry.Name())
		if !strings.HasSuffix(entry.Name(), ".template.json") {
			if err := os.Symlink(source, target); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text, err := os.ReadFile(source) //nolint:gosec // a file that the test synthesized
		if err != nil {
			t.Fatal(err)
		}
		var document map[string]any
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatal(err)
		}
		change(document["Resources"].(map[string]any))
		if text, err = json.Marshal(document); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// remove takes the statements with a Sid out of every policy below a value, and
// returns how many there were.
func remove(value any, sid string) (removed int) {
	switch v := value.(type) {
	case map[string]any:
		if list, ok := v["Statement"].([]any); ok {
			var kept []any
			for _, s := range list {
				if s.(map[string]any)["Sid"] == sid {
					removed++
				} else {
					kept = append(kept, s)
				}
			}
			v["Statement"] = kept
			return removed
		}
		for _, member := range v {
			removed += remove(member, sid)
		}
	case []any:
		for _, member := range v {
			removed += remove(member, sid)
		}
	}
	return removed
}
