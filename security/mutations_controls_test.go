package security

// Control 13, 17, 20 and 29.
var controlMutations = []mutation{
	{17, "", "jobs are started on every base model", change("FunctionsSubmitRole", "StartJobOnBaseModel", "Resource", "arn:aws:bedrock:us-east-1::foundation-model/*"), []string{"AllowedBaseModelsOnly"}},
	{17, "strict", "jobs are started on base models that begin like one", change("FunctionsSubmitRole", "StartJobOnBaseModel", "Resource", "arn:aws:bedrock:us-west-2::foundation-model/meta.llama3-*"), []string{"AllowedBaseModelsOnly"}},
	{17, "", "a job is started in every Region", change("FunctionsSubmitRole", "StartJobOnBaseModel", "Resource", "arn:aws:bedrock:*::foundation-model/amazon.nova-micro-v1:0:128k"), []string{"AllowedBaseModelsOnly", "PermissionsAreOnThisStack"}},
	{17, "", "the endpoint lets jobs on every base model through", change("NetworkBedrockEndpoint", "Tune", "Resource", "*"), []string{"AllowedBaseModelsOnly"}},
	{17, "", "throughput starts jobs", beside("FunctionsThroughputRole", "Release", permit("bedrock:CreateModelCustomizationJob", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k")), []string{"AllowedBaseModelsOnly"}},
	{17, "", "the check lets a base model through that the policy does not", set("FunctionsValidateFunction", "Properties.Environment.Variables.TUNELINE_BASE_MODELS", "amazon.nova-micro-v1:0:128k,amazon.titan-image-generator-v2:0"), []string{"AllowedBaseModelsOnly"}},
	{17, "", "the stack's own base model may not be tuned", set("FunctionsValidateFunction", "Properties.Environment.Variables.TUNELINE_BASE_MODELS", "amazon.nova-lite-v1:0:300k"), []string{"SettingsAndPolicyAllowTheSame"}},

	{13, "", "analyze deletes versions", beside("FunctionsAnalyzeRole", "KeepRun", permit("s3:DeleteObjectVersion", objectsIn("StorageBucket"))), []string{"NobodyTakesVersionsAway"}},
	{13, "", "the operator suspends versions", beside("AccessOperatorPolicy", "List", permit("s3:PutBucketVersioning", link{"StorageBucket", "Arn"})), []string{"NobodyTakesVersionsAway"}},
	{13, "", "lifecycle lets objects expire", beside("LifecycleFunctionRole", "FindWhatIsOurs", permit("s3:PutLifecycleConfiguration", link{"StorageBucket", "Arn"})), []string{"NobodyTakesVersionsAway"}},
	{13, "", "throughput sets retention aside", beside("FunctionsThroughputRole", "KeepRegistry", permit("s3:BypassGovernanceRetention", objectsIn("StorageBucket"))), []string{"NobodyTakesVersionsAway"}},
	{13, "", "the uploader empties the access log", beside("AccessUploader", "Upload", permit("s3:DeleteObject", objectsIn("StorageAccessLog"))), []string{"NobodyTakesVersionsAway"}},

	{29, "", "poll writes run records", beside("FunctionsPollRole", "AskForJob", permit("s3:PutObject", object{"Fn::Join": []any{"", []any{link{"StorageBucket", "Arn"}, "/runs/*"}}})), []string{"RecordsAreWrittenByTheirSteps"}},
	{29, "", "submit writes the registry", also("FunctionsSubmitRole", "ReadRegistry", "s3:PutObject"), []string{"RecordsAreWrittenByTheirSteps"}},
	{29, "", "the operator writes reports", change("AccessOperatorPolicy", "Approve", "Resource", objectsIn("StorageBucket")), []string{"RecordsAreWrittenByTheirSteps"}},
	{29, "", "a record's tags are changed by the step that writes it", also("FunctionsThroughputRole", "KeepRegistry", "s3:PutObjectTagging"), []string{"RecordsAreWrittenByTheirSteps"}},
	{29, "", "Bedrock writes reports", change("CustomizationRole", "WriteOutputs", "Resource", []any{object{"Fn::Join": []any{"", []any{link{"StorageBucket", "Arn"}, "/outputs/*"}}}, object{"Fn::Join": []any{"", []any{link{"StorageBucket", "Arn"}, "/reports/*"}}}}), []string{"RecordsAreWrittenByTheirSteps"}},
	{29, "", "analyze cannot write reports", forget("FunctionsAnalyzeRole", "WriteReport"), []string{"RecordsAreWrittenByTheirSteps"}},

	{20, "strict", "a role has no boundary", unset("FunctionsSubmitRole", "Properties.PermissionsBoundary"), []string{"EveryRoleIsBounded"}},
	{20, "strict", "a role has another boundary", set("LifecycleFunctionRole", "Properties.PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess"), []string{"EveryRoleIsBounded"}},
}
