package finetune

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// dataFaults are the texts by which Bedrock says that the data set is at fault,
// when it refuses a job and when a job fails later
// (https://docs.aws.amazon.com/bedrock/latest/userguide/fine-tuning-troubleshooting.html).
// Each is found by a part of the text, in whatever case, that is long enough not
// to stand in a message about quotas or a service's fault: a run that is Rejected
// is not tried again. As everything here that costs time to make, they are made
// when they are first needed: every function starts with this package, and most
// need none of it.
var dataFaults = sync.OnceValue(func() []dataFault {
	return []dataFault{
		{regexp.MustCompile(`(?i)unable to parse amazon s3 file`), "Bedrock finds a line that is no JSON record, which the check did not: fix the line it names, upload again, and report the difference"},
		{regexp.MustCompile(`(?i)input size exceeded in file`), "a record has more characters than the base model takes, which the check did not find: shorten it, upload again, and report the difference"},
		{regexp.MustCompile(`(?i)maximum (input|output) token count( \d+)? exceed`), recordTooLong},
		{regexp.MustCompile(`(?i)sum of input and output token length( \d+)? exceed`), recordTooLong},
		{regexp.MustCompile(`(?i)automated tests flagged`), "the model provider's content policy refuses the data set, which no check foresees: remove what it forbids and upload again"},
	}
})

// dataFault is a text of Bedrock's, and what is to be done about it.
type dataFault struct {
	text *regexp.Regexp
	next string
}

const recordTooLong = "a record has more tokens than the base model takes; the check only estimates them, by its characters: shorten the longest records and upload again"

// DataFault says whether a message of Bedrock's blames the data set. What it
// returns is the message in [PlainWords] and what is to be done: Bedrock puts a
// record's beginning into some of them, and nothing out of a data set goes into an
// error.
func DataFault(message string) (explained string, ok bool) {
	for _, fault := range dataFaults() {
		if fault.text.MatchString(message) {
			said := strings.TrimRight(PlainWords(message), " .:")
			return fmt.Sprintf("Bedrock says: %s. That means: %s", said, fault.next), true
		}
	}
	return "", false
}
