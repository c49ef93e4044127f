package formodel

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

// TestRealData holds every count of every code on public data sets that were
// really used for tuning, each as it is checked for a base model of the catalogue.
// They are not part of this repository; the test says so when they are not beside
// it. The right verdicts are a reader's judgement.
func TestRealData(t *testing.T) {
	const (
		micro   = "amazon.nova-micro-v1:0:128k"
		lite    = "amazon.nova-lite-v1:0:300k"
		lite2   = "amazon.nova-2-lite-v1:0:256k"
		llama31 = "meta.llama3-1-8b-instruct-v1:0:128k"
		llama33 = "meta.llama3-3-70b-instruct-v1:0:128k"

		tune, distil, reinforce = "FINE_TUNING", "DISTILLATION", "REINFORCEMENT_FINE_TUNING"
	)
	type counts = map[dataset.Code]int64
	tests := []struct {
		file, model, kind string
		accepted          bool
		records           int64
		want              counts
	}{
		{"prompt_completion/abmc_training-data.jsonl", llama31, tune, true, 1000, counts{}},
		{"prompt_completion/abmc_training-data.jsonl", micro, tune, false, 1000, counts{dataset.CodeOtherFormat: 1000}},
		{"prompt_completion/sfwc_train-data-small.jsonl", llama31, tune, true, 500, counts{}},
		{"prompt_completion/sfwc_train-data-small.jsonl", llama33, tune, false, 500, counts{dataset.CodeOtherFormat: 500}},
		{"converse_nova/forge_sft_samples.jsonl", micro, tune, true, 8, counts{dataset.CodeDuplicateRecord: 6, dataset.CodeFewRecords: 1}},
		{"converse_nova/forge_sft_samples.jsonl", lite2, tune, true, 8, counts{dataset.CodeDuplicateRecord: 6, dataset.CodeFewRecords: 1}},
		{"converse_nova/forge_sft_samples.jsonl", llama33, tune, false, 8, counts{dataset.CodeDuplicateRecord: 6, dataset.CodeTooFewRecords: 1}},
		{"converse_nova/forge_sft_samples.jsonl", lite, distil, false, 8, counts{dataset.CodeDuplicateRecord: 6, dataset.CodeTooFewRecords: 1}},
		{"converse_nova/nova_tooluse_train.jsonl", micro, tune, true, 560, counts{dataset.CodeOtherSchemaVersion: 560}},
		{"converse_nova/nova_tooluse_train.jsonl", lite2, tune, true, 560, counts{dataset.CodeOtherSchemaVersion: 560}},
		{"converse_nova/nova_tooluse_train.jsonl", llama33, tune, false, 560, counts{dataset.CodeSchemaVersion: 560}},
		{"converse_nova/nova_tooluse_train.jsonl", micro, distil, false, 560, counts{dataset.CodeSchemaVersion: 560}},
		{"openai_chat/openai_sft_test_data.jsonl", micro, tune, false, 10, counts{dataset.CodeOtherFormat: 10, dataset.CodeDuplicateRecord: 8, dataset.CodeFewRecords: 1}},
		{"openai_chat/openai_sft_test_data.jsonl", lite2, reinforce, false, 10, counts{dataset.CodeNoReferenceAnswer: 10, dataset.CodeDuplicateRecord: 8, dataset.CodeTooFewRecords: 1}},
		{"openai_chat/openai_sft_tool_test_data.jsonl", micro, tune, false, 8, counts{dataset.CodeOtherFormat: 8, dataset.CodeFewRecords: 1}},
		{"openai_chat/openai_sft_tool_test_data.jsonl", llama31, tune, false, 8, counts{dataset.CodeOtherFormat: 8, dataset.CodeTooFewRecords: 1}},
		{"rft/rft_train_data.jsonl", lite2, reinforce, true, 300, counts{}},
		{"rft/rft_train_data.jsonl", lite2, tune, false, 300, counts{dataset.CodeOtherFormat: 300}},
		{"rft/forge_rft.jsonl", lite2, reinforce, false, 10, counts{dataset.CodeDuplicateRecord: 9, dataset.CodeTooFewRecords: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.file+" for "+tt.kind+" of "+tt.model, func(t *testing.T) {
			file, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "data", filepath.FromSlash(tt.file)))
			if errors.Is(err, fs.ErrNotExist) {
				t.Log("not checked: the public data sets are not beside this repository")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = file.Close() }()
			o, err := Options(model(t, tt.model), tt.kind)
			if err != nil {
				t.Fatal(err)
			}
			r, err := dataset.Check(context.Background(), file, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Accepted != tt.accepted || r.Records != tt.records || !maps.Equal(r.Counts, tt.want) {
				t.Errorf("got %d records, accepted %v, %v; want %d, %v, %v", r.Records, r.Accepted, r.Counts, tt.records, tt.accepted, tt.want)
			}
		})
	}
}
