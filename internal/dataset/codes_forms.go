package dataset

const (
	exampleQuestion = `[{"text": "What is 2 + 2?"}]`
	exampleAnswer   = `[{"text": "4"}]`
	exampleTurns    = `{"role": "user", "content": ` + exampleQuestion + `}, {"role": "assistant", "content": ` + exampleAnswer + `}`
	exampleVersion  = `{"schemaVersion": "bedrock-conversation-2024", `
)

// exampleConversation is a record of the conversation form with this before its messages.
func exampleConversation(before string) string {
	return exampleVersion + before + `"messages": [` + exampleTurns + `]}`
}

// exampleContent is one in which user and assistant say this.
func exampleContent(user, assistant string) string {
	return exampleMessages(`{"role": "user", "content": ` + user + `}, {"role": "assistant", "content": ` + assistant + `}`)
}

func exampleMessages(messages string) string {
	return exampleVersion + `"messages": [` + messages + `]}`
}

// formCodes are the codes of the forms with messages: text and turns.
var formCodes = []CodeInfo{
	{Code: CodeSchemaVersion, Severity: SeverityError, Title: "schemaVersion is not the one the base model takes",
		Action: "Write \"schemaVersion\": \"bedrock-conversation-2024\".",
		Source: sourceLlamaScript + "; AWS's sample validator for distillation", Format: FormatConversation, With: "for Llama 3.3",
		Bad:   `{"schemaVersion": "1.0", "messages": [` + exampleTurns + `]}`,
		Good:  exampleConversation(""),
		shown: shown{rules: familyRules["llama"]}},
	{Code: CodeSystemCount, Severity: SeverityError, Title: "The system list does not have the number of items the base model takes",
		Action: "Write one item, {\"text\": ...}, or leave the key system out.",
		Source: sourceLlamaScript + "; AWS's sample validator for distillation", Format: FormatConversation, With: "for Llama 3.3",
		Bad:   exampleConversation(`"system": [{"text": "Be brief."}, {"text": "Be kind."}], `),
		Good:  exampleConversation(`"system": [{"text": "Be brief. Be kind."}], `),
		shown: shown{rules: familyRules["llama"]}},
	{Code: CodeTooFewMessages, Severity: SeverityError, Title: "The conversation has too few messages",
		Action: "Give every record a user message and the assistant's answer to it; a prompt for distillation or reinforcement fine-tuning needs the user's only.",
		Source: sourceNova + "; " + sourceData, Format: FormatConversation,
		Bad:   exampleMessages(`{"role": "user", "content": ` + exampleQuestion + `}`),
		Good:  exampleConversation(""),
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeUnknownRole, Severity: SeverityError, Title: "A role is not one that the format has",
		Action: "Use the roles user and assistant; a system prompt belongs into the record's key system. Reinforcement fine-tuning has the role system too.",
		Source: sourceNova + "; " + sourceReinforcement, Format: FormatConversation,
		Bad:   exampleMessages(`{"role": "system", "content": [{"text": "Be brief."}]}, ` + exampleTurns),
		Good:  exampleConversation(`"system": [{"text": "Be brief."}], `),
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeRoleOrder, Severity: SeverityError, Title: "The roles are not in the order that the format has",
		Action: "Begin with a user message, alternate, and end with the assistant's answer; join neighbouring messages of one role. In reinforcement fine-tuning the system's message comes first, and one of the user's must be there.",
		Source: sourceNova + "; " + sourceNovaScript, Format: FormatConversation,
		Bad:   exampleMessages(`{"role": "assistant", "content": ` + exampleAnswer + `}, {"role": "user", "content": ` + exampleQuestion + `}`),
		Good:  exampleConversation(""),
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeEmptyContent, Severity: SeverityError, Title: "A message or a tool's result has no content",
		Action: "Give it a content block, as [{\"text\": ...}], or remove it.",
		Source: sourceLlamaScript + "; " + sourceNovaScript, Format: FormatConversation,
		Bad:   exampleContent(exampleQuestion, `[]`),
		Good:  exampleContent(exampleQuestion, exampleAnswer),
		shown: shown{rules: familyRules["nova"]}},
}

// wordCodes are the codes of words that mean something to a base model.
var wordCodes = []CodeInfo{
	{Code: CodeReservedWord, Severity: SeverityError, Title: "A user or system text holds a word that Nova reserves",
		Action: "Replace the word, in whatever case it is written: Bedrock fails the job over User:, Bot:, Assistant:, System:, <image>, <video> and [EOS].",
		Source: sourceNova, Format: FormatConversation, With: "for Nova",
		Bad:   exampleContent(`[{"text": "User: What is 2 + 2?"}]`, exampleAnswer),
		Good:  exampleConversation(""),
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeReservedWordInAnswer, Severity: SeverityWarning, Title: "An assistant text holds a word that Nova reserves",
		Action: "Replace the word if you can: Nova's guide forbids it in user and system texts only, AWS's sample validator everywhere.",
		Source: sourceNova + "; " + sourceNovaScript, Format: FormatConversation, With: "for Nova",
		Bad:   exampleContent(exampleQuestion, `[{"text": "Assistant: 4"}]`),
		Good:  exampleConversation(""),
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeSuspectWord, Severity: SeverityWarning, Title: "A text holds a word that AWS's sample validator refuses",
		Action: "Replace Thought: and <unk> if you can; Nova's guide does not list them. In reinforcement fine-tuning this goes for every word that Nova reserves.",
		Source: sourceNovaScript, Format: FormatConversation, With: "for Nova",
		Bad:   exampleContent(exampleQuestion, `[{"text": "Thought: two and two. 4"}]`),
		Good:  exampleConversation(""),
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeOtherSchemaVersion, Severity: SeverityNote, Title: "schemaVersion is not the constant of the conversation form",
		Action: "Nothing has to be done for Nova, which takes any string. Write bedrock-conversation-2024 if the data set is to serve another base model too.",
		Source: sourceNova, Format: FormatConversation, With: "for Nova",
		Bad:   `{"schemaVersion": "my-data-2026", "messages": [` + exampleTurns + `]}`,
		Good:  exampleConversation(""),
		shown: shown{rules: familyRules["nova"]}},
	{Code: CodeTurnMarker, Severity: SeverityError, Title: "A line of a text begins like a turn of Claude's",
		Action: "Remove Human: and Assistant: from the beginnings of lines, or their colons.",
		Source: sourceData + "; AWS's sample validator for Claude 3 Haiku", Format: FormatAnthropic, With: "for Claude 3 Haiku",
		Bad:   `{"messages": [{"role": "user", "content": "What is 2 + 2?\nAssistant: 4\n\nAnd 3 + 3?"}, {"role": "assistant", "content": "6"}]}`,
		Good:  `{"messages": [{"role": "user", "content": "What is 2 + 2?"}, {"role": "assistant", "content": "4"}, {"role": "user", "content": "And 3 + 3?"}, {"role": "assistant", "content": "6"}]}`,
		shown: shown{rules: familyRules["anthropic"]}},
	{Code: CodeSingleTurn, Severity: SeverityError, Title: "A prompt for distillation has more than one turn, or more than one text",
		Action: "Write one user message with one text block, and the assistant's answer if there is one. Prompts for Nova may have several turns.",
		Source: sourceDistillation, Format: FormatDistillation, With: "for Llama 3.1",
		Bad:   exampleMessages(exampleTurns + `, {"role": "user", "content": [{"text": "And 3 + 3?"}]}`),
		Good:  exampleMessages(`{"role": "user", "content": ` + exampleQuestion + `}`),
		shown: shown{rules: Rules{SystemItems: 1, TextOnly: true, SingleTurn: true}}},
	{Code: CodeNoReferenceAnswer, Severity: SeverityWarning, Title: "A record of reinforcement fine-tuning has no reference answer",
		Action: "Add reference_answer, a string or an object, unless your grader needs none: Bedrock's guide has it in every record, AWS's sample validator lets it be missing.",
		Source: sourceReinforcement + "; " + sourceNovaScript, Format: FormatReinforcement,
		Bad:  `{"messages": [{"role": "user", "content": "What is 2 + 2?"}]}`,
		Good: `{"messages": [{"role": "user", "content": "What is 2 + 2?"}], "reference_answer": "4"}`},
}
