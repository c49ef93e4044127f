package dataset

import (
	"strings"
	"testing"
)

// rulesOf are the rules of a family, which there is.
func rulesOf(family string) Rules {
	rules, err := RulesFor(family)
	if err != nil {
		panic(err)
	}
	return rules
}

// lite, lite2 and vision are base models that take media: Nova Lite, Nova 2 Lite
// and Llama 3.2 11B.
var (
	lite   = Options{Format: FormatConversation, Rules: rulesOf("nova")}
	lite2  = Options{Format: FormatConversation, Rules: rulesOf("nova-2")}
	vision = Options{Format: FormatConversation, Rules: rulesOf("llama")}
)

// media is one block of media.
func media(kind, format, location string) string {
	return `{"` + kind + `":{"format":"` + format + `","source":{"s3Location":` + location + `}}}`
}

// shows is a conversation in which the user shows this.
func shows(blocks ...string) string {
	return turns("["+strings.Join(blocks, ",")+"]", answer)
}

var (
	png = media("image", "png", `{"uri":"s3://my-data/a.png"}`)
	mp4 = media("video", "mp4", `{"uri":"s3://my-data/a.mp4"}`)
	pdf = media("document", "pdf", `{"uri":"s3://my-data/a.pdf"}`)
)

const uriPointer = "/messages/0/content/0/image/source/s3Location/uri"

var mediaTests = []ruleTest{
	{"image", shows(png), lite, nil},
	{"image for Llama 3.2", shows(png), vision, nil},
	{"image for a text model", shows(png), cv, []string{"TL1207 1:85 /messages/0/content/0/image"}},
	{"video", shows(media("video", "mp4", `{"uri":"s3://my-data/a.mp4"}`)), lite, nil},
	{"video for Llama", shows(media("video", "mp4", `{"uri":"s3://my-data/a.mp4"}`)), vision, []string{"TL1207 1:85 /messages/0/content/0/video"}},
	{"document", shows(`{"text":"Sum up"}`, `{"document":{"format":"pdf","name":"Report","source":{"s3Location":{"uri":"s3://my-data/a.pdf","bucketOwner":"123456789012"}}}}`), lite, nil},
	{"document that is no pdf", shows(media("document", "docx", `{"uri":"s3://my-data/a.docx"}`)), lite, []string{"TL1215 1:106 /messages/0/content/0/document/format"}},
	{"format in capitals", shows(media("image", "JPEG", `{"uri":"s3://my-data/a.jpg"}`)), lite, nil},
	{"format jpg", shows(media("image", "jpg", `{"uri":"s3://my-data/a.jpg"}`)), lite, []string{"TL1215 1:103 /messages/0/content/0/image/format"}},
	{"webp for Nova", shows(media("image", "webp", `{"uri":"s3://my-data/a.webp"}`)), lite, nil},
	{"webp for Nova 2", shows(media("image", "webp", `{"uri":"s3://my-data/a.webp"}`)), lite2, []string{"TL1216 1:103 /messages/0/content/0/image/format"}},
	{"blank format", shows(media("image", "", `{"uri":"s3://my-data/a.png"}`)), lite, []string{"TL1105 1:103 /messages/0/content/0/image/format"}},
	{"bytes instead of a place", shows(`{"image":{"format":"png","source":{"bytes":"AAAA"}}}`), lite, []string{"TL1103 1:119 /messages/0/content/0/image/source/bytes", "TL1101 1:118 /messages/0/content/0/image/source"}},
	{"no scheme", shows(media("image", "png", `{"uri":"my-data/a.png"}`)), lite, []string{"TL1217 1:139 " + uriPointer}},
	{"web address", shows(media("image", "png", `{"uri":"https://my-data/a.png"}`)), lite, []string{"TL1217 1:139 " + uriPointer}},
	{"bucket only", shows(media("image", "png", `{"uri":"s3://my-data/"}`)), lite, []string{"TL1217 1:139 " + uriPointer}},
	{"bucket in capitals", shows(media("image", "png", `{"uri":"s3://MyData/a.png"}`)), lite, []string{"TL1217 1:139 " + uriPointer}},
	{"space in a name", shows(media("image", "png", `{"uri":"s3://my-data/a b.png"}`)), lite, []string{"TL1217 1:139 " + uriPointer}},
	{"space in a name for Llama", shows(media("image", "png", `{"uri":"s3://my-data/a b.png"}`)), vision, nil},
	{"same bucket", shows(png), with(lite, func(o *Options) { o.Rules.Bucket = "my-data" }), nil},
	{"other place for a model that has one", shows(png), with(lite, func(o *Options) { o.Rules.Bucket, o.Rules.MediaPrefix = "my-data", "media/m/" }), []string{"TL1227 1:139 " + uriPointer}},
	{"a place that only begins alike", shows(media("image", "png", `{"uri":"s3://my-data/media/m2/a.png"}`)), with(lite, func(o *Options) { o.Rules.MediaPrefix = "media/m/" }), []string{"TL1227 1:139 " + uriPointer}},
	{"the place", shows(media("image", "png", `{"uri":"s3://my-data/media/m/a.png"}`)), with(lite, func(o *Options) { o.Rules.Bucket, o.Rules.MediaPrefix = "my-data", "media/m/" }), nil},
	{"other bucket", shows(png), with(lite, func(o *Options) { o.Rules.Bucket = "my-data-2" }), []string{"TL1218 1:139 " + uriPointer}},
	{"bucket owner", shows(media("image", "png", `{"uri":"s3://my-data/a.png","bucketOwner":"12345"}`)), lite, []string{"TL1217 1:174 /messages/0/content/0/image/source/s3Location/bucketOwner"}},
	{"image in an answer", turns(answer, "["+png+"]"), lite, []string{"TL1214 1:131 /messages/1/content/0/image"}},
	{"image in an answer, role last", conv(`{"role":"user","content":[{"text":"q"}]},{"content":[` + png + `],"role":"assistant"}`), lite, []string{"TL1214 1:112 /messages/1/content/0/image"}},
	{"ten images", shows(strings.Split(strings.Repeat(png+"|", 9)+png, "|")...), lite, nil},
	{"eleven images", shows(strings.Split(strings.Repeat(png+"|", 10)+png, "|")...), lite, []string{"TL1219 1:57 /messages"}},
	{"two videos", shows(media("video", "mp4", `{"uri":"s3://my-data/a.mp4"}`), media("video", "mov", `{"uri":"s3://my-data/a.mov"}`)), lite, []string{"TL1219 1:57 /messages"}},
	{"block with a type", shows(`{"type":"text","text":"q"}`), lite, []string{"TL1209 1:85 /messages/0/content/0/type"}},
	{"block of two kinds", shows(`{"text":"q","image":` + strings.TrimPrefix(png, `{"image":`)), lite, []string{"TL1209 1:84 /messages/0/content/0"}},
	{"block of no kind", shows(`{}`), lite, []string{"TL1209 1:84 /messages/0/content/0"}},
	{"two documents", shows(pdf, pdf), lite, []string{"TL1230 1:57 /messages"}},
	{"image and video", shows(png, mp4), lite, []string{"TL1220 0:0 "}},
	{"image and document", shows(png, pdf), lite2, []string{"TL1220 0:0 "}},
	{"video and document in two records", shows(mp4) + "\n" + shows(pdf), lite, []string{"TL1220 0:0 "}},
	{"all kinds", shows(png, mp4, pdf), lite, []string{"TL1220 0:0 "}},
	{"one kind", shows(pdf) + "\n" + shows(`{"text":"Sum up"}`, pdf), lite, nil},
	{"document for a text model", shows(pdf), cv, []string{"TL1207 1:85 /messages/0/content/0/document"}},
}

// toolRow is a conversation with this toolConfig, in which the assistant and the
// user say this in the turns of the tool.
func toolRow(config, use, result string) string {
	return `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"q"}]},{"role":"assistant","content":[` + use +
		`]},{"role":"user","content":[` + result + `]},{"role":"assistant","content":[{"text":"a"}]}],"toolConfig":` + config + `}`
}

const (
	toolSpec   = `{"toolSpec":{"name":"f","description":"d","inputSchema":{"json":{"type":"object"}}}}`
	oneTool    = `{"tools":[` + toolSpec + `]}`
	useF       = `{"toolUse":{"toolUseId":"1","name":"f","input":{"x":1}}}`
	resultOfF  = `{"toolResult":{"toolUseId":"1","content":[{"json":{"y":2}}]}}`
	novaDoubts = "TL1223 1:131 /messages/1/content/0/toolUse"
)

var toolTests = []ruleTest{
	{"tools for Nova", toolRow(oneTool, useF, resultOfF), lite, []string{novaDoubts}},
	{"tools without doubt", toolRow(oneTool, useF, resultOfF), withTools, nil},
	{"tools for Llama", toolRow(oneTool, useF, resultOfF), vision, []string{"TL1208 1:131 /messages/1/content/0/toolUse", "TL1208 1:216 /messages/2/content/0/toolResult", "TL1208 1:326 /toolConfig"}},
	{"toolUse without toolConfig", turns(answer, "["+useF+"]"), withTools, nil},
	{"unknown tool", toolRow(oneTool, strings.Replace(useF, `"f"`, `"g"`, 1), resultOfF), withTools, []string{"TL1222 1:165 /messages/1/content/0/toolUse/name"}},
	{"id used twice", toolRow(oneTool, useF+","+useF, resultOfF), withTools, []string{"TL1222 1:211 /messages/1/content/1/toolUse/toolUseId"}},
	{"result of nothing", toolRow(oneTool, useF, strings.Replace(resultOfF, `"1"`, `"2"`, 1)), withTools, []string{"TL1222 1:242 /messages/2/content/0/toolResult/toolUseId"}},
	{"two results", toolRow(oneTool, useF, resultOfF+","+resultOfF), withTools, []string{"TL1222 1:304 /messages/2/content/1/toolResult/toolUseId"}},
	{"toolUse of the user", turns("["+useF+"]", answer), withTools, []string{"TL1214 1:85 /messages/0/content/0/toolUse"}},
	{"toolResult of the assistant", turns(answer, "["+resultOfF+"]"), withTools, []string{"TL1214 1:131 /messages/1/content/0/toolResult"}},
	{"list of no tool", toolRow(`{"tools":[]}`, `{"text":"a"}`, `{"text":"b"}`), withTools, []string{"TL1221 1:255 /toolConfig/tools"}},
	{"tool named twice", toolRow(`{"tools":[`+toolSpec+`,`+toolSpec+`]}`, `{"text":"a"}`, `{"text":"b"}`), withTools, []string{"TL1221 1:361 /toolConfig/tools/1/toolSpec/name"}},
	{"tool without a name", toolRow(strings.Replace(oneTool, `"f"`, `" "`, 1), `{"text":"a"}`, `{"text":"b"}`), withTools, []string{"TL1105 1:276 /toolConfig/tools/0/toolSpec/name"}},
	{"tool without a type", toolRow(strings.Replace(oneTool, `"type"`, `"kind"`, 1), `{"text":"a"}`, `{"text":"b"}`), withTools, []string{"TL1101 1:320 /toolConfig/tools/0/toolSpec/inputSchema/json"}},
	{"input is a string", turns(answer, `[{"toolUse":{"toolUseId":"1","name":"f","input":"x"}}]`), withTools, []string{"TL1102 1:177 /messages/1/content/0/toolUse/input"}},
	{"result without content", toolRow(oneTool, useF, `{"toolResult":{"toolUseId":"1","content":[]}}`), withTools, []string{"TL1206 1:256 /messages/2/content/0/toolResult/content"}},
	{"result that is an image", toolRow(oneTool, useF, `{"toolResult":{"toolUseId":"1","content":[{"image":{}}]}}`), withTools, []string{"TL1209 1:258 /messages/2/content/0/toolResult/content/0/image"}},
	{"result of two kinds", toolRow(oneTool, useF, `{"toolResult":{"toolUseId":"1","content":[{"text":"b","json":{}}]}}`), withTools, []string{"TL1209 1:257 /messages/2/content/0/toolResult/content/0"}},
	{"result with a status", toolRow(oneTool, useF, `{"toolResult":{"toolUseId":"1","content":[{"text":"b"}],"status":"success"}}`), withTools, nil},
	{"reasoning", turns(answer, `[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"a"}]`), lite2, nil},
	{"reasoning for Nova 1", turns(answer, `[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"a"}]`), lite, []string{"TL1208 1:131 /messages/1/content/0/reasoningContent"}},
	{"reasoning of the user", turns(`[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"a"}]`, answer), lite2, []string{"TL1214 1:85 /messages/0/content/0/reasoningContent"}},
	{"empty reasoning", turns(answer, `[{"reasoningContent":{"reasoningText":{"text":""}}},{"text":"a"}]`), lite2, []string{"TL1105 1:175 /messages/1/content/0/reasoningContent/reasoningText/text"}},
	{"reasoning alone", turns(answer, `[{"reasoningContent":{"reasoningText":{"text":"hm"}}}]`), lite2, []string{"TL1206 1:129 /messages/1/content"}},
	{"reasoning alone, role last", conv(`{"role":"user","content":` + answer + `},{"content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}}],"role":"assistant"}`), lite2, []string{"TL1206 1:110 /messages/1/content"}},
	{"reasoning alone in the first of two answers", conv(`{"role":"user","content":` + answer + `},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}}]},` + goodTurn), lite2, []string{"TL1206 1:129 /messages/1/content"}},
	{"reasoning before a tool", toolRow(oneTool, `{"reasoningContent":{"reasoningText":{"text":"hm"}}},`+useF, resultOfF), with(lite2, func(o *Options) { o.Rules.ToolsInDoubt = false }), nil},
	{"redacted reasoning", turns(answer, `[{"reasoningContent":{"redactedContent":"AAAA"}},{"text":"a"}]`), lite2, []string{"TL1103 1:151 /messages/1/content/0/reasoningContent/redactedContent", "TL1101 1:150 /messages/1/content/0/reasoningContent"}},
}

// withTools is a base model whose tools no page doubts.
var withTools = with(lite, func(o *Options) { o.Rules.ToolsInDoubt = false })

var (
	claude     = Options{Format: FormatAnthropic, Rules: rulesOf("anthropic")}
	student    = Options{Format: FormatDistillation, Rules: Rules{SystemItems: 1, TextOnly: true, SingleTurn: true}}
	novaPupil  = Options{Format: FormatDistillation, Rules: Rules{SystemItems: 1, TextOnly: true}}
	reinforced = Options{Format: FormatReinforcement, Rules: rulesOf("nova-2")}
	captioned  = Options{Format: FormatImageCaption, Limits: Limits{MinCaption: 3, MaxCaption: 10}}
)

// claudeRow is a good record of Anthropic's form with this first question.
func claudeRow(before, question string) string {
	return `{` + before + `"messages":[{"role":"user","content":` + question + `},{"role":"assistant","content":"a"}]}`
}

var anthropicTests = []ruleTest{
	{"anthropic", claudeRow("", `"q"`), claude, nil},
	{"anthropic with a system prompt", claudeRow(`"system":"s",`, `"q"`), claude, nil},
	{"system list", claudeRow(`"system":[{"text":"s"}],`, `"q"`), claude, []string{"TL1102 1:11 /system"}},
	{"blank system prompt", claudeRow(`"system":"",`, `"q"`), claude, []string{"TL1105 1:11 /system"}},
	{"line that begins like a turn", claudeRow("", `"q\nHuman: x"`), claude, []string{"TL1224 1:39 /messages/0/content"}},
	{"system prompt with a turn", claudeRow(`"system":"s\n\nAssistant: x",`, `"q"`), claude, []string{"TL1224 1:11 /system"}},
	{"no turn without a colon", claudeRow("", `"q\nHuman x, a Human: y"`), claude, nil},
	{"user twice for Claude", `{"messages":[{"role":"user","content":"q"},{"role":"user","content":"r"}]}`, claude, []string{"TL1205 1:52 /messages/1/role"}},
	{"answer missing for Claude", `{"messages":[{"role":"user","content":"q"}]}`, claude, []string{"TL1203 1:13 /messages"}},
	{"extra key for Claude", claudeRow(`"id":1,`, `"q"`), claude, []string{"TL1103 1:2 /id"}},
	{"content missing for Claude", `{"messages":[{"role":"user"},{"role":"assistant","content":"a"}]}`, claude, []string{"TL1101 1:14 /messages/0"}},
	{"conversation form for Claude", goodConv, claude, []string{"TL1106 1:1 "}},
	{"OpenAI's form for Claude", `{"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}`, claude, []string{"TL1106 1:1 "}},
}

var distillationTests = []ruleTest{
	{"prompt", conv(`{"role":"user","content":[{"text":"q"}]}`), student, nil},
	{"prompt with answer", goodConv, student, nil},
	{"prompt with system", system(`[{"text":"s"}]`), student, nil},
	{"prompt with a second turn", conv(goodTurn + "," + goodTurn), student, []string{"TL1225 1:57 /messages"}},
	{"second turn for Nova", conv(goodTurn + `,{"role":"user","content":[{"text":"q"}]}`), novaPupil, nil},
	{"two texts", turns(`[{"text":"q"},{"text":"r"}]`, answer), student, []string{"TL1225 1:83 /messages/0/content"}},
	{"two texts for Nova", turns(`[{"text":"q"},{"text":"r"}]`, answer), novaPupil, nil},
	{"no prompt", conv(``), student, []string{"TL1203 1:57 /messages"}},
	{"answer first", conv(`{"role":"assistant","content":[{"text":"a"}]}`), student, []string{"TL1205 1:66 /messages/0/role"}},
	{"image in a prompt", shows(png), student, []string{"TL1207 1:85 /messages/0/content/0/image"}},
	{"schemaVersion of a prompt", `{"schemaVersion":"x","messages":[` + goodTurn + `]}`, student, []string{"TL1201 1:18 /schemaVersion"}},
	{"prompt and completion for distillation", goodPC, student, []string{"TL1106 1:1 "}},
}

// rewarded is a record of reinforcement fine-tuning with these messages and this after them.
func rewarded(messages, after string) string {
	return `{"messages":[` + messages + `]` + after + `}`
}

const (
	chatPrompt = `{"role":"user","content":"q"}`
	reference  = `,"reference_answer":"r"`
	chatTool   = `{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}`
)

var reinforcementTests = []ruleTest{
	{"reinforcement", rewarded(chatPrompt, reference), reinforced, nil},
	{"system message", rewarded(`{"role":"system","content":"s"},`+chatPrompt, reference), reinforced, nil},
	{"reference is an object", rewarded(chatPrompt, `,"reference_answer":{"x":[1,null]}`), reinforced, nil},
	{"reference is empty", rewarded(chatPrompt, `,"reference_answer":{ }`), reinforced, []string{"TL1226 1:64 /reference_answer"}},
	{"reference is blank", rewarded(chatPrompt, `,"reference_answer":" "`), reinforced, []string{"TL1105 1:64 /reference_answer"}},
	{"reference is a number", rewarded(chatPrompt, `,"reference_answer":4`), reinforced, []string{"TL1102 1:64 /reference_answer"}},
	{"reference is missing", rewarded(chatPrompt, ``), reinforced, []string{"TL1226 1:1 "}},
	{"keys for the grader", rewarded(chatPrompt, reference+`,"id":"1","difficulty":{"x":1}`), reinforced, nil},
	{"tools of a prompt", rewarded(chatPrompt, reference+`,"tools":[`+chatTool+`]`), reinforced, nil},
	{"tool with strict", rewarded(chatPrompt, reference+`,"tools":[`+strings.Replace(chatTool, `"name"`, `"strict":true,"name"`, 1)+`]`), reinforced, nil},
	{"no tool", rewarded(chatPrompt, reference+`,"tools":[]`), reinforced, []string{"TL1231 1:76 /tools"}},
	{"tool of another type", rewarded(chatPrompt, reference+`,"tools":[`+strings.Replace(chatTool, `"type":"function"`, `"type":"custom"`, 1)+`]`), reinforced, []string{"TL1231 1:85 /tools/0/type"}},
	{"tool whose type is no string", rewarded(chatPrompt, reference+`,"tools":[`+strings.Replace(chatTool, `"type":"function"`, `"type":1`, 1)+`]`), reinforced, []string{"TL1102 1:85 /tools/0/type"}},
	{"tool without a description", rewarded(chatPrompt, reference+`,"tools":[{"type":"function","function":{"name":"f","parameters":{}}}]`), reinforced, []string{"TL1231 1:107 /tools/0/function"}},
	{"tool with a blank description", rewarded(chatPrompt, reference+`,"tools":[`+strings.Replace(chatTool, `"d"`, `" "`, 1)+`]`), reinforced, []string{"TL1231 1:107 /tools/0/function"}},
	{"second tool without parameters", rewarded(chatPrompt, reference+`,"tools":[`+chatTool+`,{"type":"function","function":{"name":"g","description":"d"}}]`), reinforced, []string{"TL1231 1:200 /tools/1/function"}},
	{"tool of a prompt named twice", rewarded(chatPrompt, reference+`,"tools":[`+chatTool+`,`+chatTool+`]`), reinforced, []string{"TL1221 1:208 /tools/1/function/name"}},
	{"tool without function", rewarded(chatPrompt, reference+`,"tools":[{"type":"function"}]`), reinforced, []string{"TL1101 1:77 /tools/0"}},
	{"no user", rewarded(`{"role":"system","content":"s"}`, reference), reinforced, []string{"TL1205 1:13 /messages"}},
	{"no messages", rewarded(``, reference), reinforced, []string{"TL1203 1:13 /messages"}},
	{"system second", rewarded(chatPrompt+`,{"role":"system","content":"s"}`, reference), reinforced, []string{"TL1205 1:52 /messages/1/role"}},
	{"role of a tool", rewarded(chatPrompt+`,{"role":"tool","content":"s"}`, reference), reinforced, []string{"TL1204 1:52 /messages/1/role"}},
	{"name in a message", rewarded(`{"role":"user","name":"ann","content":"q"}`, reference), reinforced, []string{"TL1104 1:29 /messages/0/name"}},
	{"reserved word in a prompt", rewarded(`{"role":"user","content":"User: q"}`, reference), reinforced, []string{"TL1212 1:39 /messages/0/content"}},
	{"suspect word in a prompt", rewarded(`{"role":"user","content":"<unk> q"}`, reference), reinforced, []string{"TL1212 1:39 /messages/0/content"}},
	{"blank prompt", rewarded(`{"role":"user","content":""}`, reference), reinforced, []string{"TL1105 1:39 /messages/0/content"}},
	{"conversation for reinforcement", goodConv, reinforced, []string{"TL1106 1:1 "}},
	{"Anthropic's form for reinforcement", claudeRow(`"system":"s",`, `"q"`), reinforced, []string{"TL1106 1:1 "}},
}

var captionTests = []ruleTest{
	{"caption", `{"image-ref":"s3://my-data/a.png","caption":"a cat"}`, captioned, nil},
	{"short caption", `{"image-ref":"s3://my-data/a.png","caption":"ab"}`, captioned, []string{"TL1302 1:45 /caption"}},
	{"long caption", `{"image-ref":"s3://my-data/a.png","caption":"01234567890"}`, captioned, []string{"TL1302 1:45 /caption"}},
	{"caption of ten letters", `{"image-ref":"s3://my-data/a.png","caption":"äöüäöüäöüä"}`, captioned, nil},
	{"blank caption", `{"image-ref":"s3://my-data/a.png","caption":"    "}`, captioned, []string{"TL1105 1:45 /caption"}},
	{"empty caption, where allowed", `{"image-ref":"s3://my-data/a.png","caption":""}`, with(captioned, func(o *Options) { o.Limits.MinCaption = 0 }), nil},
	{"place of an image", `{"image-ref":"a.png","caption":"a cat"}`, captioned, []string{"TL1217 1:14 /image-ref"}},
	{"caption missing", `{"image-ref":"s3://my-data/a.png"}`, captioned, []string{"TL1101 1:1 "}},
	{"image missing", `{"caption":"a cat"}`, captioned, []string{"TL1101 1:1 "}},
	{"extra key of an image", `{"image-ref":"s3://my-data/a.png","caption":"a cat","id":1}`, captioned, []string{"TL1104 1:53 /id"}},
	{"prompt and completion for images", goodPC, captioned, []string{"TL1106 1:1 "}},
}

func TestFormats(t *testing.T) {
	runRules(t, mediaTests, toolTests, anthropicTests, distillationTests, reinforcementTests, captionTests)
}

// TestOtherFormatNamesBoth: the one finding about a record in another format
// says which it is, which is wanted by what, and what to do.
func TestOtherFormatNamesBoth(t *testing.T) {
	chat := `{"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}`
	tests := []struct {
		name, line string
		o          Options
		want       []string
	}{
		{"chat for a model", chat, with(cv, func(o *Options) { o.Rules.BaseModel = "amazon.nova-micro-v1:0:128k" }), []string{"written as openai-chat", "amazon.nova-micro-v1:0:128k takes bedrock-conversation-2024", "tuneline convert --to bedrock-conversation-2024"}},
		{"chat for no model", chat, pc, []string{"written as openai-chat", "the base model takes prompt-completion", "tuneline convert --to prompt-completion"}},
		{"what no command converts", goodPC, reinforced, []string{"written as prompt-completion", "takes reinforcement-fine-tuning", "write the data set anew"}},
		{"images for a text model", `{"image-ref":"s3://my-data/a.png","caption":"a cat"}`, pc, []string{"written as image-caption"}},
		{"reinforcement for Claude", rewarded(chatPrompt, reference), claude, []string{"written as reinforcement-fine-tuning", "takes anthropic-messages"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := check(t, tt.line, tt.o)
			if len(r.Findings) != 1 || r.Findings[0].Code != CodeOtherFormat {
				t.Fatalf("got %q, want %s alone", brief(r), CodeOtherFormat)
			}
			for _, want := range tt.want {
				if !strings.Contains(r.Findings[0].Message, want) {
					t.Errorf("got message %q, want it to hold %q", r.Findings[0].Message, want)
				}
			}
		})
	}
}
