package security

import "slices"

var alarmAssertions = []Assertion{
	{"WhatMattersHasAnAlarm", 37, whatMattersHasAnAlarm},
	{"AlarmsAreHeard", 37, alarmsAreHeard},
	{"AlarmsCanRing", 37, alarmsCanRing},
}

// watched are the metrics that must have an alarm, each with the resource its
// dimension names.
var watched = []struct{ namespace, metric, dimension, resource string }{
	{"AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "NoticesDeadLetters"},
	{"AWS/States", "ExecutionsFailed", "StateMachineArn", "WorkflowMachine"},
	{"AWS/States", "ExecutionsTimedOut", "StateMachineArn", "WorkflowMachine"},
	{"AWS/States", "ExecutionsAborted", "StateMachineArn", "WorkflowMachine"},
	{"AWS/States", "ExecutionsFailed", "StateMachineArn", "WorkflowReleaseMachine"},
	{"AWS/States", "ExecutionsTimedOut", "StateMachineArn", "WorkflowReleaseMachine"},
	{"AWS/States", "ExecutionsAborted", "StateMachineArn", "WorkflowReleaseMachine"},
	{"AWS/States", "ExecutionsFailed", "StateMachineArn", "WorkflowSweepMachine"},
	{"AWS/States", "ExecutionsTimedOut", "StateMachineArn", "WorkflowSweepMachine"},
	{"AWS/States", "ExecutionsAborted", "StateMachineArn", "WorkflowSweepMachine"},
	{"AWS/Lambda", "Errors", "FunctionName", "FunctionsInvokeFunction"},
	{"AWS/ApiGateway", "5XXError", "Stage", "InferenceStage"},
}

func whatMattersHasAnAlarm(t *Template) (f Findings) {
	for _, w := range watched {
		value := t.ref(w.resource)
		if w.dimension == "QueueName" && t.find(w.resource) != nil {
			value = physical(t.find(w.resource))
		}
		has := slices.ContainsFunc(t.ofType("AWS::CloudWatch::Alarm"), func(r *Resource) bool {
			return text(r.Properties["Namespace"]) == w.namespace && text(r.Properties["MetricName"]) == w.metric &&
				slices.ContainsFunc(items(r.Properties["Dimensions"]), func(d any) bool {
					return text(get(d, "Name")) == w.dimension && text(get(d, "Value")) == value
				})
		})
		if !has {
			f.add(w.resource, "no alarm for %s %s", w.namespace, w.metric)
		}
	}
	return f
}

func alarmsAreHeard(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::CloudWatch::Alarm") {
		off := r.Properties["ActionsEnabled"] != nil && !isTrue(r.Properties["ActionsEnabled"])
		if off || !slices.Contains(texts(r.Properties["AlarmActions"]), t.arn("NoticesTopic")) {
			f.add(r.ID, "nobody hears it")
		}
	}
	return f
}

// alarmsCanRing: a threshold that one bad event in a quarter of an hour reaches; for
// the API, a share of answers.
func alarmsCanRing(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::CloudWatch::Alarm") {
		counts := slices.Contains([]string{"Sum", "Maximum", "Average"}, text(r.Properties["Statistic"]))
		seconds := number(r.Properties["Period"]) * number(r.Properties["EvaluationPeriods"])
		threshold := number(r.Properties["Threshold"])
		reached := threshold > 0 && threshold <= 1
		switch text(r.Properties["ComparisonOperator"]) {
		case "GreaterThanOrEqualToThreshold":
		case "GreaterThanThreshold":
			reached = reached && threshold < 1
		default:
			reached = false
		}
		if !counts || !reached || seconds <= 0 || seconds > 900 {
			f.add(r.ID, "rings too late, or never")
		}
	}
	return f
}
