package present

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/dataset"
)

// Summary prints what came of a file's check: the verdict, totals by code with
// the number not listed, the lines of findings that were counted only, what the
// records look like, what was not looked for, and what to do next.
func (h *Human) Summary(f File) {
	r := f.Report
	name := printable(f.Name)
	fmt.Fprintf(h.w, "%s: %s\n", h.paint.bold(name), h.verdict(f))
	if f.Problem != "" {
		h.unfold(f.Name)
		return
	}
	if f.Checked != "" {
		h.row("checked as", f.Checked)
	}
	h.row("size", fmt.Sprintf("%s on %s, %s", count(r.Records, "record", "records"), count(r.Lines, "line", "lines"), size(r.Bytes)))
	if r.SHA256 != "" {
		h.row("SHA-256", r.SHA256)
	}
	if r.Records > 0 {
		h.profile(r)
	}
	h.totals(r)
	h.unfold(f.Name)
	for _, what := range unsought(f) {
		h.row("not looked for", what)
	}
	h.row("next", next(f))
}

// row prints a name and what stands behind it.
func (h *Human) row(name, value string) {
	fmt.Fprintf(h.w, "  %s %s\n", h.paint.faint.Render(fmt.Sprintf("%-14s", name)), value)
}

func (h *Human) verdict(f File) string {
	if f.accepted() {
		return h.paint.good.Render(f.verdict())
	}
	return h.paint.bad.Render(f.verdict())
}

// profile prints what the records look like.
func (h *Human) profile(r dataset.Report) {
	h.row("characters", fmt.Sprintf("%d, about %s: an estimate of 6 characters a token, as AWS's quotas make it",
		r.Characters, count(r.EstimatedTokens, "token", "tokens")))
	if p := r.Profile.Characters; p.Max > 0 {
		h.row("a record has", fmt.Sprintf("%d to %s; half have at most %d, 90 %% at most %d, 99 %% at most %d",
			p.Min, count(p.Max, "character", "characters"), p.P50, p.P90, p.P99))
	}
	if len(r.Profile.Messages) == 0 {
		return
	}
	roles := []string{}
	for _, role := range slices.Sorted(maps.Keys(r.Profile.Messages)) {
		roles = append(roles, fmt.Sprintf("%d %s", r.Profile.Messages[role], role))
	}
	h.row("messages", strings.Join(roles, ", "))
}

// totals prints how often each code was found.
func (h *Human) totals(r dataset.Report) {
	list := tallies(r)
	if len(list) == 0 {
		return
	}
	width := 0
	for _, t := range list {
		width = max(width, len(fmt.Sprint(t.total)))
	}
	h.row("findings", found(r))
	for _, t := range list {
		hidden := ""
		if n := t.total - t.listed; n > 0 {
			hidden = h.paint.faint.Render(fmt.Sprintf(" (%d not listed)", n))
		}
		fmt.Fprintf(h.w, "    %s %s %*d  %s%s\n", t.info.Code,
			h.paint.severity(t.info.Severity, fmt.Sprintf("%-7s", t.info.Severity)), width, t.total, t.info.Title, hidden)
	}
}

// unfold names the lines of a file's findings that were counted only, and
// forgets them.
func (h *Human) unfold(file string) {
	others := h.order[:0]
	for _, k := range h.order {
		if k.file != file {
			others = append(others, k)
			continue
		}
		folded := h.folds[k]
		delete(h.folds, k)
		if folded.lines.found == 0 {
			continue
		}
		f := dataset.Finding{Message: k.message, Pointer: k.pointer}
		h.row("also", fmt.Sprintf("%s %s: %s, on %s", h.paint.severity(folded.severity, string(k.code)),
			text(f), count(folded.lines.found, "more", "more"), &folded.lines))
	}
	h.order = others
}

// unsought names what the check did not look for.
func unsought(f File) []string {
	list := slices.Clone(f.NotLookedFor)
	if n := f.Report.DuplicatesUnchecked; n > 0 {
		list = append(list, fmt.Sprintf("copies of %s, which came when as many as are remembered had come", count(n, "record", "records")))
	}
	return list
}

// next is what to do about the verdict.
func next(f File) string {
	r := f.Report
	switch {
	case r.Counts[dataset.CodeOtherFormat] > 0:
		return "have the records in another format converted, as their findings say, and check again"
	case !r.Accepted:
		return fmt.Sprintf("correct what is an error and check again; \"%s fix\" writes a copy with what can be repaired, and sets aside what cannot", toolName)
	case r.Warnings+r.Notes > 0:
		return "look at the findings; none of them keeps the data set from being used"
	}
	return "nothing: nothing was found that speaks against a job"
}
