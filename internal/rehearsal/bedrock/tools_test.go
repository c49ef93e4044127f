package bedrock

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	rt "github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

func tool(name string, schema map[string]any) rt.Tool {
	return &rt.ToolMemberToolSpec{Value: rt.ToolSpecification{
		Name: &name, InputSchema: &rt.ToolInputSchemaMemberJson{Value: document.NewLazyDocument(schema)},
	}}
}

// weather and clockTool are the tools of the tests.
func weatherAndClock(choice rt.ToolChoice) *rt.ToolConfiguration {
	return &rt.ToolConfiguration{ToolChoice: choice, Tools: []rt.Tool{
		tool("get_weather", map[string]any{
			"type": "object", "required": []any{"city", "unit"},
			"properties": map[string]any{
				"city": map[string]any{"type": "string", "maxLength": 12},
				"unit": map[string]any{"enum": []any{"celsius", "fahrenheit"}},
				"days": map[string]any{"type": "integer", "minimum": 3},
			},
		}),
		tool("get_time", map[string]any{"type": "object", "properties": map[string]any{
			"zones": map[string]any{"type": "array", "items": map[string]any{"type": "number"}},
			"exact": map[string]any{"type": []any{"boolean", "null"}},
			"since": map[string]any{"default": "now"},
			"inner": map[string]any{"properties": map[string]any{"nothing": map[string]any{"type": "null"}}},
		}}),
	}}
}

func (r *rig) converse(in *bedrockruntime.ConverseInput) (*bedrockruntime.ConverseOutput, []rt.ContentBlock) {
	r.t.Helper()
	in.ModelId = aws.String(novaPlan)
	out, err := r.runtime.Converse(r.t.Context(), in)
	if err != nil {
		r.t.Fatalf("Converse: %v", err)
	}
	return out, out.Output.(*rt.ConverseOutputMemberMessage).Value.Content
}

func inputOf(t *testing.T, use rt.ToolUseBlock) string {
	t.Helper()
	raw, err := use.Input.MarshalSmithyDocument()
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(sorted)
}

func TestToolsAreCalled(t *testing.T) {
	const weatherInput = `{"city":"What is get","unit":"celsius"}`
	const timeInput = `{"exact":true,"inner":{"nothing":null},"since":"now","zones":[1]}`
	tests := []struct {
		name, text string
		choice     rt.ToolChoice
		want       []string
	}{
		{"a tool is named", "What is `get_time` for?", nil, []string{"get_time " + timeInput}},
		{"two are named", "What is `get_time` and `get_weather`?", &rt.ToolChoiceMemberAuto{}, []string{"get_weather " + `{"city":"What is get_","unit":"celsius"}`, "get_time " + timeInput}},
		{"any", "What is get on?", &rt.ToolChoiceMemberAny{}, []string{"get_weather " + strings.Replace(weatherInput, "get", "get ", 1)}},
		{"this one", "What is `get_weather` for?", &rt.ToolChoiceMemberTool{Value: rt.SpecificToolChoice{Name: aws.String("get_time")}}, []string{"get_time " + timeInput}},
		{"none is named", "What is get_time for?", nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, "default")
			out, blocks := r.converse(&bedrockruntime.ConverseInput{Messages: userSays(test.text), ToolConfig: weatherAndClock(test.choice)})
			var got []string
			for _, block := range blocks {
				if use, ok := block.(*rt.ContentBlockMemberToolUse); ok {
					got = append(got, *use.Value.Name+" "+inputOf(t, use.Value))
				}
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if want := map[bool]rt.StopReason{true: rt.StopReasonToolUse, false: rt.StopReasonEndTurn}[len(test.want) > 0]; out.StopReason != want {
				t.Errorf("stop reason: got %s, want %s", out.StopReason, want)
			}
			if _, again := r.converse(&bedrockruntime.ConverseInput{Messages: userSays(test.text), ToolConfig: weatherAndClock(test.choice)}); len(again) != len(blocks) || len(test.want) > 0 && *again[0].(*rt.ContentBlockMemberToolUse).Value.ToolUseId != *blocks[0].(*rt.ContentBlockMemberToolUse).Value.ToolUseId {
				t.Error("the same question was answered otherwise")
			}
		})
	}
}

func TestToolsAreStreamed(t *testing.T) {
	r := newRig(t, "default")
	stream := r.converseStream(t.Context(), &bedrockruntime.ConverseStreamInput{
		Messages: userSays("Use `get_weather` and `get_time` für mich"), ToolConfig: weatherAndClock(nil),
	})
	var names []string
	inputs := map[int32]string{}
	var reason rt.StopReason
	for e := range stream.Events() {
		switch e := e.(type) {
		case *rt.ConverseStreamOutputMemberContentBlockStart:
			names = append(names, *e.Value.Start.(*rt.ContentBlockStartMemberToolUse).Value.Name)
		case *rt.ConverseStreamOutputMemberContentBlockDelta:
			inputs[*e.Value.ContentBlockIndex] += *e.Value.Delta.(*rt.ContentBlockDeltaMemberToolUse).Value.Input
		case *rt.ConverseStreamOutputMemberMessageStop:
			reason = e.Value.StopReason
		}
	}
	if err := stream.Err(); err != nil || reason != rt.StopReasonToolUse || strings.Join(names, " ") != "get_weather get_time" {
		t.Errorf("got %v, %s, %v", names, reason, err)
	}
	for i, input := range inputs {
		if !json.Valid([]byte(input)) {
			t.Errorf("input of tool %d: got %s", i, input)
		}
	}
	if len(inputs) != 2 {
		t.Errorf("inputs: got %v", inputs)
	}
}

// answeredBy is a conversation in which a tool was called and has answered.
func answeredBy(use string, results ...string) []rt.Message {
	turns := append(userSays("Use `get_time`"), rt.Message{Role: rt.ConversationRoleAssistant, Content: []rt.ContentBlock{
		&rt.ContentBlockMemberToolUse{Value: rt.ToolUseBlock{ToolUseId: &use, Name: aws.String("get_time"), Input: document.NewLazyDocument(map[string]any{"zone": 1})}},
	}})
	last := rt.Message{Role: rt.ConversationRoleUser}
	for _, id := range results {
		last.Content = append(last.Content, &rt.ContentBlockMemberToolResult{Value: rt.ToolResultBlock{ToolUseId: &id, Content: []rt.ToolResultContentBlock{
			&rt.ToolResultContentBlockMemberText{Value: "half past nine"},
			&rt.ToolResultContentBlockMemberJson{Value: document.NewLazyDocument(map[string]any{"hour": 9})},
		}}})
	}
	return append(turns, last)
}

func TestToolResultsAreQuoted(t *testing.T) {
	r := newRig(t, "default")
	out, blocks := r.converse(&bedrockruntime.ConverseInput{Messages: answeredBy("a", "a"), ToolConfig: weatherAndClock(nil)})
	if text := blocks[0].(*rt.ContentBlockMemberText).Value; text != `The tool answered: half past nine {"hour":9}` || out.StopReason != rt.StopReasonEndTurn {
		t.Errorf("got %q, %s", text, out.StopReason)
	}
	for name, in := range map[string]*bedrockruntime.ConverseInput{
		"no tools":          {Messages: answeredBy("a", "a")},
		"another id":        {Messages: answeredBy("a", "b"), ToolConfig: weatherAndClock(nil)},
		"a result too many": {Messages: answeredBy("a", "a", "b"), ToolConfig: weatherAndClock(nil)},
		"unknown tool":      {Messages: userSays("hello"), ToolConfig: weatherAndClock(&rt.ToolChoiceMemberTool{Value: rt.SpecificToolChoice{Name: aws.String("none")}})},
		"a tool twice":      {Messages: userSays("hello"), ToolConfig: &rt.ToolConfiguration{Tools: append(weatherAndClock(nil).Tools, weatherAndClock(nil).Tools[0])}},
	} {
		in.ModelId = aws.String(novaPlan)
		_, err := r.runtime.Converse(t.Context(), in)
		checkError[*rt.ValidationException](t, name, err)
	}
}

func TestToolsOfANovaBody(t *testing.T) {
	r := newRig(t, "default")
	body := map[string]any{
		"messages": []any{map[string]any{"role": "user", "content": []any{
			map[string]any{"image": map[string]any{"format": "png", "source": map[string]any{"bytes": "aGVsbG8="}}},
			map[string]any{"text": "Call it"},
		}}},
		"toolConfig": map[string]any{
			"tools":      []any{map[string]any{"toolSpec": map[string]any{"name": "it", "description": "d", "inputSchema": map[string]any{"json": map[string]any{"type": "object"}}}}},
			"toolChoice": map[string]any{"any": map[string]any{}},
		},
	}
	answer := invoke(t, r, novaPlan, body)
	if raw, _ := json.Marshal(answer["output"]); answer["stopReason"] != "tool_use" || !strings.Contains(string(raw), `"name":"it"`) {
		t.Errorf("got %v", answer)
	}
	if usage, _ := answer["usage"].(map[string]any); usage["inputTokens"] != float64(imageTokens+tokens("Call it")) {
		t.Errorf("an image counts: got %v", usage)
	}
}
