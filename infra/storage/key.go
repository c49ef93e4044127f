// Package storage is where data rests: the customer managed key, the bucket,
// and the two policies that say who may use them.
package storage

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/policy"
)

// Key is the customer managed key that everything is encrypted with: objects,
// custom models, logs, executions, notices and undelivered events.
type Key struct {
	Scope    constructs.Construct
	Resource awskms.CfnKey
	Alias    awskms.CfnAlias
}

// pendingDays is the longest window KMS has between asking for a key's deletion
// and the deletion.
const pendingDays = 30

// KeyProps is what the key needs to know.
type KeyProps struct {
	// Trail is set where the stack has a trail of CloudTrail, which encrypts its files.
	Trail bool
	// Nova is set where Nova models may be tuned, which Bedrock itself reads and writes
	// when throughput is bought for them.
	Nova bool
}

// NewKey makes the key. It outlives the stack, like the bucket and the custom
// models: without it they could never be read again.
func NewKey(scope constructs.Construct, id string, props KeyProps) *Key {
	k := &Key{Scope: constructs.NewConstruct(scope, jsii.String(id))}
	statements := keyStatements(k.Scope)
	if props.Nova {
		statements = append(statements, optimizeThroughput(k.Scope))
	}
	if props.Trail {
		statements = append(statements, encryptTrail(k.Scope))
	}
	k.Resource = awskms.NewCfnKey(k.Scope, jsii.String("Key"), &awskms.CfnKeyProps{
		Description:         jsii.Sprintf("Encrypts everything of %s: data sets, custom models, logs", *awscdk.Stack_Of(scope).StackName()),
		KeySpec:             jsii.String("SYMMETRIC_DEFAULT"),
		KeyUsage:            jsii.String("ENCRYPT_DECRYPT"),
		EnableKeyRotation:   jsii.Bool(true),
		PendingWindowInDays: jsii.Number(pendingDays),
		KeyPolicy:           policy.Document(statements...),
	})
	policy.Retain(k.Resource)
	k.Alias = awskms.NewCfnAlias(k.Scope, jsii.String("Alias"), &awskms.CfnAliasProps{
		AliasName:   jsii.Sprintf("alias/%s", *awscdk.Stack_Of(scope).StackName()),
		TargetKeyId: k.Resource.AttrKeyId(),
	})
	return k
}

// ARN is the key's ARN.
func (k *Key) ARN() string { return *k.Resource.AttrArn() }

// Use is the statement of a role that reads, and with write also writes,
// something encrypted with the key through an AWS service.
func (k *Key) Use(sid, service string, write bool) policy.Statement {
	s := policy.Statement{
		Sid:        sid,
		Actions:    []string{"kms:Decrypt"},
		Resources:  []string{k.ARN()},
		Conditions: policy.Conditions{"StringEquals": {"kms:ViaService": Via(k.Scope, service)}},
	}
	if write {
		s.Actions = append(s.Actions, "kms:GenerateDataKey")
	}
	return s
}

// GrantThroughBedrock is the statement of a role in whose name Bedrock makes
// its long-lived grant on the key for a custom model.
func (k *Key) GrantThroughBedrock(sid string) policy.Statement {
	return policy.Statement{
		Sid:       sid,
		Actions:   []string{"kms:CreateGrant"},
		Resources: []string{k.ARN()},
		Conditions: policy.Conditions{
			"StringEquals": {"kms:ViaService": Via(k.Scope, "bedrock")},
			"Bool":         {"kms:GrantIsForAWSResource": "true"},
		},
	}
}

// Via is the value of kms:ViaService for a service in the stack's region.
func Via(scope constructs.Construct, service string) string {
	return fmt.Sprintf("%s.%s.amazonaws.com", service, *awscdk.Stack_Of(scope).Region())
}

// APILogGroupPrefix begins the names API Gateway gives the groups it logs the
// execution of APIs to.
const APILogGroupPrefix = "API-Gateway-Execution-Logs_"

// FirewallLogGroup is the name of the group AWS WAF logs to.
func FirewallLogGroup(scope constructs.Construct) string {
	return "aws-waf-logs-" + *awscdk.Stack_Of(scope).StackName()
}

// TrailARN is the ARN of the stack's trail, which is named as the stack is.
func TrailARN(scope constructs.Construct) string {
	return policy.ARN(scope, "cloudtrail", "trail/"+*awscdk.Stack_Of(scope).StackName())
}

// LogGroupPrefix begins the names of the stack's log groups.
func LogGroupPrefix(scope constructs.Construct) string {
	return "/" + *awscdk.Stack_Of(scope).StackName() + "/"
}

// VendedLogGroupPrefix begins the names of those an AWS service writes to by
// itself.
func VendedLogGroupPrefix(scope constructs.Construct) string {
	return "/aws/vendedlogs" + LogGroupPrefix(scope)
}
