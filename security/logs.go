package security

import (
	"slices"
	"strings"
)

var logAssertions = []Assertion{
	{"LogsAreEncrypted", 36, logsAreEncrypted},
	{"LogsEnd", 36, logsEnd},
	{"FunctionsLogWhereWeSay", 36, functionsLogWhereWeSay},
	{"LogsGoNowhereElse", 36, logsGoNowhereElse},
}

func logsAreEncrypted(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::Logs::LogGroup") {
		if text(r.Properties["KmsKeyId"]) != t.arn("Key") {
			f.add(r.ID, "is not encrypted with the stack's key")
		}
	}
	return f
}

func logsEnd(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::Logs::LogGroup") {
		if number(r.Properties["RetentionInDays"]) <= 0 {
			f.add(r.ID, "keeps its records for ever")
		}
	}
	return f
}

// functionsLogWhereWeSay: a function that names no group gets one that is neither
// encrypted nor ends.
func functionsLogWhereWeSay(t *Template) (f Findings) {
	var groups []string
	for _, r := range t.ofType("AWS::Logs::LogGroup") {
		groups = append(groups, reference(r, t.Region))
	}
	for _, fn := range t.ofType("AWS::Lambda::Function") {
		if !slices.Contains(groups, text(get(fn.Properties, "LoggingConfig", "LogGroup"))) {
			f.add(fn.ID, "logs to a group that Lambda makes: without the key, for ever")
		}
	}
	for _, stage := range t.ofType("AWS::ApiGateway::Stage") {
		destination := text(get(stage.Properties, "AccessLogSetting", "DestinationArn"))
		if !slices.ContainsFunc(groups, func(name string) bool { return strings.HasSuffix(destination, ":"+name) }) {
			f.add(stage.ID, "logs to a group that is not the stack's")
		}
		// API Gateway makes the group of its own log if it is not there.
		own := "API-Gateway-Execution-Logs_" + t.ref("InferenceAPI") + "/" + reference(stage, t.Region)
		if level := text(forAll(stage)["LoggingLevel"]); level != "" && level != "OFF" && !slices.Contains(groups, own) {
			f.add(stage.ID, "logs errors to a group that API Gateway makes: without the key, for ever")
		}
	}
	return f
}

// logsGoNowhereElse: nothing carries records on, or lets others read them.
func logsGoNowhereElse(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::Logs::SubscriptionFilter", "AWS::Logs::Destination", "AWS::Logs::ResourcePolicy", "AWS::Logs::Delivery", "AWS::Oam::Link") {
		f.add(r.ID, "%s carries records out of the stack", r.Type)
	}
	return f
}
