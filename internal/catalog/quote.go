package catalog

import (
	"strconv"

	"github.com/tuneline/tuneline/internal/finetune"
)

// EpochCount is the hyperparameter that training is paid by; every base model
// has it.
const EpochCount = "epochCount"

// Quote is the price of what a run is about to buy, in a region: training on so
// many tokens, or serving. A price that the table does not hold is nil, and so is
// that of training whose epochs are left to Bedrock.
func (p *Prices) Quote(region, purpose string, s finetune.Settings, tokens int64) finetune.Quote {
	if purpose == finetune.PurposeServing {
		q := finetune.Quote{Purpose: purpose, Unit: finetune.UnitHour, Free: s.Serving.Mode == finetune.ServeOnDemand}
		if usd, known := p.HourlyUSD(s.BaseModel, region, s.Serving); known {
			q.USD = &usd
		}
		return q
	}
	q := finetune.Quote{Purpose: purpose, Unit: finetune.UnitJob}
	if epochs, err := strconv.Atoi(s.Hyperparameters[EpochCount]); err == nil && epochs > 0 {
		q.Epochs = epochs
	}
	if usd, known := p.TrainingUSD(s.BaseModel, region, tokens, q.Epochs); known && q.Epochs > 0 && tokens > 0 {
		q.USD = &usd
	}
	return q
}
