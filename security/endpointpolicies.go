package security

import (
	"slices"
	"strings"
)

var endpointPolicyAssertions = []Assertion{
	{"EndpointsHaveAPolicy", 3, endpointsHaveAPolicy},
	{"EndpointsAdmitThisAccountOnly", 3, endpointsAdmitThisAccountOnly},
	{"EndpointsAdmitUsedActionsOnly", 3, endpointsAdmitUsedActionsOnly},
	{"EndpointsAdmitOurResourcesOnly", 3, endpointsAdmitOurResourcesOnly},
	{"EndpointsAdmitWhatIsUsed", 3, endpointsAdmitWhatIsUsed},
}

func endpointsHaveAPolicy(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::EC2::VPCEndpoint") {
		if len(statementsOf(r.Properties["PolicyDocument"])) == 0 {
			f.add(r.ID, "without a policy, the endpoint lets everybody do everything")
		}
	}
	return f
}

// serviceOf is the service an endpoint leads to, as actions name it.
func serviceOf(endpoint *Resource) string {
	name := text(endpoint.Properties["ServiceName"])
	name = name[strings.LastIndex(name, ".")+1:]
	switch name {
	case "bedrock-runtime":
		return "bedrock"
	case "monitoring":
		return "cloudwatch"
	}
	return name
}

// endpointPolicies are the policies of the endpoints that have one. Those that
// have none are another assertion's.
func (t *Template) endpointPolicies(f *Findings) map[*Resource]policy {
	list := map[*Resource]policy{}
	for _, r := range t.ofType("AWS::EC2::VPCEndpoint") {
		if r.Properties["PolicyDocument"] == nil {
			continue
		}
		if p, ok := t.policyOf(f, r, "PolicyDocument"); ok {
			list[r] = p
		}
	}
	return list
}

// targets are resources of the stack and of its account that an endpoint's service
// knows.
func (t *Template) targets() []string {
	bucket := t.arn("StorageBucket")
	return []string{
		"*", bucket, bucket + "/accepted/a", bucket + "/registry/a", t.arn("Key"),
		t.inRegion("bedrock", "model-customization-job/a"), t.inRegion("bedrock", "custom-model/a"),
		t.inRegion("bedrock", "custom-model-deployment/a"), t.inRegion("bedrock", "provisioned-model/a"),
		t.baseModel(t.tunableModel()), t.guardrailARN(), t.inRegion("execute-api", "a/live/POST/model/a/converse"),
	}
}

// endpointsAdmitThisAccountOnly: for all actions of the endpoint's service, on all of
// the targets, nobody of another account and nobody unsigned gets through. The one
// door for tokens, whose callers are nobody to IAM, admits calls of the API only.
func endpointsAdmitThisAccountOnly(t *Template) (f Findings) {
	for r, p := range t.endpointPolicies(&f) {
		if serviceOf(r) == "execute-api" && t.takesTokens() {
			continue
		}
		// A service that acts for itself is of no account.
		principals := append(strangersOf(p.named()), foreigner, nobody, who{service: "s3.amazonaws.com"})
		targets := t.targets()
		f = append(f, p.once(slices.Concat(keyOf(principals), targets, []string{"admits", r.ID}), func() (found Findings) {
			for _, a := range asks(principals, actionsOf(serviceOf(r)), targets, p.contexts(nil)) {
				if p.evaluate(a).may() {
					found.add(r.ID, "lets somebody who is not of this account do %s on %s", a.action, a.resource)
				}
			}
			return found
		})...)
	}
	return f
}

// usedThrough are the actions that an endpoint must let through, and no other.
func (t *Template) usedThrough(endpoint *Resource) map[string]bool {
	service := text(endpoint.Properties["ServiceName"])
	service = service[strings.LastIndex(service, ".")+1:]
	used := map[string]bool{}
	if service == "execute-api" {
		used["execute-api:Invoke"] = true
	}
	for _, role := range t.insiders() {
		for _, d := range t.identityDocuments(role) {
			for _, s := range statementsOf(d.body) {
				for _, action := range s.actions() {
					if s.allows() && servedBy(action) == service {
						used[action] = true
					}
				}
			}
		}
	}
	return used
}

func endpointsAdmitUsedActionsOnly(t *Template) (f Findings) {
	for r, p := range t.endpointPolicies(&f) {
		used := t.usedThrough(r)
		for _, action := range actionsOf(serviceOf(r)) {
			if used[action] {
				continue
			}
			for _, resource := range t.targets() {
				if p.answer(ask{who: colleague, action: action, resource: resource}).may() {
					f.add(r.ID, "lets %s through, which nothing in the VPC does", action)
					break
				}
			}
		}
	}
	return f
}

// endpointsAdmitWhatIsUsed: each action of each role gets through for at least one of
// the resources it is granted on.
func endpointsAdmitWhatIsUsed(t *Template) (f Findings) {
	for r, p := range t.endpointPolicies(&f) {
		for _, action := range sortedKeys(t.usedThrough(r)) {
			through := slices.ContainsFunc(t.targets(), func(resource string) bool {
				got := p.answer(ask{who: colleague, action: action, resource: resource})
				return got == granted
			})
			if !through {
				f.add(r.ID, "does not let %s through, which a function or a job does", action)
			}
		}
	}
	return f
}

// endpointsAdmitOurResourcesOnly: what a program in the VPC gets hold of cannot be
// carried through the endpoints to a bucket, a key or a model elsewhere.
func endpointsAdmitOurResourcesOnly(t *Template) (f Findings) {
	elsewhere := "arn:aws:%s:" + t.Region + ":" + foreignAccount + ":"
	of := func(service, resource string) string { return strings.Replace(elsewhere, "%s", service, 1) + resource }
	foreign := []string{
		"arn:aws:s3:::someone-elses-bucket", "arn:aws:s3:::someone-elses-bucket/accepted/a", t.arn("StorageAccessLog"), t.arn("StorageAccessLog") + "/access/a",
		of("kms", "key/a"), t.inRegion("kms", "key/another"), of("bedrock", "custom-model/a"), of("bedrock", "provisioned-model/a"),
		of("bedrock", "custom-model-deployment/a"), of("bedrock", "model-customization-job/a"), of("execute-api", "a/live/POST/model/a/converse"),
		t.inRegion("bedrock", "agent/a"), t.inRegion("bedrock", "knowledge-base/a"), t.inRegion("bedrock", "imported-model/a"),
	}
	for r, p := range t.endpointPolicies(&f) {
		f = append(f, p.once(slices.Concat(foreign, []string{"leads", r.ID}), func() (found Findings) {
			actions := slices.DeleteFunc(slices.Clone(actionsOf(serviceOf(r))), func(a string) bool { return !knowsResources(a) })
			for _, a := range asks([]who{colleague}, actions, foreign, p.contexts(nil)) {
				if p.evaluate(a).may() {
					found.add(r.ID, "lets %s on %s through", a.action, a.resource)
				}
			}
			return found
		})...)
	}
	return f
}

// knowsResources says whether an action can be about one resource and not only all.
func knowsResources(action string) bool {
	service, name, _ := strings.Cut(action, ":")
	return len(vocabulary().Services[service].Actions[name]) > 0
}
