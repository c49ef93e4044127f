package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"
)

// The formats as encoding/json reads them.
type (
	standardPair struct {
		Prompt     string `json:"prompt"`
		Completion string `json:"completion"`
	}
	standardText struct {
		Text string `json:"text"`
	}
	standardConversation struct {
		SchemaVersion string         `json:"schemaVersion"`
		System        []standardText `json:"system"`
		Messages      []struct {
			Role    string         `json:"role"`
			Content []standardText `json:"content"`
		} `json:"messages"`
	}
)

// standard checks a record with encoding/json as strictly as that can: unknown
// keys are refused, UTF-8 is looked at separately. It does not see keys that
// stand twice or in another case, null for a list, and halves of surrogate pairs.
func standard(conversation bool) func(line []byte) (int64, error) {
	if conversation {
		return func(line []byte) (int64, error) {
			var record standardConversation
			if err := strictly(line, &record); err != nil {
				return 0, err
			}
			return record.check()
		}
	}
	return func(line []byte) (int64, error) {
		var record standardPair
		if err := strictly(line, &record); err != nil {
			return 0, err
		}
		prompt, err := trained([]byte(record.Prompt), false)
		if err != nil {
			return 0, err
		}
		completion, err := trained([]byte(record.Completion), false)
		return prompt + completion, err
	}
}

func strictly(line []byte, record any) error {
	if !utf8.Valid(line) {
		return errRefused
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(record); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errRefused
	}
	return nil
}

func (r *standardConversation) check() (int64, error) {
	if r.SchemaVersion == "" || len(r.Messages) < 2 || len(r.Messages)%2 != 0 || r.System != nil && len(r.System) == 0 {
		return 0, errRefused
	}
	sum, err := standardTexts(r.System)
	for i, message := range r.Messages {
		if err != nil {
			return 0, err
		}
		if message.Role != roles[i%2] || len(message.Content) == 0 {
			return 0, errRefused
		}
		var n int64
		n, err = standardTexts(message.Content)
		sum += n
	}
	return sum, err
}

// roles alternate.
var roles = [2]string{"user", "assistant"}

func standardTexts(texts []standardText) (sum int64, err error) {
	for _, text := range texts {
		n, err := trained([]byte(text.Text), true)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}
