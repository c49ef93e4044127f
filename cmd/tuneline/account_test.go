package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"
)

// withoutAccount is an environment that knows no Region and no credentials.
func withoutAccount(t *testing.T) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	for key, value := range map[string]string{
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none,
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_DEFAULT_PROFILE": "",
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "",
		"AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
	} {
		t.Setenv(key, value)
	}
}

// Ensure that every command that calls AWS says what to do without a Region or
// credentials. One that is told a Region, or the state machine's ARN, needs none.
func TestWithoutAnAccount(t *testing.T) {
	const (
		run     = "0123456789abcdef"
		machine = "arn:aws:states:us-west-2:111122223333:stateMachine:tuneline-finetune"
	)
	withoutAccount(t)
	for args, want := range map[string]string{
		"approve " + run + " --bucket b":                           "say --region",
		"reject " + run + " --bucket b":                            "say --region",
		"teardown --dry-run":                                       "say --region",
		"approve " + run + " --bucket b --region us-west-2":        "aws sso login",
		"reject " + run + " --bucket b --region us-west-2":         "aws sso login",
		"teardown --dry-run --region us-west-2":                    "aws sso login",
		"resume " + run + " --bucket b --state-machine " + machine: "aws sso login",
		"rollback support --bucket b --state-machine " + machine:   "aws sso login",
	} {
		exit, stdout, stderr := command(t, strings.Fields(args)...)
		if exit != exitError || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, printed %q and %q; want %q", args, exit, stdout, stderr, want)
		}
	}
}

// Ensure a refusal says which credentials it takes, and other errors stay as they are.
func TestAsOperator(t *testing.T) {
	for code, want := range map[string]string{
		"AccessDenied":          "OperatorSession",
		"AccessDeniedException": "OperatorSession",
		"PermanentRedirect":     "another Region",
		"SlowDown":              "",
	} {
		err := &smithy.GenericAPIError{Code: code, Message: "as AWS says"}
		got := asOperator(err)
		if !errors.Is(got, err) || !strings.Contains(got.Error(), want) || want == "" && got.Error() != err.Error() {
			t.Errorf("%s: got %v, want it to say %q", code, got, want)
		}
	}
	if err := errors.New("no AWS error"); !errors.Is(asOperator(err), err) || asOperator(err).Error() != err.Error() {
		t.Errorf("got %v", asOperator(err))
	}
}

// Ensure that every command has a row in the runbook, and help that says how it is
// used and how it exits.
func TestCommandsAreExplained(t *testing.T) {
	runbook, err := os.ReadFile(filepath.Join("..", "..", "docs", "runbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all []*cobra.Command
	for _, command := range commands().Commands() {
		if group := command.Commands(); len(group) > 0 {
			all = append(all, group...)
			continue
		}
		all = append(all, command)
	}
	for _, command := range all {
		if !strings.Contains(string(runbook), "\n| `"+command.CommandPath()+"` |") {
			t.Errorf("docs/runbook.md has no row for %s", command.CommandPath())
		}
		if command.Short == "" || command.Example == "" || !strings.Contains(command.Long, "Exit codes: 0 ") {
			t.Errorf("%s has no short description, no example, or does not say how it exits", command.CommandPath())
		}
		if json := command.Flags().Lookup("json"); json == nil {
			t.Errorf("%s has no --json", command.CommandPath())
		}
	}
}
