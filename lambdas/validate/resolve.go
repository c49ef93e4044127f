package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
)

const (
	// fineTuning is the one customization type whose settings tuneline knows.
	fineTuning = "FINE_TUNING"
	// commitmentNone is how a configuration spells no commitment.
	commitmentNone = "none"
	// maxUnits is the most model units that may be asked for, as in the stack's
	// configuration: a slip of the finger must not buy a thousand.
	maxUnits = 100
)

// resolve holds settings against the base model's entry in the catalogue and
// completes them. It returns every problem there is; with any, the settings
// are as they were asked for.
//
// allowed are the ids of the base models that the stack tunes: the policies let a
// job be started on no other, so that one is refused here, before anything is paid.
func resolve(known *catalog.Catalog, region string, allowed []string, asked finetune.Settings) (finetune.Settings, *catalog.BaseModel, []string) {
	model, err := known.Find(asked.BaseModel)
	if err != nil {
		return asked, nil, []string{err.Error()}
	}
	settled := asked
	settled.BaseModel = model.ID
	var problems []string
	if err := model.CheckRegion(region); err != nil {
		problems = append(problems, err.Error())
	} else if !slices.Contains(allowed, model.ID) {
		problems = append(problems, fmt.Sprintf("base model %q may not be tuned by this stack: use one of %s, or have it added to allowedBaseModels of the stack's configuration and the stack deployed again",
			model.ID, strings.Join(allowed, ", ")))
	}
	if asked.CustomizationType != fineTuning {
		problems = append(problems, fmt.Sprintf("customizationType is %q: use %s, the one that is supported", asked.CustomizationType, fineTuning))
	} else if err := model.CheckCustomizationType(asked.CustomizationType); err != nil {
		problems = append(problems, err.Error())
	}
	hyperparameters, errs := model.CheckHyperparameters(asked.Hyperparameters)
	for _, err := range errs {
		problems = append(problems, err.Error())
	}
	settled.Hyperparameters = hyperparameters
	serving, more := resolveServing(model, asked.Serving)
	settled.Serving = serving
	if problems = append(problems, more...); problems != nil {
		return asked, model, problems
	}
	return settled, model, nil
}

// resolveServing settles how the custom model is served. Units and commitment
// belong to a provisioned throughput; where auto chose a deployment, nothing of
// them is left.
func resolveServing(model *catalog.BaseModel, asked finetune.Serving) (finetune.Serving, []string) {
	var problems []string
	mode, err := model.ServingFor(asked.Mode)
	if err != nil {
		problems = append(problems, "serving.mode: "+err.Error())
	}
	commitment := asked.Commitment
	switch commitment {
	case "", commitmentNone:
		commitment = ""
	case "OneMonth", "SixMonths":
		if asked.Mode == finetune.ServeOnDemand {
			problems = append(problems, fmt.Sprintf("serving.commitment is %q with serving.mode %q: only a provisioned throughput has one", commitment, asked.Mode))
		}
	default:
		problems = append(problems, fmt.Sprintf("serving.commitment is %q: use %s, OneMonth or SixMonths", commitment, commitmentNone))
	}
	if asked.ModelUnits < 0 || asked.ModelUnits > maxUnits {
		problems = append(problems, fmt.Sprintf("serving.modelUnits is %d: use 1 to %d", asked.ModelUnits, maxUnits))
	}
	if mode != finetune.ServeProvisioned {
		return finetune.Serving{Mode: mode}, problems
	}
	return finetune.Serving{Mode: mode, ModelUnits: max(asked.ModelUnits, 1), Commitment: commitment}, problems
}
