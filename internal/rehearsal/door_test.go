package rehearsal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/smithy-go/auth/bearer"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// door is a way into an API in one of its modes, for clients that are programs.
// Its stack serves model m with the data set a, and unready, which has no run
// that was published.
type door struct {
	*fixture
	// mode is api.auth, and key what clients that take an API key are given.
	mode, key string
	// openAI is what base URLs of openai's SDK begin with.
	openAI string
	// client is an SDK client of Bedrock's runtime whose endpoint is the API.
	client *bedrockruntime.Client
	// stranger is the way in of somebody who may ask another model only.
	stranger *door
}

// eachDoor runs a test in both modes, at the same time.
func eachDoor(t *testing.T, run func(t *testing.T, d door)) {
	for mode, open := range map[string]func(*testing.T) door{"iam": iamDoor, "jwt": jwtDoor} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.train("m", conversation("a"), finetune.EndDeployed)
			run(t, d)
		})
	}
}

// iamDoor is the API with signatures: an SDK client signs for API Gateway
// itself, and what takes an API key goes through the proxy that signs.
func iamDoor(t *testing.T) door {
	t.Helper()
	f := start(t, nova, "default")
	way := func(c calls.Credentials) door {
		return door{
			fixture: f, mode: "iam", key: "unused", openAI: f.proxy(c),
			client: bedrockruntime.New(bedrockruntime.Options{
				Region: f.Stack.Region, BaseEndpoint: aws.String(f.APIURL()), RetryMaxAttempts: 1, HTTPClient: wholeAnswers{http.DefaultClient},
				Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken),
			}, bedrockruntime.WithSigV4SigningName("execute-api")),
		}
	}
	d, stranger := way(f.Operator().Credentials), way(f.Caller("stranger", f.MayAsk("another")).Credentials)
	d.stranger = &stranger
	return d
}

// jwtDoor is the API with bearer tokens. An SDK sends a token over TLS only,
// which API Gateway has and the rehearsal has not.
func jwtDoor(t *testing.T) door {
	t.Helper()
	i := newIssuer(t)
	f := startTokens(t, i)
	front := f.tlsFront()
	way := func(token string) door {
		return door{
			fixture: f, mode: "jwt", key: token, openAI: f.APIURL(),
			client: bedrockruntime.New(bedrockruntime.Options{
				Region: f.Stack.Region, BaseEndpoint: aws.String(front.URL + f.stage()), RetryMaxAttempts: 1, HTTPClient: wholeAnswers{front.Client()},
				BearerAuthTokenProvider: bearer.StaticTokenProvider{Token: bearer.Token{Value: token}},
				AuthSchemePreference:    []string{"httpBearerAuth"},
			}),
		}
	}
	d, stranger := way(i.token(t, "tuneline/*")), way(i.token(t, "tuneline/another"))
	d.stranger = &stranger
	return d
}

// base is the base URL of openai's SDK for a model.
func (d door) base(model string) string { return d.openAI + "/model/" + model + "/v1" }

// stage is the path of the API's stage.
func (f *fixture) stage() string {
	u, err := url.Parse(f.APIURL())
	if err != nil {
		f.t.Fatal(err)
	}
	return u.Path
}

// tlsFront is the API behind TLS.
func (f *fixture) tlsFront() *httptest.Server {
	front := httptest.NewTLSServer(f.forward(nil))
	f.t.Cleanup(front.Close)
	return front
}

// forward passes requests on to the API, and each byte of an answer back as it
// comes; seen is told the status of each. A request is read to its end first: an
// answer that begins before that closes the body under who still passes it on,
// and with it the connection that the answer comes through.
func (f *fixture) forward(seen func(status int)) http.Handler {
	target, err := url.Parse(strings.TrimSuffix(f.APIURL(), f.stage()))
	if err != nil {
		f.t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			if seen != nil {
				seen(r.StatusCode)
			}
			return nil
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the client is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r)
	})
}

// command builds the operator's command line, once a test run.
var tunelineCommand = sync.OnceValues(func() (string, error) {
	path := filepath.Join(absRoot(), ScratchDir, "bin", "tuneline-under-test")
	build := exec.Command("go", "build", "-o", path, "./cmd/tuneline") //nolint:gosec // a program of this repository
	build.Dir = absRoot()
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the command line: %w: %s", err, text)
	}
	return path, nil
})

// proxy starts "tuneline proxy" with these credentials and returns its address.
func (f *fixture) proxy(c calls.Credentials) string {
	f.t.Helper()
	program, err := tunelineCommand()
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(f.t.Context())
	run := exec.CommandContext(ctx, program, "proxy", "--api", f.APIURL(), "--listen", "127.0.0.1:0", "--json") //nolint:gosec // a program of this repository
	run.Env = f.awsEnvironment(c)
	out := &address{found: make(chan string, 1)}
	run.Stdout, run.Stderr = out, out
	if err := run.Start(); err != nil {
		f.t.Fatal(err)
	}
	ended, exit := make(chan struct{}), error(nil)
	go func() {
		exit = run.Wait()
		close(ended)
	}()
	f.t.Cleanup(func() {
		stop()
		<-ended
	})
	select {
	case found := <-out.found:
		return found
	case <-ended:
		f.t.Fatalf("tuneline proxy ended: %v: %s", exit, out.text.String())
		return ""
	}
}

// address finds the first loopback URL in what a program prints.
type address struct {
	text  bytes.Buffer
	found chan string
	once  sync.Once
}

// Write looks for the URL.
func (a *address) Write(p []byte) (int, error) {
	a.text.Write(p)
	if _, rest, ok := strings.Cut(a.text.String(), "http://127.0.0.1:"); ok {
		if n := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); n > 0 {
			a.once.Do(func() { a.found <- "http://127.0.0.1:" + rest[:n] })
		}
	}
	return len(p), nil
}

// awsEnvironment is this process's environment with credentials, and without
// anything of the machine's own AWS configuration.
func (f *fixture) awsEnvironment(c calls.Credentials) []string {
	missing := filepath.Join(f.t.TempDir(), "missing")
	own := func(variable string) bool { return strings.HasPrefix(variable, "AWS_") }
	return append(slices.DeleteFunc(os.Environ(), own),
		"AWS_ACCESS_KEY_ID="+c.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+c.SecretAccessKey, "AWS_SESSION_TOKEN="+c.SessionToken,
		"AWS_REGION="+f.Stack.Region, "AWS_DEFAULT_REGION="+f.Stack.Region, "AWS_DEFAULT_OUTPUT=json", "AWS_PAGER=",
		"AWS_CONFIG_FILE="+missing, "AWS_SHARED_CREDENTIALS_FILE="+missing, "AWS_EC2_METADATA_DISABLED=true")
}

// faulty makes Bedrock refuse everything that the inference API asks it; nil
// makes it answer again.
func (f *fixture) faulty(fault *calls.Fault) {
	if fault == nil {
		f.Log.SetHook(nil)
		return
	}
	role := f.roleOf("Invoke")
	f.Log.SetHook(func(c calls.Call) *calls.Fault {
		if c.Principal.Role != role || !strings.HasPrefix(c.Action, "bedrock:InvokeModel") {
			return nil
		}
		return fault
	})
}

// breaking ends every stream after so many events; the returned function lets
// them go on again.
func (f *fixture) breaking(after int, b bedrock.StreamBreak) (mend func()) {
	f.Bedrock.SetStreamHook(func(_ context.Context, at bedrock.StreamPoint) *bedrock.StreamBreak {
		if at.Sent < after {
			return nil
		}
		return &b
	})
	return func() { f.Bedrock.SetStreamHook(nil) }
}

// The refusals of Bedrock that callers are told of in their own way.
var (
	throttled = calls.Fault{Status: http.StatusTooManyRequests, Code: "ThrottlingException", Message: "Too many tokens, please wait"}
	notReady  = calls.Fault{Status: http.StatusTooManyRequests, Code: "ModelNotReadyException", Message: "The model is being loaded"}
)
