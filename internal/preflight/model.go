package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/catalog"
)

const (
	nameModel     = "base model"
	nameCustomize = "customization"
	actionModel   = "bedrock:GetFoundationModel"
)

// checkBaseModel asks the account whether the base model lives and can be tuned
// the way the configuration says. Where the account does not say, the
// catalogue's dates are all there is.
func (l *look) checkBaseModel(ctx context.Context) []Line {
	details, exact, err := l.describe(ctx)
	switch {
	case err != nil:
		return []Line{l.fromCatalog(err), unknown(nameCustomize, actionModel, err)}
	case details == nil:
		return []Line{fails(nameModel, l.replacement(), "Bedrock does not know %s in %s: it is retired or not offered there", l.model.ID, l.Config.Region)}
	}
	return []Line{l.lifecycle(details.ModelLifecycle), l.customizable(details.CustomizationsSupported, exact)}
}

// describe asks for the base model in the variant that is tuned, and if Bedrock
// does not answer for variants, for the plain one, of which
// customizationsSupported says less (exact is false then). Details are nil when
// Bedrock knows neither.
func (l *look) describe(ctx context.Context) (details *types.FoundationModelDetails, exact bool, err error) {
	for _, id := range []string{l.model.ID, l.model.FoundationModelID()} {
		out, err := l.Bedrock.GetFoundationModel(ctx, &bedrock.GetFoundationModelInput{ModelIdentifier: &id})
		var missing *types.ResourceNotFoundException
		var invalid *types.ValidationException
		switch {
		case errors.As(err, &missing), errors.As(err, &invalid):
			continue
		case err != nil:
			return nil, false, err
		case out.ModelDetails != nil:
			return out.ModelDetails, id == l.model.ID, nil
		}
	}
	return nil, false, nil
}

// lifecycle judges what GetFoundationModel says. Its dates were added in 2026
// and may be missing.
func (l *look) lifecycle(said *types.FoundationModelLifecycle) Line {
	status, source := l.model.StatusAt(l.Now), "says the catalogue; the account shows no life cycle"
	if said != nil && said.Status != "" {
		status, source = string(said.Status), strings.TrimPrefix(on(", Legacy from ", said.LegacyTime)+on(", end of life ", said.EndOfLifeTime), ", ")
		if end := said.EndOfLifeTime; end != nil && !l.Now.Before(*end) {
			status = catalog.StatusEOL
		}
	}
	if status == catalog.StatusActive {
		return ok(nameModel, "%s is %s%s", l.model.ID, status, inBrackets(source))
	}
	return fails(nameModel, l.replacement(), "%s is %s%s: Bedrock takes no new job on it", l.model.ID, status, inBrackets(source))
}

// fromCatalog is what is left when the account was not asked: a base model that
// had its day cannot have come back, and one that was active may have gone.
func (l *look) fromCatalog(err error) Line {
	line := unknown(nameModel, actionModel, err)
	known := fmt.Sprintf("by the catalogue, read %s, %s is %s", l.model.Lifecycle.Status.Read, l.model.ID, l.model.StatusAt(l.Now))
	if l.model.StatusAt(l.Now) != catalog.StatusActive {
		return fails(nameModel, l.replacement(), "%s; %s", known, line.Detail)
	}
	line.Detail += "; " + known
	return line
}

// customizable judges customizationsSupported. Its enumeration has no word for
// reinforcement fine-tuning, so only its own words are held against it.
func (l *look) customizable(listed []types.ModelCustomization, exact bool) Line {
	asked := types.ModelCustomization(l.Config.CustomizationType)
	switch {
	case slices.Contains(listed, asked), !slices.Contains(asked.Values(), asked):
		return ok(nameCustomize, "%s takes %s", l.model.ID, asked)
	case !exact:
		return note(nameCustomize, "Bedrock answers for %s only, of which it lists %v; the catalogue has %s for %s", l.model.FoundationModelID(), listed, asked, l.model.ID)
	}
	return fails(nameCustomize, l.replacement(), "%s does not take %s in this account and Region, only %v", l.model.ID, asked, listed)
}

// replacement is the setting of a base model to use instead, in the same Region
// if there is one.
func (l *look) replacement() string {
	var elsewhere string
	for _, m := range l.catalog.Active(l.Now) {
		switch {
		case m.ID == l.model.ID:
		case m.CheckRegion(l.Config.Region) == nil:
			return l.setting("baseModel", m.ID)
		case elsewhere == "":
			elsewhere = l.setting("baseModel", m.ID) + fmt.Sprintf(`, "region": %q`, m.Regions[0])
		}
	}
	if elsewhere == "" {
		return "the catalogue of this version has no active base model: update tuneline"
	}
	return elsewhere
}

// checkAccess asks whether the account may use the base model. The call knows
// base models by their plain id.
func (l *look) checkAccess(ctx context.Context) []Line {
	const name = "model access"
	id := l.model.FoundationModelID()
	out, err := l.Bedrock.GetFoundationModelAvailability(ctx, &bedrock.GetFoundationModelAvailabilityInput{ModelId: &id})
	var missing *types.ResourceNotFoundException
	switch {
	case errors.As(err, &missing):
		return []Line{fails(name, l.replacement(), "Bedrock does not know %s in %s", id, l.Config.Region)}
	case err != nil:
		return []Line{unknown(name, "bedrock:GetFoundationModelAvailability", err)}
	case out.RegionAvailability == types.RegionAvailabilityNotAvailable:
		return []Line{fails(name, l.replacement(), "%s is not available in %s", id, l.Config.Region)}
	case out.AuthorizationStatus == types.AuthorizationStatusNotAuthorized:
		return []Line{fails(name, "have an administrator allow bedrock:InvokeModel on "+id+", in IAM and in the organization's service control policies", "these credentials are not authorized to use %s", id)}
	case out.EntitlementAvailability == types.EntitlementAvailabilityNotAvailable:
		return []Line{fails(name, "aws bedrock list-foundation-model-agreement-offers --model-id "+id+l.inRegion()+", then aws bedrock create-foundation-model-agreement --model-id "+id+" --offer-token TOKEN"+l.inRegion(),
			"the account is not entitled to %s%s", id, agreement(out.AgreementAvailability))}
	}
	return []Line{ok(name, "the account may use %s", id)}
}

// agreement is the state of the contract about a base model, where there is one.
func agreement(a *types.AgreementAvailability) string {
	if a == nil {
		return ""
	}
	return fmt.Sprintf(" (agreement %s)", a.Status)
}

// on is a date after its lead, or nothing when there is none.
func on(lead string, date *time.Time) string {
	if date == nil {
		return ""
	}
	return lead + date.UTC().Format(time.DateOnly)
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}
