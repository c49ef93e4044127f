package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/datafile"
	"github.com/tuneline/tuneline/internal/dataset/split"
)

// splitOptions are the command's flags.
type splitOptions struct {
	validation        string
	by                string
	trainOut          string
	validationOut     string
	baseModel         string
	customizationType string
	seed              int64
	force, asJSON     bool
}

const splitLong = `Split a data set into training and validation data.

Records that ask the same stay together, whatever they answer, so that the
validation loss is measured on what the model has not seen. The split depends on
nothing but the seed and the records: it is the same on every machine. With a
percentage, no record changes sides when others are added later; a number of
records is reached as closely as groups of records allow.

Lines are copied as they are, in their order. A file with a line that is no
record is refused: repair it first with tuneline fix. FILE is read twice;
what comes through a pipe is kept in a temporary file for that.

Exit codes: 0 both files were written, 2 the command failed.`

const splitExample = `  tuneline split train.jsonl --validation 10%
  tuneline split train.jsonl --validation 200 --seed 7 --base-model meta.llama3-1-8b-instruct-v1:0:128k
  tuneline split all.jsonl --validation 5% --by exact --train-out train.jsonl --validation-out validation.jsonl`

func splitCommand() *cobra.Command {
	var o splitOptions
	var ways []string
	for _, way := range split.Ways() {
		ways = append(ways, string(way))
	}
	command := &cobra.Command{
		Use:     "split FILE --validation AMOUNT",
		Short:   "Split a data set into training and validation data without leakage",
		Long:    splitLong,
		Example: splitExample,
		Args:    needOneFile,
		RunE: func(command *cobra.Command, args []string) error {
			s := splitting{o: o, input: args[0], stdout: command.OutOrStdout(), stderr: command.ErrOrStderr()}
			return s.run(command.Context())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.validation, "validation", "", "how much is for validation: a percentage such as 10%, or a number of records such as 200")
	flags.Int64Var(&o.seed, "seed", 0, "another seed makes another split")
	flags.StringVar(&o.by, "by", ways[0], "which records stay together, those with the same: "+strings.Join(ways, ", "))
	flags.StringVar(&o.trainOut, "train-out", "", "the training data to write (default FILE with the ending .train.jsonl)")
	flags.StringVar(&o.validationOut, "validation-out", "", "the validation data to write (default FILE with the ending .validation.jsonl)")
	flags.StringVar(&o.baseModel, "base-model", "", "the base model whose limits on the number of records are to be kept")
	flags.StringVar(&o.customizationType, "customization-type", "", "how the base model is to be customized, in the API's words (default "+defaultCustomizationType+")")
	flags.BoolVar(&o.force, "force", false, "write over files that exist")
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON document")
	return command
}

// splitting is one run of the command.
type splitting struct {
	o              splitOptions
	input          string
	stdout, stderr io.Writer
}

// splitReport is what --json prints.
type splitReport struct {
	File           string `json:"file"`
	TrainingFile   string `json:"trainingFile"`
	ValidationFile string `json:"validationFile"`
	split.Result
}

// run splits the data set. Unless it succeeds, no file is left behind.
func (s *splitting) run(ctx context.Context) error {
	settings, err := s.settings()
	if err != nil {
		return err
	}
	if err := s.names(); err != nil {
		return err
	}
	files := outputs{force: s.o.force}
	defer files.discard()
	training, err := files.create(s.o.trainOut, s.input)
	if err != nil {
		return err
	}
	validation, err := files.create(s.o.validationOut, s.input)
	if err != nil {
		return err
	}
	open, done, err := s.source(ctx, newBars(s.stderr))
	if err != nil {
		return err
	}
	defer done()
	res, err := split.Run(ctx, open, training, validation, settings)
	if err != nil {
		return stopped(ctx, fmt.Errorf("splitting %s: %w", shown(s.input), err))
	}
	if err := files.keep(); err != nil {
		return err
	}
	return s.tell(res)
}

// settings turns the flags into the options of a split.
func (s *splitting) settings() (split.Options, error) {
	o := split.Options{Seed: s.o.seed, By: split.By(s.o.by)}
	if s.o.validation == "" {
		return o, errors.New("say with --validation how much is for validation: a percentage such as 10%, or a number of records such as 200")
	}
	if !slices.Contains(split.Ways(), o.By) {
		return o, fmt.Errorf("--by %s: use one of %v", o.By, split.Ways())
	}
	var err error
	if o.Validation, err = split.ParseAmount(s.o.validation); err != nil {
		return o, fmt.Errorf("--validation: %w", err)
	}
	if s.o.baseModel == "" {
		if s.o.customizationType != "" {
			return o, errors.New("--customization-type says what to do with a base model: name it with --base-model")
		}
		return o, nil
	}
	found, err := forModel(s.o.baseModel, s.o.customizationType)
	if err != nil {
		return o, fmt.Errorf("--base-model: %w", err)
	}
	o.Limits = found.options.Limits
	return o, nil
}

// names settles what is written.
func (s *splitting) names() error {
	if isStream(s.input) && (s.o.trainOut == "" || s.o.validationOut == "") {
		return errors.New("what comes through a pipe has no name: say with --train-out and --validation-out what to write")
	}
	if s.o.trainOut == "" {
		s.o.trainOut = derivedName(s.input, ".train.jsonl")
	}
	if s.o.validationOut == "" {
		s.o.validationOut = derivedName(s.input, ".validation.jsonl")
	}
	if s.o.trainOut == standardIO || s.o.validationOut == standardIO {
		return errors.New("a split writes two files: name both, standard output is one only")
	}
	return nil
}

// source opens the data set again and again, and shows how far its reading is. Done
// cleans up.
func (s *splitting) source(ctx context.Context, bars *bars) (open func() (io.ReadCloser, error), done func(), err error) {
	if !isStream(s.input) {
		return func() (io.ReadCloser, error) {
			in, err := datafile.Open(ctx, s.input)
			if err != nil {
				return nil, err
			}
			progress := bars.begin(in)
			return finishing{progress.reader(in), in, progress}, nil
		}, func() {}, nil
	}
	spool, err := os.CreateTemp("", "tuneline-split-*.jsonl")
	if err != nil {
		return nil, nil, fmt.Errorf("keeping %s: %w", shown(s.input), err)
	}
	done = func() { _ = os.Remove(spool.Name()) }
	in, err := datafile.Open(ctx, s.input)
	if err == nil {
		progress := bars.begin(in)
		_, err = io.Copy(spool, progress.reader(in))
		progress.end()
		err = errors.Join(err, in.Close())
	}
	if err = errors.Join(err, spool.Close()); err != nil {
		done()
		return nil, nil, stopped(ctx, fmt.Errorf("keeping %s: %w", shown(s.input), err))
	}
	return func() (io.ReadCloser, error) { return os.Open(spool.Name()) }, done, nil
}

// finishing takes its bar away when it is closed, and says whether the file changed
// while it was read.
type finishing struct {
	io.Reader
	file     *datafile.File
	progress progress
}

// Close implements io.Closer.
func (f finishing) Close() error {
	f.progress.end()
	return errors.Join(f.file.Finish(), f.file.Close())
}

// tell prints what came of the split.
func (s *splitting) tell(res split.Result) error {
	if s.o.asJSON {
		report := splitReport{File: shown(s.input), TrainingFile: s.o.trainOut, ValidationFile: s.o.validationOut, Result: res}
		if err := json.NewEncoder(s.stdout).Encode(report); err != nil {
			return fmt.Errorf("printing the report: %w", err)
		}
		return nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s in %s by %s, seed %d\n", shown(s.input), numbered(res.Records, "record"), numbered(res.Groups, "group"), res.By, res.Seed)
	fmt.Fprintf(&text, "  training    %d in %s\n", res.Training, s.o.trainOut)
	fmt.Fprintf(&text, "  validation  %d in %s (%.4g %%, %s was asked for)\n", res.Validation, s.o.validationOut, res.Percent, res.Wanted)
	fmt.Fprintf(&text, "  the largest group has %s\n", numbered(res.LargestGroup, "record"))
	for _, warning := range res.Warnings {
		fmt.Fprintf(&text, "warning: %s\n", warning)
	}
	fmt.Fprintf(&text, "next: tuneline check %s --validation %s%s\n", quoted(s.o.trainOut), quoted(s.o.validationOut), modelFlags(s.o.baseModel, s.o.customizationType))
	_, err := fmt.Fprint(s.stderr, text.String())
	return err
}
