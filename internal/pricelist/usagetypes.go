package pricelist

import (
	"strings"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
)

// prefixes are how usage types begin in the Regions that Bedrock tunes in.
var prefixes = map[string]string{"us-east-1": "USE1-", "us-west-2": "USW2-"}

// families are what usage types call the base models. Seen in answers of the API
// that others published are those of Nova, Llama 3.1 70B and Llama 3.3 70B; the
// rest follow Llama's pattern, and are unverified.
var families = map[string]string{
	"amazon.nova-micro-v1:0:128k":          "NovaMicro",
	"amazon.nova-lite-v1:0:300k":           "NovaLite",
	"amazon.nova-pro-v1:0:300k":            "NovaPro",
	"amazon.nova-2-lite-v1:0:256k":         "Nova2.0Lite",
	"meta.llama3-1-8b-instruct-v1:0:128k":  "Llama3-1-8B",
	"meta.llama3-1-70b-instruct-v1:0:128k": "Llama3-1-70B",
	"meta.llama3-2-1b-instruct-v1:0:128k":  "Llama3-2-1B",
	"meta.llama3-2-3b-instruct-v1:0:128k":  "Llama3-2-3B",
	"meta.llama3-3-70b-instruct-v1:0:128k": "Llama3-3-70B",
}

// terms are what usage types call the commitments of a provisioned throughput.
// That of six months is unverified.
var terms = map[string]string{"": "NoCommit", "OneMonth": "1month", "SixMonths": "6months"}

// The units that prices come in, by how many of the API's units make one of the
// catalogue's. Any other unit is a doubt: it may be a thousand times as large.
var (
	thousandTokens = map[string]float64{"1k tokens": 1, "1000 tokens": 1, "1m tokens": 1.0 / 1000, "1000000 tokens": 1.0 / 1000}
	modelMonth     = map[string]float64{"model/month": 1}
	unitHour       = map[string]float64{"hour": 1, "hours": 1, "hrs": 1}
)

// wanted is an item to ask for.
type wanted struct {
	item       catalog.Item
	commitment string
	region     string
	// usageTypes are the names that the item may have.
	usageTypes []string
	units      map[string]float64
	// doubt is why there is nothing to ask for; usageTypes is empty then.
	doubt string
}

// wantedFor lists what a run with these settings pays Bedrock for.
func wantedFor(s finetune.Settings, region string) []wanted {
	list := []wanted{
		{item: catalog.ItemTraining, units: thousandTokens, usageTypes: []string{"Customization-Training"}},
		{item: catalog.ItemModelStorage, units: modelMonth, usageTypes: []string{"Customization-Storage"}},
	}
	if s.Serving.Mode == finetune.ServeProvisioned {
		list = append(list, unitsFor(s.Serving.Commitment))
	} else {
		list = append(list,
			wanted{item: catalog.ItemInputTokens, units: thousandTokens, usageTypes: []string{"input-tokens-custom-model"}},
			wanted{item: catalog.ItemOutputTokens, units: thousandTokens, usageTypes: []string{"output-tokens-custom-model"}})
	}
	prefix, family := prefixes[region], families[s.BaseModel]
	for i := range list {
		list[i].region = region
		if prefix == "" || family == "" {
			list[i].usageTypes, list[i].doubt = nil, "what the Price List API calls "+s.BaseModel+" in "+region+" is not known"
		}
		for j, name := range list[i].usageTypes {
			list[i].usageTypes[j] = prefix + family + "-" + name
		}
	}
	return list
}

// unitsFor is a model unit. Some base models have units of their own for custom
// models, beside those for the base model; AWS says that they cost the same
// (Bedrock User Guide, "prov-throughput"). If they do not, the price is in doubt.
func unitsFor(commitment string) wanted {
	w := wanted{item: catalog.ItemUnitHour, commitment: commitment, units: unitHour}
	term, ok := terms[commitment]
	if !ok {
		w.doubt = "what the Price List API calls a commitment of " + commitment + " is not known"
		return w
	}
	w.usageTypes = []string{"ProvisionedThroughput-Custom-" + term + "-ModelUnits", "ProvisionedThroughput-" + term + "-ModelUnits"}
	return w
}

// either joins names of which one would do.
func either(names []string) string { return strings.Join(names, " or ") }
