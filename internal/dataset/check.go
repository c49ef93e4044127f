package dataset

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
)

// forms walk one record, which begins with an object, and file what they find.
var forms = map[Format]func(*cursor){
	FormatPromptCompletion: promptCompletion,
	FormatConversation:     conversation,
}

var (
	utf8Mark    = []byte("\xEF\xBB\xBF")
	utf16BEMark = []byte("\xFE\xFF")
	utf16LEMark = []byte("\xFF\xFE")
)

// Check reads a data set to its end and reports on it. The error is about
// reading, the context or the options, never about what the data set says; the
// report is the zero value then.
func Check(ctx context.Context, r io.Reader, o Options) (Report, error) {
	o, err := o.complete()
	if err != nil {
		return Report{}, err
	}
	src := newSource(ctx, r)
	k := newChecker(o)
	lines := newLineReader(src, o.MaxLineBytes)
	told := int64(-1)
	for lines.next() {
		k.line(lines)
		if o.Progress != nil && src.bytes != told {
			told = src.bytes
			o.Progress(src.bytes, k.report.Records)
		}
	}
	if lines.err != nil {
		return Report{}, lines.err
	}
	if o.Progress != nil {
		o.Progress(src.bytes, k.report.Records)
	}
	k.report.Bytes, k.report.Lines = src.bytes, lines.number
	k.report.SHA256 = hex.EncodeToString(src.hash.Sum(nil))
	return k.finish(), nil
}

// checker judges the lines of one data set.
type checker struct {
	o      Options
	record func(*cursor)
	report *Report
	cursor cursor
}

func newChecker(o Options) *checker {
	report := &Report{
		Format: o.Format, Role: o.Role,
		Counts: map[Code]int64{}, Findings: []Finding{},
		seen: newFingerprints(),
	}
	return &checker{
		o: o, record: forms[o.Format], report: report,
		cursor: cursor{report: report, maxFindings: o.MaxFindings, rules: o.Rules},
	}
}

// line judges the line the reader stands at.
func (k *checker) line(l *lineReader) {
	line, base := l.line, 0
	if l.number == 1 {
		line, base = k.cutMark(line)
	}
	line = bytes.TrimRight(line, " \t\r")
	k.cursor.reset(line, base, l.number)
	if l.tooLong {
		k.report.Records++
		k.cursor.addAt(CodeLineTooLong, 1, "", fmt.Sprintf("the line is longer than %d bytes: shorten or split the record", k.o.MaxLineBytes))
		return
	}
	if len(bytes.TrimLeft(line, " \t\r")) == 0 {
		k.cursor.addAt(CodeBlankLine, 1, "", "remove the blank line")
		return
	}
	k.report.Records++
	k.walk()
	k.compare(line)
}

// cutMark files a byte order mark and returns what follows it.
func (k *checker) cutMark(line []byte) (rest []byte, base int) {
	for _, mark := range [][]byte{utf8Mark, utf16BEMark, utf16LEMark} {
		if bytes.HasPrefix(line, mark) {
			k.cursor.reset(line, 0, 1)
			k.cursor.addAt(CodeByteOrderMark, 1, "", "save the file as UTF-8 without a byte order mark")
			return line[len(mark):], len(mark)
		}
	}
	return line, 0
}

// walk judges the record the cursor stands before.
func (k *checker) walk() {
	c := &k.cursor
	if kind := c.kind(); kind != '{' && kind != 0 {
		column := c.column()
		if c.skip(); c.err == nil {
			c.addAt(CodeNotAnObject, column, "", "write one JSON object a line")
			return
		}
		c.end()
		return
	}
	k.record(c)
	c.end()
	k.report.Characters += c.characters
	limits := k.o.Limits
	if most := limits.TokensPerRecord * limits.CharactersPerToken; most > 0 && c.characters > most {
		c.addAt(CodeRecordTooLong, 1, "", fmt.Sprintf("the record has %d characters, %d are allowed (%d tokens of %d characters): shorten or split it",
			c.characters, most, limits.TokensPerRecord, limits.CharactersPerToken))
	}
}

// compare looks for the record among the earlier ones and the validation data.
func (k *checker) compare(record []byte) {
	mark := fingerprint(bytes.TrimLeft(record, " \t\r"))
	if first, known := k.report.seen.first(mark, k.cursor.number); known {
		k.cursor.addAt(CodeDuplicateRecord, 1, "", fmt.Sprintf("the record is a copy of line %d: remove it unless it is meant to weigh more", first))
	}
	if v := k.o.Validation; v != nil && v.seen != nil && v.seen.has(mark) {
		k.cursor.addAt(CodeRecordInBoth, 1, "", "the record stands in the validation data too: remove it from one of the two")
	}
}

// finish judges the data set as a whole.
func (k *checker) finish() Report {
	k.count()
	r := k.report
	per := k.o.Limits.CharactersPerToken
	r.EstimatedTokens = (r.Characters + per - 1) / per
	r.DuplicatesUnchecked = r.seen.unchecked
	r.Accepted = r.Errors == 0
	return *r
}

// count compares the number of records with the limits.
func (k *checker) count() {
	r, limits := k.report, k.o.Limits
	if r.Records == 0 {
		k.whole(CodeTooFewRecords, "the data set has no record")
		return
	}
	if r.Role == RoleValidation {
		if most := limits.MaxValidationRecords; most > 0 && r.Records > most {
			k.whole(CodeTooManyRecords, fmt.Sprintf("%d validation records, %d are allowed: remove some", r.Records, most))
		}
		return
	}
	total, what := r.Records, "training records"
	if v := k.o.Validation; v != nil {
		total, what = total+v.Records, "training and validation records together"
	}
	switch {
	case total < limits.MinRecords:
		k.whole(CodeTooFewRecords, fmt.Sprintf("%d %s, at least %d are needed: add some", total, what, limits.MinRecords))
	case limits.MaxRecords > 0 && total > limits.MaxRecords:
		k.whole(CodeTooManyRecords, fmt.Sprintf("%d %s, %d are allowed: remove some, or have the quota raised", total, what, limits.MaxRecords))
	case r.Records < limits.AdvisedRecords:
		k.whole(CodeFewRecords, fmt.Sprintf("%d training records; AWS advises at least %d", r.Records, limits.AdvisedRecords))
	}
}

// whole files a finding about the data set as a whole.
func (k *checker) whole(code Code, message string) {
	k.report.add(Finding{Code: code, Message: message}, k.o.MaxFindings)
}
