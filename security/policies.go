package security

import (
	"fmt"
	"maps"
	"slices"
)

// statement is one statement of a policy as it is written.
type statement struct{ object }

func (s statement) sid() string         { return text(s.object["Sid"]) }
func (s statement) allows() bool        { return s.object["Effect"] == "Allow" }
func (s statement) actions() []string   { return texts(s.object["Action"]) }
func (s statement) resources() []string { return texts(s.object["Resource"]) }

// block is one operator on one key.
type block struct {
	operator, key string
	values        []string
}

// conditions are the statement's conditions, in the order of their names.
func (s statement) conditions() []block {
	var list []block
	operators, _ := s.object["Condition"].(object)
	for _, operator := range slices.Sorted(maps.Keys(operators)) {
		keys, _ := operators[operator].(object)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			list = append(list, block{operator, key, texts(keys[key])})
		}
	}
	return list
}

// statementsOf lists the statements of a policy's document.
func statementsOf(document any) []statement {
	list := []statement{}
	for _, s := range items(get(document, "Statement")) {
		if o, ok := s.(object); ok {
			list = append(list, statement{o})
		}
	}
	return list
}

// document is a policy of a template: a role's, a trust policy or a resource's.
type document struct {
	// where is the resource's id, and the policy's name where it has several.
	where string
	owner *Resource
	body  any
	// identity is set for what a principal may do.
	identity bool
}

// identityPolicies are the types that say what a principal may do, and no resource.
var identityPolicies = []string{"AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::GroupPolicy", "AWS::IAM::UserPolicy"}

// policyProperties are the properties that a policy can be.
var policyProperties = []string{"PolicyDocument", "KeyPolicy", "Policy", "AssumeRolePolicyDocument", "ResourcePolicy"}

// documents are all policies of a template.
func (t *Template) documents() []document {
	if t.policies != nil {
		return t.policies
	}
	list := []document{}
	for _, id := range slices.Sorted(maps.Keys(t.Resources)) {
		r := t.Resources[id]
		identity := slices.Contains(identityPolicies, r.Type)
		for _, key := range policyProperties {
			if body, ok := r.Properties[key].(object); ok {
				list = append(list, document{where: id + "." + key, owner: r, body: body, identity: identity})
			}
		}
		for i, p := range items(r.Properties["Policies"]) {
			if body, ok := get(p, "PolicyDocument").(object); ok {
				list = append(list, document{where: fmt.Sprintf("%s.Policies.%d", id, i), owner: r, body: body, identity: true})
			}
		}
	}
	t.policies = list
	return list
}

// identityDocuments are the documents of what a role may do: its own, and those
// of the policies that are attached to it.
func (t *Template) identityDocuments(role *Resource) []document {
	var list []document
	for _, d := range t.documents() {
		attached := slices.Contains(slices.Concat(texts(d.owner.Properties["Roles"]), texts(d.owner.Properties["RoleName"])), reference(role, t.Region)) ||
			slices.Contains(texts(role.Properties["ManagedPolicyArns"]), reference(d.owner, t.Region))
		if d.identity && (d.owner == role || attached) {
			list = append(list, d)
		}
	}
	return list
}

// permissions are the policies of what a role may do. What cannot be read is a
// finding.
func (t *Template) permissions(f *Findings, role *Resource) []policy {
	var list []policy
	for _, d := range t.identityDocuments(role) {
		p, err := t.read(d.where, d.body, false)
		if err != nil {
			f.add(role.ID, "%v", err)
			continue
		}
		list = append(list, p)
	}
	return list
}

// resourcePolicy is a policy of the resource that is made as name. That it is
// missing or cannot be read is a finding.
func (t *Template) resourcePolicy(f *Findings, name, property string) (policy, bool) {
	r := t.find(name)
	if r == nil {
		f.add(name, "it is missing")
		return policy{}, false
	}
	return t.policyOf(f, r, property)
}

func (t *Template) policyOf(f *Findings, r *Resource, property string) (policy, bool) {
	if r.Properties[property] == nil {
		f.add(r.ID, "it has no %s", property)
		return policy{}, false
	}
	p, err := t.read(r.ID+"."+property, r.Properties[property], true)
	if err != nil {
		f.add(r.ID, "%v", err)
	}
	return p, err == nil
}

// roleARN is a role of the template as a principal.
func (t *Template) roleARN(name string) who { return who{arn: t.arn(name)} }

// Principals that no template has.
const foreignAccount = "999999999999"

var (
	foreigner = who{arn: "arn:aws:iam::" + foreignAccount + ":role/stranger"}
	colleague = who{arn: "arn:aws:iam::" + Account + ":role/colleague"}
	nobody    = who{}
)

// battery is a list of requests with what must come of them.
type battery struct {
	name string
	ask
	want bool
}

// try asks a policy each request of a battery and adds what is otherwise than it
// must be.
func try(f *Findings, where string, list []policy, tries []battery) {
	for _, b := range tries {
		got := answers(list, b.ask)
		switch {
		case b.want && got != granted && got != delegated:
			f.add(where, "%s: %s on %s is not allowed and must be", b.name, b.action, b.resource)
		case !b.want && got.may():
			f.add(where, "%s: %s on %s is allowed and must not be", b.name, b.action, b.resource)
		}
	}
}

// tagKey is the tag that all of the stack has, stackName its value.
const (
	tagKey    = "tuneline:stack"
	stackName = "tuneline"
)

// inRegion is an ARN in the template's region and account.
func (t *Template) inRegion(service, resource string) string {
	return "arn:aws:" + service + ":" + t.Region + ":" + Account + ":" + resource
}
