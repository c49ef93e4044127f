package dataset

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// whole files a finding about the data set as a whole.
func (c *collector) whole(code Code, message string) {
	c.file(Finding{Code: code, Message: message})
}

// finish judges the data set as a whole.
func (c *collector) finish() Report {
	r := c.report
	c.count()
	c.profile()
	c.outliers()
	c.imbalance()
	if kinds := c.tally.mediaKinds(); len(kinds) > 1 {
		c.whole(CodeMediaMixed, "the data set holds "+andList(kinds)+": keep one kind, or make a data set of each")
	}
	c.fileSize()
	r.Characters = c.tally.characters
	per := c.o.Limits.CharactersPerToken
	r.EstimatedTokens = (r.Characters + per - 1) / per
	r.DuplicatesUnchecked = r.seen.unchecked
	for place, n := range c.counts {
		if n == 0 {
			continue
		}
		r.Counts[codes[place].Code] = n
		switch c.o.severity(place) {
		case SeverityError:
			r.Errors += n
		case SeverityWarning:
			r.Warnings += n
		case SeverityNote:
			r.Notes += n
		}
	}
	r.Accepted = r.Errors == 0
	return *r
}

// count compares the number of records with the limits.
func (c *collector) count() {
	r, limits := c.report, c.o.Limits
	if r.Records == 0 {
		c.whole(CodeTooFewRecords, "the data set has no record")
		return
	}
	if r.Role == RoleValidation {
		c.countValidation()
		return
	}
	total, what := r.Records, count(r.Records, "training record")
	if v := c.o.Validation; v != nil {
		total += v.Records
		what = count(total, "training and validation record") + " together"
	}
	switch {
	case total < limits.MinRecords:
		c.whole(CodeTooFewRecords, fmt.Sprintf("%s, at least %d are needed: add some", what, limits.MinRecords))
	case exceeds(total, limits.MaxRecords):
		c.whole(CodeTooManyRecords, fmt.Sprintf("%s, %d are allowed: remove some, or have the quota raised", what, limits.MaxRecords))
	case r.Records < limits.AdvisedRecords:
		c.whole(CodeFewRecords, fmt.Sprintf("%s; AWS advises at least %d", count(r.Records, "training record"), limits.AdvisedRecords))
	case exceeds(total, limits.DoubtfulRecords):
		c.whole(CodeDoubtfulRecords, fmt.Sprintf("%s; the strictest of AWS's pages takes %d: remove some if you can", what, limits.DoubtfulRecords))
	}
}

// countValidation compares the number of validation records with the limits.
func (c *collector) countValidation() {
	limits, what := c.o.Limits, count(c.report.Records, "validation record")
	switch records := c.report.Records; {
	case exceeds(records, limits.MaxValidationRecords):
		c.whole(CodeTooManyRecords, fmt.Sprintf("%s, %d are allowed: remove some", what, limits.MaxValidationRecords))
	case exceeds(records, limits.DoubtfulValidationRecords):
		c.whole(CodeDoubtfulRecords, fmt.Sprintf("%s; AWS's sample validator takes %d: remove some if you can", what, limits.DoubtfulValidationRecords))
	}
	if c.o.Rules.NoValidation {
		c.whole(CodeValidationUnused, c.o.Rules.model()+" is tuned without validation data: leave it out, and train on these records too")
	}
}

// exceeds compares with a bound, of which 0 means that there is none.
func exceeds(n, most int64) bool { return most > 0 && n > most }

// fileSize compares the bytes with the limit on a file.
func (c *collector) fileSize() {
	most, doubtful := c.o.Limits.MaxBytes, c.o.Limits.DoubtfulBytes
	if c.o.Role == RoleValidation {
		most = c.o.Limits.MaxValidationBytes
	}
	switch bytes := c.report.Bytes; {
	case exceeds(bytes, most):
		c.whole(CodeFileTooLarge, fmt.Sprintf("the file has %d bytes, %d are allowed: remove records", bytes, most))
	case exceeds(bytes, doubtful):
		c.whole(CodeDoubtfulFileSize, fmt.Sprintf("the file has %d bytes; AWS's sample validator takes %d: remove records if you can", bytes, doubtful))
	}
}

// enoughRecords is from how many records on they are compared with each other.
const enoughRecords = 50

// outlierTimes is from how many times the median on a record counts as far
// longer than the others.
const outlierTimes = 20

// outliers names the records that are far longer than the others.
func (c *collector) outliers() {
	median := c.report.Profile.Characters.P50
	if c.report.Records < enoughRecords || median == 0 {
		return
	}
	var lines []string
	for _, s := range c.longest {
		if s.characters > outlierTimes*median {
			lines = append(lines, strconv.FormatInt(s.line, 10))
		}
	}
	if len(lines) > 0 {
		c.whole(CodeLengthOutlier, fmt.Sprintf("records of more than %d times the median of %s stand on these lines (the %d longest are looked at): %s",
			outlierTimes, count(median, "character"), keptLongest, strings.Join(lines, ", ")))
	}
}

// imbalance says when more than half of the records surely have the same answer.
func (c *collector) imbalance() {
	records, same := c.report.Records, c.answers.most()
	if records < enoughRecords || same <= records/2 {
		return
	}
	c.whole(CodeImbalance, fmt.Sprintf("one answer stands in at least %d of %d records (%d %%): add records with others, or remove some of these",
		same, records, 100*same/records))
}

// profile describes the records.
func (c *collector) profile() {
	var all lengths
	for _, j := range c.judges {
		all.merge(&j.lengths)
	}
	c.report.Profile = Profile{Characters: all.percentiles(), Messages: map[string]int64{}}
	for role, n := range map[string]int64{"system": c.tally.system, "user": c.tally.user, "assistant": c.tally.assistant, "tool": c.tally.tool} {
		if n > 0 {
			c.report.Profile.Messages[role] = n
		}
	}
}

// longest are the records with the most characters, the longest first, the
// earlier first where they are alike.
type longest []sized

const keptLongest = 10

func (l *longest) add(s sized) {
	at, _ := slices.BinarySearchFunc(*l, s, func(a, b sized) int {
		return cmp.Or(cmp.Compare(b.characters, a.characters), cmp.Compare(a.line, b.line))
	})
	*l = slices.Insert(*l, at, s)
	*l = (*l)[:min(len(*l), keptLongest)]
}

// least is how many characters a record must exceed to belong here.
func (l longest) least() int64 {
	if len(l) < keptLongest {
		return -1
	}
	return l[len(l)-1].characters
}
