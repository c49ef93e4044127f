package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/lambdaenv"
)

// environment sets what Lambda and the infrastructure set.
func environment(t *testing.T, s3, bedrock string) {
	t.Helper()
	for name, value := range lambdaenv.Env(lambdaenv.Invoke{Bucket: "bucket", Stack: "tuneline-test", Guardrail: `{"id":"gr-1","version":"7"}`}) {
		t.Setenv(name, value)
	}
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session",
		"AWS_MAX_ATTEMPTS": "1", "AWS_ENDPOINT_URL_S3": s3, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock,
	} {
		t.Setenv(name, value)
	}
}

// fakeS3 has the record of one model, for whoever signs as the function does.
func fakeS3(t *testing.T) *httptest.Server {
	record, err := json.Marshal(serving("arn:a"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := string(record)
		switch {
		case !signed(r.Header, "s3"):
			w.WriteHeader(http.StatusForbidden)
		case r.URL.Path == "/bucket" && r.URL.Query().Get("prefix") == "registry/" && r.URL.Query().Get("delimiter") == "/":
			answer = `<ListBucketResult><Contents><Key>registry/support.json</Key></Contents></ListBucketResult>`
		case r.URL.Path != "/bucket/registry/support.json":
			w.WriteHeader(http.StatusNotFound)
			answer = `<Error><Code>NoSuchKey</Code></Error>`
		}
		if _, err := io.WriteString(w, answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// signed says whether a request is signed as the environment says.
func signed(header http.Header, service string) bool {
	by := header.Get("Authorization")
	return strings.Contains(by, "Credential=AKIDEXAMPLE/") && strings.Contains(by, "/eu-central-1/"+service+"/") && header.Get("X-Amz-Security-Token") == "session"
}

// TestStart: the handler of an environment reads the registry in S3 and asks
// Bedrock, as the role and in the Region that Lambda names, with the guardrail.
func TestStart(t *testing.T) {
	b := newBedrock(t, map[string][]scripted{"arn:a": {{status: 200, body: converseAnswer}, refusing(429, "ThrottlingException")}})
	environment(t, fakeS3(t).URL, b.URL)
	h, err := start()
	if err != nil {
		t.Fatal(err)
	}
	if got := handle(t.Context(), t, h, get("/models", "")); got.status != 200 || !strings.Contains(got.body, `"model":"support"`) {
		t.Errorf("listed %+v", got)
	}
	for _, step := range []struct {
		model string
		want  int
	}{{"support", 200}, {"nobody", 404}, {"support", 429}} {
		if got := handle(t.Context(), t, h, request("converse", step.model, "{}")); got.status != step.want {
			t.Errorf("%s got %+v, want %d", step.model, got, step.want)
		}
	}
	asked := b.asked()
	if len(asked) != 2 || !signed(asked[0].header, "bedrock") || !strings.Contains(asked[0].body, `"gr-1"`) || h.stack != "tuneline-test" {
		t.Errorf("Bedrock was asked %+v for %s, with one attempt each", asked, h.stack)
	}
}

// TestDoesNotStart: half an environment is said, and not served with.
func TestDoesNotStart(t *testing.T) {
	for variable, values := range map[string][]string{
		"TUNELINE_BUCKET": {""}, "TUNELINE_STACK": {""}, "TUNELINE_GUARDRAIL": {"", "no JSON", "[]"},
		"AWS_REGION": {""}, "AWS_ACCESS_KEY_ID": {""}, "AWS_SECRET_ACCESS_KEY": {""}, "AWS_MAX_ATTEMPTS": {"many"},
	} {
		for _, value := range values {
			t.Run(fmt.Sprint(variable, "=", value), func(t *testing.T) {
				environment(t, "http://127.0.0.1:1", "http://127.0.0.1:1")
				t.Setenv(variable, value)
				if _, err := start(); err == nil {
					t.Error("it started")
				}
			})
		}
	}
	environment(t, "http://127.0.0.1:1", "http://127.0.0.1:1")
	t.Setenv("AWS_MAX_ATTEMPTS", "")
	t.Setenv("TUNELINE_GUARDRAIL", "{}")
	if h, err := start(); err != nil || h.guard.set {
		t.Errorf("without a guardrail: %v", err)
	}
}

// Ensure the runtime takes the processors and the memory that Lambda says there
// are, and stays as it is without a word of them.
func TestFit(t *testing.T) {
	processors, percent, limit := runtime.GOMAXPROCS(0), debug.SetGCPercent(100), debug.SetMemoryLimit(-1)
	defer func() {
		runtime.GOMAXPROCS(processors)
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}()
	for memory, want := range map[string]struct {
		processors, percent int
		limit               int64
	}{
		"":     {3, 100, limit},
		"much": {3, 100, limit},
		"0":    {3, 100, limit},
		"1024": {1, 400, 768 << 20},
		"1769": {1, 400, 1769 << 20 / 4 * 3},
		"1770": {2, 400, 1770 << 20 / 4 * 3},
	} {
		runtime.GOMAXPROCS(3)
		debug.SetGCPercent(100)
		debug.SetMemoryLimit(limit)
		fit(memory)
		if got := runtime.GOMAXPROCS(0); got != want.processors {
			t.Errorf("%q MB: got %d processors, want %d", memory, got, want.processors)
		}
		if got := debug.SetGCPercent(100); got != want.percent {
			t.Errorf("%q MB: collects at %d percent, want %d", memory, got, want.percent)
		}
		if got := debug.SetMemoryLimit(-1); got != want.limit {
			t.Errorf("%q MB: the limit is %d, want %d", memory, got, want.limit)
		}
	}
}
