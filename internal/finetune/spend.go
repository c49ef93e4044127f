package finetune

import (
	"fmt"
	"math"
	"time"
)

// Purposes of spending, as $.spend.purpose.
const (
	// PurposeTraining is a job, paid once.
	PurposeTraining = "training"
	// PurposeServing is capacity, paid by the hour until it is deleted.
	PurposeServing = "serving"
)

// Purposes lists every purpose, in the order a run comes to them.
func Purposes() []string { return []string{PurposeTraining, PurposeServing} }

// What a price of spending is for, as $.spend.unit.
const (
	UnitJob  = "job"
	UnitHour = "hour"
)

// Decisions on spending, as $.spend.decision.
const (
	// DecisionGranted: it is under every ceiling, or an operator approved it.
	DecisionGranted = "Granted"
	// DecisionRefused: an operator rejected it.
	DecisionRefused = "Refused"
	// DecisionAsked: it is over a ceiling, and nobody was told yet. In a run's
	// record it stands for as long as nobody answers.
	DecisionAsked = "Asked"
	// DecisionWaiting: people were told, and nobody has answered.
	DecisionWaiting = "Waiting"
)

// Spend is what a run is about to pay for, and whether it may. A state that
// begins to ask sets Purpose alone.
type Spend struct {
	Purpose  string `json:"purpose"`
	Decision string `json:"decision"`
	// USD is the price in US dollars, without taxes, of one Unit; null when it is
	// not known.
	USD  *float64 `json:"usd"`
	Unit string   `json:"unit"`
	// Reasons are the ceilings that are crossed, a sentence part each; empty when
	// nothing had to be asked.
	Reasons []string `json:"reasons"`
	// By is the ARN of who approved or rejected it.
	By string `json:"by"`
	// Until is when asking is given up; null when nothing was asked.
	Until *time.Time `json:"until"`
	// Ignored says in words why an answer that was found does not count.
	Ignored string `json:"ignored"`
	// Notice is what people are told, with price and commands.
	Notice string `json:"notice"`
	// FailureMessage is what the run ends with, should it end here.
	FailureMessage string `json:"failureMessage"`
	Waiting
}

// Answered says whether nobody has to be waited for any more.
func (s Spend) Answered() bool {
	return s.Decision == DecisionGranted || s.Decision == DecisionRefused
}

// Price is the price in words, with what it is for.
func (s Spend) Price() string { return priceInWords(s.USD, s.Unit) }

// priceInWords names a price of one unit; a small one is not rounded to nothing.
func priceInWords(usd *float64, unit string) string {
	each := "a " + unit
	if unit == UnitHour {
		each = "an hour"
	}
	switch {
	case usd == nil:
		return "an unknown price " + each
	case *usd > 0 && *usd < 0.01:
		return "less than 0.01 USD " + each
	}
	return fmt.Sprintf("%.2f USD %s", *usd, each)
}

// Ceilings is what a run may cost without anybody being asked. They are the
// stack's: whoever drops data does not raise them.
type Ceilings struct {
	// TrainingUSD is for one job; 0 means that no price of training is too high.
	TrainingUSD float64 `json:"trainingUsd"`
	// Epochs is for one job; 0 means any number.
	Epochs int `json:"epochs"`
	// HourlyUSD is for one model's capacity; 0 means that whatever is billed by
	// the hour is asked for.
	HourlyUSD float64 `json:"hourlyUsd"`
	// Commitment is the term the stack's own settings buy with, "" for none. Any
	// other is asked for at whatever price: it cannot be deleted before its end.
	Commitment string `json:"commitment"`
	// AcceptUnknownPrice lets a price that is not known pass for one below the
	// ceiling.
	AcceptUnknownPrice bool `json:"acceptUnknownPrice"`
	// GiveUpSeconds is how long an answer is waited for.
	GiveUpSeconds int `json:"giveUpSeconds"`
}

// Quote is a price before anything is bought.
type Quote struct {
	// Purpose is PurposeTraining or PurposeServing.
	Purpose string
	// USD is the price of one Unit; nil when it is not known.
	USD  *float64
	Unit string
	// Epochs is a job's; 0 when they are left to Bedrock.
	Epochs int
	// Free is set of what nothing is paid for by the hour: serving on demand.
	Free bool
	// Commitment is a provisioned throughput's, "" for none.
	Commitment string
}

// Price is the price in words, with what it is for.
func (q Quote) Price() string { return priceInWords(q.USD, q.Unit) }

// Crossed names the ceilings that a quote crosses, a sentence part each; none
// means that nobody has to be asked.
func (c Ceilings) Crossed(q Quote) []string {
	if q.Purpose == PurposeServing {
		if q.Free {
			return nil
		}
		reasons := c.crossedBy(q, c.HourlyUSD, "serving.maxHourlyUSD")
		if q.Commitment != "" && q.Commitment != c.Commitment {
			reasons = append(reasons, fmt.Sprintf("the commitment %s, which cannot be deleted before its term ends, is not the stack's own serving.commitment, which is %s", q.Commitment, commitmentInWords(c.Commitment)))
		}
		return reasons
	}
	var reasons []string
	if c.TrainingUSD > 0 {
		reasons = c.crossedBy(q, c.TrainingUSD, "training.maxUSD")
	}
	switch {
	case c.Epochs == 0:
	case q.Epochs == 0:
		reasons = append(reasons, fmt.Sprintf("the number of epochs is Bedrock's own and not known, and training.maxEpochs is %d", c.Epochs))
	case q.Epochs > c.Epochs:
		reasons = append(reasons, fmt.Sprintf("%d epochs are more than training.maxEpochs, which is %d", q.Epochs, c.Epochs))
	}
	return reasons
}

// commitmentInWords is a commitment as the configuration spells it.
func commitmentInWords(commitment string) string {
	if commitment == "" {
		return "none"
	}
	return commitment
}

// crossedBy compares a price with the ceiling of a name in the configuration.
func (c Ceilings) crossedBy(q Quote, ceiling float64, name string) []string {
	switch {
	case q.USD == nil && c.AcceptUnknownPrice:
		return nil
	case q.USD == nil:
		return []string{fmt.Sprintf("the price is not known, and acceptUnknownPrice is false (%s is %.2f USD)", name, ceiling)}
	case math.IsNaN(*q.USD), *q.USD > ceiling:
		return []string{fmt.Sprintf("%s is more than %s, which is %.2f USD", q.Price(), name, ceiling)}
	}
	return nil
}

// Bounds of the wait for a person's answer.
const (
	// MaxApprovalHours is the longest that an answer is waited for: a week. Two
	// such waits must end before the checked copy expires, which is kept for at
	// least 30 days, and fit into an execution's history beside the longest job.
	MaxApprovalHours = 7 * 24
	// approvalTurns bounds how often an answer is looked for.
	approvalTurns = 120
)

// NextForPerson is the wait after the one that just passed, of a wait for a
// person. It grows as [Waiting.Next] does, and beyond 600 seconds for a long
// deadline: to a 120th of it, 36 minutes of three days.
func (w Waiting) NextForPerson() Waiting {
	return w.nextWithin(max(maxWait, w.DeadlineSeconds/approvalTurns))
}
