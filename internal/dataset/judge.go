package dataset

import (
	"bytes"
	"fmt"
	"sync/atomic"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	utf8Mark    = []byte("\xEF\xBB\xBF")
	utf16BEMark = []byte("\xFE\xFF")
	utf16LEMark = []byte("\xFF\xFE")
)

// verdict is what was found in one block. Its line numbers count from the
// block's first line, which is 1.
type verdict struct {
	lines, records int64
	tally          tally
	// marks are the fingerprints of records, near those of their normalized
	// texts when these are looked for, and at the lines they stand on.
	marks, near []uint64
	at          []uint32
	// answers are the records' answerMarks, but for 0, when these are looked for.
	answers []uint64
	// findings are kept up to a number a code, counts has them all by the
	// code's place in the table.
	findings []Finding
	counts   []int64
	// longest are the records that may be among the longest of all.
	longest []sized
}

// sized is a record by its line, and how many characters it has.
type sized struct{ line, characters int64 }

// told is what the collector tells the workers, about the blocks before theirs.
type told struct {
	// full, by the place of a code in the table: no more findings of it are kept.
	full []atomic.Bool
	// long is from how many characters on a record is among the longest.
	long atomic.Int64
}

// judge judges blocks, one after the other. Every worker has its own.
type judge struct {
	o    Options
	told *told
	// accept is the fast tier, nil when the options need the authority.
	accept func(*acceptor, int) int
	fast   acceptor
	// missed counts the records in a row that the fast tier did not know.
	missed int
	// answers: the records' answers are compared.
	answers bool
	record  func(*cursor)
	cursor  cursor
	v       *verdict
	lengths lengths
	texts   normalizer
}

func newJudge(o Options, t *told) *judge {
	j := &judge{o: o, told: t, record: forms[o.Format], answers: o.Role == RoleTraining && answering[o.Format]}
	if o.plain() {
		j.accept = acceptors[o.Format]
	}
	j.fast.machine, j.fast.systemItems, j.fast.wanted = machineFor(o.Rules.ReservedWords), o.Rules.SystemItems, o.NearDuplicates
	j.cursor.rules, j.cursor.limits, j.cursor.file = o.Rules, o.Limits, j.file
	j.cursor.mediaSize = o.MediaSize
	if o.NearDuplicates || len(o.Inspectors) > 0 {
		j.cursor.seeText = j.seeText
	}
	if o.NearDuplicates {
		j.cursor.seeValue = j.texts.add
	}
	return j
}

// block judges every line of a block.
func (j *judge) block(b *block, v *verdict) {
	v.reset()
	j.v, j.fast.b = v, b.buf
	for i := 0; i < b.size; {
		if b.buf[i] == '\n' {
			i = j.blankLines(b, i)
			continue
		}
		v.lines++
		if next := j.acceptLine(b, i); next > 0 {
			i = next
			continue
		}
		end, next := b.size, b.size
		if n := bytes.IndexByte(b.buf[i:b.size], '\n'); n >= 0 {
			end, next = i+n, i+n+1
		}
		cut := b.cut && next == b.size
		j.line(b.buf[i:end], b.number == 0 && v.lines == 1, cut)
		i = next
	}
}

func (v *verdict) reset() {
	if v.counts == nil {
		v.counts = make([]int64, len(codes))
	}
	clear(v.counts)
	*v = verdict{
		marks: v.marks[:0], near: v.near[:0], at: v.at[:0], answers: v.answers[:0],
		findings: v.findings[:0], counts: v.counts, longest: v.longest[:0],
	}
}

// The fast tier is left alone for a while after so many misses in a row, and
// then tried again: a file of another format is not read twice.
const (
	missesInARow = 8
	pauseOf      = 32
)

// acceptLine tries the fast tier on the line that begins at i. It returns where
// the next line begins, 0 for "don't know".
func (j *judge) acceptLine(b *block, i int) (next int) {
	if j.accept == nil {
		return 0
	}
	if j.missed >= missesInARow {
		if j.missed++; j.missed < missesInARow+pauseOf {
			return 0
		}
		j.missed = missesInARow - 1
	}
	a := &j.fast
	a.tally, a.texts = tally{}, a.texts[:0]
	end := j.accept(a, i)
	if end < 0 {
		j.missed++
		return 0
	}
	next = end
	if b.buf[next] != '\n' {
		next = space(b.buf, end)
	}
	atEnd := next == b.size
	if !atEnd && b.buf[next] != '\n' || atEnd && b.cut || next-i > j.o.MaxLineBytes || j.o.tooLong(a.tally.characters) {
		j.missed++
		return 0
	}
	j.missed = 0
	if a.wanted {
		j.normalize()
	}
	j.keep(b.buf[i:end], &a.tally)
	if atEnd {
		return next
	}
	return next + 1
}

// keep adds a record to the verdict.
func (j *judge) keep(record []byte, t *tally) {
	v := j.v
	v.records++
	v.tally.add(t)
	v.marks = append(v.marks, fingerprint(record))
	v.at = append(v.at, uint32(v.lines)) //nolint:gosec // lines of one block
	if j.o.NearDuplicates {
		v.near = append(v.near, j.texts.mark())
	}
	if t.answer != 0 && j.answers {
		v.answers = append(v.answers, t.answer)
	}
	j.lengths.add(t.characters)
	if t.characters > j.told.long.Load() {
		v.longest = append(v.longest, sized{v.lines, t.characters})
	}
}

// line has the authority judge one line.
func (j *judge) line(line []byte, first, cut bool) {
	base := 0
	line = bytes.TrimSuffix(line, []byte("\r"))
	tooLong := cut || len(line) > j.o.MaxLineBytes
	if first {
		line, base = j.cutMark(line)
	}
	line = bytes.TrimRight(line, " \t\r")
	c := &j.cursor
	c.reset(line, base, j.v.lines)
	if tooLong {
		j.v.records++
		c.addAt(CodeLineTooLong, 1, "", fmt.Sprintf("the line is longer than %s: shorten or split the record", count(j.o.MaxLineBytes, "byte")))
		return
	}
	record := bytes.TrimLeft(line, " \t\r")
	if len(record) == 0 {
		c.addAt(CodeBlankLine, 1, "", blankLine)
		return
	}
	j.texts.reset()
	j.walk()
	j.keep(record, &c.tally)
}

// cutMark files a byte order mark and returns what follows it.
func (j *judge) cutMark(line []byte) (rest []byte, base int) {
	for _, mark := range [][]byte{utf8Mark, utf16BEMark, utf16LEMark} {
		if bytes.HasPrefix(line, mark) {
			j.cursor.reset(line, 0, 1)
			j.cursor.addAt(CodeByteOrderMark, 1, "", "save the file as UTF-8 without a byte order mark")
			return line[len(mark):], len(mark)
		}
	}
	return line, 0
}

// walk judges the record the cursor stands before.
func (j *judge) walk() {
	c := &j.cursor
	if kind := c.kind(); kind != '{' && kind != 0 {
		column := c.column()
		if c.skip(); c.err == nil {
			c.addAt(CodeNotAnObject, column, "", "write one JSON object a line")
			return
		}
		c.end()
		return
	}
	j.record(c)
	c.end()
	if j.o.tooLong(c.characters) {
		limits := j.o.Limits
		c.addAt(CodeRecordTooLong, 1, "", fmt.Sprintf("the record has %d characters, %d are allowed (%d tokens, by the estimate of AWS's quotas of %d characters each): shorten or split it",
			c.characters, limits.TokensPerRecord*limits.CharactersPerToken, limits.TokensPerRecord, limits.CharactersPerToken))
	}
}

// tooLong says that a record has more characters than its tokens allow for.
func (o *Options) tooLong(characters int64) bool {
	most := o.Limits.TokensPerRecord * o.Limits.CharactersPerToken
	return most > 0 && characters > most
}

const blankLine = "remove the blank line"

// blankLines files the empty lines that begin at i: many at once, since a file
// may hold nothing else.
func (j *judge) blankLines(b *block, i int) int {
	place := codeIndex[CodeBlankLine]
	for i < b.size && b.buf[i] == '\n' {
		run := 1
		if j.told.full[place].Load() || j.v.counts[place] > int64(j.o.MaxFindings) {
			rest := b.buf[i:b.size]
			run = len(rest) - len(bytes.TrimLeft(rest, "\n"))
			j.v.counts[place] += int64(run)
			j.v.lines += int64(run)
		} else {
			j.v.lines++
			j.file(Finding{Code: CodeBlankLine, Line: j.v.lines, Column: 1, Message: blankLine})
		}
		i += run
	}
	return i
}

// file counts a finding, and keeps it as long as the report has room for it.
func (j *judge) file(f Finding) {
	place, ok := codeIndex[f.Code]
	if !ok {
		panic("dataset: code " + string(f.Code) + " is not in the table of codes")
	}
	j.v.counts[place]++
	if j.v.counts[place] > int64(j.o.MaxFindings) || j.told.full[place].Load() {
		return
	}
	f.Severity = j.o.severity(place)
	j.v.findings = append(j.v.findings, f)
}

// seeText is shown every text the authority reads, decoded.
func (j *judge) seeText(text []byte, column int, pointer jsontext.Pointer) {
	if j.o.NearDuplicates {
		j.texts.add(text)
	}
	for _, inspector := range j.o.Inspectors {
		for _, found := range inspector.Inspect(text) {
			j.cursor.addAt(found.Code, column, pointer, suspicion(found))
		}
	}
}

func suspicion(s Suspicion) string {
	if s.Code == CodeSecret {
		return "the text looks as if it held a secret (" + s.What + "): look at it, and remove the record if it does"
	}
	return "the text looks as if it held personal data (" + s.What + "): look at it, and mask what may not be trained on"
}
