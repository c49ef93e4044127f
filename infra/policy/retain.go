package policy

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// Retain lets a resource outlive the stack, whether it is deleted or replaced.
// The one time it goes is when the deployment that made it fails: nothing can
// be in it yet, and what was left behind would stand there unknown to any stack
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html).
func Retain(resource awscdk.CfnResource) {
	resource.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE, &awscdk.RemovalPolicyOptions{ApplyToUpdateReplacePolicy: jsii.Bool(true)})
}
