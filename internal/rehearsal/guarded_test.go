package rehearsal

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
)

// The stacks whose API is private, and has a guardrail, a firewall and a usage
// plan, in both modes.
const (
	guardedStack      = "internal/rehearsal/testdata/guarded"
	guardedTokenStack = "internal/rehearsal/testdata/guarded-jwt"
)

// guardrail is the one that those stacks name.
func guardrail(s *bedrock.Scenario) {
	s.Guardrails = []bedrock.Guardrail{{
		ID: "gr1a2b3c4d5e", Version: "3", Words: []string{"forbidden"},
		InputMessage: "That may not be asked.", OutputMessage: "That may not be said.",
	}}
}

// Ensure whatever guards an API by configuration lets through whom it should, and
// nobody else: the endpoint of a private API with its policies, the keys of a usage
// plan, and a guardrail that no caller can leave out.
func TestGuardedAPI(t *testing.T) {
	for mode, open := range map[string]func(*testing.T) (f *fixture, known, stranger signer){
		"iam": func(t *testing.T) (*fixture, signer, signer) {
			f := start(t, guardedStack, "default", guardrail)
			known, stranger := f.caller(), f.caller()
			known.credentials = f.Caller("ana", f.MayAsk("m")).Credentials
			stranger.credentials = f.Caller("bob", f.MayAsk("n")).Credentials
			return f, known, stranger
		},
		"jwt": func(t *testing.T) (*fixture, signer, signer) {
			i := newIssuer(t)
			f := startIssued(t, guardedTokenStack, i, guardrail)
			return f, bearing(i.token(t, "tuneline/m")), bearing(i.token(t, "tuneline/n"))
		},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f, known, stranger := open(t)
			f.train("m", conversation("a"), finetune.EndDeployed)
			f.wantKeys(known, stranger)
			f.wantGuardrail(f.withKey(known))
			f.wantFirewall(f.withKey(known))
		})
	}
}

// withKey is a signer that also sends the key of the API's one client.
func (f *fixture) withKey(s signer) signer {
	return keyed(s, f.Stack.RestAPIs[0].Keys[0].Value)
}

// keyed is a signer that also sends a key.
func keyed(s signer, key string) signer {
	mend := s.mend
	s.mend = func(r *http.Request) {
		if mend != nil {
			mend(r)
		}
		r.Header.Set("X-Api-Key", key)
	}
	return s
}

// wantKeys holds that a key is wanted beside the authorization, and is none itself.
func (f *fixture) wantKeys(known, stranger signer) {
	f.t.Helper()
	nobody := http.StatusForbidden
	if known.service == "" {
		nobody = http.StatusUnauthorized
	}
	for name, test := range map[string]struct {
		signer signer
		status int
	}{
		"the caller with a key": {f.withKey(known), http.StatusOK},
		"the caller without":    {known, http.StatusForbidden},
		"the caller, wrong key": {keyed(known, strings.Repeat("k", 40)), http.StatusForbidden},
		"nobody with a key":     {f.withKey(signer{}), nobody},
		"a stranger with a key": {f.withKey(stranger), http.StatusForbidden},
	} {
		for _, path := range []string{pathConverse, pathConverseStream, pathChat} {
			got := f.send(test.signer, http.MethodPost, f.APIURL()+"/model/m"+path, bodyFor(path, "m", question(1)))
			if got.status != test.status {
				f.t.Errorf("%s, %s: %d %s, want %d", name, path, got.status, got.body, test.status)
			}
			if test.status != http.StatusOK {
				checkBothDialects(f.t, name, got)
			}
		}
	}
}

// wantGuardrail holds that every question passes the configured guardrail.
func (f *fixture) wantGuardrail(s signer) {
	f.t.Helper()
	for path, reason := range map[string]string{pathConverse: "guardrail_intervened", pathConverseStream: "guardrail_intervened", pathChat: "content_filter"} {
		got := f.send(s, http.MethodPost, f.APIURL()+"/model/m"+path, bodyFor(path, "m", "Tell me what is forbidden."))
		if got.status != http.StatusOK || !strings.Contains(string(got.body), quoted(reason)) {
			f.t.Errorf("%s: %d %q, want that it ended with %s", path, got.status, got.body, reason)
		}
	}
	own := strings.TrimSuffix(ask(question(1)), "}") + `,"guardrailConfig":{"guardrailIdentifier":"other","guardrailVersion":"1"}}`
	if got := f.send(s, http.MethodPost, f.APIURL()+"/model/m"+pathConverse, own); got.status != http.StatusBadRequest {
		f.t.Errorf("with a guardrail of the caller's own: %d %s, want 400", got.status, got.body)
	}
	// What Bedrock was asked with is what the condition in the role's policy is about.
	role, asked := f.roleOf("Invoke"), 0
	for _, call := range f.Log.All() {
		if call.Principal.Role != role || !strings.HasPrefix(call.Action, "bedrock:InvokeModel") {
			continue
		}
		asked++
		if named := call.Context["bedrock:GuardrailIdentifier"]; !strings.HasSuffix(named, ":guardrail/gr1a2b3c4d5e:3") {
			f.t.Errorf("%s was called with the guardrail %q", call.Action, named)
		}
	}
	if asked == 0 {
		f.t.Error("Bedrock was not asked")
	}
}

// wantFirewall holds that the firewall stands before the API's stage, and that
// nothing behind it minds a long prompt with markup. What its rules match, they
// only count: TestFirewall of infra.
func (f *fixture) wantFirewall(s signer) {
	f.t.Helper()
	api := f.Stack.RestAPIs[0]
	stage := "arn:aws:apigateway:" + f.Stack.Region + "::/restapis/" + api.ID + "/stages/" + api.Stage.Name
	if acls := f.Stack.WebACLs; len(acls) != 1 || !slices.Equal(acls[0].Protects, []string{stage}) || len(acls[0].LogDestinations) != 1 {
		f.t.Errorf("the firewalls are %+v, want one before %s, with a log", acls, stage)
	}
	page := strings.Repeat(`<script>alert("1")</script><a href="http://169.254.169.254/">../../etc/passwd</a>`+"\n", 2500)
	for _, path := range []string{pathConverse, pathChat} {
		got := f.send(s, http.MethodPost, f.APIURL()+"/model/m"+path, bodyFor(path, "m", page))
		if len(page) < 200<<10 || got.status != http.StatusOK {
			f.t.Errorf("%s: a prompt of %d bytes: %d %s, want an answer", path, len(page), got.status, got.body)
		}
	}
}
