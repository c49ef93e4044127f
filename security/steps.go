package security

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var stepAssertions = []Assertion{
	{"KnownStatesOnly", 24, knownStatesOnly},
	{"MachinesDoTheirPart", 24, machinesDoTheirPart},
	{"MachinesAreStandard", 31, machinesAreStandard},
	{"NothingIsBoughtUnasked", 30, nothingIsBoughtUnasked},
	{"BadEndsRelease", 41, badEndsRelease},
}

// What tasks do, as [Template.does] says it, by which purchases, approvals and
// releases are known: a state's name proves nothing.
const (
	submits   = "submit"
	secures   = "throughput secure"
	approves  = "throughput approve"
	publishes = "throughput publish"
	releases  = "throughput release"
	tells     = "tell"
)

// parts are the machines, each with all that its tasks do.
var parts = map[string][]string{
	"WorkflowMachine":        {"analyze", "poll", submits, tells, approves, publishes, releases, secures, "throughput smoke-test", "validate"},
	"WorkflowReleaseMachine": {tells, releases},
	"WorkflowSweepMachine":   {tells, "throughput sweep", "throughput sweep-told"},
}

// costs are the actions that cost money, each with what is asked about before.
var costs = map[string]string{submits: "training", secures: "serving"}

// stateMembers are the types of states, each with the members it may have. None of
// them has states inside, and none computes what the others do not show.
var stateMembers = map[string]string{ //nolint:gosec // a type of state is called Pass
	"Task":    "Catch Comment Next Parameters Resource ResultPath Retry TimeoutSeconds Type",
	"Pass":    "Comment Next Parameters ResultPath Type",
	"Choice":  "Choices Comment Default Type",
	"Wait":    "Comment Next SecondsPath Type",
	"Succeed": "Comment Type",
	"Fail":    "CausePath Comment ErrorPath Type",
}

func knownStatesOnly(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		for _, member := range sortedKeys(m.raw) {
			if !slices.Contains([]string{"Comment", "StartAt", "States", "TimeoutSeconds"}, member) {
				f.add(m.ID, "has %s, which no promise is made about", member)
			}
		}
		for _, name := range sortedKeys(m.States) {
			s := m.States[name]
			for _, member := range sortedKeys(m.rawState(name)) {
				if !slices.Contains(strings.Fields(stateMembers[s.Type]), member) {
					f.add(m.ID, "%s is a %s with %s, which no promise is made about", name, s.Type, member)
				}
			}
		}
	}
	return f
}

// rawState is a state as it is written.
func (m stateMachine) rawState(name string) object {
	s, _ := get(m.raw, "States", name).(object)
	return s
}

// does is what a task has done: the function it calls, and of throughput its action,
// or "tell" for a notice. It is the resource itself for what is not the stack's.
func (t *Template) does(s state) string {
	for _, name := range []string{"Validate", "Submit", "Poll", "Analyze"} {
		if s.Resource == t.arn("Functions"+name+"Function") {
			return strings.ToLower(name)
		}
	}
	switch s.Resource {
	case t.arn("FunctionsThroughputFunction"):
		return "throughput " + text(s.Parameters["action"])
	case "arn:aws:states:::sns:publish":
		return tells
	}
	return s.Resource
}

// that lists the states whose task does one of some actions, in order.
func (t *Template) that(m stateMachine, actions ...string) []string {
	var list []string
	for _, name := range sortedKeys(m.States) {
		if s := m.States[name]; s.Type == "Task" && slices.Contains(actions, t.does(s)) {
			list = append(list, name)
		}
	}
	return list
}

// machinesDoTheirPart: the tasks of each machine do everything that is its part, and
// nothing else.
func machinesDoTheirPart(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		var done []string
		for _, name := range sortedKeys(m.States) {
			if s := m.States[name]; s.Type == "Task" {
				done = append(done, t.does(s))
			}
		}
		slices.Sort(done)
		want := parts[m.name()]
		if done = slices.Compact(done); !slices.Equal(done, slices.Sorted(slices.Values(want))) {
			f.add(m.ID, "does %q, want %q", done, want)
		}
	}
	return f
}

// name is the resource's logical id without the hash.
func (r *Resource) name() string { return r.ID[:max(0, len(r.ID)-hashLength)] }

// machinesAreStandard: an Express machine may run a state twice, and its history is
// gone in minutes.
func machinesAreStandard(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::StepFunctions::StateMachine") {
		if text(r.Properties["StateMachineType"]) != "STANDARD" {
			f.add(r.ID, "is %q, want STANDARD", text(r.Properties["StateMachineType"]))
		}
	}
	return f
}

// grantedSpend is the one answer that a purchase follows, as conditionOf writes it.
const grantedSpend = "map[StringEquals:Granted Variable:$.spend.decision]"

// nothingIsBoughtUnasked: no way leads to a purchase, from the start or from a purchase
// before, but through an approval and the choice that knows what was said; from there
// only the word "Granted" does, and only to the purchase that was asked about; and the
// answer is the approval's own.
func nothingIsBoughtUnasked(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		if m.Resource != t.find("WorkflowMachine") {
			continue
		}
		buying, approving := t.that(m, submits, secures), t.that(m, approves)
		from := []string{m.StartAt}
		for _, name := range buying {
			from = append(from, m.States[name].next()...)
		}
		for _, start := range from {
			for _, guard := range [][]string{approving, {"CheckSpend"}, {"CheckPurpose"}} {
				reached := m.reach(start, guard...)
				for _, buy := range buying {
					if reached[buy] {
						f.add(m.ID, "%s is reached from %s without %v", buy, start, guard)
					}
				}
			}
		}
		for _, name := range sortedKeys(m.States) {
			t.boughtByAnswer(&f, m, name)
			answersForOthers(&f, m, name, approving)
		}
	}
	return f
}

// boughtByAnswer looks at the ways from one state to CheckPurpose and to purchases.
func (t *Template) boughtByAnswer(f *Findings, m stateMachine, name string) {
	s := m.States[name]
	for i, c := range s.Choices {
		words, next := conditionOf(c), text(c["Next"])
		if next == "CheckPurpose" && (name != "CheckSpend" || words != grantedSpend) {
			f.add(m.ID, "%s goes on to buy where %s (choice %d)", name, words, i+1)
		}
		if what := costs[t.does(m.States[next])]; what != "" && words != "map[StringEquals:"+what+" Variable:$.spend.purpose]" {
			f.add(m.ID, "%s is bought where %s", next, words)
		}
	}
	s.Choices = nil
	for _, next := range s.next() {
		if next == "CheckPurpose" || costs[t.does(m.States[next])] != "" {
			f.add(m.ID, "%s goes on to buy whatever was said", name)
		}
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

// apart is a path that a result can be put to without touching what is elsewhere.
var apart = regexp.MustCompile(`^\$\.[A-Za-z]+$`)

// answersForOthers finds a state that writes what only approvals say: into $.spend, or
// over everything. Before an approval, a state says there what it is for.
func answersForOthers(f *Findings, m stateMachine, name string, approving []string) {
	s, raw := m.States[name], m.rawState(name)
	var paths []any
	if s.Type == "Task" || s.Type == "Pass" {
		paths = append(paths, raw)
	}
	for _, path := range append(paths, items(raw["Catch"])...) {
		to, given := get(path, "ResultPath"), false
		if o, ok := path.(object); ok {
			_, given = o["ResultPath"]
		}
		if given && (to == nil || apart.MatchString(text(to)) && to != "$.spend") {
			continue
		}
		purpose := s.Type == "Pass" && slices.Contains(approving, s.Next) &&
			slices.Contains([]string{"map[purpose:training]", "map[purpose:serving]"}, fmt.Sprint(s.Parameters))
		if to != "$.spend" || !slices.Contains(approving, name) && !purpose {
			f.add(m.ID, "%s writes to %q, where the answer of an approval is", name, text(to))
		}
	}
}

// badEndsRelease: whatever ends badly in the machine of runs goes through a release
// first, and whatever ends after a purchase through a release or the publication of
// what was bought, so that nothing is left that nobody uses.
func badEndsRelease(t *Template) (f Findings) {
	for _, m := range t.machines(&f) {
		if m.Resource != t.find("WorkflowMachine") {
			continue
		}
		releasing, publishing := t.that(m, releases), t.that(m, publishes)
		ends(&f, m, m.reach(m.StartAt, releasing...), "Fail")
		for _, name := range t.that(m, submits, secures) {
			for _, next := range m.States[name].next() {
				ends(&f, m, m.reach(next, slices.Concat(releasing, publishing)...), "Fail", "Succeed")
			}
		}
		for _, name := range publishing {
			for _, c := range m.States[name].Catch {
				ends(&f, m, m.reach(c.Next, releasing...), "Fail", "Succeed")
			}
		}
	}
	return f
}

// ends finds states of some types among those that are reached.
func ends(f *Findings, m stateMachine, reached map[string]bool, types ...string) {
	for _, name := range sortedKeys(m.States) {
		if reached[name] && slices.Contains(types, m.States[name].Type) {
			f.add(m.ID, "%s is reached without a release", name)
		}
	}
}
