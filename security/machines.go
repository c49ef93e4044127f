package security

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

var machineAssertions = []Assertion{
	{"ExecutionsAreLogged", 24, executionsAreLogged},
	{"ExecutionLogsHoldNoData", 24, executionLogsHoldNoData},
	{"MachinesAreTraced", 24, machinesAreTraced},
	{"ExecutionsAreEncrypted", 24, executionsAreEncrypted},
	{"ExecutionsEnd", 31, executionsEnd},
	{"TasksEnd", 31, tasksEnd},
	{"TasksAreTriedAgain", 24, tasksAreTriedAgain},
	{"FailuresAreCaught", 41, failuresAreCaught},
	{"StatesAreReached", 24, statesAreReached},
	{"TasksCallTheStackOnly", 24, tasksCallTheStackOnly},
	{"NothingIsBoughtUnasked", 30, nothingIsBoughtUnasked},
	{"BadEndsRelease", 41, badEndsRelease},
	{"AbortedRunsAreReleased", 41, abortedRunsAreReleased},
}

// asl is a state machine's definition, as far as it is looked at.
type asl struct {
	StartAt        string
	TimeoutSeconds float64
	States         map[string]state
}

type state struct {
	Type, Resource, Next, Default string
	End                           bool
	TimeoutSeconds                float64
	Retry                         []struct{ ErrorEquals []string }
	Catch                         []struct {
		ErrorEquals []string
		Next        string
	}
	Choices    []object
	Parameters object
}

// machine is a state machine with its definition.
type stateMachine struct {
	*Resource
	asl
}

// machines are the state machines whose definition can be read. The three must be
// there.
func (t *Template) machines(f *Findings) []stateMachine {
	for _, name := range []string{"WorkflowMachine", "WorkflowReleaseMachine", "WorkflowSweepMachine"} {
		if t.find(name) == nil {
			f.add(name, "the state machine is missing")
		}
	}
	var list []stateMachine
	for _, r := range t.ofType("AWS::StepFunctions::StateMachine") {
		definition := text(r.Properties["DefinitionString"])
		substitutions, _ := r.Properties["DefinitionSubstitutions"].(object)
		definition = placeholder.ReplaceAllStringFunc(definition, func(found string) string {
			if value, ok := substitutions[found[2:len(found)-1]]; ok {
				return text(value)
			}
			return found
		})
		m := stateMachine{Resource: r}
		if err := json.Unmarshal([]byte(definition), &m.asl); err != nil {
			f.add(r.ID, "the definition cannot be read: %v", err)
			continue
		}
		list = append(list, m)
	}
	return list
}

func executionsAreLogged(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::StepFunctions::StateMachine") {
		logging := r.Properties["LoggingConfiguration"]
		if text(get(logging, "Level")) != "ALL" || get(logging, "Destinations", 0, "CloudWatchLogsLogGroup", "LogGroupArn") == nil {
			f.add(r.ID, "its executions are not logged")
		}
	}
	return f
}

func executionLogsHoldNoData(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::StepFunctions::StateMachine") {
		if isTrue(get(r.Properties, "LoggingConfiguration", "IncludeExecutionData")) {
			f.add(r.ID, "its log holds what executions are given and answer")
		}
	}
	return f
}

func machinesAreTraced(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::StepFunctions::StateMachine") {
		if !isTrue(get(r.Properties, "TracingConfiguration", "Enabled")) {
			f.add(r.ID, "is not traced")
		}
	}
	return f
}

func executionsAreEncrypted(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::StepFunctions::StateMachine") {
		encryption := r.Properties["EncryptionConfiguration"]
		if text(get(encryption, "Type")) != "CUSTOMER_MANAGED_KMS_KEY" || text(get(encryption, "KmsKeyId")) != t.arn("Key") {
			f.add(r.ID, "its executions are not encrypted with the stack's key")
		}
	}
	return f
}

// executionsEnd: a machine that can wait has an end of its own; in one that cannot,
// every state ends.
func executionsEnd(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		waits := false
		for _, s := range m.States {
			waits = waits || s.Type == "Wait"
		}
		if waits && m.TimeoutSeconds <= 0 {
			f.add(m.ID, "an execution may go on for ever")
		}
	}
	return f
}

func tasksEnd(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		for _, name := range sortedKeys(m.States) {
			if s := m.States[name]; s.Type == "Task" && s.TimeoutSeconds <= 0 {
				f.add(m.ID, "%s has no time limit", name)
			}
		}
	}
	return f
}

func tasksAreTriedAgain(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		for _, name := range sortedKeys(m.States) {
			s := m.States[name]
			lost := slices.ContainsFunc(s.Retry, func(r struct{ ErrorEquals []string }) bool {
				return slices.Contains(r.ErrorEquals, "States.Timeout") || slices.Contains(r.ErrorEquals, "States.ALL")
			})
			if s.Type == "Task" && !lost && !strings.HasSuffix(s.Resource, ":sns:publish") || s.Type == "Task" && len(s.Retry) == 0 {
				f.add(m.ID, "%s is not tried again when an answer is lost", name)
			}
		}
	}
	return f
}

// failuresAreCaught: in the machine of runs, each task leads on from any error. The
// other two have nothing that must be undone.
func failuresAreCaught(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		if m.Resource != t.find("WorkflowMachine") {
			continue
		}
		for _, name := range sortedKeys(m.States) {
			s := m.States[name]
			all := slices.ContainsFunc(s.Catch, func(c struct {
				ErrorEquals []string
				Next        string
			}) bool {
				return slices.Contains(c.ErrorEquals, "States.ALL")
			})
			if s.Type == "Task" && !all {
				f.add(m.ID, "a failure of %s is not caught", name)
			}
		}
	}
	return f
}

// next are the states that one leads to.
func (s state) next() []string {
	var list []string
	for _, name := range []string{s.Next, s.Default} {
		if name != "" {
			list = append(list, name)
		}
	}
	for _, c := range s.Choices {
		list = append(list, text(c["Next"]))
	}
	for _, c := range s.Catch {
		list = append(list, c.Next)
	}
	return list
}

// reach are the states that are reached from one without going through others.
func (m asl) reach(from string, without ...string) map[string]bool {
	seen, queue := map[string]bool{}, []string{from}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if seen[name] || slices.Contains(without, name) {
			continue
		}
		seen[name] = true
		queue = append(queue, m.States[name].next()...)
	}
	return seen
}

func statesAreReached(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		reached := m.reach(m.StartAt)
		for name := range reached {
			if _, ok := m.States[name]; !ok {
				f.add(m.ID, "leads to %s, which is no state", name)
			}
		}
		for _, name := range sortedKeys(m.States) {
			if !reached[name] {
				f.add(m.ID, "%s is never reached", name)
			}
		}
	}
	return f
}

// tasksCallTheStackOnly: a task calls a function of the stack or publishes to its
// topic.
func tasksCallTheStackOnly(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		for _, name := range sortedKeys(m.States) {
			s := m.States[name]
			topic := s.Resource == "arn:aws:states:::sns:publish" && text(s.Parameters["TopicArn"]) == t.arn("NoticesTopic")
			if s.Type == "Task" && !topic && t.functionName(s.Resource) == "" {
				f.add(m.ID, "%s calls %s", name, s.Resource)
			}
		}
	}
	return f
}

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
		for name, s := range m.States {
			for i, c := range s.Choices {
				words, next := conditionOf(c), text(c["Next"])
				if next == "CheckPurpose" && (name != "CheckSpend" || words != grantedSpend) {
					f.add(m.ID, "%s goes on to buy where %s (choice %d)", name, words, i+1)
				}
				if what, buys := buys[next]; buys && !strings.Contains(words, "StringEquals:"+what+" ") {
					f.add(m.ID, "%s is bought where %s", next, words)
				}
			}
			if s.Next == "CheckPurpose" || s.Default == "CheckPurpose" {
				f.add(m.ID, "%s goes on to buy whatever was said", name)
			}
		}
	}
	return f
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
