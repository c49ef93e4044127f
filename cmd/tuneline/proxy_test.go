package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

// runningProxy is the command, from its first line on.
type runningProxy struct {
	proxyStart
	// stop ends it as Ctrl-C does, and returns what it said on standard error.
	stop func() string
}

// startProxy runs the command until the test ends it.
func startProxy(t *testing.T, args ...string) runningProxy {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	printed, stdout := io.Pipe()
	var stderr bytes.Buffer
	root := commands()
	root.SetArgs(append([]string{"proxy", "--listen", "127.0.0.1:0", "--json"}, args...))
	root.SetOut(stdout)
	root.SetErr(&stderr)
	ended := make(chan error, 1)
	go func() {
		err := root.ExecuteContext(ctx)
		_ = stdout.CloseWithError(io.EOF)
		ended <- err
	}()
	p := runningProxy{stop: func() string {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the proxy ended with %v", err)
		}
		return stderr.String()
	}}
	line, err := bufio.NewReader(printed).ReadString('\n')
	if err != nil {
		t.Fatalf("no first line: %v; it ended with %v", err, <-ended)
	}
	if err := json.Unmarshal([]byte(line), &p.proxyStart); err != nil {
		t.Fatal(err)
	}
	return p
}

// post sends JSON and returns status and answer.
func post(t *testing.T, url, body, authorization string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestProxy: an OpenAI client with any key, and an AWS client that signs for
// Bedrock, streaming or not, reach the API with nothing but an address.
func TestProxy(t *testing.T) {
	a := newAskedAPI(t)
	p := startProxy(t, "--model", "support")
	if p.API != a.URL+"/live" || p.Region != "us-east-1" || strings.Join(p.Models, " ") != "other support" {
		t.Errorf("it began as %+v", p.proxyStart)
	}
	for _, base := range []string{"/v1", "/model/support/v1"} {
		if status, text := post(t, p.URL+base+"/chat/completions", `{"model":"support"}`, "Bearer unused"); status != 200 || text != `{"object":"chat.completion"}` {
			t.Errorf("%s: got %d %s", base, status, text)
		}
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := bedrockruntime.NewFromConfig(cfg, func(o *bedrockruntime.Options) { o.BaseEndpoint = aws.String(p.URL) })
	for _, text := range []string{"How?", "How long?"} {
		q := question{text: text}
		if got, err := q.whole(t.Context(), client, "support"); err != nil || !strings.HasSuffix(got.Answer, "key.") {
			t.Errorf("got %+v, %v", got, err)
		}
		if got, err := q.stream(t.Context(), client, "support", func(string) {}); err != nil || got.Answer != "Hold the key." {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	var gone *types.ThrottlingException
	if _, err := (question{text: "fault"}).stream(t.Context(), client, "support", func(string) {}); !errors.As(err, &gone) {
		t.Errorf("got %v", err)
	}
	if said := p.stop(); said != "" {
		t.Errorf("it said %q", said)
	}
}

// TestProxyKey: with a key, clients must have it, each in its own way.
func TestProxyKey(t *testing.T) {
	newAskedAPI(t)
	t.Setenv("TUNELINE_PROXY_KEY", "secret")
	p := startProxy(t)
	defer p.stop()
	for authorization, want := range map[string]int{"": 401, "Bearer other": 401, "Bearer secret": 200} {
		if status, text := post(t, p.URL+"/model/support/v1/chat/completions", `{}`, authorization); status != want {
			t.Errorf("%q: got %d %s", authorization, status, text)
		}
	}
}

// TestProxyCannotList: who may ask a model only is not kept from it.
func TestProxyCannotList(t *testing.T) {
	a := newAskedAPI(t)
	a.refusals["/live/models"] = refusalOf{403, "AccessDeniedException", "not authorized"}
	p := startProxy(t, "--api", a.URL+"/live")
	if status, _ := post(t, p.URL+"/model/support/converse", `{}`, ""); status != 200 || len(p.Models) != 0 {
		t.Errorf("got %d, %v", status, p.Models)
	}
	if said := p.stop(); !strings.Contains(said, "the models cannot be listed") {
		t.Errorf("it said %q", said)
	}
}

// TestProxyRefused: what cannot be proxied is told at once.
func TestProxyRefused(t *testing.T) {
	a := newAskedAPI(t)
	for args, want := range map[string]string{
		"proxy now":                                                "flags only",
		"proxy --listen 0.0.0.0:8787":                              "other machines",
		"proxy --listen 8787":                                      "no address",
		"proxy --model a/b":                                        "letters",
		"proxy --stack other --listen 127.0.0.1:0":                 "--api",
		"proxy --api nothing --listen 127.0.0.1:0":                 "ApiEndpoint",
		"proxy --api http://127.0.0.1:1/live --listen 127.0.0.1:0": "could not be reached",
	} {
		if exit, stdout, stderr := command(t, strings.Fields(args)...); exit != exitError || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %q, %q; want %q", args, exit, stdout, stderr, want)
		}
	}
	a.auth = "jwt"
	if exit, _, stderr := command(t, "proxy", "--listen", "127.0.0.1:0"); exit != exitError || !strings.Contains(stderr, "needs no proxy: give clients "+a.URL+"/live/model/<model>/v1 as base URL") {
		t.Errorf("exit %d, %q", exit, stderr)
	}
	t.Setenv("TUNELINE_TOKEN", "good")
	if exit, _, stderr := command(t, "proxy", "--listen", "127.0.0.1:0"); exit != exitError || !strings.Contains(stderr, "needs no proxy") {
		t.Errorf("exit %d, %q", exit, stderr)
	}
}

// TestProxyTells: a person is told what to paste for each client, and the key in
// none of it.
func TestProxyTells(t *testing.T) {
	for name, test := range map[string]struct {
		start proxyStart
		want  []string
	}{
		"plain": {proxyStart{Models: []string{"a", "b"}}, []string{
			"served: a, b", "--endpoint-url http://127.0.0.1:1 --region r --model-id a ", `endpoint_url="http://127.0.0.1:1"`, "OPENAI_BASE_URL=http://127.0.0.1:1/model/a/v1 OPENAI_API_KEY=unused",
			`ChatOpenAI(base_url="http://127.0.0.1:1/model/a/v1", api_key="unused", model="a")`, `"openai/a"`, "curl http://127.0.0.1:1/model/a/v1/chat/completions",
		}},
		"nothing known": {proxyStart{}, []string{"/model/MODEL/v1"}},
		"a model and a key": {proxyStart{model: "b", key: "secret"}, []string{
			"AWS_BEARER_TOKEN_BEDROCK=$TUNELINE_PROXY_KEY aws ", "OPENAI_BASE_URL=http://127.0.0.1:1/v1 OPENAI_API_KEY=$TUNELINE_PROXY_KEY", "authorization: Bearer $TUNELINE_PROXY_KEY", `api_key=os.environ["TUNELINE_PROXY_KEY"]`, `"model":"b"`,
		}},
	} {
		var out bytes.Buffer
		command := proxyCommand()
		command.SetOut(&out)
		test.start.URL, test.start.API, test.start.Region = "http://127.0.0.1:1", "https://api/live", "r"
		if err := test.start.tell(command, false); err != nil {
			t.Fatal(err)
		}
		for _, want := range append(test.want, "http://127.0.0.1:1 → https://api/live", "Ctrl-C") {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: the output lacks %q:\n%s", name, want, &out)
			}
		}
		if strings.Contains(out.String(), "secret") {
			t.Errorf("%s: the key is told:\n%s", name, &out)
		}
	}
}
