package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/generate"
)

// mostMemory is what a check of anything may hold, in bytes.
const mostMemory = 64 << 20

// fullSize says whether "make test-hostile" runs this, which has the time for
// the full sizes; else they are 1/32 of them.
func fullSize() bool { return os.Getenv("TUNELINE_HOSTILE") == "full" }

func scaled(size int64) int64 {
	if fullSize() {
		return size
	}
	return size / 32
}

// TestHostile: what no honest data set holds gets a clear finding, in memory
// that does not grow with it.
func TestHostile(t *testing.T) {
	const perCode = 100
	tests := []struct {
		name string
		r    io.Reader
		// longest is the longest line allowed, 0 for the default.
		longest        int
		lines, records int64
		// counts are all the findings.
		counts map[dataset.Code]int64
	}{
		{
			name: "one line without an end", r: generate.Repeat(`{"prompt":"`, "abc ", scaled(1e9)), lines: 1, records: 1,
			counts: map[dataset.Code]int64{dataset.CodeLineTooLong: 1},
		},
		{
			name: "nothing but newlines", r: generate.Repeat("", "\n", scaled(10e9)), lines: scaled(10e9),
			counts: map[dataset.Code]int64{dataset.CodeBlankLine: scaled(10e9), dataset.CodeTooFewRecords: 1},
		},
		{
			name: "blank lines as Windows writes them", r: generate.Repeat("", "\r\n", scaled(1e9)), lines: scaled(1e9) / 2,
			counts: map[dataset.Code]int64{dataset.CodeBlankLine: scaled(1e9) / 2, dataset.CodeTooFewRecords: 1},
		},
		{
			name: "white space without an end", r: generate.Repeat("", " ", scaled(1e9)), lines: 1, records: 1,
			counts: map[dataset.Code]int64{dataset.CodeLineTooLong: 1},
		},
		{
			name: "zeros", r: generate.Repeat("", "\x00", scaled(1e9)), lines: 1, records: 1,
			counts: map[dataset.Code]int64{dataset.CodeLineTooLong: 1},
		},
		{
			name: "a million objects deep", r: generate.Nested(`{"prompt":`, "1", "}", 1e6), lines: 1, records: 1,
			counts: map[dataset.Code]int64{dataset.CodeLineTooLong: 1},
		},
		{
			name: "a million objects deep where lines may be long", r: generate.Nested(`{"prompt":`, "1", "}", 1e6), longest: 16 << 20, lines: 1, records: 1,
			counts: map[dataset.Code]int64{dataset.CodeTooDeep: 1},
		},
		{
			name: "a million lists deep, never closed", r: generate.Nested("[", "", "", 1e6), lines: 1, records: 1,
			counts: map[dataset.Code]int64{dataset.CodeTooDeep: 1},
		},
		{
			name: "a million braces", r: generate.Nested("{", "", "", 1e6), lines: 1, records: 1,
			counts: map[dataset.Code]int64{dataset.CodeSyntax: 1},
		},
		{
			name: "two hundred thousand keys", r: generate.Wide(200_000), lines: 1, records: 1,
			counts: map[dataset.Code]int64{dataset.CodeExtraKey: 200_000, dataset.CodeMissingKey: 2},
		},
		{
			name: "a short record again and again", r: generate.Repeat("", `{"prompt":"a","completion":"b"}`+"\n", 32*scaled(10e6)), lines: scaled(10e6), records: scaled(10e6),
			counts: map[dataset.Code]int64{dataset.CodeDuplicateRecord: scaled(10e6) - 1, dataset.CodeImbalance: 1},
		},
		{
			name: "an open brace a line", r: generate.Repeat("", "{\n", 2*scaled(10e6)), lines: scaled(10e6), records: scaled(10e6),
			counts: map[dataset.Code]int64{dataset.CodeIncomplete: scaled(10e6), dataset.CodeDuplicateRecord: scaled(10e6) - 1},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := dataset.Options{Format: dataset.FormatPromptCompletion, MaxFindings: perCode, MaxLineBytes: tt.longest}
			watched := &watched{r: tt.r}
			r, err := dataset.Check(t.Context(), watched, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Lines != tt.lines || r.Records != tt.records {
				t.Errorf("got %d lines and %d records, want %d and %d", r.Lines, r.Records, tt.lines, tt.records)
			}
			if !watched.ended || r.Bytes != watched.bytes {
				t.Errorf("got %d bytes, want all %d, read to the end: %v", r.Bytes, watched.bytes, watched.ended)
			}
			if fmt.Sprint(r.Counts) != fmt.Sprint(tt.counts) {
				t.Errorf("got findings %v, want %v", r.Counts, tt.counts)
			}
			if most := perCode * len(r.Counts); len(r.Findings) > most {
				t.Errorf("kept %d findings, want at most %d", len(r.Findings), most)
			}
			if grown := watched.grown(); grown > mostMemory {
				t.Errorf("the check held %d MB more than at its begin, want at most %d", grown>>20, mostMemory>>20)
			}
		})
	}
}

// watched looks at the memory in use now and then, while it is read.
type watched struct {
	r           io.Reader
	next, bytes int64
	first, most uint64
	ended       bool
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	if w.bytes >= w.next {
		w.look()
		w.next = w.bytes + 4<<20
	}
	n, err := w.r.Read(p)
	w.bytes += int64(n)
	if errors.Is(err, io.EOF) {
		w.ended = true
		w.look()
	}
	return n, err
}

func (w *watched) look() {
	if w.first == 0 {
		runtime.GC() // what earlier tests left
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	held := m.HeapInuse + m.StackInuse
	if w.first == 0 {
		w.first = held
	}
	w.most = max(w.most, held)
}

// grown is by how many bytes the memory in use went up.
func (w *watched) grown() uint64 { return w.most - w.first }

// two records, the second without a line break at its end.
const (
	good    = `{"prompt":"a good one","completion":"b"}`
	without = `{"prompt":"grüße","completion":"c"}`
)

// TestLastLineWithoutANewline: it counts as a record like any other.
func TestLastLineWithoutANewline(t *testing.T) {
	tests := []struct {
		name, data     string
		lines, records int64
		accepted       bool
	}{
		{"a good record", good + "\n" + without, 2, 2, true},
		{"the only record", without, 1, 1, true},
		{"with a carriage return", good + "\r\n" + without + "\r", 2, 2, true},
		{"a bad record", good + "\n" + `{"prompt":"d"}`, 2, 2, false},
		{"half a record", good + "\n" + `{"prompt":"d`, 2, 2, false},
		{"blanks", good + "\n  ", 2, 1, false},
		{"nothing", good + "\n", 1, 1, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := dataset.Check(t.Context(), strings.NewReader(tt.data), dataset.Options{Format: dataset.FormatPromptCompletion})
			if err != nil || r.Lines != tt.lines || r.Records != tt.records || r.Accepted != tt.accepted {
				t.Errorf("got %d lines, %d records, accepted %v, %v; want %d, %d, %v", r.Lines, r.Records, r.Accepted, err, tt.lines, tt.records, tt.accepted)
			}
		})
	}
}

// TestSlowReaders: however the bytes arrive, the report is the same.
func TestSlowReaders(t *testing.T) {
	for _, shape := range generate.Shapes() {
		data, err := io.ReadAll(generate.Reader(shape, 400_000))
		if err != nil {
			t.Fatal(err)
		}
		text := string(data) + "\n{\"prompt\":\n" + strings.TrimSuffix(string(data), "\n")
		o := dataset.Options{Format: dataset.FormatPromptCompletion}
		if shape.Conversation() {
			o = dataset.Options{Format: dataset.FormatConversation, Rules: dataset.Rules{AnySchemaVersion: true, ReservedWords: true}}
		}
		want, err := dataset.Check(t.Context(), strings.NewReader(text), o)
		if err != nil {
			t.Fatal(err)
		}
		readers := map[string]func(io.Reader) io.Reader{
			"one byte at a time":        iotest.OneByteReader,
			"half of what is asked for": iotest.HalfReader,
			"the end with the data":     iotest.DataErrReader,
			"often nothing":             func(r io.Reader) io.Reader { return &hesitant{r: r, nothing: 50} },
		}
		for name, slow := range readers {
			t.Run(string(shape)+" "+name, func(t *testing.T) {
				got, err := dataset.Check(t.Context(), slow(strings.NewReader(text)), o)
				if err != nil {
					t.Fatal(err)
				}
				if said(got) != said(want) {
					t.Errorf("got %s\nwant %s", said(got), said(want))
				}
			})
		}
	}
}

// said is what a report says, for comparing.
func said(r dataset.Report) string {
	return fmt.Sprint(r.Bytes, r.Lines, r.Records, r.Characters, r.Counts, r.Profile, r.Findings)
}

// hesitant returns nothing, without an error, many times between any two reads.
type hesitant struct {
	r             io.Reader
	nothing, done int
}

// Read implements io.Reader, in a way that it discourages and does not forbid.
func (h *hesitant) Read(p []byte) (int, error) {
	if h.done++; h.done%(h.nothing+1) != 0 {
		return 0, nil
	}
	return h.r.Read(p[:min(len(p), 32<<10)])
}

// TestReaderThatGivesNothing: a reader that is stuck ends the check.
func TestReaderThatGivesNothing(t *testing.T) {
	stuck := io.MultiReader(strings.NewReader(good+"\n"), &hesitant{nothing: 1 << 40})
	_, err := dataset.Check(t.Context(), stuck, dataset.Options{Format: dataset.FormatPromptCompletion})
	if !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v, want %v", err, io.ErrNoProgress)
	}
}

// TestReaderThatFails: the error comes back, and no report. It may wrap io.EOF,
// as what a client says of a closed connection does.
func TestReaderThatFails(t *testing.T) {
	broken := fmt.Errorf("the line is down: %w", io.EOF)
	for _, before := range []int64{0, 10, 400_000, 3_000_000} {
		t.Run(fmt.Sprintf("after %d bytes", before), func(t *testing.T) {
			r := io.MultiReader(generate.Repeat("", good+"\n", before), iotest.ErrReader(broken))
			got, err := dataset.Check(t.Context(), r, dataset.Options{Format: dataset.FormatPromptCompletion})
			if !errors.Is(err, broken) {
				t.Errorf("got %v, want %v", err, broken)
			}
			if got.Records != 0 || got.Accepted || len(got.Findings) != 0 {
				t.Errorf("got a report of %d records, accepted %v, want none", got.Records, got.Accepted)
			}
		})
	}
}

// TestCancelled: a check that is cancelled ends, even of an endless stream.
func TestCancelled(t *testing.T) {
	for _, workers := range []int{1, 2} {
		ctx, cancel := context.WithCancel(t.Context())
		r := io.MultiReader(generate.Reader(generate.Short, 1_000_000), action(cancel), generate.Reader(generate.Short, 1<<60))
		o := dataset.Options{Format: dataset.FormatConversation, Rules: dataset.Rules{AnySchemaVersion: true}, Workers: workers}
		if _, err := dataset.Check(ctx, r, o); !errors.Is(err, context.Canceled) {
			t.Errorf("%d workers: got %v, want %v", workers, err, context.Canceled)
		}
	}
}

// action is a reader that does something and has ended.
type action func()

// Read implements io.Reader.
func (a action) Read([]byte) (int, error) {
	a()
	return 0, io.EOF
}

// TestGenerated: the generated data sets, which the measurements are made on,
// get the verdict they are made for.
func TestGenerated(t *testing.T) {
	for _, shape := range generate.Shapes() {
		o := dataset.Options{Format: dataset.FormatPromptCompletion}
		bad := []dataset.Code{dataset.CodeDuplicateKey}
		if shape.Conversation() {
			o = dataset.Options{Format: dataset.FormatConversation, Rules: dataset.Rules{AnySchemaVersion: true, ReservedWords: true}}
			bad = []dataset.Code{dataset.CodeUnknownRole}
		}
		r, err := dataset.Check(t.Context(), generate.Reader(shape, 2e6), o)
		if err != nil || !r.Accepted || r.Records == 0 || r.Counts[dataset.CodeDuplicateRecord] != r.Records/1000 {
			t.Errorf("%s: %d records, %v, %v", shape, r.Records, r.Counts, err)
		}
		r, err = dataset.Check(t.Context(), generate.BadReader(shape, 2e6), o)
		for _, code := range bad {
			if err != nil || r.Counts[code] != r.Records || r.Errors != r.Records {
				t.Errorf("%s, every record wrong: %d records, %v, %v", shape, r.Records, r.Counts, err)
			}
		}
		if !slices.IsSortedFunc(r.Findings, func(a, b dataset.Finding) int { return int(a.Line - b.Line) }) {
			t.Errorf("%s: the findings are not in the order of their lines", shape)
		}
	}
}
