package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
)

// checkBaseModel asks the catalogue what Bedrock takes of the base model, so
// that no run fails on what was known before the stack was deployed.
func (c Config) checkBaseModel() []error {
	known, err := catalog.Load()
	if err != nil {
		return []error{err}
	}
	model, err := known.Find(c.BaseModel)
	if err != nil {
		return []error{fmt.Errorf("baseModel is %q: %w", c.BaseModel, err)}
	}
	errs := c.checkAllowed(known)
	if err := model.CheckRegion(c.Region); err != nil {
		errs = append(errs, fmt.Errorf("region is %q with baseModel %q: %w", c.Region, c.BaseModel, err))
	}
	if err := model.CheckCustomizationType(c.CustomizationType); err != nil {
		errs = append(errs, fmt.Errorf("customizationType is %q: %w", c.CustomizationType, err))
	}
	_, wrong := model.CheckHyperparameters(c.Hyperparameters)
	for _, err := range wrong {
		errs = append(errs, fmt.Errorf("hyperparameters: %w", err))
	}
	return append(errs, c.checkServing(model)...)
}

// checkAllowed wants ids that the catalogue knows and the Region has, and the
// stack's own base model among them.
func (c Config) checkAllowed(known *catalog.Catalog) []error {
	var errs []error
	for i, id := range c.AllowedBaseModels {
		model, err := known.Find(id)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("allowedBaseModels holds %q: %w", id, err))
			continue
		case model.ID != id:
			errs = append(errs, fmt.Errorf("allowedBaseModels holds %q: want the id %q", id, model.ID))
		case slices.Contains(c.AllowedBaseModels[:i], id):
			errs = append(errs, fmt.Errorf("allowedBaseModels holds %q twice: want each once", id))
		}
		if err := model.CheckRegion(c.Region); err != nil {
			errs = append(errs, fmt.Errorf("region is %q with %q in allowedBaseModels: %w", c.Region, id, err))
		}
	}
	if len(c.AllowedBaseModels) > 0 && !slices.Contains(c.AllowedBaseModels, c.BaseModel) {
		errs = append(errs, fmt.Errorf("baseModel is %q, which allowedBaseModels does not hold: allowed are %s; add it there, or choose one of them", c.BaseModel, strings.Join(c.AllowedBaseModels, ", ")))
	}
	return errs
}

// TunableBaseModels are the ids of the base models that may be tuned: those of
// AllowedBaseModels, or all that the catalogue has in the Region, whatever their
// life cycle. That one takes no new jobs any more, Bedrock says itself. The
// configuration was checked.
func (c Config) TunableBaseModels() []string {
	if len(c.AllowedBaseModels) > 0 {
		return slices.Clone(c.AllowedBaseModels)
	}
	known, err := catalog.Load()
	if err != nil {
		panic(fmt.Sprintf("the configuration was not checked: %v", err))
	}
	var ids []string
	for _, model := range known.All() {
		if model.CheckRegion(c.Region) == nil {
			ids = append(ids, model.ID)
		}
	}
	return ids
}

// checkServing refuses a mode the base model does not have, and what is said of
// a provisioned throughput where there will be none: it would be dropped in
// silence.
func (c Config) checkServing(model *catalog.BaseModel) []error {
	mode, err := model.ServingFor(c.Serving.Mode)
	if err != nil {
		return []error{fmt.Errorf("serving.mode is %q: %w", c.Serving.Mode, err)}
	}
	if mode != finetune.ServeOnDemand {
		return nil
	}
	const instead = "with serving.mode %q, which is on-demand for baseModel %q: only a provisioned throughput has any; leave it out, or set serving.mode to provisioned"
	var errs []error
	if c.Serving.Commitment != CommitmentNone {
		errs = append(errs, fmt.Errorf("serving.commitment is %q "+instead, c.Serving.Commitment, c.Serving.Mode, c.BaseModel))
	}
	if c.Serving.ModelUnits != Default().Serving.ModelUnits {
		errs = append(errs, fmt.Errorf("serving.modelUnits is %d "+instead, c.Serving.ModelUnits, c.Serving.Mode, c.BaseModel))
	}
	return errs
}

// TunesNova says whether a Nova model may be tuned. The configuration was checked.
func (c Config) TunesNova() bool {
	return slices.ContainsFunc(c.TunableBaseModels(), func(id string) bool { return strings.HasPrefix(id, "amazon.nova-") })
}
