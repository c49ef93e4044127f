package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/generate"
)

// outcome is what a candidate's process prints: one line of JSON.
type outcome struct {
	totals
	// Allocations is of the check alone, -1 where it is not known.
	Allocations int64 `json:"allocations"`
	// Seconds are by the clock, of the check alone.
	Seconds float64 `json:"seconds"`
}

// makeSet writes a data set to the standard output. It is a process of its own
// so that the block it repeats is in nobody else's memory.
func makeSet(_ context.Context, args []string) error {
	flags := flag.NewFlagSet("make", flag.ContinueOnError)
	shape := flags.String("shape", "", "the shape")
	size := flags.Int64("size", 0, "bytes")
	bad := flags.Bool("bad", false, "make every record wrong at its end")
	if err := flags.Parse(args); err != nil {
		return err
	}
	reader := generate.Reader
	if *bad {
		reader = generate.BadReader
	}
	r := reader(generate.Shape(*shape), *size)
	// A file would read through a small buffer of its own.
	if _, err := io.CopyBuffer(struct{ io.Writer }{os.Stdout}, r, make([]byte, 1<<20)); err != nil {
		return fmt.Errorf("making %s: %w", *shape, err)
	}
	return nil
}

// judgeSet checks a file, or the standard input, with a candidate in Go.
func judgeSet(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("judge", flag.ContinueOnError)
	name := flags.String("candidate", "", "the candidate")
	shape := flags.String("shape", "", "the shape")
	size := flags.Int64("size", -1, "bytes to tell the candidate of; -1 means what the file has")
	profile := flags.String("profile", "", "a file for the CPU profile")
	if err := flags.Parse(args); err != nil {
		return err
	}
	i := slices.IndexFunc(inGo, func(c candidate) bool { return c.name == *name })
	if i < 0 {
		return fmt.Errorf("no candidate %q", *name)
	}
	in := os.Stdin
	if flags.NArg() > 0 {
		file, err := os.Open(flags.Arg(0))
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	if *size < 0 {
		info, err := in.Stat()
		if err != nil {
			return err
		}
		*size = info.Size()
	}
	o, err := timed(ctx, inGo[i], in, *size, generate.Shape(*shape))
	if err == nil && *profile != "" {
		err = profiled(ctx, *profile, inGo[i], in, *size, generate.Shape(*shape))
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(o)
}

func timed(ctx context.Context, c candidate, r io.Reader, size int64, shape generate.Shape) (outcome, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	t, err := c.judge(ctx, r, size, shape)
	seconds := time.Since(start).Seconds()
	runtime.ReadMemStats(&after)
	return outcome{totals: t, Seconds: seconds, Allocations: int64(after.Mallocs - before.Mallocs)}, err //nolint:gosec // far below 2^63
}

// profiled checks the file again and again for some seconds, so that the profile
// has samples enough, and writes the CPU profile.
func profiled(ctx context.Context, name string, c candidate, in io.ReadSeeker, size int64, shape generate.Shape) error {
	file, err := os.Create(name) //nolint:gosec // the file the parent names
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	for start := time.Now(); time.Since(start) < 3*time.Second; {
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := c.judge(ctx, in, size, shape); err != nil {
			return err
		}
	}
	return nil
}

// firstSizes are the sizes that the check is told of; 0 is of a pipe.
var firstSizes = []int64{0, 256e6, 4e9, 1e12}

// firstFinding prints how many seconds pass between the begin of a check and the
// first finding, when the first line of an endless data set is bad. It is a
// process of its own for each size: memory that a check before left behind is
// dearer to use than new memory.
func firstFinding(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("first", flag.ContinueOnError)
	size := flags.Int64("size", 0, "bytes to tell the check of")
	if err := flags.Parse(args); err != nil {
		return err
	}
	seconds, err := untilFound(ctx, *size)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(seconds)
}

func untilFound(ctx context.Context, size int64) (float64, error) {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	endless := io.MultiReader(bytes.NewReader([]byte("{\"prompt\":\n")), generate.Reader(generate.ShortPC, 1<<60))
	o := optionsFor(generate.ShortPC, size, dataset.Options{})
	var seconds float64
	start := time.Now()
	o.Found = func(dataset.Finding) {
		if seconds == 0 {
			seconds = time.Since(start).Seconds()
		}
		stop()
	}
	_, err := dataset.Check(ctx, endless, o)
	if seconds == 0 {
		return 0, errors.Join(errors.New("the check of an endless data set told of no finding within 10 s"), err)
	}
	return seconds, nil
}
