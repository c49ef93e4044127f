package template

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Authorizer is an AWS::ApiGateway::Authorizer: a Lambda function that says
// what the bearer of a token may do.
type Authorizer struct {
	LogicalID string
	ID        string
	Name      string
	// Type is "TOKEN"; no other is modelled.
	Type string
	// FunctionARN is the function; Permitted tells whether a permission of it
	// admits this authorizer.
	FunctionARN string
	Permitted   bool
	// Header is the request header that holds the token.
	Header string
	// Validation is a regular expression a token must match as a whole before
	// the function is asked; empty without one.
	Validation string
	// ResultTTL is how long an answer is kept for a token; 0 not at all.
	ResultTTL time.Duration
}

type authorizerProperties struct {
	RestAPIID, Name, Type, AuthType, AuthorizerURI, IdentitySource, IdentityValidationExpression string
	AuthorizerResultTTLInSeconds                                                                 *integer
}

// defaultResultTTL is CloudFormation's default of AuthorizerResultTtlInSeconds.
const defaultResultTTL = 300 * time.Second

// authorizer finds an authorizer of an API by its id.
func (s *Stack) authorizer(apiID, id string) (*Authorizer, error) {
	for _, res := range s.ofType("AWS::ApiGateway::Authorizer") {
		var p authorizerProperties
		if err := res.decode(&p); err != nil {
			return nil, err
		}
		if res.PhysicalID != id || p.RestAPIID != apiID {
			continue
		}
		a := &Authorizer{
			LogicalID: res.LogicalID, ID: id, Name: p.Name, Type: p.Type, FunctionARN: integrationFunction(p.AuthorizerURI),
			Validation: p.IdentityValidationExpression, ResultTTL: defaultResultTTL,
		}
		if p.AuthorizerResultTTLInSeconds != nil {
			a.ResultTTL = time.Duration(*p.AuthorizerResultTTLInSeconds) * time.Second
		}
		var ok bool
		if a.Header, ok = strings.CutPrefix(p.IdentitySource, "method.request.header."); !ok || p.Type != "TOKEN" {
			return nil, res.failed(fmt.Errorf("a %s authorizer with the identity source %q is not modelled, only a TOKEN of one header is", p.Type, p.IdentitySource))
		}
		source := fmt.Sprintf("arn:%s:execute-api:%s:%s:%s/authorizers/%s", s.Partition, s.Region, s.AccountID, apiID, id)
		a.Permitted = s.MayInvoke("apigateway.amazonaws.com", source, a.FunctionARN)
		return a, nil
	}
	return nil, fmt.Errorf("authorizer %s is not in the stack", id)
}

// APIKey is an AWS::ApiGateway::ApiKey.
type APIKey struct {
	LogicalID string
	ID        string
	Name      string
	// Value is what a client sends. API Gateway makes one up when the template
	// gives none; here it follows from the id.
	Value   string
	Enabled bool
}

// apiKeys lists the keys that a usage plan admits to a stage. What the plans
// limit is not kept: throttles and quotas count in real time, and the
// rehearsal's is virtual.
func (s *Stack) apiKeys(apiID, stage string) ([]APIKey, error) {
	plans, err := s.usagePlans(apiID, stage)
	if err != nil {
		return nil, err
	}
	admitted := map[string]bool{}
	for _, res := range s.ofType("AWS::ApiGateway::UsagePlanKey") {
		var p struct{ KeyID, KeyType, UsagePlanID string }
		if err := res.decode(&p); err != nil {
			return nil, err
		}
		if p.KeyType == "API_KEY" && slices.Contains(plans, p.UsagePlanID) {
			admitted[p.KeyID] = true
		}
	}
	var keys []APIKey
	for _, res := range s.ofType("AWS::ApiGateway::ApiKey") {
		var p struct {
			Name, Value string
			Enabled     boolean
		}
		if err := res.decode(&p); err != nil {
			return nil, err
		}
		if admitted[res.PhysicalID] {
			value := defaultText(p.Value, characters(mixedAlnum, 32, s.Name, res.PhysicalID, "API key"))
			keys = append(keys, APIKey{LogicalID: res.LogicalID, ID: res.PhysicalID, Name: p.Name, Value: value, Enabled: bool(p.Enabled)})
		}
	}
	return keys, nil
}

// usagePlans lists the ids of the plans of a stage.
func (s *Stack) usagePlans(apiID, stage string) ([]string, error) {
	var plans []string
	for _, res := range s.ofType("AWS::ApiGateway::UsagePlan") {
		var p struct {
			UsagePlanName string
			APIStages     []struct{ APIID, Stage string }
		}
		if err := res.decode(&p); err != nil {
			return nil, err
		}
		for _, of := range p.APIStages {
			if of.APIID == apiID && of.Stage == stage {
				plans = append(plans, res.PhysicalID)
			}
		}
	}
	return plans, nil
}

// GatewayResponse is an AWS::ApiGateway::GatewayResponse: what API Gateway
// answers by itself, of one type.
type GatewayResponse struct {
	LogicalID string
	// Type is for example "DEFAULT_4XX" or "ACCESS_DENIED".
	Type string
	// Status is the HTTP status; 0 leaves the type's own.
	Status int
	// Headers by canonical name.
	Headers map[string]string
	// Template is the body, with $context variables; empty leaves the default.
	Template string
}

// gatewayResponses are those of an API, by type.
func (s *Stack) gatewayResponses(apiID string) (map[string]GatewayResponse, error) {
	responses := map[string]GatewayResponse{}
	for _, res := range s.ofType("AWS::ApiGateway::GatewayResponse") {
		var p struct {
			RestAPIID, ResponseType               string
			StatusCode                            *integer
			ResponseParameters, ResponseTemplates map[string]string
		}
		if err := res.decode(&p); err != nil {
			return nil, err
		}
		if p.RestAPIID != apiID {
			continue
		}
		r := GatewayResponse{LogicalID: res.LogicalID, Type: p.ResponseType, Headers: map[string]string{}}
		if p.StatusCode != nil {
			r.Status = int(*p.StatusCode)
		}
		for name, value := range p.ResponseParameters {
			header, ok := strings.CutPrefix(name, "gatewayresponse.header.")
			literal := strings.TrimSuffix(strings.TrimPrefix(value, "'"), "'")
			if !ok || value != "'"+literal+"'" {
				return nil, res.failed(fmt.Errorf("response parameter %s: %s is not modelled, only a header with a text in single quotes is", name, value))
			}
			r.Headers[http.CanonicalHeaderKey(header)] = literal
		}
		for contentType, template := range p.ResponseTemplates {
			if contentType != "application/json" {
				return nil, res.failed(fmt.Errorf("a response template for %s is not modelled, only application/json is", contentType))
			}
			r.Template = template
		}
		if _, twice := responses[r.Type]; twice {
			return nil, res.failed(fmt.Errorf("the API has another response of type %s", r.Type))
		}
		responses[r.Type] = r
	}
	return responses, nil
}

// WebACL is an AWS::WAFv2::WebACL with what it protects and where it logs. Its
// rules are kept and not evaluated: what they match is AWS's to show.
type WebACL struct {
	LogicalID string
	Name      string
	ARN       string
	// Scope is "REGIONAL" or "CLOUDFRONT".
	Scope string
	// Rules are as in the template, resolved.
	Rules []any
	// Protects are the ARNs of what it stands before.
	Protects []string
	// LogDestinations are the ARNs its log goes to.
	LogDestinations []string
}

func (s *Stack) buildWebACLs() error {
	for _, res := range s.ofType("AWS::WAFv2::WebACL") {
		var p struct {
			Name, Scope string
			Rules       []any
		}
		if err := res.decode(&p); err != nil {
			return err
		}
		arn, err := s.GetAtt(res.LogicalID, "Arn")
		if err != nil {
			return res.failed(err)
		}
		acl := WebACL{LogicalID: res.LogicalID, Name: p.Name, ARN: arn.(string), Scope: p.Scope, Rules: p.Rules}
		if err := s.addProtected(&acl); err != nil {
			return err
		}
		s.WebACLs = append(s.WebACLs, acl)
	}
	return nil
}

func (s *Stack) addProtected(acl *WebACL) error {
	for _, res := range s.ofType("AWS::WAFv2::WebACLAssociation") {
		var p struct{ ResourceArn, WebACLArn string }
		if err := res.decode(&p); err != nil {
			return err
		}
		if p.WebACLArn == acl.ARN {
			acl.Protects = append(acl.Protects, p.ResourceArn)
		}
	}
	for _, res := range s.ofType("AWS::WAFv2::LoggingConfiguration") {
		var p struct {
			ResourceArn           string
			LogDestinationConfigs []string
		}
		if err := res.decode(&p); err != nil {
			return err
		}
		if p.ResourceArn == acl.ARN {
			acl.LogDestinations = append(acl.LogDestinations, p.LogDestinationConfigs...)
		}
	}
	return nil
}

// wafKinds: after the types' pages in the CloudFormation template reference.
var wafKinds = map[string]kind{
	"AWS::WAFv2::WebACL": {
		nameProperty: "Name", generated: "{unique:128}", ref: "{name}|{uuid}|{property:Scope}",
		attributes: map[string]string{
			"Arn": "arn:{partition}:wafv2:{region}:{account}:regional/webacl/{name}/{uuid}", "Id": "{uuid}",
			"LabelNamespace": "awswaf:{account}:webacl:{name}:",
		},
	},
	"AWS::WAFv2::WebACLAssociation":    {generated: "{unique}"},
	"AWS::WAFv2::LoggingConfiguration": {ref: "{property:ResourceArn}"},
}
