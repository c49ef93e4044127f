package security

import (
	"slices"
	"strings"
)

var firewallAssertions = []Assertion{
	{"FirewallGuardsTheStage", 27, firewallGuardsTheStage},
	{"FirewallLimitsRates", 27, firewallLimitsRates},
	{"FirewallHasManagedRules", 27, firewallHasManagedRules},
	{"FirewallLetsNobodyPast", 27, firewallLetsNobodyPast},
	{"FirewallIsLogged", 27, firewallIsLogged},
	{"FirewallKeepsNoSecrets", 27, firewallKeepsNoSecrets},
	{"FirewallIsCounted", 27, firewallIsCounted},
}

// firewalls are the web ACLs. Where the configuration has none, nothing of one is
// there; what is left of one that was removed is a finding.
func (t *Template) firewalls(f *Findings) []*Resource {
	acls := t.ofType("AWS::WAFv2::WebACL")
	if rest := t.ofType("AWS::WAFv2::WebACLAssociation", "AWS::WAFv2::LoggingConfiguration"); len(acls) == 0 && len(rest) > 0 {
		f.add(rest[0].ID, "there is no firewall")
	}
	return acls
}

func firewallGuardsTheStage(t *Template) (f Findings) {
	for _, acl := range t.firewalls(&f) {
		guards := slices.ContainsFunc(t.ofType("AWS::WAFv2::WebACLAssociation"), func(r *Resource) bool {
			return text(r.Properties["WebACLArn"]) == attribute(acl, t.Region, "Arn") &&
				strings.HasSuffix(text(r.Properties["ResourceArn"]), "/restapis/"+t.ref("InferenceAPI")+"/stages/"+t.ref("InferenceStage"))
		})
		if !guards {
			f.add(acl.ID, "stands before no stage")
		}
	}
	return f
}

// firewallLimitsRates: an address is blocked, by its own word on no header, before it
// takes all that the stage lets through.
func firewallLimitsRates(t *Template) (f Findings) {
	most := 0.0
	for _, stage := range t.stages(&f) {
		most = number(forAll(stage)["ThrottlingRateLimit"])
	}
	for _, acl := range t.firewalls(&f) {
		limits := slices.ContainsFunc(items(acl.Properties["Rules"]), func(rule any) bool {
			rate := get(rule, "Statement", "RateBasedStatement")
			limit := number(get(rate, "Limit"))
			return limit > 0 && limit <= most*number(get(rate, "EvaluationWindowSec")) && text(get(rate, "AggregateKeyType")) == "IP" && get(rule, "Action", "Block") != nil
		})
		if !limits {
			f.add(acl.ID, "blocks no address that asks too often")
		}
	}
	return f
}

// managed are AWS's groups of rules that must be there, and block.
var managed = []string{"AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesCommonRuleSet"}

func firewallHasManagedRules(t *Template) (f Findings) {
	for _, acl := range t.firewalls(&f) {
		for _, name := range managed {
			blocks := slices.ContainsFunc(items(acl.Properties["Rules"]), func(rule any) bool {
				group := get(rule, "Statement", "ManagedRuleGroupStatement")
				if get(group, "ScopeDownStatement") != nil || text(get(group, "Name")) != name || get(rule, "OverrideAction", "None") == nil {
					return false
				}
				// Only rules on bodies may count and not block: a prompt holds anything.
				return !slices.ContainsFunc(items(get(group, "RuleActionOverrides")), func(o any) bool { return !strings.HasSuffix(text(get(o, "Name")), "_BODY") })
			})
			if !blocks {
				f.add(acl.ID, "%s is missing, or only counts", name)
			}
		}
	}
	return f
}

// firewallLetsNobodyPast: an Allow ends the evaluation, so that no rule has one.
func firewallLetsNobodyPast(t *Template) (f Findings) {
	for _, acl := range t.firewalls(&f) {
		for _, rule := range items(acl.Properties["Rules"]) {
			if get(rule, "Action", "Allow") != nil {
				f.add(acl.ID, "%s lets requests past the rules after it", text(get(rule, "Name")))
			}
		}
	}
	return f
}

func (t *Template) firewallLog(acl *Resource) *Resource {
	for _, r := range t.ofType("AWS::WAFv2::LoggingConfiguration") {
		if text(r.Properties["ResourceArn"]) == attribute(acl, t.Region, "Arn") {
			return r
		}
	}
	return nil
}

func firewallIsLogged(t *Template) (f Findings) {
	for _, acl := range t.firewalls(&f) {
		log := t.firewallLog(acl)
		if log == nil || len(texts(log.Properties["LogDestinationConfigs"])) == 0 || log.Properties["LoggingFilter"] != nil {
			f.add(acl.ID, "what it blocks is not logged, or not all of it")
		}
	}
	return f
}

// firewallKeepsNoSecrets: neither log nor samples hold credentials, or the part of a
// body that a rule matched.
func firewallKeepsNoSecrets(t *Template) (f Findings) {
	for _, acl := range t.firewalls(&f) {
		redacted := map[string]bool{}
		if log := t.firewallLog(acl); log != nil {
			for _, field := range items(log.Properties["RedactedFields"]) {
				redacted[text(get(field, "SingleHeader", "Name"))] = true
			}
		}
		protected := map[string]bool{}
		for _, p := range items(get(acl.Properties, "DataProtectionConfig", "DataProtections")) {
			whole := !isTrue(get(p, "ExcludeRuleMatchDetails")) && !isTrue(get(p, "ExcludeRateBasedDetails"))
			for _, key := range append(texts(get(p, "Field", "FieldKeys")), text(get(p, "Field", "FieldType"))) {
				protected[key] = protected[key] || whole
			}
		}
		for _, name := range []string{"authorization", "x-api-key", "x-amz-security-token"} {
			if !redacted[name] || !protected[name] {
				f.add(acl.ID, "the log shows the header %s", name)
			}
		}
		if !protected["BODY"] {
			f.add(acl.ID, "the log shows what of a body matched")
		}
	}
	return f
}

func firewallIsCounted(t *Template) (f Findings) {
	for _, acl := range t.firewalls(&f) {
		for _, part := range append(items(acl.Properties["Rules"]), acl.Properties) {
			if !isTrue(get(part, "VisibilityConfig", "CloudWatchMetricsEnabled")) || isTrue(get(part, "VisibilityConfig", "SampledRequestsEnabled")) {
				f.add(acl.ID, "%s is not counted, or keeps samples of requests", text(get(part, "Name")))
			}
		}
	}
	return f
}
