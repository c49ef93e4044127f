package rehearsal

import (
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// Ensure a throughput that a commitment holds after the base model was changed is
// paid for once: a rollback takes it up, or finds it standing, asks nobody and buys
// nothing, whether to the run that bought it or to the one it served last; and one
// that fails leaves it as it was.
func TestRollbackToWhatACommitmentHolds(t *testing.T) {
	for name, buyer := range map[string]bool{"its buyer": true, "who was served by it": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startSweeping(t)
			f.Bedrock.GrantModelUnits(quotaNovaLite, 1)
			f.answersAll()
			f.put(finetune.TuningKey("support"), `{"serving":{"mode":"provisioned","modelUnits":1,"commitment":"OneMonth"}}`)
			first, _ := f.train("support", conversation("first"), finetune.EndDeployed)
			second, _ := f.train("support", conversation("second"), finetune.EndDeployed)
			f.put(finetune.TuningKey("support"), `{"baseModel":"amazon.nova-lite-v1:0:300k"}`)
			f.train("support", conversation("third"), finetune.EndDeployed)
			to, set := second, "second"
			if buyer {
				to, set = first, "first"
			}
			asked := len(f.asked())
			f.failSmokeTests()
			f.goBack("support", to.ID, finetune.EndFailed)
			f.Log.SetHook(nil)
			f.retiresOnly(second)
			f.forgetServed()
			f.mustAnswer("support", question(3), fact("third", 3))

			back, _ := f.goBack("support", to.ID, finetune.EndDeployed)
			f.checkServed(back, set, "")
			f.servesOnly(back)
			f.spent(back, finetune.PurposeServing, finetune.DecisionGranted, "")
			bought := f.requests("bedrock:CreateProvisionedModelThroughput", ":custom-model/")
			if len(bought) != 2 || len(f.asked()) != asked || back.Endpoint.ModelID != first.Endpoint.ModelID {
				t.Errorf("bought %d times, asked %d more, served from %s; want 2 purchases, no question, and %s", len(bought), len(f.asked())-asked, back.Endpoint.ModelID, first.Endpoint.ModelID)
			}
		})
	}
}

// retiresOnly holds that what a run was served from is all there is to be deleted,
// and that it serves the run's model once the changes under way are through.
func (f *fixture) retiresOnly(run registry.Run) {
	f.t.Helper()
	f.Bedrock.Settle(f.t.Context())
	m := f.model(run.Model)
	if len(m.Retired) != 1 || m.Retired[0].ThroughputARN != run.Endpoint.ModelID || m.Retired[0].Run.ID != run.ID || m.Lease != nil {
		f.t.Errorf("the registry says %+v; want %s of run %s to be deleted", m, run.Endpoint.ModelID, run.ID)
	}
	for _, p := range f.Bedrock.Throughputs() {
		if p.ARN == run.Endpoint.ModelID && p.DesiredModelARN != run.CustomModel.ARN {
			f.t.Errorf("%s is to serve %s, want %s", p.ARN, p.DesiredModelARN, run.CustomModel.ARN)
		}
	}
}
