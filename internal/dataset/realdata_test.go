package dataset

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// openReal opens a public data set that was really used for tuning. They are not
// part of this repository; ok is false when they are not beside it.
func openReal(t *testing.T, name string) (file *os.File, ok bool) {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		t.Log("not checked: the public data sets are not beside this repository")
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file, true
}

// TestRealData holds the verdicts on them, by a reader's judgement: the "tool
// use" set writes its tools as text and has a schemaVersion of its own, two sets
// are OpenAI's chat form, and two are for reinforcement fine-tuning.
func TestRealData(t *testing.T) {
	novaMicro := Limits{MinRecords: 8, MaxRecords: 20000, AdvisedRecords: 100, TokensPerRecord: 32000}
	llama31 := Limits{MinRecords: 100, MaxRecords: 10000, TokensPerRecord: 16000}
	tests := []struct {
		name, file string
		o          Options
		records    int64
		errors     map[Code]int64
		notes      map[Code]int64
		warnings   []Code
	}{
		{"a thousand summaries", "prompt_completion/abmc_training-data.jsonl", Options{Format: FormatPromptCompletion, Limits: llama31, Rules: llama}, 1000, nil, nil, nil},
		{"five hundred summaries", "prompt_completion/sfwc_train-data-small.jsonl", Options{Format: FormatPromptCompletion, Limits: llama31, Rules: llama}, 500, nil, nil, nil},
		{"summaries for Nova", "prompt_completion/abmc_training-data.jsonl", Options{Format: FormatConversation, Limits: novaMicro, Rules: nova}, 1000, map[Code]int64{CodeOtherFormat: 1000}, nil, nil},
		{"eight samples", "converse_nova/forge_sft_samples.jsonl", Options{Format: FormatConversation, Limits: novaMicro, Rules: nova}, 8, nil, nil, []Code{CodeDuplicateRecord, CodeFewRecords}},
		{"eight samples for Llama 3.1", "converse_nova/forge_sft_samples.jsonl", Options{Format: FormatPromptCompletion, Rules: llama}, 8, map[Code]int64{CodeOtherFormat: 8}, nil, []Code{CodeDuplicateRecord}},
		{"tools as text for Nova", "converse_nova/nova_tooluse_train.jsonl", Options{Format: FormatConversation, Limits: novaMicro, Rules: nova}, 560, nil, map[Code]int64{CodeOtherSchemaVersion: 560}, nil},
		{"tools as text for Llama", "converse_nova/nova_tooluse_train.jsonl", Options{Format: FormatConversation, Limits: llama31, Rules: llama}, 560, map[Code]int64{CodeSchemaVersion: 560}, nil, nil},
		{"chat form for Nova", "openai_chat/openai_sft_test_data.jsonl", Options{Format: FormatConversation, Limits: novaMicro, Rules: nova}, 10, map[Code]int64{CodeOtherFormat: 10}, nil, []Code{CodeDuplicateRecord, CodeFewRecords}},
		{"chat form with tools for Nova", "openai_chat/openai_sft_tool_test_data.jsonl", Options{Format: FormatConversation, Rules: nova}, 8, map[Code]int64{CodeOtherFormat: 8}, nil, nil},
		{"chat form for Llama 3.1", "openai_chat/openai_sft_test_data.jsonl", Options{Format: FormatPromptCompletion, Rules: llama}, 10, map[Code]int64{CodeOtherFormat: 10}, nil, []Code{CodeDuplicateRecord}},
		{"sums to reinforce", "rft/rft_train_data.jsonl", Options{Format: FormatReinforcement, Limits: Limits{MinRecords: 100, MaxRecords: 20000}, Rules: rulesOf("nova-2")}, 300, nil, nil, nil},
		{"chemistry to reinforce", "rft/forge_rft.jsonl", Options{Format: FormatReinforcement, Rules: rulesOf("nova-2")}, 10, nil, nil, []Code{CodeDuplicateRecord}},
		{"sums to reinforce, for fine-tuning", "rft/rft_train_data.jsonl", Options{Format: FormatConversation, Rules: nova}, 300, map[Code]int64{CodeOtherFormat: 300}, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, ok := openReal(t, tt.file)
			if !ok {
				return
			}
			r, err := Check(context.Background(), file, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			checkVerdict(t, r, tt.records, tt.errors, tt.notes, tt.warnings)
		})
	}
}

// advice are the codes that advise on data sets as they are; which of them these
// sets have is not for this test to say.
var advice = []Code{CodeLengthOutlier, CodeImbalance}

func checkVerdict(t *testing.T, r Report, records int64, errs, notes map[Code]int64, warnings []Code) {
	t.Helper()
	if r.Records != records || r.Accepted != (len(errs) == 0) {
		t.Errorf("got %d records, accepted %v; want %d, %v", r.Records, r.Accepted, records, len(errs) == 0)
	}
	for code, n := range r.Counts {
		info, _ := code.Info()
		switch {
		case info.Severity == SeverityError && errs[code] != n:
			t.Errorf("got %d of error %s, want %d", n, code, errs[code])
		case info.Severity == SeverityNote && notes[code] != n && !slices.Contains(advice, code):
			t.Errorf("got %d of note %s, want %d", n, code, notes[code])
		case info.Severity == SeverityWarning && !slices.Contains(warnings, code):
			t.Errorf("got warning %s, want only %v", code, warnings)
		}
	}
	for _, wanted := range []map[Code]int64{errs, notes} {
		for code, n := range wanted {
			if r.Counts[code] != n {
				t.Errorf("got %d of %s, want %d", r.Counts[code], code, n)
			}
		}
	}
}

// TestRealDataIsDetected: every record is taken for what it is.
func TestRealDataIsDetected(t *testing.T) {
	for name, want := range map[string]Format{
		"prompt_completion/abmc_training-data.jsonl":    FormatPromptCompletion,
		"prompt_completion/sfwc_train-data-small.jsonl": FormatPromptCompletion,
		"converse_nova/forge_sft_samples.jsonl":         FormatConversation,
		"converse_nova/nova_tooluse_train.jsonl":        FormatConversation,
		"openai_chat/openai_sft_test_data.jsonl":        FormatOpenAIChat,
		"openai_chat/openai_sft_tool_test_data.jsonl":   FormatOpenAIChat,
		"rft/rft_train_data.jsonl":                      FormatReinforcement,
		"rft/forge_rft.jsonl":                           FormatReinforcement,
	} {
		file, ok := openReal(t, name)
		if !ok {
			return
		}
		data, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if got, _ := Detect([]byte(line)); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
				break
			}
		}
	}
}
