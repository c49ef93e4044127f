package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

// guarded makes a handler with a guardrail.
func guarded(t *testing.T, b *fakeBedrock) *handler {
	t.Helper()
	h, _ := served(b.client(), supports())
	var err error
	if h.guard, err = newGuard(finetune.Guardrail{ID: "gr-1", Version: "7"}); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestGuards: the guardrail goes into every question, and the rest of the body
// stays as it is, byte by byte.
func TestGuards(t *testing.T) {
	const member = `"guardrailConfig":{"guardrailIdentifier":"gr-1","guardrailVersion":"7"}`
	const streamMember = `"guardrailConfig":{"guardrailIdentifier":"gr-1","guardrailVersion":"7","streamProcessingMode":"sync"}`
	for name, test := range map[string]struct {
		operation, body, want string
		answer                scripted
	}{
		"empty":   {"converse", `{}`, "{" + member + "}", scripted{status: 200, body: "{}"}},
		"spaces":  {"converse", " \n{ \t} ", " \n{" + member + " \t} ", scripted{status: 200, body: "{}"}},
		"members": {"converse", ` { "messages" : [1.0] , "a":"}" }`, ` {` + member + `, "messages" : [1.0] , "a":"}" }`, scripted{status: 200, body: "{}"}},
		"stream":  {"converse-stream", `{"messages":[]}`, `{` + streamMember + `,"messages":[]}`, streaming(conversation, "")},
		"invoke":  {"invoke", ` {"prompt":"a"}`, ` {"prompt":"a"}`, scripted{status: 200, body: "{}"}},
		"chunks":  {"invoke-with-response-stream", `{"prompt":"a"}`, `{"prompt":"a"}`, streaming(nil, "")},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBedrock(t, map[string][]scripted{"arn:a": {test.answer}})
			if got := handle(t.Context(), t, guarded(t, b), request(test.operation, "support", test.body)); got.status != 200 {
				t.Fatalf("got %+v", got)
			}
			asked := b.asked()[0]
			if asked.body != test.want || !json.Valid([]byte(asked.body)) {
				t.Errorf("Bedrock was asked %q, want %q", asked.body, test.want)
			}
			inHeader := strings.HasPrefix(test.operation, "invoke")
			id, version := asked.header.Get("X-Amzn-Bedrock-GuardrailIdentifier"), asked.header.Get("X-Amzn-Bedrock-GuardrailVersion")
			if inHeader && (id != "gr-1" || version != "7") || !inHeader && id+version != "" {
				t.Errorf("the headers say %q %q", id, version)
			}
		})
	}
	for stream, want := range map[string]string{"false": member, "true": streamMember} {
		answer := scripted{status: 200, body: converseAnswer}
		if stream == "true" {
			answer = streaming(conversation, "")
		}
		b := newBedrock(t, map[string][]scripted{"arn:a": {answer}})
		if got := handle(t.Context(), t, guarded(t, b), request("v1/chat/completions", "support", `{"model":"support","stream":`+stream+`,"messages":[{"role":"user","content":"hi"}]}`)); got.status != 200 {
			t.Fatalf("got %+v", got)
		}
		if asked := b.asked()[0].body; !strings.HasPrefix(asked, "{"+want+`,"`) || !json.Valid([]byte(asked)) {
			t.Errorf("Bedrock was asked %q", asked)
		}
	}
}

// TestOurs: a guardrail or a model of the caller's own is refused, with and
// without one configured, under every spelling that means the same.
func TestOurs(t *testing.T) {
	type refused struct {
		operation, body, header string
		guardedOnly             bool
	}
	tests := map[string]refused{
		"model":            {operation: "converse", body: `{"modelId":"arn:b"}`},
		"model escaped":    {operation: "converse", body: `{"messages":[],"\u006dodelI\u0064":"arn:b"}`},
		"model upper":      {operation: "invoke", body: `{"MODELID":"arn:b"}`},
		"guardrail":        {operation: "converse", body: `{"guardrailConfig":{}}`},
		"guardrail null":   {operation: "converse-stream", body: `{"messages":[{"a":[]}],"guardrailConfig":null}`},
		"guardrail escape": {operation: "converse", body: `{"\u0067uardrailConfig":{}}`},
		"guardrail case":   {operation: "converse", body: `{"GuardRailConfig":{}}`},
		"guardrail last":   {operation: "converse", body: `{"messages":[],"a":{"b":1},"guardrailConfig":{}}`},
		"invoke":           {operation: "invoke", body: `{"amazon-bedrock-guardrailConfig":{"tagSuffix":"x"}}`},
		"invoke stream":    {operation: "invoke-with-response-stream", body: `{"amazon-bedrock-guardrailConfig":{}}`},
		"invoke plain":     {operation: "invoke", body: `{"guardrailConfig":{}}`},
		"marked":           {operation: "converse", body: `{"messages":[{"role":"user","content":[{"text":"a"},{"guardContent":{"text":{"text":"b"}}}]}]}`, guardedOnly: true},
		"marked escaped":   {operation: "converse", body: `{"messages":[{"content":[{"guard\u0043ontent":1}]}]}`, guardedOnly: true},
		"marked case":      {operation: "converse", body: `{"messages":[{"content":[{"GUARDcontent":1}]}]}`, guardedOnly: true},
		"marked in case":   {operation: "converse", body: `{"Messages":[{"content":[{"guardContent":1}]}]}`, guardedOnly: true},
		"marked system":    {operation: "converse-stream", body: `{"system":[{"guardContent":{}}]}`, guardedOnly: true},
	}
	for _, name := range []string{"X-Amzn-Bedrock-GuardrailIdentifier", "x-amzn-bedrock-guardrailversion", "X-AMZN-BEDROCK-GUARDRAIL-NOVEL"} {
		for _, operation := range []string{"converse", "converse-stream", "invoke", "invoke-with-response-stream", "v1/chat/completions"} {
			tests[name+" "+operation] = refused{operation: operation, body: `{"model":"support","messages":[{"role":"user","content":"hi"}]}`, header: name}
		}
	}
	for name, test := range tests {
		for _, set := range []bool{true, false} {
			t.Run(fmt.Sprint(name, "/", set), func(t *testing.T) {
				b := newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, body: "{}"}}})
				h := guarded(t, b)
				if !set {
					h.guard = guard{}
				}
				in := request(test.operation, "support", test.body)
				if test.header != "" {
					in.MultiValueHeaders = map[string][]string{test.header: {"x"}}
				}
				want, asked := 400, 0
				if test.guardedOnly && !set {
					want, asked = 200, 1
				}
				got := handle(t.Context(), t, h, in)
				if got.status != want || want == 400 && !strings.Contains(got.body, "has no place in the") || !strings.HasSuffix(test.operation, "stream") && len(b.asked()) != asked {
					t.Errorf("got %+v, asked %v", got, b.asked())
				}
			})
		}
	}
}

// TestNotOurs: the same words are the caller's own elsewhere.
func TestNotOurs(t *testing.T) {
	for _, body := range []string{
		`{"messages":[{"role":"user","content":[{"text":"guardrailConfig"}]}]}`,
		`{"messages":[{"role":"assistant","content":[{"toolUse":{"input":{"guardContent":1,"modelId":2,"guardrailConfig":3}}}]}]}`,
		`{"toolConfig":{"tools":[{"toolSpec":{"inputSchema":{"json":{"guardContent":{}}}}}]}}`,
		`{"guardrail":"guardrailConfig","a":["modelId"],"messages":["guardContent"]}`,
		`{"additionalModelRequestFields":{"guardrailConfig":{},"guardContent":{}}}`,
	} {
		b := newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, body: "{}"}}})
		if got := handle(t.Context(), t, guarded(t, b), request("converse", "support", body)); got.status != 200 {
			t.Errorf("%s got %+v", body, got)
		}
	}
}

// TestHeaderControl: a header that no HTTP client would send is the caller's
// mistake.
func TestHeaderControl(t *testing.T) {
	b := newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, body: "{}"}}})
	h, _ := served(b.client(), supports())
	for _, name := range []string{"accept", "Content-Type", "X-Amzn-Bedrock-Trace"} {
		in := request("invoke", "support", "{}")
		in.MultiValueHeaders = map[string][]string{name: {"ok", "a\r\nX-Other: b"}}
		if got := handle(t.Context(), t, h, in); got.status != 400 || !strings.Contains(got.body, "control character") {
			t.Errorf("%s got %+v", name, got)
		}
	}
}
