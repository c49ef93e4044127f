package stack

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/access"
	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/customization"
	"github.com/tuneline/tuneline/infra/inference"
	"github.com/tuneline/tuneline/infra/network"
	"github.com/tuneline/tuneline/infra/notices"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/infra/workflow"
	"github.com/tuneline/tuneline/internal/finetune"
)

type outputs struct {
	key      *storage.Key
	bucket   *storage.Bucket
	network  *network.Network
	role     *customization.Customization
	machines *workflow.Workflow
	api      *inference.Inference
	people   *access.Access
	channels *notices.Notices
	// apiKeys is the command that shows the keys of clients, or "".
	apiKeys string
	// uploadsInside is set where uploads come from the VPC only.
	uploadsInside bool
}

type output struct{ id, description, value string }

// addOutputs says what a user needs next.
func addOutputs(stack awscdk.Stack, o outputs) {
	for _, output := range slices.Concat(o.forRuns(*stack.Region()), o.forPeople(), o.forLater(*stack.Region()), o.forCallers()) {
		awscdk.NewCfnOutput(stack, jsii.String(output.id), &awscdk.CfnOutputProps{
			Description: jsii.String(output.description), Value: jsii.String(output.value),
		})
	}
}

func (o outputs) forRuns(region string) []output {
	upload := "Starts a run: the folder names the model"
	if o.uploadsInside {
		upload += "; from inside the VPC, or as operator"
	}
	return []output{
		{"UploadCommand", upload,
			"aws s3 cp train.jsonl s3://" + o.bucket.Name() + "/" + finetune.PrefixDatasets + "my-model/train.jsonl --region " + region},
		{"WatchCommand", "Lists the runs", "aws stepfunctions list-executions --state-machine-arn " + o.machines.Finetune.ARN() + " --region " + region},
		{"StateMachineArn", "The state machine of all runs", o.machines.Finetune.ARN()},
		{"ReleaseStateMachineArn", "The state machine that releases what a run left that did not end well", o.machines.Release.ARN()},
		{"ServiceRoleArn", "The role Bedrock assumes for a job; the preflight looks at it", *o.role.Role.AttrArn()},
		{"NoticesTopicArn", "Where ends of runs and alarms are told", *o.channels.Topic.AttrTopicArn()},
	}
}

func (o outputs) forPeople() []output {
	return []output{
		{"OperatorSession", "Becomes an operator", "aws sts assume-role --role-session-name operator --role-arn " + *o.people.Operator.AttrArn()},
		{"OperatorRoleArn", "The role that sees and stops runs and releases models", *o.people.Operator.AttrArn()},
		{"OperatorPolicyArn", "The operator role's permissions, for a role of your own; the bucket policy still keeps all objects but uploads to the operator role and the VPC",
			*o.people.OperatorPolicy.Ref()},
		{"PreflightPolicyArn", "What the operator role may read beside that, of the account, for a role of your own", *o.people.PreflightPolicy.Ref()},
		{"UploaderRoleArn", "The role that uploads data sets, and nothing else", *o.people.Uploader.AttrArn()},
	}
}

// forLater says how to come by what outlives the stack: see [storage.Bucket.Protect].
func (o outputs) forLater(region string) []output {
	return []output{
		{"BucketName", "Where data sets are dropped; it outlives the stack, and so does its policy, which then lets nobody read: see BucketAfterwards", o.bucket.Name()},
		{"BucketAfterwards", "For an administrator of the account, once the stack is gone: leaves reading the bucket to IAM and the key policy",
			"aws s3api delete-bucket-policy --bucket " + o.bucket.Name() + " --region " + region},
		{"KeyArn", "The key of everything; it outlives the stack, and without it nothing left behind can be read", o.key.ARN()},
	}
}

// forCallers says where the API answers, and for a private one, from where.
func (o outputs) forCallers() []output {
	list := []output{
		{"ApiUrl", "Where a tuned model is asked: a POST with the body of Bedrock's Converse", o.api.URL()},
		{"ApiEndpoint", "The endpoint of a client of Bedrock's runtime; followed by /model/, a model's name and /v1, the base URL of one of OpenAI's", o.api.BaseURL()},
	}
	if o.people.CallerPolicy != nil {
		list = append(list, output{"CallerPolicyArn", "Lets a role or user of yours ask every model", *o.people.CallerPolicy.Ref()})
	}
	if o.apiKeys != "" {
		list = append(list, output{"ApiKeysCommand", "Shows the API keys of the clients, by their names", o.apiKeys})
	}
	if o.api.Door == nil {
		return list
	}
	return append(list,
		output{"ApiCallersSecurityGroupId", "The group a caller's network interface must be in to reach the private API", *o.api.Door.Callers.AttrGroupId()},
		output{"ApiVpcId", "The VPC the private API answers in", *o.network.VPC.AttrVpcId()},
		output{"ApiSubnetIds", "The subnets the private API answers in", strings.Join(o.network.SubnetIDs(), ",")},
	)
}

// apiKeys is the command that shows the keys of the clients, where there are any.
func apiKeys(cfg config.Config) string {
	if len(cfg.API.UsagePlan.Clients) == 0 {
		return ""
	}
	return "aws apigateway get-api-keys --include-values --name-query " + inference.ClientKeyPrefix(Name) + " --region " + cfg.Region
}
