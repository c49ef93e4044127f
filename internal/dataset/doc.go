// Package dataset checks a JSONL data set for Bedrock model customization and
// says, row by row, what is wrong and what to do about it, before a job is
// paid for.
//
// [Check] reads a stream once and returns a [Report]. Its memory grows with the
// file by the fingerprints that duplicates are found by, and by nothing else.
// JSON is judged by the jsontext decoder: RFC 8259, UTF-8, no key twice, no lone
// surrogate. On top of it stand the rules of one record format
// ([FormatPromptCompletion], [FormatConversation], [FormatAnthropic],
// [FormatDistillation], [FormatReinforcement], [FormatImageCaption]) and of one
// base model ([Rules], [Limits]), as Bedrock's and Nova's "prepare your data"
// pages give them. Where AWS's pages disagree, the documented limit is an error
// and the stricter one a warning. Every finding has a stable code ([Codes]), a
// line, a byte column and a JSON pointer, and never holds a value from the data
// set.
//
// Media are checked by the structure of their blocks; the files are not read.
package dataset
