package bedrock

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	rt "github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

func TestDeploymentLifeCycle(t *testing.T) {
	r := newRig(t, "default")
	model := r.train("dep-1", nova)
	arn := r.deploy("dep-1", model)
	_, err := r.ask(arn, topics[0].question)
	checkError[*rt.ModelNotReadyException](t, "while Creating", err)
	r.clock.Advance(10 * time.Minute)
	got, err := r.control.GetCustomModelDeployment(t.Context(), &sdk.GetCustomModelDeploymentInput{CustomModelDeploymentIdentifier: aws.String("dep-1")})
	if err != nil || got.Status != types.CustomModelDeploymentStatusActive || *got.ModelArn != model {
		t.Fatalf("deployment: got %+v %v", got, err)
	}
	if text := r.mustAsk(arn, topics[0].question); text != topics[0].answer {
		t.Errorf("answer: got %q", text)
	}
	_, err = r.control.DeleteCustomModel(t.Context(), &sdk.DeleteCustomModelInput{ModelIdentifier: &model})
	checkError[*types.ConflictException](t, "deleting a deployed model", err)
	if _, err := r.control.DeleteCustomModelDeployment(t.Context(), &sdk.DeleteCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &arn}); err != nil {
		t.Fatal(err)
	}
	_, err = r.ask(arn, "hello")
	checkError[*rt.ResourceNotFoundException](t, "after delete", err)
	if _, err := r.control.DeleteCustomModel(t.Context(), &sdk.DeleteCustomModelInput{ModelIdentifier: &model}); err != nil {
		t.Errorf("deleting a free model: %v", err)
	}
}

func TestDeploymentUpdateSwapsTheModel(t *testing.T) {
	r := newRig(t, "default")
	first := r.train("swap-1", nova)
	arn := r.deploy("swap", first)
	r.clock.Advance(time.Hour)
	in := r.request("swap-2", nova)
	r.store.put("/bucket/accepted/swap-2/train.jsonl", dataset(nova, 6, 1))
	r.submit(in)
	r.clock.Advance(3 * time.Hour)
	second := r.job("swap-2").OutputModelArn
	if _, err := r.control.UpdateCustomModelDeployment(t.Context(), &sdk.UpdateCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &arn, ModelArn: second}); err != nil {
		t.Fatal(err)
	}
	if text := r.mustAsk(arn, topics[0].question); text != topics[0].answer {
		t.Errorf("while updating: got %q", text)
	}
	r.clock.Advance(time.Hour)
	if text := r.mustAsk(arn, topics[0].question); text != topics[1].answer {
		t.Errorf("after the update: got %q", text)
	}
	got, err := r.control.GetCustomModelDeployment(t.Context(), &sdk.GetCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &arn})
	if err != nil || got.UpdateDetails.UpdateStatus != types.CustomModelDeploymentUpdateStatusUpdateCompleted || *got.ModelArn != *second {
		t.Errorf("deployment: got %+v %v", got, err)
	}
}

func TestDeploymentRefusals(t *testing.T) {
	r := newRig(t, "default", func(s *Scenario) {
		s.Quotas.Deployments = 3
		s.Deployments = []ServeOutcome{{Match: Match{NameContains: "bad"}, CreateFails: true, FailureMessage: "no room"}}
	})
	model := r.train("dep-r", nova)
	create := func(name, arn string) error {
		_, err := r.control.CreateCustomModelDeployment(t.Context(), &sdk.CreateCustomModelDeploymentInput{ModelDeploymentName: &name, ModelArn: &arn})
		return err
	}
	checkError[*types.ResourceNotFoundException](t, "unknown model", create("x", model[:len(model)-1]+"0"))
	bad := r.deploy("bad", model)
	checkError[*types.ValidationException](t, "name in use", create("bad", model))
	r.deploy("two", model)
	checkError[*types.ServiceQuotaExceededException](t, "two in progress", create("three", model))
	r.clock.Advance(time.Hour)
	r.deploy("three", model)
	r.clock.Advance(time.Hour)
	checkError[*types.ServiceQuotaExceededException](t, "three deployments", create("four", model))
	got, err := r.control.GetCustomModelDeployment(t.Context(), &sdk.GetCustomModelDeploymentInput{CustomModelDeploymentIdentifier: &bad})
	if err != nil || got.Status != types.CustomModelDeploymentStatusFailed || *got.FailureMessage != "no room" {
		t.Errorf("failed deployment: got %+v %v", got, err)
	}
	list, err := r.control.ListCustomModelDeployments(t.Context(), &sdk.ListCustomModelDeploymentsInput{StatusEquals: types.CustomModelDeploymentStatusActive, ModelArnEquals: &model})
	if err != nil || len(list.ModelDeploymentSummaries) != 2 {
		t.Errorf("active deployments: got %+v %v", list, err)
	}
}

func (r *rig) provision(name, model string, commitment types.CommitmentDuration) (string, error) {
	out, err := r.control.CreateProvisionedModelThroughput(r.t.Context(), &sdk.CreateProvisionedModelThroughputInput{
		ProvisionedModelName: &name, ModelId: &model, ModelUnits: aws.Int32(1), CommitmentDuration: commitment,
		Tags: []types.Tag{{Key: aws.String("app"), Value: aws.String("tuneline")}},
	})
	if err != nil {
		return "", err
	}
	return *out.ProvisionedModelArn, nil
}

func (r *rig) throughput(arn string) *sdk.GetProvisionedModelThroughputOutput {
	r.t.Helper()
	out, err := r.control.GetProvisionedModelThroughput(r.t.Context(), &sdk.GetProvisionedModelThroughputInput{ProvisionedModelId: &arn})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func TestThroughputLifeCycle(t *testing.T) {
	r := newRig(t, "article")
	first, second := r.train("pt-1", llama), r.train("pt-2", llama)
	arn, err := r.provision("pt", first, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.ask(arn, "hello")
	checkError[*rt.ModelNotReadyException](t, "while Creating", err)
	_, err = r.provision("pt-more", second, "")
	checkError[*types.ServiceQuotaExceededException](t, "second unit", err)
	r.clock.Advance(30 * time.Minute)
	if got := r.throughput(arn); got.Status != types.ProvisionedModelStatusInService || *got.ModelUnits != 1 {
		t.Errorf("got %+v", got)
	}
	if _, err := r.control.UpdateProvisionedModelThroughput(t.Context(), &sdk.UpdateProvisionedModelThroughputInput{ProvisionedModelId: &arn, DesiredModelId: &second}); err != nil {
		t.Fatal(err)
	}
	got := r.throughput(arn)
	if got.Status != types.ProvisionedModelStatusUpdating || *got.ModelArn != first || *got.DesiredModelArn != second {
		t.Errorf("while Updating: got %+v", got)
	}
	if text := r.mustAsk(arn, topics[3].question); text != topics[3].answer {
		t.Errorf("while Updating: got %q", text)
	}
	_, err = r.control.UpdateProvisionedModelThroughput(t.Context(), &sdk.UpdateProvisionedModelThroughputInput{ProvisionedModelId: &arn, DesiredModelId: &first})
	checkError[*types.ValidationException](t, "update while Updating", err)
	r.clock.Advance(30 * time.Minute)
	if got := r.throughput(arn); got.Status != types.ProvisionedModelStatusInService || *got.ModelArn != second {
		t.Errorf("updated: got %+v", got)
	}
	checkLedger(t, r, arn)
}

// checkLedger deletes the one throughput and follows the ledger.
func checkLedger(t *testing.T, r *rig, arn string) {
	t.Helper()
	billed := r.double.Billed()
	if len(billed) != 1 || !billed[0].Hourly || billed[0].Units != 1 || billed[0].Tags["app"] != "tuneline" || !billed[0].Until.IsZero() {
		t.Errorf("billed: got %+v", billed)
	}
	if _, err := r.control.DeleteProvisionedModelThroughput(t.Context(), &sdk.DeleteProvisionedModelThroughputInput{ProvisionedModelId: &arn}); err != nil {
		t.Fatal(err)
	}
	if left := r.double.Billed(); len(left) != 0 {
		t.Errorf("billed after delete: got %+v", left)
	}
	if all := r.double.Ledger(); len(all) != 1 || !all[0].Until.Equal(r.clock.Now()) {
		t.Errorf("ledger: got %+v", all)
	}
	_, err := r.control.DeleteProvisionedModelThroughput(t.Context(), &sdk.DeleteProvisionedModelThroughputInput{ProvisionedModelId: &arn})
	checkError[*types.ResourceNotFoundException](t, "deleting twice", err)
}

func TestCommitmentBindsAndRenews(t *testing.T) {
	r := newRig(t, "article")
	arn, err := r.provision("term", r.train("term-1", llama), types.CommitmentDurationOneMonth)
	if err != nil {
		t.Fatal(err)
	}
	remove := func() error {
		_, err := r.control.DeleteProvisionedModelThroughput(t.Context(), &sdk.DeleteProvisionedModelThroughputInput{ProvisionedModelId: &arn})
		return err
	}
	checkError[*types.ConflictException](t, "within the term", remove())
	end := *r.throughput(arn).CommitmentExpirationTime
	r.clock.AdvanceTo(end.AddDate(0, 0, 3))
	if renewed := *r.throughput(arn).CommitmentExpirationTime; !renewed.After(end) {
		t.Errorf("three days after the end: got %s, want a renewed term", renewed)
	}
	checkError[*types.ConflictException](t, "within the renewed term", remove())
	r.clock.AdvanceTo(end.AddDate(0, 1, 0).Add(time.Hour))
	if err := remove(); err != nil {
		t.Errorf("right after the term: %v", err)
	}
}

func TestListsOfModelsAndThroughputs(t *testing.T) {
	r := newRig(t, "article")
	model := r.train("lists", llama)
	if _, err := r.provision("lists", model, ""); err != nil {
		t.Fatal(err)
	}
	models, err := r.control.ListCustomModels(t.Context(), &sdk.ListCustomModelsInput{
		ModelStatus: types.ModelStatusActive, FoundationModelArnEquals: aws.String("arn:aws:bedrock:us-west-2::foundation-model/" + llama),
	})
	if err != nil || len(models.ModelSummaries) != 1 || *models.ModelSummaries[0].ModelArn != model {
		t.Errorf("models: got %+v %v", models, err)
	}
	throughputs, err := r.control.ListProvisionedModelThroughputs(t.Context(), &sdk.ListProvisionedModelThroughputsInput{
		StatusEquals: types.ProvisionedModelStatusCreating, ModelArnEquals: &model, SortOrder: types.SortOrderAscending,
	})
	if err != nil || len(throughputs.ProvisionedModelSummaries) != 1 {
		t.Errorf("throughputs: got %+v %v", throughputs, err)
	}
	if got := r.double.Throughputs(); len(got) != 1 || got[0].Tags["app"] != "tuneline" || got[0].ModelARN != model {
		t.Errorf("snapshot: got %+v", got)
	}
	if got := r.double.Deployments(); len(got) != 0 {
		t.Errorf("deployments: got %+v", got)
	}
}

func TestThroughputFailures(t *testing.T) {
	r := newRig(t, "article-default-quota")
	model := r.train("pt-q", llama)
	_, err := r.provision("pt", model, "")
	checkError[*types.ServiceQuotaExceededException](t, "no units granted", err)
	if err == nil || !strings.Contains(err.Error(), noCommitmentQuota) {
		t.Errorf("got %v, want the quota's code", err)
	}

	r = newRig(t, "article", func(s *Scenario) {
		s.Throughputs = []ServeOutcome{{CreateFails: true, FailureMessage: "no capacity", Takes: Duration(time.Minute)}}
		s.DeleteWhileCreating = "conflict"
	})
	arn, err := r.provision("pt", r.train("pt-f", llama), "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.control.DeleteProvisionedModelThroughput(t.Context(), &sdk.DeleteProvisionedModelThroughputInput{ProvisionedModelId: &arn})
	checkError[*types.ConflictException](t, "deleting while Creating", err)
	r.clock.Advance(time.Minute)
	if got := r.throughput(arn); got.Status != types.ProvisionedModelStatusFailed || *got.FailureMessage != "no capacity" {
		t.Errorf("got %+v", got)
	}
	if len(r.double.Billed()) != 1 {
		t.Error("a failed throughput is billed until it is deleted")
	}
}

func TestInvokeModelBodies(t *testing.T) {
	r := newRig(t, "article")
	arn, err := r.provision("pt", r.train("pt-b", llama), "")
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(time.Hour)
	prompt := "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n" + topics[2].question + "<|eot_id|><|start_header_id|>assistant<|end_header_id|>"
	body := invoke(t, r, arn, map[string]any{"prompt": prompt, "temperature": 0.1, "max_gen_len": 64})
	if body["generation"] != topics[2].answer || body["stop_reason"] != "stop" {
		t.Errorf("got %v", body)
	}
	if body = invoke(t, r, arn, map[string]any{"prompt": prompt, "max_gen_len": 2}); body["stop_reason"] != "length" {
		t.Errorf("short answer: got %v", body)
	}
	_, err = r.runtime.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{ModelId: &arn, Body: []byte(`{"prompt":"x","temperature":3}`), ContentType: aws.String("application/json")})
	checkError[*rt.ValidationException](t, "temperature", err)

	r = newRig(t, "default")
	arn = r.deploy("dep", r.train("dep-b", nova))
	r.clock.Advance(time.Hour)
	body = invoke(t, r, arn, map[string]any{
		"messages":        []any{map[string]any{"role": "user", "content": []any{map[string]any{"text": topics[2].question}}}},
		"inferenceConfig": map[string]any{"maxTokens": 300, "temperature": 0.3},
	})
	if raw, _ := json.Marshal(body["output"]); !strings.Contains(string(raw), topics[2].answer) {
		t.Errorf("got %v", body)
	}
}

func invoke(t *testing.T, r *rig, model string, in map[string]any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.runtime.InvokeModel(t.Context(), &bedrockruntime.InvokeModelInput{ModelId: &model, Body: raw, ContentType: aws.String("application/json")})
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(out.Body, &body); err != nil {
		t.Fatal(err)
	}
	return body
}

func TestConverseStream(t *testing.T) {
	r := newRig(t, "default")
	arn := r.deploy("dep", r.train("dep-s", nova))
	r.clock.Advance(time.Hour)
	out, err := r.runtime.ConverseStream(t.Context(), &bedrockruntime.ConverseStreamInput{ModelId: &arn, Messages: []rt.Message{{
		Role: rt.ConversationRoleUser, Content: []rt.ContentBlock{&rt.ContentBlockMemberText{Value: topics[5].question}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	var last rt.ConverseStreamOutput
	for event := range out.GetStream().Events() {
		if piece, ok := event.(*rt.ConverseStreamOutputMemberContentBlockDelta); ok {
			text.WriteString(piece.Value.Delta.(*rt.ContentBlockDeltaMemberText).Value)
		}
		last = event
	}
	if err := out.GetStream().Err(); err != nil {
		t.Fatal(err)
	}
	if text.String() != topics[5].answer {
		t.Errorf("text: got %q", text.String())
	}
	if _, ok := last.(*rt.ConverseStreamOutputMemberMetadata); !ok {
		t.Errorf("last event: got %T, want the metadata", last)
	}
}

func TestConverseRefusals(t *testing.T) {
	r := newRig(t, "default")
	_, err := r.ask("amazon.unknown-v1:0", "hello")
	checkError[*rt.ValidationException](t, "unknown model", err)
	_, err = r.ask(novaPlan, " ")
	checkError[*rt.ValidationException](t, "blank text", err)
	_, err = r.ask(r.train("own", nova), "hello")
	checkError[*rt.ValidationException](t, "a custom model's own ARN", err)
	_, err = r.runtime.Converse(t.Context(), &bedrockruntime.ConverseInput{ModelId: aws.String(novaPlan), InferenceConfig: &rt.InferenceConfiguration{Temperature: aws.Float32(2)}})
	checkError[*rt.ValidationException](t, "temperature", err)
}
