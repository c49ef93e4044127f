package inference

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/functions"
	"github.com/tuneline/tuneline/infra/policy"
)

// route is one method of the API.
type route struct {
	verb, path, operation string
	// body is what the body must be like; nil without one.
	body *body
}

// routes are all there are: what is not here, API Gateway refuses.
func routes() []route {
	converse, invoke, chat := converseBody(), invokeBody(), chatBody()
	return []route{
		{http.MethodPost, "/model/{model}/converse", "Converse", converse},
		{http.MethodPost, "/model/{model}/converse-stream", "ConverseStream", converse},
		{http.MethodPost, "/model/{model}/invoke", "InvokeModel", invoke},
		{http.MethodPost, "/model/{model}/invoke-with-response-stream", "InvokeModelWithResponseStream", invoke},
		{http.MethodPost, "/model/{model}/v1/chat/completions", "ChatCompletions", chat},
		{http.MethodGet, "/model/{model}/v1/models", "ModelsOfBaseURL", nil},
		{http.MethodGet, "/models", "ListModels", nil},
		{http.MethodGet, "/models/{model}", "GetModel", nil},
	}
}

// addRoutes adds the methods. API Gateway checks a body's shape before the
// function is called; the function hands it on as it is.
func (i *Inference) addRoutes(routes []route, authorization authorization) {
	checks := &awsapigateway.RequestValidatorOptions{ValidateRequestBody: jsii.Bool(true), ValidateRequestParameters: jsii.Bool(true)}
	validator := i.API.AddRequestValidator(jsii.String("Validator"), checks)
	i.published["checks"] = published(checks)
	models := map[string]awsapigateway.IModel{}
	for _, r := range routes {
		options := &awsapigateway.MethodOptions{
			AuthorizationType: authorization.kind,
			ApiKeyRequired:    i.keyRequired(),
			OperationName:     jsii.String(r.operation),
			RequestParameters: r.parameters(),
			RequestValidator:  validator,
		}
		if r.body != nil {
			options.RequestModels = &map[string]awsapigateway.IModel{"application/json": i.model(models, r.body)}
		}
		integration := i.integration(i.functions.Invoke, r.body != nil)
		method := i.API.Root().ResourceForPath(jsii.String(r.path)).AddMethod(jsii.String(r.verb), awsapigateway.NewIntegration(integration), options)
		if authorization.id != nil {
			method.Node().DefaultChild().(awsapigateway.CfnMethod).SetAuthorizerId(authorization.id)
		}
		i.published[r.verb+r.path] = published([]any{authorization.kind, authorization.id, options.ApiKeyRequired, r.parameters(), r.body, integration, i.config.API.TimeoutSeconds})
	}
	for n, arn := range i.Methods() {
		i.permit(fmt.Sprintf("Permission%d", n+1), i.functions.Invoke, arn)
	}
}

// parameters are wanted wherever the path has them, so that none is empty.
func (r route) parameters() *map[string]*bool {
	if r.path == "/models" {
		return nil
	}
	return &map[string]*bool{"method.request.path.model": jsii.Bool(true)}
}

// model makes the API's model of a body, once.
func (i *Inference) model(made map[string]awsapigateway.IModel, b *body) awsapigateway.IModel {
	if made[b.Name] == nil {
		made[b.Name] = i.API.AddModel(jsii.String(b.Name), &awsapigateway.ModelOptions{
			ModelName:   jsii.String(b.Name),
			ContentType: jsii.String("application/json"),
			Description: jsii.String(b.Description),
			Schema:      b.Schema,
		})
	}
	return made[b.Name]
}

// permit lets the API call a function, for one pattern of methods.
func (i *Inference) permit(id string, function *functions.Function, arn string) {
	awslambda.NewCfnPermission(i.Scope, jsii.String(id), &awslambda.CfnPermissionProps{
		Action:        jsii.String("lambda:InvokeFunction"),
		FunctionName:  function.Resource.AttrArn(),
		Principal:     jsii.String("apigateway.amazonaws.com"),
		SourceArn:     jsii.String(arn),
		SourceAccount: jsii.String(policy.Account(i.Scope)),
	})
}

// published is a part of the API as it enters the deployment's logical id.
func published(part any) string {
	text, err := json.Marshal(part)
	if err != nil {
		panic(fmt.Sprintf("encoding a part of the API: %v", err))
	}
	return string(text)
}

// integration leads to a function. A streamed answer leaves as it comes and may
// take longer than the 29 seconds of any other; Lambda has a path of its own for
// it (https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html).
func (i *Inference) integration(function *functions.Function, streamed bool) *awsapigateway.IntegrationProps {
	integration := &awsapigateway.IntegrationProps{
		Type:                  awsapigateway.IntegrationType_AWS_PROXY,
		IntegrationHttpMethod: jsii.String(http.MethodPost),
	}
	if !streamed {
		integration.Uri = i.invocations(function, "2015-03-31", "invocations")
		return integration
	}
	integration.Uri = i.invocations(function, "2021-11-15", "response-streaming-invocations")
	integration.Options = &awsapigateway.IntegrationOptions{
		ResponseTransferMode: awsapigateway.ResponseTransferMode_STREAM,
		Timeout:              awscdk.Duration_Seconds(jsii.Number(i.config.API.TimeoutSeconds)),
	}
	return integration
}

// invocations is the URI by which API Gateway calls a function.
func (i *Inference) invocations(function *functions.Function, version, path string) *string {
	stack := awscdk.Stack_Of(i.Scope)
	return jsii.Sprintf("arn:%s:apigateway:%s:lambda:path/%s/functions/%s/%s", *stack.Partition(), *stack.Region(), version, function.ARN(), path)
}
