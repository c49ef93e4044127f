package observability

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/notices"
	"github.com/tuneline/tuneline/infra/policy"
)

// pattern is a part of an event pattern.
type pattern = map[string]any

// addChanges makes the rules that tell people of calls which take something away
// from what guards the stack, whoever makes them: a deployment of ours as well.
//
// They listen to what CloudTrail passes on to EventBridge, and not to a trail's log
// group: it costs nothing, comes at once, says who did what, and any trail will do,
// an organization's too. Where an account has none, EventBridge hears nothing
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html).
func (a *Alarms) addChanges(props Props) {
	a.change(props, "KeyChanged", "aws.kms", a.keyChanged(props))
	a.change(props, "BucketChanged", "aws.s3", bucketChanged(props))
	a.change(props, "NetworkChanged", "aws.ec2", networkChanged(props))
	a.change(props, "EndpointChanged", "aws.ec2", endpointChanged())
	a.change(props, "TrailChanged", "aws.cloudtrail", pattern{
		"eventName": []string{"StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"},
	})
	a.change(props, "ModelMadeByOthers", "aws.bedrock", a.byOthers(pattern{
		"eventName": []string{"CreateModelCustomizationJob", "CreateProvisionedModelThroughput", "CreateCustomModelDeployment"},
	}))
	if props.Region == globalRegion {
		a.change(props, "RoleChanged", "aws.iam", a.roleChanged())
	}
	a.asked()
}

// globalRegion is the Region in which the events of IAM, which is in none, are.
const globalRegion = "us-east-1"

// told are the texts of the rules, by their ids.
var told = map[string]string{
	"KeyChanged":        "tuneline: the key was changed, or something was done that may end it",
	"BucketChanged":     "tuneline: what guards a bucket was changed",
	"NetworkChanged":    "tuneline: a way into or out of the VPC was changed",
	"EndpointChanged":   "tuneline: VPC endpoints, peerings, gateways or flow logs of this Region were changed",
	"TrailChanged":      "tuneline: a trail of CloudTrail was stopped or changed",
	"ModelMadeByOthers": "tuneline: somebody else than the stack makes or serves a tuned model",
	"RoleChanged":       "tuneline: what a role of the stack may do was changed",
}

// change makes a rule for calls of a service.
func (a *Alarms) change(props Props, id, source string, detail pattern) {
	props.Notices.NewRule(a.Scope, id, notices.RuleProps{
		Description: strings.TrimPrefix(told[id], "tuneline: "), State: notices.Enabled, Pattern: calls(source, detail),
		Text: &awsevents.CfnRule_InputTransformerProperty{
			InputPathsMap: map[string]string{
				"call": "$.detail.eventName", "by": "$.detail.userIdentity.arn", "with": "$.detail.userIdentity.invokedBy",
				"time": "$.detail.eventTime", "event": "$.detail.eventID", "error": "$.detail.errorCode",
			},
			// The placeholders stand in quotes, since not every event has all of them;
			// ARNs, ids and names of calls hold nothing to escape.
			InputTemplate: jsii.String(`{"notice":"` + told[id] + `","call":"<call>","by":"<by>","with":"<with>","error":"<error>","time":"<time>","event":"<event>"}`),
		},
	})
}

// calls matches API calls that CloudTrail recorded.
func calls(source string, detail pattern) pattern {
	return pattern{"source": []string{source}, "detail-type": []string{"AWS API Call via CloudTrail"}, "detail": detail}
}

// any of several, beside what else a pattern wants.
func anyOf(alternatives ...pattern) []any {
	list := make([]any, 0, len(alternatives))
	for _, alternative := range alternatives {
		list = append(list, alternative)
	}
	return list
}

// keyChanged is all that can end the key, or open it. Bedrock makes grants in the
// name of the stack's roles; one in anybody else's name is told.
func (a *Alarms) keyChanged(props Props) pattern {
	return pattern{
		"resources": pattern{"ARN": []string{props.Key.ARN()}},
		"$or": anyOf(
			pattern{"eventName": []string{
				"DisableKey", "ScheduleKeyDeletion", "PutKeyPolicy", "DisableKeyRotation", "RevokeGrant", "UpdateAlias", "DeleteAlias",
			}},
			pattern{"eventName": []string{"CreateGrant"}, "userIdentity": a.others()},
			pattern{"eventName": []string{"CreateGrant"}, "userIdentity": nobody()},
		),
	}
}

// bucketChanged is all that opens a bucket, or makes it forget; for the account's own
// block of public access, which stands above all buckets, as well.
func bucketChanged(props Props) pattern {
	return pattern{"$or": anyOf(
		pattern{
			"eventName": []string{
				"PutBucketPolicy", "DeleteBucketPolicy", "PutBucketPublicAccessBlock", "DeleteBucketPublicAccessBlock", "PutBucketAcl",
				"PutBucketOwnershipControls", "DeleteBucketOwnershipControls", "PutBucketEncryption", "DeleteBucketEncryption",
				"PutBucketVersioning", "PutBucketLifecycle", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle",
				"PutBucketReplication", "PutBucketLogging", "PutBucketNotification", "DeleteBucket",
			},
			"requestParameters": pattern{"bucketName": props.Buckets},
		},
		pattern{"eventName": []string{"PutAccountPublicAccessBlock", "DeleteAccountPublicAccessBlock"}},
	)}
}

// networkChanged names the VPC, its route table and its groups, as each call does. A
// member of a request that is named like the request is EC2's newer form.
func networkChanged(props Props) pattern {
	n := props.Network
	vpc, routes := []string{*n.VPC.AttrVpcId()}, []string{*n.RouteTable.AttrRouteTableId()}
	groups := []string{*n.Groups.Functions.AttrGroupId(), *n.Groups.Job.AttrGroupId(), *n.Groups.Endpoints.AttrGroupId()}
	ways := anyOf(
		pattern{"routeTableId": routes},
		pattern{"groupId": groups},
		pattern{"vpcId": vpc},
		pattern{"ModifySecurityGroupRulesRequest": pattern{"GroupId": groups}},
	)
	for _, request := range []string{"CreateVpcEndpointRequest", "CreateEgressOnlyInternetGatewayRequest", "CreateTransitGatewayVpcAttachmentRequest"} {
		ways = append(ways, pattern{request: pattern{"VpcId": vpc}})
	}
	return pattern{
		"eventName": []any{
			pattern{"wildcard": "*SecurityGroup*gress"}, "ModifySecurityGroupRules",
			"CreateRoute", "ReplaceRoute", "DeleteRoute",
			"AttachInternetGateway", "AttachVpnGateway", "CreateEgressOnlyInternetGateway", "CreateTransitGatewayVpcAttachment",
			"CreateVpcPeeringConnection", "CreateVpcEndpoint", "ModifyVpcAttribute",
		},
		"requestParameters": pattern{"$or": ways},
	}
}

// endpointChanged is for all of the Region: how these calls name what they are about
// differs from one to another, and they are rare.
func endpointChanged() pattern {
	return pattern{"eventName": []string{
		"ModifyVpcEndpoint", "DeleteVpcEndpoints", "DeleteFlowLogs", "CreateNatGateway", "AcceptVpcPeeringConnection", "ReplaceRouteTableAssociation",
	}}
}

// roleChanged is about the roles and policies whose names CloudFormation begins with
// the stack's.
func (a *Alarms) roleChanged() pattern {
	name := *awscdk.Stack_Of(a.Scope).StackName()
	ours := []any{pattern{"prefix": name + "-"}}
	policies := []any{pattern{"prefix": *jsii.Sprintf("arn:%s:iam::%s:policy/%s-", *awscdk.Stack_Of(a.Scope).Partition(), policy.Account(a.Scope), name)}}
	return pattern{"$or": anyOf(
		pattern{
			"eventName": []string{
				"PutRolePolicy", "DeleteRolePolicy", "AttachRolePolicy", "DetachRolePolicy", "UpdateAssumeRolePolicy",
				"PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary", "DeleteRole",
			},
			"requestParameters": pattern{"roleName": ours},
		},
		pattern{
			"eventName":         []string{"CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion", "DeletePolicy"},
			"requestParameters": pattern{"policyArn": policies},
		},
	)}
}

// asked is the alarm for tuned models that are asked by somebody else than the stack.
// It is an alarm on the rule's own metric: each question would be a notice otherwise.
// Whom a model belongs to no event says, so it is for all of the account's.
func (a *Alarms) asked() {
	ours := policy.ARN(a.Scope, "bedrock", "")
	rule := awsevents.NewCfnRule(a.Scope, jsii.String("AskedByOthers"), &awsevents.CfnRuleProps{
		Description: jsii.String("Somebody else than the stack asks a tuned model: counted, and told by an alarm"),
		State:       jsii.String(notices.EnabledWithReads),
		EventPattern: calls("aws.bedrock", a.byOthers(pattern{
			"eventName": []string{"InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream"},
			"requestParameters": pattern{"modelId": []any{
				pattern{"prefix": ours + "custom-model-deployment/"}, pattern{"prefix": ours + "provisioned-model/"},
			}},
		})),
	})
	a.any("ModelAskedByOthers", "Somebody else than the stack asks a tuned model of this account: see the event history of CloudTrail for calls of Bedrock's runtime", awscloudwatch.CfnAlarmProps{
		Namespace:  jsii.String("AWS/Events"),
		MetricName: jsii.String("TriggeredRules"),
		Statistic:  jsii.String("Sum"),
		Dimensions: dimension("RuleName", rule.Ref()),
	})
}

// byOthers adds to a pattern that the caller is no role of the stack.
func (a *Alarms) byOthers(detail pattern) pattern {
	detail["$or"] = anyOf(pattern{"userIdentity": a.others()}, pattern{"userIdentity": nobody()})
	return detail
}

// others are sessions of roles that are not the stack's.
func (a *Alarms) others() pattern {
	stack := awscdk.Stack_Of(a.Scope)
	ours := *jsii.Sprintf("arn:%s:iam::%s:role/%s/", *stack.Partition(), policy.Account(a.Scope), *stack.StackName())
	return pattern{"sessionContext": pattern{"sessionIssuer": pattern{"arn": []any{pattern{"anything-but": pattern{"prefix": ours}}}}}}
}

// nobody is whoever is no session of a role: a user, the account's root, a service.
func nobody() pattern {
	return pattern{"sessionContext": pattern{"sessionIssuer": pattern{"arn": []any{pattern{"exists": false}}}}}
}
