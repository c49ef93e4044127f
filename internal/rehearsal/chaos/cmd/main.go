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
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/chaos"
	"github.com/tuneline/tuneline/internal/rehearsal/s3"
)

func main() {
	s3.RunIfChild() // the rehearsal's S3 gateway is this same binary
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	only := flags.String("only", "", "the beginning of the ids of the scenarios to play")
	sample := flags.Int("sample", 0, "how many scenarios to draw; 0 for all")
	others := flags.Int("others", 300, "how many scenarios to draw of those that are alike in several workloads")
	seed := flags.Uint64("seed", 0, "the seed to draw with; 0 for a new one")
	clouds := flags.Int("clouds", 3, "how many clouds to use at the same time")
	list := flags.Bool("list", false, "only list the scenarios")
	broken := flags.Bool("broken", false, "play with functions without idempotency only")
	verbose := flags.Bool("v", false, "tell of every scenario")
	if err := flags.Parse(args); err != nil {
		return err
	}
	root, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano()) //nolint:gosec // after 1970
	}
	o := chaos.Options{Root: root, Only: *only, Sample: *sample, Others: *others, Seed: *seed, Clouds: *clouds, Broken: *broken}
	o.OnOutcome = func(outcome chaos.Outcome) {
		if *verbose {
			fmt.Fprintf(out, "%6.2f s %s %v\n", outcome.Took.Seconds(), outcome.Scenario.ID(), outcome.Ends)
		}
		for _, v := range outcome.Violations {
			fmt.Fprintf(out, "VIOLATION %s: %s\n", outcome.Scenario.ID(), v)
		}
		if len(outcome.Violations) > 0 && *verbose {
			fmt.Fprintln(out, outcome.Log)
		}
		if len(outcome.Violations) == 0 && outcome.Fired == 0 {
			fmt.Fprintf(out, "NEVER STRUCK %s\n", outcome.Scenario.ID())
		}
	}
	suite, err := chaos.New(ctx, o)
	if err != nil {
		return err
	}
	if *list {
		for _, s := range suite.Scenarios {
			fmt.Fprintln(out, s.ID())
		}
		return nil
	}
	result, err := suite.Play(ctx)
	result.Print(out)
	return err
}
