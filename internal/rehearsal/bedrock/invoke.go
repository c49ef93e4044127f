package bedrock

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// invokeModel answers in the body format of the model's family.
func (d *Double) invokeModel(rq *request) (any, *apiError) {
	t, refused := d.resolve(rq)
	if refused != nil {
		return nil, refused
	}
	if kind := rq.str("contentType"); kind != "" && !strings.HasPrefix(kind, "application/json") {
		return nil, invalid("The content type must be application/json.")
	}
	answer := invokeNova
	if t.base.Provider == "Meta" {
		answer = invokeLlama
	}
	c, value, refused := answer(t, rq.in.Payload)
	if refused != nil {
		return nil, refused
	}
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

// llamaBody is the request body of Meta's Llama models.
type llamaBody struct {
	Prompt      string   `json:"prompt"`
	Temperature *float64 `json:"temperature"`
	TopP        *float64 `json:"top_p"`
	MaxGenLen   *int     `json:"max_gen_len"`
}

// llamaMaxGenLen is what max_gen_len is when it is not sent.
const llamaMaxGenLen = 512

func invokeLlama(t target, body []byte) (completion, any, *apiError) {
	var in llamaBody
	if refused := decodeBody(body, &in); refused != nil {
		return completion{}, nil, refused
	}
	length := llamaMaxGenLen
	if in.MaxGenLen != nil {
		length = *in.MaxGenLen
	}
	switch {
	case strings.TrimSpace(in.Prompt) == "":
		return completion{}, nil, invalid("Malformed input request: prompt is required.")
	case !probability(in.Temperature), !probability(in.TopP):
		return completion{}, nil, invalid("Malformed input request: temperature and top_p must be between 0 and 1.")
	case length < 1 || length > 2048:
		return completion{}, nil, invalid("Malformed input request: max_gen_len must be between 1 and 2048.")
	}
	c := t.complete(question{text: lastUserTurn(in.Prompt), input: tokens(in.Prompt), maxTokens: length})
	reason := "stop"
	if c.reason == "max_tokens" {
		reason = "length"
	}
	return c, map[string]any{
		"generation": c.text, "prompt_token_count": c.input, "generation_token_count": c.output, "stop_reason": reason,
	}, nil
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
	SchemaVersion   string      `json:"schemaVersion"`
	Messages        []message   `json:"messages"`
	System          []textBlock `json:"system"`
	InferenceConfig struct {
		MaxTokens     *int     `json:"maxTokens"`
		Temperature   *float64 `json:"temperature"`
		TopP          *float64 `json:"topP"`
		TopK          *int     `json:"topK"`
		StopSequences []string `json:"stopSequences"`
	} `json:"inferenceConfig"`
}

func invokeNova(t target, body []byte) (completion, any, *apiError) {
	var in novaBody
	if refused := decodeBody(body, &in); refused != nil {
		return completion{}, nil, refused
	}
	q, refused := ask(in.Messages, in.System)
	if refused != nil {
		return completion{}, nil, refused
	}
	config := in.InferenceConfig
	if !probability(config.Temperature) || !probability(config.TopP) {
		return completion{}, nil, invalid("Malformed input request: temperature and topP must be between 0 and 1.")
	}
	if config.MaxTokens != nil {
		if q.maxTokens = *config.MaxTokens; q.maxTokens < 1 {
			return completion{}, nil, invalid("Malformed input request: maxTokens must be at least 1.")
		}
	}
	q.stops = config.StopSequences
	c := t.complete(q)
	return c, map[string]any{
		"output":     map[string]any{"message": message{Role: "assistant", Content: []textBlock{{c.text}}}},
		"stopReason": c.reason, "usage": c.usage(),
	}, nil
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
