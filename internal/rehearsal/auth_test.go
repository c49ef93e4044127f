package rehearsal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
)

// Ensure a token opens what its scopes name, that one which is not good in any
// way is a 401 that neither function nor Bedrock ever sees, and that a good one
// for something else is a 403.
func TestTokens(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	f := startTokens(t, i)
	f.train("m", conversation("a"), finetune.EndDeployed)
	f.train("n", conversation("b"), finetune.EndDeployed)
	asked := f.invocations()
	const all = "openid tuneline/m"
	hour := time.Hour
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	good := i.token(t, all)
	tests := map[string]struct {
		token  string
		status int
	}{
		"another issuer":   {i.token(t, all, claiming("iss", "https://login.example.com")), http.StatusUnauthorized},
		"no issuer":        {i.token(t, all, claiming("iss", nil)), http.StatusUnauthorized},
		"another audience": {i.token(t, all, claiming("aud", "another")), http.StatusUnauthorized},
		"expired":          {i.token(t, all, claiming("exp", at(-hour))), http.StatusUnauthorized},
		"never expires":    {i.token(t, all, claiming("exp", nil)), http.StatusUnauthorized},
		"not valid yet":    {i.token(t, all, claiming("nbf", at(hour))), http.StatusUnauthorized},
		"issued tomorrow":  {i.token(t, all, claiming("iat", at(24*hour))), http.StatusUnauthorized},
		"alg none": {i.token(t, all, func(p *tokenParts) {
			p.header["alg"] = "none"
			p.sign = func(string) []byte { return nil }
		}), http.StatusUnauthorized},
		"key confusion":     {i.token(t, all, i.confused(t)), http.StatusUnauthorized},
		"another's key":     {i.token(t, all, func(p *tokenParts) { p.sign = rs256(t, newKey(t)) }), http.StatusUnauthorized},
		"unknown kid":       {i.token(t, all, func(p *tokenParts) { p.header["kid"] = "tests-2" }), http.StatusUnauthorized},
		"no kid":            {i.token(t, all, func(p *tokenParts) { delete(p.header, "kid") }), http.StatusUnauthorized},
		"a changed claim":   {tampered(good), http.StatusUnauthorized},
		"no token":          {"not.a.token", http.StatusUnauthorized},
		"another's scope":   {i.token(t, "tuneline/n"), http.StatusForbidden},
		"no scope":          {i.token(t, "openid"), http.StatusForbidden},
		"a scope like ours": {i.token(t, "tuneline/mm tuneline xtuneline/m tuneline/m/"), http.StatusForbidden},
	}
	for name, test := range tests {
		for _, path := range []string{"/model/m/converse", "/model/m/v1/chat/completions"} {
			got := f.send(bearing(test.token), http.MethodPost, f.APIURL()+path, bodyFor(path, "m", question(1)))
			if got.status != test.status {
				t.Errorf("%s, %s: %d %s, want %d", name, path, got.status, got.body, test.status)
			}
			checkBothDialects(t, name, got)
			if asks := got.header.Get("Www-Authenticate") == "Bearer"; asks != (test.status == http.StatusUnauthorized) {
				t.Errorf("%s, %s: WWW-Authenticate is %q with %d", name, path, got.header.Get("Www-Authenticate"), got.status)
			}
		}
	}
	for name, s := range map[string]signer{"nothing": {}, "a signature": f.caller(), "another scheme": {mend: func(r *http.Request) { r.Header.Set("Authorization", "Basic "+good) }}} {
		if got := f.send(s, http.MethodPost, f.APIURL()+"/model/m/converse", ask(question(1))); got.status != http.StatusUnauthorized {
			t.Errorf("%s instead of a token: %d %s, want 401", name, got.status, got.body)
		}
	}
	if now := f.invocations(); now != asked || strings.Contains(f.printed(), `"step":"invoke"`) {
		t.Errorf("Bedrock was asked %d times, or the function called", now-asked)
	}
	if strings.Contains(f.printed(), strings.Split(good, ".")[2]) {
		t.Error("a token's signature was logged")
	}
	for token, open := range map[string][]string{good: {"m"}, i.token(t, "tuneline/*"): {"m", "n"}, i.token(t, "tuneline/n tuneline/m"): {"m", "n"}} {
		f.opens(token, open...)
	}
}

// Ensure no spelling of a path opens a model that a token's scopes do not name: the
// policy does not fit, and behind it the function takes no name that it would have
// to read first.
func TestSpellingsOpenNothing(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	f := startTokens(t, i)
	f.train("m", conversation("a"), finetune.EndDeployed)
	f.train("n", conversation("b"), finetune.EndDeployed)
	one, all, asked := i.token(t, "tuneline/m"), i.token(t, "tuneline/*"), f.invocations()
	for _, model := range []string{
		"N", "%6E", "%6e", "%256E", "m%2F..%2Fn", "m/../n", "n%2F..%2Fm", "m%2Fconverse%2F..%2F..%2Fn", "m;n", "m%00n", "m%2Cn", "n%20", "*", "%2A", "%3F", ".", "..", "",
	} {
		for name, token := range map[string]string{"m": one, "every model": all} {
			path := "/model/" + model + "/converse"
			got := f.send(bearing(token), http.MethodPost, f.APIURL()+path, ask(question(1)))
			if got.status < http.StatusBadRequest || got.status >= http.StatusInternalServerError {
				t.Errorf("%s with a token for %s: %d %s, want it refused", path, name, got.status, got.body)
			}
			if reached := got.status != http.StatusForbidden; reached && token == one {
				t.Errorf("%s with a token for %s: %d %s, want 403", path, name, got.status, got.body)
			}
		}
	}
	if now := f.invocations(); now != asked {
		t.Errorf("Bedrock was asked %d times", now-asked)
	}
}

// opens holds that a token's holder may ask these models and is shown no others.
func (f *fixture) opens(token string, models ...string) {
	f.t.Helper()
	sets := map[string]string{"m": "a", "n": "b"}
	shown := f.send(bearing(token), http.MethodGet, f.APIURL()+"/models", "")
	for model, set := range sets {
		status := http.StatusForbidden
		for _, open := range models {
			if open == model {
				status = http.StatusOK
			}
		}
		got := f.send(bearing(token), http.MethodPost, f.APIURL()+"/model/"+model+"/converse", ask(question(1)))
		if got.status != status || (status == http.StatusOK) != strings.Contains(string(got.body), fact(set, 1)) {
			f.t.Errorf("asking %s: %d %s, want %d", model, got.status, got.body, status)
		}
		if told := strings.Contains(string(shown.body), quoted(model)); shown.status != http.StatusOK || told != (status == http.StatusOK) {
			f.t.Errorf("GET /models: %d %s; want %s shown: %t", shown.status, shown.body, model, status == http.StatusOK)
		}
		if got := f.send(bearing(token), http.MethodGet, f.APIURL()+"/models/"+model, ""); got.status != status {
			f.t.Errorf("GET /models/%s: %d %s, want %d", model, got.status, got.body, status)
		}
	}
}

// tampered is a token whose claims were changed after it was signed.
func tampered(token string) string {
	parts := strings.Split(token, ".")
	return parts[0] + "." + parts[1][:len(parts[1])-4] + "AAAA." + parts[2]
}

// checkBothDialects holds that a refusal of API Gateway itself, which does not
// know what kind of client there is, reads well to both.
func checkBothDialects(t *testing.T, name string, got reply) {
	t.Helper()
	var inner struct {
		Error struct{ Message, Type string }
	}
	decode(t, got.body, &inner)
	if got.message() == "" || inner.Error.Message != got.message() || inner.Error.Type == "" {
		t.Errorf("%s: %s, want the message for clients of Bedrock and of OpenAI", name, got.body)
	}
	if got.header.Get("X-Amzn-Requestid") == "" {
		t.Errorf("%s: the answer has no request id: %v", name, got.header)
	}
}

// routes are all there are, by method and path.
var routes = []string{
	"POST /model/m/converse", "POST /model/m/converse-stream", "POST /model/m/invoke", "POST /model/m/invoke-with-response-stream",
	"POST /model/m/v1/chat/completions", "GET /model/m/v1/models", "GET /models", "GET /models/m",
}

// Ensure no route is open to somebody who says nothing of who it is.
func TestNoRouteWithoutAuthorization(t *testing.T) {
	for mode, refusal := range map[string]int{nova: http.StatusForbidden, tokenStack: http.StatusUnauthorized} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f := start(t, mode, "default")
			for _, route := range routes {
				method, path, _ := strings.Cut(route, " ")
				got := f.send(signer{}, method, f.APIURL()+path, bodyFor(path, "m", "?"))
				if got.status != refusal {
					t.Errorf("%s: %d %s, want %d", route, got.status, got.body, refusal)
				}
				checkBothDialects(t, route, got)
			}
			if strings.Contains(f.printed(), `"step":"invoke"`) {
				t.Error("the function was called")
			}
		})
	}
}

// Ensure an issuer that cannot be reached lets nobody in and says that it is no
// fault of the token, and that all is well once it is back.
func TestUnreachableIssuer(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	f := startTokens(t, i)
	f.train("m", conversation("a"), finetune.EndDeployed)
	i.down.Store(true)
	path := f.APIURL() + "/model/m/converse"
	got := f.send(bearing(i.token(t, "tuneline/m")), http.MethodPost, path, ask(question(1)))
	if got.status != http.StatusInternalServerError || !strings.Contains(got.message(), "could not be checked") {
		t.Errorf("while the issuer is down: %d %s, want 500 and that it is no fault of the token", got.status, got.body)
	}
	checkBothDialects(t, "while the issuer is down", got)
	i.down.Store(false)
	f.forgetKeys()
	if got := f.send(bearing(i.token(t, "tuneline/m")), http.MethodPost, path, ask(question(1))); got.status != http.StatusOK {
		t.Errorf("once it is back: %d %s, want an answer", got.status, got.body)
	}
}

// forgetKeys starts the authorizer anew: an environment that failed to read keys
// does not try again at once.
func (f *fixture) forgetKeys() {
	f.t.Helper()
	for _, function := range f.Stack.Functions {
		if function.Role == f.roleOf("Authorize") {
			f.host.Recycle(function.Name)
		}
	}
}

// invocations counts the requests Bedrock got of the inference API's function.
func (f *fixture) invocations() int {
	role, n := f.roleOf("Invoke"), 0
	for _, c := range f.Log.All() {
		if c.Principal.Role == role && strings.HasPrefix(c.Action, "bedrock:InvokeModel") {
			n++
		}
	}
	return n
}
