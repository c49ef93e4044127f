package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tuneline/tuneline/internal/bench"
	"github.com/tuneline/tuneline/internal/loopback"
	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
)

// instance is one process of a function and the Runtime API it runs under,
// which takes the times.
type instance struct {
	process *exec.Cmd
	server  *http.Server
	stderr  *lines
	// started is when the process was started, asked when it asked for its first
	// event.
	started time.Time
	asked   chan time.Time
	// events are handed to it, answers taken from it, one at a time.
	events  chan []byte
	answers chan answer
	begun   atomic.Pointer[time.Time]
	// ended is closed when the process has ended, with exit.
	ended chan struct{}
	exit  error
}

// answer is how one event was answered.
type answer struct {
	// head are the metadata of a streamed answer, body what came after them, or
	// all of it.
	head, body []byte
	// first and total are the time from handing the event over to the first
	// byte of the body, and to its end.
	first, total time.Duration
	err          error
}

// start starts a process of the function.
func start(ctx context.Context, f runtimeapi.Function) (*instance, error) {
	listener, err := loopback.Listen(ctx, loopback.Any)
	if err != nil {
		return nil, fmt.Errorf("listening for the Runtime API: %w", err)
	}
	i := &instance{
		asked: make(chan time.Time, 1), events: make(chan []byte), answers: make(chan answer, 1), ended: make(chan struct{}),
		stderr: &lines{all: make(chan string, 16)},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", i.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{how}", i.take)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", i.take)
	i.server = loopback.NewServer(mux, 200<<20)
	go func() { _ = i.server.Serve(listener) }()      // always ErrServerClosed, after stop
	i.process = exec.CommandContext(ctx, f.Bootstrap) //nolint:gosec // a binary of this repository
	i.process.Dir = filepath.Dir(f.Bootstrap)
	i.process.Env = f.Environ(listener.Addr().String())
	i.process.Stderr = i.stderr
	i.started = time.Now()
	if err := i.process.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", f.Bootstrap, err), i.server.Close())
	}
	go func() {
		i.exit = i.process.Wait()
		close(i.ended)
	}()
	return i, nil
}

// next hands the next event over.
func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	select {
	case i.asked <- time.Now():
	default: // not the first time
	}
	select {
	case event := <-i.events:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "00000000-0000-4000-8000-000000000000")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
		w.Header().Set("Content-Type", "application/json")
		now := time.Now()
		i.begun.Store(&now)
		_, _ = w.Write(event) // a process that is gone answers nothing
	case <-r.Context().Done():
	}
}

// delimiter ends the metadata of a streamed answer.
var delimiter = make([]byte, 8)

// take takes an answer as it comes.
func (i *instance) take(w http.ResponseWriter, r *http.Request) {
	var a answer
	begun := i.begun.Load()
	if begun == nil { // it failed before it had an event
		begun = &i.started
	}
	streamed := r.Header.Get("Lambda-Runtime-Function-Response-Mode") == "streaming"
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Body.Read(buffer)
		a.body = append(a.body, buffer[:n]...)
		if streamed && a.head == nil {
			if head, body, ok := bytes.Cut(a.body, delimiter); ok {
				a.head, a.body = head, bytes.Clone(body)
			}
		}
		if a.first == 0 && len(a.body) > 0 && (!streamed || a.head != nil) {
			a.first = time.Since(*begun)
		}
		if err != nil {
			break
		}
	}
	a.total = time.Since(*begun)
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" || r.PathValue("how") != "response" {
		a.err = fmt.Errorf("the function failed: %s %.300s", kind, a.body)
	}
	w.WriteHeader(http.StatusAccepted)
	i.answers <- a
}

// ask has one event answered.
func (i *instance) ask(ctx context.Context, event []byte) (answer, error) {
	select {
	case i.events <- event:
	case <-i.ended:
		return answer{}, fmt.Errorf("the process ended: %w", i.exit)
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
	select {
	case a := <-i.answers:
		return a, a.err
	case <-i.ended:
		return answer{}, fmt.Errorf("the process ended: %w", i.exit)
	case <-ctx.Done():
		return answer{}, ctx.Err()
	}
}

// ready waits for the first time the process asks for an event, and returns how
// long it took to.
func (i *instance) ready(ctx context.Context) (time.Duration, error) {
	select {
	case at := <-i.asked:
		return at.Sub(i.started), nil
	case <-i.ended:
		return 0, fmt.Errorf("the process ended: %w", i.exit)
	case a := <-i.answers:
		return 0, a.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// memory returns the most memory the process has had so far, in bytes; 0 where
// the kernel does not tell. What it tells of a process that has ended counts the
// parent's memory too, from before the program was started.
func (i *instance) memory() float64 {
	var kB float64
	_, _ = fmt.Sscanf(bench.Field(fmt.Sprintf("/proc/%d/status", i.process.Process.Pid), "VmHWM"), "%g kB", &kB) // 0 without
	return kB * 1024
}

// stop ends the process.
func (i *instance) stop() error {
	err := i.process.Process.Kill()
	<-i.ended
	return errors.Join(err, i.server.Close())
}

// allocated asks a build that counts what it has allocated so far.
func (i *instance) allocated(ctx context.Context) (objects, size float64, err error) {
	if err := i.process.Process.Signal(syscall.SIGUSR1); err != nil {
		return 0, 0, fmt.Errorf("asking what was allocated: %w", err)
	}
	for {
		select {
		case line := <-i.stderr.all:
			if n, _ := fmt.Sscanf(line, "allocated %g %g", &objects, &size); n == 2 {
				return objects, size, nil
			}
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
	}
}

// lines cuts what is written into lines.
type lines struct {
	rest string
	all  chan string
}

// Write keeps the lines that somebody has room for.
func (l *lines) Write(p []byte) (int, error) {
	l.rest += string(p)
	for {
		line, rest, ok := strings.Cut(l.rest, "\n")
		if !ok {
			return len(p), nil
		}
		l.rest = rest
		select {
		case l.all <- line:
		default:
		}
	}
}

var _ io.Writer = (*lines)(nil)
