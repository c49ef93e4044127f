// Package runtimeapi is the rehearsal's AWS Lambda: it runs a function's own
// bootstrap binary over the real Runtime API (next, response, error,
// init/error; "Using the Lambda runtime API for custom runtimes", Lambda
// Developer Guide), so that what is rehearsed is what is deployed.
//
// One execution environment is one process that handles one invocation at a
// time. Invocations that overlap start further environments; one that is idle
// is used again, warm. A function's error comes back as its own payload with
// FunctionError "Unhandled"; a time-out, a crash and a missing binary come back
// with the error types and messages Lambda uses ("Sandbox.Timedout",
// "Runtime.ExitError", "Runtime.InvalidEntrypoint"; their texts are those of
// AWS's open runtime interface emulator, not of a document). InvokeStream passes
// a response on as it comes.
//
// What it cannot show: memory limits, CPU share, the frozen process between
// invocations, account concurrency, extensions, cold-start times, and that a
// streamed response is slowed down to 2 MBps after its first 6 MB. Time-outs are
// real time, not virtual.
package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// Function is a function as the template configures it.
type Function struct {
	// Name and ARN identify it.
	Name, ARN string
	// Bootstrap is the path of its binary, named bootstrap in the asset.
	Bootstrap string
	// Handler is the template's handler string; empty means "bootstrap".
	Handler string
	// Env is the template's environment; Lambda's reserved variables are
	// refused in it, as Lambda does.
	Env map[string]string
	// Region and Credentials become the process's own; the credentials are
	// those of the execution role.
	Region      string
	Credentials calls.Credentials
	// Timeout is the longest an invocation may take, MemoryMB what the
	// process is told it has.
	Timeout  time.Duration
	MemoryMB int
	// Output takes what the process writes on stdout and stderr, from all
	// environments, one write at a time; nil drops it.
	Output io.Writer
}

// Result is what an invocation gave.
type Result struct {
	// Payload is the function's response, or the error document
	// {errorMessage, errorType, stackTrace} when FunctionError is set.
	Payload []byte
	// FunctionError is empty or "Unhandled", the value of
	// X-Amz-Function-Error.
	FunctionError string
	// ContentType is that of the response.
	ContentType string
	// Streamed tells that the function responded in streaming mode.
	Streamed bool
	// RequestID is the invocation's.
	RequestID string
}

// ServiceError is an error of the Lambda service, not of the function: the
// function did not run.
type ServiceError struct {
	// Code is the exception's name, Status its HTTP status.
	Code    string
	Status  int
	Message string
}

// Error gives the code and the message.
func (e *ServiceError) Error() string { return e.Code + ": " + e.Message }

// Fault is what a scenario makes of one invocation.
type Fault struct {
	// Service refuses the invocation without running the function.
	Service *ServiceError
	// KillBefore ends the process as it gets the event, KillAfter as it gives
	// its answer: everything it did has then taken effect and the answer is
	// lost. To end it between two of its calls, use Host.Kill from the hook of
	// the calls.Log.
	KillBefore, KillAfter bool
}

// Hook decides the fault of an invocation; nil lets it pass.
type Hook func(function string, payload []byte) *Fault

// maxPayload is the limit of a synchronous request and of a buffered response.
const maxPayload = 6 << 20

// Host runs functions.
type Host struct {
	mu        sync.Mutex
	functions map[string]*function
	hook      Hook
	closed    bool
	running   sync.WaitGroup // environments whose process has not ended
}

// function is a registered function and its environments.
type function struct {
	Function
	host         *Host
	output       io.Writer
	idle         []*environment
	environments map[*environment]bool
}

// Start makes a host without functions. Processes run until Close, or until
// ctx is done.
func Start(ctx context.Context) (*Host, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("starting the Lambda host: %w", err)
	}
	h := &Host{functions: map[string]*function{}}
	context.AfterFunc(ctx, func() { _ = h.Close() })
	return h, nil
}

// Register adds f. It fails when the environment sets a variable that Lambda
// reserves, or when the name is taken.
func (h *Host) Register(f Function) error {
	for name := range f.Env {
		if reserved[name] {
			return fmt.Errorf("registering function %s: the environment may not set %s, which Lambda reserves", f.Name, name)
		}
	}
	path, err := filepath.Abs(f.Bootstrap)
	if err != nil {
		return fmt.Errorf("registering function %s: %w", f.Name, err)
	}
	f.Bootstrap = path
	if f.Timeout <= 0 {
		f.Timeout = 3 * time.Second // CloudFormation's default
	}
	if f.MemoryMB == 0 {
		f.MemoryMB = 128 // CloudFormation's default
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.functions[f.Name] != nil {
		return fmt.Errorf("registering function %s: the name is taken", f.Name)
	}
	fn := &function{Function: f, host: h, environments: map[*environment]bool{}}
	if f.Output != nil {
		fn.output = &lockedWriter{to: f.Output}
	}
	h.functions[f.Name] = fn
	return nil
}

// SetHook installs the scenario's fault hook; nil removes it.
func (h *Host) SetHook(hook Hook) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hook = hook
}

// Invoke runs the function once, synchronously (RequestResponse), and waits
// for its answer. The error is a *ServiceError when Lambda itself refuses, or
// ctx's when it ends first; the function then runs on, as at AWS.
func (h *Host) Invoke(ctx context.Context, name string, payload []byte) (Result, error) {
	fn, fault, err := h.admit(name, payload)
	if err != nil {
		return Result{}, err
	}
	inv := newInvocation(payload, fault)
	if err := fn.start(inv); err != nil {
		return Result{}, err
	}
	select {
	case result := <-inv.result:
		return result, nil
	case <-ctx.Done():
		return Result{}, fmt.Errorf("waiting for function %s: %w", name, ctx.Err())
	}
}

// start hands the invocation to an environment.
func (f *function) start(inv *invocation) error {
	for {
		env, err := f.acquire()
		if err != nil {
			return err
		}
		if env.hand(inv) {
			return nil
		}
	}
}

// admit does what the service does before a function runs.
func (h *Host) admit(name string, payload []byte) (*function, Fault, error) {
	h.mu.Lock()
	fn, hook := h.functions[name], h.hook
	h.mu.Unlock()
	if fn == nil {
		return nil, Fault{}, &ServiceError{"ResourceNotFoundException", 404, "Function not found: " + name}
	}
	if len(payload) > maxPayload {
		return nil, Fault{}, &ServiceError{"RequestEntityTooLargeException", 413,
			fmt.Sprintf("%d byte payload is too large for the RequestResponse invocation type (limit %d bytes)", len(payload), maxPayload)}
	}
	if hook == nil {
		return fn, Fault{}, nil
	}
	fault := hook(name, payload)
	if fault == nil {
		return fn, Fault{}, nil
	}
	if fault.Service != nil {
		return nil, Fault{}, fault.Service
	}
	return fn, *fault, nil
}

// Kill ends every environment of the function that is handling an invocation,
// which fails with Runtime.ExitError, and returns how many there were. It does
// not wait, so a fault hook may call it from within the function's own call.
func (h *Host) Kill(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	killed := 0
	if fn := h.functions[name]; fn != nil {
		for env := range fn.environments {
			if env.busy() {
				env.kill()
				killed++
			}
		}
	}
	return killed
}

// Busy says whether a function is handling an invocation, also one that nobody
// waits for any more.
func (h *Host) Busy() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, fn := range h.functions {
		for env := range fn.environments {
			if env.busy() {
				return true
			}
		}
	}
	return false
}

// Recycle ends the function's idle environments, as Lambda does whenever it
// likes: what they remembered is gone, and the next invocation starts a new one.
func (h *Host) Recycle(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fn := h.functions[name]
	if fn == nil {
		return
	}
	for _, env := range fn.idle {
		env.kill()
	}
	fn.idle = nil
}

// Close ends every process and waits until they are gone.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	for _, fn := range h.functions {
		for env := range fn.environments {
			env.kill()
		}
	}
	h.mu.Unlock()
	h.running.Wait()
	return nil
}

var errClosed = errors.New("the Lambda host is closed")

// acquire returns a warm environment, or starts one.
func (f *function) acquire() (*environment, error) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	if f.host.closed {
		return nil, fmt.Errorf("invoking function %s: %w", f.Name, errClosed)
	}
	if n := len(f.idle); n > 0 {
		env := f.idle[n-1]
		f.idle = f.idle[:n-1]
		return env, nil
	}
	env, err := newEnvironment(f)
	if err != nil {
		return nil, fmt.Errorf("starting an environment of function %s: %w", f.Name, err)
	}
	f.environments[env] = true
	f.host.running.Add(1)
	go env.run()
	return env, nil
}

// release makes env available; forget drops it when its process has ended.
func (f *function) release(env *environment) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	f.idle = append(f.idle, env)
}

func (f *function) forget(env *environment) {
	f.host.mu.Lock()
	defer f.host.mu.Unlock()
	delete(f.environments, env)
	for i, idle := range f.idle {
		if idle == env {
			f.idle = append(f.idle[:i], f.idle[i+1:]...)
			break
		}
	}
	f.host.running.Done()
}

// lockedWriter keeps the writes of several processes apart.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

// Write passes p on.
func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}
