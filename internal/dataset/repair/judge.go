package repair

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tuneline/tuneline/internal/dataset"
)

// row is a record on its way from the input to the copy.
type row struct {
	line int64
	// raw is the record verbatim, text what would be written.
	raw, text []byte
	// actions were taken to come from raw to text; they are filed when the row is
	// written.
	actions []Action
	// reject says why the row cannot be repaired, "" as long as it may be.
	reject dataset.Code
	// settled: text can be written.
	settled bool
}

func (r *row) act(what string, code dataset.Code, detail string) {
	r.actions = append(r.actions, Action{Line: r.line, What: what, Code: code, Detail: detail})
}

// open says that nothing is decided on the row yet.
func (r *row) open() bool { return !r.settled && r.reject == "" }

// judge is dataset.Check on single rows: what it says of a row in a file of
// many does not depend on the others.
type judge struct {
	o   dataset.Options
	buf bytes.Buffer
}

// maxRowFindings is how many findings of a code are looked at in one go.
const maxRowFindings = 4096

// newJudge takes the options of the whole data set and leaves out what is about
// more than one row, and what is only advice.
func newJudge(o dataset.Options) *judge {
	o.Limits.MinRecords, o.Limits.MaxRecords = 0, 0
	o.Limits.MaxValidationRecords, o.Limits.AdvisedRecords = 0, 0
	o.Limits.DoubtfulRecords, o.Limits.DoubtfulValidationRecords, o.Limits.DoubtfulBytes = 0, 0, 0
	o.Rules.NoValidation = false
	o.Validation, o.Inspectors, o.NearDuplicates, o.Digest = nil, nil, false, false
	o.Found, o.Progress = nil, nil
	o.Workers = 1
	o.MaxFindings = maxRowFindings
	return &judge{o: o}
}

// findings returns what the check finds in each of the rows.
func (j *judge) findings(ctx context.Context, rows []*row) ([][]dataset.Finding, error) {
	j.buf.Reset()
	for _, r := range rows {
		j.buf.Write(r.text)
		j.buf.WriteByte('\n')
	}
	o := j.o
	o.Size = int64(j.buf.Len())
	report, err := dataset.Check(ctx, bytes.NewReader(j.buf.Bytes()), o)
	if err != nil {
		return nil, fmt.Errorf("judging rows: %w", err)
	}
	if len(rows) > 1 && overflowed(report) {
		return j.oneByOne(ctx, rows)
	}
	out := make([][]dataset.Finding, len(rows))
	for _, f := range report.Findings {
		if f.Line > 0 && !aboutOthers(f.Code) {
			out[f.Line-1] = append(out[f.Line-1], f)
		}
	}
	return out, nil
}

// overflowed says that findings were left out of the report, so that a bad row
// might look good.
func overflowed(report dataset.Report) bool {
	for code, n := range report.Counts {
		if n > maxRowFindings && !aboutOthers(code) {
			return true
		}
	}
	return false
}

func (j *judge) oneByOne(ctx context.Context, rows []*row) ([][]dataset.Finding, error) {
	var out [][]dataset.Finding
	for i := range rows {
		one, err := j.findings(ctx, rows[i:i+1])
		if err != nil {
			return nil, err
		}
		out = append(out, one...)
	}
	return out, nil
}

// aboutOthers says that a finding compares a row with others.
func aboutOthers(code dataset.Code) bool {
	return code == dataset.CodeDuplicateRecord || code == dataset.CodeRecordInBoth
}

// firstError is the code of the first error among the findings, "" for none.
func firstError(findings []dataset.Finding) dataset.Code {
	for _, f := range findings {
		if f.Severity == dataset.SeverityError {
			return f.Code
		}
	}
	return ""
}

// maxRounds is how often a row is repaired and judged again. A repair can bring
// the next thing to light, as a wrapped text that is blank.
const maxRounds = 8

// settle repairs the rows until each is good, or is to be rejected.
func (s *stream) settle(rows []*row) error {
	for range maxRounds {
		var open []*row
		for _, r := range rows {
			if r.open() {
				open = append(open, r)
			}
		}
		if len(open) == 0 {
			return nil
		}
		found, err := s.judge.findings(s.ctx, open)
		if err != nil {
			return err
		}
		for i, r := range open {
			s.decide(r, found[i])
		}
	}
	for _, r := range rows {
		if r.open() {
			r.reject = dataset.CodeSyntax
		}
	}
	return nil
}

// decide repairs a row by what was found in it, or settles it.
func (s *stream) decide(r *row, found []dataset.Finding) {
	if s.repair(r, found) {
		return
	}
	r.reject = firstError(found)
	r.settled = r.reject == ""
}
