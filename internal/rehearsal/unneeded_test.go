package rehearsal

// Why a grant that no call of the rehearsal needs is there all the same.
const (
	byLambda    = "Lambda itself makes these calls with the role; its functions run here as processes of this machine"
	byTracing   = "the X-Ray segments are sent by Lambda and Step Functions themselves"
	byStates    = "Step Functions makes these calls when a machine is created with a log, and at log deliveries"
	byLogs      = "a log delivery of AWS's own, which the rehearsal does not have"
	byPeople    = "a person's, with the console or the AWS CLI, as the runbook says; no rehearsal does it"
	byPreflight = "tuneline preflight asks it, whose tests have an account of their own"
	byParts     = "of an upload in parts that is looked at or given up; the tests' data sets are sent whole"
	byBedrock   = "which of two roles Bedrock uses the key with is unverified; the rehearsal takes the caller's"
	byScheduler = "EventBridge Scheduler keeps what it could not start; the rehearsal's schedule starts"
	byKeepers   = "who looks after the key is no role of the stack, and the stack's key does not change; package security holds what they may"
	byAlarms    = "CloudWatch publishes alarms; the rehearsal rings none"
	byEvents    = "EventBridge keeps what it could not deliver; the rehearsal's targets take everything"
	byDeploying = "whoever deploys the schedule needs it; the rehearsal's is there from the beginning"
	byS3        = "S3 writes its access log itself; the rehearsal's S3 has none"
	byServices  = "the service that assumes it does what the rehearsal does not have"
	bedrockPage = "Bedrock's page on a service role's permissions asks for it; the rehearsal's Bedrock reads what the job names, and lists nothing"
)

// unneeded are the grants that no rehearsal needs.
var unneeded = []unexercised{
	{"*", "WriteLog", []string{"*"}, byLambda},
	{"*", "WriteTraces", []string{"*"}, byTracing},
	{"Functions", "AttachToVPC", []string{"*"}, byLambda},
	{"Functions", "DenyAttachingToCode", []string{"*"}, "it denies what no function's code tries"},
	{"FunctionsValidate", "WriteAccepted", []string{"s3:AbortMultipartUpload"}, byParts},
	{"Workflow", "DeliverLog", []string{"*"}, byStates},
	{"Workflow", "EncryptLog", []string{"*"}, byLogs},
	{"NetworkFlowLog", "WriteFlowLog", []string{"*"}, byLogs},
	{"NetworkFlowLog", "Assume", []string{"sts:AssumeRole"}, byServices},
	{"InferenceLog", "WriteLogsOfAnyAPI", []string{"*"}, byLogs},
	{"InferenceLog", "Assume", []string{"sts:AssumeRole"}, byServices},
	{"Sweep", "KeepUnstarted", []string{"*"}, byScheduler},
	{"Sweep", "EncryptUnstarted", []string{"*"}, byScheduler},
	{"Customization", "EncryptModel", []string{"*"}, byBedrock},
	{"Customization", "KeepModelReadable", []string{"*"}, byBedrock},
	{"Customization", "ListThese", []string{"*"}, bedrockPage},
	{"Customization", "WriteOutputs", []string{"s3:GetObject"}, bedrockPage},

	{"Uploader", "Upload", []string{"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}, byParts},
	{"Uploader", "EncryptUploads", []string{"kms:Decrypt"}, byParts},
	{"Operator", "Upload", []string{"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}, byParts},
	{"Operator", "Read", []string{"s3:GetObjectVersion"}, byPeople},
	{"Operator", "SeeKey", []string{"*"}, byPreflight},
	{"Operator", "StartRuns", []string{"states:DescribeStateMachine"}, byPeople},
	{"Operator", "SeeModels", []string{"bedrock:GetCustomModel", "bedrock:GetFoundationModel"}, byPeople},
	{"Operator", "ListAll", []string{"bedrock:ListFoundationModels", "ec2:DescribeNetworkInterfaces"}, byPeople},
	{"Operator", "HandleUndelivered", []string{"sqs:GetQueueUrl", "sqs:GetQueueAttributes"}, byPeople},
	{"Operator", "ReadLogs", []string{"logs:GetLogEvents", "logs:DescribeLogStreams"}, byPeople},
	{"Operator", "SeeServiceRole", []string{"*"}, byPreflight},
	{"Operator", "CompareAccount", []string{
		"bedrock:GetFoundationModelAvailability", "servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota",
		"servicequotas:ListServiceQuotas", "ec2:DescribeAvailabilityZones", "ec2:DescribeVpcEndpointServices",
	}, byPreflight},

	{"Key", "AdministerWithoutUsing", []string{"*"}, byKeepers},
	{"Key", "EncryptLogs", []string{"*"}, byLogs},
	{"Key", "UseForExecutionLogs", []string{"*"}, byLogs},
	{"Key", "DeliverExecutionLogs", []string{"*"}, byLogs},
	{"Key", "DeliverAlarms", []string{"*"}, byAlarms},
	{"Key", "KeepUndelivered", []string{"*"}, byEvents},
	{"Key", "KeepUnstarted", []string{"*"}, byScheduler},
	{"Key", "UseForSchedules", []string{"kms:GenerateDataKey"}, byDeploying},
	{"NoticesTopicPolicy", "PublishAlarms", []string{"*"}, byAlarms},
	{"NoticesDeadLettersPolicy", "KeepUndelivered", []string{"*"}, byEvents},
	{"StorageAccessLog", "DeliverAccessLog", []string{"*"}, byS3},
	{"NetworkS3Endpoint", "UseObjects", []string{"s3:AbortMultipartUpload"}, byParts},
}
