package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/tuneline/tuneline/internal/dataset/generate"
)

// The results stand between these lines of the document.
const (
	beginMark = "<!-- bench-dataset: begin -->"
	endMark   = "<!-- bench-dataset: end -->"
)

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
		if err := splice(m.settings.doc, text); err != nil {
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

// splice replaces what stands between the marks of a document.
func splice(name, text string) error {
	old, err := os.ReadFile(name) //nolint:gosec // the file the caller names
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	before, rest, ok := bytes.Cut(old, []byte(beginMark))
	_, after, ok2 := bytes.Cut(rest, []byte(endMark))
	if !ok || !ok2 {
		return fmt.Errorf("%s: the results go between the lines %s and %s, which it lacks", name, beginMark, endMark)
	}
	doc := fmt.Appendf(nil, "%s%s\n\n%s\n%s%s", before, beginMark, text, endMark, after)
	//nolint:gosec // a file of the repository
	if err := os.WriteFile(name, doc, 0o644); err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}
