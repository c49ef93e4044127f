package security

import (
	"fmt"
	"slices"
	"strings"
)

// What a request to write says of encryption.
const (
	sseAlgorithm = "s3:x-amz-server-side-encryption"
	sseKey       = "s3:x-amz-server-side-encryption-aws-kms-key-id"
	sseCustomer  = "s3:x-amz-server-side-encryption-customer-algorithm"
)

// encryption is one way in which a request may speak of it; "" says nothing.
type encryption struct{ algorithm, key, customer string }

// encryptions are all ways: each scheme that S3 has and one that it has not, with
// each form in which a key is named: ours, one of the account's, another account's
// and AWS's own; and a caller's own key, alone and with each of both.
func (t *Template) encryptions() []encryption {
	ours := t.arn("Key")
	keyNames := []string{
		"", ours, ours[strings.LastIndex(ours, "/")+1:], "alias/tuneline", t.inRegion("kms", "alias/tuneline"), "another", t.inRegion("kms", "key/another"),
		"arn:aws:kms:" + t.Region + ":" + foreignAccount + ":key/a", strings.Replace(ours, Account, foreignAccount, 1), "alias/aws/s3", ours + "0", "*",
	}
	var all []encryption
	for _, algorithm := range []string{"", "AES256", "aws:kms", "aws:kms:dsse", "aws:fsx", "aws:", "another"} {
		for _, key := range keyNames {
			all = append(all, encryption{algorithm, key, ""})
			if algorithm == "" || key == "" {
				all = append(all, encryption{algorithm, key, "AES256"})
			}
		}
	}
	return all
}

// context is that of a request that speaks of encryption so.
func (e encryption) context(from map[string][]string) map[string][]string {
	context := with(from)
	for name, value := range map[string]string{sseAlgorithm: e.algorithm, sseKey: e.key, sseCustomer: e.customer} {
		if value != "" {
			context[name] = []string{value}
		}
	}
	return context
}

// String is what the request says.
func (e encryption) String() string {
	return fmt.Sprintf("scheme %q, key %q and a caller's own key %q", e.algorithm, e.key, e.customer)
}

// isOurs says whether what is written so is encrypted with the stack's key: by its
// ARN, or by saying nothing, which leaves it to the bucket's default. S3 takes a key
// that is named without a scheme for a mistake, and our own key's bare id for ours:
// both may be refused, and need not be.
func (t *Template) isOurs(e encryption) (ours, either bool) {
	ours = e == encryption{} || e == encryption{algorithm: "aws:kms", key: t.arn("Key")}
	named := e.key == t.arn("Key") || e.key != "" && strings.HasSuffix(t.arn("Key"), "/"+e.key)
	return ours, named && e.customer == "" && (e.algorithm == "" || e.algorithm == "aws:kms")
}

// ourKeyOnly: for all actions that may say how an object is encrypted, all kinds of
// principals, all prefixes and all ways of saying it: none gives another key.
func ourKeyOnly(t *Template) (f Findings) {
	p, ok := t.resourcePolicy(&f, "StoragePolicy", "PolicyDocument")
	if !ok {
		return f
	}
	principals, objects := t.principals(), objectsOf(t.arn("StorageBucket"))
	objects = slices.DeleteFunc(objects, func(o string) bool { return !strings.Contains(o, "/") })
	key := slices.Concat(keyOf(principals, t.inside()), objects, []string{"ourKeyOnly", t.arn("Key")})
	return append(f, p.once(key, func() (found Findings) {
		for _, e := range t.encryptions() {
			if ours, either := t.isOurs(e); ours || either {
				continue
			}
			context := e.context(t.inside())
			for _, action := range vocabulary().Services["s3"].Encrypting {
				for _, object := range objects {
					for _, who := range principals {
						if p.evaluate(ask{who: who, action: "s3:" + action, resource: object, keys: context}) != refused {
							found.add("StoragePolicy", "%s of %s is not refused with %s", action, object, e)
						}
					}
				}
			}
		}
		found = append(found, t.namedKeysAreRefused(p, principals)...)
		return append(found, t.ourKeyMayBeUsed(p)...)
	})...)
}

// namedKeysAreRefused: nor does a key that the policy itself names, or a request that
// has what its statements ask for.
func (t *Template) namedKeysAreRefused(p policy, principals []who) (f Findings) {
	principals = append(slices.Clone(principals), p.named()...)
	for i, context := range p.contexts(with(t.inside(), sseAlgorithm, "aws:kms")) {
		if key := context[sseKey]; len(key) == 0 || key[0] == t.arn("Key") {
			continue
		}
		for object := range t.writers() {
			for _, who := range principals {
				if p.answer(ask{who: who, action: "s3:PutObject", resource: t.arn("StorageBucket") + "/" + object, keys: context}) != refused {
					f.add("StoragePolicy", "%s may be written by %s with a key that the policy knows, in its context %d", object, who.arn, i)
				}
			}
		}
	}
	return f
}

// writers are who writes objects, and where.
func (t *Template) writers() map[string]who {
	return map[string]who{
		"fine-tuning-datasets/m/a": t.roleARN("AccessUploader"), "accepted/m/a": t.roleARN("FunctionsValidateRole"),
		"outputs/m/a": t.roleARN("CustomizationRole"), "registry/m/a": t.roleARN("FunctionsThroughputRole"),
	}
}

// ourKeyMayBeUsed: whoever writes may do so with the stack's key.
func (t *Template) ourKeyMayBeUsed(p policy) (f Findings) {
	for object, who := range t.writers() {
		for _, e := range t.encryptions() {
			a := ask{who: who, action: "s3:PutObject", resource: t.arn("StorageBucket") + "/" + object, keys: e.context(t.inside())}
			if ours, _ := t.isOurs(e); ours && p.evaluate(a).bars() {
				f.add("StoragePolicy", "%s may not be written with %s", object, e)
			}
		}
	}
	return f
}
