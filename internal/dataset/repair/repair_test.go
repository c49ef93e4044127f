package repair

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tuneline/tuneline/internal/dataset"
)

var (
	pc    = Options{Dataset: dataset.Options{Format: dataset.FormatPromptCompletion}}
	nova  = Options{Dataset: dataset.Options{Format: dataset.FormatConversation, Rules: dataset.Rules{AnySchemaVersion: true, ReservedWords: true}}}
	llama = Options{Dataset: dataset.Options{Format: dataset.FormatConversation, Rules: dataset.Rules{SystemItems: 1}}}
)

func with(o Options, change func(*Options)) Options {
	change(&o)
	return o
}

const (
	rowA = `{"prompt": "a", "completion": "b"}`
	rowB = `{"prompt": "c", "completion": "d"}`
	rowC = `{"prompt": "e", "completion": "f"}`

	version = `"schemaVersion": "bedrock-conversation-2024"`
	turns   = `[{"role": "user", "content": [{"text": "q"}]}, {"role": "assistant", "content": [{"text": "a"}]}]`
	conv    = `{` + version + `, "messages": ` + turns + `}`
)

// lines is a file of these rows.
func lines(rows ...string) string { return strings.Join(append(rows, ""), "\n") }

// utf16LE is ASCII as UTF-16 with a byte order mark.
func utf16LE(text string) string {
	out := "\xFF\xFE"
	for _, c := range []byte(text) {
		out += string([]byte{c, 0})
	}
	return out
}

// utf16BE is ASCII as UTF-16 without a mark.
func utf16BE(text string) string {
	out := ""
	for _, c := range []byte(text) {
		out += string([]byte{0, c})
	}
	return out
}

// fixTest is one data set and what becomes of it; actions as "line what code".
type fixTest struct {
	name, in string
	o        Options
	want     string
	rejects  string
	actions  []string
}

var fileTests = []fixTest{
	{"nothing to do", lines(rowA, rowB), pc, lines(rowA, rowB), "", nil},
	{"empty", "", pc, "", "", nil},
	{"byte order mark", "\xEF\xBB\xBF" + lines(rowA), pc, lines(rowA), "", []string{"1 byte-order-mark-removed TL1002"}},
	{"two files put together", lines(rowA, "\xEF\xBB\xBF"+rowB), pc, lines(rowA, rowB), "", []string{"2 byte-order-mark-removed TL1002"}},
	{"UTF-16 with a mark", utf16LE(lines(rowA)), pc, lines(rowA), "", []string{"1 utf-16-decoded TL1002", "1 byte-order-mark-removed TL1002"}},
	{"UTF-16 without", utf16BE(lines(rowA)), pc, lines(rowA), "", []string{"1 utf-16-decoded TL1003"}},
	{"CRLF", rowA + "\r\n\r\n" + rowB + "\r\n", pc, lines(rowA, rowB), "", []string{"1 carriage-return-removed ", "2 blank-line-removed TL1007", "3 carriage-return-removed "}},
	{"CR", rowA + "\r" + rowB + "\r", pc, lines(rowA, rowB), "", []string{"1 carriage-return-removed ", "1 carriage-return-removed "}},
	{"blank lines", "\n \t\n" + rowA + "\n\n\n" + rowB + "\n\n", pc, lines(rowA, rowB), "", []string{
		"1 blank-line-removed TL1007", "2 blank-line-removed TL1007", "4 blank-line-removed TL1007", "5 blank-line-removed TL1007", "7 blank-line-removed TL1007"}},
	{"white space", "  " + rowA + "\n" + rowB + "\t\n", pc, lines(rowA, rowB), "", []string{"1 white-space-trimmed ", "2 white-space-trimmed "}},
	{"no line feed at the end", rowA + "\n" + rowB, pc, lines(rowA, rowB), "", []string{"2 last-line-break-added "}},
	{"white space at the end", rowA + "\n  ", pc, lines(rowA), "", []string{"2 blank-line-removed TL1007"}},
	{"NUL bytes at the end", rowA + "\n\x00\x00\x00", pc, lines(rowA), "", []string{"2 nul-removed TL1001"}},
	{"NUL bytes between records", rowA + "\n" + strings.Repeat("\x00", 1000) + rowB + "\n", pc, lines(rowA, rowB), "", []string{"2 nul-removed TL1001"}},
	{"U+2028, U+2029 and U+0085", rowA + "\u2028" + rowB + "\u2029" + rowC + "\u0085\n", pc, lines(rowA, rowB, rowC), "", []string{
		"1 line-separator-removed TL1006", "1 line-separator-removed TL1006", "1 line-separator-removed TL1006"}},
	{"U+2028 in a text", `{"prompt": "a` + "\u2028" + `", "completion": "b"}` + "\n", pc, `{"prompt": "a` + "\u2028" + `", "completion": "b"}` + "\n", "", nil},
	{"comma after the record", rowA + ",\n" + rowB + " ,\n", pc, lines(rowA, rowB), "", []string{"1 comma-removed TL1006", "2 comma-removed TL1006", "2 white-space-trimmed "}},
	{"comma before the record", rowA + "\n," + rowB + "\n", pc, lines(rowA, rowB), "", []string{"2 comma-removed TL1006"}},
	{"two records on a line", rowA + rowB + "\n", pc, lines(rowA, rowB), "", []string{"1 records-split TL1006"}},
	{"duplicates", lines(rowA, " "+rowA, rowB, rowA), pc, lines(rowA, rowB), "", []string{"2 duplicate-removed TL1403", "2 white-space-trimmed ", "4 duplicate-removed TL1403"}},
	{"duplicates kept", lines(rowA, rowA), with(pc, func(o *Options) { o.KeepDuplicates = true }), lines(rowA, rowA), "", nil},
}

var arrayTests = []fixTest{
	{"array on one line", "[" + rowA + "," + rowB + "]", pc, lines(rowA, rowB), "", []string{"1 array-unwrapped TL1009", "1 last-line-break-added "}},
	{"array over lines", "[\n  " + rowA + ",\n  " + rowB + "\n]\n", pc, lines(rowA, rowB), "", []string{"1 array-unwrapped TL1009"}},
	{"array, pretty-printed", "[\n  {\n    \"prompt\": \"a\",\n    \"completion\": \"b\"\n  }\n]\n", pc, `{"prompt":"a","completion":"b"}` + "\n", "", []string{"1 array-unwrapped TL1009", "2 lines-joined TL1010"}},
	{"array with what is no record", "[" + rowA + ",5," + rowB + "]\n", pc, lines(rowA, rowB), "5\n", []string{"1 array-unwrapped TL1009", "1 rejected TL1009"}},
	{"array without an end", "[\n" + rowA + ",\n", pc, lines(rowA), "", []string{"1 array-unwrapped TL1009", "3 array-end-missing TL1010"}},
	{"a bad line in an array", "[\n" + rowA + ",\n{\"prompt\": \"x},\n" + rowB + "\n]\n", pc, lines(rowA, rowB), "{\"prompt\": \"x},\n", []string{"1 array-unwrapped TL1009", "3 rejected TL1010"}},
	{"lines that are arrays", lines("["+rowA+"]", "["+rowB+"]"), pc, "", lines("["+rowA+"]", "["+rowB+"]"), []string{"1 rejected TL1009", "2 rejected TL1009"}},
	{"pretty-printed records", "{\n  \"prompt\": \"a  b\",\n  \"completion\": 1.50\n}\n", pc, "", "{\n  \"prompt\": \"a  b\",\n  \"completion\": 1.50\n}\n", []string{"1 rejected TL1102"}},
	{"a record over lines", "{\"prompt\": \"a  b\",\n  \"completion\":\r\n \"c\"}\n" + rowB + "\n", pc, lines(`{"prompt":"a  b","completion":"c"}`, rowB), "", []string{"1 lines-joined TL1010"}},
	{"a record over lines, CR", "{\"prompt\": \"a\",\r\"completion\": \"c\"}\n", pc, lines(`{"prompt":"a","completion":"c"}`), "", []string{"1 carriage-return-removed "}},
	{"line breaks in a string", "{\"prompt\": \"a\r\nb\tc\", \"completion\": \"d\n\"}\n" + rowB + "\n", pc, lines(`{"prompt": "a\nb\tc", "completion": "d\n"}`, rowB), "", []string{"1 lines-joined TL1010", "1 control-character-escaped TL1001"}},
	{"a torn record", lines(`{"prompt": "a", "completion": "b`, rowB), pc, lines(rowB), lines(`{"prompt": "a", "completion": "b`), []string{"1 rejected TL1010"}},
	{"a torn record at the end", lines(rowA) + `{"prompt": "a", `, pc, lines(rowA), lines(`{"prompt": "a", `), []string{"2 last-line-break-added ", "2 rejected TL1010"}},
	{"a torn rest", lines(rowA+`, "extra": 1}`, rowB), pc, lines(rowB), lines(rowA + `, "extra": 1}`), []string{"1 rejected TL1006"}},
	{"no JSON", lines("hello", rowA), pc, lines(rowA), lines("hello"), []string{"1 rejected TL1001"}},
	{"no object", lines("17", `"a"`, rowA), pc, lines(rowA), lines("17", `"a"`), []string{"1 rejected TL1009", "2 rejected TL1009"}},
	{"a line too long", lines(`{"prompt": "`+strings.Repeat("a", 200)+`", "completion": "b"}`, rowA), with(pc, func(o *Options) { o.Dataset.MaxLineBytes = 64 }), lines(rowA), lines(`{"prompt": "` + strings.Repeat("a", 200) + `", "completion": "b"}`), []string{"1 rejected-too-long TL1008"}},
}

var textTests = []fixTest{
	{"Windows-1252 is not guessed", lines("{\"prompt\": \"\x93a\x94\", \"completion\": \"b\"}"), pc, "", lines("{\"prompt\": \"\x93a\x94\", \"completion\": \"b\"}"), []string{"1 rejected TL1003"}},
	{"Windows-1252", lines("{\"prompt\": \"\x93a\x94\", \"completion\": \"b\"}", `{"prompt": "é", "completion": "b"}`), with(pc, func(o *Options) { o.FromEncoding = "windows-1252" }),
		lines(`{"prompt": "“a”", "completion": "b"}`, `{"prompt": "é", "completion": "b"}`), "", []string{"1 encoding-decoded TL1003"}},
	{"bytes replaced", lines("{\"prompt\": \"a\xFF\", \"completion\": \"b\"}"), with(pc, func(o *Options) { o.ReplaceInvalid = true }), lines("{\"prompt\": \"a\uFFFD\", \"completion\": \"b\"}"), "", []string{"1 invalid-replaced TL1003"}},
	{"half a pair", lines(`{"prompt": "\ud83d", "completion": "\ud83d\ude00"}`), pc, "", lines(`{"prompt": "\ud83d", "completion": "\ud83d\ude00"}`), []string{"1 rejected TL1004"}},
	{"half a pair replaced", lines(`{"prompt": "\\ud83d\ud83d", "completion": "\ud83d\ude00\ude00"}`), with(pc, func(o *Options) { o.ReplaceInvalid = true }),
		lines(`{"prompt": "\\ud83d\ufffd", "completion": "\ud83d\ude00\ufffd"}`), "", []string{"1 invalid-replaced TL1004"}},
	{"an unknown key stays", lines(`{"prompt": "a", "id": 7, "completion": "b"}`), pc, lines(`{"prompt": "a", "id": 7, "completion": "b"}`), "", nil},
	{"an unknown key dropped", lines(`{"prompt": "a", "id": {"x": 7}, "completion": "b", "w ö": 1}`), with(pc, func(o *Options) { o.DropUnknownKeys = true }), lines(`{"prompt": "a", "completion": "b"}`), "", []string{"1 key-removed TL1104"}},
	{"a key named twice", lines(`{"prompt": "a", "prompt": "c", "completion": "b"}`), pc, "", lines(`{"prompt": "a", "prompt": "c", "completion": "b"}`), []string{"1 rejected TL1005"}},
	{"an empty text", lines(`{"prompt": " ", "completion": "b"}`), pc, "", lines(`{"prompt": " ", "completion": "b"}`), []string{"1 rejected TL1105"}},
}

var conversationTests = []fixTest{
	{"schemaVersion missing", lines(`{"messages": ` + turns + `}`), nova, lines(conv), "", []string{"1 schema-version-set TL1101"}},
	{"schemaVersion wrong, Llama", lines(`{"schemaVersion": "v1", "messages": ` + turns + `}`), llama, lines(conv), "", []string{"1 schema-version-set TL1201"}},
	{"schemaVersion another, Nova", lines(`{"schemaVersion": "v1", "messages": ` + turns + `}`), nova, lines(`{"schemaVersion": "v1", "messages": ` + turns + `}`), "", nil},
	{"schemaVersion a number", lines(`{"schemaVersion": 1, "messages": ` + turns + `}`), nova, lines(conv), "", []string{"1 schema-version-set TL1201"}},
	{"contents that are strings", lines(`{` + version + `, "system": "s", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}`), nova,
		lines(`{` + version + `, "system": [{"text":"s"}], "messages": [{"role": "user", "content": [{"text":"q"}]}, {"role": "assistant", "content": [{"text":"a"}]}]}`), "",
		[]string{"1 text-wrapped TL1102", "1 text-wrapped TL1102"}},
	{"empty systems", lines(`{"system": [], `+version+`, "messages": `+turns+`}`, `{"system": " ", `+version+`,  "messages": `+turns+`}`, `{"system": [{"text": ""}], `+version+`,   "messages": `+turns+`}`, `{"system": null,  `+version+`, "messages": `+turns+`}`),
		with(nova, func(o *Options) { o.KeepDuplicates = true }), lines(conv, conv, conv, conv), "",
		[]string{"1 empty-system-removed TL1202", "2 empty-system-removed TL1102", "3 empty-system-removed TL1105", "4 empty-system-removed TL1102"}},
	{"a system with another key beside an empty text", lines(`{`+version+`, "system": [{"text": "s", "TEXT": ""}], "messages": `+turns+`}`, `{`+version+`, "system": [{"text": "", "TEXT": "s"}], "messages": `+turns+`}`), nova,
		"", lines(`{`+version+`, "system": [{"text": "s", "TEXT": ""}], "messages": `+turns+`}`, `{`+version+`, "system": [{"text": "", "TEXT": "s"}], "messages": `+turns+`}`), []string{"1 rejected TL1103", "2 rejected TL1105"}},
	{"neighbours of one role", lines(`{` + version + `, "messages": [{"role": "user", "content": [{"text": "p"}]}, {"role": "user", "content": [{"text": "q"}]}, {"role": "assistant", "content": [{"text": "a"}]}]}`), nova,
		"", lines(`{` + version + `, "messages": [{"role": "user", "content": [{"text": "p"}]}, {"role": "user", "content": [{"text": "q"}]}, {"role": "assistant", "content": [{"text": "a"}]}]}`), []string{"1 rejected TL1205"}},
	{"neighbours merged", lines(`{` + version + `, "messages": [{"role": "user", "content": "p"}, {"role": "user", "content": [{"text": "q"}]}, {"role": "assistant", "content": [{"text": "a"}]}]}`), with(nova, func(o *Options) { o.MergeTurns = true }),
		lines(`{` + version + `, "messages": [{"role": "user", "content": [{"text":"p"}, {"text": "q"}]}, {"role": "assistant", "content": [{"text": "a"}]}]}`), "", []string{"1 text-wrapped TL1102", "1 turns-merged TL1205"}},
	{"no answer", lines(`{` + version + `, "messages": [{"role": "user", "content": [{"text": "p"}]}]}`), nova, "", lines(`{` + version + `, "messages": [{"role": "user", "content": [{"text": "p"}]}]}`), []string{"1 rejected TL1203"}},
	{"unknown keys at every level", lines(`{"id": 1, ` + version + `, "messages": [{"role": "user", "name": "n", "content": [{"text": "q"}]}, {"role": "assistant", "content": [{"text": "a"}]}], "n": [1]}`), with(nova, func(o *Options) { o.DropUnknownKeys = true }),
		lines(conv), "", []string{"1 key-removed TL1103"}},
	{"another form", lines(rowA), nova, "", lines(rowA), []string{"1 rejected TL1106"}},
	{"a reserved word", lines(`{` + version + `, "messages": [{"role": "user", "content": [{"text": "User: q"}]}, {"role": "assistant", "content": [{"text": "a"}]}]}`), nova, "",
		lines(`{` + version + `, "messages": [{"role": "user", "content": [{"text": "User: q"}]}, {"role": "assistant", "content": [{"text": "a"}]}]}`), []string{"1 rejected TL1210"}},
}

// fix runs Stream, byte by byte if that is wanted, and returns what it wrote.
func fix(t *testing.T, in string, o Options, slow bool) (res Result, out, rejects string) {
	t.Helper()
	var w, bad bytes.Buffer
	o.Rejects = &bad
	r := strings.NewReader(in)
	var err error
	if slow {
		res, err = Stream(context.Background(), iotest.OneByteReader(r), &w, o)
	} else {
		res, err = Stream(context.Background(), r, &w, o)
	}
	if err != nil {
		t.Fatal(err)
	}
	return res, w.String(), bad.String()
}

func TestStream(t *testing.T) {
	for _, tests := range [][]fixTest{fileTests, arrayTests, textTests, conversationTests} {
		for _, tt := range tests {
			for _, slow := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/slow=%v", tt.name, slow), func(t *testing.T) {
					res, out, rejects := fix(t, tt.in, tt.o, slow)
					if out != tt.want {
						t.Errorf("got copy\n%q, want\n%q", out, tt.want)
					}
					if rejects != tt.rejects {
						t.Errorf("got rejects\n%q, want\n%q", rejects, tt.rejects)
					}
					var actions []string
					for _, a := range res.Actions {
						actions = append(actions, fmt.Sprintf("%d %s %s", a.Line, a.What, a.Code))
					}
					if want := slices.Clone(tt.actions); !slices.Equal(sorted(actions), sorted(want)) {
						t.Errorf("got actions %q, want %q", actions, tt.actions)
					}
					accounted(t, res)
				})
			}
		}
	}
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// accounted holds the numbers of a result against each other.
func accounted(t *testing.T, res Result) {
	t.Helper()
	if res.Records != res.Written+res.Rejected+res.Duplicates {
		t.Errorf("%d records, but %d written, %d rejected, %d duplicates", res.Records, res.Written, res.Rejected, res.Duplicates)
	}
	if rejected := res.Counts[Rejected] + res.Counts[RejectedTooLong]; rejected != res.Rejected || res.Counts[DuplicateRemoved] != res.Duplicates {
		t.Errorf("%d rejected and %d duplicates, but counts %v", res.Rejected, res.Duplicates, res.Counts)
	}
	if res.Report.Records != res.Written {
		t.Errorf("%d records written, %d checked", res.Written, res.Report.Records)
	}
	for code, n := range res.Report.Counts {
		info, _ := code.Info()
		if info.Severity == dataset.SeverityError && code != dataset.CodeTooFewRecords && code != dataset.CodeTooManyRecords {
			t.Errorf("the copy has %d of error %s", n, code)
		}
	}
}
