package eventrule

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

const event = `{
  "version": "0",
  "detail-type": "Object Created",
  "resources": ["arn:aws:s3:::b"],
  "detail": {
    "bucket": {"name": "b"},
    "object": {"key": "a \"b\".jsonl", "size": 12, "version-id": "v1"},
    "deep": {"list": [{"x": true}, {"x": null}]}
  }
}`

var rule = Rule{
	ARN:           "arn:aws:events:us-east-1:111122223333:rule/upload",
	Name:          "upload",
	IngestionTime: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
}

func TestInputTransformer(t *testing.T) {
	paths := map[string]string{
		"bucket": "$.detail.bucket.name", "key": "$.detail.object.key", "size": "$.detail.object.size",
		"version": "$.detail.object.version-id", "object": "$.detail.object", "second": "$.detail.deep.list[1].x",
		"first-x": "$.detail.deep.list[0].x", "none": "$.detail.none", "beyond": "$.resources[7]", "type": "$.detail-type",
	}
	tests := []struct{ name, template, want string }{
		{"text outside quotes becomes a JSON string", `{"k":<key>}`, `{"k":"a \"b\".jsonl"}`},
		{"number stays a number", `{"n": <size>}`, `{"n":12}`},
		{"object stays an object", `{"o": <object>}`, `{"o":{"key":"a \"b\".jsonl","size":12,"version-id":"v1"}}`},
		{"bool and null", `[<first-x>, <second>]`, `[true,null]`},
		{"text inside quotes", `{"s":"of <bucket> at <version>"}`, `{"s":"of b at v1"}`},
		{"number inside quotes", `{"s":"<size> bytes"}`, `{"s":"12 bytes"}`},
		{"bool and text inside quotes", `{"s":"<first-x> <type>"}`, `{"s":"true Object Created"}`},
		{"escaped quotes do not end a string", `"say \"<bucket>\" twice: <bucket>"`, `"say \"b\" twice: b"`},
		{"whole template is one variable", `<size>`, `12`},
		{"absent inside quotes leaves nothing", `{"s":"[<none>]"}`, `{"s":"[]"}`},
		{"index beyond the end is absent", `{"s":"<beyond>"}`, `{"s":""}`},
		{"rule", `{"r":"<aws.events.rule-name>","a":<aws.events.rule-arn>}`,
			`{"r":"upload","a":"arn:aws:events:us-east-1:111122223333:rule/upload"}`},
		{"ingestion time", `<aws.events.event.ingestion-time>`, `"2026-11-23T10:00:00Z"`},
		{"event without detail", `<aws.events.event>`,
			`{"detail-type":"Object Created","resources":["arn:aws:s3:::b"],"version":"0"}`},
		{"same variable twice", `[<size>,<size>]`, `[12,12]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			target := TargetInput{InputTransformer: &InputTransformer{InputPathsMap: paths, InputTemplate: tt.template}}
			got, err := target.Apply(json.RawMessage(event), rule)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestWholeEventVariable(t *testing.T) {
	target := TargetInput{InputTransformer: &InputTransformer{InputTemplate: `{"e":<aws.events.event.json>}`}}
	raw, err := target.Apply(json.RawMessage(event), rule)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		E struct {
			Detail struct{ Bucket struct{ Name string } }
		}
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if got.E.Detail.Bucket.Name != "b" {
		t.Errorf("got %s, want the whole event", raw)
	}
}

func TestInputAndInputPath(t *testing.T) {
	tests := []struct {
		name   string
		target TargetInput
		want   string
	}{
		{"constant", TargetInput{Input: `{ "a": 1 }`}, `{"a":1}`},
		{"path", TargetInput{InputPath: "$.detail.bucket"}, `{"name":"b"}`},
		{"root path", TargetInput{InputPath: "$.resources"}, `["arn:aws:s3:::b"]`},
	}
	for _, tt := range tests {
		got, err := tt.target.Apply(json.RawMessage(event), rule)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
	got, err := TargetInput{}.Apply(json.RawMessage(event), rule)
	if err != nil || !json.Valid(got) || !strings.Contains(string(got), `"version-id":"v1"`) {
		t.Errorf("no shaping: got %s, %v, want the event", got, err)
	}
}

func TestApplyRefuses(t *testing.T) {
	transform := func(template string, paths map[string]string) TargetInput {
		return TargetInput{InputTransformer: &InputTransformer{InputPathsMap: paths, InputTemplate: template}}
	}
	key := map[string]string{"key": "$.detail.object.key", "none": "$.none", "object": "$.detail.object"}
	tests := []struct {
		name   string
		target TargetInput
		want   string
	}{
		{"two kinds", TargetInput{Input: "{}", InputPath: "$"}, "only one of"},
		{"broken constant", TargetInput{Input: "{"}, "not a valid JSON"},
		{"path to nothing", TargetInput{InputPath: "$.none"}, "no such value"},
		{"path with a wildcard", TargetInput{InputPath: "$.detail.*"}, "not a field or an index"},
		{"path without a root", TargetInput{InputPath: "detail"}, "does not begin with $"},
		{"undefined variable", transform(`<other>`, key), "InputPathsMap does not define"},
		{"reserved name", transform(`<a>`, map[string]string{"aws.x": "$.a"}), "cannot be a variable's name"},
		{"empty template", transform(``, key), "0 characters"},
		{"long template", transform(strings.Repeat(" ", 8193), key), "8193 characters"},
		{"a quote breaks a quoted placeholder", transform(`{"k":"<key>"}`, key), "not valid JSON"},
		{"absent outside quotes", transform(`{"k":<none>}`, key), "not valid JSON"},
		{"event inside quotes", transform(`"<aws.events.event.json>"`, key), "only stand as the value"},
		{"bracket notation", transform(`<k>`, map[string]string{"k": "$['detail']"}), "not a field or an index"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.target.Apply(json.RawMessage(event), rule)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestObjectInsideQuotes(t *testing.T) {
	target := TargetInput{InputTransformer: &InputTransformer{
		InputPathsMap: map[string]string{"bucket": "$.detail.bucket"}, InputTemplate: `"bucket is <bucket>"`,
	}}
	got, err := target.Apply(json.RawMessage(event), rule)
	if want := `"bucket is {name:b}"`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
