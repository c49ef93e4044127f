package rehearsal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsbedrock "github.com/aws/aws-sdk-go-v2/service/bedrock"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/control"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// deleteStack deletes the stack and fails the test unless the answer has the
// status and its reason the words.
func (f *fixture) deleteStack(status string, words ...string) {
	f.t.Helper()
	response, err := f.DeleteStack(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	f.checkResponse(response, status, words...)
}

// checkResponse holds an answer to CloudFormation against what it must be.
func (f *fixture) checkResponse(response control.Response, status string, words ...string) {
	f.t.Helper()
	resource := f.Stack.CustomResources[0]
	if response.Status != status || response.StackID != f.Stack.ID || response.LogicalResourceID != resource.LogicalID || response.PhysicalResourceID == "" {
		f.t.Errorf("the answer is %+v, want %s", response, status)
	}
	for _, text := range words {
		if !strings.Contains(response.Reason, text) {
			f.t.Errorf("the reason is %q, want it to say %q", response.Reason, text)
		}
	}
}

// startsNothing fails the test when an upload still starts an execution.
func (f *fixture) startsNothing() {
	f.t.Helper()
	started := len(f.Started())
	f.drop("late", "train.jsonl", conversation("z"))
	if now := len(f.Started()); now != started {
		f.t.Errorf("an upload started %d executions while the stack goes", now-started)
	}
}

// Ensure deleting the stack releases what serves, leaves the models and names
// them, and starts nothing any more; doing it twice changes nothing.
func TestStackIsDeleted(t *testing.T) {
	tests := map[string]struct {
		way   way
		bills int
	}{
		"with deployments":                   {onDemand, 3},
		"with a live provisioned throughput": {provisioned, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, test.way.example, test.way.scenario)
			f.train("m", test.way.data, finetune.EndDeployed)
			if test.way.name == onDemand.name { // the one it replaces is kept for a rollback
				f.train("m", conversation("b"), finetune.EndDeployed)
				f.train("n", conversation("c"), finetune.EndDeployed)
			}
			f.deleteStack("SUCCESS")
			f.boughtAndReleased(test.bills)
			f.startsNothing()
			for _, model := range f.Bedrock.Models() {
				if !strings.Contains(f.printed(), "aws bedrock delete-custom-model --model-identifier "+model.ARN) {
					t.Errorf("model %s is not named as kept", model.ARN)
				}
			}
			if models := f.Bedrock.Models(); len(models) != test.bills {
				t.Errorf("models are %+v, want %d kept", models, test.bills)
			}
			f.deleteStack("SUCCESS")
			f.boughtAndReleased(test.bills)
		})
	}
}

// Ensure deleting the stack stops what runs: the execution, whose run is closed
// by the rule on its status, and its job.
func TestStackIsDeletedWhileARunGoesOn(t *testing.T) {
	tests := map[string]struct {
		way   way
		state string
		job   string
		bills int
	}{
		"training":             {onDemand, "WaitForJob", stopped, 0},
		"waiting to be served": {provisioned, "WaitForThroughput", trained, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, test.way.example, test.way.scenario)
			entered := make(chan func())
			f.whenEntered(test.state, func(string) { entered <- f.StepFunctions.Hold() })
			id := f.drop("m", "train.jsonl", test.way.data)
			release := <-entered
			f.deleteStack("SUCCESS")
			release()
			if execution := f.end(); execution.Status != stepfunctions.Aborted || execution.Error != "StackDeleted" {
				t.Errorf("the execution ended %s (%s), want %s", execution.Status, execution.Error, stepfunctions.Aborted)
			}
			run := f.run(id)
			f.checkReleased(run, finetune.RunClosed, "status ABORTED", test.job, test.bills)
			f.startsNothing()
		})
	}
}

// Ensure a commitment prevents the deletion, with the ARN, the date it ends and
// the command, and that the stack can be deleted once it has ended.
func TestStackWithACommitmentIsDeleted(t *testing.T) {
	t.Parallel()
	f := start(t, llama, "article")
	f.put(finetune.TuningKey("m"), `{"serving":{"commitment":"OneMonth"}}`)
	f.answersAll()
	run, _ := f.train("m", promptCompletion("a"), finetune.EndDeployed)
	committed := f.Bedrock.Throughputs()[0]
	if committed.Commitment != "OneMonth" {
		t.Fatalf("the throughput is %+v, want one with a commitment", committed)
	}
	ends := committed.CommitmentEnds
	f.deleteStack("FAILED", run.Endpoint.ModelID, ends.UTC().Format(time.RFC3339), "aws bedrock delete-provisioned-model-throughput --provisioned-model-id "+run.Endpoint.ModelID)
	if billed := f.Bedrock.Billed(); len(billed) != 1 {
		t.Errorf("billed are %+v, want what the commitment holds", billed)
	}
	f.startsNothing()
	f.Clock.AdvanceTo(ends.Add(time.Minute))
	f.deleteStack("SUCCESS")
	f.boughtAndReleased(1)
}

// Ensure what carries no tag of the stack is left alone.
func TestStackLeavesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	run, _ := f.train("m", conversation("a"), finetune.EndDeployed)
	out, err := f.Administrator().Bedrock.CreateCustomModelDeployment(t.Context(), &awsbedrock.CreateCustomModelDeploymentInput{
		ModelDeploymentName: aws.String("somebody-elses"), ModelArn: &run.CustomModel.ARN,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.deleteStack("SUCCESS")
	if left := f.Bedrock.Deployments(); len(left) != 1 || left[0].ARN != aws.ToString(out.CustomModelDeploymentArn) {
		t.Errorf("left are %+v, want %s alone", left, aws.ToString(out.CustomModelDeploymentArn))
	}
}

// Ensure a deletion that is refused fails at once, with the ARN and what to do,
// and that the next one goes on from there.
func TestStackDeletionThatIsRefused(t *testing.T) {
	for _, w := range bothWays {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, w.example, w.scenario)
			run, _ := f.train("m", w.data, finetune.EndDeployed)
			f.Log.SetHook(func(c calls.Call) *calls.Fault {
				if c.Action != w.remove {
					return nil
				}
				return &calls.Fault{Status: http.StatusForbidden, Code: "AccessDeniedException", Message: "not authorized"}
			})
			f.deleteStack("FAILED", run.Endpoint.ModelID, f.deleteCommand(f.Bedrock.Billed()[0]), "delete the stack again")
			f.Log.SetHook(nil)
			f.deleteStack("SUCCESS")
			f.boughtAndReleased(1)
		})
	}
}

// Ensure nothing is deleted while the stack stays: when it is created or
// updated, and when only the custom resource is taken out of it.
func TestStackStays(t *testing.T) {
	t.Parallel()
	f := start(t, llama, "article")
	f.train("m", promptCompletion("a"), finetune.EndDeployed)
	for _, asked := range []struct{ request, status string }{
		{"Create", "CREATE_IN_PROGRESS"},
		{"Update", "UPDATE_IN_PROGRESS"},
		{"Delete", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"},
		{"Delete", "UPDATE_ROLLBACK_IN_PROGRESS"},
		{"Delete", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"},
	} {
		response, err := f.AskLifecycle(t.Context(), asked.request, asked.status)
		if err != nil {
			t.Fatal(err)
		}
		f.checkResponse(response, "SUCCESS")
		if billed := f.Bedrock.Billed(); len(billed) != 1 {
			t.Fatalf("%s in %s: billed are %+v, want the throughput still", asked.request, asked.status, billed)
		}
	}
	f.mustAnswer("m", question(8), fact("a", 8))
	f.train("m", promptCompletion("b"), finetune.EndDeployed)

	response, err := f.AskLifecycle(t.Context(), "Delete", "ROLLBACK_IN_PROGRESS")
	if err != nil {
		t.Fatal(err)
	}
	f.checkResponse(response, "SUCCESS")
	f.boughtAndReleased(1)
}
