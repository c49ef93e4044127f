package security

import "slices"

var trailAssertions = []Assertion{
	{"TrailRecordsEverything", 35, trailRecordsEverything},
	{"TrailRecordsObjects", 35, trailRecordsObjects},
	{"TrailIsEncryptedAndChecked", 35, trailIsEncryptedAndChecked},
	{"TrailWritesItsBucketAndLog", 35, trailWritesItsBucketAndLog},
	{"TrailIsKept", 35, trailIsKept},
}

// trail is the stack's trail, where one is configured: then its bucket, its role and
// its key's statement are there as well, and each says that it must be.
func (t *Template) trail(f *Findings) *Resource {
	trail := t.find("Trail")
	if trail == nil && (t.find("StorageTrail") != nil || t.find("TrailRole") != nil) {
		f.add("Trail", "the trail is missing")
	}
	return trail
}

// trailRecordsEverything: it is on, in all Regions, with the events of services that
// are in none, and with reads as well as writes.
func trailRecordsEverything(t *Template) (f Findings) {
	trail := t.trail(&f)
	if trail == nil {
		return f
	}
	for _, key := range []string{"IsLogging", "IsMultiRegionTrail", "IncludeGlobalServiceEvents"} {
		if !isTrue(trail.Properties[key]) {
			f.add(trail.ID, "%s is off", key)
		}
	}
	if !selects(trail, "Management", nil) {
		f.add(trail.ID, "does not record all management events")
	}
	return f
}

// field is a selector's field with one operator and its values.
type field struct{ name, operator, value string }

// selects says whether one of a trail's selectors is for a category and exactly these
// fields.
func selects(trail *Resource, category string, want []field) bool {
	want = append([]field{{"eventCategory", "Equals", category}}, want...)
	return slices.ContainsFunc(items(trail.Properties["AdvancedEventSelectors"]), func(s any) bool {
		var got []field
		for _, f := range items(get(s, "FieldSelectors")) {
			o, _ := f.(object)
			for _, operator := range sortedKeys(o) {
				if operator != "Field" {
					got = append(got, field{text(o["Field"]), operator, text(get(o[operator], 0))})
				}
			}
		}
		return slices.Equal(got, want)
	})
}

// trailRecordsObjects: who read and wrote which object of the bucket, and what passed
// the guardrail, where there is one.
func trailRecordsObjects(t *Template) (f Findings) {
	trail := t.trail(&f)
	if trail == nil {
		return f
	}
	if !selects(trail, "Data", []field{{"resources.type", "Equals", "AWS::S3::Object"}, {"resources.ARN", "StartsWith", t.arn("StorageBucket") + "/"}}) {
		f.add(trail.ID, "does not record reads and writes of the bucket's objects")
	}
	if t.hasGuardrail() && !selects(trail, "Data", []field{{"resources.type", "Equals", "AWS::Bedrock::Guardrail"}, {"resources.ARN", "Equals", t.guardrailARN()}}) {
		f.add(trail.ID, "does not record the use of the guardrail")
	}
	return f
}

// trailIsEncryptedAndChecked: files have the stack's key and digests, and the key is
// CloudTrail's for this trail only.
func trailIsEncryptedAndChecked(t *Template) (f Findings) {
	trail := t.trail(&f)
	if trail == nil {
		return f
	}
	if text(trail.Properties["KMSKeyId"]) != t.arn("Key") || !isTrue(trail.Properties["EnableLogFileValidation"]) {
		f.add(trail.ID, "its files are not encrypted with the stack's key, or nobody sees that one was changed")
	}
	p, ok := t.keyPolicy(&f)
	if !ok {
		return f
	}
	for _, action := range []string{"kms:GenerateDataKey", "kms:DescribeKey"} {
		try(&f, t.find("Key").ID, []policy{p}, t.forTrails(action, t.arn("Key"), nil))
	}
	for _, action := range []string{"kms:Decrypt", "kms:CreateGrant", "kms:PutKeyPolicy"} {
		try(&f, t.find("Key").ID, []policy{p}, []battery{{"CloudTrail", t.byTrail(action, t.arn("Key"), t.trailARN(), nil), false}})
	}
	return f
}

func (t *Template) trailARN() string { return t.inRegion("cloudtrail", "trail/"+stackName) }

// byTrail is a request of CloudTrail for a trail.
func (t *Template) byTrail(action, resource, trail string, more map[string][]string) ask {
	return ask{who{service: "cloudtrail.amazonaws.com"}, action, resource, with(more, "aws:SourceArn", trail, "aws:SecureTransport", "true", "s3:TlsVersion", "1.3")}
}

// forTrails are requests for this trail, which must come through, and for others.
func (t *Template) forTrails(action, resource string, more map[string][]string) []battery {
	return []battery{
		{"for our trail", t.byTrail(action, resource, t.trailARN(), more), true},
		{"for another trail", t.byTrail(action, resource, t.inRegion("cloudtrail", "trail/another"), more), false},
		{"for another account's trail", t.byTrail(action, resource, "arn:aws:cloudtrail:"+t.Region+":"+foreignAccount+":trail/"+stackName, more), false},
		{"for no trail", ask{who{service: "cloudtrail.amazonaws.com"}, action, resource, with(more, "aws:SecureTransport", "true", "s3:TlsVersion", "1.3")}, false},
		{"for another service", ask{who{service: "config.amazonaws.com"}, action, resource, t.byTrail(action, resource, t.trailARN(), more).keys}, false},
	}
}

// trailWritesItsBucketAndLog: CloudTrail can write the bucket and the log group, both
// the stack's, and nothing else in them than a trail's files.
func trailWritesItsBucketAndLog(t *Template) (f Findings) {
	trail := t.trail(&f)
	if trail == nil {
		return f
	}
	if text(trail.Properties["S3BucketName"]) != t.ref("StorageTrail") || text(trail.Properties["CloudWatchLogsLogGroupArn"]) != t.arn("TrailLogGroup") {
		f.add(trail.ID, "is not written to the stack's bucket and log group")
	}
	p, ok := t.resourcePolicy(&f, "StorageTrailPolicy", "PolicyDocument")
	if !ok {
		return f
	}
	bucket, acl := t.arn("StorageTrail"), keys("s3:x-amz-acl", "bucket-owner-full-control")
	file := bucket + "/AWSLogs/" + Account + "/CloudTrail/" + t.Region + "/a.json.gz"
	tries := append(t.forTrails("s3:PutObject", file, acl), t.forTrails("s3:GetBucketAcl", bucket, nil)...)
	tries = append(tries,
		battery{"elsewhere in the bucket", t.byTrail("s3:PutObject", bucket+"/a", t.trailARN(), acl), false},
		battery{"another account's files", t.byTrail("s3:PutObject", bucket+"/AWSLogs/"+foreignAccount+"/a", t.trailARN(), acl), false},
		battery{"reads its files", t.byTrail("s3:GetObject", file, t.trailARN(), acl), false})
	try(&f, t.find("StorageTrailPolicy").ID, []policy{p}, tries)
	return f
}

// trailIsKept: nobody deletes a file before its time, whatever IAM says, and the time
// is a season at least; who reads the files is logged.
func trailIsKept(t *Template) (f Findings) {
	bucket := t.find("StorageTrail")
	if t.trail(&f) == nil || bucket == nil {
		return f
	}
	days := number(get(bucket.Properties, "LifecycleConfiguration", "Rules", 0, "ExpirationInDays"))
	if days < 90 || text(get(bucket.Properties, "LoggingConfiguration", "DestinationBucketName")) != t.ref("StorageAccessLog") {
		f.add(bucket.ID, "forgets its files too soon, or does not say who read them")
	}
	p, ok := t.resourcePolicy(&f, "StorageTrailPolicy", "PolicyDocument")
	if !ok {
		return f
	}
	for _, who := range append(t.principals(), who{arn: "arn:aws:iam::" + Account + ":root"}, who{service: "cloudtrail.amazonaws.com"}) {
		for _, action := range []string{"s3:DeleteObject", "s3:DeleteObjectVersion"} {
			if p.answer(ask{who, action, t.arn("StorageTrail") + "/AWSLogs/a", t.inside()}) != refused {
				f.add(bucket.ID, "%s%s may %s", who.arn, who.service, action)
			}
		}
	}
	return f
}
