package main

import (
	"fmt"
	"strings"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
)

// rejection is the error that a report amounts to, nil when it is accepted.
func rejection(r datasetReport, uri string) error {
	if r.SettingsProblems != nil {
		return finetune.Errorf(finetune.SettingsRejected, "model %s: %s. Change %s or the stack's configuration, then upload the data set again. Report: %s",
			r.Run.Model, tell(r.SettingsProblems), finetune.TuningKey(r.Run.Model), uri)
	}
	if r.Accepted {
		return nil
	}
	var parts []string
	for _, file := range []*checked{r.Training, r.Validation} {
		if file != nil && !file.Accepted {
			parts = append(parts, summary(file))
		}
	}
	return finetune.Errorf(finetune.DatasetRejected, "%s. Correct and upload again; the findings, up to %d of each code, are in %s", strings.Join(parts, ". "), dataset.DefaultMaxFindings, uri)
}

// A cause tells this many problems with the settings, each by so many characters:
// a tuning.json can hold thousands of unknown keys, and a key of 64 KiB, where
// Step Functions takes a cause of 32,768 characters
// (https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskFailedEventDetails.html).
// The report has them all.
const (
	maxProblems   = 12
	maxCharacters = 1000
)

// tell joins the first problems.
func tell(problems []string) string {
	var told []string
	for _, problem := range problems[:min(len(problems), maxProblems)] {
		if runes := []rune(problem); len(runes) > maxCharacters {
			problem = string(runes[:maxCharacters]) + " …"
		}
		told = append(told, problem)
	}
	if more := len(problems) - len(told); more > 0 {
		told = append(told, "and "+count(int64(more), "more problem"))
	}
	return strings.Join(told, "; ")
}

// maxTold is how many kinds of error a cause tells of each file; the report has
// all kinds.
const maxTold = 5

// summary counts a file's errors and tells each kind once, with where it stands.
// It holds nothing out of the file: what is told is the code's own title.
func summary(file *checked) string {
	errors := fold(file.Report)
	var told []string
	for _, e := range errors[:min(len(errors), maxTold)] {
		told = append(told, e.String())
	}
	if more := len(errors) - len(told); more > 0 {
		told = append(told, count(int64(more), "more kind")+" of error")
	}
	return fmt.Sprintf("%s data %s (version %s) has %s in %s: %s", file.Role, file.Key, file.VersionID,
		count(file.Errors, "error"), count(file.Records, "record"), strings.Join(told, "; "))
}

// folded is one kind of error in a file: the findings of one code.
type folded struct {
	dataset.Finding // the first

	last int64 // the last one's line
	// gap: there are lines without one between the first and the last.
	gap bool
	// kept is how many findings the report holds, of all that there are.
	kept, all int64
}

// fold puts the errors of each code together, in the order of the first ones.
func fold(r dataset.Report) []*folded {
	var list []*folded
	known := map[dataset.Code]*folded{}
	for _, f := range r.Findings {
		if f.Severity != dataset.SeverityError {
			continue
		}
		e := known[f.Code]
		if e == nil {
			e = &folded{Finding: f, last: f.Line, all: r.Counts[f.Code]}
			known[f.Code] = e
			list = append(list, e)
		}
		e.gap = e.gap || f.Line > e.last+1
		e.last = f.Line
		e.kept++
	}
	return list
}

// String tells where, by code and title. Of the file as a whole, the message
// holds counts only, which the title lacks.
func (e folded) String() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s (%s)", e.Code, e.Message)
	}
	info, _ := e.Code.Info()
	return fmt.Sprintf("%s: %s (%s)", e.where(), e.Code, info.Title)
}

func (e folded) where() string {
	switch {
	case e.all > e.kept || e.gap:
		return fmt.Sprintf("from line %d on, %d times", e.Line, e.all)
	case e.last > e.Line:
		return fmt.Sprintf("lines %d-%d", e.Line, e.last)
	case e.all > 1:
		return fmt.Sprintf("line %d, %d times", e.Line, e.all)
	}
	return fmt.Sprintf("line %d", e.Line)
}

// count is a number with its noun.
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
