package access

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/tuneline/tuneline/infra/inference"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/internal/finetune"
)

// mayOperate is what looking after the pipeline takes: to see everything, to go
// on with a run or stop it, and to release what costs money. It does not
// include to start jobs, to buy, or to administer the key. To ask models is a policy
// of its own, which callers get too: see [Access].
func (a *Access) mayOperate(props Props) []policy.Statement {
	return slices.Concat(a.mayHandleData(props), a.mayHandleRuns(props), a.mayHandleModels(props.Key), a.mayLookAround(props.Inference))
}

func (a *Access) mayHandleData(props Props) []policy.Statement {
	return []policy.Statement{
		upload(props.Bucket),
		{Sid: "Approve", Actions: []string{"s3:PutObject"}, Resources: props.Bucket.Objects(finetune.PrefixApprovals)},
		{Sid: "Read", Actions: []string{"s3:GetObject", "s3:GetObjectVersion"}, Resources: props.Bucket.Objects("")},
		{Sid: "List", Actions: []string{"s3:ListBucket", "s3:ListBucketVersions"}, Resources: []string{props.Bucket.ARN()}},
		props.Key.Use("UseObjects", "s3", true),
		{Sid: "SeeKey", Actions: []string{"kms:DescribeKey"}, Resources: []string{props.Key.ARN()}},
	}
}

func (a *Access) mayHandleRuns(props Props) []policy.Statement {
	queue := *props.Notices.DeadLetters.AttrArn()
	runs, releases, sweeps := props.Workflow.Finetune, props.Workflow.Release, props.Workflow.Sweep
	return []policy.Statement{
		// A release may be started again: it releases only what an execution that
		// did not end well has left. A sweep makes nothing.
		{Sid: "StartRuns", Actions: []string{"states:StartExecution", "states:ListExecutions", "states:DescribeStateMachine"}, Resources: []string{runs.ARN(), releases.ARN(), sweeps.ARN()}},
		{
			Sid:       "HandleRuns",
			Actions:   []string{"states:DescribeExecution", "states:GetExecutionHistory", "states:StopExecution"},
			Resources: []string{props.Workflow.Executions()},
		},
		props.Workflow.ReadExecutions(props.Key),
		{Sid: "HandleUndelivered", Actions: []string{"sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}, Resources: []string{queue}},
		props.Key.Use("ReadUndelivered", "sqs", false),
	}
}

func (a *Access) mayHandleModels(key *storage.Key) []policy.Statement {
	jobs, models := policy.CustomizationJobs(a.Scope), policy.CustomModels(a.Scope)
	deployments, provisioned := policy.Deployments(a.Scope), policy.ProvisionedModels(a.Scope)
	return []policy.Statement{
		{
			Sid: "SeeModels", Resources: []string{jobs, models, deployments, provisioned, policy.FoundationModels(a.Scope)},
			Actions: []string{
				"bedrock:GetModelCustomizationJob", "bedrock:GetCustomModel", "bedrock:GetCustomModelDeployment",
				"bedrock:GetProvisionedModelThroughput", "bedrock:GetFoundationModel", "bedrock:ListTagsForResource",
			},
		},
		{
			Sid: "ReleaseModels", Resources: []string{jobs, models, deployments, provisioned}, Conditions: policy.Tagged(a.Scope),
			Actions: []string{
				"bedrock:StopModelCustomizationJob", "bedrock:DeleteCustomModel",
				"bedrock:DeleteCustomModelDeployment", "bedrock:DeleteProvisionedModelThroughput",
			},
		},
		{
			Sid: "PointBack", Actions: []string{"bedrock:UpdateProvisionedModelThroughput"},
			Resources: []string{provisioned, models}, Conditions: policy.Tagged(a.Scope),
		},
		{Sid: "PointBackOnBaseModel", Actions: []string{"bedrock:UpdateProvisionedModelThroughput"}, Resources: []string{policy.FoundationModels(a.Scope)}},
		key.Use("PointBackEncrypted", "bedrock", false),
	}
}

func (a *Access) mayLookAround(api *inference.Inference) []policy.Statement {
	return []policy.Statement{
		{
			Sid: "ReadLogs", Actions: []string{"logs:FilterLogEvents", "logs:GetLogEvents", "logs:DescribeLogStreams"},
			Resources: []string{
				policy.ARN(a.Scope, "logs", "log-group:"+storage.LogGroupPrefix(a.Scope)+"*"),
				policy.ARN(a.Scope, "logs", "log-group:"+storage.VendedLogGroupPrefix(a.Scope)+"*"),
				policy.ARN(a.Scope, "logs", "log-group:"+api.ErrorLog()+"*"),
			},
		},
		{Sid: "ReadOutputs", Actions: []string{"cloudformation:DescribeStacks"}, Resources: []string{*awscdk.Stack_Of(a.Scope).StackId()}},
		{
			Sid: "RaiseQuotas", Actions: []string{"servicequotas:RequestServiceQuotaIncrease"},
			Resources: []string{policy.ARN(a.Scope, "servicequotas", "bedrock/*")},
		},
		{
			// What there is. None of it knows resources; one statement, since a managed
			// policy has to be short.
			Sid: "ListAll", Resources: []string{"*"},
			Actions: []string{
				"bedrock:ListModelCustomizationJobs", "bedrock:ListCustomModels", "bedrock:ListCustomModelDeployments",
				"bedrock:ListProvisionedModelThroughputs", "bedrock:ListFoundationModels",
				"ec2:DescribeNetworkInterfaces",
			},
		},
	}
}
