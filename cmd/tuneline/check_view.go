package main

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/muesli/termenv"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/present"
)

// checkView shows checks: to a person while they run, to a program at the end.
// Its methods may be called from several goroutines.
type checkView struct {
	out    *remembering
	output string
	quiet  bool
	// human is nil for a program.
	human *present.Human
	*bars
}

func newCheckView(o checkOptions, stdout, stderr io.Writer) *checkView {
	v := &checkView{out: &remembering{Writer: stdout}, output: o.output, quiet: o.quiet, bars: &bars{}}
	color := isTerminal(stdout) && !termenv.EnvNoColor()
	switch {
	case o.output != outputHuman:
	case o.quiet: // no summary would name what is folded
		v.human = present.NewList(v.out, color)
	default:
		v.human = present.NewHuman(v.out, color)
	}
	if !o.quiet {
		v.bars = newBars(stderr)
	}
	return v
}

// finding shows a finding to a person as soon as it is known.
func (v *checkView) finding(name string, f dataset.Finding) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.human != nil {
		v.clear()
		v.human.Finding(name, f)
	}
}

// summary shows to a person what came of a file.
func (v *checkView) summary(file present.File) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.human != nil && (!v.quiet || file.Problem != "") {
		v.human.Summary(file)
	}
}

// end shows everything to a program, or what the files have in common to a person.
// asked is how many data sets were named, validation data apart.
func (v *checkView) end(files []present.File, asked int) error {
	switch v.output {
	case outputJSON:
		return present.JSON(v.out, files)
	case outputSARIF:
		return present.SARIF(v.out, files, version())
	case outputGitHub:
		return present.GitHub(v.out, files)
	}
	if !v.quiet && len(files) > 1 {
		v.together(files, asked)
	}
	if v.out.err != nil {
		return fmt.Errorf("printing the report: %w", v.out.err)
	}
	return nil
}

// together shows a person what several files came to.
func (v *checkView) together(files []present.File, asked int) {
	var accepted, rejected, failed int
	for _, file := range files {
		switch {
		case file.Problem != "":
			failed++
		case file.Report.Accepted:
			accepted++
		default:
			rejected++
		}
	}
	fmt.Fprintf(v.out, "\n%d files: %d accepted, %d with errors, %d not checked\n", len(files), accepted, rejected, failed)
	if asked > 1 {
		fmt.Fprintln(v.out, "Each was checked on its own: a job takes one training file, so records were neither counted nor compared across files. Join them first if they are one data set.")
	}
}

// version is this program's, "" when it was not built from a release.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "(devel)" {
		return ""
	}
	return info.Main.Version
}
