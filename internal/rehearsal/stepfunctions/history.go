package stepfunctions

import (
	"encoding/json"
	"slices"
	"time"
)

// EventType tells what happened in a state.
type EventType string

// What can happen in a state.
const (
	Entered EventType = "entered"
	Exited  EventType = "exited"
	// StateFailed means that one try of a state failed; retried, caught or
	// the execution's end follows.
	StateFailed EventType = "failed"
	Retried     EventType = "retried"
	Caught      EventType = "caught"
)

// Event is one thing that happened in a state of an execution.
type Event struct {
	// Execution is the execution's ARN.
	Execution string
	// Time is virtual time.
	Time  time.Time
	Type  EventType
	State string
	// StateType is the state's Type, for example "Task".
	StateType string
	// Input is set when a state is entered, Output when it is left.
	Input  json.RawMessage
	Output json.RawMessage
	// Error and Cause are set when a try failed.
	Error string
	Cause string
}

// eventTypes maps the interpreter's event names.
var eventTypes = map[string]EventType{
	"StateEntered": Entered,
	"StateExited":  Exited,
	"StateFailed":  StateFailed,
	"StateRetried": Retried,
	"StateCaught":  Caught,
}

// stateEvent takes one of the interpreter's events: history first, then the
// observer, then the limits, so that an observer sees the event that broke one.
func (s *Service) stateEvent(n notice) {
	s.mu.Lock()
	e := s.executions[n.Execution]
	if e.Status != Running {
		s.mu.Unlock()
		return
	}
	event := Event{
		Execution: n.Execution, Time: s.opts.Clock.Now(), Type: eventTypes[n.Event],
		State: n.State, StateType: n.StateType,
		Input: n.Input, Output: n.Output, Error: n.Error, Cause: n.Cause,
	}
	s.recordState(e, event)
	s.mu.Unlock()
	if s.opts.OnEvent != nil {
		s.opts.OnEvent(event)
	}
	if len(event.Output) > maxDataLength {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.end(e, tooLarge(event.State))
	}
}

// historyEvent is a HistoryEvent of the API without its number.
type historyEvent struct {
	time    time.Time
	kind    string
	details details
}

// details is the content of a history event's "...EventDetails".
type details map[string]any

func failureDetails(errorName, cause string) details {
	d := details{}
	if errorName != "" {
		d["error"] = errorName
	}
	if cause != "" {
		d["cause"] = cause
	}
	return d
}

// maxHistory is AWS's quota of events in one execution's history; the event
// that says so is the last of them.
const maxHistory = 25000

// record appends to the history of an execution, which fails when that fills
// the history. s.mu must be held.
func (s *Service) record(e *execution, kind string, d details) {
	if e.Status != Running {
		return
	}
	if len(e.history) == maxHistory-1 {
		s.end(e, end{
			status: Failed, err: "States.Runtime",
			cause: "The execution reached the maximum number of history events (25000).",
		})
		return
	}
	e.append(s.opts.Clock.Now(), kind, d)
}

func (e *execution) append(at time.Time, kind string, d details) {
	e.history = append(e.history, historyEvent{time: at, kind: kind, details: d})
}

// recordState writes an event as AWS has it in the history: a retry shows only
// in the task being scheduled again, and a caught state is left like another.
// s.mu must be held.
func (s *Service) recordState(e *execution, event Event) {
	switch event.Type {
	case Entered:
		e.States = append(e.States, event.State)
		s.record(e, event.StateType+"StateEntered", details{"name": event.State, "input": string(event.Input)})
	case Exited:
		s.record(e, event.StateType+"StateExited", details{"name": event.State, "output": string(event.Output)})
	case StateFailed:
		s.recordTaskFailure(e, event)
	case Retried, Caught:
	}
}

// recordTaskFailure writes how a task failed; a state that failed before its
// task was scheduled, or after it succeeded, leaves nothing.
func (s *Service) recordTaskFailure(e *execution, event Event) {
	if len(e.history) == 0 || !slices.Contains([]string{"TaskStarted", "LambdaFunctionStarted"}, e.history[len(e.history)-1].kind) {
		return
	}
	r, ok := e.machine.resource(event.State)
	if !ok {
		return
	}
	kind := "Failed"
	if event.Error == "States.Timeout" {
		kind = "TimedOut"
	}
	s.record(e, r.historyPrefix()+kind, r.details(failureDetails(event.Error, event.Cause)))
}

// api renders the event as HistoryEvent number id, which starts at 1.
func (h historyEvent) api(id int) map[string]any {
	out := map[string]any{
		"id":              id,
		"previousEventId": id - 1,
		"timestamp":       epochSeconds(h.time),
		"type":            h.kind,
	}
	if len(h.details) > 0 {
		out[detailsName(h.kind)] = h.details
	}
	return out
}

// detailsName is the member of HistoryEvent that holds an event's details: the
// states of every type share two of them.
func detailsName(kind string) string {
	const entered, exited = "StateEntered", "StateExited"
	switch {
	case len(kind) > len(entered) && kind[len(kind)-len(entered):] == entered:
		return "stateEnteredEventDetails"
	case len(kind) > len(exited) && kind[len(kind)-len(exited):] == exited:
		return "stateExitedEventDetails"
	default:
		return string(kind[0]|0x20) + kind[1:] + "EventDetails"
	}
}
