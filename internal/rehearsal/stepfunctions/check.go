package stepfunctions

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// check refuses what the interpreter would run differently from AWS, or not at
// all, with the state and the field. It runs after asl-validator, so it asks
// only what that does not: whether this rehearsal can be trusted with it. All
// findings are reported together.
func check(definition map[string]any) error {
	var findings []error
	if err := fields(definition, "Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage"); err != nil {
		findings = append(findings, err)
	}
	if err := queryLanguage(definition); err != nil {
		findings = append(findings, err)
	}
	states := mapOf(definition["States"])
	for _, name := range sortedKeys(states) {
		for _, err := range checkState(mapOf(states[name])) {
			findings = append(findings, fmt.Errorf("state %q: %w", name, err))
		}
	}
	if len(findings) > 0 {
		return fmt.Errorf("the rehearsal cannot run this definition as AWS would: %w", errors.Join(findings...))
	}
	return nil
}

// stateFields are the fields of each type of state that are run as AWS runs
// them, besides Type, Comment and QueryLanguage.
var stateFields = map[string][]string{
	"Task": {"Resource", "Parameters", "ResultSelector", "ResultPath", "InputPath", "OutputPath", "Next", "End",
		"Retry", "Catch", "TimeoutSeconds", "TimeoutSecondsPath"},
	"Pass":    {"Result", "Parameters", "ResultPath", "InputPath", "OutputPath", "Next", "End"},
	"Choice":  {"Choices", "Default", "InputPath", "OutputPath"},
	"Wait":    {"Seconds", "SecondsPath", "Timestamp", "TimestampPath", "InputPath", "OutputPath", "Next", "End"},
	"Succeed": {"InputPath", "OutputPath"},
	"Fail":    {"Error", "Cause", "ErrorPath", "CausePath"},
}

func checkState(state map[string]any) []error {
	kind, _ := state["Type"].(string)
	allowed, ok := stateFields[kind]
	if !ok {
		return []error{within("Type", fmt.Errorf("%s is not modelled: its branches would see another context and outlive an abort", kind))}
	}
	findings := []error{
		fields(state, append([]string{"Type", "Comment", "QueryLanguage"}, allowed...)...),
		queryLanguage(state),
		checkPaths(state),
	}
	for _, name := range []string{"Parameters", "ResultSelector"} {
		if template, ok := state[name]; ok {
			findings = append(findings, within(name, checkTemplate(template)))
		}
	}
	switch kind {
	case "Task":
		findings = append(findings, checkTask(state)...)
	case "Pass":
		findings = append(findings, checkResult(state))
	case "Choice":
		findings = append(findings, checkChoices(state)...)
	}
	return slices.DeleteFunc(findings, func(err error) bool { return err == nil })
}

// checkPaths checks the fields that hold a path. A path may be null where it
// selects data, but not where it is a value's only source.
func checkPaths(state map[string]any) error {
	var findings []error
	for _, name := range []string{"InputPath", "OutputPath", "SecondsPath", "TimestampPath", "TimeoutSecondsPath", "ErrorPath", "CausePath"} {
		if path, ok := state[name].(string); ok {
			findings = append(findings, within(name, checkPath(path)))
		}
	}
	findings = append(findings, checkResultPath(state))
	return errors.Join(findings...)
}

func checkResultPath(holder map[string]any) error {
	if path, ok := holder["ResultPath"].(string); ok && !resultPath.MatchString(path) {
		return fmt.Errorf("ResultPath: %q is not modelled: only $, null and $.a.b are", path)
	}
	return nil
}

func checkTask(state map[string]any) []error {
	arn, _ := state["Resource"].(string)
	r, err := parseResource(arn)
	findings := []error{within("Resource", err)}
	if err == nil && r.optimized() {
		findings = append(findings, within("Parameters", checkParameters(r, mapOf(state["Parameters"]))))
	}
	retriers, catchers := listOf(state["Retry"]), listOf(state["Catch"])
	for i, entry := range retriers {
		retrier := mapOf(entry)
		at := fmt.Sprintf("Retry[%d]", i)
		findings = append(findings,
			within(at, fields(retrier, "ErrorEquals", "IntervalSeconds", "BackoffRate", "MaxAttempts", "MaxDelaySeconds", "JitterStrategy", "Comment")),
			within(at, wildcardLast(retrier, i == len(retriers)-1)))
	}
	for i, entry := range catchers {
		catcher := mapOf(entry)
		at := fmt.Sprintf("Catch[%d]", i)
		findings = append(findings,
			within(at, fields(catcher, "ErrorEquals", "Next", "ResultPath", "Comment")),
			within(at, checkResultPath(catcher)),
			within(at, wildcardLast(catcher, i == len(catchers)-1)))
	}
	return findings
}

// parameters are what the rehearsal knows of an integration's parameters.
var parameters = map[string]struct{ needed, optional []string }{
	"lambda":   {[]string{"FunctionName"}, []string{"Payload"}},
	serviceSNS: {[]string{"TopicArn", "Message"}, []string{"Subject"}},
}

// checkParameters refuses a parameter that is not known, and a missing one.
func checkParameters(r resource, given map[string]any) error {
	known := parameters[r.service]
	var allowed []string
	for _, name := range slices.Concat(known.needed, known.optional) {
		allowed = append(allowed, name, name+".$")
	}
	findings := []error{fields(given, allowed...)}
	for _, name := range known.needed {
		if given[name] == nil && given[name+".$"] == nil {
			findings = append(findings, fmt.Errorf("%s:%s needs %s", r.service, r.operation, name))
		}
	}
	return errors.Join(findings...)
}

// wildcardLast holds a rule AWS checks when the machine is created.
func wildcardLast(entry map[string]any, last bool) error {
	names := listOf(entry["ErrorEquals"])
	if slices.Contains(names, any("States.ALL")) && (len(names) > 1 || !last) {
		return errors.New("ErrorEquals: States.ALL must stand alone, in the last entry")
	}
	return nil
}

// checkResult refuses the values of Pass.Result the interpreter overlooks.
func checkResult(state map[string]any) error {
	result, ok := state["Result"]
	if ok && (result == nil || result == false || result == "" || result == float64(0)) {
		return fmt.Errorf("Result: the interpreter ignores %v", result)
	}
	return nil
}

func queryLanguage(holder map[string]any) error {
	if language, ok := holder["QueryLanguage"]; ok && language != "JSONPath" {
		return fmt.Errorf("QueryLanguage: only JSONPath is modelled, not %v", language)
	}
	return nil
}

// fields refuses every field that is not named.
func fields(holder map[string]any, allowed ...string) error {
	var unknown []string
	for name := range holder {
		if !slices.Contains(allowed, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	sort.Strings(unknown)
	return fmt.Errorf("%s: not modelled", strings.Join(unknown, ", "))
}

func within(field string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", field, err)
}

// mapOf and listOf read a part of a definition; another kind of value has no
// members, which leaves it to asl-validator to complain.
func mapOf(value any) map[string]any {
	m, _ := value.(map[string]any)
	return m
}

func listOf(value any) []any {
	l, _ := value.([]any)
	return l
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
