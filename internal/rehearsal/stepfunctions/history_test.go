package stepfunctions

import (
	"slices"
	"testing"
)

func kinds(t *testing.T, s *Service, arn string) []string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.find(arn)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, event := range e.history {
		out = append(out, event.kind)
	}
	return out
}

func TestHistoryCountsAsAWSDoes(t *testing.T) {
	tries := 0
	s := start(t, functions{
		"flaky": func(string) (string, error) {
			if tries++; tries == 1 {
				return "", lambdaError(`{"errorType":"Throttled"}`)
			}
			return "{}", nil
		},
		"wrong": func(string) (string, error) { return "", lambdaError(`{"errorType":"E"}`) },
		"lost":  func(string) (string, error) { return "", ErrNoAnswer },
	})
	optimized := func(function string) string {
		return `"Type":"Task","Resource":"arn:aws:states:::lambda:invoke","Parameters":{"FunctionName":"` + function + `"}`
	}
	tests := []struct {
		name, definition string
		want             []string
	}{
		{"turns", machineOf(`"A":{` + optimized("flaky") + `,"Retry":[{"ErrorEquals":["Throttled"]}],"Next":"W"},"W":{"Type":"Wait","Seconds":1,"Next":"C"},
			"C":{"Type":"Choice","Choices":[{"Variable":"$.x","IsPresent":true,"Next":"P"}],"Default":"P"},"P":{"Type":"Pass","Next":"S"},"S":{"Type":"Succeed"}`),
			[]string{"ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskFailed", "TaskScheduled", "TaskStarted", "TaskSucceeded",
				"TaskStateExited", "WaitStateEntered", "WaitStateExited", "ChoiceStateEntered", "ChoiceStateExited", "PassStateEntered", "PassStateExited",
				"SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded"}},
		{"caught", machineOf(`"A":{"Type":"Task","Resource":"` + lambda("wrong") + `","Catch":[{"ErrorEquals":["E"],"Next":"F"}],"End":true},"F":{"Type":"Fail"}`),
			[]string{"ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed", "TaskStateExited",
				"FailStateEntered", "ExecutionFailed"}},
		{"timed-out", machineOf(`"A":{` + optimized("lost") + `,"TimeoutSeconds":5,"End":true}`),
			[]string{"ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskTimedOut", "ExecutionFailed"}},
		{"not-scheduled", machineOf(`"A":{` + optimized("lost") + `,"InputPath":"$.none","End":true}`),
			[]string{"ExecutionStarted", "TaskStateEntered", "ExecutionFailed"}},
		{"machine-timed-out", `{"TimeoutSeconds":5,"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":9,"End":true}}}`,
			[]string{"ExecutionStarted", "WaitStateEntered", "ExecutionTimedOut"}},
	}
	for _, tt := range tests {
		e := run(t, s, tt.name, tt.definition, `{"x":1}`)
		if got := kinds(t, s, e.ARN); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
		if e.HistoryEvents != len(tt.want) {
			t.Errorf("%s: got %d events, want %d", tt.name, e.HistoryEvents, len(tt.want))
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	s := start(t, functions{})
	const turn = `"B":{"Type":"Choice","Choices":[{"Variable":"$.end","IsPresent":true,"Next":"C"}],"Default":"A"},"C":{"Type":"Succeed"}`
	e := run(t, s, "loop", machineOf(`"A":{"Type":"Wait","Seconds":1,"Next":"B"},`+turn), `{}`)
	if e.Status != Failed || e.Error != "States.Runtime" || e.HistoryEvents != 25000 {
		t.Errorf("got %s %s with %d events, want FAILED States.Runtime with 25000", e.Status, e.Error, e.HistoryEvents)
	}
	if last := kinds(t, s, e.ARN)[24999]; last != "ExecutionFailed" {
		t.Errorf("got last event %s, want ExecutionFailed", last)
	}
	tight := run(t, s, "tight", machineOf(`"A":{"Type":"Pass","Next":"B"},`+turn), `{}`)
	if tight.Status != Failed || tight.HistoryEvents != 25000 {
		t.Errorf("got %s with %d events for a loop without a wait, want FAILED with 25000", tight.Status, tight.HistoryEvents)
	}
}

func TestObserverSeesEveryStep(t *testing.T) {
	var seen []string
	tries := 0
	s := start(t, functions{"flaky": func(string) (string, error) {
		if tries++; tries == 1 {
			return "", lambdaError(`{"errorType":"Throttled"}`)
		}
		return "", lambdaError(`{"errorType":"Broken"}`)
	}}, func(o *Options) {
		o.OnEvent = func(e Event) { seen = append(seen, string(e.Type)+" "+e.State+" "+e.Error+string(e.Output)) }
	})
	run(t, s, "m", machineOf(`"A":{"Type":"Task","Resource":"`+lambda("flaky")+`","End":true,"Retry":[{"ErrorEquals":["Throttled"]}],
		"Catch":[{"ErrorEquals":["Broken"],"ResultPath":null,"Next":"B"}]},"B":{"Type":"Succeed"}`), `{}`)
	want := []string{"entered A ", "failed A Throttled", "retried A ", "failed A Broken", "caught A ", "exited A {}", "entered B ", "exited B {}"}
	if !slices.Equal(seen, want) {
		t.Errorf("got %q, want %q", seen, want)
	}
}
