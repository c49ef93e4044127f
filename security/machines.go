package security

import (
	"encoding/json"
	"errors"
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
	{"AbortedRunsAreReleased", 41, abortedRunsAreReleased},
	{"WorkIsDoneWithItsOwnRole", 15, workIsDoneWithItsOwnRole},
	{"OurUploadsStartRuns", 28, ourUploadsStartRuns},
	{"SweepsRun", 31, sweepsRun},
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
	// raw is the definition as it is written.
	raw object
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
		if err := errors.Join(json.Unmarshal([]byte(definition), &m.asl), json.Unmarshal([]byte(definition), &m.raw)); err != nil {
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
		destination := text(get(logging, "Destinations", 0, "CloudWatchLogsLogGroup", "LogGroupArn"))
		ours := slices.ContainsFunc(t.ofType("AWS::Logs::LogGroup"), func(g *Resource) bool { return attribute(g, t.Region, "Arn") == destination })
		if text(get(logging, "Level")) != "ALL" || !ours {
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

// longestRun and longestTask are more than any execution and any function needs: a job
// of 14 days with all its waits and retries, and Lambda's 15 minutes.
const (
	longestRun  = 60 * 24 * 3600
	longestTask = 15 * 60
)

// executionsEnd: a machine that can wait has an end of its own; in one that cannot,
// every state ends.
func executionsEnd(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		waits := false
		for _, s := range m.States {
			waits = waits || s.Type == "Wait"
		}
		if waits && m.TimeoutSeconds <= 0 || m.TimeoutSeconds > longestRun {
			f.add(m.ID, "an execution may go on for ever, or for months")
		}
	}
	return f
}

func tasksEnd(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		for _, name := range sortedKeys(m.States) {
			if s := m.States[name]; s.Type == "Task" && (s.TimeoutSeconds <= 0 || s.TimeoutSeconds > longestTask) {
				f.add(m.ID, "%s has no time limit, or one beyond any function's", name)
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
