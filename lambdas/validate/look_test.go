package main

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/dataset"
	"github.com/tuneline/tuneline/internal/finetune"
)

// told is a password as gitleaks knows one, and a card number that no bank gives
// out, in records among good ones.
const (
	toldSecret = "the access key is AKIA" + "Y3FDGNQZK5WBLT2P"
	toldCard   = "my card is 4111 1111 1111 1111"
)

// spoiled is a data set of 122 records, of which the last two tell what they should not.
func spoiled() string {
	good := records(122, "router")
	lines := strings.SplitAfter(good, "\n")
	for i, text := range []string{toldSecret, toldCard} {
		lines[120+i] = strings.Replace(lines[120+i], "How do I", text+". How do I", 1)
	}
	return strings.Join(lines, "")
}

// Ensure secrets and personal data are told of by line and kind, refused where
// the stack says so, and never repeated.
func TestLook(t *testing.T) {
	for name, test := range map[string]struct {
		secrets, personalData string
		want                  map[dataset.Code]dataset.Severity
		notLookedFor          []string
	}{
		"ignored":             {"ignore", "ignore", map[dataset.Code]dataset.Severity{}, []string{"secrets", "personal data"}},
		"noted":               {"note", "note", map[dataset.Code]dataset.Severity{dataset.CodeSecret: "note", dataset.CodePersonalData: "note"}, nil},
		"secrets refused":     {"refuse", "note", map[dataset.Code]dataset.Severity{dataset.CodeSecret: "error", dataset.CodePersonalData: "note"}, nil},
		"only a card refused": {"ignore", "refuse", map[dataset.Code]dataset.Severity{dataset.CodePersonalData: "error"}, []string{"secrets"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBucket(map[string]string{dataKey: spoiled()})
			h := newTestHandler(t, b)
			h.look = mustLook(t, test.secrets, test.personalData)
			_, err := h.Handle(t.Context(), input)
			refused := slices.Contains(slices.Collect(maps.Values(test.want)), dataset.SeverityError)
			if refused {
				checkError(t, err, finetune.DatasetRejected, "TL150")
			} else if err != nil {
				t.Errorf("got %v, want it accepted", err)
			}
			text := b.text(finetune.DatasetReportKey(runID))
			var report datasetReport
			if err := json.Unmarshal([]byte(text), &report); err != nil {
				t.Fatal(err)
			}
			if got := suspected(t, report.Training.Findings); !maps.Equal(got, test.want) || report.Training.Accepted == refused {
				t.Errorf("found %v, accepted %v; want %v", got, report.Training.Accepted, test.want)
			}
			if !slices.Equal(report.NotLookedFor, test.notLookedFor) {
				t.Errorf("the report says that %q were not looked for, want %q", report.NotLookedFor, test.notLookedFor)
			}
			if strings.Contains(text, "Y3FDGNQZ") || strings.Contains(text, "4111") || err != nil && strings.Contains(err.Error(), "4111") {
				t.Errorf("what was found is repeated: %v\n%s", err, text)
			}
		})
	}
}

// suspected are the severities of what was found in texts. Each is on its line.
func suspected(t *testing.T, findings []dataset.Finding) map[dataset.Code]dataset.Severity {
	t.Helper()
	lines := map[dataset.Code]int64{dataset.CodeSecret: 121, dataset.CodePersonalData: 122}
	found := map[dataset.Code]dataset.Severity{}
	for _, f := range findings {
		line, ok := lines[f.Code]
		if !ok {
			continue
		}
		if f.Line != line {
			t.Errorf("%s was found on line %d, want %d", f.Code, f.Line, line)
		}
		found[f.Code] = f.Severity
	}
	return found
}

// Ensure what is too large to be looked through is said to be, and refused where
// nothing may be trained on that nobody looked through.
func TestLookInTime(t *testing.T) {
	for name, test := range map[string]struct {
		secrets string
		spare   int64
		refused bool
		left    int
	}{
		"just fits":              {"refuse", 0, true, 0}, // for the secret in it
		"too large to be noted":  {"note", -1, false, 2},
		"too large to be let by": {"refuse", -1, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			data, validation := spoiled(), records(10, "camera")
			b := newBucket(map[string]string{dataKey: data, finetune.ValidationKey("support"): validation})
			h := newTestHandler(t, b)
			h.look = mustLook(t, test.secrets, "note")
			h.lookTo = int64(len(data)+len(validation)) + test.spare
			_, err := h.Handle(t.Context(), input)
			if !test.refused && err != nil {
				t.Errorf("got %v, want it accepted", err)
			}
			read := b.called(t, "GetObject "+dataKey) > 0
			if test.refused && test.spare < 0 {
				checkError(t, err, finetune.DatasetRejected, "dataset.secrets")
				if read {
					t.Error("the data were read")
				}
				return
			}
			var report datasetReport
			if err := json.Unmarshal([]byte(b.text(finetune.DatasetReportKey(runID))), &report); err != nil {
				t.Fatal(err)
			}
			if found := report.Training.Counts[dataset.CodeSecret]; len(report.NotLookedFor) != test.left || (found == 1) != (test.left == 0) {
				t.Errorf("found %d secrets, and %q were not looked for", found, report.NotLookedFor)
			}
		})
	}
}

func mustLook(t *testing.T, secrets, personalData string) look {
	t.Helper()
	l, err := newLook(secrets, personalData)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
