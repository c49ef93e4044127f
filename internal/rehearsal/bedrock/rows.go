package bedrock

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// example is one thing a data set teaches: what was asked and what is to be
// answered.
type example struct {
	prompt     string
	completion string
}

// rowError says which line of a data set is not a record of its format. It
// never holds the line itself.
type rowError struct{ line int }

// Error implements error.
func (e rowError) Error() string { return fmt.Sprintf("line %d is not a record", e.line) }

// errNotRecord is what a single line's reader answers.
var errNotRecord = errors.New("not a record of the format")

// maxLine bounds a record's length in bytes.
const maxLine = 16 << 20

// readRows reads a JSONL data set. It returns the number of records and the
// examples in them; a conversation holds one example for each answer.
func readRows(raw []byte, format string) (records int, examples []example, err error) {
	read := promptCompletion
	if format == formatConversation {
		read = conversation
	}
	scanner := bufio.NewScanner(bytes.NewReader(raw))
	scanner.Buffer(make([]byte, 0, 64<<10), maxLine)
	for scanner.Scan() {
		records++
		found, err := read(scanner.Bytes())
		if err != nil {
			return 0, nil, rowError{records}
		}
		examples = append(examples, found...)
	}
	if err := scanner.Err(); err != nil {
		return 0, nil, rowError{records + 1}
	}
	return records, examples, nil
}

// mediaOf are the URIs that a conversation data set's records name, each once,
// in their order. What is no record names nothing.
func mediaOf(raw []byte) []string {
	var uris []string
	known := map[string]bool{}
	for line := range bytes.Lines(raw) {
		var row struct {
			Messages []struct {
				Content []struct{ Image, Video, Document mediaBlock }
			}
		}
		if json.Unmarshal(line, &row) != nil {
			continue
		}
		for _, message := range row.Messages {
			for _, block := range message.Content {
				for _, m := range []mediaBlock{block.Image, block.Video, block.Document} {
					if uri := m.Source.S3Location.URI; uri != "" && !known[uri] {
						known[uri] = true
						uris = append(uris, uri)
					}
				}
			}
		}
	}
	return uris
}

// mediaBlock is the part of an image, video or document block that says where
// the file lies.
type mediaBlock struct {
	Source struct {
		S3Location struct{ URI string }
	}
}

// promptCompletion reads {"prompt": ..., "completion": ...}.
func promptCompletion(line []byte) ([]example, error) {
	var row struct {
		Prompt     *string `json:"prompt"`
		Completion *string `json:"completion"`
	}
	if err := json.Unmarshal(line, &row); err != nil || row.Prompt == nil || row.Completion == nil {
		return nil, errNotRecord
	}
	return []example{{*row.Prompt, *row.Completion}}, nil
}

// conversation reads bedrock-conversation-2024: system and messages, of which
// the text blocks count.
func conversation(line []byte) ([]example, error) {
	var row struct {
		Messages []struct {
			Role    string `json:"role"`
			Content []struct {
				Text string `json:"text"`
			} `json:"content"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(line, &row); err != nil || len(row.Messages) < 2 {
		return nil, errNotRecord
	}
	var examples []example
	var asked string
	for i, message := range row.Messages {
		var texts []string
		for _, block := range message.Content {
			texts = append(texts, block.Text)
		}
		text := strings.Join(texts, "\n")
		switch {
		case message.Role == "user" && i%2 == 0:
			asked = text
		case message.Role == "assistant" && i%2 == 1:
			examples = append(examples, example{asked, text})
		default:
			return nil, errNotRecord
		}
	}
	return examples, nil
}
