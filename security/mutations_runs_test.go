package security

import "slices"

var runMutations = slices.Concat(functionMutations, machineMutations, apiMutations, firewallMutations, watchMutations)

// Control 22 and 23.
var functionMutations = []mutation{
	{22, "", "validate is outside the VPC", unset("FunctionsValidateFunction", "Properties.VpcConfig"), []string{"FunctionsAreInTheVPC"}},
	{22, "", "a function is not traced", set("FunctionsSubmitFunction", "Properties.TracingConfig.Mode", "PassThrough"), []string{"FunctionsAreTraced"}},
	{22, "", "a function runs on an old runtime", set("FunctionsPollFunction", "Properties.Runtime", "go1.x"), []string{"FunctionsAreBounded"}},
	{22, "", "a function has no time limit of its own", unset("FunctionsInvokeFunction", "Properties.Timeout"), []string{"FunctionsAreBounded"}},
	{22, "", "a function runs a foreign layer", set("FunctionsInvokeFunction", "Properties.Layers", []any{"arn:aws:lambda:us-east-1:" + foreignAccount + ":layer:a:1"}), []string{"FunctionsAreBounded"}},
	{22, "", "poll has the role of throughput", set("FunctionsPollFunction", "Properties.Role", link{"FunctionsThroughputRole", "Arn"}), []string{"FunctionsHaveARoleOfTheirOwn"}},
	{22, "", "two functions have each other's role", both(set("FunctionsPollFunction", "Properties.Role", link{"FunctionsSubmitRole", "Arn"}), set("FunctionsSubmitFunction", "Properties.Role", link{"FunctionsPollRole", "Arn"})), []string{"FunctionsHaveARoleOfTheirOwn"}},
	{21, "", "jobs are started without subnets", unset("FunctionsSubmitFunction", "Properties.Environment.Variables.TUNELINE_JOB_SUBNET_IDS"), []string{"JobsAreToldWhereTheyRun"}},
	{21, "", "jobs are encrypted with another key", set("FunctionsSubmitFunction", "Properties.Environment.Variables.TUNELINE_KEY_ARN", "alias/aws/bedrock"), []string{"JobsAreToldWhereTheyRun"}},
	{21, "", "jobs run in the functions' group", set("FunctionsSubmitFunction", "Properties.Environment.Variables.TUNELINE_JOB_SECURITY_GROUP_IDS", link{"NetworkFunctionGroup", "GroupId"}), []string{"JobsAreToldWhereTheyRun"}},
	{21, "", "jobs run with a function's role", set("FunctionsSubmitFunction", "Properties.Environment.Variables.TUNELINE_SERVICE_ROLE_ARN", link{"FunctionsThroughputRole", "Arn"}), []string{"JobsAreToldWhereTheyRun"}},
	{21, "", "jobs are compared with another VPC's subnets", set("FunctionsPollFunction", "Properties.Environment.Variables.TUNELINE_JOB_SUBNET_IDS", "subnet-0other"), []string{"JobsAreToldWhereTheyRun"}},
	{22, "", "a function has a URL", create("AWS::Lambda::Url", object{"TargetFunctionArn": link{"FunctionsInvokeFunction", "Arn"}, "AuthType": "NONE"}), []string{"NoFunctionIsPublic"}},
	{22, "", "everybody calls the function", set("InferencePermission1", "Properties.Principal", "*"), []string{"NoFunctionIsPublic"}},
	{22, "", "every API calls the function", unset("InferencePermission2", "Properties.SourceArn"), []string{"NoFunctionIsPublic"}},
	{22, "", "APIs of other accounts call the function", unset("InferencePermission3", "Properties.SourceAccount"), []string{"NoFunctionIsPublic"}},
	{22, "", "code makes interfaces", forget("FunctionsValidateRole", "DenyAttachingToCode"), []string{"CodeCannotAttach"}},
	{22, "", "Lambda cannot attach a function", forget("FunctionsSubmitRole", "AttachToVPC"), []string{"CodeCannotAttach", "RolesDoWhatTheyMustAndNoMore"}},

	{23, "", "a variable holds an access key", set("FunctionsPollFunction", "Properties.Environment.Variables.TUNELINE_NOTE", "AKIA"+"IOSFODNN7EXAMPLE"), []string{"NoSecretsInTheTemplate"}},
	{23, "", "a variable is called a password", set("FunctionsPollFunction", "Properties.Environment.Variables.DB_PASSWORD", "hunter2"), []string{"NoSecretsInTheTemplate"}},
	{23, "bearer", "a client's key stands in the template", create("AWS::ApiGateway::ApiKey", object{"Value": "0123456789abcdefghij"}), []string{"NoSecretsInTheTemplate"}},
}

// Control 24, 31 and what of 41 is about runs.
var machineMutations = []mutation{
	{24, "", "executions are not logged", unset("WorkflowMachine", "Properties.LoggingConfiguration"), []string{"ExecutionsAreLogged"}},
	{24, "", "only errors of a release are logged", set("WorkflowReleaseMachine", "Properties.LoggingConfiguration.Level", "ERROR"), []string{"ExecutionsAreLogged"}},
	{24, "", "the log of executions holds data", set("WorkflowMachine", "Properties.LoggingConfiguration.IncludeExecutionData", true), []string{"ExecutionLogsHoldNoData"}},
	{24, "", "the sweep is not traced", set("WorkflowSweepMachine", "Properties.TracingConfiguration.Enabled", false), []string{"MachinesAreTraced"}},
	{24, "", "executions are encrypted with AWS's key", set("WorkflowMachine", "Properties.EncryptionConfiguration", object{"Type": "AWS_OWNED_KEY"}), []string{"ExecutionsAreEncrypted"}},
	{24, "", "validate is not tried again", inState("WorkflowMachine", "ValidateDataset", "Retry", nil), []string{"TasksAreTriedAgain"}},
	{24, "", "a release is tried again for one error only", inState("WorkflowReleaseMachine", "ReleaseRun", "Retry", []any{object{"ErrorEquals": []any{"Throttled"}}}), []string{"TasksAreTriedAgain"}},
	{24, "", "a state is never reached", inState("WorkflowMachine", "AnalyzeResults", "Next", "PriceServing"), []string{"StatesAreReached"}},
	{24, "", "a state leads nowhere", inState("WorkflowMachine", "SmokeTest", "Next", "Publish"), []string{"StatesAreReached"}},
	{24, "", "the machine calls a function of another account", inState("WorkflowMachine", "SubmitJob", "Resource", "arn:aws:lambda:us-east-1:"+foreignAccount+":function:submit"), []string{"TasksCallTheStackOnly"}},
	{24, "", "the machine publishes to another topic", inState("WorkflowReleaseMachine", "TellOperator", "Parameters", object{"TopicArn": "arn:aws:sns:us-east-1:" + foreignAccount + ":a"}), []string{"TasksCallTheStackOnly"}},
	{15, "", "the sweep has the role of runs", set("WorkflowSweepMachine", "Properties.RoleArn", link{"WorkflowRole", "Arn"}), []string{"WorkIsDoneWithItsOwnRole"}},
	{15, "", "uploads start runs with the operator's role", set("TriggerUpload", "Properties.Targets.0.RoleArn", link{"AccessOperator", "Arn"}), []string{"WorkIsDoneWithItsOwnRole"}},
	{24, "", "the log of releases is missing", drop("WorkflowReleaseLogGroup"), []string{"ExecutionsAreLogged"}},
	{28, "", "objects of any bucket start runs", unset("TriggerUpload", "Properties.EventPattern.detail.bucket"), []string{"OurUploadsStartRuns"}},
	{28, "", "anything that happens starts runs", unset("TriggerUpload", "Properties.EventPattern"), []string{"OurUploadsStartRuns"}},
	{28, "", "a run is not told the version", set("TriggerUpload", "Properties.Targets.0.InputTransformer.InputPathsMap.version", "$.version"), []string{"OurUploadsStartRuns"}},
	{28, "", "uploads start no run", unset("StorageBucket", "Properties.NotificationConfiguration"), []string{"OurUploadsStartRuns"}},
	{31, "", "no sweep runs", set("SweepSchedule", "Properties.State", "DISABLED"), []string{"SweepsRun"}},
	{31, "", "an execution goes on for ever", inMachine("WorkflowMachine", func(definition, _ object) error { delete(definition, "TimeoutSeconds"); return nil }), []string{"ExecutionsEnd"}},
	{31, "", "a task goes on for ever", inState("WorkflowMachine", "PollJob", "TimeoutSeconds", nil), []string{"TasksEnd"}},
	{41, "", "a failure of a purchase is not caught", inState("WorkflowMachine", "SecureThroughput", "Catch", nil), []string{"FailuresAreCaught"}},
	{41, "", "only one error of submit is caught", inState("WorkflowMachine", "SubmitJob", "Catch", []any{object{"ErrorEquals": []any{"Throttled"}, "Next": "ReleaseRun"}}), []string{"FailuresAreCaught"}},
	{41, "", "a failed job ends without a release", inState("WorkflowMachine", "JobFailed", "Next", "Failed"), []string{"BadEndsRelease"}},
	{41, "", "nobody releases what a stopped run bought", drop("TriggerRelease"), []string{"AbortedRunsAreReleased"}},
	{41, "", "an aborted run is not released", set("TriggerRelease", "Properties.EventPattern.detail.status", []any{"FAILED", "TIMED_OUT"}), []string{"AbortedRunsAreReleased"}},
	{41, "", "nobody is told of ends", set("TriggerNotify", "Properties.State", "DISABLED"), []string{"AbortedRunsAreReleased"}},
	{41, "", "a teardown releases nothing", drop("Lifecycle"), []string{"TeardownReleasesFirst"}},
	{41, "", "a teardown calls another function", set("Lifecycle", "Properties.ServiceToken", link{"FunctionsPollFunction", "Arn"}), []string{"TeardownReleasesFirst"}},
	{41, "", "lifecycle ends the key", beside("LifecycleFunctionRole", "FindWhatIsOurs", permit("kms:ScheduleKeyDeletion", link{"Key", "Arn"})), []string{"NobodyEndsTheKey"}},
	{41, "", "the operator changes the bucket's policy", beside("AccessOperatorPolicy", "Read", permit("s3:PutBucketPolicy", link{"StorageBucket", "Arn"})), []string{"NobodyEndsTheKey"}},
}

const (
	methodOfConverse = "InferenceAPImodelmodelconversePOST"
	methodOfModels   = "InferenceAPImodelsGET"
)

// Control 25.
var apiMutations = []mutation{
	{25, "", "a method wants no authorization", set(methodOfConverse, "Properties.AuthorizationType", "NONE"), []string{"EveryMethodWantsAuthorization"}},
	{25, "bearer", "a method takes requests without a token", both(set(methodOfModels, "Properties.AuthorizationType", "NONE"), unset(methodOfModels, "Properties.AuthorizerId")), []string{"EveryMethodWantsAuthorization"}},
	{25, "bearer", "no usage plan counts a method's requests", set(methodOfConverse, "Properties.ApiKeyRequired", false), []string{"EveryMethodWantsAuthorization"}},
	{25, "", "another kind of API is a way in", create("AWS::ApiGatewayV2::Api", object{"ProtocolType": "HTTP", "Target": link{"FunctionsInvokeFunction", "Arn"}}), []string{"EveryMethodWantsAuthorization"}},
	{25, "bearer", "the authorizer asks another function", set("InferenceAuthorizer", "Properties.AuthorizerUri", "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:"+foreignAccount+":function:a/invocations"), []string{"AuthorizerChecksTokens"}},
	{25, "bearer", "what is no token reaches the authorizer", unset("InferenceAuthorizer", "Properties.IdentityValidationExpression"), []string{"AuthorizerChecksTokens"}},
	{25, "bearer", "a token is remembered for an hour", set("InferenceAuthorizer", "Properties.AuthorizerResultTtlInSeconds", 3600), []string{"AuthorizerChecksTokens"}},
	{25, "", "the API has no policy", unset("InferenceAPI", "Properties.Policy"), []string{"APIPolicyDecides"}},
	{25, "", "the API admits other accounts", forget("InferenceAPI", "DenyOtherAccounts"), []string{"APIPolicyDecides"}},
	{25, "", "the API answers without TLS", forget("InferenceAPI", "DenyWithoutTLS"), []string{"APIPolicyDecides"}},
	{25, "", "the API's policy lets the account in", beside("InferenceAPI", "DenyWithoutTLS", allow("*", "execute-api:Invoke", "*")), []string{"APIPolicyDecides"}},
	{25, "strict", "the private API answers to any endpoint", forget("InferenceAPI", "DenyFromOutside"), []string{"APIPolicyDecides"}},
	{25, "strict", "the private API answers outside", set("InferenceAPI", "Properties.EndpointConfiguration.Types", []any{"REGIONAL"}), []string{"PrivateAPIIsPrivate"}},
	{25, "", "the API answers at every edge", set("InferenceAPI", "Properties.EndpointConfiguration.Types", []any{"EDGE"}), []string{"PrivateAPIIsPrivate"}},
	{25, "", "a method checks no body", unset(methodOfConverse, "Properties.RequestModels"), []string{"BodiesAreValidated"}},
	{25, "", "bodies are not checked", set("InferenceAPIValidator", "Properties.ValidateRequestBody", false), []string{"BodiesAreValidated"}},
	{25, "", "a method has no validator", unset(methodOfModels, "Properties.RequestValidatorId"), []string{"BodiesAreValidated"}},
	{25, "", "the API speaks TLS 1.0", set("InferenceAPI", "Properties.SecurityPolicy", "TLS_1_0"), []string{"APISpeaksRecentTLS"}},
	{25, "", "the API answers to any name", set("InferenceAPI", "Properties.EndpointAccessMode", "BASIC"), []string{"APISpeaksRecentTLS"}},
	{25, "", "the API is not throttled", unset("InferenceStage", "Properties.MethodSettings.0.ThrottlingRateLimit"), []string{"APIIsThrottled"}},
	{25, "", "one method is throttled only", set("InferenceStage", "Properties.MethodSettings.0.ResourcePath", "/models"), []string{"APIIsThrottled"}},
	{25, "", "the API has no access log", unset("InferenceStage", "Properties.AccessLogSetting"), []string{"APIHasAnAccessLog"}},
	{25, "", "the access log does not say who asked", set("InferenceStage", "Properties.AccessLogSetting.Format", "$context.requestId $context.status $context.path"), []string{"APIHasAnAccessLog"}},
	{25, "", "questions and answers are logged", set("InferenceStage", "Properties.MethodSettings.0.DataTraceEnabled", true), []string{"APILogsNoBodies"}},
	{25, "", "the log of the API is verbose", set("InferenceStage", "Properties.MethodSettings.0.LoggingLevel", "INFO"), []string{"APILogsNoBodies"}},
	{25, "", "the access log quotes bodies", set("InferenceStage", "Properties.AccessLogSetting.Format", "$context.requestId $context.identity.userArn $context.status $context.path $context.identity.sourceIp $context.error.validationErrorString"), []string{"APILogsNoBodies"}},
	{25, "", "an answer quotes the body", set("InferenceResponseBADREQUESTBODY", "Properties.ResponseTemplates", object{"application/json": "$context.error.validationErrorString"}), []string{"APILogsNoBodies"}},
	{25, "", "the API is not traced", set("InferenceStage", "Properties.TracingEnabled", false), []string{"APIIsTraced"}},
	{25, "", "a method leads to another address", set(methodOfConverse, "Properties.Integration", object{"Type": "HTTP_PROXY", "Uri": "https://example.com/"}), []string{"APILeadsToInvokeOnly"}},
	{25, "", "callers call every API of the account", change("AccessCallerPolicy", "AskModels", "Resource", "arn:aws:execute-api:us-east-1:"+Account+":*"), []string{"CallersAskModelsOnly"}},
	{25, "", "callers do more than ask", change("AccessCallerPolicy", "AskModels", "Action", []any{"execute-api:Invoke", "execute-api:InvalidateCache"}), []string{"CallersAskModelsOnly"}},
}

// Control 27.
var firewallMutations = []mutation{
	{27, "bearer", "the firewall is missing", drop("InferenceFirewall"), []string{"FirewallGuardsTheStage"}},
	{27, "bearer", "the firewall stands before nothing", drop("InferenceFirewallAssociation"), []string{"FirewallGuardsTheStage"}},
	{27, "bearer", "no address is limited", set("InferenceFirewall", "Properties.Rules.0.Statement", object{"GeoMatchStatement": object{"CountryCodes": []any{"AQ"}}}), []string{"FirewallLimitsRates"}},
	{27, "bearer", "an address that asks too often is counted only", set("InferenceFirewall", "Properties.Rules.0.Action", object{"Count": object{}}), []string{"FirewallLimitsRates"}},
	{27, "bearer", "known bad inputs are let in", set("InferenceFirewall", "Properties.Rules.2.OverrideAction", object{"Count": object{}}), []string{"FirewallHasManagedRules"}},
	{27, "bearer", "a rule on headers only counts", set("InferenceFirewall", "Properties.Rules.3.Statement.ManagedRuleGroupStatement.RuleActionOverrides.0", object{"Name": "NoUserAgent_HEADER", "ActionToUse": object{"Count": object{}}}), []string{"FirewallHasManagedRules"}},
	{27, "bearer", "what the firewall blocks is not logged", drop("InferenceFirewallLog"), []string{"FirewallIsLogged", "FirewallKeepsNoSecrets"}},
	{27, "bearer", "the firewall's log shows tokens", unset("InferenceFirewallLog", "Properties.RedactedFields"), []string{"FirewallKeepsNoSecrets"}},
	{27, "bearer", "the firewall's log shows prompts", unset("InferenceFirewall", "Properties.DataProtectionConfig"), []string{"FirewallKeepsNoSecrets"}},
	{27, "bearer", "samples of requests are kept", set("InferenceFirewall", "Properties.Rules.1.VisibilityConfig.SampledRequestsEnabled", true), []string{"FirewallIsCounted"}},
	{27, "bearer", "the firewall is not counted", set("InferenceFirewall", "Properties.VisibilityConfig.CloudWatchMetricsEnabled", false), []string{"FirewallIsCounted"}},
}

// Control 36 and 37.
var watchMutations = []mutation{
	{36, "", "a log is not encrypted", unset("FunctionsInvokeLogGroup", "Properties.KmsKeyId"), []string{"LogsAreEncrypted"}},
	{36, "bearer", "the firewall's log is not encrypted", unset("InferenceFirewallLogGroup", "Properties.KmsKeyId"), []string{"LogsAreEncrypted"}},
	{36, "", "the flow log is kept for ever", unset("NetworkFlowLogGroup", "Properties.RetentionInDays"), []string{"LogsEnd"}},
	{36, "", "a function logs to a group that Lambda makes", unset("FunctionsValidateFunction", "Properties.LoggingConfig"), []string{"FunctionsLogWhereWeSay"}},
	{36, "", "the API logs elsewhere", set("InferenceStage", "Properties.AccessLogSetting.DestinationArn", "arn:aws:logs:us-east-1:"+foreignAccount+":log-group:a"), []string{"FunctionsLogWhereWeSay"}},
	{36, "", "records are carried to another account", create("AWS::Logs::SubscriptionFilter", object{"LogGroupName": link{"FunctionsInvokeLogGroup", ""}, "DestinationArn": "arn:aws:logs:us-east-1:" + foreignAccount + ":destination:a", "FilterPattern": ""}), []string{"LogsGoNowhereElse"}},

	{37, "", "nobody is told of failed runs", drop("ObservabilityExecutionsFailed"), []string{"WhatMattersHasAnAlarm"}},
	{37, "", "nobody is told of undelivered events", drop("ObservabilityUndelivered"), []string{"WhatMattersHasAnAlarm"}},
	{37, "", "nobody is told when the API fails", drop("ObservabilityAPIFailing"), []string{"WhatMattersHasAnAlarm"}},
	{37, "", "an alarm watches another machine", set("ObservabilityReleaseExecutionsFailed", "Properties.Dimensions.0.Value", "arn:aws:states:us-east-1:"+Account+":stateMachine:a"), []string{"WhatMattersHasAnAlarm"}},
	{37, "", "an alarm tells nobody", unset("ObservabilityExecutionsAborted", "Properties.AlarmActions"), []string{"AlarmsAreHeard"}},
	{37, "", "an alarm is switched off", set("ObservabilityInvokeErrors", "Properties.ActionsEnabled", false), []string{"AlarmsAreHeard"}},
	{37, "", "an alarm never rings", set("ObservabilityExecutionsFailed", "Properties.Threshold", 1000), []string{"AlarmsCanRing"}},
	{36, "", "errors of the API are logged for ever", drop("InferenceErrorLogGroup"), []string{"FunctionsLogWhereWeSay"}},
	{37, "", "an alarm has no threshold", unset("ObservabilityExecutionsFailed", "Properties.Threshold"), []string{"AlarmsCanRing"}},
	{37, "", "an alarm counts minima", set("ObservabilityUndelivered", "Properties.Statistic", "Minimum"), []string{"AlarmsCanRing"}},
	{37, "", "an alarm rings a day later", set("ObservabilityInvokeErrors", "Properties.Period", 86400), []string{"AlarmsCanRing"}},
	{37, "", "an alarm rings when all is well", set("ObservabilityUndelivered", "Properties.ComparisonOperator", "LessThanThreshold"), []string{"AlarmsCanRing"}},
}
