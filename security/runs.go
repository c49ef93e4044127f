package security

import (
	"fmt"
	"slices"
	"strings"
)

// buys are the states that cost money, each with what is asked about before.
var buys = map[string]string{"SubmitJob": "training", "SecureThroughput": "serving"}

// grantedSpend is the one answer that a purchase follows, as conditionOf writes it.
const grantedSpend = "map[StringEquals:Granted Variable:$.spend.decision]"

// nothingIsBoughtUnasked: no way leads to a purchase but through ApproveSpend and the
// choice that knows what was said; from there only the word "Granted" does, and only
// to the purchase that was asked about.
func nothingIsBoughtUnasked(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		if m.Resource != t.find("WorkflowMachine") {
			continue
		}
		for _, buy := range sortedKeys(buys) {
			if _, ok := m.States[buy]; !ok {
				f.add(m.ID, "there is no state %s", buy)
			}
			for _, guard := range []string{"ApproveSpend", "CheckSpend", "CheckPurpose"} {
				if m.reach(m.StartAt, guard)[buy] {
					f.add(m.ID, "%s is reached without %s", buy, guard)
				}
			}
		}
		for _, name := range sortedKeys(m.States) {
			boughtByAnswer(&f, m, name)
		}
	}
	return f
}

// boughtByAnswer looks at the ways from one state to CheckPurpose and to purchases.
func boughtByAnswer(f *Findings, m stateMachine, name string) {
	s := m.States[name]
	for i, c := range s.Choices {
		words, next := conditionOf(c), text(c["Next"])
		if next == "CheckPurpose" && (name != "CheckSpend" || words != grantedSpend) {
			f.add(m.ID, "%s goes on to buy where %s (choice %d)", name, words, i+1)
		}
		if what, costs := buys[next]; costs && !strings.Contains(words, "StringEquals:"+what+" ") {
			f.add(m.ID, "%s is bought where %s", next, words)
		}
	}
	if s.Next == "CheckPurpose" || s.Default == "CheckPurpose" {
		f.add(m.ID, "%s goes on to buy whatever was said", name)
	}
}

// conditionOf is a choice's condition as text.
func conditionOf(choice object) string {
	rest := object{}
	for key, value := range choice {
		if key != "Next" && key != "Comment" {
			rest[key] = value
		}
	}
	return fmt.Sprint(rest)
}

// badEndsRelease: whatever ends badly in the machine of runs goes through its release
// first, so that nothing it bought is left.
func badEndsRelease(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		if m.Resource != t.find("WorkflowMachine") {
			continue
		}
		reached := m.reach(m.StartAt, "ReleaseRun")
		for _, name := range sortedKeys(m.States) {
			if m.States[name].Type == "Fail" && reached[name] {
				f.add(m.ID, "%s is reached without a release", name)
			}
		}
	}
	return f
}

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

// sweepsRun: the machine that looks after what costs money is started again and again.
func sweepsRun(t *Template) (f Findings) {
	r := t.find("SweepSchedule")
	if r == nil || text(r.Properties["State"]) != "ENABLED" || !strings.HasPrefix(text(r.Properties["ScheduleExpression"]), "rate(") ||
		text(get(r.Properties, "Target", "Arn")) != t.arn("WorkflowSweepMachine") {
		f.add("SweepSchedule", "nobody looks after what was bought")
	}
	return f
}
