package finetune

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
)

// PlainWords is a service's message without what may come out of somebody's data:
// only words that AWS's messages consist of, short numbers and AWS's own kinds of
// ids are left, and whatever stood between them is an ellipsis.
//
// Services quote what they were given, in error messages and in the reasons of jobs
// that failed, and document few of the texts: a ValidationException may hold the
// value that was not valid, and a failed job names the beginning of a record
// (https://docs.aws.amazon.com/bedrock/latest/userguide/fine-tuning-troubleshooting.html).
// Such a text goes into logs, causes, records and notices. Which part of it is
// data cannot be known; which words are not, can.
func PlainWords(message string) string {
	var said []string
	left, number := false, false
	for _, word := range strings.Fields(message[:min(len(message), maxMessage)]) {
		bare := strings.Trim(word, marks)
		isNumber := shortNumber().MatchString(bare)
		switch {
		case bare == "" && len(word) <= 2, plainWords()[strings.ToLower(bare)], isNumber && !number, awsID().MatchString(bare):
			said, left = append(said, word), false
		case !left:
			said, left = append(said, "…"), true
		}
		number = isNumber
	}
	if len(message) > maxMessage && !left {
		said = append(said, "…")
	}
	return strings.Join(said, " ")
}

// MayTell says whether a value that somebody wrote may be told to others: a plain
// name, a number that says how many, or an id of AWS's. Anything else may be
// something private that got into the wrong place.
func MayTell(value string) bool {
	return IsPlainName(value) || shortNumber().MatchString(value) || awsID().MatchString(value)
}

// IsPlainName says whether name looks like one of a format's members: letters, "_"
// and "-", thirty at most, with one number of two digits or one among them. Keys and
// passwords have more or other characters.
func IsPlainName(name string) bool { return len(name) <= 30 && plainName().MatchString(name) }

var plainName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z_][A-Za-z_-]*([0-9]{1,2}[A-Za-z_-]*)?$`)
})

// maxMessage is how many bytes of a message are read.
const maxMessage = 2000

// marks may stand at either end of a word.
const marks = `.,:;!?()[]{}"'` + "`*-"

//go:embed plainwords.txt
var plainWordsText string

// plainWords are the words of plainwords.txt, in lower case.
var plainWords = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for word := range strings.FieldsSeq(plainWordsText) {
		words[strings.ToLower(word)] = true
	}
	return words
})

// shortNumber is a number that says how many: too short for one that stands for
// somebody. Two in a row are no such numbers.
var shortNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-?[0-9]{1,6}(\.[0-9]{1,6})?%?$`) })

// awsID are ids that AWS or this pipeline makes, none of which holds data: ARNs,
// actions, names of errors, ids of requests, quotas, networks and base models, and
// what a run makes.
var awsID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(` + strings.Join([]string{
		`arn:aws[a-z-]*:[a-z0-9-]{1,32}:[a-z0-9-]{0,32}:[0-9]{0,12}:[A-Za-z0-9/_.:*+=@-]{1,200}`,
		`(bedrock|cloudwatch|ec2|execute-api|iam|kms|lambda|logs|s3|sns|states|sts):[A-Z][A-Za-z]{1,60}\*?`,
		`[A-Z][A-Za-z]{1,60}(Exception|Error)`,
		`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`,
		`L-[0-9A-F]{8}`,
		`(subnet|sg|vpc|vpce|eni)-[0-9a-f]{8,17}`,
		`[a-z]{2}(-[a-z]{1,12}){1,2}-[0-9]`,
		`(amazon|meta|anthropic)\.[a-z0-9-]{1,60}(:[0-9]{1,3}k?){0,3}`,
		`[A-Za-z0-9-]{1,40}-[0-9a-f]{16}`,
		`(s3://[a-z0-9-]{3,63}/)?(accepted|outputs)/[0-9a-f]{16}/[a-z0-9-]{0,30}(\.jsonl)?`,
		`(?i:(train|validation-[0-9a-f]{8})\.jsonl)`,
	}, "|") + `)$`)
})
