package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

// TestSweepSchedule: the sweep starts as often as configured, with the time it
// was scheduled for, encrypted, and with a role that can start it and nothing else.
func TestSweepSchedule(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		schedule := tm.find(t, "SweepSchedule", "AWS::Scheduler::Schedule")
		machine := tm.find(t, "WorkflowSweepMachine", "AWS::StepFunctions::StateMachine")
		queue := tm.find(t, "NoticesDeadLetters", "AWS::SQS::Queue")
		seconds := v.config().Sweeping().EverySeconds
		equal(t, "schedule", schedule.Properties, object{
			"Name": "tuneline-sweep", "Description": "Look after what the stack has bought", "State": "ENABLED",
			"ScheduleExpression": fmt.Sprintf("rate(%d minutes)", seconds/60), "FlexibleTimeWindow": object{"Mode": "OFF"},
			"KmsKeyArn": keyOf(t, tm).ref("Arn"),
			"Target": object{
				"Arn": machine.ref("Arn"), "RoleArn": tm.find(t, "SweepRole", "AWS::IAM::Role").ref("Arn"),
				"Input":            `{"scheduledTime":"<aws.scheduler.scheduled-time>"}`,
				"RetryPolicy":      object{"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": seconds},
				"DeadLetterConfig": object{"Arn": queue.ref("Arn")},
			},
		})
		var start finetune.SweepStart
		decodeStrictly(t, []byte(strings.Replace(get(schedule.Properties, "Target", "Input").(string), "<aws.scheduler.scheduled-time>", "2026-11-23T12:00:00Z", 1)), &start)
		if start.ScheduledTime.IsZero() {
			t.Error("the schedule's input holds no time")
		}
		var allowed []string
		for _, s := range tm.permissions(t, "SweepRole") {
			for _, action := range s.actions() {
				allowed = append(allowed, s.sid()+" "+action)
			}
		}
		equal(t, "may", allowed, []string{
			"StartSweep states:StartExecution", "ReadSchedule kms:Decrypt", "KeepUnstarted sqs:SendMessage",
			"EncryptUnstarted kms:Decrypt", "EncryptUnstarted kms:GenerateDataKey",
		})
		equal(t, "starts", tm.permissions(t, "SweepRole")[0].resources(), []string{machine.ref("Arn")})
	})
}

// TestNoSweepDuringTeardown: CloudFormation deletes what depends on something
// before that. The schedule depends on the resource that winds everything up, so it
// is gone before that begins.
func TestNoSweepDuringTeardown(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		schedule := tm.find(t, "SweepSchedule", "AWS::Scheduler::Schedule")
		teardown := tm.find(t, "Lifecycle", "Custom::TunelineLifecycle")
		if !slices.Contains(texts(schedule.DependsOn), teardown.id) {
			t.Errorf("the schedule depends on %v, want %s", schedule.DependsOn, teardown.id)
		}
		if slices.Contains(texts(teardown.DependsOn), schedule.id) {
			t.Error("the teardown waits for the schedule")
		}
	})
}
