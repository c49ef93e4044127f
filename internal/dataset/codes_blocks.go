package dataset

import "strings"

// exampleMedia is an image or a video in S3.
func exampleMedia(kind, format, uri string) string {
	return `{"` + kind + `": {"format": "` + format + `", "source": {"s3Location": {"uri": "` + uri + `"}}}}`
}

// examplePicture is a record in which the user shows an image in this format, from there.
func examplePicture(format, uri string) string {
	return exampleContent(`[{"text": "What is this?"}, `+exampleMedia("image", format, uri)+`]`, `[{"text": "A cat"}]`)
}

var (
	goodImage    = exampleMedia("image", "png", "s3://my-data/images/cat.png")
	goodPicture  = examplePicture("png", "s3://my-data/images/cat.png")
	elevenImages = "[" + strings.Repeat(goodImage+", ", 10) + goodImage + "]"
	oneImage     = "[" + goodImage + "]"
	cat          = `[{"text": "A cat"}]`
)

// exampleReport is a document of this name in S3.
func exampleReport(month string) string {
	return exampleMedia("document", "pdf", "s3://my-data/"+month+".pdf")
}

// mediaCodes are the codes of images, video and documents.
var mediaCodes = []CodeInfo{
	{Code: CodeMediaBlock, Severity: SeverityError, Title: "A message holds a kind of media that the base model does not take",
		Action: "Remove the block, or choose a base model that takes it. Nova Micro and Llama 3.1, 3.2 1B and 3B, and 3.3 take text only; Llama 3.2 11B and 90B take images, Nova Lite and Pro images, video and PDF.",
		Source: sourceNova + "; " + sourceNovaScript, Format: FormatConversation, With: "for Nova Micro",
		Bad:   goodPicture,
		Good:  exampleConversation(""),
		shown: shown{rules: Rules{AnySchemaVersion: true, TextOnly: true}}},
	{Code: CodeBlockInWrongTurn, Severity: SeverityError, Title: "A content block stands in a turn in which it may not stand",
		Action: "Media and toolResult belong into the user's messages, toolUse and reasoningContent into the assistant's.",
		Source: sourceNova2 + "; " + sourceNovaScript, Format: FormatConversation, With: "for Nova Lite",
		Bad:   exampleContent(exampleQuestion, oneImage),
		Good:  exampleContent(oneImage, cat),
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeMediaFormat, Severity: SeverityError, Title: "A file format is not one the base model takes",
		Action: "Convert the file: images to png, jpeg, gif or webp, video to mov, mkv, mp4 or webm, documents to pdf.",
		Source: sourceNova, Format: FormatConversation, With: "for Nova Lite",
		Bad:   examplePicture("tiff", "s3://my-data/images/cat.tiff"),
		Good:  goodPicture,
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeDoubtfulMediaFormat, Severity: SeverityWarning, Title: "A file format is in doubt for Nova 2",
		Action: "Convert webp and webm if you can: Nova's guide names them for Nova 2 too, Bedrock's guide and AWS's sample validator leave them out.",
		Source: sourceNova2 + "; Bedrock User Guide, " + guide + "nova-2-sft-data-prep.html; " + sourceNovaScript, Format: FormatConversation, With: "for Nova 2 Lite",
		Bad:   examplePicture("webp", "s3://my-data/images/cat.webp"),
		Good:  goodPicture,
		shown: shown{rules: familyRules["nova-2"]}},
	{Code: CodeMediaLocation, Severity: SeverityError, Title: "A media file's place is not one that Bedrock takes",
		Action: "Name an object in S3, s3://bucket/key, whose key has letters, digits, _, -, / and . only; bucketOwner is an AWS account of 12 digits.",
		Source: sourceNova + "; " + sourceNovaScript, Format: FormatConversation, With: "for Nova Lite",
		Bad:   examplePicture("png", "s3://my-data/images/my cat.png"),
		Good:  goodPicture,
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeMediaBucket, Severity: SeverityError, Title: "A media file lies in another bucket than the data set",
		Action: "Copy the file into the data set's bucket and change the URI.",
		Source: sourceNova, Format: FormatConversation, With: "where the data set lies in the bucket my-data",
		Bad:   examplePicture("png", "s3://elsewhere/images/cat.png"),
		Good:  goodPicture,
		shown: shown{rules: Rules{AnySchemaVersion: true, Bucket: "my-data"}}},
	{Code: CodeMediaCount, Severity: SeverityError, Title: "A record holds more images or videos than allowed",
		Action: "Split the record: ten images or one video are allowed in one.",
		Source: sourceNova + "; " + sourceNovaScript, Format: FormatConversation, With: "for Nova Lite",
		Bad:   exampleContent(elevenImages, cat),
		Good:  exampleContent(oneImage, cat),
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeMediaMixed, Severity: SeverityError, Title: "The data set holds more than one kind of media",
		Action: "Make a data set of each kind, images, videos or documents: Nova takes one kind in one job.",
		Source: sourceNova + "; " + sourceNova2, Format: FormatConversation, With: "for Nova Lite",
		Bad:   goodPicture + "\n" + exampleContent(`[`+exampleMedia("video", "mp4", "s3://my-data/cat.mp4")+`]`, cat),
		Good:  goodPicture + "\n" + exampleContent(oneImage, cat),
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeMediaPrefix, Severity: SeverityError, Title: "A media file lies where the job does not read media",
		Action: "Upload the file to media/MODEL/ in the data set's bucket, where MODEL is the data set's folder, and change the URI: Bedrock's role reads media there and nowhere else.",
		Source: sourceOwn, Format: FormatConversation, With: "in the bucket, for the model cats",
		Bad:   goodPicture,
		Good:  keptPicture("cat"),
		shown: shown{rules: keptMedia}},
	{Code: CodeMediaMissing, Severity: SeverityError, Title: "A media file is not there",
		Action: "Upload the file before the data set, or correct the URI. It is looked for when the data set is checked in the bucket, not on your machine.",
		Source: sourceNova, Format: FormatConversation, With: "in the bucket, where media/cats/cat.png is there",
		Bad:   keptPicture("dog"),
		Good:  keptPicture("cat"),
		shown: shown{rules: keptMedia, media: map[string]int64{"media/cats/cat.png": 1 << 20}}},
	{Code: CodeMediaSize, Severity: SeverityError, Title: "A media file is empty or too large",
		Action: "Make the file smaller, or upload it again: Nova takes images and documents of 10 MB and videos of 50 MB, Llama images of 10 MB. It is looked at when the data set is checked in the bucket.",
		Source: sourceNova + "; " + sourceNova2 + "; " + sourceData, Format: FormatConversation, With: "in the bucket, for Nova Lite, where media/cats/large.png has 12 MB",
		Bad:   keptPicture("large"),
		Good:  keptPicture("cat"),
		shown: shown{rules: keptMedia, media: map[string]int64{"media/cats/cat.png": 1 << 20, "media/cats/large.png": 12 << 20}}},
	{Code: CodeManyDocuments, Severity: SeverityWarning, Title: "A record holds more than one document",
		Action: "Split the record if you can: AWS's sample validator takes one document in a record, Nova's guides name no number.",
		Source: sourceNovaScript + "; " + sourceNova2, Format: FormatConversation, With: "for Nova Lite",
		Bad:   exampleContent("["+exampleReport("may")+", "+exampleReport("june")+"]", `[{"text": "Sales rose."}]`),
		Good:  exampleContent("["+exampleReport("may")+"]", `[{"text": "Sales rose."}]`),
		shown: shown{rules: familyRules["nova"]}},
}

// keptMedia are the rules for Nova Lite in the bucket my-data, for the model cats.
var keptMedia = func() Rules {
	rules := familyRules["nova"]
	rules.Bucket, rules.MediaPrefix = "my-data", "media/cats/"
	return rules
}()

// keptPicture is a record with an image out of that place.
func keptPicture(name string) string {
	return examplePicture("png", "s3://my-data/media/cats/"+name+".png")
}

// exampleTool is a tool of toolConfig.
const exampleTool = `{"toolSpec": {"name": "weather", "description": "The weather in a city", "inputSchema": {"json": {"type": "object"}}}}`

// exampleTools is a record in which these tools are there, the assistant uses
// the tool weather under the id 1, and the user gives the result of this id.
func exampleTools(tools, result string) string {
	return exampleVersion + `"toolConfig": {"tools": [` + tools + `]}, "messages": [` +
		`{"role": "user", "content": [{"text": "Weather in Bonn?"}]}, ` +
		`{"role": "assistant", "content": [{"toolUse": {"toolUseId": "1", "name": "weather", "input": {"city": "Bonn"}}}]}, ` +
		`{"role": "user", "content": [{"toolResult": {"toolUseId": "` + result + `", "content": [{"text": "Rain"}]}}]}, ` +
		`{"role": "assistant", "content": [{"text": "It rains."}]}]}`
}

// exampleReinforcement is a record of reinforcement fine-tuning with this function.
func exampleReinforcement(function string) string {
	return `{"messages": [{"role": "user", "content": "Weather in Bonn?"}], "tools": [{"type": "function", "function": ` + function + `}], "reference_answer": "Rain"}`
}

// toolCodes are the codes of tools and reasoning.
var toolCodes = []CodeInfo{
	{Code: CodeToolBlock, Severity: SeverityError, Title: "A record holds tools or reasoning, which the base model does not take",
		Action: "Remove them, or choose a base model that takes them: Nova takes tools, Nova 2 reasoning too. What the model is to write may stand in a text as well.",
		Source: sourceNova2 + "; " + sourceNovaScript + "; " + sourceLlamaScript, Format: FormatConversation, With: "for Nova Lite",
		Bad:   exampleContent(exampleQuestion, `[{"reasoningContent": {"reasoningText": {"text": "Two and two"}}}, {"text": "4"}]`),
		Good:  exampleConversation(""),
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeUnknownBlock, Severity: SeverityError, Title: "A content block is not of a known kind",
		Action: "Write each block with exactly one key, as {\"text\": ...}.",
		Source: sourceNovaScript + "; " + sourceLlamaScript, Format: FormatConversation,
		Bad:   exampleContent(`[{"txt": "What is 2 + 2?"}]`, exampleAnswer),
		Good:  exampleConversation(""),
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeToolConfig, Severity: SeverityError, Title: "A record's list of tools is empty or names a tool twice",
		Action: "Name every tool once, or leave the list out.",
		Source: sourceNovaScript, Format: FormatConversation,
		Bad:   exampleTools(exampleTool+", "+exampleTool, "1"),
		Good:  exampleTools(exampleTool, "1"),
		shown: shown{rules: Rules{Tools: true}}},
	{Code: CodeToolUse, Severity: SeverityError, Title: "toolUse and toolResult do not go together",
		Action: "Give every toolUse an id of its own and the name of a tool in toolConfig, and every toolResult the id of an earlier toolUse, once.",
		Source: sourceNovaScript, Format: FormatConversation,
		Bad:   exampleTools(exampleTool, "2"),
		Good:  exampleTools(exampleTool, "1"),
		shown: shown{rules: Rules{Tools: true}}},
	{Code: CodeToolsInDoubt, Severity: SeverityWarning, Title: "A record holds tools, on which AWS's pages disagree",
		Action: "Try a small job first, or write the tools into the texts: Nova 2's guide and AWS's sample validator take toolConfig, toolUse and toolResult, a page of Bedrock's guide says that a job may fail over them.",
		Source: sourceNova2 + "; " + sourceNovaScript + "; Bedrock User Guide, " + guide + "nova-2-sft-data-prep.html", Format: FormatConversation, With: "for Nova 2 Lite",
		Bad:   exampleTools(exampleTool, "1"),
		Good:  exampleContent(`[{"text": "Weather in Bonn? Use weather(city)."}]`, `[{"text": "weather(Bonn)"}]`),
		shown: shown{rules: familyRules["nova-2"]}},
	{Code: CodeToolInDoubt, Severity: SeverityWarning, Title: "AWS's sample validator wants more of a prompt's tools",
		Action: "Give every tool of reinforcement fine-tuning the type function, a description and parameters, and leave out an empty list: AWS's sample validator refuses it otherwise, Bedrock's guide says nothing about tools.",
		Source: sourceNovaScript + "; " + sourceReinforcement, Format: FormatReinforcement,
		Bad:  exampleReinforcement(`{"name": "weather"}`),
		Good: exampleReinforcement(`{"name": "weather", "description": "The weather in a city", "parameters": {"type": "object", "properties": {}}}`)},
}
