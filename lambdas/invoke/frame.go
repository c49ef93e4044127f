package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
)

// frame is one message of an event stream
// (https://smithy.io/2.0/aws/amazon-eventstream.html).
type frame struct {
	// raw is the message as it came, payload what is in it. Both hold until the
	// next frame is read.
	raw, payload []byte
	// event is the event's type; empty of an exception.
	event string
	// exception is the type of what ends the stream, such as throttlingException.
	exception string
}

// frames reads an event stream frame by frame.
type frames struct {
	in      *bufio.Reader
	decoder *eventstream.Decoder
	raw     bytes.Buffer
	payload []byte
}

func newFrames(stream io.Reader) *frames {
	return &frames{in: bufio.NewReader(stream), decoder: eventstream.NewDecoder()}
}

// next returns the next frame, io.EOF where the stream ends between two, and any
// other error where it breaks off.
func (f *frames) next() (frame, error) {
	f.raw.Reset()
	message, err := f.decoder.Decode(io.TeeReader(f.in, &f.raw), f.payload)
	if errors.Is(err, io.EOF) && f.raw.Len() > 0 {
		return frame{}, io.ErrUnexpectedEOF
	}
	if err != nil {
		return frame{}, err
	}
	if message.Payload != nil {
		f.payload = message.Payload
	}
	next := frame{raw: f.raw.Bytes(), payload: message.Payload}
	switch headerText(message, eventstreamapi.MessageTypeHeader) {
	case eventstreamapi.ExceptionMessageType:
		next.exception = headerText(message, eventstreamapi.ExceptionTypeHeader)
	case eventstreamapi.ErrorMessageType:
		next.exception = headerText(message, eventstreamapi.ErrorCodeHeader)
	default:
		next.event = headerText(message, eventstreamapi.EventTypeHeader)
		return next, nil
	}
	if next.exception == "" {
		next.exception = streamError
	}
	return next, nil
}

// headerText is a header of a frame as text, "" where it has none.
func headerText(message eventstream.Message, name string) string {
	if value := message.Headers.Get(name); value != nil {
		return value.String()
	}
	return ""
}

// exceptionFrame is an exception as the last message of an event stream.
func exceptionFrame(exception, message string) []byte {
	payload, _ := json.Marshal(map[string]string{"message": message}) // strings always encode
	var out bytes.Buffer
	_ = eventstream.NewEncoder().Encode(&out, eventstream.Message{ // a buffer takes all
		Headers: eventstream.Headers{
			{Name: eventstreamapi.MessageTypeHeader, Value: eventstream.StringValue(eventstreamapi.ExceptionMessageType)},
			{Name: eventstreamapi.ExceptionTypeHeader, Value: eventstream.StringValue(exception)},
			{Name: eventstreamapi.ContentTypeHeader, Value: eventstream.StringValue("application/json")},
		},
		Payload: payload,
	})
	return out.Bytes()
}
