package rehearsal

import (
	"testing"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// Ensure the run report carries what the run was expected to cost: of the data set
// and the settings of the run, with a price that is not known told as such.
func TestRunReportHasTheEstimate(t *testing.T) {
	t.Parallel()
	f := start(t, llama, "article-default-quota")
	run, _ := f.train("ferry-desk", readExampleFile(t, llama, "train.jsonl"), finetune.EndNeedsOperator)
	var report registry.Run
	f.readJSON(finetune.RunReportKey(run.ID), &report)
	e := report.Estimate
	if e == nil || report.Report == nil {
		t.Fatalf("the report has the estimate %v; want one", e)
	}
	if e.BaseModel != report.Report.Settings.BaseModel || e.Region != "us-west-2" || e.Training.Tokens != report.Report.Training.Tokens || e.Training.Tokens == 0 {
		t.Errorf("estimated was %+v; want the run's base model, Region and tokens", e)
	}
	if e.Training.Epochs == nil || *e.Training.Epochs != 5 || e.Serving.ModelUnits != 1 || e.Serving.Unit == nil {
		t.Errorf("estimated was %+v; want 5 epochs and a model unit", e)
	}
	prices, err := catalog.LoadPrices()
	if err != nil {
		t.Fatal(err)
	}
	usd, known := prices.HourlyUSD(e.BaseModel, e.Region, e.Serving.Serving)
	if got := e.Serving.HourlyUSD; (got != nil) != known || known && *got != usd {
		t.Errorf("an hour is estimated at %v; the table says %v, and that it is known: %t", got, usd, known)
	}
}
