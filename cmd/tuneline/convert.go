package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/convert"
)

// convertOptions are the command's flags.
type convertOptions struct {
	from, to          string
	baseModel         string
	customizationType string
	output            string
	rejects           string
	report            string
	template          string
	schemaVersion     string
	multiTurn         string
	mergeTurns        bool
	keepReasoning     bool
	dropMedia         bool
	lossless          bool
	force             bool
	asJSON            bool
}

const convertLong = `Write a data set in another format, and say what that loses.

Nothing is left out in silence: what the other format has no place for is told
with the line and the place in the row, and a row that cannot be converted is
told with the reason and goes to the file that --rejects names, as it is, if its
line has no more than 4 MiB. No message holds anything of the data.

  lost      something that the row said is not said any more
  changed   everything is still there, in other words or another place
  rejected  the row was not converted

FILE is a path, or - for standard input. The result goes to standard output
unless -o names a file; it is never written over its input, and over another
file with --force only.

Exit codes: 0 every row was converted and nothing is lost, 1 rows were rejected
or lost something, 2 the command failed: no file was written, unless all that
failed was printing the report.`

const convertExample = `  tuneline convert chats.jsonl -o train.jsonl --base-model amazon.nova-micro-v1:0:128k --rejects rejects.jsonl
  tuneline convert chats.jsonl -o train.jsonl --to prompt-completion --multi-turn last
  tuneline convert chats.jsonl --to bedrock-conversation-2024 --lossless | head -1`

func convertCommand() *cobra.Command {
	var o convertOptions
	command := &cobra.Command{
		Use:     "convert FILE",
		Short:   "Write a data set in another format, and say what that loses",
		Long:    convertLong + "\n\nFormats: " + formatList() + ".",
		Example: convertExample,
		Args:    needOneFile,
		RunE: func(command *cobra.Command, args []string) error {
			c := conversion{input: args[0], o: o, stdout: command.OutOrStdout(), stderr: command.ErrOrStderr()}
			return c.run(command.Context())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.to, "to", "", "the format to write (default the base model's)")
	flags.StringVar(&o.from, "from", auto, "the format to read; auto tells it row by row")
	flags.StringVar(&o.baseModel, "base-model", "", "the base model the data is for, whose format is written")
	flags.StringVar(&o.customizationType, "customization-type", "", "how the base model is to be customized, in the API's words (default "+defaultCustomizationType+")")
	flags.StringVarP(&o.output, "output", "o", standardIO, "the file to write")
	flags.StringVar(&o.rejects, "rejects", "", "write the rows that are not converted to this file, as they are")
	flags.StringVar(&o.report, "report", "", "write every loss and every rejection to this file, one JSON object a line")
	flags.StringVar(&o.multiTurn, "multi-turn", string(convert.MultiTurnSplit), "a conversation with several answers as prompt and completion: split into one record for each, keep the last, or reject")
	flags.StringVar(&o.template, "prompt-template", "", "a file with a Go text/template that makes the prompt of .System and .Turns (each with .Role and .Text)")
	flags.StringVar(&o.schemaVersion, "schema-version", "", "the schemaVersion to write (default bedrock-conversation-2024)")
	flags.BoolVar(&o.mergeTurns, "merge-turns", true, "join neighbouring messages of one role with a blank line where roles must alternate; otherwise reject the row")
	flags.BoolVar(&o.keepReasoning, "keep-reasoning", false, "keep an answer's reasoning where the format has a place for it (Nova 2 Lite takes it)")
	flags.BoolVar(&o.dropMedia, "drop-media", false, "leave out images and other media that cannot be carried over, instead of rejecting the row")
	flags.BoolVar(&o.lossless, "lossless", false, "reject every row that would lose something")
	flags.BoolVar(&o.force, "force", false, "write over files that exist")
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON document about the conversion on standard output; needs -o")
	return command
}

func formatList() string {
	var names []string
	for _, name := range convert.Formats() {
		names = append(names, string(name))
	}
	return strings.Join(names, ", ")
}

// settings turns the flags into the options of a conversion.
func (o convertOptions) settings() (convert.Options, error) {
	settings := convert.Options{
		SchemaVersion: o.schemaVersion, MultiTurn: convert.MultiTurn(o.multiTurn), KeepNeighbours: !o.mergeTurns,
		KeepReasoning: o.keepReasoning, DropMedia: o.dropMedia, Lossless: o.lossless,
	}
	var err error
	if settings.To, err = o.target(); err != nil {
		return settings, err
	}
	if o.from != auto {
		settings.From = dataset.Format(o.from)
	}
	if settings.PromptTemplate, err = o.promptTemplate(); err != nil {
		return settings, fmt.Errorf("--prompt-template: %w", err)
	}
	if o.asJSON && o.output == standardIO {
		return settings, errors.New("--json prints on standard output, where the records go already: name a file with -o")
	}
	return settings, nil
}

// promptTemplate reads the template, "" for the default one. The line break that
// editors put at a file's end would otherwise end every prompt.
func (o convertOptions) promptTemplate() (string, error) {
	if o.template == "" {
		return "", nil
	}
	text, err := os.ReadFile(o.template)
	if err != nil {
		return "", err
	}
	template := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if template == "" {
		return "", fmt.Errorf("%s is empty: write a template, or leave the flag out", o.template)
	}
	return template, nil
}

// target is the format to write: --to, or the base model's.
func (o convertOptions) target() (dataset.Format, error) {
	to := dataset.Format(o.to)
	if o.baseModel == "" {
		if to == "" {
			return "", fmt.Errorf("name the format with --to, one of %s, or the base model with --base-model", formatList())
		}
		if o.customizationType != "" {
			return "", errors.New("--customization-type says what to do with a base model: name it with --base-model")
		}
		return to, nil
	}
	found, err := forModel(o.baseModel, o.customizationType)
	if err != nil {
		return "", fmt.Errorf("--base-model: %w", err)
	}
	if format := found.options.Format; to != "" && to != format {
		return "", fmt.Errorf("--to %s: base model %s takes %s; leave --to out, choose another base model, or say with --customization-type what to do with it", to, o.baseModel, format)
	}
	return found.options.Format, nil
}
