// Package observability is the alarms and the changes that are told: each one means
// that somebody must look.
package observability

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/functions"
	"github.com/tuneline/tuneline/infra/inference"
	"github.com/tuneline/tuneline/infra/network"
	"github.com/tuneline/tuneline/infra/notices"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/infra/workflow"
)

// Alarms is the alarms.
type Alarms struct {
	Scope constructs.Construct
	topic *string
}

// Props is what is watched, and where it is told.
type Props struct {
	Notices  *notices.Notices
	Workflow *workflow.Workflow
	// Functions has the one that answers the inference API.
	Functions *functions.Functions
	// Firewall is set where AWS WAF stands before that API.
	Firewall bool
	Key      *storage.Key
	Network  *network.Network
	// Buckets are the names of the stack's buckets.
	Buckets []string
	// Region is where the stack is deployed to.
	Region string
}

// seconds is the period of the alarms.
const seconds = 300

// How many answers of the API may fail for reasons of ours: a twentieth, in three
// periods in a row. A model that is being loaded answers 503 for a while, and
// nobody must look for that.
const (
	failedShare   = 0.05
	failedPeriods = 3
)

// blockedRequests is how many requests AWS WAF blocks within a period before
// anybody is told: an address on the internet is always tried by somebody.
const blockedRequests = 100

// New makes the alarms, and the rules for changes.
func New(scope constructs.Construct, id string, props Props) *Alarms {
	a := &Alarms{Scope: constructs.NewConstruct(scope, jsii.String(id)), topic: props.Notices.Topic.AttrTopicArn()}
	a.any("Undelivered", "An event could not be delivered: see the dead-letter queue", awscloudwatch.CfnAlarmProps{
		Namespace:  jsii.String("AWS/SQS"),
		MetricName: jsii.String("ApproximateNumberOfMessagesVisible"),
		Statistic:  jsii.String("Maximum"),
		Dimensions: dimension("QueueName", props.Notices.DeadLetters.AttrQueueName()),
	})
	for _, metric := range []string{"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"} {
		a.ended(metric, metric, "A run did not end as it should: see its report and its execution", props.Workflow.Finetune)
		a.ended("Release"+metric, metric, "A release did not end as it should, and something billed may be left: see its execution", props.Workflow.Release)
		a.ended("Sweep"+metric, metric, "A sweep did not end as it should, and what is idle or nobody's may go on costing money: see its execution", props.Workflow.Sweep)
	}
	a.any("InvokeErrors", "The function that answers the inference API crashed or ran out of time: see its log", awscloudwatch.CfnAlarmProps{
		Namespace:  jsii.String("AWS/Lambda"),
		MetricName: jsii.String("Errors"),
		Statistic:  jsii.String("Sum"),
		Dimensions: dimension("FunctionName", props.Functions.Invoke.Resource.Ref()),
	})
	a.failing()
	if props.Firewall {
		a.blocking()
	}
	a.addChanges(props)
	return a
}

// failing makes the alarm for answers of the API that are not the caller's fault:
// a model that fails, an authorizer that cannot reach its issuer, a broken function.
func (a *Alarms) failing() {
	awscloudwatch.NewCfnAlarm(a.Scope, jsii.String("APIFailing"), &awscloudwatch.CfnAlarmProps{
		AlarmDescription: jsii.String("Many answers of the inference API are failures of ours: see the API's access log and the functions' logs"),
		Namespace:        jsii.String("AWS/ApiGateway"),
		MetricName:       jsii.String("5XXError"),
		Statistic:        jsii.String("Average"),
		Dimensions: []any{
			&awscloudwatch.CfnAlarm_DimensionProperty{Name: jsii.String("ApiName"), Value: awscdk.Stack_Of(a.Scope).StackName()},
			&awscloudwatch.CfnAlarm_DimensionProperty{Name: jsii.String("Stage"), Value: jsii.String(inference.StageName)},
		},
		Period: jsii.Number(seconds), EvaluationPeriods: jsii.Number(failedPeriods), Threshold: jsii.Number(failedShare),
		ComparisonOperator: jsii.String("GreaterThanThreshold"),
		TreatMissingData:   jsii.String("notBreaching"),
		AlarmActions:       &[]any{a.topic},
	})
}

// blocking makes the alarm for many requests that the firewall blocks. The metric of
// all its rules has the name ALL
// (https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html).
func (a *Alarms) blocking() {
	awscloudwatch.NewCfnAlarm(a.Scope, jsii.String("FirewallBlocks"), &awscloudwatch.CfnAlarmProps{
		AlarmDescription: jsii.String("The firewall blocks many requests: see its log for the rule and the addresses"),
		Namespace:        jsii.String("AWS/WAFV2"),
		MetricName:       jsii.String("BlockedRequests"),
		Statistic:        jsii.String("Sum"),
		Dimensions: slices.Concat(
			dimension("WebACL", jsii.String(inference.FirewallMetric)),
			dimension("Region", awscdk.Stack_Of(a.Scope).Region()),
			dimension("Rule", jsii.String("ALL")),
		),
		Period: jsii.Number(seconds), EvaluationPeriods: jsii.Number(1), Threshold: jsii.Number(blockedRequests),
		ComparisonOperator: jsii.String("GreaterThanOrEqualToThreshold"),
		TreatMissingData:   jsii.String("notBreaching"),
		AlarmActions:       &[]any{a.topic},
	})
}

// ended makes an alarm for executions of a machine.
func (a *Alarms) ended(id, metric, description string, machine *workflow.Machine) {
	a.any(id, description, awscloudwatch.CfnAlarmProps{
		Namespace:  jsii.String("AWS/States"),
		MetricName: jsii.String(metric),
		Statistic:  jsii.String("Sum"),
		Dimensions: dimension("StateMachineArn", machine.Resource.AttrArn()),
	})
}

// any makes an alarm for a metric of which one is too many.
func (a *Alarms) any(id, description string, props awscloudwatch.CfnAlarmProps) {
	props.AlarmDescription = jsii.String(description)
	props.Period = jsii.Number(seconds)
	props.EvaluationPeriods = jsii.Number(1)
	props.Threshold = jsii.Number(1)
	props.ComparisonOperator = jsii.String("GreaterThanOrEqualToThreshold")
	props.TreatMissingData = jsii.String("notBreaching")
	props.AlarmActions = &[]any{a.topic}
	awscloudwatch.NewCfnAlarm(a.Scope, jsii.String(id), &props)
}

func dimension(name string, value *string) []any {
	return []any{&awscloudwatch.CfnAlarm_DimensionProperty{Name: jsii.String(name), Value: value}}
}
