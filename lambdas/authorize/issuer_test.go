package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	jose "github.com/go-jose/go-jose/v4"

	"github.com/tuneline/tuneline/internal/finetune"
)

// signers are private keys by the kid they are published under, made once.
var signers = sync.OnceValue(func() map[string]crypto.Signer {
	must := func(key crypto.Signer, err error) crypto.Signer {
		if err != nil {
			panic(err)
		}
		return key
	}
	rsa1, err := rsa.GenerateKey(rand.Reader, 2048)
	all := map[string]crypto.Signer{"rsa": must(rsa1, err)}
	rsa2, err := rsa.GenerateKey(rand.Reader, 2048)
	all["rsa-next"] = must(rsa2, err)
	for kid, curve := range map[string]elliptic.Curve{"p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		all[kid] = must(key, err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	all["ed"] = must(ed, err)
	return all
})

// published is the public keys as an issuer publishes them.
func published(t *testing.T, kids ...string) []byte {
	t.Helper()
	var set jose.JSONWebKeySet
	for _, kid := range kids {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: signers()[kid].Public(), KeyID: kid, Use: "sig"})
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// issuer is an OpenID Connect issuer over HTTP, on this machine.
type issuer struct {
	*httptest.Server
	mu sync.Mutex
	// keys is what it publishes; a change comes first and may answer in its place.
	keys   []byte
	change http.HandlerFunc
	// claimed is the issuer its discovery document names; "" is its own address.
	claimed string
	fetches int
}

func newIssuer(t *testing.T, kids ...string) *issuer {
	i := &issuer{keys: published(t, kids...)}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		switch {
		case i.change != nil:
			i.fetches++
			i.change(w, r)
		case r.URL.Path == "/.well-known/openid-configuration":
			named := i.claimed
			if named == "" {
				named = i.URL
			}
			if err := json.NewEncoder(w).Encode(map[string]string{"issuer": named, "jwks_uri": i.URL + "/keys"}); err != nil {
				t.Error(err)
			}
		default:
			i.fetches++
			if _, err := w.Write(i.keys); err != nil {
				t.Error(err)
			}
		}
	}))
	t.Cleanup(i.Close)
	return i
}

// set changes what the issuer does from now on.
func (i *issuer) set(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

// noon is when tests take place.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// desk is a handler with an issuer, a clock and a log.
type desk struct {
	handler
	issuer *issuer
	log    *bytes.Buffer
	time   time.Time
}

func newDesk(t *testing.T, rules finetune.TokenRules, i *issuer) *desk {
	t.Helper()
	d := &desk{issuer: i, log: new(bytes.Buffer), time: noon}
	if rules.Issuer == "" {
		rules.Issuer = i.URL
	}
	if rules.Audiences == nil {
		rules.Audiences = []string{"tuneline", "other"}
	}
	if rules.ScopePrefix == "" {
		rules.ScopePrefix = "tuneline/"
	}
	h, err := newHandler(rules)
	if err != nil {
		t.Fatal(err)
	}
	d.handler = h
	d.handler.log = slog.New(slog.NewJSONHandler(d.log, nil))
	d.now = func() time.Time { return d.time }
	if f, ok := h.keys.(*fetched); ok {
		f.now = d.now
	}
	return d
}

// claimsOf are those of a good token, changed; a nil takes one away.
func (d *desk) claimsOf(changes map[string]any) map[string]any {
	all := map[string]any{
		"iss": d.rules.Issuer, "aud": "tuneline", "sub": "client-1", "scope": "openid tuneline/support tuneline/sales",
		"exp": d.time.Add(time.Hour).Unix(), "nbf": d.time.Unix(), "iat": d.time.Unix(),
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

// token is a signed one. A kid that nobody has is of the first key.
func (d *desk) token(t *testing.T, kid string, algorithm jose.SignatureAlgorithm, changes map[string]any) string {
	t.Helper()
	text, err := json.Marshal(d.claimsOf(changes))
	if err != nil {
		t.Fatal(err)
	}
	key, known := signers()[kid]
	if !known {
		key = signers()["rsa"]
	}
	return signed(t, key, algorithm, map[string]any{"kid": kid, "typ": "JWT"}, text)
}

// signed signs any payload under any header.
func signed(t *testing.T, key any, algorithm jose.SignatureAlgorithm, header map[string]any, payload []byte) string {
	t.Helper()
	options := &jose.SignerOptions{}
	for name, value := range header {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	object, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const method = "arn:aws:execute-api:us-east-1:111122223333:abcde12345/live/POST/model/support/converse"

// ask shows a token for a method, and checks what is always so: one line in the
// log, without the token.
func (d *desk) ask(t *testing.T, token string) (events.APIGatewayCustomAuthorizerResponse, error) {
	t.Helper()
	d.log.Reset()
	got, err := d.Handle(t.Context(), events.APIGatewayCustomAuthorizerRequest{Type: "TOKEN", AuthorizationToken: "Bearer " + token, MethodArn: method})
	text := d.log.String()
	if strings.Count(text, "\n") != 1 {
		t.Errorf("the log has %d lines: %s", strings.Count(text, "\n"), text)
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 16 && strings.Contains(text, part) {
			t.Errorf("the log holds a part of the token: %s", text)
		}
	}
	return got, err
}
