package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/internal/task"
)

// What lifecycle calls of each service; its policy grants exactly this.
type (
	stacksAPI interface {
		DescribeStacks(context.Context, *cloudformation.DescribeStacksInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error)
	}
	rulesAPI interface {
		DisableRule(context.Context, *eventbridge.DisableRuleInput, ...func(*eventbridge.Options)) (*eventbridge.DisableRuleOutput, error)
	}
	executionsAPI interface {
		ListExecutions(context.Context, *sfn.ListExecutionsInput, ...func(*sfn.Options)) (*sfn.ListExecutionsOutput, error)
		StopExecution(context.Context, *sfn.StopExecutionInput, ...func(*sfn.Options)) (*sfn.StopExecutionOutput, error)
	}
	bedrockAPI interface {
		ListModelCustomizationJobs(context.Context, *bedrock.ListModelCustomizationJobsInput, ...func(*bedrock.Options)) (*bedrock.ListModelCustomizationJobsOutput, error)
		StopModelCustomizationJob(context.Context, *bedrock.StopModelCustomizationJobInput, ...func(*bedrock.Options)) (*bedrock.StopModelCustomizationJobOutput, error)
		ListProvisionedModelThroughputs(context.Context, *bedrock.ListProvisionedModelThroughputsInput, ...func(*bedrock.Options)) (*bedrock.ListProvisionedModelThroughputsOutput, error)
		DeleteProvisionedModelThroughput(context.Context, *bedrock.DeleteProvisionedModelThroughputInput, ...func(*bedrock.Options)) (*bedrock.DeleteProvisionedModelThroughputOutput, error)
		ListCustomModelDeployments(context.Context, *bedrock.ListCustomModelDeploymentsInput, ...func(*bedrock.Options)) (*bedrock.ListCustomModelDeploymentsOutput, error)
		DeleteCustomModelDeployment(context.Context, *bedrock.DeleteCustomModelDeploymentInput, ...func(*bedrock.Options)) (*bedrock.DeleteCustomModelDeploymentOutput, error)
		ListCustomModels(context.Context, *bedrock.ListCustomModelsInput, ...func(*bedrock.Options)) (*bedrock.ListCustomModelsOutput, error)
		ListTagsForResource(context.Context, *bedrock.ListTagsForResourceInput, ...func(*bedrock.Options)) (*bedrock.ListTagsForResourceOutput, error)
	}
	networksAPI interface {
		DescribeNetworkInterfaces(context.Context, *ec2.DescribeNetworkInterfacesInput, ...func(*ec2.Options)) (*ec2.DescribeNetworkInterfacesOutput, error)
	}
)

// clients are the services lifecycle speaks to.
type clients struct {
	stacks     stacksAPI
	rules      rulesAPI
	executions executionsAPI
	bedrock    bedrockAPI
	networks   networksAPI
}

// handler answers CloudFormation.
type handler struct {
	clients
	env lambdaenv.Lifecycle
	// pause lies between two looks at what is left.
	pause time.Duration
	// stepPauses is for how many pauses a step may still be at work after its
	// execution was stopped: stopping an execution stops no function.
	stepPauses int
	log        *slog.Logger
	now        func() time.Time
	// sleep waits, or returns early with the context's error.
	sleep func(context.Context, time.Duration) error
}

func newHandler(c clients, env lambdaenv.Lifecycle, pause time.Duration, stepPauses int) handler {
	return handler{
		clients: c, env: env, pause: pause, stepPauses: stepPauses, now: time.Now, sleep: sleep,
		log: slog.New(slog.NewJSONHandler(os.Stdout, nil)).With("step", "lifecycle"),
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// physicalID never changes, so that CloudFormation asks for a deletion only
// when the resource itself goes.
const physicalID = "tuneline-lifecycle"

// maxReason keeps the answer within the 4,096 bytes CloudFormation reads of it
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html).
const maxReason = 3000

// Handle answers one request of CloudFormation; an error becomes FAILED with
// its text as the reason.
func (h handler) Handle(ctx context.Context, event cfn.Event) (string, map[string]any, error) {
	h.log.Info("asked", "requestType", string(event.RequestType), "stack", event.StackID)
	if event.RequestType != cfn.RequestDelete {
		return physicalID, nil, nil
	}
	if err := h.delete(ctx, event); err != nil {
		h.log.Error("failed", "error", err.Error())
		return physicalID, nil, errors.New(clip(err.Error()))
	}
	return physicalID, nil, nil
}

// clip shortens a reason to what fits.
func clip(reason string) string {
	if len(reason) <= maxReason {
		return reason
	}
	return reason[:maxReason] + " ... (the rest is in the log of the function lifecycle)"
}

// delete clears the stack away, if it is the stack that goes and not only this
// resource of it.
func (h handler) delete(ctx context.Context, event cfn.Event) error {
	going, status, err := h.stackGoes(ctx, event.StackID)
	if err != nil {
		return fmt.Errorf("finding out whether stack %s is being deleted, before which nothing was touched: %w", h.env.Stack, err)
	}
	if !going {
		h.log.Info("left alone: the stack stays", "status", status)
		return nil
	}
	return h.clear(ctx)
}

// stackGoes says whether the stack is being deleted, or its first creation
// rolled back. In any other status only this resource goes: it was taken out of
// the template, or an update that brought it was rolled back.
func (h handler) stackGoes(ctx context.Context, stackID string) (going bool, status string, err error) {
	out, err := h.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stackID})
	if err != nil {
		return false, "", err
	}
	if len(out.Stacks) != 1 {
		return false, "", fmt.Errorf("%d stacks have the id %s", len(out.Stacks), stackID)
	}
	switch now := out.Stacks[0].StackStatus; now {
	case types.StackStatusDeleteInProgress, types.StackStatusRollbackInProgress:
		return true, string(now), nil
	default:
		return false, string(now), nil
	}
}

// code is the AWS error code of err, "" when it has none.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// passing says whether trying again soon may help.
func passing(err error) bool {
	switch task.Kind(err) {
	case finetune.Throttled, finetune.Unavailable:
		return true
	}
	return false
}
