package template

import (
	"encoding/json"
	"fmt"
)

// Key is an AWS::KMS::Key.
type Key struct {
	LogicalID string
	// ID is the key id, a UUID.
	ID  string
	ARN string
	// Aliases are the names, "alias/..." each, that target this key.
	Aliases []string
	// Policy is the key policy.
	Policy   json.RawMessage
	Rotation bool
	Enabled  bool
	// Spec and Usage are KMS's, for example "SYMMETRIC_DEFAULT" and
	// "ENCRYPT_DECRYPT".
	Spec  string
	Usage string
}

func (s *Stack) buildKeys() error {
	for _, res := range s.ofType("AWS::KMS::Key") {
		var p struct {
			KeyPolicy                                 json.RawMessage
			EnableKeyRotation, MultiRegion            boolean
			Enabled                                   *boolean
			PendingWindowInDays, RotationPeriodInDays *integer
			KeySpec, KeyUsage, Origin                 string
			BypassPolicyLockoutSafetyCheck            boolean
		}
		if err := res.decode(&p); err != nil {
			return err
		}
		arn, err := s.GetAtt(res.LogicalID, "Arn")
		if err != nil {
			return res.failed(err)
		}
		s.Keys = append(s.Keys, Key{
			LogicalID: res.LogicalID, ID: res.PhysicalID, ARN: arn.(string), Policy: p.KeyPolicy,
			Rotation: bool(p.EnableKeyRotation), Enabled: p.Enabled == nil || bool(*p.Enabled),
			Spec: defaultText(p.KeySpec, "SYMMETRIC_DEFAULT"), Usage: defaultText(p.KeyUsage, "ENCRYPT_DECRYPT"),
		})
	}
	return s.addAliases()
}

func (s *Stack) addAliases() error {
	for _, res := range s.ofType("AWS::KMS::Alias") {
		var p struct{ AliasName, TargetKeyID string }
		if err := res.decode(&p); err != nil {
			return err
		}
		for i, k := range s.Keys {
			if p.TargetKeyID == k.ID || p.TargetKeyID == k.ARN {
				s.Keys[i].Aliases = append(s.Keys[i].Aliases, p.AliasName)
			}
		}
	}
	return nil
}

// Key finds a key by logical id, key id, ARN, alias name or alias ARN.
func (s *Stack) Key(id string) (Key, bool) {
	for _, k := range s.Keys {
		if id == k.LogicalID || id == k.ID || id == k.ARN {
			return k, true
		}
		for _, alias := range k.Aliases {
			if id == alias || id == "arn:"+s.Partition+":kms:"+s.Region+":"+s.AccountID+":"+alias {
				return k, true
			}
		}
	}
	return Key{}, false
}

// Bucket is an AWS::S3::Bucket.
type Bucket struct {
	LogicalID string
	Name      string
	ARN       string
	// Encryption is the default encryption, "aws:kms", "aws:kms:dsse" or
	// "AES256"; S3 uses AES256 when none is set.
	Encryption string
	// EncryptionKey is the KMSMasterKeyID as resolved, empty when AWS's own
	// key is used; Key its logical id.
	EncryptionKey string
	Key           string
	BucketKey     bool
	Versioned     bool
	// EventBridge tells whether the bucket sends its events to EventBridge.
	EventBridge bool
	// ObjectOwnership is S3's, default "BucketOwnerEnforced".
	ObjectOwnership string
	// LifecycleRules are the rules of the LifecycleConfiguration as resolved.
	LifecycleRules []json.RawMessage
	// Policy is the bucket policy, nil without one.
	Policy json.RawMessage
}

type bucketProperties struct {
	BucketName       string
	BucketEncryption struct {
		ServerSideEncryptionConfiguration []struct {
			BucketKeyEnabled              boolean
			ServerSideEncryptionByDefault struct{ SSEAlgorithm, KMSMasterKeyID string }
		}
	}
	VersioningConfiguration   struct{ Status string }
	NotificationConfiguration struct {
		EventBridgeConfiguration *struct{ EventBridgeEnabled *boolean }
	}
	OwnershipControls struct {
		Rules []struct{ ObjectOwnership string }
	}
	LifecycleConfiguration struct {
		Rules                              []json.RawMessage
		TransitionDefaultMinimumObjectSize string
	}
	LoggingConfiguration json.RawMessage
}

func (s *Stack) buildBuckets() error {
	for _, res := range s.ofType("AWS::S3::Bucket") {
		var p bucketProperties
		if err := res.decode(&p); err != nil {
			return err
		}
		arn, err := s.GetAtt(res.LogicalID, "Arn")
		if err != nil {
			return res.failed(err)
		}
		b := Bucket{
			LogicalID: res.LogicalID, Name: res.PhysicalID, ARN: arn.(string),
			Encryption: "AES256", ObjectOwnership: "BucketOwnerEnforced",
			Versioned:      p.VersioningConfiguration.Status == "Enabled",
			LifecycleRules: p.LifecycleConfiguration.Rules,
		}
		for _, e := range p.BucketEncryption.ServerSideEncryptionConfiguration {
			b.Encryption = e.ServerSideEncryptionByDefault.SSEAlgorithm
			b.EncryptionKey = e.ServerSideEncryptionByDefault.KMSMasterKeyID
			b.BucketKey = bool(e.BucketKeyEnabled)
		}
		if k, ok := s.Key(b.EncryptionKey); ok {
			b.Key = k.LogicalID
		}
		if e := p.NotificationConfiguration.EventBridgeConfiguration; e != nil {
			b.EventBridge = e.EventBridgeEnabled == nil || bool(*e.EventBridgeEnabled)
		}
		for _, rule := range p.OwnershipControls.Rules {
			b.ObjectOwnership = rule.ObjectOwnership
		}
		s.Buckets = append(s.Buckets, b)
	}
	return s.addBucketPolicies()
}

func (s *Stack) addBucketPolicies() error {
	for _, res := range s.ofType("AWS::S3::BucketPolicy") {
		var p struct {
			Bucket         string
			PolicyDocument json.RawMessage
		}
		if err := res.decode(&p); err != nil {
			return err
		}
		for i, b := range s.Buckets {
			if b.Name == p.Bucket && b.Policy != nil {
				return res.failed(fmt.Errorf("bucket %s has another policy already, and S3 keeps one", b.LogicalID))
			}
			if b.Name == p.Bucket {
				s.Buckets[i].Policy = p.PolicyDocument
			}
		}
	}
	return nil
}

// Bucket finds a bucket by logical id or name.
func (s *Stack) Bucket(id string) (Bucket, bool) {
	for _, b := range s.Buckets {
		if id == b.LogicalID || id == b.Name {
			return b, true
		}
	}
	return Bucket{}, false
}

func defaultText(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
