package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/tuneline/tuneline/internal/bench"
	"github.com/tuneline/tuneline/internal/dataset/generate"
)

// mark names the place of the results in the document.
const mark = "bench-dataset"

// benchAll measures everything, prints it, and keeps it when the run was thorough.
func benchAll(ctx context.Context, args []string) (err error) {
	s, err := parse("all", args, settings{size: fullSize, memorySize: fullMemorySize, reps: fullReps})
	if err != nil {
		return err
	}
	r, err := newRunner(s.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	m, err := measure(ctx, s, r, os.Stderr)
	if err != nil {
		return err
	}
	text := m.render()
	fmt.Print(text)
	if !s.full() {
		fmt.Fprintf(os.Stderr, "not written into the document: that takes at least 256MB a set, 4GB for memory and %d repetitions\n", fullReps)
		return nil
	}
	return m.keep(text)
}

// keep writes the document and the ratios for the gate.
func (m *measured) keep(text string) error {
	if m.settings.doc != "" {
		if err := bench.Splice(m.settings.doc, mark, text); err != nil {
			return err
		}
	}
	if m.settings.ratios == "" {
		return nil
	}
	ratios := map[generate.Shape]float64{}
	for _, s := range m.shapes {
		ratios[s.shape] = float64(int(100*s.rate(nameTuneline)/s.rate(nameAuthority))) / 100
	}
	data, err := json.MarshalIndent(ratios, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the ratios: %w", err)
	}
	//nolint:gosec // a file of the repository
	if err := os.WriteFile(m.settings.ratios, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the ratios: %w", err)
	}
	return nil
}
