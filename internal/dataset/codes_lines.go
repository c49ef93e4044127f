package dataset

import "strings"

const (
	exampleRow  = `{"prompt": "What is 2 + 2?", "completion": "4"}`
	anotherRow  = `{"prompt": "What is 3 + 3?", "completion": "6"}`
	lineAdvised = "Put one record on each line, with nothing after it: no comma, no second record."
)

// deepRow is a record nested so deep.
func deepRow(depth int) string {
	return `{"prompt": "What is 2 + 2?", "completion": "4", "note": ` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`
}

// lineCodes are the codes of lines that are no JSON record.
var lineCodes = []CodeInfo{
	{Code: CodeSyntax, Severity: SeverityError, Title: "The line is not valid JSON",
		Action: "Write every record with a JSON library. Comments, single quotes, trailing commas, NaN and raw control characters in strings are not JSON.",
		Source: sourceJSON, Format: FormatPromptCompletion,
		Bad:  `{"prompt": "What is 2 + 2?", "completion": "4",}`,
		Good: exampleRow},
	{Code: CodeByteOrderMark, Severity: SeverityError, Title: "The file begins with a byte order mark",
		Action: "Save the file as UTF-8 without a byte order mark.",
		Source: "RFC 8259, section 8.1", Format: FormatPromptCompletion,
		Bad:  "\uFEFF" + exampleRow,
		Good: exampleRow},
	{Code: CodeInvalidUTF8, Severity: SeverityError, Title: "The line is not valid UTF-8",
		Action: "Save the file as UTF-8; other encodings, such as UTF-16 or Windows-1252, are refused.",
		Source: "RFC 8259, section 8.1", Format: FormatPromptCompletion,
		Bad:  "{\"prompt\": \"Where is the caf\xe9?\", \"completion\": \"Here\"}",
		Good: `{"prompt": "Where is the café?", "completion": "Here"}`},
	{Code: CodeLoneSurrogate, Severity: SeverityError, Title: "A string holds half of a surrogate pair",
		Action: "Write the character itself, or both halves of the pair (as \\ud83d\\ude00). A lone half often comes from text cut in the middle of an emoji.",
		Source: "RFC 8259, section 8.2; RFC 7493 (I-JSON), section 2.1", Format: FormatPromptCompletion,
		Bad:  `{"prompt": "Say hello", "completion": "Hello \ud83d"}`,
		Good: `{"prompt": "Say hello", "completion": "Hello \ud83d\ude00"}`},
	{Code: CodeDuplicateKey, Severity: SeverityError, Title: "A key stands twice in one object",
		Action: "Keep one of the two: readers disagree on which one counts.",
		Source: "RFC 8259, section 4; RFC 7493 (I-JSON), section 2.3", Format: FormatPromptCompletion,
		Bad:  `{"prompt": "What is 2 + 2?", "completion": "4", "completion": "four"}`,
		Good: exampleRow},
	{Code: CodeTrailingData, Severity: SeverityError, Title: "Something follows the record on its line",
		Action: lineAdvised,
		Source: sourceJSON, Format: FormatPromptCompletion,
		Bad:  exampleRow + ",",
		Good: exampleRow},
	{Code: CodeBlankLine, Severity: SeverityError, Title: "The line is blank",
		Action: "Remove it. One line break after the last record is enough.",
		Source: sourceJSON, Format: FormatPromptCompletion,
		Bad:  exampleRow + "\n\n" + anotherRow,
		Good: exampleRow + "\n" + anotherRow},
	{Code: CodeLineTooLong, Severity: SeverityError, Title: "The line is longer than allowed",
		Action: "Shorten or split the record. Distillation prompts may have 16 KB a line; for everything else the check reads lines up to 4 MiB, far above Bedrock's limits on a record's tokens.",
		Source: sourceQuotas, Format: FormatPromptCompletion, With: "where a line may have 60 bytes",
		Bad:   `{"prompt": "What is 2 + 2? Explain every step of the sum.", "completion": "4"}`,
		Good:  exampleRow,
		shown: shown{limits: Limits{MaxLineBytes: 60}}},
	{Code: CodeNotAnObject, Severity: SeverityError, Title: "The line holds a JSON value that is not an object",
		Action: "Write one JSON object a line; a file that is one JSON array must be rewritten as lines.",
		Source: sourceData, Format: FormatPromptCompletion,
		Bad:  "[" + exampleRow + "]",
		Good: exampleRow},
	{Code: CodeIncomplete, Severity: SeverityError, Title: "The line ends before its record does",
		Action: "Write each record on a single line, without pretty-printing, and the line breaks inside strings as \\n.",
		Source: sourceJSON, Format: FormatPromptCompletion,
		Bad:  `{"prompt": "What is 2 + 2?", "completion": "4"`,
		Good: exampleRow},
	{Code: CodeTooDeep, Severity: SeverityError, Title: "Objects and lists are nested deeper than any reader follows",
		Action: "Flatten the record. The bound is 10,000 levels, as in most JSON libraries; no format of Bedrock has ten.",
		Source: "RFC 8259, section 9, which leaves the bound to the reader", Format: FormatPromptCompletion,
		Bad:  deepRow(maxDepth),
		Good: exampleRow},
}

// shapeCodes are the codes of records with the wrong shape, in any format.
var shapeCodes = []CodeInfo{
	{Code: CodeMissingKey, Severity: SeverityError, Title: "A key is missing",
		Action: "Add the key; keys are case-sensitive.",
		Source: sourceData, Format: FormatPromptCompletion,
		Bad:  `{"prompt": "What is 2 + 2?"}`,
		Good: exampleRow},
	{Code: CodeWrongType, Severity: SeverityError, Title: "A value has the wrong JSON type",
		Action: "Write the value with the type that the message names.",
		Source: sourceData, Format: FormatPromptCompletion,
		Bad:  `{"prompt": "What is 2 + 2?", "completion": 4}`,
		Good: exampleRow},
	{Code: CodeUnknownKey, Severity: SeverityError, Title: "A key is not part of the format",
		Action: "Correct or remove the key: what it holds would not be trained on.",
		Source: sourceData + "; that other keys are tolerated, no page says", Format: FormatConversation,
		Bad:  `{"schemaVersion": "bedrock-conversation-2024", "systemPrompt": [{"text": "Be brief."}], "messages": [` + exampleTurns + `]}`,
		Good: `{"schemaVersion": "bedrock-conversation-2024", "system": [{"text": "Be brief."}], "messages": [` + exampleTurns + `]}`},
	{Code: CodeExtraKey, Severity: SeverityWarning, Title: "A key is not part of the format and is not trained on",
		Action: "Nothing has to be done: Bedrock tolerates the key. Move what it holds into the prompt if the model should learn from it.",
		Source: sourceLlamaScript, Format: FormatPromptCompletion,
		Bad:  `{"id": 1, "prompt": "What is 2 + 2?", "completion": "4"}`,
		Good: exampleRow},
	{Code: CodeBlankText, Severity: SeverityError, Title: "A text is empty or nothing but white space",
		Action: "Fill in the text or remove the record: there is nothing to learn from it.",
		Source: sourceNovaScript + "; for other base models " + sourceOwn, Format: FormatPromptCompletion,
		Bad:  `{"prompt": "What is 2 + 2?", "completion": " "}`,
		Good: exampleRow},
	{Code: CodeOtherFormat, Severity: SeverityError, Title: "The record is written in another format than the base model takes",
		Action: "Convert the data set with tuneline convert, or choose a base model that takes this format.",
		Source: sourceData, Format: FormatConversation,
		Bad:  `{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2 + 2?"}, {"role": "assistant", "content": "4"}]}`,
		Good: `{"schemaVersion": "bedrock-conversation-2024", "system": [{"text": "Be brief."}], "messages": [` + exampleTurns + `]}`},
}
