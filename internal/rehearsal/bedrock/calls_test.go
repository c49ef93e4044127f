package bedrock

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// find returns the recorded resources of an action.
func find(r *rig, action string) []string {
	var resources []string
	for _, c := range r.log.Find(action) {
		resources = append(resources, c.Resource)
	}
	return resources
}

func TestCallsAreRecordedAsIAMSeesThem(t *testing.T) {
	r := newRig(t, "default")
	const key = "arn:aws:kms:us-east-1:" + account + ":key/11111111-2222-3333-4444-555555555555"
	in := r.request("rec", nova)
	in.CustomModelKmsKeyId = aws.String(key)
	in.JobTags = []types.Tag{{Key: aws.String("run"), Value: aws.String("1")}}
	jobARN := r.submit(in)
	r.clock.Advance(3 * time.Hour)
	modelARN := *r.job("rec").OutputModelArn
	want := []string{jobARN, modelARN, "arn:aws:bedrock:us-east-1::foundation-model/" + nova}
	if got := find(r, "bedrock:CreateModelCustomizationJob"); !slices.Equal(got, want) {
		t.Errorf("CreateModelCustomizationJob: got %v, want %v", got, want)
	}
	create := r.log.Find("bedrock:CreateModelCustomizationJob")[0]
	for name, value := range map[string]string{"aws:RequestTag/run": "1", "aws:TagKeys": "run"} {
		if create.Context[name] != value {
			t.Errorf("%s: got %q, want %q", name, create.Context[name], value)
		}
	}
	if create.Status != http.StatusCreated || create.Principal.Role != "SubmitRole" || create.Error != "" {
		t.Errorf("call: got %+v", create)
	}
	pass := r.log.Find("iam:PassRole")
	if len(pass) != 1 || pass[0].Resource != roleARN || pass[0].Context["iam:PassedToService"] != "bedrock.amazonaws.com" {
		t.Errorf("iam:PassRole: got %+v", pass)
	}
	if got := find(r, "kms:CreateGrant"); !slices.Equal(got, []string{key}) {
		t.Errorf("kms:CreateGrant: got %v", got)
	}
	if got := find(r, "bedrock:TagResource"); !slices.Equal(got, []string{jobARN}) {
		t.Errorf("bedrock:TagResource: got %v", got)
	}
	if got := r.log.Find("bedrock:GetModelCustomizationJob")[0]; got.Resource != jobARN || got.Context["aws:ResourceTag/run"] != "1" {
		t.Errorf("GetModelCustomizationJob: got %+v", got)
	}
	checkInterfaces(t, r)
	arn := r.deploy("rec", modelARN)
	r.clock.Advance(time.Hour)
	r.mustAsk(arn, "hello")
	if got := find(r, "bedrock:InvokeModel"); !slices.Equal(got, []string{arn}) {
		t.Errorf("bedrock:InvokeModel: got %v", got)
	}
}

// checkInterfaces follows the network interfaces of a job in the VPC.
func checkInterfaces(t *testing.T, r *rig) {
	t.Helper()
	made := r.log.Find("ec2:CreateNetworkInterface")
	if len(made) != 4 || made[0].Principal.ARN != roleARN || made[0].Context["aws:RequestTag/BedrockManaged"] != "true" {
		t.Errorf("ec2:CreateNetworkInterface: got %+v", made)
	}
	if got := len(r.log.Find("ec2:DeleteNetworkInterface")); got != 1 {
		t.Errorf("ec2:DeleteNetworkInterface: got %d", got)
	}
}

func TestUnsignedRequestsAreRefused(t *testing.T) {
	r := newRig(t, "default")
	response, err := http.Get(r.url + "/model-customization-jobs")
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusForbidden || response.Header.Get("X-Amzn-Errortype") != "MissingAuthenticationTokenException" {
		t.Errorf("got %d %s", response.StatusCode, response.Header.Get("X-Amzn-Errortype"))
	}
	if c := r.log.All(); len(c) != 1 || c[0].Status != http.StatusForbidden {
		t.Errorf("recorded: %+v", c)
	}
}

func TestSignaturesAreReallyVerified(t *testing.T) {
	r := newRig(t, "default")
	keyring := &calls.Keyring{}
	r.double.o.Verify = func(request *http.Request) (calls.Principal, error) { return keyring.Verify(request, "bedrock") }
	issued := keyring.Issue(calls.Principal{Role: "PollRole"})
	list := func(secret string) error {
		client := sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: &r.url, RetryMaxAttempts: 1,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: issued.AccessKeyID, SecretAccessKey: secret, SessionToken: issued.SessionToken}, nil
			})})
		_, err := client.ListModelCustomizationJobs(t.Context(), &sdk.ListModelCustomizationJobsInput{NameContains: aws.String("a")})
		return err
	}
	if err := list(issued.SecretAccessKey); err != nil {
		t.Errorf("signed: %v", err)
	}
	if c := r.log.All(); len(c) != 1 || c[0].Principal.Role != "PollRole" {
		t.Errorf("recorded: %+v", c)
	}
	var refused smithy.APIError
	if err := list("another"); !errors.As(err, &refused) || refused.ErrorCode() != "InvalidSignatureException" {
		t.Errorf("wrong secret: got %v", err)
	}
}

func TestCallerInTheVPCNeedsAnEndpoint(t *testing.T) {
	r := newRig(t, "default")
	delete(r.double.o.VPCEndpoints, "bedrock-runtime")
	if _, err := r.ask(novaPlan, "hello"); err == nil {
		t.Error("got an answer without an endpoint")
	}
	r.leaveVPC()
	r.mustAsk(novaPlan, "hello")
}

func TestScenarioFaults(t *testing.T) {
	r := newRig(t, "default", func(s *Scenario) {
		s.Faults = []ScenarioFault{
			{Operation: "CreateModelCustomizationJob", Nth: 1, Times: 1, Status: 429, Code: "ThrottlingException", Message: "slow down"},
			{Operation: "CreateModelCustomizationJob", Nth: 2, When: "after", Reset: true},
			{Operation: "Converse", ResourceContains: "custom-model-deployment", Times: -1, Status: 500, Code: "InternalServerException"},
		}
	})
	in := r.request("fault", nova)
	in.ClientRequestToken = aws.String("token")
	_, err := r.control.CreateModelCustomizationJob(t.Context(), in)
	checkError[*types.ThrottlingException](t, "first call", err)
	if len(r.double.Jobs()) != 0 {
		t.Error("a throttled call took effect")
	}
	if _, err = r.control.CreateModelCustomizationJob(t.Context(), in); err == nil {
		t.Error("second call: got an answer, want a closed connection")
	}
	if len(r.double.Jobs()) != 1 {
		t.Error("the second call did not take effect")
	}
	if arn := r.submit(in); arn != r.double.Jobs()[0].ARN {
		t.Errorf("third call: got %s", arn)
	}
	r.clock.Advance(3 * time.Hour)
	deployment := r.deploy("fault", *r.job("fault").OutputModelArn)
	r.clock.Advance(time.Hour)
	if _, err := r.ask(deployment, "hello"); err == nil {
		t.Error("the deployment answered")
	}
	r.mustAsk(novaPlan, "hello")
}

func TestLogHookFaults(t *testing.T) {
	r := newRig(t, "default")
	r.log.SetHook(func(c calls.Call) *calls.Fault {
		if c.Action == "bedrock:ListCustomModels" && c.Resource == "*" {
			return &calls.Fault{Status: 403, Code: "AccessDeniedException", Message: "no"}
		}
		return nil
	})
	_, err := r.control.ListCustomModels(t.Context(), &sdk.ListCustomModelsInput{})
	checkError[*types.AccessDeniedException](t, "hook", err)
	if c := r.log.Find("bedrock:ListCustomModels"); len(c) != 1 || c[0].Error != "AccessDeniedException" {
		t.Errorf("recorded: %+v", c)
	}
}

func TestTagging(t *testing.T) {
	r := newRig(t, "default")
	arn := r.submit(r.request("tags", nova))
	if _, err := r.control.TagResource(t.Context(), &sdk.TagResourceInput{ResourceARN: &arn, Tags: []types.Tag{
		{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")},
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.control.UntagResource(t.Context(), &sdk.UntagResourceInput{ResourceARN: &arn, TagKeys: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	out, err := r.control.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceARN: &arn})
	if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "b" {
		t.Errorf("got %+v %v", out, err)
	}
	_, err = r.control.ListTagsForResource(t.Context(), &sdk.ListTagsForResourceInput{ResourceARN: aws.String(arn[:len(arn)-1] + "0")})
	checkError[*types.ResourceNotFoundException](t, "unknown resource", err)
}

// TestCommandLine drives the double with AWS's own command line where there
// is one, and says so where there is none.
func TestCommandLine(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Logf("no aws command on this machine, the Go clients stand alone: %v", err)
		return
	}
	r := newRig(t, "default")
	model := r.train("cli", nova)
	deployment := r.deploy("cli", model)
	r.clock.Advance(time.Hour)
	commands := []struct {
		args []string
		want string
	}{
		{[]string{"bedrock", "list-model-customization-jobs"}, `"status": "Completed"`},
		{[]string{"bedrock", "get-model-customization-job", "--job-identifier", "cli"}, model},
		{[]string{"bedrock", "list-custom-models"}, model},
		{[]string{"bedrock", "get-custom-model-deployment", "--custom-model-deployment-identifier", deployment}, `"status": "Active"`},
		{[]string{"bedrock-runtime", "converse", "--model-id", deployment, "--messages", `[{"role":"user","content":[{"text":"` + topics[4].heldOut + `"}]}]`}, topics[4].answer},
	}
	for _, c := range commands {
		checkCommand(t, r, c.args, c.want)
	}
	r = newRig(t, "article")
	arn, err := r.provision("cli", r.train("cli", llama), "")
	if err != nil {
		t.Fatal(err)
	}
	checkCommand(t, r, []string{"bedrock", "get-provisioned-model-throughput", "--provisioned-model-id", arn}, `"status": "Creating"`)
}

func checkCommand(t *testing.T, r *rig, args []string, want string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "aws", append(args, "--endpoint-url", r.url, "--output", "json")...) //nolint:gosec // the AWS CLI, on the test's own server
	command.Env = append(command.Environ(), "AWS_ACCESS_KEY_ID=AKIDTEST", "AWS_SECRET_ACCESS_KEY=secret", "AWS_DEFAULT_REGION="+r.double.o.Region,
		"AWS_CONFIG_FILE="+t.TempDir()+"/none", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if strings.Contains(stderr.String(), "Invalid choice") || strings.Contains(stderr.String(), "invalid choice") {
		t.Logf("this aws command does not know %s", strings.Join(args[:2], " "))
		return
	}
	if err != nil || !strings.Contains(string(out), want) {
		t.Errorf("aws %s: got %s %v %s, want %q in it", strings.Join(args[:2], " "), out, err, stderr.String(), want)
	}
}
