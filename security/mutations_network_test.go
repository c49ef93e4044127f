package security

var vpc = link{"NetworkVPC", "VpcId"}

// Control 1 to 5.
var networkMutations = []mutation{
	{1, "", "a NAT gateway stands in a subnet", create("AWS::EC2::NatGateway", object{"SubnetId": link{"NetworkIsolated1Subnet", "SubnetId"}, "ConnectivityType": "private"}), []string{"NoWayOut"}},
	{1, "", "an internet gateway is there", create("AWS::EC2::InternetGateway", object{}), []string{"NoWayOut"}},
	{1, "", "the VPC is peered with another", create("AWS::EC2::VPCPeeringConnection", object{"VpcId": vpc, "PeerVpcId": "vpc-0other"}), []string{"NoWayOut"}},
	{1, "", "an IPv6 gateway lets out", create("AWS::EC2::EgressOnlyInternetGateway", object{"VpcId": vpc}), []string{"NoWayOut"}},
	{1, "", "the VPC hangs on a transit gateway", create("AWS::EC2::TransitGatewayAttachment", object{"VpcId": vpc, "TransitGatewayId": "tgw-0"}), []string{"NoWayOut"}},
	{1, "", "a default route leads out", create("AWS::EC2::Route", object{"RouteTableId": link{"NetworkIsolated", "RouteTableId"}, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-0"}), []string{"NoRoute"}},
	{1, "", "interfaces of a subnet get public addresses", set("NetworkIsolated2Subnet", "Properties.MapPublicIpOnLaunch", true), []string{"NoPublicAddress"}},

	{2, "", "the KMS endpoint is missing", drop("NetworkKMSEndpoint"), []string{"EveryServiceHasAnEndpoint"}},
	{2, "", "the Bedrock runtime endpoint is missing", drop("NetworkBedrockRuntimeEndpoint"), []string{"EveryServiceHasAnEndpoint"}},
	{2, "", "the S3 endpoint is missing", drop("NetworkS3Endpoint"), []string{"EveryServiceHasAnEndpoint", "S3EndpointIsRouted"}},
	{2, "", "the metrics endpoint is missing", drop("NetworkCloudWatchEndpoint"), []string{"EveryServiceHasAnEndpoint"}},
	{2, "", "Bedrock's usual name does not lead to its endpoint", set("NetworkBedrockEndpoint", "Properties.PrivateDnsEnabled", false), []string{"EndpointsAnswerToUsualNames"}},
	{2, "", "names are not looked up in the VPC", set("NetworkVPC", "Properties.EnableDnsSupport", false), []string{"EndpointsAnswerToUsualNames"}},
	{2, "", "a subnet has no route to the S3 endpoint", drop("NetworkIsolated3Routes"), []string{"S3EndpointIsRouted"}},
	{2, "", "the S3 endpoint is on no route table", set("NetworkS3Endpoint", "Properties.RouteTableIds", []any{}), []string{"S3EndpointIsRouted"}},

	{3, "", "the S3 endpoint has no policy", unset("NetworkS3Endpoint", "Properties.PolicyDocument"), []string{"EndpointsHaveAPolicy"}},
	{3, "", "the Bedrock endpoint has no policy", unset("NetworkBedrockEndpoint", "Properties.PolicyDocument"), []string{"EndpointsHaveAPolicy"}},
	{3, "", "the S3 endpoint admits other accounts", change("NetworkS3Endpoint", "UseObjects", "Condition", nil), []string{"EndpointsAdmitThisAccountOnly"}},
	{3, "", "the Bedrock runtime endpoint admits other accounts", change("NetworkBedrockRuntimeEndpoint", "Ask", "Condition", nil), []string{"EndpointsAdmitThisAccountOnly"}},
	{3, "", "the KMS endpoint compares the account only if the request names one", change("NetworkKMSEndpoint", "DescribeKey", "Condition", object{"StringNotEquals": object{"aws:PrincipalAccount": foreignAccount}}), []string{"EndpointsAdmitThisAccountOnly"}},
	{3, "", "the S3 endpoint compares the account only if there is one", change("NetworkS3Endpoint", "UseObjects", "Condition", object{"StringEqualsIfExists": object{"aws:PrincipalAccount": Account}}), []string{"EndpointsAdmitThisAccountOnly"}},
	{3, "", "the S3 endpoint admits an organization", change("NetworkS3Endpoint", "UseObjects", "Condition", object{"StringEquals": object{"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}), []string{"NoPolicyAdmitsAnotherAccount"}},
	{3, "", "the S3 endpoint lets every action through", change("NetworkS3Endpoint", "UseObjects", "Action", "s3:*"), []string{"EndpointsAdmitUsedActionsOnly"}},
	{3, "", "the Bedrock endpoint lets custom models be deleted", also("NetworkBedrockEndpoint", "Tune", "bedrock:DeleteCustomModel"), []string{"EndpointsAdmitUsedActionsOnly"}},
	{3, "", "the KMS endpoint lets the key be used", also("NetworkKMSEndpoint", "DescribeKey", "kms:Decrypt"), []string{"EndpointsAdmitUsedActionsOnly"}},
	{3, "", "the S3 endpoint leads to every bucket", change("NetworkS3Endpoint", "UseObjects", "Resource", "*"), []string{"EndpointsAdmitOurResourcesOnly"}},
	{3, "", "the runtime endpoint asks models of other accounts", change("NetworkBedrockRuntimeEndpoint", "Ask", "Resource", "arn:aws:bedrock:*:*:custom-model-deployment/*"), []string{"EndpointsAdmitOurResourcesOnly"}},
	{3, "", "the S3 endpoint keeps versions from being read", but("NetworkS3Endpoint", "UseObjects", "s3:GetObjectVersion"), []string{"EndpointsAdmitWhatIsUsed"}},
	{3, "strict", "the door of the private API admits other accounts", change("InferenceDoor", "AskModels", "Condition", nil), []string{"EndpointsAdmitThisAccountOnly"}},
	{3, "inside", "the door for tokens lets everything through", change("InferenceDoor", "AskModels", "Action", "execute-api:*"), []string{"EndpointsAdmitUsedActionsOnly", "NothingByException"}},

	{4, "", "the endpoints' group admits every address", set("NetworkFunctionAtEndpoint", "Properties.SourceSecurityGroupId", nil), []string{"GroupsAdmitGroupsOnly"}},
	{4, "", "the endpoints' group admits the internet", create("AWS::EC2::SecurityGroupIngress", object{"GroupId": link{"NetworkEndpointGroup", "GroupId"}, "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}), []string{"GroupsAdmitGroupsOnly"}},
	{4, "", "the endpoints' group admits every port", set("NetworkJobAtEndpoint", "Properties.ToPort", 65535), []string{"GroupsAdmitGroupsOnly"}},
	{4, "", "the functions' group lets everything out", unset("NetworkFunctionGroup", "Properties.SecurityGroupEgress"), []string{"GroupsLeadToEndpointsOnly"}},
	{4, "", "the job's group lets out to every address", set("NetworkJobGroup", "Properties.SecurityGroupEgress.0", object{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}), []string{"GroupsLeadToEndpointsOnly"}},
	{4, "", "jobs reach the functions", set("NetworkJobToEndpoint", "Properties.DestinationSecurityGroupId", link{"NetworkFunctionGroup", "GroupId"}), []string{"GroupsLeadToEndpointsOnly", "EndpointsAreReached"}},
	{4, "", "functions reach any port of the endpoints", set("NetworkFunctionToEndpoint", "Properties.IpProtocol", "-1"), []string{"GroupsLeadToEndpointsOnly"}},
	{4, "", "a function is in the VPC's default group", unset("FunctionsInvokeFunction", "Properties.VpcConfig.SecurityGroupIds"), []string{"EveryInterfaceHasAGroup"}},
	{4, "", "an endpoint is in the VPC's default group", unset("NetworkKMSEndpoint", "Properties.SecurityGroupIds"), []string{"EveryInterfaceHasAGroup"}},
	{4, "", "functions do not reach the endpoints", drop("NetworkFunctionToEndpoint"), []string{"EndpointsAreReached"}},

	{5, "", "the VPC has no flow log", drop("NetworkFlowLog"), []string{"FlowLog"}},
	{5, "", "the flow log has refused connections only", set("NetworkFlowLog", "Properties.TrafficType", "REJECT"), []string{"FlowLog"}},
	{5, "", "the flow log goes to a group that is not there", set("NetworkFlowLog", "Properties.LogGroupName", "elsewhere"), []string{"FlowLog"}},
	{5, "", "the VPC's flow log is written with another role", set("NetworkFlowLog", "Properties.DeliverLogsPermissionArn", link{"WorkflowRole", "Arn"}), []string{"WorkIsDoneWithItsOwnRole"}},
	{2, "", "the Bedrock endpoint is no interface", unset("NetworkBedrockEndpoint", "Properties.VpcEndpointType"), []string{"EndpointsAnswerToUsualNames"}},
	{5, "", "a function is in one zone", set("FunctionsSubmitFunction", "Properties.VpcConfig.SubnetIds", []any{link{"NetworkIsolated1Subnet", "SubnetId"}}), []string{"Zones"}},
	{5, "", "an endpoint is in one zone", set("NetworkBedrockEndpoint", "Properties.SubnetIds", []any{link{"NetworkIsolated2Subnet", "SubnetId"}}), []string{"Zones"}},
}
