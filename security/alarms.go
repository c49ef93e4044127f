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

// blocked is the firewall's metric, where there is one: AWS WAF names it as its
// settings say.
func (t *Template) blocked() (dimension string, configured bool) {
	firewall := t.find("InferenceFirewall")
	if firewall == nil {
		return "", false
	}
	return text(get(firewall.Properties, "VisibilityConfig", "MetricName")), true
}

func whatMattersHasAnAlarm(t *Template) (f Findings) {
	if name, ok := t.blocked(); ok && !t.hasAlarm("AWS/WAFV2", "BlockedRequests", "WebACL", name) {
		f.add("InferenceFirewall", "no alarm for blocked requests")
	}
	for _, w := range watched {
		value := t.ref(w.resource)
		if w.dimension == "QueueName" && t.find(w.resource) != nil {
			value = physical(t.find(w.resource))
		}
		if !t.hasAlarm(w.namespace, w.metric, w.dimension, value) {
			f.add(w.resource, "no alarm for %s %s", w.namespace, w.metric)
		}
	}
	return f
}

// hasAlarm says whether there is an alarm for a metric with a dimension.
func (t *Template) hasAlarm(namespace, metric, dimension, value string) bool {
	return slices.ContainsFunc(t.ofType("AWS::CloudWatch::Alarm"), func(r *Resource) bool {
		return text(r.Properties["Namespace"]) == namespace && text(r.Properties["MetricName"]) == metric &&
			slices.ContainsFunc(items(r.Properties["Dimensions"]), func(d any) bool {
				return text(get(d, "Name")) == dimension && text(get(d, "Value")) == value
			})
	})
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

// maxBlocked is how many requests a firewall may block in a period before somebody
// hears of it: an address on the internet is always tried by somebody.
const maxBlocked = 100

// alarmsCanRing: a threshold that one bad event in a quarter of an hour reaches; for
// the API, a share of answers, and for its firewall a number of requests.
func alarmsCanRing(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::CloudWatch::Alarm") {
		counts := slices.Contains([]string{"Sum", "Maximum", "Average"}, text(r.Properties["Statistic"]))
		seconds := number(r.Properties["Period"]) * number(r.Properties["EvaluationPeriods"])
		most := 1.0
		if text(r.Properties["MetricName"]) == "BlockedRequests" {
			most = maxBlocked
		}
		threshold := number(r.Properties["Threshold"])
		reached := threshold > 0 && threshold <= most
		switch text(r.Properties["ComparisonOperator"]) {
		case "GreaterThanOrEqualToThreshold":
		case "GreaterThanThreshold":
			reached = reached && threshold < most
		default:
			reached = false
		}
		if !counts || !reached || seconds <= 0 || seconds > 900 {
			f.add(r.ID, "rings too late, or never")
		}
	}
	return f
}
