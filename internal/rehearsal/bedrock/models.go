package bedrock

import (
	"slices"
	"strings"
)

func (d *Double) getModel(rq *request) (any, *apiError) {
	m := d.findModel(rq.str("modelIdentifier"))
	if m == nil {
		return nil, notFound("The custom model could not be found")
	}
	job := d.jobDetails(m.job)
	details := map[string]any{
		"modelArn": m.ARN, "modelName": m.Name, "jobName": m.JobName, "jobArn": m.JobARN,
		"baseModelArn": d.foundationARN(m.base.ID), "creationTime": iso(m.Created), "modelStatus": m.Status,
	}
	put(details, "modelKmsKeyArn", keyARN(m.KMSKey))
	for _, shared := range []string{
		"customizationType", "hyperParameters", "trainingDataConfig", "validationDataConfig",
		"outputDataConfig", "trainingMetrics", "validationMetrics",
	} {
		if value, ok := job[shared]; ok {
			details[shared] = value
		}
	}
	return details, nil
}

func (d *Double) listModels(rq *request) (any, *apiError) {
	wanted := []string{rq.str("baseModelArnEquals"), rq.str("foundationModelArnEquals")}
	var models []*model
	for _, m := range d.models {
		base := d.foundationARN(m.base.ID)
		if !slices.ContainsFunc(wanted, func(arn string) bool { return arn != "" && arn != base }) {
			models = append(models, m)
		}
	}
	items := filterItems(rq, models, func(m *model) listItem {
		return listItem{name: m.Name, status: m.Status, created: m.Created, summary: map[string]any{
			"modelArn": m.ARN, "modelName": m.Name, "creationTime": iso(m.Created),
			"baseModelArn": d.foundationARN(m.base.ID), "baseModelName": plainName(m.base.InvokeID),
			"customizationType": m.job.CustomizationType, "ownerAccountId": d.o.AccountID, "modelStatus": m.Status,
		}}
	}, "creationTimeAfter", "creationTimeBefore", "modelStatus")
	return page(rq, items, "modelSummaries")
}

// plainName is a base model's id without its version, as ModelName's pattern
// wants it: "amazon.nova-micro-v1".
func plainName(id string) string {
	name, _, _ := strings.Cut(id, ":")
	return name
}

// deleteModel refuses to delete a model that something still serves or that
// is not finished.
func (d *Double) deleteModel(rq *request) (any, *apiError) {
	m := d.findModel(rq.str("modelIdentifier"))
	if m == nil {
		return nil, notFound("The custom model could not be found")
	}
	if m.Status == statusCreating {
		return nil, refuse("ConflictException", "The custom model is Creating")
	}
	for _, p := range d.deployments {
		if p.ModelARN == m.ARN || (p.busy() && p.UpdateModelARN == m.ARN) {
			return nil, refuse("ConflictException", "The custom model is used by the deployment %s", p.ARN)
		}
	}
	for _, t := range d.throughputs {
		if t.ModelARN == m.ARN || t.DesiredModelARN == m.ARN {
			return nil, refuse("ConflictException", "The custom model is used by the provisioned throughput %s", t.ARN)
		}
	}
	d.models = slices.DeleteFunc(d.models, func(other *model) bool { return other == m })
	delete(d.tags, m.ARN)
	return map[string]any{}, nil
}

func (d *Double) getFoundationModel(rq *request) (any, *apiError) {
	identifier := rq.str("modelIdentifier")
	base, ok := d.baseModel(identifier)
	if !ok {
		return nil, notFound("Could not resolve the foundation model from the model identifier: %s", identifier)
	}
	_, id, isARN := strings.Cut(identifier, "foundation-model/")
	if !isARN {
		id = identifier
	}
	return map[string]any{"modelDetails": d.foundationDetails(rq, base, id)}, nil
}

// foundationDetails is FoundationModelDetails and FoundationModelSummary,
// which have the same members. The id with the context length is the one that
// is customized and provisioned, the plain one is invoked on demand.
func (d *Double) foundationDetails(rq *request, base BaseModel, id string) map[string]any {
	customizations, inference := base.Customizations, base.InferenceTypes
	if id == base.InvokeID {
		customizations, inference = []string{}, []string{"ON_DEMAND"}
	}
	lifecycle := map[string]any{"status": base.status(rq.now)}
	if base.StartOfLife != nil {
		lifecycle["startOfLifeTime"] = iso(*base.StartOfLife)
	}
	if base.Legacy != nil {
		lifecycle["legacyTime"] = iso(*base.Legacy)
	}
	if base.EndOfLife != nil {
		lifecycle["endOfLifeTime"] = iso(*base.EndOfLife)
	}
	return map[string]any{
		"modelArn": d.foundationARN(id), "modelId": id, "modelName": base.Name, "providerName": base.Provider,
		"inputModalities": []string{"TEXT"}, "outputModalities": []string{"TEXT"}, "responseStreamingSupported": true,
		"customizationsSupported": customizations, "inferenceTypesSupported": inference, "modelLifecycle": lifecycle,
	}
}

// getAvailability says that the account may use every base model of the Region.
func (d *Double) getAvailability(rq *request) (any, *apiError) {
	id := rq.str("modelId")
	if _, ok := d.baseModel(id); !ok {
		return nil, notFound("Could not resolve the foundation model from the model identifier: %s", id)
	}
	const available = "AVAILABLE"
	return map[string]any{
		"modelId": id, "agreementAvailability": map[string]any{"status": available}, "authorizationStatus": "AUTHORIZED",
		"entitlementAvailability": available, "regionAvailability": available,
	}, nil
}

func (d *Double) listFoundationModels(rq *request) (any, *apiError) {
	summaries := []map[string]any{}
	for _, base := range d.catalog {
		if !slices.Contains(base.Regions, d.o.Region) || base.ended(rq.now) {
			continue
		}
		for _, id := range []string{base.InvokeID, base.ID} {
			if summary := d.foundationDetails(rq, base, id); rq.wants(summary) {
				summaries = append(summaries, summary)
			}
		}
	}
	return map[string]any{"modelSummaries": summaries}, nil
}

// wants applies the filters of ListFoundationModels.
func (rq *request) wants(summary map[string]any) bool {
	holds := func(member, filter string) bool {
		list, _ := summary[member].([]string)
		return rq.str(filter) == "" || slices.Contains(list, rq.str(filter))
	}
	provider, _ := summary["providerName"].(string)
	return holds("customizationsSupported", "byCustomizationType") && holds("inferenceTypesSupported", "byInferenceType") &&
		holds("outputModalities", "byOutputModality") &&
		(rq.str("byProvider") == "" || strings.EqualFold(rq.str("byProvider"), provider))
}
