package preflight

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/tuneline/tuneline/infra/config"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// want is the one line of a check: its status, and parts of its texts.
type want struct {
	status       Status
	detail, mend string
}

// scenario is an account and a configuration that differ from the good ones in what
// the functions change.
type scenario struct {
	start  func() *account
	change func(*account)
	ask    func(*Subject)
	want   want
}

// runAll runs scenarios, each of which makes exactly one line of the check.
func runAll(t *testing.T, name string, scenarios map[string]scenario) {
	for title, s := range scenarios {
		t.Run(title, func(t *testing.T) {
			if s.start == nil {
				s.start = fresh
			}
			a := s.start()
			if s.change != nil {
				s.change(a)
			}
			asked := subject()
			if s.ask != nil {
				s.ask(&asked)
			}
			lines := a.lines(t, asked, name)
			if len(lines) != 1 {
				t.Fatalf("got %d lines: %+v", len(lines), lines)
			}
			checkLine(t, lines[0], s.want)
		})
	}
}

func checkLine(t *testing.T, line Line, w want) {
	t.Helper()
	if line.Status != w.status || !strings.Contains(line.Detail, w.detail) || !strings.Contains(line.Mend, w.mend) {
		t.Errorf("got %+v, want %+v", line, w)
	}
	if line.Status == Fails && line.Mend == "" {
		t.Errorf("%s: %s fails, and nothing mends it", line.Check, line.Detail)
	}
}

func refuses(action string, err error) func(*account) {
	return func(a *account) { a.refused[action] = err }
}

func lifecycle(l types.FoundationModelLifecycle) func(*account) {
	return func(a *account) { a.details["amazon.nova-micro-v1:0:128k"].ModelLifecycle = &l }
}

// article is the article's choice: provisioned throughput without commitment.
func article(s *Subject) {
	s.Config.Region, s.Config.BaseModel = "us-west-2", "meta.llama3-1-8b-instruct-v1:0:128k"
	s.Config.Serving = config.Serving{Mode: "provisioned", ModelUnits: 2, Commitment: config.CommitmentNone}
}

func committed(s *Subject) {
	article(s)
	s.Config.Serving.Commitment = config.CommitmentOneMonth
}

var errDenied = refusal("AccessDeniedException", "not authorized")

func TestCredentials(t *testing.T) {
	runAll(t, "credentials", map[string]scenario{
		"good": {want: want{OK, "arn:aws:sts::111122223333:assumed-role/admin/me in account 111122223333", ""}},
		"none": {change: func(a *account) { a.missing = errReset }, want: want{Unknown, "connection reset", "aws sso login"}},
	})
	a := fresh()
	a.missing = errReset
	report, err := Run(t.Context(), subject(), a.clients(), nil)
	if err != nil || len(report.Lines) != 1 || report.Account != "" || report.Verdict() != Unknown || len(a.called) > 0 {
		t.Errorf("got %+v, %v after %v; want nothing else looked at", report, err, a.called)
	}
}

func TestRegion(t *testing.T) {
	runAll(t, "region", map[string]scenario{
		"tuned there":    {want: want{OK, "is tuned in us-east-1", ""}},
		"not tuned here": {ask: func(s *Subject) { s.Config.Region = "eu-west-1" }, want: want{Fails, `cannot be customized in "eu-west-1"`, `in cdk.json, the stack's settings: "region": "us-east-1"`}},
	})
}

func TestBootstrap(t *testing.T) {
	const mend = "npx cdk bootstrap aws://111122223333/us-east-1"
	runAll(t, "bootstrap", map[string]scenario{
		"done":     {want: want{OK, "version 21", ""}},
		"not done": {change: func(a *account) { a.bootstrap = "" }, want: want{Fails, "not been bootstrapped", mend}},
		"too old":  {change: func(a *account) { a.bootstrap = "5" }, want: want{Fails, `version "5", and 6 or later`, mend}},
		"odd":      {change: func(a *account) { a.bootstrap = "new" }, want: want{Fails, `"new"`, mend}},
		"denied":   {change: refuses("ssm:GetParameter", errDenied), want: want{Unknown, "may not call ssm:GetParameter", "allow ssm:GetParameter on /cdk-bootstrap"}},
		"deployed": {start: deployed, change: refuses("ssm:GetParameter", errDenied), want: want{Note, "not looked at", ""}},
	})
}

func TestStack(t *testing.T) {
	status := func(s string) func(*account) { return func(a *account) { a.stackStatus = s } }
	runAll(t, "stack", map[string]scenario{
		"none":           {want: want{OK, "not deployed yet", ""}},
		"deployed":       {start: deployed, want: want{OK, "is deployed (UPDATE_COMPLETE)", ""}},
		"rolled back":    {start: deployed, change: status("ROLLBACK_COMPLETE"), want: want{Fails, "can only be deleted", "aws cloudformation delete-stack --stack-name tuneline --region us-east-1"}},
		"delete failed":  {start: deployed, change: status("DELETE_FAILED"), want: want{Fails, "DELETE_FAILED", "delete-stack"}},
		"update stuck":   {start: deployed, change: status("UPDATE_ROLLBACK_FAILED"), want: want{Fails, "UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback"}},
		"being deployed": {start: deployed, change: status("CREATE_IN_PROGRESS"), want: want{Note, "CREATE_IN_PROGRESS", ""}},
		"foreign":        {start: deployed, change: func(a *account) { a.outputs = map[string]string{"Url": "x"} }, want: want{Fails, "tuneline did not make", "another account"}},
		"denied":         {change: refuses("cloudformation:DescribeStacks", refusal("AccessDenied", "no")), want: want{Unknown, "may not call", "allow cloudformation:DescribeStacks"}},
		"broken":         {change: refuses("cloudformation:DescribeStacks", refusal("ValidationError", "1 validation error detected")), want: want{Unknown, "ValidationError: 1 validation error", ""}},
	})
}

func TestBaseModel(t *testing.T) {
	past, future := aws.Time(today.AddDate(0, 0, -2)), aws.Time(today.AddDate(1, 0, 0))
	const other = `"baseModel": "amazon.nova-lite-v1:0:300k"`
	gone := func(a *account) { clear(a.details) }
	runAll(t, "base model", map[string]scenario{
		"active":         {want: want{OK, "amazon.nova-micro-v1:0:128k is ACTIVE", ""}},
		"with dates":     {change: lifecycle(types.FoundationModelLifecycle{Status: "ACTIVE", LegacyTime: future, EndOfLifeTime: future}), want: want{OK, "ACTIVE (Legacy from 2027-11-23, end of life 2027-11-23)", ""}},
		"legacy":         {change: lifecycle(types.FoundationModelLifecycle{Status: "LEGACY", LegacyTime: past}), want: want{Fails, "LEGACY (Legacy from 2026-11-21): Bedrock takes no new job", other}},
		"at its end":     {change: lifecycle(types.FoundationModelLifecycle{Status: "ACTIVE", EndOfLifeTime: past}), want: want{Fails, "EOL", other}},
		"plain id only":  {change: func(a *account) { delete(a.details, "amazon.nova-micro-v1:0:128k") }, want: want{OK, "ACTIVE", ""}},
		"not known":      {change: gone, want: want{Fails, "Bedrock does not know amazon.nova-micro-v1:0:128k in us-east-1", other}},
		"no life cycle":  {change: func(a *account) { a.details["amazon.nova-micro-v1:0:128k"].ModelLifecycle = nil }, want: want{OK, "ACTIVE (says the catalogue", ""}},
		"denied, active": {change: refuses("bedrock:GetFoundationModel", errDenied), want: want{Unknown, "may not call bedrock:GetFoundationModel; by the catalogue, read 2026-11-23, amazon.nova-micro-v1:0:128k is ACTIVE", "allow bedrock:GetFoundationModel"}},
		"denied, legacy": {change: refuses("bedrock:GetFoundationModel", errDenied), ask: article, want: want{Fails, "is LEGACY", `"baseModel": "amazon.nova-micro-v1:0:128k", "region": "us-east-1"`}},
		"account knows":  {ask: article, want: want{OK, "meta.llama3-1-8b-instruct-v1:0:128k is ACTIVE", ""}},
	})
	runAll(t, "customization", map[string]scenario{
		"taken":         {want: want{OK, "takes FINE_TUNING", ""}},
		"not taken":     {change: func(a *account) { a.details["amazon.nova-micro-v1:0:128k"] = active("DISTILLATION") }, want: want{Fails, "does not take FINE_TUNING in this account and Region, only [DISTILLATION]", other}},
		"plain id only": {change: func(a *account) { delete(a.details, "amazon.nova-micro-v1:0:128k") }, want: want{Note, "Bedrock answers for amazon.nova-micro-v1:0 only", ""}},
		"denied":        {change: refuses("bedrock:GetFoundationModel", errDenied), want: want{Unknown, "", "allow bedrock:GetFoundationModel"}},
	})
}

func TestAccess(t *testing.T) {
	runAll(t, "model access", map[string]scenario{
		"granted":        {want: want{OK, "may use amazon.nova-micro-v1:0", ""}},
		"elsewhere":      {change: func(a *account) { a.availability.RegionAvailability = "NOT_AVAILABLE" }, want: want{Fails, "not available in us-east-1", "baseModel"}},
		"not authorized": {change: func(a *account) { a.availability.AuthorizationStatus = "NOT_AUTHORIZED" }, want: want{Fails, "not authorized", "service control policies"}},
		"no contract": {change: func(a *account) {
			a.availability.EntitlementAvailability = "NOT_AVAILABLE"
			a.availability.AgreementAvailability = &types.AgreementAvailability{Status: "PENDING"}
		}, want: want{Fails, "not entitled to amazon.nova-micro-v1:0 (agreement PENDING)", "aws bedrock create-foundation-model-agreement --model-id amazon.nova-micro-v1:0"}},
		"not known": {change: refuses("bedrock:GetFoundationModelAvailability", &types.ResourceNotFoundException{}), want: want{Fails, "does not know", "baseModel"}},
		"denied":    {change: refuses("bedrock:GetFoundationModelAvailability", errDenied), want: want{Unknown, "", "allow bedrock:GetFoundationModelAvailability"}},
		"broken":    {change: refuses("bedrock:GetFoundationModelAvailability", errReset), want: want{Unknown, "connection reset", ""}},
	})
}

func models(statuses ...types.ModelStatus) func(*account) {
	return func(a *account) {
		for _, status := range statuses {
			a.models = append(a.models, types.CustomModelSummary{ModelStatus: status})
		}
	}
}

func deployments(statuses ...types.CustomModelDeploymentStatus) func(*account) {
	return func(a *account) {
		for _, status := range statuses {
			a.deployments = append(a.deployments, types.CustomModelDeploymentSummary{Status: status})
		}
	}
}

func request(code string, desired int, region string) string {
	return fmt.Sprintf("aws service-quotas request-service-quota-increase --service-code bedrock --quota-code %s --desired-value %d --region %s", code, desired, region)
}

func TestModelQuotas(t *testing.T) {
	const code = "L-CB5B847D"
	runAll(t, "quota "+code, map[string]scenario{
		"free":       {change: models("Active", "Creating", "Active"), want: want{OK, "custom models: 3 of 100 taken", ""}},
		"full":       {change: func(a *account) { a.quotas[code] = 2; models("Active", "Failed")(a) }, want: want{Fails, "custom models: 2 of 2 taken, 1 needed", request(code, 3, "us-east-1") + "; or aws bedrock delete-custom-model"}},
		"none":       {change: func(a *account) { a.quotas[code] = 0 }, want: want{Fails, "custom models: 0 granted, 1 needed", request(code, 1, "us-east-1")}},
		"not listed": {change: refuses("bedrock:ListCustomModels", errDenied), want: want{Unknown, "custom models: 100 granted; how many are taken is not known", "allow bedrock:ListCustomModels"}},
		"denied":     {change: refuses("servicequotas:GetServiceQuota", errDenied), want: want{Unknown, "", "allow servicequotas:GetServiceQuota"}},
		"no default": {change: refuses("servicequotas:GetAWSDefaultServiceQuota", errDenied), want: want{Unknown, "", "allow servicequotas:GetAWSDefaultServiceQuota"}},
		"no answer":  {change: func(a *account) { delete(a.defaults, code) }, want: want{Unknown, "servicequotas:GetAWSDefaultServiceQuota answered NoSuchResource", ""}},
	})
	const creating = "L-C02E1E99"
	runAll(t, "quota "+creating, map[string]scenario{
		"free": {change: models("Active", "Creating"), want: want{OK, "custom models being created: 1 of 2 taken", ""}},
		"full": {change: models("Creating", "Creating"), want: want{Note, "2 of 2 taken, so a run waits", ""}},
		"none": {change: func(a *account) { a.quotas[creating] = 0 }, want: want{Fails, "custom models being created: 0 granted", request(creating, 1, "us-east-1")}},
	})
}

func TestDeploymentQuotas(t *testing.T) {
	const code = "L-1EF80F3E"
	runAll(t, "quota "+code, map[string]scenario{
		"free":       {change: deployments("Active", "Creating"), want: want{OK, "deployments: 2 of 10 taken", ""}},
		"full":       {change: func(a *account) { a.quotas[code] = 1; deployments("Active")(a) }, want: want{Fails, "deployments: 1 of 1 taken", request(code, 2, "us-east-1") + "; or aws bedrock delete-custom-model-deployment"}},
		"not listed": {change: refuses("bedrock:ListCustomModelDeployments", errDenied), want: want{Unknown, "", "allow bedrock:ListCustomModelDeployments"}},
	})
	runAll(t, "quota L-430C95DD", map[string]scenario{
		"free": {want: want{OK, "deployments in progress: 0 of 2 taken", ""}},
		"full": {change: deployments("Creating", "Creating", "Active"), want: want{Note, "a run waits", ""}},
	})
	if lines := fresh().lines(t, subject(article), "quota "+code); len(lines) > 0 {
		t.Errorf("got %+v of a configuration without deployments", lines)
	}
}

func TestUnitQuota(t *testing.T) {
	const code = "L-BE77399C"
	custom, base := "arn:aws:bedrock:us-west-2:111122223333:custom-model/meta.llama3-1-8b-instruct-v1:0:128k/abcdef123456", "arn:aws:bedrock:us-west-2::foundation-model/meta.llama3-1-8b-instruct-v1:0"
	bought := func(a *account) {
		a.throughputs = []types.ProvisionedModelSummary{
			{ModelArn: &custom, ModelUnits: aws.Int32(1), DesiredModelUnits: aws.Int32(1)},
			{ModelArn: &custom, ModelUnits: aws.Int32(4), CommitmentDuration: "OneMonth"},
			{ModelArn: &base, ModelUnits: aws.Int32(8)},
			{ModelArn: &custom, ModelUnits: aws.Int32(0), DesiredModelUnits: aws.Int32(2)},
		}
	}
	grant := func(units float64, more ...func(*account)) func(*account) {
		return func(a *account) {
			a.quotas[code] = units
			for _, m := range more {
				m(a)
			}
		}
	}
	runAll(t, "quota "+code, map[string]scenario{
		"fresh account":   {ask: article, want: want{Fails, "model units without commitment across custom models: 0 granted, 2 needed", request(code, 2, "us-west-2")}},
		"not adjustable":  {ask: article, change: func(a *account) { a.fixed[code] = true }, want: want{Fails, "0 granted", "ask AWS Support"}},
		"granted":         {ask: article, change: grant(2), want: want{OK, "0 of 2", ""}},
		"taken by others": {ask: article, change: grant(4, bought), want: want{Fails, "across custom models: 3 of 4 taken, 2 needed", request(code, 5, "us-west-2")}},
		"enough for all":  {ask: article, change: grant(5, bought), want: want{OK, "3 of 5", ""}},
		"perhaps our own": {start: deployed, ask: article, change: grant(4, bought), want: want{Note, "enough if they are this stack's", request(code, 5, "us-west-2")}},
		"cannot be ours":  {start: deployed, ask: func(s *Subject) { article(s); s.Config.Serving.ModelUnits = 4 }, change: grant(4, bought), want: want{Fails, "3 of 4", ""}},
		"not listed":      {ask: article, change: grant(2, refuses("bedrock:ListProvisionedModelThroughputs", errDenied)), want: want{Unknown, "custom models: 2 granted", "allow bedrock:ListProvisionedModelThroughputs"}},
	})
	const ofModel = "L-3632DE15"
	runAll(t, "quota "+ofModel, map[string]scenario{
		"fresh account": {ask: committed, want: want{Fails, "model units of a provisioned throughput on Meta Llama 3.1 8B Instruct: 0 granted, 2 needed", request(ofModel, 2, "us-west-2")}},
		"granted":       {ask: committed, change: func(a *account) { a.quotas[ofModel] = 2; bought(a) }, want: want{OK, "2 granted, 2 needed", ""}},
		"no commitment": {ask: article, want: want{Note, "0 granted, 2 needed; whether a purchase without commitment needs them is not verified", request(ofModel, 2, "us-west-2")}},
	})
	runAll(t, "quota of model units of a provisioned throughput on Meta Llama 3.2 3B Instruct", map[string]scenario{
		"no code": {ask: func(s *Subject) { committed(s); s.Config.BaseModel = "meta.llama3-2-3b-instruct-v1:0:128k" }, want: want{Note, "its code is not known", ""}},
	})
}

func TestNetwork(t *testing.T) {
	named := func(names ...string) func(*Subject) {
		return func(s *Subject) { s.Config.AvailabilityZones = config.Zones{Names: names} }
	}
	without := func(service, zone string) func(*account) {
		return func(a *account) {
			a.services[service] = slices.DeleteFunc(a.services[service], func(z string) bool { return z == zone })
		}
	}
	few := func(n int) func(*account) { return func(a *account) { a.zones = a.zones[:n] } }
	const three = `in cdk.json, the stack's settings: "availabilityZones": ["us-east-1a","us-east-1b","us-east-1c"]`
	runAll(t, "zones", map[string]scenario{
		"the first":   {want: want{OK, "us-east-1a, us-east-1b, us-east-1c, the first 3 of 6", ""}},
		"by name":     {ask: named("us-east-1a", "us-east-1d"), want: want{OK, "us-east-1a, us-east-1d, of 6", ""}},
		"no such":     {ask: named("us-east-1a", "us-east-1b", "us-east-1z"), want: want{Fails, "us-east-1z cannot be used; us-east-1a, us-east-1b", three}},
		"down":        {ask: named("us-east-1a", "us-east-1b"), change: func(a *account) { a.zones[1].State = ec2types.AvailabilityZoneStateUnavailable }, want: want{Fails, "us-east-1b cannot be used", `"availabilityZones": ["us-east-1a","us-east-1c"]`}},
		"not opted":   {ask: named("us-east-1a", "us-east-1b"), change: func(a *account) { a.zones[1].OptInStatus = ec2types.AvailabilityZoneOptInStatusNotOptedIn }, want: want{Fails, "us-east-1b cannot be used", "availabilityZones"}},
		"too few":     {change: few(2), want: want{Fails, "3 zones are configured, and the account has us-east-1a, us-east-1b", `"availabilityZones": ["us-east-1a","us-east-1b"]`}},
		"one is none": {change: few(1), want: want{Fails, "the account has us-east-1a", "tuned in another Region"}},
		"denied":      {change: refuses("ec2:DescribeAvailabilityZones", refusal("UnauthorizedOperation", "no")), want: want{Unknown, "", "allow ec2:DescribeAvailabilityZones"}},
	})
	const runtime = "com.amazonaws.us-east-1.bedrock-runtime"
	runAll(t, "interface endpoints", map[string]scenario{
		"everywhere":     {want: want{OK, "4 services, in every zone of the stack", ""}},
		"not in b":       {change: without(runtime, "us-east-1b"), want: want{Fails, runtime + " is not offered in us-east-1b", `"availabilityZones": ["us-east-1a","us-east-1c","us-east-1d"]`}},
		"in e":           {ask: named("us-east-1a", "us-east-1e"), want: want{Fails, "com.amazonaws.us-east-1.kms is not offered in us-east-1e", `"availabilityZones": ["us-east-1a","us-east-1b"]`}},
		"not at all":     {change: func(a *account) { delete(a.services, runtime) }, want: want{Fails, runtime + " is not offered", "tuned in another Region"}},
		"private API":    {ask: func(s *Subject) { s.Config.API.Endpoint = config.EndpointPrivate }, want: want{OK, "5 services", ""}},
		"private, not b": {ask: func(s *Subject) { s.Config.API.Endpoint = config.EndpointPrivate }, change: without("com.amazonaws.us-east-1.execute-api", "us-east-1b"), want: want{Fails, "execute-api is not offered in us-east-1b", "us-east-1d"}},
		"denied":         {change: refuses("ec2:DescribeVpcEndpointServices", refusal("UnauthorizedOperation", "no")), want: want{Unknown, "", "allow ec2:DescribeVpcEndpointServices"}},
		"no zones known": {change: refuses("ec2:DescribeAvailabilityZones", errReset), want: want{Unknown, "connection reset", ""}},
	})
	runAll(t, "zone coverage", map[string]scenario{
		"some": {want: want{Note, "a subnet in 3 of 5 zones", `"availabilityZones": ["us-east-1a","us-east-1b","us-east-1c","us-east-1d","us-east-1f"]`}},
		"none": {change: func(a *account) { clear(a.services) }, want: want{Note, "no zone", ""}},
		"all":  {ask: named("us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d", "us-east-1f"), want: want{OK, "every zone it can be in", ""}},
	})
}

func TestPrefixList(t *testing.T) {
	runAll(t, "S3 prefix list", map[string]scenario{
		"known":       {want: want{OK, "com.amazonaws.us-east-1.s3 is pl-63a5400a", ""}},
		"another":     {change: func(a *account) { a.prefixList = "pl-00000001" }, want: want{Fails, `is pl-00000001, and the stack would use "pl-63a5400a"`, `"prefixListIds": {"us-east-1":"pl-00000001"}`}},
		"not known":   {ask: func(s *Subject) { s.Config.Region = "eu-west-1" }, want: want{Fails, `would use ""`, `"prefixListIds": {"eu-west-1":"pl-63a5400a"}`}},
		"overwritten": {ask: func(s *Subject) { s.Config.PrefixListIDs = map[string]string{"us-east-1": "pl-63a5400a"} }, want: want{OK, "", ""}},
		"none":        {change: func(a *account) { a.prefixList = "" }, want: want{Fails, "is not in us-east-1", "region"}},
		"denied":      {change: refuses("ec2:DescribeManagedPrefixLists", refusal("UnauthorizedOperation", "no")), want: want{Unknown, "", "allow ec2:DescribeManagedPrefixLists"}},
	})
}

func TestNames(t *testing.T) {
	runAll(t, "names", map[string]scenario{
		"free":          {want: want{OK, "16 are free", ""}},
		"foreign":       {change: func(a *account) { a.logGroups = []string{"/tuneline/other", "/tunelines/api"} }, want: want{OK, "16 are free", ""}},
		"log group":     {change: func(a *account) { a.logGroups = []string{"/tuneline/a", "/tuneline/api"} }, want: want{Fails, "log group /tuneline/api is there already", "aws logs delete-log-group --log-group-name /tuneline/api --region us-east-1"}},
		"vended":        {change: func(a *account) { a.logGroups = []string{"/aws/vendedlogs/tuneline/releases"} }, want: want{Fails, "/aws/vendedlogs/tuneline/releases", "delete-log-group"}},
		"state machine": {change: func(a *account) { a.machines = []string{"tuneline-release"} }, want: want{Fails, "state machine tuneline-release", "aws stepfunctions delete-state-machine --state-machine-arn arn:aws:states:us-east-1:111122223333:stateMachine:tuneline-release"}},
		"alias":         {change: func(a *account) { a.aliases = []string{"alias/tuneline"} }, want: want{Fails, "KMS alias alias/tuneline", "aws kms delete-alias --alias-name alias/tuneline"}},
		"another stack": {change: func(a *account) { a.aliases = []string{"alias/tuneline"} }, ask: func(s *Subject) { s.Stack = "second" }, want: want{OK, "free", ""}},
		"deployed":      {start: deployed, want: want{Note, "the stack is deployed", ""}},
		"not known":     {change: refuses("cloudformation:DescribeStacks", errReset), want: want{Unknown, "whether the stack is deployed", ""}},
		"logs denied":   {change: refuses("logs:DescribeLogGroups", errDenied), want: want{Unknown, "", "allow logs:DescribeLogGroups"}},
		"alias denied":  {change: refuses("kms:DescribeKey", errDenied), want: want{Unknown, "", "allow kms:DescribeKey"}},
	})
	a := fresh()
	a.refused["states:DescribeStateMachine"] = errDenied
	a.logGroups = []string{"/tuneline/api", "/tuneline/poll"}
	var got []Status
	for _, line := range a.lines(t, subject(), "names") {
		got = append(got, line.Status)
	}
	if !slices.Equal(got, []Status{Fails, Fails, Unknown, Unknown, Unknown}) {
		t.Errorf("got %v, want each name that is taken or not known", got)
	}
}

func TestLogRole(t *testing.T) {
	keep := func(s *Subject) { s.Config.API.CreateLogRole = false }
	role := func(a *account) { a.logRole = "arn:aws:iam::111122223333:role/logs" }
	runAll(t, "API log role", map[string]scenario{
		"made":     {want: want{OK, "the stack makes it", ""}},
		"replaced": {change: role, want: want{Note, "role/logs, which the stack replaces", `"api": {"createLogRole":false}`}},
		"kept":     {ask: keep, change: role, want: want{OK, "role/logs, which stays", ""}},
		"missing":  {ask: keep, want: want{Fails, "has no role to log with", `"api": {"createLogRole":true}`}},
		"denied":   {change: refuses("apigateway:GET", errDenied), want: want{Unknown, "", "allow apigateway:GET on /account"}},
		"deployed": {start: deployed, ask: keep, want: want{Note, "not looked at", ""}},
	})
}

func TestKey(t *testing.T) {
	state := func(s kmstypes.KeyState) func(*account) {
		return func(a *account) { a.key = &kmstypes.KeyMetadata{KeyState: s, DeletionDate: &today} }
	}
	runAll(t, "key", map[string]scenario{
		"before":    {want: want{Note, "not known before the deployment", ""}},
		"enabled":   {start: deployed, want: want{OK, keyARN + " is enabled", ""}},
		"disabled":  {start: deployed, change: state("Disabled"), want: want{Fails, "not enabled (Disabled)", "aws kms enable-key --key-id " + keyARN}},
		"dying":     {start: deployed, change: state("PendingDeletion"), want: want{Fails, "on 2026-11-23", "aws kms cancel-key-deletion --key-id " + keyARN}},
		"gone":      {start: deployed, change: refuses("kms:DescribeKey", &kmstypes.NotFoundException{}), want: want{Fails, "does not exist", "npx cdk destroy"}},
		"empty":     {start: deployed, change: func(a *account) { a.key = nil }, want: want{Unknown, "without metadata", ""}},
		"denied":    {start: deployed, change: refuses("kms:DescribeKey", errDenied), want: want{Unknown, "", "allow kms:DescribeKey on " + keyARN}},
		"not known": {change: refuses("cloudformation:DescribeStacks", errReset), want: want{Unknown, "neither is the key", ""}},
	})
}

func TestRole(t *testing.T) {
	trust := func(old, with string) func(*account) {
		return func(a *account) { a.trust = strings.ReplaceAll(goodTrust, old, with) }
	}
	const mend = "aws iam update-assume-role-policy --role-name tuneline-CustomizationRole --policy-document '" + goodTrust + "'"
	runAll(t, "service role", map[string]scenario{
		"before":          {want: want{Note, "not known before the deployment", ""}},
		"good":            {start: deployed, want: want{OK, "can be assumed", ""}},
		"lists of one":    {start: deployed, change: trust(`"sts:AssumeRole"`, `["sts:AssumeRole"]`), want: want{OK, "", ""}},
		"ArnLike":         {start: deployed, change: trust("ArnEquals", "ArnLike"), want: want{OK, "", ""}},
		"another service": {start: deployed, change: trust("bedrock.amazonaws.com", "ec2.amazonaws.com"), want: want{Fails, "does not let bedrock.amazonaws.com assume it", mend}},
		"denied to it":    {start: deployed, change: trust(`"Allow"`, `"Deny"`), want: want{Fails, "does not let", mend}},
		"another account": {start: deployed, change: trust(`"aws:SourceAccount":"111122223333"`, `"aws:SourceAccount":"999999999999"`), want: want{Fails, "aws:SourceAccount", mend}},
		"no condition":    {start: deployed, change: trust("SourceAccount", "x"), want: want{Fails, "aws:SourceAccount", mend}},
		"any job":         {start: deployed, change: trust(":model-customization-job/*", ":*"), want: want{Fails, "aws:SourceArn", mend}},
		"no JSON":         {start: deployed, change: trust("{", ""), want: want{Fails, "cannot be read", mend}},
		"gone":            {start: deployed, change: func(a *account) { a.trust = "" }, want: want{Fails, "does not exist", "npx cdk deploy"}},
		"older stack":     {start: deployed, change: func(a *account) { delete(a.outputs, outputRole) }, want: want{Fails, "earlier version", "npx cdk deploy"}},
		"denied":          {start: deployed, change: refuses("iam:GetRole", refusal("AccessDenied", "no")), want: want{Unknown, "", "allow iam:GetRole on " + roleARN}},
	})
}

func TestPrice(t *testing.T) {
	runAll(t, "price", map[string]scenario{
		"on demand": {want: want{Note, "nothing by the hour", ""}},
		"unknown":   {ask: article, want: want{Note, "2 model units of meta.llama3-1-8b-instruct-v1:0:128k with no commitment are billed by the hour, used or not; the price is not in", ""}},
		"known": {ask: func(s *Subject) {
			article(s)
			s.Config.BaseModel = "meta.llama3-1-70b-instruct-v1:0:128k"
		}, want: want{Note, "with no commitment: $48.00 an hour, $35040 in 730 hours", ""}},
	})
}

func TestDataset(t *testing.T) {
	file := filepath.Join(t.TempDir(), "my data.jsonl")
	if err := os.WriteFile(file, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set := func(name string) func(*Subject) { return func(s *Subject) { s.Dataset = name } }
	runAll(t, "data set", map[string]scenario{
		"a key":          {ask: set("fine-tuning-datasets/support/train.jsonl"), want: want{OK, "fine-tuning-datasets/support/train.jsonl will do", ""}},
		"copied anyway":  {ask: set("fine-tuning-datasets/support/dt=2026 é.jsonl"), want: want{OK, "it is given the accepted copy", ""}},
		"no model":       {ask: set("fine-tuning-datasets/train.jsonl"), want: want{Fails, "exactly one folder", "aws s3 cp FILE s3://BUCKET/fine-tuning-datasets/MODEL/train.jsonl --region us-east-1"}},
		"a bad model":    {ask: set("fine-tuning-datasets/my_model/train.jsonl"), want: want{Fails, "letters, digits and single hyphens", "s3://BUCKET/fine-tuning-datasets/my-model/train.jsonl"}},
		"too deep":       {ask: set("fine-tuning-datasets/a/b/train.jsonl"), want: want{Fails, "exactly one folder", "fine-tuning-datasets/a/train.jsonl"}},
		"another ending": {ask: set("fine-tuning-datasets/support/train.json"), want: want{Fails, ".jsonl", "support/train.jsonl"}},
		"a quotation":    {ask: set(`fine-tuning-datasets/support/"a".jsonl`), want: want{Fails, "quotation mark", "support/a.jsonl"}},
		"an object":      {ask: set("s3://tuneline-bucket/fine-tuning-datasets/support/train.jsonl"), start: deployed, want: want{OK, "", ""}},
		"another bucket": {ask: set("s3://other/fine-tuning-datasets/support/train.jsonl"), start: deployed, want: want{Fails, "bucket other is not the stack's", "s3://tuneline-bucket/fine-tuning-datasets/support/train.jsonl"}},
		"another prefix": {ask: set("s3://tuneline-bucket/data/train.jsonl"), start: deployed, want: want{Fails, "does not begin with fine-tuning-datasets/", "s3://tuneline-bucket/fine-tuning-datasets/data/train.jsonl"}},
		"a file":         {ask: set(file), want: want{OK, "fine-tuning-datasets/MODEL/my data.jsonl", ""}},
		"no file":        {ask: set("train.jsonl"), want: want{Fails, "no key and no file", "name a file"}},
	})
	if lines := fresh().lines(t, subject(), "data set"); len(lines) > 0 {
		t.Errorf("got %+v without a data set", lines)
	}
}

// TestGolden shows the whole report of a fresh account and of a deployed stack.
func TestGolden(t *testing.T) {
	for name, a := range map[string]*account{"fresh": fresh(), "deployed": deployed()} {
		report, err := Run(t.Context(), subject(), a.clients(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if report.Verdict() != OK {
			t.Errorf("%s: got %s", name, report.Verdict())
		}
		golden(t, name+".json", report)
	}
	// Nothing granted, the base model Legacy, and the committed prefix list wrong.
	a := freshIn("us-west-2")
	a.details["meta.llama3-1-8b-instruct-v1:0:128k"].ModelLifecycle.Status = "LEGACY"
	report, err := Run(t.Context(), subject(article), a.clients(), nil)
	if err != nil || report.Verdict() != Fails {
		t.Errorf("got %s, %v", report.Verdict(), err)
	}
	golden(t, "article.json", report)
}

func golden(t *testing.T, name string, report Report) {
	t.Helper()
	path := filepath.Join("testdata", name)
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got := string(text) + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) //nolint:gosec // a golden file
	if err != nil || got != string(want) {
		t.Errorf("%s is not what the code says (%v); run: go test ./internal/preflight -update\n%s", path, err, got)
	}
}

// TestNoCallEndsIt: with every call refused, every line that asked is unknown and
// names its permission, and the rest stands.
func TestNoCallEndsIt(t *testing.T) {
	probe := deployed()
	if _, err := Run(t.Context(), subject(), probe.clients(), nil); err != nil {
		t.Fatal(err)
	}
	a := deployed()
	for _, action := range probe.called {
		if action != "sts:GetCallerIdentity" && action != "cloudformation:DescribeStacks" {
			a.refused[action] = errDenied
		}
	}
	report, err := Run(t.Context(), subject(), a.clients(), nil)
	if err != nil || report.Verdict() != Unknown {
		t.Fatalf("got %s, %v", report.Verdict(), err)
	}
	for _, line := range report.Lines {
		if line.Status == Unknown && !strings.HasPrefix(line.Mend, "allow ") {
			t.Errorf("%+v names no permission", line)
		}
	}
}

// hanging never answers.
type hanging struct{}

func (hanging) GetParameter(ctx context.Context, _ *ssm.GetParameterInput, _ ...func(*ssm.Options)) (*ssm.GetParameterOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hanging) GetAccount(ctx context.Context, _ *apigateway.GetAccountInput, _ ...func(*apigateway.Options)) (*apigateway.GetAccountOutput, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestPatience: what does not answer in time is unknown, all checks wait at the
// same time, and the progress ends at the end.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := fresh()
		clients := a.clients()
		clients.SSM, clients.Gateway = hanging{}, hanging{}
		started := time.Now()
		var done, of int
		report, err := Run(t.Context(), subject(), clients, func(d, all int) { done, of = d, all })
		if err != nil || time.Since(started) > patience+time.Second {
			t.Fatalf("got %v after %s", err, time.Since(started))
		}
		if done != of || of == 0 {
			t.Errorf("told %d of %d", done, of)
		}
		unanswered := 0
		for _, line := range report.Lines {
			if strings.Contains(line.Detail, "was not answered within 20s") && line.Status == Unknown {
				unanswered++
			}
		}
		if unanswered != 2 {
			t.Errorf("got %d lines that say so, want 2", unanswered)
		}
	})
}

// TestContradiction: what the catalogue does not know is the command's error.
func TestContradiction(t *testing.T) {
	for _, change := range []func(*Subject){
		func(s *Subject) { s.Config.BaseModel = "acme.model" },
		func(s *Subject) { s.Config.Serving.Mode = "sometimes" },
	} {
		if _, err := Run(t.Context(), subject(change), fresh().clients(), nil); err == nil {
			t.Error("got no error")
		}
	}
}
