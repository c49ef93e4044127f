package chaos

import (
	"fmt"
	"io"
	"time"
)

// Result is what came of all scenarios.
type Result struct {
	Seed   uint64
	Broken bool
	// Played counts the scenarios, Injected the faults that struck, Killed the
	// scenarios in which a fresh process was killed.
	Played, Injected, Killed int
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
	r.Injected += o.Fired
	if o.Fired > 0 && o.Scenario.fault.kills() {
		r.Killed++
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

// Print writes the figures.
func (r Result) Print(w io.Writer) {
	build := "the functions as they are"
	if r.Broken {
		build = "functions without idempotency (they must violate something)"
	}
	fmt.Fprintf(w, "%s: %d scenarios, %d of them with a fresh process killed\n", build, r.Played, r.Killed)
	fmt.Fprintf(w, "  faults injected      %6d\n", r.Injected)
	fmt.Fprintf(w, "  scenarios survived   %6d\n", r.Survived)
	fmt.Fprintf(w, "  violations           %6d in %d scenarios\n", r.Violations(), len(r.Violated))
	fmt.Fprintf(w, "  faults never struck  %6d\n", len(r.Unfired))
	fmt.Fprintf(w, "  seconds              %6.0f\n", r.Took.Seconds())
	fmt.Fprintf(w, "  seed                 %6d\n", r.Seed)
}
