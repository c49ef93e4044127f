package main

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// render writes the results as Markdown.
func (m *measured) render() string {
	var out strings.Builder
	m.renderMachine(&out)
	fmt.Fprintf(&out, "\n### Goals\n\n")
	m.renderGoals(&out)
	fmt.Fprintf(&out, "\n### The data sets\n\n")
	m.renderSets(&out)
	fmt.Fprintf(&out, "\n### The complete check, one processor\n\n")
	for _, s := range m.shapes {
		m.renderShape(&out, s)
	}
	fmt.Fprintf(&out, "### Two processors\n\n")
	m.renderTwo(&out)
	fmt.Fprintf(&out, "\n### In Lambda, estimated\n\n%s", m.lambda())
	m.renderMissed(&out)
	return out.String()
}

func (m *measured) renderMachine(out *strings.Builder) {
	fmt.Fprintf(out, "Made by `make bench-dataset` on %s with %s on %s. %s a data set, %d repetitions, %s where memory is measured; load averages %s.\n",
		m.machine.Date.Format("2006-01-02"), runtime.Version(), m.machine.Processor, &m.settings.size, m.settings.reps,
		&m.settings.memorySize, strings.Join(m.machine.Loads, ", "))
	for _, why := range m.missing {
		fmt.Fprintf(out, "\nLeft out: %s.\n", why)
	}
}

func (m *measured) renderGoals(out *strings.Builder) {
	fmt.Fprint(out, "| goal |")
	for _, s := range m.shapes {
		fmt.Fprintf(out, " %s |", s.shape)
	}
	fmt.Fprintf(out, " result |\n|---|%s---|\n", strings.Repeat("---|", len(m.shapes)))
	for _, g := range m.goals() {
		fmt.Fprintf(out, "| %s |", g.text)
		for _, c := range g.cells {
			fmt.Fprintf(out, " %s |", shown(c))
		}
		fmt.Fprintf(out, " %s |\n", g.result())
	}
}

// shown is a cell with an emphasis where it misses its goal.
func shown(c cell) string {
	switch {
	case !c.asked:
		return "–"
	case !c.ok:
		return "**" + c.text + "**"
	}
	return c.text
}

func (m *measured) renderSets(out *strings.Builder) {
	fmt.Fprintln(out, "| data set | records | bytes a record | bytes beyond ASCII | backslashes | mean run of plain ASCII |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|")
	for _, s := range m.shapes {
		st := s.statistics
		fmt.Fprintf(out, "| %s | %d | %.0f | %.1f %% | %.1f %% | %.1f B |\n", s.shape, s.runs[nameTuneline][0].Records,
			st.AverageBytes(), 100*st.NonASCIIShare(), 100*st.BackslashShare(), st.MeanRun())
	}
}

func (m *measured) renderShape(out *strings.Builder, s *shapeResult) {
	fmt.Fprintf(out, "**%s**\n\n", s.shape)
	fmt.Fprintln(out, "| candidate | MB per CPU-s, median (range) | tuneline is | peak memory | allocations a record | does not see |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|")
	for _, c := range m.candidates {
		all := rates(s.runs[c.name], s.bytes)
		last := s.runs[c.name][len(all)-1]
		allocations := "–"
		if last.Allocations >= 0 {
			allocations = fmt.Sprintf("%.2f", float64(last.Allocations)/float64(last.Records))
		}
		fmt.Fprintf(out, "| %s | %.0f (%.0f–%.0f) | %.2f × | %.0f MB | %s | %s |\n", c.name,
			median(all)/1e6, slices.Min(all)/1e6, slices.Max(all)/1e6, s.rate(nameTuneline)/median(all), float64(last.rss)/1e6, allocations, cmp.Or(c.misses, "–"))
	}
	fmt.Fprintf(out, "\nEvery record wrong: tuneline %.0f, `jsontext` alone %.0f MB per CPU-s.\n\n", s.badRate(nameTuneline)/1e6, s.badRate(nameAuthority)/1e6)
}

func (m *measured) renderTwo(out *strings.Builder) {
	fmt.Fprintln(out, "| data set | one: MB/s by the clock, median (best) | two | median | best |")
	fmt.Fprintln(out, "|---|---|---|---|---|")
	for _, s := range m.shapes {
		if len(s.two) == 0 {
			fmt.Fprintf(out, "| %s | – | – | – | – |\n", s.shape)
			continue
		}
		mb := float64(s.bytes) / 1e6
		one, two := median(s.one), median(s.two)
		bestOne, bestTwo := slices.Min(s.one), slices.Min(s.two)
		fmt.Fprintf(out, "| %s | %.0f (%.0f) | %.0f (%.0f) | %.2f × | %.2f × |\n", s.shape, mb/one, mb/bestOne, mb/two, mb/bestTwo, one/two, bestOne/bestTwo)
	}
}

// renderMissed shows where the time goes in what missed a goal.
func (m *measured) renderMissed(out *strings.Builder) {
	for _, s := range m.shapes {
		if s.profile != "" {
			fmt.Fprintf(out, "\n### Where the time goes: %s\n\nA goal about speed was missed. CPU profile of tuneline's check:\n\n```\n%s```\n", s.shape, s.profile)
		}
	}
}
