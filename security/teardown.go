package security

import "slices"

var teardownAssertions = []Assertion{
	{"DataAndKeyOutliveTheStack", 41, dataAndKeyOutliveTheStack},
	{"TeardownReleasesFirst", 41, teardownReleasesFirst},
	{"NobodyEndsTheKey", 41, nobodyEndsTheKey},
}

// dataAndKeyOutliveTheStack: buckets with their policies, and the key without which
// neither objects nor models can be read.
func dataAndKeyOutliveTheStack(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::KMS::Key", "AWS::S3::Bucket", "AWS::S3::BucketPolicy") {
		kept := r.DeletionPolicy == "Retain" || r.DeletionPolicy == "RetainExceptOnCreate"
		if !kept || r.UpdateReplacePolicy != "Retain" {
			f.add(r.ID, "goes with the stack, or when it is replaced")
		}
	}
	return f
}

// releaseNeeds is what a release works with: while it runs, none of it may be gone.
var releaseNeeds = []string{
	"FunctionsThroughputFunction", "FunctionsThroughputRole", "FunctionsThroughputLogGroup", "WorkflowMachine", "WorkflowRole",
	"WorkflowReleaseMachine", "WorkflowReleaseRole", "WorkflowSweepMachine", "TriggerUpload", "TriggerRelease", "TriggerStarterRole",
	"StorageBucket", "StoragePolicy", "Key", "NetworkVPC", "NetworkIsolated1Subnet", "NetworkIsolated2Subnet", "NetworkFunctionGroup",
	"NetworkFunctionToEndpoint", "NetworkFunctionAtEndpoint", "NetworkEndpointGroup", "NetworkS3Endpoint", "NetworkBedrockEndpoint",
}

// teardownReleasesFirst: a resource of the stack runs the function that releases what
// is billed, before anything it needs is gone.
func teardownReleasesFirst(t *Template) (f Findings) {
	resources := t.ofType("Custom::TunelineLifecycle")
	if len(resources) != 1 {
		f.add("Lifecycle", "nothing releases what is billed when the stack is deleted")
		return f
	}
	last := resources[0]
	if text(last.Properties["ServiceToken"]) != t.arn("LifecycleFunction") {
		f.add(last.ID, "does not call the function that releases")
	}
	for _, name := range releaseNeeds {
		if needed := t.find(name); needed != nil && !slices.Contains(last.DependsOn, needed.ID) {
			f.add(last.ID, "%s may be gone before it is called", name)
		}
	}
	return f
}

// nobodyEndsTheKey: no role of the stack may end the key, the bucket, or its policy.
func nobodyEndsTheKey(t *Template) (f Findings) {
	for _, role := range t.ofType("AWS::IAM::Role") {
		list, me := t.permissions(&f, role), who{arn: attribute(role, t.Region, "Arn")}
		for _, action := range administering {
			try(&f, role.ID, list, []battery{{"ends the key", ask{me, action, t.arn("Key"), keys("kms:CallerAccount", Account)}, false}})
		}
		for _, action := range []string{"s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketPolicy", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration", "s3:PutBucketPublicAccessBlock"} {
			try(&f, role.ID, list, []battery{{"opens or ends the bucket", ask{me, action, t.arn("StorageBucket"), t.inside()}, false}})
		}
	}
	return f
}
