// Command tuneline is the operator's command line: it checks data sets, tells what
// a run would cost, looks at an account, rehearses the whole pipeline on one
// machine, answers what a run asks before it spends, goes on with a run that needed
// a person, serves an earlier run again, and takes the stack away.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/rehearsal/s3"
)

func main() {
	// The rehearsal's S3 gateway is this same binary, started once more.
	s3.RunIfChild()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// Exit codes, as scripts read them.
const (
	exitOK = 0
	// exitEnd: the pipeline worked and ended otherwise than Deployed.
	exitEnd = 1
	// exitFindings: a data set has errors, or rows of it were rejected or lost
	// something.
	exitFindings = 1
	// exitError: the command itself failed.
	exitError = 2
	// exitUnread: nobody reads standard output any more, as behind "head"; a shell
	// has this code of a program that SIGPIPE ended.
	exitUnread = 128 + 13
)

// toldError is for a command that has said everything itself: what is left is
// the exit code.
type toldError struct{ exit int }

func (e toldError) Error() string { return fmt.Sprintf("exit code %d", e.exit) }

// endError says that a run ended otherwise than Deployed.
type endError struct{ end string }

func (e endError) Error() string { return "the run ended " + e.end }

// run is main with its surroundings passed in, so that os.Exit skips no
// deferred call and a test can run it.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	root := commands()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var told toldError
	var end endError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &told):
		return told.exit
	case errors.As(err, &end) && err.Error() == end.Error(): // and nothing else went wrong
		return exitEnd
	case errors.Is(err, errUnread): // no news for who stopped reading
		return exitUnread
	}
	fmt.Fprintln(stderr, "tuneline:", err)
	return exitError
}

// commands is the command line, before anybody said anything.
func commands() *cobra.Command {
	root := &cobra.Command{
		Use:           "tuneline",
		Short:         "Fine-tune models on Amazon Bedrock in private: drop a JSONL file, get an answering model",
		Version:       cmp.Or(version(), "built from a working copy"),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		approveCommand(),
		askCommand(),
		checkCommand(),
		convertCommand(),
		estimateCommand(),
		fixCommand(),
		policyCommand(),
		preflightCommand(),
		proxyCommand(),
		rehearseCommand(),
		rejectCommand(),
		resumeCommand(),
		rollbackCommand(),
		splitCommand(),
		teardownCommand(),
	)
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return fmt.Errorf("%w: \"%s --help\" lists the flags", err, command.CommandPath())
	})
	return root
}
