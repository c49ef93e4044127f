package stepfunctions

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// compensating is a task with everything that must not run after an abort.
func compensating(function string) string {
	return `{"Type":"Task","Resource":"` + lambda(function) + `","Next":"After",
		"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":60,"MaxAttempts":5}],
		"Catch":[{"ErrorEquals":["States.ALL"],"Next":"After"}]},"After":{"Type":"Task","Resource":"` + lambda("after") + `","End":true}`
}

func TestAbortDuringATask(t *testing.T) {
	begun, answer, returned := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var after atomic.Int32
	s := start(t, functions{
		"slow":  func(string) (string, error) { close(begun); <-answer; defer close(returned); return "{}", nil },
		"after": func(string) (string, error) { after.Add(1); return "{}", nil },
	})
	arn := launch(t, s, create(t, s, "m", machineOf(`"A":`+compensating("slow"))), "one", `{}`)
	<-begun
	if err := s.Stop(arn, "Operator", "enough"); err != nil {
		t.Fatal(err)
	}
	e := wait(t, s, arn)
	if e.Status != Aborted || e.Error != "Operator" || e.Cause != "enough" || e.Output != nil {
		t.Errorf("got %+v, want ABORTED by the operator", e)
	}
	close(answer) // the function was not killed: it goes on and returns
	<-returned
	other := run(t, s, "other", machineOf(`"A":{"Type":"Wait","Seconds":600,"End":true}`), `{}`)
	if other.Status != Succeeded || after.Load() != 0 {
		t.Errorf("got %s and %d tasks after the abort, want time to go on without any", other.Status, after.Load())
	}
	if err := s.Stop(arn, "Again", ""); err != nil {
		t.Fatal(err)
	}
	if again := wait(t, s, arn); again.Error != "Operator" || !again.Stop.Equal(e.Stop) {
		t.Errorf("got %+v, want the second stop to change nothing", again)
	}
}

func TestAbortBetweenRetries(t *testing.T) {
	var tries atomic.Int32
	var s *Service
	s = start(t, functions{
		"wrong": func(string) (string, error) { tries.Add(1); return "", lambdaError(`{"errorType":"E"}`) },
		"after": func(string) (string, error) { tries.Add(100); return "{}", nil },
	}, func(o *Options) {
		o.OnEvent = func(e Event) {
			if e.Type == StateFailed {
				if err := s.Stop(e.Execution, "", ""); err != nil {
					t.Errorf("Stop: %v", err)
				}
			}
		}
	})
	e := run(t, s, "m", machineOf(`"A":`+compensating("wrong")), `{}`)
	run(t, s, "other", machineOf(`"A":{"Type":"Wait","Seconds":600,"End":true}`), `{}`)
	if e.Status != Aborted || tries.Load() != 1 {
		t.Errorf("got %s after %d tries, want ABORTED after one", e.Status, tries.Load())
	}
}

func TestAbortInAWait(t *testing.T) {
	var s *Service
	s = start(t, functions{}, func(o *Options) {
		o.OnEvent = func(e Event) {
			if e.State == "A" && e.Type == Entered {
				if err := s.Stop(e.Execution, "", ""); err != nil {
					t.Errorf("Stop: %v", err)
				}
			}
		}
	})
	e := run(t, s, "m", machineOf(`"A":{"Type":"Wait","Seconds":60,"Next":"B"},"B":{"Type":"Succeed"}`), `{}`)
	if e.Status != Aborted || !slices.Equal(e.States, []string{"A"}) || !s.opts.Clock.Now().Equal(began) {
		t.Errorf("got %s in %v at %v, want ABORTED in A without time passing", e.Status, e.States, s.opts.Clock.Now())
	}
}

func TestAbortBeforeTheTaskIsSent(t *testing.T) {
	var sent atomic.Int32
	var s *Service
	s = start(t, functions{"f": func(string) (string, error) { sent.Add(1); return "{}", nil }},
		func(o *Options) {
			o.OnEvent = func(e Event) {
				if e.State == "B" && e.Type == Entered {
					if err := s.Stop(e.Execution, "", ""); err != nil {
						t.Errorf("Stop: %v", err)
					}
				}
			}
		})
	e := run(t, s, "m", machineOf(`"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Task","Resource":"`+lambda("f")+`","End":true}`), `{}`)
	other := run(t, s, "other", machineOf(`"A":{"Type":"Task","Resource":"`+lambda("f")+`","End":true}`), `{}`)
	if e.Status != Aborted || other.Status != Succeeded || sent.Load() != 1 {
		t.Errorf("got %s, %s and %d tasks, want only the other execution's", e.Status, other.Status, sent.Load())
	}
}

func TestMachineTimeout(t *testing.T) {
	s := start(t, functions{
		"lost":  func(string) (string, error) { return "", ErrNoAnswer },
		"wrong": func(string) (string, error) { return "", lambdaError(`{"errorType":"E"}`) },
		"after": func(string) (string, error) { t.Error("a task ran after the time-out"); return "{}", nil },
	})
	tests := []struct{ name, states string }{
		{"wait", `"A":{"Type":"Wait","Seconds":86400,"Next":"B"},"B":{"Type":"Succeed"}`},
		{"task", `"A":` + compensating("lost")},
		{"retry", `"A":` + compensating("wrong")},
	}
	for _, tt := range tests {
		e := run(t, s, tt.name, `{"TimeoutSeconds":90,"StartAt":"A","States":{`+tt.states+`}}`, `{}`)
		if e.Status != TimedOut || e.Error != "States.Timeout" || e.Stop.Sub(e.Start) != 90*time.Second {
			t.Errorf("%s: got %s %s after %v, want TIMED_OUT after 90s", tt.name, e.Status, e.Error, e.Stop.Sub(e.Start))
		}
	}
	run(t, s, "other", machineOf(`"A":{"Type":"Wait","Seconds":1,"End":true}`), `{}`)
	noTimerLeft(t, s, began.Add(3*90*time.Second+time.Second))
}

// noTimerLeft gives a forgotten timer the chance to move time beyond now.
func noTimerLeft(t *testing.T, s *Service, now time.Time) {
	t.Helper()
	time.Sleep(100 * time.Millisecond)
	if got := s.opts.Clock.Now(); !got.Equal(now) {
		t.Errorf("got virtual time %v, want %v: a timer was left behind", got, now)
	}
}

func TestMachineTimeoutEndsWithTheExecution(t *testing.T) {
	s := start(t, functions{})
	e := run(t, s, "m", `{"TimeoutSeconds":3600,"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":60,"End":true}}}`, `{}`)
	if e.Status != Succeeded {
		t.Errorf("got %s, want SUCCEEDED", e.Status)
	}
	noTimerLeft(t, s, began.Add(time.Minute))
}

func TestStartIsIdempotentWhileRunning(t *testing.T) {
	s := start(t, functions{})
	machine := create(t, s, "m", machineOf(`"A":{"Type":"Wait","Seconds":60,"End":true}`))
	release := s.Hold()
	arn := launch(t, s, machine, "one", `{"x":1}`)
	if again := launch(t, s, machine, "one", `{"x":1}`); again != arn {
		t.Errorf("got %s, want the running execution %s", again, arn)
	}
	refused := func(name, input, code string) {
		t.Helper()
		_, err := s.StartExecution(t.Context(), machine, name, json.RawMessage(input))
		var failure *APIError
		if !errors.As(err, &failure) || failure.Code != code {
			t.Errorf("StartExecution(%q, %.20q): got %v, want %s", name, input, err, code)
		}
	}
	refused("one", `{"x":2}`, "ExecutionAlreadyExists")
	release()
	wait(t, s, arn)
	refused("one", `{"x":1}`, "ExecutionAlreadyExists")
	refused("a b", `{}`, "InvalidName")
	refused("two", `{`, "InvalidExecutionInput")
	machine += "x"
	refused("two", `{}`, "StateMachineDoesNotExist")
	if _, err := s.Wait(t.Context(), arn+"x"); err == nil {
		t.Error("Wait for an unknown execution: got no error")
	}
}

func TestStatusEvents(t *testing.T) {
	var mu sync.Mutex
	var events []map[string]any
	var s *Service
	s = start(t, functions{}, func(o *Options) {
		o.OnStatus = func(raw json.RawMessage) {
			var event map[string]any
			if err := json.Unmarshal(raw, &event); err != nil {
				t.Errorf("reading status event: %v", err)
			}
			time.Sleep(10 * time.Millisecond) // time must not pass meanwhile
			event["now"] = s.opts.Clock.Now().Sub(began).Seconds()
			mu.Lock()
			defer mu.Unlock()
			events = append(events, event)
		}
	})
	e := run(t, s, "m", machineOf(`"A":{"Type":"Wait","Seconds":60,"Next":"B"},"B":{"Type":"Fail","Error":"Rejected","Cause":"why"}`), `{"x":1}`)
	mu.Lock()
	defer mu.Unlock()
	if len(events) != 2 {
		t.Fatalf("got %d events, want RUNNING and FAILED by the time Wait returns", len(events))
	}
	for i, want := range []string{
		`{"status":"RUNNING","stopDate":null,"error":null,"cause":null}`,
		`{"status":"FAILED","stopDate":1795428060000,"error":"Rejected","cause":"why"}`,
	} {
		delete(events[i], "id")
		wanted := mapOf(shape(t, e, want))
		wanted["now"], wanted["time"] = float64(60*i), began.Add(time.Duration(i)*time.Minute).Format(time.RFC3339)
		if !reflect.DeepEqual(events[i], wanted) {
			t.Errorf("got event\n%v, want\n%v", events[i], wanted)
		}
	}
}

// shape is the documented event with the detail of one status added.
func shape(t *testing.T, e Execution, detail string) any {
	t.Helper()
	event := decodeDefinition(t, `{"version":"0","detail-type":"Step Functions Execution Status Change","source":"aws.states",
		"account":"111122223333","region":"us-east-1","resources":["`+e.ARN+`"]}`)
	members := decodeDefinition(t, `{"executionArn":"`+e.ARN+`","stateMachineArn":"`+e.MachineARN+`","name":"`+e.Name+`","startDate":1795428000000,
		"stateMachineVersionArn":null,"stateMachineAliasArn":null,"input":"{\"x\":1}","inputDetails":{"included":true},"output":null,"outputDetails":null}`)
	maps.Copy(members, decodeDefinition(t, detail))
	event["detail"] = members
	return event
}

func TestStatusEventLeavesLargeDataOut(t *testing.T) {
	large := json.RawMessage(`"` + string(make250K()) + `"`)
	event := statusEvent(Execution{Input: large, Output: json.RawMessage(`{}`)}, Options{AccountID: "1", Region: "r"}, began)
	var got struct {
		Detail struct {
			Input, Output               *string
			InputDetails, OutputDetails struct{ Included bool }
		}
	}
	if err := json.Unmarshal(event, &got); err != nil {
		t.Fatal(err)
	}
	d := got.Detail
	if d.Input != nil || d.InputDetails.Included || d.Output == nil || !d.OutputDetails.Included {
		t.Errorf("got %+v, want the input left out and the output included", d)
	}
}

func TestStatusEventOfAnEncryptedMachineHoldsNoData(t *testing.T) {
	secret := json.RawMessage(`"secret"`)
	event := statusEvent(Execution{ARN: "arn:e", Status: Failed, Input: secret, Output: secret, Error: "secret", Cause: "secret"}, Options{Encrypted: true}, began)
	if strings.Contains(string(event), "secret") || !strings.Contains(string(event), `"executionArn":"arn:e"`) {
		t.Errorf("got %s", event)
	}
}

func make250K() []byte {
	text := make([]byte, 250<<10)
	for i := range text {
		text[i] = 'x'
	}
	return text
}
