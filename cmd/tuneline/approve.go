package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/operator"
	"github.com/tuneline/tuneline/internal/registry"
)

// The bounds of how long an approval counts.
const (
	usualApproval   = 24 * time.Hour
	longestApproval = 30 * 24 * time.Hour
)

func approveCommand() *cobra.Command {
	command := answerCommand(registry.Approve)
	command.Short = "Let a run spend what is over a ceiling"
	command.Long = `Let a run spend what is over a ceiling.

A run whose training or serving would cost more than the stack's ceilings, or an
unknown price, waits for an operator and says so to the topic of notices. This
shows what it asks and at which price, and writes down that it may, with who you
are and until when. The run goes on by itself. It buys nothing for which the price
has risen above the one that is shown.

A run that gave up waiting, or was rejected, can be approved afterwards and goes
on with "tuneline resume".

The bucket is an output of the stack: BucketName. Credentials must be the operator
role's: the bucket lets nobody else write approvals.

Exit codes: 0 the approval is written, 2 it is not.`
	command.Example = "  tuneline approve 3f2a9c0d11e24b77 --bucket my-bucket --until 8h"
	return command
}

func rejectCommand() *cobra.Command {
	command := answerCommand(registry.Reject)
	command.Short = "End a run that asks to spend what is over a ceiling"
	command.Long = `End a run that asks to spend what is over a ceiling.

Nothing is bought for what was rejected, and a model that was trained before is
kept. The last word counts: an approval takes a rejection back as long as the run
has not seen it, and after that together with "tuneline resume".

The bucket is an output of the stack: BucketName. Credentials must be the operator
role's.

Exit codes: 0 the rejection is written, 2 it is not.`
	command.Example = "  tuneline reject 3f2a9c0d11e24b77 --bucket my-bucket"
	return command
}

// answerCommand is what approve and reject have in common.
func answerCommand(decision string) *cobra.Command {
	var bucket, region, purpose string
	var until time.Duration
	var asJSON bool
	command := &cobra.Command{
		Use:  decision + " <run>",
		Args: oneRun,
		PreRunE: func(*cobra.Command, []string) error {
			switch {
			case bucket == "":
				return fmt.Errorf("--bucket is needed: it is the stack's output BucketName")
			case purpose != "" && !slices.Contains(finetune.Purposes(), purpose):
				return fmt.Errorf("--purpose is %q: want %s", purpose, strings.Join(finetune.Purposes(), " or "))
			case decision == registry.Approve && (until < time.Minute || until > longestApproval):
				return fmt.Errorf("--until is %s: want 1m to %s", until, longestApproval)
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			cfg, err := awsConfig(command.Context(), region)
			if err != nil {
				return err
			}
			store, id := registry.Store{S3: s3.NewFromConfig(cfg), Bucket: bucket}, finetune.RunID(args[0])
			answer := operator.Answer{Decision: decision, Purpose: purpose, For: until, At: time.Now()}
			answered, err := operator.Reply(command.Context(), sts.NewFromConfig(cfg), store, id, answer)
			if err != nil {
				return asOperator(err)
			}
			if asJSON {
				return json.NewEncoder(command.OutOrStdout()).Encode(answered.Approval)
			}
			_, err = fmt.Fprint(command.OutOrStdout(), answerText(answered))
			return err
		},
	}
	flags := command.Flags()
	flags.StringVar(&bucket, "bucket", os.Getenv("TUNELINE_BUCKET"), "the stack's bucket (or TUNELINE_BUCKET)")
	flags.StringVar(&region, "region", "", regionFlag)
	flags.StringVar(&purpose, "purpose", "", "training or serving, when the run asks about both")
	flags.BoolVar(&asJSON, "json", false, "print one JSON document: what was written")
	if decision == registry.Approve {
		flags.DurationVar(&until, "until", usualApproval, "how long the approval counts")
	}
	return command
}

// answerText says what was answered, by whom, until when, and what happens next.
func answerText(a operator.Answered) string {
	var text strings.Builder
	verb := map[string]string{registry.Approve: "approved", registry.Reject: "rejected"}[a.Approval.Decision]
	fmt.Fprintf(&text, "%s: %s of run %s (model %s), at %s\n", verb, a.Spend.Purpose, a.Run.ID, a.Run.Model, a.Spend.Price())
	for _, reason := range a.Spend.Reasons {
		fmt.Fprintf(&text, "  asked because %s\n", reason)
	}
	fmt.Fprintf(&text, "  by %s", a.Approval.By)
	if a.Approval.Decision == registry.Approve {
		fmt.Fprintf(&text, ", until %s", a.Approval.Until.Format(time.RFC3339))
	}
	text.WriteString("\n")
	switch {
	case a.Run.End == "":
		fmt.Fprintf(&text, "the run sees it within %s\n", operator.LooksWithin(a.Spend, a.Approval.At))
	case a.Approval.Decision == registry.Approve:
		fmt.Fprintf(&text, "the run ended %s: go on with it by: %s\n", a.Run.End, a.Run.ResumeCommand())
	default:
		fmt.Fprintf(&text, "the run ended %s, and buys nothing should it be resumed\n", a.Run.End)
	}
	return text.String()
}
