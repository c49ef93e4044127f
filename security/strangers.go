package security

import (
	"maps"
	"slices"
	"strings"
)

var strangerAssertions = []Assertion{
	{"NoPolicyAdmitsAnotherAccount", 9, noPolicyAdmitsAnotherAccount},
}

// strangers are all kinds of principals of another account, and the anonymous.
func strangers() []who {
	of := "arn:aws:iam::" + foreignAccount + ":"
	return []who{
		{arn: of + "root"}, {arn: of + "user/stranger"}, {arn: of + "role/stranger"},
		{arn: "arn:aws:sts::" + foreignAccount + ":assumed-role/stranger/s"}, nobody,
	}
}

// noPolicyAdmitsAnotherAccount: no resource's policy allows a stranger anything. What
// a policy allows, one of its statements does: so each is asked, for all actions that
// it is about, on the resources that it names, in contexts that its conditions want,
// from anywhere and through the endpoint.
// The one door for tokens is asked by another assertion.
func noPolicyAdmitsAnotherAccount(t *Template) (f Findings) {
	for _, d := range t.documents() {
		if d.identity || d.owner.Type == "AWS::EC2::VPCEndpoint" && serviceOf(d.owner) == "execute-api" && t.takesTokens() {
			continue
		}
		p, err := t.read(d.where, d.body, true)
		if err != nil {
			f.add(d.owner.ID, "%v", err)
			continue
		}
		f = append(f, p.once(append(keyOf(strangers(), t.inside()), "strangers", d.where), func() (found Findings) {
			for _, s := range statementsOf(d.body) {
				if s.allows() {
					found = append(found, t.admitted(d, s, p)...)
				}
			}
			return found
		})...)
	}
	return f
}

// admitted asks a policy about what one statement of it allows.
func (t *Template) admitted(d document, s statement, p policy) (f Findings) {
	contexts := append(wantedContexts(s, keys()), wantedContexts(s, t.inside())...)
	for _, action := range aboutActions(s) {
		for _, resource := range aboutResources(s) {
			for _, context := range contexts {
				for _, who := range strangers() {
					if p.evaluate(ask{who: who, action: action, resource: resource, keys: context}).may() {
						f.add(d.owner.ID, "%s lets %q do %s on %s", s.sid(), who.arn, action, resource)
						return f
					}
				}
			}
		}
	}
	return f
}

// aboutActions are all actions of the vocabulary that a statement is about.
func aboutActions(s statement) []string {
	var list, not []string
	for _, pattern := range texts(s.object["NotAction"]) {
		not = append(not, matchAll(pattern)...)
	}
	for _, pattern := range s.actions() {
		list = append(list, matchAll(pattern)...)
	}
	if len(not) > 0 {
		list = slices.DeleteFunc(matchAll("*"), func(a string) bool { return slices.Contains(not, a) })
	}
	return list
}

// matchAll are the actions of a pattern, of all services for "*".
func matchAll(pattern string) []string {
	if pattern != "*" {
		return match(pattern)
	}
	var list []string
	for _, service := range sortedKeys(vocabulary().Services) {
		list = append(list, actionsOf(service)...)
	}
	return list
}

// aboutResources are resources that a statement is about: one for each that it names.
func aboutResources(s statement) []string {
	list := fulfilling(s.resources())
	if len(list) == 0 { // a trust policy names none, and NotResource all but some
		return []string{"arn:aws:s3:::another/a", "*"}
	}
	return list
}

// wantedContexts are contexts as one that fulfil a statement's conditions as far as a caller
// can bring that about: for each value that they name, in turn. Of whom it is, and of
// which account, a caller has no choice.
func wantedContexts(s statement, from map[string][]string) []map[string][]string {
	conditions := slices.DeleteFunc(s.conditions(), func(c block) bool {
		return strings.EqualFold(c.key, "aws:PrincipalArn") || strings.EqualFold(c.key, "aws:PrincipalAccount")
	})
	var list []map[string][]string
	for n := range mostValues(conditions) {
		context := with(from)
		maps.Copy(context, contextOf(conditions, -1, n))
		if _, asked := context["kms:CallerAccount"]; asked {
			context["kms:CallerAccount"] = []string{foreignAccount}
		}
		list = append(list, context)
	}
	return list
}
