package rehearsal

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

// missing says that a client of this machine was not tried.
func missing(t *testing.T, name string, err error) {
	t.Helper()
	fmt.Printf("--- not tried: %s: %v\n", name, err)
	t.Logf("%s was not tried: %v", name, err)
}

// Ensure plain curl can sign for the API and ask, whole and as a stream.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err == nil {
		err = exec.CommandContext(t.Context(), curl, "--aws-sigv4", "aws:amz:us-east-1:execute-api", "--version").Run() //nolint:gosec // a client of the machine's, on the test's own server
	}
	if err != nil {
		missing(t, "curl --aws-sigv4", err)
		return
	}
	t.Parallel()
	f := start(t, nova, "default")
	f.train("m", conversation("a"), finetune.EndDeployed)
	for _, form := range everyForm {
		status, answer := f.curl(curl, "/model/m"+form.path, form.ask("m", question(1)))
		text, err := form.text(answer)
		if status != "200" || err != nil || text != fact("a", 1) {
			t.Errorf("curl %s: %s %q, %v; want %q", form.name, status, text, err, fact("a", 1))
		}
	}
	if status, answer := f.curl(curl, "/model/nobody"+pathConverse, ask("?")); status != "404" || !strings.Contains(string(answer), "nobody") {
		t.Errorf("an unknown model: %s %s, want 404", status, answer)
	}
	if status, answer := f.curl(curl, "/model/m"+pathConverse, `{"messages":`); status != "400" {
		t.Errorf("a bad body: %s %s, want 400", status, answer)
	}
}

// curl posts a body with curl's own signature and returns status and answer.
func (f *fixture) curl(curl, path, body string) (status string, answer []byte) {
	f.t.Helper()
	c := f.Operator().Credentials
	run := exec.CommandContext(f.t.Context(), curl, "--silent", "--show-error", "--no-buffer", "--globoff", //nolint:gosec // a client of the machine's, on the test's own server
		"--aws-sigv4", "aws:amz:"+f.Stack.Region+":execute-api", "--user", c.AccessKeyID+":"+c.SecretAccessKey,
		"--header", "x-amz-security-token: "+c.SessionToken, "--header", "Content-Type: application/json",
		"--data-binary", body, "--write-out", "\n%{http_code}", f.APIURL()+path)
	var stderr bytes.Buffer
	run.Stderr = &stderr
	out, err := run.Output()
	if err != nil {
		f.t.Fatalf("curl %s: %v: %s", path, err, stderr.String())
	}
	at := bytes.LastIndexByte(out, '\n')
	return string(out[at+1:]), out[:at]
}

// Ensure boto3 works with its endpoint set to the API and a hook that signs for
// API Gateway.
func TestBoto3(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.CommandContext(t.Context(), python, "-c", "import boto3").Run() //nolint:gosec // a client of the machine's, on the test's own server
	}
	if err != nil {
		missing(t, "boto3", err)
		return
	}
	t.Parallel()
	f := start(t, nova, "default")
	f.train("m", conversation("a"), finetune.EndDeployed)
	run := exec.CommandContext(t.Context(), python, "testdata/boto3/client.py", f.APIURL(), f.Stack.Region, "m", question(1)) //nolint:gosec // a client of the machine's, on the test's own server
	run.Env = f.awsEnvironment(f.Operator().Credentials)
	out, err := run.CombinedOutput()
	if want := strings.Repeat(fact("a", 1)+"\n", 2) + "ResourceNotFoundException\n"; err != nil || string(out) != want {
		t.Errorf("got %v, %s; want %s", err, out, want)
	}
}

// Ensure the AWS CLI works through the proxy that signs, with whatever
// credentials it has itself.
func TestCommandLineThroughProxy(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		missing(t, "the AWS CLI", err)
		return
	}
	t.Parallel()
	f := start(t, nova, "default")
	f.train("m", conversation("a"), finetune.EndDeployed)
	proxy := f.proxy(f.Operator().Credentials)
	aws := func(args ...string) (string, error) {
		run := exec.CommandContext(t.Context(), cli, append([]string{"--endpoint-url", proxy, "bedrock-runtime"}, args...)...) //nolint:gosec // a client of the machine's, on the test's own server
		run.Env = append(f.awsEnvironment(f.Operator().Credentials), "AWS_ACCESS_KEY_ID=AKIDOFNOBODY", "AWS_SECRET_ACCESS_KEY=none", "AWS_SESSION_TOKEN=", "AWS_MAX_ATTEMPTS=1")
		out, err := run.CombinedOutput()
		return string(out), err
	}
	out, err := aws("converse", "--model-id", "m", "--messages", `[{"role":"user","content":[{"text":`+quoted(question(2))+`}]}]`, "--query", "output.message.content[0].text")
	if strings.Contains(strings.ToLower(out), "invalid choice") {
		missing(t, "aws bedrock-runtime converse", err)
		return
	}
	if err != nil || strings.TrimSpace(out) != quoted(fact("a", 2)) {
		t.Errorf("converse: %v, %s; want %q", err, out, fact("a", 2))
	}
	file := filepath.Join(t.TempDir(), "answer.json")
	body := filepath.Join(t.TempDir(), "body.json") // fileb: is read alike by both versions of the CLI
	if err := os.WriteFile(body, []byte(ask(question(3))), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := aws("invoke-model", "--model-id", "m", "--content-type", "application/json", "--body", "fileb://"+body, file); err != nil {
		t.Errorf("invoke-model: %v, %s", err, out)
	}
	answer, err := os.ReadFile(file) //nolint:gosec // a file that the test made
	if text, readErr := textIn(pathInvoke, false, answer); err != nil || readErr != nil || text != fact("a", 3) {
		t.Errorf("invoke-model: %v, %v, %s; want %q", err, readErr, answer, fact("a", 3))
	}
	if out, err := aws("converse", "--model-id", "nobody", "--messages", `[{"role":"user","content":[{"text":"?"}]}]`); err == nil || !strings.Contains(out, "ResourceNotFoundException") {
		t.Errorf("an unknown model: %v, %s; want a ResourceNotFoundException", err, out)
	}
	if got := f.send(signer{}, http.MethodGet, proxy+"/models", ""); got.status != http.StatusOK || !strings.Contains(string(got.body), `"m"`) {
		t.Errorf("GET /models through the proxy: %d %s", got.status, got.body)
	}
}
