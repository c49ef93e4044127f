package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

func TestDefaultIsValid(t *testing.T) {
	got, err := Load(func(string) any { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if want := Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.S3PrefixListID() != "pl-63a5400a" {
		t.Errorf("got prefix list %s", got.S3PrefixListID())
	}
}

// publicKey is a set of one key, of nobody.
const publicKey = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`

// tokens is a configuration with jwt, and with more members of it.
func tokens(more string) string {
	return `{"api":{"auth":"jwt","jwt":{"issuer":"https://login.example.com","audiences":["a"],` + more + `}}}`
}

// parsed are configurations, and what each changes of the default.
var parsed = []struct {
	name, text string
	want       func(*Config)
}{
	{"nothing", `{}`, func(*Config) {}},
	{"one key of a group", `{"api":{"rateLimit":7}}`, func(c *Config) { c.API.RateLimit = 7 }},
	{"number of zones", `{"availabilityZones":2}`, func(c *Config) { c.AvailabilityZones = Zones{Count: 2} }},
	{"names of zones", `{"availabilityZones":["us-east-1a","us-east-1f"]}`, func(c *Config) {
		c.AvailabilityZones = Zones{Names: []string{"us-east-1a", "us-east-1f"}}
	}},
	{"another prefix list", `{"prefixListIds":{"us-east-1":"pl-6da54004"}}`, func(c *Config) {
		c.PrefixListIDs = map[string]string{"us-east-1": "pl-6da54004"}
	}},
	{"another region", `{"region":"us-west-2","baseModel":"meta.llama3-1-8b-instruct-v1:0:128k","serving":{"modelUnits":2}}`, func(c *Config) {
		c.Region, c.BaseModel, c.Serving.ModelUnits = "us-west-2", "meta.llama3-1-8b-instruct-v1:0:128k", 2
	}},
	{"refused data", `{"dataset":{"secrets":"refuse","personalData":"ignore"}}`, func(c *Config) {
		c.Dataset = Dataset{Secrets: "refuse", PersonalData: "ignore"}
	}},
	{"base models", `{"allowedBaseModels":["amazon.nova-lite-v1:0:300k","amazon.nova-micro-v1:0:128k"]}`, func(c *Config) {
		c.AllowedBaseModels = []string{"amazon.nova-lite-v1:0:300k", "amazon.nova-micro-v1:0:128k"}
	}},
	{"trail", `{"trail":{"enabled":true},"retentionDays":{"trail":731}}`, func(c *Config) { c.Trail.Enabled, c.RetentionDays.Trail = true, 731 }},
	{"boundary", `{"permissionsBoundary":"Boundary-1"}`, func(c *Config) { c.PermissionsBoundary = "Boundary-1" }},
	{"boundary by its ARN", `{"permissionsBoundary":"arn:aws:iam::111122223333:policy/team/Boundary"}`, func(c *Config) {
		c.PermissionsBoundary = "arn:aws:iam::111122223333:policy/team/Boundary"
	}},
	{"uploads from the VPC only", `{"bucketPolicy":{"uploadsFromVpcOnly":true}}`, func(c *Config) { c.BucketPolicy.UploadsFromVPCOnly = true }},
	{"provisioned", `{"serving":{"mode":"provisioned","modelUnits":2,"commitment":"OneMonth"}}`, func(c *Config) {
		c.Serving.Mode, c.Serving.ModelUnits, c.Serving.Commitment = "provisioned", 2, "OneMonth"
	}},
	{"release", `{"serving":{"releaseAfter":"720h","releaseIdleAfter":"4h","warnIdleAfter":"","orphans":"release","sweepEvery":"15m"}}`, func(c *Config) {
		c.Serving.ReleaseAfter, c.Serving.ReleaseIdleAfter, c.Serving.WarnIdleAfter = "720h", "4h", ""
		c.Serving.Orphans, c.Serving.SweepEvery = "release", "15m"
	}},
	{"ceilings", `{"training":{"maxUSD":12.5,"maxEpochs":3},"serving":{"maxHourlyUSD":30},"acceptUnknownPrice":true,"approval":{"giveUpAfter":"36h30m"}}`, func(c *Config) {
		c.Training.MaxUSD, c.Training.MaxEpochs, c.Serving.MaxHourlyUSD = 12.5, 3, 30
		c.AcceptUnknownPrice, c.Approval.GiveUpAfter = true, "36h30m"
	}},
	{"hyperparameters", `{"hyperparameters":{"epochCount":"3"}}`, func(c *Config) { c.Hyperparameters = map[string]string{"epochCount": "3"} }},
	{"tokens", `{"api":{"auth":"jwt","jwt":{"issuer":"https://login.example.com/","audiences":["tuneline"],"jwksUrl":"https://login.example.com/keys","scopePrefix":"ask."}}}`, func(c *Config) {
		c.API.Auth = AuthJWT
		c.API.JWT = JWT{Issuer: "https://login.example.com/", Audiences: []string{"tuneline"}, JWKSURL: "https://login.example.com/keys", ScopePrefix: "ask."}
	}},
	{"pinned keys", `{"api":{"auth":"jwt","jwt":{"issuer":"http://127.0.0.1:8080","audiences":["a","b"],"jwks":` + publicKey + `}}}`, func(c *Config) {
		c.API.Auth = AuthJWT
		c.API.JWT = JWT{Issuer: "http://127.0.0.1:8080", Audiences: []string{"a", "b"}, JWKS: json.RawMessage(publicKey), ScopePrefix: "tuneline/"}
	}},
	{"guardrail", `{"api":{"guardrail":{"id":"gr1a2b3c4d5e","version":"3"},"timeoutSeconds":900}}`, func(c *Config) {
		c.API.Guardrail, c.API.TimeoutSeconds = Guardrail{ID: "gr1a2b3c4d5e", Version: "3"}, 900
	}},
	{"guardrail by its ARN", `{"api":{"guardrail":{"id":"arn:aws:bedrock:us-east-1:111122223333:guardrail/gr1a2b3c4d5e","version":"DRAFT"}}}`, func(c *Config) {
		c.API.Guardrail = Guardrail{ID: "arn:aws:bedrock:us-east-1:111122223333:guardrail/gr1a2b3c4d5e", Version: "DRAFT"}
	}},
	{"firewall", `{"api":{"waf":{"enabled":true}}}`, func(c *Config) { c.API.WAF = WAF{Enabled: true, RateLimit: 2000} }},
	{"clients", `{"api":{"usagePlan":{"requestsPerDay":1000,"rateLimit":5,"burstLimit":10,"clients":["web","batch-2"]}}}`, func(c *Config) {
		c.API.UsagePlan = UsagePlan{RequestsPerDay: 1000, RateLimit: 5, BurstLimit: 10, Clients: []string{"web", "batch-2"}}
	}},
	{"people", `{"uploaders":["arn:aws:iam::111122223333:role/team/Data"],"operators":["arn:aws:iam::111122223333:user/ops"]}`, func(c *Config) {
		c.Uploaders = []string{"arn:aws:iam::111122223333:role/team/Data"}
		c.Operators = []string{"arn:aws:iam::111122223333:user/ops"}
	}},
}

func TestParse(t *testing.T) {
	for _, test := range parsed {
		t.Run(test.name, func(t *testing.T) {
			want := Default()
			test.want(&want)
			got, err := Parse("test", []byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// refused are configurations that are wrong, and what the error must mention.
var refused = []struct {
	text string
	want []string
}{
	{`{"regoin":"us-east-1"}`, []string{"regoin is not a key", "region", "baseModel"}},
	{`{"api":{"rate":1}}`, []string{"api.rate is not a key", "rateLimit"}},
	{`{"Region":"us-east-1"}`, []string{"Region is not a key"}},
	{`{"serving":"auto"}`, []string{"serving", `"auto"`, "object"}},
	{`[]`, []string{"the configuration", "object"}},
	{`{"api":{"rateLimit":"many"}}`, []string{"api.rateLimit", "string", "whole number"}},
	{`{"api":{"createLogRole":1}}`, []string{"api.createLogRole", "true or false"}},
	{`{"uploaders":"me"}`, []string{"uploaders", "list of strings"}},
	{`{"hyperparameters":{"epochCount":2}}`, []string{"hyperparameters", "number", "string"}},
	{`{"allowedBaseModels":["amazon.nova-lite-v1:0:300k"]}`, []string{"baseModel", "amazon.nova-micro-v1:0:128k", "allowed are amazon.nova-lite-v1:0:300k"}},
	{`{"allowedBaseModels":["acme.model"]}`, []string{"allowedBaseModels", "acme.model", "use one of"}},
	{`{"allowedBaseModels":["amazon.nova-micro-v1:0"]}`, []string{"allowedBaseModels", "amazon.nova-micro-v1:0:128k"}},
	{`{"allowedBaseModels":["arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k"]}`, []string{"allowedBaseModels", "want the id", "baseModel"}},
	{`{"allowedBaseModels":["amazon.nova-micro-v1:0:128k","amazon.nova-micro-v1:0:128k"]}`, []string{"allowedBaseModels", "twice"}},
	{`{"allowedBaseModels":["amazon.nova-micro-v1:0:128k","meta.llama3-1-8b-instruct-v1:0:128k"]}`, []string{"region", "allowedBaseModels", "meta.llama3-1-8b-instruct-v1:0:128k", "us-west-2"}},
	{`{"trail":true}`, []string{"trail", "want an object"}},
	{`{"retentionDays":{"trail":30}}`, []string{"retentionDays.trail", "90 to 3650"}},
	{`{"permissionsBoundary":"team/boundary"}`, []string{"permissionsBoundary", `"team/boundary"`, "name of a managed policy"}},
	{`{"permissionsBoundary":"arn:aws:iam::111122223333:role/boundary"}`, []string{"permissionsBoundary", "arn:aws:iam::111122223333:policy/boundary"}},
	{`{"region":"nowhere"}`, []string{"region", `"nowhere"`, "us-east-1"}},
	{`{"region":"eu-west-1"}`, []string{"eu-west-1", "prefixListIds", "describe-managed-prefix-lists"}},
	{`{"prefixListIds":{"eu-west-1":"6da54004"}}`, []string{"prefixListIds.eu-west-1", `"6da54004"`, "pl-"}},
	{`{"region":"eu-west-1"}`, []string{"region", "eu-west-1", "amazon.nova-micro-v1:0:128k", "us-east-1"}},
	{`{"region":"cn-north-1"}`, []string{"region", `"cn-north-1"`, "partition", "us-east-1"}},
	{`{"region":"us-gov-west-1"}`, []string{"region", `"us-gov-west-1"`, "partition", "us-east-1"}},
	{`{"region":null}`, []string{"region is null", "leave the key out"}},
	{`{"api":{"rateLimit":null}}`, []string{"api.rateLimit is null"}},
	{`{"region":"us-east-1","region":"us-west-2"}`, []string{"region is given twice"}},
	{`{"api":{"rateLimit":1,"endpoint":"private","rateLimit":2}}`, []string{"rateLimit is given twice"}},
	{`{"availabilityZones":[]}`, []string{"availabilityZones", "0 zones", "2 to 6"}},
	{`{"availabilityZones":null}`, []string{"availabilityZones is null"}},
	{`{"availabilityZones":1}`, []string{"availabilityZones", "1", "2 to 6"}},
	{`{"availabilityZones":["us-east-1a"]}`, []string{"availabilityZones", "1 zones", "2 to 6"}},
	{`{"availabilityZones":["us-east-1a","us-east-1a"]}`, []string{"availabilityZones", "us-east-1a", "once"}},
	{`{"availabilityZones":["us-east-1a","us-west-2a"]}`, []string{"us-west-2a", "zones of us-east-1"}},
	{`{"availabilityZones":"a"}`, []string{"availabilityZones", `"a"`, "number of zones"}},
	{`{"baseModel":"amazon.nova-micro-v1:0"}`, []string{"baseModel", "amazon.nova-micro-v1:0:128k"}},
	{`{"baseModel":"gpt"}`, []string{"baseModel", `"gpt"`, "amazon.nova-micro"}},
	{`{"customizationType":"DISTILLATION"}`, []string{"customizationType", "DISTILLATION", "FINE_TUNING"}},
	{`{"hyperparameters":{"epochCount":""}}`, []string{"hyperparameters", "epochCount", "1 to 5"}},
	{`{"hyperparameters":{"epochCount":"600"}}`, []string{"hyperparameters", "epochCount", "600", "1 to 5"}},
	{`{"hyperparameters":{"epoch count":"1"}}`, []string{"hyperparameters", "epoch count", "epochCount"}},
	{`{"serving":{"mode":"cheap"}}`, []string{"serving.mode", `"cheap"`, "auto, on-demand, provisioned"}},
	{`{"serving":{"modelUnits":0}}`, []string{"serving.modelUnits", "0", "1 to 100"}},
	{`{"serving":{"commitment":"1 month"}}`, []string{"serving.commitment", `"1 month"`, "OneMonth"}},
	{`{"serving":{"mode":"on-demand","commitment":"OneMonth"}}`, []string{"serving.commitment", "OneMonth", "on-demand"}},
	{`{"serving":{"commitment":"OneMonth"}}`, []string{"serving.commitment", "OneMonth", `"auto"`, "provisioned"}},
	{`{"serving":{"modelUnits":2}}`, []string{"serving.modelUnits is 2", `"auto"`, "provisioned"}},
	{`{"region":"us-west-2","baseModel":"meta.llama3-1-8b-instruct-v1:0:128k","serving":{"mode":"on-demand"}}`, []string{"serving.mode", `"on-demand"`, "auto, provisioned"}},
	{`{"serving":{"orphans":"delete"}}`, []string{"serving.orphans", `"delete"`, "report, release"}},
	{`{"serving":{"releaseAfter":"3 days"}}`, []string{"serving.releaseAfter", `"3 days"`, "4h to 8760h", `""`}},
	{`{"serving":{"releaseAfter":"3h59m"}}`, []string{"serving.releaseAfter", "4h to 8760h", "warning"}},
	{`{"serving":{"releaseAfter":"20h","sweepEvery":"6h"}}`, []string{"serving.releaseAfter", "24h to 8760h", "sweepEvery"}},
	{`{"serving":{"releaseIdleAfter":"9000h"}}`, []string{"serving.releaseIdleAfter", `"9000h"`, "8760h"}},
	{`{"serving":{"releaseIdleAfter":"-5h"}}`, []string{"serving.releaseIdleAfter", `"-5h"`}},
	{`{"serving":{"releaseIdleAfter":72}}`, []string{"serving.releaseIdleAfter", "number", "string"}},
	{`{"serving":{"warnIdleAfter":"1h"}}`, []string{"serving.warnIdleAfter", `"1h"`, "2h to 8760h"}},
	{`{"serving":{"sweepEvery":""}}`, []string{"serving.sweepEvery", "15m to 24h"}},
	{`{"serving":{"sweepEvery":"5m"}}`, []string{"serving.sweepEvery", `"5m"`, "15m to 24h"}},
	{`{"serving":{"sweepEvery":"90m30s"}}`, []string{"serving.sweepEvery", "whole minutes"}},
	{`{"training":{"deadlineHours":0}}`, []string{"training.deadlineHours", "1 to 336"}},
	{`{"training":{"maxUSD":-1}}`, []string{"training.maxUSD is -1", "US dollars", "0 or more"}},
	{`{"training":{"maxUSD":"10"}}`, []string{"training.maxUSD is a string", "a number"}},
	{`{"training":{"maxEpochs":-1}}`, []string{"training.maxEpochs is -1", "0 to 10000"}},
	{`{"training":{"maxEpochs":1.5}}`, []string{"training.maxEpochs", "whole number"}},
	{`{"serving":{"maxHourlyUSD":-0.5}}`, []string{"serving.maxHourlyUSD is -0.5", "0 or more"}},
	{`{"acceptUnknownPrice":"yes"}`, []string{"acceptUnknownPrice", "true or false"}},
	{`{"approval":{"giveUpAfter":"3 days"}}`, []string{"approval.giveUpAfter", "3 days", "72h", "1h to 168h"}},
	{`{"approval":{"giveUpAfter":"59m"}}`, []string{"approval.giveUpAfter", "59m", "1h to 168h"}},
	{`{"approval":{"giveUpAfter":"169h"}}`, []string{"approval.giveUpAfter", "169h", "1h to 168h"}},
	{`{"approval":{"giveUpAfter":72}}`, []string{"approval.giveUpAfter", "number", "string"}},
	{`{"uploaders":["arn:aws:iam::1:role/x"]}`, []string{"uploaders", "arn:aws:iam::1:role/x", "IAM roles or users"}},
	{`{"uploaders":["arn:aws-cn:iam::111122223333:role/x"]}`, []string{"uploaders", "arn:aws-cn", "arn:aws:iam"}},
	{`{"operators":["arn:aws:iam::111122223333:role/x","arn:aws:iam::111122223333:role/x"]}`, []string{"operators", "role/x", "twice"}},
	{`{"uploaders":[` + strings.Repeat(`"x",`, 20) + `"x"]}`, []string{"the number of uploaders is 21", "0 to 20"}},
	{`{"operators":["arn:aws:iam::111122223333:root"]}`, []string{"operators", ":root"}},
	{`{"alarmEmail":"Team <team@example.com>"}`, []string{"alarmEmail", "team@example.com"}},
	{`{"api":{"endpoint":"edge"}}`, []string{"api.endpoint", `"edge"`, "regional, private"}},
	{`{"api":{"burstLimit":0}}`, []string{"api.burstLimit", "1 to 5000"}},
	{`{"api":{"auth":"none"}}`, []string{"api.auth", `"none"`, "iam, jwt"}},
	{`{"api":{"auth":"jwt"}}`, []string{"api.jwt.issuer", "https URL", "the number of api.jwt.audiences is 0", "1 to 10"}},
	{`{"api":{"jwt":{"issuer":"https://login.example.com"}}}`, []string{"api.jwt is set", `api.auth "iam"`, "jwt"}},
	{`{"api":{"jwt":{"scopePrefix":"x"}}}`, []string{"api.jwt is set", "leave api.jwt out"}},
	{`{"api":{"jwt":{"audience":"x"}}}`, []string{"api.jwt.audience is not a key", "audiences"}},
	{tokens(`"issuer":"http://login.example.com"`), []string{"issuer is given twice"}},
	{`{"api":{"auth":"jwt","jwt":{"issuer":"http://login.example.com","audiences":["a"]}}}`, []string{"api.jwt.issuer", "http://login.example.com", "https URL"}},
	{`{"api":{"auth":"jwt","jwt":{"issuer":"https://me@login.example.com?x=1","audiences":["a"]}}}`, []string{"api.jwt.issuer", "without user, query or fragment"}},
	{`{"api":{"auth":"jwt","jwt":{"issuer":"https:///x","audiences":["a"]}}}`, []string{"api.jwt.issuer", "https URL"}},
	{`{"api":{"auth":"jwt","jwt":{"issuer":"https://login.example.com","audiences":["a","b c","a"]}}}`, []string{"api.jwt.audiences", `"b c"`, "visible", `"a" twice`}},
	{tokens(`"jwksUrl":"http://10.0.0.1/keys"`), []string{"api.jwt.jwksUrl", "http://10.0.0.1/keys", "https URL"}},
	{tokens(`"jwksUrl":"https://login.example.com/keys","jwks":` + publicKey), []string{"api.jwt.jwksUrl", "api.jwt.jwks is given too", "one of them"}},
	{tokens(`"jwks":[]`), []string{"api.jwt.jwks is []", "list of keys"}},
	{tokens(`"jwks":null`), []string{"api.jwt.jwks is null"}},
	{tokens(`"jwks":{"keys":[{"kty":"OKP"}]}`), []string{"api.jwt.jwks", `kid ""`}},
	{tokens(`"jwks":{"keys":[{"kty":"EC","kid":"a"},{"kty":"EC","kid":"a"}]}`), []string{"api.jwt.jwks", `kid "a"`, "each once"}},
	{tokens(`"jwks":{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}`), []string{"api.jwt.jwks", `the key a of kty "oct"`, "public keys"}},
	{tokens(`"jwks":{"keys":[{"kty":"RSA","kid":"a","d":"AAAA"}]}`), []string{`the key a of kty "RSA"`, "without private members"}},
	{tokens(`"jwks":{"keys":[{"kty":"RSA","kid":"a","x5c":["` + strings.Repeat("A", 3500) + `"]}]}`), []string{"api.jwt has", "3500", "x5c", "jwksUrl"}},
	{tokens(`"scopePrefix":""`), []string{"api.jwt.scopePrefix", `""`, "tuneline/"}},
	{tokens(`"scopePrefix":"a b"`), []string{"api.jwt.scopePrefix", `"a b"`}},
	{`{"api":{"timeoutSeconds":29}}`, []string{"api.timeoutSeconds", "29", "30 to 900"}},
	{`{"api":{"timeoutSeconds":901}}`, []string{"api.timeoutSeconds", "901", "30 to 900"}},
	{`{"api":{"guardrail":{"id":"gr1a2b3c4d5e"}}}`, []string{"api.guardrail.version", `""`, "DRAFT"}},
	{`{"api":{"guardrail":{"version":"1"}}}`, []string{"api.guardrail.id", `""`, "ARN"}},
	{`{"api":{"guardrail":{"id":"GR","version":"0"}}}`, []string{"api.guardrail.id", `"GR"`, "api.guardrail.version", `"0"`}},
	{`{"api":{"guardrail":{"id":"arn:aws:bedrock:eu-west-1:111122223333:guardrail/gr1","version":"1"}}}`, []string{"api.guardrail.id", "us-east-1"}},
	{`{"api":{"waf":{"rateLimit":100}}}`, []string{"api.waf.rateLimit is 100", "api.waf.enabled"}},
	{`{"api":{"waf":{"enabled":true,"rateLimit":9}}}`, []string{"api.waf.rateLimit", "9", "10 to 15000"}},
	{`{"api":{"rateLimit":2,"waf":{"enabled":true}}}`, []string{"api.waf.rateLimit", "2000", "10 to 600"}},
	{`{"api":{"usagePlan":{"rateLimit":5}}}`, []string{"api.usagePlan limits nobody", "clients"}},
	{`{"api":{"usagePlan":{"rateLimit":5,"clients":["a"]}}}`, []string{"api.usagePlan.rateLimit is 5", "burstLimit is 0", "both"}},
	{`{"api":{"usagePlan":{"rateLimit":51,"burstLimit":10,"clients":["a"]}}}`, []string{"api.usagePlan.rateLimit", "51", "0 to 50"}},
	{`{"api":{"usagePlan":{"requestsPerDay":-1,"clients":["a"]}}}`, []string{"api.usagePlan.requestsPerDay", "-1"}},
	{`{"api":{"usagePlan":{"clients":["a b","a b"]}}}`, []string{"api.usagePlan.clients", `"a b"`, "hyphens", "twice"}},
	{`{"api":{"usagePlan":{"clients":[` + strings.Repeat(`"x",`, 50) + `"x"]}}}`, []string{"the number of api.usagePlan.clients is 51", "0 to 50"}},
	{`{"architecture":"amd64"}`, []string{"architecture", `"amd64"`, "arm64, x86_64"}},
	{`{"retentionDays":{"logs":100}}`, []string{"retentionDays.logs", "100", "90"}},
	{`{"retentionDays":{"objects":1}}`, []string{"retentionDays.objects", "30 to 3650"}},
	{`{`, []string{"parsing test"}},
}

// TestRefused: an error names the key, the value and what is allowed.
func TestRefused(t *testing.T) {
	for _, test := range refused {
		t.Run(test.text, func(t *testing.T) {
			_, err := Parse("test", []byte(test.text))
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to mention %q", err, want)
				}
			}
		})
	}
}

// TestEveryMistakeIsToldAtOnce: nobody likes to deploy once a mistake.
func TestEveryMistakeIsToldAtOnce(t *testing.T) {
	_, err := Parse("test", []byte(`{"architecture":"mips","api":{"endpoint":"edge"},"training":{"deadlineHours":0}}`))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v, want three lines", err)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(`{"training":{"deadlineHours":5}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	lookup := func(context map[string]any) func(string) any {
		return func(key string) any { return context[key] }
	}
	got, err := Load(lookup(map[string]any{"tuneline": map[string]any{"training": map[string]any{"deadlineHours": 4.0}}, "architecture": "x86_64"}))
	if err != nil || got.Training.DeadlineHours != 4 || got.Architecture != X8664 {
		t.Errorf("from the context: got %+v, %v", got, err)
	}
	got, err = Load(lookup(map[string]any{"tuneline": map[string]any{"training": map[string]any{"deadlineHours": 4.0}}, "config": path}))
	if err != nil || got.Training.DeadlineHours != 5 {
		t.Errorf("from a file: got %+v, %v", got, err)
	}
	if _, err = Load(lookup(map[string]any{"config": path + "x"})); err == nil || !strings.Contains(err.Error(), `"config"`) {
		t.Errorf("from a missing file: got %v", err)
	}
	if _, err = Load(lookup(map[string]any{"architecture": "mips"})); err == nil || !strings.Contains(err.Error(), "mips") {
		t.Errorf("with a bad override: got %v", err)
	}
}

// TestExamples: what is shipped is accepted.
func TestExamples(t *testing.T) {
	paths, err := filepath.Glob("../../examples/*/config.json")
	if err != nil || len(paths) < 2 {
		t.Fatalf("got %v, %v, want at least two examples", paths, err)
	}
	for _, path := range paths {
		if _, err := Load(func(key string) any { return map[string]any{"config": path}[key] }); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSettings(t *testing.T) {
	c := Default()
	c.Serving = Serving{Mode: "provisioned", ModelUnits: 1, Commitment: CommitmentNone}
	got, err := json.Marshal(c.Settings())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"baseModel":"amazon.nova-micro-v1:0:128k","customizationType":"FINE_TUNING","hyperparameters":{},"serving":{"mode":"provisioned","modelUnits":1,"commitment":""}}`
	if string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var back finetune.Settings
	if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, c.Settings()) {
		t.Errorf("got %+v, %v back", back, err)
	}
}

// TestCeilings: by default training has no ceiling, nothing that is billed by the
// hour is bought unasked, and a person has three days.
func TestCeilings(t *testing.T) {
	if got, want := Default().Ceilings(), (finetune.Ceilings{GiveUpSeconds: 3 * 24 * 3600}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	c := Default()
	c.Training.MaxUSD, c.Training.MaxEpochs, c.Serving.MaxHourlyUSD = 12.5, 3, 30
	c.AcceptUnknownPrice, c.Approval.GiveUpAfter = true, "1h30m"
	c.Serving.Commitment = CommitmentOneMonth
	want := finetune.Ceilings{Commitment: "OneMonth", TrainingUSD: 12.5, Epochs: 3, HourlyUSD: 30, AcceptUnknownPrice: true, GiveUpSeconds: 5400}
	if got := c.Ceilings(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestForTheFunctions: what of the API's settings travels to the functions, and
// comes back whole.
func TestForTheFunctions(t *testing.T) {
	c, err := Parse("test", []byte(tokens(`"jwks":`+publicKey)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(c.TokenRules())
	want := `{"issuer":"https://login.example.com","audiences":["a"],"jwks":` + publicKey + `,"scopePrefix":"tuneline/"}`
	if err != nil || string(text) != want {
		t.Errorf("got %s, %v, want %s", text, err, want)
	}
	var back finetune.TokenRules
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, c.TokenRules()) {
		t.Errorf("got %+v, %v back", back, err)
	}
	for guardrail, want := range map[Guardrail]string{{}: "{}", {ID: "gr1", Version: "2"}: `{"id":"gr1","version":"2"}`} {
		c.API.Guardrail = guardrail
		if text, err := json.Marshal(c.Guardrail()); err != nil || string(text) != want {
			t.Errorf("got %s, %v, want %s", text, err, want)
		}
	}
}

func TestGOARCH(t *testing.T) {
	for architecture, want := range map[Architecture]string{ARM64: "arm64", X8664: "amd64"} {
		if got := architecture.GOARCH(); got != want {
			t.Errorf("%s: got %s, want %s", architecture, got, want)
		}
	}
}

// TestSweeping: by default people are told of what is idle and of what nobody
// owns, and nothing is released.
func TestSweeping(t *testing.T) {
	c := Default()
	if got, want := c.Sweeping(), (finetune.Sweeping{WarnIdleSeconds: 24 * 3600, Orphans: finetune.OrphansReport, EverySeconds: 3600}); got != want || !c.WatchesInvocations() {
		t.Errorf("got %+v, want %+v", got, want)
	}
	c.Serving.ReleaseAfter, c.Serving.ReleaseIdleAfter, c.Serving.WarnIdleAfter = "72h", "36h30m", ""
	c.Serving.Orphans, c.Serving.SweepEvery = finetune.OrphansRelease, "30m"
	want := finetune.Sweeping{ReleaseAfterSeconds: 72 * 3600, ReleaseIdleSeconds: 131400, Orphans: finetune.OrphansRelease, EverySeconds: 1800}
	if got := c.Sweeping(); got != want || !c.WatchesInvocations() {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if c.Serving.ReleaseIdleAfter = ""; c.WatchesInvocations() {
		t.Error("CloudWatch is reached for nothing")
	}
}
