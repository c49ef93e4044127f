package iampolicy

import "slices"

const operatorsPage = userGuide + "reference_policies_elements_condition_operators.html"

// row is an operator of the page's tables: a policy's value, a request's value
// that it takes, one that it does not, and whether it takes a missing key.
func row(operator, says, value, takes, not string, missing bool) example {
	e := example{what: operator + ": " + says, page: operatorsPage, described: true,
		identity: `{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"` + operator + `":{"x:key":"` + value + `"}}}`,
		asked:    []asked{{"", "a:b", "*", "x:key=" + takes, allowed}, {"", "a:b", "*", "x:key=" + not, implicit}, {"", "a:b", "*", "x:key=", implicit}},
	}
	if missing {
		e.asked[2].want = allowed
	}
	return e
}

const (
	topic = "arn:aws:sns:us-east-1:111122223333:t"
	queue = "arn:aws:sqs:us-east-1:111122223333:q"
)

// operatorExamples are about the condition operators: the page's policies, then
// the rows of its tables.
var operatorExamples = slices.Concat([]example{
	{what: "StringEquals: who has a tag of this value", page: operatorsPage + "#Conditions_String",
		identity: `{"Effect":"Allow","Action":"iam:*AccessKey*","Resource":"arn:aws:iam::111122223333:user/*","Condition":{"StringEquals":{"aws:PrincipalTag/job-category":"iamuser-admin"}}}`,
		asked: []asked{
			{ana, "iam:CreateAccessKey", bob, "aws:PrincipalTag/job-category=iamuser-admin", allowed},
			{ana, "iam:CreateAccessKey", bob, "aws:PrincipalTag/job-category=IAMUser-admin", implicit},
			{ana, "iam:CreateAccessKey", bob, "aws:PrincipalTag/job-category=", implicit},
		}},
	{what: "NumericLessThanEquals: no more than ten keys a list", page: operatorsPage + "#Conditions_Numeric",
		identity: `{"Effect":"Allow","Action":"s3:ListBucket","Resource":"` + bucket + `","Condition":{"NumericLessThanEquals":{"s3:max-keys":"10"}}}`,
		asked: []asked{
			{ana, "s3:ListBucket", bucket, "s3:max-keys=10", allowed},
			{ana, "s3:ListBucket", bucket, "s3:max-keys=9", allowed},
			{ana, "s3:ListBucket", bucket, "s3:max-keys=100", implicit},
			{ana, "s3:ListBucket", bucket, "s3:max-keys=", implicit},
		}},
	{what: "DateGreaterThan: credentials issued this year", page: operatorsPage + "#Conditions_Date",
		identity: `{"Effect":"Allow","Action":"iam:*AccessKey*","Resource":"arn:aws:iam::111122223333:user/*","Condition":{"DateGreaterThan":{"aws:TokenIssueTime":"2020-01-01T00:00:01Z"}}}`,
		asked: []asked{
			{ana, "iam:CreateAccessKey", ana, "aws:TokenIssueTime=2020-03-04T05:06:07Z", allowed},
			{ana, "iam:CreateAccessKey", ana, "aws:TokenIssueTime=2019-12-31T23:59:59Z", implicit},
			{ana, "iam:CreateAccessKey", ana, "aws:TokenIssueTime=", implicit},
		}},
	{what: "Bool: nothing without TLS", page: operatorsPage + "#Conditions_Boolean",
		identity: `[` + everything + `,{"Effect":"Deny","Action":"s3:*","Resource":["` + bucket + `","` + bucket + `/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]`,
		asked: []asked{
			{ana, "s3:GetObject", bucket + "/k", "aws:SecureTransport=true", allowed},
			{ana, "s3:GetObject", bucket + "/k", "aws:SecureTransport=false", explicit},
			{ana, "s3:GetObject", bucket + "/k", "aws:SecureTransport=", allowed},
		}},
	{what: "BinaryEquals: byte for byte", page: operatorsPage + "#Conditions_BinaryEquals",
		identity: `{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"BinaryEquals":{"x:key":"QmluYXJ5VmFsdWVJbkJhc2U2NA=="}}}`,
		asked: []asked{
			{ana, "a:b", "*", "x:key=QmluYXJ5VmFsdWVJbkJhc2U2NA==", allowed},
			{ana, "a:b", "*", "x:key=YmluYXJ5VmFsdWVJbkJhc2U2NA==", implicit},
			{ana, "a:b", "*", "x:key=", implicit},
		}},
	{what: "IpAddress: ranges of both kinds", page: operatorsPage + "#Conditions_IPAddress",
		identity: `{"Effect":"Allow","Action":"x:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:DB8:1234:5678::/64"]}}}`,
		asked: []asked{
			{ana, "x:y", "*", "aws:SourceIp=203.0.113.255", allowed},
			{ana, "x:y", "*", "aws:SourceIp=2001:db8:1234:5678::1", allowed},
			{ana, "x:y", "*", "aws:SourceIp=203.0.114.0", implicit},
			{ana, "x:y", "*", "aws:SourceIp=2001:db8:1234:5679::1", implicit},
			{ana, "x:y", "*", "aws:SourceIp=", implicit}, // as through a VPC endpoint
		}},
	{what: "ArnLike: a * stays between two colons, as StringLike's does not", page: operatorsPage + "#Conditions_ARN",
		identity: `[{"Effect":"Allow","Action":"x:arn","Resource":"*","Condition":{"ArnLike":{"x:key":"arn:aws:some:*:111122223333:finance/*"}}},
			{"Effect":"Allow","Action":"x:text","Resource":"*","Condition":{"StringLike":{"x:key":"arn:aws:some:*:111122223333:finance/*"}}}]`,
		asked: []asked{
			{ana, "x:text", "*", "x:key=arn:aws:some:us-east-2:999999999999:store/abc:111122223333:finance/document.txt", allowed},
			{ana, "x:arn", "*", "x:key=arn:aws:some:us-east-2:999999999999:store/abc:111122223333:finance/document.txt", implicit},
			{ana, "x:arn", "*", "x:key=arn:aws:some:us-east-2:111122223333:finance/document.txt", allowed},
		}},
	{what: "ArnEquals: a topic's messages for a queue", page: operatorsPage + "#Conditions_ARN",
		resource: `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"SQS:SendMessage","Resource":"` + queue + `","Condition":{"ArnEquals":{"aws:SourceArn":"` + topic + `"}}}`,
		asked: []asked{
			{ana, "sqs:SendMessage", queue, "aws:SourceArn=" + topic, delegated},
			{ana, "sqs:SendMessage", queue, "aws:SourceArn=" + topic + "2", implicit},
			{ana, "sqs:SendMessage", queue, "aws:SourceArn=", implicit}, // by a user directly
		}},
	{what: "IfExists: what has an instance type must have one of these", page: operatorsPage + "#Conditions_IfExists",
		identity: `{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*","Condition":{"StringLikeIfExists":{"ec2:InstanceType":["t1.*","t2.*","m3.*"]}}}`,
		asked: []asked{
			{ana, "ec2:RunInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", "ec2:InstanceType=t2.micro", allowed},
			{ana, "ec2:RunInstances", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", "ec2:InstanceType=m5.large", implicit},
			{ana, "ec2:RunInstances", "arn:aws:ec2:us-east-1::image/ami-1", "ec2:InstanceType=", allowed},
		}},
	{what: "IfExists: a negated operator still denies what has no tag", page: operatorsPage + "#Conditions_IfExists", described: true,
		identity: `[` + everything + `,{"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"StringNotEqualsIfExists":{"aws:ResourceTag/team":"a"}}}]`,
		asked: []asked{
			{ana, "ec2:StopInstances", "*", "aws:ResourceTag/team=a", allowed},
			{ana, "ec2:StopInstances", "*", "aws:ResourceTag/team=b", explicit},
			{ana, "ec2:StopInstances", "*", "aws:ResourceTag/team=", explicit},
		}},
	{what: "Null: not with temporary credentials", page: operatorsPage + "#Conditions_Null",
		identity: `{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"Null":{"aws:TokenIssueTime":"true"}}}`,
		asked: []asked{
			{ana, "ec2:RunInstances", "*", "aws:TokenIssueTime=", allowed},
			{ana, "ec2:RunInstances", "*", "aws:TokenIssueTime=2026-03-04T05:06:07Z", implicit},
		}},
	{what: "DateGreaterThan and DateLessThan: within dates", page: userGuide + "reference_policies_examples_aws-dates.html",
		identity: `{"Effect":"Allow","Action":"x:y","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2017-07-01T00:00:00Z"},"DateLessThan":{"aws:CurrentTime":"2017-12-31T23:59:59Z"}}}`,
		asked: []asked{
			{"", "x:y", "*", "aws:CurrentTime=2017-09-01T12:00:00Z", allowed},
			{"", "x:y", "*", "aws:CurrentTime=2018-01-01T12:00:00Z", implicit},
			{"", "x:y", "*", "aws:CurrentTime=2017-06-30T12:00:00Z", implicit},
		}},
	{what: "NotIpAddress: from our addresses, or by a service for us", page: userGuide + "reference_policies_examples_aws_deny-ip.html",
		identity: `[` + everything + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["192.0.2.0/24","203.0.113.0/24"]},"Bool":{"aws:ViaAWSService":"false"}}}]`,
		asked: []asked{
			{ana, "s3:ListAllMyBuckets", "*", "aws:SourceIp=192.0.2.7 aws:ViaAWSService=false", allowed},
			{ana, "s3:ListAllMyBuckets", "*", "aws:SourceIp=198.51.100.7 aws:ViaAWSService=false", explicit},
			{ana, "s3:ListAllMyBuckets", "*", "aws:SourceIp=198.51.100.7 aws:ViaAWSService=true", allowed},
		}},
}, []example{
	row("StringEquals", "exact, with its case", "Ab", "Ab", "ab", false),
	row("StringNotEquals", "negated", "Ab", "ab", "Ab", true),
	row("StringEqualsIgnoreCase", "exact but for its case", "Ab", "aB", "ac", false),
	row("StringNotEqualsIgnoreCase", "negated, whatever its case", "Ab", "ac", "aB", true),
	row("StringLike", "with wildcards and case", "a?c*", "abcde", "Abcde", false),
	row("StringNotLike", "negated, with wildcards", "a?c*", "ac", "abc", true),
	row("NumericEquals", "equal", "10", "10.0", "11", false),
	row("NumericNotEquals", "negated", "10", "11", "10", true),
	row("NumericLessThan", "less", "10", "9.5", "10", false),
	row("NumericLessThanEquals", "less or equal", "10", "10", "10.1", false),
	row("NumericGreaterThan", "greater", "10", "10.1", "10", false),
	row("NumericGreaterThanEquals", "greater or equal", "10", "10", "9", false),
	row("DateEquals", "the same time", "2020-01-01T00:00:00Z", "1577836800", "2020-01-01T00:00:01Z", false),
	row("DateNotEquals", "negated", "2020-01-01", "2020-01-02", "2020-01-01T00:00:00Z", true),
	row("DateLessThan", "before", "2020-01-01", "2019-12-31T23:59:59Z", "2020-01-01", false),
	row("DateLessThanEquals", "at or before", "2020-01-01", "2020-01-01", "2020-01-02", false),
	row("DateGreaterThan", "after", "2020-01-01", "2020-01-02", "2020-01-01", false),
	row("DateGreaterThanEquals", "at or after", "2020-01-01", "2020-01-01", "2019-12-31", false),
	row("IpAddress", "one address is a range of one", "203.0.113.7", "203.0.113.7", "203.0.113.8", false),
	row("NotIpAddress", "all but the range", "203.0.113.0/24", "203.0.114.1", "203.0.113.1", true),
	row("ArnEquals", "segment by segment, with wildcards", "arn:aws:sns:*:111122223333:t?", topic+"2", topic, false),
	row("ArnLike", "as ArnEquals", "arn:aws:sns:*:111122223333:t?", topic+"2", topic, false),
	row("ArnNotEquals", "negated", "arn:aws:sns:*:111122223333:t?", topic, topic+"2", true),
	row("ArnNotLike", "as ArnNotEquals", "arn:aws:sns:*:111122223333:t?", topic, topic+"2", true),
})

// severalKeys is the page's policy on three keys, with an operator on the last.
func severalKeys(operator string) string {
	return `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:ListBucket","Resource":"` + bucket + `","Condition":{
		"StringEquals":{"aws:PrincipalTag/department":["finance","hr","legal"],"aws:PrincipalTag/role":["audit","security"]},
		"` + operator + `":{"aws:PrincipalArn":["` + ana + `","` + bob + `"]}}}`
}

const (
	eve          = "arn:aws:iam::111122223333:user/eve"
	severalPage  = userGuide + "reference_policies_condition-logic-multiple-context-keys-or-values.html"
	setsPage     = userGuide + "reference_policies_condition-single-vs-multi-valued-context-keys.html"
	setsOlder    = userGuide + "reference_policies_multi-value-conditions.html"
	globalPage   = userGuide + "reference_policies_condition-keys.html"
	table        = "arn:aws:dynamodb:us-east-1:111122223333:table/Thread"
	organization = "o-a1b2c3d4e5/r-f6g7h8i9j0/ou-ghi0-aaaa/"
)

// setExamples are about several keys and several values.
var setExamples = []example{
	{what: "Several keys all hold, of several values one", page: severalPage, resource: severalKeys("ArnLike"),
		asked: []asked{
			{bob, "s3:ListBucket", bucket, "aws:PrincipalTag/department=legal aws:PrincipalTag/role=audit", delegated},
			{eve, "s3:ListBucket", bucket, "aws:PrincipalTag/department=hr aws:PrincipalTag/role=audit", implicit},
			{bob, "s3:ListBucket", bucket, "aws:PrincipalTag/department=hr aws:PrincipalTag/role=payroll", implicit},
			{bob, "s3:ListBucket", bucket, "aws:PrincipalTag/department=hr aws:PrincipalTag/role=", implicit},
			{bob, "s3:ListBucket", bucket, "aws:PrincipalTag/department= aws:PrincipalTag/role=", implicit},
		}},
	{what: "Of several values of a negated operator none", page: severalPage, resource: severalKeys("ArnNotLike"),
		asked: []asked{
			{eve, "s3:ListBucket", bucket, "aws:PrincipalTag/department=legal aws:PrincipalTag/role=audit", delegated},
			{bob, "s3:ListBucket", bucket, "aws:PrincipalTag/department=hr aws:PrincipalTag/role=audit", implicit},
			{eve, "s3:ListBucket", bucket, "aws:PrincipalTag/department=hr aws:PrincipalTag/role=payroll", implicit},
			{eve, "s3:ListBucket", bucket, "aws:PrincipalTag/department=hr aws:PrincipalTag/role=", implicit},
			{eve, "s3:ListBucket", bucket, "aws:PrincipalTag/department= aws:PrincipalTag/role=", implicit},
		}},
	{what: "ForAllValues: these attributes only", page: setsOlder,
		identity: `{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"arn:aws:dynamodb:*:*:table/Thread","Condition":{"ForAllValues:StringEquals":{"dynamodb:Attributes":["ID","Message","Tags"]}}}`,
		asked: []asked{
			{ana, "dynamodb:GetItem", table, "dynamodb:Attributes=ID dynamodb:Attributes=Message dynamodb:Attributes=Tags", allowed},
			{ana, "dynamodb:GetItem", table, "dynamodb:Attributes=ID dynamodb:Attributes=UserName", implicit},
			{ana, "dynamodb:GetItem", table, "dynamodb:Attributes=", allowed},
			{ana, "dynamodb:GetItem", table, "dynamodb:Attributes=''", allowed},
		}},
	{what: "ForAnyValue with a deny: these attributes never", page: setsOlder,
		identity: `[` + everything + `,{"Effect":"Deny","Action":"dynamodb:PutItem","Resource":"arn:aws:dynamodb:*:*:table/Thread","Condition":{"ForAnyValue:StringEquals":{"dynamodb:Attributes":["ID","PostDateTime"]}}}]`,
		asked: []asked{
			{ana, "dynamodb:PutItem", table, "dynamodb:Attributes=UserName dynamodb:Attributes=Message dynamodb:Attributes=PostDateTime", explicit},
			{ana, "dynamodb:PutItem", table, "dynamodb:Attributes=UserName", allowed},
			{ana, "dynamodb:PutItem", table, "dynamodb:Attributes=", allowed},
			{ana, "dynamodb:PutItem", table, "dynamodb:Attributes=''", allowed},
		}},
	{what: "ForAllValues with Null: a tag must be there", page: setsPage, described: true,
		identity: `{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["environment","cost-center"]},"Null":{"aws:TagKeys":"false"}}}`,
		asked: []asked{
			{"", "ec2:CreateTags", "*", "aws:TagKeys=environment aws:TagKeys=cost-center", allowed},
			{"", "ec2:CreateTags", "*", "aws:TagKeys=environment aws:TagKeys=dept", implicit},
			{"", "ec2:CreateTags", "*", "aws:TagKeys=", implicit},
		}},
	{what: "ForAllValues: secrets with these tag keys", page: userGuide + "access_tags.html#access_tags_control-tag-keys",
		identity: `{"Effect":"Allow","Action":["secretsmanager:CreateSecret","secretsmanager:TagResource"],"Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["environment","cost-center"]}}}`,
		asked: []asked{
			{"", "secretsmanager:CreateSecret", "*", "aws:TagKeys=environment", allowed},
			{"", "secretsmanager:CreateSecret", "*", "aws:TagKeys=environment aws:TagKeys=dept", implicit},
			{"", "secretsmanager:CreateSecret", "*", "aws:TagKeys=Environment", implicit},
		}},
	{what: "ForAllValues with a tag's value", page: userGuide + "access_tags.html#access_tags_control-requests",
		identity: `{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"arn:aws:ec2:*:*:instance/*","Condition":{"StringEquals":{"aws:RequestTag/environment":["preprod","production"]},"ForAllValues:StringEquals":{"aws:TagKeys":"environment"}}}`,
		asked: []asked{
			{"", "ec2:CreateTags", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", "aws:RequestTag/environment=preprod aws:TagKeys=environment", allowed},
			{"", "ec2:CreateTags", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", "aws:RequestTag/environment=test aws:TagKeys=environment", implicit},
			{"", "ec2:CreateTags", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", "aws:RequestTag/environment=preprod aws:TagKeys=environment aws:TagKeys=other", implicit},
			{"", "ec2:CreateTags", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", "aws:RequestTag/environment= aws:TagKeys=", implicit},
		}},
	{what: "ForAnyValue: only through DynamoDB", page: globalPage + "#condition-keys-calledvia",
		identity: `{"Effect":"Allow","Action":["kms:Encrypt","kms:Decrypt"],"Resource":"*","Condition":{"ForAnyValue:StringEquals":{"aws:CalledVia":["dynamodb.amazonaws.com"]}}}`,
		asked: []asked{
			{"", "kms:Decrypt", "*", "aws:CalledVia=cloudformation.amazonaws.com aws:CalledVia=dynamodb.amazonaws.com", allowed},
			{"", "kms:Decrypt", "*", "aws:CalledVia=cloudformation.amazonaws.com", implicit},
			{"", "kms:Decrypt", "*", "aws:CalledVia=", implicit},
		}},
	{what: "ForAnyValue with StringLike: a unit and all below it", page: globalPage + "#condition-keys-principalorgpaths",
		identity: `{"Effect":"Allow","Action":"x:y","Resource":"*","Condition":{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":["` + organization + `*"]}}}`,
		asked: []asked{
			{"", "x:y", "*", "aws:PrincipalOrgPaths=" + organization + "ou-jkl0-bbbb/", allowed},
			{"", "x:y", "*", "aws:PrincipalOrgPaths=o-a1b2c3d4e5/r-f6g7h8i9j0/ou-other/", implicit},
		}},
	{what: "Through one VPC, or by a service", page: globalPage + "#condition-keys-principalisawsservice",
		resource: `{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"` + bucket + `/AWSLogs/*","Condition":{"StringNotEqualsIfExists":{"aws:SourceVpc":"vpc-111bbb22"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}`,
		asked: []asked{
			{"", "s3:PutObject", bucket + "/AWSLogs/x", "aws:SourceVpc=vpc-111bbb22", implicit},
			{"", "s3:PutObject", bucket + "/AWSLogs/x", "aws:SourceVpc=vpc-other", explicit},
			{"", "s3:PutObject", bucket + "/AWSLogs/x", "aws:SourceVpc=", explicit},
			{"cloudtrail.amazonaws.com", "s3:PutObject", bucket + "/AWSLogs/x", "aws:SourceVpc=", implicit},
		}},
	{what: "IfExists of two keys: from an address, or from a VPC", page: globalPage,
		identity: `{"Effect":"Allow","Action":"x:y","Resource":"*","Condition":{"IpAddressIfExists":{"aws:SourceIp":["192.0.2.0/24"]},"StringEqualsIfExists":{"aws:SourceVpc":["vpc-1"]}}}`,
		asked: []asked{
			{"", "x:y", "*", "aws:SourceIp=192.0.2.1 aws:SourceVpc=", allowed},
			{"", "x:y", "*", "aws:SourceIp= aws:SourceVpc=vpc-1", allowed},
			{"", "x:y", "*", "aws:SourceIp= aws:SourceVpc=", allowed},
			{"", "x:y", "*", "aws:SourceIp=198.51.100.1 aws:SourceVpc=", implicit},
			{"", "x:y", "*", "aws:SourceIp= aws:SourceVpc=vpc-2", implicit},
		}},
}
