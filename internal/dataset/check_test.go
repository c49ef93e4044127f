package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden reports")

// brief shows findings as "code line:column pointer".
func brief(r Report) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, fmt.Sprintf("%s %d:%d %s", f.Code, f.Line, f.Column, f.Pointer))
	}
	return out
}

// TestGolden holds the whole report, messages included, of one bad file a
// format: what a user reads.
func TestGolden(t *testing.T) {
	tests := []struct {
		file string
		o    Options
	}{
		{"bad-prompt-completion.jsonl", Options{Format: FormatPromptCompletion, Limits: Limits{MinRecords: 100, TokensPerRecord: 10}}},
		{"bad-conversation.jsonl", Options{Format: FormatConversation, Rules: Rules{AnySchemaVersion: true, ReservedWords: true, TextOnly: true}, Limits: Limits{MaxRecords: 5}}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(check(t, string(data), tt.o), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, filepath.Join("testdata", strings.TrimSuffix(tt.file, ".jsonl")+".golden.json"), append(got, '\n'))
		})
	}
}

func compareGolden(t *testing.T, golden string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil { //nolint:gosec // a golden file
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden) //nolint:gosec // a golden file
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s", golden, got)
	}
}

func TestReportCountsWhatWasRead(t *testing.T) {
	data := `{"prompt":"äb","completion":"c\n"}` + "\r\n" + `{"prompt":"d","completion":"e"}` + "\n\n" + `{"prompt":1}`
	r := check(t, data, with(pc, func(o *Options) { o.Digest = true }))
	sum := sha256.Sum256([]byte(data))
	if r.SHA256 != hex.EncodeToString(sum[:]) || r.Bytes != int64(len(data)) {
		t.Errorf("got %d bytes with digest %s, want those of the file", r.Bytes, r.SHA256)
	}
	if r.Lines != 4 || r.Records != 3 {
		t.Errorf("got %d lines and %d records, want 4 and 3", r.Lines, r.Records)
	}
	if r.Characters != 6 || r.EstimatedTokens != 1 {
		t.Errorf("got %d characters and %d tokens, want 6 and 1", r.Characters, r.EstimatedTokens)
	}
	if r.Errors != 3 || r.Warnings != 0 || r.Accepted {
		t.Errorf("got %d errors, %d warnings, accepted %v", r.Errors, r.Warnings, r.Accepted)
	}
}

func TestFindingsAreCappedAndCountsAreNot(t *testing.T) {
	data := strings.Repeat("\n", 250) + strings.Repeat("{}\n", 3)
	r := check(t, data, pc)
	if len(r.Findings) != DefaultMaxFindings+6+2 {
		t.Errorf("got %d findings, want 100 blank lines, 6 missing keys, 2 copies", len(r.Findings))
	}
	if r.Counts[CodeBlankLine] != 250 || r.Counts[CodeMissingKey] != 6 || r.Errors != 256 || r.Warnings != 2 {
		t.Errorf("got counts %v, %d errors, %d warnings", r.Counts, r.Errors, r.Warnings)
	}
	if r = check(t, data, with(pc, func(o *Options) { o.MaxFindings = 1 })); len(r.Findings) != 3 {
		t.Errorf("got %d findings, want one a code", len(r.Findings))
	}
}

func TestCheckAgainstValidationData(t *testing.T) {
	limits := Limits{MinRecords: 3, MaxRecords: 4}
	record := func(n int) string { return fmt.Sprintf("{\"prompt\":\"%d\",\"completion\":\"b\"}\n", n) }
	validation := check(t, record(1)+record(2), Options{Format: FormatPromptCompletion, Role: RoleValidation, Limits: limits})
	if !validation.Accepted {
		t.Fatalf("validation data: got %v", brief(validation))
	}
	o := Options{Format: FormatPromptCompletion, Limits: limits, Validation: &validation}
	tests := []struct {
		name, data string
		want       []string
	}{
		{"counted together", record(3) + record(4), nil},
		{"enough together", record(3), nil},
		{"too many together", record(3) + record(4) + record(5), []string{"TL1402 0:0 "}},
		{"in both", record(3) + record(2), []string{"TL1404 2:1 "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := brief(check(t, tt.data, o)); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCheckRefusesOptions(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"no format", Options{}, `no format ""`},
		{"unknown role", Options{Format: FormatConversation, Role: "test"}, `no role "test"`},
		{"validation of validation", Options{Format: FormatConversation, Role: RoleValidation, Validation: &Report{}}, "belongs to training data"},
	}
	for _, tt := range tests {
		if _, err := Check(context.Background(), strings.NewReader(""), tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	if _, err := RulesFor("claude"); err == nil {
		t.Error("rules for an unknown family were made up")
	}
}

// broken fails after its text.
type broken struct {
	text io.Reader
	err  error
}

func (b broken) Read(p []byte) (int, error) {
	n, err := b.text.Read(p)
	if errors.Is(err, io.EOF) {
		err = b.err
	}
	return n, err
}

func TestCheckReportsReadErrors(t *testing.T) {
	lost := errors.New("connection lost")
	_, err := Check(context.Background(), broken{strings.NewReader(goodPC + "\n" + goodPC), lost}, pc)
	if !errors.Is(err, lost) || !strings.Contains(err.Error(), "after line 1") {
		t.Errorf("got %v, want the reader's error with its place", err)
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := with(pc, func(o *Options) { o.Progress = func(int64, int64) { cancel() } })
	_, err := Check(ctx, endless{}, o)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// endless is a data set of the same record forever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(goodPC) < len(p) {
		n += copy(p[n:], goodPC)
		p[n] = '\n'
		n++
	}
	return n, nil
}

func TestProgress(t *testing.T) {
	data := strings.Repeat(goodPC+"\n", 20000)
	var calls int
	var bytes, records int64
	check(t, data, with(pc, func(o *Options) {
		o.Progress = func(b, r int64) {
			if b < bytes || r < records {
				t.Errorf("progress went back from %d, %d to %d, %d", bytes, records, b, r)
			}
			calls, bytes, records = calls+1, b, r
		}
	}))
	if bytes != int64(len(data)) || records != 20000 {
		t.Errorf("ended at %d bytes and %d records", bytes, records)
	}
	if calls < 3 || calls > 10 {
		t.Errorf("told %d times over %d bytes: want now and then", calls, len(data))
	}
}

// TestMemoryIsFlat: neither a line without end nor a file full of errors is
// kept.
func TestMemoryIsFlat(t *testing.T) {
	if n := allocated(t, io.LimitReader(repeat("x"), 64<<20), pc); n > 32<<20 {
		t.Errorf("one line of 64 MiB: %d bytes allocated", n)
	}
	o := with(pc, func(o *Options) { o.MaxLineBytes = 1000 })
	if n := allocated(t, io.LimitReader(repeat("\n"), 8<<20), o); n > 4<<20 {
		t.Errorf("8 Mi blank lines: %d bytes allocated", n)
	}
}

// TestFirstFindingIsToldAtOnce: in a data set of any size before much of it is
// read, and before memory is taken for its duplicates.
func TestFirstFindingIsToldAtOnce(t *testing.T) {
	for _, workers := range []int{1, 4} {
		data := strings.NewReader(strings.Repeat("{}\n", 1<<20))
		var before, then runtime.MemStats
		read := int64(-1)
		o := with(pc, func(o *Options) {
			o.Size, o.Workers, o.NearDuplicates = 4e9, workers, true
			o.Found = func(Finding) {
				if read < 0 {
					runtime.ReadMemStats(&then)
					read = data.Size() - int64(data.Len())
				}
			}
		})
		runtime.ReadMemStats(&before)
		if _, err := Check(t.Context(), data, o); err != nil {
			t.Fatal(err)
		}
		if taken := then.TotalAlloc - before.TotalAlloc; read != firstBytes || taken > 32<<20 {
			t.Errorf("%d workers: the first finding came after %d bytes were read and %d allocated, want %d and less than 32 MiB", workers, read, taken, firstBytes)
		}
	}
}

// repeat is a reader of the same byte forever.
type repeat string

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r[0]
	}
	return len(p), nil
}

// allocated is how many bytes a check allocates over all.
func allocated(t *testing.T, r io.Reader, o Options) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Check(context.Background(), r, o); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestLinesAroundTheBlock(t *testing.T) {
	for _, size := range []int{blockBytes - 1, blockBytes, blockBytes + 1, 2*blockBytes + 1} {
		long := `{"prompt":"` + strings.Repeat("x", size-len(`{"prompt":"","completion":"b"}`)) + `","completion":"b"}`
		r := check(t, long+"\n"+goodPC, pc)
		if !r.Accepted || r.Lines != 2 || r.Characters != int64(len(long)-len(goodPC)+1+3) {
			t.Errorf("line of %d bytes: %v, %d lines, %d characters", len(long), brief(r), r.Lines, r.Characters)
		}
	}
}

func TestFindReserved(t *testing.T) {
	tests := []struct {
		text, reserved, suspect string
	}{
		{"nothing here", "", ""},
		{"time: 10:30 <b> [x]", "", ""},
		{"user :", "", ""},
		{"superuser:", "User:", ""},
		{"ASSISTANT:", "Assistant:", ""},
		{":bot:", "Bot:", ""},
		{"<IMAGE>", "<image>", ""},
		{"<<video>", "<video>", ""},
		{"[EOS", "", ""},
		{"thought: system:", "System:", "Thought:"},
		{"<unk>", "", "<unk>"},
		{"ſystem:", "", ""},
	}
	for _, tt := range tests {
		reserved, suspect := findReserved([]byte(tt.text))
		if reserved != tt.reserved || suspect != tt.suspect {
			t.Errorf("%q: got %q and %q, want %q and %q", tt.text, reserved, suspect, tt.reserved, tt.suspect)
		}
	}
}

// TestReportHoldsNoData: what a row says must not reach a report, which is kept
// and shown to people who may not read the data.
func TestReportHoldsNoData(t *testing.T) {
	const secret = "Hunter-2"
	rows := []string{
		`{"prompt":"Hunter-2","completion":"Hunter-2"`,
		`{"my pin is Hunter-2":1}`,
		`{"my pin is Hunter-2":{"a":1,"a":2}}`,
		`{"prompt":"\ud800Hunter-2"}`,
		"{\"prompt\":\"Hunter-2\xff\"}",
		`{"schemaVersion":"Hunter-2","messages":[{"role":"Hunter-2","content":"User: Hunter-2"}]}`,
		`"Hunter-2"`, `Hunter-2`, goodPC + `Hunter-2`,
	}
	for _, o := range []Options{pc, cv, with(cv, func(o *Options) { o.Rules = llama })} {
		r := check(t, strings.Join(rows, "\n"), o)
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Findings) < len(rows) || bytes.Contains(out, []byte(secret)) {
			t.Errorf("%d findings, secret shown %v:\n%s", len(r.Findings), bytes.Contains(out, []byte(secret)), out)
		}
	}
}
