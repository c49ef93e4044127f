package present

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tuneline/tuneline/internal/dataset"
)

// annotationsPerStep is how many annotations of one severity GitHub keeps of a
// step; those after them are dropped without a word.
const annotationsPerStep = 10

// commands are GitHub's names of the severities.
var commands = []struct {
	severity  dataset.Severity
	command   string
	one, many string
}{
	{dataset.SeverityError, "error", "error", "errors"},
	{dataset.SeverityWarning, "warning", "warning", "warnings"},
	{dataset.SeverityNote, "notice", "note", "notes"},
}

// GitHub writes workflow commands, which GitHub Actions turns into annotations
// of the data sets' lines, and one line of log for each data set.
//
// GitHub keeps ten annotations of each severity for a step. Where there are
// more findings, the tenth says how many of which code are not annotated, and
// the first of every code in every data set go before the others. A column is
// a byte on its line.
func GitHub(w io.Writer, files []File) error {
	var b strings.Builder
	for _, c := range commands {
		annotations, total := annotationsOf(files, c.severity)
		shown := choose(annotations, total)
		for _, a := range shown {
			b.WriteString(a.command(c.command))
		}
		if rest := total - int64(len(shown)); rest > 0 {
			message := fmt.Sprintf("%s not annotated (%s): check without --output github to have them listed", count(rest, "more "+c.one+" is", "more "+c.many+" are"), unshown(files, shown, c.severity))
			fmt.Fprintf(&b, "::%s title=%s::%s\n", c.command, toolName, escapeData(message))
		}
	}
	for _, f := range files {
		// The tool's name first: a line that began with two colons would be a command.
		fmt.Fprintf(&b, "%s: %s: %s\n", toolName, printable(f.Name), escapeData(f.verdict()))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing annotations: %w", err)
	}
	return nil
}

// annotation is a finding in a data set, or with an empty code the problem that
// kept it from being checked.
type annotation struct {
	file    string
	finding dataset.Finding
}

// annotationsOf returns what can be annotated in a severity, and how much of it
// there is with what is not listed.
func annotationsOf(files []File, severity dataset.Severity) (list []annotation, total int64) {
	for _, f := range files {
		if f.Problem != "" && severity == dataset.SeverityError {
			list = append(list, annotation{f.Name, dataset.Finding{Message: "the data set was not checked: " + f.Problem}})
			total++
		}
		for _, finding := range f.Report.Findings {
			if finding.Severity == severity {
				list = append(list, annotation{f.Name, finding})
			}
		}
		for _, t := range tallies(f.Report) {
			if t.info.Severity == severity {
				total += t.total
			}
		}
	}
	return list, total
}

// choose returns what is annotated, in the order of the list: everything if it
// fits, and else the first of each code in each data set before the others.
func choose(list []annotation, total int64) []annotation {
	room := annotationsPerStep
	if total > annotationsPerStep {
		room-- // the last one speaks of the others
	}
	type kind struct {
		file string
		code dataset.Code
	}
	seen := map[kind]bool{}
	var firsts, others []int
	for i, a := range list {
		k := kind{a.file, a.finding.Code}
		if seen[k] {
			others = append(others, i)
			continue
		}
		seen[k] = true
		firsts = append(firsts, i)
	}
	chosen := append(firsts, others...)
	chosen = chosen[:min(room, len(chosen))]
	slices.Sort(chosen)
	shown := make([]annotation, len(chosen))
	for i, at := range chosen {
		shown[i] = list[at]
	}
	return shown
}

// unshown counts by code what is not annotated, as "8000 × TL1101, 1 × TL1301".
func unshown(files []File, shown []annotation, severity dataset.Severity) string {
	left := map[dataset.Code]int64{}
	problems := int64(0)
	for _, f := range files {
		if f.Problem != "" && severity == dataset.SeverityError {
			problems++
		}
		for _, t := range tallies(f.Report) {
			if t.info.Severity == severity {
				left[t.info.Code] += t.total
			}
		}
	}
	for _, a := range shown {
		if a.finding.Code == "" {
			problems--
			continue
		}
		left[a.finding.Code]--
	}
	parts := []string{}
	for _, t := range tallies(dataset.Report{Counts: left}) {
		if t.total > 0 {
			parts = append(parts, fmt.Sprintf("%d × %s", t.total, t.info.Code))
		}
	}
	if problems > 0 {
		parts = append(parts, fmt.Sprintf("%d × not checked", problems))
	}
	return strings.Join(parts, ", ")
}

// command writes the annotation as a workflow command.
func (a annotation) command(name string) string {
	properties := []string{"file=" + escapeProperty(a.file)}
	if a.finding.Line > 0 {
		properties = append(properties, fmt.Sprintf("line=%d", a.finding.Line))
	}
	if a.finding.Column > 0 {
		properties = append(properties, fmt.Sprintf("col=%d", a.finding.Column))
	}
	title := string(a.finding.Code)
	if title == "" {
		title = toolName
	}
	properties = append(properties, "title="+escapeProperty(title))
	return fmt.Sprintf("::%s %s::%s\n", name, strings.Join(properties, ","), escapeData(text(a.finding)))
}

// The characters that end a command, or a property of one, are percent-encoded
// as GitHub's own toolkit does.
var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func escapeData(s string) string     { return dataEscapes.Replace(s) }
func escapeProperty(s string) string { return propertyEscapes.Replace(s) }
