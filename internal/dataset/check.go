package dataset

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Check reads a data set to its end and reports on it. The error is about
// reading, the context or the options, never about what the data set says; the
// report is the zero value then.
//
// Records are judged in two tiers: a fast one that knows the plain way of
// writing a valid record, and the authority, a walk with jsontext, for all that
// the fast one does not know. Memory is bounded but for 16 bytes a record that
// duplicates are found by (40 when Options.Size is not known).
func Check(ctx context.Context, r io.Reader, o Options) (Report, error) {
	o, err := o.complete()
	if err != nil {
		return Report{}, err
	}
	reader := newBlockReader(ctx, r, o)
	c := newCollector(o)
	if o.Workers == 1 {
		c.alone(reader)
	} else {
		c.together(reader)
	}
	if reader.err != nil {
		return Report{}, fmt.Errorf("reading the data set after line %d: %w", c.report.Lines, reader.err)
	}
	c.report.Bytes = reader.bytes
	if reader.digest != nil {
		c.report.SHA256 = hex.EncodeToString(reader.digest.Sum(nil))
	}
	return c.finish(), nil
}

// unit is a block on its way from the reader through a worker to the collector.
type unit struct {
	block   block
	verdict verdict
}

// alone judges without other goroutines.
func (c *collector) alone(r *blockReader) {
	j := c.newJudge()
	var u unit
	for r.next(&u.block) {
		j.block(&u.block, &u.verdict)
		c.add(&u)
	}
}

// together reads, judges and collects at the same time. The number of units
// bounds the memory, and every channel holds them all: nothing but a lack of
// units makes anyone wait.
func (c *collector) together(r *blockReader) {
	units := c.o.Workers + 3
	free, filled, judged := make(chan *unit, units), make(chan *unit, units), make(chan *unit, units)
	for range units {
		free <- &unit{}
	}
	go func() {
		defer close(filled)
		for u := range free {
			if !r.next(&u.block) {
				return
			}
			filled <- u
		}
	}()
	var working sync.WaitGroup
	for range c.o.Workers {
		j := c.newJudge()
		working.Go(func() {
			for u := range filled {
				j.block(&u.block, &u.verdict)
				judged <- u
			}
		})
	}
	go func() {
		working.Wait()
		close(judged)
	}()
	early := map[int]*unit{}
	for u := range judged {
		early[u.block.number] = u
		for u, ok := early[c.blocks]; ok; u, ok = early[c.blocks] {
			delete(early, c.blocks)
			c.add(u)
			free <- u
		}
	}
}

// collector puts the verdicts on a data set's blocks together, in their order.
type collector struct {
	o      Options
	report *Report
	told   *told
	judges []*judge
	// blocks is how many blocks were collected.
	blocks  int
	counts  []int64
	kept    []int
	tally   tally
	longest longest
	// touched keeps the compiler from leaving out reads made ahead.
	touched uint64
}

func newCollector(o Options) *collector {
	return &collector{
		o: o, counts: make([]int64, len(codes)), kept: make([]int, len(codes)),
		told: &told{full: make([]atomic.Bool, len(codes))},
		report: &Report{
			Format: o.Format, Role: o.Role, Counts: map[Code]int64{}, Findings: []Finding{},
			seen: newSeen(MaxFingerprints), near: newSeen(MaxFingerprints),
		},
	}
}

func (c *collector) newJudge() *judge {
	j := newJudge(c.o, c.told)
	c.judges = append(c.judges, j)
	return j
}

// add takes in the verdict on the next block.
func (c *collector) add(u *unit) {
	v, r := &u.verdict, c.report
	if c.blocks == 0 {
		c.expect(u)
	}
	c.blocks++
	c.compare(v)
	for place, n := range v.counts {
		c.counts[place] += n
	}
	c.tally.add(&v.tally)
	for _, s := range v.longest {
		c.longest.add(sized{r.Lines + s.line, s.characters})
	}
	c.told.long.Store(c.longest.least())
	r.Lines += v.lines
	r.Records += v.records
	if c.o.Progress != nil {
		c.o.Progress(u.block.read, r.Records)
	}
}

// expect makes room for as many records as a data set of this size may have,
// by the mean of its first block.
func (c *collector) expect(u *unit) {
	if c.o.Size <= int64(u.block.size) || u.verdict.records == 0 {
		return
	}
	records := c.o.Size / max(int64(u.block.size)/u.verdict.records, 1)
	c.report.seen.expect(records + records/16)
	if c.o.NearDuplicates {
		c.report.near.expect(records + records/16)
	}
}

// compare looks for each record among the earlier ones and the validation data,
// and files the block's findings in the order of their lines.
func (c *collector) compare(v *verdict) {
	base, findings := c.report.Lines, v.findings
	upTo := func(line int64) {
		for len(findings) > 0 && findings[0].Line <= line {
			f := findings[0]
			f.Line += base
			c.keep(f)
			findings = findings[1:]
		}
	}
	c.touched += c.report.seen.touch(v.marks)
	for i, mark := range v.marks {
		line := int64(v.at[i])
		found, copied := c.copyOf(mark, base+line)
		if !copied && len(v.near) > i && v.near[i] != 0 {
			found, copied = c.nearCopyOf(v.near[i], base+line)
		}
		if copied {
			upTo(line)
			c.file(found)
		}
		if val := c.o.Validation; val != nil {
			if found, ok := c.inBoth(val, v, i, base+line); ok {
				upTo(line)
				c.file(found)
			}
		}
	}
	upTo(v.lines)
}

func (c *collector) copyOf(mark uint64, line int64) (Finding, bool) {
	first, known := c.report.seen.first(mark, line)
	if !known {
		return Finding{}, false
	}
	return Finding{Code: CodeDuplicateRecord, Line: line, Column: 1,
		Message: fmt.Sprintf("the record is a copy of line %d: remove it unless it is meant to weigh more", first)}, true
}

func (c *collector) nearCopyOf(mark uint64, line int64) (Finding, bool) {
	first, known := c.report.near.first(mark, line)
	if !known {
		return Finding{}, false
	}
	return Finding{Code: CodeNearDuplicate, Line: line, Column: 1,
		Message: fmt.Sprintf("the record has the texts of line %d but for case, white space or the way it is written: remove it unless it is meant to weigh more", first)}, true
}

// inBoth looks for a training record in the validation data.
func (c *collector) inBoth(validation *Report, v *verdict, i int, line int64) (Finding, bool) {
	switch {
	case validation.seen != nil && validation.seen.has(v.marks[i]):
		return Finding{Code: CodeRecordInBoth, Line: line, Column: 1,
			Message: "the record stands in the validation data too: remove it from one of the two"}, true
	case len(v.near) > i && v.near[i] != 0 && validation.near != nil && validation.near.has(v.near[i]):
		return Finding{Code: CodeNearRecordInBoth, Line: line, Column: 1,
			Message: "the validation data has the same texts but for case, white space or the way they are written: remove one of the two"}, true
	}
	return Finding{}, false
}

// file counts and keeps a finding that no worker has counted.
func (c *collector) file(f Finding) {
	place := codePlaces[f.Code]
	c.counts[place]++
	f.Severity = codes[place].Severity
	c.keep(f)
}

// keep puts a finding into the report as long as there is room for its code.
func (c *collector) keep(f Finding) {
	place := codePlaces[f.Code]
	if c.kept[place] >= c.o.MaxFindings {
		return
	}
	c.kept[place]++
	c.told.full[place].Store(c.kept[place] >= c.o.MaxFindings)
	c.report.Findings = append(c.report.Findings, f)
	if c.o.Found != nil {
		c.o.Found(f)
	}
}

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
	if c.tally.hasImage && c.tally.hasVideo {
		c.whole(CodeMediaMixed, "the data set holds images and videos: keep one of the two, or make two data sets")
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
		switch codes[place].Severity {
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
		if most := limits.MaxValidationRecords; most > 0 && r.Records > most {
			c.whole(CodeTooManyRecords, fmt.Sprintf("%s, %d are allowed: remove some", count(r.Records, "validation record"), most))
		}
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
	case limits.MaxRecords > 0 && total > limits.MaxRecords:
		c.whole(CodeTooManyRecords, fmt.Sprintf("%s, %d are allowed: remove some, or have the quota raised", what, limits.MaxRecords))
	case r.Records < limits.AdvisedRecords:
		c.whole(CodeFewRecords, fmt.Sprintf("%s; AWS advises at least %d", count(r.Records, "training record"), limits.AdvisedRecords))
	}
}

// fileSize compares the bytes with the limit on a file.
func (c *collector) fileSize() {
	most := c.o.Limits.MaxBytes
	if c.o.Role == RoleValidation {
		most = c.o.Limits.MaxValidationBytes
	}
	if most > 0 && c.report.Bytes > most {
		c.whole(CodeFileTooLarge, fmt.Sprintf("the file has %d bytes, %d are allowed: remove records", c.report.Bytes, most))
	}
}

// A record counts as far longer than the others from so many times the median
// on, in a data set of so many records at least.
const (
	outlierTimes   = 20
	outlierRecords = 50
)

// outliers names the records that are far longer than the others.
func (c *collector) outliers() {
	median := c.report.Profile.Characters.P50
	if c.report.Records < outlierRecords || median == 0 {
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

func workers() int { return runtime.GOMAXPROCS(0) }
