package security

import (
	"fmt"
	"slices"
	"strings"
)

var grantAssertions = []Assertion{
	{"RolesHaveWhatIsWrittenDown", 15, rolesHaveWhatIsWrittenDown},
	{"PoliciesAreOfTheRoles", 18, policiesAreOfTheRoles},
}

// grant is a permission of a role as it is written down in [grants].
type grant struct {
	// does are the actions, on the resources. {Name} is the ARN of the resource that is
	// made as Name, {ref Name} what a reference to it stands for; ACCOUNT and REGION are
	// the template's, MODEL begins a model's or a job's name.
	does, on string
	// when are the conditions: operator, key and values, with "and" between two.
	when string
	// only says in which configurations it is there; nil for all.
	only func(*Template) bool
	// not is set for what is denied.
	not bool
}

// places are the names in a grant that stand for several, or depend on the
// configuration.
func (t *Template) places() *strings.Replacer {
	var subnets []string
	for _, r := range t.ofType("AWS::EC2::Subnet") {
		subnets = append(subnets, t.inRegion("ec2", "subnet/"+reference(r, t.Region)))
	}
	var models []string
	for _, id := range t.tunable() {
		models = append(models, t.baseModel(id), t.baseModel(withoutContext(id)))
	}
	pairs := []string{
		"{subnets}", strings.Join(subnets, " "), "{tunable}", strings.Join(models, " "), "{guardrail}", t.guardrailARN(), "{guardrail version}", t.guardrail(),
		"MODEL:", "arn:aws:bedrock:REGION:ACCOUNT:", "BASE:", "arn:aws:bedrock:REGION::",
	}
	for _, list := range grants {
		for _, g := range list {
			for _, found := range placeholders.FindAllStringSubmatch(g.on+g.when, -1) {
				name := found[1]
				if ref, ok := strings.CutPrefix(name, "ref "); ok {
					pairs = append(pairs, found[0], t.ref(ref))
					continue
				}
				pairs = append(pairs, found[0], t.arn(name))
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// lines are what a grant allows or denies, a line for each action and resource.
func (g grant) lines(t *Template, put *strings.Replacer) []string {
	here := strings.NewReplacer("ACCOUNT", Account, "REGION", t.Region)
	fill := func(text string) string { return here.Replace(put.Replace(text)) }
	var conditions []string
	for _, when := range strings.Split(g.when, " and ") {
		if words := strings.Fields(fill(when)); len(words) > 2 {
			conditions = append(conditions, condition(block{words[0], words[1], words[2:]}))
		}
	}
	effect := allows
	if g.not {
		effect = denies
	}
	var lines []string
	for _, action := range strings.Fields(g.does) {
		for _, resource := range strings.Fields(fill(g.on)) {
			lines = append(lines, permission(effect, action, resource, conditions))
		}
	}
	return lines
}

// condition is a condition as text, whatever the order of its values.
func condition(c block) string {
	return fmt.Sprintf("%s %s [%s]", c.operator, c.key, strings.Join(slices.Sorted(slices.Values(c.values)), ", "))
}

// permission is what is allowed or denied, as text.
func permission(effect, action, resource string, conditions []string) string {
	line := effect + " " + action + " on " + resource
	if len(conditions) > 0 {
		line += " if " + strings.Join(slices.Sorted(slices.Values(conditions)), " and ")
	}
	return line
}

// permissionsOf are all permissions of a role, an action and a resource a line, in
// order: statements may be cut differently without a difference.
func (t *Template) permissionsOf(role *Resource) []string {
	var lines []string
	for _, d := range t.identityDocuments(role) {
		for _, s := range statementsOf(d.body) {
			var conditions []string
			for _, c := range s.conditions() {
				conditions = append(conditions, condition(c))
			}
			for _, except := range []string{"NotAction", "NotResource"} {
				if s.object[except] != nil {
					conditions = append(conditions, condition(block{"all but", except, texts(s.object[except])}))
				}
			}
			for _, action := range orAll(s.actions()) {
				for _, resource := range orAll(s.resources()) {
					lines = append(lines, permission(text(s.object["Effect"]), action, resource, conditions))
				}
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func orAll(list []string) []string {
	if len(list) == 0 {
		return []string{"*"}
	}
	return list
}

// rolesHaveWhatIsWrittenDown: for each role all actions, resources and conditions, no
// more and no fewer.
func rolesHaveWhatIsWrittenDown(t *Template) (f Findings) {
	put := t.places()
	for _, name := range sortedKeys(grants) {
		role := t.find(name)
		if role == nil {
			continue // RolesDoWhatTheyMustAndNoMore tells
		}
		var want []string
		for _, g := range t.granted(name) {
			want = append(want, g.lines(t, put)...)
		}
		got := t.permissionsOf(role)
		for _, line := range got {
			if !slices.Contains(want, line) {
				f.add(role.ID, "more than is written down: %s", line)
			}
		}
		for _, line := range want {
			if !slices.Contains(got, line) {
				f.add(role.ID, "less than is written down: %s", line)
			}
		}
	}
	return f
}

// granted are the grants of a role in this configuration.
func (t *Template) granted(name string) []grant {
	return slices.DeleteFunc(slices.Clone(grants[name]), func(g grant) bool { return g.only != nil && !g.only(t) })
}

// duty are the actions that a role must be allowed in this configuration, and no others.
func (t *Template) duty(name string) []string {
	var list []string
	for _, g := range t.granted(name) {
		if !g.not {
			list = append(list, strings.Fields(g.does)...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// policiesAreOfTheRoles: a policy is one of a role of the template, where it is judged
// with the others of the role.
func policiesAreOfTheRoles(t *Template) (f Findings) {
	judged := map[string]bool{}
	for _, role := range t.ofType("AWS::IAM::Role") {
		for _, d := range t.identityDocuments(role) {
			judged[d.owner.ID] = true
		}
	}
	for _, r := range t.ofType(identityPolicies...) {
		if !judged[r.ID] {
			f.add(r.ID, "is no role's of the stack: whoever has it has what nobody judged")
		}
		if names := slices.Concat(texts(r.Properties["Users"]), texts(r.Properties["Groups"])); len(names) > 0 {
			f.add(r.ID, "is attached to %v", names)
		}
	}
	return f
}
