package functions

import (
	"github.com/tuneline/tuneline/infra/customization"
	"github.com/tuneline/tuneline/infra/policy"
	"github.com/tuneline/tuneline/internal/finetune"
)

// What each function may do, by the calls it makes. Converse is authorised as
// InvokeModel, HeadObject as GetObject, and a multipart copy as GetObject,
// PutObject and AbortMultipartUpload. To be told that an object does not exist,
// and not that access is denied, a reader needs ListBucket on it as well. Media
// are listed and not read.

func (f *Functions) mayValidate() []policy.Statement {
	return []policy.Statement{
		f.objects("ReadUploads", reading, finetune.PrefixDatasets, finetune.PrefixValidation),
		f.objects("WriteAccepted", []string{"s3:PutObject", "s3:AbortMultipartUpload"}, finetune.PrefixAccepted),
		f.objects("KeepRun", readingAndWriting, finetune.PrefixRuns),
		f.objects("ReadRegistry", []string{"s3:GetObject"}, finetune.PrefixRegistry),
		f.objects("WriteReport", writing, finetune.PrefixReports),
		f.list(finetune.PrefixDatasets, finetune.PrefixValidation, finetune.PrefixMedia, finetune.PrefixRuns, finetune.PrefixRegistry),
		f.place.Key.Use("UseObjects", "s3", true),
	}
}

func (f *Functions) maySubmit(c *customization.Customization) []policy.Statement {
	baseModels := policy.BaseModels(f.Scope, f.place.Config.TunableBaseModels())
	return []policy.Statement{
		{
			// A job makes a custom model of a base model; AWS checks all three.
			Sid: "StartJob", Actions: []string{"bedrock:CreateModelCustomizationJob"},
			Resources:  []string{policy.CustomModels(f.Scope), policy.CustomizationJobs(f.Scope)},
			Conditions: policy.Tagging(f.Scope),
		},
		{
			// The tags of the request are for what it makes, so the check on the
			// base model may be without them. It is one of those that may be tuned.
			Sid: "StartJobOnBaseModel", Actions: []string{"bedrock:CreateModelCustomizationJob"}, Resources: baseModels,
		},
		{
			Sid: "TagJob", Actions: []string{"bedrock:TagResource"},
			Resources:  []string{policy.CustomModels(f.Scope), policy.CustomizationJobs(f.Scope)},
			Conditions: policy.Tagging(f.Scope),
		},
		{Sid: "CheckBaseModel", Actions: []string{"bedrock:GetFoundationModel"}, Resources: baseModels},
		{Sid: "FindJob", Actions: []string{"bedrock:GetModelCustomizationJob"}, Resources: []string{policy.CustomizationJobs(f.Scope)}},
		{Sid: "FindModel", Actions: []string{"bedrock:GetCustomModel"}, Resources: []string{policy.CustomModels(f.Scope)}},
		{
			Sid: "StopJob", Actions: []string{"bedrock:StopModelCustomizationJob"},
			Resources: []string{policy.CustomizationJobs(f.Scope)}, Conditions: policy.Tagged(f.Scope),
		},
		{
			Sid: "PassServiceRole", Actions: []string{"iam:PassRole"}, Resources: []string{*c.Role.AttrArn()},
			Conditions: policy.Conditions{"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}},
		},
		{Sid: "CheckKey", Actions: []string{"kms:DescribeKey"}, Resources: []string{f.place.Key.ARN()}},
		f.place.Key.Use("EncryptModel", "bedrock", true),
		f.place.Key.GrantThroughBedrock("KeepModelReadable"),
		f.objects("KeepRun", readingAndWriting, finetune.PrefixRuns),
		f.objects("ReadRegistry", []string{"s3:GetObject"}, finetune.PrefixRegistry),
		f.list(finetune.PrefixRuns, finetune.PrefixRegistry),
		f.place.Key.Use("UseObjects", "s3", true),
	}
}

func (f *Functions) mayPoll() []policy.Statement {
	return []policy.Statement{
		{Sid: "AskForJob", Actions: []string{"bedrock:GetModelCustomizationJob"}, Resources: []string{policy.CustomizationJobs(f.Scope)}},
		{Sid: "AskForModel", Actions: []string{"bedrock:GetCustomModel"}, Resources: []string{policy.CustomModels(f.Scope)}},
		{Sid: "AskForProvisioned", Actions: []string{"bedrock:GetProvisionedModelThroughput"}, Resources: []string{policy.ProvisionedModels(f.Scope)}},
		{Sid: "AskForDeployment", Actions: []string{"bedrock:GetCustomModelDeployment"}, Resources: []string{policy.Deployments(f.Scope)}},
	}
}

func (f *Functions) mayAnalyze() []policy.Statement {
	return []policy.Statement{
		f.objects("ReadMetrics", []string{"s3:GetObject"}, finetune.PrefixOutputs),
		f.objects("KeepRun", readingAndWriting, finetune.PrefixRuns),
		f.objects("WriteReport", writing, finetune.PrefixReports),
		f.list(finetune.PrefixOutputs, finetune.PrefixRuns),
		f.place.Key.Use("UseObjects", "s3", true),
	}
}

func (f *Functions) mayServe() []policy.Statement {
	models, deployments, provisioned := policy.CustomModels(f.Scope), policy.Deployments(f.Scope), policy.ProvisionedModels(f.Scope)
	jobs, baseModels := policy.CustomizationJobs(f.Scope), policy.BaseModels(f.Scope, f.place.Config.TunableBaseModels())
	return []policy.Statement{
		{
			Sid: "Buy", Actions: []string{"bedrock:CreateProvisionedModelThroughput", "bedrock:CreateCustomModelDeployment"},
			Resources: []string{models}, Conditions: policy.Tagging(f.Scope),
		},
		{
			// AWS checks a throughput's base model as well as its custom model,
			// and may do so without the request's tags. A deployment names a
			// custom model only.
			Sid: "BuyOnBaseModel", Actions: []string{"bedrock:CreateProvisionedModelThroughput"},
			Resources: baseModels, Conditions: policy.TaggingIfAny(f.Scope),
		},
		{
			Sid: "TagWhatWasBought", Actions: []string{"bedrock:TagResource"},
			Resources: []string{deployments, provisioned}, Conditions: policy.Tagging(f.Scope),
		},
		{
			Sid: "Repoint", Actions: []string{"bedrock:UpdateProvisionedModelThroughput"},
			Resources: []string{provisioned, models}, Conditions: policy.Tagged(f.Scope),
		},
		{
			// The base model is in no account and has no tags.
			Sid: "RepointOnBaseModel", Actions: []string{"bedrock:UpdateProvisionedModelThroughput"}, Resources: baseModels,
		},
		{
			Sid: "Release", Actions: []string{"bedrock:DeleteProvisionedModelThroughput", "bedrock:DeleteCustomModelDeployment", "bedrock:StopModelCustomizationJob"},
			Resources: []string{provisioned, deployments, jobs}, Conditions: policy.Tagged(f.Scope),
		},
		{
			Sid: "Try", Actions: []string{"bedrock:InvokeModel"},
			Resources: []string{provisioned, deployments}, Conditions: policy.Tagged(f.Scope),
		},
		{
			Sid:       "AskForOne",
			Actions:   []string{"bedrock:GetProvisionedModelThroughput", "bedrock:GetCustomModelDeployment", "bedrock:GetModelCustomizationJob", "bedrock:ListTagsForResource"},
			Resources: []string{provisioned, deployments, jobs},
		},
		{
			// The lists know no resources.
			Sid:       "AskForAll",
			Actions:   []string{"bedrock:ListProvisionedModelThroughputs", "bedrock:ListCustomModelDeployments"},
			Resources: []string{"*"},
		},
		// Metrics know no resources.
		{Sid: "SeeInvocations", Actions: []string{"cloudwatch:GetMetricStatistics"}, Resources: []string{"*"}},
		f.place.Key.Use("ServeEncryptedModel", "bedrock", false),
		f.objects("KeepRegistry", readingAndWriting, finetune.PrefixRegistry, finetune.PrefixRuns),
		f.objects("WriteReport", writing, finetune.PrefixReports),
		f.objects("ReadApprovals", []string{"s3:GetObject"}, finetune.PrefixApprovals),
		f.list(finetune.PrefixRegistry, finetune.PrefixRuns, finetune.PrefixApprovals),
		f.place.Key.Use("UseObjects", "s3", true),
	}
}

// mayInvoke asks models and lists the registry. Where a guardrail is configured,
// the role can ask only through it, whatever the function's code does or a caller
// sends (https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-permissions-id.html).
func (f *Functions) mayInvoke() []policy.Statement {
	ask := policy.Statement{
		Sid: "Ask", Actions: []string{"bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"},
		Resources: []string{policy.ProvisionedModels(f.Scope), policy.Deployments(f.Scope)}, Conditions: policy.Tagged(f.Scope),
	}
	statements := []policy.Statement{
		f.objects("ReadRegistry", []string{"s3:GetObject"}, finetune.PrefixRegistry),
		f.list(finetune.PrefixRegistry),
		f.place.Key.Use("UseObjects", "s3", false),
		f.place.Key.Use("AskEncryptedModel", "bedrock", false),
	}
	if guardrail := f.place.Config.Guardrail(); guardrail != (finetune.Guardrail{}) {
		ask.Conditions["StringEquals"]["bedrock:GuardrailIdentifier"] = policy.GuardrailVersion(f.Scope, guardrail)
		statements = append(statements, policy.Statement{
			Sid: "PassGuardrail", Actions: []string{"bedrock:ApplyGuardrail"}, Resources: []string{policy.Guardrail(f.Scope, guardrail)},
		})
	}
	return append(statements, ask)
}

// What is done to objects. A record is written on the condition that nobody
// else has written it (If-Match, If-None-Match), for which S3 asks to read it.
var (
	reading           = []string{"s3:GetObject", "s3:GetObjectVersion"}
	readingAndWriting = []string{"s3:GetObject", "s3:PutObject"}
	writing           = []string{"s3:PutObject"}
)

func (f *Functions) objects(sid string, actions []string, prefixes ...string) policy.Statement {
	return policy.Statement{Sid: sid, Actions: actions, Resources: f.bucket.Objects(prefixes...)}
}

// list allows to list under prefixes, and by that to be told that a key does
// not exist. "IfExists" is for the latter: S3 then asks for the permission in a
// request without a prefix. All it shows beyond the prefixes is names of keys.
func (f *Functions) list(prefixes ...string) policy.Statement {
	patterns := make([]string, 0, len(prefixes))
	for _, prefix := range prefixes {
		patterns = append(patterns, prefix+"*")
	}
	return policy.Statement{
		Sid: "SeeWhatIsThere", Actions: []string{"s3:ListBucket"}, Resources: []string{f.bucket.ARN()},
		Conditions: policy.Conditions{"StringLikeIfExists": {"s3:prefix": patterns}},
	}
}
