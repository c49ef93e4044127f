package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestNoWayOut: nothing leads out of the VPC but the endpoints.
func TestNoWayOut(t *testing.T) {
	ways := []string{
		"AWS::EC2::InternetGateway", "AWS::EC2::VPCGatewayAttachment", "AWS::EC2::EgressOnlyInternetGateway",
		"AWS::EC2::NatGateway", "AWS::EC2::EIP", "AWS::EC2::Route", "AWS::EC2::VPCPeeringConnection",
		"AWS::EC2::TransitGatewayAttachment", "AWS::EC2::TransitGatewayVpcAttachment", "AWS::EC2::VPNGateway",
		"AWS::EC2::CarrierGateway", "AWS::Lambda::Url", "AWS::EC2::VPCEndpointService",
	}
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		for _, kind := range ways {
			if found := tm.ofType(kind); len(found) > 0 {
				t.Errorf("got %d of %s, want none", len(found), kind)
			}
		}
		subnets := tm.ofType("AWS::EC2::Subnet")
		if len(subnets) < 2 {
			t.Errorf("got %d subnets, want one in each of at least 2 zones", len(subnets))
		}
		zones, ranges := map[any]bool{}, map[any]bool{}
		for _, s := range subnets {
			zones[s.Properties["AvailabilityZone"]] = true
			ranges[s.Properties["CidrBlock"]] = true
			equal(t, s.id+" public addresses", s.Properties["MapPublicIpOnLaunch"], false)
		}
		if len(zones) != len(subnets) || len(ranges) != len(subnets) {
			t.Errorf("got %d zones and %d ranges for %d subnets", len(zones), len(ranges), len(subnets))
		}
		tables := tm.ofType("AWS::EC2::RouteTable")
		if len(tables) != 1 || len(tm.ofType("AWS::EC2::SubnetRouteTableAssociation")) != len(subnets) {
			t.Errorf("got %d route tables and %d associations, want 1 and one a subnet", len(tables), len(tm.ofType("AWS::EC2::SubnetRouteTableAssociation")))
		}
	})
}

func TestVPC(t *testing.T) {
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		vpc := tm.find(t, "NetworkVPC", "AWS::EC2::VPC")
		equal(t, "DNS", []any{vpc.Properties["EnableDnsSupport"], vpc.Properties["EnableDnsHostnames"]}, []any{true, true})
		flow := tm.find(t, "Network", "AWS::EC2::FlowLog")
		equal(t, "flow log of", flow.Properties["ResourceId"], vpc.ref("VpcId"))
		equal(t, "flow log holds", flow.Properties["TrafficType"], "ALL")
		var zones []any
		for _, s := range tm.ofType("AWS::EC2::Subnet") {
			zones = append(zones, s.Properties["AvailabilityZone"])
		}
		want := []any{"${AWS::Zones}[0]", "${AWS::Zones}[1]", "${AWS::Zones}[2]"}
		if v.name == strict.name {
			want = []any{"us-west-2a", "us-west-2b"}
		}
		equal(t, "zones", zones, want)
	})
}

// TestSecurityGroups lists every rule there is, as "who to whom at which port".
func TestSecurityGroups(t *testing.T) {
	want := []string{
		"in NetworkEndpointGroup from NetworkFunctionGroup tcp 443-443",
		"in NetworkEndpointGroup from NetworkJobGroup tcp 443-443",
		"in NetworkJobGroup from NetworkJobGroup -1 <nil>-<nil>",
		"out NetworkEndpointGroup to 255.255.255.255/32 icmp 252-86",
		"out NetworkFunctionGroup to NetworkEndpointGroup tcp 443-443",
		"out NetworkFunctionGroup to S3 tcp 443-443",
		"out NetworkJobGroup to NetworkEndpointGroup tcp 443-443",
		"out NetworkJobGroup to NetworkJobGroup -1 <nil>-<nil>",
		"out NetworkJobGroup to S3 tcp 443-443",
	}
	door := []string{
		"in InferenceDoorGroup from InferenceCallers tcp 443-443",
		"out InferenceCallers to 255.255.255.255/32 icmp 252-86",
		"out InferenceCallers to InferenceDoorGroup tcp 443-443",
		"out InferenceDoorGroup to 255.255.255.255/32 icmp 252-86",
	}
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		all, prefixList := want, "pl-63a5400a"
		if v.private() {
			all = append(slices.Clone(want), door...)
		}
		if v.name == strict.name {
			prefixList = "pl-68a54001"
		}
		slices.Sort(all)
		equal(t, "rules", securityRules(tm, prefixList), all)
	})
}

func securityRules(tm *template, prefixList string) []string {
	name := func(value any) string {
		text, _, _ := strings.Cut(strings.TrimPrefix(fmt.Sprint(value), "${"), ".GroupId")
		if r, ok := tm.Resources[text]; ok {
			return r.id[:len(r.id)-8]
		}
		if value == prefixList {
			return "S3"
		}
		return fmt.Sprint(value)
	}
	first := func(o object, keys ...string) any {
		for _, key := range keys {
			if o[key] != nil {
				return o[key]
			}
		}
		return nil
	}
	describe := func(way, group, preposition string, o object) string {
		peer := first(o, "CidrIp", "CidrIpv6", "SourceSecurityGroupId", "SourcePrefixListId", "DestinationSecurityGroupId", "DestinationPrefixListId")
		return fmt.Sprintf("%s %s %s %s %v %v-%v", way, group, preposition, name(peer), o["IpProtocol"], o["FromPort"], o["ToPort"])
	}
	var rules []string
	for _, r := range tm.ofType("AWS::EC2::SecurityGroupIngress") {
		rules = append(rules, describe("in", name(r.Properties["GroupId"]), "from", r.Properties))
	}
	for _, r := range tm.ofType("AWS::EC2::SecurityGroupEgress") {
		rules = append(rules, describe("out", name(r.Properties["GroupId"]), "to", r.Properties))
	}
	for _, group := range tm.ofType("AWS::EC2::SecurityGroup") {
		in, _ := group.Properties["SecurityGroupIngress"].([]any)
		out, _ := group.Properties["SecurityGroupEgress"].([]any)
		for _, rule := range in {
			rules = append(rules, describe("in", name(group.ref("GroupId")), "from", rule.(object)))
		}
		for _, rule := range out {
			rules = append(rules, describe("out", name(group.ref("GroupId")), "to", rule.(object)))
		}
	}
	slices.Sort(rules)
	return rules
}

// TestDefaultGroupIsUnused: CloudFormation cannot close a VPC's default
// security group, so nothing may ever be in it. Whatever has a network
// interface names its groups, and only groups of this stack.
func TestDefaultGroupIsUnused(t *testing.T) {
	forVariants(t, func(t *testing.T, _ variant, tm *template) {
		var groups []any
		for _, f := range tm.ofType("AWS::Lambda::Function") {
			if f.Properties["VpcConfig"] != nil {
				groups = append(groups, get(f.Properties, "VpcConfig", "SecurityGroupIds"))
			}
		}
		for _, e := range tm.ofType("AWS::EC2::VPCEndpoint") {
			if e.Properties["VpcEndpointType"] != "Gateway" {
				groups = append(groups, e.Properties["SecurityGroupIds"])
			}
		}
		for _, list := range groups {
			if len(texts(list)) == 0 {
				t.Error("a network interface without a security group is in the default one")
			}
			for _, id := range texts(list) {
				logical := strings.TrimSuffix(strings.TrimPrefix(id, "${"), ".GroupId}")
				if tm.Resources[logical].Type != "AWS::EC2::SecurityGroup" {
					t.Errorf("a network interface is in %s, which is no group of this stack", id)
				}
			}
		}
		if strings.Contains(string(tm.text), "DefaultSecurityGroup") {
			t.Error("the template mentions the default security group")
		}
	})
}

// TestEndpoints holds which services can be reached from the VPC, and for what.
func TestEndpoints(t *testing.T) {
	want := map[string][]string{
		"s3":              {"s3:AbortMultipartUpload", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject"},
		"kms":             {"kms:DescribeKey"},
		"bedrock-runtime": {"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"},
		"bedrock": {
			"bedrock:CreateCustomModelDeployment", "bedrock:CreateModelCustomizationJob", "bedrock:CreateProvisionedModelThroughput",
			"bedrock:DeleteCustomModelDeployment", "bedrock:DeleteProvisionedModelThroughput",
			"bedrock:GetCustomModel", "bedrock:GetCustomModelDeployment", "bedrock:GetFoundationModel",
			"bedrock:GetModelCustomizationJob", "bedrock:GetProvisionedModelThroughput",
			"bedrock:ListCustomModelDeployments",
			"bedrock:ListProvisionedModelThroughputs", "bedrock:ListTagsForResource",
			"bedrock:StopModelCustomizationJob", "bedrock:TagResource",
			"bedrock:UpdateProvisionedModelThroughput",
		},
	}
	forVariants(t, func(t *testing.T, v variant, tm *template) {
		want := maps.Clone(want)
		if v.private() {
			want["execute-api"] = []string{"execute-api:Invoke"}
		}
		if v.config().API.Guardrail.ID != "" {
			want["bedrock-runtime"] = append([]string{"bedrock:ApplyGuardrail"}, want["bedrock-runtime"]...)
		}
		if v.config().WatchesInvocations() {
			want["monitoring"] = []string{"cloudwatch:GetMetricStatistics"}
		}
		got := map[string][]string{}
		for _, e := range tm.ofType("AWS::EC2::VPCEndpoint") {
			service := e.Properties["ServiceName"].(string)
			service = service[strings.LastIndex(service, ".")+1:]
			if service != "s3" {
				equal(t, service+" type and names", []any{e.Properties["VpcEndpointType"], e.Properties["PrivateDnsEnabled"]}, []any{"Interface", true})
				equal(t, service+" subnets", len(texts(e.Properties["SubnetIds"])), len(tm.ofType("AWS::EC2::Subnet")))
			}
			actions := map[string]bool{}
			for _, s := range statementsOf(e.id, false, e.Properties["PolicyDocument"]) {
				equal(t, s.String()+" principal", s.object["Principal"], "*")
				if !v.tokens() || s.sid() != "AskModels" { // with a token one is nobody to IAM: see TestAPIEndpoint
					equal(t, s.String()+" conditions", s.conditions(), object{"StringEquals": object{"aws:PrincipalAccount": "${AWS::AccountId}"}})
				}
				for _, action := range s.actions() {
					actions[action] = true
				}
			}
			got[service] = slices.Sorted(maps.Keys(actions))
		}
		equal(t, "endpoints", got, want)
	})
}

// TestWhatFunctionsDoHasAnEndpoint: a function in the VPC reaches no service
// without an endpoint, so every action of its role must be one that an endpoint
// lets through, or one that Lambda does for it.
func TestWhatFunctionsDoHasAnEndpoint(t *testing.T) {
	byLambda := []string{"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments", "sqs:SendMessage", "iam:PassRole"}
	tm := synthesize(t, standard)
	var through []string
	for _, e := range tm.ofType("AWS::EC2::VPCEndpoint") {
		for _, s := range statementsOf(e.id, false, e.Properties["PolicyDocument"]) {
			through = append(through, s.actions()...)
		}
	}
	for _, name := range []string{"Validate", "Submit", "Poll", "Analyze", "Throughput", "Invoke"} {
		for _, s := range tm.permissions(t, "Functions"+name+"Role") {
			// Actions through another service are that service's calls.
			if !s.allows() || s.sid() == "AttachToVPC" || s.condition("StringEquals", "kms:ViaService") != nil {
				continue
			}
			for _, action := range s.actions() {
				if !slices.Contains(through, action) && !slices.Contains(byLambda, action) {
					t.Errorf("%s allows %s, which no endpoint lets through", s, action)
				}
			}
		}
	}
}
