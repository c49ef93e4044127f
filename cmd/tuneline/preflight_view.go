package main

import (
	"fmt"
	"io"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
	"github.com/schollz/progressbar/v3"

	"github.com/tuneline/tuneline/internal/preflight"
)

// preflightView shows at a terminal how many checks are done; elsewhere nothing.
type preflightView struct {
	w   io.Writer
	bar *progressbar.ProgressBar
}

func newPreflightView(stderr io.Writer, asJSON bool) *preflightView {
	if asJSON || !isTerminal(stderr) {
		return &preflightView{}
	}
	return &preflightView{w: stderr}
}

// progress moves the bar; the preflight calls it once at a time.
func (v *preflightView) progress(done, of int) {
	if v.w == nil {
		return
	}
	if v.bar == nil {
		v.bar = progressbar.NewOptions(of,
			progressbar.OptionSetWriter(v.w), progressbar.OptionSetWidth(20), progressbar.OptionSetDescription("looking"),
			progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetTheme(progressbar.ThemeASCII), progressbar.OptionClearOnFinish())
	}
	_ = v.bar.Set(done) // a bar that cannot be drawn is no reason to stop
}

// end takes the bar away.
func (v *preflightView) end() {
	if v.bar != nil {
		_ = v.bar.Clear() // as above
	}
}

// preflightStyles are the colours of the statuses at a terminal that has any.
func preflightStyles(w io.Writer) map[preflight.Status]lipgloss.Style {
	renderer := lipgloss.NewRenderer(w)
	renderer.SetColorProfile(termenv.Ascii)
	if isTerminal(w) && !termenv.EnvNoColor() {
		renderer.SetColorProfile(termenv.ANSI)
	}
	style := renderer.NewStyle()
	return map[preflight.Status]lipgloss.Style{
		preflight.OK:      style.Foreground(lipgloss.Color("2")),
		preflight.Fails:   style.Bold(true).Foreground(lipgloss.Color("1")),
		preflight.Unknown: style.Foreground(lipgloss.Color("3")),
		preflight.Note:    style.Faint(true),
	}
}

// printPreflight prints the table: a line for each thing looked at, what mends it
// below, and what all of it comes to.
func printPreflight(stdout io.Writer, r preflight.Report) error {
	out := &remembering{Writer: stdout}
	styles := preflightStyles(stdout)
	width := 0
	for _, line := range r.Lines {
		width = max(width, len(line.Check))
	}
	fmt.Fprintf(out, "stack %s in %s, configuration %s\n\n", r.Stack, r.Region, r.Configuration)
	for _, line := range r.Lines {
		fmt.Fprintf(out, "  %s  %-*s  %s\n", styles[line.Status].Render(fmt.Sprintf("%-7s", line.Status)), width, line.Check, line.Detail)
		if line.Mend != "" {
			fmt.Fprintf(out, "  %-7s  %-*s  -> %s\n", "", width, "", line.Mend)
		}
	}
	fmt.Fprintf(out, "\n%s\n", preflightSummary(r))
	return out.err
}

// preflightSummary counts the lines and says what to do.
func preflightSummary(r preflight.Report) string {
	text := fmt.Sprintf("%d ok, %d fails, %d unknown", r.Count(preflight.OK), r.Count(preflight.Fails), r.Count(preflight.Unknown))
	switch {
	case r.Account == "":
		return text + ": nothing else was looked at, since that takes credentials"
	case r.Verdict() == preflight.Fails:
		return text + ": mend what fails, as the lines marked -> say, and look again"
	case r.Verdict() == preflight.Unknown:
		return text + ": nothing fails of what could be looked at"
	}
	return text + ": ready"
}
