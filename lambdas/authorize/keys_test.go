package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/tuneline/tuneline/internal/finetune"
)

// step is a moment at which a token is shown.
type step struct {
	name string
	// passes is the time since the step before, and change what the issuer does
	// from here on.
	passes time.Duration
	change func(*issuer)
	kid    string
	// want is the word of the log, and fetches how often the keys were read so far.
	want    string
	fetches int
}

func (d *desk) play(t *testing.T, steps []step) {
	t.Helper()
	for _, s := range steps {
		d.time = d.time.Add(s.passes)
		if s.change != nil {
			d.issuer.set(func() { s.change(d.issuer) })
		}
		_, err := d.ask(t, d.token(t, s.kid, jose.RS256, nil))
		text := d.log.String()
		if !strings.Contains(text, `"msg":"`+s.want+`"`) || (err == nil) != (s.want == "let in") || d.issuer.count() != s.fetches {
			t.Errorf("%s: %v after %d fetches, the log says %s; want %s after %d", s.name, err, d.issuer.count(), text, s.want, s.fetches)
		}
		if s.want == "failed" && strings.Contains(err.Error(), "Unauthorized") {
			t.Errorf("%s: a failure of ours is told as one of the caller's", s.name)
		}
	}
}

func broken(i *issuer) {
	i.change = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }
}

func mended(i *issuer) { i.change = nil }

// tenMinutes and aDay are how long a key counts that the issuer withdrew, and how long
// while it cannot be reached, as docs/security.md has them.
const (
	tenMinutes = 10 * time.Minute
	aDay       = 24 * time.Hour
)

// TestRotation: keys are read now and then, a new one is found when a token names
// it, and an old one is gone with the next reading.
func TestRotation(t *testing.T) {
	i := newIssuer(t, "rsa")
	both, next := published(t, "rsa", "rsa-next"), published(t, "rsa-next")
	newDesk(t, finetune.TokenRules{}, i).play(t, []step{
		{"first", 0, nil, "rsa", "let in", 1},
		{"again", time.Minute, nil, "rsa", "let in", 1},
		{"a new key, in between", time.Minute, func(i *issuer) { i.keys = both }, "rsa-next", "let in", 2},
		{"the old one still", 0, nil, "rsa", "let in", 2},
		{"a key nobody has", 0, nil, "nobody", "refused", 2},
		{"once more, soon", pause - time.Second, nil, "nobody", "refused", 2},
		{"once more, later", time.Second, nil, "nobody", "refused", 3},
		{"the old one withdrawn, unread", tenMinutes - time.Second, func(i *issuer) { i.keys = next }, "rsa", "let in", 3},
		{"and read", time.Second, nil, "rsa", "refused", 4},
		{"the new one", 0, nil, "rsa-next", "let in", 4},
	})
}

// TestUnreachable: while the issuer cannot be reached, its keys are used on for
// a day; what they cannot tell is nobody's fault but ours.
func TestUnreachable(t *testing.T) {
	i := newIssuer(t, "rsa")
	newDesk(t, finetune.TokenRules{}, i).play(t, []step{
		{"nothing known", 0, broken, "rsa", "failed", 1},
		{"again at once", 0, nil, "rsa", "failed", 1},
		{"again soon", pauseWithout, nil, "rsa", "failed", 2},
		{"back", pauseWithout, mended, "rsa", "let in", 3},
		{"gone again, keys old", tenMinutes, broken, "rsa", "let in", 4},
		{"not asked at once", pause - time.Second, nil, "rsa", "let in", 4},
		{"but in a while", time.Second, nil, "rsa", "let in", 5},
		{"a key nobody knows", pause, nil, "rsa-next", "failed", 6},
		{"almost a day", aDay - tenMinutes - 2*pause - time.Second, nil, "rsa", "let in", 7},
		{"a day", time.Second, nil, "rsa", "failed", 7},
		{"back", pause, mended, "rsa", "let in", 8},
	})
}

// TestNote: the log says when keys are used that could not be read anew.
func TestNote(t *testing.T) {
	d := newDesk(t, finetune.TokenRules{}, newIssuer(t, "rsa"))
	d.play(t, []step{{"first", 0, nil, "rsa", "let in", 1}, {"later", tenMinutes, broken, "rsa", "let in", 2}})
	if text := d.log.String(); !strings.Contains(text, "as of 2026-11-23T12:00:00Z") || !strings.Contains(text, "answers 503") {
		t.Errorf("the log says %s", text)
	}
}

// TestPlaces: keys come from where the rules say, or the discovery document of
// exactly this issuer.
func TestPlaces(t *testing.T) {
	i := newIssuer(t, "rsa")
	for name, test := range map[string]struct {
		rules   finetune.TokenRules
		claimed string
		want    string
	}{
		"discovered":             {finetune.TokenRules{}, "", "let in"},
		"named":                  {finetune.TokenRules{Issuer: "https://login.example.com/", JWKSURL: i.URL + "/keys"}, "", "let in"},
		"pinned":                 {finetune.TokenRules{Issuer: "https://login.example.com", JWKS: published(t, "rsa")}, "", "let in"},
		"discovered of another":  {finetune.TokenRules{}, "https://evil.example.com", "is of another issuer than"},
		"over HTTP":              {finetune.TokenRules{JWKSURL: "http://login.example.com/keys"}, "", "is not https"},
		"from a file":            {finetune.TokenRules{JWKSURL: "file:///etc/passwd"}, "", "no URL"},
		"discovered over HTTP":   {finetune.TokenRules{Issuer: "http://login.example.com"}, "", "is not https"},
		"with a user":            {finetune.TokenRules{JWKSURL: "https://a:b@login.example.com/keys"}, "", "no URL"}, //nolint:gosec // invented: a URL with a user is refused
		"as something else":      {finetune.TokenRules{JWKSURL: "gopher://127.0.0.1/keys"}, "", "is not https"},
		"at a name like a local": {finetune.TokenRules{JWKSURL: "http://127.0.0.1.example.com/keys"}, "", "is not https"},
	} {
		t.Run(name, func(t *testing.T) {
			i.set(func() { i.claimed = test.claimed })
			d := newDesk(t, test.rules, i)
			_, err := d.ask(t, d.token(t, "rsa", jose.RS256, nil))
			if text := d.log.String(); !strings.Contains(text, test.want) || (err == nil) != (test.want == "let in") {
				t.Errorf("got %v, the log says %s, want %s", err, text, test.want)
			}
		})
	}
}

// TestAnswersOfTheIssuer: what is no set of keys lets nobody in, and is told as a
// failure of ours.
func TestAnswersOfTheIssuer(t *testing.T) {
	i := newIssuer(t, "rsa")
	say := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if _, err := w.Write([]byte(text)); err != nil {
				t.Error(err)
			}
		}
	}
	weak := func(bits int) http.HandlerFunc {
		n := base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, bits/8))
		return say(`{"keys":[{"kty":"RSA","kid":"rsa","e":"AQAB","n":"` + n + `"}]}`)
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"nothing":             {say(""), "no JSON Web Key Set"},
		"a page":              {say("<html>"), "no JSON Web Key Set"},
		"no keys":             {say(`{"keys":[]}`), "no key that verifies"},
		"a secret":            {say(`{"keys":[{"kty":"oct","kid":"rsa","k":"AAAA"}]}`), "no key that verifies"},
		"for encryption":      {say(strings.ReplaceAll(string(i.keys), `"sig"`, `"enc"`)), "no key that verifies"},
		"a key of 1024 bits":  {weak(1024), "no key that verifies"},
		"a key of 2047 bits":  {weak(2047), "no key that verifies"},
		"without a kid":       {say(strings.ReplaceAll(string(i.keys), `"kid":"rsa",`, ``)), "no key that verifies"},
		"too long":            {say(strings.Repeat(" ", maxDocument+1)), "more than"},
		"too many":            {say(`{"keys":[` + strings.Repeat("{},", maxKeys) + `{}]}`), "101 keys"},
		"not found":           {http.NotFound, "answers 404"},
		"a connection closed": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			i.set(func() { i.change = test.answer })
			d := newDesk(t, finetune.TokenRules{JWKSURL: i.URL + "/keys"}, i)
			got, err := d.ask(t, d.token(t, "rsa", jose.RS256, nil))
			if text := d.log.String(); err == nil || !strings.Contains(text, test.want) || !strings.Contains(text, `"msg":"failed"`) {
				t.Errorf("got %+v, %v, the log says %s, want %s", got, err, text, test.want)
			}
		})
	}
}

// TestRedirects: keys and discovery document are read where they are said to be and
// nowhere else, though what is elsewhere would do.
func TestRedirects(t *testing.T) {
	i, elsewhere := newIssuer(t, "rsa"), newIssuer(t, "rsa")
	elsewhere.set(func() { elsewhere.claimed = i.URL })
	i.set(func() {
		i.change = func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound) //nolint:gosec // the test says where
		}
	})
	for name, rules := range map[string]finetune.TokenRules{"keys": {JWKSURL: i.URL + "/keys"}, "discovery document": {}} {
		d := newDesk(t, rules, i)
		_, err := d.ask(t, d.token(t, "rsa", jose.RS256, nil))
		if text := d.log.String(); err == nil || elsewhere.count() != 0 || !strings.Contains(text, "a redirect, which is not followed") {
			t.Errorf("%s: got %v, keys were read elsewhere %d times, the log says %s", name, err, elsewhere.count(), text)
		}
	}
	d := newDesk(t, finetune.TokenRules{JWKSURL: elsewhere.URL + "/keys"}, i)
	if _, err := d.ask(t, d.token(t, "rsa", jose.RS256, nil)); err != nil {
		t.Errorf("what is elsewhere lets nobody in: %v", err)
	}
}

// TestKeysThatAreNotUnderstood: one odd key takes no other with it.
func TestKeysThatAreNotUnderstood(t *testing.T) {
	var set map[string][]any
	if err := json.Unmarshal(published(t, "rsa"), &set); err != nil {
		t.Fatal(err)
	}
	odd := []any{map[string]any{"kty": "new", "kid": "x"}, "text", map[string]any{"kty": "EC", "crv": "P-256", "kid": "y", "x": "AA", "y": "AA"}, nil}
	text, err := json.Marshal(map[string]any{"keys": append(odd, set["keys"]...)})
	if err != nil {
		t.Fatal(err)
	}
	found, err := readKeys(text)
	if err != nil || len(found) != 1 || found[0].KeyID != "rsa" {
		t.Errorf("got %v, %v", found, err)
	}
}

// TestPinnedKeysMustBeKeys: the function does not start with rules that let
// nobody in.
func TestPinnedKeysMustBeKeys(t *testing.T) {
	if _, err := newHandler(finetune.TokenRules{JWKS: json.RawMessage(`{"keys":[]}`)}); err == nil || !strings.Contains(err.Error(), "pinned") {
		t.Errorf("got %v", err)
	}
}

// TestAlgorithmOfAKey: a key that is for one algorithm verifies no other.
func TestAlgorithmOfAKey(t *testing.T) {
	key := jose.JSONWebKey{Key: signers()["rsa"].Public(), KeyID: "rsa", Algorithm: "RS256"}
	set := keys{key}
	for algorithm, want := range map[string]bool{"RS256": true, "PS256": false, "RS512": false, "ES256": false, "EdDSA": false} {
		if _, _, err := set.find(t.Context(), "rsa", algorithm); (err == nil) != want {
			t.Errorf("%s: got %v", algorithm, err)
		}
	}
}

// FuzzReadKeys: what an issuer answers is keys that verify, or an error.
func FuzzReadKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"AA","y":"AA"},{"kty":"RSA","kid":"b","n":"AQAB","e":"AQAB","x5c":["AA"]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := readKeys(text)
		if (err == nil) != (len(found) > 0) {
			t.Errorf("got %d keys and %v", len(found), err)
		}
		for _, key := range found {
			if key.KeyID == "" || !key.IsPublic() || !key.Valid() {
				t.Errorf("got the key %+v", key)
			}
		}
	})
}
