package security

import (
	"slices"
	"strings"
)

var permissionAssertions = []Assertion{
	{"RolesDoWhatTheyMustAndNoMore", 15, rolesDoWhatTheyMust},
	{"ObjectsByPrefix", 15, objectsByPrefix},
	{"NothingOnEverything", 15, nothingOnEverything},
	{"NothingByException", 15, nothingByException},
	{"PermissionsAreOnThisStack", 15, permissionsAreOnThisStack},
	{"KeyIsUsedThroughServicesByRoles", 7, keyIsUsedThroughServicesByRoles},
}

// optional are the roles that only some configurations have.
var optional = []string{"FunctionsAuthorizeRole", "InferenceLogRole", "TrailRole"}

// rolesDoWhatTheyMust compares, for all actions of all services of the vocabulary,
// what a role's policies allow on some resource with the actions in [grants].
func rolesDoWhatTheyMust(t *Template) (f Findings) {
	known := map[*Resource]string{}
	for _, name := range sortedKeys(grants) {
		role := t.find(name)
		if role == nil {
			if !slices.Contains(optional, name) {
				f.add(name, "the role is missing")
			}
			continue
		}
		known[role] = name
	}
	for _, role := range t.ofType("AWS::IAM::Role") {
		name, ok := known[role]
		if !ok {
			f.add(role.ID, "no duties are written down for the role")
			continue
		}
		granted := t.grantedTo(role)
		for _, action := range t.duty(name) {
			if !granted[action] {
				f.add(role.ID, "may not %s and must", action)
			}
			delete(granted, action)
		}
		for _, action := range sortedKeys(granted) {
			f.add(role.ID, "may %s, which is not among its duties", action)
		}
	}
	return f
}

// allButSome stands for the actions that a NotAction allows.
const allButSome = "all but some"

// grantedTo are all actions that a role's statements allow, on whatever and whenever.
func (t *Template) grantedTo(role *Resource) map[string]bool {
	all := map[string]bool{}
	for _, d := range t.identityDocuments(role) {
		for _, s := range statementsOf(d.body) {
			if !s.allows() {
				continue
			}
			for _, pattern := range s.actions() {
				matched := match(pattern)
				if len(matched) == 0 {
					matched = []string{pattern}
				}
				for _, action := range matched {
					all[action] = true
				}
			}
			if s.object["NotAction"] != nil {
				all[allButSome] = true
			}
		}
	}
	return all
}

// allPrefixes are the prefixes of the stack's bucket.
var allPrefixes = []string{"fine-tuning-datasets/", "validation-datasets/", "media/", "accepted/", "outputs/", "registry/", "runs/", "reports/", "approvals/"}

// prefixes are what each role reads and writes, by prefix: r, w or both.
var prefixes = map[string]map[string]string{
	"FunctionsValidateRole":   {"fine-tuning-datasets/": "r", "validation-datasets/": "r", "accepted/": "w", "runs/": "rw", "registry/": "r", "reports/": "w"},
	"FunctionsSubmitRole":     {"runs/": "rw", "registry/": "r"},
	"FunctionsPollRole":       {},
	"FunctionsAnalyzeRole":    {"outputs/": "r", "runs/": "rw", "reports/": "w"},
	"FunctionsThroughputRole": {"registry/": "rw", "runs/": "rw", "reports/": "w", "approvals/": "r"},
	"FunctionsInvokeRole":     {"registry/": "r"},
	"LifecycleFunctionRole":   {},
	"CustomizationRole":       {"accepted/": "r", "media/": "r", "outputs/": "rw"},
	"AccessUploader":          {"fine-tuning-datasets/": "w", "validation-datasets/": "w", "media/": "w"},
	"AccessOperator": {
		"fine-tuning-datasets/": "rw", "validation-datasets/": "rw", "media/": "rw", "accepted/": "r", "outputs/": "r", "registry/": "r",
		"runs/": "r", "reports/": "r", "approvals/": "rw", "elsewhere/": "r",
	},
}

// objectsByPrefix asks of every role and every prefix whether it reads and writes
// there; and that nobody deletes an object, or reads and writes in another bucket.
func objectsByPrefix(t *Template) (f Findings) {
	for _, role := range t.ofType("AWS::IAM::Role") {
		list, me := t.permissions(&f, role), who{arn: attribute(role, t.Region, "Arn")}
		may := prefixes[""]
		for name, p := range prefixes {
			if t.find(name) == role {
				may = p
			}
		}
		for _, prefix := range append(slices.Clone(allPrefixes), "elsewhere/") {
			at := func(action, arn string) ask { return ask{who: me, action: action, resource: arn, keys: t.inside()} }
			object := t.arn("StorageBucket") + "/" + prefix + "m/a"
			try(&f, role.ID, list, []battery{
				{"reads", at("s3:GetObject", object), strings.Contains(may[prefix], "r")},
				{"writes", at("s3:PutObject", object), strings.Contains(may[prefix], "w")},
				{"deletes", at("s3:DeleteObject", object), false}, {"deletes", at("s3:DeleteObjectVersion", object), false},
				{"gives away", at("s3:PutObjectAcl", object), false}, {"tags", at("s3:PutObjectTagging", object), false},
				{"reads elsewhere", at("s3:GetObject", "arn:aws:s3:::another/"+prefix+"m/a"), false},
				{"writes elsewhere", at("s3:PutObject", "arn:aws:s3:::another/"+prefix+"m/a"), false},
			})
		}
	}
	return f
}

// everywhere are the actions that may be on all resources, because they know none, or
// because their service documents them so; of the second kind by role.
var everywhere = map[string][]string{
	"xray:": nil, "bedrock:List": nil, "ec2:Describe": nil, "cloudwatch:GetMetricStatistics": nil, "servicequotas:Get": nil, "servicequotas:List": nil,
	"bedrock:GetFoundationModelAvailability": nil,
	"logs:CreateLogDelivery":                 nil, "logs:GetLogDelivery": nil, "logs:UpdateLogDelivery": nil, "logs:DeleteLogDelivery": nil,
	"logs:ListLogDeliveries": nil, "logs:PutResourcePolicy": nil, "logs:DescribeResourcePolicies": nil, "logs:DescribeLogGroups": nil,
	// API Gateway's role for the whole account, with what AWS documents for it.
	"logs:": {"InferenceLogRole"},
	// Lambda, and not the code, attaches a function; Bedrock touches what it tagged.
	"ec2:": {
		"FunctionsValidateRole", "FunctionsSubmitRole", "FunctionsPollRole", "FunctionsAnalyzeRole", "FunctionsThroughputRole", "FunctionsInvokeRole", "CustomizationRole",
	},
}

func nothingOnEverything(t *Template) (f Findings) {
	for _, d := range t.documents() {
		if !d.identity {
			continue
		}
		for _, s := range statementsOf(d.body) {
			if !s.allows() || !slices.Contains(s.resources(), "*") {
				continue
			}
			for _, action := range s.actions() {
				if !t.mayBeEverywhere(d.owner, action) {
					f.add(d.owner.ID, "%s: %s on every resource", s.sid(), action)
				}
			}
		}
	}
	return f
}

func (t *Template) mayBeEverywhere(owner *Resource, action string) bool {
	for prefix, roles := range everywhere {
		if !strings.HasPrefix(action, prefix) || strings.Contains(action, "*") {
			continue
		}
		if roles == nil || slices.ContainsFunc(roles, func(name string) bool { return t.find(name) == owner }) {
			return true
		}
	}
	return false
}

// nothingByException: what is allowed is named: no NotAction, NotResource or
// NotPrincipal, and no wildcard in an action but the two that AWS documents for logs.
func nothingByException(t *Template) (f Findings) {
	for _, d := range t.documents() {
		for _, s := range statementsOf(d.body) {
			if !s.allows() {
				continue
			}
			for _, key := range []string{"NotAction", "NotResource", "NotPrincipal"} {
				if s.object[key] != nil {
					f.add(d.owner.ID, "%s: allows by %s", s.sid(), key)
				}
			}
			for _, action := range s.actions() {
				if strings.Contains(action, "*") && action != "kms:ReEncrypt*" && action != "kms:GenerateDataKey*" {
					f.add(d.owner.ID, "%s: allows %s", s.sid(), action)
				}
			}
		}
	}
	return f
}

// permissionsAreOnThisStack: what identity policies allow is in this account and
// Region, and where the service lets names be given, of this stack.
func permissionsAreOnThisStack(t *Template) (f Findings) {
	own := t.ownARNs()
	for _, d := range t.documents() {
		if !d.identity {
			continue
		}
		for _, s := range statementsOf(d.body) {
			for _, arn := range s.resources() {
				if s.allows() && arn != "*" && !t.isHere(own, arn) {
					f.add(d.owner.ID, "%s: is on %s", s.sid(), arn)
				}
			}
		}
	}
	return f
}

// isHere says whether an ARN, perhaps a pattern, is of this stack.
func (t *Template) isHere(own map[string]bool, arn string) bool {
	bucket := t.arn("StorageBucket")
	if own[arn] || strings.HasPrefix(arn, bucket+"/") {
		return true
	}
	segments := strings.SplitN(arn, ":", 6)
	if len(segments) < 6 {
		return false
	}
	service, region, account, rest := segments[2], segments[3], segments[4], segments[5]
	if service == "bedrock" && account == "" && strings.HasPrefix(rest, "foundation-model/") {
		return region == t.Region
	}
	if region != t.Region || account != Account || rest == "*" {
		return false
	}
	return slices.ContainsFunc(t.ours(service), func(prefix string) bool { return strings.HasPrefix(rest, prefix) })
}

// ours are how the names of a service's resources begin that the stack may speak of.
func (t *Template) ours(service string) []string {
	api := t.ref("InferenceAPI")
	return map[string][]string{
		"bedrock":        {"model-customization-job/", "custom-model/", "custom-model-deployment/", "provisioned-model/", "guardrail/"},
		"states":         {"execution:" + stackName + "-"},
		"logs":           {"log-group:/" + stackName + "/", "log-group:/aws/vendedlogs/" + stackName + "/", "log-group:API-Gateway-Execution-Logs_" + api},
		"ec2":            {"network-interface/", "subnet/subnet-", "security-group/sg-"},
		"execute-api":    {api + "/live/"},
		"servicequotas":  {"bedrock/"},
		"cloudformation": {"stack/" + stackName + "/"},
	}[service]
}

// keyIsUsedThroughServicesByRoles: no role of the template reads or writes with a key
// that it asks KMS for itself, or with another key.
func keyIsUsedThroughServicesByRoles(t *Template) (f Findings) {
	for _, role := range t.ofType("AWS::IAM::Role") {
		list, me := t.permissions(&f, role), who{arn: attribute(role, t.Region, "Arn")}
		for _, action := range using {
			via := keys("kms:CallerAccount", Account, "kms:ViaService", "s3."+t.Region+".amazonaws.com", "kms:GrantIsForAWSResource", "true")
			try(&f, role.ID, list, []battery{
				{"without a service", ask{me, action, t.arn("Key"), keys("kms:CallerAccount", Account)}, false},
				{"another key", ask{me, action, t.inRegion("kms", "key/another"), via}, false},
				{"another account's key", ask{me, action, "arn:aws:kms:" + t.Region + ":" + foreignAccount + ":key/a", via}, false},
				{"through another service", ask{me, action, t.arn("Key"), with(via, "kms:ViaService", "secretsmanager."+t.Region+".amazonaws.com")}, false},
			})
		}
	}
	return f
}
