package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/s3"
)

func TestMain(m *testing.M) {
	s3.RunIfChild()
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
			exit, stdout, stderr := command(t, test.args...)
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
	text, err := os.ReadFile(file)
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

// Ensure anybody's file can be rehearsed, and a bad one says which line.
func TestRehearseOwnDataset(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.jsonl")
	if err := os.WriteFile(file, []byte("{\"prompt\":\"a\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	exit, stdout, _ := command(t, "rehearse", "--dataset", file)
	if exit != exitEnd || !strings.Contains(stdout, "Rejected") || !strings.Contains(stdout, "line 1 TL") {
		t.Errorf("exit %d:\n%s", exit, stdout)
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
		"resume without a run":  {[]string{"resume"}, "accepts 1 arg"},
		"resume without bucket": {[]string{"resume", "0123456789abcdef"}, "BucketName"},
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
