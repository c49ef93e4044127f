package security

import (
	"slices"
	"strings"
)

var knownAssertions = []Assertion{
	{"OnlyKnownTypes", 44, onlyKnownTypes},
	{"OnlyKnownProperties", 44, onlyKnownProperties},
}

// known are the types of resources that these promises are about, each with the
// properties it may have. What is not here was not thought about: a type may lead
// out of the VPC or open a bucket by itself, a property may copy one elsewhere. A
// type with a path behind it lists the members of what is there, in lists as well.
var known = map[string]string{
	"AWS::ApiGateway::Account":                            "CloudWatchRoleArn",
	"AWS::ApiGateway::ApiKey":                             "Description Enabled Name Tags",
	"AWS::ApiGateway::Authorizer":                         "AuthorizerResultTtlInSeconds AuthorizerUri IdentitySource IdentityValidationExpression Name RestApiId Type",
	"AWS::ApiGateway::Deployment":                         "RestApiId",
	"AWS::ApiGateway::GatewayResponse":                    "ResponseParameters ResponseTemplates ResponseType RestApiId StatusCode",
	"AWS::ApiGateway::GatewayResponse ResponseParameters": "gatewayresponse.header.Retry-After gatewayresponse.header.WWW-Authenticate",
	"AWS::ApiGateway::Method":                             "ApiKeyRequired AuthorizationType AuthorizerId HttpMethod Integration OperationName RequestModels RequestParameters RequestValidatorId ResourceId RestApiId",
	"AWS::ApiGateway::Method Integration":                 "IntegrationHttpMethod ResponseTransferMode TimeoutInMillis Type Uri",
	"AWS::ApiGateway::Model":                              "ContentType Description Name RestApiId Schema",
	"AWS::ApiGateway::RequestValidator":                   "RestApiId ValidateRequestBody ValidateRequestParameters",
	"AWS::ApiGateway::Resource":                           "ParentId PathPart RestApiId",
	"AWS::ApiGateway::RestApi":                            "Description EndpointAccessMode EndpointConfiguration Name Policy SecurityPolicy Tags",
	"AWS::ApiGateway::Stage":                              "AccessLogSetting DeploymentId MethodSettings RestApiId StageName Tags TracingEnabled",
	"AWS::ApiGateway::Stage MethodSettings":               "DataTraceEnabled HttpMethod LoggingLevel MetricsEnabled ResourcePath ThrottlingBurstLimit ThrottlingRateLimit",
	"AWS::ApiGateway::UsagePlan":                          "ApiStages Description Quota Tags Throttle UsagePlanName",
	"AWS::ApiGateway::UsagePlanKey":                       "KeyId KeyType UsagePlanId",

	"AWS::CloudWatch::Alarm": "AlarmActions AlarmDescription ComparisonOperator Dimensions EvaluationPeriods MetricName Namespace Period Statistic Tags Threshold TreatMissingData",
	"AWS::CloudTrail::Trail": "AdvancedEventSelectors CloudWatchLogsLogGroupArn CloudWatchLogsRoleArn EnableLogFileValidation IncludeGlobalServiceEvents IsLogging IsMultiRegionTrail KMSKeyId S3BucketName Tags TrailName",
	"AWS::Logs::LogGroup":    "KmsKeyId LogGroupName RetentionInDays Tags",

	"AWS::EC2::FlowLog":                     "DeliverLogsPermissionArn LogDestinationType LogGroupName ResourceId ResourceType Tags TrafficType",
	"AWS::EC2::RouteTable":                  "Tags VpcId",
	"AWS::EC2::SecurityGroup":               "GroupDescription SecurityGroupEgress Tags VpcId",
	"AWS::EC2::SecurityGroupEgress":         "Description DestinationSecurityGroupId FromPort GroupId IpProtocol ToPort",
	"AWS::EC2::SecurityGroupIngress":        "Description FromPort GroupId IpProtocol SourceSecurityGroupId ToPort",
	"AWS::EC2::Subnet":                      "AvailabilityZone CidrBlock MapPublicIpOnLaunch Tags VpcId",
	"AWS::EC2::SubnetRouteTableAssociation": "RouteTableId SubnetId",
	"AWS::EC2::VPC":                         "CidrBlock EnableDnsHostnames EnableDnsSupport Tags",
	"AWS::EC2::VPCEndpoint":                 "PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName SubnetIds Tags VpcEndpointType VpcId",

	"AWS::Events::Rule":                            "Description EventPattern State Tags Targets",
	"AWS::Events::Rule Targets":                    "Arn DeadLetterConfig Id InputTransformer RetryPolicy RoleArn",
	"AWS::Scheduler::Schedule":                     "Description FlexibleTimeWindow KmsKeyArn Name ScheduleExpression State Target",
	"AWS::Scheduler::Schedule Target":              "Arn DeadLetterConfig Input RetryPolicy RoleArn",
	"AWS::SNS::Subscription":                       "Endpoint Protocol TopicArn",
	"AWS::SNS::Topic":                              "DisplayName KmsMasterKeyId Tags",
	"AWS::SNS::TopicPolicy":                        "PolicyDocument Topics",
	"AWS::SQS::Queue":                              "KmsMasterKeyId MessageRetentionPeriod Tags",
	"AWS::SQS::QueuePolicy":                        "PolicyDocument Queues",
	"AWS::StepFunctions::StateMachine":             "DefinitionString DefinitionSubstitutions EncryptionConfiguration LoggingConfiguration RoleArn StateMachineName StateMachineType Tags TracingConfiguration",
	"AWS::Lambda::Function":                        "Architectures Code Description Environment Handler LoggingConfig MemorySize Role Runtime Tags Timeout TracingConfig VpcConfig",
	"AWS::Lambda::Function Code":                   "S3Bucket S3Key",
	"AWS::Lambda::Function Environment":            "Variables",
	"AWS::Lambda::Function LoggingConfig":          "LogFormat LogGroup",
	"AWS::Lambda::Function VpcConfig":              "SecurityGroupIds SubnetIds",
	"AWS::Lambda::Permission":                      "Action FunctionName Principal SourceAccount SourceArn",
	"Custom::TunelineLifecycle":                    "ServiceTimeout ServiceToken",
	"AWS::IAM::ManagedPolicy":                      "Description PolicyDocument Roles",
	"AWS::IAM::Role":                               "AssumeRolePolicyDocument Description Path PermissionsBoundary Policies Tags",
	"AWS::KMS::Alias":                              "AliasName TargetKeyId",
	"AWS::KMS::Key":                                "Description EnableKeyRotation KeyPolicy KeySpec KeyUsage PendingWindowInDays Tags",
	"AWS::S3::Bucket":                              "BucketEncryption LifecycleConfiguration LoggingConfiguration NotificationConfiguration OwnershipControls PublicAccessBlockConfiguration Tags VersioningConfiguration",
	"AWS::S3::Bucket LifecycleConfiguration":       "Rules",
	"AWS::S3::Bucket NotificationConfiguration":    "EventBridgeConfiguration",
	"AWS::S3::Bucket LifecycleConfiguration Rules": "AbortIncompleteMultipartUpload ExpirationInDays ExpiredObjectDeleteMarker Id NoncurrentVersionExpiration Prefix Status",
	"AWS::S3::BucketPolicy":                        "Bucket PolicyDocument",

	"AWS::WAFv2::LoggingConfiguration":                             "LogDestinationConfigs RedactedFields ResourceArn",
	"AWS::WAFv2::WebACLAssociation":                                "ResourceArn WebACLArn",
	"AWS::WAFv2::WebACL":                                           "DataProtectionConfig DefaultAction Description Rules Scope Tags VisibilityConfig",
	"AWS::WAFv2::WebACL Rules":                                     "Action Name OverrideAction Priority Statement VisibilityConfig",
	"AWS::WAFv2::WebACL Rules Action":                              "Block",
	"AWS::WAFv2::WebACL Rules Statement":                           "ManagedRuleGroupStatement RateBasedStatement",
	"AWS::WAFv2::WebACL Rules Statement RateBasedStatement":        "AggregateKeyType EvaluationWindowSec Limit",
	"AWS::WAFv2::WebACL Rules Statement ManagedRuleGroupStatement": "Name RuleActionOverrides VendorName",
}

func onlyKnownTypes(t *Template) (f Findings) {
	for _, id := range sortedKeys(t.Resources) {
		if kind := t.Resources[id].Type; known[kind] == "" {
			f.add(id, "%s is a type that no promise is made about", kind)
		}
	}
	return f
}

// onlyKnownProperties looks at the resources of known types.
func onlyKnownProperties(t *Template) (f Findings) {
	for _, id := range sortedKeys(t.Resources) {
		if r := t.Resources[id]; known[r.Type] != "" {
			eachUnknown(r.Type, r.Properties, func(path string) {
				f.add(id, "%s is a property that no promise is made about", path)
			})
		}
	}
	return f
}

// eachUnknown calls with every member of a value, or of those in a list, that the
// path does not list. What is at a path that lists nothing is not looked into.
func eachUnknown(path string, value any, do func(path string)) {
	if known[path] == "" {
		return
	}
	for _, item := range items(value) {
		members, _ := item.(object)
		for _, name := range sortedKeys(members) {
			if !slices.Contains(strings.Fields(known[path]), name) {
				do(path + " " + name)
			}
			eachUnknown(path+" "+name, members[name], do)
		}
	}
}
