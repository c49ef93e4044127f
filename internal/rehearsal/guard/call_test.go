package guard

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// Ensure a service's prefix has no case: neither what the role may nor what the
// bucket's and the key's policies and the endpoint say depends on it.
func TestAnswerInAnyCase(t *testing.T) {
	g := load(t)
	for _, q := range []Question{
		{Role: "Worker", Action: "s3:PutObject", Resource: "Bucket/a/b"},
		{Role: "Worker", Action: "s3:GetObject", Resource: "Bucket/a/b"},
		{Role: "Worker", Action: "kms:Decrypt", Resource: "Key", Context: map[string]string{"kms:ViaService": "s3.us-east-1.amazonaws.com"}},
		{Role: "Worker", Action: "kms:Decrypt", Resource: "Key"},
	} {
		want, err := g.Answer(q)
		if err != nil {
			t.Fatal(err)
		}
		service, name, _ := strings.Cut(q.Action, ":")
		for _, action := range []string{strings.ToUpper(service) + ":" + name, strings.ToUpper(q.Action), strings.ToLower(q.Action)} {
			q.Action = action
			if got, err := g.Answer(q); err != nil || got.Decision != want.Decision || !slices.Equal(got.Statements, want.Statements) {
				t.Errorf("%s: got %+v, %v, want %+v", action, got, err, want)
			}
		}
	}
}

// Ensure that what a service does in the caller's name is known by the service it
// names, comes through no endpoint, and carries the keys of such calls.
func TestForwardedCalls(t *testing.T) {
	g := load(t)
	g.keys = []string{"aws:calledvia", "aws:calledviafirst", "aws:resourceaccount"}
	worker, _ := g.options.Stack.Role("Worker")
	key, _ := g.options.Stack.Key("Key")
	inside := calls.Principal{Role: "Worker", ARN: worker.ARN, InVPC: true, Function: "arn:aws:lambda:us-east-1:111122223333:function:f"}
	viaS3 := map[string]string{"KMS:viaService": "s3.us-east-1.amazonaws.com"}
	for name, tc := range map[string]struct {
		call calls.Call
		want map[string]string
	}{
		"by S3": {calls.Call{Principal: inside, Action: "kms:Decrypt", Resource: key.ARN, Context: viaS3}, map[string]string{
			"aws:calledvia": "s3.amazonaws.com", "aws:calledviafirst": "s3.amazonaws.com", "aws:calledvialast": "s3.amazonaws.com",
			"aws:viaawsservice": "true", "aws:resourceaccount": "111122223333", "aws:sourcevpce": "", "lambda:sourcefunctionarn": "",
		}},
		"by the caller": {calls.Call{Principal: inside, Action: "s3:PutObject", Resource: "arn:aws:s3:::data/a/b"}, map[string]string{
			"aws:calledvia": "", "aws:calledviafirst": "", "aws:viaawsservice": "false", "aws:resourceaccount": "111122223333",
			"aws:sourcevpce": g.endpoints["s3"].id, "lambda:sourcefunctionarn": inside.Function,
		}},
		"for a service itself": {calls.Call{Principal: calls.Principal{Service: "events.amazonaws.com"}, Action: "kms:Decrypt", Resource: key.ARN, Context: viaS3}, map[string]string{
			"aws:calledvia": "", "aws:viaawsservice": "false",
		}},
		"on another account's key": {calls.Call{Principal: inside, Action: "kms:Decrypt", Resource: "arn:aws:kms:us-east-1:999988887777:key/a"}, map[string]string{"aws:resourceaccount": "999988887777"}},
		"on another bucket":        {calls.Call{Principal: inside, Action: "s3:GetObject", Resource: "arn:aws:s3:::other/a"}, map[string]string{"aws:resourceaccount": ""}},
	} {
		tc.call.Time = time.Now()
		r, _, err := g.Explain(tc.call)
		if err != nil {
			t.Fatal(err)
		}
		for key, want := range tc.want {
			if got := strings.Join(r.Context[key], ","); got != want {
				t.Errorf("%s: %s is %q, want %q", name, key, got, want)
			}
		}
	}
}

// Ensure a question about a role that Bedrock assumes is answered as for a job's
// workers, which sit in the VPC: the bucket's policy lets only those write.
func TestAnswerForWorkers(t *testing.T) {
	q := Question{Role: "Worker", Action: "s3:PutObject", Resource: "Bucket/a/b"}
	for service, want := range map[string]string{"bedrock": "allowed", "states": "explicitDeny"} {
		g, err := New(Options{Stack: stackOf(t, strings.Replace(small, `"bedrock.amazonaws.com"`, `"`+service+`.amazonaws.com"`, 1))})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := g.Answer(q); err != nil || got.Decision != want {
			t.Errorf("%s: got %+v, %v, want %s", service, got, err, want)
		}
	}
}

// Ensure that two policies, of which AWS would keep one, are refused, and so are two
// endpoints of one service.
func TestNewRefusesTwo(t *testing.T) {
	second := strings.Replace(small, `"Endpoint": {`, `"Endpoint2": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"ServiceName": "com.amazonaws.us-east-1.s3", "VpcId": {"Ref": "VPC"}}}, "Endpoint": {`, 1)
	if _, err := New(Options{Stack: stackOf(t, second)}); err == nil || !strings.Contains(err.Error(), "both lead to") {
		t.Errorf("two endpoints: got %v", err)
	}
}
