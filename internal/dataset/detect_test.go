package dataset

import (
	"slices"
	"testing"
)

func TestDetect(t *testing.T) {
	tests := []struct {
		name, line string
		want       Format
	}{
		{"prompt and completion", goodPC, FormatPromptCompletion},
		{"a misspelt completion", `{"prompt":"a","answer":"b"}`, FormatPromptCompletion},
		{"conversation", goodConv, FormatConversation},
		{"conversation without schemaVersion", `{"messages":[` + goodTurn + `]}`, FormatConversation},
		{"conversation without an answer", conv(`{"role":"user","content":[{"text":"q"}]}`), FormatDistillation},
		{"conversation with content first", conv(`{"content":[{"text":"q"}],"role":"user"}`), FormatDistillation},
		{"Anthropic's form", claudeRow(`"system":"s",`, `"q"`), FormatAnthropic},
		{"OpenAI's or Anthropic's form", claudeRow("", `"q"`), FormatOpenAIChat},
		{"OpenAI's form with a system message", `{"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"}]}`, FormatOpenAIChat},
		{"OpenAI's form with tools", `{"messages":[{"role":"user","content":"q"},{"role":"assistant","tool_calls":[]}]}`, FormatOpenAIChat},
		{"OpenAI's form with blocks", `{"messages":[{"role":"user","content":[{"type":"text","text":"q"}]}]}`, FormatOpenAIChat},
		{"a preference row", `{"input":{"messages":[]},"preferred_output":[{}],"non_preferred_output":[]}`, FormatOpenAIChat},
		{"Anthropic's tools", `{"messages":[{"role":"user","content":"q"}],"tools":[{"name":"f","input_schema":{}}]}`, FormatAnthropic},
		{"Anthropic's blocks", `{"messages":[{"role":"assistant","content":[{"type":"tool_use"}]}]}`, FormatAnthropic},
		{"Anthropic's form with a system message", `{"messages":[{"role":"system","content":"s"},{"role":"assistant","content":[{"type":"thinking"}]}]}`, FormatAnthropic},
		{"Anthropic's system prompt as blocks", `{"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"text","text":"q"}]}]}`, FormatAnthropic},
		{"a chat with a key of another form", `{"prompt":"a","messages":[{"role":"user","content":"q"}]}`, FormatOpenAIChat},
		{"reinforcement", rewarded(chatPrompt, reference), FormatReinforcement},
		{"image", `{"image-ref":"s3://my-data/a.png","caption":"a cat"}`, FormatImageCaption},
		{"escaped key", `{"\u0070rompt":"a"}`, FormatPromptCompletion},
		{"key twice", `{"prompt":"a","prompt":"b"}`, FormatPromptCompletion},
		{"cut off in a prompt", `{"prompt":"a`, FormatPromptCompletion},
		{"cut off in a conversation", `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"te`, FormatConversation},
		{"cut off in a chat", `{"messages":[{"role":"system","content":"s`, FormatOpenAIChat},
		{"broken after a prompt", `{"prompt":"a",}`, FormatPromptCompletion},
		{"bad UTF-8", "{\"prompt\":\"\xff\",\"completion\":\"b\"}", FormatPromptCompletion},
		{"other keys", `{"text":"a"}`, ""},
		{"messages of no kind", `{"messages":[]}`, ""},
		{"list", `[` + goodPC + `]`, ""},
		{"string", `"prompt"`, ""},
		{"nothing", ``, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Detect([]byte(tt.line))
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("got %q, %v, want %q", got, ok, tt.want)
			}
		})
	}
}

// FuzzDetect: no line makes Detect panic, and a record without a finding is
// taken for its own format, or for one that could be the same.
func FuzzDetect(f *testing.F) {
	for _, tt := range slices.Concat(lineTests, mediaTests, toolTests, anthropicTests, distillationTests, reinforcementTests, captionTests) {
		f.Add([]byte(tt.lines))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		found, ok := Detect(line)
		if ok != (found != "") {
			t.Errorf("got %q, %v", found, ok)
		}
		if slices.Contains(line, '\n') {
			return
		}
		for format := range forms {
			r := check(t, string(line), Options{Format: format, Rules: Rules{Video: true, Tools: true}})
			if len(r.Findings) == 0 && r.Records == 1 && found != format && !plausible[format](lookAt(line)) {
				t.Errorf("a good record of the format %s is taken for %q", format, found)
			}
		}
	})
}
