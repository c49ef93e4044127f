package proxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tuneline/tuneline/internal/loopback"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// api is an API that takes signed requests only, and remembers them.
type api struct {
	*httptest.Server
	keys calls.Keyring
	seen chan *http.Request
	// body is the body of the last request seen.
	body string
}

// newAPI serves answer to whoever signs right.
func newAPI(t *testing.T, answer http.HandlerFunc) *api {
	t.Helper()
	a := &api{keys: calls.Keyring{Region: "us-east-1"}, seen: make(chan *http.Request, 16)}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := a.keys.Verify(r, service); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		a.body = string(body)
		a.seen <- r
		answer(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

// proxy is one to the API, with what change makes of it.
func (a *api) proxy(t *testing.T, change func(*Proxy)) *httptest.Server {
	t.Helper()
	target, err := url.Parse(a.URL + "/live")
	if err != nil {
		t.Fatal(err)
	}
	c := a.keys.Issue(calls.Principal{Role: "Caller", ARN: "arn:aws:iam::111122223333:role/caller"})
	p := Proxy{Target: target, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)}
	if change != nil {
		change(&p)
	}
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)
	return server
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	text   string
}

// ask sends a request and reads the answer.
func ask(t *testing.T, method, url, body string, change func(*http.Request)) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(request)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	}()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

// hello answers briefly.
func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Amzn-RequestId", "r1")
	w.WriteHeader(http.StatusTeapot)
	_, _ = io.WriteString(w, "hello")
}

// TestSigns: whatever a client's request looks like, the API sees it signed for
// execute-api, at its stage, and without what the client meant to prove.
func TestSigns(t *testing.T) {
	for name, test := range map[string]struct {
		path, want string
		model, key string
		header     http.Header
	}{
		"converse":           {path: "/model/support/converse", want: "/live/model/support/converse"},
		"OpenAI's":           {path: "/model/support/v1/chat/completions", want: "/live/model/support/v1/chat/completions", header: http.Header{"Authorization": {"Bearer unused"}}},
		"a model by default": {path: "/v1/chat/completions?b=2&a=1%20+c", want: "/live/model/support/v1/chat/completions", model: "support"},
		"odd letters":        {path: "/model/arn%3Aaws%2Fx/converse", want: "/live/model/arn%3Aaws%2Fx/converse"},
		"signed for Bedrock": {path: "/model/support/invoke", want: "/live/model/support/invoke", header: http.Header{
			"Authorization": {"AWS4-HMAC-SHA256 Credential=AKID/20200101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00"},
			"X-Amz-Date":    {"20200101T000000Z"}, "X-Amz-Security-Token": {"old"}, "X-Amz-Content-Sha256": {"UNSIGNED-PAYLOAD"}, "X-Amz-User-Agent": {"sdk"},
		}},
		"with the key":     {path: "/model/support/converse", want: "/live/model/support/converse", key: "k", header: http.Header{"Authorization": {"bearer k"}}},
		"from a page here": {path: "/model/support/converse", want: "/live/model/support/converse", header: http.Header{"Origin": {"http://localhost:3000"}, "Cookie": {"a=b"}, "Sec-Fetch-Site": {"same-site"}}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, hello)
			server := a.proxy(t, func(p *Proxy) { p.Model, p.Key = test.model, test.key })
			got := ask(t, http.MethodPost, server.URL+test.path, `{"a":1}`, func(r *http.Request) {
				for name, values := range test.header {
					r.Header[name] = values
				}
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("X-Api-Key", "client's")
			})
			if got.status != http.StatusTeapot || got.text != "hello" || got.header.Get("X-Amzn-RequestId") != "r1" {
				t.Fatalf("got %+v", got)
			}
			seen := <-a.seen
			if got := seen.URL.EscapedPath(); got != test.want || a.body != `{"a":1}` || seen.Header.Get("X-Api-Key") != "client's" {
				t.Errorf("the API saw %s with %s and %v", got, a.body, seen.Header)
			}
			for _, name := range []string{"Cookie", "Origin"} {
				if seen.Header.Get(name) != "" {
					t.Errorf("%s went on", name)
				}
			}
		})
	}
}

// TestAPIKey: the proxy's own key for a usage plan replaces the client's.
func TestAPIKey(t *testing.T) {
	a := newAPI(t, hello)
	server := a.proxy(t, func(p *Proxy) { p.APIKey = "ours" })
	ask(t, http.MethodGet, server.URL+"/models", "", func(r *http.Request) { r.Header.Set("X-Api-Key", "client's") })
	if seen := <-a.seen; seen.Header.Get("X-Api-Key") != "ours" || seen.URL.Path != "/live/models" {
		t.Errorf("the API saw %v at %s", seen.Header, seen.URL.Path)
	}
}

// TestGuard: what does not come from a program on this machine, with the key, is
// refused in both dialects, and never reaches the API.
func TestGuard(t *testing.T) {
	for name, test := range map[string]struct {
		method string
		change func(*http.Request)
		status int
		kind   string
	}{
		"another host":         {"POST", func(r *http.Request) { r.Host = "evil.example:8787" }, 403, "AccessDeniedException"},
		"a host like ours":     {"POST", func(r *http.Request) { r.Host = "localhost.evil.example" }, 403, "AccessDeniedException"},
		"an address elsewhere": {"GET", func(r *http.Request) { r.Host = "10.0.0.1" }, 403, "AccessDeniedException"},
		"another site's page":  {"POST", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, "AccessDeniedException"},
		"a page of nowhere":    {"POST", func(r *http.Request) { r.Header.Set("Origin", "null") }, 403, "AccessDeniedException"},
		"an extension":         {"POST", func(r *http.Request) { r.Header.Set("Origin", "chrome-extension://localhost") }, 403, "AccessDeniedException"},
		"two origins":          {"POST", func(r *http.Request) { r.Header["Origin"] = []string{"http://localhost", "https://evil.example"} }, 403, "AccessDeniedException"},
		"an image elsewhere":   {"GET", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, "AccessDeniedException"},
		"another method":       {"DELETE", nil, 405, "UnknownOperationException"},
		"a preflight":          {"OPTIONS", nil, 405, "UnknownOperationException"},
		"no key":               {"POST", func(r *http.Request) { r.Header.Del("Authorization") }, 401, "UnrecognizedClientException"},
		"another key":          {"POST", func(r *http.Request) { r.Header.Set("Authorization", "Bearer other") }, 401, "UnrecognizedClientException"},
		"the key's beginning":  {"POST", func(r *http.Request) { r.Header.Set("Authorization", "Bearer secre") }, 401, "UnrecognizedClientException"},
		"another scheme":       {"POST", func(r *http.Request) { r.Header.Set("Authorization", "Basic secret") }, 401, "UnrecognizedClientException"},
		"more than 6 MB":       {"POST", func(r *http.Request) { large(r, maxBody+1) }, 413, "ValidationException"},
		"and without a length": {"POST", func(r *http.Request) { large(r, maxBody+1); r.ContentLength = -1 }, 413, "ValidationException"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, hello)
			server := a.proxy(t, func(p *Proxy) { p.Key = "secret" })
			got := ask(t, test.method, server.URL+"/model/support/converse", "", func(r *http.Request) {
				r.Header.Set("Authorization", "Bearer secret")
				if test.change != nil {
					test.change(r)
				}
			})
			checkRefusal(t, got, test.status, test.kind)
			if len(a.seen) > 0 {
				t.Error("the API saw it")
			}
		})
	}
}

// large makes a request's body n bytes long.
func large(r *http.Request, n int) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(make([]byte, n))), int64(n)
}

// checkRefusal reads a refusal as AWS's clients do, and as OpenAI's do.
func checkRefusal(t *testing.T, got answer, status int, kind string) {
	t.Helper()
	var told struct {
		Message, Type string
		Error         struct{ Message, Type, Code string }
	}
	if err := json.Unmarshal([]byte(got.text), &told); err != nil {
		t.Fatalf("%v in %s", err, got.text)
	}
	if got.status != status || got.header.Get("x-amzn-ErrorType") != kind || told.Type != kind || told.Message == "" {
		t.Errorf("got %+v, want %d %s", got, status, kind)
	}
	if told.Error.Message != told.Message || told.Error.Type == "" || told.Error.Code == "" {
		t.Errorf("OpenAI's clients read %+v", told.Error)
	}
}

// TestStreams: each event is there as soon as it is written, and an answer that
// breaks off does not look like one that ended.
func TestStreams(t *testing.T) {
	next := make(chan bool)
	a := newAPI(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for whole := range next {
			_, _ = io.WriteString(w, "data: a\n\n")
			w.(http.Flusher).Flush()
			if !whole {
				panic(http.ErrAbortHandler)
			}
		}
	})
	server := a.proxy(t, nil)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/model/support/converse-stream", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	go func() { next <- true }()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it has broken off
	lines := bufio.NewReader(response.Body)
	for range 3 {
		if line, err := lines.ReadString('\n'); err != nil || line != "data: a\n" {
			t.Fatalf("got %q, %v", line, err)
		}
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		next <- true // the server has written nothing more than what was read
	}
	next <- false
	if rest, err := io.ReadAll(lines); err == nil {
		t.Errorf("an answer that broke off ends well, with %q", rest)
	}
}

// TestClientGone: a client that goes ends the call of the API.
func TestClientGone(t *testing.T) {
	gone := make(chan struct{})
	a := newAPI(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	})
	server := a.proxy(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/model/support/converse-stream", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it has broken off
	cancel()
	select {
	case <-gone:
	case <-time.After(time.Minute):
		t.Fatal("the API's call goes on")
	}
}

// TestFailures: what keeps the API from answering is told in both dialects.
func TestFailures(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Proxy)
		status int
		kind   string
		says   string
	}{
		"no credentials": {func(p *Proxy) {
			p.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, errors.New("the SSO session has expired")
			})
		}, 401, "ExpiredTokenException", "aws sso login"},
		"nobody there": {func(p *Proxy) { p.Target = nowhere(t) }, 502, "ServiceUnavailableException", "could not be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAPI(t, hello).proxy(t, test.change)
			got := ask(t, http.MethodPost, server.URL+"/model/support/v1/chat/completions", "{}", nil)
			checkRefusal(t, got, test.status, test.kind)
			if !strings.Contains(got.text, test.says) {
				t.Errorf("got %s, want %q", got.text, test.says)
			}
		})
	}
}

// nowhere is an address that nobody listens on.
func nowhere(t *testing.T) *url.URL {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return &url.URL{Scheme: "http", Host: listener.Addr().String(), Path: "/live"}
}

// TestTimeout: an API that is late is told apart from one that is not there.
func TestTimeout(t *testing.T) {
	w := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodPost, "/model/a/converse", nil)
	Proxy{Target: &url.URL{Host: "api"}}.failed(w, request, &net.DNSError{IsTimeout: true})
	checkRefusal(t, answer{w.Code, w.Header(), w.Body.String()}, 504, "ModelTimeoutException")
}

// TestServe: it answers until it is told to stop, and lets a request under way
// end.
func TestServe(t *testing.T) {
	listener, err := loopback.Listen(t.Context(), loopback.Any)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	begun, finish := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(begun)
			<-finish
			_, _ = io.WriteString(w, "done")
		}))
	}()
	answered := make(chan string, 1)
	go func() {
		answered <- ask(t, http.MethodGet, "http://"+listener.Addr().String(), "", nil).text
	}()
	<-begun
	stop()
	close(finish)
	if text := <-answered; text != "done" {
		t.Errorf("the request under way got %q", text)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := Serve(t.Context(), listener, nil); err == nil {
		t.Error("a closed listener serves")
	}
}
