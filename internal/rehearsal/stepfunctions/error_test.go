package stepfunctions

import (
	"strings"
	"testing"
)

// caught is a Task whose every catchable error ends in C with $.error.
func caught(task string) string {
	return machineOf(`"A":{"Type":"Task",` + task + `,"Next":"B",
		"Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":0}],
		"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":"$.error","Next":"C"}]},
		"B":{"Type":"Succeed"},"C":{"Type":"Succeed"}`)
}

func TestWhatCatchSees(t *testing.T) {
	s := start(t, functions{
		"echo":  func(payload string) (string, error) { return payload, nil },
		"wrong": func(string) (string, error) { return "", lambdaError(`{"errorMessage":"m","errorType":"Mine"}`) },
		"large": func(string) (string, error) { return `"` + strings.Repeat("é", maxDataLength/2) + `"`, nil },
	})
	echo := `"Resource":"` + lambda("echo") + `"`
	tests := []struct {
		name, task, input string
		output            string // when the error is caught
		error             string // when it is not
	}{
		{"function", `"Resource":"` + lambda("wrong") + `"`, `{"x":1}`,
			`{"x":1,"error":{"Error":"Mine","Cause":"{\"errorMessage\":\"m\",\"errorType\":\"Mine\"}"}}`, ""},
		{"intrinsic", echo + `,"Parameters":{"p.$":"States.StringToJson($.x)"}`, `{"x":"{"}`, "States.IntrinsicFailure", ""},
		{"intrinsic-argument", echo + `,"Parameters":{"p.$":"States.Format('{}', $.x)"}`, `{"x":{}}`, "States.IntrinsicFailure", ""},
		{"result-path", echo + `,"ResultPath":"$.x.y"`, `{"x":"text"}`, "States.ResultPathMatchFailure", ""},
		{"missing-path", echo + `,"Parameters":{"p.$":"$.none"}`, `{}`, "", "States.Runtime"},
		{"missing-path-in-intrinsic", echo + `,"Parameters":{"p.$":"States.Format('{}', $.none)"}`, `{}`, "", "States.Runtime"},
		{"output-path", echo + `,"OutputPath":"$.none"`, `{}`, "", "States.Runtime"},
		{"large-result", `"Resource":"` + lambda("large") + `"`, `{}`, "", "States.DataLimitExceeded"},
		{"large-result-discarded", `"Resource":"` + lambda("large") + `","ResultPath":null`, `{}`, "", "States.DataLimitExceeded"},
		{"large-input", echo + `,"Parameters":{"a.$":"$","b.$":"$"},"ResultPath":null`, `{"x":"` + strings.Repeat("x", maxDataLength*2/3) + `"}`,
			"", "States.DataLimitExceeded"},
		{"large-output", echo + `,"ResultPath":"$.again"`, `{"x":"` + strings.Repeat("x", maxDataLength*2/3) + `"}`,
			"", "States.DataLimitExceeded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := run(t, s, tt.name, caught(tt.task), tt.input)
			if tt.error != "" {
				if e.Status != Failed || e.Error != tt.error || e.Cause == "" {
					t.Errorf("got %s %s %q, want FAILED %s and a cause", e.Status, e.Error, e.Cause, tt.error)
				}
				return
			}
			if e.Status != Succeeded || !strings.Contains(string(e.Output), tt.output) && !sameJSON(t, e.Output, []byte(tt.output)) {
				t.Errorf("got %s %s %s, want it caught with %s", e.Status, e.Error, e.Output, tt.output)
			}
		})
	}
}

func TestLargeOutputBetweenStates(t *testing.T) {
	s := start(t, functions{})
	e := run(t, s, "m", machineOf(`"A":{"Type":"Pass","Parameters":{"a.$":"$","b.$":"$"},"Next":"B"},"B":{"Type":"Pass","Result":{"x":1},"End":true}`),
		`"`+strings.Repeat("x", maxDataLength*2/3)+`"`)
	if e.Status != Failed || e.Error != "States.DataLimitExceeded" || len(e.States) != 1 {
		t.Errorf("got %s %s after %v, want FAILED States.DataLimitExceeded after A", e.Status, e.Error, e.States)
	}
}

func TestCatchReplacesTheInputByDefault(t *testing.T) {
	s := start(t, functions{"wrong": func(string) (string, error) { return "", lambdaError(`{"errorType":"Mine"}`) }})
	for name, path := range map[string]string{"default": ``, "whole": `"ResultPath":"$",`} {
		e := run(t, s, name, machineOf(`"A":{"Type":"Task","Resource":"`+lambda("wrong")+`","End":true,
			"Catch":[{"ErrorEquals":["Other"],"Next":"B"},{"ErrorEquals":["Mine"],`+path+`"Next":"C"}]},
			"B":{"Type":"Fail"},"C":{"Type":"Succeed"}`), `{"x":1}`)
		if want := `{"Error":"Mine","Cause":"{\"errorType\":\"Mine\"}"}`; !sameJSON(t, e.Output, []byte(want)) {
			t.Errorf("%s: got %s, want %s", name, e.Output, want)
		}
	}
}

func TestNoChoiceMatches(t *testing.T) {
	s := start(t, functions{})
	e := run(t, s, "m", machineOf(`"A":{"Type":"Choice","Choices":[{"Variable":"$.x","NumericEquals":2,"Next":"B"}]},"B":{"Type":"Succeed"}`), `{"x":1}`)
	if e.Error != "States.NoChoiceMatched" {
		t.Errorf("got %s %s, want States.NoChoiceMatched", e.Status, e.Error)
	}
}

func TestFailStates(t *testing.T) {
	s := start(t, functions{})
	tests := []struct{ name, fields, error, cause string }{
		{"both", `,"Error":"Rejected","Cause":"why"`, "Rejected", "why"},
		{"neither", ``, "", ""},
		{"error", `,"Error":"Rejected"`, "Rejected", ""},
		{"paths", `,"ErrorPath":"$.e.name","CausePath":"$.e.why"`, "Named", "because"},
		{"path-to-no-text", `,"ErrorPath":"$.e"`, "States.Runtime", "anything"},
	}
	for _, tt := range tests {
		e := run(t, s, tt.name, machineOf(`"A":{"Type":"Fail"`+tt.fields+`}`), `{"e":{"name":"Named","why":"because"}}`)
		if e.Status != Failed || e.Error != tt.error || (e.Cause != tt.cause && tt.cause != "anything") {
			t.Errorf("%s: got %s %q %q, want FAILED %q %q", tt.name, e.Status, e.Error, e.Cause, tt.error, tt.cause)
		}
	}
}

func TestChoices(t *testing.T) {
	s := start(t, functions{})
	tests := []struct {
		name, rule, input string
		want              bool
	}{
		{"text", `"Variable":"$.x","StringEquals":"a"`, `{"x":"a"}`, true},
		{"text-on-number", `"Variable":"$.x","StringLessThan":"a"`, `{"x":1}`, false},
		{"number", `"Variable":"$.x","NumericLessThan":10`, `{"x":9}`, true},
		{"number-on-text", `"Variable":"$.x","NumericLessThan":10`, `{"x":"9"}`, false},
		{"number-on-null", `"Variable":"$.x","NumericLessThan":10`, `{"x":null}`, false},
		{"number-path", `"Variable":"$.x","NumericGreaterThanEqualsPath":"$.y"`, `{"x":2,"y":2}`, true},
		{"not-of-another-type", `"Not":{"Variable":"$.x","NumericLessThan":10}`, `{"x":"9"}`, true},
		{"bool", `"Variable":"$.x","BooleanEquals":true`, `{"x":true}`, true},
		{"bool-on-text", `"Variable":"$.x","BooleanEquals":true`, `{"x":"true"}`, false},
		{"time", `"Variable":"$.x","TimestampLessThan":"2026-01-01T00:00:00Z"`, `{"x":"2025-12-31T23:59:59Z"}`, true},
		{"time-on-null", `"Variable":"$.x","TimestampLessThan":"2026-01-01T00:00:00Z"`, `{"x":null}`, false},
		{"present", `"Variable":"$.x","IsPresent":true`, `{"x":null}`, true},
		{"not-present", `"Variable":"$.x","IsPresent":true`, `{}`, false},
		{"absent", `"Variable":"$.x","IsPresent":false`, `{}`, true},
		{"not-absent", `"Variable":"$.x","IsPresent":false`, `{"x":0}`, false},
		{"no-null", `"Variable":"$.x","IsNull":false`, `{"x":0}`, true},
		{"null", `"Variable":"$.x","IsNull":true`, `{"x":null}`, true},
		{"wildcard", `"Variable":"$.x","StringMatches":"log-*.txt"`, `{"x":"log-a/b.txt"}`, true},
		{"wildcard-on-number", `"Variable":"$.x","StringMatches":"*"`, `{"x":1}`, false},
		{"and", `"And":[{"Variable":"$.x","IsPresent":true},{"Variable":"$.x","NumericEquals":1}]`, `{"x":1}`, true},
		{"and-stops-early", `"And":[{"Variable":"$.x","IsPresent":true},{"Variable":"$.x","NumericEquals":1}]`, `{}`, false},
		{"or", `"Or":[{"Variable":"$.x","StringEquals":"a"},{"Variable":"$.x","StringEquals":"b"}]`, `{"x":"b"}`, true},
	}
	for _, tt := range tests {
		e := run(t, s, tt.name, machineOf(`"A":{"Type":"Choice","Choices":[{`+tt.rule+`,"Next":"Yes"}],"Default":"No"},
			"Yes":{"Type":"Succeed"},"No":{"Type":"Succeed"}`), tt.input)
		want := map[bool]string{true: "Yes", false: "No"}[tt.want]
		if got := e.lastName(); got != want {
			t.Errorf("%s: got %s (%s %s), want %s", tt.name, got, e.Error, e.Cause, want)
		}
	}
	e := run(t, s, "missing", machineOf(`"A":{"Type":"Choice","Choices":[{"Variable":"$.x","NumericEquals":1,"Next":"B"}],"Default":"B"},"B":{"Type":"Succeed"}`), `{}`)
	if e.Error != "States.Runtime" {
		t.Errorf("missing variable: got %s %s, want States.Runtime", e.Status, e.Error)
	}
}

func (e Execution) lastName() string { return e.States[len(e.States)-1] }
