package security

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// This file holds the names that stand in a template against those that may: an
// attacker comes with exactly the name a policy lets in, and a request that somebody
// made up has another.

var namedAssertions = []Assertion{
	{"NobodyElseIsNamed", 39, nobodyElseIsNamed},
	{"EndpointsNameOurResources", 3, endpointsNameOurResources},
	{"KeyIsGivenToUsOnly", 7, keyIsGivenToUsOnly},
	{"BucketsLetInServicesOnly", 9, letsInServicesOnly("AWS::S3::BucketPolicy")},
	{"RefusalsAreForEverybody", 10, refusalsAreForEverybody},
	{"BucketPoliciesGoByPrefix", 12, bucketPoliciesGoByPrefix},
	{"ObjectsByWholePrefixes", 15, objectsByWholePrefixes},
	{"APILetsInNobodyByItself", 25, letsInServicesOnly("AWS::ApiGateway::RestApi")},
	{"ChannelsLetInServicesOnly", 38, letsInServicesOnly("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy")},
}

// people are those whom the configuration names to become uploaders or operators.
func (t *Template) people() []string {
	var list []string
	for _, name := range []string{"AccessUploader", "AccessOperator"} {
		r := t.find(name)
		if r == nil {
			continue
		}
		for _, s := range statementsOf(r.Properties["AssumeRolePolicyDocument"]) {
			for _, arn := range texts(get(s.object, "Principal", "AWS")) {
				if personARN.MatchString(arn) {
					list = append(list, arn)
				}
			}
		}
	}
	return list
}

// personARN is the full ARN of one role or user.
var personARN = regexp.MustCompile(`^arn:aws:iam::(\d{12}):(role|user)/[\w+=,.@/-]+$`)

// accountID is an account's number within a text, uniqueID an id that can end like one.
var (
	accountID = regexp.MustCompile(`\b\d{12}\b`)
	uniqueID  = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`)
)

// nobodyElseIsNamed: no account stands in the template but its own, and those of the
// people who are named in the configuration.
func nobodyElseIsNamed(t *Template) (f Findings) {
	known := map[string]bool{Account: true}
	for _, arn := range t.people() {
		known[personARN.FindStringSubmatch(arn)[1]] = true
	}
	for _, id := range sortedKeys(t.Resources) {
		eachText(t.Resources[id].Properties, "", func(name, value string) {
			for _, account := range accountID.FindAllString(uniqueID.ReplaceAllString(value, ""), -1) {
				if !known[account] {
					f.add(id, "%s names the account %s", name, account)
				}
			}
		})
	}
	return f
}

// ownARNs are the ARNs of all resources of the template.
func (t *Template) ownARNs() map[string]bool {
	own := map[string]bool{}
	for _, r := range t.Resources {
		own[attribute(r, t.Region, "Arn")] = true
	}
	return own
}

// endpointsNameOurResources: what an endpoint leads to is of this stack, by its name;
// all resources, where its actions know none. The API's own id cannot stand in the
// policy of its door, which must be there before the API.
func endpointsNameOurResources(t *Template) (f Findings) {
	own, anyAPI := t.ownARNs(), t.inRegion("execute-api", "*/live/")
	for _, r := range t.ofType("AWS::EC2::VPCEndpoint") {
		for _, s := range statementsOf(r.Properties["PolicyDocument"]) {
			for _, arn := range s.resources() {
				unnamed := arn == "*" && !slices.ContainsFunc(s.actions(), func(a string) bool { return knowsResources(a) || strings.Contains(a, "*") })
				if s.allows() && !unnamed && !t.isHere(own, arn) && !strings.HasPrefix(arn, anyAPI) {
					f.add(r.ID, "%s: leads to %s", s.sid(), arn)
				}
			}
		}
	}
	return f
}

// eachAllowance calls with every statement that allows something, of resources of some
// types: with the principals it is for, by their kind.
func (t *Template) eachAllowance(do func(r *Resource, s statement, principals map[string][]string), types ...string) {
	for _, d := range t.documents() {
		if d.identity || !slices.Contains(types, d.owner.Type) {
			continue
		}
		for _, s := range statementsOf(d.body) {
			if s.allows() {
				do(d.owner, s, s.principals())
			}
		}
	}
}

// principals are those whom a statement names, by their kind; "*" for everybody.
func (s statement) principals() map[string][]string {
	list := map[string][]string{}
	for _, member := range []string{"Principal", "NotPrincipal"} {
		if kinds, ok := s.object[member].(object); ok {
			for kind, names := range kinds {
				list[kind] = append(list[kind], texts(names)...)
			}
		} else if s.object[member] != nil {
			list["AWS"] = append(list["AWS"], text(s.object[member]))
		}
	}
	return list
}

// isBound says whether a statement that is for a service binds it to this account: by
// the account or the resource for which the service acts, or by what it encrypts. What
// these are compared with is another assertion's.
func (s statement) isBound() bool {
	return slices.ContainsFunc(s.conditions(), func(c block) bool {
		key := strings.ToLower(c.key)
		return key == "aws:sourceaccount" || key == "aws:sourcearn" || strings.HasPrefix(key, "kms:encryptioncontext:")
	})
}

// letsInServicesOnly: the policies of such resources allow services something, for
// this account, and nobody else anything. EventBridge at the topic is the exception:
// AWS supports no condition there.
func letsInServicesOnly(types ...string) func(*Template) Findings {
	return func(t *Template) (f Findings) {
		t.eachAllowance(func(r *Resource, s statement, principals map[string][]string) {
			topicOfEvents := r == t.find("NoticesTopicPolicy") && slices.Equal(principals["Service"], []string{"events.amazonaws.com"}) && slices.Equal(s.actions(), []string{"sns:Publish"})
			if len(principals) != 1 || len(principals["Service"]) != 1 || !s.isBound() && !topicOfEvents {
				f.add(r.ID, "%s: lets in %v without a bond to this account", s.sid(), principals)
			}
		}, types...)
		return f
	}
}

// keyIsGivenToUsOnly: the key's policy is for the account, by who it is or through what
// it comes, and for services that are bound to it.
func keyIsGivenToUsOnly(t *Template) (f Findings) {
	root := []string{"arn:aws:iam::" + Account + ":root"}
	t.eachAllowance(func(r *Resource, s statement, principals map[string][]string) {
		ours := slices.Equal(principals["AWS"], root) && len(s.conditions()) > 0
		service := len(principals["Service"]) == 1 && s.isBound()
		if len(principals) != 1 || !ours && !service {
			f.add(r.ID, "%s: gives the key to %v", s.sid(), principals)
		}
	}, "AWS::KMS::Key")
	return f
}

// refusalsAreForEverybody: what a resource's policy denies, it denies everybody: whom
// it excepts stands in a condition, which is held against those who may be excepted.
func refusalsAreForEverybody(t *Template) (f Findings) {
	for _, d := range t.documents() {
		for _, s := range statementsOf(d.body) {
			if d.identity || s.allows() {
				continue
			}
			if everybody := fmt.Sprint(s.principals()) == "map[AWS:[*]]"; !everybody || s.object["NotPrincipal"] != nil {
				f.add(d.owner.ID, "%s: is for some and not for everybody: %v", s.sid(), s.principals())
			}
		}
	}
	return f
}

// bucketPoliciesGoByPrefix: a bucket's policy is about the bucket, its objects, or all
// objects of a prefix, whatever their names; the prefixes of the stack's bucket are
// known.
func bucketPoliciesGoByPrefix(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::S3::BucketPolicy") {
		for _, s := range statementsOf(r.Properties["PolicyDocument"]) {
			for _, arn := range slices.Concat(s.resources(), texts(s.object["NotResource"])) {
				bucket, object, about := strings.Cut(arn, "/")
				literal := !strings.ContainsAny(strings.TrimSuffix(object, "*"), "*?")
				if about && object != "*" && !isPrefix(t, object) && (bucket == t.arn("StorageBucket") || !literal) {
					f.add(r.ID, "%s: is about %s", s.sid(), arn)
				}
			}
		}
	}
	return f
}

// objectsByWholePrefixes: a role's statement about objects is about all of a prefix
// that the role has by [prefixes], and a list is of such prefixes. The operator reads
// and lists all of the bucket.
func objectsByWholePrefixes(t *Template) (f Findings) {
	for _, name := range sortedKeys(prefixes) {
		role := t.find(name)
		if role == nil {
			continue
		}
		for _, d := range t.identityDocuments(role) {
			for _, s := range statementsOf(d.body) {
				if s.allows() {
					f = append(f, t.byWholePrefixes(role, s, prefixes[name], name == "AccessOperator")...)
				}
			}
		}
	}
	return f
}

func (t *Template) byWholePrefixes(role *Resource, s statement, may map[string]string, operator bool) (f Findings) {
	bucket := t.arn("StorageBucket")
	for _, arn := range s.resources() {
		object, about := strings.CutPrefix(arn, bucket+"/")
		readsAll := operator && object == "*" && !slices.ContainsFunc(s.actions(), writes)
		if about && !readsAll && may[strings.TrimSuffix(object, "*")] == "" {
			f.add(role.ID, "%s: is about %s", s.sid(), object)
		}
		bounded := slices.ContainsFunc(s.conditions(), func(c block) bool { return c.key == "s3:prefix" })
		if arn == bucket && !bounded && !operator {
			f.add(role.ID, "%s: is about all of the bucket", s.sid())
		}
	}
	return f
}

// writes says whether an action is none that reads.
func writes(action string) bool { return !strings.HasPrefix(action, "s3:Get") }
