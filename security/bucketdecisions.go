package security

import (
	"slices"
	"strings"
)

var bucketDecisionAssertions = []Assertion{
	{"TLSForEveryAction", 10, tlsForEveryAction},
	{"RecentTLSForEveryAction", 10, recentTLSForEveryAction},
	{"OurKeyOnly", 11, ourKeyOnly},
	{"ObjectsAreInside", 12, objectsAreInside},
	{"ListsAreInside", 12, listsAreInside},
	{"UploadedObjectsAreInside", 12, uploadedObjectsAreInside},
	{"ApprovalsAreTheOperators", 30, approvalsAreTheOperators},
	{"AcceptedIsValidates", 28, acceptedIsValidates},
	{"BucketStaysUsable", 12, bucketStaysUsable},
	{"NamedUploadersOnly", 12, namedUploadersOnly},
}

// inside is the context of a request that comes through the S3 endpoint over TLS.
func (t *Template) inside() map[string][]string {
	return keys("aws:SourceVpce", t.ref("NetworkS3Endpoint"), "aws:SecureTransport", "true", "s3:TlsVersion", "1.3")
}

// outside are contexts of requests that come from elsewhere: the internet, another
// endpoint, another VPC.
func (t *Template) outside() []map[string][]string {
	return []map[string][]string{
		keys("aws:SecureTransport", "true", "s3:TlsVersion", "1.3"),
		keys("aws:SecureTransport", "true", "s3:TlsVersion", "1.3", "aws:SourceVpce", "vpce-0somebodyelse", "aws:SourceVpc", "vpc-0somebodyelse"),
		keys("aws:SecureTransport", "true", "s3:TlsVersion", "1.3", "aws:SourceVpc", t.ref("NetworkVPC")),
	}
}

// with is a context and more.
func with(context map[string][]string, pairs ...string) map[string][]string {
	out := keys(pairs...)
	for key, values := range context {
		if _, ok := out[key]; !ok {
			out[key] = values
		}
	}
	return out
}

// principals are kinds of those who have a permission of IAM on everything.
func (t *Template) principals() []who {
	return []who{colleague, foreigner, t.roleARN("AccessOperator"), t.roleARN("AccessUploader"), t.roleARN("FunctionsValidateRole"), t.roleARN("CustomizationRole")}
}

// objectsOf are a key under each prefix of a bucket, and the bucket.
func objectsOf(arn string) []string {
	var list []string
	for _, prefix := range slices.Concat([]string{""}, allPrefixes, []string{"access/"}) {
		list = append(list, arn+"/"+prefix+"m/a")
	}
	return append(list, arn)
}

// onObjects says whether an action can be about an object, onBucket about a bucket.
func onObjects(action string) bool { return knows(action, "object") }
func onBucket(action string) bool  { return knows(action, "bucket") }

func knows(action, kind string) bool {
	return slices.Contains(vocabulary().Services["s3"].Actions[strings.TrimPrefix(action, "s3:")], kind)
}

// everyAction asks every policy of a bucket about all actions on objects and buckets,
// of all principals, in one context, and wants all refused.
func (t *Template) everyAction(f *Findings, context func(t *Template) map[string][]string, what string) {
	from := context(t)
	t.asked(f, func(bucket *Resource, p policy) {
		principals := slices.Concat(t.principals(), p.named())
		key := append(keyOf(principals, from), "everyAction", bucket.ID, what)
		*f = append(*f, p.once(key, func() (found Findings) {
			found = t.refusesAll(bucket, p, actionsOf("s3"), principals, from, what)
			bare := keys("aws:SecureTransport", from["aws:SecureTransport"][0], "s3:TlsVersion", from["s3:TlsVersion"][0])
			for _, own := range p.contexts(bare) {
				found = append(found, t.refusesAll(bucket, p, sampleActions, principals, own, what)...)
			}
			return found
		})...)
	})
}

// refusesAll asks a bucket's policy about actions in one context.
func (t *Template) refusesAll(bucket *Resource, p policy, actions []string, principals []who, from map[string][]string, what string) (f Findings) {
	for _, action := range actions {
		for _, resource := range objectsOf(attribute(bucket, t.Region, "Arn")) {
			isBucket := !strings.Contains(resource, "/")
			if isBucket && !onBucket(action) || !isBucket && !onObjects(action) {
				continue
			}
			for _, who := range principals {
				if p.evaluate(ask{who: who, action: action, resource: resource, keys: from}) != refused {
					f.add(bucket.ID, "%s on %s is not refused %s", action, resource, what)
					return f
				}
			}
		}
	}
	return f
}

func tlsForEveryAction(t *Template) (f Findings) {
	t.everyAction(&f, func(t *Template) map[string][]string {
		return with(t.inside(), "aws:SecureTransport", "false", "s3:TlsVersion", "1.3")
	}, "without TLS")
	return f
}

func recentTLSForEveryAction(t *Template) (f Findings) {
	for _, version := range []string{"1.0", "1.1"} {
		t.everyAction(&f, func(t *Template) map[string][]string { return with(t.inside(), "s3:TlsVersion", version) }, "over TLS "+version)
	}
	return f
}

// insidePrincipals are those whom no configuration lets in from outside. The service
// role can be exempt by configuration, for objects of its own job.
func (t *Template) insidePrincipals() []who {
	return []who{
		colleague, foreigner, nobody, t.roleARN("AccessUploader"), t.roleARN("FunctionsValidateRole"), t.roleARN("FunctionsSubmitRole"),
		t.roleARN("FunctionsThroughputRole"), t.roleARN("FunctionsInvokeRole"), t.roleARN("WorkflowRole"),
	}
}

// let are principals that the bucket's policy names; the operator and the service role
// may be exempt.
func (t *Template) let(p policy) []who {
	return slices.DeleteFunc(p.named(), func(w who) bool { return w == t.roleARN("AccessOperator") || w == t.roleARN("CustomizationRole") })
}

// around are contexts of requests from outside that have what the policy's conditions
// ask for: another endpoint, an address, an organization. None of them is a way in.
func (t *Template) around(p policy) []map[string][]string {
	return slices.DeleteFunc(p.contexts(t.outside()[0]), func(context map[string][]string) bool {
		return slices.Contains(context["aws:SourceVpce"], t.ref("NetworkS3Endpoint"))
	})
}

// patterns are objects that the policy's statements name by a pattern.
func (p policy) patterns() []string {
	var list []string
	for _, s := range p.statements {
		for _, arn := range slices.Concat(s.resources(), texts(s.object["NotResource"])) {
			if object := instance(arn); strings.Contains(object, "/") && !slices.Contains(list, object) {
				list = append(list, object)
			}
		}
	}
	return list
}

// fromOutside asks the bucket's policy about actions on objects, from outside, and
// wants all refused.
func (t *Template) fromOutside(f *Findings, actions, objects []string) {
	p, ok := t.resourcePolicy(f, "StoragePolicy", "PolicyDocument")
	if !ok {
		return
	}
	principals := slices.Concat(t.insidePrincipals(), t.let(p))
	key := slices.Concat(keyOf(principals, t.outside()...), actions, objects)
	*f = append(*f, p.once(key, func() (found Findings) {
		for _, action := range actions {
			contexts := t.outside()
			if slices.Contains(sampleActions, action) {
				contexts = append(contexts, t.around(p)...)
			}
			for _, resource := range objects {
				for _, who := range principals {
					for _, context := range contexts {
						if p.evaluate(ask{who: who, action: action, resource: resource, keys: context}) != refused {
							found.add("StoragePolicy", "%s on %s is not refused from outside", action, resource)
						}
					}
				}
			}
		}
		return found
	})...)
}

// objectActions are all actions that can be about an object.
func objectActions() []string {
	return slices.DeleteFunc(slices.Clone(actionsOf("s3")), func(a string) bool { return !onObjects(a) })
}

// objectsAreInside: for all actions on objects, versions, tags, parts and retention
// among them.
func objectsAreInside(t *Template) (f Findings) {
	all := objectsOf(t.arn("StorageBucket"))
	if p, ok := t.resourcePolicy(&f, "StoragePolicy", "PolicyDocument"); ok {
		all = append(all, p.patterns()...)
	}
	objects := slices.DeleteFunc(all, func(o string) bool { return !strings.Contains(o, "/") || isUpload(o) })
	t.fromOutside(&f, objectActions(), objects)
	return f
}

// isUpload says whether an object is under one of the prefixes that people put
// objects to from outside.
func isUpload(object string) bool {
	return strings.Contains(object, "/fine-tuning-datasets/") || strings.Contains(object, "/validation-datasets/") || strings.Contains(object, "/media/")
}

// uploading is what an upload takes.
var uploading = []string{"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}

// uploadedObjectsAreInside: what was uploaded from outside cannot be read, tagged or
// deleted from there.
func uploadedObjectsAreInside(t *Template) (f Findings) {
	actions := slices.DeleteFunc(objectActions(), func(a string) bool { return slices.Contains(uploading, a) })
	var objects []string
	for _, o := range objectsOf(t.arn("StorageBucket")) {
		if isUpload(o) {
			objects = append(objects, o)
		}
	}
	t.fromOutside(&f, actions, objects)
	return f
}

func listsAreInside(t *Template) (f Findings) {
	t.fromOutside(&f, []string{"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"}, []string{t.arn("StorageBucket")})
	return f
}

// everybody are all roles of the template, and others.
func (t *Template) everybody() []who {
	list := []who{colleague, foreigner, nobody, {arn: "arn:aws:iam::" + Account + ":root"}}
	for _, role := range t.ofType("AWS::IAM::Role") {
		list = append(list, who{arn: attribute(role, t.Region, "Arn")})
	}
	return list
}

// approvalsAreTheOperators: whatever IAM allows, nobody else writes the word on
// spending, takes it away or changes it.
func approvalsAreTheOperators(t *Template) (f Findings) {
	p, ok := t.resourcePolicy(&f, "StoragePolicy", "PolicyDocument")
	if !ok {
		return f
	}
	object := t.arn("StorageBucket") + "/approvals/m/a"
	for _, who := range append(t.everybody(), p.named()...) {
		if who.arn == t.arn("AccessOperator") {
			if p.answer(ask{who: who, action: "s3:PutObject", resource: object, keys: t.outside()[0]}).bars() {
				f.add("StoragePolicy", "the operator may not approve")
			}
			continue
		}
		for _, action := range objectActions() {
			if action == "s3:GetObject" || action == "s3:GetObjectVersion" {
				continue
			}
			if p.answer(ask{who: who, action: action, resource: object, keys: t.inside()}) != refused {
				f.add("StoragePolicy", "%s may %s an approval, where IAM lets it", who.arn, action)
			}
		}
		for _, own := range p.contexts(t.inside()) {
			for _, name := range []string{"m/a", "other/b.json", "x"} {
				if p.answer(ask{who: who, action: "s3:PutObject", resource: t.arn("StorageBucket") + "/approvals/" + name, keys: own}) != refused {
					f.add("StoragePolicy", "%s may write the approval %s, where IAM lets it", who.arn, name)
				}
			}
		}
	}
	return f
}

// acceptedIsValidates: of the stack's roles only validate's writes what was accepted,
// or changes it: whatever its name, and in every context that a role's policies ask for.
func acceptedIsValidates(t *Template) (f Findings) {
	object := t.arn("StorageBucket") + "/accepted/m/a"
	for _, role := range t.ofType("AWS::IAM::Role") {
		list, objects, contexts := t.permissions(&f, role), []string{object}, []map[string][]string{t.inside()}
		for _, p := range list {
			contexts = append(contexts, p.contexts(t.inside())[1:]...)
			objects = append(objects, slices.DeleteFunc(p.patterns(), func(o string) bool { return !strings.Contains(o, "/accepted/") })...)
		}
		may := func(action string) bool {
			return slices.ContainsFunc(objects, func(object string) bool {
				return slices.ContainsFunc(contexts, func(context map[string][]string) bool {
					return answers(list, ask{who: who{arn: attribute(role, t.Region, "Arn")}, action: action, resource: object, keys: context}).may()
				})
			})
		}
		granted := t.grantedTo(role)
		for _, action := range objectActions() {
			reads := action == "s3:GetObject" || action == "s3:GetObjectVersion"
			validates := role == t.find("FunctionsValidateRole") && (action == "s3:PutObject" || action == "s3:AbortMultipartUpload")
			if !reads && !validates && (granted[action] || granted[allButSome]) && may(action) {
				f.add(role.ID, "may %s what was accepted", action)
			}
		}
	}
	return f
}

// bucketStaysUsable: the policies leave the pipeline its work, people their uploads,
// and the account its bucket's configuration.
func bucketStaysUsable(t *Template) (f Findings) {
	p, ok := t.resourcePolicy(&f, "StoragePolicy", "PolicyDocument")
	if !ok {
		return f
	}
	bucket := t.arn("StorageBucket")
	free := func(what string, a ask) {
		if p.answer(a).bars() {
			f.add("StoragePolicy", "%s: %s on %s is refused", what, a.action, a.resource)
		}
	}
	for _, name := range []string{"FunctionsValidateRole", "FunctionsSubmitRole", "FunctionsInvokeRole", "CustomizationRole"} {
		for _, action := range []string{"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"} {
			free("from inside", ask{who: t.roleARN(name), action: action, resource: bucket + "/registry/m/a", keys: t.inside()})
		}
		free("from inside", ask{who: t.roleARN(name), action: "s3:ListBucket", resource: bucket, keys: t.inside()})
	}
	for _, action := range []string{"s3:GetObject", "s3:GetObjectVersion"} {
		free("the operator from outside", ask{who: t.roleARN("AccessOperator"), action: action, resource: bucket + "/runs/m/a", keys: t.outside()[0]})
	}
	if !t.uploadsInside() {
		for _, action := range uploading {
			free("an upload from outside", ask{who: t.roleARN("AccessUploader"), action: action, resource: bucket + "/fine-tuning-datasets/m/a", keys: t.outside()[0]})
		}
	}
	for _, action := range []string{"s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutLifecycleConfiguration", "s3:GetBucketVersioning"} {
		free("an administrator", ask{who: colleague, action: action, resource: bucket, keys: t.outside()[0]})
	}
	return f
}

// uploadsInside says whether the policy is configured to take uploads from the VPC
// only: then no statement speaks of what was uploaded.
func (t *Template) uploadsInside() bool {
	r := t.find("StoragePolicy")
	return r != nil && !slices.ContainsFunc(statementsOf(r.Properties["PolicyDocument"]), func(s statement) bool { return s.sid() == "DenyUploadedObjectsFromOutside" })
}

// namedUploadersOnly: where uploaders are named, which the uploader role's trust
// shows, nobody else uploads.
func namedUploadersOnly(t *Template) (f Findings) {
	role := t.find("AccessUploader")
	if role == nil {
		f.add("AccessUploader", "it is missing")
		return f
	}
	trusted := texts(get(role.Properties, "AssumeRolePolicyDocument", "Statement", 0, "Principal", "AWS"))
	if slices.ContainsFunc(trusted, func(arn string) bool { return strings.HasSuffix(arn, ":root") }) {
		return f
	}
	p, ok := t.resourcePolicy(&f, "StoragePolicy", "PolicyDocument")
	if !ok {
		return f
	}
	for _, prefix := range allPrefixes[:3] {
		for _, context := range append(t.outside(), t.inside()) {
			if p.answer(ask{who: colleague, action: "s3:PutObject", resource: t.arn("StorageBucket") + "/" + prefix + "m/a", keys: context}) != refused {
				f.add("StoragePolicy", "somebody who is not named may upload to %s", prefix)
			}
		}
	}
	return f
}
