package catalog

import (
	"math"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Ensure every row of the table has a source with a day, and is of a base model
// the catalogue knows, in a region it can be tuned in.
func TestPricesHaveSources(t *testing.T) {
	prices, err := LoadPrices()
	if err != nil {
		t.Fatal(err)
	}
	models, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range prices.Rows {
		model, err := models.Find(row.BaseModel)
		if err != nil {
			t.Errorf("a price is of %s: %v", row.BaseModel, err)
			continue
		}
		if err := model.CheckRegion(row.Region); err != nil {
			t.Errorf("a price of %s is for %s: %v", row.BaseModel, row.Region, err)
		}
	}
	if len(prices.Rows) == 0 {
		t.Error("the table is empty")
	}
}

// Ensure a row that cannot be trusted fails the build.
func TestPriceTableRefuses(t *testing.T) {
	const sources = `"sources":{"page":{"url":"https://example.com","what":"prices","asOf":"2026-08-02","read":"2026-11-23"}}`
	row := func(item, commitment, source string) string {
		return `{"baseModel":"b","region":"us-east-1","item":"` + item + `","commitment":"` + commitment + `","usd":1,"source":"` + source + `"}`
	}
	tests := map[string]struct{ rows, want string }{
		"no source":                {row("training", "", ""), "none of the table's"},
		"unknown source":           {row("training", "", "elsewhere"), "none of the table's"},
		"unknown item":             {row("lunch", "", "page"), "one of the items"},
		"commitment to training":   {row("training", "OneMonth", "page"), "only model units"},
		"twice":                    {row("training", "", "page") + "," + row("training", "", "page"), "says the same"},
		"a member nobody asks for": {`{"baseModel":"b","guess":true}`, "unknown field"},
		"negative":                 {strings.Replace(row("training", "", "page"), `"usd":1`, `"usd":-1`, 1), "it costs -1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parsePrices([]byte("{" + sources + `,"prices":[` + test.rows + "]}"))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
	for name, test := range map[string]struct{ source, want string }{
		"no address":                {`{"what":"w","asOf":"2026-08-02","read":"2026-11-23"}`, "lacks its address"},
		"nothing said of it":        {`{"url":"u","asOf":"2026-08-02","read":"2026-11-23"}`, "lacks its address"},
		"not read":                  {`{"url":"u","what":"w","asOf":"2026-08-02"}`, "the day it was read"},
		"prices of no day":          {`{"url":"u","what":"w","read":"2026-11-23"}`, "the day of its prices"},
		"prices of a day to come":   {`{"url":"u","what":"w","asOf":"2026-11-24","read":"2026-11-23"}`, "was read on 2026-11-23"},
		"a day in another notation": {`{"url":"u","what":"w","asOf":"2 August","read":"2026-11-23"}`, "the day of its prices"},
		"live":                      {`{"url":"u","what":"w","asOf":"2026-08-02","read":"2026-11-23","live":true}`, "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parsePrices([]byte(`{"sources":{"page":` + test.source + `},"prices":[` + row("training", "", "page") + "]}"))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
	if _, err := parsePrices([]byte("{" + sources + `,"prices":[` + row("unit-hour", "OneMonth", "page") + "," + row("unit-hour", "", "page") + "]}")); err != nil {
		t.Errorf("a good table is refused: %v", err)
	}
}

// Ensure a bill is the price times what is used, that on-demand serving costs
// nothing by the hour, and that what has no row is unknown.
func TestBills(t *testing.T) {
	p := &Prices{Rows: []Price{
		{BaseModel: "b", Region: "r", Item: ItemUnitHour, USD: 24},
		{BaseModel: "b", Region: "r", Item: ItemUnitHour, Commitment: "OneMonth", USD: 20},
		{BaseModel: "b", Region: "r", Item: ItemTraining, USD: 0.004},
	}}
	hourly := map[finetune.Serving]struct {
		usd float64
		ok  bool
	}{
		{Mode: finetune.ServeOnDemand}:                                            {0, true},
		{Mode: finetune.ServeProvisioned, ModelUnits: 2}:                          {48, true},
		{Mode: finetune.ServeProvisioned, ModelUnits: 1, Commitment: "OneMonth"}:  {20, true},
		{Mode: finetune.ServeProvisioned, ModelUnits: 1, Commitment: "SixMonths"}: {0, false},
	}
	for serving, want := range hourly {
		if usd, ok := p.HourlyUSD("b", "r", serving); usd != want.usd || ok != want.ok {
			t.Errorf("HourlyUSD(%+v) = %v, %v; want %v", serving, usd, ok, want)
		}
	}
	if usd, ok := p.TrainingUSD("b", "r", 500_000, 3); math.Abs(usd-6) > 1e-9 || !ok {
		t.Errorf("TrainingUSD = %v, %v; want 6", usd, ok)
	}
	if _, ok := p.TrainingUSD("b", "elsewhere", 1, 1); ok {
		t.Error("a price of another region is taken")
	}
}
