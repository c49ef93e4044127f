package security

import "slices"

// elsewhere is an account that no assertion asks about by name: what these mutations
// do must be found by what may be there, and not by who comes.
const elsewhere = "123456789012"

// strangerMutations come from a reader who did not know the assertions: types and
// properties of resources, values, firewall and machines.
var strangerMutations = slices.Concat(typeMutations, propertyMutations, valueMutations, wayMutations, openMutations, stepMutations)

// perhaps is a refusal of which nobody can say whether it holds: AWS does not say what
// a negated condition makes of a variable without a value.
func perhaps(action string, resource any) object {
	return object{"Sid": "Perhaps", "Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource, "Condition": object{
		"StringNotEquals": object{"aws:PrincipalArn": "${aws:PrincipalTag/nobody}"},
	}}
}

// openMutations leave it open whether what the pipeline does is let through.
var openMutations = []mutation{
	{12, "", "objects are perhaps refused to everybody", beside("StoragePolicy", "DenyWithoutTLS", perhaps("s3:*", objectsIn("StorageBucket"))), []string{"BucketStaysUsable"}},
	{7, "", "the key is perhaps refused to everybody", beside("Key", "AdministerWithoutUsing", perhaps("kms:*", "*")), []string{"KeyIsUsable", "GrantsOnTheKeyAreGood"}},
}

// everybody is a policy that lets everybody do something.
func everybody(action string, resource any) object {
	return object{"Version": "2012-10-17", "Statement": []any{object{"Sid": "X", "Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource}}}
}

// typeMutations are resources of types that nobody looked at, by the control they break.
var typeMutations = []mutation{
	{1, "", "names are looked up outside", create("AWS::Route53Resolver::ResolverEndpoint", object{"Direction": "OUTBOUND", "IpAddresses": []any{object{"SubnetId": link{"NetworkIsolated1Subnet", "SubnetId"}}}}), []string{"OnlyKnownTypes"}},
	{1, "", "the VPC hangs on a wide area network", create("AWS::NetworkManager::VpcAttachment", object{"CoreNetworkId": "core-network-0", "VpcArn": "arn:aws:ec2:us-east-1:" + Account + ":vpc/vpc-0"}), []string{"OnlyKnownTypes"}},
	{9, "", "an access point lets everybody read", create("AWS::S3::AccessPoint", object{"Bucket": link{"StorageBucket", ""}, "Policy": everybody("s3:GetObject", "*")}), []string{"OnlyKnownTypes"}},
	{25, "", "a domain of its own speaks TLS 1.0", create("AWS::ApiGateway::DomainName", object{"DomainName": "models.example.com", "SecurityPolicy": "TLS_1_0"}), []string{"OnlyKnownTypes"}},
	{36, "", "all logs of the account are carried on", create("AWS::Logs::AccountPolicy", object{"PolicyName": "x", "PolicyType": "SUBSCRIPTION_FILTER_POLICY", "PolicyDocument": `{"DestinationArn":"arn:aws:logs:us-east-1:` + elsewhere + `:destination:x"}`}), []string{"OnlyKnownTypes"}},
	{38, "", "a second policy opens the topic", create("AWS::SNS::TopicInlinePolicy", object{"TopicArn": link{"NoticesTopic", ""}, "PolicyDocument": everybody("sns:Subscribe", "*")}), []string{"OnlyKnownTypes"}},
	{38, "", "a second policy opens the queue", create("AWS::SQS::QueueInlinePolicy", object{"Queue": link{"NoticesDeadLetters", ""}, "PolicyDocument": everybody("sqs:ReceiveMessage", "*")}), []string{"OnlyKnownTypes"}},
	{38, "", "a pipe carries the queue away", create("AWS::Pipes::Pipe", object{"Source": link{"NoticesDeadLetters", "Arn"}, "Target": "arn:aws:sqs:us-east-1:" + elsewhere + ":x", "RoleArn": link{"SweepRole", "Arn"}}), []string{"OnlyKnownTypes"}},
	{38, "", "failed calls of a function go elsewhere", create("AWS::Lambda::EventInvokeConfig", object{"FunctionName": link{"FunctionsInvokeFunction", ""}, "Qualifier": "$LATEST", "DestinationConfig": object{"OnFailure": object{"Destination": "arn:aws:sqs:us-east-1:" + elsewhere + ":x"}}}), []string{"OnlyKnownTypes"}},
	{44, "", "a nested stack holds what nobody sees", create("AWS::CloudFormation::Stack", object{"TemplateURL": "https://templates.example.net/x.json"}), []string{"OnlyKnownTypes"}},
}

// propertyMutations are properties that nobody looked at.
var propertyMutations = []mutation{
	{6, "", "the key's material comes from outside", set("Key", "Properties.Origin", "EXTERNAL"), []string{"OnlyKnownProperties"}},
	{6, "", "the key can be copied to other Regions", set("Key", "Properties.MultiRegion", true), []string{"OnlyKnownProperties"}},
	{6, "", "the key is disabled", set("Key", "Properties.Enabled", false), []string{"OnlyKnownProperties"}},
	{6, "", "the key rotates every seven years", set("Key", "Properties.RotationPeriodInDays", 2560), []string{"OnlyKnownProperties"}},
	{9, "", "the bucket is copied to another account", set("StorageBucket", "Properties.ReplicationConfiguration", object{"Role": link{"CustomizationRole", "Arn"}, "Rules": []any{object{"Status": "Enabled", "Destination": object{"Bucket": "arn:aws:s3:::collector", "Account": elsewhere}}}}), []string{"OnlyKnownProperties"}},
	{9, "", "another account is told every object's name", set("StorageBucket", "Properties.InventoryConfigurations", []any{object{"Id": "x", "Enabled": true, "Destination": object{"BucketArn": "arn:aws:s3:::collector", "BucketAccountId": elsewhere, "Format": "CSV"}}}), []string{"OnlyKnownProperties"}},
	{5, "", "the flow log names no addresses", set("NetworkFlowLog", "Properties.LogFormat", "${account-id}"), []string{"OnlyKnownProperties"}},
	{22, "", "a function stays on an old runtime", set("FunctionsInvokeFunction", "Properties.RuntimeManagementConfig", object{"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": "arn:aws:lambda:us-east-1::runtime:0"}), []string{"OnlyKnownProperties"}},
	{22, "", "a function has a file system", set("FunctionsInvokeFunction", "Properties.FileSystemConfigs", []any{object{"Arn": "arn:aws:elasticfilesystem:us-east-1:" + elsewhere + ":access-point/fsap-0", "LocalMountPath": "/mnt/x"}}), []string{"OnlyKnownProperties"}},
	{25, "", "a route is in the API's body", set("InferenceAPI", "Properties.Body", object{"openapi": "3.0.1", "paths": object{"/open": object{"get": object{"x-amazon-apigateway-auth": object{"type": "NONE"}}}}}), []string{"OnlyKnownProperties"}},
	{25, "", "the API has a cache", set("InferenceStage", "Properties.CacheClusterEnabled", true), []string{"OnlyKnownProperties"}},
	{25, "", "answers are kept for whoever asks next", set("InferenceStage", "Properties.MethodSettings.0.CachingEnabled", true), []string{"OnlyKnownProperties"}},
	{25, "", "half of the callers reach another deployment", set("InferenceStage", "Properties.CanarySetting", object{"PercentTraffic": 50}), []string{"OnlyKnownProperties"}},
	{25, "", "every web page may read refusals", set("InferenceResponseDEFAULT4XX", "Properties.ResponseParameters", object{"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}), []string{"OnlyKnownProperties"}},
	{23, "", "a function logs all that its code traces", set("FunctionsInvokeFunction", "Properties.LoggingConfig.ApplicationLogLevel", "TRACE"), []string{"OnlyKnownProperties"}},
	{31, "", "sweeps begin in 2099", set("SweepSchedule", "Properties.StartDate", "2099-01-01T00:00:00Z"), []string{"OnlyKnownProperties"}},
	{37, "", "an alarm has a unit that no metric has", set("ObservabilityInvokeErrors", "Properties.Unit", "Seconds"), []string{"OnlyKnownProperties"}},
	{27, "bearer", "the firewall looks at requests from one country", set("InferenceFirewall", "Properties.Rules.3.Statement.ManagedRuleGroupStatement.ScopeDownStatement", object{"GeoMatchStatement": object{"CountryCodes": []any{"AQ"}}}), []string{"OnlyKnownProperties", "FirewallHasManagedRules"}},
}

// valueMutations are values of properties that are known.
var valueMutations = []mutation{
	{7, "", "the key's name leads to another key", set("KeyAlias", "Properties.TargetKeyId", "11111111-2222-3333-4444-555555555555"), []string{"KeyNameLeadsToTheKey"}},
	{13, "", "everything ends after a day", more("StorageBucket", "Properties.LifecycleConfiguration.Rules", object{"Id": "x", "Status": "Enabled", "ExpirationInDays": 1}), []string{"CurrentVersionsStay"}},
	{13, "", "old versions end after a day", set("StorageBucket", "Properties.LifecycleConfiguration.Rules.1.NoncurrentVersionExpiration.NoncurrentDays", 1), []string{"CurrentVersionsStay"}},
	{13, "", "old versions stay for ever, but for accepted copies", set("StorageBucket", "Properties.LifecycleConfiguration.Rules.1.Prefix", "reports/"), []string{"CurrentVersionsStay"}},
	{40, "", "a function's code comes from another bucket", set("FunctionsValidateFunction", "Properties.Code.S3Bucket", "collector"), []string{"CodeIsBuiltHere"}},
	{40, "", "a function's code comes from another account's assets", set("FunctionsValidateFunction", "Properties.Code.S3Bucket", "cdk-hnb659fds-assets-"+elsewhere+"-us-east-1"), []string{"CodeIsBuiltHere"}},
	{40, "", "a function's code is whatever has a name", set("FunctionsValidateFunction", "Properties.Code.S3Key", "latest.zip"), []string{"CodeIsBuiltHere"}},
	{22, "", "a function is told another bucket", set("FunctionsValidateFunction", "Properties.Environment.Variables.TUNELINE_BUCKET", "collector"), []string{"FunctionsAreToldOurs"}},
	{22, "", "a function is told another endpoint of Bedrock", set("FunctionsInvokeFunction", "Properties.Environment.Variables.AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "https://collector.example.net"), []string{"FunctionsAreToldOurs"}},
	{22, "", "the teardown is told another machine", set("LifecycleFunction", "Properties.Environment.Variables.TUNELINE_RELEASE_STATE_MACHINE_ARN", "arn:aws:states:us-east-1:"+elsewhere+":stateMachine:x"), []string{"FunctionsAreToldOurs"}},
	{25, "", "the API takes a million requests a second", set("InferenceStage", "Properties.MethodSettings.0.ThrottlingRateLimit", 1_000_000), []string{"APIIsThrottled"}},
	{25, "", "a body may hold nothing", set("InferenceAPIConverseRequest", "Properties.Schema", object{"type": "object"}), []string{"BodiesAreValidated"}},
	{25, "", "a conversation's body is any object", set(methodOfConverse, "Properties.RequestModels", object{"application/json": link{"InferenceAPIInvokeRequest", ""}}), []string{"BodiesAreValidated"}},
	{25, "bearer", "anything is taken for a token", set("InferenceAuthorizer", "Properties.IdentityValidationExpression", ".*"), []string{"AuthorizerChecksTokens"}},
	{25, "bearer", "a token may stand anywhere in the header", set("InferenceAuthorizer", "Properties.IdentityValidationExpression", "[Bb]earer [-0-9A-Za-z._~+/]+"), []string{"AuthorizerChecksTokens"}},
	{27, "bearer", "a rule lets all paths past the others", more("InferenceFirewall", "Properties.Rules", object{"Name": "x", "Priority": 0, "Action": object{"Allow": object{}}, "Statement": object{"ByteMatchStatement": object{"SearchString": "/", "PositionalConstraint": "STARTS_WITH", "FieldToMatch": object{"UriPath": object{}}}}}), []string{"FirewallLetsNobodyPast", "OnlyKnownProperties"}},
	{27, "bearer", "an address may ask two billion times", set("InferenceFirewall", "Properties.Rules.0.Statement.RateBasedStatement.Limit", 2_000_000_000), []string{"FirewallLimitsRates"}},
	{27, "bearer", "callers say which address they have", set("InferenceFirewall", "Properties.Rules.0.Statement.RateBasedStatement.AggregateKeyType", "FORWARDED_IP"), []string{"FirewallLimitsRates"}},
	{31, "", "a sweep runs once a year", set("SweepSchedule", "Properties.ScheduleExpression", "rate(365 days)"), []string{"SweepsRun"}},
	{31, "", "a sweep runs every month", set("SweepSchedule", "Properties.ScheduleExpression", "rate(43200 minutes)"), []string{"SweepsRun"}},
	{31, "", "a machine may run states twice", set("WorkflowMachine", "Properties.StateMachineType", "EXPRESS"), []string{"MachinesAreStandard"}},
	{37, "", "an alarm wants two bad ends", both(set("ObservabilityExecutionsFailed", "Properties.ComparisonOperator", "GreaterThanThreshold"), set("ObservabilityExecutionsFailed", "Properties.Threshold", 1)), []string{"AlarmsCanRing"}},
	{38, "", "the queue is read without TLS", change("NoticesDeadLettersPolicy", "DenyWithoutTLS", "Action", "sqs:SendMessage"), []string{"ChannelsWantTLS"}},
	{41, "", "a teardown waits for nothing", unset("Lifecycle", "DependsOn"), []string{"TeardownReleasesFirst"}},
}

// wayMutations are ways that events, notices and connections go.
var wayMutations = []mutation{
	{1, "", "an endpoint leads to somebody's service", set("NetworkKMSEndpoint", "Properties.ServiceName", "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0"), []string{"EndpointsLeadToAWS"}},
	{1, "", "an endpoint leads to a service that nothing uses", create("AWS::EC2::VPCEndpoint", object{"ServiceName": "com.amazonaws.us-east-1.sts", "VpcEndpointType": "Interface", "PrivateDnsEnabled": true, "VpcId": vpc}), []string{"EndpointsLeadToAWS"}},
	{4, "", "functions reach the addresses of another list", create("AWS::EC2::SecurityGroupEgress", object{"GroupId": link{"NetworkFunctionGroup", "GroupId"}, "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "DestinationPrefixListId": "pl-0123456789abcdef0"}), []string{"EgressIsToS3sAddresses"}},
	{4, "", "a function is in another VPC's subnet as well", set("FunctionsInvokeFunction", "Properties.VpcConfig.SubnetIds.1", "subnet-0123456789abcdef0"), []string{"InterfacesAreWhereTheyBelong"}},
	{4, "", "a function is in the jobs' group", set("FunctionsInvokeFunction", "Properties.VpcConfig.SecurityGroupIds", []any{link{"NetworkJobGroup", "GroupId"}}), []string{"InterfacesAreWhereTheyBelong"}},
	{38, "", "a stranger's address is told of every end", create("AWS::SNS::Subscription", object{"TopicArn": link{"NoticesTopic", ""}, "Protocol": "https", "Endpoint": "https://collector.example.net/x"}), []string{"SubscribersArePeople"}},
	{38, "", "uploads are told to another account's bus", more("TriggerUpload", "Properties.Targets", object{"Id": "B", "Arn": "arn:aws:events:us-east-1:" + elsewhere + ":event-bus/x", "DeadLetterConfig": object{"Arn": link{"NoticesDeadLetters", "Arn"}}}), []string{"EventsStayHere"}},
}
