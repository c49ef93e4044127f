package runtimeapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
)

// bootstrap is the path of the built test function.
var bootstrap string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "runtimeapi")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder
	bootstrap = filepath.Join(dir, "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", bootstrap, "./testdata/function") //nolint:gosec // a function of testdata
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the test function: %v: %s\n", err, out)
		return 1
	}
	return m.Run()
}

// log is an Output that tests can read while processes write.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newHost(t *testing.T, change ...func(*runtimeapi.Function)) (*runtimeapi.Host, *log) {
	t.Helper()
	h, err := runtimeapi.Start(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	out := &log{}
	f := runtimeapi.Function{
		Name: "submit", ARN: "arn:aws:lambda:us-east-1:111122223333:function:submit", Bootstrap: bootstrap,
		Env:    map[string]string{"BUCKET": "data"},
		Region: "us-east-1", Credentials: calls.Credentials{AccessKeyID: "ASIAX", SecretAccessKey: "secret", SessionToken: "token"},
		Timeout: 5 * time.Second, MemoryMB: 256, Output: out,
	}
	for _, c := range change {
		c(&f)
	}
	if err := h.Register(f); err != nil {
		t.Fatal(err)
	}
	return h, out
}

func invoke(t *testing.T, h *runtimeapi.Host, event string) runtimeapi.Result {
	t.Helper()
	result, err := h.Invoke(context.Background(), "submit", []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// seen is what the test function describes of itself.
type seen struct {
	PID             int      `json:"pid"`
	Invocations     int      `json:"invocations"`
	RequestID       string   `json:"requestId"`
	ARN             string   `json:"arn"`
	RemainingMillis int      `json:"remainingMillis"`
	Environment     []string `json:"environment"`
	Dir             string   `json:"dir"`
	Function        string   `json:"function"`
	Memory          int      `json:"memory"`
}

func describe(t *testing.T, h *runtimeapi.Host, event string) seen {
	t.Helper()
	result := invoke(t, h, event)
	var s seen
	if err := json.Unmarshal(result.Payload, &s); err != nil || result.FunctionError != "" {
		t.Fatalf("got %s %s, %v", result.FunctionError, result.Payload, err)
	}
	if s.RequestID != result.RequestID {
		t.Errorf("the function saw request %s, the caller %s", s.RequestID, result.RequestID)
	}
	return s
}

// errorOf is an error document.
type errorOf struct {
	Type    string            `json:"errorType"`
	Message string            `json:"errorMessage"`
	Stack   []json.RawMessage `json:"stackTrace"`
}

func failure(t *testing.T, result runtimeapi.Result) errorOf {
	t.Helper()
	var e errorOf
	if err := json.Unmarshal(result.Payload, &e); err != nil || result.FunctionError != "Unhandled" {
		t.Fatalf("got %q %s, %v, want an unhandled error", result.FunctionError, result.Payload, err)
	}
	return e
}

// Ensure the process sees the environment Lambda would give it, and no more.
func TestHost_Environment(t *testing.T) {
	t.Setenv("LEAK", "from the host")
	h, out := newHost(t)
	s := describe(t, h, `{"do":"describe"}`)
	dir, err := filepath.EvalSymlinks(filepath.Dir(bootstrap))
	if err != nil {
		t.Fatal(err)
	}
	if s.ARN != "arn:aws:lambda:us-east-1:111122223333:function:submit" || s.Function != "submit" || s.Memory != 256 || s.Dir != dir {
		t.Errorf("got %+v", s)
	}
	if s.RemainingMillis < 4000 || s.RemainingMillis > 5000 {
		t.Errorf("%d ms remain, want just under 5000", s.RemainingMillis)
	}
	for _, want := range []string{"BUCKET=data", "_HANDLER=bootstrap", "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=ASIAX",
		"AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token", "AWS_LAMBDA_FUNCTION_NAME=submit",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "TZ=:UTC",
		"LAMBDA_TASK_ROOT=" + filepath.Dir(bootstrap)} {
		if !slices.Contains(s.Environment, want) {
			t.Errorf("%s is missing in %v", want, s.Environment)
		}
	}
	for _, variable := range s.Environment {
		if strings.HasPrefix(variable, "LEAK=") || strings.HasPrefix(variable, "HOME=") {
			t.Errorf("%s leaked in", variable)
		}
	}
	if got := out.String(); !strings.Contains(got, "out describe\n") || !strings.Contains(got, "err describe\n") {
		t.Errorf("output is %q, want both streams", got)
	}
}

// Ensure each way to fail is reported as Lambda does, and that the environment
// lives on where it does at AWS.
func TestHost_Errors(t *testing.T) {
	h, _ := newHost(t)
	first := describe(t, h, `{"do":"describe"}`).PID
	for _, tc := range []struct {
		do, wantType, wantMessage string
		warm, stack               bool
	}{
		{"fail", "wrapError", "reading the thing: no such thing", true, false},
		{"typed", "DataSetRejected", `{"line":7}`, true, false},
		{"panic", "string", "out of cheese", false, true},
		{"exit", "Runtime.ExitError", "RequestId: <id> Error: Runtime exited with error: exit status 7", false, false},
		{"leave", "Runtime.ExitError", "RequestId: <id> Error: Runtime exited without providing a reason", false, false},
		{"large", "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291456 bytes).", false, false},
	} {
		t.Run(tc.do, func(t *testing.T) {
			result := invoke(t, h, `{"do":"`+tc.do+`"}`)
			e := failure(t, result)
			want := strings.ReplaceAll(tc.wantMessage, "<id>", result.RequestID)
			if e.Type != tc.wantType || e.Message != want || (len(e.Stack) > 0) != tc.stack {
				t.Errorf("got %s, want %s %q, stack %v", result.Payload, tc.wantType, want, tc.stack)
			}
			next := describe(t, h, `{"do":"describe"}`).PID
			if warm := next == first; warm != tc.warm {
				t.Errorf("the environment lives on: %v, want %v", warm, tc.warm)
			}
			first = next
		})
	}
}

// Ensure a function that takes too long is killed and reported.
func TestHost_Timeout(t *testing.T) {
	h, _ := newHost(t, func(f *runtimeapi.Function) { f.Timeout = 200 * time.Millisecond })
	pid := describe(t, h, `{"do":"describe"}`).PID
	began := time.Now()
	result := invoke(t, h, `{"do":"describe","millis":5000}`)
	e := failure(t, result)
	if want := "RequestId: " + result.RequestID + " Error: Task timed out after 0.20 seconds"; e.Type != "Sandbox.Timedout" || e.Message != want {
		t.Errorf("got %s, want %q", result.Payload, want)
	}
	if took := time.Since(began); took < 200*time.Millisecond || took > 2*time.Second {
		t.Errorf("the answer took %v, want just over 200 ms", took)
	}
	waitGone(t, pid)
}

// Ensure overlapping invocations get environments of their own, and later ones
// find them warm.
func TestHost_Concurrency(t *testing.T) {
	h, _ := newHost(t)
	results := make(chan runtimeapi.Result, 4)
	for range 4 {
		go func() {
			result, err := h.Invoke(context.Background(), "submit", []byte(`{"do":"describe","millis":300}`))
			if err != nil {
				t.Error(err)
			}
			results <- result
		}()
	}
	pids := map[int]bool{}
	for range 4 {
		var s seen
		if err := json.Unmarshal((<-results).Payload, &s); err != nil {
			t.Fatal(err)
		}
		pids[s.PID] = true
	}
	if len(pids) != 4 {
		t.Errorf("4 overlapping invocations ran in %d processes", len(pids))
	}
	for range 3 {
		if s := describe(t, h, `{"do":"describe"}`); !pids[s.PID] || s.Invocations < 2 {
			t.Errorf("a later invocation ran in %d for the %d. time, want a warm one of %v", s.PID, s.Invocations, pids)
		}
	}
}

// Ensure a scenario can refuse, kill before, kill after, and kill in flight.
func TestHost_Faults(t *testing.T) {
	h, out := newHost(t)
	var fault *runtimeapi.Fault
	h.SetHook(func(function string, payload []byte) *runtimeapi.Fault {
		if function != "submit" || !strings.Contains(string(payload), "describe") {
			t.Errorf("the hook was asked about %s %s", function, payload)
		}
		return fault
	})
	fault = &runtimeapi.Fault{Service: &runtimeapi.ServiceError{Code: "TooManyRequestsException", Status: 429, Message: "Rate Exceeded."}}
	_, err := h.Invoke(context.Background(), "submit", []byte(`{"do":"describe"}`))
	if refused := (*runtimeapi.ServiceError)(nil); !errors.As(err, &refused) || refused.Status != http.StatusTooManyRequests || out.String() != "" {
		t.Errorf("got %v after output %q, want 429 before the function ran", err, out)
	}
	for _, tc := range []struct {
		fault *runtimeapi.Fault
		ran   bool
	}{{&runtimeapi.Fault{KillBefore: true}, false}, {&runtimeapi.Fault{KillAfter: true}, true}} {
		fault = tc.fault
		result := invoke(t, h, `{"do":"describe"}`)
		if e := failure(t, result); e.Type != "Runtime.ExitError" || !strings.HasSuffix(e.Message, "signal: killed") {
			t.Errorf("%+v: got %s", fault, result.Payload)
		}
		if ran := strings.Contains(out.String(), "out describe"); ran != tc.ran {
			t.Errorf("%+v: the function ran: %v, want %v", fault, ran, tc.ran)
		}
	}
	h.SetHook(nil)
	if n := h.Kill("submit"); n != 0 {
		t.Errorf("killed %d environments, want none to be busy", n)
	}
	go func() {
		for h.Kill("submit") == 0 {
			time.Sleep(20 * time.Millisecond)
		}
	}()
	if e := failure(t, invoke(t, h, `{"do":"describe","millis":4000}`)); e.Type != "Runtime.ExitError" {
		t.Errorf("killed in flight: got %+v, want Runtime.ExitError", e)
	}
}

// Ensure readers are streamed through, and one that breaks off is an error.
func TestHost_Streams(t *testing.T) {
	h, _ := newHost(t)
	if got := invoke(t, h, `{"do":"stream"}`); string(got.Payload) != "one two" || got.FunctionError != "" {
		t.Errorf("got %+v, want \"one two\"", got)
	}
	if e := failure(t, invoke(t, h, `{"do":"broken stream"}`)); e.Message != "the stream broke" {
		t.Errorf("got %+v, want the stream's error", e)
	}
}

// Ensure a process that does not start is reported to its caller.
func TestHost_Init(t *testing.T) {
	h, out := newHost(t, func(f *runtimeapi.Function) { f.Env["FAIL_INIT"] = "1" })
	result := invoke(t, h, `{}`)
	if e := failure(t, result); e.Type != "Runtime.ExitError" || !strings.HasSuffix(e.Message, "exit status 3") {
		t.Errorf("got %s, want exit status 3", result.Payload)
	}
	if out.String() != "will not start\n" {
		t.Errorf("output is %q", out)
	}
	missing, _ := newHost(t, func(f *runtimeapi.Function) { f.Bootstrap = filepath.Join(t.TempDir(), "bootstrap") })
	if e := failure(t, invoke(t, missing, `{}`)); e.Type != "Runtime.InvalidEntrypoint" {
		t.Errorf("got %+v, want Runtime.InvalidEntrypoint", e)
	}
	if _, err := missing.Invoke(context.Background(), "other", nil); err == nil || !strings.HasPrefix(err.Error(), "ResourceNotFoundException") {
		t.Errorf("an unknown function: got %v, want ResourceNotFoundException", err)
	}
	for _, f := range []runtimeapi.Function{{Name: "submit"}, {Name: "x", Env: map[string]string{"AWS_REGION": "x"}}} {
		if err := h.Register(f); err == nil {
			t.Errorf("registered %+v, want an error", f)
		}
	}
}

// Ensure nothing is left running, whatever it was doing.
func TestHost_Close(t *testing.T) {
	h, _ := newHost(t)
	idle := describe(t, h, `{"do":"describe"}`).PID
	results := make(chan runtimeapi.Result, 1)
	go func() {
		result, err := h.Invoke(context.Background(), "submit", []byte(`{"do":"describe","millis":5000}`))
		if err != nil {
			t.Error(err)
		}
		results <- result
	}()
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("Close took %v", took)
	}
	if e := failure(t, <-results); e.Type != "Runtime.ExitError" {
		t.Errorf("the invocation in flight got %+v, want Runtime.ExitError", e)
	}
	waitGone(t, idle)
	if _, err := h.Invoke(context.Background(), "submit", []byte(`{}`)); err == nil {
		t.Error("a closed host runs functions")
	}
}

// Ensure a caller that leaves does not stop the function.
func TestHost_CallerLeaves(t *testing.T) {
	h, out := newHost(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := h.Invoke(ctx, "submit", []byte(`{"do":"describe","millis":300}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a deadline", err)
	}
	if h.Kill("submit") != 1 {
		t.Errorf("the function does not run on; output %q", out)
	}
}

// waitGone waits until a process has ended.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(3 * time.Second)
	for syscall.Kill(pid, 0) == nil {
		if time.Now().After(deadline) {
			t.Fatalf("process %d is still there", pid)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
