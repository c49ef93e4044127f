package main

import (
	"fmt"
	"slices"
	"strings"
)

// The goals.
const (
	goalStandard  = 10.0
	goalAuthority = 4.0
	goalSIMDJSON  = 0.75
	// goalShort is against simdjson on the two sets with short records.
	goalShort = 1.0
	goalTwo   = 1.5
	goalBad   = 0.85
	// goalMemory is what a check may use in bytes, and goalKnown and goalPiped what
	// more for each record, when the size of the data set is known and when not.
	goalMemory = 64e6
	goalKnown  = 16.0
	goalPiped  = 40.0
	// goalFirst is in seconds.
	goalFirst = 0.010
)

// cell is one goal on one shape.
type cell struct {
	text string
	// asked is false where nothing was asked or measured.
	asked, ok bool
}

// goal is a row of the table of goals. Cells are in the order of the shapes.
type goal struct {
	text  string
	cells []cell
}

// result is "ok", "missed" or "not measured".
func (g goal) result() string {
	asked := slices.DeleteFunc(slices.Clone(g.cells), func(c cell) bool { return !c.asked })
	switch {
	case len(asked) == 0:
		return "not measured"
	case slices.ContainsFunc(asked, func(c cell) bool { return !c.ok }):
		return "**missed**"
	}
	return "ok"
}

// goals holds everything measured against what was set out.
func (m *measured) goals() []goal {
	return []goal{
		m.goal(fmt.Sprintf("≥ %.0f × `encoding/json` strict", goalStandard), ratioTo(nameStandard, goalStandard)),
		m.goal(fmt.Sprintf("≥ %.0f × `jsontext` alone", goalAuthority), ratioTo(nameAuthority, goalAuthority)),
		m.goal(fmt.Sprintf("≥ %.2f × simdjson C++ on-demand", goalSIMDJSON), ratioTo(nameSIMDJSON, goalSIMDJSON)),
		m.goal("faster than simdjson C++ on the two short ones", func(s *shapeResult) cell {
			if !strings.HasPrefix(string(s.shape), "short") {
				return cell{}
			}
			return ratioTo(nameSIMDJSON, goalShort)(s)
		}),
		m.goal(fmt.Sprintf("two processors ≥ %.1f × one", goalTwo), func(s *shapeResult) cell {
			return above(median(s.one), median(s.two), goalTwo)
		}),
		m.goal(fmt.Sprintf("every record wrong ≥ %.2f × `jsontext` alone", goalBad), func(s *shapeResult) cell {
			return above(s.badRate(nameTuneline), s.badRate(nameAuthority), goalBad)
		}),
		m.goal(fmt.Sprintf("memory ≤ 64 MB + %.0f B a record, size known", goalKnown), func(s *shapeResult) cell { return memoryCell(s.known, goalKnown) }),
		m.goal(fmt.Sprintf("memory ≤ 64 MB + %.0f B a record, from a pipe", goalPiped), func(s *shapeResult) cell { return memoryCell(s.piped, goalPiped) }),
		m.firstGoal(),
	}
}

func (m *measured) goal(text string, on func(*shapeResult) cell) goal {
	g := goal{text: text}
	for _, s := range m.shapes {
		g.cells = append(g.cells, on(s))
	}
	return g
}

// firstGoal is about a short_pc set that never ends; of the medians for the
// different sizes the check is told of, the slowest counts.
func (m *measured) firstGoal() goal {
	g := goal{text: fmt.Sprintf("first finding in under %.0f ms", goalFirst*1000), cells: make([]cell, len(m.shapes))}
	slowest := 0.0
	for _, row := range m.first {
		slowest = max(slowest, median(row))
	}
	if slowest > 0 {
		g.cells[0] = cell{text: fmt.Sprintf("%.1f ms", slowest*1000), asked: true, ok: slowest < goalFirst}
	}
	return g
}

// ratioTo compares tuneline's rate with another candidate's.
func ratioTo(name string, least float64) func(*shapeResult) cell {
	return func(s *shapeResult) cell { return above(s.rate(nameTuneline), s.rate(name), least) }
}

// above holds a/b against the least it should be; nothing is asked when one was
// not measured.
func above(a, b, least float64) cell {
	if a == 0 || b == 0 {
		return cell{}
	}
	return cell{text: fmt.Sprintf("%.2f ×", a/b), asked: true, ok: a/b >= least}
}

func memoryCell(s sample, perRecord float64) cell {
	if s.rss == 0 {
		return cell{}
	}
	beyond := max(0, float64(s.rss)-goalMemory)
	return cell{
		text:  fmt.Sprintf("%.0f MB, %.1f B", float64(s.rss)/1e6, beyond/float64(s.Records)),
		asked: true, ok: beyond <= perRecord*float64(s.Records),
	}
}

// slow says whether a goal about tuneline's speed on one processor was missed on
// the shape at this place.
func (m *measured) slow(place int) bool {
	return slices.ContainsFunc(m.goals()[:4], func(g goal) bool { return g.cells[place].asked && !g.cells[place].ok })
}
