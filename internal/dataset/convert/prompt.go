package convert

import (
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tuneline/tuneline/internal/dataset"
)

// Prompt is what a template makes a prompt of.
type Prompt struct {
	// System is the system prompt, "" if there is none.
	System string
	// Turns are the messages before the answer, the last of them the user's.
	Turns []PromptTurn
}

// PromptTurn is one message.
type PromptTurn struct {
	// Role is "user" or "assistant".
	Role string
	Text string
}

// DefaultPromptTemplate is plain text: the system prompt, a blank line, and the
// user's message as it is. A prompt with earlier messages names the speakers.
// AWS does not describe a template for the records of prompt and completion;
// what matters is that training and inference use the same.
const DefaultPromptTemplate = `{{with .System}}{{.}}

{{end}}{{if eq (len .Turns) 1}}{{(index .Turns 0).Text}}{{else}}{{range .Turns}}{{if eq .Role "user"}}User{{else}}Assistant{{end}}: {{.Text}}

{{end}}Assistant:{{end}}`

// promptTemplate is a template, and what of a prompt it writes.
type promptTemplate struct {
	*template.Template
	showsSystem, showsTurns bool
}

// parsePrompt reads a template, and tries it on words that stand for a prompt:
// what it leaves out of them it leaves out of rows.
func parsePrompt(text string) (*promptTemplate, error) {
	t, err := template.New("prompt").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("reading the prompt template: %w", err)
	}
	var tried strings.Builder
	err = t.Execute(&tried, Prompt{System: "SYSTEM", Turns: []PromptTurn{{roleUser, "FIRST"}, {roleAssistant, "SECOND"}, {roleUser, "THIRD"}}})
	shows := func(words ...string) bool {
		// A template that cannot write this prompt fails for rows like it, too.
		return err != nil || !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(tried.String(), word) })
	}
	return &promptTemplate{Template: t, showsSystem: shows("SYSTEM"), showsTurns: shows("FIRST", "SECOND", "THIRD")}, nil
}

type promptCompletion struct {
	Prompt     *string `json:"prompt"`
	Completion *string `json:"completion"`

	Rest jsontext.Value `json:",embed"`
}

func readPromptCompletion(in *reading) (record, error) {
	var row promptCompletion
	if err := decode(in.row, &row); err != nil {
		return record{}, err
	}
	if row.Prompt == nil {
		return record{}, refuse("", "the key prompt is missing")
	}
	if row.Completion == nil {
		return record{}, refuse("", "the key completion is missing")
	}
	in.unknown("", row.Rest)
	return record{turns: []turn{
		{at: "/prompt", role: roleUser, blocks: []block{textBlock("/prompt", *row.Prompt)}},
		{at: "/completion", role: roleAssistant, blocks: []block{textBlock("/completion", *row.Completion)}},
	}}, nil
}

// splitTimes is how many times the longest line the prompts of one row may have
// together: a conversation that is split grows with the square of its length.
const splitTimes = 4

// writePromptCompletion writes prompt and completion: what stands before an
// answer is rendered into one text.
func writePromptCompletion(out *writing) ([]any, error) {
	r := &out.record
	if err := out.needsUser(); err != nil {
		return nil, err
	}
	if !r.trained() {
		return nil, refuse("", "every answer has weight 0: there is nothing to train on")
	}
	if err := r.alternate(out.ledger, !out.o.KeepNeighbours); err != nil {
		return nil, err
	}
	for _, t := range r.tools {
		out.lose(KindTools, t.at)
	}
	turns, err := out.plainTurns()
	if err != nil {
		return nil, err
	}
	answers, err := out.chooseAnswers()
	if err != nil {
		return nil, err
	}
	system := r.systemText(out.ledger)
	out.noteRendering(system, answers)
	var rows []any
	size := 0
	for _, i := range answers {
		prompt, err := out.render(Prompt{System: system, Turns: turns[:i]}, r.turns[i].at)
		if err != nil {
			return nil, err
		}
		if size += len(prompt); len(rows) > 0 && size > splitTimes*out.o.MaxLineBytes {
			return nil, refuse(r.turns[i].at, "the prompts of the answers up to here have more than %d bytes together, for each repeats what came before it: use --multi-turn last, or shorten the conversation", splitTimes*out.o.MaxLineBytes)
		}
		rows = append(rows, promptCompletion{Prompt: &prompt, Completion: &turns[i].Text})
	}
	return rows, nil
}

// plainTurns are the turns as texts.
func (out *writing) plainTurns() ([]PromptTurn, error) {
	var all []PromptTurn
	for _, t := range out.record.turns {
		text, err := out.plainText(t, "prompt and completion hold text only: for tools and images, convert to "+string(dataset.FormatConversation))
		if err != nil {
			return nil, err
		}
		all = append(all, PromptTurn{Role: t.role, Text: text})
	}
	return all, nil
}

// plainText is a turn as one text; the reason says why anything else in it
// cannot be kept.
func (out *writing) plainText(t turn, reason string) (string, error) {
	var texts []string
	for _, b := range t.blocks {
		switch {
		case b.text != nil:
			texts = append(texts, *b.text)
		case b.reasoning != nil:
			out.lose(KindReasoning, b.at)
		case b.media != nil:
			if err := out.noMedia(b.at, reason); err != nil {
				return "", err
			}
		default:
			return "", refuse(b.at, "%s", reason)
		}
	}
	if len(texts) == 0 {
		return "", refuse(t.at, "nothing of the message's content can be kept")
	}
	if len(texts) > 1 {
		out.lose(KindJoinedText, t.at)
	}
	return join(texts...), nil
}

// chooseAnswers are the indexes of the turns that become completions.
func (out *writing) chooseAnswers() ([]int, error) {
	turns := out.record.turns
	var answers []int
	for i, t := range turns {
		if t.role != roleAssistant || t.untrained {
			continue
		}
		if i == 0 {
			return nil, refuse(t.at, "the conversation begins with the assistant: put the user's message before it")
		}
		answers = append(answers, i)
	}
	if len(answers) == 0 {
		return nil, refuse("", "no assistant message can be the completion")
	}
	if last := answers[len(answers)-1]; last < len(turns)-1 {
		out.lose(KindTail, turns[last+1].at)
	}
	if len(answers) == 1 {
		return answers, nil
	}
	switch out.o.MultiTurn {
	case MultiTurnReject:
		return nil, refuse("", "the conversation has several answers: use --multi-turn split or last")
	case MultiTurnLast:
		out.lose(KindUntrainedAnswers, turns[answers[0]].at)
		return answers[len(answers)-1:], nil
	}
	out.lose(KindSplit, "")
	return answers, nil
}

// noteRendering notes what the prompt says in another way than the row, or not
// at all.
func (out *writing) noteRendering(system string, answers []int) {
	told := func(shown bool, kind Kind, at jsontext.Pointer) {
		if !shown {
			kind = KindTemplate
		}
		out.lose(kind, at)
	}
	if system != "" {
		told(out.prompt.showsSystem, KindSystemInPrompt, out.record.system[0].at)
	}
	if last := answers[len(answers)-1]; last > 1 {
		told(out.prompt.showsTurns, KindTurnsInPrompt, out.record.turns[0].at)
	}
}

func (out *writing) render(p Prompt, at jsontext.Pointer) (string, error) {
	var text strings.Builder
	if err := out.prompt.Execute(&text, p); err != nil {
		return "", fmt.Errorf("rendering the prompt template: %w", err)
	}
	if text.Len() == 0 {
		return "", refuse(at, "nothing stands before the answer that could be the prompt")
	}
	return text.String(), nil
}
