package template

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// assemble writes a cloud assembly with one stack into a new directory.
func assemble(t *testing.T, manifest, assets, body string) string {
	t.Helper()
	dir := t.TempDir()
	if manifest == "" {
		manifest = `{"artifacts": {
			"S.assets": {"type": "cdk:asset-manifest", "properties": {"file": "S.assets.json"}},
			"S": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
				"properties": {"templateFile": "S.template.json"}, "dependencies": ["S.assets"]}}}`
	}
	if assets == "" {
		assets = `{"files": {}}`
	}
	for name, text := range map[string]string{
		"manifest.json": manifest, "S.assets.json": assets, "S.template.json": body, "code.zip": "PK",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const oneBucket = `{"Resources": {"B": {"Type": "AWS::S3::Bucket"}}}`

func refused(t *testing.T, dir string, o Options, want string) {
	t.Helper()
	_, err := Load(dir, o)
	if err == nil {
		t.Fatalf("loads, want an error with %q", want)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("got %q, want it to contain %q", err, want)
	}
}

func TestRefusedTemplates(t *testing.T) {
	resources := func(text string) string { return `{"Resources": {` + text + `}}` }
	function := func(properties string) string {
		return resources(`"F": {"Type": "AWS::Lambda::Function", "Properties": {"Role": "r", ` + properties + `}}`)
	}
	tests := map[string]struct{ body, want string }{
		"unknown type":      {resources(`"X": {"Type": "AWS::EC2::NatGateway"}`), "X: resource type AWS::EC2::NatGateway is not modelled"},
		"unknown property":  {resources(`"B": {"Type": "AWS::S3::Bucket", "Properties": {"ReplicationConfiguration": {}}}`), `AWS::S3::Bucket B: json: unknown field "ReplicationConfiguration"`},
		"unknown section":   {`{"Transform": "AWS::LanguageExtensions", ` + oneBucket[1:], `unknown field "Transform"`},
		"unknown policy":    {resources(`"B": {"Type": "AWS::S3::Bucket", "UpdatePolicy": {}}`), `unknown field "UpdatePolicy"`},
		"no resources":      {`{}`, "template has no resources"},
		"DependsOn unknown": {resources(`"B": {"Type": "AWS::S3::Bucket", "DependsOn": ["Nobody"]}`), "B DependsOn: no parameter or resource is named Nobody"},
		"circle": {resources(`"A": {"Type": "AWS::S3::Bucket", "DependsOn": "B"},
			"B": {"Type": "AWS::S3::Bucket", "DependsOn": "A"}`), "circular dependency: A -> B -> A"},
		"two bucket policies": {resources(`"B": {"Type": "AWS::S3::Bucket"},
			"P": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "B"}, "PolicyDocument": {}}},
			"Q": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "B"}, "PolicyDocument": {}}}`), "bucket B has another policy already"},
		"circle of one": {resources(`"A": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "k", "Value": {"Ref": "A"}}]}}`), "circular dependency: A -> A"},
		"circle of names": {resources(`"A": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "B"}}},
			"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "A"}}}`), "circular dependency"},
		"condition circle": {`{"Conditions": {"A": {"Fn::Not": [{"Condition": "A"}]}}, "Resources": {"B": {"Type": "AWS::S3::Bucket", "Condition": "A"}}}`, "condition A refers to itself"},
		"condition refers to a resource": {`{"Conditions": {"A": {"Fn::Equals": [{"Ref": "B"}, "x"]}}, "Resources": {"B": {"Type": "AWS::S3::Bucket"},
			"C": {"Type": "AWS::S3::Bucket", "Condition": "A"}}}`, "only parameters may be referred to here"},
		"rule fails":              {`{"Rules": {"R": {"Assertions": [{"Assert": {"Fn::Equals": ["a", "b"]}, "AssertDescription": "a is b"}]}}, ` + oneBucket[1:], "assertion fails: a is b"},
		"parameter without value": {`{"Parameters": {"P": {"Type": "String"}}, ` + oneBucket[1:], "parameter P: has no value"},
		"parameter type":          {`{"Parameters": {"P": {"Type": "Colour", "Default": "red"}}, ` + oneBucket[1:], "type Colour is not modelled"},
		"parameter not allowed":   {`{"Parameters": {"P": {"Type": "String", "Default": "c", "AllowedValues": ["a"]}}, ` + oneBucket[1:], `value "c" is not allowed`},
		"parameter pattern":       {`{"Parameters": {"P": {"Type": "String", "Default": "c", "AllowedPattern": "[ab]"}}, ` + oneBucket[1:], `value "c" does not match`},
		"unknown SSM value":       {`{"Parameters": {"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/ami"}}, ` + oneBucket[1:], "Systems Manager parameter /ami is not given"},
		"output list":             {`{"Outputs": {"O": {"Value": ["a"]}}, ` + oneBucket[1:], "Outputs.O.Value: want a string"},
		"inline code":             {function(`"Code": {"ZipFile": "x"}`), `unknown field "ZipFile"`},
		"image":                   {function(`"PackageType": "Image", "Code": {}`), "package type Image is not modelled"},
		"layers":                  {function(`"Code": {"S3Key": "1.zip"}, "Layers": []`), `unknown field "Layers"`},
		"unknown asset":           {function(`"Code": {"S3Key": "1.zip"}`), `no asset has the object key "1.zip"`},
		"unsubstituted": {resources(`"M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": "r", "DefinitionString": "${Who}"}}`),
			"nothing substitutes ${Who} in the definition"},
		"no definition":     {resources(`"M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": "r"}}`), "has no definition"},
		"target kind":       {resources(`"R": {"Type": "AWS::Events::Rule", "Properties": {"Targets": [{"Id": "a", "Arn": "b", "EcsParameters": {}}]}}`), `unknown field "EcsParameters"`},
		"service token":     {resources(`"C": {"Type": "Custom::Thing", "Properties": {"ServiceToken": "arn:x"}}`), "is no function of the stack"},
		"custom attribute":  {resources(`"C": {"Type": "Custom::Thing", "Properties": {"ServiceToken": "arn:x", "A": {"Fn::GetAtt": ["C", "Data"]}}}`), "C: attribute Data of Custom::Thing is not modelled"},
		"API without stage": {resources(`"A": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "a"}}`), "one stage is modelled, not 0"},
		"group elsewhere":   {resources(`"I": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": {"GroupId": "sg-1", "IpProtocol": "-1"}}`), "security group sg-1 is not in the stack"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			refused(t, assemble(t, "", "", test.body), pretendStack("S"), test.want)
		})
	}
}

func pretendStack(name string) Options {
	o := pretend
	o.StackName = name
	return o
}

func TestRefusedAssemblies(t *testing.T) {
	stack := func(environment, properties string) string {
		return `{"artifacts": {"S": {"type": "aws:cloudformation:stack", "environment": "` + environment + `",
			"properties": {"templateFile": "S.template.json"` + properties + `}, "dependencies": ["S.assets"]},
			"S.assets": {"type": "cdk:asset-manifest", "properties": {"file": "S.assets.json"}}}}`
	}
	function := `{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Role": "r", "Code": {"S3Key": "1.zip"}}}}}`
	asset := func(source string) string {
		return `{"files": {"1": {"source": ` + source + `, "destinations": {"d": {"objectKey": "1.zip"}}}}}`
	}
	tests := map[string]struct{ manifest, assets, body, want string }{
		"other account":    {stack("aws://999999999999/us-east-1", ""), "", oneBucket, "synthesized for account 999999999999"},
		"other region":     {stack("aws://unknown-account/eu-west-1", ""), "", oneBucket, "synthesized for region eu-west-1"},
		"parameters":       {stack("aws://unknown-account/unknown-region", `, "parameters": {"A": "b"}`), "", oneBucket, "parameters given in the manifest"},
		"lookup":           {`{"missing": [{"key": "vpc-provider:x"}]}`, "", oneBucket, "context key vpc-provider:x is missing"},
		"no stack":         {`{"artifacts": {}}`, "", oneBucket, `no stack "S"`},
		"docker":           {"", `{"dockerImages": {"x": {}}}`, oneBucket, "docker image assets are not modelled"},
		"built by command": {"", asset(`{"path": "code.zip", "packaging": "file", "executable": ["make"]}`), function, "built by a command"},
		"packaging":        {"", asset(`{"path": "code.zip", "packaging": "zip"}`), function, `packaging "zip" does not fit`},
		"missing":          {"", asset(`{"path": "gone", "packaging": "zip"}`), function, "finding asset 1.zip"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			refused(t, assemble(t, test.manifest, test.assets, test.body), pretendStack("S"), test.want)
		})
	}
	dir := assemble(t, "", asset(`{"path": "code.zip", "packaging": "file"}`), function)
	s, err := Load(dir, pretendStack(""))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "code", s.Functions[0].CodePath, filepath.Join(dir, "code.zip"))
	equal(t, "is a directory", s.Functions[0].CodeIsDirectory, false)
}

func TestRefusedOptions(t *testing.T) {
	dir := assemble(t, "", "", oneBucket)
	refused(t, dir, Options{Region: "us-east-1", AccountID: "1"}, `account id "1"`)
	refused(t, dir, Options{Region: "here", AccountID: "123456789012"}, `region "here"`)
	o := pretendStack("S")
	o.Parameters = map[string]string{"Nobody": "x"}
	refused(t, dir, o, "parameter Nobody does not exist")
}

func TestWildcardMatch(t *testing.T) {
	for _, test := range []struct {
		pattern, value string
		want           bool
	}{
		{"a*c", "abc", true}, {"a*c", "ac", true}, {"a*c", "abd", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"*", "", true}, {"", "a", false}, {"a/*/c", "a/{b}/c", true},
	} {
		equal(t, test.pattern+" "+test.value, wildcardMatch(test.pattern, test.value), test.want)
	}
}
