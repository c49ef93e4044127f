package rehearsal

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuneline/tuneline/internal/finetune"
	"github.com/tuneline/tuneline/internal/rehearsal/bedrock"
)

// tokenStack is a stack whose API takes bearer tokens.
const tokenStack = "internal/rehearsal/testdata/jwt"

// audience is the aud of the tests' tokens.
const audience = "tuneline-tests"

// issuer is an OpenID Connect issuer on loopback.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey
	// down makes it answer nothing but errors.
	down atomic.Bool
}

// keyID is the kid of the issuer's key.
const keyID = "tests-1"

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{key: newKey(t)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.answer(w, map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.answer(w, map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID,
			"n": unpadded(i.key.N.Bytes()), "e": unpadded(big.NewInt(int64(i.key.E)).Bytes()),
		}}})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (i *issuer) answer(w http.ResponseWriter, document any) {
	if i.down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document) // a client that leaves is the test's affair
}

// startTokens starts a stack that takes this issuer's tokens. The template names
// an issuer that nobody can reach, so the functions are told otherwise.
func startTokens(t *testing.T, i *issuer, change ...func(*bedrock.Scenario)) *fixture {
	t.Helper()
	return startIssued(t, tokenStack, i, change...)
}

// startIssued is startTokens with another stack.
func startIssued(t *testing.T, stack string, i *issuer, change ...func(*bedrock.Scenario)) *fixture {
	t.Helper()
	rules, err := json.Marshal(finetune.TokenRules{Issuer: i.URL, Audiences: []string{audience}, ScopePrefix: "tuneline/"})
	if err != nil {
		t.Fatal(err)
	}
	return startWith(t, stack, "default", map[string]string{"TUNELINE_TOKEN_RULES": string(rules)}, change...)
}

// tokenParts are a token before it is signed.
type tokenParts struct {
	header, claims map[string]any
	// sign makes the signature of what is signed.
	sign func(signed string) []byte
}

// token is a good token of the issuer with these scopes, mended as the test
// wants.
func (i *issuer) token(t *testing.T, scope string, mend ...func(*tokenParts)) string {
	t.Helper()
	now := time.Now()
	p := &tokenParts{
		header: map[string]any{"alg": "RS256", "typ": "JWT", "kid": keyID},
		claims: map[string]any{
			"iss": i.URL, "aud": audience, "sub": "tests", "scope": scope,
			"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		},
		sign: rs256(t, i.key),
	}
	for _, m := range mend {
		m(p)
	}
	var signed string
	for n, part := range []map[string]any{p.header, p.claims} {
		raw, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		signed += []string{"", "."}[n] + unpadded(raw)
	}
	return signed + "." + unpadded(p.sign(signed))
}

func rs256(t *testing.T, key *rsa.PrivateKey) func(string) []byte {
	return func(signed string) []byte {
		sum := sha256.Sum256([]byte(signed))
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
}

// confused signs with the issuer's public key as if it were a shared secret.
func (i *issuer) confused(t *testing.T) func(*tokenParts) {
	return func(p *tokenParts) {
		der, err := x509.MarshalPKIXPublicKey(&i.key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		p.header["alg"] = "HS256"
		p.sign = func(signed string) []byte {
			mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
			mac.Write([]byte(signed))
			return mac.Sum(nil)
		}
	}
}

// claiming sets a claim; nil takes it out.
func claiming(name string, value any) func(*tokenParts) {
	return func(p *tokenParts) {
		if p.claims[name] = value; value == nil {
			delete(p.claims, name)
		}
	}
}

func unpadded(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// bearing is a signer that sends a token.
func bearing(token string) signer {
	return signer{mend: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }}
}
