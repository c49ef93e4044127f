package dataset

import (
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// walked is what a walk over one record shows to its hooks, and its tally.
type walked struct {
	texts, values []string
	tally         tally
}

func walk(line string, o Options) walked {
	var w walked
	c := cursor{
		file: func(Finding) {}, rules: o.Rules, limits: o.Limits,
		seeText:  func(text []byte, _ int, _ jsontext.Pointer) { w.texts = append(w.texts, string(text)) },
		seeValue: func(value []byte) { w.values = append(w.values, string(value)) },
	}
	c.reset([]byte(line), 0, 1)
	forms[o.Format](&c)
	c.end()
	w.tally = c.tally
	return w
}

// TestEveryTextIsSeen: every text of every format goes through the one hook,
// decoded, and what else tells records apart through the other; messages and
// characters are tallied.
func TestEveryTextIsSeen(t *testing.T) {
	tests := []struct {
		name, line string
		o          Options
		want       walked
	}{
		{"prompt and completion", `{"completion":"\u0062\n","prompt":"ä","id":1}`, pc, walked{[]string{"b\n", "ä"}, nil, tally{characters: 3, user: 1, assistant: 1, answer: answerMark([]byte(`\u0062\n`))}}},
		{"blank text", `{"prompt":" ","completion":"b"}`, pc, walked{[]string{" ", "b"}, nil, tally{characters: 2, user: 1, assistant: 1, answer: answerMark([]byte(`b`))}}},
		{"conversation", system(`[{"text":"s"},{"text":"t"}]`), cv, walked{[]string{"s", "t", "q", "a"}, nil, tally{characters: 4, system: 1, user: 1, assistant: 1, answer: answerMark([]byte(`a`))}}},
		{"image", shows(png), lite, walked{[]string{"a"}, []string{"s3://my-data/a.png"}, tally{characters: 1, user: 1, assistant: 1, hasImage: true, answer: answerMark([]byte(`a`))}}},
		{"video", shows(media("video", "mp4", `{"uri":"s3://my-data/a.mp4"}`)), lite, walked{[]string{"a"}, []string{"s3://my-data/a.mp4"}, tally{characters: 1, user: 1, assistant: 1, hasVideo: true, answer: answerMark([]byte(`a`))}}},
		{"tools", toolRow(oneTool, useF, `{"toolResult":{"toolUseId":"1","content":[{"text":"r"}]}}`), withTools, walked{[]string{"q", "r", "a"}, []string{"f", `{"x":1}`, "f", `"object"`}, tally{characters: 3, user: 2, assistant: 2, answer: answerMark([]byte(`a`))}}},
		{"reasoning", turns(answer, `[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"b"}]`), lite2, walked{[]string{"a", "hm", "b"}, nil, tally{characters: 4, user: 1, assistant: 1, answer: answerMark([]byte(`b`))}}},
		{"Anthropic's form", claudeRow(`"system":"s",`, `"q"`), claude, walked{[]string{"s", "q", "a"}, nil, tally{characters: 3, system: 1, user: 1, assistant: 1, answer: answerMark([]byte(`a`))}}},
		{"reinforcement", rewarded(`{"role":"system","content":"s"},`+chatPrompt, reference+`,"level":3`), reinforced, walked{[]string{"s", "q", "r"}, []string{"3"}, tally{characters: 3, system: 1, user: 1}}},
		{"reference that is an object", rewarded(chatPrompt, `,"reference_answer":{"x":1}`), reinforced, walked{[]string{"q"}, []string{`{"x":1}`}, tally{characters: 1, user: 1}}},
		{"caption", `{"image-ref":"s3://my-data/a.png","caption":"a cat"}`, captioned, walked{[]string{"a cat"}, []string{"s3://my-data/a.png"}, tally{characters: 5, user: 1, hasImage: true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := walk(tt.line, tt.o)
			if !slices.Equal(got.texts, tt.want.texts) || !slices.Equal(got.values, tt.want.values) {
				t.Errorf("got texts %q and values %q, want %q and %q", got.texts, got.values, tt.want.texts, tt.want.values)
			}
			if got.tally != tt.want.tally {
				t.Errorf("got tally %+v, want %+v", got.tally, tt.want.tally)
			}
		})
	}
}

// TestResetForgets: nothing of one record is left when the next begins.
func TestResetForgets(t *testing.T) {
	got := map[Code]int{}
	c := cursor{file: func(f Finding) { got[f.Code]++ }, rules: withTools.Rules}
	for _, line := range []string{toolRow(oneTool, useF, resultOfF), shows(png), goodPC, `{"messages":`, toolRow(oneTool, useF, resultOfF), goodConv} {
		c.reset([]byte(line), 0, 1)
		conversation(&c)
		c.end()
	}
	if want := (tally{characters: 2, user: 1, assistant: 1, answer: answerMark([]byte("a"))}); c.tally != want {
		t.Errorf("got tally %+v, want %+v", c.tally, want)
	}
	if len(got) != 2 || got[CodeOtherFormat] != 1 || got[CodeIncomplete] != 1 {
		t.Errorf("got %v, want one record of another format and one cut off", got)
	}
}
