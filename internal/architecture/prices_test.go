package architecture

import (
	"strconv"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/catalog"
)

// prices is the price table, with which price of which base model is unknown.
func prices(t *testing.T) string {
	t.Helper()
	known, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	table, err := catalog.LoadPrices()
	if err != nil {
		t.Fatal(err)
	}
	header := []string{"base model", "Region"}
	for _, item := range catalog.Items() {
		header = append(header, string(item))
	}
	var text strings.Builder
	text.WriteString(row(header...) + row(strings.Split(strings.Repeat("--- ", len(header)), " ")[:len(header)]...))
	for _, model := range known.All() {
		for _, region := range model.Regions {
			cells := []string{"`" + model.ID + "`", region}
			for _, item := range catalog.Items() {
				cells = append(cells, priceCell(table, model.ID, region, item))
			}
			text.WriteString(row(cells...))
		}
	}
	return text.String()
}

// priceCell is an item's price with every commitment, and the days they are of.
func priceCell(table *catalog.Prices, baseModel, region string, item catalog.Item) string {
	var parts []string
	for _, commitment := range []string{"", "OneMonth", "SixMonths"} {
		price, ok := table.Find(baseModel, region, item, commitment)
		if !ok {
			continue
		}
		part := strconv.FormatFloat(price.USD, 'f', -1, 64)
		if commitment != "" {
			part += " " + commitment
		}
		parts = append(parts, part+" ("+string(table.Sources[price.Source].AsOf)+")")
	}
	if len(parts) == 0 {
		return "unknown"
	}
	return strings.Join(parts, ", ")
}
