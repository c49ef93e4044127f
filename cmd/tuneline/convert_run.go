package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tuneline/tuneline/internal/datafile"
	"github.com/tuneline/tuneline/internal/dataset/convert"
)

// conversion is one run of the command.
type conversion struct {
	input          string
	o              convertOptions
	stdout, stderr io.Writer
	// rejects and report are nil unless they were asked for.
	out, rejects, report *outputFile
	files                outputs
}

// run converts the file. Unless it succeeds, no file is left behind.
func (c *conversion) run(ctx context.Context) error {
	settings, err := c.o.settings()
	if err != nil {
		return err
	}
	result, err := c.convert(ctx, settings)
	if err != nil {
		return err
	}
	if c.o.asJSON {
		if err := json.NewEncoder(c.stdout).Encode(result); err != nil {
			return fmt.Errorf("printing the result: %w", err)
		}
	}
	if err := c.summary(result); err != nil {
		return err
	}
	if !result.Clean() {
		return toldError{exitFindings}
	}
	return nil
}

func (c *conversion) convert(ctx context.Context, settings convert.Options) (result convert.Result, err error) {
	in, err := datafile.Open(ctx, c.input)
	if err != nil {
		return result, stopped(ctx, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	defer c.files.discard()
	if err := c.create(); err != nil {
		return result, err
	}
	c.connect(&settings)
	out, bars := io.Writer(c.out), newBars(c.stderr)
	if c.out == nil {
		out, bars = recordsTo(c.stdout), barsBeside(c.stdout, c.stderr)
	}
	progress := bars.begin(in)
	defer progress.end()
	if result, err = convert.Stream(ctx, progress.reader(in), out, settings); err != nil {
		return result, stopped(ctx, err)
	}
	if err := in.Finish(); err != nil {
		return result, err
	}
	return result, c.files.keep()
}

// create makes every file that was asked for.
func (c *conversion) create() error {
	c.files.force = c.o.force
	for _, wanted := range []struct {
		flag, name string
		file       **outputFile
	}{
		{"--rejects", c.o.rejects, &c.rejects},
		{"--report", c.o.report, &c.report},
		{"--output", c.o.output, &c.out},
	} {
		if wanted.name == "" || wanted.file == &c.out && wanted.name == standardIO {
			continue
		}
		file, err := c.files.create(wanted.name, c.input)
		if err != nil {
			return fmt.Errorf("%s: %w", wanted.flag, err)
		}
		*wanted.file = file
	}
	return nil
}

// connect has losses and rejected rows written. What goes wrong with that shows
// when the files are kept.
func (c *conversion) connect(settings *convert.Options) {
	if c.rejects != nil {
		settings.Reject = func(_ int64, raw []byte, _ string) {
			if raw != nil {
				_, _ = c.rejects.Write(raw)
				_ = c.rejects.WriteByte('\n')
			}
		}
	}
	if c.report != nil {
		lines := json.NewEncoder(c.report)
		settings.Found = func(loss convert.Loss) { _ = lines.Encode(loss) }
		settings.Rejected = func(rejection convert.Rejection) { _ = lines.Encode(rejection) }
	}
}
