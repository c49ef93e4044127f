package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/teardown"
)

// deployed is the article's stack with its example trained and served by a
// provisioned throughput, and an environment in which the command finds it, with
// an administrator's credentials.
func deployed(t *testing.T) *rehearsal.Cloud {
	t.Helper()
	root, err := repositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	scenario, err := bedrock.LoadScenario("article")
	if err != nil {
		t.Fatal(err)
	}
	assembly, _, err := rehearsal.Synth(t.Context(), root, article+"/config.json")
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := rehearsal.Start(context.WithoutCancel(t.Context()), rehearsal.Options{Root: root, Assembly: assembly, Scenario: scenario})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	data, err := os.Open(filepath.Join(root, article, "train.jsonl")) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = data.Close() }() // it was only read
	if _, err := cloud.Upload(t.Context(), finetune.PrefixDatasets+"m/train.jsonl", data); err != nil {
		t.Fatal(err)
	}
	if _, err := cloud.LastExecution(t.Context()); err != nil || len(cloud.Bedrock.Throughputs()) != 1 {
		t.Fatalf("%v; throughputs are %v, want one", err, cloud.Bedrock.Throughputs())
	}
	asAdministrator(t, cloud)
	return cloud
}

// asAdministrator sets what the AWS SDK reads.
func asAdministrator(t *testing.T, cloud *rehearsal.Cloud) {
	t.Helper()
	for service, url := range cloud.URLs() {
		t.Setenv("AWS_ENDPOINT_URL_"+service, url)
	}
	credentials := cloud.Administrator().Credentials
	for name, value := range map[string]string{
		"AWS_REGION": cloud.Stack.Region, "AWS_ACCESS_KEY_ID": credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY": credentials.SecretAccessKey, "AWS_SESSION_TOKEN": credentials.SessionToken,
	} {
		t.Setenv(name, value)
	}
	poll, pause := teardownPoll, teardownPause
	teardownPoll, teardownPause = 5*time.Millisecond, 5*time.Millisecond
	t.Cleanup(func() { teardownPoll, teardownPause = poll, pause })
}

// Ensure the command deletes only when it is told to, shows what goes and stays
// with its price, follows the deletion, proves the end, and does it twice.
func TestTeardown(t *testing.T) {
	cloud := deployed(t)
	throughput := cloud.Bedrock.Throughputs()[0].ARN
	shows := func(name string, wantExit int, stdout string, exit int, words ...string) {
		t.Helper()
		if exit != wantExit {
			t.Errorf("%s: exit %d, want %d\n%s", name, exit, wantExit, stdout)
		}
		for _, word := range words {
			if !strings.Contains(stdout, word) {
				t.Errorf("%s lacks %q:\n%s", name, word, stdout)
			}
		}
	}

	exit, stdout, _ := command(t, "teardown", "--dry-run")
	shows("the dry run", exitOK, stdout, exit, "What goes with the stack", throughput, "unknown", "What stays", "aws kms schedule-key-deletion", "zones: ")
	if strings.Index(stdout, "delete-custom-model") > strings.Index(stdout, "schedule-key-deletion") {
		t.Errorf("the key goes before a model:\n%s", stdout)
	}
	exit, stdout, stderr := command(t, "teardown")
	shows("without a terminal", exitError, stderr, exit, "nothing was deleted", "--yes")
	if cloud.StackStatus() != "CREATE_COMPLETE" || strings.Contains(stdout, "DELETE_") {
		t.Fatalf("the stack is %s after nobody agreed:\n%s", cloud.StackStatus(), stdout)
	}

	exit, stdout, stderr = command(t, "teardown", "--yes", "--verify")
	shows("the teardown", exitOK, stdout+stderr, exit, "DELETE_IN_PROGRESS", "DELETE_COMPLETE", "the stack is gone", "nothing billed by the hour is left", "looked twice")
	exit, stdout, _ = command(t, "teardown", "--verify", "--json")
	var again teardownDocument
	if err := json.Unmarshal([]byte(stdout), &again); err != nil || exit != exitOK {
		t.Fatalf("again: exit %d, %v\n%s", exit, err, stdout)
	}
	if again.Deletion != nil || again.Proof == nil || !again.Proof.Clean() || len(again.Inventory.Kept.Models) != 1 {
		t.Errorf("again the document is %+v; want no deletion, and the proof", again)
	}
	for _, b := range cloud.Bedrock.Billed() {
		t.Errorf("%s is still billed", b.ARN)
	}
}

// refuse lets nobody do one thing.
func refuse(cloud *rehearsal.Cloud, action string) {
	cloud.Log.SetHook(func(c calls.Call) *calls.Fault {
		if c.Action != action {
			return nil
		}
		return &calls.Fault{Status: http.StatusForbidden, Code: "AccessDeniedException", Message: "not authorized"}
	})
}

// Ensure what does not go is named with its ARN, with the exit code for scripts,
// also when the proof was not asked for.
func TestTeardownThatFails(t *testing.T) {
	cloud := deployed(t)
	throughput := cloud.Bedrock.Throughputs()[0].ARN
	cloud.ProtectStack(true)
	exit, _, stderr := command(t, "teardown", "--yes")
	if exit != exitError || !strings.Contains(stderr, "--no-enable-termination-protection") || len(cloud.Bedrock.Billed()) != 1 {
		t.Errorf("protected: exit %d, %s", exit, stderr)
	}
	cloud.ProtectStack(false)
	refuse(cloud, "bedrock:DeleteProvisionedModelThroughput")
	exit, stdout, stderr := command(t, "teardown", "--yes", "--verify=false")
	if exit != exitLeft || stderr != "" {
		t.Errorf("exit %d, want %d: %s", exit, exitLeft, stderr)
	}
	for _, want := range []string{"DELETE_FAILED", "could not be deleted", "--retain-resources", "left", throughput + ": a provisioned throughput", "aws bedrock delete-provisioned-model-throughput --provisioned-model-id " + throughput + " --region"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the output lacks %q:\n%s", want, stdout)
		}
	}
	refuse(cloud, "cloudformation:DescribeStacks")
	if exit, _, stderr := command(t, "teardown"); exit != exitError || !strings.Contains(stderr, "administrator") {
		t.Errorf("not allowed to look: exit %d, %s", exit, stderr)
	}
}

// Ensure only the stack's name is agreement, and that Ctrl-C ends the question.
func TestTeardownAsks(t *testing.T) {
	stack := teardown.Stack{Name: "tuneline", ID: "arn:stack", Status: "CREATE_COMPLETE"}
	for answer, want := range map[string]bool{
		"tuneline\n": true, " tuneline \n": true, "tuneline": true,
		"y\n": false, "yes\n": false, "no\n": false, "": false, "Tuneline\n": false, "tuneline now\n": false,
	} {
		var asked strings.Builder
		got, err := asker{strings.NewReader(answer), &asked}.agrees(t.Context(), stack, false)
		if err != nil || got != want || !strings.Contains(asked.String(), "stack tuneline") {
			t.Errorf("answered %q: %v, %v; want %v", answer, got, err, want)
		}
	}
	for name, ask := range map[string]func() (bool, error){
		"--yes": func() (bool, error) { return asker{nil, nil}.agrees(t.Context(), stack, true) },
		"under way already": func() (bool, error) {
			return asker{nil, nil}.agrees(t.Context(), teardown.Stack{Name: "tuneline", ID: "arn:stack", Status: "DELETE_IN_PROGRESS"}, false)
		},
	} {
		if agreed, err := ask(); !agreed || err != nil {
			t.Errorf("%s: %v, %v; want nobody asked", name, agreed, err)
		}
	}
	silent, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = silent.Close(), writer.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if agreed, err := (asker{readerOnly{silent}, &strings.Builder{}}).agrees(ctx, stack, false); agreed || err == nil {
		t.Errorf("interrupted: %v, %v; want nothing agreed", agreed, err)
	}
	if agreed, err := (asker{silent, &strings.Builder{}}).agrees(t.Context(), stack, false); agreed || err == nil || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("without a terminal: %v, %v; want it refused", agreed, err)
	}
}

// readerOnly hides that a reader is a file.
type readerOnly struct{ file *os.File }

func (r readerOnly) Read(p []byte) (int, error) { return r.file.Read(p) }

// Ensure a person sees prices with their source and day, and what stands in the
// way, before they are asked.
func TestTeardownView(t *testing.T) {
	usd := func(n float64) teardown.Price {
		return teardown.Price{USD: &n, Source: "https://docs.aws.amazon.com/prices", Read: catalog.Date("2026-11-23")}
	}
	until := time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	var out strings.Builder
	view := &teardownView{out: &out}
	view.inventory(teardown.Inventory{
		Stack: teardown.Stack{Name: "tuneline", Region: "us-east-1", ID: "arn:stack", Status: "CREATE_COMPLETE", Protected: true},
		Throughputs: []teardown.Throughput{
			{ARN: "arn:pt", Status: "InService", Units: 2, Hourly: usd(121), Monthly: usd(88330), Commitment: "OneMonth", CommittedUntil: &until},
		},
		Deployments: []teardown.Deployment{{ARN: "arn:deployment", Status: "Active"}},
		Jobs:        []teardown.Job{{ARN: "arn:job", Status: "InProgress"}},
		Foreign:     []string{"arn:somebody"},
		Kept: teardown.Kept{
			Models: []teardown.Model{{ARN: "arn:model", Ours: true, Monthly: usd(1.95)}, {ARN: "arn:other"}},
			Bucket: &teardown.Bucket{Name: "data", Uncounted: "because"},
			Key:    "arn:key",
		},
	})
	for _, want := range []string{
		"121.00    88330.00   arn:pt (model units: 2)", "0.00      0.00       arn:deployment", "arn:job", "1.95", "unknown    arn:other (not this stack's",
		"not counted: because", "held by a commitment (OneMonth) until 2027-01-02T03:04:05Z", "arn:somebody", "termination protection",
		"https://docs.aws.amazon.com/prices, read on 2026-11-23",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the inventory lacks %q:\n%s", want, out.String())
		}
	}
	for bucket, want := range map[teardown.Bucket]string{
		{Objects: 12, Bytes: 34}:          "objects in all versions: 12, 34 bytes",
		{Objects: 10000, More: true}:      "more than 10000 objects in all versions",
		{Uncounted: "nobody may list it"}: "not counted: nobody may list it",
	} {
		if got := contents(bucket); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
