package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/convert"
	"github.com/tuneline/tuneline/internal/dataset/repair"
)

// summary tells a person what was done, and what is left to do.
func (f *fixing) summary() error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s as %s\n", shown(f.input), f.target.why)
	f.actions(&text)
	f.totals(&text)
	f.left(&text)
	f.next(&text)
	_, err := fmt.Fprint(f.stderr, text.String())
	return err
}

// actions lists them by line, and what was left out of the list.
func (f *fixing) actions(text *strings.Builder) {
	told := map[string]int64{}
	for _, a := range f.res.Actions {
		told[a.What]++
		fmt.Fprintf(text, "  line %-6d  %s", a.Line, a.What)
		if a.Code != "" {
			fmt.Fprintf(text, " (%s)", a.Code)
		}
		if a.Detail != "" {
			fmt.Fprintf(text, ": %s", a.Detail)
		}
		text.WriteByte('\n')
	}
	for _, what := range slices.Sorted(maps.Keys(f.res.Counts)) {
		if more := f.res.Counts[what] - told[what]; more > 0 {
			fmt.Fprintf(text, "  and %d more  %s\n", more, what)
		}
	}
}

// totals says what became of the records.
func (f *fixing) totals(text *strings.Builder) {
	r := f.res
	written := "written to " + f.output
	switch {
	case f.o.dryRun:
		written = "would be written"
	case f.output == standardIO:
		written = "written"
	}
	fmt.Fprintf(text, "%s: %d %s, %d of them repaired; %s removed; %d rejected",
		numbered(r.Records, "record"), r.Written, written, r.Repaired, numbered(r.Duplicates, "duplicate"), r.Rejected)
	if r.Rejected > 0 && f.rejects != "" {
		fmt.Fprintf(text, ", see %s", f.rejects)
	}
	text.WriteByte('\n')
	if f.o.inPlace && !f.o.dryRun {
		fmt.Fprintf(text, "what it was is kept as %s\n", backup(f.input))
	}
	if r.DuplicatesUnchecked > 0 {
		fmt.Fprintf(text, "%s came after more than can be remembered: copies of them are still there\n", numbered(r.DuplicatesUnchecked, "record"))
	}
}

// left says what could not be repaired, by kind, with what to do.
func (f *fixing) left(text *strings.Builder) {
	seen := map[dataset.Code]bool{}
	for _, a := range f.res.Actions {
		if a.What != repair.Rejected && a.What != repair.RejectedTooLong || seen[a.Code] {
			continue
		}
		seen[a.Code] = true
		if info, ok := a.Code.Info(); ok {
			fmt.Fprintf(text, "rejected for %s: %s. %s\n", a.Code, info.Title, info.Action)
		}
	}
	for _, finding := range f.res.Report.Findings {
		if finding.Line == 0 {
			fmt.Fprintf(text, "%s %s in the copy as a whole: %s\n", finding.Severity, finding.Code, finding.Message)
		}
	}
}

// convertible says whether a row was rejected for its format, and may be converted
// to the right one.
func (f *fixing) convertible() bool {
	return slices.Contains(convert.Formats(), f.target.options.Format) && slices.ContainsFunc(f.res.Actions, func(a repair.Action) bool {
		return a.What == repair.Rejected && a.Code == dataset.CodeOtherFormat
	})
}

// next says what to do now.
func (f *fixing) next(text *strings.Builder) {
	switch {
	case f.o.dryRun:
		text.WriteString("nothing was written; leave --dry-run out to write the copy\n")
	case f.res.Rejected > 0 && f.rejects != "" && f.convertible():
		fmt.Fprintf(text, "next: tuneline convert %s --to %s, mend by hand what that rejects, and add the records to the copy\n", quoted(f.rejects), f.target.options.Format)
	case f.res.Rejected > 0 && f.rejects != "":
		fmt.Fprintf(text, "next: mend %s by hand, and add its records to the copy\n", f.rejects)
	case !f.res.Report.Accepted:
		text.WriteString("next: settle what the copy as a whole lacks\n")
	case f.output != standardIO:
		fmt.Fprintf(text, "the copy is accepted; next: tuneline split %s --validation 10%%, or upload it\n", quoted(f.output))
	}
}
