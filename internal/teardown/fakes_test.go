package teardown

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
)

const (
	stackID = "arn:aws:cloudformation:us-east-1:111122223333:stack/tuneline/1"
	keyARN  = "arn:aws:kms:us-east-1:111122223333:key/1"
	// base is a base model whose prices the table knows.
	base     = "amazon.nova-2-lite-v1:0:256k"
	modelARN = "arn:aws:bedrock:us-east-1:111122223333:custom-model/" + base + "/aaaaaaaaaaaa"
	ptARN    = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/aaaaaaaaaaaa"
)

// today is when the tests' looks are made.
var today = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// state is what CloudFormation says at one question.
type state struct {
	status cftypes.StackStatus // "" is a stack that there is not
	// events are the newest first.
	events []cftypes.StackEvent
	err    error
}

// account is everything a teardown sees.
type account struct {
	// states are answered one after the other, the last one for ever.
	states    []state
	now       state
	deleted   []cloudformation.DeleteStackInput
	onDelete  func()
	protected bool

	throughputs []types.ProvisionedModelSummary
	deployments []types.CustomModelDeploymentSummary
	jobs        []types.FineTuningJobStatus
	models      map[string]*bedrock.GetCustomModelOutput
	endpoints   []ec2types.VpcEndpoint
	pages       []s3.ListObjectVersionsOutput

	// foreign are the ARNs without the stack's tag, gone those whose tags are
	// asked for too late.
	foreign, gone []string
	refusals      map[string]error
	// looks counts the lists of provisioned throughputs; onLook runs before each.
	looks  int
	onLook func(look int)
}

func refused(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}

func (a *account) DescribeStacks(_ context.Context, in *cloudformation.DescribeStacksInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if len(a.states) > 0 {
		a.now, a.states = a.states[0], a.states[1:]
	}
	switch {
	case a.refusals["DescribeStacks"] != nil:
		return nil, a.refusals["DescribeStacks"]
	case a.now.err != nil:
		return nil, a.now.err
	case a.now.status == "":
		return nil, refused("ValidationError", fmt.Sprintf("Stack with id %s does not exist", *in.StackName))
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []cftypes.Stack{{
		StackId: aws.String(stackID), StackStatus: a.now.status, EnableTerminationProtection: &a.protected,
		Outputs: []cftypes.Output{
			{OutputKey: aws.String("BucketName"), OutputValue: aws.String("data")}, {OutputKey: aws.String("KeyArn"), OutputValue: aws.String(keyARN)},
		},
	}}}, nil
}

func (a *account) DescribeStackEvents(_ context.Context, in *cloudformation.DescribeStackEventsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	if *in.StackName != stackID {
		return nil, refused("ValidationError", "only a stack's id finds it once it is deleted")
	}
	return &cloudformation.DescribeStackEventsOutput{StackEvents: a.now.events}, a.refusals["DescribeStackEvents"]
}

func (a *account) DeleteStack(_ context.Context, in *cloudformation.DeleteStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error) {
	if err := a.refusals["DeleteStack"]; err != nil {
		return nil, err
	}
	a.deleted = append(a.deleted, *in)
	if a.onDelete != nil {
		a.onDelete()
	}
	return &cloudformation.DeleteStackOutput{}, nil
}

func (a *account) ListProvisionedModelThroughputs(context.Context, *bedrock.ListProvisionedModelThroughputsInput, ...func(*bedrock.Options)) (*bedrock.ListProvisionedModelThroughputsOutput, error) {
	a.looks++
	if a.onLook != nil {
		a.onLook(a.looks)
	}
	return &bedrock.ListProvisionedModelThroughputsOutput{ProvisionedModelSummaries: a.throughputs}, a.refusals["ListProvisionedModelThroughputs"]
}

func (a *account) ListCustomModelDeployments(context.Context, *bedrock.ListCustomModelDeploymentsInput, ...func(*bedrock.Options)) (*bedrock.ListCustomModelDeploymentsOutput, error) {
	return &bedrock.ListCustomModelDeploymentsOutput{ModelDeploymentSummaries: a.deployments}, a.refusals["ListCustomModelDeployments"]
}

func (a *account) ListModelCustomizationJobs(_ context.Context, in *bedrock.ListModelCustomizationJobsInput, _ ...func(*bedrock.Options)) (*bedrock.ListModelCustomizationJobsOutput, error) {
	out := &bedrock.ListModelCustomizationJobsOutput{}
	for i, status := range a.jobs {
		if status == in.StatusEquals {
			out.ModelCustomizationJobSummaries = append(out.ModelCustomizationJobSummaries, types.ModelCustomizationJobSummary{JobArn: aws.String(fmt.Sprintf("arn:job/%d", i))})
		}
	}
	return out, a.refusals["ListModelCustomizationJobs"]
}

func (a *account) ListCustomModels(_ context.Context, in *bedrock.ListCustomModelsInput, _ ...func(*bedrock.Options)) (*bedrock.ListCustomModelsOutput, error) {
	if !aws.ToBool(in.IsOwned) {
		return nil, fmt.Errorf("asked for %+v", in)
	}
	out := &bedrock.ListCustomModelsOutput{}
	for arn := range a.models {
		out.ModelSummaries = append(out.ModelSummaries, types.CustomModelSummary{ModelArn: aws.String(arn), ModelName: aws.String("m")})
	}
	slices.SortFunc(out.ModelSummaries, func(x, y types.CustomModelSummary) int { return len(*x.ModelArn) - len(*y.ModelArn) })
	return out, a.refusals["ListCustomModels"]
}

func (a *account) GetCustomModel(_ context.Context, in *bedrock.GetCustomModelInput, _ ...func(*bedrock.Options)) (*bedrock.GetCustomModelOutput, error) {
	m := a.models[*in.ModelIdentifier]
	if m == nil {
		return nil, refused("ResourceNotFoundException", "gone")
	}
	return m, a.refusals["GetCustomModel"]
}

func (a *account) ListTagsForResource(_ context.Context, in *bedrock.ListTagsForResourceInput, _ ...func(*bedrock.Options)) (*bedrock.ListTagsForResourceOutput, error) {
	if slices.Contains(a.gone, *in.ResourceARN) {
		return nil, refused("ResourceNotFoundException", "gone")
	}
	stack := "tuneline"
	if slices.Contains(a.foreign, *in.ResourceARN) {
		stack = "another"
	}
	return &bedrock.ListTagsForResourceOutput{Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("tuneline")}, {Key: aws.String(finetune.TagStack), Value: &stack}}}, a.refusals["ListTagsForResource"]
}

func (a *account) DescribeVpcEndpoints(_ context.Context, in *ec2.DescribeVpcEndpointsInput, _ ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointsOutput, error) {
	if f := in.Filters; len(f) != 2 || *f[0].Name != "tag:tuneline:stack" || f[0].Values[0] != "tuneline" || f[1].Values[0] != "Interface" {
		return nil, fmt.Errorf("asked for %+v", f)
	}
	return &ec2.DescribeVpcEndpointsOutput{VpcEndpoints: a.endpoints}, a.refusals["DescribeVpcEndpoints"]
}

func (a *account) ListObjectVersions(_ context.Context, in *s3.ListObjectVersionsInput, _ ...func(*s3.Options)) (*s3.ListObjectVersionsOutput, error) {
	if err := a.refusals["ListObjectVersions"]; err != nil {
		return nil, err
	}
	n := 0
	if in.KeyMarker != nil {
		if _, err := fmt.Sscan(*in.KeyMarker, &n); err != nil {
			return nil, err
		}
	}
	if n >= len(a.pages) {
		return &s3.ListObjectVersionsOutput{}, nil
	}
	page := a.pages[n]
	page.IsTruncated, page.NextKeyMarker = aws.Bool(n+1 < len(a.pages)), aws.String(fmt.Sprint(n+1))
	return &page, nil
}

// objects are a page of so many versions of 10 bytes and one delete marker.
func objects(n int) s3.ListObjectVersionsOutput {
	page := s3.ListObjectVersionsOutput{DeleteMarkers: []s3types.DeleteMarkerEntry{{}}}
	for range n {
		page.Versions = append(page.Versions, s3types.ObjectVersion{Size: aws.Int64(10)})
	}
	return page
}

// of is the teardown of an account, without pauses.
func of(t *testing.T, a *account) Teardown {
	t.Helper()
	prices, err := catalog.LoadPrices()
	if err != nil {
		t.Fatal(err)
	}
	return Teardown{
		Stacks: a, Models: a, Networks: a, Objects: a, Stack: "tuneline", Region: "us-east-1", Prices: prices,
		Poll: time.Microsecond, Pause: time.Microsecond, Now: func() time.Time { return today },
	}
}

// live is an account in which the stack serves, next to somebody else's.
func live() *account {
	return &account{
		now: state{status: cftypes.StackStatusCreateComplete},
		throughputs: []types.ProvisionedModelSummary{
			{ProvisionedModelArn: aws.String(ptARN), ModelArn: aws.String(modelARN), ModelUnits: aws.Int32(2), Status: types.ProvisionedModelStatusInService},
			{ProvisionedModelArn: aws.String("arn:pt/foreign"), ModelArn: aws.String("arn:model/foreign")},
			{ProvisionedModelArn: aws.String("arn:pt/bought-by-hand"), ModelArn: aws.String(modelARN)},
			{ProvisionedModelArn: aws.String("arn:pt/gone"), ModelArn: aws.String("arn:model/foreign")},
		},
		deployments: []types.CustomModelDeploymentSummary{{CustomModelDeploymentArn: aws.String("arn:deployment/1")}, {CustomModelDeploymentArn: aws.String("arn:deployment/foreign")}},
		jobs:        []types.FineTuningJobStatus{types.FineTuningJobStatusInProgress, types.FineTuningJobStatusCompleted},
		models: map[string]*bedrock.GetCustomModelOutput{
			modelARN: {ModelKmsKeyArn: aws.String(keyARN), OutputDataConfig: &types.OutputDataConfig{S3Uri: aws.String("s3://data/outputs/1/")}},
			"arn:aws:bedrock:us-east-1:1:custom-model/x/foreign-with-its-key-and-a-long-name-that-comes-last-of-all-in-the-list-of-models": {ModelKmsKeyArn: aws.String(keyARN)},
			"arn:model/foreign": {ModelKmsKeyArn: aws.String("arn:another-key")},
		},
		endpoints: []ec2types.VpcEndpoint{
			{VpcEndpointId: aws.String("vpce-1"), ServiceName: aws.String("com.amazonaws.us-east-1.kms"), State: "available", SubnetIds: []string{"a", "b"}},
			{VpcEndpointId: aws.String("vpce-2"), State: "Deleted"},
		},
		pages: []s3.ListObjectVersionsOutput{objects(3), objects(1)},
		foreign: []string{
			"arn:pt/foreign", "arn:pt/bought-by-hand", "arn:deployment/foreign", "arn:model/foreign",
			"arn:aws:bedrock:us-east-1:1:custom-model/x/foreign-with-its-key-and-a-long-name-that-comes-last-of-all-in-the-list-of-models",
		},
		gone:     []string{"arn:pt/gone"},
		refusals: map[string]error{},
	}
}
