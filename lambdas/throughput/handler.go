package main

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/task"
)

// api is what throughput calls of Bedrock; its policy grants exactly this.
type api interface {
	CreateCustomModelDeployment(context.Context, *bedrock.CreateCustomModelDeploymentInput, ...func(*bedrock.Options)) (*bedrock.CreateCustomModelDeploymentOutput, error)
	GetCustomModelDeployment(context.Context, *bedrock.GetCustomModelDeploymentInput, ...func(*bedrock.Options)) (*bedrock.GetCustomModelDeploymentOutput, error)
	ListCustomModelDeployments(context.Context, *bedrock.ListCustomModelDeploymentsInput, ...func(*bedrock.Options)) (*bedrock.ListCustomModelDeploymentsOutput, error)
	DeleteCustomModelDeployment(context.Context, *bedrock.DeleteCustomModelDeploymentInput, ...func(*bedrock.Options)) (*bedrock.DeleteCustomModelDeploymentOutput, error)
	CreateProvisionedModelThroughput(context.Context, *bedrock.CreateProvisionedModelThroughputInput, ...func(*bedrock.Options)) (*bedrock.CreateProvisionedModelThroughputOutput, error)
	GetProvisionedModelThroughput(context.Context, *bedrock.GetProvisionedModelThroughputInput, ...func(*bedrock.Options)) (*bedrock.GetProvisionedModelThroughputOutput, error)
	UpdateProvisionedModelThroughput(context.Context, *bedrock.UpdateProvisionedModelThroughputInput, ...func(*bedrock.Options)) (*bedrock.UpdateProvisionedModelThroughputOutput, error)
	ListProvisionedModelThroughputs(context.Context, *bedrock.ListProvisionedModelThroughputsInput, ...func(*bedrock.Options)) (*bedrock.ListProvisionedModelThroughputsOutput, error)
	DeleteProvisionedModelThroughput(context.Context, *bedrock.DeleteProvisionedModelThroughputInput, ...func(*bedrock.Options)) (*bedrock.DeleteProvisionedModelThroughputOutput, error)
	ListTagsForResource(context.Context, *bedrock.ListTagsForResourceInput, ...func(*bedrock.Options)) (*bedrock.ListTagsForResourceOutput, error)
	GetModelCustomizationJob(context.Context, *bedrock.GetModelCustomizationJobInput, ...func(*bedrock.Options)) (*bedrock.GetModelCustomizationJobOutput, error)
	StopModelCustomizationJob(context.Context, *bedrock.StopModelCustomizationJobInput, ...func(*bedrock.Options)) (*bedrock.StopModelCustomizationJobOutput, error)
}

// runtimeAPI is what throughput calls of the Bedrock runtime.
type runtimeAPI interface {
	Converse(context.Context, *bedrockruntime.ConverseInput, ...func(*bedrockruntime.Options)) (*bedrockruntime.ConverseOutput, error)
}

// handler serves ApproveSpend, SecureThroughput, SmokeTest, PublishEndpoint and the ReleaseRun
// of both state machines, and the tasks of the sweep machine.
type handler struct {
	bedrock api
	runtime runtimeAPI
	store   registry.Store
	// stack is the value of finetune.TagStack on everything made.
	stack string
	// spending is what may be spent without asking.
	spending spending
	// sweeper is what the sweep needs beside that.
	sweeper sweeper
	now     func() time.Time
}

func newHandler(b api, runtime runtimeAPI, store registry.Store, stack string, s spending) handler {
	return handler{bedrock: b, runtime: runtime, store: store, stack: stack, spending: s, now: time.Now}
}

// Handle answers the noun of the action it is asked for.
func (h handler) Handle(ctx context.Context, in finetune.ThroughputInput) (any, error) {
	switch in.Action {
	case finetune.ActionApprove:
		return h.approve(ctx, in)
	case finetune.ActionRelease:
		return h.release(ctx, in)
	case finetune.ActionSweep, finetune.ActionSweepTold:
		return h.handleSweep(ctx, in)
	}
	return h.serve(ctx, in)
}

// serve takes the steps that give a model its capacity.
func (h handler) serve(ctx context.Context, in finetune.ThroughputInput) (any, error) {
	switch in.Action {
	case finetune.ActionSecure:
		if in.Run != nil && in.Settings != nil && in.Model != nil {
			return h.secure(ctx, purchase{run: *in.Run, settings: *in.Settings, model: *in.Model, stack: h.stack})
		}
	case finetune.ActionSmokeTest:
		if in.Run != nil && in.Throughput != nil {
			return h.smokeTest(ctx, *in.Run, *in.Throughput)
		}
	case finetune.ActionPublish:
		if in.Run != nil && in.Settings != nil && in.Training != nil && in.Model != nil && in.Throughput != nil {
			return h.publish(ctx, h.capacity(in), *in.Throughput)
		}
	}
	return nil, lacksFields(in.Action)
}

// lacksFields is the error for an action that is not known, or not without more.
func lacksFields(action string) error {
	return finetune.Errorf(finetune.Internal, "throughput: action %q without the fields it needs; deploy functions and state machine from the same source", action)
}

// registered reads a model's record; a model that was never published has an
// empty one.
func (h handler) registered(ctx context.Context, model string) (registry.Model, error) {
	m, err := h.store.Model(ctx, model)
	if errors.Is(err, registry.ErrNotFound) {
		return registry.Model{Name: model}, nil
	}
	return m, err
}

// The error codes this step reasons about.
const (
	notFound      = "ResourceNotFoundException"
	conflict      = "ConflictException"
	invalid       = "ValidationException"
	quotaExceeded = "ServiceQuotaExceededException"
	notReady      = "ModelNotReadyException"
	accessDenied  = "AccessDeniedException"
)

// code is the AWS error code of err, "" when it has none.
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// passing says whether trying again helps: soon, or once somebody else's work
// has ended.
func passing(err error) bool {
	switch task.Kind(err) {
	case finetune.Throttled, finetune.Unavailable, finetune.Busy:
		return true
	}
	return false
}

// The statuses of a throughput under way.
const (
	creating = string(types.CustomModelDeploymentStatusCreating)
	updating = string(types.ProvisionedModelStatusUpdating)
)
