// Command iamdiff holds the evaluator against another one, @cloud-copilot/iam-simulate,
// on cases made by chance: make iam-diff. The other is licensed under the AGPL; it
// is installed on demand and runs as a process of its own.
package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/tuneline/tuneline/internal/iampolicy"
	"github.com/tuneline/tuneline/internal/iampolicy/random"
)

//go:embed simulate.mjs
var script string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("iamdiff", flag.ContinueOnError)
	cases := flags.Int("cases", 100_000, "how many cases to draw")
	seed := flags.Uint64("seed", 0, "the seed to draw with; 0 for a new one")
	dir := flags.String("dir", "", "the folder that @cloud-copilot/iam-simulate is installed in")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *seed == 0 {
		*seed = uint64(time.Now().Unix()) //nolint:gosec // after 1970
	}
	t := &tally{known: map[string]int{}}
	if err := compare(ctx, *dir, *seed, *cases, t); err != nil {
		return err
	}
	return t.report(out, *seed)
}

// compare asks both evaluators about the same cases, which the seed gives.
func compare(ctx context.Context, dir string, seed uint64, cases int, t *tally) error {
	many, err := json.Marshal(random.Many())
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "node", "--input-type=module", "--eval", script, "--", dir, string(many), random.Account) //nolint:gosec // our own script
	cmd.Stderr = os.Stderr
	questions, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting Node.js: %w", err)
	}
	written := make(chan error, 1)
	go func() { written <- write(questions, seed, cases) }()
	lines := bufio.NewScanner(answers)
	drawn := draw(seed)
	for range cases {
		if !lines.Scan() {
			break
		}
		if err := t.add(drawn(), lines.Text()); err != nil {
			return err
		}
	}
	if err := <-written; err != nil && t.cases == cases {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("running the other evaluator: %w", err)
	}
	if t.cases != cases {
		return fmt.Errorf("the other evaluator answered %d of %d cases: %w", t.cases, cases, lines.Err())
	}
	return nil
}

// draw makes the cases of a seed, one after the other.
func draw(seed uint64) func() random.Case {
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // for tests
	return func() random.Case { return random.New(r) }
}

func write(questions io.WriteCloser, seed uint64, cases int) error {
	buffered := bufio.NewWriter(questions)
	encoder, drawn := json.NewEncoder(buffered), draw(seed)
	for range cases {
		if err := encoder.Encode(drawn()); err != nil {
			return err
		}
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	return questions.Close()
}

// theirs are the other evaluator's words for how a request ends.
var theirs = map[string]iampolicy.Effect{
	"Allowed": iampolicy.Allowed, "ExplicitlyDenied": iampolicy.ExplicitDeny, "ImplicitlyDenied": iampolicy.ImplicitDeny,
}

// tally counts how cases end.
type tally struct {
	cases, agreed, undecided, settled int
	// known are the differences that were met; a case may have several.
	known map[string]int
	// open are those that nothing settles.
	open []string
}

func (t *tally) add(c random.Case, answer string) error {
	t.cases++
	policies, err := c.Policies()
	if err != nil {
		return fmt.Errorf("reading a drawn policy: %w", err)
	}
	ours, err := iampolicy.Decide(c.Request(), policies)
	other, ok := theirs[answer]
	switch {
	case err != nil && ok:
		t.undecided++
	case ok && ours.Effect == other:
		t.agreed++
	default:
		met, err := settled(c, other)
		if err != nil {
			return err
		}
		if ok && len(met) > 0 {
			t.settled++
			for _, name := range met {
				t.known[name]++
			}
			return nil
		}
		text, err := json.Marshal(c)
		if err != nil {
			return err
		}
		t.open = append(t.open, fmt.Sprintf("ours %s, theirs %s: %s", ours.Effect, answer, text))
	}
	return nil
}

// shown is how many open disagreements are printed.
const shown = 5

func (t *tally) report(out io.Writer, seed uint64) error {
	fmt.Fprintf(out, "%d cases with seed %d: %d agree, ours says of %d that AWS leaves them open, %d disagree as the documentation settles:\n", t.cases, seed, t.agreed, t.undecided, t.settled)
	for _, name := range slices.Sorted(maps.Keys(t.known)) {
		fmt.Fprintf(out, "%7d %s\n", t.known[name], name)
	}
	for i, text := range t.open {
		if i < shown {
			fmt.Fprintln(out, text)
		}
	}
	if len(t.open) > 0 {
		return fmt.Errorf("%d disagreements that nothing settles", len(t.open))
	}
	return nil
}
