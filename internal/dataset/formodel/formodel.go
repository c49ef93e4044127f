// Package formodel says how a data set is checked for a base model of the
// catalogue and a customization type, and how without a base model.
package formodel

import (
	"fmt"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/dataset"
)

// Options are the format, limits and rules of a data set for this base model and
// customization type, which is the API's word, such as FINE_TUNING. What depends
// on the file (role, bucket, size) is for the caller to add.
func Options(m *catalog.BaseModel, customizationType string) (dataset.Options, error) {
	data, err := m.Data(customizationType)
	if err != nil {
		return dataset.Options{}, fmt.Errorf("choosing how to check a data set: %w", err)
	}
	rules, err := dataset.RulesFor(m.Family)
	if err != nil {
		return dataset.Options{}, fmt.Errorf("base model %s: %w", m.ID, err)
	}
	rules.BaseModel = m.ID
	rules.TextOnly = m.TextOnly()
	o := dataset.Options{Format: dataset.Format(data.Format), Limits: dataset.Limits(data.Limits), Rules: rules}
	switch o.Format {
	case dataset.FormatDistillation:
		o.Rules = prompts(rules, m.Family == catalog.FamilyLlama)
	case dataset.FormatReinforcement:
		o.Rules.NoValidation = false // only of supervised fine-tuning is that said
	}
	return o, nil
}

// prompts are the rules of distillation prompts: text only, the exact
// schemaVersion and one system item for every student, a single turn for all but
// Nova (Bedrock User Guide, "Option 1: Provide your own prompts for data
// preparation"; AWS's sample validator for distillation).
func prompts(rules dataset.Rules, singleTurn bool) dataset.Rules {
	return dataset.Rules{
		BaseModel: rules.BaseModel, ReservedWords: rules.ReservedWords,
		SystemItems: 1, TextOnly: true, SingleTurn: singleTurn,
	}
}

// withoutModel are the limits that every base model of a format has in common,
// for the formats of which the catalogue has no base model (Bedrock User Guide,
// "Prepare your training datasets"): Claude 3 Haiku, and the widest of Titan's
// image models.
var withoutModel = map[dataset.Format]dataset.Limits{
	dataset.FormatAnthropic: {
		MinRecords: 32, MaxRecords: 10_000, MaxValidationRecords: 1_000, TokensPerRecord: 32_000,
		MaxBytes: 10 << 30, MaxValidationBytes: 1 << 30,
	},
	dataset.FormatImageCaption: {MinRecords: 5, MaxRecords: 500_000, DoubtfulRecords: 50_000, MaxCaption: 2_560},
	dataset.FormatDistillation: {MinRecords: 100, MaxRecords: 15_000, MaxBytes: 2 << 30, DoubtfulBytes: 1 << 30, MaxLineBytes: 16 << 10},
	dataset.FormatReinforcement: {
		MinRecords: 100, MaxRecords: 20_000,
	},
}

// ForFormat are the options of a check without a base model: the format's rules
// at their widest, and the limits that do not depend on the base model. What
// passes may still be too much for one base model or another.
func ForFormat(f dataset.Format) dataset.Options {
	o := dataset.Options{Format: f, Limits: withoutModel[f]}
	switch f {
	case dataset.FormatConversation, dataset.FormatReinforcement:
		// Nova 2 takes the most of all base models that can still be tuned, but for
		// validation data.
		o.Rules = family(catalog.FamilyNova2)
		o.Rules.NoValidation = false
	case dataset.FormatAnthropic:
		o.Rules = family("anthropic")
	case dataset.FormatDistillation:
		o.Rules = prompts(family(catalog.FamilyNova), false)
	}
	return o
}

// family are the rules of a family that there is.
func family(name string) dataset.Rules {
	rules, err := dataset.RulesFor(name)
	if err != nil {
		panic(err)
	}
	return rules
}
