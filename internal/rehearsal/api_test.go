package rehearsal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// reply is what a caller of the inference API gets.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// message is the message of an error, in Bedrock's and API Gateway's form.
func (r reply) message() string {
	var body struct{ Message string }
	if json.Unmarshal(r.body, &body) != nil {
		return ""
	}
	return body.Message
}

// signer is how a request is signed, and how long ago; mend may change it
// afterwards.
type signer struct {
	service, region string
	credentials     calls.Credentials
	ago             time.Duration
	mend            func(*http.Request)
}

// caller signs as the operator.
func (f *fixture) caller() signer {
	return signer{service: "execute-api", region: f.Stack.Region, credentials: f.Operator().Credentials}
}

// send sends a request and returns the answer.
func (f *fixture) send(s signer, method, address, body string) reply {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if s.service != "" {
		sum := sha256.Sum256([]byte(body))
		c := aws.Credentials{AccessKeyID: s.credentials.AccessKeyID, SecretAccessKey: s.credentials.SecretAccessKey, SessionToken: s.credentials.SessionToken}
		if err := v4.NewSigner().SignHTTP(f.t.Context(), c, request, hex.EncodeToString(sum[:]), s.service, s.region, time.Now().Add(-s.ago)); err != nil {
			f.t.Fatal(err)
		}
	}
	if s.mend != nil {
		s.mend(request)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		f.t.Fatal(err)
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		f.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, answer}
}

// ask is a request body with one question.
func ask(text string) string {
	return `{"messages":[{"role":"user","content":[{"text":` + quoted(text) + `}]}]}`
}

func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// Ensure only a correctly signed request gets past API Gateway: everything else
// is a 403 that neither the function nor Bedrock ever sees.
func TestUnsignedCallsAreRefused(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	f.train("m", conversation("a"), finetune.EndDeployed)
	asked := len(f.Log.Find("bedrock:InvokeModel"))
	good := f.caller()
	wrongSecret, unknownKey, expired, otherRegion, otherService := good, good, good, good, good
	wrongSecret.credentials.SecretAccessKey = strings.Repeat("0", 40)
	unknownKey.credentials.AccessKeyID = "ASIA0000000000000000"
	expired.credentials = f.Operator().Credentials
	f.Keyring.Expire(expired.credentials.AccessKeyID)
	old := good
	old.ago = 16 * time.Minute // API Gateway takes a signature of the last 15
	otherRegion.region, otherService.service = "eu-central-1", "bedrock"
	otherBody, otherPath := good, good
	otherBody.mend = func(r *http.Request) {
		r.Body = io.NopCloser(bytes.NewReader([]byte(ask("something else, and longer"))))
		r.ContentLength = int64(len(ask("something else, and longer")))
	}
	otherPath.mend = func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, "/model/n/", "/model/m/", 1) }
	tests := map[string]struct {
		signer signer
		model  string
		// errorType is API Gateway's x-amzn-ErrorType.
		errorType string
	}{
		"unsigned":             {signer{}, "m", "MissingAuthenticationTokenException"},
		"wrong secret":         {wrongSecret, "m", "InvalidSignatureException"},
		"unknown key":          {unknownKey, "m", "UnrecognizedClientException"},
		"expired signature":    {old, "m", "InvalidSignatureException"},
		"expired session":      {expired, "m", "ExpiredTokenException"},
		"signed for elsewhere": {otherRegion, "m", "InvalidSignatureException"},
		"signed for Bedrock":   {otherService, "m", "InvalidSignatureException"},
		"another body":         {otherBody, "m", "InvalidSignatureException"},
		"another path":         {otherPath, "n", "InvalidSignatureException"},
	}
	for name, test := range tests {
		got := f.send(test.signer, http.MethodPost, f.APIURL()+"/model/"+test.model+"/converse", ask(question(1)))
		if got.status != http.StatusForbidden || got.header.Get("X-Amzn-Errortype") != test.errorType {
			t.Errorf("%s: %d %s %s, want 403 %s", name, got.status, got.header.Get("X-Amzn-Errortype"), got.body, test.errorType)
		}
	}
	if now := len(f.Log.Find("bedrock:InvokeModel")); now != asked || strings.Contains(f.printed(), `"step":"invoke"`) {
		t.Errorf("Bedrock was asked %d times, or the function called", now-asked)
	}
	if got := f.send(good, http.MethodPost, f.APIURL()+"/model/m/converse", ask(question(1))); got.status != http.StatusOK {
		t.Errorf("a good request: %d %s", got.status, got.body)
	}
}

// Ensure a request that cannot be answered is refused with the status and the
// words that help its caller, in Bedrock's form.
func TestBadRequestsAreRefused(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default", func(s *bedrock.Scenario) {
		s.Deployments = []bedrock.ServeOutcome{{Match: bedrock.Match{NameContains: "unready"}, CreateFails: true}}
	})
	f.train("m", conversation("a"), finetune.EndDeployed)
	f.train("unready", conversation("a"), finetune.EndFailed)
	const converse = "/model/m/converse"
	tests := map[string]struct {
		method, path, body string
		status             int
		errorType, words   string
	}{
		"unknown model":       {"POST", "/model/nobody/converse", ask("?"), 404, "ResourceNotFoundException", "there is no model nobody"},
		"unpublished model":   {"POST", "/model/unready/converse", ask("?"), 404, "ResourceNotFoundException", "model unready is not published yet"},
		"impossible name":     {"POST", "/model/a_b/converse", ask("?"), 400, "ValidationException", "letters, digits and single hyphens"},
		"no JSON":             {"POST", converse, `{"messages":`, 400, "BadRequestException", "Invalid request body"},
		"no object":           {"POST", converse, `[]`, 400, "BadRequestException", "Invalid request body"},
		"no messages":         {"POST", converse, `{}`, 400, "BadRequestException", "Invalid request body"},
		"unknown role":        {"POST", converse, `{"messages":[{"role":"robot","content":[{"text":"?"}]}]}`, 400, "ValidationException", "enum value set"},
		"a model of its own":  {"POST", converse, strings.Replace(ask("?"), "{", `{"modelId":"x",`, 1), 400, "ValidationException", "the path names the model"},
		"assistant first":     {"POST", converse, `{"messages":[{"role":"assistant","content":[{"text":"?"}]}]}`, 400, "ValidationException", "must start with a user message"},
		"new to the schema":   {"POST", converse, strings.Replace(ask("?"), "{", `{"memberOfTomorrow":1,`, 1), 400, "ValidationException", "memberOfTomorrow"},
		"another method":      {"GET", converse, "", 403, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		"another operation":   {"POST", "/model/m/count-tokens", ask("?"), 403, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		"below the operation": {"POST", converse + "/x", ask("?"), 403, "MissingAuthenticationTokenException", "Missing Authentication Token"},
		"another stage":       {"POST", "/../test" + converse, ask("?"), 403, "ForbiddenException", "Forbidden"},
	}
	for name, test := range tests {
		address, err := url.JoinPath(f.APIURL(), test.path)
		if err != nil {
			t.Fatal(err)
		}
		got := f.send(f.caller(), test.method, address, test.body)
		if got.status != test.status || got.header.Get("X-Amzn-Errortype") != test.errorType || !strings.Contains(got.message(), test.words) {
			t.Errorf("%s: %d %s %s, want %d %s: %s", name, got.status, got.header.Get("X-Amzn-Errortype"), got.body, test.status, test.errorType, test.words)
		}
		if got.header.Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s: the answer has no request id: %v", name, got.header)
		}
	}
}

// Ensure body and answer pass through untouched: what a caller gets is, byte by
// byte, what Bedrock answers to the same body, and every member counts.
func TestBodiesPassThrough(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	run, _ := f.train("garden-help", conversation("a"), finetune.EndDeployed)
	direct := signer{service: "bedrock", region: f.Stack.Region, credentials: f.Administrator().Credentials}
	bedrockURL := f.URL(serviceBedrockRuntime) + "/model/" + url.PathEscape(run.Endpoint.ModelID) + "/converse"
	text := strings.TrimSuffix(ask(question(1)), "}")
	tests := map[string]struct{ body, answer string }{
		"a question":     {text + "}", fact("a", 1)},
		"a system":       {text + `,"system":[{"text":"Answer as a ferryman, whatever the river says."}]}`, fact("a", 1)},
		"few tokens":     {text + `,"inferenceConfig":{"maxTokens":2,"temperature":0.5,"topP":0.90}}`, fact("a", 1)[:12]},
		"a stop":         {text + `,"inferenceConfig":{"stopSequences":["; the note"]}}`, strings.Split(fact("a", 1), "; the note")[0]},
		"odd characters": {" { \"system\" : [ {\"text\":\"\\u00e9\\ud83d\\ude00 \\/ 日本\"} ] , " + strings.TrimPrefix(text, "{") + " } \n", fact("a", 1)},
	}
	for name, test := range tests {
		want := f.send(direct, http.MethodPost, bedrockURL, test.body)
		got := f.send(f.caller(), http.MethodPost, f.APIURL()+"/model/garden-help/converse", test.body)
		if got.status != http.StatusOK || want.status != http.StatusOK || !bytes.Equal(got.body, want.body) {
			t.Errorf("%s: %d %s, want Bedrock's own %d %s", name, got.status, got.body, want.status, want.body)
		}
		if !strings.Contains(string(got.body), `"text":`+quoted(test.answer)+`}`) {
			t.Errorf("%s: %s, want the text %q", name, got.body, test.answer)
		}
	}
	for _, model := range []string{"garden%2Dhelp", "%67arden-help"} { // who may ask is decided by the path as it stands
		if got := f.send(f.caller(), http.MethodPost, f.APIURL()+"/model/"+model+"/converse", text+"}"); got.status != http.StatusBadRequest {
			t.Errorf("asking %s: %d %s, want 400", model, got.status, got.body)
		}
	}
	f.spelledAsBedrock(tests["few tokens"].body, "max_tokens")
}

// spelledAsBedrock holds an answer's members against Converse's output shape.
func (f *fixture) spelledAsBedrock(body, stopReason string) {
	f.t.Helper()
	got := f.send(f.caller(), http.MethodPost, f.APIURL()+"/model/garden-help/converse", body)
	decoder := json.NewDecoder(bytes.NewReader(got.body))
	decoder.DisallowUnknownFields()
	var answer struct {
		Output struct {
			Message struct {
				Role    string                  `json:"role"`
				Content []struct{ Text string } `json:"content"`
			} `json:"message"`
		} `json:"output"`
		StopReason string `json:"stopReason"`
		Usage      struct {
			InputTokens  int `json:"inputTokens"`
			OutputTokens int `json:"outputTokens"`
			TotalTokens  int `json:"totalTokens"`
		} `json:"usage"`
		Metrics struct {
			LatencyMs int `json:"latencyMs"`
		} `json:"metrics"`
	}
	if err := decoder.Decode(&answer); err != nil {
		f.t.Fatalf("reading %s: %v", got.body, err)
	}
	if answer.StopReason != stopReason || answer.Usage.OutputTokens != 2 || answer.Usage.TotalTokens != answer.Usage.InputTokens+2 || answer.Output.Message.Role != "assistant" {
		f.t.Errorf("the answer is %s, want the stop reason %s after 2 tokens", got.body, stopReason)
	}
	if got.header.Get("Content-Type") != "application/json" {
		f.t.Errorf("the answer is of type %s", got.header.Get("Content-Type"))
	}
}

// Ensure what Bedrock refuses is told as far as it is the caller's to know.
func TestRefusalsOfBedrock(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	run, _ := f.train("m", conversation("a"), finetune.EndDeployed)
	tests := map[string]struct {
		fault      calls.Fault
		status     int
		errorType  string
		words      string
		retryAfter bool
	}{
		"throttled": {calls.Fault{Status: 429, Code: "ThrottlingException", Message: "Too many tokens, please wait"}, 429, "ThrottlingException", "Too many tokens, please wait", true},
		"invalid":   {calls.Fault{Status: 400, Code: "ValidationException", Message: "maxTokens is beyond this model's limit"}, 400, "ValidationException", "maxTokens is beyond this model's limit", false},
		"its own rights are missing": {
			calls.Fault{Status: 403, Code: "AccessDeniedException", Message: "role/secret-name is not authorized"}, 500, "InternalServerException", "operators find why by its request id", false,
		},
	}
	for name, test := range tests {
		f.Log.SetHook(func(c calls.Call) *calls.Fault {
			if c.Action != "bedrock:InvokeModel" {
				return nil
			}
			return &test.fault
		})
		got := f.send(f.caller(), http.MethodPost, f.APIURL()+"/model/m/converse", ask(question(1)))
		if got.status != test.status || got.header.Get("X-Amzn-Errortype") != test.errorType || !strings.Contains(got.message(), test.words) {
			t.Errorf("%s: %d %s %s, want %d %s: %s", name, got.status, got.header.Get("X-Amzn-Errortype"), got.body, test.status, test.errorType, test.words)
		}
		if told := got.header.Get("Retry-After") != ""; told != test.retryAfter || strings.Contains(string(got.body), "secret-name") {
			t.Errorf("%s: headers %v, body %s; want Retry-After: %t and nothing of the role", name, got.header, got.body, test.retryAfter)
		}
	}
	f.Log.SetHook(nil)
	f.deleteAsOperator(bedrock.Billed{Kind: bedrock.KindDeployment, ARN: run.Endpoint.ModelID})
	// What is gone has no tags, by which the function may ask: Bedrock may answer
	// that it may not, or that there is no such model.
	for name, want := range map[string]struct {
		hook   calls.Hook
		status int
		words  string
	}{
		"denied": {nil, http.StatusInternalServerError, "operators find why by its request id"},
		"not found": {func(c calls.Call) *calls.Fault {
			if c.Action != "bedrock:InvokeModel" {
				return nil
			}
			return &calls.Fault{Status: 404, Code: "ResourceNotFoundException", Message: "Could not find " + c.Resource}
		}, http.StatusNotFound, "does not exist any more"},
	} {
		f.Log.SetHook(want.hook)
		got := f.send(f.caller(), http.MethodPost, f.APIURL()+"/model/m/converse", ask(question(1)))
		if got.status != want.status || !strings.Contains(got.message(), want.words) || strings.Contains(got.message(), run.Endpoint.ModelID) {
			t.Errorf("deleted from outside, %s: %d %s, want %d with words of ours", name, got.status, got.body, want.status)
		}
	}
	if _, _, err := f.Converse(context.Background(), "m", []byte(ask("?"))); err != nil {
		t.Error(err)
	}
}
