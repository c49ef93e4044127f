package main

import (
	"math"
	"testing"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
)

// TestHandleEstimates ensures that the run's record says what the run is expected
// to cost: of the tokens that were counted, and with what tuning.json says.
func TestHandleEstimates(t *testing.T) {
	b := newBucket(map[string]string{
		dataKey: records(120, "router"),
		"fine-tuning-datasets/support/tuning.json": `{"hyperparameters":{"epochCount":3},"serving":{"mode":"provisioned","modelUnits":2}}`,
	})
	h := newTestHandler(t, b)
	base := h.defaults.BaseModel
	h.prices = &catalog.Prices{Rows: []catalog.Price{
		{BaseModel: base, Region: h.region, Item: catalog.ItemTraining, USD: 0.5},
		{BaseModel: base, Region: h.region, Item: catalog.ItemUnitHour, USD: 7},
	}}
	report, err := h.Handle(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	record, err := h.store.Run(t.Context(), runID)
	if err != nil {
		t.Fatal(err)
	}
	e := record.Estimate
	if e == nil || e.BaseModel != base || e.Region != h.region || e.Training.Tokens != report.Training.Tokens || e.Training.Tokens == 0 {
		t.Fatalf("recorded the estimate %+v, want one of %d tokens", e, report.Training.Tokens)
	}
	if want := float64(e.Training.Tokens) / 1000 * 3 * 0.5; e.Training.USD == nil || math.Abs(*e.Training.USD-want) > 1e-9 {
		t.Errorf("training costs %v, want %v", e.Training.USD, want)
	}
	if e.Serving.HourlyUSD == nil || *e.Serving.HourlyUSD != 14 {
		t.Errorf("an hour costs %v, want 14 for two units", e.Serving.HourlyUSD)
	}
	if e.Storage.USD != nil {
		t.Errorf("storage costs %v, want it unknown", *e.Storage.USD)
	}
}

// TestEstimateGoesWithTheReport ensures that estimate and report are of the same
// check, whichever of two was recorded first, and that a record of a rejected data
// set has neither.
func TestEstimateGoesWithTheReport(t *testing.T) {
	var record registry.Run
	for _, tokens := range []int64{1, 2} {
		report := finetune.Report{Training: finetune.Accepted{Tokens: tokens}}
		estimate := finetune.Estimate{Training: finetune.TrainingEstimate{Tokens: tokens}}
		if err := setReport(report, estimate)(&record); err != nil {
			t.Fatal(err)
		}
	}
	if record.Report.Training.Tokens != 1 || record.Estimate.Training.Tokens != 1 {
		t.Errorf("recorded a report of %d tokens and an estimate of %d, want the first check's", record.Report.Training.Tokens, record.Estimate.Training.Tokens)
	}

	b := newBucket(map[string]string{dataKey: records(3, "router")})
	h := newTestHandler(t, b)
	if _, err := h.Handle(t.Context(), input); err == nil {
		t.Fatal("three records are accepted")
	}
	rejected, err := h.store.Run(t.Context(), runID)
	if err != nil || rejected.Estimate != nil {
		t.Errorf("recorded %+v, %v, want no estimate", rejected, err)
	}
}
