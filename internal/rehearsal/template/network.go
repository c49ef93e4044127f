package template

import (
	"encoding/json"
	"fmt"
)

// VPC is an AWS::EC2::VPC.
type VPC struct {
	LogicalID            string
	ID                   string
	CIDR                 string
	DefaultSecurityGroup string
}

// Subnet is an AWS::EC2::Subnet.
type Subnet struct {
	LogicalID        string
	ID               string
	VPCID            string
	CIDR             string
	AvailabilityZone string
}

// SecurityGroup is an AWS::EC2::SecurityGroup with the rules of separate
// AWS::EC2::SecurityGroupIngress and Egress resources merged in.
type SecurityGroup struct {
	LogicalID string
	ID        string
	VPCID     string
	Ingress   []SecurityGroupRule
	Egress    []SecurityGroupRule
}

// SecurityGroupRule is one rule. Exactly one of CIDR, CIDRv6, GroupID and
// PrefixListID says who is on the other side.
type SecurityGroupRule struct {
	// Protocol is "tcp", "udp", "icmp", a number or "-1" for any.
	Protocol string
	// FromPort and ToPort are nil when the protocol has no ports.
	FromPort     *int
	ToPort       *int
	CIDR         string
	CIDRv6       string
	GroupID      string
	PrefixListID string
}

// Endpoint is an AWS::EC2::VPCEndpoint.
type Endpoint struct {
	LogicalID string
	ID        string
	// ServiceName is the full name, for example
	// "com.amazonaws.us-east-1.bedrock".
	ServiceName string
	// Type is "Interface" or "Gateway".
	Type             string
	VPCID            string
	SubnetIDs        []string
	SecurityGroupIDs []string
	RouteTableIDs    []string
	PrivateDNS       bool
	// Policy is the endpoint policy, nil for the default that allows all.
	Policy json.RawMessage
}

func (s *Stack) buildVPCs() error {
	for _, res := range s.ofType("AWS::EC2::VPC") {
		var p struct{ CidrBlock string }
		if err := res.decode(&p); err != nil {
			return err
		}
		group, err := s.GetAtt(res.LogicalID, "DefaultSecurityGroup")
		if err != nil {
			return res.failed(err)
		}
		s.VPCs = append(s.VPCs, VPC{
			LogicalID: res.LogicalID, ID: res.PhysicalID, CIDR: p.CidrBlock, DefaultSecurityGroup: group.(string),
		})
	}
	return nil
}

func (s *Stack) buildSubnets() error {
	for _, res := range s.ofType("AWS::EC2::Subnet") {
		var p struct{ VpcID, CidrBlock, AvailabilityZone string }
		if err := res.decode(&p); err != nil {
			return err
		}
		s.Subnets = append(s.Subnets, Subnet{
			LogicalID: res.LogicalID, ID: res.PhysicalID, VPCID: p.VpcID,
			CIDR: p.CidrBlock, AvailabilityZone: p.AvailabilityZone,
		})
	}
	return nil
}

// groupRule is a rule as written in either of its places.
type groupRule struct {
	IPProtocol                                        text
	FromPort, ToPort                                  *integer
	CidrIP, CidrIpv6, Description                     string
	GroupID                                           string
	SourceSecurityGroupID, DestinationSecurityGroupID string
	SourcePrefixListID, DestinationPrefixListID       string
}

func (g groupRule) rule() SecurityGroupRule {
	return SecurityGroupRule{
		Protocol: string(g.IPProtocol), FromPort: g.FromPort.optional(), ToPort: g.ToPort.optional(),
		CIDR: g.CidrIP, CIDRv6: g.CidrIpv6,
		GroupID:      defaultText(g.SourceSecurityGroupID, g.DestinationSecurityGroupID),
		PrefixListID: defaultText(g.SourcePrefixListID, g.DestinationPrefixListID),
	}
}

func (s *Stack) buildSecurityGroups() error {
	for _, res := range s.ofType("AWS::EC2::SecurityGroup") {
		var p struct {
			VpcID                                     string
			SecurityGroupIngress, SecurityGroupEgress []groupRule
		}
		if err := res.decode(&p); err != nil {
			return err
		}
		group := SecurityGroup{LogicalID: res.LogicalID, ID: res.PhysicalID, VPCID: p.VpcID}
		for _, rule := range p.SecurityGroupIngress {
			group.Ingress = append(group.Ingress, rule.rule())
		}
		for _, rule := range p.SecurityGroupEgress {
			group.Egress = append(group.Egress, rule.rule())
		}
		s.SecurityGroups = append(s.SecurityGroups, group)
	}
	if err := s.mergeRules("AWS::EC2::SecurityGroupIngress"); err != nil {
		return err
	}
	return s.mergeRules("AWS::EC2::SecurityGroupEgress")
}

func (s *Stack) mergeRules(typeName string) error {
	for _, res := range s.ofType(typeName) {
		var p groupRule
		if err := res.decode(&p); err != nil {
			return err
		}
		group := s.securityGroup(p.GroupID)
		if group == nil {
			return res.failed(fmt.Errorf("security group %s is not in the stack", p.GroupID))
		}
		if typeName == "AWS::EC2::SecurityGroupIngress" {
			group.Ingress = append(group.Ingress, p.rule())
		} else {
			group.Egress = append(group.Egress, p.rule())
		}
	}
	return nil
}

func (s *Stack) securityGroup(id string) *SecurityGroup {
	for i := range s.SecurityGroups {
		if s.SecurityGroups[i].ID == id {
			return &s.SecurityGroups[i]
		}
	}
	return nil
}

func (s *Stack) buildEndpoints() error {
	for _, res := range s.ofType("AWS::EC2::VPCEndpoint") {
		var p struct {
			ServiceName, VpcEndpointType, VpcID string
			SubnetIds, SecurityGroupIds         []string
			RouteTableIds                       []string
			PrivateDNSEnabled                   boolean
			PolicyDocument                      json.RawMessage
		}
		if err := res.decode(&p); err != nil {
			return err
		}
		s.Endpoints = append(s.Endpoints, Endpoint{
			LogicalID: res.LogicalID, ID: res.PhysicalID, ServiceName: p.ServiceName,
			Type: defaultText(p.VpcEndpointType, "Gateway"), VPCID: p.VpcID, SubnetIDs: p.SubnetIds,
			SecurityGroupIDs: p.SecurityGroupIds, RouteTableIDs: p.RouteTableIds,
			PrivateDNS: bool(p.PrivateDNSEnabled), Policy: p.PolicyDocument,
		})
	}
	return nil
}

// Endpoint finds the endpoint of a service by its short name, for example
// "s3" or "bedrock-runtime", or by its full service name.
func (s *Stack) Endpoint(service string) (Endpoint, bool) {
	for _, e := range s.Endpoints {
		if e.ServiceName == service || e.ServiceName == "com.amazonaws."+s.Region+"."+service {
			return e, true
		}
	}
	return Endpoint{}, false
}
