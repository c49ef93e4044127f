package guard

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/template"
)

// small is a stack with one of everything that has a policy.
const small = `{"Resources": {
	"Boundary": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": {"Version": "2012-10-17", "Statement": [
		{"Sid": "Most", "Effect": "Allow", "Action": ["s3:*", "kms:*", "sts:*", "bedrock:*"], "Resource": "*"}]}}},
	"Worker": {"Type": "AWS::IAM::Role", "Properties": {
		"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}]},
		"PermissionsBoundary": {"Ref": "Boundary"},
		"Policies": [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
			{"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"},
			{"Sid": "Write", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*", "Condition": {"StringLikeIfExists": {"s3:prefix": "a/*"}}},
			{"Sid": "Key", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
			{"Sid": "Tell", "Effect": "Allow", "Action": "sns:Publish", "Resource": "*"},
			{"Sid": "Odd", "Effect": "Allow", "Action": "bedrock:GetCustomModel", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
			{"Sid": "NotByCode", "Effect": "Deny", "Action": "s3:ListBucket", "Resource": "*", "Condition": {"ArnLike": {"lambda:SourceFunctionArn": "arn:aws:lambda:*:*:function:*"}}}]}}]}},
	"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "data"}},
	"BucketPolicy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "Bucket"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [
		{"Sid": "Outside", "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::data/*", "Condition": {"StringNotEquals": {"aws:SourceVpce": {"Ref": "Endpoint"}}}}]}}},
	"Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": {"Version": "2012-10-17", "Statement": [
		{"Sid": "ThroughS3", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:Decrypt", "Resource": "*", "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}},
		{"Sid": "Itself", "Effect": "Allow", "Principal": {"Service": "bedrock.amazonaws.com"}, "Action": "kms:Decrypt", "Resource": "*", "Condition": {"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "aws:Of"}}}]}}},
	"VPC": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
	"Endpoint": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"ServiceName": "com.amazonaws.us-east-1.s3", "VpcId": {"Ref": "VPC"}, "PolicyDocument": {"Version": "2012-10-17", "Statement": [
		{"Sid": "Objects", "Effect": "Allow", "Principal": "*", "Action": ["s3:PutObject", "s3:ListBucket"], "Resource": "*"}]}}}
}}`

func load(t testing.TB) *Guard {
	t.Helper()
	g, err := New(Options{
		Stack:  stackOf(t, small),
		Others: func(calls.Principal) ([]iampolicy.Policy, error) { return nil, nil },
		Free:   func(p calls.Principal) bool { return p.Role == "Administrator" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func stackOf(t testing.TB, text string) *template.Stack {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"manifest.json":   `{"version": "48.0.0", "artifacts": {"s": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "properties": {"templateFile": "s.template.json"}}}}`,
		"s.template.json": text,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stack, err := template.Load(dir, template.Options{Region: "us-east-1", AccountID: "111122223333"})
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

// Ensure every kind of policy counts, with the keys that AWS would set, and that
// what cannot be decided is refused and remembered.
func TestJudge(t *testing.T) {
	g := load(t)
	worker, _ := g.options.Stack.Role("Worker")
	key, _ := g.options.Stack.Key("Key")
	outside := calls.Principal{Role: "Worker", ARN: worker.ARN}
	inside, code, service := outside, outside, calls.Principal{Service: "bedrock.amazonaws.com"}
	inside.InVPC, code.Function = true, "arn:aws:lambda:us-east-1:111122223333:function:f"
	const object, bucket = "arn:aws:s3:::data/a/b", "arn:aws:s3:::data"
	viaS3 := map[string]string{"kms:ViaService": "s3.us-east-1.amazonaws.com", "aws:ViaAWSService": "true"}
	for name, tc := range map[string]struct {
		who              calls.Principal
		action, resource string
		context          map[string]string
		want             string
	}{
		"the role may":                      {outside, "s3:GetObject", object, nil, ""},
		"the endpoint does not let through": {inside, "s3:GetObject", object, nil, "no VPC endpoint policy allows"},
		"from outside":                      {outside, "s3:PutObject", object, nil, "an explicit deny in a resource-based policy"},
		"from inside":                       {inside, "s3:PutObject", object, nil, ""},
		"a key that is there":               {inside, "s3:PutObject", object, map[string]string{"s3:prefix": "b/"}, "no identity-based policy allows"},
		"a key that is there, empty":        {inside, "s3:PutObject", object, map[string]string{"s3:prefix": ""}, "no identity-based policy allows"},
		"by a person":                       {outside, "s3:ListBucket", bucket, nil, ""},
		"by code":                           {code, "s3:ListBucket", bucket, nil, "an explicit deny in an identity-based policy"},
		"the key, directly":                 {outside, "kms:Decrypt", key.ARN, nil, "no resource-based policy allows"},
		"the key, through S3":               {outside, "kms:Decrypt", key.ARN, viaS3, ""},
		"the key, through S3, from inside":  {inside, "kms:Decrypt", key.ARN, viaS3, ""},
		"beyond the boundary":               {outside, "sns:Publish", "arn:aws:sns:us-east-1:111122223333:t", nil, "no permissions boundary allows"},
		"nothing":                           {outside, "s3:DeleteObject", object, nil, "no identity-based policy allows"},
		"an administrator":                  {calls.Principal{Role: "Administrator"}, "s3:DeleteObject", object, nil, ""},
		"the role for the service":          {service, "sts:AssumeRole", worker.ARN, map[string]string{"aws:SourceAccount": "111122223333"}, ""},
		"the role for somebody else's":      {service, "sts:AssumeRole", worker.ARN, map[string]string{"aws:SourceAccount": "999988887777"}, "no resource-based policy allows"},
		"the role without a source":         {service, "sts:AssumeRole", worker.ARN, nil, "no resource-based policy allows"},
		"the role for another service":      {calls.Principal{Service: "lambda.amazonaws.com"}, "sts:AssumeRole", worker.ARN, map[string]string{"aws:SourceAccount": "111122223333"}, "no resource-based policy allows"},
		"the key, by the service itself":    {service, "kms:Decrypt", key.ARN, map[string]string{"kms:EncryptionContext:aws:Of": "a", "kms:EncryptionContext:aws:s3:arn": "b"}, ""},
		"the key, for something else":       {service, "kms:Decrypt", key.ARN, map[string]string{"kms:EncryptionContext:aws:of": "a"}, "no resource-based policy allows"},
		"the key, for nothing named":        {service, "kms:Decrypt", key.ARN, nil, "no resource-based policy allows"},
		"a key nobody knows":                {outside, "bedrock:GetCustomModel", "arn:aws:bedrock:us-east-1:111122223333:custom-model/x", nil, "says nothing about aws:principalorgid"},
	} {
		denial := g.Judge(calls.Call{Time: time.Now(), Principal: tc.who, Action: tc.action, Resource: tc.resource, Context: tc.context})
		switch {
		case denial == nil && tc.want != "":
			t.Errorf("%s: allowed, want %q", name, tc.want)
		case denial != nil && (tc.want == "" || !strings.Contains(denial.Message, tc.want)):
			t.Errorf("%s: %s, want %q", name, denial.Message, tc.want)
		}
	}
	if unknown := g.Unknown(); len(unknown) != 1 || !strings.Contains(unknown[0], "aws:principalorgid") {
		t.Errorf("undecided: %q, want the one with the key nobody knows", unknown)
	}
	wantUsage(t, g.Usage())
}

// wantUsage holds what the calls of TestJudge made of the grants: what each of them
// needed, by whichever policy, and nothing else.
func wantUsage(t *testing.T, used Usage) {
	t.Helper()
	for grant, want := range map[Grant]bool{
		{"Worker", "Worker", "Read", "s3:GetObject"}:          true,
		{"Worker", "Worker", "Read", "s3:ListBucket"}:         true,
		{"Worker", "Worker", "NotByCode", "s3:ListBucket"}:    true,
		{"Worker", "Worker", "Key", "kms:Decrypt"}:            true,
		{"Key", "", "ThroughS3", "kms:Decrypt"}:               true,
		{"Endpoint", "", "Objects", "s3:PutObject"}:           true,
		{"Worker", "trust", "", "sts:AssumeRole"}:             true,
		{"Worker", "Worker", "Tell", "sns:Publish"}:           false, // the boundary takes it away
		{"Endpoint", "", "Objects", "s3:ListBucket"}:          false, // no such call comes from inside
		{"Worker", "Worker", "Odd", "bedrock:GetCustomModel"}: false, // undecided
	} {
		if !used.Granted[grant] || used.Needed[grant] != want {
			t.Errorf("%+v: granted %v, needed %v, want %v", grant, used.Granted[grant], used.Needed[grant], want)
		}
	}
	for grant := range used.Granted {
		if grant.Sid == "Outside" {
			t.Errorf("%+v is counted, and is what a resource denies", grant)
		}
	}
}

// Ensure an action that a role is granted twice is needed in neither statement, and
// one of two patterns in a statement is not, either: any of them may go.
func TestGrantedTwice(t *testing.T) {
	twice := strings.Replace(small, `{"Sid": "Key", "Effect": "Allow", "Action": "kms:Decrypt"`,
		`{"Sid": "Again", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"},
			{"Sid": "Wild", "Effect": "Allow", "Action": ["bedrock:GetM*", "bedrock:GetModel*"], "Resource": "*"},
			{"Sid": "Key", "Effect": "Allow", "Action": "kms:Decrypt"`, 1)
	g, err := New(Options{Stack: stackOf(t, twice)})
	if err != nil {
		t.Fatal(err)
	}
	worker, _ := g.options.Stack.Role("Worker")
	who := calls.Principal{Role: "Worker", ARN: worker.ARN}
	for _, c := range []calls.Call{
		{Principal: who, Action: "s3:GetObject", Resource: "arn:aws:s3:::data/a"},
		{Principal: who, Action: "bedrock:GetModelCustomizationJob", Resource: "*"},
	} {
		if denial := g.Judge(c); denial != nil {
			t.Fatal(denial.Message)
		}
	}
	if needed := g.Usage().Needed; len(needed) != 0 {
		t.Errorf("needed are %v, want nothing", needed)
	}
	if denial := g.Judge(calls.Call{Principal: who, Action: "s3:GetObject", Resource: "arn:aws:s3:::other/a"}); denial != nil {
		t.Fatal(denial.Message)
	}
	if needed := g.Usage().Needed; len(needed) != 1 || !needed[Grant{"Worker", "Worker", "Read", "s3:GetObject"}] {
		t.Errorf("needed are %v, want what only one statement allows", needed)
	}
}

// Ensure every key in the list says where it is known from, once.
func TestKeys(t *testing.T) {
	var names []string
	for _, k := range Keys {
		if k.What == "" || k.Source == "" || slices.Contains(names, k.Name) {
			t.Errorf("%+v: no explanation, no source, or twice", k)
		}
		names = append(names, k.Name)
	}
}

// Ensure a question finds its role and resource by a part of their names, and
// the answer names every statement.
func TestAnswer(t *testing.T) {
	// Of a service that is outside the VPC.
	g, err := New(Options{Stack: stackOf(t, strings.Replace(small, "bedrock.amazonaws.com", "states.amazonaws.com", 1))})
	if err != nil {
		t.Fatal(err)
	}
	got, err := g.Answer(Question{Role: "work", Action: "s3:PutObject", Resource: "Bucket/a/b"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Matched{
		{"identity", "Worker/Worker", "Write", "Allow"}, {"permissions boundary", "Worker/permissions boundary", "Most", "Allow"},
		{"resource", "Bucket", "Outside", "Deny"},
	}
	if got.Decision != "explicitDeny" || got.Role != "Worker" || got.Resource != "arn:aws:s3:::data/a/b" || !slices.Equal(got.Statements, want) {
		t.Errorf("got %+v, want an explicit deny by %+v", got, want)
	}
	for name, q := range map[string]Question{
		"no such role":     {Role: "Nobody", Action: "s3:GetObject", Resource: "*"},
		"no such resource": {Role: "Worker", Action: "s3:GetObject", Resource: "Nothing"},
		"a key unknown":    {Role: "Worker", Action: "bedrock:GetCustomModel", Resource: "*"},
	} {
		if _, err := g.Answer(q); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	absent := Question{Role: "Worker", Action: "bedrock:GetCustomModel", Resource: "*", Context: map[string]string{"aws:PrincipalOrgID": ""}}
	if got, err := g.Answer(absent); err != nil || got.Decision != "implicitDeny" {
		t.Errorf("a key that is absent: %+v, %v", got, err)
	}
}

// Ensure a policy that cannot be read, or is not there, is an error at the start.
func TestNewRefuses(t *testing.T) {
	for name, change := range map[string][2]string{
		"a boundary elsewhere": elsewhere,
		"an unknown operator":  {`"StringNotEquals"`, `"StringIsNot"`},
	} {
		stack := stackOf(t, strings.Replace(small, change[0], change[1], 1))
		if _, err := New(Options{Stack: stack}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// elsewhere is what makes the boundary of the worker's role one that the template has
// not.
var elsewhere = [2]string{`{"Ref": "Boundary"}`, `"arn:aws:iam::111122223333:policy/elsewhere"`}

// Ensure a boundary that the template only names is read from the document that is
// given for it, and that one is wanted where it counts only.
func TestBoundaryThatIsGiven(t *testing.T) {
	named := stackOf(t, strings.Replace(small, elsewhere[0], elsewhere[1], 1))
	g, err := New(Options{Stack: named, Boundary: json.RawMessage(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}`)})
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[string]string{"s3:ListBucket": "allowed", "kms:Decrypt": "implicitDeny"} {
		resource := map[string]string{"s3:ListBucket": "Bucket", "kms:Decrypt": "Key"}[action]
		got, err := g.Answer(Question{Role: "Worker", Action: action, Resource: resource, Context: map[string]string{"kms:ViaService": "s3.us-east-1.amazonaws.com"}})
		if err != nil || got.Decision != want {
			t.Errorf("%s: %+v, %v; want %s", action, got, err, want)
		}
	}
	for name, test := range map[string]struct {
		options Options
		want    string
	}{
		"none is given":   {Options{Stack: named}, "--boundary"},
		"it is no policy": {Options{Stack: named, Boundary: json.RawMessage(`{"Version": "2012-10-17", "Statement": 1}`)}, "reading policy arn:aws:iam::111122223333:policy/elsewhere"},
		"nobody has one":  {Options{Stack: stackOf(t, strings.Replace(small, `"PermissionsBoundary": {"Ref": "Boundary"},`, "", 1)), Boundary: json.RawMessage(`{}`)}, "leave --boundary out"},
	} {
		if _, err := New(test.options); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", name, err, test.want)
		}
	}
}

// BenchmarkJudge is what enforcement adds to a call.
func BenchmarkJudge(b *testing.B) {
	g := load(b)
	worker, _ := g.options.Stack.Role("Worker")
	c := calls.Call{Time: time.Now(), Principal: calls.Principal{Role: "Worker", ARN: worker.ARN}, Action: "s3:GetObject", Resource: "arn:aws:s3:::data/a/b"}
	for b.Loop() {
		if denial := g.Judge(c); denial != nil {
			b.Fatal(denial.Message)
		}
	}
}
