package security

import (
	"slices"
	"strings"
)

var recordAssertions = []Assertion{
	{"NobodyTakesVersionsAway", 13, nobodyTakesVersionsAway},
	{"RecordsAreWrittenByTheirSteps", 29, recordsAreWrittenByTheirSteps},
}

// forgetting are the actions after which a version, or the promise that it is kept,
// is gone.
var forgetting = map[string][]string{
	"object": {
		"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention", "s3:BypassGovernanceRetention", "s3:PutObjectLegalHold",
		"s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging", "s3:ReplicateDelete", "s3:ObjectOwnerOverrideToBucketOwner",
	},
	"bucket": {
		"s3:PutBucketVersioning", "s3:PutLifecycleConfiguration", "s3:PutBucketObjectLockConfiguration", "s3:DeleteBucket",
		"s3:PutReplicationConfiguration", "s3:PutBucketLogging", "s3:PutEncryptionConfiguration", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy",
	},
}

// nobodyTakesVersionsAway: for all roles and buckets of the stack: what was written
// stays until its time is over, as the lifecycle rules say it, and no role changes them.
func nobodyTakesVersionsAway(t *Template) (f Findings) {
	for _, role := range t.ofType("AWS::IAM::Role") {
		me := who{arn: attribute(role, t.Region, "Arn")}
		for _, bucket := range t.ofType("AWS::S3::Bucket") {
			arn := attribute(bucket, t.Region, "Arn")
			for _, p := range t.permissions(&f, role) {
				key := append(keyOf([]who{me}, t.inside()), "forgets", arn)
				f = append(f, p.once(key, func() Findings { return forgets(p, role.ID, arn, me, t.inside()) })...)
			}
		}
	}
	return f
}

// forgets asks a policy of a role about a bucket and what is in it.
func forgets(p policy, role, bucket string, me who, from map[string][]string) (f Findings) {
	for _, resource := range []string{bucket, bucket + "/fine-tuning-datasets/m/a", bucket + "/registry/m.json", bucket + "/AWSLogs/a"} {
		kind := "object"
		if resource == bucket {
			kind = "bucket"
		}
		for _, action := range forgetting[kind] {
			if p.evaluate(ask{me, action, resource, from}).may() {
				f.add(role, "may %s on %s", action, resource)
			}
		}
	}
	return f
}

// stepsOf are, by prefix, the roles that write records there. An accepted copy and the
// outputs of a job are among them: what a record speaks of is written by its step too.
var stepsOf = map[string][]string{
	"runs/":      {"FunctionsValidateRole", "FunctionsSubmitRole", "FunctionsAnalyzeRole", "FunctionsThroughputRole"},
	"reports/":   {"FunctionsValidateRole", "FunctionsAnalyzeRole", "FunctionsThroughputRole"},
	"registry/":  {"FunctionsThroughputRole"},
	"approvals/": {"AccessOperator"},
	"accepted/":  {"FunctionsValidateRole"},
	"outputs/":   {"CustomizationRole"},
}

// recordsAreWrittenByTheirSteps: for all actions that change an object, all roles and
// every kind of record, by the role's policies and the bucket's together.
func recordsAreWrittenByTheirSteps(t *Template) (f Findings) {
	p, ok := t.resourcePolicy(&f, "StoragePolicy", "PolicyDocument")
	if !ok {
		return f
	}
	for _, role := range t.ofType("AWS::IAM::Role") {
		me := who{arn: attribute(role, t.Region, "Arn")}
		for _, prefix := range sortedKeys(stepsOf) {
			step := slices.ContainsFunc(stepsOf[prefix], func(name string) bool { return t.find(name) == role })
			changed := t.changesUnder(&f, role, prefix)
			writes := false
			for _, action := range changed {
				if p.answer(ask{me, action, t.arn("StorageBucket") + "/" + prefix + "m/a", t.inside()}) == refused {
					continue
				}
				writes = writes || action == "s3:PutObject"
				if !step || action != "s3:PutObject" && action != "s3:AbortMultipartUpload" {
					f.add(role.ID, "may %s under %s", action, prefix)
				}
			}
			if step && !writes {
				f.add(role.ID, "may not write under %s", prefix)
			}
		}
	}
	return f
}

// changesUnder are the actions by which a role's own policies let it change an object
// under a prefix.
func (t *Template) changesUnder(f *Findings, role *Resource, prefix string) (actions []string) {
	me, object := who{arn: attribute(role, t.Region, "Arn")}, t.arn("StorageBucket")+"/"+prefix+"m/a"
	for _, p := range t.permissions(f, role) {
		key := append(keyOf([]who{me}, t.inside()), "changes", object)
		allowed := p.once(key, func() (found Findings) {
			for _, action := range actionsOf("s3") {
				if onObjects(action) && !readsOnly(action) && p.evaluate(ask{me, action, object, t.inside()}).may() {
					found.add(action, "allowed")
				}
			}
			return found
		})
		for _, finding := range allowed {
			actions = append(actions, finding.Resource)
		}
	}
	return actions
}

// readsOnly says whether an action of S3 changes nothing.
func readsOnly(action string) bool {
	name := strings.TrimPrefix(action, "s3:")
	return strings.HasPrefix(name, "Get") || strings.HasPrefix(name, "List")
}
