package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/datafile"
	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/formodel"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/pricelist"
)

// estimated is an estimate, and the JSON of --json.
type estimated struct {
	Dataset string `json:"dataset"`
	Records int64  `json:"records"`
	// Errors is how many the check found: with any, the data set would be rejected
	// before anything is paid for.
	Errors        int64             `json:"errors"`
	Configuration string            `json:"configuration"`
	Estimate      finetune.Estimate `json:"estimate"`
	// LiveUnknown is what AWS was asked for in vain; null without --live.
	LiveUnknown []unknownPrice `json:"liveUnknown"`
	// Approvals is what a run would ask an operator before it spends; none where
	// nothing crosses a ceiling.
	Approvals []approvalNeeded `json:"approvals"`

	charactersPerToken int64
}

// approvalNeeded is a purpose that a run would ask about, and the ceilings it
// crosses.
type approvalNeeded struct {
	Purpose string   `json:"purpose"`
	Reasons []string `json:"reasons"`
}

// unknownPrice is a price that the AWS Price List API did not give, and why.
type unknownPrice struct {
	Item   catalog.Item `json:"item"`
	Reason string       `json:"reason"`
}

// estimate counts a data set and prices what would be made of it.
func estimate(ctx context.Context, o estimateOptions, name string, stdout, stderr io.Writer) error {
	p, err := o.plan()
	if err != nil {
		return err
	}
	prices, err := catalog.LoadPrices()
	if err != nil {
		return err
	}
	options, err := formodel.Options(p.model, p.settings.CustomizationType)
	if err != nil {
		return err
	}
	report, err := count(ctx, name, options, newBars(stderr))
	if err != nil {
		return err
	}
	e := estimated{
		Dataset: shown(name), Records: report.Records, Errors: report.Errors, Configuration: p.configuration,
		charactersPerToken: options.Limits.CharactersPerToken,
	}
	e.Approvals = p.approvals(prices, report.EstimatedTokens)
	if o.live {
		if prices, e.LiveUnknown, err = p.ask(ctx, prices); err != nil {
			return fmt.Errorf("--live: %w", err)
		}
	}
	e.Estimate = prices.Estimate(p.settings, p.region, report.EstimatedTokens)
	if o.asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(e)
	}
	return e.print(stdout)
}

// approvals is what a run with the plan's settings would ask for. It compares the
// table's prices, which are the ones a run knows.
func (p plan) approvals(prices *catalog.Prices, tokens int64) []approvalNeeded {
	needed := []approvalNeeded{}
	for _, purpose := range finetune.Purposes() {
		if reasons := p.ceilings.Crossed(prices.Quote(p.region, purpose, p.settings, tokens)); len(reasons) > 0 {
			needed = append(needed, approvalNeeded{purpose, reasons})
		}
	}
	return needed
}

// count checks a data set, for the count alone: of what it finds, the number of
// errors is kept.
func count(ctx context.Context, name string, options dataset.Options, show *bars) (_ dataset.Report, err error) {
	f, err := datafile.Open(ctx, name)
	if err != nil {
		return dataset.Report{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	progress := show.begin(f)
	defer progress.end()
	var records int64
	options.Role, options.Size, options.MaxFindings = dataset.RoleTraining, f.Size, 1
	options.Rules.Bucket = f.Bucket
	options.Progress = func(_, seen int64) {
		records = seen
		progress.move(seen)
	}
	report, err := dataset.Check(ctx, f, options)
	if err == nil {
		err = f.Finish()
	}
	switch {
	case err != nil:
		return dataset.Report{}, interrupted(ctx, err, records)
	case report.EstimatedTokens == 0:
		return dataset.Report{}, fmt.Errorf("%s has nothing to train on: no text was found in %s as %s for %s; \"tuneline check\" says what is wrong, and --base-model chooses another base model",
			f.Name, numbered(report.Records, "record"), options.Format, options.Rules.BaseModel)
	}
	return report, nil
}

// ask puts what AWS says today in place of the table's prices.
func (p plan) ask(ctx context.Context, prices *catalog.Prices) (*catalog.Prices, []unknownPrice, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("loading the AWS configuration: %w", err)
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, nil, fmt.Errorf("there are no AWS credentials: sign in (\"aws sso login\", \"aws configure\") or set AWS_PROFILE, or leave --live out: %w", err)
	}
	live, doubts, err := pricelist.Ask(ctx, pricelist.New(cfg), p.settings, p.region, time.Now())
	if err != nil {
		return nil, nil, fmt.Errorf("the credentials must allow pricing:GetProducts: %w", err)
	}
	list := []unknownPrice{}
	for _, d := range doubts {
		list = append(list, unknownPrice{d.Item, d.Reason})
	}
	return prices.With(live), list, nil
}
