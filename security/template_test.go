package security

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// written is a folder with files.
func written(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const manifest = `{"artifacts":{
	"b":{"type":"aws:cloudformation:stack","environment":"aws://unknown-account/eu-west-1","properties":{"templateFile":"b.json","stackName":"second"}},
	"a":{"type":"aws:cloudformation:stack","environment":"aws://unknown-account/eu-central-1","properties":{"templateFile":"a.json"}},
	"Tree":{"type":"cdk:tree","properties":{}}}}`

// Ensure all stacks of an assembly are looked at, each with its own references.
func TestLoad(t *testing.T) {
	dir := written(t, map[string]string{
		"manifest.json": manifest,
		"a.json":        `{"Resources":{"Role":{"Type":"AWS::IAM::Role","Properties":{"Path":"/p/","Note":{"Fn::GetAtt":["Role","Arn"]}}}}}`,
		"b.json":        `{"Resources":{"Role":{"Type":"AWS::IAM::Role","DeletionPolicy":"Retain","Properties":{"Note":{"Fn::Sub":"${AWS::StackName}/${Role}/${!left}"}}}}}`,
	})
	tm, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := text(tm.Resources["Role"].Properties["Note"]); got != "arn:aws:iam::"+Account+":role/p/Role" || tm.Region != "eu-central-1" {
		t.Errorf("got %q in %s", got, tm.Region)
	}
	if r := tm.Resources["second/Role"]; r == nil || text(r.Properties["Note"]) != "second/Role/${!left}" || r.DeletionPolicy != "Retain" {
		t.Errorf("got %+v", r)
	}
}

// Ensure a folder of templates without a manifest is read, and what is no assembly is
// refused with a reason.
func TestLoad_Otherwise(t *testing.T) {
	if tm, err := Load(written(t, map[string]string{"x.template.json": `{"Resources":{}}`})); err != nil || tm.Region != defaultRegion {
		t.Errorf("got %v, %v", tm, err)
	}
	for name, tc := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing":       {nil, "there is no template in"},
		"manifest":      {map[string]string{"manifest.json": "{"}, "manifest"},
		"file":          {map[string]string{"manifest.json": manifest}, "reading the template of a"},
		"template":      {map[string]string{"x.template.json": "[]"}, "reading the template of x"},
		"no resources":  {map[string]string{"x.template.json": "{}"}, "has no resources"},
		"odd resources": {map[string]string{"x.template.json": `{"Resources":{"A":1}}`}, "is no object"},
	} {
		if _, err := Load(written(t, tc.files)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", name, err, tc.want)
		}
	}
}

// Ensure references become names, whatever is missing.
func TestResolve(t *testing.T) {
	resources := object{
		"Bucket": object{"Type": "AWS::S3::Bucket"}, "Named": object{"Type": "AWS::SQS::Queue", "Properties": object{"QueueName": "q"}},
		"Loop": object{"Type": "AWS::SNS::Topic", "Properties": object{"TopicName": object{"Ref": "Loop"}}},
	}
	r := newResolver(source{stack: "s", region: "us-east-1", tree: object{"Parameters": object{"P": object{"Default": "d"}}}}, resources)
	for want, v := range map[string]any{
		"bucket":              object{"Ref": "Bucket"},
		"arn:aws:s3:::bucket": object{"Fn::GetAtt": "Bucket.Arn"},
		"arn:aws:sqs:us-east-1:" + Account + ":q":               object{"Fn::GetAtt": []any{"Named", "Arn"}},
		"https://sqs.us-east-1.amazonaws.com/" + Account + "/Q": object{"Fn::Sub": []any{"https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/${X}", object{"X": "Q"}}},
		"us-east-1b":     object{"Fn::Select": []any{1.0, object{"Fn::GetAZs": ""}}},
		"b":              object{"Fn::Select": []any{"1", object{"Fn::Split": []any{",", "a,b"}}}},
		"d":              object{"Ref": "P"},
		"missing-X":      object{"Ref": "X"},
		"missing-X-Arn":  object{"Fn::GetAtt": []any{"X", "Arn"}},
		"unknownFn-If":   object{"Fn::If": []any{"C", "yes", "no"}},
		"unknownFn-Cidr": object{"Fn::Cidr": []any{"10.0.0.0/16"}},
		"a-b":            object{"Fn::Join": []any{"-", []any{"a", object{"Ref": "AWS::NoValue"}, "b"}}},
	} {
		if got := text(r.value(v, 0)); got != want {
			t.Errorf("%v: got %q, want %q", v, got, want)
		}
	}
	if got := text(r.value(object{"Ref": "Loop"}, 0)); !strings.Contains(got, "endless-reference") {
		t.Errorf("a reference to itself is %q", got)
	}
}

// Ensure two patterns meet where one text is both.
func TestIsOf(t *testing.T) {
	for _, tc := range []struct {
		kind, arn string
		want      bool
	}{
		{"arn:${Partition}:s3:::${BucketName}", "arn:aws:s3:::b", true},
		{"arn:${Partition}:s3:::${BucketName}", "arn:aws:s3:::b/*", false},
		{"arn:${Partition}:s3:::${BucketName}/${ObjectName}", "arn:aws:s3:::b/a/*", true},
		{"arn:${Partition}:s3:::${BucketName}/${ObjectName}", "arn:aws:s3:::b", false},
		{"arn:${Partition}:logs:${Region}:${Account}:log-group:${G}:log-stream:${S}", "arn:aws:logs:us-east-1:1:log-group:/t/a:*", true},
		{"arn:${Partition}:bedrock:${Region}:${Account}:custom-model/${Id}", "arn:aws:bedrock:us-east-1:1:custom-model-deployment/*", false},
		{"arn:${Partition}:bedrock:${Region}::foundation-model/${Id}", "arn:aws:bedrock:us-east-1:1:*", false},
		{"", "arn:aws:s3:::b", false}, {"arn:${Partition}:s3:::${BucketName}", "b", false},
	} {
		if got := isOf(tc.kind, tc.arn); got != tc.want {
			t.Errorf("%s, %s: got %v", tc.kind, tc.arn, got)
		}
	}
}

// Ensure a policy that cannot be read is a finding of whoever asks it, and not a pass.
func TestDamagedPolicies(t *testing.T) {
	sources, err := mutate(assembly(t, variants[0]), both(
		set("StoragePolicy", "Properties.PolicyDocument.Version", "2008-10-17"), set("Key", "Properties.KeyPolicy.Statement.0.Effect", "allow"),
		set("NetworkS3Endpoint", "Properties.PolicyDocument.Statement.0.Condition", object{"StringIs": object{"aws:PrincipalAccount": "1"}}),
	))
	if err != nil {
		t.Fatal(err)
	}
	tm := templateOf(t, sources)
	for _, check := range []func(*Template) Findings{objectsAreInside, tlsForEveryAction, ourKeyOnly, keyIsForNoOtherAccount, grantsAreBedrocksOnly, endpointsAdmitThisAccountOnly} {
		if found := check(tm); len(found) == 0 || !strings.Contains(found[0].Message, "cannot be read") {
			t.Errorf("got %v", found)
		}
	}
}

// Ensure a key of a family is known, and one that is only called alike is not.
func TestConditionKeysExist(t *testing.T) {
	for key, want := range map[string]bool{
		"aws:PrincipalTag/team": true, "aws:ResourceTag/tuneline:stack": true, "kms:EncryptionContext:SourceArn": true, "s3:ExistingObjectTag/kind": true, "AWS:sourcevpce": true,
		"aws:PrincipalTag": false, "aws:PrincipalTag/": false, "aws:PrincipalTags/team": false, "s3:ExistingObjectTag": false, "aws:SourceVpces": false,
	} {
		tm := &Template{Region: "us-east-1", Resources: map[string]*Resource{"Role": {ID: "Role", Type: "AWS::IAM::ManagedPolicy", Properties: object{"PolicyDocument": object{
			"Version": "2012-10-17", "Statement": []any{object{"Sid": "X", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": object{"StringEquals": object{key: "x"}}}},
		}}}}}
		if found := conditionKeysExist(tm); (len(found) == 0) != want {
			t.Errorf("%s: got %v", key, found)
		}
	}
}
