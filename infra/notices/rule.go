package notices

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// RuleProps describes a rule whose events are told to people.
type RuleProps struct {
	Description string
	// State is ENABLED, or that with all management events.
	State   string
	Pattern map[string]any
	// Text makes the notice of an event.
	Text *awsevents.CfnRule_InputTransformerProperty
}

// States of a rule. The second one is for events of calls that only read, which
// EventBridge passes on to rules that ask for them
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html).
const (
	Enabled          = "ENABLED"
	EnabledWithReads = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
)

// NewRule makes a rule that publishes what it matches to the topic.
func (n *Notices) NewRule(scope constructs.Construct, id string, props RuleProps) awsevents.CfnRule {
	return awsevents.NewCfnRule(scope, jsii.String(id), &awsevents.CfnRuleProps{
		Description:  jsii.String(props.Description),
		State:        jsii.String(props.State),
		EventPattern: props.Pattern,
		Targets: []any{&awsevents.CfnRule_TargetProperty{
			Id:               jsii.String("Publish"),
			Arn:              n.Topic.AttrTopicArn(),
			InputTransformer: props.Text,
			RetryPolicy:      Patiently(),
			DeadLetterConfig: n.KeepUndelivered(),
		}},
	})
}

// Patiently is EventBridge's longest: 185 tries in a day.
func Patiently() *awsevents.CfnRule_RetryPolicyProperty {
	return &awsevents.CfnRule_RetryPolicyProperty{MaximumRetryAttempts: jsii.Number(185), MaximumEventAgeInSeconds: jsii.Number(86400)}
}

// KeepUndelivered keeps what a rule could not deliver in the queue.
func (n *Notices) KeepUndelivered() *awsevents.CfnRule_DeadLetterConfigProperty {
	return &awsevents.CfnRule_DeadLetterConfigProperty{Arn: n.DeadLetters.AttrArn()}
}
