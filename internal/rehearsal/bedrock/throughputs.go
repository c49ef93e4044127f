package bedrock

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/calls"
)

// noCommitmentQuota is the quota of no-commitment model units across all
// custom models of the account and Region.
const noCommitmentQuota = "L-BE77399C"

// throughput is a provisioned throughput with what moves it.
type throughput struct {
	Throughput
	base    BaseModel
	outcome ServeOutcome
	// keyless is why Bedrock may not use the key of the model it is to serve; "" if it may.
	keyless string
	readyAt time.Time
}

// busy tells whether it is being created or updated.
func (t *throughput) busy() bool {
	return t.Status == statusCreating || t.Status == statusUpdating
}

// settle ends the creation or update that is due, and renews a commitment
// that has run out.
func (t *throughput) settle(now time.Time) {
	if t.busy() && !t.readyAt.After(now) {
		t.Modified = t.readyAt
		switch {
		case t.keyless != "":
			t.Status, t.FailureMessage = statusFailed, t.keyless
		case t.Status == statusCreating && t.outcome.CreateFails, t.Status == statusUpdating && t.outcome.UpdateFails:
			t.Status, t.FailureMessage = statusFailed, failureOr(t.outcome.FailureMessage)
		default:
			t.Status, t.ModelARN = statusInService, t.DesiredModelARN
		}
	}
	for t.Commitment != "" && t.CommitmentEnds.Before(now.Add(-renewalWindow)) {
		t.CommitmentEnds = commitmentEnd(t.Commitment, t.CommitmentEnds)
	}
}

// renewalWindow is how long after the end of its term a committed throughput
// may be deleted before the term renews.
const renewalWindow = 24 * time.Hour

func commitmentEnd(term string, from time.Time) time.Time {
	switch term {
	case "OneMonth":
		return from.AddDate(0, 1, 0)
	case "SixMonths":
		return from.AddDate(0, 6, 0)
	}
	return time.Time{}
}

// createThroughputInput is CreateProvisionedModelThroughputRequest.
type createThroughputInput struct {
	Name       string `json:"provisionedModelName"`
	ModelID    string `json:"modelId"`
	Units      int    `json:"modelUnits"`
	Commitment string `json:"commitmentDuration"`
	Tags       []tag  `json:"tags"`
	Token      string `json:"clientRequestToken"`
}

func (d *Double) createThroughput(rq *request) (any, *apiError) {
	var in createThroughputInput
	if err := rq.in.Decode(&in); err != nil {
		return nil, refuse("InternalServerException", "%v", err)
	}
	if arn, known := d.knownToken(rq, in.Token, in); known {
		return map[string]any{"provisionedModelArn": arn}, nil
	}
	m, refused := d.checkThroughput(rq, in)
	if refused != nil {
		return nil, refused
	}
	d.served["throughputs"]++
	t := &throughput{base: m.base, Throughput: Throughput{
		ARN: d.arn("provisioned-model", rq.id), Name: in.Name, Status: statusCreating, ModelARN: m.ARN,
		DesiredModelARN: m.ARN, Units: in.Units, Commitment: in.Commitment,
		CommitmentEnds: commitmentEnd(in.Commitment, rq.now), Created: rq.now, Modified: rq.now,
	}}
	t.outcome = outcomeFor(d.o.Scenario.Throughputs, in.Name, d.served["throughputs"])
	t.readyAt = rq.now.Add(takes(t.outcome, d.o.Scenario.Durations.Throughput))
	d.optimize(t, m, rq.now)
	d.throughputs = append(d.throughputs, t)
	d.setTags(t.ARN, in.Tags)
	d.remember(rq, in.Token, in, t.ARN)
	return map[string]any{"provisionedModelArn": t.ARN}, nil
}

// optimize is what Bedrock does by itself with the key of a Nova model that is
// provisioned: with neither the caller's rights nor a grant.
func (d *Double) optimize(t *throughput, m *model, at time.Time) {
	if m.KMSKey == "" || !strings.HasPrefix(m.base.ID, "amazon.nova") {
		return
	}
	var needed []calls.Call
	for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey"} {
		needed = append(needed, calls.Call{
			Time: at, Principal: calls.Principal{Service: "bedrock.amazonaws.com"}, Action: action, Resource: m.KMSKey,
			Context: map[string]string{"kms:EncryptionContext:aws:bedrock:custom-model": m.ARN}, Status: 200,
		})
	}
	if denial := d.o.Log.Authorize(needed...); denial != nil {
		t.keyless = "Access to the KMS key of the custom model was denied: " + denial.Message
		return
	}
	for _, c := range needed {
		d.o.Log.Record(c)
	}
}

func (d *Double) checkThroughput(rq *request, in createThroughputInput) (*model, *apiError) {
	m := d.findModel(in.ModelID)
	switch {
	case m == nil:
		return nil, notFound("The custom model could not be found")
	case m.Status != statusActive:
		return nil, invalid("The custom model is %s and cannot be provisioned.", m.Status)
	case !m.base.ProvisionedThroughput:
		return nil, invalid("Provisioned throughput is not offered for custom models of %s.", m.base.ID)
	case m.base.ended(rq.now):
		return nil, notFound("The model %s has reached the end of its life.", m.base.ID)
	case m.base.legacy(rq.now):
		return nil, invalid("The model %s is in Legacy status. New provisioned throughput is not offered for it.", m.base.ID)
	case d.findThroughput(in.Name) != nil:
		return nil, invalid("The provided provisioned model name is currently in use.")
	}
	if refused := checkTags(in.Tags); refused != nil {
		return nil, refused
	}
	return m, d.checkUnits(m.base, in)
}

// checkUnits compares the units with those granted: for the base model, and,
// without commitment, across all custom models too.
func (d *Double) checkUnits(base BaseModel, in createThroughputInput) *apiError {
	ofBase, uncommitted := in.Units, in.Units
	for _, t := range d.throughputs {
		if t.base.ID == base.ID {
			ofBase += t.Units
		}
		if t.Commitment == "" {
			uncommitted += t.Units
		}
	}
	granted := d.o.Scenario.ModelUnits
	if in.Commitment == "" && uncommitted > granted[noCommitmentQuota] {
		return quotaExceeded("no-commitment model units across custom models ("+noCommitmentQuota+")", granted[noCommitmentQuota])
	}
	if ofBase > granted[base.UnitsQuota] {
		return quotaExceeded("model units for "+base.ID+" ("+base.UnitsQuota+")", granted[base.UnitsQuota])
	}
	return nil
}

// GrantModelUnits sets the granted model units of a quota code, as AWS does
// when an increase that was asked for in Service Quotas is approved.
func (d *Double) GrantModelUnits(code string, units int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	granted := maps.Clone(d.o.Scenario.ModelUnits) // the scenario is its loader's
	if granted == nil {
		granted = map[string]int{}
	}
	granted[code] = units
	d.o.Scenario.ModelUnits = granted
}

func (d *Double) getThroughput(rq *request) (any, *apiError) {
	t := d.findThroughput(rq.str("provisionedModelId"))
	if t == nil {
		return nil, notFound("The provisioned throughput could not be found")
	}
	details := d.throughputSummary(t)
	put(details, "failureMessage", t.FailureMessage)
	return details, nil
}

// throughputSummary is ProvisionedModelSummary.
func (d *Double) throughputSummary(t *throughput) map[string]any {
	summary := map[string]any{
		"modelUnits": t.Units, "desiredModelUnits": t.Units, "provisionedModelName": t.Name, "provisionedModelArn": t.ARN,
		"modelArn": t.ModelARN, "desiredModelArn": t.DesiredModelARN, "foundationModelArn": d.foundationARN(t.base.ID),
		"status": t.Status, "creationTime": iso(t.Created), "lastModifiedTime": iso(t.Modified),
	}
	if t.Commitment != "" {
		summary["commitmentDuration"] = t.Commitment
		summary["commitmentExpirationTime"] = iso(t.CommitmentEnds)
	}
	return summary
}

func (d *Double) updateThroughput(rq *request) (any, *apiError) {
	t := d.findThroughput(rq.str("provisionedModelId"))
	if t == nil {
		return nil, notFound("The provisioned throughput could not be found")
	}
	if t.Status != statusInService {
		return nil, invalid("The provisioned throughput is %s and cannot be updated.", t.Status)
	}
	name := rq.str("desiredProvisionedModelName")
	if other := d.findThroughput(name); name != "" && other != nil && other != t {
		return nil, invalid("The provided provisioned model name is currently in use.")
	}
	if desired := rq.str("desiredModelId"); desired != "" {
		if refused := d.swapModel(rq, t, desired); refused != nil {
			return nil, refused
		}
	}
	if name != "" {
		t.Name, t.Modified = name, rq.now
	}
	return map[string]any{}, nil
}

// swapModel starts to replace the model behind a throughput.
func (d *Double) swapModel(rq *request, t *throughput, desired string) *apiError {
	arn := ""
	m := d.findModel(desired)
	if m != nil && m.Status == statusActive && m.base.ID == t.base.ID {
		arn = m.ARN
	} else if base, ok := d.baseModel(desired); ok && base.ID == t.base.ID {
		arn = d.foundationARN(base.ID)
	}
	if arn == "" {
		return invalid("The desired model must be Active and of the base model %s.", t.base.ID)
	}
	t.DesiredModelARN, t.Status, t.Modified = arn, statusUpdating, rq.now
	t.readyAt = rq.now.Add(takes(t.outcome, d.o.Scenario.Durations.ThroughputUpdate))
	if m != nil {
		d.optimize(t, m, rq.now)
	}
	return nil
}

func (d *Double) deleteThroughput(rq *request) (any, *apiError) {
	t := d.findThroughput(rq.str("provisionedModelId"))
	switch {
	case t == nil:
		return nil, notFound("The provisioned throughput could not be found")
	case t.Commitment != "" && rq.now.Before(t.CommitmentEnds):
		return nil, refuse("ConflictException", "The provisioned throughput cannot be deleted before its commitment ends at %s", iso(t.CommitmentEnds))
	case t.busy() && d.o.Scenario.DeleteWhileCreating == "conflict":
		return nil, refuse("ConflictException", "The provisioned throughput is %s", t.Status)
	}
	d.close(t.billed(d), rq.now)
	d.throughputs = slices.DeleteFunc(d.throughputs, func(other *throughput) bool { return other == t })
	delete(d.tags, t.ARN)
	return map[string]any{}, nil
}

func (d *Double) listThroughputs(rq *request) (any, *apiError) {
	var throughputs []*throughput
	for _, t := range d.throughputs {
		if arn := rq.str("modelArnEquals"); arn == "" || arn == t.ModelARN {
			throughputs = append(throughputs, t)
		}
	}
	items := filterItems(rq, throughputs, func(t *throughput) listItem {
		return listItem{name: t.Name, status: t.Status, created: t.Created, summary: d.throughputSummary(t)}
	}, "creationTimeAfter", "creationTimeBefore", "statusEquals")
	return page(rq, items, "provisionedModelSummaries")
}
