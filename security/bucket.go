package security

import "slices"

var bucketAssertions = []Assertion{
	{"NothingIsPublic", 9, nothingIsPublic},
	{"OwnersAreEnforced", 9, ownersAreEnforced},
	{"BucketsHaveAPolicy", 9, bucketsHaveAPolicy},
	{"BucketPoliciesGiveNothing", 9, bucketPoliciesGiveNothing},
	{"BucketIsEncryptedWithOurKey", 11, bucketIsEncryptedWithOurKey},
	{"VersionsAreKept", 13, versionsAreKept},
	{"OldVersionsEnd", 13, oldVersionsEnd},
	{"AccessIsLogged", 13, accessIsLogged},
}

func (t *Template) buckets(f *Findings) []*Resource {
	list := t.ofType("AWS::S3::Bucket")
	for _, name := range []string{"StorageBucket", "StorageAccessLog"} {
		if t.find(name) == nil {
			f.add(name, "the bucket is missing")
		}
	}
	return list
}

func nothingIsPublic(t *Template) (f Findings) {
	for _, r := range t.buckets(&f) {
		for _, key := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
			if !isTrue(get(r.Properties, "PublicAccessBlockConfiguration", key)) {
				f.add(r.ID, "%s is off", key)
			}
		}
		if r.Properties["WebsiteConfiguration"] != nil || r.Properties["CorsConfiguration"] != nil {
			f.add(r.ID, "is made for browsers")
		}
	}
	return f
}

func ownersAreEnforced(t *Template) (f Findings) {
	for _, r := range t.buckets(&f) {
		if text(get(r.Properties, "OwnershipControls", "Rules", 0, "ObjectOwnership")) != "BucketOwnerEnforced" || r.Properties["AccessControl"] != nil {
			f.add(r.ID, "access control lists may give objects away")
		}
	}
	return f
}

// policiesOfBucket are the policy resources of a bucket.
func (t *Template) policiesOfBucket(bucket *Resource) []*Resource {
	return slices.DeleteFunc(t.ofType("AWS::S3::BucketPolicy"), func(r *Resource) bool {
		return text(r.Properties["Bucket"]) != reference(bucket, t.Region)
	})
}

// bucketsHaveAPolicy: one, since of two that are deployed the second puts an end to
// the first.
func bucketsHaveAPolicy(t *Template) (f Findings) {
	buckets := t.buckets(&f)
	for _, r := range buckets {
		if n := len(t.policiesOfBucket(r)); n != 1 {
			f.add(r.ID, "has %d policies, want one", n)
		}
	}
	for _, r := range t.ofType("AWS::S3::BucketPolicy") {
		if !slices.ContainsFunc(buckets, func(b *Resource) bool { return reference(b, t.Region) == text(r.Properties["Bucket"]) }) {
			f.add(r.ID, "is of no bucket of the stack")
		}
	}
	return f
}

// asked calls with the policy of every bucket that has one.
func (t *Template) asked(f *Findings, do func(bucket *Resource, p policy)) {
	for _, bucket := range t.buckets(f) {
		for _, owner := range t.policiesOfBucket(bucket) { // that it is one, BucketsHaveAPolicy tells
			if p, ok := t.policyOf(f, owner, "PolicyDocument"); ok {
				do(bucket, p)
			}
		}
	}
}

// bucketPoliciesGiveNothing: for all actions of S3, nobody gets anything from the
// policy itself, but for S3's own delivery of the access log, for our bucket.
func bucketPoliciesGiveNothing(t *Template) (f Findings) {
	t.asked(&f, func(bucket *Resource, p policy) {
		services := append(servicesOf(p.named()), who{service: "logging.s3.amazonaws.com"}, who{service: "delivery.logs.amazonaws.com"})
		people := append(slices.Concat(strangersOf(p.named()), membersOf(p.named())), foreigner, nobody, colleague, t.roleARN("AccessOperator"), t.roleARN("FunctionsInvokeRole"))
		tls := keys("aws:SecureTransport", "true", "s3:TlsVersion", "1.3")
		contexts := []map[string][]string{t.inside(), with(tls, "aws:SourceAccount", foreignAccount)}
		key := append(keyOf(slices.Concat(services, people), contexts...), "gives", bucket.ID)
		f = append(f, p.once(key, func() Findings {
			return slices.Concat(t.gives(bucket, p, actionsOf("s3"), slices.Concat(services, people), contexts), t.gives(bucket, p, sampleActions, people, p.contexts(tls)))
		})...)
	})
	return f
}

// sampleActions are actions of each kind: what the policies' own contexts are asked about.
var sampleActions = []string{"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:PutObjectAcl", "s3:ListBucket", "s3:PutBucketPolicy"}

// gives asks a bucket's policy about actions, and finds what it lets through.
func (t *Template) gives(bucket *Resource, p policy, actions []string, principals []who, contexts []map[string][]string) (f Findings) {
	arn := attribute(bucket, t.Region, "Arn")
	for _, action := range actions {
		for _, who := range principals {
			for _, resource := range []string{arn, arn + "/registry/a", arn + "/accepted/a", arn + "/access/a"} {
				for _, from := range contexts {
					if p.evaluate(ask{who: who, action: action, resource: resource, keys: from}).may() {
						f.add(bucket.ID, "its policy gives %s%s %s", who.arn, who.service, action)
					}
				}
			}
		}
	}
	return f
}

func bucketIsEncryptedWithOurKey(t *Template) (f Findings) {
	for _, r := range t.buckets(&f) {
		rule := get(r.Properties, "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault")
		if r == t.find("StorageAccessLog") {
			if text(get(rule, "SSEAlgorithm")) == "" {
				f.add(r.ID, "is not encrypted")
			}
			continue // S3 delivers access logs to a bucket with its own key only
		}
		if text(get(rule, "SSEAlgorithm")) != "aws:kms" || text(get(rule, "KMSMasterKeyID")) != t.arn("Key") {
			f.add(r.ID, "is not encrypted with the stack's key by default")
		}
	}
	return f
}

func versionsAreKept(t *Template) (f Findings) {
	for _, r := range t.buckets(&f) {
		if text(get(r.Properties, "VersioningConfiguration", "Status")) != "Enabled" {
			f.add(r.ID, "keeps no versions")
		}
	}
	return f
}

func oldVersionsEnd(t *Template) (f Findings) {
	for _, r := range t.buckets(&f) {
		rules := items(get(r.Properties, "LifecycleConfiguration", "Rules"))
		ends := func(key string) bool {
			return slices.ContainsFunc(rules, func(rule any) bool { return text(get(rule, "Status")) == "Enabled" && get(rule, key) != nil })
		}
		if !ends("NoncurrentVersionExpiration") || !ends("AbortIncompleteMultipartUpload") {
			f.add(r.ID, "old versions or abandoned uploads stay for ever")
		}
	}
	return f
}

func accessIsLogged(t *Template) (f Findings) {
	bucket, log := t.find("StorageBucket"), t.find("StorageAccessLog")
	if bucket == nil || log == nil || text(get(bucket.Properties, "LoggingConfiguration", "DestinationBucketName")) != reference(log, t.Region) {
		f.add("StorageBucket", "who reads and writes objects is not logged")
		return f
	}
	t.asked(&f, func(r *Resource, p policy) {
		if r != log {
			return
		}
		arn := attribute(log, t.Region, "Arn")
		deliver := func(account, source string) ask {
			return ask{
				who: who{service: "logging.s3.amazonaws.com"}, action: "s3:PutObject", resource: arn + "/access/a",
				keys: keys("aws:SourceAccount", account, "aws:SourceArn", source, "aws:SecureTransport", "true", "s3:TlsVersion", "1.3"),
			}
		}
		try(&f, r.ID, []policy{p}, []battery{
			{"delivery of our log", deliver(Account, t.arn("StorageBucket")), true},
			{"delivery for another account", deliver(foreignAccount, t.arn("StorageBucket")), false},
			{"delivery of another bucket's log", deliver(Account, "arn:aws:s3:::another"), false},
		})
	})
	return f
}
