package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/internal/finetune"
)

// ProtectProps is who may reach the objects, beside those who come through the
// endpoint.
type ProtectProps struct {
	Key *Key
	// Endpoint is the VPC's way to S3.
	Endpoint awsec2.CfnVPCEndpoint
	// Exempt are roles that may come from anywhere.
	Exempt []awsiam.CfnRole
	// Approver is the one role that may approve spending.
	Approver awsiam.CfnRole
	// Uploaders narrows who may upload; none leaves it to IAM.
	Uploaders []string
	// UploadsInside keeps uploads inside as well.
	UploadsInside bool
}

// UserPrefixes are where people put objects, from outside the VPC as well.
var UserPrefixes = []string{finetune.PrefixDatasets, finetune.PrefixValidation, finetune.PrefixMedia}

// Protect writes the bucket policies. Every statement denies, so that none of
// them gives anybody anything: what is not denied here is for IAM to allow.
//
// The actions that are denied are those on objects, all of them, versions
// included, and the three that list. Those on the bucket's configuration are
// not: a mistake here must leave the account able to put it right.
//
// The policies outlive the stack with their buckets: a bucket without its policy
// would be open to whatever IAM allows, without TLS, and from anywhere. The price
// is that the endpoint and the operator role it lets in are gone then. Whoever
// wants to read what was left deletes the policy first, as the stack's outputs
// say; IAM and the key policy guard what is there after that.
func (b *Bucket) Protect(props ProtectProps) {
	protectAccessLog(b)
	statements := []policy.Statement{
		overTLS(b.ARN()),
		overRecentTLS(b.ARN()),
		b.withKMS(),
		b.withOurKey(props.Key),
		b.withNamedKey(),
		b.withoutCustomerKey(),
		b.objectsInside(props),
		b.listsInside(props),
		b.approvalsByApprover(props),
	}
	if !props.UploadsInside {
		statements = append(statements, b.uploadsInside(props))
	}
	if len(props.Uploaders) > 0 {
		statements = append(statements, b.uploadsByUploaders(props))
	}
	b.Policy = awss3.NewCfnBucketPolicy(b.Scope, jsii.String("Policy"), &awss3.CfnBucketPolicyProps{
		Bucket:         b.Resource.Ref(),
		PolicyDocument: policy.Document(statements...),
	})
	policy.Retain(b.Policy)
}

// overTLS and overRecentTLS are for every action there is.
func overTLS(bucketARN string) policy.Statement {
	return policy.Statement{
		Sid: "DenyWithoutTLS", Deny: true, Principals: policy.Anyone,
		Actions: []string{"s3:*"}, Resources: []string{bucketARN, bucketARN + "/*"},
		Conditions: policy.Conditions{"Bool": {"aws:SecureTransport": "false"}},
	}
}

func overRecentTLS(bucketARN string) policy.Statement {
	return policy.Statement{
		Sid: "DenyOldTLS", Deny: true, Principals: policy.Anyone,
		Actions: []string{"s3:*"}, Resources: []string{bucketARN, bucketARN + "/*"},
		Conditions: policy.Conditions{"NumericLessThan": {"s3:TlsVersion": "1.2"}},
	}
}

// The four statements on encryption read "if the request says anything, it must
// say this": a request that says nothing gets the bucket's default, which is
// the stack's key. Bedrock's own writes are expected to say nothing.
func (b *Bucket) withKMS() policy.Statement {
	return b.denyWrites("DenyOtherEncryption", policy.Conditions{
		"Null":            {"s3:x-amz-server-side-encryption": "false"},
		"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"},
	})
}

func (b *Bucket) withOurKey(key *Key) policy.Statement {
	return b.denyWrites("DenyOtherKey", policy.Conditions{
		"Null":            {"s3:x-amz-server-side-encryption-aws-kms-key-id": "false"},
		"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key.ARN()},
	})
}

// withNamedKey closes a gap between the two: "aws:kms" without a key means
// AWS's own key for S3, not the bucket's default
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html).
func (b *Bucket) withNamedKey() policy.Statement {
	return b.denyWrites("DenyUnnamedKey", policy.Conditions{"Null": {
		"s3:x-amz-server-side-encryption":                "false",
		"s3:x-amz-server-side-encryption-aws-kms-key-id": "true",
	}})
}

func (b *Bucket) withoutCustomerKey() policy.Statement {
	return b.denyWrites("DenyCustomerProvidedKey", policy.Conditions{
		"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"},
	})
}

// encrypting are the actions that say how an object is encrypted: S3's replication
// and the change of an existing object's encryption say it in the same words as a
// write. Nothing of the pipeline does either, and IAM alone should not decide that.
var encrypting = []string{"s3:PutObject", "s3:ReplicateObject", "s3:UpdateObjectEncryption"}

func (b *Bucket) denyWrites(sid string, conditions policy.Conditions) policy.Statement {
	return policy.Statement{
		Sid: sid, Deny: true, Principals: policy.Anyone,
		Actions: encrypting, Resources: b.Objects(""), Conditions: conditions,
	}
}

// objectsInside keeps every action on every object inside, but for the two
// prefixes people upload to from outside.
func (b *Bucket) objectsInside(props ProtectProps) policy.Statement {
	elsewhere := []string{b.ARN()}
	if !props.UploadsInside {
		elsewhere = append(elsewhere, b.Objects(UserPrefixes...)...)
	}
	return policy.Statement{
		Sid: "DenyObjectsFromOutside", Deny: true, Principals: policy.Anyone,
		Actions:      []string{"s3:*"},
		NotResources: elsewhere,
		Conditions:   fromOutside(props),
	}
}

// uploadsInside keeps everything but the upload itself inside there as well.
func (b *Bucket) uploadsInside(props ProtectProps) policy.Statement {
	return policy.Statement{
		Sid: "DenyUploadedObjectsFromOutside", Deny: true, Principals: policy.Anyone,
		NotActions: []string{"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"},
		Resources:  b.Objects(UserPrefixes...),
		Conditions: fromOutside(props),
	}
}

func (b *Bucket) listsInside(props ProtectProps) policy.Statement {
	return policy.Statement{
		Sid: "DenyListsFromOutside", Deny: true, Principals: policy.Anyone,
		Actions:    []string{"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"},
		Resources:  []string{b.ARN()},
		Conditions: fromOutside(props),
	}
}

// uploadsByUploaders narrows the uploads to those who are named, wherever they
// come from: nothing of the pipeline writes to these prefixes.
func (b *Bucket) uploadsByUploaders(props ProtectProps) policy.Statement {
	named := append(exemptARNs(props), props.Uploaders...)
	return policy.Statement{
		Sid: "DenyUploadsByOthers", Deny: true, Principals: policy.Anyone,
		Actions:    []string{"s3:PutObject"},
		Resources:  b.Objects(UserPrefixes...),
		Conditions: policy.Conditions{"ArnNotEquals": {"aws:PrincipalArn": named}},
	}
}

// approvalsByApprover leaves the word on spending to one role, wherever a request
// comes from: no function writes it, whatever its own policy says, and nobody
// takes it away. What reads it is left to the rest.
func (b *Bucket) approvalsByApprover(props ProtectProps) policy.Statement {
	return policy.Statement{
		Sid: "DenyApprovalsByOthers", Deny: true, Principals: policy.Anyone,
		NotActions: []string{"s3:GetObject", "s3:GetObjectVersion"},
		Resources:  b.Objects(finetune.PrefixApprovals),
		Conditions: policy.Conditions{"ArnNotEquals": {"aws:PrincipalArn": *props.Approver.AttrArn()}},
	}
}

// fromOutside holds for a request that neither came through the endpoint nor
// from an exempt role. A request without such a key is from outside.
func fromOutside(props ProtectProps) policy.Conditions {
	return policy.Conditions{
		"StringNotEquals": {"aws:SourceVpce": *props.Endpoint.Ref()},
		"ArnNotEquals":    {"aws:PrincipalArn": exemptARNs(props)},
	}
}

func exemptARNs(props ProtectProps) []string {
	arns := make([]string, 0, len(props.Exempt))
	for _, role := range props.Exempt {
		arns = append(arns, *role.AttrArn())
	}
	return arns
}
