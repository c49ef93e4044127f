package convert

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden converts the rows of testdata in every direction that a person
// would ask for. A golden file holds, row by row, what was written, what was
// lost and why a row was rejected, so that a direction can be read top down.
func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		file string
		o    Options
	}{
		{"openai-chat", Options{To: dataset.FormatConversation}},
		{"openai-chat", Options{To: dataset.FormatPromptCompletion}},
		{"openai-chat", Options{To: dataset.FormatAnthropic}},
		{"openai-chat", Options{To: dataset.FormatDistillation}},
		{"openai-chat", Options{To: dataset.FormatReinforcement}},
		{"anthropic-messages", Options{From: dataset.FormatAnthropic, To: dataset.FormatConversation}},
		{"anthropic-messages", Options{From: dataset.FormatAnthropic, To: dataset.FormatOpenAIChat}},
		{"anthropic-messages", Options{From: dataset.FormatAnthropic, To: dataset.FormatPromptCompletion}},
		{"prompt-completion", Options{From: dataset.FormatPromptCompletion, To: dataset.FormatConversation}},
		{"prompt-completion", Options{From: dataset.FormatPromptCompletion, To: dataset.FormatOpenAIChat}},
		{"prompt-completion", Options{From: dataset.FormatPromptCompletion, To: dataset.FormatAnthropic}},
		{"bedrock-conversation-2024", Options{To: dataset.FormatOpenAIChat}},
		{"bedrock-conversation-2024", Options{To: dataset.FormatPromptCompletion}},
		{"bedrock-conversation-2024", Options{To: dataset.FormatAnthropic, KeepReasoning: true}},
	} {
		name := tt.file + ".to-" + string(tt.o.To)
		t.Run(name, func(t *testing.T) {
			input, err := os.ReadFile(filepath.Join("testdata", tt.file+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".golden")
			got := transcript(t, input, tt.o)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden) //nolint:gosec // a golden file
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s is not what is written now; look at the difference, then run with -update\ngot:\n%s", golden, got)
			}
		})
	}
}

// transcript converts the lines one by one and tells what became of each.
func transcript(t *testing.T, input []byte, o Options) string {
	t.Helper()
	var text strings.Builder
	number := 0
	for line := range bytes.Lines(input) {
		number++
		var out bytes.Buffer
		result, err := Stream(context.Background(), bytes.NewReader(line), &out, o)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "-- line %d\n%s", number, out.String())
		for _, loss := range result.Losses {
			fmt.Fprintf(&text, "   %s: %s at %q\n", loss.Severity, loss.Kind, loss.Pointer)
		}
		for _, rejection := range result.Rejections {
			fmt.Fprintf(&text, "   rejected: %s at %q\n", rejection.Reason, rejection.Pointer)
		}
	}
	return text.String()
}
