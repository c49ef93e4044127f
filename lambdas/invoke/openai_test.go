package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// completionBody is a request for a chat completion.
func completionBody(more string) string {
	return `{"model":"support","messages":[{"role":"user","content":"hi"}]` + more + `}`
}

// TestCompletes: a chat completion is asked for by Converse, and told whole.
func TestCompletes(t *testing.T) {
	b := newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, body: converseAnswer}}})
	h, log := served(b.client(), supports())
	got := handle(t.Context(), t, h, request("v1/chat/completions", "support", completionBody("")))
	var told struct {
		ID, Object, Model string
		Created           int64
		Choices           []struct {
			Message      struct{ Content string }
			FinishReason string `json:"finish_reason"`
		}
	}
	if err := json.Unmarshal([]byte(got.body), &told); err != nil {
		t.Fatal(err)
	}
	if got.status != 200 || told.ID != "chatcmpl-gateway-request" || told.Object != "chat.completion" || told.Model != "support" || told.Choices[0].Message.Content != "Hello" || told.Choices[0].FinishReason != "stop" {
		t.Errorf("got %+v", got)
	}
	if age := time.Since(time.Unix(told.Created, 0)).Abs(); age > time.Hour {
		t.Errorf("created %d", told.Created)
	}
	if got.header["Content-Type"] != "application/json" || got.header["X-Request-Id"] != "bedrock-request" {
		t.Errorf("header %v", got.header)
	}
	if asked := b.asked(); asked[0].operation != "converse" || asked[0].body != `{"messages":[{"role":"user","content":[{"text":"hi"}]}]}` {
		t.Errorf("Bedrock was asked %+v", asked)
	}
	if said := line(t, log); said["OutputTokens"] != 2.0 || said["route"] != "completions" {
		t.Errorf("the log says %v", said)
	}
}

// chunksOf are the data of server-sent events.
func chunksOf(t *testing.T, body string) []string {
	t.Helper()
	var chunks []string
	for _, block := range strings.Split(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(block, "data: ")
		if !ok || strings.Contains(data, "\n") {
			t.Fatalf("%q is no event", block)
		}
		chunks = append(chunks, data)
	}
	return chunks
}

// TestCompletionStreams: chunks end as OpenAI's wire format says: with [DONE]
// when the answer is whole, and with an error and nothing after it when not.
func TestCompletionStreams(t *testing.T) {
	for name, test := range map[string]struct {
		answer scripted
		ctx    time.Duration
		more   string
		chunks int
		last   string
		failed any
	}{
		"whole":           {answer: streaming(conversation, ""), chunks: 5, last: "[DONE]"},
		"with usage":      {answer: streaming(conversation, ""), more: `,"stream_options":{"include_usage":true}`, chunks: 6, last: "[DONE]"},
		"cut":             {answer: streaming(conversation[:2], "cut"), chunks: 3, last: "broke off", failed: "ModelStreamErrorException"},
		"ends early":      {answer: streaming(conversation[:2], ""), chunks: 3, last: "broke off", failed: "ModelStreamErrorException"},
		"exception":       {answer: streaming([][]byte{conversation[0], message("exception", ":exception-type", "throttlingException", `{"message":"slow down"}`)}, ""), chunks: 2, last: "slow down", failed: "ThrottlingException"},
		"overdue":         {answer: streaming(conversation[:2], "hang"), ctx: reserve + 50*time.Millisecond, chunks: 3, last: "maxTokens", failed: timedOut},
		"cannot be told":  {answer: streaming([][]byte{conversation[0], event("contentBlockDelta", "no JSON"), conversation[3]}, ""), chunks: 2, last: `"error"`, failed: "InternalServerException"},
		"cut at the stop": {answer: streaming(conversation[:6], "cut"), chunks: 5, last: "broke off", failed: "ModelStreamErrorException"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBedrock(t, map[string][]scripted{"arn:a": {test.answer}})
			h, log := served(b.client(), supports())
			ctx := t.Context()
			if test.ctx > 0 {
				bounded, cancel := context.WithTimeout(ctx, test.ctx)
				defer cancel()
				ctx = bounded
			}
			got := handle(ctx, t, h, request("v1/chat/completions", "support", completionBody(`,"stream":true`+test.more)))
			if got.status != 200 || got.header["Content-Type"] != "text/event-stream" || got.header["Cache-Control"] != "no-cache" {
				t.Errorf("got %+v", got)
			}
			chunks := chunksOf(t, got.body)
			if len(chunks) != test.chunks || !strings.Contains(chunks[len(chunks)-1], test.last) {
				t.Errorf("%d chunks, the last of them %s; want %d", len(chunks), chunks[len(chunks)-1], test.chunks)
			}
			if test.failed != nil && strings.Contains(got.body, "[DONE]") {
				t.Error("a broken answer looks whole")
			}
			if b.asked()[0].operation != "converse-stream" {
				t.Errorf("Bedrock was asked %+v", b.asked())
			}
			if said := line(t, log); said["errorType"] != test.failed || strings.Contains(log.String(), "no JSON") {
				t.Errorf("the log says %v", said)
			}
		})
	}
}

// TestRefusesCompletions: what is no request for this model's chat completion is
// refused in OpenAI's form.
func TestRefusesCompletions(t *testing.T) {
	for name, test := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"another model": {`{"model":"legal","messages":[{"role":"user","content":"secret"}]}`, 400, "the model in the body must be the one in the path, support"},
		"no model":      {`{"messages":[{"role":"user","content":"secret"}]}`, 400, "model"},
		"empty":         {"", 400, "JSON"},
		"a list":        {"[]", 400, ""},
		"half":          {`{"model":"support"`, 400, ""},
		"no UTF-8":      {"{\"model\":\"\xff\"}", 400, "UTF-8"},
		"deep":          {`{"model":"support","messages":` + strings.Repeat("[", 1e6), 400, "deep"},
		"twice":         {`{"model":"legal","model":"support","messages":[]}`, 400, "more than once"},
		"large":         {strings.Repeat(" ", maxBody+1), 413, "larger than 6 MB"},
		"unsupported":   {completionBody(`,"n":2`), 400, "n"},
	} {
		t.Run(name, func(t *testing.T) {
			h, log := served(newBedrock(t, nil).client(), supports())
			got := handle(t.Context(), t, h, request("v1/chat/completions", "support", test.body))
			var told struct {
				Error struct{ Message, Type, Param string }
			}
			if err := json.Unmarshal([]byte(got.body), &told); err != nil {
				t.Fatal(err)
			}
			if got.status != test.status || told.Error.Type != "invalid_request_error" || !strings.Contains(told.Error.Message+told.Error.Param, test.says) {
				t.Errorf("got %+v", got)
			}
			if strings.Contains(got.body+log.String(), "secret") {
				t.Errorf("the request is quoted: %s %s", got.body, log)
			}
		})
	}
}

// TestAnswerCannotBeTold: an answer that is none of Converse's is Bedrock's fault.
func TestAnswerCannotBeTold(t *testing.T) {
	b := newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, body: `secret`}}})
	h, log := served(b.client(), supports())
	got := handle(t.Context(), t, h, request("v1/chat/completions", "support", completionBody("")))
	if got.status != 502 || !strings.HasPrefix(got.body, `{"error":`) || strings.Contains(got.body+log.String(), "secret") {
		t.Errorf("got %+v, the log says %s", got, log)
	}
}
