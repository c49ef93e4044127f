package finetune

import (
	"strings"
	"testing"
	"unicode"
)

// Ensure what people need of a message is left, and nothing that may be data.
func TestPlainWords(t *testing.T) {
	for message, want := range map[string]string{
		"":                              "",
		"The loss became NaN in step 7": "The loss became NaN in step 7",
		"Internal capacity error":       "Internal capacity error",
		"Maximum input token count 4097 exceeds limit of 4096":                       "Maximum input token count 4097 exceeds limit of 4096",
		"The role must have a name starting with Amazon; look at the policy":         "The role must have a name starting with Amazon; look at the policy",
		`Malformed input request: {"prompt":"zanzibar is far"}, please reformat`:     "Malformed input request: … is … please …",
		"Input size exceeded in file train.jsonl for record starting with zan zibar": "Input size exceeded in file train.jsonl for record starting with …",
		"card 4111 1111 1111 1111 of row 3":                                          "… 4111 … of row 3",
		"account 111122223333":                                                       "account …",
		"Value '4097' at 'hyperParameters' failed to satisfy constraint":             "Value '4097' at 'hyperParameters' failed to satisfy …",
		"a\x00b \u202ezanzibar\nthe rest":                                            "… the rest",
		"User: arn:aws:sts::111122223333:assumed-role/tuneline-Submit/f is not authorized to perform: bedrock:CreateModelCustomizationJob on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k because no identity-based policy allows the bedrock:CreateModelCustomizationJob action": "User: arn:aws:sts::111122223333:assumed-role/tuneline-Submit/f is not authorized to perform: bedrock:CreateModelCustomizationJob on resource: arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k because no identity-based policy allows the bedrock:CreateModelCustomizationJob action",
		"No model amazon.nova-micro-v1:0:128k in us-east-1 for support-0123456789abcdef (L-C02E1E99)": "No model amazon.nova-micro-v1:0:128k in us-east-1 for support-0123456789abcdef (L-C02E1E99)",
	} {
		if got := PlainWords(message); got != want {
			t.Errorf("PlainWords(%q) =\n%q, want\n%q", message, got, want)
		}
	}
}

// Ensure Bedrock's documented texts on jobs are told in full: none of their words
// may come out of somebody's data
// (https://docs.aws.amazon.com/bedrock/latest/userguide/fine-tuning-troubleshooting.html).
func TestPlainWordsKeepWhatIsDocumented(t *testing.T) {
	for _, message := range []string{
		"Unable to parse Amazon S3 file: train.jsonl. Data files must conform to JSONL format.",
		"Maximum output token count 4097 exceeds limit of 4096",
		"Max sum of input and output token length 4097 exceeds total limit of 4096",
		"Automated tests flagged this fine-tuning job as including materials that are potentially inconsistent with license terms.",
		"Could not validate GetObject permissions to access Amazon S3 bucket",
		"Amazon S3 perms missing (PutObject)",
		"Encountered an unexpected error when processing the request, please try again",
	} {
		if got := PlainWords(message); got != message {
			t.Errorf("PlainWords(%q) = %q", message, got)
		}
		before, _ := DataFault(message)
		if after, _ := DataFault(PlainWords(message)); after != before {
			t.Errorf("of %q is said %q, want %q", message, after, before)
		}
	}
}

// FuzzPlainWords ensures that nothing is told but plain words, short numbers and
// AWS's ids, whatever the message, and that what is told once stays.
func FuzzPlainWords(f *testing.F) {
	for _, seed := range []string{"", "the loss", "zanzibar", "4111 1111", "arn:aws:s3:::b/k", "\xff\xfe the", strings.Repeat("a ", 3000), "…", "(the)", "s3://b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, message string) {
		told := PlainWords(message)
		for _, word := range strings.Fields(told) {
			bare := strings.Trim(word, marks)
			if word != "…" && bare != "" && !plainWords()[strings.ToLower(bare)] && !shortNumber().MatchString(bare) && !awsID().MatchString(bare) {
				t.Errorf("%q of %q is told", word, message)
			}
		}
		if strings.ContainsFunc(told, unicode.IsControl) || len(told) > 3*maxMessage {
			t.Errorf("told %q", told)
		}
		if again := PlainWords(told); again != told {
			t.Errorf("%q becomes %q", told, again)
		}
	})
}
