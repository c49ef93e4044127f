package convert

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tuneline/tuneline/internal/dataset"
)

// MultiTurn says what becomes of a conversation with several answers in a form
// that holds one.
type MultiTurn string

const (
	// MultiTurnSplit writes one record for each answer, with what came before it as
	// the prompt. Chat forms train on every answer, and so does this.
	MultiTurnSplit MultiTurn = "split"
	// MultiTurnLast writes one record, for the last answer.
	MultiTurnLast MultiTurn = "last"
	// MultiTurnReject writes no record.
	MultiTurnReject MultiTurn = "reject"
)

// DefaultMaxLosses is how many losses of a kind, and how many rejections, a
// Result keeps.
const DefaultMaxLosses = 100

// Options says how to convert. The zero value of a field is its default; To has
// none.
type Options struct {
	// From is the format read; "" means that each row says itself.
	From dataset.Format
	To   dataset.Format
	// SchemaVersion is written into the conversation form, by default
	// "bedrock-conversation-2024".
	SchemaVersion string
	// KeepNeighbours: a row with neighbouring messages of one role is rejected
	// where the target's roles must alternate. They are joined otherwise.
	KeepNeighbours bool
	// MultiTurn is for prompt and completion, MultiTurnSplit by default.
	MultiTurn MultiTurn
	// PromptTemplate is a text/template that makes a prompt of a [Prompt], by
	// default [DefaultPromptTemplate].
	PromptTemplate string
	// KeepReasoning writes reasoning where the target has a place for it.
	KeepReasoning bool
	// DropMedia leaves out media that the target cannot hold. The row is
	// rejected otherwise: an answer about an image says nothing without it.
	DropMedia bool
	// Lossless rejects a row that would lose something.
	Lossless bool
	// MaxLineBytes is the longest line that is read, by default that of
	// [dataset.Check]. A longer one is rejected.
	MaxLineBytes int
	// MaxLosses is how many losses of a kind, and how many rejections, the
	// Result keeps; its counts have them all.
	MaxLosses int
	// Found is called with every loss and Rejected with every rejection, in the
	// order of the lines.
	Found    func(Loss)
	Rejected func(Rejection)
	// Reject is called with every row that is not converted, without its line
	// break. Raw is valid during the call, and nil for a line that was too long
	// to be kept.
	Reject func(line int64, raw []byte, reason string)
}

// Result is what became of a data set. Every row is either converted or
// rejected.
type Result struct {
	// From counts the rows read by their format.
	From map[dataset.Format]int64 `json:"from"`
	To   dataset.Format           `json:"to"`
	// Lines counts every line, Rows those that are not blank.
	Lines     int64 `json:"lines"`
	Rows      int64 `json:"rows"`
	Converted int64 `json:"converted"`
	Rejected  int64 `json:"rejected"`
	// Written counts records: a row can become several.
	Written int64 `json:"written"`
	// Lossy counts the converted rows that lost something, Changed those that
	// lost nothing and were changed.
	Lossy   int64 `json:"lossy"`
	Changed int64 `json:"changed"`
	// Counts is the full number of losses by kind.
	Counts map[Kind]int64 `json:"counts"`
	// Losses and Rejections are in the order of the lines, capped.
	Losses     []Loss      `json:"losses"`
	Rejections []Rejection `json:"rejections"`
}

// Clean says that every row was converted and nothing is lost.
func (r Result) Clean() bool { return r.Rejected == 0 && r.Lossy == 0 }

// complete fills in the defaults and refuses what makes no sense.
func (o Options) complete() (Options, error) {
	if o.From == "" && o.To == "" {
		return o, fmt.Errorf("converting a data set: no format to write: use one of %v", Formats())
	}
	for _, name := range []dataset.Format{o.From, o.To} {
		if _, ok := formOf(name); !ok && (name != "" || name == o.To) {
			return o, fmt.Errorf("converting a data set: no format %q: use one of %v", name, Formats())
		}
	}
	if o.To == dataset.FormatReinforcement && !slices.Contains([]dataset.Format{"", dataset.FormatOpenAIChat, dataset.FormatReinforcement}, o.From) {
		return o, fmt.Errorf("converting a data set: %s has no reference answer, which %s needs: convert %s",
			o.From, dataset.FormatReinforcement, dataset.FormatOpenAIChat)
	}
	if o.SchemaVersion == "" {
		o.SchemaVersion = defaultSchemaVersion
	}
	if o.MultiTurn == "" {
		o.MultiTurn = MultiTurnSplit
	}
	if ways := []MultiTurn{MultiTurnSplit, MultiTurnLast, MultiTurnReject}; !slices.Contains(ways, o.MultiTurn) {
		return o, fmt.Errorf("converting a data set: no way %q to treat several turns: use one of %v", o.MultiTurn, ways)
	}
	if o.PromptTemplate == "" {
		o.PromptTemplate = DefaultPromptTemplate
	}
	if o.MaxLineBytes <= 0 {
		o.MaxLineBytes = dataset.DefaultMaxLineBytes
	}
	if o.MaxLosses <= 0 {
		o.MaxLosses = DefaultMaxLosses
	}
	return o, nil
}

// Stream reads rows from r until its end and writes them to w in another
// format, a line each, in their order. Memory is bounded by the longest line
// allowed. The error is about reading, writing, the context or the options,
// never about what a row says; what was counted until then is returned with it.
func Stream(ctx context.Context, r io.Reader, w io.Writer, o Options) (Result, error) {
	o, err := o.complete()
	if err != nil {
		return Result{}, err
	}
	prompt, err := parsePrompt(o.PromptTemplate)
	if err != nil {
		return Result{}, err
	}
	out := bufio.NewWriterSize(w, blockBytes)
	s := &stream{o: o, prompt: prompt, out: out, result: Result{
		From: map[dataset.Format]int64{}, To: o.To,
		Counts: map[Kind]int64{}, Losses: []Loss{}, Rejections: []Rejection{},
	}}
	lines := newLineReader(r, o.MaxLineBytes)
	for lines.next() {
		if err := ctx.Err(); err != nil {
			return s.result, fmt.Errorf("converting a data set, at line %d: %w", lines.number, err)
		}
		if err := s.line(lines); err != nil {
			return s.result, err
		}
	}
	s.result.Lines = lines.number
	if lines.err != nil {
		return s.result, lines.err
	}
	if err := out.Flush(); err != nil {
		return s.result, fmt.Errorf("writing the converted data set: %w", err)
	}
	return s.result, nil
}

// stream converts the lines of one data set.
type stream struct {
	o      Options
	prompt *promptTemplate
	out    *bufio.Writer
	result Result
}

// utf8Mark is a byte order mark, which editors leave at the beginning of a file.
var utf8Mark = []byte("\xEF\xBB\xBF")

// line converts the line the reader stands at. The error ends the stream.
func (s *stream) line(lines *lineReader) error {
	l := &ledger{line: lines.number}
	if lines.tooLong {
		s.result.Rows++
		s.reject(l.line, nil, &refusal{reason: fmt.Sprintf("the line is longer than %d bytes, and was not kept: shorten or split the row", s.o.MaxLineBytes)})
		return nil
	}
	row := lines.line
	if rest, marked := bytes.CutPrefix(row, utf8Mark); marked && l.line == 1 {
		row = rest
		l.lose(KindByteOrderMark, "")
	}
	if len(bytes.TrimSpace(row)) == 0 {
		l.lose(KindBlankLine, "")
		s.file(l)
		return nil
	}
	s.result.Rows++
	written, err := s.convert(row, l)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		s.reject(l.line, lines.line, refused)
		return nil
	case err != nil:
		return fmt.Errorf("converting line %d: %w", l.line, err)
	}
	return s.write(written, l)
}

// convert turns one row into the lines that are written for it.
func (s *stream) convert(row []byte, l *ledger) ([][]byte, error) {
	from := s.o.From
	if from == "" {
		from, _ = dataset.Detect(row)
		if _, known := formOf(from); !known {
			if err := decode(row, &map[string]jsontext.Value{}); err != nil {
				return nil, err
			}
			return nil, refuse("", "the row's format is not one that is known: name it with --from, one of %v", Formats())
		}
	}
	s.result.From[from]++
	source, _ := formOf(from)
	target, _ := formOf(s.o.To)
	r, err := source.read(&reading{ledger: l, row: row, o: s.o})
	if err != nil {
		return nil, err
	}
	values, err := target.write(&writing{ledger: l, record: r, o: s.o, prompt: s.prompt})
	if err != nil {
		return nil, err
	}
	if loss, lost := l.lost(); lost && s.o.Lossless {
		return nil, refuse(jsontext.Pointer(loss.Pointer), "it would lose something: %s", loss.What)
	}
	var written [][]byte
	for _, value := range values {
		line, err := json.Marshal(value)
		if err != nil {
			return nil, refuse("", "the record cannot be written as JSON: it is nested too deep")
		}
		written = append(written, line)
	}
	return written, nil
}

// write writes a row's records and files what it lost.
func (s *stream) write(written [][]byte, l *ledger) error {
	for _, line := range written {
		if _, err := s.out.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("writing the converted data set, at line %d: %w", l.line, err)
		}
		s.result.Written++
	}
	s.result.Converted++
	if _, lost := l.lost(); lost {
		s.result.Lossy++
	} else if len(l.losses) > 0 {
		s.result.Changed++
	}
	s.file(l)
	return nil
}

// file reports what a line lost.
func (s *stream) file(l *ledger) {
	for _, loss := range l.losses {
		s.result.Counts[loss.Kind]++
		if s.result.Counts[loss.Kind] <= int64(s.o.MaxLosses) {
			s.result.Losses = append(s.result.Losses, loss)
		}
		if s.o.Found != nil {
			s.o.Found(loss)
		}
	}
}

// reject reports a row that is not converted. What it lost until then does not
// matter any more.
func (s *stream) reject(line int64, raw []byte, why *refusal) {
	rejection := Rejection{Line: line, Pointer: plainPointer(why.at), Reason: why.reason}
	s.result.Rejected++
	if s.result.Rejected <= int64(s.o.MaxLosses) {
		s.result.Rejections = append(s.result.Rejections, rejection)
	}
	if s.o.Rejected != nil {
		s.o.Rejected(rejection)
	}
	if s.o.Reject != nil {
		s.o.Reject(line, raw, why.reason)
	}
}
