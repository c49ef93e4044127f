package bedrock

import (
	"strings"
	"unicode/utf8"
)

// target is what an inference call reached.
type target struct {
	base   BaseModel
	learnt *learnt // nil when a foundation model answers
}

// question is what an inference call asks and how the answer may be.
type question struct {
	text      string
	input     int // tokens
	maxTokens int // 0 without a limit
	atLeast   int // tokens an answer has before it is cut
	stops     []string

	tools   toolConfig
	turn    int      // the place of the last turn
	texts   []string // of the last turn
	results []string // of the last turn's tools

	rail    *Guardrail
	spoken  []string // what a guardrail looks at when nothing is guarded
	guarded []string
}

// completion is an answer and why it ended: "end_turn", "max_tokens",
// "stop_sequence", "tool_use" or "guardrail_intervened".
type completion struct {
	text   string
	tools  []toolUse
	reason string
	input  int
	output int
	// findings is what a guardrail found, nil when it found nothing.
	findings map[string]any
}

// resolve finds what a model id of an inference call stands for.
func (d *Double) resolve(rq *request) (target, *apiError) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id := rq.str("modelId")
	if strings.HasPrefix(id, "arn:") {
		if t := d.findThroughput(id); t != nil {
			return d.throughputTarget(rq, t)
		}
		if p := d.findDeployment(id); p != nil {
			return d.deploymentTarget(rq, p)
		}
		if !strings.Contains(id, "foundation-model/") {
			return target{}, missingTarget(id)
		}
	}
	base, ok := d.baseModel(id)
	if !ok {
		return target{}, invalid("The provided model identifier is invalid.")
	}
	if base.ended(rq.now) {
		return target{}, notFound("The model %s has reached the end of its life.", base.ID)
	}
	return target{base: base}, nil
}

// missingTarget is the error for an ARN that names nothing that answers.
func missingTarget(id string) *apiError {
	if strings.Contains(id, ":custom-model/") {
		return invalid("A custom model answers through provisioned throughput or a deployment, not by its own ARN.")
	}
	return notFound("The model, deployment or provisioned throughput %s could not be found", id)
}

func (d *Double) throughputTarget(rq *request, t *throughput) (target, *apiError) {
	switch {
	case t.base.ended(rq.now):
		return target{}, notFound("The model %s has reached the end of its life.", t.base.ID)
	case t.Status == statusCreating:
		return target{}, refuse("ModelNotReadyException", "The provisioned throughput is being created")
	case t.Status == statusFailed && t.ModelARN == t.DesiredModelARN:
		return target{}, invalid("The provisioned throughput has failed.")
	}
	return d.modelTarget(t.ModelARN, t.base), nil
}

func (d *Double) deploymentTarget(rq *request, p *deployment) (target, *apiError) {
	m := d.findModel(p.ModelARN)
	switch {
	case p.Status == statusCreating:
		return target{}, refuse("ModelNotReadyException", "The custom model deployment is being created")
	case p.Status == statusFailed:
		return target{}, invalid("The custom model deployment has failed.")
	case m == nil:
		return target{}, notFound("The custom model of the deployment could not be found")
	case m.base.ended(rq.now):
		return target{}, notFound("The model %s has reached the end of its life.", m.base.ID)
	}
	return d.modelTarget(p.ModelARN, m.base), nil
}

// modelTarget is a custom model, or the foundation model itself when a
// throughput was turned back to it.
func (d *Double) modelTarget(arn string, base BaseModel) target {
	if m := d.findModel(arn); m != nil {
		return target{base, m.learnt}
	}
	return target{base: base}
}

// complete answers a question: a turn of tool results by quoting them, one
// that wants tools by calling them, any other with what was learnt when a row
// is near enough, like the base model otherwise. A guardrail has the first and
// the last word.
func (t target) complete(q question) completion {
	looked := q.spoken
	if len(q.guarded) > 0 {
		looked = q.guarded
	}
	if word := q.rail.found(looked...); word != "" {
		return q.rail.blocked(word, q.rail.InputMessage, true)
	}
	c := completion{reason: "end_turn", input: q.input}
	switch {
	case len(q.results) > 0:
		c.text = "The tool answered: " + strings.Join(q.results, "; ")
	default:
		if c.tools = q.calls(); len(c.tools) > 0 {
			c.reason = "tool_use"
			for _, use := range c.tools {
				c.output += tokens(string(use.Input))
			}
			return c
		}
		c.text = t.known(q.text)
	}
	c.text = lengthen(c.text, q.atLeast)
	c.cut(q)
	if word := q.rail.found(c.text); word != "" {
		blocked := q.rail.blocked(word, q.rail.OutputMessage, false)
		blocked.input, blocked.output = c.input, c.output
		return blocked
	}
	return c
}

// known is what the model says to a text.
func (t target) known(text string) string {
	if t.learnt != nil {
		if known, score := t.learnt.answer(text); score >= nearEnough {
			return known
		}
	}
	return baseAnswer(text)
}

// lengthen says a text again until it has so many tokens.
func lengthen(text string, atLeast int) string {
	var all strings.Builder
	all.WriteString(text)
	length := utf8.RuneCountInString(text)
	for have := length; length > 0 && have < atLeast*runesPerToken; have += 1 + length {
		all.WriteString(" " + text)
	}
	return all.String()
}

// cut ends an answer where the question wants it to end.
func (c *completion) cut(q question) {
	for _, stop := range q.stops {
		if before, _, found := strings.Cut(c.text, stop); found {
			c.text, c.reason = before, "stop_sequence"
		}
	}
	if q.maxTokens > 0 && tokens(c.text) > q.maxTokens {
		c.text, c.reason = string([]rune(c.text)[:q.maxTokens*runesPerToken]), "max_tokens"
	}
	c.output = tokens(c.text)
}

// runesPerToken is AWS's rule of thumb for the length of a token.
const runesPerToken = 6

// tokens estimates a text's length in tokens.
func tokens(text string) int {
	return (utf8.RuneCountInString(text) + runesPerToken - 1) / runesPerToken
}
