package present

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares what was written with a file under testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path) //nolint:gosec // a golden file
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run the test with -update and read the diff. Got:\n%s", path, got)
	}
}

// example is a report with every severity, findings of which only the first are
// listed, findings that differ in nothing but their line, one after the byte
// where bytes and characters part, and findings on the data set as a whole.
func example() dataset.Report {
	r := dataset.Report{
		Format: dataset.FormatConversation, Role: dataset.RoleTraining,
		Bytes: 25_600_000, Lines: 8132, Records: 8131, Characters: 12_345_678, EstimatedTokens: 2_057_613,
		SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		Errors: 8009, Warnings: 3, Notes: 1,
		Profile: dataset.Profile{
			Characters: dataset.Percentiles{Min: 12, P50: 310, P90: 900, P99: 2000, Max: 41_000},
			Messages:   map[string]int64{"user": 8131, "assistant": 8130, "system": 5},
		},
		Counts: map[dataset.Code]int64{
			dataset.CodeMissingKey: 8000, dataset.CodeBlankLine: 8, dataset.CodeTooFewRecords: 1,
			dataset.CodeDuplicateRecord: 2, dataset.CodeFewRecords: 1, dataset.CodeSecret: 1,
		},
		DuplicatesUnchecked: 1,
	}
	at := func(line, column int64, code dataset.Code, severity dataset.Severity, pointer, message string) {
		r.Findings = append(r.Findings, dataset.Finding{
			Code: code, Severity: severity, Line: line, Column: column, Pointer: pointer, Message: message,
		})
	}
	for _, line := range []int64{1, 2, 3, 4, 5, 9, 120} {
		at(line, 14, dataset.CodeMissingKey, dataset.SeverityError, "/messages/0", "add the key content")
	}
	at(121, 2, dataset.CodeMissingKey, dataset.SeverityError, "/messages/11", "add the key content")
	at(121, 2, dataset.CodeMissingKey, dataset.SeverityError, "/messages/11", "add the key role")
	for line := int64(200); line < 208; line++ {
		at(line, 1, dataset.CodeBlankLine, dataset.SeverityError, "", "remove the blank line")
	}
	at(300, 1, dataset.CodeDuplicateRecord, dataset.SeverityWarning, "", "the record is a copy of line 7: remove it unless it is meant to weigh more")
	at(301, 1, dataset.CodeDuplicateRecord, dataset.SeverityWarning, "", "the record is a copy of line 8: remove it unless it is meant to weigh more")
	at(302, 77, dataset.CodeSecret, dataset.SeverityNote, "/messages/0/content/0/text", "the text looks as if it held a secret (private-key): look at it")
	at(0, 0, dataset.CodeTooFewRecords, dataset.SeverityError, "", "8131 training records, at least 9000 are needed: add some")
	at(0, 0, dataset.CodeFewRecords, dataset.SeverityWarning, "", "8131 training records; AWS advises at least 10000")
	return r
}

// examples are data sets of every verdict, under names that need escaping.
func examples() []File {
	clean := dataset.Report{
		Format: dataset.FormatPromptCompletion, Role: dataset.RoleValidation, Accepted: true,
		Bytes: 1, Lines: 1, Records: 1, Characters: 1, EstimatedTokens: 1,
		Profile: dataset.Profile{
			Characters: dataset.Percentiles{Min: 1, P50: 1, P90: 1, P99: 1, Max: 1},
			Messages:   map[string]int64{"user": 1, "assistant": 1},
		},
	}
	noted := clean
	noted.Notes, noted.Counts = 1, map[dataset.Code]int64{dataset.CodePersonalData: 1}
	noted.Findings = []dataset.Finding{{
		Code: dataset.CodePersonalData, Severity: dataset.SeverityNote, Line: 1, Column: 12, Pointer: "/prompt",
		Message: "the text looks as if it held personal data (e-mail address): mask it",
	}}
	return []File{
		{Name: "data/train 100%,a:b.jsonl", Report: example(), Checked: "bedrock-conversation-2024 for amazon.nova-micro-v1:0:128k", NotLookedFor: []string{"near duplicates"}},
		{Name: "s3://bucket/a key.jsonl", Report: clean, Checked: "prompt-completion for amazon.titan-text-lite-v1"},
		{Name: "noted.jsonl", Report: noted},
		{Name: "gone\n::error::.jsonl", Problem: "it does not exist"},
	}
}

func TestJSON(t *testing.T) {
	var got bytes.Buffer
	if err := JSON(&got, examples()); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", got.Bytes())
	var read struct {
		Schema   string
		Accepted bool
		Files    []struct{ Report *dataset.Report }
	}
	if err := json.Unmarshal(got.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if read.Schema != Schema || read.Accepted || len(read.Files) != 4 {
		t.Errorf("got schema %q, accepted %t and %d files, want %q, false and 4", read.Schema, read.Accepted, len(read.Files), Schema)
	}
	if got, want := read.Files[0].Report.Counts[dataset.CodeMissingKey], int64(8000); got != want {
		t.Errorf("the report read back counts %d of %s, want %d", got, dataset.CodeMissingKey, want)
	}
}

// TestJSONAccepted: one data set that is not accepted is enough, wherever it stands.
func TestJSONAccepted(t *testing.T) {
	good, bad, gone := File{Report: dataset.Report{Accepted: true}}, File{}, File{Problem: "gone"}
	for want, lists := range map[bool][][]File{true: {{good}, {good, good}}, false: {{bad}, {bad, good}, {good, bad}, {gone, good}, {good, gone}}} {
		for _, files := range lists {
			var got bytes.Buffer
			if err := JSON(&got, files); err != nil {
				t.Fatal(err)
			}
			if accepted := bytes.Contains(got.Bytes(), []byte("\n  \"accepted\": true")); accepted != want {
				t.Errorf("accepted: %t, want %t\n%s", accepted, want, &got)
			}
		}
	}
}

// TestJSONWithoutFindings: what a reader iterates over is never null.
func TestJSONWithoutFindings(t *testing.T) {
	var got bytes.Buffer
	if err := JSON(&got, nil); err != nil {
		t.Fatal(err)
	}
	if err := JSON(&got, []File{{Report: dataset.Report{Accepted: true}}}); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(got.Bytes(), []byte("null")) {
		t.Errorf("got null in\n%s", &got)
	}
}

// TestZeroReport: nothing panics over a report that says nothing, or over
// counts of a code that this version does not know.
func TestZeroReport(t *testing.T) {
	unknown := dataset.Report{
		Counts:   map[dataset.Code]int64{"TL9999": 5},
		Findings: []dataset.Finding{{Code: "TL9999"}, {Line: 1}},
	}
	files := []File{{}, {Report: unknown}, {Problem: "broken"}}
	renderers := map[string]func(io.Writer) error{
		"JSON":   func(w io.Writer) error { return JSON(w, files) },
		"SARIF":  func(w io.Writer) error { return SARIF(w, files, "") },
		"GitHub": func(w io.Writer) error { return GitHub(w, files) },
		"Human": func(w io.Writer) error {
			h := NewHuman(w, true)
			for _, f := range files {
				for _, finding := range f.Report.Findings {
					h.Finding(f.Name, finding)
				}
				h.Summary(f)
			}
			return nil
		},
	}
	for name, render := range renderers {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := render(&got); err != nil {
				t.Fatal(err)
			}
			if got.Len() == 0 {
				t.Error("nothing was written")
			}
		})
	}
}

// full is a disk that takes nothing more.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestWriteErrors(t *testing.T) {
	renderers := map[string]func(io.Writer, []File) error{
		"JSON":   JSON,
		"SARIF":  func(w io.Writer, files []File) error { return SARIF(w, files, "1") },
		"GitHub": GitHub,
	}
	for name, render := range renderers {
		if err := render(full{}, examples()); err == nil {
			t.Errorf("%s: no error from a writer that takes nothing", name)
		}
	}
}
