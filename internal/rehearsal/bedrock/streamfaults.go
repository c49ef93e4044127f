package bedrock

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"

	"github.com/tuneline/tuneline/internal/rehearsal/awsmodel"
)

// What a stream can end with instead of its last event.
const (
	// BreakReset closes the connection between two events.
	BreakReset = "reset"
	// BreakCut closes it in the middle of an event's frame.
	BreakCut = "cut"
	// BreakStall sends nothing more; the connection stays until the client
	// closes it.
	BreakStall = "stall"
)

// StreamBreak is how a stream ends early: by one of the Break constants, or
// by an exception event.
type StreamBreak struct {
	// How is "reset", "cut" or "stall"; empty for an exception.
	How string `json:"how,omitempty"`
	// Exception is the name of the exception event as the API model has it,
	// for example "throttlingException"; Message is its message.
	Exception string `json:"exception,omitempty"`
	Message   string `json:"message,omitempty"`
}

// StreamFault is a fault of a scenario in the middle of streamed answers.
type StreamFault struct {
	StreamBreak
	// Operation is "ConverseStream" or "InvokeModelWithResponseStream"; empty
	// for both.
	Operation string `json:"operation,omitempty"`
	// ResourceContains, Nth and Times say which answers end so, as they do in
	// ScenarioFault.
	ResourceContains string `json:"resourceContains,omitempty"`
	Nth              int    `json:"nth,omitempty"`
	Times            int    `json:"times,omitempty"`
	// AfterEvents is how many events are sent before; a stream that has fewer
	// ends so after its last.
	AfterEvents int `json:"afterEvents,omitempty"`
}

// StreamPoint is where a streamed answer is: before its event number Sent.
type StreamPoint struct {
	// Operation and ModelID are the request's.
	Operation, ModelID string
	// Sent is how many events were sent.
	Sent int
	// Event is the name of the next event; empty after the last.
	Event string
}

// StreamHook is asked before every event of every stream, and after the last.
// It may wait: the stream goes on when it returns, and ctx ends when the
// client hangs up. What it returns ends the stream; nil lets it go on. It may
// not call the double.
type StreamHook func(ctx context.Context, at StreamPoint) *StreamBreak

// SetStreamHook installs the hook of streamed answers; nil removes it.
func (d *Double) SetStreamHook(h StreamHook) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hook = h
}

// streamOperations are the operations that answer in events.
var streamOperations = []string{opConverseStream, opInvokeStream}

// check refuses a break that would mean nothing, or that an operation's events
// do not have.
func (f StreamFault) check(runtime *awsmodel.Service) error {
	operations := streamOperations
	if f.Operation != "" {
		operations = []string{f.Operation}
	}
	for _, name := range operations {
		if !slices.Contains(streamOperations, name) {
			return fmt.Errorf("scenario: streamFaults.operation is %q, allowed: %q", name, streamOperations)
		}
		if f.Exception == "" {
			continue
		}
		if err := runtime.Operation(name).CheckEvent(f.Exception, []byte(`{"message":"m"}`)); err != nil {
			return fmt.Errorf("scenario: streamFaults.exception: %w", err)
		}
	}
	hows := []string{BreakReset, BreakCut, BreakStall}
	if slices.Contains(hows, f.How) == (f.Exception != "") || (f.How != "" && !slices.Contains(hows, f.How)) {
		return fmt.Errorf("scenario: a stream fault has an exception, or how, which is one of %q", hows)
	}
	return nil
}

// streamFaults are the scenario's faults for this answer, counting the answers
// that each rule applies to.
func (d *Double) streamFaults(rq *request) []StreamFault {
	d.mu.Lock()
	defer d.mu.Unlock()
	var rules []StreamFault
	for i, rule := range d.o.Scenario.StreamFaults {
		applies := rule.Operation == "" || rule.Operation == rq.op.Name
		if !applies || !strings.Contains(rq.str("modelId"), rule.ResourceContains) {
			continue
		}
		key := "stream fault " + strconv.Itoa(i)
		d.served[key]++
		if (ScenarioFault{Nth: rule.Nth, Times: rule.Times}).hits(d.served[key]) {
			rules = append(rules, rule)
		}
	}
	return rules
}

// fault returns how the stream ends before the named event, or after its last
// when the name is empty; nil when it goes on.
func (s *streamWriter) fault(next string) *StreamBreak {
	for _, rule := range s.rules {
		if rule.AfterEvents == s.sent || (next == "" && rule.AfterEvents > s.sent) {
			return &rule.StreamBreak
		}
	}
	s.d.mu.Lock()
	hook := s.d.hook
	s.d.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(s.rq.hangup, StreamPoint{Operation: s.rq.op.Name, ModelID: s.rq.str("modelId"), Sent: s.sent, Event: next})
}

// end breaks the stream off; next is the frame that would have come.
func (s *streamWriter) end(b StreamBreak, next []byte) ending {
	switch {
	case b.Exception != "":
		return s.exception(b)
	case b.How == BreakStall:
		s.write(nil) // so that the client has the answer's headers
		<-s.rq.hangup.Done()
		return abandoned
	case b.How == BreakCut && len(next) > 0:
		s.write(next[:len(next)/2])
	}
	s.rq.reset = true
	return broken
}

// exception ends a stream the way AWS does: with one more message, after
// which the answer is complete as HTTP goes.
func (s *streamWriter) exception(b StreamBreak) ending {
	message := b.Message
	if message == "" {
		message = "The rehearsal ended this stream."
	}
	payload, err := json.Marshal(map[string]string{"message": message})
	if err == nil {
		err = s.rq.op.CheckEvent(b.Exception, payload)
	}
	if err != nil {
		s.d.violate(fmt.Errorf("ending a stream: %w", err))
		return broken
	}
	raw, err := frame(payload, eventstreamapi.ExceptionMessageType, eventstreamapi.ExceptionTypeHeader, b.Exception)
	if err != nil {
		s.d.violate(err)
		return broken
	}
	if !s.write(raw) {
		return abandoned
	}
	return broken
}
