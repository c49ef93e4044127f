package eventrule

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		name, pattern, event string
		want                 bool
	}{
		{"exact text", `{"source":["aws.s3"]}`, `{"source":"aws.s3"}`, true},
		{"exact text, other case", `{"source":["aws.s3"]}`, `{"source":"AWS.s3"}`, false},
		{"entries of an array are alternatives", `{"a":["x","y"]}`, `{"a":"y"}`, true},
		{"fields must all match", `{"a":["x"],"b":["y"]}`, `{"a":"x","b":"z"}`, false},
		{"nested fields", `{"detail":{"bucket":{"name":["b"]}}}`, `{"detail":{"bucket":{"name":"b"}}}`, true},
		{"nested field missing", `{"detail":{"bucket":{"name":["b"]}}}`, `{"detail":{}}`, false},
		{"null", `{"a":[null]}`, `{"a":null}`, true},
		{"null is not absence", `{"a":[null]}`, `{}`, false},
		{"null is not empty text", `{"a":[null]}`, `{"a":""}`, false},
		{"bool", `{"a":[true]}`, `{"a":true}`, true},
		{"bool is not text", `{"a":[true]}`, `{"a":"true"}`, false},
		{"number", `{"a":[300]}`, `{"a":300}`, true},
		{"numbers compare by spelling", `{"a":[300]}`, `{"a":300.0}`, false},
		{"any element of an event's array", `{"a":["y"]}`, `{"a":["x","y"]}`, true},
		{"arrays within arrays flatten", `{"a":["y"]}`, `{"a":[["x"],["y"]]}`, true},
		{"one element must satisfy all", `{"l":{"a":["1"],"b":["2"]}}`, `{"l":[{"a":"1","b":"9"},{"a":"9","b":"2"}]}`, false},
		{"one element satisfies all", `{"l":{"a":["1"],"b":["2"]}}`, `{"l":[{"a":"9"},{"a":"1","b":"2"}]}`, true},
		{"prefix", `{"a":[{"prefix":"us-"}]}`, `{"a":"us-east-1"}`, true},
		{"prefix of a number", `{"a":[{"prefix":"1"}]}`, `{"a":12}`, false},
		{"prefix ignoring case", `{"a":[{"prefix":{"equals-ignore-case":"EventB"}}]}`, `{"a":"EVENTBridge"}`, true},
		{"suffix", `{"a":[{"suffix":".png"}]}`, `{"a":"x.png"}`, true},
		{"suffix, other", `{"a":[{"suffix":".png"}]}`, `{"a":"x.jpg"}`, false},
		{"suffix ignoring case", `{"a":[{"suffix":{"equals-ignore-case":".PNG"}}]}`, `{"a":"x.png"}`, true},
		{"equals-ignore-case", `{"a":[{"equals-ignore-case":"Alice"}]}`, `{"a":"aLICE"}`, true},
		{"anything-but", `{"a":[{"anything-but":"x"}]}`, `{"a":"y"}`, true},
		{"anything-but, the same", `{"a":[{"anything-but":"x"}]}`, `{"a":"x"}`, false},
		{"anything-but needs a value", `{"a":[{"anything-but":"x"}]}`, `{}`, false},
		{"anything-but a list", `{"a":[{"anything-but":["x","y"]}]}`, `{"a":"y"}`, false},
		{"anything-but a number", `{"a":[{"anything-but":[1,2]}]}`, `{"a":3}`, true},
		{"anything-but prefix", `{"a":[{"anything-but":{"prefix":"us-"}}]}`, `{"a":"us-east-1"}`, false},
		{"anything-but suffixes", `{"a":[{"anything-but":{"suffix":[".a",".b"]}}]}`, `{"a":"x.c"}`, true},
		{"anything-but wildcard", `{"a":[{"anything-but":{"wildcard":"*/lib/*"}}]}`, `{"a":"/usr/lib/x"}`, false},
		{"anything-but ignoring case", `{"a":[{"anything-but":{"equals-ignore-case":"X"}}]}`, `{"a":"x"}`, false},
		{"anything-but, any element", `{"a":[{"anything-but":"x"}]}`, `{"a":["x","y"]}`, true},
		{"exists", `{"a":[{"exists":true}]}`, `{"a":""}`, true},
		{"exists, absent", `{"a":[{"exists":true}]}`, `{}`, false},
		{"exists sees leaves only", `{"a":[{"exists":true}]}`, `{"a":{"b":1}}`, false},
		{"exists false", `{"a":[{"exists":false}]}`, `{}`, true},
		{"exists false, present", `{"a":[{"exists":false}]}`, `{"a":1}`, false},
		{"exists false below a missing parent", `{"d":{"a":[{"exists":false}]}}`, `{}`, true},
		{"exists false or a value", `{"a":[{"exists":false},"x"]}`, `{"a":"x"}`, true},
		{"numeric equal ignores spelling", `{"a":[{"numeric":["=",300]}]}`, `{"a":3.0e2}`, true},
		{"numeric range", `{"a":[{"numeric":[">",10,"<=",20]}]}`, `{"a":20}`, true},
		{"numeric range, outside", `{"a":[{"numeric":[">",10,"<=",20]}]}`, `{"a":10}`, false},
		{"numeric on text", `{"a":[{"numeric":[">",10]}]}`, `{"a":"20"}`, false},
		{"numeric beyond EventBridge's range", `{"a":[{"numeric":[">",10]}]}`, `{"a":5000000001}`, false},
		{"or, first", `{"$or":[{"a":["1"]},{"b":["2"]}]}`, `{"a":"1"}`, true},
		{"or, neither", `{"$or":[{"a":["1"]},{"b":["2"]}]}`, `{"a":"2","b":"1"}`, false},
		{"or beside a field", `{"s":["x"],"$or":[{"a":["1"]},{"b":["2"]}]}`, `{"s":"y","a":"1"}`, false},
		{"wildcard", `{"k":[{"wildcard":"fine-tuning-datasets/*.jsonl"}]}`, `{"k":"fine-tuning-datasets/support/train.jsonl"}`, true},
		{"wildcard, other prefix", `{"k":[{"wildcard":"fine-tuning-datasets/*.jsonl"}]}`, `{"k":"outputs/train.jsonl"}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := ParsePattern(json.RawMessage(tt.pattern))
			if err != nil {
				t.Fatalf("ParsePattern: %v", err)
			}
			got, err := p.Match(json.RawMessage(tt.event))
			if err != nil {
				t.Fatalf("Match: %v", err)
			}
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestParsePatternRefuses(t *testing.T) {
	tests := []struct{ name, pattern, want string }{
		{"no JSON", `{`, "decoding JSON"},
		{"trailing text", `{"a":["x"]} {}`, "more than one value"},
		{"no object", `["a"]`, "must be a JSON object"},
		{"empty object", `{}`, "an empty object"},
		{"bare value", `{"a":"x"}`, ".a: a value to match must stand in an array"},
		{"empty array", `{"a":{"b":[]}}`, ".a.b: an empty array"},
		{"unknown operator", `{"a":[{"cidr":"10.0.0.0/8"}]}`, `"cidr": this operator is not modelled`},
		{"two operators", `{"a":[{"prefix":"x","suffix":"y"}]}`, "exactly one operator"},
		{"array in array", `{"a":[["x"]]}`, "array inside an array"},
		{"prefix of a number", `{"a":[{"prefix":1}]}`, "a text is needed"},
		{"affix with unknown option", `{"a":[{"prefix":{"fold":"x"}}]}`, "equals-ignore-case"},
		{"exists of a text", `{"a":[{"exists":"yes"}]}`, "true or false"},
		{"anything-but a bool", `{"a":[{"anything-but":true}]}`, "texts or numbers"},
		{"anything-but nothing", `{"a":[{"anything-but":[]}]}`, "excludes nothing"},
		{"anything-but unknown operator", `{"a":[{"anything-but":{"numeric":["=",1]}}]}`, "not modelled"},
		{"numeric sign", `{"a":[{"numeric":["!=",1]}]}`, "is not one of"},
		{"numeric bound", `{"a":[{"numeric":[">",1e12]}]}`, "outside"},
		{"numeric length", `{"a":[{"numeric":[">"]}]}`, "pairs"},
		{"or of one", `{"$or":[{"a":["1"]}]}`, "at least two"},
		{"stars in a row", `{"a":[{"wildcard":"a**b"}]}`, "two consecutive"},
		{"stray backslash", `{"a":[{"wildcard":"a\\b"}]}`, "backslash"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParsePattern(json.RawMessage(tt.pattern))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestMatchRefusesWhatIsNoEvent(t *testing.T) {
	p, err := ParsePattern(json.RawMessage(`{"a":["x"]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{``, `[]`, `"x"`, `{"a":"x"}{}`} {
		if _, err := p.Match(json.RawMessage(event)); err == nil {
			t.Errorf("Match(%q): got no error", event)
		}
	}
}
