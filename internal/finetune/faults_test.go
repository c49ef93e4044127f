package finetune

import (
	"strings"
	"testing"
)

// Ensure the documented texts about data are known, and those about anything
// else are not taken for them.
func TestDataFault(t *testing.T) {
	tests := map[string]bool{
		"Unable to parse Amazon S3 file: fileName.jsonl. Data files must conform to JSONL format.":                                  true,
		"Input size exceeded in file fileName.jsonl for record starting with...":                                                    true,
		"Maximum input token count 4097 exceeds limit of 4096":                                                                      true,
		"Max sum of input and output token length 4097 exceeds total limit of 4096":                                                 true,
		"Automated tests flagged this fine-tuning job as including materials that are potentially inconsistent with license terms.": true,
		"Could not validate GetObject permissions to access Amazon S3 bucket":                                                       false,
		"Amazon S3 perms missing (PutObject)":                                                                                       false,
		"Encountered an unexpected error when processing the request, please try again":                                             false,
		"The token count per minute exceeds the account's quota":                                                                    false,
		"Too many requests: maximum token count reached, wait before trying again":                                                  false,
		"Input size exceeded the quota of the account":                                                                              false,
		"An internal error occurred while processing the token count of the request":                                                false,
		"Maximum output token count 4097 exceeds limit of 4096":                                                                     true,
		"": false,
	}
	for message, want := range tests {
		explained, got := DataFault(message)
		if got != want || (explained != "") != want {
			t.Errorf("DataFault(%q) = %q, %v; want %v and an explanation with it", message, explained, got, want)
		}
	}
}

// Ensure what Bedrock quotes of a record is told nowhere.
func TestDataFaultHoldsNoData(t *testing.T) {
	explained, ok := DataFault(`Input size exceeded in file train.jsonl for record starting with {"prompt":"zanzibar`)
	want := "Bedrock says: Input size exceeded in file train.jsonl for record starting with …. That means: "
	if !ok || !strings.HasPrefix(explained, want) || strings.Contains(explained, "zanzibar") {
		t.Errorf("got %q, want it to begin with %q and hold no data", explained, want)
	}
}
