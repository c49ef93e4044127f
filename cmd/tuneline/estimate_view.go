package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/tuneline/tuneline/internal/finetune"
)

// pricingPage is where AWS publishes its prices for people.
const pricingPage = "https://aws.amazon.com/bedrock/pricing/"

// unknown is how a price that is not known is printed.
const unknown = "unknown"

// english writes numbers with their thousands apart.
var english = message.NewPrinter(language.English)

// table is what an estimate is printed as.
type table struct {
	rows [][]string
	// sources are those of the rows, in the order they are first named.
	sources []finetune.PriceSource
	missing bool
}

// add adds a line. usd is its amount, nil for one that is not known.
func (t *table) add(item, quantity, unitPrice, usd string, source *finetune.PriceSource) {
	t.missing = t.missing || strings.HasPrefix(unitPrice, unknown) || strings.HasPrefix(usd, unknown)
	t.rows = append(t.rows, []string{item, quantity, unitPrice, usd, t.cite(source)})
}

// cite is a source's number and day.
func (t *table) cite(source *finetune.PriceSource) string {
	if source == nil {
		return "-"
	}
	i := slices.Index(t.sources, *source)
	if i < 0 {
		t.sources, i = append(t.sources, *source), len(t.sources)
	}
	live := ""
	if source.Live {
		live = ", live"
	}
	return fmt.Sprintf("[%d] %s%s", i+1, source.AsOf, live)
}

// print prints an estimate for a person.
func (e estimated) print(stdout io.Writer) error {
	out := &remembering{Writer: stdout}
	fmt.Fprintln(out, english.Sprintf("%s: %d records, about %d tokens, at %d characters a token as AWS's quotas count",
		e.Dataset, e.Records, e.Estimate.Training.Tokens, e.charactersPerToken))
	fmt.Fprintf(out, "%s in %s, served %s; configuration: %s\n", e.Estimate.BaseModel, e.Estimate.Region, served(e.Estimate.Serving.Serving), e.Configuration)
	if e.Errors > 0 {
		fmt.Fprintf(out, "it has %s, and would be rejected before anything is paid for: see \"tuneline check\"\n", numbered(e.Errors, "error"))
	}
	t := e.table()
	fmt.Fprintln(out)
	lines := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(lines, strings.Join([]string{"item", "quantity", "unit price", "USD", "source and day"}, "\t"))
	for _, row := range t.rows {
		fmt.Fprintln(lines, strings.Join(row, "\t"))
	}
	if err := lines.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for i, source := range t.sources {
		fmt.Fprintf(out, "[%d] %s\n    %s, read %s\n", i+1, source.URL, source.What, source.Read)
	}
	for _, u := range e.LiveUnknown {
		fmt.Fprintf(out, "--live found no price of %s: %s\n", u.Item, u.Reason)
	}
	for _, line := range e.advice(t.missing) {
		fmt.Fprintln(out, line)
	}
	return out.err
}

// served says how a model is served.
func served(s finetune.Serving) string {
	if s.Mode != finetune.ServeProvisioned {
		return "on demand"
	}
	return fmt.Sprintf("by %s, commitment %s", numbered(int64(s.ModelUnits), "provisioned model unit"), cmp.Or(s.Commitment, "none"))
}

// table lists what is paid once, every month, and for serving.
func (e estimated) table() *table {
	var t table
	training, storage, serving := e.Estimate.Training, e.Estimate.Storage, e.Estimate.Serving
	tokens := english.Sprintf("%d tokens an epoch", training.Tokens)
	if training.Epochs != nil {
		tokens = english.Sprintf("%d tokens (%s of %d)", training.Tokens*int64(*training.Epochs), numbered(int64(*training.Epochs), "epoch"), training.Tokens)
	}
	t.add("training", tokens, rate(training.Rate.USD, "1,000 tokens"), amount(training.USD, "once"), training.Rate.Source)
	t.add("model storage", "1 custom model", rate(storage.USD, "model and month"), amount(storage.USD, "a month"), storage.Source)
	if unit := serving.Unit; unit != nil {
		units := numbered(int64(serving.ModelUnits), "model unit")
		t.add("serving, an hour", units, rate(unit.USD, "unit and hour"), amount(serving.HourlyUSD, "an hour"), unit.Source)
		t.add("serving, a month", fmt.Sprintf("%s, %d hours", units, finetune.HoursPerMonth), rate(unit.USD, "unit and hour"), amount(serving.MonthlyUSD, "a month"), unit.Source)
		return &t
	}
	t.add("serving, an hour", "nothing", "-", amount(serving.HourlyUSD, "an hour"), nil)
	t.add("serving, input", "as many tokens as are asked", rate(serving.Input.USD, "1,000 tokens"), "by use", serving.Input.Source)
	t.add("serving, output", "as many tokens as are answered", rate(serving.Output.USD, "1,000 tokens"), "by use", serving.Output.Source)
	return &t
}

// advice is what to do about what is not known, and to know about the rest.
func (e estimated) advice(missing bool) []string {
	var lines []string
	if missing && e.LiveUnknown == nil {
		lines = append(lines, unknown+": no source gives this price. Ask AWS with --live, or look at "+pricingPage)
	} else if missing {
		lines = append(lines, unknown+": look at "+pricingPage)
	}
	if e.Estimate.Training.Epochs == nil {
		lines = append(lines, "epochs: not set, and no page says what Bedrock takes then; set hyperparameters.epochCount")
	}
	if e.Estimate.Serving.Mode == finetune.ServeProvisioned {
		lines = append(lines, "provisioned throughput is billed from purchase to deletion, whether anybody asks or not")
	}
	for _, a := range e.Approvals {
		lines = append(lines, "approval: a run asks for it before "+a.Purpose+": "+strings.Join(a.Reasons, "; "))
	}
	if len(e.Approvals) == 0 {
		lines = append(lines, "approval: a run with this configuration asks for none")
	}
	return lines
}

// rate is the price of a unit, in as many digits as it has.
func rate(usd *float64, unit string) string {
	if usd == nil {
		return unknown
	}
	return strconv.FormatFloat(*usd, 'f', -1, 64) + " per " + unit
}

// amount is an amount of money; a small one is not rounded to nothing.
func amount(usd *float64, when string) string {
	switch {
	case usd == nil:
		return unknown
	case *usd > 0 && *usd < 0.01:
		return "less than 0.01 " + when
	}
	return english.Sprintf("%.2f %s", *usd, when)
}
