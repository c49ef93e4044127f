package rehearsal

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Ensure both shipped examples end Deployed, and that the tuned model answers
// from the accepted data where the base model does not.
func TestExamplesAreDeployed(t *testing.T) {
	tests := map[string]struct{ example, scenario, kind string }{
		"nova on demand":    {nova, "default", finetune.KindDeployment},
		"llama provisioned": {llama, "article", finetune.KindProvisioned},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, test.example, test.scenario)
			f.put(finetune.ValidationKey("example"), readExampleFile(t, test.example, "validation.jsonl"))
			run, execution := f.train("example", readExampleFile(t, test.example, "train.jsonl"), finetune.EndDeployed)

			if run.Throughput.Kind != test.kind {
				t.Errorf("served by a %s, want a %s", run.Throughput.Kind, test.kind)
			}
			if run.Report.Validation == nil || run.Results.ValidationLoss == nil {
				t.Errorf("validation data was not used: %+v, %+v", run.Report.Validation, run.Results)
			}
			if execution.HistoryEvents > 25000/10 {
				t.Errorf("%d history events for a job of hours", execution.HistoryEvents)
			}
			f.learnt("example", run.Report.Settings.BaseModel, readHeldOut(t, test.example))
		})
	}
}

// Ensure training on other answers changes what the model says: the same
// questions with their completions shuffled are answered with the shuffled ones.
func TestShuffledCompletionsChangeTheAnswers(t *testing.T) {
	t.Parallel()
	f := start(t, llama, "article")
	shuffled, moved := shuffleCompletions(readExampleFile(t, llama, "train.jsonl"))
	f.train("example", shuffled, finetune.EndDeployed)
	hits := 0
	questions := readHeldOut(t, llama)
	for _, h := range questions {
		got, err := f.answer("example", h.Question)
		if err != nil {
			t.Fatal(err)
		}
		if got == moved[h.Completion] {
			hits++
		}
	}
	if hits*100 < 80*len(questions) {
		t.Errorf("%d of %d answers follow the shuffled completions, want 80 %%", hits, len(questions))
	}
}

// heldOut is a question that no record asks in these words, and the answer that
// some record gives.
type heldOut struct{ Question, Completion string }

// learnt asks every held-out question: at least 80 % must get the matching
// completion from the tuned model, and at most 10 % from the base model.
func (f *fixture) learnt(model, baseModel string, questions []heldOut) {
	f.t.Helper()
	tuned, base := 0, 0
	for _, h := range questions {
		got, err := f.answer(model, h.Question)
		if err != nil {
			f.t.Fatal(err)
		}
		if got == h.Completion {
			tuned++
		}
		if f.askBase(baseModel, h.Question) == h.Completion {
			base++
		}
	}
	f.t.Logf("of %d held-out questions the tuned model answers %d, the base model %d", len(questions), tuned, base)
	if len(questions) < 20 || tuned*100 < 80*len(questions) || base*100 > 10*len(questions) {
		f.t.Errorf("of %d held-out questions the tuned model answers %d and the base model %d; want at least 80 %% and at most 10 %% of 20", len(questions), tuned, base)
	}
}

func (f *fixture) askBase(model, text string) string {
	f.t.Helper()
	out, err := f.Administrator().BedrockRuntime.Converse(f.t.Context(), &bedrockruntime.ConverseInput{
		ModelId:  aws.String(model),
		Messages: []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: text}}}},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	message := out.Output.(*types.ConverseOutputMemberMessage)
	return message.Value.Content[0].(*types.ContentBlockMemberText).Value
}

func readExampleFile(t *testing.T, example, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, example, name)) //nolint:gosec // a file of this repository
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func readHeldOut(t *testing.T, example string) []heldOut {
	t.Helper()
	var questions []heldOut
	lines := bufio.NewScanner(strings.NewReader(readExampleFile(t, example, "heldout.jsonl")))
	for lines.Scan() {
		var h heldOut
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		questions = append(questions, h)
	}
	return questions
}

// shuffleCompletions gives every distinct completion's prompts the completion
// of another; moved says which became which.
func shuffleCompletions(text string) (shuffled string, moved map[string]string) {
	type record struct {
		Prompt     string `json:"prompt"`
		Completion string `json:"completion"`
	}
	var records []record
	var distinct []string
	moved = map[string]string{}
	for line := range strings.Lines(text) {
		var r record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			panic(err)
		}
		records = append(records, r)
		if _, seen := moved[r.Completion]; !seen {
			moved[r.Completion] = ""
			distinct = append(distinct, r.Completion)
		}
	}
	by := 1 + rand.New(rand.NewPCG(1, 2)).IntN(len(distinct)-1) //nolint:gosec // the same order in every run
	for i, completion := range distinct {
		moved[completion] = distinct[(i+by)%len(distinct)]
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	for _, r := range records {
		if err := encoder.Encode(record{r.Prompt, moved[r.Completion]}); err != nil {
			panic(err)
		}
	}
	return out.String(), moved
}
