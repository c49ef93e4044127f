package template

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var pretend = Options{StackName: "Demo", Region: "us-east-1", AccountID: "123456789012"}

func loadDemo(t *testing.T, change func(*Options)) *Stack {
	t.Helper()
	o := pretend
	if change != nil {
		change(&o)
	}
	s, err := Load(filepath.Join("testdata", "demo"), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestLoadFunctions(t *testing.T) {
	s := loadDemo(t, nil)
	f, ok := s.Function("Work")
	if !ok {
		t.Fatal("no function Work")
	}
	equal(t, "ARN", f.ARN, "arn:aws:lambda:us-east-1:123456789012:function:"+f.Name)
	equal(t, "role", f.Role, "WorkRole")
	equal(t, "timeout", f.Timeout, time.Minute)
	equal(t, "memory", f.MemoryMB, 256)
	equal(t, "architecture", f.Architectures[0], "arm64")
	equal(t, "in VPC", f.InVPC(), true)
	equal(t, "retries", *f.MaximumRetryAttempts, 0)
	bucket, _ := s.Bucket("Data")
	equal(t, "BUCKET", f.Environment["BUCKET"], bucket.Name)
	equal(t, "LIMIT", f.Environment["LIMIT"], "5")
	if _, set := f.Environment["ALARM"]; set {
		t.Error("ALARM is set although its value is AWS::NoValue")
	}
	if !filepath.IsAbs(f.CodePath) || filepath.Base(f.CodePath) != "asset.1f0c" || !f.CodeIsDirectory {
		t.Errorf("code: got %s (directory %v)", f.CodePath, f.CodeIsDirectory)
	}
	logs, _ := s.Resource("WorkLogs")
	equal(t, "log group", f.LogGroup, logs.PhysicalID)
	if _, ok := s.Function(f.ARN + ":1"); !ok {
		t.Error("a qualified ARN does not find the function")
	}
}

func TestLoadWorkflow(t *testing.T) {
	s := loadDemo(t, nil)
	m, ok := s.StateMachine("Flow")
	if !ok {
		t.Fatal("no state machine Flow")
	}
	f, _ := s.Function("Work")
	equal(t, "definition", m.Definition,
		`{"StartAt":"Work","TimeoutSeconds":90,"States":{"Work":{"Type":"Task","Resource":"`+f.ARN+`","End":true}}}`)
	equal(t, "role", m.Role, "FlowRole")
	equal(t, "type", m.Type, "STANDARD")
	equal(t, "ARN", m.ARN, "arn:aws:states:us-east-1:123456789012:stateMachine:"+m.Name)

	dropped, ended := s.Rules[0], s.Rules[1]
	bucket, _ := s.Bucket("Data")
	equal(t, "pattern", string(dropped.EventPattern), `{"detail":{"bucket":{"name":["`+bucket.Name+
		`"]},"object":{"key":[{"wildcard":"fine-tuning-datasets/*.jsonl"}]}},"detail-type":["Object Created"],"source":["aws.s3"]}`)
	target := dropped.Targets[0]
	equal(t, "target", target.ARN, m.ARN)
	equal(t, "target role", target.Role, "FlowRole")
	equal(t, "transformer", target.InputTransformer.InputTemplate, `{"key":<key>}`)
	equal(t, "path", target.InputTransformer.InputPathsMap["key"], "$.detail.object.key")
	equal(t, "attempts", *target.RetryPolicy.MaximumRetryAttempts, 3)
	queue, err := s.GetAtt("DeadLetters", "Arn")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "dead letters", target.DeadLetterARN, queue.(string))
	equal(t, "state", ended.State, "DISABLED")
	equal(t, "schedule", ended.ScheduleExpression, "rate(1 day)")
	equal(t, "input", ended.Targets[0].Input, `{"release":true}`)
	equal(t, "rule may invoke", s.MayInvoke("events.amazonaws.com", ended.ARN, f.ARN), true)
	equal(t, "other rule may invoke", s.MayInvoke("events.amazonaws.com", dropped.ARN, f.ARN), false)
}

func TestLoadStorage(t *testing.T) {
	s := loadDemo(t, nil)
	k, ok := s.Key("alias/demo")
	if !ok {
		t.Fatal("the alias does not find the key")
	}
	equal(t, "rotation", k.Rotation, true)
	if !strings.Contains(string(k.Policy), "arn:aws:iam::123456789012:root") {
		t.Errorf("key policy: got %s", k.Policy)
	}
	b, _ := s.Bucket("Data")
	equal(t, "encryption", b.Encryption, "aws:kms")
	equal(t, "key", b.EncryptionKey, k.ARN)
	equal(t, "key id", b.Key, "Key")
	equal(t, "bucket key", b.BucketKey, true)
	equal(t, "versioned", b.Versioned, true)
	equal(t, "EventBridge", b.EventBridge, true)
	equal(t, "lifecycle rules", len(b.LifecycleRules), 1)
	if !strings.Contains(string(b.Policy), `"Resource":["`+b.ARN+`","`+b.ARN+`/*"]`) {
		t.Errorf("bucket policy: got %s", b.Policy)
	}
}

func TestLoadRoles(t *testing.T) {
	s := loadDemo(t, nil)
	work, _ := s.Role("WorkRole")
	var names []string
	for _, p := range work.Policies {
		names = append(names, p.LogicalID)
	}
	equal(t, "policies", strings.Join(names, " "), "WorkRole WorkPolicy Shared")
	shared, _ := s.Resource("Shared")
	equal(t, "managed", strings.Join(work.ManagedPolicyARNs, " "),
		"arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole "+shared.PhysicalID)
	flow, _ := s.Role("demo-flow")
	equal(t, "ARN", flow.ARN, "arn:aws:iam::123456789012:role/service/demo-flow")
	if !strings.Contains(string(flow.Trust), "states.amazonaws.com") {
		t.Errorf("trust: got %s", flow.Trust)
	}
}

func TestLoadNetwork(t *testing.T) {
	s := loadDemo(t, func(o *Options) { o.AZs = []string{"us-east-1d", "us-east-1f"} })
	equal(t, "VPCs", len(s.VPCs), 1)
	equal(t, "zone A", s.Subnets[0].AvailabilityZone, "us-east-1d")
	equal(t, "zone B", s.Subnets[1].AvailabilityZone, "us-east-1f")
	equal(t, "VPC of subnet", s.Subnets[0].VPCID, s.VPCs[0].ID)
	g := s.SecurityGroups[0]
	equal(t, "ingress", g.Ingress[0].GroupID, g.ID)
	equal(t, "egress", g.Egress[0].PrefixListID, "pl-63a5400a")
	equal(t, "port", *g.Egress[0].FromPort, 443)
	e, ok := s.Endpoint("bedrock")
	if !ok {
		t.Fatal("no endpoint for bedrock")
	}
	equal(t, "type", e.Type, "Interface")
	equal(t, "private DNS", e.PrivateDNS, true)
	equal(t, "subnets", len(e.SubnetIDs), 2)
	s3, _ := s.Endpoint("com.amazonaws.us-east-1.s3")
	equal(t, "type", s3.Type, "Gateway")
	equal(t, "route tables", len(s3.RouteTableIDs), 1)
}

func TestLoadRestAPI(t *testing.T) {
	s := loadDemo(t, func(o *Options) { o.Parameters = map[string]string{"Stage": "v2"} })
	api := s.RestAPIs[0]
	equal(t, "stage", api.Stage.Name, "v2")
	equal(t, "endpoint", api.EndpointType, "REGIONAL")
	equal(t, "rate", *api.Stage.Settings[0].RateLimit, 2.5)
	equal(t, "burst", *api.Stage.Settings[0].BurstLimit, 20)
	var paths []string
	for _, r := range api.Resources {
		paths = append(paths, r.Path)
	}
	equal(t, "paths", strings.Join(paths, " "), "/ /model /model/{model} /model/{model}/converse")
	m := api.Resources[3].Methods[0]
	f, _ := s.Function("Work")
	equal(t, "authorization", m.AuthorizationType, "AWS_IAM")
	equal(t, "function", m.Integration.FunctionARN, f.ARN)
	equal(t, "permitted", m.Integration.Permitted, true)
	equal(t, "timeout", m.Integration.Timeout, 29*time.Second)
	equal(t, "validates body", m.ValidateBody, true)
	equal(t, "validates parameters", m.ValidateParameters, false)
	equal(t, "model", m.RequestModels["application/json"].Name, "ConverseRequest")
	if !json.Valid(m.RequestModels["application/json"].Schema) {
		t.Error("the model's schema is not JSON")
	}
	equal(t, "URL", s.Outputs["ApiUrl"].Value, "https://"+api.ID+".execute-api.us-east-1.amazonaws.com/v2/")
}

func TestLoadCustomResourceAndConditions(t *testing.T) {
	s := loadDemo(t, nil)
	if _, exists := s.Resource("Alarm"); exists {
		t.Error("Alarm exists although its condition is false")
	}
	if _, exists := s.Outputs["AlarmName"]; exists {
		t.Error("output AlarmName exists although its condition is false")
	}
	equal(t, "export", s.Outputs["Bucket"].ExportName, "demo-stack-bucket")
	c := s.CustomResources[0]
	equal(t, "function", c.Function, "Work")
	for _, want := range []string{"Dropped", "Flow", "Work", "WorkRole", "SubnetA", "Key"} {
		if !slices.Contains(c.DependsOn, want) {
			t.Errorf("DependsOn: %s is missing in %v", want, c.DependsOn)
		}
	}
	if slices.Contains(c.DependsOn, "Alarm") {
		t.Error("DependsOn names a resource that does not exist")
	}

	s = loadDemo(t, func(o *Options) { o.Parameters = map[string]string{"Alarmed": "yes"} })
	f, _ := s.Function("Work")
	equal(t, "ALARM", f.Environment["ALARM"], "on")
	if !slices.Contains(s.CustomResources[0].DependsOn, "Alarm") {
		t.Error("DependsOn lacks Alarm although it exists")
	}
}

// Physical ids must be the same every time and have the form of their service.
func TestPhysicalIDs(t *testing.T) {
	forms := map[string]string{
		"Vpc": `^vpc-[0-9a-f]{17}$`, "SubnetA": `^subnet-[0-9a-f]{17}$`, "WorkGroup": `^sg-[0-9a-f]{17}$`,
		"S3Endpoint": `^vpce-[0-9a-f]{17}$`, "Routes": `^rtb-[0-9a-f]{17}$`, "Api": `^[a-z0-9]{10}$`,
		"Key":  `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`,
		"Data": `^demo-stack-data-[a-z0-9]{12}$`, "Work": `^demo-stack-Work-[A-Z0-9]{12}$`,
		"DeadLetters": `^https://sqs\.us-east-1\.amazonaws\.com/123456789012/demo-stack-DeadLetters-[A-Z0-9]{12}$`,
		"Shared":      `^arn:aws:iam::123456789012:policy/demo-stack-Shared-[A-Z0-9]{12}$`,
		"ApiStage":    `^v1$`, "FlowRole": `^demo-flow$`, "KeyAlias": `^alias/demo$`,
	}
	first, second := loadDemo(t, nil), loadDemo(t, nil)
	for id, form := range forms {
		a, _ := first.Resource(id)
		b, _ := second.Resource(id)
		if !regexp.MustCompile(form).MatchString(a.PhysicalID) {
			t.Errorf("%s: got %q, want the form %s", id, a.PhysicalID, form)
		}
		equal(t, id+" again", b.PhysicalID, a.PhysicalID)
	}
	seen := map[string]string{}
	for _, res := range first.All() {
		if other, dup := seen[res.Type+res.PhysicalID]; dup {
			t.Errorf("%s and %s have the same id %s", res.LogicalID, other, res.PhysicalID)
		}
		seen[res.Type+res.PhysicalID] = res.LogicalID
	}
}

func TestLongNamesAreCut(t *testing.T) {
	r := &resolver{stackName: strings.Repeat("s", 100)}
	name := r.unique(strings.Repeat("L", 200), 64, upperAlnum)
	equal(t, "length", len(name), 64)
}
