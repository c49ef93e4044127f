package security

// permit is a statement of a role.
func permit(action, resource any) object {
	return object{"Sid": "Seeded", "Effect": "Allow", "Action": action, "Resource": resource}
}

// Control 14 to 19, 32 and 33.
var permissionMutations = []mutation{
	{14, "", "Bedrock uses the role for any account", change("CustomizationRole", "Assume", "Condition>StringEquals", nil), []string{"BedrockActsForOurJobsOnly"}},
	{14, "", "Bedrock uses the role for anything but jobs", change("CustomizationRole", "Assume", "Condition>ArnEquals", nil), []string{"BedrockActsForOurJobsOnly"}},
	{14, "", "Bedrock uses the role for nobody it names", change("CustomizationRole", "Assume", "Condition", nil), []string{"BedrockActsForOurJobsOnly"}},
	{14, "", "Bedrock uses the role for evaluation jobs as well", change("CustomizationRole", "Assume", "Condition>ArnEquals>aws:SourceArn", "arn:aws:bedrock:*:"+Account+":*"), []string{"BedrockActsForOurJobsOnly"}},
	{14, "", "SageMaker uses the service role", change("CustomizationRole", "Assume", "Principal", object{"Service": []any{"bedrock.amazonaws.com", "sagemaker.amazonaws.com"}}), []string{"BedrockActsForOurJobsOnly", "RolesTrustOneServiceOrPeople"}},
	{14, "", "people assume the service role", beside("CustomizationRole", "Assume", object{"Sid": "Seeded", "Effect": "Allow", "Principal": account, "Action": "sts:AssumeRole"}), []string{"BedrockActsForOurJobsOnly", "RolesTrustOneServiceOrPeople"}},
	{14, "", "Step Functions uses the machine's role for other machines", change("WorkflowRole", "Assume", "Condition>ArnLike", nil), []string{"ServicesActForThisAccountOnly"}},
	{14, "", "Step Functions uses the release's role for other accounts", change("WorkflowReleaseRole", "Assume", "Condition", nil), []string{"ServicesActForThisAccountOnly"}},
	{14, "", "flow logs of other accounts are written with the role", change("NetworkFlowLogRole", "Assume", "Condition>StringEquals", nil), []string{"ServicesActForThisAccountOnly"}},
	{14, "", "any rule of the account starts runs", change("TriggerStarterRole", "Assume", "Condition>ArnLike", nil), []string{"ServicesActForThisAccountOnly"}},
	{14, "", "EventBridge starts runs for the rules of notices as well", change("TriggerStarterRole", "Assume", "Condition>ArnLike>aws:SourceArn", "arn:aws:events:us-east-1:"+Account+":rule/*"), []string{"ServicesActForThisAccountOnly"}},
	{14, "", "EventBridge releases nothing", change("TriggerStarterRole", "Assume", "Condition>ArnLike>aws:SourceArn", "arn:aws:events:us-east-1:"+Account+":rule/tuneline-TriggerUpload*"), []string{"ServicesActForThisAccountOnly"}},
	{14, "", "every schedule of the account may use the sweep's role", change("SweepRole", "Assume", "Condition>ArnEquals", nil), []string{"ServicesActForThisAccountOnly"}},
	{14, "", "the sweep's role is for a schedule, which Scheduler never names", change("SweepRole", "Assume", "Condition>ArnEquals>aws:SourceArn", "arn:aws:scheduler:us-east-1:"+Account+":schedule/default/tuneline-sweep"), []string{"ServicesActForThisAccountOnly"}},
	{14, "", "EventBridge starts runs for other accounts", change("TriggerStarterRole", "Assume", "Condition", nil), []string{"ServicesActForThisAccountOnly"}},
	{14, "", "a function's role is EC2's as well", change("FunctionsPollRole", "Assume", "Principal", object{"Service": "ec2.amazonaws.com"}), []string{"RolesTrustOneServiceOrPeople"}},
	{14, "", "another account's people become operators", change("AccessOperator", "Assume", "Principal", stranger), []string{"PeopleAreOfThisAccountOrNamed"}},
	{14, "", "everybody becomes an uploader", change("AccessUploader", "Assume", "Principal", "*"), []string{"PeopleAreOfThisAccountOrNamed", "RolesTrustOneServiceOrPeople"}},
	{14, "", "another company becomes an uploader with its id for us", both(change("AccessUploader", "Assume", "Principal", stranger), change("AccessUploader", "Assume", "Condition", object{"StringEquals": object{"sts:ExternalId": "12345"}})), []string{"NoPolicyAdmitsAnotherAccount"}},

	{15, "", "validate deletes objects", also("FunctionsValidateRole", "KeepRun", "s3:DeleteObject"), []string{"RolesDoWhatTheyMustAndNoMore", "ObjectsByPrefix"}},
	{15, "", "invoke reads every object", change("FunctionsInvokeRole", "ReadRegistry", "Resource", objectsIn("StorageBucket")), []string{"ObjectsByPrefix"}},
	{15, "", "analyze cannot read metrics", forget("FunctionsAnalyzeRole", "ReadMetrics"), []string{"ObjectsByPrefix"}},
	{15, "", "poll stops jobs", also("FunctionsPollRole", "AskForJob", "bedrock:StopModelCustomizationJob"), []string{"RolesDoWhatTheyMustAndNoMore", "ModelsHaveTheStacksTag"}},
	{15, "", "the machine calls every function", change("WorkflowRole", "CallSteps", "Resource", "*"), []string{"NothingOnEverything"}},
	{15, "", "the uploader reads objects", also("AccessUploader", "Upload", "s3:GetObject"), []string{"RolesDoWhatTheyMustAndNoMore", "ObjectsByPrefix"}},
	{15, "", "the operator starts jobs", also("AccessOperatorPolicy", "ReleaseModels", "bedrock:CreateModelCustomizationJob"), []string{"RolesDoWhatTheyMustAndNoMore"}},
	{15, "", "lifecycle deletes custom models", also("LifecycleFunctionRole", "ReleaseWhatIsOurs", "bedrock:DeleteCustomModel"), []string{"RolesDoWhatTheyMustAndNoMore"}},
	{15, "", "submit may do everything but IAM", beside("FunctionsSubmitRole", "KeepRun", object{"Sid": "Seeded", "Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), []string{"NothingByException", "RolesDoWhatTheyMustAndNoMore"}},
	{15, "", "throughput does all that Bedrock can", beside("FunctionsThroughputRole", "Release", permit("bedrock:*", "*")), []string{"NothingByException", "NothingOnEverything", "RolesDoWhatTheyMustAndNoMore", "ModelsHaveTheStacksTag"}},
	{15, "", "validate reads another bucket", change("FunctionsValidateRole", "ReadRegistry", "Resource", "arn:aws:s3:::another/registry/*"), []string{"PermissionsAreOnThisStack", "ObjectsByPrefix"}},
	{15, "", "the starter starts another account's machine", change("TriggerStarterRole", "StartExecution", "Resource", "arn:aws:states:us-east-1:"+foreignAccount+":stateMachine:a"), []string{"PermissionsAreOnThisStack"}},
	{15, "", "models of every Region are looked at", change("FunctionsPollRole", "AskForModel", "Resource", "arn:aws:bedrock:*:"+Account+":custom-model/*"), []string{"PermissionsAreOnThisStack"}},
	{15, "", "a policy beside the role gives more", create("AWS::IAM::Policy", object{"PolicyName": "Seeded", "Roles": []any{link{"FunctionsInvokeRole", ""}}, "PolicyDocument": object{"Version": "2012-10-17", "Statement": []any{permit("s3:PutObject", objectsIn("StorageBucket"))}}}), []string{"RolesDoWhatTheyMustAndNoMore", "ObjectsByPrefix"}},
	{15, "", "a role is there that nobody wrote down", create("AWS::IAM::Role", object{"AssumeRolePolicyDocument": object{"Version": "2012-10-17", "Statement": []any{object{"Sid": "Assume", "Effect": "Allow", "Principal": object{"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}}}), []string{"RolesDoWhatTheyMustAndNoMore"}},
	{15, "", "Bedrock makes interfaces without its tags", change("CustomizationRole", "CreateTaggedInterfaces", "Condition", nil), []string{"JobTouchesItsInterfacesOnly"}},
	{15, "", "Bedrock deletes every interface", change("CustomizationRole", "UseTaggedInterfaces", "Condition", nil), []string{"JobTouchesItsInterfacesOnly"}},
	{15, "", "Bedrock deletes interfaces of other subnets", change("CustomizationRole", "UseTaggedInterfaces", "Condition>ArnEquals>ec2:Subnet", nil), []string{"JobTouchesItsInterfacesOnly"}},
	{15, "", "Bedrock tags interfaces as it likes", change("CustomizationRole", "TagNewInterfaces", "Condition>StringEquals", nil), []string{"JobTouchesItsInterfacesOnly"}},
	{15, "", "Bedrock makes interfaces in any group", change("CustomizationRole", "CreateInterfacesHere", "Resource", "arn:aws:ec2:us-east-1:*:*"), []string{"JobTouchesItsInterfacesOnly"}},

	{16, "", "submit hands the role to any service", change("FunctionsSubmitRole", "PassServiceRole", "Condition", nil), []string{"PassRoleIsNarrow"}},
	{16, "", "submit hands any role to Bedrock", change("FunctionsSubmitRole", "PassServiceRole", "Resource", "*"), []string{"PassRoleIsNarrow", "NothingOnEverything"}},
	{16, "", "submit hands the functions' roles to Bedrock", change("FunctionsSubmitRole", "PassServiceRole", "Resource", "arn:aws:iam::"+Account+":role/tuneline/*"), []string{"PassRoleIsNarrow", "PermissionsAreOnThisStack"}},
	{16, "", "submit hands the role to services like Bedrock", change("FunctionsSubmitRole", "PassServiceRole", "Condition", object{"StringLike": object{"iam:PassedToService": "*.amazonaws.com"}}), []string{"PassRoleIsNarrow"}}, //nolint:gosec // PassRole is no password
	{16, "", "throughput hands over the role as well", beside("FunctionsThroughputRole", "Release", object{"Sid": "Seeded", "Effect": "Allow", "Action": "iam:PassRole", "Resource": link{"CustomizationRole", "Arn"}, "Condition": object{"StringEquals": object{"iam:PassedToService": "bedrock.amazonaws.com"}}}), []string{"PassRoleIsNarrow"}},
	{16, "", "the service role is checked only if a service is named", change("FunctionsSubmitRole", "PassServiceRole", "Condition", object{"StringEqualsIfExists": object{"iam:PassedToService": "bedrock.amazonaws.com"}}), []string{"PassRoleIsNarrow"}},

	{16, "", "submit hands the role to what begins like Bedrock", change("FunctionsSubmitRole", "PassServiceRole", "Condition", object{"StringLike": object{"iam:PassedToService": "bedrock.amazonaws.com*"}}), []string{"PassRoleIsNarrow"}},
	{16, "", "submit hands the role to one more service that nobody thought of", change("FunctionsSubmitRole", "PassServiceRole", "Condition", object{"StringEquals": object{"iam:PassedToService": []any{"bedrock.amazonaws.com", "rolesanywhere.amazonaws.com"}}}), []string{"PassRoleIsNarrow"}},
	{16, "", "submit hands roles with longer names to Bedrock", change("FunctionsSubmitRole", "PassServiceRole", "Resource", object{"Fn::Join": []any{"", []any{link{"CustomizationRole", "Arn"}, "*"}}}), []string{"PassRoleIsNarrow"}},
	{16, "", "submit hands the role of that name in every account to Bedrock", change("FunctionsSubmitRole", "PassServiceRole", "Resource", object{"Fn::Join": []any{"", []any{"arn:aws:iam::*:role/*", link{"CustomizationRole", ""}}}}), []string{"PassRoleIsNarrow", "PermissionsAreOnThisStack"}},

	{17, "", "who starts jobs asks models", also("FunctionsSubmitRole", "StopJob", "bedrock:InvokeModel"), []string{"StarterStartsOnly"}},
	{17, "", "who starts jobs deletes models", also("FunctionsSubmitRole", "FindModel", "bedrock:DeleteCustomModel"), []string{"StarterStartsOnly", "ModelsHaveTheStacksTag"}},
	{17, "", "who starts jobs buys throughput", also("FunctionsSubmitRole", "StartJob", "bedrock:CreateProvisionedModelThroughput"), []string{"StarterStartsOnly"}},
	{17, "", "who starts jobs cannot stop them", forget("FunctionsSubmitRole", "StopJob"), []string{"StarterStartsOnly"}},

	{18, "", "a function is an administrator", set("FunctionsPollRole", "Properties.ManagedPolicyArns", []any{"arn:aws:iam::aws:policy/AdministratorAccess"}), []string{"NoManagedPolicies"}},
	{18, "", "the service role has all of Bedrock", set("CustomizationRole", "Properties.ManagedPolicyArns", []any{"arn:aws:iam::aws:policy/AmazonBedrockFullAccess"}), []string{"NoManagedPolicies"}},
	{18, "", "the operator's permissions are given to a function", set("AccessOperatorPolicy", "Properties.Roles", []any{link{"AccessOperator", ""}, link{"FunctionsPollRole", ""}}), []string{"NoManagedPolicies", "RolesDoWhatTheyMustAndNoMore"}},
	{18, "", "a user is made", create("AWS::IAM::User", object{"UserName": "deploy"}), []string{"NoUsersOrKeys"}},
	{18, "", "an access key is made", create("AWS::IAM::AccessKey", object{"UserName": "deploy"}), []string{"NoUsersOrKeys"}},

	{19, "", "an action is misspelled", change("FunctionsInvokeRole", "ReadRegistry", "Action", "s3:GetObjct"), []string{"ActionsExist"}},
	{19, "", "a denied action is misspelled", change("StoragePolicy", "DenyUploadedObjectsFromOutside", "NotAction", []any{"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadPart"}), []string{"ActionsExist", "BucketStaysUsable"}},
	{19, "", "a condition key is misspelled", change("StoragePolicy", "DenyListsFromOutside", "Condition>StringNotEquals", object{"aws:SourceVpcEndpoint": "vpce-0"}), []string{"ConditionKeysExist"}},
	{19, "", "a tag's condition has no name", change("FunctionsPollRole", "AskForModel", "Condition", object{"StringEquals": object{"aws:ResourceTag/": "tuneline"}}), []string{"ConditionKeysExist"}},
	{19, "", "objects are listed by an object's ARN", change("FunctionsAnalyzeRole", "SeeWhatIsThere", "Resource", objectsIn("StorageBucket")), []string{"ActionsKnowTheirResources"}},
	{19, "", "a deployment is asked for by a model's ARN", change("FunctionsPollRole", "AskForDeployment", "Resource", "arn:aws:bedrock:us-east-1:"+Account+":custom-model/*"), []string{"ActionsKnowTheirResources"}},

	{32, "", "invoke asks models of other stacks", change("FunctionsInvokeRole", "Ask", "Condition", nil), []string{"ModelsHaveTheStacksTag"}},
	{32, "", "throughput deletes what others bought", change("FunctionsThroughputRole", "Release", "Condition", nil), []string{"ModelsHaveTheStacksTag"}},
	{32, "", "throughput buys without the tag", change("FunctionsThroughputRole", "Buy", "Condition", nil), []string{"ModelsHaveTheStacksTag"}},
	{32, "", "jobs are started without the tag", change("FunctionsSubmitRole", "StartJob", "Condition", nil), []string{"ModelsHaveTheStacksTag"}},
	{32, "", "lifecycle stops jobs of other stacks", change("LifecycleFunctionRole", "ReleaseWhatIsOurs", "Condition", nil), []string{"ModelsHaveTheStacksTag"}},
	{32, "", "the operator deletes models of other stacks", change("AccessOperatorPolicy", "ReleaseModels", "Condition", nil), []string{"ModelsHaveTheStacksTag"}},
	{32, "", "invoke asks base models", change("FunctionsInvokeRole", "Ask", "Resource", "*"), []string{"AskersAskTunedModelsOnly", "NothingOnEverything"}},
	{32, "", "analyze asks models", beside("FunctionsAnalyzeRole", "KeepRun", object{"Sid": "Seeded", "Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "arn:aws:bedrock:us-east-1:" + Account + ":custom-model-deployment/*", "Condition": object{"StringEquals": object{"aws:ResourceTag/tuneline:stack": "tuneline"}}}), []string{"AskersAskTunedModelsOnly", "RolesDoWhatTheyMustAndNoMore"}},
	{32, "", "invoke cannot ask", forget("FunctionsInvokeRole", "Ask"), []string{"AskersAskTunedModelsOnly"}},
	{7, "", "invoke reads with any key", change("FunctionsInvokeRole", "UseObjects", "Resource", "arn:aws:kms:us-east-1:*:key/*"), []string{"KeyIsUsedThroughServicesByRoles"}},
	{7, "", "submit uses the key without a service", change("FunctionsSubmitRole", "UseObjects", "Condition", nil), []string{"KeyIsUsedThroughServicesByRoles"}},

	{33, "bearer", "invoke may leave the guardrail out", change("FunctionsInvokeRole", "Ask", "Condition>StringEquals>bedrock:GuardrailIdentifier", nil), []string{"GuardrailCannotBeLeftOut"}},
	{33, "inside", "any guardrail will do", both(change("FunctionsInvokeRole", "Ask", "Condition>StringEquals>bedrock:GuardrailIdentifier", nil), change("FunctionsInvokeRole", "Ask", "Condition>StringLike", object{"bedrock:GuardrailIdentifier": "*"})), []string{"GuardrailCannotBeLeftOut"}},
	{33, "bearer", "the guardrail counts only if a request names one", both(change("FunctionsInvokeRole", "Ask", "Condition>StringEquals>bedrock:GuardrailIdentifier", nil), change("FunctionsInvokeRole", "Ask", "Condition>StringEqualsIfExists", object{"bedrock:GuardrailIdentifier": "arn:aws:bedrock:us-east-1:" + Account + ":guardrail/gr1a2b3c4d5e:3"})), []string{"GuardrailCannotBeLeftOut"}},
}
