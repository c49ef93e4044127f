package network

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// httpsPort is the only port anything is reached at.
const httpsPort = 443

// Groups are the security groups of those who are in the VPC.
type Groups struct {
	// Functions is on the functions' network interfaces.
	Functions awsec2.CfnSecurityGroup
	// Job is on the interfaces Bedrock makes for a customization job.
	Job awsec2.CfnSecurityGroup
	// Endpoints is on the interface endpoints.
	Endpoints awsec2.CfnSecurityGroup
}

func newGroups(n *Network, prefixListID string) Groups {
	g := Groups{
		Functions: n.newGroup(n.Scope, "FunctionGroup", "Functions: to S3 and the interface endpoints", toS3(prefixListID)),
		Job:       n.newGroup(n.Scope, "JobGroup", "Customization jobs: among themselves, to S3 and the interface endpoints", toS3(prefixListID)),
		Endpoints: n.NewGroup(n.Scope, "EndpointGroup", "Interface endpoints: from functions and jobs"),
	}
	Connect(n.Scope, "Function", g.Functions, g.Endpoints)
	Connect(n.Scope, "Job", g.Job, g.Endpoints)
	connectWorkers(n.Scope, g.Job)
	return g
}

// NewGroup makes a group that nothing enters and nothing leaves, until it is
// connected.
func (n *Network) NewGroup(scope constructs.Construct, id, description string) awsec2.CfnSecurityGroup {
	return n.newGroup(scope, id, description, toNowhere())
}

func (n *Network) newGroup(scope constructs.Construct, id, description string, egress any) awsec2.CfnSecurityGroup {
	return awsec2.NewCfnSecurityGroup(scope, jsii.String(id), &awsec2.CfnSecurityGroupProps{
		GroupDescription:    jsii.String(description),
		VpcId:               n.VPC.AttrVpcId(),
		SecurityGroupEgress: []any{egress},
	})
}

// toS3 is the way to the S3 gateway endpoint, which has no group of its own:
// its addresses are S3's.
func toS3(prefixListID string) *awsec2.CfnSecurityGroup_EgressProperty {
	return &awsec2.CfnSecurityGroup_EgressProperty{
		Description:             jsii.String("S3 through the gateway endpoint"),
		IpProtocol:              jsii.String("tcp"),
		FromPort:                jsii.Number(httpsPort),
		ToPort:                  jsii.Number(httpsPort),
		DestinationPrefixListId: jsii.String(prefixListID),
	}
}

// toNowhere takes the place of the rule that lets everything out, which
// CloudFormation adds to a group without any: one address nobody has.
func toNowhere() *awsec2.CfnSecurityGroup_EgressProperty {
	return &awsec2.CfnSecurityGroup_EgressProperty{
		Description: jsii.String("Nothing goes out"),
		IpProtocol:  jsii.String("icmp"),
		FromPort:    jsii.Number(252),
		ToPort:      jsii.Number(86),
		CidrIp:      jsii.String("255.255.255.255/32"),
	}
}

// Connect opens port 443 of one group to another, at both ends.
func Connect(scope constructs.Construct, id string, from, to awsec2.CfnSecurityGroup) {
	awsec2.NewCfnSecurityGroupEgress(scope, jsii.String(id+"ToEndpoint"), &awsec2.CfnSecurityGroupEgressProps{
		GroupId:                    from.AttrGroupId(),
		DestinationSecurityGroupId: to.AttrGroupId(),
		Description:                to.GroupDescription(),
		IpProtocol:                 jsii.String("tcp"), FromPort: jsii.Number(httpsPort), ToPort: jsii.Number(httpsPort),
	})
	awsec2.NewCfnSecurityGroupIngress(scope, jsii.String(id+"AtEndpoint"), &awsec2.CfnSecurityGroupIngressProps{
		GroupId:               to.AttrGroupId(),
		SourceSecurityGroupId: from.AttrGroupId(),
		Description:           from.GroupDescription(),
		IpProtocol:            jsii.String("tcp"), FromPort: jsii.Number(httpsPort), ToPort: jsii.Number(httpsPort),
	})
}

// connectWorkers lets the interfaces of one job reach each other, at any port:
// a job with several workers exchanges gradients, and AWS does not say at which.
// It is the one exception to port 443, and it stays within the group.
func connectWorkers(scope constructs.Construct, job awsec2.CfnSecurityGroup) {
	const everything = "-1"
	awsec2.NewCfnSecurityGroupEgress(scope, jsii.String("JobToWorkers"), &awsec2.CfnSecurityGroupEgressProps{
		GroupId:                    job.AttrGroupId(),
		DestinationSecurityGroupId: job.AttrGroupId(),
		Description:                jsii.String("Workers of one job"),
		IpProtocol:                 jsii.String(everything),
	})
	awsec2.NewCfnSecurityGroupIngress(scope, jsii.String("JobAtWorkers"), &awsec2.CfnSecurityGroupIngressProps{
		GroupId:               job.AttrGroupId(),
		SourceSecurityGroupId: job.AttrGroupId(),
		Description:           jsii.String("Workers of one job"),
		IpProtocol:            jsii.String(everything),
	})
}
