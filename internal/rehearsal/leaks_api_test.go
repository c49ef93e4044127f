package rehearsal

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
	"github.com/tuneline/tuneline/internal/rehearsal/canary"
)

// tell sends a request and keeps the answer, its header included.
func (w *watched) tell(name string, s signer, method, path, body string) reply {
	w.t.Helper()
	got := w.send(s, method, w.APIURL()+path, body)
	w.answers = append(w.answers, exhibit{name: name, text: asJSON(w.t, got.header) + string(got.body), sent: w.Find(path + "\n" + body)})
	return got
}

// marking adds what clients send beside a body, with a canary in each.
func (w *watched) marking(s signer) signer {
	sign := s.mend
	s.mend = func(r *http.Request) {
		for _, name := range []string{"X-Request-Id", "X-Amzn-Trace-Id", "User-Agent", "Referer", "X-Forwarded-For", "Baggage", "X-Amzn-Bedrock-Request-Metadata"} {
			r.Header.Set(name, w.Put("the header "+name).Words())
		}
		r.Header.Set("X-Api-Key", w.Put("the header X-Api-Key").Word())
		r.AddCookie(&http.Cookie{Name: "session", Value: w.Put("a cookie").Word()}) //nolint:gosec // a client sends it: its attributes are for servers
		if sign != nil {
			sign(r)
		}
	}
	return s
}

// bodies are requests of one form with a canary in each part, good and bad.
func (w *watched) bodies(form form) map[string]string {
	put := func(where string) canary.Canary { return w.Put(where + " of a " + form.name) }
	text := func(where string) string { return quoted(put(where).Text()) }
	good := form.ask("m", put("a prompt").Text())
	with := func(member string) string { return strings.Replace(good, "{", "{"+member+",", 1) }
	return map[string]string{
		"a prompt":           good,
		"a note":             form.note("m", put("a note").Words()),
		"a system prompt":    with(`"system":[{"text":` + text("a system prompt") + `}]`),
		"a system message":   strings.Replace(good, `"messages":[`, `"messages":[{"role":"system","content":`+text("a system message")+`},`, 1),
		"tools":              with(`"toolConfig":{"tools":[{"toolSpec":{"name":"a","description":` + text("a tool's description") + `,"inputSchema":{"json":{"type":"object","title":` + text("a tool's schema") + `}}}}]}`),
		"functions":          with(`"tools":[{"type":"function","function":{"name":"a","description":` + text("a function's description") + `}}]`),
		"a function's name":  with(`"tools":[{"type":"function","function":{"name":` + text("a function's name") + `}}]`),
		"a tool's result":    strings.Replace(good, `"messages":[`, `"messages":[{"role":"tool","tool_call_id":"a","content":`+text("a tool's result")+`},`, 1),
		"an unknown member":  with(text("an unknown member") + ":1"),
		"a plain member":     with(quoted(put("a plain member").Word()) + ":1"),
		"another type":       with(`"inferenceConfig":` + text("a text for an object")),
		"a wrong number":     with(`"max_tokens":` + text("a text for a number")),
		"a role":             strings.Replace(good, `"user"`, text("a role"), 1),
		"a content type":     strings.Replace(good, `"text":`, text("a kind of content")+`:`, 1),
		"a name twice":       with(text("a name twice") + ":1," + text("a name twice") + ":2"),
		"a guardrail":        with(`"guardrailConfig":{"guardrailIdentifier":` + text("a guardrail") + `}`),
		"stop sequences":     with(`"inferenceConfig":{"stopSequences":[` + text("a stop sequence") + `]}`),
		"another model":      strings.Replace(good, `"model":"m"`, `"model":`+text("another model"), 1),
		"half of it":         good[:len(good)-3],
		"bad UTF-8":          strings.Replace(good, `"text":"`, "\"text\":\"\xff", 1),
		"a list":             "[" + good + "]",
		"too much":           with(`"x":"` + put("too much").Words() + strings.Repeat(" ", 7<<20) + `"`),
		"a bare control":     strings.Replace(good, `"role"`, "\"\x01"+put("a bare control").Word()+`":1,"role"`, 1),
		"an image by a link": strings.Replace(good, `"content":[`, `"content":[{"type":"image_url","image_url":{"url":"https://`+put("a link").Word()+`.example/a.png"}},`, 1),
	}
}

// Ensure nothing that callers send gets anywhere but to Bedrock: whatever of it is
// wrong, whichever way it is asked, and when Bedrock quotes it in an error, before an
// answer and in the middle of one.
func TestNothingOfRequestsLeaks(t *testing.T) {
	t.Parallel()
	w := watch(start(t, nova, "default"))
	w.train("m", conversation("a"), finetune.EndDeployed)
	caller := w.marking(w.caller())
	for _, form := range everyForm {
		path := "/model/m" + form.path
		query := "?note=" + w.Put("a query").Word()
		for name, body := range w.bodies(form) {
			w.tell(form.name+" with "+name, caller, http.MethodPost, path+query, body)
		}
		prompt := w.Put("a quoted prompt of a " + form.name)
		for _, fault := range refused {
			fault.Message = "cannot make sense of: " + prompt.Text()
			w.faulty(&fault)
			w.tell("a refusal of Bedrock's", caller, http.MethodPost, path, form.ask("m", prompt.Text()))
		}
		w.faulty(nil)
		mend := w.breaking(1, bedrock.StreamBreak{Exception: "validationException", Message: prompt.Text()})
		w.tell("a stream that breaks", caller, http.MethodPost, path, form.ask("m", prompt.Text()))
		mend()
		w.tell("the next caller's answer", w.caller(), http.MethodPost, path, form.ask("m", question(1)))
	}
	for _, path := range []string{"/models/", "/model/"} {
		for _, name := range []string{w.Put("a model that is none").Words(), w.Put("a model's name").Word()[:finetune.MaxModelName]} {
			w.tell("a path", caller, http.MethodGet, path+strings.ReplaceAll(name, " ", "%20"), "")
			w.tell("a path", caller, http.MethodPost, path+strings.ReplaceAll(name, " ", "%20")+pathConverse, ask("?"))
		}
	}
	w.tight(func(e exhibit, where string) bool {
		// A path is a part of the ARN that permissions are about. Of a model that could
		// be one, the operators are told that there is none of this name.
		return strings.HasPrefix(where, "a model") && e.channel == inCall || where == "a model's name" && e.channel == inLog
	})
}

// Ensure nothing of a token is told but whose it is: no claim, no kid that no key has,
// and no part of the token itself.
func TestNothingOfTokensLeaks(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	w := watch(startTokens(t, i))
	w.train("m", conversation("a"), finetune.EndDeployed)
	heading := func(name string) func(*tokenParts) {
		return func(p *tokenParts) { p.header[name] = w.Put("the header " + name + " of a token").Text() }
	}
	tokens := map[string]string{
		"a good one": i.token(t, "tuneline/m "+w.Put("a scope").Word(), claiming("email", w.Put("a claim").Text()), claiming("jti", w.Put("an id").Word()), heading("x5u")),
		"no token":   w.Put("a token").Word(),
		"two words":  w.Put("a token of words").Words(),
	}
	for _, claim := range []string{"iss", "aud", "exp", "nbf", "iat", "client_id", "scope", "scp"} {
		tokens["claim "+claim] = i.token(t, "tuneline/m", claiming(claim, w.Put("the claim "+claim).Text()))
	}
	for _, name := range []string{"kid", "typ", "alg", "crit", "jku"} {
		tokens["header "+name] = i.token(t, "tuneline/m", heading(name))
	}
	tokens["tuneline scope"] = i.token(t, "tuneline/"+w.Put("a scope of ours").Word())
	for name, token := range tokens {
		for _, form := range everyForm {
			w.tell(name, w.marking(bearing(token)), http.MethodPost, "/model/m"+form.path, form.ask("m", w.Put("a prompt with a token").Text()))
		}
		w.tell(name, w.marking(bearing(token)), http.MethodGet, "/models", "")
	}
	if got := w.tell("whose it is", bearing(tokens["a good one"]), http.MethodPost, "/model/m/converse", ask(question(1))); got.status != http.StatusOK {
		t.Errorf("a good token: %d %s", got.status, got.body)
	}
	w.forgetKeys()
	i.down.Store(true)
	w.tell("without keys", w.marking(bearing(i.token(t, "tuneline/m", heading("kid")))), http.MethodPost, "/model/m/converse", ask(question(1)))
	w.tight()
}
