package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tuneline/tuneline/internal/bench"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/runtimeapi"
)

// measured is everything a run has found out. Times are in milliseconds.
type measured struct {
	settings settings
	machine  bench.Machine
	routes   []routeResult
	instance instanceResult
	// invokeStart and helloStart are from starting the program to its first
	// request for an event.
	invokeStart, helloStart []float64
	// invokeSize and helloSize are the zipped binaries, in bytes.
	invokeSize, helloSize float64
}

// routeResult is of one route.
type routeResult struct {
	route route
	// added is what the function adds to the double's own time, from the event
	// to the answer's end; first that to the answer's first byte.
	added, first []float64
	// path and direct are what a client sees, through API Gateway and of the
	// double itself; the latter two to the first byte.
	path, direct, pathFirst, directFirst []float64
	// hop is what a bare client pays for its trip to the double: direct without
	// the double's own time.
	hop []float64
	// busy is added with nothing to wait for, one request after the other.
	busy []float64
}

// instanceResult is of one instance that answers as fast as it can.
type instanceResult struct {
	// rate is in requests a second, memory in bytes; objects and bytes are what
	// a request allocates.
	rate, memory, objects, bytes float64
}

// warmUp is how many requests come before those that are measured.
const warmUp = 50

// measure measures everything, and says how far it is.
func measure(ctx context.Context, s settings) (m *measured, err error) {
	tell := func(what string) { fmt.Fprintln(os.Stderr, "bench:", what) }
	tell("deploying the stack")
	g, err := prepare(ctx, s.root)
	defer func() { err = errors.Join(err, g.close()) }()
	if err != nil {
		return nil, err
	}
	m = &measured{settings: s, machine: bench.ThisMachine()}
	tell("cold starts")
	if err := m.starts(ctx, g); err != nil {
		return nil, err
	}
	m.machine.TakeLoad()
	for _, r := range routes {
		tell(r.name)
		if err := m.route(ctx, g, r); err != nil {
			return nil, err
		}
		m.machine.TakeLoad()
	}
	tell("one instance at its best")
	if err := m.atBest(ctx, g); err != nil {
		return nil, err
	}
	m.machine.TakeLoad()
	if violations := g.cloud.Bedrock.Violations(); len(violations) > 0 {
		return nil, fmt.Errorf("against AWS's API model: %w", violations[0])
	}
	if m.invokeSize, err = zipped(g.invoke.Bootstrap); err != nil {
		return nil, err
	}
	m.helloSize, err = zipped(g.hello.Bootstrap)
	return m, err
}

// milliseconds is a duration as it is told.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// starts starts both binaries in turn.
func (m *measured) starts(ctx context.Context, g *ground) error {
	for range m.settings.starts {
		for _, one := range []struct {
			function runtimeapi.Function
			took     *[]float64
		}{{g.invoke, &m.invokeStart}, {g.hello, &m.helloStart}} {
			i, err := start(ctx, one.function)
			if err != nil {
				return err
			}
			took, err := i.ready(ctx)
			if err := errors.Join(err, i.stop()); err != nil {
				return fmt.Errorf("starting %s: %w", one.function.Bootstrap, err)
			}
			*one.took = append(*one.took, milliseconds(took))
		}
	}
	return nil
}

// route measures one: in turn the function by itself, the whole path, and the
// double without any of it; then the function with nothing to wait for.
func (m *measured) route(ctx context.Context, g *ground, r route) (err error) {
	event, err := r.event()
	if err != nil {
		return err
	}
	g.cloud.Bedrock.SetInference(bedrock.Inference{ServiceTime: bedrock.Duration(m.settings.service)})
	i, err := start(ctx, g.invoke)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, i.stop()) }()
	c := newClient(g)
	result := routeResult{route: r}
	for n := range warmUp + m.settings.requests {
		one, err := m.once(ctx, g, i, c, r, event)
		if err != nil {
			return err
		}
		if n >= warmUp {
			result.take(one)
		}
	}
	g.cloud.Bedrock.SetInference(bedrock.Inference{})
	for range m.settings.requests {
		busy, _, err := addedBy(ctx, g, i, r, event)
		if err != nil {
			return err
		}
		result.busy = append(result.busy, milliseconds(busy))
	}
	m.routes = append(m.routes, result)
	return nil
}

// sample is one request, three ways.
type sample struct{ added, first, path, pathFirst, direct, directFirst, hop time.Duration }

// take adds a sample.
func (r *routeResult) take(s sample) {
	for _, one := range []struct {
		to   *[]float64
		took time.Duration
	}{
		{&r.added, s.added}, {&r.first, s.first}, {&r.path, s.path},
		{&r.pathFirst, s.pathFirst}, {&r.direct, s.direct}, {&r.directFirst, s.directFirst}, {&r.hop, s.hop},
	} {
		*one.to = append(*one.to, milliseconds(one.took))
	}
}

// once asks three ways.
func (m *measured) once(ctx context.Context, g *ground, i *instance, c *client, r route, event []byte) (s sample, err error) {
	if s.added, s.first, err = addedBy(ctx, g, i, r, event); err != nil {
		return s, err
	}
	if s.path, s.pathFirst, err = c.through(ctx, r); err != nil {
		return s, err
	}
	before := g.cloud.Bedrock.Inferences()
	if s.direct, s.directFirst, err = c.direct(ctx, r); err != nil {
		return s, err
	}
	own, err := settled(ctx, g, before)
	s.hop = s.direct - own.Took
	return s, err
}

// addedBy has the function answer, and returns what it added to the double's own
// time, to the answer's end and to its first byte.
func addedBy(ctx context.Context, g *ground, i *instance, r route, event []byte) (total, first time.Duration, err error) {
	before := g.cloud.Bedrock.Inferences()
	a, err := i.ask(ctx, event)
	if err != nil {
		return 0, 0, err
	}
	if err := r.check(a.head, a.body); err != nil {
		return 0, 0, err
	}
	own, err := settled(ctx, g, before)
	return a.total - own.Took, a.first - own.First, err
}

// settled returns the double's own time for the one answer since before; it is
// counted a moment after the answer's last byte.
func settled(ctx context.Context, g *ground, before bedrock.Inferences) (bedrock.Inferences, error) {
	for {
		now := g.cloud.Bedrock.Inferences()
		if now.Open == 0 && now.Answered == before.Answered+1 {
			return bedrock.Inferences{Took: now.Took - before.Took, First: now.First - before.First}, nil
		}
		if now.Answered > before.Answered+1 || now.Broken+now.Abandoned > before.Broken+before.Abandoned {
			return now, fmt.Errorf("one question became %+v, after %+v", now, before)
		}
		select {
		case <-ctx.Done():
			return now, ctx.Err()
		case <-time.After(50 * time.Microsecond):
		}
	}
}

// atBest measures an instance that has nothing to wait for, and what a request
// allocates.
func (m *measured) atBest(ctx context.Context, g *ground) error {
	g.cloud.Bedrock.SetInference(bedrock.Inference{})
	event, err := routes[0].event()
	if err != nil {
		return err
	}
	took, i, err := m.series(ctx, g.invoke, event, nil)
	if err != nil {
		return err
	}
	m.instance.rate = float64(m.settings.requests) / took.Seconds()
	m.instance.memory = i.memory()
	if err := i.stop(); err != nil {
		return err
	}
	var objects, size float64
	_, i, err = m.series(ctx, g.counting, event, func(i *instance) error {
		objects, size, err = i.allocated(ctx)
		return err
	})
	if err != nil {
		return err
	}
	afterObjects, afterSize, err := i.allocated(ctx)
	if err := errors.Join(err, i.stop()); err != nil {
		return err
	}
	n := float64(m.settings.requests)
	m.instance.objects, m.instance.bytes = (afterObjects-objects)/n, (afterSize-size)/n
	return nil
}

// series starts an instance, has it answer the same event over and over, and
// returns how long it took once it was warm, when between is called.
func (m *measured) series(ctx context.Context, f runtimeapi.Function, event []byte, between func(*instance) error) (time.Duration, *instance, error) {
	i, err := start(ctx, f)
	if err != nil {
		return 0, nil, err
	}
	var begun time.Time
	for n := range warmUp + m.settings.requests {
		if n == warmUp {
			if between != nil {
				if err := between(i); err != nil {
					return 0, nil, errors.Join(err, i.stop())
				}
			}
			begun = time.Now()
		}
		if _, err := i.ask(ctx, event); err != nil {
			return 0, nil, errors.Join(err, i.stop())
		}
	}
	return time.Since(begun), i, nil
}
