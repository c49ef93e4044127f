package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden holds a text against a file of testdata.
func golden(t *testing.T, folder, name, got string) {
	t.Helper()
	path := filepath.Join(folder, "testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) //nolint:gosec // a golden file
	if err != nil || string(want) != got {
		t.Errorf("%s, %v: run go test ./cmd/tuneline -run Estimate -update and read the diff; got:\n%s", name, err, got)
	}
}

// TestEstimateExamples ensures that both examples are priced in a table that names
// its sources, says what is not known and what to do about it.
func TestEstimateExamples(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join("..", ".."))
	for _, example := range []string{defaultExample, article} {
		exit, stdout, stderr := command(t, "estimate", example+"/train.jsonl", "--config", example)
		if exit != exitOK || stderr != "" {
			t.Errorf("%s: exit %d, %s", example, exit, stderr)
		}
		golden(t, here, filepath.Join("estimate", filepath.Base(example)+".golden"), stdout)
	}
}

// TestEstimateProvisioned ensures that a throughput is priced by its units, by the
// hour and the month, and that a JSON document says the same.
func TestEstimateProvisioned(t *testing.T) {
	inDir(t, map[string]string{
		"a.jsonl": pairs(200),
		"c.json": `{"region":"us-west-2","baseModel":"meta.llama3-1-70b-instruct-v1:0:128k",
			"serving":{"mode":"provisioned","modelUnits":2},"hyperparameters":{"epochCount":"3"}}`,
	})
	exit, stdout, stderr := command(t, "estimate", "a.jsonl", "--config", "c.json")
	for _, want := range []string{
		"2 model units, 730 hours", "24 per unit and hour", "48.00 an hour", "35,040.00 a month",
		"[1] 2026-06-30", "USW2-Llama3-1-70B-ProvisionedThroughput-NoCommit-ModelUnits", "(3 epochs of ", "configuration: c.json",
		"approval: a run asks for it before serving: 48.00 USD an hour is more than serving.maxHourlyUSD, which is 0.00 USD",
	} {
		if exit != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, lacks %q:\n%s%s", exit, want, stdout, stderr)
		}
	}
	_, stdout, _ = command(t, "estimate", "a.jsonl", "--config", "c.json", "--json")
	var got estimated
	if err := json.Unmarshal([]byte(stdout), &got); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	serving := got.Estimate.Serving
	if got.Records != 200 || got.LiveUnknown != nil || got.Estimate.Training.USD != nil || *got.Estimate.Training.Epochs != 3 ||
		*serving.HourlyUSD != 48 || len(got.Approvals) != 1 || got.Approvals[0].Purpose != finetune.PurposeServing || serving.Unit.Source.AsOf != "2026-06-30" || serving.Input != nil {
		t.Errorf("got %s", stdout)
	}
}

// TestEstimateSettings ensures that flags stand in for the configuration, and that
// what cannot be tuned so is refused with what can.
func TestEstimateSettings(t *testing.T) {
	inDir(t, map[string]string{
		"a.jsonl": conversations(200), "pairs.jsonl": pairs(200), "bad.jsonl": conversations(3) + "{\n",
		"bad.json": `{"bsaeModel":"x"}`,
		"c.json":   `{"hyperparameters":{"epochCount":"4"}}`,
	})
	nova2 := []string{"--base-model", "amazon.nova-2-lite-v1:0:256k"}
	llama33 := []string{"--base-model", "meta.llama3-3-70b-instruct-v1:0:128k"}
	tests := map[string]struct {
		args []string
		exit int
		want []string
	}{
		"defaults":           {[]string{"a.jsonl"}, exitOK, []string{nova, "us-east-1", "what a stack has without any", "(2 epochs of ", "served on demand"}},
		"a configuration":    {[]string{"a.jsonl", "--config", "c.json"}, exitOK, []string{"(4 epochs of "}},
		"epochs not known":   {append([]string{"a.jsonl", "--config", "c.json"}, nova2...), exitOK, []string{"tokens an epoch", "0.00378 per 1,000 tokens  unknown", "set hyperparameters.epochCount", "1.95 a month", "0.0003 per 1,000 tokens"}},
		"another Region":     {append([]string{"a.jsonl", "--region", "us-west-2"}, llama33...), exitOK, []string{"in us-west-2", "0.00072 per 1,000 tokens"}},
		"the wrong Region":   {append([]string{"a.jsonl"}, llama33...), exitError, []string{"--region", "use us-west-2"}},
		"no such model":      {[]string{"a.jsonl", "--base-model", "x"}, exitError, []string{"--base-model", nova}},
		"no configuration":   {[]string{"a.jsonl", "--config", "none.json"}, exitError, []string{"--config", "none.json"}},
		"a bad one":          {[]string{"a.jsonl", "--config", "bad.json"}, exitError, []string{"bsaeModel", "allowed are"}},
		"errors in the data": {[]string{"bad.jsonl"}, exitOK, []string{"would be rejected", "tuneline check"}},
		"another format":     {[]string{"pairs.jsonl"}, exitError, []string{"nothing to train on", "bedrock-conversation-2024", "--base-model"}},
		"no file":            {[]string{"none.jsonl"}, exitError, []string{"none.jsonl"}},
		"no name":            {nil, exitError, []string{"name one data set"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			exit, stdout, stderr := command(t, append([]string{"estimate"}, test.args...)...)
			for _, want := range test.want {
				if exit != test.exit || !strings.Contains(stdout+stderr, want) {
					t.Errorf("exit %d, want %d; lacks %q:\n%s%s", exit, test.exit, want, stdout, stderr)
				}
			}
		})
	}
}

// TestEstimateApprovals ensures that what a run would ask an operator is told: a
// price above its ceiling, one that is not known, and too many epochs.
func TestEstimateApprovals(t *testing.T) {
	const provisioned = `"region":"us-west-2","baseModel":"meta.llama3-1-8b-instruct-v1:0:128k","serving":{"mode":"provisioned","maxHourlyUSD":40}`
	for configuration, want := range map[string][]string{
		"{" + provisioned + "}":                                       {"before serving: the price is not known, and acceptUnknownPrice is false (serving.maxHourlyUSD is 40.00 USD)"},
		"{" + provisioned + `,"acceptUnknownPrice":true}`:             {"approval: a run with this configuration asks for none"},
		"{" + provisioned + `,"training":{"maxUSD":5}}`:               {"before serving: ", "before training: the price is not known, and acceptUnknownPrice is false (training.maxUSD is 5.00 USD)"},
		`{"training":{"maxUSD":0.000001},"baseModel":"` + nova + `"}`: {"before training: less than 0.01 USD a job is more than training.maxUSD"},
		`{"training":{"maxEpochs":1}}`:                                {"before training: 2 epochs are more than training.maxEpochs, which is 1"},
		`{}`:                                                          {"approval: a run with this configuration asks for none"},
	} {
		inDir(t, map[string]string{"pairs.jsonl": pairs(200), "chats.jsonl": conversations(200), "c.json": configuration})
		file := "chats.jsonl"
		if strings.Contains(configuration, "llama") {
			file = "pairs.jsonl"
		}
		exit, stdout, stderr := command(t, "estimate", file, "--config", "c.json")
		for _, part := range want {
			if exit != exitOK || !strings.Contains(stdout, part) {
				t.Errorf("%s: exit %d, lacks %q:\n%s%s", configuration, exit, part, stdout, stderr)
			}
		}
	}
}

// TestEstimateContext ensures that the CDK's own file is taken where there is one.
func TestEstimateContext(t *testing.T) {
	inDir(t, map[string]string{
		"a.jsonl":  conversations(200),
		"cdk.json": `{"app":"go run ./infra","context":{"tuneline":{"hyperparameters":{"epochCount":"5"}}}}`,
	})
	exit, stdout, stderr := command(t, "estimate", "a.jsonl")
	if exit != exitOK || !strings.Contains(stdout, "(5 epochs of ") || !strings.Contains(stdout, "configuration: cdk.json") {
		t.Errorf("exit %d, %s%s", exit, stdout, stderr)
	}
}

// usePriceList makes an endpoint of the AWS Price List API for the rest of the
// test, which knows these prices by usage type.
func usePriceList(t *testing.T, prices map[string]string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		var in struct{ Filters []struct{ Value string } }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || prices == nil {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"AccessDeniedException","Message":"no"}`)
			return
		}
		items := []string{}
		if price, ok := prices[in.Filters[0].Value]; ok {
			unit, usd, _ := strings.Cut(price, " at ")
			items = append(items, fmt.Sprintf(`{"product":{"attributes":{"usagetype":%q,"regionCode":"us-east-1"}},"serviceCode":"AmazonBedrock","terms":{"OnDemand":{"a":`+
				`{"priceDimensions":{"b":{"unit":%q,"beginRange":"0","endRange":"Inf","pricePerUnit":{"USD":%q}}}}}}}`, in.Filters[0].Value, unit, usd))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"FormatVersion": "aws_v1", "PriceList": items})
	}))
	t.Cleanup(server.Close)
	useS3(t, server.URL)
	t.Setenv("AWS_ENDPOINT_URL_PRICING", server.URL)
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
}

// TestEstimateLive ensures that what AWS says takes the place of the table and is
// marked, that the rest stays, and that what AWS does not say is told.
func TestEstimateLive(t *testing.T) {
	inDir(t, map[string]string{"a.jsonl": conversations(200)})
	usePriceList(t, map[string]string{ //nolint:gosec // price lists, and no credentials
		"USE1-NovaMicro-Customization-Training":     "1K tokens at 0.0020000000",
		"USE1-NovaMicro-input-tokens-custom-model":  "1K tokens at 0.0000350000",
		"USE1-NovaMicro-output-tokens-custom-model": "fortnight at 0.0001400000",
	})
	exit, stdout, stderr := command(t, "estimate", "a.jsonl", "--live")
	for _, want := range []string{
		"0.002 per 1,000 tokens", ", live", "0.000035 per 1,000 tokens", "usage type USE1-NovaMicro-Customization-Training",
		"no price of model-storage: the Price List API has no USE1-NovaMicro-Customization-Storage",
		`no price of output-tokens: USE1-NovaMicro-output-tokens-custom-model is priced by the unit "fortnight"`, "unknown: look at " + pricingPage,
	} {
		if exit != exitOK || !strings.Contains(stdout, want) {
			t.Errorf("exit %d, lacks %q:\n%s%s", exit, want, stdout, stderr)
		}
	}
	_, stdout, _ = command(t, "estimate", "a.jsonl", "--live", "--json")
	var got estimated
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || len(got.LiveUnknown) != 2 || !got.Estimate.Training.Rate.Source.Live {
		t.Errorf("got %v, %s", err, stdout)
	}
}

// TestEstimateLiveFails ensures that nobody takes the table's prices for today's.
func TestEstimateLiveFails(t *testing.T) {
	inDir(t, map[string]string{"a.jsonl": conversations(200)})
	usePriceList(t, nil)
	exit, stdout, stderr := command(t, "estimate", "a.jsonl", "--live")
	if exit != exitError || stdout != "" || !strings.Contains(stderr, "pricing:GetProducts") || !strings.Contains(stderr, "AccessDenied") {
		t.Errorf("exit %d, %s%s", exit, stdout, stderr)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	exit, stdout, stderr = command(t, "estimate", "a.jsonl", "--live")
	if exit != exitError || stdout != "" || !strings.Contains(stderr, "no AWS credentials") || !strings.Contains(stderr, "leave --live out") {
		t.Errorf("exit %d, %s%s", exit, stdout, stderr)
	}
}
