package rehearsal

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
)

// guardrailStack is a stack with a guardrail.
const guardrailStack = "internal/rehearsal/testdata/guardrail"

// Ensure the stack's guardrail stops questions and answers in every way to ask,
// tells so as each way does, and that no caller can have it look away.
func TestGuardrail(t *testing.T) {
	t.Parallel()
	const heard, said = "I may not hear that.", "I may not say that."
	f := start(t, guardrailStack, "default", func(s *bedrock.Scenario) {
		s.Guardrails = []bedrock.Guardrail{{
			ID: "gr1a2b3c4d5e", Version: "3", Words: []string{"dragon", fact("a", 3)}, InputMessage: heard, OutputMessage: said,
		}}
	})
	f.train("m", conversation("a"), finetune.EndDeployed)
	for _, w := range everyForm {
		for asked, want := range map[string]string{question(1): fact("a", 1), "Where do dragons live?": heard, question(3): said} {
			got := f.send(f.caller(), http.MethodPost, f.APIURL()+"/model/m"+w.path, w.ask("m", asked))
			text, err := w.text(got.body)
			if got.status != http.StatusOK || err != nil || text != want {
				t.Errorf("%s, %s: %d %q, %v; want %q", w.name, asked, got.status, text, err, want)
			}
			reason := map[bool]string{true: "content_filter", false: "guardrail_intervened"}[w.path == pathChat]
			if w.path != pathInvokeStream && strings.Contains(string(got.body), reason) != (want != fact("a", 1)) {
				t.Errorf("%s, %s: %s, want to be told whether it was the guardrail", w.name, asked, got.body)
			}
		}
		own := f.caller()
		own.mend = func(r *http.Request) { r.Header.Set("X-Amzn-Bedrock-GuardrailIdentifier", "another") }
		if got := f.send(own, http.MethodPost, f.APIURL()+"/model/m"+w.path, w.ask("m", "Where do dragons live?")); got.status != http.StatusBadRequest {
			t.Errorf("%s with a guardrail of the caller's own: %d %s, want 400", w.name, got.status, got.body)
		}
		body := strings.Replace(w.ask("m", "Where do dragons live?"), "{", `{"guardrailConfig":{},`, 1)
		if got := f.send(f.caller(), http.MethodPost, f.APIURL()+"/model/m"+w.path, body); got.status != http.StatusBadRequest {
			t.Errorf("%s with a guardrail in the body: %d %s, want 400", w.name, got.status, got.body)
		}
	}
}
