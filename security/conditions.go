package security

import (
	"slices"
	"strings"
)

// This file holds every condition of every policy against what conditions there may
// be. A request that an assertion makes up has the keys the assertion knows of, so a
// statement that asks for another key, or compares with a value or an operator that
// nobody thought of, would be silent in all of them: an allowance that nobody finds, or
// a refusal that is lifted unseen. So a condition is one of those that are written down
// here, and what it compares with is of this account, Region and stack.

var conditionAssertions = []Assertion{
	{"EndpointsAskWhatIsWrittenDown", 3, conditionsOf("AWS::EC2::VPCEndpoint")},
	{"KeyAsksWhatIsWrittenDown", 7, conditionsOf("AWS::KMS::Key")},
	{"BucketsAskWhatIsWrittenDown", 12, conditionsOf("AWS::S3::BucketPolicy")},
	{"TrustAsksWhatIsWrittenDown", 14, trustConditions},
	{"RolesAskWhatIsWrittenDown", 15, roleConditions},
	{"APIAsksWhatIsWrittenDown", 25, conditionsOf("AWS::ApiGateway::RestApi")},
	{"ChannelsAskWhatIsWrittenDown", 38, conditionsOf("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy")},
}

// conditionForm is one form of a condition: effect and operator, on which types of resources,
// and what it may compare with.
type conditionForm struct {
	effect, operator string
	// on are the types of the policies' owners, by a part of their names; "" for all.
	on string
	// values are what it may compare with: any of these texts, or what is of the stack
	// by ours.
	values []string
	ours   func(t *Template, value string) bool
}

const (
	allows = "Allow"
	denies = "Deny"
)

// writtenConditions are, by key, all forms of conditions. ACCOUNT and REGION stand for
// the template's.
var writtenConditions = map[string][]conditionForm{
	"aws:PrincipalAccount": {
		{effect: allows, operator: "StringEquals", on: "VPCEndpoint", values: []string{"ACCOUNT"}},
		{effect: denies, operator: "StringNotEquals", on: "RestApi", values: []string{"ACCOUNT"}},
	},
	"aws:SourceAccount": {
		{effect: allows, operator: "StringEquals", values: []string{"ACCOUNT"}}, {effect: allows, operator: "StringEqualsIfExists", on: "Key", values: []string{"ACCOUNT"}},
	},
	"aws:SourceArn": {
		{effect: allows, operator: "ArnLike", ours: isOurSource}, {effect: allows, operator: "ArnEquals", ours: isOurSource},
		{effect: allows, operator: "StringEquals", ours: isOurSource},
	},
	"aws:PrincipalArn": {
		{effect: allows, operator: "ArnLike", on: "Key", ours: isOurPath}, {effect: allows, operator: "ArnNotLike", on: "Key", ours: isOurPath},
		{effect: denies, operator: "ArnNotEquals", on: "BucketPolicy", ours: isPerson},
	},
	"aws:SourceVpce": {{effect: denies, operator: "StringNotEquals", ours: isOurEndpoint}},

	"aws:SecureTransport": {{effect: denies, operator: "Bool", values: []string{"false"}}},
	"s3:TlsVersion":       {{effect: denies, operator: "NumericLessThan", values: []string{"1.2"}}},
	"s3:x-amz-server-side-encryption": {
		{effect: denies, operator: "Null", values: []string{"false"}}, {effect: denies, operator: "StringNotEquals", values: []string{"aws:kms"}},
	},
	"s3:x-amz-server-side-encryption-aws-kms-key-id": {
		{effect: denies, operator: "Null", values: []string{"false", "true"}}, {effect: denies, operator: "StringNotEquals", ours: isTheKey},
	},
	"s3:x-amz-server-side-encryption-customer-algorithm": {{effect: denies, operator: "Null", values: []string{"false"}}},
	"s3:x-amz-acl": {{effect: allows, operator: "StringEquals", on: "BucketPolicy", values: []string{"bucket-owner-full-control"}}},
	"s3:prefix": {
		{effect: allows, operator: "StringLike", on: "Role", ours: isPrefix}, {effect: allows, operator: "StringLikeIfExists", on: "Role", ours: isPrefix},
	},

	"kms:CallerAccount":                                {{effect: allows, operator: "StringEquals", on: "Key", values: []string{"ACCOUNT"}}},
	"kms:ViaService":                                   {{effect: allows, operator: "StringEquals", values: pipelines}},
	"kms:GrantIsForAWSResource":                        {{effect: allows, operator: "Bool", values: []string{"true"}}},
	"kms:EncryptionContextKeys":                        {{effect: allows, operator: "ForAnyValue:StringEquals", on: "Key", values: []string{customModel}}},
	"kms:EncryptionContext:SourceArn":                  encrypts("arn:aws:logs:REGION:ACCOUNT:*"),
	"kms:EncryptionContext:aws:sns:topicArn":           encrypts("arn:aws:sns:REGION:ACCOUNT:*"),
	"kms:EncryptionContext:aws:scheduler:schedule:arn": encrypts("arn:aws:scheduler:REGION:ACCOUNT:schedule/*", "arn:aws:scheduler:REGION:ACCOUNT:schedule/default/tuneline-sweep"),
	"kms:EncryptionContext:aws:states:stateMachineArn": encrypts("arn:aws:states:REGION:ACCOUNT:stateMachine:*", "arn:aws:states:REGION:ACCOUNT:stateMachine:tuneline-*",
		"arn:aws:states:REGION:ACCOUNT:stateMachine:tuneline-finetune", "arn:aws:states:REGION:ACCOUNT:stateMachine:tuneline-release",
		"arn:aws:states:REGION:ACCOUNT:stateMachine:tuneline-sweep"),
	"kms:EncryptionContext:aws:logs:arn": encrypts("arn:aws:logs:REGION:ACCOUNT:log-group:/tuneline/*", "arn:aws:logs:REGION:ACCOUNT:log-group:/aws/vendedlogs/tuneline/*",
		"arn:aws:logs:REGION:ACCOUNT:log-group:API-Gateway-Execution-Logs_*", "arn:aws:logs:REGION:ACCOUNT:log-group:aws-waf-logs-tuneline"),

	"aws:ResourceTag/" + tagKey: {{effect: allows, operator: "StringEquals", values: []string{stackName}}},
	"aws:RequestTag/" + tagKey: {
		{effect: allows, operator: "StringEquals", values: []string{stackName}}, {effect: allows, operator: "StringEqualsIfExists", on: "Role", values: []string{stackName}},
	},
	"bedrock:GuardrailIdentifier": {{effect: allows, operator: "StringEquals", ours: func(t *Template, value string) bool {
		return t.hasGuardrail() && value == t.guardrail()
	}}},
	"iam:PassedToService":      {{effect: allows, operator: "StringEquals", values: []string{"bedrock.amazonaws.com"}}},
	"lambda:SourceFunctionArn": {{effect: denies, operator: "ArnLike", values: []string{"arn:aws:lambda:REGION:ACCOUNT:function:*"}}},

	"aws:RequestTag/BedrockManaged":                   {{effect: allows, operator: "StringEquals", values: []string{"true"}}},
	"ec2:ResourceTag/BedrockManaged":                  {{effect: allows, operator: "StringEquals", values: []string{"true"}}},
	"aws:RequestTag/BedrockModelCustomizationJobArn":  {{effect: allows, operator: "ArnEquals", values: []string{"arn:aws:bedrock:REGION:ACCOUNT:model-customization-job/*"}}},
	"ec2:ResourceTag/BedrockModelCustomizationJobArn": {{effect: allows, operator: "ArnEquals", values: []string{"arn:aws:bedrock:REGION:ACCOUNT:model-customization-job/*"}}},
	"ec2:Subnet":       {{effect: allows, operator: "ArnEquals", ours: isOurSubnet}},
	"ec2:CreateAction": {{effect: allows, operator: "StringEquals", values: []string{"CreateNetworkInterface"}}},
	"aws:TagKeys":      {{effect: allows, operator: "ForAllValues:StringEquals", values: []string{"BedrockManaged", "BedrockModelCustomizationJobArn"}}},
}

// encrypts are the forms in which an encryption context is compared.
func encrypts(values ...string) []conditionForm {
	return []conditionForm{{effect: allows, operator: "ArnLike", values: values}, {effect: allows, operator: "StringEquals", values: values}}
}

// sources are how the names of resources begin for which a service may act: those of
// the account that the stack cannot name, or makes at run time.
var sources = map[string][]string{
	"bedrock": {"model-customization-job/"}, "ec2": {"vpc-flow-log/"}, "events": {"rule/"}, "states": {"stateMachine:" + stackName + "-"},
	"scheduler": {"schedule-group/", "schedule/"}, "cloudtrail": {"trail/" + stackName}, "logs": {"log-group:/" + stackName + "/"},
}

func isOurSource(t *Template, value string) bool {
	if value == t.arn("StorageBucket") || value == t.arn("StorageTrail") {
		return true
	}
	segments := strings.SplitN(value, ":", arnSegments)
	if len(segments) < arnSegments || segments[3] != t.Region || segments[4] != Account {
		return false
	}
	return slices.ContainsFunc(sources[segments[2]], func(kind string) bool { return strings.HasPrefix(segments[5], kind) })
}

// paths are the paths of the stack's roles.
var paths = []string{"function", "customization", "service", "people"}

func isOurPath(_ *Template, value string) bool {
	return slices.ContainsFunc(paths, func(path string) bool { return value == "arn:aws:iam::"+Account+":role/"+stackName+"/"+path+"/*" })
}

// isPerson says whether somebody is one whom a bucket's policy may except from what it
// denies: a role for people, who may become one by configuration, or Bedrock's.
func isPerson(t *Template, value string) bool {
	return value == t.arn("AccessOperator") || value == t.arn("AccessUploader") || value == t.arn("CustomizationRole") || slices.Contains(t.people(), value)
}

func isOurEndpoint(t *Template, value string) bool {
	return value == t.ref("NetworkS3Endpoint") || t.isPrivate() && value == t.ref("InferenceDoor")
}

func isTheKey(t *Template, value string) bool { return value == t.arn("Key") }

func isOurSubnet(t *Template, value string) bool {
	return slices.ContainsFunc(t.ofType("AWS::EC2::Subnet"), func(r *Resource) bool { return value == t.inRegion("ec2", "subnet/"+reference(r, t.Region)) })
}

// isPrefix says whether a pattern stands for all below one prefix of the bucket.
func isPrefix(_ *Template, value string) bool {
	prefix, ok := strings.CutSuffix(value, "*")
	return ok && slices.Contains(allPrefixes, prefix)
}

// conditionsOf holds the policies of the types' resources against what is written.
func conditionsOf(types ...string) func(*Template) Findings {
	return func(t *Template) Findings {
		return t.unwritten(func(d document) bool { return slices.Contains(types, d.owner.Type) })
	}
}

func trustConditions(t *Template) Findings {
	return t.unwritten(func(d document) bool { return d.owner.Type == "AWS::IAM::Role" && !d.identity })
}

func roleConditions(t *Template) Findings {
	return t.unwritten(func(d document) bool { return d.identity })
}

// unwritten are the conditions of some policies that are not written down.
func (t *Template) unwritten(about func(document) bool) (f Findings) {
	for _, d := range t.documents() {
		if !about(d) {
			continue
		}
		for _, s := range statementsOf(d.body) {
			for _, c := range s.conditions() {
				if !t.isWritten(d.owner.Type, text(s.object["Effect"]), c) {
					f.add(d.owner.ID, "%s: %s on %s with %s is no condition that is written down", s.sid(), c.operator, c.key, strings.Join(c.values, ", "))
				}
			}
		}
	}
	return f
}

// isWritten says whether a condition has one of the forms of its key, with nothing to
// compare with but what that form may have.
func (t *Template) isWritten(owner, effect string, c block) bool {
	for key, forms := range writtenConditions {
		if !strings.EqualFold(key, c.key) {
			continue
		}
		for _, form := range forms {
			if form.effect == effect && form.operator == c.operator && strings.Contains(owner, form.on) && t.allWritten(form, c.values) {
				return true
			}
		}
	}
	return false
}

func (t *Template) allWritten(form conditionForm, values []string) bool {
	put := strings.NewReplacer("ACCOUNT", Account, "REGION", t.Region)
	for _, value := range values {
		listed := slices.ContainsFunc(form.values, func(v string) bool { return put.Replace(v) == value })
		if !listed && (form.ours == nil || !form.ours(t, value)) {
			return false
		}
	}
	return len(values) > 0
}
