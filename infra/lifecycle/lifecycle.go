// Package lifecycle is the one custom resource: what must happen before the
// stack can be deleted, because CloudFormation knows neither jobs nor models.
// Its function runs outside the VPC: it handles no data, and inside it could
// not answer CloudFormation.
package lifecycle

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/functions"
	"github.com/tuneline/tuneline/infra/network"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/trigger"
	"github.com/tuneline/tuneline/infra/workflow"
	"github.com/tuneline/tuneline/internal/lambdaenv"
)

// Lifecycle is the custom resource and its function.
type Lifecycle struct {
	Scope    constructs.Construct
	Function *functions.Function
	Resource awscdk.CustomResource
}

// Props is what has to be wound up.
type Props struct {
	// Place is the functions', whose network is left out.
	Place    functions.Place
	Network  *network.Network
	Workflow *workflow.Workflow
	Trigger  *trigger.Trigger
	// Outlive is whatever must still be there while things are wound up.
	Outlive []constructs.Construct
}

const (
	// functionSeconds is the longest Lambda allows; the function answers before.
	functionSeconds = 900
	// answerSeconds is when CloudFormation gives up on an answer.
	answerSeconds = 960
	megaBytes     = 256
	// pause lies between two looks at what is still being wound up.
	pause = "15s"
)

// New makes the custom resource. It comes last, after everything it depends on,
// and so it is deleted first.
func New(scope constructs.Construct, id string, props Props) *Lifecycle {
	l := &Lifecycle{Scope: constructs.NewConstruct(scope, jsii.String(id))}
	props.Place.Network = nil
	l.Function = functions.NewFunction(l.Scope, "Function", props.Place, functions.Spec{
		Name:        "lifecycle",
		Description: "Winds up jobs, executions and capacity before the stack is deleted",
		Environment: lambdaenv.Lifecycle{
			Stack:              *awscdk.Stack_Of(l.Scope).StackName(),
			RuleName:           *props.Trigger.Upload.Ref(),
			StateMachineARN:    props.Workflow.Finetune.ARN(),
			JobSecurityGroupID: *props.Network.Groups.Job.AttrGroupId(),
			Pause:              pause,
		},
		Statements: l.mayWindUp(props),
		Seconds:    functionSeconds, MegaBytes: megaBytes,
	})
	l.Resource = awscdk.NewCustomResource(l.Scope, jsii.String("Resource"), &awscdk.CustomResourceProps{
		ResourceType:   jsii.String("Custom::TunelineLifecycle"),
		ServiceToken:   jsii.String(l.Function.ARN()),
		ServiceTimeout: awscdk.Duration_Seconds(jsii.Number(answerSeconds)),
	})
	for _, construct := range props.Outlive {
		l.Resource.Node().AddDependency(construct)
	}
	return l
}

// mayWindUp is, in order: no new executions, no running ones, no jobs, and
// nothing left that costs money. What has this stack's tag is its own.
func (l *Lifecycle) mayWindUp(props Props) []policy.Statement {
	jobs, models := policy.CustomizationJobs(l.Scope), policy.CustomModels(l.Scope)
	deployments, provisioned := policy.Deployments(l.Scope), policy.ProvisionedModels(l.Scope)
	return []policy.Statement{
		{Sid: "SeeWhetherStackGoes", Actions: []string{"cloudformation:DescribeStacks"}, Resources: []string{*awscdk.Stack_Of(l.Scope).StackId()}},
		{Sid: "DisableUploadRule", Actions: []string{"events:DisableRule"}, Resources: []string{*props.Trigger.Upload.AttrArn()}},
		{Sid: "ListExecutions", Actions: []string{"states:ListExecutions"}, Resources: []string{props.Workflow.Finetune.ARN()}},
		{Sid: "StopExecutions", Actions: []string{"states:StopExecution"}, Resources: []string{props.Workflow.Finetune.Executions()}},
		{
			// The lists know no resources.
			Sid: "FindWhatIsOurs", Resources: []string{"*"},
			Actions: []string{
				"bedrock:ListModelCustomizationJobs", "bedrock:ListCustomModels",
				"bedrock:ListCustomModelDeployments", "bedrock:ListProvisionedModelThroughputs",
			},
		},
		{
			Sid: "SeeWhatIsOurs", Actions: []string{"bedrock:ListTagsForResource"},
			Resources: []string{jobs, models, deployments, provisioned},
		},
		{
			Sid: "ReleaseWhatIsOurs", Resources: []string{jobs, deployments, provisioned}, Conditions: policy.Tagged(l.Scope),
			Actions: []string{
				"bedrock:StopModelCustomizationJob",
				"bedrock:DeleteCustomModelDeployment", "bedrock:DeleteProvisionedModelThroughput",
			},
		},
		// EC2's descriptions know no resources.
		{Sid: "WaitForInterfaces", Actions: []string{"ec2:DescribeNetworkInterfaces"}, Resources: []string{"*"}},
	}
}
