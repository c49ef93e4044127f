// Command bench measures what the inference API adds to Bedrock's own time, on
// loopback, through the rehearsal's real path and past it in the same run, and
// writes what it measured into docs/performance.md.
//
// The real binary of lambdas/invoke runs under a Runtime API of this program's
// own, which takes the time of every step, against the rehearsal's double of
// Bedrock, which takes a fixed time for an answer and tells how long it really
// took. "make bench-inference" starts it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/tuneline/tuneline/internal/bench"
	"github.com/tuneline/tuneline/internal/rehearsal/s3"
)

func main() {
	s3.RunIfChild() // the rehearsal's S3 gateway is this same binary
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are what a person may choose.
type settings struct {
	root string
	// requests is how many are measured of each route, starts how many cold
	// starts of each binary.
	requests, starts int
	// service is the time the double takes before it answers.
	service time.Duration
	doc     string
}

// What a run must have to be worth keeping.
const (
	fullRequests = 1000
	fullStarts   = 30
)

func run(ctx context.Context, args []string) error {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&s.root, "root", ".", "the repository's root")
	flags.IntVar(&s.requests, "requests", fullRequests, "how many requests are measured of each route")
	flags.IntVar(&s.starts, "starts", fullStarts, "how many cold starts are measured of each binary")
	flags.DurationVar(&s.service, "service-time", 20*time.Millisecond, "how long Bedrock's double takes before it answers")
	flags.StringVar(&s.doc, "doc", "", "the document to write the results into")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.requests < 10 || s.starts < 3 {
		return errors.New("-requests and -starts must be at least 10 and 3")
	}
	root, err := filepath.Abs(s.root)
	if err != nil {
		return fmt.Errorf("finding the repository: %w", err)
	}
	s.root = root
	m, err := measure(ctx, s)
	if err != nil {
		return err
	}
	text := m.render()
	fmt.Print(text)
	if s.requests < fullRequests || s.starts < fullStarts {
		fmt.Fprintf(os.Stderr, "not written into the document: that takes at least %d requests and %d starts\n", fullRequests, fullStarts)
		return nil
	}
	if s.doc == "" {
		return nil
	}
	return bench.Splice(s.doc, "bench-inference", text)
}
