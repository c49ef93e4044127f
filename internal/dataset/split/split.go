package split

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/tuneline/tuneline/internal/dataset"
)

// MaxGroups is how many groups are counted, so that memory stays bounded. The
// split itself has no bound.
const MaxGroups = 4 << 20

// Options say how to split. Validation has no default.
type Options struct {
	Validation Amount
	Seed       int64
	// By is ByPrompt by default.
	By By
	// Limits are the base model's, the zero value for none.
	Limits dataset.Limits
	// MaxLineBytes is the longest line that is read, 0 for dataset's default.
	MaxLineBytes int
}

// Result is what came of a split.
type Result struct {
	Records    int64 `json:"records"`
	Training   int64 `json:"training"`
	Validation int64 `json:"validation"`
	// Percent of the records that are for validation.
	Percent float64 `json:"percent"`
	// Wanted is the amount that was asked for, as ParseAmount reads it.
	Wanted string `json:"wanted"`
	Seed   int64  `json:"seed"`
	By     By     `json:"by"`
	// Groups are the different ones. Beyond MaxGroups they are not counted, and
	// RecordsUncounted says how many records belong to such.
	Groups           int64 `json:"groups"`
	RecordsUncounted int64 `json:"recordsUncounted,omitempty"`
	// LargestGroup is the records of the largest group, of those that were counted.
	LargestGroup int64 `json:"largestGroup"`
	// Warnings say what a person should look at, and hold nothing of the data.
	Warnings []string `json:"warnings"`
}

// Run splits a data set. Open is called twice, for the bytes of the data set from
// their beginning. When it fails, what was written is worth nothing: the error
// says which line is no record, that a limit of the base model is broken, or
// what went wrong with reading and writing.
func Run(ctx context.Context, open func() (io.ReadCloser, error), training, validation io.Writer, o Options) (Result, error) {
	o, err := o.complete()
	if err != nil {
		return Result{}, err
	}
	s := splitter{o: o, chooser: o.Validation.chooser(), groups: map[[16]byte]int64{}}
	first, err := s.pass(ctx, open, func(g group, _ []byte) error {
		s.count(g)
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	sides := [2]*bufio.Writer{bufio.NewWriterSize(training, blockBytes), bufio.NewWriterSize(validation, blockBytes)}
	second, err := s.pass(ctx, open, func(g group, line []byte) error { return s.write(sides, g, line) })
	if err != nil {
		return Result{}, err
	}
	if first != second {
		return Result{}, errors.New("the data set changed while it was split: split it again when nobody writes to it")
	}
	for _, side := range sides {
		if err := side.Flush(); err != nil {
			return Result{}, fmt.Errorf("writing a side of the split: %w", err)
		}
	}
	return s.finish()
}

func (o Options) complete() (Options, error) {
	if o.By == "" {
		o.By = ByPrompt
	}
	if !slices.Contains(Ways(), o.By) {
		return o, fmt.Errorf("splitting by %q: use one of %v", o.By, Ways())
	}
	if o.Validation.percent == nil && o.Validation.Records < 1 {
		return o, errors.New("splitting: say how much is for validation")
	}
	if o.MaxLineBytes <= 0 {
		o.MaxLineBytes = dataset.DefaultMaxLineBytes
	}
	return o, nil
}

// splitter is one run.
type splitter struct {
	o       Options
	chooser chooser
	groups  map[[16]byte]int64
	res     Result
}

// blockBytes is how much is read or written at once.
const blockBytes = 256 << 10

type digest [sha256.Size]byte

// pass reads the data set once and returns the digest of its bytes.
func (s *splitter) pass(ctx context.Context, open func() (io.ReadCloser, error), each func(group, []byte) error) (sum digest, err error) {
	file, err := open()
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(file, hash))
	lines.Buffer(make([]byte, blockBytes), s.o.MaxLineBytes+2)
	lines.Split(withBreak)
	number := int64(1)
	for ; lines.Scan(); number++ {
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		text, err := groupText(lines.Bytes(), s.o.By)
		if err != nil && lines.Err() != nil {
			break // the line was cut off by what ended the reading
		}
		if err != nil {
			return sum, at(number, err)
		}
		if err := each(groupOf(s.o.Seed, text), lines.Bytes()); err != nil {
			return sum, err
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return sum, at(number, fmt.Errorf("the line is longer than %d bytes", s.o.MaxLineBytes))
	} else if err != nil {
		return sum, fmt.Errorf("reading the data set at line %d: %w", number, err)
	}
	return digest(hash.Sum(nil)), nil
}

// withBreak is a bufio.SplitFunc for lines with their line feeds.
func withBreak(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// count takes in one record.
func (s *splitter) count(g group) {
	s.res.Records++
	s.chooser.see(g)
	key := [16]byte(g[:16])
	n, known := s.groups[key]
	if !known && len(s.groups) >= MaxGroups {
		s.res.RecordsUncounted++
		return
	}
	s.groups[key] = n + 1
	s.res.LargestGroup = max(s.res.LargestGroup, n+1)
}

// write puts a line on its side.
func (s *splitter) write(sides [2]*bufio.Writer, g group, line []byte) error {
	side, n := sides[0], &s.res.Training
	if s.chooser.chosen(g) {
		side, n = sides[1], &s.res.Validation
	}
	*n++
	_, err := side.Write(line)
	if err == nil && line[len(line)-1] != '\n' {
		err = side.WriteByte('\n')
	}
	if err != nil {
		return fmt.Errorf("writing a side of the split: %w", err)
	}
	return nil
}

// finish judges the split.
func (s *splitter) finish() (Result, error) {
	res, o := s.res, s.o
	res.Wanted, res.Seed, res.By = o.Validation.String(), o.Seed, o.By
	res.Groups, res.Warnings = int64(len(s.groups)), []string{}
	switch {
	case res.Records == 0:
		return Result{}, errors.New("the data set has no record: there is nothing to split")
	case res.Records == 1:
		return Result{}, errors.New("the data set has one record: two are needed for a split at least")
	case res.Groups == 1:
		return Result{}, fmt.Errorf("all %s are the same by %s, and stay together: add others, or split by something narrower than --by %s", plural(res.Records, "record"), o.By, o.By)
	case res.Validation == 0:
		return Result{}, fmt.Errorf("no record is for validation: of %s, none came below %s; ask for more, name a number of records, or try another seed", plural(res.Groups, "group"), res.Wanted)
	case res.Training == 0:
		return Result{}, fmt.Errorf("all %s are for validation: ask for less than %s, or try another seed; the largest group has %d", plural(res.Records, "record"), o.Validation.atMost(res.Records), res.LargestGroup)
	}
	res.Percent = math.Round(10000*float64(res.Validation)/float64(res.Records)) / 100
	if err := limits(res, o.Limits); err != nil {
		return Result{}, err
	}
	res.warn(o)
	return res, nil
}

// limits holds the split against the base model's limits.
func limits(res Result, l dataset.Limits) error {
	switch {
	case res.Records < l.MinRecords:
		return fmt.Errorf("%s in all, the base model takes %d at least: add some before splitting", plural(res.Records, "record"), l.MinRecords)
	case l.MaxRecords > 0 && res.Records > l.MaxRecords:
		return fmt.Errorf("%s in all, the base model takes %d at most: remove some before splitting", plural(res.Records, "record"), l.MaxRecords)
	case l.MaxValidationRecords > 0 && res.Validation > l.MaxValidationRecords:
		return fmt.Errorf("%s would be for validation, the base model takes %d at most: ask for less", plural(res.Validation, "record"), l.MaxValidationRecords)
	}
	return nil
}

// warn adds what a person should look at.
func (r *Result) warn(o Options) {
	wanted := o.Validation.of(r.Records)
	missed := math.Abs(float64(r.Validation) - wanted)
	if missed > max(1, wanted/5) {
		said := fmt.Sprintf("%s (%.4g %%) for validation, %s was asked for: ", plural(r.Validation, "record"), r.Percent, r.Wanted)
		if float64(r.LargestGroup) > missed/2 && float64(r.LargestGroup) > wanted/5 {
			said += fmt.Sprintf("the largest group has %s, which stay together; look whether they should, or split by something narrower", plural(r.LargestGroup, "record"))
		} else {
			said += "a percentage is met by chance, the better the more groups there are; name a number of records, or try another seed"
		}
		r.Warnings = append(r.Warnings, said)
	}
	l := o.Limits
	if most := l.DoubtfulValidationRecords; most > 0 && r.Validation > most {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s for validation, AWS's sample validator takes %d: ask for less if you can", plural(r.Validation, "record"), most))
	}
	if r.Training < l.MinRecords {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s for training; the base model takes %d at least, of which the validation data counts too: both are needed for the job", plural(r.Training, "record"), l.MinRecords))
	}
	if r.Training < l.AdvisedRecords {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s for training; AWS advises %d at least", plural(r.Training, "record"), l.AdvisedRecords))
	}
	if r.RecordsUncounted > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("only the first %d groups were counted; %s belong to others", MaxGroups, plural(r.RecordsUncounted, "record")))
	}
}

// plural is a number with its noun.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
