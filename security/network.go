package security

import (
	"slices"
	"strings"
)

var networkAssertions = []Assertion{
	{"NoWayOut", 1, noWayOut},
	{"NoRoute", 1, noRoute},
	{"NoPublicAddress", 1, noPublicAddress},
	{"GroupsAdmitGroupsOnly", 4, groupsAdmitGroupsOnly},
	{"GroupsLeadToEndpointsOnly", 4, groupsLeadToEndpointsOnly},
	{"EveryInterfaceHasAGroup", 4, everyInterfaceHasAGroup},
	{"EndpointsAreReached", 4, endpointsAreReached},
	{"FlowLog", 5, flowLog},
	{"Zones", 5, zones},
}

// ways are the types that lead out of a VPC, or in.
var ways = []string{
	"AWS::EC2::InternetGateway", "AWS::EC2::VPCGatewayAttachment", "AWS::EC2::NatGateway", "AWS::EC2::EIP", "AWS::EC2::EIPAssociation",
	"AWS::EC2::EgressOnlyInternetGateway", "AWS::EC2::VPCPeeringConnection", "AWS::EC2::TransitGateway", "AWS::EC2::TransitGatewayAttachment",
	"AWS::EC2::TransitGatewayVpcAttachment", "AWS::EC2::VPNGateway", "AWS::EC2::VPNConnection", "AWS::EC2::ClientVpnEndpoint", "AWS::EC2::CarrierGateway",
	"AWS::EC2::LocalGatewayRouteTableVPCAssociation", "AWS::EC2::Instance", "AWS::EC2::InstanceConnectEndpoint", "AWS::EC2::VPCEndpointService",
	"AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::VpcLattice::ServiceNetworkVpcAssociation", "AWS::RAM::ResourceShare",
}

func noWayOut(t *Template) (f Findings) {
	for _, r := range t.ofType(ways...) {
		f.add(r.ID, "%s leads out of the VPC or into it", r.Type)
	}
	return f
}

// noRoute: a gateway endpoint adds its own route, so that none is written.
func noRoute(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::EC2::Route") {
		f.add(r.ID, "a route leads to %s: want none but the S3 endpoint's own", text(r.Properties["DestinationCidrBlock"]))
	}
	return f
}

func noPublicAddress(t *Template) (f Findings) {
	subnets := t.ofType("AWS::EC2::Subnet")
	if len(subnets) == 0 {
		f.add("NetworkIsolated1Subnet", "there is no subnet")
	}
	for _, r := range subnets {
		if isTrue(r.Properties["MapPublicIpOnLaunch"]) || isTrue(r.Properties["AssignIpv6AddressOnCreation"]) {
			f.add(r.ID, "interfaces in the subnet get a public address")
		}
	}
	return f
}

// rule is one rule of a security group.
type rule struct {
	where, group string
	properties   object
}

// rules are those of all groups, written in the group or beside it.
func (t *Template) rules(inline, beside string) []rule {
	var list []rule
	for _, r := range t.ofType("AWS::EC2::SecurityGroup") {
		for _, p := range items(r.Properties[inline]) {
			if o, ok := p.(object); ok {
				list = append(list, rule{r.ID, reference(r, t.Region), o})
			}
		}
	}
	for _, r := range t.ofType(beside) {
		list = append(list, rule{r.ID, text(r.Properties["GroupId"]), r.Properties})
	}
	return list
}

func (t *Template) ingress() []rule {
	return t.rules("SecurityGroupIngress", "AWS::EC2::SecurityGroupIngress")
}

func (t *Template) egress() []rule {
	return t.rules("SecurityGroupEgress", "AWS::EC2::SecurityGroupEgress")
}

// isHTTPS says whether the rule is for TCP port 443 and no other.
func (r rule) isHTTPS() bool {
	return text(r.properties["IpProtocol"]) == "tcp" && text(r.properties["FromPort"]) == "443" && text(r.properties["ToPort"]) == "443"
}

// amongWorkers is the one exception: interfaces of a job reach each other at any port.
func (t *Template) amongWorkers(r rule, other string) bool {
	return r.group == t.ref("NetworkJobGroup") && other == r.group
}

// groupsAdmitGroupsOnly: what comes in comes from a group of this template, at
// port 443.
func groupsAdmitGroupsOnly(t *Template) (f Findings) {
	for _, r := range t.ingress() {
		source := text(r.properties["SourceSecurityGroupId"])
		switch {
		case !t.isGroup(source):
			f.add(r.where, "admits what is in no group of the stack")
		case !r.isHTTPS() && !t.amongWorkers(r, source):
			f.add(r.where, "admits more than TCP port 443")
		}
	}
	return f
}

func (t *Template) isGroup(id string) bool {
	return slices.ContainsFunc(t.ofType("AWS::EC2::SecurityGroup"), func(r *Resource) bool { return reference(r, t.Region) == id })
}

// groupsLeadToEndpointsOnly: what goes out goes to a group of an endpoint, or to
// S3 by its prefix list, at port 443. A group without a rule lets everything out,
// since CloudFormation adds that rule.
func groupsLeadToEndpointsOnly(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::EC2::SecurityGroup") {
		if len(items(r.Properties["SecurityGroupEgress"])) == 0 {
			f.add(r.ID, "without a rule for what goes out, everything does")
		}
	}
	entrances := t.endpointGroups()
	for _, r := range t.egress() {
		to := text(r.properties["DestinationSecurityGroupId"])
		switch {
		case nowhere(r.properties):
		case t.amongWorkers(r, to):
		case !r.isHTTPS():
			f.add(r.where, "lets out more than TCP port 443")
		case r.properties["CidrIp"] != nil || r.properties["CidrIpv6"] != nil:
			f.add(r.where, "lets out to addresses")
		case to != "" && !slices.Contains(entrances, to):
			f.add(r.where, "lets out to a group that is on no endpoint")
		case to == "" && !strings.HasPrefix(text(r.properties["DestinationPrefixListId"]), "pl-"):
			f.add(r.where, "lets out to neither an endpoint nor S3")
		}
	}
	return f
}

// nowhere is the rule that takes the place of the one that lets everything out.
func nowhere(properties object) bool {
	return text(properties["IpProtocol"]) == "icmp" && text(properties["CidrIp"]) == "255.255.255.255/32"
}

// endpointGroups are the groups that are on interface endpoints.
func (t *Template) endpointGroups() []string {
	var groups []string
	for _, r := range t.ofType("AWS::EC2::VPCEndpoint") {
		groups = append(groups, texts(r.Properties["SecurityGroupIds"])...)
	}
	return groups
}

// everyInterfaceHasAGroup: what names no group gets the VPC's default one, which
// lets everything out.
func everyInterfaceHasAGroup(t *Template) (f Findings) {
	for _, r := range t.ofType("AWS::Lambda::Function", "AWS::EC2::VPCEndpoint") {
		groups := r.Properties["SecurityGroupIds"]
		if r.Type == "AWS::Lambda::Function" {
			if r.Properties["VpcConfig"] == nil {
				continue
			}
			groups = get(r.Properties, "VpcConfig", "SecurityGroupIds")
		} else if text(r.Properties["VpcEndpointType"]) != "Interface" {
			continue
		}
		if len(texts(groups)) == 0 {
			f.add(r.ID, "its interfaces are in the VPC's default group")
		}
		for _, group := range texts(groups) {
			if !t.isGroup(group) {
				f.add(r.ID, "its interfaces are in %s, no group of the stack", group)
			}
		}
	}
	return f
}

// endpointsAreReached: functions and jobs get through to the endpoints, or they
// fail in ways that tempt people to open the network.
func endpointsAreReached(t *Template) (f Findings) {
	for _, from := range []string{"NetworkFunctionGroup", "NetworkJobGroup"} {
		out := slices.ContainsFunc(t.egress(), func(r rule) bool {
			return r.group == t.ref(from) && text(r.properties["DestinationSecurityGroupId"]) == t.ref("NetworkEndpointGroup") && r.isHTTPS()
		})
		in := slices.ContainsFunc(t.ingress(), func(r rule) bool {
			return r.group == t.ref("NetworkEndpointGroup") && text(r.properties["SourceSecurityGroupId"]) == t.ref(from) && r.isHTTPS()
		})
		if !out || !in {
			f.add(from, "does not reach the interface endpoints")
		}
	}
	return f
}

func flowLog(t *Template) (f Findings) {
	for _, vpc := range t.ofType("AWS::EC2::VPC") {
		logged := slices.ContainsFunc(t.ofType("AWS::EC2::FlowLog"), func(r *Resource) bool {
			kept := slices.ContainsFunc(t.ofType("AWS::Logs::LogGroup"), func(g *Resource) bool { return reference(g, t.Region) == text(r.Properties["LogGroupName"]) })
			return kept && text(r.Properties["ResourceId"]) == reference(vpc, t.Region) && text(r.Properties["ResourceType"]) == "VPC" && text(r.Properties["TrafficType"]) == "ALL"
		})
		if !logged {
			f.add(vpc.ID, "no flow log has all of its connections")
		}
	}
	return f
}

// zones: there is a second zone when one fails, for functions and endpoints.
func zones(t *Template) (f Findings) {
	zone := map[string]string{}
	for _, r := range t.ofType("AWS::EC2::Subnet") {
		zone[reference(r, t.Region)] = text(r.Properties["AvailabilityZone"])
	}
	check := func(r *Resource, subnets any) {
		used := map[string]bool{}
		for _, id := range texts(subnets) {
			used[zone[id]] = true
		}
		if len(used) < 2 {
			f.add(r.ID, "is in %d availability zones, want two or more", len(used))
		}
	}
	for _, r := range t.ofType("AWS::Lambda::Function") {
		if r.Properties["VpcConfig"] != nil {
			check(r, get(r.Properties, "VpcConfig", "SubnetIds"))
		}
	}
	for _, r := range t.ofType("AWS::EC2::VPCEndpoint") {
		if text(r.Properties["VpcEndpointType"]) == "Interface" {
			check(r, r.Properties["SubnetIds"])
		}
	}
	return f
}
