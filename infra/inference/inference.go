// Package inference is the way in for callers: POST /model/{model}/converse, in
// Bedrock's own spelling and with its bodies, but with the name of a tuned
// model. Every method wants a signed request (IAM).
package inference

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/functions"
	"github.com/tuneline/tuneline/infra/network"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/infra/storage"
)

// StageName is the API's one stage, the first part of every path.
const StageName = "live"

// Inference is the API.
type Inference struct {
	Scope constructs.Construct
	API   awsapigateway.RestApi
	// Door is the API's own endpoint in the VPC; nil for a regional API.
	Door *Door
}

// Props is what the API leads to.
type Props struct {
	Config    config.Config
	Functions *functions.Functions
	Network   *network.Network
	Key       *storage.Key
}

// New makes the API.
func New(scope constructs.Construct, id string, props Props) *Inference {
	return newWithSchema(scope, id, props, converseSchema())
}

func newWithSchema(scope constructs.Construct, id string, props Props, body *schema) *Inference {
	i := &Inference{Scope: constructs.NewConstruct(scope, jsii.String(id))}
	if props.Config.API.Endpoint == config.EndpointPrivate {
		i.Door = newDoor(i, props.Network)
	}
	i.API = awsapigateway.NewRestApi(i.Scope, jsii.String("API"), &awsapigateway.RestApiProps{
		RestApiName:           awscdk.Stack_Of(scope).StackName(),
		Description:           jsii.String("Asks a tuned model, by its name, as Bedrock's Converse does"),
		EndpointConfiguration: i.endpoint(),
		CloudWatchRole:        jsii.Bool(false),
		Deploy:                jsii.Bool(false),
	})
	i.resource().SetPolicy(policy.Document(i.whoMayAsk()...))
	// The stage's address is one of the stack's outputs.
	i.API.Node().TryRemoveChild(jsii.String("Endpoint"))
	i.addStage(props, i.addConverse(props.Functions.Invoke, body))
	return i
}

// resource is the API as it stands in the template.
func (i *Inference) resource() awsapigateway.CfnRestApi {
	return i.API.Node().DefaultChild().(awsapigateway.CfnRestApi)
}

// Methods is the pattern of the ARNs of the methods that ask a model.
func (i *Inference) Methods() string {
	return policy.ARN(i.Scope, "execute-api", *i.API.RestApiId()+"/"+StageName+"/POST/model/*/converse")
}

// URL is where a model is asked, with {model} for its name.
func (i *Inference) URL() string {
	return *jsii.Sprintf("https://%s.execute-api.%s.%s/%s/model/{model}/converse",
		*i.API.RestApiId(), *awscdk.Stack_Of(i.Scope).Region(), *awscdk.Stack_Of(i.Scope).UrlSuffix(), StageName)
}

// addConverse adds the method. API Gateway checks the body's shape before the
// function is called; the function hands it on as it is. It returns all that a
// deployment must publish anew when it changes.
func (i *Inference) addConverse(invoke *functions.Function, body *schema) map[string]any {
	converse := i.API.Root().AddResource(jsii.String("model"), nil).
		AddResource(jsii.String("{model}"), nil).AddResource(jsii.String("converse"), nil)
	request := i.API.AddModel(jsii.String("ConverseRequest"), &awsapigateway.ModelOptions{
		ModelName:   jsii.String("ConverseRequest"),
		ContentType: jsii.String("application/json"),
		Description: jsii.String("The body of Bedrock's Converse"),
		Schema:      body,
	})
	checks := &awsapigateway.RequestValidatorOptions{ValidateRequestBody: jsii.Bool(true), ValidateRequestParameters: jsii.Bool(true)}
	integration := i.integration(invoke)
	method := converse.AddMethod(jsii.String("POST"), awsapigateway.NewIntegration(integration), &awsapigateway.MethodOptions{
		AuthorizationType: awsapigateway.AuthorizationType_IAM,
		OperationName:     jsii.String("Converse"),
		RequestModels:     &map[string]awsapigateway.IModel{"application/json": request},
		RequestParameters: &map[string]*bool{"method.request.path.model": jsii.Bool(true)},
		RequestValidator:  i.API.AddRequestValidator(jsii.String("Validator"), checks),
	})
	awslambda.NewCfnPermission(i.Scope, jsii.String("Permission"), &awslambda.CfnPermissionProps{
		Action:        jsii.String("lambda:InvokeFunction"),
		FunctionName:  invoke.Resource.AttrArn(),
		Principal:     jsii.String("apigateway.amazonaws.com"),
		SourceArn:     jsii.String(i.Methods()),
		SourceAccount: jsii.String(policy.Account(i.Scope)),
	})
	resource := method.Node().DefaultChild().(awsapigateway.CfnMethod)
	return map[string]any{
		"path": *converse.Path(), "verb": *method.HttpMethod(), "authorization": *resource.AuthorizationType(),
		"parameters": resource.RequestParameters(), "schema": published(body), "checks": published(checks),
		"integration": published(integration),
	}
}

// published is a part of the API as it enters the deployment's logical id.
func published(part any) string {
	text, err := json.Marshal(part)
	if err != nil {
		panic(fmt.Sprintf("encoding a part of the API: %v", err))
	}
	return string(text)
}

func (i *Inference) integration(invoke *functions.Function) *awsapigateway.IntegrationProps {
	stack := awscdk.Stack_Of(i.Scope)
	return &awsapigateway.IntegrationProps{
		Type:                  awsapigateway.IntegrationType_AWS_PROXY,
		IntegrationHttpMethod: jsii.String("POST"),
		Uri: jsii.Sprintf("arn:%s:apigateway:%s:lambda:path/2015-03-31/functions/%s/invocations",
			*stack.Partition(), *stack.Region(), invoke.ARN()),
	}
}
