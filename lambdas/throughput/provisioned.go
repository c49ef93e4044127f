package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/bedrock/types"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// provision re-points a provisioned throughput that is paid for already, where
// it can, and buys one where it cannot. For either it holds the model's lease,
// so that a second upload waits and then re-points what the first one bought. A
// retry stays with what the first try decided: made is the intent in the run's
// record, or nil.
func (h handler) provision(ctx context.Context, p purchase, published registry.Model, made *finetune.Throughput) (finetune.Throughput, error) {
	if made != nil && made.Change == finetune.ChangeCreated {
		return h.buy(ctx, p)
	}
	if leased(published, p.run.ID) && !published.Lease.Buying() {
		return h.repoint(ctx, p, *published.Lease)
	}
	reusable, found, err := h.reusable(ctx, p.settings, published)
	if err != nil {
		return finetune.Throughput{}, err
	}
	wanted := registry.Lease{Run: p.run}
	if found {
		wanted.ThroughputARN, wanted.PreviousModelARN = reusable.ThroughputARN, reusable.ModelARN
	}
	lease, err := h.takeLease(ctx, p, published, wanted)
	if err != nil {
		return finetune.Throughput{}, err
	}
	if lease.Buying() {
		return h.buy(ctx, p)
	}
	return h.repoint(ctx, p, lease)
}

// reusable finds the throughput that can be re-pointed to a model of these
// settings, so that nothing more is paid: the one that serves now, or one that
// nothing serves from any more and that a commitment holds, since it is billed to
// the end of its term in any case. Without a commitment the latter is to be
// deleted: to keep it would be to pay for it. AWS's page on changing the model
// (https://docs.aws.amazon.com/bedrock/latest/userguide/prov-thru-edit.html) makes
// no difference between throughputs with a commitment and without.
func (h handler) reusable(ctx context.Context, s finetune.Settings, m registry.Model) (c registry.Capacity, found bool, err error) {
	if m.Serving != nil {
		found, _, err := h.fitting(ctx, s, *m.Serving)
		if err != nil || found {
			return *m.Serving, found, err
		}
	}
	for _, c := range m.Retired {
		fits, until, err := h.fitting(ctx, s, c)
		if err != nil || fits && until.After(h.now()) {
			return c, err == nil, err
		}
	}
	return registry.Capacity{}, false, nil
}

// fitting says whether a capacity is a provisioned throughput that can be
// re-pointed to a model of these settings, and until when a commitment holds it,
// which is the zero time without one.
func (h handler) fitting(ctx context.Context, s finetune.Settings, c registry.Capacity) (_ bool, committedUntil time.Time, err error) {
	if c.Kind != finetune.KindProvisioned || c.BaseModel != s.BaseModel {
		return false, committedUntil, nil
	}
	_, out, err := h.lookAt(ctx, c.ThroughputARN)
	if code(err) == notFound {
		return false, committedUntil, nil
	}
	if err != nil {
		return false, committedUntil, err
	}
	return fits(out, s.Serving), aws.ToTime(out.CommitmentExpirationTime), nil
}

// fits says whether a living provisioned throughput is what the settings ask
// for. Neither units nor commitment can be changed in place; an hourly price is
// not asked for while a commitment is paid anyway.
func fits(out *bedrock.GetProvisionedModelThroughputOutput, s finetune.Serving) bool {
	return out.Status != types.ProvisionedModelStatusFailed &&
		int(aws.ToInt32(out.ModelUnits)) == s.ModelUnits &&
		(s.Commitment == "" || string(out.CommitmentDuration) == s.Commitment)
}

// buy asks for a new provisioned throughput, or finds the one an earlier try
// asked for.
func (h handler) buy(ctx context.Context, p purchase) (finetune.Throughput, error) {
	t := finetune.Throughput{
		Kind: finetune.KindProvisioned, Name: p.run.Name(), Status: creating, Change: finetune.ChangeCreated,
		Waiting: finetune.NewWaiting(finetune.ThroughputDeadlineSeconds),
	}
	in, err := provisionedInput(p)
	if err != nil {
		return t, err
	}
	if err := h.intend(ctx, p, t); err != nil {
		return t, h.giveBack(ctx, p.run, err)
	}
	found, err := h.findProvisioned(ctx, p, &t)
	if err != nil {
		return t, err
	}
	if !found {
		if err := h.checkGranted(ctx, p); err != nil {
			return t, err
		}
		out, err := h.bedrock.CreateProvisionedModelThroughput(ctx, in)
		if err != nil {
			err = h.purchaseRefused(ctx, p, &t, err)
		} else {
			t.ARN = aws.ToString(out.ProvisionedModelArn)
		}
		if err != nil {
			return t, err
		}
	}
	t, err = h.bought(ctx, p, t)
	return t, h.giveBack(ctx, p.run, err)
}

// provisionedInput is the request for the run's provisioned throughput. No
// commitment is asked for by leaving the member out.
func provisionedInput(p purchase) (*bedrock.CreateProvisionedModelThroughputInput, error) {
	units := p.settings.Serving.ModelUnits
	if units < 1 || units > math.MaxInt32 {
		return nil, finetune.Errorf(finetune.SettingsRejected, "buying throughput for run %s: %d model units; at least 1 is needed", p.run.ID, units)
	}
	return &bedrock.CreateProvisionedModelThroughputInput{
		ProvisionedModelName: aws.String(p.run.Name()),
		ModelId:              aws.String(p.model.ARN),
		ModelUnits:           aws.Int32(int32(units)),
		CommitmentDuration:   types.CommitmentDuration(p.settings.Serving.Commitment),
		Tags:                 p.tags(),
		ClientRequestToken:   p.token("throughput"),
	}, nil
}

// findProvisioned fills t from a provisioned throughput of the run's name, if
// there is one. One that is not the run's own is an error, and so is one that the
// run has bought and that serves another run's model by now. Where that was safe,
// reusable has taken it up: what is left has other units, a commitment of another
// term or none, or has failed, or nobody's record says that callers do not reach
// it. A second one cannot have the name, by which a lost purchase is found again.
func (h handler) findProvisioned(ctx context.Context, p purchase, t *finetune.Throughput) (bool, error) {
	out, err := h.bedrock.GetProvisionedModelThroughput(ctx, &bedrock.GetProvisionedModelThroughputInput{ProvisionedModelId: aws.String(p.run.Name())})
	if code(err) == notFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for provisioned throughput %s: %w", p.run.Name(), err)
	}
	arn := aws.ToString(out.ProvisionedModelArn)
	ours, err := h.ours(ctx, arn, p.run.ID)
	if err != nil {
		return false, err
	}
	if !ours || aws.ToString(out.DesiredModelArn) != p.model.ARN {
		return false, nameTaken(p, arn)
	}
	t.ARN, t.Status = arn, string(out.Status)
	return true, nil
}

// purchaseRefused says what a refusal to sell model units means.
func (h handler) purchaseRefused(ctx context.Context, p purchase, t *finetune.Throughput, refusal error) error {
	switch code(refusal) {
	case quotaExceeded:
		return finetune.Errorf(finetune.ModelUnitQuota, "buying %s: %s (Bedrock says: %w). Ask for them in Service Quotas of %s or from AWS Support",
			p.run.Name(), unitQuota(p.settings), refusal, regionOf(p.model.ARN))
	case invalid:
		found, err := h.findProvisioned(ctx, p, t)
		if err != nil || found {
			return err
		}
		if nameLingers(p, refusal) {
			return lingering(p, refusal)
		}
		return unsold(p, refusal)
	case notFound:
		return unsold(p, refusal)
	}
	return fmt.Errorf("buying %s: %w", p.run.Name(), refusal)
}

// unsold is the error for a custom model that Bedrock sells no throughput for.
func unsold(p purchase, refusal error) error {
	return finetune.Errorf(finetune.ThroughputFailed, "buying %s: Bedrock sells no throughput for %s: %w", p.run.Name(), p.model.ARN, refusal)
}

// unitQuota names the quota that was exceeded.
func unitQuota(s finetune.Settings) string {
	if s.Serving.Commitment == "" {
		return fmt.Sprintf("AWS has not granted %d model units without commitment across custom models (quota L-BE77399C, 0 by default)", s.Serving.ModelUnits)
	}
	return fmt.Sprintf("AWS has not granted %d model units with commitment %s of base model %s (each base model has its own quota, 0 by default)", s.Serving.ModelUnits, s.Serving.Commitment, s.BaseModel)
}
