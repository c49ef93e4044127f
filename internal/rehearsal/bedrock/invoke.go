package bedrock

import (
	"bytes"
	"encoding/json"
	"iter"
	"maps"
	"strconv"
	"strings"
)

// bodyFormat is how a family of models writes InvokeModel's bodies.
type bodyFormat struct {
	// read turns a request body into a question.
	read func([]byte) (question, *apiError)
	// write is the whole answer, chunks are the parts of a streamed one.
	write  func(completion) map[string]any
	chunks func(completion) iter.Seq[map[string]any]
}

var (
	novaFormat  = bodyFormat{readNova, writeNova, novaChunks}
	llamaFormat = bodyFormat{readLlama, writeLlama, llamaChunks}
)

// invoked does what InvokeModel and InvokeModelWithResponseStream share.
func (d *Double) invoked(rq *request) (completion, bodyFormat, *apiError) {
	t, refused := d.resolve(rq)
	if refused != nil {
		return completion{}, bodyFormat{}, refused
	}
	if kind := rq.str("contentType"); kind != "" && !strings.HasPrefix(kind, "application/json") {
		return completion{}, bodyFormat{}, invalid("The content type must be application/json.")
	}
	format := novaFormat
	if t.base.Provider == "Meta" {
		format = llamaFormat
	}
	q, refused := format.read(rq.in.Payload)
	if refused != nil {
		return completion{}, bodyFormat{}, refused
	}
	if q.rail, refused = d.guardrail(rq); refused != nil {
		return completion{}, bodyFormat{}, refused
	}
	q.atLeast = d.inferenceNow().AnswerTokens
	return t.complete(q), format, nil
}

// invokeModel answers in the body format of the model's family.
func (d *Double) invokeModel(rq *request) (any, *apiError) {
	c, format, refused := d.invoked(rq)
	if refused != nil {
		return nil, refused
	}
	value := format.write(c)
	maps.Copy(value, c.guardMembers(rq))
	body, err := json.Marshal(value)
	if err != nil {
		return nil, refuse("InternalServerException", "encoding the answer: %v", err)
	}
	return reply{contentType: "application/json", body: body, header: map[string]string{
		"X-Amzn-Bedrock-Invocation-Latency": strconv.Itoa(c.latency()),
		"X-Amzn-Bedrock-Input-Token-Count":  strconv.Itoa(c.input),
		"X-Amzn-Bedrock-Output-Token-Count": strconv.Itoa(c.output),
	}}, nil
}

// invokeStream answers in chunks, each with a part of the body in the format
// of the model's family. The last one carries the metrics.
func (d *Double) invokeStream(rq *request) (any, *apiError) {
	c, format, refused := d.invoked(rq)
	if refused != nil {
		return nil, refused
	}
	metrics := map[string]any{"amazon-bedrock-invocationMetrics": map[string]any{
		"inputTokenCount": c.input, "outputTokenCount": c.output,
		"invocationLatency": c.latency(), "firstByteLatency": 200,
	}}
	maps.Copy(metrics, c.guardMembers(rq))
	events := func(yield func(event) bool) {
		var last map[string]any
		for part := range format.chunks(c) {
			if last != nil && !yield(chunk(last)) {
				return
			}
			last = part
		}
		maps.Copy(last, metrics)
		yield(chunk(last))
	}
	return reply{contentType: eventStream, events: events, header: map[string]string{
		"X-Amzn-Bedrock-Content-Type": "application/json",
	}}, nil
}

// chunk is an event of InvokeModelWithResponseStream: PayloadPart, whose
// bytes travel as base64 text.
func chunk(part map[string]any) event {
	raw, err := json.Marshal(part)
	if err != nil {
		raw = nil // parts hold texts and numbers, which always encode
	}
	return event{"chunk", map[string]any{"bytes": raw}}
}

// guardMembers are what a body says about its guardrail, nothing without one.
func (c completion) guardMembers(rq *request) map[string]any {
	g := rq.guard()
	if g.ID == "" {
		return nil
	}
	members := map[string]any{"amazon-bedrock-guardrailAction": "NONE"}
	if c.findings != nil {
		members["amazon-bedrock-guardrailAction"] = "INTERVENED"
	}
	if c.findings != nil && g.traced() {
		members["amazon-bedrock-trace"] = map[string]any{"guardrail": c.findings}
	}
	return members
}

// llamaBody is the request body of Meta's Llama models.
type llamaBody struct {
	Prompt      string   `json:"prompt"`
	Temperature *float64 `json:"temperature"`
	TopP        *float64 `json:"top_p"`
	MaxGenLen   *int     `json:"max_gen_len"`
}

// llamaMaxGenLen is what max_gen_len is when it is not sent.
const llamaMaxGenLen = 512

func readLlama(body []byte) (question, *apiError) {
	var in llamaBody
	if refused := decodeBody(body, &in); refused != nil {
		return question{}, refused
	}
	length := llamaMaxGenLen
	if in.MaxGenLen != nil {
		length = *in.MaxGenLen
	}
	switch {
	case strings.TrimSpace(in.Prompt) == "":
		return question{}, invalid("Malformed input request: prompt is required.")
	case !probability(in.Temperature), !probability(in.TopP):
		return question{}, invalid("Malformed input request: temperature and top_p must be between 0 and 1.")
	case length < 1 || length > 2048:
		return question{}, invalid("Malformed input request: max_gen_len must be between 1 and 2048.")
	}
	return question{text: lastUserTurn(in.Prompt), spoken: []string{in.Prompt}, input: tokens(in.Prompt), maxTokens: length}, nil
}

// llamaStop is stop_reason of Llama's bodies.
func llamaStop(c completion) string {
	if c.reason == "max_tokens" {
		return "length"
	}
	return "stop"
}

func writeLlama(c completion) map[string]any {
	return map[string]any{
		"generation": c.text, "prompt_token_count": c.input, "generation_token_count": c.output, "stop_reason": llamaStop(c),
	}
}

// llamaChunks are pieces of the generation; the prompt's tokens are in the
// first and the reason in the last.
func llamaChunks(c completion) iter.Seq[map[string]any] {
	return func(yield func(map[string]any) bool) {
		said, count := 0, any(c.input)
		for piece := range strings.SplitAfterSeq(c.text, " ") {
			said += len([]rune(piece))
			part := map[string]any{
				"generation": piece, "prompt_token_count": count, "stop_reason": nil,
				"generation_token_count": (said + runesPerToken - 1) / runesPerToken,
			}
			if !yield(part) {
				return
			}
			count = nil
		}
		yield(map[string]any{"generation": "", "prompt_token_count": nil, "generation_token_count": c.output, "stop_reason": llamaStop(c)})
	}
}

// lastUserTurn takes the user's last turn out of a prompt in the template of
// Llama 3; a prompt without the template is taken as it is.
func lastUserTurn(prompt string) string {
	const user, end = "<|start_header_id|>user<|end_header_id|>", "<|eot_id|>"
	at := strings.LastIndex(prompt, user)
	if at < 0 {
		return prompt
	}
	turn, _, _ := strings.Cut(prompt[at+len(user):], end)
	return strings.TrimSpace(turn)
}

// novaBody is the request body of Amazon's Nova models.
type novaBody struct {
	SchemaVersion   string         `json:"schemaVersion"`
	Messages        []message      `json:"messages"`
	System          []contentBlock `json:"system"`
	ToolConfig      toolConfig     `json:"toolConfig"`
	InferenceConfig struct {
		MaxTokens     *int     `json:"maxTokens"`
		Temperature   *float64 `json:"temperature"`
		TopP          *float64 `json:"topP"`
		TopK          *int     `json:"topK"`
		StopSequences []string `json:"stopSequences"`
	} `json:"inferenceConfig"`
}

func readNova(body []byte) (question, *apiError) {
	var in novaBody
	if refused := decodeBody(body, &in); refused != nil {
		return question{}, refused
	}
	q, refused := ask(in.Messages, in.System, in.ToolConfig)
	if refused != nil {
		return question{}, refused
	}
	config := in.InferenceConfig
	if !probability(config.Temperature) || !probability(config.TopP) {
		return question{}, invalid("Malformed input request: temperature and topP must be between 0 and 1.")
	}
	if config.MaxTokens != nil {
		if q.maxTokens = *config.MaxTokens; q.maxTokens < 1 {
			return question{}, invalid("Malformed input request: maxTokens must be at least 1.")
		}
	}
	q.stops = config.StopSequences
	return q, nil
}

func writeNova(c completion) map[string]any {
	return map[string]any{
		"output":     map[string]any{"message": map[string]any{"role": "assistant", "content": c.blocks()}},
		"stopReason": c.reason, "usage": c.usage(),
	}
}

// novaChunks are the events of ConverseStream, each in an object under its name.
func novaChunks(c completion) iter.Seq[map[string]any] {
	return func(yield func(map[string]any) bool) {
		for e := range c.events() {
			if !yield(map[string]any{e.name: e.body}) {
				return
			}
		}
		yield(map[string]any{"metadata": map[string]any{"usage": c.usage(), "metrics": map[string]any{}, "trace": map[string]any{}}})
	}
}

// decodeBody reads a model's JSON body strictly.
func decodeBody(body []byte, into any) *apiError {
	if err := decodeStrictly(bytes.NewReader(body), into); err != nil {
		return invalid("Malformed input request: the body is not what the model takes.")
	}
	return nil
}

// probability tells whether a number that may be left out lies between 0 and 1.
func probability(n *float64) bool {
	return n == nil || (*n >= 0 && *n <= 1)
}
