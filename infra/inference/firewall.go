package inference

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/logging"
	"github.com/tuneline/tuneline/infra/storage"
)

// managedRules are AWS's groups of rules, with those of each that look at the
// body. They are counted and block nothing: a prompt holds code, markup, paths and
// addresses as a matter of course, and is often larger than the 8 KB that
// SizeRestrictions_BODY allows. A body is bounded by API Gateway and the function.
//
// The groups stand without a version, so that AWS's updates come by themselves: a
// version expires. A rule on bodies that an update adds would block until it is
// named here; the log says which rule it was
// (https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html).
var managedRules = []struct {
	name   string
	counts []string
}{
	{"AWSManagedRulesAmazonIpReputationList", nil},
	{"AWSManagedRulesKnownBadInputsRuleSet", []string{"JavaDeserializationRCE_BODY", "Log4JRCE_BODY", "ReactJSRCE_BODY"}},
	{"AWSManagedRulesCommonRuleSet", []string{
		"SizeRestrictions_BODY", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY", "GenericRFI_BODY", "CrossSiteScripting_BODY",
	}},
}

// secretHeaders are headers that nobody should read in a log: with them one is
// the caller.
var secretHeaders = []string{"authorization", "x-api-key", "x-amz-security-token"}

// FirewallMetric names the firewall in CloudWatch.
const FirewallMetric = "tuneline-inference"

// rateWindow is the time an address's requests are counted over, in seconds.
const rateWindow = 300

// addFirewall puts AWS WAF before the stage, if configured: it is billed by the
// month.
func (i *Inference) addFirewall() {
	if !i.config.API.WAF.Enabled {
		return
	}
	acl := awswafv2.NewCfnWebACL(i.Scope, jsii.String("Firewall"), &awswafv2.CfnWebACLProps{
		Description:          jsii.String("Before the inference API"),
		Scope:                jsii.String("REGIONAL"),
		DefaultAction:        &awswafv2.CfnWebACL_DefaultActionProperty{Allow: map[string]any{}},
		VisibilityConfig:     visible(FirewallMetric),
		DataProtectionConfig: &awswafv2.CfnWebACL_DataProtectionConfigProperty{DataProtections: protections()},
		Rules:                i.firewallRules(),
	})
	awswafv2.NewCfnWebACLAssociation(i.Scope, jsii.String("FirewallAssociation"), &awswafv2.CfnWebACLAssociationProps{
		ResourceArn: i.stage.StageArn(), WebAclArn: acl.AttrArn(),
	})
	i.addFirewallLog(acl)
}

func (i *Inference) firewallRules() []any {
	rules := []any{&awswafv2.CfnWebACL_RuleProperty{
		Name: jsii.String("RateOfAddress"), Priority: jsii.Number(0),
		Action: &awswafv2.CfnWebACL_RuleActionProperty{Block: map[string]any{}},
		Statement: &awswafv2.CfnWebACL_StatementProperty{RateBasedStatement: &awswafv2.CfnWebACL_RateBasedStatementProperty{
			AggregateKeyType: jsii.String("IP"), Limit: jsii.Number(i.config.API.WAF.RateLimit), EvaluationWindowSec: jsii.Number(rateWindow),
		}},
		VisibilityConfig: visible("RateOfAddress"),
	}}
	for n, group := range managedRules {
		statement := &awswafv2.CfnWebACL_ManagedRuleGroupStatementProperty{VendorName: jsii.String("AWS"), Name: jsii.String(group.name)}
		var overrides []any
		for _, rule := range group.counts {
			overrides = append(overrides, &awswafv2.CfnWebACL_RuleActionOverrideProperty{
				Name: jsii.String(rule), ActionToUse: &awswafv2.CfnWebACL_RuleActionProperty{Count: map[string]any{}},
			})
		}
		if overrides != nil {
			statement.RuleActionOverrides = overrides
		}
		rules = append(rules, &awswafv2.CfnWebACL_RuleProperty{
			Name: jsii.String(group.name), Priority: jsii.Number(n + 1),
			OverrideAction:   &awswafv2.CfnWebACL_OverrideActionProperty{None: map[string]any{}},
			Statement:        &awswafv2.CfnWebACL_StatementProperty{ManagedRuleGroupStatement: statement},
			VisibilityConfig: visible(group.name),
		})
	}
	return rules
}

// visible counts what a rule matched. Samples of requests are not kept.
func visible(metric string) *awswafv2.CfnWebACL_VisibilityConfigProperty {
	return &awswafv2.CfnWebACL_VisibilityConfigProperty{
		CloudWatchMetricsEnabled: jsii.Bool(true), MetricName: jsii.String(metric), SampledRequestsEnabled: jsii.Bool(false),
	}
}

// protections replace, wherever AWS WAF would write it down, what a log must not
// hold. A log has no bodies, but of a rule that matched one it has the part that
// matched: that of a prompt.
func protections() []any {
	protect := func(kind string, keys ...string) any {
		field := &awswafv2.CfnWebACL_FieldToProtectProperty{FieldType: jsii.String(kind)}
		if len(keys) > 0 {
			field.FieldKeys = jsii.Strings(keys...)
		}
		return &awswafv2.CfnWebACL_DataProtectProperty{
			Action: jsii.String("SUBSTITUTION"), Field: field,
			ExcludeRuleMatchDetails: jsii.Bool(false), ExcludeRateBasedDetails: jsii.Bool(false),
		}
	}
	return []any{protect("BODY"), protect("QUERY_STRING"), protect("SINGLE_HEADER", secretHeaders...)}
}

// addFirewallLog keeps what was let through and what was not. AWS WAF wants the
// name of the group to begin as it does
// (https://docs.aws.amazon.com/waf/latest/developerguide/logging-cw-logs.html).
func (i *Inference) addFirewallLog(acl awswafv2.CfnWebACL) {
	group := logging.NewGroup(i.Scope, "FirewallLogGroup", logging.GroupProps{
		Given: storage.FirewallLogGroup(i.Scope), Key: i.key, Days: i.config.RetentionDays.Logs,
	})
	redacted := []any{&awswafv2.CfnLoggingConfiguration_FieldToMatchProperty{QueryString: map[string]any{}}}
	for _, name := range secretHeaders {
		redacted = append(redacted, &awswafv2.CfnLoggingConfiguration_FieldToMatchProperty{
			SingleHeader: map[string]any{"Name": name},
		})
	}
	stack := awscdk.Stack_Of(i.Scope)
	awswafv2.NewCfnLoggingConfiguration(i.Scope, jsii.String("FirewallLog"), &awswafv2.CfnLoggingConfigurationProps{
		ResourceArn:           acl.AttrArn(),
		LogDestinationConfigs: &[]any{jsii.Sprintf("arn:%s:logs:%s:%s:log-group:%s", *stack.Partition(), *stack.Region(), *stack.Account(), *group.Ref())},
		RedactedFields:        redacted,
	})
}
