package bedrock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
)

// eventStream is the content type of a streamed answer.
const eventStream = "application/vnd.amazon.eventstream"

// event is one event of a streamed answer.
type event struct {
	name string
	body map[string]any
}

// padding is what the member p of events is cut out of. Bedrock pads events so
// that their length does not tell the length of a token.
const padding = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// streamWriter sends the events of one answer as they are generated.
type streamWriter struct {
	d     *Double
	rq    *request
	w     http.ResponseWriter
	rules []StreamFault
	sent  int
}

// writeEvents streams an answer. Nothing of the double is locked meanwhile.
func (d *Double) writeEvents(w http.ResponseWriter, rq *request, events iter.Seq[event]) ending {
	s := &streamWriter{d: d, rq: rq, w: w, rules: d.streamFaults(rq)}
	pace := time.Duration(d.inferenceNow().Pace)
	for e := range events {
		if s.sent > 0 && !pass(rq.hangup, pace) {
			return abandoned
		}
		frame, err := s.frame(e)
		if err != nil {
			d.violate(err)
			return broken
		}
		if fault := s.fault(e.name); fault != nil {
			return s.end(*fault, frame)
		}
		if !s.write(frame) {
			return abandoned
		}
		s.sent++
	}
	if fault := s.fault(""); fault != nil {
		return s.end(*fault, nil)
	}
	return answered
}

// write sends bytes at once; false when the client is gone.
func (s *streamWriter) write(raw []byte) bool {
	if _, err := s.w.Write(raw); err != nil {
		return false
	}
	if http.NewResponseController(s.w).Flush() != nil {
		return false
	}
	if s.rq.began.IsZero() && len(raw) > 0 {
		s.rq.began = time.Now()
	}
	return true
}

// frame checks an event against the API model and frames it.
func (s *streamWriter) frame(e event) ([]byte, error) {
	payload, err := json.Marshal(e.body)
	if err != nil {
		return nil, fmt.Errorf("encoding event %s: %w", e.name, err)
	}
	if err := s.rq.op.CheckEvent(e.name, payload); err != nil {
		return nil, fmt.Errorf("checking event %s: %w", e.name, err)
	}
	e.body["p"] = padding[:1+(7*s.sent)%len(padding)]
	if payload, err = json.Marshal(e.body); err != nil {
		return nil, fmt.Errorf("padding event %s: %w", e.name, err)
	}
	return frame(payload, eventstreamapi.EventMessageType, eventstreamapi.EventTypeHeader, e.name)
}

// frame puts a payload into a message of the event stream encoding.
func frame(payload []byte, messageType, nameHeader, name string) ([]byte, error) {
	framed := eventstream.Message{Payload: payload}
	framed.Headers.Set(eventstreamapi.MessageTypeHeader, eventstream.StringValue(messageType))
	framed.Headers.Set(nameHeader, eventstream.StringValue(name))
	framed.Headers.Set(eventstreamapi.ContentTypeHeader, eventstream.StringValue("application/json"))
	var raw bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&raw, framed); err != nil {
		return nil, fmt.Errorf("framing %s: %w", name, err)
	}
	return raw.Bytes(), nil
}
