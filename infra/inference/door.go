package inference

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"

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
// the API without leaving it; nothing else of the pipeline comes this way.
func newDoor(i *Inference, n *network.Network) *Door {
	callers := n.NewGroup(i.Scope, "Callers", "Callers of the inference API: to its endpoint")
	group := n.NewGroup(i.Scope, "DoorGroup", "Endpoint of the inference API: from its callers")
	network.Connect(i.Scope, "Callers", callers, group)
	endpoint := n.NewInterfaceEndpoint(i.Scope, "Door", "execute-api", group, policy.Document(policy.Statement{
		Sid: "AskModels", Principals: policy.Anyone,
		Actions:    []string{"execute-api:Invoke"},
		Resources:  []string{policy.ARN(i.Scope, "execute-api", "*/"+StageName+"/POST/model/*/converse")},
		Conditions: policy.Conditions{"StringEquals": {"aws:PrincipalAccount": policy.Account(i.Scope)}},
	}))
	return &Door{Endpoint: endpoint, Callers: callers}
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

// whoMayAsk is the API's resource policy: it denies other accounts, and for a
// private API whoever does not come through the door. It allows nobody, because
// within the account an Allow here would be enough on its own; so callers need
// permission from IAM.
func (i *Inference) whoMayAsk() []policy.Statement {
	everything := []string{policy.ARN(i.Scope, "execute-api", "*")}
	statements := []policy.Statement{{
		Sid: "DenyOtherAccounts", Deny: true, Principals: policy.Anyone,
		Actions: []string{"execute-api:Invoke"}, Resources: everything,
		Conditions: policy.Conditions{"StringNotEquals": {"aws:PrincipalAccount": policy.Account(i.Scope)}},
	}}
	if i.Door == nil {
		return statements
	}
	return append(statements, policy.Statement{
		Sid: "DenyFromOutside", Deny: true, Principals: policy.Anyone,
		Actions: []string{"execute-api:Invoke"}, Resources: everything,
		Conditions: policy.Conditions{"StringNotEquals": {"aws:SourceVpce": *i.Door.Endpoint.AttrId()}},
	})
}
