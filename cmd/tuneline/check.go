package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/tuneline/tuneline/internal/datafile"
	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/advice"
)

// The values of --output, and of the flags that decide by themselves by default.
const (
	outputHuman  = "human"
	outputJSON   = "json"
	outputSARIF  = "sarif"
	outputGitHub = "github"

	auto = "auto"
	on   = "on"
	off  = "off"
)

// nearDuplicateBytes is the largest data set in which near duplicates are looked
// for without being asked to: what they cost would be felt in a larger one.
const nearDuplicateBytes = 256 << 20

// checkOptions are the command's flags.
type checkOptions struct {
	target         targetFlags
	validation     string
	output         string
	nearDuplicates string
	asJSON         bool
	secrets        bool
	personalData   bool
	thorough       bool
	digest         bool
	quiet          bool
	maxFindings    int
	workers        int
}

const checkLong = `Check data sets for Bedrock model customization, before a job is paid for.

Every finding has a line, a column, the place in the record, a stable code, and
what to do about it; none holds anything of the data. Without --base-model, the
format is told by the first record, and the report says what was checked.

A FILE is a path, a pattern, s3://bucket/key (with ?versionId=... if one is
meant), or - for standard input. What is packed with gzip or zstd is unpacked on
the way. S3 is read with the AWS credentials and the Region of the environment.
Several files are checked one by one: they are not one data set.

Exit codes: 0 every file is accepted, 1 a file has errors, 2 a file could not be
checked, or the command line is wrong.`

const checkExample = `  tuneline check train.jsonl
  tuneline check train.jsonl --base-model meta.llama3-3-70b-instruct-v1:0:128k --validation validation.jsonl
  tuneline check 'data/*.jsonl.gz' --thorough
  tuneline check s3://my-bucket/train.jsonl --output sarif > findings.sarif
  zstd -dc train.jsonl.zst | tuneline check - --json`

func checkCommand() *cobra.Command {
	var o checkOptions
	command := &cobra.Command{
		Use:     "check FILE...",
		Short:   "Check data sets: every mistake with its line, and what to do about it",
		Long:    checkLong,
		Example: checkExample,
		Args:    needFiles,
		RunE: func(command *cobra.Command, args []string) error {
			return check(command.Context(), o, args, command.OutOrStdout(), command.ErrOrStderr())
		},
	}
	flags := command.Flags()
	o.target.register(command)
	flags.StringVar(&o.validation, "validation", "", "the job's validation data: it is checked too, and no record may stand in both")
	flags.IntVar(&o.maxFindings, "max-findings", dataset.DefaultMaxFindings, "how many findings to tell of each code; the totals count them all")
	flags.StringVar(&o.output, "output", outputHuman, "human, json, sarif (code scanning), or github (annotations of a workflow)")
	flags.BoolVar(&o.asJSON, "json", false, "the same as --output json")
	flags.BoolVar(&o.secrets, "secrets", false, "look for keys, tokens and passwords in the texts, which is slow; none is printed")
	flags.BoolVar(&o.personalData, "personal-data", false, "look for e-mail addresses, card numbers and IBANs in the texts, which is slow; none is printed")
	flags.StringVar(&o.nearDuplicates, "near-duplicates", auto, "look for records that differ in case, white space or JSON spelling only: on, off, or auto (up to 256 MiB)")
	flags.BoolVar(&o.thorough, "thorough", false, "look for everything: --secrets --personal-data --near-duplicates=on")
	flags.BoolVar(&o.digest, "digest", false, "report the SHA-256 of the data set")
	flags.BoolVar(&o.quiet, "quiet", false, "print each finding and nothing else: no progress and no summary")
	flags.IntVar(&o.workers, "workers", 0, "how many records to judge at once (default one for each processor)")
	return command
}

func needFiles(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("name a data set to check, or - for standard input; \"tuneline check --help\" has examples")
	}
	return nothingEmpty(command, args)
}

// nothingEmpty refuses an empty name and an empty value of a flag. Where a script
// fills in a variable that is not set, less would be checked without a word.
func nothingEmpty(command *cobra.Command, args []string) error {
	if slices.Contains(args, "") {
		return errors.New("the name of a data set is empty: name a file, or - for standard input")
	}
	var err error
	command.Flags().Visit(func(flag *pflag.Flag) {
		if flag.Value.String() == "" {
			err = fmt.Errorf("--%s is empty: give it a value, or leave it out", flag.Name)
		}
	})
	return err
}

// complete settles what one flag says about another, and refuses what makes no sense.
func (o checkOptions) complete() (checkOptions, error) {
	if o.asJSON {
		if o.output != outputHuman && o.output != outputJSON {
			return o, fmt.Errorf("--json and --output %s contradict each other: leave one out", o.output)
		}
		o.output = outputJSON
	}
	if o.thorough {
		if o.nearDuplicates == off {
			return o, errors.New("--thorough looks for near duplicates: leave --near-duplicates=off out")
		}
		o.secrets, o.personalData, o.nearDuplicates = true, true, on
	}
	for _, choice := range []struct {
		flag, value string
		allowed     []string
	}{
		{"--output", o.output, []string{outputHuman, outputJSON, outputSARIF, outputGitHub}},
		{"--near-duplicates", o.nearDuplicates, []string{auto, on, off}},
	} {
		if !slices.Contains(choice.allowed, choice.value) {
			return o, fmt.Errorf("%s %s: use one of %s", choice.flag, choice.value, strings.Join(choice.allowed, ", "))
		}
	}
	switch {
	case o.maxFindings < 1:
		return o, fmt.Errorf("--max-findings %d: 1 or more", o.maxFindings)
	case o.workers < 0:
		return o, fmt.Errorf("--workers %d: 1 or more, or 0 for one each processor", o.workers)
	case o.validation != "" && o.target.role == string(dataset.RoleValidation):
		return o, errors.New("--validation belongs to training data: leave it out, or --role validation")
	}
	return o, nil
}

// files expands the names on the command line. The validation data is one file,
// and may be a pattern for it.
func (o checkOptions) files(args []string) (names []string, validation string, err error) {
	names, err = datafile.Expand(args)
	if err != nil || o.validation == "" {
		return names, "", err
	}
	list, err := datafile.Expand([]string{o.validation})
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("--validation: %w", err)
	case len(list) != 1:
		return nil, "", fmt.Errorf("--validation %s stands for %d files: a job takes one", o.validation, len(list))
	case list[0] == datafile.Stdin && slices.Contains(names, datafile.Stdin):
		return nil, "", fmt.Errorf("standard input can be read once only: name %s once", datafile.Stdin)
	}
	return names, list[0], nil
}

// inspectors look at the texts for what was asked for.
func (o checkOptions) inspectors() ([]dataset.Inspector, error) {
	var list []dataset.Inspector
	if o.secrets {
		secrets, err := advice.Secrets()
		if err != nil {
			return nil, fmt.Errorf("--secrets: %w", err)
		}
		list = append(list, secrets)
	}
	if o.personalData {
		list = append(list, advice.PersonalData())
	}
	return list, nil
}

// looksForNearDuplicates decides for a file of this size in bytes, 0 when it is
// not known.
func (o checkOptions) looksForNearDuplicates(size int64) bool {
	if o.nearDuplicates == auto {
		return size > 0 && size <= nearDuplicateBytes
	}
	return o.nearDuplicates == on
}

// notLookedFor names what the check of a file of this size and role leaves out,
// with what asks for it.
func (o checkOptions) notLookedFor(size int64, role dataset.Role, t target) []string {
	var list []string
	if t.unlimited {
		list = append(list, "the limits of your base model (--base-model)")
	}
	if !o.looksForNearDuplicates(size) {
		list = append(list, "records that differ in case, white space or JSON spelling only (--near-duplicates=on)")
	}
	if o.validation == "" && role == dataset.RoleTraining {
		list = append(list, "records that stand in the validation data too (--validation)")
	}
	if !o.secrets {
		list = append(list, "secrets (--secrets)")
	}
	if !o.personalData {
		list = append(list, "personal data (--personal-data)")
	}
	return list
}
