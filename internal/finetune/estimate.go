package finetune

// HoursPerMonth is what AWS counts a month as: 8,760 hours a year by 12.
const HoursPerMonth = 730

// Estimate is what a run is expected to cost, told before anything is bought.
// Amounts are in US dollars, without taxes. Whatever is null is not known:
// nothing is guessed.
type Estimate struct {
	BaseModel string           `json:"baseModel"`
	Region    string           `json:"region"`
	Training  TrainingEstimate `json:"training"`
	// Storage is of one custom model and month.
	Storage Rate            `json:"storage"`
	Serving ServingEstimate `json:"serving"`
}

// Rate is the price of one unit of something.
type Rate struct {
	// USD is null when the price is not known.
	USD *float64 `json:"usd"`
	// Source is where the price was read; null when it is not known.
	Source *PriceSource `json:"source"`
}

// PriceSource is where a price was read.
type PriceSource struct {
	URL  string `json:"url"`
	What string `json:"what"`
	// AsOf is the day whose price it is, as YYYY-MM-DD, and Read the day it was
	// read.
	AsOf string `json:"asOf"`
	Read string `json:"read"`
	// Live says that AWS was asked for this estimate, and not the price table.
	Live bool `json:"live"`
}

// TrainingEstimate is of one job.
type TrainingEstimate struct {
	// Tokens is the estimate of the training data's tokens, by its characters. A
	// job is billed by the tokens that Bedrock's tokenizer makes of it.
	Tokens int64 `json:"tokens"`
	// Epochs is how often a job reads them; null where the hyperparameters do not
	// say.
	Epochs *int `json:"epochs"`
	// Rate is of 1,000 tokens, once an epoch.
	Rate Rate `json:"rate"`
	// USD is what the job costs, once.
	USD *float64 `json:"usd"`
}

// ServingEstimate is of one model's capacity.
type ServingEstimate struct {
	Serving
	// HourlyUSD is billed whether anybody asks or not; 0 on demand.
	HourlyUSD *float64 `json:"hourlyUsd"`
	// MonthlyUSD is HourlyUSD for HoursPerMonth.
	MonthlyUSD *float64 `json:"monthlyUsd"`
	// Unit is of one model unit and hour; null on demand.
	Unit *Rate `json:"unit"`
	// Input and Output are of 1,000 tokens; null unless on demand.
	Input  *Rate `json:"input"`
	Output *Rate `json:"output"`
}
