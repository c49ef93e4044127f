package inference

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/network"
	"github.com/tuneline/tuneline/infra/policy"
)

// Door is how a private API is reached: an interface endpoint in the VPC, and
// the group that a caller's network interface must be in.
type Door struct {
	Endpoint awsec2.CfnVPCEndpoint
	Callers  awsec2.CfnSecurityGroup
}

// newDoor makes the endpoint. It is needed so that callers inside the VPC reach
// the API without leaving it; nothing else of the pipeline comes this way. Its
// policy names methods of this account's APIs: the API has no id yet.
func newDoor(i *Inference, n *network.Network) *Door {
	callers := n.NewGroup(i.Scope, "Callers", "Callers of the inference API: to its endpoint")
	group := n.NewGroup(i.Scope, "DoorGroup", "Endpoint of the inference API: from its callers")
	network.Connect(i.Scope, "Callers", callers, group)
	ask := policy.Statement{
		Sid: "AskModels", Principals: policy.Anyone,
		Actions: []string{"execute-api:Invoke"}, Resources: i.methodsOf("*"),
	}
	// A caller with a token is nobody to IAM, so there is no account to compare.
	if i.config.API.Auth == config.AuthIAM {
		ask.Conditions = policy.Conditions{"StringEquals": {"aws:PrincipalAccount": policy.Account(i.Scope)}}
	}
	return &Door{Endpoint: n.NewInterfaceEndpoint(i.Scope, "Door", "execute-api", group, policy.Document(ask)), Callers: callers}
}

// endpoint is where the API answers.
func (i *Inference) endpoint() *awsapigateway.EndpointConfiguration {
	if i.Door == nil {
		return &awsapigateway.EndpointConfiguration{Types: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_REGIONAL}}
	}
	return &awsapigateway.EndpointConfiguration{
		Types: &[]awsapigateway.EndpointType{awsapigateway.EndpointType_PRIVATE},
		VpcEndpoints: &[]awsec2.IVpcEndpoint{awsec2.InterfaceVpcEndpoint_FromInterfaceVpcEndpointAttributes(i.Scope, jsii.String("DoorReference"),
			&awsec2.InterfaceVpcEndpointAttributes{VpcEndpointId: i.Door.Endpoint.AttrId(), Port: jsii.Number(443)})},
	}
}

// The TLS that is spoken at the API's own address: 1.3, or 1.2 with a key
// exchange whose secret is forgotten afterwards. A regional API without a policy
// speaks TLS 1.0 as well. STRICT refuses requests that come in at another
// endpoint's address or under another name than the handshake's
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies-list.html).
const (
	securityPolicy     = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
	endpointAccessMode = "STRICT"
)

// secure sets what the CDK's own construct has no property for yet.
func secure(api awsapigateway.CfnRestApi) {
	api.SetSecurityPolicy(jsii.String(securityPolicy))
	api.SetEndpointAccessMode(jsii.String(endpointAccessMode))
}
