package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tuneline/tuneline/internal/dataset/generate"
)

// benchGate fails when tuneline is less than half as fast, measured by jsontext
// alone in the same run, as it was when the ratios were written. The ratio does
// not depend much on the machine, half leaves room for what it does.
func benchGate(ctx context.Context, args []string) (err error) {
	s, err := parse("gate", args, settings{size: 32_000_000, memorySize: fullMemorySize, reps: 3})
	if err != nil {
		return err
	}
	committed, err := readRatios(s.ratios)
	if err != nil {
		return err
	}
	r, err := newRunner(s.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	for _, shape := range generate.Shapes() {
		result, shapeErr := gateShape(ctx, r, s, shape)
		if shapeErr != nil {
			return errors.Join(err, shapeErr)
		}
		err = errors.Join(err, judgeRatio(os.Stdout, shape, result.rate(nameTuneline)/result.rate(nameAuthority), committed[shape]))
	}
	return err
}

func readRatios(name string) (map[generate.Shape]float64, error) {
	data, err := os.ReadFile(name) //nolint:gosec // the file the caller names
	if err != nil {
		return nil, fmt.Errorf("reading the ratios, which make bench-dataset writes: %w", err)
	}
	ratios := map[generate.Shape]float64{}
	if err := json.Unmarshal(data, &ratios); err != nil {
		return nil, fmt.Errorf("reading the ratios in %s: %w", name, err)
	}
	for _, shape := range generate.Shapes() {
		if ratios[shape] <= 0 {
			return nil, fmt.Errorf("%s has no ratio for %s: run make bench-dataset", name, shape)
		}
	}
	return ratios, nil
}

func gateShape(ctx context.Context, r *runner, s settings, shape generate.Shape) (*shapeResult, error) {
	file, err := r.makeFile(ctx, shape, int64(s.size), false)
	if err != nil {
		return nil, err
	}
	result := &shapeResult{shape: shape, bytes: file.bytes, runs: map[string][]sample{}}
	var raced []candidate
	for _, c := range inGo {
		if c.name == nameTuneline || c.name == nameAuthority {
			raced = append(raced, c)
		}
	}
	for range s.reps {
		for _, c := range raced {
			got, err := r.judge(ctx, c, file, 1)
			if err != nil {
				return nil, err
			}
			result.runs[c.name] = append(result.runs[c.name], got)
		}
	}
	return result, errors.Join(result.agree(raced), os.Remove(file.file))
}

// judgeRatio prints the ratio and fails when it is under half of what it was.
func judgeRatio(out io.Writer, shape generate.Shape, got, committed float64) error {
	fmt.Fprintf(out, "%-9s %.2f × jsontext alone, %.2f when last written\n", shape, got, committed)
	if got < committed/2 {
		return fmt.Errorf("%s: %.2f × jsontext alone is under half of %.2f: find what made the check slow (go test -cpuprofile), or run make bench-dataset if it is meant", shape, got, committed)
	}
	return nil
}
