package split

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// By says which records belong together.
type By string

const (
	// ByPrompt puts records together in which the user says the same, normalized:
	// the prompt, the texts and media of all user messages, or the image.
	ByPrompt By = "prompt"
	// ByNormalized puts records together in which every text is the same, normalized.
	ByNormalized By = "normalized"
	// ByExact puts records together that are the same bytes, white space around
	// them aside.
	ByExact By = "exact"
)

// Ways are what By may be, the default first.
func Ways() []By { return []By{ByPrompt, ByNormalized, ByExact} }

// record is what is looked at in a record of any format.
type record struct {
	Prompt          jsontext.Value `json:"prompt"`
	Completion      jsontext.Value `json:"completion"`
	System          jsontext.Value `json:"system"`
	Messages        []message      `json:"messages"`
	ReferenceAnswer jsontext.Value `json:"reference_answer"`
	ImageRef        jsontext.Value `json:"image-ref"`
	Caption         jsontext.Value `json:"caption"`
}

type message struct {
	Role    string         `json:"role"`
	Content jsontext.Value `json:"content"`
}

// errNoRecord says what a line is not; the cause may repeat the data, and is
// left out.
var errNoRecord = errors.New("this is no record of a data set")

// groupText is the text that a record's group is known by.
func groupText(line []byte, by By) (string, error) {
	line = bytes.Trim(line, " \t\r\n")
	if len(line) == 0 || line[0] != '{' {
		return "", errNoRecord
	}
	if by == ByExact {
		return string(line), nil
	}
	var r record
	if json.Unmarshal(line, &r) != nil {
		return "", errNoRecord
	}
	texts := r.userTexts()
	if by == ByNormalized {
		texts = r.texts()
	}
	if len(texts) == 0 {
		return "", errNoRecord
	}
	for i, text := range texts {
		texts[i] = Normalize(text)
	}
	return strings.Join(texts, "\x00"), nil
}

// userTexts are what a record holds of the user.
func (r *record) userTexts() []string {
	texts := slices.Concat(textsOf(r.Prompt), textsOf(r.ImageRef))
	for _, m := range r.Messages {
		if m.Role == "user" {
			texts = append(texts, textsOf(m.Content)...)
		}
	}
	return texts
}

// texts are all that a record holds, each kind in a place of its own.
func (r *record) texts() []string {
	var texts []string
	for _, value := range []jsontext.Value{r.System, r.Prompt, r.Completion, r.ImageRef, r.Caption, r.ReferenceAnswer} {
		texts = append(texts, strings.Join(textsOf(value), "\x01"))
	}
	for _, m := range r.Messages {
		texts = append(texts, m.Role)
		texts = append(texts, textsOf(m.Content)...)
	}
	return texts
}

// textsOf are the texts of a string or of a list of content blocks. Another
// value, such as an image, counts by how it is written, white space aside.
func textsOf(value jsontext.Value) []string {
	switch value.Kind() {
	case 0, 'n':
		return nil
	case '"':
		var text string
		if json.Unmarshal(value, &text) == nil {
			return []string{text}
		}
	case '[':
		var blocks []jsontext.Value
		if json.Unmarshal(value, &blocks) == nil {
			var texts []string
			for _, block := range blocks {
				texts = append(texts, blockText(block))
			}
			return texts
		}
	}
	return []string{compact(value)}
}

// blockText is the text of a content block, or how it is written.
func blockText(block jsontext.Value) string {
	var text struct {
		Text *string `json:"text"`
	}
	if json.Unmarshal(block, &text) == nil && text.Text != nil {
		return *text.Text
	}
	return compact(block)
}

func compact(value jsontext.Value) string {
	short := value.Clone()
	if err := short.Canonicalize(); err != nil {
		return string(value)
	}
	return string(short)
}

// at says where a line is that cannot be split.
func at(line int64, err error) error {
	return fmt.Errorf("line %d: %w: have it repaired with tuneline fix, or look at it with tuneline check", line, err)
}
