package dataset

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestRealData checks public data sets that were really used for tuning. They
// are not part of this repository; the verdicts are, by a reader's judgement:
// the "tool use" set writes its tools as text and has a schemaVersion of its own.
func TestRealData(t *testing.T) {
	novaMicro := Limits{MinRecords: 8, MaxRecords: 20000, AdvisedRecords: 100, TokensPerRecord: 32000}
	llama31 := Limits{MinRecords: 100, MaxRecords: 10000, TokensPerRecord: 16000}
	tests := []struct {
		name, file string
		o          Options
		records    int64
		errors     map[Code]int64
		warnings   []Code
	}{
		{"a thousand summaries", "prompt_completion/abmc_training-data.jsonl", Options{Format: FormatPromptCompletion, Limits: llama31, Rules: llama}, 1000, nil, nil},
		{"five hundred summaries", "prompt_completion/sfwc_train-data-small.jsonl", Options{Format: FormatPromptCompletion, Limits: llama31, Rules: llama}, 500, nil, nil},
		{"summaries for Nova", "prompt_completion/abmc_training-data.jsonl", Options{Format: FormatConversation, Limits: novaMicro, Rules: nova}, 1000, map[Code]int64{CodeOtherFormat: 1000}, nil},
		{"eight samples", "converse_nova/forge_sft_samples.jsonl", Options{Format: FormatConversation, Limits: novaMicro, Rules: nova}, 8, nil, []Code{CodeDuplicateRecord, CodeFewRecords}},
		{"tools as text for Nova", "converse_nova/nova_tooluse_train.jsonl", Options{Format: FormatConversation, Limits: novaMicro, Rules: nova}, 560, nil, nil},
		{"tools as text for Llama", "converse_nova/nova_tooluse_train.jsonl", Options{Format: FormatConversation, Limits: llama31, Rules: llama}, 560, map[Code]int64{CodeSchemaVersion: 560}, nil},
		{"chat form for Nova", "openai_chat/openai_sft_test_data.jsonl", Options{Format: FormatConversation, Limits: novaMicro, Rules: nova}, 10, map[Code]int64{CodeMissingKey: 10, CodeWrongType: 30, CodeUnknownRole: 10}, []Code{CodeDuplicateRecord, CodeFewRecords}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", filepath.FromSlash(tt.file)))
			if errors.Is(err, fs.ErrNotExist) {
				t.Log("not checked: the public data sets are not beside this repository")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = file.Close() }()
			r, err := Check(context.Background(), file, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			judge(t, r, tt.records, tt.errors, tt.warnings)
		})
	}
}

func judge(t *testing.T, r Report, records int64, errs map[Code]int64, warnings []Code) {
	t.Helper()
	if r.Records != records || r.Accepted != (len(errs) == 0) {
		t.Errorf("got %d records, accepted %v; want %d, %v", r.Records, r.Accepted, records, len(errs) == 0)
	}
	for code, n := range r.Counts {
		info, _ := code.Info()
		if info.Severity == SeverityError && errs[code] != n {
			t.Errorf("got %d of error %s, want %d", n, code, errs[code])
		}
		if info.Severity == SeverityWarning && !slices.Contains(warnings, code) {
			t.Errorf("got warning %s, want only %v", code, warnings)
		}
	}
	for code, n := range errs {
		if r.Counts[code] != n {
			t.Errorf("got %d of error %s, want %d", r.Counts[code], code, n)
		}
	}
}
