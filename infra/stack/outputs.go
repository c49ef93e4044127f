package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/access"
	"github.com/tuneline/tuneline/infra/inference"
	"github.com/tuneline/tuneline/infra/notices"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/infra/workflow"
	"github.com/tuneline/tuneline/internal/finetune"
)

type outputs struct {
	key      *storage.Key
	bucket   *storage.Bucket
	machine  *workflow.Workflow
	api      *inference.Inference
	people   *access.Access
	channels *notices.Notices
}

// addOutputs says what a user needs next.
func addOutputs(stack awscdk.Stack, o outputs) {
	region := *stack.Region()
	for _, output := range []struct{ id, description, value string }{
		{"BucketName", "Where data sets are dropped", o.bucket.Name()},
		{"UploadCommand", "Starts a run: the folder names the model",
			"aws s3 cp train.jsonl s3://" + o.bucket.Name() + "/" + finetune.PrefixDatasets + "my-model/train.jsonl --region " + region},
		{"ApiUrl", "Where a tuned model is asked: a signed POST, with the body of Bedrock's Converse", o.api.URL()},
		{"WatchCommand", "Lists the runs", "aws stepfunctions list-executions --state-machine-arn " + o.machine.ARN() + " --region " + region},
		{"OperatorSession", "Becomes an operator", "aws sts assume-role --role-session-name operator --role-arn " + *o.people.Operator.AttrArn()},
		{"OperatorRoleArn", "The role that sees and stops runs and releases models", *o.people.Operator.AttrArn()},
		{"OperatorPolicyArn", "The same permissions, for a role of your own", *o.people.OperatorPolicy.Ref()},
		{"UploaderRoleArn", "The role that uploads data sets, and nothing else", *o.people.Uploader.AttrArn()},
		{"StateMachineArn", "The state machine of all runs", o.machine.ARN()},
		{"KeyArn", "The key of everything; it outlives the stack", o.key.ARN()},
		{"NoticesTopicArn", "Where ends of runs and alarms are told", *o.channels.Topic.AttrTopicArn()},
	} {
		awscdk.NewCfnOutput(stack, jsii.String(output.id), &awscdk.CfnOutputProps{
			Description: jsii.String(output.description), Value: jsii.String(output.value),
		})
	}
}
