// Package pricelist asks the AWS Price List API what Bedrock's model customization
// costs today. It is for the command line: no function of the stack calls it.
//
// The API (GetProducts, service code AmazonBedrock) has a product for everything
// that is billed, named by its usage type, such as
//
//	USE1-Nova2.0Lite-Customization-Training
//	USE1-Nova2.0Lite-input-tokens-custom-model
//	USW2-Llama3-1-70B-ProvisionedThroughput-NoCommit-ModelUnits
//
// AWS documents none of these names. A product is asked for by its whole name, so
// that one that was guessed wrong is not found, and no other model's price is
// taken for it; and whatever about the answer is not as expected leaves the price
// unknown, with the reason.
package pricelist

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/pricing/types"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
)

// Region is where the Price List API is asked: it has an endpoint in a few Regions
// only, each of which knows the prices of all
// (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html).
const Region = "us-east-1"

// serviceCode is Bedrock's own; models sold through AWS Marketplace have another,
// and none of them is in the catalogue.
const serviceCode = "AmazonBedrock"

// api is what is called of the Price List API; a caller needs pricing:GetProducts.
type api interface {
	GetProducts(context.Context, *pricing.GetProductsInput, ...func(*pricing.Options)) (*pricing.GetProductsOutput, error)
}

// New is a client of the API with somebody's credentials, wherever they work.
func New(cfg aws.Config) *pricing.Client {
	return pricing.NewFromConfig(cfg, func(o *pricing.Options) { o.Region = Region })
}

// Unknown is why the API gave no price of an item that was asked for.
type Unknown struct {
	Item   catalog.Item
	Reason string
}

// Ask asks for the prices of what a run with these settings buys: training,
// storage, and either tokens or model units. What could not be settled is listed;
// the error is of a call that failed.
func Ask(ctx context.Context, client api, s finetune.Settings, region string, today time.Time) (*catalog.Prices, []Unknown, error) {
	found := &catalog.Prices{Sources: map[string]catalog.PriceSource{}}
	var unknown []Unknown
	for _, wanted := range wantedFor(s, region) {
		price, err := wanted.ask(ctx, client)
		var doubt *doubt
		switch {
		case errors.As(err, &doubt):
			unknown = append(unknown, Unknown{wanted.item, doubt.reason})
		case err != nil:
			return nil, nil, err
		default:
			day := catalog.Date(today.UTC().Format(time.DateOnly))
			found.Sources[price.usageType] = catalog.PriceSource{
				Source: catalog.Source{
					URL:  "https://api.pricing." + Region + ".amazonaws.com",
					What: "AWS Price List API, GetProducts of " + serviceCode + ", usage type " + price.usageType,
					Read: day,
				},
				AsOf: day, Live: true,
			}
			found.Rows = append(found.Rows, catalog.Price{
				BaseModel: s.BaseModel, Region: region, Item: wanted.item, Commitment: wanted.commitment,
				USD: price.usd, Source: price.usageType,
			})
		}
	}
	return found, unknown, nil
}

// price is what the API said of one usage type.
type price struct {
	usageType string
	usd       float64
}

// ask asks for each usage type an item may have, and takes the price they agree
// on. The error is a *doubt where there is none.
func (w wanted) ask(ctx context.Context, client api) (price, error) {
	if w.doubt != "" {
		return price{}, doubtf("%s", w.doubt)
	}
	var prices []price
	for _, usageType := range w.usageTypes {
		items, err := products(ctx, client, usageType)
		if err != nil {
			return price{}, err
		}
		for _, item := range items {
			usd, err := w.read(usageType, item)
			if err != nil {
				return price{}, err
			}
			prices = append(prices, price{usageType, usd})
		}
	}
	if len(prices) == 0 {
		return price{}, doubtf("the Price List API has no %s", either(w.usageTypes))
	}
	for _, other := range prices[1:] {
		if other.usd != prices[0].usd {
			return price{}, doubtf("the Price List API says both %v (%s) and %v (%s)", prices[0].usd, prices[0].usageType, other.usd, other.usageType)
		}
	}
	return prices[0], nil
}

// products reads every page of the products with a usage type.
func products(ctx context.Context, client api, usageType string) ([]string, error) {
	pages := pricing.NewGetProductsPaginator(client, &pricing.GetProductsInput{
		ServiceCode:   aws.String(serviceCode),
		FormatVersion: aws.String("aws_v1"),
		Filters: []types.Filter{{
			Type: types.FilterTypeTermMatch, Field: aws.String("usagetype"), Value: aws.String(usageType),
		}},
	})
	var items []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("asking the AWS Price List API for %s: %w", usageType, err)
		}
		items = append(items, page.PriceList...)
	}
	return items, nil
}

// doubt is why an answer is not taken for a price.
type doubt struct{ reason string }

// Error implements error.
func (d *doubt) Error() string { return d.reason }

func doubtf(format string, args ...any) error {
	return &doubt{fmt.Sprintf(format, args...)}
}
