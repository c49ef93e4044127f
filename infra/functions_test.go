package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/lambdaenv"
	"github.com/tuneline/tuneline/statemachine"
)

// function is the Lambda function of a folder under lambdas/.
func function(t *testing.T, tm *template, name string) resource {
	t.Helper()
	if name == "lifecycle" {
		return tm.find(t, "LifecycleFunction", "AWS::Lambda::Function")
	}
	return tm.find(t, "Functions"+strings.ToUpper(name[:1])+name[1:], "AWS::Lambda::Function")
}

func TestFunctions(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		cfg := v.config()
		all := tm.ofType("AWS::Lambda::Function")
		if names := v.functions(); len(all) != len(names) {
			t.Errorf("got %d functions, want %v: somebody adds functions of their own", len(all), names)
		}
		roles, groups, code := map[any]bool{}, map[any]bool{}, map[any]bool{}
		for _, f := range all {
			p := f.Properties
			equal(t, f.id+" runs", []any{p["Runtime"], p["Handler"], p["Architectures"]}, []any{"provided.al2023", "bootstrap", []any{string(cfg.Architecture)}})
			equal(t, f.id+" tracing", get(p, "TracingConfig", "Mode"), "Active")
			if p["ReservedConcurrentExecutions"] != nil {
				t.Errorf("%s reserves concurrency, which a fresh account does not have", f.id)
			}
			roles[p["Role"]], groups[get(p, "LoggingConfig", "LogGroup")], code[get(p, "Code", "S3Key")] = true, true, true
			// The two outside touch no data, and could not do their work inside.
			outside := strings.HasPrefix(f.id, "Lifecycle") || strings.HasPrefix(f.id, "FunctionsAuthorize")
			if inVPC := p["VpcConfig"] != nil; inVPC == outside {
				t.Errorf("%s: got in the VPC: %v", f.id, inVPC)
			}
		}
		for what, own := range map[string]map[any]bool{"role": roles, "log group": groups, "code": code} {
			if len(own) != len(all) {
				t.Errorf("got %d different values of %s for %d functions: want one each", len(own), what, len(all))
			}
		}
	})
}

// TestEnvironment: each function is given exactly the variables it loads. They
// are names, ARNs and settings, which is why no function has a KmsKeyArn: it is
// the one thing at rest without the stack's key, beside the access log.
func TestEnvironment(t *testing.T) {
	environments := map[string]any{
		"validate": lambdaenv.Validate{}, "submit": lambdaenv.Submit{}, "poll": lambdaenv.Poll{}, "analyze": lambdaenv.Analyze{},
		"throughput": lambdaenv.Throughput{}, "invoke": lambdaenv.Invoke{}, "lifecycle": lambdaenv.Lifecycle{}, "authorize": lambdaenv.Authorize{},
	}
	harmless := []string{
		"TUNELINE_BASE_MODELS", "TUNELINE_BUCKET", "TUNELINE_CEILINGS", "TUNELINE_DEFAULTS", "TUNELINE_GUARDRAIL", "TUNELINE_JOB_DEADLINE_HOURS", "TUNELINE_JOB_SECURITY_GROUP_ID",
		"TUNELINE_JOB_SECURITY_GROUP_IDS", "TUNELINE_JOB_SUBNET_IDS", "TUNELINE_KEY_ARN", "TUNELINE_PAUSE", "TUNELINE_PERSONAL_DATA", "TUNELINE_REGION",
		"TUNELINE_RELEASE_STATE_MACHINE_ARN", "TUNELINE_RULE_NAME", "TUNELINE_SECRETS", "TUNELINE_SERVICE_ROLE_ARN", "TUNELINE_STACK",
		"TUNELINE_STATE_MACHINE_ARNS", "TUNELINE_STEP_PAUSES", "TUNELINE_SWEEPING",
	}
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		seen := map[string]bool{}
		for _, name := range v.functions() {
			environment, p := environments[name], function(t, tm, name).Properties
			if p["KmsKeyArn"] != nil {
				t.Errorf("%s: KmsKeyArn is %v: the exception in functions.NewFunction no longer holds", name, p["KmsKeyArn"])
			}
			variables, _ := get(p, "Environment", "Variables").(object)
			equal(t, name, slices.Sorted(maps.Keys(variables)), slices.Sorted(maps.Keys(lambdaenv.Env(environment))))
			for key, value := range variables {
				seen[key] = true
				if value == "" {
					t.Errorf("%s: %s is empty", name, key)
				}
			}
		}
		all := harmless
		if v.tokens() {
			all = append(slices.Clone(harmless), "TUNELINE_TOKEN_RULES") // public keys at most
		}
		equal(t, "all variables, none of which needs a key of its own", slices.Sorted(maps.Keys(seen)), all)
		text := get(function(t, tm, "validate").Properties, "Environment", "Variables", "TUNELINE_DEFAULTS")
		var got finetune.Settings
		if err := json.Unmarshal([]byte(text.(string)), &got); err != nil {
			t.Fatal(err)
		}
		equal(t, "defaults", got, v.config().Settings())
		checkInvoke(t, v, tm)
	})
}

// checkInvoke: the function may run as long as API Gateway waits, and knows the
// guardrail; what reads tokens knows the rules.
func checkInvoke(t *testing.T, v variant, tm *template) {
	t.Helper()
	invoke := function(t, tm, "invoke").Properties
	equal(t, "seconds", invoke["Timeout"], v.config().API.TimeoutSeconds)
	var guardrail finetune.Guardrail
	decodeStrictly(t, []byte(get(invoke, "Environment", "Variables", "TUNELINE_GUARDRAIL").(string)), &guardrail)
	equal(t, "guardrail", guardrail, v.config().Guardrail())
	if v.tokens() {
		var rules finetune.TokenRules
		decodeStrictly(t, []byte(get(function(t, tm, "authorize").Properties, "Environment", "Variables", "TUNELINE_TOKEN_RULES").(string)), &rules)
		equal(t, "rules", rules, v.config().TokenRules())
	}
}

// TestNoStepOutlivesItsTask: a function that ran on after the state machine
// gave up on it would work beside its own successor.
func TestNoStepOutlivesItsTask(t *testing.T) {
	tm := synthesize(t, standard)
	for _, definition := range []string{statemachine.Definition, statemachine.Release} {
		var machine struct {
			States map[string]struct {
				Type           string
				Resource       string
				TimeoutSeconds float64
			}
		}
		if err := json.Unmarshal([]byte(definition), &machine); err != nil {
			t.Fatal(err)
		}
		for state, s := range machine.States {
			if s.Type != "Task" || !strings.HasPrefix(s.Resource, "${") {
				continue
			}
			name := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(s.Resource, "${"), "Function}"))
			if timeout := function(t, tm, name).Properties["Timeout"].(float64); timeout > s.TimeoutSeconds {
				t.Errorf("%s waits %v s for %s, which may take %v s", state, s.TimeoutSeconds, name, timeout)
			}
		}
	}
}

// TestArchitecturesDifferOnlyThere: what is rehearsed on one architecture is
// what is deployed on the other.
func TestArchitecturesDifferOnlyThere(t *testing.T) {
	neutral := func(v variant) string {
		tm := synthesize(t, v)
		assets := 0
		for _, f := range tm.ofType("AWS::Lambda::Function") {
			key, _ := get(f.Properties, "Code", "S3Key").(string)
			if !assetKey.MatchString(key) {
				t.Errorf("%s: code is %q", f.id, key)
			}
			assets++
		}
		text := assetKey.ReplaceAllString(string(tm.text), "<asset>")
		architecture := fmt.Sprintf(`"Architectures":["%s"]`, map[string]string{"default": "arm64", "x86_64": "x86_64"}[v.name])
		if got := strings.Count(text, architecture); got != assets {
			t.Errorf("%s: got %d times %s, want %d", v.name, got, architecture, assets)
		}
		return strings.ReplaceAll(text, architecture, `"Architectures":["<any>"]`)
	}
	if string(synthesize(t, standard).text) == string(synthesize(t, intel).text) {
		t.Fatal("the templates do not differ at all")
	}
	if neutral(standard) != neutral(intel) {
		t.Error("the templates differ in more than architectures and asset hashes")
	}
}

// TestSameSourceSameTemplate: synthesizing twice gives the same bytes.
func TestSameSourceSameTemplate(t *testing.T) {
	again := synthesizeWith(t, standard, stubs(t, standard.name))
	if string(again.text) != string(synthesize(t, standard).text) {
		t.Error("two syntheses of the same source differ")
	}
}
