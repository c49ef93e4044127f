package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/preflight"
)

// useAccount has every AWS client of the test ask a server that knows who asks,
// or not even that, and refuses everything else.
func useAccount(t *testing.T, known bool) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // what is no form is refused as well
		switch {
		case known && r.PostForm.Get("Action") == "GetCallerIdentity":
			fmt.Fprint(w, "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/me</Arn><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>")
		case r.PostForm.Get("Action") != "":
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<Response><Errors><Error><Code>AccessDenied</Code><Message>no</Message></Error></Errors><Error><Code>AccessDenied</Code><Message>no</Message></Error></Response>")
		default:
			w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"__type":"AccessDeniedException","message":"no"}`)
		}
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

// TestPreflightRefused: who may do nothing is told which permissions to ask for,
// and nothing is called good or bad for it but what is known without asking.
func TestPreflightRefused(t *testing.T) {
	useAccount(t, true)
	inDir(t, map[string]string{"cdk.json": `{"app": "go run ./infra", "context": {"tuneline": {"availabilityZones": 2}}}`})
	exit, stdout, stderr := command(t, "preflight", "--dataset", "fine-tuning-datasets/support/train.jsonl")
	if exit != exitError || stderr != "" {
		t.Errorf("exit %d, %s", exit, stderr)
	}
	var asked []string
	for line := range strings.Lines(stdout) {
		if _, action, ok := strings.Cut(line, "-> allow "); ok && !slices.Contains(asked, strings.TrimSpace(action)) {
			asked = append(asked, strings.TrimSpace(action))
		}
	}
	// Names, key and role are asked for once it is known whether there is a stack.
	want := []string{
		"cloudformation:DescribeStacks", "ssm:GetParameter on /cdk-bootstrap/hnb659fds/version", "bedrock:GetFoundationModel",
		"bedrock:GetFoundationModelAvailability", "servicequotas:GetServiceQuota", "ec2:DescribeAvailabilityZones",
		"ec2:DescribeManagedPrefixLists", "apigateway:GET on /account",
	}
	if !slices.Equal(asked, want) || !strings.HasSuffix(stdout, " unknown: nothing fails of what could be looked at\n") {
		t.Errorf("got %q, want %q\n%s", asked, want, stdout)
	}

	exit, stdout, _ = command(t, "preflight", "--json", "--region", "us-west-2", "--stack", "second")
	var document struct {
		Verdict, Account, Region, Stack, Configuration string
		Lines                                          []preflight.Line
	}
	if err := json.Unmarshal([]byte(stdout), &document); err != nil {
		t.Fatal(err)
	}
	if exit != exitFindings || document.Verdict != "fails" || document.Region != "us-west-2" || document.Stack != "second" || document.Configuration != "cdk.json" || document.Account != "111122223333" {
		t.Errorf("exit %d, %+v; want it to fail, since the base model is tuned elsewhere", exit, document)
	}
}

// TestPreflightWithoutCredentials: nothing else is looked at.
func TestPreflightWithoutCredentials(t *testing.T) {
	useAccount(t, false)
	inDir(t, nil)
	exit, stdout, _ := command(t, "preflight")
	for _, part := range []string{"unknown  credentials", "-> aws sso login", "0 ok, 0 fails, 1 unknown: nothing else was looked at"} {
		if exit != exitError || !strings.Contains(stdout, part) {
			t.Errorf("exit %d, want %q in\n%s", exit, part, stdout)
		}
	}
}

// TestPreflightConfiguration: what is looked at is the configuration that would be
// deployed, and a bad one ends the command as it ends the synthesis.
func TestPreflightConfiguration(t *testing.T) {
	const llama = `{"region": "us-west-2", "baseModel": "meta.llama3-1-8b-instruct-v1:0:128k", "serving": {"mode": "provisioned"}}`
	inDir(t, map[string]string{
		"cdk.json": `{"context": {"tuneline": {"availabilityZones": 2}}}`, "config.json": llama, "other.json": llama,
		"bad.json": `{"regions": "us-east-1"}`,
	})
	for path, want := range map[string]string{"": "cdk.json us-east-1", ".": "config.json us-west-2", "other.json": "other.json us-west-2"} {
		cfg, source, err := readConfiguration(path)
		if got := source + " " + cfg.Region; err != nil || got != want {
			t.Errorf("%q: got %s, %v; want %s", path, got, err, want)
		}
	}
	for args, want := range map[string]string{
		"--config bad.json":  "regions is not a key",
		"--config none.json": "none.json",
		"--region=":          "--region is empty",
		"fly":                "takes flags only",
	} {
		if exit, _, stderr := command(t, append([]string{"preflight"}, strings.Fields(args)...)...); exit != exitError || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %q; want %q", args, exit, stderr, want)
		}
	}
	if err := os.Remove("cdk.json"); err != nil {
		t.Fatal(err)
	}
	if cfg, _, err := readConfiguration(""); err != nil || cfg.AvailabilityZones.Count != 3 {
		t.Errorf("got %+v, %v; want the default without cdk.json", cfg.AvailabilityZones, err)
	}
	if err := os.WriteFile("cdk.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readConfiguration(""); err == nil || !strings.Contains(err.Error(), "cdk.json") {
		t.Errorf("got %v, want the file named", err)
	}
}

// TestPreflightTable: one line each, what mends it below, without colours in a
// pipe, and an exit code by the worst.
func TestPreflightTable(t *testing.T) {
	report := preflight.Report{
		Account: "111122223333", Region: "us-west-2", Stack: "tuneline", Configuration: "examples/article-llama-provisioned/config.json",
		Lines: []preflight.Line{
			{Check: "credentials", Status: preflight.OK, Detail: "arn:aws:iam::111122223333:user/me in account 111122223333"},
			{Check: "quota L-BE77399C", Status: preflight.Fails, Detail: "model units: 0 granted, 1 needed", Mend: "aws service-quotas request-service-quota-increase --service-code bedrock --quota-code L-BE77399C --desired-value 1"},
			{Check: "names", Status: preflight.Unknown, Detail: "these credentials may not call logs:DescribeLogGroups", Mend: "allow logs:DescribeLogGroups"},
			{Check: "price", Status: preflight.Note, Detail: "not in this version's table"},
		},
	}
	for _, test := range []struct {
		lines []preflight.Line
		exit  int
		want  string
	}{
		{report.Lines, exitFindings, preflightTable},
		{report.Lines[2:], exitError, "\n0 ok, 0 fails, 1 unknown: nothing fails of what could be looked at\n"},
		{report.Lines[3:], exitOK, "\n0 ok, 0 fails, 0 unknown: ready\n"},
	} {
		r := report
		r.Lines = test.lines
		var out strings.Builder
		if err := printPreflight(&out, r); err != nil {
			t.Fatal(err)
		}
		var got toldError
		if err := preflightExit(r); err != nil && !errors.As(err, &got) {
			t.Error(err)
		}
		if !strings.HasSuffix(out.String(), test.want) || got.exit != test.exit {
			t.Errorf("exit %d, want %d, and\n%swant\n%s", got.exit, test.exit, out.String(), test.want)
		}
	}
	reader, writer := io.Pipe()
	_ = reader.Close() // never fails
	if err := printPreflight(writer, report); err == nil {
		t.Error("got no error of a report that nobody reads")
	}
}

const preflightTable = `stack tuneline in us-west-2, configuration examples/article-llama-provisioned/config.json

  ok       credentials       arn:aws:iam::111122223333:user/me in account 111122223333
  fails    quota L-BE77399C  model units: 0 granted, 1 needed
                             -> aws service-quotas request-service-quota-increase --service-code bedrock --quota-code L-BE77399C --desired-value 1
  unknown  names             these credentials may not call logs:DescribeLogGroups
                             -> allow logs:DescribeLogGroups
  note     price             not in this version's table

1 ok, 1 fails, 1 unknown: mend what fails, as the lines marked -> say, and look again
`
