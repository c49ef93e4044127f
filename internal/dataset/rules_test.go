package dataset

import (
	"context"
	"slices"
	"strings"
	"testing"
)

var (
	nova  = Rules{AnySchemaVersion: true, ReservedWords: true, TextOnly: true}
	llama = Rules{SystemItems: 1}
)

const (
	goodPC   = `{"prompt":"a","completion":"b"}`
	goodTurn = `{"role":"user","content":[{"text":"q"}]},{"role":"assistant","content":[{"text":"a"}]}`
	goodConv = `{"schemaVersion":"bedrock-conversation-2024","messages":[` + goodTurn + `]}`
)

// conv is a conversation record with these messages.
func conv(messages string) string {
	return `{"schemaVersion":"bedrock-conversation-2024","messages":[` + messages + `]}`
}

// system is a good conversation with this system list.
func system(items string) string {
	return `{"schemaVersion":"bedrock-conversation-2024","system":` + items + `,"messages":[` + goodTurn + `]}`
}

// turns is a good conversation in which the user's and the assistant's content
// are these.
func turns(user, assistant string) string {
	return conv(`{"role":"user","content":` + user + `},{"role":"assistant","content":` + assistant + `}`)
}

const answer = `[{"text":"a"}]`

// ruleTest is one data set and what is found in it, as "code line:column pointer".
type ruleTest struct {
	name  string
	lines string
	o     Options
	want  []string
}

var pc, cv = Options{Format: FormatPromptCompletion}, Options{Format: FormatConversation, Rules: nova}

func with(o Options, change func(*Options)) Options {
	change(&o)
	return o
}

var lineTests = []ruleTest{
	{"good", goodPC, pc, nil},
	{"line feed at the end", goodPC + "\n", pc, nil},
	{"carriage returns", goodPC + "\r\n" + `{"prompt":"c","completion":"d"}` + "\r\n", pc, nil},
	{"white space around", "  " + goodPC + " \t", pc, nil},
	{"escaped key", `{"pr\u006fmpt":"a","completion":"\ud83d\ude00"}`, pc, nil},
	{"trailing comma", `{"prompt":"a","completion":"b",}`, pc, []string{"TL1001 1:31 "}},
	{"not a number", `{"prompt":"a","completion":NaN}`, pc, []string{"TL1001 1:28 /completion"}},
	{"single quotes", `{'prompt':'a'}`, pc, []string{"TL1001 1:2 "}},
	{"raw tab in a string", "{\"prompt\":\"a\tb\",\"completion\":\"b\"}", pc, []string{"TL1001 1:13 /prompt"}},
	{"bad escape", `{"prompt":"a","completion":"b\q"}`, pc, []string{"TL1001 1:30 /completion"}},
	{"second line", goodPC + "\n{,}", pc, []string{"TL1001 2:2 "}},
	{"byte order mark", "\uFEFF" + goodPC, pc, []string{"TL1002 1:1 "}},
	{"byte order mark and more", "\uFEFF{\"prompt\":1,\"completion\":\"b\"}", pc, []string{"TL1002 1:1 ", "TL1102 1:14 /prompt"}},
	{"UTF-16 byte order mark", "\xFF\xFE" + goodPC, pc, []string{"TL1002 1:1 "}},
	{"Latin-1", "{\"prompt\":\"caf\xe9\",\"completion\":\"b\"}", pc, []string{"TL1003 1:15 "}},
	{"surrogate as bytes", "{\"prompt\":\"\xed\xa0\x80\",\"completion\":\"b\"}", pc, []string{"TL1003 1:12 "}},
	{"high surrogate alone", `{"prompt":"a","completion":"\ud800"}`, pc, []string{"TL1004 1:29 /completion"}},
	{"low surrogate alone", `{"prompt":"a","completion":"x\udc00"}`, pc, []string{"TL1004 1:30 /completion"}},
	{"surrogate at the end of the line", `{"prompt":"a","completion":"\ud800`, pc, []string{"TL1004 1:29 /completion"}},
	{"key twice", `{"prompt":"a","completion":"b","prompt":"c"}`, pc, []string{"TL1005 1:32 /prompt"}},
	{"key twice by escape", `{"prompt":"a","completion":"b","pr\u006fmpt":"c"}`, pc, []string{"TL1005 1:32 /prompt"}},
	{"comma after the record", goodPC + ",", pc, []string{"TL1006 1:32 "}},
	{"two records on a line", goodPC + " " + goodPC, pc, []string{"TL1006 1:33 "}},
	{"blank line", goodPC + "\n\n", pc, []string{"TL1007 2:1 "}},
	{"white space line", " \t\r\n" + goodPC, pc, []string{"TL1007 1:1 "}},
	{"long line", goodPC, with(pc, func(o *Options) { o.MaxLineBytes = 30 }), []string{"TL1008 1:1 "}},
	{"array", `[` + goodPC + `]`, pc, []string{"TL1009 1:1 "}},
	{"string", `"a"`, pc, []string{"TL1009 1:1 "}},
	{"null", ` null`, pc, []string{"TL1009 1:2 "}},
	{"pretty-printed", "{\n\"prompt\": \"a\",", pc, []string{"TL1010 1:2 ", "TL1009 2:1 "}},
	{"cut off", `{"prompt":"a`, pc, []string{"TL1010 1:13 /prompt"}},
	{"nested too deep", `{"prompt":` + strings.Repeat("[", 10_000), pc, []string{"TL1011 1:10010 /prompt" + strings.Repeat("/0", 15)}},
}

var shapeTests = []ruleTest{
	{"completion missing", `{"prompt":"a"}`, pc, []string{"TL1101 1:1 "}},
	{"case of a key", `{"Prompt":"a","completion":"b"}`, pc, []string{"TL1104 1:2 /Prompt", "TL1101 1:1 "}},
	{"both missing", `{}`, pc, []string{"TL1101 1:1 ", "TL1101 1:1 "}},
	{"wrong types", `{"prompt":1,"completion":["b"]}`, pc, []string{"TL1102 1:11 /prompt", "TL1102 1:26 /completion"}},
	{"null is no string", `{"prompt":null,"completion":"b"}`, pc, []string{"TL1102 1:11 /prompt"}},
	{"extra key", `{"id": {"n":1},"prompt":"a","completion":"b"}`, pc, []string{"TL1104 1:2 /id"}},
	{"extra key that is data", `{"Dear Ann, we":1,"prompt":"a","completion":"b"}`, pc, []string{"TL1104 1:2 "}},
	{"extra key of the other form", `{"system":[],"prompt":"a","completion":"b"}`, pc, []string{"TL1104 1:2 /system"}},
	{"empty text", `{"prompt":"","completion":"b"}`, pc, []string{"TL1105 1:11 /prompt"}},
	{"blank text", `{"prompt":"a","completion":" \n\u00a0"}`, pc, []string{"TL1105 1:28 /completion"}},
	{"conversation for prompt and completion", goodConv, pc, []string{"TL1106 1:1 "}},
	{"prompt and completion for conversation", goodPC, cv, []string{"TL1106 1:1 "}},
	{"messages missing", `{"schemaVersion":"x"}`, cv, []string{"TL1213 1:18 /schemaVersion", "TL1101 1:1 "}},
	{"schemaVersion missing", `{"messages":[` + goodTurn + `]}`, cv, []string{"TL1101 1:1 "}},
	{"misspelt system", `{"schemaVersion":"x","systemPrompt":[],"messages":[` + goodTurn + `]}`, cv, []string{"TL1213 1:18 /schemaVersion", "TL1103 1:22 /systemPrompt"}},
	{"both forms", `{"prompt":"a","schemaVersion":"x","messages":[` + goodTurn + `]}`, cv, []string{"TL1103 1:2 /prompt", "TL1213 1:31 /schemaVersion"}},
	{"unknown key in a message", conv(`{"role":"user","content":[{"text":"q"}],"name":"x"},{"role":"assistant","content":[{"text":"a"}]}`), cv, []string{"TL1103 1:98 /messages/0/name"}},
	{"role and content missing", conv(`{},{"role":"assistant","content":[{"text":"a"}]}`), cv, []string{"TL1101 1:58 /messages/0", "TL1101 1:58 /messages/0"}},
	{"content is a string", turns(`"q"`, answer), cv, []string{"TL1102 1:83 /messages/0/content"}},
	{"message is a string", conv(`"q",{"role":"assistant","content":[{"text":"a"}]}`), cv, []string{"TL1102 1:58 /messages/0"}},
	{"messages is an object", `{"schemaVersion":"x","messages":{}}`, cv, []string{"TL1213 1:18 /schemaVersion", "TL1102 1:33 /messages"}},
	{"role is a number", conv(`{"role":1,"content":[{"text":"q"}]},{"role":"assistant","content":[{"text":"a"}]}`), cv, []string{"TL1102 1:66 /messages/0/role"}},
	{"block is a string", turns(`["q"]`, answer), cv, []string{"TL1102 1:84 /messages/0/content/0"}},
	{"blank answer", turns(answer, `[{"text":"\t"}]`), cv, []string{"TL1105 1:138 /messages/1/content/0/text"}},
}

var conversationTests = []ruleTest{
	{"good", goodConv, cv, nil},
	{"content before role", conv(`{"content":[{"text":"q"}],"role":"user"},{"content":[{"text":"Bot: a"}],"role":"assistant"}`), cv, []string{"TL1211 1:119 /messages/1/content/0/text"}},
	{"any schemaVersion for Nova", `{"schemaVersion":"x","messages":[` + goodTurn + `]}`, cv, []string{"TL1213 1:18 /schemaVersion"}},
	{"schemaVersion for Llama", `{"schemaVersion":"x","messages":[` + goodTurn + `]}`, with(cv, func(o *Options) { o.Rules = llama }), []string{"TL1201 1:18 /schemaVersion"}},
	{"schemaVersion is a number", `{"schemaVersion":1,"messages":[` + goodTurn + `]}`, cv, []string{"TL1102 1:18 /schemaVersion"}},
	{"system", system(`[{"text":"s"}]`), cv, nil},
	{"empty system list", system(`[]`), cv, []string{"TL1202 1:55 /system"}},
	{"two system items for Nova", system(`[{"text":"s"},{"text":"t"}]`), cv, nil},
	{"two system items for Llama", system(`[{"text":"s"},{"text":"t"}]`), with(cv, func(o *Options) { o.Rules = llama }), []string{"TL1202 1:55 /system"}},
	{"system is a string", system(`"s"`), cv, []string{"TL1102 1:55 /system"}},
	{"system item is a string", system(`["s"]`), cv, []string{"TL1102 1:56 /system/0"}},
	{"system item without text", system(`[{"txt":"s"}]`), cv, []string{"TL1103 1:57 /system/0/txt", "TL1101 1:56 /system/0"}},
	{"one message", conv(`{"role":"user","content":[{"text":"q"}]}`), cv, []string{"TL1203 1:57 /messages"}},
	{"no message", conv(``), cv, []string{"TL1203 1:57 /messages"}},
	{"system as a role", conv(`{"role":"system","content":[{"text":"s"}]},` + goodTurn), cv, []string{"TL1204 1:66 /messages/0/role"}},
	{"assistant first", conv(`{"role":"assistant","content":[{"text":"a"}]},{"role":"user","content":[{"text":"q"}]}`), cv, []string{"TL1205 1:66 /messages/0/role"}},
	{"user twice", conv(`{"role":"user","content":[{"text":"q"}]},` + goodTurn), cv, []string{"TL1205 1:107 /messages/1/role"}},
	{"user last", conv(goodTurn + `,{"role":"user","content":[{"text":"q"}]}`), cv, []string{"TL1205 1:57 /messages"}},
	{"no block", turns(`[]`, answer), cv, []string{"TL1206 1:83 /messages/0/content"}},
	{"image", turns(`[{"text":"q"},{"image":{"format":"png"}}]`, answer), cv, []string{"TL1207 1:98 /messages/0/content/1/image"}},
	{"tool use", turns(answer, `[{"toolUse":{"name":"x"}}]`), cv, []string{"TL1208 1:131 /messages/1/content/0/toolUse"}},
	{"tool configuration", `{"schemaVersion":"x","toolConfig":{},"messages":[` + goodTurn + `]}`, cv, []string{"TL1213 1:18 /schemaVersion", "TL1208 1:22 /toolConfig"}},
	{"unknown block", turns(`[{"audio":1}]`, answer), cv, []string{"TL1209 1:85 /messages/0/content/0/audio"}},
	{"empty block", turns(`[{}]`, answer), cv, []string{"TL1209 1:84 /messages/0/content/0"}},
	{"reserved word in a question", turns(`[{"text":"x SYSTEM: y"}]`, answer), cv, []string{"TL1210 1:92 /messages/0/content/0/text"}},
	{"reserved word in the system text", system(`[{"text":"\u003cimage> "}]`), cv, []string{"TL1210 1:64 /system/0/text"}},
	{"reserved word in an answer", turns(answer, `[{"text":"[eos]"}]`), cv, []string{"TL1211 1:138 /messages/1/content/0/text"}},
	{"reserved words mean nothing to Llama", turns(`[{"text":"User: x"}]`, answer), with(cv, func(o *Options) { o.Rules = llama }), nil},
	{"suspect word", turns(`[{"text":"Thought: <unk>"}]`, answer), cv, []string{"TL1212 1:92 /messages/0/content/0/text"}},
}

var countTests = []ruleTest{
	{"characters as allowed", `{"prompt":"äöü","completion":"def"}`, with(pc, func(o *Options) { o.Limits.TokensPerRecord = 1 }), nil},
	{"one character too many", `{"prompt":"äöüß","completion":"\u00e4ef"}`, with(pc, func(o *Options) { o.Limits.TokensPerRecord = 1 }), []string{"TL1301 1:1 "}},
	{"no record", "", pc, []string{"TL1401 0:0 "}},
	{"too few", goodPC, with(pc, func(o *Options) { o.Limits.MinRecords = 2 }), []string{"TL1401 0:0 "}},
	{"too many", goodPC + "\n" + `{"prompt":"c","completion":"d"}`, with(pc, func(o *Options) { o.Limits.MaxRecords = 1 }), []string{"TL1402 0:0 "}},
	{"more than one of two pages takes", goodPC + "\n" + `{"prompt":"c","completion":"d"}`, with(pc, func(o *Options) { o.Limits.DoubtfulRecords, o.Limits.MaxRecords = 1, 2 }), []string{"TL1409 0:0 "}},
	{"more than both pages take", goodPC + "\n" + `{"prompt":"c","completion":"d"}`, with(pc, func(o *Options) { o.Limits.DoubtfulRecords, o.Limits.MaxRecords = 1, 1 }), []string{"TL1402 0:0 "}},
	{"validation records in doubt", goodPC + "\n" + `{"prompt":"c","completion":"d"}`, with(pc, func(o *Options) {
		o.Role, o.Limits.DoubtfulValidationRecords, o.Limits.DoubtfulRecords = RoleValidation, 1, 1
	}), []string{"TL1409 0:0 "}},
	{"as many validation records as no page doubts", goodPC + "\n" + `{"prompt":"c","completion":"d"}`, with(pc, func(o *Options) { o.Role, o.Limits.DoubtfulValidationRecords = RoleValidation, 2 }), nil},
	{"training records beyond the bound on validation", goodPC + "\n" + `{"prompt":"c","completion":"d"}`, with(pc, func(o *Options) { o.Limits.DoubtfulValidationRecords = 1 }), nil},
	{"a size in doubt", goodPC, with(pc, func(o *Options) { o.Limits.DoubtfulBytes, o.Limits.MaxBytes = int64(len(goodPC))-1, int64(len(goodPC)) }), []string{"TL1410 0:0 "}},
	{"a size beyond doubt", goodPC, with(pc, func(o *Options) { o.Limits.DoubtfulBytes, o.Limits.MaxBytes = 1, 2 }), []string{"TL1406 0:0 "}},
	{"a size without doubt", goodPC, with(pc, func(o *Options) { o.Limits.DoubtfulBytes = int64(len(goodPC)) }), nil},
	{"validation data for Nova 2", goodConv, with(lite2, func(o *Options) { o.Role = RoleValidation }), []string{"TL1607 0:0 "}},
	{"validation data for Nova", goodConv, with(lite, func(o *Options) { o.Role = RoleValidation }), nil},
	{"training data for Nova 2", goodConv, lite2, nil},
	{"too many to validate with", goodPC + "\n" + `{"prompt":"c","completion":"d"}`, with(pc, func(o *Options) { o.Role, o.Limits.MaxValidationRecords, o.Limits.MinRecords = RoleValidation, 1, 8 }), []string{"TL1402 0:0 "}},
	{"few to validate with", goodPC, with(pc, func(o *Options) { o.Role, o.Limits.MinRecords, o.Limits.AdvisedRecords = RoleValidation, 8, 100 }), nil},
	{"copy", goodPC + "\n" + `{"prompt":"c","completion":"d"}` + "\n " + goodPC, pc, []string{"TL1403 3:1 "}},
	{"fewer than advised", goodPC, with(pc, func(o *Options) { o.Limits.AdvisedRecords = 2 }), []string{"TL1405 0:0 "}},
}

func check(t *testing.T, data string, o Options) Report {
	t.Helper()
	r, err := Check(context.Background(), strings.NewReader(data), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRules(t *testing.T) {
	runRules(t, lineTests, shapeTests, conversationTests, countTests)
}

// runRules checks every data set and compares what was found.
func runRules(t *testing.T, tables ...[]ruleTest) {
	t.Helper()
	for _, tt := range slices.Concat(tables...) {
		t.Run(tt.name, func(t *testing.T) {
			r := check(t, tt.lines, tt.o)
			if got := brief(r); !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			for _, f := range r.Findings {
				if f.Message == "" || f.Severity == "" {
					t.Errorf("%s has message %q and severity %q", f.Code, f.Message, f.Severity)
				}
			}
			if r.Accepted != (r.Errors == 0) {
				t.Errorf("accepted %v with %d errors", r.Accepted, r.Errors)
			}
		})
	}
}

// TestNotJSON: two ways in which files break are told by the byte they leave.
func TestNotJSON(t *testing.T) {
	for line, want := range map[string]string{
		goodPC + "\n\uFEFF" + goodPC:        "byte order mark",
		goodPC + "\n\x00\x00\x00":           "NUL byte",
		"{\x00\"\x00p\x00\"\x00:\x00":       "UTF-16",
		"{\"prompt\":\x00\"a\"}":            "NUL byte",
		goodPC + "\n{\"prompt\":'a'}":       "JSON library",
		goodPC + "\n\v\uFEFF":               "JSON library",
		goodPC + "\n{\"prompt\":\uFEFF1}":   "byte order mark",
		"\uFEFF\uFEFF" + goodPC + "\n" + "": "byte order mark",
	} {
		r := check(t, line, pc)
		i := slices.IndexFunc(r.Findings, func(f Finding) bool { return f.Code == CodeSyntax })
		if i < 0 || !strings.Contains(r.Findings[i].Message, want) {
			t.Errorf("%q: got %+v, want %s with %q", line, r.Findings, CodeSyntax, want)
		}
	}
}
