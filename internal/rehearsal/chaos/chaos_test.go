package chaos

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/s3"
)

func TestMain(m *testing.M) {
	s3.RunIfChild()
	os.Exit(m.Run())
}

// sample is how many scenarios "make test" plays, in about a minute on two
// processors; "make chaos" plays all.
const sample = 150

// options are those of the tests, with the seed of CHAOS_SEED or a new one.
func options(t *testing.T) Options {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Root: root, Clouds: 3, Seed: uint64(time.Now().Unix())} //nolint:gosec // after 1970
	if text := os.Getenv("CHAOS_SEED"); text != "" {
		if o.Seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// Ensure the pipeline survives a sample of all faults.
func TestSample(t *testing.T) {
	o := options(t)
	o.Sample = sample
	t.Logf("CHAOS_SEED=%d", o.Seed)
	result := played(t, o)
	for _, outcome := range result.Violated {
		for _, v := range outcome.Violations {
			t.Errorf("CHAOS_ONLY='%s': %s", outcome.Scenario.ID(), v)
		}
		t.Log(outcome.Log)
	}
	for _, outcome := range result.Unfired {
		t.Errorf("CHAOS_ONLY='%s': the fault never struck", outcome.Scenario.ID())
	}
	if result.Played != sample {
		t.Errorf("%d scenarios were played, want %d", result.Played, sample)
	}
}

// Ensure the suite notices when the functions lose their idempotency: the test
// of the test.
func TestBrokenBuildIsNoticed(t *testing.T) {
	o := options(t)
	o.Broken = true
	o.Only = []string{
		"ondemand-first/SubmitJob/bedrock:CreateModelCustomizationJob",
		"provisioned-first/SecureThroughput/bedrock:CreateProvisionedModelThroughput",
		"provisioned-first/SecureThroughput/lambda:InvokeFunction#1/lost",
	}
	result := played(t, o)
	for _, want := range []Invariant{OneJob, OneBill, Owned} {
		if result.Kinds()[want] == 0 {
			t.Errorf("nothing violates %q; violated are %v", want, result.Kinds())
		}
	}
	if result.Survived == 0 || result.Err() != nil {
		t.Errorf("%d scenarios survived, %v; want some that make nothing twice, and no error", result.Survived, result.Err())
	}
}

func played(t *testing.T, o Options) Result {
	t.Helper()
	suite, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	result, err := suite.Play(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	result.Print(&text)
	t.Log(text.String())
	return result
}

// Ensure scenarios are the same for the same seed, without repetition, and that
// every one of a workload's own is kept.
func TestChoose(t *testing.T) {
	var all []Scenario
	for _, state := range []string{"SubmitJob", "PublishEndpoint"} {
		for nth := range 20 {
			all = append(all, Scenario{Workload: Workload{ID: "w", States: []string{"Publish"}}, at: point{place: place{state: state, action: "s3:PutObject", on: "runs"}, nth: nth + 1}, fault: failed})
		}
	}
	chosen := func(seed uint64) []string {
		s := Suite{Scenarios: slices.Clone(all), o: Options{Others: 5, Seed: seed}}
		s.choose()
		var ids []string
		for _, c := range s.Scenarios {
			ids = append(ids, c.ID())
		}
		return ids
	}
	first := chosen(1)
	if !slices.Equal(first, chosen(1)) || slices.Equal(first, chosen(2)) {
		t.Errorf("the seed does not decide: %q", first)
	}
	if len(first) != 25 || len(slices.Compact(slices.Sorted(slices.Values(first)))) != 25 {
		t.Errorf("chose %d: %q", len(first), first)
	}
	if got := draw(rand.New(rand.NewPCG(1, 1)), all, 1000); len(got) != len(all) { //nolint:gosec // the same draw in every run
		t.Errorf("drew %d of %d", len(got), len(all))
	}
}

// Ensure what is like another scenario is drawn and not played each time.
func TestSplit(t *testing.T) {
	of := func(action, on string, nth int, f fault) Scenario {
		return Scenario{at: point{place: place{state: "s", action: action, on: on}, nth: nth}, fault: f}
	}
	wantOwn := []Scenario{
		of("s3:GetObject", "runs", 1, failed), of("s3:PutObject", "runs", 9, throttled), of("s3:PutObject", "registry", 2, reset),
		of("bedrock:DeleteCustomModelDeployment", "custom-model-deployment", 5, failed), of("bedrock:UpdateProvisionedModelThroughput", "", 3, doubled),
		of("s3:PutObject", "reports", 1, throttled), of("events:DisableRule", "", 1, reset), of(invocation, "", 1, lost), of(entry, "", 1, again),
	}
	wantOthers := []Scenario{
		of("s3:GetObject", "runs", 2, failed), of("s3:GetObject", "runs", 1, throttled), of("bedrock:ListCustomModels", "", 1, reset),
		of("s3:PutObject", "reports", 2, killed), of("events:DisableRule", "", 2, denied), of(invocation, "", 2, lost), of(entry, "", 2, again),
	}
	own, others := split(slices.Concat(wantOthers, wantOwn))
	if !reflect.DeepEqual(own, wantOwn) || !reflect.DeepEqual(others, wantOthers) {
		t.Errorf("own are %v, others %v", own, others)
	}
}

func TestResourceKind(t *testing.T) {
	for want, c := range map[string]calls.Call{
		"runs":                    {Action: "s3:PutObject", Resource: "arn:aws:s3:::bucket/runs/0123456789abcdef.json"},
		"bucket":                  {Action: "s3:ListBucket", Resource: "arn:aws:s3:::bucket"},
		"custom-model-deployment": {Action: "bedrock:GetCustomModelDeployment", Resource: "arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/abc"},
		"foundation-model":        {Action: "bedrock:GetFoundationModel", Resource: "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0:128k"},
		"":                        {Action: "bedrock:ListCustomModelDeployments", Resource: "*"},
	} {
		if got := resourceKind(c); got != want {
			t.Errorf("%s on %s is about %q, want %q", c.Action, c.Resource, got, want)
		}
	}
}

// Ensure each of the invariants on the books is noticed when it does not hold.
func TestBooks(t *testing.T) {
	at := func(minute int) time.Time { return time.Date(2026, 11, 23, 9, minute, 0, 0, time.UTC) }
	bill := func(arn string, since, until int) bedrock.Billed {
		b := bedrock.Billed{ARN: arn, Hourly: true, Since: at(since), Tags: map[string]string{finetune.TagRun: "r"}}
		if until > 0 {
			b.Until = at(until)
		}
		return b
	}
	open := map[finetune.RunID]registry.Run{"r": {}}
	tests := map[string]struct {
		books books
		check func(books) []Violation
		want  Invariant
	}{
		"one job":       {books{jobs: []bedrock.Job{{TrainingURI: "a"}, {TrainingURI: "b"}}}, books.checkJobs, ""},
		"two jobs":      {books{jobs: []bedrock.Job{{TrainingURI: "a"}, {TrainingURI: "a"}}}, books.checkJobs, OneJob},
		"one by one":    {books{ledger: []bedrock.Billed{bill("a", 1, 5), bill("b", 5, 0)}}, limited(2), ""},
		"one too many":  {books{ledger: []bedrock.Billed{bill("a", 1, 5), bill("b", 6, 7)}}, limited(1), OneBill},
		"two at a time": {books{ledger: []bedrock.Billed{bill("b", 4, 0), bill("a", 1, 5)}}, limited(2), OneBill},
		"ended":         {books{ledger: []bedrock.Billed{bill("a", 1, 5)}}, owners(false), ""},
		"nobody's":      {books{ledger: []bedrock.Billed{bill("a", 1, 0)}}, owners(true), Owned},
		"a run's":       {books{ledger: []bedrock.Billed{bill("a", 1, 0)}, runs: open}, owners(true), ""},
		"a dead run's":  {books{ledger: []bedrock.Billed{bill("a", 1, 0)}, runs: open}, owners(false), Owned},
		"served from":   {books{ledger: []bedrock.Billed{bill("a", 1, 0)}, model: registry.Model{Serving: &registry.Capacity{ThroughputARN: "a"}}}, owners(false), ""},
		"kept":          {books{ledger: []bedrock.Billed{bill("a", 1, 0)}, model: registry.Model{Previous: &registry.Capacity{ThroughputARN: "a"}}}, owners(false), ""},
		"leased":        {books{ledger: []bedrock.Billed{bill("a", 1, 0)}, model: registry.Model{Lease: &registry.Lease{ThroughputARN: "a"}}}, owners(false), ""},
		"in a notice":   {books{ledger: []bedrock.Billed{bill("arn:x", 1, 0)}, notices: []string{"delete arn:x"}}, owners(true), ""},
		"told in vain":  {books{ledger: []bedrock.Billed{bill("arn:x", 1, 0)}, notices: []string{"delete arn:x"}}, owners(false), Owned},
		"in the record": {books{ledger: []bedrock.Billed{bill("arn:x", 1, 0)}, runs: map[finetune.RunID]registry.Run{"r": {End: "NeedsOperator", Unreleased: []string{"arn:x is left"}}}}, owners(true), ""},
		"a job goes on": {books{jobs: []bedrock.Job{{ARN: "arn:job", Status: "InProgress"}}}, owners(true), Owned},
		"not told":      {books{mended: []string{"arn:execution"}}, books.checkMended, Owned},
		"told":          {books{mended: []string{"arn:execution"}, notices: []string{"arn:execution failed"}}, books.checkMended, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			found := test.check(test.books)
			if noticed := len(found) > 0; noticed != (test.want != "") || noticed && found[0].Invariant != test.want {
				t.Errorf("found %v, want %q", found, test.want)
			}
		})
	}
}

func limited(limit int) func(books) []Violation {
	return func(b books) []Violation { return b.checkBills(limit, false) }
}

func owners(open bool) func(books) []Violation {
	return func(b books) []Violation { return b.checkOwners(open) }
}

// Ensure a result is an error when it proves nothing or shows something.
func TestResultErr(t *testing.T) {
	violated := Outcome{Fired: 1, Violations: []Violation{{OneJob, "two"}}}
	tests := map[string]struct {
		broken   bool
		outcomes []Outcome
		fails    bool
	}{
		"all survived":      {outcomes: []Outcome{{Fired: 1}}},
		"violated":          {outcomes: []Outcome{{Fired: 1}, violated}, fails: true},
		"never struck":      {outcomes: []Outcome{{Fired: 1}, {}}, fails: true},
		"broken, noticed":   {broken: true, outcomes: []Outcome{{Fired: 1}, violated}},
		"broken, unnoticed": {broken: true, outcomes: []Outcome{{Fired: 1}}, fails: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := Result{Broken: test.broken}
			for _, o := range test.outcomes {
				r.add(o)
			}
			if err := r.Err(); (err != nil) != test.fails {
				t.Errorf("got %v", err)
			}
			if r.Played != len(test.outcomes) || r.Survived+len(r.Violated)+len(r.Unfired) != r.Played {
				t.Errorf("counted %+v", r)
			}
		})
	}
}

// Ensure the figures of a run that was cut say so before anything else, and those of
// one that was not do not.
func TestResultOfACutRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	suite := Suite{Scenarios: make([]Scenario, 3)}
	result, err := suite.Play(ctx)
	if err == nil {
		t.Error("a run that was cancelled is no error")
	}
	for played, want := range []string{
		"CUT after 0 of 3 scenarios:", "CUT after 1 of 3 scenarios:", "CUT after 2 of 3 scenarios:", "The functions as they are:",
	} {
		var text strings.Builder
		if result.Print(&text); !strings.HasPrefix(text.String(), want) {
			t.Errorf("after %d: got %q, want it to begin with %q", played, text.String(), want)
		}
		result.add(Outcome{Fired: 1})
	}
}
