// Command bench measures the data set check against what else could do it, on
// generated data sets, and writes what it measured into docs/performance.md.
//
// Every run of a candidate is a process of its own that uses one processor, so
// that its CPU time and its memory can be told: rates are bytes by CPU-second,
// in MB (1e6 bytes), user and system time and garbage collection included.
//
// "make bench-dataset" and "make bench-gate" start it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run dispatches: all and gate are for people, the others for the processes
// that those start.
func run(ctx context.Context, args []string) error {
	commands := map[string]func(context.Context, []string) error{
		"all": benchAll, "gate": benchGate,
		"make": makeSet, "judge": judgeSet, "first": firstFinding,
	}
	if len(args) == 0 || commands[args[0]] == nil {
		return fmt.Errorf("name what to do: all or gate")
	}
	return commands[args[0]](ctx, args[1:])
}

// settings are what a person may choose.
type settings struct {
	// size is the bytes of each data set, memorySize of those that memory is
	// measured on.
	size, memorySize sizeFlag
	reps             int
	// dir is where the data sets are made; "" is the machine's memory, when it
	// has a place for files there.
	dir string
	// doc and ratios are the files that results are written to.
	doc, ratios string
}

// The sizes at which results are worth keeping.
const (
	fullSize       = 256_000_000
	fullMemorySize = 4_000_000_000
	fullReps       = 5
)

func parse(name string, args []string, defaults settings) (settings, error) {
	s := defaults
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.Var(&s.size, "size", "bytes of each data set, as 256MB")
	flags.Var(&s.memorySize, "memory-size", "bytes of the data sets that memory is measured on, as 4GB")
	flags.IntVar(&s.reps, "reps", s.reps, "how often everything is run")
	flags.StringVar(&s.dir, "dir", s.dir, "where the data sets are made, for the time of the run")
	flags.StringVar(&s.doc, "doc", s.doc, "the document to write the results into")
	flags.StringVar(&s.ratios, "ratios", s.ratios, "the file with the ratios that the gate compares with")
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	if s.size < 1_000_000 || s.memorySize < 1_000_000 || s.reps < 1 {
		return settings{}, fmt.Errorf("size, memory-size and reps must be at least 1MB, 1MB and 1")
	}
	return s, nil
}

// full says whether a run is thorough enough for its results to be kept.
func (s settings) full() bool {
	return s.size >= fullSize && s.memorySize >= fullMemorySize && s.reps >= fullReps
}

// sizeFlag is a number of bytes, written as 256MB or 4GB.
type sizeFlag int64

var units = []struct {
	suffix string
	bytes  sizeFlag
}{{"GB", 1_000_000_000}, {"MB", 1_000_000}, {"kB", 1000}, {"", 1}}

// String implements flag.Value.
func (s *sizeFlag) String() string {
	for _, unit := range units {
		if *s%unit.bytes == 0 {
			return fmt.Sprintf("%d%s", *s/unit.bytes, unit.suffix)
		}
	}
	return ""
}

// Set implements flag.Value.
func (s *sizeFlag) Set(text string) error {
	for _, unit := range units {
		var n int64
		var rest string
		read, _ := fmt.Sscanf(text+" .", "%d"+unit.suffix+" %s", &n, &rest)
		if read == 2 && rest == "." && n > 0 {
			*s = sizeFlag(n) * unit.bytes
			return nil
		}
	}
	return fmt.Errorf("%q is no size: write it as 256MB or 4GB", text)
}
