package catalog

import (
	"math"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Ensure a quote is a product of the table's row and what is bought, and unknown
// whenever a factor is.
func TestQuote(t *testing.T) {
	prices, err := LoadPrices()
	if err != nil {
		t.Fatal(err)
	}
	const nova2, llama70 = "amazon.nova-2-lite-v1:0:256k", "meta.llama3-1-70b-instruct-v1:0:128k"
	serving := func(mode string, units int, commitment string) finetune.Settings {
		return finetune.Settings{BaseModel: nova2, Serving: finetune.Serving{Mode: mode, ModelUnits: units, Commitment: commitment}}
	}
	training := func(base, epochs string) finetune.Settings {
		return finetune.Settings{BaseModel: base, CustomizationType: "FINE_TUNING", Hyperparameters: map[string]string{"epochCount": epochs}}
	}
	tests := map[string]struct {
		region, purpose string
		settings        finetune.Settings
		tokens          int64
		// want is -1 for a price that is not known.
		want   float64
		epochs int
		free   bool
	}{
		"training":                {"us-east-1", finetune.PurposeTraining, training(nova2, "3"), 2_000_000, 0.00378 * 2000 * 3, 3, false},
		"training elsewhere":      {"us-west-2", finetune.PurposeTraining, training(nova2, "3"), 2_000_000, -1, 3, false},
		"training without a row":  {"us-west-2", finetune.PurposeTraining, training(llama70, "5"), 2_000_000, -1, 5, false},
		"training without epochs": {"us-east-1", finetune.PurposeTraining, training(nova2, ""), 2_000_000, -1, 0, false},
		"training of no tokens":   {"us-east-1", finetune.PurposeTraining, training(nova2, "3"), 0, -1, 3, false},
		"one unit":                {"us-east-1", finetune.PurposeServing, serving("provisioned", 1, ""), 0, 60.5, 0, false},
		"two units for a month":   {"us-east-1", finetune.PurposeServing, serving("provisioned", 2, "OneMonth"), 0, 110, 0, false},
		"units for six months":    {"us-east-1", finetune.PurposeServing, serving("provisioned", 2, "SixMonths"), 0, -1, 0, false},
		"on demand":               {"us-east-1", finetune.PurposeServing, serving("on-demand", 0, ""), 0, 0, 0, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			q := prices.Quote(test.region, test.purpose, test.settings, test.tokens)
			got := -1.0
			if q.USD != nil {
				got = *q.USD
			}
			if math.Abs(got-test.want) > 1e-9 || q.Epochs != test.epochs || q.Free != test.free || q.Purpose != test.purpose {
				t.Errorf("got %+v at %v, want %v, %d epochs, free %v", q, got, test.want, test.epochs, test.free)
			}
		})
	}
}
