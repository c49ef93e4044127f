package storage

import (
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/tuneline/tuneline/infra/policy"
)

// The key policy names services and conditions, and leaves the question who in
// the account to the roles' own policies: each of its statements bounds what
// any IAM policy can allow. A key policy's resource is always the key itself.
var itself = []string{"*"}

// keyStatements are those that every stack has.
func keyStatements(scope constructs.Construct) []policy.Statement {
	return []policy.Statement{
		administer(scope),
		describe(scope),
		useThroughS3(scope),
		useThroughBedrock(scope),
		pointBackThroughBedrock(scope),
		grantThroughBedrock(scope),
		useForExecutions(scope),
		useForExecutionLogs(scope),
		useThroughSQS(scope),
		tellThroughSNS(scope),
		useForSchedules(scope),
		keepUnstarted(scope),
		encryptLogs(scope),
		deliverLogs(scope),
		deliverNotices(scope),
		keepUndelivered(scope),
		deliverAlarms(scope),
	}
}

// administer lets the account look after the key, which never includes using
// it. The stack's own roles cannot, whatever their policies say one day.
func administer(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "AdministerWithoutUsing",
		Principals: policy.AccountRoot(scope),
		Actions: []string{
			"kms:DescribeKey", "kms:EnableKey", "kms:DisableKey",
			"kms:GetKeyPolicy", "kms:PutKeyPolicy", "kms:ListKeyPolicies",
			"kms:EnableKeyRotation", "kms:DisableKeyRotation", "kms:GetKeyRotationStatus", "kms:ListKeyRotations", "kms:RotateKeyOnDemand",
			"kms:ListGrants", "kms:RevokeGrant",
			"kms:CreateAlias", "kms:UpdateAlias", "kms:DeleteAlias", "kms:UpdateKeyDescription",
			"kms:TagResource", "kms:UntagResource", "kms:ListResourceTags",
			"kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion",
		},
		Resources: itself,
		Conditions: policy.Conditions{"ArnNotLike": {"aws:PrincipalArn": []string{
			policy.RolesIn(scope, policy.RoomFunction), policy.RolesIn(scope, policy.RoomCustomization),
			policy.RolesIn(scope, policy.RoomService), policy.RolesIn(scope, policy.RoomPeople),
		}}},
	}
}

// describe lets the functions check the key before anything is paid for, and
// operators look.
func describe(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "DescribeBeforeUse",
		Principals: policy.AccountRoot(scope),
		Actions:    []string{"kms:DescribeKey"},
		Resources:  itself,
		Conditions: policy.Conditions{"ArnLike": {"aws:PrincipalArn": []string{
			policy.RolesIn(scope, policy.RoomFunction), policy.RolesIn(scope, policy.RoomCustomization), policy.RolesIn(scope, policy.RoomPeople),
		}}},
	}
}

// useThroughS3 is for whoever reads and writes objects: the functions, the role
// Bedrock assumes, uploaders and operators.
func useThroughS3(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "UseThroughS3",
		Principals: policy.AccountRoot(scope),
		Actions:    []string{"kms:Decrypt", "kms:GenerateDataKey"},
		Resources:  itself,
		Conditions: through(scope, "s3"),
	}
}

// useThroughBedrock is for encrypting a custom model (the submitting function
// and the role Bedrock assumes; AWS's page says only "roles that customize")
// and for serving it. That they describe the key as well is in [describe].
func useThroughBedrock(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "UseThroughBedrock",
		Principals: policy.AccountRoot(scope),
		Actions:    []string{"kms:Decrypt", "kms:GenerateDataKey"},
		Resources:  itself,
		Conditions: throughBy(scope, "bedrock", bedrockCallers(scope)),
	}
}

// pointBackThroughBedrock is for operators, who point a throughput back to a model
// by hand: whoever buys one for an encrypted model has to be able to decrypt it
// (https://docs.aws.amazon.com/bedrock/latest/userguide/prov-thru-prereq.html).
// The page says it of buying and managing; that re-pointing is asked for the same
// is unverified.
func pointBackThroughBedrock(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "PointBackThroughBedrock",
		Principals: policy.AccountRoot(scope),
		Actions:    []string{"kms:Decrypt"},
		Resources:  itself,
		Conditions: throughBy(scope, "bedrock", policy.RolesIn(scope, policy.RoomPeople)),
	}
}

// grantThroughBedrock lets Bedrock, and nobody else, make the grant it keeps
// for as long as the custom model exists.
func grantThroughBedrock(scope constructs.Construct) policy.Statement {
	conditions := throughBy(scope, "bedrock", bedrockCallers(scope))
	conditions["Bool"] = map[string]any{"kms:GrantIsForAWSResource": "true"}
	return policy.Statement{
		Sid:        "GrantThroughBedrock",
		Principals: policy.AccountRoot(scope),
		Actions:    []string{"kms:CreateGrant"},
		Resources:  itself,
		Conditions: conditions,
	}
}

// optimizeThroughput is Bedrock itself, which reads and writes a Nova model that
// provisioned throughput is bought for
// (https://docs.aws.amazon.com/nova/latest/userguide/customize-fine-tune-encrypt.html):
// what it encrypts then is of a custom model, and nothing else that the key encrypts is.
// The page has no condition on the account. Where Bedrock names one it must be this;
// whether it does is unverified, and a condition that wants it could fail the purchase
// when the training is paid.
func optimizeThroughput(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "OptimizeThroughput",
		Principals: policy.Principals{"Service": "bedrock.amazonaws.com"},
		Actions:    []string{"kms:Decrypt", "kms:GenerateDataKey"},
		Resources:  itself,
		Conditions: policy.Conditions{
			"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "aws:bedrock:custom-model"},
			"StringEqualsIfExists":     {"aws:SourceAccount": policy.Account(scope)},
		},
	}
}

// useForExecutions is for executions: the state machines' roles, whoever deploys
// the machines and whoever looks at an execution.
func useForExecutions(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "UseForExecutions",
		Principals: policy.AccountRoot(scope),
		Actions:    []string{"kms:Decrypt", "kms:GenerateDataKey"},
		Resources:  itself,
		Conditions: policy.Conditions{
			"StringEquals": {"kms:CallerAccount": policy.Account(scope)},
			"ArnLike":      {"kms:EncryptionContext:aws:states:stateMachineArn": policy.ARN(scope, "states", "stateMachine:*")},
		},
	}
}

// useForExecutionLogs is a state machine's role handing records over to the
// log delivery.
func useForExecutionLogs(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "UseForExecutionLogs",
		Principals: policy.AccountRoot(scope),
		Actions:    []string{"kms:GenerateDataKey"},
		Resources:  itself,
		Conditions: policy.Conditions{
			"StringEquals": {"kms:CallerAccount": policy.Account(scope)},
			"ArnLike": {
				"kms:EncryptionContext:SourceArn": policy.ARN(scope, "logs", "*"),
				"aws:PrincipalArn":                policy.RolesIn(scope, policy.RoomService),
			},
		},
	}
}

// useThroughSQS is for reading what could not be delivered.
func useThroughSQS(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "UseThroughSQS",
		Principals: policy.AccountRoot(scope),
		Actions:    []string{"kms:Decrypt"},
		Resources:  itself,
		Conditions: through(scope, "sqs"),
	}
}

// tellThroughSNS is a state machine's role, which publishes notices to the
// encrypted topic: SNS asks KMS with the publisher's rights
// (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html).
func tellThroughSNS(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "TellThroughSNS",
		Principals: policy.AccountRoot(scope),
		Actions:    []string{"kms:Decrypt", "kms:GenerateDataKey"},
		Resources:  itself,
		Conditions: throughBy(scope, "sns", policy.RolesIn(scope, policy.RoomService)),
	}
}

// useForSchedules is for a schedule's role, and for whoever deploys the schedule
// (https://docs.aws.amazon.com/scheduler/latest/UserGuide/security_iam_id-based-policy-examples.html).
func useForSchedules(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "UseForSchedules",
		Principals: policy.AccountRoot(scope),
		Actions:    []string{"kms:Decrypt", "kms:GenerateDataKey"},
		Resources:  itself,
		Conditions: policy.Conditions{
			"StringEquals": {"kms:CallerAccount": policy.Account(scope)},
			"ArnLike":      {"kms:EncryptionContext:aws:scheduler:schedule:arn": policy.ARN(scope, "scheduler", "schedule/*")},
		},
	}
}

// keepUnstarted is a schedule's role, with which EventBridge Scheduler keeps in the
// queue what it could not start.
func keepUnstarted(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "KeepUnstarted",
		Principals: policy.AccountRoot(scope),
		Actions:    []string{"kms:GenerateDataKey"},
		Resources:  itself,
		Conditions: throughBy(scope, "sqs", policy.RolesIn(scope, policy.RoomService)),
	}
}

// encryptLogs is CloudWatch Logs, for the stack's log groups only.
func encryptLogs(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "EncryptLogs",
		Principals: policy.Principals{"Service": Via(scope, "logs")},
		Actions:    []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"},
		Resources:  itself,
		Conditions: policy.Conditions{"ArnLike": {"kms:EncryptionContext:aws:logs:arn": []string{
			policy.ARN(scope, "logs", "log-group:"+LogGroupPrefix(scope)+"*"),
			policy.ARN(scope, "logs", "log-group:"+VendedLogGroupPrefix(scope)+"*"),
			// API Gateway's name for an API's own log, which ends in the API's id.
			policy.ARN(scope, "logs", "log-group:"+APILogGroupPrefix+"*"),
			// AWS WAF's name for a log of its own begins as it wants.
			policy.ARN(scope, "logs", "log-group:"+FirewallLogGroup(scope)),
		}}},
	}
}

// deliverLogs is the service that carries an encrypted state machine's records
// to its log group. AWS's page gives the statement without a condition
// (https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html),
// so aws:SourceAccount may not be there to compare. What the machine's role
// encrypts for the delivery has the logs' ARN in its encryption context, which
// KMS wants again to decrypt: see [useForExecutionLogs]. Unverified: no page
// shows the service with this condition.
func deliverLogs(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "DeliverExecutionLogs",
		Principals: policy.Principals{"Service": "delivery.logs.amazonaws.com"},
		Actions:    []string{"kms:Decrypt"},
		Resources:  itself,
		Conditions: policy.Conditions{"ArnLike": {"kms:EncryptionContext:SourceArn": policy.ARN(scope, "logs", "*")}},
	}
}

// deliverNotices is EventBridge, which publishes notices to the topic. SNS
// supports neither aws:SourceAccount nor aws:SourceArn for EventBridge and an
// encrypted topic
// (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html), but
// puts the topic's ARN into the encryption context, which keeps the service to
// topics of this account. Unverified: no page shows both together.
func deliverNotices(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "DeliverNotices",
		Principals: policy.Principals{"Service": "events.amazonaws.com"},
		Actions:    []string{"kms:Decrypt", "kms:GenerateDataKey"},
		Resources:  itself,
		Conditions: policy.Conditions{"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": policy.ARN(scope, "sns", "*")}},
	}
}

// keepUndelivered is EventBridge, which keeps undelivered events in the queue
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html).
func keepUndelivered(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "KeepUndelivered",
		Principals: policy.Principals{"Service": "events.amazonaws.com"},
		Actions:    []string{"kms:Decrypt", "kms:GenerateDataKey"},
		Resources:  itself,
		Conditions: policy.FromAccount(scope),
	}
}

// deliverAlarms is CloudWatch, which publishes alarms to the topic.
func deliverAlarms(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "DeliverAlarms",
		Principals: policy.Principals{"Service": "cloudwatch.amazonaws.com"},
		Actions:    []string{"kms:Decrypt", "kms:GenerateDataKey"},
		Resources:  itself,
		Conditions: policy.FromAccount(scope),
	}
}

// encryptTrail is CloudTrail, for this stack's trail only: it names the trail whenever
// it uses the key
// (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-kms-key-policy-for-cloudtrail.html).
func encryptTrail(scope constructs.Construct) policy.Statement {
	return policy.Statement{
		Sid:        "EncryptTrail",
		Principals: policy.Principals{"Service": "cloudtrail.amazonaws.com"},
		Actions:    []string{"kms:GenerateDataKey*", "kms:DescribeKey"},
		Resources:  itself,
		Conditions: policy.Conditions{"ArnEquals": {"aws:SourceArn": TrailARN(scope)}},
	}
}

// bedrockCallers are the roles in whose name Bedrock uses the key.
func bedrockCallers(scope constructs.Construct) []string {
	return []string{policy.RolesIn(scope, policy.RoomFunction), policy.RolesIn(scope, policy.RoomCustomization)}
}

// throughBy is through for roles alone: the ARN, or the list of ARNs, that theirs
// are like.
func throughBy(scope constructs.Construct, service string, roles any) policy.Conditions {
	conditions := through(scope, service)
	conditions["ArnLike"] = map[string]any{"aws:PrincipalArn": roles}
	return conditions
}

func through(scope constructs.Construct, service string) policy.Conditions {
	return policy.Conditions{"StringEquals": {
		"kms:CallerAccount": policy.Account(scope),
		"kms:ViaService":    Via(scope, service),
	}}
}
