package main

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/catalog"
	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/task"
)

// checkError checks an error's kind and that its text holds want.
func checkError(t *testing.T, err error, kind finetune.Kind, want string) {
	t.Helper()
	if err == nil || task.Kind(err) != kind || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s: %q", err, kind, want)
	}
}

func TestParseTuning(t *testing.T) {
	tests := map[string]struct {
		body string
		want []string
	}{
		"nothing":           {body: `{}`},
		"everything":        {body: `{"baseModel":"m","customizationType":"FINE_TUNING","hyperparameters":{"a":"1","b":2},"serving":{"mode":"auto","modelUnits":1,"commitment":"none"}}`},
		"no object":         {body: `[]`, want: []string{"no JSON object"}},
		"no JSON":           {body: `{"baseModel"`, want: []string{"no JSON object"}},
		"twice":             {body: `{"serving":{},"serving":{}}`, want: []string{"twice"}},
		"two objects":       {body: `{} {}`, want: []string{"no JSON object"}},
		"unknown keys":      {body: `{"b":1,"a":1}`, want: []string{`"a"`, `"b"`}},
		"another case":      {body: `{"BaseModel":"m"}`, want: []string{`"BaseModel"`}},
		"unknown in it":     {body: `{"serving":{"units":1}}`, want: []string{`"serving.units"; allowed are serving.mode, serving.modelUnits`}},
		"a wrong type":      {body: `{"serving":{"modelUnits":"two"}}`, want: []string{"modelUnits"}},
		"no hyperparameter": {body: `{"hyperparameters":{"epochCount":[1]}}`, want: []string{"hyperparameters.epochCount"}},
		"null":              {body: `{"hyperparameters":{"epochCount":null}}`, want: []string{"hyperparameters.epochCount"}},
		"too long":          {body: strings.Repeat(" ", maxTuning+1), want: []string{"too long"}},
		"a secret key":      {body: `{"correct horse":1,"serving":{"AKIA0123456789":1}}`, want: []string{`"…"`, `"serving.…"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, problems := parseTuning([]byte(test.body))
			if len(problems) != len(test.want) {
				t.Fatalf("problems = %q, want %q", problems, test.want)
			}
			for i, want := range test.want {
				if !strings.Contains(problems[i], want) {
					t.Errorf("problem %d = %q, want %q in it", i, problems[i], want)
				}
			}
		})
	}
}

// TestTooLongTuning ensures that of a tuning.json without end no more is read than
// shows that it is too long.
func TestTooLongTuning(t *testing.T) {
	b := newBucket(map[string]string{dataKey: records(120, "router"), finetune.TuningKey("support"): "{}"})
	b.tuning = func([]byte) io.Reader {
		return io.MultiReader(strings.NewReader(strings.Repeat(" ", maxTuning+1)), failing{errors.New("more was read")})
	}
	_, err := newTestHandler(t, b).Handle(t.Context(), input)
	checkError(t, err, finetune.SettingsRejected, "too long")
}

// TestTellable ensures that of settings that are refused only names, ids and numbers
// that are too short to stand for a person are told.
func TestTellable(t *testing.T) {
	for value, told := range map[string]bool{
		"5": true, "-1": true, "0.0000125": true, "123456789012": true, "0.1234567890": true, "2e-5": true,
		"1234567890123": false, "-123456789012": false, "0.12345678901": false, "4111111111111111": false, "1e-0000000005": false,
		"hunter2!": false, "ann@example.com": false, "0x1234567890123": false,
	} {
		want := value
		if !told {
			want = untold
		}
		got := tellable(finetune.Settings{Hyperparameters: map[string]string{"epochCount": value}})
		if got.Hyperparameters["epochCount"] != want {
			t.Errorf("of %q is told %q, want %q", value, got.Hyperparameters["epochCount"], want)
		}
	}
}

func TestOverlay(t *testing.T) {
	defaults := finetune.Settings{
		BaseModel: "one", CustomizationType: "FINE_TUNING",
		Hyperparameters: map[string]string{"epochCount": "5", "batchSize": "1"},
		Serving:         finetune.Serving{Mode: finetune.ServeProvisioned, ModelUnits: 2, Commitment: "OneMonth"},
	}
	with := func(change func(*finetune.Settings)) finetune.Settings {
		s := defaults
		s.Hyperparameters = map[string]string{"epochCount": "5", "batchSize": "1"}
		change(&s)
		return s
	}
	tests := map[string]struct {
		tuning string
		want   finetune.Settings
	}{
		"nothing":        {`{}`, defaults},
		"one more":       {`{"hyperparameters":{"epochCount":3}}`, with(func(s *finetune.Settings) { s.Hyperparameters["epochCount"] = "3" })},
		"the same model": {`{"baseModel":"one"}`, defaults},
		"another model": {`{"baseModel":"two","hyperparameters":{"learningRate":"0.1"}}`, with(func(s *finetune.Settings) {
			s.BaseModel, s.Hyperparameters = "two", map[string]string{"learningRate": "0.1"}
		})},
		"another type":      {`{"customizationType":"DISTILLATION"}`, with(func(s *finetune.Settings) { s.CustomizationType = "DISTILLATION" })},
		"more units":        {`{"serving":{"modelUnits":4}}`, with(func(s *finetune.Settings) { s.Serving.ModelUnits = 4 })},
		"another mode":      {`{"serving":{"mode":"on-demand"}}`, with(func(s *finetune.Settings) { s.Serving = finetune.Serving{Mode: "on-demand"} })},
		"no commitment":     {`{"serving":{"commitment":"none"}}`, with(func(s *finetune.Settings) { s.Serving.Commitment = "none" })},
		"the same mode":     {`{"serving":{"mode":"provisioned"}}`, defaults},
		"null is not there": {`{"baseModel":null,"hyperparameters":null,"serving":null}`, defaults},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			asked, problems := parseTuning([]byte(test.tuning))
			if problems != nil {
				t.Fatal(problems)
			}
			if got := overlay(defaults, asked); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if defaults.Hyperparameters["epochCount"] != "5" {
				t.Error("the stack's own settings were changed")
			}
		})
	}
}

func TestResolve(t *testing.T) {
	known, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	const nova, llama = "amazon.nova-micro-v1:0:128k", "meta.llama3-1-8b-instruct-v1:0:128k"
	tests := map[string]struct {
		asked  finetune.Settings
		region string
		want   finetune.Settings
		wrong  []string
	}{
		"completed": {
			asked: finetune.Settings{BaseModel: nova, CustomizationType: "FINE_TUNING", Hyperparameters: map[string]string{"epochCount": "1"}, Serving: finetune.Serving{Mode: "auto", ModelUnits: 1}},
			want: finetune.Settings{
				BaseModel: nova, CustomizationType: "FINE_TUNING",
				Hyperparameters: map[string]string{"epochCount": "1", "learningRate": "0.00001", "learningRateWarmupSteps": "10"},
				Serving:         finetune.Serving{Mode: "on-demand"},
			},
		},
		"provisioned alone": {
			asked: finetune.Settings{BaseModel: llama, CustomizationType: "FINE_TUNING", Serving: finetune.Serving{Mode: "auto", Commitment: "none"}}, region: "us-west-2",
			want: finetune.Settings{
				BaseModel: llama, CustomizationType: "FINE_TUNING",
				Hyperparameters: map[string]string{"epochCount": "5", "batchSize": "1", "learningRate": "0.0001"},
				Serving:         finetune.Serving{Mode: "provisioned", ModelUnits: 1},
			},
		},
		"an ARN": {
			asked: finetune.Settings{BaseModel: "arn:aws:bedrock:us-east-1::foundation-model/" + nova, CustomizationType: "FINE_TUNING", Serving: finetune.Serving{Mode: "provisioned", ModelUnits: 3, Commitment: "SixMonths"}},
			want: finetune.Settings{
				BaseModel: nova, CustomizationType: "FINE_TUNING",
				Hyperparameters: map[string]string{"epochCount": "2", "learningRate": "0.00001", "learningRateWarmupSteps": "10"},
				Serving:         finetune.Serving{Mode: "provisioned", ModelUnits: 3, Commitment: "SixMonths"},
			},
		},
		"not allowed": {
			asked: finetune.Settings{BaseModel: "amazon.nova-pro-v1:0:300k", CustomizationType: "FINE_TUNING", Serving: finetune.Serving{Mode: "auto"}},
			wrong: []string{`"amazon.nova-pro-v1:0:300k" may not be tuned by this stack: use one of ` + nova + ", " + llama + ", or have it added to allowedBaseModels"},
		},
		"unknown":        {asked: finetune.Settings{BaseModel: "acme.model"}, wrong: []string{"acme.model"}},
		"elsewhere":      {asked: finetune.Settings{BaseModel: llama, CustomizationType: "FINE_TUNING", Serving: finetune.Serving{Mode: "auto"}}, wrong: []string{"us-west-2"}},
		"another way":    {asked: finetune.Settings{BaseModel: nova, CustomizationType: "DISTILLATION", Serving: finetune.Serving{Mode: "auto"}}, wrong: []string{"DISTILLATION"}},
		"everything":     {asked: finetune.Settings{BaseModel: llama, CustomizationType: "X", Hyperparameters: map[string]string{"epochCount": "0", "x": "1"}, Serving: finetune.Serving{Mode: "on-demand", ModelUnits: 101, Commitment: "OneMonth"}}, wrong: []string{"us-west-2", `"X"`, "epochCount", `hyperparameter x`, "on-demand", "only a provisioned", "101"}},
		"no such mode":   {asked: finetune.Settings{BaseModel: nova, CustomizationType: "FINE_TUNING", Serving: finetune.Serving{Mode: "fast"}}, wrong: []string{`"fast"`}},
		"no such period": {asked: finetune.Settings{BaseModel: nova, CustomizationType: "FINE_TUNING", Serving: finetune.Serving{Mode: "auto", Commitment: "TwoWeeks"}}, wrong: []string{"TwoWeeks"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			region := test.region
			if region == "" {
				region = "us-east-1"
			}
			got, _, problems := resolve(known, region, []string{nova, llama}, test.asked)
			if len(problems) != len(test.wrong) {
				t.Fatalf("problems = %q, want %d: %q", problems, len(test.wrong), test.wrong)
			}
			for i, want := range test.wrong {
				if !strings.Contains(problems[i], want) {
					t.Errorf("problem %d = %q, want %q in it", i, problems[i], want)
				}
			}
			if want := test.want; test.wrong == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

// FuzzParseTuning ensures that whatever is in a tuning.json, it is taken as a whole or
// refused in words, of which none may be private, and changes nothing of the stack's
// own settings.
func FuzzParseTuning(f *testing.F) {
	known, err := catalog.Load()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		`{}`, `null`, `{"baseModel":"amazon.nova-micro-v1:0:128k","hyperparameters":{"epochCount":2,"learningRate":"1e-5"},"serving":{"mode":"auto","modelUnits":1,"commitment":"none"}}`,
		`{"zan zibar 4711":1}`, `{"baseModel":"zan zibar 4711"}`, `{"hyperparameters":{"zan zibar 4711":"zan zibar 4711"}}`, `{"serving":{"zan zibar 4711":1,"mode":"zan zibar 4711"}}`, `{"serving":1}`, "\xff",
	} {
		f.Add(seed)
	}
	defaults := finetune.Settings{BaseModel: "amazon.nova-micro-v1:0:128k", CustomizationType: "FINE_TUNING", Hyperparameters: map[string]string{"epochCount": "1"}, Serving: finetune.Serving{Mode: finetune.ServeAuto}}
	f.Fuzz(func(t *testing.T, body string) {
		asked, problems := parseTuning([]byte(body))
		all := overlay(defaults, asked)
		_, _, more := resolve(known, "us-east-1", []string{"amazon.nova-micro-v1:0:128k"}, tellable(all))
		if told := strings.Join(append(problems, more...), "\n"); strings.Contains(told, "4711") {
			t.Errorf("%q is told: %s", body, told)
		}
		if defaults.Hyperparameters["epochCount"] != "1" || len(defaults.Hyperparameters) != 1 {
			t.Fatal("the stack's settings were changed")
		}
	})
}

// Ensure what may be told of settings that are right is all of it: nobody is told of
// problems that there are not.
func TestTellableLeavesWhatIsRight(t *testing.T) {
	known, err := catalog.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, model := range known.Models {
		s := finetune.Settings{BaseModel: model.ID, CustomizationType: "FINE_TUNING", Hyperparameters: map[string]string{}, Serving: finetune.Serving{Mode: finetune.ServeAuto, Commitment: "SixMonths"}}
		for _, h := range model.Hyperparameters {
			s.Hyperparameters[h.Name] = h.Default
		}
		if got := tellable(s); !reflect.DeepEqual(got, s) {
			t.Errorf("of %+v is told %+v", s, got)
		}
	}
}
