package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/policy"
)

// trailAccessPrefix is where the access log of the trail's bucket is kept.
const trailAccessPrefix = accessLogPrefix + "trail/"

// newTrailBucket makes the bucket for the files of the stack's trail.
func newTrailBucket(b *Bucket, props BucketProps) awss3.CfnBucket {
	bucket := awss3.NewCfnBucket(b.Scope, jsii.String("Trail"), &awss3.CfnBucketProps{
		BucketEncryption: withKey(props.Key),
		LifecycleConfiguration: &awss3.CfnBucket_LifecycleConfigurationProperty{Rules: []any{
			&awss3.CfnBucket_RuleProperty{
				Id:                             jsii.String("ForgetOldFiles"),
				Status:                         jsii.String("Enabled"),
				ExpirationInDays:               jsii.Number(props.Retention.Trail),
				NoncurrentVersionExpiration:    &awss3.CfnBucket_NoncurrentVersionExpirationProperty{NoncurrentDays: jsii.Number(1)},
				AbortIncompleteMultipartUpload: &awss3.CfnBucket_AbortIncompleteMultipartUploadProperty{DaysAfterInitiation: jsii.Number(1)},
			},
		}},
		LoggingConfiguration: &awss3.CfnBucket_LoggingConfigurationProperty{
			DestinationBucketName: b.Logs.Ref(), LogFilePrefix: jsii.String(trailAccessPrefix),
		},
		OwnershipControls:              ownerEnforced(),
		PublicAccessBlockConfiguration: nothingPublic(),
		VersioningConfiguration:        &awss3.CfnBucket_VersioningConfigurationProperty{Status: jsii.String("Enabled")},
	})
	policy.Retain(bucket)
	return bucket
}

// protectTrail lets CloudTrail write for the stack's trail, and nobody take away what
// it wrote, but for S3 when its time is over
// (https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html).
// Who reads it is left to IAM and the key.
func protectTrail(b *Bucket) awss3.CfnBucketPolicy {
	arn := *b.Trail.AttrArn()
	files := arn + "/AWSLogs/" + policy.Account(b.Scope) + "/*"
	ours := policy.Conditions{"ArnEquals": {"aws:SourceArn": TrailARN(b.Scope)}}
	write := policy.Conditions{"ArnEquals": ours["ArnEquals"], "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
	cloudTrail := policy.Principals{"Service": "cloudtrail.amazonaws.com"}
	document := awss3.NewCfnBucketPolicy(b.Scope, jsii.String("TrailPolicy"), &awss3.CfnBucketPolicyProps{
		Bucket: b.Trail.Ref(),
		PolicyDocument: policy.Document(
			policy.Statement{Sid: "LookAtBucket", Principals: cloudTrail, Actions: []string{"s3:GetBucketAcl"}, Resources: []string{arn}, Conditions: ours},
			policy.Statement{Sid: "WriteTrail", Principals: cloudTrail, Actions: []string{"s3:PutObject"}, Resources: []string{files}, Conditions: write},
			policy.Statement{
				Sid: "DenyDeletion", Deny: true, Principals: policy.Anyone,
				Actions: []string{"s3:DeleteObject", "s3:DeleteObjectVersion"}, Resources: []string{arn + "/*"},
			},
			overTLS(arn),
			overRecentTLS(arn),
		),
	})
	policy.Retain(document)
	return document
}
