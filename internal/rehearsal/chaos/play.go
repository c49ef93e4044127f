package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal"
)

// Scenario is one fault at one point of a workload.
type Scenario struct {
	Workload Workload
	at       point
	fault    fault
	// ends are the uploads' ends when nothing befalls the workload.
	ends []string
}

// ID names the scenario: workload, state, call with its resource and which of
// them, fault.
func (s Scenario) ID() string {
	return fmt.Sprintf("%s/%s/%s", s.Workload.ID, s.at, s.fault)
}

// Outcome is what came of a scenario.
type Outcome struct {
	Scenario   Scenario
	Violations []Violation
	// Fired is how often the fault struck; a scenario whose fault never did
	// proves nothing.
	Fired int
	// Ends are the uploads' ends.
	Ends []string
	// Log is what a violation's reader needs: the calls, the notices and what the
	// functions printed.
	Log string
	// Took is real time.
	Took time.Duration
}

// add adds what was not found before.
func (o *Outcome) add(found ...Violation) {
	for _, v := range found {
		if !slices.Contains(o.Violations, v) {
			o.Violations = append(o.Violations, v)
		}
	}
}

// scenarioLimit is the real time that one scenario may take.
const scenarioLimit = 2 * time.Minute

// theatre is one cloud in which scenarios are played one after the other.
type theatre struct {
	cloud   *rehearsal.Cloud
	meddler *meddler
	ground  Ground
	printed *journal
	played  int
}

// journal keeps what the functions of one scenario print.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write keeps p; it never fails.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// take returns what was printed since it was called last.
func (j *journal) take() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := j.text.String()
	j.text.Reset()
	return text
}

var _ io.Writer = (*journal)(nil)

// open starts a cloud for scenarios of a ground.
func open(ctx context.Context, root, assembly string, g Ground, retries bool, bootstraps map[string]string) (*theatre, error) {
	account, err := g.account()
	if err != nil {
		return nil, err
	}
	t := &theatre{meddler: &meddler{}, ground: g, printed: &journal{}}
	environment := map[string]string{}
	if !retries {
		// One try a call, so that every fault comes to the function: what the SDK
		// does about it is not what is tried.
		environment["AWS_MAX_ATTEMPTS"] = "1"
	}
	t.cloud, err = rehearsal.Start(ctx, rehearsal.Options{
		Root: root, Objects: inMemory(), Assembly: assembly, Scenario: account, OnEvent: t.meddler.event, Output: t.printed,
		FunctionEnvironment: environment, Bootstraps: bootstraps,
	})
	if err != nil {
		return nil, err
	}
	if err := t.meddler.watch(ctx, t.cloud); err != nil {
		return nil, errors.Join(err, t.cloud.Close())
	}
	return t, nil
}

// play plays one scenario; one without a fault shows the workload's points.
func (t *theatre) play(ctx context.Context, w Workload, scenario *Scenario) (o Outcome, points []point, err error) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, scenarioLimit)
	defer cancel()
	t.played++
	t.printed.take()
	t.cloud.Reset()
	s := &Stage{ctx: ctx, cloud: t.cloud, meddler: t.meddler, ground: t.ground, model: fmt.Sprintf("%s-%d", short(w.ID), t.played)}
	t.meddler.ctx, t.meddler.together = ctx, w.Together
	defer t.meddler.disarm()
	if w.Arrange != nil {
		if err := w.Arrange(s); err != nil {
			return o, nil, fmt.Errorf("arranging %s: %w", w.ID, err)
		}
	}
	var f fault
	if scenario == nil {
		t.meddler.arm(nil, "")
	} else {
		f = scenario.fault
		o.Scenario = *scenario
		if f.kills() { // so that it is a fresh process that is killed
			t.cloud.Lambda().Recycle(scenario.at.function)
		}
		t.meddler.arm(&scenario.at, f)
	}
	if err := errors.Join(w.Act(s), s.settle()); err != nil {
		return o, nil, fmt.Errorf("playing %s: %w", w.ID, err)
	}
	points, o.Fired = t.meddler.points, t.meddler.fired
	b, err := s.judge(w, scenario, &o)
	if err != nil {
		return o, nil, fmt.Errorf("judging %s: %w", w.ID, err)
	}
	if err := s.leave(); err != nil {
		return o, nil, err
	}
	if err := ctx.Err(); err != nil { // what was found may come from the cloud being closed
		return o, nil, fmt.Errorf("judging %s: %w", w.ID, err)
	}
	if len(o.Violations) > 0 {
		o.Log = t.describe(s, b)
	}
	o.Took = time.Since(started)
	return o, points, errors.Join(t.meddler.errs...)
}

// judge holds the invariants against what a scenario left.
func (s *Stage) judge(w Workload, scenario *Scenario, o *Outcome) (books, error) {
	torn := s.deletion != nil
	b, err := s.read()
	if err != nil {
		return b, err
	}
	if !torn {
		o.add(b.checkOwners(true)...)
	}
	s.meddler.disarm()
	mended, err := s.mend()
	if err != nil {
		o.add(Violation{Mendable, err.Error()})
	}
	s.later()
	if b, err = s.read(); err != nil {
		return b, err
	}
	b.mended, o.Ends = mended, s.ends(b)
	limit := w.Bought
	if scenario != nil && !scenario.fault.passes() {
		limit = max(limit, limit*len(s.uploads))
	}
	o.add(slices.Concat(b.checkJobs(), b.checkBills(limit, w.Beside), s.checkEnds(b), b.checkMended())...)
	if torn {
		o.add(s.checkTeardown(b)...)
	} else {
		answers, err := s.checkAnswer(w, b)
		if err != nil {
			return b, err
		}
		o.add(append(b.checkOwners(false), answers...)...)
	}
	if scenario != nil && scenario.fault.passes() && !w.races() && !slices.Equal(o.Ends, scenario.ends) {
		o.add(Violation{Unharmed, fmt.Sprintf("the uploads ended %q, and %q undisturbed", o.Ends, scenario.ends)})
	}
	for _, v := range s.cloud.Bedrock.Violations() {
		return b, fmt.Errorf("against AWS's API model: %w", v)
	}
	for _, call := range s.cloud.Undecided() {
		return b, fmt.Errorf("the stack's policies cannot be evaluated: %s", call)
	}
	return b, nil
}

// describe is what a violation's reader needs.
func (t *theatre) describe(s *Stage, b books) string {
	var text strings.Builder
	for _, c := range t.cloud.Log.All() {
		if _, ours := t.meddler.functionOf[c.Principal.Role]; ours {
			fmt.Fprintf(&text, "%s %s %s %s %d %s\n", c.Time.Format("15:04:05"), constructOf(c.Principal.Role), c.Action, c.Resource, c.Status, c.Error)
		}
	}
	for _, machine := range t.cloud.Stack.StateMachines {
		for _, e := range t.cloud.StepFunctions.Executions(machine.ARN) {
			if s.concerns(e) {
				fmt.Fprintf(&text, "execution %s ended %s: %s: %s: %s\n", e.ARN, e.Status, e.Error, e.Cause, strings.Join(e.States, " "))
			}
		}
	}
	for _, n := range b.notices {
		fmt.Fprintln(&text, "notice:", n)
	}
	text.WriteString(t.printed.take())
	return text.String()
}
