package runtimeapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// routes are the Runtime API, version 2018-06-01.
func (e *environment) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", e.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", e.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", e.invocationError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", e.initializationError)
	return mux
}

// next gives the process its next event, once there is one. Asking for it is
// what completes the invocation before, so only now does its caller get the
// answer, and the next caller a warm environment.
func (e *environment) next(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	before, warm := e.current, e.ready
	unanswered := warm && before != nil && before.answer == nil
	e.ready = true
	e.mu.Unlock()
	if unanswered {
		reply(w, http.StatusForbidden, "InvalidStateTransition", "the invocation before has no response yet")
		return
	}
	if warm {
		e.complete(before)
	}
	var inv *invocation
	select {
	case inv = <-e.work:
	case <-r.Context().Done():
		return
	case <-e.done:
		return
	}
	if inv.fault.KillBefore {
		e.kill()
		return
	}
	e.begin(inv)
	h := w.Header()
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", e.fn.ARN)
	h.Set("Lambda-Runtime-Trace-Id", inv.trace)
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(inv.payload) // a process that has gone is found out by its end
}

// complete hands the answer of the invocation before to its caller, after the
// environment is there for the next one. An invocation that ran out of time
// meanwhile takes its environment with it.
func (e *environment) complete(before *invocation) {
	e.mu.Lock()
	current := before != nil && e.current == before
	if current {
		e.current = nil
		before.stop()
	}
	e.mu.Unlock()
	if current {
		e.fn.release(e)
		before.finish(*before.answer)
	}
}

// response takes the function's answer, buffered or streamed. A stream that
// broke off says so in its trailers.
func (e *environment) response(w http.ResponseWriter, r *http.Request) {
	switch inv, again := e.beginResponse(r.PathValue("id")); {
	case again:
		refuseID(w)
		return
	case inv != nil:
		e.pass(w, r, inv)
		return
	}
	result := Result{
		ContentType: r.Header.Get("Content-Type"),
		Streamed:    strings.EqualFold(r.Header.Get("Lambda-Runtime-Function-Response-Mode"), "streaming"),
	}
	limit := int64(maxPayload)
	if result.Streamed {
		limit = maxStream
	}
	var err error
	result.Payload, err = io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		e.refuseTooLarge(w, r.PathValue("id"), limit)
		return
	}
	if err != nil {
		return // the process broke off; its end is the answer
	}
	result.addTrailer(r.Trailer)
	e.take(w, r.PathValue("id"), result)
}

// addTrailer turns the result into the error that the runtime reports after a
// stream that broke off ("Implementing response streaming in a custom runtime",
// Lambda Developer Guide).
func (r *Result) addTrailer(trailer http.Header) {
	errorType, body := trailer.Get("Lambda-Runtime-Function-Error-Type"), trailer.Get("Lambda-Runtime-Function-Error-Body")
	if errorType == "" && body == "" {
		return
	}
	r.FunctionError = unhandled
	r.Payload = errorDocument(errorType, "")
	if document, err := base64.StdEncoding.DecodeString(body); err == nil && len(document) > 0 {
		r.Payload = document
	}
}

// maxStream is the limit of a streamed response, in bytes ("Response streaming
// for Lambda functions", Lambda Developer Guide).
const maxStream = 200 << 20

// refuseTooLarge fails the invocation and tells the runtime, which lives on.
func (e *environment) refuseTooLarge(w http.ResponseWriter, id string, limit int64) {
	e.answer(id, failed(id, "Function.ResponseSizeTooLarge",
		fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", limit)))
	reply(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size")
}

// invocationError takes the error a function answered with; its document is
// passed on as it is.
func (e *environment) invocationError(w http.ResponseWriter, r *http.Request) {
	document, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		return // the process broke off; its end is the answer
	}
	e.take(w, r.PathValue("id"), Result{Payload: document, FunctionError: unhandled, ContentType: r.Header.Get("Content-Type")})
}

// initializationError takes the reason why a process will not start to work.
// The waiting invocation gets it when the process has ended.
func (e *environment) initializationError(w http.ResponseWriter, r *http.Request) {
	document, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		return // the process broke off; its end is the answer
	}
	e.mu.Lock()
	e.initError = document
	e.mu.Unlock()
	accept(w)
}

// take notes the answer to the invocation with this id, unless a fault loses
// it. A runtime that answers another invocation, or twice, is told so.
func (e *environment) take(w http.ResponseWriter, id string, result Result) {
	e.mu.Lock()
	lose := e.current != nil && e.current.id == id && e.current.fault.KillAfter
	e.mu.Unlock()
	switch {
	case lose:
		e.kill()
	case e.answer(id, result):
		accept(w)
	default:
		refuseID(w)
	}
}

func refuseID(w http.ResponseWriter) {
	reply(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`) // a process that has gone is found out by its end
}

func reply(w http.ResponseWriter, status int, errorType, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(errorDocument(errorType, message)) // as above
}

func errorDocument(errorType, message string) []byte {
	document, err := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{errorType, message})
	if err != nil {
		panic(fmt.Sprintf("encoding two strings: %v", err))
	}
	return document
}
