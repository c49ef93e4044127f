package preflight

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/infra/config"
)

// resource is a resource of the template, as the goldens of infra have it.
type resource struct {
	Type       string
	Properties map[string]any
}

// templateOf reads the goldens of a variant of the stack: every construct's
// resources, by their logical ids.
func templateOf(t *testing.T, variant string) map[string]resource {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "infra", "testdata", "golden", variant, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("got %d goldens, %v", len(paths), err)
	}
	all := map[string]resource{}
	for _, path := range paths {
		text, err := os.ReadFile(path) //nolint:gosec // a golden file
		if err != nil {
			t.Fatal(err)
		}
		var part map[string]resource
		if err := json.Unmarshal(text, &part); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for id, r := range part {
			if r.Type != "" {
				all[id] = r
			}
		}
	}
	return all
}

// named are the properties that give a resource a name which nothing else in the
// account and Region may have.
var named = map[string]string{
	"AWS::ApiGateway::UsagePlan":       "UsagePlanName",
	"AWS::CloudWatch::Alarm":           "AlarmName",
	"AWS::Events::Rule":                "Name",
	"AWS::IAM::ManagedPolicy":          "ManagedPolicyName",
	"AWS::IAM::Role":                   "RoleName",
	"AWS::KMS::Alias":                  "AliasName",
	"AWS::Lambda::Function":            "FunctionName",
	"AWS::Logs::LogGroup":              "LogGroupName",
	"AWS::S3::Bucket":                  "BucketName",
	"AWS::SNS::Topic":                  "TopicName",
	"AWS::SQS::Queue":                  "QueueName",
	"AWS::Scheduler::Schedule":         "Name",
	"AWS::StepFunctions::StateMachine": "StateMachineName",
}

// TestNamesAreTheTemplates: what is looked for is every name the template gives,
// and nothing else.
func TestNamesAreTheTemplates(t *testing.T) {
	var got []string
	for id, r := range templateOf(t, "default") {
		name, given := r.Properties[named[r.Type]].(string)
		if given && !strings.HasPrefix(name, "API-Gateway-Execution-Logs_") {
			got = append(got, name)
		}
		if given && strings.Contains(name, "${") && !strings.HasPrefix(name, "API-Gateway-Execution-Logs_") {
			t.Errorf("%s is named %s, which is not known before", id, name)
		}
	}
	want := slices.Concat(logGroups("tuneline"), stateMachines("tuneline"), []string{keyAlias("tuneline")})
	slices.Sort(got)
	got = slices.Compact(got) // the schedule has its machine's name
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the template names %q, the preflight looks for %q", got, want)
	}
}

// TestEndpointsAreTheTemplates: zones are compared for every interface endpoint
// of the template.
func TestEndpointsAreTheTemplates(t *testing.T) {
	private := config.Default()
	private.Region, private.API.Endpoint = "us-west-2", config.EndpointPrivate
	private.Serving.WarnIdleAfter, private.Serving.ReleaseIdleAfter = "", ""
	for variant, cfg := range map[string]config.Config{"default": config.Default(), "strict": private} {
		got := map[string]bool{}
		for _, r := range templateOf(t, variant) {
			if r.Type == "AWS::EC2::VPCEndpoint" && r.Properties["VpcEndpointType"] == "Interface" {
				got[r.Properties["ServiceName"].(string)] = true
			}
		}
		want := interfaceEndpoints(cfg)
		for _, service := range want {
			if !got[service] {
				t.Errorf("%s: the template has no endpoint for %s, only %v", variant, service, got)
			}
			delete(got, service)
		}
		if len(got) > 0 {
			t.Errorf("%s: the preflight does not look at %v", variant, got)
		}
	}
}

// TestOperatorMayLook: of a deployed stack the operator role can look at
// everything.
func TestOperatorMayLook(t *testing.T) {
	allowed := []string{"sts:GetCallerIdentity"} // needs no permission
	for _, r := range templateOf(t, "default") {
		if r.Type != "AWS::IAM::ManagedPolicy" {
			continue
		}
		for _, s := range r.Properties["PolicyDocument"].(map[string]any)["Statement"].([]any) {
			switch action := s.(map[string]any)["Action"].(type) {
			case string:
				allowed = append(allowed, action)
			case []any:
				for _, a := range action {
					allowed = append(allowed, a.(string))
				}
			}
		}
	}
	for _, ask := range []func(*Subject){func(*Subject) {}, article, committed} {
		a := deployed()
		if _, err := Run(t.Context(), subject(ask), a.clients(), nil); err != nil {
			t.Fatal(err)
		}
		for _, action := range a.called {
			if !slices.Contains(allowed, action) {
				t.Errorf("the operator role may not call %s", action)
			}
		}
	}
}

// TestTrustIsTheTemplates: the trust policy that is compared with is the one the
// stack makes.
func TestTrustIsTheTemplates(t *testing.T) {
	l := &look{Subject: subject(), account: accountID}
	found := 0
	for id, r := range templateOf(t, "default") {
		if !strings.HasPrefix(id, "CustomizationRole") {
			continue
		}
		found++
		text, err := json.Marshal(r.Properties["AssumeRolePolicyDocument"])
		if err != nil {
			t.Fatal(err)
		}
		document := strings.ReplaceAll(string(text), "${AWS::AccountId}", accountID)
		if err := l.trusts(url.PathEscape(document)); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	if found != 1 {
		t.Errorf("got %d service roles, want 1", found)
	}
}
