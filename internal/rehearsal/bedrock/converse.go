package bedrock

import (
	"iter"
	"strings"
)

// converseInput is the part of ConverseRequest the double looks at.
type converseInput struct {
	Messages        []message      `json:"messages"`
	System          []contentBlock `json:"system"`
	ToolConfig      toolConfig     `json:"toolConfig"`
	InferenceConfig struct {
		MaxTokens     int      `json:"maxTokens"`
		StopSequences []string `json:"stopSequences"`
	} `json:"inferenceConfig"`
}

// converseAnswer does what Converse and ConverseStream share.
func (d *Double) converseAnswer(rq *request) (completion, *apiError) {
	t, refused := d.resolve(rq)
	if refused != nil {
		return completion{}, refused
	}
	var in converseInput
	if err := rq.in.Decode(&in); err != nil {
		return completion{}, invalid("The request could not be read.")
	}
	q, refused := ask(in.Messages, in.System, in.ToolConfig)
	if refused != nil {
		return completion{}, refused
	}
	if q.rail, refused = d.guardrail(rq); refused != nil {
		return completion{}, refused
	}
	q.maxTokens, q.stops = in.InferenceConfig.MaxTokens, in.InferenceConfig.StopSequences
	q.atLeast = d.inferenceNow().AnswerTokens
	return t.complete(q), nil
}

// latency is the latencyMs answered: virtual, so that answers are the same in
// every run.
func (c completion) latency() int { return 200 + 10*c.output }

func (c completion) usage() map[string]any {
	return map[string]any{"inputTokens": c.input, "outputTokens": c.output, "totalTokens": c.input + c.output}
}

// measures are the members that Converse's answer and the metadata event of
// ConverseStream have in common.
func (c completion) measures(rq *request) map[string]any {
	all := map[string]any{"usage": c.usage(), "metrics": map[string]any{"latencyMs": c.latency()}}
	if c.findings != nil && rq.guard().traced() {
		all["trace"] = map[string]any{"guardrail": c.findings}
	}
	return all
}

func (d *Double) converse(rq *request) (any, *apiError) {
	c, refused := d.converseAnswer(rq)
	if refused != nil {
		return nil, refused
	}
	answer := c.measures(rq)
	answer["output"] = map[string]any{"message": map[string]any{"role": "assistant", "content": c.blocks()}}
	answer["stopReason"] = c.reason
	return answer, nil
}

func (d *Double) converseStream(rq *request) (any, *apiError) {
	c, refused := d.converseAnswer(rq)
	if refused != nil {
		return nil, refused
	}
	events := func(yield func(event) bool) {
		for e := range c.events() {
			if !yield(e) {
				return
			}
		}
		yield(event{"metadata", c.measures(rq)})
	}
	return reply{contentType: eventStream, events: events}, nil
}

// events are an answer in the events of ConverseStream, up to its end.
func (c completion) events() iter.Seq[event] {
	return func(yield func(event) bool) {
		if !yield(event{"messageStart", map[string]any{"role": "assistant"}}) {
			return
		}
		for i, block := range c.blocks() {
			stop := event{"contentBlockStop", map[string]any{"contentBlockIndex": i}}
			if !blockEvents(i, block, yield) || !yield(stop) {
				return
			}
		}
		yield(event{"messageStop", map[string]any{"stopReason": c.reason}})
	}
}

// blockEvents yields the start and the deltas of a block; a block of text has
// no start.
func blockEvents(i int, block map[string]any, yield func(event) bool) bool {
	delta := func(value map[string]any) bool {
		return yield(event{"contentBlockDelta", map[string]any{"contentBlockIndex": i, "delta": value}})
	}
	use, isTool := block["toolUse"].(toolUse)
	if !isTool {
		text, _ := block["text"].(string)
		for piece := range strings.SplitAfterSeq(text, " ") {
			if !delta(map[string]any{"text": piece}) {
				return false
			}
		}
		return true
	}
	start := map[string]any{"toolUse": map[string]any{"toolUseId": use.ID, "name": use.Name}}
	if !yield(event{"contentBlockStart", map[string]any{"contentBlockIndex": i, "start": start}}) {
		return false
	}
	for piece := range pieces(string(use.Input)) {
		if !delta(map[string]any{"toolUse": map[string]any{"input": piece}}) {
			return false
		}
	}
	return true
}

// pieceLength is how many characters of a tool's input travel in one delta.
const pieceLength = 16

// pieces cuts a text between characters.
func pieces(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := []rune(text); len(rest) > 0; {
			n := min(pieceLength, len(rest))
			if !yield(string(rest[:n])) {
				return
			}
			rest = rest[n:]
		}
	}
}
