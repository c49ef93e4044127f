package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// TestLine: an exchange leaves one line, with ids and figures of every kind of
// answer, that CloudWatch makes metrics of.
func TestLine(t *testing.T) {
	nova := `{"output":{"message":{"content":[{"text":"stopReason"}]}},"stopReason":"max_tokens","usage":{"inputTokens":9,"outputTokens":8}}`
	headers := map[string]string{"X-Amzn-Bedrock-Input-Token-Count": "4", "X-Amzn-Bedrock-Output-Token-Count": "5"}
	for name, test := range map[string]struct {
		route  string
		answer scripted
		want   map[string]any
	}{
		"converse":         {"converse", scripted{status: 200, body: converseAnswer}, map[string]any{"InputTokens": 3.0, "OutputTokens": 2.0, "stopReason": "end_turn"}},
		"without figures":  {"converse", scripted{status: 200, body: `{"output":{}}`}, nil},
		"no JSON":          {"converse", scripted{status: 200, body: `{"usage":`}, nil},
		"other types":      {"converse", scripted{status: 200, body: `{"usage":[],"stopReason":{},"stop_reason":1}`}, nil},
		"stream":           {"converse-stream", streaming(conversation, ""), map[string]any{"InputTokens": 3.0, "OutputTokens": 2.0, "stopReason": "end_turn", "TimeToFirstTokenMilliseconds": 0.0}},
		"stream of a tool": {"converse-stream", streaming([][]byte{event("contentBlockStart", "{}"), event("messageStop", `{"stopReason":"tool_use"}`), event("metadata", "{}")}, ""), map[string]any{"stopReason": "tool_use", "TimeToFirstTokenMilliseconds": 0.0}},
		"stream of junk":   {"converse-stream", streaming([][]byte{event("messageStop", `[]`), event("metadata", "no")}, ""), nil},
		"invoke":           {"invoke", scripted{status: 200, header: headers, body: `{"generation":"usage","stop_reason":"stop"}`}, map[string]any{"InputTokens": 4.0, "OutputTokens": 5.0, "stopReason": "stop"}},
		"invoke nova":      {"invoke", scripted{status: 200, body: nova}, map[string]any{"InputTokens": 9.0, "OutputTokens": 8.0, "stopReason": "max_tokens"}},
		"invoke both":      {"invoke", scripted{status: 200, header: headers, body: nova}, map[string]any{"InputTokens": 4.0, "OutputTokens": 5.0, "stopReason": "max_tokens"}},
		"chunks":           {"invoke-with-response-stream", streaming([][]byte{chunk(`{"generation":"a"}`), chunk(`{"stop_reason":"length","amazon-bedrock-invocationMetrics":{"inputTokenCount":6,"outputTokenCount":7}}`)}, ""), map[string]any{"InputTokens": 6.0, "OutputTokens": 7.0, "stopReason": "length", "TimeToFirstTokenMilliseconds": 0.0}},
		"chunks of nova":   {"invoke-with-response-stream", streaming([][]byte{chunk(`{"messageStop":{"stopReason":"end_turn"}}`), chunk(`{"metadata":{},"amazon-bedrock-invocationMetrics":{"inputTokenCount":6,"outputTokenCount":7}}`)}, ""), map[string]any{"InputTokens": 6.0, "OutputTokens": 7.0, "stopReason": "end_turn", "TimeToFirstTokenMilliseconds": 0.0}},
		"chunks of junk":   {"invoke-with-response-stream", streaming([][]byte{event("chunk", "no"), chunk("no")}, ""), map[string]any{"TimeToFirstTokenMilliseconds": 0.0}},
		"refused":          {"converse", refusing(400, "ValidationException"), map[string]any{"Errors": 1.0, "status": 400.0, "errorType": "ValidationException"}},
		"broken":           {"converse-stream", streaming(conversation[:2], "cut"), map[string]any{"Errors": 1.0, "errorType": "ModelStreamErrorException", "TimeToFirstTokenMilliseconds": 0.0}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBedrock(t, map[string][]scripted{"arn:a": {test.answer}})
			h, log := served(b.client(), supports())
			handle(t.Context(), t, h, request(test.route, "support", `{"messages":[]}`))
			want := map[string]any{
				"Requests": 1.0, "Errors": 0.0, "LatencyMilliseconds": 0.0, "status": 200.0, "stack": "tuneline-test", "model": "support", "run": "00000000000000aa",
				"requestId": "gateway-request", "bedrockRequestId": "bedrock-request", "route": test.route, "level": "INFO", "msg": "answered",
			}
			for member, value := range test.want {
				want[member] = value
			}
			got := line(t, log)
			checkMetrics(t, got)
			for _, variable := range []string{"time", "error"} {
				delete(got, variable)
			}
			for _, timed := range []string{"LatencyMilliseconds", "TimeToFirstTokenMilliseconds"} {
				if ms, ok := got[timed].(float64); ok && ms > 0 {
					got[timed] = 0.0 // how long is the machine's to say
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

// checkMetrics holds a line against the specification of the format, and takes
// its directives away.
func checkMetrics(t *testing.T, members map[string]any) {
	t.Helper()
	raw, err := json.Marshal(members["_aws"])
	if err != nil {
		t.Fatal(err)
	}
	delete(members, "_aws")
	var directives struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	if err := json.Unmarshal(raw, &directives); err != nil || len(directives.CloudWatchMetrics) != 1 {
		t.Fatalf("_aws is %s: %v", raw, err)
	}
	d := directives.CloudWatchMetrics[0]
	if at := time.UnixMilli(directives.Timestamp); time.Since(at).Abs() > time.Hour || d.Namespace != "tuneline" || fmt.Sprint(d.Dimensions) != "[[stack model]]" {
		t.Errorf("_aws is %s", raw)
	}
	var names []string
	for _, m := range d.Metrics {
		if _, ok := members[m.Name].(float64); !ok || (m.Unit != "Count") != strings.HasSuffix(m.Name, "Milliseconds") {
			t.Errorf("metric %v is %v", m, members[m.Name])
		}
		names = append(names, m.Name)
	}
	for member, value := range members {
		if _, number := value.(float64); number && member != "status" && !slices.Contains(names, member) {
			t.Errorf("%s is no metric", member)
		}
	}
}

// TestLineOfNoModel: a name that no model is served under makes no metric, and a
// name that is none is not written down.
func TestLineOfNoModel(t *testing.T) {
	for name, logged := range map[string]string{"nobody": "nobody", "../secret": "", "fresh": "fresh"} {
		for _, in := range []events.APIGatewayProxyRequest{
			request("converse", name, "{}"), request("v1/chat/completions", name, "{}"), get("/models/{model}", name), get("/models", name),
		} {
			h, log := served(nil, shelf())
			handle(t.Context(), t, h, in)
			said := line(t, log)
			if in.Resource == "/models" {
				logged = ""
			}
			if said["_aws"] != nil || said["model"] != logged {
				t.Errorf("%s %s: the log says %v", in.Resource, name, said)
			}
		}
	}
}
