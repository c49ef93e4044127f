package convert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

// ownFault are the codes of what only the converter could be to blame for: what
// it writes is one JSON object a line, in the format's shape, whatever the row
// was. Other errors are about what the row says, such as a blank text.
var ownFault = []dataset.Code{
	dataset.CodeByteOrderMark, dataset.CodeInvalidUTF8, dataset.CodeLoneSurrogate, dataset.CodeDuplicateKey,
	dataset.CodeIncomplete, dataset.CodeSyntax, dataset.CodeTrailingData, dataset.CodeBlankLine, dataset.CodeNotAnObject,
	dataset.CodeOtherFormat, dataset.CodeUnknownKey, dataset.CodeMissingKey, dataset.CodeWrongType, dataset.CodeSchemaVersion,
	dataset.CodeSystemCount, dataset.CodeTooFewMessages, dataset.CodeUnknownRole, dataset.CodeRoleOrder,
	dataset.CodeEmptyContent, dataset.CodeUnknownBlock,
}

// checked is the report on what was written, by the strictest family's rules.
func checked(t *testing.T, written string, format dataset.Format) dataset.Report {
	t.Helper()
	rules, err := dataset.RulesFor("llama")
	if err != nil {
		t.Fatal(err)
	}
	report, err := dataset.Check(context.Background(), strings.NewReader(written), dataset.Options{
		Format: format, Rules: rules, MaxLineBytes: 64 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// checkShape ensures that the records are of the format that they claim.
func checkShape(t *testing.T, written string, format dataset.Format) {
	t.Helper()
	for line := range strings.Lines(written) {
		if !json.Valid([]byte(line)) || !strings.HasPrefix(line, "{") {
			t.Errorf("this is not one JSON object a line: %q", line)
		}
	}
	// The check takes Anthropic's form as Bedrock did, without blocks and tools; the
	// chat form it does not take at all.
	if written == "" || format == dataset.FormatOpenAIChat || format == dataset.FormatAnthropic {
		return
	}
	for _, finding := range checked(t, written, format).Findings {
		if slices.Contains(ownFault, finding.Code) {
			t.Errorf("%s on line %d at %s: %s\n%s", finding.Code, finding.Line, finding.Pointer, finding.Message, written)
		}
	}
}

// TestWrittenIsChecked converts every row of this package's tests to what Bedrock
// takes and holds the result against the check.
func TestWrittenIsChecked(t *testing.T) {
	for _, row := range everyRow(t) {
		for _, to := range Formats() {
			out, _ := converted(t, row, Options{To: to, DropMedia: true, KeepReasoning: true})
			checkShape(t, out, to)
		}
	}
}

// everyRow are the rows of testdata and of the kinds of loss.
func everyRow(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "*.jsonl"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no rows in testdata: %v", err)
	}
	var rows []string
	for _, name := range names {
		text, err := os.ReadFile(name) //nolint:gosec // a file of testdata
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, strings.Split(strings.TrimSpace(string(text)), "\n")...)
	}
	for _, info := range Kinds() {
		rows = append(rows, losing[info.Kind].row)
	}
	return rows
}

// realData reads a public data set that is not part of this repository; ok is
// false where it is not there.
func realData(t *testing.T, name string) (text []byte, ok bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		t.Logf("%s is not on this machine", name)
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return text, true
}

// TestRealData converts sets that were really used and that have nothing wrong:
// every row is written, and the check accepts it for the family it was meant for.
func TestRealData(t *testing.T) {
	for _, tt := range []struct {
		file string
		to   dataset.Format
		rows int64
		lost map[Kind]int64
	}{
		{"openai_chat/openai_sft_test_data.jsonl", dataset.FormatConversation, 10, nil},
		{"openai_chat/openai_sft_tool_test_data.jsonl", dataset.FormatConversation, 8, map[Kind]int64{KindReasoning: 1}},
		{"openai_chat/openai_sft_test_data.jsonl", dataset.FormatPromptCompletion, 10, map[Kind]int64{KindSystemInPrompt: 10}},
		{"prompt_completion/abmc_training-data.jsonl", dataset.FormatConversation, 1000, nil},
		{"converse_nova/nova_tooluse_train.jsonl", dataset.FormatOpenAIChat, 560, map[Kind]int64{KindSchemaVersion: 560}},
		{"rft/rft_train_data.jsonl", dataset.FormatReinforcement, 300, nil},
		{"rft/rft_train_data.jsonl", dataset.FormatDistillation, 300, map[Kind]int64{KindReferenceAnswer: 300, KindUnknownKey: 300}},
	} {
		t.Run(tt.file+" to "+string(tt.to), func(t *testing.T) {
			text, ok := realData(t, tt.file)
			if !ok {
				return
			}
			out, result := converted(t, string(text), Options{To: tt.to})
			if result.Converted != tt.rows || result.Rejected != 0 {
				t.Errorf("%d rows converted and %d rejected, want %d and 0: %v", result.Converted, result.Rejected, tt.rows, result.Rejections)
			}
			if len(result.Counts) != len(tt.lost) {
				t.Errorf("got losses %v, want %v", result.Counts, tt.lost)
			}
			for kind, n := range tt.lost {
				if result.Counts[kind] != n {
					t.Errorf("%s: got %d, want %d", kind, result.Counts[kind], n)
				}
			}
			checkAccepted(t, out, tt.to)
		})
	}
}

// checkAccepted ensures that the check has no error, but that tools need a base
// model that takes them.
func checkAccepted(t *testing.T, written string, to dataset.Format) {
	t.Helper()
	checkShape(t, written, to)
	if to != dataset.FormatConversation && to != dataset.FormatPromptCompletion {
		return
	}
	rules, err := dataset.RulesFor("nova")
	if err != nil {
		t.Fatal(err)
	}
	report, err := dataset.Check(context.Background(), strings.NewReader(written), dataset.Options{Format: to, Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range report.Findings {
		if finding.Severity == dataset.SeverityError && finding.Code != dataset.CodeToolBlock {
			t.Errorf("%s on line %d at %s: %s", finding.Code, finding.Line, finding.Pointer, finding.Message)
		}
	}
}

// TestRoundTrip ensures that a row which the other format can say whole comes
// back byte by byte.
func TestRoundTrip(t *testing.T) {
	text := dialogue("a", "b", "c", "d")
	system := `{"messages":[{"role":"system","content":"s"},{"role":"user","content":"é\n\"<&>\" 😀"},{"role":"assistant","content":"b"}]}`
	tools := `{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"z\":1.50,\"a\":[null]}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]},{"role":"tool","content":"r1","tool_call_id":"c1"},{"role":"tool","content":"r2","tool_call_id":"c2"},{"role":"user","content":"d"},{"role":"assistant","content":"e"}],"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}},{"type":"function","function":{"name":"g","description":"d","parameters":{"type":"object"}}}]}`
	parts := `{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"s3://b/k.webp"}}]},{"role":"assistant","content":"b"}]}`
	for _, tt := range []struct {
		row string
		via []dataset.Format
	}{
		{text, []dataset.Format{dataset.FormatConversation, dataset.FormatAnthropic, dataset.FormatDistillation}},
		{system, []dataset.Format{dataset.FormatConversation, dataset.FormatAnthropic}},
		{tools, []dataset.Format{dataset.FormatConversation, dataset.FormatAnthropic}},
		{parts, []dataset.Format{dataset.FormatConversation}},
		{dialogue("a", "b"), []dataset.Format{dataset.FormatPromptCompletion}},
	} {
		for _, via := range tt.via {
			there, result := converted(t, tt.row, Options{From: dataset.FormatOpenAIChat, To: via})
			back, _ := converted(t, there, Options{From: via, To: dataset.FormatOpenAIChat})
			if strings.TrimSpace(back) != tt.row {
				t.Errorf("by %s: got %s\nwant %s\n(there: %s, %v)", via, back, tt.row, there, result.Losses)
			}
			if result.Lossy > 0 {
				t.Errorf("by %s: lost %v", via, result.Losses)
			}
		}
	}
}

// TestRoundTripKeepsTexts ensures that real rows have all their texts, in their
// order, after they went to the conversation form and back.
func TestRoundTripKeepsTexts(t *testing.T) {
	for _, name := range []string{"openai_chat/openai_sft_test_data.jsonl", "openai_chat/openai_sft_tool_test_data.jsonl"} {
		text, ok := realData(t, name)
		if !ok {
			continue
		}
		there, _ := converted(t, string(text), Options{To: dataset.FormatConversation})
		back, _ := converted(t, there, Options{To: dataset.FormatOpenAIChat})
		if got, want := contents(t, back), contents(t, string(text)); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// contents are the contents of all messages, as encoding/json reads them.
func contents(t *testing.T, rows string) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(rows) {
		var row struct {
			Messages []struct {
				Role, Content string
			}
		}
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		for _, m := range row.Messages {
			all = append(all, m.Role+": "+m.Content)
		}
	}
	return all
}

// FuzzStream: no input makes Stream panic; every row is written or rejected;
// rejected rows come back as they were; and what is written is of the format.
func FuzzStream(f *testing.F) {
	for i, row := range everyRow(f) {
		for to := range Formats() {
			f.Add([]byte(row), uint8(0), uint8(to), uint8(i))
		}
	}
	formats := append([]dataset.Format{""}, Formats()...)
	f.Fuzz(func(t *testing.T, data []byte, from, to, policies uint8) {
		o := Options{
			From: formats[int(from)%len(formats)], To: Formats()[int(to)%len(Formats())],
			MultiTurn:      []MultiTurn{MultiTurnSplit, MultiTurnLast, MultiTurnReject}[policies%3],
			KeepNeighbours: policies&4 > 0, KeepReasoning: policies&8 > 0, DropMedia: policies&16 > 0, Lossless: policies&32 > 0,
			MaxLineBytes: 1 << 14,
		}
		if _, err := o.complete(); err != nil {
			return // the options contradict each other
		}
		lines := bytes.Split(data, []byte("\n"))
		o.Reject = func(line int64, raw []byte, reason string) {
			if reason == "" || raw != nil && !bytes.Equal(raw, lines[line-1]) {
				t.Errorf("line %d was rejected as %q, for %q", line, raw, reason)
			}
		}
		out, result := converted(t, string(data), o)
		if o.Lossless && result.Lossy > 0 {
			t.Errorf("lost %v", result.Losses)
		}
		checkShape(t, out, o.To)
	})
}
