package convert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

// converted runs Stream over text and returns what it wrote.
func converted(t *testing.T, text string, o Options) (string, Result) {
	t.Helper()
	var out bytes.Buffer
	result, err := Stream(context.Background(), strings.NewReader(text), &out, o)
	if err != nil {
		t.Fatal(err)
	}
	if result.Converted+result.Rejected != result.Rows {
		t.Errorf("%d rows converted and %d rejected of %d", result.Converted, result.Rejected, result.Rows)
	}
	if lines := int64(strings.Count(out.String(), "\n")); lines != result.Written {
		t.Errorf("%d lines written, the result says %d", lines, result.Written)
	}
	return out.String(), result
}

// dialogue is a chat row of messages that the user and the assistant write in turn.
func dialogue(texts ...string) string {
	var messages []string
	for i, text := range texts {
		role := []string{"user", "assistant"}[i%2]
		messages = append(messages, `{"role":"`+role+`","content":"`+text+`"}`)
	}
	return `{"messages":[` + strings.Join(messages, ",") + `]}`
}

// losing is a row for each kind of loss, and how it comes to it. They are all
// there is: a kind without a row fails the test.
var losing = map[Kind]struct {
	row string
	o   Options
}{
	KindUnknownKey:       {`{"prompt":"a","completion":"b","source":"desk"}`, Options{To: dataset.FormatConversation}},
	KindWeight:           {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0},{"role":"user","content":"c"},{"role":"assistant","content":"d"}]}`, Options{To: dataset.FormatConversation}},
	KindName:             {`{"messages":[{"role":"user","name":"mira","content":"a"},{"role":"assistant","content":"b"}]}`, Options{To: dataset.FormatConversation}},
	KindReasoning:        {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","reasoning_content":"hm","content":"b"}]}`, Options{To: dataset.FormatConversation}},
	KindTools:            {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"tools":[{"type":"function","function":{"name":"f"}}]}`, Options{To: dataset.FormatPromptCompletion}},
	KindToolSetting:      {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"tool_choice":"auto"}`, Options{To: dataset.FormatConversation}},
	KindToolStatus:       {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":"b","is_error":true}]},{"role":"assistant","content":"c"}]}`, Options{To: dataset.FormatOpenAIChat}},
	KindMedia:            {`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"input_audio","input_audio":{}}]},{"role":"assistant","content":"b"}]}`, Options{To: dataset.FormatConversation, DropMedia: true}},
	KindMediaSetting:     {`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"s3://b/k.png","detail":"high"}}]},{"role":"assistant","content":"b"}]}`, Options{To: dataset.FormatConversation}},
	KindReferenceAnswer:  {`{"messages":[{"role":"user","content":"a"}],"reference_answer":"b"}`, Options{To: dataset.FormatDistillation}},
	KindUntrainedAnswers: {dialogue("a", "b", "c", "d"), Options{To: dataset.FormatPromptCompletion, MultiTurn: MultiTurnLast}},
	KindTail:             {dialogue("a", "b", "c"), Options{To: dataset.FormatPromptCompletion}},
	KindTemplate:         {dialogue("a", "b", "c", "d"), Options{To: dataset.FormatPromptCompletion, PromptTemplate: "{{(index .Turns 0).Text}}"}},
	KindBlankLine:        {"  ", Options{To: dataset.FormatConversation}},
	KindByteOrderMark:    {"\uFEFF" + dialogue("a", "b"), Options{To: dataset.FormatConversation}},
	KindSchemaVersion:    {`{"schemaVersion":"tooluse-dataset-2024","messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"}]}]}`, Options{To: dataset.FormatConversation}},
	KindDeveloper:        {`{"messages":[{"role":"developer","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, Options{To: dataset.FormatConversation}},
	KindMergedSystem:     {`{"schemaVersion":"v","system":[{"text":"s"},{"text":"t"}],"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"}]}]}`, Options{To: dataset.FormatAnthropic}},
	KindMergedTurns:      {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"assistant","content":"c"}]}`, Options{To: dataset.FormatConversation}},
	KindJoinedText:       {`{"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"assistant","content":"c"}]}`, Options{To: dataset.FormatPromptCompletion}},
	KindBlankText:        {`{"messages":[{"role":"system","content":" "},{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, Options{To: dataset.FormatConversation}},
	KindToolDefault:      {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{}}}}]}`, Options{To: dataset.FormatConversation}},
	KindToolID:           {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f","arguments":""}}]}]}`, Options{To: dataset.FormatConversation}},
	KindLegacyFunction:   {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","function_call":{"name":"f","arguments":"{}"}}]}`, Options{To: dataset.FormatConversation}},
	KindRefusal:          {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]}]}`, Options{To: dataset.FormatConversation}},
	KindBlankResult:      {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":""},{"role":"assistant","content":"b"}]}`, Options{To: dataset.FormatConversation}},
	KindMovedResult:      {`{"schemaVersion":"v","messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"1","name":"f","input":{}}}]},{"role":"user","content":[{"text":"b"},{"toolResult":{"toolUseId":"1","content":[{"text":"c"}]}}]},{"role":"assistant","content":[{"text":"d"}]}]}`, Options{To: dataset.FormatOpenAIChat}},
	KindJSONAsText:       {`{"schemaVersion":"v","messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"1","name":"f","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"1","content":[{"json":{}}]}}]},{"role":"assistant","content":[{"text":"d"}]}]}`, Options{To: dataset.FormatOpenAIChat}},
	KindMediaURL:         {`{"schemaVersion":"v","messages":[{"role":"user","content":[{"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/k.png"}}}}]},{"role":"assistant","content":[{"text":"d"}]}]}`, Options{To: dataset.FormatOpenAIChat}},
	KindSystemInPrompt:   {`{"system":"s","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, Options{To: dataset.FormatPromptCompletion}},
	KindTurnsInPrompt:    {`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0},{"role":"user","content":"c"},{"role":"assistant","content":"d"}]}`, Options{To: dataset.FormatPromptCompletion}},
	KindSplit:            {dialogue("a", "b", "c", "d"), Options{To: dataset.FormatPromptCompletion}},
	KindReferenceAsText:  {`{"messages":[{"role":"user","content":"a"}],"reference_answer":1.50}`, Options{To: dataset.FormatReinforcement}},
}

// TestEveryKind ensures that every kind of loss is told, with a line and a
// severity, and that the row counts as lossy or changed accordingly.
func TestEveryKind(t *testing.T) {
	for _, info := range Kinds() {
		t.Run(string(info.Kind), func(t *testing.T) {
			tt, ok := losing[info.Kind]
			if !ok {
				t.Fatal("no row loses this")
			}
			_, result := converted(t, tt.row, tt.o)
			if result.Counts[info.Kind] != 1 {
				t.Fatalf("got %v, rejected %v; want one %s", result.Counts, result.Rejections, info.Kind)
			}
			lossy := info.Severity == SeverityLost
			if lossy && (result.Lossy != 1 || result.Clean()) {
				t.Errorf("the row lost something and counts as %+v", result)
			}
			if !lossy && result.Lossy > 0 {
				t.Errorf("the row was only changed, and lost %v", result.Losses)
			}
			for _, loss := range result.Losses {
				if loss.Line != 1 || loss.What == "" || loss.Severity == "" {
					t.Errorf("a loss says too little: %+v", loss)
				}
			}
			if len(losing) != len(Kinds()) {
				t.Errorf("%d rows for %d kinds", len(losing), len(Kinds()))
			}
		})
	}
}

// TestSchemaVersion ensures that a schemaVersion of the row's own is told where it
// is not written again, and nowhere else.
func TestSchemaVersion(t *testing.T) {
	row := func(version string) string {
		return `{"schemaVersion":"` + version + `","messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"}]}]}`
	}
	for name, tt := range map[string]struct {
		version string
		o       Options
		told    int64
	}{
		"own, replaced":             {"mine", Options{To: dataset.FormatConversation}, 1},
		"own, replaced for prompts": {"mine", Options{To: dataset.FormatDistillation}, 1},
		"own, no place":             {"mine", Options{To: dataset.FormatOpenAIChat, SchemaVersion: "mine"}, 1},
		"own, kept":                 {"mine", Options{To: dataset.FormatConversation, SchemaVersion: "mine"}, 0},
		"constant, no place":        {defaultSchemaVersion, Options{To: dataset.FormatOpenAIChat}, 0},
		"constant, replaced":        {defaultSchemaVersion, Options{To: dataset.FormatConversation, SchemaVersion: "mine"}, 0},
	} {
		_, result := converted(t, row(tt.version), tt.o)
		if got := result.Counts[KindSchemaVersion]; got != tt.told || result.Lossy > 0 || result.Changed != tt.told {
			t.Errorf("%s: told %d times, want %d: %+v", name, got, tt.told, result)
		}
	}
}

// TestLossless ensures that a row is rejected, with the reason, rather than
// written with a loss, and that a change is no loss.
func TestLossless(t *testing.T) {
	for kind, tt := range losing {
		info, _ := kind.Info()
		tt.o.Lossless = true
		out, result := converted(t, tt.row, tt.o)
		if lost := info.Severity == SeverityLost; lost != (result.Rejected == 1) {
			t.Errorf("%s is %s: %d rejected, wrote %s", kind, info.Severity, result.Rejected, out)
		}
	}
}

// TestMultiTurn shows what the ways of treating several answers write.
func TestMultiTurn(t *testing.T) {
	twoAnswers := dialogue("a", "b", "c", "d")
	const last = `{"prompt":"User: a\n\nAssistant: b\n\nUser: c\n\nAssistant:","completion":"d"}` + "\n"
	for way, want := range map[MultiTurn]string{
		MultiTurnSplit:  `{"prompt":"a","completion":"b"}` + "\n" + last,
		MultiTurnLast:   last,
		MultiTurnReject: "",
	} {
		if got, _ := converted(t, twoAnswers, Options{To: dataset.FormatPromptCompletion, MultiTurn: way}); got != want {
			t.Errorf("%s: got %s, want %s", way, got, want)
		}
	}
	// Only what is trained on counts: one answer needs no way.
	oneTrained := strings.Replace(twoAnswers, `"content":"b"`, `"content":"b","weight":0`, 1)
	got, result := converted(t, oneTrained, Options{To: dataset.FormatPromptCompletion, MultiTurn: MultiTurnReject})
	if got != last || result.Lossy > 0 {
		t.Errorf("one answer to train on: got %s and %v", got, result.Losses)
	}
}

// TestPromptTemplate shows a template of one's own, and what is wrong with some.
func TestPromptTemplate(t *testing.T) {
	own := `<s>{{.System}}</s>{{range .Turns}}[{{.Role}}]{{.Text}}{{end}}`
	row := `{"system":"s","messages":[{"role":"user","content":"a & b"},{"role":"assistant","content":"c"}]}`
	got, _ := converted(t, row, Options{To: dataset.FormatPromptCompletion, PromptTemplate: own})
	if want := `{"prompt":"<s>s</s>[user]a & b","completion":"c"}` + "\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, wrong := range []string{"{{", "{{.Question}}", "{{index .Turns 7}}"} {
		_, err := Stream(context.Background(), strings.NewReader(row), io.Discard, Options{To: dataset.FormatPromptCompletion, PromptTemplate: wrong})
		if err == nil || !strings.Contains(err.Error(), "prompt template") {
			t.Errorf("%s: got error %v", wrong, err)
		}
	}
	_, result := converted(t, row, Options{To: dataset.FormatPromptCompletion, PromptTemplate: `{{/* nothing */}}`})
	if result.Rejected != 1 {
		t.Error("an empty prompt was written")
	}
}

// TestPolicies shows what the other options do.
func TestPolicies(t *testing.T) {
	neighbours := `{"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"c"}]}`
	thinking := `{"messages":[{"role":"user","content":"a"},{"role":"assistant","reasoning":"hm","content":"b"}]}`
	for name, tt := range map[string]struct {
		row  string
		o    Options
		want string
	}{
		"merge neighbours":  {neighbours, Options{}, `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"a\n\nb"}]},{"role":"assistant","content":[{"text":"c"}]}]}`},
		"reject neighbours": {neighbours, Options{KeepNeighbours: true}, ""},
		"keep reasoning":    {thinking, Options{KeepReasoning: true}, `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"b"}]}]}`},
		"schema version":    {dialogue("a", "b"), Options{SchemaVersion: "mine-2025"}, `{"schemaVersion":"mine-2025","messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"}]}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			tt.o.To = dataset.FormatConversation
			if got, _ := converted(t, tt.row, tt.o); strings.TrimSpace(got) != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestOptions ensures that what makes no sense is refused, with the way out.
func TestOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"use one of [openai-chat":  {},
		`no format "yaml"`:         {To: "yaml"},
		`no format "csv"`:          {From: "csv", To: dataset.FormatConversation},
		"no reference answer":      {From: dataset.FormatPromptCompletion, To: dataset.FormatReinforcement},
		"use one of [split last r": {To: dataset.FormatPromptCompletion, MultiTurn: "first"},
	} {
		_, err := Stream(context.Background(), strings.NewReader(""), io.Discard, o)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: got error %v, want %q", o, err, name)
		}
	}
}

// TestNothingRepeated ensures that neither losses nor reasons repeat the data,
// even where it stands in the place of a key.
func TestNothingRepeated(t *testing.T) {
	const value = "jane doe 4711"
	rows := strings.Join([]string{
		`{"messages":[{"role":"user","content":"a","` + value + `":1},{"role":"assistant","content":"b"}]}`,
		`{"messages":[{"role":"` + value + `","content":"a"}]}`,
		`{"messages":[{"role":"user","content":{"` + value + `":"` + value + `"}}]}`,
		`{"messages":[{"role":"user","content":[{"type":"` + value + `"}]}]}`,
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f","arguments":"` + value + `"}}]}]}`,
		`{"` + value + `":1,"` + value + `":2}`,
		`{"` + value + `":{"` + value + `":}}`,
		value,
	}, "\n")
	for _, from := range []dataset.Format{"", dataset.FormatOpenAIChat, dataset.FormatAnthropic, dataset.FormatConversation, dataset.FormatPromptCompletion} {
		_, result := converted(t, rows, Options{From: from, To: dataset.FormatConversation})
		report, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(report, []byte("jane")) || bytes.Contains(report, []byte("4711")) {
			t.Errorf("the report repeats the data: %s", report)
		}
	}
}

// TestRejects ensures that rejected rows come back byte by byte, and that what
// is kept is capped while the counts are not.
func TestRejects(t *testing.T) {
	bad := []string{"{", `{"prompt": "a"} `, "\t[1]\r", "\xff"}
	var raw, found []string
	var rejected []int64
	_, result := converted(t, strings.Join(bad, "\n")+"\n\n \n"+dialogue("a", "b"), Options{
		To: dataset.FormatConversation, MaxLosses: 1,
		Reject:   func(_ int64, row []byte, _ string) { raw = append(raw, string(row)) },
		Found:    func(l Loss) { found = append(found, string(l.Kind)) },
		Rejected: func(r Rejection) { rejected = append(rejected, r.Line) },
	})
	if !slices.Equal(raw, bad) || !slices.Equal(rejected, []int64{1, 2, 3, 4}) {
		t.Errorf("got %q of lines %v, want %q", raw, rejected, bad)
	}
	if result.Rejected != 4 || len(result.Rejections) != 1 || result.Counts[KindBlankLine] != 2 || len(result.Losses) != 1 || len(found) != 2 {
		t.Errorf("got %+v and %v: want 4 rejections and 2 blank lines, one of each kept", result, found)
	}
}

// TestLongLine ensures that a line beyond the cap is one rejected row, that
// nothing after it is hurt, and that memory does not grow with it.
func TestLongLine(t *testing.T) {
	var kept [][]byte
	const long = 64 << 20
	in := io.MultiReader(
		strings.NewReader(dialogue("a", "b")+"\n"), io.LimitReader(endless{}, long), strings.NewReader("\n"+dialogue("c", "d")))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	result, err := Stream(context.Background(), in, io.Discard, Options{
		To: dataset.FormatConversation, MaxLineBytes: 1 << 20,
		Reject: func(_ int64, raw []byte, _ string) { kept = append(kept, raw) },
	})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > long/4 {
		t.Errorf("%d bytes were allocated for a line of %d", allocated, long)
	}
	if result.Converted != 2 || result.Rejected != 1 || result.Rejections[0].Line != 2 || len(kept) != 1 || kept[0] != nil {
		t.Errorf("got %+v and %d rows kept", result, len(kept))
	}
}

// TestHostileRows ensures that one long row costs neither time nor memory that
// grow with the square of its length, or worse.
func TestHostileRows(t *testing.T) {
	call := `,{"role":"assistant","tool_calls":[{"id":"x","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":"r","tool_call_id":"x"}`
	for _, tt := range []struct {
		name, row string
		to        dataset.Format
		converted int64
	}{
		{"calls of one id", `{"messages":[{"role":"user","content":"a"}` + strings.Repeat(call, 25_000) + `,{"role":"assistant","content":"z"}]}`, dataset.FormatConversation, 1},
		{"messages of one role", `{"messages":[` + strings.Repeat(`{"role":"user","content":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},`, 60_000) + `{"role":"assistant","content":"b"}]}`, dataset.FormatConversation, 1},
		{"prompts that repeat each other", dialogue(slices.Repeat([]string{"a", "b"}, 50_000)...), dataset.FormatPromptCompletion, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			out, result := converted(t, tt.row, Options{To: tt.to})
			runtime.ReadMemStats(&after)
			if result.Converted != tt.converted || len(out) > 4*len(tt.row) {
				t.Errorf("%d converted, %d bytes of %d; want %d: %v", result.Converted, len(out), len(tt.row), tt.converted, result.Rejections)
			}
			if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 256<<20 { //nolint:gosec // far below 2^63
				t.Errorf("the heap grew by %d MB", grown>>20)
			}
		})
	}
}

// endless is a reader of the same letter.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

type brokenWriter struct{}

// errBroken wraps io.EOF, as what a client says of a closed connection does: it
// is no end all the same.
var errBroken = fmt.Errorf("the line is down: %w", io.EOF)

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

// TestStreamFails ensures that trouble with reading, writing or the context is
// an error, and not a rejected row.
func TestStreamFails(t *testing.T) {
	o := Options{To: dataset.FormatConversation}
	if _, err := Stream(context.Background(), strings.NewReader(dialogue("a", "b")), brokenWriter{}, o); !errors.Is(err, errBroken) {
		t.Errorf("writing: got error %v", err)
	}
	half := io.MultiReader(strings.NewReader(dialogue("a", "b")+"\n{"), brokenReader{})
	if result, err := Stream(context.Background(), half, io.Discard, o); !errors.Is(err, errBroken) || result.Converted != 1 {
		t.Errorf("reading: got error %v and %+v", err, result)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Stream(ended, strings.NewReader(dialogue("a", "b")), io.Discard, o); !errors.Is(err, context.Canceled) {
		t.Errorf("context: got error %v", err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

// TestDeterministic ensures that the same rows give the same bytes and report.
func TestDeterministic(t *testing.T) {
	var rows strings.Builder
	for _, tt := range losing {
		rows.WriteString(tt.row + "\n")
	}
	for _, to := range Formats() {
		first, result := converted(t, rows.String(), Options{To: to})
		again, same := converted(t, rows.String(), Options{To: to})
		if first != again || !reflect.DeepEqual(result, same) {
			t.Errorf("%s: two runs differ", to)
		}
	}
}
