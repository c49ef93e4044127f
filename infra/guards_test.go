package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// bodies are requests by the model they are held against: what the function or
// Bedrock takes must pass, and what is no request at all must not.
var bodies = map[string]struct{ good, bad []string }{
	"ConverseRequest": {
		good: []string{
			`{"messages":[{"role":"user","content":[{"text":"Hello"}]}]}`,
			`{"messages":[{"role":"user","content":[{"text":"` + strings.Repeat("<script>alert(1)</script> ../../etc/passwd ", 5000) + `"}]}]}`,
			`{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"AAAA"}}},{"cachePoint":{"type":"default"}}]}],
			  "system":[{"text":"Be brief."}],"inferenceConfig":{"maxTokens":1,"temperature":0,"topP":1,"stopSequences":["x"],"new":true},
			  "toolConfig":{"tools":[{"toolSpec":{"name":"t","inputSchema":{"json":{"type":"object"}}}}],"toolChoice":{"any":{}}},
			  "guardrailConfig":{},"additionalModelRequestFields":{"top_k":5},"requestMetadata":{"a":"b"},"performanceConfig":{},"notYetKnown":[1]}`,
			`{"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"1","name":"t","input":{}}}]},{"role":"newRole","content":[{"toolResult":{}}]}]}`,
		},
		bad: []string{
			`null`, `[]`, `"text"`, `7`, `{}`, `{"messages":[]}`, `{"messages":{}}`, `{"messages":["hello"]}`, `{"messages":[{}]}`,
			`{"messages":[{"role":"user"}]}`, `{"messages":[{"role":"user","content":"Hello"}]}`, `{"messages":[{"role":"user","content":[]}]}`,
			`{"messages":[{"role":1,"content":[{}]}]}`, `{"messages":[{"role":"user","content":["text"]}]}`,
			`{"messages":[{"role":"user","content":[{}]}],"system":"Be brief."}`, `{"messages":[{"role":"user","content":[{}]}],"inferenceConfig":{"temperature":2}}`,
			`{"messages":[{"role":"user","content":[{}]}],"inferenceConfig":{"maxTokens":0}}`, `{"messages":[{"role":"user","content":[{}]}],"toolConfig":[]}`,
		},
	},
	"InvokeRequest": {
		good: []string{`{}`, `{"prompt":"Hello","max_gen_len":5}`, `{"messages":[{"role":"user","content":[{"text":"Hello"}]}],"schemaVersion":"messages-v1"}`},
		bad:  []string{`null`, `[]`, `"text"`, `7`, `true`},
	},
	"ChatCompletionRequest": {
		good: []string{
			`{"model":"m","messages":[{"role":"user","content":"Hello"}]}`,
			`{"messages":[{"role":"developer","content":[{"type":"text","text":"Hello"},{"type":"image_url","image_url":{"url":"data:,"}}],"name":"a"}]}`,
			`{"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{}]},{"role":"tool","tool_call_id":"1","content":"x"}],
			  "stream":true,"stream_options":{"include_usage":true},"temperature":null,"top_p":null,"stop":null,"n":1,"tools":null,"max_tokens":null,
			  "max_completion_tokens":5,"response_format":{"type":"text"},"user":"u","notYetKnown":{}}`,
			`{"model":"m","messages":[{"role":"assistant","tool_calls":[{}]}],"temperature":1.7}`,
		},
		bad: []string{
			`null`, `[]`, `{}`, `{"messages":[]}`, `{"messages":"Hello"}`, `{"messages":["Hello"]}`, `{"messages":[{"content":"Hello"}]}`,
			`{"messages":[{"role":null,"content":"Hello"}]}`, `{"model":7,"messages":[{"role":"user","content":"Hello"}]}`,
		},
	},
}

// TestBodies holds the models against requests.
func TestBodies(t *testing.T) {
	tm := synthesize(t, standard)
	models := tm.ofType("AWS::ApiGateway::Model")
	if len(models) != len(bodies) {
		t.Errorf("got %d models, want %d", len(models), len(bodies))
	}
	for _, model := range models {
		name := fmt.Sprint(model.Properties["Name"])
		compiler := jsonschema.NewCompiler()
		if err := compiler.AddResource(name, model.Properties["Schema"]); err != nil {
			t.Fatal(err)
		}
		schema, err := compiler.Compile(name)
		if err != nil {
			t.Fatal(err)
		}
		for text, good := range cases(bodies[name].good, bodies[name].bad) {
			body, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if err := schema.Validate(body); (err == nil) != good {
				t.Errorf("%s of %.200s: got %v, want it to pass: %v", name, text, err, good)
			}
		}
	}
}

func cases(good, bad []string) map[string]bool {
	all := map[string]bool{}
	for _, text := range good {
		all[text] = true
	}
	for _, text := range bad {
		all[text] = false
	}
	return all
}

// TestModelsAreSimple: a model has no keyword that API Gateway leaves out or does
// not know, and none whose error quotes the body.
func TestModelsAreSimple(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		for _, model := range tm.ofType("AWS::ApiGateway::Model") {
			equal(t, model.id, []any{get(model.Properties, "Schema", "$schema"), get(model.Properties, "Schema", "type"), model.Properties["ContentType"]},
				[]any{"http://json-schema.org/draft-04/schema#", "object", "application/json"})
			checkKeywords(t, model.id, model.Properties["Schema"])
		}
	})
}

func checkKeywords(t *testing.T, where string, schema any) {
	t.Helper()
	known := []string{"$schema", "title", "type", "required", "properties", "items", "minItems", "minimum", "maximum"}
	for keyword, value := range schema.(object) {
		switch {
		case !slices.Contains(known, keyword):
			t.Errorf("%s has the keyword %s", where, keyword)
		case keyword == "items":
			checkKeywords(t, where+".items", value)
		case keyword == "properties":
			for name, property := range value.(object) {
				checkKeywords(t, where+"."+name, property)
			}
		}
	}
}

// TestFirewall: where it is configured, AWS WAF guards the stage by rate, by
// reputation and by AWS's rules, but counts every rule that looks at a body; its log
// is encrypted and holds neither bodies nor credentials.
func TestFirewall(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		acls := tm.ofType("AWS::WAFv2::WebACL")
		if !v.config().API.WAF.Enabled {
			equal(t, "firewalls", len(acls), 0)
			return
		}
		acl := tm.find(t, "InferenceFirewall", "AWS::WAFv2::WebACL")
		equal(t, "scope", acl.Properties["Scope"], "REGIONAL")
		equal(t, "otherwise", acl.Properties["DefaultAction"], object{"Allow": object{}})
		equal(t, "rules", firewallRules(t, acl), map[string]any{
			"RateOfAddress":                         object{"AggregateKeyType": "IP", "Limit": v.config().API.WAF.RateLimit, "EvaluationWindowSec": 300},
			"AWSManagedRulesAmazonIpReputationList": []string{},
			"AWSManagedRulesKnownBadInputsRuleSet":  []string{"JavaDeserializationRCE_BODY", "Log4JRCE_BODY", "ReactJSRCE_BODY"},
			"AWSManagedRulesCommonRuleSet":          []string{"CrossSiteScripting_BODY", "EC2MetaDataSSRF_BODY", "GenericLFI_BODY", "GenericRFI_BODY", "SizeRestrictions_BODY"},
		})
		association := tm.find(t, "Inference", "AWS::WAFv2::WebACLAssociation").Properties
		api, stage := tm.find(t, "InferenceAPI", "AWS::ApiGateway::RestApi"), tm.find(t, "InferenceStage", "AWS::ApiGateway::Stage")
		equal(t, "guards", association, object{
			"WebACLArn":   acl.ref("Arn"),
			"ResourceArn": "arn:aws:apigateway:" + v.region() + "::/restapis/" + api.ref("") + "/stages/" + stage.ref(""),
		})
		checkFirewallLog(t, v, tm, acl)
	})
}

// firewallRules are the rules by their names: of a group, the rules that only count; and
// checks that no sample of a request is kept.
func firewallRules(t *testing.T, acl resource) map[string]any {
	t.Helper()
	rules := map[string]any{}
	for n, rule := range acl.Properties["Rules"].([]any) {
		name := fmt.Sprint(get(rule, "Name"))
		equal(t, name, []any{get(rule, "Priority"), get(rule, "VisibilityConfig", "SampledRequestsEnabled"), get(rule, "VisibilityConfig", "CloudWatchMetricsEnabled")}, []any{n, false, true})
		if rate := get(rule, "Statement", "RateBasedStatement"); rate != nil {
			equal(t, name+" does", get(rule, "Action"), object{"Block": object{}})
			rules[name] = rate
			continue
		}
		equal(t, name+" does", get(rule, "OverrideAction"), object{"None": object{}})
		counted := []string{}
		overrides, _ := get(rule, "Statement", "ManagedRuleGroupStatement", "RuleActionOverrides").([]any)
		for _, override := range overrides {
			equal(t, name+" overrides to", get(override, "ActionToUse"), object{"Count": object{}})
			counted = append(counted, fmt.Sprint(get(override, "Name")))
		}
		slices.Sort(counted)
		rules[name] = counted
	}
	return rules
}

func checkFirewallLog(t *testing.T, v variant, tm *template, acl resource) {
	t.Helper()
	group := tm.find(t, "InferenceFirewallLogGroup", "AWS::Logs::LogGroup")
	equal(t, "log's name", group.Properties["LogGroupName"], "aws-waf-logs-tuneline")
	header := func(name string) object { return object{"SingleHeader": object{"Name": name}} }
	equal(t, "log", tm.find(t, "Inference", "AWS::WAFv2::LoggingConfiguration").Properties, object{
		"ResourceArn":           acl.ref("Arn"),
		"LogDestinationConfigs": []any{"arn:aws:logs:" + v.region() + ":${AWS::AccountId}:log-group:" + group.ref("")},
		"RedactedFields":        []any{object{"QueryString": object{}}, header("authorization"), header("x-api-key"), header("x-amz-security-token")},
	})
	protected := object{}
	for _, p := range get(acl.Properties, "DataProtectionConfig", "DataProtections").([]any) {
		equal(t, "protected", []any{get(p, "Action"), get(p, "ExcludeRuleMatchDetails"), get(p, "ExcludeRateBasedDetails")}, []any{"SUBSTITUTION", false, false})
		protected[fmt.Sprint(get(p, "Field", "FieldType"))] = get(p, "Field", "FieldKeys")
	}
	equal(t, "protected", protected, object{"BODY": nil, "QUERY_STRING": nil, "SINGLE_HEADER": []any{"authorization", "x-api-key", "x-amz-security-token"}})
}

// TestUsagePlan: each client has a key, whose value is nowhere, and the limits that
// are configured.
func TestUsagePlan(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		limits := v.config().API.UsagePlan
		var names []string
		for _, key := range tm.ofType("AWS::ApiGateway::ApiKey") {
			names = append(names, fmt.Sprint(key.Properties["Name"]))
			equal(t, key.id, []any{key.Properties["Enabled"], key.Properties["Value"]}, []any{true, nil})
		}
		slices.Sort(names)
		var want []string
		for _, client := range limits.Clients {
			want = append(want, "tuneline-"+client)
		}
		slices.Sort(want)
		equal(t, "keys", names, want)
		plans := tm.ofType("AWS::ApiGateway::UsagePlan")
		equal(t, "plans", len(plans), min(1, len(want)))
		equal(t, "keys of the plan", len(tm.ofType("AWS::ApiGateway::UsagePlanKey")), len(want))
		if len(plans) == 0 {
			return
		}
		api, stage := tm.find(t, "InferenceAPI", "AWS::ApiGateway::RestApi"), tm.find(t, "InferenceStage", "AWS::ApiGateway::Stage")
		equal(t, "stages", plans[0].Properties["ApiStages"], []any{object{"ApiId": api.ref(""), "Stage": stage.ref("")}})
		var quota, throttle any
		if limits.RequestsPerDay > 0 {
			quota = object{"Limit": limits.RequestsPerDay, "Period": "DAY"}
		}
		if limits.RateLimit > 0 {
			throttle = object{"RateLimit": limits.RateLimit, "BurstLimit": limits.BurstLimit}
		}
		equal(t, "quota", plans[0].Properties["Quota"], quota)
		equal(t, "throttle", plans[0].Properties["Throttle"], throttle)
	})
}

// TestGuardrail: where one is configured, the function may apply that one and no
// other, and ask no model without it.
func TestGuardrail(t *testing.T) {
	conditions := map[string]any{
		bearer.name: "arn:aws:bedrock:us-east-1:${AWS::AccountId}:guardrail/gr1a2b3c4d5e:3",
		inside.name: "arn:aws:bedrock:us-east-1:${AWS::AccountId}:guardrail/gr1a2b3c4d5e", // DRAFT
	}
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		var applied []string
		for _, s := range tm.permissions(t, "FunctionsInvokeRole") {
			if slices.Contains(s.actions(), "bedrock:InvokeModel") {
				equal(t, "asks with", s.condition("StringEquals", "bedrock:GuardrailIdentifier"), conditions[v.name])
			}
			if slices.Contains(s.actions(), "bedrock:ApplyGuardrail") {
				applied = append(applied, s.resources()...)
			}
		}
		var want []string
		if conditions[v.name] != nil {
			want = []string{"arn:aws:bedrock:us-east-1:${AWS::AccountId}:guardrail/gr1a2b3c4d5e"}
		}
		equal(t, "applies", applied, want)
	})
}
