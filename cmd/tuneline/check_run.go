package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tuneline/tuneline/internal/datafile"
	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/present"
)

// check checks every file on its own and shows what came of it.
func check(ctx context.Context, o checkOptions, args []string, stdout, stderr io.Writer) error {
	o, err := o.complete()
	if err != nil {
		return err
	}
	names, validation, err := o.files(args)
	if err != nil {
		return err
	}
	c := &checks{o: o, show: newCheckView(o, stdout, stderr)}
	if c.target, c.targetKnown, err = o.target.target(); err != nil {
		return err
	}
	if c.inspectors, err = o.inspectors(); err != nil {
		return err
	}
	c.all(ctx, names, validation)
	if err := c.show.end(c.files, len(names)); err != nil {
		return err
	}
	return c.verdict(stderr)
}

// checks are the checks of one command.
type checks struct {
	o    checkOptions
	show *checkView
	// target is the one of every file, unless each file's first record decides, or
	// that of the validation data for all.
	target      target
	targetKnown bool
	inspectors  []dataset.Inspector
	// validation is the report on the validation data, nil without any.
	validation *dataset.Report
	files      []present.File
}

// all checks the validation data first, since the others are held against it,
// and ends with the context.
func (c *checks) all(ctx context.Context, names []string, validation string) {
	if validation != "" {
		file := c.add(ctx, validation, dataset.RoleValidation)
		c.validation = &file.Report
		if file.Problem != "" {
			c.skip(names, "the validation data could not be checked, and every finding would be in doubt")
			return
		}
	}
	for i, name := range names {
		if ctx.Err() != nil {
			c.skip(names[i:], "interrupted before its turn")
			return
		}
		c.add(ctx, name, dataset.Role(c.o.target.role))
	}
}

// add checks one more file.
func (c *checks) add(ctx context.Context, name string, role dataset.Role) present.File {
	file := present.File{Name: shown(name)}
	if err := c.check(ctx, &file, name, role); err != nil {
		file.Problem = err.Error()
	}
	c.files = append(c.files, file)
	c.show.summary(file)
	return file
}

// skip adds files that are not checked.
func (c *checks) skip(names []string, why string) {
	for _, name := range names {
		file := present.File{Name: shown(name), Problem: why}
		c.files = append(c.files, file)
		c.show.summary(file)
	}
}

// shown is what a file on the command line is called in what is said about it.
func shown(name string) string {
	if name == datafile.Stdin {
		return "stdin"
	}
	return name
}

// check checks one file. With an error there is no report.
func (c *checks) check(ctx context.Context, file *present.File, name string, role dataset.Role) (err error) {
	f, err := datafile.Open(ctx, name)
	if err != nil {
		return interrupted(ctx, err, 0)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, t := io.Reader(f), c.target
	if !c.targetKnown {
		var first []byte
		if first, data, err = firstRecord(f); err != nil {
			return interrupted(ctx, err, 0)
		}
		if t, err = forRecord(first); err != nil {
			return err
		}
		if c.o.validation != "" { // this is it, and a job takes one format
			c.target, c.targetKnown = t, true
			c.target.why += "; the same as the validation data"
		}
	}
	file.Checked = t.why
	if f.Packing != "" {
		file.Checked += fmt.Sprintf("; read through %s, Bedrock takes it unpacked only", f.Packing)
	}
	file.NotLookedFor = c.o.notLookedFor(f.Size, role, t)
	report, err := c.read(ctx, data, f, c.options(t.options, f, role))
	if err != nil {
		return err
	}
	if err := f.Finish(); err != nil {
		return interrupted(ctx, err, report.Records)
	}
	c.checkName(f, t.options.Rules, &report)
	file.Report = report
	return nil
}

// nameFindings are what Bedrock has against a file's name: an object's key, or
// what a file is called that is to be uploaded. A pipe has no name.
func nameFindings(f *datafile.File) []dataset.Finding {
	switch {
	case f.Key != "":
		return dataset.CheckObjectKey(f.Bucket, f.Key)
	case f.Name == shown(datafile.Stdin), f.Size == 0 && f.Packing == "":
		return nil
	}
	return dataset.CheckFileName(f.Name)
}

// checkName adds to a report what Bedrock has against a file's name.
func (c *checks) checkName(f *datafile.File, rules dataset.Rules, r *dataset.Report) {
	for _, finding := range nameFindings(f) {
		if finding.Code == dataset.CodeObjectKeyOnNova && !rules.PlainNames {
			continue // another base model's rule
		}
		switch finding.Severity {
		case dataset.SeverityError:
			r.Errors++
			r.Accepted = false
		case dataset.SeverityWarning:
			r.Warnings++
		case dataset.SeverityNote:
			r.Notes++
		}
		r.Counts[finding.Code]++
		r.Findings = append(r.Findings, finding)
		c.show.finding(f.Name, finding)
	}
}

// options completes a target's options with the flags.
func (c *checks) options(o dataset.Options, f *datafile.File, role dataset.Role) dataset.Options {
	o.Role, o.Size = role, f.Size
	o.MaxFindings, o.Workers, o.Digest = c.o.maxFindings, c.o.workers, c.o.digest
	o.NearDuplicates = c.o.looksForNearDuplicates(f.Size)
	o.Inspectors = c.inspectors
	o.Rules.Bucket = f.Bucket
	if role == dataset.RoleTraining {
		o.Validation = c.validation
	}
	return o
}

// read runs the check and shows it as it goes.
func (c *checks) read(ctx context.Context, data io.Reader, f *datafile.File, o dataset.Options) (dataset.Report, error) {
	progress := c.show.begin(f)
	defer progress.end()
	var records int64
	o.Progress = func(_, seen int64) {
		records = seen
		progress.move(seen)
	}
	o.Found = func(finding dataset.Finding) { c.show.finding(f.Name, finding) }
	report, err := dataset.Check(ctx, data, o)
	if err != nil {
		return dataset.Report{}, interrupted(ctx, err, records)
	}
	return report, nil
}

// interrupted says that it was a person who ended the check.
func interrupted(ctx context.Context, err error, records int64) error {
	if ctx.Err() == nil {
		return err
	}
	return fmt.Errorf("interrupted after %s: what follows was not checked: %w", numbered(records, "record"), context.Cause(ctx))
}

// verdict is the command's exit: what could not be checked counts for more than
// what was found.
func (c *checks) verdict(stderr io.Writer) error {
	failed, accepted := int64(0), true
	for _, file := range c.files {
		accepted = accepted && file.Report.Accepted
		if file.Problem == "" {
			continue
		}
		failed++
		if c.o.output != outputHuman {
			// A line of its own out of a file's name would be a command to a workflow.
			fmt.Fprintln(stderr, present.OneLine(fmt.Sprintf("tuneline: %s: %s", file.Name, file.Problem)))
		}
	}
	switch {
	case failed > 0:
		fmt.Fprintf(stderr, "tuneline: %d of %s could not be checked\n", failed, numbered(int64(len(c.files)), "file"))
		return toldError{exitError}
	case !accepted:
		return toldError{exitFindings}
	}
	return nil
}
