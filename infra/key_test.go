package main

import (
	"maps"
	"slices"
	"testing"
)

func keyOf(t *testing.T, tm *template) resource {
	t.Helper()
	return tm.find(t, "Key", "AWS::KMS::Key")
}

// keyPolicy is the part of the key policy that is for one principal.
func keyPolicy(t *testing.T, tm *template, kind, principal string) []statement {
	t.Helper()
	var list []statement
	for _, s := range statementsOf("key", false, keyOf(t, tm).Properties["KeyPolicy"]) {
		if get(s.object, "Principal", kind) == principal {
			list = append(list, s)
		}
	}
	return list
}

func TestKey(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		keys := tm.ofType("AWS::KMS::Key")
		if len(keys) != 1 {
			t.Fatalf("got %d keys, want 1", len(keys))
		}
		for property, want := range map[string]any{
			"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "EnableKeyRotation": true, "PendingWindowInDays": 30,
		} {
			equal(t, property, keys[0].Properties[property], want)
		}
	})
}

// TestKeyPolicy asks the key policy what it lets the account's principals do,
// if their own policies allow everything.
func TestKeyPolicy(t *testing.T) {
	mine := keyPolicy(t, synthesize(t, standard), "AWS", "arn:aws:iam::${AWS::AccountId}:root")
	role := func(room string) string { return "arn:aws:iam::${AWS::AccountId}:role/tuneline/" + room + "/x" }
	const human = "arn:aws:iam::${AWS::AccountId}:role/Admin"
	via := func(principal, service string, more ...string) map[string]string {
		context := map[string]string{
			"aws:PrincipalArn": principal, "kms:CallerAccount": "${AWS::AccountId}", "kms:ViaService": service + ".us-east-1.amazonaws.com",
		}
		for i := 0; i < len(more); i += 2 {
			context[more[i]] = more[i+1] //nolint:gosec // keys and values come in pairs
		}
		return context
	}
	direct := func(principal string) map[string]string {
		return map[string]string{"aws:PrincipalArn": principal, "kms:CallerAccount": "${AWS::AccountId}"}
	}
	inSchedule := func(principal, of string) map[string]string {
		context := direct(principal)
		context["kms:EncryptionContext:aws:scheduler:schedule:arn"] = "arn:aws:scheduler:" + of + ":schedule/default/tuneline-sweep"
		return context
	}
	for _, test := range []struct {
		name    string
		action  string
		context map[string]string
		want    bool
	}{
		{"an administrator sets the policy", "kms:PutKeyPolicy", direct(human), true},
		{"an administrator cannot decrypt", "kms:Decrypt", direct(human), false},
		{"a function cannot administer", "kms:PutKeyPolicy", direct(role("function")), false},
		{"the service role cannot administer", "kms:ScheduleKeyDeletion", direct(role("customization")), false},
		{"an operator cannot administer", "kms:ScheduleKeyDeletion", direct(role("people")), false},
		{"a function describes", "kms:DescribeKey", direct(role("function")), true},
		{"a function cannot decrypt by itself", "kms:Decrypt", direct(role("function")), false},
		{"a function decrypts through S3", "kms:Decrypt", via(role("function"), "s3"), true},
		{"somebody uploads", "kms:GenerateDataKey", via(human, "s3"), true},
		{"nobody encrypts otherwise through S3", "kms:Encrypt", via(human, "s3"), false},
		{"another account uploads", "kms:GenerateDataKey", map[string]string{"aws:PrincipalArn": human, "kms:CallerAccount": "other", "kms:ViaService": "s3.us-east-1.amazonaws.com"}, false},
		{"a function encrypts a model", "kms:GenerateDataKey", via(role("function"), "bedrock"), true},
		{"the service role encrypts a model", "kms:GenerateDataKey", via(role("customization"), "bedrock"), true},
		{"a person does not", "kms:GenerateDataKey", via(human, "bedrock"), false},
		{"an operator points back to an encrypted model", "kms:Decrypt", via(role("people"), "bedrock"), true},
		{"an operator encrypts none", "kms:GenerateDataKey", via(role("people"), "bedrock"), false},
		{"nobody else reads one", "kms:Decrypt", via(human, "bedrock"), false},
		{"Bedrock makes its grant", "kms:CreateGrant", via(role("function"), "bedrock", "kms:GrantIsForAWSResource", "true"), true},
		{"a grant for somebody else", "kms:CreateGrant", via(role("function"), "bedrock", "kms:GrantIsForAWSResource", "false"), false},
		{"a grant through S3", "kms:CreateGrant", via(role("function"), "s3", "kms:GrantIsForAWSResource", "true"), false},
		{"a grant by itself", "kms:CreateGrant", direct(role("function")), false},
		{"an undelivered event is read", "kms:Decrypt", via(human, "sqs"), true},
		{"a schedule's role keeps a start that failed", "kms:GenerateDataKey", via(role("service"), "sqs"), true},
		{"a schedule's role reads its schedule", "kms:Decrypt", inSchedule(role("service"), "us-east-1:${AWS::AccountId}"), true},
		{"nobody reads another account's schedule", "kms:Decrypt", inSchedule(human, "us-east-1:999999999999"), false},
		{"nobody but EventBridge keeps one", "kms:GenerateDataKey", via(role("function"), "sqs"), false},
		{"through another region's S3", "kms:Decrypt", map[string]string{"aws:PrincipalArn": human, "kms:CallerAccount": "${AWS::AccountId}", "kms:ViaService": "s3.us-west-2.amazonaws.com"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := allowed(t, mine, request{test.action, "*", test.context}); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// TestKeyPolicyNames lists whom the key policy lets in at all, and every action
// it lets each of them do under some condition.
func TestKeyPolicyNames(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		got := map[string]map[string]bool{}
		for _, s := range statementsOf("key", false, keyOf(t, tm).Properties["KeyPolicy"]) {
			principal, _ := s.object["Principal"].(object)
			if len(principal) != 1 || !s.allows() {
				t.Fatalf("%s is for %v", s, s.object["Principal"])
			}
			service, isService := principal["Service"].(string)
			if !isService {
				continue // TestKeyPolicy and TestAnyoneIsNeverAlone hold the account's.
			}
			if got[service] == nil {
				got[service] = map[string]bool{}
			}
			for _, action := range s.actions() {
				got[service][action] = true
			}
		}
		want := map[string][]string{
			"logs." + v.region() + ".amazonaws.com": {"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"},
			"delivery.logs.amazonaws.com":           {"kms:Decrypt"},
			"events.amazonaws.com":                  {"kms:Decrypt", "kms:GenerateDataKey"},
			"cloudwatch.amazonaws.com":              {"kms:Decrypt", "kms:GenerateDataKey"},
		}
		if v.config().TunesNova() {
			want["bedrock.amazonaws.com"] = []string{"kms:Decrypt", "kms:GenerateDataKey"}
		}
		if v.config().Trail.Enabled {
			want["cloudtrail.amazonaws.com"] = []string{"kms:DescribeKey", "kms:GenerateDataKey*"}
		}
		equal(t, "services", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		for service, actions := range want {
			equal(t, service, slices.Sorted(maps.Keys(got[service])), actions)
		}
	})
}

// TestKeyPolicyOfServices asks the key policy what it lets AWS services do that
// act by themselves, for this account and for another.
func TestKeyPolicyOfServices(t *testing.T) {
	tm := synthesize(t, standard)
	const ours, theirs = "${AWS::AccountId}", "999999999999"
	logGroup := func(account, name string) map[string]string {
		return map[string]string{"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:us-east-1:" + account + ":log-group:" + name}
	}
	topic := func(account string) map[string]string {
		return map[string]string{"kms:EncryptionContext:aws:sns:topicArn": "arn:aws:sns:us-east-1:" + account + ":topic"}
	}
	source := func(account string) map[string]string { return map[string]string{"aws:SourceAccount": account} }
	bought := func(encrypted string, more ...string) map[string]string {
		context := map[string]string{"kms:EncryptionContextKeys": encrypted}
		for _, account := range more {
			context["aws:SourceAccount"] = account
		}
		return context
	}
	delivery := func(account string) map[string]string {
		return map[string]string{"kms:EncryptionContext:SourceArn": "arn:aws:logs:us-east-1:" + account + ":*"}
	}
	for _, test := range []struct {
		name, service, action string
		context               map[string]string
		want                  bool
	}{
		{"a function's log", "logs.us-east-1", "kms:Encrypt", logGroup(ours, "/tuneline/validate"), true},
		{"the executions' log", "logs.us-east-1", "kms:GenerateDataKey", logGroup(ours, "/aws/vendedlogs/tuneline/executions"), true},
		{"the API's log", "logs.us-east-1", "kms:Encrypt", logGroup(ours, "API-Gateway-Execution-Logs_abc/live"), true},
		{"the firewall's log", "logs.us-east-1", "kms:Encrypt", logGroup(ours, "aws-waf-logs-tuneline"), true},
		{"another firewall's log", "logs.us-east-1", "kms:Encrypt", logGroup(ours, "aws-waf-logs-other"), false},
		{"somebody's log", "logs.us-east-1", "kms:Encrypt", logGroup(ours, "/aws/lambda/other"), false},
		{"another account's log", "logs.us-east-1", "kms:Encrypt", logGroup(theirs, "/tuneline/validate"), false},
		{"a log without a context", "logs.us-east-1", "kms:Encrypt", nil, false},
		{"a log of another region", "logs.us-west-2", "kms:Encrypt", logGroup(ours, "/tuneline/validate"), false},
		{"execution records", "delivery.logs", "kms:Decrypt", delivery(ours), true},
		{"encrypting execution records", "delivery.logs", "kms:GenerateDataKey", delivery(ours), false},
		{"another account's records", "delivery.logs", "kms:Decrypt", delivery(theirs), false},
		{"records without a context", "delivery.logs", "kms:Decrypt", nil, false},
		{"a notice to the topic", "events", "kms:GenerateDataKey", topic(ours), true},
		{"a notice to another account's topic", "events", "kms:GenerateDataKey", topic(theirs), false},
		{"an undelivered event", "events", "kms:GenerateDataKey", source(ours), true},
		{"another account's event", "events", "kms:GenerateDataKey", source(theirs), false},
		{"an event of nobody's", "events", "kms:Decrypt", nil, false},
		{"an alarm", "cloudwatch", "kms:GenerateDataKey", source(ours), true},
		{"another account's alarm", "cloudwatch", "kms:GenerateDataKey", source(theirs), false},
		{"EventBridge administers", "events", "kms:PutKeyPolicy", source(ours), false},
		{"S3 by itself", "s3", "kms:Decrypt", source(ours), false},
		{"Lambda by itself", "lambda", "kms:Decrypt", source(ours), false},
		{"a bought model", "bedrock", "kms:GenerateDataKey", bought("aws:bedrock:custom-model"), true},
		{"a bought model, for this account", "bedrock", "kms:Decrypt", bought("aws:bedrock:custom-model", ours), true},
		{"another account's model", "bedrock", "kms:Decrypt", bought("aws:bedrock:custom-model", theirs), false},
		{"an object, by Bedrock itself", "bedrock", "kms:Decrypt", bought("aws:s3:arn", ours), false},
		{"nothing that Bedrock names", "bedrock", "kms:Decrypt", source(ours), false},
		{"a grant of Bedrock's own", "bedrock", "kms:CreateGrant", bought("aws:bedrock:custom-model", ours), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			statements := keyPolicy(t, tm, "Service", test.service+".amazonaws.com")
			if got := allowed(t, statements, request{test.action, "*", test.context}); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
