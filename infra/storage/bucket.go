package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/internal/finetune"
)

// Bucket is the one bucket: data sets, their media, accepted copies, outputs, reports, runs
// and the registry, told apart by prefix.
type Bucket struct {
	Scope    constructs.Construct
	Resource awss3.CfnBucket
	// Logs is the bucket that holds the access log.
	Logs awss3.CfnBucket
	// Trail is the bucket of the stack's trail, or nil. TrailPolicy is its policy.
	Trail       awss3.CfnBucket
	TrailPolicy awss3.CfnBucketPolicy
	// Policy is set by [Bucket.Protect].
	Policy awss3.CfnBucketPolicy
}

// BucketProps is what the bucket needs to know.
type BucketProps struct {
	Key       *Key
	Retention config.Retention
	// WithTrail makes a bucket for the stack's trail as well.
	WithTrail bool
}

// NewBucket makes the bucket. It outlives the stack. That it sends its events
// to EventBridge is a plain property here; the L2 bucket would add a custom
// resource for it.
func NewBucket(scope constructs.Construct, id string, props BucketProps) *Bucket {
	b := &Bucket{Scope: constructs.NewConstruct(scope, jsii.String(id))}
	b.Logs = newAccessLog(b, props.Retention)
	b.Resource = awss3.NewCfnBucket(b.Scope, jsii.String("Bucket"), &awss3.CfnBucketProps{
		BucketEncryption:       withKey(props.Key),
		LifecycleConfiguration: &awss3.CfnBucket_LifecycleConfigurationProperty{Rules: lifecycleRules(props.Retention)},
		LoggingConfiguration: &awss3.CfnBucket_LoggingConfigurationProperty{
			DestinationBucketName: b.Logs.Ref(),
			LogFilePrefix:         jsii.String(accessLogPrefix),
		},
		NotificationConfiguration: &awss3.CfnBucket_NotificationConfigurationProperty{
			EventBridgeConfiguration: &awss3.CfnBucket_EventBridgeConfigurationProperty{EventBridgeEnabled: jsii.Bool(true)},
		},
		OwnershipControls:              ownerEnforced(),
		PublicAccessBlockConfiguration: nothingPublic(),
		VersioningConfiguration:        &awss3.CfnBucket_VersioningConfigurationProperty{Status: jsii.String("Enabled")},
	})
	policy.Retain(b.Resource)
	if props.WithTrail {
		b.Trail = newTrailBucket(b, props)
		b.TrailPolicy = protectTrail(b)
	}
	return b
}

// withKey encrypts what names no encryption itself.
func withKey(key *Key) *awss3.CfnBucket_BucketEncryptionProperty {
	return &awss3.CfnBucket_BucketEncryptionProperty{
		ServerSideEncryptionConfiguration: []any{&awss3.CfnBucket_ServerSideEncryptionRuleProperty{
			BucketKeyEnabled: jsii.Bool(true),
			ServerSideEncryptionByDefault: &awss3.CfnBucket_ServerSideEncryptionByDefaultProperty{
				SseAlgorithm:   jsii.String("aws:kms"),
				KmsMasterKeyId: key.Resource.AttrArn(),
			},
		}},
	}
}

// Names are the names of all the stack's buckets.
func (b *Bucket) Names() []string {
	names := []string{b.Name(), *b.Logs.Ref()}
	if b.Trail != nil {
		names = append(names, *b.Trail.Ref())
	}
	return names
}

// Name is the bucket's name.
func (b *Bucket) Name() string { return *b.Resource.Ref() }

// ARN is the bucket's ARN.
func (b *Bucket) ARN() string { return *b.Resource.AttrArn() }

// Objects are patterns of the ARNs of the objects under prefixes.
func (b *Bucket) Objects(prefixes ...string) []string {
	arns := make([]string, 0, len(prefixes))
	for _, prefix := range prefixes {
		arns = append(arns, b.ARN()+"/"+prefix+"*")
	}
	return arns
}

// lifecycleRules forget what nobody needs: parts of uploads that were given up,
// versions that are no longer current, and the accepted copies of jobs long
// over. What a team uploaded, the reports, the claims and the registry stay.
func lifecycleRules(retention config.Retention) []any {
	const abandonedDays = 7
	return []any{
		&awss3.CfnBucket_RuleProperty{
			Id:     jsii.String("ForgetAbandonedUploads"),
			Status: jsii.String("Enabled"),
			AbortIncompleteMultipartUpload: &awss3.CfnBucket_AbortIncompleteMultipartUploadProperty{
				DaysAfterInitiation: jsii.Number(abandonedDays),
			},
		},
		&awss3.CfnBucket_RuleProperty{
			Id:     jsii.String("ForgetOldVersions"),
			Status: jsii.String("Enabled"),
			NoncurrentVersionExpiration: &awss3.CfnBucket_NoncurrentVersionExpirationProperty{
				NoncurrentDays: jsii.Number(retention.Objects),
			},
			ExpiredObjectDeleteMarker: jsii.Bool(true),
		},
		&awss3.CfnBucket_RuleProperty{
			Id:               jsii.String("ForgetAcceptedCopies"),
			Status:           jsii.String("Enabled"),
			Prefix:           jsii.String(finetune.PrefixAccepted),
			ExpirationInDays: jsii.Number(retention.Objects),
			// In a bucket with versions, to expire only hides an object. S3
			// takes the shorter of two rules.
			NoncurrentVersionExpiration: &awss3.CfnBucket_NoncurrentVersionExpirationProperty{NoncurrentDays: jsii.Number(1)},
		},
	}
}

func ownerEnforced() *awss3.CfnBucket_OwnershipControlsProperty {
	return &awss3.CfnBucket_OwnershipControlsProperty{Rules: []any{
		&awss3.CfnBucket_OwnershipControlsRuleProperty{ObjectOwnership: jsii.String("BucketOwnerEnforced")},
	}}
}

func nothingPublic() *awss3.CfnBucket_PublicAccessBlockConfigurationProperty {
	return &awss3.CfnBucket_PublicAccessBlockConfigurationProperty{
		BlockPublicAcls:       jsii.Bool(true),
		BlockPublicPolicy:     jsii.Bool(true),
		IgnorePublicAcls:      jsii.Bool(true),
		RestrictPublicBuckets: jsii.Bool(true),
	}
}
