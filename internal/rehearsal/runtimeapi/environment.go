package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/tuneline/tuneline/internal/loopback"
)

// environment is one execution environment: a process, and the Runtime API
// endpoint that only it knows.
type environment struct {
	fn     *function
	cmd    *exec.Cmd
	server *http.Server

	// work carries one invocation at a time from hand to the process.
	work chan *invocation
	// done is closed when the process has ended; nothing is handed then.
	done chan struct{}

	mu        sync.Mutex  // taken after the host's, never before
	current   *invocation // handed and not yet complete
	ready     bool        // has asked for its first event
	killed    bool
	initError []byte // what the process reported instead of starting
}

// maxAnswer is the largest answer of a function, in bytes: that of a streamed one
// (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
const maxAnswer = 200 << 20

// newEnvironment opens the endpoint and prepares the process.
func newEnvironment(fn *function) (*environment, error) {
	listener, err := loopback.Listen(context.Background(), loopback.Any)
	if err != nil {
		return nil, fmt.Errorf("listening for the Runtime API: %w", err)
	}
	env := &environment{fn: fn, work: make(chan *invocation, 1), done: make(chan struct{})}
	env.server = loopback.NewServer(env.routes(), maxAnswer)
	go func() { _ = env.server.Serve(listener) }() // always ErrServerClosed, after run
	env.cmd = exec.Command(fn.Bootstrap)           //nolint:gosec // the function the template names
	env.cmd.Dir = filepath.Dir(fn.Bootstrap)
	env.cmd.Env = fn.Environ(listener.Addr().String())
	env.cmd.Stdout, env.cmd.Stderr = fn.output, fn.output
	env.cmd.WaitDelay = time.Second // for a grandchild that keeps the pipe
	return env, nil
}

// run is the life of the process. Whatever invocation it leaves behind fails.
func (e *environment) run() {
	err := e.start()
	if err == nil {
		err = e.cmd.Wait()
	}
	e.mu.Lock()
	inv := e.current
	close(e.done)
	e.mu.Unlock()
	if inv != nil {
		e.settle(inv, e.exitResult(inv.id, err))
	}
	_ = e.server.Close() // its only client has gone
	e.fn.forget(e)
}

// start starts the process unless it was to be killed before.
func (e *environment) start() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.killed {
		return errClosed
	}
	return e.cmd.Start()
}

// kill ends the process, now or as soon as it would start.
func (e *environment) kill() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.killed = true
	if e.cmd.Process != nil {
		_ = e.cmd.Process.Kill() // it may have ended by itself
	}
}

func (e *environment) busy() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.current != nil
}

// hand gives inv to the environment; false means that its process has ended
// meanwhile and another one must take it. A cold process gets Lambda's ten
// seconds to start on top of the function's own time.
func (e *environment) hand(inv *invocation) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-e.done:
		return false
	default:
	}
	e.current = inv
	e.work <- inv
	if !e.ready {
		inv.timer = time.AfterFunc(initLimit, func() { e.expire(inv, initLimit) })
	}
	return true
}

// initLimit is how long the init phase may take.
const initLimit = 10 * time.Second

// begin starts the invocation's clock as the process takes the event.
func (e *environment) begin(inv *invocation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	inv.stop()
	inv.deadline = time.Now().Add(e.fn.Timeout)
	inv.timer = time.AfterFunc(e.fn.Timeout, func() { e.expire(inv, e.fn.Timeout) })
}

// expire ends an invocation that took too long, and its process.
func (e *environment) expire(inv *invocation, limit time.Duration) {
	if !e.settle(inv, failed(inv.id, "Sandbox.Timedout",
		fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", inv.id, limit.Seconds()))) {
		return // complete just in time
	}
	e.kill()
}

// settle completes the current invocation: with the answer the process gave,
// or else with otherwise. It is false when inv is not current any more.
func (e *environment) settle(inv *invocation, otherwise Result) bool {
	e.mu.Lock()
	current := e.current == inv && inv != nil
	if current {
		e.current = nil
		inv.stop()
		if inv.answer != nil {
			otherwise = *inv.answer
		}
	}
	e.mu.Unlock()
	if current {
		inv.finish(otherwise)
	}
	return current
}

// answer notes what the process answered to the invocation with this id; it is
// false for another invocation, or a second answer.
func (e *environment) answer(id string, result Result) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.current == nil || e.current.id != id || e.current.answer != nil {
		return false
	}
	result.RequestID = id
	e.current.answer = &result
	return true
}

// exitResult is what Lambda reports for a process that ended with err during
// an invocation or before it.
func (e *environment) exitResult(id string, err error) Result {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.initError != nil {
		return Result{Payload: e.initError, FunctionError: unhandled, RequestID: id}
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return failed(id, "Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: Runtime exited without providing a reason", id))
	case errors.As(err, &exit):
		return failed(id, "Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", id, exit))
	case e.cmd.Process != nil || e.killed:
		return failed(id, "Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %v", id, err))
	default:
		return failed(id, "Runtime.InvalidEntrypoint",
			fmt.Sprintf("RequestId: %s Error: Couldn't find valid bootstrap(s): [%s]", id, filepath.Base(e.fn.Bootstrap)))
	}
}

// reserved are the variables a function's own environment may not set
// ("Defined runtime environment variables", Lambda Developer Guide).
var reserved = map[string]bool{
	"_HANDLER": true, "_X_AMZN_TRACE_ID": true, "AWS_DEFAULT_REGION": true, "AWS_REGION": true,
	"AWS_EXECUTION_ENV": true, "AWS_LAMBDA_FUNCTION_NAME": true, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": true,
	"AWS_LAMBDA_FUNCTION_VERSION": true, "AWS_LAMBDA_INITIALIZATION_TYPE": true, "AWS_LAMBDA_LOG_GROUP_NAME": true,
	"AWS_LAMBDA_LOG_STREAM_NAME": true, "AWS_ACCESS_KEY": true, "AWS_ACCESS_KEY_ID": true,
	"AWS_SECRET_ACCESS_KEY": true, "AWS_SESSION_TOKEN": true, "AWS_LAMBDA_RUNTIME_API": true,
	"LAMBDA_TASK_ROOT": true, "LAMBDA_RUNTIME_DIR": true,
}

// Environ is the whole environment of a process of the function, as Lambda sets
// it for provided.al2023; nothing of the host's own leaks in. api is the
// address of the Runtime API.
func (f Function) Environ(api string) []string {
	handler := f.Handler
	if handler == "" {
		handler = "bootstrap"
	}
	root := filepath.Dir(f.Bootstrap)
	env := []string{
		"_HANDLER=" + handler,
		"AWS_REGION=" + f.Region,
		"AWS_DEFAULT_REGION=" + f.Region,
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(f.MemoryMB),
		"AWS_LAMBDA_FUNCTION_VERSION=" + version,
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + f.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=" + time.Now().UTC().Format("2006/01/02") + "/[" + version + "]" + randomHex(16),
		"AWS_ACCESS_KEY_ID=" + f.Credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + f.Credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN=" + f.Credentials.SessionToken,
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"LAMBDA_TASK_ROOT=" + root,
		"LAMBDA_RUNTIME_DIR=" + root,
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin",
	}
	for name, value := range f.Env {
		env = append(env, name+"="+value)
	}
	return env
}

// version is the version every function of the stack runs as.
const version = "$LATEST"
