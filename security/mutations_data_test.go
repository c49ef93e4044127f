package security

import "slices"

// account is the account as a policy's principal, stranger one that is not.
var (
	account  = object{"AWS": object{"Fn::Join": []any{"", []any{"arn:aws:iam::", object{"Ref": "AWS::AccountId"}, ":root"}}}}
	stranger = object{"AWS": "arn:aws:iam::" + foreignAccount + ":root"}
)

// allow is a statement that allows everybody of a principal some actions.
func allow(principal any, action, resource any) object {
	return object{"Sid": "Seeded", "Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
}

// allowIf is allow with one condition.
func allowIf(principal any, action, resource any, operator, key string, want any) object {
	s := allow(principal, action, resource)
	s["Condition"] = object{operator: object{key: want}}
	return s
}

// objectsIn are all objects of a bucket, as a policy names them.
func objectsIn(name string) object {
	return object{"Fn::Join": []any{"", []any{link{name, "Arn"}, "/*"}}}
}

var dataMutations = slices.Concat(keyMutations, bucketMutations, insideMutations, channelMutations)

// Control 6 to 8.
var keyMutations = []mutation{
	{6, "", "the key does not rotate", set("Key", "Properties.EnableKeyRotation", false), []string{"KeyRotates"}},
	{6, "", "nobody says whether the key rotates", unset("Key", "Properties.EnableKeyRotation"), []string{"KeyRotates"}},
	{6, "", "the key is deleted within a week", set("Key", "Properties.PendingWindowInDays", 7), []string{"KeyTakesAMonthToDelete"}},
	{6, "", "administrators may decrypt", also("Key", "AdministerWithoutUsing", "kms:Decrypt"), []string{"AdministratorsCannotUseTheKey"}},
	{6, "", "administrators may make grants", also("Key", "AdministerWithoutUsing", "kms:CreateGrant"), []string{"AdministratorsCannotUseTheKey"}},
	{6, "", "the account may do everything with the key", beside("Key", "UseThroughS3", allow(account, "kms:*", "*")), []string{"AdministratorsCannotUseTheKey", "KeyIsUsedThroughServicesOnly", "RolesCannotAdministerTheKey", "GrantsAreBedrocksOnly", "NothingByException"}},

	{7, "", "another account may use the key", beside("Key", "UseThroughS3", allow(stranger, "kms:Decrypt", "*")), []string{"KeyIsForNoOtherAccount"}},
	{7, "", "whoever comes through S3 may use the key, whatever IAM says", change("Key", "UseThroughS3", "Principal", "*"), []string{"KeyPolicyLeavesItToIAM"}},
	{7, "", "everybody may use the key through S3, of whatever account", both(change("Key", "UseThroughS3", "Principal", "*"), change("Key", "UseThroughS3", "Condition>StringEquals>kms:CallerAccount", nil)), []string{"KeyIsForNoOtherAccount"}},
	{7, "", "another account's people with a tag of their own may use the key", beside("Key", "UseThroughS3", allowIf(stranger, "kms:Decrypt", "*", "StringEquals", "aws:PrincipalTag/partner", "yes")), []string{"NoPolicyAdmitsAnotherAccount"}},
	{7, "", "the key is used without a service in between", change("Key", "UseThroughS3", "Condition>StringEquals>kms:ViaService", nil), []string{"AdministratorsCannotUseTheKey", "KeyIsUsedThroughServicesOnly"}},
	{7, "", "the key is used through any service", change("Key", "UseThroughS3", "Condition", object{"Null": object{"kms:ViaService": "false"}}), []string{"KeyIsUsedThroughServicesOnly"}},
	{7, "", "anybody uses the key through Bedrock", change("Key", "UseThroughBedrock", "Condition>ArnLike", nil), []string{"KeyIsUsedThroughServicesOnly"}},
	{7, "", "people encrypt models", also("Key", "PointBackThroughBedrock", "kms:GenerateDataKey"), []string{"KeyIsUsedThroughServicesOnly"}},
	{7, "", "anybody reads models through Bedrock", change("Key", "PointBackThroughBedrock", "Condition>ArnLike", nil), []string{"KeyIsUsedThroughServicesOnly"}},
	{7, "", "the operator cannot point back to an encrypted model", forget("AccessOperatorPolicy", "PointBackEncrypted"), []string{"KeyIsUsable"}},
	{7, "", "the key's policy lets no operator point back", forget("Key", "PointBackThroughBedrock"), []string{"KeyIsUsable", "GrantsOnTheKeyAreGood"}},
	{7, "", "the stack's roles may administer the key", change("Key", "AdministerWithoutUsing", "Condition", nil), []string{"RolesCannotAdministerTheKey"}},
	{7, "", "EventBridge uses the key for other accounts", change("Key", "KeepUndelivered", "Condition", nil), []string{"ServicesUseTheKeyForUsOnly"}},
	{7, "", "CloudWatch uses the key for other accounts", change("Key", "DeliverAlarms", "Condition", nil), []string{"ServicesUseTheKeyForUsOnly"}},
	{7, "", "Bedrock cannot read a Nova model that throughput is bought for", forget("Key", "OptimizeThroughput"), []string{"KeyIsUsable"}},
	{7, "strict", "Bedrock by itself uses the key where no Nova model is tuned", beside("Key", "UseThroughBedrock", object{
		"Effect": "Allow", "Principal": object{"Service": "bedrock.amazonaws.com"}, "Action": []any{"kms:Decrypt", "kms:GenerateDataKey"}, "Resource": "*",
		"Condition": object{"ForAnyValue:StringEquals": object{"kms:EncryptionContextKeys": customModel}},
	}), []string{"KeyIsUsable", "ServicesUseTheKeyForUsOnly"}},
	{7, "", "Bedrock cannot write one", but("Key", "OptimizeThroughput", "kms:GenerateDataKey"), []string{"KeyIsUsable"}},
	{7, "", "Bedrock by itself makes grants", also("Key", "OptimizeThroughput", "kms:CreateGrant"), []string{"ServicesUseTheKeyForUsOnly"}},
	{7, "", "Bedrock by itself uses the key for other accounts' models", change("Key", "OptimizeThroughput", "Condition>StringEqualsIfExists", nil), []string{"ServicesUseTheKeyForUsOnly"}},
	{7, "", "Bedrock by itself uses the key for anything", change("Key", "OptimizeThroughput", "Condition>ForAnyValue:StringEquals", nil), []string{"ServicesUseTheKeyForUsOnly"}},
	{7, "", "Bedrock by itself uses the key for objects", change("Key", "OptimizeThroughput", "Condition>ForAnyValue:StringEquals>kms:EncryptionContextKeys", "aws:s3:arn"), []string{"ServicesUseTheKeyForUsOnly"}},
	{7, "", "any service uses the key for models", change("Key", "OptimizeThroughput", "Principal", object{"Service": "sagemaker.amazonaws.com"}), []string{"ServicesUseTheKeyForUsOnly"}},
	{7, "", "an encryption without a context is for Bedrock, too", change("Key", "OptimizeThroughput", "Condition", object{
		"ForAllValues:StringEquals": object{"kms:EncryptionContextKeys": customModel}, "StringEqualsIfExists": object{"aws:SourceAccount": object{"Ref": "AWS::AccountId"}},
	}), []string{"ServicesUseTheKeyForUsOnly"}},
	{7, "", "CloudWatch Logs uses the key for any log", change("Key", "EncryptLogs", "Condition", nil), []string{"ServicesUseTheKeyForUsOnly"}},
	{7, "", "log delivery uses the key for other accounts", change("Key", "DeliverExecutionLogs", "Condition", nil), []string{"ServicesUseTheKeyForUsOnly"}},
	{7, "", "the key's policy lets no object be written", but("Key", "UseThroughS3", "kms:GenerateDataKey"), []string{"KeyIsUsable"}},
	{7, "", "the machines cannot tell through the encrypted topic", forget("Key", "TellThroughSNS"), []string{"GrantsOnTheKeyAreGood"}},
	{7, "", "the sweep cannot read its schedule", forget("Key", "UseForSchedules"), []string{"GrantsOnTheKeyAreGood"}},
	{7, "", "a log group is outside the names the key is for", set("FunctionsPollLogGroup", "Properties.LogGroupName", "/aws/lambda/poll"), []string{"KeyIsUsable"}},

	{8, "", "the key's policy lets grants be made for anybody", change("Key", "GrantThroughBedrock", "Condition>Bool", nil), []string{"GrantsAreBedrocksOnly"}},
	{8, "", "the key's policy lets grants be made through any service", change("Key", "GrantThroughBedrock", "Condition>StringEquals>kms:ViaService", nil), []string{"GrantsAreBedrocksOnly"}},
	{8, "", "the key's policy lets everybody in the account have Bedrock make grants", change("Key", "GrantThroughBedrock", "Condition>ArnLike", nil), []string{"GrantsAreBedrocksOnly"}},
	{8, "", "submit makes grants for anybody", change("FunctionsSubmitRole", "KeepModelReadable", "Condition>Bool", nil), []string{"RolesGrantThroughBedrockOnly"}},
	{8, "", "the service role makes grants without a service", change("CustomizationRole", "KeepModelReadable", "Condition>StringEquals", nil), []string{"RolesGrantThroughBedrockOnly"}},
	{8, "", "throughput makes grants", also("FunctionsThroughputRole", "ServeEncryptedModel", "kms:CreateGrant"), []string{"RolesDoWhatTheyMustAndNoMore"}},
}

// Control 9 to 11 and 13.
var bucketMutations = []mutation{
	{9, "", "a public policy is not blocked", set("StorageBucket", "Properties.PublicAccessBlockConfiguration.BlockPublicPolicy", false), []string{"NothingIsPublic"}},
	{9, "", "the bucket of the access log blocks nothing public", unset("StorageAccessLog", "Properties.PublicAccessBlockConfiguration"), []string{"NothingIsPublic"}},
	{9, "", "objects belong to who writes them", set("StorageBucket", "Properties.OwnershipControls.Rules.0.ObjectOwnership", "ObjectWriter"), []string{"OwnersAreEnforced"}},
	{9, "", "the bucket has no policy", drop("StoragePolicy"), []string{"BucketsHaveAPolicy", "ObjectsAreInside"}},
	{9, "", "another account reads objects", beside("StoragePolicy", "DenyWithoutTLS", allow(stranger, "s3:GetObject", objectsIn("StorageBucket"))), []string{"BucketPoliciesGiveNothing"}},
	{9, "", "everybody lists the bucket of the access log", beside("StorageAccessLogPolicy", "DenyWithoutTLS", allow("*", "s3:ListBucket", link{"StorageAccessLog", "Arn"})), []string{"BucketPoliciesGiveNothing"}},

	{9, "", "an organization's accounts read objects", beside("StoragePolicy", "DenyWithoutTLS", allowIf("*", "s3:GetObject", objectsIn("StorageBucket"), "StringEquals", "aws:PrincipalOrgID", "o-a1b2c3d4e5")), []string{"NoPolicyAdmitsAnotherAccount"}},
	{9, "", "whoever comes through the endpoint and names no account writes objects", beside("StoragePolicy", "DenyWithoutTLS", allowIf("*", "s3:Put*", objectsIn("StorageBucket"), "Null", "aws:ResourceAccount", "true")), []string{"NoPolicyAdmitsAnotherAccount"}},

	{10, "", "the bucket answers without TLS", forget("StoragePolicy", "DenyWithoutTLS"), []string{"TLSForEveryAction"}},
	{10, "", "the access log's bucket answers without TLS", forget("StorageAccessLogPolicy", "DenyWithoutTLS"), []string{"TLSForEveryAction"}},
	{10, "", "TLS is wanted to read objects only", change("StoragePolicy", "DenyWithoutTLS", "Action", "s3:GetObject"), []string{"TLSForEveryAction"}},
	{10, "", "TLS is not wanted of actions on the bucket", change("StoragePolicy", "DenyWithoutTLS", "Resource", objectsIn("StorageBucket")), []string{"TLSForEveryAction"}},
	{10, "", "TLS is wanted of one account only", change("StoragePolicy", "DenyWithoutTLS", "Principal", account), []string{"TLSForEveryAction"}},
	{10, "", "old TLS is good enough", forget("StoragePolicy", "DenyOldTLS"), []string{"RecentTLSForEveryAction"}},
	{10, "", "TLS 1.1 is good enough", change("StoragePolicy", "DenyOldTLS", "Condition", object{"NumericLessThan": object{"s3:TlsVersion": "1.1"}}), []string{"RecentTLSForEveryAction"}},

	{11, "", "objects may be written with S3's own key", forget("StoragePolicy", "DenyOtherEncryption"), []string{"OurKeyOnly"}},
	{11, "", "objects may be written with another key", forget("StoragePolicy", "DenyOtherKey"), []string{"OurKeyOnly"}},
	{11, "", "objects may be written with AWS's key", forget("StoragePolicy", "DenyUnnamedKey"), []string{"OurKeyOnly"}},
	{11, "", "objects may be written with the caller's own key", forget("StoragePolicy", "DenyCustomerProvidedKey"), []string{"OurKeyOnly"}},
	{11, "", "what says nothing about encryption is refused", change("StoragePolicy", "DenyOtherEncryption", "Condition>Null", nil), []string{"OurKeyOnly"}},
	{11, "", "outputs may be written with another key", change("StoragePolicy", "DenyOtherKey", "Resource", object{"Fn::Join": []any{"", []any{link{"StorageBucket", "Arn"}, "/accepted/*"}}}), []string{"OurKeyOnly"}},
	{11, "", "replicas may be written with another key", change("StoragePolicy", "DenyOtherKey", "Action", []any{"s3:PutObject", "s3:UpdateObjectEncryption"}), []string{"OurKeyOnly"}},
	{11, "", "an object may be given another key later", but("StoragePolicy", "DenyOtherKey", "s3:UpdateObjectEncryption"), []string{"OurKeyOnly"}},
	{11, "", "an object may be given S3's own key later", but("StoragePolicy", "DenyOtherEncryption", "s3:UpdateObjectEncryption"), []string{"OurKeyOnly"}},
	{11, "", "two layers of encryption will do", change("StoragePolicy", "DenyOtherEncryption", "Condition>StringNotEquals>s3:x-amz-server-side-encryption", []any{"aws:kms", "aws:kms:dsse"}), []string{"OurKeyOnly"}},
	{11, "", "every key of the account will do", both(change("StoragePolicy", "DenyOtherKey", "Condition>StringNotEquals", nil), change("StoragePolicy", "DenyOtherKey", "Condition>StringNotLike", object{"s3:x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:*:" + Account + ":key/*"})), []string{"OurKeyOnly"}},
	{11, "", "a key is compared by its name's end", both(change("StoragePolicy", "DenyOtherKey", "Condition>StringNotEquals", nil), change("StoragePolicy", "DenyOtherKey", "Condition>StringNotLike", object{"s3:x-amz-server-side-encryption-aws-kms-key-id": object{"Fn::Join": []any{"", []any{"arn:aws:kms:*:*:key/", link{"Key", ""}}}}})), []string{"OurKeyOnly"}},
	{11, "", "the bucket's default is S3's own key", set("StorageBucket", "Properties.BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault", object{"SSEAlgorithm": "AES256"}), []string{"BucketIsEncryptedWithOurKey"}},
	{11, "", "the bucket's default is AWS's key", unset("StorageBucket", "Properties.BucketEncryption.ServerSideEncryptionConfiguration.0.ServerSideEncryptionByDefault.KMSMasterKeyID"), []string{"BucketIsEncryptedWithOurKey"}},

	{13, "", "the bucket keeps no versions", set("StorageBucket", "Properties.VersioningConfiguration.Status", "Suspended"), []string{"VersionsAreKept"}},
	{13, "", "old versions stay for ever", unset("StorageBucket", "Properties.LifecycleConfiguration"), []string{"OldVersionsEnd"}},
	{13, "", "nobody logs who reads objects", unset("StorageBucket", "Properties.LoggingConfiguration"), []string{"AccessIsLogged"}},
	{13, "", "S3 writes other buckets' logs here", change("StorageAccessLogPolicy", "DeliverAccessLog", "Condition", nil), []string{"AccessIsLogged", "BucketPoliciesGiveNothing"}},
	{13, "", "S3 may not write the access log", forget("StorageAccessLogPolicy", "DeliverAccessLog"), []string{"AccessIsLogged"}},
}

// dataActions are the actions that a policy for a bucket without versions would name.
var dataActions = []any{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}

// Control 12, 28 and 30.
var insideMutations = []mutation{
	{12, "", "objects are read from anywhere", forget("StoragePolicy", "DenyObjectsFromOutside"), []string{"ObjectsAreInside"}},
	{12, "", "versions are read from outside", change("StoragePolicy", "DenyObjectsFromOutside", "Action", dataActions), []string{"ObjectsAreInside"}},
	{12, "", "any endpoint will do", change("StoragePolicy", "DenyObjectsFromOutside", "Condition>StringNotEquals", object{"aws:PrincipalAccount": "0"}), []string{"BucketStaysUsable"}},
	{12, "", "another endpoint is let in as well", change("StoragePolicy", "DenyObjectsFromOutside", "Condition>StringNotEqualsIfExists", object{"aws:SourceVpce": "vpce-0"}), []string{"ObjectsAreInside"}},
	{12, "", "a request without an endpoint is let in", change("StoragePolicy", "DenyObjectsFromOutside", "Condition>Null", object{"aws:SourceVpce": "false"}), []string{"ObjectsAreInside"}},
	{12, "", "everybody in the account is exempt", change("StoragePolicy", "DenyObjectsFromOutside", "Condition>ArnNotLike", object{"aws:PrincipalArn": "arn:aws:iam::" + Account + ":role/*"}), []string{"ObjectsAreInside"}},
	{12, "", "an address is let in", change("StoragePolicy", "DenyObjectsFromOutside", "Condition>NotIpAddressIfExists", object{"aws:SourceIp": "203.0.113.7"}), []string{"ObjectsAreInside"}},
	{12, "", "one more role is let in", change("StoragePolicy", "DenyListsFromOutside", "Condition>ArnNotEquals>aws:PrincipalArn", []any{link{"AccessOperator", "Arn"}, "arn:aws:iam::" + Account + ":role/backup"}), []string{"ListsAreInside"}},
	{12, "", "the registry is outside", change("StoragePolicy", "DenyObjectsFromOutside", "NotResource", []any{link{"StorageBucket", "Arn"}, object{"Fn::Join": []any{"", []any{link{"StorageBucket", "Arn"}, "/registry/*"}}}, object{"Fn::Join": []any{"", []any{link{"StorageBucket", "Arn"}, "/fine-tuning-datasets/*"}}}}), []string{"ObjectsAreInside"}},
	{12, "", "the bucket is listed from outside", forget("StoragePolicy", "DenyListsFromOutside"), []string{"ListsAreInside"}},
	{12, "", "versions are listed from outside", but("StoragePolicy", "DenyListsFromOutside", "s3:ListBucketVersions"), []string{"ListsAreInside"}},
	{12, "", "uploaded data is read from outside", forget("StoragePolicy", "DenyUploadedObjectsFromOutside"), []string{"UploadedObjectsAreInside"}},
	{12, "", "uploaded versions are read from outside", change("StoragePolicy", "DenyUploadedObjectsFromOutside", "NotAction", []any{"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:GetObjectVersion"}), []string{"UploadedObjectsAreInside"}},
	{12, "", "nobody may change the bucket's policy any more", beside("StoragePolicy", "DenyWithoutTLS", object{"Sid": "Seeded", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": link{"StorageBucket", "Arn"}, "Condition": object{"StringNotEquals": object{"aws:SourceVpce": link{"NetworkS3Endpoint", ""}}}}), []string{"BucketStaysUsable"}},
	{12, "strict", "uploads by others than those named are taken", forget("StoragePolicy", "DenyUploadsByOthers"), []string{"NamedUploadersOnly"}},
	{12, "sealed", "uploads come from outside though they must not be read there", change("StoragePolicy", "DenyObjectsFromOutside", "Action", dataActions), []string{"ObjectsAreInside"}},

	{28, "", "analyze writes what was accepted", change("FunctionsAnalyzeRole", "KeepRun", "Resource", objectsIn("StorageBucket")), []string{"AcceptedIsValidates", "ObjectsByPrefix"}},
	{28, "", "the service role writes what was accepted", also("CustomizationRole", "ReadAccepted", "s3:PutObject"), []string{"AcceptedIsValidates", "ObjectsByPrefix"}},
	{28, "", "the service role tags what was accepted", also("CustomizationRole", "ReadAccepted", "s3:PutObjectTagging"), []string{"AcceptedIsValidates"}},
	{28, "", "the service role deletes versions of what was accepted", also("CustomizationRole", "ReadAccepted", "s3:DeleteObjectVersion"), []string{"AcceptedIsValidates"}},
	{28, "", "validate takes back what it accepted", also("FunctionsValidateRole", "WriteAccepted", "s3:DeleteObject"), []string{"AcceptedIsValidates"}},
	{28, "", "the operator writes what was accepted", change("AccessOperatorPolicy", "Approve", "Resource", objectsIn("StorageBucket")), []string{"AcceptedIsValidates"}},

	{30, "", "anybody IAM lets writes approvals", forget("StoragePolicy", "DenyApprovalsByOthers"), []string{"ApprovalsAreTheOperators"}},
	{30, "", "throughput writes approvals", both(change("StoragePolicy", "DenyApprovalsByOthers", "Condition>ArnNotEquals>aws:PrincipalArn", []any{link{"AccessOperator", "Arn"}, link{"FunctionsThroughputRole", "Arn"}}), also("FunctionsThroughputRole", "ReadApprovals", "s3:PutObject")), []string{"ApprovalsAreTheOperators", "ObjectsByPrefix"}},
	{30, "", "approvals may be deleted by others", change("StoragePolicy", "DenyApprovalsByOthers", "NotAction", []any{"s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObject"}), []string{"ApprovalsAreTheOperators"}},
	{30, "", "the operator may not approve", change("StoragePolicy", "DenyApprovalsByOthers", "Condition", nil), []string{"ApprovalsAreTheOperators"}},
	{30, "", "the machine buys a job before it asks", inState("WorkflowMachine", "PriceTraining", "Next", "SubmitJob"), []string{"NothingIsBoughtUnasked"}},
	{30, "", "the machine buys where nothing was said", inState("WorkflowMachine", "CheckSpend", "Default", "CheckPurpose"), []string{"NothingIsBoughtUnasked"}},
	{30, "", "an unanswered question buys", inState("WorkflowMachine", "WaitForApproval", "Next", "CheckPurpose"), []string{"NothingIsBoughtUnasked"}},
	{30, "", "a yes to training buys throughput", inState("WorkflowMachine", "CheckPurpose", "Choices", []any{object{"Variable": "$.spend.purpose", "StringEquals": "training", "Next": "SecureThroughput"}, object{"Variable": "$.spend.purpose", "StringEquals": "serving", "Next": "SubmitJob"}}), []string{"NothingIsBoughtUnasked"}},
}

// Control 38 and what of 41 is about data.
var channelMutations = []mutation{
	{38, "", "the topic is not encrypted", unset("NoticesTopic", "Properties.KmsMasterKeyId"), []string{"ChannelsAreEncrypted"}},
	{38, "", "the queue is encrypted with AWS's key", set("NoticesDeadLetters", "Properties.KmsMasterKeyId", "alias/aws/sqs"), []string{"ChannelsAreEncrypted"}},
	{38, "", "the schedule is not encrypted with the key", unset("SweepSchedule", "Properties.KmsKeyArn"), []string{"ChannelsAreEncrypted"}},
	{38, "", "the topic takes notices without TLS", forget("NoticesTopicPolicy", "DenyWithoutTLS"), []string{"ChannelsWantTLS"}},
	{38, "", "the queue takes messages without TLS", forget("NoticesDeadLettersPolicy", "DenyWithoutTLS"), []string{"ChannelsWantTLS"}},
	{38, "", "alarms of other accounts are told", change("NoticesTopicPolicy", "PublishAlarms", "Condition", nil), []string{"ChannelsAreOurs"}},
	{38, "", "events of other accounts are kept", change("NoticesDeadLettersPolicy", "KeepUndelivered", "Condition", nil), []string{"ChannelsAreOurs"}},
	{38, "", "everybody reads the queue", beside("NoticesDeadLettersPolicy", "KeepUndelivered", allow("*", "sqs:ReceiveMessage", link{"NoticesDeadLetters", "Arn"})), []string{"ChannelsAreOurs"}},
	{38, "", "another account subscribes to the topic", beside("NoticesTopicPolicy", "PublishNotices", allow(stranger, "sns:Subscribe", link{"NoticesTopic", "TopicArn"})), []string{"ChannelsAreOurs"}},
	{38, "", "a partner's topic sends messages to the queue", beside("NoticesDeadLettersPolicy", "KeepUndelivered", allowIf("*", "sqs:SendMessage", link{"NoticesDeadLetters", "Arn"}, "ArnLike", "aws:SourceArn", "arn:aws:sns:*:"+foreignAccount+":*")), []string{"NoPolicyAdmitsAnotherAccount"}},
	{38, "", "the queue's policy is on no queue", set("NoticesDeadLettersPolicy", "Properties.Queues", []any{}), []string{"ChannelsAreOurs"}},
	{38, "", "an upload that cannot be delivered is lost", unset("TriggerUpload", "Properties.Targets.0.DeadLetterConfig"), []string{"EventsAreNotLost"}},
	{38, "", "a sweep that cannot start is lost", unset("SweepSchedule", "Properties.Target.DeadLetterConfig"), []string{"EventsAreNotLost"}},
	{38, "", "undelivered events are forgotten within a day", set("NoticesDeadLetters", "Properties.MessageRetentionPeriod", 86400), []string{"EventsAreNotLost"}},

	{41, "", "the bucket goes with the stack", set("StorageBucket", "DeletionPolicy", "Delete"), []string{"DataAndKeyOutliveTheStack"}},
	{41, "", "the key goes when it is replaced", set("Key", "UpdateReplacePolicy", "Delete"), []string{"DataAndKeyOutliveTheStack"}},
	{41, "", "the bucket's policy goes with the stack", unset("StoragePolicy", "DeletionPolicy"), []string{"DataAndKeyOutliveTheStack"}},
}
