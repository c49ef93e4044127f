package awsmodel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
)

// Error is a request the API model refuses, with the AWS error code to answer.
type Error struct {
	// Code is "ValidationException" or, for a body that is not JSON at all,
	// "SerializationException".
	Code string
	// Message says which members are wrong, in AWS's words.
	Message string
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Input is a request's members by name, from wherever they travelled. Numbers
// are json.Number. A blob payload is kept aside as raw bytes.
type Input struct {
	// Members holds every member but a blob payload.
	Members map[string]any
	// Payload is the raw body of an operation whose body is a blob.
	Payload []byte
}

// Decode puts the members into a struct with JSON tags.
func (in Input) Decode(into any) error {
	raw, err := json.Marshal(in.Members)
	if err != nil {
		return fmt.Errorf("encoding the request's members: %w", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("decoding the request's members: %w", err)
	}
	return nil
}

// Parse collects the members of a request from path labels, query, headers
// and body, and checks them against the operation's input shape. The error is
// an *Error.
func (o *Operation) Parse(r *http.Request, labels map[string]string, body []byte) (Input, error) {
	in := Input{Members: map[string]any{}}
	if o.input == nil {
		return in, nil
	}
	if err := o.parseBody(r, body, &in); err != nil {
		return Input{}, err
	}
	var v violations
	o.parseQuery(r.URL.Query(), in.Members, &v)
	for name, m := range o.input.Members {
		switch m.Location {
		case "uri":
			in.Members[name] = labels[m.LocationName]
		case "header":
			if value := r.Header.Get(m.LocationName); value != "" {
				in.Members[name] = value
			}
		}
	}
	o.checkInput(in, &v)
	if text := v.message(); text != "" {
		return Input{}, &Error{Code: "ValidationException", Message: text}
	}
	return in, nil
}

// parseBody reads the JSON body, or keeps a blob payload as it is.
func (o *Operation) parseBody(r *http.Request, body []byte, in *Input) error {
	if o.input.Payload != "" {
		in.Payload = body
		return nil
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &Error{Code: "ValidationException", Message: "The request body must have the content type application/json"}
	}
	members, err := decodeObject(body)
	if err != nil {
		return &Error{Code: "SerializationException", Message: "The request body is not a JSON object"}
	}
	for name, value := range members {
		m := o.input.memberByWireName(name)
		if m != nil && m.Location != "" {
			return &Error{Code: "ValidationException", Message: fmt.Sprintf("Member '%s' does not travel in the body", name)}
		}
		in.Members[name] = value
	}
	return nil
}

// parseQuery takes the query parameters in as members; a parameter that is no
// member is a violation.
func (o *Operation) parseQuery(query url.Values, members map[string]any, v *violations) {
	byParameter := map[string]string{}
	for name, m := range o.input.Members {
		if m.Location == "querystring" {
			byParameter[m.LocationName] = name
		}
	}
	for parameter := range query {
		name, ok := byParameter[parameter]
		if !ok {
			v.add(parameter, "be a query parameter known to the API model")
			continue
		}
		members[name] = queryValue(o.input.Members[name].target, query.Get(parameter))
	}
}

// queryValue turns a parameter's text into the JSON value its shape expects;
// text that does not fit stays a string and fails the check of its type.
func queryValue(s *shape, text string) any {
	switch s.Type {
	case "integer", "long", "float", "double":
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			return json.Number(text)
		}
	case "boolean":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	return text
}

// checkInput checks all members but a blob payload, whose length is checked
// in bytes.
func (o *Operation) checkInput(in Input, v *violations) {
	if o.input.Payload == "" {
		o.input.check("", in.Members, v)
		return
	}
	for _, name := range sortedKeys(in.Members) {
		o.input.Members[name].target.check(name, in.Members[name], v)
	}
	o.input.Members[o.input.Payload].target.checkLength(o.input.Payload, len(in.Payload), v)
}

// CheckOutput checks the JSON body of the double's own answer against the
// operation's output shape. A blob or stream payload is the model's own
// affair and passes; the events of a stream are CheckEvent's.
func (o *Operation) CheckOutput(body []byte) error {
	if o.output == nil || o.output.Payload != "" {
		return nil
	}
	value, err := decodeObject(body)
	if err != nil {
		return fmt.Errorf("reading the answer to %s: %w", o.Name, err)
	}
	var v violations
	o.output.check("", value, &v)
	if text := v.message(); text != "" {
		return fmt.Errorf("answer to %s: %s", o.Name, text)
	}
	return nil
}

// CheckEvent checks one event of an operation that answers with an event
// stream; event is the member's name in the stream's shape.
func (o *Operation) CheckEvent(event string, body []byte) error {
	for _, m := range o.output.Members {
		if !m.target.EventStream {
			continue
		}
		em := m.target.Members[event]
		if em == nil {
			return fmt.Errorf("%s has no event %q", o.Name, event)
		}
		value, err := decodeObject(body)
		if err != nil {
			return fmt.Errorf("reading event %s of %s: %w", event, o.Name, err)
		}
		var v violations
		em.target.check(event, value, &v)
		if text := v.message(); text != "" {
			return fmt.Errorf("event %s of %s: %s", event, o.Name, text)
		}
		return nil
	}
	return fmt.Errorf("%s does not answer with an event stream", o.Name)
}

// decodeObject reads exactly one JSON object, numbers as json.Number.
func decodeObject(raw []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, fmt.Errorf("decoding JSON: %w", err)
	}
	if object == nil {
		return nil, errors.New("decoding JSON: not an object")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("decoding JSON: more than one value")
	}
	return object, nil
}
