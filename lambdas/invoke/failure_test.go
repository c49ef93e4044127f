package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tuneline/tuneline/internal/registry"
)

// converseAnswer is an answer of Converse.
const converseAnswer = `{"output":{"message":{"role":"assistant","content":[{"text":"Hello"}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}}`

// empty is a request's body.
const empty = `{"messages":[]}`

// refusals are requests that are not answered, by what the caller is told.
var refusals = map[string]struct {
	change    func(*events.APIGatewayProxyRequest)
	answer    scripted
	status    int
	errorType string
	says      string
}{
	"unknown model":       {change: model("nobody"), status: 404, errorType: "ResourceNotFoundException", says: "no model nobody"},
	"not published":       {change: model("fresh"), status: 404, errorType: "ResourceNotFoundException", says: "not published yet"},
	"released":            {change: model("gone"), status: 404, errorType: "ResourceNotFoundException", says: "released on 2026-11-23 and is not served: it was idle; its operators serve it again with"},
	"no name":             {change: model(""), status: 400, errorType: "ValidationException", says: "letters"},
	"path in the name":    {change: model("../runs/x"), status: 400, errorType: "ValidationException", says: "letters"},
	"encoded path":        {change: model("..%2fruns%2fx"), status: 400, errorType: "ValidationException", says: "letters"},
	"encoded name":        {change: model("%73upport"), status: 400, errorType: "ValidationException", says: "letters"},
	"dots":                {change: model(".."), status: 400, errorType: "ValidationException", says: "letters"},
	"dot":                 {change: model("support.json"), status: 400, errorType: "ValidationException", says: "letters"},
	"no parameters":       {change: func(r *events.APIGatewayProxyRequest) { r.PathParameters = nil }, status: 400, errorType: "ValidationException", says: "letters"},
	"empty body":          {change: body(""), status: 400, errorType: "SerializationException", says: "one JSON object"},
	"body is a list":      {change: body("[]"), status: 400, errorType: "SerializationException", says: "one JSON object"},
	"body is null":        {change: body("null"), status: 400, errorType: "SerializationException", says: "one JSON object"},
	"half a body":         {change: body(`{"messages":[`), status: 400, errorType: "SerializationException", says: "at byte 13"},
	"two bodies":          {change: body(`{} {}`), status: 400, errorType: "SerializationException", says: "more after it, at byte 2"},
	"text after the body": {change: body(`{}secret`), status: 400, errorType: "SerializationException", says: "more after it"},
	"no UTF-8":            {change: body("{\"a\":\"\xff\"}"), status: 400, errorType: "SerializationException", says: "no UTF-8"},
	"half a surrogate":    {change: body(`{"a":"\ud800"}`), status: 400, errorType: "SerializationException", says: "in UTF-8"},
	"twice":               {change: body(`{"messages":[],"a":{"secret":1,"secret":2}}`), status: 400, errorType: "SerializationException", says: "names a member twice"},
	"deep":                {change: body(`{"messages":` + strings.Repeat("[", 1e6)), status: 400, errorType: "ValidationException", says: "1000 deep"},
	"deep objects":        {change: body(strings.Repeat(`{"a":`, 1e5)), status: 400, errorType: "ValidationException", says: "1000 deep"},
	"large":               {change: body(strings.Repeat(" ", maxBody) + "{}"), status: 413, errorType: "ValidationException", says: "larger than 6 MB"},
	"large base64":        {change: base64Body(strings.Repeat("IAAA", maxBody/3+2)), status: 413, errorType: "ValidationException", says: "larger than 6 MB"},
	"no base64":           {change: base64Body("{}"), status: 400, errorType: "SerializationException", says: "base64"},
	"throttled":           {answer: refusing(429, "ThrottlingException"), status: 429, errorType: "ThrottlingException", says: "Bedrock's words"},
	"not ready":           {answer: refusing(429, "ModelNotReadyException"), status: 503, errorType: "ModelNotReadyException", says: "Bedrock's words"},
	"unavailable":         {answer: refusing(503, "ServiceUnavailableException"), status: 503, errorType: "ServiceUnavailableException", says: "Bedrock's words"},
	"503 of another name": {answer: refusing(503, "NovelException"), status: 503, errorType: "NovelException", says: "Bedrock's words"},
	"invalid":             {answer: refusing(400, "ValidationException"), status: 400, errorType: "ValidationException", says: "Bedrock's words"},
	"quota":               {answer: refusing(400, "ServiceQuotaExceededException"), status: 400, errorType: "ServiceQuotaExceededException", says: "Bedrock's words"},
	"model timed out":     {answer: refusing(408, "ModelTimeoutException"), status: 504, errorType: "ModelTimeoutException", says: "Bedrock's words"},
	"model failed":        {answer: refusing(424, "ModelErrorException"), status: 502, errorType: "ModelErrorException", says: "Bedrock's words"},
	"internal":            {answer: refusing(500, "InternalServerException"), status: 502, errorType: "InternalServerException", says: "Bedrock's words"},
	"500 of another name": {answer: refusing(500, "NovelException"), status: 502, errorType: "NovelException", says: "Bedrock's words"},
	"no error":            {answer: scripted{status: 500, body: "<html>"}, status: 502, errorType: "InternalServerException", says: "could not be read"},
	"redirected":          {answer: refusing(302, "NovelException"), status: 502, errorType: "NovelException", says: "Bedrock's words"},
	"connection reset":    {answer: scripted{then: "reset"}, status: 502, errorType: "InternalServerException", says: "could not be reached"},
	"deleted":             {answer: refusing(404, "ResourceNotFoundException"), status: 404, errorType: "ResourceNotFoundException", says: "model support is published, but the throughput it is served from does not exist"},
	"role denied":         {answer: refusing(403, "AccessDeniedException"), status: 500, errorType: "InternalServerException", says: "log of the function invoke"},
	"role expired":        {answer: refusing(400, "ExpiredTokenException"), status: 500, errorType: "InternalServerException", says: "log of the function invoke"},
	"role unknown":        {answer: refusing(401, "NovelException"), status: 500, errorType: "InternalServerException", says: "log of the function invoke"},
}

func model(name string) func(*events.APIGatewayProxyRequest) {
	return func(r *events.APIGatewayProxyRequest) { r.PathParameters["model"] = name }
}

func body(text string) func(*events.APIGatewayProxyRequest) {
	return func(r *events.APIGatewayProxyRequest) { r.Body = text }
}

func base64Body(text string) func(*events.APIGatewayProxyRequest) {
	return func(r *events.APIGatewayProxyRequest) { r.Body, r.IsBase64Encoded = text, true }
}

func refusing(status int, code string) scripted {
	return scripted{status: status, code: code, body: `{"message":"Bedrock's words"}`}
}

// refusingStore knows a model of each kind.
func refusingStore() *fakeStore {
	return &fakeStore{models: map[string]registry.Model{
		"support": serving("arn:a"), "fresh": {},
		"gone": {Released: &registry.Released{At: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC), Why: "was idle"}},
	}}
}

// TestRefuses: what cannot be answered is refused in the form of Bedrock's
// errors, with the status that says whose fault it is, and nothing of a request
// comes into the log.
func TestRefuses(t *testing.T) {
	for name, test := range refusals {
		for _, operation := range []string{"converse", "converse-stream", "invoke", "invoke-with-response-stream"} {
			t.Run(name+"/"+operation, func(t *testing.T) {
				b := newBedrock(t, map[string][]scripted{"arn:a": {test.answer}})
				h, log := served(b.client(), refusingStore())
				in := request(operation, "support", empty)
				if test.change != nil {
					test.change(&in)
				}
				got := handle(t.Context(), t, h, in)
				checkRefusal(t, got, test.status, test.errorType, test.says)
				if test.change != nil && len(b.asked()) > 0 {
					t.Errorf("Bedrock was asked %v", b.asked())
				}
				text := log.String()
				if test.status != 500 && strings.Contains(text, "Bedrock's words") || strings.Contains(text, "secret") || strings.Count(text, "\n") != 1 || !strings.Contains(text, `"errorType":"`+test.errorType) {
					t.Errorf("the log says %s", text)
				}
			})
		}
	}
}

// checkRefusal holds an answer against an error of Bedrock's form.
func checkRefusal(t *testing.T, got answered, status int, errorType, says string) {
	t.Helper()
	var told struct{ Message, Type string }
	if err := json.Unmarshal([]byte(got.body), &told); err != nil {
		t.Errorf("body %q: %v", got.body, err)
	}
	if got.status != status || told.Type != errorType || got.header["x-amzn-ErrorType"] != errorType || !strings.Contains(told.Message, says) {
		t.Errorf("got %+v", got)
	}
	if got.header["Content-Type"] != "application/json" || got.header["X-Amzn-RequestId"] == "" {
		t.Errorf("header %v", got.header)
	}
	checkRetryAfter(t, got, status)
}

// checkRetryAfter: whoever may try again is told when.
func checkRetryAfter(t *testing.T, got answered, status int) {
	t.Helper()
	if wants := status == 429 || status == 503; (got.header["Retry-After"] == retryAfter) != wants {
		t.Errorf("Retry-After %q, wanted %v", got.header["Retry-After"], wants)
	}
}

// TestRefusesToOpenAI: the same in OpenAI's form.
func TestRefusesToOpenAI(t *testing.T) {
	for name, test := range refusals {
		if strings.Contains(name, "body") || test.errorType == "SerializationException" || strings.HasPrefix(name, "deep") {
			continue // what OpenAI's bodies must be is package chat's to say
		}
		for _, stream := range []string{"false", "true"} {
			t.Run(name+"/"+stream, func(t *testing.T) {
				b := newBedrock(t, map[string][]scripted{"arn:a": {test.answer}})
				h, _ := served(b.client(), refusingStore())
				in := request("v1/chat/completions", "support", `{"model":"support","stream":`+stream+`,"messages":[{"role":"user","content":"secret"}]}`)
				if test.change != nil {
					test.change(&in)
				}
				got := handle(t.Context(), t, h, in)
				want := test.status
				if name == "quota" { // OpenAI's clients know it as one of too many requests
					want = 429
				}
				checkRefusalToOpenAI(t, got, want, test.says)
				checkRetryAfter(t, got, test.status)
			})
		}
	}
}

// checkRefusalToOpenAI holds an answer against an error of OpenAI's form.
func checkRefusalToOpenAI(t *testing.T, got answered, status int, says string) {
	t.Helper()
	var told struct {
		Error struct{ Message, Type string }
	}
	if err := json.Unmarshal([]byte(got.body), &told); err != nil {
		t.Errorf("body %q: %v", got.body, err)
	}
	if got.status != status || told.Error.Type == "" || !strings.Contains(told.Error.Message, says) {
		t.Errorf("got %+v", got)
	}
	if got.header["x-amzn-ErrorType"] != "" || got.header["Content-Type"] != "application/json" || got.header["X-Request-Id"] == "" {
		t.Errorf("header %v", got.header)
	}
}

// TestTriesAgain: what may pass is tried again before the caller is told, a
// model that is not ready too, and what will not is not.
func TestTriesAgain(t *testing.T) {
	for code, test := range map[string]struct{ status, tries int }{
		"ThrottlingException": {429, 4}, "ModelNotReadyException": {429, 4}, "ServiceUnavailableException": {503, 4},
		"InternalServerException": {500, 4}, "ModelTimeoutException": {408, 1}, "ModelErrorException": {424, 1}, "ValidationException": {400, 1},
	} {
		for operation, whole := range map[string]scripted{"converse": {status: 200, body: "{}"}, "converse-stream": streaming(conversation, "")} {
			b := newBedrock(t, map[string][]scripted{"arn:a": {refusing(test.status, code)}})
			h, _ := served(b.client(), supports())
			if got := handle(t.Context(), t, h, request(operation, "support", "{}")); got.status == 200 || len(b.asked()) != test.tries {
				t.Errorf("%s, %s: %d after %d tries, want %d", operation, code, got.status, len(b.asked()), test.tries)
			}
			if test.tries == 1 {
				continue
			}
			b = newBedrock(t, map[string][]scripted{"arn:a": {refusing(test.status, code), whole}})
			h, _ = served(b.client(), supports())
			if got := handle(t.Context(), t, h, request(operation, "support", "{}")); got.status != 200 || len(b.asked()) != 2 {
				t.Errorf("%s, once %s: %d after %d tries, want 200 after 2", operation, code, got.status, len(b.asked()))
			}
		}
	}
}
