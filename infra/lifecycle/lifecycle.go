// Package lifecycle is the one custom resource: what must happen before the
// stack can be deleted, because CloudFormation knows neither jobs nor models.
// Its function runs outside the VPC: it handles no data, and inside it could
// not answer CloudFormation.
package lifecycle

import (
	"fmt"
	"strconv"
	"strings"

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
	// pauseSeconds lie between two looks at what is still being wound up.
	pauseSeconds = 15
	// stepPauses is for how many pauses a step that could make something may be at
	// work after its execution was stopped: until its function's time is up.
	stepPauses = (functions.StepSeconds + pauseSeconds - 1) / pauseSeconds
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
			Stack:                  *awscdk.Stack_Of(l.Scope).StackName(),
			RuleName:               *props.Trigger.Upload.Ref(),
			StateMachineARNs:       strings.Join(arns(stopped(props)), ","),
			ReleaseStateMachineARN: props.Workflow.Release.ARN(),
			JobSecurityGroupID:     *props.Network.Groups.Job.AttrGroupId(),
			Pause:                  fmt.Sprintf("%ds", pauseSeconds),
			StepPauses:             strconv.Itoa(stepPauses),
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

// stopped are the machines whose executions are stopped: all but the release
// machine, which gives the runs of those their end.
func stopped(props Props) []*workflow.Machine {
	return []*workflow.Machine{props.Workflow.Finetune, props.Workflow.Sweep}
}

// arns are the machines' ARNs.
func arns(machines []*workflow.Machine) []string {
	var list []string
	for _, machine := range machines {
		list = append(list, machine.ARN())
	}
	return list
}

// executions are the patterns of the machines' executions.
func executions(machines []*workflow.Machine) []string {
	var list []string
	for _, machine := range machines {
		list = append(list, machine.Executions())
	}
	return list
}

// mayWindUp is, in order: no new executions, no running ones, no jobs, and
// nothing left that costs money. What has this stack's tag is its own.
func (l *Lifecycle) mayWindUp(props Props) []policy.Statement {
	jobs, models := policy.CustomizationJobs(l.Scope), policy.CustomModels(l.Scope)
	deployments, provisioned := policy.Deployments(l.Scope), policy.ProvisionedModels(l.Scope)
	return []policy.Statement{
		{Sid: "SeeWhetherStackGoes", Actions: []string{"cloudformation:DescribeStacks"}, Resources: []string{*awscdk.Stack_Of(l.Scope).StackId()}},
		{Sid: "DisableUploadRule", Actions: []string{"events:DisableRule"}, Resources: []string{*props.Trigger.Upload.AttrArn()}},
		{Sid: "ListExecutions", Actions: []string{"states:ListExecutions"}, Resources: append(arns(stopped(props)), props.Workflow.Release.ARN())},
		{Sid: "StopExecutions", Actions: []string{"states:StopExecution"}, Resources: executions(stopped(props))},
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
