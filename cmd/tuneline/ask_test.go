package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/charmbracelet/lipgloss"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// askedAPI is a stack's API as its callers see it, and Bedrock and CloudFormation
// beside it: it takes what is signed for the service it is asked as, or a token.
type askedAPI struct {
	*httptest.Server
	keys calls.Keyring
	// auth is "iam", or "jwt" for an API that takes the token "good".
	auth string

	mu     sync.Mutex
	bodies map[string]string
	// times counts the requests of a path.
	times map[string]int
	keyed string
	// refusals are answers to a path's questions that are errors.
	refusals map[string]refusalOf
	output   string
}

// refusalOf is an error as the API words it.
type refusalOf struct {
	status        int
	kind, message string
}

// newAskedAPI serves the API at /live, and has the environment ask it and AWS.
func newAskedAPI(t *testing.T) *askedAPI {
	t.Helper()
	a := &askedAPI{auth: "iam", keys: calls.Keyring{Region: "us-east-1"}, bodies: map[string]string{}, times: map[string]int{}, refusals: map[string]refusalOf{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /live/models", a.signed("execute-api", a.say(`{"models":[{"model":"other","baseModel":"b"},{"model":"support"}]}`)))
	mux.HandleFunc("GET /live/models/{model}", a.signed("execute-api", a.say(`{"model":"support","baseModel":"amazon.nova-micro-v1:0:128k","run":"0123456789abcdef"}`)))
	mux.HandleFunc("POST /live/model/{model}/converse", a.signed("execute-api", a.say(answerOf("Hold the \\u001b[31mkey."))))
	mux.HandleFunc("POST /live/model/{model}/converse-stream", a.signed("execute-api", a.stream))
	mux.HandleFunc("POST /live/model/{model}/v1/chat/completions", a.signed("execute-api", a.say(`{"object":"chat.completion"}`)))
	mux.HandleFunc("POST /model/{model}/converse", a.signed("bedrock", a.say(answerOf("I do not know it."))))
	mux.HandleFunc("POST /{$}", a.signed("cloudformation", a.stacks))
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	a.output = "<member><OutputKey>ApiEndpoint</OutputKey><OutputValue>" + a.URL + "/live</OutputValue></member>"
	withoutAccount(t)
	issued := a.keys.Issue(calls.Principal{Role: "Caller", ARN: "arn:aws:iam::111122223333:role/caller"})
	for key, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": issued.AccessKeyID, "AWS_SECRET_ACCESS_KEY": issued.SecretAccessKey, "AWS_SESSION_TOKEN": issued.SessionToken,
		"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": a.URL, "AWS_MAX_ATTEMPTS": "1", "AWS_BEARER_TOKEN_BEDROCK": "",
		"TUNELINE_API_URL": "", "TUNELINE_TOKEN": "", "TUNELINE_API_KEY": "", "TUNELINE_PROXY_KEY": "",
	} {
		t.Setenv(key, value)
	}
	return a
}

// signed serves what is signed for a service, or has the token, and refuses the
// rest as API Gateway does.
func (a *askedAPI) signed(service string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		refused := refusalOf{}
		_, err := a.keys.Verify(r, service)
		switch {
		case a.auth == "jwt" && service == "execute-api" && r.Header.Get("Authorization") != "Bearer good":
			refused = refusalOf{401, "UnauthorizedException", "Unauthorized"}
		case (a.auth != "jwt" || service != "execute-api") && err != nil:
			refused = refusalOf{403, "AccessDeniedException", err.Error()}
		}
		body, err := io.ReadAll(r.Body)
		a.mu.Lock()
		a.times[r.URL.Path]++
		a.bodies[r.URL.Path], a.keyed = string(body), r.Header.Get("X-Api-Key")
		if planned, ok := a.refusals[r.URL.Path]; ok {
			refused = planned
		}
		a.mu.Unlock()
		if err != nil || refused.status != 0 {
			w.Header().Set("x-amzn-ErrorType", refused.kind)
			w.WriteHeader(refused.status)
			fmt.Fprintf(w, `{"message":%q}`, refused.message)
			return
		}
		next(w, r)
	}
}

// body is the last body a path was sent.
func (a *askedAPI) body(path string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.bodies[path]
}

func (a *askedAPI) say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, text)
	}
}

// answerOf is Converse's answer with a text.
func answerOf(text string) string {
	return `{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"` + text + `"}]}},"stopReason":"end_turn","usage":{"inputTokens":5,"outputTokens":3,"totalTokens":8},"metrics":{"latencyMs":1}}`
}

// stream answers a question in two pieces. A question for a broken answer gets
// one of them, one for a fault an exception, and one that stalls no end.
func (a *askedAPI) stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	asked := a.body(r.URL.Path)
	write(w, "event", "messageStart", `{"role":"assistant"}`)
	write(w, "event", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hold "}}`)
	if strings.Contains(asked, "broken") {
		return
	}
	if strings.Contains(asked, "stall") {
		_ = http.NewResponseController(w).Flush() // what cannot be sent is not read
		<-r.Context().Done()
		return
	}
	if strings.Contains(asked, "fault") {
		write(w, "exception", "throttlingException", `{"message":"slow down"}`)
		return
	}
	write(w, "event", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"the key."}}`)
	write(w, "event", "contentBlockStop", `{"contentBlockIndex":0}`)
	write(w, "event", "messageStop", `{"stopReason":"max_tokens"}`)
	write(w, "event", "metadata", `{"usage":{"inputTokens":5,"outputTokens":2,"totalTokens":7},"metrics":{"latencyMs":1}}`)
}

// write writes a frame of an event stream.
func write(w io.Writer, kind, name, payload string) {
	message := eventstream.Message{Payload: []byte(payload)}
	message.Headers.Set(":message-type", eventstream.StringValue(kind))
	message.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
	message.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	var frame bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&frame, message); err != nil {
		panic(err)
	}
	fmt.Fprint(w, frame.String())
}

// stacks is CloudFormation.
func (a *askedAPI) stacks(w http.ResponseWriter, r *http.Request) {
	form, err := url.ParseQuery(a.body(r.URL.Path))
	w.Header().Set("Content-Type", "text/xml")
	if err != nil || form.Get("StackName") != "tuneline" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack with id other does not exist</Message></Error></ErrorResponse>`)
		return
	}
	fmt.Fprintf(w, `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>tuneline</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-23T00:00:00Z</CreationTime><Outputs>%s</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`, a.output)
}

// TestAsk: the question goes through the API, signed for it, and the answer alone
// is on standard output.
func TestAsk(t *testing.T) {
	a := newAskedAPI(t)
	t.Setenv("AWS_BEARER_TOKEN_BEDROCK", "for Bedrock itself")
	t.Setenv("TUNELINE_API_KEY", "client key")
	exit, stdout, stderr := command(t, "ask", "support", "How?", "--system", "Be brief.", "--max-tokens", "7")
	if exit != exitOK || stdout != "Hold the \x1b[31mkey.\n" || !strings.Contains(stderr, "support: 5 tokens in, 3 out, ") || !strings.Contains(stderr, "end_turn") {
		t.Errorf("exit %d, %q, %q", exit, stdout, stderr)
	}
	want := `{"inferenceConfig":{"maxTokens":7},"messages":[{"content":[{"text":"How?"}],"role":"user"}],"system":[{"text":"Be brief."}]}`
	if got := a.body("/live/model/support/converse"); got != want || a.keyed != "client key" {
		t.Errorf("the API was sent %s with the key %q", got, a.keyed)
	}
}

// TestAskNamedAPI: any address of the API will do, and reading the stack is not
// needed then.
func TestAskNamedAPI(t *testing.T) {
	a := newAskedAPI(t)
	a.output = ""
	for _, address := range []string{"/live", "/live/", "/live/model/{model}/converse", "/live/model/support/v1", "/live/models"} {
		if exit, stdout, stderr := command(t, "ask", "support", "How?", "--api", a.URL+address); exit != exitOK || stdout == "" {
			t.Errorf("%s: exit %d, %q", address, exit, stderr)
		}
	}
	t.Setenv("TUNELINE_API_URL", a.URL+"/live")
	if exit, _, stderr := command(t, "ask", "support", "How?"); exit != exitOK {
		t.Errorf("exit %d, %q", exit, stderr)
	}
}

// TestAskCompare: both models are asked the same, each where it is.
func TestAskCompare(t *testing.T) {
	a := newAskedAPI(t)
	exit, stdout, _ := command(t, "ask", "support", "How?", "--compare", "--system", "s")
	for _, want := range []string{"base amazon.nova-micro-v1:0\n5 tokens in, 3 out, ", "\nI do not know it.\n", "tuned support\n", "key.\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("exit %d, the output lacks %q:\n%s", exit, want, stdout)
		}
	}
	if base := a.body("/model/amazon.nova-micro-v1:0/converse"); base == "" || base != a.body("/live/model/support/converse") {
		t.Errorf("the base model was asked %s", base)
	}
	exit, stdout, _ = command(t, "ask", "support", "How?", "--compare", "--json")
	var got comparison
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || exit != exitOK || got.Base.Answer != "I do not know it." || got.Tuned.OutputTokens != 3 || got.Question != "How?" {
		t.Errorf("exit %d, %+v, %v", exit, got, err)
	}
}

// TestAskCompareWithoutBase: a base model that does not answer is said so, with
// what to do, beside the tuned one's answer.
func TestAskCompareWithoutBase(t *testing.T) {
	a := newAskedAPI(t)
	for _, test := range []struct {
		refusal refusalOf
		says    string
	}{
		{refusalOf{400, "ValidationException", "Invocation of model ID amazon.nova-micro-v1:0 with on-demand throughput isn’t supported."}, "--base-id, such as us.amazon.nova-micro-v1:0"},
		{refusalOf{403, "AccessDeniedException", "no"}, "bedrock:InvokeModel"},
		{refusalOf{404, "ResourceNotFoundException", "ended"}, "nothing to compare with"},
		{refusalOf{400, "ValidationException", "too long"}, "too long"},
	} {
		a.refusals["/model/amazon.nova-micro-v1:0/converse"] = test.refusal
		exit, stdout, stderr := command(t, "ask", "support", "How?", "--compare")
		if exit != exitError || stderr != "" || !strings.Contains(stdout, test.says) || !strings.Contains(stdout, "key.\n") {
			t.Errorf("%v: exit %d\n%s%s", test.refusal, exit, stdout, stderr)
		}
	}
	if exit, _, stderr := command(t, "ask", "support", "How?", "--compare", "--base-id", "us.amazon.nova-micro-v1:0"); exit != exitOK {
		t.Errorf("exit %d, %s", exit, stderr)
	}
	if a.body("/model/us.amazon.nova-micro-v1:0/converse") == "" {
		t.Error("--base-id was not asked")
	}
}

// TestAskToken: an API that takes tokens is asked with one, and Bedrock with a
// signature all the same.
func TestAskToken(t *testing.T) {
	a := newAskedAPI(t)
	a.auth = "jwt"
	t.Setenv("TUNELINE_API_URL", a.URL+"/live")
	if exit, _, stderr := command(t, "ask", "support", "How?"); exit != exitError || !strings.Contains(stderr, "set TUNELINE_TOKEN") {
		t.Errorf("exit %d, %s", exit, stderr)
	}
	t.Setenv("TUNELINE_TOKEN", "old")
	if exit, _, stderr := command(t, "ask", "support", "How?"); exit != exitError || !strings.Contains(stderr, "has expired") {
		t.Errorf("exit %d, %s", exit, stderr)
	}
	t.Setenv("TUNELINE_TOKEN", "good")
	for _, flag := range []string{"--stream", "--compare", "--json"} {
		if exit, stdout, stderr := command(t, "ask", "support", "How?", flag); exit != exitOK || !strings.Contains(stdout, "Hold the") {
			t.Errorf("%s: exit %d, %s%s", flag, exit, stdout, stderr)
		}
	}
	a.refusals["/live/model/support/converse"] = refusalOf{403, "AccessDeniedException", "User is not authorized"}
	if exit, _, stderr := command(t, "ask", "support", "How?"); exit != exitError || !strings.Contains(stderr, "scope of model support") || !strings.Contains(stderr, "unset TUNELINE_TOKEN") {
		t.Errorf("exit %d, %s", exit, stderr)
	}
}

// TestAskRefused: every refusal says what to do.
func TestAskRefused(t *testing.T) {
	a := newAskedAPI(t)
	for _, test := range []struct {
		refusal refusalOf
		says    string
	}{
		{refusalOf{403, "AccessDeniedException", "no"}, "execute-api:Invoke for model support"},
		{refusalOf{403, "InvalidSignatureException", "another Region"}, "signed for us-east-1"},
		{refusalOf{413, "", "Request Too Long"}, "6 MB"},
		{refusalOf{404, "ResourceNotFoundException", "there is no model support"}, "there is no model support"},
		{refusalOf{429, "ThrottlingException", "slow down"}, "ask again in a while"},
		{refusalOf{503, "ModelNotReadyException", "loading"}, "ask again in a while"},
		{refusalOf{504, "ModelTimeoutException", "too long"}, "--max-tokens"},
	} {
		a.refusals["/live/model/support/converse"] = test.refusal
		if exit, stdout, stderr := command(t, "ask", "support", "How?"); exit != exitError || stdout != "" || !strings.Contains(stderr, test.says) || !strings.Contains(stderr, test.refusal.message) {
			t.Errorf("%v: exit %d, %q, %q", test.refusal, exit, stdout, stderr)
		}
	}
	a.refusals["/live/models/support"] = refusalOf{404, "ResourceNotFoundException", "there is no model support"}
	if exit, _, stderr := command(t, "ask", "support", "How?", "--compare"); exit != exitError || !strings.Contains(stderr, "there is no model support") {
		t.Errorf("exit %d, %q", exit, stderr)
	}
}

// TestAskArguments: what cannot be asked is told before anything is.
func TestAskArguments(t *testing.T) {
	a := newAskedAPI(t)
	for args, want := range map[string]string{ //nolint:gosec // command lines, and no credentials
		"ask support":                                                   "in quotation marks",
		"ask a/b How?":                                                  "letters",
		"ask support  ":                                                 "in quotation marks",
		"ask support How? --stream --compare":                           "choose one",
		"ask support How? --base-id x":                                  "--base-id is for --compare",
		"ask support How? --max-tokens -1":                              "--max-tokens -1",
		"ask support How? --stack other":                                "Stack with id other does not exist: name the API with --api",
		"ask support How? --api a.example.com":                          "ApiEndpoint",
		"ask support How? --api http://a.com/v":                         "https",
		"ask support How? --api https://u@a.com":                        "ApiEndpoint",
		"ask support How? --api http://127.0.0.1:1/live":                "could not be reached",
		"ask support How? --compare --api " + a.URL + "/elsewhere/live": "answers 404",
	} {
		if exit, _, stderr := command(t, strings.Fields(args)...); exit != exitError || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %q; want %q", args, exit, stderr, want)
		}
	}
	if exit, _, stderr := command(t, "ask", "support", " "); exit != exitError || !strings.Contains(stderr, "empty") {
		t.Errorf("exit %d, %q", exit, stderr)
	}
	a.output = ""
	if exit, _, stderr := command(t, "ask", "support", "How?"); exit != exitError || !strings.Contains(stderr, "no output ApiEndpoint") {
		t.Errorf("exit %d, %q", exit, stderr)
	}
}

// TestAskInput: a question may be piped.
func TestAskInput(t *testing.T) {
	a := newAskedAPI(t)
	root := commands()
	var stdout, stderr bytes.Buffer
	root.SetArgs([]string{"ask", "support", "-"})
	root.SetIn(strings.NewReader("How\nlong?"))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	if err := root.ExecuteContext(t.Context()); err != nil || stdout.Len() == 0 {
		t.Fatalf("%v, %s", err, &stderr)
	}
	if got := a.body("/live/model/support/converse"); !strings.Contains(got, `How\nlong?`) {
		t.Errorf("the API was sent %s", got)
	}
}

// TestAskRegion: the Region that is signed for is the API's own.
func TestAskRegion(t *testing.T) {
	newAskedAPI(t)
	for flags, want := range map[apiFlags]string{
		{api: "https://a1.execute-api.eu-west-1.amazonaws.com/live"}:                      "eu-west-1",
		{api: "https://a1.execute-api.eu-west-1.amazonaws.com/live", region: "us-east-2"}: "us-east-2",
		{api: "https://models.example.com/live"}:                                          "us-east-1",
	} {
		if got, err := flags.find(t.Context()); err != nil || got.cfg.Region != want {
			t.Errorf("%+v: got %s, %v; want %s", flags, got.cfg.Region, err, want)
		}
	}
}

// TestAskView: on a terminal answers stand side by side, as wide as it is, and
// command nothing.
func TestAskView(t *testing.T) {
	c := comparison{
		Base:  told{Model: "b", Answer: strings.Repeat("word ", 30), StopReason: "end_turn"},
		Tuned: told{Model: "t", Answer: "a\x1b[2Jb\r\u009bc\td", StopReason: "end_turn"},
	}
	for width, lines := range map[int]int{80: 7, 40: 7} {
		var out bytes.Buffer
		view := &askView{out: &remembering{Writer: &out}, width: width}
		if err := view.both(c); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		if strings.ContainsAny(text, "\x1b\r\u009b") || strings.Count(text, "\n") != lines {
			t.Errorf("width %d: %d lines of %q", width, strings.Count(text, "\n"), text)
		}
		for line := range strings.Lines(text) {
			if width == 80 && lipgloss.Width(line) > width {
				t.Errorf("a line is wider than %d: %q", width, line)
			}
		}
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	if view := newAskView(file, io.Discard, false); view.width != 0 || view.harmless("\x1b") != "\x1b" {
		t.Error("a file is taken for a terminal")
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}
