package registry

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
)

// noon is when these tests happen.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const someRun = finetune.RunID("0123456789abcdef")

func price(v float64) *float64 { return &v }

// approval is one that counts at noon for up to 24 USD an hour.
func approval() Approval {
	return Approval{Run: someRun, Purpose: finetune.PurposeServing, Decision: Approve, USD: price(24), By: "arn:aws:sts::111122223333:assumed-role/operator/ann", At: noon.Add(-time.Hour), Until: noon.Add(time.Hour)}
}

// Ensure what is written is read, and the last word stands.
func TestApprovalIsReplaced(t *testing.T) {
	store, _ := newStore()
	if _, err := store.Approval(t.Context(), someRun, finetune.PurposeServing); !errors.Is(err, ErrNotFound) {
		t.Errorf("without an approval: %v", err)
	}
	for _, decision := range []string{Approve, Reject, Approve} {
		a := approval()
		a.Decision = decision
		if err := store.WriteApproval(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		got, err := store.Approval(t.Context(), someRun, finetune.PurposeServing)
		if err != nil || got.Decision != decision || *got.USD != 24 || !got.Until.Equal(a.Until) || got.By != a.By {
			t.Errorf("got %+v, %v; want %+v", got, err, a)
		}
	}
	if _, err := store.Approval(t.Context(), someRun, finetune.PurposeTraining); !errors.Is(err, ErrNotFound) {
		t.Errorf("of the other purpose: %v", err)
	}
}

// Ensure what a person may have written by hand is refused in words unless it is
// an approval.
func TestMalformedApproval(t *testing.T) {
	const rest = `"run":"0123456789abcdef","purpose":"serving","usd":24,"by":"arn:aws:sts::111122223333:assumed-role/operator/ann","at":"2026-11-23T11:00:00Z","until":"2026-11-23T13:00:00Z"`
	for text, want := range map[string]string{
		``:                                    "no JSON",
		`{`:                                   "no JSON",
		`[]`:                                  "is no object",
		`"yes"`:                               "is no object",
		`{` + rest + `}`:                      "its decision is neither",
		`{"decision":"Approve",` + rest + `}`: "its decision is neither approve nor reject",
		`{"decision":"approve","upto":"x",` + rest + `}`: "upto",
		`{"decision":"approve",` + rest + `}{}`:          "no JSON in UTF-8 from byte",
		`{"decision":"approve"}`:                         "by whom, as the ARN of who is signed in, and when",
		`{"decision":"approve","by":"arn:aws:sts::111122223333:assumed-role/a/\n","at":"2026-11-23T11:00:00Z"}`: "by whom, as",
		`{"decision":"approve","by":"x"}`:                                        "by whom, as the ARN of who is signed in, and when",
		`{"decision":"approve",` + strings.Replace(rest, "24", "-1", 1) + `}`:    "price is -1",
		`{"decision":"approve",` + strings.Replace(rest, "24", `"24"`, 1) + `}`:  "usd",
		`{"decision":"approve",` + strings.Repeat(" ", maxApproval) + rest + `}`: "too long",
	} {
		store, b := newStore()
		b.objects["approvals/0123456789abcdef-serving.json"] = []byte(text)
		_, err := store.Approval(t.Context(), someRun, finetune.PurposeServing)
		if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want ErrMalformed that says %q", text, err, want)
		}
	}
	store, b := newStore()
	b.objects["approvals/0123456789abcdef-serving.json"] = []byte(`{"decision":"approve",` + rest + `}`)
	if a, err := store.Approval(t.Context(), someRun, finetune.PurposeServing); err != nil || a.Check(someRun, finetune.PurposeServing, price(24), noon) != nil {
		t.Errorf("by hand and well formed: %+v, %v", a, err)
	}
}

// Ensure an approval counts for its run, purpose, time and price only, and a
// rejection for its run and purpose at any time and price.
func TestApprovalCounts(t *testing.T) {
	tests := map[string]struct {
		change func(*Approval)
		usd    *float64
		want   string
	}{
		"at its price":                  {func(*Approval) {}, price(24), ""},
		"at a lower price":              {func(*Approval) {}, price(23), ""},
		"at a higher price":             {func(*Approval) {}, price(24.01), "given for 24.00 USD, and the price is 24.01 USD now"},
		"at an unknown price":           {func(*Approval) {}, nil, "not known any more"},
		"for an unknown price":          {func(a *Approval) { a.USD = nil }, nil, ""},
		"for an unknown, at a known":    {func(a *Approval) { a.USD = nil }, price(1), "was not known, and that is 1.00 USD now"},
		"another run's":                 {func(a *Approval) { a.Run = "fedcba9876543210" }, price(24), "about another run"},
		"another purpose's":             {func(a *Approval) { a.Purpose = finetune.PurposeTraining }, price(24), "about another run or purpose"},
		"expired":                       {func(a *Approval) { a.Until = noon }, price(24), "expired at 2026-11-23T12:00:00Z"},
		"without an expiry":             {func(a *Approval) { a.Until = time.Time{} }, price(24), "expired"},
		"a rejection":                   {func(a *Approval) { a.Decision, a.Until = Reject, time.Time{} }, price(99), ""},
		"a rejection of an unknown":     {func(a *Approval) { a.Decision, a.USD = Reject, nil }, price(1), ""},
		"a rejection of another run":    {func(a *Approval) { a.Decision, a.Run = Reject, "other" }, price(24), "about another run"},
		"a rejection of another's kind": {func(a *Approval) { a.Decision, a.Purpose = Reject, "x" }, price(24), "about another run or purpose"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := approval()
			test.change(&a)
			err := a.Check(someRun, finetune.PurposeServing, test.usd, noon)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// Ensure a run asks what nobody has answered, while it goes on and once it ended
// over that, and nothing else.
func TestAsks(t *testing.T) {
	asked := map[string]finetune.Spend{
		"training": {Purpose: "training", Decision: finetune.DecisionGranted},
		"serving":  {Purpose: "serving", Decision: finetune.DecisionAsked},
	}
	refused := map[string]finetune.Spend{"training": {Purpose: "training", Decision: finetune.DecisionRefused}}
	tests := map[string]struct {
		run  Run
		want string
	}{
		"waiting":             {Run{Spend: asked}, "serving"},
		"before any question": {Run{}, ""},
		"refused, going on":   {Run{Spend: refused}, ""},
		"being closed":        {Run{Spend: asked, Closed: true}, ""},
		"stopped":             {Run{Spend: asked, Closed: true, End: "Failed", Error: "RunClosed"}, ""},
		"gave up":             {Run{Spend: asked, Closed: true, End: "NeedsOperator", Error: "SpendUnanswered"}, "serving"},
		"rejected":            {Run{Spend: refused, Closed: true, End: "Failed", Error: "SpendRefused"}, "training"},
		"deployed":            {Run{Spend: asked, End: "Deployed"}, ""},
	}
	for name, test := range tests {
		var got []string
		for _, spend := range test.run.Asks() {
			got = append(got, spend.Purpose)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: it asks about %q, want %q", name, got, test.want)
		}
	}
}

// FuzzParseApproval ensures that nothing but an approval is taken for one, that none is
// taken twice over, and that why not is told without a word of it.
func FuzzParseApproval(f *testing.F) {
	const good = `{"run":"0123456789abcdef","purpose":"serving","decision":"approve","usd":24,"by":"arn:aws:sts::111122223333:assumed-role/operator/ann","at":"2026-11-23T11:00:00Z","until":"2026-11-23T13:00:00Z"}`
	for _, seed := range []string{good, good[:40], good + good, "", "null", "[]", strings.Replace(good, "approve", "zanzibar", 1), strings.Replace(good, "arn:", "zanzibar:", 1), strings.Replace(good, `"usd"`, `"zan zibar"`, 1), strings.Replace(good, "24", "1e999", 1)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := parseApproval(text)
		if err != nil {
			if strings.Contains(strings.ReplaceAll(err.Error(), "zanzibar at byte", ""), "zanzibar") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if a.Decision != Approve && a.Decision != Reject || !strings.HasPrefix(a.By, "arn:aws") || a.At.IsZero() || a.USD != nil && !(*a.USD >= 0) {
			t.Errorf("%q is taken for %+v", text, a)
		}
	})
}
