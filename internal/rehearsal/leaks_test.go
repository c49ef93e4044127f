package rehearsal

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/calls"
	"github.com/tuneline/tuneline/internal/rehearsal/stepfunctions"
)

// secret stands in data sets wherever a data set may hold something private: in
// questions, answers, names of members, and lines that are no records. It has
// spaces, because a plain name of a member is told in the data set's report: it
// is how a misspelt one is found.
const secret = "Xylophonist 9137 Marzipan"

// secretConversation is a conversation data set full of secrets.
func secretConversation(set string) string {
	return strings.ReplaceAll(conversation(set), "inspected", secret)
}

// badRecords are lines that no check accepts, each with a secret.
var badRecords = []string{
	secret,
	`{"` + secret + `":1}`,
	`{"schemaVersion":"` + secret + `","messages":[]}`,
	`{"schemaVersion":"bedrock-conversation-2024","` + secret + `":1,"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"}]}]}`,
	`{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"` + secret + `","content":[{"text":"a"}]}]}`,
	`{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"` + secret + `"}]},{"role":"user","content":[{"text":"b"}]}]}`,
	`{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"` + secret + `":"a"}]},{"role":"assistant","content":[{"text":"b"}]}]}`,
	`{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":"` + secret + `"}]}`,
	`{"schemaVersion":"bedrock-conversation-2024","system":"` + secret + `","messages":["` + secret + `"]}`,
	`{"messages":[{"role":"user","content":[{"text":"` + secret,
	`{"prompt":"` + secret + `","completion":"` + secret + `"}`,
}

// Ensure nothing of a data set leaves it, but for the copies the job reads and
// the model itself: not into logs, execution data, notices, records or reports,
// whether the data set is accepted, refused, or fails to train.
func TestNothingOfADataSetLeaks(t *testing.T) {
	tests := map[string]struct {
		training, validation string
		end                  string
	}{
		"accepted":                {secretConversation("a"), strings.ReplaceAll(conversation("v"), "last inspected", secret), finetune.EndDeployed},
		"refused":                 {secretConversation("a") + strings.Join(badRecords, "\n"), "", finetune.EndRejected},
		"refused validation data": {secretConversation("a"), secretConversation("v") + strings.Join(badRecords, "\n"), finetune.EndRejected},
		"accepted with warnings":  {secretConversation("a"), secretConversation("a"), finetune.EndDeployed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, nova, "default")
			events := f.recordEvents()
			if test.validation != "" {
				f.put(finetune.ValidationKey("m"), test.validation)
			}
			run, execution := f.train("m", test.training, test.end)
			if test.end == finetune.EndDeployed {
				f.askSecrets()
			}
			f.keepsSecret("an event of the execution", events()...)
			f.keepsSecret("the execution", string(execution.Input), string(execution.Output), execution.Error, execution.Cause)
			f.keepsSecret("the history", f.historyTexts(run.ExecutionARN)...)
			f.keepsSecret("the functions' logs", f.printed())
			for _, notice := range f.Notices() {
				f.keepsSecret("a notice", string(notice.Message))
			}
			f.objectsKeepSecret()
		})
	}
}

// recordEvents keeps everything the observer of the executions sees.
func (f *fixture) recordEvents() (seen func() []string) {
	var mu sync.Mutex
	var texts []string
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onEvent = append(f.onEvent, func(e stepfunctions.Event) {
		mu.Lock()
		defer mu.Unlock()
		texts = append(texts, string(e.Input), string(e.Output), e.Error, e.Cause)
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return texts
	}
}

// askSecrets asks for an answer that is secret, with a question that is, and has
// Bedrock quote a question in an error.
func (f *fixture) askSecrets() {
	f.t.Helper()
	secretQuestion := strings.ReplaceAll(question(1), "inspected", secret)
	address := f.APIURL() + "/model/m/converse"
	if got := f.send(f.caller(), http.MethodPost, address, ask(secretQuestion)); got.status != http.StatusOK || !strings.Contains(string(got.body), secret) {
		f.t.Errorf("asked for a secret: %d %s, want it told", got.status, got.body)
	}
	f.Log.SetHook(func(c calls.Call) *calls.Fault {
		if c.Action != "bedrock:InvokeModel" {
			return nil
		}
		return &calls.Fault{Status: http.StatusBadRequest, Code: "ValidationException", Message: "cannot make sense of: " + secretQuestion}
	})
	if got := f.send(f.caller(), http.MethodPost, address, ask(secretQuestion)); got.status != http.StatusBadRequest || !strings.Contains(got.message(), secret) {
		f.t.Errorf("refused with the question: %d %s, want the caller told", got.status, got.body)
	}
	f.Log.SetHook(nil)
}

// historyTexts are all strings in an execution's history.
func (f *fixture) historyTexts(executionARN string) []string {
	f.t.Helper()
	var texts []string
	pages := sfn.NewGetExecutionHistoryPaginator(f.Operator().SFN, &sfn.GetExecutionHistoryInput{ExecutionArn: &executionARN})
	for pages.HasMorePages() {
		page, err := pages.NextPage(f.t.Context())
		if err != nil {
			f.t.Fatal(err)
		}
		texts = append(texts, asJSON(f.t, page.Events))
	}
	return texts
}

// objectsKeepSecret reads every object that is neither an upload nor its copy.
func (f *fixture) objectsKeepSecret() {
	f.t.Helper()
	read := 0
	for _, key := range f.keys("") {
		if strings.HasPrefix(key, finetune.PrefixDatasets) || strings.HasPrefix(key, finetune.PrefixValidation) || strings.HasPrefix(key, finetune.PrefixAccepted) {
			continue
		}
		text, err := f.ReadObject(f.t.Context(), key)
		if err != nil {
			f.t.Fatal(err)
		}
		if strings.HasSuffix(key, writeCheck) && len(text) == 0 {
			continue
		}
		f.keepsSecret(key, string(text))
		read++
	}
	if read < 3 {
		f.t.Errorf("%d objects were read, want record and reports at least", read)
	}
}

// keepsSecret fails the test when a text, or all together, holds the secret or
// holds nothing at all.
func (f *fixture) keepsSecret(what string, texts ...string) {
	f.t.Helper()
	all := strings.Join(texts, "\n")
	if len(all) < 20 {
		f.t.Errorf("%s is %q, want something to look at", what, all)
	}
	if at := strings.Index(strings.ToLower(all), strings.ToLower(secret)); at >= 0 {
		f.t.Errorf("%s holds something of the data set: ...%s...", what, all[max(0, at-200):min(len(all), at+100)])
	}
}

// asJSON encodes a value to be searched.
func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
