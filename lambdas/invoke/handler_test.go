package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"

	"github.com/tuneline/tuneline/internal/registry"
)

// TestPassesThrough: body and answer pass byte by byte, members the SDK does not
// know and odd spacing included, with the headers of the operation and no
// others, and the request is signed.
func TestPassesThrough(t *testing.T) {
	const body = `{ "messages":[{"role":"user","content":[{"text":"grüße  é"}]}],"notYetKnown":{"a":1.0} }`
	frames := func(frames [][]byte) string { return strings.Join(toStrings(frames), "") }
	chunks := [][]byte{chunk(`{"generation":"Hel"}`), chunk(`{"generation":"lo","stop_reason":"stop"}`)}
	for operation, test := range map[string]struct {
		answer scripted
		want   string
		sent   map[string]string
	}{
		"converse":        {scripted{status: 200, header: map[string]string{"Content-Type": "application/json"}, body: ` {"novel":true , "usage":{"inputTokens":1}}`}, ` {"novel":true , "usage":{"inputTokens":1}}`, nil},
		"converse-stream": {streaming(conversation, ""), frames(conversation), nil},
		"invoke": {
			scripted{status: 200, header: map[string]string{"Content-Type": "application/x-novel", "X-Amzn-Bedrock-Novel": "1"}, body: "\x00\xff"}, "\x00\xff",
			map[string]string{"Accept": "text/plain", "X-Amzn-Bedrock-Trace": "ENABLED", "X-Amzn-Bedrock-Service-Tier": "flex", "X-Amzn-Bedrock-Performanceconfig-Latency": "optimized", "X-Amzn-Bedrock-Request-Metadata": "{}"},
		},
		"invoke-with-response-stream": {streaming(chunks, ""), frames(chunks), map[string]string{"X-Amzn-Bedrock-Accept": "text/plain", "X-Amzn-Bedrock-Trace": "ENABLED"}},
	} {
		for form, encoded := range map[string]bool{"plain": false, "base64": true} {
			t.Run(operation+"/"+form, func(t *testing.T) {
				b := newBedrock(t, map[string][]scripted{"arn:a": {test.answer}})
				h, log := served(b.client(), supports())
				in := request(operation, "support", body)
				if encoded {
					in.Body, in.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(body)), true
				}
				in.MultiValueHeaders = map[string][]string{"x-novel": {"1"}, "authorization": {"caller"}, "content-type": {"application/json"}}
				for name, value := range test.sent {
					in.MultiValueHeaders[strings.ToLower(name)] = []string{value}
				}
				got := handle(t.Context(), t, h, in)
				if got.status != 200 || got.body != test.want || got.header["X-Amzn-RequestId"] != "bedrock-request" || got.header["X-Request-Id"] != "bedrock-request" {
					t.Errorf("got %+v", got)
				}
				for name, value := range test.answer.header {
					if got.header[name] != value {
						t.Errorf("%s came back as %q, want %q", name, got.header[name], value)
					}
				}
				checkPassed(t, b.asked(), operation, body, test.sent)
				if text := log.String(); strings.Contains(text, "grüße") || strings.Contains(text, "novel") || !strings.Contains(text, `"status":200`) {
					t.Errorf("the log says %s", text)
				}
			})
		}
	}
}

// checkPassed holds the one request that Bedrock got against what was sent.
func checkPassed(t *testing.T, got []asked, operation, body string, sent map[string]string) {
	t.Helper()
	if len(got) != 1 || got[0].operation != operation || got[0].body != body || got[0].modelID != "arn:a" {
		t.Fatalf("Bedrock was asked %+v", got)
	}
	header := got[0].header
	if !strings.HasPrefix(header.Get("Authorization"), "AWS4-HMAC-SHA256") || header.Get("X-Novel") != "" || header.Get("Content-Type") != "application/json" {
		t.Errorf("Bedrock was sent %v", header)
	}
	for name, value := range sent {
		if header.Get(name) != value {
			t.Errorf("%s arrived as %q, want %q", name, header.Get(name), value)
		}
	}
}

func toStrings(frames [][]byte) []string {
	texts := make([]string, len(frames))
	for i, f := range frames {
		texts[i] = string(f)
	}
	return texts
}

// TestRoutes: each route is answered in the way API Gateway expects of it, and
// an unknown one too.
func TestRoutes(t *testing.T) {
	b := newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, body: "{}"}}})
	h, _ := served(b.client(), supports())
	for key, want := range map[string]int{
		"GET /models": 200, "GET /models/{model}": 200, "GET /model/{model}/v1/models": 200,
		"GET /{proxy+}": 404, "GET /model/{model}/converse": 404, "GET ": 404,
		"POST /model/{model}/converse": 200, "POST /{proxy+}": 404, "POST /models": 404, "POST ": 404,
	} {
		method, resource, _ := strings.Cut(key, " ")
		in := request("", "support", "{}")
		in.HTTPMethod, in.Resource = method, resource
		if got := handle(t.Context(), t, h, in); got.status != want || want == 404 && got.header["x-amzn-ErrorType"] != "UnknownOperationException" {
			t.Errorf("%s was answered with %+v, want %d", key, got, want)
		}
	}
}

// TestThroughLambda: Lambda's own client makes of a streamed answer what API
// Gateway reads, and of a whole one the JSON it reads.
func TestThroughLambda(t *testing.T) {
	b := newBedrock(t, map[string][]scripted{"arn:a": {streaming(conversation, "")}})
	h, log := served(b.client(), supports())
	function := lambda.NewHandler(h.Handle)
	ask := func(r events.APIGatewayProxyRequest) string {
		payload, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		out, err := function.Invoke(t.Context(), payload)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	prelude, body, ok := strings.Cut(ask(request("converse-stream", "support", "{}")), strings.Repeat("\x00", 8))
	if !ok || !strings.HasPrefix(prelude, `{"statusCode":200,"headers":{`) || body != strings.Join(toStrings(conversation), "") {
		t.Errorf("streamed: %q %q", prelude, body)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines in the log: the body was closed %d times", n, n)
	}
	prelude, body, ok = strings.Cut(ask(request("converse", "nobody", "{}")), strings.Repeat("\x00", 8))
	if !ok || !strings.HasPrefix(prelude, `{"statusCode":404,`) || !strings.Contains(body, "no model nobody") {
		t.Errorf("refused: %q %q", prelude, body)
	}
	if out := ask(get("/models/{model}", "support")); !strings.HasPrefix(out, `{"statusCode":200,"headers":{`) || !strings.Contains(out, `"body":"{\"model\":\"support\"`) {
		t.Errorf("shown: %q", out)
	}
}

// TestReplacedCapacity: capacity that was replaced and deleted is found out by
// every operation, and by whatever Bedrock calls it.
func TestReplacedCapacity(t *testing.T) {
	for operation, answers := range map[string][2]scripted{
		"converse":                    {{status: 200, body: `"a"`}, {status: 200, body: `"b"`}},
		"converse-stream":             {streaming(conversation[:6], ""), streaming(conversation, "")},
		"invoke":                      {{status: 200, body: `"a"`}, {status: 200, body: `"b"`}},
		"invoke-with-response-stream": {streaming([][]byte{chunk("a")}, ""), streaming([][]byte{chunk("b")}, "")},
	} {
		for name, gone := range map[string]scripted{
			"not found": {status: 404, code: "ResourceNotFoundException", body: `{"message":"gone"}`},
			"invalid":   {status: 400, code: "ValidationException", body: `{"message":"gone"}`},
			"denied":    {status: 403, code: "AccessDeniedException", body: `{"message":"no tags any more"}`},
		} {
			t.Run(operation+"/"+name, func(t *testing.T) {
				b := newBedrock(t, map[string][]scripted{"arn:a": {answers[0], gone}, "arn:b": {answers[1]}})
				s := supports()
				h, _ := served(b.client(), s)
				for i, want := range []scripted{answers[0], answers[1], answers[1]} {
					got := handle(t.Context(), t, h, request(operation, "support", `{}`))
					if got.status != 200 || got.body != want.body+strings.Join(toStrings(want.frames), "") {
						t.Errorf("request %d got %+v, want %+v", i, got, want)
					}
					s.models["support"] = serving("arn:b")
				}
				if asked := b.asked(); len(asked) != 4 || s.reads != 2 {
					t.Errorf("asked %d times after %d reads; want 4 after 2", len(asked), s.reads)
				}
			})
		}
	}
}

// TestStaysReplaced: a request is not put again to the capacity that refused it.
func TestStaysReplaced(t *testing.T) {
	b := newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, body: `{}`}, {status: 400, code: "ValidationException", body: `{"message":"maxTokens"}`}}})
	h, _ := served(b.client(), supports())
	for _, want := range []int{200, 400} {
		if got := handle(t.Context(), t, h, request("converse", "support", `{}`)); got.status != want {
			t.Errorf("got %+v, want %d", got, want)
		}
	}
	if asked := b.asked(); len(asked) != 2 {
		t.Errorf("asked %d times, want 2", len(asked))
	}
}

// TestRemembersBriefly: the record is read once in a while and not for every
// request.
func TestRemembersBriefly(t *testing.T) {
	b := newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, body: `"a"`}}, "arn:b": {{status: 200, body: `"b"`}}})
	s := supports()
	h, _ := served(b.client(), s)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	h.served.now = func() time.Time { return now }
	for _, step := range []struct {
		passes time.Duration
		want   string
		reads  int
	}{{0, `"a"`, 1}, {fresh - time.Second, `"a"`, 1}, {time.Second, `"b"`, 2}} {
		now = now.Add(step.passes)
		if got := handle(t.Context(), t, h, request("converse", "support", `{}`)); got.body != step.want || s.reads != step.reads {
			t.Errorf("after %v: got %+v, %d reads; want %s, %d", step.passes, got, s.reads, step.want, step.reads)
		}
		s.models["support"] = serving("arn:b")
	}
}

// TestAnswerBreaksOff: an answer of which the caller has seen nothing is asked
// for again when it breaks off.
func TestAnswerBreaksOff(t *testing.T) {
	b := newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, body: `{"ok":1}`}}})
	client := b.client()
	broken := &breaking{inner: http.DefaultTransport}
	h, _ := served(bedrockruntime.New(client.Options(), func(o *bedrockruntime.Options) { o.HTTPClient = &http.Client{Transport: broken} }), supports())
	if got := handle(t.Context(), t, h, request("converse", "support", `{}`)); got.status != 200 || got.body != `{"ok":1}` || len(b.asked()) != 2 {
		t.Errorf("got %+v after %d requests", got, len(b.asked()))
	}
}

// breaking breaks the first answer's body off.
type breaking struct {
	inner http.RoundTripper
	times int
}

func (b *breaking) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.inner.RoundTrip(r)
	if b.times++; err == nil && b.times == 1 {
		response.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"o`), iotest.ErrReader(io.ErrUnexpectedEOF)))
	}
	return response, err
}

// TestReplacedText: what API Gateway made of a body that is no UTF-8 is refused,
// and the same character in a body that is stays.
func TestReplacedText(t *testing.T) {
	const sent = "{\"a\":\"\xff\"}"
	made := strings.ToValidUTF8(sent, "\ufffd")
	b := newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, then: "echo"}}})
	h, _ := served(b.client(), supports())
	for _, test := range []struct {
		length []string
		want   int
	}{{[]string{strconv.Itoa(len(sent))}, 400}, {[]string{strconv.Itoa(len(made))}, 200}, {nil, 200}} {
		in := request("invoke", "support", made)
		in.MultiValueHeaders = map[string][]string{"content-length": test.length}
		if got := handle(t.Context(), t, h, in); got.status != test.want || test.want == 200 && got.body != made || test.want == 400 && !strings.Contains(got.body, "no UTF-8") {
			t.Errorf("with the length %v got %+v, want %d", test.length, got, test.want)
		}
	}
}

// TestMixesNothingUp: requests at once get their own answers.
func TestMixesNothingUp(t *testing.T) {
	b := newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, then: "echo"}}})
	h, _ := served(b.client(), supports())
	h.log = slog.New(slog.DiscardHandler)
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for i := range 50 {
				body := fmt.Sprintf(`{"prompt":"%d of %d"}`, i, worker)
				if got := handle(t.Context(), t, h, request("invoke", "support", body)); got.body != body {
					t.Errorf("asked %s, got %+v", body, got)
				}
			}
		})
	}
	wg.Wait()
}

// TestStoreFails: a record that cannot be read is not the caller's fault, and
// the caller is told no more than where to look.
func TestStoreFails(t *testing.T) {
	h, log := served(newBedrock(t, nil).client(), &fakeStore{models: map[string]registry.Model{}, err: errors.New("access to bucket secret denied")})
	for _, in := range []events.APIGatewayProxyRequest{
		request("converse", "support", "{}"), request("v1/chat/completions", "support", "{}"), get("/models", ""), get("/models/{model}", "support"),
	} {
		log.Reset()
		got := handle(t.Context(), t, h, in)
		if got.status != 500 || strings.Contains(got.body, "secret") || !strings.Contains(got.body, "log of the function invoke") {
			t.Errorf("%s got %+v", in.Resource, got)
		}
		if said := line(t, log); !strings.Contains(said["error"].(string), "secret") || said["_aws"] != nil {
			t.Errorf("%s: the log says %v", in.Resource, said)
		}
	}
}
