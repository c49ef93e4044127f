package finetune

import (
	"fmt"
	"regexp"
	"strings"
)

// dataFaults are the texts by which Bedrock says that the data set is at fault,
// when it refuses a job and when a job fails later
// (https://docs.aws.amazon.com/bedrock/latest/userguide/fine-tuning-troubleshooting.html).
// Each is found by a part of the text, in whatever case.
var dataFaults = []struct{ text, next string }{
	{"unable to parse amazon s3 file", "Bedrock finds a line that is no JSON record, which the check did not: fix the line it names, upload again, and report the difference"},
	{"input size exceeded", "a record has more characters than the base model takes, which the check did not find: shorten it, upload again, and report the difference"},
	{"token count", recordTooLong},
	{"sum of input and output token", recordTooLong},
	{"automated tests flagged", "the model provider's content policy refuses the data set, which no check foresees: remove what it forbids and upload again"},
}

const recordTooLong = "a record has more tokens than the base model takes; the check only estimates them, by its characters: shorten the longest records and upload again"

// DataFault says whether a message of Bedrock's blames the data set. What it
// returns is the message and what is to be done, without the record's beginning
// that Bedrock puts into some of them: nothing out of a data set goes into an
// error.
func DataFault(message string) (explained string, ok bool) {
	lower := strings.ToLower(message)
	for _, fault := range dataFaults {
		if strings.Contains(lower, fault.text) {
			said := strings.TrimRight(record.ReplaceAllString(message, ""), " .:")
			return fmt.Sprintf("Bedrock says: %s. That means: %s", said, fault.next), true
		}
	}
	return "", false
}

// record is a record's beginning in a message, and what follows it.
var record = regexp.MustCompile(`(?is)starting with.*`)
