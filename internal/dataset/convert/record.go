package convert

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// record is one row, free of its form: a system prompt, tools, and turns.
type record struct {
	system []passage
	tools  []tool
	turns  []turn
	// reference is a reinforcement row's reference answer, nil if there is none.
	reference jsontext.Value
	// extra are a chat row's other keys, which a grader gets.
	extra []member
}

// passage is a text and where it stood.
type passage struct {
	at   jsontext.Pointer
	text string
}

type member struct {
	name  string
	value jsontext.Value
}

// tool is what a model may call.
type tool struct {
	at                jsontext.Pointer
	name, description string
	// schema is the JSON schema of the input, nil if the row has none.
	schema jsontext.Value
}

// The roles of a turn. System prompts are no turns, and a tool's results are
// the user's.
const (
	roleUser      = "user"
	roleAssistant = "assistant"
	roleSystem    = "system"
)

// turn is one message.
type turn struct {
	at     jsontext.Pointer
	role   string
	blocks []block
	// untrained: the row says that this answer is not to be trained on.
	untrained bool
	// results: the turn was a tool's own message.
	results bool
}

// block is one part of a turn; exactly one of its fields is set, beside at and
// more.
type block struct {
	at   jsontext.Pointer
	text *string
	// more are texts to be joined to text.
	more      []string
	reasoning *string
	media     *media
	call      *call
	result    *result
}

// media is an image, a video or a document in S3.
type media struct {
	// kind is the conversation form's word: image, video or document.
	kind, format, uri, owner string
}

// call is an assistant's call of a tool.
type call struct {
	id, name string
	// input is a JSON object.
	input jsontext.Value
}

// result is what a tool answered.
type result struct {
	// id is the call's.
	id string
	// content has texts and JSON objects.
	content []answer
	failed  bool
}

// answer is one part of a tool's result: a text, or a JSON object.
type answer struct {
	at     jsontext.Pointer
	text   string
	object jsontext.Value
}

func textBlock(at jsontext.Pointer, text string) block { return block{at: at, text: &text} }

// texts are the texts of a turn, in their order.
func (t turn) texts() []string {
	var all []string
	for _, b := range t.blocks {
		if b.text != nil {
			all = append(all, *b.text)
		}
	}
	return all
}

// paragraph is what stands between texts that are joined.
const paragraph = "\n\n"

// join joins texts with blank lines; empty ones leave no trace.
func join(texts ...string) string {
	var kept []string
	for _, text := range texts {
		if text != "" {
			kept = append(kept, text)
		}
	}
	return strings.Join(kept, paragraph)
}

// systemText is the system prompt as one text. A blank one says nothing, and
// Bedrock refuses it.
func (r *record) systemText(l *ledger) string {
	var kept []string
	for _, p := range r.system {
		if blank(p.text) {
			l.lose(KindBlankText, p.at)
			continue
		}
		if len(kept) > 0 {
			l.lose(KindMergedSystem, p.at)
		}
		kept = append(kept, p.text)
	}
	return join(kept...)
}

// dropBlank removes blank texts that stand beside something else, which Bedrock
// refuses. An empty one goes without a word: it is how chat rows say that an
// answer has calls and no text.
func (r *record) dropBlank(l *ledger) {
	for i := range r.turns {
		t := &r.turns[i]
		isBlank := func(b block) bool { return b.text != nil && blank(*b.text) }
		if !slices.ContainsFunc(t.blocks, func(b block) bool { return !isBlank(b) }) {
			continue
		}
		for _, b := range t.blocks {
			if isBlank(b) && *b.text != "" {
				l.lose(KindBlankText, b.at)
			}
		}
		t.blocks = slices.DeleteFunc(t.blocks, isBlank)
	}
}

// alternate joins neighbouring turns of one role, which the target's form does
// not have. Results of several tools are one turn there, so that joining them
// is no change.
func (r *record) alternate(l *ledger, merge bool) error {
	var kept []turn
	for _, t := range r.turns {
		if len(kept) == 0 || kept[len(kept)-1].role != t.role {
			kept = append(kept, t)
			continue
		}
		before := &kept[len(kept)-1]
		if !before.results || !t.results {
			if !merge {
				return refuse(t.at, "two messages of one role follow each other: join them, or use --merge-turns")
			}
			l.lose(KindMergedTurns, t.at)
		}
		before.take(t, l)
	}
	for _, t := range kept {
		for i, b := range t.blocks {
			if len(b.more) > 0 {
				t.blocks[i] = textBlock(b.at, join(slices.Concat([]string{*b.text}, b.more)...))
			}
		}
	}
	r.turns = kept
	return nil
}

// take appends another turn's blocks. Texts that come together are joined with
// a blank line: how a model's template would join them, no page says.
func (t *turn) take(next turn, l *ledger) {
	if t.untrained != next.untrained {
		l.lose(KindWeight, next.at)
		t.untrained = false
	}
	t.results = t.results && next.results
	for _, b := range next.blocks {
		if last := len(t.blocks) - 1; b.text != nil && last >= 0 && t.blocks[last].text != nil {
			t.blocks[last].more = append(t.blocks[last].more, *b.text)
			continue
		}
		t.blocks = append(t.blocks, b)
	}
}

// trained says whether any answer is to be trained on, or there is none.
func (r *record) trained() bool {
	answers := false
	for _, t := range r.turns {
		if t.role == roleAssistant {
			answers = true
			if !t.untrained {
				return true
			}
		}
	}
	return !answers
}

// loseWeights notes every answer that the target cannot be told to leave out.
func (r *record) loseWeights(l *ledger) {
	for _, t := range r.turns {
		if t.untrained {
			l.lose(KindWeight, t.at.AppendToken("weight"))
		}
	}
}
