package convert

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// referenceRecord is the form of Bedrock's reinforcement fine-tuning in the
// order in which it is written (Bedrock User Guide, "Prepare data for
// reinforcement fine-tuning").
type referenceRecord struct {
	Messages  []chatMessage  `json:"messages"`
	Tools     []chatTool     `json:"tools,omitempty"`
	Reference jsontext.Value `json:"reference_answer"`

	// Extra are the keys that the grader gets beside.
	Extra jsontext.Value `json:",embed"`
}

// writeReinforcement writes the chat form with a reference answer: messages are
// texts, and the row's other keys are kept because the grader gets them.
func writeReinforcement(out *writing) ([]any, error) {
	r := &out.record
	reference, err := out.referenceAnswer()
	if err != nil {
		return nil, err
	}
	if err := out.needsUser(); err != nil {
		return nil, err
	}
	row := referenceRecord{Tools: chatTools(r.tools), Reference: reference, Extra: objectOf(r.extra)}
	if system := r.systemText(out.ledger); system != "" {
		row.Messages = append(row.Messages, chatMessage{Role: roleSystem, Content: system})
	}
	r.loseWeights(out.ledger)
	for _, t := range r.turns {
		text, err := out.plainText(t, "the messages of reinforcement fine-tuning hold text only")
		if err != nil {
			return nil, err
		}
		row.Messages = append(row.Messages, chatMessage{Role: t.role, Content: text})
	}
	return []any{row}, nil
}

// referenceAnswer is the row's answer to compare with: a text or an object.
func (out *writing) referenceAnswer() (jsontext.Value, error) {
	const at = "/reference_answer"
	value := out.record.reference
	switch value.Kind() {
	case '"', '{':
		return value, nil
	case '0', 't', 'f':
		out.lose(KindReferenceAsText, at)
		return append(append(jsontext.Value{'"'}, bytes.TrimSpace(value)...), '"'), nil
	case '[':
		return nil, refuse(at, "the reference answer must be a text or an object: write the list into an object")
	}
	return nil, refuse("", "the row has no reference_answer, which reinforcement fine-tuning needs")
}

// objectOf is an object of members, nil for none.
func objectOf(all []member) jsontext.Value {
	if len(all) == 0 {
		return nil
	}
	var text bytes.Buffer
	e := jsontext.NewEncoder(&text)
	// The members were read from an object, so that writing them cannot fail.
	_ = e.WriteToken(jsontext.BeginObject)
	for _, one := range all {
		_ = e.WriteToken(jsontext.String(one.name))
		_ = e.WriteValue(one.value)
	}
	_ = e.WriteToken(jsontext.EndObject)
	return text.Bytes()
}
