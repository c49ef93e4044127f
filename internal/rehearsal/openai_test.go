package rehearsal

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// sdkCall is one call of openai's SDK, by the script in testdata/openai.
type sdkCall struct {
	Name string `json:"name"`
	// Kind is create, stream, accumulate or models.
	Kind   string         `json:"kind"`
	Params map[string]any `json:"params"`
}

// sdkResult is what became of a call.
type sdkResult struct {
	Completion *completion
	Chunks     []chunk
	Models     []struct{ ID string }
	Error      *sdkError
	Attempts   []struct {
		Status     int
		RetryAfter string
		// At is in milliseconds.
		At float64
	}
}

// sdkError is an error as the SDK tells it.
type sdkError struct {
	// Class is the name of the error's class; Known tells that it is an APIError.
	Class                      string
	Known                      bool
	Status                     int
	Code, Type, Param, Message string
	RequestID                  string
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

type toolCall struct {
	Index    int
	ID, Type string
	Function struct{ Name, Arguments string }
}

type completion struct {
	ID, Object, Model string
	Choices           []struct {
		Message struct {
			Role, Content string
			Tools         []toolCall `json:"tool_calls"`
		}
		Reason string `json:"finish_reason"`
	}
	Usage *usage
}

type chunk struct {
	ID, Object, Model string
	Choices           []struct {
		Delta struct {
			Role, Content string
			Tools         []toolCall `json:"tool_calls"`
		}
		Reason string `json:"finish_reason"`
	}
	Usage *usage
}

// withSDK makes calls with openai's SDK, one after the other, and returns what
// became of each by its name.
func (f *fixture) withSDK(t *testing.T, baseURL, key string, maxRetries int, calls ...sdkCall) map[string]sdkResult {
	t.Helper()
	node, err := stepfunctions.FindNode(t.Context(), absRoot())
	if err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(map[string]any{"baseURL": baseURL, "apiKey": key, "maxRetries": maxRetries, "calls": calls})
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), node, "testdata/openai/client.mjs") //nolint:gosec // the pinned Node.js
	run.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	if err != nil {
		t.Fatalf("the script that drives openai's SDK: %v: %s", err, stderr.String())
	}
	var all []struct {
		Name string
		sdkResult
	}
	decode(t, out, &all)
	results := map[string]sdkResult{}
	for _, r := range all {
		results[r.Name] = r.sdkResult
	}
	return results
}

// params are a chat completion's, with one question and more members.
func params(text string, more map[string]any) map[string]any {
	p := map[string]any{"model": "m", "messages": []any{map[string]any{"role": "user", "content": text}}}
	for name, value := range more {
		p[name] = value
	}
	return p
}

// Ensure openai's SDK works with the base URL of a model: whole answers and
// streams, tools, usage, the list of models, and every refusal as the error
// that it knows.
func TestOpenAISDK(t *testing.T) {
	eachDoor(t, func(t *testing.T, d door) {
		t.Run("answers", d.sdkAnswers)
		t.Run("tools", d.sdkTools)
		t.Run("refusals", d.sdkRefusals)
		t.Run("faults of Bedrock", d.sdkFaults)
		t.Run("broken streams", d.sdkBrokenStreams)
	})
}

func (d door) sdkAnswers(t *testing.T) {
	const stop = "; the note"
	got := d.withSDK(t, d.base("m"), d.key, 0,
		sdkCall{"whole", "create", params(question(1), map[string]any{"temperature": 0.2, "top_p": 0.9, "n": 1})},
		sdkCall{"stream", "stream", params(question(2), nil)},
		sdkCall{"stream with usage", "stream", params(question(2), map[string]any{"stream_options": map[string]any{"include_usage": true}})},
		sdkCall{"put together", "accumulate", params(question(3), map[string]any{"stream_options": map[string]any{"include_usage": true}})},
		sdkCall{"few tokens", "create", params(question(1), map[string]any{"max_tokens": 2})},
		sdkCall{"few completion tokens", "create", params(question(1), map[string]any{"max_completion_tokens": 2})},
		sdkCall{"a stop", "create", params(question(1), map[string]any{"stop": stop})},
		sdkCall{"models", "models", nil},
	)
	for name, want := range map[string]struct{ text, reason string }{
		"whole":                 {fact("a", 1), "stop"},
		"put together":          {fact("a", 3), "stop"},
		"few tokens":            {fact("a", 1)[:12], "length"},
		"few completion tokens": {fact("a", 1)[:12], "length"},
		"a stop":                {strings.Split(fact("a", 1), stop)[0], "stop"},
	} {
		checkCompletion(t, name, got[name], want.text, want.reason)
	}
	checkChunks(t, "stream", got["stream"], fact("a", 2), false)
	checkChunks(t, "stream with usage", got["stream with usage"], fact("a", 2), true)
	if models := got["models"].Models; len(models) != 1 || models[0].ID != "m" {
		t.Errorf("the models are %+v, %+v; want m", models, got["models"].Error)
	}
}

// checkCompletion holds a whole answer's members.
func checkCompletion(t *testing.T, name string, got sdkResult, text, reason string) {
	t.Helper()
	c := got.Completion
	if c == nil || len(c.Choices) != 1 || c.Choices[0].Message.Content != text || c.Choices[0].Reason != reason {
		t.Errorf("%s: got %+v, %+v; want %q and %s", name, c, got.Error, text, reason)
		return
	}
	if c.Choices[0].Message.Role != "assistant" || c.Object != "chat.completion" || c.Model != "m" || !strings.HasPrefix(c.ID, "chatcmpl-") {
		t.Errorf("%s: got %+v, want a chat completion of m", name, c)
	}
	if u := c.Usage; u == nil || u.Prompt == 0 || u.Completion == 0 || u.Total != u.Prompt+u.Completion {
		t.Errorf("%s: usage is %+v", name, u)
	}
}

// checkChunks holds a stream's chunks together: one id, the role first, the
// reason once, and usage in a last chunk of its own when it was asked for.
func checkChunks(t *testing.T, name string, got sdkResult, want string, withUsage bool) {
	t.Helper()
	text, reasons, usages := "", "", 0
	for n, c := range got.Chunks {
		if c.ID != got.Chunks[0].ID || c.Object != "chat.completion.chunk" || c.Model != "m" {
			t.Errorf("%s: chunk %d is %+v", name, n, c)
		}
		if c.Usage != nil {
			usages++
			if n != len(got.Chunks)-1 || len(c.Choices) != 0 || c.Usage.Total != c.Usage.Prompt+c.Usage.Completion {
				t.Errorf("%s: chunk %d of %d has the usage %+v", name, n, len(got.Chunks), c.Usage)
			}
		}
		for _, choice := range c.Choices {
			text += choice.Delta.Content
			reasons += choice.Reason
		}
	}
	if got.Error != nil || text != want || reasons != "stop" || (usages == 1) != withUsage || got.Chunks[0].Choices[0].Delta.Role != "assistant" {
		t.Errorf("%s: got %q, reasons %q, %d usages, %+v; want %q", name, text, reasons, usages, got.Error, want)
	}
}

func (d door) sdkTools(t *testing.T) {
	weather := map[string]any{"type": "function", "function": map[string]any{
		"name": "weather", "description": "Tells the weather.",
		"parameters": map[string]any{"type": "object", "required": []string{"place"}, "properties": map[string]any{"place": map[string]any{"type": "string"}}},
	}}
	clock := map[string]any{"type": "function", "function": map[string]any{"name": "clock", "parameters": map[string]any{"type": "object"}}}
	tools := map[string]any{"tools": []any{weather, clock}}
	forced := map[string]any{"tools": []any{weather, clock}, "tool_choice": map[string]any{"type": "function", "function": map[string]any{"name": "clock"}}}
	var conversation map[string]any
	decode(t, []byte(noting(pathChat, "m", "rain, later fog")), &conversation)
	got := d.withSDK(t, d.base("m"), d.key, 0,
		sdkCall{"named", "create", params("Ask `weather` about Bergen", tools)},
		sdkCall{"two, put together", "accumulate", params("Ask `weather` and `clock`", tools)},
		sdkCall{"forced", "create", params("Hello", forced)},
		sdkCall{"required", "create", params("Hello", map[string]any{"tools": []any{clock}, "tool_choice": "required"})},
		sdkCall{"answered", "create", conversation},
		sdkCall{"answered, streamed", "stream", conversation},
	)
	for name, want := range map[string][]string{"named": {"weather"}, "two, put together": {"weather", "clock"}, "forced": {"clock"}, "required": {"clock"}} {
		c := got[name].Completion
		if c == nil || len(c.Choices) != 1 || c.Choices[0].Reason != "tool_calls" {
			t.Errorf("%s: got %+v, %+v; want tool calls", name, c, got[name].Error)
			continue
		}
		var names []string
		for _, call := range c.Choices[0].Message.Tools {
			names = append(names, call.Function.Name)
			if call.ID == "" || call.Type != "function" || !json.Valid([]byte(call.Function.Arguments)) {
				t.Errorf("%s: call %+v", name, call)
			}
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: called %q, want %q", name, names, want)
		}
	}
	if c := got["named"].Completion; c != nil && !strings.Contains(c.Choices[0].Message.Tools[0].Function.Arguments, `Bergen`) {
		t.Errorf("the arguments are %s, want the question's", c.Choices[0].Message.Tools[0].Function.Arguments)
	}
	if c := got["answered"].Completion; c == nil || c.Choices[0].Message.Content != noted("rain, later fog") {
		t.Errorf("a tool's answer: got %+v, %+v", c, got["answered"].Error)
	}
	checkChunks(t, "answered, streamed", got["answered, streamed"], noted("rain, later fog"), false)
}

// checkErrors holds refusals to be the SDK's own classes, with the members that
// OpenAI gives them.
func checkErrors(t *testing.T, got map[string]sdkResult, want map[string]sdkError) {
	t.Helper()
	for name, w := range want {
		e := got[name].Error
		if e == nil || !e.Known || e.Class != w.Class || e.Status != w.Status || (w.Param != "" && e.Param != w.Param) || !strings.Contains(e.Message, w.Message) || e.Type == "" {
			t.Errorf("%s: got %+v, want %+v", name, e, w)
		}
	}
}

func (d door) sdkRefusals(t *testing.T) {
	got := d.withSDK(t, d.base("m"), d.key, 0,
		sdkCall{"two answers", "create", params("?", map[string]any{"n": 2})},
		sdkCall{"two answers, streamed", "stream", params("?", map[string]any{"n": 2})},
		sdkCall{"another model", "create", params("?", map[string]any{"model": "n"})},
		sdkCall{"unknown role", "create", map[string]any{"model": "m", "messages": []any{map[string]any{"role": "robot", "content": "?"}}}},
		sdkCall{"too hot", "create", params("?", map[string]any{"temperature": 9})},
		sdkCall{"too large", "create", params(strings.Repeat("x", 7<<20), nil)},
	)
	checkErrors(t, got, map[string]sdkError{
		"two answers":           {Class: "BadRequestError", Status: http.StatusBadRequest, Param: "n"},
		"two answers, streamed": {Class: "BadRequestError", Status: http.StatusBadRequest, Param: "n"},
		"another model":         {Class: "BadRequestError", Status: http.StatusBadRequest, Param: "model"},
		"unknown role":          {Class: "BadRequestError", Status: http.StatusBadRequest},
		"too hot":               {Class: "BadRequestError", Status: http.StatusBadRequest},
		"too large":             {Class: "APIError", Status: http.StatusRequestEntityTooLarge, Message: "6 MB"},
	})
	unknown := d.withSDK(t, d.base("nobody"), d.key, 0, sdkCall{"unknown model", "create", params("?", map[string]any{"model": "nobody"})}, sdkCall{"its list", "models", nil})
	checkErrors(t, unknown, map[string]sdkError{
		"unknown model": {Class: "NotFoundError", Status: http.StatusNotFound, Message: "nobody"},
		"its list":      {Class: "NotFoundError", Status: http.StatusNotFound},
	})
	stranger := d.stranger.withSDK(t, d.stranger.base("m"), d.stranger.key, 0, sdkCall{"a stranger", "create", params("?", nil)}, sdkCall{"a stranger, streamed", "stream", params("?", nil)})
	checkErrors(t, stranger, map[string]sdkError{
		"a stranger":           {Class: "PermissionDeniedError", Status: http.StatusForbidden},
		"a stranger, streamed": {Class: "PermissionDeniedError", Status: http.StatusForbidden},
	})
	if d.mode == "jwt" {
		nobody := d.withSDK(t, d.base("m"), "no.such.token", 0, sdkCall{"a bad token", "create", params("?", nil)})
		checkErrors(t, nobody, map[string]sdkError{"a bad token": {Class: "AuthenticationError", Status: http.StatusUnauthorized}})
	}
}

// sdkFaults refuses what the function asks of Bedrock. A throttled call is told
// when to come again, and the SDK does so.
func (d door) sdkFaults(t *testing.T) {
	defer d.faulty(nil)
	for name, test := range map[string]struct {
		fault calls.Fault
		want  sdkError
	}{
		"throttled": {throttled, sdkError{Class: "RateLimitError", Status: http.StatusTooManyRequests}},
		"not ready": {notReady, sdkError{Class: "InternalServerError", Status: http.StatusServiceUnavailable}},
		"timed out": {calls.Fault{Status: 408, Code: "ModelTimeoutException", Message: "too slow"}, sdkError{Class: "InternalServerError", Status: http.StatusGatewayTimeout}},
		"failed":    {calls.Fault{Status: 424, Code: "ModelErrorException", Message: "broken"}, sdkError{Class: "InternalServerError", Status: http.StatusBadGateway}},
	} {
		d.faulty(&test.fault)
		got := d.withSDK(t, d.base("m"), d.key, 0, sdkCall{"whole", "create", params("?", nil)}, sdkCall{"stream", "stream", params("?", nil)})
		checkErrors(t, got, map[string]sdkError{"whole": test.want, "stream": test.want})
		if after := got["whole"].Attempts[0].RetryAfter; (after != "") != (name == "throttled" || name == "not ready") {
			t.Errorf("%s: Retry-After is %q", name, after)
		}
	}
	d.comesAgain(t)
}

// comesAgain throttles until the SDK was told so once.
func (d door) comesAgain(t *testing.T) {
	if d.mode != "jwt" {
		return // a signature is for one address, so nothing can watch in between
	}
	var told atomic.Int32
	watch := httptest.NewServer(d.forward(func(status int) {
		if status == http.StatusTooManyRequests {
			told.Add(1)
			d.faulty(nil)
		}
	}))
	defer watch.Close()
	d.faulty(&throttled)
	got := d.withSDK(t, watch.URL+d.stage()+"/model/m/v1", d.key, 2, sdkCall{"again", "create", params(question(4), nil)})["again"]
	if got.Completion == nil || got.Completion.Choices[0].Message.Content != fact("a", 4) || len(got.Attempts) != 2 || told.Load() != 1 {
		t.Fatalf("got %+v, %+v after %+v; want an answer at the second attempt", got.Completion, got.Error, got.Attempts)
	}
	after, err := strconv.ParseFloat(got.Attempts[0].RetryAfter, 64)
	if waited := (got.Attempts[1].At - got.Attempts[0].At) / 1000; err != nil || after <= 0 || waited < after*0.95 {
		t.Errorf("told to come again after %q s (%v), it did after %g s", got.Attempts[0].RetryAfter, err, waited)
	}
}

// sdkBrokenStreams ends streams early: the SDK gives what came, and then an
// error.
func (d door) sdkBrokenStreams(t *testing.T) {
	for name, b := range map[string]bedrock.StreamBreak{
		"throttled": {Exception: "throttlingException", Message: "slow down"},
		"failed":    {Exception: "modelStreamErrorException", Message: "broken"},
		"reset":     {How: bedrock.BreakReset},
		"cut":       {How: bedrock.BreakCut},
	} {
		mend := d.breaking(4, b)
		got := d.withSDK(t, d.base("m"), d.key, 0, sdkCall{"stream", "stream", params(question(5), nil)})["stream"]
		mend()
		text := ""
		for _, c := range got.Chunks {
			for _, choice := range c.Choices {
				text += choice.Delta.Content
			}
		}
		if got.Error == nil || !got.Error.Known || text == "" || text == fact("a", 5) || !strings.HasPrefix(fact("a", 5), text) {
			t.Errorf("%s: got %q and %+v; want the beginning of the answer, then an error of the API", name, text, got.Error)
		}
	}
}
