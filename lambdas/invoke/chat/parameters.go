package chat

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// Fate says what becomes of a parameter of chat completions.
type Fate string

// The fates of a parameter.
const (
	// Carried parameters reach the model by way of Converse.
	Carried Fate = "carried"
	// Ignored ones change no answer.
	Ignored Fate = "ignored"
	// Refused ones would change the answer, and Converse has no place for them; a
	// value that asks for nothing is accepted.
	Refused Fate = "refused"
)

// Parameter is a member of a chat completion's request.
type Parameter struct {
	Name string
	Fate Fate
	// Nothing are the values, as JSON, that ask for nothing and are accepted
	// beside null.
	Nothing []string
	// Why says why it is ignored, or what to do in place of it.
	Why string
}

// Parameters is every member that OpenAI's chat completions have, by name. What
// is not in it is refused as unknown.
// https://platform.openai.com/docs/api-reference/chat/create
var Parameters = []Parameter{
	{Name: "audio", Fate: Refused, Why: "the models here answer in text"},
	{Name: "frequency_penalty", Fate: Refused, Nothing: []string{"0"}, Why: "Converse has no such penalty"},
	{Name: "function_call", Fate: Refused, Why: "it is deprecated: use tool_choice"},
	{Name: "functions", Fate: Refused, Why: "it is deprecated: use tools"},
	{Name: "logit_bias", Fate: Refused, Nothing: []string{"{}"}, Why: "Converse has no bias of tokens"},
	{Name: "logprobs", Fate: Refused, Nothing: []string{"false"}, Why: "Converse tells no probabilities"},
	{Name: "max_completion_tokens", Fate: Carried},
	{Name: "max_tokens", Fate: Carried},
	{Name: "messages", Fate: Carried},
	{Name: "metadata", Fate: Ignored, Why: "it describes what OpenAI stores"},
	{Name: "modalities", Fate: Refused, Nothing: []string{`["text"]`}, Why: "the models here answer in text"},
	{Name: "model", Fate: Carried},
	{Name: "moderation", Fate: Refused, Why: "it is OpenAI's; a guardrail of the stack does the like"},
	{Name: "n", Fate: Carried},
	{Name: "parallel_tool_calls", Fate: Carried},
	{Name: "prediction", Fate: Refused, Why: "Converse takes no predicted output"},
	{Name: "presence_penalty", Fate: Refused, Nothing: []string{"0"}, Why: "Converse has no such penalty"},
	{Name: "prompt_cache_key", Fate: Ignored, Why: "it is a hint for OpenAI's cache"},
	{Name: "prompt_cache_options", Fate: Ignored, Why: "it is a hint for OpenAI's cache"},
	{Name: "prompt_cache_retention", Fate: Ignored, Why: "it is a hint for OpenAI's cache"},
	{Name: "reasoning_effort", Fate: Refused, Why: "Converse has no such setting"},
	{Name: "response_format", Fate: Refused, Nothing: []string{`{"type":"text"}`}, Why: "ask for JSON in the messages, or make the answer a call of a tool"},
	{Name: "safety_identifier", Fate: Ignored, Why: "it tells OpenAI who the user is"},
	{Name: "seed", Fate: Ignored, Why: "it promises nothing at OpenAI either: any answer that comes without it may come with it"},
	{Name: "service_tier", Fate: Refused, Nothing: []string{`"auto"`, `"default"`}, Why: "there is one tier here"},
	{Name: "stop", Fate: Carried},
	{Name: "store", Fate: Refused, Nothing: []string{"false"}, Why: "nothing is stored here"},
	{Name: "stream", Fate: Carried},
	{Name: "stream_options", Fate: Carried},
	{Name: "temperature", Fate: Carried},
	{Name: "tool_choice", Fate: Carried},
	{Name: "tools", Fate: Carried},
	{Name: "top_logprobs", Fate: Refused, Nothing: []string{"0"}, Why: "Converse tells no probabilities"},
	{Name: "top_p", Fate: Carried},
	{Name: "user", Fate: Ignored, Why: "it tells OpenAI who the user is"},
	{Name: "verbosity", Fate: Refused, Nothing: []string{`"medium"`}, Why: "say in the messages how long an answer is to be"},
	{Name: "web_search_options", Fate: Refused, Why: "the models here search nothing"},
}

// others judges a member of the request that is not carried.
func others(name string, value jsontext.Value) *Error {
	i := slices.IndexFunc(Parameters, func(p Parameter) bool { return p.Name == name })
	switch {
	case i < 0 || Parameters[i].Fate == Carried:
		return unknown("", name)
	case Parameters[i].Fate == Ignored || Parameters[i].nothing(value):
		return nil
	}
	return unsupported(name, "this cannot be carried out, and leaving it out silently would change the answer; %s", Parameters[i].Why)
}

// nothing says whether a value asks for nothing.
func (p Parameter) nothing(value jsontext.Value) bool {
	if value.Kind() == '0' {
		var n float64
		return decode(value, &n, p.Name) == nil && n == 0 && slices.Contains(p.Nothing, "0")
	}
	plain := value.Clone()
	return plain.Compact() == nil && slices.Contains(p.Nothing, string(plain))
}
