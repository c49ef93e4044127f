package repair

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/dataset/generate"
)

// many gives its text over and over, n times.
type many struct {
	text string
	n    int
	rest string
}

func (m *many) Read(p []byte) (int, error) {
	if m.rest == "" {
		if m.n == 0 {
			return 0, io.EOF
		}
		m.n--
		m.rest = m.text
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

// counting counts what is written to it, and keeps nothing.
type counting struct{ n int64 }

func (c *counting) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// TestHostile: input that would be too much to hold is passed through in flat
// memory, and ends with a word on it.
func TestHostile(t *testing.T) {
	block := strings.Repeat("a", 1<<20)
	array := strings.Repeat(rowA+",", 1000)
	tests := []struct {
		name                       string
		in                         io.Reader
		records, written, rejected int64
		what                       string
		count                      int64
	}{
		{"one line of 128 MB", io.MultiReader(strings.NewReader(`{"prompt":"`), &many{text: block, n: 128}, strings.NewReader("\n"+rowA+"\n")), 2, 1, 1, RejectedTooLong, 1},
		{"no line break and no quotes", &many{text: block, n: 64}, 1, 0, 1, RejectedTooLong, 1},
		{"64 MB of line feeds", &many{text: strings.Repeat("\n", 1<<20), n: 64}, 0, 0, 0, BlankLineRemoved, 64 << 20},
		{"16 MB of spaces", io.MultiReader(&many{text: strings.Repeat(" ", 1<<20), n: 16}, strings.NewReader(rowA)), 1, 1, 0, WhiteSpaceTrimmed, 1},
		{"a million braces", io.MultiReader(&many{text: `{"a":`, n: 1e6}, strings.NewReader("\n"+rowA)), 2, 1, 1, RejectedTooLong, 1},
		{"a hundred thousand braces, a line each", io.MultiReader(&many{text: "{\"a\":\n", n: 1e5}, strings.NewReader(rowA)), 1e5 + 1, 1, 1e5, Rejected, 1e5},
		{"an array of 32 MB on one line", io.MultiReader(strings.NewReader("["), &many{text: array, n: 1000}, strings.NewReader(rowB+"]")), 1e6 + 1, 2, 0, DuplicateRemoved, 1e6 - 1},
		{"an array of raw tabs on one line", io.MultiReader(strings.NewReader("["), &many{text: strings.ReplaceAll(rowA, "a", "a\t") + ",", n: 1e5}, strings.NewReader(rowB+"]")), 1e5 + 1, 2, 0, DuplicateRemoved, 1e5 - 1},
		{"a line of records with something behind them", &many{text: rowA + "x\r", n: 1e5}, 1e5, 0, 1e5, Rejected, 1e5},
		{"an array without an end", io.MultiReader(strings.NewReader("["), &many{text: "1,", n: 1e5}), 1e5, 0, 1e5, ArrayEndMissing, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			res, err := Stream(context.Background(), tt.in, &counting{}, with(pc, func(o *Options) { o.Rejects = &counting{} }))
			if err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 128<<20 { //nolint:gosec // far below 2^63
				t.Errorf("the heap grew by %d MB", grown>>20)
			}
			if res.Records != tt.records || res.Written != tt.written || res.Rejected != tt.rejected || res.Counts[tt.what] != tt.count {
				t.Errorf("got %d records, %d written, %d rejected, counts %v; want %d, %d, %d, %d of %s",
					res.Records, res.Written, res.Rejected, res.Counts, tt.records, tt.written, tt.rejected, tt.count, tt.what)
			}
			accounted(t, res)
		})
	}
}

// TestHasty: a line that could be read ahead over and over is given up whole
// after a while, and what follows it is not.
func TestHasty(t *testing.T) {
	const begins = 500_000
	in := strings.Repeat("{\"a\":\r", begins) + "\n" + rowA + "\n"
	res, out, rejects := fix(t, in, pc, false)
	accounted(t, res)
	if out != lines(rowA) || strings.Count(rejects, "{") != begins || res.Rejected > begins/100 {
		t.Errorf("got copy %q, %d rejects with %d braces; want %q, few with %d", out, res.Rejected, strings.Count(rejects, "{"), lines(rowA), begins)
	}
}

// TestTooLongVerbatim: the row that is passed through is the row that came in.
func TestTooLongVerbatim(t *testing.T) {
	long := `{"prompt":"` + strings.Repeat("0123456789", 100_000)
	res, out, rejects := fix(t, lines(rowA, long, rowB), with(pc, func(o *Options) { o.Dataset.MaxLineBytes = 1000 }), false)
	if out != lines(rowA, rowB) || rejects != lines(long) {
		t.Errorf("got %d bytes of copy and %d of rejects, want %d and %d", len(out), len(rejects), len(lines(rowA, rowB)), len(lines(long)))
	}
	want := Action{Line: 2, What: RejectedTooLong, Code: dataset.CodeLineTooLong, Detail: "1000011 bytes, 1000 are read at most"}
	if len(res.Actions) != 1 || res.Actions[0] != want {
		t.Errorf("got actions %v, want %v", res.Actions, want)
	}
}

// TestManyFindings: a row with more findings than a report holds does not hide
// the next row's.
func TestManyFindings(t *testing.T) {
	var row strings.Builder
	row.WriteString(`{"prompt": "a", "completion": "b"`)
	for i := range maxRowFindings + 10 {
		fmt.Fprintf(&row, `, "k%d": 1`, i)
	}
	row.WriteString("}")
	o := with(pc, func(o *Options) { o.DropUnknownKeys = true })
	res, out, rejects := fix(t, lines(row.String(), `{"prompt": "c", "x": 1, "completion": ""}`, `{"prompt": "c", "x": 1, "completion": "d"}`), o, false)
	if out != lines(rowA, rowB) || strings.Count(rejects, "\n") != 1 {
		t.Errorf("got\n%.200s, want\n%s; rejects\n%.200s", out, lines(rowA, rowB), rejects)
	}
	accounted(t, res)
}

// TestActionsAreCapped: of each kind the first ones stay, and all are counted.
func TestActionsAreCapped(t *testing.T) {
	res, _, _ := fix(t, strings.Repeat("\n", 500)+rowA+" \n", with(pc, func(o *Options) { o.MaxActions = 3 }), false)
	if res.Counts[BlankLineRemoved] != 500 || len(res.Actions) != 4 || res.Actions[2].Line != 3 || res.Actions[3].What != WhiteSpaceTrimmed {
		t.Errorf("got counts %v and actions %v", res.Counts, res.Actions)
	}
	if res.Lines != 501 || res.Bytes != 500+int64(len(rowA))+2 {
		t.Errorf("got %d lines and %d bytes", res.Lines, res.Bytes)
	}
}

// TestEveryReasonIsKept: however many rows are rejected for one reason, the next
// reason is told.
func TestEveryReasonIsKept(t *testing.T) {
	empty, incomplete := `{"prompt": "", "completion": "b"}`, `{"prompt": "a"}`
	res, _, _ := fix(t, strings.Repeat(empty+"\n", 9)+lines(incomplete, rowA), with(pc, func(o *Options) { o.MaxActions = 2 }), false)
	var told []dataset.Code
	for _, a := range res.Actions {
		told = append(told, a.Code)
	}
	if want := []dataset.Code{dataset.CodeBlankText, dataset.CodeBlankText, dataset.CodeMissingKey}; !slices.Equal(told, want) || res.Counts[Rejected] != 10 {
		t.Errorf("got %v of %v, want %v of 10", told, res.Counts, want)
	}
}

// TestNothingOfTheData: neither an action nor the report repeats the data.
func TestNothingOfTheData(t *testing.T) {
	const secret = "hunter2"
	in := lines(`{"prompt": "`+secret+`", "completion": 1, "`+secret+`": 2}`, `{"`+secret+`": "x`, secret, `{"prompt": "a", "completion": "b", "`+secret+`": 1}`)
	res, _, _ := fix(t, in, with(pc, func(o *Options) { o.DropUnknownKeys = true }), false)
	if text := fmt.Sprintf("%+v", res); strings.Contains(text, secret) || res.Written != 1 {
		t.Errorf("%d written, want 1; the result must not hold the data: %s", res.Written, text)
	}
}

// failing is a writer that takes n bytes.
type failing struct{ n int }

var errFull = errors.New("the disk is full")

func (f *failing) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// errLost wraps io.EOF, as what a client says of a closed connection does: it is
// no end all the same.
var errLost = fmt.Errorf("the line is down: %w", io.EOF)

// TestErrors: what goes wrong beside the data is an error, and never a result.
func TestErrors(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	rows := strings.Repeat(rowA+"\n", 100)
	tests := []struct {
		name string
		ctx  context.Context
		in   io.Reader
		out  io.Writer
		o    Options
		want error
	}{
		{"reading", context.Background(), io.MultiReader(strings.NewReader(rows), iotest.ErrReader(fs.ErrPermission)), io.Discard, pc, fs.ErrPermission},
		{"reading within a record", context.Background(), io.MultiReader(strings.NewReader(`{"a":`), iotest.ErrReader(fs.ErrPermission)), io.Discard, pc, fs.ErrPermission},
		{"reading what a lost connection leaves", context.Background(), io.MultiReader(strings.NewReader(rows), iotest.ErrReader(errLost)), io.Discard, pc, errLost},
		{"reading UTF-16", context.Background(), io.MultiReader(strings.NewReader("\xFF\xFE"), iotest.ErrReader(fs.ErrPermission)), io.Discard, pc, fs.ErrPermission},
		{"writing", context.Background(), strings.NewReader(rows), &failing{n: 20}, pc, errFull},
		{"writing rejects", context.Background(), strings.NewReader("x\n"), io.Discard, with(pc, func(o *Options) { o.Rejects = &failing{} }), errFull},
		{"context", cancelled, strings.NewReader(rows), io.Discard, pc, context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, err := Stream(tt.ctx, tt.in, tt.out, tt.o)
			if !errors.Is(err, tt.want) || res.Records != 0 {
				t.Errorf("got %v and %d records, want %v", err, res.Records, tt.want)
			}
		})
	}
	for _, o := range []Options{{}, with(pc, func(o *Options) { o.FromEncoding = "utf-7" })} {
		if _, err := Stream(context.Background(), strings.NewReader(rows), io.Discard, o); err == nil {
			t.Errorf("the options %+v were taken", o)
		}
	}
}

// TestAcceptedStays: a good data set stays what it is, byte for byte.
func TestAcceptedStays(t *testing.T) {
	for _, shape := range generate.Shapes() {
		in, err := io.ReadAll(generate.Reader(shape, 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		o := pc
		if shape.Conversation() {
			o = nova
		}
		o.KeepDuplicates = true
		res, out, rejects := fix(t, string(in), o, false)
		if out != string(in) || rejects != "" || len(res.Actions) > 0 || !res.Report.Accepted {
			t.Errorf("%s: %d bytes became %d, %d of rejects, actions %v, findings %v", shape, len(in), len(out), len(rejects), res.Actions, res.Report.Findings)
		}
	}
}

// TestWholeFile: what the copy as a whole lacks stands in the report on it.
func TestWholeFile(t *testing.T) {
	o := with(pc, func(o *Options) { o.Dataset.Limits.MinRecords = 3 })
	res, _, _ := fix(t, lines(rowA, rowB, rowA), o, false)
	if res.Report.Accepted || res.Report.Counts[dataset.CodeTooFewRecords] != 1 || res.Report.Records != 2 {
		t.Errorf("got report %+v, want too few records", res.Report)
	}
}

// TestUTF16 decodes pairs, halves of pairs and an odd byte at the end.
func TestUTF16(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"a pair", "{\x00\x3D\xD8\x00\xDE}\x00", "{\U0001F600}"},
		{"high half", "{\x00\x3D\xD8}\x00", "{\xFF}"},
		{"low half", "{\x00\x00\xDE}\x00", "{\xFF}"},
		{"high half at the end", "{\x00\x3D\xD8", "{\xFF"},
		{"an odd byte", "{\x00}\x00a", "{}\xFF"},
	}
	for _, tt := range tests {
		for _, r := range []io.Reader{strings.NewReader(tt.in), iotest.OneByteReader(strings.NewReader(tt.in))} {
			got, err := io.ReadAll(decoded(r, newJournal(1)))
			if err != nil || string(got) != tt.want {
				t.Errorf("%s: got %q, %v; want %q", tt.name, got, err, tt.want)
			}
		}
	}
}

// TestRealData repairs public data sets, which are not part of this repository.
func TestRealData(t *testing.T) {
	tests := []struct {
		name, file                  string
		o                           Options
		written, repaired, rejected int64
		counts                      map[string]int64
	}{
		{"a thousand summaries", "prompt_completion/abmc_training-data.jsonl", pc, 1000, 0, 0, map[string]int64{}},
		{"eight samples", "converse_nova/forge_sft_samples.jsonl", nova, 2, 0, 0, map[string]int64{DuplicateRemoved: 6}},
		{"tools as text for Llama", "converse_nova/nova_tooluse_train.jsonl", llama, 560, 560, 0, map[string]int64{SchemaVersionSet: 560}},
		{"chat form for Nova", "openai_chat/openai_sft_test_data.jsonl", nova, 0, 0, 10, map[string]int64{Rejected: 10}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", filepath.FromSlash(tt.file)))
			if errors.Is(err, fs.ErrNotExist) {
				t.Log("not repaired: the public data sets are not beside this repository")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			res, out, rejects := fix(t, string(data), tt.o, false)
			accounted(t, res)
			if res.Written != tt.written || res.Repaired != tt.repaired || res.Rejected != tt.rejected {
				t.Errorf("got %d written, %d repaired, %d rejected; want %d, %d, %d", res.Written, res.Repaired, res.Rejected, tt.written, tt.repaired, tt.rejected)
			}
			delete(res.Counts, LineBreakAdded)
			if fmt.Sprint(res.Counts) != fmt.Sprint(tt.counts) {
				t.Errorf("got %v, want %v", res.Counts, tt.counts)
			}
			if again, same, _ := fix(t, out, tt.o, false); same != out || len(again.Actions) > 0 {
				t.Errorf("a second run did %v", again.Counts)
			}
			if tt.rejected == res.Records && !bytes.Equal([]byte(rejects), append(bytes.TrimRight(data, "\n"), '\n')) {
				t.Error("the rejects are not the input")
			}
		})
	}
}

// TestFirst finds the first record wherever it stands, and loses nothing.
func TestFirst(t *testing.T) {
	pretty := "{\n\"prompt\": \"a\"\n}"
	tests := []struct{ name, in, want string }{
		{"empty", "", ""},
		{"the first line", lines(rowA, rowB), rowA},
		{"behind a mark and blank lines", "\xEF\xBB\xBF\n\n" + rowA, rowA},
		{"in an array", "[\n " + rowA + "," + rowB + "]", rowA},
		{"over lines", pretty + "\n", pretty},
		{"UTF-16", utf16LE(lines(rowA)), rowA},
		{"behind what is no record", lines("hello", "17", rowA), rowA},
		{"behind a line too long", strings.Repeat("a", dataset.DefaultMaxLineBytes+1) + "\n" + rowA, rowA},
		{"too far", strings.Repeat("\n", firstBytes) + rowA, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			record, whole, err := First(context.Background(), strings.NewReader(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			all, err := io.ReadAll(whole)
			if err != nil || string(record) != tt.want || string(all) != tt.in {
				t.Errorf("got %q, %v and %d bytes, want %q and %d", record, err, len(all), tt.want, len(tt.in))
			}
		})
	}
	if _, _, err := First(context.Background(), iotest.ErrReader(fs.ErrPermission)); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want %v", err, fs.ErrPermission)
	}
}
