package present

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tuneline/tuneline/internal/dataset"
)

// File is one data set and what was found in it.
type File struct {
	// Name is the data set as the person named it: a path or an s3:// address; or "stdin".
	Name string
	// Report is what the check found, the zero value with a Problem.
	Report dataset.Report
	// Checked says as what the data set was checked, such as
	// "bedrock-conversation-2024 for amazon.nova-micro-v1:0:128k".
	Checked string
	// NotLookedFor names what the check was not asked to look for, such as "secrets".
	NotLookedFor []string
	// Problem says why the data set could not be checked, "" when it was.
	Problem string
}

// accepted says whether the data set was checked and has no error.
func (f File) accepted() bool { return f.Problem == "" && f.Report.Accepted }

// verdict says in one clause what came of the check.
func (f File) verdict() string {
	r := f.Report
	switch {
	case f.Problem != "":
		return "not checked: " + OneLine(f.Problem)
	case !r.Accepted:
		return "not accepted, " + found(r)
	case r.Warnings+r.Notes > 0:
		return "accepted, " + found(r)
	}
	return "accepted"
}

// found names how much was found of each severity that was found at all.
func found(r dataset.Report) string {
	parts := []string{}
	if r.Errors > 0 || !r.Accepted {
		parts = append(parts, count(r.Errors, "error", "errors"))
	}
	if r.Warnings > 0 {
		parts = append(parts, count(r.Warnings, "warning", "warnings"))
	}
	if r.Notes > 0 {
		parts = append(parts, count(r.Notes, "note", "notes"))
	}
	return strings.Join(parts, ", ")
}

// tally is how often a code was found, and how many of those are listed.
type tally struct {
	info          dataset.CodeInfo
	total, listed int64
}

// tallies returns a report's totals in the order of the codes.
func tallies(r dataset.Report) []tally {
	listed := map[dataset.Code]int64{}
	for _, f := range r.Findings {
		listed[f.Code]++
	}
	list := make([]tally, 0, len(r.Counts))
	for _, code := range slices.Sorted(maps.Keys(r.Counts)) {
		list = append(list, tally{info: infoOf(code), total: r.Counts[code], listed: listed[code]})
	}
	return list
}

// infoOf explains a code. One of a newer version is shown all the same.
func infoOf(code dataset.Code) dataset.CodeInfo {
	info, ok := code.Info()
	if !ok {
		return dataset.CodeInfo{Code: code, Severity: dataset.SeverityNote, Title: "This version does not know the code"}
	}
	return info
}

// text is a finding's message with the place it speaks of.
func text(f dataset.Finding) string {
	if f.Pointer == "" {
		return f.Message
	}
	return fmt.Sprintf("%s (%s)", f.Message, f.Pointer)
}

// count writes a number with its noun.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}

// size writes a number of bytes.
func size(n int64) string {
	switch {
	case n >= 10_000_000:
		return fmt.Sprintf("%d MB", n/1_000_000)
	case n >= 10_000:
		return fmt.Sprintf("%d kB", n/1_000)
	}
	return count(n, "byte", "bytes")
}

// OneLine makes one line of an error, which may name a file in whatever words.
func OneLine(problem string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, problem)
}

// printable quotes a name that could move a terminal's cursor, or begin a line
// of its own in a log.
func printable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}
