package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// explain profiles tuneline on the shapes on which it missed a goal about speed.
func (m *measured) explain(ctx context.Context, r *runner) error {
	for place, s := range m.shapes {
		if !m.slow(place) {
			continue
		}
		file, err := r.makeFile(ctx, s.shape, int64(m.settings.size), false)
		if err != nil {
			return err
		}
		profile := filepath.Join(r.dir, "cpu.profile")
		if _, err := r.judge(ctx, inGo[0], file, 1, "-profile", profile); err != nil {
			return err
		}
		if s.profile, err = top(ctx, r.self, profile); err != nil {
			return err
		}
		if err := errors.Join(os.Remove(file.file), os.Remove(profile)); err != nil {
			return err
		}
	}
	return nil
}

// top is the functions that took most of the time, flat.
func top(ctx context.Context, program, profile string) (string, error) {
	//nolint:gosec // our own files
	out, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-nodecount=12", program, profile).Output()
	if err != nil {
		return "", fmt.Errorf("reading the CPU profile: %w", err)
	}
	// The first lines name files and times of this run.
	var table strings.Builder
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if table.Len() > 0 || strings.Contains(lines.Text(), "flat%") {
			fmt.Fprintln(&table, lines.Text())
		}
	}
	return table.String(), nil
}
