package dataset

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
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
	// The first block is judged alone in any case: workers that have much to do
	// would keep its findings from being told at once.
	if more := c.alone(reader, o.Workers == 1); more {
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

// alone judges without other goroutines: all blocks, or the first, after which
// there may be more.
func (c *collector) alone(r *blockReader, all bool) (more bool) {
	j := c.newJudge()
	var u unit
	for r.next(&u.block) {
		j.block(&u.block, &u.verdict)
		if c.add(&u); !all {
			return true
		}
	}
	return false
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
	// blocks is how many blocks were collected, bytes what they held.
	blocks int
	bytes  int64
	// expected: room was made for the records to come.
	expected bool
	counts   []int64
	kept     []int
	tally    tally
	longest  longest
	answers  answers
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
	c.blocks++
	c.compare(v)
	for place, n := range v.counts {
		c.counts[place] += n
	}
	c.tally.add(&v.tally)
	// In the order of the lines, which the counts depend on: a worker that counted
	// for itself would make the outcome one of chance.
	for _, mark := range v.answers {
		c.answers.add(mark)
	}
	for _, s := range v.longest {
		c.longest.add(sized{r.Lines + s.line, s.characters})
	}
	c.told.long.Store(c.longest.least())
	r.Lines += v.lines
	r.Records += v.records
	c.bytes += int64(u.block.size)
	if !c.expected && c.bytes >= sampleBytes {
		c.expect()
	}
	if c.o.Progress != nil {
		c.o.Progress(u.block.read, r.Records)
	}
}

// sampleBytes is how much of a data set is collected before memory is taken for
// all of it: that may be hundreds of megabytes, which no finding at the beginning
// has to wait for.
const sampleBytes = 4 << 20

// expect makes room for as many records as a data set of this size may have,
// by the mean of those so far.
func (c *collector) expect() {
	c.expected = true
	if c.o.Size <= c.bytes || c.report.Records == 0 {
		return
	}
	records := c.o.Size / max(c.bytes/c.report.Records, 1)
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
		code, message := CodeDuplicateRecord, copyOf
		first, known := c.report.seen.first(mark, base+line)
		if !known && len(v.near) > i && v.near[i] != 0 {
			code, message = CodeNearDuplicate, nearCopyOf
			first, known = c.report.near.first(v.near[i], base+line)
		}
		if known {
			upTo(line)
			c.file(Finding{Code: code, Line: base + line, Column: 1, Message: fmt.Sprintf(message, first)})
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

// What is said of a record that an earlier line has too.
const (
	copyOf     = "the record is a copy of line %d: remove it unless it is meant to weigh more"
	nearCopyOf = "the record has the texts of line %d but for case, white space, their order or the way it is written: remove it unless it is meant to weigh more"
)

// inBoth looks for a training record in the validation data.
func (c *collector) inBoth(validation *Report, v *verdict, i int, line int64) (Finding, bool) {
	switch {
	case validation.seen != nil && validation.seen.has(v.marks[i]):
		return Finding{Code: CodeRecordInBoth, Line: line, Column: 1,
			Message: "the record stands in the validation data too: remove it from one of the two"}, true
	case len(v.near) > i && v.near[i] != 0 && validation.near != nil && validation.near.has(v.near[i]):
		return Finding{Code: CodeNearRecordInBoth, Line: line, Column: 1,
			Message: "the validation data has the same texts but for case, white space, order or the way they are written: remove one of the two"}, true
	}
	return Finding{}, false
}

// file counts and keeps a finding that no worker has counted.
func (c *collector) file(f Finding) {
	place := codeIndex[f.Code]
	c.counts[place]++
	f.Severity = c.o.severity(place)
	c.keep(f)
}

// keep puts a finding into the report as long as there is room for its code.
func (c *collector) keep(f Finding) {
	place := codeIndex[f.Code]
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
