package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/registry"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/s3"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// root is the repository's root, as seen from this package.
const root = "../.."

// The two shipped examples; tests of one behaviour use the first.
const (
	nova  = "examples/support-nova-on-demand"
	llama = "examples/article-llama-provisioned"
)

func TestMain(m *testing.M) {
	s3.RunIfChild()
	code := m.Run()
	if code == 0 && wholePackage() {
		code = checkGrants()
	}
	os.Exit(code)
}

// assemblies are the synthesized stacks, each once a test run.
var assemblies sync.Map

// assembly synthesizes an example's stack.
func assembly(t *testing.T, example string) string {
	t.Helper()
	synth, _ := assemblies.LoadOrStore(example, sync.OnceValues(func() (string, error) {
		dir, _, err := Synth(context.Background(), absRoot(), example+"/config.json")
		return dir, err
	}))
	dir, err := synth.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func absRoot() string {
	abs, err := filepath.Abs(root)
	if err != nil {
		panic(err)
	}
	return abs
}

// fixture is a cloud under test.
type fixture struct {
	*Cloud
	t *testing.T

	mu      sync.Mutex
	onEvent []func(stepfunctions.Event)
	logs    strings.Builder
}

// start deploys an example's stack into an account as the scenario says, with
// changes. It fails the test at the end when the double saw a request or
// answer that AWS's API model does not allow.
func start(t *testing.T, example, scenario string, change ...func(*bedrock.Scenario)) *fixture {
	t.Helper()
	return startWith(t, example, scenario, nil, change...)
}

// startWith is start with variables that every function gets beside its own, or
// in their place.
func startWith(t *testing.T, example, scenario string, environment map[string]string, change ...func(*bedrock.Scenario)) *fixture {
	t.Helper()
	return startAt(t, assembly(t, example), scenario, environment, change...)
}

// startAt is startWith with a synthesized stack.
func startAt(t *testing.T, assembly, scenario string, environment map[string]string, change ...func(*bedrock.Scenario)) *fixture {
	t.Helper()
	return startAs(t, Options{Assembly: assembly, FunctionEnvironment: environment}, scenario, change...)
}

// startAs is start as some options say, which need not say more than is of interest.
func startAs(t *testing.T, o Options, scenario string, change ...func(*bedrock.Scenario)) *fixture {
	t.Helper()
	s, err := bedrock.LoadScenario(scenario)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(&s)
	}
	f := &fixture{t: t}
	o.Root, o.Scenario, o.OnEvent, o.Output = absRoot(), s, f.event, f
	if f.Cloud, err = Start(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, violation := range f.Bedrock.Violations() {
			t.Errorf("against AWS's API model: %v", violation)
		}
		if strings.HasPrefix(o.Assembly, absRoot()) { // and not a stack that a test changed
			noteGrants(f.Grants())
		}
		for _, call := range f.Undecided() {
			t.Errorf("the stack's policies cannot be evaluated: %s", call)
		}
		if t.Failed() {
			t.Log(f.logs.String())
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// Write collects what the functions log, to be shown when the test fails.
func (f *fixture) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.logs.Write(p)
}

func (f *fixture) event(e stepfunctions.Event) {
	f.mu.Lock()
	hooks := f.onEvent
	f.mu.Unlock()
	for _, hook := range hooks {
		hook(e)
	}
}

// whenEntered runs act once, when a state is entered and before its task runs.
func (f *fixture) whenEntered(state string, act func(executionARN string)) {
	var once sync.Once
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onEvent = append(f.onEvent, func(e stepfunctions.Event) {
		if e.Type == stepfunctions.Entered && e.State == state {
			once.Do(func() { act(e.Execution) })
		}
	})
}

// drop uploads a data set for a model and returns the run it starts.
func (f *fixture) drop(model, file, text string) finetune.RunID {
	f.t.Helper()
	key := finetune.PrefixDatasets + model + "/" + file
	version, err := f.Upload(f.t.Context(), key, strings.NewReader(text))
	if err != nil {
		f.t.Fatal(err)
	}
	return finetune.Dataset{Bucket: f.Bucket(), Key: key, VersionID: version}.RunID()
}

// uploader is who may write a key: the uploader where people upload, and
// elsewhere only somebody who administers the account.
func (f *fixture) uploader(key string) Clients {
	for _, prefix := range []string{finetune.PrefixDatasets, finetune.PrefixValidation, finetune.PrefixMedia} {
		if strings.HasPrefix(key, prefix) {
			return f.Uploader()
		}
	}
	return f.Administrator()
}

// put uploads any object.
func (f *fixture) put(key, text string) {
	f.t.Helper()
	if _, err := f.UploadAs(f.t.Context(), f.uploader(key), key, strings.NewReader(text)); err != nil {
		f.t.Fatal(err)
	}
}

// end waits for the execution that was started last, and returns its end.
func (f *fixture) end() stepfunctions.Execution {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	execution, err := f.LastExecution(ctx)
	if err != nil {
		f.t.Fatal(err)
	}
	return execution
}

// run reads a run's record.
func (f *fixture) run(id finetune.RunID) registry.Run {
	f.t.Helper()
	run, err := f.Registry().Run(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return run
}

// train drops a data set, waits for the run's end and checks it: what the
// record says, what the execution says, and that a report was written.
func (f *fixture) train(model, text, wantEnd string) (registry.Run, stepfunctions.Execution) {
	f.t.Helper()
	id := f.drop(model, "train.jsonl", text)
	execution := f.end()
	run := f.run(id)
	f.checkEnd(run, execution, wantEnd)
	return run, execution
}

// checkEnd holds the record, the execution and the report against the end.
func (f *fixture) checkEnd(run registry.Run, execution stepfunctions.Execution, want string) {
	f.t.Helper()
	if run.End != want {
		f.t.Fatalf("run %s ended %q (%s: %s), want %s", run.ID, run.End, run.Error, run.Cause, want)
	}
	if last := execution.States[len(execution.States)-1]; last != want {
		f.t.Errorf("the execution's last state is %s, want %s; states %v", last, want, execution.States)
	}
	var report registry.Run
	f.readJSON(finetune.RunReportKey(run.ID), &report)
	if report.End != want {
		f.t.Errorf("the report's end is %q, want %s", report.End, want)
	}
	if told := f.told("tuneline: a run needs an operator", run.Cause); told != (want == finetune.EndNeedsOperator) {
		f.t.Errorf("an operator was told: %v, of a run that ended %s", told, want)
	}
}

// told says whether a state machine sent people this notice.
func (f *fixture) told(subject, text string) bool {
	return slices.ContainsFunc(f.Notices(), func(n Notice) bool {
		var said string
		return n.Subject == subject && json.Unmarshal(n.Message, &said) == nil && said == text
	})
}

// readJSON reads an object of the data bucket, as the operator.
func (f *fixture) readJSON(key string, v any) {
	f.t.Helper()
	text, err := f.ReadObject(f.t.Context(), key)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		f.t.Fatalf("decoding %s: %v", key, err)
	}
}

// answer asks a model through the inference API.
func (f *fixture) answer(model, question string) (string, error) {
	body, err := json.Marshal(map[string]any{"messages": []any{
		map[string]any{"role": "user", "content": []any{map[string]any{"text": question}}},
	}})
	if err != nil {
		return "", err
	}
	status, text, err := f.Converse(f.t.Context(), model, body)
	if err != nil {
		return "", err
	}
	if status != 200 {
		return "", fmt.Errorf("status %d: %s", status, text)
	}
	var out struct {
		Output struct {
			Message struct {
				Content []struct{ Text string }
			}
		}
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return "", err
	}
	if len(out.Output.Message.Content) == 0 {
		return "", errors.New("an answer without content")
	}
	return out.Output.Message.Content[0].Text, nil
}

// mustAnswer asks a question whose answer must be want.
func (f *fixture) mustAnswer(model, question, want string) {
	f.t.Helper()
	got, err := f.answer(model, question)
	if err != nil {
		f.t.Fatal(err)
	}
	if got != want {
		f.t.Errorf("asked %q, got %q, want %q", question, got, want)
	}
}

// noHourlyBill fails the test when anything is billed by the hour.
func (f *fixture) noHourlyBill() {
	f.t.Helper()
	f.Bedrock.Settle(f.t.Context())
	for _, b := range f.Bedrock.Billed() {
		if b.Hourly {
			f.t.Errorf("%s is still billed, since %s", b.ARN, b.Since)
		}
	}
}

// topics are what the small data sets are about; the number of the data set
// changes every answer, so that a test sees which one a model learnt.
var topics = []string{"the boiler", "the lighthouse", "the tram", "the orchard", "the archive", "the ferry", "the kiln", "the harbour", "the observatory", "the bakery", "the reservoir", "the workshop"}

// question asks about the n-th topic.
func question(n int) string {
	return fmt.Sprintf("When was %s last inspected, and by whom?", topics[n%len(topics)])
}

// fact is the answer a data set gives about the n-th topic.
func fact(set string, n int) string {
	return fmt.Sprintf("Team %s inspected %s; the note is number %d.", set, topics[n%len(topics)], 100+n)
}

// conversation is a small Nova data set; its answers name the set.
func conversation(set string) string {
	var text strings.Builder
	for n := range topics {
		fmt.Fprintf(&text, `{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":%q}]},{"role":"assistant","content":[{"text":%q}]}]}`+"\n", question(n), fact(set, n))
	}
	return text.String()
}

// promptCompletion is a small Llama data set of the least number of records.
func promptCompletion(set string) string {
	var text strings.Builder
	for n := range 100 {
		q := question(n)
		if n >= len(topics) {
			q = fmt.Sprintf("What does page %d of the log about %s say?", n, topics[n%len(topics)])
		}
		fmt.Fprintf(&text, `{"prompt":%q,"completion":%q}`+"\n", q, fact(set, n))
	}
	return text.String()
}
