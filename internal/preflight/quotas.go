package preflight

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	quotatypes "github.com/aws/aws-sdk-go-v2/service/servicequotas/types"

	"github.com/tuneline/tuneline/internal/finetune"
)

// quotaService is Bedrock's code in Service Quotas.
const quotaService = "bedrock"

// Quotas on custom models, whatever their base model; the others stand with each
// base model in the catalogue.
const (
	quotaModels   = "L-CB5B847D"
	quotaCreating = "L-C02E1E99"
)

// quotaChecks are the quotas a run of this configuration needs: of custom models
// in any case, and of the way they are served.
func (l *look) quotaChecks() []check {
	if l.mode == finetune.ServeOnDemand {
		return []check{l.checkModelQuotas, l.checkDeploymentQuotas}
	}
	return []check{l.checkModelQuotas, l.checkUnitQuota}
}

// need is what a run needs of a quota.
type need struct {
	code string
	// what the quota counts, such as "custom models".
	what string
	// wanted is how much of it the next run takes.
	wanted int
	// used is how much is taken; uncounted when the quota bounds each resource by
	// itself.
	used int
	// counted is why used is not known, if so, and action the call that would tell.
	counted error
	action  string
	// waits is set for what is only taken while something is made: a run waits.
	waits bool
	// free is another way to mend it.
	free string
}

// uncounted is the use of a quota on the size of one resource.
const uncounted = -1

func (l *look) checkModelQuotas(ctx context.Context) []Line {
	const action = "bedrock:ListCustomModels"
	var all, creating int
	pages := bedrock.NewListCustomModelsPaginator(l.Bedrock, &bedrock.ListCustomModelsInput{IsOwned: aws.Bool(true)})
	var err error
	for pages.HasMorePages() && err == nil {
		var page *bedrock.ListCustomModelsOutput
		if page, err = pages.NextPage(ctx); err != nil {
			break
		}
		all += len(page.ModelSummaries)
		for _, model := range page.ModelSummaries {
			if model.ModelStatus == types.ModelStatusCreating {
				creating++
			}
		}
	}
	return []Line{
		l.judge(ctx, need{
			code: quotaModels, what: "custom models", wanted: 1, used: all, counted: err, action: action,
			free: "aws bedrock delete-custom-model --model-identifier MODEL_ARN" + l.inRegion() + " for models nobody needs",
		}),
		l.judge(ctx, need{code: quotaCreating, what: "custom models being created", wanted: 1, used: creating, counted: err, action: action, waits: true}),
	}
}

func (l *look) checkDeploymentQuotas(ctx context.Context) []Line {
	const action = "bedrock:ListCustomModelDeployments"
	var all, creating int
	pages := bedrock.NewListCustomModelDeploymentsPaginator(l.Bedrock, &bedrock.ListCustomModelDeploymentsInput{})
	var err error
	for pages.HasMorePages() && err == nil {
		var page *bedrock.ListCustomModelDeploymentsOutput
		if page, err = pages.NextPage(ctx); err != nil {
			break
		}
		all += len(page.ModelDeploymentSummaries)
		for _, deployment := range page.ModelDeploymentSummaries {
			if deployment.Status == types.CustomModelDeploymentStatusCreating {
				creating++
			}
		}
	}
	return []Line{
		l.judge(ctx, need{
			code: l.model.Quotas.Deployments, what: "deployments", wanted: 1, used: all, counted: err, action: action,
			free: "aws bedrock delete-custom-model-deployment --custom-model-deployment-identifier ARN" + l.inRegion() + " for deployments nobody needs",
		}),
		l.judge(ctx, need{code: l.model.Quotas.DeploymentsInProgress, what: "deployments in progress", wanted: 1, used: creating, counted: err, action: action, waits: true}),
	}
}

// checkUnitQuota looks at the model units the configuration buys: without
// commitment one quota counts those of all custom models, and with one each base
// model has a quota on every provisioned throughput
// (https://docs.aws.amazon.com/bedrock/latest/userguide/prov-thru-purchase.html).
// Both are 0 in a fresh account. Whether the base model's counts without a
// commitment as well is not verified: then it is told, and fails nothing.
func (l *look) checkUnitQuota(ctx context.Context) []Line {
	serving := l.Config.Settings().Serving
	ofModel := l.judge(ctx, need{
		code: l.model.Quotas.ModelUnits, what: "model units of a provisioned throughput on " + l.model.Name,
		wanted: serving.ModelUnits, used: uncounted,
	})
	if serving.Commitment != "" {
		return []Line{ofModel}
	}
	if ofModel.Status == Fails {
		ofModel.Status = Note
		ofModel.Detail += "; whether a purchase without commitment needs them is not verified"
	}
	used, err := l.unitsWithoutCommitment(ctx)
	n := need{
		code: l.model.Quotas.NoCommitmentModelUnits, what: "model units without commitment across custom models",
		wanted: serving.ModelUnits, used: used, counted: err, action: "bedrock:ListProvisionedModelThroughputs",
		free: "aws bedrock delete-provisioned-model-throughput --provisioned-model-id ARN" + l.inRegion() + " for what nobody needs",
	}
	line := l.judge(ctx, n)
	if line.Status == Fails && l.stack.exists && used >= serving.ModelUnits {
		// They may be the stack's own, which a next run re-points and does not buy.
		line.Status = Note
		line.Detail += "; enough if they are this stack's, since a run re-points what its model has"
	}
	return []Line{line, ofModel}
}

func (l *look) unitsWithoutCommitment(ctx context.Context) (units int, err error) {
	pages := bedrock.NewListProvisionedModelThroughputsPaginator(l.Bedrock, &bedrock.ListProvisionedModelThroughputsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		for _, p := range page.ProvisionedModelSummaries {
			if p.CommitmentDuration == "" && strings.Contains(aws.ToString(p.ModelArn), ":custom-model/") {
				units += int(max(aws.ToInt32(p.ModelUnits), aws.ToInt32(p.DesiredModelUnits)))
			}
		}
	}
	return units, nil
}

// judge compares what is granted with what is needed.
func (l *look) judge(ctx context.Context, n need) Line {
	name := "quota " + n.code
	if n.code == "" {
		return note("quota of "+n.what, "its code is not known: look for it in Service Quotas of %s", l.Config.Region)
	}
	quota, action, err := l.granted(ctx, n.code)
	if err != nil {
		return unknown(name, action, err)
	}
	granted := int(math.Floor(aws.ToFloat64(quota.Value)))
	switch {
	case granted < n.wanted:
		return fails(name, l.raise(n, quota), "%s: %d granted, %d needed", n.what, granted, n.wanted)
	case n.counted != nil:
		line := unknown(name, n.action, n.counted)
		line.Detail = fmt.Sprintf("%s: %d granted; how many are taken is not known: %s", n.what, granted, line.Detail)
		return line
	case n.used == uncounted:
		return ok(name, "%s: %d granted, %d needed", n.what, granted, n.wanted)
	case granted-n.used >= n.wanted:
		return ok(name, "%s: %d of %d taken", n.what, n.used, granted)
	case n.waits:
		return note(name, "%s: %d of %d taken, so a run waits for one", n.what, n.used, granted)
	}
	return fails(name, l.raise(n, quota), "%s: %d of %d taken, %d needed", n.what, n.used, granted, n.wanted)
}

// granted is the quota as it applies to the account, or where none was ever
// granted, as AWS has it by default; action is the call that err is about.
func (l *look) granted(ctx context.Context, code string) (quota quotatypes.ServiceQuota, action string, err error) {
	action = "servicequotas:GetServiceQuota"
	out, err := l.Quotas.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String(quotaService), QuotaCode: &code})
	if err == nil && out.Quota != nil {
		return *out.Quota, action, nil
	}
	if missing := new(quotatypes.NoSuchResourceException); err != nil && !errors.As(err, &missing) {
		return quota, action, err
	}
	action = "servicequotas:GetAWSDefaultServiceQuota"
	byDefault, err := l.Quotas.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: aws.String(quotaService), QuotaCode: &code})
	if err != nil {
		return quota, action, err
	}
	if byDefault.Quota == nil {
		return quota, action, errors.New("it answered without a quota")
	}
	return *byDefault.Quota, action, nil
}

// raise is how to get more of a quota, or less taken of it.
func (l *look) raise(n need, quota quotatypes.ServiceQuota) string {
	mend := fmt.Sprintf("aws service-quotas request-service-quota-increase --service-code %s --quota-code %s --desired-value %d%s",
		quotaService, n.code, max(n.used, 0)+n.wanted, l.inRegion())
	if !quota.Adjustable {
		mend = "ask AWS Support for it, since Service Quotas does not raise " + n.code + ": https://console.aws.amazon.com/support/home"
	}
	if n.free != "" && n.used > 0 {
		mend += "; or " + n.free
	}
	return mend
}
