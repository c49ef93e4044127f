package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTags: what can be tagged says which stack it belongs to. A type without
// tags in CloudFormation is listed, so that a new one is looked at.
func TestTags(t *testing.T) {
	untaggable := []string{
		"AWS::ApiGateway::Account", "AWS::ApiGateway::Deployment", "AWS::ApiGateway::Method", "AWS::ApiGateway::Model",
		"AWS::ApiGateway::RequestValidator", "AWS::ApiGateway::Resource", "AWS::ApiGateway::Authorizer", "AWS::ApiGateway::GatewayResponse",
		"AWS::ApiGateway::UsagePlanKey", "AWS::WAFv2::LoggingConfiguration", "AWS::WAFv2::WebACLAssociation",
		"AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SubnetRouteTableAssociation",
		"AWS::IAM::ManagedPolicy", "AWS::KMS::Alias", "AWS::Lambda::Permission", "AWS::S3::BucketPolicy", "AWS::Scheduler::Schedule",
		"AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy", "Custom::TunelineLifecycle",
	}
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		for id, r := range tm.Resources {
			if slices.Contains(untaggable, r.Type) {
				continue
			}
			tags, _ := r.Properties["Tags"].([]any)
			tagged := slices.ContainsFunc(tags, func(tag any) bool {
				return get(tag, "Key") == "tuneline:stack" && get(tag, "Value") == "tuneline"
			})
			if !tagged {
				t.Errorf("%s (%s) has no tag tuneline:stack: %v", id, r.Type, tags)
			}
		}
	})
}

func TestLogsEnd(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		for _, group := range tm.ofType("AWS::Logs::LogGroup") {
			equal(t, group.id+" retention", group.Properties["RetentionInDays"], 90)
			name, _ := group.Properties["LogGroupName"].(string)
			known := []string{"/tuneline/", "/aws/vendedlogs/tuneline/", "API-Gateway-Execution-Logs_", "aws-waf-logs-tuneline"}
			if !slices.ContainsFunc(known, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
				t.Errorf("%s is named %s, which the key policy does not know", group.id, name)
			}
		}
	})
}

// TestTemplateNamesNobody: no account, no address and no path of a machine is
// in a template that was synthesized without any.
func TestTemplateNamesNobody(t *testing.T) {
	text := string(synthesize(t, standard).text)
	for _, pattern := range []string{`[^0-9a-f][0-9]{12}[^0-9a-f]`, `/home/`, `/Users/`, `/tmp/`, `AKIA[0-9A-Z]{16}`} {
		if found := regexp.MustCompile(pattern).FindString(text); found != "" {
			t.Errorf("the template holds %q", found)
		}
	}
}

// TestCloudFormationAccepts: the CDK checks every template against
// CloudFormation's own schema. Zones that the configuration names are named.
func TestCloudFormationAccepts(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		for _, warning := range tm.warnings {
			if v.name == strict.name && strings.HasPrefix(warning, "W3010 ") {
				continue
			}
			t.Error(warning)
		}
	})
}

func TestOutputs(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		want := []string{
			"ApiEndpoint", "ApiUrl", "BucketAfterwards", "BucketName", "KeyArn", "NoticesTopicArn", "OperatorPolicyArn", "OperatorRoleArn", "OperatorSession",
			"PreflightPolicyArn", "ReleaseStateMachineArn", "ServiceRoleArn", "StateMachineArn", "UploadCommand", "UploaderRoleArn", "WatchCommand",
		}
		if !v.tokens() {
			want = append(want, "CallerPolicyArn")
		}
		if len(v.config().API.UsagePlan.Clients) > 0 {
			want = append(want, "ApiKeysCommand")
		}
		if v.private() {
			want = append(want, "ApiCallersSecurityGroupId", "ApiSubnetIds", "ApiVpcId")
			equal(t, "callers' group", tm.Outputs["ApiCallersSecurityGroupId"].Value, tm.find(t, "InferenceCallers", "AWS::EC2::SecurityGroup").ref("GroupId"))
			equal(t, "callers' VPC", tm.Outputs["ApiVpcId"].Value, tm.find(t, "NetworkVPC", "AWS::EC2::VPC").ref("VpcId"))
			equal(t, "callers' subnets", strings.Count(tm.Outputs["ApiSubnetIds"].Value, "SubnetId}"), len(tm.ofType("AWS::EC2::Subnet")))
		}
		slices.Sort(want)
		equal(t, "outputs", slices.Sorted(maps.Keys(tm.Outputs)), want)
		for name, output := range tm.Outputs {
			if output.Description == "" || output.Value == "" {
				t.Errorf("output %s: got description %q and value %q", name, output.Description, output.Value)
			}
		}
	})
}

// TestSizes stays well within CloudFormation's and IAM's limits.
func TestSizes(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		const templateBytes, resources, outputs = 1_000_000, 500, 200
		if len(tm.text) > templateBytes/2 || len(tm.Resources) > resources/2 || len(tm.Outputs) > outputs/2 {
			t.Errorf("got %d bytes, %d resources, %d outputs", len(tm.text), len(tm.Resources), len(tm.Outputs))
		}
		// A role's inline policies may have 10,240 characters, a managed policy
		// 6,144, without white space and with ids as long as AWS's.
		for _, r := range tm.ofType("AWS::IAM::ManagedPolicy") {
			checkPolicySize(t, r.id, r.Properties["PolicyDocument"], 6144)
		}
		for _, r := range tm.ofType("AWS::IAM::Role") {
			if r.Properties["Policies"] != nil {
				checkPolicySize(t, r.id, get(r.Properties, "Policies", 0, "PolicyDocument"), 10240)
			}
		}
	})
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

func checkPolicySize(t *testing.T, id string, document any, limit int) {
	t.Helper()
	text := placeholder.ReplaceAllStringFunc(string(indent(t, document)), func(name string) string {
		switch {
		case name == "${AWS::AccountId}":
			return "123456789012"
		case strings.HasSuffix(name, ".Arn}"):
			return strings.Repeat("a", 110)
		default:
			return strings.Repeat("a", 60)
		}
	})
	if size := len(strings.Join(strings.Fields(text), "")); size > limit {
		t.Errorf("%s: policy has %d characters, the limit is %d", id, size, limit)
	}
}
