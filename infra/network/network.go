// Package network is the private network: subnets without any way to the
// internet, the endpoints that lead to the services the pipeline calls, and the
// security groups that say who may reach them.
//
// What a VPC has by itself and CloudFormation cannot change is its default
// security group. Nothing is ever attached to it: every network interface in
// this stack names its groups, which a test holds for all of them.
package network

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/infra/config"
	"github.com/tuneline/tuneline/infra/storage"
)

// The address plan: one /16, a /20 a zone (4,091 addresses), at most 16 zones.
const (
	vpcCIDR      = "10.42.0.0/16"
	subnetFormat = "10.42.%d.0/20"
	subnetStep   = 16
)

// Network is the VPC and what is in it.
type Network struct {
	Scope      constructs.Construct
	VPC        awsec2.CfnVPC
	Subnets    []awsec2.CfnSubnet
	RouteTable awsec2.CfnRouteTable
	Groups     Groups
	Endpoints  Endpoints
}

// Props is what the network needs to know.
type Props struct {
	Config config.Config
	Key    *storage.Key
	Bucket *storage.Bucket
}

// New makes the network.
func New(scope constructs.Construct, id string, props Props) *Network {
	n := &Network{Scope: constructs.NewConstruct(scope, jsii.String(id))}
	n.VPC = awsec2.NewCfnVPC(n.Scope, jsii.String("VPC"), &awsec2.CfnVPCProps{
		CidrBlock: jsii.String(vpcCIDR),
		// Both are needed so that the services' usual names lead to the endpoints.
		EnableDnsSupport:   jsii.Bool(true),
		EnableDnsHostnames: jsii.Bool(true),
	})
	awscdk.Tags_Of(n.VPC).Add(jsii.String("Name"), awscdk.Stack_Of(scope).StackName(), nil)
	n.addSubnets(props.Config.AvailabilityZones)
	n.Groups = newGroups(n, props.Config.S3PrefixListID())
	n.Endpoints = newEndpoints(n, props)
	newFlowLog(n, props)
	return n
}

// addSubnets makes one subnet a zone. Their one route table has no route but
// the VPC's own and the one the S3 endpoint adds.
func (n *Network) addSubnets(zones config.Zones) {
	n.RouteTable = awsec2.NewCfnRouteTable(n.Scope, jsii.String("Isolated"), &awsec2.CfnRouteTableProps{VpcId: n.VPC.AttrVpcId()})
	for i, zone := range zoneNames(zones) {
		id := fmt.Sprintf("Isolated%d", i+1)
		subnet := awsec2.NewCfnSubnet(n.Scope, jsii.String(id+"Subnet"), &awsec2.CfnSubnetProps{
			VpcId:               n.VPC.AttrVpcId(),
			AvailabilityZone:    zone,
			CidrBlock:           jsii.Sprintf(subnetFormat, i*subnetStep),
			MapPublicIpOnLaunch: jsii.Bool(false),
		})
		awsec2.NewCfnSubnetRouteTableAssociation(n.Scope, jsii.String(id+"Routes"), &awsec2.CfnSubnetRouteTableAssociationProps{
			SubnetId: subnet.AttrSubnetId(), RouteTableId: n.RouteTable.AttrRouteTableId(),
		})
		n.Subnets = append(n.Subnets, subnet)
	}
}

// zoneNames are the names of the zones, or where they are unknown, the first
// ones of the account's list, which CloudFormation looks up when it deploys.
func zoneNames(zones config.Zones) []*string {
	var names []*string
	for _, name := range zones.Names {
		names = append(names, jsii.String(name))
	}
	for i := range zones.Count {
		names = append(names, awscdk.Fn_Select(jsii.Number(i), awscdk.Fn_GetAzs(nil)))
	}
	return names
}

// SubnetIDs are the ids of the subnets.
func (n *Network) SubnetIDs() []string {
	ids := make([]string, 0, len(n.Subnets))
	for _, subnet := range n.Subnets {
		ids = append(ids, *subnet.AttrSubnetId())
	}
	return ids
}
