package main

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/tuneline/tuneline/internal/bench"
)

// The goals: times in milliseconds, the size in bytes.
const (
	goalMedian = 1.0
	goalP99    = 3.0
	goalFirst  = 2.0
	goalStart  = 1.5
	goalSize   = 6e6
)

func p50(samples []float64) float64 { return bench.Quantile(samples, 0.5) }
func p99(samples []float64) float64 { return bench.Quantile(samples, 0.99) }

// render writes the results as Markdown.
func (m *measured) render() string {
	var out strings.Builder
	fmt.Fprintf(&out, "Made by `make bench-inference` on %s with %s on %s. %d requests of each route after %d to warm up, one at a time, "+
		"Bedrock's double taking %s for an answer; %d cold starts; load averages %s.\n",
		m.machine.Date.Format("2006-01-02"), runtime.Version(), m.machine.Processor, m.settings.requests, warmUp,
		m.settings.service, m.settings.starts, strings.Join(m.machine.Loads, ", "))
	m.renderGoals(&out)
	m.renderFunction(&out)
	m.renderPath(&out)
	m.renderInstance(&out)
	return out.String()
}

// worst is the largest of a figure over the routes, streamed ones alone or all.
func (m *measured) worst(figure func(routeResult) float64, streamedOnly bool) float64 {
	most := 0.0
	for _, r := range m.routes {
		if r.route.streamed || !streamedOnly {
			most = max(most, figure(r))
		}
	}
	return most
}

func (m *measured) renderGoals(out *strings.Builder) {
	median := m.worst(func(r routeResult) float64 { return p50(r.added) }, false)
	late := m.worst(func(r routeResult) float64 { return p99(r.added) }, false)
	first := m.worst(func(r routeResult) float64 { return p50(r.first) }, true)
	start := p50(m.invokeStart) / p50(m.helloStart)
	fmt.Fprintf(out, "\n### Goals of the inference API\n\n| goal | measured, the slowest route | result |\n|---|---|---|\n")
	for _, g := range []struct {
		text, measured string
		ok             bool
	}{
		{fmt.Sprintf("the function adds ≤ %.0f ms, p50", goalMedian), fmt.Sprintf("%.2f ms", median), median <= goalMedian},
		{fmt.Sprintf("the function adds ≤ %.0f ms, p99", goalP99), fmt.Sprintf("%.2f ms", late), late <= goalP99},
		{fmt.Sprintf("the first token is ≤ %.0f ms later, p50", goalFirst), fmt.Sprintf("%.2f ms", first), first <= goalFirst},
		{fmt.Sprintf("cold start ≤ %.1f × that of a bare function", goalStart), fmt.Sprintf("%.2f ×", start), start <= goalStart},
		{fmt.Sprintf("zipped binary ≤ %.0f MB", goalSize/1e6), fmt.Sprintf("%.2f MB", m.invokeSize/1e6), m.invokeSize <= goalSize},
	} {
		result := "ok"
		if !g.ok {
			result = "**missed**"
		}
		fmt.Fprintf(out, "| %s | %s | %s |\n", g.text, g.measured, result)
	}
}

func (m *measured) renderFunction(out *strings.Builder) {
	fmt.Fprintf(out, "\n### What the function adds\n\n| route | ms to the end, p50 | p99 | ms to the first byte, p50 | p99 | a bare client's trip, p50 | p99 | nothing to wait for, p50 | p99 |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range m.routes {
		fmt.Fprintf(out, "| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", r.route.name,
			p50(r.added), p99(r.added), p50(r.first), p99(r.first), p50(r.hop), p99(r.hop), p50(r.busy), p99(r.busy))
	}
}

func (m *measured) renderPath(out *strings.Builder) {
	fmt.Fprintf(out, "\n### What a client sees\n\n| route | ms through the API, p50 | p99 | of the double, p50 | p99 | first byte through the API, p50 | of the double, p50 |\n|---|---|---|---|---|---|---|\n")
	for _, r := range m.routes {
		fmt.Fprintf(out, "| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", r.route.name,
			p50(r.path), p99(r.path), p50(r.direct), p99(r.direct), p50(r.pathFirst), p50(r.directFirst))
	}
}

func (m *measured) renderInstance(out *strings.Builder) {
	fmt.Fprintf(out, "\n### One instance\n\n| | invoke | bare function |\n|---|---|---|\n")
	fmt.Fprintf(out, "| cold start, p50 (p99) | %.1f (%.1f) ms | %.1f (%.1f) ms |\n", p50(m.invokeStart), p99(m.invokeStart), p50(m.helloStart), p99(m.helloStart))
	fmt.Fprintf(out, "| zipped binary | %.2f MB | %.2f MB |\n", m.invokeSize/1e6, m.helloSize/1e6)
	fmt.Fprintf(out, "| requests a second (Converse), nothing to wait for | %.0f | – |\n", m.instance.rate)
	memory := "–"
	if m.instance.memory > 0 {
		memory = fmt.Sprintf("%.0f MB", m.instance.memory/1e6)
	}
	fmt.Fprintf(out, "| peak memory | %s | – |\n", memory)
	fmt.Fprintf(out, "| allocations a request (Converse) | %.0f, %.0f kB | – |\n", m.instance.objects, m.instance.bytes/1e3)
}
