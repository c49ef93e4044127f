package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal"
)

// Options say what to play.
type Options struct {
	// Root is the repository's root.
	Root string
	// Only are the beginnings of the ids of the scenarios to play; nil for all.
	Only []string
	// Sample is how many scenarios to draw with Seed of all there are; 0 plays
	// every one in which a workload differs from others, and draws Others of the
	// rest.
	Sample, Others int
	Seed           uint64
	// Clouds is how many clouds are used at the same time.
	Clouds int
	// Broken plays with functions that lost their idempotency.
	Broken bool
	// OnOutcome is told every outcome as it comes; it may be nil.
	OnOutcome func(Outcome)
}

// asksFor says whether scenarios of a workload are asked for.
func (o Options) asksFor(workload string) bool {
	return o.Only == nil || slices.ContainsFunc(o.Only, func(prefix string) bool {
		return strings.HasPrefix(prefix, workload+"/") || strings.HasPrefix(workload, prefix)
	})
}

// Suite is what can be played: every fault at every point of every workload.
type Suite struct {
	Scenarios []Scenario
	// Drawn are how many of them were drawn, Alike of how many.
	Drawn, Alike int
	o            Options
	// assemblies are the synthesized stacks, by the ground's example.
	assemblies map[string]string
	bootstraps map[string]string
}

// New synthesizes the stacks, builds the functions, and plays each workload
// once undisturbed to find its scenarios. A workload that violates an invariant
// by itself is an error.
func New(ctx context.Context, o Options) (*Suite, error) {
	s := &Suite{o: o, assemblies: map[string]string{}}
	for _, g := range grounds {
		dir, _, err := rehearsal.Synth(ctx, o.Root, g.Example+"/config.json")
		if err != nil {
			return nil, err
		}
		s.assemblies[g.Example] = dir
	}
	if o.Broken {
		var err error
		if s.bootstraps, err = buildBroken(ctx, o.Root); err != nil {
			return nil, err
		}
	}
	if err := s.discover(ctx); err != nil {
		return nil, err
	}
	if s.choose(); len(s.Scenarios) == 0 {
		return nil, fmt.Errorf("no scenario has an id that begins with %s", strings.Join(o.Only, " or "))
	}
	return s, nil
}

// discover plays every workload undisturbed and lists its scenarios.
func (s *Suite) discover(ctx context.Context) error {
	var mu sync.Mutex
	found := map[string][]Scenario{}
	var workloads []Workload
	for _, w := range Workloads() {
		if s.o.asksFor(w.ID) {
			workloads = append(workloads, w)
		}
	}
	var jobs []batch
	for _, w := range workloads {
		jobs = append(jobs, batch{ground: w.Ground, play: func(t *theatre) error {
			points, ends, err := t.watch(ctx, w)
			mu.Lock()
			defer mu.Unlock()
			found[w.ID] = scenariosOf(w, points, ends)
			return err
		}})
	}
	if err := s.perform(ctx, jobs); err != nil {
		return err
	}
	for _, w := range workloads {
		s.Scenarios = append(s.Scenarios, found[w.ID]...)
	}
	return nil
}

// watch plays a workload undisturbed and returns the points it passes, and the
// ends of its uploads. One that races is played a few times, and only the points
// it passes each time count.
func (t *theatre) watch(ctx context.Context, w Workload) (points []point, ends []string, err error) {
	times := 1
	if w.races() {
		times = watched
	}
	for n := range times {
		o, passed, err := t.play(ctx, w, nil)
		if err != nil {
			return nil, nil, err
		}
		for _, v := range o.Violations {
			return nil, nil, fmt.Errorf("workload %s undisturbed: %s\n%s", w.ID, v, o.Log)
		}
		if ends = o.Ends; n == 0 {
			points = passed
		}
		points = slices.DeleteFunc(points, func(p point) bool { return !slices.Contains(passed, p) })
	}
	return points, ends, nil
}

// scenariosOf are a workload's scenarios, by the points it passes undisturbed.
func scenariosOf(w Workload, points []point, ends []string) []Scenario {
	var all []Scenario
	for _, p := range points {
		for _, f := range faultsOf(p) {
			all = append(all, Scenario{Workload: w, at: p, fault: f, ends: ends})
		}
	}
	return all
}

// choose keeps the scenarios that were asked for: by their ids; or a sample; or
// all of where each workload differs from others, and a sample of the rest.
func (s *Suite) choose() {
	if s.o.Only != nil {
		s.Scenarios = slices.DeleteFunc(s.Scenarios, func(c Scenario) bool {
			return !slices.ContainsFunc(s.o.Only, func(prefix string) bool { return strings.HasPrefix(c.ID(), prefix) })
		})
		return
	}
	own, others := split(s.Scenarios)
	random := rand.New(rand.NewPCG(s.o.Seed, 0)) //nolint:gosec // a sample, not a secret
	if s.o.Sample > 0 {
		s.Drawn, s.Alike = min(s.o.Sample, len(s.Scenarios)), len(s.Scenarios)
		s.Scenarios = draw(random, s.Scenarios, s.o.Sample)
		return
	}
	s.Drawn, s.Alike = min(s.o.Others, len(others)), len(others)
	s.Scenarios = append(own, draw(random, others, s.o.Others)...)
}

// split parts the scenarios in which a workload differs from the rest.
func split(all []Scenario) (own, others []Scenario) {
	for _, c := range all {
		if c.Workload.differs(c.at.state) && !c.alike() {
			own = append(own, c)
		} else {
			others = append(others, c)
		}
	}
	return own, others
}

// alike says whether the scenario is like another of its workload: doing again what
// neither pays nor releases nor is remembered, such as the tenth poll and the
// disabling of one rule after the other; a read that is not refused for good, or
// killed, or overtaken, but for the first workload's; and, of executions that go on
// at the same time, what each has done once.
func (s Scenario) alike() bool {
	if s.Workload.Together && s.at.nth > 2 {
		return true
	}
	passing := s.fault == throttled || s.fault == reset || s.fault == doubled || s.fault == failed && s.Workload.States != nil
	return !s.at.counts() && (s.at.nth > 1 || passing && !s.at.changes())
}

// draw draws n scenarios, and leaves them in their order.
func draw(random *rand.Rand, from []Scenario, n int) []Scenario {
	var drawn []Scenario
	chosen := random.Perm(len(from))[:min(n, len(from))]
	slices.Sort(chosen)
	for _, i := range chosen {
		drawn = append(drawn, from[i])
	}
	return drawn
}

// Play plays the scenarios and returns what came of them; with an error, of those
// that were played before it.
func (s *Suite) Play(ctx context.Context) (Result, error) {
	started := time.Now()
	var mu sync.Mutex
	result := Result{Seed: s.o.Seed, Broken: s.o.Broken, Drawn: s.Drawn, Alike: s.Alike, Chosen: len(s.Scenarios)}
	var jobs []batch
	for _, scenario := range s.Scenarios {
		jobs = append(jobs, batch{ground: scenario.Workload.Ground, retries: scenario.fault.retriedBySDK(), play: func(t *theatre) error {
			o, err := t.playUntilFired(ctx, scenario)
			if err != nil {
				return fmt.Errorf("scenario %s: %w\n%s", scenario.ID(), err, t.printed.take())
			}
			mu.Lock()
			defer mu.Unlock()
			result.add(o)
			if s.o.OnOutcome != nil {
				s.o.OnOutcome(o)
			}
			return nil
		}})
	}
	err := s.perform(ctx, jobs)
	result.Took = time.Since(started)
	return result, err
}

// How often a workload that races is played: undisturbed, to see which points it
// passes each time, and a scenario of it until its fault strikes.
const (
	watched = 3
	tries   = 8
)

// playUntilFired plays a scenario; a workload that races may not pass the point
// each time.
func (t *theatre) playUntilFired(ctx context.Context, scenario Scenario) (Outcome, error) {
	for try := 1; ; try++ {
		o, _, err := t.play(ctx, scenario.Workload, &scenario)
		if err != nil || o.Fired > 0 || len(o.Violations) > 0 || !scenario.Workload.races() || try == tries {
			return o, err
		}
	}
}

// batch is something to play in a cloud of a kind.
type batch struct {
	ground  Ground
	retries bool
	play    func(*theatre) error
}

// perBatch is how many scenarios one cloud plays: a cloud's memory and its
// virtual time, by which base models become legacy, grow with each.
const perBatch = 50

// perform plays everything, in several clouds at the same time.
func (s *Suite) perform(ctx context.Context, jobs []batch) error {
	type kind struct {
		example string
		retries bool
	}
	queues := map[kind][]batch{}
	for _, job := range jobs {
		k := kind{job.ground.Example, job.retries}
		queues[k] = append(queues[k], job)
	}
	var all [][]batch
	for _, queue := range queues {
		all = append(all, slices.Collect(slices.Chunk(queue, perBatch))...)
	}
	work := make(chan []batch, len(all))
	for _, jobs := range all {
		work <- jobs
	}
	close(work)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var errs []error
	var clouds sync.WaitGroup
	for range max(s.o.Clouds, 1) {
		clouds.Go(func() {
			for jobs := range work {
				if err := s.playAll(ctx, jobs); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
					cancel()
					return
				}
			}
		})
	}
	clouds.Wait()
	return errors.Join(errs...)
}

// playAll plays everything of one kind in one cloud.
func (s *Suite) playAll(ctx context.Context, jobs []batch) (err error) {
	g := jobs[0].ground
	t, err := open(ctx, s.o.Root, s.assemblies[g.Example], g, jobs[0].retries, s.bootstraps)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.cloud.Close()) }()
	for _, job := range jobs {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := job.play(t); err != nil {
			return err
		}
	}
	return nil
}
