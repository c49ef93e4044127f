package stepfunctions

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestCheckRefuses(t *testing.T) {
	task := `"Type":"Task","End":true,"Resource":"` + lambda("f") + `"`
	pass := `"Type":"Pass","End":true` //nolint:gosec // a state of the kind Pass
	rule := func(r string) string { return `"Type":"Choice","Choices":[{` + r + `,"Next":"A"}]` }
	tests := []struct{ name, state, want string }{
		{"jsonata", pass + `,"QueryLanguage":"JSONata"`, "QueryLanguage: only JSONPath"},
		{"assign", pass + `,"Assign":{"x":1}`, "Assign: not modelled"},
		{"arguments and output", task + `,"Output":"{% 1 %}","Arguments":{}`, "Arguments, Output: not modelled"},
		{"heartbeat", task + `,"HeartbeatSeconds":5`, "HeartbeatSeconds: not modelled"},
		{"credentials", task + `,"Credentials":{"RoleArn":"r"}`, "Credentials: not modelled"},
		{"map", `"Type":"Map","End":true,"ItemProcessor":{}`, "Type: Map is not modelled"},
		{"parallel", `"Type":"Parallel","End":true,"Branches":[]`, "Type: Parallel is not modelled"},
		{"sync", `"Type":"Task","End":true,"Resource":"arn:aws:states:::glue:startJobRun.sync"`, "Resource:"},
		{"task token", `"Type":"Task","End":true,"Resource":"arn:aws:states:::lambda:invoke.waitForTaskToken"`, "Resource:"},
		{"sdk", `"Type":"Task","End":true,"Resource":"arn:aws:states:::aws-sdk:s3:getObject"`, "Resource:"},
		{"activity", `"Type":"Task","End":true,"Resource":"arn:aws:states:us-east-1:111122223333:activity:a"`, "Resource:"},
		{"invocation type", `"Type":"Task","End":true,"Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"f","InvocationType":"Event"}`,
			"Parameters: InvocationType: not modelled"},
		{"no function", `"Type":"Task","End":true,"Resource":"arn:aws:states:::lambda:invoke","Parameters":{"Payload":{}}`, "lambda:invoke needs FunctionName"},
		{"state context", pass + `,"Parameters":{"x.$":"$$.State.Name"}`, `Parameters: x.$: "$$.State.Name" is not modelled`},
		{"task context", task + `,"Parameters":{"x.$":"$$.Task.Token"}`, `"$$.Task.Token" is not modelled`},
		{"map context", pass + `,"InputPath":"$$.Map.Item.Value"`, "InputPath:"},
		{"whole context", pass + `,"Parameters":{"x.$":"$$"}`, "is not modelled"},
		{"filter", pass + `,"Parameters":{"x.$":"$.a[?(@.b == 1)]"}`, "only a path to one value"},
		{"wildcard", pass + `,"OutputPath":"$.a[*]"`, "OutputPath:"},
		{"descent", pass + `,"Parameters":{"a":[{"x.$":"$..b"}]}`, "Parameters: a: [0]: x.$:"},
		{"length", pass + `,"Parameters":{"x.$":"$.list.length"}`, "takes the length of an array"},
		{"dynamic name without text", pass + `,"Parameters":{"x.$":{"y":1}}`, "needs a path or an intrinsic function"},
		{"name with two marks", pass + `,"Parameters":{"a.$b.$":"$.x"}`, "cuts the first"},
		{"intrinsic", pass + `,"Parameters":{"x.$":"States.JsonMerge($.a, $.b, false)"}`, "States.JsonMerge is not modelled"},
		{"nested intrinsic", pass + `,"Parameters":{"x.$":"States.Array(States.MathRandom(1, 9))"}`, "States.MathRandom is not modelled"},
		{"intrinsic with path", pass + `,"Parameters":{"x.$":"States.Format('{}', $..a)"}`, "only a path to one value"},
		{"intrinsic with escape", pass + `,"Parameters":{"x.$":"States.Format('it\\'s')"}`, "States.Format"},
		{"intrinsic with parenthesis", pass + `,"Parameters":{"x.$":"States.Format('(', $.x)"}`, "parentheses only in pairs"},
		{"intrinsic cut off", pass + `,"Parameters":{"x.$":"States.Format('a"}`, "neither a path nor a call"},
		{"intrinsic unclosed", pass + `,"Parameters":{"x.$":"States.Format('a)"}`, "not closed"},
		{"result path in brackets", pass + `,"ResultPath":"$['a']"`, "ResultPath:"},
		{"result path with index", pass + `,"ResultPath":"$.a[0]"`, "ResultPath:"},
		{"result path of a catcher", task + `,"Catch":[{"ErrorEquals":["E"],"Next":"A","ResultPath":"$.a[0]"}]`, "Catch[0]: ResultPath:"},
		{"falsy result", pass + `,"Result":0`, "Result: the interpreter ignores 0"},
		{"retrier field", task + `,"Retry":[{"ErrorEquals":["E"],"Delay":1}]`, "Retry[0]: Delay: not modelled"},
		{"wildcard not last", task + `,"Retry":[{"ErrorEquals":["States.ALL"]},{"ErrorEquals":["E"]}]`, "Retry[0]: ErrorEquals: States.ALL"},
		{"wildcard not alone", task + `,"Catch":[{"ErrorEquals":["E","States.ALL"],"Next":"A"}]`, "Catch[0]: ErrorEquals: States.ALL"},
		{"fail with intrinsic", `"Type":"Fail","ErrorPath":"States.Format('x')"`, "ErrorPath:"},
		{"unknown field", `"Type":"Succeed","Surprise":1`, "Surprise: not modelled"},
		{"choice assign", rule(`"Variable":"$.x","NumericEquals":1,"Assign":{}`), "Choices[0]: Assign: not modelled"},
		{"choice condition", rule(`"Condition":"{% true %}"`), "Choices[0]: this rule has no comparison"},
		{"choice two comparisons", rule(`"Variable":"$.x","NumericEquals":1,"StringEquals":"a"`), "Choices[0]: StringEquals: not modelled"},
		{"choice unknown comparison", rule(`"Variable":"$.x","BooleanLessThan":true`), "no comparison"},
		{"choice inner next", rule(`"And":[{"Variable":"$.x","IsNull":true,"Next":"A"}]`), "And[0]: Next: not modelled"},
		{"choice not", rule(`"Not":{"Variable":"$..x","IsNull":true}`), "Not: Variable:"},
		{"choice path", rule(`"Variable":"$.x","NumericEqualsPath":"$.a[*]"`), "NumericEqualsPath:"},
		{"choice pattern", rule(`"Variable":"$.x","StringMatches":"a?"`), "StringMatches:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := check(decodeDefinition(t, machineOf(`"A":{`+tt.state+`}`)))
			if err == nil || !strings.Contains(err.Error(), `state "A": `) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want state A and %q", err, tt.want)
			}
		})
	}
}

func decodeDefinition(t *testing.T, text string) map[string]any {
	t.Helper()
	var definition map[string]any
	if err := json.Unmarshal([]byte(text), &definition); err != nil {
		t.Fatalf("reading %s: %v", text, err)
	}
	return definition
}

func TestCheckRefusesTopLevel(t *testing.T) {
	for _, field := range []string{`"QueryLanguage":"JSONata"`, `"ProcessorConfig":{}`} {
		definition := decodeDefinition(t, `{`+field+`,"StartAt":"A","States":{"A":{"Type":"Succeed"}}}`)
		if err := check(definition); err == nil {
			t.Errorf("%s: got no error", field)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	s := start(t, functions{})
	create(t, s, "taken", machineOf(`"A":{"Type":"Succeed"}`))
	tests := []struct{ name, definition, want string }{
		{"no name!", machineOf(`"A":{"Type":"Succeed"}`), "the name may have"},
		{"json", `{`, "reading definition"},
		{"target", machineOf(`"A":{"Type":"Pass","Next":"Nowhere"}`), "validating definition"},
		{"unmodelled", machineOf(`"A":{"Type":"Pass","End":true,"Parameters":{"x.$":"$$.State.Name"}}`), `state "A"`},
		{"taken", machineOf(`"A":{"Type":"Succeed"}`), "exists already"},
	}
	for _, tt := range tests {
		if _, err := s.Create(tt.name, roleARN, tt.definition); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestCheckAcceptsWhatItShould(t *testing.T) {
	s := start(t, functions{})
	_, err := s.Create("m", roleARN, `{"Comment":"c","StartAt":"A","TimeoutSeconds":60,"States":{
		"A":{"Type":"Task","Comment":"c","Resource":"arn:aws-us-gov:states:::lambda:invoke","Next":"B","TimeoutSeconds":60,
			"Parameters":{"FunctionName":"f:live","Payload.$":"$"},"ResultSelector":{"p.$":"$.Payload"},"ResultPath":"$.a.b-c",
			"Retry":[{"ErrorEquals":["E"],"IntervalSeconds":1,"MaxAttempts":2,"BackoffRate":2,"MaxDelaySeconds":9,"JitterStrategy":"FULL"},{"ErrorEquals":["States.ALL"]}],
			"Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":null,"Next":"F"}]},
		"B":{"Type":"Choice","Choices":[{"And":[{"Variable":"$.a['b-c'].p","IsPresent":true},{"Not":{"Variable":"$.l[0]","NumericEquals":1}}],"Next":"C"}],"Default":"C"},
		"C":{"Type":"Wait","TimestampPath":"$.t","Next":"D"},
		"D":{"Type":"Pass","Result":{"x":1},"ResultPath":"$","Next":"E"},
		"E":{"Type":"Succeed","OutputPath":"$.x"},
		"F":{"Type":"Fail","ErrorPath":"$.e","CausePath":"$.c"}}}`)
	if err != nil {
		t.Error(err)
	}
}

// TestPipelineDefinition holds the project's own state machine to what this
// rehearsal runs.
func TestPipelineDefinition(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "statemachine", "finetune.asl.json"))
	if err != nil {
		t.Fatal(err)
	}
	filled := regexp.MustCompile(`\$\{(\w+)\}`).ReplaceAllString(string(text), lambda("$1"))
	s := start(t, functions{})
	if _, err := s.Create("pipeline", roleARN, filled); err != nil {
		t.Error(err)
	}
}
