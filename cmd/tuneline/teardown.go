package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/bedrock"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/teardown"
)

// exitLeft: something of the stack is still there.
const exitLeft = 1

// How long a teardown waits between two questions; tests wait less.
var (
	teardownPoll  = teardown.DefaultPoll
	teardownPause = teardown.DefaultPause
)

// teardownOptions are the command's flags.
type teardownOptions struct {
	stack, region       string
	yes, dryRun, verify bool
	asJSON              bool
	timeout             time.Duration
}

func teardownCommand() *cobra.Command {
	var o teardownOptions
	command := &cobra.Command{
		Use:   "teardown",
		Short: "Take the stack away, and prove that nothing billed by the hour is left",
		Long: `Take the stack away, and prove that nothing billed by the hour is left.

It lists what goes and what stays, with prices, asks, deletes the stack, follows
that to its end, and looks twice at everything that could be billed by the hour.
Of a stack that is gone already it only proves that.

The stack itself stops its runs and jobs and releases what serves; a commitment
makes that fail, with its ARN and date. Custom models, bucket and key are kept:
the commands that delete them are printed, in the only order that loses nothing.

It takes an administrator's credentials, such as those the stack was deployed
with: the operator role may not delete the stack.

Exit codes: 0 nothing is left, 1 something is left (each with its ARN and the
command that ends it), 2 the command itself failed, could not look, or did not
follow the deletion to its end.`,
		Example: `  tuneline teardown --dry-run
  tuneline teardown --verify
  tuneline teardown --verify --yes --json --region us-west-2`,
		Args: nothing,
		RunE: func(command *cobra.Command, _ []string) error {
			t, err := newTeardown(command.Context(), o)
			if err != nil {
				return err
			}
			view := &teardownView{out: command.OutOrStdout(), asJSON: o.asJSON, started: time.Now()}
			return tearDown(command.Context(), t, o, view, asker{in: command.InOrStdin(), out: command.ErrOrStderr()})
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.stack, "stack", "tuneline", "the stack's name")
	flags.StringVar(&o.region, "region", "", regionFlag)
	flags.BoolVar(&o.yes, "yes", false, "do not ask")
	flags.BoolVar(&o.dryRun, "dry-run", false, "only list what goes and what stays")
	flags.BoolVar(&o.verify, "verify", true, "prove at the end that nothing is left")
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON document at the end, nothing else")
	flags.DurationVar(&o.timeout, "timeout", time.Hour, "how long to follow the deletion, which goes on anyway")
	return command
}

// newTeardown is the teardown of a stack with the credentials at hand.
func newTeardown(ctx context.Context, o teardownOptions) (teardown.Teardown, error) {
	var none teardown.Teardown
	if o.stack == "" || o.timeout <= 0 {
		return none, errors.New("--stack needs a name, and --timeout a time such as 30m")
	}
	cfg, err := awsConfig(ctx, o.region)
	if err != nil {
		return none, err
	}
	prices, err := catalog.LoadPrices()
	if err != nil {
		return none, err
	}
	return teardown.Teardown{
		Stacks: cloudformation.NewFromConfig(cfg), Models: bedrock.NewFromConfig(cfg),
		Networks: ec2.NewFromConfig(cfg), Objects: s3.NewFromConfig(cfg),
		Stack: o.stack, Region: cfg.Region, Prices: prices,
		Poll: teardownPoll, Pause: teardownPause, Now: time.Now,
	}, nil
}

// tearDown lists, asks, deletes and proves.
func tearDown(ctx context.Context, t teardown.Teardown, o teardownOptions, view *teardownView, who asker) error {
	found, err := t.Inventory(ctx)
	if err != nil {
		return err
	}
	view.inventory(found)
	if o.dryRun {
		return view.end()
	}
	if !found.Stack.Gone() {
		agreed, err := who.agrees(ctx, found.Stack, o.yes)
		if err != nil {
			return err
		}
		if !agreed {
			return view.declined()
		}
		if err := deleteStack(ctx, t, found.Stack, o, view); err != nil {
			return err
		}
	}
	// A deletion that failed left something, whatever was asked for.
	if o.verify || found.Stack.Gone() || !view.complete() {
		proof, err := t.Prove(ctx)
		if err != nil {
			return err
		}
		view.proof(proof)
	}
	if err := view.end(); err != nil {
		return err
	}
	if !view.clean() {
		return toldError{exitLeft}
	}
	return nil
}

// deleteStack deletes the stack, and says of a deletion that is no longer
// watched that it goes on.
func deleteStack(ctx context.Context, t teardown.Teardown, stack teardown.Stack, o teardownOptions, view *teardownView) error {
	stop := view.beat(ctx)
	deletion, err := t.Delete(ctx, stack, o.timeout, view.event)
	stop()
	if err == nil {
		view.deletion(deletion)
		return nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("interrupted: %w", err)
	} else if !errors.Is(err, teardown.ErrTimeout) {
		return err
	}
	return fmt.Errorf("%w: CloudFormation goes on deleting stack %s, and releases what is billed by the hour; follow it, and prove that nothing is left, with: tuneline teardown --verify --stack %s --region %s",
		err, t.Stack, t.Stack, t.Region)
}

// asker asks a person.
type asker struct {
	in  io.Reader
	out io.Writer
}

// agrees asks whether the stack is to be deleted, by its name, so that nobody
// agrees by a habit. A deletion that is under way needs nobody's word any more.
func (a asker) agrees(ctx context.Context, stack teardown.Stack, yes bool) (bool, error) {
	if yes || stack.Status == "DELETE_IN_PROGRESS" {
		return true, nil
	}
	if file, ok := a.in.(*os.File); ok && !term.IsTerminal(int(file.Fd())) {
		return false, errors.New("nothing was deleted: there is no terminal to ask on; say --yes to delete without being asked, or --dry-run to look only")
	}
	fmt.Fprintf(a.out, "\nDelete stack %s and release all that goes? Type its name to agree: ", stack.Name)
	answer := make(chan string, 1)
	go func() { // Ctrl-C ends the command, not the reading
		line, _ := bufio.NewReader(a.in).ReadString('\n') // no line is no agreement
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		return line == stack.Name, nil
	case <-ctx.Done():
		return false, fmt.Errorf("nothing was deleted: %w", context.Cause(ctx))
	}
}
