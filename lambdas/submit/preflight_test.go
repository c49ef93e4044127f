package main

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/task"
)

func TestCheckKey(t *testing.T) {
	tests := map[string]struct {
		key  *kmstypes.KeyMetadata
		err  error
		kind finetune.Kind
		want string
	}{
		"enabled":          {key: &kmstypes.KeyMetadata{Enabled: true, KeyState: "Enabled"}},
		"disabled":         {key: &kmstypes.KeyMetadata{KeyState: "Disabled"}, kind: finetune.SettingsRejected, want: "aws kms enable-key --key-id " + keyARN},
		"pending deletion": {key: &kmstypes.KeyMetadata{KeyState: "PendingDeletion", DeletionDate: aws.Time(today)}, kind: finetune.SettingsRejected, want: "on 2026-11-23, and every custom model"},
		"gone":             {err: &kmstypes.NotFoundException{}, kind: finetune.SettingsRejected, want: keyARN},
		"no metadata":      {kind: finetune.Internal, want: keyARN},
		"denied":           {err: &types.AccessDeniedException{}, kind: finetune.AccessDenied, want: keyARN},
		"unreachable":      {err: errReset, kind: finetune.Internal, want: keyARN},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h, _ := testHandler(t, fake{key: func() (*kms.DescribeKeyOutput, error) {
				return &kms.DescribeKeyOutput{KeyMetadata: test.key}, test.err
			}})
			checkRefusal(t, h.checkKey(t.Context()), test.kind, test.want)
		})
	}
}

// checkRefusal checks an error's kind and text; no kind means no error.
func checkRefusal(t *testing.T, err error, kind finetune.Kind, want string) {
	t.Helper()
	if kind == "" {
		if err != nil {
			t.Errorf("got %v, want no error", err)
		}
		return
	}
	if err == nil || task.Kind(err) != kind || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s: %q", err, kind, want)
	}
}

func TestCheckBaseModel(t *testing.T) {
	type details = types.FoundationModelDetails
	answer := func(d *details) func(string) (*bedrock.GetFoundationModelOutput, error) {
		return func(string) (*bedrock.GetFoundationModelOutput, error) {
			return &bedrock.GetFoundationModelOutput{ModelDetails: d}, nil
		}
	}
	refuse := func(err error, ids ...string) func(string) (*bedrock.GetFoundationModelOutput, error) {
		return func(id string) (*bedrock.GetFoundationModelOutput, error) {
			for _, refused := range ids {
				if id == refused {
					return nil, err
				}
			}
			// Asked by its own id, a base model lists no customizations.
			return answer(&details{ModelLifecycle: &types.FoundationModelLifecycle{Status: "ACTIVE"}})(id)
		}
	}
	both := []string{base, "amazon.nova-micro-v1:0"}
	fineTuning := []types.ModelCustomization{"FINE_TUNING"}
	past, future := aws.Time(today.Add(-48*time.Hour)), aws.Time(today.Add(48*time.Hour))
	tests := map[string]struct {
		foundation func(string) (*bedrock.GetFoundationModelOutput, error)
		settings   finetune.Settings
		kind       finetune.Kind
		want       string
	}{
		"active":               {foundation: answer(&details{CustomizationsSupported: fineTuning, ModelLifecycle: &types.FoundationModelLifecycle{Status: "ACTIVE", EndOfLifeTime: future}})},
		"no lifecycle shown":   {foundation: answer(&details{CustomizationsSupported: fineTuning})},
		"legacy":               {foundation: answer(&details{CustomizationsSupported: fineTuning, ModelLifecycle: &types.FoundationModelLifecycle{Status: "LEGACY", LegacyTime: past, EndOfLifeTime: future}}), kind: finetune.SettingsRejected, want: "Bedrock says of it: LEGACY, Legacy since 2026-11-21, end of life 2026-11-25"},
		"legacy, alternatives": {foundation: answer(&details{ModelLifecycle: &types.FoundationModelLifecycle{Status: "LEGACY"}}), kind: finetune.SettingsRejected, want: "amazon.nova-lite-v1:0:300k"},
		"past its end of life": {foundation: answer(&details{CustomizationsSupported: fineTuning, ModelLifecycle: &types.FoundationModelLifecycle{Status: "ACTIVE", EndOfLifeTime: past}}), kind: finetune.SettingsRejected, want: "end of life"},
		"not tunable here":     {foundation: answer(&details{CustomizationsSupported: []types.ModelCustomization{"DISTILLATION"}}), kind: finetune.SettingsRejected, want: "does not take customization type FINE_TUNING"},
		"a type without a word in the enumeration": {
			foundation: answer(&details{CustomizationsSupported: fineTuning}),
			settings:   finetune.Settings{BaseModel: base, CustomizationType: "REINFORCEMENT_FINE_TUNING"},
		},
		"answers without variants":         {foundation: refuse(&types.ResourceNotFoundException{}, base)},
		"refuses the form of the variants": {foundation: refuse(&types.ValidationException{}, base)},
		"unknown":                          {foundation: refuse(&types.ResourceNotFoundException{}, both...), kind: finetune.SettingsRejected, want: "retired or not offered"},
		"throttled":                        {foundation: refuse(&types.ThrottlingException{}, both...), kind: finetune.Throttled, want: base},
		"no details":                       {foundation: answer(nil), kind: finetune.Internal, want: base},
		"not in the catalogue":             {settings: finetune.Settings{BaseModel: "acme.model"}, kind: finetune.SettingsRejected, want: "acme.model"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			settings := test.settings
			if settings.BaseModel == "" {
				settings = input.Settings
			}
			h, _ := testHandler(t, fake{foundation: test.foundation})
			checkRefusal(t, h.checkBaseModel(t.Context(), settings), test.kind, test.want)
		})
	}
}

// TestCheckRegion ensures that a base model that is tuned elsewhere is refused
// without asking.
func TestCheckRegion(t *testing.T) {
	for key, want := range map[string]string{
		"arn:aws:kms:us-west-2:111122223333:key/1": `cannot be customized in "us-west-2"; use us-east-1; set another baseModel`,
		"no ARN": `cannot be customized in ""`,
	} {
		h, _ := testHandler(t, fake{})
		h.stack.keyARN = key
		checkRefusal(t, h.checkBaseModel(t.Context(), input.Settings), finetune.SettingsRejected, want)
	}
}

// TestCheckName ensures that a name in use is refused with whose it is, and that
// nothing else about the name stands in the way of the job.
func TestCheckName(t *testing.T) {
	const arn = "arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.nova-micro-v1:0:128k/abcdef123456"
	model := func(uri string) *bedrock.GetCustomModelOutput {
		return &bedrock.GetCustomModelOutput{ModelArn: aws.String(arn), TrainingDataConfig: &types.TrainingDataConfig{S3Uri: &uri}}
	}
	tests := map[string]struct {
		out  *bedrock.GetCustomModelOutput
		err  error
		kind finetune.Kind
		want string
	}{
		"free":            {err: &types.ResourceNotFoundException{}},
		"our own":         {out: model(input.Training.URI)},
		"somebody else's": {out: model("s3://other/train.jsonl"), kind: finetune.SettingsRejected, want: "aws bedrock delete-custom-model --model-identifier " + arn},
		"of unknown data": {out: &bedrock.GetCustomModelOutput{ModelArn: aws.String(arn)}},
		"denied":          {err: &types.AccessDeniedException{}},
		"throttled":       {err: &types.ThrottlingException{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := ready()
			f.model = func(id string) (*bedrock.GetCustomModelOutput, error) {
				if id != "support-0123456789abcdef" {
					t.Errorf("asked for %s, want the run's name", id)
				}
				return test.out, test.err
			}
			h, _ := testHandler(t, f)
			checkRefusal(t, h.preflight(t.Context(), input), test.kind, test.want)
		})
	}
}

// TestPreflightStopsBeforeAnythingIsMade ensures that a refusal leaves neither
// a job nor a word of one.
func TestPreflightStopsBeforeAnythingIsMade(t *testing.T) {
	f := ready()
	f.create = nil
	f.key = func() (*kms.DescribeKeyOutput, error) { return nil, &kmstypes.NotFoundException{} }
	h, r := testHandler(t, f)
	_, err := h.Handle(t.Context(), input)
	if !isKind(err, finetune.SettingsRejected) || r.read(t).Job != nil {
		t.Errorf("got %v, recorded %+v, want SettingsRejected and nothing", err, r.read(t).Job)
	}
}

// Ensure a job reads the run's accepted copies and nothing else, however its place is
// spelled.
func TestOnlyAcceptedCopiesAreTrainedOn(t *testing.T) {
	h, _ := testHandler(t, ready())
	right := input.Training.URI
	for _, uri := range []string{
		"", "s3://other/accepted/0123456789abcdef/train.jsonl", right + "/", right + "?versionId=1", strings.ToUpper(right), "S3" + right[2:], strings.Replace(right, "accepted/", "accepted//", 1),
		strings.Replace(right, "accepted/", "accepted/../fine-tuning-datasets/", 1), strings.Replace(right, "accepted", "fine-tuning-datasets", 1), strings.Replace(right, "0123456789abcdef", "fedcba9876543210", 1),
		strings.Replace(right, "accepted", "%61ccepted", 1), strings.Replace(right, "s3://", "s3://x@", 1), strings.Replace(right, "s3://", "arn:aws:s3:::", 1), strings.TrimSuffix(right, "train.jsonl"),
	} {
		training, validation := input, input
		training.Training.URI = uri
		copied := *input.Validation
		copied.URI = uri
		validation.Validation = &copied
		checkRefusal(t, h.checkURIs(training), finetune.Internal, "its accepted copy "+right)
		checkRefusal(t, h.checkURIs(validation), finetune.Internal, "its accepted copy")
	}
	another := input
	another.Run.ID = "../../runs"
	checkRefusal(t, h.checkURIs(another), finetune.Internal, "no run's id")
	checkRefusal(t, h.checkURIs(input), "", "")
}
