package bedrock

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/rehearsal/awsmodel"
)

func TestBuiltInScenarios(t *testing.T) {
	want := []string{"article", "article-default-quota", "article-today", "default"}
	if got := ScenarioNames(); !slices.Equal(got, want) {
		t.Errorf("names: got %v, want %v", got, want)
	}
	for _, name := range want {
		s, err := LoadScenario(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(s.Assumes, "\n") || s.Quotas.CustomizationJobs != 10 || s.Durations.Deployment == 0 {
			t.Errorf("%s: got %+v", name, s)
		}
	}
	if _, err := LoadScenario("nowhere"); err == nil {
		t.Error("an unknown name loads")
	}
}

func TestScenariosAreReadStrictly(t *testing.T) {
	const head = `{"assumes":"x","start":"2026-11-23T00:00:00Z","region":"us-east-1"`
	tests := []struct {
		json string
		ok   bool
	}{
		{head + `}`, true},
		{head + `,"durations":{"deployment":"1h30m"},"jobs":[{"nth":2,"status":"Failed"}]}`, true},
		{head + `,"colour":"red"}`, false},
		{head + `,"durations":{"deployment":90}}`, false},
		{head + `,"jobs":[{"status":"Exploded"}]}`, false},
		{head + `,"jobs":[{"curve":"loop"}]}`, false},
		{head + `,"validationLayout":"attic"}`, false},
		{head + `,"faults":[{"operation":"Converse"}]}`, false},
		{head + `,"faults":[{"operation":"Converse","reset":true,"when":"later"}]}`, false},
		{`{"assumes":"x"}`, false},
		{head + `} {}`, false},
	}
	for _, test := range tests {
		s, err := ReadScenario(strings.NewReader(test.json))
		if (err == nil) != test.ok {
			t.Errorf("%s: got %v, want ok=%v", test.json, err, test.ok)
		}
		if len(s.Jobs) == 1 && (s.Durations.Deployment != Duration(90*time.Minute) || s.Jobs[0].Nth != 2) {
			t.Errorf("%s: got %+v", test.json, s)
		}
	}
}

func TestNewRefusesWhatWouldMeanNothing(t *testing.T) {
	s, err := LoadScenario("default")
	if err != nil {
		t.Fatal(err)
	}
	complete := newRig(t, "default").double.o
	tests := map[string]func(*Options){
		"no clock":      func(o *Options) { o.Clock = nil },
		"no scenario":   func(o *Options) { o.Scenario = Scenario{} },
		"unknown fault": func(o *Options) { o.Scenario.Faults = []ScenarioFault{{Operation: "Talk", Reset: true}} },
	}
	for name, change := range tests {
		o := complete
		o.Scenario = s
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: got a double, want an error", name)
		}
	}
}

func TestEveryOperationHasAHandler(t *testing.T) {
	control, runtime, err := awsmodel.Load()
	if err != nil {
		t.Fatal(err)
	}
	all := handlers()
	for _, name := range append(control.Operations(), runtime.Operations()...) {
		if _, ok := all[name]; !ok {
			t.Errorf("%s has no handler", name)
		}
		delete(all, name)
	}
	if len(all) != 0 {
		t.Errorf("handlers without an operation: %v", all)
	}
}

func TestBehavioursAreCited(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range Behaviours {
		if b.ID == "" || b.What == "" || b.Source == "" || seen[b.ID] {
			t.Errorf("behaviour %q is incomplete or twice in the list", b.ID)
		}
		seen[b.ID] = true
	}
	s := Scenario{}
	models, err := s.catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range models {
		if m.Source == "" || len(m.HyperParameters) == 0 || len(m.Regions) == 0 {
			t.Errorf("base model %s is incomplete", m.ID)
		}
	}
}

func TestNextChange(t *testing.T) {
	r := newRig(t, "default")
	if _, ok := r.double.NextChange(); ok {
		t.Error("something moves in an empty account")
	}
	r.submit(r.request("next", nova))
	for range 4 {
		at, ok := r.double.NextChange()
		if !ok || !at.After(r.clock.Now()) {
			t.Fatalf("got %s %v at %s", at, ok, r.clock.Now())
		}
		r.clock.AdvanceTo(at)
		r.double.Settle(t.Context())
	}
	if _, ok := r.double.NextChange(); ok || r.double.Models()[0].Status != statusActive {
		t.Errorf("at the end: got %+v", r.double.Models())
	}
}
