package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
)

// explain gives a refusal of CreateModelCustomizationJob its kind and its next
// step. Throttling and faults of the service keep what internal/task makes of
// them.
func explain(in finetune.SubmitInput, err error) error {
	name, base := in.Run.Name(), in.Settings.BaseModel
	var (
		quota   *types.ServiceQuotaExceededException
		invalid *types.ValidationException
		used    *types.ConflictException
		missing *types.ResourceNotFoundException
		denied  *types.AccessDeniedException
	)
	switch {
	case errors.As(err, &quota):
		return finetune.Errorf(finetune.Busy, "creating job %s: a quota is used up, either 10 jobs a Region, or 2 models being created (L-C02E1E99), or 100 custom models (L-CB5B847D, which no waiting helps: delete models or ask for more): %w", name, err)
	case errors.As(err, &invalid):
		return refusal(name, invalid.ErrorMessage(), err)
	case errors.As(err, &used):
		return finetune.Errorf(finetune.SettingsRejected, "creating job %s: no job has the name, so most likely a custom model of that name stands: delete it or upload the data set again, which makes another name: %w", name, err)
	case errors.As(err, &missing):
		return finetune.Errorf(finetune.SettingsRejected, "creating job %s: Bedrock does not find what the job names, most likely base model %s: set another baseModel in tuning.json or in the stack's configuration: %w", name, base, err)
	case errors.As(err, &denied):
		return finetune.Errorf(finetune.AccessDenied, "creating job %s: the submit function may not do this, or the account has no access to base model %s; if the stack is deployed as it is, look for a service control policy that denies bedrock:CreateModelCustomizationJob; tuneline preflight tells whether the account has access: %w", name, base, err)
	}
	return fmt.Errorf("creating job %s: %w", name, err)
}

// refusals maps the texts that Bedrock's troubleshooting page documents
// (https://docs.aws.amazon.com/bedrock/latest/userguide/fine-tuning-troubleshooting.html)
// to what they mean here, but for those that blame the data set, which are
// finetune.DataFault's. Each is found by a part of the text.
var refusals = []struct {
	text string
	kind finetune.Kind
	next string
}{
	{"Could not validate GetObject permissions", finetune.SettingsRejected, "the service role cannot read the accepted copy: bucket and job must be in one Region, the role needs s3:GetObject, s3:ListBucket and kms:Decrypt and must trust bedrock.amazonaws.com, as tuneline preflight shows; if Bedrock looks from outside the VPC, set bucketPolicy.exemptServiceRole to true and deploy"},
	{"perms missing (PutObject)", finetune.SettingsRejected, "the service role cannot write under outputs/: it needs s3:PutObject there and kms:GenerateDataKey; if Bedrock looks from outside the VPC, set bucketPolicy.exemptServiceRole to true and deploy"},
	{"unexpected error when processing the request", finetune.Unavailable, "a fault of the service; it is tried again"},
}

// refusal explains a ValidationException by its message.
func refusal(name, message string, err error) error {
	if fault, ok := finetune.DataFault(message); ok {
		return finetune.Errorf(finetune.DatasetRejected, "creating job %s is refused over a data set that the check had accepted. %s", name, fault)
	}
	for _, r := range refusals {
		if strings.Contains(strings.ToLower(message), strings.ToLower(r.text)) {
			return finetune.Errorf(r.kind, "creating job %s: %s: %w", name, r.next, err)
		}
	}
	return finetune.Errorf(finetune.SettingsRejected, "creating job %s: Bedrock refuses the settings; change what it names in tuning.json or in the stack's configuration and upload again (words that may be data are left out; the event in CloudTrail has all of them): %w", name, err)
}
