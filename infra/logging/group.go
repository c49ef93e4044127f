// Package logging makes log groups: encrypted with the stack's key, with a
// retention, and named after the stack so that the key policy can name them.
package logging

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/storage"
)

// GroupProps describes a log group.
type GroupProps struct {
	// Name is the last part of the group's name.
	Name string
	// Given is the whole name instead, where an AWS service prescribes it.
	Given string
	// Vended is set for logs that an AWS service delivers by itself. Their
	// names begin with /aws/vendedlogs/, which keeps CloudWatch Logs' resource
	// policy within its size.
	Vended bool
	Key    *storage.Key
	// Days is the retention.
	Days int
}

// NewGroup makes a log group. It is deleted with the stack: a group of a
// retained name would stand in the way of the next deployment. The records
// that outlive the stack are the objects in the bucket.
func NewGroup(scope constructs.Construct, id string, props GroupProps) awslogs.CfnLogGroup {
	prefix := storage.LogGroupPrefix(scope)
	if props.Vended {
		prefix = storage.VendedLogGroupPrefix(scope)
	}
	name := prefix + props.Name
	if props.Given != "" {
		name = props.Given
	}
	group := awslogs.NewCfnLogGroup(scope, jsii.String(id), &awslogs.CfnLogGroupProps{
		LogGroupName:    jsii.String(name),
		KmsKeyId:        props.Key.Resource.AttrArn(),
		RetentionInDays: jsii.Number(props.Days),
	})
	group.ApplyRemovalPolicy(awscdk.RemovalPolicy_DESTROY, nil)
	return group
}
