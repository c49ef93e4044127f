package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/infra/config"
)

// methodsOf are the patterns of the ARNs of an API's methods.
func methodsOf(v variant, api string) []string {
	var arns []string
	for _, method := range []string{"POST/model/*/*", "GET/model/*/*", "GET/models", "GET/models/*"} {
		arns = append(arns, "arn:aws:execute-api:"+v.region()+":${AWS::AccountId}:"+api+"/live/"+method)
	}
	return arns
}

// pathOf is the path of a method, from its resource up to the root.
func (tm *template) pathOf(method resource) string {
	path, id := "", fmt.Sprint(method.Properties["ResourceId"])
	for !strings.HasSuffix(id, ".RootResourceId}") {
		r := tm.Resources[strings.Trim(id, "${}")]
		path, id = "/"+fmt.Sprint(r.Properties["PathPart"])+path, fmt.Sprint(r.Properties["ParentId"])
	}
	return path
}

// TestRoutes lists the methods: with what their body must be like, and how the
// answer comes. Every POST streams, for as long as is configured; every GET comes
// whole.
func TestRoutes(t *testing.T) {
	want := map[string]string{
		"POST /model/{model}/converse":                    "ConverseRequest",
		"POST /model/{model}/converse-stream":             "ConverseRequest",
		"POST /model/{model}/invoke":                      "InvokeRequest",
		"POST /model/{model}/invoke-with-response-stream": "InvokeRequest",
		"POST /model/{model}/v1/chat/completions":         "ChatCompletionRequest",
		"GET /model/{model}/v1/models":                    "",
		"GET /models":                                     "",
		"GET /models/{model}":                             "",
	}
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		got := map[string]string{}
		validator := tm.find(t, "Inference", "AWS::ApiGateway::RequestValidator")
		equal(t, "validates", []any{validator.Properties["ValidateRequestBody"], validator.Properties["ValidateRequestParameters"]}, []any{true, true})
		for _, m := range tm.ofType("AWS::ApiGateway::Method") {
			verb, path := fmt.Sprint(m.Properties["HttpMethod"]), tm.pathOf(m)
			got[verb+" "+path] = tm.modelOf(t, m)
			equal(t, path+" validator", m.Properties["RequestValidatorId"], validator.ref(""))
			equal(t, path+" wants the model", get(m.Properties, "RequestParameters", "method.request.path.model"), map[bool]any{true: true, false: nil}[strings.Contains(path, "{model}")])
			uri := "arn:aws:apigateway:" + v.region() + ":lambda:path/2015-03-31/functions/" + function(t, tm, "invoke").ref("Arn") + "/invocations"
			integration := object{"Type": "AWS_PROXY", "IntegrationHttpMethod": "POST", "Uri": uri}
			if verb == "POST" {
				integration["Uri"] = strings.Replace(strings.Replace(uri, "2015-03-31", "2021-11-15", 1), "/invocations", "/response-streaming-invocations", 1)
				integration["ResponseTransferMode"], integration["TimeoutInMillis"] = "STREAM", v.config().API.TimeoutSeconds*1000
			}
			equal(t, path+" leads to", m.Properties["Integration"], integration)
		}
		equal(t, "methods", got, want)
	})
}

// modelOf is the name of the model that a method's body is held against.
func (tm *template) modelOf(t *testing.T, m resource) string {
	t.Helper()
	models, _ := m.Properties["RequestModels"].(object)
	if len(models) == 0 {
		return ""
	}
	equal(t, m.id+" content types", slices.Sorted(maps.Keys(models)), []string{"application/json"})
	model := tm.Resources[strings.Trim(fmt.Sprint(models["application/json"]), "${}")]
	return fmt.Sprint(model.Properties["Name"])
}

// TestNoRouteWithoutAuth: every method wants a signature or a token, in whatever
// mode, and a key where clients have one.
func TestNoRouteWithoutAuth(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		methods := tm.ofType("AWS::ApiGateway::Method")
		if len(methods) == 0 {
			t.Fatal("there are no methods")
		}
		authorizers := tm.ofType("AWS::ApiGateway::Authorizer")
		for _, m := range methods {
			want := []any{"AWS_IAM", nil, nil}
			if v.tokens() {
				want = []any{"CUSTOM", authorizers[0].ref(""), nil}
			}
			if len(v.config().API.UsagePlan.Clients) > 0 {
				want[2] = true
			}
			equal(t, m.id, []any{m.Properties["AuthorizationType"], m.Properties["AuthorizerId"], m.Properties["ApiKeyRequired"]}, want)
		}
		if !v.tokens() {
			equal(t, "authorizers", len(authorizers), 0)
			return
		}
		equal(t, "authorizer", authorizers[0].Properties, object{
			"Name": "Token", "Type": "TOKEN", "RestApiId": tm.find(t, "InferenceAPI", "AWS::ApiGateway::RestApi").ref(""),
			"AuthorizerUri":  "arn:aws:apigateway:" + v.region() + ":lambda:path/2015-03-31/functions/" + function(t, tm, "authorize").ref("Arn") + "/invocations",
			"IdentitySource": "method.request.header.Authorization", "IdentityValidationExpression": `^[Bb]earer [-0-9A-Za-z._~+/]+=*$`,
			"AuthorizerResultTtlInSeconds": 60,
		})
		var may []string
		for _, s := range tm.permissions(t, "FunctionsAuthorizeRole") {
			may = append(may, s.actions()...)
		}
		slices.Sort(may)
		equal(t, "authorize may", may, []string{"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"})
	})
}

// TestAPIEndpoint: the resource policy allows nobody, since within the account that
// would be enough without IAM or the authorizer. It denies other accounts, where
// callers have one, and what does not come through the door of a private API.
func TestAPIEndpoint(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		api := tm.find(t, "InferenceAPI", "AWS::ApiGateway::RestApi")
		endpoint := object{"Types": []any{"REGIONAL"}}
		want := map[string]object{"DenyWithoutTLS": {"Bool": object{"aws:SecureTransport": "false"}}}
		if !v.tokens() {
			want["DenyOtherAccounts"] = object{"StringNotEquals": object{"aws:PrincipalAccount": "${AWS::AccountId}"}}
		}
		if v.private() {
			door := tm.find(t, "InferenceDoor", "AWS::EC2::VPCEndpoint")
			endpoint = object{"Types": []any{"PRIVATE"}, "VpcEndpointIds": []any{door.ref("Id")}}
			want["DenyFromOutside"] = object{"StringNotEquals": object{"aws:SourceVpce": door.ref("Id")}}
			through := statementsOf(door.id, false, door.Properties["PolicyDocument"])
			equal(t, "door is for", []any{len(through), through[0].actions(), through[0].resources()}, []any{1, []string{"execute-api:Invoke"}, texts(anys(methodsOf(v, "*")))})
		}
		equal(t, "endpoint", api.Properties["EndpointConfiguration"], endpoint)
		got := map[string]object{}
		for _, s := range statementsOf("api", false, api.Properties["Policy"]) {
			got[s.sid()] = s.conditions()
			equal(t, s.String(), []any{s.object["Effect"], s.object["Principal"], s.actions(), s.resources()},
				[]any{"Deny", "*", []string{"execute-api:Invoke"}, []string{"arn:aws:execute-api:" + v.region() + ":${AWS::AccountId}:*"}})
		}
		equal(t, "policy", got, want)
	})
	if config.Default().API.Endpoint != config.EndpointRegional || config.Default().API.Auth != config.AuthIAM {
		t.Error("the default is not a regional API for signed requests")
	}
}

func anys(list []string) []any {
	var all []any
	for _, item := range list {
		all = append(all, item)
	}
	return all
}

// TestRecentTLS: the API's own address speaks no TLS before 1.2, and none without
// forward secrecy. A regional API that says nothing speaks 1.0.
func TestRecentTLS(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		for _, api := range tm.ofType("AWS::ApiGateway::RestApi") {
			equal(t, api.id, []any{api.Properties["SecurityPolicy"], api.Properties["EndpointAccessMode"]}, []any{"SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09", "STRICT"})
		}
		for _, kind := range []string{"AWS::ApiGateway::DomainName", "AWS::ApiGateway::DomainNameV2"} {
			if found := tm.ofType(kind); len(found) > 0 {
				t.Errorf("got %d of %s, whose TLS nobody has looked at", len(found), kind)
			}
		}
	})
}

// TestStage: the stage is throttled, traced, and logs requests, never bodies.
func TestStage(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		stages := tm.ofType("AWS::ApiGateway::Stage")
		if len(stages) != 1 {
			t.Fatalf("got %d stages, want 1", len(stages))
		}
		level := map[bool]string{true: "ERROR", false: "OFF"}[v.config().API.CreateLogRole]
		equal(t, "settings", get(stages[0].Properties, "MethodSettings"), []any{object{
			"HttpMethod": "*", "ResourcePath": "/*", "DataTraceEnabled": false, "LoggingLevel": level, "MetricsEnabled": true,
			"ThrottlingRateLimit": v.config().API.RateLimit, "ThrottlingBurstLimit": v.config().API.BurstLimit,
		}})
		equal(t, "traced", stages[0].Properties["TracingEnabled"], true)
		group := tm.find(t, "InferenceLogGroup", "AWS::Logs::LogGroup")
		equal(t, "log", get(stages[0].Properties, "AccessLogSetting", "DestinationArn"), "arn:aws:logs:"+v.region()+":${AWS::AccountId}:log-group:"+group.ref(""))
		format, _ := get(stages[0].Properties, "AccessLogSetting", "Format").(string)
		var fields map[string]string
		decodeStrictly(t, []byte(format), &fields)
		for _, name := range []string{"caller", "principal", "apiKeyId", "path", "status", "latency", "functionLatency", "requestId"} {
			if !strings.HasPrefix(fields[name], "$context.") {
				t.Errorf("the access log does not say %s: %s", name, format)
			}
		}
		// The validator quotes the body, and the key's value is a secret.
		for _, never := range []string{"body", "validationErrorString", "apiKey\"", "messageString", "$input"} {
			if strings.Contains(format, never) {
				t.Errorf("the access log holds %s: %s", never, format)
			}
		}
		accounts := len(tm.ofType("AWS::ApiGateway::Account"))
		if want := map[bool]int{true: 1, false: 0}[v.config().API.CreateLogRole]; accounts != want {
			t.Errorf("got %d account-wide log roles, want %d", accounts, want)
		}
	})
}

// TestGatewayResponses: whatever API Gateway answers itself, both kinds of clients
// understand, and one that may try again is told when.
func TestGatewayResponses(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		retry, statuses := object{}, object{}
		deployment := texts(tm.find(t, "InferenceDeployment", "AWS::ApiGateway::Deployment").DependsOn)
		for _, r := range tm.ofType("AWS::ApiGateway::GatewayResponse") {
			kind := fmt.Sprint(r.Properties["ResponseType"])
			statuses[kind] = r.Properties["StatusCode"]
			if after := get(r.Properties, "ResponseParameters", "gatewayresponse.header.Retry-After"); after != nil {
				retry[kind] = after
			}
			equal(t, kind+" asks for", get(r.Properties, "ResponseParameters", "gatewayresponse.header.WWW-Authenticate"), map[bool]any{true: "'Bearer'"}[kind == "UNAUTHORIZED"])
			text, _ := get(r.Properties, "ResponseTemplates", "application/json").(string)
			var answer struct {
				Message string
				Error   struct{ Message, Type, Code string }
			}
			said := "said"
			switch {
			case strings.HasPrefix(kind, "AUTHORIZER_"): // API Gateway says null
				said = "the token could not be checked"
			case kind == "REQUEST_TOO_LARGE": // API Gateway does not say what would do
				said = "the request is too large: body and headers may have 6 MB"
			}
			filled := strings.ReplaceAll(text, "$context.error.messageString", `"said"`)
			if err := json.Unmarshal([]byte(filled), &answer); err != nil || strings.Contains(filled, "$") {
				t.Errorf("%s: %s: %v", kind, text, err)
			}
			if !strings.HasPrefix(answer.Message, said) || answer.Error.Message != answer.Message || answer.Error.Type == "" || answer.Error.Code == "" {
				t.Errorf("%s answers %s", kind, text)
			}
			if !slices.Contains(deployment, r.id) {
				t.Errorf("%s may come after the deployment that publishes it", r.id)
			}
		}
		equal(t, "try again", retry, object{"THROTTLED": "'1'", "QUOTA_EXCEEDED": "'3600'"})
		for kind, want := range map[string]any{"DEFAULT_4XX": nil, "DEFAULT_5XX": nil, "UNAUTHORIZED": "401", "ACCESS_DENIED": "403", "BAD_REQUEST_BODY": "400", "THROTTLED": "429", "AUTHORIZER_FAILURE": "500", "AUTHORIZER_CONFIGURATION_ERROR": "500", "INTEGRATION_TIMEOUT": "504"} {
			got, there := statuses[kind]
			if !there {
				t.Errorf("there is no answer for %s", kind)
			}
			equal(t, kind, got, want)
		}
	})
}

// TestCallers: IAM permits callers by the model's name in the ARN; with tokens IAM
// has no say.
func TestCallers(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		api := tm.find(t, "InferenceAPI", "AWS::ApiGateway::RestApi").ref("")
		var may []string
		for _, s := range tm.allStatements() {
			if s.identity && slices.Contains(s.actions(), "execute-api:Invoke") {
				may = append(may, s.where[:len(s.where)-8])
				equal(t, s.String(), s.resources(), texts(anys(methodsOf(v, api))))
			}
		}
		want := []string{"AccessCallerPolicy"}
		if v.tokens() {
			want = nil
		}
		equal(t, "who may ask", may, want)
	})
}
