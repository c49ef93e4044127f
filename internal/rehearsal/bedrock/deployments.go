package bedrock

import (
	"slices"
	"time"
)

// The updateStatus of a deployment.
const (
	updateUpdating  = "Updating"
	updateCompleted = "UpdateCompleted"
	updateFailed    = "UpdateFailed"
)

// deployment is an on-demand deployment with what moves it.
type deployment struct {
	Deployment
	outcome ServeOutcome
	readyAt time.Time
}

// busy tells whether it is being created or updated.
func (p *deployment) busy() bool {
	return p.Status == statusCreating || p.UpdateStatus == updateUpdating
}

// settle ends the creation or update that is due.
func (p *deployment) settle(now time.Time) {
	if !p.busy() || p.readyAt.After(now) {
		return
	}
	p.Modified = p.readyAt
	switch {
	case p.Status == statusCreating && p.outcome.CreateFails:
		p.Status, p.FailureMessage = statusFailed, failureOr(p.outcome.FailureMessage)
	case p.Status == statusCreating:
		p.Status = statusActive
	case p.outcome.UpdateFails:
		p.UpdateStatus, p.FailureMessage = updateFailed, failureOr(p.outcome.FailureMessage)
	default:
		p.UpdateStatus, p.ModelARN, p.FailureMessage = updateCompleted, p.UpdateModelARN, ""
	}
}

func failureOr(message string) string {
	if message == "" {
		return unexpectedError
	}
	return message
}

// createDeploymentInput is CreateCustomModelDeploymentRequest.
type createDeploymentInput struct {
	Name        string `json:"modelDeploymentName"`
	ModelARN    string `json:"modelArn"`
	Description string `json:"description"`
	Tags        []tag  `json:"tags"`
	Token       string `json:"clientRequestToken"`
}

func (d *Double) createDeployment(rq *request) (any, *apiError) {
	var in createDeploymentInput
	if err := rq.in.Decode(&in); err != nil {
		return nil, refuse("InternalServerException", "%v", err)
	}
	if arn, known := d.knownToken(rq, in.Token, in); known {
		return map[string]any{"customModelDeploymentArn": arn}, nil
	}
	if refused := d.checkDeployment(rq, in); refused != nil {
		return nil, refused
	}
	d.served["deployments"]++
	p := &deployment{Deployment: Deployment{
		ARN: d.arn("custom-model-deployment", rq.id), Name: in.Name, Status: statusCreating,
		Description: in.Description, ModelARN: in.ModelARN, Created: rq.now, Modified: rq.now,
	}}
	p.outcome = outcomeFor(d.o.Scenario.Deployments, in.Name, d.served["deployments"])
	p.readyAt = rq.now.Add(takes(p.outcome, d.o.Scenario.Durations.Deployment))
	d.deployments = append(d.deployments, p)
	d.setTags(p.ARN, in.Tags)
	d.remember(rq, in.Token, in, p.ARN)
	return map[string]any{"customModelDeploymentArn": p.ARN}, nil
}

// outcomeFor finds the outcome the scenario forces on the nth resource of its
// kind.
func outcomeFor(outcomes []ServeOutcome, name string, nth int) ServeOutcome {
	for _, o := range outcomes {
		if o.matches(name, nth) {
			return o
		}
	}
	return ServeOutcome{}
}

func takes(o ServeOutcome, usual Duration) time.Duration {
	if o.Takes != 0 {
		return time.Duration(o.Takes)
	}
	return time.Duration(usual)
}

func (d *Double) checkDeployment(rq *request, in createDeploymentInput) *apiError {
	if refused := d.checkDeployable(rq, in.ModelARN); refused != nil {
		return refused
	}
	if refused := checkTags(in.Tags); refused != nil {
		return refused
	}
	if d.findDeployment(in.Name) != nil {
		return invalid("The provided deployment name is currently in use.")
	}
	if limit := d.o.Scenario.Quotas.Deployments; len(d.deployments) >= limit {
		return quotaExceeded("custom model deployments (L-1EF80F3E)", limit)
	}
	return d.checkDeploymentsInProgress()
}

func (d *Double) checkDeploymentsInProgress() *apiError {
	busy := 0
	for _, p := range d.deployments {
		if p.busy() {
			busy++
		}
	}
	if limit := d.o.Scenario.Quotas.DeploymentsInProgress; busy >= limit {
		return quotaExceeded("custom model deployments in progress (L-430C95DD)", limit)
	}
	return nil
}

// checkDeployable refuses a model that cannot be deployed on demand.
func (d *Double) checkDeployable(rq *request, arn string) *apiError {
	m := d.findModel(arn)
	switch {
	case m == nil:
		return notFound("The custom model could not be found")
	case m.Status != statusActive:
		return invalid("The custom model is %s and cannot be deployed.", m.Status)
	case !m.base.OnDemandDeployment:
		return invalid("Custom models of %s cannot be deployed on demand.", m.base.ID)
	case m.base.ended(rq.now):
		return notFound("The model %s has reached the end of its life.", m.base.ID)
	}
	return nil
}

func (d *Double) getDeployment(rq *request) (any, *apiError) {
	p := d.findDeployment(rq.str("customModelDeploymentIdentifier"))
	if p == nil {
		return nil, notFound("The custom model deployment could not be found")
	}
	details := map[string]any{
		"customModelDeploymentArn": p.ARN, "modelDeploymentName": p.Name, "modelArn": p.ModelARN,
		"createdAt": iso(p.Created), "lastUpdatedAt": iso(p.Modified), "status": p.Status,
	}
	put(details, "description", p.Description)
	put(details, "failureMessage", p.FailureMessage)
	if p.UpdateStatus != "" {
		details["updateDetails"] = map[string]any{"modelArn": p.UpdateModelARN, "updateStatus": p.UpdateStatus}
	}
	return details, nil
}

func (d *Double) updateDeployment(rq *request) (any, *apiError) {
	p := d.findDeployment(rq.str("customModelDeploymentIdentifier"))
	if p == nil {
		return nil, notFound("The custom model deployment could not be found")
	}
	if p.Status != statusActive || p.busy() {
		return nil, invalid("The custom model deployment is not Active and cannot be updated.")
	}
	arn := rq.str("modelArn")
	if refused := d.checkDeployable(rq, arn); refused != nil {
		return nil, refused
	}
	if refused := d.checkDeploymentsInProgress(); refused != nil {
		return nil, invalid("%s", refused.message) // the API lists no quota error here
	}
	if now, next := d.findModel(p.ModelARN), d.findModel(arn); now != nil && now.base.ID != next.base.ID {
		return nil, invalid("The custom model is not of the same base model as the deployment's.")
	}
	p.UpdateModelARN, p.UpdateStatus, p.Modified = arn, updateUpdating, rq.now
	p.readyAt = rq.now.Add(takes(p.outcome, d.o.Scenario.Durations.DeploymentUpdate))
	return map[string]any{"customModelDeploymentArn": p.ARN}, nil
}

func (d *Double) deleteDeployment(rq *request) (any, *apiError) {
	p := d.findDeployment(rq.str("customModelDeploymentIdentifier"))
	if p == nil {
		return nil, notFound("The custom model deployment could not be found")
	}
	if p.busy() && d.o.Scenario.DeleteWhileCreating == "conflict" {
		return nil, refuse("ConflictException", "The custom model deployment is being created or updated")
	}
	d.close(p.billed(d), rq.now)
	d.deployments = slices.DeleteFunc(d.deployments, func(other *deployment) bool { return other == p })
	delete(d.tags, p.ARN)
	return map[string]any{}, nil
}

func (d *Double) listDeployments(rq *request) (any, *apiError) {
	var deployments []*deployment
	for _, p := range d.deployments {
		if arn := rq.str("modelArnEquals"); arn == "" || arn == p.ModelARN {
			deployments = append(deployments, p)
		}
	}
	items := filterItems(rq, deployments, func(p *deployment) listItem {
		summary := map[string]any{
			"customModelDeploymentArn": p.ARN, "customModelDeploymentName": p.Name, "modelArn": p.ModelARN,
			"createdAt": iso(p.Created), "lastUpdatedAt": iso(p.Modified), "status": p.Status,
		}
		put(summary, "failureMessage", p.FailureMessage)
		return listItem{name: p.Name, status: p.Status, created: p.Created, summary: summary}
	}, "createdAfter", "createdBefore", "statusEquals")
	return page(rq, items, "modelDeploymentSummaries")
}
