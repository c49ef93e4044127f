package iampolicy

import (
	"strings"
	"testing"
)

// example is what a page of AWS's documentation says of a policy: its text, and
// requests with the decision that the page explains.
type example struct {
	page, statements string
	// resource: the policy is a resource's.
	resource bool
	asked    []asked
}

// asked is one request: who ("" is the role), what, on what, in which context
// ("key=value", "key=" for a key that is absent, once for each value).
type asked struct {
	who, action, on, context string
	want                     Effect
}

func (a asked) request() Request {
	r := Request{Principal: PrincipalOf(role), Action: a.action, Resource: a.on, Context: map[string][]string{}}
	switch {
	case strings.HasSuffix(a.who, ".amazonaws.com"):
		r.Principal = Principal{Service: a.who}
	case a.who != "":
		r.Principal = PrincipalOf(a.who)
	}
	for pair := range strings.FieldsSeq(a.context) {
		key, value, _ := strings.Cut(pair, "=")
		if value == "" {
			r.Context[key] = nil
		} else {
			r.Context[key] = append(r.Context[key], value)
		}
	}
	return r
}

const (
	ana    = "arn:aws:iam::111122223333:user/ana"
	bucket = "arn:aws:s3:::amzn-s3-demo-bucket"
)

// examples are from the pages of the IAM User Guide, but where another guide
// is named; names of buckets, users and accounts are our own.
var examples = []example{
	{page: "IAM JSON policy elements: NotAction (deny all but IAM without MFA)",
		statements: `[{"Effect":"Allow","Action":"*","Resource":"*"},
			{"Effect":"Deny","NotAction":"iam:*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]`,
		asked: []asked{
			{ana, "s3:GetObject", bucket + "/k", "aws:MultiFactorAuthPresent=true", Allowed},
			{ana, "s3:GetObject", bucket + "/k", "aws:MultiFactorAuthPresent=false", ExplicitDeny},
			{ana, "s3:GetObject", bucket + "/k", "aws:MultiFactorAuthPresent=", ExplicitDeny},
			{ana, "iam:ChangePassword", ana, "aws:MultiFactorAuthPresent=false", Allowed},
		}},
	{page: "IAM JSON policy elements: NotResource (all but one group's folder)",
		statements: `[{"Effect":"Allow","Action":"s3:*","Resource":"*"},
			{"Effect":"Deny","Action":"s3:*","NotResource":["` + bucket + `/HRBucket/Payroll","` + bucket + `/HRBucket/Payroll/*"]}]`,
		asked: []asked{
			{ana, "s3:GetObject", bucket + "/HRBucket/Payroll/a", "", Allowed},
			{ana, "s3:GetObject", bucket + "/HRBucket/other", "", ExplicitDeny},
		}},
	{page: "IAM policy elements: Variables and tags (a user's own folder)",
		statements: `[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"` + bucket + `","Condition":{"StringLike":{"s3:prefix":["${aws:username}/*"]}}},
			{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"` + bucket + `/${aws:username}/*"}]`,
		asked: []asked{
			{ana, "s3:ListBucket", bucket, "s3:prefix=ana/x", Allowed},
			{ana, "s3:ListBucket", bucket, "s3:prefix=bob/x", ImplicitDeny},
			{ana, "s3:PutObject", bucket + "/ana/x", "", Allowed},
			{ana, "s3:PutObject", bucket + "/bob/x", "", ImplicitDeny},
		}},
	{page: "IAM policy elements: Variables and tags (default values)",
		statements: `{"Effect":"Allow","Action":"s3:*","Resource":["` + bucket + `-${aws:PrincipalTag/team, 'company-wide'}","` + bucket + `-${aws:PrincipalTag/team, 'company-wide'}/*"]}`,
		asked: []asked{
			{"", "s3:GetObject", bucket + "-yellow/k", "aws:PrincipalTag/team=yellow", Allowed},
			{"", "s3:GetObject", bucket + "-company-wide/k", "aws:PrincipalTag/team=yellow", ImplicitDeny},
			{"", "s3:GetObject", bucket + "-company-wide/k", "aws:PrincipalTag/team=", Allowed},
		}},
	{page: "Conditions with multiple context keys or values (AND of keys, OR of values)",
		statements: `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{
			"StringEquals":{"aws:PrincipalTag/department":["finance","hr","legal"],"aws:PrincipalTag/role":["audit","security"]},
			"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/ana"}}}`,
		asked: []asked{
			{ana, "s3:ListBucket", bucket, "aws:PrincipalTag/department=hr aws:PrincipalTag/role=audit", Allowed},
			{ana, "s3:ListBucket", bucket, "aws:PrincipalTag/department=hr aws:PrincipalTag/role=", ImplicitDeny},
			{ana, "s3:ListBucket", bucket, "aws:PrincipalTag/department=it aws:PrincipalTag/role=audit", ImplicitDeny},
			{"", "s3:ListBucket", bucket, "aws:PrincipalTag/department=hr aws:PrincipalTag/role=audit", ImplicitDeny},
		}},
	{page: "Conditions with multiple context keys or values (a negated operator: NOR of values)",
		statements: `{"Effect":"Allow","Action":"sts:*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalTag/team":["orange","blue"]}}}`,
		asked: []asked{
			{"", "sts:GetCallerIdentity", "*", "aws:PrincipalTag/team=green", Allowed},
			{"", "sts:GetCallerIdentity", "*", "aws:PrincipalTag/team=blue", ImplicitDeny},
			{"", "sts:GetCallerIdentity", "*", "aws:PrincipalTag/team=", Allowed},
		}},
	{page: "Set operators for multivalued context keys (ForAllValues: no tag key but these)",
		statements: `{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["environment","cost-center"]}}}`,
		asked: []asked{
			{"", "ec2:CreateTags", "*", "aws:TagKeys=environment", Allowed},
			{"", "ec2:CreateTags", "*", "aws:TagKeys=environment aws:TagKeys=cost-center", Allowed},
			{"", "ec2:CreateTags", "*", "aws:TagKeys=environment aws:TagKeys=dept", ImplicitDeny},
			{"", "ec2:CreateTags", "*", "aws:TagKeys=", Allowed},
		}},
	{page: "Set operators for multivalued context keys (with Null, so that one tag must be there)",
		statements: `{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["environment"]},"Null":{"aws:TagKeys":"false"}}}`,
		asked: []asked{
			{"", "ec2:CreateTags", "*", "aws:TagKeys=environment", Allowed},
			{"", "ec2:CreateTags", "*", "aws:TagKeys=", ImplicitDeny},
		}},
	{page: "Set operators for multivalued context keys (ForAnyValue with a deny: these tag keys never)",
		statements: `[{"Effect":"Allow","Action":"*","Resource":"*"},
			{"Effect":"Deny","Action":"ec2:CreateTags","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:TagKeys":["environment","cost-center"]}}}]`,
		asked: []asked{
			{"", "ec2:CreateTags", "*", "aws:TagKeys=dept aws:TagKeys=environment", ExplicitDeny},
			{"", "ec2:CreateTags", "*", "aws:TagKeys=dept", Allowed},
			{"", "ec2:CreateTags", "*", "aws:TagKeys=", Allowed},
		}},
	{page: "Condition operators (IfExists: by instance type, where there is one)",
		statements: `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLikeIfExists":{"ec2:InstanceType":["t1.*","t2.*"]}}}`,
		asked: []asked{
			{"", "ec2:RunInstances", "*", "ec2:InstanceType=t2.micro", Allowed},
			{"", "ec2:RunInstances", "*", "ec2:InstanceType=m5.large", ImplicitDeny},
			{"", "ec2:DescribeInstances", "*", "ec2:InstanceType=", Allowed},
		}},
	{page: "Condition operators (Null: with temporary credentials only)",
		statements: `{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"Null":{"aws:TokenIssueTime":"false"}}}`,
		asked: []asked{
			{"", "ec2:RunInstances", "*", "aws:TokenIssueTime=2026-03-04T05:06:07Z", Allowed},
			{ana, "ec2:RunInstances", "*", "aws:TokenIssueTime=", ImplicitDeny},
		}},
	{page: "Condition operators (ARN: a topic's messages for a queue)", resource: true,
		statements: `{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"arn:aws:sqs:us-east-1:111122223333:q","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:111122223333:t"}}}`,
		asked: []asked{
			{"sns.amazonaws.com", "sqs:SendMessage", "arn:aws:sqs:us-east-1:111122223333:q", "aws:SourceArn=arn:aws:sns:us-east-1:111122223333:t", Allowed},
			{"sns.amazonaws.com", "sqs:SendMessage", "arn:aws:sqs:us-east-1:111122223333:q", "aws:SourceArn=arn:aws:sns:us-east-1:999988887777:t", ImplicitDeny},
			{"sns.amazonaws.com", "sqs:SendMessage", "arn:aws:sqs:us-east-1:111122223333:q", "aws:SourceArn=", ImplicitDeny},
			{"", "sqs:SendMessage", "arn:aws:sqs:us-east-1:111122223333:q", "aws:SourceArn=arn:aws:sns:us-east-1:111122223333:t", ImplicitDeny},
		}},
	{page: "AWS: Denies access to AWS based on the source IP",
		statements: `[{"Effect":"Allow","Action":"*","Resource":"*"},
			{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["192.0.2.0/24","203.0.113.0/24"]},"Bool":{"aws:ViaAWSService":"false"}}}]`,
		asked: []asked{
			{ana, "s3:ListAllMyBuckets", "*", "aws:SourceIp=192.0.2.7 aws:ViaAWSService=false", Allowed},
			{ana, "s3:ListAllMyBuckets", "*", "aws:SourceIp=198.51.100.7 aws:ViaAWSService=false", ExplicitDeny},
			{ana, "kms:Decrypt", "*", "aws:SourceIp= aws:ViaAWSService=true", Allowed},
		}},
	{page: "AWS: Allows access based on date and time",
		statements: `{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2026-04-01T00:00:00Z"},"DateLessThan":{"aws:CurrentTime":"2026-06-30T23:59:59Z"}}}`,
		asked: []asked{
			{"", "a:b", "*", "aws:CurrentTime=2026-05-01T12:00:00Z", Allowed},
			{"", "a:b", "*", "aws:CurrentTime=2026-07-01T12:00:00Z", ImplicitDeny},
		}},
	{page: "The confused deputy problem (a service's role, by account and resource)", resource: true,
		statements: `{"Effect":"Allow","Principal":{"Service":"bedrock.amazonaws.com"},"Action":"sts:AssumeRole","Condition":{
			"StringEquals":{"aws:SourceAccount":"111122223333"},"ArnLike":{"aws:SourceArn":"arn:aws:bedrock:us-east-1:111122223333:model-customization-job/*"}}}`,
		asked: []asked{
			{"bedrock.amazonaws.com", "sts:AssumeRole", role, "aws:SourceAccount=111122223333 aws:SourceArn=arn:aws:bedrock:us-east-1:111122223333:model-customization-job/m/1", Allowed},
			{"bedrock.amazonaws.com", "sts:AssumeRole", role, "aws:SourceAccount=999988887777 aws:SourceArn=arn:aws:bedrock:us-east-1:999988887777:model-customization-job/m/1", ImplicitDeny},
			{"bedrock.amazonaws.com", "sts:AssumeRole", role, "aws:SourceAccount= aws:SourceArn=", ImplicitDeny},
			{"lambda.amazonaws.com", "sts:AssumeRole", role, "aws:SourceAccount=111122223333 aws:SourceArn=arn:aws:bedrock:us-east-1:111122223333:model-customization-job/m/1", ImplicitDeny},
		}},
	{page: "S3 User Guide: Controlling access from VPC endpoints with bucket policies", resource: true,
		statements: `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["` + bucket + `","` + bucket + `/*"],"Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-0abcdef1234567890"}}}`,
		asked: []asked{
			{"", "s3:GetObject", bucket + "/k", "aws:SourceVpce=vpce-0abcdef1234567890", ImplicitDeny},
			{"", "s3:GetObject", bucket + "/k", "aws:SourceVpce=vpce-other", ExplicitDeny},
			{"", "s3:GetObject", bucket + "/k", "aws:SourceVpce=", ExplicitDeny},
			{"", "s3:GetObject", "arn:aws:s3:::amzn-s3-demo-other/k", "aws:SourceVpce=", ImplicitDeny},
		}},
	{page: "S3 User Guide: Bucket policy examples using condition keys (encryption that is named must be the right one)", resource: true,
		statements: `{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"` + bucket + `/*","Condition":{"Null":{"s3:x-amz-server-side-encryption":"false"},"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}}}`,
		asked: []asked{
			{"", "s3:PutObject", bucket + "/k", "s3:x-amz-server-side-encryption=", ImplicitDeny},
			{"", "s3:PutObject", bucket + "/k", "s3:x-amz-server-side-encryption=aws:kms", ImplicitDeny},
			{"", "s3:PutObject", bucket + "/k", "s3:x-amz-server-side-encryption=AES256", ExplicitDeny},
		}},
	{page: "S3 User Guide: Bucket policy examples (TLS, and its version)", resource: true,
		statements: `[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"` + bucket + `/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}},
			{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"` + bucket + `/*","Condition":{"NumericLessThan":{"s3:TlsVersion":"1.2"}}}]`,
		asked: []asked{
			{"", "s3:GetObject", bucket + "/k", "aws:SecureTransport=true s3:TlsVersion=1.3", ImplicitDeny},
			{"", "s3:GetObject", bucket + "/k", "aws:SecureTransport=false s3:TlsVersion=", ExplicitDeny},
			{"", "s3:GetObject", bucket + "/k", "aws:SecureTransport=true s3:TlsVersion=1.1", ExplicitDeny},
		}},
	{page: "KMS Developer Guide: Condition keys (kms:ViaService, kms:CallerAccount)", resource: true,
		statements: `{"Effect":"Allow","Principal":{"AWS":"` + role + `"},"Action":["kms:Encrypt","kms:Decrypt","kms:ReEncrypt*","kms:GenerateDataKey*"],"Resource":"*","Condition":{"StringEquals":{"kms:ViaService":["ec2.us-east-1.amazonaws.com","rds.us-east-1.amazonaws.com"],"kms:CallerAccount":"111122223333"}}}`,
		asked: []asked{
			{"", "kms:GenerateDataKeyWithoutPlaintext", "*", "kms:ViaService=ec2.us-east-1.amazonaws.com kms:CallerAccount=111122223333", Allowed},
			{"", "kms:Decrypt", "*", "kms:ViaService=s3.us-east-1.amazonaws.com kms:CallerAccount=111122223333", ImplicitDeny},
			{"", "kms:Decrypt", "*", "kms:ViaService= kms:CallerAccount=111122223333", ImplicitDeny},
		}},
	{page: "KMS Developer Guide: Condition keys (kms:GrantIsForAWSResource)", resource: true,
		statements: `{"Effect":"Allow","Principal":{"AWS":"` + role + `"},"Action":["kms:CreateGrant","kms:ListGrants","kms:RevokeGrant"],"Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}}`,
		asked: []asked{
			{"", "kms:CreateGrant", "*", "kms:GrantIsForAWSResource=true", Allowed},
			{"", "kms:CreateGrant", "*", "kms:GrantIsForAWSResource=", ImplicitDeny},
		}},
	{page: "KMS Developer Guide: Condition keys (kms:EncryptionContext)", resource: true,
		statements: `{"Effect":"Allow","Principal":{"AWS":"` + role + `"},"Action":"kms:GenerateDataKey","Resource":"*","Condition":{"StringEquals":{"kms:EncryptionContext:AppName":"ExampleApp"}}}`,
		asked: []asked{
			{"", "kms:GenerateDataKey", "*", "kms:EncryptionContext:AppName=ExampleApp", Allowed},
			{"", "kms:GenerateDataKey", "*", "kms:EncryptionContext:AppName=exampleapp", ImplicitDeny},
		}},
	{page: "Grant a user permissions to pass a role to an AWS service",
		statements: `{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/EC2-*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}`,
		asked: []asked{
			{"", "iam:PassRole", "arn:aws:iam::111122223333:role/EC2-web", "iam:PassedToService=ec2.amazonaws.com", Allowed},
			{"", "iam:PassRole", "arn:aws:iam::111122223333:role/EC2-web", "iam:PassedToService=lambda.amazonaws.com", ImplicitDeny},
			{"", "iam:PassRole", "arn:aws:iam::111122223333:role/Admin", "iam:PassedToService=ec2.amazonaws.com", ImplicitDeny},
		}},
	{page: "AWS global condition context keys (aws:PrincipalIsAWSService: only services write)", resource: true,
		statements: `{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"` + bucket + `/AWSLogs/*","Condition":{"Bool":{"aws:PrincipalIsAWSService":"false"}}}`,
		asked: []asked{
			{"", "s3:PutObject", bucket + "/AWSLogs/x", "", ExplicitDeny},
			{"cloudtrail.amazonaws.com", "s3:PutObject", bucket + "/AWSLogs/x", "", ImplicitDeny},
		}},
	{page: "AWS global condition context keys (aws:CalledVia: only through Athena)",
		statements: `{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:CalledVia":"athena.amazonaws.com"}}}`,
		asked: []asked{
			{"", "kms:Decrypt", "*", "aws:CalledVia=athena.amazonaws.com aws:CalledVia=glue.amazonaws.com", Allowed},
			{"", "kms:Decrypt", "*", "aws:CalledVia=", ImplicitDeny},
		}},
	{page: "Controlling access to AWS resources using tags",
		statements: `{"Effect":"Allow","Action":["ec2:StartInstances","ec2:StopInstances"],"Resource":"arn:aws:ec2:*:*:instance/*","Condition":{"StringEquals":{"aws:ResourceTag/Owner":"${aws:username}"}}}`,
		asked: []asked{
			{ana, "ec2:StopInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", "aws:ResourceTag/Owner=ana", Allowed},
			{ana, "ec2:StopInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", "aws:ResourceTag/Owner=bob", ImplicitDeny},
			{ana, "ec2:StopInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", "aws:ResourceTag/Owner=", ImplicitDeny},
		}},
	{page: "API Gateway Developer Guide: resource policy examples (one VPC endpoint only)", resource: true,
		statements: `[{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:111122223333:*"},
			{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:111122223333:*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}}]`,
		asked: []asked{
			{"", "execute-api:Invoke", invoke, "aws:SourceVpce=vpce-1a2b3c4d", Allowed},
			{"", "execute-api:Invoke", invoke, "aws:SourceVpce=", ExplicitDeny},
		}},
}

// Ensure every documented example is decided as its page says.
func TestExamples(t *testing.T) {
	pages := map[string]bool{}
	for _, e := range examples {
		if pages[e.page] {
			t.Errorf("%s: there are two examples of this name", e.page)
		}
		pages[e.page] = true
		parse := identity
		if e.resource {
			parse = resource
		}
		p := parse(t, e.page, e.statements)
		effects := map[Effect]bool{}
		for _, a := range e.asked {
			got, err := p.Evaluate(a.request())
			if err != nil || got.Effect != a.want {
				t.Errorf("%s: %s by %q on %s with %q: got %v, %v, want %v", e.page, a.action, a.who, a.on, a.context, got.Effect, err, a.want)
			}
			effects[a.want] = true
		}
		if len(effects) < 2 {
			t.Errorf("%s: all requests end alike, so the policy might say anything", e.page)
		}
	}
}
