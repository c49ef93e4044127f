package rehearsal

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tuneline/tuneline/internal/iampolicy"
)

// Ensure a right signature is not enough: a caller reaches the models its policies
// name and no others, and who cannot be decided on is told so.
func TestCallersAreHeldToTheirPolicies(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	unreadable := iampolicy.Statement{Effect: iampolicy.Allow, Action: iampolicy.Values{"execute-api:Invoke"}, Resource: iampolicy.Values{"arn:aws:execute-api:::${saml:aud}"}}
	for name, tc := range map[string]struct {
		caller Clients
		model  string
		status int
		words  string
	}{
		"its model":        {f.Caller("ana", f.MayAsk("a")), "a", 404, "there is no model a"}, // by the function
		"another's":        {f.Caller("bob", f.MayAsk("a")), "b", 403, "because no identity-based policy allows"},
		"a longer name":    {f.Caller("cyn", f.MayAsk("a")), "a-b", 403, "because no identity-based policy allows"},
		"no permission":    {f.Caller("dan"), "a", 403, "because no identity-based policy allows"},
		"the uploader":     {f.Uploader(), "a", 403, "because no identity-based policy allows"},
		"the operator":     {f.Operator(), "a", 404, "there is no model a"},
		"an administrator": {f.Administrator(), "a", 404, "there is no model a"},
		"unreadable":       {f.Caller("eve", unreadable), "a", 500, "says nothing about saml:aud"},
	} {
		s := f.caller()
		s.credentials = tc.caller.Credentials
		got := f.send(s, http.MethodPost, f.APIURL()+"/model/"+tc.model+"/converse", ask("?"))
		if got.status != tc.status || !strings.Contains(string(got.body), tc.words) {
			t.Errorf("%s: %d %s, want %d with %q", name, got.status, got.body, tc.status, tc.words)
		}
	}
}

// Ensure what shows models is by model, too, and the list of all a permission of its
// own.
func TestShowingIsPermittedByModel(t *testing.T) {
	t.Parallel()
	f := start(t, nova, "default")
	s := f.caller()
	s.credentials = f.Caller("ana", f.MayAsk("a")).Credentials
	for path, status := range map[string]int{
		"/models/a": http.StatusNotFound, "/model/a/v1/models": http.StatusNotFound, // by the function
		"/models/b": http.StatusForbidden, "/model/b/v1/models": http.StatusForbidden, "/models": http.StatusForbidden,
	} {
		if got := f.send(s, http.MethodGet, f.APIURL()+path, ""); got.status != status {
			t.Errorf("%s: %d %s, want %d", path, got.status, got.body, status)
		}
	}
	if got := f.send(f.caller(), http.MethodGet, f.APIURL()+"/models", ""); got.status != http.StatusOK {
		t.Errorf("an operator's list: %d %s", got.status, got.body)
	}
}
