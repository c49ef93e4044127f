package policy

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tuneline/tuneline/internal/finetune"
)

// The ARN patterns of Bedrock's resource types, after the Service Authorization
// Reference
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html).
// Their ids are Bedrock's own, so the patterns name types; a tag narrows them
// to what this stack made: see [Tagged].

// CustomizationJobs are the account's model customization jobs.
func CustomizationJobs(scope constructs.Construct) string {
	return ARN(scope, "bedrock", "model-customization-job/*")
}

// CustomModels are the account's custom models.
func CustomModels(scope constructs.Construct) string {
	return ARN(scope, "bedrock", "custom-model/*")
}

// Deployments are the account's custom model deployments.
func Deployments(scope constructs.Construct) string {
	return ARN(scope, "bedrock", "custom-model-deployment/*")
}

// ProvisionedModels are the account's provisioned throughputs.
func ProvisionedModels(scope constructs.Construct) string {
	return ARN(scope, "bedrock", "provisioned-model/*")
}

// FoundationModels are the region's base models, which are in no account.
func FoundationModels(scope constructs.Construct) string {
	stack := awscdk.Stack_Of(scope)
	return *jsii.Sprintf("arn:%s:bedrock:%s::foundation-model/*", *stack.Partition(), *stack.Region())
}

// BaseModels are the ARNs of base models in the region, by their ids: amazon.nova-micro-v1:0:128k.
// AWS's pages show ARNs with and without the context length at the end; which of
// the two Bedrock looks for when a job is started no page says, and both are the
// same model.
func BaseModels(scope constructs.Construct, ids []string) []string {
	all := strings.TrimSuffix(FoundationModels(scope), "*")
	var arns []string
	for _, id := range ids {
		arns = append(arns, all+id)
		if parts := strings.SplitN(id, ":", 3); len(parts) == 3 {
			arns = append(arns, all+parts[0]+":"+parts[1])
		}
	}
	return arns
}

// Guardrail is the ARN of a guardrail that is named by its id or its ARN. A
// guardrail profile, which lets other regions do its work, is not in it: a
// question stays in the region.
func Guardrail(scope constructs.Construct, guardrail finetune.Guardrail) string {
	if strings.HasPrefix(guardrail.ID, "arn:") {
		return guardrail.ID
	}
	return ARN(scope, "bedrock", "guardrail/"+guardrail.ID)
}

// GuardrailVersion is a guardrail as the condition key bedrock:GuardrailIdentifier
// names it, which leaves DRAFT out
// (https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-permissions-id.html).
func GuardrailVersion(scope constructs.Construct, guardrail finetune.Guardrail) string {
	if guardrail.Version == "DRAFT" {
		return Guardrail(scope, guardrail)
	}
	return Guardrail(scope, guardrail) + ":" + guardrail.Version
}

// Tagged is the condition that a resource was made by this stack.
func Tagged(scope constructs.Construct) Conditions {
	return Conditions{"StringEquals": {"aws:ResourceTag/" + finetune.TagStack: *awscdk.Stack_Of(scope).StackName()}}
}

// Tagging is the condition that a request tags what it makes as this stack's.
func Tagging(scope constructs.Construct) Conditions {
	return Conditions{"StringEquals": {"aws:RequestTag/" + finetune.TagStack: *awscdk.Stack_Of(scope).StackName()}}
}

// TaggingIfAny is the condition that a request tags what it makes as no other stack's,
// for where a request may be looked at without its tags.
func TaggingIfAny(scope constructs.Construct) Conditions {
	return Conditions{"StringEqualsIfExists": Tagging(scope)["StringEquals"]}
}
