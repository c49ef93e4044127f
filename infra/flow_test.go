package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/statemachine"
)

// machines are the state machines by the beginning of their resources' ids.
var machines = map[string]struct {
	definition    string
	substitutions map[string]string
	steps         []string
	// tells says that it publishes to the topic of notices.
	tells bool
}{
	"Workflow":        {statemachine.Definition, statemachine.Substitutions{}.Map(), []string{"validate", "submit", "poll", "analyze", "throughput"}, true},
	"WorkflowRelease": {statemachine.Release, statemachine.ReleaseSubstitutions{}.Map(), []string{"throughput"}, true},
	"WorkflowSweep":   {statemachine.Sweep, statemachine.SweepSubstitutions{}.Map(), []string{"throughput"}, true},
}

func TestStateMachine(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		if found := tm.ofType("AWS::StepFunctions::StateMachine"); len(found) != len(machines) {
			t.Fatalf("got %d state machines, want %d", len(found), len(machines))
		}
		for prefix, machine := range machines {
			p := tm.find(t, prefix+"Machine", "AWS::StepFunctions::StateMachine").Properties
			if p["DefinitionString"] != machine.definition {
				t.Errorf("%s: the definition is not the file in statemachine as it stands", prefix)
			}
			topic := tm.find(t, "NoticesTopic", "AWS::SNS::Topic").ref("TopicArn")
			want, arns := object{}, []any{}
			if machine.tells {
				want["NoticesTopic"] = topic
			}
			for _, name := range machine.steps {
				arn := function(t, tm, name).ref("Arn")
				want[strings.ToUpper(name[:1])+name[1:]+"Function"] = arn
				arns = append(arns, arn)
			}
			equal(t, prefix+" substitutions", p["DefinitionSubstitutions"], want)
			equal(t, prefix+" substitutions' names", slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(machine.substitutions)))
			equal(t, prefix+" role", p["RoleArn"], tm.find(t, prefix+"Role", "AWS::IAM::Role").ref("Arn"))
			for _, s := range tm.permissions(t, prefix+"Role") {
				switch s.sid() {
				case "CallSteps":
					equal(t, prefix+" may call", s.resources(), texts(arns))
				case "TellPeople":
					equal(t, prefix+" tells people", machine.tells, true)
					equal(t, prefix+" may tell", s.resources(), texts([]any{topic}))
				default:
					if slices.ContainsFunc(s.actions(), func(action string) bool {
						return strings.HasPrefix(action, "lambda:") || strings.HasPrefix(action, "sns:")
					}) {
						t.Errorf("%s allows %v", s, s.actions())
					}
				}
			}
			log := tm.find(t, prefix+"LogGroup", "AWS::Logs::LogGroup").ref("Arn")
			equal(t, prefix+" log", p["LoggingConfiguration"], object{
				"Level": "ALL", "IncludeExecutionData": false, "Destinations": []any{object{"CloudWatchLogsLogGroup": object{"LogGroupArn": log}}},
			})
			equal(t, prefix+" tracing", get(p, "TracingConfiguration", "Enabled"), true)
			equal(t, prefix+" type", p["StateMachineType"], "STANDARD")
		}
	})
}

// deliver does what EventBridge does with an input transformer: a placeholder
// becomes the JSON of the field.
func deliver(t *testing.T, target any, fields map[string]string) []byte {
	t.Helper()
	template := get(target, "InputTransformer", "InputTemplate").(string)
	paths := get(target, "InputTransformer", "InputPathsMap").(object)
	for name, path := range paths {
		value, known := fields[path.(string)]
		if !known {
			t.Fatalf("the event has no field %v", path)
		}
		quoted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		template = strings.ReplaceAll(template, "<"+name+">", string(quoted))
	}
	return []byte(template)
}

func decodeStrictly(t *testing.T, text []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("decoding %s: %v", text, err)
	}
}

// TestUploadStartsAnExecution: the rule's target input is an ExecutionInput,
// with odd characters in the key.
func TestUploadStartsAnExecution(t *testing.T) {
	tm := synthesize(t, standard)
	rule := tm.find(t, "TriggerUpload", "AWS::Events::Rule")
	equal(t, "pattern", rule.Properties["EventPattern"], object{
		"source":      []any{"aws.s3"},
		"detail-type": []any{"Object Created"},
		"detail": object{
			"bucket": object{"name": []any{dataBucket(t, tm).ref("")}},
			"object": object{"key": []any{object{"wildcard": "fine-tuning-datasets/*.jsonl"}}},
		},
	})
	target := get(rule.Properties, "Targets", 0)
	equal(t, "target", get(target, "Arn"), tm.find(t, "WorkflowMachine", "AWS::StepFunctions::StateMachine").ref("Arn"))
	const key = `fine-tuning-datasets/m/a = é <key>+%20.jsonl`
	text := deliver(t, target, map[string]string{
		"$.detail.bucket.name": "b", "$.detail.object.key": key, "$.detail.object.version-id": "v", "$.detail.object.sequencer": "0A",
	})
	var got finetune.ExecutionInput
	decodeStrictly(t, text, &got)
	equal(t, "input", got, finetune.ExecutionInput{Dataset: finetune.Dataset{Bucket: "b", Key: key, VersionID: "v", Sequencer: "0A"}})
}

// TestEndsAreSeen: every terminal status is told to people, those no Catch sees
// release what was bought, and a release that does not succeed is told too.
func TestEndsAreSeen(t *testing.T) {
	tm := synthesize(t, standard)
	machine := tm.find(t, "WorkflowMachine", "AWS::StepFunctions::StateMachine").ref("Arn")
	releasing := tm.find(t, "WorkflowReleaseMachine", "AWS::StepFunctions::StateMachine").ref("Arn")
	pattern := func(machine string, statuses ...any) object {
		return object{
			"source": []any{"aws.states"}, "detail-type": []any{"Step Functions Execution Status Change"},
			"detail": object{"stateMachineArn": []any{machine}, "status": statuses},
		}
	}
	rule := func(id string) object { return tm.find(t, "Trigger"+id, "AWS::Events::Rule").Properties }
	equal(t, "notify", rule("Notify")["EventPattern"], pattern(machine, "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"))
	equal(t, "release", rule("Release")["EventPattern"], pattern(machine, "FAILED", "TIMED_OUT", "ABORTED"))
	equal(t, "unreleased", rule("Unreleased")["EventPattern"], pattern(releasing, "FAILED", "TIMED_OUT", "ABORTED"))

	event := map[string]string{"$.detail.executionArn": "arn:e", "$.detail.status": "ABORTED", "$.time": "now"}
	target := get(rule("Release"), "Targets", 0)
	equal(t, "release target", get(target, "Arn"), releasing)
	var got finetune.StatusRelease
	decodeStrictly(t, deliver(t, target, event), &got)
	equal(t, "release input", got, finetune.StatusRelease{ExecutionARN: "arn:e", Status: "ABORTED"})
	for id, text := range map[string]string{"Notify": "tuneline: an execution ended", "Unreleased": "tuneline: a release did not succeed"} {
		target := get(rule(id), "Targets", 0)
		equal(t, id+" target", get(target, "Arn"), tm.find(t, "NoticesTopic", "AWS::SNS::Topic").ref("TopicArn"))
		var notice map[string]string
		decodeStrictly(t, deliver(t, target, event), &notice)
		equal(t, id, notice, map[string]string{"notice": text, "execution": "arn:e", "status": "ABORTED", "time": "now"})
	}
}

// TestRulesStartMachines: one role starts executions for rules, of the two
// machines only.
func TestRulesStartMachines(t *testing.T) {
	tm := synthesize(t, standard)
	var want []any
	for _, prefix := range []string{"Workflow", "WorkflowRelease"} {
		want = append(want, tm.find(t, prefix+"Machine", "AWS::StepFunctions::StateMachine").ref("Arn"))
	}
	starter := tm.find(t, "TriggerStarterRole", "AWS::IAM::Role")
	statements := tm.permissions(t, "TriggerStarterRole")
	if len(statements) != 1 {
		t.Fatalf("got %d statements, want 1", len(statements))
	}
	equal(t, "actions", statements[0].actions(), []string{"states:StartExecution"})
	equal(t, "resources", statements[0].resources(), texts(want))
	for _, id := range []string{"Upload", "Release"} {
		target := get(tm.find(t, "Trigger"+id, "AWS::Events::Rule").Properties, "Targets", 0)
		equal(t, id+" as", get(target, "RoleArn"), starter.ref("Arn"))
	}
}

// TestNoEventIsLost: every target has a dead-letter queue and a retry policy,
// and the queue and every failed run an alarm that somebody hears.
func TestNoEventIsLost(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		queue := tm.find(t, "NoticesDeadLetters", "AWS::SQS::Queue")
		counted := tm.find(t, "ObservabilityAskedByOthers", "AWS::Events::Rule")
		for _, rule := range tm.ofType("AWS::Events::Rule") {
			targets, _ := rule.Properties["Targets"].([]any)
			if rule.id == counted.id {
				continue // it delivers nothing: an alarm is on its metric
			}
			if len(targets) != 1 || rule.Properties["State"] != "ENABLED" {
				t.Errorf("%s: got %d targets, state %v", rule.id, len(targets), rule.Properties["State"])
			}
			for _, target := range targets {
				equal(t, rule.id+" dead letters", get(target, "DeadLetterConfig", "Arn"), queue.ref("Arn"))
				equal(t, rule.id+" retries", get(target, "RetryPolicy"), object{"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400})
			}
		}
		topic := tm.find(t, "NoticesTopic", "AWS::SNS::Topic")
		metrics := map[string]int{}
		for _, alarm := range tm.ofType("AWS::CloudWatch::Alarm") {
			metrics[fmt.Sprint(alarm.Properties["MetricName"], " ", get(alarm.Properties, "Dimensions", 0, "Value"))]++
			equal(t, alarm.id+" tells", alarm.Properties["AlarmActions"], []any{topic.ref("TopicArn")})
		}
		want := map[string]int{
			"ApproximateNumberOfMessagesVisible " + queue.ref("QueueName"): 1,
			"Errors " + function(t, tm, "invoke").ref(""):                  1,
			"5XXError tuneline":                 1,
			"TriggeredRules " + counted.ref(""): 1,
		}
		if v.config().API.WAF.Enabled {
			want["BlockedRequests tuneline-inference"] = 1
		}
		for prefix := range machines {
			machine := tm.find(t, prefix+"Machine", "AWS::StepFunctions::StateMachine")
			for _, metric := range []string{"ExecutionsAborted", "ExecutionsFailed", "ExecutionsTimedOut"} {
				want[metric+" "+machine.ref("Arn")] = 1
			}
		}
		equal(t, "alarms", metrics, want)
	})
}

func TestEmail(t *testing.T) {
	if got := synthesize(t, standard).ofType("AWS::SNS::Subscription"); len(got) != 0 {
		t.Errorf("got %d subscriptions without an address, want none", len(got))
	}
	subscription := synthesize(t, strict).find(t, "NoticesEmail", "AWS::SNS::Subscription")
	equal(t, "address", subscription.Properties["Endpoint"], "team@example.com")
}

// TestLifecycle: there is one custom resource, and it is deleted before
// anything it needs or guards.
func TestLifecycle(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		for id, r := range tm.Resources {
			if (strings.HasPrefix(r.Type, "Custom::") || r.Type == "AWS::CloudFormation::CustomResource") && r.Type != "Custom::TunelineLifecycle" {
				t.Errorf("%s is a custom resource: %s", id, r.Type)
			}
		}
		resource := tm.find(t, "Lifecycle", "Custom::TunelineLifecycle")
		equal(t, "served by", resource.Properties["ServiceToken"], function(t, tm, "lifecycle").ref("Arn"))
		before := texts(resource.DependsOn)
		var want []string
		for _, kind := range []string{
			"AWS::Events::Rule", "AWS::StepFunctions::StateMachine", "AWS::Lambda::Function", "AWS::KMS::Key", "AWS::EC2::Subnet",
			"AWS::EC2::SecurityGroup", "AWS::EC2::VPCEndpoint", "AWS::S3::BucketPolicy",
		} {
			for _, r := range tm.ofType(kind) {
				if concern := concernOf(r.id); concern != "Lifecycle" && concern != "Inference" {
					want = append(want, r.id)
				}
			}
		}
		for _, prefix := range []string{"Customization", "Functions", "Workflow", "Trigger"} {
			for _, r := range tm.ofType("AWS::IAM::Role") {
				if strings.HasPrefix(r.id, prefix) {
					want = append(want, r.id)
				}
			}
		}
		for _, id := range want {
			if !slices.Contains(before, id) {
				t.Errorf("%s may be deleted before the lifecycle resource", id)
			}
		}
	})
}
