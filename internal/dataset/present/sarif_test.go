package present

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/tuneline/tuneline/internal/dataset"
)

func sarifOf(t *testing.T, files []File) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := SARIF(&out, files, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestSARIF leaves out the rules, which are the table of codes; they have a test
// of their own.
func TestSARIF(t *testing.T) {
	log := sarifLog(examples(), "1.2.3")
	log.Runs[0].Tool.Driver.Rules = []*sarif.ReportingDescriptor{}
	for _, r := range log.Runs[0].Results {
		r.WithRuleIndex(-1)
	}
	var got bytes.Buffer
	if err := log.PrettyWrite(&got); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.sarif", got.Bytes())
}

// TestSARIFRules: every code is a rule that says what to do and where to read on.
func TestSARIFRules(t *testing.T) {
	rules := sarifLog(nil, "").Runs[0].Tool.Driver.Rules
	codes := dataset.Codes()
	if len(rules) != len(codes) {
		t.Fatalf("%d rules, want one for each of the %d codes", len(rules), len(codes))
	}
	for i, rule := range rules {
		want := codes[i]
		switch {
		case *rule.ID != string(want.Code), rule.DefaultConfiguration.Level != string(want.Severity):
			t.Errorf("rule %s of level %s stands where %s %s should", *rule.ID, rule.DefaultConfiguration.Level, want.Severity, want.Code)
		case *rule.ShortDescription.Text != want.Title, *rule.Help.Text != want.Action:
			t.Errorf("rule %s does not say what the code's title and action say", *rule.ID)
		case *rule.HelpURI != codesPage+"#"+strings.ToLower(string(want.Code)):
			t.Errorf("rule %s leads to %s", *rule.ID, *rule.HelpURI)
		}
	}
}

// TestSARIFValid holds what is written, read back, against the JSON schema of
// SARIF 2.1.0.
func TestSARIFValid(t *testing.T) {
	for name, files := range map[string][]File{"examples": examples(), "nothing": nil, "zero": {{}}} {
		log, err := sarif.FromBytes(sarifOf(t, files), sarif.WithStrictValidation())
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The test of the test: a log without a version is refused.
	log, err := sarif.FromString(`{"runs": []}`, sarif.WithStrictValidation())
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Validate(); err == nil {
		t.Error("a log without a version is valid")
	}
}

// TestSARIFSays checks what a reader relies on, without the schema's help.
func TestSARIFSays(t *testing.T) {
	log, err := sarif.FromBytes(sarifOf(t, examples()), sarif.WithStrictValidation())
	if err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if got, want := len(run.Results), len(example().Findings)+1; got != want {
		t.Errorf("%d results, want %d", got, want)
	}
	for _, r := range run.Results {
		if got := *run.Tool.Driver.Rules[r.RuleIndex].ID; got != *r.RuleID {
			t.Errorf("a result of %s points to the rule %s", *r.RuleID, got)
		}
		if region := r.Locations[0].PhysicalLocation.Region; region != nil && region.StartColumn != nil {
			t.Errorf("a result of %s has a column, which would be read as characters", *r.RuleID)
		}
	}
	invocation := run.Invocations[0]
	if *invocation.ExecutionSuccessful {
		t.Error("the run is successful, though a data set was not checked")
	}
	said := &strings.Builder{}
	for _, n := range invocation.ToolExecutionNotifications {
		said.WriteString(*n.Message.Text + "\n")
	}
	for _, want := range []string{
		"TL1101 was found 8000 times, of which 9 are results",
		"not looked for: near duplicates",
		"the data set was not checked: it does not exist",
	} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("no notification says %q:\n%s", want, said)
		}
	}
}

func TestAddress(t *testing.T) {
	for name, want := range map[string]string{
		"data/train.jsonl":        "data/train.jsonl",
		"../a b%20.jsonl":         "../a%20b%2520.jsonl",
		"a:b.jsonl":               "./a:b.jsonl",
		"/tmp/train.jsonl":        "file:///tmp/train.jsonl",
		"s3://bucket/a key.jsonl": "s3://bucket/a%20key.jsonl",
		"-":                       "-",
		"":                        "",
	} {
		if got := address(name); got != want {
			t.Errorf("address(%q) = %q, want %q", name, got, want)
		}
	}
}

// TestSARIFStable: the same files give the same bytes.
func TestSARIFStable(t *testing.T) {
	first := sarifOf(t, examples())
	if !json.Valid(first) || !bytes.Equal(first, sarifOf(t, examples())) {
		t.Error("two logs of the same files differ, or are not JSON")
	}
}
