package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tuneline/tuneline/internal/dataset/repair"
)

// fixOptions are the command's flags.
type fixOptions struct {
	target     targetFlags
	output     string
	rejects    string
	encoding   string
	maxActions int

	inPlace, force, dryRun, asJSON bool

	keepDuplicates, mergeTurns, dropUnknownKeys, replaceInvalid bool
}

const fixLong = `Write a repaired copy of a data set, and say line by line what was done.

Repaired is what can be without changing what is trained on: a byte order mark,
UTF-16, other line breaks than line feeds, blank lines, white space and commas
around records, NUL bytes, records over several lines or several on one, a file
that is one JSON array, raw control characters in strings; in the conversation
form also schemaVersion, texts without their content block and an empty system
prompt. Exact copies of a record are removed, unless --keep-duplicates leaves
them in to weigh more. What would change the data happens only when a flag asks
for it.

Each row is then judged as "tuneline check" would. A row that is still not good
goes to the rejects file, as it stood in the input (in UTF-8, if that was
UTF-16). A row longer than 4 MiB goes there too, and is never held in memory.
Nothing of the data is printed.

Exit codes: 0 the copy is accepted, 1 rows were rejected or the copy has errors,
2 the command failed: no file was written, unless all that failed was printing
the report.`

const fixExample = `  tuneline fix train.jsonl
  tuneline fix train.json --base-model meta.llama3-3-70b-instruct-v1:0:128k -o train.jsonl
  tuneline fix train.jsonl --dry-run --json
  tuneline fix export.jsonl --from-encoding windows-1252 --merge-turns
  zcat train.jsonl.gz | tuneline fix - --rejects rejects.jsonl > fixed.jsonl`

func fixCommand() *cobra.Command {
	var o fixOptions
	command := &cobra.Command{
		Use:     "fix FILE",
		Short:   "Write a repaired copy of a data set, and say what was done",
		Long:    fixLong,
		Example: fixExample,
		Args:    needOneFile,
		RunE: func(command *cobra.Command, args []string) error {
			f := fixing{o: o, input: args[0], stdout: command.OutOrStdout(), stderr: command.ErrOrStderr()}
			return f.run(command.Context())
		},
	}
	flags := command.Flags()
	flags.StringVarP(&o.output, "output", "o", "", "the copy to write, - for standard output (default FILE with the ending .fixed.jsonl)")
	flags.BoolVar(&o.inPlace, "in-place", false, "put the copy in FILE's place, and keep FILE as FILE.bak")
	flags.StringVar(&o.rejects, "rejects", "", "where to write the rows that cannot be repaired (default the copy's name with the ending .rejects.jsonl)")
	o.target.register(command)
	flags.StringVar(&o.encoding, "from-encoding", "", "the encoding of rows that are not UTF-8: "+strings.Join(repair.Encodings(), " or "))
	flags.BoolVar(&o.keepDuplicates, "keep-duplicates", false, "leave exact copies of a record in")
	flags.BoolVar(&o.mergeTurns, "merge-turns", false, "join neighbouring messages of one role")
	flags.BoolVar(&o.dropUnknownKeys, "drop-unknown-keys", false, "remove keys that are not part of the format")
	flags.BoolVar(&o.replaceInvalid, "replace-invalid", false, "write U+FFFD for bytes that are not UTF-8 and for halves of surrogate pairs")
	flags.IntVar(&o.maxActions, "max-actions", 20, "how many actions to tell of each kind and code; the totals count them all")
	flags.BoolVar(&o.dryRun, "dry-run", false, "say what would be done, and write nothing")
	flags.BoolVar(&o.force, "force", false, "write over files that exist")
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON document, on standard error if the copy goes to standard output")
	return command
}

// needOneFile is for commands that take one data set.
func needOneFile(command *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("name one data set, or - for standard input; \"tuneline %s --help\" has examples", command.Name())
	}
	return nothingEmpty(command, args)
}
