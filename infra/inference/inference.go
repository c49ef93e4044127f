// Package inference is the way in for callers: Bedrock's own paths and bodies, and
// OpenAI's chat completions, with the name of a tuned model in the path, so that
// IAM and tokens can permit by model. Every method wants a signed request or a
// bearer token, as configured, and every POST streams its answer.
package inference

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
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

	config    config.Config
	functions *functions.Functions
	key       *storage.Key
	stage     awsapigateway.Stage
	// published is all that a deployment must publish anew when it changes, and
	// before what must be there before it.
	published map[string]any
	before    []constructs.IDependable
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
	return newOffering(scope, id, props, routes(), responses())
}

func newOffering(scope constructs.Construct, id string, props Props, routes []route, responses []response) *Inference {
	i := &Inference{
		Scope:  constructs.NewConstruct(scope, jsii.String(id)),
		config: props.Config, functions: props.Functions, key: props.Key,
		published: map[string]any{},
	}
	if props.Config.API.Endpoint == config.EndpointPrivate {
		i.Door = newDoor(i, props.Network)
	}
	i.API = awsapigateway.NewRestApi(i.Scope, jsii.String("API"), &awsapigateway.RestApiProps{
		RestApiName:           awscdk.Stack_Of(scope).StackName(),
		Description:           jsii.String("Asks a tuned model, by its name, as Bedrock and OpenAI are asked"),
		EndpointConfiguration: i.endpoint(),
		CloudWatchRole:        jsii.Bool(false),
		Deploy:                jsii.Bool(false),
	})
	secure(i.resource())
	i.resource().SetPolicy(policy.Document(i.whoMayAsk()...))
	// The stage's address is one of the stack's outputs.
	i.API.Node().TryRemoveChild(jsii.String("Endpoint"))
	i.addRoutes(routes, i.newAuthorization())
	i.addResponses(responses)
	i.addStage()
	i.addPlan()
	i.addFirewall()
	return i
}

// resource is the API as it stands in the template.
func (i *Inference) resource() awsapigateway.CfnRestApi {
	return i.API.Node().DefaultChild().(awsapigateway.CfnRestApi)
}

// Methods are the patterns of the ARNs of all methods. The first * of each is a
// model's name, so that a policy for one model has the name there.
func (i *Inference) Methods() []string { return i.methodsOf(*i.API.RestApiId()) }

func (i *Inference) methodsOf(api string) []string {
	var arns []string
	for _, method := range []string{"POST/model/*/*", "GET/model/*/*", "GET/models", "GET/models/*"} {
		arns = append(arns, policy.ARN(i.Scope, "execute-api", api+"/"+StageName+"/"+method))
	}
	return arns
}

// BaseURL is where clients are pointed that add the path themselves.
func (i *Inference) BaseURL() string {
	return *jsii.Sprintf("https://%s.execute-api.%s.%s/%s",
		*i.API.RestApiId(), *awscdk.Stack_Of(i.Scope).Region(), *awscdk.Stack_Of(i.Scope).UrlSuffix(), StageName)
}

// URL is where a model is asked, with {model} for its name.
func (i *Inference) URL() string { return i.BaseURL() + "/model/{model}/converse" }
