package pricelist

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// product is what is read of an item of a price list, in format aws_v1
// (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html).
type product struct {
	ServiceCode string `json:"serviceCode"`
	Product     struct {
		Attributes struct {
			UsageType  string `json:"usagetype"`
			RegionCode string `json:"regionCode"`
		} `json:"attributes"`
	} `json:"product"`
	Terms struct {
		OnDemand map[string]struct {
			PriceDimensions map[string]dimension `json:"priceDimensions"`
		} `json:"OnDemand"`
	} `json:"terms"`
}

// dimension is the price of one unit within a range of use.
type dimension struct {
	Unit         string            `json:"unit"`
	BeginRange   string            `json:"beginRange"`
	EndRange     string            `json:"endRange"`
	PricePerUnit map[string]string `json:"pricePerUnit"`
}

// read is the price that an item of the price list gives, in US dollars for the
// catalogue's unit. A product of another name or Region, more than one term or
// range, another unit or currency, and a price of nothing, which AWS puts on what it does not bill by, are all doubts.
func (w wanted) read(usageType, item string) (float64, error) {
	var p product
	if err := json.Unmarshal([]byte(item), &p); err != nil {
		return 0, doubtf("the Price List API's answer for %s is no product: %v", usageType, err)
	}
	attributes := p.Product.Attributes
	if p.ServiceCode != serviceCode || attributes.UsageType != usageType || attributes.RegionCode != w.region {
		return 0, doubtf("asked for %s of %s in %s, the Price List API answers %q of %q in %q",
			usageType, serviceCode, w.region, attributes.UsageType, p.ServiceCode, attributes.RegionCode)
	}
	d, err := p.only(usageType)
	if err != nil {
		return 0, err
	}
	factor, ok := w.units[strings.ToLower(strings.TrimSpace(d.Unit))]
	if !ok {
		return 0, doubtf("%s is priced by the unit %q, which is not known", usageType, d.Unit)
	}
	usd, err := strconv.ParseFloat(d.PricePerUnit["USD"], 64)
	if err != nil || !(usd > 0) || math.IsInf(usd, 0) || len(d.PricePerUnit) != 1 {
		return 0, doubtf("%s costs %v, which is no price in US dollars", usageType, d.PricePerUnit)
	}
	return usd * factor, nil
}

// only is the one dimension of the one term that a product has on demand, for any
// amount of use.
func (p product) only(usageType string) (dimension, error) {
	var all []dimension
	for _, term := range p.Terms.OnDemand {
		for _, d := range term.PriceDimensions {
			all = append(all, d)
		}
	}
	if len(p.Terms.OnDemand) != 1 || len(all) != 1 {
		return dimension{}, doubtf("%s has %d terms and %d prices in the Price List API, want one of each", usageType, len(p.Terms.OnDemand), len(all))
	}
	if all[0].BeginRange != "0" || all[0].EndRange != "Inf" {
		return dimension{}, doubtf("%s is priced from %s to %s only", usageType, all[0].BeginRange, all[0].EndRange)
	}
	return all[0], nil
}
