package catalog

import "github.com/tuneline/tuneline/internal/finetune"

// Quote is the price of what a run is about to buy, in a region: training on so
// many tokens, or serving, as [Prices.Estimate] has them. A price that is not
// known is nil, and so is that of training whose tokens were not estimated.
func (p *Prices) Quote(region, purpose string, s finetune.Settings, tokens int64) finetune.Quote {
	if purpose == finetune.PurposeServing {
		return finetune.Quote{
			Purpose: purpose, Unit: finetune.UnitHour, Free: s.Serving.Mode == finetune.ServeOnDemand,
			USD: p.serving(s, region).HourlyUSD, Commitment: s.Serving.Commitment,
		}
	}
	q := finetune.Quote{Purpose: purpose, Unit: finetune.UnitJob}
	q.Epochs, _ = Epochs(s) // 0 says that they are left to Bedrock
	if tokens > 0 {
		q.USD = p.training(s, region, tokens).USD
	}
	return q
}
