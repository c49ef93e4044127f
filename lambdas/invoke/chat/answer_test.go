package chat

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// meta is an answer's.
var meta = Meta{ID: "chatcmpl-1", Created: time.Unix(1795435200, 0), Model: "support"}

// answers are Converse's, by the choice that they are to the caller. The message
// is an answer's content.
var answers = map[string]struct{ content, stop, message, finish string }{
	"text":              {`{"text":"Hold "},{"text":"the key.\n<b>\u2028"}`, "end_turn", `"content":"Hold the key.\n<b>\u2028"`, "stop"},
	"stop sequence":     {`{"text":"a"}`, "stop_sequence", `"content":"a"`, "stop"},
	"too long":          {`{"text":"a"}`, "max_tokens", `"content":"a"`, "length"},
	"context full":      {`{"text":"a"}`, "model_context_window_exceeded", `"content":"a"`, "length"},
	"guardrail":         {`{"text":"Sorry."}`, "guardrail_intervened", `"content":"Sorry."`, "content_filter"},
	"filtered":          {``, "content_filtered", `"content":""`, "content_filter"},
	"not known yet":     {`{"text":"a"}`, "some_new_reason", `"content":"a"`, "stop"},
	"thoughts left out": {`{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"a"}`, "end_turn", `"content":"a"`, "stop"},
	"with citations":    {`{"citationsContent":{"content":[{"text":"a"},{"text":"b"}],"citations":[]}}`, "end_turn", `"content":"ab"`, "stop"},
	"a call": {`{"toolUse":{"toolUseId":"t1","name":"weather","input":{"place":"Ulm","n":1.50}}}`, "tool_use",
		`"content":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"weather","arguments":"{\"place\":\"Ulm\",\"n\":1.50}"}}]`, "tool_calls"},
	"text and calls": {`{"text":"I look."},{"toolUse":{"toolUseId":"t1","name":"a","input":{}}},{"toolUse":{"toolUseId":"t2","name":"b"}}`, "tool_use",
		`"content":"I look.","tool_calls":[{"id":"t1","type":"function","function":{"name":"a","arguments":"{}"}},{"id":"t2","type":"function","function":{"name":"b","arguments":"{}"}}]`, "tool_calls"},
}

func TestAnswer(t *testing.T) {
	for name, test := range answers {
		t.Run(name, func(t *testing.T) {
			got, err := meta.Answer([]byte(`{"output":{"message":{"role":"assistant","content":[` + test.content + `]}},"stopReason":"` + test.stop +
				`","usage":{"inputTokens":5,"outputTokens":3,"totalTokens":10,"cacheReadInputTokens":2},"metrics":{"latencyMs":7},"newMember":[1]}`))
			if err != nil {
				t.Fatal(err)
			}
			want := `{"id":"chatcmpl-1","object":"chat.completion","created":1795435200,"model":"support","choices":[{"index":0,"message":{"role":"assistant",` + test.message +
				`,"refusal":null},"logprobs":null,"finish_reason":"` + test.finish + `"}],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":2}}}`
			if !reflect.DeepEqual(value(t, got), value(t, []byte(want))) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestAnswerRefused(t *testing.T) {
	whole := func(content, stop string) string {
		return `{"output":{"message":{"role":"assistant","content":[` + content + `]}},"stopReason":"` + stop + `"}`
	}
	for name, test := range map[string]struct{ converse, code, says string }{
		"no JSON":          {`hello`, "invalid_answer", "Converse"},
		"no message":       {`{"stopReason":"end_turn"}`, "invalid_answer", "Converse"},
		"other types":      {`{"output":{"message":{"content":"a"}},"stopReason":"end_turn"}`, "invalid_answer", "Converse"},
		"no reason":        {whole(``, ""), "invalid_answer", "why it ended"},
		"malformed output": {whole(``, "malformed_model_output"), "malformed_model_output", "again"},
		"malformed call":   {whole(``, "malformed_tool_use"), "malformed_tool_use", "again"},
		"an image":         {whole(`{"text":"a"},{"image":{"format":"png","source":{"bytes":"aGk="}}}`, "end_turn"), "unsupported_answer", "image"},
		"an empty block":   {whole(`{}`, "end_turn"), "unsupported_answer", "unknown"},
	} {
		got, err := meta.Answer([]byte(test.converse))
		var e *Error
		if !errors.As(err, &e) || got != nil {
			t.Errorf("%s: got %s, %v", name, got, err)
			continue
		}
		if e.Status != http.StatusBadGateway || e.Type != "server_error" || e.Code != test.code || !strings.Contains(e.Message, test.says) {
			t.Errorf("%s: got %+v", name, *e)
		}
	}
}

func TestModels(t *testing.T) {
	for want, names := range map[string][]string{
		`{"object":"list","data":[]}`: nil,
		`{"object":"list","data":[{"id":"a","object":"model","created":1795435200,"owned_by":"tuneline"},{"id":"b","object":"model","created":1795435200,"owned_by":"tuneline"}]}`: {"a", "b"},
	} {
		if got := string(Models(names, meta.Created)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestFromBedrock: AWS's errors as OpenAI's clients know them.
func TestFromBedrock(t *testing.T) {
	for _, test := range []struct {
		status     int
		name       string
		want       int
		kind, code string
	}{
		{400, "ValidationException", 400, "invalid_request_error", ""},
		{413, "ValidationException", 413, "invalid_request_error", ""},
		{400, "SerializationException", 400, "invalid_request_error", ""},
		{404, "ResourceNotFoundException", 404, "invalid_request_error", "model_not_found"},
		{404, "UnknownOperationException", 404, "invalid_request_error", "unknown_url"},
		{403, "AccessDeniedException", 403, "invalid_request_error", "permission_denied"},
		{401, "SomethingElse", 401, "invalid_request_error", "invalid_api_key"},
		{403, "SomethingElse", 403, "invalid_request_error", "permission_denied"},
		{409, "SomethingElse", 409, "invalid_request_error", ""},
		{429, "SomethingElse", 429, "rate_limit_error", "rate_limit_exceeded"},
		{429, "ThrottlingException", 429, "rate_limit_error", "rate_limit_exceeded"},
		{0, "ThrottlingException", 429, "rate_limit_error", "rate_limit_exceeded"},
		{400, "ServiceQuotaExceededException", 429, "insufficient_quota", "insufficient_quota"},
		{429, "ModelNotReadyException", 503, "server_error", "model_not_ready"},
		{503, "ServiceUnavailableException", 503, "server_error", "server_is_overloaded"},
		{408, "ModelTimeoutException", 504, "server_error", "timeout"},
		{424, "ModelErrorException", 502, "server_error", "model_error"},
		{424, "ModelStreamErrorException", 502, "server_error", "model_error"},
		{500, "InternalServerException", 500, "server_error", "internal_error"},
		{0, "InternalServerException", 502, "server_error", "internal_error"},
		{502, "SomethingElse", 502, "server_error", ""},
		{0, "", 502, "server_error", ""},
		{200, "SomethingElse", 502, "server_error", ""},
	} {
		got := FromBedrock(test.status, test.name, "words")
		if got != (Error{Status: test.want, Type: test.kind, Code: test.code, Message: "words"}) {
			t.Errorf("%d %s: got %+v", test.status, test.name, got)
		}
	}
	if got := FromBedrock(503, "", ""); got.Message != "the request failed: Service Unavailable" {
		t.Errorf("without words: %+v", got)
	}
}

func TestErrorBody(t *testing.T) {
	for want, e := range map[string]Error{
		`{"error":{"message":"a \"b\" \n` + "\ufffd" + `","type":"t","param":null,"code":null}}`: {Message: "a \"b\" \n\xff", Type: "t"},
		`{"error":{"message":"m","type":"t","param":"p","code":"c"}}`:                            {Message: "m", Type: "t", Param: "p", Code: "c"},
	} {
		if got := string(e.Body()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := (Error{Param: "p", Message: "m"}).Error() + "|" + (&Error{Message: "m"}).Error(); got != "p: m|m" {
		t.Errorf("got %s", got)
	}
}
