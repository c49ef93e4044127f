package main

import (
	"strings"
	"testing"
)

// dataBucket and accessLog are the two buckets.
func dataBucket(t *testing.T, tm *template) resource {
	t.Helper()
	return tm.find(t, "StorageBucket", "AWS::S3::Bucket")
}

// TestNothingIsLost: what holds data or makes it readable outlives the stack,
// and so does what the account shares; but a first deployment that fails leaves
// nothing.
func TestNothingIsLost(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		for _, kind := range []string{"AWS::KMS::Key", "AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::ApiGateway::Account"} {
			for _, r := range tm.ofType(kind) {
				checkRetained(t, r)
			}
		}
		for _, r := range tm.ofType("AWS::IAM::Role") {
			if strings.HasPrefix(r.id, "InferenceLogRole") {
				checkRetained(t, r)
			} else if r.DeletionPolicy != "" {
				t.Errorf("%s: got %s, want a role to go with the stack", r.id, r.DeletionPolicy)
			}
		}
	})
}

func checkRetained(t *testing.T, r resource) {
	t.Helper()
	if r.DeletionPolicy != "RetainExceptOnCreate" || r.UpdateReplacePolicy != "Retain" {
		t.Errorf("%s: got %s and %s, want RetainExceptOnCreate and Retain", r.id, r.DeletionPolicy, r.UpdateReplacePolicy)
	}
}

func TestBuckets(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		buckets, want := tm.ofType("AWS::S3::Bucket"), 2
		if v.config().Trail.Enabled {
			want = 3
		}
		if len(buckets) != want {
			t.Fatalf("got %d buckets, want %d", len(buckets), want)
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
		equal(t, "accepted copies", rulesOf(data)["ForgetAcceptedCopies"], object{
			"Id": "ForgetAcceptedCopies", "Status": "Enabled", "Prefix": "accepted/",
			"ExpirationInDays": 180, "NoncurrentVersionExpiration": object{"NoncurrentDays": 1},
		})
		for id, rule := range rulesOf(data) {
			if get(rule, "ExpirationInDays") != nil && get(rule, "Prefix") != "accepted/" {
				t.Errorf("%s lets current objects expire below %v, which may be people's", id, get(rule, "Prefix"))
			}
		}
		equal(t, "old versions", get(rulesOf(data)["ForgetOldVersions"], "NoncurrentVersionExpiration", "NoncurrentDays"), 180)
		equal(t, "events", get(data.Properties, "NotificationConfiguration"), object{"EventBridgeConfiguration": object{"EventBridgeEnabled": true}})
		equal(t, "access log", get(data.Properties, "LoggingConfiguration", "DestinationBucketName"), tm.find(t, "StorageAccessLog", "AWS::S3::Bucket").ref(""))
	})
}

// rulesOf are the lifecycle rules of a bucket, by their ids.
func rulesOf(bucket resource) map[string]any {
	byID := map[string]any{}
	rules, _ := get(bucket.Properties, "LifecycleConfiguration", "Rules").([]any)
	for _, rule := range rules {
		id, _ := get(rule, "Id").(string)
		byID[id] = rule
	}
	return byID
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
		context[more[i]] = more[i+1] //nolint:gosec // keys and values come in pairs
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

// TestUploadDecisions asks the bucket policy about the prefixes people upload to.
func TestUploadDecisions(t *testing.T) {
	w := sendersOf(t, synthesize(t, standard))
	w.check(t, []decision{
		{"upload", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", w.from(someone), ""},
		{"upload of validation data", "s3:PutObject", "/validation-datasets/m/validation.jsonl", w.from(someone), ""},
		{"upload of an image", "s3:PutObject", "/media/m/cat.png", w.from(someone), ""},
		{"upload of a large video", "s3:ListMultipartUploadParts", "/media/m/cat.mp4", w.from(someone), ""},
		{"upload of an image without TLS", "s3:PutObject", "/media/m/cat.png", w.from(someone, "aws:SecureTransport", "false"), "DenyWithoutTLS"},
		{"upload of an image with AES256", "s3:PutObject", "/media/m/cat.png", w.from(someone, sse, "AES256"), "DenyOtherEncryption"},
		{"upload of an image with another key", "s3:PutObject", "/media/m/cat.png", w.from(someone, sse, "aws:kms", sseKey, "arn:other"), "DenyOtherKey"},
		{"reading an image", "s3:GetObject", "/media/m/cat.png", w.from(someone), "DenyUploadedObjectsFromOutside"},
		{"deleting an image", "s3:DeleteObject", "/media/m/cat.png", w.from(someone), "DenyUploadedObjectsFromOutside"},
		{"the service role reads an image", "s3:GetObject", "/media/m/cat.png", w.inside(w.service), ""},
		{"the service role reads an image from outside", "s3:GetObject", "/media/m/cat.png", w.from(w.service), "DenyUploadedObjectsFromOutside"},
		{"the operator reads an image", "s3:GetObject", "/media/m/cat.png", w.from(w.operator), ""},
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

// TestApprovalDecisions: one role writes what lets a run spend, from wherever,
// and nobody else, not even from inside the VPC; what was said stays. Reading is
// as elsewhere.
func TestApprovalDecisions(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		w := sendersOf(t, tm)
		const object, others = "/approvals/0123456789abcdef-serving.json", "DenyApprovalsByOthers"
		throughput := tm.find(t, "FunctionsThroughputRole", "AWS::IAM::Role").ref("Arn")
		w.check(t, []decision{
			{"the operator approves", "s3:PutObject", object, w.from(w.operator), ""},
			{"the operator reads", "s3:GetObject", object, w.from(w.operator), ""},
			{"throughput reads", "s3:GetObject", object, w.inside(throughput), ""},
			{"throughput writes", "s3:PutObject", object, w.inside(throughput), others},
			{"the service role writes", "s3:PutObject", object, w.inside(w.service), others},
			{"somebody inside writes", "s3:PutObject", object, w.inside(someone), others},
			{"somebody inside deletes", "s3:DeleteObject", object, w.inside(someone), others},
			{"somebody inside deletes a version", "s3:DeleteObjectVersion", object, w.inside(someone), others},
			{"somebody inside sets a retention", "s3:PutObjectRetention", object, w.inside(someone), others},
			{"somebody outside writes", "s3:PutObject", object, w.from(someone), "DenyObjectsFromOutside"},
			{"somebody outside reads", "s3:GetObject", object, w.from(someone), "DenyObjectsFromOutside"},
			{"an AWS service without a role", "s3:PutObject", object, map[string]string{"aws:SecureTransport": "true", "s3:TlsVersion": "1.3", "aws:SourceVpce": w.endpoint}, others},
		})
	})
}

// TestWhoMayApprove: of all that the stack allows, the operator's policy alone
// allows to write an approval, and it does not allow to delete one; beside it only
// throughput may read one.
func TestWhoMayApprove(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		object := dataBucket(t, tm).ref("Arn") + "/approvals/0123456789abcdef-serving.json"
		may := map[string][]string{}
		for _, s := range tm.allStatements() {
			for _, action := range []string{"s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObject", "s3:DeleteObjectVersion"} {
				if s.identity && s.allows() && anyLike(s.actions(), action) && anyLike(s.resources(), object) {
					may[action] = append(may[action], s.sid())
				}
			}
		}
		equal(t, "statements that reach an approval", may, map[string][]string{
			"s3:PutObject": {"Approve"}, "s3:GetObject": {"Read", "ReadApprovals"}, "s3:GetObjectVersion": {"Read"},
		})
	})
}

// TestSealedDecisions: with uploadsFromVpcOnly, an upload comes through the
// endpoint or is the operator's.
func TestSealedDecisions(t *testing.T) {
	w := sendersOf(t, synthesize(t, sealed))
	const upload, validation = "/fine-tuning-datasets/m/a.jsonl", "/validation-datasets/m/validation.jsonl"
	w.check(t, []decision{
		{"upload from outside", "s3:PutObject", upload, w.from(someone), "DenyObjectsFromOutside"},
		{"upload of validation data from outside", "s3:PutObject", validation, w.from(someone), "DenyObjectsFromOutside"},
		{"upload of an image from outside", "s3:PutObject", "/media/m/cat.png", w.from(someone), "DenyObjectsFromOutside"},
		{"upload of an image from inside", "s3:PutObject", "/media/m/cat.png", w.inside(someone), ""},
		{"upload of a large file from outside", "s3:AbortMultipartUpload", upload, w.from(someone), "DenyObjectsFromOutside"},
		{"upload through another endpoint", "s3:PutObject", upload, w.from(someone, "aws:SourceVpce", "vpce-other"), "DenyObjectsFromOutside"},
		{"upload from inside", "s3:PutObject", upload, w.inside(someone), ""},
		{"upload by the operator", "s3:PutObject", upload, w.from(w.operator), ""},
		{"reading an upload from outside", "s3:GetObject", upload, w.from(someone), "DenyObjectsFromOutside"},
		{"reading an upload from inside", "s3:GetObjectVersion", upload, w.inside(someone), ""},
		{"listing from outside", "s3:ListBucket", "", w.from(someone), "DenyListsFromOutside"},
		{"upload from inside without TLS", "s3:PutObject", upload, w.inside(someone, "aws:SecureTransport", "false"), "DenyWithoutTLS"},
		{"configuration is left to IAM", "s3:PutBucketPolicy", "", w.from(someone), ""},
	})
}

// TestBucketDecisionsOfConfiguration: what uploaders and exemptServiceRole change.
func TestBucketDecisionsOfConfiguration(t *testing.T) {
	tm := synthesize(t, strict)
	w := sendersOf(t, tm)
	policy, bucket := w.policy, w.bucket
	inside := request{"s3:PutObject", bucket + "/fine-tuning-datasets/m/a.jsonl", w.inside(someone)}
	if got, _ := denied(t, policy, inside); got != "DenyUploadsByOthers" {
		t.Errorf("somebody else from inside: got denied by %q", got)
	}
	for _, test := range []struct {
		name, action, key, principal string
		want                         string
	}{
		{"a named uploader", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", "arn:aws:iam::111122223333:role/team", ""},
		{"the uploader role", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", tm.find(t, "AccessUploader", "AWS::IAM::Role").ref("Arn"), ""},
		{"somebody else", "s3:PutObject", "/fine-tuning-datasets/m/a.jsonl", "arn:aws:iam::111122223333:role/other", "DenyUploadsByOthers"},
		{"somebody else's image", "s3:PutObject", "/media/m/cat.png", "arn:aws:iam::111122223333:role/other", "DenyUploadsByOthers"},
		{"a named uploader's image", "s3:PutObject", "/media/m/cat.png", "arn:aws:iam::111122223333:role/team", ""},
		{"the exempt service role with an image", "s3:GetObject", "/media/m/cat.png", tm.find(t, "CustomizationRole", "AWS::IAM::Role").ref("Arn"), ""},
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
