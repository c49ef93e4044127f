package stepfunctions

import (
	"encoding/json"
	"fmt"
	"time"
)

// status is one status change to deliver.
type status struct {
	event json.RawMessage
	// done is closed after delivery; nil for RUNNING.
	done chan struct{}
}

// announce queues the event of e's present status and holds time until it is
// delivered. s.mu must be held.
func (s *Service) announce(e *execution) {
	change := status{event: statusEvent(e.Execution, s.opts, s.opts.Clock.Now())}
	if e.Status != Running {
		change.done = e.done
	}
	s.holds++
	s.statuses = append(s.statuses, change)
	select {
	case s.statusWake <- struct{}{}:
	default:
	}
}

// deliverStatuses hands the status changes out, one at a time and in order.
func (s *Service) deliverStatuses() {
	for {
		select {
		case <-s.statusWake:
		case <-s.ended:
			return
		}
		for {
			s.mu.Lock()
			if len(s.statuses) == 0 {
				s.mu.Unlock()
				break
			}
			change := s.statuses[0]
			s.statuses = s.statuses[1:]
			s.mu.Unlock()
			s.deliver(change)
		}
	}
}

func (s *Service) deliver(change status) {
	if s.opts.OnStatus != nil {
		s.opts.OnStatus(change.event)
	}
	if change.done != nil {
		close(change.done)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds--
	s.letTimePass()
}

// maxEventData is how many bytes of escaped input and output the event
// carries, after the developer guide ("Step Functions Execution Status Change"
// events): beyond it the input is left out, and the output when it alone is
// beyond.
const maxEventData = 248 << 10

// statusEvent is EventBridge's "Step Functions Execution Status Change". Of a
// machine that is encrypted with a customer managed key it holds neither input
// and output nor error and cause, after the developer guide ("Data at rest
// encryption"); that they are null then, and not missing, is unverified.
func statusEvent(e Execution, opts Options, now time.Time) json.RawMessage {
	if opts.Encrypted {
		e.Input, e.Output, e.Error, e.Cause = nil, nil, "", ""
	}
	detail := map[string]any{
		"executionArn":           e.ARN,
		"stateMachineArn":        e.MachineARN,
		"stateMachineVersionArn": nil,
		"stateMachineAliasArn":   nil,
		"name":                   e.Name,
		"status":                 e.Status,
		"startDate":              e.Start.UnixMilli(),
		"stopDate":               nil,
		"error":                  nil,
		"cause":                  nil,
	}
	if !e.Stop.IsZero() {
		detail["stopDate"] = e.Stop.UnixMilli()
	}
	if e.Error != "" {
		detail["error"] = e.Error
	}
	if e.Cause != "" {
		detail["cause"] = e.Cause
	}
	input, output := escapedLength(e.Input), escapedLength(e.Output)
	detail["input"], detail["inputDetails"] = eventData(e.Input, input+output <= maxEventData)
	detail["output"], detail["outputDetails"] = eventData(e.Output, output <= maxEventData)
	return mustMarshal(map[string]any{
		"version":     "0",
		"id":          newUUID(),
		"detail-type": "Step Functions Execution Status Change",
		"source":      "aws.states",
		"account":     opts.AccountID,
		"time":        now.UTC().Format(time.RFC3339),
		"region":      opts.Region,
		"resources":   []string{e.ARN},
		"detail":      detail,
	})
}

func eventData(data json.RawMessage, fits bool) (value, valueDetails any) {
	if data == nil {
		return nil, nil
	}
	if !fits {
		return nil, map[string]bool{"included": false}
	}
	return string(data), map[string]bool{"included": true}
}

// escapedLength is how long data are as a JSON string.
func escapedLength(data json.RawMessage) int {
	return len(mustMarshal(string(data)))
}

// mustMarshal encodes values that consist of strings, numbers, maps and JSON
// only.
func mustMarshal(value any) json.RawMessage {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("encoding %T: %v", value, err))
	}
	return raw
}
