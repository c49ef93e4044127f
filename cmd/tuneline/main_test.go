package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/s3"
)

// asCommand is the environment variable that makes the test's binary the command:
// signals are for a process of their own.
const asCommand = "TUNELINE_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	s3.RunIfChild()
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// command runs the command line as a user would, below the repository.
func command(t *testing.T, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	exit = run(args, &out, &errs)
	return exit, out.String(), errs.String()
}

const article = "examples/article-llama-provisioned"

// Ensure a script reads one JSON document and an exit code that says the end.
func TestRehearseJSON(t *testing.T) {
	tests := map[string]struct {
		args []string
		exit int
		end  string
	}{
		"default":       {[]string{"rehearse", "--json"}, exitOK, finetune.EndDeployed},
		"article":       {[]string{"rehearse", "--json", "--config", article}, exitOK, finetune.EndDeployed},
		"article today": {[]string{"rehearse", "--json", "--config", article, "--scenario", "article-today"}, exitEnd, finetune.EndRejected},
		"no quota":      {[]string{"rehearse", "--json", "--config", article, "--scenario", "article-default-quota"}, exitEnd, finetune.EndNeedsOperator},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			exit, stdout, stderr := command(t, append(test.args, "--reports", t.TempDir())...)
			var got result
			if err := json.Unmarshal([]byte(stdout), &got); err != nil {
				t.Fatalf("decoding the output: %v\n%s%s", err, stdout, stderr)
			}
			if exit != test.exit || got.End != test.end || got.RunID == "" || got.ExecutionARN == "" {
				t.Errorf("exit %d, end %s, run %s; want exit %d, end %s", exit, got.End, got.RunID, test.exit, test.end)
			}
			if test.end == finetune.EndDeployed {
				checkAnswers(t, got.Model, got.Answers)
			}
			if test.end != finetune.EndDeployed && got.Cause == "" {
				t.Error("an end without a cause")
			}
		})
	}
}

// checkAnswers holds the tuned model's answers against an example's held-out
// completions.
func checkAnswers(t *testing.T, model string, answers []answer) {
	t.Helper()
	file := filepath.Join("..", "..", defaultExample, "heldout.jsonl")
	if model == "ferry-desk" {
		file = filepath.Join("..", "..", article, "heldout.jsonl")
	}
	text, err := os.ReadFile(file) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	if len(answers) != 3 {
		t.Fatalf("%d answers, want 3", len(answers))
	}
	want := map[string]string{}
	for line := range bytes.Lines(text) {
		var h struct{ Question, Completion string }
		if err := json.Unmarshal(line, &h); err != nil {
			t.Fatal(err)
		}
		want[h.Question] = h.Completion
	}
	for _, a := range answers {
		if a.Tuned != want[a.Question] || a.Base == a.Tuned {
			t.Errorf("asked %q, the tuned model says %q and the base model %q", a.Question, a.Tuned, a.Base)
		}
	}
}

// Ensure a person sees each state, what was made, both answers, and the end.
func TestRehearseForAPerson(t *testing.T) {
	exit, stdout, stderr := command(t, "rehearse")
	if exit != exitOK {
		t.Fatalf("exit %d: %s", exit, stderr)
	}
	for _, want := range []string{
		"assumed: ", "ValidateDataset", "280 records accepted", "SubmitJob", "training", "AnalyzeResults",
		"SecureThroughput", "SmokeTest", "PublishEndpoint", "Deployed in", "custom-model-deployment/", "base ", "tuned",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the output lacks %q:\n%s", want, stdout)
		}
	}
}

// Ensure anybody's file can be rehearsed; that of a bad one each kind of error is
// shown once, with its lines and total; and that the report outlives the bucket.
func TestRehearseOwnDataset(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.jsonl")
	text := strings.Repeat("{\"prompt\":\"a\"}\n", 20) + "{\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	exit, stdout, stderr := command(t, "rehearse", "--dataset", file, "--reports", dir)
	if exit != exitEnd {
		t.Errorf("exit %d, want %d: %s", exit, exitEnd, stderr)
	}
	reports, err := filepath.Glob(filepath.Join(dir, "*", "dataset.json"))
	if err != nil || len(reports) != 1 {
		t.Fatalf("reports kept: %v, %v; want one", reports, err)
	}
	for _, want := range []string{
		"Rejected in", file + ":1:1: error TL1106 ", "lines 4-20", file + ":21:", "error TL1010", "21 errors", "the full reports are kept: " + reports[0] + ", ",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the output lacks %q:\n%s", want, stdout)
		}
	}
	if n := strings.Count(stdout, "error TL1106 "); n > 3 {
		t.Errorf("one kind of error is told %d times:\n%s", n, stdout)
	}
	var report dataReport
	kept, err := os.ReadFile(reports[0])
	if err != nil || json.Unmarshal(kept, &report) != nil || report.Training == nil || report.Training.Errors != 21 {
		t.Errorf("the report that is kept (%v) is not the check's: %s", err, kept)
	}
}

// Ensure only so many kinds of error are printed, and no warning.
func TestFirstErrors(t *testing.T) {
	var findings []dataset.Finding
	for i := range 2 * maxKinds {
		message := fmt.Sprint("kind ", i%(maxKinds+1))
		findings = append(findings,
			dataset.Finding{Code: dataset.CodeMissingKey, Severity: dataset.SeverityError, Line: int64(i), Message: message},
			dataset.Finding{Code: dataset.CodeExtraKey, Severity: dataset.SeverityWarning, Line: int64(i), Message: message})
	}
	got := firstErrors(findings)
	if len(got) != 2*maxKinds-1 {
		t.Errorf("got %d findings, want all errors but the one of the last kind", len(got))
	}
	for _, f := range got {
		if f.Severity != dataset.SeverityError || f.Message == fmt.Sprint("kind ", maxKinds) {
			t.Errorf("got %+v, want errors of the first %d kinds", f, maxKinds)
		}
	}
}

// Ensure a folder that cannot be written to hides neither the end nor what was
// found, and is told.
func TestRehearseWithoutReports(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.jsonl")
	if err := os.WriteFile(file, []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	exit, stdout, stderr := command(t, "rehearse", "--dataset", file, "--reports", file)
	if exit != exitError || !strings.Contains(stderr, "--reports") {
		t.Errorf("exit %d, %q; want %d and what to do", exit, stderr, exitError)
	}
	for _, want := range []string{"Rejected in", file + ":1:"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the output lacks %q:\n%s", want, stdout)
		}
	}
}

// Ensure a report of a mistake can say which version made it.
func TestVersion(t *testing.T) {
	exit, stdout, stderr := command(t, "--version")
	if exit != exitOK || stderr != "" || !strings.HasPrefix(stdout, "tuneline version ") || strings.TrimSpace(stdout) == "tuneline version" {
		t.Errorf("exit %d, %q, %q", exit, stdout, stderr)
	}
}

// Ensure a mistake on the command line says what to do, and does nothing.
func TestMistakes(t *testing.T) {
	t.Setenv("TUNELINE_BUCKET", "")
	t.Setenv("TUNELINE_STATE_MACHINE_ARN", "")
	tests := map[string]struct {
		args []string
		want string
	}{
		"no such example":       {[]string{"rehearse", "--config", "examples/none"}, "--config names a folder"},
		"no such scenario":      {[]string{"rehearse", "--scenario", "none"}, "article-default-quota"},
		"scenario elsewhere":    {[]string{"rehearse", "--scenario", "article"}, "us-west-2"},
		"no model's name":       {[]string{"rehearse", "--model", "my model"}, "single hyphens"},
		"not a data set":        {[]string{"rehearse", "--dataset", "."}, "ends in .jsonl"},
		"fewer than none":       {[]string{"rehearse", "--questions", "-1"}, "0 or more"},
		"no such file":          {[]string{"rehearse", "--dataset", "none.jsonl"}, "none.jsonl"},
		"resume without a run":  {[]string{"resume"}, "name one run by its id"},
		"resume without bucket": {[]string{"resume", "0123456789abcdef"}, "BucketName"},
		"rollback without all":  {[]string{"rollback", "support"}, "StateMachineArn"},
		"resume of no run":      {[]string{"resume", "run"}, "no run's id"},
		"resume elsewhere":      {[]string{"resume", "0123456789abcdef", "--bucket", "b", "--state-machine", "arn"}, "no state machine's ARN"},
		"rollback to no run":    {[]string{"rollback", "support", "--to", "run", "--bucket", "b", "--state-machine", "arn:aws:states:us-east-1:111122223333:stateMachine:m"}, "--to: \"run\" is no run's id"},
		"rollback without one":  {[]string{"rollback"}, "name one model"},
		"rollback of a path":    {[]string{"rollback", "my model"}, `model "my model"`},
		"preflight of a file":   {[]string{"preflight", "cdk.json"}, `"cdk.json" is not for tuneline preflight`},
		"a question too short":  {[]string{"policy", "explain", "Operator"}, "name a role, an action and a resource"},
		"a context of nothing":  {[]string{"policy", "explain", "Operator", "s3:GetObject", "*", "--context", "key"}, "want key=value"},
		"policy of a role":      {[]string{"policy", "Operator"}, "takes flags only"},
		"teardown of a stack":   {[]string{"teardown", "tuneline"}, "takes flags only"},
		"unknown flag":          {[]string{"check", "--fly"}, `"tuneline check --help" lists the flags`},
		"no base model":         {[]string{"check", "a.jsonl", "--base-model", ""}, "--base-model is empty"},
		"no validation data":    {[]string{"check", "a.jsonl", "--validation="}, "--validation is empty"},
		"no copy":               {[]string{"fix", "a.jsonl", "-o", ""}, "--output is empty"},
		"no result":             {[]string{"convert", "a.jsonl", "--to", "openai-chat", "-o", ""}, "--output is empty"},
		"an empty name":         {[]string{"split", "", "--validation", "10%"}, "name of a data set is empty"},
		"one empty name":        {[]string{"check", "a.jsonl", ""}, "name of a data set is empty"},
		"unknown command":       {[]string{"fly"}, "unknown command"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			exit, _, stderr := command(t, test.args...)
			if exit != exitError || !strings.Contains(stderr, test.want) {
				t.Errorf("exit %d, %q; want %d and %q", exit, stderr, exitError, test.want)
			}
		})
	}
}
