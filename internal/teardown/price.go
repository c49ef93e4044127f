package teardown

import (
	"github.com/tuneline/tuneline/internal/catalog"
)

// Price is a price of the price table, or an unknown one: then only its unit is
// known.
type Price struct {
	// USD is nil where the table has no row.
	USD *float64 `json:"usd"`
	// Source and Read say where the row was read, and on which day.
	Source string       `json:"source,omitempty"`
	Read   catalog.Date `json:"read,omitempty"`
}

// price is the price of an item of a base model in the stack's Region.
func (t Teardown) price(baseModel string, item catalog.Item, commitment string) Price {
	row, ok := t.Prices.Find(baseModel, t.Region, item, commitment)
	if !ok {
		return Price{}
	}
	source := t.Prices.Sources[row.Source]
	return Price{USD: &row.USD, Source: source.URL, Read: source.Read}
}

// times is the price of so many; an unknown one stays unknown.
func (p Price) times(n float64) Price {
	if p.USD != nil {
		usd := *p.USD * n
		p.USD = &usd
	}
	return p
}
