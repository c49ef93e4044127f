package dataset

import "slices"

// Code names a kind of finding. Codes are stable: a code is never given a new
// meaning, only new codes are added.
type Code string

// Codes of lines that are no JSON record.
const (
	CodeSyntax        Code = "TL1001"
	CodeByteOrderMark Code = "TL1002"
	CodeInvalidUTF8   Code = "TL1003"
	CodeLoneSurrogate Code = "TL1004"
	CodeDuplicateKey  Code = "TL1005"
	CodeTrailingData  Code = "TL1006"
	CodeBlankLine     Code = "TL1007"
	CodeLineTooLong   Code = "TL1008"
	CodeNotAnObject   Code = "TL1009"
	CodeIncomplete    Code = "TL1010"
)

// Codes of records with the wrong shape, in any format.
const (
	CodeMissingKey  Code = "TL1101"
	CodeWrongType   Code = "TL1102"
	CodeUnknownKey  Code = "TL1103"
	CodeExtraKey    Code = "TL1104"
	CodeBlankText   Code = "TL1105"
	CodeOtherFormat Code = "TL1106"
)

// Codes of the conversation form.
const (
	CodeSchemaVersion        Code = "TL1201"
	CodeSystemCount          Code = "TL1202"
	CodeTooFewMessages       Code = "TL1203"
	CodeUnknownRole          Code = "TL1204"
	CodeRoleOrder            Code = "TL1205"
	CodeEmptyContent         Code = "TL1206"
	CodeMediaBlock           Code = "TL1207"
	CodeToolBlock            Code = "TL1208"
	CodeUnknownBlock         Code = "TL1209"
	CodeReservedWord         Code = "TL1210"
	CodeReservedWordInAnswer Code = "TL1211"
	CodeSuspectWord          Code = "TL1212"
)

// Codes of one record's size, and of the data set as a whole.
const (
	CodeRecordTooLong   Code = "TL1301"
	CodeTooFewRecords   Code = "TL1401"
	CodeTooManyRecords  Code = "TL1402"
	CodeDuplicateRecord Code = "TL1403"
	CodeRecordInBoth    Code = "TL1404"
	CodeFewRecords      Code = "TL1405"
)

// Severity says what a finding means for the data set.
type Severity string

const (
	// SeverityError is a finding for which Bedrock would refuse the data set, or
	// train on something else than what was meant. One error and the data set is not accepted.
	SeverityError Severity = "error"
	// SeverityWarning is a finding worth a look, and no reason to refuse.
	SeverityWarning Severity = "warning"
)

// CodeInfo explains a code.
type CodeInfo struct {
	Code     Code
	Severity Severity
	// Title says what was found.
	Title string
	// Action says what to do about it.
	Action string
}

var codes = []CodeInfo{
	{CodeSyntax, SeverityError, "The line is not valid JSON",
		"Write every record with a JSON library. Comments, single quotes, trailing commas, NaN and raw control characters in strings are not JSON."},
	{CodeByteOrderMark, SeverityError, "The file begins with a byte order mark",
		"Save the file as UTF-8 without a byte order mark."},
	{CodeInvalidUTF8, SeverityError, "The line is not valid UTF-8",
		"Save the file as UTF-8; other encodings, such as UTF-16 or Windows-1252, are refused."},
	{CodeLoneSurrogate, SeverityError, "A string holds half of a surrogate pair",
		"Write the character itself, or both halves of the pair (as \\ud83d\\ude00). A lone half often comes from text cut in the middle of an emoji."},
	{CodeDuplicateKey, SeverityError, "A key stands twice in one object",
		"Keep one of the two: readers disagree on which one counts."},
	{CodeTrailingData, SeverityError, "Something follows the record on its line",
		"Put one record on each line, with nothing after it: no comma, no second record."},
	{CodeBlankLine, SeverityError, "The line is blank",
		"Remove it. One line break after the last record is enough."},
	{CodeLineTooLong, SeverityError, "The line is longer than the check reads",
		"Shorten or split the record; Bedrock's limits on a record's tokens lie far below."},
	{CodeNotAnObject, SeverityError, "The line holds a JSON value that is not an object",
		"Write one JSON object a line; a file that is one JSON array must be rewritten as lines."},
	{CodeIncomplete, SeverityError, "The line ends before its record does",
		"Write each record on a single line, without pretty-printing, and the line breaks inside strings as \\n."},
	{CodeMissingKey, SeverityError, "A key is missing",
		"Add the key; keys are case-sensitive."},
	{CodeWrongType, SeverityError, "A value has the wrong JSON type",
		"Write the value with the type that the message names."},
	{CodeUnknownKey, SeverityError, "A key is not part of the format",
		"Correct or remove the key: what it holds would not be trained on."},
	{CodeExtraKey, SeverityWarning, "A key is not part of the format and is not trained on",
		"Nothing has to be done: Bedrock tolerates the key. Move what it holds into the prompt if the model should learn from it."},
	{CodeBlankText, SeverityError, "A text is empty or nothing but white space",
		"Fill in the text or remove the record: there is nothing to learn from it."},
	{CodeOtherFormat, SeverityError, "The record is written in another format than the base model takes",
		"Convert the data set, or choose a base model that takes this format."},
	{CodeSchemaVersion, SeverityError, "schemaVersion is not the one the base model takes",
		"Write \"schemaVersion\": \"bedrock-conversation-2024\"."},
	{CodeSystemCount, SeverityError, "The system list does not have the number of items the base model takes",
		"Write one item, {\"text\": ...}, or leave the key system out."},
	{CodeTooFewMessages, SeverityError, "The conversation has fewer than two messages",
		"Give every record a user message and the assistant's answer to it."},
	{CodeUnknownRole, SeverityError, "A role is neither user nor assistant",
		"Use the roles user and assistant; a system prompt belongs into the record's system list."},
	{CodeRoleOrder, SeverityError, "The roles do not alternate from user to assistant",
		"Begin with a user message, alternate, and end with the assistant's answer; join neighbouring messages of one role."},
	{CodeEmptyContent, SeverityError, "A message has no content",
		"Give the message a content block, as [{\"text\": ...}], or remove it."},
	{CodeMediaBlock, SeverityError, "A message holds an image, a video or a document",
		"Use text only: this version checks no media, and some base models take none."},
	{CodeToolBlock, SeverityError, "A record holds tools or reasoning",
		"Use text only: this version does not check toolConfig, toolUse, toolResult and reasoningContent; a later one will."},
	{CodeUnknownBlock, SeverityError, "A content block is not of a known kind",
		"Write each block with exactly one key, as {\"text\": ...}."},
	{CodeReservedWord, SeverityError, "A user or system text holds a word that Nova reserves",
		"Replace the word, in whatever case it is written: Bedrock fails the job over User:, Bot:, Assistant:, System:, <image>, <video> and [EOS]."},
	{CodeReservedWordInAnswer, SeverityWarning, "An assistant text holds a word that Nova reserves",
		"Replace the word if you can: Nova's guide forbids it in user and system texts only, AWS's sample validator everywhere."},
	{CodeSuspectWord, SeverityWarning, "A text holds a word that AWS's sample validator refuses",
		"Replace Thought: and <unk> if you can; Nova's guide does not list them."},
	{CodeRecordTooLong, SeverityError, "The record has more characters than its token limit allows for",
		"Shorten or split the record. Bedrock counts about 6 characters a token against the base model's tokens a record."},
	{CodeTooFewRecords, SeverityError, "There are fewer records than the base model takes",
		"Add records until the least number is reached."},
	{CodeTooManyRecords, SeverityError, "There are more records than the base model takes",
		"Remove records, or have the quota that the base model's entry names raised."},
	{CodeDuplicateRecord, SeverityWarning, "The record is an exact copy of an earlier one",
		"Remove it unless it is meant to weigh more: every copy is trained on and paid for."},
	{CodeRecordInBoth, SeverityWarning, "The record stands in the validation data too",
		"Remove it from one of the two: a validation loss on rows the model was trained on says little."},
	{CodeFewRecords, SeverityWarning, "There are fewer records than AWS advises",
		"Add records if you can; the job runs as it is."},
}

// Codes returns every code with its meaning, in the order of the codes.
func Codes() []CodeInfo { return slices.Clone(codes) }

// Info returns what the code means; ok is false for a code that is not in
// [Codes].
func (c Code) Info() (info CodeInfo, ok bool) {
	i := slices.IndexFunc(codes, func(info CodeInfo) bool { return info.Code == c })
	if i < 0 {
		return CodeInfo{}, false
	}
	return codes[i], true
}
