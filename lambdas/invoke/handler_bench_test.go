package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"

	"github.com/tuneline/tuneline/internal/finetune"
)

// instant is Bedrock without a wire and without a wait: what is measured is the
// handler's own work, the SDK's included.
type instant struct{ answer []byte }

func (i instant) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: -1,
		Body: io.NopCloser(bytes.NewReader(i.answer)), Request: r,
	}, nil
}

// BenchmarkHandle is one request through Lambda's client: decoding the event,
// asking, and reading the answer to its end.
func BenchmarkHandle(b *testing.B) {
	long := strings.Repeat("A prompt of some length, <b>with</b> \\\"quotes\\\" and grüße. ", 200<<10/60)
	question := func(text string) string { return `{"messages":[{"role":"user","content":[{"text":"` + text + `"}]}]}` }
	g, err := newGuard(finetune.Guardrail{ID: "gr-1", Version: "7"})
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name, route, body string
		answer            []byte
		guard             guard
	}{
		{"converse", "converse", question("hi"), []byte(converseAnswer), guard{}},
		{"converse/guarded", "converse", question("hi"), []byte(converseAnswer), g},
		{"converse/200KB", "converse", question(long), []byte(converseAnswer), guard{}},
		{"converse/200KB/guarded", "converse", question(long), []byte(converseAnswer), g},
		{"converse-stream", "converse-stream", question("hi"), bytes.Join(conversation, nil), guard{}},
		{"invoke", "invoke", `{"prompt":"hi"}`, []byte(`{"generation":"Hello","stop_reason":"stop"}`), guard{}},
		{"completions", "v1/chat/completions", completionBody(""), []byte(converseAnswer), guard{}},
		{"completions/stream", "v1/chat/completions", completionBody(`,"stream":true`), bytes.Join(conversation, nil), guard{}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			h, _ := served(at(instant{bench.answer}), supports())
			h.log, h.guard = slog.New(slog.NewJSONHandler(io.Discard, nil)), bench.guard
			function := lambda.NewHandler(h.Handle)
			payload, err := json.Marshal(request(bench.route, "support", bench.body))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(bench.body)))
			for b.Loop() {
				if out, err := function.Invoke(b.Context(), payload); err != nil || !bytes.HasPrefix(out, []byte(`{"statusCode":200,`)) {
					b.Fatalf("%s, %v", out, err)
				}
			}
		})
	}
}

// at is the SDK's client as main makes it, over a transport of the test's.
func at(transport http.RoundTripper) *bedrockruntime.Client {
	return bedrockruntime.New(bedrockruntime.Options{
		Region: "us-east-1", HTTPClient: &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	}, patient)
}

// BenchmarkFrame is one frame of a stream, from Bedrock's bytes to the caller's.
func BenchmarkFrame(b *testing.B) {
	text := event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hello"}}`)
	for name, t := range map[string]teller{"converse-stream": native{converseStream}, "completions": tellerOf(b)} {
		b.Run(name, func(b *testing.B) {
			h, _ := served(nil, supports())
			ctx, cancel := context.WithCancel(b.Context())
			s := h.newStream(ctx, cancel, &exchange{operation: converseStream}, t, raw{stream: io.NopCloser(&endless{text: text})})
			buffer := make([]byte, 32<<10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Read(buffer); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// tellerOf tells a chat completion's stream.
func tellerOf(b *testing.B) teller {
	in := request("v1/chat/completions", "support", completionBody(`,"stream":true`))
	_, t, refused := openAI{}.read(&exchange{model: "support"}, &in, []byte(in.Body), false)
	if refused != nil {
		b.Fatal(refused.message)
	}
	return t
}

// endless is the same frame again and again.
type endless struct {
	text []byte
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.text[e.at:])
	e.at = (e.at + n) % len(e.text)
	return n, nil
}
