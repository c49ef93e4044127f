package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/task"
)

// smokeTokens bounds the answer: enough to see one, and little to pay for.
const smokeTokens = 64

// smokeTest puts one real request through the new capacity. Whatever the model
// was tuned to say will do, as long as it says something.
func (h handler) smokeTest(ctx context.Context, run finetune.Run, t finetune.Throughput) (finetune.SmokeTest, error) {
	out, err := h.runtime.Converse(ctx, smokeInput(t.ARN))
	if err != nil {
		return finetune.SmokeTest{}, smokeRefused(run, t, err)
	}
	if !speaks(out.Output) {
		return finetune.SmokeTest{}, finetune.Errorf(finetune.SmokeTestFailed, "smoke-testing %s of run %s: the answer is empty (stop reason %q)", t.ARN, run.ID, out.StopReason)
	}
	answer := finetune.SmokeTest{StopReason: string(out.StopReason)}
	if out.Usage != nil {
		answer.OutputTokens = int(aws.ToInt32(out.Usage.OutputTokens))
	}
	return answer, nil
}

// smokeInput is the request: harmless, and the same for every model.
func smokeInput(throughputARN string) *bedrockruntime.ConverseInput {
	return &bedrockruntime.ConverseInput{
		ModelId: aws.String(throughputARN),
		Messages: []types.Message{{
			Role:    types.ConversationRoleUser,
			Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: "Hello. Please answer with one short sentence."}},
		}},
		InferenceConfig: &types.InferenceConfiguration{MaxTokens: aws.Int32(smokeTokens)},
	}
}

// speaks says whether an answer holds any text.
func speaks(output types.ConverseOutput) bool {
	message, ok := output.(*types.ConverseOutputMemberMessage)
	if !ok {
		return false
	}
	for _, block := range message.Value.Content {
		if text, ok := block.(*types.ContentBlockMemberText); ok && strings.TrimSpace(text.Value) != "" {
			return true
		}
	}
	return false
}

// warmingUp are the answers of capacity that came into service moments ago and
// does not serve everywhere yet (404, 424); trying again for a while helps, or
// shows that the capacity is at fault.
var warmingUp = []string{notFound, "ModelErrorException", "ModelStreamErrorException"}

// smokeRefused says what a refusal means. One that lies in the capacity or the
// request fails the test; a bad minute, a missing permission and a lost
// connection are not the capacity's fault.
func smokeRefused(run finetune.Run, t finetune.Throughput, refusal error) error {
	if slices.Contains(warmingUp, code(refusal)) {
		return finetune.Errorf(finetune.Unavailable, "smoke-testing %s of run %s: the capacity does not answer yet: %w", t.ARN, run.ID, refusal)
	}
	var answer *awshttp.ResponseError
	status := 0
	if errors.As(refusal, &answer) {
		status = answer.HTTPStatusCode()
	}
	if task.Kind(refusal) == finetune.Internal && status >= 400 && status < 500 {
		return finetune.Errorf(finetune.SmokeTestFailed, "smoke-testing %s of run %s: Bedrock refuses the request: %w", t.ARN, run.ID, refusal)
	}
	return fmt.Errorf("smoke-testing %s of run %s: %w", t.ARN, run.ID, refusal)
}
