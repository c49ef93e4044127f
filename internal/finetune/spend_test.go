package finetune

import (
	"math"
	"strings"
	"testing"
)

func usd(v float64) *float64 { return &v }

// Ensure each ceiling is crossed by what is above it, or not known, and by nothing
// else.
func TestCrossed(t *testing.T) {
	training := func(price *float64, epochs int) Quote {
		return Quote{Purpose: PurposeTraining, USD: price, Unit: UnitJob, Epochs: epochs}
	}
	serving := func(price *float64) Quote { return Quote{Purpose: PurposeServing, USD: price, Unit: UnitHour} }
	committed := func(price *float64, term string) Quote {
		return Quote{Purpose: PurposeServing, USD: price, Unit: UnitHour, Commitment: term}
	}
	tests := map[string]struct {
		ceilings Ceilings
		quote    Quote
		// want is in the reasons, one each.
		want []string
	}{
		"training without ceilings":         {Ceilings{}, training(usd(1e6), 10), nil},
		"unknown training without ceilings": {Ceilings{}, training(nil, 0), nil},
		"training at the ceiling":           {Ceilings{TrainingUSD: 10}, training(usd(10), 5), nil},
		"training above the ceiling":        {Ceilings{TrainingUSD: 10}, training(usd(10.01), 5), []string{"10.01 USD a job is more than training.maxUSD, which is 10.00 USD"}},
		"unknown training":                  {Ceilings{TrainingUSD: 10}, training(nil, 5), []string{"not known, and acceptUnknownPrice is false (training.maxUSD is 10.00 USD)"}},
		"unknown training accepted":         {Ceilings{TrainingUSD: 10, AcceptUnknownPrice: true}, training(nil, 5), nil},
		"known training is not unknown":     {Ceilings{TrainingUSD: 10, AcceptUnknownPrice: true}, training(usd(11), 5), []string{"training.maxUSD"}},
		"training of no number":             {Ceilings{TrainingUSD: 10}, training(usd(math.NaN()), 5), []string{"training.maxUSD"}},
		"training without end":              {Ceilings{TrainingUSD: 10}, training(usd(math.Inf(1)), 5), []string{"training.maxUSD"}},
		"serving of no number":              {Ceilings{HourlyUSD: 24, AcceptUnknownPrice: true}, serving(usd(math.NaN())), []string{"serving.maxHourlyUSD"}},
		"epochs at the ceiling":             {Ceilings{Epochs: 5}, training(nil, 5), nil},
		"epochs above the ceiling":          {Ceilings{Epochs: 4}, training(nil, 5), []string{"5 epochs are more than training.maxEpochs, which is 4"}},
		"unknown epochs":                    {Ceilings{Epochs: 4, AcceptUnknownPrice: true}, training(nil, 0), []string{"not known, and training.maxEpochs is 4"}},
		"both":                              {Ceilings{TrainingUSD: 1, Epochs: 1}, training(usd(2), 2), []string{"training.maxUSD", "training.maxEpochs"}},
		"serving by default":                {Ceilings{}, serving(usd(0.01)), []string{"0.01 USD an hour is more than serving.maxHourlyUSD, which is 0.00 USD"}},
		"serving at the ceiling":            {Ceilings{HourlyUSD: 24}, serving(usd(24)), nil},
		"serving above the ceiling":         {Ceilings{HourlyUSD: 23.99}, serving(usd(24)), []string{"serving.maxHourlyUSD"}},
		"unknown serving":                   {Ceilings{HourlyUSD: 1e6}, serving(nil), []string{"not known, and acceptUnknownPrice is false (serving.maxHourlyUSD"}},
		"unknown serving accepted":          {Ceilings{AcceptUnknownPrice: true}, serving(nil), nil},
		"on demand":                         {Ceilings{}, Quote{Purpose: PurposeServing, USD: usd(0), Free: true}, nil},
		"on demand of no known price":       {Ceilings{}, Quote{Purpose: PurposeServing, Free: true}, nil},
		"a commitment under the ceiling":    {Ceilings{HourlyUSD: 24}, committed(usd(24), "OneMonth"), []string{"OneMonth, which cannot be deleted before its term ends, is not the stack's own serving.commitment, which is none"}},
		"a commitment of accepted price":    {Ceilings{AcceptUnknownPrice: true}, committed(nil, "SixMonths"), []string{"SixMonths"}},
		"a commitment above the ceiling":    {Ceilings{}, committed(usd(24), "OneMonth"), []string{"serving.maxHourlyUSD", "OneMonth"}},
		"the stack's commitment":            {Ceilings{HourlyUSD: 24, Commitment: "OneMonth"}, committed(usd(24), "OneMonth"), nil},
		"longer than the stack's":           {Ceilings{HourlyUSD: 24, Commitment: "OneMonth"}, committed(usd(24), "SixMonths"), []string{"SixMonths"}},
		"none where the stack has one":      {Ceilings{HourlyUSD: 24, Commitment: "OneMonth"}, serving(usd(24)), nil},
		"ceilings of the other purpose":     {Ceilings{TrainingUSD: 1, Epochs: 1, HourlyUSD: 30}, serving(usd(24)), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := test.ceilings.Crossed(test.quote)
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %d reasons", got, len(test.want))
			}
			for i, want := range test.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("got %q, want it to say %q", got[i], want)
				}
			}
		})
	}
}

func TestPriceInWords(t *testing.T) {
	for want, spend := range map[string]Spend{
		"an unknown price an hour": {Unit: UnitHour},
		"24.00 USD an hour":        {Unit: UnitHour, USD: usd(24)},
		"0.00 USD an hour":         {Unit: UnitHour, USD: usd(0)},
		"less than 0.01 USD a job": {Unit: UnitJob, USD: usd(0.0004)},
		"1234567.89 USD a job":     {Unit: UnitJob, USD: usd(1234567.891)},
		"0.01 USD a job":           {Unit: UnitJob, USD: usd(0.01)},
	} {
		if got := spend.Price(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
