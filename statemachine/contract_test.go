package statemachine

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
)

// steps says which Go type each task's parameters must decode into. The poll
// function serves two states with one type.
var steps = map[string]any{
	"ValidateDataset":  finetune.ValidateInput{},
	"ApproveSpend":     finetune.ThroughputInput{},
	"SubmitJob":        finetune.SubmitInput{},
	"PollJob":          finetune.PollInput{},
	"AnalyzeResults":   finetune.AnalyzeInput{},
	"SecureThroughput": finetune.ThroughputInput{},
	"PollThroughput":   finetune.PollInput{},
	"SmokeTest":        finetune.ThroughputInput{},
	"PublishEndpoint":  finetune.ThroughputInput{},
	"ReleaseRun":       finetune.ThroughputInput{},
}

// publish is the integration that tells people; its parameters are SNS's own.
const publish = "arn:aws:states:::sns:publish"

// TestNoticesArePublished: a task that is no function's publishes to the topic of
// notices, with a subject SNS takes (100 characters of ASCII) and a text from the
// document.
func TestNoticesArePublished(t *testing.T) {
	for file, m := range loadAll(t) {
		for name, s := range m.States {
			if s.Resource != publish {
				continue
			}
			subject, _ := s.Parameters["Subject"].(string)
			text, _ := s.Parameters["Message.$"].(string)
			if len(s.Parameters) != 3 || s.Parameters["TopicArn"] != "${NoticesTopic}" || subject == "" || len(subject) > 100 || text == "" {
				t.Errorf("%s: %s publishes %v", file, name, s.Parameters)
			}
		}
	}
}

// TestPathsAreWritten holds every path a state reads against the execution
// document's type, and against what was written on every route to the state.
func TestPathsAreWritten(t *testing.T) {
	m := load(t)
	written := m.written()
	for name, s := range m.States {
		if written[name] == nil {
			t.Errorf("%s is reached with no purpose of spending that leads there", name)
		}
		for _, path := range s.paths() {
			if path == "$$.Execution.Id" {
				continue
			}
			if _, ok := typeAt(path); !ok {
				t.Errorf("%s reads %s, which is no field of finetune.Execution", name, path)
			}
			noun, _, _ := strings.Cut(strings.TrimPrefix(path, "$."), ".")
			if !written[name][noun] {
				t.Errorf("%s reads %s, but $.%s is not written on every route to it", name, path, noun)
			}
		}
	}
}

// TestPayloadsDecode holds every task's parameters against its step's view:
// each name must be a field there, of the type of what is passed.
func TestPayloadsDecode(t *testing.T) {
	for name, s := range load(t).States {
		if s.Type != "Task" || s.Resource == publish {
			continue
		}
		view, ok := steps[name]
		if !ok {
			t.Errorf("task %s has no view in this test", name)
			continue
		}
		fields := jsonFields(reflect.TypeOf(view))
		for parameter, value := range s.Parameters {
			field, isPath := strings.CutSuffix(parameter, ".$")
			want, ok := fields[field]
			if !ok {
				t.Errorf("%s passes %s, which is no field of %T", name, field, view)
				continue
			}
			got := reflect.TypeOf(value)
			if isPath && value != "$$.Execution.Id" {
				got, _ = typeAt(value.(string))
			}
			if base(got) != base(want) {
				t.Errorf("%s passes %s as %v, but %T wants %v", name, field, got, view, want)
			}
		}
	}
}

// TestResultsHaveTheirOwnNoun: a noun is written by its own step only, and the
// type written is the type the document has there.
func TestResultsHaveTheirOwnNoun(t *testing.T) {
	owners := map[string][]string{
		"report": {"ValidateDataset"}, "spend": {"PriceTraining", "PriceServing", "ApproveSpend"}, "job": {"SubmitJob", "PollJob"}, "model": {"TakeModel"},
		"results": {"AnalyzeResults"}, "throughput": {"SecureThroughput", "PollThroughput"},
		"smokeTest": {"SmokeTest"}, "endpoint": {"PublishEndpoint"}, "end": {"ReleaseRun", "ReleaseUnfinished"},
	}
	for name, s := range load(t).States {
		noun := strings.TrimPrefix(s.ResultPath, "$.")
		if noun == "" || noun == "error" || noun == "noticeError" {
			continue
		}
		if !slices.Contains(owners[noun], name) {
			t.Errorf("%s writes $.%s, which belongs to %v", name, noun, owners[noun])
		}
	}
}

// TestErrorNames: every error name of our own is in the closed list.
func TestErrorNames(t *testing.T) {
	known := func(name string) bool {
		return strings.HasPrefix(name, "States.") || strings.HasPrefix(name, "Lambda.") ||
			name == "Sandbox.Timedout" || name == "Runtime.ExitError" ||
			slices.Contains(finetune.Kinds(), finetune.Kind(name))
	}
	for file, m := range loadAll(t) {
		for name, s := range m.States {
			for _, n := range s.errorNames() {
				if !known(n) {
					t.Errorf("%s: %s names the error %q, which nobody raises", file, name, n)
				}
			}
		}
	}
}

// errorNames are the names of errors that a state retries, catches or raises.
func (s state) errorNames() []string {
	var names []string
	for _, r := range s.Retry {
		names = append(names, r.ErrorEquals...)
	}
	for _, c := range s.Catch {
		names = append(names, c.ErrorEquals...)
	}
	for _, parameter := range []string{"Error", "error"} {
		if kind, ok := s.Parameters[parameter].(string); ok {
			names = append(names, kind)
		}
	}
	return names
}

// TestEveryKindIsUsed: a kind that nothing raises or handles is a word too many.
func TestEveryKindIsUsed(t *testing.T) {
	raisedByFunctions := []finetune.Kind{
		finetune.DatasetRejected, finetune.SettingsRejected, finetune.Superseded, finetune.RunClosed,
		finetune.ModelUnitQuota, finetune.AccessDenied, finetune.JobNotPrivate, finetune.ModelDeleted, finetune.SmokeTestFailed,
	}
	for _, kind := range finetune.Kinds() {
		if !strings.Contains(Definition, `"`+string(kind)+`"`) && !slices.Contains(raisedByFunctions, kind) {
			t.Errorf("kind %s is neither named in the state machine nor raised by a function", kind)
		}
	}
}

// uncaught are the tasks without a Catch, and why they need none.
var uncaught = map[string]string{
	"release.asl.json ReleaseRun": "nothing is left to do after it: that the execution fails is what people are told of",

	"sweep.asl.json SweepThroughputs": "the next sweep does it; that the execution fails is an alarm",
	"sweep.asl.json TellOperator":     "what could not be told must not be recorded as told",
	"sweep.asl.json RecordTold":       "the next sweep tells it again",
}

// TestEveryTaskIsGuarded: a timeout, a retry for the transient kinds, and a
// catch for everything else, but for the named exceptions.
func TestEveryTaskIsGuarded(t *testing.T) {
	transient := []string{string(finetune.Throttled), string(finetune.Unavailable), "Lambda.TooManyRequestsException", "Lambda.ServiceException", "States.Timeout"}
	found := map[string]bool{}
	for file, m := range loadAll(t) {
		for name, s := range m.States {
			if s.Type != "Task" {
				continue
			}
			name = file + " " + name
			if s.TimeoutSeconds == 0 {
				t.Errorf("%s has no TimeoutSeconds", name)
			}
			for _, kind := range transient {
				if !slices.ContainsFunc(s.Retry, func(r retrier) bool {
					return slices.Contains(r.ErrorEquals, kind) || slices.Contains(r.ErrorEquals, "States.ALL")
				}) {
					t.Errorf("%s does not retry %s", name, kind)
				}
			}
			if caught := len(s.Catch) > 0 && slices.Contains(s.Catch[len(s.Catch)-1].ErrorEquals, "States.ALL"); caught == (uncaught[name] != "") {
				t.Errorf("%s: got States.ALL caught: %v; the exception says %q", name, caught, uncaught[name])
			}
			found[name] = true
		}
	}
	for name := range uncaught {
		if !found[name] {
			t.Errorf("the exception %s is of no task", name)
		}
	}
}

// TestChoicesCoverEveryStatus holds each Choice against the API's enums, or
// ours, so that a status added to the SDK fails here and not at night.
func TestChoicesCoverEveryStatus(t *testing.T) {
	states := load(t).States
	deployment := texts(types.CustomModelDeploymentStatus("").Values())
	tests := map[string]struct {
		variable string
		want     []string
	}{
		"CheckReport":     {"$.report.outcome", []string{finetune.OutcomeAccepted, finetune.OutcomeDuplicate}},
		"CheckSpend":      {"$.spend.decision", []string{finetune.DecisionGranted, finetune.DecisionRefused, finetune.DecisionAsked, finetune.DecisionWaiting}},
		"CheckPurpose":    {"$.spend.purpose", finetune.Purposes()},
		"CheckJob":        {"$.job.status", texts(types.ModelCustomizationJobStatus("").Values())},
		"CheckResults":    {"$.results.verdict", []string{finetune.VerdictUsable, finetune.VerdictDiverged}},
		"CheckThroughput": {"$.throughput.status", append(deployment, texts(types.ProvisionedModelStatus("").Values())...)},
		// NeedsOperator is the Default: an end nobody foresaw needs a person.
		"CheckEnd": {"$.end.end", []string{finetune.EndRejected, finetune.EndSuperseded, finetune.EndDeployed, finetune.EndDuplicate, finetune.EndFailed}},
	}
	for name, s := range states {
		if s.Type != "Choice" {
			continue
		}
		test, ok := tests[name]
		if !ok {
			t.Errorf("choice %s has no case in this test", name)
			continue
		}
		if s.Default == "" {
			t.Errorf("%s has no Default", name)
		}
		var got []string
		for _, r := range s.Choices {
			for _, alternative := range append(r.Or, r) {
				if alternative.Variable == test.variable && alternative.StringEquals != "" {
					got = append(got, alternative.StringEquals)
				}
			}
		}
		if got, want := sortedSet(got), sortedSet(test.want); !slices.Equal(got, want) {
			t.Errorf("%s covers %v, want %v", name, got, want)
		}
	}
}

// TestEveryStateIsReachable, and every state named exists.
func TestEveryStateIsReachable(t *testing.T) {
	for file, m := range loadAll(t) {
		seen := m.reachable()
		for name := range m.States {
			if !seen[name] {
				t.Errorf("%s: %s cannot be reached", file, name)
			}
		}
		for name := range seen {
			if _, ok := m.States[name]; !ok {
				t.Errorf("%s: %s is named but does not exist", file, name)
			}
		}
	}
}

// TestNoBadEndWithoutRelease: without ReleaseRun no Fail state and no
// Superseded is reachable, so every route there releases first.
func TestNoBadEndWithoutRelease(t *testing.T) {
	m := load(t)
	seen := m.reachable("ReleaseRun")
	for name, s := range m.States {
		if (s.Type == "Fail" || name == finetune.EndSuperseded) && seen[name] {
			t.Errorf("%s can be reached without ReleaseRun", name)
		}
	}
}

// TestLoopsAreBounded: every way back to a Wait state stands in a Choice behind
// a rule that leaves the loop once the waited seconds reach the deadline.
func TestLoopsAreBounded(t *testing.T) {
	m := load(t)
	for name, s := range m.States {
		bounded := false
		for _, r := range s.Choices {
			noun, isDeadline := strings.CutSuffix(r.NumericGreaterThanEqualsPath, ".deadlineSeconds")
			bounded = bounded || isDeadline && r.Variable == noun+".waitedSeconds" && m.States[r.Next].Type != "Wait"
			if m.States[r.Next].Type == "Wait" && !bounded {
				t.Errorf("%s goes back to %s without testing the deadline first", name, r.Next)
			}
		}
	}
	for name := range m.States {
		if m.loopsWithoutWait(name) {
			t.Errorf("%s is on a loop without a Wait state", name)
		}
	}
}

// loopsWithoutWait says whether name leads back to itself past no Wait state.
func (m machine) loopsWithoutWait(name string) bool {
	seen := map[string]bool{}
	var visit func(string) bool
	visit = func(current string) bool {
		for _, e := range m.States[current].edges() {
			if e.to == name && m.States[name].Type != "Wait" {
				return true
			}
			if !seen[e.to] && m.States[e.to].Type != "Wait" {
				seen[e.to] = true
				if visit(e.to) {
					return true
				}
			}
		}
		return false
	}
	return visit(name)
}

// TestPlaceholders: the placeholders of a definition are exactly the fields of
// its substitutions.
func TestPlaceholders(t *testing.T) {
	for file, substitutions := range map[string]map[string]string{
		"finetune.asl.json": Substitutions{}.Map(), "release.asl.json": ReleaseSubstitutions{}.Map(),
		"sweep.asl.json": SweepSubstitutions{}.Map(),
	} {
		var got, want []string
		for _, match := range regexp.MustCompile(`\$\{(\w+)\}`).FindAllStringSubmatch(definitions[file], -1) {
			got = append(got, match[1])
		}
		for name := range substitutions {
			want = append(want, name)
		}
		if got, want := sortedSet(got), sortedSet(want); !slices.Equal(got, want) {
			t.Errorf("%s: placeholders %v, want %v", file, got, want)
		}
	}
}

// TestTimeoutIsBeyondEveryDeadline: the machine's time-out must not come first.
func TestTimeoutIsBeyondEveryDeadline(t *testing.T) {
	const busyHours, job, throughput = 23 * 3600, finetune.MaxJobDeadlineHours * 3600, finetune.ThroughputDeadlineSeconds
	const approvals = 2 * finetune.MaxApprovalHours * 3600
	if got, want := load(t).TimeoutSeconds, job+approvals+throughput+11*busyHours; got <= want {
		t.Errorf("TimeoutSeconds is %d, want more than %d: the longest job, two approvals, the longest throughput and eleven exhausted Busy retries, one a task and two of ApproveSpend", got, want)
	}
}

// TestStateNamesInDefinitionAreUnique: encoding/json would keep the last of two.
func TestStateNamesInDefinitionAreUnique(t *testing.T) {
	for file, m := range loadAll(t) {
		for name := range m.States {
			if n := strings.Count(definitions[file], "\n    \""+name+"\": {"); n != 1 {
				t.Errorf("%s: state %s is defined %d times", file, name, n)
			}
		}
	}
}

// typeAt returns the Go type at a reference path of the execution document.
func typeAt(path string) (reflect.Type, bool) {
	return typeWithin(reflect.TypeOf(finetune.Execution{}), path)
}

// typeWithin is the same for a document of another type.
func typeWithin(current reflect.Type, path string) (reflect.Type, bool) {
	rest, ok := strings.CutPrefix(path, "$.")
	if !ok {
		return nil, false
	}
	for name := range strings.SplitSeq(rest, ".") {
		current, ok = jsonFields(base(current))[name]
		if !ok {
			return nil, false
		}
	}
	return current, true
}

// jsonFields returns a struct's fields by their JSON names, embedded ones included.
func jsonFields(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	if t.Kind() != reflect.Struct {
		return fields
	}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			fields[name] = f.Type
		}
	}
	return fields
}

// base strips one pointer: a view may hold a noun by reference.
func base(t reflect.Type) reflect.Type {
	if t != nil && t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func texts[T ~string](values []T) []string {
	var out []string
	for _, v := range values {
		out = append(out, string(v))
	}
	return out
}

func sortedSet(values []string) []string {
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}

// TestDefinitionIsJSON guards against duplicate top-level keys and trailing text.
func TestDefinitionIsJSON(t *testing.T) {
	for file, definition := range definitions {
		if !json.Valid([]byte(definition)) {
			t.Errorf("%s is not JSON", file)
		}
	}
}
