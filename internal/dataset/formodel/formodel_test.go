package formodel

import (
	"context"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/dataset"
)

func model(t *testing.T, id string) *catalog.BaseModel {
	t.Helper()
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.Find(id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestEveryModelCanBeChecked: every base model of the catalogue has options that
// Check takes, for each of its customization types.
func TestEveryModelCanBeChecked(t *testing.T) {
	c, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.All() {
		for _, kind := range m.CustomizationTypes {
			o, err := Options(m, kind)
			if err != nil {
				t.Errorf("%s, %s: %v", m.ID, kind, err)
				continue
			}
			if _, err := dataset.Check(context.Background(), strings.NewReader("{}\n"), o); err != nil {
				t.Errorf("%s, %s: %v", m.ID, kind, err)
			}
			if o.Rules.BaseModel != m.ID || o.Limits.MinRecords == 0 {
				t.Errorf("%s, %s: got base model %q and limits %+v", m.ID, kind, o.Rules.BaseModel, o.Limits)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	const (
		micro  = "amazon.nova-micro-v1:0:128k"
		lite   = "amazon.nova-lite-v1:0:300k"
		lite2  = "amazon.nova-2-lite-v1:0:256k"
		llama  = "meta.llama3-1-8b-instruct-v1:0:128k"
		llama3 = "meta.llama3-3-70b-instruct-v1:0:128k"
	)
	tests := []struct {
		name, id, kind string
		format         dataset.Format
		has            func(dataset.Options) bool
	}{
		{"Nova Micro takes text", micro, "FINE_TUNING", dataset.FormatConversation, func(o dataset.Options) bool { return o.Rules.TextOnly && o.Rules.ReservedWords }},
		{"Nova Lite takes video and no reasoning", lite, "FINE_TUNING", dataset.FormatConversation, func(o dataset.Options) bool { return !o.Rules.TextOnly && o.Rules.Video && !o.Rules.Reasoning }},
		{"Nova 2 Lite takes reasoning", lite2, "FINE_TUNING", dataset.FormatConversation, func(o dataset.Options) bool { return o.Rules.Reasoning && o.Rules.NarrowMedia }},
		{"Nova 2 Lite is reinforced", lite2, "REINFORCEMENT_FINE_TUNING", dataset.FormatReinforcement, func(o dataset.Options) bool { return o.Limits.TokensPerRecord == 0 && o.Limits.MinRecords == 100 }},
		{"Nova Micro is distilled from several turns", micro, "DISTILLATION", dataset.FormatDistillation, func(o dataset.Options) bool { return !o.Rules.SingleTurn && !o.Rules.AnySchemaVersion }},
		{"Llama 3.1 is distilled from a single turn", llama, "DISTILLATION", dataset.FormatDistillation, func(o dataset.Options) bool { return o.Rules.SingleTurn && o.Limits.MaxLineBytes == 16<<10 }},
		{"Llama 3.1 takes prompts and completions", llama, "FINE_TUNING", dataset.FormatPromptCompletion, func(o dataset.Options) bool { return o.Limits.TokensPerRecord == 16_000 }},
		{"Llama 3.3 takes conversations", llama3, "FINE_TUNING", dataset.FormatConversation, func(o dataset.Options) bool { return o.Rules.SystemItems == 1 && !o.Rules.Tools }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, err := Options(model(t, tt.id), tt.kind)
			if err != nil {
				t.Fatal(err)
			}
			if o.Format != tt.format || !tt.has(o) {
				t.Errorf("got format %s, rules %+v, limits %+v", o.Format, o.Rules, o.Limits)
			}
		})
	}
}

// TestConflictingPages: where AWS's pages disagree, the documented limit binds,
// and the stricter one is there to warn of.
func TestConflictingPages(t *testing.T) {
	const nova2, llama = "amazon.nova-2-lite-v1:0:256k", "meta.llama3-1-8b-instruct-v1:0:128k"
	for _, tt := range []struct {
		id, kind   string
		limits     dataset.Limits
		validation bool
	}{
		{nova2, "FINE_TUNING", dataset.Limits{MinRecords: 8, MaxRecords: 20_000, AdvisedRecords: 200, TokensPerRecord: 32_000, CharactersPerToken: 6}, false},
		{nova2, "REINFORCEMENT_FINE_TUNING", dataset.Limits{MinRecords: 100, MaxRecords: 20_000, CharactersPerToken: 6}, true},
		{llama, "FINE_TUNING", dataset.Limits{MinRecords: 100, MaxRecords: 10_000, DoubtfulValidationRecords: 1_000, TokensPerRecord: 16_000, CharactersPerToken: 6}, true},
		{llama, "DISTILLATION", dataset.Limits{MinRecords: 100, MaxRecords: 15_000, TokensPerRecord: 32_000, CharactersPerToken: 6, MaxBytes: 2 << 30, DoubtfulBytes: 1 << 30, MaxLineBytes: 16 << 10}, true},
	} {
		o, err := Options(model(t, tt.id), tt.kind)
		if err != nil {
			t.Fatal(err)
		}
		if o.Limits != tt.limits || o.Rules.NoValidation == tt.validation {
			t.Errorf("%s of %s: got limits %+v, no validation %v; want %+v, %v", tt.kind, tt.id, o.Limits, o.Rules.NoValidation, tt.limits, !tt.validation)
		}
	}
}

func TestOptionsRefuse(t *testing.T) {
	if _, err := Options(model(t, "amazon.nova-micro-v1:0:128k"), "REINFORCEMENT_FINE_TUNING"); err == nil || !strings.Contains(err.Error(), "FINE_TUNING or DISTILLATION") {
		t.Errorf("got %v, want an error with the customization types there are", err)
	}
	unknown := *model(t, "amazon.nova-micro-v1:0:128k")
	unknown.Family = "titan"
	if _, err := Options(&unknown, "FINE_TUNING"); err == nil || !strings.Contains(err.Error(), `"titan"`) {
		t.Errorf("got %v, want an error with the family", err)
	}
}

func TestForFormat(t *testing.T) {
	tests := []struct {
		format dataset.Format
		good   string
	}{
		{dataset.FormatPromptCompletion, `{"prompt":"a","completion":"b"}`},
		{dataset.FormatConversation, `{"schemaVersion":"x","messages":[{"role":"user","content":[{"text":"q"}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"r"}}},{"text":"a"}]}]}`},
		{dataset.FormatAnthropic, `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}`},
		{dataset.FormatDistillation, `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"q"}]}]}`},
		{dataset.FormatReinforcement, `{"messages":[{"role":"user","content":"q"}],"reference_answer":"r"}`},
		{dataset.FormatImageCaption, `{"image-ref":"s3://my-data/a.png","caption":""}`},
	}
	for _, tt := range tests {
		t.Run(string(tt.format), func(t *testing.T) {
			o := ForFormat(tt.format)
			// One record is enough to show the rules.
			o.Limits.MinRecords = 0
			r, err := dataset.Check(context.Background(), strings.NewReader(tt.good), o)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Accepted || r.Format != tt.format {
				t.Errorf("got format %s, findings %+v", r.Format, r.Findings)
			}
		})
	}
}
