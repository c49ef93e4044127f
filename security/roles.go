package security

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

var roleAssertions = []Assertion{
	{"PassRoleIsNarrow", 16, passRoleIsNarrow},
	{"StarterStartsOnly", 17, starterStartsOnly},
	{"ModelsHaveTheStacksTag", 32, modelsHaveTheStacksTag},
	{"AskersAskTunedModelsOnly", 32, askersAskTunedModelsOnly},
	{"GuardrailCannotBeLeftOut", 33, guardrailCannotBeLeftOut},
	{"NoManagedPolicies", 18, noManagedPolicies},
	{"NoUsersOrKeys", 18, noUsersOrKeys},
	{"CodeCannotAttach", 22, codeCannotAttach},
	{"JobTouchesItsInterfacesOnly", 15, jobTouchesItsInterfacesOnly},
}

// passedTo are the services that a role might be handed to: those of the vocabulary,
// those that the template's roles trust or its policies name, one that nobody knows,
// and none.
func (t *Template) passedTo() []string {
	list := []string{"", "unknown.amazonaws.com", "bedrock.amazonaws.com.example.com"}
	for name := range vocabulary().Services {
		list = append(list, name+".amazonaws.com")
	}
	for _, d := range t.documents() {
		for _, s := range statementsOf(d.body) {
			list = append(list, texts(get(s.object, "Principal", "Service"))...)
			for _, c := range s.conditions() {
				if strings.EqualFold(c.key, "iam:PassedToService") {
					list = append(list, fulfilling(c.values)...)
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// fulfilling are values that patterns stand for, an [instance] of each.
func fulfilling(patterns []string) []string {
	var list []string
	for _, p := range patterns {
		list = append(list, instance(p))
	}
	return list
}

// passable are the roles that might be handed over: the template's, and others that
// have a name like that of the one that is.
func (t *Template) passable() []string {
	service := t.arn("CustomizationRole")
	list := []string{
		"arn:aws:iam::" + foreignAccount + ":role/a", "arn:aws:iam::" + Account + ":role/admin", service + "x", strings.Replace(service, ":role/", ":role/x/", 1),
		strings.Replace(service, Account, foreignAccount, 1),
	}
	for _, role := range t.ofType("AWS::IAM::Role") {
		list = append(list, attribute(role, t.Region, "Arn"))
	}
	return list
}

// passRoleIsNarrow: for all roles, all roles that they might hand over and all
// services: only submit hands over a role, only the one for jobs, and only to Bedrock.
func passRoleIsNarrow(t *Template) (f Findings) {
	service, targets := "bedrock.amazonaws.com", t.passable()
	pass := func(me who, target, to string) ask {
		a := ask{who: me, action: "iam:PassRole", resource: target, keys: keys()}
		if to != "" {
			a.keys = keys("iam:PassedToService", to, "iam:AssociatedResourceArn", t.inRegion("bedrock", "model-customization-job/a"))
		}
		return a
	}
	to := t.passedTo()
	for _, role := range t.ofType("AWS::IAM::Role") {
		me, submits := who{arn: attribute(role, t.Region, "Arn")}, role == t.find("FunctionsSubmitRole")
		list := t.permissions(&f, role)
		for _, p := range list {
			key := slices.Concat(keyOf([]who{me}), targets, to, []string{"passes", role.ID, t.arn("CustomizationRole")})
			f = append(f, p.once(key, func() (found Findings) {
				for _, target := range targets {
					for _, receiver := range to {
						good := submits && target == t.arn("CustomizationRole") && receiver == service
						if !good && p.evaluate(pass(me, target, receiver)).may() {
							found.add(role.ID, "may hand %s to %q", target, receiver)
						}
					}
				}
				return found
			})...)
		}
		if submits && answers(list, pass(me, t.arn("CustomizationRole"), service)) != granted {
			f.add(role.ID, "may not hand the role for jobs to Bedrock")
		}
		for _, p := range list {
			for _, context := range without(p.contexts(nil), "iam:PassedToService", service) {
				if p.evaluate(ask{me, "iam:PassRole", t.arn("CustomizationRole"), context}).may() {
					f.add(role.ID, "may hand over the service role as a policy asks for it")
				}
			}
		}
	}
	return f
}

// tagged is a context in which everything has the stack's tag, or is given it.
func tagged() map[string][]string {
	return keys("aws:ResourceTag/"+tagKey, stackName, "aws:RequestTag/"+tagKey, stackName)
}

// models are Bedrock's resources that the pipeline makes.
func (t *Template) models() []string {
	return []string{
		t.inRegion("bedrock", "model-customization-job/a"), t.inRegion("bedrock", "custom-model/a"),
		t.inRegion("bedrock", "custom-model-deployment/a"), t.inRegion("bedrock", "provisioned-model/a"),
		t.baseModel(t.tunableModel()),
	}
}

// starting is all that the function which starts jobs does on Bedrock.
var starting = []string{
	"bedrock:CreateModelCustomizationJob", "bedrock:TagResource", "bedrock:GetFoundationModel", "bedrock:GetModelCustomizationJob",
	"bedrock:GetCustomModel", "bedrock:StopModelCustomizationJob",
}

// starterStartsOnly: for all actions of Bedrock, on all kinds of models, tagged or
// not: who starts jobs asks no model and deletes, buys and shares nothing.
func starterStartsOnly(t *Template) (f Findings) {
	role := t.find("FunctionsSubmitRole")
	if role == nil {
		f.add("FunctionsSubmitRole", "it is missing")
		return f
	}
	list, me := t.permissions(&f, role), t.roleARN("FunctionsSubmitRole")
	for _, action := range actionsOf("bedrock") {
		may := slices.ContainsFunc(append(t.models(), "*"), func(model string) bool {
			return answers(list, ask{who: me, action: action, resource: model, keys: tagged()}).may()
		})
		if may != slices.Contains(starting, action) {
			f.add(role.ID, "may %s: %v, want %v", action, may, !may)
		}
	}
	return f
}

// changing are the actions that make, change, remove or ask what the stack's tag is on.
var changing = []string{
	"bedrock:StopModelCustomizationJob", "bedrock:DeleteCustomModel", "bedrock:DeleteCustomModelDeployment", "bedrock:UpdateCustomModelDeployment",
	"bedrock:DeleteProvisionedModelThroughput", "bedrock:UpdateProvisionedModelThroughput", "bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream",
	"bedrock:CreateModelCustomizationJob", "bedrock:CreateProvisionedModelThroughput", "bedrock:CreateCustomModelDeployment", "bedrock:TagResource", "bedrock:UntagResource",
}

// modelsHaveTheStacksTag: no role makes what has not the tag, or touches what another
// stack made.
func modelsHaveTheStacksTag(t *Template) (f Findings) {
	contexts := map[string]map[string][]string{
		"without a tag":           {},
		"of another stack":        keys("aws:ResourceTag/"+tagKey, "another", "aws:RequestTag/"+tagKey, "another"),
		"with a tag of its own":   keys("aws:ResourceTag/team", stackName, "aws:RequestTag/team", stackName),
		"in a guardrail's answer": keys("bedrock:GuardrailIdentifier", t.inRegion("bedrock", "guardrail/gr1a2b3c4d5e")+":3"),
	}
	for _, role := range t.ofType("AWS::IAM::Role") {
		list, me := t.permissions(&f, role), who{arn: attribute(role, t.Region, "Arn")}
		contexts := maps.Clone(contexts)
		for _, p := range list {
			for i, own := range p.contexts(contexts["of another stack"]) {
				contexts[fmt.Sprintf("of another stack, in context %d of %s", i, p.compiled.Name)] = own
			}
		}
		granted := t.grantedTo(role)
		for _, action := range changing {
			if !granted[action] && !granted[allButSome] {
				continue
			}
			for _, model := range t.models()[:4] { // a base model is in no account and has no tag
				for what, context := range contexts {
					if answers(list, ask{who: me, action: action, resource: model, keys: context}).may() {
						f.add(role.ID, "may %s on %s %s", action, model, what)
					}
				}
			}
		}
	}
	return f
}

// askersAskTunedModelsOnly: for all roles: only those who serve and try ask, only
// tuned models, and never a base model, a profile or an agent.
func askersAskTunedModelsOnly(t *Template) (f Findings) {
	others := []string{
		t.models()[4], t.inRegion("bedrock", "inference-profile/a"), t.inRegion("bedrock", "application-inference-profile/a"),
		t.inRegion("bedrock", "imported-model/a"), t.inRegion("bedrock", "prompt-router/a"), t.inRegion("bedrock", "async-invoke/a"), "*",
	}
	context := with(tagged(), "bedrock:GuardrailIdentifier", t.guardrail())
	for _, role := range t.ofType("AWS::IAM::Role") {
		list, me := t.permissions(&f, role), who{arn: attribute(role, t.Region, "Arn")}
		asks := role == t.find("FunctionsInvokeRole") || role == t.find("FunctionsThroughputRole")
		others := slices.Clone(others)
		for _, p := range list {
			others = append(others, slices.DeleteFunc(p.patterns(), isTuned)...)
		}
		for _, action := range actionsOf("bedrock") {
			if !strings.HasPrefix(action, "bedrock:Invoke") {
				continue
			}
			for _, model := range others {
				if answers(list, ask{who: me, action: action, resource: model, keys: context}).may() {
					f.add(role.ID, "may %s on %s", action, model)
				}
			}
			if !asks && answers(list, ask{who: me, action: action, resource: t.models()[2], keys: context}).may() {
				f.add(role.ID, "may %s", action)
			}
		}
	}
	for _, name := range []string{"FunctionsInvokeRole", "FunctionsThroughputRole"} {
		if r := t.find(name); r == nil || answers(t.permissions(&f, r), ask{who: t.roleARN(name), action: "bedrock:InvokeModel", resource: t.models()[2], keys: context}) != granted {
			f.add(name, "may not ask a tuned model")
		}
	}
	return f
}

// isTuned says whether an ARN is of a tuned model that serves.
func isTuned(arn string) bool {
	return strings.Contains(arn, ":provisioned-model/") || strings.Contains(arn, ":custom-model-deployment/")
}

// configuredGuardrail is the guardrail that the invoke function is configured with;
// without an id there is none.
func (t *Template) configuredGuardrail() (g struct{ ID, Version string }) {
	if f := t.find("FunctionsInvokeFunction"); f != nil {
		value := text(get(f.Properties, "Environment", "Variables", "TUNELINE_GUARDRAIL"))
		if err := json.Unmarshal([]byte(value), &g); err != nil {
			return struct{ ID, Version string }{}
		}
	}
	return g
}

func (t *Template) hasGuardrail() bool { return t.configuredGuardrail().ID != "" }

// guardrailARN is the configured guardrail's, whatever its version.
func (t *Template) guardrailARN() string {
	id := t.configuredGuardrail().ID
	if strings.HasPrefix(id, "arn:") {
		return id
	}
	return t.inRegion("bedrock", "guardrail/"+id)
}

// guardrail is the configured one as a condition names it, which leaves DRAFT out.
func (t *Template) guardrail() string {
	if version := t.configuredGuardrail().Version; version != "DRAFT" {
		return t.guardrailARN() + ":" + version
	}
	return t.guardrailARN()
}

// guardrailCannotBeLeftOut: where one is configured, the role asks through it, in any
// request its code could send.
func guardrailCannotBeLeftOut(t *Template) (f Findings) {
	role := t.find("FunctionsInvokeRole")
	if role == nil || !t.hasGuardrail() {
		return f
	}
	list, me := t.permissions(&f, role), t.roleARN("FunctionsInvokeRole")
	var tries []battery
	for _, action := range []string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"} {
		for _, model := range t.models()[2:4] {
			tries = append(tries,
				battery{"without a guardrail", ask{who: me, action: action, resource: model, keys: tagged()}, false},
				battery{"with another guardrail", ask{who: me, action: action, resource: model, keys: with(tagged(), "bedrock:GuardrailIdentifier", t.inRegion("bedrock", "guardrail/another"))}, false},
				battery{"with the guardrail", ask{who: me, action: action, resource: model, keys: with(tagged(), "bedrock:GuardrailIdentifier", t.guardrail())}, true})
		}
	}
	for _, p := range list {
		for _, context := range without(p.contexts(tagged()), "bedrock:GuardrailIdentifier", t.guardrail()) {
			tries = append(tries, battery{"with another guardrail that the policy knows", ask{me, "bedrock:InvokeModel", t.models()[2], context}, false})
		}
	}
	try(&f, role.ID, list, tries)
	return f
}

func noManagedPolicies(t *Template) (f Findings) {
	for _, role := range t.ofType("AWS::IAM::Role", "AWS::IAM::Group") {
		for _, arn := range texts(role.Properties["ManagedPolicyArns"]) {
			f.add(role.ID, "has the policy %s, which is not the stack's", arn)
		}
	}
	for _, p := range t.ofType("AWS::IAM::ManagedPolicy") {
		for _, name := range texts(p.Properties["Roles"]) {
			if name != t.ref("AccessOperator") {
				f.add(p.ID, "is attached to %s", name)
			}
		}
	}
	return f
}

func noUsersOrKeys(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::IAM::User", "AWS::IAM::AccessKey", "AWS::IAM::Group", "AWS::IAM::UserToGroupAddition", "AWS::IAM::OIDCProvider", "AWS::IAM::SAMLProvider", "AWS::IAM::InstanceProfile", "AWS::RolesAnywhere::Profile") {
		f.add(r.ID, "%s gives somebody standing access", r.Type)
	}
	return f
}

// codeCannotAttach: Lambda may make interfaces for a function in the VPC, and the
// function's own code may not.
func codeCannotAttach(t *Template) (f Findings) {
	for _, fn := range t.ofType("AWS::Lambda::Function") {
		if fn.Properties["VpcConfig"] == nil {
			continue
		}
		for _, role := range t.insiders() {
			arn := attribute(role, t.Region, "Arn")
			if arn != text(fn.Properties["Role"]) {
				continue
			}
			list := t.permissions(&f, role)
			for _, action := range []string{"ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"} {
				try(&f, role.ID, list, []battery{
					{"the function's code", ask{who: who{arn: arn}, action: action, resource: "*", keys: keys("lambda:SourceFunctionArn", attribute(fn, t.Region, "Arn"))}, false},
					{"Lambda", ask{who: who{arn: arn}, action: action, resource: "*"}, true},
				})
			}
		}
	}
	return f
}

// jobTouchesItsInterfacesOnly: the role that Bedrock assumes makes interfaces in the
// job's subnets and group, tagged as a job's, and touches no others.
func jobTouchesItsInterfacesOnly(t *Template) (f Findings) {
	role := t.find("CustomizationRole")
	if role == nil {
		f.add("CustomizationRole", "it is missing")
		return f
	}
	list, me := t.permissions(&f, role), t.roleARN("CustomizationRole")
	eni, job := t.inRegion("ec2", "network-interface/eni-a"), t.inRegion("bedrock", "model-customization-job/a")
	subnet := t.inRegion("ec2", "subnet/"+t.ref("NetworkIsolated1Subnet"))
	const managed, jobTag = "BedrockManaged", "BedrockModelCustomizationJobArn"
	making := keys("aws:RequestTag/"+managed, "true", "aws:RequestTag/"+jobTag, job)
	touching := keys("ec2:ResourceTag/"+managed, "true", "ec2:ResourceTag/"+jobTag, job, "ec2:Subnet", subnet)
	create, remove, permit, tag := "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:CreateNetworkInterfacePermission", "ec2:CreateTags"
	tags := func(action string, names ...string) map[string][]string {
		context := keys("ec2:CreateAction", action)
		context["aws:TagKeys"] = names
		return context
	}
	try(&f, role.ID, list, []battery{
		{"a tagged interface", ask{me, create, eni, making}, true},
		{"an interface without tags", ask{me, create, eni, nil}, false},
		{"another account's job's interface", ask{me, create, eni, with(making, "aws:RequestTag/"+jobTag, "arn:aws:bedrock:"+t.Region+":"+foreignAccount+":model-customization-job/a")}, false},
		{"in the job's subnet", ask{me, create, subnet, nil}, true},
		{"in another subnet", ask{me, create, t.inRegion("ec2", "subnet/subnet-other"), nil}, false},
		{"in the functions' group", ask{me, create, t.inRegion("ec2", "security-group/"+t.ref("NetworkFunctionGroup")), nil}, false},
		{"deletes its own", ask{me, remove, eni, touching}, true},
		{"deletes another's", ask{me, remove, eni, keys("ec2:Subnet", subnet)}, false},
		{"deletes another subnet's", ask{me, remove, eni, with(touching, "ec2:Subnet", t.inRegion("ec2", "subnet/subnet-other"))}, false},
		{"permits another's", ask{me, permit, eni, keys("ec2:Subnet", subnet)}, false},
		{"tags as it makes", ask{me, tag, eni, tags("CreateNetworkInterface", managed, jobTag)}, true},
		{"tags later", ask{me, tag, eni, tags("", managed)}, false},
		{"tags as it likes", ask{me, tag, eni, tags("CreateNetworkInterface", "Name")}, false},
		{"tags an instance", ask{me, tag, t.inRegion("ec2", "instance/i-a"), tags("RunInstances", managed)}, false},
	})
	return f
}
