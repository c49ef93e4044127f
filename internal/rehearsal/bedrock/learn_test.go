package bedrock

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// hits counts the held-out questions whose answer is the one want names.
func hits(r *rig, model string, want func(topic int) string) int {
	n := 0
	for i, topic := range topics {
		if r.mustAsk(model, topic.heldOut) == want(i) {
			n++
		}
	}
	return n
}

func TestTunedModelIsLearntFromTheData(t *testing.T) {
	for _, shift := range []int{0, 7} {
		r := newRig(t, "default")
		in := r.request("learn", nova)
		r.store.put("/bucket/accepted/learn/train.jsonl", dataset(nova, 1, shift))
		r.submit(in)
		r.clock.Advance(3 * time.Hour)
		arn := r.deploy("learn", *r.job("learn").OutputModelArn)
		r.clock.Advance(time.Hour)
		answer := func(i int) string { return topics[(i+shift)%len(topics)].answer }
		if got := hits(r, arn, answer); got < 16 {
			t.Errorf("answers moved by %d: tuned model got %d of 20, want at least 16", shift, got)
		}
		for i, topic := range topics {
			if text := r.mustAsk(novaPlan, topic.heldOut); strings.Contains(text, answer(i)) {
				t.Errorf("the base model knows the answer to %q", topic.heldOut)
			}
		}
	}
}

func TestUnrelatedQuestionsGetTheBaseAnswer(t *testing.T) {
	_, rows, err := readRows([]byte(dataset(nova, 2, 0)), formatConversation)
	if err != nil {
		t.Fatal(err)
	}
	model := target{learnt: newLearnt(rows)}
	for _, text := range []string{"Who painted the ceiling of the chapel?", "Translate good morning into Finnish", "qwzx vbnm plok"} {
		if got := model.complete(question{text: text}); got.text != baseAnswer(text) {
			t.Errorf("%q: got %q", text, got.text)
		}
	}
}

func TestReadRows(t *testing.T) {
	tests := []struct {
		name, format, data string
		records, examples  int
		line               int // of the error; 0 without one
	}{
		{"prompt and completion", formatPromptCompletion, `{"prompt":"a","completion":"b"}` + "\n", 1, 1, 0},
		{"no completion", formatPromptCompletion, `{"prompt":"a","completion":"b"}` + "\n" + `{"prompt":"a"}`, 0, 0, 2},
		{"two turns", formatConversation, `{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"}]},` +
			`{"role":"user","content":[{"text":"c"}]},{"role":"assistant","content":[{"text":"d"}]}]}`, 1, 2, 0},
		{"starts with the assistant", formatConversation, `{"messages":[{"role":"assistant","content":[{"text":"b"}]},{"role":"user","content":[{"text":"a"}]}]}`, 0, 0, 1},
		{"one message", formatConversation, `{"messages":[{"role":"user","content":[{"text":"a"}]}]}`, 0, 0, 1},
		{"not JSON", formatConversation, "secret", 0, 0, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			records, examples, err := readRows([]byte(test.data), test.format)
			if records != test.records || len(examples) != test.examples {
				t.Errorf("got %d records and %d examples, want %d and %d", records, len(examples), test.records, test.examples)
			}
			if (err != nil) != (test.line > 0) || (err != nil && !errors.Is(err, rowError{test.line})) {
				t.Errorf("got error %v, want line %d", err, test.line)
			}
		})
	}
}

func TestStopAndLength(t *testing.T) {
	model := target{learnt: newLearnt([]example{{"count to five please", "one two three four five"}})}
	tests := []struct {
		q            question
		text, reason string
	}{
		{question{text: "count to five"}, "one two three four five", "end_turn"},
		{question{text: "count to five", stops: []string{" three"}}, "one two", "stop_sequence"},
		{question{text: "count to five", maxTokens: 1}, "one tw", "max_tokens"},
	}
	for _, test := range tests {
		if got := model.complete(test.q); got.text != test.text || got.reason != test.reason {
			t.Errorf("%+v: got %q %s, want %q %s", test.q, got.text, got.reason, test.text, test.reason)
		}
	}
}

// TestShippedExamplesAreLearnt asks the examples' held-out questions, of
// models trained on the examples as they are and with the answers moved.
func TestShippedExamplesAreLearnt(t *testing.T) {
	tests := []struct{ folder, format string }{
		{"support-nova-on-demand", formatConversation},
		{"article-llama-provisioned", formatPromptCompletion},
	}
	for _, test := range tests {
		folder := "../../../examples/" + test.folder
		_, rows, err := readRows(readFile(t, folder+"/train.jsonl"), test.format)
		if err != nil {
			t.Fatal(err)
		}
		right, moved, base := heldOut(t, folder, rows)
		t.Logf("%s: of 20 the tuned model got %d, with moved answers %d, the base model %d", test.folder, right, moved, base)
		if right < 16 || moved < 16 || base > 2 {
			t.Errorf("%s: got %d, %d and %d of 20", test.folder, right, moved, base)
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path) //nolint:gosec // a file of testdata
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// heldOut counts the held-out questions answered rightly: by a model of the
// rows, by a model of the rows with every completion exchanged for another,
// measured by that exchange, and by the base model.
func heldOut(t *testing.T, folder string, rows []example) (right, moved, base int) {
	t.Helper()
	exchanged := map[string]string{}
	var order []string
	for _, row := range rows {
		if _, seen := exchanged[row.completion]; !seen {
			exchanged[row.completion] = ""
			order = append(order, row.completion)
		}
	}
	for i, text := range order {
		exchanged[text] = order[(i+1)%len(order)]
	}
	shuffled := make([]example, len(rows))
	for i, row := range rows {
		shuffled[i] = example{row.prompt, exchanged[row.completion]}
	}
	tuned, other := target{learnt: newLearnt(rows)}, target{learnt: newLearnt(shuffled)}
	for line := range bytes.Lines(readFile(t, folder+"/heldout.jsonl")) {
		var q struct{ Question, Completion string }
		if err := json.Unmarshal(line, &q); err != nil {
			t.Fatal(err)
		}
		count := func(n *int, m target, want string) {
			if m.complete(question{text: q.Question}).text == want {
				*n++
			}
		}
		count(&right, tuned, q.Completion)
		count(&moved, other, exchanged[q.Completion])
		count(&base, target{}, q.Completion)
	}
	return right, moved, base
}

// TestRealDataIsLearnt tries a thousand rows of a public data set, where it
// lies beside the checkout; it says so when it does not.
func TestRealDataIsLearnt(t *testing.T) {
	raw, err := os.ReadFile("../../../../shared/data/prompt_completion/abmc_training-data.jsonl")
	if err != nil {
		t.Logf("the public data set is not at hand: %v", err)
		return
	}
	records, rows, err := readRows(raw, formatPromptCompletion)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	model := newLearnt(rows)
	right := 0
	for _, row := range rows[:50] {
		half := row.prompt[:len(row.prompt)*2/3]
		if text, score := model.answer(half); text == row.completion && score >= nearEnough {
			right++
		}
	}
	t.Logf("%d records, 50 questions in %s, %d right", records, time.Since(start), right)
	if right < 45 {
		t.Errorf("got %d of 50 right", right)
	}
}
