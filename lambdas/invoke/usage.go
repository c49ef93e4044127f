package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// usage is what an answer cost and why it ended, as far as it says.
type usage struct {
	counted bool
	// input and output are tokens.
	input, output int64
	stopReason    string
}

func (u *usage) count(input, output int64) { u.counted, u.input, u.output = true, input, output }

// tokens is the usage of Converse's answers and of its stream's metadata
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html).
type tokens struct {
	Input  int64 `json:"inputTokens"`
	Output int64 `json:"outputTokens"`
}

// readAnswer reads a whole answer. InvokeModel counts in headers, Converse in the
// body; Nova's own form has the names of Converse, Llama's has stop_reason. What
// cannot be read is left out: the answer is the caller's, and was given.
func (u *usage) readAnswer(header http.Header, body []byte) {
	input, errIn := strconv.ParseInt(header.Get("X-Amzn-Bedrock-Input-Token-Count"), 10, 64)
	output, errOut := strconv.ParseInt(header.Get("X-Amzn-Bedrock-Output-Token-Count"), 10, 64)
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	if open, err := d.ReadToken(); err == nil && open.Kind() == '{' {
		for u.readMember(d) {
		}
	}
	if errIn == nil && errOut == nil {
		u.count(input, output)
	}
}

// readMember reads one member at the top of an answer, and says whether there
// may be another.
func (u *usage) readMember(d *jsontext.Decoder) bool {
	name, err := d.ReadToken()
	if err != nil || name.Kind() != '"' {
		return false
	}
	key := name.String()
	if key != "usage" && key != "stopReason" && key != "stop_reason" {
		return d.SkipValue() == nil
	}
	value, err := d.ReadValue()
	if err != nil {
		return false
	}
	if key == "usage" {
		u.readTokens(value)
		return true
	}
	var reason string
	if json.Unmarshal(value, &reason) == nil {
		u.stopReason = reason
	}
	return true
}

func (u *usage) readTokens(value []byte) {
	var t tokens
	if json.Unmarshal(value, &t) == nil {
		u.count(t.Input, t.Output)
	}
}

// readFrame reads an event of either stream, and says whether it has a part of
// the model's answer.
func (u *usage) readFrame(f frame) (content bool) {
	switch f.event {
	case "contentBlockStart", "contentBlockDelta":
		return true
	case "messageStop":
		var stop struct {
			StopReason string `json:"stopReason"`
		}
		if json.Unmarshal(f.payload, &stop) == nil {
			u.stopReason = stop.StopReason
		}
	case "metadata":
		var metadata struct {
			Usage *tokens `json:"usage"`
		}
		if json.Unmarshal(f.payload, &metadata) == nil && metadata.Usage != nil {
			u.count(metadata.Usage.Input, metadata.Usage.Output)
		}
	case "chunk":
		u.readChunk(f.payload)
		return true
	}
	return false
}

// readChunk reads a chunk of InvokeModelWithResponseStream: a piece of the
// model's own answer in base64. Bedrock adds its figures to the last.
func (u *usage) readChunk(payload []byte) {
	var chunk struct {
		Bytes []byte `json:"bytes"`
	}
	var piece struct {
		Metrics *struct {
			Input  int64 `json:"inputTokenCount"`
			Output int64 `json:"outputTokenCount"`
		} `json:"amazon-bedrock-invocationMetrics"`
		MessageStop struct {
			StopReason string `json:"stopReason"`
		} `json:"messageStop"`
		StopReason string `json:"stop_reason"`
	}
	if json.Unmarshal(payload, &chunk) != nil || json.Unmarshal(chunk.Bytes, &piece) != nil {
		return
	}
	if piece.Metrics != nil {
		u.count(piece.Metrics.Input, piece.Metrics.Output)
	}
	if reason := piece.MessageStop.StopReason + piece.StopReason; reason != "" {
		u.stopReason = reason
	}
}
