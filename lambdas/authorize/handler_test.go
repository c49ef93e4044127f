package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	jose "github.com/go-jose/go-jose/v4"

	"github.com/tuneline/tuneline/internal/finetune"
)

// TestPolicy: a good token opens what its scopes name, on every method, and
// nothing else; API Gateway is told who it is.
func TestPolicy(t *testing.T) {
	d := newDesk(t, finetune.TokenRules{}, newIssuer(t, "rsa"))
	got, err := d.ask(t, d.token(t, "rsa", jose.RS256, nil))
	if err != nil {
		t.Fatal(err)
	}
	const stage = "arn:aws:execute-api:us-east-1:111122223333:abcde12345/live"
	want := events.APIGatewayCustomAuthorizerResponse{
		PrincipalID: "client-1",
		Context:     map[string]any{"models": "sales support"},
		PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{Version: "2012-10-17", Statement: []events.IAMPolicyStatement{{
			Effect: "Allow", Action: []string{"execute-api:Invoke"}, Resource: []string{
				stage + "/GET/models",
				stage + "/POST/model/sales/*", stage + "/GET/model/sales/*", stage + "/GET/models/sales",
				stage + "/POST/model/support/*", stage + "/GET/model/support/*", stage + "/GET/models/support",
			},
		}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if text := d.log.String(); !strings.Contains(text, `"principal":"client-1"`) || !strings.Contains(text, `"models":2`) || !strings.Contains(text, `"kid":"rsa"`) {
		t.Errorf("the log says %s", text)
	}
}

// TestScopes: what opens which models, as their context says it.
func TestScopes(t *testing.T) {
	d := newDesk(t, finetune.TokenRules{}, newIssuer(t, "rsa"))
	for name, test := range map[string]struct {
		changes map[string]any
		effect  string
		models  string
	}{
		"all":                  {map[string]any{"scope": "tuneline/support tuneline/*"}, "Allow", "*"},
		"one twice":            {map[string]any{"scope": "tuneline/a tuneline/a"}, "Allow", "a"},
		"a list":               {map[string]any{"scope": []string{"tuneline/a", "tuneline/b"}}, "Allow", "a b"},
		"scp, a text":          {map[string]any{"scope": nil, "scp": "tuneline/a x"}, "Allow", "a"},
		"scp, a list":          {map[string]any{"scope": nil, "scp": []string{"tuneline/a"}}, "Allow", "a"},
		"scp beside none":      {map[string]any{"scope": "", "scp": "tuneline/a"}, "Allow", "a"},
		"none":                 {map[string]any{"scope": nil}, "Deny", ""},
		"others":               {map[string]any{"scope": "openid profile support"}, "Deny", ""},
		"another prefix":       {map[string]any{"scope": "tunelines/support"}, "Deny", ""},
		"no model's name":      {map[string]any{"scope": "tuneline/../x tuneline/a* tuneline/a/b tuneline/"}, "Deny", ""},
		"more than are listed": {map[string]any{"scope": many(maxModels + 1)}, "Deny", ""},
		"as many as are":       {map[string]any{"scope": many(maxModels)}, "Allow", strings.ReplaceAll(many(maxModels), "tuneline/", "")},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := d.ask(t, d.token(t, "rsa", jose.RS256, test.changes))
			if err != nil {
				t.Fatal(err)
			}
			statements := got.PolicyDocument.Statement
			if len(statements) != 1 || statements[0].Effect != test.effect || got.Context["models"] != test.models {
				t.Errorf("got %+v, want %s and models %q", got, test.effect, test.models)
			}
			if test.effect == "Deny" && (len(statements[0].Resource) != 1 || !strings.HasSuffix(statements[0].Resource[0], "/live/*") || !strings.Contains(d.log.String(), `"reason":`)) {
				t.Errorf("denied is %v, and the log says %s", statements[0].Resource, d.log)
			}
			for _, resource := range statements[0].Resource {
				if len(resource) > 512 { // API Gateway's limit on a resource
					t.Errorf("a resource has %d characters", len(resource))
				}
			}
		})
	}
}

func many(n int) string {
	var scopes []string
	for i := range n {
		scopes = append(scopes, fmt.Sprintf("tuneline/m%02d", i))
	}
	return strings.Join(scopes, " ")
}

// TestAlgorithms: every algorithm that is taken, with a key of its kind.
func TestAlgorithms(t *testing.T) {
	i := newIssuer(t, "rsa", "p256", "p384", "p521", "ed")
	d := newDesk(t, finetune.TokenRules{}, i)
	kids := map[jose.SignatureAlgorithm]string{jose.ES256: "p256", jose.ES384: "p384", jose.ES512: "p521", jose.EdDSA: "ed"}
	for _, algorithm := range algorithms {
		kid, ok := kids[algorithm]
		if !ok {
			kid = "rsa"
		}
		if _, err := d.ask(t, d.token(t, kid, algorithm, nil)); err != nil {
			t.Errorf("%s: %v, the log says %s", algorithm, err, d.log)
		}
	}
	if len(algorithms) != 10 || i.count() != 1 {
		t.Errorf("%d algorithms after %d fetches, want 10 after 1", len(algorithms), i.count())
	}
}

// halfAMinute is how far clocks may be apart, as docs/security.md has it.
const halfAMinute = 30 * time.Second

// good are tokens that look odd and are taken.
var good = map[string]map[string]any{
	"one audience of several":   {"aud": []string{"x", "other"}},
	"a client for an audience":  {"aud": nil, "client_id": "other"},
	"neither nbf nor iat":       {"nbf": nil, "iat": nil},
	"expired within the leeway": {"exp": noon.Add(-halfAMinute).Unix()},
	"not yet, within it":        {"nbf": noon.Add(halfAMinute).Unix(), "iat": noon.Add(halfAMinute).Unix()},
	"other claims":              {"email": "a@example.com", "nested": map[string]any{"a": 1}},
}

func TestGoodTokens(t *testing.T) {
	d := newDesk(t, finetune.TokenRules{}, newIssuer(t, "rsa"))
	for name, changes := range good {
		if _, err := d.ask(t, d.token(t, "rsa", jose.RS256, changes)); err != nil {
			t.Errorf("%s: %v, the log says %s", name, err, d.log)
		}
	}
	payload, err := json.Marshal(d.claimsOf(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []string{"at+jwt", "AT+JWT", "application/at+jwt", "jwt"} {
		if _, err := d.ask(t, signed(t, signers()["rsa"], jose.RS256, map[string]any{"kid": "rsa", "typ": typ}, payload)); err != nil {
			t.Errorf("typ %s: %v", typ, err)
		}
	}
	if _, err := d.ask(t, signed(t, signers()["rsa"], jose.RS256, map[string]any{"kid": "rsa"}, payload)); err != nil {
		t.Errorf("without typ: %v", err)
	}
}

// bad are claims that are refused, and the reason that is logged.
var bad = map[string]struct {
	changes map[string]any
	reason  string
}{
	"another issuer":          {map[string]any{"iss": "https://evil.example.com"}, "another issuer"},
	"no issuer":               {map[string]any{"iss": nil}, "another issuer"},
	"the issuer with a slash": {map[string]any{"iss": "/"}, "another issuer"},
	"another audience":        {map[string]any{"aud": "someone"}, "another audience"},
	"other audiences":         {map[string]any{"aud": []string{"x", "y"}}, "another audience"},
	"no audience":             {map[string]any{"aud": nil}, "another audience"},
	"a client besides":        {map[string]any{"aud": "x", "client_id": "tuneline"}, "another audience"},
	"expired":                 {map[string]any{"exp": noon.Add(-halfAMinute - time.Second).Unix()}, "expired"},
	"never expires":           {map[string]any{"exp": nil}, "never expires"},
	"not yet":                 {map[string]any{"nbf": noon.Add(halfAMinute + time.Second).Unix()}, "not valid yet"},
	"from the future":         {map[string]any{"iat": noon.Add(halfAMinute + time.Second).Unix()}, "in the future"},
	"a date that overflows":   {map[string]any{"nbf": 1e30}, "cannot be read"},
	"a date as a text":        {map[string]any{"exp": "tomorrow"}, "cannot be read"},
	"nobody's":                {map[string]any{"sub": nil}, "whose it is"},
	"somebody's of 257":       {map[string]any{"sub": strings.Repeat("x", 257)}, "whose it is"},
	"an issuer as a list":     {map[string]any{"iss": []string{"a"}}, "cannot be read"},
	"scopes as a number":      {map[string]any{"scope": 7}, "cannot be read"},
}

func TestBadClaims(t *testing.T) {
	d := newDesk(t, finetune.TokenRules{}, newIssuer(t, "rsa"))
	for name, test := range bad {
		t.Run(name, func(t *testing.T) { d.refuses(t, d.token(t, "rsa", jose.RS256, test.changes), test.reason) })
	}
}

// refuses asks with a token that must end in a 401, for a reason.
func (d *desk) refuses(t *testing.T, token, reason string) {
	t.Helper()
	got, err := d.ask(t, token)
	if !errors.Is(err, errUnauthorized) || err.Error() != "Unauthorized" || got.PrincipalID != "" {
		t.Errorf("got %+v, %v", got, err)
	}
	if text := d.log.String(); !strings.Contains(text, `"msg":"refused"`) || !strings.Contains(text, reason) {
		t.Errorf("the log says %s, want %q", text, reason)
	}
}

// TestForgedTokens: every way to make a token without the issuer's key, or to use
// one for what it is not.
func TestForgedTokens(t *testing.T) {
	d := newDesk(t, finetune.TokenRules{}, newIssuer(t, "rsa", "p256", "p384"))
	payload, err := json.Marshal(d.claimsOf(nil))
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	none := func(header string) string { return encode([]byte(header)) + "." + encode(payload) + "." }
	real := d.token(t, "rsa", jose.RS256, nil)
	parts := strings.Split(real, ".")
	under := func(kid string, header map[string]any) map[string]any {
		header["kid"] = kid
		return header
	}
	const unread = "no signed JWT"
	for name, test := range map[string]struct{ token, reason string }{
		"alg none":                 {none(`{"alg":"none","kid":"rsa"}`), unread},
		"alg None":                 {none(`{"alg":"None","kid":"rsa"}`), unread},
		"no alg":                   {none(`{"kid":"rsa"}`), unread},
		"HMAC with the public key": {signed(t, published(t, "rsa"), jose.HS256, under("rsa", map[string]any{}), payload), unread},
		"HMAC, any":                {signed(t, []byte(strings.Repeat("k", 64)), jose.HS512, under("rsa", map[string]any{}), payload), unread},
		"another key's signature":  {signed(t, signers()["rsa-next"], jose.RS256, under("rsa", map[string]any{}), payload), "signature is wrong"},
		"another kind of key":      {signed(t, signers()["p256"], jose.ES256, under("rsa", map[string]any{}), payload), "not for this algorithm"},
		"another curve":            {signed(t, signers()["p256"], jose.ES256, under("p384", map[string]any{}), payload), "not for this algorithm"},
		"its own key":              {signed(t, signers()["rsa-next"], jose.RS256, under("rsa", map[string]any{"jwk": jose.JSONWebKey{Key: signers()["rsa-next"].Public()}}), payload), "signature is wrong"},
		"a key elsewhere":          {signed(t, signers()["rsa-next"], jose.RS256, under("x", map[string]any{"jku": "https://evil.example.com/keys"}), payload), "no key of the issuer"},
		"unknown kid":              {signed(t, signers()["rsa"], jose.RS256, under("what", map[string]any{}), payload), "no key of the issuer"},
		"no kid":                   {signed(t, signers()["rsa"], jose.RS256, map[string]any{}, payload), "which key"},
		"a crit it does not know":  {signed(t, signers()["rsa"], jose.RS256, under("rsa", map[string]any{"crit": []string{"exp"}}), payload), "refused"},
		"a logout's type":          {signed(t, signers()["rsa"], jose.RS256, under("rsa", map[string]any{"typ": "logout+jwt"}), payload), "typ"},
		"a type that is a number":  {signed(t, signers()["rsa"], jose.RS256, under("rsa", map[string]any{"typ": 7}), payload), "refused"},
		"other claims":             {parts[0] + "." + encode([]byte(`{"iss":"x"}`)) + "." + parts[2], "signature is wrong"},
		"no signature":             {parts[0] + "." + parts[1] + ".", "refused"},
		"half a signature":         {parts[0] + "." + parts[1] + "." + parts[2][:100], "signature is wrong"},
		"two parts":                {parts[0] + "." + parts[1], unread},
		"five parts":               {real + "." + parts[1] + "." + parts[2], unread},
		"in JSON":                  {`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, unread},
		"a claim twice":            {signed(t, signers()["rsa"], jose.RS256, under("rsa", map[string]any{}), twice(payload, `"aud":"tuneline"`)), "twice"},
		"a scope twice":            {signed(t, signers()["rsa"], jose.RS256, under("rsa", map[string]any{}), twice(payload, `"scope":"tuneline/*"`)), "twice"},
		"alg twice":                {encode([]byte(`{"alg":"none","alg":"RS256","kid":"rsa"}`)) + "." + parts[1] + "." + parts[2], unread},
		"claims that are a list":   {signed(t, signers()["rsa"], jose.RS256, under("rsa", map[string]any{}), []byte(`[]`)), "cannot be read"},
		"claims that are no JSON":  {signed(t, signers()["rsa"], jose.RS256, under("rsa", map[string]any{}), []byte(`hello`)), "cannot be read"},
		"claims nested deeply":     {signed(t, signers()["rsa"], jose.RS256, under("rsa", map[string]any{}), []byte(`{"a":`+strings.Repeat("[", 6000)+strings.Repeat("]", 6000)+`}`)), "refused"},
		"a giant":                  {strings.Repeat("a", maxToken+1), "longer than any"},
		"dots":                     {strings.Repeat(".", 1000), unread},
		"nothing":                  {"", "no bearer token"},
	} {
		t.Run(name, func(t *testing.T) { d.refuses(t, test.token, test.reason) })
	}
	if d.issuer.count() > 2 {
		t.Errorf("the issuer was asked %d times: an unknown kid counts once in a while", d.issuer.count())
	}
}

// TestUnknownKidIsNotLogged: a kid that no key has is the caller's word, and may be
// anything.
func TestUnknownKidIsNotLogged(t *testing.T) {
	d := newDesk(t, finetune.TokenRules{}, newIssuer(t, "rsa"))
	d.refuses(t, d.token(t, "zanzibar", jose.RS256, nil), "no key of the issuer")
	if text := d.log.String(); strings.Contains(text, "zanzibar") {
		t.Errorf("the log says %s", text)
	}
}

// twice is a JSON object with a member more that it has already.
func twice(object []byte, member string) []byte {
	return []byte(strings.TrimSuffix(string(object), "}") + "," + member + "}")
}

// TestRequests: what API Gateway would not send is no reason to let anybody in.
func TestRequests(t *testing.T) {
	d := newDesk(t, finetune.TokenRules{}, newIssuer(t, "rsa"))
	token := d.token(t, "rsa", jose.RS256, nil)
	for name, test := range map[string]struct {
		header, arn string
		want        string
	}{
		"lower case":     {"bearer " + token, method, ""},
		"basic":          {"Basic " + token, method, "Unauthorized"},
		"no scheme":      {token, method, "Unauthorized"},
		"nothing":        {"", method, "Unauthorized"},
		"two spaces":     {"Bearer  " + token, method, "Unauthorized"},
		"no ARN":         {"Bearer " + token, "*", "could not be judged"},
		"another ARN":    {"Bearer " + token, "arn:aws:s3:::bucket/live/GET/x", "could not be judged"},
		"an HTTP API's":  {"Bearer " + token, "arn:aws:execute-api:us-east-1:111122223333:abcde12345", "could not be judged"},
		"a console test": {"Bearer " + token, "arn:aws:execute-api:us-east-1:111122223333:abcde12345/ESTestInvoke-stage/GET/", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := d.Handle(t.Context(), events.APIGatewayCustomAuthorizerRequest{AuthorizationToken: test.header, MethodArn: test.arn})
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, %v, want %q", got, err, test.want)
			}
		})
	}
}

// TestPrincipal: what API Gateway writes between quotation marks ends none.
func TestPrincipal(t *testing.T) {
	d := newDesk(t, finetune.TokenRules{}, newIssuer(t, "rsa"))
	for subject, want := range map[string]string{
		"auth0|123": "auth0|123", "me@example.com": "me@example.com", `a","status":"200`: "a%22%2C%22status%22:%22200", "Zoë\n": "Zo%C3%AB%0A",
	} {
		got, err := d.ask(t, d.token(t, "rsa", jose.RS256, map[string]any{"sub": subject}))
		if err != nil || got.PrincipalID != want {
			t.Errorf("%q: got %q, %v, want %q", subject, got.PrincipalID, err, want)
		}
	}
}

// FuzzHandle: whatever is sent, nobody is let in without the issuer's signature,
// nothing panics, and the log has its one line.
func FuzzHandle(f *testing.F) {
	pinned := `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	rules := finetune.TokenRules{Issuer: "https://login.example.com", Audiences: []string{"a"}, JWKS: json.RawMessage(pinned), ScopePrefix: "tuneline/"}
	encode := base64.RawURLEncoding.EncodeToString
	for _, header := range []string{`{"alg":"EdDSA","kid":"a"}`, `{"alg":"none","kid":"a"}`, `{"alg":"HS256","kid":"a","crit":["b64"],"b64":false}`, `{"alg":"EdDSA","kid":"a","typ":{}}`} {
		f.Add("Bearer "+encode([]byte(header))+"."+encode([]byte(`{"iss":"https://login.example.com"}`))+"."+encode(make([]byte, 64)), method)
	}
	f.Add("Bearer ..", method)
	f.Add("", "")
	f.Fuzz(func(t *testing.T, header, arn string) {
		d := newDesk(t, rules, nil)
		got, err := d.Handle(t.Context(), events.APIGatewayCustomAuthorizerRequest{AuthorizationToken: header, MethodArn: arn})
		if err == nil {
			t.Errorf("let in: %+v", got)
		}
		if strings.Count(d.log.String(), "\n") != 1 {
			t.Errorf("the log says %s", d.log)
		}
	})
}

// FuzzModels: only names of models come out of scopes, each once.
func FuzzModels(f *testing.F) {
	for _, scope := range []string{`"tuneline/a tuneline/*"`, `["tuneline/a","tuneline/b c"]`, `null`, `"tuneline/a/../b"`} {
		f.Add([]byte(scope))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var c claims
		if json.Unmarshal(text, &c.Scope) != nil {
			return
		}
		models := c.models("tuneline/")
		for i, name := range models {
			if name == finetune.EveryModel && len(models) == 1 {
				return
			}
			if finetune.CheckModelName(name) != nil || i > 0 && models[i-1] >= name {
				t.Errorf("got %q of %s", models, text)
			}
		}
	})
}
