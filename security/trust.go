package security

import (
	"slices"
	"strings"
)

var trustAssertions = []Assertion{
	{"BedrockActsForOurJobsOnly", 14, bedrockActsForOurJobsOnly},
	{"ServicesActForThisAccountOnly", 14, servicesActForThisAccountOnly},
	{"RolesTrustOneServiceOrPeople", 14, rolesTrustOneServiceOrPeople},
	{"PeopleAreOfThisAccountOrNamed", 14, peopleAreOfThisAccountOrNamed},
}

// assume is a request to assume a role.
func assume(service string, pairs ...string) ask {
	return ask{who: who{service: service}, action: "sts:AssumeRole", resource: "*", keys: keys(pairs...)}
}

// bedrockActsForOurJobsOnly is the confused deputy's six requests, and the one that
// must come through.
func bedrockActsForOurJobsOnly(t *Template) (f Findings) {
	p, ok := t.resourcePolicy(&f, "CustomizationRole", "AssumeRolePolicyDocument")
	if !ok {
		return f
	}
	const bedrock = "bedrock.amazonaws.com"
	ours, theirs := t.inRegion("bedrock", "model-customization-job/a"), "arn:aws:bedrock:"+t.Region+":"+foreignAccount+":model-customization-job/a"
	list := []battery{
		{"our job", assume(bedrock, "aws:SourceAccount", Account, "aws:SourceArn", ours), true},
		{"another account's job", assume(bedrock, "aws:SourceAccount", foreignAccount, "aws:SourceArn", theirs), false},
		{"another account's job in our name", assume(bedrock, "aws:SourceAccount", Account, "aws:SourceArn", theirs), false},
		{"our job in another account's name", assume(bedrock, "aws:SourceAccount", foreignAccount, "aws:SourceArn", ours), false},
		{"something else of ours", assume(bedrock, "aws:SourceAccount", Account, "aws:SourceArn", t.inRegion("bedrock", "evaluation-job/a")), false},
		{"nobody's job", assume(bedrock, "aws:SourceAccount", Account), false},
		{"no account's job", assume(bedrock, "aws:SourceArn", ours), false},
		{"another service", assume("sagemaker.amazonaws.com", "aws:SourceAccount", Account, "aws:SourceArn", ours), false},
	}
	for _, who := range []who{colleague, foreigner, t.roleARN("FunctionsSubmitRole")} {
		a := assume("", "aws:SourceAccount", Account, "aws:SourceArn", ours)
		a.who = who
		list = append(list, battery{"a person or program", a, false})
	}
	for _, context := range without(p.contexts(nil), "aws:SourceAccount", Account) {
		a := assume(bedrock)
		a.keys = context
		list = append(list, battery{"an account that the policy knows", a, false})
	}
	try(&f, t.find("CustomizationRole").ID, []policy{p}, list)
	return f
}

// deputy is a service that says for whom it acts, with a role and a source.
type deputy struct{ role, service, source string }

// deputies are the services that say for whom they act, by their roles, with a source
// that each names: the rule, the schedule's group, the machine. A flow log's id is
// EC2's own, so its role is for all of the account's. Lambda and CloudTrail name no
// source when they assume a role; API Gateway's role is the whole account's.
func (t *Template) deputies() []deputy {
	rule := func(name string) string { return t.inRegion("events", "rule/"+t.ref(name)) }
	return []deputy{
		{"NetworkFlowLogRole", "vpc-flow-logs.amazonaws.com", t.inRegion("ec2", "vpc-flow-log/fl-a")},
		{"WorkflowRole", "states.amazonaws.com", t.inRegion("states", "stateMachine:tuneline-finetune")},
		{"WorkflowReleaseRole", "states.amazonaws.com", t.inRegion("states", "stateMachine:tuneline-release")},
		{"WorkflowSweepRole", "states.amazonaws.com", t.inRegion("states", "stateMachine:tuneline-sweep")},
		{"SweepRole", "scheduler.amazonaws.com", t.inRegion("scheduler", "schedule-group/default")},
		{"TriggerStarterRole", "events.amazonaws.com", rule("TriggerUpload")},
		{"TriggerStarterRole", "events.amazonaws.com", rule("TriggerRelease")},
	}
}

func servicesActForThisAccountOnly(t *Template) (f Findings) {
	for _, d := range t.deputies() {
		p, ok := t.resourcePolicy(&f, d.role, "AssumeRolePolicyDocument")
		if !ok {
			continue
		}
		theirs := strings.ReplaceAll(d.source, Account, foreignAccount)
		kind := d.source[:strings.LastIndexAny(d.source, ":/")+1]
		list := []battery{
			{"for us", assume(d.service, "aws:SourceAccount", Account, "aws:SourceArn", d.source), true},
			{"for another account", assume(d.service, "aws:SourceAccount", foreignAccount, "aws:SourceArn", theirs), false},
			{"for no account", assume(d.service), false},
			{"in another account's name", assume(d.service, "aws:SourceAccount", foreignAccount, "aws:SourceArn", d.source), false},
			{"for another account's resource", assume(d.service, "aws:SourceAccount", Account, "aws:SourceArn", theirs), false},
			{"for another resource", assume(d.service, "aws:SourceAccount", Account, "aws:SourceArn", t.inRegion("ec2", "another/a")), false},
			{"for no resource", assume(d.service, "aws:SourceAccount", Account), false},
			{"for another of its kind", assume(d.service, "aws:SourceAccount", Account, "aws:SourceArn", kind+"another"), d.role == "NetworkFlowLogRole"},
		}
		for _, context := range without(p.contexts(nil), "aws:SourceAccount", Account) {
			a := assume(d.service)
			a.keys = context
			list = append(list, battery{"for an account that the policy knows", a, false})
		}
		try(&f, t.find(d.role).ID, []policy{p}, list)
	}
	return f
}

// services are those that roles of the template trust.
var services = []string{
	"lambda.amazonaws.com", "bedrock.amazonaws.com", "states.amazonaws.com", "events.amazonaws.com", "scheduler.amazonaws.com",
	"vpc-flow-logs.amazonaws.com", "apigateway.amazonaws.com", "cloudtrail.amazonaws.com",
}

func rolesTrustOneServiceOrPeople(t *Template) (f Findings) {
	for _, role := range t.ofType("AWS::IAM::Role") {
		people := role == t.find("AccessUploader") || role == t.find("AccessOperator")
		trusted := 0
		for _, s := range statementsOf(role.Properties["AssumeRolePolicyDocument"]) {
			principal, _ := s.object["Principal"].(object)
			for kind, names := range principal {
				trusted += len(texts(names))
				for _, name := range texts(names) {
					switch {
					case kind == "Service" && !people && slices.Contains(services, name):
					case kind == "AWS" && people:
					default:
						f.add(role.ID, "trusts %s %s", kind, name)
					}
				}
			}
			if principal == nil {
				f.add(role.ID, "trusts %v", s.object["Principal"])
			}
		}
		if !people && trusted != 1 {
			f.add(role.ID, "trusts %d services, want one", trusted)
		}
	}
	return f
}

// peopleAreOfThisAccountOrNamed: what may become an uploader or an operator is the
// account, or named by a full ARN, and nobody beside them; with one of the account they
// need a permission of IAM as well.
func peopleAreOfThisAccountOrNamed(t *Template) (f Findings) {
	for _, name := range []string{"AccessUploader", "AccessOperator"} {
		p, ok := t.resourcePolicy(&f, name, "AssumeRolePolicyDocument")
		if !ok {
			continue
		}
		for _, s := range p.statements {
			people := s.principals()["AWS"]
			account := slices.Equal(people, []string{"arn:aws:iam::" + Account + ":root"})
			named := !slices.ContainsFunc(people, func(arn string) bool { return !personARN.MatchString(arn) })
			if len(p.statements) != 1 || len(people) == 0 || !account && !named {
				f.add(t.find(name).ID, "is for %v: want the account alone, or people by their full ARNs", people)
			}
		}
		for _, who := range []who{foreigner, nobody, {arn: "arn:aws:iam::" + foreignAccount + ":root"}} {
			if p.answer(ask{who: who, action: "sts:AssumeRole", resource: "*"}).may() {
				f.add(t.find(name).ID, "a stranger may assume it")
			}
		}
	}
	return f
}
