package statemachine

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// machine is the part of the Amazon States Language this definition uses; a
// field it does not use is an error, so that nothing slips past these tests.
type machine struct {
	Comment        string
	StartAt        string
	TimeoutSeconds int
	States         map[string]state
}

type state struct {
	Comment        string
	Type           string
	Resource       string
	Parameters     map[string]any
	ResultPath     string
	TimeoutSeconds int
	SecondsPath    string
	Retry          []retrier
	Catch          []catcher
	Choices        []rule
	Default        string
	ErrorPath      string
	CausePath      string
	Next           string
}

type retrier struct {
	ErrorEquals     []string
	IntervalSeconds int
	BackoffRate     float64
	MaxAttempts     int
	MaxDelaySeconds int
	JitterStrategy  string
}

type catcher struct {
	ErrorEquals []string
	ResultPath  string
	Next        string
}

type rule struct {
	Variable                     string
	StringEquals                 string
	NumericGreaterThanEqualsPath string
	Or                           []rule
	Next                         string
}

// definitions are the texts of the state machines by their files' names.
var definitions = map[string]string{"finetune.asl.json": Definition, "release.asl.json": Release, "sweep.asl.json": Sweep}

// load decodes the definition of the pipeline strictly.
func load(t *testing.T) machine {
	t.Helper()
	return loadAll(t)["finetune.asl.json"]
}

// loadAll decodes every definition strictly.
func loadAll(t *testing.T) map[string]machine {
	t.Helper()
	all := map[string]machine{}
	for name, definition := range definitions {
		decoder := json.NewDecoder(strings.NewReader(definition))
		decoder.DisallowUnknownFields()
		var m machine
		if err := decoder.Decode(&m); err != nil {
			t.Fatalf("decoding %s: %v", name, err)
		}
		all[name] = m
	}
	return all
}

// edge is one way from a state to the next; writes is the top-level noun that
// is written on the way, such as "job", or "". value is the one purpose of
// spending that it is gone with, or "" for any.
type edge struct {
	to     string
	writes string
	value  string
}

// edges returns every way out of s.
func (s state) edges() []edge {
	var out []edge
	if s.Next != "" {
		out = append(out, edge{to: s.Next, writes: strings.TrimPrefix(s.ResultPath, "$.")})
	}
	for _, c := range s.Catch {
		out = append(out, edge{to: c.Next, writes: strings.TrimPrefix(c.ResultPath, "$.")})
	}
	for _, r := range s.Choices {
		e := edge{to: r.Next}
		if r.Variable == purpose {
			e.value = r.StringEquals
		}
		out = append(out, e)
	}
	if s.Default != "" {
		out = append(out, edge{to: s.Default})
	}
	return out
}

// paths returns every reference path s reads, such as "$.job.status".
func (s state) paths() []string {
	var out []string
	add := func(path string) {
		if path != "" {
			out = append(out, path)
		}
	}
	add(s.SecondsPath)
	add(s.ErrorPath)
	add(s.CausePath)
	for name, value := range s.Parameters {
		if text, ok := value.(string); ok && strings.HasSuffix(name, ".$") {
			out = append(out, referencePaths(text)...)
		}
	}
	for _, r := range s.Choices {
		out = append(out, r.paths()...)
	}
	return out
}

func (r rule) paths() []string {
	var out []string
	for _, path := range []string{r.Variable, r.NumericGreaterThanEqualsPath} {
		if path != "" {
			out = append(out, path)
		}
	}
	for _, or := range r.Or {
		out = append(out, or.paths()...)
	}
	return out
}

// referencePaths returns the paths in a payload template's value: the value
// itself, or the arguments of an intrinsic function.
func referencePaths(text string) []string {
	if strings.HasPrefix(text, "$") {
		return []string{text}
	}
	open := strings.LastIndex(text, "',")
	var out []string
	for argument := range strings.SplitSeq(strings.TrimSuffix(text[open+2:], ")"), ",") {
		out = append(out, strings.TrimSpace(argument))
	}
	return out
}

// reachable returns the states that can be reached without passing avoid.
func (m machine) reachable(avoid ...string) map[string]bool {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if seen[name] || slices.Contains(avoid, name) {
			return
		}
		seen[name] = true
		for _, e := range m.States[name].edges() {
			visit(e.to)
		}
	}
	visit(m.StartAt)
	return seen
}

// place is a state, and the purpose of spending it is reached with: one loop asks
// about each, and which it is decides where it leads.
type place struct{ state, purpose string }

// purpose is the field that a Choice leaves that loop by.
const purpose = "$.spend.purpose"

// way leads from a place to the next one.
type way struct {
	to     place
	writes string
}

// from returns every way out of a state that is reached with a purpose.
func (m machine) from(p place) []way {
	var out []way
	for _, e := range m.States[p.state].edges() {
		if e.value != "" && e.value != p.purpose {
			continue
		}
		to := place{e.to, p.purpose}
		if constant, ok := m.States[p.state].Parameters["purpose"].(string); ok && e.writes == "spend" {
			to.purpose = constant
		}
		out = append(out, way{to, e.writes})
	}
	return out
}

// written returns, for every state, the nouns that are written on every route
// to it: the greatest fixed point of an intersection over its predecessors. A
// route is one that can be gone: what asks about training does not lead to what
// asks about serving.
func (m machine) written() map[string]map[string]bool {
	at := map[place]map[string]bool{}
	var visit func(place, map[string]bool)
	visit = func(p place, nouns map[string]bool) {
		if at[p] == nil {
			at[p] = maps.Clone(nouns)
		} else if !narrow(at[p], nouns) {
			return
		}
		for _, w := range m.from(p) {
			next := maps.Clone(at[p])
			next[w.writes] = true
			visit(w.to, next)
		}
	}
	visit(place{state: m.StartAt}, map[string]bool{"dataset": true, "resume": true, "rollback": true})
	states := map[string]map[string]bool{}
	for p, nouns := range at {
		if states[p.state] == nil {
			states[p.state] = maps.Clone(nouns)
		} else {
			narrow(states[p.state], nouns)
		}
	}
	return states
}

// narrow removes from target what source does not have, and says whether it
// removed anything.
func narrow(target, source map[string]bool) bool {
	before := len(target)
	maps.DeleteFunc(target, func(noun string, _ bool) bool { return !source[noun] })
	return len(target) < before
}
