package bedrock

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// Guardrail is one version of a guardrail of the account. Of all its filters
// the double knows words.
type Guardrail struct {
	// ID is the guardrail's id and Version a number or "DRAFT".
	ID      string `json:"id"`
	Version string `json:"version"`
	// Words block a request or an answer that holds one of them, in any case.
	Words []string `json:"words"`
	// InputMessage and OutputMessage are answered instead of a blocked
	// request's answer, or of a blocked answer.
	InputMessage  string `json:"inputMessage"`
	OutputMessage string `json:"outputMessage"`
}

func (g Guardrail) check() error {
	if len(g.Words) == 0 || slices.Contains([]string{g.ID, g.Version, g.InputMessage, g.OutputMessage}, "") {
		return errors.New("scenario: a guardrail needs id, version, words, inputMessage and outputMessage")
	}
	return nil
}

// guard is the guardrail a request names, in the words of GuardrailConfiguration.
type guard struct {
	ID      string `json:"guardrailIdentifier"`
	Version string `json:"guardrailVersion"`
	Trace   string `json:"trace"`
	Mode    string `json:"streamProcessingMode"`
}

// guard reads the guardrail of a request from where its operation has it:
// guardrailConfig in Converse's body, headers of InvokeModel.
func (rq *request) guard() guard {
	if rq.op.Name == opInvokeModel || rq.op.Name == opInvokeStream {
		return guard{ID: rq.str("guardrailIdentifier"), Version: rq.str("guardrailVersion"), Trace: rq.str("trace")}
	}
	var in struct {
		Config guard `json:"guardrailConfig"`
	}
	if err := rq.in.Decode(&in); err != nil {
		return guard{} // the members were checked when they were parsed
	}
	return in.Config
}

// traced tells whether the answer is to say what was found.
func (g guard) traced() bool {
	return strings.HasPrefix(strings.ToLower(g.Trace), "enabled")
}

// guardrailARN is the ARN of a guardrail given by its id or ARN.
func (d *Double) guardrailARN(id string) string {
	if strings.HasPrefix(id, "arn:") {
		return id
	}
	return d.arn("guardrail", id)
}

// guardNeeds is what a request with a guardrail needs beside the model, and
// the condition key it adds to what it needs on the model.
func (d *Double) guardNeeds(rq *request, needs []need) []need {
	g := rq.guard()
	if g.ID == "" {
		return needs
	}
	arn := d.guardrailARN(g.ID)
	named := arn
	if g.Version != "" && g.Version != "DRAFT" {
		named += ":" + g.Version
	}
	for i, n := range needs {
		if strings.HasPrefix(n.action, "bedrock:Invoke") {
			keys := map[string]string{"bedrock:GuardrailIdentifier": named}
			maps.Copy(keys, n.context)
			needs[i].context = keys
		}
	}
	return append(needs, need{action: "bedrock:ApplyGuardrail", resource: arn})
}

// guardrail finds the guardrail a request names, nil when it names none.
func (d *Double) guardrail(rq *request) (*Guardrail, *apiError) {
	g := rq.guard()
	switch {
	case g.ID == "" && g.Version == "":
		return nil, nil
	case g.ID == "" || g.Version == "":
		return nil, invalid("A guardrail needs both its identifier and its version.")
	}
	for i, known := range d.o.Scenario.Guardrails {
		if d.guardrailARN(g.ID) == d.guardrailARN(known.ID) && known.Version == g.Version {
			return &d.o.Scenario.Guardrails[i], nil
		}
	}
	return nil, invalid("The guardrail identifier or version provided in the request does not exist.")
}

// found returns the first of the guardrail's words that a text holds; a nil
// guardrail finds nothing.
func (g *Guardrail) found(texts ...string) string {
	if g == nil {
		return ""
	}
	all := strings.ToLower(strings.Join(texts, "\n"))
	i := slices.IndexFunc(g.Words, func(word string) bool { return strings.Contains(all, strings.ToLower(word)) })
	if i < 0 {
		return ""
	}
	return g.Words[i]
}

// blocked is the answer instead of one that a guardrail blocked.
func (g *Guardrail) blocked(word, text string, onInput bool) completion {
	finding := map[string]any{"wordPolicy": map[string]any{
		"customWords":      []map[string]any{{"match": word, "action": "BLOCKED", "detected": true}},
		"managedWordLists": []any{},
	}}
	trace := map[string]any{"outputAssessments": map[string]any{g.ID: []any{finding}}}
	if onInput {
		trace = map[string]any{"inputAssessment": map[string]any{g.ID: finding}}
	}
	return completion{text: text, reason: "guardrail_intervened", findings: trace}
}
