package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/policy"
)

const accessLogPrefix = "access/"

// newAccessLog makes the bucket for the access log. It is the one thing that is
// not encrypted with the stack's key: S3 delivers access logs to a bucket with
// its own key only
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html).
// The log holds keys and callers, never content.
func newAccessLog(b *Bucket, retention config.Retention) awss3.CfnBucket {
	bucket := awss3.NewCfnBucket(b.Scope, jsii.String("AccessLog"), &awss3.CfnBucketProps{
		BucketEncryption: &awss3.CfnBucket_BucketEncryptionProperty{
			ServerSideEncryptionConfiguration: []any{&awss3.CfnBucket_ServerSideEncryptionRuleProperty{
				ServerSideEncryptionByDefault: &awss3.CfnBucket_ServerSideEncryptionByDefaultProperty{SseAlgorithm: jsii.String("AES256")},
			}},
		},
		LifecycleConfiguration: &awss3.CfnBucket_LifecycleConfigurationProperty{Rules: []any{
			&awss3.CfnBucket_RuleProperty{
				Id:                             jsii.String("ForgetOldLogs"),
				Status:                         jsii.String("Enabled"),
				ExpirationInDays:               jsii.Number(retention.Logs),
				NoncurrentVersionExpiration:    &awss3.CfnBucket_NoncurrentVersionExpirationProperty{NoncurrentDays: jsii.Number(1)},
				AbortIncompleteMultipartUpload: &awss3.CfnBucket_AbortIncompleteMultipartUploadProperty{DaysAfterInitiation: jsii.Number(1)},
			},
		}},
		OwnershipControls:              ownerEnforced(),
		PublicAccessBlockConfiguration: nothingPublic(),
		VersioningConfiguration:        &awss3.CfnBucket_VersioningConfigurationProperty{Status: jsii.String("Enabled")},
	})
	policy.Retain(bucket)
	return bucket
}

// protectAccessLog lets S3's log delivery write, for the stack's buckets only.
func protectAccessLog(b *Bucket) {
	arn := *b.Logs.AttrArn()
	delivery := policy.FromAccount(b.Scope)
	delivery["ArnLike"] = map[string]any{"aws:SourceArn": b.ARN()}
	if b.Trail != nil {
		delivery["ArnLike"] = map[string]any{"aws:SourceArn": []string{b.ARN(), *b.Trail.AttrArn()}}
	}
	policyResource := awss3.NewCfnBucketPolicy(b.Scope, jsii.String("AccessLogPolicy"), &awss3.CfnBucketPolicyProps{
		Bucket: b.Logs.Ref(),
		PolicyDocument: policy.Document(
			policy.Statement{
				Sid: "DeliverAccessLog", Principals: policy.Principals{"Service": "logging.s3.amazonaws.com"},
				Actions: []string{"s3:PutObject"}, Resources: []string{arn + "/" + accessLogPrefix + "*"}, Conditions: delivery,
			},
			overTLS(arn),
			overRecentTLS(arn),
		),
	})
	policy.Retain(policyResource)
}
