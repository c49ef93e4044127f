package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/clock"
)

var began = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// lambda is the ARN of a function in a test's definition.
func lambda(name string) string {
	return "arn:aws:lambda:us-east-1:111122223333:function:" + name
}

// functions is Options.Invoke over Go functions, by the last part of the name.
type functions map[string]func(payload string) (string, error)

// lambdaError makes a function fail as Lambda reports it.
type lambdaError string

func (f lambdaError) Error() string { return string(f) }

func (f functions) invoke(_ context.Context, _, name string, payload []byte) (Result, error) {
	function, ok := f[name[strings.LastIndex(name, ":")+1:]]
	if !ok {
		return Result{}, &InvokeError{Name: "Lambda.ResourceNotFoundException", Message: name}
	}
	out, err := function(string(payload))
	var failure lambdaError
	if errors.As(err, &failure) {
		return Result{Payload: []byte(failure), FunctionError: "Unhandled"}, nil
	}
	return Result{Payload: []byte(out)}, err
}

// root finds the repository's root, where npm ci installed the interpreter.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// roleARN is the role the tests' machines run as.
const roleARN = "arn:aws:iam::111122223333:role/machine"

// start starts a service for one test; the options may be completed by change.
func start(t *testing.T, f functions, change ...func(*Options)) *Service {
	t.Helper()
	opts := Options{
		Root: root(t), Region: "us-east-1", AccountID: "111122223333",
		Clock: clock.New(began), Invoke: f.invoke,
	}
	for _, c := range change {
		c(&opts)
	}
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func create(t *testing.T, s *Service, name, definition string) string {
	t.Helper()
	arn, err := s.Create(name, roleARN, definition)
	if err != nil {
		t.Fatal(err)
	}
	return arn
}

func launch(t *testing.T, s *Service, machine, name, input string) string {
	t.Helper()
	arn, err := s.StartExecution(t.Context(), machine, name, json.RawMessage(input))
	if err != nil {
		t.Fatal(err)
	}
	return arn
}

func wait(t *testing.T, s *Service, arn string) Execution {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	e, err := s.Wait(ctx, arn)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// run creates a machine of the states and runs it once.
func run(t *testing.T, s *Service, name, definition, input string) Execution {
	t.Helper()
	return wait(t, s, launch(t, s, create(t, s, name, definition), "", input))
}

// machineOf wraps states into a definition that starts at A.
func machineOf(states string) string {
	return `{"StartAt":"A","States":{` + states + `}}`
}

func TestTasks(t *testing.T) {
	var mu sync.Mutex
	var payloads []string
	s := start(t, functions{
		"echo": func(payload string) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			payloads = append(payloads, payload)
			return `{"got":` + payload + `}`, nil
		},
		"nothing": func(string) (string, error) { return "null", nil },
	})
	tests := []struct{ name, states, input, want string }{
		{"plain", `"A":{"Type":"Task","Resource":"` + lambda("echo") + `","End":true}`, `{"x":1}`, `{"got":{"x":1}}`},
		{"optimized", `"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
			"Parameters":{"FunctionName":"` + lambda("echo") + `","Payload":{"y.$":"$.x"}},"End":true}`, `{"x":1}`,
			`{"ExecutedVersion":"$LATEST","Payload":{"got":{"y":1}},"StatusCode":200}`},
		{"no-payload", `"A":{"Type":"Task","Resource":"arn:aws:states:::lambda:invoke",
			"Parameters":{"FunctionName":"echo"},"ResultSelector":{"p.$":"$.Payload.got"},"End":true}`, `{"x":1}`, `{"p":{}}`},
		{"null", `"A":{"Type":"Task","Resource":"` + lambda("nothing") + `","ResultPath":"$.r","End":true}`, `{"x":1}`, `{"x":1,"r":null}`},
		{"paths", `"A":{"Type":"Task","Resource":"` + lambda("echo") + `","InputPath":"$.in","Parameters":{"v.$":"$.v","k":[{"w.$":"$.v"}]},
			"ResultSelector":{"sel.$":"$.got.v"},"ResultPath":"$.out.here","OutputPath":"$.out","End":true}`,
			`{"in":{"v":7},"out":{"kept":true}}`, `{"kept":true,"here":{"sel":7}}`},
		{"whole-result", `"A":{"Type":"Task","Resource":"` + lambda("echo") + `","ResultPath":"$","End":true}`, `{}`, `{"got":{}}`},
		{"discarded", `"A":{"Type":"Task","Resource":"` + lambda("echo") + `","ResultPath":null,"End":true}`, `{"x":1}`, `{"x":1}`},
		{"context", `"A":{"Type":"Pass","Parameters":{"id.$":"$$.Execution.Id","name.$":"$$.Execution.Name","in.$":"$$.Execution.Input.x",
			"at.$":"$$.Execution.StartTime","machine.$":"$$.StateMachine.Id","mn.$":"$$.StateMachine.Name"},"End":true}`, `{"x":1}`,
			`{"id":"arn:aws:states:us-east-1:111122223333:execution:context:run","name":"run","in":1,"at":"2026-11-23T10:00:00.000Z",
			"machine":"arn:aws:states:us-east-1:111122223333:stateMachine:context","mn":"context"}`},
		{"intrinsics", `"A":{"Type":"Pass","Parameters":{
			"format.$":"States.Format('{} of (some), {}', $.path, $.n)","json.$":"States.JsonToString($.quoted)",
			"parsed.$":"States.StringToJson($.text)","sum.$":"States.MathAdd($.n, -1)","list.$":"States.Array($.n, 'x', true, null)",
			"nested.$":"States.ArrayLength(States.Array($.n, $.n))","item.$":"States.ArrayGetItem($.l, 1)",
			"has.$":"States.ArrayContains($.l, 'b')","hash.$":"States.Hash('abc', 'SHA-256')"},"End":true}`,
			`{"path":"C:\\dir","n":3,"quoted":{"q":"a\"b"},"text":"{\"k\":\"v\"}","l":["a","b"]}`,
			`{"format":"C:\\dir of (some), 3","json":"{\"q\":\"a\\\"b\"}","parsed":{"k":"v"},"sum":2,"list":[3,"x",true,null],
			"nested":2,"item":"b","has":true,"hash":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			machine := create(t, s, tt.name, machineOf(tt.states))
			e := wait(t, s, launch(t, s, machine, "run", tt.input))
			if e.Status != Succeeded {
				t.Fatalf("got %s (%s: %s), want SUCCEEDED", e.Status, e.Error, e.Cause)
			}
			if !sameJSON(t, e.Output, []byte(tt.want)) {
				t.Errorf("got output %s, want %s", e.Output, tt.want)
			}
		})
	}
	mu.Lock()
	defer mu.Unlock()
	if payloads[0] != `{"x":1}` {
		t.Errorf("got first payload %s, want the state's input", payloads[0])
	}
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		t.Fatalf("reading %s: %v", a, err)
	}
	if err := json.Unmarshal(b, &y); err != nil {
		t.Fatalf("reading %s: %v", b, err)
	}
	return reflect.DeepEqual(x, y)
}

func TestStartIsFast(t *testing.T) {
	before := time.Now()
	start(t, functions{})
	if took := time.Since(before); took > 10*time.Second {
		t.Errorf("starting took %v, want well below the budget of the rehearsal", took)
	}
}

func TestStartRefuses(t *testing.T) {
	_, err := Start(t.Context(), Options{Clock: clock.New(began), Invoke: functions{}.invoke, Root: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "npm ci") {
		t.Errorf("got %v, want an error that names npm ci", err)
	}
	if _, err := Start(t.Context(), Options{Root: root(t)}); err == nil {
		t.Error("got no error without Clock and Invoke")
	}
}

func TestRecentEnough(t *testing.T) {
	for version, want := range map[string]bool{
		"v24.9.0": true, "v22.15.0": true, "v22.14.0": false, "v20.19.1": false, "": false, "v22": false, "vx.y": false,
	} {
		if got := recentEnough(version); got != want {
			t.Errorf("recentEnough(%q): got %v, want %v", version, got, want)
		}
	}
}

func TestCloseEndsWaiting(t *testing.T) {
	s := start(t, functions{})
	release := s.Hold()
	defer release()
	machine := create(t, s, "long", machineOf(`"A":{"Type":"Wait","Seconds":10,"End":true}`))
	arn := launch(t, s, machine, "one", `{}`)
	waited := make(chan error, 1)
	go func() {
		_, err := s.Wait(context.Background(), arn)
		waited <- err
	}()
	s.Close()
	if err := <-waited; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if _, err := s.Create("late", roleARN, machineOf(`"A":{"Type":"Succeed"}`)); !errors.Is(err, ErrClosed) {
		t.Errorf("Create after Close: got %v, want ErrClosed", err)
	}
}

func TestChildDiesWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, Options{Root: root(t), Clock: clock.New(began), Invoke: functions{}.invoke})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case <-s.ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the child outlives its context")
	}
	s.Close()
}

// ExampleService shows a machine run from start to end.
func ExampleService() {
	s, err := Start(context.Background(), Options{
		Root: "../../..", Region: "us-east-1", AccountID: "111122223333", Clock: clock.New(began),
		Invoke: func(context.Context, string, string, []byte) (Result, error) {
			return Result{Payload: []byte(`"hello"`)}, nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	machine, err := s.Create("greeter", roleARN, machineOf(`"A":{"Type":"Task","Resource":"`+lambda("greet")+`","End":true}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	arn, err := s.StartExecution(context.Background(), machine, "first", json.RawMessage(`{}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := s.Wait(context.Background(), arn)
	fmt.Println(e.Status, string(e.Output), err)
	// Output: SUCCEEDED "hello" <nil>
}

// Ensure a notice arrives with its topic, subject and text, that SNS's answer is
// the task's result, and that a refusal has SNS's name.
func TestPublish(t *testing.T) {
	var got []Notice
	s, err := Start(t.Context(), Options{
		Root: root(t), Region: "us-east-1", AccountID: "111122223333", Clock: clock.New(began), Invoke: functions{}.invoke,
		Publish: func(_ context.Context, _ string, n Notice) error {
			got = append(got, n)
			if n.Subject == "" {
				return &InvokeError{Name: "SNS.InternalErrorException", Message: "a bad minute"}
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	task := func(parameters string) string {
		return machineOf(`"A":{"Type":"Task","Resource":"arn:aws:states:::sns:publish","Parameters":{` + parameters + `},"ResultSelector":{"n.$":"States.ArrayLength(States.Array($.MessageId))"},"End":true}`)
	}
	sent := wait(t, s, launch(t, s, create(t, s, "sent", task(`"TopicArn":"arn:topic","Subject":"s","Message.$":"$.text"`)), "run", `{"text":"look"}`))
	refused := wait(t, s, launch(t, s, create(t, s, "refused", task(`"TopicArn":"arn:topic","Message":"m"`)), "run", `{}`))
	if sent.Status != Succeeded || string(sent.Output) != `{"n":1}` || refused.Error != "SNS.InternalErrorException" {
		t.Errorf("got %s %s and the error %q, want a message's id and SNS's error", sent.Status, sent.Output, refused.Error)
	}
	if want := []Notice{{"arn:topic", "s", "look"}, {"arn:topic", "", "m"}}; !slices.Equal(got, want) {
		t.Errorf("published were %v, want %v", got, want)
	}
	if _, err := s.Create("untold", "", task(`"Subject":"s","PhoneNumber":"1"`)); err == nil || !strings.Contains(err.Error(), "sns:publish needs Message") || !strings.Contains(err.Error(), "PhoneNumber") {
		t.Errorf("got %v, want what the rehearsal does not know and what is missing", err)
	}
}
