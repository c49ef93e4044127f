package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"

	"github.com/tuneline/tuneline/internal/bench"
	"github.com/tuneline/tuneline/internal/dataset/generate"
)

// measured is everything a run has found out.
type measured struct {
	settings settings
	machine  bench.Machine
	// missing are the candidates this machine cannot run, and why.
	missing    []string
	candidates []candidate
	shapes     []*shapeResult
	// first are the seconds until the first finding: a row for each number of
	// processors and size that the check is told of, with a column a repetition.
	first [][]float64
}

// shapeResult is what was measured on one shape.
type shapeResult struct {
	shape      generate.Shape
	bytes      int64
	statistics generate.Statistics
	// runs are the samples by the candidate's name.
	runs map[string][]sample
	// one and two are the seconds by the clock with one and two processors.
	one, two []float64
	// bad are runs on the set with every record wrong.
	badBytes int64
	bad      map[string][]sample
	// known and piped are the runs on the large set.
	known, piped sample
	// profile is where tuneline's time goes, when a goal about speed was missed.
	profile string
}

// measure does it all. Said is told what is going on.
func measure(ctx context.Context, s settings, r *runner, said io.Writer) (*measured, error) {
	m := &measured{settings: s, machine: bench.ThisMachine()}
	programs, missing := programs(ctx, r.dir)
	m.candidates, m.missing = slices.Concat(inGo, programs), missing
	for _, why := range missing {
		fmt.Fprintln(said, "left out:", why)
	}
	steps := []struct {
		name string
		do   func(context.Context, *runner, io.Writer) error
	}{
		{"speed", m.speed}, {"all bad", m.allBad}, {"memory", m.memory}, {"first finding", m.firstFindings},
	}
	for _, step := range steps {
		if err := step.do(ctx, r, said); err != nil {
			return nil, fmt.Errorf("measuring %s: %w", step.name, err)
		}
		m.machine.TakeLoad()
	}
	return m, m.explain(ctx, r)
}

// speed runs every candidate on every shape, in another order each time, and
// tuneline with two processors.
func (m *measured) speed(ctx context.Context, r *runner, said io.Writer) error {
	shuffle := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // an order, no secret
	for _, shape := range generate.Shapes() {
		fmt.Fprintf(said, "%s: %d candidates, %d times\n", shape, len(m.candidates), m.settings.reps)
		file, err := r.makeFile(ctx, shape, int64(m.settings.size), false)
		if err != nil {
			return err
		}
		result := &shapeResult{shape: shape, bytes: file.bytes, runs: map[string][]sample{}, bad: map[string][]sample{}}
		if result.statistics, err = statistics(file.file); err != nil {
			return err
		}
		m.shapes = append(m.shapes, result)
		for range m.settings.reps {
			for _, i := range shuffle.Perm(len(m.candidates)) {
				got, err := r.judge(ctx, m.candidates[i], file, 1)
				if err != nil {
					return err
				}
				name := m.candidates[i].name
				result.runs[name] = append(result.runs[name], got)
			}
			if err := result.twoProcessors(ctx, r, file); err != nil {
				return err
			}
		}
		if err := result.agree(m.candidates); err != nil {
			return err
		}
		if err := os.Remove(file.file); err != nil {
			return err
		}
	}
	return nil
}

// statistics describes the first part of a file.
func statistics(name string) (generate.Statistics, error) {
	file, err := os.Open(name) //nolint:gosec // a file this program made
	if err != nil {
		return generate.Statistics{}, err
	}
	defer func() { _ = file.Close() }()
	return generate.Measure(io.LimitReader(file, 32e6))
}

// agree fails when a candidate counted something else than the others.
func (s *shapeResult) agree(candidates []candidate) error {
	want := s.runs[nameTuneline][0].totals
	if want.Records == 0 || want.Errors != 0 {
		return fmt.Errorf("%s: tuneline counted %+v, wanted records without errors", s.shape, want)
	}
	for _, c := range candidates {
		for _, got := range s.runs[c.name] {
			if got.totals != want {
				return fmt.Errorf("%s: %s counted %+v, tuneline %+v", s.shape, c.name, got.totals, want)
			}
		}
	}
	return nil
}

func (s *shapeResult) twoProcessors(ctx context.Context, r *runner, file set) error {
	if runtime.NumCPU() < 2 {
		return nil
	}
	for processors, into := range map[int]*[]float64{1: &s.one, 2: &s.two} {
		got, err := r.judge(ctx, inGo[0], file, processors)
		if err != nil {
			return err
		}
		*into = append(*into, got.Seconds)
	}
	return nil
}

// allBad runs tuneline and the authority on sets in which every record is wrong.
func (m *measured) allBad(ctx context.Context, r *runner, said io.Writer) error {
	for _, s := range m.shapes {
		fmt.Fprintf(said, "%s: every record wrong, %d times\n", s.shape, m.settings.reps)
		file, err := r.makeFile(ctx, s.shape, int64(m.settings.size), true)
		if err != nil {
			return err
		}
		s.badBytes = file.bytes
		for range m.settings.reps {
			for _, c := range inGo {
				if c.name != nameTuneline && c.name != nameAuthority {
					continue
				}
				got, err := r.judge(ctx, c, file, 1)
				if err != nil {
					return err
				}
				s.bad[c.name] = append(s.bad[c.name], got)
			}
		}
		fast, slow := s.bad[nameTuneline][0].totals, s.bad[nameAuthority][0].totals
		if fast != slow || fast.Errors < fast.Records {
			return fmt.Errorf("%s, every record wrong: tuneline counted %+v, jsontext alone %+v", s.shape, fast, slow)
		}
		if err := os.Remove(file.file); err != nil {
			return err
		}
	}
	return nil
}

// memory runs tuneline on large sets that are made while they are read, so that
// no page of a file is taken for the check's.
func (m *measured) memory(ctx context.Context, r *runner, said io.Writer) (err error) {
	size := int64(m.settings.memorySize)
	for _, s := range m.shapes {
		fmt.Fprintf(said, "%s: memory at %s\n", s.shape, &m.settings.memorySize)
		if s.known, err = r.judgeStream(ctx, s.shape, size, size); err != nil {
			return err
		}
		if s.piped, err = r.judgeStream(ctx, s.shape, size, 0); err != nil {
			return err
		}
		if s.known.totals != s.piped.totals {
			return fmt.Errorf("%s: counted %+v knowing the size, %+v without", s.shape, s.known.totals, s.piped.totals)
		}
	}
	return nil
}

func (m *measured) firstFindings(ctx context.Context, r *runner, said io.Writer) error {
	fmt.Fprintln(said, "first finding")
	for processors := 1; processors <= min(2, runtime.NumCPU()); processors++ {
		for _, size := range firstSizes {
			var row []float64
			for range m.settings.reps {
				seconds, err := r.first(ctx, processors, size)
				if err != nil {
					return err
				}
				row = append(row, seconds)
			}
			m.first = append(m.first, row)
		}
	}
	return nil
}

// rates are a candidate's bytes by CPU-second.
func rates(samples []sample, bytes int64) []float64 {
	var out []float64
	for _, s := range samples {
		out = append(out, float64(bytes)/s.cpu)
	}
	return out
}

// rate is the median of a candidate's rates on the shape, 0 when it did not run.
func (s *shapeResult) rate(name string) float64 { return median(rates(s.runs[name], s.bytes)) }

func (s *shapeResult) badRate(name string) float64 { return median(rates(s.bad[name], s.badBytes)) }

// median is of the values, 0 of none.
func median(values []float64) float64 { return bench.Quantile(values, 0.5) }
