package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/rehearsal/guard"
)

// Ensure a question about the synthesized stack is answered with decision,
// statements and an exit code.
func TestPolicyExplain(t *testing.T) {
	deployment := "arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/abcdefghijkl"
	for name, test := range map[string]struct {
		args  []string
		exit  int
		words []string
	}{
		"allowed":          {[]string{"Operator", "s3:PutObject", "StorageBucket/approvals/x"}, exitOK, []string{"allowed\n", "allowed by Approve of"}},
		"nothing allows":   {[]string{"FunctionsValidate", "s3:GetObject", "StorageBucket/approvals/x"}, exitFindings, []string{"denied: nothing allows it", "VPC endpoint policy"}},
		"a statement":      {[]string{"Uploader", "s3:GetObject", "StorageBucket/media/x"}, exitFindings, []string{"denied by a statement", "denied by DenyUploadedObjectsFromOutside of"}},
		"with its tag":     {[]string{"FunctionsInvoke", "bedrock:InvokeModel", deployment, "--context", "aws:ResourceTag/tuneline:stack=tuneline"}, exitOK, []string{"allowed by Ask of"}},
		"without its tag":  {[]string{"FunctionsInvoke", "bedrock:InvokeModel", deployment}, exitFindings, []string{"denied: nothing allows it"}},
		"beside the key's": {[]string{"Uploader", "kms:Decrypt", "Key43586C89"}, exitFindings, []string{"denied: nothing allows it"}},
	} {
		exit, stdout, stderr := command(t, append([]string{"policy", "explain"}, test.args...)...)
		if exit != test.exit {
			t.Errorf("%s: exit code %d, want %d; %s", name, exit, test.exit, stderr)
		}
		for _, words := range test.words {
			if !strings.Contains(stdout, words) {
				t.Errorf("%s: printed %q, want %q in it", name, stdout, words)
			}
		}
	}
	exit, stdout, stderr := command(t, "policy", "explain", "Operator", "s3:PutObject", "StorageBucket/approvals/x", "--json")
	var got guard.Explanation
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || exit != exitOK || got.Decision != "allowed" || len(got.Statements) != 1 || got.Statements[0].Sid != "Approve" {
		t.Errorf("--json: %d %+v, %v; %s", exit, got, err, stderr)
	}
}

// Ensure a question about what is not there is refused with what is.
func TestPolicyExplain_Refuses(t *testing.T) {
	question := []string{"policy", "explain", "Operator", "s3:PutObject", "StorageBucket/approvals/x", "--boundary"}
	for file, want := range map[string]string{
		"../../examples/organization/permissions-boundary.json": "no role of the stack has a permissions boundary",
		"nowhere.json": "--boundary: open nowhere.json",
	} {
		if exit, _, stderr := command(t, append(question, file)...); exit != exitError || !strings.Contains(stderr, want) {
			t.Errorf("--boundary %s of a stack without one: %d %s, want %q", file, exit, stderr, want)
		}
	}
	if exit, _, stderr := command(t, "policy", "explain", "Nobody", "s3:GetObject", "*"); exit != exitError || !strings.Contains(stderr, "AccessOperator") {
		t.Errorf("a role that is not there: %d %s, want the roles that are", exit, stderr)
	}
	sealed := "../../security/testdata/variants/sealed.json"
	if exit, _, stderr := command(t, "policy", "explain", "Nobody", "s3:GetObject", "*", "--config", sealed); exit != exitError || !strings.Contains(stderr, "TrailRole") {
		t.Errorf("a stack with a trail: %d %s, want its roles", exit, stderr)
	}
	if exit, _, stderr := command(t, "policy", "explain", "Operator", "s3:GetObject", "*", "--config", "nowhere.json"); exit != exitError || !strings.Contains(stderr, "--config: stat ") {
		t.Errorf("a configuration that is not there: %d %s", exit, stderr)
	}
}
