package dataset

import (
	"fmt"
	"strings"
)

// exampleRows are 200 different rows with this completion, or with one of their
// own where it is "".
func exampleRows(completion string) string {
	rows := make([]string, 200)
	for i := range rows {
		answer := completion
		if answer == "" {
			answer = fmt.Sprint(i + i)
		}
		rows[i] = fmt.Sprintf(`{"prompt": "What is %d + %d?", "completion": "%s"}`, i, i, answer)
	}
	return strings.Join(rows, "\n")
}

// setCodes are the codes of one record's size and of the data set as a whole.
var setCodes = []CodeInfo{
	{Code: CodeRecordTooLong, Severity: SeverityError, Title: "The record has more characters than its token limit allows for",
		Action: "Shorten or split the record. Bedrock counts about 6 characters a token against the base model's tokens a record.",
		Source: sourceData, Format: FormatPromptCompletion, With: "where a record may have 5 tokens, 30 characters",
		Bad:   `{"prompt": "What is 2 + 2? Explain every step of the sum, and why.", "completion": "4"}`,
		Good:  exampleRow,
		shown: shown{limits: Limits{TokensPerRecord: 5}}},
	{Code: CodeCaptionLength, Severity: SeverityError, Title: "A caption is shorter or longer than the base model takes",
		Action: "Rewrite the caption: 3 to 1,024 characters for Titan Image Generator, up to 2,560 for Titan Multimodal Embeddings.",
		Source: sourceData, Format: FormatImageCaption, With: "where a caption has 3 to 1,024 characters",
		Bad:   `{"image-ref": "s3://my-data/images/cat.png", "caption": "A"}`,
		Good:  `{"image-ref": "s3://my-data/images/cat.png", "caption": "A cat on a chair"}`,
		shown: shown{limits: Limits{MinCaption: 3, MaxCaption: 1024}}},
	{Code: CodeTooFewRecords, Severity: SeverityError, Title: "There are fewer records than the base model takes",
		Action: "Add records until the least number is reached.",
		Source: sourceData + "; " + sourceQuotas, Format: FormatPromptCompletion, With: "where at least 2 records are needed",
		Bad:   exampleRow,
		Good:  exampleRow + "\n" + anotherRow,
		shown: shown{limits: Limits{MinRecords: 2}}},
	{Code: CodeTooManyRecords, Severity: SeverityError, Title: "There are more records than the base model takes",
		Action: "Remove records, or have the quota that the base model's entry names raised.",
		Source: sourceData + "; " + sourceQuotas, Format: FormatPromptCompletion, With: "where 1 record is allowed",
		Bad:   exampleRow + "\n" + anotherRow,
		Good:  exampleRow,
		shown: shown{limits: Limits{MaxRecords: 1}}},
	{Code: CodeDuplicateRecord, Severity: SeverityWarning, Title: "The record is an exact copy of an earlier one",
		Action: "Remove it unless it is meant to weigh more: every copy is trained on and paid for.",
		Source: sourceOwn, Format: FormatPromptCompletion,
		Bad:  exampleRow + "\n" + exampleRow,
		Good: exampleRow + "\n" + anotherRow},
	{Code: CodeRecordInBoth, Severity: SeverityWarning, Title: "The record stands in the validation data too",
		Action: "Remove it from one of the two: a validation loss on rows the model was trained on says little.",
		Source: sourceOwn, Format: FormatPromptCompletion, With: "where the bad row stands in the validation data",
		Bad:   exampleRow,
		Good:  anotherRow,
		shown: shown{validation: exampleRow}},
	{Code: CodeFewRecords, Severity: SeverityWarning, Title: "There are fewer records than AWS advises",
		Action: "Add records if you can; the job runs as it is.",
		Source: sourceNova + "; " + sourceNovaScript, Format: FormatPromptCompletion, With: "where 2 records are advised",
		Bad:   exampleRow,
		Good:  exampleRow + "\n" + anotherRow,
		shown: shown{limits: Limits{AdvisedRecords: 2}}},
	{Code: CodeFileTooLarge, Severity: SeverityError, Title: "The file is larger than the base model takes",
		Action: "Split the data set or shorten its records: 2 GB for distillation prompts, 10 GB of training and 1 GB of validation data for Claude 3 Haiku.",
		Source: sourceQuotas + "; " + sourceData, Format: FormatPromptCompletion, With: "where a file may have 80 bytes",
		Bad:   exampleRow + "\n" + anotherRow,
		Good:  exampleRow,
		shown: shown{limits: Limits{MaxBytes: 80}}},
	{Code: CodeNearDuplicate, Severity: SeverityWarning, Title: "The record says the same as an earlier one",
		Action: "Remove it unless it is meant to weigh more. The texts are the same but for case, white space and the way the JSON is written.",
		Source: sourceOwn, Format: FormatPromptCompletion,
		Bad:   exampleRow + "\n" + `{"completion": "4", "prompt": "what is  2 + 2?"}`,
		Good:  exampleRow + "\n" + anotherRow,
		shown: shown{near: true}},
	{Code: CodeNearRecordInBoth, Severity: SeverityWarning, Title: "The validation data has a record that says the same",
		Action: "Remove it from one of the two. The texts are the same but for case, white space and the way the JSON is written.",
		Source: sourceOwn, Format: FormatPromptCompletion, With: "where the validation data asks: What is 2 + 2?",
		Bad:   `{"prompt": "WHAT IS 2 + 2?", "completion": "4"}`,
		Good:  anotherRow,
		shown: shown{validation: exampleRow, near: true}},
}

// adviceCodes are the codes of advice.
var adviceCodes = []CodeInfo{
	{Code: CodeSecret, Severity: SeverityNote, Title: "A text looks as if it held a secret",
		Action: "Look at the text; if it holds a key, a token or a password, remove the record and have the secret replaced: a tuned model can repeat it.",
		Source: sourceOwn, Format: FormatPromptCompletion,
		Bad:   `{"prompt": "How do I log in?", "completion": "With the password hunter2."}`,
		Good:  `{"prompt": "How do I log in?", "completion": "With your own password."}`,
		shown: shown{marks: "hunter2"}},
	{Code: CodePersonalData, Severity: SeverityNote, Title: "A text looks as if it held personal data",
		Action: "Look at the text, and mask what identifies a person unless you may train on it. Only e-mail addresses, card numbers and IBANs are looked for.",
		Source: sourceOwn, Format: FormatPromptCompletion,
		Bad:   `{"prompt": "Whom do I ask?", "completion": "Write to ann@example.com."}`,
		Good:  `{"prompt": "Whom do I ask?", "completion": "Write to the help desk."}`,
		shown: shown{marks: "ann@example.com"}},
	{Code: CodeLengthOutlier, Severity: SeverityNote, Title: "A record is far longer than the others",
		Action: "Look at the record: a long one among short ones is often two that were joined, or a page that was pasted whole.",
		Source: sourceOwn, Format: FormatPromptCompletion,
		Bad:  exampleRows("") + "\n" + `{"prompt": "What is the rest?", "completion": "` + strings.Repeat("More and more. ", 4000) + `"}`,
		Good: exampleRows("") + "\n" + `{"prompt": "What is the rest?", "completion": "None."}`},
	{Code: CodeImbalance, Severity: SeverityNote, Title: "One answer stands in most of the training records",
		Action: fmt.Sprintf("Add records with other answers, or remove some: a model that is mostly shown one answer learns to give it. Completions, and the last text of the assistant's last message, are compared as they are written in the JSON, up to %d bytes, in data sets of at least %d records. Nothing is told that is not certain: where there are more than %d different answers, a share of little more than half may be missed.",
			longestAnswer, enoughRecords, countedAnswers),
		Source: sourceOwn, Format: FormatPromptCompletion,
		Bad:  exampleRows("Many"),
		Good: exampleRows("")},
}

// fileCodes are the codes of the file and the object that it is.
var fileCodes = []CodeInfo{
	{Code: CodeObjectKey, Severity: SeverityError, Title: "The object's key is not one that Bedrock takes",
		Action: "Rename the object: letters, digits and - ! _ * ' ( ) . are allowed, a / between parts that are not empty, and 1,024 characters in all. No =, so no names like dt=2026-11-23.",
		Source: sourceAPI,
		Bad:    "training/dt=2026-11-23/data.jsonl",
		Good:   "training/2026-11-23/data.jsonl",
		shown:  shown{key: true}},
	{Code: CodeFileExtension, Severity: SeverityError, Title: "The file's name does not end in .jsonl",
		Action: "Rename the file; a data set is JSON Lines, and Bedrock takes it by this ending.",
		Source: sourceData + "; " + sourceNovaScript,
		Bad:    "training/data.json",
		Good:   "training/data.jsonl",
		shown:  shown{key: true}},
	{Code: CodeFileChanged, Severity: SeverityError, Title: "The file changed while it was read",
		Action: "Check it again when nothing writes to it any more: the report is about neither what was there before nor what is there now.",
		Source: sourceOwn,
		Bad:    "data.jsonl is appended to while it is checked",
		Good:   "data.jsonl is written to another name, renamed, and then checked",
		shown:  shown{elsewhere: true}},
	{Code: CodeUnpackedTooLarge, Severity: SeverityError, Title: "The compressed file unpacks to more than is read",
		Action: "Look where the file comes from; if it is what it should be, unpack it and check the unpacked file.",
		Source: sourceOwn,
		Bad:    "data.jsonl.gz of 1 MB unpacks to hundreds of gigabytes",
		Good:   "data.jsonl.gz unpacks to a data set within the base model's limits",
		shown:  shown{elsewhere: true}},
	{Code: CodeObjectKeyOnNova, Severity: SeverityWarning, Title: "The object's key is not one that Nova's guide allows",
		Action: "Rename the object if the base model is Nova: letters, digits and _ - / . only.",
		Source: sourceNova + "; " + sourceNovaScript,
		Bad:    "training/data(1).jsonl",
		Good:   "training/data-1.jsonl",
		shown:  shown{key: true}},
	{Code: CodeMediaUnchecked, Severity: SeverityWarning, Title: "The media files were not looked for",
		Action: "Make sure that every file the records name is there. More objects lie below the model's media prefix than are looked through; a data set under another model's name has a prefix of its own.",
		Source: sourceOwn,
		Bad:    "media/cats/ holds two million objects",
		Good:   "media/cats/ holds the files that the records name",
		shown:  shown{elsewhere: true}},
}
