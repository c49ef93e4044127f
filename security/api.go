package security

import (
	"regexp"
	"slices"
	"strings"
)

var apiAssertions = []Assertion{
	{"EveryMethodWantsAuthorization", 25, everyMethodWantsAuthorization},
	{"AuthorizerChecksTokens", 25, authorizerChecksTokens},
	{"APIPolicyDecides", 25, apiPolicyDecides},
	{"PrivateAPIIsPrivate", 25, privateAPIIsPrivate},
	{"BodiesAreValidated", 25, bodiesAreValidated},
	{"APISpeaksRecentTLS", 25, apiSpeaksRecentTLS},
	{"APIIsThrottled", 25, apiIsThrottled},
	{"APIHasAnAccessLog", 25, apiHasAnAccessLog},
	{"APILogsNoBodies", 25, apiLogsNoBodies},
	{"APIIsTraced", 25, apiIsTraced},
	{"APILeadsToInvokeOnly", 25, apiLeadsToInvokeOnly},
	{"CallersAskModelsOnly", 25, callersAskModelsOnly},
}

// takesTokens says whether the API is configured for bearer tokens.
func (t *Template) takesTokens() bool { return t.find("FunctionsAuthorizeFunction") != nil }

// isPrivate says whether the API is configured to answer inside the VPC only.
func (t *Template) isPrivate() bool { return t.find("InferenceDoor") != nil }

func everyMethodWantsAuthorization(t *Template) (f Findings) {
	methods := t.ofType("AWS::ApiGateway::Method")
	if len(methods) == 0 {
		f.add("InferenceAPI", "has no method")
	}
	for _, r := range methods {
		kind := text(r.Properties["AuthorizationType"])
		switch {
		case t.takesTokens() && (kind != "CUSTOM" || text(r.Properties["AuthorizerId"]) != t.ref("InferenceAuthorizer")):
			f.add(r.ID, "takes requests without a token")
		case !t.takesTokens() && kind != "AWS_IAM":
			f.add(r.ID, "takes requests that are not signed: %s", kind)
		case len(t.ofType("AWS::ApiGateway::UsagePlan")) > 0 && !isTrue(r.Properties["ApiKeyRequired"]):
			f.add(r.ID, "takes requests that no usage plan counts")
		}
	}
	for _, r := range t.ofType("AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Route", "AWS::CloudFront::Distribution") {
		f.add(r.ID, "%s is a way in that no promise is made about", r.Type)
	}
	return f
}

func authorizerChecksTokens(t *Template) (f Findings) {
	if !t.takesTokens() {
		return f
	}
	r := t.find("InferenceAuthorizer")
	if r == nil {
		f.add("InferenceAuthorizer", "it is missing")
		return f
	}
	if text(r.Properties["Type"]) != "TOKEN" || !strings.Contains(text(r.Properties["AuthorizerUri"]), t.arn("FunctionsAuthorizeFunction")) {
		f.add(r.ID, "does not ask the function that reads tokens")
	}
	if text(r.Properties["IdentitySource"]) != "method.request.header.Authorization" || !keepsOut(text(r.Properties["IdentityValidationExpression"])) {
		f.add(r.ID, "what is no token gets as far as the function")
	}
	if number(r.Properties["AuthorizerResultTtlInSeconds"]) > 300 || r.Properties["AuthorizerResultTtlInSeconds"] == nil {
		f.add(r.ID, "takes a token that was revoked for more than five minutes")
	}
	return f
}

// noTokens are headers that no function need read.
var noTokens = []string{"", "token", "Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "Bearer a b", "Bearer a\nb", "Bearer a;b", "x Bearer a", "AWS4-HMAC-SHA256 Credential=a"}

// keepsOut says whether an expression lets a token in and nothing that is none.
func keepsOut(expression string) bool {
	e, err := regexp.Compile(expression)
	return err == nil && e.MatchString("Bearer ab.c_d-e=") && !slices.ContainsFunc(noTokens, e.MatchString)
}

// routes are requests to an API, after its id: those there are, and others.
var routes = []string{"/live/POST/model/m/converse", "/live/GET/model/m/x", "/live/GET/models", "/live/GET/models/m", "/live/DELETE/models/m", "/test/POST/model/m/converse"}

// apiPolicyDecides evaluates the API's policy. It gives nobody anything, since an
// Allow in it is enough on its own.
func apiPolicyDecides(t *Template) (f Findings) {
	api := t.find("InferenceAPI")
	if api == nil || api.Properties["Policy"] == nil {
		f.add("InferenceAPI", "there is no API with a policy")
		return f
	}
	p, ok := t.policyOf(&f, api, "Policy")
	if !ok {
		return f
	}
	tls := keys("aws:SecureTransport", "true")
	if t.isPrivate() {
		tls = with(tls, "aws:SourceVpce", t.ref("InferenceDoor"))
	}
	for _, who := range append(p.named(), colleague, foreigner, nobody) {
		for _, route := range routes {
			f = append(f, t.routeIsClosed(p, who, route, tls)...)
		}
	}
	if p.answer(t.request(colleague, routes[0], tls)).bars() {
		f.add(api.ID, "nobody in the account may ask")
	}
	return f
}

// request is a call of the API.
func (t *Template) request(who who, route string, context map[string][]string) ask {
	return ask{who: who, action: "execute-api:Invoke", resource: t.inRegion("execute-api", t.ref("InferenceAPI")+route), keys: context}
}

// routeIsClosed: by the API's policy alone nobody gets in, and without TLS, from
// elsewhere or from another account nobody at all.
func (t *Template) routeIsClosed(p policy, who who, route string, tls map[string][]string) (f Findings) {
	id := idOf(t, "InferenceAPI")
	if p.answer(t.request(who, route, tls)).may() {
		f.add(id, "its policy lets in %q by itself, to %s", who.arn, route)
	}
	if p.answer(t.request(who, route, with(tls, "aws:SecureTransport", "false"))) != refused {
		f.add(id, "answers to %s without TLS", route)
	}
	if t.isPrivate() && p.answer(t.request(who, route, with(tls, "aws:SourceVpce", "vpce-0other"))) != refused {
		f.add(id, "answers to %s from elsewhere", route)
	}
	foreign := !t.takesTokens() && who.service == "" && !isOfAccount(who.arn)
	if foreign && p.answer(t.request(who, route, tls)) != refused {
		f.add(id, "another account's %q is not refused", who.arn)
	}
	return f
}

// privateAPIIsPrivate: where the door is there, the API has no other.
func privateAPIIsPrivate(t *Template) (f Findings) {
	api := t.find("InferenceAPI")
	if api == nil {
		return f
	}
	types := texts(get(api.Properties, "EndpointConfiguration", "Types"))
	want := []string{"REGIONAL"}
	if t.isPrivate() {
		want = []string{"PRIVATE"}
	}
	if !slices.Equal(types, want) {
		f.add(api.ID, "answers at %v, want %v", types, want)
	}
	return f
}

// wantsMessages says whether a model's bodies are objects with a list of messages.
func wantsMessages(model *Resource) bool {
	schema := model.Properties["Schema"]
	return text(get(schema, "type")) == "object" && slices.Contains(texts(get(schema, "required")), "messages") &&
		text(get(schema, "properties", "messages", "type")) == "array" && number(get(schema, "properties", "messages", "minItems")) >= 1
}

func bodiesAreValidated(t *Template) (f Findings) {
	strict := map[string]bool{}
	for _, r := range t.ofType("AWS::ApiGateway::RequestValidator") {
		strict[reference(r, t.Region)] = isTrue(r.Properties["ValidateRequestBody"]) && isTrue(r.Properties["ValidateRequestParameters"])
	}
	models, objects := map[string]bool{}, map[string]bool{}
	for _, r := range t.ofType("AWS::ApiGateway::Model") {
		models[reference(r, t.Region)] = wantsMessages(r)
		objects[reference(r, t.Region)] = text(get(r.Properties, "Schema", "type")) == "object"
	}
	for _, r := range t.ofType("AWS::ApiGateway::Method") {
		if !strict[text(r.Properties["RequestValidatorId"])] {
			f.add(r.ID, "takes requests that are not checked")
		}
		body := text(get(r.Properties, "RequestModels", "application/json"))
		// InvokeModel's body is in the base model's own form, of which nothing is known.
		checked := models[body] || objects[body] && strings.HasPrefix(r.ID, "InferenceAPImodelmodelinvoke")
		if text(r.Properties["HttpMethod"]) == "POST" && !checked {
			f.add(r.ID, "takes any body")
		}
	}
	return f
}

func apiSpeaksRecentTLS(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::ApiGateway::RestApi") {
		if !strings.HasPrefix(text(r.Properties["SecurityPolicy"]), "SecurityPolicy_TLS13_1_2_") || text(r.Properties["EndpointAccessMode"]) != "STRICT" {
			f.add(r.ID, "speaks TLS older than 1.2, or under another name")
		}
	}
	return f
}

func (t *Template) stages(f *Findings) []*Resource {
	list := t.ofType("AWS::ApiGateway::Stage")
	if len(list) == 0 {
		f.add("InferenceStage", "there is no stage")
	}
	return list
}

// forAll is the setting of a stage that holds for all methods.
func forAll(stage *Resource) object {
	for _, s := range items(stage.Properties["MethodSettings"]) {
		if text(get(s, "HttpMethod")) == "*" && text(get(s, "ResourcePath")) == "/*" {
			o, _ := s.(object)
			return o
		}
	}
	return nil
}

// mostRate and mostBurst are what API Gateway lets an account have at once in a Region,
// unless it asks for more: a limit beyond them limits nothing
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html).
const mostRate, mostBurst = 10_000, 5_000

func apiIsThrottled(t *Template) (f Findings) {
	for _, stage := range t.stages(&f) {
		for _, s := range items(stage.Properties["MethodSettings"]) {
			rate, burst := number(get(s, "ThrottlingRateLimit")), number(get(s, "ThrottlingBurstLimit"))
			if rate <= 0 || rate > mostRate || burst <= 0 || burst > mostBurst {
				f.add(stage.ID, "%s has no limit of requests, or one beyond the account's", text(get(s, "ResourcePath")))
			}
		}
		if forAll(stage) == nil {
			f.add(stage.ID, "no limit holds for all methods")
		}
	}
	return f
}

func apiHasAnAccessLog(t *Template) (f Findings) {
	for _, stage := range t.stages(&f) {
		log, format := stage.Properties["AccessLogSetting"], text(get(stage.Properties, "AccessLogSetting", "Format"))
		if get(log, "DestinationArn") == nil {
			f.add(stage.ID, "has no access log")
			continue
		}
		who := "$context.identity.userArn"
		if t.takesTokens() {
			who = "$context.authorizer.principalId"
		}
		for _, word := range []string{"$context.requestId", who, "$context.status", "$context.path", "$context.identity.sourceIp"} {
			if !strings.Contains(format, word) {
				f.add(stage.ID, "the access log lacks %s", word)
			}
		}
	}
	return f
}

// apiLogsNoBodies: no trace of data, no log level that writes requests down, and
// nothing in the access log that quotes a body or a credential.
func apiLogsNoBodies(t *Template) (f Findings) {
	for _, stage := range t.stages(&f) {
		for _, s := range items(stage.Properties["MethodSettings"]) {
			if isTrue(get(s, "DataTraceEnabled")) || text(get(s, "LoggingLevel")) == "INFO" {
				f.add(stage.ID, "questions and answers are logged")
			}
		}
		format := text(get(stage.Properties, "AccessLogSetting", "Format"))
		for _, word := range []string{"validationErrorString", "$input", "identity.apiKey\"", "identity.apiKey,", "requestOverride", "authorizer.claims", "identity.clientCert"} {
			if strings.Contains(format, word) {
				f.add(stage.ID, "the access log quotes requests: %s", word)
			}
		}
	}
	for _, r := range t.ofType("AWS::ApiGateway::GatewayResponse") {
		eachText(r.Properties, "", func(_, value string) {
			if strings.Contains(value, "validationErrorString") {
				f.add(r.ID, "an answer quotes the body")
			}
		})
	}
	return f
}

func apiIsTraced(t *Template) (f Findings) {
	for _, stage := range t.stages(&f) {
		if !isTrue(stage.Properties["TracingEnabled"]) || !isTrue(forAll(stage)["MetricsEnabled"]) {
			f.add(stage.ID, "is not traced, or not counted")
		}
	}
	return f
}

// apiLeadsToInvokeOnly: no method reaches another AWS service or address.
func apiLeadsToInvokeOnly(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::ApiGateway::Method") {
		integration := r.Properties["Integration"]
		if text(get(integration, "Type")) != "AWS_PROXY" || !strings.Contains(text(get(integration, "Uri")), "/functions/"+t.arn("FunctionsInvokeFunction")+"/") {
			f.add(r.ID, "leads elsewhere than to the function that answers")
		}
		if get(integration, "Credentials") != nil {
			f.add(r.ID, "calls with a role of its own")
		}
	}
	return f
}

// callersAskModelsOnly: the policy for callers, where IAM decides, lets ask, and
// nothing else of the API.
func callersAskModelsOnly(t *Template) (f Findings) {
	r := t.find("AccessCallerPolicy")
	if t.takesTokens() {
		if r != nil {
			f.add(r.ID, "where tokens decide, no policy lets callers in")
		}
		return f
	}
	if r == nil {
		f.add("AccessCallerPolicy", "it is missing")
		return f
	}
	p, err := t.read(r.ID+".PolicyDocument", r.Properties["PolicyDocument"], false)
	if err != nil {
		f.add(r.ID, "%v", err)
		return f
	}
	at := func(api, path string) ask {
		return ask{who: colleague, action: "execute-api:Invoke", resource: t.inRegion("execute-api", api+path)}
	}
	api := t.ref("InferenceAPI")
	try(&f, r.ID, []policy{p}, []battery{
		{"asks", at(api, "/live/POST/model/m/converse"), true}, {"lists", at(api, "/live/GET/models"), true},
		{"another API", at("another", "/live/POST/model/m/converse"), false},
		{"another stage", at(api, "/test/POST/model/m/converse"), false},
		{"deletes", at(api, "/live/DELETE/models/m"), false}, {"what is not there yet", at(api, "/live/POST/admin"), false},
		{"invalidates", ask{who: colleague, action: "execute-api:InvalidateCache", resource: t.inRegion("execute-api", api+"/live/GET/models")}, false},
	})
	return f
}
