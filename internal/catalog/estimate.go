package catalog

import (
	"strconv"

	"github.com/tuneline/tuneline/internal/finetune"
)

// epochCount is the hyperparameter that says how often a job reads the training
// data, of every base model in the catalogue ("Custom model hyperparameters" in
// the Bedrock User Guide). Where it is not sent, Bedrock's own default holds.
const epochCount = "epochCount"

// Epochs is how often a job with these settings reads the training data; ok is
// false where they do not say.
func Epochs(s finetune.Settings) (epochs int, ok bool) {
	epochs, err := strconv.Atoi(s.Hyperparameters[epochCount])
	return epochs, err == nil && epochs > 0
}

// Estimate is what a run costs with settings that are settled, that is, complete
// and without [finetune.ServeAuto], whose training data has so many tokens.
func (p *Prices) Estimate(s finetune.Settings, region string, tokens int64) finetune.Estimate {
	return finetune.Estimate{
		BaseModel: s.BaseModel,
		Region:    region,
		Training:  p.training(s, region, tokens),
		Storage:   p.rate(s.BaseModel, region, ItemModelStorage, ""),
		Serving:   p.serving(s, region),
	}
}

// training prices fine-tuning, which is billed by the token. Other customization
// types are not: of reinforcement fine-tuning by the hour, of a distillation the
// teacher's answers too.
func (p *Prices) training(s finetune.Settings, region string, tokens int64) finetune.TrainingEstimate {
	t := finetune.TrainingEstimate{Tokens: tokens}
	if s.CustomizationType != fineTuning {
		return t
	}
	t.Rate = p.rate(s.BaseModel, region, ItemTraining, "")
	epochs, known := Epochs(s)
	if !known {
		return t
	}
	t.Epochs = &epochs
	if usd, ok := p.TrainingUSD(s.BaseModel, region, tokens, epochs); ok {
		t.USD = &usd
	}
	return t
}

func (p *Prices) serving(s finetune.Settings, region string) finetune.ServingEstimate {
	e := finetune.ServingEstimate{Serving: s.Serving}
	if usd, ok := p.HourlyUSD(s.BaseModel, region, s.Serving); ok {
		month := usd * finetune.HoursPerMonth
		e.HourlyUSD, e.MonthlyUSD = &usd, &month
	}
	if s.Serving.Mode == finetune.ServeProvisioned {
		unit := p.rate(s.BaseModel, region, ItemUnitHour, s.Serving.Commitment)
		e.Unit = &unit
		return e
	}
	input := p.rate(s.BaseModel, region, ItemInputTokens, "")
	output := p.rate(s.BaseModel, region, ItemOutputTokens, "")
	e.Input, e.Output = &input, &output
	return e
}

// rate is an item's price with where it was read.
func (p *Prices) rate(baseModel, region string, item Item, commitment string) finetune.Rate {
	row, ok := p.Find(baseModel, region, item, commitment)
	if !ok {
		return finetune.Rate{}
	}
	source := p.Sources[row.Source]
	return finetune.Rate{USD: &row.USD, Source: &finetune.PriceSource{
		URL: source.URL, What: source.What, AsOf: string(source.AsOf), Read: string(source.Read), Live: source.Live,
	}}
}

// With is the table with other rows before its own: a row for what the table has
// a price of, too, takes its place.
func (p *Prices) With(other *Prices) *Prices {
	sources := make(map[string]PriceSource, len(p.Sources)+len(other.Sources))
	for _, from := range []*Prices{p, other} {
		for key, source := range from.Sources {
			sources[key] = source
		}
	}
	rows := make([]Price, 0, len(p.Rows)+len(other.Rows))
	rows = append(append(rows, other.Rows...), p.Rows...) // Find takes the first
	return &Prices{Sources: sources, Rows: rows}
}
