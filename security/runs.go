package security

import (
	"fmt"
	"slices"
	"strings"
)

// abortedRunsAreReleased: an end that no Catch sees starts the machine that releases,
// and ends are told.
func abortedRunsAreReleased(t *Template) (f Findings) {
	watch := func(machine, target, what string, statuses ...string) {
		told := slices.ContainsFunc(t.ofType("AWS::Events::Rule"), func(r *Resource) bool {
			pattern := r.Properties["EventPattern"]
			for _, status := range statuses {
				if !slices.Contains(texts(get(pattern, "detail", "status")), status) {
					return false
				}
			}
			return text(r.Properties["State"]) == "ENABLED" && slices.Contains(texts(get(pattern, "detail", "stateMachineArn")), t.arn(machine)) &&
				slices.ContainsFunc(items(r.Properties["Targets"]), func(target0 any) bool {
					return text(get(target0, "Arn")) == t.arn(target) && get(target0, "DeadLetterConfig", "Arn") != nil
				})
		})
		if !told {
			f.add(machine, "%s", what)
		}
	}
	watch("WorkflowMachine", "WorkflowReleaseMachine", "what a stopped run bought is not released", "FAILED", "TIMED_OUT", "ABORTED")
	watch("WorkflowMachine", "NoticesTopic", "nobody is told of an end", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
	watch("WorkflowReleaseMachine", "NoticesTopic", "nobody is told of a failed release", "FAILED", "TIMED_OUT", "ABORTED")
	return f
}

// workIsDoneWithItsOwnRole: a machine, a rule, a schedule and the flow log each have
// the role that was written for it, and no mightier one.
func workIsDoneWithItsOwnRole(t *Template) (f Findings) {
	has := func(name, role string, got any) {
		if t.find(name) != nil && text(got) != t.arn(role) {
			f.add(name, "does its work with %q, want %s", text(got), role)
		}
	}
	property := func(name string, path ...any) any {
		if r := t.find(name); r != nil {
			return get(r.Properties, path...)
		}
		return nil
	}
	has("WorkflowMachine", "WorkflowRole", property("WorkflowMachine", "RoleArn"))
	has("WorkflowReleaseMachine", "WorkflowReleaseRole", property("WorkflowReleaseMachine", "RoleArn"))
	has("WorkflowSweepMachine", "WorkflowSweepRole", property("WorkflowSweepMachine", "RoleArn"))
	has("SweepSchedule", "SweepRole", property("SweepSchedule", "Target", "RoleArn"))
	has("TriggerUpload", "TriggerStarterRole", property("TriggerUpload", "Targets", 0, "RoleArn"))
	has("TriggerRelease", "TriggerStarterRole", property("TriggerRelease", "Targets", 0, "RoleArn"))
	has("Trail", "TrailRole", property("Trail", "CloudWatchLogsRoleArn"))
	has("NetworkFlowLog", "NetworkFlowLogRole", property("NetworkFlowLog", "DeliverLogsPermissionArn"))
	return f
}

// ourUploadsStartRuns: a run is started by a new object under one prefix of the
// stack's bucket, by nothing else, and with the version that was uploaded.
func ourUploadsStartRuns(t *Template) (f Findings) {
	starts := 0
	for _, r := range t.ofType("AWS::Events::Rule") {
		for _, target := range items(r.Properties["Targets"]) {
			if text(get(target, "Arn")) != t.arn("WorkflowMachine") {
				continue
			}
			starts++
			pattern := r.Properties["EventPattern"]
			key := text(get(pattern, "detail", "object", "key", 0, "wildcard"))
			if text(get(pattern, "source", 0)) != "aws.s3" || !slices.Equal(texts(get(pattern, "detail-type")), []string{"Object Created"}) ||
				!slices.Equal(texts(get(pattern, "detail", "bucket", "name")), []string{t.ref("StorageBucket")}) || !strings.HasPrefix(key, "fine-tuning-datasets/") {
				f.add(r.ID, "starts a run for what is no upload of a data set")
			}
			if text(get(target, "InputTransformer", "InputPathsMap", "version")) != "$.detail.object.version-id" {
				f.add(r.ID, "does not say which version was uploaded")
			}
			if text(r.Properties["State"]) != "ENABLED" {
				f.add(r.ID, "is switched off")
			}
		}
	}
	bucket := t.find("StorageBucket")
	if starts != 1 || bucket == nil || !isTrue(get(bucket.Properties, "NotificationConfiguration", "EventBridgeConfiguration", "EventBridgeEnabled")) {
		f.add("TriggerUpload", "uploads start no run")
	}
	return f
}

// longestSweep is the most minutes between two sweeps: a day.
const longestSweep = 24 * 60

// sweepsRun: the machine that looks after what costs money is started again and again,
// once a day at least.
func sweepsRun(t *Template) (f Findings) {
	r, minutes := t.find("SweepSchedule"), 0
	if r != nil {
		if _, err := fmt.Sscanf(text(r.Properties["ScheduleExpression"]), "rate(%d minutes)", &minutes); err != nil {
			f.add(r.ID, "%s is no rate in minutes", text(r.Properties["ScheduleExpression"]))
		}
	}
	if r == nil || text(r.Properties["State"]) != "ENABLED" || minutes < 1 || minutes > longestSweep ||
		text(get(r.Properties, "Target", "Arn")) != t.arn("WorkflowSweepMachine") {
		f.add("SweepSchedule", "nobody looks after what was bought")
	}
	return f
}
