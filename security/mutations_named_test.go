package security

import (
	"fmt"
	"slices"
	"strings"
)

// The defects of this file have names of their own, which no assertion's requests have:
// what finds them must go by what the template says.

// accountOf is another account as a principal, roleOf a role of this one.
func accountOf(id string) object { return object{"AWS": "arn:aws:iam::" + id + ":root"} }

func roleOf(name string) string { return "arn:aws:iam::" + Account + ":role/" + name }

// below is a name within a resource's ARN, objects of a bucket among them.
func below(name, rest string) object {
	return object{"Fn::Join": []any{"", []any{link{name, "Arn"}, rest}}}
}

// widen adds a value to a member of a statement: what is one value becomes a list.
func widen(name, sid, path string, value any) edit {
	return func(resources object) error {
		var old any
		err := inPolicy(name, sid, func(list []any, i int) []any {
			old = list[i]
			for _, step := range strings.Split(path, ">") {
				old = get(old, step)
			}
			return list
		})(resources)
		if err != nil || old == nil {
			return fmt.Errorf("%s %s has no %s: %w", name, sid, path, err)
		}
		return change(name, sid, path, append(slices.Clone(items(old)), value))(resources)
	}
}

// demands adds a condition to a statement, beside those it has.
func demands(name, sid, operator, key string, value any) edit {
	return inPolicy(name, sid, func(list []any, i int) []any {
		s := list[i].(object)
		all, _ := s["Condition"].(object)
		if all == nil {
			all = object{}
		}
		keys, _ := all[operator].(object)
		if keys == nil {
			keys = object{}
		}
		keys[key], all[operator], s["Condition"] = value, keys, all
		return list
	})
}

// where is a statement that holds in a context only.
func where(s object, operator, key string, value any) object {
	s["Condition"] = object{operator: object{key: value}}
	return s
}

var namedMutations = slices.Concat(namedStrangers, contextMutations, patternMutations, namedValues)

// Accounts and principals.
var namedStrangers = []mutation{
	{14, "", "the people of a firm become operators beside ours", change("AccessOperator", "Assume", "Principal", object{"AWS": []any{"arn:aws:iam::" + Account + ":root", "arn:aws:iam::" + elsewhere + ":root"}}), []string{"PeopleAreOfThisAccountOrNamed", "NobodyElseIsNamed"}},
	{14, "", "everybody in the account is an operator without a permission", both(change("AccessOperator", "Assume", "Principal", object{"AWS": "*"}), demands("AccessOperator", "Assume", "StringEquals", "aws:PrincipalAccount", Account)), []string{"PeopleAreOfThisAccountOrNamed"}},
	{14, "", "who knows a word is an operator", beside("AccessOperator", "Assume", where(object{"Sid": "Seeded", "Effect": "Allow", "Principal": object{"AWS": "*"}, "Action": "sts:AssumeRole"}, "StringEquals", "sts:ExternalId", "word")), []string{"PeopleAreOfThisAccountOrNamed", "TrustAsksWhatIsWrittenDown"}},
	{14, "", "EventBridge starts runs for a second account", widen("TriggerStarterRole", "Assume", "Condition>StringEquals>aws:SourceAccount", elsewhere), []string{"ServicesActForThisAccountOnly", "TrustAsksWhatIsWrittenDown", "NobodyElseIsNamed"}},
	{14, "", "Bedrock uses the role for a second account's jobs", both(widen("CustomizationRole", "Assume", "Condition>StringEquals>aws:SourceAccount", elsewhere),
		widen("CustomizationRole", "Assume", "Condition>ArnEquals>aws:SourceArn", "arn:aws:bedrock:us-east-1:"+elsewhere+":model-customization-job/*")), []string{"BedrockActsForOurJobsOnly", "TrustAsksWhatIsWrittenDown"}},
	{14, "", "schedules start sweeps for accounts that begin with a digit", change("SweepRole", "Assume", "Condition", object{"StringLike": object{"aws:SourceAccount": "4*"}}), []string{"TrustAsksWhatIsWrittenDown"}},
	{14, "", "Step Functions uses the machine's role for any machine", change("WorkflowRole", "Assume", "Condition>ArnLike>aws:SourceArn", "arn:aws:states:us-east-1:"+Account+":stateMachine:*"), []string{"TrustAsksWhatIsWrittenDown"}},
	{9, "", "a firm reads objects", beside("StoragePolicy", "DenyWithoutTLS", allow(accountOf(elsewhere), "s3:GetObject", below("StorageBucket", "/*"))), []string{"BucketPoliciesGiveNothing", "BucketsLetInServicesOnly", "NobodyElseIsNamed"}},
	{9, "", "a role for emergencies reads objects", beside("StoragePolicy", "DenyWithoutTLS", allow(object{"AWS": roleOf("BreakGlass")}, "s3:GetObject", below("StorageBucket", "/*"))), []string{"BucketPoliciesGiveNothing", "BucketsLetInServicesOnly"}},
	{7, "", "a firm decrypts", beside("Key", "UseThroughS3", allow(accountOf(elsewhere), "kms:Decrypt", "*")), []string{"KeyIsForNoOtherAccount", "KeyIsGivenToUsOnly"}},
	{7, "", "a role for emergencies decrypts and makes grants", beside("Key", "UseThroughS3", allow(object{"AWS": roleOf("BreakGlass")}, []any{"kms:Decrypt", "kms:CreateGrant"}, "*")), []string{"KeyPolicyLeavesItToIAM", "KeyIsGivenToUsOnly"}},
	{6, "", "a firm administers the key", change("Key", "AdministerWithoutUsing", "Principal", object{"AWS": []any{"arn:aws:iam::" + Account + ":root", "arn:aws:iam::" + elsewhere + ":role/msp"}}), []string{"KeyIsForNoOtherAccount", "KeyIsGivenToUsOnly"}},
	{7, "", "another service of AWS's uses the key for anybody", beside("Key", "UseThroughS3", allow(object{"Service": "cloudtrail.amazonaws.com"}, []any{"kms:Decrypt", "kms:GenerateDataKey"}, "*")), []string{"ServicesUseTheKeyForUsOnly", "KeyIsGivenToUsOnly"}},
	{3, "", "the S3 endpoint admits a second account", widen("NetworkS3Endpoint", "UseObjects", "Condition>StringEquals>aws:PrincipalAccount", elsewhere), []string{"EndpointsAdmitThisAccountOnly", "EndpointsAskWhatIsWrittenDown"}},
	{3, "", "the KMS endpoint admits accounts that begin with a digit", change("NetworkKMSEndpoint", "DescribeKey", "Condition", object{"StringLike": object{"aws:PrincipalAccount": "4*"}}), []string{"EndpointsAskWhatIsWrittenDown"}},
	{3, "", "the S3 endpoint leads to a collector's bucket", widen("NetworkS3Endpoint", "UseObjects", "Resource", "arn:aws:s3:::collector/*"), []string{"EndpointsNameOurResources"}},
	{3, "", "the S3 endpoint leads to a mirror of packages", beside("NetworkS3Endpoint", "UseObjects", where(allow("*", "s3:GetObject", "arn:aws:s3:::al2023-repos-us-east-1-de612dc2/*"), "StringEquals", "aws:PrincipalAccount", Account)), []string{"EndpointsNameOurResources"}},
	{3, "", "the runtime endpoint asks models of every Region", widen("NetworkBedrockRuntimeEndpoint", "Ask", "Resource", "arn:aws:bedrock:*:"+Account+":provisioned-model/*"), []string{"EndpointsNameOurResources"}},
	{3, "", "the runtime endpoint asks a firm's models", widen("NetworkBedrockRuntimeEndpoint", "Ask", "Resource", "arn:aws:bedrock:us-east-1:"+elsewhere+":provisioned-model/*"), []string{"EndpointsNameOurResources", "NobodyElseIsNamed"}},
	{38, "", "a firm listens to the topic", beside("NoticesTopicPolicy", "PublishAlarms", allow(object{"AWS": elsewhere}, "sns:Subscribe", link{"NoticesTopic", "TopicArn"})), []string{"ChannelsAreOurs", "ChannelsLetInServicesOnly"}},
	{38, "", "a firm reads the queue", beside("NoticesDeadLettersPolicy", "KeepUndelivered", allow(object{"AWS": elsewhere}, "sqs:ReceiveMessage", link{"NoticesDeadLetters", "Arn"})), []string{"ChannelsAreOurs", "ChannelsLetInServicesOnly"}},
	{38, "", "budgets publish to the topic for anybody", beside("NoticesTopicPolicy", "PublishAlarms", allow(object{"Service": "budgets.amazonaws.com"}, "sns:Publish", link{"NoticesTopic", "TopicArn"})), []string{"ChannelsAreOurs", "ChannelsLetInServicesOnly"}},
	{38, "", "EventBridge keeps events of a second account", widen("NoticesDeadLettersPolicy", "KeepUndelivered", "Condition>StringEquals>aws:SourceAccount", elsewhere), []string{"ChannelsAskWhatIsWrittenDown"}},
	{25, "", "a firm asks models", both(widen("InferenceAPI", "DenyOtherAccounts", "Condition>StringNotEquals>aws:PrincipalAccount", elsewhere),
		beside("InferenceAPI", "DenyOtherAccounts", allow(accountOf(elsewhere), "execute-api:Invoke", "arn:aws:execute-api:us-east-1:"+Account+":*"))), []string{"APIPolicyDecides", "APILetsInNobodyByItself", "APIAsksWhatIsWrittenDown"}},
	{30, "", "a role for emergencies approves", widen("StoragePolicy", "DenyApprovalsByOthers", "Condition>ArnNotEquals>aws:PrincipalArn", roleOf("BreakGlass")), []string{"ApprovalsAreTheOperators", "BucketsAskWhatIsWrittenDown"}},
	{12, "", "a role is let in from outside by a variable", widen("StoragePolicy", "DenyObjectsFromOutside", "Condition>ArnNotEquals>aws:PrincipalArn", "arn:aws:iam::${!aws:PrincipalAccount}:role/ops"), []string{"ObjectsAreInside", "BucketsAskWhatIsWrittenDown"}},
	{11, "", "analyze is excepted from the key by name", both(change("StoragePolicy", "DenyOtherKey", "Principal", nil),
		change("StoragePolicy", "DenyOtherKey", "NotPrincipal", object{"AWS": []any{link{"FunctionsAnalyzeRole", "Arn"}, "arn:aws:iam::" + Account + ":root"}})), []string{"OurKeyOnly", "RefusalsAreForEverybody"}},
}

// Contexts: keys that a request of an assertion does not have.
var contextMutations = []mutation{
	{10, "", "a role is excepted from TLS", demands("StoragePolicy", "DenyWithoutTLS", "ArnNotEquals", "aws:PrincipalArn", roleOf("Legacy")), []string{"TLSForEveryAction", "BucketsAskWhatIsWrittenDown"}},
	{10, "", "addresses of the office are excepted from TLS", demands("StoragePolicy", "DenyWithoutTLS", "NotIpAddress", "aws:SourceIp", "10.0.0.0/8"), []string{"TLSForEveryAction", "BucketsAskWhatIsWrittenDown"}},
	{10, "", "recent TLS is wanted from the year 2099 on", demands("StoragePolicy", "DenyOldTLS", "DateGreaterThanIfExists", "aws:CurrentTime", "2099-01-01T00:00:00Z"), []string{"RecentTLSForEveryAction", "BucketsAskWhatIsWrittenDown"}},
	{11, "", "analyze is excepted from the key in a condition", demands("StoragePolicy", "DenyOtherKey", "ArnNotEquals", "aws:PrincipalArn", link{"FunctionsAnalyzeRole", "Arn"}), []string{"OurKeyOnly", "BucketsAskWhatIsWrittenDown"}},
	{30, "", "who writes an approval only once may", demands("StoragePolicy", "DenyApprovalsByOthers", "Null", "s3:if-none-match", "true"), []string{"ApprovalsAreTheOperators", "BucketsAskWhatIsWrittenDown"}},
	{9, "", "an organization reads objects", beside("StoragePolicy", "DenyWithoutTLS", where(allow("*", "s3:GetObject", below("StorageBucket", "/*")), "StringEquals", "aws:PrincipalOrgID", "o-a1b2c3d4e5")), []string{"BucketPoliciesGiveNothing", "BucketsLetInServicesOnly"}},
	{3, "", "the S3 endpoint leads to an organization's buckets", beside("NetworkS3Endpoint", "UseObjects", where(allow("*", []any{"s3:GetObject", "s3:PutObject"}, "*"), "StringEquals", "aws:ResourceOrgID", "o-a1b2c3d4e5")), []string{"EndpointsAdmitOurResourcesOnly", "EndpointsAskWhatIsWrittenDown"}},
	{3, "", "the S3 endpoint lets objects be given away", beside("NetworkS3Endpoint", "UseObjects", where(allow("*", "s3:PutObject", "*"), "StringEquals", "s3:x-amz-acl", "bucket-owner-full-control")), []string{"EndpointsAdmitOurResourcesOnly", "EndpointsNameOurResources"}},
	{15, "", "submit writes wherever it gives away", beside("FunctionsSubmitRole", "KeepRun", where(permit("s3:PutObject", below("StorageBucket", "/*")), "StringEquals", "s3:x-amz-acl", "bucket-owner-full-control")), []string{"AcceptedIsValidates", "ObjectsByWholePrefixes", "RolesAskWhatIsWrittenDown", "RolesHaveWhatIsWrittenDown"}},
	{28, "", "analyze writes what was accepted in a class of its own", beside("FunctionsAnalyzeRole", "KeepRun", where(permit("s3:PutObject", below("StorageBucket", "/accepted/*")), "StringEquals", "s3:x-amz-storage-class", "GLACIER")), []string{"AcceptedIsValidates", "RolesHaveWhatIsWrittenDown"}},
	{28, "", "analyze writes what was accepted in our account", beside("FunctionsAnalyzeRole", "KeepRun", where(permit("s3:PutObject", below("StorageBucket", "/accepted/*")), "StringEquals", "s3:ResourceAccount", Account)), []string{"AcceptedIsValidates", "RolesAskWhatIsWrittenDown"}},
	{7, "", "everybody decrypts with a context of theirs", beside("Key", "UseThroughS3", where(allow(object{"AWS": "*"}, "kms:Decrypt", "*"), "StringEquals", "kms:EncryptionContext:aws:s3:arn", "arn:aws:s3:::collector")), []string{"KeyIsForNoOtherAccount", "KeyIsGivenToUsOnly", "KeyAsksWhatIsWrittenDown"}},
	{7, "", "the account decrypts without a service in our Region", beside("Key", "UseThroughS3", where(allow(account, []any{"kms:Decrypt", "kms:Encrypt"}, "*"), "StringEquals", "aws:RequestedRegion", "us-east-1")), []string{"KeyIsUsedThroughServicesOnly", "KeyAsksWhatIsWrittenDown"}},
	{32, "", "invoke asks untagged models of our account", beside("FunctionsInvokeRole", "Ask", where(permit("bedrock:InvokeModel", "arn:aws:bedrock:us-east-1:"+Account+":provisioned-model/*"), "StringEquals", "aws:ResourceAccount", Account)), []string{"ModelsHaveTheStacksTag", "RolesAskWhatIsWrittenDown"}},
}

// Patterns: names that are not the ones an assertion asks about.
var patternMutations = []mutation{
	{15, "", "invoke reads all data sets", widen("FunctionsInvokeRole", "ReadRegistry", "Resource", below("StorageBucket", "/*.jsonl")), []string{"ObjectsByWholePrefixes", "RolesHaveWhatIsWrittenDown"}},
	{28, "", "analyze writes accepted data sets", beside("FunctionsAnalyzeRole", "KeepRun", permit("s3:PutObject", below("StorageBucket", "/accepted/*.jsonl"))), []string{"AcceptedIsValidates", "ObjectsByWholePrefixes"}},
	{15, "", "invoke reads a team's accepted data", widen("FunctionsInvokeRole", "ReadRegistry", "Resource", below("StorageBucket", "/accepted/team/*")), []string{"ObjectsByWholePrefixes", "RolesHaveWhatIsWrittenDown"}},
	{12, "", "a folder of outputs is open to outside", widen("StoragePolicy", "DenyObjectsFromOutside", "NotResource", below("StorageBucket", "/outputs/public/*")), []string{"ObjectsAreInside", "BucketPoliciesGoByPrefix"}},
	{32, "", "invoke asks base models of one maker", beside("FunctionsInvokeRole", "Ask", permit("bedrock:InvokeModel", "arn:aws:bedrock:us-east-1::foundation-model/anthropic.*")), []string{"AskersAskTunedModelsOnly", "RolesHaveWhatIsWrittenDown"}},
	{15, "", "validate reads every version", beside("FunctionsValidateRole", "KeepRun", permit("s3:GetObjectVersion", below("StorageBucket", "/*"))), []string{"ObjectsByWholePrefixes", "RolesHaveWhatIsWrittenDown"}},
	{15, "", "invoke lists all of the bucket", change("FunctionsInvokeRole", "SeeWhatIsThere", "Condition", nil), []string{"ObjectsByWholePrefixes", "RolesHaveWhatIsWrittenDown"}},
	{15, "", "the sweep starts jobs", widen("WorkflowSweepRole", "CallSteps", "Resource", link{"FunctionsSubmitFunction", "Arn"}), []string{"RolesHaveWhatIsWrittenDown"}},
	{15, "", "the schedule starts runs", widen("SweepRole", "StartSweep", "Resource", link{"WorkflowMachine", ""}), []string{"RolesHaveWhatIsWrittenDown"}},
	{30, "", "approvals of one model only are the operator's", change("StoragePolicy", "DenyApprovalsByOthers", "Resource", below("StorageBucket", "/approvals/m/*")), []string{"ApprovalsAreTheOperators", "BucketPoliciesGoByPrefix"}},
	{15, "", "analyze writes records of models", beside("FunctionsAnalyzeRole", "KeepRun", permit("s3:PutObject", below("StorageBucket", "/registry/*.json"))), []string{"ObjectsByWholePrefixes", "RolesHaveWhatIsWrittenDown"}},
	{25, "", "lists are answered without TLS", change("InferenceAPI", "DenyWithoutTLS", "Resource", "arn:aws:execute-api:us-east-1:"+Account+":*/live/POST/model/*"), []string{"APIPolicyDecides"}},
}

// Values and operators.
var namedValues = []mutation{
	{32, "", "invoke asks models of stacks with names like ours", change("FunctionsInvokeRole", "Ask", "Condition", object{"StringLike": object{"aws:ResourceTag/tuneline:stack": "tuneline*"}}), []string{"RolesAskWhatIsWrittenDown", "RolesHaveWhatIsWrittenDown"}},
	{32, "", "throughput releases what has our name in capitals", change("FunctionsThroughputRole", "Release", "Condition", object{"StringEqualsIgnoreCase": object{"aws:ResourceTag/tuneline:stack": "tuneline"}}), []string{"RolesAskWhatIsWrittenDown"}},
	{32, "", "throughput releases what production has", widen("FunctionsThroughputRole", "Release", "Condition>StringEquals>aws:ResourceTag/tuneline:stack", "production"), []string{"RolesAskWhatIsWrittenDown", "RolesHaveWhatIsWrittenDown"}},
	{16, "", "submit hands the role to CodeBuild as well", widen("FunctionsSubmitRole", "PassServiceRole", "Condition>StringEquals>iam:PassedToService", "codebuild.amazonaws.com"), []string{"PassRoleIsNarrow", "RolesAskWhatIsWrittenDown"}},
	{7, "", "the key is used through Athena", widen("Key", "UseThroughS3", "Condition>StringEquals>kms:ViaService", "athena.us-east-1.amazonaws.com"), []string{"KeyIsUsedThroughServicesOnly", "KeyAsksWhatIsWrittenDown"}},
	{7, "", "the key is used through S3 of every Region", both(change("Key", "UseThroughS3", "Condition>StringEquals>kms:ViaService", nil), demands("Key", "UseThroughS3", "StringLike", "kms:ViaService", "s3.*.amazonaws.com")), []string{"KeyIsUsedThroughServicesOnly", "KeyAsksWhatIsWrittenDown"}},
	{33, "bearer", "every version of the guardrail is as good", both(change("FunctionsInvokeRole", "Ask", "Condition>StringEquals>bedrock:GuardrailIdentifier", nil), demands("FunctionsInvokeRole", "Ask", "StringLike", "bedrock:GuardrailIdentifier", "arn:aws:bedrock:us-east-1:"+Account+":guardrail/gr1a2b3c4d5e*")), []string{"GuardrailCannotBeLeftOut", "RolesAskWhatIsWrittenDown"}},
	{11, "", "a second key is as good", widen("StoragePolicy", "DenyOtherKey", "Condition>StringNotEquals>s3:x-amz-server-side-encryption-aws-kms-key-id", "arn:aws:kms:us-east-1:"+Account+":key/11111111-2222-3333-4444-555555555555"), []string{"OurKeyOnly", "BucketsAskWhatIsWrittenDown"}},
}
