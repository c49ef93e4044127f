package runtimeapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
)

// newGate is where a gated stream waits: asked gets a value when the function
// waits, open lets it go on.
func newGate(t *testing.T) (address string, asked <-chan struct{}, open func()) {
	t.Helper()
	arrived, opened := make(chan struct{}, 1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		select {
		case <-opened:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, arrived, func() { close(opened) }
}

func stream(t *testing.T, h *runtimeapi.Host, event string) *runtimeapi.Stream {
	t.Helper()
	s, err := h.InvokeStream(t.Context(), "submit", []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantRead reads exactly as much as want has.
func wantRead(t *testing.T, s io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(s, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v, want %q", got, err, want)
	}
}

// until waits for something that another process does.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: has not happened", what)
		}
	}
}

// Ensure what a function writes arrives while it is still at work, and that the
// end of the stream is the end of the invocation.
func TestHost_InvokeStream(t *testing.T) {
	h, _ := newHost(t)
	pid := describe(t, h, `{"do":"describe"}`).PID
	address, asked, open := newGate(t)
	s := stream(t, h, `{"do":"gated","gate":"`+address+`"}`)
	wantRead(t, s, "one ")
	<-asked // it waits for us, and the first chunk is here
	if !h.Busy() {
		t.Error("the function is not at work any more")
	}
	open()
	rest, err := io.ReadAll(s)
	if err != nil || string(rest) != "two" {
		t.Errorf("read %q, %v, want \"two\"", rest, err)
	}
	if s.ContentType != "application/octet-stream" || s.RequestID == "" {
		t.Errorf("content type %q, request %q", s.ContentType, s.RequestID)
	}
	if again := describe(t, h, `{"do":"describe"}`); again.PID != pid || again.Invocations != 3 {
		t.Errorf("the next invocation is the %d. of process %d, want the 3. of %d", again.Invocations, again.PID, pid)
	}
}

// Ensure each way to break off reaches the reader after what came before it.
func TestHost_InvokeStream_Ends(t *testing.T) {
	for name, tc := range map[string]struct {
		event, read, errorType string
	}{
		"complete":          {`{"do":"stream"}`, "one two", ""},
		"buffered":          {`{"do":"bytes"}`, "raw", ""},
		"error in trailers": {`{"do":"broken stream"}`, "one ", "errorString"},
		"error before":      {`{"do":"typed"}`, "", "DataSetRejected"},
		"panic before":      {`{"do":"panic"}`, "", "string"},
		"exit before":       {`{"do":"exit"}`, "", "Runtime.ExitError"},
		"too large":         {`{"do":"flood"}`, "", "Function.ResponseSizeTooLarge"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := newHost(t, func(f *runtimeapi.Function) { f.Timeout = time.Minute })
			s := stream(t, h, tc.event)
			got, err := io.ReadAll(s)
			if name == "too large" {
				if len(got) != 200<<20 {
					t.Errorf("read %d bytes, want 200 MiB", len(got))
				}
				got = nil
			}
			if string(got) != tc.read {
				t.Errorf("read %q, want %q", got, tc.read)
			}
			wantFunctionError(t, err, tc.errorType)
		})
	}
}

func wantFunctionError(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("got %v, want a complete response", err)
		}
		return
	}
	var broke *runtimeapi.FunctionError
	if !errors.As(err, &broke) {
		t.Fatalf("got %v, want a FunctionError", err)
	}
	if broke.Type != want || broke.Result.FunctionError != "Unhandled" || !strings.Contains(err.Error(), broke.Result.RequestID) {
		t.Errorf("got %v with %+v, want %s", err, broke.Result, want)
	}
}

// Ensure a process that ends in the middle of its response breaks the stream.
func TestHost_InvokeStream_ProcessEnds(t *testing.T) {
	for name, tc := range map[string]struct {
		do, errorType string
		kill          bool
	}{
		"exits":     {"gated exit", "Runtime.ExitError", false},
		"fails":     {"gated failure", "errorString", false},
		"is killed": {"gated", "Runtime.ExitError", true},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := newHost(t)
			address, asked, open := newGate(t)
			s := stream(t, h, `{"do":"`+tc.do+`","gate":"`+address+`"}`)
			wantRead(t, s, "one ")
			<-asked
			if tc.kill {
				h.Kill("submit")
			} else {
				open()
			}
			_, err := io.ReadAll(s)
			wantFunctionError(t, err, tc.errorType)
		})
	}
}

// Ensure the function's time counts until its stream is complete.
func TestHost_InvokeStream_Timeout(t *testing.T) {
	t.Parallel()
	h, _ := newHost(t, func(f *runtimeapi.Function) { f.Timeout = 2 * time.Second })
	address, _, _ := newGate(t)
	s := stream(t, h, `{"do":"gated","gate":"`+address+`"}`)
	wantRead(t, s, "one ")
	_, err := io.ReadAll(s)
	wantFunctionError(t, err, "Sandbox.Timedout")
}

// Ensure a reader that does not read holds the function up: its time is over
// before it has written what no buffer on the way could hold.
func TestHost_InvokeStream_SlowReader(t *testing.T) {
	t.Parallel()
	h, out := newHost(t, func(f *runtimeapi.Function) { f.Timeout = 500 * time.Millisecond })
	s := stream(t, h, `{"do":"flood"}`)
	until(t, "the time is over", func() bool { return !h.Busy() })
	_, err := io.ReadAll(s)
	wantFunctionError(t, err, "Sandbox.Timedout")
	if written := strings.Count(out.String(), "MiB"); written > 64 {
		t.Errorf("the function wrote %d MiB to a reader that did not read", written)
	}
}

// Ensure a reader that leaves is not noticed by the function, which writes to
// its end and is there for the next invocation.
func TestHost_InvokeStream_ReaderLeaves(t *testing.T) {
	h, out := newHost(t, func(f *runtimeapi.Function) { f.Timeout = time.Minute })
	s := stream(t, h, `{"do":"flood"}`)
	if _, err := io.CopyN(io.Discard, s, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want a closed pipe", err)
	}
	until(t, "the function has written all it may", func() bool { return strings.Count(out.String(), "MiB") >= 199 })
	until(t, "the invocation is over", func() bool { return !h.Busy() })
}

// Ensure Close ends a Read that waits, and nothing else.
func TestHost_InvokeStream_CloseDuringRead(t *testing.T) {
	h, _ := newHost(t)
	pid := describe(t, h, `{"do":"describe"}`).PID
	address, asked, open := newGate(t)
	s := stream(t, h, `{"do":"gated","gate":"`+address+`"}`)
	wantRead(t, s, "one ")
	<-asked
	read := make(chan error)
	go func() {
		_, err := s.Read(make([]byte, 1))
		read <- err
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-read; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v, want a closed pipe", err)
	}
	if !h.Busy() {
		t.Error("the function was stopped")
	}
	open()
	until(t, "the invocation is over", func() bool { return !h.Busy() })
	if again := describe(t, h, `{"do":"describe"}`); again.PID != pid {
		t.Errorf("the next invocation is in process %d, want %d", again.PID, pid)
	}
}

// Ensure a caller that gives up before the response begins leaves the function
// alone, too.
func TestHost_InvokeStream_CallerLeaves(t *testing.T) {
	h, _ := newHost(t)
	pid := describe(t, h, `{"do":"describe"}`).PID
	address, asked, open := newGate(t)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := h.InvokeStream(ctx, "submit", []byte(`{"do":"gated answer","gate":"`+address+`"}`))
		left <- err
	}()
	<-asked
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancellation", err)
	}
	open()
	until(t, "the invocation is over", func() bool { return !h.Busy() })
	if again := describe(t, h, `{"do":"describe"}`); again.PID != pid || again.Invocations != 3 {
		t.Errorf("the next invocation is the %d. of process %d, want the 3. of %d", again.Invocations, again.PID, pid)
	}
}

// Ensure a scenario's faults hit streams as they hit other invocations.
func TestHost_InvokeStream_Faults(t *testing.T) {
	h, _ := newHost(t)
	var fault *runtimeapi.Fault
	h.SetHook(func(string, []byte) *runtimeapi.Fault { return fault })
	fault = &runtimeapi.Fault{Service: &runtimeapi.ServiceError{Code: "TooManyRequestsException", Status: 429}}
	_, err := h.InvokeStream(t.Context(), "submit", []byte(`{"do":"stream"}`))
	if refused := (*runtimeapi.ServiceError)(nil); !errors.As(err, &refused) || refused.Status != http.StatusTooManyRequests {
		t.Errorf("got %v, want 429", err)
	}
	for read, kill := range map[string]*runtimeapi.Fault{"": {KillBefore: true}, "one two": {KillAfter: true}} {
		fault = kill
		got, err := io.ReadAll(stream(t, h, `{"do":"stream"}`))
		if string(got) != read {
			t.Errorf("%+v: read %q, want %q", fault, got, read)
		}
		wantFunctionError(t, err, "Runtime.ExitError")
	}
	if _, err := h.InvokeStream(t.Context(), "other", nil); err == nil || !strings.HasPrefix(err.Error(), "ResourceNotFoundException") {
		t.Errorf("an unknown function: got %v", err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.InvokeStream(t.Context(), "submit", nil); err == nil {
		t.Error("a closed host runs functions")
	}
}
