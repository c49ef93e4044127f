package pricelist

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/smithy-go"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
)

// item is a price list item as GetProducts answers it, in format aws_v1: a JSON
// document in a string.
func item(usageType, region, unit, usd string) string {
	const form = `{"product":{"productFamily":"Amazon Bedrock","attributes":{"regionCode":%[2]q,"servicecode":"AmazonBedrock","usagetype":%[1]q,` +
		`"locationType":"AWS Region","location":"somewhere","servicename":"Amazon Bedrock","operation":"","feature":"Model Customization"},"sku":"6RPJH2WZ7K3Y4DQM"},` +
		`"serviceCode":"AmazonBedrock","terms":{"OnDemand":{"6RPJH2WZ7K3Y4DQM.JRTCKXETXF":{"priceDimensions":{"6RPJH2WZ7K3Y4DQM.JRTCKXETXF.6YS6EN2CT7":` +
		`{"unit":%[3]q,"endRange":"Inf","description":"$%[4]s per %[3]s","appliesTo":[],"rateCode":"6RPJH2WZ7K3Y4DQM.JRTCKXETXF.6YS6EN2CT7","beginRange":"0",` +
		`"pricePerUnit":{"USD":%[4]q}}},"sku":"6RPJH2WZ7K3Y4DQM","effectiveDate":"2026-08-01T00:00:00Z","offerTermCode":"JRTCKXETXF","termAttributes":{}}}},` +
		`"version":"20260901205051","publicationDate":"2026-09-01T20:50:51Z"}`
	return fmt.Sprintf(form, usageType, region, unit, usd)
}

// priceList is an endpoint of the Price List API with these items by usage type,
// one on each page.
type priceList struct {
	items map[string][]string
	asked []string
	fails bool
}

func (l *priceList) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ServiceCode, FormatVersion, NextToken string
		Filters                               []struct{ Type, Field, Value string }
	}
	err := json.NewDecoder(r.Body).Decode(&in)
	scope := "/us-east-1/pricing/aws4_request"
	if err != nil || r.Header.Get("X-Amz-Target") != "AWSPriceListService.GetProducts" || !strings.Contains(r.Header.Get("Authorization"), scope) ||
		in.ServiceCode != "AmazonBedrock" || in.FormatVersion != "aws_v1" || len(in.Filters) != 1 || in.Filters[0].Type != "TERM_MATCH" || in.Filters[0].Field != "usagetype" {
		http.Error(w, fmt.Sprintf("unexpected request %+v, %v", in, err), http.StatusTeapot)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if l.fails {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"__type":"AccessDeniedException","Message":"not authorized to perform: pricing:GetProducts"}`)
		return
	}
	name := in.Filters[0].Value
	out := struct {
		FormatVersion string
		NextToken     string `json:",omitempty"`
		PriceList     []string
	}{FormatVersion: "aws_v1", PriceList: []string{}}
	page := len(in.NextToken)
	if page == 0 {
		l.asked = append(l.asked, name)
	}
	if items := l.items[name]; page < len(items) {
		out.PriceList = items[page : page+1]
		if page+1 < len(items) {
			out.NextToken = strings.Repeat("n", page+1)
		}
	}
	_ = json.NewEncoder(w).Encode(out)
}

// client is a client of this endpoint, for somebody who works in another Region.
func (l *priceList) client(t *testing.T) *pricing.Client {
	t.Helper()
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	return New(aws.Config{
		Region: "us-west-2", BaseEndpoint: aws.String(server.URL),
		Credentials:      credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		RetryMaxAttempts: 1,
	})
}

var today = time.Date(2026, 11, 29, 23, 0, 0, 0, time.UTC)

func nova2(serving finetune.Serving) finetune.Settings {
	return finetune.Settings{BaseModel: "amazon.nova-2-lite-v1:0:256k", CustomizationType: "FINE_TUNING", Serving: serving}
}

// TestAskOnDemand ensures that training, storage and tokens are priced, in the
// catalogue's units, each with its usage type and day for a source.
func TestAskOnDemand(t *testing.T) {
	list := &priceList{items: map[string][]string{
		"USE1-Nova2.0Lite-Customization-Training":    {item("USE1-Nova2.0Lite-Customization-Training", "us-east-1", "1K tokens", "0.0037800000")},
		"USE1-Nova2.0Lite-Customization-Storage":     {item("USE1-Nova2.0Lite-Customization-Storage", "us-east-1", "Model/month", "1.9500000000")},
		"USE1-Nova2.0Lite-input-tokens-custom-model": {item("USE1-Nova2.0Lite-input-tokens-custom-model", "us-east-1", "1M tokens", "0.3000000000")},
		"USE1-Nova2.0Lite-output-tokens-custom-model": {
			item("USE1-Nova2.0Lite-output-tokens-custom-model", "us-east-1", "1K tokens", "0.0025"),
			item("USE1-Nova2.0Lite-output-tokens-custom-model", "us-east-1", "1K tokens", "0.00250"), // twice the same
		},
	}}
	s := nova2(finetune.Serving{Mode: finetune.ServeOnDemand})
	found, unknown, err := Ask(t.Context(), list.client(t), s, "us-east-1", today)
	if err != nil || len(unknown) != 0 {
		t.Fatalf("unknown are %v, %v", unknown, err)
	}
	for item, want := range map[catalog.Item]float64{
		catalog.ItemTraining: 0.00378, catalog.ItemModelStorage: 1.95, catalog.ItemInputTokens: 0.0003, catalog.ItemOutputTokens: 0.0025,
	} {
		row, ok := found.Find(s.BaseModel, "us-east-1", item, "")
		source := found.Sources[row.Source]
		if !ok || math.Abs(row.USD-want) > 1e-12 {
			t.Errorf("%s costs %v, want %v", item, row.USD, want)
		}
		if !source.Live || source.AsOf != "2026-11-29" || source.Read != "2026-11-29" || !strings.Contains(source.What, row.Source) {
			t.Errorf("%s is from %+v, want the usage type, today", item, source)
		}
	}
	if asked := slices.Sorted(slices.Values(list.asked)); !slices.Equal(asked, slices.Sorted(maps.Keys(list.items))) {
		t.Errorf("asked for %v", asked)
	}
}

// TestAskModelUnits ensures that a commitment's price is its own, and that units
// for custom models are taken when they cost what the base model's do.
func TestAskModelUnits(t *testing.T) {
	const (
		base   = "USW2-Llama3-1-70B-ProvisionedThroughput-NoCommit-ModelUnits"
		custom = "USW2-Llama3-1-70B-ProvisionedThroughput-Custom-NoCommit-ModelUnits"
		month  = "USW2-Llama3-1-70B-ProvisionedThroughput-1month-ModelUnits"
	)
	s := finetune.Settings{BaseModel: "meta.llama3-1-70b-instruct-v1:0:128k", Serving: finetune.Serving{Mode: finetune.ServeProvisioned, ModelUnits: 1}}
	tests := map[string]struct {
		items      map[string]string
		commitment string
		want       float64
		doubt      string
	}{
		"the base model's":   {items: map[string]string{base: "24.0000000000"}, want: 24},
		"custom models'":     {items: map[string]string{custom: "25"}, want: 25},
		"both agree":         {items: map[string]string{base: "24", custom: "24.0"}, want: 24},
		"both disagree":      {items: map[string]string{base: "24", custom: "25"}, doubt: "says both 25"},
		"a month":            {items: map[string]string{base: "24", month: "21.18"}, commitment: "OneMonth", want: 21.18},
		"without the month":  {items: map[string]string{base: "24"}, commitment: "OneMonth", doubt: "has no USW2"},
		"unknown commitment": {items: map[string]string{base: "24"}, commitment: "Forever", doubt: "commitment of Forever is not known"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list := &priceList{items: map[string][]string{}}
			for usageType, usd := range test.items {
				list.items[usageType] = []string{item(usageType, "us-west-2", "hour", usd)}
			}
			s.Serving.Commitment = test.commitment
			found, unknown, err := Ask(t.Context(), list.client(t), s, "us-west-2", today)
			if err != nil {
				t.Fatal(err)
			}
			row, ok := found.Find(s.BaseModel, "us-west-2", catalog.ItemUnitHour, test.commitment)
			if row.USD != test.want || ok != (test.doubt == "") {
				t.Errorf("a unit costs %v, want %v", row.USD, test.want)
			}
			i := slices.IndexFunc(unknown, func(u Unknown) bool { return u.Item == catalog.ItemUnitHour })
			if test.doubt != "" && (i < 0 || !strings.Contains(unknown[i].Reason, test.doubt)) {
				t.Errorf("unknown are %v, want %q", unknown, test.doubt)
			}
		})
	}
}

// TestAskDoubts ensures that an answer that is not exactly as expected leaves the
// price unknown, with the reason, and the others known.
func TestAskDoubts(t *testing.T) {
	const training, storage = "USE1-Nova2.0Lite-Customization-Training", "USE1-Nova2.0Lite-Customization-Storage"
	good := item(training, "us-east-1", "1K tokens", "0.00378")
	dimensions := func(text string) string {
		before, _, _ := strings.Cut(good, `"priceDimensions":{`)
		_, after, _ := strings.Cut(good, `"sku":"6RPJH2WZ7K3Y4DQM","effectiveDate"`)
		return before + `"priceDimensions":{` + text + `},"sku":"6RPJH2WZ7K3Y4DQM","effectiveDate"` + after
	}
	const one = `{"unit":"1K tokens","beginRange":"0","endRange":"Inf","pricePerUnit":{"USD":"0.00378"}}`
	tests := map[string]struct{ item, want string }{
		"another usage type": {item("USE1-NovaPro-Customization-Training", "us-east-1", "1K tokens", "0.008"), "answers \"USE1-NovaPro"},
		"another Region":     {item(training, "us-gov-west-1", "1K tokens", "0.008"), `in "us-gov-west-1"`},
		"another service":    {strings.Replace(good, `"serviceCode":"AmazonBedrock"`, `"serviceCode":"AmazonEC2"`, 1), "AmazonEC2"},
		"an unknown unit":    {item(training, "us-east-1", "1B tokens", "3780"), `the unit "1B tokens"`},
		"by the hour":        {item(training, "us-east-1", "hour", "3"), `the unit "hour"`},
		"for nothing":        {item(training, "us-east-1", "1K tokens", "0.0000000000"), "no price in US dollars"},
		"negative":           {item(training, "us-east-1", "1K tokens", "-1"), "no price in US dollars"},
		"no number":          {item(training, "us-east-1", "1K tokens", "NaN"), "no price in US dollars"},
		"boundless":          {item(training, "us-east-1", "1K tokens", "Inf"), "no price in US dollars"},
		"another currency":   {strings.Replace(good, `{"USD":`, `{"CNY":`, 1), "no price in US dollars"},
		"no JSON":            {"price: 3", "is no product"},
		"no terms":           {strings.Replace(good, `"terms":{"OnDemand"`, `"terms":{"Reserved"`, 1), "0 terms"},
		"two ranges":         {dimensions(`"a":` + one + `,"b":` + one), "2 prices"},
		"a range":            {dimensions(`"a":` + strings.Replace(one, `"Inf"`, `"1000"`, 1)), "from 0 to 1000 only"},
		"no price":           {dimensions(""), "0 prices"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list := &priceList{items: map[string][]string{
				training: {test.item}, storage: {item(storage, "us-east-1", "Model/month", "1.95")},
			}}
			s := nova2(finetune.Serving{Mode: finetune.ServeOnDemand})
			found, unknown, err := Ask(t.Context(), list.client(t), s, "us-east-1", today)
			if err != nil {
				t.Fatal(err)
			}
			if row, ok := found.Find(s.BaseModel, "us-east-1", catalog.ItemTraining, ""); ok {
				t.Errorf("training costs %v, want it unknown", row.USD)
			}
			if _, ok := found.Find(s.BaseModel, "us-east-1", catalog.ItemModelStorage, ""); !ok {
				t.Error("storage is unknown, too")
			}
			if unknown[0].Item != catalog.ItemTraining || !strings.Contains(unknown[0].Reason, test.want) {
				t.Errorf("unknown is %+v, want %q", unknown[0], test.want)
			}
		})
	}
}

// TestAskNothingThere ensures that a model or Region without known names is not
// asked for at all.
func TestAskNothingThere(t *testing.T) {
	for name, test := range map[string]struct{ model, region string }{
		"another model":  {"anthropic.claude-3-haiku-20240307-v1:0:200k", "us-west-2"},
		"another Region": {"amazon.nova-micro-v1:0:128k", "eu-central-1"},
	} {
		list := &priceList{}
		s := finetune.Settings{BaseModel: test.model, Serving: finetune.Serving{Mode: finetune.ServeProvisioned}}
		found, unknown, err := Ask(t.Context(), list.client(t), s, test.region, today)
		if err != nil || len(found.Rows) != 0 || len(unknown) != 3 || len(list.asked) != 0 {
			t.Errorf("%s: %d prices, unknown %v, asked %v, %v", name, len(found.Rows), unknown, list.asked, err)
		}
	}
}

// TestAskFails ensures that a refused call is told as such, and is no unknown price.
func TestAskFails(t *testing.T) {
	list := &priceList{fails: true}
	_, _, err := Ask(t.Context(), list.client(t), nova2(finetune.Serving{Mode: finetune.ServeOnDemand}), "us-east-1", today)
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "AccessDeniedException" || !strings.Contains(err.Error(), "asking the AWS Price List API") {
		t.Errorf("got %v, want AccessDeniedException", err)
	}
}

// TestFamiliesCoverTheCatalogue ensures that a base model, a Region or a commitment
// that is added to the catalogue is given its name here, too.
func TestFamiliesCoverTheCatalogue(t *testing.T) {
	known, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, model := range known.All() {
		if families[model.ID] == "" {
			t.Errorf("%s has no name in usage types", model.ID)
		}
		for _, region := range model.Regions {
			if prefixes[region] == "" {
				t.Errorf("%s has no prefix in usage types", region)
			}
		}
	}
	if len(families) != len(known.All()) {
		t.Errorf("%d base models have a name, and the catalogue has %d", len(families), len(known.All()))
	}
}
