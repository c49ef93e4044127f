package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tuneline/tuneline/internal/finetune"
)

// FuzzHandle: whatever is sent to whatever resource, the answer is not a failure
// of this function's own, and it is one of the form that API Gateway expects.
func FuzzHandle(f *testing.F) {
	for _, resource := range []string{
		"/model/{model}/converse", "/model/{model}/converse-stream", "/model/{model}/invoke", "/model/{model}/invoke-with-response-stream",
		"/model/{model}/v1/chat/completions", "/model/{model}/v1/models", "/models", "/models/{model}", "/{proxy+}",
	} {
		for _, body := range []string{`{"messages":[]}`, completionBody(""), completionBody(`,"stream":true`), `{"modelId":1}`, strings.Repeat("[", 2000), "\xff", ""} {
			f.Add("POST", resource, "support", body, false, "Accept", "*/*")
		}
		f.Add("GET", resource, "%2e%2e%2fruns", "", true, "X-Amzn-Bedrock-Trace", "\x00")
	}
	answers := map[string]scripted{
		"converse": {status: 200, body: converseAnswer}, "converse-stream": streaming(conversation, ""),
		"invoke": {status: 200, body: "{}"}, "invoke-with-response-stream": streaming([][]byte{chunk("{}")}, ""),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := answers[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
		_, err := io.Copy(io.Discard, r.Body)
		if err == nil {
			_, err = io.WriteString(w, answer.body+strings.Join(toStrings(answer.frames), ""))
		}
		if err != nil {
			f.Error(err)
		}
	}))
	f.Cleanup(server.Close)
	client := (&fakeBedrock{Server: server}).client()
	f.Fuzz(func(t *testing.T, method, resource, model, body string, encoded bool, headerName, headerValue string) {
		h, _ := served(client, shelf())
		in := events.APIGatewayProxyRequest{
			HTTPMethod: method, Resource: resource, PathParameters: map[string]string{"model": model}, Body: body, IsBase64Encoded: encoded,
			MultiValueHeaders: map[string][]string{headerName: {headerValue}},
		}
		got, err := h.Handle(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		status, told := 0, []byte(nil)
		switch answer := got.(type) {
		case events.APIGatewayProxyResponse:
			status, told = answer.StatusCode, []byte(answer.Body)
		case *events.APIGatewayProxyStreamingResponse:
			status = answer.StatusCode
			if told, err = io.ReadAll(answer.Body); err != nil {
				t.Error(err)
			}
			if err := answer.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, streamed := got.(*events.APIGatewayProxyStreamingResponse); streamed != (method == http.MethodPost) {
			t.Errorf("%s was answered with %T", method, got)
		}
		if status < 200 || status > 499 || status != 200 && !json.Valid(told) {
			t.Errorf("%s %s of %q with %q: %d %s", method, resource, model, body, status, told)
		}
	})
}

// FuzzGuard: into every body that passes, the guardrail goes, and nothing else
// changes, as far as a JSON parser can tell.
func FuzzGuard(f *testing.F) {
	for _, body := range []string{`{}`, ` {"a":1}`, "{\n\"messages\":[{\"content\":[{\"text\":\"}\"}]}]}", `{"guardrailConfig":1}`, `{"\u0067uardrailConfig":1}`, `{"a":{"guardrailConfig":1}}`, `{"a":1,"a":2}`} {
		f.Add(body)
	}
	g, err := newGuard(finetune.Guardrail{ID: `gr"1`, Version: "DRAFT"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if inspect([]byte(body), true) != nil {
			return
		}
		var before, after map[string]any
		if err := json.Unmarshal([]byte(body), &before); err != nil {
			t.Fatalf("%q passed: %v", body, err)
		}
		for name := range before {
			if ours[strings.ToLower(name)] != "" {
				t.Errorf("%q passed", body)
			}
		}
		protected := g.protect(question{operation: converseStream, body: []byte(body)}).body
		if err := json.Unmarshal(protected, &after); err != nil {
			t.Fatalf("%q became %q: %v", body, protected, err)
		}
		config := map[string]any{"guardrailIdentifier": `gr"1`, "guardrailVersion": "DRAFT", "streamProcessingMode": "sync"}
		if !reflect.DeepEqual(after["guardrailConfig"], config) {
			t.Errorf("%q became %q", body, protected)
		}
		delete(after, "guardrailConfig")
		if !reflect.DeepEqual(before, after) || !bytes.HasSuffix(protected, []byte(strings.TrimLeft(body, " \t\r\n{"))) {
			t.Errorf("%q became %q", body, protected)
		}
	})
}

// FuzzStream: whatever Bedrock sends, what leaves is whole frames, and reading
// it does not fail.
func FuzzStream(f *testing.F) {
	whole := bytes.Join(conversation, nil)
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add(append(append([]byte{}, conversation[0]...), exceptionFrame(timeout, "late")...))
	f.Add([]byte("\x00\x00\x00\x10\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		h, _ := served(nil, supports())
		h.log = slog.New(slog.DiscardHandler)
		ctx, cancel := context.WithCancel(t.Context())
		s := h.newStream(ctx, cancel, &exchange{operation: converseStream}, native{converseStream}, raw{stream: io.NopCloser(bytes.NewReader(sent))})
		told, err := io.ReadAll(s)
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
		if s.x.abandoned {
			t.Error("it was read to its end")
		}
		in := newFrames(bytes.NewReader(told))
		for {
			if _, err := in.next(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatalf("%q left as %q: %v", sent, told, err)
			}
		}
	})
}
