package template

// The tables below hold every resource type the rehearsal knows, with what Ref
// and Fn::GetAtt answer for it, after the "Return values" of each type in the
// CloudFormation template reference. The forms of ids follow the services'
// API references: 17 hexadecimal digits for EC2, a UUID for KMS, 10 lower case
// letters and digits for a REST API.
var serviceKinds = map[string]kind{
	"AWS::CDK::Metadata": {generated: "{uuid}"},

	"AWS::S3::Bucket": {nameProperty: "BucketName", generated: "{uniqueLower}", attributes: map[string]string{
		"Arn":                 "arn:{partition}:s3:::{name}",
		"DomainName":          "{name}.s3.{suffix}",
		"RegionalDomainName":  "{name}.s3.{region}.{suffix}",
		"DualStackDomainName": "{name}.s3.dualstack.{region}.{suffix}",
	}},
	"AWS::S3::BucketPolicy": {ref: "{property:Bucket}"},

	"AWS::KMS::Key": {generated: "{uuid}", attributes: map[string]string{
		"Arn":   "arn:{partition}:kms:{region}:{account}:key/{name}",
		"KeyId": "{name}",
	}},
	"AWS::KMS::Alias": {ref: "{property:AliasName}"},

	"AWS::IAM::Role": {nameProperty: "RoleName", generated: "{unique}", attributes: map[string]string{
		"Arn":    "arn:{partition}:iam::{account}:role{path}{name}",
		"RoleId": "AROA{base:17}",
	}},
	"AWS::IAM::Policy":     {generated: "{unique}", attributes: map[string]string{"Id": "{name}"}},
	"AWS::IAM::RolePolicy": {ref: "{property:PolicyName}|{property:RoleName}"},
	"AWS::IAM::ManagedPolicy": {
		nameProperty: "ManagedPolicyName", generated: "{unique:128}",
		ref:        managedPolicyARN,
		attributes: map[string]string{"PolicyArn": managedPolicyARN, "PolicyId": "ANPA{base:17}"},
	},

	"AWS::Lambda::Function": {nameProperty: "FunctionName", generated: "{unique}", attributes: map[string]string{
		"Arn": "arn:{partition}:lambda:{region}:{account}:function:{name}",
	}},
	"AWS::Lambda::Version": {
		ref: "arn:{partition}:lambda:{region}:{account}:function:{function}:1",
		attributes: map[string]string{
			"Version":     "1",
			"FunctionArn": "arn:{partition}:lambda:{region}:{account}:function:{function}:1",
		},
	},
	"AWS::Lambda::Alias": {
		ref: lambdaAliasARN, attributes: map[string]string{"AliasArn": lambdaAliasARN},
	},
	"AWS::Lambda::Permission":        {generated: "{unique:100}", attributes: map[string]string{"Id": "{name}"}},
	"AWS::Lambda::EventInvokeConfig": {generated: "{unique}"},

	"AWS::Logs::LogGroup": {nameProperty: "LogGroupName", generated: "{unique:512}", attributes: map[string]string{
		"Arn": "arn:{partition}:logs:{region}:{account}:log-group:{name}:*",
	}},
	"AWS::CloudTrail::Trail": {nameProperty: "TrailName", generated: "{unique:128}", attributes: map[string]string{
		"Arn": "arn:{partition}:cloudtrail:{region}:{account}:trail/{name}",
	}},
	"AWS::Logs::MetricFilter":         {nameProperty: "FilterName", generated: "{unique:512}"},
	"AWS::Logs::ResourcePolicy":       {ref: "{property:PolicyName}"},
	"AWS::CloudWatch::Alarm":          {nameProperty: "AlarmName", generated: "{unique:255}", attributes: alarmAttributes},
	"AWS::CloudWatch::Dashboard":      {nameProperty: "DashboardName", generated: "{unique:255}"},
	"AWS::SSM::Parameter":             {nameProperty: "Name", generated: "{unique:255}", attributes: map[string]string{"Type": "{property:Type}", "Value": "{property:Value}"}},
	"AWS::CloudWatch::CompositeAlarm": {nameProperty: "AlarmName", generated: "{unique:255}", attributes: alarmAttributes},

	"AWS::StepFunctions::StateMachine": {
		nameProperty: "StateMachineName", generated: "{unique:80}",
		ref: stateMachineARN,
		attributes: map[string]string{
			"Arn": stateMachineARN, "Name": "{name}", "StateMachineRevisionId": "{uuid:revision}",
		},
	},
	"AWS::Events::Rule": {nameProperty: "Name", generated: "{unique}", attributes: map[string]string{
		"Arn": "arn:{partition}:events:{region}:{account}:rule/{name}",
	}},

	"AWS::SQS::Queue": {
		nameProperty: "QueueName", generated: "{unique:80}",
		ref: queueURL,
		attributes: map[string]string{
			"Arn": "arn:{partition}:sqs:{region}:{account}:{name}", "QueueName": "{name}", "QueueUrl": queueURL,
		},
	},
	"AWS::SQS::QueuePolicy": {generated: "{unique:100}", attributes: map[string]string{"Id": "{name}"}},
	"AWS::SNS::Topic": {
		nameProperty: "TopicName", generated: "{unique:256}",
		ref:        topicARN,
		attributes: map[string]string{"TopicArn": topicARN, "TopicName": "{name}"},
	},
	"AWS::SNS::TopicPolicy": {generated: "{unique:100}", attributes: map[string]string{"Id": "{name}"}},
	"AWS::SNS::Subscription": {
		ref: "{property:TopicArn}:{uuid}", attributes: map[string]string{"Arn": "{property:TopicArn}:{uuid}"},
	},
}

const (
	managedPolicyARN = "arn:{partition}:iam::{account}:policy{path}{name}"
	lambdaAliasARN   = "arn:{partition}:lambda:{region}:{account}:function:{function}:{property:Name}"
	stateMachineARN  = "arn:{partition}:states:{region}:{account}:stateMachine:{name}"
	queueURL         = "https://sqs.{region}.{suffix}/{account}/{name}"
	topicARN         = "arn:{partition}:sns:{region}:{account}:{name}"
)

var alarmAttributes = map[string]string{"Arn": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}"}

var networkKinds = map[string]kind{
	"AWS::EC2::VPC": {
		generated: "vpc-{hex:17}",
		attributes: map[string]string{
			"VpcId": "{name}", "CidrBlock": "{property:CidrBlock}",
			"DefaultSecurityGroup": "sg-{hex:17 default security group}",
			"DefaultNetworkAcl":    "acl-{hex:17 default network acl}",
		},
		lists: map[string][]string{
			"CidrBlockAssociations": {"vpc-cidr-assoc-{hex:17 cidr}"}, "Ipv6CidrBlocks": {},
		},
	},
	"AWS::EC2::Subnet": {
		generated: "subnet-{hex:17}",
		attributes: map[string]string{
			"SubnetId": "{name}", "VpcId": "{property:VpcId}", "CidrBlock": "{property:CidrBlock}",
			"AvailabilityZone":        "{property:AvailabilityZone}",
			"NetworkAclAssociationId": "aclassoc-{hex:17 acl}",
		},
		lists: map[string][]string{"Ipv6CidrBlocks": {}},
	},
	"AWS::EC2::SecurityGroup": {generated: "sg-{hex:17}", attributes: map[string]string{
		"GroupId": "{name}", "Id": "{name}", "VpcId": "{property:VpcId}",
	}},
	"AWS::EC2::SecurityGroupIngress": {generated: "sgr-{hex:17}", attributes: map[string]string{"Id": "{name}"}},
	"AWS::EC2::SecurityGroupEgress":  {generated: "sgr-{hex:17}", attributes: map[string]string{"Id": "{name}"}},
	"AWS::EC2::VPCEndpoint": {
		generated:  "vpce-{hex:17}",
		attributes: map[string]string{"Id": "{name}", "CreationTimestamp": "2025-01-01T00:00:00Z"},
		lists: map[string][]string{
			"NetworkInterfaceIds": {"eni-{hex:17 0}"},
			"DnsEntries":          {"Z{upper:13 zone}:{name}-{lower:8 dns}.{region}.vpce.{suffix}"},
		},
	},
	"AWS::EC2::RouteTable":                  {generated: "rtb-{hex:17}", attributes: map[string]string{"RouteTableId": "{name}"}},
	"AWS::EC2::SubnetRouteTableAssociation": {generated: "rtbassoc-{hex:17}", attributes: map[string]string{"Id": "{name}"}},
	"AWS::EC2::FlowLog":                     {generated: "fl-{hex:17}", attributes: map[string]string{"Id": "{name}"}},
}

var apiKinds = map[string]kind{
	"AWS::ApiGateway::RestApi": {generated: "{lower:10}", attributes: map[string]string{
		"RestApiId": "{name}", "RootResourceId": "{lower:10 root}",
	}},
	"AWS::ApiGateway::Resource":         {generated: "{lower:6}", attributes: map[string]string{"ResourceId": "{name}"}},
	"AWS::ApiGateway::Method":           {generated: "{unique:100}"},
	"AWS::ApiGateway::Deployment":       {generated: "{lower:6}", attributes: map[string]string{"DeploymentId": "{name}"}},
	"AWS::ApiGateway::Stage":            {ref: "{property:StageName}"},
	"AWS::ApiGateway::Account":          {generated: "{unique:100}", attributes: map[string]string{"Id": "{name}"}},
	"AWS::ApiGateway::Model":            {nameProperty: "Name", generated: "{mixed:20}"},
	"AWS::ApiGateway::Authorizer":       {generated: "{lower:6}", attributes: map[string]string{"AuthorizerId": "{name}"}},
	"AWS::ApiGateway::ApiKey":           {generated: "{lower:10}", attributes: map[string]string{"APIKeyId": "{name}"}},
	"AWS::ApiGateway::UsagePlan":        {generated: "{lower:6}", attributes: map[string]string{"Id": "{name}"}},
	"AWS::ApiGateway::UsagePlanKey":     {generated: "{property:KeyId}:{property:UsagePlanId}", attributes: map[string]string{"Id": "{name}"}},
	"AWS::ApiGateway::GatewayResponse":  {generated: "{lower:10}", attributes: map[string]string{"Id": "{name}"}},
	"AWS::ApiGateway::RequestValidator": {generated: "{lower:6}", attributes: map[string]string{"RequestValidatorId": "{name}"}},
}
