package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tuneline/tuneline/internal/datafile"
	"github.com/tuneline/tuneline/internal/dataset/repair"
)

// fixing is one run of the command.
type fixing struct {
	o              fixOptions
	input          string
	stdout, stderr io.Writer
	// output and rejects are what is written; "" when nothing is.
	output, rejects string
	target          target
	res             repair.Result
	files           outputs
	copied, bad     *outputFile
}

// run repairs the data set. Unless it succeeds, no file is left behind.
func (f *fixing) run(ctx context.Context) error {
	if err := f.names(); err != nil {
		return err
	}
	if err := f.fix(ctx); err != nil {
		return err
	}
	if err := f.tell(); err != nil {
		return err
	}
	if f.res.Rejected > 0 || !f.res.Report.Accepted {
		return toldError{exitFindings}
	}
	return nil
}

// names settles what is read and written, and refuses what makes no sense.
func (f *fixing) names() error {
	o := f.o
	switch {
	case o.maxActions < 1:
		return fmt.Errorf("--max-actions %d: 1 or more", o.maxActions)
	case o.inPlace && o.output != "":
		return errors.New("--in-place and --output contradict each other: leave one out")
	case o.dryRun:
		return nil
	case o.inPlace:
		return f.inPlaceNames()
	}
	f.output, f.rejects = o.output, o.rejects
	if f.output == "" && isStream(f.input) {
		f.output = standardIO
	}
	if f.output == "" {
		f.output = derivedName(f.input, ".fixed.jsonl")
	}
	if f.rejects != "" {
		return nil
	}
	switch {
	case f.output != standardIO:
		f.rejects = derivedName(f.output, ".rejects.jsonl")
	case !isStream(f.input):
		f.rejects = derivedName(f.input, ".rejects.jsonl")
	default:
		return errors.New("what comes through a pipe has no name: say with --rejects where the rows go that cannot be repaired")
	}
	return nil
}

// inPlaceNames are the names when FILE is to be replaced.
func (f *fixing) inPlaceNames() error {
	name, err := filepath.EvalSymlinks(f.input)
	if f.input == standardIO || err != nil {
		return fmt.Errorf("--in-place: %s is no file here: write a copy with --output", f.input)
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular() || strings.HasSuffix(name, ".gz") || strings.HasSuffix(name, ".zst"):
		return fmt.Errorf("--in-place: %s is no plain file: write a copy with --output", f.input)
	}
	if _, err := os.Lstat(backup(name)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--in-place: %s is there already: move it away first, it may be the only good copy", backup(name))
	}
	f.input, f.output, f.rejects = name, name, f.o.rejects
	if f.rejects == "" {
		f.rejects = derivedName(name, ".rejects.jsonl")
	}
	return nil
}

// backup is where a file is kept that is replaced.
func backup(name string) string { return name + ".bak" }

// fix reads, repairs and writes.
func (f *fixing) fix(ctx context.Context) (err error) {
	in, err := datafile.Open(ctx, f.input)
	if err != nil {
		return stopped(ctx, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	first, data, err := repair.First(ctx, in)
	if err != nil {
		return stopped(ctx, err)
	}
	if f.target, err = f.o.target.of(first); err != nil {
		return err
	}
	f.files.force = f.o.force
	defer f.files.discard()
	if err := f.create(); err != nil {
		return err
	}
	progress := f.bars().begin(in)
	defer progress.end()
	if f.res, err = f.stream(ctx, progress.reader(data), in.Size); err != nil {
		return stopped(ctx, err)
	}
	if err := in.Finish(); err != nil {
		return err
	}
	return f.keep()
}

// stream runs the repair.
func (f *fixing) stream(ctx context.Context, data io.Reader, size int64) (repair.Result, error) {
	o := repair.Options{
		Dataset: f.target.options, FromEncoding: f.o.encoding,
		KeepDuplicates: f.o.keepDuplicates, MergeTurns: f.o.mergeTurns,
		DropUnknownKeys: f.o.dropUnknownKeys, ReplaceInvalid: f.o.replaceInvalid,
		MaxActions: f.o.maxActions,
	}
	o.Dataset.Size = size
	w := io.Discard
	switch {
	case f.copied != nil:
		w = f.copied
	case f.output == standardIO:
		w = recordsTo(f.stdout)
	}
	if f.bad != nil {
		o.Rejects = f.bad
	}
	return repair.Stream(ctx, data, w, o)
}

// bars are for what the records do not go through.
func (f *fixing) bars() *bars {
	if f.output == standardIO {
		return barsBeside(f.stdout, f.stderr)
	}
	return newBars(f.stderr)
}

// create makes the files that are written.
func (f *fixing) create() (err error) {
	switch {
	case f.output == "" || f.output == standardIO:
	case f.o.inPlace:
		var info fs.FileInfo
		if info, err = os.Stat(f.input); err == nil {
			f.copied, err = f.files.add(f.output, true, info.Mode().Perm())
		}
	default:
		f.copied, err = f.files.create(f.output, f.input)
	}
	if err == nil && f.rejects != "" {
		f.bad, err = f.files.create(f.rejects, f.input)
	}
	return err
}

// keep gives the files their names. There is no rejects file without rejects; an
// older one of this name, which may be overwritten, is overwritten with nothing.
func (f *fixing) keep() error {
	if f.bad != nil && f.res.Rejected == 0 && !f.bad.replaces {
		f.files.drop(f.bad)
		f.rejects = ""
	}
	if !f.o.inPlace || f.o.dryRun {
		return f.files.keep()
	}
	// A link, so that no backup is written over, and at no time there is none.
	if err := os.Link(f.input, backup(f.input)); err != nil {
		return fmt.Errorf("--in-place: keeping %s: %w; write a copy with --output", backup(f.input), err)
	}
	err := f.files.keep()
	if err == nil {
		return nil
	}
	if _, missing := os.Stat(f.input); missing != nil {
		return fmt.Errorf("%w; the data set is %s now", err, backup(f.input))
	}
	return errors.Join(err, os.Remove(backup(f.input)))
}

// fixReport is what --json prints.
type fixReport struct {
	File      string `json:"file"`
	Output    string `json:"output,omitempty"`
	Rejects   string `json:"rejects,omitempty"`
	Backup    string `json:"backup,omitempty"`
	CheckedAs string `json:"checkedAs"`
	// Clean: the copy is accepted, and has every record of the file but duplicates.
	Clean bool `json:"clean"`
	repair.Result
}

// tell prints what was done.
func (f *fixing) tell() error {
	if !f.o.asJSON {
		return f.summary()
	}
	report := fixReport{
		File: shown(f.input), Output: f.output, Rejects: f.rejects, CheckedAs: f.target.why,
		Clean: f.res.Rejected == 0 && f.res.Report.Accepted, Result: f.res,
	}
	if f.o.inPlace && !f.o.dryRun {
		report.Backup = backup(f.input)
	}
	w := f.stdout
	if f.output == standardIO {
		w = f.stderr
	}
	if err := json.NewEncoder(w).Encode(report); err != nil {
		return fmt.Errorf("printing the report: %w", err)
	}
	return nil
}
