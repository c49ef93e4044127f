package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"
)

// RestAPI is an AWS::ApiGateway::RestApi with its resources, methods and the
// one stage it is deployed to.
type RestAPI struct {
	LogicalID string
	// ID is the API id, the first label of its host name.
	ID   string
	Name string
	// EndpointType is "REGIONAL", "EDGE" or "PRIVATE".
	EndpointType string
	// EndpointIDs are the VPC endpoints of a private API.
	EndpointIDs []string
	// DisableExecuteAPIEndpoint turns the default host name off.
	DisableExecuteAPIEndpoint bool
	// APIKeySource is "HEADER" or "AUTHORIZER".
	APIKeySource string
	// BinaryMediaTypes are handed to the function in base64.
	BinaryMediaTypes []string
	// Policy is the resource policy, nil without one.
	Policy json.RawMessage
	Stage  Stage
	// Keys are the API keys that a usage plan admits to the stage.
	Keys []APIKey
	// GatewayResponses by type.
	GatewayResponses map[string]GatewayResponse
	// Resources are the paths, sorted; the root is "/".
	Resources []APIResource
}

// APIResource is one path of a REST API.
type APIResource struct {
	ID string
	// Path is as in requestContext.resourcePath, for example
	// "/model/{model}/converse" or "/{proxy+}".
	Path    string
	Methods []Method
}

// Stage is an AWS::ApiGateway::Stage.
type Stage struct {
	LogicalID string
	Name      string
	Variables map[string]string
	Settings  []MethodSetting
	// AccessLogARN is the destination of the access log, empty without one.
	AccessLogARN string
	// AccessLogFormat is the format with its $context variables.
	AccessLogFormat string
}

// MethodSetting is the stage's setting for some methods: path and method may
// be "/*" and "*".
type MethodSetting struct {
	ResourcePath string
	HTTPMethod   string
	// RateLimit is in requests a second, BurstLimit in requests; nil means
	// the account's.
	RateLimit    *float64
	BurstLimit   *int
	LoggingLevel string
	DataTrace    bool
	Metrics      bool
}

// Method is an AWS::ApiGateway::Method.
type Method struct {
	LogicalID  string
	HTTPMethod string
	// AuthorizationType is "NONE", "AWS_IAM", "CUSTOM" or
	// "COGNITO_USER_POOLS".
	AuthorizationType string
	// Authorizer is set for "CUSTOM".
	Authorizer     *Authorizer
	APIKeyRequired bool
	Integration    Integration
	// RequestModels by content type, or "$default".
	RequestModels map[string]Model
	// RequestParameters tells by name, for example
	// "method.request.querystring.page", whether it is required.
	RequestParameters map[string]bool
	// ValidateBody and ValidateParameters are the request validator's.
	ValidateBody       bool
	ValidateParameters bool
}

// Integration is what a method calls.
type Integration struct {
	// Type is "AWS_PROXY", "AWS", "HTTP", "HTTP_PROXY" or "MOCK".
	Type string
	URI  string
	// FunctionARN is the function a Lambda URI names, empty otherwise.
	FunctionARN string
	// Permitted tells whether a permission of the function admits this
	// method; without one API Gateway answers 500.
	Permitted bool
	// Timeout is the integration timeout, default 29 s.
	Timeout time.Duration
	// TransferMode is "BUFFERED" or "STREAM".
	TransferMode string
}

// Model is an AWS::ApiGateway::Model.
type Model struct {
	Name        string
	ContentType string
	// Schema is a JSON Schema, draft 4.
	Schema json.RawMessage
}

type restAPIProperties struct {
	Name                  string
	Policy                json.RawMessage
	EndpointConfiguration struct {
		Types, VpcEndpointIds []string
		IPAddressType         string
	}
	APIKeySourceType          string
	BinaryMediaTypes          []string
	DisableExecuteAPIEndpoint boolean
}

func (s *Stack) buildRestAPIs() error {
	for _, res := range s.ofType("AWS::ApiGateway::RestApi") {
		var p restAPIProperties
		if err := res.decode(&p); err != nil {
			return err
		}
		api := RestAPI{
			LogicalID: res.LogicalID, ID: res.PhysicalID, Name: p.Name, EndpointType: "EDGE",
			EndpointIDs: p.EndpointConfiguration.VpcEndpointIds, APIKeySource: defaultText(p.APIKeySourceType, "HEADER"),
			BinaryMediaTypes: p.BinaryMediaTypes, Policy: p.Policy,
			DisableExecuteAPIEndpoint: bool(p.DisableExecuteAPIEndpoint),
		}
		if len(p.EndpointConfiguration.Types) > 0 {
			api.EndpointType = p.EndpointConfiguration.Types[0]
		}
		var err error
		if api.Stage, err = s.stage(api.ID); err != nil {
			return res.failed(err)
		}
		if api.Resources, err = s.apiResources(res.LogicalID); err != nil {
			return err
		}
		if api.Keys, err = s.apiKeys(api.ID, api.Stage.Name); err != nil {
			return err
		}
		if api.GatewayResponses, err = s.gatewayResponses(api.ID); err != nil {
			return err
		}
		if err := s.addMethods(&api); err != nil {
			return err
		}
		s.RestAPIs = append(s.RestAPIs, api)
	}
	return nil
}

type stageProperties struct {
	RestAPIID, StageName, DeploymentID string
	Variables                          map[string]text
	MethodSettings                     []struct {
		ResourcePath, HTTPMethod, LoggingLevel string
		ThrottlingRateLimit                    *decimal
		ThrottlingBurstLimit                   *integer
		DataTraceEnabled, MetricsEnabled       boolean
		CachingEnabled, CacheDataEncrypted     boolean
	}
	AccessLogSetting    struct{ DestinationArn, Format string }
	CacheClusterEnabled boolean
}

// stage finds the one stage of an API.
func (s *Stack) stage(apiID string) (Stage, error) {
	var found []Stage
	for _, res := range s.ofType("AWS::ApiGateway::Stage") {
		var p stageProperties
		if err := res.decode(&p); err != nil {
			return Stage{}, err
		}
		if p.RestAPIID != apiID {
			continue
		}
		if err := s.checkDeployment(p.DeploymentID, apiID); err != nil {
			return Stage{}, res.failed(err)
		}
		stage, err := p.stage(res.LogicalID)
		if err != nil {
			return Stage{}, res.failed(err)
		}
		found = append(found, stage)
	}
	if len(found) != 1 {
		return Stage{}, fmt.Errorf("one stage is modelled, not %d", len(found))
	}
	return found[0], nil
}

func (p stageProperties) stage(logicalID string) (Stage, error) {
	stage := Stage{
		LogicalID: logicalID, Name: p.StageName, Variables: plain(p.Variables),
		AccessLogARN: p.AccessLogSetting.DestinationArn, AccessLogFormat: p.AccessLogSetting.Format,
	}
	if p.CacheClusterEnabled {
		return Stage{}, errors.New("caching is not modelled")
	}
	for _, m := range p.MethodSettings {
		if m.CachingEnabled {
			return Stage{}, errors.New("caching is not modelled")
		}
		setting := MethodSetting{
			ResourcePath: m.ResourcePath, HTTPMethod: m.HTTPMethod, BurstLimit: m.ThrottlingBurstLimit.optional(),
			LoggingLevel: m.LoggingLevel, DataTrace: bool(m.DataTraceEnabled), Metrics: bool(m.MetricsEnabled),
		}
		if m.ThrottlingRateLimit != nil {
			rate := float64(*m.ThrottlingRateLimit)
			setting.RateLimit = &rate
		}
		stage.Settings = append(stage.Settings, setting)
	}
	return stage, nil
}

// checkDeployment makes sure that the stage's deployment is one of the API.
func (s *Stack) checkDeployment(deploymentID, apiID string) error {
	for _, res := range s.ofType("AWS::ApiGateway::Deployment") {
		var p struct{ RestAPIID, StageName string }
		if err := res.decode(&p); err != nil {
			return err
		}
		if res.PhysicalID == deploymentID && p.RestAPIID == apiID {
			return nil
		}
	}
	return fmt.Errorf("deployment %s is not one of the API's", deploymentID)
}

// apiResources lists the API's paths, the root first.
func (s *Stack) apiResources(apiLogicalID string) ([]APIResource, error) {
	root, err := s.GetAtt(apiLogicalID, "RootResourceId")
	if err != nil {
		return nil, err
	}
	parents := map[string]struct{ parent, part string }{}
	for _, res := range s.ofType("AWS::ApiGateway::Resource") {
		var p struct{ RestAPIID, ParentID, PathPart string }
		if err := res.decode(&p); err != nil {
			return nil, err
		}
		if p.RestAPIID == s.resources[apiLogicalID].PhysicalID {
			parents[res.PhysicalID] = struct{ parent, part string }{p.ParentID, p.PathPart}
		}
	}
	resources := []APIResource{{ID: root.(string), Path: "/"}}
	for id := range parents {
		path := ""
		for at := id; at != root; at = parents[at].parent {
			if _, ok := parents[at]; !ok {
				return nil, fmt.Errorf("API %s: the parent %s of a resource is not in the stack", apiLogicalID, at)
			}
			path = "/" + parents[at].part + path
		}
		resources = append(resources, APIResource{ID: id, Path: path})
	}
	sort.Slice(resources, func(i, j int) bool { return resources[i].Path < resources[j].Path })
	return resources, nil
}

type methodProperties struct {
	RestAPIID, ResourceID, HTTPMethod, AuthorizationType, OperationName string
	APIKeyRequired                                                      boolean
	RequestModels                                                       map[string]string
	RequestParameters                                                   map[string]boolean
	RequestValidatorID, AuthorizerID                                    string
	MethodResponses                                                     json.RawMessage
	Integration                                                         struct {
		Type, URI, IntegrationHTTPMethod, PassthroughBehavior, ResponseTransferMode string
		TimeoutInMillis                                                             *integer
	}
}

func (s *Stack) addMethods(api *RestAPI) error {
	for _, res := range s.ofType("AWS::ApiGateway::Method") {
		if res.Properties["RestApiId"] != api.ID {
			continue
		}
		var p methodProperties
		if err := res.decode(&p); err != nil {
			return err
		}
		i := slices.IndexFunc(api.Resources, func(r APIResource) bool { return r.ID == p.ResourceID })
		if i < 0 {
			return res.failed(fmt.Errorf("resource %s is not one of the API's", p.ResourceID))
		}
		m, err := s.method(res.LogicalID, api, api.Resources[i].Path, p)
		if err != nil {
			return res.failed(err)
		}
		api.Resources[i].Methods = append(api.Resources[i].Methods, m)
	}
	return nil
}

func (s *Stack) method(logicalID string, api *RestAPI, path string, p methodProperties) (Method, error) {
	m := Method{
		LogicalID: logicalID, HTTPMethod: p.HTTPMethod, AuthorizationType: defaultText(p.AuthorizationType, "NONE"),
		APIKeyRequired: bool(p.APIKeyRequired), RequestModels: map[string]Model{}, RequestParameters: map[string]bool{},
	}
	for name, required := range p.RequestParameters {
		m.RequestParameters[name] = bool(required)
	}
	for contentType, name := range p.RequestModels {
		model, err := s.model(api.ID, name)
		if err != nil {
			return Method{}, err
		}
		m.RequestModels[contentType] = model
	}
	if m.AuthorizationType == "CUSTOM" {
		authorizer, err := s.authorizer(api.ID, p.AuthorizerID)
		if err != nil {
			return Method{}, err
		}
		m.Authorizer = authorizer
	}
	if err := s.addValidator(&m, api.ID, p.RequestValidatorID); err != nil {
		return Method{}, err
	}
	m.Integration = Integration{
		Type: p.Integration.Type, URI: p.Integration.URI, FunctionARN: integrationFunction(p.Integration.URI),
		Timeout: 29 * time.Second, TransferMode: defaultText(p.Integration.ResponseTransferMode, "BUFFERED"),
	}
	if p.Integration.TimeoutInMillis != nil {
		m.Integration.Timeout = time.Duration(*p.Integration.TimeoutInMillis) * time.Millisecond
	}
	source := fmt.Sprintf("arn:%s:execute-api:%s:%s:%s/%s/%s%s",
		s.Partition, s.Region, s.AccountID, api.ID, api.Stage.Name, p.HTTPMethod, path)
	m.Integration.Permitted = s.MayInvoke("apigateway.amazonaws.com", source, m.Integration.FunctionARN)
	return m, nil
}

// lambdaURI is arn:<partition>:apigateway:<region>:lambda:path/<API version>/
// functions/<function ARN>/invocations, or response-streaming-invocations.
var lambdaURI = regexp.MustCompile(
	`^arn:[a-z-]+:apigateway:[a-z0-9-]+:lambda:path/[0-9-]+/functions/(arn:[^/]+)/(?:response-streaming-)?invocations$`)

func integrationFunction(uri string) string {
	if m := lambdaURI.FindStringSubmatch(uri); m != nil {
		return m[1]
	}
	return ""
}

// model finds a model by name. "Empty" and "Error" exist in every API; Empty
// admits everything.
func (s *Stack) model(apiID, name string) (Model, error) {
	for _, res := range s.ofType("AWS::ApiGateway::Model") {
		var p struct {
			RestAPIID, Name, ContentType string
			Schema                       json.RawMessage
		}
		if err := res.decode(&p); err != nil {
			return Model{}, err
		}
		if p.RestAPIID == apiID && res.PhysicalID == name {
			return Model{Name: name, ContentType: p.ContentType, Schema: unquoted(p.Schema)}, nil
		}
	}
	if name == "Empty" {
		return Model{Name: name, ContentType: "application/json", Schema: json.RawMessage(`{}`)}, nil
	}
	return Model{}, fmt.Errorf("model %s is not in the stack", name)
}

// unquoted takes a schema written as an object or as a string of JSON.
func unquoted(schema json.RawMessage) json.RawMessage {
	var inner string
	if strings.HasPrefix(string(schema), `"`) && json.Unmarshal(schema, &inner) == nil {
		return json.RawMessage(inner)
	}
	return schema
}

func (s *Stack) addValidator(m *Method, apiID, validatorID string) error {
	if validatorID == "" {
		return nil
	}
	for _, res := range s.ofType("AWS::ApiGateway::RequestValidator") {
		var p struct {
			RestAPIID, Name                                string
			ValidateRequestBody, ValidateRequestParameters boolean
		}
		if err := res.decode(&p); err != nil {
			return err
		}
		if res.PhysicalID == validatorID && p.RestAPIID == apiID {
			m.ValidateBody, m.ValidateParameters = bool(p.ValidateRequestBody), bool(p.ValidateRequestParameters)
			return nil
		}
	}
	return fmt.Errorf("request validator %s is not in the stack", validatorID)
}
