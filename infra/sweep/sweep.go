// Package sweep is the schedule that starts the sweep machine.
package sweep

import (
	"fmt"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/notices"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/storage"
	"github.com/tuneline/tuneline/infra/workflow"
	"github.com/tuneline/tuneline/internal/finetune"
)

// Sweep is the schedule, and the role it starts executions with.
type Sweep struct {
	Scope    constructs.Construct
	Schedule awsscheduler.CfnSchedule
	Role     awsiam.CfnRole
}

// Props is what the schedule starts, and how often.
type Props struct {
	Machine *workflow.Machine
	Key     *storage.Key
	Notices *notices.Notices
	Rules   finetune.Sweeping
	// Teardown is deleted after the schedule: no sweep starts once what it would
	// look at is being wound up.
	Teardown awscdk.CustomResource
}

// input is what an execution starts with. EventBridge Scheduler fills in the time
// (https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html).
const input = `{"scheduledTime":"<aws.scheduler.scheduled-time>"}`

// New makes the schedule.
func New(scope constructs.Construct, id string, props Props) *Sweep {
	s := &Sweep{Scope: constructs.NewConstruct(scope, jsii.String(id))}
	name := *awscdk.Stack_Of(scope).StackName() + "-sweep"
	s.Role = s.newRole(props, name)
	every := time.Duration(props.Rules.EverySeconds) * time.Second
	s.Schedule = awsscheduler.NewCfnSchedule(s.Scope, jsii.String("Schedule"), &awsscheduler.CfnScheduleProps{
		Name:               jsii.String(name),
		Description:        jsii.String("Look after what the stack has bought"),
		State:              jsii.String("ENABLED"),
		ScheduleExpression: jsii.String(fmt.Sprintf("rate(%d minutes)", every/time.Minute)),
		FlexibleTimeWindow: &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: jsii.String("OFF")},
		KmsKeyArn:          props.Key.Resource.AttrArn(),
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn:     props.Machine.Resource.AttrArn(),
			RoleArn: s.Role.AttrArn(),
			Input:   jsii.String(input),
			// A start that fails for longer than until the next one is kept for people.
			RetryPolicy:      &awsscheduler.CfnSchedule_RetryPolicyProperty{MaximumRetryAttempts: jsii.Number(185), MaximumEventAgeInSeconds: jsii.Number(props.Rules.EverySeconds)},
			DeadLetterConfig: &awsscheduler.CfnSchedule_DeadLetterConfigProperty{Arn: props.Notices.DeadLetters.AttrArn()},
		},
	})
	s.Schedule.Node().AddDependency(props.Teardown)
	return s
}

// newRole makes the schedule's role. It can start a sweep and nothing else. The
// other statements are the schedule's own: it is decrypted
// (https://docs.aws.amazon.com/scheduler/latest/UserGuide/encryption-rest.html), and
// what it could not start is put into the queue, with this role. What the service
// names as its source is the schedule's group, never the schedule
// (https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html).
func (s *Sweep) newRole(props Props, name string) awsiam.CfnRole {
	forGroup := policy.FromAccount(s.Scope)
	forGroup["ArnEquals"] = map[string]any{"aws:SourceArn": policy.ARN(s.Scope, "scheduler", "schedule-group/default")}
	return policy.NewRole(s.Scope, "Role", policy.RoleProps{
		Description: "EventBridge Scheduler: starts a sweep",
		Room:        policy.RoomService,
		Trust:       policy.ByService("scheduler.amazonaws.com", forGroup),
		Statements: []policy.Statement{
			{Sid: "StartSweep", Actions: []string{"states:StartExecution"}, Resources: []string{props.Machine.ARN()}},
			{
				Sid: "ReadSchedule", Actions: []string{"kms:Decrypt"}, Resources: []string{props.Key.ARN()},
				Conditions: policy.Conditions{"StringEquals": {"kms:EncryptionContext:aws:scheduler:schedule:arn": policy.ARN(s.Scope, "scheduler", "schedule/default/"+name)}},
			},
			{Sid: "KeepUnstarted", Actions: []string{"sqs:SendMessage"}, Resources: []string{*props.Notices.DeadLetters.AttrArn()}},
			props.Key.Use("EncryptUnstarted", "sqs", true),
		},
	})
}
