package template

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// accessAPI is an API with one method that wants a token and a key; the
// arguments change the authorizer's properties and add resources.
func accessAPI(authorizer, more string) string {
	return `{"Resources": {
		"F": {"Type": "AWS::Lambda::Function", "Properties": {"Role": "arn:aws:iam::123456789012:role/r", "Code": {"S3Key": "1.zip"}}},
		"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}},
		"Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "a", "SecurityPolicy": "TLS_1_2", "EndpointAccessMode": "STRICT"}},
		"Deployment": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Api"}}},
		"Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": {"RestApiId": {"Ref": "Api"}, "StageName": "live", "DeploymentId": {"Ref": "Deployment"}}},
		"Token": {"Type": "AWS::ApiGateway::Authorizer", "Properties": {"RestApiId": {"Ref": "Api"}, "Name": "t",
			"AuthorizerUri": {"Fn::Sub": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${F.Arn}/invocations"},
			"IdentitySource": "method.request.header.Authorization", ` + authorizer + `}},
		"Method": {"Type": "AWS::ApiGateway::Method", "Properties": {"RestApiId": {"Ref": "Api"}, "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
			"HttpMethod": "POST", "AuthorizationType": "CUSTOM", "AuthorizerId": {"Ref": "Token"}, "ApiKeyRequired": true,
			"Integration": {"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "ResponseTransferMode": "STREAM", "TimeoutInMillis": 900000,
				"Uri": {"Fn::Sub": "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/${F.Arn}/response-streaming-invocations"}}}}` + more + `}}`
}

const oneAsset = `{"files": {"1": {"source": {"path": "code.zip", "packaging": "file"},
	"destinations": {"d": {"bucketName": "b", "objectKey": "1.zip"}}}}}`

func load(t *testing.T, body string) *Stack {
	t.Helper()
	s, err := Load(assemble(t, "", oneAsset, body), pretendStack("S"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLoadAuthorizer(t *testing.T) {
	permission := `, "P": {"Type": "AWS::Lambda::Permission", "Properties": {"FunctionName": {"Fn::GetAtt": ["F", "Arn"]}, "Action": "lambda:InvokeFunction",
		"Principal": "apigateway.amazonaws.com", "SourceArn": {"Fn::Sub": "arn:aws:execute-api:us-east-1:123456789012:${Api}/authorizers/${Token}"}}}`
	s := load(t, accessAPI(`"Type": "TOKEN", "IdentityValidationExpression": "Bearer .+", "AuthorizerResultTtlInSeconds": 60`, permission))
	m := s.RestAPIs[0].Resources[0].Methods[0]
	equal(t, "authorization", m.AuthorizationType, "CUSTOM")
	equal(t, "key required", m.APIKeyRequired, true)
	equal(t, "transfer mode", m.Integration.TransferMode, "STREAM")
	equal(t, "timeout", m.Integration.Timeout, 15*time.Minute)
	a := m.Authorizer
	f, _ := s.Function("F")
	token, _ := s.Resource("Token")
	equal(t, "id", a.ID, token.PhysicalID)
	equal(t, "function", a.FunctionARN, f.ARN)
	equal(t, "header", a.Header, "Authorization")
	equal(t, "validation", a.Validation, "Bearer .+")
	equal(t, "TTL", a.ResultTTL, time.Minute)
	equal(t, "permitted", a.Permitted, true)

	// A permission for the API's methods is none for its authorizer.
	methods := strings.Replace(permission, "${Api}/authorizers/${Token}", "${Api}/live/*", 1)
	a = load(t, accessAPI(`"Type": "TOKEN"`, methods)).RestAPIs[0].Resources[0].Methods[0].Authorizer
	equal(t, "permitted by another", a.Permitted, false)
	equal(t, "default TTL", a.ResultTTL, 5*time.Minute)
}

func TestLoadAPIKeys(t *testing.T) {
	s := load(t, accessAPI(`"Type": "TOKEN"`, `,
		"Plan": {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"UsagePlanName": "p", "Quota": {"Limit": 5, "Period": "DAY"}, "Throttle": {"RateLimit": 1},
			"ApiStages": [{"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}}]}},
		"Elsewhere": {"Type": "AWS::ApiGateway::UsagePlan", "Properties": {"ApiStages": [{"ApiId": {"Ref": "Api"}, "Stage": "other"}]}},
		"Ana": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Name": "ana", "Enabled": true}},
		"Bob": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Name": "bob", "Value": "a-value-of-twenty-chars"}},
		"Planless": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Enabled": true}},
		"Other": {"Type": "AWS::ApiGateway::ApiKey", "Properties": {"Enabled": true}},
		"AnaPlan": {"Type": "AWS::ApiGateway::UsagePlanKey", "Properties": {"KeyId": {"Ref": "Ana"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "Plan"}}},
		"BobPlan": {"Type": "AWS::ApiGateway::UsagePlanKey", "Properties": {"KeyId": {"Ref": "Bob"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "Plan"}}},
		"OtherPlan": {"Type": "AWS::ApiGateway::UsagePlanKey", "Properties": {"KeyId": {"Ref": "Other"}, "KeyType": "API_KEY", "UsagePlanId": {"Ref": "Elsewhere"}}}`))
	keys := s.RestAPIs[0].Keys
	equal(t, "keys", len(keys), 2)
	equal(t, "names", keys[0].Name+" "+keys[1].Name, "ana bob")
	equal(t, "enabled", keys[0].Enabled, true)
	equal(t, "enabled by default", keys[1].Enabled, false)
	equal(t, "a given value", keys[1].Value, "a-value-of-twenty-chars")
	if !regexp.MustCompile(`^[A-Za-z0-9]{32}$`).MatchString(keys[0].Value) {
		t.Errorf("the value is %q", keys[0].Value)
	}
	ana, _ := s.Resource("Ana")
	equal(t, "id", keys[0].ID, ana.PhysicalID)
}

func TestLoadGatewayResponses(t *testing.T) {
	s := load(t, accessAPI(`"Type": "TOKEN"`, `,
		"Default": {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": {"RestApiId": {"Ref": "Api"}, "ResponseType": "DEFAULT_4XX",
			"ResponseTemplates": {"application/json": "{}"}}},
		"Throttled": {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": {"RestApiId": {"Ref": "Api"}, "ResponseType": "THROTTLED", "StatusCode": "429",
			"ResponseParameters": {"gatewayresponse.header.retry-after": "'1'"}}}`))
	responses := s.RestAPIs[0].GatewayResponses
	equal(t, "responses", len(responses), 2)
	equal(t, "template", responses["DEFAULT_4XX"].Template, "{}")
	equal(t, "no status", responses["DEFAULT_4XX"].Status, 0)
	equal(t, "status", responses["THROTTLED"].Status, 429)
	equal(t, "header", responses["THROTTLED"].Headers["Retry-After"], "1")
}

func TestLoadWebACL(t *testing.T) {
	s := load(t, accessAPI(`"Type": "TOKEN"`, `,
		"Acl": {"Type": "AWS::WAFv2::WebACL", "Properties": {"Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": {}, "DataProtectionConfig": {},
			"Rules": [{"Name": "Rate", "Priority": 0}]}},
		"Association": {"Type": "AWS::WAFv2::WebACLAssociation", "Properties": {"WebACLArn": {"Fn::GetAtt": ["Acl", "Arn"]}, "ResourceArn": "arn:aws:apigateway:us-east-1::/restapis/a/stages/live"}},
		"Log": {"Type": "AWS::WAFv2::LoggingConfiguration", "Properties": {"ResourceArn": {"Fn::GetAtt": ["Acl", "Arn"]},
			"LogDestinationConfigs": ["arn:aws:logs:us-east-1:123456789012:log-group:aws-waf-logs-x"], "RedactedFields": []}}`))
	acl := s.WebACLs[0]
	if !regexp.MustCompile(`^arn:aws:wafv2:us-east-1:123456789012:regional/webacl/[^/]+/[0-9a-f-]{36}$`).MatchString(acl.ARN) {
		t.Errorf("ARN %s", acl.ARN)
	}
	equal(t, "scope", acl.Scope, "REGIONAL")
	equal(t, "rules", len(acl.Rules), 1)
	equal(t, "protects", strings.Join(acl.Protects, " "), "arn:aws:apigateway:us-east-1::/restapis/a/stages/live")
	equal(t, "logs", strings.Join(acl.LogDestinations, " "), "arn:aws:logs:us-east-1:123456789012:log-group:aws-waf-logs-x")
}

func TestRefusedAPIAccess(t *testing.T) {
	response := func(properties string) string {
		return accessAPI(`"Type": "TOKEN"`, `, "R": {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": {"RestApiId": {"Ref": "Api"}, "ResponseType": "THROTTLED", `+properties+`}}`)
	}
	for name, tc := range map[string]struct{ body, want string }{
		"authorizer type":   {accessAPI(`"Type": "REQUEST"`, ""), "a REQUEST authorizer"},
		"credentials":       {accessAPI(`"Type": "TOKEN", "AuthorizerCredentials": "arn:x"`, ""), `unknown field "AuthorizerCredentials"`},
		"authorizer's id":   {strings.Replace(accessAPI(`"Type": "TOKEN"`, ""), `{"Ref": "Token"}`, `"abc123"`, 1), "authorizer abc123 is not in the stack"},
		"identity source":   {strings.Replace(accessAPI(`"Type": "TOKEN"`, ""), "method.request.header.Authorization", "method.request.querystring.t", 1), "identity source"},
		"parameter's value": {response(`"ResponseParameters": {"gatewayresponse.header.X": "method.request.header.Y"}`), "is not modelled, only a header with a text"},
		"parameter's place": {response(`"ResponseParameters": {"gatewayresponse.path.X": "'x'"}`), "is not modelled, only a header with a text"},
		"content type":      {response(`"ResponseTemplates": {"text/html": "x"}`), "a response template for text/html is not modelled"},
		"twice": {response(`"StatusCode": 429}}, "R2": {"Type": "AWS::ApiGateway::GatewayResponse", "Properties": {"RestApiId": {"Ref": "Api"}, "ResponseType": "THROTTLED"`),
			"another response of type THROTTLED"},
	} {
		t.Run(name, func(t *testing.T) { refused(t, assemble(t, "", oneAsset, tc.body), pretendStack("S"), tc.want) })
	}
}
