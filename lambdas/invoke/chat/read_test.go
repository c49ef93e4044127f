package chat

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/rehearsal/awsmodel"
)

// hello is the shortest conversation.
const hello = `"messages":[{"role":"user","content":"hi"}]`

// helloTurn is what it is in Converse.
const helloTurn = `"messages":[{"role":"user","content":[{"text":"hi"}]}]`

// weather is a tool.
const weather = `{"type":"function","function":{"name":"weather","description":"of a place","parameters":{"type":"object","properties":{"place":{"type":"string"}}}}}`

// weatherSpec is what it is in Converse.
const weatherSpec = `{"toolSpec":{"name":"weather","description":"of a place","inputSchema":{"json":{"type":"object","properties":{"place":{"type":"string"}}}}}}`

// called is a conversation with a call of the tool.
const called = `{"role":"user","content":"weather?"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"weather","arguments":"{\"place\":\"Ulm\"}"}}]}`

const calledTurns = `{"role":"user","content":[{"text":"weather?"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"a","name":"weather","input":{"place":"Ulm"}}}]}`

// readable are requests, without the model, and the bodies of Converse they are.
var readable = map[string]struct{ request, converse string }{
	"one message": {hello, `{` + helloTurn + `}`},
	"instructions of both names": {
		`"messages":[{"role":"system","content":"Be brief."},{"role":"developer","content":[{"type":"text","text":"In German."},{"type":"text","text":" "}]},{"role":"user","content":"hi"}]`,
		`{` + helloTurn + `,"system":[{"text":"Be brief."},{"text":"In German."}]}`},
	"a blank instruction says nothing": {
		`"messages":[{"role":"system","content":""},{"role":"user","content":"hi"}]`, `{` + helloTurn + `}`},
	"neighbours of one role become one turn": {
		`"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"c"},{"role":"assistant","content":"d"},{"role":"user","content":"e"}]`,
		`{"messages":[{"role":"user","content":[{"text":"a"},{"text":"b"}]},{"role":"assistant","content":[{"text":"c"},{"text":"d"}]},{"role":"user","content":[{"text":"e"}]}]}`},
	"parts and images": {
		`"messages":[{"role":"user","content":[{"type":"text","text":"what is it?"},{"type":"text","text":""},{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk=","detail":"auto"}},{"type":"image_url","image_url":{"url":"DATA:image/JPG;base64,aGk="},"prompt_cache_breakpoint":{"mode":"explicit"}}]}]`,
		`{"messages":[{"role":"user","content":[{"text":"what is it?"},{"image":{"format":"png","source":{"bytes":"aGk="}}},{"image":{"format":"jpeg","source":{"bytes":"aGk="}}}]}]}`},
	"white space is kept, and so is every letter": {
		`"messages":[{"role":"user","content":"  grüße\n<b>\u2028😀\\ "}]`,
		`{"messages":[{"role":"user","content":[{"text":"  grüße\n<b>\u2028😀\\ "}]}]}`},
	"an answer sent back as a client holds it": {
		`"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","refusal":null,"annotations":[],"audio":null,"function_call":null,"tool_calls":null},{"role":"user","content":"c"}]`,
		`{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"}]},{"role":"user","content":[{"text":"c"}]}]}`},
	"a refusal is what the assistant said": {
		`"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"refusal":"no"},{"role":"user","content":"b"},{"role":"assistant","content":[{"type":"refusal","refusal":"still no"}]},{"role":"user","content":"c"}]`,
		`{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"no"}]},{"role":"user","content":[{"text":"b"}]},{"role":"assistant","content":[{"text":"still no"}]},{"role":"user","content":[{"text":"c"}]}]}`},
	"what steers the answer": {
		hello + `,"max_tokens":7,"temperature":0.25,"top_p":0.5,"stop":["a","b"]`,
		`{` + helloTurn + `,"inferenceConfig":{"maxTokens":7,"temperature":0.25,"topP":0.5,"stopSequences":["a","b"]}}`},
	"zero is not nothing": {hello + `,"temperature":0,"top_p":0`, `{` + helloTurn + `,"inferenceConfig":{"temperature":0,"topP":0}}`},
	"the newer name":      {hello + `,"max_completion_tokens":7.0,"stop":"a"`, `{` + helloTurn + `,"inferenceConfig":{"maxTokens":7,"stopSequences":["a"]}}`},
	"both names agree":    {hello + `,"max_completion_tokens":7,"max_tokens":7,"stop":[]`, `{` + helloTurn + `,"inferenceConfig":{"maxTokens":7}}`},
	"what asks for nothing": {
		hello + `,"n":1,"logprobs":false,"top_logprobs":0,"frequency_penalty":0.0,"presence_penalty":0,"logit_bias":{ },"response_format":{ "type" : "text" },"modalities":["text"],"verbosity":"medium","store":false,"service_tier":"auto","parallel_tool_calls":true,"tools":[],"tool_choice":"auto"`,
		`{` + helloTurn + `}`},
	"null is nothing": {
		hello + `,"stream":null,"stream_options":null,"max_tokens":null,"temperature":null,"stop":null,"n":null,"tools":null,"tool_choice":null,"logprobs":null,"reasoning_effort":null,"functions":null,"prediction":null,"no such thing":null`,
		`{` + helloTurn + `}`},
	"what is ignored": {
		hello + `,"user":"u","safety_identifier":"s","metadata":{"a":"b"},"seed":7,"prompt_cache_key":"k","prompt_cache_retention":"24h","prompt_cache_options":{"mode":"explicit"}`,
		`{` + helloTurn + `}`},
	"tools": {
		hello + `,"tools":[` + weather + `,{"type":"function","function":{"name":"now","strict":true,"description":""}}]`,
		`{` + helloTurn + `,"toolConfig":{"tools":[` + weatherSpec + `,{"toolSpec":{"name":"now","inputSchema":{"json":{"type":"object","properties":{}}},"strict":true}}]}}`},
	"any tool":        {hello + `,"tools":[` + weather + `],"tool_choice":"required"`, `{` + helloTurn + `,"toolConfig":{"tools":[` + weatherSpec + `],"toolChoice":{"any":{}}}}`},
	"the model's own": {hello + `,"tools":[` + weather + `],"tool_choice":"auto"`, `{` + helloTurn + `,"toolConfig":{"tools":[` + weatherSpec + `],"toolChoice":{"auto":{}}}}`},
	"one tool": {hello + `,"tools":[` + weather + `],"tool_choice":{"type":"function","function":{"name":"weather"}}`,
		`{` + helloTurn + `,"toolConfig":{"tools":[` + weatherSpec + `],"toolChoice":{"tool":{"name":"weather"}}}}`},
	"no tool": {hello + `,"tools":[` + weather + `],"tool_choice":"none"`, `{` + helloTurn + `}`},
	"a call and its result": {
		`"messages":[` + called + `,{"role":"tool","tool_call_id":"a","name":"weather","content":"rain"}],"tools":[` + weather + `]`,
		`{"messages":[` + calledTurns + `,{"role":"user","content":[{"toolResult":{"toolUseId":"a","content":[{"text":"rain"}]}}]}],"toolConfig":{"tools":[` + weatherSpec + `]}}`},
	"results of several calls and what the user says after are one turn": {
		`"messages":[{"role":"user","content":"weather?"},{"role":"assistant","content":"I look.","tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"weather","arguments":""}},{"id":"b.:-_","type":"function","function":{"name":"weather","arguments":" {\"n\":1.50, \"place\":\"Ulm\"}"}}]},` +
			`{"role":"tool","tool_call_id":"b.:-_","content":[{"type":"text","text":"sun"},{"type":"text","text":"shine"}]},{"role":"tool","tool_call_id":"a","content":"rain"},{"role":"user","content":"and?"}],"tools":[` + weather + `]`,
		`{"messages":[{"role":"user","content":[{"text":"weather?"}]},{"role":"assistant","content":[{"text":"I look."},{"toolUse":{"toolUseId":"a","name":"weather","input":{}}},{"toolUse":{"toolUseId":"b.:-_","name":"weather","input":{"n":1.50,"place":"Ulm"}}}]},` +
			`{"role":"user","content":[{"toolResult":{"toolUseId":"b.:-_","content":[{"text":"sun"},{"text":"shine"}]}},{"toolResult":{"toolUseId":"a","content":[{"text":"rain"}]}},{"text":"and?"}]}],"toolConfig":{"tools":[` + weatherSpec + `]}}`},
}

func TestRead(t *testing.T) {
	for name, test := range readable {
		t.Run(name, func(t *testing.T) {
			got, err := Read([]byte(`{"model":"m",` + test.request + `}`))
			if err != nil {
				t.Fatal(err)
			}
			if got.Model != "m" || got.Stream || got.IncludeUsage {
				t.Errorf("got model %q, stream %v, usage %v", got.Model, got.Stream, got.IncludeUsage)
			}
			if !reflect.DeepEqual(value(t, got.Converse), value(t, []byte(test.converse))) {
				t.Errorf("got\n%s\nwant\n%s", got.Converse, test.converse)
			}
			conforms(t, got.Converse)
		})
	}
}

// TestReadStream: what a stream is asked for.
func TestReadStream(t *testing.T) {
	for text, want := range map[string][2]bool{
		`"stream":false`:                    {false, false},
		`"stream":true`:                     {true, false},
		`"stream":true,"stream_options":{}`: {true, false},
		`"stream":true,"stream_options":{"include_usage":false}`:                            {true, false},
		`"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}`: {true, true},
	} {
		got, err := Read([]byte(`{"model":"m",` + hello + `,` + text + `}`))
		if err != nil || got.Stream != want[0] || got.IncludeUsage != want[1] || string(got.Converse) != `{`+helloTurn+`}` {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
}

// value is JSON with its numbers as they are written.
func value(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// converse is AWS's own description of the operation.
var converse = func() *awsmodel.Operation {
	_, runtime, err := awsmodel.Load()
	if err != nil {
		panic(err)
	}
	return runtime.Operation("Converse")
}()

// conforms holds a body against AWS's description of Converse, and against what
// its documentation says beyond that: turns alternate from the user's, and no
// text is blank.
func conforms(t *testing.T, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if _, err := converse.Parse(request, map[string]string{"modelId": "m"}, body); err != nil {
		t.Errorf("Converse refuses %s: %v", body, err)
	}
	var c conversation
	if err := json.Unmarshal(body, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Messages) == 0 {
		t.Errorf("no messages in %s", body)
	}
	for i, m := range c.Messages {
		if want := []string{roleUser, roleAssistant}[i%2]; m.Role != want || len(m.Content) == 0 {
			t.Errorf("message %d is of %s with %d blocks in %s", i, m.Role, len(m.Content), body)
		}
		for _, b := range append(slices.Clone(m.Content), c.System...) {
			if b.Text != nil && strings.TrimSpace(*b.Text) == "" {
				t.Errorf("a blank text in %s", body)
			}
			if b.ToolResult != nil && len(b.ToolResult.Content) == 0 {
				t.Errorf("an empty result in %s", body)
			}
		}
	}
}

// refused are requests that are not carried out, without the model where it is
// not the point, by the member that is named and what is said.
var refused = map[string]struct{ request, param, says string }{
	"nothing":                 {"", "", "empty"},
	"no JSON":                 {"hello", "", "byte 0"},
	"broken off":              {`{"model":"m",`, "", "JSON"},
	"more after it":           {`{"model":"m",` + hello + `}{}`, "", "one JSON value"},
	"no object":               {`[]`, "", "one JSON object"},
	"null":                    {`null`, "", "one JSON object"},
	"a name twice":            {`{"model":"m","model":"n"}`, "model", "more than once"},
	"a name twice, deep":      {`{"messages":[{"role":"user","role":"user"}]}`, "messages[0].role", "more than once"},
	"no UTF-8":                {"{\"model\":\"m\xff\"}", "", "UTF-8"},
	"half a surrogate":        {`{"model":"\ud800"}`, "", "UTF-8"},
	"deep":                    {`{"a":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}`, "", "deep"},
	"no model":                {`{` + hello + `}`, "model", "required"},
	"model is no string":      {`{"model":1,` + hello + `}`, "model", "a string"},
	"another spelling":        {`{"Model":"m",` + hello + `}`, "model", "required"},
	"no messages":             {`{"model":"m"}`, "messages", "required"},
	"empty messages":          {`{"model":"m","messages":[]}`, "messages", "required"},
	"messages are no list":    {`{"model":"m","messages":{}}`, "messages", "a list"},
	"a message is no object":  {`{"model":"m","messages":["hi"]}`, "messages[0]", "an object"},
	"a message is null":       {`{"model":"m","messages":[null]}`, "messages[0].role", "user"},
	"only instructions":       {`"messages":[{"role":"system","content":"a"}]`, "messages", "user"},
	"begins with the answer":  {`"messages":[{"role":"assistant","content":"a"}]`, "messages[0]", "begin"},
	"late instructions":       {`"messages":[{"role":"user","content":"a"},{"role":"system","content":"b"}]`, "messages[1]", "before"},
	"unknown role":            {`"messages":[{"role":"bot","content":"a"}]`, "messages[0].role", "assistant"},
	"role function":           {`"messages":[{"role":"function","name":"f","content":"a"}]`, "messages[0].name", "names"},
	"role function, no name":  {`"messages":[{"role":"function","content":"a"}]`, "messages[0].role", "deprecated"},
	"name":                    {`"messages":[{"role":"user","name":"bob","content":"a"}]`, "messages[0].name", "participants"},
	"unknown in a message":    {`"messages":[{"role":"user","content":"a","weight":1}]`, "messages[0].weight", "no such"},
	"blank content":           {`"messages":[{"role":"user","content":" \n"}]`, "messages[0].content", "blank"},
	"no content":              {`"messages":[{"role":"user"}]`, "messages[0].content", "blank"},
	"blank answer":            {`"messages":[{"role":"user","content":"a"},{"role":"assistant","content":""}]`, "messages[1].content", "blank"},
	"content is a number":     {`"messages":[{"role":"user","content":1}]`, "messages[0].content", "list of parts"},
	"a part is a string":      {`"messages":[{"role":"user","content":["a"]}]`, "messages[0].content[0]", "an object"},
	"an unknown part":         {`"messages":[{"role":"user","content":[{"type":"video"}]}]`, "messages[0].content[0].type", "image_url"},
	"unknown in a part":       {`"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{}}]}]`, "messages[0].content[0].cache_control", "no such"},
	"audio":                   {`"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]`, "messages[0].content[0]", "converse"},
	"a file":                  {`"messages":[{"role":"user","content":[{"type":"file","file":{}}]}]`, "messages[0].content[0]", "converse"},
	"an image elsewhere":      {image1(`"url":"https://example.com/a.png"`), "messages[0].content[0].image_url.url", "not fetched"},
	"an image of this place":  {image1(`"url":"http://169.254.169.254/"`), "messages[0].content[0].image_url.url", "not fetched"},
	"no image's type":         {image1(`"url":"data:image/svg+xml;base64,aGk="`), "messages[0].content[0].image_url.url", "png"},
	"no base64":               {image1(`"url":"data:image/png,hi"`), "messages[0].content[0].image_url.url", "base64"},
	"broken base64":           {image1(`"url":"data:image/png;base64,aGk"`), "messages[0].content[0].image_url.url", "padding"},
	"base64 in lines":         {image1(`"url":"data:image/png;base64,aG\nk="`), "messages[0].content[0].image_url.url", "padding"},
	"an empty image":          {image1(`"url":"data:image/png;base64,"`), "messages[0].content[0].image_url.url", "base64"},
	"low detail":              {image1(`"url":"data:image/png;base64,aGk=","detail":"low"`), "messages[0].content[0].image_url.detail", "smaller"},
	"an image's unknown":      {image1(`"url":"data:image/png;base64,aGk=","size":1`), "messages[0].content[0].image_url.size", "no such"},
	"the assistant's image":   {`"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}]}]`, "messages[1].content[0]", "user"},
	"the user's refusal":      {`"messages":[{"role":"user","content":[{"type":"refusal","refusal":"no"}]}]`, "messages[0].content[0]", "assistant"},
	"the user's calls":        {`"messages":[{"role":"user","content":"a","tool_calls":[{}]}]`, "messages[0]", "assistant"},
	"the user's call id":      {`"messages":[{"role":"user","content":"a","tool_call_id":"b"}]`, "messages[0].tool_call_id", "tool"},
	"function_call":           {`"messages":[{"role":"user","content":"a"},{"role":"assistant","function_call":{}}]`, "messages[1].function_call", "tool_calls"},
	"spoken answer":           {`"messages":[{"role":"user","content":"a"},{"role":"assistant","audio":{"id":"x"}}]`, "messages[1].audio", "text"},
	"call without result":     {`"messages":[` + called + `],"tools":[` + weather + `]`, "messages", "missing is the one for a"},
	"speaking before it":      {`"messages":[` + called + `,{"role":"user","content":"b"}],"tools":[` + weather + `]`, "messages[2]", "followed"},
	"result of no call":       {`"messages":[{"role":"user","content":"a"},{"role":"tool","tool_call_id":"a","content":"b"}]`, "messages[1].tool_call_id", "call"},
	"result twice":            {`"messages":[` + called + `,{"role":"tool","tool_call_id":"a","content":"b"},{"role":"tool","tool_call_id":"a","content":"b"}],"tools":[` + weather + `]`, "messages[3].tool_call_id", "once"},
	"empty result":            {`"messages":[` + called + `,{"role":"tool","tool_call_id":"a","content":""}],"tools":[` + weather + `]`, "messages[2].content", "say in words"},
	"calls without tools":     {`"messages":[` + called + `,{"role":"tool","tool_call_id":"a","content":"b"}]`, "tools", "with them"},
	"calls and none":          {`"messages":[` + called + `,{"role":"tool","tool_call_id":"a","content":"b"}],"tool_choice":"none","tools":[` + weather + `]`, "tool_choice", "forbid"},
	"two calls, one id":       {call1(`"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}`), "messages[1].tool_calls[1].id", "one id"},
	"arguments no object":     {call1(`"id":"a","type":"function","function":{"name":"f","arguments":"[]"}`), "messages[1].tool_calls[0].function.arguments", "object"},
	"arguments no JSON":       {call1(`"id":"a","type":"function","function":{"name":"f","arguments":"{"}`), "messages[1].tool_calls[0].function.arguments", "JSON"},
	"arguments deep":          {call1(`"id":"a","type":"function","function":{"name":"f","arguments":"` + strings.Repeat("[", 200) + `"}`), "messages[1].tool_calls[0].function.arguments", "deep"},
	"a call's odd id":         {call1(`"id":"a b","type":"function","function":{"name":"f","arguments":"{}"}`), "messages[1].tool_calls[0].id", "letters"},
	"a call's long id":        {call1(`"id":"` + strings.Repeat("a", 65) + `","type":"function","function":{"name":"f","arguments":"{}"}`), "messages[1].tool_calls[0].id", "64"},
	"a call's odd name":       {call1(`"id":"a","type":"function","function":{"name":"","arguments":"{}"}`), "messages[1].tool_calls[0].function.name", "letters"},
	"a custom call":           {call1(`"id":"a","type":"custom","custom":{}`), "messages[1].tool_calls[0].type", "function"},
	"a call's unknown":        {call1(`"id":"a","type":"function","function":{"name":"f","arguments":"{}","x":1}`), "messages[1].tool_calls[0].function.x", "no such"},
	"a custom tool":           {hello + `,"tools":[{"type":"custom","custom":{"name":"a"}}]`, "tools[0].type", "function"},
	"a tool without function": {hello + `,"tools":[{"type":"function"}]`, "tools[0].type", "function"},
	"a tool's odd name":       {hello + `,"tools":[{"type":"function","function":{"name":"a b"}}]`, "tools[0].function.name", "letters"},
	"a tool's schema":         {hello + `,"tools":[{"type":"function","function":{"name":"a","parameters":true}}]`, "tools[0].function.parameters", "Schema"},
	"a tool's unknown":        {hello + `,"tools":[{"type":"function","function":{"name":"a","x":1}}]`, "tools[0].function.x", "no such"},
	"tools of one name":       {hello + `,"tools":[` + weather + `,` + weather + `]`, "tools[1].function.name", "one name"},
	"a tool that is not":      {hello + `,"tools":[` + weather + `],"tool_choice":{"type":"function","function":{"name":"other"}}`, "tool_choice", "one of the tools"},
	"required of none":        {hello + `,"tool_choice":"required"`, "tool_choice", "one of the tools"},
	"allowed tools":           {hello + `,"tools":[` + weather + `],"tool_choice":{"type":"allowed_tools"}`, "tool_choice", "auto"},
	"a choice that is not":    {hello + `,"tools":[` + weather + `],"tool_choice":"any"`, "tool_choice", "auto"},
	"a choice that is a list": {hello + `,"tools":[` + weather + `],"tool_choice":[]`, "tool_choice", "an object"},
	"one call at a time":      {hello + `,"tools":[` + weather + `],"parallel_tool_calls":false`, "parallel_tool_calls", "leave this out"},
	"two answers":             {hello + `,"n":2`, "n", "one answer"},
	"two bounds":              {hello + `,"max_tokens":1,"max_completion_tokens":2`, "max_tokens", "differ"},
	"no tokens":               {hello + `,"max_tokens":0`, "max_tokens", "from 1"},
	"half a token":            {hello + `,"max_completion_tokens":1.5`, "max_completion_tokens", "whole"},
	"too many tokens":         {hello + `,"max_tokens":1e300`, "max_tokens", "2147483647"},
	"beyond numbers":          {hello + `,"max_tokens":1e999`, "max_tokens", "a number"},
	"a number in a string":    {hello + `,"max_tokens":"5"`, "max_tokens", "a number"},
	"hot":                     {hello + `,"temperature":1.2`, "temperature", "1 or less"},
	"too hot":                 {hello + `,"temperature":2.1`, "temperature", "0 and 2"},
	"cold":                    {hello + `,"temperature":-0.1`, "temperature", "0 and 2"},
	"top_p":                   {hello + `,"top_p":1.1`, "top_p", "0 and 1"},
	"five stops":              {hello + `,"stop":["a","b","c","d","e"]`, "stop", "4"},
	"an empty stop":           {hello + `,"stop":""`, "stop", "empty"},
	"a null among stops":      {hello + `,"stop":["a",null]`, "stop", "empty"},
	"a stop that is a number": {hello + `,"stop":1`, "stop", "string"},
	"stops that are numbers":  {hello + `,"stop":[1]`, "stop[0]", "a string"},
	"options of no stream":    {hello + `,"stream_options":{"include_usage":true}`, "stream_options", "stream set to true"},
	"unknown option":          {hello + `,"stream":true,"stream_options":{"x":1}`, "stream_options.x", "no such"},
	"stream is a word":        {hello + `,"stream":"yes"`, "stream", "true or false"},
	"unknown":                 {hello + `,"top_k":5`, "top_k", "no such"},
	"unknown and long":        {hello + `,"` + strings.Repeat("é", 100) + `":5`, strings.Repeat("é", 32) + "…", "no such"},
}

// image1 is a request with an image.
func image1(url string) string {
	return `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{` + url + `}}]}]`
}

// call1 is a request with a call.
func call1(call string) string {
	return `"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{` + call + `}]}]`
}

func TestRefused(t *testing.T) {
	for name, test := range refused {
		t.Run(name, func(t *testing.T) {
			text := test.request
			if strings.HasPrefix(text, `"`) {
				text = `{"model":"m",` + text + `}`
			}
			refuses(t, text, test.param, test.says)
		})
	}
}

// refuses reads a request that must be refused.
func refuses(t *testing.T, text, param, says string) {
	t.Helper()
	_, err := Read([]byte(text))
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%s is not refused: %v", text, err)
	}
	if e.Status != 400 || e.Type != "invalid_request_error" || e.Param != param || !strings.Contains(e.Message, says) {
		t.Errorf("got %+v; want the param %q and the words %q", *e, param, says)
	}
}

// TestParameters: every parameter has the fate it is said to have.
func TestParameters(t *testing.T) {
	something := map[string]string{"response_format": `{"type":"json_object"}`, "service_tier": `"flex"`, "modalities": `["text","audio"]`}
	for _, p := range Parameters {
		text := `{"model":"m",` + hello + `,"` + p.Name + `":` + cmp.Or(something[p.Name], "5") + `}`
		switch p.Fate {
		case Ignored:
			if _, err := Read([]byte(text)); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		case Refused:
			refuses(t, text, p.Name, p.Why)
			for _, nothing := range p.Nothing {
				if _, err := Read([]byte(`{"model":"m",` + hello + `,"` + p.Name + `":` + nothing + `}`)); err != nil {
					t.Errorf("%s: %s: %v", p.Name, nothing, err)
				}
			}
		}
	}
	if !slices.IsSortedFunc(Parameters, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the parameters are not in order")
	}
}

// TestParametersAreExplained: docs/inference.md has a row for each parameter, with
// all there is to say of it, and none for another.
func TestParametersAreExplained(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "inference.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "\n| parameter | fate |")
	if !ok {
		t.Fatal("docs/inference.md has no table of parameters")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")[2:]
	for i, p := range Parameters {
		nothing := ""
		for _, value := range p.Nothing {
			nothing += ", `" + value + "`"
		}
		want := "|"
		for _, cell := range []string{"`" + p.Name + "`", string(p.Fate), strings.TrimPrefix(nothing, ", "), p.Why} {
			want += strings.TrimRight(" "+cell, " ") + " |"
		}
		if i >= len(rows) || rows[i] != want {
			t.Fatalf("row %d is not\n%s", i+1, want)
		}
	}
	if len(rows) != len(Parameters) {
		t.Errorf("%d rows for %d parameters", len(rows), len(Parameters))
	}
}
