package chat

import (
	"math"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Request is a request for a chat completion, as Bedrock takes it.
type Request struct {
	// Model is the model the body names.
	Model string
	// Stream asks for server-sent events.
	Stream bool
	// IncludeUsage asks for the tokens at a stream's end.
	IncludeUsage bool
	// Converse is the JSON body of Converse or ConverseStream.
	Converse []byte
}

// body is what this package knows of a request; Rest is everything else, which
// [Parameters] judges.
type body struct {
	Model               string         `json:"model"`
	Messages            []message      `json:"messages"`
	Stream              bool           `json:"stream"`
	StreamOptions       *streamOptions `json:"stream_options"`
	Tools               []tool         `json:"tools"`
	ToolChoice          jsontext.Value `json:"tool_choice"`
	ParallelToolCalls   *bool          `json:"parallel_tool_calls"`
	MaxTokens           *float64       `json:"max_tokens"`
	MaxCompletionTokens *float64       `json:"max_completion_tokens"`
	Temperature         *float64       `json:"temperature"`
	TopP                *float64       `json:"top_p"`
	Stop                jsontext.Value `json:"stop"`
	N                   *float64       `json:"n"`
	Rest                jsontext.Value `json:",embed"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
	// Padding against who measures the sizes of packets is not sent, asked for or
	// not: it changes no answer.
	IncludeObfuscation *bool          `json:"include_obfuscation"`
	Rest               jsontext.Value `json:",embed"`
}

// Read reads a request's body. Its error is an *[Error] with the status 400.
func Read(text []byte) (Request, error) {
	request, e := read(text)
	if e != nil {
		return Request{}, e
	}
	return request, nil
}

func read(text []byte) (Request, *Error) {
	if e := strict(text, ""); e != nil {
		return Request{}, e
	}
	if jsontext.Value(text).Kind() != '{' {
		return Request{}, invalid("", "the body must be one JSON object")
	}
	var b body
	if e := decode(text, &b, ""); e != nil {
		return Request{}, e
	}
	if b.Model == "" {
		return Request{}, invalid("model", "this is required: it names the model that is asked, as the path does")
	}
	if e := members(b.Rest, others); e != nil {
		return Request{}, e
	}
	usage, e := b.includeUsage()
	if e != nil {
		return Request{}, e
	}
	c, e := b.conversation()
	if e != nil {
		return Request{}, e
	}
	out, err := json.Marshal(c)
	if err != nil {
		return Request{}, &Error{Status: http.StatusBadRequest, Type: typeInvalid, Message: "the request has no form that Converse takes"}
	}
	return Request{Model: b.Model, Stream: b.Stream, IncludeUsage: usage, Converse: out}, nil
}

// includeUsage reads the options of a stream, which only a stream may have.
func (b body) includeUsage() (bool, *Error) {
	switch {
	case b.StreamOptions == nil:
		return false, nil
	case !b.Stream:
		return false, invalid("stream_options", "this is only for requests with stream set to true")
	}
	return b.StreamOptions.IncludeUsage, nothingElse(b.StreamOptions.Rest, "stream_options")
}

// conversation is the request in Converse's terms.
func (b body) conversation() (conversation, *Error) {
	var c conversation
	if b.N != nil && *b.N != 1 {
		return c, unsupported("n", "one answer a request is what Converse gives: leave this out, and ask again for another")
	}
	d, e := dialogOf(b.Messages)
	if e != nil {
		return c, e
	}
	c.Messages, c.System = d.turns, d.system
	if c.Inference, e = b.inference(); e != nil {
		return c, e
	}
	c.Tools, e = b.toolConfig(d.usesTools)
	return c, e
}

// inference reads what steers the answer. What is not there is left to the
// model's own default, which is not OpenAI's.
func (b body) inference() (*inference, *Error) {
	var found inference
	var e *Error
	if found.MaxTokens, e = b.maxTokens(); e != nil {
		return nil, e
	}
	if found.StopSequences, e = stopSequences(b.Stop); e != nil {
		return nil, e
	}
	switch t := b.Temperature; {
	case t != nil && (*t < 0 || *t > 2):
		return nil, invalid("temperature", "this must be between 0 and 2")
	case t != nil && *t > 1:
		return nil, unsupported("temperature", "Bedrock's temperatures end at 1, and what OpenAI does above 1 has no equal there: ask for 1 or less")
	}
	if p := b.TopP; p != nil && (*p < 0 || *p > 1) {
		return nil, invalid("top_p", "this must be between 0 and 1")
	}
	found.Temperature, found.TopP = b.Temperature, b.TopP
	if found.MaxTokens == nil && found.Temperature == nil && found.TopP == nil && found.StopSequences == nil {
		return nil, nil
	}
	return &found, nil
}

// maxTokens reads the bound on the answer, which has two names.
func (b body) maxTokens() (*int, *Error) {
	older, e := positive(b.MaxTokens, "max_tokens")
	if e != nil {
		return nil, e
	}
	newer, e := positive(b.MaxCompletionTokens, "max_completion_tokens")
	switch {
	case e != nil:
		return nil, e
	case newer == nil:
		return older, nil
	case older != nil && *older != *newer:
		return nil, invalid("max_tokens", "this and max_completion_tokens are two names of one bound, and differ: leave one out")
	}
	return newer, nil
}

// positive reads a whole number from 1 to the largest that Converse takes.
func positive(n *float64, at string) (*int, *Error) {
	if n == nil {
		return nil, nil
	}
	if *n < 1 || *n > math.MaxInt32 || *n != math.Trunc(*n) {
		return nil, invalid(at, "this must be a whole number from 1 to %d", math.MaxInt32)
	}
	whole := int(*n)
	return &whole, nil
}

// mostStops is how many stop sequences OpenAI takes.
const mostStops = 4

// stopSequences reads one stop sequence, or a list of them.
func stopSequences(v jsontext.Value) ([]string, *Error) {
	if absent(v) {
		return nil, nil
	}
	const wrong = "this must be a string, or a list of up to %d strings, none of them empty"
	var list []*string
	switch v.Kind() {
	case '"':
		list = make([]*string, 1)
		if e := decode(v, &list[0], "stop"); e != nil {
			return nil, e
		}
	case '[':
		if e := decode(v, &list, "stop"); e != nil {
			return nil, e
		}
	default:
		return nil, invalid("stop", wrong, mostStops)
	}
	if len(list) > mostStops {
		return nil, invalid("stop", wrong, mostStops)
	}
	var stops []string
	for _, s := range list {
		if s == nil || *s == "" {
			return nil, invalid("stop", wrong, mostStops)
		}
		stops = append(stops, *s)
	}
	return stops, nil
}
