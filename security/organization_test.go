package security

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sample is one of the policies that are shipped for an organization.
func sample(t *testing.T, name string, resource bool) (object, policy) {
	t.Helper()
	path := filepath.Join(root, "examples", "organization", name+".json")
	text, err := os.ReadFile(path) //nolint:gosec // a file of the test's own
	if err != nil {
		t.Fatal(err)
	}
	var document object
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	p, err := parse(path, document, resource)
	if err != nil {
		t.Fatal(err)
	}
	return document, p
}

var space = regexp.MustCompile(`\s`)

// TestOrganizationSamplesAreWords: every action, condition key and resource in them
// exists, and each is short enough for what it is.
func TestOrganizationSamplesAreWords(t *testing.T) {
	for name, most := range map[string]int{"permissions-boundary": 6144, "service-control-policy": 5120, "resource-control-policy": 5120} {
		document, _ := sample(t, name, name == "resource-control-policy")
		text, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		if length := len(space.ReplaceAll(text, nil)); length > most {
			t.Errorf("%s has %d characters, AWS takes %d", name, length, most)
		}
		tm := &Template{Resources: map[string]*Resource{name: {ID: name, Type: "AWS::IAM::ManagedPolicy", Properties: object{"PolicyDocument": document}}}}
		for _, check := range []func(*Template) Findings{actionsExist, conditionKeysExist, actionsKnowTheirResources} {
			for _, finding := range check(tm) {
				t.Error(finding)
			}
		}
	}
}

// TestOrganizationBoundary: under the boundary every role does all that its own policies
// let it, in every configuration, and for all actions there are it allows those that
// some role has and no other.
func TestOrganizationBoundary(t *testing.T) {
	document, boundary := sample(t, "permissions-boundary", false)
	needed := map[string]bool{}
	for _, variant := range variants {
		tm := templateOf(t, assembly(t, variant))
		for _, role := range tm.ofType("AWS::IAM::Role") {
			report(t, tm.hindered(role, boundary, needed))
		}
	}
	for service := range vocabulary().Services {
		for _, action := range actionsOf(service) {
			a := ask{who{arn: "arn:aws:iam::" + Account + ":role/tuneline/function/a"}, action, "arn:aws:iam::" + Account + ":role/tuneline/customization/a", satisfying(statement{object{}})}
			if got := boundary.answer(a) == granted; got != needed[action] {
				t.Errorf("the boundary allows %s: %v, and a role needs it: %v", action, got, needed[action])
			}
		}
	}
	for _, s := range statementsOf(document) {
		for _, action := range s.actions() {
			if strings.Contains(action, "*") {
				t.Errorf("%s allows %s", s.sid(), action)
			}
		}
	}
}

// hindered is what a role's own policies let it and a boundary does not, for each
// statement in a request as its conditions have it. It notes the actions it asked about.
func (t *Template) hindered(role *Resource, boundary policy, needed map[string]bool) (f Findings) {
	own, me := t.permissions(&f, role), who{arn: attribute(role, t.Region, "Arn")}
	for _, d := range t.identityDocuments(role) {
		for _, s := range statementsOf(d.body) {
			if !s.allows() {
				continue
			}
			for _, action := range s.actions() {
				needed[action] = true
				for _, resource := range s.resources() {
					a := ask{me, action, strings.ReplaceAll(resource, "*", "a"), satisfying(s)}
					if answers(own, a) == granted && boundary.answer(a) != granted {
						f.add(role.ID, "%s on %s is not allowed under the boundary", action, a.resource)
					}
				}
			}
		}
	}
	return f
}

// satisfying is a context in which a statement's conditions hold, in this account.
func satisfying(s statement) map[string][]string {
	context := keys("aws:PrincipalAccount", Account, "aws:ResourceAccount", Account, "kms:GrantIsForAWSResource", "true", "iam:PassedToService", "bedrock.amazonaws.com")
	for _, c := range s.conditions() {
		if len(c.values) > 0 {
			context[c.key] = []string{strings.ReplaceAll(c.values[0], "*", "a")}
		}
	}
	return context
}

// TestOrganizationBoundaryOutside: what the conditions of the boundary are for.
func TestOrganizationBoundaryOutside(t *testing.T) {
	_, boundary := sample(t, "permissions-boundary", false)
	me := who{arn: "arn:aws:iam::" + Account + ":role/tuneline/function/a"}
	ours := keys("aws:PrincipalAccount", Account, "aws:ResourceAccount", Account)
	service := "arn:aws:iam::" + Account + ":role/tuneline/customization/a"
	var f Findings
	try(&f, "boundary", []policy{boundary}, []battery{
		{"an object of ours", ask{me, "s3:PutObject", "arn:aws:s3:::ours/a", ours}, true},
		{"an object of another account", ask{me, "s3:PutObject", "arn:aws:s3:::theirs/a", with(ours, "aws:ResourceAccount", foreignAccount)}, false},
		{"another account's key", ask{me, "kms:GenerateDataKey", "arn:aws:kms:us-east-1:" + foreignAccount + ":key/a", with(ours, "aws:ResourceAccount", foreignAccount)}, false},
		{"a grant for a service", ask{me, "kms:CreateGrant", "arn:aws:kms:us-east-1:" + Account + ":key/a", with(ours, "kms:GrantIsForAWSResource", "true")}, true},
		{"a grant for anybody", ask{me, "kms:CreateGrant", "arn:aws:kms:us-east-1:" + Account + ":key/a", ours}, false},
		{"the service role to Bedrock", ask{me, "iam:PassRole", service, keys("iam:PassedToService", "bedrock.amazonaws.com")}, true},
		{"the service role to Lambda", ask{me, "iam:PassRole", service, keys("iam:PassedToService", "lambda.amazonaws.com")}, false},
		{"an administrator's role to Bedrock", ask{me, "iam:PassRole", "arn:aws:iam::" + Account + ":role/admin", keys("iam:PassedToService", "bedrock.amazonaws.com")}, false},
		{"its own boundary", ask{me, "iam:DeleteRolePermissionsBoundary", me.arn, ours}, false},
		{"a role of its own", ask{me, "iam:CreateRole", me.arn, ours}, false},
		{"the key's policy", ask{me, "kms:PutKeyPolicy", "arn:aws:kms:us-east-1:" + Account + ":key/a", ours}, false},
		{"the bucket's policy", ask{me, "s3:PutBucketPolicy", "arn:aws:s3:::ours", ours}, false},
		{"the trail", ask{me, "cloudtrail:StopLogging", "arn:aws:cloudtrail:us-east-1:" + Account + ":trail/tuneline", ours}, false},
		{"a way out", ask{me, "ec2:CreateRoute", "*", ours}, false},
	})
	report(t, f)
}

func report(t *testing.T, f Findings) {
	t.Helper()
	for _, finding := range f {
		t.Error(finding)
	}
}

// judged is a request and whether a policy that only denies must deny it.
type judged struct {
	name string
	ask
	denied bool
}

func hold(t *testing.T, p policy, list []judged) {
	t.Helper()
	for _, j := range list {
		if got := p.answer(j.ask) == refused; got != j.denied {
			t.Errorf("%s: %s on %s is denied: %v, want %v", j.name, j.action, j.resource, got, j.denied)
		}
	}
}

// deniesOnly holds that a policy allows nothing, and to no one by name.
func deniesOnly(t *testing.T, document object, principal bool) {
	t.Helper()
	for _, s := range statementsOf(document) {
		if s.allows() || (s.object["Principal"] == "*") != principal || s.sid() == "" {
			t.Errorf("%s is no statement that only denies", s.sid())
		}
	}
}

// TestOrganizationServiceControls: administrators cannot do what the policy is against,
// and the stack, its deployment and its people are not hindered.
func TestOrganizationServiceControls(t *testing.T) {
	document, scp := sample(t, "service-control-policy", false)
	deniesOnly(t, document, false)
	at := func(service, resource string) string {
		return "arn:aws:" + service + ":us-east-1:" + Account + ":" + resource
	}
	base := "arn:aws:bedrock:us-east-1::foundation-model/"
	admin, function := who{arn: "arn:aws:iam::" + Account + ":role/admin"}, who{arn: "arn:aws:iam::" + Account + ":role/tuneline/function/submit"}
	deployer := who{arn: "arn:aws:iam::" + Account + ":role/cdk-hnb659fds-cfn-exec-role-" + Account + "-us-east-1"}
	inside, tagged := keys("aws:SourceVpce", "vpce-0a"), keys("aws:ResourceTag/tuneline:stack", "tuneline")
	const tune, key, trail = "bedrock:CreateModelCustomizationJob", "key/a", "trail/tuneline"
	hold(t, scp, []judged{
		{"tunes", ask{function, tune, base + "amazon.nova-micro-v1:0:128k", inside}, false},
		{"tunes", ask{function, tune, base + "amazon.nova-lite-v1:0", inside}, false},
		{"makes the model", ask{function, tune, at("bedrock", "custom-model/a"), inside}, false},
		{"makes the job", ask{function, tune, at("bedrock", "model-customization-job/a"), inside}, false},
		{"another base model", ask{function, tune, base + "amazon.nova-pro-v1:0:300k", inside}, true},
		{"nearly one", ask{function, tune, base + "amazon.nova-micro-v1:0:128k2", inside}, true},
		{"a person tunes", ask{admin, tune, base + "amazon.nova-micro-v1:0:128k", inside}, true},
		{"a person buys", ask{admin, "bedrock:CreateProvisionedModelThroughput", at("bedrock", "custom-model/a"), nil}, true},
		{"a person brings a model", ask{admin, "bedrock:CreateModelImportJob", "*", nil}, true},
		{"tunes from outside", ask{function, tune, base + "amazon.nova-micro-v1:0:128k", nil}, true},
		{"asks from outside", ask{function, "bedrock:InvokeModel", at("bedrock", "custom-model-deployment/a"), nil}, true},
		{"asks from inside", ask{function, "bedrock:InvokeModel", at("bedrock", "custom-model-deployment/a"), inside}, false},
		{"releases, at a teardown, from outside", ask{function, "bedrock:DeleteProvisionedModelThroughput", at("bedrock", "provisioned-model/a"), nil}, false},
		{"a person asks a base model", ask{admin, "bedrock:InvokeModel", base + "amazon.nova-micro-v1:0", nil}, false},
		{"opens the VPC", ask{admin, "ec2:AttachInternetGateway", at("ec2", "vpc/vpc-a"), tagged}, true},
		{"a route", ask{admin, "ec2:CreateRoute", at("ec2", "route-table/rtb-a"), tagged}, true},
		{"an endpoint's policy", ask{admin, "ec2:ModifyVpcEndpoint", at("ec2", "vpc-endpoint/vpce-a"), tagged}, true},
		{"no endpoint", ask{admin, "ec2:DeleteVpcEndpoints", at("ec2", "vpc-endpoint/vpce-a"), tagged}, true},
		{"no flow log", ask{admin, "ec2:DeleteFlowLogs", at("ec2", "vpc-flow-log/fl-a"), tagged}, true},
		{"another VPC", ask{admin, "ec2:AttachInternetGateway", at("ec2", "vpc/vpc-b"), nil}, false},
		{"deploys", ask{deployer, "ec2:ModifyVpcEndpoint", at("ec2", "vpc-endpoint/vpce-a"), tagged}, false},
		{"ends the key", ask{admin, "kms:ScheduleKeyDeletion", at("kms", key), tagged}, true},
		{"opens the key", ask{admin, "kms:PutKeyPolicy", at("kms", key), tagged}, true},
		{"deploys the key's policy", ask{deployer, "kms:PutKeyPolicy", at("kms", key), tagged}, false},
		{"ends another key", ask{admin, "kms:ScheduleKeyDeletion", at("kms", "key/b"), nil}, false},
		{"stops the trail", ask{admin, "cloudtrail:StopLogging", at("cloudtrail", trail), nil}, true},
		{"narrows the trail", ask{admin, "cloudtrail:PutEventSelectors", at("cloudtrail", trail), nil}, true},
		{"deploys the trail", ask{deployer, "cloudtrail:UpdateTrail", at("cloudtrail", trail), nil}, false},
		{"stops another trail", ask{admin, "cloudtrail:StopLogging", at("cloudtrail", "trail/other"), nil}, false},
		{"forgets logs", ask{admin, "logs:DeleteLogGroup", at("logs", "log-group:/tuneline/flow-log:*"), nil}, true},
		{"forgets other logs", ask{admin, "logs:DeleteLogGroup", at("logs", "log-group:/other:*"), nil}, false},
		{"deletes the stack's logs with it", ask{deployer, "logs:DeleteLogGroup", at("logs", "log-group:/tuneline/flow-log:*"), nil}, false},
	})
	// For all actions of Bedrock: the stack's functions are hindered only as above.
	for _, action := range actionsOf("bedrock") {
		if got := scp.answer(ask{function, action, at("bedrock", "custom-model/a"), inside}) == refused; got {
			t.Errorf("the functions may not %s", action)
		}
	}
}

// TestOrganizationResourceControls: for all actions on buckets and keys: nobody of
// another organization, no service that acts for one, and nothing without TLS.
func TestOrganizationResourceControls(t *testing.T) {
	document, rcp := sample(t, "resource-control-policy", true)
	deniesOnly(t, document, true)
	const org, other = "o-exampleorgid", "o-another"
	tls := keys("aws:SecureTransport", "true", "aws:PrincipalIsAWSService", "false")
	logs := who{service: "logging.s3.amazonaws.com"}
	acting := keys("aws:SecureTransport", "true", "aws:PrincipalIsAWSService", "true")
	for _, service := range []string{"s3", "kms"} {
		for _, action := range actionsOf(service) {
			resource := map[string]string{"s3": "arn:aws:s3:::ours/a", "kms": "arn:aws:kms:us-east-1:" + Account + ":key/a"}[service]
			hold(t, rcp, []judged{
				{"ours", ask{colleague, action, resource, with(tls, "aws:PrincipalOrgID", org)}, false},
				{"another organization's", ask{foreigner, action, resource, with(tls, "aws:PrincipalOrgID", other)}, true},
				{"an account's without an organization", ask{foreigner, action, resource, tls}, true},
				{"nobody", ask{nobody, action, resource, keys("aws:SecureTransport", "true")}, true},
				{"ours without TLS", ask{colleague, action, resource, with(keys("aws:SecureTransport", "false", "aws:PrincipalIsAWSService", "false"), "aws:PrincipalOrgID", org)}, true},
				{"a service for us", ask{logs, action, resource, with(acting, "aws:SourceAccount", Account, "aws:SourceOrgID", org)}, false},
				{"a service for another organization", ask{logs, action, resource, with(acting, "aws:SourceAccount", foreignAccount, "aws:SourceOrgID", other)}, true},
				{"a service for an account without an organization", ask{logs, action, resource, with(acting, "aws:SourceAccount", foreignAccount)}, true},
				{"a service that names nobody", ask{logs, action, resource, acting}, false},
			})
		}
	}
}
