// Package trigger is what makes things happen: an upload starts an execution,
// and the end of an execution is told to people, or, where compensation could
// not run, to the machine that releases what was bought.
package trigger

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/notices"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/infra/workflow"
	"github.com/tuneline/tuneline/internal/finetune"
)

// Trigger is the rules.
type Trigger struct {
	Scope constructs.Construct
	// Upload starts an execution for every data set.
	Upload awsevents.CfnRule
	// Notify tells people how every execution ended.
	Notify awsevents.CfnRule
	// Release starts the release machine after an end no Catch could see.
	Release awsevents.CfnRule
	// Unreleased tells people how every release ended that did not succeed.
	Unreleased awsevents.CfnRule

	props   Props
	starter awsiam.CfnRole
}

// Props is what the rules connect.
type Props struct {
	Bucket   *storage.Bucket
	Workflow *workflow.Workflow
	Notices  *notices.Notices
}

// The ids of the rules that start executions, with the starter's role.
const (
	uploadID  = "Upload"
	releaseID = "Release"
)

// New makes the rules.
func New(scope constructs.Construct, id string, props Props) *Trigger {
	t := &Trigger{Scope: constructs.NewConstruct(scope, jsii.String(id)), props: props}
	t.starter = t.newStarter()
	t.Upload = t.newUpload()
	t.Notify = t.newNotice("Notify", "An execution ended: tell people", "tuneline: an execution ended",
		ended(props.Workflow.Finetune, "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"))
	t.Release = t.newRelease()
	t.Unreleased = t.newNotice("Unreleased", "A release did not succeed: tell people", "tuneline: a release did not succeed",
		ended(props.Workflow.Release, badly...))
	return t
}

// newUpload matches what lies under the prefix and is JSONL. It is one pattern
// with a wildcard, because a list of matchers for one field means any of them.
// Keys too deep match as well: their execution ends with the reason.
func (t *Trigger) newUpload() awsevents.CfnRule {
	input := finetune.ExecutionInput{Dataset: finetune.Dataset{
		Bucket: field("bucket"), Key: field("key"), VersionID: field("version"), Sequencer: field("sequencer"),
	}}
	return awsevents.NewCfnRule(t.Scope, jsii.String(uploadID), &awsevents.CfnRuleProps{
		Description: jsii.String("A data set was uploaded: start an execution"),
		State:       jsii.String("ENABLED"),
		EventPattern: map[string]any{
			"source":      []string{"aws.s3"},
			"detail-type": []string{"Object Created"},
			"detail": map[string]any{
				"bucket": map[string]any{"name": []string{t.props.Bucket.Name()}},
				"object": map[string]any{"key": []any{map[string]any{"wildcard": finetune.PrefixDatasets + "*.jsonl"}}},
			},
		},
		Targets: []any{&awsevents.CfnRule_TargetProperty{
			Id:      jsii.String("StartExecution"),
			Arn:     t.props.Workflow.Finetune.Resource.AttrArn(),
			RoleArn: t.starter.AttrArn(),
			InputTransformer: transformer(input, fields{
				"bucket":    "$.detail.bucket.name",
				"key":       "$.detail.object.key",
				"version":   "$.detail.object.version-id",
				"sequencer": "$.detail.object.sequencer",
			}),
			RetryPolicy:      notices.Patiently(),
			DeadLetterConfig: t.props.Notices.KeepUndelivered(),
		}},
	})
}

// newStarter makes the role EventBridge starts executions with, for the two rules
// that do. A rule's ARN would make the rule and the role wait for each other, so the
// rules are named as CloudFormation names them: by stack and logical id
// (https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html).
func (t *Trigger) newStarter() awsiam.CfnRole {
	forRules := policy.FromAccount(t.Scope)
	forRules["ArnLike"] = map[string]any{"aws:SourceArn": []string{t.namedLike(uploadID), t.namedLike(releaseID)}}
	return policy.NewRole(t.Scope, "StarterRole", policy.RoleProps{
		Description: "EventBridge: starts an execution for an uploaded data set, or a release",
		Room:        policy.RoomService,
		Trust:       policy.ByService("events.amazonaws.com", forRules),
		Statements: []policy.Statement{
			{
				Sid: "StartExecution", Actions: []string{"states:StartExecution"},
				Resources: []string{t.props.Workflow.Finetune.ARN(), t.props.Workflow.Release.ARN()},
			},
		},
	})
}

// namedLike is a pattern of a rule's ARN, by the rule's id in the construct.
func (t *Trigger) namedLike(id string) string {
	return policy.ARN(t.Scope, "events", "rule/"+*awscdk.Stack_Of(t.Scope).StackName()+"-"+*t.Scope.Node().Id()+id+"*")
}

// badly are the statuses of an execution that did not succeed.
var badly = []string{"FAILED", "TIMED_OUT", "ABORTED"}

// newNotice publishes ends of executions. Its text names the execution, and
// holds nothing out of a data set.
func (t *Trigger) newNotice(id, description, text string, pattern map[string]any) awsevents.CfnRule {
	notice := struct {
		Notice    string `json:"notice"`
		Execution string `json:"execution"`
		Status    string `json:"status"`
		Time      string `json:"time"`
	}{text, field("execution"), field("status"), field("time")}
	return t.props.Notices.NewRule(t.Scope, id, notices.RuleProps{
		Description: description, State: notices.Enabled, Pattern: pattern,
		Text: transformer(notice, fields{
			"execution": "$.detail.executionArn", "status": "$.detail.status", "time": "$.time",
		}),
	})
}

// newRelease is the net under the state machine: no Catch sees a time-out, a
// stop or a runtime error, and what a run bought must not outlive it. A machine
// takes the release and not the function itself, for a machine can wait.
func (t *Trigger) newRelease() awsevents.CfnRule {
	input := finetune.StatusRelease{ExecutionARN: field("execution"), Status: field("status")}
	return awsevents.NewCfnRule(t.Scope, jsii.String(releaseID), &awsevents.CfnRuleProps{
		Description:  jsii.String("An execution ended without its compensation: release what it bought"),
		State:        jsii.String("ENABLED"),
		EventPattern: ended(t.props.Workflow.Finetune, badly...),
		Targets: []any{&awsevents.CfnRule_TargetProperty{
			Id:      jsii.String("Release"),
			Arn:     t.props.Workflow.Release.Resource.AttrArn(),
			RoleArn: t.starter.AttrArn(),
			InputTransformer: transformer(input, fields{
				"execution": "$.detail.executionArn", "status": "$.detail.status",
			}),
			RetryPolicy:      notices.Patiently(),
			DeadLetterConfig: t.props.Notices.KeepUndelivered(),
		}},
	})
}

// ended matches the executions of a machine that ended with a status.
func ended(machine *workflow.Machine, statuses ...string) map[string]any {
	return map[string]any{
		"source":      []string{"aws.states"},
		"detail-type": []string{"Step Functions Execution Status Change"},
		"detail": map[string]any{
			"stateMachineArn": []string{machine.ARN()},
			"status":          statuses,
		},
	}
}
