// Command cmd plays the suite of faults: make chaos.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/chaos"
	"github.com/tuneline/tuneline/internal/rehearsal/s3"
)

// garbage is how much the heap may grow between collections, in percent: a cloud
// holds little and throws away much.
const garbage = 400

func main() {
	s3.RunIfChild() // the rehearsal's S3 gateway is this same binary
	debug.SetGCPercent(garbage)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	root, err := filepath.Abs(".")
	if err != nil {
		return fmt.Errorf("finding the repository: %w", err)
	}
	o := chaos.Options{Root: root}
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	only := flags.String("only", "", "the beginning of the ids of the scenarios to play, each told with its calls; empty for all")
	flags.Uint64Var(&o.Seed, "seed", 0, "the seed to draw with; 0 for a new one")
	flags.IntVar(&o.Others, "others", 150, "how many scenarios to draw of those that are alike in several workloads")
	flags.IntVar(&o.Sample, "sample", 0, "how many scenarios to draw of all; 0 for all")
	flags.IntVar(&o.Clouds, "clouds", 3, "how many clouds to use at the same time")
	flags.BoolVar(&o.Broken, "broken", false, "play with the broken build only")
	list := flags.Bool("list", false, "only list the scenarios")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().Unix()) //nolint:gosec // after 1970
	}
	if *only != "" {
		o.Only = []string{*only}
	}
	if *list {
		return listAll(ctx, o, out)
	}
	result, err := play(ctx, o, out)
	if err != nil || o.Broken || *only != "" {
		return err
	}
	o.Broken, o.Only, o.Sample = true, chaos.Incriminating, 0
	_, broken := play(ctx, o, out)
	if err := result.Err(); err != nil {
		return err
	}
	return broken
}

func listAll(ctx context.Context, o chaos.Options, out io.Writer) error {
	suite, err := chaos.New(ctx, o)
	if err != nil {
		return err
	}
	for _, s := range suite.Scenarios {
		fmt.Fprintln(out, s.ID())
	}
	return nil
}

// play plays scenarios and tells what is wrong.
func play(ctx context.Context, o chaos.Options, out io.Writer) (chaos.Result, error) {
	var told int
	o.OnOutcome = func(outcome chaos.Outcome) {
		told++
		if told%500 == 0 {
			fmt.Fprintf(out, "... %d scenarios\n", told)
		}
		tell(o, outcome, out)
	}
	suite, err := chaos.New(ctx, o)
	if err != nil {
		return chaos.Result{}, err
	}
	result, err := suite.Play(ctx)
	result.Print(out)
	if err != nil {
		return result, err
	}
	return result, result.Err()
}

// tell tells of one outcome what is wrong; with few scenarios, everything.
func tell(o chaos.Options, outcome chaos.Outcome, out io.Writer) {
	id := outcome.Scenario.ID()
	if o.Broken {
		return // it is wrong on purpose
	}
	if o.Only != nil {
		fmt.Fprintf(out, "%5.2f s %s: %v\n", outcome.Took.Seconds(), id, outcome.Ends)
	}
	for _, v := range outcome.Violations {
		fmt.Fprintf(out, "VIOLATION %s: %s\n", id, v)
	}
	if len(outcome.Violations) > 0 {
		fmt.Fprintln(out, outcome.Log)
	} else if outcome.Fired == 0 {
		fmt.Fprintf(out, "NEVER STRUCK %s: the workload did not come there\n", id)
	}
}
