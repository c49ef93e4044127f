package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
)

// preflight refuses, before anything is paid for, a job that Bedrock would
// refuse or that would fail after hours: each error says what to do.
//
// It asks KMS and Bedrock, which can be reached from inside the VPC. Service role,
// quotas and zones are known outside only: "tuneline preflight" looks at them, and
// Bedrock's refusal is explained ([explain]).
func (h handler) preflight(ctx context.Context, in finetune.SubmitInput) error {
	if err := h.checkURIs(in); err != nil {
		return err
	}
	if err := h.checkKey(ctx); err != nil {
		return err
	}
	if err := h.checkBaseModel(ctx, in.Settings); err != nil {
		return err
	}
	return h.checkName(ctx, in)
}

// checkURIs holds what Bedrock is to read against the places that a run's accepted
// copies have: nothing else is trained on, whatever the execution says. The check of a
// data set names them so; another name means functions of different versions at work, or
// an input that somebody wrote.
func (h handler) checkURIs(in finetune.SubmitInput) error {
	if err := in.Run.ID.Check(); err != nil {
		return finetune.Errorf(finetune.Internal, "submitting a job: %w", err)
	}
	places := map[string]string{in.Training.URI: finetune.AcceptedTrainingKey(in.Run.ID)}
	if in.Validation != nil {
		places[in.Validation.URI] = finetune.AcceptedValidationKey(in.Run.ID, in.Validation.VersionID)
	}
	for uri, key := range places {
		if uri != finetune.S3URI(h.stack.bucket, key) {
			return finetune.Errorf(finetune.Internal, "run %s is to train on something else than its accepted copy %s; deploy the stack once more, so that all functions are of one version, and upload the data set again", in.Run.ID, finetune.S3URI(h.stack.bucket, key))
		}
	}
	return nil
}

// checkName refuses a run whose custom model's name somebody else's model has.
// Whatever Bedrock answers otherwise is left to the job's creation, which refuses
// a name in use by itself, without saying whose it is.
func (h handler) checkName(ctx context.Context, in finetune.SubmitInput) error {
	name := in.Run.Name()
	out, err := h.bedrock.GetCustomModel(ctx, &bedrock.GetCustomModelInput{ModelIdentifier: &name})
	if err != nil || out.TrainingDataConfig == nil || aws.ToString(out.TrainingDataConfig.S3Uri) == in.Training.URI {
		return nil //nolint:nilerr // see above
	}
	arn := aws.ToString(out.ModelArn)
	return finetune.Errorf(finetune.SettingsRejected, "the name %s belongs to custom model %s, which was not trained on %s; upload the data set again, which makes another name, or, if nobody needs the model, let an administrator run: aws bedrock delete-custom-model --model-identifier %s", name, arn, in.Training.URI, arn)
}

// checkKey asks whether the model can be encrypted with the stack's key.
func (h handler) checkKey(ctx context.Context) error {
	arn := h.stack.keyARN
	out, err := h.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &arn})
	if missing := new(kmstypes.NotFoundException); errors.As(err, &missing) {
		return finetune.Errorf(finetune.SettingsRejected, "key %s does not exist; deploy the stack anew: %w", arn, err)
	}
	if err != nil {
		return fmt.Errorf("describing key %s: %w", arn, err)
	}
	return keyState(arn, out.KeyMetadata)
}

// keyState says what is wrong with the key, if anything.
func keyState(arn string, key *kmstypes.KeyMetadata) error {
	switch {
	case key == nil:
		return finetune.Errorf(finetune.Internal, "describing key %s: KMS answered without metadata", arn)
	case key.KeyState == kmstypes.KeyStatePendingDeletion:
		return finetune.Errorf(finetune.SettingsRejected, "key %s is pending deletion%s, and every custom model made with it is lost with it; let an administrator run: aws kms cancel-key-deletion --key-id %s, then aws kms enable-key --key-id %s, then upload the data set again", arn, on(" on ", key.DeletionDate), arn, arn)
	case !key.Enabled:
		return finetune.Errorf(finetune.SettingsRejected, "key %s is not enabled (%s); let an administrator run: aws kms enable-key --key-id %s, then upload the data set again", arn, key.KeyState, arn)
	}
	return nil
}

// checkBaseModel asks the account whether a job on the base model can still be
// made: the catalogue knows dates, the account knows today.
func (h handler) checkBaseModel(ctx context.Context, settings finetune.Settings) error {
	model, err := h.catalog.Find(settings.BaseModel)
	if err != nil {
		return finetune.Errorf(finetune.SettingsRejected, "%w", err)
	}
	if err := model.CheckRegion(regionOf(h.stack.keyARN)); err != nil {
		return finetune.Errorf(finetune.SettingsRejected, "%w; set another baseModel in tuning.json or in the stack's configuration", err)
	}
	details, exact, err := h.describe(ctx, model)
	if err != nil {
		return err
	}
	if details == nil {
		return finetune.Errorf(finetune.SettingsRejected, "Bedrock does not know base model %s here: it is retired or not offered in this region (%s); set another baseModel in tuning.json or in the stack's configuration: %s", model.ID, model.Regions, choices(h.catalog.Active(h.now())))
	}
	if err := h.checkLifecycle(model, details.ModelLifecycle); err != nil {
		return err
	}
	if exact && !supports(details.CustomizationsSupported, settings.CustomizationType) {
		return finetune.Errorf(finetune.SettingsRejected, "base model %s does not take customization type %s in this account and region, only %v; set another baseModel in tuning.json or in the stack's configuration", model.ID, settings.CustomizationType, details.CustomizationsSupported)
	}
	return nil
}

// describe asks for the base model in the variant that is tuned, and if
// Bedrock does not answer for variants, for the base model itself, of which
// customizationsSupported says nothing (exact is false then). Details are nil
// when Bedrock knows neither.
func (h handler) describe(ctx context.Context, model *catalog.BaseModel) (details *types.FoundationModelDetails, exact bool, err error) {
	for _, id := range []string{model.ID, model.FoundationModelID()} {
		out, err := h.bedrock.GetFoundationModel(ctx, &bedrock.GetFoundationModelInput{ModelIdentifier: &id})
		var missing *types.ResourceNotFoundException
		var invalid *types.ValidationException
		if errors.As(err, &missing) || errors.As(err, &invalid) {
			continue
		}
		if err != nil {
			return nil, false, fmt.Errorf("asking for base model %s: %w", id, err)
		}
		if out.ModelDetails == nil {
			return nil, false, finetune.Errorf(finetune.Internal, "asking for base model %s: Bedrock answered without details", id)
		}
		return out.ModelDetails, id == model.ID, nil
	}
	return nil, false, nil
}

// checkLifecycle refuses a base model that Bedrock makes no new jobs on.
func (h handler) checkLifecycle(model *catalog.BaseModel, lifecycle *types.FoundationModelLifecycle) error {
	if lifecycle == nil {
		return nil
	}
	status := string(lifecycle.Status)
	if end := lifecycle.EndOfLifeTime; end != nil && !h.now().Before(*end) {
		status = catalog.StatusEOL
	}
	if status == catalog.StatusActive || status == "" {
		return nil
	}
	return finetune.Errorf(finetune.SettingsRejected, "%s. Bedrock says of it: %s%s%s", h.catalog.NextStep(model, status, h.now()), lifecycle.Status, on(", Legacy since ", lifecycle.LegacyTime), on(", end of life ", lifecycle.EndOfLifeTime))
}

// supports says whether a type is among those Bedrock lists. Its enumeration
// has no word for reinforcement fine-tuning, so only its own words are held
// against it.
func supports(listed []types.ModelCustomization, customizationType string) bool {
	asked := types.ModelCustomization(customizationType)
	return slices.Contains(listed, asked) || !slices.Contains(asked.Values(), asked)
}

// regionOf is the Region in an ARN: the key's is the stack's.
func regionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 5)
	if len(parts) < 5 {
		return ""
	}
	return parts[3]
}

// choices names base models.
func choices(models []*catalog.BaseModel) []string {
	ids := make([]string, len(models))
	for i, model := range models {
		ids[i] = model.ID
	}
	return ids
}

// on is a date after its lead, or nothing when there is none.
func on(lead string, date *time.Time) string {
	if date == nil {
		return ""
	}
	return lead + date.UTC().Format(time.DateOnly)
}
