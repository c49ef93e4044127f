package main

import (
	"maps"
	"strings"
	"testing"
)

// dataBucket and accessLog are the two buckets.
func dataBucket(t *testing.T, tm *template) resource {
	t.Helper()
	return tm.find(t, "StorageBucket", "AWS::S3::Bucket")
}

func keyOf(t *testing.T, tm *template) resource {
	t.Helper()
	return tm.find(t, "Key", "AWS::KMS::Key")
}

func TestKey(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		keys := tm.ofType("AWS::KMS::Key")
		if len(keys) != 1 {
			t.Fatalf("got %d keys, want 1", len(keys))
		}
		for property, want := range map[string]any{
			"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "EnableKeyRotation": true, "PendingWindowInDays": 30,
		} {
			equal(t, property, keys[0].Properties[property], want)
		}
	})
}

// TestKeyPolicy asks the key policy what it lets the account's principals do,
// if their own policies allow everything.
func TestKeyPolicy(t *testing.T) {
	tm := synthesize(t, standard)
	statements := statementsOf("key", false, keyOf(t, tm).Properties["KeyPolicy"])
	role := func(room string) string { return "arn:aws:iam::${AWS::AccountId}:role/tuneline/" + room + "/x" }
	const human = "arn:aws:iam::${AWS::AccountId}:role/Admin"
	via := func(principal, service string, more ...string) map[string]string {
		context := map[string]string{
			"aws:PrincipalArn": principal, "kms:CallerAccount": "${AWS::AccountId}", "kms:ViaService": service + ".us-east-1.amazonaws.com",
		}
		for i := 0; i < len(more); i += 2 {
			context[more[i]] = more[i+1]
		}
		return context
	}
	direct := func(principal string) map[string]string {
		return map[string]string{"aws:PrincipalArn": principal, "kms:CallerAccount": "${AWS::AccountId}"}
	}
	for _, test := range []struct {
		name    string
		action  string
		context map[string]string
		want    bool
	}{
		{"an administrator sets the policy", "kms:PutKeyPolicy", direct(human), true},
		{"an administrator cannot decrypt", "kms:Decrypt", direct(human), false},
		{"a function cannot administer", "kms:PutKeyPolicy", direct(role("function")), false},
		{"the service role cannot administer", "kms:ScheduleKeyDeletion", direct(role("customization")), false},
		{"an operator cannot administer", "kms:ScheduleKeyDeletion", direct(role("people")), false},
		{"a function describes", "kms:DescribeKey", direct(role("function")), true},
		{"a function cannot decrypt by itself", "kms:Decrypt", direct(role("function")), false},
		{"a function decrypts through S3", "kms:Decrypt", via(role("function"), "s3"), true},
		{"somebody uploads", "kms:GenerateDataKey", via(human, "s3"), true},
		{"nobody encrypts otherwise through S3", "kms:Encrypt", via(human, "s3"), false},
		{"another account uploads", "kms:GenerateDataKey", map[string]string{"aws:PrincipalArn": human, "kms:CallerAccount": "other", "kms:ViaService": "s3.us-east-1.amazonaws.com"}, false},
		{"a function encrypts a model", "kms:GenerateDataKey", via(role("function"), "bedrock"), true},
		{"the service role encrypts a model", "kms:GenerateDataKey", via(role("customization"), "bedrock"), true},
		{"a person does not", "kms:GenerateDataKey", via(human, "bedrock"), false},
		{"Bedrock makes its grant", "kms:CreateGrant", via(role("function"), "bedrock", "kms:GrantIsForAWSResource", "true"), true},
		{"a grant for somebody else", "kms:CreateGrant", via(role("function"), "bedrock", "kms:GrantIsForAWSResource", "false"), false},
		{"a grant through S3", "kms:CreateGrant", via(role("function"), "s3", "kms:GrantIsForAWSResource", "true"), false},
		{"a grant by itself", "kms:CreateGrant", direct(role("function")), false},
		{"an undelivered event is read", "kms:Decrypt", via(human, "sqs"), true},
		{"through another region's S3", "kms:Decrypt", map[string]string{"aws:PrincipalArn": human, "kms:CallerAccount": "${AWS::AccountId}", "kms:ViaService": "s3.us-west-2.amazonaws.com"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var mine []statement
			for _, s := range statements {
				if get(s.object, "Principal", "AWS") != nil {
					mine = append(mine, s)
				}
			}
			if got := allowed(t, mine, request{test.action, "*", test.context}); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// TestNothingIsLost: what holds data or makes it readable outlives the stack.
func TestNothingIsLost(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		for _, kind := range []string{"AWS::KMS::Key", "AWS::S3::Bucket", "AWS::S3::BucketPolicy"} {
			for _, r := range tm.ofType(kind) {
				if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
					t.Errorf("%s: got %s and %s, want Retain for both", r.id, r.DeletionPolicy, r.UpdateReplacePolicy)
				}
			}
		}
	})
}

func TestBuckets(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		buckets := tm.ofType("AWS::S3::Bucket")
		if len(buckets) != 2 {
			t.Fatalf("got %d buckets, want 2", len(buckets))
		}
		for _, b := range buckets {
			equal(t, b.id+" public access", b.Properties["PublicAccessBlockConfiguration"], object{
				"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
			})
			equal(t, b.id+" ownership", get(b.Properties, "OwnershipControls", "Rules", 0, "ObjectOwnership"), "BucketOwnerEnforced")
			equal(t, b.id+" versioning", get(b.Properties, "VersioningConfiguration", "Status"), "Enabled")
			if b.Properties["BucketName"] != nil {
				t.Errorf("%s has a name of its own, which stands in the way of a second stack", b.id)
			}
			if !abortsUploads(b) {
				t.Errorf("%s keeps parts of abandoned uploads", b.id)
			}
		}
		data := dataBucket(t, tm)
		equal(t, "encryption", get(data.Properties, "BucketEncryption", "ServerSideEncryptionConfiguration"), []any{object{
			"BucketKeyEnabled":              true,
			"ServerSideEncryptionByDefault": object{"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": keyOf(t, tm).ref("Arn")},
		}})
		equal(t, "events", get(data.Properties, "NotificationConfiguration"), object{"EventBridgeConfiguration": object{"EventBridgeEnabled": true}})
		equal(t, "access log", get(data.Properties, "LoggingConfiguration", "DestinationBucketName"), tm.find(t, "StorageAccessLog", "AWS::S3::Bucket").ref(""))
	})
}

func abortsUploads(bucket resource) bool {
	rules, _ := get(bucket.Properties, "LifecycleConfiguration", "Rules").([]any)
	for _, rule := range rules {
		if get(rule, "AbortIncompleteMultipartUpload", "DaysAfterInitiation") != nil && get(rule, "Prefix") == nil && get(rule, "Status") == "Enabled" {
			return true
		}
	}
	return false
}

// TestBucketPolicyOnlyDenies: the policy gives nobody anything, whoever it is.
func TestBucketPolicyOnlyDenies(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		for _, s := range bucketPolicy(t, tm) {
			if s.allows() || s.object["Principal"] != "*" {
				t.Errorf("%s: got %v for %v, want Deny for *", s, s.object["Effect"], s.object["Principal"])
			}
		}
	})
}

func bucketPolicy(t *testing.T, tm *template) []statement {
	t.Helper()
	return statementsOf("bucket", false, tm.find(t, "StoragePolicy", "AWS::S3::BucketPolicy").Properties["PolicyDocument"])
}

// senders are those whose requests the bucket policy is asked about.
type senders struct {
	policy                                   []statement
	bucket, endpoint, operator, service, key string
}

// someone is a principal of the account whom IAM allows everything.
const someone = "arn:aws:iam::${AWS::AccountId}:role/Someone"

// What a request may say about encryption.
const (
	sse    = "s3:x-amz-server-side-encryption"
	sseKey = "s3:x-amz-server-side-encryption-aws-kms-key-id"
	sseC   = "s3:x-amz-server-side-encryption-customer-algorithm"
)

func sendersOf(t *testing.T, tm *template) senders {
	t.Helper()
	return senders{
		policy:   bucketPolicy(t, tm),
		bucket:   dataBucket(t, tm).ref("Arn"),
		endpoint: tm.find(t, "NetworkS3Endpoint", "AWS::EC2::VPCEndpoint").ref(""),
		operator: tm.find(t, "AccessOperator", "AWS::IAM::Role").ref("Arn"),
		service:  tm.find(t, "CustomizationRole", "AWS::IAM::Role").ref("Arn"),
		key:      keyOf(t, tm).ref("Arn"),
	}
}

// from is the context of a request over TLS 1.3, from anywhere; more holds
// further keys and values.
func (w senders) from(principal string, more ...string) map[string]string {
	context := map[string]string{"aws:PrincipalArn": principal, "aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
	for i := 0; i < len(more); i += 2 {
		context[more[i]] = more[i+1]
	}
	return context
}

// inside is one that comes through the endpoint.
func (w senders) inside(principal string, more ...string) map[string]string {
	return w.from(principal, append(more, "aws:SourceVpce", w.endpoint)...)
}

// decision is a request, and the Sid of the statement that denies it, or "".
type decision struct {
	name, action, object string
	context              map[string]string
	want                 string
}

func (w senders) check(t *testing.T, decisions []decision) {
	t.Helper()
	for _, d := range decisions {
		t.Run(d.name, func(t *testing.T) {
			if got, _ := denied(t, w.policy, request{d.action, w.bucket + d.object, d.context}); got != d.want {
				t.Errorf("got denied by %q, want %q", got, d.want)
			}
		})
	}
}

// TestUploadDecisions asks the bucket policy about the two prefixes people
// upload to.
func TestUploadDecisions(t *testing.T) {
	w := sendersOf(t, synthesize(t, standard))
	w.check(t, []decision{
		{"upload", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", w.from(someone), ""},
		{"upload of validation data", "s3:PutObject", "/validation-datasets/m/validation.jsonl", w.from(someone), ""},
		{"upload of a large file", "s3:AbortMultipartUpload", "/fine-tuning-datasets/m/a.jsonl", w.from(someone), ""},
		{"upload without TLS", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", w.from(someone, "aws:SecureTransport", "false"), "DenyWithoutTLS"},
		{"upload with TLS 1.1", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", w.from(someone, "s3:TlsVersion", "1.1"), "DenyOldTLS"},
		{"configuration without TLS", "s3:PutBucketPolicy", "", w.from(someone, "aws:SecureTransport", "false"), "DenyWithoutTLS"},
		{"upload with AES256", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", w.from(someone, sse, "AES256"), "DenyOtherEncryption"},
		{"upload with our key", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", w.from(someone, sse, "aws:kms", sseKey, w.key), ""},
		{"upload with another key", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", w.from(someone, sse, "aws:kms", sseKey, "arn:other"), "DenyOtherKey"},
		{"upload with AWS's key", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", w.from(someone, sse, "aws:kms"), "DenyUnnamedKey"},
		{"upload with a key of the caller", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", w.from(someone, sseC, "AES256"), "DenyCustomerProvidedKey"},
		{"reading an upload", "s3:GetObject", "/fine-tuning-datasets/m/a.jsonl", w.from(someone), "DenyUploadedObjectsFromOutside"},
		{"reading a version of an upload", "s3:GetObjectVersion", "/fine-tuning-datasets/m/a.jsonl", w.from(someone), "DenyUploadedObjectsFromOutside"},
		{"deleting an upload", "s3:DeleteObject", "/fine-tuning-datasets/m/a.jsonl", w.from(someone), "DenyUploadedObjectsFromOutside"},
		{"tagging an upload", "s3:PutObjectTagging", "/validation-datasets/m/a.jsonl", w.from(someone), "DenyUploadedObjectsFromOutside"},
		{"a function reads", "s3:GetObjectVersion", "/fine-tuning-datasets/m/a.jsonl", w.inside(someone), ""},
	})
}

// TestInsideDecisions asks the bucket policy about everything else.
func TestInsideDecisions(t *testing.T) {
	w := sendersOf(t, synthesize(t, standard))
	w.check(t, []decision{
		{"reading what was accepted", "s3:GetObject", "/accepted/r/train.jsonl", w.from(someone), "DenyObjectsFromOutside"},
		{"reading a version of it", "s3:GetObjectVersion", "/accepted/r/train.jsonl", w.from(someone), "DenyObjectsFromOutside"},
		{"writing it", "s3:PutObject", "/accepted/r/train.jsonl", w.from(someone), "DenyObjectsFromOutside"},
		{"writing the registry", "s3:PutObject", "/registry/m.json", w.from(someone), "DenyObjectsFromOutside"},
		{"writing beside the prefixes", "s3:PutObject", "/x", w.from(someone), "DenyObjectsFromOutside"},
		{"an action of the future", "s3:UpdateObjectSomehow", "/outputs/x", w.from(someone), "DenyObjectsFromOutside"},
		{"listing", "s3:ListBucket", "", w.from(someone), "DenyListsFromOutside"},
		{"listing versions", "s3:ListBucketVersions", "", w.from(someone), "DenyListsFromOutside"},
		{"another endpoint", "s3:GetObject", "/accepted/r/train.jsonl", w.from(someone, "aws:SourceVpce", "vpce-other"), "DenyObjectsFromOutside"},
		{"configuration is left to IAM", "s3:PutBucketPolicy", "", w.from(someone), ""},
		{"a function writes", "s3:PutObject", "/accepted/r/train.jsonl", w.inside(someone), ""},
		{"a function writes with AES256", "s3:PutObject", "/accepted/r/train.jsonl", w.inside(someone, sse, "AES256"), "DenyOtherEncryption"},
		{"the operator reads", "s3:GetObject", "/reports/r/run.json", w.from(w.operator), ""},
		{"the operator lists versions", "s3:ListBucketVersions", "", w.from(w.operator), ""},
		{"the service role inside", "s3:GetObject", "/accepted/r/train.jsonl", w.inside(w.service), ""},
		{"the service role outside", "s3:GetObject", "/accepted/r/train.jsonl", w.from(w.service), "DenyObjectsFromOutside"},
		{"an AWS service without a role", "s3:GetObject", "/accepted/r/train.jsonl", map[string]string{"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}, "DenyObjectsFromOutside"},
	})
}

// TestBucketDecisionsOfConfiguration: what uploaders and exemptServiceRole change.
func TestBucketDecisionsOfConfiguration(t *testing.T) {
	tm := synthesize(t, strict)
	policy, bucket := bucketPolicy(t, tm), dataBucket(t, tm).ref("Arn")
	for _, test := range []struct {
		name, action, key, principal string
		want                         string
	}{
		{"a named uploader", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", "arn:aws:iam::111122223333:role/team", ""},
		{"the uploader role", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", tm.find(t, "AccessUploader", "AWS::IAM::Role").ref("Arn"), ""},
		{"somebody else", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", "arn:aws:iam::111122223333:role/other", "DenyUploadsByOthers"},
		{"the exempt service role", "s3:GetObject", "/accepted/r/train.jsonl", tm.find(t, "CustomizationRole", "AWS::IAM::Role").ref("Arn"), ""},
		{"a named uploader reads", "s3:GetObject", "/accepted/r/train.jsonl", "arn:aws:iam::111122223333:role/team", "DenyObjectsFromOutside"},
	} {
		t.Run(test.name, func(t *testing.T) {
			context := map[string]string{"aws:PrincipalArn": test.principal, "aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
			if got, _ := denied(t, policy, request{test.action, bucket + test.key, context}); got != test.want {
				t.Errorf("got denied by %q, want %q", got, test.want)
			}
		})
	}
}

// TestServiceRole holds every statement of the role Bedrock assumes: AWS
// documents them, and nothing else notices one that is missing.
func TestServiceRole(t *testing.T) {
	tm := synthesize(t, standard)
	bucket, key := dataBucket(t, tm).ref("Arn"), keyOf(t, tm).ref("Arn")
	const interfaces = "arn:aws:ec2:us-east-1:${AWS::AccountId}:network-interface/*"
	const jobs = "arn:aws:bedrock:us-east-1:${AWS::AccountId}:model-customization-job/*"
	var subnets []any
	for _, s := range tm.ofType("AWS::EC2::Subnet") {
		subnets = append(subnets, "arn:aws:ec2:us-east-1:${AWS::AccountId}:subnet/"+s.ref("SubnetId"))
	}
	group := "arn:aws:ec2:us-east-1:${AWS::AccountId}:security-group/" + tm.find(t, "NetworkJobGroup", "AWS::EC2::SecurityGroup").ref("GroupId")
	want := map[string]object{
		"ReadAccepted": {"Action": "s3:GetObject", "Resource": bucket + "/accepted/*"},
		"WriteOutputs": {"Action": []any{"s3:GetObject", "s3:PutObject"}, "Resource": bucket + "/outputs/*"},
		"ListBoth": {"Action": "s3:ListBucket", "Resource": bucket, "Condition": object{
			"StringLike": object{"s3:prefix": []any{"accepted/*", "outputs/*"}},
		}},
		"LookAtNetwork": {"Resource": "*", "Action": []any{
			"ec2:DescribeNetworkInterfaces", "ec2:DescribeVpcs", "ec2:DescribeDhcpOptions", "ec2:DescribeSubnets", "ec2:DescribeSecurityGroups",
		}},
		"CreateTaggedInterfaces": {"Action": "ec2:CreateNetworkInterface", "Resource": interfaces, "Condition": object{
			"StringEquals": object{"aws:RequestTag/BedrockManaged": "true"},
			"ArnEquals":    object{"aws:RequestTag/BedrockModelCustomizationJobArn": jobs},
		}},
		"CreateInterfacesHere": {"Action": "ec2:CreateNetworkInterface", "Resource": append(append([]any{}, subnets...), group)},
		"UseTaggedInterfaces": {
			"Action":   []any{"ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"},
			"Resource": "*",
			"Condition": object{
				"ArnEquals":    object{"ec2:Subnet": subnets, "ec2:ResourceTag/BedrockModelCustomizationJobArn": jobs},
				"StringEquals": object{"ec2:ResourceTag/BedrockManaged": "true"},
			},
		},
		"TagNewInterfaces": {"Action": "ec2:CreateTags", "Resource": interfaces, "Condition": object{
			"StringEquals":              object{"ec2:CreateAction": "CreateNetworkInterface"},
			"ForAllValues:StringEquals": object{"aws:TagKeys": []any{"BedrockManaged", "BedrockModelCustomizationJobArn"}},
		}},
		"UseObjects": {"Action": []any{"kms:Decrypt", "kms:GenerateDataKey"}, "Resource": key, "Condition": object{
			"StringEquals": object{"kms:ViaService": "s3.us-east-1.amazonaws.com"},
		}},
		"EncryptModel": {"Action": []any{"kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"}, "Resource": key, "Condition": object{
			"StringEquals": object{"kms:ViaService": "bedrock.us-east-1.amazonaws.com"},
		}},
		"KeepModelReadable": {"Action": "kms:CreateGrant", "Resource": key, "Condition": object{
			"StringEquals": object{"kms:ViaService": "bedrock.us-east-1.amazonaws.com"},
			"Bool":         object{"kms:GrantIsForAWSResource": "true"},
		}},
	}
	got := map[string]object{}
	for _, s := range tm.permissions(t, "CustomizationRole") {
		o := maps.Clone(s.object)
		delete(o, "Sid")
		delete(o, "Effect")
		got[s.sid()] = o
	}
	equal(t, "statements", got, want)
}

// TestEverythingIsEncrypted: whatever keeps something names the key. The one
// exception is the bucket of the access log, which S3 cannot deliver to
// otherwise.
func TestEverythingIsEncrypted(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		key := keyOf(t, tm).ref("Arn")
		where := map[string][]any{
			"AWS::Logs::LogGroup":              {"KmsKeyId"},
			"AWS::SQS::Queue":                  {"KmsMasterKeyId"},
			"AWS::SNS::Topic":                  {"KmsMasterKeyId"},
			"AWS::StepFunctions::StateMachine": {"EncryptionConfiguration", "KmsKeyId"},
			"AWS::S3::Bucket":                  {"BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "KMSMasterKeyID"},
		}
		for kind, path := range where {
			found := tm.ofType(kind)
			if len(found) == 0 {
				t.Errorf("no %s found", kind)
			}
			for _, r := range found {
				if strings.HasPrefix(r.id, "StorageAccessLog") {
					equal(t, r.id, get(r.Properties, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault"), object{"SSEAlgorithm": "AES256"})
					continue
				}
				equal(t, r.id, get(r.Properties, path...), key)
			}
		}
	})
}
