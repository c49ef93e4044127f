package security

import (
	"regexp"
	"slices"
)

// placeholders are the names in a grant that stand for a resource of the template.
var placeholders = regexp.MustCompile(`\{((?:ref )?[A-Z]\w*)\}`)

// Conditions that many grants have.
const (
	ofTheStack     = "StringEquals aws:ResourceTag/tuneline:stack tuneline"
	forTheStack    = "StringEquals aws:RequestTag/tuneline:stack tuneline"
	throughS3      = "StringEquals kms:ViaService s3.REGION.amazonaws.com"
	throughBedrock = "StringEquals kms:ViaService bedrock.REGION.amazonaws.com"
	throughSQS     = "StringEquals kms:ViaService sqs.REGION.amazonaws.com"
	throughSNS     = "StringEquals kms:ViaService sns.REGION.amazonaws.com"
	byBedrock      = throughBedrock + " and Bool kms:GrantIsForAWSResource true"
	ofAJob         = "ArnEquals ec2:ResourceTag/BedrockModelCustomizationJobArn MODEL:model-customization-job/* and StringEquals ec2:ResourceTag/BedrockManaged true" +
		" and ArnEquals ec2:Subnet {subnets}"
	forAJob = "ArnEquals aws:RequestTag/BedrockModelCustomizationJobArn MODEL:model-customization-job/* and StringEquals aws:RequestTag/BedrockManaged true"
)

// The bucket, and the kinds of models.
const (
	inBucket    = "{StorageBucket}/"
	jobs        = "MODEL:model-customization-job/*"
	custom      = "MODEL:custom-model/*"
	deployments = "MODEL:custom-model-deployment/*"
	provisioned = "MODEL:provisioned-model/*"
	base        = "BASE:foundation-model/*"
)

// running is what each function is allowed for its log and traces.
func running(logGroup string) []grant {
	return []grant{
		{does: "logs:CreateLogStream logs:PutLogEvents", on: "{" + logGroup + "}"},
		{does: "xray:PutTraceSegments xray:PutTelemetryRecords", on: "*"},
	}
}

// attaching is what Lambda is allowed for a function in the VPC, and its code is not.
const attaching = "ec2:CreateNetworkInterface ec2:DescribeNetworkInterfaces ec2:DescribeSubnets ec2:DeleteNetworkInterface ec2:AssignPrivateIpAddresses " +
	"ec2:UnassignPrivateIpAddresses"

// inside is what each function in the VPC is allowed, and more.
func inside(logGroup string, more ...grant) []grant {
	return slices.Concat(running(logGroup), []grant{
		{does: attaching, on: "*"},
		{does: attaching, on: "*", when: "ArnLike lambda:SourceFunctionArn arn:aws:lambda:REGION:ACCOUNT:function:*", not: true},
	}, more)
}

// machine is what each state machine is allowed, with the functions that it calls.
func machine(name, functions string) []grant {
	return []grant{
		{does: "lambda:InvokeFunction", on: functions},
		{does: "sns:Publish", on: "{NoticesTopic}"},
		{does: "logs:CreateLogDelivery logs:GetLogDelivery logs:UpdateLogDelivery logs:DeleteLogDelivery logs:ListLogDeliveries logs:PutResourcePolicy " +
			"logs:DescribeResourcePolicies logs:DescribeLogGroups xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets", on: "*"},
		{does: "kms:Decrypt kms:GenerateDataKey", on: "{Key}", when: "StringEquals kms:EncryptionContext:aws:states:stateMachineArn arn:aws:states:REGION:ACCOUNT:stateMachine:" + name},
		{does: "kms:GenerateDataKey", on: "{Key}", when: "StringEquals kms:EncryptionContext:SourceArn arn:aws:logs:REGION:ACCOUNT:*"},
		{does: "kms:Decrypt kms:GenerateDataKey", on: "{Key}", when: throughSNS},
	}
}

func takesSignatures(t *Template) bool { return !t.takesTokens() }
func hasNoGuardrail(t *Template) bool  { return !t.hasGuardrail() }

// asking are the actions that ask a model.
const asking = "bedrock:InvokeModel bedrock:InvokeModelWithResponseStream"

// grants are the permissions of each role: all it has, and none that it has not.
var grants = map[string][]grant{
	"FunctionsValidateRole": inside("FunctionsValidateLogGroup",
		grant{does: "s3:GetObject s3:GetObjectVersion", on: inBucket + "fine-tuning-datasets/* " + inBucket + "validation-datasets/*"},
		grant{does: "s3:PutObject s3:AbortMultipartUpload", on: inBucket + "accepted/*"},
		grant{does: "s3:GetObject s3:PutObject", on: inBucket + "runs/*"},
		grant{does: "s3:GetObject", on: inBucket + "registry/*"},
		grant{does: "s3:PutObject", on: inBucket + "reports/*"},
		grant{does: "s3:ListBucket", on: "{StorageBucket}", when: "StringLikeIfExists s3:prefix fine-tuning-datasets/* validation-datasets/* media/* runs/* registry/*"},
		grant{does: "kms:Decrypt kms:GenerateDataKey", on: "{Key}", when: throughS3},
	),
	"FunctionsSubmitRole": inside("FunctionsSubmitLogGroup",
		grant{does: "bedrock:CreateModelCustomizationJob bedrock:TagResource", on: jobs + " " + custom, when: forTheStack},
		grant{does: "bedrock:CreateModelCustomizationJob bedrock:GetFoundationModel", on: "{tunable}"},
		grant{does: "bedrock:GetModelCustomizationJob", on: jobs},
		grant{does: "bedrock:GetCustomModel", on: custom},
		grant{does: "bedrock:StopModelCustomizationJob", on: jobs, when: ofTheStack},
		grant{does: "iam:PassRole", on: "{CustomizationRole}", when: "StringEquals iam:PassedToService bedrock.amazonaws.com"},
		grant{does: "kms:DescribeKey", on: "{Key}"},
		grant{does: "kms:Decrypt kms:GenerateDataKey", on: "{Key}", when: throughBedrock},
		grant{does: "kms:CreateGrant", on: "{Key}", when: byBedrock},
		grant{does: "s3:GetObject s3:PutObject", on: inBucket + "runs/*"},
		grant{does: "s3:GetObject", on: inBucket + "registry/*"},
		grant{does: "s3:ListBucket", on: "{StorageBucket}", when: "StringLikeIfExists s3:prefix runs/* registry/*"},
		grant{does: "kms:Decrypt kms:GenerateDataKey", on: "{Key}", when: throughS3},
	),
	"FunctionsPollRole": inside("FunctionsPollLogGroup",
		grant{does: "bedrock:GetModelCustomizationJob", on: jobs},
		grant{does: "bedrock:GetCustomModel", on: custom},
		grant{does: "bedrock:GetProvisionedModelThroughput", on: provisioned},
		grant{does: "bedrock:GetCustomModelDeployment", on: deployments},
	),
	"FunctionsAnalyzeRole": inside("FunctionsAnalyzeLogGroup",
		grant{does: "s3:GetObject", on: inBucket + "outputs/*"},
		grant{does: "s3:GetObject s3:PutObject", on: inBucket + "runs/*"},
		grant{does: "s3:PutObject", on: inBucket + "reports/*"},
		grant{does: "s3:ListBucket", on: "{StorageBucket}", when: "StringLikeIfExists s3:prefix outputs/* runs/*"},
		grant{does: "kms:Decrypt kms:GenerateDataKey", on: "{Key}", when: throughS3},
	),
	"FunctionsThroughputRole": inside("FunctionsThroughputLogGroup",
		grant{does: "bedrock:CreateProvisionedModelThroughput bedrock:CreateCustomModelDeployment", on: custom, when: forTheStack},
		grant{does: "bedrock:CreateProvisionedModelThroughput", on: "{tunable}", when: "StringEqualsIfExists aws:RequestTag/tuneline:stack tuneline"},
		grant{does: "bedrock:UpdateProvisionedModelThroughput", on: "{tunable}"},
		grant{does: "bedrock:TagResource", on: deployments + " " + provisioned, when: forTheStack},
		grant{does: "bedrock:UpdateProvisionedModelThroughput", on: provisioned + " " + custom, when: ofTheStack},
		grant{
			does: "bedrock:DeleteProvisionedModelThroughput bedrock:DeleteCustomModelDeployment bedrock:StopModelCustomizationJob",
			on:   provisioned + " " + deployments + " " + jobs, when: ofTheStack,
		},
		grant{does: "bedrock:InvokeModel", on: provisioned + " " + deployments, when: ofTheStack},
		grant{
			does: "bedrock:GetProvisionedModelThroughput bedrock:GetCustomModelDeployment bedrock:GetModelCustomizationJob bedrock:ListTagsForResource",
			on:   provisioned + " " + deployments + " " + jobs,
		},
		grant{does: "bedrock:ListProvisionedModelThroughputs bedrock:ListCustomModelDeployments cloudwatch:GetMetricStatistics", on: "*"},
		grant{does: "kms:Decrypt", on: "{Key}", when: throughBedrock},
		grant{does: "s3:GetObject s3:PutObject", on: inBucket + "registry/* " + inBucket + "runs/*"},
		grant{does: "s3:PutObject", on: inBucket + "reports/*"},
		grant{does: "s3:GetObject", on: inBucket + "approvals/*"},
		grant{does: "s3:ListBucket", on: "{StorageBucket}", when: "StringLikeIfExists s3:prefix registry/* runs/* approvals/*"},
		grant{does: "kms:Decrypt kms:GenerateDataKey", on: "{Key}", when: throughS3},
	),
	"FunctionsInvokeRole": inside("FunctionsInvokeLogGroup",
		grant{does: "s3:GetObject", on: inBucket + "registry/*"},
		grant{does: "s3:ListBucket", on: "{StorageBucket}", when: "StringLikeIfExists s3:prefix registry/*"},
		grant{does: "kms:Decrypt", on: "{Key}", when: throughS3},
		grant{does: "kms:Decrypt", on: "{Key}", when: throughBedrock},
		grant{does: asking, on: provisioned + " " + deployments, when: ofTheStack, only: hasNoGuardrail},
		grant{does: asking, on: provisioned + " " + deployments, when: ofTheStack + " and StringEquals bedrock:GuardrailIdentifier {guardrail version}", only: (*Template).hasGuardrail},
		grant{does: "bedrock:ApplyGuardrail", on: "{guardrail}", only: (*Template).hasGuardrail},
	),
	"FunctionsAuthorizeRole": running("FunctionsAuthorizeLogGroup"),
	"LifecycleFunctionRole": slices.Concat(running("LifecycleFunctionLogGroup"), []grant{
		{does: "cloudformation:DescribeStacks", on: "arn:aws:cloudformation:REGION:ACCOUNT:stack/tuneline/0"},
		{does: "events:DisableRule", on: "{TriggerUpload}"},
		{does: "states:ListExecutions", on: "{WorkflowMachine} {WorkflowSweepMachine} {WorkflowReleaseMachine}"},
		{does: "states:StopExecution", on: "arn:aws:states:REGION:ACCOUNT:execution:tuneline-finetune:* arn:aws:states:REGION:ACCOUNT:execution:tuneline-sweep:*"},
		{does: "bedrock:ListModelCustomizationJobs bedrock:ListCustomModels bedrock:ListCustomModelDeployments bedrock:ListProvisionedModelThroughputs", on: "*"},
		{does: "bedrock:ListTagsForResource", on: jobs + " " + custom + " " + deployments + " " + provisioned},
		{
			does: "bedrock:StopModelCustomizationJob bedrock:DeleteCustomModelDeployment bedrock:DeleteProvisionedModelThroughput",
			on:   jobs + " " + deployments + " " + provisioned, when: ofTheStack,
		},
		{does: "ec2:DescribeNetworkInterfaces", on: "*"},
	}),
	"CustomizationRole": {
		{does: "s3:GetObject", on: inBucket + "accepted/* " + inBucket + "media/*"},
		{does: "s3:GetObject s3:PutObject", on: inBucket + "outputs/*"},
		{does: "s3:ListBucket", on: "{StorageBucket}", when: "StringLike s3:prefix accepted/* media/* outputs/*"},
		{does: "kms:Decrypt kms:GenerateDataKey", on: "{Key}", when: throughS3},
		{does: "kms:Decrypt kms:GenerateDataKey kms:DescribeKey", on: "{Key}", when: throughBedrock},
		{does: "kms:CreateGrant", on: "{Key}", when: byBedrock},
		{does: "ec2:DescribeNetworkInterfaces ec2:DescribeVpcs ec2:DescribeDhcpOptions ec2:DescribeSubnets ec2:DescribeSecurityGroups", on: "*"},
		{does: "ec2:CreateNetworkInterface", on: "arn:aws:ec2:REGION:ACCOUNT:network-interface/*", when: forAJob},
		{does: "ec2:CreateNetworkInterface", on: "{subnets} arn:aws:ec2:REGION:ACCOUNT:security-group/{ref NetworkJobGroup}"},
		{does: "ec2:CreateNetworkInterfacePermission ec2:DeleteNetworkInterface ec2:DeleteNetworkInterfacePermission", on: "*", when: ofAJob},
		{
			does: "ec2:CreateTags", on: "arn:aws:ec2:REGION:ACCOUNT:network-interface/*",
			when: "StringEquals ec2:CreateAction CreateNetworkInterface and ForAllValues:StringEquals aws:TagKeys BedrockManaged BedrockModelCustomizationJobArn",
		},
	},
	"WorkflowRole": machine("tuneline-finetune",
		"{FunctionsValidateFunction} {FunctionsSubmitFunction} {FunctionsPollFunction} {FunctionsAnalyzeFunction} {FunctionsThroughputFunction}"),
	"WorkflowReleaseRole": machine("tuneline-release", "{FunctionsThroughputFunction}"),
	"WorkflowSweepRole":   machine("tuneline-sweep", "{FunctionsThroughputFunction}"),
	"SweepRole": {
		{does: "states:StartExecution", on: "{WorkflowSweepMachine}"},
		{does: "sqs:SendMessage", on: "{NoticesDeadLetters}"},
		{does: "kms:Decrypt", on: "{Key}", when: "StringEquals kms:EncryptionContext:aws:scheduler:schedule:arn arn:aws:scheduler:REGION:ACCOUNT:schedule/default/tuneline-sweep"},
		{does: "kms:Decrypt kms:GenerateDataKey", on: "{Key}", when: throughSQS},
	},
	"TriggerStarterRole": {{does: "states:StartExecution", on: "{WorkflowMachine} {WorkflowReleaseMachine}"}},
	"NetworkFlowLogRole": {{does: "logs:CreateLogStream logs:PutLogEvents logs:DescribeLogStreams", on: "{NetworkFlowLogGroup}"}},
	"TrailRole": {{
		does: "logs:CreateLogStream logs:PutLogEvents",
		on:   "arn:aws:logs:REGION:ACCOUNT:log-group:{ref TrailLogGroup}:log-stream:ACCOUNT_CloudTrail_REGION*",
	}},
	"InferenceLogRole": {{
		does: "logs:CreateLogGroup logs:CreateLogStream logs:DescribeLogGroups logs:DescribeLogStreams logs:PutLogEvents logs:GetLogEvents logs:FilterLogEvents", on: "*",
	}},
	"AccessUploader": {
		{does: uploads, on: uploaded},
		{does: "kms:Decrypt kms:GenerateDataKey", on: "{Key}", when: throughS3},
	},
	"AccessOperator": {
		{does: uploads, on: uploaded},
		{does: "s3:PutObject", on: inBucket + "approvals/*"},
		{does: "s3:GetObject s3:GetObjectVersion", on: inBucket + "*"},
		{does: "s3:ListBucket s3:ListBucketVersions", on: "{StorageBucket}"},
		{does: "kms:Decrypt kms:GenerateDataKey", on: "{Key}", when: throughS3},
		{does: "kms:Decrypt", on: "{Key}", when: throughSQS},
		{does: "kms:Decrypt", on: "{Key}", when: throughBedrock},
		{does: "kms:Decrypt", on: "{Key}", when: "ArnLike kms:EncryptionContext:aws:states:stateMachineArn arn:aws:states:REGION:ACCOUNT:stateMachine:tuneline-*"},
		{does: "kms:DescribeKey", on: "{Key}"},
		{does: "states:StartExecution states:ListExecutions states:DescribeStateMachine", on: "{WorkflowMachine} {WorkflowReleaseMachine} {WorkflowSweepMachine}"},
		{does: "states:DescribeExecution states:GetExecutionHistory states:StopExecution", on: "arn:aws:states:REGION:ACCOUNT:execution:tuneline-*:*"},
		{does: "sqs:GetQueueUrl sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes", on: "{NoticesDeadLetters}"},
		{
			does: "bedrock:GetModelCustomizationJob bedrock:GetCustomModel bedrock:GetCustomModelDeployment bedrock:GetProvisionedModelThroughput " +
				"bedrock:GetFoundationModel bedrock:ListTagsForResource",
			on: jobs + " " + custom + " " + deployments + " " + provisioned + " " + base,
		},
		{
			does: "bedrock:StopModelCustomizationJob bedrock:DeleteCustomModel bedrock:DeleteCustomModelDeployment bedrock:DeleteProvisionedModelThroughput",
			on:   jobs + " " + custom + " " + deployments + " " + provisioned, when: ofTheStack,
		},
		{does: "bedrock:UpdateProvisionedModelThroughput", on: provisioned + " " + custom, when: ofTheStack},
		{does: "bedrock:UpdateProvisionedModelThroughput", on: base},
		{
			does: "logs:FilterLogEvents logs:GetLogEvents logs:DescribeLogStreams",
			on: "arn:aws:logs:REGION:ACCOUNT:log-group:/tuneline/* arn:aws:logs:REGION:ACCOUNT:log-group:/aws/vendedlogs/tuneline/* " +
				"arn:aws:logs:REGION:ACCOUNT:log-group:API-Gateway-Execution-Logs_{ref InferenceAPI}/live*",
		},
		{does: "cloudformation:DescribeStacks", on: "arn:aws:cloudformation:REGION:ACCOUNT:stack/tuneline/0"},
		{does: "servicequotas:RequestServiceQuotaIncrease", on: "arn:aws:servicequotas:REGION:ACCOUNT:bedrock/*"},
		{does: "iam:GetRole", on: "{CustomizationRole}"},
		{
			does: "bedrock:ListModelCustomizationJobs bedrock:ListCustomModels bedrock:ListCustomModelDeployments bedrock:ListProvisionedModelThroughputs " +
				"bedrock:ListFoundationModels ec2:DescribeNetworkInterfaces bedrock:GetFoundationModelAvailability servicequotas:GetServiceQuota " +
				"servicequotas:GetAWSDefaultServiceQuota servicequotas:ListServiceQuotas ec2:DescribeAvailabilityZones ec2:DescribeManagedPrefixLists " +
				"ec2:DescribeVpcEndpointServices",
			on: "*",
		},
		{
			does: "execute-api:Invoke", only: takesSignatures,
			on: "arn:aws:execute-api:REGION:ACCOUNT:{ref InferenceAPI}/live/POST/model/*/* arn:aws:execute-api:REGION:ACCOUNT:{ref InferenceAPI}/live/GET/model/*/* " +
				"arn:aws:execute-api:REGION:ACCOUNT:{ref InferenceAPI}/live/GET/models arn:aws:execute-api:REGION:ACCOUNT:{ref InferenceAPI}/live/GET/models/*",
		},
	},
}

// uploads is what an upload takes, and uploaded where it goes.
const (
	uploads  = "s3:PutObject s3:AbortMultipartUpload s3:ListMultipartUploadParts"
	uploaded = inBucket + "fine-tuning-datasets/* " + inBucket + "validation-datasets/* " + inBucket + "media/*"
)
