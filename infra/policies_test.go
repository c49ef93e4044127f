package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// statement is one statement of a policy, and where it stands.
type statement struct {
	where string
	// identity is set for what a role may do, as opposed to who may do
	// something to a resource.
	identity bool
	object
}

func (s statement) sid() string         { return fmt.Sprint(s.object["Sid"]) }
func (s statement) allows() bool        { return s.object["Effect"] == "Allow" }
func (s statement) actions() []string   { return texts(s.object["Action"]) }
func (s statement) resources() []string { return texts(s.object["Resource"]) }
func (s statement) conditions() object  { c, _ := s.object["Condition"].(object); return c }
func (s statement) String() string      { return s.where + " " + s.sid() }
func (s statement) condition(operator, key string) any {
	return get(s.object, "Condition", operator, key)
}

// statementsOf lists the statements of a policy document.
func statementsOf(where string, identity bool, document any) []statement {
	var list []statement
	statements, _ := get(document, "Statement").([]any)
	for _, s := range statements {
		list = append(list, statement{where: where, identity: identity, object: s.(object)})
	}
	return list
}

// allStatements finds every policy of a template, wherever it stands: what a
// role may do, and the policies of resources. Trust policies are left out.
func (tm *template) allStatements() []statement {
	var list []statement
	for _, id := range slices.Sorted(maps.Keys(tm.Resources)) {
		r := tm.Resources[id]
		for _, key := range []string{"PolicyDocument", "KeyPolicy", "Policy"} {
			list = append(list, statementsOf(id, r.Type == "AWS::IAM::ManagedPolicy", r.Properties[key])...)
		}
		policies, _ := r.Properties["Policies"].([]any)
		for _, p := range policies {
			list = append(list, statementsOf(id, true, get(p, "PolicyDocument"))...)
		}
	}
	return list
}

// permissions is what a role may do: the statements in the role itself.
func (tm *template) permissions(t *testing.T, prefix string) []statement {
	t.Helper()
	role := tm.find(t, prefix, "AWS::IAM::Role")
	return statementsOf(role.id, true, get(role.Properties, "Policies", 0, "PolicyDocument"))
}

// withoutResources are the actions that exist only for all resources, after the
// Service Authorization Reference, and the two families that their services
// document for all resources.
var withoutResources = []string{
	"bedrock:ListCustomModelDeployments", "bedrock:ListCustomModels", "bedrock:ListFoundationModels",
	"bedrock:ListModelCustomizationJobs", "bedrock:ListProvisionedModelThroughputs",
	"cloudwatch:GetMetricStatistics",
	"ec2:DescribeAvailabilityZones", "ec2:DescribeDhcpOptions", "ec2:DescribeManagedPrefixLists",
	"ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
	"bedrock:GetFoundationModelAvailability", "ec2:DescribeVpcEndpointServices",
	"servicequotas:GetAWSDefaultServiceQuota", "servicequotas:GetServiceQuota", "servicequotas:ListServiceQuotas",
	"xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
	// Log delivery of a state machine.
	"logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
	"logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
}

// onEverything are the statements on all resources that are allowed by name.
var onEverything = map[string][]string{
	// The role of all of the account's APIs, with what AWS documents for it.
	"WriteLogsOfAnyAPI": {
		"logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams",
		"logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents",
	},
	// Lambda, but not the function's code, attaches the function to the VPC.
	"AttachToVPC": {
		"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
		"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
	},
	// Bedrock uses the interfaces it tagged, in the subnets of the job.
	"UseTaggedInterfaces": {"ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"},
}

func TestEveryStatementIsNarrow(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		for _, s := range tm.allStatements() {
			if s.sid() == "<nil>" {
				t.Errorf("%s: statement without a Sid: %v", s.where, s.object)
			}
			if !s.allows() {
				continue
			}
			for _, action := range s.actions() {
				if strings.Contains(action, "*") && !isKeyAction(action) {
					t.Errorf("%s allows %s: want every action named", s, action)
				}
				if s.identity && slices.Contains(s.resources(), "*") && !slices.Contains(withoutResources, action) && !slices.Contains(onEverything[s.sid()], action) {
					t.Errorf("%s allows %s on every resource", s, action)
				}
			}
			if s.object["NotAction"] != nil || s.object["NotResource"] != nil || s.object["NotPrincipal"] != nil {
				t.Errorf("%s allows by exception", s)
			}
		}
	})
}

// isKeyAction are the patterns AWS documents for log services that use a key;
// they cannot administer it.
func isKeyAction(action string) bool {
	return slices.Contains([]string{"kms:ReEncrypt*", "kms:GenerateDataKey*"}, action)
}

// TestCodeCannotAttach holds the Deny beside the one permission that Lambda
// wants for all resources.
func TestCodeCannotAttach(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		byRole := map[string][]statement{}
		for _, s := range tm.allStatements() {
			byRole[s.where] = append(byRole[s.where], s)
		}
		count := 0
		for role, statements := range byRole {
			allow := slices.IndexFunc(statements, func(s statement) bool { return s.sid() == "AttachToVPC" })
			if allow < 0 {
				continue
			}
			count++
			deny := slices.IndexFunc(statements, func(s statement) bool { return !s.allows() })
			if deny < 0 {
				t.Errorf("%s has no Deny", role)
				continue
			}
			equal(t, role+" denied actions", statements[deny].actions(), statements[allow].actions())
			equal(t, role+" denied when", statements[deny].conditions(), object{
				"ArnLike": object{"lambda:SourceFunctionArn": "arn:aws:lambda:" + v.region() + ":${AWS::AccountId}:function:*"},
			})
		}
		if count != 6 {
			t.Errorf("got %d roles of functions in the VPC, want 6", count)
		}
	})
}

// TestAnyoneIsNeverAlone: a statement that allows any principal is bound to the
// account, and no other account is named.
func TestAnyoneIsNeverAlone(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		for _, s := range tm.allStatements() {
			if s.identity || !s.allows() {
				continue
			}
			principal := s.object["Principal"]
			if v.tokens() && s.sid() == "AskModels" {
				continue // the door of those who have a token: see TestAPIEndpoint
			}
			if principal == "*" && s.condition("StringEquals", "aws:PrincipalAccount") != "${AWS::AccountId}" {
				t.Errorf("%s allows anyone without a condition on the account", s)
			}
			if aws := get(principal, "AWS"); aws != nil && aws != "arn:aws:iam::${AWS::AccountId}:root" {
				t.Errorf("%s allows %v, want the account", s, aws)
			}
		}
	})
}

// boundOtherwise are the statements that let a service in without saying
// aws:SourceAccount, by their Sid, with the conditions they have instead: the
// services' pages say that the key is not there to compare.
func boundOtherwise(v variant) map[string]object {
	region := v.region()
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":" + region + ":${AWS::AccountId}:" + resource
	}
	like := func(key string, value any) object { return object{"ArnLike": object{key: value}} }
	exceptions := map[string]object{
		"PublishNotices":       nil,
		"DeliverNotices":       like("kms:EncryptionContext:aws:sns:topicArn", arn("sns", "*")),
		"DeliverExecutionLogs": like("kms:EncryptionContext:SourceArn", arn("logs", "*")),
		"EncryptLogs": like("kms:EncryptionContext:aws:logs:arn", []any{
			arn("logs", "log-group:/tuneline/*"), arn("logs", "log-group:/aws/vendedlogs/tuneline/*"),
			arn("logs", "log-group:API-Gateway-Execution-Logs_*"), arn("logs", "log-group:aws-waf-logs-tuneline"),
		}),
	}
	if v.config().TunesNova() {
		exceptions["OptimizeThroughput"] = object{
			"ForAnyValue:StringEquals": object{"kms:EncryptionContextKeys": "aws:bedrock:custom-model"},
			"StringEqualsIfExists":     object{"aws:SourceAccount": "${AWS::AccountId}"},
		}
	}
	if v.config().Trail.Enabled {
		ours := object{"aws:SourceArn": arn("cloudtrail", "trail/tuneline")}
		exceptions["EncryptTrail"], exceptions["LookAtBucket"] = object{"ArnEquals": ours}, object{"ArnEquals": ours}
		exceptions["WriteTrail"] = object{"ArnEquals": ours, "StringEquals": object{"s3:x-amz-acl": "bucket-owner-full-control"}}
	}
	return exceptions
}

// TestServicesActForUs: a service that a policy lets in must act for this
// account, but for exactly the exceptions.
func TestServicesActForUs(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		exceptions := boundOtherwise(v)
		var found []string
		for _, s := range tm.allStatements() {
			service := get(s.object, "Principal", "Service")
			if service == nil || s.condition("StringEquals", "aws:SourceAccount") == "${AWS::AccountId}" {
				continue
			}
			want, excepted := exceptions[s.sid()]
			if !excepted {
				t.Errorf("%s lets %v in for anybody", s, service)
			}
			equal(t, s.String()+" conditions", s.conditions(), want)
			found = append(found, s.sid())
		}
		slices.Sort(found)
		equal(t, "exceptions", found, slices.Sorted(maps.Keys(exceptions)))
	})
}

// trusted is who may assume a role, and when.
type trusted struct {
	principal, conditions object
}

// trusts is who may assume which role, but for the functions' roles.
func trusts(v variant) map[string]trusted {
	fromAccount := object{"aws:SourceAccount": "${AWS::AccountId}"}
	arn := func(operator, service string, resources ...string) object {
		var values []any
		for _, resource := range resources {
			values = append(values, "arn:aws:"+service+":"+v.region()+":${AWS::AccountId}:"+resource)
		}
		if len(values) == 1 {
			return object{"StringEquals": fromAccount, operator: object{"aws:SourceArn": values[0]}}
		}
		return object{"StringEquals": fromAccount, operator: object{"aws:SourceArn": values}}
	}
	people := func(named []string) object {
		if len(named) == 0 {
			return object{"AWS": "arn:aws:iam::${AWS::AccountId}:root"}
		}
		return object{"AWS": named}
	}
	list := map[string]trusted{
		"CustomizationRole":   {object{"Service": "bedrock.amazonaws.com"}, arn("ArnEquals", "bedrock", "model-customization-job/*")},
		"WorkflowRole":        {object{"Service": "states.amazonaws.com"}, arn("ArnLike", "states", "stateMachine:tuneline-finetune")},
		"WorkflowReleaseRole": {object{"Service": "states.amazonaws.com"}, arn("ArnLike", "states", "stateMachine:tuneline-release")},
		"WorkflowSweepRole":   {object{"Service": "states.amazonaws.com"}, arn("ArnLike", "states", "stateMachine:tuneline-sweep")},
		"SweepRole":           {object{"Service": "scheduler.amazonaws.com"}, arn("ArnEquals", "scheduler", "schedule-group/default")},
		"NetworkFlowLogRole":  {object{"Service": "vpc-flow-logs.amazonaws.com"}, arn("ArnLike", "ec2", "vpc-flow-log/*")},
		"TriggerStarterRole":  {object{"Service": "events.amazonaws.com"}, arn("ArnLike", "events", "rule/tuneline-TriggerUpload*", "rule/tuneline-TriggerRelease*")},
		"InferenceLogRole":    {object{"Service": "apigateway.amazonaws.com"}, nil},
		"AccessUploader":      {people(v.config().Uploaders), nil},
		"AccessOperator":      {people(v.config().Operators), nil},
	}
	if v.config().Trail.Enabled {
		list["TrailRole"] = trusted{object{"Service": "cloudtrail.amazonaws.com"}, nil}
	}
	return list
}

// TestTrust holds who may assume which role, under which conditions.
func TestTrust(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		want := trusts(v)
		for _, role := range tm.ofType("AWS::IAM::Role") {
			trust := statementsOf(role.id, false, role.Properties["AssumeRolePolicyDocument"])
			name := role.id[:len(role.id)-8]
			w, known := want[name]
			if strings.HasPrefix(name, "Functions") || name == "LifecycleFunctionRole" {
				w, known = trusted{principal: object{"Service": "lambda.amazonaws.com"}}, true
			}
			if !known {
				t.Errorf("%s is a role nobody knows", name)
			}
			equal(t, name+" principal", trust[0].object["Principal"], w.principal)
			equal(t, name+" conditions", trust[0].object["Condition"], any(w.conditions))
			if len(trust) != 1 || trust[0].object["Action"] != "sts:AssumeRole" {
				t.Errorf("%s: got %d statements, action %v, want 1 with sts:AssumeRole", name, len(trust), trust[0].object["Action"])
			}
			if role.Properties["ManagedPolicyArns"] != nil {
				t.Errorf("%s has managed policies: %v", name, role.Properties["ManagedPolicyArns"])
			}
		}
		for _, kind := range []string{"AWS::IAM::User", "AWS::IAM::AccessKey", "AWS::IAM::Group", "AWS::IAM::Policy"} {
			if found := tm.ofType(kind); len(found) > 0 {
				t.Errorf("got %d of %s, want none", len(found), kind)
			}
		}
	})
}

// TestPassRole: one function hands one role to one service.
func TestPassRole(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		role := tm.find(t, "CustomizationRole", "AWS::IAM::Role")
		var found []statement
		for _, s := range tm.allStatements() {
			if slices.Contains(s.actions(), "iam:PassRole") {
				found = append(found, s)
			}
		}
		if len(found) != 1 || !strings.HasPrefix(found[0].where, "FunctionsSubmitRole") {
			t.Fatalf("iam:PassRole is in %v, want submit's role only", found)
		}
		equal(t, "resources", found[0].resources(), []string{role.ref("Arn")})
		equal(t, "conditions", found[0].conditions(), object{"StringEquals": object{"iam:PassedToService": "bedrock.amazonaws.com"}})
	})
}

// TestPowerOverModels: what makes, changes or removes something that costs
// money names its tag, and only these roles may do it. A base model is in no
// account and has no tags, so a statement on base models alone needs none.
func TestPowerOverModels(t *testing.T) {
	want := map[string][]string{
		"bedrock:CreateModelCustomizationJob":      {"FunctionsSubmitRole"},
		"bedrock:CreateProvisionedModelThroughput": {"FunctionsThroughputRole"},
		"bedrock:CreateCustomModelDeployment":      {"FunctionsThroughputRole"},
		"bedrock:UpdateProvisionedModelThroughput": {"AccessOperatorPolicy", "FunctionsThroughputRole"},
		"bedrock:UpdateCustomModelDeployment":      nil,
		"bedrock:DeleteProvisionedModelThroughput": {"AccessOperatorPolicy", "FunctionsThroughputRole", "LifecycleFunctionRole"},
		"bedrock:DeleteCustomModelDeployment":      {"AccessOperatorPolicy", "FunctionsThroughputRole", "LifecycleFunctionRole"},
		"bedrock:DeleteCustomModel":                {"AccessOperatorPolicy"},
		"bedrock:StopModelCustomizationJob":        {"AccessOperatorPolicy", "FunctionsSubmitRole", "FunctionsThroughputRole", "LifecycleFunctionRole"},
		"bedrock:InvokeModel":                      {"FunctionsInvokeRole", "FunctionsThroughputRole"},
		"bedrock:InvokeModelWithResponseStream":    {"FunctionsInvokeRole"},
	}
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		got := map[string]map[string]bool{}
		for action := range want {
			got[action] = map[string]bool{}
		}
		for _, s := range tm.allStatements() {
			for _, action := range s.actions() {
				if !s.identity || got[action] == nil {
					continue
				}
				got[action][s.where[:len(s.where)-8]] = true
				tag := "aws:ResourceTag/tuneline:stack"
				if strings.HasPrefix(action, "bedrock:Create") {
					tag = "aws:RequestTag/tuneline:stack"
				}
				onBaseModels := !slices.ContainsFunc(s.resources(), func(arn string) bool {
					return !strings.HasPrefix(arn, "arn:aws:bedrock:"+v.region()+"::foundation-model/")
				})
				if !onBaseModels && s.condition("StringEquals", tag) != "tuneline" {
					t.Errorf("%s allows %s without a condition on %s", s, action, tag)
				}
			}
		}
		for action, roles := range got {
			equal(t, "who may "+action, slices.Sorted(maps.Keys(roles)), want[action])
		}
	})
}
