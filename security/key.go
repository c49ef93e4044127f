package security

import (
	"slices"
	"strings"
)

var keyAssertions = []Assertion{
	{"KeyRotates", 6, keyRotates},
	{"KeyTakesAMonthToDelete", 6, keyTakesAMonthToDelete},
	{"AdministratorsCannotUseTheKey", 6, administratorsCannotUseTheKey},
	{"KeyIsForNoOtherAccount", 7, keyIsForNoOtherAccount},
	{"KeyPolicyLeavesItToIAM", 7, keyPolicyLeavesItToIAM},
	{"KeyIsUsedThroughServicesOnly", 7, keyIsUsedThroughServicesOnly},
	{"RolesCannotAdministerTheKey", 7, rolesCannotAdministerTheKey},
	{"ServicesUseTheKeyForUsOnly", 7, servicesUseTheKeyForUsOnly},
	{"KeyIsUsable", 7, keyIsUsable},
	{"GrantsOnTheKeyAreGood", 7, grantsOnTheKeyAreGood},
	{"GrantsAreBedrocksOnly", 8, grantsAreBedrocksOnly},
	{"RolesGrantThroughBedrockOnly", 8, rolesGrantThroughBedrockOnly},
}

func keyRotates(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::KMS::Key") {
		if !isTrue(r.Properties["EnableKeyRotation"]) {
			f.add(r.ID, "the key does not rotate")
		}
	}
	return f
}

func keyTakesAMonthToDelete(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::KMS::Key") {
		if number(r.Properties["PendingWindowInDays"]) != 30 {
			f.add(r.ID, "the key is gone %s days after somebody asks for it: want 30", text(r.Properties["PendingWindowInDays"]))
		}
	}
	return f
}

// using are the actions that read, write or hand on what is encrypted.
var using = []string{
	"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:GenerateDataKeyPair",
	"kms:GenerateDataKeyPairWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:CreateGrant", "kms:DeriveSharedSecret",
	"kms:Sign", "kms:GenerateMac", "kms:ReplicateKey", "kms:GetParametersForImport", "kms:ImportKeyMaterial",
}

func (t *Template) keyPolicy(f *Findings) (policy, bool) {
	return t.resourcePolicy(f, "Key", "KeyPolicy")
}

// administratorsCannotUseTheKey: whoever in the account asks KMS itself, and not
// through a service, gets nothing decrypted, whatever IAM allows.
func administratorsCannotUseTheKey(t *Template) (f Findings) {
	p, ok := t.keyPolicy(&f)
	if !ok {
		return f
	}
	for _, who := range []who{colleague, {arn: "arn:aws:iam::" + Account + ":root"}, t.roleARN("FunctionsValidateRole"), t.roleARN("AccessOperator")} {
		for _, action := range using {
			if p.answer(ask{who: who, action: action, resource: t.arn("Key"), keys: keys("kms:CallerAccount", Account)}).may() {
				f.add(t.find("Key").ID, "%s may %s without a service in between", who.arn, action)
			}
		}
	}
	return f
}

// shapes are contexts of requests on the key: through each service that is named, and
// with each encryption context.
func (t *Template) shapes(account string) []map[string][]string {
	list := []map[string][]string{keys("kms:CallerAccount", account)}
	for _, service := range []string{"s3", "bedrock", "sqs", "sns", "secretsmanager", "lambda", "ec2", "dynamodb"} {
		list = append(list, keys("kms:CallerAccount", account, "kms:ViaService", service+"."+t.Region+".amazonaws.com"),
			keys("kms:CallerAccount", account, "kms:ViaService", service+"."+t.Region+".amazonaws.com", "kms:GrantIsForAWSResource", "true"))
	}
	states, schedule := "kms:EncryptionContext:aws:states:stateMachineArn", "kms:EncryptionContext:aws:scheduler:schedule:arn"
	return append(list,
		keys("kms:CallerAccount", account, states, t.inRegion("states", "stateMachine:a")),
		keys("kms:CallerAccount", account, schedule, t.inRegion("scheduler", "schedule/default/a")),
		keys("kms:CallerAccount", account, "kms:EncryptionContext:SourceArn", t.inRegion("logs", "a")))
}

// keyIsForNoOtherAccount: for all actions of KMS and all shapes of a request, by those
// whom the policy names as well.
func keyIsForNoOtherAccount(t *Template) (f Findings) {
	p, ok := t.keyPolicy(&f)
	if !ok {
		return f
	}
	principals := append(strangersOf(p.named()), foreigner, who{arn: "arn:aws:iam::" + foreignAccount + ":root"}, nobody)
	return append(f, t.aboutKey(p, principals, foreignAccount, func(a ask) string {
		if p.evaluate(a).may() {
			return "another account may " + a.action
		}
		return ""
	})...)
}

// aboutKey asks the key's policy about all actions of KMS, in all shapes, by some
// principals; what is wrong with an answer, say tells.
func (t *Template) aboutKey(p policy, principals []who, account string, say func(ask) string) Findings {
	key := t.find("Key").ID
	return p.once(append(keyOf(principals), "about", key, account, t.Region), func() (found Findings) {
		own := []string{"kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant", "kms:PutKeyPolicy"}
		shapes := t.shapes(account)
		for _, a := range slices.Concat(
			asks(principals, actionsOf("kms"), []string{t.arn("Key")}, shapes),
			asks(principals, own, []string{t.arn("Key")}, p.contexts(shapes[0])),
		) {
			if wrong := say(a); wrong != "" {
				found.add(key, "%s", wrong)
			}
		}
		return found
	})
}

// keyPolicyLeavesItToIAM: the key's policy bounds what IAM may allow and allows no
// principal of the account anything by itself: for all actions and shapes.
func keyPolicyLeavesItToIAM(t *Template) (f Findings) {
	p, ok := t.keyPolicy(&f)
	if !ok {
		return f
	}
	principals := append(membersOf(p.named()), colleague, t.roleARN("FunctionsValidateRole"), t.roleARN("AccessUploader"))
	return append(f, t.aboutKey(p, principals, Account, func(a ask) string {
		if got := p.evaluate(a); got == granted || got == unknown {
			return "lets " + a.who.arn + " " + a.action + " whatever IAM says"
		}
		return ""
	})...)
}

// keyIsUsedThroughServicesOnly: a principal of the account uses the key through the
// services that are part of the pipeline, and through no other.
func keyIsUsedThroughServicesOnly(t *Template) (f Findings) {
	p, ok := t.keyPolicy(&f)
	if !ok {
		return f
	}
	for _, service := range []string{"secretsmanager", "lambda", "ec2", "dynamodb", "rds", "sagemaker", "glue", "ssm"} {
		for _, action := range using {
			for _, who := range []who{colleague, t.roleARN("FunctionsSubmitRole")} {
				a := ask{who: who, action: action, resource: t.arn("Key"), keys: keys("kms:CallerAccount", Account, "kms:ViaService", service+"."+t.Region+".amazonaws.com")}
				if p.answer(a).may() {
					f.add(t.find("Key").ID, "may be used through %s", service)
				}
			}
		}
	}
	for i, context := range p.contexts(keys("kms:CallerAccount", Account)) {
		for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"} {
			if !t.isPipelines(context) && p.answer(ask{who: colleague, action: action, resource: t.arn("Key"), keys: context}).may() {
				f.add(t.find("Key").ID, "may be used for %s otherwise than through the pipeline's services, in context %d of its policy", action, i)
			}
		}
	}
	// Bedrock uses it for the roles that tune and ask, and for nobody else; for an
	// operator it reads a model, and makes none.
	bedrock := keys("kms:CallerAccount", Account, "kms:ViaService", "bedrock."+t.Region+".amazonaws.com")
	if p.answer(ask{who: colleague, action: "kms:Decrypt", resource: t.arn("Key"), keys: bedrock}).may() {
		f.add(t.find("Key").ID, "anybody in the account uses it through Bedrock")
	}
	if p.answer(ask{who: t.roleARN("AccessOperator"), action: "kms:GenerateDataKey", resource: t.arn("Key"), keys: bedrock}).may() {
		f.add(t.find("Key").ID, "people encrypt models")
	}
	return f
}

// pipelines are the services through which the key is used.
var pipelines = []string{"s3.REGION.amazonaws.com", "bedrock.REGION.amazonaws.com", "sqs.REGION.amazonaws.com", "sns.REGION.amazonaws.com"}

// isPipelines says whether a request on the key comes through one of these services, or
// is for an execution or a schedule, which Step Functions and EventBridge Scheduler
// encrypt with the caller's permission.
func (t *Template) isPipelines(context map[string][]string) bool {
	for key, values := range context {
		through := slices.ContainsFunc(pipelines, func(name string) bool {
			return slices.Equal(values, []string{strings.ReplaceAll(name, "REGION", t.Region)})
		})
		if key == "kms:ViaService" && through || strings.HasPrefix(key, "kms:EncryptionContext:") {
			return true
		}
	}
	return false
}

// administering are the actions that change the key or who may use it.
var administering = []string{
	"kms:PutKeyPolicy", "kms:DisableKey", "kms:ScheduleKeyDeletion", "kms:DisableKeyRotation", "kms:RevokeGrant", "kms:RetireGrant",
	"kms:UpdateAlias", "kms:DeleteAlias", "kms:CancelKeyDeletion", "kms:EnableKey", "kms:TagResource", "kms:DeleteImportedKeyMaterial",
}

func rolesCannotAdministerTheKey(t *Template) (f Findings) {
	p, ok := t.keyPolicy(&f)
	if !ok {
		return f
	}
	for _, role := range t.ofType("AWS::IAM::Role") {
		for _, action := range administering {
			if p.answer(ask{who: who{arn: attribute(role, t.Region, "Arn")}, action: action, resource: t.arn("Key"), keys: keys("kms:CallerAccount", Account)}).may() {
				f.add(role.ID, "the key's policy lets the role %s", action)
			}
		}
	}
	return f
}

// customModel is the name in the encryption context of what Bedrock itself encrypts of
// a custom model.
const customModel = "aws:bedrock:custom-model"

// tunesNova says whether Nova models may be tuned: Bedrock itself reads and writes them
// when throughput is bought for them.
func (t *Template) tunesNova() bool {
	return slices.ContainsFunc(t.tunable(), func(id string) bool { return strings.HasPrefix(id, "amazon.nova-") })
}

// ownUses are what a service may do with the key though it names nobody it acts for:
// AWS's page has no such condition for it. It is bound by what it encrypts.
func (t *Template) ownUses(a ask) bool {
	_, named := a.keys["aws:SourceAccount"]
	return t.tunesNova() && !named && a.who.service == "bedrock.amazonaws.com" && slices.Contains([]string{"kms:Decrypt", "kms:GenerateDataKey"}, a.action) &&
		slices.Equal(a.keys["kms:EncryptionContextKeys"], []string{customModel})
}

// servicesUseTheKeyForUsOnly: a service that acts for another account, or for a
// resource that is not the stack's, gets nothing.
func servicesUseTheKeyForUsOnly(t *Template) (f Findings) {
	p, ok := t.keyPolicy(&f)
	if !ok {
		return f
	}
	services := servicesOf(p.named())
	for _, name := range []string{"logs." + t.Region, "delivery.logs", "events", "cloudwatch", "s3", "bedrock", "sns", "sqs", "lambda", "states"} {
		if service := (who{service: name + ".amazonaws.com"}); !slices.Contains(services, service) {
			services = append(services, service)
		}
	}
	shapes := []map[string][]string{
		{}, keys("aws:SourceAccount", foreignAccount),
		keys("kms:EncryptionContextKeys", customModel), keys("kms:EncryptionContextKeys", customModel, "aws:SourceAccount", foreignAccount),
		keys("kms:EncryptionContextKeys", "aws:s3:arn"),
		keys("kms:EncryptionContext:aws:logs:arn", "arn:aws:logs:"+t.Region+":"+foreignAccount+":log-group:/tuneline/a"),
		keys("kms:EncryptionContext:aws:logs:arn", t.inRegion("logs", "log-group:/somebody/else")),
		keys("kms:EncryptionContext:SourceArn", "arn:aws:logs:"+t.Region+":"+foreignAccount+":a"),
		keys("kms:EncryptionContext:aws:sns:topicArn", "arn:aws:sns:"+t.Region+":"+foreignAccount+":a"),
	}
	key := t.find("Key").ID
	return append(f, p.once(append(keyOf(services, shapes...), "services", key), func() (found Findings) {
		for _, a := range asks(services, actionsOf("kms"), []string{t.arn("Key")}, shapes) {
			if p.evaluate(a).may() && !t.ownUses(a) {
				found.add(key, "%s may %s for another account, or for nobody it names", a.who.service, a.action)
			}
		}
		return found
	})...)
}

// keyIsUsable: what the pipeline does with the key, it can: as the roles' own
// policies and the key's say together.
func keyIsUsable(t *Template) (f Findings) {
	p, ok := t.keyPolicy(&f)
	if !ok {
		return f
	}
	via := func(service string) map[string][]string {
		return keys("kms:CallerAccount", Account, "kms:ViaService", service+"."+t.Region+".amazonaws.com")
	}
	for _, use := range []struct {
		role, action, service string
	}{
		{"FunctionsValidateRole", "kms:GenerateDataKey", "s3"}, {"FunctionsAnalyzeRole", "kms:Decrypt", "s3"},
		{"CustomizationRole", "kms:Decrypt", "s3"}, {"CustomizationRole", "kms:GenerateDataKey", "bedrock"},
		{"FunctionsInvokeRole", "kms:Decrypt", "bedrock"}, {"AccessUploader", "kms:GenerateDataKey", "s3"},
		{"AccessOperator", "kms:Decrypt", "sqs"}, {"AccessOperator", "kms:Decrypt", "bedrock"}, {"SweepRole", "kms:GenerateDataKey", "sqs"},
	} {
		role := t.find(use.role)
		if role == nil {
			f.add(use.role, "it is missing")
			continue
		}
		a := ask{who: t.roleARN(use.role), action: use.action, resource: t.arn("Key"), keys: via(use.service)}
		if own := answers(t.permissions(&f, role), a); own != granted || !p.answer(a).lets() {
			f.add(role.ID, "may not %s through %s", use.action, use.service)
		}
	}
	for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey"} {
		bought := ask{who: who{service: "bedrock.amazonaws.com"}, action: action, resource: t.arn("Key"), keys: keys("kms:EncryptionContextKeys", customModel)}
		if may := p.answer(bought) == granted; may != t.tunesNova() {
			f.add(t.find("Key").ID, "Bedrock may %s for a Nova model that throughput is bought for: %v, want %v", action, may, !may)
		}
	}
	logs := ask{who: who{service: "logs." + t.Region + ".amazonaws.com"}, action: "kms:GenerateDataKey", resource: t.arn("Key")}
	for _, group := range t.ofType("AWS::Logs::LogGroup") {
		logs.keys = keys("kms:EncryptionContext:aws:logs:arn", strings.TrimSuffix(attribute(group, t.Region, "Arn"), ":*"))
		if p.answer(logs) != granted {
			f.add(group.ID, "CloudWatch Logs may not use the key for the group")
		}
	}
	return f
}

// grantsOnTheKeyAreGood: what a role's own policy allows on the key, in a request as
// its conditions have it, the key's policy lets through as well. A grant that it does
// not would fail in the account only.
func grantsOnTheKeyAreGood(t *Template) (f Findings) {
	p, ok := t.keyPolicy(&f)
	if !ok {
		return f
	}
	for _, role := range t.ofType("AWS::IAM::Role") {
		for _, d := range t.identityDocuments(role) {
			for _, s := range statementsOf(d.body) {
				if !s.allows() || !slices.Contains(s.resources(), t.arn("Key")) {
					continue
				}
				context := keys("kms:CallerAccount", Account)
				for _, c := range s.conditions() {
					if len(c.values) > 0 {
						context[c.key] = []string{strings.ReplaceAll(c.values[0], "*", "x")}
					}
				}
				for _, action := range s.actions() {
					if !p.answer(ask{who: who{arn: attribute(role, t.Region, "Arn")}, action: action, resource: t.arn("Key"), keys: context}).lets() {
						f.add(role.ID, "%s: the key's policy does not let %s through", s.sid(), action)
					}
				}
			}
		}
	}
	return f
}

// grants are requests to make a grant: only Bedrock's, for a resource of its own, must
// come through.
func (t *Template) grants() []battery {
	bedrock, action, key := "bedrock."+t.Region+".amazonaws.com", "kms:CreateGrant", t.arn("Key")
	list := []battery{
		{"by the caller itself", ask{action: action, resource: key, keys: keys("kms:CallerAccount", Account)}, false},
		{"for no resource of AWS's", ask{action: action, resource: key, keys: keys("kms:CallerAccount", Account, "kms:ViaService", bedrock)}, false},
		{"expressly for no resource of AWS's", ask{action: action, resource: key, keys: keys("kms:CallerAccount", Account, "kms:ViaService", bedrock, "kms:GrantIsForAWSResource", "false")}, false},
		{"through another service", ask{action: action, resource: key, keys: keys("kms:CallerAccount", Account, "kms:ViaService", "s3."+t.Region+".amazonaws.com", "kms:GrantIsForAWSResource", "true")}, false},
		{"without a service", ask{action: action, resource: key, keys: keys("kms:CallerAccount", Account, "kms:GrantIsForAWSResource", "true")}, false},
	}
	return append(list, battery{"by Bedrock", ask{action: action, resource: key, keys: keys("kms:CallerAccount", Account, "kms:ViaService", bedrock, "kms:GrantIsForAWSResource", "true")}, true})
}

// by is a battery with the same principal in each request.
func by(who who, list []battery) []battery {
	out := slices.Clone(list)
	for i := range out {
		out[i].who = who
	}
	return out
}

func grantsAreBedrocksOnly(t *Template) (f Findings) {
	p, ok := t.keyPolicy(&f)
	if !ok {
		return f
	}
	for _, name := range []string{"FunctionsSubmitRole", "CustomizationRole"} {
		try(&f, t.find("Key").ID, []policy{p}, by(t.roleARN(name), t.grants()))
	}
	for _, b := range by(colleague, t.grants()) {
		b.want = false
		try(&f, t.find("Key").ID, []policy{p}, []battery{b})
	}
	return f
}

func rolesGrantThroughBedrockOnly(t *Template) (f Findings) {
	for _, role := range t.ofType("AWS::IAM::Role") {
		may := role.ID == idOf(t, "FunctionsSubmitRole") || role.ID == idOf(t, "CustomizationRole")
		for _, b := range by(who{arn: attribute(role, t.Region, "Arn")}, t.grants()) {
			b.want = b.want && may
			try(&f, role.ID, t.permissions(&f, role), []battery{b})
		}
	}
	return f
}

func idOf(t *Template, name string) string {
	if r := t.find(name); r != nil {
		return r.ID
	}
	return ""
}
