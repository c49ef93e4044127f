package repair

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tuneline/tuneline/internal/dataset"
)

// How many rows, and bytes of rows, are judged together.
const (
	batchRows  = 1024
	batchBytes = 256 << 10
)

// maxRemembered is how many records are remembered to find duplicates, so that
// memory stays bounded: to about 200 MB.
const maxRemembered = 4 << 20

// Stream reads a data set, writes its repaired copy and says what it did. The
// error is about reading, writing, the context or the options, never about what
// the data set says; the result is the zero value then, and what was written is
// worth nothing.
func Stream(ctx context.Context, r io.Reader, w io.Writer, o Options) (Result, error) {
	o, err := o.complete()
	if err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	copied := checkCopy(ctx, o.Dataset)
	s := newStream(ctx, r, io.MultiWriter(w, copied), o)
	if err := s.run(); err != nil {
		copied.stop(err)
		return Result{}, err
	}
	report, err := copied.report()
	if err != nil {
		return Result{}, err
	}
	return s.result(report), nil
}

// copyCheck checks the copy while it is written.
type copyCheck struct {
	*io.PipeWriter
	done chan struct{}
	rep  dataset.Report
	err  error
}

func checkCopy(ctx context.Context, o dataset.Options) *copyCheck {
	o.Found, o.Progress = nil, nil
	reader, writer := io.Pipe()
	c := &copyCheck{PipeWriter: writer, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.rep, c.err = dataset.Check(ctx, reader, o)
		_ = reader.CloseWithError(c.err) // returns no error
	}()
	return c
}

// stop ends the check of a copy that will not be finished.
func (c *copyCheck) stop(err error) {
	_ = c.CloseWithError(err) // returns no error
	<-c.done
}

func (c *copyCheck) report() (dataset.Report, error) {
	c.stop(nil)
	if c.err != nil {
		return dataset.Report{}, fmt.Errorf("checking the copy: %w", c.err)
	}
	return c.rep, nil
}

// stream is one run.
type stream struct {
	ctx     context.Context
	o       Options
	journal *journal
	window  *window
	framer  *framer
	judge   *judge
	w       *bufio.Writer
	rejects io.Writer
	batch   []*row
	bytes   int
	seen    map[[16]byte]int64
	res     Result
}

func newStream(ctx context.Context, r io.Reader, w io.Writer, o Options) *stream {
	j := newJournal(o.MaxActions)
	window := newWindow(ctx, decoded(r, j))
	s := &stream{
		ctx: ctx, o: o, journal: j, window: window,
		framer:  &framer{w: window, journal: j, max: o.Dataset.MaxLineBytes},
		judge:   newJudge(o.Dataset),
		w:       bufio.NewWriterSize(w, blockBytes),
		rejects: o.Rejects,
		seen:    map[[16]byte]int64{},
	}
	if s.rejects == nil {
		s.rejects = io.Discard
	}
	return s
}

// decoded returns the input as UTF-8, if its first bytes say that it is UTF-16.
func decoded(r io.Reader, j *journal) io.Reader {
	buffered := bufio.NewReader(r)
	head, _ := buffered.Peek(2) // an error comes again with the first read
	order, marked := utf16Order(head)
	if order == nil {
		return buffered
	}
	a := Action{Line: 1, What: UTF16Decoded, Code: dataset.CodeInvalidUTF8, Detail: order.String()}
	if marked {
		// The mark is decoded too, and removed as any other.
		a.Code = dataset.CodeByteOrderMark
	}
	j.add(a)
	return newUTF16Reader(buffered, order)
}

func (s *stream) run() error {
	for {
		found, ok := s.framer.next()
		if !ok {
			break
		}
		if err := s.take(found); err != nil {
			return err
		}
		if s.o.Progress != nil {
			s.o.Progress(s.window.taken, s.res.Records)
		}
	}
	if err := s.window.failed(); err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("writing the copy: %w", err)
	}
	return nil
}

// take puts a record into the batch.
func (s *stream) take(found frame) error {
	s.res.Records++
	if found.tooLong {
		return s.takeTooLong(found.line)
	}
	s.batch = append(s.batch, s.newRow(found))
	s.bytes += len(found.raw)
	if len(s.batch) < batchRows && s.bytes < batchBytes {
		return nil
	}
	return s.flush()
}

// takeTooLong passes a row to the rejects without holding it.
func (s *stream) takeTooLong(line int64) error {
	if err := s.flush(); err != nil {
		return err
	}
	length, err := s.framer.drain(s.rejects)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(s.rejects, "\n"); err != nil {
		return fmt.Errorf("writing a rejected row: %w", err)
	}
	s.res.Rejected++
	s.journal.add(Action{Line: line, What: RejectedTooLong, Code: dataset.CodeLineTooLong,
		Detail: fmt.Sprintf("%d bytes, %d are read at most", length, s.o.Dataset.MaxLineBytes)})
	return nil
}

// newRow copies a record from the window and makes one line of UTF-8 of it.
func (s *stream) newRow(found frame) *row {
	r := &row{line: found.line, raw: bytes.Clone(found.raw), actions: found.actions, reject: found.code}
	r.text = r.raw
	if found.broken {
		return r
	}
	if len(found.actions) > 0 {
		r.text = bytes.Clone(found.text)
	}
	s.encode(r)
	if !bytes.ContainsAny(r.text, "\r\n") {
		return r
	}
	if !bytes.Contains(r.raw, []byte("\n")) {
		r.act(CarriageReturnRemoved, "", "within the record")
	}
	text := jsontext.Value(bytes.Clone(r.text))
	if err := text.Compact(); err != nil || bytes.ContainsAny(text, "\r\n") {
		r.reject = dataset.CodeSyntax
		return r
	}
	r.text = text
	return r
}

// encode makes UTF-8 of a row that is not, if that was asked for.
func (s *stream) encode(r *row) {
	if utf8.Valid(r.text) {
		return
	}
	if encoding, err := charmapNamed(s.o.FromEncoding); err == nil && encoding != nil {
		if text, err := encoding.NewDecoder().Bytes(r.text); err == nil {
			r.text = text
			r.act(EncodingDecoded, dataset.CodeInvalidUTF8, s.o.FromEncoding)
			return
		}
	}
	if s.o.ReplaceInvalid {
		r.text = replaceInvalid(r.text)
		r.act(InvalidReplaced, dataset.CodeInvalidUTF8, "bytes that are not UTF-8 became U+FFFD")
	}
}

// flush settles the batch and writes it.
func (s *stream) flush() error {
	if err := s.settle(s.batch); err != nil {
		return err
	}
	for _, r := range s.batch {
		if err := s.put(r); err != nil {
			return err
		}
	}
	s.batch, s.bytes = s.batch[:0], 0
	return nil
}

// put writes a settled row where it belongs.
func (s *stream) put(r *row) error {
	if r.reject != "" {
		s.res.Rejected++
		s.journal.add(Action{Line: r.line, What: Rejected, Code: r.reject})
		return writeLine(s.rejects, r.raw, "a rejected row")
	}
	if !s.o.KeepDuplicates {
		if first, known := s.remember(r); known {
			s.res.Duplicates++
			s.journal.add(Action{Line: r.line, What: DuplicateRemoved, Code: dataset.CodeDuplicateRecord, Detail: fmt.Sprintf("a copy of line %d", first)})
			return nil
		}
	}
	for _, a := range r.actions {
		s.journal.add(a)
	}
	s.res.Written++
	if !bytes.Equal(r.raw, r.text) {
		s.res.Repaired++
	}
	return writeLine(s.w, r.text, "the copy")
}

func writeLine(w io.Writer, text []byte, what string) error {
	_, err := w.Write(text)
	if err == nil {
		_, err = w.Write([]byte("\n"))
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", what, err)
	}
	return nil
}

// remember returns the line on which the same record stood first; known is false
// when it is this one. A record is known by 128 bits of its SHA-256, so that
// none is removed for a chance likeness.
func (s *stream) remember(r *row) (first int64, known bool) {
	sum := sha256.Sum256(r.text)
	key := [16]byte(sum[:16])
	if first, known = s.seen[key]; known {
		return first, true
	}
	if len(s.seen) >= maxRemembered {
		s.res.DuplicatesUnchecked++
		return 0, false
	}
	s.seen[key] = r.line
	return r.line, false
}

// result puts together what was done.
func (s *stream) result(report dataset.Report) Result {
	res := s.res
	res.Bytes, res.Lines = s.window.taken, s.window.line-1
	if s.window.open {
		res.Lines++
	}
	res.Counts, res.Actions, res.Report = s.journal.counts, s.journal.actions, report
	slices.SortStableFunc(res.Actions, func(a, b Action) int { return cmp.Compare(a.Line, b.Line) })
	return res
}
