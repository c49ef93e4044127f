package convert

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
)

// A ~ in these rows becomes a word that stands nowhere else in its row.
var markedRows = map[dataset.Format][]string{
	dataset.FormatOpenAIChat: {
		`{"messages":[{"role":"system","content":"~"},{"role":"developer","content":[{"type":"text","text":"~"},{"type":"text","text":"~"}]},
			{"role":"user","name":"~","content":[{"type":"text","text":"~"},{"type":"image_url","image_url":{"url":"s3://b/~.png","detail":"~"}},{"type":"input_audio","input_audio":{"data":"~"}}]},
			{"role":"user","content":"~"},{"role":"assistant","content":"~","reasoning_content":"~","weight":0},{"role":"user","content":"~"},{"role":"assistant","content":"~"}]}`,
		`{"messages":[{"role":"user","content":"~"},
			{"role":"assistant","content":"~","reasoning":"~","tool_calls":[{"id":"c1","type":"function","function":{"name":"~","arguments":"{\"k~\":\"~\"}"}},{"id":"c1","type":"function","function":{"name":"g","arguments":{"a":"~"}}}]},
			{"role":"tool","tool_call_id":"c1","content":"~"},{"role":"tool","tool_call_id":"c1","name":"~","content":[{"type":"text","text":"~"}]},
			{"role":"assistant","refusal":"~"},{"role":"user","content":"~"},
			{"role":"assistant","function_call":{"name":"f","arguments":"{\"k~\":1}"}},{"role":"function","name":"f","content":"~"},
			{"role":"assistant","content":[{"type":"refusal","refusal":"~"}],"name":"~"}],
			"tools":[{"type":"function","function":{"name":"~","description":"~","strict":true,"parameters":{"type":"object","properties":{"k~":{"type":"string","description":"~"}}}}}],
			"functions":[{"name":"~","parameters":null}],"tool_choice":{"k":"~"},"parallel_tool_calls":true,"metadata":{"k":"~"}}`,
		`{"messages":[{"role":"user","content":"~"},{"role":"assistant","content":"~"},{"role":"user","content":"~"},{"role":"assistant","content":"~"},{"role":"user","content":"~"}]}`,
	},
	dataset.FormatAnthropic: {
		`{"system":[{"type":"text","text":"~","cache_control":{"type":"~"}},{"type":"text","text":"~"}],"messages":[
			{"role":"user","content":[{"type":"text","text":"~"},{"type":"image","source":{"type":"base64","data":"~"}}]},
			{"role":"assistant","content":[{"type":"thinking","thinking":"~","signature":"~"},{"type":"redacted_thinking","data":"~"},{"type":"text","text":"~"},{"type":"tool_use","id":"t1","name":"~","input":{"k~":"~"}}]},
			{"role":"user","content":[{"type":"text","text":"~"},{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":[{"type":"text","text":"~"},{"type":"image","source":{"data":"~"}}]}]},
			{"role":"assistant","content":"~"}],"tools":[{"name":"~","description":"~","type":"~","input_schema":{"type":"object","properties":{"k~":{"description":"~"}}}}],
			"tool_choice":{"name":"~"},"model":"~","max_tokens":1}`,
		`{"system":"~","messages":[{"role":"user","content":"~"},{"role":"assistant","content":"~"}]}`,
	},
	dataset.FormatConversation: {
		`{"schemaVersion":"bedrock-conversation-2024","system":[{"text":"~"},{"text":"~"}],"messages":[
			{"role":"user","content":[{"text":"~"},{"text":"~"},{"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/~.png","bucketOwner":"~"}}}},{"video":{"format":"~","source":{"s3Location":{"uri":"s3://b/~.mp4"}}}}]},
			{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"~"}}},{"text":"~"},{"toolUse":{"toolUseId":"t1","name":"~","input":{"k~":"~"}}}]},
			{"role":"user","content":[{"text":"~"},{"toolResult":{"toolUseId":"t1","status":"error","content":[{"text":"~"},{"json":{"k~":"~"}}]}}]},
			{"role":"assistant","content":[{"text":"~"}]}],
			"toolConfig":{"tools":[{"toolSpec":{"name":"~","description":"~","inputSchema":{"json":{"type":"object","properties":{"k~":{}}}}}}],"toolChoice":{"k":"~"}}}`,
		`{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"image":{"format":"~","source":{"s3Location":{"uri":"s3://b/~"}}}}]},{"role":"assistant","content":[{"text":"~"}]},{"role":"user","content":[{"text":"~"}]}]}`,
	},
	dataset.FormatPromptCompletion: {`{"prompt":"~","completion":"~","id":"~"}`},
	dataset.FormatReinforcement: {
		`{"messages":[{"role":"system","content":"~"},{"role":"user","content":"~"},{"role":"assistant","content":"~","weight":0},{"role":"user","content":"~"}],"reference_answer":{"k~":"~"},"item_k~":{"k~":["~"]},"tools":[{"type":"function","function":{"name":"~"}}]}`,
	},
}

// strayKeys are what is put where it may not belong: the keys of all forms, and
// unknown ones.
var strayKeys = map[string]string{
	"x_~": `"~"`, "content": `"~"`, "name": `"~"`, "refusal": `"~"`, "tool_call_id": `"~"`, "reasoning": `"~"`, "reasoning_content": `"~"`,
	"text": `"~"`, "thinking": `"~"`, "id": `"~"`, "input": `{"k~":"~"}`, "tool_use_id": `"~"`, "is_error": `true`, "source": `{"data":"~"}`,
	"image_url": `{"url":"s3://b/~.png"}`, "image": `{"format":"png","source":{"s3Location":{"uri":"s3://b/~.png"}}}`, "status": `"~"`, "json": `{"k~":"~"}`,
	"tool_calls": `[{"id":"~","type":"function","function":{"name":"~","arguments":"{}"}}]`, "function_call": `{"name":"~","arguments":"{}"}`,
	"toolUse": `{"toolUseId":"~","name":"~","input":{}}`, "weight": `0.5`, "function": `{"name":"~"}`, "system": `"~"`, "cache_control": `{"k":"~"}`,
	"description": `"~"`, "arguments": `"{\"k\":\"~\"}"`, "bucketOwner": `"~"`, "format": `"~"`, "detail": `"~"`, "tools": `[]`, "parameters": `{"k":"~"}`,
	"prompt": `"~"`, "reference_answer": `"~"`, "strict": `false`, "input_schema": `{"k~":1}`, "type": `"~"`, "toolConfig": `{"k":"~"}`,
}

// stray puts keys into objects of a row, takes some away, or gives a message
// another role.
func stray(random *rand.Rand, row any) {
	for range random.IntN(4) {
		objects := objectsOf(row)
		object := objects[random.IntN(len(objects))]
		keys := slices.Sorted(maps.Keys(strayKeys))
		key := keys[random.IntN(len(keys))]
		switch have := slices.Sorted(maps.Keys(object)); {
		case random.IntN(4) == 0 && len(have) > 0:
			delete(object, have[random.IntN(len(have))])
		case object["role"] != nil && random.IntN(3) == 0:
			object["role"] = []string{"user", "assistant", "system", "tool", "function"}[random.IntN(5)]
		case object[key] == nil:
			object[key] = json.RawMessage(strayKeys[key])
		}
	}
}

func objectsOf(value any) []map[string]any {
	var all []map[string]any
	switch value := value.(type) {
	case map[string]any:
		all = append(all, value)
		for _, key := range slices.Sorted(maps.Keys(value)) {
			all = append(all, objectsOf(value[key])...)
		}
	case []any:
		for _, inner := range value {
			all = append(all, objectsOf(inner)...)
		}
	}
	return all
}

// marked gives every ~ of the row its word, and says where each stands.
func marked(t *testing.T, row any) (text string, places map[string]string) {
	t.Helper()
	raw, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(raw), "~")
	text = parts[0]
	for i, part := range parts[1:] {
		text += fmt.Sprintf("mark%dx", i) + part
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	places = map[string]string{}
	place(value, "", places)
	return text, places
}

var mark = regexp.MustCompile(`mark[0-9]+x`)

func place(value any, at string, places map[string]string) {
	note := func(text, at string) {
		for _, word := range mark.FindAllString(text, -1) {
			places[word] = at
		}
	}
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			note(key, at+"/"+key)
			place(inner, at+"/"+key, places)
		}
	case []any:
		for i, inner := range value {
			place(inner, fmt.Sprintf("%s/%d", at, i), places)
		}
	case string:
		note(value, at)
	}
}

// told says whether a loss accounts for what stood at the place: something is
// gone there, or a call's id was replaced by another.
func told(losses []Loss, place string) bool {
	return slices.ContainsFunc(losses, func(l Loss) bool {
		if l.Kind == KindTail {
			return strings.HasPrefix(place, "/messages/") // the message, and all behind it
		}
		if l.Severity != SeverityLost && l.Kind != KindToolID && l.Kind != KindLegacyFunction {
			return false
		}
		return place == l.Pointer || strings.HasPrefix(place, l.Pointer+"/")
	})
}

// TestNothingInSilence: whatever a row holds, wherever, a converted row has it or
// the losses name its place.
func TestNothingInSilence(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same texts in every run
	converts := 0
	for _, from := range slices.Sorted(maps.Keys(markedRows)) {
		for _, template := range markedRows[from] {
			for range 1500 {
				var row any
				if err := json.Unmarshal([]byte(template), &row); err != nil {
					t.Fatal(err)
				}
				stray(random, row)
				text, places := marked(t, row)
				o := Options{
					To: Formats()[random.IntN(len(Formats()))], DropMedia: random.IntN(2) == 0, KeepReasoning: random.IntN(2) == 0,
					MultiTurn: []MultiTurn{MultiTurnSplit, MultiTurnLast}[random.IntN(2)],
				}
				if random.IntN(2) == 0 && (o.To != dataset.FormatReinforcement || from == dataset.FormatOpenAIChat || from == dataset.FormatReinforcement) {
					o.From = from
				}
				out, result := converted(t, text, o)
				if random.IntN(20) == 0 {
					checkShape(t, out, o.To)
				}
				if result.Converted == 0 {
					continue
				}
				converts++
				for word, place := range places {
					if !strings.Contains(out, word) && !told(result.Losses, place) {
						t.Fatalf("%s at %s is gone without a word in\n%s\nas %s\n%s\nlosses %v", word, place, text, o.To, out, result.Losses)
					}
				}
			}
		}
	}
	if converts < 4000 {
		t.Errorf("only %d rows were converted: the rows are too wild to say anything", converts)
	}
}
