package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/teardown"
)

// teardownView shows a teardown to a person as it goes, or to a program at its
// end. Its methods may be called from several goroutines.
type teardownView struct {
	out     io.Writer
	asJSON  bool
	started time.Time

	mu  sync.Mutex
	doc teardownDocument
}

// teardownDocument is the JSON of --json.
type teardownDocument struct {
	Inventory teardown.Inventory `json:"inventory"`
	// Deletion and Proof are null where there was none.
	Deletion *teardown.Deletion `json:"deletion"`
	Proof    *teardown.Proof    `json:"proof"`
}

// print prints for a person.
func (v *teardownView) print(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.asJSON {
		fmt.Fprintf(v.out, format, args...)
	}
}

// complete says whether the deletion, if there was one, is.
func (v *teardownView) complete() bool { return v.doc.Deletion == nil || v.doc.Deletion.Complete() }

// clean says whether nothing is left, as far as it was looked.
func (v *teardownView) clean() bool {
	return v.complete() && (v.doc.Proof == nil || v.doc.Proof.Clean())
}

// end prints the document for a program.
func (v *teardownView) end() error {
	if !v.asJSON {
		return nil
	}
	encoder := json.NewEncoder(v.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false) // commands hold quotation marks and braces to be copied
	if err := encoder.Encode(v.doc); err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	return nil
}

// declined says that nobody agreed.
func (v *teardownView) declined() error {
	v.print("nothing was deleted\n")
	if err := v.end(); err != nil {
		return err
	}
	return toldError{exitLeft}
}

// inventory shows what goes and what stays, with prices and commands.
func (v *teardownView) inventory(found teardown.Inventory) {
	v.doc.Inventory = found
	stack := found.Stack
	if stack.Gone() {
		v.print("%s: there is no stack %s in %s (any more)\n", bold.Render("tuneline teardown"), stack.Name, stack.Region)
	} else {
		v.print("%s: stack %s in %s, %s\n", bold.Render("tuneline teardown"), stack.Name, stack.Region, stack.Status)
	}
	if going := goingRows(found); len(going) > 0 {
		v.print("\n%s\n%s", bold.Render(goingTitle(stack)), underOneAnother(going))
	}
	if staying := stayingRows(found.Kept); len(staying) > 0 {
		v.print("\n%s\n%s", bold.Render("What stays"), underOneAnother(staying))
	}
	v.print("\n%s\n", faint.Render(sourcesOf(found)))
	v.warnings(found)
	if len(found.Kept.Steps) > 0 {
		v.print("\n%s\n", bold.Render("To remove what stays, once the stack is gone, in this order"))
		v.steps(found.Kept.Steps)
	}
}

func goingTitle(stack teardown.Stack) string {
	if stack.Gone() {
		return "Left behind"
	}
	return "What goes with the stack"
}

// warnings are what a person should know before agreeing.
func (v *teardownView) warnings(found teardown.Inventory) {
	for _, t := range found.Throughputs {
		if t.CommittedUntil != nil {
			v.print("\n%s %s is held by a commitment (%s) until %s: a deletion before that releases everything else, and fails. It renews by itself, so delete it then.\n",
				bad.Render("!"), t.ARN, t.Commitment, t.CommittedUntil.UTC().Format(time.RFC3339))
		}
	}
	for _, arn := range found.Foreign {
		v.print("\n%s %s serves a model of this stack and does not carry its tag: nothing here deletes it, and it is billed by the hour.\n", bad.Render("!"), arn)
	}
	if found.Stack.Protected {
		v.print("\n%s the stack's termination protection forbids its deletion.\n", bad.Render("!"))
	}
}

// steps prints commands in their order, unwrapped, to be copied.
func (v *teardownView) steps(steps []teardown.Step) {
	for i, step := range steps {
		v.print("  %d. %s\n", i+1, step.What)
		for _, command := range step.Commands {
			v.print("     %s\n", command)
		}
	}
}

// goingRows are the rows of what a deletion releases.
func goingRows(found teardown.Inventory) [][]string {
	var rows [][]string
	for _, t := range found.Throughputs {
		rows = append(rows, []string{"provisioned throughput", t.Status, usd(t.Hourly), usd(t.Monthly), fmt.Sprintf("%s (model units: %d)", t.ARN, t.Units)})
	}
	for _, e := range found.Endpoints {
		rows = append(rows, []string{"interface endpoint", e.State, unknown, unknown, fmt.Sprintf("%s (%s, zones: %d)", e.ID, e.Service, e.Zones)})
	}
	for _, d := range found.Deployments {
		rows = append(rows, []string{"deployment", d.Status, "0.00", "0.00", d.ARN + " (billed by the token)"})
	}
	for _, j := range found.Jobs {
		rows = append(rows, []string{"job", j.Status, "0.00", "0.00", j.ARN + " (stopped; what it trained is billed, and lost)"})
	}
	return rows
}

// stayingRows are the rows of what outlives the stack.
func stayingRows(kept teardown.Kept) [][]string {
	var rows [][]string
	for _, m := range kept.Models {
		note := ""
		if !m.Ours {
			note = " (not this stack's, and made with its key)"
		}
		rows = append(rows, []string{"custom model", "", "", usd(m.Monthly), m.ARN + note})
	}
	if b := kept.Bucket; b != nil {
		rows = append(rows, []string{"bucket", "", "", unknown, b.Name + " (" + contents(*b) + ")"})
	}
	if kept.Key != "" {
		rows = append(rows, []string{"key", "", "", unknown, kept.Key})
	}
	return rows
}

// contents says how much is in a bucket.
func contents(b teardown.Bucket) string {
	switch {
	case b.Uncounted != "":
		return "not counted: " + b.Uncounted
	case b.More:
		return fmt.Sprintf("more than %d objects in all versions", b.Objects)
	}
	return fmt.Sprintf("objects in all versions: %d, %s", b.Objects, bytesText(b.Bytes))
}

func usd(p teardown.Price) string {
	if p.USD == nil {
		return unknown
	}
	return strconv.FormatFloat(*p.USD, 'f', 2, 64)
}

// underOneAnother sets rows under one another.
func underOneAnother(rows [][]string) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  KIND\tSTATE\tUSD/HOUR\tUSD/MONTH\tWHICH")
	for _, row := range rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	_ = w.Flush() // a strings.Builder takes everything
	return text.String()
}

// sourcesOf says where the prices were read, and on which day.
func sourcesOf(found teardown.Inventory) string {
	var read []string
	add := func(p teardown.Price) {
		if line := fmt.Sprintf("%s, read on %s", p.Source, p.Read); p.USD != nil && !strings.Contains(strings.Join(read, "\n"), line) {
			read = append(read, line)
		}
	}
	for _, t := range found.Throughputs {
		add(t.Hourly)
	}
	for _, m := range found.Kept.Models {
		add(m.Monthly)
	}
	note := fmt.Sprintf("A month is %d hours. Prices come from the price table; %s: it has no row for that.", finetune.HoursPerMonth, unknown)
	if len(read) > 0 {
		note += " Source: " + strings.Join(read, "; ") + "."
	}
	return note
}

// event shows what became of a resource.
func (v *teardownView) event(e teardown.Event) {
	line := fmt.Sprintf("%s  %-18s  %s (%s)", e.At.UTC().Format("15:04:05"), e.Status, e.LogicalID, e.Type)
	if e.Failed() {
		line = bad.Render(line) + "\n          " + e.Reason
	}
	v.print("%s\n", line)
}

// beatEvery is how often a deletion that says nothing is said to go on.
const beatEvery = time.Minute

// beat says now and then that a deletion goes on, until it is stopped: winding up
// takes minutes in which CloudFormation has no news.
func (v *teardownView) beat(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				v.print("%s\n", faint.Render(fmt.Sprintf("          going on for %s", time.Since(v.started).Round(time.Second))))
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// deletion shows what the deletion came to.
func (v *teardownView) deletion(d teardown.Deletion) {
	v.doc.Deletion = &d
	if d.Complete() {
		v.print("\n%s\n", good.Render("the stack is gone"))
		return
	}
	v.print("\n%s: the reason is above\n", bad.Render("the stack could not be deleted"))
	v.steps(d.Next)
}

// proof shows what is left, or that nothing is.
func (v *teardownView) proof(p teardown.Proof) {
	v.doc.Proof = &p
	if p.Clean() {
		var at []string
		for _, look := range p.Looks[len(p.Looks)-2:] {
			at = append(at, look.Format("15:04:05"))
		}
		v.print("\n%s\n", good.Render("nothing billed by the hour is left"))
		v.print("  looked twice, at %s UTC: no stack %s, and no provisioned throughput, deployment, running job or interface endpoint in %s with the tag %s=%s\n",
			strings.Join(at, " and "), v.doc.Inventory.Stack.Name, v.doc.Inventory.Stack.Region, finetune.TagStack, v.doc.Inventory.Stack.Name)
		return
	}
	v.print("\n%s\n", bad.Render("left"))
	for _, l := range p.Left {
		v.print("  %s: %s\n     %s\n", l.ID, l.What, l.Command)
	}
}
