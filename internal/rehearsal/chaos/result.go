package chaos

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// Result is what came of all scenarios.
type Result struct {
	Seed   uint64
	Broken bool
	// Drawn counts the scenarios that were drawn, Alike those they were drawn of; of
	// all others each was played.
	Drawn, Alike int
	// Chosen are the scenarios that were to be played, Played those that were: fewer
	// when the run was cut. Injected counts those whose fault struck, Killed those in
	// which it killed a fresh process.
	Chosen, Played, Injected, Killed int
	// Survived counts the scenarios whose fault struck and after which every
	// invariant held.
	Survived int
	// Violated and Unfired are the outcomes with violations, and those whose fault
	// never struck.
	Violated, Unfired []Outcome
	// Took is real time.
	Took time.Duration
}

// Violations counts the invariants that did not hold.
func (r Result) Violations() int {
	n := 0
	for _, o := range r.Violated {
		n += len(o.Violations)
	}
	return n
}

// add counts an outcome.
func (r *Result) add(o Outcome) {
	r.Played++
	if o.Fired > 0 {
		r.Injected++
		if o.Scenario.fault.kills() {
			r.Killed++
		}
	}
	switch {
	case len(o.Violations) > 0:
		r.Violated = append(r.Violated, o)
	case o.Fired == 0:
		r.Unfired = append(r.Unfired, o)
	default:
		r.Survived++
	}
}

// Kinds are the invariants that did not hold, each with how often.
func (r Result) Kinds() map[Invariant]int {
	kinds := map[Invariant]int{}
	for _, o := range r.Violated {
		for _, v := range o.Violations {
			kinds[v.Invariant]++
		}
	}
	return kinds
}

// Print writes the figures; those of a run that was cut begin with that.
func (r Result) Print(w io.Writer) {
	if r.Played < r.Chosen {
		fmt.Fprintf(w, "CUT after %d of %d scenarios: the figures say nothing of the others, and the error says why.\n", r.Played, r.Chosen)
	}
	build := "The functions as they are"
	if r.Broken {
		build = "The broken build, whose names and request tokens are random"
	}
	fmt.Fprintf(w, "%s:\n", build)
	fmt.Fprintf(w, "  scenarios          %6d, %d of them kill a fresh process\n", r.Played, r.Killed)
	if r.Alike > 0 {
		fmt.Fprintf(w, "  drawn              %6d of the %d that are alike; all others were played\n", r.Drawn, r.Alike)
	}
	fmt.Fprintf(w, "  faults injected    %6d\n", r.Injected)
	fmt.Fprintf(w, "  faults survived    %6d\n", r.Survived)
	fmt.Fprintf(w, "  violations         %6d in %d scenarios\n", r.Violations(), len(r.Violated))
	for _, invariant := range slices.Sorted(maps.Keys(r.Kinds())) {
		fmt.Fprintf(w, "    %6d of: %s\n", r.Kinds()[invariant], invariant)
	}
	fmt.Fprintf(w, "  never struck       %6d\n", len(r.Unfired))
	fmt.Fprintf(w, "  seconds            %6.0f\n", r.Took.Seconds())
	fmt.Fprintf(w, "  seed               %6d\n", r.Seed)
}

// Err is an error unless the result is what it must be: nothing violated, or, of
// the broken build, something; and every fault struck.
func (r Result) Err() error {
	switch {
	case r.Broken && len(r.Violated) == 0:
		return errors.New("the suite notices nothing of functions without idempotency, so that it proves nothing of those with")
	case r.Broken:
		return nil
	case len(r.Violated) > 0:
		return fmt.Errorf("%d scenarios violate something; play one again with CHAOS_ONLY=<its id>", len(r.Violated))
	case len(r.Unfired) > 0:
		return fmt.Errorf("the faults of %d scenarios never struck; play one again with CHAOS_ONLY=<its id>", len(r.Unfired))
	}
	return nil
}
