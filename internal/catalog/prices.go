package catalog

import (
	"bytes"
	_ "embed" // prices.json is part of the program
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/tuneline/tuneline/internal/finetune"
)

//go:embed prices.json
var embeddedPrices []byte

// Item is what a price is for.
type Item string

// The items, each with the unit its price is for.
const (
	// ItemTraining is for 1,000 tokens of the training data, once an epoch.
	ItemTraining Item = "training"
	// ItemModelStorage is for one custom model and month.
	ItemModelStorage Item = "model-storage"
	// ItemUnitHour is for one model unit of a provisioned throughput and hour.
	ItemUnitHour Item = "unit-hour"
	// ItemInputTokens and ItemOutputTokens are for 1,000 tokens of a custom model
	// that is served on demand.
	ItemInputTokens  Item = "input-tokens"
	ItemOutputTokens Item = "output-tokens"
)

// Items lists every item.
func Items() []Item {
	return []Item{ItemTraining, ItemModelStorage, ItemUnitHour, ItemInputTokens, ItemOutputTokens}
}

// Price is one row: what an item of a base model costs in a region, where that
// was read, and when. Nothing is interpolated: what has no row is unknown, and so
// is what two sources contradict each other about.
type Price struct {
	// BaseModel is the identifier of a base model, as [BaseModel.ID] has it.
	BaseModel string `json:"baseModel"`
	Region    string `json:"region"`
	Item      Item   `json:"item"`
	// Commitment is "", OneMonth or SixMonths; "" for every item but a model unit.
	Commitment string `json:"commitment"`
	// USD is in US dollars, without taxes, for the item's unit.
	USD float64 `json:"usd"`
	// Source is a key of Prices.Sources, whose day is the price's.
	Source string `json:"source"`
}

// PriceSource is where prices were read.
type PriceSource struct {
	Source
	// AsOf is the day whose price the source gives, by its own account. AWS changes
	// prices without notice: an older day says less.
	AsOf Date `json:"asOf"`
	// Live says that AWS was asked a moment ago; never in the committed table.
	Live bool `json:"-"`
}

// Prices is the price table with the pages its rows were read from.
type Prices struct {
	Sources map[string]PriceSource `json:"sources"`
	Rows    []Price                `json:"prices"`
}

var loadPrices = sync.OnceValues(func() (*Prices, error) { return parsePrices(embeddedPrices) })

// LoadPrices returns the price table that is part of the program. The error is a
// row without a source or a day, or one that says what another row says.
func LoadPrices() (*Prices, error) { return loadPrices() }

func parsePrices(text []byte) (*Prices, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var p Prices
	if err := decoder.Decode(&p); err != nil {
		return nil, fmt.Errorf("decoding the price table: %w", err)
	}
	for key, source := range p.Sources {
		if err := source.check(); err != nil {
			return nil, fmt.Errorf("price table, source %q: %w", key, err)
		}
	}
	for i, row := range p.Rows {
		if err := p.checkRow(row, p.Rows[:i]); err != nil {
			return nil, fmt.Errorf("price table, row %d (%s of %s): %w", i+1, row.Item, row.BaseModel, err)
		}
	}
	return &p, nil
}

// check refuses a source that nobody could look up or judge the age of.
func (s PriceSource) check() error {
	if s.URL == "" || s.What == "" {
		return fmt.Errorf("it lacks its address, or what is there")
	}
	asOf, err := s.AsOf.Time()
	if err != nil {
		return fmt.Errorf("the day of its prices: %w", err)
	}
	read, err := s.Read.Time()
	if err != nil {
		return fmt.Errorf("the day it was read: %w", err)
	}
	if asOf.After(read) {
		return fmt.Errorf("its prices are of %s, and it was read on %s", s.AsOf, s.Read)
	}
	return nil
}

// checkRow refuses a row that nobody could look up or trust.
func (p *Prices) checkRow(row Price, before []Price) error {
	_, ok := p.Sources[row.Source]
	switch {
	case !ok:
		return fmt.Errorf("its source is %q, which is none of the table's", row.Source)
	case row.BaseModel == "" || row.Region == "" || !slices.Contains(Items(), row.Item):
		return fmt.Errorf("base model, region and one of the items %v are needed", Items())
	case row.USD < 0:
		return fmt.Errorf("it costs %v", row.USD)
	case row.Commitment != "" && row.Item != ItemUnitHour:
		return fmt.Errorf("only model units have a commitment, not %s", row.Item)
	}
	for _, other := range before {
		if other.BaseModel == row.BaseModel && other.Region == row.Region && other.Item == row.Item && other.Commitment == row.Commitment {
			return fmt.Errorf("another row says the same item")
		}
	}
	return nil
}

// Find returns the row of an item; ok is false for a price that is not known.
// commitment is "" for every item but a model unit.
func (p *Prices) Find(baseModel, region string, item Item, commitment string) (row Price, ok bool) {
	i := slices.IndexFunc(p.Rows, func(r Price) bool {
		return r.BaseModel == baseModel && r.Region == region && r.Item == item && r.Commitment == commitment
	})
	if i < 0 {
		return Price{}, false
	}
	return p.Rows[i], true
}

// HourlyUSD is what serving costs by the hour, used or not: nothing on demand,
// and the model units of a provisioned throughput. ok is false when the price of
// a unit is not known.
func (p *Prices) HourlyUSD(baseModel, region string, s finetune.Serving) (usd float64, ok bool) {
	if s.Mode != finetune.ServeProvisioned {
		return 0, true
	}
	row, ok := p.Find(baseModel, region, ItemUnitHour, s.Commitment)
	return row.USD * float64(s.ModelUnits), ok
}

// TrainingUSD is what a job costs that reads tokens of training data in each of
// its epochs. ok is false when the price of a token is not known.
func (p *Prices) TrainingUSD(baseModel, region string, tokens int64, epochs int) (usd float64, ok bool) {
	row, ok := p.Find(baseModel, region, ItemTraining, "")
	return row.USD / 1000 * float64(tokens) * float64(epochs), ok
}
