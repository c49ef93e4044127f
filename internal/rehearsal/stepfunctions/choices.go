package stepfunctions

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// comparisonGuards maps the beginning of a comparison's name to the type test
// that AWS applies first: a value of another type does not match there, where
// JavaScript would convert it.
var comparisonGuards = map[string]string{
	"String":    "IsString",
	"Numeric":   "IsNumeric",
	"Boolean":   "IsBoolean",
	"Timestamp": "IsTimestamp",
}

var typeTests = []string{"IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"}

func checkChoices(state map[string]any) []error {
	var findings []error
	for i, rule := range listOf(state["Choices"]) {
		findings = append(findings, within(fmt.Sprintf("Choices[%d]", i), checkRule(mapOf(rule), true)))
	}
	return findings
}

// checkRule checks one rule; only an outermost one has a Next.
func checkRule(rule map[string]any, outermost bool) error {
	allowed := []string{"Comment"}
	if outermost {
		allowed = append(allowed, "Next")
	}
	for _, combination := range []string{"And", "Or"} {
		if rules, ok := rule[combination].([]any); ok {
			findings := []error{fields(rule, append(allowed, combination)...)}
			for i, inner := range rules {
				findings = append(findings, within(fmt.Sprintf("%s[%d]", combination, i), checkRule(mapOf(inner), false)))
			}
			return errors.Join(findings...)
		}
	}
	if inner, ok := rule["Not"]; ok {
		return errors.Join(fields(rule, append(allowed, "Not")...), within("Not", checkRule(mapOf(inner), false)))
	}
	name := comparison(rule)
	if name == "" {
		return errors.New("this rule has no comparison that is modelled")
	}
	variable, _ := rule["Variable"].(string)
	findings := []error{
		fields(rule, append(allowed, "Variable", name)...),
		within("Variable", checkPath(variable)),
	}
	if path, ok := rule[name].(string); ok && strings.HasSuffix(name, "Path") {
		findings = append(findings, within(name, checkPath(path)))
	}
	if pattern, ok := rule[name].(string); ok && name == "StringMatches" {
		findings = append(findings, checkMatches(pattern))
	}
	return errors.Join(findings...)
}

// checkMatches keeps to the wildcards both sides read the same way.
func checkMatches(pattern string) error {
	if strings.ContainsAny(pattern, `?[]{}()!|+@\`) || strings.Contains(pattern, "**") {
		return fmt.Errorf("StringMatches: %q is not modelled: of the special characters only single * are", pattern)
	}
	return nil
}

// comparison finds the one member of a rule that compares.
func comparison(rule map[string]any) string {
	for _, name := range sortedKeys(rule) {
		if slices.Contains(typeTests, name) || guardOf(name) != "" {
			return name
		}
	}
	return ""
}

// operators are what follows the type in a comparison's name.
var operators = []string{"Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals"}

// guardOf returns the type test of a comparison, "" for any other name.
func guardOf(name string) string {
	if name == "StringMatches" {
		return "IsString"
	}
	for kind, guard := range comparisonGuards {
		operator, ok := strings.CutPrefix(strings.TrimSuffix(name, "Path"), kind)
		if ok && slices.Contains(operators, operator) && (kind != "Boolean" || operator == "Equals") {
			return guard
		}
	}
	return ""
}

// prepareRule rewrites a rule so that the interpreter decides as AWS does:
// comparisons are guarded by the type, and a type test for false, which never
// matches there, becomes the opposite of the test for true.
func prepareRule(rule map[string]any) map[string]any {
	prepared := map[string]any{}
	if next, ok := rule["Next"]; ok {
		prepared["Next"] = next
	}
	for _, combination := range []string{"And", "Or"} {
		if rules, ok := rule[combination].([]any); ok {
			prepared[combination] = prepareRules(rules)
			return prepared
		}
	}
	if inner, ok := rule["Not"]; ok {
		prepared["Not"] = prepareRule(mapOf(inner))
		return prepared
	}
	name := comparison(rule)
	test := map[string]any{"Variable": rule["Variable"], name: rule[name]}
	switch {
	case slices.Contains(typeTests, name) && rule[name] == false:
		prepared["Not"] = map[string]any{"Variable": rule["Variable"], name: true}
	case slices.Contains(typeTests, name):
		prepared["And"] = []any{test}
	default:
		prepared["And"] = []any{map[string]any{"Variable": rule["Variable"], guardOf(name): true}, test}
	}
	return prepared
}

func prepareRules(rules []any) []any {
	prepared := make([]any, 0, len(rules))
	for _, rule := range rules {
		prepared = append(prepared, prepareRule(mapOf(rule)))
	}
	return prepared
}
