package security

import "slices"

// Control is one promise to the user.
type Control struct {
	// ID is the control's number; assertions and mutations name it.
	ID int
	// Promise says what holds.
	Promise string
	// Standards are the requirements it answers, by the ids of AWS Foundational
	// Security Best Practices ("KMS.4"), the CIS AWS Foundations Benchmark 7.0, the
	// AWS AI Security Framework (AISF), the OWASP Top 10 for LLM applications (LLM)
	// and MITRE ATLAS (AML): only those that were read in published compliance data.
	Standards string
	// Code is where it is built.
	Code string
	// Elsewhere are tests of other packages that prove it, or the part of it that no
	// template shows: a package and its tests, "package Test Test".
	Elsewhere []string
	// Open is what of it is not built or not proved yet; "" for nothing.
	Open string
	// Declined is what of it will not be built, and why; "" for nothing.
	Declined string
}

// Controls are all promises, in the order of their numbers.
var Controls = slices.Concat(networkControls, dataControls, accessControls, runControls, processControls)

var networkControls = []Control{
	{
		ID: 1, Promise: "Nothing leads out of the VPC or into it: no gateway, address, peering or route",
		Standards: "EC2.15, AISF-INFRA-08", Code: "infra/network",
	},
	{
		ID: 2, Promise: "Every AWS service that is called from inside has an endpoint, under its usual name",
		Standards: "CIS 6.8, AISF-INFRA-01", Code: "infra/network", Elsewhere: []string{"infra TestWhatFunctionsDoHasAnEndpoint"},
	},
	{
		ID: 3, Promise: "Endpoints admit this account, the actions that are used, and the stack's resources only",
		Standards: "AISF-INFRA-08", Code: "infra/network, infra/inference",
		Declined: "actions that know no resources, such as lists and metrics, are let through for all of the account: IAM has no narrower form",
	},
	{
		ID: 4, Promise: "Security groups admit named groups at port 443, and lead to endpoints and S3 only; a job's workers reach each other",
		Standards: "EC2.2, EC2.13, EC2.18, EC2.19, CIS 6.5", Code: "infra/network",
		Declined: "the VPC's default group is left as AWS makes it, since CloudFormation cannot change it; nothing is ever in it, which is proved",
	},
	{
		ID: 5, Promise: "Every connection is logged, and functions and endpoints are in two zones or more",
		Standards: "EC2.6, Lambda.5, CIS 4.7", Code: "infra/network",
	},
}

var dataControls = []Control{
	{
		ID: 6, Promise: "The key rotates and takes 30 days to delete; who administers it cannot use it",
		Standards: "KMS.3, KMS.4, CIS 4.6", Code: "infra/storage",
	},
	{
		ID: 7, Promise: "The key is for this account, through the services of the pipeline, and no role of the stack administers it",
		Standards: "KMS.1, KMS.2, KMS.5, CIS 2.21, AISF-INFRA-07", Code: "infra/storage",
		Declined: "Bedrock itself, which AWS has optimize Nova models that throughput is bought for, need not name the account it acts for: no page says that it does; " +
			"if it names one it must be this, and it is bound to encryptions of custom models",
	},
	{
		ID: 8, Promise: "Grants on the key are made by Bedrock, for its own resources, and by nobody else",
		Standards: "KMS.5", Code: "infra/storage, infra/customization",
	},
	{
		ID: 9, Promise: "Buckets are not public, owners are enforced, and their policies give nobody anything",
		Standards: "S3.1, S3.2, S3.3, S3.6, S3.8, S3.12, CIS 3.1.4, AISF-DATA-04", Code: "infra/storage",
	},
	{
		ID: 10, Promise: "Every action on buckets and objects wants TLS 1.2 or later",
		Standards: "S3.5, CIS 3.1.1, AISF-INFRA-06", Code: "infra/storage",
	},
	{
		ID: 11, Promise: "Objects are encrypted with the stack's key and no other",
		Standards: "S3.17, AISF-INFRA-05", Code: "infra/storage",
		Declined: "the bucket of the access log has S3's own key: S3 delivers access logs to no other, and they hold no content",
	},
	{
		ID: 12, Promise: "Every action on objects and versions comes through the stack's endpoint or from the operator; uploads to three prefixes are left to IAM",
		Standards: "AISF-INFRA-08", Code: "infra/storage",
	},
	{
		ID: 13, Promise: "Versions are kept, and end; no role takes one away; who reads and writes is logged",
		Standards: "S3.9, S3.13, S3.14, S3.15", Code: "infra/storage",
		Declined: "no object is locked: the weights of a model are never in the bucket, and training data may hold what its owner must be able to have deleted before a retention period ends; " +
			"what a lock would guard against, that a role of the stack takes a version away, no role may",
	},
}

var accessControls = []Control{
	{
		ID: 14, Promise: "A service assumes a role for this account's own resources only; people are of this account or named",
		Standards: "AISF-IAM-05", Code: "infra/customization, infra/policy",
		Declined: "Lambda names no source when it assumes a function's role, and CloudTrail none when it writes its log group; API Gateway's role for logs is the whole account's",
	},
	{
		ID: 15, Promise: "Each role has exactly the permissions that are written down: actions, resources, prefixes and conditions",
		Standards: "IAM.1, IAM.21, CIS 2.14, AISF-IAM-02", Code: "infra/functions, infra/access, infra/customization",
		Elsewhere: []string{
			"security TestPermissions TestNothingIsAddedUnseen", "infra TestRolesMatchCode TestNoCallPastTheInterfaces",
			"internal/rehearsal TestMissingStatementsAreMissed TestCommandsPeopleAreTold",
		},
	},
	{
		ID: 16, Promise: "One role is handed over, by one function, to Bedrock",
		Standards: "AISF-IAM-02", Code: "infra/functions", Elsewhere: []string{"infra TestPassRole"},
	},
	{
		ID: 17, Promise: "Only allowed base models are tuned, by one function, which asks no model and deletes, buys and shares nothing",
		Standards: "LLM06", Code: "infra/functions, infra/network, infra/config, lambdas/validate",
		Elsewhere: []string{"lambdas/validate TestResolve", "infra/config TestRefused", "internal/rehearsal TestBaseModelsThatAreNotAllowed"},
	},
	{
		ID: 18, Promise: "No policy of AWS's own, no user, no access key",
		Standards: "IAM.1, AISF-IAM-02, AISF-IAM-03", Code: "infra/policy",
	},
	{ID: 19, Promise: "Every action, condition key and pair of action and resource in a policy exists", Code: "infra/policy"},
	{
		ID: 20, Promise: "A permissions boundary can be set on all roles, and the one that is shipped hinders none; policies for an organization are shipped",
		Code: "infra/policy, examples/organization", Elsewhere: []string{
			"security TestOrganizationBoundary TestOrganizationBoundaryOutside TestOrganizationServiceControls TestOrganizationResourceControls TestOrganizationSamplesAreWords",
			"internal/rehearsal TestRunUnderTheShippedBoundary",
		},
		Declined: "Bedrock has no condition key for a job's key and VPC, so a sample can only say who starts jobs; the code sends both, and a job without them is stopped",
	},
	{
		ID: 21, Promise: "A job carries subnets, group, key, role, tags and a token, and is stopped if Bedrock does not show its subnets, group and key",
		Standards: "AISF-INFRA-01", Code: "lambdas/submit, lambdas/poll",
		Elsewhere: []string{"lambdas/submit TestJobInput TestAdoptedJobIsYetToBeChecked", "lambdas/poll TestPrivateCheck TestPollVerifiedJob", "internal/rehearsal TestBadJobs"},
		Declined: "role, tags and token are not looked at again: the one function that makes jobs can hand over one role (16), and must name the stack in the tags (32), and Bedrock shows no token; " +
			"a job that somebody else made under a run's name, on its accepted copy, in the stack's network and with its key is taken over whatever its role and tags",
	},
	{
		ID: 22, Promise: "Functions are in the VPC, traced, bounded, with a role each, and nobody but the API calls them from outside",
		Standards: "Lambda.1, Lambda.2, Lambda.3, Lambda.5, AISF-RUNTIME-03", Code: "infra/functions",
		Elsewhere: []string{"infra TestCodeCannotAttach"},
		Declined: "variables are not encrypted with the stack's key, since they hold what the template does; no concurrency is reserved, since a new account has too little; " +
			"no function has a dead-letter queue: who calls one waits for its answer, and where CloudFormation does not, a deletion without an answer fails and is run again",
	},
	{
		ID: 23, Promise: "No secret is in the template, in a variable or in a log",
		Standards: "AISF-DATA-05, LLM02", Code: "infra, internal/finetune, internal/strict", Elsewhere: []string{
			"infra TestTemplateNamesNobody",
			"internal/rehearsal TestNothingOfADataSetLeaks TestNothingOfSettingsLeaks TestNothingOfApprovalsAndMetricsLeaks TestNothingOfRequestsLeaks TestNothingOfTokensLeaks " +
				"TestNothingOfErrorsLeaks TestNothingOfFailuresLeaks TestDataFaultTellsNoData TestSeededLeaksAreFound",
			"internal/finetune TestPlainWords TestDataFaultHoldsNoData FuzzPlainWords", "internal/strict FuzzDecode", "internal/dataset TestReportHoldsNoData",
			"lambdas/submit TestAnswersHoldNoData", "lambdas/poll TestDeploymentState TestProvisionedState", "lambdas/validate TestTellable",
			"lambdas/authorize TestUnknownKidIsNotLogged", "cmd/tuneline TestCommandsTellNothingOfTheData", "internal/scan TestSecrets",
		},
	},
	{
		ID: 32, Promise: "Models are made, changed and asked with the stack's tag only; only two functions ask, and tuned models only",
		Code: "infra/functions, infra/policy", Elsewhere: []string{
			"lambdas/submit TestJobInput", "infra TestPowerOverModels", "lambdas/throughput TestSecureFindsAForeigner TestSweepLeavesOthersAlone",
			"internal/rehearsal TestStackLeavesWhatIsNotItsOwn",
		},
		Declined: "of the base model that capacity is bought on, no tag is wanted where the request has none: whether AWS looks at a base model with the request's tags no page says, and a purchase that is refused comes after its training was paid for; it must be a base model that may be tuned, and the code tags what it buys",
	},
	{
		ID: 33, Promise: "Where a guardrail is configured, the function cannot leave it out",
		Standards: "AISF-AI-01, AISF-AI-02, AISF-AI-03, LLM09", Code: "infra/functions, lambdas/invoke",
		Elsewhere: []string{"infra TestGuardrail", "lambdas/invoke TestGuards TestOurs FuzzGuard", "internal/rehearsal TestGuardrail TestGuardedAPI"},
		Declined: "nothing judges what a model says before its release: what is safe to say differs from team to team, and a test of ours would be taken for one that knows; " +
			"there is a word of a person before a purchase, and a guardrail by configuration; the runbook says how to evaluate a model while a run waits",
	},
}

var runControls = []Control{
	{
		ID: 24, Promise: "State machines are logged without data, traced, encrypted, and made of states that are reached and call the stack only",
		Standards: "StepFunctions.1", Code: "infra/workflow, statemachine", Elsewhere: []string{"statemachine TestEveryTaskIsGuarded TestEveryStateIsReachable"},
	},
	{
		ID: 25, Promise: "Every route of the API wants authorization, checks bodies, is throttled and traced, and logs who asked and not what",
		Standards: "APIGateway.1, APIGateway.3, APIGateway.4, CIS 4.10, AISF-IAM-08, AISF-INFRA-03, LLM10", Code: "infra/inference, lambdas/authorize",
		Elsewhere: []string{
			"internal/rehearsal TestUnsignedCallsAreRefused TestNoRouteWithoutAuthorization TestCallersAreHeldToTheirPolicies TestShowingIsPermittedByModel TestTokens " +
				"TestSpellingsOpenNothing TestUnreachableIssuer TestGuardedAPI TestNothingOfRequestsLeaks TestNothingOfTokensLeaks",
			"lambdas/authorize TestForgedTokens TestBadClaims TestScopes TestPolicy TestPlaces TestRedirects TestAnswersOfTheIssuer TestAlgorithmOfAKey TestRotation " +
				"TestUnreachable FuzzHandle",
		},
	},
	{
		ID: 26, Promise: "No body breaks a handler, and no data set, setting, approval, record or message its reader; no name leads elsewhere",
		Code: "lambdas/invoke, lambdas/authorize, lambdas/validate, internal/strict, internal/task, internal/dataset, internal/finetune, internal/registry",
		Elsewhere: []string{
			"infra TestBodies", "internal/rehearsal TestHostileBodies TestMutatedBodies TestBadRequestsAreRefused",
			"lambdas/invoke TestRefuses FuzzHandle FuzzStream", "lambdas/invoke/chat TestManyTools FuzzRead FuzzStream FuzzAnswer",
			"lambdas/authorize TestAnswersOfTheIssuer FuzzHandle FuzzModels FuzzReadKeys", "lambdas/validate TestTooLongTuning FuzzParseTuning", "lambdas/analyze FuzzParse",
			"internal/strict TestDecode TestDecodeKnown TestRead FuzzDecode", "internal/task TestHandler", "internal/dataset FuzzCheck FuzzDetect", "internal/dataset/advice FuzzSecrets FuzzPersonalData",
			"internal/finetune FuzzKeys FuzzCheckKey FuzzPlainWords", "internal/registry TestNamesLeadNowhereElse FuzzParseApproval",
		},
	},
	{
		ID: 27, Promise: "Where a firewall is configured, it limits rates, knows bad requests, and is logged and counted without prompts and credentials",
		Standards: "WAF.10, WAF.11, WAF.12", Code: "infra/inference", Elsewhere: []string{"infra TestFirewall"},
	},
	{
		ID: 28, Promise: "A job is trained on what was uploaded and checked: only validate writes the accepted copy",
		Standards: "LLM04, AML.T0020, AML.T0010.002", Code: "lambdas/validate, infra/functions",
		Elsewhere: []string{
			"internal/rehearsal TestUploadOverwritten TestSettingsAndValidationDataArePinned TestWhatStartsNothing TestRunStartsNoOther " +
				"TestMissingImagesAreRejected TestImagesOutOfPlaceAreRejected",
			"lambdas/validate TestLook TestHandleAgain TestHandleWhenFilesMove TestCopyTakesNothingAlong TestBadMediaIsRejected", "lambdas/submit TestOnlyAcceptedCopiesAreTrainedOn",
			"internal/dataset TestMediaLeadNowhereElse",
		},
		Declined: "media are not copied, since they may be hundreds of gigabytes: a job reads what lies under a key when it reads its data; of personal data only e-mail addresses, card numbers and IBANs are looked for",
	},
	{
		ID: 29, Promise: "A record ties data set, settings, job, model and approval together, and only the steps that are named write records",
		Standards: "AISF-ML-04", Code: "internal/registry, lambdas/throughput", Elsewhere: []string{"internal/rehearsal TestRecordTiesARunTogether TestSettingsAndValidationDataArePinned"},
		Declined: "records are not signed: a signature by the role that may write a record proves no more than the policy that lets only this role write it; " +
			"there is one key, versions keep what was there before, and a trail records who wrote",
	},
	{
		ID: 30, Promise: "Nothing over a ceiling is bought before the operator approved it, and nobody else can",
		Standards: "LLM06, AISF-MODEL-02", Code: "statemachine, infra/storage",
		Elsewhere: []string{
			"internal/rehearsal TestSpendingWaitsForAnApproval TestRejectedSpendingBuysNothing TestUnansweredSpendingGivesUp TestStoppedWhileWaitingBuysNothing " +
				"TestBadApprovalIsIgnored TestManyEpochsAreAskedFor",
			"lambdas/throughput TestPurchaseAsksOnceMore TestCommitmentIsAskedFor", "internal/finetune TestCrossed", "internal/registry TestApprovalCounts TestMalformedApproval",
		},
	},
	{
		ID: 31, Promise: "Runs, tasks and spending have limits, and sweeps look after what was bought", Standards: "LLM10", Code: "statemachine, lambdas/validate",
		Elsewhere: []string{
			"lambdas/validate TestTuningRaisesNoCeiling", "statemachine TestLoopsAreBounded TestTimeoutIsBeyondEveryDeadline",
			"internal/rehearsal TestMachineTimeOut TestEventDeliveredTwiceAtOnce TestTwoFirstUploadsBuyOnce TestSweepReleasesWhatExpired TestSweepReleasesWhatIsIdle " +
				"TestSweepReleasesOrphans TestSweepReleasesNothingUntold TestSweepOnlyTellsByDefault",
		},
	},
	{
		ID: 34, Promise: "Logging of model invocations is the account's, and opted into", Standards: "AISF-AI-05",
		Declined: "the setting is one for the whole account and Region and would log what other teams ask: a stack must not turn it on",
	},
	{
		ID: 35, Promise: "Where a trail is configured, it records all calls of all Regions and the use of the bucket's objects, encrypted, checked and kept",
		Standards: "CloudTrail.1 to CloudTrail.7, CIS 4.1, CIS 4.2, CIS 4.5, CIS 4.8, CIS 4.9, AISF-DETECT-01", Code: "infra/trail, infra/storage",
		Declined: "it is off by default: most accounts have a trail, and a second one costs money; the use of the trail's own bucket is in the access log only, since each file would record another one",
	},
	{ID: 36, Promise: "Logs are encrypted with the key, end, and go nowhere else", Code: "infra/logging"},
	{
		ID: 37, Promise: "What matters has an alarm that can ring and is heard; a change of what guards the stack is told, and so is who else makes or asks tuned models",
		Standards: "CIS 5.1 to CIS 5.14, AISF-DETECT-05", Code: "infra/observability",
		Declined: "no metric filters on a trail's log group, which the benchmark has: rules on the same events work with any trail, cost nothing and say who did it; " +
			"outside us-east-1 changes of roles are not told, since IAM's events are there only",
	},
	{
		ID: 38, Promise: "Topic, queue and schedule are encrypted, want TLS and are for this account; no event is lost",
		Standards: "SNS.1, SNS.4, SQS.1", Code: "infra/notices, infra/trigger, infra/sweep",
		Declined: "EventBridge publishes to the topic without a condition: AWS supports none there; what it encrypts binds it to topics of this account",
	},
	{
		ID: 41, Promise: "Data and key outlive the stack; whatever ends badly, or is torn down, releases what is billed",
		Code: "infra/lifecycle, infra/trigger, statemachine",
		Elsewhere: []string{
			"internal/rehearsal TestStopExecution TestMachineTimeOut TestReleaseGivesUp TestStackIsDeleted TestStackIsDeletedWhileARunGoesOn TestStackWithACommitmentIsDeleted " +
				"TestTeardownRacingAPurchase TestTeardownRacingAnUpload",
			"internal/rehearsal/chaos TestSample", "lambdas/throughput TestReleaseAnywhereKilled TestPublishAnywhereKilled TestTakenUpAnywhereKilled",
			"statemachine TestNoBadEndWithoutRelease", "internal/architecture TestNothingDeletesWhatIsKept",
		},
	},
}

var processControls = []Control{
	{
		ID: 39, Promise: "The same source gives the same template, and it names nobody", Code: "infra",
		Elsewhere: []string{"infra TestSameSourceSameTemplate TestTemplateNamesNobody"},
	},
	{
		ID: 40, Promise: "What is built is pinned, comes out the same, has a bill of materials, and no known vulnerability without a reason", Standards: "LLM03", Code: "infra/functions, internal/scan",
		Elsewhere: []string{"infra/functions TestSameSourceSameHash TestBuiltFromGoAlone TestModulesAreNotChanged", "internal/scan TestBills TestVulnerabilities TestVulnerabilityIsFound"},
		Declined:  "npm's packages are no part of what is deployed: they are pinned by checksum, and audited by make vulncheck where the registry answers audits",
	},
	{
		ID: 42, Promise: "Every exception of a scanner is for one thing, reasoned, counted, and gone when it is not needed", Code: "internal/scan, infra/rules",
		Elsewhere: []string{"internal/scan TestNag TestGuard TestCfnLint TestStateMachines TestHold", "infra TestRulesStopADeployment"},
	},
	{ID: 43, Promise: "Each control leads to code, test and seeded defect", Standards: "AISF-GOV-06", Code: "security", Elsewhere: []string{"security TestControlsAreProved TestEveryDefectIsFound TestNoAssertionIsIdle"}},
	{
		ID: 44, Promise: "Nothing is in the template that these promises are not about: types, and properties of the types, are listed", Code: "security",
	},
}
