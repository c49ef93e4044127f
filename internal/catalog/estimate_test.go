package catalog

import (
	"math"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

// priced is a table with a price of everything for b in r.
var priced = &Prices{
	Sources: map[string]PriceSource{"page": {Source: Source{URL: "u", What: "w", Read: "2026-11-29"}, AsOf: "2026-08-02"}},
	Rows: []Price{
		{BaseModel: "b", Region: "r", Item: ItemTraining, USD: 0.004, Source: "page"},
		{BaseModel: "b", Region: "r", Item: ItemModelStorage, USD: 1.95, Source: "page"},
		{BaseModel: "b", Region: "r", Item: ItemUnitHour, USD: 24, Source: "page"},
		{BaseModel: "b", Region: "r", Item: ItemInputTokens, USD: 0.0003, Source: "page"},
		{BaseModel: "b", Region: "r", Item: ItemOutputTokens, USD: 0.0025, Source: "page"},
	},
}

func settings(serving finetune.Serving, hyperparameters map[string]string) finetune.Settings {
	return finetune.Settings{BaseModel: "b", CustomizationType: fineTuning, Hyperparameters: hyperparameters, Serving: serving}
}

// near compares an amount that may be unknown.
func near(t *testing.T, what string, got *float64, want float64) {
	t.Helper()
	if got == nil || math.Abs(*got-want) > 1e-9 {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

// TestEstimate ensures that on demand nothing is billed by the hour and a
// provisioned throughput by unit and month, and that every price names its source.
func TestEstimate(t *testing.T) {
	epochs := map[string]string{"epochCount": "3"}
	onDemand := priced.Estimate(settings(finetune.Serving{Mode: finetune.ServeOnDemand}, epochs), "r", 500_000)
	near(t, "training", onDemand.Training.USD, 6)
	near(t, "storage", onDemand.Storage.USD, 1.95)
	near(t, "an hour on demand", onDemand.Serving.HourlyUSD, 0)
	near(t, "a month on demand", onDemand.Serving.MonthlyUSD, 0)
	near(t, "input", onDemand.Serving.Input.USD, 0.0003)
	near(t, "output", onDemand.Serving.Output.USD, 0.0025)
	if onDemand.Serving.Unit != nil {
		t.Error("serving on demand has a price of model units")
	}
	want := finetune.PriceSource{URL: "u", What: "w", AsOf: "2026-08-02", Read: "2026-11-29"}
	if got := onDemand.Storage.Source; got == nil || *got != want {
		t.Errorf("the source is %+v, want %+v", got, want)
	}

	provisioned := priced.Estimate(settings(finetune.Serving{Mode: finetune.ServeProvisioned, ModelUnits: 2}, epochs), "r", 1)
	near(t, "an hour of two units", provisioned.Serving.HourlyUSD, 48)
	near(t, "a month of two units", provisioned.Serving.MonthlyUSD, 48*730)
	near(t, "a unit", provisioned.Serving.Unit.USD, 24)
	if provisioned.Serving.Input != nil || provisioned.Serving.Output != nil {
		t.Error("provisioned throughput has a price of tokens")
	}
}

// TestEstimateUnknown ensures that what is not known stays so, and is not 0.
func TestEstimateUnknown(t *testing.T) {
	serving := finetune.Serving{Mode: finetune.ServeOnDemand}
	for name, s := range map[string]finetune.Settings{
		"epochs left to Bedrock": settings(serving, map[string]string{"learningRate": "0.1"}),
		"epochs no number":       settings(serving, map[string]string{"epochCount": "auto"}),
		"no epoch":               settings(serving, map[string]string{"epochCount": "0"}),
	} {
		got := priced.Estimate(s, "r", 1000).Training
		if got.USD != nil || got.Epochs != nil {
			t.Errorf("%s: epochs %v, %v USD, want both unknown", name, got.Epochs, got.USD)
		}
		near(t, name+": the rate", got.Rate.USD, 0.004)
	}

	reinforcement := settings(serving, map[string]string{"epochCount": "2"})
	reinforcement.CustomizationType = "REINFORCEMENT_FINE_TUNING"
	if got := priced.Estimate(reinforcement, "r", 1000).Training; got.USD != nil || got.Rate.USD != nil {
		t.Errorf("a customization that is not billed by the token costs %+v", got)
	}

	committed := finetune.Serving{Mode: finetune.ServeProvisioned, ModelUnits: 1, Commitment: "SixMonths"}
	elsewhere := priced.Estimate(settings(committed, map[string]string{"epochCount": "2"}), "elsewhere", 1000)
	if elsewhere.Training.USD != nil || elsewhere.Storage.USD != nil || elsewhere.Storage.Source != nil ||
		elsewhere.Serving.HourlyUSD != nil || elsewhere.Serving.MonthlyUSD != nil || elsewhere.Serving.Unit.USD != nil {
		t.Errorf("another region's price is taken: %+v", elsewhere)
	}
	if got := *elsewhere.Training.Epochs; got != 2 {
		t.Errorf("%d epochs, want 2 although the price is not known", got)
	}
}

// TestWith ensures that other rows take the place of the table's, and that the
// table itself stays as it was.
func TestWith(t *testing.T) {
	live := &Prices{
		Sources: map[string]PriceSource{"live": {Source: Source{URL: "api"}, Live: true}},
		Rows:    []Price{{BaseModel: "b", Region: "r", Item: ItemTraining, USD: 0.008, Source: "live"}},
	}
	serving := finetune.Serving{Mode: finetune.ServeOnDemand}
	got := priced.With(live).Estimate(settings(serving, map[string]string{"epochCount": "1"}), "r", 1000)
	near(t, "training", got.Training.USD, 0.008)
	if !got.Training.Rate.Source.Live || got.Storage.Source.Live {
		t.Errorf("live are training %t and storage %t, want the first alone", got.Training.Rate.Source.Live, got.Storage.Source.Live)
	}
	if row, ok := priced.Find("b", "r", ItemTraining, ""); !ok || row.USD != 0.004 || len(priced.Sources) != 1 {
		t.Errorf("the table was changed: %+v", row)
	}
}
